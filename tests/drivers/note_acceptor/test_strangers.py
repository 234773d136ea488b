"""Another unit stands where one was lost: what it says and counts settles nothing of the one before."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.acceptor import CashIn, CashInEnd, CashInStart, GetCashInStatus, NoteReturned, NoteStacked
from drivers.base.vocabulary import DeviceReady, Outcome
from drivers.sim.note_acceptor import SimCcnet, SimNv200
from tests.drivers.note_acceptor.bench import Bench

UNITS: dict[str, tuple[Any, Any]] = {
    "ssp": (Bench.nv200, lambda clock: SimNv200(clock, serial=666)),
    "ccnet": (Bench.ccnet, lambda clock: SimCcnet(clock, serial="STRANGER0001")),
}


def lost_with_a_note(make: Any) -> tuple[Bench, Any]:
    """Lose a unit while it stacks a note."""
    bench = make().ready()
    counters = bench.do(CashInStart(ticket="start")).counters
    bench.start(CashIn(ticket="in", notes_max=1))
    bench.wait(600)
    bench.wire.act("insert_note", value=100)
    assert bench.result("in").outcome is Outcome.DONE
    bench.sim.strike("power_loss", at="stacking")
    bench.start(CashInEnd(ticket="end"))
    assert bench.result("end").outcome is Outcome.UNKNOWN
    bench.until(lambda: bench.driver.identity is None)
    return bench, counters


def with_a_note_stacked(sim: Any, bench: Bench) -> None:
    """Let the stranger have a note of its own that it has not told of: in its cashbox, and in its counters."""
    sim.power(False)
    sim.transport.note = None
    sim.power(True)
    if isinstance(sim, SimNv200):
        sim.counters["stacked"] = 1
        sim._events.append(b"\xe2\x06")
    else:
        sim._starting = 0x12
    bench.wait(5_000)


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize("stacked", [False, True])
def test_101_a_stranger_settles_nothing(kind, stacked):
    make, stranger = UNITS[kind]
    bench, counters = lost_with_a_note(make)
    first = bench.saw(DeviceReady)[0].identity
    bench.sim = bench.wire.device = stranger(bench.clock)
    if stacked:
        with_a_note_stacked(bench.sim, bench)
    bench.ready()
    assert bench.saw(DeviceReady)[-1].identity != first
    status = bench.do(GetCashInStatus(ticket="ask", counters=counters))
    assert status.outcome is Outcome.UNKNOWN
    assert status.status == "unknown"
    assert not [seen for seen in bench.saw(NoteStacked) if seen.cash_in == "start"]
    assert not bench.saw(NoteReturned)
    assert bench.do(CashInStart(ticket="next")).outcome is Outcome.DONE, "it can be worked with"


@pytest.mark.parametrize("kind", UNITS)
def test_101_the_same_unit_settles_it(kind):
    make, _ = UNITS[kind]
    bench, counters = lost_with_a_note(make)
    bench.wire.power(True)
    bench.wait(5_000)
    bench.ready()
    status = bench.do(GetCashInStatus(ticket="ask", counters=counters))
    assert (status.outcome, dict(status.returned)) == (Outcome.DONE, {10_000: 1})


def test_counters_of_another_unit_settle_nothing_for_a_new_driver_either():
    """The terminal crashed, the unit was changed, and only the journalled counters are left."""
    bench = Bench.nv200(serial=12).ready()
    counters = {**bench.do(CashInStart(ticket="start")).counters, "serial": 11}
    status = bench.do(GetCashInStatus(ticket="ask", counters=counters))
    assert status.notes_stacked is None
