"""What the customer is shown, as a value: the flow says it, window, bench and voice render it.

A view names a screen of `kiosk/ui/screens` and carries the values that the screen's texts and widgets ask for.
Values are language-neutral (`Money`, `int`, `date`, names of things); the renderer words them in the view's locale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from kiosk.money import Money

Atom = Money | int | str | date | datetime | bool | None


@dataclass(frozen=True, slots=True)
class Option:
    """One thing to choose: choosing posts `Input(event, value)`.

    `label` is a `Money`, or a text id of the catalogue; `details` fill the placeholders of the text. A disabled
    option is shown with the text id `why_not`.
    """

    event: str
    value: str
    label: Atom
    details: Mapping[str, Atom] = field(default_factory=dict)
    why_not: str = ""


Value = Atom | tuple[Option, ...] | tuple[Atom, ...] | Mapping[str, Atom]


@dataclass(frozen=True, slots=True)
class View:
    """One thing shown. `serial` grows with every view; an input made on an older one is dropped.

    `since_ms` and `until_ms` are instants of the terminal's clock: when the view came up and when its waiting time
    ends (None: never), for the bar that shows the time left. `asking_more_time` lays the question over the screen;
    its buttons post `more_time` and `no_more_time`. `privacy` hides amounts for the blank-screen mode.
    """

    serial: int
    screen: str
    locale: str = "zh-CN"
    values: Mapping[str, Value] = field(default_factory=dict)
    since_ms: int = 0
    until_ms: int | None = None
    asking_more_time: bool = False
    privacy: bool = False
