"""Answers to reset: those of real cards, whole and in pieces; and what is none."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.atr import Atr, AtrReader, read_atr
from drivers.base.errors import RemoteProtocolError

VECTORS: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "vectors" / "chip_card.yaml").read_text("utf-8"), Loader=yaml.CBaseLoader
)
KNOWN = [pytest.param(entry, id=entry["card"]) for entry in VECTORS["answers_to_reset"]]
RAW = [bytes.fromhex(entry["hex"]) for entry in VECTORS["answers_to_reset"]]


def fed(*chunks: bytes) -> tuple[list[Atr], int, AtrReader]:
    """Return the answers, how often the reader raised, and the reader."""
    reader, found, raised = AtrReader(), [], 0
    for chunk in chunks:
        data = chunk
        while True:
            try:
                atr = reader.feed(data)
            except RemoteProtocolError:
                raised += 1
                data = b""
                continue
            if atr is None:
                break
            found.append(atr)
            data = b""
    return found, raised, reader


@pytest.mark.parametrize("entry", KNOWN)
def test_real_cards_say_what_the_lists_say(entry: dict[str, Any]) -> None:
    atr = read_atr(bytes.fromhex(entry["hex"]))
    assert [str(protocol) for protocol in atr.protocols] == entry["protocols"]
    assert atr.historical.hex().upper() == entry["historical"]
    assert str(atr.ifsc) == entry.get("ifsc", "32")
    assert atr.specific is None
    assert not atr.uses_crc


@pytest.mark.parametrize("raw", RAW)
def test_an_answer_is_read_whole_in_bytes_and_among_strangers(raw: bytes) -> None:
    assert fed(raw)[0] == [read_atr(raw)]
    assert fed(*(bytes((byte,)) for byte in raw))[0] == [read_atr(raw)]
    found, raised, reader = fed(b"\x00\xff\x41" + raw + b"\x3b")
    assert (found, raised, reader.discarded, reader.at_rest) == ([read_atr(raw)], 0, 3, False)
    reader.reset()
    assert (reader.discarded, reader.at_rest) == (4, True)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("3B 80 80 01 01", (0, 1)),
        ("3B D0 96 FF 81 B1 FE 45 1F 03 2E", (1,)),
        ("3F 00", (0,)),
        ("3B 80 1F 00 9F", (0,)),
    ],
    ids=["T=0 and T=1", "T=1 with parameters", "nothing but TS and T0", "global bytes only"],
)
def test_protocols_as_they_are_offered(text: str, what: tuple[int, ...]) -> None:
    assert read_atr(bytes.fromhex(text)).protocols == what


def test_mode_and_choice() -> None:
    assert read_atr(bytes.fromhex("3B 80 80 01 01")).negotiable
    assert read_atr(bytes.fromhex("3B 90 11 10 00")).specific == 0
    fast = read_atr(bytes.fromhex("3B 10 96"))
    assert fast.negotiable
    assert not read_atr(bytes.fromhex("3B 10 11")).negotiable


def test_a_wrong_check_character_counts_where_it_is_checked() -> None:
    wrong = RAW[2][:-1] + b"\x00"
    with pytest.raises(RemoteProtocolError, match="TCK"):
        read_atr(wrong)
    assert read_atr(wrong, checks_tck=False).protocols == (1,)
    assert AtrReader(checks_tck=False).feed(wrong) is not None


@pytest.mark.parametrize("text", ["", "3B", "41 00", "3B 10", "3B 65 00", "3B 00 00", "3B" + "FF" * 34])
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read_atr(bytes.fromhex(text))


@given(st.binary(max_size=60))
def test_garbage_raises_the_one_error(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert read_atr(data).raw == data


@given(st.binary(max_size=60).map(lambda rest: b"\x3b" + rest), st.lists(st.integers(0, 61), max_size=10))
def test_chopping_never_changes_the_meaning(data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    whole, pieces = fed(data), fed(*(data[a:b] for a, b in itertools.pairwise(edges)))
    assert pieces[:2] == whole[:2]
    assert pieces[2].discarded == whole[2].discarded
