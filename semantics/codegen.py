"""Conditions as Python source: the same three values as `expression.evaluate`, without walking a tree.

Only expressions that passed the reader come here; every name in the generated text is made here, and every constant
goes through `repr` of a text, whole number or flag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

from semantics.norms.expression import (
    Both,
    Compare,
    Datum,
    Expr,
    Holds,
    Known,
    Literal,
    Not,
    OneOf,
    Seen,
    Sum,
    dig,
)

Ask = Callable[[Any, Any, Any], Any]  # a condition as a function of (d, b, k)


def first_known(*values: object) -> object:
    return next((v for v in values if v is not None), None)


class Writer:
    """Writes expressions over ``d`` (data of the event), ``b`` (bound values, a tuple) and ``k`` (the slice).

    `bound` gives the place of each bound key in ``b``; `namespace` receives the tables that the text refers to:
    ``holding[affordance]`` and ``seen[event, slice key]``.
    """

    def __init__(
        self, namespace: dict[str, Any], holding: Mapping[str, Mapping[object, object]],
        seen: Mapping[tuple[str, str | None], Mapping[object, int]],
    ) -> None:  # fmt: skip
        self.namespace = namespace
        self.holding = holding
        self.seen = seen
        self._fresh = count()
        self._names: dict[int, str] = {}  # what the namespace keeps alive keeps its id
        namespace |= {"dig": dig, "first_known": first_known}

    def fresh(self) -> str:
        return f"x{next(self._fresh)}"

    def name(self, value: object, stem: str) -> str:
        """Return the name under which generated text reaches `value`."""
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"{stem}_{len(self._names)}"
            self.namespace[name] = value
        return name

    def datum(self, path: tuple[str, ...]) -> str:
        return f"d.get({path[0]!r})" if len(path) == 1 else f"dig(d, {path!r})"

    def write(self, expr: Expr, bound: tuple[str, ...], slice_key: str | None) -> tuple[str, bool]:
        """Return the text of `expr` and whether it can be unknown."""

        def inner(e: Expr) -> tuple[str, bool]:
            return self.write(e, bound, slice_key)

        match expr:
            case Literal(value):
                return repr(value), False
            case Datum("event", _, path):
                return self.datum(path), True
            case Datum(_, key):
                return f"b[{bound.index(key)}]", True
            case Known(of):
                return f"({inner(of)[0]} is not None)", False
            case Holds(affordance, None):
                return f"(None in {self.name(self.holding[affordance], 'holding')})", False
            case Holds(affordance, keys, sliced):
                table = self.name(self.holding[affordance], "holding")
                # where the slice is by the same key, every other candidate could only say the same
                candidates = ["k"] if sliced else [inner(k)[0] for k in keys or ()]
                x = self.fresh()
                value = candidates[0] if len(candidates) == 1 else f"first_known({', '.join(candidates)})"
                return f"(None if ({x} := {value}) is None else {x} in {table})", True
            case Seen(event):
                return f"(k in {self.name(self.seen[event, slice_key], 'seen')})", False
            case Not(of):
                text, unknown = inner(of)
                x = self.fresh()
                return (f"(None if ({x} := {text}) is None else not {x})" if unknown else f"(not {text})"), unknown
            case Both(word, left, right):
                (one, u), (other, v) = inner(left), inner(right)
                if not u and not v:
                    return f"({one} {word} {other})", False
                x, y, decisive = self.fresh(), self.fresh(), repr(word == "or")
                rest = f"None if {x} is None or {y} is None else {word != 'or'}"
                return (
                    f"({decisive} if ({x} := {one}) is {decisive} else "
                    f"{decisive} if ({y} := {other}) is {decisive} else {rest})",
                    True,
                )
            case OneOf(of, values):
                text, unknown = inner(of)
                x = self.fresh()
                return f"(None if ({x} := {text}) is None else {x} in {values!r})", unknown
            case Compare(op, left, right) | Sum(op, left, right):
                (one, u), (other, v) = inner(left), inner(right)
                if not u and not v:
                    return f"({one} {op} {other})", False
                x, y = self.fresh(), self.fresh()
                tests = ([f"({x} := {one}) is None"] if u else []) + ([f"({y} := {other}) is None"] if v else [])
                return f"(None if {' or '.join(tests)} else {x if u else one} {op} {y if v else other})", True

    def function(self, expr: Expr, bound: tuple[str, ...], slice_key: str | None) -> Ask:
        """Return `expr` as a function of (d, b, k)."""
        text, _ = self.write(expr, bound, slice_key)
        result: Ask = eval(f"lambda d, b, k: {text}", self.namespace)
        return result

    def bindings(self, paths: Iterable[tuple[str, ...]]) -> str:
        """Return the text of a tuple of data."""
        return "(" + "".join(f"{self.datum(p)}, " for p in paths) + ")"

    def define(self, name: str, lines: list[str]) -> Callable[..., Any]:
        """Compile the function `name` whose text is `lines`."""
        code = compile("\n".join(lines), f"<norms: {name}>", "exec")
        exec(code, self.namespace)
        function: Callable[..., Any] = self.namespace.pop(name)
        return function
