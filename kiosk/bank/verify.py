"""The invariants of the books, checked by reading everything anew.

Numbers and names follow the reference of the host side (I1 to I16); I17 compares the bank with its partners, I18 what
is owed to bearers with the ledger. I11 and
I16 are properties of concurrent use: their traces here are a floor overstepped (I3) or a balance that differs from
its entries (I2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from kiosk.bank import claims
from kiosk.bank.ledger import GENESIS, row_hash
from kiosk.bank.partners import disagreements
from kiosk.bank.register import all_orders
from kiosk.bank.storage import Row, Tx


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant` is its number (``"I2"``), `subject` the account, key or order, `text` what is wrong."""

    invariant: str
    subject: str
    text: str


@dataclass(slots=True)
class _Rebuilt:
    ledger_minor: int = 0
    held_minor: int = 0
    entries: int = 0


def violations(tx: Tx, now_s: int, hold_hours_max: int) -> list[Violation]:
    """Return everything that is wrong, in the order of the checks."""
    transfers = tx.all(
        "SELECT seq, key, kind, content, debit, credit, amount_minor, currency, resolves, why, booked_on, at, hash"
        " FROM transfers ORDER BY seq"
    )
    entries = tx.all("SELECT account, number, transfer, amount_minor FROM entries ORDER BY account, number")
    accounts = tx.all("SELECT id, currency, floor_minor, ledger_minor, held_minor, entries FROM accounts ORDER BY id")
    found = [*_chain(transfers), *_entry_sets(transfers, entries, accounts), *_sequences(entries)]
    found += _resolutions(transfers)
    found += _balances(transfers, entries, accounts)
    found += _orders(tx, transfers, now_s, hold_hours_max)
    found += _daily_use(tx)
    found += _terminal_cash(tx)
    found += [Violation("I17", key, text) for key, text in disagreements(tx)]
    found += [Violation("I18", key, text) for key, text in claims.disagreements(tx)]
    return found


def _chain(transfers: list[Row]) -> Iterator[Violation]:
    before = GENESIS
    for expected, row in enumerate(transfers, 1):
        if row[0] != expected:
            yield Violation("I4", row[1], f"log row {expected} is missing, found {row[0]}")
            return
        if row_hash(before, tuple(row[:12])) != row[12]:
            yield Violation("I9", row[1], f"log row {expected} does not fit the hash chain")
            return
        before = row[12]


def _entry_sets(transfers: list[Row], entries: list[Row], accounts: list[Row]) -> Iterator[Violation]:
    currency_of = {a[0]: a[1] for a in accounts}
    sums: dict[int, int] = defaultdict(int)
    counts: dict[int, int] = defaultdict(int)
    log = {t[0]: t for t in transfers}
    for account, number, transfer, amount in entries:
        sums[transfer] += amount
        counts[transfer] += 1
        row = log.get(transfer)
        if row is None or account not in (row[4], row[5]) or abs(amount) != row[6]:
            yield Violation("I10", account, f"entry {number} does not come from the log")
        elif currency_of[account] != row[7]:
            yield Violation("I8", account, f"entry {number} is in {row[7]}, the account in {currency_of[account]}")
    for transfer, total in sums.items():
        if total:
            yield Violation("I1", str(transfer), f"entries sum to {total}, not to zero")
    for row in transfers:
        owed = 2 if row[2] in ("move", "post") else 0
        if counts[row[0]] != owed:
            yield Violation("I10", row[1], f"a {row[2]} has {counts[row[0]]} entries, expected {owed}")


def _sequences(entries: list[Row]) -> Iterator[Violation]:
    next_of: dict[str, int] = defaultdict(lambda: 1)
    for account, number, _, _ in entries:
        if number != next_of[account]:
            yield Violation("I15", account, f"entry {next_of[account]} is missing, found {number}")
        next_of[account] = number + 1


def _resolutions(transfers: list[Row]) -> Iterator[Violation]:
    holds = {t[0]: t for t in transfers if t[2] == "hold"}
    resolved: dict[int, str] = {}
    keys: set[str] = set()
    for row in transfers:
        if row[1] in keys:
            yield Violation("I5", row[1], "the key has two effects")
        keys.add(row[1])
        if row[2] not in ("post", "void"):
            continue
        hold = holds.get(row[8])
        if hold is None:
            yield Violation("I6", row[1], "resolves what is not a hold")
            continue
        if row[8] in resolved:
            yield Violation("I6", row[1], f"hold {hold[1]} was resolved by {resolved[row[8]]} already")
        resolved[row[8]] = row[1]
        if row[6] > hold[6]:
            yield Violation("I7", row[1], f"{row[6]} posted of {hold[6]} held")


def _balances(transfers: list[Row], entries: list[Row], accounts: list[Row]) -> Iterator[Violation]:
    rebuilt: dict[str, _Rebuilt] = defaultdict(_Rebuilt)
    resolved = {t[8] for t in transfers if t[2] in ("post", "void")}
    for row in transfers:
        if row[2] == "hold" and row[0] not in resolved:
            rebuilt[row[4]].held_minor += row[6]
    for account, _, _, amount in entries:
        rebuilt[account].ledger_minor += amount
        rebuilt[account].entries += 1
    for account, _, floor_minor, ledger_minor, held_minor, count in accounts:
        again = rebuilt[account]
        if (ledger_minor, held_minor, count) != (again.ledger_minor, again.held_minor, again.entries):
            yield Violation(
                "I2",
                account,
                f"balance {ledger_minor}, held {held_minor}, {count} entries; from the log {again.ledger_minor},"
                f" {again.held_minor}, {again.entries}",
            )
        if floor_minor is not None and ledger_minor - held_minor < floor_minor:
            yield Violation("I3", account, f"available {ledger_minor - held_minor} is below the floor {floor_minor}")


def _orders(tx: Tx, transfers: list[Row], now_s: int, hold_hours_max: int) -> Iterator[Violation]:
    log = {t[1]: t for t in transfers}
    cases = {(r[0], r[1]) for r in tx.all("SELECT terminal, rrn FROM exceptions")}
    for order in all_orders(tx):
        made, resolved = log.get(order.key), log.get(f"{order.key}/resolved")
        effect = "" if made is None or made[2] == "refused" else str(made[2])
        owed = {
            "approved": ("hold", None),
            "completed": ("hold", "post"),
            "posted": ("move", None),
        }.get(order.state)
        if owed is not None and (effect, resolved and resolved[2]) != owed:
            yield Violation("I14", order.key, f"{order.state}, but the ledger has {effect or 'nothing'}")
        if order.state in ("declined", "informed", "tombstone", "orphan") and (effect or resolved):
            yield Violation("I14", order.key, f"{order.state}, but the ledger has {effect}")
        if order.state in ("partial", "reversed", "refunded"):
            owing = order.state == "refunded" and claims.by_cash(order)  # posted, then owed to whoever has the slip
            ways = (("hold", "post" if order.stands_minor or owing else "void"), ("move", "move"))
            if resolved is None or (effect, resolved[2]) not in ways:
                yield Violation("I14", order.key, f"{order.state}, but the ledger has {effect or 'nothing'}")
        old = order.opened_s + hold_hours_max * 3600 <= now_s
        if order.state == "approved" and old and (order.terminal, order.rrn) not in cases:
            yield Violation("I14", order.key, f"unresolved for {hold_hours_max} h without an exception item")
        if order.state in ("completed", "partial") and made is not None and made[2] == "hold":
            assert resolved is not None
            if resolved[6] != order.stands_minor:
                yield Violation("I13", order.key, f"{order.stands_minor} stands, the ledger posted {resolved[6]}")


def _terminal_cash(tx: Tx) -> Iterator[Violation]:
    """Opening and loads, less what stands of withdrawals, plus vaulted deposits and count differences."""
    moved: dict[str, int] = defaultdict(int)
    for order in all_orders(tx):
        if order.operation in ("withdrawal", "cardless_withdrawal", "claim_payout"):
            moved[f"atm:{order.terminal}:cash"] += order.stands_minor
        elif order.operation == "deposit":
            moved[f"atm:{order.terminal}:cash"] -= order.stands_minor
        elif claims.by_cash(order) and order.state in ("completed", "refunded"):
            moved[f"atm:{order.terminal}:cash"] -= order.approved_minor + order.fee_minor
    handled = {
        row[0]: int(row[1])
        for row in tx.all(
            "SELECT e.account, SUM(e.amount_minor) FROM entries e JOIN transfers t ON t.seq = e.transfer"
            " WHERE t.kind = 'move' GROUP BY e.account"
        )
    }
    terminals = tx.all("SELECT id, ledger_minor FROM accounts WHERE id LIKE :like ORDER BY id", like="atm:%:cash")
    for account, minor in terminals:
        expected = handled.get(account, 0) + moved[account]
        if minor != expected:
            yield Violation("I12", account, f"the books have {-minor} in cash, loads and orders {-expected}")


def _daily_use(tx: Tx) -> Iterator[Violation]:
    folded: dict[tuple[str, str], int] = defaultdict(int)
    for order in all_orders(tx):
        if order.operation in ("withdrawal", "cardless_withdrawal"):
            amount = order.approved_minor if order.state == "approved" else order.stands_minor
            folded[order.account, order.booked_on] += amount
    for account, booked_on, amount in tx.all("SELECT account, booked_on, amount_minor FROM daily_use"):
        if folded[account, booked_on] != amount:
            yield Violation(
                "I13",
                account,
                f"use of {booked_on} is {amount}, from the orders {folded[account, booked_on]}",
            )
