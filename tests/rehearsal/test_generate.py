"""Scenarios made of ways: a way becomes a customer's deeds and faults of the suite, and only what was shown is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kiosk.config import load_config
from kiosk.flow.chart import load_charts
from kiosk.rehearsal.generate import Goal, Way, generate, pool_of, proposals, write
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import Scenario, load_scenario, load_scenarios
from kiosk.words import catalogue

MODELS = Path(__file__).parents[2] / "models"
CHARTS = load_charts(MODELS / "flows")
DEVICES = {"dispense": "dispenser", "enter_pin": "pin_pad"}
Journal = list[dict[str, Any]]


@dataclass(frozen=True)
class Step:
    event: str
    by: str
    said: tuple[str, ...] = ()


AT_MENU = (
    (Step("card_inserted", "person"), ("session", "idle")),
    (Step("enter_pin_done", "device"), ("authenticate", "entering")),
)


def way(*steps: tuple[Step, tuple[str, str]]) -> Way:
    return Way([s for s, _ in (*AT_MENU, *steps)], [p for _, p in (*AT_MENU, *steps)])


CANCEL = way((Step("pressed_cancel", "person"), ("withdrawal", "amount")))
DECLINED = way((Step("host_declined", "host", ("code '51'",)), ("withdrawal", "authorising")))


@pytest.fixture(scope="module")
def suite() -> list[Scenario]:
    return list(load_scenarios(MODELS / "scenarios" / "withdrawal"))


def takes(flow: str, source: str, target: str) -> Any:
    def reached(journal: Any) -> bool:
        moves = [m for e in journal if e["kind"] == "step" for m in e["data"]["moves"]]
        return any((m["flow"], m["from"], m["to"]) == (flow, source, target) for m in moves)

    return reached


def test_a_deed_of_the_way_is_done_at_its_screen(suite: list[Scenario]) -> None:
    forms = list(proposals(CANCEL, CHARTS, DEVICES, pool_of(suite)))
    deeds = [f["person"]["does"] for f in forms if f["person"].get("does")]
    assert [{"on": "choose_amount", "nth": 1, "do": "input", "value": "pressed_cancel"}] in deeds
    assert "faults" not in forms[0]


def test_an_odd_answer_is_tried_with_the_faults_and_the_cards_of_the_suite(suite: list[Scenario]) -> None:
    forms = list(proposals(DECLINED, CHARTS, DEVICES, pool_of(suite)))
    assert any("faults" not in form and form["person"].get("card") == "stolen" for form in forms)
    first = next(form for form in forms if "faults" in form)
    assert first["faults"][0]["host"]
    broken = way((Step("dispense_unknown", "device"), ("dispense", "moving")))
    faults = [f["faults"][0] for f in proposals(broken, CHARTS, DEVICES, pool_of(suite))]
    assert all({f.get("wire"), f.get("device"), f.get("unplug")} & {"dispenser"} for f in faults)
    assert "device" not in faults[0], "what is unknown was lost on the line"


def test_what_is_kept_was_shown_and_plays_again(suite: list[Scenario], tmp_path: Path) -> None:
    goals = [
        Goal("cancel", [CANCEL], takes("withdrawal", "amount", "given_up")),
        Goal("declined", [DECLINED], takes("withdrawal", "authorising", "refused")),
        Goal("never", [CANCEL], lambda _: False),
    ]
    made = generate(goals, CHARTS, DEVICES, suite, load_config(None), catalogue())
    assert made.unreached == ["never"]
    assert made.finds == {}
    files = write(made, tmp_path)
    assert len(files) == len(made.kept) == 2
    for file in files:
        again = load_scenario(file)
        assert again.expect.screens
        played = play(again, load_config(None), catalogue())
        assert played.passed, played
        assert played.world is not None
        reached = [g.name for g in goals if g.reached([e.as_data() for e in played.world.entries])]
        assert reached == made.kept[again.scenario][1]
