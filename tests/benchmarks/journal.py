"""How many steps a second the journal makes durable: ``python -m tests.benchmarks.journal``.

Each step is a transaction of five records, as a busy step of a withdrawal has; on a file each ends in the disk's own
time (``synchronous=FULL``).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from kiosk.effects import Record
from kiosk.journal.journal import Journal

RECORDS = [Record("step", {"event": "dispense_done", "moves": [{"from": "moving", "to": "complete"}] * 3})] + [
    Record("cash_moved", {"unit": f"unit{i}", "count": i, "from": "cassette", "to": "customer"}) for i in range(4)
]


def commits_per_second(path: Path | str, commits: int = 1_000) -> float:
    """Return the durable steps per second of one writer."""
    journal = Journal(path, bytes(32))
    begun = time.perf_counter()
    for n in range(commits):
        journal.append(RECORDS, at="2026-11-22T00:00:00.000+00:00", ms=n)
    spent = time.perf_counter() - begun
    journal.verify()
    journal.close()
    return commits / spent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(f"file   {commits_per_second(Path(folder) / 'journal.db'):8.0f} commits/s")
    print(f"memory {commits_per_second(':memory:'):8.0f} commits/s")


if __name__ == "__main__":
    main()
