"""The flow that runs, as a picture: states with screen and deadline, arcs with event, guards and actions.

Drawn from the `Chart` that the terminal executes. A double frame calls another flow; a filled one is an ending, in the
colour of its kind, and one that many states lead to stands beside each of them; a deadline stands under the state, and
its arc is dashed. Arcs of one state and target are one line with several labels in the colour of who brings the event
about; an arc that stays in its state and does nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from kiosk.flow.chart import Chart, Ending, State, Transition
from semantics.drawing import FONT, INK, PALE, _graphviz

ENDINGS: Final = {
    Ending.DONE: "#cfe8cf", Ending.CANCELLED: "#e6e6e6", Ending.REFUSED: "#fde7cf", Ending.FAILED: "#f6d0d0",
}  # fmt: skip
MANY: Final = 3  # ways into an ending from which on it is drawn beside each of them
UNTAKEN: Final = "#d33a2c"
SOURCES: Final = {"person": "#1f5fa8", "host": "#7a3fa0", "clock": "#9a5a10", "": INK}


def source_of(event: str, chart: Chart) -> str:
    """Return who brings an event about, as its name tells: person, host, clock, or "" for devices and flows."""
    if any(s.within and s.within.event == event for s in chart.states.values()):
        return "clock"
    if event.startswith("host_") or event == "working_key":
        return "host"
    deeds = ("pressed_", "chose_", "key_", "notes_taken", "card_inserted", "card_taken", "note_inserted")
    if event.startswith(deeds) or event.endswith(("_confirmed", "_declined")):
        return "person"
    return ""


def flow_graph(chart: Chart, counts: Mapping[int, int] | None = None) -> Any:
    """Return the graph of one flow. `counts` (line of the arc -> times taken) pales what was never taken."""
    graph = canvas(f"{chart.name}: {chart.purpose}")
    add_start(graph, "start")
    for state in chart.states.values():
        if state.name not in _copies(chart):
            add_state(graph, state, state.name)
    begin = "\\n".join(chart.begin)
    graph.add_edge("start", chart.initial, label=f"/ {begin}" if begin else "")
    copies = _copies(chart)
    lines: dict[tuple[str, str, bool], dict[str, str]] = {}
    for arc in chart.transitions:
        if arc.source == arc.target and not (arc.actions or arc.again):
            continue
        taken = counts is None or bool(counts.get(arc.line))
        target = arc.target
        if target in copies:
            target = f"{arc.target} of {arc.source}"
            add_state(graph, chart.states[arc.target], target)
        lines.setdefault((arc.source, target, taken), {})[label_of(arc)] = source_of(arc.event, chart)
    for (start, end, taken), labels in lines.items():
        sources = set(labels.values())
        colour = (SOURCES[sources.pop()] if len(sources) == 1 else INK) if taken else UNTAKEN
        rows = "".join(row_of(text, SOURCES[source] if taken else UNTAKEN) for text, source in labels.items())
        graph.add_edge(
            start, end, label=f"<{rows}>", color=colour, fontcolor=colour,
            style="dashed" if set(labels.values()) == {"clock"} else "solid", penwidth="1.0" if taken else "1.8",
        )  # fmt: skip
    return graph


def canvas(title: str) -> Any:
    """Return an empty graph in the dress of the flows. Raises DrawingError without pygraphviz."""
    graph = _graphviz().AGraph(strict=False, directed=True)
    graph.graph_attr.update(
        rankdir="TB", nodesep="0.3", ranksep="0.45", fontname=FONT, fontsize="18", fontcolor=INK, labelloc="t",
        label=title, bgcolor="white", pad="0.3",
    )  # fmt: skip
    graph.node_attr.update(fontname=FONT, fontsize="12", fontcolor=INK, color=INK, shape="box", style="rounded,filled")
    graph.edge_attr.update(fontname=FONT, fontsize="10", color=INK, fontcolor=INK, arrowsize="0.7")
    return graph


def add_start(graph: Any, name: str) -> None:
    """Add the dot that a flow begins at."""
    graph.add_node(name, label="", shape="circle", width="0.15", style="filled", fillcolor=INK)


def row_of(markup: str, colour: str) -> str:
    """Return one of several labels of a line, as markup."""
    return f'<FONT COLOR="{colour}">{markup}</FONT><BR ALIGN="LEFT"/>'


def _copies(chart: Chart) -> frozenset[str]:
    """Return the endings that are drawn once for each state that leads there, beside it: many ways lead to them."""
    sources: dict[str, set[str]] = {}
    for arc in chart.transitions:
        sources.setdefault(arc.target, set()).add(arc.source)
    return frozenset(name for name, found in sources.items() if chart.states[name].ending and len(found) >= MANY)


def add_state(graph: Any, state: State, name: str) -> None:
    """Add a state under a name of the picture's own."""
    label = state.name.replace("_", " ")
    attributes = {"fillcolor": "#eef3f8"}
    if state.ending:
        label = f"{label}\\n{state.ending.value}"
        attributes = {"fillcolor": ENDINGS[state.ending], "penwidth": "1.6"}
    elif state.call:
        label = f"{label}\\n→ {state.call}"
        attributes = {"fillcolor": "#fbf6d9", "peripheries": "2"}
    elif state.screen is None:
        attributes = {"fillcolor": "white", "color": PALE}
    if state.screen and state.screen != state.name:
        label += f"\\n[{state.screen}]"
    if state.within:
        ask = f" + {state.within.ask_ms / 1000:g}" if state.within.ask_ms else ""
        label += f"\\n≤ {state.within.ms / 1000:g}{ask} s"
    graph.add_node(name, label=label, **attributes)


def label_of(arc: Transition) -> str:
    """Return the words of an arc as markup: event, conditions and deeds, each on a line of its own."""
    words = [escape(arc.event)] if arc.event != "entered" else []
    words += [f"[{escape(', '.join(map(str, arc.guards)))}]"] if arc.guards else []
    deeds = [", ".join(arc.actions[at : at + 2]) for at in range(0, len(arc.actions), 2)]
    words += [f"<I>{'/ ' if not n else '   '}{escape(deed)}</I>" for n, deed in enumerate(deeds)]
    return '<BR ALIGN="LEFT"/>'.join(words) or "otherwise"


def flow_svg(chart: Chart, counts: Mapping[int, int] | None = None) -> str:
    """Return the picture as SVG text. Raises DrawingError without pygraphviz."""
    return bytes(flow_graph(chart, counts).draw(format="svg", prog="dot")).decode("utf-8")


def flow_png(chart: Chart, *, dpi: int = 96) -> bytes:
    """Return the picture as PNG bytes. Raises DrawingError without pygraphviz."""
    graph = flow_graph(chart)
    graph.graph_attr["dpi"] = str(dpi)
    return bytes(graph.draw(format="png", prog="dot"))
