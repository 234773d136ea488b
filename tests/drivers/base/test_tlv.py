"""BER-TLV: objects, nested ones, and what does not add up."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import RemoteProtocolError
from drivers.base.tlv import find_tlv, read_tlv
from drivers.sim.chip_card import tlv

FCI = bytes.fromhex("6F26 8408 A000000333010101 A51A 500E 556E696F6E506179204465626974 870101 5F2D04 7A68656E")


def test_the_answer_to_a_selection() -> None:
    ((tag, inner),) = read_tlv(FCI)
    assert tag == "6F"
    assert [name for name, _ in read_tlv(inner)] == ["84", "A5"]
    assert find_tlv(FCI, "6F", "84") == bytes.fromhex("A000000333010101")
    assert find_tlv(FCI, "6F", "A5", "50") == b"UnionPay Debit"
    assert find_tlv(FCI, "6F", "A5", "5F2D") == b"zhen"
    assert find_tlv(FCI, "6F", "9F38") is None


def test_zeros_between_objects_are_nothing() -> None:
    told = bytes.fromhex("0000 5A0112 00 9F36020001 00")
    assert read_tlv(told) == [("5A", b"\x12"), ("9F36", b"\x00\x01")]


@pytest.mark.parametrize(
    "text", ["5A", "5A02", "5A0212", "9F", "9F81", "1F8181818101", "5A80", "5A85", "5A8201", "6FFF", "5A8400"]
)
def test_what_does_not_add_up(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read_tlv(bytes.fromhex(text))


@given(st.lists(st.tuples(st.sampled_from(["5A", "9F36", "5F2D", "70"]), st.binary(max_size=200)), max_size=6))
def test_what_a_card_writes_is_read(objects: list[tuple[str, bytes]]) -> None:
    whole = b"".join(tlv(tag, value) for tag, value in objects)
    assert read_tlv(whole) == objects
    if objects and whole:
        with contextlib.suppress(RemoteProtocolError):  # cut off, it is shorter or an error, never something else
            assert read_tlv(whole[:-1]) == objects[:-1]


@given(st.binary(max_size=60))
def test_garbage_raises_the_one_error(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        read_tlv(data)
