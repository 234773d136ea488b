"""A simulated OMRON 3S4YR: the line, what may be carried out when, and hands.

    moving, tracks, station, memory, ports, loader, sensing      a table of commands each, and what they work on
    transport, heads, chip_terminal and chip_contact             mechanics, magnetics, the two ends of the contacts

What executes is decided by two things that the reader keeps: the link state (idle, receiving, accepted,
executing) and what may come next (waiting for initial reset, an error that only a reset clears, a card of
wrong length that may only go back). Both are asked in one place each, `_item` and `_stands_in_the_way`.

Motions take time on the clock that is handed in: what moves a card has its effect when the motion ends
(`tick`), so a power cut or a pull in the middle of it finds the card where it was.

What the protocol notes leave open, and how it is decided here (more of it in `Habits` and `memory`):

- while an error that needs a reset stands, each other command is answered with that same error;
- a card that the transport has gripped comes in even if the gate is denied in that moment; until it is in,
  the status tells "card at the exit" (01);
- the power-failure option counts for the first initial reset after the power failed with a card inside, and
  the option given in that very command counts over the stored one;
- a command cancelled by DLE EOT has no answer; its motion stops and the card stays where it was;
- a card that is pulled while the contacts are down does not come out: it moves under them (88).

Source: OMRON, Data Transmission Specifications 3S4YR-MVFW(DL)-0** Series, Rev A4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.base.clock import Clock
from drivers.card_reader.framing import ACK_BYTES, NAK_BYTES, FrameReader, Signal, encode
from drivers.sim.armed import ArmedFaults
from drivers.sim.card_reader import loader, memory, moving, ports, sensing, station, tracks
from drivers.sim.card_reader.habits import Delays, Habits
from drivers.sim.card_reader.heads import Heads
from drivers.sim.card_reader.tools import ACTS, FAULTS
from drivers.sim.card_reader.transport import Transport
from drivers.sim.card_reader.trouble import Trouble
from drivers.sim.cards import MagneticCard, card_from
from drivers.sim.device import Act, Fault, Replies

CHARACTER_GAP_MS: Final = 5_000
_POSITIONS: Final = {"none": "00", "exit": "01", "entering": "01", "read start": "04"}
_CHIP_POSITIONS: Final = {"active": "11", "pressed": "10"}


@dataclass(slots=True)
class _Motion:
    """A command under way: when it ends, what it does then, and its answer should the card be taken."""

    code: str
    done_ms: int
    finish: Callable[[], bytes]
    when_taken: Callable[[], bytes] | None = None


class SimOmron3S4YR:
    """One reader. It starts with the power on and no card, waiting for its initial reset."""

    acts: Mapping[str, Act] = ACTS
    faults: Mapping[str, Fault] = FAULTS

    def __init__(
        self,
        clock: Clock,
        delays: Delays | None = None,
        *,
        captured: int = 0,
        habits: Habits | Mapping[str, object] | None = None,
    ) -> None:
        self._clock = clock
        self.delays = delays or Delays()
        self.habits = habits if isinstance(habits, Habits) else Habits(**(habits or {}))  # type: ignore[arg-type]
        self.armed = ArmedFaults(self.faults)
        self._reader = FrameReader()
        # what survives a power cut
        self.transport = Transport(self.armed, captured)
        self.memory = memory.Memory()
        self.loader = loader.Loader()
        self._powered = True
        self._boot()

    def _boot(self) -> None:
        self._reader.reset()
        self.loader.restarted()
        self.heads = Heads(self.armed, self.transport)
        self.station = station.Station()
        self.ports = ports.Ports(self.habits.ports)
        self.initialised = False
        self.failed_with_card = self.transport.card is not None
        self.error: str | None = None
        self.return_only = False
        self.pending_error: str | None = None
        self.permitted: str | None = None
        self.turn_round_ms = 10
        self.when_in: Callable[[], bytes] | None = None
        self.when_reachable: Callable[[], None] | None = None
        self._accepted: bytes | None = None
        self._last = b""
        self._motion: _Motion | None = None
        self._intake_done_ms: int | None = None
        self._gap_ms: int | None = None
        self.transport.shutter_open = False

    # ------------------------------------------------------------ what can be seen

    @property
    def card(self) -> MagneticCard | None:
        return self.transport.card

    @property
    def place(self) -> str:
        return self.transport.place

    @property
    def captured(self) -> int:
        return self.transport.captured

    @property
    def bin(self) -> list[MagneticCard]:
        return self.transport.bin

    @property
    def taken(self) -> list[MagneticCard]:
        return self.transport.taken

    @property
    def moving(self) -> bool:
        return self._motion is not None or self._intake_done_ms is not None

    @property
    def now_ms(self) -> int:
        return self._clock.now_ms()

    # ------------------------------------------------------------ the line

    def receive(self, data: bytes) -> Replies:
        if not self._powered:
            return []
        replies: Replies = []
        for item in self._reader.feed(data):
            if self.armed.fires("silent") is None:
                replies += self._item(item)
        self._gap_ms = None if self._reader.at_rest else self.now_ms + CHARACTER_GAP_MS
        return replies

    def _item(self, item: bytes | Signal) -> Replies:
        if self._motion is not None:  # executing: everything but DLE EOT is ignored
            if item is Signal.EOT:
                self._motion = self.when_in = self.when_reachable = None
            return []
        if item is Signal.ENQ:
            if self._accepted is None:
                return [(self.turn_round_ms, self._last)] if self._last else []
            text, self._accepted = self._accepted, None
            return self._execute(text)
        if item is Signal.EOT:
            self._accepted = None
            return []
        if item is Signal.BAD:
            self._accepted = None
            return [(self.turn_round_ms, NAK_BYTES)]
        if isinstance(item, bytes):
            self._accepted = item
            return [(self.turn_round_ms, ACK_BYTES)]
        return []

    def tick(self) -> Replies:
        now = self.now_ms
        replies: Replies = []
        if self._gap_ms is not None and now >= self._gap_ms:
            self._gap_ms = None
            if self._reader.in_frame:
                self._accepted = None
                replies.append((self.turn_round_ms, NAK_BYTES))
            self._reader.reset()
        if self._intake_done_ms is not None and now >= self._intake_done_ms:
            self._intake_done_ms = None
            self._came_in()
        if self._motion is not None and now >= self._motion.done_ms:
            motion, self._motion = self._motion, None
            if self.armed.fires("power_drop") is not None:
                self._boot()
                return []
            replies += self._answer(0, motion.finish())
        return replies

    def next_deadline_ms(self) -> int | None:
        if not self.moving and self._gap_ms is None:
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
        handler = HANDLERS.get(code)
        if text[:1] != b"C" or len(text) < 3 or handler is None:
            answer: bytes | None = b"N" + text[1:3].ljust(2, b"?") + Trouble.UNDEFINED.encode("ascii")
        elif (error := self._stands_in_the_way(code)) is not None:
            answer = self.no(code, error)
        else:
            answer = handler(self, code, params)
        return self._answer(self.delays.logic_ms, answer) if answer is not None else []

    def _stands_in_the_way(self, code: str) -> str | None:
        """Return the error that stands in the way of `code`, if any. Resets pass nearly always."""
        is_reset = code in moving.RESETS
        if (trouble := self.loader.stands_in_the_way(code, is_reset=is_reset)) is not None:
            return trouble
        if is_reset or self.loader.state != "good":
            return None
        if not self.initialised:
            return Trouble.POWER_DROP if self.failed_with_card else Trouble.NOT_RESET
        if self.error is not None:
            return self.error
        if self.pending_error is not None:
            error, self.pending_error = self.pending_error, None
            return error
        if self.return_only and code != "30":
            return Trouble.SEQUENCE
        if self.permitted and code in memory.LOCKED:
            return Trouble.SEQUENCE
        if code in moving.MOVES and self.station.state != "off":
            if not self.habits.releases:
                return Trouble.SEQUENCE
            self.station.power_off()
        return None

    # for the tables of commands

    def say(self, code: str, data: str | bytes = "") -> bytes:
        """Return a good answer that tells the position."""
        body = data.encode("latin-1") if isinstance(data, str) else data
        return b"P" + code.encode("latin-1") + self._position().encode("ascii") + body

    def no(self, code: str, error: str, data: bytes = b"") -> bytes:
        """Return a bad answer."""
        return b"N" + code.encode("latin-1") + error.encode("ascii") + data

    def latch(self, code: str, error: str) -> bytes:
        """Return a bad answer whose error stands until an initial reset."""
        self.error = error
        self.permitted = None
        return self.no(code, error)

    def move(
        self,
        code: str,
        takes_ms: int,
        finish: Callable[[], bytes],
        when_taken: Callable[[], bytes] | None = None,
    ) -> None:
        """Let `finish` give the answer when the time is over; empty means that another motion follows."""
        self._motion = _Motion(code, self.now_ms + takes_ms, finish, when_taken)

    def open_gate(self, gate: str) -> None:
        self.permitted = gate
        self.transport.shutter_open = gate != "rear"

    def close_gate(self) -> None:
        self.permitted = None
        self.when_in = None
        self._intake_done_ms = None
        self.transport.shutter_open = self.transport.place in ("exit", "entering")

    def _position(self) -> str:
        if (loading := self.loader.position) is not None:
            return loading
        return _CHIP_POSITIONS.get(self.station.state) or _POSITIONS.get(self.transport.place, "02")

    def _came_in(self) -> None:
        """The transport has drawn a card in."""
        card = self.transport.card
        assert card is not None
        self.permitted = None
        self.heads.forget()
        trouble = self.transport.draw_in()
        if trouble is not None:
            self.error = trouble
        elif card.length != "normal":
            self.return_only = True
            self.pending_error = Trouble.TOO_LONG if card.length == "long" else Trouble.TOO_SHORT

    def _brought_in(self, code: str, then: Callable[[], bytes]) -> bytes:
        """Go on with a command that waited for a card."""
        error, self.pending_error = self.error or self.pending_error, None
        return self.no(code, error) if error else then()

    # ------------------------------------------------------------ hands

    def act(self, name: str, **arguments: object) -> Replies:
        if name not in self.acts:
            raise ValueError(f"nobody can {name!r} here; one can: {', '.join(self.acts)}")
        replies: Replies = getattr(self, f"_do_{name}")(**arguments)
        return replies

    def _do_insert_card(self, card: object = None, **made_of: object) -> Replies:
        return self._insert(card, made_of, ("any", "striped"))

    def _do_insert_wrong_way(self, **made_of: object) -> Replies:
        card = card_from(made_of)
        card.wrong_way = True
        return self._do_insert_card(card)

    def _do_insert_from_rear(self, card: object = None, **made_of: object) -> Replies:
        return self._insert(card, made_of, ("rear",))

    def _insert(self, card: object, made_of: Mapping[str, object], gates: tuple[str, ...]) -> Replies:
        if card is None:
            card = card_from(made_of)
        if not isinstance(card, MagneticCard):
            raise ValueError(f"insert_card takes a MagneticCard, not {type(card).__name__}")
        if self.transport.card is not None:
            raise ValueError(f"a card is in the way ({self.place})")
        if not self._powered or self.permitted not in gates:
            raise ValueError("the shutter is closed: the card does not go in")
        if self.permitted == "striped" and not card.tracks:
            return []  # no stripe under the head: the shutter stays closed, the card stays in the hand
        self.transport.grip(card)
        self._intake_done_ms = self.now_ms + self.delays.intake_ms
        if self._motion is not None and self.when_in is not None:
            code, then, self.when_in = self._motion.code, self.when_in, None
            self.move(code, self.delays.intake_ms, lambda: self._brought_in(code, then))
        return []

    def _do_take_card(self) -> Replies:
        if self.transport.card is None or self.place != "exit":
            raise ValueError("there is no card at the mouth to take")
        self.transport.take()
        self.station.power_off()
        self.heads.forget()
        motion = self._motion
        if motion is not None and motion.when_taken is not None:
            self._motion = self.when_reachable = None
            return self._answer(self.delays.logic_ms, motion.when_taken())
        return []

    def _do_pull_card(self) -> Replies:
        if self.transport.card is None:
            raise ValueError("there is no card to pull")
        if self.place == "exit":
            return self._do_take_card()
        motion, self._motion, self.when_in = self._motion, None, None
        if self.station.state != "off":
            self.station.power_off()
            self.error = Trouble.MOVED_UNDER_CONTACTS
            return self._told_of(motion, Trouble.MOVED_UNDER_CONTACTS)
        entering = self.place == "entering"
        self._intake_done_ms = None
        self.transport.take()
        self.heads.forget()
        if not entering:
            self.error = Trouble.PULLED_OUT
        return self._told_of(motion, Trouble.JAM if entering else Trouble.PULLED_OUT)

    def _told_of(self, motion: _Motion | None, error: str) -> Replies:
        return [] if motion is None else self._answer(self.delays.logic_ms, self.no(motion.code, error))

    def _do_block_exit(self) -> Replies:
        self._at_mouth().held = True
        return []

    def _do_free_exit(self) -> Replies:
        self.transport.held = False
        return self._reachable()

    def _do_pull_half_out(self) -> Replies:
        self._at_mouth().half_out = True
        return []

    def _do_push_back(self) -> Replies:
        self._at_mouth().half_out = False
        return self._reachable()

    def _at_mouth(self) -> Transport:
        if self.place != "exit":
            raise ValueError("there is no card at the mouth to hold")
        return self.transport

    def _reachable(self) -> Replies:
        """The rollers have the card again: a re-intake that waited goes on."""
        draw, self.when_reachable = self.when_reachable, None
        if draw is not None and not (self.transport.held or self.transport.half_out):
            draw()
        return []

    def _do_empty_bin(self) -> Replies:
        self.transport.bin.clear()
        return []

    # ------------------------------------------------------------ faults and power

    def strike(self, name: str, **arguments: object) -> None:
        if name == "heads_dirty":
            self.armed.strike(name, arguments)
            self.armed.drop(name)
            self.transport.heads_dirty = True  # at once, and until somebody cleans them
            return
        self.armed.strike(name, arguments)

    def heal(self) -> None:
        self.armed.heal()
        self.transport.heads_dirty = False
        self.transport.held = self.transport.half_out = False
        if self.place == "jammed":
            self.transport.place = "inside"

    def power(self, on: bool) -> Replies:
        if on == self._powered:
            return []
        self._powered = on
        if self.place == "entering":
            self.transport.place = "inside"
        self._boot()
        return []

    def state(self) -> Mapping[str, object]:
        card = self.transport.card
        return {
            "powered": self._powered,
            "ready": self._powered and self.initialised and self.error is None and self.loader.state == "good",
            "error": self.error,
            "gate": self.permitted or "closed",
            "shutter": "open" if self.transport.shutter_open else "closed",
            "card": None
            if card is None
            else {"label": card.label, "place": self.place, "chip": card.chip is not None},
            "held": self.transport.held,
            "chip": self.station.state,
            "moving": self.moving,
            "bin": [kept.label for kept in self.transport.bin],
            "captured": self.transport.captured,
            "taken": len(self.transport.taken),
            "heads": "dirty" if self.transport.heads_dirty else "clean",
            "cleaned": self.transport.cleaned,
            "ports": self.ports.told(self.now_ms),
            "firmware": self.loader.state,
            "armed": self.armed.names(),
        }


Handler = Callable[[SimOmron3S4YR, str, bytes], bytes | None]
"""Carries out a command: takes reader, code, parameters; returns the answer, None when a motion gives it."""

HANDLERS: Final[Mapping[str, Handler]] = {
    code: handler
    for table in (moving, tracks, station, memory, ports, loader, sensing)
    for code, handler in table.COMMANDS.items()
}
