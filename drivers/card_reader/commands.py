"""The vocabulary of the OMRON 3S4YR: every command and every error code, each in one table.

A command text is ``C``, two characters of code, parameters. A good answer is ``P``, the same code, two
digits of position (`POSITIONS`), data. A bad one is ``N``, the same code, two digits of error (`ERRORS`),
data.

`reply_within_ms` is how long the host waits between its DLE ENQ and the answer before it asks again. The
maker asks for at least 10 s where something moves. Where nothing moves we ask again earlier: a DLE ENQ
that arrives while the reader still executes is ignored by it, so an early question costs nothing and a
lost answer is found soon. The waiting times of people (W0, W1, W2) and of configured retries are added by
the driver.

`repeat` tells what may be *started* again. DLE ENQ never starts anything twice, so it is allowed for all
of them.

Source: OMRON, Data Transmission Specifications 3S4YR-MVFW(DL)-0** Series, Rev A4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.base.vocabulary import Repeat

LOGIC_MS: Final = 2_000
MOTION_MS: Final = 10_000
CHIP_MS: Final = 30_000  # a chip may ask for waiting time again and again
LOAD_MS: Final = 60_000


class Wait(Enum):
    """Which configured human waiting time a command adds to its own."""

    NOBODY = "nobody"
    INSERTION = "W0"
    REMOVAL = "W1"
    REINTAKE = "W2"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command. `params` and `data` describe what follows the code, in words of the note."""

    code: str
    name: str
    params: str
    reply_within_ms: int
    repeat: Repeat
    data: str = ""
    waits: Wait = Wait.NOBODY

    def text(self, params: bytes = b"") -> bytes:
        """Return the command text with `params`."""
        return b"C" + self.code.encode("ascii") + params


_RESET_PARAMS: Final = "turn-round '0', '2'-'9'; card after power failure 'A', 'B', 'C'"
_SAFE, _ONCE = Repeat.SAFE, Repeat.ONCE


def _logic(code: str, name: str, params: str = "", data: str = "", repeat: Repeat = _SAFE) -> CommandSpec:
    return CommandSpec(code, name, params, LOGIC_MS, repeat, data)


def _motion(
    code: str,
    name: str,
    params: str = "",
    data: str = "",
    repeat: Repeat = _ONCE,
    waits: Wait = Wait.NOBODY,
) -> CommandSpec:
    return CommandSpec(code, name, params, MOTION_MS, repeat, data, waits)


def _chip(code: str, name: str, params: str = "", data: str = "", repeat: Repeat = _ONCE) -> CommandSpec:
    return CommandSpec(code, name, params, CHIP_MS, repeat, data)


_COMBINED: Final = {
    "B": ("any card from front", Wait.INSERTION),
    "C": ("any card from front", Wait.INSERTION),
    "D": ("any card from front", Wait.INSERTION),
    "E": ("striped card from front", Wait.INSERTION),
    "F": ("striped card from front", Wait.INSERTION),
    "G": ("striped card from front", Wait.INSERTION),
    "H": ("card from rear", Wait.INSERTION),
    "I": ("card from rear", Wait.INSERTION),
    "K": ("then return", Wait.NOBODY),
    "L": ("then eject to rear", Wait.NOBODY),
}

_TABLE: Final = (
    _motion("00", "initial reset, return card", _RESET_PARAMS, repeat=_SAFE),
    _motion("01", "initial reset, capture card", _RESET_PARAMS),
    _motion("02", "initial reset, hold card", _RESET_PARAMS, repeat=_SAFE),
    _motion("04", "initial reset, no card, shutter stays", _RESET_PARAMS, repeat=_SAFE),
    _motion("05", "initial reset, capture card, shutter stays", _RESET_PARAMS),
    _motion("06", "initial reset, hold card, shutter stays", _RESET_PARAMS, repeat=_SAFE),
    _logic("10", "status"),
    _logic("11", "sensors", data="12 digits"),
    _logic(":0", "permit insertion, any card"),
    _logic(":1", "deny insertion"),
    _logic(":2", "permit insertion, striped card"),
    _logic(":3", "permit insertion from rear"),
    _motion("20", "intake, any card", waits=Wait.INSERTION),
    _motion("21", "intake, striped card", waits=Wait.INSERTION),
    _motion("22", "intake from rear", waits=Wait.INSERTION),
    _motion("23", "intake out and in, any card", waits=Wait.INSERTION),
    _motion("24", "intake out and in, striped card", waits=Wait.INSERTION),
    _motion("30", "carry card to exit"),
    _motion("31", "capture card"),
    _motion("32", "carry card to read start"),
    _motion("90", "wait for removal", repeat=_SAFE, waits=Wait.REMOVAL),
    _motion("40", "re-intake", waits=Wait.REINTAKE),
    _motion("41", "re-intake and capture", waits=Wait.REINTAKE),
    _motion("42", "re-intake and read", "track A", "mag E", waits=Wait.REINTAKE),
    _motion("60", "move without reading", repeat=_SAFE),
    _motion("61", "read ISO 1", data="mag D", repeat=_SAFE),
    _motion("62", "read ISO 2", data="mag D", repeat=_SAFE),
    _motion("63", "read ISO 3", data="mag D", repeat=_SAFE),
    _motion("68", "read several tracks", "track A", "mag E", repeat=_SAFE),
    _logic("69", "send stored track", "track B", "mag D"),
    _logic("6A", "send stored tracks", "track A", "mag F"),
    _motion("71", "write ISO 1", "characters"),
    _motion("72", "write ISO 2", "characters"),
    _motion("73", "write ISO 3", "characters"),
    _logic("78", "store write data", "track B, characters"),
    _motion("79", "write several tracks", "track A, characters of one", "failed track, with an error"),
    *(_motion(f"6{k}", f"intake, read ({what})", "track A", "mag E", waits=w)
      for k, (what, w) in _COMBINED.items()),
    *(_motion(f"7{k}", f"intake, write ({what})", "track A, characters of one", waits=w)
      for k, (what, w) in _COMBINED.items()),
    *(_logic(f"D{n}", f"automatic return rule {n}", "1 digit") for n in range(8)),
    _logic("S0", "format of magnetic data", "'0' plain, '1' with sentinels, '2' with LRC too"),
    _logic("S1", "encoding that is not ISO", "7 characters"),
    _logic("S2", "position of start sentinel", "3 digits"),
    _logic("Q0", "count of captured cards", data="3 digits"),
    _logic("Q1", "clear count of captured cards", repeat=_ONCE),
    _motion("I0", "cleaning card cycle", waits=Wait.INSERTION),
    _logic("L0", "sensor voltages", data="16 digits, 8 times 0.1 V"),
    _logic("R0", "retries of reading", "1 digit"),
    _logic("R1", "retries of writing", "1 digit"),
    _logic("R3", "retries of return", "2 digits"),
    _logic("W0", "waiting time for insertion", "2 digits of s, '00' for ever"),
    _logic("W1", "waiting time for removal", "2 digits of s, '00' for ever"),
    _logic("W2", "waiting time for re-intake", "2 digits of s, '00' for ever"),
    _logic("N0", "read options", data="16 characters"),
    _logic("N1", "set power-failure capacitor", "option"),
    _logic("N2", "set head types", "option"),
    _logic("N3", "set inputs and outputs", "option"),
    _logic("NA", "erase options", repeat=_ONCE),
    _logic("V0", "firmware versions", data="about 40 characters"),
    _logic("V1", "firmware versions of loader", data="22 characters"),
    *(_logic(f"P{n}", f"port command {n}", "ports", "4 characters" if n == 5 else "") for n in range(6)),
    *(_logic(f"T{n}", f"timed port command {n}", "port, time") for n in range(4)),
    _logic("Y0", "chip control: read", data="16 characters"),
    _logic("Y1", "chip control: standard", "'00' ISO, '01' EMV 3.0, '05' Europay"),
    _logic("Y2", "chip control: reception time", "2 digits of s, 06-99"),
    _logic("Y3", "chip control: IFSD", "value"),
    _logic("Y4", "chip control: TCK", "value"),
    _motion("C0", "press chip contacts", repeat=_SAFE),
    _motion("C1", "release chip contacts", repeat=_SAFE),
    _chip("C2", "activate chip", "NAD '0' or '2'", "ATR"),
    _chip("C3", "deactivate chip", repeat=_SAFE),
    _chip("C5", "press contacts, activate chip", "NAD", "ATR"),
    _chip("C6", "deactivate chip, release contacts", repeat=_SAFE),
    _chip("E0", "cold reset of chip", "PTS '0' automatic, '1' manual", "mode, ATR"),
    _chip("E1", "warm reset of chip", "PTS '0' automatic, '1' manual", "mode, ATR"),
    _chip("G1", "press contacts, cold reset of chip", "PTS '0' automatic, '1' manual", "mode, ATR"),
    _chip("F0", "chip exchange T=0", "APDU, 4-261 bytes", "data, SW1, SW2"),
    _chip("F1", "chip exchange T=1", "INF, 4-360 bytes", "data, SW1, SW2"),
    _chip("F2", "chip exchange T=1, send chained", "INF"),
    _chip("F3", "chip exchange T=1, receive more", "", "data"),
    _chip("F4", "chip exchange T=1, abort"),
    _chip("F6", "chip exchange T=1 extended", "INF", "data"),
    _chip("F7", "chip exchange T=1 extended, chained", "INF"),
    _chip("F8", "chip PTS request", "'0' or '1'", "'0', '1' or 'N'"),
    *(CommandSpec(code, name, params, LOAD_MS, _ONCE)
      for code, name, params in (("d0", "firmware load, start", ""), ("d1", "firmware load, data", "bytes"),
                                 ("d2", "firmware load, end", "sum of all bytes, 8 hex digits"))),
    CommandSpec("c0", "memory check", "", LOAD_MS, _SAFE),
    _logic("u0", "user information", data="characters"),
)  # fmt: skip

COMMANDS: Final = {spec.code: spec for spec in _TABLE}
"""All commands by code."""

RESET_RETURN, RESET_CAPTURE, RESET_HOLD = COMMANDS["00"], COMMANDS["01"], COMMANDS["02"]
STATUS, SENSORS = COMMANDS["10"], COMMANDS["11"]
PERMIT_ANY, PERMIT_STRIPED, DENY = COMMANDS[":0"], COMMANDS[":2"], COMMANDS[":1"]
EJECT, CAPTURE, REINTAKE_CAPTURE = COMMANDS["30"], COMMANDS["31"], COMMANDS["41"]
READ_ISO2, CAPTURED_COUNT, VERSION = COMMANDS["62"], COMMANDS["Q0"], COMMANDS["V0"]
CHIP_RELEASE = COMMANDS["C6"]

POSITIONS: Final = {
    "00": "no card",
    "01": "card at the exit",
    "02": "card inside",
    "04": "card at read start",
    "10": "chip contacts pressed",
    "11": "chip active",
    "20": "chip exchange complete",
    "21": "more to receive from the chip",
    "22": "more to send to the chip",
    "23": "chip exchange aborted",
    "30": "firmware loading",
    "31": "firmware loaded",
}
NO_CARD, AT_EXIT, INSIDE = "00", "01", "02"
CARD_IN: Final = frozenset({"02", "04", "10", "11", "20", "21", "22", "23"})


class ErrorClass(Enum):
    """What an error leaves the host to do."""

    PROGRAM = "a fault of the program"
    RESET = "only an initial reset is accepted next"
    RETURN_ONLY = "only return (30) or initial reset (00, 04) is accepted next"
    WARNING = "go on"
    READ = "the track was not read; go on"
    WRITE = "the track was not written; go on"
    CHIP = "the chip did not do it; go on"
    SERVICE = "a technician is needed"


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """One error code: what it says, the word of XFS4IoT for it, and what may come next."""

    code: str
    text: str
    word: str
    kind: ErrorClass


_C = ErrorClass
ERRORS: Final = {
    code: ErrorMeaning(code, text, word, kind)
    for code, text, word, kind in (
        ("00", "undefined command", "unsupportedCommand", _C.PROGRAM),
        ("01", "wrong sequence", "sequenceError", _C.PROGRAM),
        ("02", "bad parameter", "invalidData", _C.PROGRAM),
        ("03", "no write data", "invalidData", _C.PROGRAM),
        ("10", "jam", "mediaJam", _C.RESET),
        ("11", "shutter", "shutterFail", _C.RESET),
        ("12", "sensor", "hardwareError", _C.RESET),
        ("13", "motor", "hardwareError", _C.RESET),
        ("14", "card pulled out from inside", "mediaTaken", _C.RESET),
        ("15", "jam at re-intake", "mediaJam", _C.RESET),
        ("16", "jam at the rear", "mediaJam", _C.RESET),
        ("17", "encoder", "hardwareError", _C.RESET),
        ("18", "power drop", "deviceNotReady", _C.RESET),
        ("19", "waiting for initial reset", "deviceNotReady", _C.RESET),
        ("20", "card too long", "cardTooLong", _C.RETURN_ONLY),
        ("21", "card too short", "cardTooShort", _C.RETURN_ONLY),
        ("32", "card moved", "userError", _C.WARNING),
        ("33", "option memory bad", "hardwareError", _C.WARNING),
        ("40", "no start sentinel", "dataInvalid", _C.READ),
        ("41", "no end sentinel", "dataInvalid", _C.READ),
        ("42", "parity", "dataInvalid", _C.READ),
        ("43", "LRC", "dataInvalid", _C.READ),
        ("44", "nothing encoded", "dataMissing", _C.READ),
        ("45", "no data between sentinels", "dataMissing", _C.READ),
        ("46", "jitter", "dataInvalid", _C.READ),
        ("49", "track not read", "dataMissing", _C.READ),
        ("50", "no start sentinel after writing", "invalidMedia", _C.WRITE),
        ("51", "no end sentinel after writing", "invalidMedia", _C.WRITE),
        ("52", "parity after writing", "invalidMedia", _C.WRITE),
        ("53", "LRC after writing", "invalidMedia", _C.WRITE),
        ("54", "nothing encoded after writing", "invalidMedia", _C.WRITE),
        ("55", "not what was written", "invalidMedia", _C.WRITE),
        ("56", "jitter after writing", "invalidMedia", _C.WRITE),
        ("60", "card taken at re-intake", "mediaTaken", _C.WARNING),
        ("61", "no card inserted in time", "timeOut", _C.WARNING),
        ("62", "card not taken in time", "timeOut", _C.WARNING),
        ("63", "no card to re-intake in time", "timeOut", _C.WARNING),
        ("64", "card held at the mouth", "userError", _C.WARNING),
        ("70", "firmware bad", "hardwareError", _C.SERVICE),
        ("71", "waiting for reset after load", "deviceNotReady", _C.SERVICE),
        ("80", "chip: nothing received", "invalidMedia", _C.CHIP),
        ("81", "chip: solenoid", "hardwareError", _C.RESET),
        ("82", "chip: activation", "atrNotObtained", _C.CHIP),
        ("84", "chip: communication", "invalidMedia", _C.CHIP),
        ("85", "chip: aborted", "canceled", _C.CHIP),
        ("86", "chip: data", "invalidData", _C.CHIP),
        ("87", "chip: not supported", "protocolNotSupported", _C.CHIP),
        ("88", "card moved under the contacts", "userError", _C.RESET),
    )
}
"""All error codes of the note by code."""


def error_meaning(code: str) -> ErrorMeaning:
    """Return the meaning of `code`; one that nobody listed is taken as a fault that needs a reset."""
    return ERRORS.get(code) or ErrorMeaning(code, "unlisted error", "hardwareError", ErrorClass.RESET)
