"""What the services of a session know, as frozen values kept by type in a turn's facts.

The base class says when a fact is forgotten: `OfVisit` at the end of the session, `OfBusiness` also when the customer
chooses another service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.base.secrets import PinBlock, Track2
from drivers.base.vocabulary import Document
from kiosk.money import Money
from kiosk.ports import WorkingKey
from kiosk.services.case import Case, Posting
from kiosk.turn import OfBusiness, OfVisit


@dataclass(frozen=True, slots=True)
class Session(OfVisit):
    """One customer at the terminal."""

    id: str
    started_ms: int


@dataclass(frozen=True, slots=True)
class Card(OfVisit):
    """The card in the reader. `error` is why it is not served, if so; `to` says where it went."""

    track2: Track2 | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class CardGone(OfVisit):
    """Where the card went: ``"taken"``, ``"retained"`` or ``"stuck"``."""

    how: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Rated(OfVisit):
    """The customer has said how it was."""

    score: int


@dataclass(frozen=True, slots=True)
class MenuPage(OfBusiness):
    """Which page of the menu is shown."""

    number: int = 0


@dataclass(frozen=True, slots=True)
class DispenserOut:
    """The dispenser was out of use while others were served: it is brought to rest before it pays again."""


@dataclass(frozen=True, slots=True)
class Chosen(OfBusiness):
    """The service that the customer chose; the name stands in its cases and on its receipt."""

    service: str


@dataclass(frozen=True, slots=True)
class Intent(OfBusiness):
    """What the flow ``ask_host`` is to ask. `kept` goes into the case's record and must be masked.

    `private` are tags of field 48, in the clear on the line and never journalled.
    """

    operation: str
    amount: Money
    posting: Posting = Posting.NOTHING
    fee: Money | None = None
    from_account: str = ""
    to_account: str = ""
    private: Mapping[str, str] = field(default_factory=dict)
    new_pin: PinBlock | None = None
    kept: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False  # asked without card and PIN, by whoever stands there


@dataclass(frozen=True, slots=True)
class Answer(OfBusiness):
    """What the host answered to the intent, when it was approved. `extra` are the tags of field 48 and ``125``."""

    reference: str
    amount: Money
    available: Money | None = None
    ledger: Money | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pin(OfVisit):
    """The encrypted PIN block of this session; dropped with it."""

    block: PinBlock


@dataclass(frozen=True, slots=True)
class PinEntry(OfVisit):
    """What the PIN screen shows."""

    digits: int = 0
    tries_left: int | None = None
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Typed(OfBusiness):
    """An amount being keyed, in major units as digits; `error` is a text id."""

    digits: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan(OfBusiness):
    """What the customer wants, feasible with the notes that are there, before the host is asked."""

    amount: Money
    picks: Mapping[str, int]
    mixes: tuple[Mapping[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unpayable(OfBusiness):
    """An amount that these notes cannot make, and the nearest that they can."""

    amount: Money
    below: Money | None
    above: Money | None


@dataclass(frozen=True, slots=True)
class Refusal(OfBusiness):
    """Why the customer gets nothing: a text id, and a lower amount that would go, if one would."""

    reason: str
    lower: Money | None = None
    tries_left: int | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptWanted(OfBusiness):
    """Whether paper is to be printed; asked only where there is none."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class ReceiptText(OfBusiness):
    """The receipt, worded once: as a document for the printer, as lines for the screen when paper is out."""

    document: Document
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenCases:
    """Cases that a restart found open, oldest first; the one being settled is the `Case` fact."""

    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class SlotOpening(OfVisit):
    """The reader has been told to take a card and has not answered yet."""


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
