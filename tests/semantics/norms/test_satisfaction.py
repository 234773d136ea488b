"""Reasoning over conditions agrees with trying every value, and its witnesses are real."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantics.norms.expression import World, evaluate, read
from semantics.satisfaction import Answer, Asked, Found, together
from tests.semantics.norms.test_expression import SCOPE

REQUIRED = {"e": frozenset({"amount", "word", "ok"})}  # `other` and `name` may be missing


def ask(*texts: str, wanted: bool = True) -> Found:
    return together([Asked(read(t, SCOPE), "e", "t", wanted) for t in texts], required=REQUIRED)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("amount > 5 and amount < 6", Answer.NO),
        ("amount >= 5 and amount < 6", Answer.YES),
        ("amount > other and other > amount", Answer.NO),
        ("amount > other and other >= a.amount and a.amount > amount - 1", Answer.NO),
        ("amount > other and other >= a.amount and a.amount > amount - 2", Answer.YES),
        ("amount * 2 == 7", Answer.NO),
        ("amount * 2 == 8 and amount != 4", Answer.NO),
        ("amount in [1, 2] and not amount in [2, 3] and amount != 1", Answer.NO),
        ('word == "yes" and word == "no"', Answer.NO),
        ('word != "yes" and word != "no"', Answer.NO),
        ('name != "yes" and name != "no"', Answer.YES),
        ('name in ["x", "y"] and name != "x"', Answer.YES),
        ("holds(alarm) and not holds(alarm)", Answer.NO),
        ("holds(alarm) or not holds(alarm)", Answer.YES),
        ("seen(rang) and ok and not ok", Answer.NO),
        ("not known(amount)", Answer.NO),
        ("not known(other)", Answer.YES),
        ("not known(other) and other > 1", Answer.NO),
        ("not known(other) or other > 1", Answer.YES),
        ("ok == true and not ok", Answer.NO),
        ("(amount > 1) == (amount <= 1)", Answer.NO),
        ("(amount > 1) != (amount <= 1)", Answer.YES),
        ("amount + other > 5", Answer.PERHAPS),
        ("amount + other > 5 and amount > 1 and amount < 1", Answer.NO),
        ("amount + 2 <= limit and amount >= 5", Answer.YES),
        ("amount * other == 1", Answer.PERHAPS),
        ("1 < 2 and 2 < 1", Answer.NO),
        ("'a' == 'b'", Answer.NO),
        ("'a' == 'a'", Answer.YES),
    ],
)
def test_answer(text: str, answer: Answer) -> None:
    assert ask(text).answer is answer


def test_two_conditions_share_the_moment() -> None:
    assert ask("amount > 5", "amount < 6").answer is Answer.NO
    one, other = read("amount > 5", SCOPE), read("amount < 6", SCOPE)
    assert together([Asked(one, "e"), Asked(other, "f")]).answer is Answer.YES
    assert together([Asked(one, "e"), Asked(other, "f")], shared=frozenset({"amount"})).answer is Answer.NO


def test_false_is_asked_too() -> None:
    assert ask("amount > 5 or amount < 7", wanted=False).answer is Answer.NO
    assert ask("amount > 5 or amount < 5", wanted=False).data == {("e", "amount"): 5}


NUMBERS = st.sampled_from(["amount", "other", "a.amount", "0", "1", "2", "3"])
DATA = st.sampled_from(["amount", "other", "a.amount"])
TERMS = st.one_of(NUMBERS, st.tuples(DATA, st.sampled_from("+-"), NUMBERS).map(" ".join))
WORDS = st.sampled_from(["word", '"yes"', '"no"'])
ATOMS = st.one_of(
    st.tuples(TERMS, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), TERMS).map(" ".join),
    st.tuples(st.just("word"), st.sampled_from(["==", "!="]), WORDS).map(" ".join),
    st.sampled_from(["ok", "known(other)", "holds(alarm)", "amount in [1, 3]", "seen(rang)"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map("({0[0]} {0[1]} {0[2]})".format),
    ),
    max_leaves=6,
)  # fmt: skip


def worlds() -> list[World]:
    """Every world with small numbers, and with none for what may be missing."""
    result = []
    for amount, other, trigger, word, ok, alarm, rang in itertools.product(
        range(4), [None, 0, 1, 2, 3], range(3), ["yes", "no"], [True, False], [True, False], [True, False]
    ):
        deep = {} if other is None else {"other": other}
        data = {"amount": amount, "deep": deep, "word": word, "ok": ok}
        result.append(
            World(data, {"amount": trigger}, None, lambda *_, x=alarm: x, lambda _, x=rang: x)  # type: ignore[misc]
        )
    return result


WORLDS = worlds()


@given(CONDITIONS, st.booleans())
def test_it_agrees_with_trying_everything(text: str, wanted: bool) -> None:
    expr = read(text, SCOPE)
    found = together([Asked(expr, "e", "t", wanted)], required=REQUIRED)
    if found.answer is Answer.NO:
        assert not any(evaluate(expr, w) is wanted for w in WORLDS), "no means no"
    if found.answer is Answer.YES:
        data, state = found.data, found.state
        missing = ("e", "other") not in data or ("e", "other") in found.missing
        world = World(
            {
                "amount": data.get(("e", "amount"), 0), "deep": {} if missing else {"other": data["e", "other"]},
                "word": data.get(("e", "word"), "yes"), "ok": data.get(("e", "ok"), True),
            },
            {"amount": data.get(("t", "amount"), 0)}, None,
            lambda a, _: state.get(("e", f"holds {a}"), False), lambda e: state.get(("e", f"seen {e}"), False),
        )  # fmt: skip
        assert evaluate(expr, world) is wanted, "the witness is one"
