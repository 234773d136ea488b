"""The bank's books in any database that SQLAlchemy knows by URL; PostgreSQL when several hosts share them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Final

from sqlalchemy import Connection, Engine, TextClause, create_engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

from kiosk.bank.storage import Row, Store, T, Tx

SERIALIZATION_TRIES: Final = 50  # PostgreSQL asks losers of a race to come again
_SERIALIZATION_FAILURES: Final = frozenset({"40001", "40P01"})


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


def open_url(url: str) -> Store:
    """Return the store at a URL. Raises ValueError naming the remedy."""
    try:
        return SqlAlchemyStore(url)
    except (ModuleNotFoundError, OperationalError) as error:
        raise ValueError(
            f"cannot open the bank's database: {error}; for PostgreSQL install the extra 'postgres'"
        ) from None
