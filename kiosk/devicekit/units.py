"""What the kit can test: one entry a profile, with its driver, its simulator, its suite and its vocabulary.

This is the kit's composition root, as `kiosk.compose` is the terminal's: nothing else here names a concrete class.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.barcode_scanner.driver import HoneywellScanner
from drivers.base.acceptor import Classification
from drivers.base.clock import Clock
from drivers.base.driver import Driver
from drivers.base.line import SerialSettings
from drivers.card_reader.driver import Omron3S4YR
from drivers.dispenser.lcdm2000 import Lcdm2000
from drivers.dispenser.lcdm4000 import Lcdm4000
from drivers.note_acceptor.ccnet.driver import CcnetValidator
from drivers.note_acceptor.ssp.driver import SspValidator
from drivers.note_acceptor.ssp.settings import SSP_LINE, SspSettings
from drivers.note_acceptor.ssp.smart_payout import SmartPayout
from drivers.pin_pad.driver import SzztPinPad
from drivers.printer.driver import EscPosPrinter
from drivers.printer.settings import EPSON, RELIANCE, settings_of
from drivers.printer.settings import Profile as PrinterProfile
from drivers.printer.settings import Settings as PrinterSettings
from drivers.sim import printer as printer_sim
from drivers.sim.barcode_scanner import SimBarcodeScanner
from drivers.sim.card_reader import SimOmron3S4YR
from drivers.sim.device import SimDevice
from drivers.sim.dispenser import SimLcdm2000, SimLcdm4000
from drivers.sim.note_acceptor import SimCcnet, SimNv200, SimSmartPayout
from drivers.sim.pin_pad import SimSzztPinPad
from kiosk.devicekit.check import Suite
from kiosk.devicekit.contract import (
    barcode_reader,
    card_reader,
    cash_acceptor,
    cash_recycler,
    chip,
    dispenser,
    pin_pad,
    printer,
)
from kiosk.devicekit.decode import barcode_scanner as barcode_frames
from kiosk.devicekit.decode import card_reader as card_reader_frames
from kiosk.devicekit.decode import dispenser as dispenser_frames
from kiosk.devicekit.decode import note_acceptor as acceptor_frames
from kiosk.devicekit.decode import pin_pad as pin_pad_frames
from kiosk.devicekit.decode import printer as printer_frames
from kiosk.devicekit.frames import Decoder, Vocabulary
from kiosk.devicekit.keyring import KeyRing
from kiosk.devicekit.sweep.barcode_scanner import sweep as sweep_barcode
from kiosk.devicekit.sweep.base import Sweep
from kiosk.devicekit.sweep.card_reader import sweep as sweep_card_reader
from kiosk.devicekit.sweep.ccnet import sweep as sweep_ccnet
from kiosk.devicekit.sweep.dispenser import sweep_1000, sweep_2000, sweep_4000
from kiosk.devicekit.sweep.pin_pad import sweep as sweep_pin_pad
from kiosk.devicekit.sweep.printer import sweep_epson, sweep_reliance
from kiosk.devicekit.sweep.ssp import sweep_essp, sweep_smart_payout, sweep_ssp


@dataclass(frozen=True)
class Unit:
    """One profile of one family.

    `configured`: the family's name in the configuration, where it is another. `checked`: the protocol has check
    characters. `serial`: how the port is opened unless told otherwise. `sweep`: what exercises every code on a
    simulator in memory.
    """

    name: str
    ability: str
    family: str
    maker: str
    driver: Callable[[Clock], Driver]
    simulator: Callable[[Clock], SimDevice]
    decoder: Callable[[], Decoder]
    suite: Suite
    vocabulary: Vocabulary
    sweep: Sweep
    serial: SerialSettings = field(default_factory=SerialSettings)
    checked: bool = True
    configured: str = ""


def _stock(units: int) -> dict[str, int]:
    return {f"unit{n}": dispenser.STOCK for n in range(1, units + 1)}


def _printer(clock: Clock, profile: PrinterProfile) -> Driver:
    return EscPosPrinter(clock, PrinterSettings(profile=profile))


def _plain_printer(clock: Clock) -> Driver:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    from kiosk.ui.raster import PaperRaster  # with it come fonts and a window library

    given = {"profile": "epson", "encoding": "cp437", "chinese_mode": False, "text": "missing", "qr": "raster"}
    return EscPosPrinter(clock, settings_of(given, PaperRaster))


def _driver(kind: Any) -> Callable[[Clock], Driver]:
    """Take a driver whose capabilities the shared union does not name."""
    made: Callable[[Clock], Driver] = kind
    return made


def _simulator(kind: Any) -> Callable[[Clock], SimDevice]:
    """Take a simulator that keeps its acts and faults on the class."""
    made: Callable[[Clock], SimDevice] = kind
    return made


_RING: Final = KeyRing()
"""What the drivers of encrypted units draw their secrets from."""
_RECYCLED: Final = (5_000, 10_000)
_JUDGED: Final[Mapping[str, tuple[int, ...]]] = {"counterfeit": (100,), "suspect": (100,), "unfit": (100,)}
_SORTS: Final[Mapping[int, Classification]] = {7: "counterfeit", 8: "suspect", 9: "unfit"}


def _essp(clock: Clock) -> SspValidator:
    return SspValidator(clock, SspSettings(encrypt=True, protocol=8), _RING)


def _judging(clock: Clock) -> SspValidator:
    return SspValidator(clock, SspSettings(encrypt=True, protocol=8, classifications=_SORTS), _RING)


def _smart_payout(clock: Clock) -> SmartPayout:
    return SmartPayout(clock, SspSettings(encrypt=True, protocol=8, recycle_values_minor=_RECYCLED), _RING)


def _essp_frames() -> Decoder:
    return acceptor_frames.SspDecoder(_RING)


_UNITS: Final = (
    Unit(
        "omron-3s4yr", "CardReader", "omron-3s4yr", "OMRON 3S4YR card reader",
        Omron3S4YR, SimOmron3S4YR, card_reader_frames.CardReaderDecoder, Suite((*card_reader.SUITE, *chip.CHECKS)),
        card_reader_frames.VOCABULARY, sweep_card_reader, SerialSettings(parity="even"),
    ),
    Unit(
        "lcdm-4000", "CashDispenser", "lcdm-4000", "Puloon LCDM-4000 dispenser",
        Lcdm4000, lambda clock: SimLcdm4000(clock, _stock(4)), dispenser_frames.decoder_4000, dispenser.SUITE,
        dispenser_frames.VOCABULARY_4000, sweep_4000,
    ),
    Unit(
        "lcdm-2000", "CashDispenser", "lcdm-2000", "Puloon LCDM-2000 dispenser",
        lambda clock: Lcdm2000(clock, "2000"), lambda clock: SimLcdm2000(clock, _stock(2), model="2000"),
        dispenser_frames.decoder_2000, dispenser.SUITE, dispenser_frames.VOCABULARY_2000, sweep_2000,
    ),
    Unit(
        "lcdm-1000", "CashDispenser", "lcdm-2000", "Puloon LCDM-1000 dispenser",
        lambda clock: Lcdm2000(clock, "1000"), lambda clock: SimLcdm2000(clock, _stock(1), model="1000"),
        dispenser_frames.decoder_2000, dispenser.SUITE, dispenser_frames.VOCABULARY_1000, sweep_1000,
    ),
    Unit(
        "szzt", "PinPad", "szzt", "SZZT ZT588/ZT598 PIN pad",
        SzztPinPad, lambda clock: SimSzztPinPad(clock, pin_pad.master_key()), pin_pad_frames.PinPadDecoder,
        pin_pad.SUITE, pin_pad_frames.VOCABULARY, sweep_pin_pad,
    ),
    Unit(
        "reliance", "Printer", "escpos", "ESC/POS printer with presenter (Reliance)",
        lambda clock: _printer(clock, RELIANCE),
        lambda clock: printer_sim.SimEscPosPrinter(clock, printer_sim.RELIANCE),
        lambda: printer_frames.PrinterDecoder(fixed_bits=False), printer.SUITE,
        printer_frames.vocabulary(presenter=True), sweep_reliance, checked=False,
    ),
    Unit(
        "escpos-plain", "Printer", "escpos", "ESC/POS printer without Chinese font and QR command: pictures",
        _plain_printer,
        lambda clock: printer_sim.SimEscPosPrinter(clock, printer_sim.PLAIN),
        lambda: printer_frames.PrinterDecoder(fixed_bits=True), printer.SUITE,
        printer_frames.vocabulary(presenter=False), sweep_epson, checked=False,
    ),
    Unit(
        "epson", "Printer", "escpos", "ESC/POS printer without presenter (Epson TM)",
        lambda clock: _printer(clock, EPSON),
        lambda clock: printer_sim.SimEscPosPrinter(clock, printer_sim.EPSON),
        lambda: printer_frames.PrinterDecoder(fixed_bits=True), printer.SUITE,
        printer_frames.vocabulary(presenter=False), sweep_epson, checked=False,
    ),
    Unit(
        "ccnet", "CashAcceptor", "ccnet", "CCNET bill validator (CashCode)",
        _driver(CcnetValidator), _simulator(SimCcnet), acceptor_frames.CcnetDecoder, cash_acceptor.SUITE,
        acceptor_frames.CCNET_VOCABULARY, sweep_ccnet,
    ),
    Unit(
        "ssp", "CashAcceptor", "ssp", "SSP note validator (NV200), in clear",
        _driver(SspValidator), _simulator(SimNv200), acceptor_frames.SspDecoder, cash_acceptor.SUITE,
        acceptor_frames.SSP_VOCABULARY, sweep_ssp, SSP_LINE, configured="nv200",
    ),
    Unit(
        "essp", "CashAcceptor", "ssp", "SSP note validator (NV200), encrypted (eSSP)",
        _driver(_essp), _simulator(SimNv200), _essp_frames, cash_acceptor.SUITE,
        acceptor_frames.ESSP_VOCABULARY, sweep_essp(_RING), SSP_LINE, configured="nv200",
    ),
    Unit(
        "essp-judging", "CashAcceptor", "ssp", "SSP note validator (NV200), eSSP, with channels for doubted notes",
        _driver(_judging), _simulator(lambda clock: SimNv200(clock, judged=_JUDGED)), _essp_frames,
        cash_acceptor.SUITE, acceptor_frames.ESSP_VOCABULARY, sweep_essp(_RING), SSP_LINE, configured="nv200",
    ),
    Unit(
        "smart-payout", "CashAcceptor", "ssp", "SSP note recycler (SMART Payout), encrypted (eSSP)",
        _driver(_smart_payout), _simulator(lambda clock: SimSmartPayout(clock, stored=cash_recycler.STOCK)),
        _essp_frames, cash_recycler.SUITE, acceptor_frames.SMART_PAYOUT_VOCABULARY, sweep_smart_payout(_RING), SSP_LINE,
        configured="smart-payout",
    ),
    Unit(
        "honeywell", "BarcodeReader", "honeywell", "Honeywell serial barcode scanner",
        _driver(HoneywellScanner), SimBarcodeScanner, barcode_frames.BarcodeDecoder, barcode_reader.SUITE,
        barcode_frames.VOCABULARY, sweep_barcode, checked=False,
    ),
)  # fmt: skip

UNITS: Final[Mapping[str, Unit]] = {unit.name: unit for unit in _UNITS}


# a device as the configuration calls it -> its ability
DEVICES: Final[Mapping[str, str]] = {
    "card_reader": "CardReader",
    "pin_pad": "PinPad",
    "dispenser": "CashDispenser",
    "printer": "Printer",
    "note_acceptor": "CashAcceptor",
    "barcode_scanner": "BarcodeReader",
}


def profiles_of(name: str) -> list[str]:
    """Return the profiles that a name stands for: ``"all"``, a device, a family, or one profile."""
    ability = DEVICES.get(name)
    found = [u.name for u in _UNITS if name in ("all", u.name) or ability == u.ability]
    return found or [u.name for u in _UNITS if u.family == name] or [name]


def profiles_of_family(family: str) -> list[str]:
    """Return the profiles with which a family of the configuration is tested."""
    return [unit.name for unit in _UNITS if family in (unit.family, unit.configured)]


def unit_of(name: str) -> Unit:
    """Return a unit by its profile name. Raises ValueError naming the known ones."""
    unit = UNITS.get(name)
    if unit is None:
        kinds = ", ".join(DEVICES)
        raise ValueError(f"no profile {name!r}; there are: {', '.join(UNITS)}; for all of a kind: {kinds}")
    return unit
