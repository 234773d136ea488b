"""The shipped models: they check clean, and a good withdrawal under them violates nothing while a bad one does."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from kiosk.config import load_config
from kiosk.flow.chart import load_charts
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenario
from kiosk.words import catalogue
from semantics.check import Report, check_models, watchable
from semantics.finding import Severity
from semantics.interpreter import Interpreter
from semantics.monitor import Monitor
from semantics.norms.language import NormSet
from semantics.tables import HEAD, RESPONSIBILITY_HEAD, as_csv, as_html, as_markdown, responsibility_rows, rows
from semantics.verdict import Outcome, RunReport, Status, sorted_verdicts
from tests.semantics.worlds import records

MODELS = Path(__file__).parents[2] / "models"
Log = tuple[int, str, dict[str, Any]]


@pytest.fixture(scope="module")
def report() -> Report:
    return check_models(MODELS)


@pytest.fixture(scope="module")
def norms(report: Report) -> NormSet:
    assert report.norms is not None
    return report.norms


def test_models_check_clean(report: Report) -> None:
    assert report.ok, report.render()
    assert report.counts["affordances"] >= 100
    assert report.counts["norms"] >= 60
    assert report.counts["bounds without norm or exception"] == 0


def test_every_bound_has_a_norm_or_a_reason(report: Report) -> None:
    assert len(report.matrix) == 2 * report.counts["affordances"]
    assert not [r for r in report.matrix if r.open]
    (row,) = [r for r in report.matrix if (r.affordance, r.bound) == ("dispense", "start")]
    assert (row.agent, row.answers) == ("terminal", "bank")
    assert "N-DSP-01" in row.norms


def test_an_empty_folder_is_never_ok(tmp_path: Path) -> None:
    empty = check_models(tmp_path)
    assert not empty.ok
    assert {f.code for f in empty.findings} >= {"MC01"}


def test_mistakes_of_all_files_are_found_at_once(tmp_path: Path) -> None:
    shutil.copytree(MODELS, tmp_path / "m")
    for file, old, new in (
        ("ontology/cash.yaml", "ante: [note_presentation]", "ante: [note_presentaton]"),
        ("norms/dispense.yaml", "to: notes_retracted", "to: notes_retractd"),
        ("norms/card.yaml", "if: holds(self_service)", "if: holds(self_servce)"),
        ("vocabulary/records.yaml", "by: bank", "by: banc"),
    ):
        path = tmp_path / "m" / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
    bad = check_models(tmp_path / "m")
    assert not bad.ok
    said = bad.render()
    for word in ("'note_presentation'?", "'notes_retracted'?", "'self_service'?", "'bank'?"):
        assert f"did you mean {word}" in said
    assert said.splitlines()[-1].startswith("not ok: ")


def test_flows_are_compared_with_norms_and_words(tmp_path: Path) -> None:
    shutil.copytree(MODELS, tmp_path / "m", ignore=shutil.ignore_patterns("flows"))
    flows = tmp_path / "m" / "flows"
    flows.mkdir()
    flow = (
        "flow: tiny\npurpose: a test\ninitial: a\nstates:\n  a: {screen: x}\n  b: {final: done}\ntransitions:\n"
        "  - {event: notes_taken_confirmed, from: a, to: b, because: [N-DSP-6]}\n"
    )
    (flows / "tiny.yaml").write_text(flow, encoding="utf-8")
    found = check_models(tmp_path / "m")
    (wrong,) = [f for f in found.findings if f.code == "FL01"]
    assert (wrong.line, "did you mean" in wrong.message) == (8, True)
    never = {f.message.split(":")[0] for f in found.findings if f.code == "FL02"}
    assert "N-WDR-02" in never
    assert found.counts["norms never in force in these flows"] == len(never)
    assert "N-EXC-07" not in never, "notes_taken is in the flow"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(MODELS, tmp_path / "m")
    return tmp_path / "m"


def changed(models: Path, file: str, old: str, new: str) -> list[str]:
    """Check the models with one change; return the codes of errors, each with its norm."""
    path = models / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    found = check_models(models).findings
    return [f"{f.code} {f.message.split(':')[0]}" for f in found if f.severity is Severity.ERROR]


def test_a_norm_that_never_fires_is_an_error_unless_it_says_why(models: Path, norms: NormSet) -> None:
    idle = next(n for n in norms.norms if n.never_fires)
    text = (models / "norms" / Path(idle.file).name).read_text(encoding="utf-8")
    line = next(x for x in text.splitlines() if "never_fires:" in x)
    said = changed(models, f"norms/{Path(idle.file).name}", line + "\n", "")
    assert len(said) == 1
    assert said[0].split()[0] in ("FL02", "FL03")


def test_a_norm_that_says_it_never_fires_and_can_is_an_error(models: Path) -> None:
    said = changed(
        models, "norms/dispense.yaml", "  - id: N-DSP-07\n", "  - id: N-DSP-07\n    never_fires: it is said\n"
    )
    assert said == ["FL04 N-DSP-07"]


def test_norms_of_what_is_not_built_are_told_and_not_watched(report: Report, norms: NormSet) -> None:
    flows = load_charts(MODELS / "flows")
    told = {f.message.split(":")[0]: f.code for f in report.findings if f.code in ("FL02", "FL03")}
    assert told["N-ADV-01"] == "FL02"
    assert told["N-HST-03"] == "FL03"
    left_out = {n.id for n in norms.norms} - {n.id for n in watchable(norms, flows).norms}
    assert left_out
    assert all(told[n] == "FL03" for n in left_out)


@pytest.fixture(scope="module")
def withdrawal() -> list[Log]:
    """A plain withdrawal as the terminal journals it."""
    played = play(load_scenario(MODELS / "scenarios" / "withdrawal" / "plain.yaml"), load_config(None), catalogue())
    assert played.passed, played
    assert played.world is not None
    return [(e.ms, e.kind, dict(e.data)) for e in played.world.entries]


def run(norms: NormSet, story: list[Log]) -> RunReport:
    log = records(*story)
    for record in log:
        assert list(norms.vocabulary.oddities(record)) == []
    slow, fast = Interpreter(norms), Monitor(norms)
    for machine in (slow, fast):
        machine.feed_all(log)
        machine.advance(log[-1]["ms"] + 25 * 3_600_000)
    said = slow.report()
    assert sorted_verdicts(fast.report().verdicts) == sorted_verdicts(said.verdicts)
    assert fast.report().norms == said.norms
    return said


def enters(record: Log, state: str) -> bool:
    return record[1] == "step" and any(f"{m['flow']}/{m['to']}" == state for m in record[2]["moves"])


def with_amount(story: list[Log], minor: int) -> list[Log]:
    return [(t, k, {**d, "amount_minor": minor} if k == "dispense_ordered" else d) for t, k, d in story]


def bad(report: RunReport) -> set[str]:
    wrong = {Outcome.VIOLATED, Outcome.CONFLICT, Outcome.UNKNOWN, Outcome.ERROR, Outcome.UNPERMITTED}
    return {v.duty for v in report.verdicts if v.outcome in wrong}


def test_good_withdrawal_violates_nothing(norms: NormSet, withdrawal: list[Log]) -> None:
    report = run(watchable(norms, load_charts(MODELS / "flows")), withdrawal)
    assert bad(report) == set(), report.render()
    assert report.incidents == ()
    assert len(report.of(Status.SATISFIED)) >= 25
    assert report.of(Status.PENDING) == []
    assert not report.ok, "what was never in force is not called kept"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: [x for x in s if x[1] != "host_answered"], {"N-DSP-02"}),
        (lambda s: [x for x in s if x[1] != "card_taken"], {"N-CRD-03", "N-RET-03"}),
        (lambda s: [x for x in s if x[1] != "advice_queued"], {"N-PST-02"}),
        (lambda s: [y for x in s for y in ([x, x] if x[1] == "dispense_ordered" else [x])], {"N-DSP-07"}),
        (lambda s: [x for x in s if not enters(x, "authenticate/entered_pin")],
         {"N-AUT-05", "closed:withdrawal_opened"}),
        (lambda s: with_amount(s, 60000), {"N-DSP-01", "N-DSP-09"}),
        (lambda s: [x for x in s if x[1] != "dispensed"], {"N-DSP-11"}),
        (lambda s: [x for x in s if x[1] != "case_closed"], {"N-WDR-03", "N-ENT-03"}),
        (lambda s: [(t, "card_retained", {"session": d["session"]}) if k == "card_taken" else (t, k, d)
                    for t, k, d in s if d.get("event") != "eject_card_done"], {"closed:card_retained"}),
        (lambda s: [(t, k, {**d, "stands_minor": 40000}) if k == "advice_queued" else (t, k, d) for t, k, d in s],
         {"N-PST-01"}),
        (lambda s: [x for x in s if x[1] != "session_ended"], {"N-JRN-04"}),
    ],
)  # fmt: skip
def test_each_mutation_of_a_withdrawal_is_seen(
    norms: NormSet, withdrawal: list[Log], change: Any, expected: set[str]
) -> None:
    report = run(norms, change(withdrawal))
    assert expected <= bad(report), report.render()


def test_tables_show_every_norm(norms: NormSet, report: Report) -> None:
    body = rows(norms)
    assert len(body) == len(norms.norms) + len(norms.stated)
    read = list(csv.reader(io.StringIO(as_csv(HEAD, body))))
    assert [r[0] for r in read[1:]] == [r[0] for r in body]
    page = as_html(HEAD, [("N<1>", *["x"] * 9)])
    assert "N&lt;1&gt;" in page
    assert as_markdown(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |\n"
    assert as_csv(["a"], [["=1+1"]]) == "a\n'=1+1\n"
    assert len(responsibility_rows(report.matrix)[0]) == len(RESPONSIBILITY_HEAD)
