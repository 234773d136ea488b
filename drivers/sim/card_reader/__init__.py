"""A simulated OMRON 3S4YR. `reader` speaks the protocol; the other modules are what it is made of."""

from drivers.sim.card_reader.habits import Delays, Habits
from drivers.sim.card_reader.reader import SimOmron3S4YR
from drivers.sim.cards import MagneticCard, SimChip

__all__ = ["Delays", "Habits", "MagneticCard", "SimChip", "SimOmron3S4YR"]
