"""Where the bank keeps its books: one small interface, two engines, the same SQL for both.

A piece of work runs inside one transaction (`Store.transact`) and is either durable as a whole when it returns
or has never been. SQL is written once with ``:name`` parameters, in the part of the language SQLite and
PostgreSQL share. Embedded SQLite goes through the standard library (see docs/decisions/0004-bank-storage.md);
any URL goes through SQLAlchemy (`storage_sql.py`), which is imported only then: it costs 15 MB and half a second.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

Row = Sequence[Any]
T = TypeVar("T")


class Tx(Protocol):
    """An open transaction."""

    def run(self, sql: str, **values: object) -> None: ...

    def one(self, sql: str, **values: object) -> Row | None:
        """Return the first row, or None."""
        ...

    def all(self, sql: str, **values: object) -> list[Row]: ...


class Store(Protocol):
    """A database."""

    def transact(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in one transaction; commit durably, or roll back and re-raise."""
        ...

    def close(self) -> None: ...


class _SqliteTx:
    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, **values: object) -> None:
        self._connection.execute(sql, values)

    def one(self, sql: str, **values: object) -> Row | None:
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, **values: object) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()


class SqliteStore:
    """A file, or memory when `path` is None. One writer at a time; every commit is on the disk when it returns."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            ":memory:" if path is None else str(path),
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._tx = _SqliteTx(self._connection)

    def transact(self, work: Callable[[Tx], T]) -> T:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._tx)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            return result

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def open_store(where: str) -> Store:
    """Return the store for ``""`` (memory), a file path, or a URL. Raises ValueError naming the remedy."""
    if not where:
        return SqliteStore()
    if "://" not in where:
        return SqliteStore(Path(where))
    from kiosk.bank.storage_sql import open_url

    return open_url(where)
