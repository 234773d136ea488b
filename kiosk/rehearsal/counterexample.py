"""Counterexamples of proofs as scenarios: the way to a violation, walked by the terminal itself on simulated devices.

A way is abstract: it says that a device answers so, not how that comes about. So it is proposed to the rehearsal in
many forms, as `generate` does it for coverage, and each form is played with the flows that were proved. What counts is
what the play shows:

- of a norm, that the watcher journals its violation;
- of a rule of flows (VF-...), that the play comes to the place the rule speaks of and something breaks there: the step
  fails, money is lost, the terminal violates a norm, or it stands for ever; or, where none of these tells, that the
  journal follows the exploration up to the very step which the rule forbids, and takes it.

A scenario of what the system does wrong expects nothing of it, so it fails until the flow is mended. One of what
customer, host or bank do wrong expects that violation, and passes. A way that no play shows is told with how far the
plays came.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk import compose
from kiosk.config import Config
from kiosk.rehearsal.generate import (
    BY_ITSELF,
    DEPTH_MAX,
    HABITS,
    NOBODY,
    PLAYS_MAX,
    USUAL,
    Pool,
    Way,
    pool_of,
    proposals,
    write_form,
)  # fmt: skip
from kiosk.rehearsal.goals import ways_by
from kiosk.rehearsal.play import Played, judge_all, play
from kiosk.rehearsal.scenario import Scenario
from kiosk.turn import Words
from semantics.conformance import Conformance
from semantics.counterexample import counterexamples, walks
from semantics.exploration import Edge, Graph
from semantics.norms.language import NormSet
from semantics.verifier import Proof, Proven, told
from semantics.watch import SYSTEM, VIOLATION

LATE_MS: Final = 10_000  # so long after its deadline a norm is violated for certain
SEEN_WITHIN_MS: Final = 180_000  # so long after a flow broke a rule, a norm or the money shows it, if any does
_FAR: Final = 1 << 30
STANDING: Final = frozenset({"VF-WAIT", "VF-ENDLESS"})  # rules that a terminal which never comes to rest breaks


@dataclass(frozen=True)
class _Waiting:
    """The step that a way ends with where nothing happens: whoever could do something lets the time pass."""

    event: str = "timed_out"
    by: str = "clock"
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replay:
    """What became of one counterexample: a scenario's form and what its play shows, or why there is none."""

    name: str
    proof: Proof
    says: str
    form: Mapping[str, Any] | None = None
    plays: int = 0


def end_of(graph: Graph, proof: Proof) -> tuple[str, str]:
    """Return where a way is violated: the place it comes to, or the one that its last step breaks at."""
    last = proof.way[-1]
    return graph.nodes[last.target if last.target >= 0 else last.source].stack[-1]


class Plainest:
    """The way to each place on which the fewest odd things happen: what a scenario shows most easily."""

    def __init__(self, graph: Graph) -> None:
        self._edges = graph.edges
        self._back = [-1] * len(graph.nodes)
        self.cost = [_FAR] * len(graph.nodes)
        self.cost[0] = 0
        todo = [(0, 0)]
        odd = [oddity(edge, graph) for edge in graph.edges]
        while todo:
            cost, node = heapq.heappop(todo)
            if cost > self.cost[node]:
                continue
            for n in graph.out[node]:
                target, now = graph.edges[n].target, cost + odd[n]
                if now < self.cost[target]:
                    self.cost[target], self._back[target] = now, n
                    heapq.heappush(todo, (now, target))

    def way_to(self, node: int) -> list[Edge]:
        way: list[Edge] = []
        while self._back[node] >= 0:
            way.append(self._edges[self._back[node]])
            node = way[-1].source
        return way[::-1]


def oddity(edge: Edge, graph: Graph) -> int:
    """Return how odd a step is: 1 for what happens if nothing is wrong and the customer is a good one."""
    flow, state = graph.nodes[edge.source].stack[-1]
    screen = graph.charts[flow].states[state].screen or ""
    match edge.by:
        case "person":
            return 1 if edge.event in BY_ITSELF or (screen, edge.event) in HABITS else 3
        case "device":
            return 1 if edge.event.rpartition("_")[2] in USUAL else 12
        case "host":
            return 1 if edge.event in USUAL else 6
        case "clock":
            return 1 if screen in NOBODY else 6
        case _:
            return 40


def replays(
    proofs: Iterable[Proof], graph: Graph, norms: NormSet, suite: Iterable[Scenario], config: Config, words: Words, *,
    models: Path = compose.MODELS, say: Callable[[str], None] = lambda _: None,
) -> list[Replay]:  # fmt: skip
    """Try to show each counterexample of `proofs` by a scenario, on the flows of `models`."""
    pool, found, plainest = pool_of(suite), list[Replay](), Plainest(graph)

    conformance = Conformance(graph, norms) if graph.broken else None

    def played(scenario: Scenario) -> Played:
        return play(scenario, config, words, judge=judge_all, models=models)

    for name, proof in counterexamples(proofs).items():
        forms = _forms(proof, graph, norms, pool, plainest)
        found.append(_replay(name, proof, forms, graph, played, conformance))
        say(f"{proof.about}: {'' if found[-1].form else 'no scenario: '}{found[-1].says}")
    return found


def _replay(
    name: str, proof: Proof, forms: Iterable[dict[str, Any]], graph: Graph, played: Callable[[Scenario], Played],
    conformance: Conformance | None,
) -> Replay:  # fmt: skip
    if not proof.way:
        return Replay(name, proof, "the proof has no way")
    if not walks(graph, proof.way):
        return Replay(name, proof, "it is about what the terminal does beside its customer; no scenario steers that")
    if len(proof.way) > DEPTH_MAX:
        return Replay(name, proof, f"its way has {len(proof.way)} steps; {DEPTH_MAX} are the most that are tried")
    far = plays = 0
    for form in itertools.islice(forms, 2 * PLAYS_MAX):
        plays += 1
        made = {"scenario": name, "title": f"Counterexample to {proof.about}: {proof.says}.", **form, "expect": {}}
        result = played(Scenario.model_validate({**made, "file": f"<{name}>"}))
        if result.world is None:
            continue
        says = shows(proof, graph, result, conformance)
        if says:
            made["expect"] = _expected(proof, result)
            return Replay(name, proof, says, made, plays)
        far = max(far, _walked(proof.way, result))
    if far == len(proof.way):
        says = f"{plays} plays; its last step was made, and neither norms nor money tell of it"
    else:
        says = f"{plays} plays; none came beyond: {told(graph, proof.way)[max(far - 1, 0)].strip()}"
    return Replay(name, proof, says, plays=plays)


def _forms(
    proof: Proof, graph: Graph, norms: NormSet, pool: Pool, plainest: Plainest
) -> Iterator[dict[str, Any]]:
    """Yield forms of scenarios that may show a violation, each once; those of every way in turn."""
    device_of = {verb: order.device for verb, order in graph.actions.orders.items()}
    tried: set[str] = set()
    norm = norms.by_id.get(proof.about)
    late = {"goes_on_ms": norm.duty.within_ms + LATE_MS} if norm is not None and norm.duty.within_ms else {}
    if norm is None:
        late = {"goes_on_ms": SEEN_WITHIN_MS}
    ways = (proposals(way, graph.charts, device_of, pool) for way in _ways(proof, graph, plainest))
    for form in itertools.chain.from_iterable(itertools.zip_longest(*ways)):
        if form is not None and str(form) not in tried:
            tried.add(str(form))
            yield {**form, **late}


def _ways(proof: Proof, graph: Graph, plainest: Plainest) -> list[Way]:
    """Return ways to try: the proof's own, the same and then waiting, and plain ones that end with the same step."""
    last = proof.way[-1]
    same = [e for e in (*graph.edges, *(e for _, e, _ in graph.broken)) if (e.event, e.arcs) == (last.event, last.arcs)]
    own = Way(proof.way, [graph.nodes[e.source].stack[-1] for e in proof.way])
    waiting = Way([*proof.way, _Waiting()], [*own.places, end_of(graph, proof)])
    others = ways_by(graph, same, plainest.cost, plainest.way_to)
    if any(_by_fault(edge, graph) for edge in proof.way):  # which may only have put off what is shown anyhow
        calm = [edge for edge in proof.way if not _by_fault(edge, graph)]
        others.insert(0, Way(calm, [graph.nodes[e.source].stack[-1] for e in calm]))
    return [waiting, own, *others] if proof.about in STANDING or "stay" in proof.says else [own, *others, waiting]


def _by_fault(edge: Edge, graph: Graph) -> bool:
    return edge.by in ("device", "host", "power") and oddity(edge, graph) > 1


def shows(proof: Proof, graph: Graph, played: Played, conformance: Conformance | None = None) -> str:
    """Return what a play shows of a violation, empty if it does not show it; `conformance` is that of the graph."""
    world = played.world
    assert world is not None
    violated = [e.data for e in world.entries if e.kind == VIOLATION]
    own = next((v for v in violated if v["norm"] == proof.about), None)
    if own is not None or not proof.about.startswith("VF-"):
        return str(own["says"]) if own is not None else ""
    moves = (m for e in world.entries if e.kind == "step" for m in e.data["moves"])
    if end_of(graph, proof) not in {(m["flow"], m["to"]) for m in moves}:
        return ""
    failed = played.failure.splitlines()[-1:]
    if "TimeoutError" in played.failure and proof.about not in STANDING:
        failed = []  # the customer of the proposal stands and waits for something that does not come
    wrong = [*failed, *played.money, *(str(v["says"]) for v in violated if v["by"] == SYSTEM)]
    return wrong[0] if wrong else _forbidden(proof, graph, played, conformance)


def _forbidden(proof: Proof, graph: Graph, played: Played, conformance: Conformance | None) -> str:
    """Return which step of a journal is one that the rule forbids, where the journal follows the graph so far."""
    assert played.world is not None
    if conformance is None:
        return ""
    _, stranger = conformance.play(played.scenario.scenario, [e.as_data() for e in played.world.entries])
    for at, edge, broken in graph.broken:
        arcs = tuple(arc[:3] for arc in edge.arcs)
        if (
            stranger is not None and arcs and (stranger.step.event, proof.about) == (edge.event, broken.code)
            and stranger.step.arcs[: len(arcs)] == arcs and graph.nodes[at].at in stranger.where
        ):  # fmt: skip
            return f"record {stranger.step.at}: {edge.event} at {graph.nodes[at].at}: {broken.says}"
    return ""


def _walked(way: Sequence[Edge], played: Played) -> int:
    """Return how many steps of a way a play took, the last of those that end as one of the play's."""
    assert played.world is not None
    steps = [e.data["moves"] for e in played.world.entries if e.kind == "step"]
    ends = {(m[-1]["flow"], m[-1]["from"], m[-1]["to"]) for m in steps if m}
    return max((n for n, edge in enumerate(way, 1) if edge.arcs and edge.arcs[-1][:3] in ends), default=0)


def _expected(proof: Proof, played: Played) -> dict[str, Any]:
    """Return what a scenario expects beside the violation that it shows: what others do wrong, and where it ends."""
    assert played.world is not None
    violated = [e.data for e in played.world.entries if e.kind == VIOLATION]
    if proof.verdict is Proven.SYSTEM:
        violated = [v for v in violated if v["by"] != SYSTEM and v["norm"] != proof.about]
    found = {
        "violations": sorted({v["norm"] for v in violated}),
        "out_of_service": not played.failure and played.world.screens[-1] == "out_of_service",
    }
    return {k: v for k, v in found.items() if v}


def write(made: Iterable[Replay], graph: Graph, folder: Path) -> list[Path]:
    """Write each scenario with its proof and way as a comment. Returns the files."""
    files = []
    for replay in made:
        if replay.form is not None:
            proof = replay.proof
            said = [f"{proof.about}: {proof.verdict.value}: {proof.says}", proof.place, *told(graph, proof.way)]
            files.append(write_form(replay.form, [*filter(None, said), f"shown: {replay.says}"], folder))
    return files
