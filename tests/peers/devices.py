"""The simulated devices that transcripts name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.base.clock import Clock
from drivers.sim.chip_card import SimChipCard
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.dispenser import SimLcdm4000
from drivers.sim.note_acceptor import SimNv200
from drivers.sim.printer import EPSON, SimEscPosPrinter
from drivers.sim.vpcd import VpcdCard
from tests.peers.transcript import Build

STOCK: Final = {"unit1": 40, "unit2": 40, "unit3": 40, "unit4": 40}


class ChipBehindReader:
    """A chip card at the virtual reader, in the shape of a device."""

    acts: Mapping[str, Act] = {}
    faults: Mapping[str, Fault] = {}

    def __init__(self, clock: Clock) -> None:
        self._chip = SimChipCard()
        self._card = VpcdCard(self._chip)

    def receive(self, data: bytes) -> Replies:
        answer = self._card.receive(data)
        return [(0, answer)] if answer else []

    def tick(self) -> Replies:
        return []

    def next_deadline_ms(self) -> int | None:
        return None

    def act(self, name: str, **arguments: object) -> Replies:
        raise ValueError(f"nobody can {name!r} here")

    def strike(self, name: str, **arguments: object) -> None:
        raise ValueError(f"no fault {name!r}")

    def heal(self) -> None:
        """Nothing is armed here."""

    def power(self, on: bool) -> Replies:
        self._chip.reset()
        return []

    def state(self) -> Mapping[str, object]:
        return {"atc": self._chip.atc, "pin_tries_left": self._chip.pin_tries_left}


DEVICES: Final[Mapping[str, Build]] = {
    "lcdm4000": lambda clock: SimLcdm4000(clock, STOCK),
    "lcdm4000 silent reset": lambda clock: SimLcdm4000(clock, STOCK, reset_responses=0),
    "nv200": lambda clock: SimNv200(clock, protocol_max=7),
    "chip_card": ChipBehindReader,
    "epson": lambda clock: SimEscPosPrinter(clock, EPSON),
}
