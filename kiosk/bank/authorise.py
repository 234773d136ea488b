"""The 0200: may this card do this, and if so, reserve (two-phase operations) or post (the others).

The checks run in the order of the sections below; the first that fails is the answer, and that answer is
final for this order. A PIN is looked at only on a card that may be used at all, so a stolen card cannot be
used to try PINs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from kiosk.bank import accounts, agency, claims, complaints, ledger, partners, payments, register
from kiosk.bank.accounts import Card
from kiosk.bank.case import Case, echo
from kiosk.bank.partner_data import PartnerData
from kiosk.bank.pins import WEAK_PIN, weak
from kiosk.bank.register import Order
from kiosk.bank.secrets import clear_pin
from kiosk.host.message import AdditionalAmount, Message, MessageError, additional_amounts, parse_private, private
from kiosk.host.spec import Operation
from kiosk.money import CURRENCIES

_CARD_REFUSED: Final = {"blocked": "62", "lost": "41", "stolen": "43"}
_LEDGER_REFUSED: Final = {
    "insufficient_funds": "51",
    "unknown_account": "76",
    "currency": "12",
    "key_reused": "94",
}
_WITHOUT_PIN: Final = frozenset({"deposit", "cheque_deposit"})  # paying in takes nothing from the account
CARDLESS: Final = "010"  # F22 of a customer without a card, who pays in notes


@dataclass(frozen=True, slots=True)
class _Verdict:
    """`amount_minor` is what was approved; `more` the fields to add to the answer."""

    code: str
    state: str = "declined"
    amount_minor: int = 0
    account: str = ""
    counter_account: str = ""
    more: dict[int, str] | None = None
    fee_minor: int = 0


def authorise(case: Case, forced_code: str = "") -> Message:
    """Decide a 0200 and remember the order. Returns the 0210."""
    operation = case.operation
    known = register.find_order(case.tx, case.terminal, case.rrn)
    if known is not None:
        return echo(case, "0210", "94")  # a tombstone, or an order number used again
    if forced_code:
        verdict = _Verdict(forced_code)
    elif operation is None:
        verdict = _Verdict("12")
    else:
        verdict = _decide(case, operation)
    order = Order(
        terminal=case.terminal,
        rrn=case.rrn,
        stan=case.message.get(11),
        sent_at=case.message.get(7),
        operation=operation.name if operation else "",
        account=verdict.account,
        counter_account=verdict.counter_account,
        currency=case.currency,
        asked_minor=case.amount_minor,
        approved_minor=verdict.amount_minor,
        stands_minor=verdict.amount_minor if verdict.state == "posted" else 0,
        code=verdict.code,
        state=verdict.state,
        booked_on=case.stamp.booked_on,
        opened_s=case.now_s,
        fee_minor=verdict.fee_minor,
    )
    register.open_order(case.tx, order)
    if order.state == "refunded":
        agency.give_back(case.tx, order, case.stamp)
    return echo(case, "0210", verdict.code, verdict.more)


# ---------------------------------------------------------------- card and PIN


def _decide(case: Case, operation: Operation) -> _Verdict:
    if not case.currency:
        return _Verdict("12")
    if operation.name == "case_status":
        code, tags = complaints.status(case.tx, payments.tags_of(case).get("RF", ""), case.stamp.at[:10])
        return _Verdict(code, "informed" if tags else "declined", more={48: private(tags)} if tags else None)
    if not case.message.get(35) and case.message.get(22) == CARDLESS:
        return _serve_cardless(case, operation)
    pan, separator, rest = case.message.get(35).replace("D", "=").partition("=")
    if not separator:
        return _Verdict("14")
    card = accounts.find_card(case.tx, case.data.keys.pan_token(pan))
    if card is None or card.expiry != rest[:4]:
        return _Verdict("14")
    if card.state in _CARD_REFUSED:
        return _Verdict(_CARD_REFUSED[card.state], account=card.account)
    if card.state == "pin_blocked":
        return _Verdict("38" if card.retain_on_tries else "75", account=card.account)
    if card.expiry < case.stamp.booked_on[2:4] + case.stamp.booked_on[5:7]:
        return _Verdict("54", account=card.account)
    if operation.name not in _WITHOUT_PIN or case.message.get(52):
        refused = _check_pin(case, card, pan)
        if refused is not None:
            return refused
    return _serve(case, operation, card, pan)


def _open_block(case: Case, block: str, pan: str) -> str | None:
    named = int(case.message.get(53)[4:6] or 0)
    keys = sorted(case.pin_keys.items(), key=lambda item: item[0] != named)
    for _, key in keys:
        pin = clear_pin(block, pan, key)
        if pin is not None:
            return pin
    return None


def _check_pin(case: Case, card: Card, pan: str) -> _Verdict | None:
    block = case.message.get(52)
    if not block:
        return _Verdict("55", account=card.account, more={44: str(card.tries_left)})
    pin = _open_block(case, block, pan)
    if pin is None:
        return _Verdict("81", account=card.account)  # keys out of step: no try is counted against the customer
    if case.data.keys.pin_check(card.token, pin) == card.pin_check:
        if card.tries_left != case.data.pin_tries_max:
            accounts.set_tries(case.tx, card.token, case.data.pin_tries_max, "active")
        return None
    left = card.tries_left - 1
    accounts.set_tries(case.tx, card.token, left, "active" if left > 0 else "pin_blocked")
    if left > 0:
        return _Verdict("55", account=card.account, more={44: str(left)})
    return _Verdict("38" if card.retain_on_tries else "75", account=card.account)


# ---------------------------------------------------------------- operations


def _serve(case: Case, operation: Operation, card: Card, pan: str) -> _Verdict:
    if operation.moves_money and case.amount_minor < 1:
        return _Verdict("13", account=card.account)
    cash = f"atm:{case.terminal}:cash"
    if operation.name in agency.ASKED:
        return _tell(case, operation, card.account)
    if operation.name in agency.PAID and (partner := agency.partner_of(case, agency.PAID[operation.name])):
        if agency.pays_cash(case):
            return _collect(case, card.account, partner)
        return _buy(case, card.account, partner, two_phase=operation.two_phase)
    match operation.name:
        case "withdrawal" | "cardless_withdrawal":
            return _withdraw(case, card.account, cash)
        case "deposit":
            return _reserve(case, cash, card.account, card.account)
        case "cheque_deposit":
            return _reserve(case, f"atm:{case.terminal}:in_transit", card.account, card.account)
        case "purchase":
            return _reserve(case, card.account, _payee(case), card.account)
        case "transfer":
            return _pay(case, card.account, case.message.get(103).strip())
        case "remittance":
            return _remit(case, card.account)
        case "payee_lookup":
            return _look_up(case, card.account)
        case "remittance_status":
            return _tell_remittance(case, card.account)
        case "remittance_revoke":
            return _revoke(case, card.account)
        case "payment":
            return _pay(case, card.account, _payee(case))
        case "inquiry" | "statement":
            account = case.message.get(102).strip() or card.account
            if account not in (number for number, _ in accounts.linked_to(case.tx, card.token)):
                return _Verdict("76", account=card.account)
            rows = {125: payments.movements(case, account) or "-"} if operation.name == "statement" else {}
            return _informed(case, account, rows)
        case "linked_accounts":
            return _informed(case, card.account, {48: private({"LA": payments.linked(case, card.token)})})
        case "pin_change":
            return _change_pin(case, card, pan)
        case _:
            return _Verdict("12", account=card.account)


def _serve_cardless(case: Case, operation: Operation) -> _Verdict:
    """Serve somebody without a card: what agencies tell, what is paid in notes, and what notes are owed."""
    cash = claims.cash_of(case.terminal)
    if operation.moves_money and case.amount_minor < 1:
        return _Verdict("13", account=cash)
    if operation.name in agency.ASKED:
        return _tell(case, operation, cash)
    if operation.name == "claim_payout":
        return _pay_claim(case)
    partner = agency.partner_of(case, agency.PAID[operation.name]) if operation.name in agency.PAID else None
    if partner is None or not agency.pays_cash(case):
        return _Verdict("14")
    return _collect(case, "", partner)


def _tell(case: Case, operation: Operation, account: str) -> _Verdict:
    told = agency.ask(case, operation.name, account)
    more = {48: private(told.tags)} if told.tags else None
    return _Verdict(told.code, "informed" if told.code == "00" else "declined", account=account, more=more)


def _collect(case: Case, account: str, partner: PartnerData) -> _Verdict:
    """Allow notes to be taken for a partner: everything is reserved, and posted when they are in the vault.

    `account` is that of the card that is in, to be credited with what is too much; empty without a card.
    """
    cash = claims.cash_of(case.terminal)
    if "cash" not in partner.pay_by:
        return _Verdict("57", account=cash)
    verdict = _buy(case, cash, partner, two_phase=True)
    if verdict.state == "approved":
        claims.remember(case, account, agency.parts_of(case)[1])
    more = {number: value for number, value in (verdict.more or {}).items() if number != 54}
    return replace(verdict, more=more)  # the terminal's own cash is nobody's balance


def _pay_claim(case: Case) -> _Verdict:
    """Reserve notes for the bearer of a claim: no more than is owed under its reference and not held back."""
    rrn, book = payments.tags_of(case).get("RF", ""), claims.book_of(case.currency)
    if case.amount_minor > claims.open_minor(case.tx, case.terminal, rrn):
        return _Verdict("25", account=book)
    verdict = _reserve(case, book, claims.cash_of(case.terminal), book)
    if verdict.state == "approved":
        claims.take(case, rrn, case.amount_minor)
    return replace(verdict, more={n: value for n, value in (verdict.more or {}).items() if n != 54})


def _withdraw(case: Case, account: str, cash: str) -> _Verdict:
    limits = accounts.find_limits(case.tx, account)
    drawn_minor, times = accounts.used_on(case.tx, account, case.stamp.booked_on)
    if limits.withdrawals_per_day and times >= limits.withdrawals_per_day:
        return _Verdict("65", account=account)
    asked = case.amount_minor
    allowed = asked
    if limits.per_withdrawal_minor:
        allowed = min(allowed, limits.per_withdrawal_minor)
    if limits.per_day_minor:
        allowed = min(allowed, limits.per_day_minor - drawn_minor)
    over_limit = allowed < asked
    amount = asked
    if limits.partial_approval:
        amount = min(allowed, _spendable(case, account))
        if amount < asked:
            amount -= amount % case.data.partial_step_minor
    if amount < 1 or (over_limit and not limits.partial_approval):
        more = _balances(case, account, at_most=max(allowed, 0))
        return _Verdict("61" if over_limit else "51", account=account, more=more)
    verdict = _reserve(case, account, cash, account, amount)
    if verdict.state == "approved":
        accounts.use(case.tx, account, case.stamp.booked_on, amount, 1)
    return verdict


def _spendable(case: Case, account: str, otherwise: int = 0) -> int:
    """Return what may be spent; `otherwise` (or the amount asked) where the account has no floor."""
    row = case.tx.one(
        "SELECT ledger_minor - held_minor - floor_minor FROM accounts WHERE id = :id AND floor_minor IS NOT NULL",
        id=account,
    )
    return (otherwise or case.amount_minor) if row is None else max(0, int(row[0]))


def _reserve(case: Case, debit: str, credit: str, account: str, amount_minor: int | None = None) -> _Verdict:
    amount = case.amount_minor if amount_minor is None else amount_minor
    result = ledger.hold(case.tx, f"{case.terminal}/{case.rrn}", debit, credit, amount, case.currency, case.stamp)
    if not result.done:
        return _Verdict(_LEDGER_REFUSED[result.why], account=account, more=_balances(case, account))
    partial = amount < case.amount_minor
    more = {38: f"{result.seq % 1_000_000:06d}", **_balances(case, account)}
    if partial:
        more[4] = f"{amount:012d}"
    counter = credit if debit == account else debit
    return _Verdict("10" if partial else "00", "approved", amount, account, counter, more)


def _pay(case: Case, account: str, to: str) -> _Verdict:
    if to == account:
        return _Verdict("76", account=account)
    result = ledger.move(
        case.tx, f"{case.terminal}/{case.rrn}", account, to, case.amount_minor, case.currency, case.stamp
    )
    if not result.done:
        return _Verdict(_LEDGER_REFUSED[result.why], account=account, more=_balances(case, account))
    more = {38: f"{result.seq % 1_000_000:06d}", **_balances(case, account)}
    return _Verdict("00", "posted", case.amount_minor, account, to, more)


def _look_up(case: Case, account: str) -> _Verdict:
    """Tell the masked name of a payee, and for a remittance its fee and when it arrives. Nothing moves."""
    if "RM" not in payments.tags_of(case):
        holder = accounts.find_holder(case.tx, case.message.get(103).strip())
        if holder is None:
            return _Verdict("76", account=account)
        return _Verdict("00", "informed", account=account, more={48: private({"PN": payments.name_tag(holder)})})
    to = payments.destination_of(case)
    there = payments.holder_of(case, to) if to is not None else None
    if to is None or there is None:
        return _Verdict("76", account=account)
    tags = {"FE": str(payments.fee_minor(case)), "AR": payments.arrival_of(to)}
    if there:
        tags["PN"] = payments.name_tag(there)
    return _Verdict("00", "informed", account=account, more={48: private(tags)})


def _remit(case: Case, account: str) -> _Verdict:
    """Post amount and fee, both or neither; the fee must be the one that the customer was shown (F28)."""
    to = payments.destination_of(case)
    if to is None or payments.holder_of(case, to) is None:
        return _Verdict("76", account=account)
    fee = payments.fee_minor(case)
    if case.message.get(28) != f"D{fee:08d}":
        return _Verdict("13", account=account)
    spendable = _spendable(case, account, case.amount_minor + fee)
    if spendable < case.amount_minor + fee:
        return _Verdict("51", account=account, more=_balances(case, account))
    through = f"bank:{'pickup' if to.way == payments.TO_PERSON else 'settlement'}:{case.currency}"
    verdict = _pay(case, account, through)
    if verdict.state == "posted" and fee:
        fees, key = f"bank:fees:{case.currency}", f"{case.terminal}/{case.rrn}/fee"
        charged = ledger.move(case.tx, key, account, fees, fee, case.currency, case.stamp)
        assert charged.done, "amount and fee were covered together"
    if verdict.state == "posted":
        payments.remember(case, to)
        verdict = replace(verdict, fee_minor=fee, more=(verdict.more or {}) | _balances(case, account))
    return verdict


def _buy(case: Case, account: str, partner: PartnerData, *, two_phase: bool) -> _Verdict:
    """Pay a partner: amount and commission, both or neither, then the partner's word.

    A partner that refuses what is posted already has it given back at once: the order is *refunded*, not undone.
    """
    offer = agency.offer(case, partner)
    if offer.code:
        return _Verdict(offer.code, account=account)
    fee, key = offer.fee_minor, f"{case.terminal}/{case.rrn}"
    if case.message.get(28) != (f"D{fee:08d}" if fee else ""):
        return _Verdict("13", account=account)
    if _spendable(case, account, case.amount_minor + fee) < case.amount_minor + fee:
        agency.let_go(case, partner)
        return _Verdict("51", account=account, more=_balances(case, account))
    payee, fees = f"payee:{partner.code}", f"bank:fees:{case.currency}"
    verdict = _reserve(case, account, payee, account) if two_phase else _pay(case, account, payee)
    if not verdict.more or verdict.state == "declined":
        return verdict
    if fee:
        charge = ledger.hold if two_phase else ledger.move
        charged = charge(case.tx, f"{key}/fee", account, fees, fee, case.currency, case.stamp)
        assert charged.done, "amount and commission were covered together"
    sale = agency.take_in(case, partner, key)
    more = verdict.more | _balances(case, account) | {48: private(agency.sale_tags(case, partner, sale))}
    if sale.state == "rejected":
        return replace(verdict, code=partners.PARTNER_REFUSED, state="refunded", fee_minor=fee, more=None)
    return replace(verdict, fee_minor=fee, more=more)


def _tell_remittance(case: Case, account: str) -> _Verdict:
    found = payments.find_remittance(case, account)
    if found is None:
        return _Verdict("25", account=account)
    order, state = found
    tags = {"ST": state, "AM": str(order.asked_minor), "FE": str(order.fee_minor)}
    return _Verdict("00", "informed", account=account, more={48: private(tags)})


def _revoke(case: Case, account: str) -> _Verdict:
    """Give a remittance back, fee and all, that has not been released. One given back already stays so (N-REM-02)."""
    found = payments.find_remittance(case, account)
    if found is None:
        return _Verdict("25", account=account)
    order, state = found
    if state == "paid_out":
        return _Verdict(payments.RELEASED, account=account)
    if state == "sent":
        agency.give_back(case.tx, order, case.stamp)
    tags = {"ST": "returned", "AM": str(order.asked_minor), "FE": str(order.fee_minor)}
    return _informed(case, account, {48: private(tags)})


def _payee(case: Case) -> str:
    """Return the ledger account of the biller or agency that F48 BL names before its first ``|``."""
    try:
        biller = parse_private(case.message.get(48)).get("BL", "")
    except MessageError:
        biller = ""
    return f"payee:{biller.partition('|')[0]}"


def _balances(case: Case, account: str, at_most: int | None = None) -> dict[int, str]:
    """Return field 54; with `at_most` no more is called available than a limit leaves."""
    held = ledger.balance(case.tx, account)
    if held is None:
        return {}
    currency = CURRENCIES[held.currency][0]
    available = held.available_minor if at_most is None else min(held.available_minor, at_most)
    return {
        54: additional_amounts(
            [
                AdditionalAmount("00", "01", currency, held.ledger_minor),
                AdditionalAmount("00", "02", currency, available),
            ]
        )
    }


def _informed(case: Case, account: str, more: dict[int, str] | None = None) -> _Verdict:
    return _Verdict("00", "informed", 0, account, "", _balances(case, account) | (more or {}))


def _change_pin(case: Case, card: Card, pan: str) -> _Verdict:
    block = parse_private(case.message.get(48)).get("NP", "")
    try:
        pin = _open_block(case, block, pan) if len(block) == 16 else None
    except ValueError:
        pin = None
    if pin is None:
        return _Verdict("81", account=card.account)
    born = next((a.born for a in case.data.accounts if a.number == card.account), "")
    if weak(pin, case.data.pin_rules, born):
        return _Verdict(WEAK_PIN, account=card.account)
    accounts.set_pin(case.tx, card.token, case.data.keys.pin_check(card.token, pin))
    return _Verdict("00", "informed", 0, card.account)


def tombstone(case: Case, sent_at: str, stan: str, state: str) -> Order:
    """Remember an order that was resolved before it came; should it come, it is declined."""
    order = Order(
        terminal=case.terminal,
        rrn=case.rrn,
        stan=stan,
        sent_at=sent_at,
        operation=case.operation.name if case.operation else "",
        account="",
        counter_account="",
        currency=case.currency,
        asked_minor=case.amount_minor,
        approved_minor=0,
        stands_minor=0,
        code="94",
        state=state,
        booked_on=case.stamp.booked_on,
        opened_s=case.now_s,
    )
    register.open_order(case.tx, replace(order))
    return order
