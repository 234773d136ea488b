"""Flows calling flows: a stack of charts, their deadlines, and the screen on top.

The runner adds to a chart's own transitions the four rules of the grammar in `chart.py`: entering a state arms its
deadline; a state that calls pushes a flow; a final state pops it and hands the ending to the caller as an event; and a
state with a transition on ``entered`` decides at once, in the same step. All of that happens inside one turn, bounded
by `CASCADE_MAX`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kiosk.flow.chart import MORE_TIME_MAX, Chart, State, Transition, callees
from kiosk.flow.machine import ChartMachine, UnexpectedEvent
from kiosk.flow.offers import Offers
from kiosk.turn import Event, Turn

CASCADE_MAX: Final = 64  # arcs in one turn: a settle loop over a few open cases takes some ten

ENTERED: Final = "entered"
MORE_TIME: Final = "more_time"
NO_MORE_TIME: Final = "no_more_time"


@dataclass(frozen=True, slots=True)
class Frame:
    """One running flow: where it is, until when it waits, and whether it is asking for more time."""

    flow: str
    state: str
    since_ms: int
    until_ms: int | None = None
    asking: bool = False
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """One arc taken, for the journal."""

    flow: str
    source: str
    target: str
    event: str
    because: tuple[str, ...]


class FlowRunner:
    """Runs one root flow and what it calls. `frames[-1]` is the flow that hears events.

    `charts` are checked against `offers` already: a flow is made to run when it is first entered.
    """

    def __init__(self, root: str, charts: Mapping[str, Chart], offers: Offers) -> None:
        self._root = root
        self._charts = charts
        self._offers = offers
        self._machines: dict[str, ChartMachine] = {}  # made when a flow is first entered
        self._frames: tuple[Frame, ...] = ()
        self._entries = 0

    # ------------------------------------------------------------ what can be seen

    @property
    def frames(self) -> tuple[Frame, ...]:
        return self._frames

    @property
    def entries(self) -> int:
        """How often a state was entered: an input made on an earlier screen carries an older number."""
        return self._entries

    @property
    def top(self) -> State:
        frame = self._frames[-1]
        return self._charts[frame.flow].states[frame.state]

    @property
    def where(self) -> str:
        """Return the path of states for people, ``terminal/in_service > session/menu``."""
        return " > ".join(f"{f.flow}/{f.state}" for f in self._frames)

    def understands(self, event: str) -> bool:
        frame = self._frames[-1]
        if frame.asking and event in (MORE_TIME, NO_MORE_TIME):
            return True
        return self._charts[frame.flow].understands(frame.state, event)

    def next_deadline_ms(self) -> int | None:
        return self._frames[-1].until_ms if self._frames else None

    def due(self, now_ms: int) -> Event | None:
        """Return the deadline event that is due, if any."""
        frame = self._frames[-1]
        if frame.until_ms is None or now_ms < frame.until_ms:
            return None
        within = self.top.within
        assert within is not None
        if within.ask_ms and not frame.asking and frame.asked < MORE_TIME_MAX:
            return Event("ask_more_time", "clock", answers=True)
        return Event(within.event, "clock", answers=True)

    def view_values(self, turn: Turn) -> Mapping[str, Any]:
        screen = self.top.screen
        function = self._offers.views.get(screen) if screen else None
        return function(turn) if function else {}

    # ------------------------------------------------------------ what it does

    def snapshot(self) -> tuple[tuple[Frame, ...], int]:
        return self._frames, self._entries

    def restore(self, snapshot: tuple[tuple[Frame, ...], int]) -> None:
        """Go back to a snapshot: a turn that raised has not happened."""
        self._frames, self._entries = snapshot

    def begin(self, turn: Turn) -> list[Move]:
        """Enter the root flow."""
        moves: list[Move] = []
        self._push(self._root, turn, moves)
        return moves

    def dispatch(self, turn: Turn) -> list[Move] | None:
        """Take one event through the charts. Returns the arcs taken (empty if every guard refused).

        Raises UnexpectedEvent for an event that must be understood and is not; others return None.
        """
        if self._asking_handled(turn):
            return []
        if not turn.event.answers and not self.understands(turn.event.name):
            return None
        moves: list[Move] = []
        self._fire(turn, moves)
        return moves

    def _asking_handled(self, turn: Turn) -> bool:
        frame, within = self._frames[-1], self.top.within
        event = turn.event.name
        if within is None:
            return False
        if event == "ask_more_time":
            self._set(replace(frame, asking=True, until_ms=turn.now_ms + within.ask_ms, asked=frame.asked + 1))
            return True
        if frame.asking and event == MORE_TIME:
            self._set(replace(frame, asking=False, since_ms=turn.now_ms, until_ms=turn.now_ms + within.ms))
            return True
        if frame.asking and event == NO_MORE_TIME:
            turn.event = Event(within.event, "clock", answers=True)
        elif frame.asking and turn.event.source == "person":
            self._set(replace(frame, asking=False, since_ms=turn.now_ms, until_ms=turn.now_ms + within.ms))
        return False

    def _set(self, frame: Frame) -> None:
        self._frames = (*self._frames[:-1], frame)

    def _machine(self, flow: str) -> ChartMachine:
        machine = self._machines.get(flow)
        if machine is None:
            machine = self._machines[flow] = ChartMachine(self._charts[flow], self._offers)
        return machine

    def _fire(self, turn: Turn, moves: list[Move]) -> None:
        frame = self._frames[-1]
        machine = self._machine(frame.flow)
        machine.state = frame.state
        taken = machine.fire(turn)
        if taken is None:
            if turn.event.answers and turn.event.name != ENTERED:
                raise UnexpectedEvent(
                    f"{machine.chart.file}: every guard of {frame.flow}/{frame.state} refused {turn.event.name!r}; "
                    f"an answer needs a default transition"
                )
            return
        self._note(taken, frame.flow, moves)
        if taken.target != taken.source or taken.again:
            self._enter(taken.target, turn, moves)

    def _note(self, taken: Transition, flow: str, moves: list[Move]) -> None:
        moves.append(Move(flow, taken.source, taken.target, taken.event, taken.because))
        if len(moves) > CASCADE_MAX:
            raise UnexpectedEvent(f"more than {CASCADE_MAX} arcs in one step, last {flow}: {taken}")

    def _enter(self, name: str, turn: Turn, moves: list[Move]) -> None:
        frame = self._frames[-1]
        chart = self._charts[frame.flow]
        state = chart.states[name]
        self._entries += 1
        until = turn.now_ms + state.within.ms if state.within else None
        self._set(Frame(frame.flow, name, turn.now_ms, until))
        if state.ending:
            self._frames = self._frames[:-1]
            if not self._frames:
                raise UnexpectedEvent(f"the root flow {frame.flow!r} ended; it never should")
            turn.event = Event(state.ending.value, "flow", answers=True)
            self._fire(turn, moves)
        elif state.calls:
            self._push(self._called(chart, state, turn), turn, moves)
        elif chart.understands(name, ENTERED):
            turn.event = Event(ENTERED, "flow", payload=turn.event.payload)
            self._fire(turn, moves)

    def _called(self, chart: Chart, state: State, turn: Turn) -> str:
        if state.call_any is None:
            assert state.call is not None
            return state.call
        name = self._offers.choices[state.call_any.by](turn)
        if name not in callees(self._charts, state):
            raise UnexpectedEvent(f"{chart.file}: {state.call_any.by!r} chose {name!r}, no {state.call_any.kind} flow")
        return name

    def _push(self, flow: str, turn: Turn, moves: list[Move]) -> None:
        chart = self._charts[flow]
        self._frames = (*self._frames, Frame(flow, chart.initial, turn.now_ms))
        for name in chart.begin:
            self._offers.actions[name](turn)
        self._enter(chart.initial, turn, moves)
