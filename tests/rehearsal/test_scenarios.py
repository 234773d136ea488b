"""Every scenario of the catalogue, one test each: expectations, money, and each view drawn in both languages."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pytest

from kiosk.config import ROOT, load_config
from kiosk.journal.journal import Journal
from kiosk.journal.record import canonical
from kiosk.rehearsal.play import Played, play
from kiosk.rehearsal.scenario import load_scenario
from kiosk.ui.render import Renderer
from kiosk.words import catalogue

FOLDER = ROOT / "models" / "scenarios"
FILES = sorted(FOLDER.rglob("*.yaml"))
CONFIG = load_config(None)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def told(played: Played) -> str:
    return "\n".join([*played.unmet, *(f"MONEY: {m}" for m in played.money), played.failure])


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(FOLDER).with_suffix("")))
def test_scenario(file: Path, renderer: Renderer) -> None:
    played = play(load_scenario(file), CONFIG, catalogue())
    assert played.passed, told(played)
    assert played.world is not None
    assert played.world.views
    drawn = set()
    for view in played.world.views:
        key = (view.screen, view.asking_more_time, repr(view.values))
        if key not in drawn:
            drawn.add(key)
            for locale in CONFIG.site.languages:
                assert renderer.scene(replace(view, locale=locale)).nodes


@pytest.mark.parametrize("name", ["plain", "cut_while_dispensing", "wants_more_time", "host_silent"])
def test_the_same_seed_writes_the_same_journal(name: str, tmp_path: Path) -> None:
    def digest(run: str, seed: int) -> tuple[str, str]:
        file = tmp_path / f"{run}.db"
        scenario = load_scenario(FOLDER / "withdrawal" / f"{name}.yaml").model_copy(update={"seed": seed})
        assert play(scenario, CONFIG, catalogue(), journal_file=file).passed
        journal = Journal(file, bytes.fromhex(CONFIG.host.keys.journal))
        lines = "\n".join(canonical(entry.as_data()) for entry in journal.entries())
        last = journal.verify().last_hash
        journal.close()
        return last, hashlib.sha256(lines.encode()).hexdigest()

    one, two = digest("one", 1), digest("two", 1)
    assert one == two
    assert digest("other", 2) != one, "the person of another seed thinks for another time"


def test_the_catalogue_is_there() -> None:
    assert len(FILES) >= 70
    proved = {number for file in FILES for number in load_scenario(file).proves}
    assert len(proved) >= 58
