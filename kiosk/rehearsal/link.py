"""The host line in a rehearsal: the bank's end in memory, on the clock, with its faults."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from drivers.base.clock import Clock
from kiosk.bank.bank import Bank
from kiosk.bank.personality import Personality
from kiosk.bank.server import BankSession

LATENCY_MS: Final = 20  # each way
RECONNECT_MS: Final = 1_000

Observer = Callable[[int, Literal["to_host", "from_host"], bytes], None]


class MemoryLink:
    """A `Link` straight into the bank. A new connection is a new session with the same personality."""

    def __init__(self, clock: Clock, bank: Bank, observer: Observer | None = None) -> None:
        self._clock = clock
        self._bank = bank
        self._observer = observer
        self.personality = Personality(clock)
        self._session: BankSession | None = None
        self._connections = 0
        self._retry_at_ms = 0
        self._going: deque[tuple[int, bytes]] = deque()
        self._coming: list[tuple[int, bytes]] = []

    @property
    def connection(self) -> int:
        self._work()
        return self._connections if self._session else 0

    def write(self, data: bytes) -> None:
        if self._observer:
            self._observer(self._clock.now_ms(), "to_host", data)
        if self._session:
            self._going.append((self._clock.now_ms() + LATENCY_MS, data))

    def read_available(self) -> bytes:
        self._work()
        now = self._clock.now_ms()
        data = b"".join(raw for due, raw in self._coming if due <= now)
        self._coming = [(due, raw) for due, raw in self._coming if due > now]
        if data and self._observer:
            self._observer(now, "from_host", data)
        return data

    def next_deadline_ms(self) -> int | None:
        if self._session is None:
            return max(self._retry_at_ms, self.personality.down_until_ms)
        instants = [due for due, _ in self._coming]
        if self._going:
            instants.append(self._going[0][0])
        own = self._session.next_deadline_ms()
        if own is not None:
            instants.append(own)
        return min(instants, default=None)

    def drop(self) -> None:
        """End the connection from the terminal's side: what is on its way is lost."""
        self._session = None
        self._going.clear()
        self._coming.clear()
        self._retry_at_ms = self._clock.now_ms() + RECONNECT_MS

    def close(self) -> None:
        self.drop()

    def _work(self) -> None:
        now = self._clock.now_ms()
        if self._session is None:
            if now >= self._retry_at_ms and self.personality.link_up:
                self._session = BankSession(self._bank, self.personality)
                self._connections += 1
            return
        while self._going and self._going[0][0] <= now:
            self._answer(self._session.receive(self._going.popleft()[1]))
        self._answer(self._session.tick())
        if not self._session.link_up and not any(due <= now for due, _ in self._coming):
            self.drop()

    def _answer(self, replies: list[tuple[int, bytes]]) -> None:
        now = self._clock.now_ms()
        self._coming += [(now + delay + LATENCY_MS, raw) for delay, raw in replies if raw]
        self._coming.sort(key=lambda item: item[0])
