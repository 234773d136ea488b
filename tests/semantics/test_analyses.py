"""The analyses of norms without a flow: each by a good and a bad set, with place and witness."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from semantics import analyses
from semantics.analyses import analyse, impossible_deadlines
from semantics.exploration import explore
from semantics.finding import Finding, Severity
from semantics.norms.language import NormSet, norms_of
from semantics.norms.source import load_source
from semantics.verifier import rules_of
from tests.semantics.test_verifier import loaded
from tests.semantics.worlds import WORDS, norm, norm_set

FIXTURES = Path(__file__).parent / "fixtures"
CODES = set(re.findall(r"^    (NM\d\d) ", analyses.__doc__ or "", re.MULTILINE))
WITH_FLOWS = {"NM24"}  # has its own test, with a flow


def findings(path: Path) -> tuple[NormSet, list[Finding]]:
    norms, found = norms_of([load_source(path)], WORDS)
    return norms, [*found, *analyse(norms)]


def test_every_analysis_has_a_good_and_a_bad_set() -> None:
    for folder in ("good", "bad"):
        assert {f.stem for f in (FIXTURES / folder).glob("NM*.yaml")} == CODES - WITH_FLOWS | {"NM08"}


@pytest.mark.parametrize("path", sorted((FIXTURES / "good").glob("NM*.yaml")), ids=lambda p: p.stem)
def test_a_good_set_has_no_finding(path: Path) -> None:
    norms, found = findings(path)
    assert norms.norms
    assert [str(f) for f in found] == []


@pytest.mark.parametrize("path", sorted((FIXTURES / "bad").glob("NM*.yaml")), ids=lambda p: p.stem)
def test_a_bad_set_is_found_out_at_its_place(path: Path) -> None:
    expected = re.match(r"# expect (NM\d\d) at (\d+):(\d+): ", path.read_text(encoding="utf-8"))
    assert expected is not None, "the first line says what is expected"
    _, found = findings(path)
    assert (expected[1], int(expected[2]), int(expected[3])) in [(f.code, f.line, f.column) for f in found]
    assert {f.code for f in found} == {expected[1]}, "a fixture shows one rule"


def only(*forms: dict[str, object]) -> Finding:
    (found,) = analyse(norm_set(*forms))
    return found


def test_a_conflict_is_shown_by_a_log_that_the_interpreter_judged() -> None:
    _, (found,) = findings(FIXTURES / "bad" / "NM30.yaml")
    assert found.severity is Severity.ERROR
    lines = [line.split(". ", 1)[1] for line in found.message.splitlines()[1:]]
    assert [line.split()[0] for line in lines] == ["rang", "asked", "asked", "paid"]
    assert "amount = 101" in lines[2]
    assert "amount = 101" in lines[3]


def test_a_conflict_that_no_values_allow_is_not_told() -> None:
    forbids = norm(
        "N-A-01", {"is": "forbidden", "to": {"event": "paid", "where": "amount > 10"}}, slice="visit", whenever="asked"
    )
    obliges = norm(
        "N-A-02", {"is": "obliged", "to": {"event": "paid", "where": "amount <= 10"}}, slice="visit", whenever="asked"
    )
    assert list(analyse(norm_set(forbids, obliges))) == []


def test_an_obligation_with_another_way_is_no_conflict() -> None:
    forbids = norm("N-A-01", {"is": "forbidden", "to": "paid"}, slice="visit", whenever="asked")
    obliges = norm("N-A-02", {"is": "obliged", "to": ["paid", "left"], "within": "5s"}, slice="visit", whenever="asked")
    assert list(analyse(norm_set(forbids, obliges))) == []


def test_norms_of_different_times_never_meet() -> None:
    forbids = norm(
        "N-A-01", {"is": "forbidden", "to": "paid"}, slice="visit", whenever="asked", valid={"until": "2025-06-01"}
    )
    obliges = norm(
        "N-A-02", {"is": "obliged", "to": "paid"}, slice="visit", whenever="asked", valid={"from": "2025-06-01"}
    )
    assert list(analyse(norm_set(forbids, obliges))) == []
    later = {**obliges, "valid": {"from": "2025-05-31"}}
    assert only(forbids, later).code == "NM30"


def test_what_is_beyond_differences_is_only_possible() -> None:
    where = "amount * amount == 50"
    forbids = norm("N-A-01", {"is": "forbidden", "to": "paid"}, slice="visit", whenever="asked")
    obliges = norm(
        "N-A-02", {"is": "obliged", "to": {"event": "paid", "where": where}}, slice="visit", whenever="asked"
    )
    found = only(forbids, obliges)
    assert (found.code, found.severity) == ("NM30", Severity.NOTE)
    assert "no log shows it" in found.message


def test_a_permission_against_a_prohibition_always_in_force() -> None:
    forbids = norm(
        "N-A-01", {"is": "forbidden", "to": "paid"}, slice="visit", whenever="always", **{"if": "holds(alarm)"}
    )
    permits = norm("N-A-02", {"is": "permitted", "to": "paid"}, slice="visit", whenever="asked")
    found = only(forbids, permits)
    assert found.code == "NM30"
    assert "rang" in found.message


def test_each_wants_to_be_first() -> None:
    one = norm("N-A-01", {"is": "obliged", "to": "paid", "before": "rang"}, slice="visit", whenever="asked")
    other = norm("N-A-02", {"is": "obliged", "to": "rang", "before": "paid"}, slice="visit", whenever="asked")
    assert "whichever act comes first" in only(one, other).message


def test_one_trigger_of_two_that_nothing_fulfils_is_a_warning() -> None:
    one = norm(
        "N-A-01",
        {"is": "obliged", "to": "paid"},
        slice="visit",
        whenever=["asked_much", "asked_little"],
        **{"if": "amount > 50"},
    )
    found = only(one)
    assert (found.code, found.severity) == ("NM20", Severity.WARNING)
    assert "remove the trigger 'asked_little'" in found.message


def test_a_deadline_before_the_flows_own_clock_is_impossible() -> None:
    charts, actions, norms = loaded()
    graph = explore(charts, actions, rules_of(norms, actions))
    assert list(impossible_deadlines(norms, graph)) == []
    kept = norms.by_id["N-RET-03"]  # the card that nobody took is kept
    assert kept.duty.within_ms is not None
    hasty = replace(kept, duty=replace(kept.duty, within_ms=5_000))
    (found,) = impossible_deadlines(NormSet((hasty,), norms.vocabulary), graph)
    assert (found.code, found.severity) == ("NM24", Severity.ERROR)
    assert "due within 5 s, and no flow does it sooner than" in found.message
    assert (found.line, found.column) == kept.place("within")
