"""A flow as a chart: read from YAML, checked, and immutable from then on.

The chart that runs is the chart that is drawn, proved and covered; so this module knows no machine, no service
and no screen, only names. The grammar (all names, no expressions):

    flow: withdrawal                  the flow's name, as the file's
    kind: service                     one that a customer chooses; left out for a flow that others call by name
    purpose: one sentence
    initial: checking
    begin: [open_case]                actions on entering the flow
    states:
      checking: {screen: please_wait, within: {ms: 30000, else: host_silent}}
      amount:   {screen: choose_amount, within: {ms: 30000, ask_ms: 15000, else: timed_out}}
      card:     {call: return_card}   a sub-flow runs here; its ending comes back as an event
      serving:  {call: {any: service, by: chosen_service}}
      paid:     {final: done}         done | cancelled | refused | failed
    transitions:
      - {event: host_approved, from: checking, to: card, if: [fits, not suspect], do: [reserve], because: [R-WDL-03]}

Meaning:

- Transitions of one state and event are tried in the order written; the first whose guards all hold is taken. One
  without `if` is the default and must be the last of them.
- `within` starts when the state is entered, is not restarted by transitions that stay in the state, and posts the
  event `else`. With `ask_ms` the customer is first asked "more time?" for so long: yes starts `ms` again (at most
  `MORE_TIME_MAX` times), no or silence posts `else`. A transition back into the same state with `again: true`
  starts the state afresh.
- A state that calls a sub-flow waits for its ending, which comes as the event `done`, `cancelled`, `refused` or
  `failed`. Every ending the sub-flow can have must be handled.
- A state may leave open which of several flows it calls: `any` names their kind, `by` the choice that a service offers
  and that names one of them when the state is entered. The flows of a kind are a finite set, known when the charts are
  loaded (`callees`), and every ending of every one of them must be handled: what runs stays provable.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kiosk import strict_yaml
from kiosk.strict_yaml import Document, DocumentError, Mistake

MORE_TIME_MAX: Final = 5  # a customer may ask so often; edge case 122
FLOW: Final = "flow"
SERVICE: Final = "service"
KINDS: Final = (FLOW, SERVICE)


class Ending(Enum):
    """How a flow ends, and the event its caller receives."""

    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Within:
    """A deadline on a state."""

    ms: int
    event: str
    ask_ms: int = 0


@dataclass(frozen=True, slots=True)
class CallAny:
    """A call of one flow of a kind; `by` is the choice that says which."""

    kind: str
    by: str


@dataclass(frozen=True, slots=True)
class State:
    name: str
    screen: str | None = None
    within: Within | None = None
    call: str | None = None
    ending: Ending | None = None
    line: int = 0
    call_any: CallAny | None = None

    @property
    def calls(self) -> bool:
        """Whether a sub-flow runs in this state."""
        return self.call is not None or self.call_any is not None


@dataclass(frozen=True, slots=True)
class Guard:
    """A named condition, or its negation."""

    name: str
    negated: bool = False

    def __str__(self) -> str:
        return f"not {self.name}" if self.negated else self.name


@dataclass(frozen=True, slots=True)
class Transition:
    """One arc. `source` is one state: an arc written for several states is several arcs."""

    event: str
    source: str
    target: str
    guards: tuple[Guard, ...] = ()
    actions: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    again: bool = False
    line: int = 0

    def __str__(self) -> str:
        guards = f" [{', '.join(map(str, self.guards))}]" if self.guards else ""
        return f"{self.source} --{self.event}{guards}--> {self.target}"


@dataclass(frozen=True)
class Chart:
    """One flow. `transitions` stand in the order in which they are tried."""

    name: str
    purpose: str
    initial: str
    begin: tuple[str, ...]
    states: Mapping[str, State]
    transitions: tuple[Transition, ...]
    file: str
    kind: str = FLOW

    @cached_property
    def by_state_and_event(self) -> Mapping[tuple[str, str], tuple[Transition, ...]]:
        """Return the arcs tried for a state and an event, in order."""
        table: dict[tuple[str, str], list[Transition]] = {}
        for transition in self.transitions:
            table.setdefault((transition.source, transition.event), []).append(transition)
        return {key: tuple(arcs) for key, arcs in table.items()}

    @cached_property
    def endings(self) -> frozenset[Ending]:
        """Return every way this flow can end."""
        return frozenset(s.ending for s in self.states.values() if s.ending)

    @cached_property
    def guards(self) -> frozenset[str]:
        return frozenset(g.name for t in self.transitions for g in t.guards)

    @cached_property
    def actions(self) -> frozenset[str]:
        return frozenset(a for t in self.transitions for a in t.actions) | frozenset(self.begin)

    @cached_property
    def events(self) -> frozenset[str]:
        return frozenset(t.event for t in self.transitions)

    def understands(self, state: str, event: str) -> bool:
        return (state, event) in self.by_state_and_event


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _WithinForm(_Strict):
    ms: int = Field(gt=0, le=3_600_000)
    else_: str = Field(alias="else")
    ask_ms: int = Field(default=0, ge=0, le=120_000)


class _CallAnyForm(_Strict):
    any: Literal["service"]
    by: str


class _StateForm(_Strict):
    screen: str | None = None
    within: _WithinForm | None = None
    call: str | _CallAnyForm | None = None
    final: str | None = None

    @field_validator("final")
    @classmethod
    def _is_ending(cls, value: str | None) -> str | None:
        if value is not None and value not in {e.value for e in Ending}:
            raise ValueError(f"{value!r} is no ending; use done, cancelled, refused or failed")
        return value


class _TransitionForm(_Strict):
    event: str
    from_: list[str] = Field(alias="from")
    to: str
    if_: list[str] = Field(default_factory=list, alias="if")
    do: list[str] = Field(default_factory=list)
    because: list[str] = Field(default_factory=list)
    again: bool = False

    _lists = field_validator("from_", "if_", "do", "because", mode="before")(_names)


class _ChartForm(_Strict):
    flow: str
    kind: Literal["flow", "service"] = "flow"
    purpose: str
    initial: str
    begin: list[str] = Field(default_factory=list)
    states: dict[str, _StateForm]
    transitions: list[_TransitionForm] = Field(default_factory=list)

    _lists = field_validator("begin", mode="before")(_names)


def load_chart(path: Path | str) -> Chart:
    """Read and check one chart. Raises DocumentError with every mistake of the file."""
    return chart_of(strict_yaml.load(path))


def chart_of(document: Document) -> Chart:
    """Make a chart of a document. Raises DocumentError with every mistake."""
    form = document.as_model(_ChartForm)
    states: dict[str, State] = {}
    for name, s in form.states.items():
        within = Within(s.within.ms, s.within.else_, s.within.ask_ms) if s.within else None
        ending = Ending(s.final) if s.final else None
        line = document.place(("states", name))[0]
        if isinstance(s.call, _CallAnyForm):
            states[name] = State(name, s.screen, within, None, ending, line, CallAny(s.call.any, s.call.by))
        else:
            states[name] = State(name, s.screen, within, s.call, ending, line)
    transitions = []
    for i, t in enumerate(form.transitions):
        line = document.place(("transitions", i))[0]
        guards = tuple(Guard(g.removeprefix("not "), g.startswith("not ")) for g in t.if_)
        for source in t.from_:
            transitions.append(Transition(t.event, source, t.to, guards, tuple(t.do), tuple(t.because), t.again, line))
    chart = Chart(
        form.flow, form.purpose, form.initial, tuple(form.begin), states, tuple(transitions), document.file, form.kind
    )
    mistakes = list(_structure_mistakes(chart, form, document))
    if mistakes:
        raise DocumentError(mistakes)
    return chart


def _structure_mistakes(chart: Chart, form: _ChartForm, document: Document) -> Iterable[Mistake]:
    def unknown_state(name: str) -> str:
        near = difflib.get_close_matches(name, chart.states, n=1)
        return f"there is no state {name!r}" + (f"; did you mean {near[0]!r}?" if near else "; declare it under states")

    if chart.name != Path(document.file).stem and not document.file.startswith("<"):
        yield document.mistake(("flow",), f"flow {chart.name!r} must stand in {chart.name}.yaml")
    if chart.initial not in chart.states:
        yield document.mistake(("initial",), unknown_state(chart.initial))
    for i, t in enumerate(form.transitions):
        if t.to not in chart.states:
            yield document.mistake(("transitions", i, "to"), unknown_state(t.to))
        for source in t.from_:
            if source not in chart.states:
                yield document.mistake(("transitions", i, "from"), unknown_state(source))
            elif chart.states[source].ending:
                yield document.mistake(("transitions", i, "from"), f"{source!r} is final: nothing leaves it")
    for name, state in chart.states.items():
        path = ("states", name)
        if state.calls and state.ending:
            yield document.mistake(path, f"{name!r} cannot both call a flow and be final")
        if state.ending and (state.within or state.screen):
            yield document.mistake(path, f"{name!r} is final: it has neither screen nor deadline")
        if state.calls and state.within:
            yield document.mistake(path, f"{name!r} calls a flow, which owns its deadlines; remove within")
        if state.within and not chart.understands(name, state.within.event):
            yield document.mistake(
                (*path, "within", "else"), f"no transition leaves {name!r} on {state.within.event!r}; write one"
            )
        if not state.ending and not any(t.source == name for t in chart.transitions):
            yield document.mistake(path, f"nothing leaves {name!r}: make it final or write a transition")
    for (source, event), arcs in chart.by_state_and_event.items():
        for arc in arcs[:-1]:
            if not arc.guards:
                yield Mistake(
                    document.file, arcs[-1].line, 1,
                    f"never taken: {source} --{event}--> {arc.target} at line {arc.line} comes first and has no guard",
                )  # fmt: skip
    reached = {chart.initial}
    while more := {t.target for t in chart.transitions if t.source in reached} - reached:
        reached |= more
    for name in chart.states.keys() - reached:
        yield document.mistake(("states", name), f"{name!r} is never reached from {chart.initial!r}")


def callees(charts: Mapping[str, Chart], state: State) -> tuple[str, ...]:
    """Return the names of the flows that a state may call, in alphabetical order; empty if it calls none."""
    if state.call_any is not None:
        return tuple(sorted(c.name for c in charts.values() if c.kind == state.call_any.kind))
    return (state.call,) if state.call is not None else ()


def check_calls(charts: Mapping[str, Chart]) -> None:
    """Check the charts against one another: calls resolve, endings are handled, no recursion. Raises DocumentError."""
    mistakes: list[Mistake] = []

    def mistake(chart: Chart, line: int, message: str) -> None:
        mistakes.append(Mistake(chart.file, line, 1, message))

    for chart in charts.values():
        for state in chart.states.values():
            names = callees(charts, state)
            if state.call_any is not None and not names:
                mistake(chart, state.line, f"{state.name!r} calls any {state.call_any.kind}; there is no such flow")
            for name in names:
                called = charts.get(name)
                if called is None:
                    mistake(chart, state.line, f"{state.name!r} calls {name!r}; there is no such flow")
                    continue
                for ending in sorted(called.endings, key=lambda e: e.value):
                    if not chart.understands(state.name, ending.value):
                        mistake(
                            chart, state.line,
                            f"{name!r} can end {ending.value}, and {state.name!r} has no transition on it",
                        )  # fmt: skip
                if chart.name in _reachable_calls(charts, called.name):
                    mistake(chart, state.line, f"{chart.name!r} calls itself through {name!r}")
    if mistakes:
        raise DocumentError(mistakes)


def _reachable_calls(charts: Mapping[str, Chart], name: str) -> set[str]:
    seen: set[str] = set()
    todo = [name]
    while todo:
        here = todo.pop()
        if here in seen or here not in charts:
            continue
        seen.add(here)
        todo += [name for s in charts[here].states.values() for name in callees(charts, s)]
    return seen


def load_charts(folder: Path) -> dict[str, Chart]:
    """Read every chart of a folder and check them together. Raises DocumentError with every mistake of all."""
    charts: dict[str, Chart] = {}
    mistakes: list[Mistake] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            chart = load_chart(file)
            charts[chart.name] = chart
        except DocumentError as error:
            mistakes += error.mistakes
    if mistakes:
        raise DocumentError(mistakes)
    check_calls(charts)
    return charts
