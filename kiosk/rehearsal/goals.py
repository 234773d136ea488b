"""What a suite does not show, as goals for `generate`: arcs never taken, norms never in force, acts never chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from kiosk.rehearsal.generate import Goal, Way
from semantics.coverage import Coverage
from semantics.exploration import Edge, FluentRules, Graph
from semantics.monitor import Monitor
from semantics.norms.language import Norm, NormSet
from semantics.verdict import Outcome
from semantics.verifier import Verifier

WAYS_MAX: Final = 3  # of a goal: the shortest that end differently

Journal = Sequence[Mapping[str, Any]]


def goals_of(coverage: Coverage, graph: Graph, norms: NormSet, rules: FluentRules) -> list[Goal]:
    """Return the open goals to which the exploration knows a way, nearest first."""
    depth = _depths(graph)
    event_at = {(c.name, t.source, t.target, t.line): t.event for c in graph.charts.values() for t in c.transitions}
    by_arc: dict[tuple[str, str, str, str], list[Edge]] = {}
    for edge in graph.edges:
        for flow, source, target, line in edge.arcs if edge.records else ():
            by_arc.setdefault((flow, source, target, event_at[flow, source, target, line]), []).append(edge)
    goals = []
    for arc in coverage.missed_arcs:
        if arc in by_arc:
            flow, source, target, event = arc
            ways = ways_by(graph, by_arc[arc], depth)
            goals.append(Goal(f"{flow}: {source} -> {target} by {event}", ways, _takes(arc)))
    verifier = Verifier(graph, norms, rules)
    for c in coverage.norms.values():
        if not c.idle and not c.activated:
            starting = [e for e in graph.edges if _starts(verifier, c.norm, e)]
            if starting:
                goals.append(Goal(f"{c.norm.id} in force", ways_by(graph, starting, depth), _in_force(c.norm, norms)))
        for act in sorted(c.ways - c.acts) if c.activated else ():
            doing = [e for e in graph.edges if any(act in w.events for w, _, _ in e.records)]
            if doing:
                name = f"{c.norm.id} by {act}"
                goals.append(Goal(name, ways_by(graph, doing, depth), _fulfilled_by(c.norm, act, norms)))
    return sorted(goals, key=lambda g: len(g.ways[0].steps))


def _depths(graph: Graph) -> list[int]:
    depth = [0] * len(graph.nodes)
    for n, edge in enumerate(graph.parent):  # a place is found after the one it was found from
        if edge >= 0:
            depth[n] = depth[graph.edges[edge].source] + 1
    return depth


def ways_by(
    graph: Graph, edges: Iterable[Edge], cost: Sequence[int], way_to: Callable[[int], list[Edge]] | None = None
) -> list[Way]:
    """Return the cheapest ways that end with one of these steps and differ in what devices, host and clock did last.

    `cost` is that of each place, `way_to` the way that costs so much; the shortest way if left out.
    """
    found: dict[tuple[str, tuple[str, ...]], Way] = {}
    for edge in sorted(edges, key=lambda e: cost[e.source]):
        steps = [*(way_to or graph.way_to)(edge.source), edge]
        key = (edge.event, tuple(s.event for s in steps if s.by in ("device", "host", "power", "clock"))[-2:])
        if key not in found:
            found[key] = Way(steps, [graph.nodes[s.source].stack[-1] for s in steps])
        if len(found) == WAYS_MAX:
            break
    return list(found.values())


def _starts(verifier: Verifier, norm: Norm, edge: Edge) -> bool:
    if norm.trigger is None:
        acts = {a.event for a in norm.duty.action}
        return any(acts & set(w.events) for w, _, _ in edge.records)
    return any(verifier.triggered(norm, w, after) is not None for w, _, after in edge.records)


def _takes(arc: tuple[str, str, str, str]) -> Callable[[Journal], bool]:
    def reached(journal: Journal) -> bool:
        moves = (m for e in journal if e["kind"] == "step" for m in e["data"]["moves"])
        return any((m["flow"], m["from"], m["to"], m["event"]) == arc for m in moves)

    return reached


def _alone(norm: Norm, norms: NormSet) -> Monitor:
    return Monitor(NormSet((norm,), norms.vocabulary, parameters=norms.parameters), integrity=False)


def _in_force(norm: Norm, norms: NormSet) -> Callable[[Journal], bool]:
    monitor = _alone(norm, norms)

    def reached(journal: Journal) -> bool:
        monitor.reset()
        monitor.feed_all(journal)
        return monitor.report().norms[0].activations > 0

    return reached


def _fulfilled_by(norm: Norm, act: str, norms: NormSet) -> Callable[[Journal], bool]:
    monitor = _alone(norm, norms)

    def verdicts(journal: Journal) -> Iterator[int | None]:
        monitor.reset()
        monitor.feed_all(journal)
        good = (Outcome.FULFILLED, Outcome.EXERCISED)
        return (v.evidence for v in monitor.report().verdicts if v.duty == norm.id and v.outcome in good)

    def reached(journal: Journal) -> bool:
        by_seq = {e["seq"]: e for e in journal}
        return any(
            act in {e.name for e in norms.vocabulary.recognise(by_seq[seq])}
            for seq in verdicts(journal) if seq is not None and seq in by_seq
        )  # fmt: skip

    return reached
