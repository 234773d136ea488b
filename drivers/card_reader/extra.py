"""What the OMRON 3S4YR does beyond the common vocabulary: several tracks, sensors, chip, writing.

Each command is a flow of questions; `drivers.card_reader.driver` runs them like its own. Track characters and
chip data are secrets (`TrackText`, `ChipBytes`): they print masked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.base.secrets import Secret
from drivers.base.vocabulary import Command, Outcome, Result
from drivers.card_reader.commands import COMMANDS, error_meaning
from drivers.card_reader.link import Answer, Ask, Failure, Flow, Reply

_TRACK_CODES: Final[Mapping[frozenset[int], bytes]] = {
    frozenset({1}): b"1",
    frozenset({2}): b"2",
    frozenset({3}): b"3",
    frozenset({1, 2}): b"4",
    frozenset({1, 3}): b"5",
    frozenset({2, 3}): b"6",
    frozenset({1, 2, 3}): b"7",
}
TRACK_CHARACTERS_MAX: Final = {1: 76, 2: 37, 3: 104}


class TrackText(Secret):
    """The characters of one track, without sentinels."""

    __slots__ = ()


class ChipBytes(Secret):
    """An APDU or its answer, hex: it may carry the card number."""

    __slots__ = ()


def track_characters(data: bytes) -> str:
    """Return the characters of mag data without the sentinels and LRC that format S0 may have added."""
    text = data.decode("ascii", "replace")
    text = text[1:] if text[:1] in ("%", ";") else text
    return text.partition("?")[0]


# ---------------------------------------------------------------- commands and results


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTracks(Command):
    """Read several tracks of the card inside (XFS4IoT ReadRawData). `tracks` out of 1, 2, 3."""

    verb = "read_tracks"
    tracks: tuple[int, ...] = (1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTracksResult(Result):
    """DONE when all were read, PARTIAL when some were; `errors` has a word for each that was not."""

    verb = "read_tracks"
    tracks: Mapping[int, TrackText] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTrack(Command):
    """Write one track, without sentinels. At most 76, 37, 104 characters on track 1, 2, 3."""

    verb = "write_track"
    track: int
    content: TrackText


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteTrackResult(Result):
    verb = "write_track"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSensors(Command):
    verb = "read_sensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSensorsResult(Result):
    """`sensors`: name to digit as sent (``s0, s2, s4, shutter, stripe, width, chip_contact, chip,
    motor``).
    """

    verb = "read_sensors"
    sensors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCount(Command):
    """Read the counter of captured cards; with `clear`, set it to zero after it was read."""

    verb = "read_count"
    clear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCountResult(Result):
    """`captured`: the counter before it was cleared; None when it could not be read."""

    verb = "read_count"
    captured: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipPower(Command):
    """Switch the chip: ``"cold"``, ``"warm"`` or ``"off"`` (XFS4IoT ChipPower)."""

    verb = "chip_power"
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipPowerResult(Result):
    """`atr`: the answer to reset. `protocol`: ``"chipT0"`` or ``"chipT1"``, None until it is agreed."""

    verb = "chip_power"
    atr: bytes = b""
    protocol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipIO(Command):
    """Exchange one APDU (XFS4IoT ChipIO); `protocol` as `ChipPowerResult` told it."""

    verb = "chip_io"
    apdu: ChipBytes
    protocol: str = "chipT0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipIOResult(Result):
    """`answer`: data and the status words SW1 SW2."""

    verb = "chip_io"
    answer: ChipBytes | None = None


# ---------------------------------------------------------------- flows


def _outcome(reply: Reply, *, moves: bool = False) -> dict[str, Any]:
    """Return outcome, error and detail for a reply that decides a command."""
    if isinstance(reply, Failure):
        in_doubt = moves and reply is not Failure.NOT_ACCEPTED
        return {
            "outcome": Outcome.UNKNOWN if in_doubt else Outcome.REFUSED,
            "error": None if in_doubt else "deviceNotReady",
            "detail": reply.value,
        }
    if reply.good:
        return {"outcome": Outcome.DONE}
    meaning = error_meaning(reply.code)
    return {"outcome": Outcome.REFUSED, "error": meaning.word, "detail": f"N{reply.code} {meaning.text}"}


def _bad(command: Command, error: str, detail: str) -> Result:
    return EXTRA_RESULTS[type(command)](
        ticket=command.ticket, outcome=Outcome.REFUSED, error=error, detail=detail
    )


def _read_tracks(command: ReadTracks) -> Flow:
    code = _TRACK_CODES.get(frozenset(command.tracks))
    if code is None:
        return _bad(command, "invalidData", f"tracks are out of 1, 2, 3, not {command.tracks}")
    reply = yield Ask(COMMANDS["68"], code)
    if isinstance(reply, Failure):
        return ReadTracksResult(ticket=command.ticket, **_outcome(reply))
    reply = yield Ask(COMMANDS["6A"], code)
    if isinstance(reply, Failure) or not reply.good:
        return ReadTracksResult(ticket=command.ticket, **_outcome(reply))
    try:
        tracks, errors = parse_stored_tracks(reply.data, sorted(set(command.tracks)))
    except ValueError as reason:
        return _bad(command, "dataInvalid", str(reason))
    outcome = Outcome.DONE if not errors else Outcome.PARTIAL if tracks else Outcome.REFUSED
    first = next(iter(errors.values()), None)
    return ReadTracksResult(ticket=command.ticket, outcome=outcome, error=first, tracks=tracks, errors=errors)


def parse_stored_tracks(data: bytes, asked: list[int]) -> tuple[dict[int, TrackText], dict[int, str]]:
    """Read "mag F": track code, a result per track, a length per track, the data.

    Raises ValueError when the lengths do not add up.
    """
    results_at, lengths_at = 1, 1 + 2 * len(asked)
    at = lengths_at + 3 * len(asked)
    digits = data[lengths_at:at]
    if len(digits) != 3 * len(asked) or not digits.isdigit():
        raise ValueError("stored tracks: lengths are three digits for each track")
    tracks: dict[int, TrackText] = {}
    errors: dict[int, str] = {}
    for index, track in enumerate(asked):
        result = data[results_at + 2 * index : results_at + 2 * index + 2].decode("ascii", "replace")
        length = int(digits[3 * index : 3 * index + 3])
        if result == "00":
            tracks[track] = TrackText(track_characters(data[at : at + length]))
        else:
            errors[track] = error_meaning(result).word
        at += length
    if at != len(data):
        raise ValueError(f"stored tracks: {len(data)} bytes where the lengths say {at}")
    return tracks, errors


def _write_track(command: WriteTrack) -> Flow:
    content = command.content.reveal()
    most = TRACK_CHARACTERS_MAX.get(command.track)
    if most is None or not 0 < len(content) <= most or not content.isascii():
        return _bad(command, "invalidData", f"track {command.track} takes 1 to {most} ASCII characters")
    reply = yield Ask(COMMANDS[f"7{command.track}"], content.encode("ascii"))
    return WriteTrackResult(ticket=command.ticket, **_outcome(reply, moves=True))


_SENSOR_NAMES: Final = (
    "s0",
    "",
    "s2",
    "",
    "s4",
    "shutter",
    "stripe",
    "width",
    "chip_contact",
    "chip",
    "motor",
    "",
)


def _read_sensors(command: ReadSensors) -> Flow:
    reply = yield Ask(COMMANDS["11"])
    sensors: dict[str, int] = {}
    if isinstance(reply, Answer) and reply.good:
        pairs = zip(_SENSOR_NAMES, reply.data.decode("ascii", "replace"), strict=False)
        sensors = {name: int(digit) for name, digit in pairs if name and digit.isdigit()}
    return ReadSensorsResult(ticket=command.ticket, sensors=sensors, **_outcome(reply))


def _read_count(command: ReadCount) -> Flow:
    reply = yield Ask(COMMANDS["Q0"])
    if isinstance(reply, Failure) or not reply.good or not reply.data.isdigit():
        return ReadCountResult(ticket=command.ticket, **_outcome(reply))
    captured = int(reply.data)
    if command.clear:
        reply = yield Ask(COMMANDS["Q1"])
    return ReadCountResult(ticket=command.ticket, captured=captured, **_outcome(reply, moves=command.clear))


_PROTOCOLS: Final = {b"0": "chipT0", b"1": "chipT1"}


def _chip_power(command: ChipPower) -> Flow:
    if command.action == "off":
        reply = yield Ask(COMMANDS["C6"])
        return ChipPowerResult(ticket=command.ticket, **_outcome(reply))
    if command.action not in ("cold", "warm"):
        return _bad(command, "invalidData", f"chip power is cold, warm or off, not {command.action!r}")
    if command.action == "cold":
        reply = yield Ask(COMMANDS["C0"])
        if isinstance(reply, Failure) or not reply.good:
            return ChipPowerResult(ticket=command.ticket, **_outcome(reply))
    reply = yield Ask(COMMANDS["E0" if command.action == "cold" else "E1"], b"0")
    if isinstance(reply, Failure) or not reply.good:
        return ChipPowerResult(ticket=command.ticket, **_outcome(reply))
    mode, atr = reply.data[:1], reply.data[1:]
    protocol = _PROTOCOLS.get(mode)
    if mode == b"N":
        return ChipPowerResult(
            ticket=command.ticket,
            outcome=Outcome.REFUSED,
            error="protocolNotSupported",
            detail="protocol selection failed",
            atr=atr,
        )
    return ChipPowerResult(ticket=command.ticket, outcome=Outcome.DONE, atr=atr, protocol=protocol)


def _chip_io(command: ChipIO) -> Flow:
    code = {"chipT0": "F0", "chipT1": "F1"}.get(command.protocol)
    try:
        apdu = bytes.fromhex(command.apdu.reveal())
    except ValueError:
        return _bad(command, "invalidData", "an APDU is hex digits")
    if code is None or not 4 <= len(apdu) <= (261 if code == "F0" else 360):
        return _bad(command, "invalidData", f"{command.protocol} does not carry {len(apdu)} bytes")
    reply = yield Ask(COMMANDS[code], apdu)
    said = isinstance(reply, Answer) and reply.good and len(reply.data) >= 2
    answer = ChipBytes(reply.data.hex()) if isinstance(reply, Answer) and said else None
    return ChipIOResult(ticket=command.ticket, answer=answer, **_outcome(reply, moves=True))


EXTRA_FLOWS: Final[Mapping[type[Command], Callable[[Any], Flow]]] = {
    ReadTracks: _read_tracks,
    WriteTrack: _write_track,
    ReadSensors: _read_sensors,
    ReadCount: _read_count,
    ChipPower: _chip_power,
    ChipIO: _chip_io,
}
EXTRA_RESULTS: Final[Mapping[type[Command], type[Result]]] = {
    ReadTracks: ReadTracksResult,
    WriteTrack: WriteTrackResult,
    ReadSensors: ReadSensorsResult,
    ReadCount: ReadCountResult,
    ChipPower: ChipPowerResult,
    ChipIO: ChipIOResult,
}
