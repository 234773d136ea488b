"""The flow that runs, as a picture: states with screen and deadline, arcs with event, guards and actions.

Drawn from the `Chart` that the terminal executes. A double frame calls another flow; a filled one is an ending, in the
colour of its kind; a deadline stands under the state with a clock, and its arc is dashed. Arcs of one state, target and
colour are one line with several labels; an arc that stays in its state and does nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kiosk.flow.chart import Chart, Ending, State, Transition
from semantics.drawing import FONT, INK, PALE, _graphviz

ENDINGS: Final = {
    Ending.DONE: "#cfe8cf", Ending.CANCELLED: "#e6e6e6", Ending.REFUSED: "#fde7cf", Ending.FAILED: "#f6d0d0",
}  # fmt: skip
SOURCES: Final = {"person": "#1f5fa8", "host": "#7a3fa0", "clock": "#9a5a10", "": INK}


def source_of(event: str, chart: Chart) -> str:
    """Return who brings an event about, as its name tells: person, host, clock, or "" for devices and flows."""
    if any(s.within and s.within.event == event for s in chart.states.values()):
        return "clock"
    if event.startswith("host_") or event == "working_key":
        return "host"
    if event.startswith(("pressed_", "chose_", "key_", "notes_taken")) or event in ("card_inserted", "card_taken"):
        return "person"
    return ""


def flow_graph(chart: Chart, counts: Mapping[int, int] | None = None) -> Any:
    """Return the graph of one flow. `counts` (line of the arc -> times taken) pales what was never taken."""
    graph = _graphviz().AGraph(strict=False, directed=True)
    graph.graph_attr.update(
        rankdir="TB", nodesep="0.35", ranksep="0.55", fontname=FONT, fontsize="18", fontcolor=INK, labelloc="t",
        label=f"{chart.name}: {chart.purpose}", bgcolor="white", pad="0.3",
    )  # fmt: skip
    graph.node_attr.update(fontname=FONT, fontsize="12", fontcolor=INK, color=INK, shape="box", style="rounded,filled")
    graph.edge_attr.update(fontname=FONT, fontsize="10", color=INK, fontcolor=INK, arrowsize="0.7")
    graph.add_node("start", label="", shape="circle", width="0.15", style="filled", fillcolor=INK)
    for state in chart.states.values():
        _add(graph, state)
    begin = "\\n".join(chart.begin)
    graph.add_edge("start", chart.initial, label=f"/ {begin}" if begin else "")
    lines: dict[tuple[str, str, str, bool], list[str]] = {}
    for arc in chart.transitions:
        if arc.source == arc.target and not (arc.actions or arc.again):
            continue
        source = source_of(arc.event, chart)
        taken = counts is None or bool(counts.get(arc.line))
        lines.setdefault((arc.source, arc.target, source, taken), []).append(_label(arc))
    for (start, end, source, taken), labels in lines.items():
        colour = SOURCES[source] if taken else "#d33a2c"
        graph.add_edge(
            start, end, label="\\l".join(dict.fromkeys(labels)) + "\\l", color=colour, fontcolor=colour,
            style="dashed" if source == "clock" else "solid", penwidth="1.0" if taken else "1.8",
        )  # fmt: skip
    return graph


def _add(graph: Any, state: State) -> None:
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
    graph.add_node(state.name, label=label, **attributes)


def _label(arc: Transition) -> str:
    text = arc.event if arc.event != "entered" else ""
    if arc.guards:
        text += f" [{', '.join(map(str, arc.guards))}]"
    if arc.actions:
        text += f" / {', '.join(arc.actions)}"
    return text.strip() or "otherwise"


def flow_svg(chart: Chart, counts: Mapping[int, int] | None = None) -> str:
    """Return the picture as SVG text. Raises DrawingError without pygraphviz."""
    return bytes(flow_graph(chart, counts).draw(format="svg", prog="dot")).decode("utf-8")


def flow_png(chart: Chart, *, dpi: int = 96) -> bytes:
    """Return the picture as PNG bytes. Raises DrawingError without pygraphviz."""
    graph = flow_graph(chart)
    graph.graph_attr["dpi"] = str(dpi)
    return bytes(graph.draw(format="png", prog="dot"))
