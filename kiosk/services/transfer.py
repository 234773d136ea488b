"""Transfer: to another account of the customer's own, or to anybody's at this bank.

The host posts at its answer, so the answer is the transfer: approved and settled in one step, or, when no answer can be
trusted, taken back by a reversal that is queued before the customer is told (N-TRF-03: neither done nor failed is said
then, but that it is being cancelled). The payee's masked name is shown before the customer confirms (N-TRF-01).
"""

from __future__ import annotations

from typing import Any, Final

from drivers.base.vocabulary import Columns, Document, Element, Rule, Text
from kiosk.flow.offers import action, guard
from kiosk.services.case import Case, Posting
from kiosk.services.entering import (
    AmountWanted,
    Choices,
    Confirmation,
    NumberWanted,
    Outcome,
    chosen_value,
    typed_money,
)
from kiosk.services.facts import Answer, Intent, Typed
from kiosk.services.menu import CARD, HOST, Service
from kiosk.services.payee import Accounts, Payee, account_label, name_of
from kiosk.services.receipt import head, money_of, say_in, tail
from kiosk.turn import Turn
from kiosk.view import Option

ACCOUNT_DIGITS: Final = (12, 19)


class Transfer:
    """Guards, actions and views of the flow ``transfer``."""

    service: Final = Service("transfer", "transfer", (CARD, HOST))

    # ------------------------------------------------------------ to whom

    @action
    def offer_destinations(self, turn: Turn) -> None:
        options = tuple(Option("chose_one", way, f"option.{way}_account") for way in ("own", "other"))
        turn.put(Choices("transfer_to", options))

    @guard
    def chose_own(self, turn: Turn) -> bool:
        return chosen_value(turn) == "own"

    @action
    def offer_own_accounts(self, turn: Turn) -> None:
        Accounts.offer(turn, without_first=True)

    @action
    def take_own_account(self, turn: Turn) -> None:
        own = Accounts.at(turn, chosen_value(turn))
        turn.put(Payee(own.number, account_label(turn, own)))

    @action
    def ask_payee_number(self, turn: Turn) -> None:
        turn.put(Typed())
        turn.put(NumberWanted("account_number", *ACCOUNT_DIGITS, hint="account_number"))

    @action
    def want_payee(self, turn: Turn) -> None:
        number = turn.get(Typed).digits
        turn.put(Payee(number))
        turn.put(Intent("payee_lookup", turn.site.money(0), to_account=number))

    @action
    def keep_payee(self, turn: Turn) -> None:
        turn.put(Payee(turn.get(Payee).number, name_of(turn.get(Answer))))

    # ------------------------------------------------------------ how much

    @action
    def ask_transfer_amount(self, turn: Turn) -> None:
        turn.drop(NumberWanted)
        turn.put(Typed())
        turn.put(AmountWanted("transfer_amount", turn.site.money(turn.site.transfer_max_minor)))

    @action
    def prepare_transfer(self, turn: Turn) -> None:
        payee, amount = turn.get(Payee), typed_money(turn)
        turn.put(Confirmation({"what": "transfer", "amount": amount, "name": payee.name, "to": payee.shown}))

    # ------------------------------------------------------------ the host

    @action
    def want_transfer(self, turn: Turn) -> None:
        payee = turn.get(Payee)
        turn.drop(Answer)
        turn.put(
            Intent("transfer", typed_money(turn), Posting.ANSWER, to_account=payee.number, kept={"to": payee.shown})
        )

    @action
    def tell_transferred(self, turn: Turn) -> None:
        answer, payee = turn.get(Answer), turn.get(Payee)
        values: dict[str, Any] = {
            "what": "transfer", "amount": answer.amount, "reference": answer.reference, "name": payee.name,
            "to": payee.shown,
        }  # fmt: skip
        if answer.available is not None:
            values["available"] = answer.available
        turn.put(Outcome(values))

    # ------------------------------------------------------------ paper

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the receipt: what was transferred and to whom, or that it was not."""
        rows = head(turn, "receipt.title_transfer", case.rrn, case.card)
        return tuple(rows + payee_rows(turn, case) + outcome_rows(turn, case) + tail(turn))


def payee_rows(turn: Turn, case: Case) -> list[Element]:
    """Return who gets how much."""
    say, payee = say_in(turn), turn.find(Payee)
    rows: list[Element] = [Rule()]
    if payee is not None:
        rows.append(Columns(say("receipt.to"), payee.shown))
        if payee.name:
            rows.append(Columns(say("receipt.name"), payee.name))
    if case.amount:
        rows.append(Columns(say("receipt.amount"), money_of(turn, case.amount), bold=True))
    return rows


def outcome_rows(turn: Turn, case: Case) -> list[Element]:
    """Return what came of an order that the host posts at its answer."""
    say, contact, answer = say_in(turn), turn.site.contact, turn.find(Answer)
    if case.approved is None:
        text = "receipt.unconfirmed_text" if case.failed in ("silent", "mismatch") else "receipt.refused_text"
        return [Rule(), Text(say(text, contact=contact))]
    rows: list[Element] = []
    if case.fee:
        rows.append(Columns(say("receipt.fee"), money_of(turn, case.fee)))
    total = case.approved + case.fee if case.fee else case.approved
    rows.append(Columns(say("receipt.total"), money_of(turn, total), bold=True))
    if answer is not None and answer.available is not None:
        rows.append(Columns(say("receipt.available"), money_of(turn, answer.available)))
    return rows
