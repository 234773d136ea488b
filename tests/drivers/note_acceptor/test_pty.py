"""One deposit on a real pseudo-terminal, for each family: the driver, pyserial, the simulator."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from drivers.base.acceptor import CashIn, CashInEnd, CashInEndResult, CashInResult, CashInStart, CashInStartResult
from drivers.base.clock import Clock, MonotonicClock
from drivers.base.line import SerialLine, SerialSettings
from drivers.base.vocabulary import DeviceReady, Outcome
from drivers.note_acceptor.ccnet.driver import CcnetSettings, CcnetValidator
from drivers.note_acceptor.ssp.driver import SspValidator
from drivers.note_acceptor.ssp.settings import SSP_LINE, SspSettings
from drivers.sim.note_acceptor import SimCcnet, SimNv200
from drivers.sim.pty import serve_pty

PATIENCE_MS = 10_000


def ssp(clock: Clock) -> tuple[Any, Any, SerialSettings]:
    settings = SspSettings(encrypt=True, poll_every_ms=20, idle_every_ms=50)
    return SspValidator(clock, settings, os.urandom), SimNv200(clock), SSP_LINE


def ccnet(clock: Clock) -> tuple[Any, Any, SerialSettings]:
    settings = CcnetSettings(poll_every_ms=20, idle_every_ms=50)
    return CcnetValidator(clock, settings), SimCcnet(clock), SerialSettings()


@pytest.mark.parametrize("make", [ssp, ccnet])
def test_one_deposit_through_a_real_port(make: Callable[[Clock], tuple[Any, Any, SerialSettings]]) -> None:
    clock = MonotonicClock()
    driver, sim, settings = make(clock)
    with serve_pty(sim, clock) as port:
        bell = threading.Event()
        line = SerialLine(port.path, settings, bell.set)
        reports: list[Any] = []

        def until(condition: Callable[[], bool]) -> None:
            end_ms = clock.now_ms() + PATIENCE_MS
            while not condition():
                assert clock.now_ms() < end_ms, reports
                reports.extend(driver.tick())
                if out := driver.data_to_send():
                    line.write(out)
                due_ms = driver.next_deadline_ms()
                bell.wait(0.2 if due_ms is None else max(0, min(200, due_ms - clock.now_ms())) / 1_000)
                bell.clear()
                reports.extend(driver.receive(line.read_available()))

        def seen(kind: type) -> list[Any]:
            return [report for report in reports if isinstance(report, kind)]

        try:
            driver.connect()
            until(lambda: bool(seen(DeviceReady)))
            driver.submit(CashInStart(ticket="start"))
            until(lambda: bool(seen(CashInStartResult)))
            driver.submit(CashIn(ticket="in"))
            until(lambda: bool(port.state()["enabled"]))
            port.act("insert_note", value=100)
            until(lambda: bool(seen(CashInResult)))
            driver.submit(CashInEnd(ticket="end"))
            until(lambda: bool(seen(CashInEndResult)))
        finally:
            line.close()
        assert seen(CashInEndResult)[0].outcome is Outcome.DONE
        places: Any = port.state()["places"]
        assert places["cashbox"] == {10_000: 1}
        assert driver.discarded == 0
