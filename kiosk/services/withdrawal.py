"""Cash withdrawal: what the customer wants, whether these notes can make it, what the host says, how it ends.

Decides; never does. The order of things is the flow's (`models/flows/withdrawal.yaml`): feasible before the host is
asked, card back before notes, settlement before the customer is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import gcd
from typing import Any, Final

from kiosk.flow.offers import action, guard, view
from kiosk.mix import alternatives, denominate, nearest_payable
from kiosk.money import Money, minor_per_major
from kiosk.ports import HostAnswered, Input, Reason
from kiosk.services import hosting
from kiosk.services.case import Case
from kiosk.services.dispensing import notes_max, stock
from kiosk.services.facts import Card, PinEntry, Plan, ReceiptWanted, Refusal, Typed, Unpayable
from kiosk.turn import Turn
from kiosk.view import Option

DIGITS_MAX: Final = 6  # keyed digits of an amount in major units


class Withdrawal:
    """Guards, actions and views of the flow ``withdrawal``."""

    # ------------------------------------------------------------ which amount

    def _plan(self, turn: Turn, minor: int) -> Plan | None:
        """Return a feasible plan, or None: the host is never asked for what cannot be paid."""
        if not 0 < minor <= turn.site.cash.amount_max_minor:
            return None
        have, limit = stock(turn), notes_max(turn)
        picks = denominate(minor, have, limit, turn.site.algorithm)
        if picks is None:
            return None
        mixes = alternatives(minor, have, limit, turn.site.cash.offer_mixes)
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
        return self._plan(turn, self._asked_minor(turn)) is not None

    @guard
    def nothing_typed(self, turn: Turn) -> bool:
        return self._asked_minor(turn) == 0

    @action
    def plan_amount(self, turn: Turn) -> None:
        plan = self._plan(turn, self._asked_minor(turn))
        assert plan is not None
        turn.put(plan)
        turn.drop(Typed, Unpayable)

    @action
    def offer_nearest(self, turn: Turn) -> None:
        """Tell the nearest payable amounts, before the host is asked (edge case 23)."""
        asked = self._asked_minor(turn)
        below, above = nearest_payable(asked, stock(turn), notes_max(turn), turn.site.cash.amount_max_minor)
        money = turn.site.money
        turn.put(Unpayable(money(asked), money(below) if below else None, money(above) if above else None))

    @action
    def type_digit(self, turn: Turn) -> None:
        pressed = turn.event.payload
        assert isinstance(pressed, Input)
        digits = (turn.find(Typed) or Typed()).digits
        if pressed.value.isascii() and pressed.value.isdigit() and len(digits + pressed.value) <= DIGITS_MAX:
            turn.put(Typed((digits + pressed.value).lstrip("0")))

    @action
    def clear_typed(self, turn: Turn) -> None:
        turn.put(Typed())

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

    # ------------------------------------------------------------ paper

    @guard
    def paper_missing(self, turn: Turn) -> bool:
        """Whether there is no paper and the customer has not been asked (edge case 90)."""
        has_paper = turn.fitness.usable("printer") and turn.fitness.supplies("printer").get("paper") != "out"
        return not has_paper and turn.find(ReceiptWanted) is None

    @action
    def go_without_receipt(self, turn: Turn) -> None:
        turn.put(ReceiptWanted(False))

    # ------------------------------------------------------------ the host

    @guard
    def advices_wait(self, turn: Turn) -> bool:
        """Whether an earlier advice is unsent: no new request may overtake it."""
        return turn.fitness.advices_waiting > 0

    @guard
    def host_usable(self, turn: Turn) -> bool:
        return turn.fitness.host_online

    @action
    def request_authorisation(self, turn: Turn) -> None:
        """Make the case and ask the host to reserve the amount."""
        plan = turn.get(Plan)
        track2 = turn.get(Card).track2
        assert track2 is not None
        told = not self.paper_missing(turn)
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
    def pin_wrong(self, turn: Turn) -> bool:
        answer = turn.event.payload
        return isinstance(answer, HostAnswered) and answer.code == hosting.WRONG_PIN and answer.tries_left != 0

    @guard
    def card_to_retain(self, turn: Turn) -> bool:
        answer = turn.event.payload
        return isinstance(answer, HostAnswered) and answer.code in hosting.RETAIN

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
        if self._plan(turn, most):
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
    def expect_pin(self, turn: Turn) -> None:
        refusal = turn.get(Refusal)
        turn.put(PinEntry(0, refusal.tries_left, wrong=True))

    @action
    def plan_lower(self, turn: Turn) -> None:
        lower = turn.get(Refusal).lower
        assert lower is not None
        plan = self._plan(turn, lower.minor)
        assert plan is not None
        turn.put(plan)
        turn.drop(Refusal)

    @guard
    def lower_still_payable(self, turn: Turn) -> bool:
        lower = turn.get(Refusal).lower
        return lower is not None and self._plan(turn, lower.minor) is not None

    @action
    def refuse_host_down(self, turn: Turn) -> None:
        turn.put(Refusal("host_offline"))

    @action
    def note_no_answer(self, turn: Turn) -> None:
        """No answer to be trusted: what may be reserved is released, before the customer is told."""
        hosting.note_failure(turn)
        mismatch = turn.event.name == "host_mismatch"
        hosting.settle_case(turn, Reason.BAD_ANSWER if mismatch else Reason.NO_ANSWER)

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

    @action
    def settle_after_restart(self, turn: Turn) -> None:
        hosting.settle_case(turn, Reason.RESTART)

    @guard
    def something_paid(self, turn: Turn) -> bool:
        return bool(turn.get(Case).moved)

    # ------------------------------------------------------------ views

    @view("choose_amount")
    def _choose_amount(self, turn: Turn) -> Mapping[str, Any]:
        minors = turn.site.cash.quick_amounts_minor
        payable = {minor: self._plan(turn, minor) is not None for minor in minors}
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
            options.append(Option("chose_mix", str(i), _mix_name(i, len(plan.mixes)), _by_value(turn, mix)))
        return {"amount": plan.amount, "options": tuple(options)}

    @view("lower_offer")
    def _lower_offer(self, turn: Turn) -> Mapping[str, Any]:
        refusal = turn.get(Refusal)
        return {"reason": refusal.reason, "asked": turn.get(Plan).amount, "offered": refusal.lower}

    @view("partial_offer")
    def _partial_offer(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        return {"asked": case.amount, "approved": case.approved}

    @view("please_wait")
    def _please_wait(self, _: Turn) -> Mapping[str, Any]:
        return {"what": "authorising"}

    @view("refused")
    def _refused(self, turn: Turn) -> Mapping[str, Any]:
        refusal = turn.find(Refusal)
        return {"reason": refusal.reason if refusal else "other"}

    @view("take_notes")
    def _take_notes(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        sensor = turn.fitness.capabilities("dispenser").items_taken_sensor
        return {
            "amount": turn.site.worth(dict(case.moved)),
            "picks": _by_value(turn, case.moved),
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
        return {**self._reference(turn), "how": "recount"}

    @staticmethod
    def _reference(turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        return {"amount": case.amount, "reference": case.rrn}


def _by_value(turn: Turn, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return denomination in minor units -> notes, as screens draw them."""
    by_value: dict[str, Any] = {}
    for unit, count in counts.items():
        value = str(turn.site.notes[unit].value_minor)
        by_value[value] = by_value.get(value, 0) + count
    return by_value


def _mix_name(index: int, mixes: int) -> str:
    """Return how a mix is called: the first has the largest notes, the last the smallest."""
    if index == 0:
        return "mix.large"
    return "mix.small" if index == mixes - 1 else "mix.mixed"
