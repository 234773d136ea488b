"""Top-up of a phone: operator, number keyed twice alike, one of the operator's amounts, checked, shown, paid.

The number is keyed twice because a credit on a stranger's phone does not come back by itself (N-TOP-01).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from drivers.base.vocabulary import Document
from kiosk.agreements import OPERATOR
from kiosk.flow.offers import action, guard
from kiosk.services.agency import Sale, agreement_of, ask_number, offer_partners, sale_rows, tell
from kiosk.services.case import Case
from kiosk.services.entering import Choices, chosen_value
from kiosk.services.facts import Intent, Typed
from kiosk.services.menu import HOST, PAYER, Service
from kiosk.services.receipt import head, tail
from kiosk.turn import Turn
from kiosk.view import Option


class TopUp:
    """Guards and actions of the flow ``top_up``."""

    service: Final = Service("top_up", "top_up", (PAYER, HOST, OPERATOR))

    @action
    def offer_operators(self, turn: Turn) -> None:
        turn.put(Sale("top_up", "top_up"))
        offer_partners(turn, "top_up_partner", OPERATOR)

    @action
    def take_operator(self, turn: Turn) -> None:
        code = chosen_value(turn)
        turn.put(replace(turn.get(Sale), code=code))
        ask_number(turn, "top_up_number", code)

    @action
    def ask_number_again(self, turn: Turn) -> None:
        sale = replace(turn.get(Sale), number=turn.get(Typed).digits)
        turn.put(sale)
        ask_number(turn, "top_up_again", sale.code)

    @guard
    def numbers_alike(self, turn: Turn) -> bool:
        return turn.get(Typed).digits == turn.get(Sale).number

    @action
    def ask_number_anew(self, turn: Turn) -> None:
        sale = replace(turn.get(Sale), number="")
        tell(turn, "target_entered", partner=sale.code, alike=False)
        turn.put(sale)
        ask_number(turn, "top_up_number", sale.code)
        turn.put(Typed("", "numbers_differ"))

    @action
    def offer_amounts(self, turn: Turn) -> None:
        tell(turn, "target_entered", partner=turn.get(Sale).code, alike=True)
        amounts = agreement_of(turn, turn.get(Sale).code).amounts_minor
        options = tuple(Option("chose_one", str(minor), turn.site.money(minor)) for minor in amounts)
        turn.put(Choices("top_up_amount", options))

    @action
    def want_number_check(self, turn: Turn) -> None:
        amount = turn.site.money(int(chosen_value(turn)))
        sale = replace(turn.get(Sale), amount=amount)
        turn.put(sale)
        turn.put(Intent("top_up_check", amount, private={"BL": f"{sale.code}|{sale.number}"}))

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the receipt: the phone, the operator's number of the top-up, and what is still open about it."""
        rows = head(turn, "receipt.title_top_up", case.rrn, case.card)
        return tuple(rows + sale_rows(turn, case) + tail(turn))
