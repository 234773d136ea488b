"""Tracks in cells: written and read, damaged in each way, and in encodings that are not ISO's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.sim.stripe import ISO, KINDS, Encoding, read, spoiled, written

TEXTS = {1: "B6228480012345678901^EXAMPLE/HOLDER^3012", 2: "6228480012345678901=3012501", 3: "0123456789"}


def test_characters_are_those_of_the_standard() -> None:
    assert ISO[2].cells(0x0B) == "11010"  # ; of track 2: 1011, lowest bit first, odd parity
    assert ISO[1].cells(0x05) == "1010001"  # % of track 1
    assert written("", ISO[2], lead=0)[:15] == "11010" + "11111" + "00100"  # ; ? and their LRC


@pytest.mark.parametrize("track", [1, 2, 3])
def test_what_was_written_is_read(track: int) -> None:
    found = read(written(TEXTS[track], ISO[track]), ISO[track])
    assert (found.result, found.text) == ("00", TEXTS[track])


@pytest.mark.parametrize("track", [1, 2, 3])
@pytest.mark.parametrize("kind", list(KINDS))
def test_each_damage_is_found_for_what_it_is(track: int, kind: str) -> None:
    cells = written(TEXTS[track], ISO[track])
    assert read(spoiled(cells, ISO[track], kind), ISO[track]).result == KINDS[kind]


@given(st.text("0123456789=", min_size=1, max_size=37), st.sampled_from(sorted(KINDS)))
def test_each_damage_of_any_text(text: str, kind: str) -> None:
    assert read(spoiled(written(text, ISO[2]), ISO[2], kind), ISO[2]).result == KINDS[kind]


@given(st.text("01~", max_size=200))
def test_any_cells_mean_something(cells: str) -> None:
    assert read(cells, ISO[2]).result in {"00", *KINDS.values()}


@given(
    st.text("0123456789", min_size=1, max_size=30),
    st.integers(5, 8),
    st.booleans(),
    st.integers(0, 40),
)
def test_other_encodings_are_read_with_themselves(text: str, bits: int, odd: bool, lead: int) -> None:
    encoding = Encoding(bits, odd, 0x30, ";")
    found = read(written(text, encoding, lead), encoding)
    assert (found.result, found.text) == ("00", text)


def test_another_encoding_is_not_understood() -> None:
    assert read(written("TEST", ISO[1]), ISO[2]).result != "00"


@pytest.mark.parametrize("wrong", ["lower", "Ä"])
def test_a_character_without_bits_cannot_be_written(wrong: str) -> None:
    with pytest.raises(ValueError, match="encoding"):
        written(wrong, ISO[2])
    with pytest.raises(ValueError, match="spoiled by"):
        spoiled(written("1", ISO[2]), ISO[2], wrong)
