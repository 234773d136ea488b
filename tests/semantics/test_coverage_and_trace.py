"""Coverage and trace of a suite: what one scenario shows, what it does not, and that nothing idle is called shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kiosk.analyst import _measured
from kiosk.cli import app
from kiosk.strict_yaml import DocumentError
from semantics.coverage import Coverage, page
from semantics.trace import Requirement, load_requirements, trace
from semantics.trace import page as trace_page
from semantics.verdict import Outcome

MODELS = Path(__file__).parents[2] / "models"
Measured = tuple[Coverage, Any, Any, dict[str, list[int]]]


@pytest.fixture(scope="module")
def plain() -> Measured:
    return _measured(MODELS, MODELS / "scenarios" / "withdrawal" / "plain.yaml")


def test_one_scenario_covers_what_it_does(plain: Measured) -> None:
    found = plain[0]
    assert found.norms["N-DSP-01"].goals["C1"] is True
    assert found.norms["N-DSP-01"].outcomes[Outcome.FULFILLED] == 1
    assert found.norms["N-ATH-02"].goals["C1"] is False, "the host was not silent"
    for c in found.norms.values():
        assert (c.goals["C0"] is True) == (not c.idle)
        assert (c.goals["C1"] is None) == bool(c.idle), "the suite is not to blame"
    assert found.arcs["withdrawal", "returning", "dispensing", "done"] == 1
    assert ("withdrawal", "authorising", "not_charged", "host_silent") in found.missed_arcs
    assert found.surprising_arcs == []
    reached, of = found.share("C1")
    assert 0 < reached < of < len(found.norms)


def test_pages_stand_by_themselves(plain: Measured) -> None:
    found, graph, norms, proves = plain
    shown = page(found, {"withdrawal": "<?xml?><svg>picture</svg>", "session": ""})
    assert "<svg>picture</svg>" in shown
    assert "no flow has the event" in shown
    requirements, cases = load_requirements(MODELS / "requirements")
    traced = trace_page(trace(requirements, cases, norms, graph, found, proves))
    for text in (shown, traced):
        assert not re.search(r"(?:src|href)=[\"']?http", text)
    assert 'id="EC-123"' in traced


def test_the_trace_calls_nothing_shown_that_is_not_built(plain: Measured) -> None:
    found, graph, norms, proves = plain
    requirements, cases = load_requirements(MODELS / "requirements")
    assert sorted(cases) == list(range(1, 124))
    result = trace(requirements, cases, norms, graph, found, proves)
    by_id = {r.requirement.id: r for r in result.rows}
    assert by_id["M3"].scenarios == (), "there is no note acceptor yet"
    assert by_id["M3"].related, "though norms share its source"
    assert "withdrawal/plain" in by_id["M4"].scenarios
    case = next(c for c in result.cases if c.number == 58)
    assert case.scenarios == ("withdrawal/plain",)
    assert any(a.startswith("withdrawal: returning") for a in case.arcs)


def test_the_trace_reads_both_ways_and_names_its_holes(plain: Measured) -> None:
    found, graph, norms, proves = plain
    requirements, cases = load_requirements(MODELS / "requirements")
    result = trace(requirements, cases, norms, graph, found, proves)
    assert len(result.norms) == len(norms.norms) + len(norms.stated)
    by_norm = {n.norm: n for n in result.norms}
    asked = {(n, r.requirement.id) for r in result.rows for n in r.norms}
    assert asked == {(n.norm, r) for n in result.norms for r in n.asked_by}
    (scenario,) = result.scenarios
    assert (scenario.scenario, scenario.cases) == ("withdrawal/plain", (58,))
    assert set(scenario.norms) == {n.norm for n in result.norms if n.scenarios}
    assert "N-DSP-01" in scenario.norms
    holes = result.holes
    assert "N-ATH-02" in holes["norms that no scenario shows"], "the host was not silent"
    assert "N-DSP-01" not in holes["norms that no scenario shows"]
    assert not {n.norm for n in result.norms if n.why_not} & set(holes["norms that no scenario shows"])
    assert by_norm["N-DSP-01"].arcs
    shown = trace_page(result)
    assert 'href="#N-ATH-02"' in shown
    assert "Norms, both ways" in shown
    excused = [r.model_copy(update={"by_design": "the checker is it"}) for r in requirements]
    assert trace(excused, cases, norms, graph, found, proves).holes["requirements that no scenario shows"] == ()


def test_a_requirement_that_names_a_strange_norm_is_refused(plain: Measured) -> None:
    found, graph, norms, proves = plain
    strange = Requirement(id="X", says="x", phase="elicited", stakeholder=["a"], source=["b"], norms=["N-NONE-01"])
    with pytest.raises(DocumentError, match="N-NONE-01"):
        trace([strange], {1: "x"}, norms, graph, found, proves)


def test_the_commands_end_as_they_should(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(app, ["model", "check"]).exit_code == 0
    assert run(app, ["model", "check", "--models", str(tmp_path)]).exit_code == 1
    assert run(app, ["norms", "table", "-o", str(tmp_path / "n.csv")]).exit_code == 0
    assert run(app, ["norms", "table", "-o", str(tmp_path / "n.doc")]).exit_code == 2
    assert run(app, ["verify", "N-CRD-03"]).exit_code == 0
    assert run(app, ["verify", "N-NONE-01"]).exit_code == 2
    assert run(app, ["flow", "draw", "nowhere", "-o", str(tmp_path / "x.svg")]).exit_code == 2


def test_flows_are_drawn_from_the_charts_that_run(tmp_path: Path) -> None:
    pytest.importorskip("pygraphviz", reason="drawing is an extra: pip install 'kiosk-terminal[charts]'")
    out = tmp_path / "dispense.svg"
    assert CliRunner().invoke(app, ["flow", "draw", "dispense", "-o", str(out)]).exit_code == 0
    text = out.read_text(encoding="utf-8")
    for word in ("asking again", "rest_payable_elsewhere", "≤ 60 s", "unknown", "failed"):
        assert word in text
