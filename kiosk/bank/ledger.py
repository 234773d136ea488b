"""Double entry with immutable transfers, pending -> posted | voided once.

The log is the table `transfers`: one row per client key, numbered without gaps, each hashed over the one
before. A row is a *hold* (reserves on the debit account), a *post* (turns a hold, or part of it, into entries
and releases the rest), a *void* (releases all), a *move* (posts at once) or *refused*. Nothing is updated or
deleted; a correction is another transfer. Balances on `accounts` are a cache of the log; `verify` rebuilds
them.

Signs: an entry is positive on the credit side. So a customer's account (the bank owes) grows with a deposit,
and the bank's cash (it owns) stands below zero; all entries of a transfer sum to zero.

Idempotence: the first result of a key is its result for ever, also when it was a refusal, so a repeated
request cannot succeed because money came in meanwhile. The same key with other content is refused and not
recorded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from kiosk.bank.storage import Tx

GENESIS: Final = "0" * 64

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS accounts (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, currency TEXT NOT NULL, floor_minor BIGINT,
        ledger_minor BIGINT NOT NULL, held_minor BIGINT NOT NULL, entries BIGINT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS transfers (
        seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, content TEXT NOT NULL,
        debit TEXT NOT NULL, credit TEXT NOT NULL, amount_minor BIGINT NOT NULL, currency TEXT NOT NULL,
        resolves INTEGER UNIQUE, why TEXT NOT NULL, booked_on TEXT NOT NULL, at TEXT NOT NULL,
        hash TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS entries (
        account TEXT NOT NULL REFERENCES accounts(id), number BIGINT NOT NULL,
        transfer INTEGER NOT NULL REFERENCES transfers(seq), amount_minor BIGINT NOT NULL,
        PRIMARY KEY (account, number))""",
)


class LedgerError(ValueError):
    """The ledger was used wrongly: an amount below one, an account against itself or opened twice."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a key.

    `kind` is hold, post, void, move or refused; `why` names the reason of a refusal: insufficient_funds,
    unknown_account, currency, unknown_hold, already_resolved, more_than_held, key_reused. `replayed` tells a
    repeat from the first time.
    """

    kind: str
    amount_minor: int
    seq: int
    why: str = ""
    replayed: bool = False

    @property
    def done(self) -> bool:
        return self.kind != "refused"


@dataclass(frozen=True, slots=True)
class Balance:
    """`available_minor` is the ledger balance less what is held."""

    account: str
    currency: str
    ledger_minor: int
    held_minor: int

    @property
    def available_minor(self) -> int:
        return self.ledger_minor - self.held_minor


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a transfer was made: business date and instant, both ISO 8601 texts."""

    booked_on: str
    at: str


def create(tx: Tx) -> None:
    """Create the tables where they are missing."""
    for statement in SCHEMA:
        tx.run(statement)


def open_account(tx: Tx, account: str, kind: str, currency: str, *, floor_minor: int | None = None) -> None:
    """Open an account. With `floor_minor` what is available never falls below it; None leaves it unguarded.

    Opening it again unchanged does nothing; raises LedgerError when it exists otherwise.
    """
    row = tx.one("SELECT kind, currency, floor_minor FROM accounts WHERE id = :id", id=account)
    if row is not None:
        if tuple(row) != (kind, currency, floor_minor):
            raise LedgerError(f"account {account} exists as {row[0]} in {row[1]} with floor {row[2]}")
        return
    tx.run(
        "INSERT INTO accounts VALUES (:id, :kind, :currency, :floor, 0, 0, 0)",
        id=account,
        kind=kind,
        currency=currency,
        floor=floor_minor,
    )


def balance(tx: Tx, account: str) -> Balance | None:
    row = tx.one("SELECT currency, ledger_minor, held_minor FROM accounts WHERE id = :id", id=account)
    return None if row is None else Balance(account, row[0], row[1], row[2])


def hold(tx: Tx, key: str, debit: str, credit: str, amount_minor: int, currency: str, stamp: Stamp) -> Result:
    """Reserve an amount on `debit` for `credit`."""
    content = _content("hold", debit, credit, amount_minor, currency)
    before = _before(tx, key, content)
    if before is not None:
        return before
    why = _refusal(tx, debit, credit, amount_minor, currency)
    if why:
        return _refuse(tx, key, content, debit, credit, amount_minor, currency, why, stamp)
    seq = _log(tx, key, "hold", content, debit, credit, amount_minor, currency, None, "", stamp)
    tx.run("UPDATE accounts SET held_minor = held_minor + :amount WHERE id = :id", amount=amount_minor, id=debit)
    return Result("hold", amount_minor, seq)


def move(tx: Tx, key: str, debit: str, credit: str, amount_minor: int, currency: str, stamp: Stamp) -> Result:
    """Post an amount from `debit` to `credit` at once."""
    content = _content("move", debit, credit, amount_minor, currency)
    before = _before(tx, key, content)
    if before is not None:
        return before
    why = _refusal(tx, debit, credit, amount_minor, currency)
    if why:
        return _refuse(tx, key, content, debit, credit, amount_minor, currency, why, stamp)
    seq = _log(tx, key, "move", content, debit, credit, amount_minor, currency, None, "", stamp)
    _enter(tx, seq, debit, -amount_minor)
    _enter(tx, seq, credit, amount_minor)
    return Result("move", amount_minor, seq)


def post(tx: Tx, key: str, hold_key: str, amount_minor: int | None, stamp: Stamp) -> Result:
    """Post the hold `hold_key`, or `amount_minor` of it, and release the rest."""
    return _resolve(tx, key, "post", hold_key, amount_minor, stamp)


def void(tx: Tx, key: str, hold_key: str, stamp: Stamp) -> Result:
    """Release the hold `hold_key` whole."""
    return _resolve(tx, key, "void", hold_key, None, stamp)


def _resolve(tx: Tx, key: str, kind: str, hold_key: str, amount_minor: int | None, stamp: Stamp) -> Result:
    content = _content(kind, hold_key, "", -1 if amount_minor is None else amount_minor, "")
    before = _before(tx, key, content)
    if before is not None:
        return before
    held = tx.one(
        "SELECT h.seq, h.debit, h.credit, h.amount_minor, h.currency, r.seq FROM transfers h"
        " LEFT JOIN transfers r ON r.resolves = h.seq WHERE h.key = :key AND h.kind = 'hold'",
        key=hold_key,
    )
    if held is None:
        return _refuse(tx, key, content, "", "", 0, "", "unknown_hold", stamp)
    of, debit, credit, reserved, currency, resolved = held
    amount = reserved if amount_minor is None else amount_minor
    if amount < 1:
        raise LedgerError(f"amount {amount}: post at least 1, or void")
    why = "already_resolved" if resolved is not None else "more_than_held" if amount > reserved else ""
    if why:
        return _refuse(tx, key, content, debit, credit, amount, currency, why, stamp)
    seq = _log(tx, key, kind, content, debit, credit, amount, currency, of, "", stamp)
    if kind == "post":
        _enter(tx, seq, debit, -amount, release_minor=reserved)
        _enter(tx, seq, credit, amount)
    else:
        tx.run("UPDATE accounts SET held_minor = held_minor - :amount WHERE id = :id", amount=reserved, id=debit)
    return Result(kind, amount, seq)


def _content(kind: str, debit: str, credit: str, amount_minor: int, currency: str) -> str:
    return f"{kind}|{debit}|{credit}|{amount_minor}|{currency}"


def _before(tx: Tx, key: str, content: str) -> Result | None:
    row = tx.one("SELECT kind, amount_minor, seq, why, content FROM transfers WHERE key = :key", key=key)
    if row is None:
        return None
    if row[4] != content:
        return Result("refused", 0, 0, "key_reused")
    return Result(row[0], row[1], row[2], row[3], replayed=True)


def _refusal(tx: Tx, debit: str, credit: str, amount_minor: int, currency: str) -> str:
    if amount_minor < 1:
        raise LedgerError(f"amount {amount_minor}: at least one minor unit")
    if debit == credit:
        raise LedgerError(f"account {debit} against itself")
    rows = tx.all(
        "SELECT id, currency, floor_minor, ledger_minor - held_minor FROM accounts WHERE id IN (:debit, :credit)",
        debit=debit,
        credit=credit,
    )
    if len(rows) < 2:
        return "unknown_account"
    for account, held_in, floor_minor, available_minor in rows:
        if held_in != currency:
            return "currency"
        if account == debit and floor_minor is not None and available_minor - amount_minor < floor_minor:
            return "insufficient_funds"
    return ""


def _refuse(
    tx: Tx,
    key: str,
    content: str,
    debit: str,
    credit: str,
    amount_minor: int,
    currency: str,
    why: str,
    stamp: Stamp,
) -> Result:
    seq = _log(tx, key, "refused", content, debit, credit, amount_minor, currency, None, why, stamp)
    return Result("refused", amount_minor, seq, why)


def row_hash(before: str, row: tuple[object, ...]) -> str:
    """Return the hash of a log row (seq, key, kind, content, debit, credit, amount, currency, resolves, why,
    booked_on, at) after the hash of the row before.
    """
    return hashlib.sha256(f"{before}{row!r}".encode()).hexdigest()


def _log(
    tx: Tx,
    key: str,
    kind: str,
    content: str,
    debit: str,
    credit: str,
    amount_minor: int,
    currency: str,
    resolves: int | None,
    why: str,
    stamp: Stamp,
) -> int:
    last = tx.one("SELECT seq, hash FROM transfers ORDER BY seq DESC LIMIT 1")
    seq, before = (last[0] + 1, last[1]) if last is not None else (1, GENESIS)
    row = (
        seq,
        key,
        kind,
        content,
        debit,
        credit,
        amount_minor,
        currency,
        resolves,
        why,
        stamp.booked_on,
        stamp.at,
    )
    tx.run(
        "INSERT INTO transfers VALUES (:seq, :key, :kind, :content, :debit, :credit, :amount, :currency,"
        " :resolves, :why, :booked_on, :at, :hash)",
        seq=seq,
        key=key,
        kind=kind,
        content=content,
        debit=debit,
        credit=credit,
        amount=amount_minor,
        currency=currency,
        resolves=resolves,
        why=why,
        booked_on=stamp.booked_on,
        at=stamp.at,
        hash=row_hash(before, row),
    )
    return int(seq)


def _enter(tx: Tx, seq: int, account: str, amount_minor: int, release_minor: int = 0) -> None:
    row = tx.one(
        "UPDATE accounts SET ledger_minor = ledger_minor + :amount, held_minor = held_minor - :release,"
        " entries = entries + 1 WHERE id = :id RETURNING entries",
        amount=amount_minor,
        release=release_minor,
        id=account,
    )
    assert row is not None, "checked when the hold or move was made"
    tx.run(
        "INSERT INTO entries VALUES (:account, :number, :transfer, :amount)",
        account=account,
        number=row[0],
        transfer=seq,
        amount=amount_minor,
    )
