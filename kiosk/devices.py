"""The device desk: drivers on their lines, one command in flight each, commands waiting in order.

The same desk serves simulators in memory, pseudo-terminals and real ports: a line is anything that reads and writes
bytes. `pump` moves what is there and returns what the devices said; it never waits. A driver is a machine without I/O:
it changes only when it is handed a command, bytes or an instant that it named, so the desk asks it for its next
deadline only then, and leaves it alone in between.

A command that cannot be given (device absent, lost, or in disgrace) is answered here: REFUSED, because nothing moved;
but a question about the past (`Command.asks_past`) is answered UNKNOWN, because silence about the past is not a no.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from drivers.base.clock import Clock
from drivers.base.driver import Driver, Report
from drivers.base.errors import LineError, LocalProtocolError
from drivers.base.vocabulary import (
    Command,
    DeviceLost,
    DeviceReady,
    Outcome,
    Result,
)

WAITING_MAX: Final = 8  # commands; a flow that orders more at once does not wait for answers
RECONNECT_MS: Final = (1_000, 2_000, 5_000, 10_000)  # then every ten seconds, for ever


class Line(Protocol):
    """Bytes to and from one device."""

    def write(self, data: bytes) -> None: ...

    def read_available(self) -> bytes: ...

    def close(self) -> None: ...


@dataclass
class Station:
    """One device at its place: the driver, how to open its line, what waits."""

    name: str
    driver: Driver
    open_line: Callable[[], Line]
    results: Mapping[str, Callable[..., Result]]
    line: Line | None = None
    ready: bool = False
    told_lost: bool = False  # a loss is told once, and so is the return
    failures: int = 0
    retry_at_ms: int = 0
    due_ms: int | None = None  # the driver's next deadline
    stirred: bool = False  # the driver was handed something since it was last pumped
    moved: bool = False  # bytes moved when it was last pumped
    waiting: deque[Command] = field(default_factory=deque)
    answered: list[Report] = field(default_factory=list)


def result_types() -> dict[str, type[Result]]:
    """Return verb -> result class of every command of the vocabulary."""

    def all_of(kind: type[Result]) -> Iterator[type[Result]]:
        for sub in kind.__subclasses__():
            yield sub
            yield from all_of(sub)

    return {kind.verb: kind for kind in all_of(Result)}


class DeviceDesk:
    """All devices of a terminal."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stations: dict[str, Station] = {}
        self.moved = False

    def attach(self, name: str, driver: Driver, open_line: Callable[[], Line]) -> None:
        """Put a driver at a place; the line is opened at the next pump."""
        self._stations[name] = Station(name, driver, open_line, result_types())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._stations)

    def driver(self, name: str) -> Driver:
        return self._stations[name].driver

    def capabilities(self, name: str) -> Any:
        return self._stations[name].driver.capabilities

    def submit(self, name: str, command: Command) -> None:
        """Give a command, at once or when those before it are answered."""
        station = self._stations[name]
        if not station.ready or len(station.waiting) >= WAITING_MAX:
            station.answered.append(self._cannot(station, command, "deviceNotReady"))
            return
        station.waiting.append(command)
        self._start_next(station)
        station.stirred, station.due_ms = True, station.driver.next_deadline_ms()

    def pump(self, *, again: bool = False) -> list[tuple[str, Report]]:
        """Open lines that are due, read, let time pass, write. Returns (device, report) in order.

        `moved` then says whether bytes moved: an answer may be there already. `again`: in the same instant, so only
        where bytes moved the last time or somebody handed the driver something since.
        """
        self.moved = False
        reports: list[tuple[str, Report]] = []
        now_ms = self._clock.now_ms()
        for station in self._stations.values():
            if again and not (station.moved or station.stirred or station.answered):
                continue
            said = self._pump_one(station, now_ms)
            self.moved |= station.moved
            if said:
                reports += [(station.name, report) for report in said]
        return reports

    def next_deadline_ms(self) -> int | None:
        """Return the next instant at which a driver or a reconnect has something to do."""
        soonest: int | None = None
        for station in self._stations.values():
            due_ms = station.retry_at_ms if station.line is None else station.due_ms
            if due_ms is not None and (soonest is None or due_ms < soonest):
                soonest = due_ms
        return soonest

    @property
    def something_waits(self) -> bool:
        """Whether a report is already there, so that nobody should sleep."""
        return any(s.answered for s in self._stations.values())

    def close(self) -> None:
        for station in self._stations.values():
            if station.line:
                station.line.close()

    # ------------------------------------------------------------ one station

    def _pump_one(self, station: Station, now_ms: int) -> Sequence[Report]:
        reports: list[Report] = []
        station.moved = False
        if station.answered:
            reports, station.answered = station.answered, []
        if station.line is None and now_ms >= station.retry_at_ms:
            reports += self._open(station)
        if station.line is None:
            return reports
        try:
            data = station.line.read_available()
            if data:
                station.moved = True
                reports += station.driver.receive(data)
            elif not station.stirred and (station.due_ms is None or station.due_ms > now_ms):
                return reports
            reports += station.driver.tick()
            if not any(isinstance(report, DeviceLost) for report in reports):
                self._start_next(station)
            out = station.driver.data_to_send()
            if out:
                station.moved = True
                station.line.write(out)
        except LineError as error:
            reports += self._lose_line(station, str(error))
        told: list[Report] = []
        for report in reports:
            if isinstance(report, DeviceLost):
                told += self._lost(station, report)
                continue
            if isinstance(report, DeviceReady):
                station.ready, station.told_lost, station.failures = True, False, 0
            told.append(report)
        station.stirred, station.due_ms = False, station.driver.next_deadline_ms()
        return told

    def _lost(self, station: Station, report: DeviceLost) -> list[Report]:
        """Let go of the line and try later. While a device stays absent each try finds it so again: that is no news."""
        told: list[Report] = [] if station.told_lost else [report]
        station.ready, station.told_lost = False, True
        station.retry_at_ms = self._retry_at(station)
        if station.line is not None:
            station.line.close()
            station.line = None
        return [*told, *self._refuse_waiting(station)]

    def _open(self, station: Station) -> list[Report]:
        try:
            station.line = station.open_line()
            station.driver.connect()
            station.stirred = True
        except LineError as error:
            station.line = None
            return self._lost(station, DeviceLost(reason=str(error)))
        return []

    def _lose_line(self, station: Station, reason: str) -> list[Report]:
        station.line = None
        reports = station.driver.disconnect(reason)
        if not any(isinstance(r, DeviceLost) for r in reports):
            reports = [*reports, DeviceLost(reason=reason)]
        return reports

    def _retry_at(self, station: Station) -> int:
        wait = RECONNECT_MS[min(station.failures, len(RECONNECT_MS) - 1)]
        station.failures += 1
        return self._clock.now_ms() + wait

    def _start_next(self, station: Station) -> None:
        while station.waiting and station.ready and (station.waiting[-1].interrupts or not station.driver.busy):
            command = station.waiting.pop() if station.waiting[-1].interrupts else station.waiting.popleft()
            try:
                station.driver.submit(command)
            except LocalProtocolError as error:
                station.answered.append(self._cannot(station, command, "unsupportedCommand", str(error)))

    def _refuse_waiting(self, station: Station) -> list[Report]:
        waiting, station.waiting = station.waiting, deque()
        return [self._cannot(station, command, "deviceNotReady") for command in waiting]

    @staticmethod
    def _cannot(station: Station, command: Command, error: str, detail: str = "") -> Result:
        outcome = Outcome.UNKNOWN if command.asks_past else Outcome.REFUSED
        return station.results[command.verb](ticket=command.ticket, outcome=outcome, error=error, detail=detail)
