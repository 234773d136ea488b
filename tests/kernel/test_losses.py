"""A device that goes and comes back: told once each way, and trusted again only when it is the same unit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.base.clock import Clock, SimClock
from drivers.base.driver import Report
from drivers.base.vocabulary import DeviceLost, DeviceReady, Health
from drivers.sim.device import SimDevice
from drivers.sim.dispenser import SimLcdm2000
from drivers.sim.pin_pad import SimSzztPinPad
from drivers.sim.printer import Build, SimEscPosPrinter
from drivers.sim.wire import Wire
from kiosk.devicekit.contract.pin_pad import master_key
from kiosk.devicekit.units import UNITS
from kiosk.devices import DeviceDesk
from kiosk.standing import Standing

ABSENT_MS = 120_000

OTHERS: dict[str, Callable[[Clock], SimDevice]] = {
    "lcdm-1000": lambda clock: SimLcdm2000(clock, {"unit1": 200}, model="1000", rom="O17T0001"),
    "lcdm-2000": lambda clock: SimLcdm2000(clock, {"unit1": 200, "unit2": 200}, rom="O17T0001"),
    "szzt": lambda clock: SimSzztPinPad(clock, master_key(), serial="00004712"),
    "reliance": lambda clock: SimEscPosPrinter(clock, Build(firmware="2.00")),
}
"""A second unit of the same model."""


class Post:
    """One real driver at the desk, its simulator on a wire, and what the terminal thinks of it."""

    def __init__(self, profile: str) -> None:
        self.clock = SimClock()
        unit = UNITS[profile]
        self.wire = Wire(self.clock, unit.simulator(self.clock))
        self.desk = DeviceDesk(self.clock)
        self.standing = Standing(("it",), self.desk.capabilities, lambda: 0)
        self.told: list[Report] = []
        self.desk.attach("it", unit.driver(self.clock), lambda: self.wire)
        self.pass_ms(10_000)
        assert self.standing.usable("it")

    def pass_ms(self, for_ms: int) -> None:
        until_ms = self.clock.now_ms() + for_ms
        while self.clock.now_ms() < until_ms:
            self.wire.tick()
            for _, report in self.desk.pump():
                self.told.append(report)
                if isinstance(report, DeviceReady | DeviceLost):
                    self.standing.note("it", report)
            instants = [self.desk.next_deadline_ms(), self.wire.next_deadline_ms()]
            later = [at for at in instants if at is not None and at > self.clock.now_ms()]
            self.clock.move_to(min([*later, until_ms]))

    def losses(self) -> list[str]:
        return [type(r).__name__ for r in self.told if isinstance(r, DeviceLost | DeviceReady)]


@pytest.mark.parametrize("profile", ["lcdm-4000", "lcdm-2000", "lcdm-1000", "szzt", "reliance", "epson"])
def test_a_loss_is_told_once_and_so_is_the_return(profile: str) -> None:
    post = Post(profile)
    for _ in range(2):
        post.wire.power(on=False)
        post.pass_ms(ABSENT_MS)
        assert not post.standing.usable("it")
        post.wire.power(on=True)
        post.pass_ms(60_000)
        assert post.standing.usable("it")
    assert post.losses() == ["DeviceReady", "DeviceLost", "DeviceReady", "DeviceLost", "DeviceReady"]


@pytest.mark.parametrize("profile", list(OTHERS))
def test_another_unit_at_the_place_is_refused_with_words(profile: str) -> None:
    post = Post(profile)
    first = post.wire.device
    post.wire.unplug()
    post.pass_ms(5_000)
    post.wire.device = OTHERS[profile](post.clock)
    post.wire.plug()
    post.pass_ms(30_000)
    assert post.losses() == ["DeviceReady", "DeviceLost", "DeviceReady"]
    assert not post.standing.usable("it")
    assert "another unit is at this place" in post.standing.refusal("it")
    assert "a technician accepts it" in post.standing.as_data()["it"]["detail"]

    post.wire.unplug()
    post.pass_ms(5_000)
    post.wire.device = first
    post.wire.plug()
    post.pass_ms(30_000)
    assert post.standing.usable("it"), "the first one is back"
    assert post.standing.refusal("it") == ""


def test_a_unit_that_is_stopped_and_tells_less_is_no_other() -> None:
    post = Post("reliance")
    post.wire.unplug()
    post.pass_ms(5_000)
    post.wire.act("open_cover")
    post.wire.plug()
    post.pass_ms(30_000)
    assert post.losses() == ["DeviceReady", "DeviceLost", "DeviceReady"]
    assert post.standing.refusal("it") == ""
    post.wire.unplug()
    post.pass_ms(5_000)
    post.wire.act("close_cover")
    post.wire.device = OTHERS["reliance"](post.clock)
    post.wire.plug()
    post.pass_ms(30_000)
    assert "firmware 2.00, where Reliance, firmware 1.12 was" in post.standing.refusal("it"), "nothing was forgotten"


def test_a_technician_accepts_another_unit() -> None:
    post = Post("szzt")
    post.wire.unplug()
    post.pass_ms(5_000)
    post.wire.device = OTHERS["szzt"](post.clock)
    post.wire.plug()
    post.pass_ms(30_000)
    post.standing.accept("it")
    assert post.standing.usable("it")
    assert post.standing.as_data()["it"]["health"] == Health.OK.value


def test_a_unit_that_tells_neither_number_nor_firmware_is_known_by_its_model() -> None:
    post = Post("lcdm-4000")
    post.wire.unplug()
    post.pass_ms(5_000)
    post.wire.device = UNITS["lcdm-4000"].simulator(post.clock)
    post.wire.plug()
    post.pass_ms(30_000)
    assert post.standing.usable("it"), "nobody can tell them apart, and the README says so"


