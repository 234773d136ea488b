"""Norms and journals in the language of MonPoly, so that another monitor can say what ours says.

A norm becomes the formula of its *violation*: MonPoly prints the time points, with the slice and the bound data, at
which it holds. A record becomes a time point of its own, with its time in milliseconds and a predicate for each event
it says and the data asked for, ``event__key_key``. What the state is asked for becomes predicates, too: ``begins_x``
and ``ends_x``, made by the rules of the chart. Formulas are of the monitorable fragment: past, and bounded future.

    obliged within d       T and not (not B until[0,d] (A or R))      A fulfils, R releases, B is too late
    obliged before B       B and ((not A and not R) since T)
    forbidden              A and previous ((not U) since T)           U is until or release
    always forbidden       A, with its condition in the state before

What is not in the fragment is left out, with its reason: permissions, what is to be kept, reparations, exceptions,
counted and coalesced instances, `preempt`, `punctual`, `seen`, and norms one of whose records can be trigger and act.
Where another norm decides between a prohibition and an obligation of the same rank, ours says `conflict` where the
formula says violated. In the formulas one act fulfils every open instance of its slice; under a norm with
``discharge: oldest`` ours takes the oldest only, so the two agree where no second trigger comes before the first is
answered. MonPoly knows no unknown: a record that lacks a datum the norms ask for says nothing there (`Lines.silent`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from semantics.interpreter import Interpreter
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
    parts_of,
)
from semantics.norms.language import FOREVER, Atom, Norm, NormSet, duty_exprs, norm_exprs
from semantics.norms.vocabulary import Event

SORTS: Final[Mapping[str, str]] = {"text": "string", "whole": "int", "money": "int", "duration": "int", "flag": "int"}


class _LeftOut(Exception):
    """The norm is not in the fragment."""


@dataclass(frozen=True)
class Exported:
    """Signature, a formula for each norm, and why the others have none."""

    signature: str
    formulas: Mapping[str, str]
    left_out: Mapping[str, str]
    predicates: Mapping[str, tuple[str, tuple[str, ...]]] = field(repr=False)  # name -> event, keys
    fluents: tuple[str, ...] = ()


def export(norms: NormSet) -> Exported:
    """Return what of a norm set MonPoly can say."""
    formulas: dict[str, str] = {}
    left_out: dict[str, str] = {}
    predicates: dict[str, tuple[str, tuple[str, ...]]] = {}
    fluents: set[str] = set()
    for norm in norms.norms:
        writer = _Formula(norm, norms)
        try:
            formulas[norm.id] = writer.violation()
        except _LeftOut as why:
            left_out[norm.id] = str(why)
            continue
        predicates |= writer.used
        fluents |= writer.fluents
    lines = [
        f"{name}({', '.join(f'{_name(k)}: {_sort(norms.vocabulary.events[event], k)}' for k in keys)})"
        for name, (event, keys) in sorted(predicates.items())
    ]
    for fluent in sorted(fluents):
        key = norms.vocabulary.key_of[fluent]
        lines += [f"{w}_{fluent}({f'{key}: string' if key else ''})" for w in ("begins", "ends")]
    return Exported("\n".join(lines) + "\n", formulas, left_out, predicates, tuple(sorted(fluents)))


def predicate(event: str, keys: Sequence[str]) -> str:
    """Return the name of what a record says if it says `event` and carries `keys`."""
    return "__".join((event, "_".join(map(_name, keys)))) if keys else event


def _sort(event: Event, key: str) -> str:
    return SORTS[event.data[key].type.name]


def _name(key: str) -> str:
    return key.replace(".", "_")


class _Formula:
    """Writes the violation of one norm.

    Variables: the slice ``s``, what is bound of the trigger ``t_<key>``, data of the act ``a_<key>``. A condition is
    written as a list of alternatives, each a list of what holds together: a disjunction of comparisons by itself is
    not monitorable, one of predicates is.
    """

    def __init__(self, norm: Norm, norms: NormSet) -> None:
        self.norm, self.norms = norm, norms
        self.words = norms.vocabulary
        self.used: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.fluents: set[str] = set()

    def violation(self) -> str:
        norm, duty = self.norm, self.norm.duty
        self.refuse()
        if norm.trigger is None:
            return _any(self.act(a, guard=norm.guards.get(a.event)) for a in duty.action)
        trigger = _any(self.trigger(a) for a in norm.trigger)
        release = [self.act(a, hide=True) for a in duty.released_by]
        if duty.operator == "forbidden":
            ends = [*release, *(self.act(a, hide=True) for a in duty.until)]
            since = f"({_none(ends)} SINCE {trigger})" if ends else f"(ONCE {trigger})"
            return _any(self.act(a, also=f"(PREVIOUS {since})") for a in duty.action)
        done = [*(self.act(a, hide=True) for a in duty.action), *release]
        if duty.within_ms is not None:
            bound = f"[0,{duty.within_ms}]"
            late = [self.act(a, hide=True) for a in duty.before]
            good = f"({_none(late)} UNTIL{bound} {_any(done)})" if late else f"(EVENTUALLY{bound} {_any(done)})"
            return f"({trigger} AND (NOT {good}))"
        enders = _any(self.act(a, hide=True) for a in duty.before)
        return f"({enders} AND ({_none(done)} SINCE {trigger}))"

    def refuse(self) -> None:
        norm, duty = self.norm, self.norm.duty
        exprs = [p for e in norm_exprs(norm) for p in parts_of(e)]
        stronger = any(r.priority > norm.priority for r in self.norms.rivals.get(norm.id, ()))
        why = (
            "a permission is never violated" if duty.operator == "permitted"
            else "what is to be kept, not done" if duty.keep is not None
            else f"mode {duty.mode}" if duty.mode == "punctual"
            else "what is owed after a violation (or_else)" if duty.or_else
            else "exceptions" if norm.overrides or self.norms.overriders[norm.id] or stronger
            else f"instances: {duty.instances}" if duty.instances != "each"
            else "an act before the trigger counts (preempt)" if duty.preempt
            else f"at most {duty.at_most} acts" if duty.at_most
            else "dates of validity" if (norm.valid_from, norm.valid_until) != ("0001-01-01", FOREVER)
            else "asks what was seen before" if any(isinstance(p, Seen) for p in exprs)
            else "asks what is known" if any(isinstance(p, Known) for p in exprs)
            else "multiplies" if any(isinstance(p, Sum) and p.op == "*" for p in exprs)
            else ""
        )  # fmt: skip
        acts = (*duty.action, *duty.released_by)
        if not why and duty.operator == "obliged" and not duty.inclusive:
            both = {a.event for a in norm.trigger or () for b in acts if self.one_record(a.event, b.event)}
            why = f"one record ({', '.join(sorted(both))}) may be trigger and act" if both else ""
        if not why and duty.operator == "obliged" and duty.within_ms is None and not duty.before:
            why = "no deadline"
        if not why and duty.operator == "obliged" and any(_orders(a.where) for a in acts if a.where is not None):
            why = "an act in the future is compared with the trigger by order"
        if why:
            raise _LeftOut(why)

    def one_record(self, one: str, other: str) -> bool:
        """Tell whether one record may say both."""
        a, b = self.words.events[one], self.words.events[other]
        return a.kind == b.kind and not (a.step_event and b.step_event and a.step_event != b.step_event)

    # ------------------------------------------------ predicates

    def atom(
        self, event: str, names: Mapping[str, str], cases: Sequence[Sequence[str]], hidden: Iterable[str],
        also: str = "",
    ) -> str:  # fmt: skip
        """Return a predicate with its conditions, one alternative for each case; `hidden` are its own variables."""
        keys = tuple(k for k in self.words.events[event].data if k in names)
        self.used[predicate(event, keys)] = (event, keys)
        out = list(hidden)
        said = f"{predicate(event, keys)}({', '.join(names[k] for k in keys)})"
        exists = f"EXISTS {', '.join(out)}. " if out else ""

        def one(case: Sequence[str]) -> str:
            whole = [said, *([also] if also else []), *case]
            text = whole[0] if len(whole) == 1 else f"({' AND '.join(whole)})"
            return f"({exists}{text})" if exists else text

        return _any(one(case) for case in cases)

    def slice_(self, event: str) -> dict[str, str]:
        key = self.norm.slice
        return {key: "s"} if key is not None and key in self.words.events[event].data else {}

    def trigger(self, atom: Atom) -> str:
        norm, event = self.norm, self.words.events[atom.event]
        asked = [e for e in (atom.where, norm.guards.get(atom.event)) if e is not None]
        keys = {p.key for e in asked for p in parts_of(e) if isinstance(p, Datum)} | set(norm.bound_keys)
        wanted = [k for k in event.data if k in keys and k != norm.slice]
        later = {p.key for d in norm.duty.all() for e in duty_exprs(d) for p in parts_of(e) if isinstance(p, Datum)
                 and p.of == "trigger"}  # fmt: skip
        names = {k: f"{'t' if k in later else 'g'}_{_name(k)}" for k in wanted} | self.slice_(atom.event)
        cases = self.cases(asked, names, names, "")
        return self.atom(atom.event, names, cases, [n for n in names.values() if n.startswith("g_")])

    def act(self, atom: Atom, *, guard: Expr | None = None, hide: bool = False, also: str = "") -> str:
        event = self.words.events[atom.event]
        asked = [e for e in (atom.where, guard) if e is not None]
        own = {p.key for e in asked for p in parts_of(e) if isinstance(p, Datum) and p.of == "event"}
        names = {k: f"a_{_name(k)}" for k in event.data if k in own and k != self.norm.slice} | self.slice_(atom.event)
        bound = {k: f"t_{_name(k)}" for k in self.norm.bound_keys} | self.slice_(atom.event)
        cases = self.cases(asked, names, bound, "PREVIOUS ")
        return self.atom(
            atom.event, names, cases, [n for n in names.values() if hide and n.startswith("a_")], also
        )  # fmt: skip

    # ------------------------------------------------ conditions

    def cases(
        self, asked: Iterable[Expr], own: Mapping[str, str], bound: Mapping[str, str], before: str
    ) -> list[list[str]]:
        """Return the alternatives in which all conditions hold."""
        found: list[list[str]] = [[]]
        for e in asked:
            found = [[*a, *b] for a in found for b in self.condition(e, own, bound, True, before)]
        return found

    def condition(
        self, e: Expr, own: Mapping[str, str], bound: Mapping[str, str], wanted: bool, before: str
    ) -> list[list[str]]:
        def again(x: Expr, w: bool) -> list[list[str]]:
            return self.condition(x, own, bound, w, before)

        match e:
            case Literal(value):
                return [["0 = 0" if value is wanted else "0 = 1"]]
            case Not(of):
                return again(of, not wanted)
            case Both(word, left, right):
                one, other = again(left, wanted), again(right, wanted)
                if (word == "and") is wanted:
                    return [[*a, *b] for a in one for b in other]
                return [*one, *other]
            case OneOf(of, values):
                term = self.term(of, own, bound)
                if wanted:
                    return [[f"{term} = {_value(v)}"] for v in values]
                return [[f"(NOT {term} = {_value(v)})" for v in values]]
            case Compare(op, left, right):
                return [[_compared(op, self.term(left, own, bound), self.term(right, own, bound), wanted)]]
            case Datum():
                return [[f"{self.term(e, own, bound)} = {int(wanted)}"]]
            case Holds(affordance, keys):
                return [[self.holding(affordance, keys, own, bound, wanted, before)]]
        raise _LeftOut(f"asks for {type(e).__name__}")

    def holding(
        self, affordance: str, keys: tuple[Datum, ...] | None, own: Mapping[str, str], bound: Mapping[str, str],
        wanted: bool, before: str,
    ) -> str:  # fmt: skip
        key = self.words.key_of[affordance]
        name = ""
        if key is not None:
            names = [own.get(d.key) if d.of == "event" else bound.get(d.key) for d in keys or ()]
            name = next((n for n in names if n), "s" if key == self.norm.slice else "")
            if not name:
                raise _LeftOut(f"holds({affordance}) by {key!r}, which is not bound")
        self.fluents.add(affordance)
        since = f"{before}((NOT ends_{affordance}({name})) SINCE begins_{affordance}({name}))"
        return f"({since})" if wanted else f"(NOT ({since}))"

    def term(self, e: Expr, own: Mapping[str, str], bound: Mapping[str, str]) -> str:
        match e:
            case Literal(value):
                return _value(value)
            case Datum("event", key):
                return own[key]
            case Datum(_, key):
                return bound[key]
            case Sum(op, left, right):
                return f"({self.term(left, own, bound)} {op} {self.term(right, own, bound)})"
        raise _LeftOut("compares conditions")


def _orders(expr: Expr) -> bool:
    """Tell whether a datum of the act is compared with one of the trigger other than for being equal."""
    for p in parts_of(expr):
        if isinstance(p, Compare):
            of = {d.of for d in parts_of(p) if isinstance(d, Datum)}
            if of == {"event", "trigger"} and (p.op != "==" or any(isinstance(x, Sum) for x in parts_of(p))):
                return True
    return any(isinstance(p, Not) for p in parts_of(expr)) and any(
        isinstance(d, Datum) and d.of == "trigger" for d in parts_of(expr)
    )


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return json.dumps(value) if isinstance(value, str) else str(value)


def _compared(op: str, left: str, right: str, wanted: bool) -> str:
    if not wanted:
        op = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}[op]
    return f"(NOT {left} = {right})" if op == "!=" else f"{left} {'=' if op == '==' else op} {right}"


def _any(parts: Iterable[str]) -> str:
    listed = list(dict.fromkeys(parts))
    return listed[0] if len(listed) == 1 else f"({' OR '.join(listed)})"


def _none(parts: Iterable[str]) -> str:
    return f"(NOT {_any(parts)})"


# ---------------------------------------------------------------- logs


@dataclass
class Lines:
    """A log as MonPoly reads it. `silent` counts, by predicate, the records that lack a datum and so say nothing."""

    lines: list[str] = field(default_factory=list)
    silent: dict[str, int] = field(default_factory=dict)


def log(exported: Exported, norms: NormSet, records: Iterable[Mapping[str, Any]]) -> Lines:
    """Return a journal as time points: ``@<ms> event(values) ...``, in the order of the records."""
    made, words = Lines(), norms.vocabulary
    state = Interpreter(NormSet((), words))
    held: set[tuple[str, object]] = set()
    by_event: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for name, (event_name, keys) in exported.predicates.items():
        by_event.setdefault(event_name, []).append((name, keys))
    for record in records:
        state.feed(record)
        if record["kind"] not in words.kinds:
            continue
        now = {(p.affordance, p.key) for p in state.state if p.affordance in exported.fluents}
        parts = [f"begins_{a}({_argument(k)})" for a, k in sorted(now - held, key=str)]
        parts += [f"ends_{a}({_argument(k)})" for a, k in sorted(held - now, key=str)]
        held = now
        for event in words.recognise(record):
            for name, keys in by_event.get(event.name, ()):
                values = [dig(record["data"], event.data[k].path) for k in keys]
                if None in values:
                    made.silent[name] = made.silent.get(name, 0) + 1
                else:
                    parts.append(f"{name}({', '.join(map(_value, values))})")
        made.lines.append(f"@{state.timeline.now} " + " ".join(parts))
    return made


def _argument(key: object) -> str:
    return "" if key is None else _value(key)


def left_out_text(exported: Exported) -> Iterator[str]:
    """Yield a line for each norm that is not exported, with the reason."""
    for name, why in exported.left_out.items():
        yield f"left out: {name}: {why}"
