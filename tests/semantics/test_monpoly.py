"""Norms in MonPoly's language: an evaluator of its own says of real journals what our interpreter says.

MonPoly itself is an OCaml program that few machines have; the evaluator (`mfotl`) is checked by its published
examples, and reads the exported *text*.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from kiosk.cli import app
from kiosk.config import load_config
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenario
from kiosk.words import catalogue
from semantics.check import load_norms
from semantics.interpreter import Interpreter
from semantics.monpoly import Exported, export, log
from semantics.norms.language import NormSet
from semantics.verdict import Outcome
from tests.semantics.mfotl import monitored, points, read
from tests.semantics.worlds import norm, norm_set, records

MODELS = Path(__file__).parents[2] / "models"
Entry = dict[str, Any]
SCENARIOS = ("withdrawal/plain", "withdrawal/host_silent", "deposit/plain", "exchange/plain", "transfer/plain")


def test_the_evaluator_does_what_is_published() -> None:
    """A report is published only if it was approved in the last ten days: after the monitor's tutorial."""
    story = points([
        "@1307532861 approve(52)", "@1307955600 approve(63) publish(60)",
        "@1308477599 approve(187) publish(63) publish(52)",
    ])  # fmt: skip
    late = "publish(r) AND (NOT (ONCE[0,604800] approve(r)))"
    assert monitored(late, story) == {1: [{"r": 60}], 2: [{"r": 52}]}
    assert monitored("publish(r) AND (PREVIOUS ((NOT publish(r)) SINCE approve(r)))", story) == {
        2: [{"r": 63}, {"r": 52}]
    }


def test_the_evaluator_looks_ahead_and_counts() -> None:
    story = points(['@0 ask("a", 5)', '@4 pay("a", 5)', '@10 ask("b", 7)', '@25 pay("b", 7)', '@26 pay("b", 6)'])
    assert monitored("ask(s, n) AND (NOT (EVENTUALLY[0,10] pay(s, n)))", story) == {2: [{"s": "b", "n": 7}]}
    assert monitored("ask(s, n) AND (NOT ((NOT pay(s, 9)) UNTIL[0,20] pay(s, n)))", story) == {}
    assert monitored("pay(s, m) AND (ONCE ask(s, n)) AND (m < (n - 0))", story) == {4: [{"s": "b", "m": 6, "n": 7}]}
    assert monitored('(EXISTS n. ask(s, n)) AND (NOT s = "a")', story) == {2: [{"s": "b"}]}


@cache
def loaded() -> tuple[NormSet, Exported]:
    norms = load_norms(MODELS)
    return norms, export(norms)


def by_interpreter(norms: NormSet, name: str, entries: list[Entry]) -> set[tuple[int, str]]:
    """Return (record that decides, slice) of each violation: the trigger's where a time ran out, else the act's."""
    only = NormSet((norms.by_id[name],), norms.vocabulary, parameters=norms.parameters)
    judge = Interpreter(only)
    judge.feed_all(entries)
    judge.advance(entries[-1]["ms"] + 90_000_000)
    timed = norms.by_id[name].duty.within_ms is not None
    return {
        ((v.trigger if timed else v.evidence) or 0, str(v.slice))
        for v in judge.verdicts
        if v.outcome is Outcome.VIOLATED
    }


def by_formula(exported: Exported, norms: NormSet, name: str, entries: list[Entry]) -> set[tuple[int, str]]:
    known = [e for e in entries if e["kind"] in norms.vocabulary.kinds]
    made = log(exported, norms, entries)
    found = monitored(exported.formulas[name], points(made.lines))
    return {(known[i]["seq"], str(env.get("s"))) for i, envs in found.items() for env in envs}


def variants(entries: list[Entry]) -> list[list[Entry]]:
    """Return a journal, and it without each kind of record that norms ask for: every norm is broken in some."""
    kinds = sorted({e["kind"] for e in entries} - {"step", "boot", "session_begun"})
    shorter = [[e for e in entries if e["kind"] != kind] for kind in kinds]
    return [entries, *([{**e, "seq": n} for n, e in enumerate(some, 1)] for some in shorter)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_formulas_say_of_journals_what_norms_say(name: str) -> None:
    norms, exported = loaded()
    played = play(load_scenario(MODELS / "scenarios" / f"{name}.yaml"), load_config(None), catalogue())
    assert played.world is not None
    entries = [json.loads(json.dumps(e.as_data(), default=str)) for e in played.world.entries]
    broken = set()
    for variant in variants(entries):
        said = {e.name for r in variant for e in norms.vocabulary.recognise(r) if r["kind"] in norms.vocabulary.kinds}
        for norm_id in exported.formulas:
            n = norms.by_id[norm_id]
            if {a.event for a in (*(n.trigger or ()), *n.duty.action)} & said:
                expected = by_interpreter(norms, norm_id, variant)
                assert by_formula(exported, norms, norm_id, variant) == expected, norm_id
                broken |= {norm_id} if expected else set()
    assert len(broken) >= 3, "the variants break norms"


def test_what_is_not_in_the_fragment_is_left_out_with_its_reason() -> None:
    norms, exported = loaded()
    assert set(exported.formulas) | set(exported.left_out) == set(norms.by_id)
    assert len(exported.formulas) >= 45
    assert "permission" in exported.left_out["N-WDR-01"]
    assert "preempt" in exported.left_out["N-PST-02"]
    for text in exported.formulas.values():
        read(text)


def test_a_record_without_a_datum_says_nothing_and_is_counted() -> None:
    norms = norm_set(
        norm("N-A-01", {"is": "obliged", "to": {"event": "paid", "where": "amount == a.amount"}, "within": "10s"},
             slice="visit", whenever={"event": "asked", "as": "a"}, **{"if": 'a.amount > 5 or a.word == "no"'})
    )  # fmt: skip
    exported = export(norms)
    story = records(
        (0, "asked", {"visit": "v", "word": "no"}), (1_000, "asked", {"visit": "v", "word": "no", "amount": 7}),
        (11_000, "paid", {"visit": "v", "amount": 7}), (12_000, "asked", {"visit": "v", "word": "yes", "amount": 5}),
        (13_000, "asked", {"visit": "w", "word": "yes", "amount": 6}), (13_500, "paid", {"visit": "w", "amount": 5}),
    )  # fmt: skip
    made = log(exported, norms, story)
    assert made.silent == {"asked__visit_amount_word": 1}
    found = monitored(exported.formulas["N-A-01"], points(made.lines))
    assert found == {4: [{"s": "w", "t_amount": 6}]}, "at the deadline is in time"
    assert "asked__visit_amount_word(visit: string, amount: int, word: string)" in exported.signature


def test_the_command_writes_files_and_says_what_is_left_out(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["norms", "export", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "left out: N-WDR-01: a permission is never violated" in done.output
    names = {f.name for f in (tmp_path / "out").iterdir()}
    assert {"kiosk.sig", "N-RET-03.mfotl", "left_out.txt"} <= names
