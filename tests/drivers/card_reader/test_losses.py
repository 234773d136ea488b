"""Whatever the line loses while a card moves: the result is the truth, or UNKNOWN.

Fault model: chunks are dropped, damaged, doubled or cut short, in either direction, any number of times.
Order is kept, as a serial line keeps it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.base.chip import ChipBytes, ChipIO, ChipIOResult, ChipPower
from drivers.base.vocabulary import (
    AcceptCard,
    CardInserted,
    Command,
    DeviceLost,
    EjectCard,
    Outcome,
    Reset,
    Result,
    RetainCard,
)
from drivers.sim.chip_card import SimChipCard
from tests.drivers.card_reader.bench import Bench
from tests.drivers.card_reader.conftest import TRACK2, make_with_card
from tests.drivers.wire import Tamper

Effect = Callable[[bytes], bytes]

EFFECTS: dict[str, Effect] = {
    "drop": lambda chunk: b"",
    "damage": lambda chunk: chunk[:-1] + bytes((chunk[-1] ^ 0x04,)),
    "damage the middle": lambda chunk: chunk[: len(chunk) // 2] + b"\x55" + chunk[len(chunk) // 2 + 1 :],
    "double": lambda chunk: chunk + chunk,
    "cut short": lambda chunk: chunk[: len(chunk) // 2],
    "noise before": lambda chunk: b"\x10\xff\x00" + chunk,
}
CHUNKS_MAX = 12  # more than an eject or a capture exchanges when nothing is lost
LONG_MS = 240_000


def striking(first: int, strikes: dict[int, str]) -> Tamper:
    """Apply an effect to chunks by their number from `first` on."""

    def tamper(number: int, chunk: bytes) -> bytes:
        effect = strikes.get(number - first)
        return EFFECTS[effect](chunk) if effect and chunk else chunk

    return tamper


def ordered(bench: Bench, command: Command, out: dict[int, str], back: dict[int, str]) -> Result:
    """Submit `command` on a line with faults; return its one result."""
    bench.to_device = striking(len(bench.sent), out)
    bench.from_device = striking(len(bench.answered), back)
    bench.driver.submit(command)
    results = [report for report in bench.run(LONG_MS) if isinstance(report, Result)]
    assert len(results) == 1, results
    assert not bench.driver.busy
    return results[0]


def judge(bench: Bench, result: Result) -> None:
    sim = bench.sim
    held = (sim.card is not None) + len(sim.bin) + len(sim.taken)
    assert held == 1, "the card is in exactly one place"
    if result.outcome is Outcome.UNKNOWN:
        return
    if isinstance(result.verb, str) and result.verb == "eject_card":
        expected = {"exit"} if result.outcome is Outcome.DONE else {"inside"}
        assert sim.place in expected, result
    else:
        assert len(sim.bin) == (result.outcome is Outcome.DONE), result
        assert sim.captured == len(sim.bin)


def at_exit() -> Bench:
    bench = make_with_card()
    bench.driver.submit(EjectCard(ticket="earlier"))
    bench.run(3_000)
    return bench


CASES: dict[str, tuple[Callable[[], Bench], Command]] = {
    "eject": (make_with_card, EjectCard(ticket="t")),
    "capture from inside": (make_with_card, RetainCard(ticket="t")),
    "capture from the exit": (at_exit, RetainCard(ticket="t")),
}


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("case", CASES)
def test_one_fault_on_any_chunk_is_survived_with_the_truth(case: str, effect: str) -> None:
    """A single loss never even leads to UNKNOWN: the reader repeats its answer."""
    make, command = CASES[case]
    for number in range(CHUNKS_MAX):
        for direction in ("out", "back"):
            strikes = {number: effect}
            bench = make()
            result = ordered(
                bench, command, strikes if direction == "out" else {}, strikes if direction == "back" else {}
            )
            assert result.outcome is Outcome.DONE, (number, direction, result)
            judge(bench, result)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("first", range(CHUNKS_MAX))
def test_a_line_that_dies_is_never_taken_for_success_or_failure(case: str, first: int) -> None:
    for direction in ("out", "back"):
        dead = dict.fromkeys(range(first, 500), "drop")
        make, command = CASES[case]
        bench = make()
        result = ordered(
            bench, command, dead if direction == "out" else {}, dead if direction == "back" else {}
        )
        judge(bench, result)


faults = st.dictionaries(st.integers(0, 14), st.sampled_from(sorted(EFFECTS)), max_size=8)


@settings(max_examples=150, deadline=None)
@given(case=st.sampled_from(sorted(CASES)), out=faults, back=faults)
def test_any_mixture_of_faults_leaves_truth_or_unknown(
    case: str, out: dict[int, str], back: dict[int, str]
) -> None:
    make, command = CASES[case]
    bench = make()
    judge(bench, ordered(bench, command, out, back))


@settings(max_examples=60, deadline=None)
@given(out=faults, back=faults)
def test_after_any_faults_a_connect_finds_the_card_where_it_is(
    out: dict[int, str], back: dict[int, str]
) -> None:
    bench = make_with_card()
    ordered(bench, EjectCard(ticket="t"), out, back)
    bench.to_device = bench.from_device = lambda number, chunk: chunk
    if bench.driver.identity is None:
        bench.driver.connect()
        bench.run(60_000)
    result = ordered(bench, Reset(ticket="again", media="retain"), {}, {})
    assert result.outcome is Outcome.DONE
    assert len(bench.sim.bin) == 1


@settings(max_examples=60, deadline=None)
@given(out=faults, back=faults)
def test_a_card_that_comes_in_is_told_once_or_the_reader_is_lost(
    out: dict[int, str], back: dict[int, str]
) -> None:
    bench = Bench()
    bench.driver.connect()
    bench.run(3_000)
    bench.driver.submit(AcceptCard(ticket="a"))
    bench.run(300)
    bench.act("insert_card", track2=TRACK2)
    bench.to_device = striking(len(bench.sent), out)
    bench.from_device = striking(len(bench.answered), back)
    reports = bench.run(LONG_MS)
    told = [report for report in reports if isinstance(report, CardInserted)]
    lost = [report for report in reports if isinstance(report, DeviceLost)]
    assert len(told) + len(lost) >= 1
    assert len(told) <= 1
    if told and told[0].track2 is not None:
        assert told[0].track2.reveal() == TRACK2


# ---------------------------------------------------------------- the chip

SELECT, OPTIONS = "00A4040008A00000033301010100", "80A8000002830000"
COUNTER = "80CA9F3600"


def with_chip(protocol: str) -> tuple[Bench, SimChipCard]:
    """A chip whose application is selected; the next command moves its counter."""
    card = SimChipCard(protocol=protocol)
    bench = make_with_card(chip=card)
    bench.driver.submit(ChipPower(ticket="p", action="cold"))
    bench.run(3_000)
    assert exchanged(bench, protocol, SELECT, {}, {}).answer is not None
    return bench, card


def exchanged(bench: Bench, protocol: str, apdu: str, out: dict[int, str], back: dict[int, str]) -> ChipIOResult:
    command = ChipIO(ticket="t", apdu=ChipBytes(apdu), protocol=f"chipT{protocol}")
    result = ordered(bench, command, out, back)
    assert isinstance(result, ChipIOResult)
    return result


def said(result: ChipIOResult) -> str:
    return result.answer.reveal() if result.answer is not None else ""


@pytest.mark.parametrize("effect", ["drop", "damage", "double"])
@pytest.mark.parametrize("protocol", ["0", "1"])
def test_one_fault_in_an_exchange_is_survived_and_the_chip_acts_once(protocol: str, effect: str) -> None:
    for number in range(CHUNKS_MAX):
        for out, back in (({number: effect}, {}), ({}, {number: effect})):
            bench, card = with_chip(protocol)
            result = exchanged(bench, protocol, OPTIONS, out, back)
            assert (result.outcome, said(result)[:8], card.atc) == (Outcome.DONE, "800a1c00", 1), (number, result)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from("01"),
    st.dictionaries(st.integers(0, 30), st.sampled_from(sorted(EFFECTS)), max_size=12),
    st.dictionaries(st.integers(0, 30), st.sampled_from(sorted(EFFECTS)), max_size=12),
)
@example("0", {0: "cut short", 1: "cut short", 8: "cut short"}, dict.fromkeys((0, 1, 9, 10), "cut short"))
def test_any_mixture_gives_the_right_answer_or_none(protocol: str, out: dict[int, str], back: dict[int, str]) -> None:
    """Two commands in a row: the answer of the first is never that of the second."""
    bench, card = with_chip(protocol)
    result = exchanged(bench, protocol, OPTIONS, out, back)
    assert card.atc <= 1
    if result.outcome is Outcome.DONE:
        assert said(result).startswith("800a1c00")
        counted = exchanged(bench, protocol, COUNTER, back, out) if bench.driver.identity is not None else None
        if counted is not None and counted.outcome is Outcome.DONE:
            assert said(counted) == "9f360200019000"
    elif result.outcome is Outcome.REFUSED:
        assert card.atc == 0
