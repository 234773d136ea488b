"""Both framings: whole, byte by byte, with garbage before and a stranger behind, chopped and fuzzed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import RemoteProtocolError
from drivers.note_acceptor.ccnet import framing as ccnet
from drivers.note_acceptor.ssp import framing as ssp
from drivers.note_acceptor.ssp.events import read_events

_FILE = Path(__file__).parents[2] / "vectors" / "note_acceptor.yaml"
VECTORS: dict[str, list[dict[str, Any]]] = yaml.load(_FILE.read_text(), Loader=yaml.CSafeLoader)
NOISE = b"\xff\x00\x55"


def case(family: str, vector: dict[str, Any]) -> Any:
    return pytest.param(family, vector, id=f"{family} {vector['name']}")


CASES = [case(family, vector) for family, vectors in VECTORS.items() for vector in vectors]


def content(family: str, vector: dict[str, Any]) -> Any:
    if family == "ccnet":
        return bytes.fromhex(str(vector["body"]))
    return ssp.Frame(bool(vector["flag"]), 0, bytes.fromhex(str(vector["data"])))


def reader(family: str) -> Any:
    return ssp.Reader() if family == "ssp" else ccnet.Reader()


def codec(family: str) -> Any:
    return ssp if family == "ssp" else ccnet


@pytest.mark.parametrize(("family", "vector"), CASES)
def test_made_and_read_as_published(family, vector):
    wire, value = bytes.fromhex(vector["hex"]), content(family, vector)
    assert codec(family).encode(value) == wire
    assert codec(family).parse(wire) == value
    assert reader(family).feed(wire) == [value]
    bytewise = reader(family)
    assert [item for byte in wire for item in bytewise.feed(bytes((byte,)))] == [value]
    assert bytewise.discarded == 0
    assert not bytewise.pending


@pytest.mark.parametrize(("family", "vector"), CASES)
def test_behind_garbage_and_before_a_stranger(family, vector):
    wire, value = bytes.fromhex(vector["hex"]), content(family, vector)
    both = reader(family)
    assert both.feed(NOISE + wire + wire + NOISE) == [value, value]
    assert both.discarded == 2 * len(NOISE)


@pytest.mark.parametrize(("family", "vector"), CASES)
def test_every_flipped_byte_is_noticed_and_the_repetition_read(family, vector):
    wire, value = bytes.fromhex(vector["hex"]), content(family, vector)
    for at in range(len(wire)):
        for mask in (0x01, 0x5A, 0x80):
            damaged = wire[:at] + bytes((wire[at] ^ mask,)) + wire[at + 1 :]
            with contextlib.suppress(RemoteProtocolError):
                assert codec(family).parse(damaged) != value
            hurt = reader(family)
            assert value not in hurt.feed(damaged)
            hurt.abandon()
            assert hurt.feed(wire) == [value]


@pytest.mark.parametrize("vector", VECTORS["ssp"], ids=lambda v: v["name"])
def test_lost_byte_costs_one_ssp_frame_at_most(vector):
    wire = bytes.fromhex(vector["hex"])
    for at in range(len(wire)):
        found = ssp.Reader().feed(wire[:at] + wire[at + 1 :] + wire)
        assert found == [content("ssp", vector)]


def test_a_half_ssp_frame_does_not_swallow_the_next():
    wire = ssp.encode(ssp.Frame(True, 0, bytes(range(200))))
    one = ssp.Reader()
    assert one.feed(wire[:100]) == []
    assert one.feed(ssp.encode(ssp.Frame(False, 0, b"\x07"))) == [ssp.Frame(False, 0, b"\x07")]
    assert one.discarded == 100


def test_a_damaged_ccnet_frame_is_owed_a_nak():
    wire = bytearray(ccnet.encode(b"\x33"))
    wire[-1] ^= 1
    one = ccnet.Reader()
    assert one.feed(bytes(wire)) == []
    assert one.take_damaged() == 1
    assert one.take_damaged() == 0


@given(st.booleans(), st.integers(0, ssp.ADDRESS_MAX), st.binary(min_size=1, max_size=255))
def test_any_ssp_frame_survives_stuffing(flag, address, data):
    frame = ssp.Frame(flag, address, data)
    wire = ssp.encode(frame)
    assert ssp.parse(wire) == frame
    assert ssp.Reader().feed(wire) == [frame]
    assert wire[1:].count(0x7F) % 2 == 0


@given(st.lists(st.sampled_from([0x7F, 0x7E, 0x00]), min_size=1, max_size=60), st.data())
def test_stuffed_frames_chopped_anywhere(data, draw):
    frame = ssp.Frame(True, 0, bytes(data))
    stream = ssp.encode(frame) * 3
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    one = ssp.Reader()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [item for piece in pieces for item in one.feed(piece)] == [frame] * 3
    assert one.discarded == 0


@given(st.binary(min_size=1, max_size=600))
def test_any_ccnet_body_short_or_long(body):
    wire = ccnet.encode(body)
    assert (wire[2] == 0) == (len(wire) > ccnet.SHORT_MAX)
    assert ccnet.parse(wire) == body
    assert ccnet.Reader().feed(NOISE + wire) == [body]


@pytest.mark.parametrize(("address", "data"), [(0x7E, b"\x07"), (0, b""), (0, bytes(256))])
def test_what_has_no_place_in_a_frame_is_refused(address, data):
    with pytest.raises(ValueError, match="address"):
        ssp.encode(ssp.Frame(True, address, data))


@pytest.mark.parametrize("body", [b"", bytes(1_100)])
def test_ccnet_body_too_short_or_long(body):
    with pytest.raises(ValueError, match="body"):
        ccnet.encode(body)


@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from(["ssp", "ccnet"]))
def test_garbage_raises_nothing_and_is_counted(chunks, family):
    one = reader(family)
    frames = sum(len(one.feed(chunk)) for chunk in chunks)
    one.abandon()
    assert one.discarded <= sum(map(len, chunks))
    if not frames:
        assert one.discarded == sum(map(len, chunks))


@given(st.binary(max_size=40), st.sampled_from(["ssp", "ccnet"]))
def test_strict_parsers_raise_one_exception_only(data, family):
    with contextlib.suppress(RemoteProtocolError):
        codec(family).parse(data)
    with contextlib.suppress(RemoteProtocolError):
        codec(family).parse((b"\x7f" if family == "ssp" else b"\x02\x03") + data)


@pytest.mark.parametrize("vector", [v for v in VECTORS["ssp"] if "events" in v], ids=lambda v: v["name"])
def test_events_of_the_published_replies(vector):
    seen, rest = read_events(bytes.fromhex(vector["data"])[1:], 6)
    told = [f"{one.event.code:02X} {one.channel}" for one in seen]
    assert told == [event if " " in event else f"{event} 0" for event in vector["events"]]
    assert rest == bytes.fromhex(vector.get("rest", ""))
