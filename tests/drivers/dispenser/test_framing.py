"""Both readers: whole, byte by byte, with garbage before and a stranger behind, chopped and fuzzed."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import RemoteProtocolError
from drivers.dispenser.framing import CommandReader, Frame, ResponseReader, Signal
from tests.drivers.dispenser.vectors import FRAMINGS, VECTORS, name_of

COMMANDS, RESPONSES = VECTORS["commands"], VECTORS["responses"]
NOISE = b"\xff\x00\x55"


def frame_of(vector: dict[str, Any]) -> Frame:
    return Frame(int(vector["cmd"], 16), bytes.fromhex(vector["data"]))


@pytest.mark.parametrize("vector", COMMANDS, ids=name_of)
def test_command_is_made_and_read_as_published(vector):
    framing, wire = FRAMINGS[vector["profile"]], bytes.fromhex(vector["hex"])
    frame = frame_of(vector)
    assert framing.command(frame.cmd, frame.data) == wire
    assert framing.parse_command(wire) == frame
    assert CommandReader(framing).feed(wire, 0) == [frame]
    reader = CommandReader(framing)
    assert [item for byte in wire for item in reader.feed(bytes((byte,)), 0)] == [frame]
    assert reader.discarded == 0
    assert not reader.pending


@pytest.mark.parametrize("vector", RESPONSES, ids=name_of)
def test_response_is_made_and_read_as_published(vector):
    framing, wire = FRAMINGS[vector["profile"]], bytes.fromhex(vector["hex"])
    frame = frame_of(vector)
    assert framing.response(frame.cmd, frame.data) == wire
    assert framing.parse_response(wire) == frame
    assert ResponseReader(framing).feed(wire) == [frame]
    reader = ResponseReader(framing)
    assert [item for byte in wire for item in reader.feed(bytes((byte,)))] == [frame]
    assert reader.discarded == 0
    assert not reader.pending


@pytest.mark.parametrize("vector", RESPONSES, ids=name_of)
def test_response_behind_garbage_and_before_a_stranger(vector):
    wire = bytes.fromhex(vector["hex"])
    reader = ResponseReader(FRAMINGS[vector["profile"]])
    assert reader.feed(NOISE + wire + wire + b"\x04" + NOISE) == [frame_of(vector)] * 2 + [Signal.EOT]
    assert reader.discarded == 2 * len(NOISE)


@pytest.mark.parametrize("vector", COMMANDS, ids=name_of)
def test_command_behind_garbage_and_before_a_stranger(vector):
    wire = bytes.fromhex(vector["hex"])
    reader = CommandReader(FRAMINGS[vector["profile"]])
    assert reader.feed(NOISE + b"\x06" + wire + wire + b"\x15", 0) == [
        Signal.ACK,
        frame_of(vector),
        frame_of(vector),
        Signal.NCK,
    ]
    assert reader.discarded == len(NOISE)


@pytest.mark.parametrize("vector", RESPONSES, ids=name_of)
def test_every_flipped_byte_is_noticed_and_the_repetition_read(vector):
    framing, wire = FRAMINGS[vector["profile"]], bytes.fromhex(vector["hex"])
    for at in range(len(wire)):
        damaged = wire[:at] + bytes((wire[at] ^ 0x5A,)) + wire[at + 1 :]
        with pytest.raises(RemoteProtocolError):
            framing.parse_response(damaged)
        reader = ResponseReader(framing)
        first = reader.feed(damaged)
        assert frame_of(vector) not in first
        if at:  # without its start byte it is mere noise
            assert Signal.DAMAGED in first or reader.pending
        reader.abandon()
        assert reader.feed(wire) == [frame_of(vector)]


@pytest.mark.parametrize("vector", RESPONSES, ids=name_of)
def test_lost_byte_costs_one_frame_and_not_the_next(vector):
    wire = bytes.fromhex(vector["hex"])
    for at in range(len(wire)):
        reader = ResponseReader(FRAMINGS[vector["profile"]])
        found = reader.feed(wire[:at] + wire[at + 1 :] + wire)
        assert found.count(frame_of(vector)) == 1


def test_remains_of_a_damaged_frame_are_not_taken_for_an_ack():
    reader = ResponseReader(FRAMINGS["4000"])
    body = bytes((0x20, 0x30)) + b"\x06\x15\x04" * 7
    wire = bytearray(FRAMINGS["4000"].response(0x52, body))
    wire[-2] ^= 0x40
    assert reader.feed(bytes(wire)) == [Signal.DAMAGED]
    assert reader.feed(b"\x06\x15") == []


def test_both_forms_of_the_dispense_command_are_told_apart_while_they_come_in():
    framing = FRAMINGS["4000"]
    short = framing.command(0x52, b"\x21\x20\x20\x20\x20\x20\x27")
    long = framing.command(0x52, b"\x21" + b"\x20" * 14)
    reader = CommandReader(framing)
    found = [item for byte in short + long + short for item in reader.feed(bytes((byte,)), 0)]
    assert [len(frame.data) for frame in found if isinstance(frame, Frame)] == [7, 15, 7]


def test_command_slower_than_200_ms_is_dropped():
    framing = FRAMINGS["2000"]
    wire = framing.command(0x46)
    reader = CommandReader(framing)
    assert reader.feed(wire[:4], 0) == []
    assert reader.feed(wire[4:], 201) == []
    assert reader.feed(wire[:4], 1_000) == []
    assert reader.feed(wire[4:], 1_200) == [Frame(0x46, b"")]


def test_unknown_command_is_read_to_its_end():
    framing = FRAMINGS["2000"]
    reader = CommandReader(framing)
    assert reader.feed(framing.command(0x99, b"\x31\x32"), 0) == [Frame(0x99, b"\x31\x32")]
    assert reader.feed(b"\x04\x50\x02\x99" + bytes(40), 0) == [Signal.DAMAGED]


@given(st.data())
def test_chopping_never_changes_meaning(data):
    profile = data.draw(st.sampled_from(["2000", "4000"]))
    vectors = [v for v in RESPONSES if v["profile"] == profile]
    stream = b"".join(
        data.draw(st.sampled_from([b"\x06", b"\x15", b"\x04", *(bytes.fromhex(v["hex"]) for v in vectors)]))
        for _ in range(data.draw(st.integers(1, 6)))
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    whole = ResponseReader(FRAMINGS[profile]).feed(stream)
    reader = ResponseReader(FRAMINGS[profile])
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [item for piece in pieces for item in reader.feed(piece)] == whole


@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from(["2000", "4000"]))
def test_garbage_raises_nothing_and_is_counted(chunks, profile):
    host, device = ResponseReader(FRAMINGS[profile]), CommandReader(FRAMINGS[profile])
    for now_ms, chunk in enumerate(chunks):
        host.feed(chunk)
        device.feed(chunk, now_ms)
    host.abandon()
    device.abandon()
    total = sum(map(len, chunks))
    assert 0 <= host.discarded <= total
    assert 0 <= device.discarded <= total


@given(st.binary(max_size=40), st.sampled_from(["2000", "4000"]))
def test_strict_parsers_raise_one_exception_only(data, profile):
    for parse in (FRAMINGS[profile].parse_response, FRAMINGS[profile].parse_command):
        with contextlib.suppress(RemoteProtocolError):
            parse(data)
