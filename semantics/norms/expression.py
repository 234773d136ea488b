"""Small typed expressions: parsed here, typed by a scope, evaluated in Kleene's three values.

    expr   := expr 'or' expr | expr 'and' expr | 'not' expr | sum [cmp sum | 'in' '[' literals ']'] | '(' expr ')'
    cmp    := == != < <= > >=
    sum    := sum ('+' | '-') term | term          term := term '*' factor | factor
    factor := '-' factor | literal | name | name '.' name ... | holds(affordance) | seen(event) | known(name)

Literals are whole numbers (``100``, ``50_000``), durations (``30s``, ``10m``, ``24h``, ``1d``, ``500ms``), texts in
quotes, ``true`` and ``false``. There are no floats and no division.

Values and truth: a datum that is missing is *unknown* (``None``). A comparison or sum with an unknown operand is
unknown; ``and`` is false if its left side is false, without a look at the right one, or if its right side is false,
and unknown if neither is false and one is unknown; ``or`` likewise for true. A wrong kind of datum at run time (a
text where an order is asked) raises TypeError, which the interpreter and the monitor report as the verdict `error`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from semantics.finding import nearest


class ExpressionError(Exception):
    """`offset` is the character of the expression at which the mistake stands."""

    def __init__(self, code: str, offset: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.message = message


# ---------------------------------------------------------------- types


@dataclass(frozen=True, slots=True)
class Type:
    """`name` is flag, whole, money, duration, text or opaque; `values` closes a text to a list of words."""

    name: str
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}" if self.values else self.name


FLAG: Final = Type("flag")
WHOLE: Final = Type("whole")
MONEY: Final = Type("money")
DURATION: Final = Type("duration")
TEXT: Final = Type("text")
OPAQUE: Final = Type("opaque")
TYPES: Final[Mapping[str, Type]] = {t.name: t for t in (FLAG, WHOLE, MONEY, DURATION, TEXT, OPAQUE)}
_NUMBERS: Final = {"whole", "money", "duration"}


# ---------------------------------------------------------------- resolved expressions


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any
    type: Type


@dataclass(frozen=True, slots=True)
class Datum:
    """A datum of the event looked at (``of="event"``, by path) or of the trigger (``of="trigger"``, by key)."""

    of: str
    key: str
    path: tuple[str, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Holds:
    """Whether an affordance holds; its instance is named by the first of `keys` that is known, or is the only one."""

    affordance: str
    keys: tuple[Datum, ...] | None  # None: the affordance has one instance
    sliced: bool = False  # the slice's own value is the last of the candidates


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether an event has happened in this slice before the moment of evaluation."""

    event: str


@dataclass(frozen=True, slots=True)
class Known:
    of: Datum


@dataclass(frozen=True, slots=True)
class Not:
    of: Expr


@dataclass(frozen=True, slots=True)
class Both:
    """`word` is ``and`` or ``or``."""

    word: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare:
    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class OneOf:
    of: Expr
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    op: str
    left: Expr
    right: Expr


Expr = Literal | Datum | Holds | Seen | Known | Not | Both | Compare | OneOf | Sum

COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
SUM: Final[Mapping[str, Callable[[Any, Any], Any]]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


@dataclass(frozen=True)
class Scope:
    """What names mean where an expression stands.

    `here` are the keys of the event looked at; `aliases` the keys of bound events; `key_of` the key that names
    instances of an affordance (None: only one); `generic` lets a parameter word stand for its value.
    """

    here: Mapping[str, Datum] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, Datum]] = field(default_factory=dict)
    parameters: Mapping[str, Literal] = field(default_factory=dict)
    key_of: Mapping[str, str | None] = field(default_factory=dict)
    events: frozenset[str] = frozenset()
    events_in_slice: frozenset[str] = frozenset()
    slice: str | None = None
    may_see: bool = True


# ---------------------------------------------------------------- reading

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<duration>[0-9][0-9_]*(?:ms|s|m|h|d)\b)|(?P<number>[0-9][0-9_]*)|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<op>==|!=|<=|>=|[-<>+*().,\[\]]))"
)
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WORDS: Final = {"and", "or", "not", "in", "true", "false"}
DEPTH_MAX: Final = 40  # an expression nested deeper is a mistake; keeps recursion bounded


def duration_ms(text: str) -> int | None:
    """Return milliseconds for ``30s``, ``10m``, ``24h``, ``1d``, ``500ms``; None for anything else."""
    found = re.fullmatch(r"([0-9][0-9_]*)(ms|s|m|h|d)", text)
    return int(found[1]) * _UNIT_MS[found[2]] if found else None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    offset: int


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            offset = at + len(text[at:]) - len(text[at:].lstrip())
            bad = text[offset]
            hint = "; compare with ==" if bad == "=" else "; a text has two quotes" if bad in "\"'" else ""
            raise ExpressionError("NM02", offset, f"{bad!r} has no meaning here{hint}")
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        at = found.end()
    yield _Token("end", "", len(text.rstrip()))


def read(text: str, scope: Scope) -> Expr:
    """Return the condition `text` means in `scope`. Raises ExpressionError: NM01 word, NM02 form, NM03 type."""
    expr, kind = read_value(text, scope)
    if kind.name != "flag":
        raise ExpressionError("NM03", 0, f"a condition is yes or no; this is {kind}")
    return expr


def read_value(text: str, scope: Scope) -> tuple[Expr, Type]:
    """Return the expression of any type that `text` means, and its type. Raises ExpressionError."""
    reader = _Reader(list(_tokens(text)), scope)
    expr, kind = reader.expression(0)
    token = reader.token
    if token.kind != "end":
        raise ExpressionError("NM02", token.offset, f"{token.text!r} follows a complete expression")
    return expr, kind


class _Reader:
    """Pratt's method: `expression(n)` reads as much as binds tighter than `n`."""

    _BINDS: Final = {
        "or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4, "+": 5, "-": 5, "*": 6,
    }  # fmt: skip

    def __init__(self, tokens: list[_Token], scope: Scope) -> None:
        self.tokens = tokens
        self.scope = scope
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.index]

    def take(self, text: str | None = None) -> _Token:
        token = self.token
        if text is not None and token.text != text:
            found = repr(token.text) if token.text else "the end"
            raise ExpressionError("NM02", token.offset, f"expected {text!r}, found {found}")
        self.index += token.kind != "end"
        return token

    def expression(self, binding: int) -> tuple[Expr, Type]:
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise ExpressionError("NM02", self.token.offset, f"nested deeper than {DEPTH_MAX}")
        left, kind = self.prefix()
        while (power := self._BINDS.get(self.token.text, 0)) > binding and self.token.kind in ("name", "op"):
            left, kind = self.infix(left, kind, power)
        self.depth -= 1
        return left, kind

    def prefix(self) -> tuple[Expr, Type]:
        token = self.take()
        if token.kind == "number":
            return Literal(int(token.text), WHOLE), WHOLE
        if token.kind == "duration":
            return Literal(duration_ms(token.text), DURATION), DURATION
        if token.kind == "text":
            return Literal(token.text[1:-1], TEXT), TEXT
        if token.text == "(":
            inner = self.expression(0)
            self.take(")")
            return inner
        if token.text == "not":
            expr, kind = self.expression(3)
            self._must_be_flag(kind, token.offset, "not")
            return Not(expr), FLAG
        if token.text == "-":
            expr, kind = self.expression(7)
            self._must_be_number(kind, token.offset, "-")
            return Sum("-", Literal(0, kind), expr), kind
        if token.text in ("true", "false"):
            return Literal(token.text == "true", FLAG), FLAG
        if token.kind == "name" and token.text not in _WORDS:
            return self.name(token)
        raise ExpressionError(
            "NM02",
            token.offset,
            f"expected a value, found {token.text!r}" if token.text else "the expression stops too early",
        )

    def name(self, token: _Token) -> tuple[Expr, Type]:
        if self.token.text == "(":
            return self.call(token)
        if self.token.text == ".":
            parts = [token]
            while self.token.text == ".":
                self.take(".")
                parts.append(self.take())
            return self.dotted(parts)
        scope = self.scope
        if token.text in scope.here:
            datum = scope.here[token.text]
            return self.datum(datum, token)
        if token.text in scope.parameters:
            literal = scope.parameters[token.text]
            return literal, literal.type
        known = [*scope.here, *scope.parameters, *scope.aliases]
        if token.text in scope.key_of:
            raise ExpressionError("NM01", token.offset, f"{token.text!r} is an affordance; ask holds({token.text})")
        raise ExpressionError("NM01", token.offset, f"{token.text!r} is not known here{nearest(token.text, known)}")

    def dotted(self, parts: list[_Token]) -> tuple[Expr, Type]:
        whole = ".".join(p.text for p in parts)
        if whole in self.scope.here:
            return self.datum(self.scope.here[whole], parts[0])
        alias = self.scope.aliases.get(parts[0].text)
        if alias is None:
            known = [*self.scope.aliases, *self.scope.here]
            raise ExpressionError(
                "NM01", parts[0].offset, f"{parts[0].text!r} names no event here{nearest(parts[0].text, known)}"
            )
        key = ".".join(p.text for p in parts[1:])
        if key not in alias:
            raise ExpressionError("NM01", parts[1].offset, f"{parts[0].text!r} has no {key!r}{nearest(key, alias)}")
        return self.datum(alias[key], parts[1])

    def datum(self, datum: Datum, token: _Token) -> tuple[Expr, Type]:
        if datum.type.name == "opaque":
            raise ExpressionError(
                "NM03", token.offset, f"{datum.key!r} is a structure; expressions use plain values only"
            )
        return datum, datum.type

    def call(self, token: _Token) -> tuple[Expr, Type]:
        self.take("(")
        scope = self.scope
        if token.text == "known":
            inner = self.take()
            expr, _ = self.name(inner)
            if not isinstance(expr, Datum):
                raise ExpressionError("NM03", inner.offset, "known() asks about a datum")
            self.take(")")
            return Known(expr), FLAG
        if token.text not in ("holds", "seen"):
            near = nearest(token.text, ["holds", "seen", "known"])
            raise ExpressionError("NM01", token.offset, f"there is no {token.text!r}(...){near}")
        word = self.take()
        self.take(")")
        if token.text == "seen":
            if not scope.may_see:
                raise ExpressionError("NM03", token.offset, "seen() is not asked here; use holds()")
            if word.text not in scope.events:
                raise ExpressionError(
                    "NM01", word.offset, f"there is no event {word.text!r}{nearest(word.text, scope.events)}"
                )
            if word.text not in scope.events_in_slice:
                raise ExpressionError(
                    "NM03", word.offset, f"{word.text!r} does not carry the slice key {scope.slice!r}"
                )
            return Seen(word.text), FLAG
        if word.text not in scope.key_of:
            raise ExpressionError(
                "NM01", word.offset,
                f"nothing starts {word.text!r} in the vocabulary{nearest(word.text, scope.key_of)}",
            )  # fmt: skip
        key = scope.key_of[word.text]
        if key is None:
            return Holds(word.text, None), FLAG
        candidates = [scope.here[key]] if key in scope.here else []
        candidates += [keys[key] for keys in scope.aliases.values() if key in keys]
        if not candidates and scope.slice != key:
            raise ExpressionError(
                "NM03", word.offset, f"holds({word.text}) needs the key {key!r}, which nothing here carries"
            )
        return Holds(word.text, tuple(dict.fromkeys(candidates)), scope.slice == key), FLAG

    def infix(self, left: Expr, kind: Type, power: int) -> tuple[Expr, Type]:
        op = self.take()
        if op.text == "in":
            return self.one_of(left, kind)
        right, other = self.expression(power)
        if op.text in ("and", "or"):
            self._must_be_flag(kind, op.offset, op.text)
            self._must_be_flag(other, op.offset, op.text)
            return Both(op.text, left, right), FLAG
        if op.text in SUM:
            self._must_be_number(kind, op.offset, op.text)
            self._must_be_number(other, op.offset, op.text)
            return Sum(op.text, left, right), self._joined(left, kind, right, other, op)
        joined = self._joined(left, kind, right, other, op)
        if op.text not in ("==", "!="):
            self._must_be_number(joined, op.offset, op.text)
        return Compare(op.text, left, right), FLAG

    def one_of(self, left: Expr, kind: Type) -> tuple[Expr, Type]:
        self.take("[")
        values = []
        while True:
            token = self.token
            item, other = self.prefix()
            if not isinstance(item, Literal):
                raise ExpressionError("NM02", token.offset, "a list holds literals only")
            self._joined(left, kind, item, other, token)
            values.append(item.value)
            if self.take().text == "]":
                return OneOf(left, tuple(values)), FLAG
            if self.tokens[self.index - 1].text != ",":
                raise ExpressionError("NM02", self.tokens[self.index - 1].offset, "expected ',' or ']'")

    def _joined(self, left: Expr, one: Type, right: Expr, other: Type, op: _Token) -> Type:
        """Return the common type of two operands; a whole literal fits any number."""
        for expr, mine, theirs in ((left, one, other), (right, other, one)):
            if isinstance(expr, Literal) and mine == WHOLE and theirs.name in ("money", "whole"):
                return theirs
            if isinstance(expr, Literal) and theirs.values and mine.name == "text" and expr.value not in theirs.values:
                message = f"{expr.value!r} is not {theirs}{nearest(str(expr.value), theirs.values)}"
                raise ExpressionError("NM01", op.offset, message)
        if one.name != other.name:
            raise ExpressionError("NM03", op.offset, f"{one} and {other} are not the same kind of thing")
        return one

    def _must_be_flag(self, kind: Type, offset: int, word: str) -> None:
        if kind.name != "flag":
            raise ExpressionError("NM03", offset, f"{word!r} joins conditions, and {kind} is none")

    def _must_be_number(self, kind: Type, offset: int, word: str) -> None:
        if kind.name not in _NUMBERS:
            raise ExpressionError("NM03", offset, f"{word!r} wants numbers, and {kind} is none")


# ---------------------------------------------------------------- walking, writing


def parts_of(expr: Expr) -> Iterator[Expr]:
    """Yield `expr` and everything inside it."""
    yield expr
    if isinstance(expr, (Not, Known, OneOf)):
        yield from parts_of(expr.of)
    elif isinstance(expr, (Both, Compare, Sum)):
        yield from parts_of(expr.left)
        yield from parts_of(expr.right)
    elif isinstance(expr, Holds):
        yield from expr.keys or ()


def to_text(expr: Expr) -> str:
    """Return the expression as people read it."""
    match expr:
        case Literal(value):
            return f'"{value}"' if isinstance(value, str) else str(value).lower()
        case Datum(of, key):
            return key if of == "event" else f"trigger.{key}"
        case Holds(affordance):
            return f"holds({affordance})"
        case Seen(event):
            return f"seen({event})"
        case Known(of):
            return f"known({to_text(of)})"
        case Not(of):
            return f"not ({to_text(of)})"
        case OneOf(of, values):
            return f"{to_text(of)} in [{', '.join(map(repr, values))}]"
        case Both(word, left, right) | Compare(word, left, right) | Sum(word, left, right):
            return f"({to_text(left)} {word} {to_text(right)})"


# ---------------------------------------------------------------- meaning


@dataclass(frozen=True)
class World:
    """What an expression is evaluated against; the interpreter's own view of things.

    `data` is the data of the event looked at, `trigger` the bound values, `slice` the slice's value; `holds`
    answers for (affordance, instance key or None), `seen` for an event in this slice.
    """

    data: Mapping[str, Any]
    trigger: Mapping[str, Any]
    slice: object
    holds: Callable[[str, object], bool]
    seen: Callable[[str], bool]


def dig(data: Any, path: tuple[str, ...]) -> Any:
    """Return the datum at `path`, or None where there is none."""
    for step in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(step)
    return data


def evaluate(expr: Expr, world: World) -> Any:
    """Return the value of `expr`, None for unknown. Raises TypeError for data of a wrong kind."""
    match expr:
        case Literal(value):
            return value
        case Datum("event", _, path):
            return dig(world.data, path)
        case Datum(_, key):
            return world.trigger.get(key)
        case Known(of):
            return evaluate(of, world) is not None
        case Holds(affordance, None):
            return world.holds(affordance, None)
        case Holds(affordance, keys, sliced):
            values = [evaluate(k, world) for k in keys or ()] + ([world.slice] if sliced else [])
            known = [v for v in values if v is not None]
            hash(known[0] if known else None)  # a list or mapping names nothing: TypeError
            return world.holds(affordance, known[0]) if known else None
        case Seen(event):
            return world.seen(event)
        case Not(of):
            value = evaluate(of, world)
            return None if value is None else not value
        case Both(word, left, right):
            decisive = word == "or"
            first = evaluate(left, world)
            if first is decisive:
                return decisive
            second = evaluate(right, world)
            if second is decisive:
                return decisive
            return None if first is None or second is None else not decisive
        case OneOf(of, values):
            value = evaluate(of, world)
            return None if value is None else value in values
        case Compare(op, left, right) | Sum(op, left, right):
            one = evaluate(left, world)
            other = None if one is None else evaluate(right, world)
            return None if other is None else {**COMPARE, **SUM}[op](one, other)
