from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from kiosk.bank import ledger
from kiosk.bank.accounts import SCHEMA as ACCOUNTS
from kiosk.bank.claims import SCHEMA as CLAIMS
from kiosk.bank.ledger import LedgerError, Result, Stamp
from kiosk.bank.partners import SCHEMA as PARTNERS
from kiosk.bank.register import SCHEMA as REGISTER
from kiosk.bank.storage import SqliteStore, Store, Tx, open_store
from kiosk.bank.storage_sql import SqlAlchemyStore
from kiosk.bank.verify import Violation, violations

STAMP = Stamp("2026-11-22", "2026-11-22T03:15:00+00:00")


def prepared(store: Store) -> Store:
    def work(tx: Tx) -> None:
        for statement in (*ledger.SCHEMA, *ACCOUNTS, *REGISTER, *PARTNERS, *CLAIMS):
            tx.run(statement)
        ledger.open_account(tx, "anna", "customer", "CNY", floor_minor=0)
        ledger.open_account(tx, "bert", "customer", "CNY", floor_minor=-500)
        ledger.open_account(tx, "cash", "cash", "CNY")
        ledger.open_account(tx, "euro", "cash", "EUR")
        ledger.move(tx, "opening", "cash", "anna", 1_000, "CNY", STAMP)

    store.transact(work)
    return store


def checked(store: Store) -> list[Violation]:
    return store.transact(lambda tx: violations(tx, 0, 24))


def emptied(store: Store) -> Store:
    tables = "exceptions, events, answers, orders, bank_state, daily_use, cards, customer_accounts, entries, transfers"
    store.transact(lambda tx: tx.run(f"DROP TABLE IF EXISTS {tables}, accounts CASCADE"))
    return store


@pytest.fixture(params=["sqlite3", "sqlalchemy", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "sqlite3":
        opened = open_store("")
        assert isinstance(opened, SqliteStore)
    elif request.param == "sqlalchemy":
        opened = open_store(f"sqlite:///{tmp_path}/books.db")
        assert isinstance(opened, SqlAlchemyStore)
    else:
        opened = emptied(open_store(request.getfixturevalue("postgres")))
    yield prepared(opened)
    opened.close()


def do(store: Store, work: Callable[[Tx], Result]) -> Result:
    return store.transact(work)


def state(store: Store, account: str) -> tuple[int, int]:
    balance = store.transact(lambda tx: ledger.balance(tx, account))
    assert balance is not None
    return balance.ledger_minor, balance.held_minor


def test_hold_then_part_posted(store: Store) -> None:
    do(store, lambda tx: ledger.hold(tx, "h", "anna", "cash", 600, "CNY", STAMP))
    assert state(store, "anna") == (1_000, 600)
    assert do(store, lambda tx: ledger.post(tx, "p", "h", 400, STAMP)).kind == "post"
    assert state(store, "anna") == (600, 0)
    assert checked(store) == []


def test_what_is_refused_and_why(store: Store) -> None:
    cases: list[tuple[str, Callable[[Tx], Result]]] = [
        ("insufficient_funds", lambda tx: ledger.hold(tx, "1", "anna", "cash", 1_001, "CNY", STAMP)),
        ("unknown_account", lambda tx: ledger.hold(tx, "2", "nobody", "cash", 1, "CNY", STAMP)),
        ("currency", lambda tx: ledger.move(tx, "3", "anna", "euro", 1, "CNY", STAMP)),
        ("unknown_hold", lambda tx: ledger.post(tx, "4", "nothing", None, STAMP)),
        ("unknown_hold", lambda tx: ledger.void(tx, "5", "opening", STAMP)),
        ("key_reused", lambda tx: ledger.move(tx, "opening", "cash", "anna", 2_000, "CNY", STAMP)),
    ]
    for why, work in cases:
        result = do(store, work)
        assert (result.kind, result.why) == ("refused", why)
    do(store, lambda tx: ledger.hold(tx, "h", "anna", "cash", 600, "CNY", STAMP))
    assert do(store, lambda tx: ledger.post(tx, "6", "h", 601, STAMP)).why == "more_than_held"
    assert do(store, lambda tx: ledger.void(tx, "7", "h", STAMP)).done
    assert do(store, lambda tx: ledger.post(tx, "8", "h", None, STAMP)).why == "already_resolved"
    assert checked(store) == []


def test_a_refused_key_stays_refused_when_money_comes(store: Store) -> None:
    def work(tx: Tx) -> Result:
        return ledger.hold(tx, "h", "anna", "cash", 1_500, "CNY", STAMP)

    assert not do(store, work).done
    do(store, lambda tx: ledger.move(tx, "salary", "cash", "anna", 5_000, "CNY", STAMP))
    again = do(store, work)
    assert (again.why, again.replayed) == ("insufficient_funds", True)


def test_held_money_is_not_there_twice(store: Store) -> None:
    assert do(store, lambda tx: ledger.hold(tx, "1", "anna", "cash", 600, "CNY", STAMP)).done
    assert not do(store, lambda tx: ledger.hold(tx, "2", "anna", "cash", 600, "CNY", STAMP)).done
    assert not do(store, lambda tx: ledger.move(tx, "3", "anna", "cash", 600, "CNY", STAMP)).done


def test_illegal_use_raises(store: Store) -> None:
    wrong: list[Callable[[Tx], object]] = [
        lambda tx: ledger.hold(tx, "x", "anna", "cash", 0, "CNY", STAMP),
        lambda tx: ledger.move(tx, "x", "anna", "anna", 1, "CNY", STAMP),
        lambda tx: ledger.open_account(tx, "anna", "customer", "EUR", floor_minor=0),
    ]
    for work in wrong:
        with pytest.raises(LedgerError):
            store.transact(work)


def test_work_that_raises_leaves_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        ledger.move(tx, "x", "anna", "cash", 1, "CNY", STAMP)
        raise RuntimeError("power")

    with pytest.raises(RuntimeError):
        store.transact(work)
    assert state(store, "anna") == (1_000, 0)
    assert checked(store) == []


def test_many_hands_cannot_overdraw(store: Store) -> None:
    done: list[Result] = []

    def one_draw(tx: Tx, key: str) -> Result:
        return ledger.move(tx, key, "anna", "cash", 100, "CNY", STAMP)

    def draw(who: int) -> None:
        for n in range(15):
            done.append(do(store, partial(one_draw, key=f"{who}/{n}")))

    hands = [threading.Thread(target=draw, args=(who,)) for who in range(3)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sum(result.done for result in done) == 10
    assert state(store, "anna") == (0, 0)
    assert checked(store) == []


# ---------------------------------------------------------------- verify finds what was tampered with

TAMPERED = {
    "I1": "UPDATE entries SET amount_minor = amount_minor + 1 WHERE account = 'anna' AND number = 1",
    "I2": "UPDATE accounts SET ledger_minor = ledger_minor + 1 WHERE id = 'anna'",
    "I3": "UPDATE accounts SET floor_minor = 900 WHERE id = 'anna'",
    "I4": "DELETE FROM transfers WHERE seq = 2",
    "I6": "UPDATE transfers SET resolves = 1 WHERE key = 'p'",
    "I7": "UPDATE transfers SET amount_minor = 9000 WHERE key = 'p'",
    "I8": "UPDATE accounts SET currency = 'EUR' WHERE id = 'anna'",
    "I9": "UPDATE transfers SET at = 'never' WHERE seq = 1",
    "I10": "DELETE FROM entries WHERE account = 'cash' AND number = 1",
    "I14": "INSERT INTO orders VALUES ('T', 'r', '1', '0', 'withdrawal', 'anna', 'cash', 'CNY', 1, 1, 1, '00',"
    " 'completed', '2026-11-22', 0, 0)",
    "I15": "UPDATE entries SET number = 7 WHERE account = 'anna' AND number = 1",
}


@pytest.mark.parametrize("invariant", TAMPERED)
def test_verify_names_the_broken_invariant(invariant: str, tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    store = prepared(SqliteStore(path))
    do(store, lambda tx: ledger.hold(tx, "h", "anna", "cash", 600, "CNY", STAMP))
    do(store, lambda tx: ledger.post(tx, "p", "h", 400, STAMP))
    assert checked(store) == []
    hand = sqlite3.connect(path, isolation_level=None)
    hand.execute(TAMPERED[invariant])
    hand.close()
    assert invariant in {violation.invariant for violation in checked(store)}
    store.close()


# ---------------------------------------------------------------- any sequence of any calls


class Books(RuleBasedStateMachine):
    """Random calls with keys used again, against a model of a few dictionaries."""

    keys = Bundle("keys")

    @initialize()
    def begin(self) -> None:
        self.store = prepared(SqliteStore())
        self.first: dict[str, tuple[str, Result]] = {}
        self.balance = {"anna": 1_000, "bert": 0, "cash": -1_000}
        self.floor = {"anna": 0, "bert": -500}
        self.holds: dict[str, tuple[str, str, int]] = {}
        self.resolved: set[str] = set()

    def teardown(self) -> None:
        self.store.close()

    @rule(target=keys, n=st.integers(0, 30))
    def a_key(self, n: int) -> str:
        return f"k{n}"

    def available(self, account: str) -> int:
        held = sum(a for k, (d, _, a) in self.holds.items() if d == account and k not in self.resolved)
        return self.balance[account] - held

    def once(self, key: str, content: str, result: Result, expected: str) -> bool:
        """Check `result` against what the key's first use and the model say; return whether it acted now."""
        if key in self.first:
            before, first = self.first[key]
            if before == content:
                assert (result.kind, result.why, result.amount_minor) == (first.kind, first.why, first.amount_minor)
                assert result.replayed
            else:
                assert result.why == "key_reused"
            return False
        self.first[key] = (content, result)
        assert result.why == expected
        return result.done

    def refusal(self, debit: str, amount: int) -> str:
        floor = self.floor.get(debit)
        return "insufficient_funds" if floor is not None and self.available(debit) - amount < floor else ""

    @rule(
        key=keys,
        pair=st.sampled_from([("anna", "cash"), ("cash", "bert"), ("bert", "anna")]),
        amount=st.integers(1, 700),
        held=st.booleans(),
    )
    def transfer(self, key: str, pair: tuple[str, str], amount: int, held: bool) -> None:
        debit, credit = pair
        expected = self.refusal(debit, amount)
        call = ledger.hold if held else ledger.move
        result = self.store.transact(lambda tx: call(tx, key, debit, credit, amount, "CNY", STAMP))
        if self.once(key, f"{held}{pair}{amount}", result, expected):
            if held:
                self.holds[key] = (debit, credit, amount)
            else:
                self.balance[debit] -= amount
                self.balance[credit] += amount

    @rule(key=keys, of=keys, part=st.one_of(st.none(), st.integers(1, 700)), posted=st.booleans())
    def resolve(self, key: str, of: str, part: int | None, posted: bool) -> None:
        if of not in self.holds:
            expected = "unknown_hold"
        elif of in self.resolved:
            expected = "already_resolved"
        elif posted and part is not None and part > self.holds[of][2]:
            expected = "more_than_held"
        else:
            expected = ""
        if posted:
            result = self.store.transact(lambda tx: ledger.post(tx, key, of, part, STAMP))
        else:
            result = self.store.transact(lambda tx: ledger.void(tx, key, of, STAMP))
        if self.once(key, f"{posted}{of}{part if posted else ''}", result, expected):
            self.resolved.add(of)
            debit, credit, amount = self.holds[of]
            if posted:
                self.balance[debit] -= part or amount
                self.balance[credit] += part or amount

    @invariant()
    def books_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        assert checked(self.store) == []
        for account, minor in self.balance.items():
            ledger_minor, held_minor = state(self.store, account)
            assert ledger_minor == minor
            assert ledger_minor - held_minor == self.available(account)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
