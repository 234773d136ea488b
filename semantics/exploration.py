"""Every way a flow can go: an explicit-state exploration of the charts under the abstract effects of their actions.

A node is a place where the terminal waits: the stack of flow states, the variables, and what was ordered and not yet
answered. An edge is one step: an event, every decision taken in it, the arcs of its cascade, and the records it writes
in the kernel's order (the step first, then the actions' in theirs). The rules are the runner's own
(`kiosk.flow.runner`): arcs of a state and event in the order written, ``entered``, calls, endings, deadlines.

The environment may do what the effect table lets it: the customer any key of the screen or nothing, a device any of its
four outcomes, the host any answer, the clock a deadline, and the power may go at any node. Where a state leaves open
which service it calls, the environment chooses one that the effect table describes whole; the others are told as left
out, not explored half. Breadth first, so the way
back along parents is a shortest way in steps. Nothing is random: the same charts give the same graph.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any, Final

from kiosk.flow.chart import Chart, Transition, callees
from semantics.actions import OUTCOMES, Actions, Effect, Vars, WrittenRecord
from semantics.liveness import Liveness

NODES_MAX: Final = 30_000  # beyond, the answer is `unknown`; the flows have about nine thousand
CASCADE_MAX: Final = 64  # as the runner
HOST: Final = "host"
_OF_CASE: Final = "case "  # marks in the fluents whose the open affordances of a case are
INNER: Final = frozenset({"entered", "done", "cancelled", "refused", "failed"})

Stack = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A record that some step writes. There is one object for equal records: they are compared by identity.

    `events` are what it says in the words of the vocabulary; `starts` and `finishes` the tracked affordances.
    """

    kind: str
    data: Mapping[str, Any]
    events: tuple[str, ...]
    starts: tuple[str, ...]
    finishes: tuple[str, ...]


#: What a step writes: each record with the fluents before and after it. There is one object for equal ones.
Run = tuple[tuple[Written, frozenset[str], frozenset[str]], ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """What went wrong in a step, which then has no target."""

    code: str
    says: str
    line: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A place where the terminal waits."""

    stack: Stack
    values: tuple[Any, ...]
    pending: tuple[str, ...]

    @property
    def at(self) -> str:
        return "/".join(self.stack[-1])


@dataclass(frozen=True, slots=True)
class Edge:
    """One step. `said` are the decisions in words, `arcs` the arcs taken, `records` what is journalled."""

    source: int
    target: int
    event: str
    by: str
    said: tuple[str, ...]
    arcs: tuple[tuple[str, str, str, int], ...]  # flow, from, to, line
    records: Run
    stays: bool = False  # no state was entered: a deadline that ran goes on


class _Oracle:
    """Answers questions by a given prefix, and the first answer beyond it; remembers how many there were."""

    def __init__(self, prefix: tuple[int, ...]) -> None:
        self.prefix = prefix
        self.taken: list[tuple[int, int]] = []
        self.said: list[str] = []

    def pick(self, count: int) -> int:
        place = len(self.taken)
        answer = self.prefix[place] if place < len(self.prefix) else 0
        self.taken.append((answer, count))
        return answer

    def later(self) -> Iterator[tuple[int, ...]]:
        """Yield the prefixes that differ from this run in one answer beyond its own prefix."""
        for place in range(len(self.prefix), len(self.taken)):
            before = tuple(a for a, _ in self.taken[:place])
            for other in range(self.taken[place][0] + 1, self.taken[place][1]):
                yield (*before, other)


class _Stop(Exception):
    def __init__(self, broken: Broken) -> None:
        self.broken = broken


class _Untold(Exception):
    """The step leads to where no service that the table describes can be chosen: it is not followed."""


class _Step:
    """One run of one event from one node."""

    def __init__(self, graph: Graph, node: Node, event: str, by: str, oracle: _Oracle) -> None:
        self.g, self.oracle, self.event, self.by = graph, oracle, event, by
        self.stack = list(node.stack)
        self.vars: Vars = dict(zip(graph.names, node.values))  # noqa: B905 (of one length; this is the hot path)
        self.pending = list(node.pending)  # oldest first
        self.records: list[tuple[str, dict[str, Any]]] = []
        self.arcs: list[tuple[str, str, str, int]] = []
        self.moves: list[dict[str, str]] = []
        self.decided: dict[str, bool] = {}
        self.effects = False
        self.entered = False
        self.before = self._keys()

    def _keys(self) -> dict[str, Any]:
        return {k: v for k, n in self.g.actions.keys.items() if (v := self.vars[n]) is not None}

    # ------------------------------------------------ effects

    def choose(self, effect: Effect) -> None:
        for name, values in effect.choose.items():
            i = self.oracle.pick(len(values)) if len(values) > 1 else 0
            self.vars[name] = values[i](self.vars)
            if len(values) > 1 and name != "moved":
                self.oracle.said.append(f"{name} {self.vars[name]!r}")
            elif name == "moved":
                self.oracle.said.append(f"{self.vars[name]} moved")

    def apply(self, effect: Effect, name: str, arc: Transition | None, chart: Chart | None) -> None:
        if effect.needs is not None and effect.needs(self.vars) is not True:
            line, file = (arc.line if arc else 1), (chart.file if chart else "")
            said = f"{name!r} is done while this does not hold: {effect.needs_text}"
            raise _Stop(Broken("VF-NEEDS", said, line, file))
        for other in effect.use:
            self.apply(self.g.actions.actions[other], other, arc, chart)
        if effect.pick:
            self.pick(effect.pick)
        for case in effect.cases:
            if case.when is None or case.when(self.vars) is True:
                self.choose(case)
                self.apply(case, name, arc, chart)
                break
        self.set(effect.set)
        for record in effect.records:
            if record.when is None or record.when(self.vars) is True:
                self.write(record)
                for end in self.g.actions.balances.get(record.kind, ()):
                    if end.keep(self.vars) is not True:
                        line, file = (arc.line if arc else 1), (chart.file if chart else "")
                        raise _Stop(Broken(end.code, f"{name!r}: {end.says}", line, file))
        if effect.order:
            self.pending.append(effect.order)
            self.effects = True
        if effect.ask:
            self.pending.append(HOST)
            self.effects = True
        for other in effect.then:
            self.apply(self.g.actions.actions[other], other, arc, chart)
        self.set(effect.set_after)

    def write(self, record: WrittenRecord) -> None:
        keys = self._keys()
        if record.keys is not None:
            keys = {k: v for k, v in keys.items() if k in record.keys}
        data = {k: v for k, ask in record.data.items() if (v := ask(self.vars)) is not None}
        self.records.append((record.kind, {**keys, **data}))
        self.effects = True

    def set(self, values: Mapping[str, Any]) -> None:
        if values:
            self.vars.update({name: ask(self.vars) for name, ask in values.items()})

    def act(self, name: str, arc: Transition | None, chart: Chart) -> None:
        effect = self.g.actions.actions.get(name)
        if effect is None:
            self.g.undeclared.setdefault(name, (chart.file, arc.line if arc else 1))
            return
        self.apply(effect, name, arc, chart)

    def holds(self, name: str) -> bool:
        if name in self.decided:
            return self.decided[name]
        rule = self.g.actions.guards.get(name)
        answer: bool
        if rule is not None and rule.is_ is not None:
            answer = rule.is_(self.vars) is True
            if not answer and rule.or_free:
                answer = self.free(name)
        elif rule is not None and rule.may is not None and rule.may(self.vars) is not True:
            answer = False
        else:
            answer = self.free(name)
        if rule is not None and rule.sets:
            self.vars[rule.sets] = answer
        self.decided[name] = answer
        return answer

    def free(self, name: str) -> bool:
        answer = self.oracle.pick(2) == 0
        self.oracle.said.append(name if answer else f"not {name}")
        return answer

    # ------------------------------------------------ the runner's rules

    def fire(self, event: str, answers: bool) -> bool:
        """Fire an event at the top. Returns whether an arc was taken."""
        flow, state = self.stack[-1]
        chart = self.g.charts[flow]
        arcs = chart.by_state_and_event.get((state, event))
        if arcs is None:
            if answers:
                raise _Stop(Broken("VF-DEAF", f"{flow}/{state} does not understand {event!r}",
                                   chart.states[state].line, chart.file))  # fmt: skip
            return False
        for arc in arcs:
            if all(self.holds(g.name) != g.negated for g in arc.guards):
                self.take(arc, chart)
                return True
        if answers and event != "entered":
            said = f"{flow}/{state}: every guard can refuse {event!r}; an answer needs a default"
            raise _Stop(Broken("VF-GUARD", said, arcs[0].line, chart.file))
        return False

    def take(self, arc: Transition, chart: Chart) -> None:
        for name in arc.actions:
            self.act(name, arc, chart)
        self.moves.append({"flow": chart.name, "from": arc.source, "to": arc.target, "event": arc.event})
        self.arcs.append((chart.name, arc.source, arc.target, arc.line))
        if len(self.arcs) > CASCADE_MAX:
            raise _Stop(Broken("VF-CIRCLE", f"more than {CASCADE_MAX} arcs in one step at {chart.name}/{arc.target}",
                               arc.line, chart.file))  # fmt: skip
        if arc.target != arc.source or arc.again:
            self.enter(arc.target)

    def enter(self, state: str) -> None:
        flow = self.stack[-1][0]
        chart = self.g.charts[flow]
        self.entered = True
        self.stack[-1] = (flow, state)
        self.decided.clear()
        there = chart.states[state]
        if there.ending:
            self.stack.pop()
            for scope in (flow, chart.kind):
                for name in self.g.actions.scoped.get(scope, ()):
                    self.vars[name] = self.g.actions.start[name]
            if not self.stack:
                raise _Stop(Broken("VF-ROOT", f"the root flow {flow!r} ended", there.line, chart.file))
            self.fire(there.ending.value, True)
        elif there.call:
            self.push(there.call)
        elif there.call_any:
            name = self.vars[self.g.actions.choices[there.call_any.by].sets]
            if name not in callees(self.g.charts, there):
                says = f"{flow}/{state} is entered, and no service was chosen"
                raise _Stop(Broken("VF-CHOICE", says, there.line, chart.file))
            self.push(name)
        elif chart.understands(state, "entered"):
            self.fire("entered", True)

    def pick(self, choice: str) -> None:
        """Let the environment choose, of the flows that are described, one that can be chosen now."""
        rules = self.g.actions.choices[choice]
        names = self.g.choosable.get(choice, ())
        can = [n for n in names if n not in rules.when or rules.when[n](self.vars) is True]
        told = [n for n in can if n not in self.g.missing and (self.g.services is None or n in self.g.services)]
        if not told:
            if can and self.g.services is None:
                self.g.untold.setdefault("/".join(self.stack[-1]), self.event)
            raise _Untold
        self.vars[rules.sets] = name = told[self.oracle.pick(len(told)) if len(told) > 1 else 0]
        if len(names) > 1:
            self.oracle.said.append(name)

    def push(self, flow: str) -> None:
        chart = self.g.charts[flow]
        self.stack.append((flow, chart.initial))
        for name in chart.begin:
            self.act(name, None, chart)
        self.enter(chart.initial)

    # ------------------------------------------------ the whole

    def run(self) -> bool:
        """Run the step. Returns False if the event cannot come, or changes nothing."""
        a = self.g.actions
        if self.event == "power_cut":
            return self.cut()
        effect = a.events.get(self.event)
        if effect is not None:
            if effect.choose:
                self.choose(effect)
            if effect.when is not None and effect.when(self.vars) is not True:
                return False
            self.set(effect.set)
        answers = self.by in ("clock", "flow") or self.event in self.g.answer_of
        verb = self.g.answer_of.get(self.event)
        if verb:
            self.pending.remove(verb)
        return self.fire(self.event, answers) or bool(answers)

    def cut(self) -> bool:
        a = self.g.actions
        for case in a.power_cut.cases:
            if case.when is None or case.when(self.vars) is True:
                self.choose(case)
                break
        kept = {n: self.vars[n] for n in a.durable} | {"left_card": self.vars.get("left_card")}
        self.vars["card"] = "none"
        self.set(a.power_cut.set)
        unsure = self.vars.get("path_unsure")
        self.vars = {**a.start, **kept, "path_unsure": unsure}
        self.pending = []
        self.before = {}
        for record in a.power_cut.records:
            self.records.append((record.kind, {k: ask(self.vars) for k, ask in record.data.items()}))
        self.entered = True
        self.stack = [(a.root, self.g.charts[a.root].initial)]
        return True

    def written(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the records of the step as the kernel writes them: the step first, if there is anything to say."""
        if self.event == "power_cut" or not (self.effects or any(m["from"] != m["to"] for m in self.moves)):
            return self.records
        source = {"person": "person", "clock": "clock", "host": "host"}.get(self.by, "device")
        step = {**self.before, **self._keys(), "region": self.g.region, "event": self.event, "source": source}
        return [("step", {**step, "moves": tuple(tuple(m.items()) for m in self.moves)}), *self.records]


@dataclass
class Graph:
    """Charts, table, and all that can be reached. Build with `explore`."""

    charts: Mapping[str, Chart]
    actions: Actions
    root: str
    region: str
    cuts: bool = True
    services: frozenset[str] | None = None  # only these are chosen; None: every one that is described
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    out: list[list[int]] = field(default_factory=list)  # node -> edges
    parent: list[int] = field(default_factory=list)  # node -> the edge it was first reached by, -1 for the start
    fluents: list[frozenset[str]] = field(default_factory=list)
    broken: list[tuple[int, Edge, Broken]] = field(default_factory=list)
    undeclared: dict[str, tuple[str, int]] = field(default_factory=dict)
    untold: dict[str, str] = field(default_factory=dict)  # state -> event: no described service could be chosen there
    complete: bool = True

    def __post_init__(self) -> None:
        self.names = tuple(self.actions.start)
        self.answer_of = {f"{verb}_{o}": verb for verb in self.actions.orders for o in OUTCOMES}
        self.deadlines = {s.within.event for c in self.charts.values() for s in c.states.values() if s.within}
        self.answer_of |= dict.fromkeys(self.actions.host_answers, HOST)
        own = {name: self._undeclared(chart) for name, chart in self.charts.items()}
        states = (s for c in self.charts.values() for s in c.states.values())
        #: choice -> the flows that it is between
        self.choosable = {s.call_any.by: callees(self.charts, s) for s in states if s.call_any}
        chosen = {n for names in self.choosable.values() for n in names}
        #: (stack, pending) -> the variables that matter no more there, with their start values
        self.forgotten = Liveness(self.charts, self.actions).forgotten
        #: services that are left out, each with the words of it and of what it calls that the table does not describe
        self.missing = {n: words for n in sorted(chosen) if (words := self._with_calls(n, own))}

    def _undeclared(self, chart: Chart) -> frozenset[str]:
        a = self.actions
        events = chart.events - a.events.keys() - self.answer_of.keys() - self.deadlines - INNER
        return frozenset(events | {n for n in chart.actions if n not in a.actions} | (chart.guards - a.guards.keys()))

    def _with_calls(self, flow: str, own: Mapping[str, frozenset[str]]) -> frozenset[str]:
        called = (n for s in self.charts[flow].states.values() for n in callees(self.charts, s))
        return own[flow].union(*(self._with_calls(n, own) for n in called))

    @cached_property
    def saying(self) -> Mapping[str, tuple[int, ...]]:
        """Return the steps that say each event of the vocabulary, in order."""
        found: dict[str, list[int]] = {}
        for n, edge in enumerate(self.edges):
            for event in dict.fromkeys(e for w, _, _ in edge.records for e in w.events):
                found.setdefault(event, []).append(n)
        return {event: tuple(steps) for event, steps in found.items()}

    def that_say(self, events: Iterable[str]) -> list[int]:
        """Return the steps that say one of some events, in order."""
        return sorted({n for event in events for n in self.saying.get(event, ())})

    @property
    def entered(self) -> frozenset[str]:
        """Return the flows that some way goes through."""
        taken = {flow for edge in self.edges for flow, *_ in edge.arcs}
        return frozenset(taken | {flow for node in self.nodes for flow, _ in node.stack})

    def vars_of(self, node: Node) -> Vars:
        return dict(zip(self.names, node.values, strict=True))

    def way_to(self, node: int) -> list[Edge]:
        """Return a shortest way from the start."""
        way: list[Edge] = []
        while self.parent[node] >= 0:
            edge = self.edges[self.parent[node]]
            way.append(edge)
            node = edge.source
        return way[::-1]

    def possible(self, node: Node) -> Iterator[tuple[str, str]]:
        """Yield what can happen at a node: (event, by)."""
        flow, state = node.stack[-1]
        chart = self.charts[flow]
        heard = dict.fromkeys(e for s, e in chart.by_state_and_event if s == state)
        asked: set[str] = set()
        for verb in node.pending:  # a device answers one order after another
            device = HOST if verb == HOST else self.actions.orders[verb].device
            if device in asked:
                continue
            asked.add(device)
            if verb == HOST:
                yield from ((answer, "host") for answer in self.actions.host_answers)
            else:
                yield from ((f"{verb}_{outcome}", "device") for outcome in OUTCOMES)
        within = chart.states[state].within
        if within is not None:
            yield within.event, "clock"
        for event in heard:
            if event in self.answer_of or (within is not None and event == within.event):
                continue
            effect = self.actions.events.get(event)
            if effect is not None:
                yield event, effect.by
            elif event not in self.deadlines and event not in INNER:
                self.undeclared.setdefault(event, (chart.file, 1))
                yield event, "person"  # nobody said when it can come, so it can come at any time
        if self.cuts:
            yield "power_cut", "power"

    def dwell(self, node: Node) -> tuple[int | None, int | None]:
        """Return the longest stay at a node in ms: with a customer who answers at once, and with one who dawdles.

        None: without limit. What a customer is asked more than once ("more time?") counts as dawdling.
        """
        flow, state = node.stack[-1]
        chart = self.charts[flow]
        if f"{flow}/{state}" in self.actions.rest:
            return None, None
        there = chart.states[state]
        person = any(
            s == state and (e := self.actions.events.get(event)) is not None and e.by == "person"
            for s, event in chart.by_state_and_event
        )
        limits: list[tuple[int, int]] = []
        if there.within is not None:
            dawdled = there.within.ms + there.within.ask_ms
            limits.append((0 if person else there.within.ms, dawdled))
        for verb in node.pending:
            if verb == HOST:
                limits.append((self.actions.host_within_ms, self.actions.host_within_ms))
            else:
                order = self.actions.orders[verb]
                within_ms = order.at.get(f"{flow}/{state}", order.within_ms)
                waits = order.person and f"{flow}/{state}" not in order.at
                limits.append((0 if waits else within_ms, within_ms))
        if not limits:
            return None, None
        return min(a for a, _ in limits), min(b for _, b in limits)


def explore(
    charts: Mapping[str, Chart], actions: Actions, fluents: FluentRules, *, root: str = "", region: str = "",
    cuts: bool = True, services: frozenset[str] | None = None, first: bool = False,
) -> Graph:  # fmt: skip
    """Explore everything reachable from the root flow's start; with `services` only these are ever chosen.

    With `first` it ends at the first step that breaks a rule: that one way is enough then.
    """
    g = Graph(charts, actions, root or actions.root, region or actions.region, cuts, services)
    index: dict[tuple[Stack, tuple[Any, ...], tuple[str, ...], frozenset[str]], int] = {}
    values_of = itemgetter(*g.names)
    carried = {name: actions.start[name] for name in actions.transient}

    def add(node: Node, holding: frozenset[str], edge: int) -> int:
        key = (node.stack, node.values, node.pending, holding)
        found = index.get(key)
        if found is None:
            found = index[key] = len(g.nodes)
            g.nodes.append(node)
            g.fluents.append(holding)
            g.out.append([])
            g.parent.append(edge)
            todo.append(found)
        return found

    todo: deque[int] = deque()
    begin = Node(((g.root, g.charts[g.root].initial),), tuple(actions.start.values()), ())
    step = _Step(g, begin, "begin", "terminal", _Oracle(()))
    step.stack = []
    step.push(g.root)
    start = Node(tuple(step.stack), values_of(step.vars), tuple(step.pending))
    add(start, frozenset(), -1)
    while todo:
        if len(g.nodes) > NODES_MAX or (first and g.broken):
            g.complete = False
            break
        here = todo.popleft()
        node = g.nodes[here]
        for event, by in g.possible(node):
            prefixes: list[tuple[int, ...]] = [()]
            while prefixes:
                oracle = _Oracle(prefixes.pop())
                step = _Step(g, node, event, by, oracle)
                broken: Broken | None = None
                try:
                    happened = step.run()
                except _Stop as stop:
                    happened, broken = True, stop.broken
                except _Untold:
                    happened = False
                prefixes += oracle.later()
                if not happened:
                    continue
                said = tuple(oracle.said)
                if broken is not None:
                    g.broken.append((here, Edge(here, -1, event, by, said, tuple(step.arcs), ()), broken))
                    continue
                records, holding = fluents.run(step.written(), g.fluents[here], step.vars)
                step.vars.update(carried)
                stack, pending = tuple(step.stack), tuple(step.pending)
                step.vars.update(g.forgotten(stack, pending))
                after = Node(stack, values_of(step.vars), pending)
                if not records and after == node:
                    if step.arcs:
                        g.out[here].append(len(g.edges))
                        g.edges.append(Edge(here, here, event, by, said, tuple(step.arcs), (), not step.entered))
                    continue
                target = add(after, holding, len(g.edges))
                g.out[here].append(len(g.edges))
                g.edges.append(Edge(here, target, event, by, said, tuple(step.arcs), records, not step.entered))
    return g


class FluentRules:
    """How records start and finish affordances, with one instance of each: at most one customer and one open case."""

    def __init__(self, recognise: Any, dependents: Mapping[str, tuple[str, ...]], bases: Mapping[str, tuple[str, ...]],
                 tracked: frozenset[str], extra: Mapping[str, Any], ends: Mapping[str, frozenset[str]],
                 key_of: Mapping[str, str | None]) -> None:  # fmt: skip
        self._recognise, self._dependents, self._bases = recognise, dependents, bases
        self._tracked, self._extra, self._ends, self._key_of = tracked, extra, ends, key_of
        self._known: dict[Any, Written] = {}
        self._runs: dict[Any, tuple[Run, frozenset[str]]] = {}
        self._same: dict[Run, Run] = {}
        self.orphans: dict[tuple[str, str], Written] = {}

    def written(self, kind: str, data: Mapping[str, Any]) -> Written:
        """Return the one object for a record."""
        key = (kind, *data.items())
        known = self._known.get(key)
        if known is None:
            plain = {k: [dict(m) for m in v] if k == "moves" else v for k, v in data.items()}
            events = self._recognise({"kind": kind, "data": plain})
            known = self._known[key] = Written(
                kind, plain, tuple(e.name for e in events),
                tuple(a for e in events for a in e.starts if a in self._tracked),
                tuple(a for e in events for a in e.finishes if a in self._tracked),
            )  # fmt: skip
        return known

    def run(
        self, written: list[tuple[str, dict[str, Any]]], holding: frozenset[str], values: Vars
    ) -> tuple[Run, frozenset[str]]:
        """Return the records with the state before and after each, and the state at the end."""
        given = frozenset(a for a, ask in self._extra.items() if ask(values) is True)
        records = tuple(self.written(kind, data) for kind, data in written)
        found = self._runs.get((records, holding, given))
        if found is None:
            found = self._runs[records, holding, given] = self._run(records, holding, given)
        return found

    def _run(
        self, records: tuple[Written, ...], holding: frozenset[str], given: frozenset[str]
    ) -> tuple[Run, frozenset[str]]:
        result = []
        for record in records:
            before = holding | given
            finishes, starts = record.finishes, record.starts
            now = set(holding)
            case = record.data.get("case")
            if case is not None and starts:
                if any(self._key_of.get(a) == "case" for a in starts):
                    now = {a for a in now if not a.startswith(_OF_CASE)} | {f"{_OF_CASE}{case}"}
            elif case is not None and finishes and f"{_OF_CASE}{case}" not in now:
                finishes = tuple(a for a in finishes if self._key_of.get(a) != "case")
            if record.kind == "boot":  # whoever was there has gone, and what stands on a session with him
                finishes = (*finishes, *(a for a in now if self._key_of.get(a) == "session"))
            for affordance in finishes:
                if affordance in now:
                    now.discard(affordance)
                    now -= set(self._dependents.get(affordance, ()))
            now |= set(starts)
            for affordance in starts:
                for base in self._bases.get(affordance, ()):
                    if base not in now and base not in given:
                        self.orphans.setdefault((affordance, base), record)
            holding = frozenset(now - given)
            result.append((record, before, holding | given))
        run = tuple(result)
        return self._same.setdefault(run, run), holding
