"""A simulated OMRON 3S4YR: shutter, transport, card, rear bin, counter, chip station.

What executes is decided by two things that the reader keeps: the link state (idle, receiving, accepted,
executing) and what may come next (waiting for initial reset, an error that only a reset clears, a card of
wrong length that may only go back). Both are asked in one place each, `_item` and `_illegal`.

Motions take time on the clock that is handed in: what moves a card has its effect when the motion ends
(`tick`), so a power cut or a pull in the middle of it finds the card where it was.

What the protocol notes leave open, and how it is decided here:

- while an error that needs a reset stands, each other command is answered with that same error;
- a card that the transport has gripped comes in even if the gate is denied in that moment; until it is in,
  the status tells "card at the exit" (01);
- the power-failure option counts for the first initial reset after the power failed with a card inside, and
  the option given in that very command counts over the stored one;
- a command cancelled by DLE EOT has no answer; its motion stops and the card stays where it was.

Source: OMRON, Data Transmission Specifications 3S4YR-MVFW(DL)-0** Series, Rev A4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.base.clock import Clock
from drivers.card_reader.framing import ACK_BYTES, NAK_BYTES, FrameReader, Signal, encode
from drivers.sim.armed import ArmedFaults
from drivers.sim.cards import MagneticCard, SimChip, card_from
from drivers.sim.device import Act, Fault, Replies

__all__ = ["Delays", "MagneticCard", "SimChip", "SimOmron3S4YR"]

CHARACTER_GAP_MS: Final = 5_000
_RESETS: Final = frozenset({"00", "01", "02", "04", "05", "06"})
_NOT_WHILE_PERMITTED: Final = frozenset({"N1", "N2", "N3", "NA", "Q1", "Y1", "Y2", "Y3", "Y4"})
_TRACKS_OF: Final = {"1": (1,), "2": (2,), "3": (3,), "4": (1, 2), "5": (1, 3), "6": (2, 3), "7": (1, 2, 3)}
_TRACK_MAX: Final = {1: 76, 2: 37, 3: 104}
_SENTINEL: Final = {1: "%", 2: ";", 3: ";"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long the mechanics take."""

    reset_ms: int = 400
    intake_ms: int = 800
    read_ms: int = 600
    eject_ms: int = 700
    capture_ms: int = 1_100
    write_ms: int = 1_500
    contacts_ms: int = 150
    chip_reset_ms: int = 250
    chip_exchange_ms: int = 60
    logic_ms: int = 10


@dataclass(slots=True)
class _Motion:
    """A command under way: when it ends, what it does then, and its answer should the card be taken."""

    code: str
    done_ms: int
    finish: Callable[[], bytes]
    when_taken: Callable[[], bytes] | None = None


_ACTS: Final = (
    Act(
        "insert_card",
        "push a card into the mouth",
        {
            "card": "a MagneticCard",
            "track1": "characters of track 1",
            "track2": "characters of track 2",
            "track3": "characters of track 3",
            "length": "normal, long or short",
        },
    ),
    Act("insert_wrong_way", "push a card in with the stripe on the wrong side", {"track2": "characters"}),
    Act("take_card", "take the card from the mouth"),
    Act("pull_card", "pull at a card that is on its way or inside"),
    Act("block_exit", "hold the card at the mouth so that it cannot be drawn in"),
    Act("free_exit", "let go of the card at the mouth"),
    Act("empty_bin", "take the captured cards out (the counter stays)"),
)
_FAULTS: Final = (
    Fault("jam", "the card jams at the next motion", {"at": "intake, eject or capture"}, (2,)),
    Fault("shutter_fail", "the shutter does not move at the next motion"),
    Fault("sensor_fail", "a sensor reports nonsense at the next motion"),
    Fault("motor_fail", "the motor does not turn at the next motion"),
    Fault("capture_fails", "the card sticks between transport and bin", {}, (3,)),
    Fault(
        "read_error",
        "a track cannot be read",
        {"track": "1, 2 or 3 (default 2)", "code": "40-46 or 49 (default 42)"},
        (6,),
    ),
    Fault("write_error", "what was written does not read back", {"code": "50-56 (default 55)"}),
    Fault("power_drop", "the power drops in the middle of the next motion", {}, (97, 99)),
    Fault("sensor_lies", "the next status tells a wrong place", {"place": "none, exit or inside"}),
    Fault("card_moved", "the next status warns that the card was moved", {}, (9,)),
    Fault("option_memory_bad", "the next initial reset finds its options lost"),
    Fault("chip_silent", "the chip does not answer", {}, (8,)),
    Fault("silent", "the reader does not react to the next item that arrives", {}, (101,)),
)


class SimOmron3S4YR:
    """One reader. It starts with the power on and no card, waiting for its initial reset."""

    acts: Mapping[str, Act] = {act.name: act for act in _ACTS}
    faults: Mapping[str, Fault] = {fault.name: fault for fault in _FAULTS}

    def __init__(self, clock: Clock, delays: Delays | None = None, *, captured: int = 0) -> None:
        self._clock = clock
        self._delays = delays or Delays()
        self._armed = ArmedFaults(self.faults)
        self._reader = FrameReader()
        # what survives a power cut
        self.card: MagneticCard | None = None
        self.place = "none"  # none, exit, entering, inside, jammed
        self.bin: list[MagneticCard] = []
        self.captured = captured
        self._after_power_failure = "B"
        self._options: dict[str, str] = {"W0": "30", "W1": "30", "W2": "10", "R0": "1", "R1": "1", "R3": "03"}
        self._held = False
        self.taken: list[MagneticCard] = []
        self._powered = True
        self._boot()

    def _boot(self) -> None:
        self._reader.reset()
        self._initialised = False
        self._failed_with_card = self.card is not None
        self._error: str | None = None
        self._return_only = False
        self._pending_error: str | None = None
        self._permitted: str | None = None
        self._accepted: bytes | None = None
        self._last = b""
        self._motion: _Motion | None = None
        self._waits_for_card = ""
        self._intake_done_ms: int | None = None
        self._gap_ms: int | None = None
        self._turn_round_ms = 10
        self._chip = "off"  # off, pressed, active
        self._read: dict[int, str] = {}  # result of each track that was read: "00" or an error
        self._stored: dict[int, str] = {}
        self._shutter_open = False

    # ------------------------------------------------------------ the line

    def receive(self, data: bytes) -> Replies:
        if not self._powered:
            return []
        replies: Replies = []
        for item in self._reader.feed(data):
            if self._armed.fires("silent") is None:
                replies += self._item(item)
        self._gap_ms = None if self._reader.at_rest else self._clock.now_ms() + CHARACTER_GAP_MS
        return replies

    def _item(self, item: bytes | Signal) -> Replies:
        if self._motion is not None:  # executing: everything but DLE EOT is ignored
            if item is Signal.EOT:
                self._motion = None
            return []
        if item is Signal.ENQ:
            if self._accepted is None:
                return [(self._turn_round_ms, self._last)] if self._last else []
            text, self._accepted = self._accepted, None
            return self._execute(text)
        if item is Signal.EOT:
            self._accepted = None
            return []
        if item is Signal.BAD:
            self._accepted = None
            return [(self._turn_round_ms, NAK_BYTES)]
        if isinstance(item, bytes):
            self._accepted = item
            return [(self._turn_round_ms, ACK_BYTES)]
        return []

    def tick(self) -> Replies:
        now = self._clock.now_ms()
        replies: Replies = []
        if self._gap_ms is not None and now >= self._gap_ms:
            self._gap_ms = None
            if self._reader.in_frame:
                self._accepted = None
                replies.append((self._turn_round_ms, NAK_BYTES))
            self._reader.reset()
        if self._intake_done_ms is not None and now >= self._intake_done_ms:
            self._intake_done_ms = None
            self._came_in()
        if self._motion is not None and now >= self._motion.done_ms:
            motion, self._motion = self._motion, None
            if self._armed.fires("power_drop") is not None:
                self._boot()
                return []
            replies += self._answer(0, motion.finish())
        return replies

    def next_deadline_ms(self) -> int | None:
        if self._motion is None and self._intake_done_ms is None and self._gap_ms is None:
            return None
        waits = (self._gap_ms, self._intake_done_ms, self._motion.done_ms if self._motion else None)
        return min(wait for wait in waits if wait is not None)

    def _answer(self, delay_ms: int, text: bytes) -> Replies:
        if not text:  # a motion that goes on
            return []
        self._last = encode(text)
        return [(delay_ms, self._last)]

    # ------------------------------------------------------------ commands

    def _execute(self, text: bytes) -> Replies:
        code = text[1:3].decode("latin-1")
        params = text[3:]
        if text[:1] != b"C" or len(text) < 3:
            answer: bytes | None = b"N" + text[1:3].ljust(2, b"?") + b"00"
        elif (error := self._illegal(code)) is not None:
            answer = _n(code, error)
        elif code in _RESETS:
            answer = self._initial_reset(code, params)
        elif (handler := _HANDLERS.get(code)) is not None:
            answer = handler(self, code, params)
        elif code in _SETTINGS:
            answer = self._setting(code, params)
        else:
            answer = _n(code, "00")
        return self._answer(self._delays.logic_ms, answer) if answer is not None else []

    def _illegal(self, code: str) -> str | None:
        """Return the error that stands in the way of `code`, if any. Resets always pass."""
        if code in _RESETS:
            return None
        if not self._initialised:
            return "18" if self._failed_with_card else "19"
        if self._error is not None:
            return self._error
        if self._pending_error is not None:
            error, self._pending_error = self._pending_error, None
            return error
        if self._return_only and code != "30":
            return "01"
        if self._permitted and code in _NOT_WHILE_PERMITTED:
            return "01"
        return None

    def _p(self, code: str, data: str | bytes = "") -> bytes:
        body = data.encode("ascii") if isinstance(data, str) else data
        return b"P" + code.encode("latin-1") + self._position().encode("ascii") + body

    def _position(self) -> str:
        if self._chip == "active":
            return "11"
        if self._chip == "pressed":
            return "10"
        return {"none": "00", "exit": "01", "entering": "01"}.get(self.place, "02")

    def _move(
        self,
        code: str,
        takes_ms: int,
        finish: Callable[[], bytes],
        when_taken: Callable[[], bytes] | None = None,
    ) -> None:
        self._motion = _Motion(code, self._clock.now_ms() + takes_ms, finish, when_taken)

    def _mechanics_fail(self, code: str, at: str) -> bytes | None:
        """Return the error answer if a mechanical fault strikes at this motion."""
        jam = self._armed.look("jam")
        if jam is not None and jam.get("at", at) == at and self._armed.fires("jam") is not None:
            return self._latch(code, "10")
        for fault, error in (("shutter_fail", "11"), ("sensor_fail", "12"), ("motor_fail", "13")):
            if self._armed.fires(fault) is not None:
                return self._latch(code, error)
        return None

    def _latch(self, code: str, error: str) -> bytes:
        self._error = error
        self._permitted = None
        return _n(code, error)

    # initial reset

    def _initial_reset(self, code: str, params: bytes) -> bytes | None:
        given = params.decode("latin-1")
        if len(given) > 2 or (given[:1] and given[0] not in "023456789") or given[1:] not in ("", *"ABC"):
            return _n(code, "02")
        if given:
            self._turn_round_ms = 10 if given[0] == "0" else 10 * int(given[0])
        if len(given) == 2:
            self._after_power_failure = given[1]
        does = {"0": "return", "4": "return", "1": "capture", "5": "capture"}.get(code[1], "hold")
        if self._failed_with_card:
            does = {"A": "hold", "B": "return", "C": "capture"}[self._after_power_failure]
        self._permitted = None
        self._intake_done_ms = None
        if self.place == "entering":
            self.place = "inside"
        self._chip = "off"
        takes_ms = self._delays.reset_ms
        if self.card is not None and does == "return" and self.place != "exit":
            takes_ms += self._delays.eject_ms
        elif self.card is not None and does == "capture":
            takes_ms += self._delays.capture_ms
        self._move(code, takes_ms, lambda: self._reset_done(code, does))
        return None

    def _reset_done(self, code: str, does: str) -> bytes:
        if self._armed.fires("option_memory_bad") is not None:
            self._initialised = True
            self._error = None
            return _n(code, "33")
        if (failed := self._mechanics_fail(code, "reset")) is not None:
            self._initialised = True
            return failed
        self._initialised, self._failed_with_card = True, False
        self._error = self._pending_error = None
        self._return_only = False
        if self.card is not None:
            if self.place == "exit" and self._held and does == "capture":
                return _n(code, "64")
            if does == "return":
                self._offer()
            elif does == "capture":
                self._capture()
            elif self.place != "exit":
                self.place = "inside"
        return self._p(code)

    # status

    def _status(self, code: str, _params: bytes) -> bytes:
        if self._armed.fires("card_moved") is not None:
            return _n(code, "32")
        if (lie := self._armed.fires("sensor_lies")) is not None:
            places = {"none": "00", "exit": "01", "inside": "02"}
            told = places.get(str(lie.get("place", "none")), "00")
            return b"P" + code.encode("ascii") + told.encode("ascii")
        return self._p(code)

    def _sensors(self, code: str, _params: bytes) -> bytes:
        inside = self.place in ("inside", "jammed")
        stripe = self.card is not None and bool(self.card.tracks) and self.place == "entering"
        digits = (
            self.place in ("exit", "entering"),
            False,
            inside,
            False,
            inside,
            self._shutter_open,
            stripe,
            self.place in ("exit", "entering"),
            self._chip != "off",
            self._chip == "active",
            self._intake_done_ms is not None,
            False,
        )
        return self._p(code, "".join("1" if digit else "0" for digit in digits))

    def _voltages(self, code: str, _params: bytes) -> bytes:
        return self._p(code, "3132303130293130")

    def _versions(self, code: str, _params: bytes) -> bytes:
        if code == "V1":
            return self._p(code, "3S4YR-LOAD  0101A5C3D9")
        return self._p(code, "3S4YR-MVFW0104A17C3F                    ")

    # the gate

    def _permit(self, code: str, _params: bytes) -> bytes:
        if code == ":1":
            self._permitted = None
            self._shutter_open = self.place in ("exit", "entering")
        else:
            self._permitted = {":0": "any", ":2": "striped", ":3": "rear"}[code]
            self._shutter_open = self._permitted != "rear"
        return self._p(code)

    def _wait_for_card(self, code: str, _params: bytes) -> bytes | None:
        """C20 to C24: the gate opens and the answer comes with the card, or after W0."""
        if self.place in ("inside", "entering"):
            return self._p(code)
        self._permitted = "striped" if code in ("21", "24") else "any"
        self._shutter_open = True

        def none_came() -> bytes:
            self._permitted = None
            return _n(code, "61")

        self._waits_for_card = code
        self._move(code, self._human_ms("W0"), none_came)
        return None

    def _human_ms(self, option: str) -> int:
        seconds = int(self._options[option])
        return 1_000 * seconds if seconds else 365 * 86_400_000

    def _came_in(self) -> None:
        """The transport has drawn a card in."""
        card = self.card
        assert card is not None
        self._permitted = None
        self._shutter_open = False
        self._read, self._stored = {}, {}
        failed = self._mechanics_fail("", "intake")
        self.place = "inside" if failed is None else "jammed"
        if failed is None and card.length != "normal":
            self._return_only = True
            self._pending_error = "20" if card.length == "long" else "21"

    # moving the card

    def _eject(self, code: str, _params: bytes) -> bytes | None:
        if self.card is None:
            return _n(code, "01")
        if self.place == "exit":
            return self._p(code)
        self._move(code, self._delays.eject_ms, lambda: self._eject_done(code))
        return None

    def _eject_done(self, code: str) -> bytes:
        if (failed := self._mechanics_fail(code, "eject")) is not None:
            return failed
        self._return_only = False
        self._offer()
        return self._p(code)

    def _offer(self) -> None:
        self.place = "exit"
        self._chip = "off"
        self._shutter_open = True

    def _capture_command(self, code: str, _params: bytes) -> bytes | None:
        if self.card is None or self.place == "exit":
            return _n(code, "01")
        self._move(code, self._delays.capture_ms, lambda: self._capture_done(code))
        return None

    def _capture_done(self, code: str) -> bytes:
        if (failed := self._mechanics_fail(code, "capture")) is not None:
            return failed
        if self._armed.fires("capture_fails") is not None:
            self.place = "jammed"
            return self._latch(code, "16")
        self._capture()
        return self._p(code)

    def _capture(self) -> None:
        assert self.card is not None
        self.bin.append(self.card)
        self.captured = (self.captured + 1) % 1_000
        self._away()

    def _away(self) -> None:
        self.card, self.place, self._chip, self._held = None, "none", "off", False
        self._shutter_open = False
        self._read, self._stored = {}, {}

    def _reintake(self, code: str, params: bytes) -> bytes | None:
        """C40, C41, C42: draw the card at the mouth in again; 41 sends it on to the rear."""
        if self.card is None:
            return _n(code, "60")
        if self.place == "inside":
            return self._capture_command(code, params) if code == "41" else self._p(code)
        if self._held:
            self._move(code, self._human_ms("W2"), lambda: self._latch(code, "15"))
            return None
        takes_ms = self._delays.intake_ms + (self._delays.capture_ms if code == "41" else 0)
        self._move(code, takes_ms, lambda: self._reintake_done(code, params), lambda: _n(code, "60"))
        return None

    def _reintake_done(self, code: str, params: bytes) -> bytes:
        if (failed := self._mechanics_fail(code, "intake")) is not None:
            return failed
        self.place = "inside"
        self._shutter_open = False
        if code == "41":
            return self._capture_done(code)
        if code == "42":
            return self._read_done(code, _TRACKS_OF.get(params.decode("latin-1"), (2,)))
        return self._p(code)

    def _wait_removal(self, code: str, _params: bytes) -> bytes | None:
        if self.place != "exit":
            return self._p(code)
        self._move(code, self._human_ms("W1"), lambda: _n(code, "62"), lambda: self._p(code))
        return None

    # magnetic tracks

    def _read_one(self, code: str, _params: bytes) -> bytes | None:
        track = int(code[1])
        if self.card is None or self.place != "inside":
            return _n(code, "01")
        if self._read.get(track) == "00":
            return self._p(code, self._sent(track))
        self._move(code, self._delays.read_ms, lambda: self._read_done(code, (track,)))
        return None

    def _read_several(self, code: str, params: bytes) -> bytes | None:
        tracks = _TRACKS_OF.get(params.decode("latin-1"))
        if tracks is None:
            return _n(code, "02")
        if self.card is None or self.place != "inside":
            return _n(code, "01")
        self._move(code, self._delays.read_ms, lambda: self._read_done(code, tracks))
        return None

    def _read_done(self, code: str, tracks: tuple[int, ...]) -> bytes:
        assert self.card is not None
        found = self.card.tracks
        for track in tracks:
            self._read[track] = "00" if track in found else "44"
            self._stored[track] = found.get(track, "")
            bad = self._armed.look("read_error")
            if bad is not None and int(str(bad.get("track", 2))) == track:
                struck = self._armed.fires("read_error")
                if struck is not None:
                    self._read[track] = str(struck.get("code", "42"))
                    self._stored[track] = ""
        if code in ("61", "62", "63"):
            result = self._read[tracks[0]]
            return self._p(code, self._sent(tracks[0])) if result == "00" else _n(code, result)
        good = [track for track in tracks if self._read[track] == "00"]
        if not good:
            return _n(code, self._read[tracks[0]])
        by_tracks = {tracks: letter for letter, tracks in _TRACKS_OF.items()}
        return self._p(code, by_tracks[tuple(good)].encode("ascii") + self._sent(good[0]))

    def _sent(self, track: int) -> bytes:
        """Return the characters of a stored track in the format S0 asked for."""
        text = self._stored[track]
        style = self._options.get("S0", "0")
        if style != "0":
            text = f"{_SENTINEL[track]}{text}?"
        if style == "2":
            lrc = 0
            for character in text:
                lrc ^= ord(character) - (0x20 if track == 1 else 0x30) & 0xFF
            text += chr((lrc & (0x3F if track == 1 else 0x0F)) + (0x20 if track == 1 else 0x30))
        return text.encode("ascii")

    def _send_stored(self, code: str, params: bytes) -> bytes:
        track = params.decode("latin-1")
        if track not in ("1", "2", "3"):
            return _n(code, "02")
        result = self._read.get(int(track), "49")
        return self._p(code, self._sent(int(track))) if result == "00" else _n(code, result)

    def _send_several(self, code: str, params: bytes) -> bytes:
        tracks = _TRACKS_OF.get(params.decode("latin-1"))
        if tracks is None:
            return _n(code, "02")
        results = [self._read.get(track, "49") for track in tracks]
        texts = [
            self._sent(track) if result == "00" else b""
            for track, result in zip(tracks, results, strict=True)
        ]
        lengths = b"".join(b"%03d" % len(text) for text in texts)
        return self._p(code, params + "".join(results).encode("ascii") + lengths + b"".join(texts))

    def _write(self, code: str, params: bytes) -> bytes | None:
        track = int(code[1])
        if self.card is None or self.place != "inside":
            return _n(code, "01")
        if not params:
            return _n(code, "03")
        if len(params) > _TRACK_MAX[track]:
            return _n(code, "02")
        self._move(
            code, self._delays.write_ms, lambda: self._write_done(code, {track: params.decode("latin-1")})
        )
        return None

    def _write_done(self, code: str, texts: Mapping[int, str]) -> bytes:
        assert self.card is not None
        if (bad := self._armed.fires("write_error")) is not None:
            return _n(code, str(bad.get("code", "55")))
        for track, text in texts.items():
            self.card.write(track, text)
            self._read.pop(track, None)
        return self._p(code)

    # counters and settings

    def _count(self, code: str, _params: bytes) -> bytes:
        if code == "Q1":
            self.captured = 0
            return self._p(code)
        return self._p(code, f"{self.captured:03d}")

    def _setting(self, code: str, params: bytes) -> bytes:
        text = params.decode("latin-1")
        digits = _SETTINGS[code]
        if digits and not (len(text) == digits and text.isdigit()):
            return _n(code, "02")
        self._options[code] = text
        return self._p(code)

    def _told_options(self, code: str, _params: bytes) -> bytes:
        return self._p(code, "0" * 16)

    # the chip

    def _contacts(self, code: str, _params: bytes) -> bytes | None:
        if self.card is None or self.place != "inside":
            return _n(code, "01")

        def done() -> bytes:
            self._chip = "pressed" if code == "C0" else "off"
            return self._p(code)

        self._move(code, self._delays.contacts_ms, done)
        return None

    def _chip_start(self, code: str, params: bytes) -> bytes | None:
        """C2, C5, E0, E1, G1: give power, return the answer to reset."""
        presses = code in ("C5", "G1")
        if self.card is None or self.place != "inside" or (self._chip == "off" and not presses):
            return _n(code, "01")

        def done() -> bytes:
            chip = self.card.chip if self.card is not None else None
            if chip is None or self._armed.fires("chip_silent") is not None:
                self._chip = "pressed"
                return _n(code, "82")
            self._chip = "active"
            mode = "" if code[0] == "C" else "?" if params[:1] == b"1" else chip.protocol
            return self._p(code, mode.encode("ascii") + chip.reset())

        self._move(code, self._delays.chip_reset_ms + (self._delays.contacts_ms if presses else 0), done)
        return None

    def _chip_stop(self, code: str, _params: bytes) -> bytes | None:
        def done() -> bytes:
            self._chip = "off" if code == "C6" or self._chip == "off" else "pressed"
            return self._p(code)

        self._move(code, self._delays.contacts_ms, done)
        return None

    def _chip_exchange(self, code: str, params: bytes) -> bytes | None:
        if self._chip != "active" or self.card is None or self.card.chip is None:
            return _n(code, "01")
        if not 4 <= len(params) <= (261 if code == "F0" else 360):
            return _n(code, "02")
        chip = self.card.chip

        def done() -> bytes:
            if self._armed.fires("chip_silent") is not None:
                self._chip = "pressed"
                return _n(code, "80")
            return b"P" + code.encode("ascii") + b"20" + chip.exchange(params)

        self._move(code, self._delays.chip_exchange_ms, done)
        return None

    # ------------------------------------------------------------ hands

    def act(self, name: str, **arguments: object) -> Replies:
        if name not in self.acts:
            raise ValueError(f"nobody can {name!r} here; one can: {', '.join(self.acts)}")
        replies: Replies = getattr(self, f"_do_{name}")(**arguments)
        return replies

    def _do_insert_card(self, card: object = None, **made_of: object) -> Replies:
        if card is None:
            card = card_from(made_of)
        if not isinstance(card, MagneticCard):
            raise ValueError(f"insert_card takes a MagneticCard, not {type(card).__name__}")
        if self.card is not None:
            raise ValueError(f"a card is in the way ({self.place})")
        if not self._powered or self._permitted not in ("any", "striped"):
            raise ValueError("the shutter is closed: the card does not go in")
        if self._permitted == "striped" and not card.tracks:
            return []  # no stripe under the head: the shutter stays closed, the card stays in the hand
        self.card, self.place = card, "entering"
        self._intake_done_ms = self._clock.now_ms() + self._delays.intake_ms
        if self._motion is not None and self._waits_for_card:
            code, self._waits_for_card = self._waits_for_card, ""
            self._move(
                code, self._delays.intake_ms, lambda: _n(code, self._error) if self._error else self._p(code)
            )
        return []

    def _do_insert_wrong_way(self, **made_of: object) -> Replies:
        card = card_from(made_of)
        card.wrong_way = True
        return self._do_insert_card(card)

    def _do_take_card(self) -> Replies:
        if self.card is None or self.place != "exit":
            raise ValueError("there is no card at the mouth to take")
        self.taken.append(self.card)
        self._away()
        motion = self._motion
        if motion is not None and motion.when_taken is not None:
            self._motion = None
            return self._answer(self._delays.logic_ms, motion.when_taken())
        return []

    def _do_pull_card(self) -> Replies:
        if self.card is None:
            raise ValueError("there is no card to pull")
        if self.place == "exit":
            return self._do_take_card()
        entering = self.place == "entering"
        self._intake_done_ms = None
        self.taken.append(self.card)
        self._away()
        if not entering:
            self._error = "14"
        motion, self._motion = self._motion, None
        if motion is None:
            return []
        return self._answer(self._delays.logic_ms, _n(motion.code, "10" if entering else "14"))

    def _do_block_exit(self) -> Replies:
        if self.place != "exit":
            raise ValueError("there is no card at the mouth to hold")
        self._held = True
        return []

    def _do_free_exit(self) -> Replies:
        self._held = False
        return []

    def _do_empty_bin(self) -> Replies:
        self.bin.clear()
        return []

    # ------------------------------------------------------------ faults and power

    def strike(self, name: str, **arguments: object) -> None:
        self._armed.strike(name, arguments)

    def heal(self) -> None:
        self._armed.heal()
        self._held = False
        if self.place == "jammed":
            self.place = "inside"

    def power(self, on: bool) -> Replies:
        if on == self._powered:
            return []
        self._powered = on
        if self.place == "entering":
            self.place = "inside"
        self._boot()
        return []

    def state(self) -> Mapping[str, object]:
        card = self.card
        return {
            "powered": self._powered,
            "ready": self._powered and self._initialised and self._error is None,
            "error": self._error,
            "gate": self._permitted or "closed",
            "shutter": "open" if self._shutter_open else "closed",
            "card": None
            if card is None
            else {"label": card.label, "place": self.place, "chip": card.chip is not None},
            "held": self._held,
            "chip": self._chip,
            "moving": self._motion is not None or self._intake_done_ms is not None,
            "bin": [kept.label for kept in self.bin],
            "captured": self.captured,
            "taken": len(self.taken),
            "armed": self._armed.names(),
        }


def _n(code: str, error: str) -> bytes:
    return b"N" + code.encode("latin-1") + error.encode("ascii")


_Handler = Callable[[SimOmron3S4YR, str, bytes], bytes | None]

_SETTINGS: Final = {
    "W0": 2, "W1": 2, "W2": 2, "R0": 1, "R1": 1, "R3": 2, "S0": 1, "S1": 0, "S2": 3,
    "N1": 0, "N2": 0, "N3": 0, "NA": 0, "Y1": 2, "Y2": 2, "Y3": 0, "Y4": 0,
    **{f"D{n}": 1 for n in range(8)},
}  # fmt: skip
"""Settings and how many digits they take; 0 is anything."""

_HANDLERS: Final[Mapping[str, _Handler]] = {
    "10": SimOmron3S4YR._status,
    "11": SimOmron3S4YR._sensors,
    "L0": SimOmron3S4YR._voltages,
    "V0": SimOmron3S4YR._versions,
    "V1": SimOmron3S4YR._versions,
    "N0": SimOmron3S4YR._told_options,
    "Y0": SimOmron3S4YR._told_options,
    **dict.fromkeys((":0", ":1", ":2", ":3"), SimOmron3S4YR._permit),
    **dict.fromkeys(("20", "21", "23", "24"), SimOmron3S4YR._wait_for_card),
    "30": SimOmron3S4YR._eject,
    "31": SimOmron3S4YR._capture_command,
    **dict.fromkeys(("40", "41", "42"), SimOmron3S4YR._reintake),
    "90": SimOmron3S4YR._wait_removal,
    **dict.fromkeys(("61", "62", "63"), SimOmron3S4YR._read_one),
    "68": SimOmron3S4YR._read_several,
    "69": SimOmron3S4YR._send_stored,
    "6A": SimOmron3S4YR._send_several,
    **dict.fromkeys(("71", "72", "73"), SimOmron3S4YR._write),
    "Q0": SimOmron3S4YR._count,
    "Q1": SimOmron3S4YR._count,
    "C0": SimOmron3S4YR._contacts,
    "C1": SimOmron3S4YR._contacts,
    **dict.fromkeys(("C2", "C5", "E0", "E1", "G1"), SimOmron3S4YR._chip_start),
    "C3": SimOmron3S4YR._chip_stop,
    "C6": SimOmron3S4YR._chip_stop,
    "F0": SimOmron3S4YR._chip_exchange,
    "F1": SimOmron3S4YR._chip_exchange,
}
