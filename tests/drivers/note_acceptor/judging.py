"""What was reported, against where the paper is. Shared by the wire tests of every acceptor."""

from __future__ import annotations

from collections import Counter

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


def suffer(bench: Bench, ending: str, faults: list[WireFault], phase: str) -> Bench:
    """Carry one deposit through while `faults` strike, in the taking or in the ending; judge all that is said."""
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
        if counters:
            assert status.outcome is Outcome.DONE, status  # then everything can be settled
            assert dict(status.stacked) == bench.ours()
    else:
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
