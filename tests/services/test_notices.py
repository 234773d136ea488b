"""What changes beside the customers is told once each way, and what it rests on stands beside it."""

from __future__ import annotations

from typing import Any

from kiosk.config import ROOT, load_config
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenario
from kiosk.words import catalogue

Told = list[tuple[str, dict[str, Any]]]


def told(scenario: str, *kinds: str) -> Told:
    """Return the records of some kinds that a scenario leaves behind."""
    played = play(load_scenario(ROOT / "models" / "scenarios" / scenario), load_config(), catalogue())
    assert played.passed, played
    assert played.world is not None
    return [(e.kind, dict(e.data)) for e in played.world.entries if e.kind in kinds]


def services(found: Told, kind: str) -> list[str]:
    return [data["service"] for k, data in found if k == kind]


def test_what_rests_on_a_lost_device_is_withdrawn_once_and_offered_again() -> None:
    found = told("inquiry/dispenser_rested_before_it_pays.yaml", "service_offered", "service_withdrawn")
    assert services(found, "service_withdrawn") == ["withdrawal", "exchange"]
    offered = services(found, "service_offered")
    assert {s for s in offered if offered.count(s) > 1} == {"withdrawal", "exchange"}
    assert max(map(offered.count, offered)) == 2
    rests = {data["service"]: data for kind, data in found if kind == "service_offered"}
    assert (rests["withdrawal"]["dispenser"], rests["withdrawal"]["acceptor"]) == (True, False)
    assert rests["bill_payment"]["intermediary"]
    assert rests["inquiry"]["basic"]


def test_a_fault_is_reported_once_with_place_and_plan_and_told_to_the_bank() -> None:
    found = told("inquiry/dispenser_rested_before_it_pays.yaml", "fault_reported", "advice_queued")
    (_, report), (_, advice) = found
    assert (report["device"], report["phenomenon"]) == ("dispenser", "lost")
    assert report["place"] == load_config().site.location
    assert advice["kind"] == "event"
    assert advice["text"] == f"dispenser lost: {report['plan']}"


def test_a_cassette_that_is_low_is_told_once() -> None:
    found = told("withdrawal/too_many_notes.yaml", "cassette_low", "advice_queued")
    assert [(kind, data.get("unit", data.get("text"))) for kind, data in found][:2] == [
        ("cassette_low", "unit1"), ("advice_queued", "cassette unit1 low: 0 notes"),
    ]  # fmt: skip
    assert [data["unit"] for kind, data in found if kind == "cassette_low"] == ["unit1", "unit2", "unit3"]
