"""Tracks beyond track 2: several of them, and writing. Characters are secrets (`TrackText`): they print masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.base.errors import RemoteProtocolError
from drivers.base.secrets import Secret
from drivers.base.vocabulary import Command, Outcome, Result
from drivers.card_reader.commands import COMMANDS, error_meaning
from drivers.card_reader.link import Ask, Failure, Flow
from drivers.card_reader.replies import bad, outcome_of

TRACKS_OF: Final[Mapping[bytes, tuple[int, ...]]] = {
    b"1": (1,), b"2": (2,), b"3": (3,), b"4": (1, 2), b"5": (1, 3), b"6": (2, 3), b"7": (1, 2, 3),
}  # fmt: skip
"""Track A of the note: one digit for one or several tracks."""
TRACK_CODES: Final[Mapping[tuple[int, ...], bytes]] = {tracks: code for code, tracks in TRACKS_OF.items()}
TRACK_CHARACTERS_MAX: Final = {1: 76, 2: 37, 3: 104}


class TrackText(Secret):
    """The characters of one track, without sentinels."""

    __slots__ = ()


def track_characters(data: bytes) -> str:
    """Return the characters of mag data without the sentinels and LRC that format S0 may have added."""
    text = data.decode("ascii", "replace")
    text = text[1:] if text[:1] in ("%", ";") else text
    return text.partition("?")[0]


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


def _read_tracks(command: ReadTracks) -> Flow:
    code = TRACK_CODES.get(tuple(sorted(set(command.tracks))))
    if code is None:
        return bad(ReadTracksResult, command, "invalidData", f"tracks are out of 1, 2, 3, not {command.tracks}")
    reply = yield Ask(COMMANDS["68"], code)
    if isinstance(reply, Failure):
        return ReadTracksResult(ticket=command.ticket, **outcome_of(reply))
    reply = yield Ask(COMMANDS["6A"], code)
    if isinstance(reply, Failure) or not reply.good:
        return ReadTracksResult(ticket=command.ticket, **outcome_of(reply))
    try:
        tracks, errors = parse_stored_tracks(reply.data, sorted(set(command.tracks)))
    except RemoteProtocolError as reason:
        return bad(ReadTracksResult, command, "dataInvalid", str(reason))
    outcome = Outcome.DONE if not errors else Outcome.PARTIAL if tracks else Outcome.REFUSED
    first = next(iter(errors.values()), None)
    return ReadTracksResult(ticket=command.ticket, outcome=outcome, error=first, tracks=tracks, errors=errors)


def parse_stored_tracks(data: bytes, asked: list[int]) -> tuple[dict[int, TrackText], dict[int, str]]:
    """Read "mag F": track code, a result per track, a length per track, the data.

    Raises RemoteProtocolError when the lengths do not add up.
    """
    results_at, lengths_at = 1, 1 + 2 * len(asked)
    at = lengths_at + 3 * len(asked)
    digits = data[lengths_at:at]
    if len(digits) != 3 * len(asked) or not digits.isdigit():
        raise RemoteProtocolError("stored tracks: lengths are three digits for each track")
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
        raise RemoteProtocolError(f"stored tracks: {len(data)} bytes where the lengths say {at}")
    return tracks, errors


def _write_track(command: WriteTrack) -> Flow:
    content = command.content.reveal()
    most = TRACK_CHARACTERS_MAX.get(command.track)
    if most is None or not 0 < len(content) <= most or not content.isascii():
        detail = f"track {command.track} takes 1 to {most} ASCII characters"
        return bad(WriteTrackResult, command, "invalidData", detail)
    reply = yield Ask(COMMANDS[f"7{command.track}"], content.encode("ascii"))
    return WriteTrackResult(ticket=command.ticket, **outcome_of(reply, moves=True))


FLOWS: Final[Mapping[type[Command], Callable[[Any], Flow]]] = {ReadTracks: _read_tracks, WriteTrack: _write_track}
RESULTS: Final[Mapping[type[Command], type[Result]]] = {ReadTracks: ReadTracksResult, WriteTrack: WriteTrackResult}
