"""Paying a partner in notes: allowed before the first note, collected one by one, agreed to, posted from the vault.

    checked -> 0200: reserved at bank and partner -> note by note -> "enough: pay?" -> last note vaulted -> change
            -> 0220: posted, the partner has its word -> its final word -> paid, pending, or owed to the customer

The request goes out before any note comes in, so that a refusal or a silence costs nobody anything, and a bill that is
being paid here is not paid elsewhere meanwhile. After that the terminal needs the host no more: the advice that posts
is stored and forwarded. The escrow holds one note, so earlier ones are in the vault: a customer who gives up gets the
one in escrow back and notes of equal value for the others, and a slip for what no note makes (edge case 61).

Whatever breaks off, the counts decide (`kiosk.services.case.cash_stands`): nothing is paid without the customer's yes
and the whole of what is due in the vault, and everything else that was kept is owed under the reference, which the
customer sees from the first note on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from kiosk.flow.offers import action, guard, view
from kiosk.money import Money
from kiosk.ports import Reason
from kiosk.services import hosting
from kiosk.services.agency import Sale, agreement_of, partner_name, tell
from kiosk.services.case import Case, Posting, cash_stands, due_minor
from kiosk.services.cash_in import ACCEPTOR, Absent, NotesWanted
from kiosk.services.change import (
    ACCOUNT,
    CashPaid,
    Change,
    PaidBack,
    Purse,
    acceptable,
    cash_values,
    most_payable,
    owed_of,
    plan_change,
    why_no_cash,
)
from kiosk.services.dispensing import note
from kiosk.services.entering import Choices, chosen_value
from kiosk.services.facts import Answer, Card, Intent, Refusal
from kiosk.turn import Turn
from kiosk.view import Option

CARD_WAY: Final = "card"
CASH_WAY: Final = "cash"


def cash_intent(turn: Turn, operation: str, amount: Money, fee: Money | None, bought: str, **kept: str) -> None:
    """Put what is asked of the host before notes are taken: `bought` is tag BL, `kept` goes into the record."""
    goods = operation == "purchase"
    more = {"owed_to": ACCOUNT} if turn.find(Card) is not None else {}
    turn.drop(Answer)
    turn.put(
        Intent(
            operation, amount, Posting.CASH_GOODS if goods else Posting.CASH, fee=fee,
            private={"BL": bought, "PM": "CASH"}, kept=kept | more,
        )
    )  # fmt: skip


class CashPayments:
    """Guards, actions, views of ``pay_cash``, ``collect_cash``, ``hand_out``, ``give_back_cash``, ``refund_cash``."""

    # ------------------------------------------------------------ card or cash

    @guard
    def two_ways(self, turn: Turn) -> bool:
        """Whether the agreement knows cards and cash: then the customer chooses."""
        return CASH_WAY in agreement_of(turn, turn.get(Purse).code).pay_by

    @guard
    def cash_possible(self, turn: Turn) -> bool:
        return not self._why_not(turn)

    @staticmethod
    def _why_not(turn: Turn) -> str:
        purse = turn.get(Purse)
        return why_no_cash(turn, agreement_of(turn, purse.code), purse.due)

    @action
    def offer_pay_ways(self, turn: Turn) -> None:
        """Offer card and cash, and say why one of them is not to be had now."""
        agreement = agreement_of(turn, turn.get(Purse).code)
        by_card = "" if CARD_WAY in agreement.pay_by else "not_agreed"
        options = (
            Option("chose_one", CARD_WAY, "option.pay_card", why_not=by_card),
            Option("chose_one", CASH_WAY, "option.pay_cash", why_not=self._why_not(turn)),
        )
        turn.put(Choices("pay_by", options))

    @guard
    def chose_cash(self, turn: Turn) -> bool:
        return chosen_value(turn) == CASH_WAY

    @action
    def refuse_cash(self, turn: Turn) -> None:
        """Say why nothing can be paid without a card here and now."""
        turn.put(Refusal(f"cash_{self._why_not(turn)}"))

    # ------------------------------------------------------------ collecting

    @action
    def want_cash_sale(self, turn: Turn) -> None:
        sale = turn.get(Sale)
        assert sale.amount is not None
        cash_intent(
            turn, sale.operation, sale.amount, sale.fee, f"{sale.code}|{sale.number}", to=sale.code, number=sale.shown
        )

    @staticmethod
    def _left(turn: Turn) -> int:
        case = turn.get(Case)
        return due_minor(case) - case.vaulted_minor

    @guard
    def note_welcome(self, turn: Turn) -> bool:
        """Whether another note is wanted and can be taken."""
        agreement = agreement_of(turn, turn.get(Purse).code)
        left = self._left(turn)
        return left > 0 and turn.fitness.usable(ACCEPTOR) and bool(acceptable(turn, agreement, left))

    @action
    def want_cash_note(self, turn: Turn) -> None:
        case, purse = turn.get(Case), turn.get(Purse)
        values = acceptable(turn, agreement_of(turn, purse.code), self._left(turn))
        total = turn.site.money(case.vaulted_minor)
        turn.put(NotesWanted("cash_payment", values, total, turn.site.money(due_minor(case)), case.rrn))

    @guard
    def cash_suffices(self, turn: Turn) -> bool:
        return turn.get(Case).held_minor >= self._left(turn)

    @guard
    def change_ready(self, turn: Turn) -> bool:
        """Whether what is too much can still be given back."""
        return self._change(turn) is not None

    def _change(self, turn: Turn) -> Change | None:
        agreement = agreement_of(turn, turn.get(Purse).code)
        return plan_change(turn, agreement, turn.get(Case).held_minor - self._left(turn))

    @action
    def plan_cash_change(self, turn: Turn) -> None:
        change = self._change(turn)
        assert change is not None
        turn.put(replace(turn.get(Purse), change=change))

    @action
    def agree_cash(self, turn: Turn) -> None:
        """The customer has said yes: from here on the last note may go into the vault, and then it is paid."""
        case, change = turn.get(Case), turn.get(Purse).change
        note(
            turn, "payment_agreed", due_minor=due_minor(case), received_minor=case.vaulted_minor + case.held_minor,
            change_minor=turn.site.worth(dict(change.picks)).minor, credit_minor=change.credit_minor,
            credit_to=change.credit_to,
        )  # fmt: skip

    @action
    def note_cash_taken(self, turn: Turn) -> None:
        case = turn.get(Case)
        tell(turn, "payment_taken", case=case.id, minor=due_minor(case), by=CASH_WAY)

    @guard
    def cash_open(self, turn: Turn) -> bool:
        """Whether notes were allowed and the payment is not settled: what is in must be given back."""
        case = turn.get(Case)
        return case.posting.takes_cash and case.approved is not None and not case.closed

    @guard
    def cash_unanswered(self, turn: Turn) -> bool:
        return turn.get(Case).failed in ("silent", "mismatch")

    # ------------------------------------------------------------ notes out: change, or everything again

    @staticmethod
    def _out(turn: Turn) -> Mapping[str, int]:
        """Return the notes to be handed out: the change agreed on, or the most of what is in; none to nobody."""
        case = turn.get(Case)
        if turn.find(Absent) is not None:
            return {}
        if cash_stands(case) or not case.posting.takes_cash:
            picks = turn.get(Purse).change.picks
            return picks if turn.fitness.usable("dispenser") else {}
        return most_payable(turn, case.vaulted_minor)

    @guard
    def notes_owed(self, turn: Turn) -> bool:
        return bool(self._out(turn))

    @action
    def aim_notes(self, turn: Turn) -> None:
        turn.put(replace(turn.get(Case), ordered=self._out(turn)))

    @action
    def settle_cash(self, turn: Turn) -> None:
        case = turn.get(Case)
        hosting.settle_case(turn, Reason.CUSTOMER_CANCELLED)
        if cash_stands(case):
            done = turn.find(CashPaid)
            turn.put(CashPaid((done.minor if done else 0) + due_minor(case)))

    @guard
    def cash_owed(self, turn: Turn) -> bool:
        """Whether something of what came in is neither paid for anything nor given back."""
        return owed_of(turn, turn.get(Case))[0] > 0

    @action
    def note_no_more(self, turn: Turn) -> None:
        """No other note can be taken: the customer is told why."""
        turn.put(Refusal("cash_no_change" if turn.fitness.usable(ACCEPTOR) else "acceptor"))

    @guard
    def refusal_known(self, turn: Turn) -> bool:
        return turn.find(Refusal) is not None

    # ------------------------------------------------------------ the partner's word

    @action
    def begin_final_word(self, turn: Turn) -> None:
        """It is posted; what the partner says of it is not known yet."""
        case = turn.get(Case)
        turn.put(replace(turn.get(Sale), case=case, state="pending"))

    # ------------------------------------------------------------ refused after it was paid

    @guard
    def refund_payable(self, turn: Turn) -> bool:
        return bool(self._refund(turn))

    @staticmethod
    def _refund(turn: Turn) -> Mapping[str, int]:
        case = turn.get(Sale).case
        assert case is not None
        return most_payable(turn, due_minor(case))

    @action
    def want_refund(self, turn: Turn) -> None:
        """Ask for the notes that can be paid of what is owed now; the rest stays on the slip."""
        case, picks = turn.get(Sale).case, self._refund(turn)
        assert case is not None
        turn.put(replace(turn.get(Purse), change=Change(picks)))
        amount = turn.site.worth(dict(picks))
        turn.put(Intent("claim_payout", amount, Posting.PAYOUT, private={"RF": case.rrn}, kept={"about": case.rrn}))

    @action
    def settle_refund(self, turn: Turn) -> None:
        hosting.settle_case(turn, Reason.NOTHING_DISPENSED)
        turn.put(PaidBack(turn.site.worth(dict(turn.get(Case).moved)).minor))

    @action
    def recall_sale(self, turn: Turn) -> None:
        """What is told and printed is the payment, not its refund."""
        case = turn.get(Sale).case
        assert case is not None
        turn.drop(Refusal)
        turn.put(case)
        if turn.find(PaidBack) is None:
            turn.put(PaidBack(0))

    # ------------------------------------------------------------ views

    @view("cash_enough")
    def _cash_enough(self, turn: Turn) -> Mapping[str, Any]:
        case, purse, money = turn.get(Case), turn.get(Purse), turn.site.money
        values: dict[str, Any] = {
            "amount": purse.due, "received": money(case.vaulted_minor + case.held_minor),
            "partner": partner_name(turn, purse.code), "reference": case.rrn,
        }  # fmt: skip
        if purse.change.picks:
            values["change"] = turn.site.worth(dict(purse.change.picks))
        if purse.change.credit_minor:
            values |= {"credit": money(purse.change.credit_minor), "credit_to": purse.change.credit_to}
        return values

    @view("cash_owed")
    def _cash_owed(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        told = cash_values(turn, case)
        told.pop("received")
        return {"reference": case.rrn, "contact": turn.site.contact, **told}
