"""The firmware of a simulated NV200: channels, escrow of one note, poll events, counters.

A poll after the one that reported a recognised note accepts it, unless HOLD came between; REJECT gives it back.
Ten seconds without poll or hold: a held note is given back and the device disables itself. With poll-with-ack the
events that matter are said again until they are acknowledged, and no note moves meanwhile.

What the sources leave open and an argument decides: `credited_channel_zero`, whether a note that had been credited
before the power went is reported with channel 0 when the restart puts it into the cashbox; `escrow_home`, where a note
in escrow goes then; `counters`, for GA138 lists them for NV9USB, NV11 and SMART Payout, not for the NV200; `holds`, for
it does not list HOLD for the SMART Payout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from drivers.base.clock import Clock
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.note_acceptor.acceptor import NTH, SimAcceptor, faults, named
from drivers.sim.note_acceptor.ssp_side import (
    BAD_COMMAND,
    BAD_COUNT,
    CANNOT,
    EXCHANGE,
    FAIL,
    GENERATOR,
    KEYLESS,
    MODULUS,
    OK,
    OUT_OF_RANGE,
    SOFTWARE_ERROR,
    SYNC,
    SspSide,
)
from drivers.sim.note_acceptor.transport import TICKET, Moment, Note, Phase

ANSWER_MS: Final = 20
BOOT_MS: Final = 3_000
INITIALISING_MS: Final = 1_000  # after BOOT_MS: it answers, and says so to who polls with ack
UNPOLLED_MS: Final = 10_000
POLL, POLL_WITH_ACK, EVENT_ACK = 0x07, 0x56, 0x57
VERSION, DATASET = b"NV02004120000000", b"CNY01605"
COUNTERS: Final = ("stacked", "stored", "dispensed", "transferred", "rejected")

REJECTS: Final = {
    "length": 0x01, "average": 0x02, "coast": 0x03, "not_recognised": 0x04, "graph": 0x05, "channel_off": 0x06,
    "second_note": 0x07, "host": 0x08, "several": 0x09, "rear_sensor": 0x0A, "too_long": 0x0B, "inhibited": 0x0C,
    "slow": 0x0D, "string": 0x0E, "obsolete": 0x0F, "nothing_seen": 0x10, "peak": 0x11, "twisted": 0x12,
    "timeout": 0x13, "ticket": 0x14, "cam": 0x15, "slot": 0x16, "slot_2": 0x17, "fast": 0x18, "width": 0x19,
    "short": 0x1A, "payout_note": 0x1B, "double": 0x1C, "cannot_stack": 0x1D,
}  # fmt: skip
ACKNOWLEDGED: Final = frozenset((0xEE, 0xE6, 0xE1, 0xE2, 0xE3, 0xE4, 0xD1, 0xD2, 0xDC, 0xDD, 0xB1, 0xB4, 0xC9, 0xD8))
"""Events that a host which polls with ack has to acknowledge (GA138, column "Poll with Ack")."""

_COMMANDS: Final[Mapping[int, tuple[tuple[int, ...], str]]] = {
    0x01: ((0,), "reset"), 0x02: ((1, 2), "set_inhibits"), 0x03: ((0,), "agree"), 0x04: ((0,), "agree"),
    0x05: ((0,), "setup"), 0x06: ((1,), "set_protocol"), 0x08: ((0,), "reject"), 0x09: ((0,), "disable"),
    0x0A: ((0,), "enable"), 0x0C: ((0,), "tell_serial"), 0x0D: ((0,), "unit_data"), 0x0E: ((0,), "channel_values"),
    0x0F: ((0,), "channel_security"), 0x17: ((0,), "tell_last_reject"), 0x18: ((0,), "hold"),
    0x20: ((0,), "tell_version"), 0x21: ((0,), "tell_dataset"), 0x23: ((0,), "get_reader"), 0x24: ((3,), "set_reader"),
    0x25: ((0,), "get_ticket_inhibit"), 0x26: ((1,), "set_ticket_inhibit"), 0x27: ((0,), "tell_ticket"),
    0x54: ((4, 5), "agree"), 0x57: ((0,), "acknowledge"), 0x58: ((0,), "tell_counters"),
    0x59: ((0,), "reset_counters"), 0x60: ((8,), "set_fixed_key"), 0x61: ((0,), "reset_fixed_key"),
}  # fmt: skip
"""Code: how many bytes may follow, and the method that answers."""


class SimNv200(SimAcceptor):
    """`values`: face values in whole units, one channel each, from channel 1; `judged`: see `SimAcceptor`.

    The dataset says whole units with a real value multiplier of 100. `bezel_ms`: after this time a note that nobody
    takes from the mouth is drawn in, into the cashbox; 0 for never.
    """

    unit_type: ClassVar[int] = 0x00
    commands: ClassVar[Mapping[int, tuple[tuple[int, ...], str]]] = _COMMANDS
    sealed_only: ClassVar[frozenset[int]] = frozenset((POLL_WITH_ACK, EVENT_ACK, 0x60))
    """Commands that are not taken in clear."""
    reasons = REJECTS
    acts = named(
        Act("open_path", "A technician opens the note path."),
        Act("close_path", "A technician closes the note path."),
    )
    faults: Mapping[str, Fault] = faults(
        Fault(
            "reject_note", "A good note is rejected.", {"reason": f"one of {', '.join(REJECTS)}", **NTH}, (65, 67)
        ),
        Fault("stacker_full", "The stacker says that it is full, until healed.", {}, (71,)),
        Fault("safe_jam", "Jams behind the point of no return are told as EA, which not every firmware has.", {}),
        Fault("software_error", "A command is answered with software error.", NTH),
    )

    def __init__(
        self,
        clock: Clock,
        values: tuple[int, ...] = (1, 5, 10, 20, 50, 100),
        currency: str = "CNY",
        *,
        serial: int = 4_711_001,
        protocol_max: int = 8,
        address: int = 0,
        seed: int = 1,
        bezel_ms: int = 0,
        credited_channel_zero: bool = True,
        counters: bool = True,
        holds: bool = True,
        **machine: Any,
    ) -> None:
        super().__init__(clock, values, currency, first=1, **machine)
        self._serial = serial
        self._protocol_max = protocol_max
        self._bezel_ms = bezel_ms
        self._channel_zero = credited_channel_zero
        self._counting = counters
        self._holds = holds
        self._side = SspSide(address, seed)
        self.counters = dict.fromkeys(COUNTERS, 0)
        self._path_open = False
        self._last_reject = 0
        self._ticket: tuple[int, str] = (0, "")
        self._reader = bytes((3, 3, 1, 18))
        self._ticket_inhibit = 0xFE  # currency only: nobody reads tickets unless told to
        self._mouth_ms: int | None = None  # since when something has waited at the mouth
        self._wake(0)

    def _wake(self, now_ms: int) -> None:
        """Begin as after power-up: what does not survive is set to its start."""
        self._protocol = 4
        self._inhibits = 0
        self._enabled = False
        self._resetting = False
        self._events: list[bytes] = [b"\xf1"]
        self._unacknowledged: list[bytes] = []
        self._asked = False  # a recognised note has been reported and may be accepted by the next poll
        self._credit_said = False
        self._polled_ms = now_ms

    def _takes(self, number: int) -> bool:
        return bool(self._inhibits >> number - 1 & 1) and not self._ticket_inhibit & 1

    def _takes_tickets(self) -> bool:
        return not self._ticket_inhibit & 2 and bool(self._reader[1])

    def _channel(self, note: Note | None) -> int:
        return self._number(note) or 0

    # ------------------------------------------------------------ the line

    def receive(self, data: bytes) -> Replies:
        now_ms = self._clock.now_ms()
        self._advance(now_ms)
        replies: Replies = []
        if not self._powered or now_ms < self._deaf_until_ms:
            return replies
        for frame in self._side.frames(data):
            if self._armed.fires("deaf") is not None:
                continue
            again = self._side.remembered(frame)
            if again is not None:
                replies.append((ANSWER_MS, again))
                continue
            if self._armed.fires("restart") is not None:
                self._off()
                self._boot(now_ms)
                return replies
            command = self._side.command(frame)
            if command is None:
                continue
            content, sealed = command
            reply = self._execute(content, sealed, now_ms) if content else bytes((KEYLESS,))
            if self.transport.dead:
                return replies  # the command made the machine move, and the power went
            replies.append((ANSWER_MS, self._side.answer(frame, reply, sealed)))
            if self._resetting:
                self._off()
                self._boot(now_ms)
                return replies
        return replies

    def _instants(self) -> list[int | None]:
        instants = super()._instants()
        if self._mouth_ms is not None:
            instants.append(self._mouth_ms + self._bezel_ms)
        if self._enabled or self.transport.phase is Phase.ESCROW:
            instants.append(self._polled_ms + UNPOLLED_MS)
        return instants

    def _advance(self, now_ms: int) -> None:
        super()._advance(now_ms)
        if not self._powered:
            return
        self._watch_mouth(now_ms)
        if now_ms - self._polled_ms >= UNPOLLED_MS:
            self._unpolled(now_ms)

    def _unpolled(self, now_ms: int) -> None:
        """Nobody has polled for too long."""
        self._enabled = False
        if self.transport.phase is Phase.ESCROW:
            self.transport.reject("timeout", now_ms)
            self._hear(now_ms)

    def _watch_mouth(self, now_ms: int) -> None:
        if not self._bezel_ms or not (self.transport.mouth or self.transport.paid):
            self._mouth_ms = None
        elif self._mouth_ms is None:
            self._mouth_ms = now_ms
        elif now_ms >= self._mouth_ms + self._bezel_ms:
            self._mouth_ms = None
            for note in self.transport.forget_at_mouth():
                self.counters["stacked"] += 1
                self._events.append(b"\xc9" + self._one(note.value_minor))

    def _valued(self, value_minor: int) -> bytes:
        """Return a value as events carry it that speak of every currency of the dataset."""
        coded = value_minor.to_bytes(4, "little")
        return coded if self._protocol < 6 else b"\x01" + self._one(value_minor)

    def _one(self, value_minor: int) -> bytes:
        """Return a value as events carry it that speak of one note."""
        return value_minor.to_bytes(4, "little") + self._currency.encode()

    def _notice(self, moment: Moment, now_ms: int) -> None:
        """Turn what the machine noticed into events and counters."""
        del now_ms
        channel = self._channel(moment.note)
        ticket = moment.note.text if moment.note is not None and moment.note.quality == TICKET else None
        if moment.what == "inserted":
            self._events.append(b"\xef\x00")
        elif moment.what == "recognised":
            self._events.append(bytes((0xEF, channel)) if ticket is None else b"\xe5")
            self._ticket = (1, ticket) if ticket is not None else self._ticket
            self._asked = False
        elif moment.what == "rejecting":
            self._last_reject = REJECTS[moment.reason]
            self._ticket = (3, ticket) if ticket is not None else self._ticket
            self._events.append(b"\xed")
        elif moment.what == "rejected":
            self.counters["rejected"] += 1
            self._events.append(b"\xec")
        elif moment.what == "credited":
            self._credit_said = False
            self._ticket = (2, ticket) if ticket is not None else self._ticket
            if self._armed.fires("event_lost") is None:
                self._events.append(bytes((0xEE, channel)) if ticket is None else b"\xd1")
        elif moment.what == "stored":
            in_store = moment.unit == "store"
            self.counters["stored" if in_store else "stacked"] += 1
            self._events.append(b"\xdb" if in_store else b"\xeb")
        elif moment.what == "fraud":
            self._events.append(bytes((0xE6, channel)))

    # ------------------------------------------------------------ commands

    def _execute(self, content: bytes, sealed: bool, now_ms: int) -> bytes:
        code, data = content[0], content[1:]
        if code == SYNC:
            return bytes((OK,))
        if code in (GENERATOR, MODULUS):
            return self._side.envelope.set_number(code, data)
        if code == EXCHANGE:
            return self._side.envelope.exchange(data)
        if self._armed.fires("software_error") is not None:
            return bytes((SOFTWARE_ERROR,))
        if code in self.sealed_only and not sealed:
            return bytes((OUT_OF_RANGE if self._side.envelope.has_key else KEYLESS,))
        if code in (POLL, POLL_WITH_ACK) or self.transport.phase is Phase.ESCROW:
            self._polled_ms = now_ms  # any command keeps a note in escrow, says GA138 of HOLD
        if code in (POLL, POLL_WITH_ACK):
            return bytes((OK,)) + self._poll(now_ms, with_ack=code == POLL_WITH_ACK)
        lengths, method = self.commands.get(code, ((), ""))
        if not method:
            return bytes((BAD_COMMAND,))
        if len(data) not in lengths:
            return bytes((BAD_COUNT,))
        answer: bytes = getattr(self, f"_do_{method}")(data, now_ms)
        return answer

    def _do_agree(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,))

    def _do_reset(self, _data: bytes, _now_ms: int) -> bytes:
        self._resetting = True  # when it has answered
        return bytes((OK,))

    def _do_set_inhibits(self, data: bytes, _now_ms: int) -> bytes:
        was, self._inhibits = self._inhibits, int.from_bytes(data, "little")
        if was and not self._inhibits and self._protocol >= 7:
            self._events.append(b"\xb5")
        return bytes((OK,))

    def _do_set_protocol(self, data: bytes, _now_ms: int) -> bytes:
        if data[0] > self._protocol_max:
            return bytes((FAIL,))
        self._protocol = data[0]
        return bytes((OK,))

    def _do_reject(self, _data: bytes, now_ms: int) -> bytes:
        if self.transport.phase is not Phase.ESCROW:
            return bytes((FAIL,))
        self.transport.reject("host", now_ms)
        self._hear(now_ms)
        return bytes((OK,))

    def _do_disable(self, data: bytes, now_ms: int) -> bytes:
        self._enabled = False
        self._polled_ms = now_ms
        if self.transport.phase is Phase.ESCROW:
            self._do_reject(data, now_ms)
        return bytes((OK,))

    def _do_enable(self, _data: bytes, now_ms: int) -> bytes:
        self._enabled = True
        self._polled_ms = now_ms
        return bytes((OK,))

    def _do_hold(self, _data: bytes, _now_ms: int) -> bytes:
        if not self._holds:
            return bytes((BAD_COMMAND,))
        return bytes((OK if self.transport.phase is Phase.ESCROW else FAIL,))

    def _do_acknowledge(self, _data: bytes, _now_ms: int) -> bytes:
        if not self._unacknowledged:
            return bytes((CANNOT,))
        self._unacknowledged = []
        return bytes((OK,))

    def _do_tell_serial(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,)) + self._serial.to_bytes(4, "big")

    def _do_tell_last_reject(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK, self._last_reject))

    def _do_tell_version(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,)) + VERSION

    def _do_tell_dataset(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,)) + DATASET

    def _do_get_reader(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,)) + self._reader

    def _do_set_reader(self, data: bytes, _now_ms: int) -> bytes:
        if data[0] > 3 or data[1] != 1 or not 6 <= data[2] <= 24:
            return bytes((OUT_OF_RANGE,))
        self._reader = self._reader[:1] + data
        return bytes((OK,))

    def _do_get_ticket_inhibit(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK, self._ticket_inhibit))

    def _do_set_ticket_inhibit(self, data: bytes, _now_ms: int) -> bytes:
        self._ticket_inhibit = data[0] | 0xFC
        return bytes((OK,))

    def _do_tell_ticket(self, _data: bytes, _now_ms: int) -> bytes:
        status, text = self._ticket
        return bytes((OK, status, len(text))) + text.encode()

    def _do_tell_counters(self, _data: bytes, _now_ms: int) -> bytes:
        if not self._counting:
            return bytes((BAD_COMMAND,))
        body = b"".join(count.to_bytes(4, "little") for count in self.counters.values())
        return bytes((OK, len(self.counters))) + body

    def _do_reset_counters(self, _data: bytes, _now_ms: int) -> bytes:
        if not self._counting:
            return bytes((BAD_COMMAND,))
        self.counters = dict.fromkeys(self.counters, 0)
        return bytes((OK,))

    def _do_set_fixed_key(self, data: bytes, _now_ms: int) -> bytes:
        self._side.envelope.fix(data)
        return bytes((OK,))

    def _do_reset_fixed_key(self, data: bytes, now_ms: int) -> bytes:
        self._side.envelope.fix()
        return self._do_reset(data, now_ms)

    def _do_unit_data(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,)) + self._unit() + bytes((self._protocol,))

    def _do_channel_values(self, _data: bytes, _now_ms: int) -> bytes:
        values, currencies, whole = self._channels()
        return bytes((OK, len(values))) + values + (currencies + whole if self._protocol >= 6 else b"")

    def _do_channel_security(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK, len(self._kinds))) + b"\x02" * len(self._kinds)

    def _do_setup(self, _data: bytes, _now_ms: int) -> bytes:
        values, currencies, whole = self._channels()
        body = self._unit() + bytes((len(values),)) + values + b"\x02" * len(values)
        body += (100).to_bytes(3, "big") + bytes((self._protocol,))
        return bytes((OK,)) + body + (currencies + whole if self._protocol >= 6 else b"")

    def _unit(self) -> bytes:
        return bytes((self.unit_type,)) + b"0412" + self._currency.encode() + (0).to_bytes(3, "big")

    def _channels(self) -> tuple[bytes, bytes, bytes]:
        """Return the channels' values in a byte each, their currencies, and their values in four bytes each."""
        whole = [value // 100 for value, _ in self._kinds.values()]
        return (
            bytes(min(value, 255) for value in whole),
            self._currency.encode() * len(whole),
            b"".join(value.to_bytes(4, "little") for value in whole),
        )

    # ------------------------------------------------------------ polls

    def _poll(self, now_ms: int, *, with_ack: bool) -> bytes:
        if self._unacknowledged:
            return b"".join(self._unacknowledged) + self._lasting()
        if self.transport.phase is Phase.ESCROW and self._asked:
            self.transport.accept(now_ms)
        self._hear(now_ms)
        events, self._events = self._events, []
        if with_ack:
            self._unacknowledged = [event for event in events if event[0] in ACKNOWLEDGED]
        if any(event[0] == 0xEE for event in events):
            self._credit_said = True
        if self.transport.phase is Phase.ESCROW:
            self._asked = True
        initialising = with_ack and self._protocol >= 7 and now_ms < self._deaf_until_ms + INITIALISING_MS
        return b"".join(events) + self._lasting() + (b"\xb6" if initialising else b"")

    def _lasting(self) -> bytes:
        """Return what every poll repeats as long as it lasts."""
        said = b""
        phase = self.transport.phase
        if phase in (Phase.STACKING, Phase.CREDITED):
            said += b"\xcc"
        if phase is Phase.JAMMED:
            safe = self.transport.jammed_in is Phase.CREDITED and self._armed.look("safe_jam") is not None
            said += b"\xea" if safe else b"\xe9"
        if self._full:
            said += b"\xe7"
        if not self.transport.cashbox_present:
            said += b"\xe3"
        if self._path_open:
            said += b"\xe0"
        if self.transport.mouth and self._protocol >= 8:
            note = self.transport.mouth[0]
            said += b"\xce" + self._one(note.value_minor if self._channel(note) else 0)
        if not self._open_for_notes:
            said += b"\xe8"
        return said

    @property
    def _full(self) -> bool:
        return self.transport.full or self._armed.look("stacker_full") is not None

    @property
    def _open_for_notes(self) -> bool:
        return (
            self._enabled
            and self._inhibits != 0
            and self.transport.cashbox_present
            and not self._path_open
            and not self._full
            and not self._unacknowledged
        )

    # ------------------------------------------------------------ hands, power

    def _pulled(self, note: Note, phase: Phase) -> None:
        if phase is Phase.STACKING:
            self._events.append(bytes((0xE6, self._channel(note))))
            return
        self.counters["rejected"] += 1
        if phase is Phase.RETURNING:
            self._events.append(b"\xec")
        else:
            self._last_reject = REJECTS["string"]
            self._events.append(b"\xed\xec")

    def _act_replace_cashbox(self) -> None:
        super()._act_replace_cashbox()
        if self._powered:
            self._events.append(b"\xe4")

    def _act_open_path(self) -> None:
        self._path_open = True

    def _act_close_path(self) -> None:
        self._path_open = False

    def _off(self) -> None:
        self._side.power_off()

    def _boot(self, now_ms: int) -> None:
        """Start again; a note inside goes somewhere, and the first poll will say where."""
        credited = self.transport.phase is Phase.CREDITED and self._credit_said
        self._wake(now_ms)
        self._deaf_until_ms = now_ms + BOOT_MS
        front, store = self._homes
        went = self.transport.restart(escrow_home=front, store_home=store)
        if went is not None:
            self._found_at_restart(*went, credited=credited)

    def _found_at_restart(self, where: str, note: Note, *, credited: bool) -> None:
        channel = 0 if credited and self._channel_zero else self._channel(note)
        self._events.append(bytes((0xE2 if where == "cashbox" else 0xE1, channel)))
        self.counters["stacked" if where == "cashbox" else "rejected"] += 1

    def state(self) -> Mapping[str, object]:
        return {
            **super().state(),
            "enabled": self._enabled,
            "inhibits": self._inhibits,
            "counters": dict(self.counters),
            "last_reject": self._last_reject,
            "encrypted": self._side.envelope.has_key,
            "repeated_frames": self._side.repeated,
        }
