"""Dispensing notes and finding out what became of them; the cash book's side of it.

The order is journalled before it goes out, the result before anything is said to the customer. An order whose result
is lost is never given again: the device is asked what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.base.vocabulary import (
    Dispense,
    DispenseResult,
    LastDispense,
    LastDispenseResult,
    Outcome,
    Reset,
    ResetResult,
)
from kiosk.cash import CashMove, Place
from kiosk.flow.offers import action, guard, view
from kiosk.mix import UnitStock, denominate
from kiosk.services.case import Case, fold, minus, plus
from kiosk.services.facts import DispenserOut, PathUnsure, Session
from kiosk.turn import Turn

ORDERS_MAX = 2  # a second order from other units, once (edge cases 26, 43); more would hide a sick device


def note(turn: Turn, kind: str, **data: object) -> Case:
    """Write a record of the current case and fold it in."""
    case = turn.get(Case)
    session = turn.find(Session)
    data = {"case": case.id, **({"session": session.id} if session else {}), **data}
    case = fold(case, kind, data)
    if kind in ("dispensed", "case_closed") and case.approved is not None:
        data["approved_minor"] = case.approved.minor
    if kind in ("dispensed", "dispense_ordered"):
        data["posting"] = case.posting.value
        data["paid_minor"] = turn.site.worth(dict(case.moved)).minor
    turn.record(kind, **data)
    turn.put(case)
    return case


def stock(turn: Turn) -> list[UnitStock]:
    """Return what the units hold by the book; nothing while the dispenser is not usable."""
    if not turn.fitness.usable("dispenser"):
        return []
    return [
        UnitStock(unit, note.value_minor, turn.cash.count(Place.CASSETTE, unit))
        for unit, note in turn.site.notes.items()
        if turn.fitness.supplies("dispenser").get(unit) not in ("missing", "out", "inoperative")
    ]


def notes_max(turn: Turn) -> int:
    """Return how many notes one order may have: the site's rule, or the device's if that is lower."""
    capabilities = turn.fitness.capabilities("dispenser")
    return min(turn.site.cash.notes_max, int(capabilities.notes_max))


def by_value(turn: Turn, counts: Mapping[str, int]) -> dict[str, int]:
    """Return denomination in minor units -> notes, as screens draw them."""
    notes: dict[str, int] = {}
    for unit, count in counts.items():
        value = str(turn.site.notes[unit].value_minor)
        notes[value] = notes.get(value, 0) + count
    return notes


class Dispensing:
    """Guards and actions of the flow ``dispense`` and of settlement."""

    # ------------------------------------------------------------ guards

    @guard
    def dispenser_present(self, turn: Turn) -> bool:
        """Whether the dispenser can be asked, even if it can move nothing."""
        return turn.fitness.present("dispenser")

    @guard
    def notes_may_be_left(self, turn: Turn) -> bool:
        """Whether the path may hold notes: by the book, after an unknown outcome, or because the device says so."""
        if not turn.fitness.present("dispenser"):
            return False
        by_book = any(turn.cash.count(place, unit) for place in (Place.PATH, Place.UNKNOWN) for unit in turn.site.notes)
        unsure = turn.find(PathUnsure) is not None or turn.find(DispenserOut) is not None
        return by_book or unsure or not turn.fitness.usable("dispenser")

    @guard
    def dispenser_usable(self, turn: Turn) -> bool:
        return turn.fitness.usable("dispenser")

    @guard
    def last_complete(self, turn: Turn) -> bool:
        """Whether the device counted all that was ordered."""
        result = turn.event.payload
        assert isinstance(result, LastDispenseResult)
        return not minus(turn.get(Case).ordered, result.moved)

    @guard
    def rest_payable_elsewhere(self, turn: Turn) -> bool:
        """Whether what is missing can be made of other units, once."""
        return self._rest(turn) is not None

    # ------------------------------------------------------------ actions

    @action
    def order_notes(self, turn: Turn) -> None:
        """Order the planned notes: the record comes first, in the same step and before the order goes out."""
        self._order(turn, turn.get(Case).ordered)

    @action
    def order_rest(self, turn: Turn) -> None:
        rest = self._rest(turn)
        assert rest is not None
        self.note_dispensed(turn)
        self._order(turn, rest)

    def _order(self, turn: Turn, picks: Mapping[str, int]) -> None:
        ticket = turn.ticket("dispense")
        number = turn.draw("dispense")
        amount_minor = turn.site.worth(dict(picks)).minor
        note(turn, "dispense_ordered", ticket=ticket, number=number, picks=dict(picks), amount_minor=amount_minor)
        turn.order("dispenser", Dispense(ticket=ticket, picks=dict(picks), number=number))

    def _rest(self, turn: Turn) -> dict[str, int] | None:
        result = turn.event.payload
        case = turn.get(Case)
        if not isinstance(result, DispenseResult) or case.orders >= ORDERS_MAX or case.approved is None:
            return None
        wanted = turn.site.worth(dict(case.ordered)) if case.posting.takes_cash else case.approved
        if result.unaccounted or turn.cash.count(Place.PATH):
            return None  # a jam is not emptied by more notes
        rest = wanted - turn.site.worth(plus(case.moved, result.moved))
        failed = minus(case.ordered, result.moved)
        used = plus(result.moved, result.rejected)
        others = [
            UnitStock(s.unit, s.value_minor, s.available - used.get(s.unit, 0))
            for s in stock(turn)
            if s.unit not in failed
        ]
        return denominate(rest.minor, others, notes_max(turn), turn.site.algorithm)

    @action
    def note_dispensed(self, turn: Turn) -> None:
        """Write down what the device counted."""
        result = turn.event.payload
        assert isinstance(result, DispenseResult | LastDispenseResult)
        case = turn.get(Case)
        outcome = "partial" if minus(case.ordered, result.moved) else "done"
        note(
            turn,
            "dispensed",
            number=case.number,
            outcome=outcome,
            moved=dict(result.moved),
            rejected=dict(result.rejected),
            unaccounted=dict(result.unaccounted),
            error=result.error,
            detail=result.detail,
        )
        self._book(turn, result.moved, Place.CUSTOMER)
        self._book(turn, result.rejected, Place.REJECT)
        self._book(turn, result.unaccounted, Place.PATH)
        over = minus(result.moved, case.ordered)
        if over:
            turn.record("over_dispensed", case=case.id, notes=over)

    @action
    def note_dispense_unknown(self, turn: Turn) -> None:
        """Write down that nobody knows: every ordered note may be with the customer, and what the device saw beyond."""
        case = turn.get(Case)
        result = turn.event.payload
        seen = (
            plus(result.moved, result.unaccounted) if isinstance(result, DispenseResult | LastDispenseResult) else {}
        )
        perhaps = plus(case.ordered, minus(seen, case.ordered))
        note(
            turn, "dispensed", number=case.number, outcome="unknown", moved={}, rejected={},
            unaccounted=perhaps, error="presentErrorUnknown", detail="",
        )  # fmt: skip
        self._book(turn, perhaps, Place.UNKNOWN)

    @action
    def note_never_dispensed(self, turn: Turn) -> None:
        """Write down that the device is certain it never carried the order out."""
        case = turn.get(Case)
        note(
            turn, "dispensed", number=case.number, outcome="refused", moved={}, rejected={}, unaccounted={},
            error=turn.event.payload.error, detail=turn.event.payload.detail,
        )  # fmt: skip

    @action
    def ask_last_dispense(self, turn: Turn) -> None:
        case = turn.get(Case)
        turn.order(
            "dispenser",
            LastDispense(ticket=turn.ticket("last"), picks=dict(case.ordered), number=case.number),
        )

    @action
    def purge(self, turn: Turn) -> None:
        turn.drop(DispenserOut)
        turn.order("dispenser", Reset(ticket=turn.ticket("purge")))

    @action
    def note_purged(self, turn: Turn) -> None:
        """Write down where notes found in the path went; one that came out of the exit was paid to the customer.

        They came from the path by the book, or from the unknown, or from a cassette, in this order. A device that does
        not count what it clears leaves the rest unknown: no longer in the path, in the reject box or out.
        """
        result = turn.event.payload
        assert isinstance(result, ResetResult)
        turn.drop(PathUnsure)
        case = turn.find(Case)
        if result.rejected or result.moved:
            turn.record("purged", notes=dict(result.rejected), moved=dict(result.moved))
        if result.moved and case is not None and not case.closed:
            note(
                turn, "dispensed", number=case.number, outcome="partial", moved=dict(result.moved), rejected={},
                unaccounted={}, error=result.error, detail=result.detail,
            )  # fmt: skip
        for counts, target in ((result.moved, Place.CUSTOMER), (result.rejected, Place.REJECT)):
            for unit, count in counts.items():
                left = count
                for place in (Place.PATH, Place.UNKNOWN, Place.CASSETTE):
                    left -= self._take(turn, unit, left, place, target)
                if left:
                    turn.record("cash_difference", unit=unit, extra=left, place=target.value)
        if result.outcome is Outcome.DONE:
            for unit, count in turn.cash.by_unit(Place.PATH).items():
                self._take(turn, unit, count, Place.PATH, Place.UNKNOWN)

    def _book(self, turn: Turn, counts: Mapping[str, int], target: Place) -> None:
        for unit, count in counts.items():
            booked = self._take(turn, unit, count, Place.CASSETTE, target)
            if booked < count:  # the device counted more than the book has: a difference to be found, not an error
                turn.record("cash_difference", unit=unit, extra=count - booked, place=target.value)

    @staticmethod
    def _take(turn: Turn, unit: str, count: int, source: Place, target: Place) -> int:
        pending = sum(m.count for m in turn.moves if m.unit == unit and m.source is source)
        have = min(count, turn.cash.count(source, unit) - pending)
        if have > 0:
            case = turn.find(Case)
            turn.move(CashMove(unit, turn.site.notes[unit], have, source, target), case=case.id if case else "")
        return max(have, 0)

    # ------------------------------------------------------------ views

    @view("counting")
    def _counting(self, turn: Turn) -> Mapping[str, object]:
        case = turn.find(Case)
        return {"amount": case.approved or case.amount} if case else {}
