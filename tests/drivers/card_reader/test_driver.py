"""The driver against the simulated reader: what is reported is what happened."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    AcceptCard,
    AcceptCardResult,
    CardInserted,
    CardTaken,
    DenyCard,
    DenyCardResult,
    DeviceLost,
    DeviceReady,
    Dispense,
    EjectCard,
    EjectCardResult,
    Health,
    HealthChanged,
    Outcome,
    Reset,
    ResetResult,
    Result,
    RetainCard,
    RetainCardResult,
)
from drivers.card_reader.commands import ERRORS, ErrorClass, ErrorMeaning
from drivers.card_reader.framing import encode
from drivers.card_reader.settings import AfterPowerFailure, Settings, TrackFormat
from tests.drivers.card_reader.bench import Bench
from tests.drivers.card_reader.conftest import TRACK2

With = Callable[..., Bench]


def only(reports: list[object], kind: type) -> object:
    found = [report for report in reports if isinstance(report, kind)]
    assert len(found) == 1, reports
    return found[0]


def test_connecting_resets_without_losing_a_card_and_tells_who_it_is(bench: Bench) -> None:
    assert bench.sent[0] == bytes.fromhex("10 02 43 30 32 30 41 10 03 33")  # C02, turn-round 0, hold
    assert bench.driver.identity is not None
    assert bench.driver.identity.model == "OMRON 3S4YR-MVFW"
    assert bench.driver.health is Health.OK
    assert not bench.driver.busy


def test_nothing_on_the_line_is_a_lost_device() -> None:
    bench = Bench()
    bench.sim.power(False)
    bench.driver.connect()
    reports = bench.run(30_000)
    assert [type(report) for report in reports] == [DeviceLost]
    assert bench.driver.identity is None
    assert bench.driver.next_deadline_ms() is None


def test_a_lost_reader_can_be_connected_again() -> None:
    bench = Bench()
    bench.sim.power(False)
    bench.driver.connect()
    bench.run(30_000)
    bench.sim.power(True)
    bench.driver.connect()
    assert [type(report) for report in bench.run(5_000)] == [DeviceReady]


def test_a_card_is_permitted_taken_in_and_read(bench: Bench) -> None:
    bench.driver.submit(AcceptCard(ticket="a"))
    assert bench.run(100) == [AcceptCardResult(ticket="a", outcome=Outcome.DONE)]
    bench.act("insert_card", track2=TRACK2)
    inserted = only(bench.run(2_000), CardInserted)
    assert isinstance(inserted, CardInserted)
    assert inserted.track2 is not None
    assert inserted.track2.reveal() == TRACK2
    assert TRACK2 not in repr(inserted)


@pytest.mark.parametrize("style", TrackFormat)
def test_sentinels_are_taken_off_whatever_the_format(style: TrackFormat) -> None:
    bench = Bench(Settings(track_format=style))
    bench.driver.connect()
    bench.run(3_000)
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.act("insert_card", track2=TRACK2)
    inserted = only(bench.run(2_000), CardInserted)
    assert isinstance(inserted, CardInserted)
    assert inserted.track2 is not None
    assert inserted.track2.reveal() == TRACK2


@pytest.mark.parametrize(
    ("code", "word"),
    [("40", "dataInvalid"), ("41", "dataInvalid"), ("42", "dataInvalid"), ("43", "dataInvalid"),
     ("44", "dataMissing"), ("45", "dataMissing"), ("46", "dataInvalid"), ("49", "dataMissing")],
)  # fmt: skip
def test_a_track_that_cannot_be_read_is_told_with_its_reason(bench: Bench, code: str, word: str) -> None:
    bench.sim.strike("read_error", track=2, code=code)
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.act("insert_card", track2=TRACK2)
    inserted = only(bench.run(3_000), CardInserted)  # the reader tries twice
    assert isinstance(inserted, CardInserted)
    assert inserted.track2 is None
    assert inserted.error == word
    assert inserted.detail.startswith(f"N62{code}")


def test_a_track_that_is_no_card_number_is_invalid(with_card: With) -> None:
    bench = with_card(track2="1234")
    inserted = next(report for report in bench.reports if isinstance(report, CardInserted))
    assert (inserted.track2, inserted.error) == (None, "dataInvalid")
    assert "1234" not in inserted.detail


def test_a_card_the_wrong_way_round_stays_in_the_hand(bench: Bench) -> None:
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.act("insert_wrong_way", track2=TRACK2)
    assert bench.run(3_000) == []
    assert bench.sim.card is None


def test_without_the_stripe_setting_a_wrong_card_comes_in_and_is_told() -> None:
    bench = Bench(Settings(stripe_required=False))
    bench.driver.connect()
    bench.run(3_000)
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.act("insert_wrong_way", track2=TRACK2)
    inserted = only(bench.run(3_000), CardInserted)
    assert isinstance(inserted, CardInserted)
    assert (inserted.track2, inserted.error) == (None, "dataMissing")


@pytest.mark.parametrize(("length", "word"), [("long", "cardTooLong"), ("short", "cardTooShort")])
def test_a_card_of_wrong_length_can_only_go_back(with_card: With, length: str, word: str) -> None:
    bench = with_card(length=length)
    inserted = next(report for report in bench.reports if isinstance(report, CardInserted))
    assert (inserted.track2, inserted.error) == (None, word)
    bench.driver.submit(RetainCard(ticket="r"))
    refused = only(bench.run(100), RetainCardResult)
    assert isinstance(refused, RetainCardResult)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, word)
    bench.driver.submit(EjectCard(ticket="e"))
    assert bench.run(2_000) == [EjectCardResult(ticket="e", outcome=Outcome.DONE)]
    bench.act("take_card")
    assert bench.run(500) == [CardTaken()]


def test_the_card_goes_back_and_is_taken(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(EjectCard(ticket="e"))
    assert bench.run(5_000) == [EjectCardResult(ticket="e", outcome=Outcome.DONE)]
    assert bench.sim.place == "exit"
    bench.act("take_card")
    assert bench.run(250) == [CardTaken()]
    assert bench.run(60_000) == []


def test_the_same_card_twice_is_two_insertions(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(RetainCard(ticket="r"))
    bench.run(3_000)
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.act("insert_card", track2=TRACK2)
    assert len([r for r in bench.run(3_000) if isinstance(r, CardInserted)]) == 1


def test_ejecting_nothing_is_refused(bench: Bench) -> None:
    bench.driver.submit(EjectCard(ticket="e"))
    refused = only(bench.run(1_000), EjectCardResult)
    assert isinstance(refused, EjectCardResult)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "noMedia")


def test_a_second_card_is_refused_while_one_is_in(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(AcceptCard(ticket="b"))
    refused = only(bench.run(1_000), AcceptCardResult)
    assert isinstance(refused, AcceptCardResult)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "occupied")


def test_the_gate_closes(bench: Bench) -> None:
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.driver.submit(DenyCard(ticket="d"))
    assert bench.run(300) == [DenyCardResult(ticket="d", outcome=Outcome.DONE)]
    with pytest.raises(ValueError, match="shutter is closed"):
        bench.act("insert_card", track2=TRACK2)


def test_a_card_gripped_while_the_gate_closes_is_still_reported(bench: Bench) -> None:
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.act("insert_card", track2=TRACK2)
    bench.driver.submit(DenyCard(ticket="d"))
    reports = bench.run(4_000)
    assert [type(report) for report in reports] == [DenyCardResult, CardInserted]


def test_a_card_is_captured_from_inside_and_counted(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(RetainCard(ticket="r"))
    assert bench.run(3_000) == [RetainCardResult(ticket="r", outcome=Outcome.DONE, retained_total=1)]
    assert len(bench.sim.bin) == 1


def test_a_forgotten_card_is_drawn_in_and_captured(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(EjectCard(ticket="e"))
    bench.run(20_000)
    bench.driver.submit(RetainCard(ticket="r"))
    assert bench.run(5_000) == [RetainCardResult(ticket="r", outcome=Outcome.DONE, retained_total=1)]
    assert bench.sim.card is None


def test_the_customer_was_faster_than_the_capture(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(EjectCard(ticket="e"))
    bench.run(5_000)
    bench.driver.submit(RetainCard(ticket="r"))
    bench.run(50)
    bench.act("take_card")
    reports = bench.run(3_000)
    refused = only(reports, RetainCardResult)
    assert isinstance(refused, RetainCardResult)
    assert (refused.outcome, refused.error, refused.detail[:5]) == (Outcome.REFUSED, "mediaTaken", "N4160")
    assert only(reports, CardTaken) == CardTaken()
    assert len(bench.sim.taken) == 1


def test_a_card_taken_just_before_the_capture_is_told_once(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(EjectCard(ticket="e"))
    bench.run(5_000)
    bench.act("take_card")
    bench.driver.submit(RetainCard(ticket="r"))
    reports = bench.run(3_000)
    refused = only(reports, RetainCardResult)
    assert isinstance(refused, RetainCardResult)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "mediaTaken")
    assert only(reports, CardTaken) == CardTaken()


def test_the_customer_holds_the_card_and_the_capture_fails(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(EjectCard(ticket="e"))
    bench.run(5_000)
    bench.act("block_exit")
    bench.driver.submit(RetainCard(ticket="r"))
    reports = bench.run(40_000)
    refused = only(reports, RetainCardResult)
    assert isinstance(refused, RetainCardResult)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "mediaJam")
    health = only(reports, HealthChanged)
    assert isinstance(health, HealthChanged)
    assert health.health is Health.STOP


def test_a_card_between_transport_and_bin_is_nowhere_for_certain(with_card: With) -> None:
    bench = with_card()
    bench.sim.strike("capture_fails")
    bench.driver.submit(RetainCard(ticket="r"))
    unknown = only(bench.run(5_000), RetainCardResult)
    assert isinstance(unknown, RetainCardResult)
    assert (unknown.outcome, unknown.error) == (Outcome.UNKNOWN, "mediaJam")


@pytest.mark.parametrize(
    ("fault", "word"), [("jam", "mediaJam"), ("shutter_fail", "shutterFail"), ("motor_fail", "hardwareError"),
                        ("sensor_fail", "hardwareError")],
)  # fmt: skip
def test_a_mechanical_fault_stops_all_until_a_reset(with_card: With, fault: str, word: str) -> None:
    bench = with_card()
    bench.sim.strike(fault)
    bench.driver.submit(EjectCard(ticket="e"))
    reports = bench.run(5_000)
    refused = only(reports, EjectCardResult)
    assert isinstance(refused, EjectCardResult)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, word)
    assert bench.driver.health is Health.STOP
    said = len(bench.sent)
    bench.driver.submit(EjectCard(ticket="e2"))
    assert isinstance(only(bench.run(5_000), EjectCardResult), Result)
    assert len(bench.sent) == said, "a reader that waits for a reset is not asked in vain"
    bench.driver.submit(Reset(ticket="x", media="exit"))
    reports = bench.run(5_000)
    assert isinstance(reset := only(reports, ResetResult), ResetResult)
    assert reset.outcome is Outcome.DONE
    assert bench.driver.health is Health.OK
    bench.act("take_card")
    assert bench.run(300) == [CardTaken()]


def test_a_jam_that_stays_refuses_the_reset_too(with_card: With) -> None:
    bench = with_card()
    bench.sim.strike("jam", stays=True)
    bench.driver.submit(EjectCard(ticket="e"))
    bench.run(5_000)
    bench.driver.submit(Reset(ticket="x", media="exit"))
    refused = only(bench.run(5_000), ResetResult)
    assert isinstance(refused, ResetResult)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "mediaJam")
    assert bench.driver.health is Health.STOP


@pytest.mark.parametrize(("media", "inside", "retained"), [("hold", True, False), ("retain", False, True)])
def test_reset_decides_about_the_card(with_card: With, media: str, inside: bool, retained: bool) -> None:
    bench = with_card()
    bench.driver.submit(Reset(ticket="x", media=media))
    reset = only(bench.run(5_000), ResetResult)
    assert isinstance(reset, ResetResult)
    assert (reset.outcome, reset.card_inside, reset.retained) == (Outcome.DONE, inside, retained)
    assert len(bench.sim.bin) == retained


def test_a_card_found_inside_after_a_power_cut_is_held_and_told(with_card: With) -> None:
    bench = with_card()
    bench.sim.power(False)
    lost = bench.run(60_000)
    assert [type(report) for report in lost] == [DeviceLost]
    bench.sim.power(True)
    bench.driver.connect()
    ready, health = bench.run(5_000)
    assert isinstance(ready, DeviceReady)
    assert isinstance(health, HealthChanged)
    assert (health.health, dict(health.supplies)) == (Health.ATTENTION, {"media": "present"})
    assert bench.sim.place == "inside"
    bench.driver.submit(Reset(ticket="x", media="exit"))
    reports = bench.run(5_000)
    assert isinstance(reports[0], ResetResult)
    assert bench.driver.health is Health.OK


@pytest.mark.parametrize(
    ("option", "place", "captured"),
    [(AfterPowerFailure.HOLD, "inside", 0), (AfterPowerFailure.RETURN, "exit", 0),
    (AfterPowerFailure.CAPTURE, "none", 1)],
)  # fmt: skip
def test_the_power_failure_option_is_the_reader_s(
    with_card: With, option: AfterPowerFailure, place: str, captured: int
) -> None:
    bench = with_card(Settings(after_power_failure=option))
    bench.sim.power(False)
    bench.run(60_000)
    bench.sim.power(True)
    bench.driver.connect()
    bench.run(5_000)
    assert (bench.sim.place, bench.sim.captured) == (place, captured)


def test_a_reader_that_restarts_by_itself_counts_as_lost(bench: Bench) -> None:
    bench.sim.power(False)
    bench.sim.power(True)
    reports = bench.run(6_000)
    assert [type(report) for report in reports] == [DeviceLost]


def test_a_command_to_a_restarted_reader_is_refused_because_nothing_moved(bench: Bench) -> None:
    bench.sim.power(False)
    bench.sim.power(True)
    bench.driver.submit(AcceptCard(ticket="a"))
    result, lost = bench.run(1_000)
    assert isinstance(result, AcceptCardResult)
    assert result.outcome is Outcome.REFUSED
    assert isinstance(lost, DeviceLost)


def test_a_power_drop_in_the_middle_of_an_eject_is_unknown(with_card: With) -> None:
    bench = with_card()
    bench.sim.strike("power_drop")
    bench.driver.submit(EjectCard(ticket="e"))
    result, lost = bench.run(60_000)
    assert isinstance(result, EjectCardResult)
    assert result.outcome is Outcome.UNKNOWN
    assert isinstance(lost, DeviceLost)


def test_a_card_pulled_from_inside_is_gone_and_needs_a_reset(with_card: With) -> None:
    bench = with_card()
    bench.act("pull_card")
    reports = bench.run(6_000)
    assert [type(report) for report in reports] == [CardTaken, HealthChanged]
    assert bench.driver.health is Health.STOP


def test_a_warning_that_the_card_moved_does_not_stop_the_eject(with_card: With) -> None:
    bench = with_card()
    bench.sim.strike("card_moved")
    bench.driver.submit(EjectCard(ticket="e"))
    assert only(bench.run(3_000), EjectCardResult) == EjectCardResult(ticket="e", outcome=Outcome.DONE)


def test_a_chip_in_use_is_released_before_the_card_moves(with_card: With) -> None:
    from drivers.base.chip import ChipPower

    bench = with_card(chip=True)
    bench.driver.submit(ChipPower(ticket="c", action="cold"))
    bench.run(2_000)
    assert bench.sim.state()["chip"] == "active"
    bench.driver.submit(EjectCard(ticket="e"))
    assert bench.run(3_000) == [EjectCardResult(ticket="e", outcome=Outcome.DONE)]


def test_the_bin_fills_and_is_told_before_it_is_full() -> None:
    bench = Bench(Settings(bin_capacity=5), captured=3)
    bench.driver.connect()
    bench.run(3_000)
    for turn, expected in ((1, "high"), (2, "full")):
        bench.driver.submit(AcceptCard(ticket=f"a{turn}"))
        bench.run(300)
        bench.act("insert_card", track2=TRACK2)
        bench.run(3_000)
        bench.driver.submit(RetainCard(ticket=f"r{turn}"))
        health = only(bench.run(3_000), HealthChanged)
        assert isinstance(health, HealthChanged)
        assert health.supplies["card_bin"] == expected
    assert health.error == "retainBinFull"


def test_disconnecting_answers_what_is_in_flight(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(EjectCard(ticket="e"))
    before = bench.driver.disconnect("the cable was pulled")
    assert [type(report) for report in before] == [EjectCardResult, DeviceLost]
    assert isinstance(before[0], EjectCardResult)
    assert before[0].outcome is Outcome.REFUSED, "no byte went out"


def test_disconnecting_after_bytes_went_out_is_unknown(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(EjectCard(ticket="e"))
    bench.run(100)
    result = bench.driver.disconnect("the cable was pulled")[0]
    assert isinstance(result, EjectCardResult)
    assert result.outcome is Outcome.UNKNOWN


def test_wrong_use_raises(bench: Bench) -> None:
    with pytest.raises(LocalProtocolError, match="connect first"):
        Bench().driver.submit(AcceptCard(ticket="a"))
    with pytest.raises(LocalProtocolError, match="does not do this"):
        bench.driver.submit(Dispense(ticket="d", picks={}))
    with pytest.raises(LocalProtocolError, match="media is one of"):
        bench.driver.submit(Reset(ticket="x", media="burn"))
    bench.driver.submit(AcceptCard(ticket="a"))
    with pytest.raises(LocalProtocolError, match="in flight"):
        bench.driver.submit(AcceptCard(ticket="b"))


@pytest.mark.parametrize(
    "wrong",
    [{"turn_round_ms": 15}, {"reintake_wait_s": 0}, {"insertion_wait_s": 100}, {"read_retries": 10}],
)
def test_settings_that_the_reader_cannot_take_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Settings(**wrong)  # type: ignore[arg-type]


def test_noise_on_the_line_is_counted_and_changes_nothing(bench: Bench) -> None:
    assert bench.driver.receive(b"\xff\xfe\x00noise") == []
    assert bench.driver.discarded == 8
    bench.driver.submit(AcceptCard(ticket="a"))
    assert bench.run(300) == [AcceptCardResult(ticket="a", outcome=Outcome.DONE)]


def test_polls_are_slow_when_nothing_is_awaited(bench: Bench) -> None:
    before = len(bench.sent)
    bench.run(60_000)
    assert len(bench.sent) - before <= 2 * 12 + 2


@pytest.mark.parametrize("meaning", ERRORS.values(), ids=lambda meaning: f"{meaning.code} {meaning.text}")
def test_every_error_an_eject_can_meet(with_card: With, meaning: ErrorMeaning) -> None:
    """The reader ejects and then says N30xx: an error that stops it is believed, any other is looked into."""
    bench = with_card()

    def answered(number: int, chunk: bytes) -> bytes:
        told = b"N30" + meaning.code.encode("ascii")
        return encode(told) if chunk.startswith(b"\x10\x02P30") else chunk

    bench.from_device = answered
    bench.driver.submit(EjectCard(ticket="e"))
    reports = bench.run(10_000)
    result = only(reports, EjectCardResult)
    assert isinstance(result, EjectCardResult)
    if meaning.code in ("18", "19"):
        assert isinstance(reports[-1], DeviceLost)
        assert result.outcome is (Outcome.UNKNOWN if meaning.code == "18" else Outcome.REFUSED)
    elif meaning.kind in (ErrorClass.RESET, ErrorClass.SERVICE):
        assert (result.outcome, result.error) == (Outcome.REFUSED, meaning.word)
        assert bench.driver.health is Health.STOP
    else:
        assert result.outcome is Outcome.DONE
        assert meaning.code in result.detail
        assert bench.driver.health is Health.OK


def test_a_command_given_in_the_middle_of_a_poll_waits_for_its_answer(with_card: With) -> None:
    bench = with_card()
    due = bench.driver.next_deadline_ms()
    assert due is not None
    bench.clock.move_to(due)
    bench.driver.tick()
    assert bench.driver.data_to_send().startswith(b"\x10\x02C10")
    bench.driver.submit(EjectCard(ticket="e"))
    assert bench.driver.busy
    assert bench.driver.data_to_send() == b""
    assert only(bench.run(30_000), EjectCardResult) == EjectCardResult(ticket="e", outcome=Outcome.DONE)
