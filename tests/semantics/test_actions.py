"""The effect table against the services: what really happens in rehearsals is among what the verifier explored."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kiosk.config import load_config
from kiosk.flow.chart import load_charts
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenario
from kiosk.strict_yaml import DocumentError
from kiosk.words import catalogue
from semantics.actions import actions_of, load_actions
from semantics.check import load_norms
from semantics.conformance import Conformance, of_models
from semantics.exploration import Graph, explore
from semantics.norms.source import source_of
from semantics.verifier import rules_of

MODELS = Path(__file__).parents[2] / "models"
#: a sample; `kiosk verify --conformance` takes all
SAMPLE = (
    "withdrawal/plain", "withdrawal/jam_after_two_notes", "withdrawal/pin_wrong_then_right",
    "withdrawal/cut_while_dispensing", "exchange/plain", "exchange/with_card", "exchange/one_of_two_comes_out",
    "exchange/cut_before_payment", "deposit/plain", "deposit/jam_while_reading", "deposit/restart_while_stacking",
    "ticket/plain", "ticket/spoiled_twice", "ticket/pin_wrong_and_given_up", "bill_payment/pending_then_paid",
    "top_up/refused_after_payment", "transfer/host_silent", "transfer/twice_in_one_visit", "remittance/plain",
    "pin_change/plain", "inquiry/plain",
)  # fmt: skip


@cache
def journal(name: str) -> list[dict[str, Any]]:
    played = play(load_scenario(MODELS / "scenarios" / f"{name}.yaml"), load_config(None), catalogue())
    assert played.world is not None
    return [e.as_data() for e in played.world.entries]


@cache
def shipped() -> Conformance:
    return of_models(MODELS)


@pytest.mark.parametrize("name", SAMPLE)
def test_what_rehearsals_do_is_among_what_was_explored(name: str) -> None:
    followed, stranger = shipped().play(name, journal(name))
    assert stranger is None, str(stranger)
    assert followed > 8
    assert list(shipped().slow(name, journal(name))) == []


WRONG = [
    ("deposit/plain", "[{kind: note_settled, data: {where: =where, value_minor: =worth}}]", "[]"),
    ("deposit/plain", "{kind: note_ordered, data: {fate: vault}}", "{kind: note_ordered, data: {fate: return}}"),
    ("deposit/plain", "kind: completion, stands_minor: =vaulted", "kind: reversal, stands_minor: 0"),
    ("exchange/plain", "aim_exchange: {needs:", "aim_exchange: {use: [purge], needs:"),
    ("exchange/one_of_two_comes_out", 'owed: =vaulted + astray - paid', "owed: =paid - paid"),
    ("ticket/plain", "    set: {delivered: =approved}\n", ""),
    ("transfer/host_silent", 'heard in ["declined", "not_sent"]', 'heard in ["declined", "lost"]'),
    ("withdrawal/plain", "orders: =orders + 1, in_flight: true", "orders: =orders + 1"),
]


@pytest.mark.parametrize(("name", "find", "put"), WRONG)
def test_a_wrong_entry_is_caught(name: str, find: str, put: str) -> None:
    charts, norms = load_charts(MODELS / "flows"), load_norms(MODELS)
    text = (MODELS / "vocabulary" / "actions.yaml").read_text(encoding="utf-8")
    assert find in text
    table = actions_of(source_of(text.replace(find, put, 1), "actions.yaml"))
    services = frozenset({name.partition("/")[0]})
    wrong = Conformance(explore(charts, table, rules_of(norms, table), services=services), norms)
    _, stranger = wrong.play(name, journal(name))
    assert stranger is not None
    assert "the table allows" in str(stranger)


@pytest.fixture(scope="module")
def graph() -> Graph:
    charts, actions = load_charts(MODELS / "flows"), load_actions(MODELS)
    return explore(charts, actions, rules_of(load_norms(MODELS), actions), services=frozenset({"inquiry"}))


def test_every_action_and_guard_of_the_flows_is_described(graph: Graph) -> None:
    table = load_actions(MODELS)
    assert graph.undeclared == {}
    assert graph.missing == {}, "a service is left out of the proof"
    spoken = {a for c in graph.charts.values() for a in c.actions}
    assert spoken <= table.actions.keys()
    assert {g for c in graph.charts.values() for g in c.guards} <= table.guards.keys()


def test_a_table_with_unknown_words_is_refused_with_all_its_mistakes() -> None:
    text = (MODELS / "vocabulary" / "actions.yaml").read_text(encoding="utf-8")
    bad = text.replace('needs: card == "in", set: {pin: false}', 'needs: crad == "in", set: {pni: false}')
    bad = bad.replace("use: [note_answer, settle]", "use: [note_anser, settle]", 1)
    bad = bad.replace("pick: chosen_service", "pick: chosen_servce", 1)
    bad = bad.replace("    sets: service", "    sets: servce", 1)
    assert bad != text
    with pytest.raises(DocumentError) as caught:
        actions_of(source_of(bad, "actions.yaml"))
    said = str(caught.value)
    assert all(word in said for word in ("crad", "pni", "note_anser", "chosen_servce", "servce"))
