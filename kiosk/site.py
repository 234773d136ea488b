"""What a site sets for its terminal (``config/terminal.yaml``), as services read it: `turn.site`."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from drivers.base.acceptor import DOUBTED, Classification
from kiosk.agreements import Agreement
from kiosk.cash import Note
from kiosk.mix import MixAlgorithm
from kiosk.money import CURRENCIES, Money


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class UnitForm(_Strict):
    """One storage unit and what it is loaded with on the first start."""

    id: str = Field(pattern=r"^unit[0-9A-Za-z]+$")
    value_minor: int = Field(gt=0)
    load: int = Field(ge=0, le=5_000)


class CashForm(_Strict):
    """What the terminal pays and how."""

    currency: str
    units: list[UnitForm] = Field(min_length=1, max_length=8)
    notes_max: int = Field(gt=0, le=100)
    amount_max_minor: int = Field(gt=0)
    quick_amounts_minor: list[int] = Field(min_length=1, max_length=8)
    mix: Literal["minimumBills", "equalEmptying"] = "minimumBills"
    offer_mixes: int = Field(default=3, ge=1, le=4)
    low_notes: int = Field(default=50, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> CashForm:
        if self.currency not in CURRENCIES:
            raise ValueError(f"currency {self.currency!r} is not known; known: {', '.join(CURRENCIES)}")
        ids = [u.id for u in self.units]
        if len(set(ids)) != len(ids):
            raise ValueError("two storage units have the same id")
        return self


class CardsForm(_Strict):
    """Which cards are served. A prefix of an accepted issuer; others are returned before any PIN (edge case 7)."""

    accepted_prefixes: list[str] = Field(min_length=1)
    entry_mode: str = "901"


class RemittanceForm(_Strict):
    """Where money can be sent: codes of other banks, as the host knows them, with their names by language."""

    banks: dict[str, dict[str, str]] = Field(default_factory=dict, max_length=8)
    most_minor: int = Field(default=5_000_000, gt=0)


class DepositForm(_Strict):
    """What is taken in: at most so much in one deposit; `values_minor` are the notes taken, all known ones if empty."""

    most_minor: int = Field(default=1_000_000, gt=0)
    values_minor: list[int] = Field(default_factory=list)
    note_found_at_start: Literal["return", "vault"] = "return"


Fate = Literal["return", "withhold", "withhold_with_credit", "credit"]


class NoteRules(_Strict):
    """What becomes of a note, by what the acceptor makes of it (``config/notes.yaml``)."""

    unrecognized: Literal["return"] = "return"
    counterfeit: Literal["return", "withhold"] = "return"
    suspect: Literal["return", "withhold", "withhold_with_credit"] = "return"
    unfit: Literal["return", "credit"] = "credit"
    fit: Literal["credit"] = "credit"

    def fate(self, classification: str) -> Fate:
        """Return what becomes of a note; one of a kind that nobody knows goes back."""
        fate: Fate = getattr(self, classification, "return")
        return fate

    @property
    def withheld(self) -> tuple[Classification, ...]:
        """The kinds that are kept, credited or not."""
        return tuple(kind for kind in DOUBTED if self.fate(kind) != "return")


class PairForm(_Strict):
    """One note of `source_minor` is changed into notes of `target_minor`, which divides it."""

    source_minor: int = Field(gt=0)
    target_minor: int = Field(gt=0)

    @model_validator(mode="after")
    def _equal(self) -> PairForm:
        if self.target_minor >= self.source_minor or self.source_minor % self.target_minor:
            raise ValueError(f"a note of {self.source_minor} cannot be made of notes of {self.target_minor}")
        return self


class ExchangeForm(_Strict):
    """Which notes are changed into which, and how much in one visit, without a card and with one."""

    pairs: list[PairForm] = Field(
        default_factory=lambda: [PairForm(source_minor=10_000, target_minor=5_000)], min_length=1, max_length=8
    )
    without_card_minor: int = Field(default=50_000, ge=0)
    with_card_minor: int = Field(default=200_000, ge=0)
    request_days: int = Field(default=30, ge=1, le=365)  # a request for notes that are short stands so long


class ComplaintForm(_Strict):
    """By when a complaint is answered. Not later than the norm allows (`complaint_days`, models/norms)."""

    answer_days: int = Field(default=15, ge=1, le=60)
    claim_days: int = Field(default=7, ge=1, le=60)  # a claim that the terminal itself has found out is settled sooner


class CashPaymentForm(_Strict):
    """Partners paid in notes: at most so much in one visit, without a card and with one.

    `slip_minor`: what of the change the terminal may owe on a slip, where its notes cannot make it.
    """

    without_card_minor: int = Field(default=50_000, ge=0)
    with_card_minor: int = Field(default=200_000, ge=0)
    slip_minor: int = Field(default=999, ge=0)


class Site(_Strict):
    """One terminal."""

    terminal_id: str = Field(min_length=8, max_length=8)
    acceptor_id: str = Field(min_length=15, max_length=15)
    location: str = Field(max_length=40)
    bank_name: dict[str, str]
    contact: str
    locale: str
    languages: list[str] = Field(min_length=1)
    time_zone: str = "Asia/Shanghai"
    cash: CashForm
    cards: CardsForm
    card_found_at_start: Literal["eject", "retain"] = "retain"
    advices_waiting_max: int = Field(default=0, ge=0)
    transfer_max_minor: int = Field(default=5_000_000, gt=0)
    remittance: RemittanceForm = RemittanceForm()
    deposit: DepositForm = DepositForm()
    exchange: ExchangeForm = ExchangeForm()
    cash_payment: CashPaymentForm = CashPaymentForm()
    complaint: ComplaintForm = ComplaintForm()
    note_rules: str = "nothing_kept"  # a set of notes.yaml
    notes_withheld_max: int = Field(default=3, ge=1, le=20)  # of one order; then nothing more is taken in it
    note_fates: NoteRules = Field(default=NoteRules(), exclude=True)  # the set itself
    ask_rating: bool = False
    profile: str = "standard"
    agreements: tuple[Agreement, ...] = Field(default=(), exclude=True)  # with partners, as partners.yaml says
    services: tuple[str, ...] = Field(default=(), exclude=True)  # of the profile, in the menu's order
    watch_norms: bool = True

    @cached_property
    def notes(self) -> dict[str, Note]:
        """Return unit -> denomination."""
        return {u.id: Note(u.value_minor, self.cash.currency) for u in self.cash.units}

    @property
    def algorithm(self) -> MixAlgorithm:
        return MixAlgorithm(self.cash.mix)

    def money(self, minor: int) -> Money:
        """Return an amount in the terminal's currency."""
        return Money(minor, self.cash.currency)

    def worth(self, counts: dict[str, int] | object) -> Money:
        """Return what counted notes (unit -> notes) are worth."""
        assert isinstance(counts, dict)
        return self.money(sum(self.notes[unit].value_minor * n for unit, n in counts.items()))
