"""Tiny charts and a turn to run them with: real charts, real offers, real clock; no device and no host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from kiosk.cash import CashBook
from kiosk.config import load_config
from kiosk.flow.chart import Chart, chart_of, check_calls
from kiosk.flow.offers import Offers, action, guard, view
from kiosk.flow.runner import FlowRunner, Move
from kiosk.strict_yaml import load_text
from kiosk.turn import Event, Turn
from kiosk.words import catalogue

SITE = load_config(None).site


def chart(text: str, name: str = "<chart>") -> Chart:
    return chart_of(load_text(text, name))


def charts(*texts: str) -> dict[str, Chart]:
    made = {c.name: c for c in map(chart, texts)}
    check_calls(made)
    return made


class Service:
    """Offers a few names and writes down what is done."""

    def __init__(self) -> None:
        self.yes = True
        self.asked: list[str] = []

    @guard
    def holds(self, turn: Turn) -> bool:
        self.asked.append("holds")
        return self.yes

    @guard
    def breaks(self, turn: Turn) -> bool:
        raise ZeroDivisionError("a guard broke")

    @action
    def first(self, turn: Turn) -> None:
        turn.record("first", event=turn.event.name)

    @action
    def second(self, turn: Turn) -> None:
        turn.record("second", event=turn.event.name)

    @action
    def fails(self, turn: Turn) -> None:
        raise ValueError("an action broke")

    @view("shown")
    def _shown(self, turn: Turn) -> Mapping[str, Any]:
        return {"event": turn.event.name}


class Rig:
    """A runner on charts, and the clock."""

    def __init__(self, root: str, *texts: str, service: Service | None = None) -> None:
        self.service = service or Service()
        self.charts = charts(*texts)
        self.offers = Offers.of([self.service])
        self.offers.check(self.charts)
        self.runner = FlowRunner(root, self.charts, self.offers)
        self.now_ms = 0
        self.done: list[str] = []

    def turn(self, event: Event) -> Turn:
        start = datetime(2026, 11, 23, tzinfo=UTC)
        return Turn(event, self.now_ms, start, SITE, None, CashBook(), catalogue(), lambda _: 1, {})  # type: ignore[arg-type]

    def begin(self) -> list[Move]:
        turn = self.turn(Event("begin", "terminal"))
        moves = self.runner.begin(turn)
        self._keep(turn)
        return moves

    def send(self, name: str, *, source: str = "person", answers: bool = False) -> list[Move] | None:
        turn = self.turn(Event(name, source, answers=answers))
        moves = self.runner.dispatch(turn)
        self._keep(turn)
        return moves

    def wait(self, ms: int) -> list[str]:
        """Let time pass; return the deadline events that came."""
        end, came = self.now_ms + ms, []
        while (due := self.runner.next_deadline_ms()) is not None and due <= end:
            self.now_ms = max(self.now_ms, due)
            event = self.runner.due(self.now_ms)
            assert event is not None
            came.append(event.name)
            turn = self.turn(event)
            self.runner.dispatch(turn)
            self._keep(turn)
        self.now_ms = end
        return came

    def _keep(self, turn: Turn) -> None:
        self.done += [f"{e.kind} {e.data['event']}" for e in turn.effects]  # type: ignore[union-attr]


def arcs(moves: Iterable[Move] | None) -> list[str]:
    assert moves is not None
    return [f"{m.flow}:{m.source}>{m.target}" for m in moves]
