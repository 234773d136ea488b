"""The journal as evidence: what is acknowledged is there, what was touched is named, what is damaged stays as it is."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from drivers.base.secrets import Pan, PinBlock, Track2
from kiosk.effects import Record
from kiosk.journal.journal import ANCHOR_EVERY, RECORDS_MAX, Journal, JournalDamaged, JournalUnwritable
from kiosk.journal.record import GENESIS, canonical, chained

KEY = bytes(range(32))
AT = "2026-11-22T00:00:00.000+00:00"


@cache
def written(steps: int, per_step: int) -> bytes:
    """Return the file of a journal that was written and closed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "journal.db"
        journal = Journal(file, KEY)
        for n in range(steps):
            journal.append([Record("step", {"n": n, "i": i}) for i in range(per_step)], at=AT, ms=n)
        journal.close()
        return file.read_bytes()


def filled(file: Path, steps: int = 300, per_step: int = 2) -> Path:
    """Make a journal with an anchor or two."""
    file.write_bytes(written(steps, per_step))
    return file


def tampered(file: Path, *statements: str) -> None:
    db = sqlite3.connect(file)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def verdict(file: Path, key: bytes = KEY) -> int:
    """Return the first bad record according to a verification of the whole file."""
    with pytest.raises(JournalDamaged) as caught:
        Journal(file, key, read_only=True).verify()
    assert "The journal is evidence and is not written to" in str(caught.value)
    return caught.value.seq


# ------------------------------------------------------------ writing and reading


def test_what_was_appended_is_there(tmp_path: Path) -> None:
    file = tmp_path / "below" / "journal.db"
    journal = Journal(file, KEY)
    entries = journal.append([Record("a", {"x": 1}), Record("b")], at=AT, ms=5)
    assert [(e.seq, e.kind, e.ms) for e in entries] == [(1, "a", 5), (2, "b", 5)]
    assert journal.append([], at=AT, ms=6) == []
    journal.close()
    again = Journal(file, KEY)
    assert again.last_seq == 2
    assert [e.as_data() for e in again.entries()] == [
        {"seq": 1, "at": AT, "ms": 5, "kind": "a", "data": {"x": 1}},
        {"seq": 2, "at": AT, "ms": 5, "kind": "b", "data": {}},
    ]
    assert [e.seq for e in again.entries(after=1)] == [2]
    assert [e.seq for e in again.entries(kinds=["a", "c"])] == [1]
    assert again.append([Record("a")], at=AT, ms=9)[0].seq == 3
    assert again.last_of("a") == 3
    assert again.last_of("nothing") == 1
    assert again.verify().entries == 3
    again.close()


def test_anchors_come_and_are_counted(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db")
    journal = Journal(file, KEY)
    seen = journal.verify()
    anchors = list(journal.entries(kinds=["anchor"]))
    assert seen.anchors == len(anchors) == 600 // ANCHOR_EVERY
    assert seen.entries == 600 + seen.anchors == journal.last_seq
    assert [a.data["seq"] for a in anchors] == [a.seq - 1 for a in anchors]
    journal.close()


def test_the_chain_goes_on_after_a_restart_as_without_one(tmp_path: Path) -> None:
    one = Journal(tmp_path / "one.db", KEY)
    for n in range(600):
        one.append([Record("step", {"n": n})], at=AT, ms=n)
    for first in range(0, 600, 150):
        two = Journal(tmp_path / "two.db", KEY)
        for n in range(first, first + 150):
            two.append([Record("step", {"n": n})], at=AT, ms=n)
        two.close()
    assert Journal(tmp_path / "two.db", KEY, read_only=True).verify() == one.verify()
    one.close()


def test_secrets_are_masked(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    journal = Journal(file, KEY)
    pan, digits = "6225880000000012", "123456789012"
    secrets = {"pan": Pan(pan), "t": [Track2(f"{pan}=30122060000{digits}")], "p": PinBlock("0412AC89ABCDEF67")}
    journal.append([Record("x", secrets)], at=AT, ms=1)
    journal.close()
    raw = b"".join(f.read_bytes() for f in tmp_path.iterdir())
    assert b"622588******0012" in raw or b"622588" in raw
    for secret in (pan, pan[6:12], digits, "0412AC89ABCDEF67"):
        assert secret.encode() not in raw


@pytest.mark.parametrize("data", [{"x": object()}, {"x": {1, 2}}, {"x": b"bytes"}])
def test_only_plain_data(tmp_path: Path, data: dict[str, Any]) -> None:
    journal = Journal(tmp_path / "journal.db", KEY)
    with pytest.raises(TypeError, match="holds plain data, not"):
        journal.append([Record("good"), Record("bad", data)], at=AT, ms=1)
    assert journal.last_seq == 0
    assert list(journal.entries()) == []
    journal.append([Record("good")], at=AT, ms=1)
    assert journal.verify().entries == 1
    journal.close()


def test_a_step_has_a_bound() -> None:
    journal = Journal(":memory:", KEY)
    with pytest.raises(ValueError, match=f"{RECORDS_MAX} at most"):
        journal.append([Record("x")] * (RECORDS_MAX + 1), at=AT, ms=1)
    for _ in range(8):
        journal.append([Record("x")] * RECORDS_MAX, at=AT, ms=1)
    assert journal.verify().entries == journal.last_seq
    journal.close()


# ------------------------------------------------------------ tampering


@pytest.mark.parametrize(("statement", "seq"), [
    ("UPDATE entry SET data = replace(data, '5', '6') WHERE seq = 11", 11),
    ("UPDATE entry SET kind = 'stop' WHERE seq = 300", 300),
    ("UPDATE entry SET at = '2025' WHERE seq = 590", 590),
    ("UPDATE entry SET ms = ms + 1 WHERE seq = 7", 7),
    ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 7", 7),
    ("DELETE FROM entry WHERE seq = 7", 7),
    ("DELETE FROM entry WHERE seq = 1", 1),
    ("DELETE FROM entry WHERE seq BETWEEN 100 AND 400", 100),
    ("DELETE FROM entry WHERE seq < 257", 1),
    ("DELETE FROM entry WHERE kind = 'anchor'", 257),
    ("INSERT INTO entry SELECT 1000, at, ms, kind, data, hash FROM entry WHERE seq = 602", 603),
    ("INSERT INTO entry SELECT 603, at, ms, kind, data, hash FROM entry WHERE seq = 602", 603),
    ("INSERT INTO entry SELECT 0, at, ms, kind, data, hash FROM entry WHERE seq = 1", 0),
])  # fmt: skip
def test_what_was_touched_is_named(tmp_path: Path, statement: str, seq: int) -> None:
    file = filled(tmp_path / "journal.db")
    tampered(file, statement)
    if seq == 0:  # before the first: nothing of the chain is touched, and nothing of it is read
        assert Journal(file, KEY, read_only=True).verify().entries == 602
    else:
        assert verdict(file) == seq


def test_two_records_that_changed_places(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db")
    tampered(file, "UPDATE entry SET seq = -1 WHERE seq = 20", "UPDATE entry SET seq = 20 WHERE seq = 21",
             "UPDATE entry SET seq = 21 WHERE seq = -1")  # fmt: skip
    assert verdict(file) == 20


def test_another_key(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db")
    assert verdict(file, bytes(32)) == 257
    with pytest.raises(JournalDamaged, match="was not made with this key"):
        Journal(file, bytes(32))


def rewritten(file: Path, edit: Callable[[int, str, str], tuple[str, str] | None]) -> None:
    """Write every record again with right hashes, as one without the key can."""
    db = sqlite3.connect(file)
    rows = db.execute("SELECT seq, at, ms, kind, data FROM entry ORDER BY seq").fetchall()
    db.execute("DELETE FROM entry")
    last, number = GENESIS, 0
    for seq, at, ms, kind, text in rows:
        edited = edit(seq, kind, text)
        if edited is None:
            continue
        number += 1
        last = chained(last, number, at, ms, *edited)
        db.execute("INSERT INTO entry VALUES (?,?,?,?,?,?)", (number, at, ms, *edited, last))
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def test_a_whole_chain_rewritten_without_the_key(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db")
    rewritten(file, lambda seq, kind, text: (kind, text.replace('"n":5}', '"n":6}')))
    assert verdict(file) == 257
    with pytest.raises(JournalDamaged):
        Journal(file, KEY)


def test_a_whole_chain_rewritten_without_its_anchors(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db")
    rewritten(file, lambda seq, kind, text: None if kind == "anchor" else (kind, text))
    assert verdict(file) == ANCHOR_EVERY + RECORDS_MAX + 1
    with pytest.raises(JournalDamaged, match="too far behind the last anchor"):
        Journal(file, KEY)


@pytest.mark.parametrize("forged", [
    {"seq": 256, "hash": "00" * 32, "hmac": "00" * 32}, {}, {"seq": 1, "hash": "zz", "hmac": ""}, [1],
    {"seq": 256, "hash": "00" * 32, "hmac": 7}, {"seq": 256, "hash": "00" * 32, "hmac": "ü"},
])  # fmt: skip
def test_a_forged_anchor_is_not_trusted_at_the_next_start(tmp_path: Path, forged: Any) -> None:
    """What is behind the last anchor is verified at a start; so the anchor itself must be."""
    file = filled(tmp_path / "journal.db")
    text = canonical(forged)
    rewritten(file, lambda seq, kind, old: (kind, text) if kind == "anchor" else (kind, old))
    with pytest.raises(JournalDamaged):
        Journal(file, KEY)
    assert verdict(file) == 257


@pytest.mark.parametrize("keep", [600, 514, 513, 300, 256, 1])
def test_what_is_cut_off_at_the_end_shows_only_to_who_kept_the_last_hash(tmp_path: Path, keep: int) -> None:
    file = filled(tmp_path / "journal.db")
    known = Journal(file, KEY, read_only=True).verify()
    tampered(file, f"DELETE FROM entry WHERE seq > {keep}")
    seen = Journal(file, KEY, read_only=True).verify()
    assert seen.entries == keep
    assert seen != known
    journal = Journal(file, KEY)
    while journal.last_seq < known.entries:
        journal.append([Record("more")], at=AT, ms=1)
    assert journal.verify().last_hash != known.last_hash
    journal.close()


# ------------------------------------------------------------ damaged files


@pytest.mark.parametrize("damage", [
    lambda raw: b"this is not a database" * 300,
    lambda raw: b"",
    lambda raw: raw[: len(raw) // 2],
    lambda raw: raw[:100],
    lambda raw: raw[:5_000],
    lambda raw: raw[:-4096],
    lambda raw: bytes(100) + raw[100:],
    lambda raw: raw[:8192] + bytes(8192) + raw[16384:],
], ids=["alien", "empty", "half", "header only", "odd", "last page gone", "no header", "hole"])  # fmt: skip
def test_a_damaged_file_is_refused_and_stays_as_it_is(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = filled(tmp_path / "journal.db", steps=90, per_step=20)
    raw = damage(file.read_bytes())
    file.write_bytes(raw)
    with pytest.raises(JournalDamaged):
        opened_and_verified(file)
    assert file.read_bytes() == raw


def opened_and_verified(file: Path) -> None:
    """What is behind the last anchor shows at once, the rest in a full verification."""
    Journal(file, KEY).verify()


def test_somebody_elses_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE entry (x)")
    db.commit()
    db.close()
    raw = file.read_bytes()
    with pytest.raises(JournalDamaged, match="has schema 0, this program reads 1"):
        Journal(file, KEY)
    assert file.read_bytes() == raw


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db", steps=3)
    tampered(file, "PRAGMA user_version=2")
    with pytest.raises(JournalDamaged, match="has schema 2"):
        Journal(file, KEY)


def test_a_broken_tail_is_refused_at_start_and_stays_as_it_is(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db")
    tampered(file, "UPDATE entry SET ms = 1 WHERE seq = 600")
    raw = file.read_bytes()
    with pytest.raises(JournalDamaged) as caught:
        Journal(file, KEY)
    assert caught.value.seq == 600
    assert file.read_bytes() == raw


# ------------------------------------------------------------ no room, two writers, no power


def test_disk_full(tmp_path: Path) -> None:
    """A real database that may not grow: a whole step is refused, what was written stays, and room mends it."""
    file = tmp_path / "journal.db"
    journal = Journal(file, KEY)
    journal._db.execute("PRAGMA max_page_count=12")
    written = 0

    def fill() -> None:
        nonlocal written
        for n in range(10_000):
            journal.append([Record("step", {"n": n}), Record("step", {"fill": "x" * 200})], at=AT, ms=n)
            written = journal.last_seq

    with pytest.raises(JournalUnwritable, match="full; free space or replace the disk, then restart"):
        fill()
    assert journal.last_seq == written > 0
    assert journal.verify().entries == written, "no half of a step"
    with pytest.raises(JournalUnwritable):
        journal.append([Record("step", {"fill": "x" * 5_000})], at=AT, ms=0)
    journal._db.execute("PRAGMA max_page_count=1000")
    journal.append([Record("step", {"fill": "x" * 5_000})], at=AT, ms=0)
    assert journal.verify().entries == journal.last_seq
    journal.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to everything")
def test_read_only_place(tmp_path: Path) -> None:
    file = filled(tmp_path / "journal.db", steps=3)
    file.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises((JournalDamaged, JournalUnwritable)):
            Journal(file, KEY).append([Record("x")], at=AT, ms=1)
    finally:
        tmp_path.chmod(0o700)


def test_two_terminals_on_one_journal(tmp_path: Path) -> None:
    """The second writer is stopped at its first step: a chain has one end."""
    file = filled(tmp_path / "journal.db", steps=3)
    one, two = Journal(file, KEY), Journal(file, KEY)
    one.append([Record("one")], at=AT, ms=1)
    with pytest.raises(JournalUnwritable):
        two.append([Record("two")], at=AT, ms=1)
    one.append([Record("one")], at=AT, ms=2)
    assert one.verify().entries == one.last_seq == 8
    assert [e.kind for e in two.entries(after=6)] == ["one", "one"], "reading goes on"
    one.close()
    two.close()


WRITER = """
import sys
from pathlib import Path
from kiosk.effects import Record
from kiosk.journal.journal import Journal
journal = Journal(Path(sys.argv[1]), bytes(range(32)))
n = 0
while True:
    n += 1
    journal.append([Record("step", {"n": n}), Record("more", {"n": n})], at="now", ms=n)
    print(journal.last_seq, flush=True)
"""


@pytest.mark.parametrize("after", [1, 40, 300])
def test_what_was_acknowledged_survives_kill_nine(tmp_path: Path, after: int) -> None:
    file = tmp_path / "journal.db"
    acknowledged = 0
    for _ in range(2):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        for _ in range(after):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split("\n")
        child.wait()
        child.stdout.close()
        acknowledged = max([acknowledged, *(int(line) for line in rest[:-1])])
        journal = Journal(file, KEY)
        assert journal.last_seq >= acknowledged
        assert journal.verify().entries == journal.last_seq
        steps = [e.data["n"] for e in journal.entries(kinds=["step"])]
        assert len(steps) == len(list(journal.entries(kinds=["more"]))), "no half of a step"
        journal.close()
