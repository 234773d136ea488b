"""What bills and top-ups have in common: whose agreement, what the partner told, paying it, and its final word.

Check, pay, status (edge cases 81 to 84, 87): the number is checked with the partner before money moves, with the masked
holder and the commission shown; the payment is asked once; a partner that has not said its final word is asked for it a
few times, by the reference of the payment. What is still open then is told as accepted and pending: asking again later
is by the same reference, paying again is refused by the partner. A refusal after the payment has been given back by the
bank when it is told here (new entries).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from drivers.base.vocabulary import Columns, Element, Rule, Text
from kiosk.agreements import CASH, Agreement
from kiosk.flow.offers import action, guard, view
from kiosk.money import Money
from kiosk.services.case import Case, Posting, cash_stands
from kiosk.services.change import PaidBack, Purse, cash_rows, cash_values, owed_of
from kiosk.services.entering import Choices, Confirmation, NumberWanted, Outcome
from kiosk.services.facts import Answer, Card, Intent, Refusal, Session, Typed
from kiosk.services.payee import masked_account, name_of
from kiosk.services.receipt import locale_of, money_of, say_in
from kiosk.turn import OfBusiness, Turn
from kiosk.view import Option

ASKS_MAX: Final = 3  # for a partner's final word while the customer waits
REFERENCE_DIGITS: Final = 12
STATES: Final = ("paid", "pending", "refunded")
STATUS: Final = "status"
_UNSETTLED: Final = {"pending": "receipt.partner_pending", "refunded": "receipt.partner_refunded"}


@dataclass(frozen=True, slots=True, repr=False)
class Sale(OfBusiness):
    """What is being paid, and how far it is. `number` is never shown or journalled whole."""

    service: str
    operation: str
    code: str = ""
    number: str = ""
    name: str = ""  # masked by the partner
    amount: Money | None = None
    fee: Money | None = None
    due_on: str = ""
    state: str = ""
    receipt: str = ""  # the partner's own number
    case: Case | None = None
    asks: int = 0

    @property
    def shown(self) -> str:
        return masked_account(self.number)


def agreements(turn: Turn, kind: str) -> tuple[Agreement, ...]:
    """Return the agreements of a kind in the order of the configuration; without a card those that take cash."""
    card = turn.find(Card) is not None
    return tuple(a for a in turn.site.agreements if a.kind == kind and (card or CASH in a.pay_by))


def agreement_of(turn: Turn, code: str) -> Agreement:
    """Return the agreement with a partner. Raises LookupError for a code without one."""
    for agreement in turn.site.agreements:
        if agreement.code == code:
            return agreement
    raise LookupError(f"no agreement with {code!r}")


def partner_name(turn: Turn, code: str) -> str:
    return agreement_of(turn, code).called(locale_of(turn))


def offer_partners(turn: Turn, what: str, kind: str) -> None:
    """Offer the partners of a kind, and to ask about an earlier payment."""
    options = [
        Option("chose_one", a.code, "option.named", {"name": a.called(locale_of(turn))}) for a in agreements(turn, kind)
    ]
    turn.put(Choices(what, (*options[:7], Option("chose_one", STATUS, "option.partner_status"))))


def ask_number(turn: Turn, what: str, code: str) -> None:
    number = agreement_of(turn, code).number
    assert number is not None, "checked when the agreements were read"
    turn.put(NumberWanted(what, number.least, number.most, group=number.group, barcode=number.barcode))
    turn.put(Typed())


def tell(turn: Turn, kind: str, **data: object) -> None:
    """Add a record of this customer's visit."""
    session = turn.find(Session)
    turn.record(kind, session=session.id if session else "", **data)


def minor_of(answer: Answer, tag: str) -> int | None:
    """Return a tag that is an amount in minor units; None if it is missing or no number."""
    text = answer.extra.get(tag, "")
    return int(text) if text.isascii() and text.isdigit() else None


def money_tag(turn: Turn, answer: Answer, tag: str) -> Money | None:
    minor = minor_of(answer, tag)
    return None if minor is None else turn.site.money(minor)


def within_limits(turn: Turn, sale: Sale) -> bool:
    limits = agreement_of(turn, sale.code).limits
    return sale.amount is not None and limits.least_minor <= sale.amount.minor <= limits.most_minor


def result_date(turn: Turn, code: str) -> str:
    """Return until when a partner's final word is there, as an ISO date."""
    here = turn.now.astimezone(ZoneInfo(turn.site.time_zone))
    return (here + timedelta(days=agreement_of(turn, code).result_days)).strftime("%Y-%m-%d")


class Agencies:
    """Guards and actions of ``pay_partner``, of ``final_word``, and of asking about an earlier payment."""

    # ------------------------------------------------------------ paying

    @action
    def want_sale(self, turn: Turn) -> None:
        sale = turn.get(Sale)
        assert sale.amount is not None
        turn.drop(Answer)
        kept = {"to": sale.code, "number": sale.shown}
        private = {"BL": f"{sale.code}|{sale.number}"}
        turn.put(Intent(sale.operation, sale.amount, Posting.ANSWER, fee=sale.fee, private=private, kept=kept))

    @guard
    def final_word_owed(self, turn: Turn) -> bool:
        """Whether the partner has taken it in without its final word, and may be asked once more."""
        state = turn.get(Answer).extra.get("ST", "")
        return state not in ("paid", "refunded") and turn.get(Sale).asks < ASKS_MAX

    @action
    def keep_sale(self, turn: Turn) -> None:
        """Keep what the partner said of the payment; an answer that does not say is pending."""
        self._keep(turn, turn.get(Case))

    @action
    def want_final_word(self, turn: Turn) -> None:
        sale = turn.get(Sale)
        assert sale.case is not None
        turn.put(replace(sale, asks=sale.asks + 1))
        reference = sale.case.rrn
        turn.put(Intent("partner_status", turn.site.money(0), private={"RF": reference}, kept={"about": reference}))

    @action
    def keep_final_word(self, turn: Turn) -> None:
        case = turn.get(Sale).case
        assert case is not None
        self._keep(turn, case)

    @action
    def keep_pending(self, turn: Turn) -> None:
        """The state could not be learnt now; the payment itself is known."""
        sale = turn.get(Sale)
        assert sale.case is not None
        turn.drop(Refusal)
        turn.put(sale.case)
        turn.put(Answer(sale.case.rrn, sale.case.approved or sale.case.amount))

    @staticmethod
    def _keep(turn: Turn, case: Case) -> None:
        answer, sale = turn.get(Answer), turn.get(Sale)
        state = answer.extra.get("ST", "")
        state = state if state in STATES else "pending"
        receipt = answer.extra.get("PR", sale.receipt)
        turn.put(replace(sale, state=state, receipt=receipt, case=case))
        turn.put(case)  # the paper is of the payment, not of the question about it
        tell(
            turn, "partner_answered", case=case.id, about=case.rrn, service=case.service, partner=sale.code,
            state=state, receipt=receipt,
        )  # fmt: skip
        if state == "refunded":
            tell(turn, "payment_returned", case=case.id, minor=case.amount.minor)

    @action
    def tell_sale(self, turn: Turn) -> None:
        sale = turn.get(Sale)
        assert sale.case is not None
        values: dict[str, Any] = {
            "what": f"{sale.service}_{sale.state}", "amount": sale.case.amount, "reference": sale.case.rrn,
            "partner": partner_name(turn, sale.code), "name": sale.name, "fee": sale.fee,
        }  # fmt: skip
        values |= cash_values(turn, sale.case)
        if sale.state == "pending":
            values["note"] = "partner_pending"
            self._date_result(turn, sale.case)
        if sale.receipt:
            values["receipt"] = sale.receipt
        turn.put(Outcome({name: value for name, value in values.items() if value not in (None, "")}))

    @staticmethod
    def _date_result(turn: Turn, case: Case) -> None:
        """Say until when the result is known (N-BIL-04, N-PAY-02)."""
        tell(turn, "result_date_given", case=case.id, on=result_date(turn, turn.get(Sale).code))

    @guard
    def sale_returned(self, turn: Turn) -> bool:
        return turn.get(Sale).state == "refunded"

    @view("payment_returned")
    def _payment_returned(self, turn: Turn) -> Mapping[str, Any]:
        sale = turn.get(Sale)
        assert sale.case is not None
        values: dict[str, Any] = {
            "how": "cash" if sale.case.posting.takes_cash else "account", "reference": sale.case.rrn,
            "amount": sale.case.amount, "partner": partner_name(turn, sale.code),
        }  # fmt: skip
        if sale.fee:
            values["fee"] = sale.fee
        if sale.receipt:
            values["receipt"] = sale.receipt
        back = turn.find(PaidBack)
        if back is not None:
            owed, _ = owed_of(turn, sale.case)
            values |= {"paid_back": turn.site.money(back.minor)} if back.minor else {}
            values |= {"credit": turn.site.money(owed)} if owed > 0 else {}
        return values

    # ------------------------------------------------------------ an earlier one

    @action
    def ask_sale_reference(self, turn: Turn) -> None:
        turn.put(NumberWanted("partner_reference", REFERENCE_DIGITS, REFERENCE_DIGITS, hint="reference"))
        turn.put(Typed())

    @action
    def want_sale_state(self, turn: Turn) -> None:
        number = turn.get(Typed).digits
        turn.put(Intent("partner_status", turn.site.money(0), private={"RF": number}, kept={"about": number}))

    @action
    def tell_sale_state(self, turn: Turn) -> None:
        answer = turn.get(Answer)
        state = answer.extra.get("ST", "")
        state = state if state in STATES else "pending"
        values: dict[str, Any] = {
            "what": "partner_status", "state": state, "reference": turn.get(Typed).digits,
            "amount": money_tag(turn, answer, "AM"), "fee": money_tag(turn, answer, "FE"),
        }  # fmt: skip
        if answer.extra.get("PR"):
            values["receipt"] = answer.extra["PR"]
        turn.put(Outcome({name: value for name, value in values.items() if value is not None}))

    # ------------------------------------------------------------ what was checked

    @guard
    def sale_payable(self, turn: Turn) -> bool:
        """Whether amount and commission were told and lie within the agreement (edge case 84)."""
        answer, sale = turn.get(Answer), turn.get(Sale)
        amount = sale.amount or money_tag(turn, answer, "AM")
        fee = minor_of(answer, "FE")
        return bool(amount) and fee is not None and within_limits(turn, replace(sale, amount=amount))

    @action
    def refuse_limits(self, turn: Turn) -> None:
        turn.put(Refusal("out_of_limits"))

    @action
    def prepare_sale(self, turn: Turn) -> None:
        """Show what will be paid to whom, with the commission and the total, before it is."""
        answer, sale = turn.get(Answer), turn.get(Sale)
        sale = replace(
            sale, name=name_of(answer), amount=sale.amount or money_tag(turn, answer, "AM"),
            fee=money_tag(turn, answer, "FE"), due_on=answer.extra.get("DU", ""),
        )  # fmt: skip
        turn.put(sale)
        assert sale.amount is not None, "checked by sale_payable"
        assert sale.fee is not None, "checked by sale_payable"
        turn.put(Purse(sale.code, sale.amount + sale.fee))
        values: dict[str, Any] = {
            "what": sale.service, "amount": sale.amount, "fee": sale.fee, "total": sale.amount + sale.fee,
            "partner": partner_name(turn, sale.code), "name": sale.name, "number": sale.shown,
        }  # fmt: skip
        if sale.due_on:
            values["due"] = sale.due_on
        turn.put(Confirmation(values))
        minor = sale.amount.minor
        if sale.operation == "payment":
            tell(turn, "bill_shown", partner=sale.code, settled=False, amount_minor=minor)
        else:
            tell(turn, "top_up_shown", partner=sale.code, amount_minor=minor)

    @action
    def note_unable(self, turn: Turn) -> None:
        """Write down why a partner's check came to nothing: a bill that is settled already must not be paid again."""
        sale, refusal = turn.get(Sale), turn.find(Refusal)
        reason = refusal.reason if refusal else "no_answer"
        if reason in ("nothing_due", "payment_in_process"):
            tell(turn, "bill_shown", partner=sale.code, settled=True, amount_minor=0)
        else:
            tell(turn, "partner_unable", partner=sale.code, reason=reason)

    @action
    def note_confirmed_sale(self, turn: Turn) -> None:
        sale = turn.get(Sale)
        assert sale.amount is not None
        tell(
            turn, "sale_confirmed", partner=sale.code, amount_minor=sale.amount.minor,
            fee_minor=sale.fee.minor if sale.fee else 0,
        )  # fmt: skip


def sale_rows(turn: Turn, case: Case) -> list[Element]:
    """Return what a receipt says of a payment to a partner: to whom, for what, what it cost, what came of it."""
    say, sale, contact = say_in(turn), turn.find(Sale), turn.site.contact
    rows: list[Element] = [Rule()]
    if sale is not None and sale.code:
        rows += [
            Columns(say("receipt.partner"), partner_name(turn, sale.code)),
            Columns(say("receipt.customer_no"), sale.shown),
        ]  # fmt: skip
        if sale.name:
            rows.append(Columns(say("receipt.name"), sale.name))
        if sale.due_on:
            rows.append(Columns(say("receipt.due"), sale.due_on))
    rows.append(Columns(say("receipt.amount"), money_of(turn, case.amount), bold=True))
    if case.posting.takes_cash and case.approved is not None and not cash_stands(case):
        return [*rows, *cash_rows(turn, case), Rule(), Text(say("receipt.not_paid_text", contact=contact))]
    if case.approved is None:
        text = "receipt.unconfirmed_text" if case.failed in ("silent", "mismatch") else "receipt.refused_text"
        return [*rows, Rule(), Text(say(text, contact=contact))]
    total = case.approved + case.fee if case.fee else case.approved
    if case.fee:
        rows.append(Columns(say("receipt.commission"), money_of(turn, case.fee)))
    rows.append(Columns(say("receipt.total"), money_of(turn, total), bold=True))
    state = sale.state if sale is not None and sale.state else "pending"
    rows.append(Columns(say("receipt.state"), say(f"state.{state}"), bold=state != "paid"))
    if sale is not None and sale.receipt:
        rows.append(Columns(say("receipt.partner_receipt"), sale.receipt))
    rows += cash_rows(turn, case)
    if state in _UNSETTLED:
        text = "receipt.partner_refunded_cash" if case.posting.takes_cash and state == "refunded" else _UNSETTLED[state]
        rows += [Rule(), Text(say(text, contact=contact))]
    if state == "pending" and sale is not None and sale.code:
        rows.append(Columns(say("receipt.result_by"), result_date(turn, sale.code), bold=True))
    return rows
