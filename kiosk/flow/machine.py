"""The one file that imports `transitions`: a chart, running.

Settings, each with its reason (measured in transitions 0.9.3):

- ``auto_transitions=False``: the default adds ``to_x()`` triggers that bypass every guard.
- ``send_event=True``: callbacks get one EventData, which carries our turn.
- ``ignore_invalid_triggers=False``: an event the chart does not know in a state is a bug of ours and raises.
- bound callables, never strings: a string that names nothing would fail at run time only.
- no ``Timeout`` states: they run a thread; deadlines are armed on the kernel's clock (`runner.py`).
- triggers are fired through the machine's event table, not through methods bound to the model: a trigger whose name is
  a method of the model would silently not be bound.
- ``model_attribute`` is no name at all: an event called ``state`` would otherwise be refused when the chart is loaded.
- actions run in ``before``: an exception leaves the machine in the old state.
- our own ``transition_cls``: our charts know guards, actions and a target; the library's `execute` also goes through
  eight lists of callbacks that are always empty, which took half of a machine's time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from transitions import EventData, Machine
from transitions import Transition as Arc

from kiosk.flow.chart import Chart, Guard, Transition
from kiosk.flow.offers import Offers
from kiosk.turn import Turn


class UnexpectedEvent(Exception):
    """An event that the chart must understand came in a state that does not: a bug in the chart."""


_ATTRIBUTE: Final = "the chart's state"


class _Model:
    """What `transitions` keeps the state on."""


class _Arc(Arc):
    """A transition that has guards, actions and a target, and nothing else; the first two are callables."""

    def execute(self, event_data: EventData) -> bool:
        for condition in self.conditions:
            if condition.func(event_data) is not condition.target:  # type: ignore[operator]
                return False
        for act in self.before:
            act(event_data)  # type: ignore[operator]
        event_data.machine.set_state(self.dest, event_data.model)  # type: ignore[arg-type]
        return True


class _Machine(Machine):
    transition_cls = _Arc


class ChartMachine:
    """One chart behind `transitions`. `fire` returns the transition taken, or None if every guard refused."""

    def __init__(self, chart: Chart, offers: Offers) -> None:
        self.chart = chart
        self._model = _Model()
        self._taken: Transition | None = None
        self._machine = _Machine(
            model=self._model,
            states=list(chart.states),
            initial=chart.initial,
            auto_transitions=False,
            send_event=True,
            ignore_invalid_triggers=False,
            model_override=True,
            model_attribute=_ATTRIBUTE,
        )
        for transition in chart.transitions:
            self._machine.add_transition(
                trigger=transition.event,
                source=transition.source,
                dest=transition.target,
                conditions=[self._guard(g, offers) for g in transition.guards if not g.negated],
                unless=[self._guard(g, offers) for g in transition.guards if g.negated],
                before=[self._note(transition), *(self._action(name, offers) for name in transition.actions)],
            )

    @property
    def state(self) -> str:
        name: str = getattr(self._model, _ATTRIBUTE)
        return name

    @state.setter
    def state(self, name: str) -> None:
        setattr(self._model, _ATTRIBUTE, self.chart.states[name].name)

    def fire(self, turn: Turn) -> Transition | None:
        """Offer the turn's event. Raises UnexpectedEvent if the state has no transition on it at all."""
        if not self.chart.understands(self.state, turn.event.name):
            raise UnexpectedEvent(
                f"{self.chart.file}: {self.chart.name!r} in {self.state!r} has no transition on {turn.event.name!r} "
                f"from {turn.event.source}; write one"
            )
        self._taken = None
        self._machine.events[turn.event.name].trigger(self._model, turn=turn)
        return self._taken

    @staticmethod
    def _guard(guard: Guard, offers: Offers) -> Callable[[EventData], bool]:
        function = offers.guards[guard.name]
        return lambda event: bool(function(event.kwargs["turn"]))

    @staticmethod
    def _action(name: str, offers: Offers) -> Callable[[EventData], Any]:
        function = offers.actions[name]
        return lambda event: function(event.kwargs["turn"])

    def _note(self, transition: Transition) -> Callable[[EventData], None]:
        def note(_: EventData) -> None:
            self._taken = transition

        return note
