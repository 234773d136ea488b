"""What services offer to charts: guards, actions, choices and views, found by decorator and looked up by name at load.

A name is offered once; a chart that asks for a name nobody offers is refused with file, line and the nearest name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kiosk.flow.chart import Chart
from kiosk.strict_yaml import DocumentError, Mistake
from kiosk.turn import Turn

Fn = TypeVar("Fn", bound=Callable[..., Any])
_MARK = "__kiosk_offers__"


def guard(function: Fn) -> Fn:
    """Offer a method `(turn) -> bool` as a guard. It must change nothing."""
    setattr(function, _MARK, ("guard", function.__name__))
    return function


def action(function: Fn) -> Fn:
    """Offer a method `(turn) -> None` as an action."""
    setattr(function, _MARK, ("action", function.__name__))
    return function


def choice(function: Fn) -> Fn:
    """Offer a method `(turn) -> str` that names the flow to call where a chart leaves it open."""
    setattr(function, _MARK, ("choice", function.__name__))
    return function


def view(screen: str) -> Callable[[Fn], Fn]:
    """Offer a method `(turn) -> Mapping` as the values of a screen."""

    def mark(function: Fn) -> Fn:
        setattr(function, _MARK, ("view", screen))
        return function

    return mark


@dataclass(frozen=True)
class Offers:
    """All that the services of a terminal offer."""

    guards: Mapping[str, Callable[[Turn], bool]]
    actions: Mapping[str, Callable[[Turn], None]]
    views: Mapping[str, Callable[[Turn], Mapping[str, Any]]]
    choices: Mapping[str, Callable[[Turn], str]] = field(default_factory=dict)

    @classmethod
    def of(cls, services: Iterable[object]) -> Offers:
        """Collect the offers. Raises ValueError when two services offer the same name."""
        found: dict[str, dict[str, Any]] = {"guard": {}, "action": {}, "view": {}, "choice": {}}
        for service in services:
            for attribute in dir(type(service)):
                mark = getattr(getattr(type(service), attribute), _MARK, None)
                if mark is None:
                    continue
                kind, name = mark
                if name in found[kind]:
                    raise ValueError(f"{kind} {name!r} is offered twice, again by {type(service).__name__}")
                found[kind][name] = getattr(service, attribute)
        return cls(found["guard"], found["action"], found["view"], found["choice"])

    def check(self, charts: Mapping[str, Chart]) -> None:
        """Raise DocumentError for every name a chart asks for that nobody offers."""
        mistakes: list[Mistake] = []
        for chart in charts.values():
            for t in chart.transitions:
                mistakes += self._missing(chart, t.line, "guard", (g.name for g in t.guards), self.guards)
                mistakes += self._missing(chart, t.line, "action", t.actions, self.actions)
            mistakes += self._missing(chart, 1, "action", chart.begin, self.actions)
            for s in chart.states.values():
                if s.call_any is not None:
                    mistakes += self._missing(chart, s.line, "choice", [s.call_any.by], self.choices)
        if mistakes:
            raise DocumentError(mistakes)

    @staticmethod
    def _missing(
        chart: Chart, line: int, kind: str, names: Iterable[str], offered: Mapping[str, Any]
    ) -> Iterable[Mistake]:
        for name in names:
            if name not in offered:
                near = difflib.get_close_matches(name, offered, n=1)
                remedy = f"did you mean {near[0]!r}?" if near else f"offer it with @{kind} in a service"
                yield Mistake(chart.file, line, 1, f"no service offers the {kind} {name!r}; {remedy}")
