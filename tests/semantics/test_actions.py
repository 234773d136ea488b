"""The effect table against the services: what really happens in rehearsals is among what the verifier explored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk.config import load_config
from kiosk.flow.chart import load_charts
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenarios
from kiosk.strict_yaml import DocumentError
from kiosk.words import catalogue
from semantics.actions import actions_of, load_actions
from semantics.check import load_norms
from semantics.exploration import Graph, explore
from semantics.norms.source import source_of
from semantics.verifier import rules_of

MODELS = Path(__file__).parents[2] / "models"
# written beside the decisions of a step: the books, what the device counted beyond its order, and what is on offer
BESIDE = {"cash_moved", "number_reserved", "checkpoint", "anchor", "violation", "over_dispensed", "cash_difference",
          "cassette_low", "service_offered", "service_withdrawn", "service_hidden"}  # fmt: skip
NOTED = {"late", "device_ready", "device_lost", "health_changed", "host_online", "host_offline", "advice_closed",
         "advice_parked", "cut_over"}  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> Graph:
    charts, actions = load_charts(MODELS / "flows"), load_actions(MODELS)
    return explore(charts, actions, rules_of(load_norms(MODELS), actions))


Step = tuple[str, tuple[tuple[str, str, str], ...], tuple[str, ...]]


def steps(entries: list[Any]) -> Iterator[Step]:
    """Yield the steps of a journal: event, arcs, and the kinds of records behind."""
    current: tuple[str, tuple[tuple[str, str, str], ...]] | None = None
    kinds: list[str] = []
    before = ""
    for e in entries:
        of_a_cassette, before = before == "cassette_low", e.kind
        if e.kind == "step" or e.kind in NOTED or e.kind == "boot":
            if current is not None:
                yield (*current, tuple(kinds))
            current, kinds = None, []
            if e.kind == "step" and e.data["region"] == "main":
                arcs = tuple((m["flow"], m["from"], m["to"]) for m in e.data["moves"])
                current = e.data["event"], arcs
        elif e.kind not in BESIDE and not of_a_cassette:
            kinds.append(e.kind)
    if current is not None:
        yield (*current, tuple(kinds))


def test_what_rehearsals_do_is_among_what_was_explored(graph: Graph) -> None:
    explored = {
        (e.event, tuple(a[:3] for a in e.arcs), tuple(w.kind for w, _, _ in e.records if w.kind != "step"))
        for e in graph.edges
    }
    strange: dict[Step, str] = {}
    seen = 0
    for scenario in load_scenarios(MODELS / "scenarios" / "withdrawal"):
        played = play(scenario, load_config(None), catalogue())
        assert played.world is not None
        for event, arcs, kinds in steps(played.world.entries):
            told = tuple(k for n, k in enumerate(kinds) if not (k == "advice_queued" and kinds[n - 1 : n] == (k,)))
            seen += 1
            if (event, arcs, told) not in explored and event != "begin":
                strange.setdefault((event, arcs, told), scenario.scenario)
    assert seen > 800
    assert strange == {}


def test_every_action_and_guard_of_the_flows_is_described(graph: Graph) -> None:
    table = load_actions(MODELS)
    assert graph.undeclared == {}
    left_out = {word for words in graph.missing.values() for word in words}
    spoken = {a for c in graph.charts.values() for a in c.actions}
    assert spoken - left_out <= table.actions.keys(), "a flow that is proved has a word that nothing describes"
    assert "order_notes" in spoken - left_out


def test_a_table_with_unknown_words_is_refused_with_all_its_mistakes() -> None:
    text = (MODELS / "vocabulary" / "actions.yaml").read_text(encoding="utf-8")
    bad = text.replace('needs: card == "in", set: {pin: false}', 'needs: crad == "in", set: {pni: false}')
    bad = bad.replace("use: [note_answer, settle]", "use: [note_anser, settle]", 1)
    assert bad != text
    with pytest.raises(DocumentError) as caught:
        actions_of(source_of(bad, "actions.yaml"))
    said = str(caught.value)
    assert all(word in said for word in ("crad", "pni", "note_anser"))
