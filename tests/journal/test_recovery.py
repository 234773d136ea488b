"""Recovery is a fold of the journal; a checkpoint may change how far it reads, never what it finds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.cash import CashBook, CashBookError, CashMove, Place
from kiosk.config import ROOT, load_config
from kiosk.effects import Record
from kiosk.journal.journal import Journal
from kiosk.journal.record import Entry
from kiosk.kernel import CHECKPOINT_EVERY, advice_data
from kiosk.money import Money
from kiosk.ports import Advice, AdviceKind, Original, Reason
from kiosk.recovery import Recovered, advice_of, checkpoint, recover
from kiosk.rehearsal.scenario import load_scenario
from kiosk.rehearsal.world import World
from kiosk.words import catalogue

CONFIG = load_config(None)
SITE = CONFIG.site
KEY = bytes(32)


def meaning(recovered: Recovered) -> tuple[Any, ...]:
    """What a restart starts from: the moves only matter as the book they make."""
    return recovered.numbers, CashBook().after(recovered.moves).as_data(), recovered.cases, recovered.advices


def without_checkpoints(entries: Iterable[Entry]) -> Journal:
    journal = Journal(":memory:", KEY)
    for entry in entries:
        if entry.kind not in ("checkpoint", "anchor"):
            journal.append([Record(entry.kind, entry.data)], at=entry.at, ms=entry.ms)
    return journal


def advice(n: int, original: Original | None) -> Advice:
    kinds = (AdviceKind.COMPLETION, AdviceKind.REVERSAL, AdviceKind.EVENT)
    return Advice(
        id=f"a{n}", stan=n, sent_at="1123013000", kind=kinds[n % 3], original=original, amount=Money(n, "CNY"),
        stands=Money(0, "CNY"), reason=Reason.RESTART if n % 3 == 1 else None, units={"unit1": n % 4}, text=f"t{n}",
        suspect=n % 5 == 0,
    )  # fmt: skip


def result(outcome: str, **counts: dict[str, int]) -> dict[str, Any]:
    return {"moved": {}, "rejected": {}, "unaccounted": {}, **counts, "outcome": outcome}


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """What a terminal may have written: cases and advices that open and close, numbers, moves, checkpoints between."""
    records: list[Record] = []
    book, numbers = CashBook(), {"stan": 0}
    open_cases: dict[str, Original] = {}
    unsent: dict[str, dict[str, Any]] = {}
    for n in range(1, draw(st.integers(1, 40))):
        what = draw(st.sampled_from(["number", "move", "open", "case", "advise", "answer", "checkpoint", "other"]))
        if what == "number":
            counter = draw(st.sampled_from(["stan", "ticket"]))
            numbers[counter] = numbers.get(counter, 0) + 50
            records.append(Record("number_reserved", {"counter": counter, "up_to": numbers[counter]}))
        elif what == "move":
            unit = draw(st.sampled_from(list(SITE.notes)))
            source, target = draw(st.sampled_from([*Place])), draw(st.sampled_from([*Place]))
            move = CashMove(unit, SITE.notes[unit], draw(st.integers(1, 30)), source, target)
            try:
                book = book.after([move])
            except CashBookError:
                continue
            records.append(Record("cash_moved", move.as_data()))
        elif what == "open":
            rrn = f"{n:012d}"
            opened: dict[str, Any] = {
                "case": rrn, "service": "withdrawal", "stan": n, "rrn": rrn, "sent_at": "1123013000",
                "amount_minor": 50_000, "currency": "CNY", "card": "622588******0012",
            }  # fmt: skip
            open_cases[rrn] = Original(stan=n, rrn=rrn, sent_at="1123013000")
            records.append(Record("case_opened", opened))
        elif what == "case" and open_cases:
            rrn = draw(st.sampled_from(sorted(open_cases)))
            outcomes: list[tuple[str, dict[str, Any]]] = [
                ("host_answered", {"code": "00", "approved_minor": 50_000, "approval": "A1", "business_date": "1123"}),
                ("host_answered", {"code": "51"}),
                ("host_failed", {"why": "silent"}),
                ("dispense_ordered", {"picks": {"unit1": 5}, "number": 7}),
                ("dispensed", result("partial", moved={"unit1": 4}, rejected={"unit1": 1})),
                ("dispensed", result("unknown", unaccounted={"unit1": 5})),
                ("case_closed", {}),
            ]
            kind, data = draw(st.sampled_from(outcomes))
            if kind == "case_closed":
                del open_cases[rrn]
            records.append(Record(kind, {"case": rrn, **data}))
        elif what == "advise":
            original = open_cases[draw(st.sampled_from(sorted(open_cases)))] if open_cases else None
            made = advice(n, original)
            unsent[made.id] = advice_data(made)
            records.append(Record("advice_queued", unsent[made.id]))
        elif what == "answer" and unsent:
            gone = draw(st.sampled_from(sorted(unsent)))
            del unsent[gone]
            records.append(Record(draw(st.sampled_from(["advice_closed", "advice_parked"])), {"advice": gone}))
        elif what == "checkpoint" and not open_cases:
            records.append(checkpoint(book, {k: v for k, v in numbers.items() if v}, list(unsent.values())))
        elif what == "other":
            records.append(Record("step", {"n": n}))
    return records


@settings(max_examples=150)
@given(histories(), st.integers(1, 5))
def test_a_checkpoint_changes_nothing(records: list[Record], per_step: int) -> None:
    journal = Journal(":memory:", KEY)
    for at in range(0, len(records), per_step):
        journal.append(records[at : at + per_step], at="2026", ms=at)
    full = without_checkpoints(journal.entries())
    assert meaning(recover(journal)) == meaning(recover(full))
    assert recover(journal) == recover(journal)
    journal.close()
    full.close()


@given(st.integers(1, 60))
def test_an_advice_survives_its_record(n: int) -> None:
    made = advice(n, Original(stan=n, rrn="1" * 12, sent_at="1123013000", business_date="1123", approval="A"))
    assert advice_of(advice_data(made)) == made


def test_a_new_journal_is_a_new_terminal() -> None:
    journal = Journal(":memory:", KEY)
    assert recover(journal) == Recovered({}, (), (), (), empty=True)
    load = CashMove("unit1", SITE.notes["unit1"], 5, Place.SUPPLY, Place.CASSETTE)
    journal.append([Record("cash_moved", load.as_data())], at="2026", ms=0)
    assert not recover(journal).empty
    journal.close()


def test_a_visited_terminal_with_and_without_its_checkpoints() -> None:
    """A real history: several sessions past a checkpoint, with what services wrote."""
    scenario = load_scenario(ROOT / "models" / "scenarios" / "withdrawal" / "plain.yaml")
    visits = CHECKPOINT_EVERY + 5  # the last of them over the card's daily limit, and declined
    person = scenario.person.model_copy(update={"visits": visits, "wants_minor": 10_000})
    world = World(scenario.model_copy(update={"person": person}), CONFIG, words=catalogue())
    world.run()
    journal = world._journal
    assert journal is not None
    assert sum(e.kind == "checkpoint" for e in journal.entries()) == 2, "at the start, and after so many sessions"
    full = without_checkpoints(journal.entries())
    found = recover(journal)
    assert meaning(found) == meaning(recover(full))
    assert not found.cases
    assert world.terminal is not None
    assert CashBook().after(found.moves).as_data() == world.terminal.kernel.cash.as_data()
    world.close()
    full.close()


def test_a_terminal_starts_after_a_suspect_case() -> None:
    """The event that told the host of it is in the journal, and belongs to no case."""
    scenario = load_scenario(ROOT / "models" / "scenarios" / "withdrawal" / "cut_while_dispensing_and_forgotten.yaml")
    world = World(scenario, CONFIG, words=catalogue())
    world.run()
    queued = [e.data["kind"] for e in world.entries if e.kind == "advice_queued"]
    assert queued == ["completion", "event"]
    assert world._journal is not None
    found = recover(world._journal)
    assert not found.cases
    assert not found.advices
    world.close()
