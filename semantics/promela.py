"""Flows with a norm as Promela, so that SPIN can say whether the norm can be violated.

Exported is what the verifier looks at: the places and steps that the charts have under the effect table. What is *not*
taken over is how the verifier follows a norm: its conditions are written out for SPIN over the data of the records, in
three values as min and max, the follower is a few lines at each step, and SPIN searches by itself. Two programs that
agree on a verdict agree on the meaning of the norm.

A trigger may be followed or not; SPIN tries both. Followed is one instance at a time, as the verifier does. Steps that
write nothing the norm looks at are `skip`. What the language cannot express here is said in `Export.left_out`, and at
the head of the text: time above all. A deadline becomes the weaker claim that a duty is done before the terminal rests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kiosk.flow.chart import callees
from semantics.exploration import Edge, Graph, Written
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
from semantics.norms.language import Norm, NormSet, Pattern, norm_exprs

OPENERS: Final = {"session": "session_begun", "case": "case_opened"}  # the record with which a slice's value begins
MISSING: Final = -32_000  # a datum that is not known; data of the effect table are small

HEAD: Final = """/* {norm}: {means}
 * {text}
 *
 * Made by `kiosk flow export {flow}`: {nodes} places and {edges} steps, in {classes} classes of places that differ in
 * nothing the norm looks at.
 * Truth is 0 (no), 1 (unknown), 2 (yes).
{left_out} * Ask: spin -run -safety {norm}.pml     errors: 0 means that no way violates it
 */
#define NOT(a) (2 - (a))
#define AND(a, b) ((a) < (b) -> (a) : (b))
#define OR(a, b) ((a) > (b) -> (a) : (b))
#define IS(a) ((a) -> 2 : 0)
#define KNOWN(a) ((a) != {missing})

bool followed = false;      /* an instance is followed */
bool mine = false;      /* records are still of its slice */
bool cut = false;       /* the power went once since */
byte acts = 0;
{bound}"""


@dataclass(frozen=True)
class Export:
    """The text, and what it does not say of the norm."""

    text: str
    left_out: tuple[str, ...]


class CannotExport(Exception):
    """Nothing of a norm can be said in the language; the message says why."""


def export(graph: Graph, norm: Norm, norms: NormSet, *, flow: str = "") -> Export:
    """Return a graph with one norm. With `flow`, ways through other services are left out.

    Raises CannotExport for a norm that asks what was seen before, or that is never violated.
    """
    if norm.duty.operator == "permitted":
        raise CannotExport(f"{norm.id} is a permission: it is never violated")
    if any(isinstance(p, Seen) for e in norm_exprs(norm) for p in parts_of(e)):
        raise CannotExport(f"{norm.id} asks what was seen before, which the exploration does not follow")
    return _Writer(graph, norm, norms, flow).export()


class _Writer:
    def __init__(self, graph: Graph, norm: Norm, norms: NormSet, flow: str) -> None:
        self.g, self.norm, self.norms, self.flow = graph, norm, norms, flow
        self.words: dict[str, int] = {}
        duty = norm.duty
        self.left_out = []
        if duty.within_ms is not None and duty.operator == "obliged":
            self.left_out.append(f"the time of {duty.within_ms} ms: said is only that it is done before the end")
        if duty.or_else:
            self.left_out.append("what is owed after a violation (or_else)")
        if norm.overrides or norms.overriders[norm.id]:
            self.left_out.append("exceptions: the norm is looked at by itself")
        if flow:
            self.left_out.append(f"ways through services other than {flow}")
        if duty.preempt:
            self.left_out.append("that an act before the trigger counts (preempt)")
        patterns = (duty.action, duty.before, duty.until, duty.released_by, norm.trigger or ())
        self.mentioned = frozenset(a.event for p in patterns for a in p)

    # ------------------------------------------------ values and conditions

    def number(self, value: Any) -> str:
        if value is None:
            return str(MISSING)
        if isinstance(value, bool):
            return str(int(value))
        if isinstance(value, int):
            return str(value)
        return str(self.words.setdefault(str(value), 1_000 + len(self.words)))

    def term(self, expr: Expr, record: Written) -> str:
        match expr:
            case Literal(value):
                return self.number(value)
            case Datum("event", _, path):
                return self.number(dig(record.data, path))
            case Datum(_, key):
                return f"b_{_name(key)}"
            case Sum(op, left, right):
                return f"({self.term(left, record)} {op} {self.term(right, record)})"
        return f"({self.truth(expr, record, frozenset())} == 2)"

    def known(self, expr: Expr, record: Written) -> str:
        data = [p for p in parts_of(expr) if isinstance(p, Datum)]
        return " && ".join(f"KNOWN({self.term(d, record)})" for d in data) or "true"

    def truth(self, expr: Expr, record: Written, holding: frozenset[str]) -> str:
        match expr:
            case Literal(value):
                return "2" if value else "0"
            case Not(of):
                return f"NOT({self.truth(of, record, holding)})"
            case Both(word, left, right):
                both = f"{self.truth(left, record, holding)}, {self.truth(right, record, holding)}"
                return f"{'AND' if word == 'and' else 'OR'}({both})"
            case Holds(affordance):
                return "2" if affordance in holding else "0"
            case Known(of):
                return f"IS({self.known(of, record)})"
            case OneOf(of, values):
                found = " || ".join(f"{self.term(of, record)} == {self.number(v)}" for v in values)
                return f"({self.known(expr, record)} -> IS({found}) : 1)"
            case Compare(op, left, right):
                said = f"{self.term(left, record)} {op} {self.term(right, record)}"
                return f"({self.known(expr, record)} -> IS({said}) : 1)"
            case Datum():
                return f"({self.known(expr, record)} -> IS({self.term(expr, record)} != 0) : 1)"
        raise CannotExport(f"{self.norm.id} asks for {expr!r}")

    def matches(self, pattern: Pattern, record: Written, holding: frozenset[str], *, wide: bool = False) -> str:
        """Return when a record matches a pattern of the followed instance; empty if it never does."""
        key = self.norm.slice
        found = []
        for atom in pattern:
            if atom.event not in record.events:
                continue
            free = key is not None and key not in self.norms.vocabulary.events[atom.event].data
            if key is None or (wide and free):
                who = "true"
            elif key in record.data:
                who = "mine"
            else:
                continue
            where = "" if atom.where is None else f" && {self.truth(atom.where, record, holding)} == 2"
            found.append(f"({who}{where})")
        return " || ".join(found)

    # ------------------------------------------------ what a record does

    def record(self, record: Written, before: frozenset[str], after: frozenset[str]) -> Iterator[str]:
        """Yield the lines for one record, in the order of a step of the interpreter."""
        norm, duty = self.norm, self.norm.duty
        if record.kind == OPENERS.get(norm.slice or ""):
            yield "mine = false;"  # of another customer or case from here on
        if norm.trigger is None:
            yield from self.always(record, before)
            return
        if duty.operator == "forbidden" and (bad := self.matches(duty.action, record, before)):
            yield from _when(f"followed && ({bad})", f"acts++; assert(acts <= {duty.at_most})")
        if duty.operator == "obliged" and duty.keep is None:
            if done := self.matches(duty.action, record, after):
                yield from _when(f"followed && ({done})", "followed = false")
            if late := self.matches(duty.before, record, after, wide=True):
                yield from _when(f"followed && ({late})", "assert(false)")
        for pattern in (duty.released_by, duty.until):
            if gone := self.matches(pattern, record, after, wide=True):
                yield from _when(f"followed && ({gone})", "followed = false")
        if duty.keep is not None:
            yield from _when("followed", f"assert({self.truth(duty.keep, record, after)} == 2)")
        yield from self.trigger(record, after)

    def always(self, record: Written, before: frozenset[str]) -> Iterator[str]:
        for atom in self.norm.duty.action:
            if atom.event not in record.events or (self.norm.slice and self.norm.slice not in record.data):
                continue
            asked = [e for e in (atom.where, self.norm.guards.get(atom.event)) if e is not None]
            bad = " && ".join(f"{self.truth(e, record, before)} == 2" for e in asked) or "true"
            yield f"assert(!({bad}));"

    def trigger(self, record: Written, after: frozenset[str]) -> Iterator[str]:
        norm, events = self.norm, self.norms.vocabulary.events
        for atom in norm.trigger or ():
            if atom.event not in record.events or (norm.slice and norm.slice not in record.data):
                continue
            declared = events[atom.event].data
            bind = "".join(
                f" b_{_name(k)} = {self.number(dig(record.data, declared[k].path))};"
                for k in norm.bound_keys
                if k in declared
            )
            asked = [e for e in (atom.where, norm.guards.get(atom.event)) if e is not None]
            # what is bound is asked as data of this record
            own = [_at_trigger(e, declared) for e in asked]
            when = " && ".join(["!followed", *(f"{self.truth(e, record, after)} == 2" for e in own)])
            follow = "followed = true; mine = true; cut = false; acts = 0;" + bind
            if norm.duty.keep is not None:
                follow += f" assert({self.truth(norm.duty.keep, record, after)} == 2);"
            if norm.duty.inclusive and (done := self.matches(norm.duty.action, record, after)):
                follow += f" if :: ({done}) -> followed = false :: else fi;"
            yield f"if :: {when} -> if :: true -> {follow} :: true fi :: else fi;"

    # ------------------------------------------------ the whole

    def steps(self, edge: Edge) -> str:
        lines = []
        if edge.by == "power" and self.norm.trigger is not None:
            lines.append("if :: followed && cut -> followed = false :: followed && !cut -> cut = true :: else fi;")
        for record, before, after in edge.records:
            opener = record.kind == OPENERS.get(self.norm.slice or "")
            if opener or self.norm.duty.keep is not None or self.mentioned & set(record.events):
                lines += self.record(record, before, after)
        return " ".join(lines)

    def kept(self) -> set[int]:
        """Return the places on ways through the named flow only."""
        g = self.g
        services = {
            name for c in g.charts.values() for s in c.states.values() if s.call_any
            for name in g.charts if name in _callable(g, s.call_any.by)
        } - {self.flow}  # fmt: skip
        if not self.flow:
            return set(range(len(g.nodes)))
        return {n for n, node in enumerate(g.nodes) if not services & {flow for flow, _ in node.stack}}

    def export(self) -> Export:
        g, norm, kept = self.g, self.norm, self.kept()
        rest = norm.duty.within_ms is not None and norm.duty.operator == "obliged"
        ends = {n: rest and g.nodes[n].at in g.actions.rest for n in kept}
        arcs = [
            (e.source, self.steps(e), e.target, f"{e.by} {e.event}")
            for n in sorted(kept) for e in (g.edges[m] for m in g.out[n]) if e.target in kept
        ]  # fmt: skip
        block = _minimal(ends, [(a, label, b) for a, label, b, _ in arcs])
        options: dict[int, dict[tuple[str, int], str]] = {b: {} for b in block.values()}
        for a, label, b, said in arcs:
            if label or block[a] != block[b]:
                options[block[a]].setdefault((label, block[b]), said)
        at: dict[int, str] = {}
        body = []
        for n in sorted(kept):
            at.setdefault(block[n], g.nodes[n].at)
        for b in dict.fromkeys([block[0], *options]):
            check = "assert(!followed); " if any(ends[n] for n, of in block.items() if of == b) else ""
            lines = [f"  :: true -> atomic {{ {label or 'skip;'} goto P{to} }} /* {said} */"
                     for (label, to), said in options[b].items()]  # fmt: skip
            body.append(f"P{b}: /* {at[b]} */ {check}if\n" + "\n".join(lines or ["  :: false"]) + "\n  fi;")
        bound = "".join(f"int b_{_name(k)} = {MISSING};\n" for k in norm.bound_keys)
        words = "".join(f" * {number} is {word!r}\n" for word, number in self.words.items())
        left_out = "".join(f" * not said here: {x}\n" for x in self.left_out) + words
        head = HEAD.format(
            norm=norm.id, means=_plain(norm.duty.means), text=_plain(" ".join(norm.text.split())), nodes=len(kept),
            edges=len(arcs), classes=len(options), left_out=left_out, missing=MISSING, bound=bound,
            flow=self.flow or g.root,
        )  # fmt: skip
        return Export(head + "\nactive proctype terminal() {\n" + "\n".join(body) + "\n}\n", tuple(self.left_out))


def _minimal(ends: Mapping[int, bool], arcs: Sequence[tuple[int, str, int]]) -> dict[int, int]:
    """Return a class for each place, so that places of a class allow the same sequences of labels.

    Places that reach each other by steps without a label are one; then those are that cannot be told apart.
    """
    silent: dict[int, list[int]] = {n: [] for n in ends}
    for a, label, b in arcs:
        if not label:
            silent[a].append(b)
    block = _components(silent)
    out: dict[int, set[tuple[str, int]]] = {}
    while True:
        out = {b: set() for b in block.values()}
        for a, label, b in arcs:
            if label or block[a] != block[b]:
                out[block[a]].add((label, block[b]))
        marks = dict.fromkeys(out, False)
        for n, of in block.items():
            marks[of] |= ends[n]
        names = _refined(out, marks)
        merged = {n: names[b] for n, b in block.items()}
        if len(set(merged.values())) == len(out):
            return block
        block = merged


def _refined(out: Mapping[int, set[tuple[str, int]]], marks: Mapping[int, bool]) -> dict[int, int]:
    """Return classes of places that cannot be told apart by their steps (bisimulation)."""
    of: dict[int, int] = {n: int(marks[n]) for n in out}
    while True:
        numbers: dict[Any, int] = {}
        new = {
            n: numbers.setdefault((of[n], frozenset((label, of[b]) for label, b in steps)), len(numbers))
            for n, steps in out.items()
        }
        if len(numbers) == len(set(of.values())):
            return new
        of = new


def _components(next_: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """Return a number for each node, the same for nodes that reach each other (Tarjan, without recursion)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    on: list[int] = []
    found: dict[int, int] = {}
    for root in next_:
        if root in order:
            continue
        work = [(root, iter(next_[root]))]
        order[root] = low[root] = len(order)
        on.append(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in order:
                    order[other] = low[other] = len(order)
                    on.append(other)
                    work.append((other, iter(next_[other])))
                    break
                if other not in found:
                    low[node] = min(low[node], order[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    while True:
                        other = on.pop()
                        found[other] = node
                        if other == node:
                            break
    return found


def _callable(graph: Graph, by: str) -> frozenset[str]:
    states = (s for c in graph.charts.values() for s in c.states.values())
    return frozenset(n for s in states if s.call_any and s.call_any.by == by for n in callees(graph.charts, s))


def _when(condition: str, then: str) -> Iterator[str]:
    yield f"if :: {condition} -> {then} :: else fi;"


def _at_trigger(expr: Expr, declared: Mapping[str, Datum]) -> Expr:
    """Return a condition of a trigger with bound data read from the record itself."""
    match expr:
        case Datum("trigger", key):
            return declared.get(key, expr)
        case Not(of):
            return Not(_at_trigger(of, declared))
        case Both(word, left, right):
            return Both(word, _at_trigger(left, declared), _at_trigger(right, declared))
        case Compare(op, left, right):
            return Compare(op, _at_trigger(left, declared), _at_trigger(right, declared))
        case Sum(op, left, right):
            return Sum(op, _at_trigger(left, declared), _at_trigger(right, declared))
        case OneOf(of, values):
            return OneOf(_at_trigger(of, declared), values)
    return expr


def _name(key: str) -> str:
    return key.replace(".", "_")


def _plain(text: str) -> str:
    return text.replace("*/", "* /").replace("/*", "/ *")
