"""The cash book against a plain list of notes that are carried from place to place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.cash import CashBook, CashBookError, CashMove, Note, Place
from kiosk.money import Money

HUNDRED, TEN = Note(10_000, "CNY"), Note(1_000, "CNY")
NOTES = {"unit1": HUNDRED, "unit2": TEN}

moves = st.builds(
    lambda unit, count, source, target: CashMove(unit, NOTES[unit], count, source, target),
    st.sampled_from(list(NOTES)),
    st.integers(-1, 5),
    st.sampled_from(Place),
    st.sampled_from(Place),
)


def load(unit: str, count: int) -> CashMove:
    return CashMove(unit, NOTES[unit], count, Place.SUPPLY, Place.CASSETTE)


@given(st.lists(moves, max_size=30))
def test_the_book_is_a_pile_of_notes(done: list[CashMove]) -> None:
    book = CashBook()
    where: dict[tuple[str, Place], int] = {}
    for move in done:
        have = where.get((move.unit, move.source), 0)
        possible = (
            move.count > 0 and move.source is not move.target and (move.source is Place.SUPPLY or move.count <= have)
        )
        before = book.as_data()
        if not possible:
            with pytest.raises(CashBookError):
                book.after([move])
            assert book.as_data() == before
            continue
        book = book.after([move])
        where[move.unit, move.source] = have - move.count
        where[move.unit, move.target] = where.get((move.unit, move.target), 0) + move.count
    for place in Place:
        for unit, note in NOTES.items():
            assert book.count(place, unit) == where.get((unit, place), 0)
            assert note.times(book.count(place, unit)).minor == note.value_minor * where.get((unit, place), 0)
        assert book.count(place) == sum(n for (_, p), n in where.items() if p is place)
        assert book.by_unit(place) == {u: n for u in NOTES if (n := where.get((u, place), 0))}
        worth = sum(NOTES[u].value_minor * n for (u, p), n in where.items() if p is place)
        assert book.value(place, "CNY") == Money(worth, "CNY")
        assert book.value(place, "USD") == Money(0, "USD")
    assert sum(book.count(place) for place in Place) == 0


@given(st.lists(moves, max_size=20))
def test_many_moves_at_once_are_the_same_as_one_by_one_or_none(done: list[CashMove]) -> None:
    one_by_one = CashBook()
    try:
        for move in done:
            one_by_one = one_by_one.after([move])
    except CashBookError:
        with pytest.raises(CashBookError):
            CashBook().after(done)
        return
    assert CashBook().after(done).as_data() == one_by_one.as_data()


@given(moves)
def test_a_move_survives_its_record(move: CashMove) -> None:
    assert CashMove.of_data(move.as_data()) == move


def test_what_was_never_there_cannot_leave() -> None:
    book = CashBook().after([load("unit1", 2)])
    with pytest.raises(CashBookError, match="3 notes of 10000 leave cassette of unit1, where only 2 are"):
        book.after([CashMove("unit1", HUNDRED, 3, Place.CASSETTE, Place.CUSTOMER)])
    with pytest.raises(CashBookError, match="leave cassette of unit2"):
        book.after([CashMove("unit2", TEN, 1, Place.CASSETTE, Place.CUSTOMER)])
    with pytest.raises(CashBookError, match="where only 0 are"):
        book.after([CashMove("unit1", TEN, 1, Place.CASSETTE, Place.CUSTOMER)])
    assert book.count(Place.CASSETTE) == 2


def test_nothing_moves_nothing() -> None:
    book = CashBook().after([load("unit1", 2)])
    assert book.after([]) is book
    assert book.after(iter(())) is book


def test_a_book_that_does_not_balance_says_so() -> None:
    book = CashBook().after([load("unit1", 2)])
    book._balances[Place.CUSTOMER, "unit1", HUNDRED] = 1
    with pytest.raises(CashBookError, match="notes appeared or vanished"):
        book.check()


def test_reports_leave_empty_places_out() -> None:
    book = CashBook().after([load("unit1", 2), CashMove("unit1", HUNDRED, 2, Place.CASSETTE, Place.CUSTOMER)])
    assert [(row["place"], row["count"]) for row in book.as_data()] == [("customer", 2), ("supply", -2)]
