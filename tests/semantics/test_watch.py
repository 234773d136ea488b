"""The norms on a running terminal: what violates one is journalled, and a broken monitor never stops the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kiosk import compose
from kiosk.config import load_config
from kiosk.journal.journal import Journal
from kiosk.journal.record import Entry
from kiosk.rehearsal.checks import violations
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import Scenario, load_scenario
from kiosk.words import catalogue
from semantics.norms.language import NormSet
from semantics.watch import ENVIRONMENT, SYSTEM, NormWatcher, Watching, party
from tests.semantics.worlds import norm, norm_set, records

SCENARIOS = Path(__file__).parents[2] / "models" / "scenarios" / "withdrawal"


def entries(*events: tuple[int, str, dict[str, Any]]) -> list[Entry]:
    return [Entry(**r) for r in records(*events)]


RINGS = norm_set(norm("N-1", {"is": "obliged", "to": "paid", "within": "20ms"}, slice="visit", whenever="asked"))
VISIT = {"visit": "v1"}
ASKED = (0, "asked", {**VISIT, "word": "yes"})


def test_a_deadline_that_passes_in_silence_is_told() -> None:
    watcher = NormWatcher(RINGS)
    assert watcher.seen(entries((0, "came", VISIT), ASKED)) == []
    assert watcher.next_deadline_ms() == 21
    (told,) = watcher.advance(21)
    assert (told.kind, told.data["norm"], told.data["outcome"]) == ("violation", "N-1", "violated")
    assert told.data["by"] == ENVIRONMENT
    assert "nothing came by 20 ms" in told.data["says"]
    assert watcher.next_deadline_ms() is None


def test_what_was_owed_before_a_restart_is_owed_after_it_and_told_once() -> None:
    history = entries((0, "came", VISIT), ASKED, (500, "boot", {}))
    (told,) = NormWatcher(RINGS, history).seen(())
    again = [*history, Entry(9, "", 501, "violation", told.data)]
    assert NormWatcher(RINGS, again).seen(()) == []


def test_no_norms_are_told_and_not_taken_for_peace() -> None:
    (told,) = NormWatcher(NormSet((), RINGS.vocabulary)).seen(())
    assert told.data["outcome"] == "error"
    assert "no norms" in told.data["says"]


def test_a_broken_monitor_says_so_once_and_never_raises() -> None:
    watcher = NormWatcher(RINGS)
    broken = Entry("x", "", 0, "came", VISIT)  # type: ignore[arg-type]
    told = [*watcher.seen([*entries((0, "came", VISIT)), broken]), *watcher.seen([broken]), *watcher.advance(5)]
    assert [t.data["norm"] for t in told] == ["monitor"]
    assert watcher.next_deadline_ms() is None


def test_the_newest_watcher_has_the_monitor() -> None:
    watching, journal = Watching(RINGS), Journal(":memory:", b"key")
    (first,) = watching(journal)
    first.seen(entries((0, "came", VISIT), ASKED))
    (second,) = watching(journal)
    assert second.next_deadline_ms() is None, "nothing of the first is left"
    assert (first.seen(entries(ASKED)), first.next_deadline_ms()) == ([], None)
    journal.close()


def test_whose_violation_it_is() -> None:
    assert (party("terminal"), party("user"), party("bank")) == (SYSTEM, ENVIRONMENT, ENVIRONMENT)


@pytest.fixture(scope="module")
def plain() -> Scenario:
    return load_scenario(SCENARIOS / "plain.yaml")


def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a norm that every withdrawal violates: notes are never ordered."""
    from semantics.norms.language import norms_of
    from semantics.norms.source import source_of

    text = (
        "norms:\n- id: N-X\n  affordance: dispense\n  bound: start\n  source: test\n  whenever: always\n"
        "  text: whenever always if always then terminal is forbidden to order notes\n"
        "  then: {agent: terminal, is: forbidden, to: dispense_ordered}\n"
        "- id: N-Y\n  affordance: withdrawal\n  bound: start\n  source: test\n  whenever: always\n"
        "  text: whenever always if always then cardholder is permitted to withdraw\n"
        "  then: {agent: cardholder, is: permitted, to: withdrawal_opened}\n"
    )
    shipped = compose._watching().norms
    norms, found = norms_of([source_of(text, "strict.yaml")], shipped.vocabulary)
    assert not found, found
    monkeypatch.setattr(compose, "_watching", lambda _: Watching(norms))


def test_a_rehearsal_fails_on_a_violation_it_does_not_expect(plain: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    strict(monkeypatch)
    played = play(plain, load_config(None), catalogue())
    (said,) = played.violated
    assert not played.passed
    assert said.startswith("violated by system: N-X violated")
    expecting = plain.model_copy(update={"expect": plain.expect.model_copy(update={"violations": ["N-X"]})})
    assert play(expecting, load_config(None), catalogue()).passed


def test_an_expected_violation_that_does_not_come_is_a_failure(plain: Scenario) -> None:
    expecting = plain.model_copy(update={"expect": plain.expect.model_copy(update={"violations": ["N-DSP-07"]})})
    played = play(expecting, load_config(None), catalogue())
    assert played.world is not None
    assert violations(played.world) == ["N-DSP-07: the scenario expects it violated, and it was kept"]


def test_a_site_can_switch_the_norms_off(plain: Scenario) -> None:
    config = load_config(None)
    off = config.site.model_copy(update={"watch_norms": False})
    assert compose.watching(type(config)(**{**vars(config), "site": off})) is compose.unwatched
    assert compose.watching(config) is not compose.unwatched


@pytest.mark.parametrize("name", ["plain", "host_silent", "cut_while_dispensing", "dispenser_cut_off"])
def test_norms_hold_where_the_world_goes_wrong(name: str) -> None:
    played = play(load_scenario(SCENARIOS / f"{name}.yaml"), load_config(None), catalogue())
    assert played.passed, (played.unmet, played.money, played.violated, played.failure)
    assert played.world is not None
    words = compose._watching().norms.vocabulary
    assert [o for e in played.world.entries for o in words.oddities(e.as_data())] == []
