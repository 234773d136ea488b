"""A receipt printer, driver and simulator, on one wire."""

from __future__ import annotations

from drivers.base.clock import SimClock
from drivers.printer.driver import EscPosPrinter
from drivers.printer.settings import Settings
from drivers.sim import printer as simulated
from tests.drivers.wire import TestWire


class Bench(TestWire):
    driver: EscPosPrinter
    sim: simulated.SimEscPosPrinter

    def __init__(self, settings: Settings | None = None, build: simulated.Build = simulated.RELIANCE) -> None:
        clock = SimClock()
        super().__init__(clock, EscPosPrinter(clock, settings), simulated.SimEscPosPrinter(clock, build))
