"""What is judged of money that moves without notes: transfers, remittances, payments, and of what was told about it.

For every order the terminal's journal and the bank's register must agree on what stands: charged exactly once or not
at all. And what a screen said of an order must be true at the end: done means that it stands, not charged and
being cancelled mean that it does not. A difference is allowed only where somebody was told to look: an exception item
at the bank, or an advice that the bank refused and that is parked for the operator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kiosk.bank.claims import cash_of
from kiosk.services.case import Posting

if TYPE_CHECKING:
    from kiosk.bank.register import Order
    from kiosk.rehearsal.world import World

CASH: Final = frozenset({"withdrawal", "cardless_withdrawal", "deposit", "claim_payout"})
SAID_DONE: Final = frozenset({"completed"})
TOLD_OF_EARLIER: Final = frozenset({"remittance_status", "remittance_revoked", "partner_status", "case_status"})
SAID_NOT_CHARGED: Final = frozenset({"unconfirmed", "not_charged"})


def settled_minor(world: World) -> int:
    """Return what orders took that give no notes for it, by the bank's register, fees included.

    They took it from the customer's account, or in notes at the terminal; of those also what is credited or owed.
    """
    total = world.bank.owed_to_bearers() + sum(world.bank.overpaid().values())
    for order in world.bank.orders():
        if order.operation in CASH:
            continue
        if order.account in (world.wallet.account, cash_of(order.terminal)):
            total += order.stands_minor + (order.fee_minor if order.stands_minor else 0)
        if order.counter_account == world.wallet.account:
            total -= order.stands_minor
    return total


def order_errors(world: World) -> list[str]:
    """Return every order on which journal, register and screens disagree."""
    orders = {order.rrn: order for order in world.bank.orders()}
    opened = {e.data["case"]: e.data for e in world.entries if e.kind == "case_opened"}
    looked_at = {item.rrn for item in world.bank.exceptions(open_only=False)} | parked(world)
    errors = [
        f"order {order.rrn} at the bank was never opened by this terminal" for order in orders.values()
        if order.rrn not in opened and order.stands_minor
    ]  # fmt: skip
    for entry in world.entries:
        if entry.kind != "case_closed" or entry.data["case"] in looked_at:
            continue
        case = opened.get(entry.data["case"])
        if case is None or case.get("posting", Posting.NOTES.value) == Posting.NOTES.value:
            continue
        ours, theirs = entry.data["stands_minor"], _stands(orders.get(case["rrn"]))
        order = orders.get(case["rrn"])
        if order is not None and order.state == "refunded" and ours == order.approved_minor:
            continue  # it stood when it was closed; the partner's refusal came later and was given back
        if ours != theirs:
            errors.append(f"{case['operation']} {case['rrn']}: {ours} stands by the journal, {theirs} at the bank")
    return errors + _told_errors(world, orders, looked_at) + _partner_errors(world, orders)


def _partner_errors(world: World, orders: dict[str, Order]) -> list[str]:
    """Return every partner that was not credited exactly what stands of the orders for it."""
    errors, over = [], world.bank.overpaid()
    for code in world.bank.data.partners:
        account = f"payee:{code}"
        held, credited = world.bank.balance(account), 0
        owed = sum(
            order.stands_minor + over.get(order.key, 0) for order in orders.values() if order.counter_account == account
        )
        if held is not None:
            credited = held.ledger_minor
        if credited != owed:
            errors.append(f"{account} was credited {credited}; {owed} stands of the orders for it")
    return errors


def _stands(order: Order | None) -> int:
    return order.stands_minor if order is not None else 0


def parked(world: World) -> set[str]:
    """Return the references of advices that the bank refused; the operator was told."""
    rrns = {
        e.data["id"]: e.data["original"]["rrn"] for e in world.entries
        if e.kind == "advice_queued" and e.data.get("original")
    }  # fmt: skip
    return {rrns[e.data["advice"]] for e in world.entries if e.kind == "advice_parked" and e.data["advice"] in rrns}


def _told_errors(world: World, orders: dict[str, Order], looked_at: set[str]) -> list[str]:
    said: dict[tuple[str, str], None] = {}
    opened = [e.data for e in world.entries if e.kind == "case_opened"]
    unasked = {c["rrn"] for c in opened if c.get("posting") == Posting.NOTHING.value and "operation" not in c}
    for view in world.views:
        reference = view.values.get("reference")
        if view.values.get("what") in TOLD_OF_EARLIER or reference in unasked:
            continue  # an earlier order, whatever became of it; or a case of which the bank was only told
        if isinstance(reference, str) and view.screen in SAID_DONE | SAID_NOT_CHARGED:
            said[view.screen, reference] = None
    errors = _partner_told_errors(world, orders)
    for screen, reference in said:
        order = orders.get(reference)
        if screen in SAID_DONE and (order is None or order.code != "00" or order.state in ("reversed", "tombstone")):
            errors.append(f"the screen {screen!r} said that {reference} is done; the bank has it otherwise")
        if screen in SAID_NOT_CHARGED and _stands(order) and reference not in looked_at:
            errors.append(f"the screen {screen!r} said that {reference} is not charged; {_stands(order)} stands")
    return errors


def _partner_told_errors(world: World, orders: dict[str, Order]) -> list[str]:
    """Return every final word about a payment to a partner that was not true: paid stays paid, returned is returned."""
    said: dict[tuple[str, str], None] = {}
    for view in world.views:
        what, reference = str(view.values.get("what", "")), str(view.values.get("reference", ""))
        state = str(view.values.get("state", "")) if what == "partner_status" else what.rpartition("_")[2]
        if view.screen == "payment_returned" or what == "remittance_revoked":
            state = "refunded"
        if view.screen in ("completed", "payment_returned") and reference in orders and state in ("paid", "refunded"):
            said[state, reference] = None
    return [
        f"the screen said {state} of {reference}; {orders[reference].stands_minor} stands"
        for state, reference in said if (state == "paid") != bool(orders[reference].stands_minor)
    ]  # fmt: skip
