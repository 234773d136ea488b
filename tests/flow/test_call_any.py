"""A state that leaves open which flow it calls: a finite set, known and checked at load."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.flow.chart import Chart, callees, load_charts
from kiosk.strict_yaml import DocumentError

ROOT = """flow: root
purpose: Calls what was chosen.
initial: serving
states:
  serving: {call: {any: service, by: chosen}}
  over: {final: done}
transitions:
  - {event: done, from: serving, to: over}
"""
SERVICE = """flow: %s
kind: service
purpose: Ends.
initial: begun
states:
  begun: {}
  over: {final: %s}
transitions:
  - {event: entered, from: begun, to: over}
"""


def charts(folder: Path, **files: str) -> dict[str, Chart]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return load_charts(folder)


def test_the_callees_are_the_flows_of_the_kind(tmp_path: Path) -> None:
    plain = SERVICE.replace("kind: service\n", "") % ("helper", "done")
    found = charts(tmp_path, root=ROOT, b=SERVICE % ("b", "done"), a=SERVICE % ("a", "done"), helper=plain)
    assert callees(found, found["root"].states["serving"]) == ("a", "b")
    assert callees(found, found["root"].states["over"]) == ()
    assert found["a"].kind == "service"
    assert found["helper"].kind == "flow"


def test_every_ending_of_every_callee_is_to_be_handled(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="'b' can end cancelled, and 'serving' has no transition on it"):
        charts(tmp_path, root=ROOT, a=SERVICE % ("a", "done"), b=SERVICE % ("b", "cancelled"))


def test_nothing_to_call_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="calls any service; there is no such flow"):
        charts(tmp_path, root=ROOT)


def test_a_service_that_comes_back_to_its_caller_is_a_recursion(tmp_path: Path) -> None:
    looping = (SERVICE % ("a", "done")).replace("begun: {}", "begun: {call: root}").replace("entered", "done")
    with pytest.raises(DocumentError, match="calls itself"):
        charts(tmp_path, root=ROOT, a=looping)


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError):
        charts(tmp_path, root=ROOT.replace("any: service", "any: flow"), a=SERVICE % ("a", "done"))
