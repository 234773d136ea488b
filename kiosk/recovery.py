"""What was open when the power went: a fold of the journal, from the last checkpoint on.

    numbers   counter -> the last number reserved
    moves     the cash book, as moves to start from
    cases     intents that were not closed, oldest first
    advices   messages the host has not answered, in their order; they go out again as repeats

A checkpoint is written when nothing is open between two customers, so that a start reads a few hundred records and not
a year of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kiosk.cash import CashBook, CashMove, Note, Place
from kiosk.effects import Record
from kiosk.journal.journal import Journal
from kiosk.money import Money
from kiosk.ports import Advice, AdviceKind, Original, Reason
from kiosk.services import case as cases
from kiosk.services.case import Case
from kiosk.site import Site

CHECKPOINT = "checkpoint"
_KINDS = (*cases.KINDS, "number_reserved", "cash_moved", "advice_closed", "advice_parked", CHECKPOINT)


@dataclass(frozen=True)
class Recovered:
    """What a restart starts from."""

    numbers: Mapping[str, int]
    moves: tuple[CashMove, ...]
    cases: tuple[Case, ...]
    advices: tuple[Advice, ...]
    empty: bool  # a new journal: the first start of this terminal


def recover(journal: Journal) -> Recovered:
    """Fold the journal. May be called any number of times; it changes nothing."""
    numbers: dict[str, int] = {}
    moves: list[CashMove] = []
    open_cases: dict[str, Case] = {}
    advices: dict[str, Mapping[str, Any]] = {}
    empty = True
    for entry in journal.entries(after=journal.last_of(CHECKPOINT) - 1, kinds=_KINDS):
        empty = False
        data = entry.data
        match entry.kind:
            case "checkpoint":
                numbers = dict(data["numbers"])
                moves = [_loaded(row) for row in data["cash"] if row["place"] != Place.SUPPLY.value]
                advices = {row["id"]: row for row in data["advices"]}
            case "number_reserved":
                numbers[data["counter"]] = data["up_to"]
            case "cash_moved":
                moves.append(CashMove.of_data(data))
            case "advice_closed" | "advice_parked":
                advices.pop(data["advice"], None)
            case kind:
                if kind == "advice_queued":
                    advices[data["id"]] = data
                key = data.get("case")
                if key is None:
                    continue
                case = cases.fold(open_cases.get(key), kind, data)
                if case.closed:
                    del open_cases[key]
                else:
                    open_cases[key] = case
    return Recovered(numbers, tuple(moves), tuple(open_cases.values()), tuple(map(advice_of, advices.values())), empty)


def checkpoint(cash: CashBook, numbers: Mapping[str, int], advices: list[Mapping[str, Any]]) -> Record:
    """Return the record that stands for everything before it. Only between two customers, when no case is open."""
    return Record(CHECKPOINT, {"cash": cash.as_data(), "numbers": dict(numbers), "advices": advices})


def first_load(site: Site) -> list[CashMove]:
    """Return the moves that load the cassettes of a new terminal as its configuration says."""
    return [CashMove(u.id, site.notes[u.id], u.load, Place.SUPPLY, Place.CASSETTE) for u in site.cash.units if u.load]


def _loaded(row: Mapping[str, Any]) -> CashMove:
    """Return a balance of a checkpoint as a move from the supply."""
    note = Note(row["value_minor"], row["currency"])
    return CashMove(row["unit"], note, row["count"], Place.SUPPLY, Place(row["place"]))


def _money(data: Mapping[str, Any] | None) -> Money | None:
    return Money(data["minor"], data["currency"]) if data else None


def advice_of(data: Mapping[str, Any]) -> Advice:
    """Read an advice from its record."""
    original = data.get("original")
    reason = data.get("reason")
    return Advice(
        id=data["id"],
        stan=data["stan"],
        sent_at=data["sent_at"],
        kind=AdviceKind(data["kind"]),
        original=Original(**original) if original else None,
        operation=data.get("operation", "withdrawal"),
        amount=_money(data.get("amount")),
        stands=_money(data.get("stands")),
        reason=Reason(reason) if reason else None,
        units=data.get("units", {}),
        rejected=data.get("rejected", {}),
        accepted=data.get("accepted", {}),
        owed_minor=data.get("owed_minor", 0),
        owed_to=data.get("owed_to", ""),
        suspect=data.get("suspect", False),
        text=data.get("text", ""),
        tags=data.get("tags", {}),
    )
