"""Notes that come in: one note into escrow, and its end in the vault or back with the customer.

The escrow of a validator holds one note. So notes are taken one by one, a cash-in for each: what is in escrow can still
be given back, what has been vaulted cannot, and the customer decides about each note before it goes. Whatever happens,
a note of a case is settled before the case is: where it came to rest is asked of the device and its counters, which
go up once for each note that went in, whether the event was heard or not.

    start -> counters journalled -> mouth open -> in escrow (journalled) -> decided (journalled) -> moved -> settled
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drivers.base.acceptor import (
    CashIn,
    CashInCounts,
    CashInEnd,
    CashInRollback,
    CashInStart,
    CashInStartResult,
    GetCashInStatus,
    GetCashInStatusResult,
    NoteRejected,
    NoteStacked,
    StopCashIn,
)
from kiosk.cash import CashMove, Note, Place
from kiosk.flow.offers import action, guard, view
from kiosk.money import Money
from kiosk.services.case import Case, Posting
from kiosk.services.dispensing import note
from kiosk.turn import OfBusiness, Turn

ACCEPTOR: Final = "note_acceptor"

REJECTED: Final = {"inhibited": "not_taken", "noteInhibited": "not_taken"}
"""The acceptor's word for a rejected note -> the notice shown; others are ``unread``."""


@dataclass(frozen=True, slots=True)
class NotesWanted(OfBusiness):
    """Which notes are taken now (face values in minor units), for what (``wanted.<what>``), and what is in already.

    `due`: what must come in, where something is paid; `reference`: of the payment, for a customer who has no paper yet.
    """

    what: str
    values_minor: tuple[int, ...]
    total: Money
    due: Money | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Notice(OfBusiness):
    """What the customer is told of the last note: ``note_notice.<word>``."""

    word: str


@dataclass(frozen=True, slots=True)
class NoteBack(OfBusiness):
    """A note lies at the acceptor's exit for its owner."""

    amount: Money


def known_values(turn: Turn, wanted: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the face values that the acceptor knows, of `wanted` if that names any; empty while it is not there."""
    if not turn.fitness.present(ACCEPTOR):
        return ()
    types = turn.fitness.capabilities(ACCEPTOR).note_types
    return tuple(value for value in types if not wanted or value in wanted)


def unit_of(value_minor: int) -> str:
    """Return the name under which accepted notes of a value stand in the cash book."""
    return f"in{value_minor}"


@dataclass(frozen=True, slots=True)
class Absent(OfBusiness):
    """Nobody answered: no notes are paid out to whoever comes next."""


class CashIns:
    """Guards, actions and views of the flows ``take_note`` and ``note_end``."""

    # ------------------------------------------------------------ taking

    @action
    def start_cash_in(self, turn: Turn) -> None:
        values = turn.get(NotesWanted).values_minor
        kept = turn.site.note_fates.withheld
        turn.order(ACCEPTOR, CashInStart(ticket=turn.ticket("cashin"), values_minor=values, withhold=kept))

    @action
    def open_mouth(self, turn: Turn) -> None:
        """Write down the counters, then let one note in."""
        result = turn.event.payload
        assert isinstance(result, CashInStartResult)
        note(turn, "cash_in_started", ticket=result.ticket, counters=dict(result.counters))
        turn.order(ACCEPTOR, CashIn(ticket=turn.ticket("note"), notes_max=1))

    @action
    def stop_cash_in(self, turn: Turn) -> None:
        turn.order(ACCEPTOR, StopCashIn(ticket=turn.ticket("stop")), heard=False)

    @action
    def note_absent(self, turn: Turn) -> None:
        turn.put(Absent())

    @action
    def note_present(self, turn: Turn) -> None:
        """Somebody has answered after all: a note that came just as nobody was waited for any more."""
        turn.drop(Absent)

    @action
    def note_reading(self, turn: Turn) -> None:
        turn.put(Notice("reading"))

    @action
    def note_rejected(self, turn: Turn) -> None:
        """Say that the note is given back, and write down why: it was never ours."""
        rejected = turn.event.payload
        assert isinstance(rejected, NoteRejected)
        turn.record("note_rejected", case=turn.get(Case).id, reason=rejected.reason, detail=rejected.detail)
        turn.put(Notice(REJECTED.get(rejected.reason, "unread")))

    @guard
    def note_came(self, turn: Turn) -> bool:
        result = turn.event.payload
        return isinstance(result, CashInCounts) and bool(result.escrow)

    @action
    def book_note(self, turn: Turn) -> None:
        """Write down the note in escrow. The customer brought it: it comes from outside, by the customer's hand."""
        result = turn.event.payload
        assert isinstance(result, CashInCounts)
        value = next(iter(result.escrow))
        welcome = turn.site.note_fates.fate(result.fitness) == "credit"
        note(
            turn, "note_held", value_minor=value, denomination_minor=value, genuine=True, fit=welcome,
            fitness=result.fitness,
        )  # fmt: skip
        self._move(turn, value, Place.SUPPLY, Place.CUSTOMER)
        self._move(turn, value, Place.CUSTOMER, Place.ESCROW)
        turn.drop(Notice)

    @guard
    def note_unwelcome(self, turn: Turn) -> bool:
        """Whether the note that came in is too worn by the site's rule: a counter changes it (N-DEP-05)."""
        result = turn.event.payload
        came = isinstance(result, CashInCounts) and bool(result.escrow)
        return came and turn.site.note_fates.fate(result.fitness) != "credit"

    @action
    def tell_worn(self, turn: Turn) -> None:
        turn.put(Notice("worn"))

    @action
    def end_cash_in(self, turn: Turn) -> None:
        """Nothing came: end the acceptor's transaction."""
        note(turn, "note_settled", where="none", value_minor=0)
        turn.order(ACCEPTOR, CashInRollback(ticket=turn.ticket("end")), heard=False)

    # ------------------------------------------------------------ deciding

    @action
    def decide_vault(self, turn: Turn) -> None:
        note(turn, "note_ordered", fate="vault")

    @action
    def decide_return(self, turn: Turn) -> None:
        note(turn, "note_ordered", fate="return")

    @guard
    def note_inside(self, turn: Turn) -> bool:
        """Whether the acceptor may hold a note of the case."""
        case = turn.find(Case)
        return case is not None and case.cash_in

    @action
    def decide_found_note(self, turn: Turn) -> None:
        """Decide about a note that a power cut left: what was paid for is ours, else as was decided, else by rule.

        A note that was never seen in escrow is given back; so is one that the host has not allowed us to keep, and one
        that pays a partner, unless the customer had agreed.
        """
        case = turn.get(Case)
        if case.posting.takes_cash:
            note(turn, "note_ordered", fate=case.fate or "return")
            return
        paid_for = bool(case.moved) or case.unknown
        allowed = case.posting is Posting.VAULT and case.approved is not None and bool(case.held_minor)
        rule = case.fate or turn.site.deposit.note_found_at_start
        fate = "vault" if paid_for or (allowed and rule == "vault") else "return"
        note(turn, "note_ordered", fate=fate)

    # ------------------------------------------------------------ its end

    @action
    def move_note(self, turn: Turn) -> None:
        if turn.get(Case).fate == "vault":
            turn.order(ACCEPTOR, CashInEnd(ticket=turn.ticket("vault")))
        else:
            turn.order(ACCEPTOR, CashInRollback(ticket=turn.ticket("back")))

    @action
    def ask_cash_in_status(self, turn: Turn) -> None:
        counters = dict(turn.get(Case).counters)
        turn.order(ACCEPTOR, GetCashInStatus(ticket=turn.ticket("status"), counters=counters))

    @guard
    def acceptor_present(self, turn: Turn) -> bool:
        return turn.fitness.present(ACCEPTOR)

    @guard
    def acceptor_usable(self, turn: Turn) -> bool:
        return turn.fitness.usable(ACCEPTOR)

    @guard
    def note_went_in(self, turn: Turn) -> bool:
        """Whether the device's book or its counters say that the note was stacked: either is enough.

        The counters count a doubted note that was kept, too: that one is written down and never taken for another.
        """
        status = turn.event.payload
        if not isinstance(status, GetCashInStatusResult):
            return False
        return bool(status.stacked) or (status.notes_stacked or 0) > turn.get(Case).kept_now

    @guard
    def note_still_held(self, turn: Turn) -> bool:
        status = turn.event.payload
        if not isinstance(status, GetCashInStatusResult):
            return False
        unnamed = bool(status.unidentified) and status.status == "active" and turn.fitness.usable(ACCEPTOR)
        return bool(status.escrow) or unnamed

    @guard
    def note_came_back(self, turn: Turn) -> bool:
        """Whether nothing went in and nothing is inside: the device says so, or its counters and its health do."""
        status = turn.event.payload
        if not isinstance(status, GetCashInStatusResult):
            return False
        said = status.outcome.value == "done" or bool(status.returned)
        return said or (status.notes_stacked == turn.get(Case).kept_now and turn.fitness.usable(ACCEPTOR))

    @action
    def note_vaulted(self, turn: Turn) -> None:
        """The note is ours: credited by what follows, once."""
        value = turn.get(Case).held_minor or _value_in(turn.event.payload)
        self._settle(turn, value, "vault" if value else "unknown", Place.VAULT)

    @action
    def note_returned(self, turn: Turn) -> None:
        value = turn.get(Case).held_minor
        self._settle(turn, value, "customer" if value else "none", Place.CUSTOMER)
        if value:
            turn.put(NoteBack(turn.site.money(value)))

    @action
    def note_lost(self, turn: Turn) -> None:
        """Nobody knows where the note is: a claim, to be settled by people."""
        self._settle(turn, turn.get(Case).held_minor, "unknown", Place.UNKNOWN)

    def _settle(self, turn: Turn, value: int, where: str, place: Place) -> None:
        held = turn.get(Case).held_minor
        note(turn, "note_settled", where=where, value_minor=value)
        if held:
            self._move(turn, value, Place.ESCROW, place)
        elif value:
            self._move(turn, value, Place.SUPPLY, Place.CUSTOMER)
            self._move(turn, value, Place.CUSTOMER, place)

    @staticmethod
    def _move(turn: Turn, value: int, source: Place, target: Place) -> None:
        unit = Note(value, turn.site.cash.currency)
        turn.move(CashMove(unit_of(value), unit, 1, source, target), case=turn.get(Case).id)

    @guard
    def note_to_take(self, turn: Turn) -> bool:
        return turn.find(NoteBack) is not None

    @action
    def note_taken_back(self, turn: Turn) -> None:
        turn.drop(NoteBack)

    @action
    def note_left(self, turn: Turn) -> None:
        """It was not taken and the device cannot draw it in: the next person may. Written down for who asks."""
        back = turn.find(NoteBack)
        turn.record("note_left_behind", case=turn.get(Case).id, minor=back.amount.minor if back else 0)
        turn.drop(NoteBack)

    # ------------------------------------------------------------ views

    @view("insert_notes")
    def _insert_notes(self, turn: Turn) -> Mapping[str, Any]:
        wanted, notice = turn.get(NotesWanted), turn.find(Notice)
        money = turn.site.money
        values: dict[str, Any] = {"what": wanted.what, "highest": money(max(wanted.values_minor, default=0))}
        if wanted.due is not None:
            values |= {
                "due": wanted.due, "paid_in": wanted.total, "remaining": wanted.due - wanted.total,
                "reference": wanted.reference,
            }  # fmt: skip
        else:
            values |= {"finish": True} | ({"total": wanted.total} if wanted.total else {})
        if notice is not None:
            values["notice"] = notice.word
        return values

    @view("take_back_notes")
    def _take_back_notes(self, turn: Turn) -> Mapping[str, Any]:
        back = turn.find(NoteBack)
        sensor = turn.fitness.present(ACCEPTOR) and turn.fitness.capabilities(ACCEPTOR).items_taken_sensor
        return {"amount": back.amount if back else turn.site.money(0), "confirm": not sensor}


def _value_in(payload: object) -> int:
    """Return the value of the one note that a report says was stacked, 0 if it does not say."""
    if isinstance(payload, NoteStacked):
        return payload.value_minor
    if isinstance(payload, CashInCounts) and sum(payload.stacked.values()) == 1:
        return next(iter(payload.stacked))
    return 0
