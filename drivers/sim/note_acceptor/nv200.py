"""The firmware of a simulated NV200: channels, escrow of one note, poll events, counters.

A poll after the one that reported a recognised note accepts it, unless HOLD came between; REJECT gives it back.
Ten seconds without poll or hold: a held note is given back and the device disables itself.

What the sources leave open and an argument decides: `credited_channel_zero`, whether a note that had been credited
before the power went is reported with channel 0 when the restart puts it into the cashbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from drivers.base.clock import Clock
from drivers.sim.armed import ArmedFaults
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.note_acceptor.ssp_side import (
    BAD_COMMAND,
    BAD_COUNT,
    EXCHANGE,
    FAIL,
    GENERATOR,
    KEYLESS,
    MODULUS,
    OK,
    OUT_OF_RANGE,
    SYNC,
    SspSide,
)
from drivers.sim.note_acceptor.transport import QUALITIES, Moment, Note, Phase, Transport

ANSWER_MS: Final = 20
BOOT_MS: Final = 3_000
UNPOLLED_MS: Final = 10_000

REJECTS: Final = {
    "length": 0x01, "not_recognised": 0x04, "inhibited": 0x0C, "several": 0x09, "second_note": 0x07,
    "host": 0x08, "string": 0x0E, "timeout": 0x13, "cannot_stack": 0x1D, "slow": 0x0D, "fast": 0x18, "double": 0x1C,
    "width": 0x19, "short": 0x1A,
}  # fmt: skip

_NTH: Final = {"nth": "n-th occasion from now, 1", "stays": "at each occasion until healed"}


class SimNv200:
    """`values`: face values in whole units, one channel each, from channel 1; satisfies `SimDevice`.

    The dataset says whole units with a real value multiplier of 100. `bezel_ms`: after this time a note that nobody
    takes from the mouth is drawn in, into the cashbox; 0 for never.
    """

    unit_type: ClassVar[int] = 0x00
    money: ClassVar[tuple[int, ...]] = ()  # commands that are not taken in clear
    acts: Mapping[str, Act] = {
        act.name: act
        for act in (
            Act(
                "insert_note",
                "The customer feeds a note.",
                {
                    "value": "face value in whole units",
                    "quality": f"one of {', '.join(QUALITIES)}; good if left out",
                    "currency": "the device's own if left out",
                },
            ),
            Act("pull_note_back", "The customer pulls the note out again while it can be reached."),
            Act("take_note", "The customer takes what waits at the mouth."),
            Act("remove_cashbox", "A custodian takes the cashbox with what is in it."),
            Act("replace_cashbox", "A custodian puts an empty cashbox in."),
            Act("clear_jam", "A technician takes a jammed note out of the path."),
            Act("open_path", "A technician opens the note path."),
            Act("close_path", "A technician closes the note path."),
        )
    }
    faults: Mapping[str, Fault] = {
        fault.name: fault
        for fault in (
            Fault("jam_reading", "A note jams before it is recognised.", _NTH, (69,)),
            Fault("jam_before_credit", "A note jams on its way, not credited.", _NTH, (69,)),
            Fault("jam_after_credit", "A note jams behind the point of no return.", _NTH, (69,)),
            Fault("string_pulled", "A note is pulled out on a string while it is stacked.", _NTH, (73,)),
            Fault("stack_fails", "The device cannot stack and gives the note back.", _NTH, (71,)),
            Fault(
                "reject_note",
                "A good note is rejected.",
                {"reason": f"one of {', '.join(REJECTS)}", **_NTH},
                (65, 67),
            ),
            Fault("stacker_full", "The stacker says that it is full, until healed.", {}, (71,)),
            Fault("event_lost", "A credit event is never reported.", _NTH, (74,)),
            Fault("deaf", "A command is not heard.", _NTH),
            Fault("restart", "The device restarts by itself instead of answering a command.", _NTH, (55, 78)),
        )
    }

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
        cashbox_max: int = 600,
        bezel_ms: int = 0,
        credited_channel_zero: bool = True,
        escrow_home: Literal["front", "cashbox"] = "front",
        stored: Mapping[int, int] | None = None,
    ) -> None:
        self._clock = clock
        self._channels = {channel: value * 100 for channel, value in enumerate(values, start=1)}
        self._currency = currency
        self._serial = serial
        self._protocol_max = protocol_max
        self._bezel_ms = bezel_ms
        self._channel_zero = credited_channel_zero
        self._escrow_home: Literal["front", "cashbox"] = escrow_home
        self._armed = ArmedFaults(self.faults)
        self.transport = Transport(
            self._knows, self._armed, stored=stored, cashbox_max=cashbox_max, currency=currency
        )
        self._side = SspSide(address, seed)
        self.counters = dict.fromkeys(("stacked", "stored", "dispensed", "transferred", "rejected"), 0)
        self.pushed_back = 0  # notes fed while the mouth was shut
        self._powered = True
        self._deaf_until_ms = 0
        self._path_open = False
        self._full_sensor = False
        self._last_reject = 0
        self._mouth_ms: int | None = None  # since when something has waited at the mouth
        self._wake(0)

    def _wake(self, now_ms: int) -> None:
        """Begin as after power-up: what does not survive is set to its start."""
        self._protocol = 4
        self._inhibits = 0
        self._enabled = False
        self._events: list[bytes] = [b"\xf1"]
        self._asked = False  # a recognised note has been reported and may be accepted by the next poll
        self._credit_said = False
        self._polled_ms = now_ms
        self._jam_news = False

    def _knows(self, note: Note) -> bool:
        channel = self._channel(note)
        return bool(channel) and bool(self._inhibits >> channel - 1 & 1)

    def _channel(self, note: Note | None) -> int:
        if note is None or note.currency != self._currency:
            return 0
        return next((ch for ch, value in self._channels.items() if value == note.value_minor), 0)

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
            replies.append((ANSWER_MS, self._side.answer(frame, reply, sealed)))
        return replies

    def tick(self) -> Replies:
        self._advance(self._clock.now_ms())
        return []

    def next_deadline_ms(self) -> int | None:
        if not self._powered:
            return None
        instants = [self.transport.next_deadline_ms()]
        if self._mouth_ms is not None:
            instants.append(self._mouth_ms + self._bezel_ms)
        if self._enabled or self.transport.phase is Phase.ESCROW:
            instants.append(self._polled_ms + UNPOLLED_MS)
        return min((instant for instant in instants if instant is not None), default=None)

    def _advance(self, now_ms: int) -> None:
        if not self._powered:
            return
        self.transport.advance(now_ms)
        self._hear()
        self._watch_mouth(now_ms)
        if now_ms - self._polled_ms >= UNPOLLED_MS:
            self._enabled = False
            if self.transport.phase is Phase.ESCROW:
                self.transport.reject("timeout", now_ms)
                self._hear()

    def _watch_mouth(self, now_ms: int) -> None:
        if not self._bezel_ms or not (self.transport.mouth or self.transport.paid):
            self._mouth_ms = None
        elif self._mouth_ms is None:
            self._mouth_ms = now_ms
        elif now_ms >= self._mouth_ms + self._bezel_ms:
            self._mouth_ms = None
            for note in self.transport.forget_at_mouth():
                self.counters["stacked"] += 1
                self._events.append(b"\xc9" + self._valued(note.value_minor))

    def _valued(self, value_minor: int) -> bytes:
        """Return a value as events carry it."""
        coded = value_minor.to_bytes(4, "little")
        return coded if self._protocol < 6 else b"\x01" + coded + self._currency.encode()

    def _hear(self) -> None:
        """Turn what the machine noticed into events and counters."""
        moments, self.transport.moments = self.transport.moments, []
        for moment in moments:
            self._notice(moment)

    def _notice(self, moment: Moment) -> None:
        channel = self._channel(moment.note)
        if moment.what == "inserted":
            self._events.append(b"\xef\x00")
        elif moment.what == "recognised":
            self._events.append(bytes((0xEF, channel)))
            self._asked = False
        elif moment.what == "rejecting":
            self._last_reject = REJECTS[moment.reason]
            self._events.append(b"\xed")
        elif moment.what == "rejected":
            self.counters["rejected"] += 1
            self._events.append(b"\xec")
        elif moment.what == "credited":
            self._credit_said = False
            if self._armed.fires("event_lost") is None:
                self._events.append(bytes((0xEE, channel)))
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
        if code in (0x07, 0x18):
            self._polled_ms = now_ms
        if code == 0x07:
            return bytes((OK,)) + self._poll(now_ms)
        if code in self.money and not sealed:
            return bytes((OUT_OF_RANGE,))
        return self._command(code, data, now_ms)

    def _command(self, code: int, data: bytes, now_ms: int) -> bytes:
        done = bytes((OK,))
        if code == 0x01:
            self._off()
            self._boot(now_ms)
            return done
        if code == 0x02:
            if not 1 <= len(data) <= 2:
                return bytes((BAD_COUNT,))
            self._inhibits = int.from_bytes(data, "little")
            return done
        if code in (0x03, 0x04):
            return done
        if code == 0x05:
            return done + self._setup()
        if code == 0x06:
            if len(data) != 1:
                return bytes((BAD_COUNT,))
            if data[0] > self._protocol_max:
                return bytes((FAIL,))
            self._protocol = data[0]
            return done
        if code == 0x08:
            if self.transport.phase is not Phase.ESCROW:
                return bytes((FAIL,))
            self.transport.reject("host", now_ms)
            self._hear()
            return done
        if code in (0x09, 0x0A):
            self._enabled = code == 0x0A
            self._polled_ms = now_ms
            if not self._enabled and self.transport.phase is Phase.ESCROW:
                self.transport.reject("host", now_ms)
                self._hear()
            return done
        if code == 0x0C:
            return done + self._serial.to_bytes(4, "big")
        if code == 0x17:
            return done + bytes((self._last_reject,))
        if code == 0x18:
            return done if self.transport.phase is Phase.ESCROW else bytes((FAIL,))
        if code == 0x58:
            body = b"".join(count.to_bytes(4, "little") for count in self.counters.values())
            return done + bytes((len(self.counters),)) + body
        if code == 0x59:
            self.counters = dict.fromkeys(self.counters, 0)
            return done
        return bytes((BAD_COMMAND,))

    def _setup(self) -> bytes:
        values = list(self._channels.values())
        count = len(values)
        body = bytes((self.unit_type,)) + b"0412" + self._currency.encode() + (0).to_bytes(3, "big")
        body += bytes((count,)) + bytes(min(value // 100, 255) for value in values) + b"\x02" * count
        body += (100).to_bytes(3, "big") + bytes((self._protocol,))
        if self._protocol >= 6:
            body += self._currency.encode() * count
            body += b"".join((value // 100).to_bytes(4, "little") for value in values)
        return body

    def _poll(self, now_ms: int) -> bytes:
        if self.transport.phase is Phase.ESCROW and self._asked:
            self.transport.accept(now_ms)
        self._hear()
        said = b"".join(self._events)
        if any(event[0] == 0xEE for event in self._events):
            self._credit_said = True
        self._events = []
        if self.transport.phase is Phase.ESCROW:
            self._asked = True
        return said + self._lasting()

    def _lasting(self) -> bytes:
        """Return what every poll repeats as long as it lasts."""
        said = b""
        phase = self.transport.phase
        if phase in (Phase.STACKING, Phase.CREDITED):
            said += b"\xcc"
        if phase is Phase.JAMMED:
            said += b"\xe9"
        if self._full_sensor or self._armed.look("stacker_full") is not None or self.transport.full:
            said += b"\xe7"
        if not self.transport.cashbox_present:
            said += b"\xe3"
        if self._path_open:
            said += b"\xe0"
        if self.transport.mouth and self._protocol >= 8:
            note = self.transport.mouth[0]
            said += b"\xce" + note.value_minor.to_bytes(4, "little") + note.currency.encode()
        if not self._open_for_notes:
            said += b"\xe8"
        return said

    @property
    def _open_for_notes(self) -> bool:
        return (
            self._enabled
            and self._inhibits != 0
            and self.transport.cashbox_present
            and not self._path_open
            and not self.transport.full
            and self._armed.look("stacker_full") is None
        )

    # ------------------------------------------------------------ hands, faults, power

    def act(self, name: str, **arguments: object) -> Replies:
        known = self.acts.get(name)
        if known is None:
            raise ValueError(f"no act {name!r}; there are {', '.join(self.acts)}")
        if strange := set(arguments) - set(known.arguments):
            raise ValueError(
                f"{name} takes {', '.join(known.arguments) or 'nothing'}, not {sorted(strange)}"
            )
        self._advance(self._clock.now_ms())
        getattr(self, f"_act_{name}")(**arguments)
        self._hear()
        return []

    def _act_insert_note(self, value: Any = 0, quality: Any = "good", currency: Any = None) -> None:
        if quality not in QUALITIES:
            raise ValueError(f"quality {quality!r}: one of {', '.join(QUALITIES)}")
        if not self._powered or not self._open_for_notes or self.transport.phase is not Phase.IDLE:
            self.pushed_back += 1
            return
        worth = 0 if quality == "paper" else int(value) * 100
        note = Note(worth, str(currency or self._currency), str(quality))
        self.transport.insert(note, self._clock.now_ms())

    def _act_pull_note_back(self) -> None:
        reachable = self.transport.phase
        note = self.transport.pull_back()
        if self._powered and reachable is not Phase.RETURNING:
            code = 0xE6 if reachable is Phase.STACKING else 0xEC
            if code == 0xEC:
                self._last_reject = REJECTS["string"]
                self.counters["rejected"] += 1
            self._events.append(bytes((0xE6, self._channel(note))) if code == 0xE6 else b"\xed\xec")
        elif self._powered:
            self.counters["rejected"] += 1
            self._events.append(b"\xec")

    def _act_take_note(self) -> None:
        self.transport.take()

    def _act_remove_cashbox(self) -> None:
        self.transport.remove_cashbox()

    def _act_replace_cashbox(self) -> None:
        self.transport.replace_cashbox()
        if self._powered:
            self._events.append(b"\xe4")

    def _act_clear_jam(self) -> None:
        self.transport.clear_jam()

    def _act_open_path(self) -> None:
        self._path_open = True

    def _act_close_path(self) -> None:
        self._path_open = False

    def strike(self, name: str, **arguments: object) -> None:
        if name == "reject_note" and arguments.get("reason", "not_recognised") not in REJECTS:
            raise ValueError(f"reason {arguments['reason']!r}: one of {', '.join(REJECTS)}")
        self._armed.strike(name, arguments)

    def heal(self) -> None:
        self._armed.heal()
        self.transport.clear_jam()

    def power(self, on: bool) -> Replies:
        now_ms = self._clock.now_ms()
        self._advance(now_ms)
        if on and not self._powered:
            self._powered = True
            self._boot(now_ms)
        elif not on and self._powered:
            self._off()
            self._powered = False
        return []

    def _off(self) -> None:
        self._side.power_off()

    def _boot(self, now_ms: int) -> None:
        """Start again; a note inside goes somewhere, and the first poll will say where."""
        credited = self.transport.phase is Phase.CREDITED and self._credit_said
        self._wake(now_ms)
        self._deaf_until_ms = now_ms + BOOT_MS
        went = self.transport.restart(escrow_home=self._escrow_home)
        if went is not None:
            where, note = went
            channel = 0 if credited and self._channel_zero else self._channel(note)
            self._events.append(bytes((0xE2 if where == "cashbox" else 0xE1, channel)))
            self.counters["stacked" if where == "cashbox" else "rejected"] += 1

    def state(self) -> Mapping[str, object]:
        return {
            "powered": self._powered,
            "enabled": self._enabled,
            "open_for_notes": self._open_for_notes,
            "inhibits": self._inhibits,
            "phase": self.transport.phase.value,
            "places": self.transport.places(),
            "cashbox_present": self.transport.cashbox_present,
            "counters": dict(self.counters),
            "last_reject": self._last_reject,
            "pushed_back": self.pushed_back,
            "encrypted": self._side.envelope.has_key,
            "repeated_frames": self._side.repeated,
            "armed": self._armed.names(),
        }
