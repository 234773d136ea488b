"""The NV200 driver and simulator through the deposit cases of the catalogue (61 to 78)."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.acceptor import (
    CashboxRemoved,
    CashboxReplaced,
    CashIn,
    CashInEnd,
    CashInRollback,
    CashInStart,
    FraudAttempt,
    GetCashInStatus,
    NoteInEscrow,
    NoteInserted,
    NoteRejected,
    NoteReturned,
    NotesAtExit,
    NoteStacked,
    NotesTaken,
    NoteStored,
    NoteTransferred,
    StopCashIn,
)
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import DeviceLost, DeviceReady, Health, HealthChanged, Outcome, Reset
from drivers.note_acceptor.ssp import commands as say
from drivers.note_acceptor.ssp.driver import SspValidator
from drivers.note_acceptor.ssp.framing import Frame, encode
from drivers.note_acceptor.ssp.settings import SspSettings
from drivers.sim.note_acceptor import SimNv200
from drivers.sim.note_acceptor.nv200 import REJECTS
from tests.drivers.note_acceptor.bench import Bench
from tests.drivers.note_acceptor.judging import next_works


def begun(bench: Bench | None = None, **start: Any) -> Bench:
    return (bench or Bench.nv200().ready()).begin(**start)


def holding(value: int = 100, **start: Any) -> Bench:
    return begun(**start).hold(value)


def inject(bench: Bench, *events: bytes) -> None:
    """Let the device report something out of the blue."""
    bench.sim._events += events
    bench.wait(1_500)


# ---------------------------------------------------------------- connecting


def test_ready_says_who_and_what():
    bench = Bench.nv200(serial=12_345).ready()
    ready = bench.saw(DeviceReady)[0]
    assert (ready.identity.model, ready.identity.serial) == ("ITL validator", "12345")
    assert bench.driver.capabilities.note_types == (100, 500, 1_000, 2_000, 5_000, 10_000)
    assert bench.driver.capabilities.escrow_notes == 1
    assert not bench.sim.state()["enabled"]


def test_protocol_is_negotiated_downwards():
    assert Bench.nv200(protocol_max=6).ready().driver._protocol == 6
    with pytest.raises(AssertionError, match="declines"):
        Bench.nv200(protocol_max=5).ready()


def test_a_device_of_another_currency_or_dataset_is_not_taken_into_service():
    with pytest.raises(AssertionError, match="no channel for CNY"):
        Bench.nv200(currency="EUR").ready()
    with pytest.raises(AssertionError, match="another dataset"):
        Bench.nv200(settings={"values_minor": {1: 500}}).ready()


def test_nobody_there_is_a_device_lost_after_twenty_tries():
    bench = Bench.nv200()
    bench.wire.unplug()
    bench.wire.plug()
    bench.sim.strike("deaf", stays=True)
    bench.driver.connect()
    bench.until(lambda: bool(bench.saw(DeviceLost)))
    assert len([entry for entry in bench.transcript if entry[1] == "to_device"]) == 20


def test_encryption_needs_entropy_and_hides_the_credit():
    with pytest.raises(LocalProtocolError, match="entropy"):
        SspValidator(Bench().clock, SspSettings(encrypt=True))
    bench = Bench.nv200(encrypt=True).ready()
    bench.transcript.clear()
    begun(bench)
    bench.wire.act("insert_note", value=100)
    bench.result("in")
    assert bench.do(CashInEnd(ticket="end")).outcome is Outcome.DONE
    assert all(data[3] == 0x7E for _, _, data in bench.transcript)


def test_wrong_use_is_our_bug():
    driver = SspValidator(Bench().clock)
    with pytest.raises(LocalProtocolError, match="offline"):
        driver.submit(CashIn(ticket="x"))
    bench = Bench.nv200().ready()
    with pytest.raises(LocalProtocolError, match="no such notes"):
        bench.start(CashInStart(ticket="x", values_minor=(777,)))
    with pytest.raises(LocalProtocolError, match="connect while"):
        bench.driver.connect()
    begun(bench)
    with pytest.raises(LocalProtocolError, match="in flight"):
        bench.start(CashInEnd(ticket="x"))


# ---------------------------------------------------------------- the good ways


def test_a_note_is_held_without_a_single_poll_until_told():
    bench = holding()
    bench.transcript.clear()
    bench.wait(60_000)
    sent = {data[3] for _, direction, data in bench.transcript if direction == "to_device"}
    assert sent == {say.HOLD.code}
    assert bench.sim.state()["phase"] == "escrow"
    assert bench.do(CashInEnd(ticket="end")).stacked == {10_000: 1}
    kinds = [type(r) for r in bench.reports if type(r) in (NoteInserted, NoteInEscrow, NoteStacked, NoteStored)]
    assert kinds == [NoteInserted, NoteInEscrow, NoteStacked, NoteStored]
    assert bench.saw(NoteStacked)[0].cash_in == "start"
    assert bench.ours() == {10_000: 1}


def test_61_the_same_note_goes_back():
    bench = holding()
    back = bench.do(CashInRollback(ticket="end"))
    assert (back.outcome, back.returned, back.stacked) == (Outcome.DONE, {10_000: 1}, {})
    assert bench.saw(NoteReturned)[0].reason == "hostRejected"
    assert bench.places()["mouth"] == {10_000: 1}
    assert bench.do(GetCashInStatus(ticket="q")).status == "rollback"
    bench.wire.act("take_note")
    next_works(bench)


def test_without_escrow_each_note_is_stacked_at_once_until_stopped():
    bench = begun(escrow=False)
    for value in (100, 50, 100):
        bench.wire.act("insert_note", value=value)
        bench.wait(3_000)
    bench.start(StopCashIn(ticket="stop"))
    taken = bench.result("in")
    assert (taken.outcome, taken.stacked) == (Outcome.DONE, {5_000: 1, 10_000: 2})
    assert bench.result("stop").outcome is Outcome.DONE
    assert not bench.sim.state()["enabled"]
    assert bench.do(CashInEnd(ticket="end")).outcome is Outcome.DONE
    assert bench.do(GetCashInStatus(ticket="q")).status == "ok"


def test_notes_max_ends_cash_in():
    bench = Bench.nv200().ready()
    bench.do(CashInStart(ticket="start", escrow=False))
    bench.start(CashIn(ticket="in", notes_max=1))
    bench.wait(600)
    bench.wire.act("insert_note", value=20)
    assert bench.result("in").stacked == {2_000: 1}


def test_stop_while_a_note_is_drawn_in_finishes_the_note():
    bench = begun()
    bench.wire.act("insert_note", value=100)
    bench.wait(300)
    bench.start(StopCashIn(ticket="stop"))
    assert bench.result("in").escrow == {10_000: 1}
    answered = [r.ticket for r in bench.reports if getattr(r, "ticket", "") in ("in", "stop")]
    assert answered == ["in", "stop"]


def test_stop_with_nothing_to_stop():
    assert Bench.nv200().ready().do(StopCashIn(ticket="stop")).outcome is Outcome.DONE


def test_order_of_commands_is_kept():
    bench = Bench.nv200().ready()
    for command in (CashIn(ticket="a"), CashInEnd(ticket="b"), CashInRollback(ticket="c")):
        refused = bench.do(command)
        assert (refused.outcome, refused.error) == (Outcome.REFUSED, "noCashInActive")
    bench.do(CashInStart(ticket="start"))
    assert bench.do(CashInStart(ticket="again")).error == "cashInActive"
    assert bench.do(CashInEnd(ticket="end")).error == "noItems"


def test_70_a_full_escrow_takes_no_second_note():
    bench = holding()
    full = bench.do(CashIn(ticket="more"))
    assert (full.outcome, full.error, full.escrow) == (Outcome.REFUSED, "tooManyItems", {10_000: 1})
    bench.wire.act("insert_note", value=50)
    assert bench.sim.state()["pushed_back"] == 1


# ---------------------------------------------------------------- bad notes, bad places


@pytest.mark.parametrize("code", sorted(say.REJECTS))
def test_every_reject_code_has_a_word(code):
    bench = begun()
    bench.wire.act("insert_note", quality="paper")
    bench.until(lambda: bench.sim.state()["phase"] == "returning")
    bench.sim._last_reject = code
    bench.until(lambda: bool(bench.saw(NoteRejected)))
    told = bench.saw(NoteRejected)[0]
    assert (told.reason, told.detail) == (say.REJECTS[code][0], f"{code:02X} {say.REJECTS[code][1]}")
    assert not bench.saw(NoteInEscrow)


@pytest.mark.parametrize("quality", ["paper", "suspect", "counterfeit"])
def test_65_66_67_what_is_not_good_money_is_given_back_and_the_next_is_taken(quality):
    bench = begun()
    bench.wire.act("insert_note", value=100, quality=quality)
    bench.wait(4_000)
    assert len(bench.saw(NoteRejected)) == 1
    bench.wire.act("take_note")
    bench.wire.act("insert_note", value=100)
    taken = bench.result("in")
    assert (taken.escrow, taken.refused) == ({10_000: 1}, 1)


@pytest.mark.parametrize("reason", sorted(REJECTS))
def test_every_reason_of_the_simulator_is_understood(reason):
    bench = begun()
    bench.sim.strike("reject_note", reason=reason)
    bench.wire.act("insert_note", value=100)
    bench.wait(3_000)
    assert bench.saw(NoteRejected)[0].detail.startswith(f"{REJECTS[reason]:02X}")


def test_68_an_unfit_note_is_money():
    bench = begun()
    bench.wire.act("insert_note", value=100, quality="unfit")
    assert bench.result("in").escrow == {10_000: 1}


def test_76_a_value_not_asked_for_and_a_foreign_note_go_back():
    bench = begun(values_minor=(10_000,))
    for more in ({"value": 50}, {"value": 100, "currency": "EUR"}):
        bench.wire.act("insert_note", **more)
        bench.wait(3_000)
        assert bench.saw(NoteRejected)[-1].reason == "inhibited"
        bench.wire.act("take_note")
    assert not bench.ours()


def test_75_a_note_in_the_wrong_state_is_pushed_back_or_returned():
    bench = Bench.nv200().ready()
    bench.wire.act("insert_note", value=100)
    assert bench.sim.state()["pushed_back"] == 1
    bench.sim._enabled, bench.sim._inhibits = True, 0xFFFF  # a device that takes it all the same
    bench.wire.act("insert_note", value=100)
    bench.wait(5_000)
    assert [seen.value_minor for seen in bench.saw(NoteReturned)] == [10_000]
    assert bench.places()["mouth"] == {10_000: 1}
    assert not bench.saw(NoteStacked)


@pytest.mark.parametrize("fault", ["jam_reading", "jam_before_credit", "jam_after_credit"])
def test_69_jams(fault):
    bench = begun()
    bench.sim.strike(fault)
    bench.wire.act("insert_note", value=100)
    result = bench.result("in")
    if fault != "jam_reading":
        result = bench.do(CashInEnd(ticket="end"))
    if fault == "jam_after_credit":
        assert (result.outcome, result.stacked) == (Outcome.DONE, {10_000: 1})
    else:
        assert (result.outcome, result.error) == (Outcome.UNKNOWN, "mediaJam")
        known = fault == "jam_before_credit"
        assert result.unaccounted == ({10_000: 1} if known else {})
        assert result.unidentified == (not known)
    assert bench.driver.health is Health.STOP
    assert bench.do(CashInStart(ticket="no")).error in ("mediaJam", "cashInActive")
    bench.sim.heal()
    bench.wait(3_000)
    assert bench.driver.health is Health.OK


def test_71_a_full_stacker_stops_before_and_during():
    bench = Bench.nv200().ready()
    bench.sim.strike("stacker_full")
    refused = bench.do(CashInStart(ticket="full"))
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "cashUnitFull")
    bench.wait(2_000)
    assert bench.saw(HealthChanged)[-1].supplies == {"cashbox": "full"}
    bench.sim.heal()
    begun(bench)
    bench.sim.strike("stacker_full")
    assert bench.result("in").error == "cashUnitFull"


def test_71_a_note_that_cannot_be_stacked_comes_back():
    bench = holding()
    bench.sim.strike("stack_fails")
    ended = bench.do(CashInEnd(ticket="end"))
    assert (ended.outcome, ended.error, ended.returned) == (Outcome.PARTIAL, "notesReturned", {10_000: 1})


def test_72_the_cashbox_is_taken_and_comes_back():
    bench = begun()
    bench.wire.act("remove_cashbox")
    ended = bench.result("in")
    assert (ended.outcome, ended.error) == (Outcome.REFUSED, "cashUnitMissing")
    assert len(bench.saw(CashboxRemoved)) == 1
    bench.wait(5_000)
    assert bench.driver.health is Health.STOP
    bench.wire.act("replace_cashbox")
    bench.wait(3_000)
    assert len(bench.saw(CashboxRemoved)) == len(bench.saw(CashboxReplaced)) == 1
    assert bench.driver.health is Health.OK


def test_73_a_string_is_fraud_and_never_credited():
    bench = holding()
    bench.sim.strike("string_pulled")
    ended = bench.do(CashInEnd(ticket="end"))
    assert ended.outcome is Outcome.UNKNOWN
    assert bench.saw(FraudAttempt)[0].value_minor == 10_000
    assert not bench.saw(NoteStacked)
    assert not bench.ours()


def test_73_a_note_pulled_out_of_escrow_is_given_back():
    bench = holding()
    bench.wire.act("pull_note_back")
    bench.wait(3_000)
    assert bench.saw(NoteReturned)[0].reason == "fraud"
    assert bench.do(CashInEnd(ticket="end")).returned == {10_000: 1}


def test_74_a_lost_credit_is_found_by_the_counters():
    bench = holding()
    counters = bench.results("start")[0].counters
    bench.sim.strike("event_lost")
    ended = bench.do(CashInEnd(ticket="end"))
    assert (ended.outcome, ended.unaccounted) == (Outcome.UNKNOWN, {10_000: 1})
    status = bench.do(GetCashInStatus(ticket="q", counters=counters))
    assert (status.outcome, status.status, status.stacked) == (Outcome.DONE, "ok", {10_000: 1})
    assert [seen.recovered for seen in bench.saw(NoteStacked)] == [True]
    again = bench.do(GetCashInStatus(ticket="q2", counters=counters))
    assert (again.outcome, again.stacked) == (Outcome.DONE, {10_000: 1})
    assert len(bench.saw(NoteStacked)) == 1


def test_a_host_silent_for_ten_seconds_gets_the_note_returned():
    bench = holding()
    bench.wire.unplug()
    bench.clock.advance(11_000)
    bench.wire.plug()
    bench.wait(40_000)
    assert bench.saw(NoteReturned)[0].reason == "escrowTimeout"


def test_a_validator_that_disables_itself_is_argued_with_three_times():
    bench = begun()
    for _ in range(4):
        bench.sim._enabled = False
        bench.wait(1_000)
    assert bench.result("in").error == "deviceDisabled"


def test_the_exit_has_a_sensor_on_protocol_8():
    bench = begun(Bench.nv200(settings={"protocol": 8}).ready())
    bench.wire.act("insert_note", value=100)
    bench.result("in")
    bench.do(CashInRollback(ticket="end"))
    bench.wait(2_000)
    assert [seen.value_minor for seen in bench.saw(NotesAtExit)] == [10_000]
    assert not bench.saw(NotesTaken)
    bench.wire.act("take_note")
    bench.wait(2_000)
    assert len(bench.saw(NotesTaken)) == 1


def test_64_a_returned_note_nobody_takes_is_drawn_in_and_not_credited():
    bench = begun(Bench.nv200(bezel_ms=20_000).ready())
    counters = bench.results("start")[0].counters
    bench.wire.act("insert_note", value=100)
    bench.result("in")
    assert bench.do(CashInRollback(ticket="end")).outcome is Outcome.DONE
    bench.wait(25_000)
    assert [seen.value_minor for seen in bench.saw(NoteTransferred)] == [10_000]
    assert not bench.saw(NoteStacked)
    assert bench.places()["cashbox"] == {10_000: 1}
    status = bench.do(GetCashInStatus(ticket="q", counters=counters))
    assert (status.outcome, status.returned) == (Outcome.UNKNOWN, {10_000: 1}), "the counters say one went in"
    next_works(bench)


BODIES = {
    say.Shape.NONE: b"",
    say.Shape.CHANNEL: b"\x06",
    say.Shape.VALUES: b"\x01\x10\x27\x00\x00CNY",
    say.Shape.PAIRS: b"\x01\x10\x27\x00\x00\x10\x27\x00\x00CNY",
    say.Shape.VALUES_CODE: b"\x01\x10\x27\x00\x00CNY\x01",
    say.Shape.VALUE: (10_000).to_bytes(4, "little") + b"CNY",
    say.Shape.VALUE_V8: b"",
}


@pytest.mark.parametrize("event", say.EVENTS.values(), ids=lambda e: f"{e.code:02X}")
def test_every_event_out_of_the_blue(event):
    bench = Bench.nv200().ready()
    inject(bench, bytes((event.code,)) + BODIES[event.shape])
    credited = [seen.value_minor for seen in bench.saw(NoteStacked)]
    assert credited == ([10_000] if event.code in (0xEE, 0xE2) else [])
    lost = bool(bench.saw(DeviceLost))
    assert lost == (event.code == 0xF1)
    if event.code in (0xE9, 0xEA, 0xE7, 0xCF, 0xE0, 0xE3, 0xB0):
        assert bench.saw(HealthChanged)[1].health is not Health.OK
    assert bench.driver.strange == b""


def test_an_unknown_event_is_kept_for_the_technician_and_what_came_before_it_counts():
    bench = Bench.nv200().ready()
    inject(bench, b"\xee\x06\x99\x01\xee\x06")
    assert len(bench.saw(NoteStacked)) == 1
    assert bench.driver.discarded == 0


# ---------------------------------------------------------------- restarts and power


def test_a_reset_gives_the_note_back_and_ends_the_transaction():
    bench = holding()
    done = bench.do(Reset(ticket="r"))
    assert done.outcome is Outcome.DONE
    assert bench.do(GetCashInStatus(ticket="q")).status == "reset"
    assert bench.places()["mouth"] == {10_000: 1}
    bench.wire.act("take_note")
    next_works(bench)


@pytest.mark.parametrize("zero", [True, False])
@pytest.mark.parametrize("home", ["front", "cashbox"])
@pytest.mark.parametrize("at_ms", range(0, 2_400, 100))
def test_78_power_cut_at_any_instant_of_stacking(at_ms, home, zero):
    bench = begun(Bench.nv200(escrow_home=home, credited_channel_zero=zero).ready())
    counters = bench.results("start")[0].counters
    bench.wire.act("insert_note", value=100)
    bench.result("in")
    bench.start(CashInEnd(ticket="end"))
    bench.wait(at_ms)
    bench.wire.power(False)
    bench.wait(45_000)
    bench.wire.power(True)
    bench.wait(4_000)
    if bench.driver.identity is None:
        bench.ready()
    bench.wait(3_000)
    if bench.driver.identity is None:
        bench.ready()
    status = bench.do(GetCashInStatus(ticket="q", counters=counters))
    assert status.outcome is Outcome.DONE
    assert dict(status.stacked) == bench.ours()
    told = [seen.value_minor for seen in bench.saw(NoteStacked)]
    assert told == [10_000] * len(bench.ours())
    if bench.places()["mouth"]:
        bench.wire.act("take_note")
    next_works(bench)


@pytest.mark.parametrize("at_ms", range(0, 2_400, 200))
def test_78_power_cut_with_a_new_driver_afterwards(at_ms):
    """The terminal lost its power too: what the device tells at its restart reaches a driver that knows nothing."""
    bench = holding()
    bench.start(CashInEnd(ticket="end"))
    bench.wait(at_ms)
    told_before = len(bench.saw(NoteStacked))
    bench.wire.power(False)
    bench.driver = SspValidator(bench.clock, SspSettings())
    bench.wire.power(True)
    bench.wait(4_000)
    bench.ready()
    bench.wait(2_000)
    told = bench.saw(NoteStacked)
    assert len(told) == sum(bench.ours().values())
    assert all(seen.recovered and seen.value_minor == 10_000 for seen in told[told_before:])


def test_a_new_driver_finds_the_note_in_escrow_before_a_poll_accepts_it():
    bench = holding()
    bench.driver = SspValidator(bench.clock, SspSettings())
    bench.ready()
    assert [seen.value_minor for seen in bench.saw(NoteInEscrow)] == [10_000, 0]
    status = bench.do(GetCashInStatus(ticket="q"))
    assert (status.status, status.unidentified) == ("active", 1)
    assert bench.sim.state()["phase"] == "escrow"
    back = bench.do(CashInRollback(ticket="end"))
    assert back.outcome is Outcome.DONE
    assert bench.places()["mouth"] == {10_000: 1}


def test_the_same_driver_after_an_unplugged_cable_knows_what_it_holds():
    bench = holding()
    bench.reports += bench.driver.disconnect("unplugged")
    bench.ready()
    status = bench.do(GetCashInStatus(ticket="q"))
    assert (status.status, status.escrow) == ("active", {10_000: 1})
    assert bench.do(CashInEnd(ticket="end")).stacked == {10_000: 1}


@pytest.mark.parametrize("nth", range(1, 14))
def test_the_device_restarts_instead_of_answering(nth):
    bench = holding()
    counters = bench.results("start")[0].counters
    bench.sim.strike("restart", nth=nth)
    bench.start(CashInEnd(ticket="end"))
    ended = bench.result("end")
    bench.wait(45_000)
    if bench.driver.identity is None:
        bench.ready()
    status = bench.do(GetCashInStatus(ticket="q", counters=counters))
    assert status.outcome is Outcome.DONE
    assert dict(status.stacked) == bench.ours()
    if ended.outcome is Outcome.DONE:
        assert dict(ended.stacked) == bench.ours()


def test_disconnect_answers_what_is_in_hand():
    bench = holding()
    bench.start(CashInEnd(ticket="end"))
    bench.wait(100)
    reports = bench.driver.disconnect("cable")
    assert [type(r).__name__ for r in reports] == ["CashInEndResult", "DeviceLost"]
    assert reports[0].outcome is Outcome.UNKNOWN
    assert bench.driver.disconnect("cable") == []


def test_the_simulator_names_what_it_does_not_know():
    sim = SimNv200(Bench().clock)
    with pytest.raises(ValueError, match="no act"):
        sim.act("dance")
    with pytest.raises(ValueError, match="takes"):
        sim.act("take_note", n=1)
    with pytest.raises(ValueError, match="quality"):
        sim.act("insert_note", value=5, quality="wet")
    with pytest.raises(ValueError, match="nothing waits"):
        sim.act("take_note")
    with pytest.raises(ValueError, match="no fault"):
        sim.strike("rain")
    with pytest.raises(ValueError, match="reason"):
        sim.strike("reject_note", reason="mood")


def test_a_frame_with_the_same_flag_is_answered_again_and_not_carried_out():
    bench = holding()
    accept = encode(Frame(False, 0, b"\x07"))
    bench.sim.receive(encode(Frame(True, 0, b"\x18")))
    first = bench.sim.receive(accept)
    bench.clock.advance(3_000)
    for _ in range(5):
        assert bench.sim.receive(accept) == first
    assert bench.sim.state()["repeated_frames"] == 5
    assert bench.ours() == {10_000: 1}
    hurt = accept[:-1] + bytes((accept[-1] ^ 1,))
    assert bench.sim.receive(hurt) == []
    assert bench.sim.receive(encode(Frame(True, 0x10, b"\x07"))) == [], "another address"


def test_the_same_seed_gives_the_same_bytes():
    def run() -> list[tuple[int, str, bytes]]:
        bench = Bench.nv200(encrypt=True).ready()
        bench.wait(5_000)
        return bench.transcript

    assert run() == run()
