"""The journal: durable, append-only, hash-chained. After a power cut it alone says what was open.

SQLite in WAL mode with ``synchronous=FULL``: one transaction holds all records of a step, so a step is there whole or
not at all. Every entry's hash covers its predecessor's; every `ANCHOR_EVERY` entries an anchor record carries an HMAC
under the terminal's journal key, and a chain without its anchors is broken: so without the key nothing can be rewritten
but what came after the last anchor. What was cut off at the end no chain can show: whoever wants to notice that keeps
`Verified.entries` and `last_hash` elsewhere. A file is first looked at without being written to, and one that fails is
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
from typing import Any, Final

from kiosk.effects import Record
from kiosk.journal.record import GENESIS, Entry, canonical, chained

ANCHOR_EVERY: Final = 256  # entries; what came after the last anchor is guarded by hashes alone
RECORDS_MAX: Final = 256  # in one step; so two anchors are never further apart than both together
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
        self._seq = self._last_anchor = 0
        self._hash = GENESIS
        if read_only:
            self._db = self._reader()
            return
        if self._file != ":memory:" and Path(path).exists():
            self._look()
        try:
            if self._file != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                self._db.executescript(_SCHEMA)
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(self._file, 0, f"cannot be opened for writing ({error})") from None

    def _reader(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{Path(self._file).resolve().as_uri()}?mode=ro", uri=True)

    def _look(self) -> None:
        """Check an existing file's tail, from the last anchor on, without writing to it. Raises JournalDamaged."""
        if Path(self._file).stat().st_size == 0:
            raise JournalDamaged(self._file, 0, "is empty, which no journal ever is")
        self._db = self._reader()
        try:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version != SCHEMA_VERSION:
                raise JournalDamaged(self._file, 0, f"has schema {version}, this program reads {SCHEMA_VERSION}")
            last = self._db.execute(
                "SELECT max(seq) FROM entry WHERE kind='anchor' AND kind IN ('anchor', 'checkpoint')"
            ).fetchone()[0]
            self._seq, self._hash = self._verify(last or 0)[:2]
            self._last_anchor = last or 0
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(self._file, 0, f"is not a journal that can be opened ({error})") from None
        finally:
            self._db.close()

    @property
    def file(self) -> str:
        return self._file

    @property
    def last_seq(self) -> int:
        return self._seq

    def append(self, records: Sequence[Record], *, at: str, ms: int) -> list[Entry]:
        """Make `records` durable in one transaction.

        Raises JournalUnwritable, TypeError for data that is not plain, ValueError for more than `RECORDS_MAX`
        records; then nothing was written.
        """
        if not records:
            return []
        if len(records) > RECORDS_MAX:
            raise ValueError(f"{len(records)} records in one step; {RECORDS_MAX} at most")
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

    def _verify(self, anchor: int) -> tuple[int, bytes, int]:
        """Verify from the anchor at record `anchor` on, itself included (0: from the beginning)."""
        seq, last_hash, anchors, last_anchor = max(anchor - 1, 0), GENESIS, 0, anchor
        try:
            if anchor:
                text = self._db.execute("SELECT data FROM entry WHERE seq=?", (anchor,)).fetchone()[0]
                last_hash = bytes.fromhex(self._anchored(anchor, text)["hash"])
            query = "SELECT seq, at, ms, kind, data, hash FROM entry WHERE seq > ? ORDER BY seq"
            rows = self._db.execute(query, (seq,))
            for row_seq, at, ms, kind, text, stored in rows:
                if row_seq != seq + 1:
                    raise JournalDamaged(self._file, seq + 1, f"is missing (the next is {row_seq})")
                if chained(last_hash, row_seq, at, ms, kind, text) != stored:
                    raise JournalDamaged(self._file, row_seq, "was changed: its hash does not fit")
                if kind == "anchor":
                    anchors += 1
                    last_anchor = row_seq
                    data = self._anchored(row_seq, text)
                    signature = self._sign(seq, last_hash)
                    if data["seq"] != seq or not hmac.compare_digest(data["hmac"], signature):
                        raise JournalDamaged(self._file, row_seq, "is an anchor that was not made with this key")
                elif row_seq - last_anchor > ANCHOR_EVERY + RECORDS_MAX:
                    raise JournalDamaged(self._file, row_seq, f"stands too far behind the last anchor, {last_anchor}")
                seq, last_hash = row_seq, stored
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(self._file, seq + 1, f"cannot be read ({error})") from None
        return seq, last_hash, anchors

    def _anchored(self, seq: int, text: str) -> dict[str, Any]:
        """Read an anchor's data: the number and the hash of the record before it, and their HMAC, as hex."""
        try:
            data = json.loads(text)
            bytes.fromhex(data["hash"])
            if set(data) == {"seq", "hash", "hmac"} and isinstance(data["hmac"], str) and data["hmac"].isascii():
                return dict(data)
        except (ValueError, TypeError, KeyError):
            pass
        raise JournalDamaged(self._file, seq, "is no anchor, though it is called one")

    def close(self) -> None:
        self._db.close()
