"""How many hold + post pairs a second the ledger makes, each half durable by itself.

By hand: ``python -m tests.benchmarks.bank_ledger``. The stores are files in a temporary directory.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from kiosk.bank import ledger
from kiosk.bank.storage import SqliteStore, Store
from kiosk.bank.storage_sql import SqlAlchemyStore


def pairs_per_second(store: Store, pairs: int = 2_000) -> float:
    """Return the pairs per second of one writer, two commits per pair."""
    stamp = ledger.Stamp("2026-11-22", "2026-11-22T00:00:00+00:00")

    def prepare(tx: ledger.Tx) -> None:
        ledger.create(tx)
        ledger.open_account(tx, "customer", "customer", "CNY", floor_minor=0)
        ledger.open_account(tx, "cash", "cash", "CNY")
        ledger.move(tx, "opening", "cash", "customer", pairs * 100, "CNY", stamp)

    store.transact(prepare)
    begun = time.perf_counter()
    for n in range(pairs):
        held = store.transact(lambda tx, n=n: ledger.hold(tx, f"h{n}", "customer", "cash", 100, "CNY", stamp))
        done = store.transact(lambda tx, n=n: ledger.post(tx, f"p{n}", f"h{n}", None, stamp))
        assert held.done
        assert done.done
    return pairs / (time.perf_counter() - begun)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        stores: dict[str, Store] = {
            "sqlite3, file": SqliteStore(Path(folder) / "a.db"),
            "sqlite3, memory": SqliteStore(),
            "SQLAlchemy, SQLite file": SqlAlchemyStore(f"sqlite:///{folder}/b.db"),
        }
        for name, store in stores.items():
            print(f"{name:<26}{pairs_per_second(store):8.0f} pairs/s")
            store.close()


if __name__ == "__main__":
    main()
