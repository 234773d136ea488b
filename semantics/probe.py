"""How conditions came out in a run of records: the truth of each part, each time the norm was asked.

C4 wants each part of a condition to decide it by itself, both ways: an evaluation in which turning that part round
would turn the whole round (masking MC/DC). Conditions of triggers are asked in the state after the record, those of
norms that are always in force in the state before it, as the interpreter does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semantics.interpreter import Interpreter
from semantics.norms.expression import Both, Expr, Literal, Not, World, dig, evaluate, to_text
from semantics.norms.language import Norm, NormSet
from semantics.norms.vocabulary import Event


def leaves(expr: Expr) -> list[Expr]:
    """Return the parts of a condition that are no `and`, `or`, `not`."""
    match expr:
        case Not(of):
            return leaves(of)
        case Both(_, left, right):
            return [*leaves(left), *leaves(right)]
        case Literal():
            return []
    return [expr]


def decided_by(expr: Expr, truth: Mapping[int, bool | None]) -> tuple[bool | None, frozenset[int]]:
    """Return the value of a condition from that of its parts (by id), and the parts that alone would turn it round."""

    def value(e: Expr, turned: int) -> bool | None:
        match e:
            case Literal(v):
                return bool(v)
            case Not(of):
                inner = value(of, turned)
                return None if inner is None else not inner
            case Both(word, left, right):
                decisive = word == "or"
                sides = (value(left, turned), value(right, turned))
                if decisive in sides:
                    return decisive
                return None if None in sides else not decisive
        known = truth[id(e)]
        return known if id(e) != turned or known is None else not known

    whole = value(expr, 0)
    if whole is None:
        return None, frozenset()
    return whole, frozenset(i for i in truth if value(expr, i) is (not whole))


@dataclass
class Seen:
    """What was seen of a norm's condition."""

    true: int = 0
    false: int = 0
    parts: dict[str, set[bool]] = field(default_factory=dict)  # part -> values with which it decided

    @property
    def decided(self) -> bool:
        return bool(self.parts) and all(len(v) == 2 for v in self.parts.values())


class Probe:
    """Feed the records of one journal after another; `seen` grows."""

    def __init__(self, norms: NormSet) -> None:
        self.words = norms.vocabulary
        self.norms = [n for n in norms.norms if n.guards]
        self.seen = {
            n.id: Seen(parts={to_text(e): set() for g in n.guards.values() for e in leaves(g)}) for n in self.norms
        }
        self._none = NormSet((), norms.vocabulary)
        self._before: dict[str, list[Norm]] = {}
        self._after: dict[str, list[Norm]] = {}
        for norm in self.norms:
            where = self._before if norm.trigger is None else self._after
            for event in norm.guards:
                where.setdefault(event, []).append(norm)

    def feed_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take one journal from its start."""
        state = Interpreter(self._none)
        for record in records:
            if record["kind"] not in self.words.kinds:
                continue
            events = self.words.recognise(record)
            data = record["data"]
            for event in events:
                for norm in self._before.get(event.name, ()):
                    self._ask(state, norm, event, data)
            state.feed(record)
            for event in events:
                for norm in self._after.get(event.name, ()):
                    self._ask(state, norm, event, data)

    def _ask(self, state: Interpreter, norm: Norm, event: Event, data: Mapping[str, Any]) -> None:
        bound = {k: dig(data, event.data[k].path) for k in norm.bound_keys if k in event.data}
        slice_ = dig(data, event.data[norm.slice].path) if norm.slice and norm.slice in event.data else None
        world = state.world(data, slice_, norm.slice, bound)
        wheres = [a.where for a in norm.trigger or norm.duty.action if a.event == event.name]
        if not any(where is None or _truth(where, world) for where in wheres):
            return
        guard = norm.guards[event.name]
        truth = {id(e): _truth(e, world) for e in leaves(guard)}
        whole, deciding = decided_by(guard, truth)
        if whole is None:
            return
        seen = self.seen[norm.id]
        seen.true += whole
        seen.false += not whole
        for e in leaves(guard):
            value = truth[id(e)]
            if id(e) in deciding and value is not None:
                seen.parts[to_text(e)].add(value)


def _truth(expr: Expr, world: World) -> bool | None:
    try:
        value = evaluate(expr, world)
    except TypeError:
        return None
    return None if value is None else bool(value)
