"""C4 and C9: what decided a condition, and whether a suite would notice that a norm says something else."""

from __future__ import annotations

from typing import Any

import pytest

from semantics.mutation import mutants, unnoticed
from semantics.norms.expression import read, to_text
from semantics.probe import Probe, decided_by, leaves
from tests.semantics.norms.test_expression import SCOPE
from tests.semantics.worlds import norm, norm_set, records


def asked(amount: int | None, word: str = "yes") -> tuple[int, str, dict[str, Any]]:
    return 0, "asked", {"visit": "v", "word": word, **({} if amount is None else {"amount": amount})}


@pytest.mark.parametrize(
    ("text", "truth", "whole", "deciding"),
    [
        ("ok and amount > 1", [True, True], True, {0, 1}),
        ("ok and amount > 1", [True, False], False, {1}),
        ("ok and amount > 1", [False, False], False, set()),
        ("ok or amount > 1", [False, False], False, {0, 1}),
        ("ok or amount > 1", [True, False], True, {0}),
        ("not ok", [True], False, {0}),
        ("ok and amount > 1", [False, None], False, set()),
        ("ok and amount > 1", [True, None], None, set()),
    ],
)
def test_a_part_decides_if_turning_it_turns_the_whole(
    text: str, truth: list[bool | None], whole: bool | None, deciding: set[int]
) -> None:
    expr = read(text, SCOPE)
    parts = leaves(expr)
    by_id = {id(e): v for e, v in zip(parts, truth, strict=True)}
    value, found = decided_by(expr, by_id)
    assert (value, {i for i, e in enumerate(parts) if id(e) in found}) == (whole, deciding)


def test_each_part_is_wanted_both_ways() -> None:
    guard = 'amount > 100 and word == "yes" and not holds(alarm)'
    norms = norm_set(norm("N-A-01", {"is": "obliged", "to": "paid"}, slice="visit", whenever="asked", **{"if": guard}))
    probe = Probe(norms)
    seen = probe.seen["N-A-01"]
    probe.feed_all(records(asked(200), asked(50), asked(None)))
    assert (seen.true, seen.false) == (1, 1), "what is unknown is neither"
    assert not seen.decided
    probe.feed_all(records(asked(200, "no")))
    alarm = to_text(read("holds(alarm)", SCOPE))
    assert [p for p, values in seen.parts.items() if len(values) < 2] == [alarm]
    probe.feed_all(records((0, "rang", {}), asked(200)))
    assert seen.decided


PAY = norm("N-A-01", {"is": "obliged", "to": ["paid", "rang"], "within": "10s"}, slice="visit", whenever="asked",
           released_by="left", **{"if": "amount > 100"})  # fmt: skip


def left(*journals: list[dict[str, Any]]) -> set[str]:
    suite = [(f"j{n}", j) for n, j in enumerate(journals)]
    tried, said = unnoticed(norm_set(PAY), suite, ["N-A-01"])["N-A-01"]
    assert tried == len(list(mutants(norm_set(PAY).norms[0])))
    return set(said)


def test_a_thin_suite_leaves_changes_unnoticed_and_a_thick_one_none() -> None:
    paid = records(asked(200), (5_000, "paid", {"visit": "v"}))
    assert left(paid) == {"not by rang", "a hundred times the time", "never released", "without its `if`"}
    rest = [
        records(asked(200), (5_000, "rang", {"visit": "v"})),
        records(asked(200), (15_000, "paid", {"visit": "v"})),
        records(asked(200), (5_000, "left", {"visit": "v"})),
        records(asked(50), (5_000, "paid", {"visit": "v"})),
    ]
    assert left(paid, *rest) == set()


def test_exceptions_and_reparations_are_changed_too() -> None:
    norms = norm_set(
        norm("N-A-01", {"is": "forbidden", "to": "paid", "at_most": 1}, slice="visit", whenever="asked",
             or_else=[{"agent": "bank", "is": "obliged", "to": "rang", "within": "5s"}]),
        norm("N-A-02", {"is": "permitted", "to": "paid"}, slice="visit", whenever="asked_much", overrides=["N-A-01"]),
        norm("N-A-03", {"is": "obliged", "mode": "maintain", "keep": "holds(order)"}, slice="visit", whenever="asked"),
        norm("N-A-04", {"is": "forbidden", "to": "rang"}, whenever="always", **{"if": "holds(alarm)"}),
    )  # fmt: skip
    said = {n.id: {m.says for m in mutants(n)} for n in norms.norms}
    assert {"obliged instead of forbidden", "one less allowed", "no reparation"} <= said["N-A-01"]
    assert "no exception any more" in said["N-A-02"]
    assert said["N-A-03"] == {"the contrary is kept"}
    assert "permitted instead of forbidden" in said["N-A-04"]
