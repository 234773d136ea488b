"""The line discipline of CCNET: command, answer, our ACK to an answer that carries something.

    IDLE --quiet, frame out--> WAITING --answer of the right shape--> (ACK out) IDLE
                                 | damaged answer with data: NAK out, the device repeats it
                                 | NAK: the device took nothing; say it again
                                 | silence: SAFE said again, ONCE ends SILENT at once

There is no sequence number. What keeps answers and questions together is their shape: STACK and RETURN are answered
by ACK alone, which no poll is, and polls by a state. An answer that comes when none is awaited is dropped without
ACK; a device that is not acknowledged tells its news again at the next poll.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.clock import Clock
from drivers.base.vocabulary import Repeat
from drivers.note_acceptor.ccnet.commands import ACK, ANSWER_BYTES, ILLEGAL, NAK, POLL, STATES, WITH_ARGUMENT
from drivers.note_acceptor.ccnet.framing import Reader, encode
from drivers.note_acceptor.exchange import End, Ended, Order


@dataclass(frozen=True, slots=True)
class CcnetTiming:
    """Limits of the line.

    reply_within_ms: 10 ms by the maker, and what adapters add to it.
    quiet_ms: between two exchanges.
    tries: how often a SAFE command is said in all; five seconds of silence mean a lost device.
    naks: how often a damaged answer is asked for again.
    """

    reply_within_ms: int = 250
    quiet_ms: int = 20
    tries: int = 20
    naks: int = 3


class CcnetLink:
    """One validator at one address."""

    def __init__(self, clock: Clock, timing: CcnetTiming, address: int) -> None:
        self.late = 0  # answers nobody waited for
        self._clock = clock
        self._timing = timing
        self._address = address
        self._reader = Reader(address)
        self._order: Order | None = None
        self._frame = b""
        self._outbox = b""
        self._queued = False
        self._sent = False
        self._tries = 0
        self._naks = 0
        self._quiet_until_ms = 0
        self._deadline_ms: int | None = None

    @property
    def discarded(self) -> int:
        return self._reader.discarded

    @property
    def sent(self) -> bool:
        return self._order is not None and self._sent

    def start(self, order: Order, data: bytes = b"") -> None:
        self._order = order
        self._frame = encode(bytes((order.code,)) + data, self._address)
        self._tries = self._naks = 0
        self._sent = False
        self._queue()

    def stop(self) -> None:
        self._reader.abandon()
        self._order = None
        self._outbox = b""
        self._queued = False
        self._deadline_ms = None

    def data_to_send(self) -> bytes:
        data, self._outbox = self._outbox, b""
        now_ms = self._clock.now_ms()
        if self._queued and now_ms >= self._quiet_until_ms:
            data += self._frame
            self._queued = False
            self._sent = True
            self._tries += 1
            self._deadline_ms = now_ms + self._timing.reply_within_ms
        return data

    def next_deadline_ms(self) -> int | None:
        return self._quiet_until_ms if self._queued else self._deadline_ms

    def receive(self, data: bytes) -> Ended | None:
        ended = None
        for body in self._reader.feed(data):
            ended = self._on_body(body) or ended
        if self._reader.take_damaged():
            self._on_damaged()
        return ended

    def tick(self) -> Ended | None:
        if self._order is None or self._deadline_ms is None or self._clock.now_ms() < self._deadline_ms:
            return None
        if self._reader.pending:
            self._reader.abandon()
        return self._again_or_silent(self._order)

    # ------------------------------------------------------------ inside

    def _queue(self) -> None:
        self._queued = True
        self._deadline_ms = None

    def _again_or_silent(self, order: Order) -> Ended | None:
        if order.repeat is Repeat.SAFE and self._tries < self._timing.tries:
            self._hush()
            self._queue()
            return None
        return self._end(Ended(End.SILENT, why=f"{order.name}: no answer to {self._tries} tries"))

    def _on_body(self, body: bytes) -> Ended | None:
        order = self._order
        if order is None or self._queued or not _fits(order, body):
            self.late += 1
            return None
        if body == bytes((NAK,)):
            if self._tries < self._timing.tries:
                self._hush()
                self._queue()
                return None
            return self._end(Ended(End.ANSWERED, NAK, why="NAK"))
        if body == bytes((ILLEGAL,)):
            return self._end(Ended(End.ANSWERED, ILLEGAL, why="illegal command"))
        if order is POLL or order.code in ANSWER_BYTES:
            self._outbox += encode(bytes((ACK,)), self._address)
        return self._end(Ended(End.ANSWERED, body[0], body[1:], ok=True, why=STATES.get(body[0], "ACK")))

    def _on_damaged(self) -> None:
        order = self._order
        with_data = order is not None and (order is POLL or order.code in ANSWER_BYTES)
        if with_data and not self._queued and self._naks < self._timing.naks:
            self._naks += 1
            self._outbox += encode(bytes((NAK,)), self._address)
            self._deadline_ms = self._clock.now_ms() + self._timing.reply_within_ms

    def _end(self, ended: Ended) -> Ended:
        self._order = None
        self._deadline_ms = None
        self._hush()
        return ended

    def _hush(self) -> None:
        self._quiet_until_ms = self._clock.now_ms() + self._timing.quiet_ms


def _fits(order: Order, body: bytes) -> bool:
    """Return whether `body` can be the answer to `order`."""
    if len(body) == 1 and body[0] in (NAK, ILLEGAL):
        return True
    if order is POLL:
        return body[0] in STATES and len(body) == 1 + (body[0] in WITH_ARGUMENT)
    if order.code in ANSWER_BYTES:
        return len(body) == ANSWER_BYTES[order.code]
    return body == bytes((ACK,))
