"""The firmware of a simulated CCNET bill validator: states told at each poll, news told until acknowledged.

Bill types are numbered from 0. News (stacked, returned, rejected, cheated) waits at the head of the answers to poll
until the host's ACK comes right after it was told; a NAK brings the last answer again. After power-up the device says
so, with where it found a note, until it is reset.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from drivers.base.clock import Clock
from drivers.note_acceptor.ccnet.framing import Reader, encode
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.note_acceptor.acceptor import NTH, SimAcceptor, faults, named
from drivers.sim.note_acceptor.transport import TICKET, Moment, Note, Phase

ACK, NAK, ILLEGAL = 0x00, 0xFF, 0x30
ANSWER_MS: Final = 8
INITIALISE_MS: Final = 2_000
BOOT_MS: Final = 1_000
ESCROW_MS: Final = 10_000
SEATING_MS: Final = 1_500  # a cassette that was put in is tried: busy
PROGRAM_CRC: Final = 0x5A17C0DE
TICKET_TYPE: Final = 23  # the bill type of bar-coded tickets
FAILURES: Final = (0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x5F)

REASONS: Final = {
    "length": 0x6C, "not_recognised": 0x65, "inhibited": 0x68, "several": 0x66, "insertion": 0x60, "magnetic": 0x61,
    "remained": 0x62, "double": 0x63, "conveying": 0x64, "optic": 0x67, "capacity": 0x69, "operation": 0x6A,
    "host": 0, "timeout": 0, "cannot_stack": 0x64, "ticket": 0x68,
}  # fmt: skip


class SimCcnet(SimAcceptor):
    """`values`: face values in whole units, one bill type each, from type 0; `judged`: see `SimAcceptor`."""

    reasons = REASONS
    acts = named(
        Act("press_on", "The customer holds a second note into the mouth while one is on its way."),
        Act("take_second_note", "The customer takes that second note away."),
    )
    faults: Mapping[str, Fault] = faults(
        Fault("reject_note", "A good note is rejected.", {"reason": f"one of {', '.join(REASONS)}", **NTH}, (65,)),
        Fault("cassette_full", "The cassette says that it is full, until healed.", {}, (71,)),
        Fault("failure", "The device fails, until healed.", {"code": "50 to 56, 5F, hex digits"}, (55,)),
    )

    def __init__(
        self,
        clock: Clock,
        values: tuple[int, ...] = (1, 5, 10, 20, 50, 100),
        country: str = "CHN",
        *,
        part: str = "SM-CN0001",
        serial: str = "21K100000123",
        address: int = 3,
        **machine: Any,
    ) -> None:
        super().__init__(clock, values, country, first=0, **machine)
        self._ident = part.ljust(15).encode()[:15] + serial.ljust(12).encode()[:12] + bytes(7)
        self._address = address
        self._reader = Reader(address)
        self._path_reason = ""
        self._ticket = ""
        self.accepted = 0  # since it left the factory
        self._wake(0x10)

    def _wake(self, code: int) -> None:
        self._starting = code  # 10, 11, 12 until reset; 0 then
        self._ready_ms = 0
        self._busy_until_ms = 0
        self._enabled = 0
        self._escrow_bits = 0
        self._security = bytes(3)
        self._news: deque[bytes] = deque()
        self._told: bytes | None = None  # the news that waits for the host's ACK
        self._last = b""
        self._escrow_until_ms = 0
        self._held_until_ms = 0
        self._from_escrow = False
        self._pressed = False

    def _takes(self, number: int) -> bool:
        return bool(self._enabled >> number & 1)

    def _takes_tickets(self) -> bool:
        return self._takes(TICKET_TYPE)

    def _type(self, note: Note | None) -> int:
        if note is not None and note.quality == TICKET:
            return TICKET_TYPE
        return self._number(note) or 0

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
                self._off()
                self._boot(now_ms)
                return replies
            answer = self._execute(body[0], body[1:], now_ms)
            if self.transport.dead:
                return replies  # the command made the machine move, and the power went
            self._last = encode(answer, self._address)
            replies.append((ANSWER_MS, self._last))
        if self._reader.take_damaged():
            replies.append((ANSWER_MS, encode(bytes((NAK,)), self._address)))
        return replies

    def _on_ack(self) -> None:
        if self._told is not None and self._news and self._news[0] == self._told:
            self._news.popleft()
        self._told = None

    def _instants(self) -> list[int | None]:
        return [*super()._instants(), *([self._escrow_until_ms] if self.transport.phase is Phase.ESCROW else [])]

    def _advance(self, now_ms: int) -> None:
        super()._advance(now_ms)
        if self._powered and self.transport.phase is Phase.ESCROW and now_ms >= self._escrow_until_ms:
            self._give_back("timeout", now_ms)

    def _give_back(self, reason: str, now_ms: int) -> None:
        self._from_escrow = True
        self.transport.reject(reason, now_ms)
        self._hear(now_ms)

    def _notice(self, moment: Moment, now_ms: int) -> None:
        number = self._type(moment.note)
        if moment.what == "recognised":
            self._escrow_until_ms = now_ms + ESCROW_MS
            self._held_until_ms = 0
            self._from_escrow = False
            self._ticket = moment.note.text if moment.note is not None else ""
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
            self.accepted += 1
            if self._armed.fires("event_lost") is None:
                self._news.append(bytes((0x81, number)))
        elif moment.what == "fraud":
            self._news.append(b"\x45")

    # ------------------------------------------------------------ commands

    def _execute(self, code: int, data: bytes, now_ms: int) -> bytes:
        done, illegal = bytes((ACK,)), bytes((ILLEGAL,))
        held = self.transport.phase is Phase.ESCROW
        self._told = None
        if code == 0x33:
            return self._poll(now_ms)
        if code == 0x30:
            if held:
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
            if not held:
                return illegal
            if code == 0x35:
                self.transport.accept(now_ms)
                self._hear(now_ms)
            else:
                self._give_back("host", now_ms)
            return done
        if code == 0x37:
            return self._ident if self._starting or not self._enabled else illegal
        if code == 0x38:
            if not held:
                return illegal
            self._escrow_until_ms = self._held_until_ms = now_ms + ESCROW_MS
            return done
        if code == 0x39 and len(data) == 2:
            return done if data[0] == 1 and 6 <= data[1] <= 18 else illegal
        return self._tell(code) or illegal

    def _tell(self, code: int) -> bytes:
        """Answer a question that changes nothing; empty for what is none."""
        if code == 0x3A:
            return self._ticket.encode()
        if code == 0x41:
            return self._table()
        if code == 0x51:
            return PROGRAM_CRC.to_bytes(4, "big")
        if code == 0x60:
            return self.accepted.to_bytes(4, "big") + bytes(8)
        return b""

    def _table(self) -> bytes:
        table = b""
        for number in range(24):
            value = self._kinds.get(number, (0, ""))[0] // 100
            exponent = 0
            while value and value % 10 == 0:
                value, exponent = value // 10, exponent + 1
            table += bytes((value,)) + (self._currency.encode() if value else b"\0\0\0") + bytes((exponent,))
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
            return b"\x44" if self.transport.jammed_in is Phase.CREDITED else b"\x43"
        if not self.transport.cashbox_present:
            return b"\x42"
        if now_ms < self._busy_until_ms:
            return bytes((0x1B, (self._busy_until_ms - now_ms + 99) // 100))
        if self._pressed:
            return b"\x46"
        if phase is Phase.READING:
            return b"\x15"
        if phase is Phase.ESCROW:
            held = now_ms < self._held_until_ms
            return b"\x1a" if held else bytes((0x80, self._type(self.transport.note)))
        if phase in (Phase.STACKING, Phase.CREDITED):
            return b"\x17"
        if phase is Phase.RETURNING:
            return b"\x18" if self._from_escrow else bytes((0x1C, REASONS[self._path_reason]))
        if self.transport.full or self._armed.look("cassette_full") is not None:
            return b"\x41"
        return b"\x14" if self._enabled else b"\x19"

    @property
    def _open_for_notes(self) -> bool:
        return not self._starting and self._condition(self._clock.now_ms()) == b"\x14"

    # ------------------------------------------------------------ hands, power

    def _pulled(self, note: Note, phase: Phase) -> None:
        if phase is Phase.READING:
            self._news.append(bytes((0x1C, REASONS["remained"])))
        elif phase is Phase.RETURNING and self._from_escrow:
            self._news.append(bytes((0x82, self._type(note))))
        elif phase is not Phase.RETURNING:
            self._news.append(b"\x45")
        self._from_escrow = False

    def _act_press_on(self) -> None:
        if self.transport.phase not in (Phase.STACKING, Phase.CREDITED, Phase.RETURNING):
            raise ValueError("no note is on its way")
        self._pressed = True

    def _act_take_second_note(self) -> None:
        if not self._pressed:
            raise ValueError("nobody holds a second note into the mouth")
        self._pressed = False

    def _act_replace_cashbox(self) -> None:
        super()._act_replace_cashbox()
        self._busy_until_ms = self._clock.now_ms() + SEATING_MS

    def strike(self, name: str, **arguments: object) -> None:
        if name == "failure" and int(str(arguments.get("code", "50")), 16) not in FAILURES:
            raise ValueError(f"code {arguments['code']!r}: one of {', '.join(f'{code:X}' for code in FAILURES)}")
        super().strike(name, **arguments)

    def _off(self) -> None:
        self._reader.abandon()

    def _boot(self, now_ms: int) -> None:
        front, store = self._homes
        went = self.transport.restart(escrow_home=front, store_home=store)
        self._wake(0x10 if went is None else 0x12 if went[0] == "cashbox" else 0x11)
        self._deaf_until_ms = now_ms + BOOT_MS
        if went is not None and went[0] == "cashbox":
            self.accepted += 1

    def state(self) -> Mapping[str, object]:
        return {**super().state(), "starting": self._starting, "enabled": self._enabled, "accepted": self.accepted}
