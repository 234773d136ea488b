"""Simulated note acceptors: paper that moves on a clock, and firmwares that speak of it.

`transport` is the machine (path, escrow, cashbox, store, mouth: the truth), `ssp_side` and `ccnet` the device's side
of each line, `nv200` and `smart_payout` firmwares on SSP. Only frames are shared with the driver package; codes,
layouts, meanings and the device's half of the encryption are written here a second time, from the same notes.
"""

from drivers.sim.note_acceptor.ccnet import SimCcnet
from drivers.sim.note_acceptor.nv200 import SimNv200
from drivers.sim.note_acceptor.smart_payout import SimSmartPayout

__all__ = ["SimCcnet", "SimNv200", "SimSmartPayout"]
