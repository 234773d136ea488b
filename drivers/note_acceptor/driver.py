"""What the acceptor drivers share: scripts of exchanges over a link, readiness, interruption, fitness, the idle turn.

A command is a *script*: a generator that asks the device one thing after another and returns the result. The line
discipline is the link's, the meaning the protocol's; this class carries answers between them, and runs an idle
*turn* (a poll, or a hold) whenever no command is in hand, because a validator that is not polled stops working.

    OFFLINE --connect--> CONNECTING --identified--> READY --silence, or a restart--> OFFLINE (DeviceLost)

The book of the open transaction (`Deposit`) outlives a loss: what a reconnected device says can then settle it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Protocol

from drivers.base.acceptor import CashInCounts, StopCashIn, StopPayOut
from drivers.base.clock import Clock
from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    Command,
    DeviceLost,
    DeviceReady,
    Happening,
    Health,
    HealthChanged,
    Identity,
    Outcome,
    Result,
)
from drivers.note_acceptor.deposit import Deposit
from drivers.note_acceptor.exchange import Ask, End, Ended, Link, Lost, Order, Script

_SEVERITY = (Health.OK, Health.ATTENTION, Health.STOP, Health.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong as long as it lasts. `blocks`: no note can be taken meanwhile."""

    word: str
    detail: str
    health: Health = Health.STOP
    supplies: Mapping[str, str] = field(default_factory=dict)
    blocks: bool = True


class Pace(Protocol):
    """What both protocols' settings say of time. `read_within_ms`: from being drawn in to being recognised or
    rejected; `settle_within_ms`: from the decision about a note to its resting place.
    """

    @property
    def currency(self) -> str: ...

    @property
    def poll_every_ms(self) -> int: ...

    @property
    def idle_every_ms(self) -> int: ...

    @property
    def read_within_ms(self) -> int: ...

    @property
    def settle_within_ms(self) -> int: ...


class _State(Enum):
    OFFLINE = "offline"
    CONNECTING = "connecting"
    READY = "ready"


class AcceptorDriver(ABC):
    """Common half of `SspValidator`, `SmartPayout` and `CcnetValidator`: `drivers.base.driver.Driver`."""

    results: ClassVar[Mapping[type[Command], type[Result]]]

    def __init__(self, clock: Clock, link: Link, pace: Pace) -> None:
        self._clock = clock
        self._link = link
        self._pace = pace
        self._deposit = Deposit(pace.currency)
        self._state = _State.OFFLINE
        self._identity: Identity | None = None
        self._script: Script[Result | Identity | None] | None = None
        self._ask: Ask | None = None  # what the script wants said when its time comes
        self._asked = False  # whether anything of the command in hand went out
        self._command: Command | None = None
        self._waiting: Command | None = None  # submitted during an idle turn
        self._stop: StopCashIn | StopPayOut | None = None
        self._turn_at_ms = 0
        self._last_ms = 0  # when the last exchange ended
        self._found: list[Happening] = []
        self._ready: list[Report] = []
        self._conditions: dict[str, Condition] = {}
        self._fitness: tuple[Health, Condition | None, dict[str, str]] = (Health.UNKNOWN, None, {})

    # ------------------------------------------------------------ what a protocol says

    @abstractmethod
    def _introduce(self) -> Script[Identity]:
        """Ask who is there, bring it to rest, and hear what happened while nobody listened."""

    @abstractmethod
    def _perform(self, command: Command) -> Script[Result]:
        """Carry `command` out."""

    @abstractmethod
    def _turn(self) -> Script[None]:
        """Hear what is new; decide about a note in escrow."""

    @abstractmethod
    def _check(self, command: Command) -> None:
        """Raise LocalProtocolError for a command that this device does not have or cannot mean."""

    def _abandoned(self, command: Command, outcome: Outcome, error: str, detail: str) -> Result:
        """Return what is known of a command that was cut off. `Deposit.lost` has been called."""
        kind = self.results[type(command)]
        if command.asks_past:
            outcome = Outcome.UNKNOWN  # REFUSED would be an answer
        if issubclass(kind, CashInCounts):
            if not self._deposit.settled:
                outcome = Outcome.UNKNOWN
            return kind(
                ticket=command.ticket, outcome=outcome, error=error, detail=detail, **self._deposit.counts()
            )
        return kind(ticket=command.ticket, outcome=outcome, error=error, detail=detail)

    # ------------------------------------------------------------ the contract

    @property
    def identity(self) -> Identity | None:
        return self._identity

    @property
    def health(self) -> Health:
        return self._fitness[0]

    @property
    def busy(self) -> bool:
        return self._command is not None or self._waiting is not None

    @property
    def discarded(self) -> int:
        return self._link.discarded

    def connect(self) -> None:
        if self._state is not _State.OFFLINE:
            raise LocalProtocolError(f"connect while {self._state.value}: disconnect first")
        self._state = _State.CONNECTING
        self._run(self._introduce())

    def disconnect(self, reason: str) -> list[Report]:
        if self._state is _State.OFFLINE:
            return []
        outcome = Outcome.UNKNOWN if self._asked else Outcome.REFUSED
        return self._give_up(reason, "deviceNotReady", outcome)

    def submit(self, command: Command) -> None:
        if self._state is not _State.READY:
            raise LocalProtocolError(f"{command.verb} while {self._state.value}: wait for DeviceReady")
        if isinstance(command, StopCashIn | StopPayOut) and self._stop is None and self.busy:
            self._check(command)
            self._stop = command
            return
        if self.busy:
            raise LocalProtocolError(f"{command.verb} while another command is in flight")
        self._check(command)
        if self._script is not None:
            self._waiting = command
        else:
            self._begin(command)

    def receive(self, data: bytes) -> list[Report]:
        self._after(self._link.receive(data))
        return self._reports()

    def tick(self) -> list[Report]:
        self._after(self._link.tick())
        now_ms = self._clock.now_ms()
        if self._ask is not None:
            if now_ms >= self._ask.at_ms:
                self._say(self._ask)
        elif self._state is _State.READY and self._script is None and now_ms >= self._turn_at_ms:
            self._run(self._turn())
        return self._reports()

    def data_to_send(self) -> bytes:
        return self._link.data_to_send()

    def next_deadline_ms(self) -> int | None:
        if self._ready:
            return self._clock.now_ms()
        if self._ask is not None:
            return self._ask.at_ms
        if self._state is _State.READY and self._script is None:
            return self._turn_at_ms
        return self._link.next_deadline_ms()

    # ------------------------------------------------------------ for the protocols

    def _exchange(self, order: Order, data: bytes = b"", at_ms: int = 0) -> Script[Ended]:
        """Say one thing, return the answer; raises `Lost` when nobody answers."""
        ended = yield Ask(order, data, at_ms)
        self._last_ms = self._clock.now_ms()
        if ended.end is End.SILENT:
            raise Lost(ended.why)
        return ended

    @property
    def _paced_ms(self) -> int:
        """The instant at which the next turn of a running command is due."""
        return self._last_ms + self._pace.poll_every_ms

    def _tell(self, happenings: list[Happening] | Happening) -> None:
        self._found += happenings if isinstance(happenings, list) else [happenings]

    @property
    def _blocked(self) -> Condition | None:
        """What keeps notes from being taken, if anything does."""
        blocking = [entry for entry in self._conditions.values() if entry.blocks]
        return max(blocking, key=lambda entry: _SEVERITY.index(entry.health), default=None)

    def _forget_the_other(self) -> None:
        """Another unit answers than before: nothing it says or counts settles what was open with the other."""
        self._deposit = Deposit(self._deposit.currency)

    # ------------------------------------------------------------ inside

    def _begin(self, command: Command) -> None:
        self._command = command
        self._asked = False
        self._run(self._perform(command))

    def _run(
        self, script: Script[Result] | Script[Identity] | Script[None] | Script[Result | Identity | None]
    ) -> None:
        self._script = script
        self._step(None)

    def _after(self, ended: Ended | None) -> None:
        if ended is not None and self._script is not None:
            self._step(ended)

    def _step(self, ended: Ended | None) -> None:
        """Let the script go on, and see what it wants or how it ended."""
        if self._script is None:
            return
        try:
            ask = next(self._script) if ended is None else self._script.send(ended)
        except StopIteration as stop:
            self._finish(stop.value)
        except Lost as lost:
            self._ready += self._give_up(str(lost), "timeOut", Outcome.UNKNOWN)
        else:
            if ask.at_ms > self._clock.now_ms():
                self._ask = ask
            else:
                self._say(ask)

    def _say(self, ask: Ask) -> None:
        self._ask = None
        self._asked = True
        self._link.start(ask.order, ask.data)

    def _finish(self, value: Result | Identity | None) -> None:
        self._script = None
        self._command = None
        if isinstance(value, Identity):
            self._state = _State.READY
            self._identity = value
            self._ready.append(DeviceReady(identity=value))
        self._ready += self._found
        self._found = []
        if isinstance(value, Result):
            self._ready.append(value)
        self._ready += self._compare_fitness()
        self._turn_at_ms = self._clock.now_ms() + self._pace.idle_every_ms
        if self._stop is not None:
            stop, self._stop = self._stop, None
            self._ready.append(self.results[type(stop)](ticket=stop.ticket, outcome=Outcome.DONE))
        if self._waiting is not None:
            command, self._waiting = self._waiting, None
            self._begin(command)

    def _reports(self) -> list[Report]:
        """Return what is to be told, oldest first. What a running script found is told at once."""
        ready, self._ready = self._ready, []
        if self._state is _State.READY:
            ready += self._found
            self._found = []
        return ready

    def _give_up(self, reason: str, error: str, outcome: Outcome) -> list[Report]:
        """The device is gone: answer what is in hand, and keep the book for when it comes back."""
        if self._script is not None:
            self._script.close()
        self._deposit.lost()
        self._deposit.broken = self._deposit.active
        reports: list[Report] = [*self._ready, *self._found]
        self._ready, self._found = [], []
        if self._command is not None:
            reports.append(self._abandoned(self._command, outcome, error, reason))
        if self._waiting is not None:
            reports.append(self._abandoned(self._waiting, Outcome.REFUSED, "deviceNotReady", reason))
        if self._stop is not None:
            reports.append(self._abandoned(self._stop, outcome, "deviceNotReady", reason))
        self._link.stop()
        self._script = self._ask = None
        self._command = self._waiting = self._stop = None
        self._state = _State.OFFLINE
        self._identity = None
        self._conditions.clear()
        self._fitness = (Health.UNKNOWN, None, {})
        reports.append(DeviceLost(reason=reason))
        return reports

    def _compare_fitness(self) -> list[Report]:
        """Say once that fitness changed."""
        if self._state is not _State.READY:
            return []
        worst = max(
            self._conditions.values(), key=lambda entry: _SEVERITY.index(entry.health), default=None
        )
        supplies: dict[str, str] = {}
        for condition in self._conditions.values():
            supplies |= condition.supplies
        fitness = (worst.health if worst is not None else Health.OK, worst, supplies)
        if fitness == self._fitness:
            return []
        self._fitness = fitness
        return [
            HealthChanged(
                health=fitness[0],
                error=worst.word if worst is not None else None,
                detail=worst.detail if worst is not None else "",
                supplies=supplies,
            )
        ]
