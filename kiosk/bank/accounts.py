"""Customers' accounts and cards as the bank stores them: tokens, states, PIN tries, daily use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kiosk.bank.data import AccountData, CardData
from kiosk.bank.secrets import BankKeys, masked
from kiosk.bank.storage import Tx

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS customer_accounts (
        number TEXT PRIMARY KEY REFERENCES accounts(id), holder TEXT NOT NULL,
        per_withdrawal_minor BIGINT NOT NULL, per_day_minor BIGINT NOT NULL,
        withdrawals_per_day BIGINT NOT NULL, partial_approval INTEGER NOT NULL, kind TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS cards (
        token TEXT PRIMARY KEY, masked TEXT NOT NULL, expiry TEXT NOT NULL, account TEXT NOT NULL,
        state TEXT NOT NULL, pin_check TEXT NOT NULL, tries_left INTEGER NOT NULL,
        retain_on_tries INTEGER NOT NULL, label TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS card_accounts (
        token TEXT NOT NULL, place INTEGER NOT NULL, account TEXT NOT NULL, PRIMARY KEY (token, place))""",
    """CREATE TABLE IF NOT EXISTS daily_use (
        account TEXT NOT NULL, booked_on TEXT NOT NULL, amount_minor BIGINT NOT NULL, number BIGINT NOT NULL,
        PRIMARY KEY (account, booked_on))""",
)


@dataclass(frozen=True, slots=True)
class Card:
    token: str
    masked: str
    expiry: str
    account: str
    state: str
    pin_check: str
    tries_left: int
    retain_on_tries: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Zero means no limit."""

    per_withdrawal_minor: int
    per_day_minor: int
    withdrawals_per_day: int
    partial_approval: bool


def store_account(tx: Tx, account: AccountData) -> None:
    tx.run(
        "INSERT INTO customer_accounts VALUES (:number, :holder, :one, :day, :times, :partial, :kind)",
        number=account.number,
        holder=account.holder,
        one=account.per_withdrawal_minor,
        day=account.per_day_minor,
        times=account.withdrawals_per_day,
        partial=int(account.partial_approval),
        kind=account.kind,
    )


def store_card(tx: Tx, card: CardData, keys: BankKeys) -> None:
    """Store a card without its PAN and PIN."""
    token = keys.pan_token(card.pan)
    tx.run(
        "INSERT INTO cards VALUES (:token, :masked, :expiry, :account, :state, :pin, :tries, :retain, :label)",
        token=token,
        masked=masked(card.pan),
        expiry=card.expiry,
        account=card.account,
        state=card.state,
        pin=keys.pin_check(token, card.pin),
        tries=card.tries_left,
        retain=int(card.retain_on_tries),
        label=card.label,
    )
    for place, account in enumerate(dict.fromkeys((card.account, *card.linked))):
        tx.run("INSERT INTO card_accounts VALUES (:token, :place, :account)", token=token, place=place, account=account)


def find_card(tx: Tx, token: str) -> Card | None:
    row = tx.one(
        "SELECT token, masked, expiry, account, state, pin_check, tries_left, retain_on_tries"
        " FROM cards WHERE token = :token",
        token=token,
    )
    return None if row is None else Card(*row)


def linked_to(tx: Tx, token: str) -> list[tuple[str, str]]:
    """Return number and kind of the accounts of a card, its own first."""
    rows = tx.all(
        "SELECT c.account, a.kind FROM card_accounts c JOIN customer_accounts a ON a.number = c.account"
        " WHERE c.token = :token ORDER BY c.place",
        token=token,
    )
    return [(row[0], row[1]) for row in rows]


def find_holder(tx: Tx, account: str) -> str | None:
    row = tx.one("SELECT holder FROM customer_accounts WHERE number = :account", account=account)
    return None if row is None else str(row[0])


def find_limits(tx: Tx, account: str) -> Limits:
    row = tx.one(
        "SELECT per_withdrawal_minor, per_day_minor, withdrawals_per_day, partial_approval"
        " FROM customer_accounts WHERE number = :account",
        account=account,
    )
    assert row is not None, "a card's account exists: checked when the data were loaded"
    return Limits(row[0], row[1], row[2], bool(row[3]))


def set_tries(tx: Tx, token: str, tries_left: int, state: str) -> None:
    tx.run(
        "UPDATE cards SET tries_left = :tries, state = :state WHERE token = :token",
        tries=tries_left,
        state=state,
        token=token,
    )


def set_pin(tx: Tx, token: str, pin_check: str) -> None:
    tx.run("UPDATE cards SET pin_check = :pin WHERE token = :token", pin=pin_check, token=token)


def used_on(tx: Tx, account: str, booked_on: str) -> tuple[int, int]:
    """Return what was drawn on a business date, posted and held, in minor units and times."""
    row = tx.one(
        "SELECT amount_minor, number FROM daily_use WHERE account = :account AND booked_on = :on",
        account=account,
        on=booked_on,
    )
    return (0, 0) if row is None else (row[0], row[1])


def use(tx: Tx, account: str, booked_on: str, amount_minor: int, number: int) -> None:
    """Count a withdrawal into the day, or with negative values out of it."""
    tx.run(
        "INSERT INTO daily_use VALUES (:account, :on, :amount, :number)"
        " ON CONFLICT (account, booked_on) DO UPDATE SET"
        " amount_minor = daily_use.amount_minor + excluded.amount_minor,"
        " number = daily_use.number + excluded.number",
        account=account,
        on=booked_on,
        amount=amount_minor,
        number=number,
    )
