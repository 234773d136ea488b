"""The verifier: the shipped flows are proved, every seeded defect is caught, and unknown is never called good."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kiosk import strict_yaml
from kiosk.flow.chart import Chart, chart_of, check_calls, load_charts
from kiosk.strict_yaml import DocumentError
from semantics.actions import Actions, actions_of, load_actions
from semantics.check import load_norms
from semantics.norms.language import NormSet
from semantics.norms.source import source_of
from semantics.verifier import DEAD, LEFT_OUT, Proof, Proven, Result, told, verify

MODELS = Path(__file__).parents[2] / "models"
SERVICES = strict_yaml.load(Path(__file__).parent / "mutants" / "services.yaml").data["mutants"]
MUTANTS = strict_yaml.load(Path(__file__).parent / "mutants" / "flows.yaml").data["mutants"]


@cache
def loaded() -> tuple[dict[str, Chart], Actions, NormSet]:
    return load_charts(MODELS / "flows"), load_actions(MODELS), load_norms(MODELS)


@cache
def shipped() -> Result:
    return verify(*loaded())


def test_the_shipped_flows_are_proved() -> None:
    result = shipped()
    assert result.of(Proven.SYSTEM) == [], result.render()
    assert len(result.of(Proven.HOLDS)) >= 45
    assert {p.about for p in result.of(Proven.HOLDS)} >= {"VF-FLOWS", "N-CRD-03", "N-DSP-07", "N-ATH-02", "N-PST-01"}
    assert result.of(Proven.UNKNOWN) == [], "every service is proved"
    assert result.ok


def test_services_that_nobody_described_are_left_out_and_told_once() -> None:
    charts, actions, norms = loaded()
    assert "withdrawal" not in shipped().graph.missing
    blind = replace(actions, actions={k: v for k, v in actions.actions.items() if k not in ("aim", "plan_lower")})
    result = verify(charts, blind, norms)
    said = [p.says for p in result.of(Proven.UNKNOWN) if p.about == LEFT_OUT]
    assert said.count("not proved yet: withdrawal, 2 words") == 1
    assert "withdrawal" not in result.graph.entered
    assert not result.ok, "what is left out is not proved"
    assert not any("withdrawal/" in p.says for p in result.proofs if p.about == DEAD), "left out is not dead"
    assert result.render().count(DEAD) <= 1, "dead arcs are counted, not listed"


def test_what_is_not_proved_is_told() -> None:
    result = shipped()
    said = result.render()
    assert "N-DSP-04" in {p.about for p in result.of(Proven.VACUOUS)}
    assert "N-FLT-02" in result.left_out
    assert "assumed: durations" in said
    environment = result.of(Proven.HANDLED, Proven.UNHANDLED)
    assert "N-ATH-06" in {p.about for p in environment}
    assert all(p.way for p in environment), "each with a way that shows it"


def mutated(mutant: dict[str, Any]) -> dict[str, Chart]:
    """Return the shipped charts with one defect. Raises DocumentError if the chart's own reading refuses it."""
    charts = dict(loaded()[0])
    file = MODELS / "flows" / f"{mutant['flow']}.yaml"
    text = file.read_text(encoding="utf-8")
    for find, put in [(mutant["find"], mutant["put"]), *mutant.get("more", [])]:
        assert find in text, f"{mutant['id']}: the flow has changed; there is no {find!r}"
        text = text.replace(find, put, 1)
    charts[mutant["flow"]] = chart_of(strict_yaml.load_text(text, str(file)))
    check_calls(charts)
    return charts


def catchers(mutant: dict[str, Any]) -> list[Proof]:
    charts = mutated(mutant)
    only = [mutant["by"]] if mutant["by"].startswith("N-") else []
    first = not mutant["by"].startswith("closed:")
    return verify(charts, *loaded()[1:], only=only, first=first, services=chosen(mutant)).of(Proven.SYSTEM)


def chosen(mutant: dict[str, Any]) -> frozenset[str]:
    """Return the service whose customers a defect meets: that of its flow, or of those who call it the one named."""
    flow = mutant.get("flow", "")
    return frozenset({mutant.get("with", flow if flow in shipped_services() else "withdrawal")})


def shipped_services() -> set[str]:
    return {c.name for c in loaded()[0].values() if c.kind == "service"}


def test_there_are_mutants_enough() -> None:
    assert len(MUTANTS) >= 100
    hit = {s for m in [*MUTANTS, *SERVICES] for s in chosen(m)}
    assert hit == shipped_services(), "every service has seeded defects"
    assert len({m["id"] for m in MUTANTS}) == len(MUTANTS)
    assert all(m["find"] != m["put"] for m in MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[m["id"] for m in MUTANTS])
def test_every_seeded_defect_is_caught(mutant: dict[str, Any]) -> None:
    if mutant["by"] == "chart":
        with pytest.raises(DocumentError):
            mutated(mutant)
        return
    caught = catchers(mutant)
    assert mutant["by"] in {p.about for p in caught}, [(p.about, p.says) for p in caught]
    first = next(p for p in caught if p.about == mutant["by"])
    assert first.way, "there is a way that shows it"


@pytest.mark.parametrize("mutant", SERVICES, ids=[m["id"] for m in SERVICES])
def test_every_defect_of_a_service_is_caught_by_a_norm(mutant: dict[str, Any]) -> None:
    file = MODELS / "vocabulary" / "actions.yaml"
    text = file.read_text(encoding="utf-8")
    assert mutant["find"] in text, f"{mutant['id']}: the table has changed"
    charts, _, norms = loaded()
    table = actions_of(source_of(text.replace(mutant["find"], mutant["put"], 1), str(file)))
    only = [mutant["by"]] if mutant["by"].startswith("N-") else []
    caught = verify(charts, table, norms, only=only, first=True, services=chosen(mutant)).of(Proven.SYSTEM)
    first = next(p for p in caught if p.about == mutant["by"])
    assert first.way


def test_a_counterexample_reads_like_a_story() -> None:
    charts = mutated(next(m for m in MUTANTS if m["id"] == "forgotten-card-left"))
    result = verify(charts, *loaded()[1:], services=frozenset({"withdrawal"}))
    first = result.of(Proven.SYSTEM)[0]
    story = told(result.graph, first.way)
    assert story[0].startswith(" 1. ")
    assert any("session/" in line and "journal: session_begun" in line for line in story)
    assert "time: card_forgotten" in story[-2] or "time: card_forgotten" in story[-1]
    assert first.place.endswith(".yaml:" + first.place.rsplit(":", 1)[1])


def test_an_action_nobody_described_makes_the_answer_unknown() -> None:
    charts, actions, norms = loaded()
    blind = replace(actions, actions={k: v for k, v in actions.actions.items() if k != "stop_keys"})
    result = verify(charts, blind, norms, services=frozenset({"withdrawal"}))
    assert not result.ok
    assert any(p.about == "VF-WORD" and "stop_keys" in p.says for p in result.of(Proven.UNKNOWN))
