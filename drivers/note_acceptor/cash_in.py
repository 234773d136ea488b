"""Cash-in on a device whose escrow holds one note: the commands, whatever the protocol.

A protocol says how a turn is taken, how the mouth is opened and shut, and what the counters say; this class says what
`CashInStart` to `GetCashInStatus` mean. What shall become of a note in escrow is its `_decision`: ``hold``, ``stack``
or ``return``; a note that comes in outside `CashIn`, or of a value not asked for, is to be returned. A doubted one is
never held: it is stacked at once where the transaction withholds such notes, else returned at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

from drivers.base.acceptor import (
    DOUBTED,
    ECB_CATEGORY,
    CashAcceptorCapabilities,
    CashIn,
    CashInCounts,
    CashInEnd,
    CashInEndResult,
    CashInResult,
    CashInRollback,
    CashInRollbackResult,
    CashInStart,
    CashInStartResult,
    Classification,
    GetCashInStatus,
    GetCashInStatusResult,
    StopCashIn,
    StopCashInResult,
)
from drivers.base.clock import Clock
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import Command, Outcome, Reset, ResetResult, Result
from drivers.note_acceptor.deposit import Where
from drivers.note_acceptor.driver import AcceptorDriver, Pace
from drivers.note_acceptor.exchange import Link, Script

OPENINGS_MAX: Final = 3  # a validator that keeps disabling itself is not to be argued with


class CashInDriver(AcceptorDriver):
    """Common half of every validator."""

    results: ClassVar[Mapping[type[Command], type[Result]]] = {
        CashInStart: CashInStartResult,
        CashIn: CashInResult,
        CashInEnd: CashInEndResult,
        CashInRollback: CashInRollbackResult,
        StopCashIn: StopCashInResult,
        GetCashInStatus: GetCashInStatusResult,
        Reset: ResetResult,
    }

    def __init__(self, clock: Clock, link: Link, pace: Pace) -> None:
        super().__init__(clock, link, pace)
        self._values: dict[int, int] = {}  # the device's number of a note type -> minor units, of our currency
        self._sorts: dict[int, Classification] = {}  # the device's number of a note type -> what it makes of it
        self._wanted: frozenset[int] = frozenset()
        self._withhold: frozenset[str] = frozenset()
        self._accepting = False
        self._decision = "hold"
        self._ordered = 0  # how often the device has been told to do what was decided
        self._disabled = False  # the device says that it takes nothing

    # ------------------------------------------------------------ what a protocol says

    @abstractmethod
    def _turn(self, *, at_once: bool = False) -> Script[None]:
        """Hear what is new and say what was decided; after the pace of polls, or at once."""

    @abstractmethod
    def _open_mouth(self) -> Script[None]:
        """Let the device take notes of the values wanted."""

    @abstractmethod
    def _shut_mouth(self) -> Script[None]:
        """Let the device take nothing. Never said while a note is in escrow."""

    @abstractmethod
    def _restart(self) -> Script[None]:
        """Reset the device and set it up again."""

    def _read_counters(self) -> Script[dict[str, int]]:
        """Return the device's totals: ``stacked``, ``stored``, ``rejected``; empty where it has none."""
        yield from ()
        return {}

    def _last_reject(self) -> Script[str]:
        """Return the word for why the last note was given back, empty where the device does not tell."""
        yield from ()
        return ""

    def _sort(self, number: int) -> Classification:
        return self._sorts.get(number, "fit")

    def _classify(self, sorts: Mapping[int, Classification]) -> None:
        """Take over what a site says of note types, as far as the device has them."""
        self._sorts = {int(number): sort for number, sort in sorts.items() if int(number) in self._values}

    def _enabled_types(self) -> list[int]:
        """Return the note types to enable: those wanted, and all that are doubted, so that they are told apart."""
        return [n for n, v in self._values.items() if v in self._wanted or self._sort(n) in DOUBTED]

    def _capable(
        self, *, sensor: bool, counters: bool, stored: tuple[int, ...] | None = None, pay_out_max: int = 0
    ) -> CashAcceptorCapabilities:
        """Return capabilities of a unit with an escrow of one note; `stored`: what a recycler keeps."""
        sorts = {"unrecognized", "fit", *self._sorts.values()}
        return CashAcceptorCapabilities(
            currency=self._deposit.currency,
            note_types=tuple(sorted(set(self._values.values()))),
            escrow_notes=1,
            recycler=stored is not None,
            stored_types=tuple(sorted(stored or ())),
            items_taken_sensor=sensor,
            persistent_counters=counters,
            pay_out_notes_max=pay_out_max,
            classifications=tuple(sort for sort in ECB_CATEGORY if sort in sorts),
            withholds=tuple(sort for sort in DOUBTED if sort in sorts),
        )

    def _on_recognised(self, value_minor: int, sort: Classification = "fit") -> None:
        """A note is in escrow: decide about it."""
        if self._deposit.at(Where.ESCROW):
            return
        self._ordered = 0
        if sort in DOUBTED:
            self._decision = "stack" if self._accepting and sort in self._withhold else "return"
        elif self._accepting and value_minor in self._wanted:
            self._decision = "hold" if self._deposit.escrow_wanted else "stack"
        else:
            self._decision = "return"
        self._tell(list(self._deposit.escrowed(value_minor, sort)))

    # ------------------------------------------------------------ commands

    def _check(self, command: Command) -> None:
        if type(command) not in self.results:
            raise LocalProtocolError(f"{command.verb}: not something this device does")
        if isinstance(command, CashInStart) and set(command.withhold) - set(DOUBTED):
            raise LocalProtocolError(f"withhold {command.withhold}: only {', '.join(DOUBTED)} notes are withheld")
        if isinstance(command, CashInStart) and command.values_minor is not None:
            strangers = set(command.values_minor) - set(self._values.values())
            if strangers:
                raise LocalProtocolError(f"no such notes: {sorted(strangers)}; there are {self._values}")

    def _perform(self, command: Command) -> Script[Result]:
        if isinstance(command, CashInStart):
            return self._cash_in_start(command)
        if isinstance(command, CashIn):
            return self._cash_in(command)
        if isinstance(command, CashInEnd | CashInRollback):
            return self._finish_cash_in(command)
        if isinstance(command, GetCashInStatus):
            return self._cash_in_status(command)
        if isinstance(command, Reset):
            return self._reset(command)
        return self._nothing_to_stop(command)

    def _nothing_to_stop(self, command: Command) -> Script[Result]:
        yield from ()
        return self.results[type(command)](ticket=command.ticket, outcome=Outcome.DONE)

    def _cash_in_start(self, command: CashInStart) -> Script[Result]:
        if self._deposit.active:
            return CashInStartResult(ticket=command.ticket, outcome=Outcome.REFUSED, error="cashInActive")
        yield from self._turn()
        blocked = self._blocked
        if blocked is not None:
            return CashInStartResult(
                ticket=command.ticket, outcome=Outcome.REFUSED, error=blocked.word, detail=blocked.detail
            )
        counters = yield from self._read_counters()
        wanted = self._values.values() if command.values_minor is None else command.values_minor
        self._wanted = frozenset(wanted)
        self._withhold = frozenset(command.withhold)
        self._deposit.begin(command.ticket, escrow=command.escrow)
        return CashInStartResult(ticket=command.ticket, outcome=Outcome.DONE, counters=counters)

    def _counts(
        self, command: Command, outcome: Outcome, error: str | None = None, detail: str = ""
    ) -> CashInCounts:
        result = self.results[type(command)](
            ticket=command.ticket,
            outcome=outcome,
            error=error,
            detail=detail,
            **self._deposit.counts(),
        )
        assert isinstance(result, CashInCounts)
        return result

    def _cash_in(self, command: CashIn) -> Script[Result]:
        deposit = self._deposit
        if not deposit.active:
            return self._counts(command, Outcome.REFUSED, "noCashInActive")
        if deposit.at(Where.ESCROW):
            return self._counts(command, Outcome.REFUSED, "tooManyItems", "the escrow is full")
        before = deposit.taken
        trouble = yield from self._take_notes(command, before)
        if not deposit.at(Where.ESCROW):
            yield from self._shut_mouth()
        self._accepting = False
        if not deposit.settled:
            return self._counts(command, Outcome.UNKNOWN, *(trouble or ("transportError", "")))
        if trouble is None:
            return self._counts(command, Outcome.DONE)
        outcome = Outcome.PARTIAL if deposit.taken > before else Outcome.REFUSED
        return self._counts(command, outcome, *trouble)

    def _take_notes(self, command: CashIn, before: int) -> Script[tuple[str, str] | None]:
        """Take notes until enough, stopped or in trouble; return the trouble as word and detail."""
        deposit = self._deposit
        self._accepting = True
        yield from self._open_mouth()
        openings = 1
        since_ms = self._clock.now_ms()
        while True:
            was = deposit.where
            yield from self._turn()
            if deposit.where is not was:
                since_ms = self._clock.now_ms()
            if deposit.at(Where.ESCROW) and self._decision == "hold":
                return None
            if deposit.at(Where.NOWHERE):
                blocked = self._blocked
                if blocked is not None:
                    return blocked.word, blocked.detail
                if not deposit.settled:
                    return "transportError", "a note is missing"
                if self._stop is not None or 0 < command.notes_max <= deposit.taken - before:
                    return None
                if self._disabled:
                    if openings == OPENINGS_MAX:
                        return "deviceDisabled", "the device disables itself"
                    openings += 1
                    yield from self._open_mouth()
            elif self._clock.now_ms() - since_ms > self._limit_ms:
                deposit.lost()

    @property
    def _limit_ms(self) -> int:
        reading = self._deposit.at(Where.PATH)
        return self._pace.read_within_ms if reading else self._pace.settle_within_ms

    def _finish_cash_in(self, command: CashInEnd | CashInRollback) -> Script[Result]:
        deposit = self._deposit
        if not deposit.active:
            return self._counts(command, Outcome.REFUSED, "noCashInActive")
        stacking = isinstance(command, CashInEnd)
        held = deposit.at(Where.ESCROW)
        goal = deposit.stacked if stacking else deposit.returned
        before = goal.total()
        if not deposit.at(Where.NOWHERE):
            self._decision = "stack" if stacking else "return"
            until_ms = self._clock.now_ms() + self._pace.settle_within_ms
            at_once = True
            while not deposit.at(Where.NOWHERE):
                yield from self._turn(at_once=at_once)
                at_once = False
                if self._clock.now_ms() >= until_ms:
                    deposit.lost()
        yield from self._shut_mouth()
        nothing = deposit.settled and not held and not deposit.went_in
        deposit.end("ok" if stacking else "rollback")
        if nothing:
            return self._counts(command, Outcome.REFUSED, "noItems")
        wanted = goal.total() > before or not held
        outcome = deposit.outcome(wanted=wanted)
        blocked = self._blocked
        error = None if outcome is Outcome.DONE else blocked.word if blocked is not None else "transportError"
        if outcome is Outcome.PARTIAL:
            error = "notesReturned" if stacking else "notesStacked"
        return self._counts(command, outcome, error, blocked.detail if blocked is not None else "")

    def _cash_in_status(self, command: GetCashInStatus) -> Script[Result]:
        deposit = self._deposit
        yield from self._turn()
        counters = yield from self._read_counters()
        reject = yield from self._last_reject()
        went_in = _since(command.counters, counters, ("stacked", "stored"))
        went_out = _since(command.counters, counters, ("rejected",))
        if went_in is not None and deposit.at(Where.NOWHERE) and self._blocked is None:
            self._settle_by_counters(went_in, went_out or 0, reject)
        doubtful = deposit.broken or (deposit.status == "unknown" and bool(deposit.ticket))
        if doubtful and not deposit.at(Where.ESCROW):
            deposit.end("ok" if deposit.stacked else "rollback")
        known = deposit.settled and deposit.status != "unknown"
        if went_in is not None and went_in != deposit.went_in:
            known = False
        return GetCashInStatusResult(
            ticket=command.ticket,
            outcome=Outcome.DONE if known else Outcome.UNKNOWN,
            status=deposit.status,
            notes_stacked=went_in,
            last_reject=reject,
            **deposit.counts(),
        )

    def _settle_by_counters(self, went_in: int, went_out: int, reject: str) -> None:
        """One note is missing: the device's counters say whether it went in or came back."""
        deposit = self._deposit
        if deposit.unaccounted.total() + deposit.unidentified != 1:
            return
        extra = went_in - deposit.went_in
        if extra == 1 and (deposit.unaccounted or deposit.doubt):
            self._tell(list(deposit.stacked_note(0, recovered=True)))
            self._tell(list(deposit.stored("cashbox")))
        elif extra == 0 and went_out > deposit.returned.total() + deposit.refused:
            self._tell(list(deposit.given_back(reject, "by the counters", recovered=True)))

    def _reset(self, command: Reset) -> Script[Result]:
        self._deposit.lost()
        yield from self._restart()
        yield from self._turn()
        self._deposit.end("reset")
        known = self._deposit.settled
        return ResetResult(
            ticket=command.ticket,
            outcome=Outcome.DONE if known else Outcome.UNKNOWN,
            error=None if known else "transportError",
        )


def _since(before: Mapping[str, int], now: Mapping[str, int], names: tuple[str, ...]) -> int | None:
    """Return how much the named counters went up together; None if they are not there, went down, or are another
    unit's.
    """
    if not before or not now or before.get("serial", now.get("serial")) != now.get("serial"):
        return None
    difference = sum(now.get(name, 0) - before.get(name, 0) for name in names)
    return difference if difference >= 0 else None
