"""Commands that read and write tracks: 42, 60 to 6A, 71 to 79, and the end of the combined 6B to 7L."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from drivers.sim.card_reader.heads import GOOD, LETTER_OF, TRACKS_OF
from drivers.sim.card_reader.trouble import Trouble

if TYPE_CHECKING:
    from drivers.sim.card_reader.reader import Handler, SimOmron3S4YR

Then = Callable[[bytes], bytes]
"""What follows a reading or writing: takes its answer, returns the answer of the whole."""


def tracks_in(params: bytes) -> tuple[int, ...] | None:
    return TRACKS_OF.get(params.decode("latin-1"))


def start_reading(
    r: SimOmron3S4YR, code: str, tracks: tuple[int, ...], then: Then = lambda answer: answer
) -> None:
    """Let the card pass the head, again for each retry, and answer what was found."""
    passes_left = 1 + r.memory.number("R0")
    r.heads.begin()

    def passed() -> bytes:
        nonlocal passes_left
        passes_left -= 1
        assert r.transport.card is not None
        r.transport.place = "inside"
        if not r.heads.read(r.transport.card, tracks) and passes_left > 0:
            r.move(code, r.delays.read_ms, passed)
            return b""
        return then(_found(r, code, tracks))

    r.move(code, r.delays.read_ms, passed)


def _found(r: SimOmron3S4YR, code: str, tracks: tuple[int, ...]) -> bytes:
    """Return mag D for a single track command, mag E for the others; the error of the lowest if none is good."""
    good = tuple(track for track in tracks if r.heads.result(track) == GOOD)
    if not good:
        return r.no(code, r.heads.result(tracks[0]))
    head = b"" if code in ("61", "62", "63") else LETTER_OF[good].encode("ascii")
    return r.say(code, head + r.heads.sent(good[0]))


def start_writing(
    r: SimOmron3S4YR, code: str, texts: Mapping[int, str], then: Then = lambda answer: answer
) -> None:
    """Write tracks one after the other, each again for each retry; a failed one is told by its number."""
    tries_left = 1 + r.memory.number("R1")
    rest = dict(sorted(texts.items()))
    r.heads.begin()

    def passed() -> bytes:
        nonlocal tries_left
        tries_left -= 1
        assert r.transport.card is not None
        r.transport.place = "inside"
        track, text = next(iter(rest.items()))
        result = r.heads.write(r.transport.card, track, text)
        if result != GOOD and tries_left > 0:
            r.move(code, r.delays.write_ms, passed)
            return b""
        if result != GOOD:
            told = b"" if code in ("71", "72", "73") else b"%d" % track
            return then(r.no(code, result, told))
        del rest[track]
        if rest:
            tries_left = 1 + r.memory.number("R1")
            r.move(code, r.delays.write_ms, passed)
            return b""
        return then(r.say(code))

    r.move(code, r.delays.write_ms, passed)


def texts_to_write(r: SimOmron3S4YR, params: bytes) -> dict[int, str] | Trouble:
    """Return what a several-track write is to write: the data behind track A, or what command 78 stored."""
    tracks = tracks_in(params[:1])
    if tracks is None:
        return Trouble.PARAMETER
    given = params[1:].decode("latin-1")
    if given:
        if len(tracks) > 1 or not r.heads.can_write(tracks[0], given):
            return Trouble.PARAMETER
        return {tracks[0]: given}
    stored = r.heads.to_write
    return {track: stored[track] for track in tracks} if set(tracks) <= set(stored) else Trouble.NO_WRITE_DATA


# ------------------------------------------------------------ the commands


def _move_without_reading(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    if not r.transport.holds_card:
        return r.no(code, Trouble.SEQUENCE)

    def passed() -> bytes:
        if (trouble := r.transport.goes_wrong("read")) is not None:
            return r.latch(code, trouble)
        r.transport.place = "inside"
        return r.say(code)

    r.move(code, r.delays.read_ms, passed)
    return None


def _read_one(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    track = int(code[1])
    if not r.transport.holds_card:
        return r.no(code, Trouble.SEQUENCE)
    if r.heads.result(track) == GOOD:
        return r.say(code, r.heads.sent(track))
    start_reading(r, code, (track,))
    return None


def _read_several(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    tracks = tracks_in(params)
    if tracks is None:
        return r.no(code, Trouble.PARAMETER)
    if not r.transport.holds_card:
        return r.no(code, Trouble.SEQUENCE)
    start_reading(r, code, tracks)
    return None


def _send_stored(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    if params not in (b"1", b"2", b"3"):
        return r.no(code, Trouble.PARAMETER)
    result = r.heads.result(int(params))
    return r.say(code, r.heads.sent(int(params))) if result == GOOD else r.no(code, result)


def _send_several(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    tracks = tracks_in(params)
    if tracks is None:
        return r.no(code, Trouble.PARAMETER)
    results = [r.heads.result(track) for track in tracks]
    texts = [
        r.heads.sent(track) if result == GOOD else b"" for track, result in zip(tracks, results, strict=True)
    ]
    lengths = b"".join(b"%03d" % len(text) for text in texts)
    return r.say(code, params + "".join(results).encode("ascii") + lengths + b"".join(texts))


def _write_one(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    track, text = int(code[1]), params.decode("latin-1")
    if not r.transport.holds_card:
        return r.no(code, Trouble.SEQUENCE)
    if not text:
        return r.no(code, Trouble.NO_WRITE_DATA)
    if not r.heads.can_write(track, text):
        return r.no(code, Trouble.PARAMETER)
    start_writing(r, code, {track: text})
    return None


def _store(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    track, text = params[:1], params[1:].decode("latin-1")
    if track not in (b"1", b"2", b"3") or not r.heads.can_write(int(track), text):
        return r.no(code, Trouble.PARAMETER)
    if not text:
        return r.no(code, Trouble.NO_WRITE_DATA)
    r.heads.to_write[int(track)] = text
    return r.say(code)


def _write_several(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    if not r.transport.holds_card:
        return r.no(code, Trouble.SEQUENCE)
    texts = texts_to_write(r, params)
    if isinstance(texts, Trouble):
        return r.no(code, texts)
    start_writing(r, code, texts)
    return None


COMMANDS: Final[Mapping[str, Handler]] = {
    "60": _move_without_reading,
    **dict.fromkeys(("61", "62", "63"), _read_one),
    "68": _read_several,
    "69": _send_stored,
    "6A": _send_several,
    **dict.fromkeys(("71", "72", "73"), _write_one),
    "78": _store,
    "79": _write_several,
}
