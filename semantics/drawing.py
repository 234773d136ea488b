"""Ontology charts as pictures, left to right in the notation of the method.

Agents are ellipses, affordances boxes, particulars boxes with a name in capitals. A solid line runs from what is
depended on (left) to what depends (right); a role stands in brackets on its line. Determiners hang behind their carrier
as ``#words``, with ``@agent`` for who starts and who finishes it. A dotted line with a dot joins a part to its whole, a
line with an empty arrowhead a specific to its generic. A sign stands in quotes, with a dashed line to what it is about.
What belongs to another part of the chart is grey; ``+`` marks what outlives the session.

Needs pygraphviz (``pip install kiosk-terminal[charts]``). Two traps are avoided here: every node carries its own label,
since labels set in a subgraph leave the others blank, and fonts are named so that widths are those of the drawing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from semantics.ontology import Node, Ontology

FONT: Final = "DejaVu Sans"
INK: Final = "#1d2a36"
PALE: Final = "#8a96a3"
# one hue for each part, light enough for black text; parts beyond take the first again
TINTS: Final = (
    "#dbe9f6", "#fde7cf", "#dcefdc", "#f6dada", "#e6e0f3", "#fbf3c4", "#d6eeee", "#f3dceb", "#e6e6e6", "#e9efcf",
)  # fmt: skip


class DrawingError(Exception):
    """The picture cannot be made on this machine; the message says what is missing."""


def _graphviz() -> Any:
    try:
        import pygraphviz
    except ImportError:
        raise DrawingError("drawing needs pygraphviz: pip install 'kiosk-terminal[charts]'") from None
    return pygraphviz


def chart(ontology: Ontology, parts: Iterable[str] | None = None, *, determiners: bool | None = None) -> Any:
    """Return the graph of the whole chart, or of some parts with what they stand on.

    Determiners are shown by default where only some parts are drawn.
    """
    wanted = set(parts) if parts is not None else set(ontology.parts)
    if determiners is None:
        determiners = parts is not None
    nodes = [n for n in ontology.nodes.values() if n.part in wanted]
    names = {n.name for n in nodes}
    tint = {part: TINTS[i % len(TINTS)] for i, part in enumerate(sorted(ontology.parts))}
    title = ", ".join(ontology.parts[p] for p in sorted(wanted)) if parts is not None else "The whole chart"
    graph = _graphviz().AGraph(strict=False, directed=True)
    graph.graph_attr.update(
        rankdir="LR", nodesep="0.12", ranksep="0.45" if determiners else "0.35", splines="spline", fontname=FONT,
        label=title, labelloc="t",
        fontsize="18", fontcolor=INK, bgcolor="white", pad="0.3", outputorder="edgesfirst",
    )  # fmt: skip
    graph.node_attr.update(fontname=FONT, fontsize="12", fontcolor=INK, color=INK, margin="0.07,0.04", height="0.3")
    graph.edge_attr.update(fontname=FONT, fontsize="10", fontcolor="#5b3a8c", color=INK, dir="none", arrowsize="0.7")
    for node in sorted(nodes, key=lambda n: (n.part, ontology.depth(n.name), n.name)):
        _add(graph, node, tint[node.part])
        authority = _authority(node)
        if determiners and (node.determiners or authority):
            label = "".join(f"{d}\\l" for d in (*node.determiners, *authority))
            graph.add_node(
                f"{node.name} determiners", label=label, shape="plaintext", fontsize="10", fontcolor="#2f6b4f"
            )
            graph.add_edge(node.name, f"{node.name} determiners", color="#9cc3b0", weight="4")
    for node in nodes:
        for line in _lines(ontology, node, names):
            source, target, attributes = line
            for end in (source, target):
                if not graph.has_node(end):
                    other = ontology.nodes[end]
                    _add(graph, other, "white", pale=True)
            role = attributes.get("role")
            if role is None:
                graph.add_edge(source, target, **attributes)
                continue
            # a role is a node on its line: nodes are drawn over lines, so none strikes it out
            rest = {k: v for k, v in attributes.items() if k != "role"}
            name = f"{source} {role} {target}"
            graph.add_node(name, label=role, shape="plaintext", style="filled", fillcolor="white", fontsize="10",
                           fontcolor="#5b3a8c", margin="0.02,0.01", height="0.1", width="0.1")  # fmt: skip
            graph.add_edge(source, name, **rest)
            graph.add_edge(name, target, **rest)
    if parts is None:
        _legend(graph, ontology, tint)
    return graph


def _add(graph: Any, node: Node, tint: str, *, pale: bool = False) -> None:
    label = node.name.replace("_", " ")
    shape = {"agent": "ellipse", "particular": "box"}.get(node.kind, "box")
    if node.sign_of is not None:
        label = f"“{label}”"
    if node.long:
        label += " +"
    attributes = {
        "label": label, "shape": shape, "style": "filled", "fillcolor": tint,
        "penwidth": "1.4" if node.kind == "agent" else "0.7",
    }  # fmt: skip
    if pale:
        attributes |= {"style": "dashed", "penwidth": "0.8", "fontcolor": PALE, "color": PALE}
    graph.add_node(node.name, **attributes)


def _authority(node: Node) -> list[str]:
    """Return who starts and who finishes an affordance, as ``@agent`` or ``@one … @other``."""
    if node.kind != "affordance" or not (node.start or node.finish):
        return []
    return [f"@{node.start}" if node.start == node.finish else f"@{node.start or '?'} … @{node.finish or '?'}"]


def _lines(ontology: Ontology, node: Node, names: set[str]) -> Iterable[tuple[str, str, Mapping[str, str]]]:
    """Yield every line of a node as (left, right, attributes)."""
    roles = [r for r in ontology.roles.values() if r.relation == node.name]
    for antecedent in node.antecedents:
        base = ontology.relation_or_node(antecedent)
        if base not in ontology.nodes:
            continue
        family = {base} | ontology.generics(base) | ontology.specifics(base)
        on_line = [r for r in roles if ontology.relation_or_node(r.carrier) in family]
        roles = [r for r in roles if r not in on_line]
        attributes = {"weight": "2"}
        if on_line:
            attributes["role"] = " ".join(f"({r.name.replace('_', ' ')})" for r in on_line)
        if node.whole == base:
            attributes |= {"style": "dotted", "dir": "back", "arrowtail": "dot", "penwidth": "1.6"}
        if base not in names:
            attributes |= {"color": PALE}
        yield base, node.name, attributes
    if node.whole is not None and node.whole not in node.antecedents and node.whole in ontology.nodes:
        yield node.whole, node.name, {
            "style": "dotted", "dir": "back", "arrowtail": "dot", "penwidth": "1.6", "constraint": "false",
        }  # fmt: skip
    for generic in node.generics:
        if generic in ontology.nodes and (generic in names or node.kind == "particular"):
            yield generic, node.name, {
                "dir": "back", "arrowtail": "empty", "color": "#b0662a", "constraint": "false", "penwidth": "0.9",
            }  # fmt: skip
    if node.sign_of is not None and node.sign_of in names:
        yield node.sign_of, node.name, {"style": "dashed", "constraint": "false", "color": PALE}


def _legend(graph: Any, ontology: Ontology, tint: Mapping[str, str]) -> None:
    rows = "".join(
        f'<TR><TD BGCOLOR="{tint[p]}" ALIGN="LEFT">{ontology.parts[p]}</TD></TR>' for p in sorted(ontology.parts)
    )
    table = f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2">{rows}</TABLE>>'
    graph.add_node("legend of parts", label=table, shape="plaintext", fontsize="12")


def svg(ontology: Ontology, parts: Iterable[str] | None = None) -> str:
    """Return the picture as SVG text. Raises DrawingError without pygraphviz."""
    return bytes(chart(ontology, parts).draw(format="svg", prog="dot")).decode("utf-8")


def png(ontology: Ontology, parts: Iterable[str] | None = None, *, dpi: int = 96) -> bytes:
    """Return the picture as PNG bytes. Raises DrawingError without pygraphviz."""
    graph = chart(ontology, parts)
    graph.graph_attr["dpi"] = str(dpi)
    return bytes(graph.draw(format="png", prog="dot"))


def write_charts(ontology: Ontology, folder: Path) -> list[Path]:
    """Write the whole chart and each part as SVG and PNG into `folder`; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for part in (None, *sorted(ontology.parts)):
        stem = folder / ("ontology" if part is None else f"ontology-{re.sub(r'[^a-z0-9]+', '-', part.lower())}")
        wanted = None if part is None else [part]
        stem.with_suffix(".svg").write_text(svg(ontology, wanted), encoding="utf-8")
        stem.with_suffix(".png").write_bytes(png(ontology, wanted))
        files += [stem.with_suffix(".svg"), stem.with_suffix(".png")]
    return files
