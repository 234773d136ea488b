"""What the LCDM drivers share: scripts of exchanges over one `Link`, readiness, health and the idle poll.

A command is a *script*: a generator that asks the device one thing after another and returns the result.
The line discipline is the link's, the meaning is the script's; this class carries answers between them.

    OFFLINE --connect--> CONNECTING --identified--> READY --silence on a question--> OFFLINE
                              '--silence--> OFFLINE (DeviceLost)

Silence on a command that moves notes does not end readiness: the next question has to be asked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, TypeVar

from drivers.base.clock import Clock
from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    Command,
    Counts,
    DeviceLost,
    DeviceReady,
    Dispense,
    DispenserCapabilities,
    DispenseResult,
    Health,
    HealthChanged,
    Identity,
    Outcome,
    Result,
)
from drivers.dispenser.commands import Meaning, Order
from drivers.dispenser.framing import Framing
from drivers.dispenser.judge import judge
from drivers.dispenser.link import End, Ended, Link, LinkTiming
from drivers.dispenser.maintenance import TestDispense, TestDispenseResult

T = TypeVar("T")
Ask = tuple[Order, bytes]
Script = Generator[Ask, Ended, T]

NOT_SENT = "the device did not answer before the order was sent"
_SEVERITY = (Health.OK, Health.ATTENTION, Health.STOP, Health.UNKNOWN)


class Lost(Exception):
    """Raised inside a script: a question stayed unanswered, so nobody is there."""


@dataclass(frozen=True, slots=True)
class Fitness:
    """What a status says about fitness."""

    health: Health = Health.OK
    error: str | None = None
    detail: str = ""
    supplies: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Counted:
    """ERR and the counts of one motion. `left`: notes seen to leave each unit, None where the device does not count
    them; `low`: units that said they run low; `strange`: some count could not be read.
    """

    code: int
    meaning: Meaning
    moved: Counts = field(default_factory=dict)
    rejected: Counts = field(default_factory=dict)
    left: Counts | None = None
    low: Mapping[str, bool] = field(default_factory=dict)
    strange: bool = False

    @property
    def detail(self) -> str:
        return f"{self.code:02X} {self.meaning.text}"


Count = Callable[[bytes], Counted]


class _State(Enum):
    OFFLINE = "offline"
    CONNECTING = "connecting"
    READY = "ready"


class LcdmDriver(ABC):
    """Common half of `Lcdm4000` and `Lcdm2000`; satisfies `drivers.base.driver.Driver`."""

    results: ClassVar[Mapping[type[Command], type[Result]]]

    def __init__(
        self,
        clock: Clock,
        framing: Framing,
        timing: LinkTiming,
        units: Mapping[str, int],
        *,
        closes_with_eot: bool,
        poll_every_ms: int,
    ) -> None:
        self._clock = clock
        self._positions = dict(units)
        self._units = {position: unit for unit, position in units.items()}
        self._link = Link(clock, framing, timing, closes_with_eot=closes_with_eot)
        self._poll_every_ms = poll_every_ms
        self._poll_at_ms: int | None = None
        self._state = _State.OFFLINE
        self._identity: Identity | None = None
        self._script: Script[Result | Identity | None] | None = None
        self._command: Command | None = None  # the one in hand
        self._waiting: Command | None = None  # submitted while a poll was on the line
        self._fitness = Fitness(Health.UNKNOWN)
        self._trouble: Meaning | None = None  # what stopped the last motion; a good purge forgets it
        self._trouble_code = 0

    # ------------------------------------------------------------ what a profile says

    @property
    @abstractmethod
    def capabilities(self) -> DispenserCapabilities: ...

    @abstractmethod
    def _introduce(self) -> Script[Identity]:
        """Ask who is there."""

    @abstractmethod
    def _read_fitness(self) -> Script[Fitness]:
        """Ask for the status."""

    @abstractmethod
    def _perform(self, command: Command) -> Script[Result]:
        """Carry `command` out. Raises LocalProtocolError before the first question if it cannot be meant."""

    @abstractmethod
    def _check(self, command: Command) -> None:
        """Raise LocalProtocolError for a command that this device does not have or cannot mean."""

    # ------------------------------------------------------------ the contract

    @property
    def identity(self) -> Identity | None:
        return self._identity

    @property
    def health(self) -> Health:
        return self._fitness.health

    @property
    def busy(self) -> bool:
        return self._command is not None or self._waiting is not None

    @property
    def discarded(self) -> int:
        return self._link.discarded

    @property
    def late(self) -> int:
        """Responses that nobody waited for: acknowledged and not believed."""
        return self._link.late

    def connect(self) -> None:
        if self._state is not _State.OFFLINE:
            raise LocalProtocolError(f"connect while {self._state.value}: disconnect first")
        self._state = _State.CONNECTING
        self._run(self._introduce())

    def disconnect(self, reason: str) -> list[Report]:
        if self._state is _State.OFFLINE:
            return []
        reports: list[Report] = []
        for command, sent in ((self._command, self._link.sent or self._moved_on), (self._waiting, False)):
            if command is not None:
                outcome = Outcome.UNKNOWN if sent else Outcome.REFUSED
                reports.append(self._plain(command, outcome, "deviceNotReady", reason))
        reports.append(self._lose(reason))
        return reports

    def submit(self, command: Command) -> None:
        if self._state is not _State.READY:
            raise LocalProtocolError(f"{command.verb} while {self._state.value}: wait for DeviceReady")
        if self.busy:
            raise LocalProtocolError(f"{command.verb} while another command is in flight")
        self._check(command)
        if self._script is not None:
            self._waiting = command
        else:
            self._begin(command)

    def receive(self, data: bytes) -> list[Report]:
        return self._after(self._link.receive(data))

    def tick(self) -> list[Report]:
        reports = self._after(self._link.tick())
        if self._poll_due():
            self._poll_at_ms = None
            self._run(self._poll())
        return reports

    def data_to_send(self) -> bytes:
        return self._link.data_to_send()

    def next_deadline_ms(self) -> int | None:
        link_ms = self._link.next_deadline_ms()
        if self._script is not None or self._poll_at_ms is None or self._state is not _State.READY:
            return link_ms
        return self._poll_at_ms if link_ms is None else min(link_ms, self._poll_at_ms)

    # ------------------------------------------------------------ for the profiles

    def _ask(self, order: Order, data: bytes = b"") -> Script[bytes]:
        """Ask a question that may be repeated; raises `Lost` when nobody answers."""
        ended = yield order, data
        if ended.end is not End.ANSWERED:
            raise Lost(ended.why)
        return ended.body

    def _settled(self, order: Order, question: Order) -> Script[bool]:
        """Make sure that the device has left the last exchange before the same `order` goes out again.

        A device that missed our last ACK may take the next command of the same kind for a repetition of the
        old one, and answer it with the old counts. Any other question in between moves it on.
        Returns False when nobody answers.
        """
        if self._link.unclosed != order.code:
            return True
        ended = yield question, b""
        return ended.end is End.ANSWERED

    def _check_picks(self, picks: Counts, notes_max: int) -> None:
        """Raise LocalProtocolError for an order that this device cannot be given."""
        strangers = set(picks) - set(self._positions)
        if strangers:
            raise LocalProtocolError(
                f"no such unit: {', '.join(sorted(strangers))}; there are {self._positions}"
            )
        if any(count < 0 for count in picks.values()) or not 1 <= sum(picks.values()) <= notes_max:
            raise LocalProtocolError(f"{dict(picks)}: 1 to {notes_max} notes in all, none negative")

    def _notice(self, meaning: Meaning, code: int) -> None:
        """Keep what a motion ended with, and look at the status soon."""
        if meaning.success:
            self._trouble = None
        else:
            self._trouble, self._trouble_code = meaning, code
        if not meaning.success or meaning.health is not Health.OK:
            self._poll_at_ms = self._clock.now_ms() if self._poll_every_ms else None

    def _capable(self, notes_max: int, *, last_dispense: bool) -> DispenserCapabilities:
        """Return what every LCDM can do: notes come straight out, and nobody sees them taken."""
        return DispenserCapabilities(
            units=tuple(self._positions),
            notes_max=notes_max,
            presenter=False,
            retract=False,
            items_taken_sensor=False,
            shutter=False,
            persistent_counters=False,
            last_dispense=last_dispense,
        )

    def _paid(self, command: Dispense, order: Order, data: bytes, count: Count) -> Script[Result]:
        """Give the order and judge what came of it."""
        ended = yield order, data
        if ended.end is not End.ANSWERED:
            return unanswered(DispenseResult, command, ended)
        counted = count(ended.body)
        self._notice_counts(counted)
        verdict = judge(
            counted.meaning, command.picks, counted.moved, counted.rejected, counted.left, strange=counted.strange
        )
        return DispenseResult(
            ticket=command.ticket,
            outcome=verdict.outcome,
            error=verdict.error,
            detail=counted.detail,
            moved=counted.moved,
            rejected=counted.rejected,
            unaccounted=self._unaccounted(verdict.unaccounted, counted.meaning, command.picks),
        )

    def _tested(self, command: TestDispense, order: Order, data: bytes, count: Count) -> Script[Result]:
        """Dispense into the reject tray: what was rejected is judged as what came out."""
        ended = yield order, data
        if ended.end is not End.ANSWERED:
            return unanswered(TestDispenseResult, command, ended)
        counted = count(ended.body)
        self._notice_counts(counted)
        verdict = judge(
            counted.meaning, command.picks, counted.rejected, counted.moved, counted.left, strange=counted.strange
        )
        return TestDispenseResult(
            ticket=command.ticket,
            outcome=Outcome.UNKNOWN if counted.moved else verdict.outcome,
            error=verdict.error,
            detail=counted.detail,
            moved=counted.moved,
            rejected=counted.rejected,
            unaccounted=verdict.unaccounted,
        )

    def _notice_counts(self, counted: Counted) -> None:
        """Keep what a motion ended with."""
        self._notice(counted.meaning, counted.code)

    def _unaccounted(self, unaccounted: Counts, meaning: Meaning, picks: Counts) -> Counts:
        """Add the note that came from a unit which nobody asked: one at least, and counted nowhere."""
        stray = self._units.get(meaning.stray)
        return {**unaccounted, stray: 1} if stray is not None and not picks.get(stray) else unaccounted

    def _plain(self, command: Command, outcome: Outcome, error: str | None, detail: str) -> Result:
        """Return the result of `command` with nothing in it but the outcome."""
        return self.results[type(command)](ticket=command.ticket, outcome=outcome, error=error, detail=detail)

    # ------------------------------------------------------------ inside

    @property
    def _moved_on(self) -> bool:
        return self._command is not None and self._exchanges > 1

    def _begin(self, command: Command) -> None:
        self._command = command
        self._run(self._perform(command))

    def _run(
        self, script: Script[Result | Identity | None] | Script[Result] | Script[Identity] | Script[None]
    ) -> None:
        self._script = script
        self._exchanges = 1
        order, data = next(script)
        self._link.start(order, data)

    def _poll_due(self) -> bool:
        return (
            self._state is _State.READY
            and self._script is None
            and self._poll_at_ms is not None
            and self._clock.now_ms() >= self._poll_at_ms
        )

    def _poll(self) -> Script[None]:
        self._seen = yield from self._read_fitness()

    def _after(self, ended: Ended | None) -> list[Report]:
        if ended is None or self._script is None:
            return []
        try:
            order, data = self._script.send(ended)
        except StopIteration as stop:
            return self._finish(stop.value)
        except Lost as lost:
            return self._give_up(str(lost))
        self._exchanges += 1
        self._link.start(order, data)
        return []

    def _finish(self, value: Result | Identity | None) -> list[Report]:
        self._script = None
        self._command = None
        reports: list[Report] = []
        if isinstance(value, Identity):
            self._state = _State.READY
            self._identity = value
            reports.append(DeviceReady(identity=value))
        elif value is not None:
            reports.append(value)
        reports.extend(self._compare_fitness())
        if self._poll_every_ms and (self._poll_at_ms is None or self._poll_at_ms < self._clock.now_ms()):
            self._poll_at_ms = self._clock.now_ms() + self._poll_every_ms
        if self._waiting is not None:
            command, self._waiting = self._waiting, None
            self._begin(command)
        return reports

    def _give_up(self, reason: str) -> list[Report]:
        """A question stayed unanswered: the device is gone."""
        reports: list[Report] = []
        if self._command is not None:
            reports.append(self._plain(self._command, Outcome.UNKNOWN, "timeOut", reason))
        if self._waiting is not None:
            reports.append(self._plain(self._waiting, Outcome.REFUSED, "deviceNotReady", reason))
        reports.append(self._lose(reason))
        return reports

    def _lose(self, reason: str) -> DeviceLost:
        self._link.stop()
        if self._script is not None:
            self._script.close()
        self._script = None
        self._command = self._waiting = None
        self._state = _State.OFFLINE
        self._identity = None
        self._fitness = Fitness(Health.UNKNOWN)
        self._seen = None
        self._poll_at_ms = None
        return DeviceLost(reason=reason)

    _seen: Fitness | None = None
    _exchanges = 0

    def _compare_fitness(self) -> list[Report]:
        """Say once that fitness changed: the status seen last and the trouble kept, the worse of both."""
        if self._seen is None:
            return []
        fitness = self._seen
        if self._trouble is not None and _worse(self._trouble.health, fitness.health):
            detail = f"{self._trouble_code:02X} {self._trouble.text}"
            supplies = dict(fitness.supplies)
            unit = self._units.get(self._trouble.unit)
            if unit is not None and self._trouble.word in ("empty", "missing"):
                supplies[unit] = self._trouble.word
            fitness = Fitness(self._trouble.health, self._trouble.word, detail, supplies)
        if fitness == self._fitness:
            return []
        self._fitness = fitness
        return [
            HealthChanged(
                health=fitness.health, error=fitness.error, detail=fitness.detail, supplies=fitness.supplies
            )
        ]


def unanswered(kind: type[Result], command: Command, ended: Ended) -> Result:
    """Return the result where nothing believable came back: refused by NCK, or unknown."""
    refused = ended.end is End.REFUSED
    outcome, error = (Outcome.REFUSED, "hardwareError") if refused else (Outcome.UNKNOWN, "timeOut")
    return kind(ticket=command.ticket, outcome=outcome, error=error, detail=ended.why)


def _worse(one: Health, other: Health) -> bool:
    return _SEVERITY.index(one) > _SEVERITY.index(other)
