"""What the services of a session know, as frozen values kept by type in a turn's facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.base.secrets import PinBlock, Track2
from kiosk.money import Money
from kiosk.ports import WorkingKey
from kiosk.services.case import Case


@dataclass(frozen=True, slots=True)
class Session:
    """One customer at the terminal."""

    id: str
    started_ms: int


@dataclass(frozen=True, slots=True)
class Card:
    """The card in the reader. `error` is why it is not served, if so; `to` says where it went."""

    track2: Track2 | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class CardGone:
    """Where the card went: ``"taken"``, ``"retained"`` or ``"stuck"``."""

    how: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Pin:
    """The encrypted PIN block of this session; dropped with it."""

    block: PinBlock


@dataclass(frozen=True, slots=True)
class PinEntry:
    """What the PIN screen shows."""

    digits: int = 0
    tries_left: int | None = None
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Typed:
    """An amount being keyed, in major units as digits; `error` is a text id."""

    digits: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the customer wants, feasible with the notes that are there, before the host is asked."""

    amount: Money
    picks: Mapping[str, int]
    mixes: tuple[Mapping[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unpayable:
    """An amount that these notes cannot make, and the nearest that they can."""

    amount: Money
    below: Money | None
    above: Money | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the customer gets nothing: a text id, and a lower amount that would go, if one would."""

    reason: str
    lower: Money | None = None
    tries_left: int | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptWanted:
    """Whether paper is to be printed; asked only where there is none."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class ReceiptText:
    """The receipt's lines, for the screen when paper is out."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenCases:
    """Cases that a restart found open, oldest first; the one being settled is the `Case` fact."""

    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class ReaderUnsure:
    """A card was lost in the reader: it is brought to rest before the next customer."""


@dataclass(frozen=True, slots=True)
class PathUnsure:
    """A power cut came while a case was open: notes may be left in the dispenser's path."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """The working key the host sent last, and whether the PIN pad has taken it."""

    key: WorkingKey
    confirmed: bool = False


def about(facts: Mapping[type, object]) -> Mapping[str, str]:
    """Return which session and case facts speak of, as records name them."""
    session, case = facts.get(Session), facts.get(Case)
    found = {}
    if isinstance(session, Session):
        found["session"] = session.id
    if isinstance(case, Case):
        found["case"] = case.id
    return found


CUSTOMER_FACTS = (
    Session, Card, CardGone, Pin, PinEntry, Typed, Plan, Unpayable, Refusal, ReceiptWanted, ReceiptText, Case,
)  # fmt: skip
"""What is forgotten when a session ends."""
