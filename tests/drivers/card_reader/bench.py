"""A card reader, driver and simulator, on one wire."""

from __future__ import annotations

from typing import Any

from drivers.base.clock import SimClock
from drivers.card_reader.driver import Omron3S4YR
from drivers.card_reader.settings import Settings
from drivers.sim.card_reader import SimOmron3S4YR
from tests.drivers.wire import TestWire


class Bench(TestWire):
    driver: Omron3S4YR
    sim: SimOmron3S4YR

    def __init__(self, settings: Settings | None = None, **sim: Any) -> None:
        clock = SimClock()
        super().__init__(clock, Omron3S4YR(clock, settings), SimOmron3S4YR(clock, **sim))
