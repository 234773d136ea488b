"""Pictures: every node is on them with its own label, and the notation is that of the method."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from semantics.ontology import Ontology, load_ontology

pytest.importorskip("pygraphviz", reason="drawing is an extra: pip install 'kiosk-terminal[charts]'")

from semantics.drawing import chart, png, svg, write_charts

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def kiosk() -> Ontology:
    return load_ontology(MODELS / "ontology")


def texts(picture: str) -> list[str]:
    root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", picture))
    return [t.text or "" for t in root.iter("{http://www.w3.org/2000/svg}text")]


def test_whole_chart_shows_every_node(kiosk: Ontology) -> None:
    shown = [t.strip("“” +") for t in texts(svg(kiosk))]
    for node in kiosk.nodes.values():
        assert node.name.replace("_", " ") in shown


def test_part_shows_determiners_roles_and_what_it_stands_on(kiosk: Ontology) -> None:
    shown = texts(svg(kiosk, ["session"]))
    assert {"#language", "(user)", "person", "card offer"} <= set(shown)
    assert "bill payment" not in shown


def test_notation(kiosk: Ontology) -> None:
    graph = chart(kiosk, ["terminal"])
    assert graph.graph_attr["rankdir"] == "LR"
    assert graph.get_node("terminal").attr["shape"] == "ellipse"
    assert graph.get_node("cassette").attr["shape"] == "box"
    assert graph.get_edge("cash_dispenser", "cassette").attr["arrowtail"] == "dot"
    assert graph.get_edge("device", "cash_dispenser").attr["arrowtail"] == "empty"
    assert "“advice” +" in texts(svg(kiosk, ["services"])), "a sign stands in quotes; + outlives the session"


def test_files_are_written(kiosk: Ontology, tmp_path: Path) -> None:
    files = write_charts(kiosk, tmp_path)
    assert len(files) == 2 * (1 + len(kiosk.parts))
    assert png(kiosk, ["cash"]).startswith(b"\x89PNG")
    assert all(f.stat().st_size > 1000 for f in files)
