"""Norms and journals in the language of MonPoly, so that another monitor can say what ours says.

A norm becomes the formula of its *violation*: MonPoly prints the time points, with the slice and the bound data, at
which it holds. A record becomes a time point of its own, with its time in milliseconds and one predicate for each
event it says; what the state is asked for becomes predicates, too: ``begins_x`` and ``ends_x``, made by the rules of
the chart. Formulas are of the monitorable fragment: past, and bounded future.

    obliged within d       T and not (not B until[0,d] (A or R))      A fulfils, R releases, B is too late
    obliged before B       B and ((not A and not R) since T)
    forbidden              A and previous ((not U) since T)           U is until or release
    always forbidden       A, with its condition in the state before

What is not in the fragment is left out, with its reason: permissions, what is to be kept, reparations, exceptions,
counted and coalesced instances, `preempt`, `punctual`, `seen`, and norms one of whose records can be trigger and act.
In the formulas one act fulfils every open instance of its slice; under a norm with ``discharge: oldest`` ours takes the
oldest only, so the two agree where no second trigger comes before the first is answered. MonPoly knows no unknown: a
record that lacks a datum the norms ask for says nothing there (`Exported.silent` counts them).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
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
from semantics.norms.language import FOREVER, Atom, Norm, NormSet, norm_exprs
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
    predicates: Mapping[str, tuple[str, ...]] = field(repr=False)  # event -> keys
    fluents: tuple[str, ...] = ()

    def formula_file(self, norm: str) -> str:
        return self.formulas[norm] + "\n"


def export(norms: NormSet) -> Exported:
    """Return what of a norm set MonPoly can say."""
    formulas: dict[str, str] = {}
    left_out: dict[str, str] = {}
    wanted: dict[str, set[str]] = {}
    fluents: set[str] = set()
    for norm in norms.norms:
        writer = _Formula(norm, norms)
        try:
            formulas[norm.id] = writer.violation()
        except _LeftOut as why:
            left_out[norm.id] = str(why)
            continue
        for event, keys in writer.used.items():
            wanted.setdefault(event, set()).update(keys)
        fluents |= writer.fluents
    predicates = {e: tuple(k for k in norms.vocabulary.events[e].data if k in wanted[e]) for e in sorted(wanted)}
    # every formula names all keys of a predicate, so they are written once all are known
    for name in formulas:
        formulas[name] = _Formula(norms.by_id[name], norms, predicates).violation()
    lines = [
        f"{e}({', '.join(f'{_name(k)}: {_sort(norms.vocabulary.events[e], k)}' for k in keys)})"
        for e, keys in predicates.items()
    ]
    for fluent in sorted(fluents):
        key = norms.vocabulary.key_of[fluent]
        lines += [f"{w}_{fluent}({f'{key}: string' if key else ''})" for w in ("begins", "ends")]
    return Exported("\n".join(lines) + "\n", formulas, left_out, predicates, tuple(sorted(fluents)))


def _sort(event: Event, key: str) -> str:
    return SORTS[event.data[key].type.name]


def _name(key: str) -> str:
    return key.replace(".", "_")


class _Formula:
    """Writes the violation of one norm. Variables: the slice ``s``, the trigger's data ``t_<key>``, the act's ``a_<key>``."""

    def __init__(self, norm: Norm, norms: NormSet, predicates: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.norm, self.norms, self.predicates = norm, norms, predicates
        self.words = norms.vocabulary
        self.used: dict[str, set[str]] = {}
        self.fluents: set[str] = set()
        self.fresh = 0

    def violation(self) -> str:
        norm, duty = self.norm, self.norm.duty
        self.refuse()
        if norm.trigger is None:
            return _any(self.act(a, always=True) for a in duty.action)
        trigger = _any(self.trigger(a) for a in norm.trigger)
        release = [self.event(a) for a in duty.released_by]
        if duty.operator == "forbidden":
            ends = [*release, *(self.event(a) for a in duty.until)]
            since = f"({_none(ends)} SINCE {trigger})" if ends else f"(ONCE {trigger})"
            return f"({_any(self.act(a) for a in duty.action)} AND (PREVIOUS {since}))"
        done = [self.act(a, hide=True) for a in duty.action] + release
        if duty.within_ms is not None:
            bound = f"[0,{duty.within_ms}]"
            late = [self.event(a) for a in duty.before]
            good = f"({_none(late)} UNTIL{bound} {_any(done)})" if late else f"(EVENTUALLY{bound} {_any(done)})"
            return f"({trigger} AND (NOT {good}))"
        enders = _any(self.event(a) for a in duty.before)
        return f"({enders} AND ({_none(done)} SINCE {trigger}))"

    def refuse(self) -> None:
        norm, duty = self.norm, self.norm.duty
        exprs = [p for e in norm_exprs(norm) for p in parts_of(e)]
        why = (
            "a permission is never violated" if duty.operator == "permitted"
            else "what is to be kept, not done" if duty.keep is not None
            else f"mode {duty.mode}" if duty.mode == "punctual"
            else "what is owed after a violation (or_else)" if duty.or_else
            else "exceptions" if norm.overrides or self.norms.overriders[norm.id]
            else "other norms decide with it (rivals)" if self.norms.rivals.get(norm.id)
            else f"instances: {duty.instances}" if duty.instances != "each"
            else "an act before the trigger counts (preempt)" if duty.preempt
            else f"at most {duty.at_most} acts" if duty.at_most
            else "dates of validity" if (norm.valid_from, norm.valid_until) != ("0001-01-01", FOREVER)
            else "asks what was seen before" if any(isinstance(p, Seen) for p in exprs)
            else "asks what is known" if any(isinstance(p, Known) for p in exprs)
            else "multiplies" if any(isinstance(p, Sum) and p.op == "*" for p in exprs)
            else ""
        )  # fmt: skip
        kinds = {self.words.events[a.event].kind for a in norm.trigger or ()}
        both = kinds & {self.words.events[a.event].kind for a in (*duty.action, *duty.released_by)}
        if not why and both and duty.operator == "obliged" and not duty.inclusive:
            why = f"one record ({', '.join(sorted(both))}) may be trigger and act"
        if not why and duty.operator == "obliged" and duty.within_ms is None and not duty.before:
            why = "no deadline"
        if why:
            raise _LeftOut(why)

    # ------------------------------------------------ predicates

    def predicate(self, event: str, names: Mapping[str, str], *, hide: bool) -> tuple[str, list[str]]:
        """Return an atom and its variables to be hidden: fresh ones of keys without a name, and with `hide` the act's."""
        keys = self.predicates.get(event, ()) if self.predicates is not None else tuple(names)
        self.used.setdefault(event, set()).update(names)
        arguments, fresh = [], []
        for key in keys:
            if key not in names:
                self.fresh += 1
                fresh.append(f"x{self.fresh}")
            arguments.append(names.get(key, f"x{self.fresh}"))
        hidden = [*fresh, *([n for n in names.values() if n.startswith("a_")] if hide else [])]
        return f"{event}({', '.join(arguments)})", hidden

    def atom(self, event: str, names: Mapping[str, str], condition: list[str], *, hide: bool) -> str:
        text, hidden = self.predicate(event, names, hide=hide)
        whole = " AND ".join([text, *condition])
        return f"(EXISTS {', '.join(hidden)}. ({whole}))" if hidden else f"({whole})" if condition else text

    def slice_(self, event: str) -> dict[str, str]:
        key = self.norm.slice
        return {key: "s"} if key is not None and key in self.words.events[event].data else {}

    def event(self, atom: Atom) -> str:
        """Return an event by which a duty ends; one that carries no slice concerns all."""
        return self.act(atom, hide=True)

    def trigger(self, atom: Atom) -> str:
        event = self.words.events[atom.event]
        asked = [e for e in (atom.where, self.norm.guards.get(atom.event)) if e is not None]
        keys = {p.key for e in asked for p in parts_of(e) if isinstance(p, Datum)} | set(self.norm.bound_keys)
        names = {k: f"t_{_name(k)}" for k in event.data if k in keys and k != self.norm.slice} | self.slice_(atom.event)
        condition = [self.condition(e, names, names, True, "") for e in asked]
        return self.atom(atom.event, names, condition, hide=False)

    def act(self, atom: Atom, *, always: bool = False, hide: bool = False) -> str:
        event = self.words.events[atom.event]
        guard = self.norm.guards.get(atom.event) if always else None
        asked = [e for e in (atom.where, guard) if e is not None]
        own = {p.key for e in asked for p in parts_of(e) if isinstance(p, Datum) and p.of == "event"}
        names = {k: f"a_{_name(k)}" for k in event.data if k in own and k != self.norm.slice} | self.slice_(atom.event)
        bound = {k: f"t_{_name(k)}" for k in self.norm.bound_keys}
        condition = [self.condition(e, names, bound, True, "PREVIOUS ") for e in asked]
        return self.atom(atom.event, names, condition, hide=hide)

    # ------------------------------------------------ conditions

    def condition(self, e: Expr, own: Mapping[str, str], bound: Mapping[str, str], wanted: bool, before: str) -> str:
        """Return a condition with negations inside, since MonPoly wants every variable of a negation bound."""

        def again(x: Expr, w: bool) -> str:
            return self.condition(x, own, bound, w, before)

        match e:
            case Literal(value):
                return "(0 = 0)" if value is wanted else "(0 = 1)"
            case Not(of):
                return again(of, not wanted)
            case Both(word, left, right):
                joint = "AND" if (word == "and") is wanted else "OR"
                return f"({again(left, wanted)} {joint} {again(right, wanted)})"
            case OneOf(of, values):
                one = [f"({'' if wanted else 'NOT '}{self.term(of, own, bound)} = {_value(v)})" for v in values]
                return f"({(' OR ' if wanted else ' AND ').join(one)})"
            case Compare(op, left, right):
                return _compared(op, self.term(left, own, bound), self.term(right, own, bound), wanted)
            case Datum():
                return f"({self.term(e, own, bound)} = {int(wanted)})"
            case Holds(affordance, keys):
                return self.holding(affordance, keys, own, bound, wanted, before)
        raise _LeftOut(f"asks for {type(e).__name__}")

    def holding(
        self, affordance: str, keys: tuple[Datum, ...] | None, own: Mapping[str, str], bound: Mapping[str, str],
        wanted: bool, before: str,
    ) -> str:  # fmt: skip
        key = self.words.key_of[affordance]
        name = "s" if key == self.norm.slice else ""
        if key is not None and not name:
            names = [own.get(d.key) if d.of == "event" else bound.get(d.key) for d in keys or ()]
            name = next((n for n in names if n), "")
            if not name:
                raise _LeftOut(f"holds({affordance}) by {key!r}, which is not bound")
        self.fluents.add(affordance)
        since = f"((NOT ends_{affordance}({name})) SINCE begins_{affordance}({name}))"
        return f"({'' if wanted else 'NOT '}({before}{since}))" if before else f"({'' if wanted else 'NOT '}{since})"

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


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return json.dumps(value) if isinstance(value, str) else str(value)


def _compared(op: str, left: str, right: str, wanted: bool) -> str:
    if not wanted:
        op = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}[op]
    return f"(NOT {left} = {right})" if op == "!=" else f"({left} {'=' if op == '==' else op} {right})"


def _any(parts: Iterable[str]) -> str:
    listed = list(parts)
    return listed[0] if len(listed) == 1 else f"({' OR '.join(listed)})"


def _none(parts: Iterable[str]) -> str:
    return f"(NOT {_any(parts)})"


# ---------------------------------------------------------------- logs


@dataclass
class Lines:
    """A log as MonPoly reads it. `silent` counts, by event, the records that lack a datum and so say nothing."""

    lines: list[str] = field(default_factory=list)
    silent: dict[str, int] = field(default_factory=dict)


def log(exported: Exported, norms: NormSet, records: Iterable[Mapping[str, Any]]) -> Lines:
    """Return a journal as time points: ``@<ms> event(values) ...``, in the order of the records."""
    made, words = Lines(), norms.vocabulary
    state = Interpreter(NormSet((), words))
    held: set[tuple[str, object]] = set()
    for record in records:
        state.feed(record)
        if record["kind"] not in words.kinds:
            continue
        now = {(p.affordance, p.key) for p in state.state if p.affordance in exported.fluents}
        parts = [f"begins_{a}({_argument(k)})" for a, k in sorted(now - held, key=str)]
        parts += [f"ends_{a}({_argument(k)})" for a, k in sorted(held - now, key=str)]
        held = now
        for event in words.recognise(record):
            if event.name not in exported.predicates:
                continue
            values = [dig(record["data"], event.data[k].path) for k in exported.predicates[event.name]]
            if None in values:
                made.silent[event.name] = made.silent.get(event.name, 0) + 1
            else:
                parts.append(f"{event.name}({', '.join(map(_value, values))})")
        made.lines.append(f"@{state.timeline.now} " + " ".join(parts))
    return made


def _argument(key: object) -> str:
    return "" if key is None else _value(key)


def left_out_text(exported: Exported) -> Iterator[str]:
    """Yield a line for each norm that is not exported, with the reason."""
    for name, why in exported.left_out.items():
        yield f"left out: {name}: {why}"
