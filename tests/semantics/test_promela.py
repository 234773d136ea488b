"""The flows in Promela: SPIN says of them what our verifier says, on good flows and on seeded defects."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kiosk.cli import app
from semantics.actions import actions_of
from semantics.exploration import FluentRules, Graph, explore
from semantics.norms.expression import Seen
from semantics.norms.source import source_of
from semantics.promela import CannotExport, Export, _minimal, export
from semantics.verifier import Proven, Verifier, rules_of, verify
from tests.semantics.test_verifier import MODELS, MUTANTS, SERVICES, loaded, mutated

NORMS = ("N-ATH-03", "N-CRD-03", "N-AUT-03")
FLOWS = [m for m in MUTANTS if m["id"] in ("same-order-again", "notes-before-card", "asked-while-offline")]
TABLE = [m for m in SERVICES if m["id"] in ("unknown-reversed-in-full", "posted-what-was-asked")]


@cache
def explored() -> tuple[Graph, FluentRules]:
    charts, actions, norms = loaded()
    rules = rules_of(norms, actions)
    return explore(charts, actions, rules), rules


def errors(made: Export, folder: Path) -> int:
    """Return how many errors SPIN finds. Skips, visibly, where there is no SPIN."""
    if not (shutil.which("spin") and shutil.which("gcc")):
        pytest.skip("needs spin and gcc: apt-get install spin gcc")
    (folder / "x.pml").write_text(made.text, encoding="utf-8")
    command = ["spin", "-run", "-O0", "-safety", "-m100000", "x.pml"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    lines = [line for line in said.stdout.splitlines() if "errors:" in line]
    assert lines, said.stdout + said.stderr
    return int(lines[0].rpartition("errors:")[2])


@pytest.mark.parametrize("name", NORMS)
def test_spin_finds_no_way_that_violates_a_norm_that_holds(name: str, tmp_path: Path) -> None:
    _, _, norms = loaded()
    graph, rules = explored()
    assert Verifier(graph, norms, rules).prove(norms.by_id[name]).verdict is Proven.HOLDS
    assert errors(export(graph, norms.by_id[name], norms, flow="withdrawal"), tmp_path) == 0


@pytest.mark.parametrize("mutant", [*FLOWS, *TABLE], ids=lambda m: m["id"])
def test_spin_finds_the_defects_that_the_verifier_finds(mutant: dict[str, Any], tmp_path: Path) -> None:
    charts, actions, norms = loaded()
    if mutant in TABLE:
        file = MODELS / "vocabulary" / "actions.yaml"
        actions = actions_of(source_of(file.read_text(encoding="utf-8").replace(mutant["find"], mutant["put"], 1)))
    else:
        charts = mutated(mutant)
    result = verify(charts, actions, norms, only=[mutant["by"]])
    assert result.of(Proven.SYSTEM)
    assert errors(export(result.graph, norms.by_id[mutant["by"]], norms, flow="withdrawal"), tmp_path) > 0


def test_what_is_not_said_stands_at_the_head() -> None:
    _, _, norms = loaded()
    made = export(explored()[0], norms.by_id["N-RET-03"], norms)
    assert any("45000 ms" in x for x in made.left_out)
    assert all(f"not said here: {x}" in made.text for x in made.left_out)
    assert "services other than" not in made.text
    with pytest.raises(CannotExport, match="permission"):
        export(explored()[0], norms.by_id["N-WDR-01"], norms)
    kept = norms.by_id["N-RET-03"]
    asks = replace(kept, guards={a.event: Seen("boot") for a in kept.trigger or ()})
    with pytest.raises(CannotExport, match="seen before"):
        export(explored()[0], asks, norms)


def test_places_that_cannot_be_told_apart_are_one() -> None:
    ends = dict.fromkeys(range(6), False)
    arcs = [(0, "", 1), (1, "", 0), (1, "a", 2), (0, "a", 3), (2, "b", 4), (3, "b", 5), (4, "", 4)]
    block = _minimal(ends, arcs)
    assert block[0] == block[1]
    assert block[2] == block[3]
    assert block[4] == block[5]
    assert len(set(block.values())) == 3
    assert len(set(_minimal({**ends, 4: True}, arcs).values())) == 5, "what is an end is another place"


def test_the_command_writes_it_and_refuses_what_it_cannot(tmp_path: Path) -> None:
    out = tmp_path / "x.pml"
    run = CliRunner().invoke
    done = run(app, ["flow", "export", "withdrawal", "--norm", "N-RET-03", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "not said: the time of" in done.output
    assert out.read_text(encoding="utf-8").startswith("/* N-RET-03: ")
    assert run(app, ["flow", "export", "nowhere", "--norm", "N-RET-03", "-o", str(out)]).exit_code == 2
    assert run(app, ["flow", "export", "withdrawal", "--norm", "N-NONE-1", "-o", str(out)]).exit_code == 2
