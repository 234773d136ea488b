"""Proof of flows against norms: every way the terminal can go, and whether a norm can be violated on one of them.

What is explored is the graph of `semantics.exploration`: all flows together, every environment choice, a power cut at
any place. Each norm is then taken by itself. A norm's instance is followed from each trigger on; that every instance is
followed by itself is sound because a property of all instances is violated by one of them (what is lost: that one act
discharges only the oldest of several open instances).

Verdicts:

    holds                       no way violates it
    violated by the system      some way does, and the environment only did what it may; the shortest one is shown
    violable by environment     only a customer, host or bank that does not do its part violates it; `handled` if the
                                flow itself goes on to an end, `unhandled` if not
    vacuous                     no way ever brings it into force: nothing was proved
    unknown                     data are missing from the effect table, or the exploration was cut off

Time: along a way each stay takes its longest, as charts and effect table bound it. A norm that is late only when the
customer dawdles is violable by environment.

Caveats, printed with every report: durations of devices and host are assumptions of the table; one customer, one
dispenser, and amounts in small units stand for all; a service is trusted to do what the table says of its actions.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from kiosk.flow.chart import Chart, load_charts
from semantics.actions import Actions, load_actions
from semantics.check import idle_norms, load_norms
from semantics.exploration import Edge, FluentRules, Graph, Run, Written, explore
from semantics.norms import expression
from semantics.norms.expression import World, evaluate
from semantics.norms.language import Atom, Norm, NormSet, norm_exprs

CAVEATS: Final = (
    "durations of devices and host are those of models/vocabulary/actions.yaml",
    "services are taken to do what that table says of their actions",
    "one customer and one open case at a time; amounts are 1 or 2 units; one power cut while a duty is open",
)
BASES: Final = ("session", "card_presentation", "service_order", "cash_entitlement")
LEFT_OUT: Final = "VF-LEFT-OUT"
DEAD: Final = "VF-DEAD"
OPENERS: Final = {"session": "session_begun", "case": "case_opened"}  # the record with which a slice's value begins
WHO: Final = {
    "person": "customer", "device": "device", "host": "host", "clock": "time", "power": "power", "terminal": "terminal",
}  # fmt: skip


class Proven(Enum):
    """What is known of a norm or a rule of flows."""

    SYSTEM = "violated by the system"
    UNHANDLED = "violable by environment, unhandled"
    HANDLED = "violable by environment, handled"
    UNKNOWN = "unknown"
    VACUOUS = "vacuous"
    HOLDS = "holds"


@dataclass(frozen=True)
class Proof:
    """One verdict. `way` is a shortest way to the violation; `place` the arc or norm it speaks of."""

    about: str
    verdict: Proven
    says: str
    place: str = ""
    way: tuple[Edge, ...] = ()

    @property
    def bad(self) -> bool:
        return self.verdict in (Proven.SYSTEM, Proven.UNKNOWN)


@dataclass(frozen=True)
class Instance:
    """An instance that is followed: what its trigger bound, and whether records still are of its slice."""

    bound: tuple[tuple[str, Any], ...]
    mine: bool = True
    acts: int = 0
    cut: bool = False  # the power was cut once already; it is cut once only for each instance

    def is_of(self, value: Any) -> bool:
        """Tell whether a slice is this instance's: the value that its trigger bound, any if nothing was bound."""
        return not self.bound or self.bound[-1][1] == value


GONE: Final = -1  # an instance that is followed no more
_At = tuple[int, int]  # a place, and the number of an instance
_Way = Callable[[], tuple[Edge, ...]]
_Remembered = tuple[int, "Written | None", frozenset[str]]  # a place, the latest act, the events seen
_Opened = tuple[int, frozenset[tuple[int, Instance]]]  # a place, and what is open of the norms that open an act


@dataclass(frozen=True)
class Result:
    """All proofs of a set of flows and norms."""

    graph: Graph
    proofs: tuple[Proof, ...]
    left_out: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Tell whether nothing is violated by the system or unknown, and something was proved."""
        return any(p.verdict is Proven.HOLDS for p in self.proofs) and not any(p.bad for p in self.proofs)

    def of(self, *verdicts: Proven) -> list[Proof]:
        return [p for p in self.proofs if p.verdict in verdicts]

    def render(self, *, all_: bool = False) -> str:
        """Return the report as text: counts, each violation with its way, what is vacuous, and the caveats."""
        counts = Counter(p.verdict for p in self.proofs)
        g = self.graph
        lines = [
            f"{len(g.charts)} flows, {len(g.nodes)} places, {len(g.edges)} steps: "
            + ", ".join(f"{counts[v]} {v.value}" for v in Proven if counts[v])
        ]  # fmt: skip
        for proof in self.proofs:
            if proof.verdict is Proven.HOLDS or (proof.verdict is Proven.VACUOUS):
                if all_:
                    lines.append(f"{proof.about}: {proof.verdict.value}" + f": {proof.says}" * (proof.about == DEAD))
                continue
            lines.append(f"{proof.about}: {proof.verdict.value}: {proof.says}")
            if proof.place:
                lines.append(f"    {proof.place}")
            lines += [f"    {line}" for line in told(g, proof.way)]
        vacuous = [p.about for p in self.of(Proven.VACUOUS) if p.about != DEAD]
        dead = sum(p.about == DEAD for p in self.proofs)
        if dead:
            vacuous.append(f"{dead} arcs that no way takes ({DEAD})")
        if vacuous:
            lines.append(f"vacuous, never in force in these flows: {', '.join(vacuous)}")
        if self.left_out:
            lines.append(f"not looked at, no flow can do what they oblige to yet: {', '.join(self.left_out)}")
        lines += [f"assumed: {c}" for c in CAVEATS]
        return "\n".join(lines)


def told(graph: Graph, way: Iterable[Edge]) -> list[str]:
    """Return a way in words, one line a step: who, what, the decisions in it, where it leads, what is journalled."""
    lines = []
    for n, edge in enumerate(way, 1):
        said = f" ({', '.join(edge.said)})" if edge.said else ""
        to = "/".join(edge.arcs[-1][0:3:2]) if edge.arcs else graph.nodes[edge.source].at
        if edge.target >= 0:
            to = graph.nodes[edge.target].at
        kinds = [w.kind for w, _, _ in edge.records if w.kind != "step"]
        journal = f"  journal: {', '.join(kinds)}" if kinds else ""
        lines.append(f"{n:2}. {WHO.get(edge.by, edge.by)}: {edge.event}{said} -> {to}{journal}")
    return lines


class _Kinds:
    """The steps of a graph by kind: what they write, and whether the power went. Norms tell no more of them apart."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.all: list[tuple[Run, bool]] = []
        self.of: list[int] = []  # step -> kind
        self.saying: dict[str, set[int]] = {}  # event -> kinds
        self.writing: dict[str, set[int]] = {}  # kind of record -> kinds
        number: dict[tuple[int, bool], int] = {}
        for edge in graph.edges:
            key = (id(edge.records), edge.by == "power")  # there is one object for equal records
            kind = number.setdefault(key, len(number))
            if kind == len(self.all):
                self.all.append((edge.records, edge.by == "power"))
                for record, _, _ in edge.records:
                    self.writing.setdefault(record.kind, set()).add(kind)
                    for event in record.events:
                        self.saying.setdefault(event, set()).add(kind)
            self.of.append(kind)
        #: place -> (step, target, kind, does its state stay, is it the customer's); the first of those that are alike
        self.out = [self._alike(steps) for steps in graph.out]

    def _alike(self, steps: Iterable[int]) -> list[tuple[int, int, int, bool, bool]]:
        edges, of = self._graph.edges, self.of
        first: dict[tuple[int, int, bool, bool], int] = {}
        for n in steps:
            edge = edges[n]
            first.setdefault((edge.target, of[n], edge.stays, self.customers(n)), n)
        return [(n, *key) for key, n in first.items()]

    def that(self, events: Iterable[str], records: Iterable[str]) -> set[int]:
        """Return the kinds of step that say one of some events or write one of some kinds of record."""
        said = (self.saying.get(event, set()) for event in events)
        return set().union(*said, *(self.writing.get(kind, set()) for kind in records))

    def customers(self, step: int) -> bool:
        """Tell whether a step is the customer's doing: his own, or the answer to an order that waits for him."""
        edge = self._graph.edges[step]
        order = self._graph.actions.orders.get(self._graph.answer_of.get(edge.event, ""))
        return edge.by == "person" or (order is not None and order.person)


class _Followed:
    """What steps do to the instances of one norm, which have numbers; found once for each instance and kind of step."""

    def __init__(self, verifier: Verifier, norm: Norm) -> None:
        self._verifier, self._norm = verifier, norm
        self._instances: list[Instance] = []
        self._numbers: dict[Instance, int] = {}
        self.known: list[dict[int, int]] = []  # instance -> kind of step -> instance, or GONE

    def number(self, i: Instance) -> int:
        number = self._numbers.setdefault(i, len(self._instances))
        if number == len(self._instances):
            self._instances.append(i)
            self.known.append({})
        return number

    def by(self, number: int, kind: int) -> tuple[int, str]:
        """Return the instance after a step, and how it was violated if it was."""
        v, norm = self._verifier, self._norm
        records, power = v.kinds.all[kind]
        left, why = v.goes_on(power, self._instances[number]), ""
        for record, before, after in records:
            if left is None:
                break
            left, why = v.follow(norm, record, before, after, v.at(norm, record, left))
        after_ = GONE if left is None else self.number(left)
        if not why:
            self.known[number][kind] = after_
        return after_, why


@dataclass
class Verifier:
    """Proves one graph. `norms` are those that the flows can keep."""

    graph: Graph
    norms: NormSet
    rules: FluentRules
    _matched: dict[Any, bool | None] = field(default_factory=dict)
    _acts: dict[str, Written] = field(default_factory=dict)
    _seen: frozenset[str] = frozenset()  # of the events that the norm asks for, those of this slice so far
    unknown: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)

    # ------------------------------------------------ asking

    def _world(self, norm: Norm, record: Written, holding: frozenset[str], bound: Mapping[str, Any]) -> World:
        slice_ = record.data.get(norm.slice) if norm.slice else None
        seen = self._seen
        return World(record.data, bound, slice_ or bound.get("\0slice"), lambda a, _: a in holding, seen.__contains__)

    def _ask(self, norm: Norm, expr: Any, record: Written, holding: frozenset[str], bound: Any) -> bool | None:
        if expr is None:
            return True
        key = (norm.id, id(expr), record, holding, bound, self._seen)
        if key not in self._matched:
            try:
                value = evaluate(expr, self._world(norm, record, holding, dict(bound)))
            except TypeError:
                value = None
            self._matched[key] = None if value is None else bool(value)
        return self._matched[key]

    def match(
        self, norm: Norm, atoms: tuple[Atom, ...], record: Written, holding: frozenset[str], i: Instance, *,
        wide: bool = False,
    ) -> bool:  # fmt: skip
        """Tell whether a record matches a pattern of an instance; `wide`: events without the slice key count, too."""
        events = record.events
        for atom in atoms:
            if atom.event not in events:
                continue
            own = norm.slice is None or (i.mine and norm.slice in record.data and i.is_of(record.data[norm.slice]))
            free = norm.slice is not None and norm.slice not in self.norms.vocabulary.events[atom.event].data
            if not (own or (wide and free)):
                continue
            answer = self._ask(norm, atom.where, record, holding, i.bound)
            if answer is None:
                self.unknown.add(norm.id)
            elif answer:
                return True
        return False

    def triggered(self, norm: Norm, record: Written, holding: frozenset[str]) -> Instance | None:
        """Return the instance that a record makes, if it does. `holding` is the state after the record."""
        if norm.trigger is None:
            return None
        events = record.events
        data = record.data
        for atom in norm.trigger:
            if atom.event not in events:
                continue
            if norm.slice is not None and norm.slice not in data:
                self.unknown.add(norm.id)
                continue
            declared = self.norms.vocabulary.events[atom.event].data
            bound = tuple((k, expression.dig(data, declared[k].path)) for k in norm.bound_keys if k in declared)
            bound += (("\0slice", data.get(norm.slice or "")),)
            for ask in (atom.where, norm.guards.get(atom.event)):
                answer = self._ask(norm, ask, record, holding, bound)
                if answer is None:
                    self.unknown.add(norm.id)
                if answer is not True:
                    break
            else:
                self.active.add(norm.id)
                return Instance(bound)
        return None

    def goes_on(self, power: bool, i: Instance) -> Instance | None:
        """Return an instance as it meets a further step, None if it is followed no more: at a second power cut."""
        if power:
            if i.cut:
                return None
            return replace(i, cut=True)
        return i

    @staticmethod
    def at(norm: Norm, record: Written, i: Instance) -> Instance:
        """Return an instance as it meets a record: from the one that opens a further customer or case, not its own."""
        opens = i.mine and record.kind == OPENERS.get(norm.slice or "")
        return replace(i, mine=False) if opens and i.is_of(record.data.get(norm.slice or "")) else i

    def follow(
        self, norm: Norm, record: Written, before: frozenset[str], after: frozenset[str], i: Instance
    ) -> tuple[Instance | None, str]:
        """Let one record happen to an instance: it goes on, is gone (None), or is violated (the reason)."""
        duty = norm.duty
        if duty.operator == "forbidden" and self.match(norm, duty.action, record, before, i):
            if i.acts + 1 > duty.at_most:
                return None, "a forbidden act"
            i = replace(i, acts=i.acts + 1)
        if duty.operator == "obliged" and duty.mode != "maintain":
            if self.match(norm, duty.action, record, after, i):
                return None, ""
            if self.match(norm, duty.before, record, after, i, wide=True):
                return None, "it is too late now"
        if self.match(norm, duty.released_by, record, after, i, wide=True):
            return None, ""
        if self.match(norm, duty.until, record, after, i, wide=True):
            return None, ""
        if duty.keep is not None and self._ask(norm, duty.keep, record, after, i.bound) is not True:
            return None, "the condition does not hold any more"
        return i, ""

    # ------------------------------------------------ norms

    @cached_property
    def kinds(self) -> _Kinds:
        """Return the steps by kind."""
        return _Kinds(self.graph)

    @cached_property
    def possible(self) -> frozenset[str]:
        """Return every event that some step says."""
        return frozenset(self.graph.saying)

    def prove(self, norm: Norm) -> Proof:
        """Return the verdict on one norm."""
        self.unknown.discard(norm.id)
        events = {a.event for a in norm.trigger or norm.duty.action}
        if not events & self.possible:
            return Proof(norm.id, Proven.VACUOUS, "", self._place(norm))
        self._seen = frozenset()
        if self.asked_seen(norm) and norm.trigger is None:
            return Proof(norm.id, Proven.UNKNOWN, "it asks at any time what was seen before; that is not followed here")
        proof = self._always(norm) if norm.trigger is None else self._triggered(norm)
        if proof.verdict is Proven.HOLDS and norm.id in self.unknown:
            says = "data that it asks for are not in models/vocabulary/actions.yaml"
            return Proof(norm.id, Proven.UNKNOWN, says, self._place(norm))
        return proof

    def _place(self, norm: Norm) -> str:
        return f"{norm.file}:{norm.line}: {norm.duty.means}"

    def _always(self, norm: Norm) -> Proof:
        events = {a.event for a in norm.duty.action}
        active = False
        looked_at: set[int] = set()
        for step in self.graph.that_say(events):
            edge = self.graph.edges[step]
            if id(edge.records) in looked_at:
                continue
            looked_at.add(id(edge.records))
            for record, before, _ in edge.records:
                said = record.events
                if not events.intersection(said):
                    continue
                whole = Instance(())
                guards = [norm.guards.get(a.event) for a in norm.duty.action if a.event in said]
                if norm.slice is not None and norm.slice not in record.data:
                    continue
                active = True
                if not self.match(norm, norm.duty.action, record, before, whole):
                    continue
                if all(self._ask(norm, g, record, before, ()) is True for g in guards):
                    if norm.duty.operator == "permitted":
                        return Proof(norm.id, Proven.HOLDS, "it is used")
                    return self._violated(norm, (*self.graph.way_to(edge.source), edge), "a forbidden act")
        if norm.duty.operator == "permitted" and active:
            says = "what it permits is done, and never under this permission"
            return Proof(norm.id, Proven.VACUOUS, says, self._place(norm))
        return Proof(norm.id, Proven.HOLDS if active else Proven.VACUOUS, "", self._place(norm))

    def _violated(self, norm: Norm, way: tuple[Edge, ...], why: str) -> Proof:
        if norm.duty.agent != "terminal":
            verdict = Proven.HANDLED if norm.duty.or_else else Proven.UNHANDLED
            return Proof(norm.id, verdict, f"{why}; it is a duty of {norm.duty.agent}", self._place(norm), way)
        return Proof(norm.id, Proven.SYSTEM, why, self._place(norm), way)

    def _beginnings(self, norm: Norm) -> Iterator[tuple[_Way, int, Instance, str]]:
        """Yield each way to a fresh instance: (way, place after it, instance after the rest of its step, violation).

        An instance that its own step discharges is not yielded.
        """
        g, kinds = self.graph, self.kinds
        remembers = self.asked_seen(norm)
        words = {a.event for a in norm.trigger or ()}
        if not (norm.duty.preempt or remembers):
            born: dict[int, tuple[tuple[Instance, str], ...]] = {}
            for n in g.that_say(words):
                kind = kinds.of[n]
                if kind not in born:
                    born[kind] = tuple(self._born(norm, g.edges[n], None))
                for i, why in born[kind]:
                    yield partial(self._way_by, n), g.edges[n].target, i, why
            return
        begin: _Remembered = (0, None, frozenset())
        before: dict[_Remembered, tuple[_Remembered, Edge] | None] = {begin: None}
        todo = deque([begin])

        def way(state: _Remembered, last: Edge) -> tuple[Edge, ...]:
            edges = [last]
            while (back := before[state]) is not None:
                edges.append(back[1])
                state = back[0]
            return tuple(edges[::-1])

        telling = kinds.that(
            words.union((a.event for a in norm.duty.action), remembers),
            {"boot", "session_ended", OPENERS.get(norm.slice or "", "")},
        )
        told: dict[Any, tuple[tuple[tuple[Instance, str], ...], Written | None, frozenset[str]]] = {}
        while todo:
            state = todo.popleft()
            node, latest, seen = state
            for n, target, kind, _, _ in kinds.out[node]:
                here, known = latest, seen
                if kind in telling:
                    asked = (kind, latest, seen)
                    if asked not in told:
                        self._seen = seen
                        edge = g.edges[n]
                        fresh = tuple(self._born(norm, edge, latest))
                        known = self._seen_after(norm, edge, seen, remembers)
                        told[asked] = fresh, self._latest(norm, edge, latest), known
                    fresh, here, known = told[asked]
                    for i, why in fresh:
                        yield partial(way, state, g.edges[n]), target, i, why
                after = (target, here, known)
                if target >= 0 and after not in before:
                    before[after] = (state, g.edges[n])
                    todo.append(after)
        self._seen = frozenset()

    def _way_by(self, step: int) -> tuple[Edge, ...]:
        edge = self.graph.edges[step]
        return (*self.graph.way_to(edge.source), edge)

    @staticmethod
    def asked_seen(norm: Norm) -> frozenset[str]:
        """Return the events of which a norm asks whether they have happened in the slice."""
        parts = (p for e in norm_exprs(norm) for p in expression.parts_of(e))
        return frozenset(p.event for p in parts if isinstance(p, expression.Seen))

    @staticmethod
    def _seen_after(norm: Norm, edge: Edge, seen: frozenset[str], asked: frozenset[str]) -> frozenset[str]:
        for record, _, _ in edge.records:
            if record.kind in ("boot", OPENERS.get(norm.slice or "")):
                seen = frozenset()
            seen |= asked.intersection(record.events)
        return seen

    def _born(self, norm: Norm, edge: Edge, latest: Written | None) -> Iterator[tuple[Instance, str]]:
        """Yield the instances that a step makes and does not end itself: (instance, violation)."""
        duty = norm.duty
        live: list[Instance] = []
        for record, before, after in edge.records:
            following: list[Instance] = []
            for i in live:
                left, why = self.follow(norm, record, before, after, i)
                if why:
                    yield i, why
                elif left is not None:
                    following.append(left)
            live = following
            made = self.triggered(norm, record, after)
            if made is not None:
                kept = latest is not None and self.match(norm, duty.action, latest, after, made)
                now = duty.inclusive and self.match(norm, duty.action, record, after, made)
                if duty.keep is not None and self._ask(norm, duty.keep, record, after, made.bound) is not True:
                    yield made, "the condition does not hold"
                elif not (kept or now):
                    live.append(made)
            latest = self._remembered(norm, record, after, latest)
        for i in live:
            yield i, ""

    def _remembered(self, norm: Norm, record: Written, after: frozenset[str], latest: Written | None) -> Written | None:
        """Return the latest act of the slice after a record: what may discharge a duty before it is made."""
        if not norm.duty.preempt:
            return None
        if record.kind == OPENERS.get(norm.slice or "") or record.kind in ("boot", "session_ended"):
            return None
        if not self.match(norm, norm.duty.action, record, after, Instance(())):
            return latest
        # if nothing that the trigger binds is asked of it, any such act will do
        return record if norm.bound_keys else self._acts.setdefault(norm.id, record)

    def _latest(self, norm: Norm, edge: Edge, latest: Written | None) -> Written | None:
        for record, _, after in edge.records:
            latest = self._remembered(norm, record, after, latest)
        return latest

    def _triggered(self, norm: Norm) -> Proof:
        starts: dict[tuple[int, Instance], tuple[Edge, ...]] = {}
        self.active.discard(norm.id)
        for begun, target, i, why in self._beginnings(norm):
            if why:
                return self._violated(norm, begun(), why)
            if (target, i) not in starts:
                starts[target, i] = begun()
        if norm.id not in self.active:
            return Proof(norm.id, Proven.VACUOUS, "", self._place(norm))
        if norm.duty.operator == "permitted":
            return self._permitted(norm, starts)
        broken = self._search(norm, starts, dawdling=False)
        if broken is not None:
            return self._violated(norm, *broken)
        if norm.duty.within_ms is not None:
            broken = self._search(norm, starts, dawdling=True)
            if broken is not None:
                way, why = broken
                ends = self.graph.nodes[way[-1].target].at in self.graph.actions.rest if way else False
                verdict = Proven.UNHANDLED if ends else Proven.HANDLED
                return Proof(norm.id, verdict, f"{why}, while the customer takes his time", self._place(norm), way)
        return Proof(norm.id, Proven.HOLDS, "", self._place(norm))

    def _search(
        self, norm: Norm, starts: Mapping[tuple[int, Instance], tuple[Edge, ...]], *, dawdling: bool
    ) -> tuple[tuple[Edge, ...], str] | None:
        """Follow every instance to its end; return a way that violates it, shortest first."""
        g, within = self.graph, norm.duty.within_ms if norm.duty.operator == "obliged" else None
        followed = _Followed(self, norm)
        begun = {(node, followed.number(i)): way for (node, i), way in starts.items()}
        best: dict[_At, int] = dict.fromkeys(begun, 0)
        back: dict[_At, tuple[_At, int]] = {}
        todo = deque(sorted(begun, key=lambda s: len(begun[s])))
        out = self.kinds.out

        def way(state: _At) -> tuple[Edge, ...]:
            steps: list[int] = []
            passed: set[_At] = set()
            while state in back and state not in passed:
                passed.add(state)
                state, step = back[state]
                steps.append(step)
            return (*begun.get(state, ()), *(g.edges[n] for n in steps[::-1]))

        def round_trip(state: _At, start: _At) -> list[int] | None:
            """Return the way by which `state` was reached from `start`, which it leads to again; None if it was not."""
            steps: list[int] = []
            while state != start:
                if state not in back:
                    return None
                state, step = back[state]
                steps.append(step)
            return steps

        while todo:
            state = todo.popleft()
            node, i = state
            here = elapsed = best[state]
            if within is not None:
                stay = self.stays[node][dawdling]
                if stay is None or elapsed + stay > within:
                    limit = "for ever" if stay is None else f"for {(elapsed + stay) / 1000:g} s"
                    return way(state), f"it can stay undone {limit} at {g.nodes[node].at}"
                elapsed += stay
            known = followed.known[i]
            for n, target, kind, stays, customers in out[node]:
                left = known.get(kind)
                if left is None:
                    left, why = followed.by(i, kind)
                    if why:
                        return (*way(state), g.edges[n]), why
                if left == GONE:
                    continue
                after = (target, left)
                # an event that leaves the state as it is does not start its deadline again
                now = here if stays else elapsed
                if after in best:
                    if within is None or now <= best[after]:
                        continue
                    if not dawdling and customers:
                        continue  # going round and round is the customer's own doing
                    loop = round_trip(state, after)
                    if loop is not None and not dawdling and any(map(self.kinds.customers, loop)):
                        continue
                    if loop is not None:
                        return (*way(state), g.edges[n]), f"it can go round for ever at {g.nodes[target].at}"
                best[after] = now
                back[after] = (state, n)
                todo.append(after)
        return None

    @cached_property
    def stays(self) -> list[tuple[int | None, int | None]]:
        """Return the longest stays at each place, as `Graph.dwell` tells them."""
        return [self.graph.dwell(node) for node in self.graph.nodes]

    def _permitted(self, norm: Norm, starts: Mapping[tuple[int, Instance], tuple[Edge, ...]]) -> Proof:
        g = self.graph
        seen = set(starts)
        todo = deque(starts)
        while todo:
            node, i = todo.popleft()
            for n in g.out[node]:
                left = self.goes_on(g.edges[n].by == "power", i)
                for record, before, after in g.edges[n].records:
                    if left is None:
                        break
                    left = self.at(norm, record, left)
                    if self.match(norm, norm.duty.action, record, before, left):
                        return Proof(norm.id, Proven.HOLDS, "it can be used", self._place(norm))
                    left, _ = self.follow(norm, record, before, after, left)
                if left is not None and (g.edges[n].target, left) not in seen:
                    seen.add((g.edges[n].target, left))
                    todo.append((g.edges[n].target, left))
        says = "permitted, and no way makes use of it"
        return Proof(norm.id, Proven.VACUOUS, says, self._place(norm), min(starts.values(), key=len, default=()))

    # ------------------------------------------------ closed acts

    def closed(self, event: str) -> Proof:
        """Prove that a closed act is done only under a permission or obligation in force."""
        g = self.graph
        openers = [
            n for n in self.norms.norms
            if n.duty.operator != "forbidden" and any(a.event == event for a in n.duty.action)
        ]  # fmt: skip
        start: _Opened = (0, frozenset())
        back: dict[_Opened, tuple[_Opened, int] | None] = {start: None}
        todo = deque([start])
        done = bool(g.saying.get(event))
        name = f"closed:{event}"
        known: dict[tuple[frozenset[tuple[int, Instance]], int], frozenset[tuple[int, Instance]] | None] = {}
        while todo:
            state = todo.popleft()
            node, active = state
            for n, target, kind, _, _ in self.kinds.out[node]:
                if (active, kind) not in known:
                    known[active, kind] = self._opened(event, openers, active, *self.kinds.all[kind])
                live = known[active, kind]
                if live is None:
                    steps = [n]
                    while (step := back[state]) is not None:
                        state, n = step
                        steps.append(n)
                    ended = tuple(g.edges[s] for s in steps[::-1])
                    return Proof(name, Proven.SYSTEM, "done without a permission", "", ended)
                after = (target, live)
                if after not in back:
                    back[after] = (state, n)
                    todo.append(after)
        return Proof(name, Proven.HOLDS if done else Proven.VACUOUS, "")

    def _opened(
        self, event: str, openers: list[Norm], active: frozenset[tuple[int, Instance]], records: Run, power: bool
    ) -> frozenset[tuple[int, Instance]] | None:
        """Return what is open after a step of what was before; None if the closed act is done and nothing opened it."""
        written = {w.kind for w, _, _ in records}
        live = {
            (k, on) for k, i in active
            if (on := self.goes_on(power, i)) is not None
            and on.mine and OPENERS.get(openers[k].slice or "") not in written
        }  # fmt: skip
        for record, before, after in records:
            if event in record.events:
                opened = any(self.match(openers[k], openers[k].duty.action, record, before, i) for k, i in live)
                opened = opened or any(
                    self.match(n, n.duty.action, record, before, Instance(()))
                    and all(self._ask(n, n.guards.get(a.event), record, before, ()) is True
                            for a in n.duty.action if a.event == event)
                    for n in openers if n.trigger is None
                )  # fmt: skip
                if not opened:
                    return None
            following = set()
            for k, i in live:
                left, _ = self.follow(openers[k], record, before, after, i)
                if left is not None and left.mine:
                    following.add((k, left))
            live = following
            for k, norm in enumerate(openers):
                if norm.trigger is not None and (made := self.triggered(norm, record, after)) is not None:
                    live.add((k, made))
            if record.kind in ("boot", "session_ended"):
                live = {(k, i) for k, i in live if openers[k].slice is None}
        return frozenset(live)


def structure(graph: Graph, rules: FluentRules) -> Iterator[Proof]:
    """Yield what is wrong with the flows themselves, whatever the norms say."""
    g = graph
    said: set[tuple[str, str]] = set()
    for node, edge, broken in g.broken:
        if (broken.code, broken.says) not in said:
            said.add((broken.code, broken.says))
            place = f"{broken.file}:{broken.line}" if broken.file else ""
            yield Proof(broken.code, Proven.SYSTEM, broken.says, place, (*g.way_to(node), edge))
    ends = {n for n, node in enumerate(g.nodes) if node.at in g.actions.rest}
    for n, place_ in enumerate(g.nodes):
        flow, state = place_.stack[-1]
        chart = g.charts[flow]
        place = f"{chart.file}:{chart.states[state].line}"
        if place_.at not in g.actions.rest and g.dwell(place_)[1] is None and ("VF-WAIT", place_.at) not in said:
            said.add(("VF-WAIT", place_.at))
            says = f"{place_.at} can wait for ever: it has no deadline, and no order is under way whose driver has one"
            yield Proof("VF-WAIT", Proven.SYSTEM, says, place, tuple(g.way_to(n)))
        if n in ends:
            for end in g.actions.ends:
                if end.keep(g.vars_of(place_)) is not True and (end.code, place_.at) not in said:
                    said.add((end.code, place_.at))
                    yield Proof(end.code, Proven.SYSTEM, f"at {place_.at}: {end.says}", place, tuple(g.way_to(n)))
    into: dict[int, list[int]] = {}
    for edge in g.edges:
        if edge.by != "power":
            into.setdefault(edge.target, []).append(edge.source)
    good, todo = set(ends), deque(ends)
    while todo:
        for source in into.get(todo.popleft(), ()):
            if source not in good:
                good.add(source)
                todo.append(source)
    endless = [n for n in range(len(g.nodes)) if n not in good]
    if endless and g.complete and not g.broken:
        first = endless[0]
        says = f"from {g.nodes[first].at} no way leads to a state of rest"
        yield Proof("VF-ENDLESS", Proven.SYSTEM, says, "", tuple(g.way_to(first)))
    for (affordance, base), record in rules.orphans.items():
        found = next((e for e in g.edges if any(w is record for w, _, _ in e.records)), None)
        way = (*g.way_to(found.source), found) if found else ()
        yield Proof("VF-BASE", Proven.SYSTEM, f"{affordance} starts while {base} does not hold", "", way)
    for word, (file, line) in g.undeclared.items():
        says = f"{word!r} has no entry in models/vocabulary/actions.yaml: what it does is not known"
        yield Proof("VF-WORD", Proven.UNKNOWN, says, f"{file}:{line}")
    for at, event in g.untold.items():
        says = f"not followed: {event} to {at}, where every service that can be chosen is left out"
        yield Proof(LEFT_OUT, Proven.UNKNOWN, says)
    if not g.complete:
        yield Proof("VF-SIZE", Proven.UNKNOWN, f"more than {len(g.nodes)} places: the exploration was cut off")


def dead_arcs(graphs: Iterable[Graph]) -> list[tuple[str, str, str, int]]:
    """Return the arcs that no way takes: (flow, from, to, line). Flows that are left out have none.

    Left out are the services that the effect table does not describe, and what only they call.
    """
    graphs = list(graphs)
    out = set(graphs[0].missing)
    if out:
        out |= graphs[0].charts.keys() - frozenset().union(*(g.entered for g in graphs))
    taken = {arc for g in graphs for edge in g.edges for arc in edge.arcs}
    charts = graphs[0].charts
    return [
        (c.name, t.source, t.target, t.line) for c in charts.values() for t in c.transitions
        if c.name not in out and (c.name, t.source, t.target, t.line) not in taken
    ]  # fmt: skip


def rules_of(norms: NormSet, actions: Actions) -> FluentRules:
    """Return how records change what holds: what norms ask for, and what orders and notes stand on."""
    v = norms.vocabulary
    asked = {
        p.affordance for n in norms.norms for e in norm_exprs(n) for p in expression.parts_of(e)
        if isinstance(p, expression.Holds)
    }  # fmt: skip
    tracked = frozenset((asked | set(BASES)) & v.tracked)
    bases = {a: tuple(b for b in v.bases.get(a, ()) if b in tracked) for a in v.tracked}
    return FluentRules(v.recognise, v.dependents, bases, tracked, actions.fluents, v.ends, v.key_of)


def verify(
    charts: Mapping[str, Chart], actions: Actions, norms: NormSet, *, only: Iterable[str] = (), first: bool = False,
    services: frozenset[str] | None = None,
) -> Result:  # fmt: skip
    """Prove flows against norms. `only` names norms; without it all are proved, and the flows themselves.

    `services` looks at customers who choose only these: for a change of which it is known whom it concerns.

    With `first` it ends at the first violation by the system: enough to refuse a change.
    """
    idle = {n.id: code for n, code, _ in idle_norms(norms, charts)}
    left_out = tuple(n for n, code in idle.items() if code == "FL03" and norms.by_id[n].duty.operator == "obliged")
    rules = rules_of(norms, actions)
    wanted = set(only)
    graph = explore(charts, actions, rules, services=services, first=first and not wanted)
    proofs: list[Proof] = []
    if not wanted:
        proofs += structure(graph, rules)
        for name, words in graph.missing.items():
            says = f"not proved yet: {name}, {len(words)} words"
            proofs.append(Proof(LEFT_OUT, Proven.UNKNOWN, says, charts[name].file))
        graphs = [graph]
        for root in actions.beside:
            if root in charts:
                beside = explore(charts, actions, rules, root=root, region=root, cuts=False)
                graphs.append(beside)
                proofs += structure(beside, rules)
        for flow, source, target, line in dead_arcs(graphs):
            says = f"no way takes {flow}/{source} -> {target}: it is dead, or the effect table is too narrow"
            proofs.append(Proof(DEAD, Proven.VACUOUS, says, f"{charts[flow].file}:{line}"))
        if not any(p.verdict is Proven.SYSTEM for p in proofs):
            says = "every state has a way on and a way to rest, every answer is understood, nothing is owed at rest"
            proofs.append(Proof("VF-FLOWS", Proven.HOLDS, says))
    verifier = Verifier(graph, norms, rules)
    for norm in norms.norms:
        if first and any(p.verdict is Proven.SYSTEM for p in proofs):
            break
        if norm.id in left_out or (wanted and norm.id not in wanted):
            continue
        proofs.append(verifier.prove(norm))
    if not wanted:
        proofs += [verifier.closed(e.name) for e in norms.vocabulary.events.values() if e.closed]
    order = list(Proven)
    return Result(graph, tuple(sorted(proofs, key=lambda p: order.index(p.verdict))), left_out)


def verify_models(models: Path, *, only: Iterable[str] = ()) -> Result:
    """Prove the flows of a model folder against its norms. Raises DocumentError."""
    return verify(load_charts(models / "flows"), load_actions(models), load_norms(models), only=only)
