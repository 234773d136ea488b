"""A driver and a simulator on one clock: the smallest wire that keeps order and time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from drivers.base.clock import SimClock
from drivers.base.driver import Report
from drivers.card_reader.driver import Omron3S4YR, Settings
from drivers.sim.card_reader import Delays, SimOmron3S4YR

Tamper = Callable[[int, bytes], bytes]
"""Takes the running number of a chunk and the chunk; returns what arrives of it."""


def untouched(number: int, chunk: bytes) -> bytes:
    return chunk


class Bench:
    def __init__(self, settings: Settings | None = None, **sim: Any) -> None:
        self.clock = SimClock()
        self.driver = Omron3S4YR(self.clock, settings)
        self.sim = SimOmron3S4YR(self.clock, Delays(), **sim)
        self.reports: list[Report] = []
        self.to_device: Tamper = untouched
        self.from_device: Tamper = untouched
        self.sent: list[bytes] = []
        self.answered: list[bytes] = []
        self._due: list[tuple[int, int, bytes]] = []
        self._order = 0

    def _later(self, replies: list[tuple[int, bytes]]) -> None:
        for delay_ms, chunk in replies:
            self._order += 1
            heapq.heappush(self._due, (self.clock.now_ms() + delay_ms, self._order, chunk))

    def act(self, name: str, **arguments: object) -> None:
        self._later(self.sim.act(name, **arguments))

    def settle(self) -> None:
        """Carry what is to be carried at this instant."""
        for _ in range(1_000):
            moved = False
            if data := self.driver.data_to_send():
                moved = True
                self.sent.append(data)
                self._later(self.sim.receive(self.to_device(len(self.sent) - 1, data)))
            self._later(self.sim.tick())
            while self._due and self._due[0][0] <= self.clock.now_ms():
                moved = True
                chunk = heapq.heappop(self._due)[2]
                self.answered.append(chunk)
                self.reports += self.driver.receive(self.from_device(len(self.answered) - 1, chunk))
            reports = self.driver.tick()
            self.reports += reports
            if not moved and not reports and not self._is_due():
                return
        raise AssertionError("the two do not come to rest within one instant")

    def _is_due(self) -> bool:
        instants = (self.driver.next_deadline_ms(), self.sim.next_deadline_ms())
        return any(instant is not None and instant <= self.clock.now_ms() for instant in instants)

    def run(self, for_ms: int) -> list[Report]:
        """Let `for_ms` pass; return what was reported in it."""
        end_ms = self.clock.now_ms() + for_ms
        first = len(self.reports)
        self.settle()
        while True:
            instants = [self.driver.next_deadline_ms(), self.sim.next_deadline_ms()]
            if self._due:
                instants.append(self._due[0][0])
            coming = [instant for instant in instants if instant is not None]
            if not coming or min(coming) > end_ms:
                self.clock.move_to(end_ms)
                self.settle()
                return self.reports[first:]
            self.clock.move_to(max(min(coming), self.clock.now_ms()))
            self.settle()
