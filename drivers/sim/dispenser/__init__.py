"""Simulated Puloon dispensers: notes that move on a clock, and two firmwares that speak of them.

`mechanism` is the machine (cassettes, path, tray, reject tray: the truth), `station` the device's side of the
line, `lcdm4000` and `lcdm2000` the firmwares with their counters and codes. Only frames are shared with the
driver package; codes, layouts and meanings are written here a second time, from the same notes.
"""

from drivers.sim.dispenser.lcdm2000 import SimLcdm2000
from drivers.sim.dispenser.lcdm4000 import SimLcdm4000

__all__ = ["SimLcdm2000", "SimLcdm4000"]
