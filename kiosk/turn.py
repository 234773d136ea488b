"""One turn: an event, what may be asked of the world, and the draft of what is decided.

A guard reads the turn; an action reads it and adds to its draft. Nothing in a turn acts. If an action raises, the
kernel drops the draft whole: facts, moves of cash and effects are as they were, and no byte has left.

*Facts* are frozen values kept by their type: `turn.get(Card)` returns the one `Card` of the session, `turn.put(...)`
replaces it in the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from drivers.base.vocabulary import Command
from kiosk.cash import CashBook, CashMove
from kiosk.effects import Advise, Ask, Effect, KeyLoaded, Order, Record
from kiosk.money import Money
from kiosk.ports import Advice, HostRequest
from kiosk.site import Site

Fact = TypeVar("Fact")


class OfVisit:
    """Marks a fact of one customer's visit: forgotten when the session ends."""

    __slots__ = ()


class OfBusiness(OfVisit):
    """Marks a fact of one service: forgotten when the session ends or the customer chooses another service."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `answers` marks one that a chart must understand: the answer to an order, a deadline,
    the ending of a sub-flow. Others (keys, touches, happenings) are dropped where no transition is written for them.
    """

    name: str
    source: str
    payload: Any = None
    ticket: str = ""
    answers: bool = False


class Fitness(Protocol):
    """What the terminal knows of its parts; read by guards."""

    @property
    def installed(self) -> tuple[str, ...]:
        """The devices that this terminal has by its configuration."""
        ...

    def usable(self, device: str) -> bool:
        """Whether a device is identified and neither stopped nor lost."""
        ...

    def present(self, device: str) -> bool:
        """Whether a device is identified and answers, even if it cannot work."""
        ...

    def known(self, device: str) -> bool:
        """Whether a device has been identified, or has been found absent."""
        ...

    def capabilities(self, device: str) -> Any: ...

    def supplies(self, device: str) -> Mapping[str, str]: ...

    @property
    def host_online(self) -> bool: ...

    @property
    def advices_waiting(self) -> int: ...

    @property
    def pin_key_loaded(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Language(OfVisit):
    """The fact that says in which language the customer is served."""

    locale: str


class Words(Protocol):
    """The catalogue of texts."""

    def say(self, locale: str, text: str, **values: object) -> str:
        """Return a text in a language. Raises for one that the catalogue does not have."""
        ...

    def money(self, locale: str, amount: Money) -> str:
        """Return an amount as the language writes it."""
        ...


@dataclass
class Turn:
    """What one step may see and decides."""

    event: Event
    now_ms: int
    now: datetime
    site: Site
    fitness: Fitness
    cash: CashBook
    words: Words
    draw: Callable[[str], int]
    facts: dict[type, object]
    effects: list[Effect] = field(default_factory=list)
    moves: list[CashMove] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)

    # ------------------------------------------------------------ facts

    def get(self, kind: type[Fact]) -> Fact:
        """Return the fact of a type. Raises LookupError when there is none: then the chart is wrong."""
        found = self.find(kind)
        if found is None:
            raise LookupError(f"no {kind.__name__} at {self.event.name!r}")
        return found

    def find(self, kind: type[Fact]) -> Fact | None:
        value = self.facts.get(kind)
        return value if isinstance(value, kind) else None

    def put(self, fact: object) -> None:
        self.facts[type(fact)] = fact

    def drop(self, *kinds: type) -> None:
        for kind in kinds:
            self.facts.pop(kind, None)

    def forget(self, mark: type) -> None:
        """Drop every fact marked `mark` (`OfVisit`, `OfBusiness`)."""
        self.drop(*(kind for kind in self.facts if issubclass(kind, mark)))

    # ------------------------------------------------------------ decisions

    def record(self, kind: str, **data: object) -> None:
        """Add a journal record."""
        self.effects.append(Record(kind, data))

    def order(self, device: str, command: Command, *, heard: bool = True) -> None:
        """Give a command; with `heard` its result comes to this chart as ``<verb>_<outcome>``."""
        self.effects.append(Order(device, command, heard))

    def ask(self, request: HostRequest) -> None:
        self.effects.append(Ask(request))

    def advise(self, advice: Advice) -> None:
        """Queue an advice: its record and its sending belong to the same step, so neither is without the other."""
        self.effects.append(Advise(advice))

    def key_loaded(self, name: str, *, loaded: bool) -> None:
        self.effects.append(KeyLoaded(name, loaded))

    def move(self, move: CashMove, **data: object) -> None:
        """Move notes in the cash book, with a record."""
        self.moves.append(move)
        self.record("cash_moved", **move.as_data(), **data)

    def money(self, locale: str, amount: Money) -> str:
        return self.words.money(locale, amount)

    def ticket(self, what: str) -> str:
        """Return a new ticket, unique for ever: tickets are drawn from a counter that the journal keeps."""
        return f"{what}-{self.draw('ticket')}"
