"""Cash withdrawal: what the customer wants, whether these notes can make it, what the host says, how it ends.

Decides; never does. The order of things is the flow's (`models/flows/withdrawal.yaml`): feasible before the host is
asked, card back before notes, settlement before the customer is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import gcd
from typing import Any, Final

from drivers.base.vocabulary import Document
from kiosk.flow.offers import action, guard, view
from kiosk.mix import alternatives, denominate, nearest_payable
from kiosk.money import Money, minor_per_major
from kiosk.ports import HostAnswered, Input, Reason
from kiosk.services import hosting
from kiosk.services.case import Case, Posting, owed_minor
from kiosk.services.dispensing import by_value, notes_max, stock
from kiosk.services.facts import Card, Plan, ReceiptWanted, Refusal, Typed, Unpayable
from kiosk.services.menu import CARD, CASH, HOST, Service
from kiosk.services.receipt import withdrawal_document
from kiosk.turn import Turn
from kiosk.view import Option


class Withdrawal:
    """Guards, actions and views of the flow ``withdrawal``."""

    service: Final = Service("withdrawal", "withdrawal", (CARD, HOST, "dispenser", CASH))

    def document(self, turn: Turn, case: Case) -> Document:
        return withdrawal_document(turn, case)

    # ------------------------------------------------------------ which amount

    def _picks(self, turn: Turn, minor: int) -> Mapping[str, int] | None:
        """Return the notes for an amount, or None: the host is never asked for what cannot be paid."""
        if not 0 < minor <= turn.site.cash.amount_max_minor:
            return None
        return denominate(minor, stock(turn), notes_max(turn), turn.site.algorithm)

    def _plan(self, turn: Turn, minor: int) -> Plan:
        """Return the plan for an amount that is payable, with the mixes to choose from."""
        picks = self._picks(turn, minor)
        assert picks is not None
        mixes = alternatives(minor, stock(turn), notes_max(turn), turn.site.cash.offer_mixes)
        return Plan(turn.site.money(minor), picks, tuple(mixes))

    def _asked_minor(self, turn: Turn) -> int:
        """Return the amount this event asks for, in minor units; 0 if none or not a number."""
        chosen = turn.event.payload
        if turn.event.name == "chose_amount" and isinstance(chosen, Input):
            return int(chosen.value) if chosen.value.isascii() and chosen.value.isdigit() else 0
        typed = turn.find(Typed)
        return int(typed.digits or "0") * minor_per_major(turn.site.cash.currency) if typed else 0

    @guard
    def payable(self, turn: Turn) -> bool:
        return self._picks(turn, self._asked_minor(turn)) is not None

    @guard
    def nothing_typed(self, turn: Turn) -> bool:
        return self._asked_minor(turn) == 0

    @action
    def plan_amount(self, turn: Turn) -> None:
        turn.put(self._plan(turn, self._asked_minor(turn)))
        turn.drop(Typed, Unpayable)

    @action
    def offer_nearest(self, turn: Turn) -> None:
        """Tell the nearest payable amounts, before the host is asked (edge case 23)."""
        asked = self._asked_minor(turn)
        below, above = nearest_payable(asked, stock(turn), notes_max(turn), turn.site.cash.amount_max_minor)
        money = turn.site.money
        turn.put(Unpayable(money(asked), money(below) if below else None, money(above) if above else None))

    @guard
    def several_mixes(self, turn: Turn) -> bool:
        return len(turn.get(Plan).mixes) > 1

    @action
    def take_mix(self, turn: Turn) -> None:
        chosen = turn.event.payload
        assert isinstance(chosen, Input)
        plan = turn.get(Plan)
        index = int(chosen.value) if chosen.value.isdigit() else 0
        if index < len(plan.mixes):
            turn.put(Plan(plan.amount, plan.mixes[index], plan.mixes))

    # ------------------------------------------------------------ the host

    @action
    def request_authorisation(self, turn: Turn) -> None:
        """Make the case and ask the host to reserve the amount."""
        plan = turn.get(Plan)
        track2 = turn.get(Card).track2
        assert track2 is not None
        supplies = turn.fitness.supplies("printer") if turn.fitness.usable("printer") else {"paper": "out"}
        told = supplies.get("paper") != "out" or turn.find(ReceiptWanted) is not None
        case = hosting.open_case(turn, "withdrawal", plan.amount, track2, paper_told=told)
        mix: dict[int, int] = {}
        for unit, count in plan.picks.items():
            value = turn.site.notes[unit].value_minor
            mix[value] = mix.get(value, 0) + count
        hosting.ask(turn, case, track2, mix)

    @guard
    def approved_payable(self, turn: Turn) -> bool:
        """Whether what the host approved can still be made of the notes that are there."""
        answer = turn.event.payload
        return isinstance(answer, HostAnswered) and self._picks_for(turn, answer.amount) is not None

    def _picks_for(self, turn: Turn, amount: Money | None) -> Mapping[str, int] | None:
        if amount is None:
            return None
        plan = turn.get(Plan)
        have = {s.unit: s.available for s in stock(turn)}
        if amount == plan.amount and all(have.get(u, 0) >= n for u, n in plan.picks.items()):
            return plan.picks
        return denominate(amount.minor, stock(turn), notes_max(turn), turn.site.algorithm)

    @action
    def note_approved(self, turn: Turn) -> None:
        """Write down the approval and keep the picks for it."""
        case = hosting.note_answer(turn)
        picks = self._picks_for(turn, case.approved)
        plan = turn.get(Plan)
        if case.approved is not None and picks is not None:
            turn.put(Plan(case.approved, picks, plan.mixes))

    @action
    def aim(self, turn: Turn) -> None:
        """Hand the picks to the dispense flow."""
        turn.put(replace(turn.get(Case), ordered=turn.get(Plan).picks))

    @guard
    def lower_possible(self, turn: Turn) -> bool:
        """Whether a lower amount would be covered and payable (edge case 20)."""
        return self._lower(turn) is not None

    def _lower(self, turn: Turn) -> Money | None:
        answer = turn.event.payload
        if not isinstance(answer, HostAnswered) or answer.code not in hosting.FUNDS or answer.available is None:
            return None
        most = min(answer.available.minor, turn.get(Plan).amount.minor - 1)
        if most <= 0:
            return None
        if self._picks(turn, most):
            return turn.site.money(most)
        below, _ = nearest_payable(most, stock(turn), notes_max(turn), most)
        return turn.site.money(below) if below else None

    @action
    def note_declined(self, turn: Turn) -> None:
        """Write down the decline; nothing is reserved, the case is closed."""
        lower = self._lower(turn)
        answer = turn.event.payload
        assert isinstance(answer, HostAnswered)
        hosting.note_answer(turn)
        hosting.settle_case(turn, Reason.NO_ANSWER)
        text = hosting.REFUSALS.get(answer.code, "other")
        turn.put(Refusal(text, lower, answer.tries_left, answer.code))

    @action
    def plan_lower(self, turn: Turn) -> None:
        lower = turn.get(Refusal).lower
        assert lower is not None
        turn.put(self._plan(turn, lower.minor))
        turn.drop(Refusal)

    @guard
    def lower_still_payable(self, turn: Turn) -> bool:
        lower = turn.get(Refusal).lower
        return lower is not None and self._picks(turn, lower.minor) is not None

    # ------------------------------------------------------------ settling

    @action
    def release_cancelled(self, turn: Turn) -> None:
        hosting.settle_case(turn, Reason.CUSTOMER_CANCELLED)

    @action
    def release_unpayable(self, turn: Turn) -> None:
        """The host approved what can no longer be paid."""
        hosting.note_answer(turn)
        hosting.settle_case(turn, Reason.NOTHING_DISPENSED)

    @action
    def release_card_retained(self, turn: Turn) -> None:
        hosting.settle_case(turn, Reason.CARD_RETAINED)

    @action
    def release_card_stuck(self, turn: Turn) -> None:
        hosting.settle_case(turn, Reason.CARD_REMOVED)

    @action
    def settle_dispensed(self, turn: Turn) -> None:
        hosting.settle_case(turn, Reason.NOTHING_DISPENSED)

    @guard
    def something_paid(self, turn: Turn) -> bool:
        return bool(turn.get(Case).moved)

    # ------------------------------------------------------------ views

    @view("choose_amount")
    def _choose_amount(self, turn: Turn) -> Mapping[str, Any]:
        minors = turn.site.cash.quick_amounts_minor
        payable = {minor: self._picks(turn, minor) is not None for minor in minors}
        options = tuple(
            Option("chose_amount", str(minor), turn.site.money(minor), why_not="" if payable[minor] else "no_cash")
            for minor in minors
        )
        return {"options": options}

    @view("other_amount")
    def _other_amount(self, turn: Turn) -> Mapping[str, Any]:
        typed = turn.find(Typed) or Typed()
        units = [s.value_minor for s in stock(turn) if s.available]
        values: dict[str, Any] = {
            "typed": turn.site.money(int(typed.digits or "0") * minor_per_major(turn.site.cash.currency)),
            "most": turn.site.money(turn.site.cash.amount_max_minor),
        }
        if units:
            values["multiple"] = turn.site.money(gcd(*units))
        return values

    @view("not_payable")
    def _not_payable(self, turn: Turn) -> Mapping[str, Any]:
        asked = turn.get(Unpayable)
        near = [m for m in (asked.below, asked.above) if m]
        return {"amount": asked.amount, "options": tuple(Option("chose_amount", str(m.minor), m) for m in near)}

    @view("choose_mix")
    def _choose_mix(self, turn: Turn) -> Mapping[str, Any]:
        plan = turn.get(Plan)
        options = []
        for i, mix in enumerate(plan.mixes):
            options.append(Option("chose_mix", str(i), _mix_name(i, len(plan.mixes)), by_value(turn, mix)))
        return {"amount": plan.amount, "options": tuple(options)}

    @view("lower_offer")
    def _lower_offer(self, turn: Turn) -> Mapping[str, Any]:
        refusal = turn.get(Refusal)
        return {"reason": refusal.reason, "asked": turn.get(Plan).amount, "offered": refusal.lower}

    @view("partial_offer")
    def _partial_offer(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        return {"asked": case.amount, "approved": case.approved}

    @view("take_notes")
    def _take_notes(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        sensor = turn.fitness.capabilities("dispenser").items_taken_sensor
        return {
            "amount": turn.site.worth(dict(case.moved)),
            "picks": by_value(turn, case.moved),
            "confirm": not sensor,
        }

    @view("short_paid")
    def _short_paid(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        paid = turn.site.worth(dict(case.moved))
        return {"paid": paid, "not_charged": (case.approved or case.amount) - paid, "reference": case.rrn}

    @view("not_charged")
    def _not_charged(self, turn: Turn) -> Mapping[str, Any]:
        return self._reference(turn)

    @view("suspect_case")
    def _suspect_case(self, turn: Turn) -> Mapping[str, Any]:
        """Say what is being looked into: notes that went out, notes that came in, or goods."""
        case, money = turn.get(Case), turn.site.money
        values: dict[str, Any] = {"reference": case.rrn, "how": "recount", "about": "notes_out", "amount": case.amount}
        if case.posting in (Posting.DELIVERY, Posting.CASH_GOODS):
            values["about"] = "goods"
        elif case.posting is not Posting.NOTES:
            stands = money(case.credited_minor if case.approved is not None else 0)
            owed = owed_minor(case, turn.site, stands)
            values |= {"about": "notes_in", "amount": money(owed) if owed > 0 and not case.unknown else None}
        return {name: value for name, value in values.items() if value is not None}

    @staticmethod
    def _reference(turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        return {"amount": case.amount, "reference": case.rrn}


def _mix_name(index: int, mixes: int) -> str:
    """Return how a mix is called: the first has the largest notes, the last the smallest."""
    if index == 0:
        return "mix.large"
    return "mix.small" if index == mixes - 1 else "mix.mixed"
