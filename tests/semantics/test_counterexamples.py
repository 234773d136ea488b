"""Counterexamples come to life: drawn on the flows, and rehearsed; the terminal really does what the proof says."""

from __future__ import annotations

import shutil
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kiosk.cli import app
from kiosk.config import load_config
from kiosk.flow.chart import load_charts
from kiosk.rehearsal.counterexample import replays, shows, write
from kiosk.rehearsal.play import judge_all, play
from kiosk.rehearsal.scenario import load_scenario, load_scenarios
from kiosk.words import catalogue
from semantics.counterexample import counterexamples, walks
from semantics.verifier import Proof, Proven, Result, verify
from semantics.way_drawing import latest_ms, responsible, way_svg
from tests.semantics.test_verifier import MODELS, MUTANTS, chosen, loaded

SUITE = MODELS / "scenarios"


def defect(name: str) -> dict[str, Any]:
    return next(dict(m) for m in MUTANTS if m["id"] == name)


def mutated_models(mutant: dict[str, Any], folder: Path) -> Path:
    """Write a model folder with one defect in its flows."""
    for part in ("norms", "vocabulary", "ontology"):
        (folder / part).symlink_to(MODELS / part)
    shutil.copytree(MODELS / "flows", folder / "flows")
    file = folder / "flows" / f"{mutant['flow']}.yaml"
    text = file.read_text(encoding="utf-8")
    for find, put in [(mutant["find"], mutant["put"]), *mutant.get("more", [])]:
        assert find in text, mutant["id"]
        text = text.replace(find, put, 1)
    file.write_text(text, encoding="utf-8")
    return folder


def disproved(mutant: dict[str, Any], models: Path) -> tuple[Result, Proof]:
    only = [mutant["by"]] if mutant["by"].startswith("N-") else []
    charts = load_charts(models / "flows")
    result = verify(charts, *loaded()[1:], only=only, first=True, services=chosen(mutant))
    return result, next(p for p in result.of(Proven.SYSTEM) if p.about == mutant["by"])


@pytest.mark.parametrize("name", [
    "notes-before-card", "declined-offer-paid", "deposit-never-posted", "transfer-without-confirmation",
])  # fmt: skip
def test_a_written_scenario_shows_the_violation_and_only_on_the_broken_flow(name: str, tmp_path: Path) -> None:
    mutant = defect(name)
    models = mutated_models(mutant, tmp_path)
    result, proof = disproved(mutant, models)
    config, words, norms = load_config(None), catalogue(), loaded()[2]
    suite = [s for service in ("withdrawal", *chosen(mutant)) for s in load_scenarios(SUITE / service)]
    made = replays([proof], result.graph, norms, suite, config, words, models=models)
    (file,) = write(made, result.graph, tmp_path / "made")
    assert f"# {proof.about}: violated by the system" in file.read_text(encoding="utf-8")
    scenario = load_scenario(file)

    broken = play(scenario, config, words, judge=judge_all, models=models)
    assert broken.violated or broken.money
    if proof.about.startswith("N-"):
        assert any(f" {proof.about} violated" in said for said in broken.violated)
    assert shows(proof, result.graph, broken)

    sound = play(scenario, config, words, judge=judge_all)
    assert (sound.violated, sound.money, sound.failure) == ([], [], "")
    assert not shows(proof, result.graph, sound)


def test_what_cannot_be_shown_is_told_with_the_reason(tmp_path: Path) -> None:
    mutant = defect("notes-before-card")
    result, proof = disproved(mutant, mutated_models(mutant, tmp_path))
    suite = list(load_scenarios(SUITE / "withdrawal" / "plain.yaml"))
    norms = loaded()[2]
    foreign = Proof("VF-WAIT", Proven.SYSTEM, "beside", way=disproved(mutant, tmp_path)[1].way)
    # on the sound flows nobody can walk this way
    found = replays([proof, foreign], result.graph, norms, suite, load_config(None), catalogue())
    assert [r.form for r in found] == [None, None]
    assert "plays; none came beyond: " in found[0].says
    assert "no scenario steers that" in found[1].says
    assert write(found, result.graph, tmp_path / "made") == []


def test_a_way_is_drawn_on_the_flows_it_passes(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz", reason="drawing is an extra: pip install 'kiosk-terminal[charts]'")
    mutant = defect("notes-before-card")
    result, proof = disproved(mutant, mutated_models(mutant, tmp_path))
    norms = loaded()[2]
    assert responsible(proof, norms) == "terminal"
    assert list(counterexamples(result.proofs)) == ["counterexample_n_crd_03"]
    assert walks(result.graph, proof.way)
    drawn = unescape(way_svg(result.graph, proof, norms))
    for word in ("N-CRD-03", "responsible: terminal", "withdrawal", "dispense_ordered", "host_approved"):
        assert word in drawn
    n, ms = len(proof.way), latest_ms(result.graph, proof.way, dawdling=False)[-1]
    assert f"{n} · ≤ {ms / 1000:g} s" in drawn
    assert ms > 0
    assert "retain_card" not in drawn, "a flow that the way does not pass"


def test_rehearse_takes_the_flows_of_a_model_folder(tmp_path: Path) -> None:
    models = mutated_models(defect("settlement-omitted"), tmp_path)
    plain = str(SUITE / "withdrawal" / "plain.yaml")
    run = CliRunner().invoke
    assert run(app, ["rehearse", plain]).exit_code == 0
    found = run(app, ["rehearse", plain, "--models", str(models)])
    assert found.exit_code == 1
    assert "MONEY: " in found.output
