"""What the bank remembers of messages: orders, stored answers, exception items, events, settlement totals.

An order is one 0200 (or the tombstone of one that was reversed before it came). Its `state` is

    approved ──0220──> completed        declined      informed (nothing to complete)
        │ ──0420 partial──> partial     tombstone     posted (single phase, ──0420──> reversed)
        └───0420 full──> reversed       orphan (0220 without an original)

and a posted order that its partner refuses is refunded: given back by new entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kiosk.bank.storage import Tx

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS orders (
        terminal TEXT NOT NULL, rrn TEXT NOT NULL, stan TEXT NOT NULL, sent_at TEXT NOT NULL,
        operation TEXT NOT NULL, account TEXT NOT NULL, counter_account TEXT NOT NULL, currency TEXT NOT NULL,
        asked_minor BIGINT NOT NULL, approved_minor BIGINT NOT NULL, stands_minor BIGINT NOT NULL,
        code TEXT NOT NULL, state TEXT NOT NULL, booked_on TEXT NOT NULL, opened_s BIGINT NOT NULL,
        fee_minor BIGINT NOT NULL, PRIMARY KEY (terminal, rrn))""",
    "CREATE INDEX IF NOT EXISTS orders_open ON orders (state, opened_s)",
    """CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY, content TEXT NOT NULL, answer TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS exceptions (
        terminal TEXT NOT NULL, rrn TEXT NOT NULL, kind TEXT NOT NULL, stan TEXT NOT NULL, text TEXT NOT NULL,
        at TEXT NOT NULL, closed_with TEXT NOT NULL, PRIMARY KEY (terminal, rrn, kind, stan))""",
    """CREATE TABLE IF NOT EXISTS events (
        terminal TEXT NOT NULL, stan TEXT NOT NULL, sent_at TEXT NOT NULL, rrn TEXT NOT NULL,
        text TEXT NOT NULL, PRIMARY KEY (terminal, stan, sent_at))""",
    """CREATE TABLE IF NOT EXISTS withheld (
        terminal TEXT NOT NULL, stan TEXT NOT NULL, sent_at TEXT NOT NULL, rrn TEXT NOT NULL,
        value_minor BIGINT NOT NULL, classification TEXT NOT NULL, credited BIGINT NOT NULL, session TEXT NOT NULL,
        text TEXT NOT NULL, booked_on TEXT NOT NULL, PRIMARY KEY (terminal, stan, sent_at))""",
    "CREATE TABLE IF NOT EXISTS bank_state (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

ORDER_COLUMNS: Final = (
    "terminal, rrn, stan, sent_at, operation, account, counter_account, currency, asked_minor,"
    " approved_minor, stands_minor, code, state, booked_on, opened_s, fee_minor"
)


@dataclass(frozen=True, slots=True)
class Order:
    terminal: str
    rrn: str
    stan: str
    sent_at: str
    operation: str
    account: str
    counter_account: str
    currency: str
    asked_minor: int
    approved_minor: int
    stands_minor: int
    code: str
    state: str
    booked_on: str
    opened_s: int
    fee_minor: int = 0  # charged on top, by a transfer of its own

    @property
    def key(self) -> str:
        """The ledger key of its hold or move."""
        return f"{self.terminal}/{self.rrn}"


@dataclass(frozen=True, slots=True)
class ExceptionItem:
    """A case for reconciliation. `kind` is one of suspect, hold_too_old, second_resolution, completion_of_declined,
    completion_unknown, amount_differs, over_dispense, posting_refused, out_of_balance.
    """

    terminal: str
    rrn: str
    kind: str
    stan: str
    text: str
    at: str
    closed_with: str

    @property
    def open(self) -> bool:
        return not self.closed_with


def find_order(tx: Tx, terminal: str, rrn: str) -> Order | None:
    row = tx.one(f"SELECT {ORDER_COLUMNS} FROM orders WHERE terminal = :t AND rrn = :r", t=terminal, r=rrn)
    return None if row is None else Order(*row)


def all_orders(tx: Tx) -> list[Order]:
    return [Order(*row) for row in tx.all(f"SELECT {ORDER_COLUMNS} FROM orders ORDER BY terminal, rrn")]


def open_order(tx: Tx, order: Order) -> None:
    tx.run(
        "INSERT INTO orders VALUES (:terminal, :rrn, :stan, :sent_at, :operation, :account, :counter, :currency,"
        " :asked, :approved, :stands, :code, :state, :booked_on, :opened_s, :fee)",
        terminal=order.terminal,
        rrn=order.rrn,
        stan=order.stan,
        sent_at=order.sent_at,
        operation=order.operation,
        account=order.account,
        counter=order.counter_account,
        currency=order.currency,
        asked=order.asked_minor,
        approved=order.approved_minor,
        stands=order.stands_minor,
        code=order.code,
        state=order.state,
        booked_on=order.booked_on,
        opened_s=order.opened_s,
        fee=order.fee_minor,
    )


def resolve_order(tx: Tx, order: Order, state: str, stands_minor: int) -> None:
    tx.run(
        "UPDATE orders SET state = :state, stands_minor = :stands WHERE terminal = :terminal AND rrn = :rrn",
        state=state,
        stands=stands_minor,
        terminal=order.terminal,
        rrn=order.rrn,
    )


def register_exception(tx: Tx, terminal: str, rrn: str, kind: str, stan: str, text: str, at: str) -> None:
    """Open an exception item; the same case again (a repeat) stays one item."""
    tx.run(
        "INSERT INTO exceptions VALUES (:terminal, :rrn, :kind, :stan, :text, :at, '') ON CONFLICT DO NOTHING",
        terminal=terminal,
        rrn=rrn,
        kind=kind,
        stan=stan,
        text=text,
        at=at,
    )


def exceptions(tx: Tx, *, open_only: bool = True) -> list[ExceptionItem]:
    rows = tx.all(
        "SELECT terminal, rrn, kind, stan, text, at, closed_with FROM exceptions ORDER BY at, terminal, rrn, kind"
    )
    items = [ExceptionItem(*row) for row in rows]
    return [item for item in items if item.open] if open_only else items


@dataclass(frozen=True, slots=True)
class WithheldNote:
    """A doubted note that a terminal kept: to be examined, with the order and session it came in."""

    terminal: str
    rrn: str
    value_minor: int
    classification: str
    credited: bool
    session: str
    text: str
    booked_on: str


def note_withheld(tx: Tx, key: tuple[str, str, str], note: WithheldNote) -> None:
    """Remember a withheld note under its message: terminal, STAN, time of sending."""
    tx.run(
        "INSERT INTO withheld VALUES (:terminal, :stan, :sent_at, :rrn, :value, :classification, :credited, :session,"
        " :text, :booked_on)",
        terminal=key[0], stan=key[1], sent_at=key[2], rrn=note.rrn, value=note.value_minor,
        classification=note.classification, credited=int(note.credited), session=note.session, text=note.text,
        booked_on=note.booked_on,
    )  # fmt: skip


def withheld_notes(tx: Tx) -> list[WithheldNote]:
    rows = tx.all(
        "SELECT terminal, rrn, value_minor, classification, credited, session, text, booked_on FROM withheld"
        " ORDER BY terminal, sent_at, stan"
    )
    return [
        WithheldNote(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6], row[7]) for row in rows
    ]  # fmt: skip


def get_state(tx: Tx, name: str) -> str:
    row = tx.one("SELECT value FROM bank_state WHERE name = :name", name=name)
    return "" if row is None else str(row[0])


def set_state(tx: Tx, name: str, value: str) -> None:
    tx.run(
        "INSERT INTO bank_state VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=value,
    )
