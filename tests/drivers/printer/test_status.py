"""Status bytes against the makers' tables, and the sorting of an unframed stream."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.printer.status import (
    Condition,
    Conditions,
    Kind,
    ReplyReader,
    Token,
    decode_automatic,
    decode_full,
    decode_paper_sensor,
    decode_real_time,
)

VECTORS: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "vectors" / "printer.yaml").read_text("utf-8"), Loader=yaml.CBaseLoader
)


def said(entry: dict[str, Any]) -> Conditions:
    return frozenset(Condition[name] for name in entry["says"])


def name_of(entry: dict[str, Any]) -> str:
    return f"{entry.get('n', '')} {entry['hex']}"


@pytest.mark.parametrize("entry", VECTORS["real_time"], ids=name_of)
def test_real_time_status(entry: dict[str, Any]) -> None:
    assert decode_real_time(int(entry["n"]), int(entry["hex"], 16)) == said(entry)


@pytest.mark.parametrize("entry", VECTORS["full"], ids=name_of)
def test_full_status(entry: dict[str, Any]) -> None:
    reply = bytes.fromhex(entry["hex"])
    assert decode_full(reply) == said(entry)
    reader = ReplyReader(fixed_bits=False)
    tokens = [token for byte in reply for token in reader.feed(bytes((byte,)))]
    assert tokens == [Token(Kind.FULL, reply)]


@pytest.mark.parametrize("entry", VECTORS["automatic"], ids=name_of)
def test_automatic_status(entry: dict[str, Any]) -> None:
    reply = bytes.fromhex(entry["hex"])
    assert decode_automatic(reply) == said(entry)
    assert ReplyReader(fixed_bits=True).feed(b"\x13" + reply + b"\x11\x12") == [
        Token(Kind.XOFF, b"\x13"),
        Token(Kind.AUTOMATIC, reply),
        Token(Kind.XON, b"\x11"),
        Token(Kind.REAL_TIME, b"\x12"),
    ]


@pytest.mark.parametrize("entry", VECTORS["paper_sensor"], ids=name_of)
def test_paper_sensor(entry: dict[str, Any]) -> None:
    assert decode_paper_sensor(int(entry["hex"], 16)) == said(entry)


@pytest.mark.parametrize("reply", [b"", b"\x10\x0f\x00\x00\x00", b"\x10\x0e\x00\x00\x00\x00"])
def test_what_is_no_full_status_is_refused(reply: bytes) -> None:
    with pytest.raises(ValueError, match="10 0F"):
        decode_full(reply)


def test_automatic_status_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="four bytes"):
        decode_automatic(b"\x10")


def test_the_epson_patterns_are_disjoint() -> None:
    kinds: dict[int, set[Kind]] = {}
    for byte in range(256):
        tokens = ReplyReader(fixed_bits=True).feed(bytes((byte,)) + b"\x00\x00\x00")
        kinds[byte] = {tokens[0].kind} if tokens else set()
    assert {b for b, found in kinds.items() if found == {Kind.REAL_TIME}} == {
        b for b in range(256) if b & 0x93 == 0x12
    }
    assert {b for b, found in kinds.items() if found == {Kind.AUTOMATIC}} == {
        b for b in range(256) if b & 0x93 == 0x10
    }


def test_raw_bytes_are_taken_as_they_are() -> None:
    reader = ReplyReader(fixed_bits=False)
    reader.expect_raw(4)
    assert reader.feed(b"1.") == []
    assert reader.feed(b"12\x00") == [Token(Kind.RAW, b"1.12"), Token(Kind.BUFFERED, b"\x00")]


def test_a_full_status_behind_garbage_is_found() -> None:
    reader = ReplyReader(fixed_bits=False)
    assert reader.feed(b"\xff\x10\x10\x0f\x20\x00\x00\x00") == [Token(Kind.FULL, b"\x10\x0f\x20\x00\x00\x00")]
    assert reader.discarded == 2


@given(st.booleans(), st.binary(max_size=80), st.lists(st.integers(0, 80), max_size=8))
def test_chopping_never_changes_the_tokens(fixed: bool, stream: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    whole, pieces = ReplyReader(fixed_bits=fixed), ReplyReader(fixed_bits=fixed)
    expected = whole.feed(stream)
    found = [token for a, b in pairwise(edges) for token in pieces.feed(stream[a:b])]
    assert found == expected
    assert pieces.discarded == whole.discarded
