"""What the bank remembers of people's concerns: complaints with a date, and requests for notes that were short.

    received -> in_work -> answered        overdue before it is answered -> with_supervisor (N-CPL-08)
    wanted -> told | expired               a request for notes

Both come by event advices (F48 ``CG``, ``SW``) under a number that the terminal made; whoever has the number may ask
(``case_status``). The desk that decides complaints is no part of a terminal: `decide` is where it would reach in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kiosk.bank.storage import Tx

OPEN: Final = ("received", "in_work")
STATES: Final = (*OPEN, "with_supervisor", "answered")
RESULTS: Final = ("redress", "upheld", "not_upheld")
UNKNOWN: Final = "25"

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS complaints (
        number TEXT PRIMARY KEY, terminal TEXT NOT NULL, category TEXT NOT NULL, about TEXT NOT NULL,
        filed_on TEXT NOT NULL, due_on TEXT NOT NULL, state TEXT NOT NULL, result TEXT NOT NULL,
        evidence TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS note_requests (
        number TEXT PRIMARY KEY, terminal TEXT NOT NULL, source_minor BIGINT NOT NULL, target_minor BIGINT NOT NULL,
        expires_on TEXT NOT NULL, state TEXT NOT NULL)""",
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint; days are ISO, `result` is empty until it is answered."""

    number: str
    terminal: str
    category: str
    about: str
    filed_on: str
    due_on: str
    state: str = "received"
    result: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class NoteRequest:
    """Somebody wants to be told when a terminal has notes of `target_minor`, to change one of `source_minor`."""

    number: str
    terminal: str
    source_minor: int
    target_minor: int
    expires_on: str
    state: str = "wanted"


def loaded(raw: Mapping[str, Any]) -> Complaint:
    """Return a complaint of the bank's data. Raises ValueError."""
    complaint = Complaint(**raw)
    if complaint.state not in STATES or (
        complaint.result not in RESULTS if complaint.state == "answered" else complaint.result
    ):
        raise ValueError(f"complaint {complaint.number}: state {complaint.state!r} with result {complaint.result!r}")
    return complaint


def store(tx: Tx, complaint: Complaint) -> None:
    tx.run(
        "INSERT INTO complaints VALUES (:number, :terminal, :category, :about, :filed_on, :due_on, :state, :result,"
        " :evidence)",
        **{name: getattr(complaint, name) for name in Complaint.__slots__},
    )


def note(tx: Tx, terminal: str, tags: Mapping[str, str], today: str) -> None:
    """Take what an event advice says of a complaint or a request; anything else is not for us."""
    number = tags.get("RF", "")
    if "CG" in tags:
        category, about, due_on, evidence = [*tags["CG"].split("|"), "", "", ""][:4]
        store(tx, Complaint(number, terminal, category, about, today, due_on, evidence=evidence))
    wanted = tags.get("SW", "")
    if wanted == "told":
        tx.run("UPDATE note_requests SET state = 'told' WHERE number = :number", number=number)
    elif wanted:
        source, target, expires_on = [*wanted.split("|"), "", ""][:3]
        tx.run(
            "INSERT INTO note_requests VALUES (:number, :terminal, :source, :target, :expires_on, 'wanted')",
            number=number, terminal=terminal, source=int(source or 0), target=int(target or 0),
            expires_on=expires_on,
        )  # fmt: skip


def grow_old(tx: Tx, today: str) -> None:
    """Hand what is overdue to the supervisor (N-CPL-08), and close requests that have expired (N-EXC-12)."""
    tx.run(
        "UPDATE complaints SET state = 'with_supervisor' WHERE state IN ('received', 'in_work') AND due_on < :today",
        today=today,
    )
    tx.run("UPDATE note_requests SET state = 'expired' WHERE state = 'wanted' AND expires_on < :today", today=today)


def all_complaints(tx: Tx) -> list[Complaint]:
    columns = ", ".join(Complaint.__slots__)
    return [Complaint(*row) for row in tx.all(f"SELECT {columns} FROM complaints ORDER BY number")]


def all_requests(tx: Tx) -> list[NoteRequest]:
    columns = ", ".join(NoteRequest.__slots__)
    return [NoteRequest(*row) for row in tx.all(f"SELECT {columns} FROM note_requests ORDER BY number")]


def decide(tx: Tx, number: str, state: str, result: str = "") -> bool:
    """Move a complaint on, as an officer would. Returns whether there is one of that number."""
    known = any(c.number == number for c in all_complaints(tx))
    tx.run(
        "UPDATE complaints SET state = :state, result = :result WHERE number = :number",
        state=state, result=result, number=number,
    )  # fmt: skip
    return known


def status(tx: Tx, number: str, today: str) -> tuple[str, dict[str, str]]:
    """Return F39 and the tags that tell of a number; nothing about anybody."""
    grow_old(tx, today)
    for complaint in all_complaints(tx):
        if complaint.number == number:
            late = complaint.due_on < today and complaint.state != "answered"
            tags = {"ST": complaint.state, "DU": complaint.due_on, "DE": complaint.result, "OV": str(int(late))}
            return "00", {name: text for name, text in tags.items() if text}
    for request in all_requests(tx):
        if request.number == number:
            return "00", {"ST": request.state, "SW": f"{request.source_minor}|{request.target_minor}"}
    return UNKNOWN, {}
