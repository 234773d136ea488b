"""Rules about what our code may call: one table of banned calls, what to use instead, and who may.

Names are resolved through the imports of each file, so ``from time import sleep as nap`` is found at
``nap()``, and so is a banned name that is handed on without being called. What a rule cannot see is a name
made at run time (``getattr(time, name)``); nobody does that by accident.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("kiosk", "drivers", "semantics")

COMPILERS = ("semantics/codegen.py", "semantics/step_compiler.py")
"""Where the norm monitor is compiled: from checked expression trees, never from the text of a model file."""

RIM = (
    "drivers/base/clock.py",
    "drivers/base/line.py",
    "drivers/sim/pty.py",
    "kiosk/compose.py",
    "kiosk/cli.py",
    "kiosk/ui/window.py",
    "kiosk/web/*",
    "kiosk/bank/server.py",
)
"""Where bytes, pixels and real time enter; everything else is given a clock."""


@dataclass(frozen=True)
class Rule:
    """`banned` is a dotted name, or ``module.*`` for all of it but the names in `harmless`."""

    banned: str
    instead: str
    allowed: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()

    def forbids(self, name: str) -> bool:
        if not self.banned.endswith(".*"):
            return name == self.banned or name.startswith(self.banned + ".")
        return name.startswith(self.banned[:-1]) and name not in self.harmless


RULES = (
    Rule(
        "time.*", "the Clock handed in (drivers.base.clock); a wait is a deadline in next_deadline_ms()", RIM
    ),
    Rule("asyncio.sleep", "a deadline on the Clock handed in", RIM),
    Rule("threading.Timer", "a deadline in next_deadline_ms() and tick()", RIM),
    Rule("datetime.datetime.now", "the Calendar handed in (drivers.base.clock)", RIM),
    Rule("datetime.datetime.utcnow", "the Calendar handed in; it is aware", RIM),
    Rule("datetime.datetime.today", "the Calendar handed in", RIM),
    Rule("datetime.date.today", "the Calendar handed in", RIM),
    Rule("random.*", "random.Random(seed), the seed handed in and printed", harmless=("random.Random",)),
    Rule("yaml.load", "the strict loader (kiosk.flow), which keeps file, line and column"),
    Rule("yaml.safe_load", "the strict loader (kiosk.flow), which keeps file, line and column"),
    Rule("yaml.full_load", "the strict loader (kiosk.flow), which keeps file, line and column"),
    Rule("yaml.unsafe_load", "the strict loader (kiosk.flow), which keeps file, line and column"),
    Rule("eval", "a name looked up in a table of what is offered", COMPILERS),
    Rule("exec", "a name looked up in a table of what is offered", COMPILERS),
    Rule("unittest.mock", "a simulator, or a small object written for the test"),
)

UNSEEDED = "random.Random"


def names_of_imports(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name of a file stands for, dotted."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known


def dotted(node: ast.AST, known: dict[str, str]) -> str | None:
    """Return the full name behind an expression such as ``dt.datetime.now``, or None."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id if node.id in {"eval", "exec"} else None)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, known)
        return f"{owner}.{node.attr}" if owner else None
    return None


def uses(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything imported and everything named through an import."""
    tree = ast.parse(source)
    known = names_of_imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.Name | ast.Attribute):
            name = dotted(node, known)
            if name is not None:
                yield node.lineno, name
        elif isinstance(node, ast.Call) and not node.args and dotted(node.func, known) == UNSEEDED:
            yield node.lineno, f"random.{UNSEEDED} without a seed"


def offences(path: str, source: str) -> list[str]:
    """Return ``path:line: name: use ... instead`` for each broken rule, once per line and name."""
    found = {}
    for line, name in uses(source):
        for rule in RULES:
            if rule.forbids(name) and not any(fnmatch(path, pattern) for pattern in rule.allowed):
                found.setdefault((line, rule.banned), f"{path}:{line}: {name} is banned; use {rule.instead}")
    return list(found.values())


def our_files() -> list[Path]:
    return sorted(path for place in PLACES for path in (ROOT / place).rglob("*.py"))


def test_nobody_calls_what_is_banned():
    assert our_files(), "no source found: the rule looks in the wrong place"
    broken = [
        offence
        for path in our_files()
        for offence in offences(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
    ]
    assert not broken, "\n" + "\n".join(broken)


@pytest.mark.parametrize(
    ("sample", "line", "banned"),
    [
        ("import time\n\ntime.sleep(1)", 3, "time.sleep"),
        ("from time import sleep as nap\nnap(1)", 1, "time.sleep"),
        ("import time as t\nf = t.monotonic", 2, "time.monotonic"),
        ("from datetime import datetime\ndatetime.now()", 2, "datetime.datetime.now"),
        ("import datetime as dt\ndt.datetime.utcnow()", 2, "datetime.datetime.utcnow"),
        ("import datetime\ndatetime.date.today()", 2, "datetime.date.today"),
        ("import threading\nthreading.Timer(1, print)", 2, "threading.Timer"),
        ("import asyncio\nasync def f():\n    await asyncio.sleep(1)", 3, "asyncio.sleep"),
        ("import random\nrandom.choice([1])", 2, "random.choice"),
        ("from random import randint", 1, "random.randint"),
        ("import random\nrandom.Random()", 2, "without a seed"),
        ("from random import Random\nRandom()", 2, "without a seed"),
        ("import yaml\nyaml.safe_load('a')", 2, "yaml.safe_load"),
        ("from yaml import load", 1, "yaml.load"),
        ("eval('1')", 1, "eval"),
        ("def f():\n    exec('1')", 2, "exec"),
        ("from unittest import mock", 1, "unittest.mock"),
        ("from unittest.mock import Mock", 1, "unittest.mock.Mock"),
        ("import unittest.mock", 1, "unittest.mock"),
    ],
)
def test_the_rule_catches(sample, line, banned):
    found = offences("kiosk/services/sample.py", sample)
    assert found
    assert found[0].startswith(f"kiosk/services/sample.py:{line}: ")
    assert banned in found[0]
    assert "; use " in found[0]


@pytest.mark.parametrize(
    "sample",
    [
        "from random import Random\nRandom(7).choice([1])",
        "import random\ndef f(seed: int) -> random.Random:\n    return random.Random(seed)",
        "from datetime import UTC, datetime\ndatetime(2026, 1, 1, tzinfo=UTC)",
        "def f(clock):\n    return clock.now_ms()",
        "class A:\n    def eval(self): ...\nA().eval()",
        "import threading\nthreading.Thread(target=print)",
    ],
)
def test_the_rule_lets_pass(sample):
    assert offences("kiosk/services/sample.py", sample) == []


def test_the_rim_may_use_real_time_and_nobody_may_eval():
    assert offences("drivers/base/line.py", "import time\ntime.sleep(1)") == []
    assert offences("kiosk/web/bench/live.py", "import asyncio\nasyncio.sleep(1)") == []
    assert offences("drivers/base/line.py", "eval('1')")
