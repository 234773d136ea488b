"""The framing against the vectors of the maker's rule: whole, in pieces, in noise; and under fuzz."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import LocalProtocolError
from drivers.card_reader.framing import TEXT_BYTES_MAX, FrameReader, Item, Signal, encode

VECTORS: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "vectors" / "card_reader.yaml").read_text("utf-8"), Loader=yaml.CBaseLoader
)
FRAMES = [(entry["text"].encode("ascii"), bytes.fromhex(entry["hex"])) for entry in VECTORS["frames"]]
FRAMES += [
    (bytes.fromhex(entry["text_hex"]), bytes.fromhex(entry["hex"])) for entry in VECTORS["binary_frames"]
]


def fed(*chunks: bytes) -> tuple[list[Item], FrameReader]:
    reader = FrameReader()
    return [item for chunk in chunks for item in reader.feed(chunk)], reader


def chopped(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize(("text", "frame"), FRAMES)
def test_a_text_becomes_the_frame_of_the_note(text: bytes, frame: bytes) -> None:
    assert encode(text) == frame


@pytest.mark.parametrize(("text", "frame"), FRAMES)
def test_a_frame_is_read_whole_in_bytes_and_among_strangers(text: bytes, frame: bytes) -> None:
    assert fed(frame)[0] == [text]
    assert fed(*(bytes((byte,)) for byte in frame))[0] == [text]
    items, reader = fed(b"\xff\x00\x41" + frame + b"\x10\x06")
    assert items == [text, Signal.ACK]
    assert reader.discarded == 3
    assert reader.at_rest


@pytest.mark.parametrize("entry", VECTORS["controls"], ids=lambda entry: entry["name"])
def test_controls(entry: dict[str, str]) -> None:
    control = bytes.fromhex(entry["hex"])
    assert fed(control)[0] == [Signal(entry["name"])]
    assert fed(control[:1], control[1:])[0] == [Signal(entry["name"])]


@pytest.mark.parametrize("entry", VECTORS["damaged"], ids=lambda entry: entry["why"])
def test_a_damaged_frame_is_told_and_the_next_is_read(entry: dict[str, str]) -> None:
    assert fed(bytes.fromhex(entry["hex"]) + encode(b"C10"))[0] == [Signal.BAD, b"C10"]


def test_a_new_opening_restarts_the_frame() -> None:
    items, reader = fed(b"\x10\x02C1" + encode(b"C30"))
    assert items == [b"C30"]
    assert reader.discarded == 4


def test_a_control_inside_a_frame_breaks_it_off() -> None:
    assert fed(b"\x10\x02C1\x10\x04" + encode(b"C30"))[0] == [Signal.EOT, b"C30"]


def test_a_check_character_that_is_dle_is_no_beginning() -> None:
    text = b"C" + bytes((0x43 ^ 0x03 ^ 0x10,))  # its BCC is 10
    assert encode(text)[-1] == 0x10
    assert fed(encode(text) + encode(b"C10"))[0] == [text, b"C10"]


def test_half_a_frame_can_be_given_up() -> None:
    items, reader = fed(b"\x10\x02C1")
    assert not items
    assert not reader.at_rest
    reader.reset()
    assert reader.feed(encode(b"C10")) == [b"C10"]
    assert reader.discarded == 4


def test_what_never_ends_does_not_grow_for_ever() -> None:
    reader = FrameReader()
    for _ in range(40):
        reader.feed(b"\x10\x02" + b"A" * 400)
        reader.feed(b"A" * 400)
    reader.feed(b"\x10\x02")
    for _ in range(40):
        reader.feed(b"A" * 400)
    assert reader.discarded >= 2 * TEXT_BYTES_MAX
    reader.reset()
    assert reader.feed(encode(b"C10")) == [b"C10"]


@pytest.mark.parametrize("text", [b"", b"x" * (TEXT_BYTES_MAX + 1)])
def test_a_text_of_impossible_length_is_our_fault(text: bytes) -> None:
    with pytest.raises(LocalProtocolError):
        encode(text)


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.lists(st.integers(0, 10_000), max_size=20)
)
def test_any_texts_survive_any_chopping(texts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(encode(text) for text in texts)
    items, reader = fed(*chopped(stream, cuts))
    assert items == texts
    assert reader.discarded == 0
    assert reader.at_rest


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=20))
def test_chopping_never_changes_what_noise_means(noise: bytes, cuts: list[int]) -> None:
    whole, one = fed(noise)
    pieces, other = fed(*chopped(noise, cuts))
    assert pieces == whole
    assert other.discarded == one.discarded


@given(st.binary(max_size=60).filter(lambda noise: b"\x10" not in noise), st.binary(min_size=1, max_size=30))
def test_noise_before_a_frame_costs_only_itself(noise: bytes, text: bytes) -> None:
    items, reader = fed(noise + encode(text))
    assert items == [text]
    assert reader.discarded == len(noise)
