"""The firmware of a simulated CCNET bill validator: states told at each poll, news told until acknowledged.

Bill types are numbered from 0. News (stacked, returned, rejected) waits at the head of the answers to poll until the
host's ACK comes right after it was told; a NAK brings the last answer again. After power-up the device says so, with
where it found a note, until it is reset.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from drivers.base.clock import Clock
from drivers.note_acceptor.ccnet.framing import Reader, encode
from drivers.sim.armed import ArmedFaults
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.note_acceptor.transport import QUALITIES, Moment, Note, Phase, Transport

ACK, NAK, ILLEGAL = 0x00, 0xFF, 0x30
ANSWER_MS: Final = 8
INITIALISE_MS: Final = 2_000
BOOT_MS: Final = 1_000
ESCROW_MS: Final = 10_000

REASONS: Final = {
    "length": 0x6C, "not_recognised": 0x65, "inhibited": 0x68, "several": 0x66, "insertion": 0x60, "magnetic": 0x61,
    "remained": 0x62, "double": 0x63, "conveying": 0x64, "optic": 0x67, "capacity": 0x69, "operation": 0x6A,
    "host": 0, "timeout": 0, "cannot_stack": 0x64,
}  # fmt: skip

_NTH: Final = {"nth": "n-th occasion from now, 1", "stays": "at each occasion until healed"}


class SimCcnet:
    """`values`: face values in whole units, one bill type each, from type 0; satisfies `SimDevice`."""

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
            Act("remove_cashbox", "A custodian takes the cassette with what is in it."),
            Act("replace_cashbox", "A custodian puts an empty cassette in."),
            Act("clear_jam", "A technician takes a jammed note out of the path."),
        )
    }
    faults: Mapping[str, Fault] = {
        fault.name: fault
        for fault in (
            Fault("jam_reading", "A note jams before it is recognised.", _NTH, (69,)),
            Fault("jam_before_credit", "A note jams on its way to the cassette.", _NTH, (69,)),
            Fault("jam_after_credit", "A note jams just before the cassette.", _NTH, (69,)),
            Fault("string_pulled", "A note is pulled out on a string while it is stacked.", _NTH, (73,)),
            Fault("stack_fails", "The device cannot stack and gives the note back.", _NTH, (71,)),
            Fault("reject_note", "A good note is rejected.", {"reason": "a name of the table", **_NTH}, (65,)),
            Fault("cassette_full", "The cassette says that it is full, until healed.", {}, (71,)),
            Fault("failure", "The device fails, until healed.", {"code": "50 to 5F, hex digits"}, (55,)),
            Fault("event_lost", "A note is stacked and never reported.", _NTH, (74,)),
            Fault("deaf", "A command is not heard.", _NTH),
            Fault("restart", "The device restarts instead of answering a command.", _NTH, (55, 78)),
        )
    }

    def __init__(
        self,
        clock: Clock,
        values: tuple[int, ...] = (1, 5, 10, 20, 50, 100),
        country: str = "CHN",
        *,
        part: str = "SM-CN0001",
        serial: str = "21K100000123",
        address: int = 3,
        cashbox_max: int = 600,
    ) -> None:
        self._clock = clock
        self._types = {number: value * 100 for number, value in enumerate(values)}
        self._country = country
        self._ident = part.ljust(15).encode()[:15] + serial.ljust(12).encode()[:12] + bytes(7)
        self._address = address
        self._armed = ArmedFaults(self.faults)
        self.transport = Transport(self._knows, self._armed, cashbox_max=cashbox_max, currency=country)
        self._reader = Reader(address)
        self.pushed_back = 0
        self._powered = True
        self._deaf_until_ms = 0
        self._path_reason = ""
        self._wake(0x10)

    def _wake(self, code: int) -> None:
        self._starting = code  # 10, 11, 12 until reset; 0 then
        self._ready_ms = 0
        self._enabled = 0
        self._escrow_bits = 0
        self._security = bytes(3)
        self._news: deque[bytes] = deque()
        self._told: bytes | None = None  # the news that waits for the host's ACK
        self._last = b""
        self._escrow_until_ms = 0
        self._held_until_ms = 0
        self._from_escrow = False

    def _knows(self, note: Note) -> bool:
        number = self._type(note)
        return number is not None and bool(self._enabled >> number & 1)

    def _type(self, note: Note | None) -> int | None:
        if note is None or note.currency != self._country:
            return None
        return next((n for n, value in self._types.items() if value == note.value_minor), None)

    # ------------------------------------------------------------ the line

    def receive(self, data: bytes) -> Replies:
        now_ms = self._clock.now_ms()
        self._advance(now_ms)
        if not self._powered or now_ms < self._deaf_until_ms:
            return []
        replies: Replies = []
        for body in self._reader.feed(data):
            if body[0] == ACK:
                self._on_ack()
                continue
            if body[0] == NAK:
                if self._last:
                    replies.append((ANSWER_MS, self._last))
                continue
            if self._armed.fires("deaf") is not None:
                continue
            if self._armed.fires("restart") is not None:
                self._boot(now_ms)
                return replies
            self._last = encode(self._execute(body[0], body[1:], now_ms), self._address)
            replies.append((ANSWER_MS, self._last))
        if self._reader.take_damaged():
            replies.append((ANSWER_MS, encode(bytes((NAK,)), self._address)))
        return replies

    def _on_ack(self) -> None:
        if self._told is not None and self._news and self._news[0] == self._told:
            self._news.popleft()
        self._told = None

    def tick(self) -> Replies:
        self._advance(self._clock.now_ms())
        return []

    def next_deadline_ms(self) -> int | None:
        if not self._powered:
            return None
        instants = [self.transport.next_deadline_ms()]
        if self.transport.phase is Phase.ESCROW:
            instants.append(self._escrow_until_ms)
        return min((at for at in instants if at is not None), default=None)

    def _advance(self, now_ms: int) -> None:
        if not self._powered:
            return
        self.transport.advance(now_ms)
        self._hear(now_ms)
        if self.transport.phase is Phase.ESCROW and now_ms >= self._escrow_until_ms:
            self._from_escrow = True
            self.transport.reject("timeout", now_ms)
            self._hear(now_ms)

    def _hear(self, now_ms: int) -> None:
        moments, self.transport.moments = self.transport.moments, []
        for moment in moments:
            self._notice(moment, now_ms)

    def _notice(self, moment: Moment, now_ms: int) -> None:
        number = self._type(moment.note) or 0
        if moment.what == "recognised":
            self._escrow_until_ms = now_ms + ESCROW_MS
            self._held_until_ms = 0
            self._from_escrow = False
            if not self._escrow_bits >> number & 1:
                self.transport.accept(now_ms)
        elif moment.what == "rejecting":
            self._path_reason = moment.reason
            if not self._from_escrow:
                self._news.append(bytes((0x1C, REASONS[moment.reason])))
        elif moment.what == "rejected" and self._from_escrow:
            self._from_escrow = False
            self._news.append(bytes((0x82, number)))
        elif moment.what == "stored":
            if self._armed.fires("event_lost") is None:
                self._news.append(bytes((0x81, number)))
        elif moment.what == "fraud":
            self._news.append(b"\x45")

    # ------------------------------------------------------------ commands

    def _execute(self, code: int, data: bytes, now_ms: int) -> bytes:
        done, illegal = bytes((ACK,)), bytes((ILLEGAL,))
        phase = self.transport.phase
        self._told = None
        if code == 0x33:
            return self._poll(now_ms)
        if code == 0x30:
            if phase is Phase.ESCROW:
                self.transport.reject("host", now_ms)
                self.transport.moments.clear()
            self._wake(0)
            self._ready_ms = now_ms + INITIALISE_MS
            return done
        if code == 0x31:
            return self._enabled.to_bytes(3, "big") + self._security
        if code == 0x32 and len(data) == 3:
            self._security = data
            return done
        if code == 0x34 and len(data) == 6:
            if self._starting or now_ms < self._ready_ms:
                return illegal
            self._enabled = int.from_bytes(data[:3], "big")
            self._escrow_bits = int.from_bytes(data[3:], "big")
            return done
        if code in (0x35, 0x36):
            if phase is not Phase.ESCROW:
                return illegal
            if code == 0x35:
                self.transport.accept(now_ms)
            else:
                self._from_escrow = True
                self.transport.reject("host", now_ms)
                self._hear(now_ms)
            return done
        if code == 0x37:
            return self._ident if self._starting or not self._enabled else illegal
        if code == 0x38:
            if phase is not Phase.ESCROW:
                return illegal
            self._escrow_until_ms = self._held_until_ms = now_ms + ESCROW_MS
            return done
        if code == 0x41:
            return self._table()
        return illegal

    def _table(self) -> bytes:
        table = b""
        for number in range(24):
            value = self._types.get(number, 0) // 100
            exponent = 0
            while value and value % 10 == 0:
                value, exponent = value // 10, exponent + 1
            table += bytes((value,)) + (self._country.encode() if value else b"\0\0\0") + bytes((exponent,))
        return table

    def _poll(self, now_ms: int) -> bytes:
        if self._starting:
            return bytes((self._starting,))
        if now_ms < self._ready_ms:
            return b"\x13"
        if self._news:
            self._told = self._news[0]
            return self._news[0]
        return self._condition(now_ms)

    def _condition(self, now_ms: int) -> bytes:
        phase = self.transport.phase
        failure = self._armed.look("failure")
        if failure is not None:
            return bytes((0x47, int(str(failure.get("code", "50")), 16)))
        if phase is Phase.JAMMED:
            return b"\x43"
        if not self.transport.cashbox_present:
            return b"\x42"
        if phase is Phase.READING:
            return b"\x15"
        if phase is Phase.ESCROW:
            held = now_ms < self._held_until_ms
            return b"\x1a" if held else bytes((0x80, self._type(self.transport.note) or 0))
        if phase in (Phase.STACKING, Phase.CREDITED):
            return b"\x17"
        if phase is Phase.RETURNING:
            return b"\x18" if self._from_escrow else bytes((0x1C, REASONS[self._path_reason]))
        if self.transport.full or self._armed.look("cassette_full") is not None:
            return b"\x41"
        return b"\x14" if self._enabled else b"\x19"

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
        self._hear(self._clock.now_ms())
        return []

    def _act_insert_note(self, value: Any = 0, quality: Any = "good", currency: Any = None) -> None:
        if quality not in QUALITIES:
            raise ValueError(f"quality {quality!r}: one of {', '.join(QUALITIES)}")
        if not self._powered or self._starting or self._condition(self._clock.now_ms()) != b"\x14":
            self.pushed_back += 1
            return
        worth = 0 if quality == "paper" else int(value) * 100
        self.transport.insert(
            Note(worth, str(currency or self._country), str(quality)), self._clock.now_ms()
        )

    def _act_pull_note_back(self) -> None:
        phase = self.transport.phase
        note = self.transport.pull_back()
        if not self._powered:
            return
        if phase is Phase.READING:
            self._news.append(bytes((0x1C, REASONS["remained"])))
        elif phase is Phase.RETURNING and self._from_escrow:
            self._news.append(bytes((0x82, self._type(note) or 0)))
        elif phase is not Phase.RETURNING:
            self._news.append(b"\x45")
        self._from_escrow = False

    def _act_take_note(self) -> None:
        self.transport.take()

    def _act_remove_cashbox(self) -> None:
        self.transport.remove_cashbox()

    def _act_replace_cashbox(self) -> None:
        self.transport.replace_cashbox()

    def _act_clear_jam(self) -> None:
        self.transport.clear_jam()

    def strike(self, name: str, **arguments: object) -> None:
        if name == "reject_note" and arguments.get("reason", "not_recognised") not in REASONS:
            raise ValueError(f"reason {arguments['reason']!r}: one of {', '.join(REASONS)}")
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
        elif not on:
            self._powered = False
        return []

    def _boot(self, now_ms: int) -> None:
        self._reader.abandon()
        went = self.transport.restart()
        self._wake(0x10 if went is None else 0x12 if went[0] == "cashbox" else 0x11)
        self._deaf_until_ms = now_ms + BOOT_MS

    def state(self) -> Mapping[str, object]:
        return {
            "powered": self._powered,
            "starting": self._starting,
            "enabled": self._enabled,
            "phase": self.transport.phase.value,
            "places": self.transport.places(),
            "cashbox_present": self.transport.cashbox_present,
            "pushed_back": self.pushed_back,
            "armed": self._armed.names(),
        }
