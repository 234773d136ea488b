"""Expressions: what they mean, and where exactly their mistakes stand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semantics.codegen import Writer
from semantics.norms.expression import (
    FLAG,
    MONEY,
    TEXT,
    Datum,
    Expr,
    ExpressionError,
    Literal,
    Scope,
    Type,
    World,
    evaluate,
    read,
    to_text,
)

KEYS = {
    "amount": Datum("event", "amount", ("amount",), MONEY),
    "other": Datum("event", "other", ("deep", "other"), MONEY),
    "word": Datum("event", "word", ("word",), Type("text", ("yes", "no"))),
    "name": Datum("event", "name", ("name",), TEXT),
    "ok": Datum("event", "ok", ("ok",), FLAG),
}
SCOPE = Scope(
    here=KEYS, aliases={"a": {"amount": Datum("trigger", "amount", (), MONEY)}},
    parameters={"limit": Literal(7, MONEY)}, key_of={"alarm": None, "order": "name"},
    events=frozenset({"rang", "other_slice"}), events_in_slice=frozenset({"rang"}),
)  # fmt: skip


def meaning(text: str, **data: Any) -> Any:
    world = World(
        data, {"amount": data.pop("trigger", None)}, None, lambda a, k: a == "alarm" or k == "x", lambda e: e == "rang"
    )
    return evaluate(read(text, SCOPE), world)


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("amount > 5", {"amount": 6}, True),
        ("amount > 5", {"amount": 5}, False),
        ("amount > 5", {}, None),
        ("not amount > 5", {}, None),
        ("amount > 5 and ok", {"ok": False}, False),
        ("ok and amount > 5", {"ok": False}, False),
        ("amount > 5 or ok", {"ok": True}, True),
        ("amount > 5 or ok", {"ok": False}, None),
        ("1 + amount * 2 == 7", {"amount": 3}, True),
        ("(amount + 1) * 2 == 8", {"amount": 3}, True),
        ("amount - 1 - 1 == 1", {"amount": 3}, True),
        ("-amount < 0", {"amount": 3}, True),
        ("amount == limit", {"amount": 7}, True),
        ("amount == a.amount", {"amount": 7, "trigger": 7}, True),
        ("amount == a.amount", {"amount": 7}, None),
        ("other > 1", {"deep": {"other": 2}}, True),
        ("other > 1", {"deep": 5}, None),
        ('word in ["yes", "no"]', {"word": "no"}, True),
        ('word == "yes"', {"word": "no"}, False),
        ("known(amount)", {}, False),
        ("known(amount) and amount > 1", {}, False),
        ("holds(alarm) and seen(rang)", {}, True),
        ("holds(order)", {"name": "x"}, True),
        ("holds(order)", {"name": "y"}, False),
        ("holds(order)", {}, None),
        ("not ok or ok and ok", {"ok": True}, True),
        ("10_000 == 10000 and 1m == 60s and 1d == 24h", {}, True),
    ],
)
def test_meaning(text: str, data: dict[str, Any], expected: object) -> None:
    assert meaning(text, **data) is expected


@pytest.mark.parametrize(
    ("text", "code", "offset", "says"),
    [
        ("amuont > 5", "NM01", 0, "did you mean 'amount'?"),
        ("ok and a.amuont > 5", "NM01", 9, "did you mean 'amount'?"),
        ("b.amount > 5", "NM01", 0, "'b' names no event here"),
        ("ok and holds(alram)", "NM01", 13, "did you mean 'alarm'?"),
        ("alarm", "NM01", 0, "ask holds(alarm)"),
        ("seen(other_slice)", "NM03", 5, "slice key"),
        ("seen(rnag)", "NM01", 5, "did you mean 'rang'?"),
        ("hold(alarm)", "NM01", 0, "did you mean 'holds'?"),
        ('word == "yess"', "NM01", 5, "did you mean 'yes'?"),
        ("amount = 5", "NM02", 7, "compare with =="),
        ("amount > ", "NM02", 8, "stops too early"),
        ("amount > 5 ok", "NM02", 11, "follows a complete expression"),
        ("(amount > 5", "NM02", 11, "expected ')'"),
        ('name == "x', "NM02", 8, "two quotes"),
        ("amount", "NM03", 0, "a condition is yes or no"),
        ("amount > name", "NM03", 7, "not the same kind"),
        ("name < name", "NM03", 5, "wants numbers"),
        ("amount > 5s", "NM03", 7, "not the same kind"),
        ("not amount", "NM03", 0, "joins conditions"),
        ("ok and amount", "NM03", 3, "joins conditions"),
        ("(" * 60 + "ok" + ")" * 60, "NM02", 40, "nested deeper"),
    ],
)
def test_mistake_has_its_place_and_remedy(text: str, code: str, offset: int, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read(text, SCOPE)
    assert (caught.value.code, caught.value.offset) == (code, offset)
    assert says in caught.value.message


@given(st.text(alphabet="amount.okwrd()+-*<>=!\"' 01s,[]andorti", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    def offset() -> int:
        try:
            read(text, SCOPE)
        except ExpressionError as error:
            return error.offset
        return 0

    assert 0 <= offset() <= len(text)


_flags = st.recursive(
    st.sampled_from(["ok", "amount > 5", "amount == a.amount", "other < 3", "known(name)", "holds(alarm)",
                     "holds(order)",                     'word in ["yes"]', "seen(rang)", "amount + other > 7"]),
    lambda inner: st.one_of(
        inner.map("not ({})".format), st.tuples(inner, inner).map(lambda p: f"({p[0]}) and ({p[1]})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) or ({p[1]})"),
    ),
    max_leaves=8,
)  # fmt: skip
_values = st.one_of(st.none(), st.integers(-3, 9), st.sampled_from(["x", "yes", True, False]))


def outcome(function: Any) -> object:
    try:
        return function()
    except TypeError:
        return "error"


@given(_flags, st.dictionaries(st.sampled_from(["amount", "word", "name", "ok"]), _values), _values, _values)
def test_compiled_text_means_the_same(text: str, data: dict[str, Any], other: object, bound: object) -> None:
    expr: Expr = read(text, SCOPE)
    data = {**data, "deep": {"other": other}}
    holding = {"alarm": {None: {}}, "order": {"x": {}}}
    world = World(data, {"amount": bound}, None, lambda a, k: k in holding[a], lambda e: True)
    compiled = Writer({}, holding, {("rang", None): {None: 1}}).function(expr, ("amount",), None)
    assert outcome(lambda: compiled(data, (bound,), None)) == outcome(lambda: evaluate(expr, world))
    assert to_text(read(to_text(expr).replace("trigger.", "a."), SCOPE)) == to_text(expr)
