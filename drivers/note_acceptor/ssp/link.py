"""The line discipline of SSP: one exchange at a time, the same frame again until it is answered.

    IDLE --frame out--> WAITING --reply with our flag--> IDLE, flag turned
                          | silence 1 s: the very same bytes again, `tries` times in all; then SILENT

A reply is believed only if it carries our address and the flag of the frame that waits. With frames neither lost
for ever nor overtaking one another this is the alternating-bit protocol: each command is carried out once, each
reply belongs to its command, whatever is lost, damaged or doubled between. What it does not cover is a device
that restarts (it forgets the flag): that shows as SLAVE RESET in the next poll.

SYNC has flag 1 by definition and the next command flag 0. An older reply with flag 1 may still be on its way
when SYNC goes out, so SYNC is believed only when it is answered by a bare OK and nothing follows for
`settle_ms`; a reply that comes in that time starts the wait again.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.clock import Clock
from drivers.base.errors import RemoteProtocolError
from drivers.note_acceptor.exchange import End, Ended, Order
from drivers.note_acceptor.ssp.commands import OK, REPLIES, REPLY_WITHIN_MS, SYNC
from drivers.note_acceptor.ssp.essp import STEX, SecureChannel
from drivers.note_acceptor.ssp.framing import Frame, Reader, encode


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """Limits of the line.

    reply_within_ms, tries: the maker's 1 s and 20 times.
    settle_ms: how long after SYNC an older reply may still come in; ours.
    """

    reply_within_ms: int = REPLY_WITHIN_MS
    tries: int = 20
    settle_ms: int = 50


class Link:
    """One device at one address."""

    def __init__(self, clock: Clock, timing: LinkTiming, address: int = 0) -> None:
        self.channel: SecureChannel | None = None
        self.late = 0  # replies nobody waited for, or that could not be believed
        self._clock = clock
        self._timing = timing
        self._address = address
        self._reader = Reader()
        self._sequence = True
        self._order: Order | None = None
        self._sealed = False
        self._frame = b""
        self._outbox = b""
        self._tries = 0
        self._deadline_ms: int | None = None
        self._settled: Ended | None = None

    @property
    def discarded(self) -> int:
        return self._reader.discarded

    @property
    def sent(self) -> bool:
        """Whether bytes of the exchange in hand have gone out."""
        return self._order is not None and not self._outbox

    def start(self, order: Order, data: bytes = b"") -> None:
        """Begin an exchange; its bytes are ready at once."""
        content = bytes((order.code,)) + data
        self._sealed = self.channel is not None and not order.clear
        if self._sealed and self.channel is not None:
            content = self.channel.seal(content)
        self._sequence = True if order is SYNC else not self._sequence
        self._order = order
        self._tries = 0
        self._settled = None
        self._frame = encode(Frame(self._sequence, self._address, content))
        self._say()

    def stop(self) -> None:
        """Forget everything: the line is gone."""
        self._reader.abandon()
        self._order = None
        self._outbox = b""
        self._deadline_ms = None
        self._settled = None
        self.channel = None

    def data_to_send(self) -> bytes:
        data, self._outbox = self._outbox, b""
        if data:
            self._deadline_ms = self._clock.now_ms() + self._timing.reply_within_ms
        return data

    def next_deadline_ms(self) -> int | None:
        return self._deadline_ms

    def receive(self, data: bytes) -> Ended | None:
        """Take bytes; return how the exchange ended, if it did."""
        ended = None
        for frame in self._reader.feed(data):
            ended = self._on_frame(frame) or ended
        return ended

    def tick(self) -> Ended | None:
        """Act on limits that have passed; return how the exchange ended, if it did."""
        if self._order is None or self._deadline_ms is None or self._clock.now_ms() < self._deadline_ms:
            return None
        if self._settled is not None:
            return self._end(self._settled)
        if self._tries < self._timing.tries:
            self._reader.abandon()
            self._say()
            return None
        return self._end(Ended(End.SILENT, why=f"{self._order.name}: no reply to {self._tries} tries"))

    # ------------------------------------------------------------ inside

    def _say(self) -> None:
        self._outbox = self._frame
        self._tries += 1
        self._deadline_ms = None

    def _on_frame(self, frame: Frame) -> Ended | None:
        fits = frame.address == self._address and frame.sequence == self._sequence
        if self._order is None or not fits or self._outbox:
            self.late += 1
            return None
        content = frame.data
        if self._sealed and self.channel is not None and content[0] == STEX:
            try:
                content = self.channel.open(content)
            except RemoteProtocolError:
                content = b""
        elif self._sealed and content[0] == OK:
            content = b""  # only a refusal may come in clear: an OK in clear is not from a device with our key
        if not content:
            self.late += 1
            return None
        code = content[0]
        ended = Ended(
            End.ANSWERED, code, content[1:], ok=code == OK, why=REPLIES.get(code, f"reply {code:02X}")
        )
        if self._order is not SYNC:
            return self._end(ended)
        if ended.ok and not ended.data:
            self._settled = ended
        if self._settled is not None:
            self._deadline_ms = self._clock.now_ms() + self._timing.settle_ms
        return None

    def _end(self, ended: Ended) -> Ended:
        self._order = None
        self._deadline_ms = None
        return ended
