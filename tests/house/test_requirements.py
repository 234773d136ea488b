"""What is imported is declared, what is declared is locked, and the lock names no place to fetch from."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
STRANGERS = "tests/peers/clients/"  # foreign programs, run in environments of their own
OURS = {"kiosk", "drivers", "semantics", "tests"}
RUNTIME = [Requirement(r) for r in PROJECT["dependencies"]]
CHARTS = [Requirement(r) for r in EXTRAS["charts"]]
DEVELOPMENT = [*RUNTIME, *CHARTS, *(Requirement(r) for r in EXTRAS["dev"])]
LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+?)(?: ;.*)? \\$", re.MULTILINE)


def lock(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {canonicalize_name(m["name"]): m["version"] for m in LOCKED.finditer(text)}


def imported(place: str) -> dict[str, str]:
    """Return the first file that imports each foreign top-level module."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / place).rglob("*.py")):
        if path.relative_to(ROOT).as_posix().startswith(STRANGERS):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], path.relative_to(ROOT).as_posix())
    return {n: path for n, path in found.items() if n not in OURS and n not in sys.stdlib_module_names}


def undeclared(place: str, declared: list[Requirement]) -> list[str]:
    names = {canonicalize_name(r.name) for r in declared}
    owners = packages_distributions()
    return [
        f"{path}: {module} is imported and not declared in pyproject.toml"
        for module, path in imported(place).items()
        if names.isdisjoint(canonicalize_name(owner) for owner in owners.get(module, [module]))
    ]


@pytest.mark.parametrize(
    ("place", "declared"),
    [
        ("drivers", RUNTIME),
        ("kiosk", RUNTIME),
        ("semantics", [*RUNTIME, *CHARTS]),
        ("tests", DEVELOPMENT),
    ],
)
def test_what_is_imported_is_declared(place, declared):
    assert undeclared(place, declared) == []


def test_the_rule_catches_an_undeclared_import():
    found = undeclared("kiosk", [r for r in RUNTIME if r.name != "starlette" and r.name != "transitions"])
    assert any("kiosk/flow/machine.py: transitions is imported" in line for line in found)


@pytest.mark.parametrize(("name", "declared"), [("requirements.txt", RUNTIME), ("requirements-dev.txt", DEVELOPMENT)])
def test_what_is_declared_is_locked(name, declared):
    locked = lock(name)
    unlocked = [
        f"{r}: {name} has {locked.get(canonicalize_name(r.name))}; run tools/lock.sh"
        for r in declared
        if r.name != PROJECT["name"]
        if not r.specifier.contains(locked.get(canonicalize_name(r.name), ""), prereleases=True)
    ]
    assert unlocked == []


def test_tests_run_with_the_versions_that_the_terminal_runs_with():
    runtime = lock("requirements.txt")
    assert runtime
    assert runtime.items() <= lock("requirements-dev.txt").items()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_everything_locked_has_hashes_and_nothing_a_host(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[A-Za-z])", text)[1:]
    assert len(entries) == len(lock(name))
    assert [e.splitlines()[0] for e in entries if "--hash=sha256:" not in e] == []
    assert "://" not in text
