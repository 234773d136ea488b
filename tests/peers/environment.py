"""Throw-away environments for foreign programs: pinned, made on demand, outside the repository.

They stand in the user's cache folder (``$XDG_CACHE_HOME/kiosk-peers``), one folder per program and version.
A folder without its `COMPLETE` mark was interrupted and is made anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

COMPLETE: Final = "complete"
INSTALL_WITHIN_S: Final = 100.0  # under the limit of one test


class PeerMissing(Exception):
    """A foreign program cannot be had here. Its text says why."""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kiosk-peers"


def python_peer(name: str, *requirements: str, dependencies: bool = True) -> Path:
    """Return the interpreter of an environment that holds exactly `requirements`, each pinned with ``==``."""
    assert all("==" in requirement for requirement in requirements)

    def install(place: Path) -> None:
        uv = shutil.which("uv")
        python = place / "bin" / "python"
        if uv is not None:
            run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)])
            command = [uv, "pip", "install", "--quiet", "--python", str(python)]
        else:
            run([sys.executable, "-m", "venv", "--clear", str(place)])
            command = [str(python), "-m", "pip", "install", "--quiet"]
        run([*command, *([] if dependencies else ["--no-deps"]), *requirements])

    pins = "+".join(requirement.replace("==", "-") for requirement in requirements)
    tag = f"py{sys.version_info.major}{sys.version_info.minor}"
    return made(f"{name}-{tag}-{pins}", install) / "bin" / "python"


def node_peer(name: str, package: str, version: str) -> Path:
    """Return the folder whose node_modules holds ``package@version``."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise PeerMissing("node and npm are not installed")

    def install(place: Path) -> None:
        (place / "package.json").write_text('{"private": true}\n')
        run([npm, "install", "--silent", "--no-audit", "--no-fund", f"{package}@{version}"], place)

    return made(f"{name}-{version}", install)


def debian_peer(name: str, *packages: str) -> Path:
    """Return a folder with `packages`, each pinned with ``=``, unpacked and not installed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise PeerMissing("this is no Debian")

    def install(place: Path) -> None:
        run(["apt-get", "download", "--quiet", *packages], place)
        for package in sorted(place.glob("*.deb")):
            run(["dpkg-deb", "--extract", str(package), str(place)], place)

    return made("-".join((name, *packages)), install)


def made(folder: str, install: Callable[[Path], None]) -> Path:
    """Return the cache folder `folder`, filled by `install` if it is not complete yet."""
    place = cache() / folder
    if not (place / COMPLETE).exists():
        shutil.rmtree(place, ignore_errors=True)
        try:
            place.mkdir(parents=True)
            install(place)
        except (PeerMissing, OSError):
            shutil.rmtree(place, ignore_errors=True)
            raise
        (place / COMPLETE).touch()
    return place


def run(command: Sequence[str], place: Path | None = None) -> str:
    """Run an installer. Raises PeerMissing with the last line it said."""
    try:
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerMissing(f"{Path(command[0]).name} failed: {error}") from error
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise PeerMissing(f"{Path(command[0]).name} failed: {said[-1] if said else done.returncode}")
    return done.stdout
