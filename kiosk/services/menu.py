"""The menu: what this terminal can do for this customer now, computed in one place, with reasons.

    profile  x  what is built  x  devices  x  host  x  cash  x  session  ->  offered | disabled | hidden, and why

The capability profile says what the terminal is for and in which order it is shown; a service that is not in it, or
for which the terminal has no device, is *hidden*: it is no part of this terminal. A service whose device or host is out
for the moment is *disabled*: shown with the reason, so that nobody looks for it. Nothing here knows who the customer
is: a basic service is never hidden, slowed or priced because of a segment (N-SEG-03).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.base.vocabulary import Document
from kiosk.agreements import CASH as BY_CASH
from kiosk.agreements import KINDS as PARTNERS
from kiosk.services.case import Case
from kiosk.services.dispensing import stock
from kiosk.services.facts import Card, DispenserOut
from kiosk.services.receipt import paper_there
from kiosk.turn import Turn

CARD: Final = "card"  # a customer with a card and a PIN
HOST: Final = "host"  # the host answers and nothing is owed to it
CASH: Final = "cash"  # there are notes to pay
PAYER: Final = "payer"  # a customer with a card and a PIN, or one without, who pays in notes
DEVICES: Final = ("card_reader", "pin_pad", "dispenser", "note_acceptor", "printer", "ticket_printer")
NEEDS: Final = (CARD, HOST, CASH, PAYER, *DEVICES, *PARTNERS)  # a kind of partner: an agreement with one is in force
ABILITIES: Final[Mapping[str, str]] = {"reader": "card_reader", "acceptor": "note_acceptor"}
"""What people say -> the device; every device also goes by its own name."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the menu knows it. `name` is worded by the text ``service.<name>``, `flow` is the chart it runs.

    `needs` are words of `NEEDS`; a device that would only be nice to have (a printer, say) is not named.
    Raises ValueError for an unknown need.
    """

    name: str
    flow: str
    needs: tuple[str, ...] = (CARD, HOST)

    def __post_init__(self) -> None:
        if strange := [need for need in self.needs if need not in NEEDS]:
            raise ValueError(f"service {self.name!r} needs {strange[0]!r}; known needs: {', '.join(NEEDS)}")


class Business(Protocol):
    """A module of `kiosk.services` that customers can choose. Its guards, actions and views are found by decorator."""

    @property
    def service(self) -> Service: ...

    def document(self, turn: Turn, case: Case) -> Document:
        """Return what is printed of a case of this service."""
        ...


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the menu depends on beside the profile."""

    installed: frozenset[str]
    usable: frozenset[str]
    host: bool
    cash: bool
    card: bool
    partners: frozenset[str] = frozenset()
    by_cash: frozenset[str] = frozenset()  # kinds of partners that can be paid in notes
    paper: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One service's place in the menu: ``offered``, ``disabled`` or ``hidden``, and the cause of the latter two.

    Causes: ``profile``, ``not_built``, ``card``, ``host_offline``, ``no_cash``, ``no_paper``, ``no_agreement``,
    ``no_<device>`` (not fitted), or a device's name (out of order).
    """

    service: str
    place: str
    cause: str = ""

    @property
    def offered(self) -> bool:
        return self.place == "offered"


WHY_NOT: Final = {"host_offline": "host_offline", "no_cash": "no_cash", "no_paper": "no_paper"}
"""Cause -> the text under ``why_not.`` that the customer reads; others are ``unavailable``."""


class Menu:
    """The services that are built, and what of them is offered."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._services: Mapping[str, Service] = {s.name: s for s in services}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._services)

    def needs(self, name: str) -> tuple[str, ...]:
        """Return what a service needs, nothing for one that is not built."""
        service = self._services.get(name)
        return service.needs if service else ()

    def flow(self, name: str) -> str:
        """Return the flow of a service. Raises KeyError."""
        return self._services[name].flow

    def compute(self, profile: Sequence[str], now: Circumstances) -> tuple[Line, ...]:
        """Return a line for each service of the profile in its order, then for each built one that is not in it."""
        lines = [self._line(name, now) for name in profile]
        return (*lines, *(Line(name, "hidden", "profile") for name in self._services if name not in profile))

    def _line(self, name: str, now: Circumstances) -> Line:
        service = self._services.get(name)
        if service is None:
            return Line(name, "hidden", "not_built")
        for need in service.needs:
            if need in DEVICES and need not in now.installed:
                return Line(name, "hidden", f"no_{need}")
        if any(need in PARTNERS and need not in now.partners for need in service.needs):
            return Line(name, "hidden", "no_agreement")  # N-AGY-01
        if CARD in service.needs and not now.card:
            return Line(name, "hidden", "card")
        if PAYER in service.needs and not now.card:
            kinds = [need for need in service.needs if need in PARTNERS]
            if "note_acceptor" not in now.installed or any(kind not in now.by_cash for kind in kinds):
                return Line(name, "hidden", "card")
            if "note_acceptor" not in now.usable:
                return Line(name, "disabled", "note_acceptor")
            if not now.paper:
                return Line(name, "disabled", "no_paper")
        for need in service.needs:
            if need in DEVICES and need not in now.usable:
                return Line(name, "disabled", need)
        if HOST in service.needs and not now.host:
            return Line(name, "disabled", "host_offline")
        if CASH in service.needs and not now.cash:
            return Line(name, "disabled", "no_cash")
        return Line(name, "offered")

    def lines(self, turn: Turn, *, card: bool | None = None) -> tuple[Line, ...]:
        """Return the menu of this instant; `card` pretends that there is a customer with a card, or none."""
        return self.compute(turn.site.services, circumstances(turn, card=card))


def circumstances(turn: Turn, *, card: bool | None = None) -> Circumstances:
    """Return what the menu depends on, as it is now."""
    fitness = turn.fitness
    unrested = {"dispenser"} if turn.find(DispenserOut) else set()  # back, but notes may lie in its path
    return Circumstances(
        installed=frozenset(fitness.installed),
        usable=frozenset(d for d in fitness.installed if fitness.usable(d)) - unrested,
        host=fitness.host_online
        and fitness.pin_key_loaded
        and fitness.advices_waiting <= turn.site.advices_waiting_max,
        cash=any(s.available for s in stock(turn)),
        card=turn.find(Card) is not None if card is None else card,
        partners=frozenset(a.kind for a in turn.site.agreements),
        by_cash=frozenset(a.kind for a in turn.site.agreements if BY_CASH in a.pay_by),
        paper=paper_there(turn),
    )


def device_named(word: str, families: Mapping[str, str]) -> str:
    """Return the device that `word` means: its name, an ability (`ABILITIES`), or a family of `families`.

    Raises ValueError listing what is known.
    """
    found = word if word in DEVICES else ABILITIES.get(word) or families.get(word)
    if found is None:
        raise ValueError(
            f"{word!r} is no device; devices: {', '.join(DEVICES)}; abilities: {', '.join(ABILITIES)}; "
            f"families: {', '.join(families)}"
        )
    return found


Writer = Callable[[Turn, Case], Document]


def explain(line: Line) -> str:
    """Return a line's reason in plain words, for technicians."""
    fixed = {
        "": "",
        "profile": "not in the capability profile",
        "not_built": "in the profile, but this version has no such service",
        "card": "needs a card in the reader",
        "no_agreement": "no agency agreement for it is in force",
        "host_offline": "the host is not online, or messages to it wait",
        "no_cash": "the cassettes hold nothing that can be paid",
        "no_paper": "paid in notes, it needs paper for a slip, and there is none",
    }
    if line.cause in fixed:
        return fixed[line.cause]
    if line.cause.startswith("no_"):
        return f"this terminal has no {line.cause.removeprefix('no_').replace('_', ' ')}"
    return f"the {line.cause.replace('_', ' ')} is out of order"
