"""Can conditions hold together? Exact reasoning over the guard language, with a valuation as its witness.

Every condition is brought into cases, each a set of plain statements that all must hold. In one case there are

- whole numbers: comparisons of a datum with a number or with another datum are differences, ``x - y <= c``. A set of
  these can hold unless its graph has a circle of negative length (Bellman and Ford); the distances are a valuation;
- words: equal ones are put together, and what is left is coloured from the words of their types;
- questions about the state (`holds`, `seen`, flags): each is true, false, or open.

A condition holds in Kleene's sense only if every datum it compares is known. Sums of several data and products are
not differences: then nothing is claimed, and the answer is `PERHAPS` where it would have been `YES`. A `NO` is always
exact, since what was left aside could only have made fewer cases possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

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
    Type,
    parts_of,
)

CASES_MAX: Final = 20_000  # cases of a question; norms make a few dozen
_NEGATED: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_NUMBERS: Final = frozenset({"whole", "money", "duration"})

Var = tuple[str, str]  # (moment, key)
ZERO: Final[Var] = ("", "")


class Answer(Enum):
    """`PERHAPS`: a part of the condition is beyond differences of whole numbers, so nothing is claimed."""

    NO = "no"
    PERHAPS = "perhaps"
    YES = "yes"


@dataclass(frozen=True)
class Asked:
    """A condition at a moment, wanted true or false.

    `event` and `trigger` name the moments that its data are of: the same names in two conditions are the same record.
    """

    expr: Expr
    event: str
    trigger: str = ""
    wanted: bool = True


@dataclass(frozen=True)
class Found:
    """The answer, and for `YES` and `PERHAPS` a valuation: data by moment and key, and the state asked about."""

    answer: Answer
    data: Mapping[Var, Any] = field(default_factory=dict)
    state: Mapping[Var, bool] = field(default_factory=dict)  # (moment, "holds x" or "seen x")
    missing: frozenset[Var] = frozenset()  # data that must not be there


@dataclass(frozen=True)
class _Case:
    """Statements that hold together."""

    numbers: tuple[tuple[tuple[tuple[Var, int], ...], int], ...] = ()  # sum of coefficients and constant <= 0
    words: tuple[tuple[Var, Any, bool], ...] = ()  # a word is, or is not, a literal or another word
    state: tuple[tuple[Var, bool], ...] = ()
    known: tuple[tuple[Var, bool], ...] = ()
    beyond: bool = False


class _Question:
    def __init__(self, shared: frozenset[str], required: Mapping[str, frozenset[str]]) -> None:
        self.shared, self.required = shared, required
        self.types: dict[Var, Type] = {}
        self.count = 0

    def var(self, datum: Datum, asked: Asked) -> Var:
        moment = asked.event if datum.of == "event" else asked.trigger
        var = ("", datum.key) if datum.key in self.shared else (moment, datum.key)
        self.types[var] = datum.type
        return var

    # ------------------------------------------------ into cases

    def cases(self, todo: tuple[Asked, ...], case: _Case) -> Iterator[_Case]:
        if not todo:
            self.count += 1
            yield case
            return
        if self.count > CASES_MAX:
            return
        asked, rest = todo[0], todo[1:]
        expr, wanted = asked.expr, asked.wanted

        def also(other: Expr, holds: bool) -> Asked:
            return Asked(other, asked.event, asked.trigger, holds)

        match expr:
            case Literal(value):
                if value is wanted:
                    yield from self.cases(rest, case)
            case Not(of):
                yield from self.cases((also(of, not wanted), *rest), case)
            case Both(word, left, right):
                if (word == "and") is wanted:
                    yield from self.cases((also(left, wanted), also(right, wanted), *rest), case)
                else:
                    for one in (left, right):
                        yield from self.cases((also(one, wanted), *rest), case)
            case OneOf(of, values) if wanted:
                for value in values:
                    yield from self.cases((also(Compare("==", of, Literal(value, _type(of))), True), *rest), case)
            case OneOf(of, values):
                none = tuple(also(Compare("!=", of, Literal(v, _type(of))), True) for v in values)
                yield from self.cases((*none, *rest), case)
            case Compare():
                yield from self.compared(expr, asked, rest, case)
            case Known(Datum() as datum):
                known = (*case.known, (self.var(datum, asked), wanted))
                yield from self.cases(rest, _replaced(case, known=known))
            case Datum():
                var = self.var(expr, asked)
                state = (*case.state, (var, wanted))
                yield from self.cases(rest, _replaced(case, state=state, known=(*case.known, (var, True))))
            case Holds() | Seen():
                state = (*case.state, (_asked_of_state(expr, asked), wanted))
                yield from self.cases(rest, _replaced(case, state=state))
            case _:
                yield from self.cases(rest, _replaced(case, beyond=True))

    def compared(self, expr: Compare, asked: Asked, rest: tuple[Asked, ...], case: _Case) -> Iterator[_Case]:
        op = expr.op if asked.wanted else _NEGATED[expr.op]
        kind = _type(expr.left).name
        if kind == "flag":
            for one in (True, False):
                both = tuple(
                    Asked(e, asked.event, asked.trigger, one if e is expr.left or op == "==" else not one)
                    for e in (expr.left, expr.right)
                )
                yield from self.cases((*both, *rest), case)
            return
        if kind not in _NUMBERS:
            yield from self.cases(rest, self.worded(case, expr, asked, op == "=="))
            return
        if op == "!=":
            for other in ("<", ">"):
                again = Asked(Compare(other, expr.left, expr.right), asked.event, asked.trigger)
                yield from self.cases((again, *rest), case)
            return
        left, right = self.linear(expr.left, asked), self.linear(expr.right, asked)
        if left is None or right is None:
            yield from self.cases(rest, _replaced(case, beyond=True))
            return
        terms, constant = _added(left, right, -1)
        asked_for = [p for p in parts_of(expr) if isinstance(p, Datum)]  # also those that cancel out
        known = (*case.known, *((self.var(d, asked), True) for d in asked_for))
        numbers = list(case.numbers)
        if op in ("<", "<=", "=="):
            numbers.append((tuple(terms.items()), constant + (op == "<")))
        if op in (">", ">=", "=="):
            numbers.append((tuple((v, -k) for v, k in terms.items()), -constant + (op == ">")))
        yield from self.cases(rest, _replaced(case, numbers=tuple(numbers), known=known))

    def worded(self, case: _Case, expr: Compare, asked: Asked, same: bool) -> _Case:
        sides = [e if isinstance(e, Literal) else self.var(e, asked) for e in (expr.left, expr.right)
                 if isinstance(e, (Literal, Datum))]  # fmt: skip
        if len(sides) < 2:
            return _replaced(case, beyond=True)
        one, other = sides
        if isinstance(one, Literal) and isinstance(other, Literal):
            return case if (one.value == other.value) is same else _replaced(case, numbers=(*case.numbers, ((), 1)))
        if isinstance(one, Literal):
            one, other = other, one
        assert not isinstance(one, Literal)
        known = [(v, True) for v in (one, other) if not isinstance(v, Literal)]
        return _replaced(case, words=(*case.words, (one, other, same)), known=(*case.known, *known))

    def linear(self, expr: Expr, asked: Asked) -> tuple[dict[Var, int], int] | None:
        match expr:
            case Literal(value):
                return {}, int(value)
            case Datum():
                return {self.var(expr, asked): 1}, 0
            case Sum(op, left, right):
                one, other = self.linear(left, asked), self.linear(right, asked)
                if one is None or other is None:
                    return None
                if op != "*":
                    return _added(one, other, 1 if op == "+" else -1)
                if one[0] and other[0]:
                    return None
                factor, terms = (one[1], other) if not one[0] else (other[1], one)
                return {v: k * factor for v, k in terms[0].items()}, terms[1] * factor
        return None

    # ------------------------------------------------ one case

    def solved(self, case: _Case) -> Found | None:
        known: dict[Var, bool] = {}
        for var, wanted in case.known:
            required = var[1] in self.shared or var[1] in self.required.get(var[0], frozenset())
            if known.setdefault(var, wanted) is not wanted or (required and not wanted):
                return None
        state: dict[Var, bool] = {}
        for var, wanted in case.state:
            if state.setdefault(var, wanted) is not wanted:
                return None
        words = _coloured(case.words, self.types)
        if words is None:
            return None
        numbers, exact = _differences(case.numbers)
        if numbers is None:
            return None
        flags = {v: b for v, b in state.items() if v in self.types}
        data = {v: some(self.types[v], v[1]) for v, there in known.items() if there}
        data |= {**words, **{v: n for v, n in numbers.items() if v != ZERO}, **flags}
        answer = Answer.YES if exact and not case.beyond else Answer.PERHAPS
        missing = frozenset(v for v, there in known.items() if not there)
        return Found(answer, data, {v: b for v, b in state.items() if v not in self.types}, missing)


def together(
    conditions: Sequence[Asked], *, shared: frozenset[str] = frozenset(),
    required: Mapping[str, frozenset[str]] | None = None,
) -> Found:  # fmt: skip
    """Tell whether all conditions can hold, and how.

    `shared` are keys that are one value at every moment (those of slices); `required` names, by moment, the data that
    are never missing.
    """
    question = _Question(shared, required or {})
    best = Found(Answer.NO)
    for case in question.cases(tuple(conditions), _Case()):
        found = question.solved(case)
        if found is not None and found.answer is Answer.YES:
            return found
        best = found or best
    if question.count > CASES_MAX:
        return Found(Answer.PERHAPS, best.data, best.state, best.missing)
    return best


def some(kind: Type, key: str) -> Any:
    """Return a value of a type, for a datum of which nothing more is asked."""
    if kind.values:
        return kind.values[0]
    return {"flag": False, "text": f"{key}-1", "opaque": {}}.get(kind.name, 1)


def _asked_of_state(expr: Holds | Seen, asked: Asked) -> Var:
    """Return a name for what is asked; one instance at one moment has one name."""
    if isinstance(expr, Seen):
        return asked.event, f"seen {expr.event}"
    by_trigger = bool(expr.keys) and expr.keys is not None and expr.keys[0].of == "trigger"
    return (f"{asked.event}/{asked.trigger}" if by_trigger else asked.event), f"holds {expr.affordance}"


def _replaced(case: _Case, **changes: Any) -> _Case:
    return _Case(**{**{n: getattr(case, n) for n in ("numbers", "words", "state", "known", "beyond")}, **changes})


def _added(
    one: tuple[Mapping[Var, int], int], other: tuple[Mapping[Var, int], int], sign: int
) -> tuple[dict[Var, int], int]:
    terms = dict(one[0])
    for var, k in other[0].items():
        terms[var] = terms.get(var, 0) + sign * k
    return {v: k for v, k in terms.items() if k}, one[1] + sign * other[1]


def _type(expr: Expr) -> Type:
    match expr:
        case Literal(_, kind) | Datum(_, _, _, kind):
            return kind
        case Sum(_, left, right):
            return _type(right) if isinstance(left, Literal) else _type(left)
    return Type("flag")


def _differences(
    numbers: Sequence[tuple[tuple[tuple[Var, int], ...], int]],
) -> tuple[dict[Var, int] | None, bool]:
    """Return a valuation, None if there is none; and whether every statement was a difference.

    Numbers not below zero are preferred, since most are counts and amounts.
    """
    arcs: list[tuple[Var, Var, int]] = []  # (x, y, c): x - y <= c
    exact, names = True, {ZERO}
    for terms, constant in numbers:
        names.update(v for v, _ in terms)
        match terms:
            case ():
                if constant > 0:
                    return None, True
            case ((x, k),):
                bound = -constant // abs(k)  # abs(k) * (+-x) <= -constant
                arcs.append((x, ZERO, bound) if k > 0 else (ZERO, x, bound))
            case ((x, k), (y, j)) if k == -j:
                bound = -constant // abs(k)
                arcs.append((x, y, bound) if k > 0 else (y, x, bound))
            case _:
                exact = False
    counts = [(ZERO, v, 0) for v in names if v != ZERO]
    found = _distances(names, [*arcs, *counts])
    return (found if found is not None else _distances(names, arcs)), exact


def _distances(names: set[Var], arcs: Sequence[tuple[Var, Var, int]]) -> dict[Var, int] | None:
    length = dict.fromkeys(names, 0)
    for _ in range(len(names) + 1):
        changed = False
        for x, y, c in arcs:  # x - y <= c
            if length[y] + c < length[x]:
                length[x] = length[y] + c
                changed = True
        if not changed:
            return {v: n - length[ZERO] for v, n in length.items()}
    return None


def _coloured(words: Sequence[tuple[Var, Any, bool]], types: Mapping[Var, Type]) -> dict[Var, str] | None:
    """Return words for all data so that equal ones are equal and others differ, None if there are none."""
    root: dict[Var, Var] = {}

    def find(var: Var) -> Var:
        while root.setdefault(var, var) != var:
            var = root[var]
        return var

    for one, other, same in words:
        find(one)
        if not isinstance(other, Literal):
            if same:
                root[find(one)] = find(other)
            else:
                find(other)
    allowed: dict[Var, set[str] | None] = {}
    for var in list(root):
        values = types[var].values
        if values:
            here = allowed.get(find(var))
            allowed[find(var)] = set(values) if here is None else here & set(values)
        else:
            allowed.setdefault(find(var), None)
    banned: dict[Var, set[str]] = {v: set() for v in allowed}
    apart: list[tuple[Var, Var]] = []
    for one, other, same in words:
        if isinstance(other, Literal):
            group = find(one)
            if same:
                here = allowed[group]
                allowed[group] = {other.value} if here is None else here & {other.value}
            else:
                banned[group].add(other.value)
        elif not same:
            apart.append((find(one), find(other)))
    groups = sorted(allowed, key=lambda g: (len(allowed[g] or ()) or 1_000, g))
    chosen: dict[Var, str] = {}

    def place(index: int) -> bool:
        if index == len(groups):
            return True
        group = groups[index]
        options = sorted((allowed[group] or set()) - banned[group])
        if allowed[group] is None:
            options = [w for n in range(len(groups) + 1) if (w := f"{group[1]}-{n + 1}") not in banned[group]]
        for option in options:
            rivals = [b if a == group else a for a, b in apart if group in (a, b)]
            if group in rivals or any(chosen.get(r) == option for r in rivals):
                continue
            chosen[group] = option
            if place(index + 1):
                return True
            del chosen[group]
        return False

    return {v: chosen[find(v)] for v in root} if place(0) else None


def said(found: Found) -> str:
    """Return a valuation in words, for a message."""
    parts = [f"{key} = {value!r}" for (_, key), value in sorted(found.data.items(), key=str)]
    parts += [f"{'' if value else 'not '}{key}" for (_, key), value in sorted(found.state.items())]
    return ", ".join(dict.fromkeys(parts)) or "whatever the data are"
