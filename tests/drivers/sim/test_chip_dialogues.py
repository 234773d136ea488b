"""Both ends of the contacts against each other, and each against garbage: T=0, T=1, protocol selection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.cards import SimChip
from drivers.sim.chip_blocks import Block, Kind, encode, parse
from drivers.sim.chip_card import SimChipCard, answer_to_reset
from drivers.sim.chip_contact import ChipContact
from drivers.sim.chip_manners import Manners
from drivers.sim.chip_terminal import (
    EXTENSIONS_MAX,
    Cause,
    ChipFailure,
    T1Terminal,
    Talk,
    select_protocol,
    t0_exchange,
    t0_lengths,
)

T = TypeVar("T")
Line = Callable[[int, bytes], bytes]
"""Takes the running number of an answer and the answer; returns what arrives."""
SELECT = bytes.fromhex("00A404000E315041592E5359532E444446303100")
MANNERS = st.builds(
    Manners,
    byte_by_byte=st.booleans(),
    nulls=st.integers(0, 3),
    extensions=st.integers(0, 3),
    inf_max=st.integers(1, 254),
)


def hold(talk: Talk[T], contact: ChipContact, line: Line = lambda _number, heard: heard) -> T:
    """Carry a dialogue through; what is said, told and waited is kept in `said`, `told` and `waits_ms`."""
    number = 0
    for kept in (said, told, waits_ms):
        kept.clear()
    try:
        say = next(talk)
        while True:
            said.append(say.data)
            waits_ms.append(say.within_ms)
            heard = contact.feed(say.data)
            told.append(heard)
            say = talk.send(line(number, heard))
            number += 1
            assert number < 10_000, "the two do not come to an end"
    except StopIteration as end:
        result: T = end.value
        return result


said: list[bytes] = []
told: list[bytes] = []
waits_ms: list[int] = []


class Counting(SimChip):
    """A chip that says its answer and counts how often it was asked."""

    def __init__(self, answer: bytes, protocol: str, manners: Manners | None = None) -> None:
        made = manners or Manners()
        super().__init__(answer_to_reset(protocol, b"COUNT", made.inf_max), manners=made)
        self.answer, self.asked = answer, []

    def _answer(self, head: bytes, data: bytes) -> bytes:
        self.asked.append((head, data))
        return self.answer


def contact_with(chip: SimChip) -> ChipContact:
    contact = ChipContact(chip)
    contact.reset()
    return contact


def terminal(inf_max: int = 254, answer_max: int = 70_000) -> T1Terminal:
    return T1Terminal(inf_max, 0, answer_max)


# ---------------------------------------------------------------- T=0


def test_a_command_with_data_goes_in_two_parts_and_its_answer_is_fetched() -> None:
    contact = contact_with(Counting(b"\x6f\x02\x84\x00\x90\x00", "0"))
    header, data, asked = t0_lengths(SELECT) or (b"", b"", 0)
    assert hold(t0_exchange(header, data, asked), contact) == b"\x61\x04"
    assert said == [SELECT[:5], SELECT[5:-1]]
    assert hold(t0_exchange(b"\x00\xc0\x00\x00\x04", b"", 4), contact) == b"\x6f\x02\x84\x00\x90\x00"
    assert hold(t0_exchange(b"\x80\xca\x9f\x36\x00", b"", 256), contact) == b"\x6c\x04"


def test_a_card_may_take_each_byte_by_itself() -> None:
    contact = contact_with(Counting(b"\x90\x00", "0", Manners(byte_by_byte=True, nulls=2)))
    assert hold(t0_exchange(SELECT[:5], SELECT[5:-1], 0), contact) == b"\x90\x00"
    assert [len(one) for one in said if one] == [5] + [1] * 14


@pytest.mark.parametrize(
    ("apdu", "lengths"),
    [
        ("00840000", ("0084000000", "", 0)),
        ("00B2010C00", ("00B2010C00", "", 256)),
        ("00B2010C10", ("00B2010C10", "", 16)),
        ("00A4040002315000", ("00A4040002", "3150", 0)),
        ("00A40400023150", ("00A4040002", "3150", 0)),
    ],
)
def test_what_a_header_can_say(apdu: str, lengths: tuple[str, str, int]) -> None:
    header, data, asked = lengths
    assert t0_lengths(bytes.fromhex(apdu)) == (bytes.fromhex(header), bytes.fromhex(data), asked)


@pytest.mark.parametrize("apdu", ["00A404000231", "00A40400003150", "00A4040001315000", "00F90000000100A5"])
def test_what_no_header_can_say(apdu: str) -> None:
    assert t0_lengths(bytes.fromhex(apdu)) is None


@given(st.binary(max_size=256), MANNERS)
def test_an_answer_over_t0_is_the_cards_whatever_its_manners(body: bytes, manners: Manners) -> None:
    contact = contact_with(Counting(body + b"\x90\x00", "0", manners))
    header = bytes((0x80, 0xB2, 1, 0x0C, len(body) % 256))
    assert hold(t0_exchange(header, b"", len(body) or 256), contact) == body + b"\x90\x00"


@given(st.lists(st.binary(max_size=12), max_size=20), st.sampled_from([SELECT, SELECT[:4], b"\x00\xb2\x01\x0c\x10"]))
def test_a_card_that_babbles_fails_with_a_cause(answers: list[bytes], apdu: bytes) -> None:
    header, data, asked = t0_lengths(apdu) or (b"", b"", 0)
    with contextlib.suppress(ChipFailure):
        hold(t0_exchange(header, data, asked), contact_with(SimChip()), babble(answers))


def babble(answers: list[bytes]) -> Line:
    return lambda number, _heard: answers[number] if number < len(answers) else b""


# ---------------------------------------------------------------- T=1


@given(st.binary(min_size=2, max_size=900), st.integers(4, 900), MANNERS, st.sampled_from([16, 32, 254]))
def test_any_length_goes_both_ways_in_blocks_of_any_size(
    answer: bytes, size: int, manners: Manners, answer_inf: int
) -> None:
    chip = Counting(answer, "1", manners)
    contact, ours = contact_with(chip), terminal(manners.inf_max)
    hold(ours.offer_length(answer_inf), contact)
    command = b"\x80\xf9\x00\x00"
    if size > 4:
        command += b"\x00" + (size - 4).to_bytes(2, "big") + bytes(size - 4)
    assert hold(ours.send(command, more=False), contact).data == answer
    assert len(chip.asked) == 1
    assert len(chip.asked[0][1]) == size - 4
    assert all(len(parse(block).inf) <= manners.inf_max for block in said)
    assert all(len(parse(block).inf) <= answer_inf for block in told)


@given(st.sets(st.integers(0, 200)), st.booleans(), st.integers(2, 400))
def test_damage_that_ends_in_time_changes_nothing_and_the_card_acts_once(
    struck: set[int], silent: bool, size: int
) -> None:
    """No two answers in a row are struck, so no block is asked for more than twice."""
    chip = Counting(bytes(size), "1", Manners(inf_max=16, extensions=1))
    contact, ours = contact_with(chip), terminal(16)

    def line(number: int, heard: bytes) -> bytes:
        if number not in struck or number - 1 in struck:
            return heard
        return b"" if silent else heard[:-1] + bytes((heard[-1] ^ 1,))

    for _ in range(2):
        assert hold(ours.send(b"\x80\xf9\x00\x00\x28" + bytes(40), more=False), contact, line).data == bytes(size)
    assert len(chip.asked) == 2


@given(st.sets(st.integers(0, 60)))
def test_damage_on_the_way_to_the_card_changes_nothing_either(struck: set[int]) -> None:
    chip = Counting(bytes(100), "1", Manners(inf_max=16))

    class Damaged(ChipContact):
        number = 0

        def feed(self, data: bytes) -> bytes:
            self.number += 1
            hit = self.number in struck and self.number - 1 not in struck
            return super().feed(data[:-1] + bytes((data[-1] ^ 1,)) if hit else data)

    contact, ours = Damaged(chip), terminal(16)
    contact.reset()
    assert hold(ours.send(b"\x80\xf9\x00\x00\x28" + bytes(40), more=False), contact).data == bytes(100)
    assert len(chip.asked) == 1


@pytest.mark.parametrize(("heard", "cause"), [(b"", Cause.MUTE), (b"\x00\x00\x02\x90\x00\x93", Cause.COMMUNICATION)])
def test_three_times_are_enough(heard: bytes, cause: Cause) -> None:
    chip = Counting(b"\x90\x00", "1")
    contact, ours = contact_with(chip), terminal()
    with pytest.raises(ChipFailure) as failed:
        hold(ours.send(SELECT, more=False), contact, lambda _number, _heard: heard)
    assert failed.value.cause is cause
    assert len(said) == 3
    assert hold(ours.send(SELECT, more=False), contact).data == b"\x90\x00"
    assert parse(said[0]).kind is Kind.RESYNCH_REQUEST


def test_an_answer_comes_in_parts_of_what_one_frame_carries() -> None:
    contact, ours = contact_with(Counting(bytes(700) + b"\x90\x00", "1")), terminal(answer_max=320)
    hold(ours.offer_length(254), contact)
    got = [hold(ours.send(b"\x80\xf9\x00\x00", more=False), contact)]
    while ours.receiving:
        got.append(hold(ours.receive(), contact))
    assert b"".join(one.data for one in got) == bytes(700) + b"\x90\x00"
    assert [one.more for one in got] == [True, True, False]
    assert all(len(one.data) <= 320 for one in got)


def test_a_chain_can_be_broken_off_by_either() -> None:
    chip = Counting(b"\x90\x00", "1")
    contact, ours = contact_with(chip), terminal()
    assert hold(ours.send(SELECT[:10], more=True), contact).wants
    hold(ours.abort(), contact)
    assert not chip.asked
    assert hold(ours.send(SELECT, more=False), contact).data == b"\x90\x00"
    contact.will("aborts")
    with pytest.raises(ChipFailure) as failed:
        hold(ours.send(SELECT, more=False), contact)
    assert failed.value.cause is Cause.ABORTED
    assert parse(said[-1]).kind is Kind.ABORT_RESPONSE


def test_a_card_that_only_asks_for_time_is_given_up() -> None:
    slow = contact_with(Counting(b"\x90\x00", "1", Manners(extensions=EXTENSIONS_MAX + 9)))
    with pytest.raises(ChipFailure):
        hold(terminal().send(SELECT, more=False), slow)


def test_a_card_may_ask_for_shorter_blocks_on_its_way() -> None:
    chip = Counting(b"\x90\x00", "1")
    contact, ours = contact_with(chip), terminal()
    asks = encode(Block(Kind.IFS_REQUEST, b"\x08"))
    with pytest.raises(ChipFailure):  # the card itself knows nothing of it: what we try is that we answer
        hold(ours.send(SELECT, more=False), contact, lambda number, _heard: asks if not number else b"")
    assert parse(said[1]) == Block(Kind.IFS_RESPONSE, b"\x08")


BABBLE = st.one_of(st.binary(max_size=12), st.sampled_from([b"\x00\x00\x02\x90\x00\x92", b"\x00\xc2\x00\xc2"]))


@given(st.lists(BABBLE, max_size=9))
def test_a_card_that_babbles_blocks_fails_with_a_cause(answers: list[bytes]) -> None:
    with contextlib.suppress(ChipFailure):
        hold(terminal().send(SELECT, more=False), contact_with(Counting(b"\x90\x00", "1")), babble(answers))


def test_a_request_whose_response_was_damaged_is_said_again() -> None:
    contact = contact_with(Counting(b"\x90\x00", "1"))
    hold(terminal().offer_length(254), contact, lambda number, heard: heard if number else heard[:-1] + b"\x00")
    assert said == [bytes.fromhex("00C101FE3E")] * 2


def test_a_card_that_asks_for_time_gets_it() -> None:
    contact = contact_with(Counting(b"\x90\x00", "1", Manners(extensions=1)))
    hold(terminal().send(SELECT, more=False), contact)
    assert parse(told[0]) == Block(Kind.WTX_REQUEST, b"\x02")
    assert parse(said[1]) == Block(Kind.WTX_RESPONSE, b"\x02")
    assert waits_ms[1] == 2 * waits_ms[0]


def test_null_bytes_without_end_are_no_answer() -> None:
    with pytest.raises(ChipFailure) as failed:
        hold(t0_exchange(SELECT[:5], SELECT[5:-1], 0), contact_with(SimChip()), lambda _number, _heard: b"\x60")
    assert failed.value.cause is Cause.COMMUNICATION


# ---------------------------------------------------------------- the card alone


def test_a_card_asks_for_the_block_that_is_due() -> None:
    contact = contact_with(Counting(bytes(30) + b"\x90\x00", "1", Manners(extensions=1)))
    wrong = encode(Block(Kind.I, SELECT, 1))
    assert parse(contact.feed(wrong)) == Block(Kind.R, number=0, error=2)
    asks = contact.feed(encode(Block(Kind.I, SELECT, 0)))
    assert parse(asks).kind is Kind.WTX_REQUEST
    assert contact.feed(encode(Block(Kind.R, number=0))) == asks  # it was not understood
    first = contact.feed(encode(Block(Kind.WTX_RESPONSE, b"\x02")))
    assert parse(first) == Block(Kind.I, bytes(30) + b"\x90\x00", 0)
    assert contact.feed(encode(Block(Kind.R, number=0, error=1))) == first
    assert parse(contact.feed(encode(Block(Kind.R, number=1)))) == Block(Kind.R, number=1)


def test_a_damaged_selection_is_not_answered() -> None:
    contact = ChipContact(SimChipCard(protocol="01"))
    contact.reset()
    assert contact.feed(bytes.fromhex("FF01FF")) == b""
    assert contact.protocol is None


@given(st.sampled_from(["0", "1", "01"]), MANNERS, st.lists(st.binary(max_size=20), max_size=12))
def test_a_card_bears_whatever_is_said_to_it(protocol: str, manners: Manners, chunks: list[bytes]) -> None:
    contact = ChipContact(SimChipCard(protocol=protocol, manners=manners))
    contact.reset()
    for chunk in chunks:
        contact.feed(chunk)
    assert contact.reset() == SimChipCard(protocol=protocol, manners=manners).atr


@pytest.mark.parametrize("protocol", [0, 1])
def test_a_card_that_offers_both_takes_the_one_it_is_told(protocol: int) -> None:
    contact = ChipContact(SimChipCard(protocol="01"))
    contact.reset()
    assert hold(select_protocol(protocol, None), contact)
    assert said == [bytes.fromhex(("FF00FF", "FF01FE")[protocol])]
    assert contact.protocol == protocol


def test_a_selection_is_refused_by_silence_and_comes_too_late() -> None:
    refusing = ChipContact(SimChipCard(protocol="01", manners=Manners(refuses_selection=True)))
    refusing.reset()
    assert not hold(select_protocol(1, None), refusing)
    only = ChipContact(SimChipCard(protocol="0"))
    only.reset()
    assert not hold(select_protocol(1, None), only)
    late = ChipContact(SimChipCard(protocol="01"))
    late.reset()
    late.feed(SELECT[:5])
    hold(select_protocol(1, None), late)
    assert late.protocol == 0


def test_a_speed_may_be_asked_for_along_with_the_protocol() -> None:
    contact = ChipContact(SimChipCard(protocol="01"))
    contact.reset()
    assert hold(select_protocol(0, 0x11), contact)
    assert said == [bytes.fromhex("FF1011FE")]


def test_troubles_are_named() -> None:
    with pytest.raises(ValueError, match="aborts"):
        ChipContact(SimChip()).will("sing")
