"""A driver and a simulator on one clock: the smallest wire that keeps order and time."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from drivers.base.clock import SimClock
from drivers.base.driver import Driver, Report
from drivers.sim.device import SimDevice

Tamper = Callable[[int, bytes], bytes]
"""Takes the running number of a chunk and the chunk; returns what arrives of it."""


def untouched(number: int, chunk: bytes) -> bytes:
    return chunk


class TestWire:
    __test__ = False

    def __init__(self, clock: SimClock, driver: Driver, sim: SimDevice) -> None:
        self.clock = clock
        self.driver: Driver = driver
        self.sim: SimDevice = sim
        self.reports: list[Report] = []
        self.to_device: Tamper = untouched
        self.from_device: Tamper = untouched
        self.sent: list[bytes] = []
        self.answered: list[bytes] = []
        self._due: list[tuple[int, int, bytes]] = []
        self._order = 0

    def later(self, replies: list[tuple[int, bytes]]) -> None:
        for delay_ms, chunk in replies:
            self._order += 1
            heapq.heappush(self._due, (self.clock.now_ms() + delay_ms, self._order, chunk))

    def act(self, name: str, **arguments: object) -> None:
        self.later(self.sim.act(name, **arguments))

    def settle(self) -> None:
        """Carry what is to be carried at this instant."""
        for _ in range(1_000):
            reports = self.driver.tick()
            self.reports += reports
            moved = bool(reports)
            if data := self.driver.data_to_send():
                moved = True
                self.sent.append(data)
                self.later(self.sim.receive(self.to_device(len(self.sent) - 1, data)))
            self.later(self.sim.tick())
            while self._due and self._due[0][0] <= self.clock.now_ms():
                moved = True
                chunk = heapq.heappop(self._due)[2]
                self.answered.append(chunk)
                self.reports += self.driver.receive(self.from_device(len(self.answered) - 1, chunk))
            if not moved and not self._is_due():
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
