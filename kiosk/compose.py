"""The one place that knows every concrete class: configuration in, a terminal out."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from drivers.barcode_scanner.driver import HoneywellScanner
from drivers.barcode_scanner.driver import Settings as ScannerSettings
from drivers.base.driver import Driver
from drivers.base.raster import Rasteriser
from drivers.card_reader.driver import Omron3S4YR
from drivers.card_reader.settings import Settings as ReaderSettings
from drivers.dispenser.lcdm2000 import Lcdm2000
from drivers.dispenser.lcdm4000 import Lcdm4000, Lcdm4000Settings
from drivers.note_acceptor.ccnet.driver import CcnetSettings, CcnetValidator
from drivers.note_acceptor.ssp.driver import SspValidator
from drivers.note_acceptor.ssp.settings import SspSettings
from drivers.note_acceptor.ssp.smart_payout import SmartPayout
from drivers.pin_pad.driver import SzztPinPad
from drivers.pin_pad.settings import PinPadSettings
from drivers.printer.driver import EscPosPrinter
from drivers.printer.settings import Settings as PrinterSettings
from drivers.printer.settings import settings_of
from drivers.sim.barcode_scanner import SimBarcodeScanner
from drivers.sim.card_reader import SimOmron3S4YR
from drivers.sim.device import SimDevice
from drivers.sim.dispenser.lcdm2000 import SimLcdm2000
from drivers.sim.dispenser.lcdm4000 import SimLcdm4000
from drivers.sim.note_acceptor import SimCcnet, SimNv200, SimSmartPayout
from drivers.sim.pin_pad import SimSzztPinPad
from drivers.sim.printer import SimEscPosPrinter, build_of
from kiosk.bank.bank import Bank
from kiosk.bank.data import load_bank
from kiosk.bank.storage import Store
from kiosk.config import ROOT, Config
from kiosk.devices import DeviceDesk, Line
from kiosk.effects import Record
from kiosk.flow.chart import SERVICE, Chart, load_charts
from kiosk.flow.offers import Offers
from kiosk.flow.runner import FlowRunner
from kiosk.host.client import HostClient
from kiosk.host.settings import HostSettings
from kiosk.hostdesk import HostDesk, Link
from kiosk.journal.journal import Journal
from kiosk.kernel import Kernel, Parts, Watcher, no_point
from kiosk.numbers import Numbers
from kiosk.ports import Calendar, Clock
from kiosk.recovery import first_load, recover
from kiosk.services.agency import Agencies
from kiosk.services.asking import Asking
from kiosk.services.bill_payment import BillPayment
from kiosk.services.cash_in import CashIns
from kiosk.services.cash_payment import CashPayments
from kiosk.services.complaint import Complaints
from kiosk.services.deposit import Deposit
from kiosk.services.dispensing import Dispensing
from kiosk.services.entering import Entering
from kiosk.services.exchange import Exchange
from kiosk.services.facts import OpenCases, about
from kiosk.services.inquiry import Inquiry
from kiosk.services.menu import Business, Menu
from kiosk.services.notices import Notices
from kiosk.services.payee import Accounts
from kiosk.services.pin_change import PinChange
from kiosk.services.receipt import Receipts
from kiosk.services.remittance import Remittance
from kiosk.services.session import Sessions
from kiosk.services.ticket import TicketSale
from kiosk.services.top_up import TopUp
from kiosk.services.transfer import Transfer
from kiosk.services.upkeep import Upkeep
from kiosk.services.withdrawal import Withdrawal
from kiosk.services.withheld import Withholding
from kiosk.site import Site
from kiosk.standing import Standing
from kiosk.strict_yaml import DocumentError, Mistake
from kiosk.terminal import Terminal
from kiosk.turn import Words
from kiosk.view import View
from semantics.check import load_norms, watchable
from semantics.watch import Watching

MODELS: Final = ROOT / "models"
FLOWS: Final = MODELS / "flows"
VERSION: Final = "0.1.0"
REGIONS: Final = {"main": "terminal", "upkeep": "upkeep"}


def businesses() -> tuple[Business, ...]:
    """Return what customers can choose. A new service is added here, and nowhere else in the code that exists."""
    return (
        Withdrawal(),
        Inquiry(),
        Transfer(),
        Remittance(),
        PinChange(),
        BillPayment(),
        TopUp(),
        TicketSale(),
        Deposit(),
        Exchange(),
        Complaints(),
    )  # fmt: skip


@cache
def menu() -> Menu:
    """Return the menu of what is built."""
    return Menu(b.service for b in businesses())


def services() -> tuple[object, ...]:
    """Return one of everything that offers guards, actions, choices and views to charts."""
    chosen = businesses()
    receipts = Receipts({b.service.name: b.document for b in chosen})
    return (
        Sessions(menu()), Notices(menu()), Asking(), Entering(), Accounts(), Agencies(), CashPayments(), Dispensing(),
        CashIns(), Withholding(), receipts, Upkeep(), *chosen,
    )  # fmt: skip


def _check_services(charts: Mapping[str, Chart]) -> None:
    """Check that the services of the menu and the charts of kind ``service`` are the same. Raises DocumentError."""
    wanted = {b.service.flow for b in businesses()}
    mistakes = [
        Mistake(chart.file, 1, 1, f"{chart.name!r} is of kind service and no module runs it; add it to compose.py")
        for chart in charts.values() if chart.kind == SERVICE and chart.name not in wanted
    ]  # fmt: skip
    for name in sorted(wanted):
        if name not in charts or charts[name].kind != SERVICE:
            mistakes.append(Mistake(str(FLOWS / f"{name}.yaml"), 1, 1, f"write the flow {name!r}, of kind service"))
    if mistakes:
        raise DocumentError(mistakes)


@cache
def flows(folder: Path = FLOWS) -> tuple[Mapping[str, Chart], Offers]:
    """Return the charts of a folder and what services offer them. Raises DocumentError for any mistake."""
    charts = load_charts(folder)
    offers = Offers.of(services())
    offers.check(charts)
    _check_services(charts)
    return charts, offers


# ------------------------------------------------------------ devices


@dataclass(frozen=True)
class Family:
    """One family of devices: how its driver and its simulator are made."""

    device: str
    driver: Callable[[Clock, Mapping[str, Any]], Driver]
    simulator: Callable[[Clock, Config], SimDevice]


def _loads(config: Config) -> dict[str, int]:
    return {u.id: u.load for u in config.site.cash.units}


def printer_settings(given: Mapping[str, Any]) -> PrinterSettings:
    """Return a printer's settings; the faces are loaded only if it needs pictures."""

    def rasteriser() -> Rasteriser:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        from kiosk.ui.raster import PaperRaster

        return PaperRaster()

    return settings_of(given, rasteriser)


FAMILIES: Final[Mapping[str, Family]] = {
    "omron-3s4yr": Family(
        "card_reader",
        lambda clock, s: Omron3S4YR(clock, ReaderSettings(**s)),
        lambda clock, c: SimOmron3S4YR(clock, **c.devices.card_reader.simulator),
    ),
    "szzt": Family(
        "pin_pad",
        lambda clock, s: SzztPinPad(clock, PinPadSettings(**s)),
        lambda clock, c: SimSzztPinPad(clock, c.host.keys.bits("pin_master"), **c.devices.pin_pad.simulator),
    ),
    "lcdm-4000": Family(
        "dispenser",
        lambda clock, s: Lcdm4000(clock, Lcdm4000Settings(**s)),
        lambda clock, c: SimLcdm4000(clock, _loads(c), **c.devices.dispenser.simulator),
    ),
    "lcdm-2000": Family(
        "dispenser",
        lambda clock, s: Lcdm2000(clock, **s),
        lambda clock, c: SimLcdm2000(clock, _loads(c), **c.devices.dispenser.simulator),
    ),
    "escpos": Family(
        "printer",
        lambda clock, s: EscPosPrinter(clock, printer_settings(s)),
        lambda clock, c: SimEscPosPrinter(clock, build_of(**c.devices.printer.simulator)),
    ),
    "nv200": Family(
        "note_acceptor",
        lambda clock, s: SspValidator(clock, SspSettings(**s), os.urandom),
        lambda clock, c: SimNv200(clock, **c.devices.of("note_acceptor").simulator),
    ),
    "smart-payout": Family(
        "note_acceptor",
        lambda clock, s: SmartPayout(clock, SspSettings(**{"encrypt": True, **s}), os.urandom),
        lambda clock, c: SimSmartPayout(clock, **c.devices.of("note_acceptor").simulator),
    ),
    "ccnet": Family(
        "note_acceptor",
        lambda clock, s: CcnetValidator(clock, CcnetSettings(**s)),
        lambda clock, c: SimCcnet(clock, **c.devices.of("note_acceptor").simulator),
    ),
    "honeywell": Family(
        "barcode_scanner",
        lambda clock, s: HoneywellScanner(clock, ScannerSettings(**s)),
        lambda clock, c: SimBarcodeScanner(clock, **c.devices.of("barcode_scanner").simulator),
    ),
}


def family_of(config: Config, device: str) -> Family:
    """Return the family of a device. Raises ValueError naming the known ones."""
    name = config.devices.of(device).family
    family = FAMILIES.get(name)
    if family is None or family.device != device:
        known = ", ".join(n for n, f in FAMILIES.items() if f.device == device)
        raise ValueError(f"{config.folder / 'devices.yaml'}: {device}: unknown family {name!r}; known: {known}")
    return family


def simulators(config: Config, clock: Clock) -> dict[str, SimDevice]:
    """Return a simulator for every device of the configuration."""
    return {name: family_of(config, name).simulator(clock, config) for name in config.devices.names}


# ------------------------------------------------------------ bank


def bank_data(config: Config) -> Any:
    """Return the model bank's data, with this terminal and its keys enrolled. Raises BankDataError."""
    keys = config.host.keys
    cash = sum(u.value_minor * u.load for u in config.site.cash.units)
    terminal = {
        "id": config.site.terminal_id,
        "currency": config.site.cash.currency,
        "cash_minor": cash,
        "keys": {
            "pin_master_key": keys.pin_master,
            "mac_transport_key": keys.mac_transport,
            "link_mac_key": keys.link_mac,
        },
    }
    return load_bank({**config.bank, "partners": config.partners, "terminals": [terminal]})


def model_bank(config: Config, store: Store, clock: Clock, calendar: Calendar, seed: int | None = None) -> Bank:
    """Return the model bank. With a seed its working keys repeat, as a rehearsal needs."""
    entropy = random.Random(seed).randbytes if seed is not None else os.urandom
    return Bank(store, bank_data(config), clock, calendar, entropy)


# ------------------------------------------------------------ terminal


def host_settings(config: Config) -> HostSettings:
    """Return the host machine's settings. Raises ValueError with the remedy."""
    site, keys = config.site, config.host.keys
    return HostSettings(
        terminal=site.terminal_id,
        acceptor=site.acceptor_id,
        acquirer=config.host.acquirer,
        location=site.location,
        currency=site.cash.currency,
        link_mac_key=keys.bits("link_mac"),
        mac_transport_key=keys.bits("mac_transport"),
    )


@cache
def _watching(models: Path = MODELS) -> Watching:
    return Watching(watchable(load_norms(models, whole=False), flows(models / "flows")[0]))


def watching(config: Config, models: Path = MODELS) -> Callable[[Journal], tuple[Watcher, ...]]:
    """Return what makes the watchers of a terminal: its norms, unless the site has switched them off.

    Raises DocumentError if the norms cannot be read, or if there are none.
    """
    return _watching(models) if config.site.watch_norms else unwatched


def unwatched(_: Journal) -> tuple[Watcher, ...]:
    """Watch nothing."""
    return ()


def terminal(
    config: Config,
    *,
    clock: Clock,
    calendar: Calendar,
    journal: Journal,
    lines: Mapping[str, Callable[[], Line]],
    link: Link,
    words: Words,
    on_view: Callable[[View], None],
    watchers: tuple[Watcher, ...] = (),
    watch: Callable[[Journal], tuple[Watcher, ...]] = unwatched,
    point: Callable[[str], None] = no_point,
    models: Path = MODELS,
) -> Terminal:
    """Put a terminal together, with the flows of a model folder, and start it from its journal."""
    site: Site = config.site
    charts, offers = flows(models / "flows")
    recovered = recover(journal)

    def reserve(data: Mapping[str, Any]) -> None:
        at = calendar.now().isoformat(timespec="milliseconds")
        journal.append([Record("number_reserved", data)], at=at, ms=clock.now_ms())

    numbers = Numbers(reserve)
    desk = DeviceDesk(clock)
    for name, open_line in lines.items():
        desk.attach(name, family_of(config, name).driver(clock, config.devices.of(name).settings), open_line)
    host = HostClient(clock, calendar, host_settings(config), lambda: numbers.draw("stan"))
    standing = Standing(desk.names, desk.capabilities, lambda: host.advices_waiting)
    kernel = Kernel(
        Parts(
            clock=clock,
            calendar=calendar,
            journal=journal,
            site=site,
            devices=desk,
            standing=standing,
            host=host,
            numbers=numbers,
            words=words,
            regions={region: FlowRunner(root, charts, offers) for region, root in REGIONS.items()},
            default_locale=site.locale,
            on_view=on_view,
            watchers=(*watchers, *watch(journal)),
            about=about,
            point=point,
        )
    )
    boot = Record("boot", {"version": VERSION, "terminal": site.terminal_id, "open_cases": len(recovered.cases)})
    kernel.begin(
        recovered,
        facts=[OpenCases(recovered.cases)],
        records=[boot],
        load=first_load(site) if recovered.empty else (),
    )
    return Terminal(kernel, desk, HostDesk(host, link), journal, standing)
