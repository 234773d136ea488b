"""The journal: durable, append-only, hash-chained. After a power cut it alone says what was open.

SQLite in WAL mode with ``synchronous=FULL``: one transaction holds all records of a step, so a step is there whole or
not at all. Every entry's hash covers its predecessor's; every `ANCHOR_EVERY` entries an anchor record carries an HMAC
under the terminal's journal key, so that not even a whole rewritten chain passes. A journal that fails verification is
never written to: it is evidence.

    JournalError
    ├── JournalDamaged     the chain is broken; names the first bad record
    └── JournalUnwritable  disk full, read-only, locked: no journal, no cash
"""

from __future__ import annotations

import hmac
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.effects import Record
from kiosk.journal.record import GENESIS, Entry, canonical, chained

ANCHOR_EVERY: Final = 256  # entries; at most so many can be cut off unseen at the end
SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, ms INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_of_kind ON entry (kind, seq) WHERE kind = 'anchor' OR kind = 'checkpoint';
"""


class JournalError(Exception):
    """Base of the journal's errors."""


class JournalDamaged(JournalError):
    """The file is not a whole journal. `seq` is the first bad record, 0 if the file cannot be read at all."""

    def __init__(self, file: str, seq: int, why: str) -> None:
        self.seq = seq
        super().__init__(
            f"{file}: record {seq}: {why}. The journal is evidence and is not written to: "
            f"copy it away, report it, and start the terminal with a new file"
        )


class JournalUnwritable(JournalError):
    """A step could not be made durable, so it did not happen."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification saw."""

    entries: int
    anchors: int
    last_hash: str


class Journal:
    """One journal file, or one in memory for a rehearsal."""

    def __init__(self, path: Path | str, key: bytes, *, read_only: bool = False) -> None:
        """Open or create. Raises JournalDamaged if the tail since the last anchor is broken.

        `read_only` neither creates nor checks: it is for `verify` and for reading a damaged file.
        """
        self._file = str(path)
        self._key = key
        if read_only:
            self._db = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
            self._seq = self._last_anchor = 0
            self._hash = GENESIS
            return
        try:
            if self._file != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA_VERSION):
                raise JournalDamaged(self._file, 0, f"has schema {version}, this program reads {SCHEMA_VERSION}")
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(self._file, 0, f"is not a journal that can be opened ({error})") from None
        last = self._db.execute(
            "SELECT max(seq) FROM entry WHERE kind='anchor' AND kind IN ('anchor', 'checkpoint')"
        ).fetchone()[0]
        self._seq, self._hash = self._verify(last or 0)[:2]
        self._last_anchor = last or 0

    @property
    def file(self) -> str:
        return self._file

    @property
    def last_seq(self) -> int:
        return self._seq

    def append(self, records: Sequence[Record], *, at: str, ms: int) -> list[Entry]:
        """Make `records` durable in one transaction. Raises JournalUnwritable, and then nothing was written."""
        if not records:
            return []
        seq, last_hash = self._seq, self._hash
        rows: list[tuple[int, str, int, str, str, bytes]] = []
        entries: list[Entry] = []
        for record in records:
            seq += 1
            text = canonical(record.data)
            last_hash = chained(last_hash, seq, at, ms, record.kind, text)
            rows.append((seq, at, ms, record.kind, text, last_hash))
            entries.append(Entry(seq, at, ms, record.kind, record.data))
        anchor_due = seq - self._last_anchor >= ANCHOR_EVERY
        if anchor_due:
            seq += 1
            data = {"seq": seq - 1, "hash": last_hash.hex(), "hmac": self._sign(seq - 1, last_hash)}
            text = canonical(data)
            last_hash = chained(last_hash, seq, at, ms, "anchor", text)
            rows.append((seq, at, ms, "anchor", text, last_hash))
            entries.append(Entry(seq, at, ms, "anchor", data))
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO entry VALUES (?,?,?,?,?,?)", rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise JournalUnwritable(f"{self._file}: {error}; free space or replace the disk, then restart") from None
        self._seq, self._hash = seq, last_hash
        if anchor_due:
            self._last_anchor = seq
        return entries

    def entries(self, *, after: int = 0, kinds: Sequence[str] = ()) -> Iterator[Entry]:
        """Yield entries in order, of all kinds or of some."""
        where = f" AND kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        query = f"SELECT seq, at, ms, kind, data FROM entry WHERE seq > ?{where} ORDER BY seq"
        for seq, at, ms, kind, text in self._db.execute(query, (after, *kinds)):
            yield Entry(seq, at, ms, kind, json.loads(text))

    def last_of(self, kind: str) -> int:
        """Return the number of the last entry of a kind, 1 if there is none: where a reader may begin."""
        found = self._db.execute("SELECT max(seq) FROM entry WHERE kind=?", (kind,)).fetchone()[0]
        return int(found or 1)

    def verify(self) -> Verified:
        """Check every record from the first. Raises JournalDamaged naming the first bad one."""
        seq, last_hash, anchors = self._verify(0)
        return Verified(seq, anchors, last_hash.hex())

    def _sign(self, seq: int, last_hash: bytes) -> str:
        return hmac.new(self._key, f"{seq}:".encode() + last_hash, "sha256").hexdigest()

    def _verify(self, start: int) -> tuple[int, bytes, int]:
        """Verify from record `start` (its hash taken on trust; 0: from the beginning)."""
        seq, last_hash, anchors = 0, GENESIS, 0
        if start:
            seq = start
            last_hash = self._db.execute("SELECT hash FROM entry WHERE seq=?", (start,)).fetchone()[0]
        try:
            rows = self._db.execute(
                "SELECT seq, at, ms, kind, data, hash FROM entry WHERE seq > ? ORDER BY seq", (start,)
            )
            for row_seq, at, ms, kind, text, stored in rows:
                if row_seq != seq + 1:
                    raise JournalDamaged(self._file, seq + 1, f"is missing (the next is {row_seq})")
                if chained(last_hash, row_seq, at, ms, kind, text) != stored:
                    raise JournalDamaged(self._file, row_seq, "was changed: its hash does not fit")
                if kind == "anchor":
                    anchors += 1
                    data = json.loads(text)
                    signature = self._sign(seq, last_hash)
                    if data["seq"] != seq or not hmac.compare_digest(data["hmac"], signature):
                        raise JournalDamaged(self._file, row_seq, "is an anchor that was not made with this key")
                seq, last_hash = row_seq, stored
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(self._file, seq + 1, f"cannot be read ({error})") from None
        return seq, last_hash, anchors

    def close(self) -> None:
        self._db.close()
