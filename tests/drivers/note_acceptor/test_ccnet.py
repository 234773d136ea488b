"""The CCNET driver and simulator: every state, every reason, every failure, and the deposit cases."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.acceptor import (
    CashboxRemoved,
    CashboxReplaced,
    CashInEnd,
    CashInRollback,
    CashInStart,
    FraudAttempt,
    GetCashInStatus,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    StopCashIn,
)
from drivers.base.clock import SimClock
from drivers.base.vocabulary import DeviceLost, DeviceReady, Health, HealthChanged, Outcome, Reset
from drivers.note_acceptor.ccnet import commands as say
from drivers.note_acceptor.ccnet.driver import CcnetSettings, CcnetValidator
from drivers.note_acceptor.ccnet.framing import encode
from drivers.note_acceptor.ccnet.link import CcnetLink, CcnetTiming
from drivers.note_acceptor.exchange import End
from drivers.sim.note_acceptor.ccnet import REASONS
from tests.drivers.note_acceptor.bench import Bench
from tests.drivers.note_acceptor.judging import next_works


def begun(bench: Bench | None = None, **start: Any) -> Bench:
    return (bench or Bench.ccnet().ready()).begin(**start)


def holding(value: int = 100, **start: Any) -> Bench:
    return begun(**start).hold(value)


def news(bench: Bench, body: bytes) -> None:
    """Let the device tell something out of the blue."""
    bench.sim._news.append(body)
    bench.wait(2_500)


def test_ready_says_who_and_what():
    bench = Bench.ccnet().ready()
    ready = bench.saw(DeviceReady)[0]
    assert (ready.identity.model, ready.identity.serial) == ("SM-CN0001", "21K100000123")
    assert bench.driver.capabilities.note_types == (100, 500, 1_000, 2_000, 5_000, 10_000)
    assert not bench.driver.capabilities.persistent_counters
    assert bench.sim.state()["enabled"] == 0


def test_a_foreign_bill_table_is_not_taken_into_service_unless_pinned():
    with pytest.raises(AssertionError, match="no notes of"):
        Bench.ccnet(country="RUS").ready()
    pinned = Bench.ccnet(country="RUS", settings={"values_minor": {0: 1_000}}).ready()
    assert pinned.driver.capabilities.note_types == (1_000,)


def test_a_bill_table_with_a_dividing_exponent():
    driver = CcnetValidator(SimClock(), CcnetSettings())
    table = b"\x05CNY\x81" + b"\x01CHN\x02" + b"\x01USA\x02" + bytes(105)
    assert driver._read_table(table) == {0: 50, 1: 10_000}


def test_a_note_is_held_for_a_minute_and_stacked():
    bench = holding()
    bench.wait(60_000)
    assert bench.sim.state()["phase"] == "escrow"
    ended = bench.do(CashInEnd(ticket="end"))
    assert (ended.outcome, ended.stacked) == (Outcome.DONE, {10_000: 1})
    assert bench.ours() == {10_000: 1}
    next_works(bench)


def test_stack_is_said_once_for_one_note():
    bench = holding()
    bench.transcript.clear()
    bench.do(CashInEnd(ticket="end"))
    assert [d for _, way, d in bench.transcript if way == "to_device"].count(encode(b"\x35")) == 1


def test_the_same_note_goes_back():
    bench = holding()
    back = bench.do(CashInRollback(ticket="end"))
    assert (back.outcome, back.returned) == (Outcome.DONE, {10_000: 1})
    assert bench.saw(NoteReturned)[0].reason == "hostRejected"
    bench.wire.act("take_note")
    next_works(bench)


def test_without_escrow_the_driver_stacks_each_note():
    bench = begun(escrow=False)
    for value in (100, 50):
        bench.wire.act("insert_note", value=value)
        bench.wait(4_000)
    bench.start(StopCashIn(ticket="stop"))
    assert bench.result("in").stacked == {5_000: 1, 10_000: 1}
    assert bench.do(CashInEnd(ticket="end")).outcome is Outcome.DONE


@pytest.mark.parametrize("reason", sorted(reason for reason, code in REASONS.items() if code))
def test_every_reject_reason(reason):
    bench = begun()
    bench.sim.strike("reject_note", reason=reason)
    bench.wire.act("insert_note", value=100)
    bench.wait(4_000)
    told = bench.saw(NoteRejected)
    assert len(told) == 1
    assert told[0].reason == say.REJECTS[REASONS[reason]][0]
    bench.wire.act("take_note")
    bench.wire.act("insert_note", value=50)
    assert bench.result("in").escrow == {5_000: 1}


def test_a_reason_of_no_table_is_still_a_rejection():
    bench = begun()
    news(bench, b"\x1c\x93")
    assert bench.saw(NoteRejected)[0].detail == "93 not in the table"


@pytest.mark.parametrize("code", sorted(say.FAILURES))
def test_every_failure_stops_the_device_until_it_passes(code):
    bench = Bench.ccnet().ready()
    bench.sim.strike("failure", code=f"{code:02X}")
    bench.wait(2_000)
    told = bench.saw(HealthChanged)[-1]
    assert (told.health, told.error) == (Health.STOP, "hardwareError")
    assert say.FAILURES[code] in told.detail
    assert bench.do(CashInStart(ticket="s")).outcome is Outcome.REFUSED
    bench.sim.heal()
    bench.wait(2_000)
    assert bench.driver.health is Health.OK


@pytest.mark.parametrize("state", sorted(say.STATES))
def test_every_state_out_of_the_blue(state):
    bench = Bench.ccnet().ready()
    body = bytes((state, 0x05)) if state in say.WITH_ARGUMENT else bytes((state,))
    news(bench, body)
    credited = [seen.value_minor for seen in bench.saw(NoteStacked)]
    known = {0x81: [10_000], 0x12: [0]}
    assert credited == known.get(state, [])
    assert bool(bench.saw(DeviceLost)) == (state in (0x10, 0x11, 0x12))


def test_the_cassette():
    bench = begun()
    bench.wire.act("remove_cashbox")
    assert bench.result("in").error == "cashUnitMissing"
    bench.wire.act("replace_cashbox")
    bench.wait(2_000)
    assert len(bench.saw(CashboxRemoved)) == len(bench.saw(CashboxReplaced)) == 1
    bench.sim.strike("cassette_full")
    bench.wait(2_000)
    assert bench.saw(HealthChanged)[-1].supplies == {"cashbox": "full"}


@pytest.mark.parametrize("fault", ["jam_reading", "jam_before_credit", "jam_after_credit"])
def test_jams_are_unknown(fault):
    bench = begun()
    bench.sim.strike(fault)
    bench.wire.act("insert_note", value=100)
    result = bench.result("in")
    if fault != "jam_reading":
        result = bench.do(CashInEnd(ticket="end"))
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "mediaJam")
    assert not bench.saw(NoteStacked)


@pytest.mark.parametrize("fault", ["string_pulled", "event_lost"])
def test_a_note_nobody_speaks_of_is_unknown_and_stays_so(fault):
    bench = holding()
    bench.sim.strike(fault)
    since_ms = bench.clock.now_ms()
    ended = bench.do(CashInEnd(ticket="end"))
    assert bench.clock.now_ms() - since_ms < 5_000, "a device at rest has nothing more to tell"
    assert (ended.outcome, ended.unaccounted) == (Outcome.UNKNOWN, {10_000: 1})
    assert len(bench.saw(FraudAttempt)) == (fault == "string_pulled")
    status = bench.do(GetCashInStatus(ticket="q"))
    assert (status.outcome, status.notes_stacked) == (Outcome.UNKNOWN, None)


def test_a_note_pulled_out_of_escrow_is_a_fraud_attempt():
    bench = holding()
    bench.wire.act("pull_note_back")
    bench.wait(3_000)
    assert len(bench.saw(FraudAttempt)) == 1
    assert bench.do(CashInEnd(ticket="end")).outcome is Outcome.UNKNOWN


def test_a_device_that_cannot_stack_gives_it_back():
    bench = holding()
    bench.sim.strike("stack_fails")
    ended = bench.do(CashInEnd(ticket="end"))
    assert (ended.outcome, ended.error, ended.returned) == (Outcome.PARTIAL, "notesReturned", {10_000: 1})


def test_stack_not_heard_is_said_again_because_the_device_says_it_still_has_the_note():
    bench = holding()
    bench.sim.strike("deaf")
    assert bench.do(CashInEnd(ticket="end")).stacked == {10_000: 1}
    deaf = holding()
    deaf.sim._execute = _never_stacks(deaf.sim)
    ended = deaf.do(CashInEnd(ticket="end"))
    assert (ended.outcome, ended.error) == (Outcome.PARTIAL, "notesReturned"), "the escrow's time was up"
    assert [d for _, _, d in deaf.transcript].count(encode(b"\x35")) == 3


def _never_stacks(sim: Any) -> Any:
    execute = type(sim)._execute
    return lambda code, data, now_ms: b"\x30" if code == 0x35 else execute(sim, code, data, now_ms)


@pytest.mark.parametrize("at_ms", range(0, 3_000, 150))
def test_power_cut_at_any_instant_of_stacking(at_ms):
    bench = holding()
    bench.start(CashInEnd(ticket="end"))
    bench.wait(at_ms)
    bench.wire.power(False)
    bench.wait(45_000)
    bench.wire.power(True)
    bench.wait(2_000)
    if bench.driver.identity is None:
        bench.ready()
    status = bench.do(GetCashInStatus(ticket="q"))
    told = [seen.value_minor for seen in bench.saw(NoteStacked)]
    if status.outcome is Outcome.DONE:
        assert dict(status.stacked) == bench.ours()
    assert told in ([], [10_000])
    assert len(told) <= sum(bench.ours().values())
    if bench.places()["mouth"]:
        bench.wire.act("take_note")
    next_works(bench)


def test_a_new_driver_returns_what_it_finds_in_escrow():
    bench = holding()
    bench.driver = CcnetValidator(bench.clock)
    bench.ready()
    assert bench.places()["mouth"] == {10_000: 1}
    assert not bench.ours()


@pytest.mark.parametrize("held_ms", [0, 7_000])
def test_the_same_driver_keeps_what_it_holds(held_ms):
    bench = holding()
    bench.wait(held_ms)
    bench.reports += bench.driver.disconnect("unplugged")
    bench.ready()
    assert bench.do(GetCashInStatus(ticket="q")).escrow == {10_000: 1}
    assert bench.do(CashInEnd(ticket="end")).stacked == {10_000: 1}


def test_reset():
    bench = holding()
    done = bench.do(Reset(ticket="r"))
    assert bench.places()["mouth"] == {10_000: 1}
    assert done.outcome in (Outcome.DONE, Outcome.UNKNOWN)
    bench.wire.act("take_note")
    next_works(bench)


# ---------------------------------------------------------------- the link alone


def link() -> tuple[SimClock, CcnetLink]:
    clock = SimClock()
    return clock, CcnetLink(clock, CcnetTiming(), 3)


def test_an_answer_is_acknowledged_and_the_next_command_waits_for_quiet():
    clock, one = link()
    one.start(say.POLL)
    assert one.data_to_send() == encode(b"\x33")
    ended = one.receive(encode(b"\x80\x05"))
    assert ended is not None
    assert (ended.code, ended.data, ended.ok) == (0x80, b"\x05", True)
    one.start(say.STACK)
    assert one.data_to_send() == encode(b"\x00")
    clock.advance(20)
    assert one.data_to_send() == encode(b"\x35")
    assert one.receive(encode(b"\x80\x05")) is None, "no poll's answer is STACK's"
    ended = one.receive(encode(b"\x00"))
    assert ended is not None
    assert ended.ok
    assert one.data_to_send() == b"", "an ACK is not acknowledged"


def test_silence_after_stack_ends_it_and_after_poll_repeats_it():
    clock, one = link()
    one.start(say.STACK)
    one.data_to_send()
    clock.advance(250)
    ended = one.tick()
    assert ended is not None
    assert ended.end is End.SILENT
    clock.advance(20)
    one.start(say.POLL)
    for _ in range(CcnetTiming().tries):
        clock.advance(20)
        assert one.data_to_send() == encode(b"\x33")
        clock.advance(250)
        ended = one.tick()
    assert ended is not None
    assert ended.end is End.SILENT


def test_nak_is_said_to_a_damaged_answer_and_heard_from_the_device():
    clock, one = link()
    one.start(say.POLL)
    one.data_to_send()
    hurt = bytearray(encode(b"\x80\x05"))
    hurt[-1] ^= 1
    for _ in range(3):
        assert one.receive(bytes(hurt)) is None
        assert one.data_to_send() == encode(b"\xff")
    assert one.receive(encode(b"\xff")) is None
    clock.advance(20)
    assert one.data_to_send() == encode(b"\x33")
    ended = one.receive(encode(b"\x30"))
    assert ended is not None
    assert not ended.ok


def test_an_answer_nobody_waits_for_is_not_acknowledged():
    _, one = link()
    assert one.receive(encode(b"\x81\x05")) is None
    assert one.data_to_send() == b""
    assert one.late == 1
