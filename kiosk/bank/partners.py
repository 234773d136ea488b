"""The partners as the bank plays them: billers with open bills, top-up operators, a ticket agency with seats.

Each keeps a book of its own (`partner_sales`), in the bank's store and so in the bank's transaction: what a partner
took and what the bank paid for cannot drift apart, and `disagreements` compares them. A sale is known by the key of the
order; the same key again gets the first result and no second sale (edge case 87).

    accepted      final: the bill is paid, the credit is on the phone, the ticket is sold
    pending       taken in, the final word comes at `final_s` (edge case 81)
    provisional   a ticket whose paper is not verified yet (edge case 85), or what is being paid in notes
    rejected      the partner will not have it: the bank gives the money back (edge case 82)
    cancelled     taken back in time: the bill is open again, the seats are free

Faults come with the message that they strike (`Fault`): see `kiosk.bank.personality`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kiosk.bank.partner_data import PartnerData
from kiosk.bank.storage import Tx

UNKNOWN_NUMBER: Final = "B1"
NOTHING_DUE: Final = "B2"
IN_PROCESS: Final = "B3"
SOLD_OUT: Final = "B4"
HOLD_EXPIRED: Final = "B5"
PARTNER_DOWN: Final = "B6"
PARTNER_REFUSED: Final = "B7"
OUT_OF_LIMITS: Final = "B8"

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS partner_bills (
        partner TEXT NOT NULL, number TEXT NOT NULL, holder TEXT NOT NULL, due_minor BIGINT NOT NULL,
        due_on TEXT NOT NULL, PRIMARY KEY (partner, number))""",
    """CREATE TABLE IF NOT EXISTS partner_sales (
        key TEXT PRIMARY KEY, partner TEXT NOT NULL, number TEXT NOT NULL, amount_minor BIGINT NOT NULL,
        state TEXT NOT NULL, becomes TEXT NOT NULL, final_s BIGINT NOT NULL, receipt TEXT NOT NULL,
        asked BIGINT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS partner_seats (
        partner TEXT NOT NULL, performance TEXT NOT NULL, place BIGINT NOT NULL, seat TEXT NOT NULL,
        hold TEXT NOT NULL, until_s BIGINT NOT NULL, sale TEXT NOT NULL, PRIMARY KEY (partner, performance, seat))""",
)
LIVE: Final = ("accepted", "pending", "provisional")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at the partner while a message is served; an empty name is nothing."""

    name: str = ""
    arguments: Mapping[str, int | str] = field(default_factory=dict)


NO_FAULT: Final = Fault()


@dataclass(frozen=True, slots=True)
class Bill:
    holder: str
    due_minor: int
    due_on: str


@dataclass(frozen=True, slots=True)
class Sale:
    """A row of a partner's book. `number` is the customer's, or the performance; `asked` how often the key came."""

    key: str
    partner: str
    number: str
    amount_minor: int
    state: str
    becomes: str
    final_s: int
    receipt: str
    asked: int


def prepare(tx: Tx, partners: Mapping[str, PartnerData]) -> None:
    """Fill the partners' books on the first day."""
    for partner in partners.values():
        for bill in partner.bills:
            tx.run(
                "INSERT INTO partner_bills VALUES (:partner, :number, :holder, :due, :on)",
                partner=partner.code, number=bill.number, holder=bill.holder, due=bill.due_minor, on=bill.due_on,
            )  # fmt: skip
        for show in partner.shows:
            for place, seat in enumerate(show.seats):
                tx.run(
                    "INSERT INTO partner_seats VALUES (:partner, :show, :place, :seat, '', 0, '')",
                    partner=partner.code, show=show.id, place=place, seat=seat,
                )  # fmt: skip


# ---------------------------------------------------------------- sales


def find_sale(tx: Tx, key: str) -> Sale | None:
    row = tx.one(
        "SELECT key, partner, number, amount_minor, state, becomes, final_s, receipt, asked FROM partner_sales"
        " WHERE key = :key",
        key=key,
    )
    return None if row is None else Sale(*row)


def sell(
    tx: Tx, key: str, partner: str, number: str, amount_minor: int, state: str, *, becomes: str = "", final_s: int = 0
) -> Sale:
    """Enter a sale, or return what the key already has: a repeat is counted and changes nothing else."""
    known = find_sale(tx, key)
    if known is not None:
        tx.run("UPDATE partner_sales SET asked = asked + 1 WHERE key = :key", key=key)
        return known
    receipt = f"{partner[:2]}{hashlib.sha256(key.encode()).hexdigest()[:8].upper()}"
    sale = Sale(key, partner, number, amount_minor, state, becomes or state, final_s, receipt, 1)
    tx.run(
        "INSERT INTO partner_sales VALUES (:key, :partner, :number, :amount, :state, :becomes, :final, :receipt, 1)",
        key=key, partner=partner, number=number, amount=amount_minor, state=state, becomes=sale.becomes,
        final=final_s, receipt=receipt,
    )  # fmt: skip
    return sale


def set_state(tx: Tx, key: str, state: str) -> None:
    tx.run("UPDATE partner_sales SET state = :state WHERE key = :key", state=state, key=key)


def decide(tx: Tx, key: str, state: str, becomes: str, final_s: int) -> None:
    """Give a sale its partner's word, and when the final one comes."""
    tx.run(
        "UPDATE partner_sales SET state = :state, becomes = :becomes, final_s = :final WHERE key = :key",
        state=state, becomes=becomes or state, final=final_s, key=key,
    )  # fmt: skip


def ripe(tx: Tx, now_s: int) -> list[str]:
    """Return the keys of pending sales that have become final."""
    rows = tx.all(
        "SELECT key FROM partner_sales WHERE state = 'pending' AND final_s <= :now ORDER BY key",
        now=now_s,
    )
    return [row[0] for row in rows]


# ---------------------------------------------------------------- bills


def find_bill(tx: Tx, partner: str, number: str) -> Bill | None:
    row = tx.one(
        "SELECT holder, due_minor, due_on FROM partner_bills WHERE partner = :p AND number = :n", p=partner, n=number
    )
    return None if row is None else Bill(*row)


def taken_for(tx: Tx, partner: str, number: str) -> str:
    """Return the state of a live sale on a bill: ``accepted``, ``pending``, ``provisional``, or empty."""
    row = tx.one(
        "SELECT state FROM partner_sales WHERE partner = :p AND number = :n"
        " AND state IN ('accepted', 'pending', 'provisional')",
        p=partner, n=number,
    )  # fmt: skip
    return "" if row is None else str(row[0])


# ---------------------------------------------------------------- seats


def seats_left(tx: Tx, partner: str, performance: str, now_s: int) -> int:
    row = tx.one(
        "SELECT COUNT(*) FROM partner_seats WHERE partner = :p AND performance = :s AND sale = ''"
        " AND (hold = '' OR until_s <= :now)",
        p=partner, s=performance, now=now_s,
    )  # fmt: skip
    return int(row[0]) if row is not None else 0


def hold_seats(tx: Tx, partner: str, performance: str, count: int, hold: str, now_s: int, until_s: int) -> list[str]:
    """Hold the first `count` free seats until `until_s`; an empty list if there are not so many."""
    if seats_left(tx, partner, performance, now_s) < count:
        return []
    rows = tx.all(
        "SELECT seat FROM partner_seats WHERE partner = :p AND performance = :s AND sale = ''"
        " AND (hold = '' OR until_s <= :now) ORDER BY place LIMIT :count",
        p=partner, s=performance, now=now_s, count=count,
    )  # fmt: skip
    seats = [str(row[0]) for row in rows]
    for seat in seats:
        tx.run(
            "UPDATE partner_seats SET hold = :hold, until_s = :until"
            " WHERE partner = :p AND performance = :s AND seat = :seat",
            hold=hold, until=until_s, p=partner, s=performance, seat=seat,
        )  # fmt: skip
    return seats


def held_seats(tx: Tx, partner: str, performance: str, hold: str, now_s: int) -> list[str]:
    """Return the seats that a hold still has."""
    rows = tx.all(
        "SELECT seat FROM partner_seats WHERE partner = :p AND performance = :s AND hold = :hold AND sale = ''"
        " AND until_s > :now ORDER BY place",
        p=partner, s=performance, hold=hold, now=now_s,
    )  # fmt: skip
    return [str(row[0]) for row in rows]


def take_seats(tx: Tx, partner: str, hold: str, sale: str) -> None:
    """Turn a hold into a sale: the hold cannot expire any more."""
    tx.run(
        "UPDATE partner_seats SET sale = :sale WHERE partner = :p AND hold = :hold AND sale = ''",
        sale=sale, p=partner, hold=hold,
    )  # fmt: skip


def free_held(tx: Tx, partner: str, hold: str) -> None:
    tx.run(
        "UPDATE partner_seats SET hold = '', until_s = 0 WHERE partner = :p AND hold = :hold AND sale = ''",
        p=partner, hold=hold,
    )  # fmt: skip


def free_sold(tx: Tx, sale: str) -> None:
    tx.run("UPDATE partner_seats SET hold = '', until_s = 0, sale = '' WHERE sale = :sale", sale=sale)


# ---------------------------------------------------------------- the two books


def disagreements(tx: Tx) -> list[tuple[str, str]]:
    """Return (key, text) for every order or sale on which the bank's register and a partner's book differ.

    A partner is credited exactly for what it has a live sale for, each bill is collected at most once, and no seat is
    sold twice or to nobody.
    """
    found = []
    orders = {
        f"{row[0]}/{row[1]}": (str(row[2]), int(row[3]), int(row[4]))
        for row in tx.all("SELECT terminal, rrn, state, stands_minor, approved_minor FROM orders")
    }
    collected: dict[tuple[str, str], int] = {}
    kinds = {row[0] for row in tx.all("SELECT DISTINCT partner FROM partner_bills")}
    rows = tx.all("SELECT key, partner, number, amount_minor, state FROM partner_sales ORDER BY key")
    for key, partner, number, amount, state in rows:
        order_state, stands, approved = orders.get(key, ("", 0, 0))
        if state in ("accepted", "pending") and stands != amount:
            found.append((key, f"{partner} has {state} {amount}, {stands} stands at the bank"))
        if state == "provisional" and (order_state, approved) != ("approved", amount):
            found.append((key, f"{partner} keeps a ticket over {amount}, the order is {order_state or 'unknown'}"))
        if state not in LIVE and stands:
            found.append((key, f"{partner} has it {state}, {stands} stands at the bank"))
        if state in LIVE and partner in kinds:
            collected[partner, number] = collected.get((partner, number), 0) + 1
    found += [
        (f"{partner}/{number}", f"the bill was collected {times} times")
        for (partner, number), times in collected.items() if times > 1
    ]  # fmt: skip
    live = {row[0]: row[4] for row in rows}
    found += [
        (row[0], f"seat {row[1]} belongs to a sale that is {live.get(row[0], 'unknown')}")
        for row in tx.all("SELECT sale, seat FROM partner_seats WHERE sale <> '' ORDER BY sale, seat")
        if live.get(row[0]) not in LIVE
    ]  # fmt: skip
    return found
