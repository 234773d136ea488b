"""Commands that let cards in, move them and give them away: 00 to 06, :0 to :3, 20 to 42, 90, I0, 6B to 7L."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from drivers.sim.card_reader.habits import ENDS
from drivers.sim.card_reader.tracks import start_reading, start_writing, texts_to_write, tracks_in
from drivers.sim.card_reader.trouble import Trouble

if TYPE_CHECKING:
    from drivers.sim.card_reader.reader import Handler, SimOmron3S4YR

RESETS: Final = frozenset({"00", "01", "02", "04", "05", "06"})
MOVES: Final = frozenset(
    {"30", "31", "32", "40", "41", "42", "60", "61", "62", "63", "68", "71", "72", "73", "79"}
    | {f"{kind}{letter}" for kind in "67" for letter in "BCDEFGHIKL"}
)
"""Commands under which a card that is inside passes the heads or leaves its place."""
_DOES: Final = {"0": "return", "4": "return", "1": "capture", "5": "capture"}
_AFTER_POWER_FAILURE: Final = {"A": "hold", "B": "return", "C": "capture"}
_GATES: Final = {":0": "any", ":2": "striped", ":3": "rear"}
_FOREVER_MS: Final = 365 * 86_400_000


# ------------------------------------------------------------ initial reset


def initial_reset(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    given = params.decode("latin-1")
    if len(given) > 2 or (given[:1] and given[0] not in "023456789") or given[1:] not in ("", *"ABC"):
        return r.no(code, Trouble.PARAMETER)
    wrong_length = r.return_only and r.habits.empties_with_04
    if code == "04" and r.transport.card is not None and r.transport.place != "exit" and not wrong_length:
        return r.no(code, Trouble.SEQUENCE)
    if given:
        r.turn_round_ms = 10 if given[0] == "0" else 10 * int(given[0])
    if len(given) == 2:
        r.memory.after_power_failure = given[1]
    does = _DOES.get(code[1], "hold")
    if r.failed_with_card:
        does = _AFTER_POWER_FAILURE[r.memory.after_power_failure]
    r.close_gate()
    if r.transport.place == "entering":
        r.transport.place = "inside"
    r.station.power_off()
    takes_ms = r.delays.reset_ms
    if r.transport.card is not None and does == "return" and r.transport.place != "exit":
        takes_ms += r.delays.eject_ms
    elif r.transport.card is not None and does == "capture":
        takes_ms += r.delays.capture_ms
    r.move(code, takes_ms, partial(_reset_done, r, code, does))
    return None


def _reset_done(r: SimOmron3S4YR, code: str, does: str) -> bytes:
    transport = r.transport
    r.loader.restarted()
    if r.armed.fires("option_memory_bad") is not None:
        r.memory.lose_options()
        r.initialised, r.error = True, None
        return r.no(code, Trouble.OPTIONS_LOST)
    r.initialised = True
    if (trouble := transport.goes_wrong("reset")) is not None:
        return r.latch(code, trouble)
    r.failed_with_card = r.return_only = False
    r.error = r.pending_error = None
    if transport.card is not None:
        if transport.place == "exit" and transport.held and does == "capture":
            return r.no(code, Trouble.HELD)
        if does == "return":
            transport.offer()
        elif does == "capture":
            return _capture(r, code)
        elif transport.place != "exit":
            transport.place = "inside"
    return r.say(code)


# ------------------------------------------------------------ letting cards in


def _permit(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    if code == ":1":
        r.permitted = None
        r.transport.shutter_open = r.transport.place in ("exit", "entering")
    else:
        r.open_gate(_GATES[code])
    return r.say(code)


def wait_for_card(r: SimOmron3S4YR, code: str, gate: str, then: Callable[[], bytes]) -> bytes | None:
    """Open a gate and go on with `then` when a card is in; give up after W0."""
    if r.transport.holds_card:
        return then() or None
    if r.transport.place == "entering":
        return r.no(code, Trouble.SEQUENCE)
    r.open_gate(gate)

    def none_came() -> bytes:
        r.close_gate()
        return r.no(code, Trouble.NOT_INSERTED)

    r.when_in = then
    r.move(code, human_ms(r, "W0"), none_came)
    return None


def human_ms(r: SimOmron3S4YR, option: str) -> int:
    return 1_000 * r.memory.number(option) or _FOREVER_MS


def _intake(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    gate = {"21": "striped", "24": "striped", "22": "rear"}.get(code, "any")
    cycles = code in ("23", "24")
    return wait_for_card(r, code, gate, partial(_out_and_in, r, code) if cycles else partial(r.say, code))


def _out_and_in(r: SimOmron3S4YR, code: str) -> bytes:
    """23 and 24: out to the mouth and in again, so that nothing thin hangs on the card."""

    def back_in() -> bytes:
        trouble = r.transport.draw_in()
        return r.say(code) if trouble is None else r.latch(code, trouble)

    r.move(code, r.delays.eject_ms + r.delays.intake_ms, back_in)
    return b""


def _clean(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    """I0: take a cleaning card, draw it over the heads, give it back."""

    def drawn() -> bytes:
        assert r.transport.card is not None
        r.transport.clean(r.transport.card)
        return _ejected(r, code)

    def arrived() -> bytes:
        r.move(code, r.delays.clean_ms, drawn)
        return b""

    return wait_for_card(r, code, "any", arrived)


# ------------------------------------------------------------ giving cards away


def _eject(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    if r.transport.card is None:
        return r.no(code, Trouble.SEQUENCE)
    if r.transport.place == "exit":
        return r.say(code)
    r.move(code, r.delays.eject_ms, partial(_ejected, r, code))
    return None


def _ejected(r: SimOmron3S4YR, code: str) -> bytes:
    if (trouble := r.transport.goes_wrong("eject")) is not None:
        return r.latch(code, trouble)
    r.return_only = False
    r.station.power_off()
    r.transport.offer()
    return r.say(code)


def _capture_command(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    if r.transport.card is None or r.transport.place == "exit":
        return r.no(code, Trouble.SEQUENCE)
    r.move(code, r.delays.capture_ms, partial(_capture_moved, r, code))
    return None


def _capture_moved(r: SimOmron3S4YR, code: str) -> bytes:
    if (trouble := r.transport.goes_wrong("capture")) is not None:
        return r.latch(code, trouble)
    return _capture(r, code)


def _capture(r: SimOmron3S4YR, code: str) -> bytes:
    r.station.power_off()
    if (trouble := r.transport.capture()) is not None:
        return r.latch(code, trouble)
    r.heads.forget()
    return r.say(code)


def _to_read_start(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    if not r.transport.holds_card:
        return r.no(code, Trouble.SEQUENCE)

    def there() -> bytes:
        if (trouble := r.transport.goes_wrong("read")) is not None:
            return r.latch(code, trouble)
        r.transport.place = "read start"
        return r.say(code)

    r.move(code, r.delays.read_ms, there)
    return None


def _wait_removal(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    if r.transport.place != "exit":
        return r.say(code)
    r.move(code, human_ms(r, "W1"), partial(r.no, code, Trouble.NOT_TAKEN), partial(r.say, code))
    return None


def _reintake(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    """40, 41, 42: draw the card at the mouth in again; 41 sends it on to the rear, 42 reads it.

    For a card that is held, or hangs half out, the rollers wait until W2; then it is a jam (15), or nothing to
    be drawn in (63). Let go or pushed back in time, it comes in.
    """
    tracks = tracks_in(params) if code == "42" else ()
    if tracks is None:
        return r.no(code, Trouble.PARAMETER)
    transport = r.transport
    if transport.card is None:
        return r.no(code, Trouble.TAKEN_AT_REINTAKE)
    if transport.holds_card:
        return _drawn_in(r, code, tracks) or None
    gone = partial(r.no, code, Trouble.TAKEN_AT_REINTAKE)

    def draw() -> None:
        r.move(code, r.delays.intake_ms, partial(_reintaken, r, code, tracks), gone)

    if transport.held or transport.half_out:
        r.when_reachable = draw
        r.move(code, human_ms(r, "W2"), partial(_not_drawn_in, r, code), gone)
    else:
        draw()
    return None


def _not_drawn_in(r: SimOmron3S4YR, code: str) -> bytes:
    r.when_reachable = None
    return r.latch(code, Trouble.JAM_AT_REINTAKE) if r.transport.held else r.no(code, Trouble.NOT_REINTAKEN)


def _reintaken(r: SimOmron3S4YR, code: str, tracks: tuple[int, ...]) -> bytes:
    if (trouble := r.transport.goes_wrong("intake")) is not None:
        return r.latch(code, trouble)
    r.transport.place = "inside"
    r.transport.shutter_open = False
    return _drawn_in(r, code, tracks)


def _drawn_in(r: SimOmron3S4YR, code: str, tracks: tuple[int, ...]) -> bytes:
    if code == "41":
        r.move(code, r.delays.capture_ms, partial(_capture_moved, r, code))
        return b""
    if code == "42":
        start_reading(r, code, tracks)
        return b""
    return r.say(code)


# ------------------------------------------------------------ combined commands


def _combined(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    """6B to 6L, 7B to 7L: let a card in, read or write it, do with it what the letter says."""
    kind, letter = code[0], code[1]
    gate = "any" if letter in "BCD" else "striped" if letter in "EFG" else "rear"
    then = partial(_end, r, code, _end_of(r, letter))
    if kind == "6":
        tracks = tracks_in(params)
        if tracks is None:
            return r.no(code, Trouble.PARAMETER)
        work = partial(start_reading, r, code, tracks, then)
    else:
        texts = texts_to_write(r, params)
        if isinstance(texts, Trouble):
            return r.no(code, texts)
        work = partial(start_writing, r, code, texts, then)

    def arrived() -> bytes:
        work()
        return b""

    if letter in "KL":
        return (arrived() or None) if r.transport.holds_card else r.no(code, Trouble.SEQUENCE)
    return wait_for_card(r, code, gate, arrived)


def _end_of(r: SimOmron3S4YR, letter: str) -> str:
    if letter in "KL":
        return "return" if letter == "K" else "capture"
    return ENDS[r.habits.combined_ends["BCDEFGHI".index(letter)]]


def _end(r: SimOmron3S4YR, code: str, end: str, answer: bytes) -> bytes:
    """Move the card as the command ends; then its answer goes out, with the place the card is in now."""
    if end == "hold" or (answer[:1] == b"N" and not r.habits.combined_moves_on):
        return answer
    moved, takes_ms = (
        (_ejected, r.delays.eject_ms) if end == "return" else (_capture_moved, r.delays.capture_ms)
    )

    def there() -> bytes:
        told = moved(r, code)
        good = told[:1] == b"P" and answer[:1] == b"P"
        return told + answer[5:] if good else told if told[:1] == b"N" else answer

    r.move(code, takes_ms, there)
    return b""


COMMANDS: Final[Mapping[str, Handler]] = {
    **dict.fromkeys(RESETS, initial_reset),
    **dict.fromkeys((":0", ":1", ":2", ":3"), _permit),
    **dict.fromkeys(("20", "21", "22", "23", "24"), _intake),
    "30": _eject,
    "31": _capture_command,
    "32": _to_read_start,
    **dict.fromkeys(("40", "41", "42"), _reintake),
    "90": _wait_removal,
    "I0": _clean,
    **dict.fromkeys((f"{kind}{letter}" for kind in "67" for letter in "BCDEFGHIKL"), _combined),
}
