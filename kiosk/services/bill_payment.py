"""Bill payment: what is owed to a biller under an agency agreement, checked, shown, paid from the card's account.

A bill is paid in full. See `kiosk.services.agency` for what it has in common with a top-up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from drivers.base.vocabulary import Document
from kiosk.agreements import BILLER
from kiosk.flow.offers import action, guard
from kiosk.services.agency import STATUS, Sale, ask_number, offer_partners, sale_rows, tell
from kiosk.services.case import Case
from kiosk.services.entering import chosen_value
from kiosk.services.facts import Intent, Typed
from kiosk.services.menu import HOST, PAYER, Service
from kiosk.services.receipt import head, tail
from kiosk.turn import Turn


class BillPayment:
    """Guards and actions of the flow ``bill_payment``."""

    service: Final = Service("bill_payment", "bill_payment", (PAYER, HOST, BILLER))

    @action
    def offer_billers(self, turn: Turn) -> None:
        turn.put(Sale("bill_payment", "payment"))
        offer_partners(turn, "bill_partner", BILLER)

    @guard
    def chose_status(self, turn: Turn) -> bool:
        return chosen_value(turn) == STATUS

    @action
    def take_biller(self, turn: Turn) -> None:
        code = chosen_value(turn)
        turn.put(replace(turn.get(Sale), code=code))
        ask_number(turn, "bill_number", code)

    @action
    def want_bill(self, turn: Turn) -> None:
        sale = replace(turn.get(Sale), number=turn.get(Typed).digits)
        turn.put(sale)
        tell(turn, "bill_asked", partner=sale.code, rule_ok=True)
        turn.put(Intent("bill_check", turn.site.money(0), private={"BL": f"{sale.code}|{sale.number}"}))

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the receipt: the bill, the biller's number of the payment, and what is still open about it."""
        rows = head(turn, "receipt.title_bill_payment", case.rrn, case.card)
        return tuple(rows + sale_rows(turn, case) + tail(turn))
