from __future__ import annotations

import pytest

from kiosk.flow.machine import ChartMachine, UnexpectedEvent
from kiosk.flow.offers import Offers
from kiosk.turn import Event, Turn
from tests.flow.parts import Rig, Service

TOP = """\
flow: top
purpose: p
initial: a
states:
  a: {screen: shown}
  b: {screen: shown}
transitions:
  - {event: go, from: a, to: b, if: [holds], do: [first, second]}
  - {event: go, from: a, to: a, if: [not holds], do: [second]}
  - {event: only, from: a, to: b, if: holds}
  - {event: fail, from: a, to: b, do: [first, fails]}
  - {event: crash, from: a, to: b, if: breaks}
  - {event: trigger, from: a, to: b}
  - {event: state, from: a, to: b}
  - {event: back, from: b, to: a}
"""


@pytest.fixture
def rig() -> Rig:
    return Rig("top", TOP)


def machine(rig: Rig) -> ChartMachine:
    return ChartMachine(rig.charts["top"], Offers.of([rig.service]))


def turn(rig: Rig, name: str) -> Turn:
    return rig.turn(Event(name, "test"))


def test_the_first_arc_whose_guards_hold_is_taken_and_its_actions_run_in_order(rig: Rig) -> None:
    m, t = machine(rig), turn(rig, "go")
    taken = m.fire(t)
    assert taken is rig.charts["top"].transitions[0]
    assert [e.kind for e in t.effects] == ["first", "second"]  # type: ignore[union-attr]
    assert m.state == "b"


def test_a_negated_guard(rig: Rig) -> None:
    rig.service.yes = False
    m, t = machine(rig), turn(rig, "go")
    taken = m.fire(t)
    assert taken is rig.charts["top"].transitions[1]
    assert [e.kind for e in t.effects] == ["second"]  # type: ignore[union-attr]
    assert m.state == "a"


def test_a_refusal_changes_nothing(rig: Rig) -> None:
    rig.service.yes = False
    m, t = machine(rig), turn(rig, "only")
    assert m.fire(t) is None
    assert m.state == "a"
    assert t.effects == []
    assert m.fire(turn(rig, "only")) is None, "and is not remembered"


def test_an_event_the_state_does_not_know_raises(rig: Rig) -> None:
    m = machine(rig)
    m.state = "b"
    with pytest.raises(UnexpectedEvent, match="'top' in 'b' has no transition on 'go' from test; write one"):
        m.fire(turn(rig, "go"))
    with pytest.raises(UnexpectedEvent, match="'nonsense'"):
        m.fire(turn(rig, "nonsense"))
    assert m.state == "b"


def test_an_action_that_raises_leaves_the_state(rig: Rig) -> None:
    m = machine(rig)
    with pytest.raises(ValueError, match="an action broke"):
        m.fire(turn(rig, "fail"))
    assert m.state == "a"


def test_a_guard_that_raises_is_no_refusal(rig: Rig) -> None:
    m = machine(rig)
    with pytest.raises(ZeroDivisionError):
        m.fire(turn(rig, "crash"))
    assert m.state == "a"


@pytest.mark.parametrize("name", ["trigger", "state"])
def test_an_event_named_as_a_method_of_the_library(rig: Rig, name: str) -> None:
    m = machine(rig)
    assert m.fire(turn(rig, name)) is not None
    assert m.state == "b"


def test_no_way_around_the_guards(rig: Rig) -> None:
    m = machine(rig)
    with pytest.raises(UnexpectedEvent):
        m.fire(turn(rig, "to_b"))


def test_guards_are_asked_once_and_in_order() -> None:
    service = Service()
    rig = Rig("top", TOP, service=service)
    machine(rig).fire(turn(rig, "go"))
    assert service.asked == ["holds"]
