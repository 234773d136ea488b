"""The audit of recorded journals: the same verdicts from a file as live, exact about what it does not know."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kiosk.cli import app
from kiosk.config import load_config
from kiosk.flow.chart import load_charts
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenario
from kiosk.rehearsal.world import World
from kiosk.strict_yaml import DocumentError
from kiosk.words import catalogue
from semantics.audit import Audit, AuditError, audit, audit_files, difference, explain, norms_in, read_journal
from semantics.check import idle_norms
from semantics.norms.language import NormSet
from semantics.verdict import Outcome

MODELS = Path(__file__).parents[2] / "models"
Entry = dict[str, Any]


@pytest.fixture(scope="module")
def norms() -> NormSet:
    return norms_in(MODELS / "norms")


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    played = play(load_scenario(MODELS / "scenarios" / "withdrawal" / "plain.yaml"), load_config(None), catalogue())
    assert played.world is not None
    return [json.loads(json.dumps(e.as_data(), default=str)) for e in played.world.entries]


def without(entries: list[Entry], kind: str) -> list[Entry]:
    kept = [e for e in entries if e["kind"] != kind]
    return [{**e, "seq": n} for n, e in enumerate(kept, 1)]


def as_lines(entries: list[Entry], file: Path) -> Path:
    file.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    return file


def violated(result: Audit) -> set[str]:
    return {v.duty for t in result.terminals for v in t.shown if v.outcome is Outcome.VIOLATED}


def test_a_database_and_its_export_say_the_same(norms: NormSet, tmp_path: Path) -> None:
    scenario = load_scenario(MODELS / "scenarios" / "withdrawal" / "plain.yaml")
    world = World(scenario, load_config(None), words=catalogue(), journal_file=tmp_path / "journal.db")
    world.run()
    exported = as_lines([json.loads(json.dumps(e.as_data(), default=str)) for e in world.entries], tmp_path / "j.jsonl")
    world.close()
    before = (tmp_path / "journal.db").read_bytes()
    one, other = (audit_files(norms, [file]) for file in (tmp_path / "journal.db", exported))
    assert one.terminals[0].shown == other.terminals[0].shown
    assert one.terminals[0].report.norms == other.terminals[0].report.norms
    assert (tmp_path / "journal.db").read_bytes() == before, "it is evidence"


def test_a_good_day_violates_only_what_no_flow_can_do(norms: NormSet, entries: list[Entry]) -> None:
    result = audit(norms, [("KIOSK001", entries)])
    cannot = {n.id for n, code, _ in idle_norms(norms, load_charts(MODELS / "flows")) if code == "FL03"}
    assert violated(result) <= cannot
    assert not result.ok, "norms that never fired are not called kept"
    assert "N-DEP-02" in result.never_fired
    assert "N-DSP-01" not in result.never_fired


def test_a_violation_is_explained_in_words(norms: NormSet, entries: list[Entry]) -> None:
    result = audit(norms, [("KIOSK001", without(entries, "advice_queued"))])
    assert "N-PST-02" in violated(result)
    (verdict,) = [v for v in result.terminals[0].shown if v.duty == "N-PST-02"]
    said = explain(result, result.terminals[0].id_of(verdict))
    for word in ("terminal is obliged to advice_queued", "dispensed", "case_closed", "source", "withdrawal.yaml:"):
        assert word in said
    with pytest.raises(LookupError, match="of this norm there are: N-PST-02@"):
        explain(result, "N-PST-02@1-1")


def test_a_journal_that_ends_early_is_provisional(norms: NormSet, entries: list[Entry]) -> None:
    ends = next(n for n, e in enumerate(entries) if e["kind"] == "dispense_ordered")
    result = audit(norms, [("KIOSK001", entries[: ends + 1])])
    pending = {v.duty for v in result.terminals[0].shown if v.outcome is Outcome.PENDING}
    assert {"N-DSP-11", "N-JRN-03"} <= pending
    assert "provisional" in result.render()


def test_what_the_terminal_saw_itself_is_compared(norms: NormSet, entries: list[Entry]) -> None:
    made_up = {**entries[-1], "seq": entries[-1]["seq"] + 1, "kind": "violation",
               "data": {"norm": "N-DSP-07", "duty": "N-DSP-07", "outcome": "violated", "trigger": 3}}  # fmt: skip
    said = audit(norms, [("KIOSK001", [*entries, made_up])]).render()
    assert "journalled live, not found: N-DSP-07 of record 3" in said


def test_many_terminals_are_judged_each_by_itself(norms: NormSet, entries: list[Entry], tmp_path: Path) -> None:
    files = [as_lines(entries, tmp_path / "a.jsonl"), as_lines(without(entries, "card_taken"), tmp_path / "b.jsonl")]
    good, bad = audit_files(norms, files).terminals
    assert (good.name, bad.name) == ("KIOSK001:a", "KIOSK001:b")
    assert "N-CRD-03" not in {v.duty for v in good.shown}
    assert "N-CRD-03" in {v.duty for v in bad.shown}


def test_what_another_rule_would_have_changed(norms: NormSet, entries: list[Entry], tmp_path: Path) -> None:
    over = tmp_path / "over"
    over.mkdir()
    text = (MODELS / "norms" / "parameters.yaml").read_text(encoding="utf-8")
    assert "session_longest: {value: 30m" in text
    (over / "parameters.yaml").write_text(text.replace("session_longest: {value: 30m", "session_longest: {value: 5s"))
    there = [("KIOSK001", entries)]
    said = difference(audit(norms, there), audit(norms_in(MODELS / "norms", over), there))
    assert "parameter changed: session_longest: 1800 s -> 5 s" in said
    assert "norm changed: N-JRN-04: by a parameter" in said
    assert said.endswith("verdicts would have come, 0 would have gone")
    assert "KIOSK001  newly violated: N-JRN-04@" in said
    assert difference(audit(norms, there), audit(norms, there)) == "nothing would have been judged otherwise"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(MODELS, tmp_path / "m")
    return tmp_path / "m"


def test_no_norms_is_an_error(models: Path, entries: list[Entry], tmp_path: Path) -> None:
    for file in (models / "norms").glob("*.yaml"):
        file.unlink()
    with pytest.raises(DocumentError, match="there are no norms"):
        norms_in(models / "norms")
    file = as_lines(entries, tmp_path / "j.jsonl")
    assert CliRunner().invoke(app, ["audit", str(file), "--norms", str(models / "norms")]).exit_code != 0


def test_an_unknown_term_is_an_error(models: Path) -> None:
    file = models / "norms" / "dispense.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("whenever: dispense_ordered", "whenever: dispense_orderd"))
    with pytest.raises(DocumentError, match="dispense_ordered"):
        norms_in(models / "norms")


def test_a_norm_that_never_fires_and_a_strange_record_end_badly(entries: list[Entry], tmp_path: Path) -> None:
    strange = [*entries, {**entries[-1], "seq": entries[-1]["seq"] + 1, "kind": "brewed"}]
    result = CliRunner().invoke(app, ["audit", str(as_lines(strange, tmp_path / "j.jsonl"))])
    assert result.exit_code == 1
    assert "never in force" in result.output
    assert "there is no kind 'brewed'" in result.output


def test_a_norm_that_says_why_it_never_fires_is_told_and_excused(norms: NormSet, entries: list[Entry]) -> None:
    idle = audit(norms, [("KIOSK001", entries)]).never_fired[0]
    why = "this hardware has no bin"
    said = NormSet(
        tuple(replace(n, never_fires=why) if n.id == idle else n for n in norms.norms), norms.vocabulary
    )  # fmt: skip
    result = audit(said, [("KIOSK001", entries)])
    assert idle not in result.never_fired
    assert f"never in force here, as they say themselves: {idle} ({why})" in result.render()


def test_what_is_no_journal_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("not json\n", encoding="utf-8")
    with pytest.raises(AuditError, match=r"x.jsonl:1: no journal record"):
        list(read_journal(tmp_path / "x.jsonl"))
    with pytest.raises(AuditError, match="there is no such journal"):
        list(read_journal(tmp_path / "y.jsonl"))
