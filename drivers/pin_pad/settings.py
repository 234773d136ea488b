"""Everything about this pad that the sources leave open, as settings with the value we start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from drivers.pin_pad.commands import KEYS, KeySlot, StatusRule
from drivers.pin_pad.framing import STX


class Authenticator(Protocol):
    """The host's half of the authentication, by whoever holds the pad's 8-byte UID. Never the driver."""

    def nonce(self) -> bytes:
        """Return 16 fresh bytes."""
        ...

    def encrypt(self, block: bytes) -> bytes:
        """Return `block` (a multiple of 8 bytes) under the UID, DES-ECB."""
        ...


class GetPinLayout(Enum):
    BARE = "bare"  # '7' alone
    WITH_KEY = "with key"  # '7' key format PAN


class InputOn(Enum):
    """When the keys are let through for a PIN. Before the start, a hasty first key goes out unmasked."""

    BEFORE_START = "before start"
    AFTER_START = "after start"


class LengthField(Enum):
    """What the two digits "length" of the start command carry."""

    MAX = "max"
    ZERO = "zero"


class ClearKey(Enum):
    ALL = "all"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class ScanCode:
    """What one key of the 24 is called (XFS4IoT, empty for none) and the byte it is to send."""

    key: str
    code: int


SCAN_CODES = (
    *(ScanCode(str(digit), 0x30 + digit) for digit in range(10)),
    ScanCode(".", 0x2E),
    ScanCode("00", 0x23),
    ScanCode("cancel", 0x1B),
    ScanCode("clear", 0x08),
    ScanCode("enter", 0x0D),
    ScanCode("", 0x07),
    *(ScanCode(f"fdk{number:02d}", 0x40 + number) for number in range(1, 9)),
)

LINE_SPEEDS_BD = (9600, 115200, 57600, 38400, 19200, 4800, 2400, 1200)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinPadSettings:
    """How to speak to one pad. Raises ValueError for codes that cannot be told apart on the line.

    `line_speeds_bd`: order in which whoever opens the port tries `connect()`. `repeats`: further attempts
    for SAFE commands. `byte_gap_ms`: silence after which a begun frame nobody asked for is given up.
    `poll_every_ms`: idle user info, 0 for never. `entry_grace_ms`: added to the pad's own time limit before
    the driver ends an entry itself. `time_limit_unit_ms`: unit of the control item. `cancel_codes`: bytes
    that mean cancel besides the table's.
    """

    scan_codes: tuple[ScanCode, ...] = SCAN_CODES
    cancel_codes: tuple[int, ...] = (0x80,)
    mask: int = 0x2A
    status_rule: StatusRule = StatusRule.ONLY_60_TO_9F
    get_pin: GetPinLayout = GetPinLayout.BARE
    input_on: InputOn = InputOn.BEFORE_START
    length_field: LengthField = LengthField.MAX
    clear_key: ClearKey = ClearKey.ALL
    hint: int = 0
    time_limit_unit_ms: int = 1_000
    mac_type: str = "3"
    single_length_keys: bool = False
    keys: Mapping[str, KeySlot] = field(default_factory=lambda: dict(KEYS))
    authenticator: Authenticator | None = None
    authentication_key: int = 0x20
    line_speeds_bd: tuple[int, ...] = LINE_SPEEDS_BD
    repeats: int = 4
    byte_gap_ms: int = 250
    poll_every_ms: int = 10_000
    entry_grace_ms: int = 2_000

    def __post_init__(self) -> None:
        if len(self.scan_codes) != 24:
            raise ValueError(f"the scan-code table has 24 codes, not {len(self.scan_codes)}")
        codes = [scan.code for scan in self.scan_codes if scan.key] + list(self.cancel_codes) + [self.mask]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"two keys, or a key and the mask, share the code {twice[0]:02X}")
        if STX in codes:
            raise ValueError("02 begins a frame and cannot be a key")

    @property
    def scan_table(self) -> str:
        """Return the table as the pad holds it: 48 hex digits."""
        return "".join(f"{scan.code:02X}" for scan in self.scan_codes)

    def key_of(self, code: int) -> str | None:
        """Return the name of the key behind a raw byte, or None."""
        if code in self.cancel_codes:
            return "cancel"
        return next((scan.key for scan in self.scan_codes if scan.code == code and scan.key), None)
