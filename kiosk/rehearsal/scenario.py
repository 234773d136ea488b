"""A scenario: who does what when, which fault strikes, what must hold. Data, read strictly.

    scenario: reply_lost_after_dispense
    title: The dispenser's answer is lost; it is asked, and the customer is charged exactly what came out.
    proves: [55]
    person: {card: normal, service: withdrawal, wants_minor: 50000}
    faults:
      - {wire: dispenser, direction: from_device, match: "30 02 52", effect: drop, times: 3}
    expect: {ending: paid, customer_minor: 50000, charged_minor: 50000, suspect: false}

A person chooses `service` in the menu. What general screens then ask is in `says`, by the word that the screen asks
with (``ask.<word>``): digits to key, the value of an option; ``shown_before`` keys the reference that was shown last.
The person is a good customer unless `does` says otherwise: `on` names a screen (its n-th showing with `nth`), `do` is
one of the deeds of `person.py`. Faults name one of four layers: `wire`, `device`, `host`, or `power`. Instead of a
list, ``faults: {seed: 7}`` lets a seed pick them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kiosk import strict_yaml
from kiosk.strict_yaml import Document, DocumentError, Mistake


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Deed(_Strict):
    """What the person does at a screen instead of what a good customer would."""

    on: str
    nth: int = Field(default=1, ge=0)  # 0: every time
    do: str
    after_ms: int = Field(default=800, ge=0, le=600_000)
    value: str = ""
    count: int | None = None


class PersonForm(_Strict):
    """One customer."""

    card: str = "normal"
    pin: str = ""  # empty: the right one
    new_pin: str = "9753"  # keyed where a new PIN is asked, each time
    service: str = "withdrawal"
    wants_minor: int = 50_000
    cardless: bool = False  # chooses the service on the idle screen, without a card
    feeds: list[str] = Field(default_factory=list)  # notes for the acceptor in order: "100", "100 counterfeit"
    says: dict[str, str] = Field(default_factory=dict)  # what a general screen asks -> digits, option or yes/no
    language: str = ""
    visits: int = Field(default=1, ge=0, le=200)
    does: list[Deed] = Field(default_factory=list)
    think_ms: int = Field(default=800, ge=0, le=60_000)


class FaultForm(_Strict):
    """One fault of one layer. It is armed when the terminal first serves, or when `on` shows the `showing`-th time."""

    wire: str = ""
    device: str = ""
    host: str = ""
    power: Literal["", "cut", "restart"] = ""
    unplug: str = ""
    on: str = ""
    showing: int = Field(default=1, ge=1)
    after_ms: int = Field(default=0, ge=0, le=600_000)
    for_ms: int = Field(default=5_000, ge=0, le=3_600_000)
    fault: str = ""
    act: str = ""  # device: a technician's deed instead of a fault
    # wire
    effect: str = ""
    direction: str = "from_device"
    nth: int = 1
    match: str = ""
    at: int = 0
    by_ms: int = 0
    times: int = 1
    copies: int = 1
    # device and host: arguments by name
    args: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_layer(self) -> FaultForm:
        layers = [name for name in ("wire", "device", "host", "power", "unplug") if getattr(self, name)]
        if len(layers) != 1:
            raise ValueError("a fault names exactly one of wire, device, host, power, unplug")
        return self


class StruckForm(_Strict):
    """Faults by seed, instead of a list: ``faults: {seed: 7}``. `strikes.py` says what a seed picks."""

    seed: int = Field(ge=0)
    count: int = Field(default=0, ge=0, le=10)  # 0: one to three, by the seed
    layers: list[Literal["wire", "device", "host", "power", "unplug", "person"]] = Field(default_factory=list)


class WorldForm(_Strict):
    """How the world is before the terminal starts."""

    notes: dict[str, int] = Field(default_factory=dict)
    only_units: list[str] = Field(default_factory=list)
    paper: Literal["", "out", "low"] = ""
    dispenser_forgets: bool = False  # the dispenser's last order does not survive a power cut
    card_inside: str = ""
    journal_fails_after: int = 0  # appends, 0: never
    dispenser_family: str = ""
    printer: Literal["", "reliance", "epson", "plain"] = ""  # plain: no Chinese font, no QR command, no presenter
    acceptor: dict[str, Any] | None = None  # what the acceptor's simulator is made with
    without_acceptor: bool = False
    note_rules: str = ""  # a set of config/notes.yaml
    notes_withheld_max: int = 0
    pairs: list[str] = Field(default_factory=list)  # of the exchange: "100/20"; empty: as the site says
    deposit_most_minor: int = 0  # of one deposit; 0: as the site says
    services: list[str] = Field(default_factory=list)  # of this terminal; empty: those of the site's profile


class ExpectForm(_Strict):
    """What must hold at the end; what is not named is not judged, except the money, which always is."""

    ending: str = ""  # the name of the last result screen or final screen shown
    screens: list[str] = Field(default_factory=list)  # shown in this order, others may come between
    never: list[str] = Field(default_factory=list)  # screens that must not be shown
    customer_minor: int | None = None
    charged_minor: int | None = None  # below zero: credited
    vaulted_minor: int | None = None  # in the acceptor's cashbox
    returned_minor: int | None = None  # fed and back with the customer, or at the acceptor's exit
    card: Literal["", "customer", "retained", "inside", "exit"] = ""
    suspect: bool | None = None
    advices: list[str] | None = None
    dispensed_orders: int | None = None
    journal: list[str] = Field(default_factory=list)  # kinds, in this order, others may come between
    out_of_service: bool = False
    receipt: Literal["", "printed", "on_screen", "none"] = ""
    reason: str = ""
    violations: list[str] = Field(default_factory=list)  # ids of norms that this scenario violates, each once or more


class Scenario(_Strict):
    """One rehearsal."""

    scenario: str
    title: str
    proves: list[int] = Field(default_factory=list)
    seed: int = 1
    world: WorldForm = WorldForm()
    person: PersonForm = PersonForm()
    faults: list[FaultForm] = Field(default_factory=list)
    struck: StruckForm | None = None  # what ``faults: {seed: ...}`` says
    expect: ExpectForm
    goes_on_ms: int = Field(default=0, ge=0, le=3_600_000)  # after the last deed: for deadlines of norms to pass
    limit_ms: int = Field(default=1_200_000, gt=0, le=100_000_000)
    file: str = ""

    @model_validator(mode="before")
    @classmethod
    def _by_seed(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("faults"), dict):
            return {**{k: v for k, v in data.items() if k != "faults"}, "struck": data["faults"]}
        return data


def load_scenario(path: Path) -> Scenario:
    """Read one scenario. Raises DocumentError."""
    return scenario_of(strict_yaml.load(path))


def scenario_of(document: Document) -> Scenario:
    """Make a scenario of a document. Raises DocumentError."""
    scenario = document.as_model(Scenario)
    stem = Path(document.file).stem
    if scenario.scenario != stem and not document.file.startswith("<"):
        raise document.error(("scenario",), f"scenario {scenario.scenario!r} must stand in {scenario.scenario}.yaml")
    for i, number in enumerate(scenario.proves):
        if not 1 <= number <= 123:
            raise document.error(("proves", i), f"edge case {number} is not in the catalogue (1 to 123)")
    return scenario.model_copy(update={"file": document.file})


def load_scenarios(path: Path) -> Iterator[Scenario]:
    """Yield the scenarios of a file or a folder, below it too. Raises DocumentError listing every mistake."""
    if not path.exists():
        raise DocumentError([Mistake(str(path), 1, 1, "there is no such scenario or folder")])
    files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise DocumentError([Mistake(str(path), 1, 1, "holds no scenarios (*.yaml)")])
    mistakes: list[Mistake] = []
    found: list[Scenario] = []
    for file in files:
        try:
            found.append(load_scenario(file))
        except DocumentError as error:
            mistakes += error.mistakes
    if mistakes:
        raise DocumentError(mistakes)
    yield from found
