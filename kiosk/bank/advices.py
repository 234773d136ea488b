"""Completions (0220), reversals (0420) and settlement totals (0520).

An order is resolved once. What comes after that, or does not fit it, moves nothing and opens an exception
item: somebody has to look, because cash may be out that the books do not know.

What stands is F95 where present, else the whole of what was approved (completion) or nothing (reversal).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kiosk.bank import accounts, agency, claims, ledger, register
from kiosk.bank.authorise import tombstone
from kiosk.bank.case import Case, echo
from kiosk.bank.register import Order
from kiosk.host.message import (
    Message,
    MessageError,
    OriginalData,
    parse_original,
    parse_private,
    parse_replacement,
)

_RESOLVED: Final = frozenset({"completed", "partial", "reversed", "tombstone", "orphan"})


def complete(case: Case) -> Message:
    """Post what moved. Returns the 0230."""
    code = _complete(case)
    claims.book_owed(case, register.find_order(case.tx, case.terminal, case.rrn))
    return echo(case, "0230", code)


def reverse(case: Case) -> Message:
    """Release what does not stand. Returns the 0430."""
    code = _reverse(case)
    claims.book_owed(case, register.find_order(case.tx, case.terminal, case.rrn))
    return echo(case, "0430", code)


def _read(case: Case) -> tuple[OriginalData, int | None] | None:
    """Return the original named and the amount that stands (None: F95 absent), or None if ill-formed."""
    try:
        original = parse_original(case.message.get(90))
        stands = parse_replacement(case.message.get(95)) if case.message.get(95) else None
    except MessageError:
        return None
    return original, stands


def _suspect(case: Case) -> bool:
    return "SU" in parse_private(case.message.get(48))


def _fits(case: Case, order: Order, original: OriginalData) -> bool:
    if order.state == "tombstone":
        return True
    if (order.stan, order.sent_at) != (original.stan, original.sent_at):
        case.report("second_resolution", "field 90 names another message than field 37")
        return False
    if order.state in ("declined", "informed", "refunded"):
        return True
    if case.amount_minor not in (order.asked_minor, order.approved_minor) or case.currency != order.currency:
        case.report("amount_differs", f"advice over {case.amount_minor}, order over {order.asked_minor}")
        return False
    return True


def _complete(case: Case) -> str:
    read = _read(case)
    if read is None:
        return "30"
    original, stands = read
    order = register.find_order(case.tx, case.terminal, case.rrn)
    if order is None:
        tombstone(case, original.sent_at, original.stan, "orphan")
        case.report("completion_unknown", "a completion whose request never came: cash may have left")
        return "25"
    if not _fits(case, order, original):
        return "94"
    if order.state in ("posted", "informed", "refunded"):
        return "00"  # posted at the 0210 already: the completion tells nothing new
    if order.state == "declined":
        case.report("completion_of_declined", f"completion of an order declined with {order.code}")
        return "94"
    if order.state in _RESOLVED:
        case.report("second_resolution", f"completion of an order already {order.state}")
        return "94"
    wanted = order.approved_minor if stands is None else stands
    if wanted > order.approved_minor:
        case.report("over_dispense", f"{wanted} moved, {order.approved_minor} approved; the approved amount is posted")
        wanted = order.approved_minor
    if _suspect(case):
        case.report("suspect", "the terminal does not know whether the customer has the notes")
    return _resolve(case, order, wanted)


def _reverse(case: Case) -> str:
    read = _read(case)
    if read is None:
        return "30"
    original, stands = read
    order = register.find_order(case.tx, case.terminal, case.rrn)
    if order is None:
        tombstone(case, original.sent_at, original.stan, "tombstone")
        return "00"
    if not _fits(case, order, original):
        return "94"
    if order.state in ("declined", "informed", "refunded"):
        return "00"  # nothing is held
    if order.state in _RESOLVED:
        case.report("second_resolution", f"reversal of an order already {order.state}")
        return "94"
    if stands is not None and stands >= order.asked_minor:
        case.report("amount_differs", "a partial reversal of which everything stands: it had to be a completion")
        return "30"
    if _suspect(case):
        case.report("suspect", "reversal of a suspect dispense")
    if order.state == "posted":
        return _take_back(case, order, stands or 0)
    return _resolve(case, order, min(stands or 0, order.approved_minor))


def _resolve(case: Case, order: Order, stands_minor: int) -> str:
    if not stands_minor and not agency.cancel(case, order):
        case.report("posting_refused", "the partner does not take its sale back")
        return "94"
    stamp = replace(case.stamp, booked_on=order.booked_on)  # a transaction keeps the date it began with
    key = f"{order.key}/resolved"
    if stands_minor:
        amount = None if stands_minor == order.approved_minor else stands_minor
        result = ledger.post(case.tx, key, order.key, amount, stamp)
    else:
        result = ledger.void(case.tx, key, order.key, stamp)
    assert result.done, "an approved order has an open hold of its amount"
    if order.fee_minor:
        fee, fee_key = f"{order.key}/fee", f"{order.key}/fee/resolved"
        if stands_minor:
            ledger.post(case.tx, fee_key, fee, None, stamp)
        else:
            ledger.void(case.tx, fee_key, fee, stamp)
    if order.operation == "claim_payout":
        claims.release(case.tx, order, order.approved_minor - stands_minor)
    if order.operation in ("withdrawal", "cardless_withdrawal"):
        released = order.approved_minor - stands_minor
        accounts.use(case.tx, order.account, order.booked_on, -released, 0 if stands_minor else -1)
    state = "reversed" if not stands_minor else "completed" if stands_minor == order.approved_minor else "partial"
    register.resolve_order(case.tx, order, state, stands_minor)
    if stands_minor:
        agency.finish(case, replace(order, state=state, stands_minor=stands_minor))
    return "00"


def _take_back(case: Case, order: Order, stands_minor: int) -> str:
    """Correct a posting by a transfer the other way; refused if the payee's side would not allow it."""
    if not stands_minor and not agency.cancel(case, order):
        case.report("posting_refused", "the partner does not take its sale back")
        return "94"
    result = ledger.move(
        case.tx,
        f"{order.key}/resolved",
        order.counter_account,
        order.account,
        order.approved_minor - stands_minor,
        order.currency,
        case.stamp,
    )
    if not result.done:
        case.report("posting_refused", f"the payment cannot be taken back: {result.why}")
        return "94"
    if order.fee_minor and not stands_minor:
        fees = f"bank:fees:{order.currency}"
        ledger.move(
            case.tx, f"{order.key}/fee/resolved", fees, order.account, order.fee_minor, order.currency, case.stamp
        )
    register.resolve_order(case.tx, order, "partial" if stands_minor else "reversed", stands_minor)
    return "00"


# ---------------------------------------------------------------- settlement

_DEBITS: Final = ("withdrawal", "cardless_withdrawal", "claim_payout", "purchase", "payment", "top_up", "remittance")
_CREDITS: Final = ("deposit", "cheque_deposit")
_TOTALS: Final = (74, 75, 76, 77, 78, 80, 86, 87, 88, 89, 97)


def totals(orders: list[Order]) -> dict[int, str]:
    """Return the bank's figures of a terminal's day as fields 74 to 97.

    Reversed are the parts given back; the net is credits less debits that stand.
    """
    standing = [o for o in orders if o.stands_minor]
    given_back = [o for o in orders if o.state in ("reversed", "partial")]

    def number(chosen: list[Order], names: tuple[str, ...]) -> str:
        return f"{sum(o.operation in names for o in chosen):010d}"

    def stood(names: tuple[str, ...]) -> int:
        return sum(o.stands_minor for o in standing if o.operation in names)

    def returned(names: tuple[str, ...]) -> int:
        return sum(o.approved_minor - o.stands_minor for o in given_back if o.operation in names)

    net = stood(_CREDITS) - stood(_DEBITS)
    return {
        74: number(standing, _CREDITS),
        75: number(given_back, _CREDITS),
        76: number(standing, _DEBITS),
        77: number(given_back, _DEBITS),
        78: number(standing, ("transfer",)),
        80: f"{sum(o.operation in ('inquiry', 'statement') and o.code == '00' for o in orders):010d}",
        86: f"{stood(_CREDITS):016d}",
        87: f"{returned(_CREDITS):016d}",
        88: f"{stood(_DEBITS):016d}",
        89: f"{returned(_DEBITS):016d}",
        97: f"{'D' if net < 0 else 'C'}{abs(net):016d}",
    }


def settle(case: Case) -> Message:
    """Compare the terminal's totals of a business date with the bank's. Returns the 0530, F66 1 or 2."""
    day = case.message.get(15)
    orders = [
        o
        for o in register.all_orders(case.tx)
        if o.terminal == case.terminal and o.booked_on[5:7] + o.booked_on[8:10] == day
    ]
    ours = totals(orders)
    differing = [n for n in _TOTALS if ours[n] != case.message.get(n)]
    if not differing:
        return echo(case, "0530", "00", {66: "1"})
    case.report("out_of_balance", f"settlement of {day} differs in fields {', '.join(map(str, differing))}")
    return echo(case, "0530", "00", {66: "2", 50: case.message.get(50), **ours})
