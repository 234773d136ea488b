"""A check: a named, documented claim about a device, as a sequence of steps that the bench runs.

    def card_comes_back(bench):
        result = yield from bench.do(EjectCard(ticket=bench.ticket()))
        expect(result.outcome is Outcome.DONE, "the card did not come out: {}", result)

A check never sleeps and reads no clock: it yields `Until` (a condition and an instant), and whoever runs it
moves bytes, and time, until the condition holds or the instant has come. The same check therefore runs in
memory in virtual time, on a pseudo-terminal and on hardware.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from kiosk.devicekit.words import shown

if TYPE_CHECKING:
    from kiosk.devicekit.bench import Bench
    from kiosk.devicekit.frames import Entry

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until `holds`, at most until `until_ms` on the bench's clock."""

    holds: Callable[[], bool]
    until_ms: int


Steps = Generator[Until, None, T]


class Need(Enum):
    """What a check needs besides a device; a bench that lacks it skips the check and says so."""

    VALUE = "moves notes or cards: a person must agree on hardware"
    HANDS = "needs somebody's hands"
    FAULTS = "injects faults into the device: simulators only"
    WIRE = "damages what goes over the line"
    CHECKED = "needs a protocol with check characters"
    KEYS = "needs a test key under the unit's master key"
    LONG = "waits out the limits of the protocol"
    MEMORY = "follows single chunks of the line: in memory only"


class Failed(Exception):
    """The claim does not hold; the text says what was seen instead."""


class Skipped(Exception):
    """The claim cannot be tried here; the text says why."""


def expect(holds: bool, text: str, *seen: object) -> None:
    """Go on if `holds`. Raises Failed with `text`, its braces filled with `seen`."""
    if not holds:
        raise Failed(text.format(*(shown(one) for one in seen)))


@dataclass(frozen=True, slots=True)
class Check:
    """`shows` is one sentence for the report. `connects`: the runner brings the device up first."""

    name: str
    shows: str
    run: Callable[[Bench], Steps[None]]
    needs: frozenset[Need] = frozenset()
    connects: bool = True


class Suite(list[Check]):
    """Checks in the order in which they are written; `@suite.check(...)` adds one."""

    def check(
        self, shows: str, *needs: Need, connects: bool = True
    ) -> Callable[[Callable[[Any], Steps[None]]], Callable[[Any], Steps[None]]]:
        """Add a check named after its function."""

        def add(run: Callable[[Any], Steps[None]]) -> Callable[[Any], Steps[None]]:
            self.append(Check(run.__name__, shows, run, frozenset(needs), connects))
            return run

        return add


class Verdict(Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BROKEN = "broken"  # the check or the driver raised what it must not


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one check. `took_ms` on the bench's clock."""

    check: Check
    verdict: Verdict
    reason: str = ""
    took_ms: int = 0
    trace: tuple[Entry, ...] = field(default=(), repr=False)
