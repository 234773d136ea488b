"""A counterexample as a picture: the flows that its way passes, the way through them numbered and timed.

Of each flow its states on the way are drawn as `flow_drawing` draws them, with the arcs of the way thick and numbered;
whatever else leads on from them is one pale step, without words. A way that goes from one flow into another follows a
dotted line. Beside the flows stand the steps in words: who did what, when at the latest, and what was journalled.

Times are those of the proof: at each place of the way the terminal stays as long as it can, from the last place of rest
on. Where the system is to blame the customer answers at once; where customer, host or bank are, they take their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

from kiosk.flow.chart import Chart, Transition
from semantics.drawing import INK, PALE
from semantics.exploration import Edge, Graph
from semantics.flow_drawing import SOURCES, add_start, add_state, canvas, label_of, row_of, source_of
from semantics.norms.language import NormSet
from semantics.verifier import WHO, Proof, Proven

WAY: Final = "#d33a2c"  # the way, and the step that violates
BREAK: Final = '<BR ALIGN="LEFT"/>'
GAP: Final = "&#160;&#160;"
FAINT: Final = "#c4ccd4"
Arc = tuple[str, str, str, int]  # flow, from, to, line


def responsible(proof: Proof, norms: NormSet) -> str:
    """Return the agent whose duty a proof is about: that of the norm, of the closed act, else the terminal."""
    norm = norms.by_id.get(proof.about)
    if norm is not None:
        return norm.duty.agent
    event = norms.vocabulary.events.get(proof.about.removeprefix("closed:"))
    return event.by if event is not None and event.by else "terminal"


def latest_ms(graph: Graph, way: Sequence[Edge], *, dawdling: bool) -> list[int]:
    """Return when each step of a way happens at the latest, in ms since the last place of rest."""
    times, now = [], 0
    for edge in way:
        place = graph.nodes[edge.source]
        if place.at in graph.actions.rest:
            now = 0
        elif not edge.stays:
            now += graph.dwell(place)[dawdling] or 0
        times.append(now)
    return times


def way_svg(graph: Graph, proof: Proof, norms: NormSet) -> str:
    """Return the picture of a violation as SVG text. Raises DrawingError without pygraphviz."""
    return bytes(way_graph(graph, proof, norms).draw(format="svg", prog="dot")).decode("utf-8")


def way_graph(graph: Graph, proof: Proof, norms: NormSet) -> Any:
    """Return the graph of the flows that a proof's way passes, with the way in them."""
    norm = norms.by_id.get(proof.about)
    duty = f"\\n{norm.duty.means}" if norm is not None else ""
    agent = responsible(proof, norms)
    picture = canvas(f"{proof.about}: {proof.verdict.value}: {_folded(proof.says)}{duty}\\nresponsible: {agent}\\n ")
    times = latest_ms(graph, proof.way, dawdling=proof.verdict is not Proven.SYSTEM)
    passed: dict[Arc, list[str]] = {}
    entered: dict[str, dict[str, None]] = {}
    ends = proof.way[-1]
    for n, (edge, ms) in enumerate(zip(proof.way, times, strict=True), 1):
        for flow, state in graph.nodes[edge.source].stack:
            entered.setdefault(flow, {})[state] = None
        for arc in edge.arcs:
            passed.setdefault(arc, []).append(f"{n} · {_seconds(ms)}")
            entered.setdefault(arc[0], {}).update(dict.fromkeys(arc[1:3]))
    if ends.target >= 0:
        for flow, state in graph.nodes[ends.target].stack:
            entered.setdefault(flow, {})[state] = None
    last = graph.nodes[ends.target if ends.target >= 0 else ends.source].stack[-1]
    for flow, states in entered.items():
        _flow(picture, graph.charts[flow], states, passed, last)
    for flow, states in entered.items():
        for state in states:
            there = graph.charts[flow].states[state]
            called = [there.call] if there.call else [f for f in entered if there.call_any and _called(graph, proof, f)]
            for callee in called:
                if callee in entered and callee != flow:
                    picture.add_edge(f"{flow}/{state}", f"{callee}/start", style="dotted", color=WAY, penwidth="1.6")
    picture.add_node("steps", shape="plain", label=_steps(graph, proof, times), style="", color="white")
    return picture


def _called(graph: Graph, proof: Proof, flow: str) -> bool:
    return graph.charts[flow].kind == "service" and any(flow in edge.said for edge in proof.way)


def _flow(
    picture: Any, chart: Chart, states: Iterable[str], passed: Mapping[Arc, list[str]], last: tuple[str, str]
) -> None:
    states = list(states)
    nodes = [f"{chart.name}/{state}" for state in states]
    add_start(picture, f"{chart.name}/start")
    for state in states:
        add_state(picture, chart.states[state], f"{chart.name}/{state}")
        if (chart.name, state) == last:
            picture.get_node(f"{chart.name}/{state}").attr.update(color=WAY, penwidth="3")
    if chart.initial in states:
        picture.add_edge(f"{chart.name}/start", f"{chart.name}/{chart.initial}", color=WAY, penwidth="1.6")
    beyond: dict[tuple[str, str], None] = {}
    for arc in chart.transitions:
        key = (chart.name, arc.source, arc.target, arc.line)
        if key in passed:
            _arc(picture, chart, arc, passed[key])
        elif arc.source in states and arc.target != arc.source:
            beyond[arc.source, arc.target] = None
    for source, target in beyond:
        name = f"{chart.name}/{target}"
        if target not in states:
            name = f"{chart.name}/{source}/{target}"
            picture.add_node(
                name, label=target.replace("_", " "), color=FAINT, fontcolor=PALE, fontsize="9", style="rounded",
                height="0.2",
            )  # fmt: skip
            nodes.append(name)
        picture.add_edge(f"{chart.name}/{source}", name, color=FAINT, arrowsize="0.5")
    picture.add_subgraph(
        [*nodes, f"{chart.name}/start"], name=f"cluster_{chart.name}", label=chart.name, labelloc="t", fontsize="15",
        color=PALE, style="rounded",
    )  # fmt: skip


def _arc(picture: Any, chart: Chart, arc: Transition, numbers: Sequence[str]) -> None:
    label = f"<B>{escape(', '.join(numbers))}</B>{BREAK}{label_of(arc)}"
    label = f"{GAP}{label.replace(BREAK, BREAK + GAP)}"  # beside the thick line, not on it
    picture.add_edge(
        f"{chart.name}/{arc.source}", f"{chart.name}/{arc.target}", color=WAY, penwidth="2.6",
        label=f"<{row_of(label, SOURCES[source_of(arc.event, chart)])}>",
    )  # fmt: skip


def _steps(graph: Graph, proof: Proof, times: Sequence[int]) -> str:
    """Return the steps in words, as a table in markup."""
    heads = ("step", "at", "who", "what", "journal")
    rows = ["<TR>" + "".join(f'<TD ALIGN="LEFT"><B>{head}</B></TD>' for head in heads) + "</TR>"]
    for n, (edge, ms) in enumerate(zip(proof.way, times, strict=True), 1):
        said = f" ({', '.join(edge.said)})" if edge.said else ""
        to = graph.nodes[edge.target].at if edge.target >= 0 else "broken"
        what = _folded(f"{edge.event}{said} → {to}", BREAK, escape)
        kinds = BREAK.join(escape(w.kind) for w, _, _ in edge.records if w.kind != "step") or " "
        colour = WAY if n == len(times) else INK
        cells = (str(n), _seconds(ms), WHO.get(edge.by, edge.by), what + BREAK, kinds)
        rows.append(
            "<TR>" + "".join(f'<TD ALIGN="LEFT"><FONT COLOR="{colour}">{c}</FONT></TD>' for c in cells) + "</TR>"
        )
    return f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="3" COLOR="{FAINT}">{"".join(rows)}</TABLE>>'


def _seconds(ms: int) -> str:
    return f"≤ {ms / 1000:g} s"


def _folded(text: str, fold: str = "\\n", dress: Any = str) -> str:
    """Return a text in lines of about 70 characters."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) > 70:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return fold.join(dress(x) for x in (*lines, line))
