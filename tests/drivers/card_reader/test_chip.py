"""The chip through driver, frames, reader, contacts and card: protocols, long APDUs, and what fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.chip import ChipBytes, ChipIO, ChipIOResult, ChipPower, ChipPowerResult
from drivers.base.vocabulary import Health, HealthChanged, Outcome, Reset
from drivers.card_reader.chip import APDU_MIN, pieces_of
from drivers.card_reader.settings import Settings
from drivers.sim.card_reader import Habits, SimChip
from drivers.sim.chip_card import SimChipCard, answer_to_reset
from drivers.sim.chip_manners import Manners
from tests.drivers.card_reader.bench import Bench
from tests.drivers.card_reader.conftest import make_with_card
from tests.drivers.card_reader.test_extra import ask

SELECT = "00A404000E315041592E5359532E444446303100"


def power(bench: Bench, action: str = "cold", protocol: str | None = None) -> ChipPowerResult:
    result = ask(bench, ChipPower(ticket="p", action=action, protocol=protocol))
    assert isinstance(result, ChipPowerResult)
    return result


def say(bench: Bench, apdu: str, protocol: str = "chipT0", wait_ms: int = 60_000, **how: Any) -> ChipIOResult:
    bench.driver.submit(ChipIO(ticket="i", apdu=ChipBytes(apdu), protocol=protocol, **how))
    (result,) = (report for report in bench.run(wait_ms) if isinstance(report, ChipIOResult))
    return result


def said(result: ChipIOResult) -> str:
    assert result.outcome is Outcome.DONE
    assert result.answer is not None
    return result.answer.reveal()


# ---------------------------------------------------------------- protocols


@pytest.mark.parametrize(("wanted", "agreed"), [(None, "chipT0"), ("chipT0", "chipT0"), ("chipT1", "chipT1")])
def test_of_two_protocols_the_one_that_was_asked_for(wanted: str | None, agreed: str) -> None:
    bench = make_with_card(chip=SimChipCard(protocol="01"))
    powered = power(bench, protocol=wanted)
    assert (powered.outcome, powered.protocol) == (Outcome.DONE, agreed)
    assert said(say(bench, SELECT, agreed)).endswith("9000")


def test_a_protocol_that_the_card_does_not_speak_is_refused() -> None:
    bench = make_with_card(chip=SimChipCard(protocol="0"))
    refused = power(bench, protocol="chipT1")
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "protocolNotSupported")
    assert refused.atr
    assert power(bench, protocol="chipT0").protocol == "chipT0"


@pytest.mark.parametrize("wanted", [None, "chipT1"])
def test_a_card_that_refuses_the_selection(wanted: str | None) -> None:
    bench = make_with_card(chip=SimChipCard(protocol="01", manners=Manners(refuses_selection=True)))
    refused = power(bench, protocol=wanted)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "protocolNotSupported")


@pytest.mark.parametrize(("action", "protocol"), [("hot", None), ("cold", "chipT2")])
def test_what_cannot_be_said_is_not_asked(action: str, protocol: str | None) -> None:
    bench = make_with_card(chip=True)
    said_before = len(bench.sent)
    bench.driver.submit(ChipPower(ticket="p", action=action, protocol=protocol))
    (refused,) = bench.driver.tick()
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "invalidData")  # type: ignore[union-attr]
    assert len(bench.sent) == said_before


@pytest.mark.parametrize("standard", ["01", "05"])
def test_a_reader_set_to_emv_refuses_a_card_that_is_not(standard: str) -> None:
    bench = make_with_card(chip=SimChip())  # its answer to reset has no TB1
    bench.sim.memory.keep("Y1", standard)
    assert power(bench).error == "atrNotObtained"
    bench.sim.memory.keep("Y1", "00")
    assert power(bench).outcome is Outcome.DONE


def test_a_wrong_check_character_counts_unless_it_is_not_checked() -> None:
    atr = answer_to_reset("1", b"X")
    bench = make_with_card(chip=SimChip(atr[:-1] + bytes((atr[-1] ^ 1,))))
    assert power(bench).error == "atrNotObtained"
    bench.sim.memory.keep("Y4", "0")
    assert power(bench).protocol == "chipT1"


# ---------------------------------------------------------------- long APDUs


@given(st.integers(4, 3_000), st.sampled_from([360, 2_054]))
def test_pieces_are_what_a_command_may_carry_and_add_up(size: int, most: int) -> None:
    apdu = bytes(index % 251 for index in range(size))
    pieces = pieces_of(apdu, most)
    assert b"".join(pieces) == apdu
    assert all(APDU_MIN <= len(piece) <= most for piece in pieces)


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("size", [1, 353, 354, 356, 400, 2_100])
def test_a_long_command_goes_as_a_chain(extended: bool, size: int) -> None:
    chip = SimChip(answer_to_reset("1", b"LONG"), {"80f90000": "9000"})
    bench = make_with_card(Settings(chip_extended=extended), chip=chip)
    power(bench)
    assert said(say(bench, f"80F9000000{size:04X}" + "A5" * size, "chipT1")) == "9000"
    codes = {chunk[2:5] for chunk in bench.sent if chunk[:3] == b"\x10\x02C" and chunk[3:4] == b"F"}
    assert codes <= ({b"CF6", b"CF7"} if extended else {b"CF1", b"CF2"})


def test_an_answer_without_end_is_broken_off() -> None:
    chip = SimChip(answer_to_reset("1", b"LONG"), {"80f8": "5A" * 70_000 + "9000"})
    bench = make_with_card(chip=chip)
    power(bench)
    result = say(bench, "80F8000000", "chipT1", wait_ms=600_000)
    assert (result.outcome, result.answer) == (Outcome.UNKNOWN, None)
    assert said(say(bench, "00FF0000", "chipT1")) == "6d00"


@pytest.mark.parametrize("fetches", [False, True], ids=["the driver fetches", "the reader fetches"])
def test_an_answer_that_waits_is_fetched_by_one_of_the_two(fetches: bool) -> None:
    bench = make_with_card(chip=SimChip(answers={"80f8": "5A" * 600 + "9000"}))
    bench.sim.habits = Habits(fetches=fetches)
    power(bench)
    assert said(say(bench, "80F8000000")) == "5a" * 600 + "9000"


def test_a_wrong_length_is_asked_for_again_with_the_right_one() -> None:
    bench = make_with_card(chip=SimChip(answers={"80ca": "9F36020001 9000".replace(" ", "")}))
    power(bench)
    assert said(say(bench, "80CA9F3600")) == "9f360200019000"
    assert said(say(bench, "80CA9F3600", whole=False)) == "6c05"


# ---------------------------------------------------------------- what fails


@pytest.mark.parametrize(
    ("protocol", "fault", "error"),
    [
        ("0", "chip_silent", "invalidMedia"),
        ("0", "chip_noise", "invalidMedia"),
        ("1", "chip_silent", "invalidMedia"),
        ("1", "chip_aborts", "canceled"),
        ("1", "chip_says_too_little", "invalidData"),
    ],
)
def test_an_exchange_that_failed_leaves_open_what_the_card_did(protocol: str, fault: str, error: str) -> None:
    bench = make_with_card(chip=SimChipCard(protocol=protocol))
    power(bench)
    bench.sim.strike(fault)
    result = say(bench, SELECT, f"chipT{protocol}")
    assert (result.outcome, result.error, result.answer) == (Outcome.UNKNOWN, error, None)
    assert power(bench).outcome is Outcome.DONE


def test_an_exchange_that_never_was_is_refused() -> None:
    bench = make_with_card(chip=SimChipCard(protocol="0"))
    assert say(bench, SELECT).outcome is Outcome.REFUSED
    power(bench)
    wrong = say(bench, SELECT, "chipT1")
    assert (wrong.outcome, wrong.error) == (Outcome.REFUSED, "protocolNotSupported")


def test_a_chip_that_takes_too_long_is_given_up_after_the_reception_time() -> None:
    bench = make_with_card(
        Settings(chip_reception_s=6), chip=SimChipCard(protocol="1", manners=Manners(extensions=200))
    )
    power(bench)
    bench.sim.delays = type(bench.sim.delays)(chip_think_ms=1_000)
    began_ms = bench.clock.now_ms()
    bench.driver.submit(ChipIO(ticket="i", apdu=ChipBytes(SELECT), protocol="chipT1"))
    while not (reports := [r for r in bench.run(100) if isinstance(r, ChipIOResult)]):
        assert bench.clock.now_ms() < began_ms + 7_000
    assert (reports[0].outcome, reports[0].detail[:3]) == (Outcome.UNKNOWN, "N80")
    assert bench.clock.now_ms() >= began_ms + 6_000


def test_a_card_pulled_under_the_contacts_stops_the_reader() -> None:
    bench = make_with_card(chip=SimChipCard(protocol="1", manners=Manners(extensions=20)))
    power(bench)
    bench.driver.submit(ChipIO(ticket="i", apdu=ChipBytes(SELECT), protocol="chipT1"))
    bench.run(300)
    bench.act("pull_card")
    reports = bench.run(100)
    assert [type(report) for report in reports] == [ChipIOResult, HealthChanged]
    assert (reports[0].outcome, reports[0].detail[:3]) == (Outcome.UNKNOWN, "N88")  # type: ignore[union-attr]
    assert bench.driver.health is Health.STOP
    assert ask(bench, Reset(ticket="r", media="exit")).outcome is Outcome.DONE
    assert bench.sim.place == "exit"


def test_a_solenoid_that_does_not_move_stops_the_reader() -> None:
    bench = make_with_card(chip=True)
    bench.sim.strike("solenoid_fail")
    assert power(bench).error == "hardwareError"
    assert bench.driver.health is Health.STOP
