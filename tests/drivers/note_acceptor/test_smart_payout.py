"""The recycler: deposits into the store, payouts out of it, and what is said when they go wrong."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from drivers.base.acceptor import (
    CashIn,
    CashInEnd,
    CashInRollback,
    CashInStart,
    Deplete,
    LastPayOut,
    NotesAtExit,
    NotesPaid,
    NoteStored,
    NoteTransferred,
    PayOut,
    PayOutInterrupted,
    StoredNotes,
)
from drivers.base.clock import SimClock
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import DeviceLost, Outcome
from drivers.note_acceptor.ssp.framing import Frame, encode
from drivers.note_acceptor.ssp.settings import SspSettings
from drivers.note_acceptor.ssp.smart_payout import SmartPayout
from drivers.sim.wire import WireFault
from tests.drivers.note_acceptor.bench import Bench

PICKS = {10_000: 2, 5_000: 1}


def out(bench: Bench) -> dict[int, int]:
    places = bench.places()
    return dict(Counter(places["paid"]) + Counter(places["received"]))


def conserved(bench: Bench, total: int = 20) -> bool:
    return sum(sum(notes.values()) for notes in bench.places().values()) == total


def test_without_encryption_there_is_no_recycler():
    with pytest.raises(LocalProtocolError, match="encrypt"):
        SmartPayout(SimClock(), SspSettings(), bytes)


def test_a_deposited_note_goes_to_the_store_or_the_cashbox_by_its_route():
    bench = Bench.smart().ready()
    for index, (value, unit) in enumerate(((100, "recycler"), (20, "cashbox"))):
        bench.do(CashInStart(ticket=f"s{index}"))
        bench.start(CashIn(ticket=f"i{index}"))
        bench.wait(600)
        bench.wire.act("insert_note", value=value)
        bench.result(f"i{index}")
        assert bench.do(CashInEnd(ticket=f"e{index}")).stacked == {value * 100: 1}
        assert bench.saw(NoteStored)[-1].unit == unit
    assert bench.places()["store"] == {10_000: 11, 5_000: 10}
    assert bench.places()["cashbox"] == {2_000: 1}


@pytest.mark.parametrize("ending", ["stack", "return"])
def test_a_unit_without_hold_keeps_a_note_all_the_same(ending):
    """GA138: HOLD is not in the SMART Payout's list, and any command but a poll holds a note in escrow."""
    bench = Bench.smart(holds=False).ready().begin().hold()
    bench.wait(45_000)
    assert bench.places()["path"] == {10_000: 1}
    result = bench.do(CashInEnd(ticket="end") if ending == "stack" else CashInRollback(ticket="end"))
    assert result.outcome is Outcome.DONE
    assert bench.ours().get(10_000, 0) == (11 if ending == "stack" else 10)


def test_payout_of_two_denominations():
    bench = Bench.smart().ready()
    stored = bench.do(StoredNotes(ticket="q"))
    assert stored.stored == {10_000: 10, 5_000: 10}
    paid = bench.do(PayOut(ticket="p", picks=PICKS))
    assert (paid.outcome, paid.moved, paid.paid_minor) == (Outcome.DONE, PICKS, 25_000)
    assert [seen.paid_minor for seen in bench.saw(NotesPaid)][-1] == 25_000
    assert out(bench) == PICKS
    last = bench.do(LastPayOut(ticket="l", picks=PICKS, stored=stored.stored, counters=stored.counters))
    assert (last.outcome, last.moved) == (Outcome.DONE, PICKS)
    assert conserved(bench)


@pytest.mark.parametrize(
    ("picks", "error"), [({10_000: 30}, "notDispensable"), ({10_000: 11}, "notDispensable")]
)
def test_what_cannot_be_paid_is_refused_and_moves_nothing(picks, error):
    bench = Bench.smart().ready()
    stored = bench.do(StoredNotes(ticket="q"))
    refused = bench.do(PayOut(ticket="p", picks=picks))
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, error)
    assert out(bench) == {}
    last = bench.do(LastPayOut(ticket="l", picks=picks, stored=stored.stored, counters=stored.counters))
    assert last.outcome is Outcome.REFUSED


def test_notes_nobody_recycles_cannot_be_ordered():
    bench = Bench.smart().ready()
    for command in (PayOut(ticket="p", picks={2_000: 1}), PayOut(ticket="p", picks={})):
        with pytest.raises(LocalProtocolError):
            bench.start(command)


def test_busy_device_refuses():
    bench = Bench.smart().ready()
    bench.sim.strike("payout_busy")
    assert bench.do(PayOut(ticket="p", picks=PICKS)).error == "deviceBusy"
    bench.do(PayOut(ticket="p2", picks={5_000: 1}))
    assert bench.do(PayOut(ticket="p3", picks={5_000: 1})).error == "deviceBusy", "notes wait at the exit"


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_jam_on_the_way_out(nth):
    bench = Bench.smart().ready()
    stored = bench.do(StoredNotes(ticket="q"))
    bench.sim.strike("payout_jam", nth=nth)
    paid = bench.do(PayOut(ticket="p", picks=PICKS))
    assert paid.outcome is Outcome.PARTIAL
    assert paid.error == "mediaJam"
    assert paid.moved == out(bench)
    assert paid.unaccounted == bench.places()["path"]
    last = bench.do(LastPayOut(ticket="l", picks=PICKS, stored=stored.stored, counters=stored.counters))
    assert last.outcome is Outcome.UNKNOWN, "a note lies in the path"
    assert conserved(bench)


def test_nothing_found_in_the_store_is_refused():
    bench = Bench.smart().ready()
    bench.sim.strike("payout_error", code=3)
    paid = bench.do(PayOut(ticket="p", picks=PICKS))
    assert (paid.outcome, paid.error, out(bench)) == (Outcome.REFUSED, "hardwareError", {})
    assert paid.detail == "B1 error during payout stalled"


def test_a_double_goes_to_the_cashbox_and_is_not_counted_as_paid():
    bench = Bench.smart().ready()
    stored = bench.do(StoredNotes(ticket="q"))
    bench.sim.strike("payout_diverted", nth=2)
    paid = bench.do(PayOut(ticket="p", picks=PICKS))
    assert (paid.outcome, paid.moved) == (Outcome.DONE, PICKS)
    assert out(bench) == PICKS
    assert bench.saw(NoteTransferred)[0].value_minor == 10_000
    last = bench.do(LastPayOut(ticket="l", picks=PICKS, stored=stored.stored, counters=stored.counters))
    assert last.outcome is Outcome.UNKNOWN, "the store alone cannot tell which note went where"


@pytest.mark.parametrize("notes", [1, 2, 3])
def test_power_cut_in_a_payout_is_settled_afterwards(notes):
    bench = Bench.smart().ready()
    stored = bench.do(StoredNotes(ticket="q"))
    bench.sim.strike("power_loss_after_notes", notes=notes)
    bench.start(PayOut(ticket="p", picks=PICKS))
    bench.until(lambda: not bench.sim.state()["powered"])
    assert bench.result("p").outcome is Outcome.UNKNOWN
    assert bench.saw(DeviceLost)
    bench.wire.power(True)
    bench.wait(4_000)
    bench.ready()
    assert [seen.paid_minor for seen in bench.saw(PayOutInterrupted)] == [sum(v * n for v, n in out(bench).items())]
    last = bench.do(LastPayOut(ticket="l", picks=PICKS, stored=stored.stored, counters=stored.counters))
    assert (last.outcome, last.moved) == (Outcome.DONE, out(bench))
    assert conserved(bench)


def test_note_at_the_exit_is_seen_on_protocol_8():
    bench = Bench.smart(settings={"protocol": 8}).ready()
    assert bench.driver.capabilities.items_taken_sensor
    bench.do(CashInStart(ticket="s"))
    bench.start(CashIn(ticket="i"))
    bench.wait(600)
    bench.wire.act("insert_note", value=100, quality="suspect")
    bench.wait(5_000)
    assert [seen.value_minor for seen in bench.saw(NotesAtExit)] == [0], "it was not recognised"


def test_deplete_to_nothing_and_to_a_float():
    bench = Bench.smart().ready()
    kept = bench.do(Deplete(ticket="f", keep={10_000: 4, 5_000: 10}))
    assert (kept.outcome, kept.moved, kept.stored) == (Outcome.DONE, {10_000: 6}, {10_000: 4, 5_000: 10})
    assert bench.places()["cashbox"] == {10_000: 6}
    emptied = bench.do(Deplete(ticket="e"))
    assert (emptied.outcome, emptied.moved, emptied.stored) == (Outcome.DONE, {10_000: 4, 5_000: 10}, {})
    assert conserved(bench)


def test_money_commands_in_clear_are_out_of_range_and_move_nothing():
    bench = Bench.smart().ready()
    order = b"\x46\x01" + b"\x01\x00" + (5_000).to_bytes(4, "little") + b"CNY" + b"\x58"
    for flag in (True, False):  # one of them is a new command
        bench.sim.receive(encode(Frame(flag, 0, order)))
    bench.clock.advance(5_000)
    assert out(bench) == {}
    assert bench.places()["store"] == {10_000: 10, 5_000: 10}


def test_a_restarted_device_takes_no_old_order():
    bench = Bench.smart().ready()
    bench.transcript.clear()
    bench.do(PayOut(ticket="p", picks={5_000: 1}))
    sent = [data for _, way, data in bench.transcript if way == "to_device"]
    bench.wire.act("take_note")
    bench.wire.power(False)
    bench.wire.power(True)
    bench.clock.advance(5_000)
    for data in sent:
        bench.sim.receive(data)
    bench.clock.advance(10_000)
    assert sum(out(bench).values()) == 1


# ---------------------------------------------------------------- the wire


def faults() -> list[WireFault]:
    found = []
    for direction, nth in itertools.product(("to_device", "from_device"), range(1, 24)):
        where: dict[str, Any] = {"direction": direction, "nth": nth}
        found += [WireFault(effect="drop", **where), WireFault(effect="repeat", copies=2, by_ms=1_200, **where)]
        found += [WireFault(effect="drop", times=25, **where), WireFault(effect="delay", by_ms=1_500, **where)]
        found += [WireFault(effect="corrupt", at=at, mask=0x11, **where) for at in (1, 5, -1)]
        found += [WireFault(effect="cut", at=at, **where) for at in (0, 9)]
    return found


@pytest.mark.parametrize("fault", faults(), ids=lambda f: f"{f.effect}-{f.direction}-{f.nth}-{f.at}-{f.times}")
def test_every_wire_fault_on_a_payout(fault):
    bench = Bench.smart().ready()
    stored = bench.do(StoredNotes(ticket="q"))
    bench.wire.strike(fault)
    bench.start(PayOut(ticket="p", picks=PICKS))
    paid = bench.result("p")
    truth = out(bench)
    assert all(count <= PICKS[value] for value, count in truth.items())
    if paid.outcome is Outcome.DONE:
        assert paid.moved == truth == PICKS
    elif paid.outcome is Outcome.REFUSED:
        assert truth == {}
    else:
        assert all(count <= truth.get(value, 0) for value, count in paid.moved.items())
        assert paid.paid_minor <= sum(value * count for value, count in truth.items())
    bench.wait(45_000)
    bench.wire.restore()
    bench.wait(45_000)
    if bench.driver.identity is None:
        bench.ready()
    truth = out(bench)
    last = bench.do(LastPayOut(ticket="l", picks=PICKS, stored=stored.stored, counters=stored.counters))
    assert last.outcome is (Outcome.DONE if truth else Outcome.REFUSED)
    assert last.moved == truth
    assert out(bench) == truth, "asking moves nothing"
    assert conserved(bench)
    if truth:
        bench.wire.act("take_note")
    assert bench.do(PayOut(ticket="p2", picks={5_000: 1})).outcome is Outcome.DONE
