"""Every command of the reader that has no word of its own: its parameters as values, its answer as values.

`encode` makes the parameters of a command of named values and `decode` values of its answer; `DeviceOrder` carries
one of them through the driver. What moves a card away or resets the reader is not among them: those have
commands with an outcome of their own (`EjectCard`, `RetainCard`, `Reset`), as have gate, chip and firmware.

Where the note gives a length and no layout, the layout is ours and the README says so.

Source: OMRON, Data Transmission Specifications 3S4YR-MVFW(DL)-0** Series, Rev A4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from drivers.base.errors import RemoteProtocolError
from drivers.base.secrets import Secret
from drivers.base.vocabulary import Command, Outcome, Result
from drivers.card_reader.commands import COMMANDS, RESET_HOLD, Wait, error_meaning
from drivers.card_reader.link import Answer, Ask, Failure, Flow, Reply
from drivers.card_reader.replies import bad, outcome_of
from drivers.card_reader.settings import Settings
from drivers.card_reader.tracks import (
    TRACK_CODES,
    TRACKS_OF,
    TrackText,
    parse_stored_tracks,
    track_characters,
)

Values = Mapping[str, object]
FOREVER_MS: Final = 600_000  # a person who may take for ever is waited for that long
PIECE_BYTES_MAX: Final = 2_048
COMBINED: Final = tuple(f"{kind}{letter}" for kind in "67" for letter in "BCDEFGHIKL")
NOT_ORDERED: Final = frozenset(
    {"00", "01", "02", "04", "05", "06", ":0", ":1", ":2", ":3", "30", "31", "41", "d0", "d1", "d2"}
    | {"C0", "C1", "C2", "C3", "C5", "C6", "E0", "E1", "G1", "F0", "F1", "F2", "F3", "F4", "F6", "F7", "F8"}
)
"""Commands that go by a word of the vocabulary."""
MOVING: Final = frozenset({"20", "21", "22", "23", "24", "32", "40", "42", "60", "I0", *COMBINED})
"""Orders behind which the card is somewhere else."""


# ------------------------------------------------------------ parameters


@dataclass(frozen=True, slots=True)
class Number:
    """A number of `digits` digits, `low` to `high`."""

    name: str
    digits: int
    low: int = 0
    high: int | None = None

    def encode(self, value: object) -> bytes:
        most = 10**self.digits - 1 if self.high is None else self.high
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= most:
            raise ValueError(f"{self.name} is a number from {self.low} to {most}, not {value!r}")
        return b"%0*d" % (self.digits, value)


@dataclass(frozen=True, slots=True)
class Word:
    """One of several words; `said` is what each becomes on the line."""

    name: str
    said: Mapping[str, bytes]

    def encode(self, value: object) -> bytes:
        if str(value) not in self.said:
            raise ValueError(f"{self.name} is one of {', '.join(self.said)}, not {value!r}")
        return self.said[str(value)]


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks out of 1, 2, 3 as track A."""

    name: str = "tracks"

    def encode(self, value: object) -> bytes:
        asked = tuple(sorted(set(value))) if isinstance(value, tuple | list) else value
        code = TRACK_CODES.get(asked) if isinstance(asked, tuple) else None
        if code is None:
            raise ValueError(f"{self.name} are out of 1, 2, 3, not {value!r}")
        return code


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters, `least` to `most` of them; track characters come as `TrackText`."""

    name: str
    most: int
    least: int = 1

    def encode(self, value: object) -> bytes:
        text = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str) or not text.isascii() or not self.least <= len(text) <= self.most:
            raise ValueError(f"{self.name} are {self.least} to {self.most} ASCII characters")
        return text.encode("ascii")


@dataclass(frozen=True, slots=True)
class Digits:
    """Exactly `count` characters out of `alphabet`; with `most`, up to so many and none twice."""

    name: str
    count: int
    alphabet: str
    most: int = 0

    def encode(self, value: object) -> bytes:
        text = str(value)
        fits = 1 <= len(text) <= self.most and len(set(text)) == len(text) if self.most else len(text) == self.count
        if not fits or set(text) - set(self.alphabet):
            raise ValueError(f"{self.name} are {self.most or self.count} out of {self.alphabet}, not {value!r}")
        return text.encode("ascii")


Field = Number | Word | Tracks | Characters | Digits

_TRACK: Final = Number("track", 1, 1, 3)
_TEXT: Final = Characters("characters", 104)
_OPTIONAL_TEXT: Final = Characters("characters", 104, 0)
_YES: Final = {"no": b"0", "yes": b"1"}
_PORTS: Final = Digits("ports", 0, "123456789", most=9)

PARAMS: Final[Mapping[str, tuple[Field, ...]]] = {
    "42": (Tracks(),), "68": (Tracks(),), "6A": (Tracks(),), "69": (_TRACK,),
    "71": (Characters("characters", 76),), "72": (Characters("characters", 37),), "73": (_TEXT,),
    "78": (_TRACK, _TEXT), "79": (Tracks(), _OPTIONAL_TEXT),
    **{f"6{letter}": (Tracks(),) for letter in "BCDEFGHIKL"},
    **{f"7{letter}": (Tracks(), _OPTIONAL_TEXT) for letter in "BCDEFGHIKL"},
    **{f"D{n}": (Number("rule", 1),) for n in range(8)},
    "S0": (Word("format", {"plain": b"0", "sentinels": b"1", "sentinels and LRC": b"2"}),),
    "S1": (
        _TRACK, Number("bits", 1, 5, 8), Word("parity", {"even": b"0", "odd": b"1"}),
        Digits("base", 2, "0123456789ABCDEF"), Characters("start", 1), Characters("end", 1),
    ),
    "S2": (_TRACK, Number("lead", 2)),
    "R0": (Number("retries", 1),), "R1": (Number("retries", 1),), "R3": (Number("retries", 2),),
    **{f"W{n}": (Number("seconds", 2),) for n in range(3)},
    "N1": (Word("capacitor", _YES),), "N2": (Digits("heads", 3, "012"),), "N3": (Digits("ports", 8, "01"),),
    **{f"P{n}": (_PORTS,) for n in range(5)},
    **{f"T{n}": (Number("port", 1, 1), Number("time", 2)) for n in range(4)},
    "Y1": (Word("standard", {"ISO": b"00", "EMV 3.0": b"01", "Europay": b"05"}),),
    "Y2": (Number("seconds", 2, 6),), "Y3": (Number("length", 3, 1, 254),), "Y4": (Word("checked", _YES),),
    "u0": (Characters("characters", 20, 0),),
}  # fmt: skip
"""The fields of a command's parameters, in the order in which they are sent."""
_LEFT_OUT: Final[Values] = {"characters": ""}


def encode(code: str, values: Values) -> bytes:
    """Return the parameters of a command. Raises ValueError saying which value is missing, strange or wrong."""
    fields = PARAMS.get(code, ())
    optional = {one.name for one in fields if isinstance(one, Characters) and one.least == 0}
    given = {name: value for name, value in _LEFT_OUT.items() if name in optional} | dict(values)
    names = {one.name for one in fields}
    if set(given) != names:
        raise ValueError(f"{code} takes {', '.join(one.name for one in fields) or 'nothing'}, not {sorted(given)}")
    return b"".join(one.encode(given[one.name]) for one in fields)


# ------------------------------------------------------------ answers


def _text(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("an answer that is not ASCII") from error


def _parts(code: str, data: bytes, *lengths: int) -> list[str]:
    """Return the parts of an answer of fixed length."""
    if len(data) != sum(lengths):
        raise RemoteProtocolError(f"{code}: {len(data)} bytes where {sum(lengths)} are due")
    text, parts = _text(data), []
    for length in lengths:
        parts.append(text[:length])
        text = text[length:]
    return parts


def _digits(code: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RemoteProtocolError(f"{code}: {len(text)} characters that are no number")
    return int(text)


def _one_track(_code: str, data: bytes) -> Values:
    return {"characters": TrackText(track_characters(data))}


def _lowest_track(code: str, data: bytes) -> Values:
    tracks = TRACKS_OF.get(data[:1])
    if tracks is None:
        raise RemoteProtocolError(f"{code}: no track code before the data")
    return {"tracks": tracks, "characters": TrackText(track_characters(data[1:]))}


def _stored_tracks(code: str, data: bytes) -> Values:
    tracks = TRACKS_OF.get(data[:1])
    if tracks is None:
        raise RemoteProtocolError(f"{code}: no track code before the data")
    texts, errors = parse_stored_tracks(data, list(tracks))
    return {"characters": texts, "errors": errors}


def _count(code: str, data: bytes) -> Values:
    return {"count": _digits(code, *_parts(code, data, 3))}


def _sensors(code: str, data: bytes) -> Values:
    return {"sensors": tuple(_digits(code, digit) for digit in _parts(code, data, *([1] * 12)))}


def _voltages(code: str, data: bytes) -> Values:
    return {"tenths_of_volt": tuple(_digits(code, part) for part in _parts(code, data, *([2] * 8)))}


def _options(code: str, data: bytes) -> Values:
    capacitor, heads, ports, spare = _parts(code, data, 1, 3, 8, 4)
    return {"capacitor": capacitor, "heads": heads, "ports": ports, "spare": spare}


def _chip_control(code: str, data: bytes) -> Values:
    standard, seconds, length, checked, spare = _parts(code, data, 2, 2, 3, 1, 8)
    return {
        "standard": standard,
        "seconds": _digits(code, seconds),
        "length": _digits(code, length),
        "checked": checked,
        "spare": spare,
    }


def _versions(code: str, data: bytes) -> Values:
    kind, version, total, spare = _parts(code, data, 12, 2, 6, 20)
    return {"type": kind.strip(), "version": version, "sum": total, "spare": spare.strip()}


def _loaded(code: str, data: bytes) -> Values:
    kind, version, total = _parts(code, data, 12, 2, 8)
    return {"type": kind.strip(), "version": version, "sum": total}


def _ports(_code: str, data: bytes) -> Values:
    return {"modes": tuple(_digits("P5", digit) for digit in _text(data))}


def _user(_code: str, data: bytes) -> Values:
    return {"characters": _text(data)}


_DATA: Final[Mapping[str, Callable[[str, bytes], Values]]] = {
    **dict.fromkeys(("61", "62", "63", "69"), _one_track),
    **dict.fromkeys(("42", "68", *(code for code in COMBINED if code[0] == "6")), _lowest_track),
    "6A": _stored_tracks,
    "Q0": _count,
    "11": _sensors,
    "L0": _voltages,
    "N0": _options,
    "Y0": _chip_control,
    "V0": _versions,
    "V1": _loaded,
    "P5": _ports,
    "u0": _user,
}


def decode(code: str, data: bytes) -> Values:
    """Return the values in a good answer to `code`. Raises RemoteProtocolError for data that it does not have."""
    reads = _DATA.get(code)
    if reads is not None:
        return reads(code, data)
    if data:
        raise RemoteProtocolError(f"{code}: {len(data)} bytes where none are due")
    return {}


# ------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOrder(Command):
    """Give the reader one of its own commands, by its code, with the values of `PARAMS`."""

    verb = "device_order"
    code: str
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceOrderResult(Result):
    """`position`: where the card is, a code of `commands.POSITIONS`. `values`: what the answer says."""

    verb = "device_order"
    position: str | None = None
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFirmware(Command):
    """Load another firmware. `image` begins with 12 characters of type and 2 of version."""

    verb = "load_firmware"
    image: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFirmwareResult(Result):
    """PARTIAL: the old firmware is gone and the new one is not good; only loading again helps. `loaded`: what V1
    tells afterwards.
    """

    verb = "load_firmware"
    loaded: Values = field(default_factory=dict)


RESULTS: Final[Mapping[type[Command], type[Result]]] = {
    DeviceOrder: DeviceOrderResult,
    LoadFirmware: LoadFirmwareResult,
}


def flows(settings: Settings) -> Mapping[type[Command], Callable[[Any], Flow]]:
    seconds = {
        Wait.INSERTION: settings.insertion_wait_s,
        Wait.REMOVAL: settings.removal_wait_s,
        Wait.REINTAKE: settings.reintake_wait_s,
    }
    waits_ms = {wait: 1_000 * waiting_s or FOREVER_MS for wait, waiting_s in seconds.items()}
    return {DeviceOrder: partial(_order, waits_ms), LoadFirmware: partial(_load, settings)}


def _order(waits_ms: Mapping[Wait, int], command: DeviceOrder) -> Flow:
    code = command.code
    if code not in COMMANDS or code in NOT_ORDERED:
        return bad(DeviceOrderResult, command, "unsupportedCommand", f"{code} is no order of this reader")
    spec = COMMANDS[code]
    try:
        params = encode(code, command.values)
    except ValueError as reason:
        return bad(DeviceOrderResult, command, "invalidData", str(reason))
    reply = yield Ask(spec, params, waits_ms.get(spec.waits, 0))
    told = outcome_of(reply, moves=code in MOVING or code[0] == "7")
    if isinstance(reply, Failure):
        return DeviceOrderResult(ticket=command.ticket, **told)
    if not reply.good:
        failed: Values = {"failed_track": reply.data.decode("ascii", "replace")} if reply.data else {}
        return DeviceOrderResult(ticket=command.ticket, values=failed, **told)
    try:
        values = decode(code, reply.data)
    except RemoteProtocolError as reason:
        told |= {"error": "dataInvalid", "detail": str(reason), "outcome": Outcome.PARTIAL}
        values = {}
    return DeviceOrderResult(ticket=command.ticket, position=reply.code, values=values, **told)


def _load(settings: Settings, command: LoadFirmware) -> Flow:
    """Begin, pieces, end with the sum, initial reset, and what is loaded then."""
    image = command.image
    pieces = [image[at : at + PIECE_BYTES_MAX] for at in range(0, len(image), PIECE_BYTES_MAX)]
    total = b"%08X" % (sum(image) & 0xFFFFFFFF)
    asks = [
        Ask(COMMANDS["d0"]),
        *(Ask(COMMANDS["d1"], piece) for piece in pieces),
        Ask(COMMANDS["d2"], total),
        Ask(RESET_HOLD, settings.reset_params()),
        Ask(COMMANDS["V1"]),
    ]
    reply: Reply = Failure.NOT_ACCEPTED
    for number, ask in enumerate(asks):
        reply = yield ask
        if isinstance(reply, Failure) or not reply.good:
            told = outcome_of(reply, moves=number > 0)
            if number and isinstance(reply, Answer):
                told |= {"outcome": Outcome.PARTIAL, "error": error_meaning(reply.code).word}
            return LoadFirmwareResult(ticket=command.ticket, **told)
    assert isinstance(reply, Answer)
    try:
        loaded = decode("V1", reply.data)
    except RemoteProtocolError:
        loaded = {}
    return LoadFirmwareResult(ticket=command.ticket, outcome=Outcome.DONE, loaded=loaded)
