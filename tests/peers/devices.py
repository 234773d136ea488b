"""The simulated devices that transcripts name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.sim.dispenser import SimLcdm4000
from drivers.sim.printer import EPSON, SimEscPosPrinter
from tests.peers.transcript import Build

DEVICES: Final[Mapping[str, Build]] = {
    "lcdm4000": lambda clock: SimLcdm4000(clock, {"unit1": 40, "unit2": 40, "unit3": 40, "unit4": 40}),
    "epson": lambda clock: SimEscPosPrinter(clock, EPSON),
}
