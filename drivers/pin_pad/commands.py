"""The pad's whole vocabulary: commands, control items, key types, errors. Every other module asks here.

Sources are named in README.md. `Repeat.SAFE` commands end in the same state when sent twice; ``start_pin``
does because the pad begins the entry afresh, with no digit in. The authentication is a dialogue of random
numbers, so none of its steps may be repeated alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.base.vocabulary import Health, Repeat

OK: Final = 0x60
INPUT_TIMED_OUT: Final = 0xEE


@dataclass(frozen=True, slots=True)
class Spec:
    """One command. `uses_keys`: success proves that the pad's keys and battery serve again.

    `may_time_out`: EE can be its answer; after any other command EE is the end of an entry, come unasked.
    """

    code: str
    name: str
    reply_within_ms: int
    repeat: Repeat
    uses_keys: bool = False
    may_time_out: bool = False


LOAD_PLAIN: Final = Spec("1", "load plain key", 1_000, Repeat.SAFE, uses_keys=True)
LOAD_KEY: Final = Spec("2", "load encrypted key", 1_000, Repeat.SAFE, uses_keys=True)
USER_INFO: Final = Spec("3", "user info", 250, Repeat.SAFE)
SCAN_CODES: Final = Spec("4", "scan-code table", 1_000, Repeat.SAFE)
CONTROL: Final = Spec("5", "control", 1_000, Repeat.SAFE)
START_PIN: Final = Spec("6", "start PIN", 1_000, Repeat.SAFE, uses_keys=True)
GET_PIN: Final = Spec("7", "get PIN", 1_000, Repeat.SAFE, uses_keys=True, may_time_out=True)
MAC: Final = Spec("8", "MAC", 1_000, Repeat.SAFE, uses_keys=True)
CRYPT: Final = Spec("9", "crypt", 1_000, Repeat.SAFE, uses_keys=True)
AUTHENTICATE: Final = Spec(":", "authentication", 1_000, Repeat.ONCE)
KEY_INFO: Final = Spec("I", "key info", 1_000, Repeat.SAFE)
INSTALLATION: Final = Spec("N", "installation status", 1_000, Repeat.SAFE)

COMMANDS: Final = {
    spec.code: spec
    for spec in (
        LOAD_PLAIN,
        LOAD_KEY,
        USER_INFO,
        SCAN_CODES,
        CONTROL,
        START_PIN,
        GET_PIN,
        MAC,
        CRYPT,
        AUTHENTICATE,
        KEY_INFO,
        INSTALLATION,
    )
}


class Item(Enum):
    """Items of the control command; the value that follows is one byte as two hex digits."""

    MISC = "0"
    TIME_LIMIT = "2"
    MASK = "3"
    LENGTH_MIN = "4"
    LENGTH_MAX = "5"
    COMMUNICATION = "6"
    BEEP_TIME = "8"


RESET: Final = 0x30
WIPE_KEYS: Final = 0x31
INPUT_OFF: Final = 0x32
INPUT_ON: Final = 0x33
BEEP: Final = 0x3D
HEX_MODE: Final = 0x37
BROKEN_HEX_MODE: Final = 0x30

PIN_FORMATS: Final = {"iso0": " ", "iso1": "!", "iso3": "#"}
"""What the driver offers. ``@`` (clear), ``"`` (ISO-2, clear) and ``0`` (IBM 3624) are not offered."""

ERASE: Final = "0"  # the key type and length that mean "erase" in LOAD_KEY
KEY_LENGTH_DIGITS: Final = {16: "1", 32: "2", 48: "3"}  # hex digits of an encrypted key -> length character


@dataclass(frozen=True, slots=True)
class KeySlot:
    """Where a named key lives: its number (00-1F masters, 20-2F TMK, 30-7F working, 80 IMK) and type."""

    number: int
    type: str


KEYS: Final = {
    "IMK": KeySlot(0x80, "1"),
    "TMK": KeySlot(0x20, "2"),
    "TPK": KeySlot(0x30, "3"),
    "TAK": KeySlot(0x31, "5"),
    "TDK": KeySlot(0x32, "6"),
}
"""TMK 20 and TPK 30 are the clients' numbers; TAK and TDK are ours to choose among the working keys."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What an error status means: XFS4IoT `word`, the device's `text`, and what it does to the fitness."""

    code: int
    word: str
    text: str
    health: Health | None = None

    @property
    def detail(self) -> str:
        return f"{self.code:02X} {self.text}"

    @property
    def tamper(self) -> bool:
        return self.word == TAMPERED


TAMPERED: Final = "tampered"

FAULTS: Final = {
    fault.code: fault
    for fault in (
        Fault(0xE0, "hardwareError", "low battery", Health.ATTENTION),
        Fault(0xE1, "keyNotFound", "no IMK", Health.STOP),
        Fault(0xE2, "keyNotFound", "no TMK", Health.STOP),
        Fault(0xE3, "invalidKeyLength", "key length"),
        Fault(0xE4, "keyNotFound", "no key"),
        Fault(0xE5, "useViolation", "key mismatch"),
        Fault(0xE6, "invalidData", "key parity"),
        Fault(0xE7, "invalidData", "key check value"),
        Fault(0xE8, "invalidData", "command length"),
        Fault(0xE9, "invalidData", "data"),
        Fault(0xEA, "invalidData", "parameter"),
        Fault(0xEB, "invalidData", "parameter"),
        Fault(0xEC, "accessDenied", "authentication"),
        Fault(0xED, "accessDenied", "locked"),
        Fault(INPUT_TIMED_OUT, "entryTimeout", "input timed out"),
        Fault(0xEF, "hardwareError", "general error"),
        Fault(0xF8, "sequenceError", "illegal input mode"),
        Fault(0xFF, TAMPERED, "anti-removal switch", Health.STOP),
        *(
            Fault(code, TAMPERED, "tampered" if code == 0xDD else "security module", Health.STOP)
            for code in range(0xD0, 0xDF)
        ),
    )
}


class StatusRule(Enum):
    """What the clients disagree on: which status bytes are success. Codes in `FAULTS` never are."""

    ONLY_60_TO_9F = "only 60 to 9F"
    ALL_BUT_FAULTS = "all but faults"


def fault_of(status: int, rule: StatusRule) -> Fault | None:
    """Return the fault a status byte reports, or None for success."""
    known = FAULTS.get(status)
    if known is not None:
        return known
    if rule is StatusRule.ALL_BUT_FAULTS or 0x60 <= status <= 0x9F:
        return None
    return Fault(status, "hardwareError", "unknown status")
