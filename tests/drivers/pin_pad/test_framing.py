from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.pin_pad.framing import DATA_MAX, STX, Frame, FrameReader, KeyByte, encode

VECTORS = yaml.safe_load((Path(__file__).parents[2] / "vectors" / "pin_pad.yaml").read_text())["frames"]
OUTSIDE = st.integers(0, 255).filter(lambda code: code != STX)
DATA = st.binary(min_size=1, max_size=1_100)
LINE = st.lists(st.one_of(DATA.map(Frame), OUTSIDE.map(KeyByte)), max_size=6)


def on_the_wire(items: list[Frame | KeyByte]) -> bytes:
    return b"".join(encode(item.data) if isinstance(item, Frame) else bytes((item.code,)) for item in items)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector):
    data, frame = bytes.fromhex(vector["data"]), bytes.fromhex(vector["frame"])
    assert encode(data) == frame
    assert FrameReader().feed(frame) == [Frame(data)]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector_byte_by_byte_with_keys_around(vector):
    data, frame = bytes.fromhex(vector["data"]), bytes.fromhex(vector["frame"])
    reader = FrameReader()
    heard = [item for byte in b"*" + frame + b"\r" + frame for item in reader.feed(bytes((byte,)))]
    assert heard == [KeyByte(0x2A), Frame(data), KeyByte(0x0D), Frame(data)]
    assert reader.discarded == 0


@pytest.mark.parametrize(
    ("size", "announced"), [(1, b"001"), (999, b"999"), (1000, b"0001000"), (9999, b"0009999")]
)
def test_length_forms(size, announced):
    frame = encode(b"\x60" * size)
    assert frame[1 : 1 + len(announced)] == announced
    assert FrameReader(data_max=9999).feed(frame) == [Frame(b"\x60" * size)]


@pytest.mark.parametrize("size", [0, 10_000])
def test_sizes_no_frame_carries(size):
    with pytest.raises(ValueError, match="1 to 9999"):
        encode(b"\x60" * size)


@pytest.mark.parametrize(
    "broken",
    [
        "02 30 58",  # length is not digits
        "02 30 30 31 60 04",  # no ETX
        "02 30 30 31 60 03 35 33",  # wrong LRC
        "02 30 30 31 60 03 35 7A",  # LRC is not hex
        "02 39 39 39 30 02",  # a frame begins inside, after noise
        "02 30 30 30 30 39 39 39",  # extended form for what the short form carries
        "02 30 30 30 39 39 39 39",  # longer than any answer
    ],
)
def test_broken_frames_never_become_keys(broken):
    reader = FrameReader()
    noise = bytes.fromhex(broken)
    heard = reader.feed(noise)
    reader.forget()
    assert heard == []
    assert reader.discarded == len(noise)
    assert reader.feed(encode(b"\x60") + b"5") == [Frame(b"\x60"), KeyByte(0x35)]


def test_after_a_broken_frame_keys_are_noise_until_the_next_frame():
    reader = FrameReader()
    assert reader.feed(bytes.fromhex("02 30 30 31 60 03 35 33") + b"\r12") == []
    assert reader.waiting
    assert reader.feed(encode(b"\x60") + b"\r") == [Frame(b"\x60"), KeyByte(0x0D)]
    assert not reader.waiting


def test_a_frame_begun_inside_a_broken_one_is_found():
    assert FrameReader().feed(b"\x02003" + encode(b"\x60OK")) == [Frame(b"\x60OK")]


def test_a_frame_does_not_print_its_body():
    secret = encode(b"\x600016" + b"1234567890ABCDEF")
    assert "1234567890ABCDEF" not in repr(FrameReader().feed(secret + b"7"))
    assert "55" not in repr(KeyByte(0x37))


@given(LINE, st.lists(st.integers(0, 6_000), max_size=12))
def test_any_pieces_give_the_same(items, cuts):
    wire = on_the_wire(items)
    whole, pieces = FrameReader(), FrameReader()
    edges = sorted({0, len(wire), *(min(cut, len(wire)) for cut in cuts)})
    heard = [item for start, end in pairwise(edges) for item in pieces.feed(wire[start:end])]
    assert heard == whole.feed(wire) == items
    assert whole.discarded == pieces.discarded == 0


@given(st.binary(max_size=300), DATA)
def test_garbage_is_survived_once_the_line_was_quiet(garbage, data):
    reader = FrameReader()
    reader.feed(garbage)
    reader.forget()
    assert reader.feed(encode(data)) == [Frame(data)]


@given(st.binary(max_size=400))
def test_every_byte_is_accounted_for(noise):
    reader = FrameReader()
    heard = reader.feed(noise)
    reader.forget()
    assert len(on_the_wire(heard)) + reader.discarded == len(noise)


@given(DATA, st.integers(0, 2_000), st.integers(1, 255))
def test_one_damaged_byte_never_yields_another_frame(data, at, flip):
    wire = bytearray(encode(data))
    at %= len(wire)
    wire[at] ^= flip
    heard = FrameReader().feed(bytes(wire))
    assert Frame(data) not in heard
    if at:  # with the STX itself gone, the bytes cannot be told from keys
        assert not any(isinstance(item, KeyByte) for item in heard)


def test_the_limit_is_kept():
    reader = FrameReader()
    assert reader.feed(encode(b"\x60" * DATA_MAX)) == [Frame(b"\x60" * DATA_MAX)]
    assert reader.feed(encode(b"\x60" * (DATA_MAX + 1))) == []
