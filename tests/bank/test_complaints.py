"""Complaints and requests for notes in the bank's register."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kiosk.bank import complaints
from kiosk.bank.complaints import Complaint
from kiosk.bank.storage import SqliteStore, Tx

TODAY, LATER = "2026-11-23", "2026-12-09"


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    store = SqliteStore()

    def prepare(tx: Tx) -> None:
        for statement in complaints.SCHEMA:
            tx.run(statement)
        complaints.note(tx, "KIOSK001", {"RF": "632700000001", "CG": "cash|632600000009|2026-12-08|session-4"}, TODAY)
        complaints.note(tx, "KIOSK001", {"RF": "632700000002", "SW": "10000|5000|2026-12-08"}, TODAY)

    store.transact(prepare)
    yield store
    store.close()


def test_what_a_terminal_tells_is_registered_with_its_evidence(store: SqliteStore) -> None:
    found = store.transact(complaints.all_complaints)
    assert found == [
        Complaint("632700000001", "KIOSK001", "cash", "632600000009", TODAY, "2026-12-08", evidence="session-4")
    ]
    assert store.transact(lambda tx: complaints.status(tx, "632700000001", TODAY)) == (
        "00", {"ST": "received", "DU": "2026-12-08", "OV": "0"},
    )  # fmt: skip


def test_what_is_overdue_goes_to_the_supervisor_and_an_old_request_expires(store: SqliteStore) -> None:
    code, tags = store.transact(lambda tx: complaints.status(tx, "632700000001", LATER))
    assert (code, tags["ST"], tags["OV"]) == ("00", "with_supervisor", "1")
    assert store.transact(lambda tx: complaints.status(tx, "632700000002", LATER))[1]["ST"] == "expired"


def test_an_answer_ends_it_and_is_never_overdue(store: SqliteStore) -> None:
    assert store.transact(lambda tx: complaints.decide(tx, "632700000001", "answered", "redress"))
    _, tags = store.transact(lambda tx: complaints.status(tx, "632700000001", LATER))
    assert (tags["ST"], tags["DE"], tags["OV"]) == ("answered", "redress", "0")
    assert not store.transact(lambda tx: complaints.decide(tx, "000000000000", "answered", "redress"))


def test_a_request_is_closed_when_its_person_was_told(store: SqliteStore) -> None:
    store.transact(lambda tx: complaints.note(tx, "KIOSK001", {"RF": "632700000002", "SW": "told"}, TODAY))
    assert store.transact(lambda tx: complaints.status(tx, "632700000002", LATER))[1]["ST"] == "told"


def test_a_strange_number_is_nobodys(store: SqliteStore) -> None:
    assert store.transact(lambda tx: complaints.status(tx, "999999999999", TODAY)) == (complaints.UNKNOWN, {})


def test_data_of_the_bank_is_checked() -> None:
    raw = {"number": "1", "terminal": "KIOSK001", "category": "fee", "about": "", "filed_on": TODAY, "due_on": LATER}
    assert complaints.loaded({**raw, "state": "answered", "result": "upheld"}).result == "upheld"
    with pytest.raises(ValueError, match="complaint 1"):
        complaints.loaded({**raw, "state": "answered"})
