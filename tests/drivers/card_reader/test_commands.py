"""The two tables: complete against the note, and total."""

from __future__ import annotations

import pytest

from drivers.base.vocabulary import Repeat
from drivers.card_reader.commands import CARD_IN, COMMANDS, ERRORS, POSITIONS, ErrorClass, Wait, error_meaning

NOTE = [
    "00",
    "01",
    "02",
    "04",
    "05",
    "06",
    "10",
    "11",
    ":0",
    ":1",
    ":2",
    ":3",
    "20",
    "21",
    "22",
    "23",
    "24",
    "30",
    "31",
    "32",
    "90",
    "40",
    "41",
    "42",
    "60",
    "61",
    "62",
    "63",
    "68",
    "69",
    "6A",
    "71",
    "72",
    "73",
    "78",
    "79",
    "6B",
    "6C",
    "6D",
    "6E",
    "6F",
    "6G",
    "6H",
    "6I",
    "6K",
    "6L",
    "7B",
    "7C",
    "7D",
    "7E",
    "7F",
    "7G",
    "7H",
    "7I",
    "7K",
    "7L",
    "D0",
    "D1",
    "D2",
    "D3",
    "D4",
    "D5",
    "D6",
    "D7",
    "S0",
    "S1",
    "S2",
    "Q0",
    "Q1",
    "I0",
    "L0",
    "R0",
    "R1",
    "R3",
    "W0",
    "W1",
    "W2",
    "N0",
    "N1",
    "N2",
    "N3",
    "NA",
    "V0",
    "V1",
    "P0",
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "T0",
    "T1",
    "T2",
    "T3",
    "Y0",
    "Y1",
    "Y2",
    "Y3",
    "Y4",
    "C0",
    "C1",
    "C2",
    "C3",
    "C5",
    "C6",
    "E0",
    "E1",
    "G1",
    "F0",
    "F1",
    "F2",
    "F3",
    "F4",
    "F6",
    "F7",
    "F8",
    "d0",
    "d1",
    "d2",
    "c0",
    "u0",
]


def test_every_command_of_the_note_is_in_the_table_once() -> None:
    assert sorted(COMMANDS) == sorted(NOTE)
    assert all(spec.code == code and len(code) == 2 for code, spec in COMMANDS.items())


def test_what_moves_a_card_away_is_started_once() -> None:
    for code in ("30", "31", "41", "01", "05", "40", "20", "21"):
        assert COMMANDS[code].repeat is Repeat.ONCE, code
    for code in ("10", "11", "Q0", "V0", "62", ":1"):
        assert COMMANDS[code].repeat is Repeat.SAFE, code


def test_what_waits_for_a_person_says_for_which_time() -> None:
    assert {c for c, spec in COMMANDS.items() if spec.waits is Wait.REINTAKE} == {"40", "41", "42"}
    assert COMMANDS["90"].waits is Wait.REMOVAL
    assert COMMANDS["21"].waits is Wait.INSERTION


def test_where_something_moves_the_host_waits_ten_seconds() -> None:
    for code in ("00", "30", "31", "41", "62"):
        assert COMMANDS[code].reply_within_ms >= 10_000


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_every_error_has_a_word_in_camel_case_and_a_class(code: str) -> None:
    meaning = error_meaning(code)
    assert meaning.code == code
    assert meaning.text
    assert meaning.word[0].islower()
    assert meaning.word.isalpha()


def test_the_classes_are_those_of_the_note() -> None:
    only_reset = {c for c, meaning in ERRORS.items() if meaning.kind is ErrorClass.RESET}
    assert only_reset == {*(str(n) for n in range(10, 20)), "81", "88"}
    assert {c for c, m in ERRORS.items() if m.kind is ErrorClass.RETURN_ONLY} == {"20", "21"}
    assert {c for c, m in ERRORS.items() if m.kind is ErrorClass.WARNING} == {
        "32",
        "33",
        *["60", "61", "62", "63", "64"],
    }


def test_an_unlisted_error_is_taken_as_serious() -> None:
    assert error_meaning("99").kind is ErrorClass.RESET


def test_a_card_is_in_at_every_position_but_none_and_exit() -> None:
    assert set(POSITIONS) >= CARD_IN
    assert not CARD_IN & {"00", "01", "30", "31"}
