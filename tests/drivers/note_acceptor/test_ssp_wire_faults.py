"""Every wire fault on every chunk of a deposit: what was reported against where the paper is.

What must hold, whatever strikes once:
- a note is reported stacked at most once, and only if it is in the machine for good;
- DONE and PARTIAL say exactly where the notes are; UNKNOWN says no more than the truth and names what is missing;
- after the line is whole again, `GetCashInStatus` says the truth or UNKNOWN, and moves nothing;
- the next deposit works.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base.acceptor import (
    CashIn,
    CashInCounts,
    CashInEnd,
    CashInRollback,
    CashInStart,
    GetCashInStatus,
    NoteReturned,
    NoteStacked,
)
from drivers.base.vocabulary import Command, Outcome
from drivers.sim.wire import WireFault
from tests.drivers.note_acceptor.bench import Bench

ENDINGS: dict[str, Command] = {"stack": CashInEnd(ticket="end"), "return": CashInRollback(ticket="end")}
CHUNKS = 12  # of each direction: a whole stack takes nine


def faults(chunks: int = CHUNKS) -> list[WireFault]:
    found = []
    for direction, nth in itertools.product(("to_device", "from_device"), range(1, chunks + 1)):
        where: dict[str, Any] = {"direction": direction, "nth": nth}
        found += [WireFault(effect="drop", **where), WireFault(effect="repeat", **where)]
        found.append(WireFault(effect="drop", times=25, **where))
        found.append(WireFault(effect="repeat", copies=3, by_ms=1_300, **where))
        found += [WireFault(effect="delay", by_ms=by_ms, **where) for by_ms in (300, 1_500, 9_000, 40_000)]
        for at in (0, 1, 3, -1):
            found += [WireFault(effect="corrupt", at=at, mask=mask, **where) for mask in (0x01, 0x80, 0x7F)]
            found.append(WireFault(effect="split", at=at, by_ms=400, **where))
        found += [WireFault(effect="cut", at=at, **where) for at in (0, 2, -1)]
    return found


def name_of(fault: WireFault) -> str:
    more = f"at{fault.at}-{fault.mask:02X}-{fault.by_ms}x{fault.copies}x{fault.times}"
    return f"{fault.effect}-{fault.direction}-{fault.nth}-{more}"


def judge(bench: Bench, result: CashInCounts) -> None:
    """Compare a result and all that was told with where the paper is."""
    ours = bench.ours()
    told = Counter(seen.value_minor for seen in bench.saw(NoteStacked))
    assert all(count <= ours.get(value, 0) for value, count in told.items()), (told, ours)
    assert dict(result.stacked) == dict(told), "the book and the result disagree"
    back = Counter(seen.value_minor for seen in bench.saw(NoteReturned))
    outside = Counter(bench.places()["mouth"]) + Counter(bench.places()["customer"])
    assert all(count <= outside[value] for value, count in back.items()), (back, outside)
    if result.outcome in (Outcome.DONE, Outcome.PARTIAL):
        assert dict(result.stacked) == ours
        assert not result.unaccounted
        assert not result.unidentified
    elif result.outcome is Outcome.REFUSED:
        assert not result.stacked
        assert not ours
    elif result.escrow:
        assert bench.places()["path"] == dict(result.escrow)
    else:
        missing = sum(result.unaccounted.values()) + result.unidentified
        assert missing >= sum(ours.values()) - sum(told.values())


def reconnect(bench: Bench) -> None:
    """The line is whole again, and whoever owns the driver connects until the device is back."""
    bench.wire.restore()
    for _ in range(5):
        if bench.driver.identity is not None:
            return
        bench.wait(5_000)
        bench.driver.connect()
        bench.until(lambda: bench.driver.identity is not None, 30_000)
    raise AssertionError("it does not come back")


def suffer(ending: str, faults: list[WireFault], *, encrypt: bool, phase: str) -> Bench:
    bench = Bench.nv200(encrypt=encrypt).ready()
    counters = bench.do(CashInStart(ticket="start")).counters
    bench.start(CashIn(ticket="in"))
    bench.wait(600)
    if phase == "in":
        for fault in faults:
            bench.wire.strike(fault)
    bench.wire.act("insert_note", value=100)
    taken = bench.result("in")
    if taken.outcome is Outcome.DONE:
        assert taken.escrow == {10_000: 1}
        if phase == "end":
            for fault in faults:
                bench.wire.strike(fault)
        bench.start(ENDINGS[ending])
        result = bench.result("end")
    else:
        result = taken
    judge(bench, result)
    bench.wait(45_000)  # the device left alone; twenty tries take twenty seconds
    reconnect(bench)
    before = bench.places()
    status = bench.do(GetCashInStatus(ticket="ask", counters=counters))
    assert bench.places() == before, "asking moves nothing"
    judge(bench, status)
    if status.status != "active":
        assert status.outcome is Outcome.DONE, status  # with counters everything is settled
        assert dict(status.stacked) == bench.ours()
    elif bench.driver.capabilities.escrow_notes:
        judge(bench, bench.do(CashInRollback(ticket="last")))
    return bench


def next_works(bench: Bench) -> None:
    before = bench.ours()
    if bench.places()["mouth"]:
        bench.wire.act("take_note")
    assert bench.do(CashInStart(ticket="start2")).outcome is Outcome.DONE
    bench.start(CashIn(ticket="in2"))
    bench.wait(600)
    bench.wire.act("insert_note", value=50)
    assert bench.result("in2").outcome is Outcome.DONE
    ended = bench.do(CashInEnd(ticket="end2"))
    assert ended.outcome is Outcome.DONE
    assert bench.ours().get(5_000, 0) == before.get(5_000, 0) + 1


@pytest.mark.parametrize("phase", ["in", "end"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("fault", faults(), ids=name_of)
def test_reported_against_true(fault, ending, phase):
    next_works(suffer(ending, [fault], encrypt=False, phase=phase))


@pytest.mark.parametrize("fault", faults()[::4], ids=name_of)
def test_reported_against_true_encrypted(fault):
    next_works(suffer("stack", [fault], encrypt=True, phase="end"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(faults()), min_size=2, max_size=4), st.sampled_from(sorted(ENDINGS)), st.booleans())
def test_several_at_once(several, ending, encrypt):
    suffer(ending, several, encrypt=encrypt, phase="end")
