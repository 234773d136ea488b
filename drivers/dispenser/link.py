"""The line discipline of the Puloon LCDM dispensers: one exchange at a time, from command to closing.

    QUEUED --bytes out--> SENT --ACK--> WORKING --response, host ACKs--> CLOSING --EOT or pause--> IDLE
                           |               |
       NCK: DENIED, then send again,       damaged: host NCKs, device repeats, at most 3 times
       3 times in all
       silence, SAFE: send again           silence: SAFE: send again; ONCE: ended, unknown
       silence, ONCE: go on as WORKING, unacknowledged

Rules that keep money safe
- A ONCE command is sent a second time only when the device itself said NCK: then it did not take it. Silence
  after it says nothing (its ACK may be what was lost), so the response is awaited to the end.
- NCK is not believed at once: it may be the echo of an earlier one while the frame after that was taken. An
  ACK or a response behind it wins; only when silence follows is the command said again, or given up. Once
  more NCKs came than frames went out, nobody knows which was meant: a ONCE command is then waited for.
- Every response is acknowledged, also one that nobody waits for (its ACK was lost and it comes again); the
  latter is counted in `late` and not believed.
- A response that comes *before* the ACK of its own command is believed only if it cannot be a repetition of
  the one before: either that exchange was seen to close, or it had another CMD.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.base.clock import Clock
from drivers.base.vocabulary import Repeat
from drivers.dispenser.commands import Order
from drivers.dispenser.framing import ACK, NCK, Frame, Framing, ResponseReader, Signal

_ACK_BYTE: Final = bytes((ACK,))
_NCK_BYTE: Final = bytes((NCK,))
NCKS_MAX: Final = 3  # a device repeats a response three times, then it stops [S]


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """Limits of the line.

    ack_within_ms: the maker's 500 ms and the time 22 bytes take at 9600 bit/s.
    again_after_ms: from NCK to saying it again; longer than the 200 ms after which a device forgets half a
        frame, and than an echo of that NCK.
    tries: how often a command is said in all.
    eot_within_ms: how long the closing EOT is waited for.
    pause_ms: between our ACK and the next command where no EOT closes an exchange; ours, a kindness.
    gap_ms: a response that pauses longer is damaged.
    repeat_within_ms: how long a repetition that was asked for may take.
    """

    ack_within_ms: int = 550
    again_after_ms: int = 250
    tries: int = 3
    eot_within_ms: int = 300
    pause_ms: int = 50
    gap_ms: int = 300
    repeat_within_ms: int = 10_000


class End(Enum):
    ANSWERED = "answered"
    REFUSED = "refused"  # NCK to every try: the device never took the command
    SILENT = "silent"  # nothing that can be believed came back


@dataclass(frozen=True, slots=True)
class Ended:
    """How an exchange ended: `body` of the (last) response, or b""; `why` for the technician."""

    end: End
    body: bytes = b""
    why: str = ""


class _Phase(Enum):
    IDLE = "idle"
    QUEUED = "queued"
    DENIED = "denied"  # NCK came; is it the last word?
    SENT = "sent"
    WORKING = "working"
    CLOSING = "closing"


class Link:
    """One exchange at a time over `framing`. `closes_with_eot`: the LCDM-4000's last byte."""

    def __init__(self, clock: Clock, framing: Framing, timing: LinkTiming, *, closes_with_eot: bool) -> None:
        self.late = 0
        self._clock = clock
        self._framing = framing
        self._timing = timing
        self._closing_ms = timing.eot_within_ms if closes_with_eot else timing.pause_ms
        self._reader = ResponseReader(framing)
        self._phase = _Phase.IDLE
        self._order: Order | None = None
        self._frame = b""
        self._outbox = b""
        self._tries = 0
        self._ncks = 0
        self._responses = 0
        self._sent = False
        self._acknowledged = False
        self._echoed = False  # more NCKs came than frames went out
        self._deadline_ms: int | None = None
        self._respond_by_ms = 0
        self._gap_ms: int | None = None
        self._unclosed: int | None = None

    @property
    def discarded(self) -> int:
        return self._reader.discarded

    @property
    def sent(self) -> bool:
        """Whether bytes of the exchange in hand have gone out."""
        return self._sent

    @property
    def unclosed(self) -> int | None:
        """CMD of the exchange before this one, unless it was seen to close."""
        return self._unclosed

    def start(self, order: Order, data: bytes = b"") -> None:
        """Begin an exchange; its bytes go out as soon as the one before has closed."""
        self._order = order
        self._frame = self._framing.command(order.code, data)
        self._tries = self._ncks = self._responses = 0
        self._sent = self._acknowledged = self._echoed = False
        if self._phase is not _Phase.CLOSING:
            self._queue()

    def stop(self) -> None:
        """Forget everything: the line is gone."""
        self._reader.abandon()
        self._phase = _Phase.IDLE
        self._order = None
        self._outbox = b""
        self._deadline_ms = self._gap_ms = None
        self._unclosed = None

    def data_to_send(self) -> bytes:
        data, self._outbox = self._outbox, b""
        if self._phase is _Phase.QUEUED and self._order is not None:
            now_ms = self._clock.now_ms()
            data += self._frame
            self._sent = True
            self._tries += 1
            self._respond_by_ms = now_ms + self._order.reply_within_ms
            self._enter(_Phase.SENT, now_ms + self._timing.ack_within_ms)
        return data

    def next_deadline_ms(self) -> int | None:
        if self._gap_ms is None:
            return self._deadline_ms
        return self._gap_ms if self._deadline_ms is None else min(self._gap_ms, self._deadline_ms)

    def receive(self, data: bytes) -> Ended | None:
        """Take bytes; return how the exchange ended, if it did."""
        ended: Ended | None = None
        for item in self._reader.feed(data):
            if isinstance(item, Frame):
                ended = self._on_response(item) or ended
            elif item is Signal.DAMAGED:
                ended = self._on_damaged() or ended
            else:
                ended = self._on_signal(item) or ended
        self._gap_ms = self._clock.now_ms() + self._timing.gap_ms if self._reader.pending else None
        return ended

    def tick(self) -> Ended | None:
        """Act on limits that have passed; return how the exchange ended, if it did."""
        now_ms = self._clock.now_ms()
        if self._gap_ms is not None and now_ms >= self._gap_ms:
            self._gap_ms = None
            self._reader.abandon()
            ended = self._on_damaged()
            if ended is not None:
                return ended
        if self._deadline_ms is None or now_ms < self._deadline_ms:
            return None
        if self._phase is _Phase.CLOSING:
            self._closed(cleanly=False)
            return None
        if self._phase is _Phase.DENIED and self._order is not None:
            if self._tries < self._timing.tries:
                self._queue()
                return None
            if self._echoed and self._order.repeat is Repeat.ONCE:
                self._enter(_Phase.WORKING, self._respond_by_ms)
                return None
            return self._end(Ended(End.REFUSED, why=f"{self._order.name}: NCK to {self._tries} tries"))
        return self._on_silence()

    # ------------------------------------------------------------ inside

    def _enter(self, phase: _Phase, deadline_ms: int | None) -> None:
        self._phase = phase
        self._deadline_ms = deadline_ms

    def _queue(self) -> None:
        self._reader.abandon()  # what is left of before cannot belong to what comes
        self._gap_ms = None
        self._enter(_Phase.QUEUED, None)

    def _on_signal(self, signal: Signal) -> Ended | None:
        if signal is Signal.EOT:
            if self._phase is _Phase.CLOSING:
                self._closed(cleanly=True)
            return None
        if self._phase not in (_Phase.SENT, _Phase.DENIED) or self._order is None:
            return None
        if signal is Signal.ACK:
            self._acknowledged = True
            self._enter(_Phase.WORKING, self._respond_by_ms)
        elif self._phase is _Phase.SENT:
            last = self._tries >= self._timing.tries
            wait_ms = self._timing.ack_within_ms if last else self._timing.again_after_ms
            self._enter(_Phase.DENIED, self._clock.now_ms() + wait_ms)
        else:
            self._echoed = True
        return None

    def _on_response(self, frame: Frame) -> Ended | None:
        self._outbox += _ACK_BYTE
        order = self._order
        waiting = self._phase in (_Phase.SENT, _Phase.DENIED, _Phase.WORKING)
        if order is None or not waiting or frame.cmd != order.code:
            self.late += 1
            if self._phase is _Phase.CLOSING:
                self._deadline_ms = self._clock.now_ms() + self._closing_ms
            return None
        if not self._acknowledged and frame.cmd == self._unclosed:
            self.late += 1
            return None
        self._responses += 1
        if self._responses < order.responses or order.responses == 0:
            self._acknowledged = True
            self._enter(_Phase.WORKING, self._respond_by_ms)
            return None
        return self._end(Ended(End.ANSWERED, frame.data), closing=True)

    def _on_damaged(self) -> Ended | None:
        if self._phase is _Phase.CLOSING:
            self._outbox += _ACK_BYTE  # a repetition of what we have: let the device stop
            return None
        if self._phase not in (_Phase.SENT, _Phase.DENIED, _Phase.WORKING) or self._order is None:
            return None
        if self._ncks >= NCKS_MAX:
            return self._on_silence()
        self._ncks += 1
        self._outbox += _NCK_BYTE
        self._respond_by_ms = min(self._respond_by_ms, self._clock.now_ms() + self._timing.repeat_within_ms)
        self._enter(_Phase.WORKING, self._respond_by_ms)
        return None

    def _on_silence(self) -> Ended | None:
        order = self._order
        if order is None:
            return None
        if order.responses == 0:
            return self._end(Ended(End.ANSWERED))
        if order.repeat is Repeat.SAFE and self._tries < self._timing.tries:
            self._queue()
            return None
        if self._phase is _Phase.SENT and order.repeat is Repeat.ONCE:
            self._enter(_Phase.WORKING, self._respond_by_ms)
            return None
        if self._responses:  # a reset that gave one of its two responses
            return self._end(Ended(End.ANSWERED))
        heard = "taken, then no response" if self._acknowledged else "no ACK and no response"
        return self._end(Ended(End.SILENT, why=f"{order.name}: {heard}"))

    def _end(self, ended: Ended, *, closing: bool = False) -> Ended:
        code = self._order.code if self._order is not None else None
        self._order = None
        self._unclosed = code
        if closing:
            self._enter(_Phase.CLOSING, self._clock.now_ms() + self._closing_ms)
        else:
            self._enter(_Phase.IDLE, None)
        return ended

    def _closed(self, *, cleanly: bool) -> None:
        if cleanly:
            self._unclosed = None
        self._enter(_Phase.IDLE, None)
        if self._order is not None:
            self._queue()
