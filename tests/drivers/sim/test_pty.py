"""The simulator behind a real pseudo-terminal and a real socket, driven by our driver and by bare bytes."""

from __future__ import annotations

import threading

import pytest

from drivers.base.clock import MonotonicClock
from drivers.base.driver import Driver, Report
from drivers.base.line import SerialLine, SerialSettings
from drivers.base.vocabulary import DeviceReady, Dispense, DispenseResult, Outcome
from drivers.dispenser.lcdm4000 import Lcdm4000, Lcdm4000Settings
from drivers.sim.device import Replies
from drivers.sim.dispenser import SimLcdm4000
from drivers.sim.pty import Server, serve_pty, serve_tcp

PATIENCE_MS = 10_000


def pump(driver: Driver, line: SerialLine, bell: threading.Event, wanted: type) -> Report:
    """What the loop does: wait for bytes or the next deadline."""
    clock = MonotonicClock()
    end_ms = clock.now_ms() + PATIENCE_MS
    reports: list[Report] = []
    while clock.now_ms() < end_ms:
        reports += driver.tick()
        out = driver.data_to_send()
        if out:
            line.write(out)
        for report in reports:
            if isinstance(report, wanted):
                return report
        due_ms = driver.next_deadline_ms()
        bell.wait(0.5 if due_ms is None else max(0, min(500, due_ms - clock.now_ms())) / 1_000)
        bell.clear()
        reports += driver.receive(line.read_available())
    raise AssertionError(f"no {wanted.__name__} among {reports}")


def serve(kind: str, clock: MonotonicClock) -> Server:
    sim = SimLcdm4000(clock, {"unit1": 10})
    return serve_pty(sim, clock) if kind == "pty" else serve_tcp(sim, clock)


@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_one_dispense_through_a_real_port_and_a_client_that_comes_back(kind):
    clock = MonotonicClock()
    with serve(kind, clock) as port:
        for number in (1, 2):
            bell = threading.Event()
            line = SerialLine(port.path, SerialSettings(parity="even"), bell.set)
            try:
                driver = Lcdm4000(clock, Lcdm4000Settings(units={"unit1": 1}, poll_every_ms=0))
                driver.connect()
                pump(driver, line, bell, DeviceReady)
                driver.submit(Dispense(ticket=f"t{number}", picks={"unit1": 1}, number=number))
                result = pump(driver, line, bell, DispenseResult)
                assert isinstance(result, DispenseResult)
                assert result.outcome is Outcome.DONE
                assert result.moved == {"unit1": 1}
            finally:
                line.close()
        assert port.state()["tray"] == {"unit1": 2}
        port.act("take_notes")
        assert port.state()["taken"] == {"unit1": 2}
        port.strike("jam")
        with pytest.raises(ValueError, match="there are 0"):
            port.act("take_notes")
        port.power(False)
        assert port.state()["powered"] is False


class Slow:
    """A device that answers 30 ms later, and keeps its own count."""

    acts = {}
    faults = {}

    def receive(self, data: bytes) -> Replies:
        return [(30, data.upper()), (10, b"!")]

    def tick(self) -> Replies:
        return []

    def next_deadline_ms(self) -> int | None:
        return None

    def act(self, name: str, **arguments: object) -> Replies:
        return [(0, name.encode())]

    def strike(self, name: str, **arguments: object) -> None: ...

    def heal(self) -> None: ...

    def power(self, on: bool) -> Replies:
        return [(0, b"on" if on else b"")]

    def state(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize("kind", ["pty", "tcp"])
def test_delays_order_acts_and_a_clean_stop(kind):
    clock = MonotonicClock()
    server = serve_pty(Slow(), clock) if kind == "pty" else serve_tcp(Slow(), clock)
    bell = threading.Event()
    line = SerialLine(server.path, on_data=bell.set)
    try:
        began_ms = clock.now_ms()
        line.write(b"ab")
        heard = b""
        while len(heard) < 3:
            assert bell.wait(PATIENCE_MS / 1_000)
            bell.clear()
            heard += line.read_available()
        assert heard == b"AB!"  # a later reply does not overtake
        assert clock.now_ms() - began_ms >= 30
        server.act("hello")
        heard = b""
        while len(heard) < 5:
            assert bell.wait(PATIENCE_MS / 1_000)
            bell.clear()
            heard += line.read_available()
        assert heard == b"hello"
    finally:
        server.stop()
        server.stop()
        line.close()
    assert not server._thread.is_alive()
