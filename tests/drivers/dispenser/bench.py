"""A driver and a simulator on one wire and one clock, run until nothing is left to happen."""

from __future__ import annotations

from typing import Any

from drivers.base.clock import SimClock
from drivers.base.driver import Driver, Report
from drivers.base.vocabulary import Command, DeviceReady, Result
from drivers.dispenser.lcdm2000 import Lcdm2000, Lcdm2000Settings
from drivers.dispenser.lcdm4000 import Lcdm4000, Lcdm4000Settings
from drivers.sim.dispenser import SimLcdm2000, SimLcdm4000
from drivers.sim.wire import Wire

STEPS_MAX = 2_000  # a withdrawal takes about twenty


class Bench:
    def __init__(self, profile: str = "4000", *, notes: int = 100, form: str = "serial", **sim: Any) -> None:
        self.clock = SimClock()
        self.sim: SimLcdm4000 | SimLcdm2000
        self.driver: Driver
        if profile == "4000":
            stock = {f"unit{n}": notes for n in range(1, 5)}
            self.sim = SimLcdm4000(self.clock, stock, **sim)
            settings = Lcdm4000Settings(poll_every_ms=0, dispense_form=form)  # type: ignore[arg-type]
            self.driver = Lcdm4000(self.clock, settings)
        else:
            units = 1 if profile == "1000" else 2
            stock = {f"unit{n}": notes for n in range(1, units + 1)}
            self.sim = SimLcdm2000(self.clock, stock, model=profile, **sim)  # type: ignore[arg-type]
            self.driver = Lcdm2000(self.clock, profile, Lcdm2000Settings(poll_every_ms=0))  # type: ignore[arg-type]
        self.stock = sum(stock.values())
        self.transcript: list[tuple[int, str, bytes]] = []
        self.wire = Wire(self.clock, self.sim, lambda *entry: self.transcript.append(entry))
        self.reports: list[Report] = []

    def ready(self) -> Bench:
        self.driver.connect()
        reports = self.run()
        assert isinstance(reports[0], DeviceReady), reports
        self.transcript.clear()
        return self

    def do(self, command: Command) -> Result:
        """Carry one command out; fails unless it is answered exactly once."""
        self.driver.submit(command)
        results = [report for report in self.run() if isinstance(report, Result)]
        assert len(results) == 1, results
        assert results[0].ticket == command.ticket
        assert results[0].verb == command.verb or results[0].verb == "parameter"
        assert not self.driver.busy
        return results[0]

    def run(self, until_ms: int | None = None) -> list[Report]:
        """Move the clock from event to event until nothing is due, or to `until_ms`."""
        found: list[Report] = []
        for _ in range(STEPS_MAX):
            self.step(found)
            instants = [
                at for at in (self.driver.next_deadline_ms(), self.wire.next_deadline_ms()) if at is not None
            ]
            if not instants or (until_ms is not None and min(instants) > until_ms):
                if until_ms is not None:
                    self.clock.move_to(until_ms)
                    self.step(found)
                self.reports += found
                return found
            self.clock.move_to(max(min(instants), self.clock.now_ms()))
        raise AssertionError("it never comes to rest")

    def step(self, found: list[Report]) -> None:
        while True:
            found += self.driver.tick()
            out = self.driver.data_to_send()
            if out:
                self.wire.write(out)
            data = self.wire.read_available()
            if data:
                found += self.driver.receive(data)
            if not out and not data:
                return

    # ------------------------------------------------------------ the truth

    def out(self) -> dict[str, int]:
        state: Any = self.sim.state()
        return {u: n + state["taken"][u] for u, n in state["tray"].items() if n + state["taken"][u]}

    def conserved(self) -> bool:
        state: Any = self.sim.state()
        places = ("units", "tray", "taken", "reject", "removed")
        return sum(sum(state[place].values()) for place in places) + len(state["path"]) == self.stock
