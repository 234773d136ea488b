"""`kiosk doctor`: what this machine has and lacks, each with what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.config import ROOT, load_config
from kiosk.run import has_display
from kiosk.strict_yaml import DocumentError

PYTHON_MIN: Final = (3, 11)
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. What is `optional` may be missing."""

    what: str
    well: bool
    found: str
    remedy: str = ""
    optional: bool = False


def examine(folder: Path | None, var: Path) -> list[Finding]:
    """Look at everything. Changes nothing but a file in `var` that is gone again."""
    return [*_python(), *_packages(), *_config(folder), *_screen(), *_fonts(), *_ports(), *_var(var)]


def _python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON_MIN))
    yield Finding("Python", sys.version_info >= PYTHON_MIN, found, f"Install Python {wanted} or newer.")


def _packages() -> Iterator[Finding]:
    file = ROOT / "pyproject.toml"
    if not file.exists():
        yield Finding("packages", True, "installed as a package; its requirements came with it")
        return
    wanted = tomllib.loads(file.read_text(encoding="utf-8"))["project"]["dependencies"]
    missing = []
    for requirement in wanted:
        name = requirement.partition(">")[0].partition("[")[0]
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    found = f"{len(wanted) - len(missing)} of {len(wanted)}"
    yield Finding("packages", not missing, found, f"Missing: {', '.join(missing)}. Install them (uv sync).")


def _config(folder: Path | None) -> Iterator[Finding]:
    try:
        config = load_config(folder)
    except (DocumentError, OSError) as error:
        yield Finding("configuration", False, "cannot be read", str(error))
        return
    yield Finding("configuration", True, str(config.folder))
    for name in config.devices.names:
        line = config.devices.of(name).line
        if line.startswith("/"):
            well = os.access(line, os.R_OK | os.W_OK)
            remedy = "Plug the device in, and put this user into the group that owns the port (often dialout)."
            yield Finding(f"{name} on {line}", well, "can be opened" if well else "cannot be opened", remedy)


def _screen() -> Iterator[Finding]:
    seen = has_display()
    remedy = "Set DISPLAY or WAYLAND_DISPLAY for a window; without one the bench page is the terminal's screen."
    yield Finding("display", seen, "there" if seen else "none", remedy, optional=True)
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    remedy = "Install chromium to run the tests of the pages; any browser shows the bench."
    yield Finding("chromium", browser is not None, browser or "none", remedy, optional=True)


def _fonts() -> Iterator[Finding]:
    from kiosk.ui.type import FONTS

    missing = [str(path) for path in FONTS.values() if not path.exists()]
    found = f"{len(FONTS) - len(missing)} of {len(FONTS)}"
    yield Finding("fonts", not missing, found, f"Missing: {', '.join(missing)}. Restore them from the repository.")


def _ports() -> Iterator[Finding]:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            found, well = f"a port of loopback can be opened ({server.getsockname()[1]})", True
    except OSError as error:
        found, well = str(error), False
    yield Finding("ports", well, found, "The bench and the demo bank listen on 127.0.0.1: allow it.")
    try:
        near, far = os.openpty()
        os.close(near)
        os.close(far)
        found, well = "can be opened", True
    except OSError as error:
        found, well = str(error), False
    yield Finding("pseudo-terminals", well, found, "Mount /dev/pts; simulators on `line: pty` need it.", optional=True)


def _var(var: Path) -> Iterator[Finding]:
    try:
        var.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=var) as file:
            file.write(b"written by doctor")
            os.fsync(file.fileno())
        free_mb = shutil.disk_usage(var).free >> 20
        yield Finding("var", free_mb > 100, f"{var} can be written, {free_mb} MB free", "Free at least 100 MB.")
    except OSError as error:
        remedy = "The journal lives there: make it writable for this user, or name another with --var."
        yield Finding("var", False, f"{var}: {error}", remedy)
