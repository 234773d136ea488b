"""What a terminal really shows fits: every view of every service's rehearsal, in both languages, on three sizes.

The samples of `samples.py` are chosen by hand; these views come out of the running terminal, so a first screen that is
fuller than anybody thought of is found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.config import load_config
from kiosk.rehearsal.scenario import ExpectForm, FaultForm, PersonForm, Scenario, WorldForm, load_scenario
from kiosk.rehearsal.world import World
from kiosk.ui.render import Renderer
from kiosk.ui.words import LANGUAGES
from kiosk.view import View
from kiosk.words import catalogue

from .conftest import SIZES

CONFIG = load_config(None)
PLAIN = sorted((Path(__file__).parents[2] / "models" / "scenarios").glob("*/plain.yaml"))
RENDERERS = [Renderer(size) for size in SIZES]


def views_of(scenario: Scenario) -> Iterator[View]:
    """Yield each different view that the terminal shows in a rehearsal."""
    world = World(scenario, CONFIG, words=catalogue())
    try:
        world.run()
        seen = set()
        for view in world.views:
            key = (view.screen, view.locale, repr(sorted(view.values.items())))
            if key not in seen:
                seen.add(key)
                yield view
    finally:
        world.close()


def check(views: Iterator[View]) -> int:
    found, count = [], 0
    for view in views:
        for renderer in RENDERERS:
            count += 1
            scene = renderer.scene(view)
            found += [f"{view.screen} {view.locale} {renderer.size}: {text}" for text in scene.overflows]
            width, height = renderer.size
            for node in scene.nodes:
                x, y, w, h = node.box
                if x < 0 or y < 0 or x + w > width or y + h > height:
                    found.append(
                        f"{view.screen} {view.locale} {renderer.size}: {node.kind} {node.box} leaves the screen"
                    )
    assert found == []
    return count


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", CONFIG.profiles)
@pytest.mark.parametrize("trouble", ["none", "paper", "host"])
def test_first_screen_and_menu_of_every_profile(profile: str, language: str, trouble: str) -> None:
    scenario = Scenario(
        scenario="fit", title="The first screen and every page of the menu.",
        world=WorldForm(services=CONFIG.profiles[profile], paper="out" if trouble == "paper" else ""),
        person=PersonForm(service="no such service", language=language),
        faults=[FaultForm(host="link_down", on="menu", args={"for_ms": 40_000})] if trouble == "host" else [],
        expect=ExpectForm(),
    )  # fmt: skip
    assert check(views_of(scenario)) > 5 * len(SIZES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.parent.name)
def test_every_view_of_every_service(path: Path, language: str) -> None:
    scenario = load_scenario(path)
    person = scenario.person.model_copy(update={"language": language})
    assert check(views_of(scenario.model_copy(update={"person": person}))) > 5 * len(SIZES)
