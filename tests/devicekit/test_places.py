"""The same suite in memory and on a pseudo-terminal: every profile, every check. In memory it runs in `test_selftest`.

On the pseudo-terminal the bytes pass the kernel and the serial code of the product; only the clock is virtual. What is
left for real time (threads at both ends) is tried with a few checks in `test_watching`.
"""

from __future__ import annotations

import re
import threading

import pytest

from drivers.base.clock import SimClock
from drivers.base.errors import LineError
from drivers.base.line import SerialLine
from drivers.sim.pty import step_pty
from kiosk.devicekit.bench import Bench, SteppedLine, SteppedPace
from kiosk.devicekit.check import Need, Verdict
from kiosk.devicekit.session import Place, bench_on_pty, needs_met_on_a_port, run_session
from kiosk.devicekit.units import UNITS

BY_PLACE = {need.value for need in Need} - {Need.CHECKED.value, Need.KEYS.value}
ONLY_IN_MEMORY = {"comes_back_when_plugged_in_again"}  # a pseudo-terminal does not come back under its name


@pytest.mark.parametrize("name", list(UNITS))
def test_every_profile_keeps_its_contract_on_a_pseudo_terminal(name):
    """Each check that runs in memory runs there, too; what is skipped is skipped for what the device is."""
    unit = UNITS[name]
    session = run_session(unit, Place.PTY, "pty", lambda: bench_on_pty(unit), sweeps=False)
    bad = [f"{t.check.name}: {t.reason}" for t in session.trials if t.verdict in (Verdict.FAILED, Verdict.BROKEN)]
    assert not bad, "\n".join(bad)
    assert session.passed
    skipped = {t.check.name: t.reason for t in session.trials if t.verdict is Verdict.SKIPPED}
    assert not [name for name, reason in skipped.items() if reason in BY_PLACE and name not in ONLY_IN_MEMORY]
    assert len(session.trials) == len(unit.suite)


class _Echo:
    """A device that says what it hears again, at most its first three bytes, ten milliseconds later."""

    acts = faults = {}

    def __init__(self):
        self.heard = b""

    def receive(self, data):
        self.heard += data
        return [(10, data[:3])]

    def tick(self):
        return []

    def next_deadline_ms(self):
        return None


@pytest.fixture
def echo():
    clock = SimClock()
    device = _Echo()
    server = step_pty(device, clock)
    woken = threading.Event()
    line = SteppedLine(server, SerialLine(server.path, None, woken.set), woken)
    yield clock, server, line, device
    line.close()
    server.stop()


def test_bytes_arrive_when_the_clock_says_so_and_not_before(echo):
    clock, server, line, _ = echo
    line.write(b"abc")
    assert not line.settle()
    assert line.read_available() == b""
    assert server.next_deadline_ms() == 10
    clock.move_to(10)
    assert line.settle()
    assert line.read_available() == b"abc"


def test_more_than_a_pseudo_terminal_holds_goes_through(echo):
    _, _, line, device = echo
    data = bytes(range(256)) * 400
    line.write(data)
    line.settle()
    assert device.heard == data


def test_a_line_that_is_gone_says_so(echo):
    _, server, line, _ = echo
    server.stop()
    while not line.settle():
        pass
    with pytest.raises(LineError):
        line.read_available()
    with pytest.raises(LineError):
        line.write(b"x")


class Obliging:
    """A person at a terminal: says yes, and does with the device what the prompts ask for."""

    DOES = (
        (r"Take the receipt", "take_document", {}),
        (r"Open the cover", "open_cover", {}),
        (r"Close the cover", "close_cover", {}),
        (r"Press (\w+)", "press", {"key": 1}),
        (r"Pull the first cassette out", "remove_cassette", {"unit": "unit1"}),
        (r"Push the cassette in again", "insert_cassette", {"unit": "unit1"}),
        (r"Pull the reject tray out", "open", {}),
    )

    def __init__(self, act):
        self.act, self.told, self.asked = act, [], []

    def tell(self, text):
        self.told.append(text)
        for pattern, name, arguments in self.DOES:
            found = re.match(pattern, text)
            if found:
                self.act(name, **{k: found[v] if isinstance(v, int) else v for k, v in arguments.items()})
                return
        raise AssertionError(f"nobody knows how to {text!r}")

    def ask(self, text):
        self.asked.append(text)

    def answer(self):
        return True


OURS = ["lcdm-4000", "lcdm-2000", "lcdm-1000", "szzt", "reliance", "epson", "escpos-plain"]


@pytest.mark.parametrize("name", OURS)
def test_the_suite_for_a_port_needs_a_person_and_no_simulator(name):
    """As on hardware: nothing can be struck or looked into, a person is asked; here the person has a device's hands."""
    unit = UNITS[name]
    people = []

    def make():
        clock = SimClock()
        server = step_pty(unit.simulator(clock), clock)
        woken = threading.Event()
        line = SteppedLine(server, SerialLine(server.path, unit.serial, woken.set), woken)
        people.append(Obliging(server.act))
        return Bench(
            clock=clock,
            make_driver=unit.driver,
            line=line,
            decoder=unit.decoder(),
            pace=SteppedPace(clock, server, line),
            provides=needs_met_on_a_port(unit, attended=True),
            person=people[-1],
            closing=server.stop,
        )

    session = run_session(unit, Place.PORT, "port", make)
    bad = [f"{t.check.name}: {t.reason}" for t in session.trials if t.verdict in (Verdict.FAILED, Verdict.BROKEN)]
    assert not bad, "\n".join(bad)
    assert session.passed
    assert session.coverage is None, "what a device said by itself is no coverage"
    assert any(person.told or person.asked for person in people)
