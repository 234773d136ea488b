"""A terminal's link to a bank in the same process, on the bank's clock: no socket, no thread, no waiting.

It has the face of a host link (`connection`, `write`, `read_available`, `next_deadline_ms`, `close`) and holds
the answers until their delay has passed, so that a rehearsal may jump from deadline to deadline.
"""

from __future__ import annotations

from heapq import heappop, heappush

from kiosk.bank.bank import Bank
from kiosk.bank.personality import Personality
from kiosk.bank.server import BankSession, Replies


class MemoryLink:
    """Connects to `bank` at once, and again `back_off_ms` after a break or as soon as the line is up."""

    def __init__(self, bank: Bank, personality: Personality | None = None, *, back_off_ms: int = 1_000) -> None:
        self._bank = bank
        self._clock = bank.clock
        self.personality = personality or Personality(bank.clock)
        self._back_off_ms = back_off_ms
        self._session: BankSession | None = None
        self._number = 0
        self._again_ms = 0
        self._sent = 0
        self._coming: list[tuple[int, int, bytes]] = []
        self._closed = False

    @property
    def session(self) -> BankSession | None:
        """The bank's end of the present connection."""
        return self._session

    @property
    def connection(self) -> int:
        """The number of the present connection; 0 while there is none and all that came was read."""
        if self._session is not None:
            if self._session.link_up:
                return self._number
            self._end(keep_arrived=True)
        now = self._clock.now_ms()
        if self._session is None and not self._coming and not self._closed:
            if now < self._again_ms or not self.personality.link_up:
                return 0
            self._session = BankSession(self._bank, self.personality)
            self._number += 1
        return self._number if self._session is not None or self._coming else 0

    def write(self, data: bytes) -> None:
        if self._session is not None:
            self._queue(self._session.receive(data))

    def read_available(self) -> bytes:
        now = self._clock.now_ms()
        if self._session is not None:
            replies = self._session.tick()
            if replies:
                self._queue(replies)
        if not self._coming:
            return b""
        arrived = []
        while self._coming and self._coming[0][0] <= now:
            arrived.append(heappop(self._coming)[2])
        return b"".join(arrived)

    def next_deadline_ms(self) -> int | None:
        soonest = self._coming[0][0] if self._coming else None
        due = None
        if self._session is not None:
            due = self._session.next_deadline_ms()
        elif not self._closed:
            due = max(self._again_ms, self.personality.down_until_ms)
        if soonest is None or due is None:
            return due if soonest is None else soonest
        return min(soonest, due)

    def drop(self) -> None:
        """Break the present connection; a new one follows."""
        self._end(keep_arrived=False)

    def close(self) -> None:
        self._closed = True
        self._end(keep_arrived=False)

    def _queue(self, replies: Replies) -> None:
        now = self._clock.now_ms()
        for delay_ms, raw in replies:
            self._sent += 1
            heappush(self._coming, (now + delay_ms, self._sent, raw))

    def _end(self, *, keep_arrived: bool) -> None:
        now = self._clock.now_ms()
        self._session = None
        self._again_ms = now + self._back_off_ms
        self._coming = [a for a in self._coming if keep_arrived and a[0] <= now]
