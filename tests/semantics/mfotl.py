"""Metric first-order temporal logic over a finite log: a reader of MonPoly's syntax and the textbook meaning, slowly.

Written from the published definition and independent of the exporter: a formula is text, an answer is the set of
bindings of its free variables. Conjunctions are answered from the left, so a variable is bound before it is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Env = dict[str, Any]
TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(-?\d+)|([A-Za-z_]\w*)|(<=|>=|[\[\](),.=<>+\-@]))')


@dataclass
class Point:
    at: int
    said: dict[str, list[tuple[Any, ...]]]


def tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        m = TOKEN.match(text, at)
        assert m is not None, text[at:]
        found.append(m[0].strip())
        at = m.end()
    return found


def points(lines: list[str]) -> list[Point]:
    """Read a log: ``@time name(values) name(values)``."""
    made = []
    for line in lines:
        reader = Reader(tokens(line))
        reader.take("@")
        point = Point(int(reader.take()), {})
        while reader.token:
            name = reader.take()
            reader.take("(")
            values = []
            while reader.token != ")":
                values.append(literal(reader.take()))
                if reader.token == ",":
                    reader.take(",")
            reader.take(")")
            point.said.setdefault(name, []).append(tuple(values))
        made.append(point)
    return made


def literal(text: str) -> Any:
    return text[1:-1] if text.startswith('"') else int(text)


class Reader:
    """`unary` binds tighter than AND, that than OR, and SINCE and UNTIL least, as MonPoly has it."""

    def __init__(self, listed: list[str]) -> None:
        self.listed = listed

    @property
    def token(self) -> str:
        return self.listed[0] if self.listed else ""

    def take(self, wanted: str = "") -> str:
        assert not wanted or self.token == wanted, (wanted, self.listed[:5])
        return self.listed.pop(0)

    def formula(self) -> Any:
        left = self.disjunction()
        if self.token in ("SINCE", "UNTIL"):
            word = self.take()
            bound = self.interval()
            return (word, bound, left, self.formula())
        return left

    def disjunction(self) -> Any:
        left = self.conjunction()
        while self.token == "OR":
            self.take()
            left = ("OR", left, self.conjunction())
        return left

    def conjunction(self) -> Any:
        left = self.unary()
        while self.token == "AND":
            self.take()
            left = ("AND", left, self.unary())
        return left

    def interval(self) -> tuple[int, int | None]:
        if self.token != "[":
            return 0, None
        self.take("[")
        low = int(self.take())
        self.take(",")
        high = int(self.take())
        self.take("]")
        return low, high

    def unary(self) -> Any:
        if self.token in ("NOT",):
            self.take()
            return ("NOT", self.unary())
        if self.token in ("PREVIOUS", "ONCE", "EVENTUALLY"):
            word = self.take()
            return (word, self.interval(), self.unary())
        if self.token == "EXISTS":
            self.take()
            names = [self.take()]
            while self.token == ",":
                self.take()
                names.append(self.take())
            self.take(".")
            return ("EXISTS", names, self.conjunction())
        if self.token == "(" and not self.is_term():
            self.take("(")
            inner = self.formula()
            self.take(")")
            return inner
        if len(self.listed) > 1 and self.listed[1] == "(" and re.match(r"[a-z]\w*$", self.token):
            name, arguments = self.take(), []
            self.take("(")
            while self.token != ")":
                arguments.append(self.take())
                if self.token == ",":
                    self.take()
            self.take(")")
            return ("SAYS", name, arguments)
        left = self.term()
        op = self.take()
        return ("CMP", op, left, self.term())

    def is_term(self) -> bool:
        depth, words = 0, []
        for t in self.listed:
            depth += (t == "(") - (t == ")")
            words.append(t)
            if depth == 0:
                break
        return any(w in "+-" for w in words) and not any(
            w in ("AND", "OR", "NOT", "=", "<", ">", "<=", ">=") for w in words
        )

    def term(self) -> Any:
        if self.token == "(":
            self.take()
            left = self.term()
            op = self.take()
            right = self.term()
            self.take(")")
            return (op, left, right)
        return self.take()


def read(text: str) -> Any:
    reader = Reader(tokens(text))
    made = reader.formula()
    assert not reader.listed, reader.listed
    return made


def value(term: Any, env: Env) -> Any:
    if isinstance(term, tuple):
        a, b = value(term[1], env), value(term[2], env)
        return a + b if term[0] == "+" else a - b
    if re.match(r'["\-\d]', term):
        return literal(term)
    return env[term]


def answers(f: Any, log: list[Point], i: int, env: Env) -> Iterator[Env]:
    """Yield the ways to complete `env` so that `f` holds at point `i`."""
    match f:
        case ("SAYS", name, arguments):
            for values in log[i].said.get(name, ()):
                made = dict(env)
                if len(values) == len(arguments) and all(
                    made.setdefault(a, v) == v if re.match(r"[A-Za-z_]", a) else literal(a) == v
                    for a, v in zip(arguments, values, strict=True)
                ):  # fmt: skip
                    yield made
        case ("CMP", "=", left, right) if isinstance(left, str) and re.match(r"[A-Za-z_]", left) and left not in env:
            yield {**env, left: value(right, env)}
        case ("CMP", "=", left, right) if isinstance(right, str) and re.match(r"[A-Za-z_]", right) and right not in env:
            yield {**env, right: value(left, env)}
        case ("CMP", op, left, right):
            a, b = value(left, env), value(right, env)
            if {"=": a == b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[op]:
                yield env
        case ("NOT", inner):
            if not any(True for _ in answers(inner, log, i, env)):
                yield env
        case ("AND", left, right):
            for made in answers(left, log, i, env):
                yield from answers(right, log, i, made)
        case ("OR", left, right):
            yield from answers(left, log, i, env)
            yield from answers(right, log, i, env)
        case ("EXISTS", names, inner):
            outer = {k: v for k, v in env.items() if k not in names}
            for made in answers(inner, log, i, outer):
                yield {k: v for k, v in made.items() if k not in names} | {k: env[k] for k in names if k in env}
        case ("PREVIOUS", (low, high), inner):
            if i > 0 and within(log, i - 1, i, low, high):
                yield from answers(inner, log, i - 1, env)
        case ("ONCE", (low, high), inner):
            for j in range(i, -1, -1):
                if within(log, j, i, low, high):
                    yield from answers(inner, log, j, env)
        case ("EVENTUALLY", (low, high), inner):
            for j in range(i, len(log)):
                if within(log, i, j, low, high):
                    yield from answers(inner, log, j, env)
        case ("SINCE", (low, high), left, right):
            for j in range(i, -1, -1):
                if within(log, j, i, low, high):
                    for made in answers(right, log, j, env):
                        if all(any(True for _ in answers(left, log, k, made)) for k in range(j + 1, i + 1)):
                            yield made
        case ("UNTIL", (low, high), left, right):
            for j in range(i, len(log)):
                if within(log, i, j, low, high):
                    for made in answers(right, log, j, env):
                        if all(any(True for _ in answers(left, log, k, made)) for k in range(i, j)):
                            yield made
        case _:
            raise AssertionError(f)


def within(log: list[Point], j: int, i: int, low: int, high: int | None) -> bool:
    passed = log[i].at - log[j].at
    return passed >= low and (high is None or passed <= high)


def monitored(text: str, log: list[Point]) -> dict[int, list[Env]]:
    """Return the points at which a formula holds, each with its bindings."""
    formula = read(text)
    found: dict[int, list[Env]] = {}
    for i in range(len(log)):
        for env in answers(formula, log, i, {}):
            if env not in found.setdefault(i, []):
                found[i].append(env)
        if not found.get(i):
            found.pop(i, None)
    return found
