"""A simulated EMV payment card: files, PIN, counters, cryptograms. Answers APDUs; satisfies `cards.Chip`.

    reset --SELECT--> SELECTED --GPO, ATC + 1--> STARTED --GENERATE AC--> ONLINE --GENERATE AC--> ENDED
                          |                                  '----------- TC or AAC at once --------^
                          '-- READ RECORD, VERIFY and GET DATA pass in each state after SELECT

What survives without power: the counter of transactions, the tries left for the PIN, the counter of the
last transaction that was online. Everything else ends with the next reset.

T=0, T=1 or both: the card says in its answer to reset which it speaks; what that makes of its answers is the
business of `chip_apdu`, and what goes over the contacts that of `chip_contact`.

The cryptogram covers the data of CDOL1, AIP, ATC and the issuer application data (the recommended minimum
of EMV Book 2, 8.1.1, with what cryptogram version 18 adds). No offline data authentication: the AIP says so.
An ARQC is followed by a TC only after the issuer's answer was right; without one the card declines.

Source: EMV 4.3 Book 1 (11, 12: selection), Book 2 (8: cryptograms), Book 3 (6: commands, annex A: data).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from drivers.base.framing import bcc
from drivers.sim.chip_apdu import NOT_NOW, OK, WRONG_LENGTH, ApduFront
from drivers.sim.chip_crypto import card_key, cryptogram, issuer_cryptogram, session_key
from drivers.sim.chip_manners import Manners

PSE: Final = b"1PAY.SYS.DDF01"
PPSE: Final = b"2PAY.SYS.DDF01"
DIRECTORY_SFI: Final = 1
CDOL1: Final = "9F02 06 9F03 06 9F1A 02 95 05 5F2A 02 9A 03 9C 01 9F37 04"
CDOL2: Final = "8A 02 " + CDOL1
CDOL1_BYTES: Final = 29
AAC, TC, ARQC = 0x00, 0x40, 0x80
ATC_MAX: Final = 0xFFFF

BLOCKED: Final = b"\x69\x83"
BAD_DATA: Final = b"\x6a\x80"
NO_FILE: Final = b"\x6a\x82"
NO_RECORD: Final = b"\x6a\x83"
BAD_PARAMETERS: Final = b"\x6a\x86"
NO_OBJECT: Final = b"\x6a\x88"
NO_INSTRUCTION: Final = b"\x6d\x00"
NO_CLASS: Final = b"\x6e\x00"
REJECTED: Final = b"\x63\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipCardData:
    """What was written into the card when it was made.

    `pan`: 13 to 19 digits. `sequence`: two digits. `expiry`: YYMM. `aids`: hex to label, in order of
    priority. `issuer_key`: the issuer's master key for cryptograms, 16 bytes. `offline_limit_minor`: up to
    this amount the card grants a TC without the issuer. `aip`: two bytes; 1C00 is cardholder verification,
    terminal risk management, issuer authentication. `pdol`: hex, empty for none. `format_2`: answers as
    templates with tags (77) and not as a bare string (80).
    """

    pan: str = field(default="6225880012345678", repr=False)
    sequence: str = "01"
    expiry: str = "3012"
    service: str = "220"
    name: str = "TEST/CARD"
    pin: str = field(default="1234", repr=False)
    pin_tries_max: int = 3
    aids: Mapping[str, str] = field(default_factory=lambda: {"A000000333010101": "UnionPay Debit"})
    issuer_key: bytes = field(default=bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"), repr=False)
    offline_limit_minor: int = 0
    aip: bytes = b"\x1c\x00"
    pdol: str = ""
    currency: str = "0156"
    country: str = "0156"
    format_2: bool = False

    def __post_init__(self) -> None:
        if not (self.pan.isdigit() and 13 <= len(self.pan) <= 19):
            raise ValueError("a PAN has 13 to 19 digits")
        if not (self.pin.isdigit() and 4 <= len(self.pin) <= 12):
            raise ValueError("a PIN has 4 to 12 digits")
        if len(self.issuer_key) != 16 or not self.aids:
            raise ValueError("a card needs an issuer key of 16 bytes and at least one application")

    @property
    def track2(self) -> str:
        """The track 2 equivalent as hex digits: D separates, F fills the last byte."""
        digits = f"{self.pan}D{self.expiry}{self.service}00000000"
        return digits + "F" * (len(digits) % 2)


class Phase(Enum):
    """How far the transaction is."""

    IDLE = "idle"
    SELECTED = "selected"
    STARTED = "started"
    ONLINE = "online"
    ENDED = "ended"


class SimChipCard:
    """One card. `protocol` is ``"0"``, ``"1"`` or ``"01"`` for one that lets the reader choose."""

    def __init__(
        self, data: ChipCardData | None = None, protocol: str = "0", manners: Manners | None = None
    ) -> None:
        if protocol not in ("0", "1", "01"):
            raise ValueError(f"a chip speaks T=0 or T=1, not T={protocol}")
        self.data = data or ChipCardData()
        self.manners = manners or Manners()
        self.atr = answer_to_reset(protocol, b"KIOSK", self.manners.inf_max)
        self._protocol = int(protocol[0])
        self._front = ApduFront(self._command)
        self.atc = 0
        self.last_online_atc = 0
        self.pin_tries_left = self.data.pin_tries_max
        self._key = card_key(self.data.issuer_key, self.data.pan, self.data.sequence)
        self._records = _application_records(self.data)
        self.reset()

    def reset(self) -> bytes:
        """Forget what does not survive; return the answer to reset."""
        self.phase = Phase.IDLE
        self._selected = ""
        self._front.reset()
        self._forget_transaction()
        return self.atr

    def speaks(self, protocol: int) -> None:
        self._protocol = protocol

    def _forget_transaction(self) -> None:
        self._pin_seen: bool | None = None
        self._arqc = b""
        self._issuer_seen: bool | None = None
        self._first = AAC

    # ------------------------------------------------------------ the line

    def exchange(self, apdu: bytes) -> bytes:
        """Answer one command APDU: data and the two status bytes."""
        return self._front.exchange(apdu, at_once=self._protocol == 1)

    def _command(self, head: bytes, data: bytes) -> bytes:
        known = _COMMANDS.get(head[1])
        if known is None:
            return NO_INSTRUCTION
        wanted_class, command = known
        return command(self, head[2], head[3], data) if head[0] == wanted_class else NO_CLASS

    # ------------------------------------------------------------ selection and files

    def _select(self, p1: int, p2: int, data: bytes) -> bytes:
        if p1 == 0x00:
            return NO_FILE  # files have names only
        if p1 != 0x04 or p2 not in (0x00, 0x02):
            return BAD_PARAMETERS
        if data in (PSE, PPSE):
            self.phase, self._selected = Phase.IDLE, data.decode("ascii")
            self._forget_transaction()
            return self._environment(data) + OK
        name = data.hex().upper()
        fitting = [aid for aid in self.data.aids if name and aid.startswith(name)]
        if p2 == 0x02:
            fitting = fitting[fitting.index(self._selected) + 1 :] if self._selected in fitting else []
        if not fitting:
            return NO_FILE
        self.phase, self._selected = Phase.SELECTED, fitting[0]
        self._forget_transaction()
        return self._application(fitting[0]) + OK

    def _environment(self, name: bytes) -> bytes:
        if name == PSE:
            proprietary = tlv("88", bytes((DIRECTORY_SFI,))) + tlv("5F2D", b"zhen") + tlv("9F11", b"\x01")
        else:
            proprietary = tlv("BF0C", b"".join(self._entries()))
        return tlv("6F", tlv("84", name) + tlv("A5", proprietary))

    def _entries(self) -> list[bytes]:
        return [
            tlv("61", tlv("4F", bytes.fromhex(aid)) + _label(label) + tlv("87", bytes((priority,))))
            for priority, (aid, label) in enumerate(self.data.aids.items(), start=1)
        ]

    def _application(self, aid: str) -> bytes:
        priority = list(self.data.aids).index(aid) + 1
        proprietary = _label(self.data.aids[aid]) + tlv("87", bytes((priority,)))
        if self.data.pdol:
            proprietary += tlv("9F38", bytes.fromhex(self.data.pdol))
        proprietary += tlv("5F2D", b"zhen")
        return tlv("6F", tlv("84", bytes.fromhex(aid)) + tlv("A5", proprietary))

    def _read_record(self, number: int, p2: int, _data: bytes) -> bytes:
        if p2 & 0x07 != 0x04 or number == 0:
            return BAD_PARAMETERS
        files = self._records if self.phase is not Phase.IDLE else {}
        if self._selected == PSE.decode("ascii"):
            files = {DIRECTORY_SFI: self._entries()}
        records = files.get(p2 >> 3)
        if records is None:
            return NO_FILE
        return tlv("70", records[number - 1]) + OK if number <= len(records) else NO_RECORD

    def _get_data(self, p1: int, p2: int, _data: bytes) -> bytes:
        objects = {
            0x9F36: self.atc.to_bytes(2, "big"),
            0x9F17: bytes((self.pin_tries_left,)),
            0x9F13: self.last_online_atc.to_bytes(2, "big"),
        }
        value = objects.get(p1 << 8 | p2)
        if value is None or self.phase is Phase.IDLE:
            return NO_OBJECT
        return tlv(f"{p1:02X}{p2:02X}", value) + OK

    # ------------------------------------------------------------ a transaction

    def _start(self, p1: int, p2: int, data: bytes) -> bytes:
        """GET PROCESSING OPTIONS: the counter moves before anything is answered."""
        if (p1, p2) != (0, 0):
            return BAD_PARAMETERS
        if self.phase is not Phase.SELECTED:
            return NOT_NOW
        if data[:1] != b"\x83" or data[1:2] != bytes((len(data) - 2,)):
            return BAD_DATA
        if len(data) - 2 != _asked_bytes(self.data.pdol):
            return WRONG_LENGTH
        if self.atc >= ATC_MAX:
            return NOT_NOW
        self.atc += 1
        self.phase = Phase.STARTED
        locator = b"".join(bytes((sfi << 3, 1, len(records), 0)) for sfi, records in sorted(self._records.items()))
        if self.data.format_2:
            return tlv("77", tlv("82", self.data.aip) + tlv("94", locator)) + OK
        return tlv("80", self.data.aip + locator) + OK

    def _verify(self, p1: int, p2: int, data: bytes) -> bytes:
        if (p1, p2) != (0x00, 0x80):
            return BAD_PARAMETERS
        if self.phase is Phase.IDLE:
            return NOT_NOW
        if self.pin_tries_left == 0:
            return BLOCKED
        if len(data) != 8:
            return WRONG_LENGTH
        digits = data.hex().upper()
        length = int(digits[1], 16)
        if digits[0] != "2" or not 4 <= length <= 12:
            return BAD_DATA
        if digits[2:] == self.data.pin.ljust(14, "F") and length == len(self.data.pin):
            self.pin_tries_left = self.data.pin_tries_max
            self._pin_seen = True
            return OK
        self.pin_tries_left -= 1
        self._pin_seen = False
        return bytes((0x63, 0xC0 | self.pin_tries_left))

    def _authenticate_issuer(self, p1: int, p2: int, data: bytes) -> bytes:
        """EXTERNAL AUTHENTICATE: eight bytes of ARPC, two of the response code. Once for a transaction."""
        if (p1, p2) != (0, 0):
            return BAD_PARAMETERS
        if self.phase is not Phase.ONLINE or self._issuer_seen is not None:
            return NOT_NOW
        if not 8 <= len(data) <= 16:
            return WRONG_LENGTH
        session = session_key(self._key, self.atc)
        right = len(data) >= 10 and data[:8] == issuer_cryptogram(session, self._arqc, data[8:10])
        self._issuer_seen = right
        return OK if right else REJECTED

    def _generate(self, p1: int, p2: int, data: bytes) -> bytes:
        """GENERATE AC. The card may answer less than it was asked for, never more."""
        wanted = p1 & 0xC0
        if p2 != 0 or p1 & 0x3F or wanted == 0xC0:
            return BAD_PARAMETERS
        if self.phase is Phase.STARTED:
            if len(data) != CDOL1_BYTES:
                return WRONG_LENGTH
            return self._first_cryptogram(wanted, data)
        if self.phase is Phase.ONLINE:
            if wanted == ARQC:
                return NOT_NOW
            if len(data) != 2 + CDOL1_BYTES:
                return WRONG_LENGTH
            granted = TC if wanted == TC and self._issuer_seen else AAC
            if self._issuer_seen:
                self.last_online_atc = self.atc
            self.phase = Phase.ENDED
            return self._cryptogram(granted, data[2:], second=True)
        return NOT_NOW

    def _first_cryptogram(self, wanted: int, data: bytes) -> bytes:
        granted = wanted
        if self.pin_tries_left == 0:
            granted = AAC
        elif wanted == TC and int(data[:6].hex()) > self.data.offline_limit_minor:
            granted = ARQC
        self._first = granted
        self.phase = Phase.ONLINE if granted == ARQC else Phase.ENDED
        return self._cryptogram(granted, data, second=False)

    def _cryptogram(self, kind: int, data: bytes, *, second: bool) -> bytes:
        issuer_data = b"\x06\x01\x12" + self._verification_results(kind, second=second)
        counter = self.atc.to_bytes(2, "big")
        session = session_key(self._key, self.atc)
        value = cryptogram(session, data + self.data.aip + counter + issuer_data)
        if kind == ARQC:
            self._arqc = value
        if not self.data.format_2:
            return tlv("80", bytes((kind,)) + counter + value + issuer_data) + OK
        parts = (("9F27", bytes((kind,))), ("9F36", counter), ("9F26", value), ("9F10", issuer_data))
        return tlv("77", b"".join(tlv(tag, part) for tag, part in parts)) + OK

    def _verification_results(self, kind: int, *, second: bool) -> bytes:
        """Return what the card tells its issuer: which cryptograms, how PIN and issuer were seen."""
        told = (kind if second else ARQC) | self._first >> 2
        told |= 0x08 * (self._issuer_seen is False)
        told |= 0x04 * (self._pin_seen is not None) | 0x02 * (self._pin_seen is False)
        return bytes((0x03, told, 0x40 * (self.pin_tries_left == 0), 0x00))


_Command = Callable[[SimChipCard, int, int, bytes], bytes]
_COMMANDS: Final[Mapping[int, tuple[int, _Command]]] = {
    0xA4: (0x00, SimChipCard._select),
    0xB2: (0x00, SimChipCard._read_record),
    0x20: (0x00, SimChipCard._verify),
    0x82: (0x00, SimChipCard._authenticate_issuer),
    0xCA: (0x80, SimChipCard._get_data),
    0xA8: (0x80, SimChipCard._start),
    0xAE: (0x80, SimChipCard._generate),
}
"""INS to its CLA and what carries it out."""


def tlv(tag: str, value: bytes) -> bytes:
    """Return one BER-TLV object; `tag` in hex, `value` up to 255 bytes."""
    if len(value) > 255:
        raise ValueError(f"{tag}: {len(value)} bytes do not fit an answer")
    length = bytes((len(value),)) if len(value) < 128 else bytes((0x81, len(value)))
    return bytes.fromhex(tag) + length + value


def answer_to_reset(protocol: str, historical: bytes, inf_max: int = 254) -> bytes:
    """Return the basic ATR of EMV Book 1, 8: cold, direct convention, 5 V, no programming voltage.

    `protocol` as `SimChipCard` has it; both are offered as ISO/IEC 7816-3 wants it, T=0 first. `inf_max` is IFSC.
    """
    count = len(historical)
    if protocol == "0":
        return b"\x3b" + bytes((0x60 | count, 0x00, 0x00)) + historical
    first = 0x81 if protocol == "1" else 0x80
    body = bytes((0xE0 | count, 0x00, 0x00, first, 0x31, inf_max, 0x45)) + historical
    return b"\x3b" + body + bytes((bcc(body),))


def _label(label: str) -> bytes:
    return tlv("50", label.encode("ascii"))


def _asked_bytes(objects: str) -> int:
    """Return how many bytes a list of data objects asks for."""
    data, at, total = bytes.fromhex(objects), 0, 0
    while at < len(data):
        at += 2 if data[at] & 0x1F == 0x1F else 1
        total += data[at]
        at += 1
    return total


def _application_records(data: ChipCardData) -> Mapping[int, list[bytes]]:
    """Return the files of the application: SFI to the contents of its records."""
    digits = data.pan + "F" * (len(data.pan) % 2)
    expiry = bytes.fromhex(f"{data.expiry}31")
    holder = tlv("57", bytes.fromhex(data.track2)) + tlv("5F20", data.name.ljust(2).encode("ascii"))
    account = (
        tlv("5A", bytes.fromhex(digits))
        + tlv("5F34", bytes.fromhex(data.sequence))
        + tlv("5F24", expiry)
        + tlv("5F25", b"\x20\x01\x01")
        + tlv("5F28", bytes.fromhex(data.country))
        + tlv("5F30", bytes.fromhex(data.service.rjust(4, "0")))
        + tlv("9F42", bytes.fromhex(data.currency))
        + tlv("9F07", b"\xff\xc0")
        + tlv("9F08", b"\x00\x8c")
    )
    rules = (
        tlv("8C", bytes.fromhex(CDOL1))
        + tlv("8D", bytes.fromhex(CDOL2))
        + tlv("8E", bytes.fromhex("0000000000000000 0201 4100 1F00"))
        + tlv("9F0D", b"\xf8\x50\xac\x88\x00")
        + tlv("9F0E", bytes(5))
        + tlv("9F0F", b"\xf8\x70\xbc\x98\x00")
    )
    return {1: [holder], 2: [account, rules]}
