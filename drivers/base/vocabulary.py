"""The words every device is spoken to in, and answers in: commands, results, happenings.

The names are XFS4IoT's (CWA 17852). A service gives a device a *command*, a frozen value with a ticket made
and journalled before the first byte. The driver answers each command with exactly one *result* carrying the
same ticket and an `Outcome`; silence on a command that moves value is `Outcome.UNKNOWN`, with the counts that
are known to have moved. What a device reports without having been asked is a *happening*.

    command  ->  driver  ->  bytes ...
    result   <-  driver  <-  bytes ...        outcome in {DONE, REFUSED, PARTIAL, UNKNOWN}
    happening <- driver                       card inserted, notes taken, paper low, device lost

Rules that hold for all of them:

- `REFUSED` means: nothing moved, and the device says so. `UNKNOWN` never becomes zero on the way up.
- Counts are mappings of storage unit id (``"unit1"``) to a number of notes, never negative, zero left out.
- `error` is a word of XFS4IoT in camel case (``"mediaJam"``) or ``None``; `detail` is the device's own
  code in its own spelling (``"N10 jam"``) for the technician.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from drivers.base.secrets import Pan, PinBlock, Track2

Counts = Mapping[str, int]


class Outcome(Enum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


class Repeat(Enum):
    """Whether a device command may be sent again when the answer is lost."""

    SAFE = "safe"  # changes nothing, or ends in the same state
    ONCE = "once"  # moves value, card or paper: silence means UNKNOWN


class Health(Enum):
    """Fitness of a device, least to most serious (NDC severity, XFS4IoT device status)."""

    OK = "ok"
    ATTENTION = "attention"  # works; somebody should come (paper low, cassette low)
    STOP = "stop"  # does not work until somebody comes
    UNKNOWN = "unknown"  # not connected, or not yet identified


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Base of all commands. `ticket` ties the result to the question; it is never reused.

    One that `interrupts` may be given while another is in flight; that one is answered first. One that `asks_past`
    is a question about what has become of something: where nobody answers, the answer is UNKNOWN, never REFUSED.
    """

    verb: ClassVar[str]
    interrupts: ClassVar[bool] = False
    asks_past: ClassVar[bool] = False
    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Base of all results."""

    verb: ClassVar[str]
    ticket: str
    outcome: Outcome
    error: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Base of what a device reports unasked."""

    name: ClassVar[str]


# ---------------------------------------------------------------- every device


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answered on the line: compared on re-plug before the unit is trusted again."""

    model: str
    serial: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReady(Happening):
    """Identified and usable."""

    name = "device_ready"
    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLost(Happening):
    """Silent beyond its limit, or the line is gone. Pending commands have answered UNKNOWN before this."""

    name = "device_lost"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChanged(Happening):
    """Fitness changed. `error` is the word of the worst condition, `supplies` e.g. ``{"paper": "low"}``."""

    name = "health_changed"
    health: Health
    error: str | None = None
    detail: str = ""
    supplies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Command):
    """Bring the device to its rest position (XFS4IoT Reset). `card` and media are handled as `media` says.

    `media`: ``"exit"`` gives a card back, ``"retain"`` captures it, ``"hold"`` keeps it where it is. A
    dispenser ignores it: notes found in its path go to the reject unit and are counted in the result.
    """

    verb = "reset"
    media: str = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetResult(Result):
    """What was found: `rejected` notes went from the path to the reject unit, `moved` ones came out of the exit
    on the way; `card_inside`: a card is in; `retained`: it was captured.
    """

    verb = "reset"
    rejected: Counts = field(default_factory=dict)
    moved: Counts = field(default_factory=dict)
    card_inside: bool | None = None
    retained: bool = False


# ---------------------------------------------------------------- card reader


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptCard(Command):
    """Open the gate for one card. DONE means *permitted*; the card itself comes as `CardInserted`."""

    verb = "accept_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptCardResult(Result):
    verb = "accept_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyCard(Command):
    """Close the gate. DONE when no card can come in any more."""

    verb = "deny_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyCardResult(Result):
    verb = "deny_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class EjectCard(Command):
    """Move the card to the exit (XFS4IoT Move to exit). `CardTaken` follows when the customer has it."""

    verb = "eject_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class EjectCardResult(Result):
    """REFUSED with ``noMedia`` when no card is in the reader, ``mediaJam`` when it does not move."""

    verb = "eject_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainCard(Command):
    """Capture the card, from inside or from the exit where a customer forgot it."""

    verb = "retain_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainCardResult(Result):
    """REFUSED with ``mediaTaken`` when the customer was faster. `retained_total` is the bin's counter."""

    verb = "retain_card"
    retained_total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardInserted(Happening):
    """A card is inside and was read. `track2` is None when it could not be read; then `error` says why."""

    name = "card_inserted"
    track2: Track2 | None
    error: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTaken(Happening):
    """The customer took the card from the exit (XFS4IoT MediaRemovedEvent)."""

    name = "card_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReaderCapabilities:
    tracks: tuple[int, ...]
    motorised: bool
    retain: bool
    chip: bool
    card_taken_sensor: bool


# ---------------------------------------------------------------- PIN pad


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadKey(Command):
    """Import a working key (KeyManagement.ImportKey).

    `key` and `under` are names of the pad's key table (``"TPK"``, ``"TMK"``); `cryptogram` is the key
    encrypted under `under`, hex; `kcv` the expected check value, hex, or empty if unknown.
    """

    verb = "load_key"
    key: str
    under: str
    cryptogram: str
    kcv: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadKeyResult(Result):
    verb = "load_key"
    kcv: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterPin(Command):
    """Let the customer key a PIN, then make a PIN block of `format` (``"iso0"``) over `pan` under `key`.

    DONE carries the block. REFUSED carries ``cancelled``, ``entryTimeout``, ``keyNotFound``, ``tampered``
    and the like. The clear PIN never leaves the pad; each digit shows as `PinDigits`.
    """

    verb = "enter_pin"
    pan: Pan
    key: str
    format: str = "iso0"
    digits_min: int = 4
    digits_max: int = 6
    within_ms: int = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterPinResult(Result):
    verb = "enter_pin"
    block: PinBlock | None = None
    key_kcv: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterData(Command):
    """Let plain keys through as `KeyPressed` until `StopKeys` (Keyboard.DataEntry). DONE when enabled."""

    verb = "enter_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterDataResult(Result):
    verb = "enter_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopKeys(Command):
    """End any entry that is open. A running `EnterPin` answers REFUSED ``cancelled`` first."""

    verb = "stop_keys"
    interrupts = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StopKeysResult(Result):
    verb = "stop_keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinDigits(Happening):
    """How many digits are in; never which."""

    name = "pin_digits"
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPressed(Happening):
    """A plain key: ``"0"`` to ``"9"``, ``"00"``, ``"."``, ``"enter"``, ``"clear"``, ``"cancel"``, ``"fdk01"``
    and so on.
    """

    name = "key_pressed"
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPadCapabilities:
    pin_formats: tuple[str, ...]
    key_schemes: tuple[str, ...]
    mac: bool
    function_keys: int


# ---------------------------------------------------------------- dispenser


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispense(Command):
    """Dispense `picks` (unit -> notes). On a device without presenter the notes go straight to the customer.

    `number` is the device's own order number where it keeps one (LCDM-4000: 0..94, one byte), chosen and
    journalled by the caller, so that `LastDispense` can be tied to this order.
    """

    verb = "dispense"
    picks: Counts
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DispenseResult(Result):
    """`moved`: notes that passed the exit, what the customer has or could have taken. `rejected`: notes in
    the reject unit. `unaccounted`: notes that left a unit and were seen at neither place; greater than
    zero only with PARTIAL or UNKNOWN. With UNKNOWN, `moved` is a lower bound.
    """

    verb = "dispense"
    moved: Counts = field(default_factory=dict)
    rejected: Counts = field(default_factory=dict)
    unaccounted: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDispense(Command):
    """Ask what became of the dispense with order `number` (XFS4IoT GetPresentStatus); moves nothing.

    `picks` repeats what was ordered, so that the answer can be judged complete or short.
    """

    verb = "last_dispense"
    asks_past = True
    picks: Counts
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDispenseResult(Result):
    """What became of it.

    DONE: the order is known and `moved`/`rejected` are what the device counted (may be short of the order).
    REFUSED: the device is certain that it never carried the order out. UNKNOWN: it cannot tell.
    """

    verb = "last_dispense"
    moved: Counts = field(default_factory=dict)
    rejected: Counts = field(default_factory=dict)
    unaccounted: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageUnit:
    """One cassette as configured: what is in it is the cash book's business, not the driver's."""

    id: str
    value_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DispenserCapabilities:
    """What the device cannot do is said here, and flows consult it (XFS4IoT Capabilities)."""

    units: tuple[str, ...]
    notes_max: int
    presenter: bool
    retract: bool
    items_taken_sensor: bool
    shutter: bool
    persistent_counters: bool
    last_dispense: bool


# ---------------------------------------------------------------- printer


class Align(Enum):
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text. `scale` 1 or 2 enlarges both ways."""

    text: str
    align: Align = Align.LEFT
    bold: bool = False
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Columns:
    """A label at the left and a value at the right of one line."""

    left: str
    right: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the paper."""


@dataclass(frozen=True, slots=True)
class Feed:
    lines: int = 1


@dataclass(frozen=True, slots=True)
class QrCode:
    content: str


Element = Text | Columns | Rule | Feed | QrCode
Document = tuple[Element, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintDocument(Command):
    """Print, cut and present one document."""

    verb = "print_document"
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintDocumentResult(Result):
    """REFUSED: nothing was printed (``paperOut``, ``coverOpen`` ...). PARTIAL: paper ended or jammed on the
    way. DONE: printed and presented; `DocumentTaken` follows where the printer has the sensor.
    """

    verb = "print_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetractDocument(Command):
    """Take a forgotten document back (XFS4IoT RetractMedia)."""

    verb = "retract_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetractDocumentResult(Result):
    verb = "retract_document"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTaken(Happening):
    """The customer took the paper (XFS4IoT MediaTakenEvent)."""

    name = "document_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrinterCapabilities:
    columns: int
    presenter: bool
    retract: bool
    document_taken_sensor: bool
    encoding: str


Capabilities = CardReaderCapabilities | PinPadCapabilities | DispenserCapabilities | PrinterCapabilities
