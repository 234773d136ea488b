"""The benchmarks of this project beside their budgets (design.md, section 13), measured on the machine at hand.

The measurements live under ``tests/benchmarks`` and run by themselves, too. One that is not there is said to be
missing, one that breaks is said to have broken; neither is ever a budget met.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

Verdict = Literal["met", "not met", "no budget", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure. `budget` is the most (or the least, if `at_least`) it may be; None if none is set."""

    what: str
    value: float | None
    unit: str
    budget: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.value is None:
            return "broken" if self.note.startswith("broken") else "missing"
        if self.budget is None:
            return "no budget"
        return "met" if (self.value >= self.budget if self.at_least else self.value <= self.budget) else "not met"

    def as_data(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


Bench = Callable[[], Iterator[Measured]]


def module(name: str) -> Any:
    """Return a benchmark's module. Raises LookupError when this installation has none."""
    full = f"tests.benchmarks.{name}"
    try:
        found = importlib.util.find_spec(full)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise LookupError(f"tests/benchmarks/{name}.py is not here")
    return importlib.import_module(full)


def _screen() -> Iterator[Measured]:
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    taken = module("screen_time").key_to_screen_ms(rounds=400)
    p99 = taken[len(taken) * 99 // 100]
    yield Measured("key to new screen drawn, p99", p99, "ms", 16.7, note="1280x1024, no window")


def _bank() -> Iterator[Measured]:
    from kiosk.bank.storage import SqliteStore

    bench = module("bank_ledger")
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "bank.db")
        pairs = bench.pairs_per_second(store)
        store.close()
    yield Measured("bank, hold + post on SQLite, durable", pairs, "pairs/s", 1_000, at_least=True)


def _rehearsal() -> Iterator[Measured]:
    bench = module("rehearsal")
    bench.rehearse(5)
    best = max((bench.rehearse() for _ in range(3)), key=lambda r: r.sessions_per_s)
    note = f"best of 3 x {best.sessions}, {best.watchers} monitors, CPU time"
    yield Measured("whole withdrawals rehearsed at byte level", best.sessions_per_s, "per s and core", 200, True, note)


def _journal() -> Iterator[Measured]:
    bench = module("journal")
    with tempfile.TemporaryDirectory() as folder:
        rate = bench.commits_per_second(Path(folder) / "journal.db")
    yield Measured("journal, steps of five records, durable", rate, "commits/s")
    yield Measured("journal, the same in memory", bench.commits_per_second(":memory:"), "commits/s")


def _host() -> Iterator[Measured]:
    yield Measured("host line, both ends of a withdrawal", module("host_line").milliseconds_per_withdrawal(300), "ms")


def _others(name: str) -> Bench:
    """Return what another module measures by itself: its ``measure()`` yields rows of the form of `Measured`."""

    def run() -> Iterator[Measured]:
        for row in module(name).measure():
            yield row if isinstance(row, Measured) else Measured(**row)

    return run


BENCHES: Final[dict[str, Bench]] = {
    "screen": _screen,
    "rehearsal": _rehearsal,
    "journal": _journal,
    "bank": _bank,
    "host": _host,
    "live": _others("live"),
    "norms": _others("norms"),
}


def run(names: tuple[str, ...] = ()) -> Iterator[tuple[str, Measured]]:
    """Run benchmarks, all or those named, one after another. Raises KeyError for a name that is not known."""
    for name in names or tuple(BENCHES):
        bench = BENCHES[name]
        try:
            for measured in bench():
                yield name, measured
        except LookupError as error:
            yield name, Measured(name, None, "", note=str(error))
        except Exception as error:
            yield name, Measured(name, None, "", note=f"broken: {type(error).__name__}: {error}")
