"""The rehearsal is worth something only if it turns red when a rule of money is broken: here each is, on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from drivers.base.vocabulary import Dispense
from kiosk import compose
from kiosk.config import ROOT, load_config
from kiosk.effects import Record
from kiosk.flow.chart import Chart, chart_of, check_calls
from kiosk.flow.offers import Offers
from kiosk.journal.journal import Journal
from kiosk.journal.record import Entry
from kiosk.ports import Reason
from kiosk.rehearsal.crash import crash_points
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenario
from kiosk.services import hosting
from kiosk.services.case import Case, Settlement, fold, settle
from kiosk.services.dispensing import Dispensing
from kiosk.site import Site
from kiosk.strict_yaml import load_text
from kiosk.turn import Turn
from kiosk.words import catalogue

CONFIG = load_config(None)
SCENARIOS = ROOT / "models" / "scenarios" / "withdrawal"
AFFECTED = (
    "plain", "card_forgotten", "dispense_answer_lost", "dispenser_cut_off", "dispenser_unplugged_while_dispensing",
    "jam_after_two_notes", "cut_while_dispensing", "cut_while_dispensing_and_forgotten",
)  # fmt: skip


def red() -> dict[str, list[str]]:
    """Return scenario -> what is wrong, for those that fail."""
    failing = {}
    for name in AFFECTED:
        played = play(load_scenario(SCENARIOS / f"{name}.yaml"), CONFIG, catalogue())
        if not played.passed:
            failing[name] = [*played.unmet, *(f"MONEY {m}" for m in played.money), *played.failure.splitlines()[-1:]]
    return failing


def with_parts(
    monkeypatch: pytest.MonkeyPatch,
    *,
    edits: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    dispensing: type[Dispensing] = Dispensing,
) -> None:
    """Run the terminal on edited flows or on another dispensing service."""
    charts: dict[str, Chart] = dict(compose.flows()[0])
    for name, changes in (edits or {}).items():
        text = Path(charts[name].file).read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, f"{name}: {old}"
            text = text.replace(old, new)
        charts[name] = chart_of(load_text(text, f"<{name}>"))
    check_calls(charts)
    services = [dispensing() if isinstance(s, Dispensing) else s for s in compose.services()]
    offers = Offers.of(services)
    offers.check(charts)
    monkeypatch.setattr(compose, "flows", lambda _: (charts, offers))


def test_unbroken_all_is_green(monkeypatch: pytest.MonkeyPatch) -> None:
    with_parts(monkeypatch, edits={"dispense": [("purpose: ", "purpose: The same as ever. ")]})
    assert red() == {}


def test_crash_points_recover() -> None:
    result = crash_points("withdrawal", CONFIG, catalogue(), every=12)
    assert result.passed, [p for p in result.points if p.errors]
    assert len(result.points) >= 30


class Forgetful(Journal):
    """Loses the record that an order was given."""

    def append(self, records: Sequence[Record], *, at: str, ms: int) -> list[Entry]:
        return super().append([r for r in records if r.kind != "dispense_ordered"], at=at, ms=ms)


def test_a_journal_that_loses_the_order() -> None:
    result = crash_points("withdrawal", CONFIG, catalogue(), every=12, journal_type=Forgetful)
    assert not result.passed
    errors = [error for point in result.points for error in point.errors]
    assert any(error.startswith("bank paid ") for error in errors), errors


class Trusting(Dispensing):
    """Gives the order and will write it down once there is something to write."""

    def _order(self, turn: Turn, picks: Mapping[str, int]) -> None:
        ticket, number = turn.ticket("dispense"), turn.draw("dispense")
        data = {"ticket": ticket, "number": number, "picks": dict(picks)}
        turn.put(fold(turn.get(Case), "dispense_ordered", data))
        turn.order("dispenser", Dispense(ticket=ticket, picks=dict(picks), number=number))


def test_an_order_that_is_not_journalled(monkeypatch: pytest.MonkeyPatch) -> None:
    with_parts(monkeypatch, dispensing=Trusting)
    assert any("MONEY" in wrong for wrong in red().get("cut_while_dispensing", [])), red()


def test_an_order_that_is_given_again_when_its_outcome_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    again = ("dispense_unknown, from: moving, to: asking, do: ask_last_dispense",
             "dispense_unknown, from: moving, to: moving, again: true, do: order_notes")  # fmt: skip
    lines = Path(compose.flows()[0]["dispense"].file).read_text(encoding="utf-8").splitlines(keepends=True)
    gone = ("asking", "asking_again", "waiting", "unknown")
    dead = [line for line in lines if line.startswith(tuple(f"  {state}:" for state in gone))]
    dead += [
        line
        for line in lines
        if any(f"{word}: {state}" in line for word in ("from", "to") for state in gone) and again[0] not in line
    ]
    with_parts(monkeypatch, edits={"dispense": [again, *((line, "") for line in dead)]})
    failing = red()
    assert any("dispensed_orders" in line or "MONEY" in line for lines in failing.values() for line in lines), failing


def settled(how: Callable[[Case, Site], Settlement]) -> Callable[[Case, Site, Reason], Settlement | None]:
    def careless(case: Case, site: Site, reason: Reason) -> Settlement | None:
        if case.approved is not None and case.orders and (case.unknown or case.in_flight):
            return how(case, site)
        return settle(case, site, reason)

    return careless


@pytest.mark.parametrize(("name", "how"), [
    ("as nothing paid", lambda case, site: Settlement(site.money(0), None)),
    ("as reversed", lambda case, site: Settlement(site.money(0), Reason.NOTHING_DISPENSED)),
    ("as reversed for the restart", lambda case, site: Settlement(site.money(0), Reason.RESTART)),
    ("as paid in full and no question", lambda case, site: Settlement(case.approved, None)),
])  # fmt: skip
def test_an_unknown_outcome_settled_as_if_it_were_known(name: str, how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting, "settle", settled(how))
    failing = red()
    assert any("MONEY" in line or "suspect" in line for lines in failing.values() for line in lines), failing


def test_notes_before_the_card_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    edits = [
        ("host_approved, from: authorising, to: returning, if: approved_payable, do: note_approved",
         "host_approved, from: authorising, to: dispensing, if: approved_payable, do: [note_approved, aim]"),
        ("done, from: returning, to: dispensing, do: [stop_keys, aim]",
         "done, from: returning, to: notes_out, do: stop_keys"),
        ("done, from: dispensing, to: notes_out, do: settle_dispensed",
         "done, from: dispensing, to: returning, do: settle_dispensed"),
    ]  # fmt: skip
    with_parts(monkeypatch, edits={"withdrawal": edits})
    failing = red()
    assert "plain" in failing
    assert "card_forgotten" in failing
