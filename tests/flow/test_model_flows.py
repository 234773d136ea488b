"""The flows that ship: they load, and in every state that waits for an answer every answer is understood.

Which answers a state waits for is not written down anywhere by hand: each action that the charts name is read (its
source, and what it calls in its own service) for the orders and requests it makes.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import pytest

from drivers.base import acceptor, barcode, vocabulary
from drivers.base.vocabulary import Command, Outcome
from kiosk import compose
from kiosk.flow.chart import Chart, callees
from kiosk.services import hosting
from kiosk.ui.screens import SCREENS as SCREEN_FILES

CHARTS, OFFERS = compose.flows()
ASKED = frozenset({"host_approved", "host_partly_approved", "host_declined", "host_silent", "host_mismatch"})


def answers_of(function: Callable[..., Any], seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the events that answer what an action orders (heard) or asks, through the helpers it calls."""
    if function.__qualname__ in seen:
        return frozenset()
    seen |= {function.__qualname__}
    found: set[str] = set()
    owner = getattr(function, "__self__", None)
    module = inspect.getmodule(function)
    for call in calls_in(function):
        name = ast.unparse(call.func)
        if name == "turn.order" and "heard=False" not in map(ast.unparse, call.keywords):
            command = call.args[1]
            assert isinstance(command, ast.Call), f"{function.__qualname__} orders {ast.unparse(command)}"
            named = ast.unparse(command.func)
            kind = next(kind for words in (vocabulary, acceptor, barcode) if (kind := getattr(words, named, None)))
            assert issubclass(kind, Command)
            found |= {f"{kind.verb}_{outcome.value}" for outcome in Outcome}
        elif name == "turn.ask":
            found |= ASKED
        elif isinstance(call.func, ast.Subscript):
            continue  # a table of writers: words, no orders
        elif name.startswith("self.") and owner is not None:
            called = attrgetter(name.removeprefix("self."))(owner)
            if inspect.isroutine(called) and not inspect.isbuiltin(called):
                found |= answers_of(called, seen)
        else:
            helper = getattr(hosting if name.startswith("hosting.") else module, name.removeprefix("hosting."), None)
            if inspect.isfunction(helper):
                found |= answers_of(helper, seen)
    return frozenset(found)


def calls_in(function: Callable[..., Any]) -> Iterator[ast.Call]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


ANSWERS = {name: answers_of(function) for name, function in OFFERS.actions.items()}


def test_what_the_actions_wait_for() -> None:
    """The reading above finds what is known to be there; so it is not blind."""
    assert ANSWERS["request_authorisation"] == ASKED
    assert ANSWERS["order_rest"] == {f"dispense_{o.value}" for o in Outcome}
    assert ANSWERS["ask_last_dispense"] == {f"last_dispense_{o.value}" for o in Outcome}
    assert ANSWERS["stop_keys"] == frozenset(), "nobody waits for it"
    assert ANSWERS["note_dispensed"] == frozenset()
    assert sum(bool(answers) for answers in ANSWERS.values()) >= 14


def landings(chart: Chart, actions: tuple[str, ...], target: str) -> Iterator[tuple[str, str, str]]:
    """Yield (flow, state, event) for every answer to `actions` that is awaited from `target` on."""
    wanted = frozenset().union(*(ANSWERS[a] for a in actions))
    for event in sorted(wanted):
        yield from ((flow, state, event) for flow, state in resting(chart, target, frozenset()))


def resting(chart: Chart, name: str, seen: frozenset[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield where a flow comes to rest after entering a state, through `entered`, calls and endings."""
    if (chart.name, name) in seen:
        return
    seen |= {(chart.name, name)}
    state = chart.states[name]
    if state.calls:
        for called in map(CHARTS.__getitem__, callees(CHARTS, state)):
            yield from resting(called, called.initial, seen)
    elif state.ending:
        for caller in CHARTS.values():
            for at in caller.states.values():
                if chart.name in callees(CHARTS, at):
                    for arc in caller.by_state_and_event.get((at.name, state.ending.value), ()):
                        yield from resting(caller, arc.target, seen)
    elif arcs := chart.by_state_and_event.get((name, "entered")):
        for arc in arcs:
            yield from resting(chart, arc.target, seen)
    else:
        yield chart.name, name


def awaited() -> list[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for chart in CHARTS.values():
        found.update(landings(chart, chart.begin, chart.initial))
        for arc in chart.transitions:
            found.update(landings(chart, arc.actions, arc.target))
    return sorted(found)


@pytest.mark.parametrize(("flow", "state", "event"), awaited())
def test_every_answer_is_understood_where_it_is_awaited(flow: str, state: str, event: str) -> None:
    chart = CHARTS[flow]
    arcs = chart.by_state_and_event.get((state, event))
    assert arcs, f"{chart.file}: {state!r} waits for {event!r} and has no transition on it"
    assert not arcs[-1].guards, f"{chart.file}:{arcs[-1].line}: an answer needs a default transition"


def test_the_states_that_wait_are_the_known_ones() -> None:
    waiting = {(flow, state) for flow, state, _ in awaited()}
    assert {("withdrawal", "authorising"), ("dispense", "moving"), ("dispense", "asking"), ("settlement", "asking"),
            ("upkeep", "loading"), ("return_card", "ejecting"), ("authenticate", "entering")} <= waiting  # fmt: skip


@pytest.mark.parametrize("name", CHARTS)
def test_deadlines_and_endings_have_a_default(name: str) -> None:
    chart = CHARTS[name]
    must = {(s.name, s.within.event) for s in chart.states.values() if s.within}
    must |= {
        (s.name, e.value) for s in chart.states.values() for name in callees(CHARTS, s) for e in CHARTS[name].endings
    }
    for state, event in must:
        arcs = chart.by_state_and_event[state, event]
        assert not arcs[-1].guards, f"{chart.file}:{arcs[-1].line}: {state} on {event} needs a default transition"


@pytest.mark.parametrize("name", CHARTS)
def test_every_screen_exists(name: str) -> None:
    screens = {s.screen for s in CHARTS[name].states.values() if s.screen}
    assert screens <= {file.stem for file in SCREEN_FILES.glob("*.yaml")}


def test_nothing_is_offered_that_no_flow_asks_for() -> None:
    assert set(OFFERS.guards) == {g for c in CHARTS.values() for g in c.guards}
    assert set(OFFERS.actions) == {a for c in CHARTS.values() for a in c.actions}
    assert set(OFFERS.views) <= {s.screen for c in CHARTS.values() for s in c.states.values()}


def test_every_flow_is_run_by_somebody() -> None:
    called = {name for c in CHARTS.values() for s in c.states.values() for name in callees(CHARTS, s)}
    assert set(CHARTS) == called | set(compose.REGIONS.values())


def test_a_state_without_deadline_waits_for_an_answer_or_for_nobody() -> None:
    """Where only a person could go on, a person may have gone: such a state has a deadline."""
    hands = {"idle", "closing", "out_of_service", "watching", "waiting"}
    waiting = {(flow, state) for flow, state, _ in awaited()}
    verbs = {command.verb for command in Command.__subclasses__()}
    for chart in CHARTS.values():
        waiting |= {  # for an answer to what an earlier state ordered
            (chart.name, name)
            for name in chart.states
            for verb in verbs
            if all(chart.understands(name, f"{verb}_{outcome.value}") for outcome in Outcome)
        }
        for state in chart.states.values():
            bare = not (state.within or state.calls or state.ending or chart.understands(state.name, "entered"))
            if bare and state.name not in hands:
                assert (chart.name, state.name) in waiting, f"{chart.file}: {state.name} may wait for ever"
