"""Where the bank keeps its books: one small interface, two engines, the same SQL for both.

A piece of work runs inside one transaction (`Store.transact`) and is either durable as a whole when it returns
or has never been. SQL is written once with ``:name`` parameters, in the part of the language SQLite and
PostgreSQL share. Embedded SQLite goes through the standard library (see docs/decisions/0004-bank-storage.md);
any URL goes through SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, TextClause, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

Row = Sequence[Any]
T = TypeVar("T")

SERIALIZATION_TRIES: Final = 50  # PostgreSQL asks losers of a race to come again
_SERIALIZATION_FAILURES: Final = frozenset({"40001", "40P01"})


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


@cache
def _statement(sql: str) -> TextClause:
    """Return the parsed statement; the bank's statements are a few dozen constants."""
    return text(sql)


class _SqlAlchemyTx:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, sql: str, **values: object) -> None:
        self._connection.execute(_statement(sql), values)

    def one(self, sql: str, **values: object) -> Row | None:
        return self._connection.execute(_statement(sql), values).first()

    def all(self, sql: str, **values: object) -> list[Row]:
        return list(self._connection.execute(_statement(sql), values).all())


class SqlAlchemyStore:
    """A database by URL (``postgresql+psycopg://…``, ``sqlite:///…``), SERIALIZABLE with a bounded retry."""

    def __init__(self, url: str) -> None:
        self._engine: Engine = create_engine(url, isolation_level="SERIALIZABLE")
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _sqlite_durable)
            event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    def transact(self, work: Callable[[Tx], T]) -> T:
        for attempt in range(SERIALIZATION_TRIES):
            try:
                with self._engine.begin() as connection:
                    return work(_SqlAlchemyTx(connection))
            except DBAPIError as error:
                state = getattr(error.orig, "sqlstate", None)
                if state not in _SERIALIZATION_FAILURES or attempt == SERIALIZATION_TRIES - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def close(self) -> None:
        self._engine.dispose()


def _sqlite_durable(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.isolation_level = None  # SQLAlchemy's "begin" event opens the transaction, not the module
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def open_store(where: str) -> Store:
    """Return the store for ``""`` (memory), a file path, or a URL. Raises ValueError naming the remedy."""
    if not where:
        return SqliteStore()
    if "://" not in where:
        return SqliteStore(Path(where))
    try:
        return SqlAlchemyStore(where)
    except (ModuleNotFoundError, OperationalError) as error:
        raise ValueError(
            f"cannot open the bank's database: {error}; for PostgreSQL install the extra 'postgres'"
        ) from None
