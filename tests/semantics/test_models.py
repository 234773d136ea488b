"""The shipped models: they check clean, and a good withdrawal under them violates nothing while a bad one does."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from semantics.check import Report, check_models
from semantics.interpreter import Interpreter
from semantics.monitor import Monitor
from semantics.norms.language import NormSet
from semantics.tables import HEAD, RESPONSIBILITY_HEAD, as_csv, as_html, as_markdown, responsibility_rows, rows
from semantics.verdict import Outcome, RunReport, Status, sorted_verdicts
from tests.semantics.worlds import records

MODELS = Path(__file__).parents[2] / "models"
CASE = {"session": "s1", "case": "c1"}


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
        "  - {event: notes_taken, from: a, to: b, because: [N-DSP-6]}\n"
    )
    (flows / "tiny.yaml").write_text(flow, encoding="utf-8")
    found = check_models(tmp_path / "m")
    (wrong,) = [f for f in found.findings if f.code == "FL01"]
    assert (wrong.line, "did you mean" in wrong.message) == (8, True)
    never = {f.message.split(":")[0] for f in found.findings if f.code == "FL02"}
    assert "N-CRD-01" in never
    assert found.counts["norms never in force in these flows"] == len(never)
    assert "N-EXC-07" not in never, "notes_taken is in the flow"


def step(name: str, **data: Any) -> tuple[str, dict[str, Any]]:
    return "step", {**CASE, "event": {"name": name, "source": "test", "data": data}, "moves": []}


def withdrawal() -> list[tuple[str, dict[str, Any]]]:
    money = {"amount_minor": 20000, "currency": "CNY"}
    only = {"session": "s1"}
    return [
        ("step", {"event": {"name": "in_service", "source": "test", "data": {}}, "moves": []}),
        ("step", {"event": {"name": "help_shown", "source": "test", "data": {}}, "moves": []}),
        ("step", {"event": {"name": "host_online", "source": "test", "data": {}}, "moves": []}),
        ("step", {"event": {"name": "touched", "source": "test", "data": {}}, "moves": []}),
        ("session_begun", only), step("card_inserted"), step("card_read", in_date=True, hot_listed=False),
        step("pin_asked"), step("pin_entered"), step("pin_confirmed"),
        ("case_opened", {**CASE, "operation": "withdrawal", **money}),
        step("amount_chosen", amount_minor=20000, payable=True),
        step("order_confirmed", amount_minor=20000), step("authorisation_asked", stan=7, amount_minor=20000),
        ("authorised", {**CASE, **money}), ("dispense_ordered", {**CASE, **money, "ordered": 2}),
        ("dispensed", {**CASE, **money, "outcome": "done", "moved": 2, "ordered": 2}),
        ("card_ejected", only), ("card_taken", only), step("notes_presented", count=2), step("notes_taken", count=2),
        ("advice_queued", {"case": "c1", "advice": "a1", "advice_kind": "completion", "stands_minor": 20000}),
        ("case_closed", {**CASE, "outcome": "done", "moved": 2}), ("session_ended", only),
        ("advice_closed", {"case": "c1", "advice": "a1", "code": "00"}),
    ]  # fmt: skip


def run(norms: NormSet, story: list[tuple[str, dict[str, Any]]]) -> RunReport:
    log = records(*((i * 500, kind, data) for i, (kind, data) in enumerate(story)))
    for record in log:
        assert list(norms.vocabulary.oddities(record)) == []
    slow, fast = Interpreter(norms), Monitor(norms)
    for machine in (slow, fast):
        machine.feed_all(log)
        machine.advance(len(log) * 500 + 3_600_000)
    said = slow.report()
    assert sorted_verdicts(fast.report().verdicts) == sorted_verdicts(said.verdicts)
    assert fast.report().norms == said.norms
    return said


def named(record: tuple[str, dict[str, Any]]) -> str:
    return str(record[1].get("event", {}).get("name"))


def with_amount(story: list[tuple[str, dict[str, Any]]], minor: int) -> list[tuple[str, dict[str, Any]]]:
    return [(k, {**d, "amount_minor": minor} if k == "dispense_ordered" else d) for k, d in story]


def kept_card(story: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, dict[str, Any]]]:
    return [("card_retained", {"session": "s1"}) if x[0] == "card_ejected" else x for x in story]


def bad(report: RunReport) -> set[str]:
    wrong = {Outcome.VIOLATED, Outcome.CONFLICT, Outcome.UNKNOWN, Outcome.ERROR, Outcome.UNPERMITTED}
    return {v.duty for v in report.verdicts if v.outcome in wrong}


def test_good_withdrawal_violates_nothing(norms: NormSet) -> None:
    report = run(norms, withdrawal())
    assert bad(report) == set(), report.render()
    assert [i for i in report.incidents if i.code != "I4"] == []
    assert len(report.of(Status.SATISFIED)) >= 25
    assert report.of(Status.PENDING) == []
    assert not report.ok, "what was never in force is not called kept"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: [x for x in s if x[0] != "authorised"], {"N-DSP-02"}),
        (lambda s: [x for x in s if x[0] != "card_ejected"], {"N-CRD-03", "N-CRD-04"}),
        (lambda s: [x for x in s if x[0] != "advice_queued"], {"N-PST-02"}),
        (lambda s: [y for x in s for y in ([x, x] if x[0] == "dispense_ordered" else [x])], {"N-DSP-07"}),
        (lambda s: [x for x in s if named(x) != "pin_confirmed"], {"N-AUT-05", "closed:withdrawal_opened"}),
        (lambda s: with_amount(s, 30000), {"N-DSP-01", "N-DSP-09"}),
        (lambda s: [x for x in s if named(x) != "notes_taken"], {"N-DSP-04"}),
        (lambda s: [x for x in s if x[0] != "case_closed"], {"N-WDR-03", "N-ENT-03"}),
        (kept_card, {"closed:card_retained"}),
    ],
)  # fmt: skip
def test_each_mutation_of_a_withdrawal_is_seen(norms: NormSet, change: Any, expected: set[str]) -> None:
    report = run(norms, change(withdrawal()))
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
