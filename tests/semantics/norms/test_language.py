"""Reading norms: what is refused, where, and with which remedy; and what the four steps of analysis say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from semantics.finding import Severity
from semantics.norms.language import norms_of
from semantics.norms.source import source_of
from tests.semantics.worlds import WORDS, norm, read_norms

OBLIGED: dict[str, Any] = {"is": "obliged", "to": "paid", "within": "10ms"}


@pytest.mark.parametrize(
    ("then", "rest", "code", "says"),
    [
        ({**OBLIGED, "to": "payed"}, {}, "NM01", "did you mean 'paid'?"),
        (OBLIGED, {"affordance": "ordre"}, "NM01", "did you mean 'order'?"),
        ({**OBLIGED, "agent": "bnak"}, {}, "NM01", "did you mean 'bank'?"),
        ({**OBLIGED, "within": "soon"}, {}, "NM01", "no duration"),
        ({**OBLIGED, "to": {"starts": "visti"}}, {}, "NM01", "did you mean 'visit'?"),
        (OBLIGED, {"if": "amount > and"}, "NM02", "expected a value"),
        ({**OBLIGED, "to": {"event": "paid", "starts": "visit"}}, {}, "NM02", "one of event, starts, finishes"),
        ({**OBLIGED, "at_most": 1}, {}, "NM02", "goes with forbidden"),
        ({"is": "obliged", "mode": "maintain", "to": "paid"}, {}, "NM02", "maintain goes with keep"),
        ({"is": "forbidden", "to": "paid", "within": "1s", "until": "left"}, {}, "NM02", "neither mode, deadline"),
        ({"is": "permitted", "to": "paid"}, {"or_else": [{"agent": "bank", **OBLIGED}]}, "NM02", "never violated"),
        (OBLIGED, {"whenever": "always"}, "NM02", "always goes with"),
        (OBLIGED, {"if": "amount > word"}, "NM03", "not the same kind"),
        ({"is": "obliged", "to": "paid"}, {"slice": None}, "NM05", "no deadline"),
        ({"is": "forbidden", "to": "paid"}, {"slice": None}, "NM05", "never ends"),
        ({"is": "forbidden", "to": "paid"}, {"whenever": "left"}, "NM05", "begins as its visit ends"),
        (OBLIGED, {"slice": "card", "whenever": "paid", "if": "seen(paid)"}, "NM05", "unbounded memory"),
        (OBLIGED, {"slice": "vist"}, "NM06", "did you mean 'visit'?"),
        (OBLIGED, {"whenever": "hushed", "slice": "card"}, "NM06", "does not carry the slice key"),
        (OBLIGED, {"steps": {"responsibility": "nobody"}}, "NM07", "no agent"),
        (OBLIGED, {"if": "amount > 1", "steps": {"information": []}}, "NM07", "uses 'amount'"),
        (OBLIGED, {"steps": {"trigger": "paid"}}, "NM07", "step 3 names 'paid'"),
        (OBLIGED, {"overrides": ["N-9"]}, "NM08", "there is no norm 'N-9'"),
        (OBLIGED, {"overrides": ["group:x"]}, "NM08", "there is no group"),
        (OBLIGED, {"overrides": ["N-1"]}, "NM08", "an exception to itself"),
        (OBLIGED, {"source": []}, "NM10", "has a source"),
        (OBLIGED, {"valid": {"from": "2025"}}, "NM11", "no date"),
        (OBLIGED, {"valid": {"from": "2025-02-01", "until": "2025-01-01"}}, "NM11", "never in force"),
        (OBLIGED, {"text": "pay!"}, "NM12", "the sentence reads"),
        (OBLIGED, {"unmonitored": "because"}, "NM13", "remove one"),
        (OBLIGED, {"whenever": None}, "NM13", "has no machine part"),
    ],
)
def test_mistake(then: dict[str, Any], rest: dict[str, Any], code: str, says: str) -> None:
    form = norm("N-1", then, **{"slice": "visit", "whenever": "asked", **rest})
    norms, found = read_norms({k: v for k, v in form.items() if v is not None})
    errors = [f for f in found if f.severity is Severity.ERROR]
    assert [f.code for f in errors][:1] == [code], "\n".join(map(str, found))
    assert says in errors[0].message
    assert not norms.norms, "a norm with a mistake is left out, never half right"


def test_two_norms_of_one_name() -> None:
    form = norm("N-1", OBLIGED, slice="visit", whenever="asked")
    norms, found = read_norms(form, form)
    assert [f.code for f in found] == ["NM09"]
    assert len(norms.norms) == 1


YAML = """\
group: g
norms:
  - id: N-1
    affordance: order
    bound: start
    source: [test]
    text: whenever it matters then bank is obliged to act
    slice: visit
    whenever: {event: asked, as: a, where: amount > 5 and wurd == "yes"}
    if: >-
      a.amount > 5 and
      holds(alram)
    then:
      agent: bank
      is: obliged
      to: {event: paid, where: 'amount == a.amuont'}
      within: 10s
"""


def test_mistakes_inside_expressions_have_their_own_place() -> None:
    _, found = norms_of([source_of(YAML, "g.yaml")], WORDS)
    assert [(f.line, f.column, f.code) for f in found] == [(9, 59, "NM01"), (16, 45, "NM01"), (12, 13, "NM01")]


def test_parameters_stand_for_values() -> None:
    form = norm("N-1", {**OBLIGED, "within": "limit"}, slice="visit", whenever="asked", **{"if": "amount > least"})
    parameters = {
        "limit": {"value": "30s", "means": "a limit", "source": "test"},
        "least": {"value": 5, "means": "an amount", "source": "test"},
    }
    norms, found = read_norms(form, parameters=parameters)
    assert not found
    assert norms.norms[0].duty.within_ms == 30_000


def test_four_steps_are_linked_records() -> None:
    form = norm(
        "N-1",
        OBLIGED,
        slice="visit",
        whenever={"event": "asked", "as": "a"},
        **{"if": "a.amount > 5 and not holds(alarm)"},
    )
    (read,) = read_norms({**form, "steps": {"information": ["amount", "alarm"]}})[0].norms
    assert [(s.number, s.name, s.norm, s.given) for s in read.steps] == [
        (1, "responsibility", "N-1", False), (2, "information", "N-1", True), (3, "trigger", "N-1", False),
        (4, "detail", "N-1", True),
    ]  # fmt: skip
    assert read.steps[0].says == ("person",)
    assert read.steps[1].says == ("amount", "alarm")
    assert read.steps[2].says == ("asked",)


def test_norm_without_machine_part_is_counted_as_text() -> None:
    form = {k: v for k, v in norm("N-1", OBLIGED, unmonitored="decided at the counter").items() if k != "then"}
    norms, found = read_norms(form)
    assert not found
    assert (norms.stated[0].id, norms.stated[0].agent) == ("N-1", "bank")


def test_agent_must_be_able_to_do_the_act() -> None:
    words = WORDS
    text = (
        YAML.replace("agent: bank", "agent: society")
        .replace(' and wurd == "yes"', "")
        .replace("alram", "alarm")
        .replace("amuont", "amount")
    )
    _, found = norms_of([source_of(text, "g.yaml")], words)
    assert {f.code for f in found} == {"NM04"}


def test_file_with_an_unknown_field_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    good = YAML.replace(' and wurd == "yes"', "").replace("alram", "alarm").replace("amuont", "amount")
    norms, found = norms_of([source_of("group: x\nnorm: []\n", "x.yaml"), source_of(good, "g.yaml")], WORDS)
    assert [(f.file, f.line) for f in found] == [("x.yaml", 2)]
    assert "did you mean 'norms'" in found[0].message
    assert [n.id for n in norms.norms] == ["N-1"]
