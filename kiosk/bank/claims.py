"""What the bank owes to bearers: notes that a terminal kept, and neither paid for something nor gave back.

A customer may pay a partner in notes, with a card or without one. What is more than was due comes back in notes; what
the terminal cannot pay out is *owed*. The terminal says how much with the message that resolves the order (F48 ``OW``,
``minor|way``), and the way it was agreed on the screen:

    partner   credited to the customer's number with the partner, where the agreement allows it
    account   credited to the account of the card that was in
    slip      owed to whoever shows the slip: a row here, and the same amount on the ledger account `LEDGER`

A claim is paid in notes by ``claim_payout`` (RF names the order), reserved and posted like a withdrawal. One that the
terminal was not sure of (F48 ``SU``) is held back until somebody has looked.
"""

from __future__ import annotations

from typing import Final

from kiosk.bank import ledger
from kiosk.bank.case import Case
from kiosk.bank.ledger import Stamp
from kiosk.bank.register import Order
from kiosk.bank.storage import Tx
from kiosk.host.message import MessageError, parse_private

PARTNER: Final = "partner"
ACCOUNT: Final = "account"

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS cash_orders (
        terminal TEXT NOT NULL, rrn TEXT NOT NULL, account TEXT NOT NULL, number TEXT NOT NULL,
        overpaid_minor BIGINT NOT NULL, PRIMARY KEY (terminal, rrn))""",
    """CREATE TABLE IF NOT EXISTS claims (
        terminal TEXT NOT NULL, rrn TEXT NOT NULL, owed_minor BIGINT NOT NULL, paid_minor BIGINT NOT NULL,
        held_back INTEGER NOT NULL, PRIMARY KEY (terminal, rrn))""",
    """CREATE TABLE IF NOT EXISTS claim_payouts (
        terminal TEXT NOT NULL, rrn TEXT NOT NULL, claim TEXT NOT NULL, PRIMARY KEY (terminal, rrn))""",
)


def book_of(currency: str) -> str:
    """Return the ledger account of what is owed to bearers."""
    return f"bank:claims:{currency}"


def cash_of(terminal: str) -> str:
    """Return the ledger account of a terminal's cash: orders paid in notes are debited to it."""
    return f"atm:{terminal}:cash"


def by_cash(order: Order) -> bool:
    """Return whether an order for a partner is paid in notes."""
    return order.account == cash_of(order.terminal) and order.operation != "deposit"


def remember(case: Case, account: str, number: str) -> None:
    """Keep who pays this order in notes: the account of the card that is in, empty without one."""
    case.tx.run(
        "INSERT INTO cash_orders VALUES (:terminal, :rrn, :account, :number, 0)",
        terminal=case.terminal, rrn=case.rrn, account=account, number=number,
    )  # fmt: skip


def owe(tx: Tx, terminal: str, rrn: str, minor: int, *, held_back: bool = False) -> None:
    """Add to what is owed under a reference; the ledger is the caller's."""
    tx.run(
        "INSERT INTO claims VALUES (:terminal, :rrn, :minor, 0, :held) ON CONFLICT (terminal, rrn) DO UPDATE SET"
        " owed_minor = claims.owed_minor + excluded.owed_minor,"
        " held_back = CASE WHEN excluded.held_back = 1 THEN 1 ELSE claims.held_back END",
        terminal=terminal, rrn=rrn, minor=minor, held=int(held_back),
    )  # fmt: skip


def open_minor(tx: Tx, terminal: str, rrn: str) -> int:
    """Return what can be paid out under a reference now: nothing while it is held back."""
    row = tx.one(
        "SELECT owed_minor - paid_minor FROM claims WHERE terminal = :t AND rrn = :r AND held_back = 0",
        t=terminal, r=rrn,
    )  # fmt: skip
    return 0 if row is None else int(row[0])


def take(case: Case, rrn: str, minor: int) -> None:
    """Set aside what this order pays out of the claim `rrn`."""
    case.tx.run(
        "INSERT INTO claim_payouts VALUES (:terminal, :rrn, :claim)", terminal=case.terminal, rrn=case.rrn, claim=rrn
    )
    _pay(case.tx, case.terminal, rrn, minor)


def release(tx: Tx, order: Order, minor: int) -> None:
    """Put back what a payout did not pay."""
    row = tx.one("SELECT claim FROM claim_payouts WHERE terminal = :t AND rrn = :r", t=order.terminal, r=order.rrn)
    if row is not None and minor:
        _pay(tx, order.terminal, row[0], -minor)


def _pay(tx: Tx, terminal: str, rrn: str, minor: int) -> None:
    tx.run(
        "UPDATE claims SET paid_minor = paid_minor + :minor WHERE terminal = :t AND rrn = :r",
        minor=minor, t=terminal, r=rrn,
    )  # fmt: skip


def book_owed(case: Case, order: Order | None) -> None:
    """Book what the terminal owes with this message; a repeat of the message never comes here twice."""
    try:
        tags = parse_private(case.message.get(48))
    except MessageError:
        return
    text, _, way = tags.get("OW", "").partition("|")
    if not text.isdigit() or not int(text):
        return
    minor, cash = int(text), cash_of(case.terminal)
    paid_in = case.tx.one(
        "SELECT account FROM cash_orders WHERE terminal = :t AND rrn = :r", t=case.terminal, r=case.rrn
    )
    account = str(paid_in[0]) if paid_in is not None else ""
    credit = book_of(case.currency)
    if way == PARTNER and order is not None and order.counter_account.startswith("payee:"):
        credit = order.counter_account
        case.tx.run(
            "UPDATE cash_orders SET overpaid_minor = :minor WHERE terminal = :t AND rrn = :r",
            minor=minor, t=case.terminal, r=case.rrn,
        )  # fmt: skip
    elif way == ACCOUNT and account:
        credit = account
    else:
        owe(case.tx, case.terminal, case.rrn, minor, held_back="SU" in tags)
    ledger.move(case.tx, f"{case.terminal}/{case.rrn}/owed", cash, credit, minor, case.currency, case.stamp)


def owe_returned(tx: Tx, order: Order, minor: int, currency: str, stamp: Stamp, *, debit: str, key: str) -> None:
    """Turn money of a partner that refused a cash order into a claim of its bearer."""
    moved = ledger.move(tx, key, debit, book_of(currency), minor, currency, stamp)
    assert moved.done, "neither a partner's account nor that of fees has a floor"
    owe(tx, order.terminal, order.rrn, minor)


def overpaid(tx: Tx) -> dict[str, int]:
    """Return the order keys of which more than was due went to the partner, and how much more."""
    rows = tx.all("SELECT terminal, rrn, overpaid_minor FROM cash_orders WHERE overpaid_minor > 0")
    return {f"{row[0]}/{row[1]}": int(row[2]) for row in rows}


def disagreements(tx: Tx) -> list[tuple[str, str]]:
    """Return (subject, text) where claims and ledger differ: what is owed to bearers is what stands on its account."""
    found = []
    owed = {row[0]: int(row[1]) for row in tx.all("SELECT id, ledger_minor FROM accounts WHERE kind = 'claims'")}
    rows = tx.all("SELECT terminal, rrn, owed_minor, paid_minor FROM claims ORDER BY terminal, rrn")
    held = sum(int(row[0]) for row in tx.all("SELECT held_minor FROM accounts WHERE kind = 'claims'"))
    total = sum(int(row[2]) - int(row[3]) for row in rows)
    if total + held != sum(owed.values()):
        found.append(("bank:claims", f"{sum(owed.values())} is owed by the ledger, {total + held} by the claims"))
    found += [
        (f"{row[0]}/{row[1]}", f"{row[3]} paid of a claim of {row[2]}") for row in rows if not 0 <= row[3] <= row[2]
    ]
    return found
