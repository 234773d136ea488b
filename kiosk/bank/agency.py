"""The bank between its customer and a partner: check, take in, tell the state, take back, give back.

    check    what is due, who holds the number, what is on sale; nothing moves
    pay      the money is posted, then the partner is told; one that refuses then has the money given back (new entries)
    status   the partner's final word, if it has come; a refusal found here is given back in the same transaction
    cancel   a reversal (0420) takes the sale back at the partner first, and only then the money

The bank asks a partner again under the same key when no answer came, so an answer lost between the two is not a second
sale. F48: ``BL`` partner and what is bought of it (``WATER|1000200001``, ``STAGE|HAMLET1|2|<hold>``), ``PN`` masked
holder, ``AM`` amount, ``FE`` commission, ``DU`` due date, ``ST`` state, ``PR`` the partner's receipt number, ``CT``
catalogue, ``LG`` language, ``HD`` hold, ``SE`` seats, ``TN`` ticket numbers, ``CL`` claim code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kiosk.bank import claims, ledger, partners, payments, register
from kiosk.bank.case import Case
from kiosk.bank.ledger import Stamp
from kiosk.bank.partner_data import BILLER, OPERATOR, TICKET_AGENCY, PartnerData
from kiosk.bank.partners import Sale
from kiosk.bank.register import Order
from kiosk.bank.storage import Tx

ASKED: Final = frozenset(
    {"bill_check", "top_up_check", "ticket_catalogue", "ticket_hold", "ticket_release", "partner_status"}
)
PAID: Final = {"payment": BILLER, "top_up": OPERATOR, "purchase": TICKET_AGENCY}
_WORD: Final = {"accepted": "paid", "pending": "pending", "provisional": "pending"}
_CATALOGUE_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Told:
    """What a partner answers: F39 and tags of F48."""

    code: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """What an order would be: `code` says why it cannot be, empty if it can."""

    code: str
    fee_minor: int = 0


def parts_of(case: Case) -> list[str]:
    """Return the parts of tag BL, at least four, missing ones empty."""
    parts = payments.tags_of(case).get("BL", "").split("|")
    return parts + [""] * (4 - len(parts))


def partner_of(case: Case, kind: str) -> PartnerData | None:
    """Return the partner that tag BL names, if there is an agreement of this kind with it."""
    partner = case.data.partners.get(parts_of(case)[0])
    return partner if partner is not None and partner.kind == kind else None


# ---------------------------------------------------------------- check


def ask(case: Case, operation: str, account: str) -> Told:
    """Answer what moves no money."""
    match operation:
        case "bill_check":
            return _check_bill(case)
        case "top_up_check":
            return _check_number(case)
        case "partner_status":
            return _tell_state(case, account)
    agency = partner_of(case, TICKET_AGENCY)
    if agency is None:
        return Told(partners.UNKNOWN_NUMBER)
    if case.partner_fault.name == "partner_down":
        return Told(partners.PARTNER_DOWN)
    if operation == "ticket_catalogue":
        return _catalogue(case, agency)
    if operation == "ticket_release":
        partners.free_held(case.tx, agency.code, parts_of(case)[1])
        return Told("00")
    return _hold(case, agency)


def _check_bill(case: Case) -> Told:
    biller, number = partner_of(case, BILLER), parts_of(case)[1]
    if case.partner_fault.name == "partner_down":
        return Told(partners.PARTNER_DOWN)
    bill = partners.find_bill(case.tx, biller.code, number) if biller else None
    if biller is None or bill is None or case.partner_fault.name == "partner_unknown":
        return Told(partners.UNKNOWN_NUMBER)
    if refused := _why_not_bill(case, biller, number, bill.due_minor):
        return Told(refused)
    tags = {
        "PN": payments.name_tag(bill.holder), "AM": str(bill.due_minor), "DU": bill.due_on,
        "FE": str(biller.commission_minor(bill.due_minor)),
    }  # fmt: skip
    return Told("00", tags)


def _why_not_bill(case: Case, biller: PartnerData, number: str, due_minor: int) -> str:
    taken = partners.taken_for(case.tx, biller.code, number)
    if taken in ("pending", "provisional"):
        return partners.IN_PROCESS
    if taken or not due_minor:
        return partners.NOTHING_DUE
    return "" if biller.least_minor <= due_minor <= biller.most_minor else partners.OUT_OF_LIMITS


def _check_number(case: Case) -> Told:
    operator, number = partner_of(case, OPERATOR), parts_of(case)[1]
    if case.partner_fault.name == "partner_down":
        return Told(partners.PARTNER_DOWN)
    holder = operator.numbers.get(number) if operator else None
    if operator is None or holder is None or case.partner_fault.name == "partner_unknown":
        return Told(partners.UNKNOWN_NUMBER)
    if not operator.least_minor <= case.amount_minor <= operator.most_minor:
        return Told(partners.OUT_OF_LIMITS)
    fee = operator.commission_minor(case.amount_minor)
    return Told("00", {"PN": payments.name_tag(holder), "FE": str(fee)})


def _catalogue(case: Case, agency: PartnerData) -> Told:
    """Tell what is on sale: per performance ``id,local time,price,places left,name`` joined by semicolons."""
    language = payments.tags_of(case).get("LG", "")
    rows = []
    for show in agency.shows[:_CATALOGUE_MAX]:
        left = partners.seats_left(case.tx, agency.code, show.id, case.now_s)
        name = show.event.get(language) or next(iter(show.event.values()))
        rows.append(f"{show.id},{show.at},{show.price_minor},{left},{name.encode().hex().upper()}")
    return Told("00", {"CT": ";".join(rows)})


def _hold(case: Case, agency: PartnerData) -> Told:
    _, performance, count, _ = parts_of(case)[:4]
    show = next((s for s in agency.shows if s.id == performance), None)
    if show is None or not count.isdigit() or not 1 <= int(count) <= agency.tickets_max:
        return Told(partners.UNKNOWN_NUMBER)
    until = case.now_s + agency.hold_s
    sold_out = case.partner_fault.name == "partner_sold_out"
    seats = [] if sold_out else partners.hold_seats(
        case.tx, agency.code, performance, int(count), case.rrn, case.now_s, until
    )  # fmt: skip
    if not seats:
        return Told(partners.SOLD_OUT)
    amount = show.price_minor * len(seats)
    tags = {"HD": case.rrn, "SE": ",".join(seats), "AM": str(amount), "FE": str(agency.commission_minor(amount))}
    return Told("00", tags)


# ---------------------------------------------------------------- pay


def pays_cash(case: Case) -> bool:
    """Return whether the customer pays in notes that the terminal takes."""
    return payments.tags_of(case).get("PM") == "CASH"


def offer(case: Case, partner: PartnerData) -> Offer:
    """Say whether this order can be, before any money moves; the amount must be the one that was checked."""
    _, number, count, hold = parts_of(case)[:4]
    amount, fault = case.amount_minor, case.partner_fault.name
    if fault == "partner_down":
        return Offer(partners.PARTNER_DOWN)
    if fault == "partner_rejects" and pays_cash(case):
        return Offer(partners.PARTNER_REFUSED)  # nothing is paid yet
    if partner.kind == BILLER:
        bill = partners.find_bill(case.tx, partner.code, number)
        if bill is None or fault == "partner_unknown":
            return Offer(partners.UNKNOWN_NUMBER)
        if refused := _why_not_bill(case, partner, number, bill.due_minor):
            return Offer(refused)
        if amount != bill.due_minor:
            return Offer("13")
    elif partner.kind == OPERATOR:
        if number not in partner.numbers or fault == "partner_unknown":
            return Offer(partners.UNKNOWN_NUMBER)
        if not partner.least_minor <= amount <= partner.most_minor:
            return Offer(partners.OUT_OF_LIMITS)
    else:
        seats = partners.held_seats(case.tx, partner.code, number, hold, case.now_s)
        if not seats or str(len(seats)) != count or fault in ("partner_lets_go", "partner_sold_out"):
            return Offer(partners.HOLD_EXPIRED)
        show = next(s for s in partner.shows if s.id == number)
        if amount != show.price_minor * len(seats):
            return Offer("13")
    return Offer("", partner.commission_minor(amount))


def take_in(case: Case, partner: PartnerData, key: str) -> Sale:
    """Tell the partner that it is paid; its answer may be lost, and it is asked again under the same key.

    What is paid in notes is set aside only: the partner has its word when they are in the vault (`finish`).
    """
    number, fault = parts_of(case)[1], case.partner_fault
    state, becomes, final_s = _word(case)
    if partner.kind == TICKET_AGENCY or pays_cash(case):
        state, becomes, final_s = "provisional", "", 0
    times = 2 if fault.name == "partner_answer_lost" else 1
    for _ in range(times):
        sale = partners.sell(
            case.tx, key, partner.code, number, case.amount_minor, state, becomes=becomes, final_s=final_s
        )
    if partner.kind == TICKET_AGENCY:
        partners.take_seats(case.tx, partner.code, parts_of(case)[3], key)
    return sale


def _word(case: Case) -> tuple[str, str, int]:
    """Return what the partner says when it is paid: state, what it becomes, and when (seconds)."""
    fault = case.partner_fault
    if fault.name == "partner_rejects":
        return "rejected", "", 0
    if fault.name == "partner_pending":
        becomes = "rejected" if fault.arguments["then"] == "rejected" else "accepted"
        return "pending", becomes, case.now_s + int(fault.arguments["for_s"])
    return "accepted", "", 0


def let_go(case: Case, partner: PartnerData) -> None:
    """Free the places that an order held which is not paid (N-TKT-02)."""
    if partner.kind == TICKET_AGENCY:
        partners.free_held(case.tx, partner.code, parts_of(case)[3])


def sale_tags(case: Case, partner: PartnerData, sale: Sale) -> dict[str, str]:
    """Return what the terminal is told of a sale."""
    tags = {"ST": _WORD.get(sale.state, "refunded"), "PR": sale.receipt}
    if partner.kind == TICKET_AGENCY:
        seats = [row[0] for row in case.tx.all(
            "SELECT seat FROM partner_seats WHERE sale = :key ORDER BY place", key=sale.key
        )]  # fmt: skip
        tags["SE"] = ",".join(seats)
        tags["TN"] = ",".join(f"{sale.receipt}-{number}" for number, _ in enumerate(seats, 1))
        tags["CL"] = case.data.keys.content(f"claim {sale.key}")[:10].upper()
    return tags


# ---------------------------------------------------------------- status


def _tell_state(case: Case, account: str) -> Told:
    settle_ripe(case.tx, case.stamp, case.now_s)
    order = register.find_order(case.tx, case.terminal, payments.tags_of(case).get("RF", ""))
    known = order is not None and (order.account == account or claims.by_cash(order))
    sale = partners.find_sale(case.tx, order.key) if order is not None and known else None
    if order is None or sale is None:
        return Told("25")
    tags = {
        "ST": _WORD.get(sale.state, "refunded"), "AM": str(order.asked_minor), "FE": str(order.fee_minor),
        "PR": sale.receipt,
    }  # fmt: skip
    return Told("00", tags)


def settle_ripe(tx: Tx, stamp: Stamp, now_s: int) -> None:
    """Take the final word of every pending sale that has one; a refusal gives the money back."""
    for key in partners.ripe(tx, now_s):
        sale = partners.find_sale(tx, key)
        assert sale is not None
        partners.set_state(tx, key, sale.becomes)
        terminal, _, rrn = key.partition("/")
        order = register.find_order(tx, terminal, rrn)
        if sale.becomes == "rejected" and order is not None and order.state in ("posted", "completed"):
            give_back(tx, order, stamp)


def give_back(tx: Tx, order: Order, stamp: Stamp) -> None:
    """Refund an order that its partner refused: new entries the other way, amount and commission.

    What was paid in notes is owed to whoever has the slip.
    """
    if claims.by_cash(order):
        fees = f"bank:fees:{order.currency}"
        for part, minor, debit in (("", order.approved_minor, order.counter_account), ("/fee", order.fee_minor, fees)):
            if minor:
                key = f"{order.key}{part}/returned"
                claims.owe_returned(tx, order, minor, order.currency, stamp, debit=debit, key=key)
        register.resolve_order(tx, order, "refunded", 0)
        return
    returned = ledger.move(
        tx, f"{order.key}/resolved", order.counter_account, order.account, order.approved_minor, order.currency, stamp
    )
    assert returned.done, "a partner's account has no floor"
    if order.fee_minor:
        fees = f"bank:fees:{order.currency}"
        key = f"{order.key}/fee/resolved"
        ledger.move(tx, key, fees, order.account, order.fee_minor, order.currency, stamp)
    register.resolve_order(tx, order, "refunded", 0)


# ---------------------------------------------------------------- cancel and finish


def cancel(case: Case, order: Order) -> bool:
    """Take a sale back at its partner. Returns False if the partner keeps it; true where there is no sale."""
    sale = partners.find_sale(case.tx, order.key)
    if sale is None or sale.state not in partners.LIVE:
        return True
    if case.partner_fault.name == "partner_keeps":
        return False
    partners.set_state(case.tx, order.key, "cancelled")
    partners.free_sold(case.tx, order.key)
    return True


def finish(case: Case, order: Order) -> None:
    """Make a provisional sale final: the ticket is in the customer's hand, or the notes are in the vault.

    A biller or operator that is paid in notes has its word now; what it refuses is owed to the customer.
    """
    sale = partners.find_sale(case.tx, order.key)
    if sale is None or sale.state != "provisional":
        return
    ticket = order.operation == "purchase"
    state, becomes, final_s = ("accepted", "", 0) if ticket else _word(case)
    partners.decide(case.tx, order.key, state, becomes, final_s)
    if state == "rejected":
        give_back(case.tx, order, case.stamp)
