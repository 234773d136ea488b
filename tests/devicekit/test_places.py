"""The same suite in memory and on a pseudo-terminal: every profile, every check, the same verdicts.

On the pseudo-terminal the bytes pass the kernel and the serial code of the product; only the clock is virtual. What is
left for real time (threads at both ends) is tried with a few checks in `test_watching`.
"""

from __future__ import annotations

import threading

import pytest

from drivers.base.clock import SimClock
from drivers.base.errors import LineError
from drivers.base.line import SerialLine
from drivers.sim.pty import step_pty
from kiosk.devicekit.bench import SteppedLine
from kiosk.devicekit.check import Verdict
from kiosk.devicekit.session import Place, bench_in_memory, bench_on_pty, run_session
from kiosk.devicekit.units import UNITS


@pytest.mark.parametrize("name", list(UNITS))
def test_every_profile_keeps_its_contract_on_a_pseudo_terminal_as_in_memory(name):
    unit = UNITS[name]
    in_memory = run_session(unit, Place.MEMORY, "in memory", lambda: bench_in_memory(unit))
    on_pty = run_session(unit, Place.PTY, "pty", lambda: bench_on_pty(unit))
    bad = [f"{t.check.name}: {t.reason}" for t in on_pty.trials if t.verdict in (Verdict.FAILED, Verdict.BROKEN)]
    assert not bad, "\n".join(bad)
    assert on_pty.passed
    verdicts = [(t.check.name, t.verdict, t.reason) for t in on_pty.trials]
    assert verdicts == [(t.check.name, t.verdict, t.reason) for t in in_memory.trials]


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
