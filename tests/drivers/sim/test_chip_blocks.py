"""T=1 blocks against the vectors of the standard: whole, in bytes, among strangers, and under fuzz."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.sim.chip_blocks import INF_MAX, Block, BlockReader, Damage, Kind, encode, parse

VECTORS: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "vectors" / "chip_card.yaml").read_text("utf-8"), Loader=yaml.CBaseLoader
)


def block_of(entry: dict[str, str]) -> Block:
    numbers = {name: int(entry.get(name, "0")) for name in ("number", "error", "nad")}
    return Block(Kind(entry["kind"]), bytes.fromhex(entry.get("inf", "")), more="more" in entry, **numbers)


BLOCKS = [(block_of(entry), bytes.fromhex(entry["hex"])) for entry in VECTORS["blocks"]]


def fed(*chunks: bytes) -> tuple[list[Block | Damage], BlockReader]:
    reader = BlockReader()
    return [item for chunk in chunks for item in reader.feed(chunk)], reader


@pytest.mark.parametrize(("block", "raw"), BLOCKS, ids=[raw.hex() for _, raw in BLOCKS])
def test_a_block_is_written_and_read_whole_in_bytes_and_with_a_stranger_behind(block: Block, raw: bytes) -> None:
    assert encode(block) == raw
    assert parse(raw) == block
    assert fed(raw)[0] == [block]
    assert fed(*(bytes((byte,)) for byte in raw))[0] == [block]
    items, reader = fed(raw + raw + b"\x00")
    assert items == [block, block]
    assert not reader.at_rest


@pytest.mark.parametrize("entry", VECTORS["no_blocks"], ids=lambda entry: entry["why"])
def test_what_is_no_block(entry: dict[str, str]) -> None:
    raw = bytes.fromhex(entry["hex"])
    with pytest.raises(RemoteProtocolError):
        parse(raw)
    (item,), reader = fed(raw)
    assert item is (Damage.LRC if "LRC" in entry["why"] else Damage.OTHER)
    assert reader.discarded == len(raw)


@pytest.mark.parametrize(("block", "raw"), BLOCKS, ids=[raw.hex() for _, raw in BLOCKS])
def test_behind_garbage_only_silence_helps(block: Block, raw: bytes) -> None:
    items, reader = fed(b"\xff\xff\xff", raw)
    assert items == [Damage.OTHER]
    assert reader.discarded == 3 + len(raw)
    reader.reset()
    assert reader.feed(raw) == [block]


def test_half_a_block_can_be_given_up() -> None:
    items, reader = fed(BLOCKS[0][1][:3])
    assert not items
    reader.reset()
    assert reader.discarded == 3
    assert reader.feed(BLOCKS[0][1]) == [BLOCKS[0][0]]


def test_a_block_that_is_too_long_is_our_fault() -> None:
    with pytest.raises(LocalProtocolError):
        encode(Block(Kind.I, bytes(INF_MAX + 1)))


@given(st.binary(max_size=40))
def test_garbage_raises_the_one_error(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert encode(parse(data)) == data


@given(
    st.lists(st.one_of(st.sampled_from([raw for _, raw in BLOCKS]), st.binary(max_size=12)), max_size=6),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_chopping_never_changes_the_meaning(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    whole, one = fed(stream)
    pieces, other = fed(*(stream[a:b] for a, b in pairwise(edges)))
    assert pieces == whole
    assert other.discarded == one.discarded
