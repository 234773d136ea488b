from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.numbers import BLOCK, WRAP, Numbers


class Kept:
    """Keeps reservations as the journal does."""

    def __init__(self) -> None:
        self.reserved: dict[str, int] = {}
        self.writes = 0
        self.full = False

    def __call__(self, data: Mapping[str, Any]) -> None:
        if self.full:
            raise OSError("disk full")
        self.writes += 1
        self.reserved[data["counter"]] = data["up_to"]


@given(st.lists(st.integers(0, 130), min_size=1, max_size=8))
def test_no_number_twice_whatever_restarts_there_are(draws: list[int]) -> None:
    kept, seen = Kept(), []
    for many in draws:
        numbers = Numbers(kept)
        numbers.recover(kept.reserved)
        for _ in range(many):
            number = numbers.draw("ticket")
            assert number <= kept.reserved["ticket"], "reserved before it is handed out"
            seen.append(number)
    assert seen == sorted(set(seen))
    assert all(number >= 1 for number in seen)


def test_a_block_costs_one_record() -> None:
    kept = Kept()
    numbers = Numbers(kept)
    assert [numbers.draw("ticket") for _ in range(BLOCK)] == list(range(1, BLOCK + 1))
    assert kept.writes == 1
    numbers.draw("ticket")
    assert kept.writes == 2
    assert numbers.reserved == {"ticket": 2 * BLOCK}


def test_counters_know_nothing_of_one_another() -> None:
    numbers = Numbers(Kept())
    assert [numbers.draw("stan"), numbers.draw("ticket"), numbers.draw("stan")] == [1, 1, 2]


@pytest.mark.parametrize(("name", "most"), WRAP.items())
def test_wraps_to_one_and_never_to_zero(name: str, most: int) -> None:
    numbers = Numbers(Kept())
    numbers.recover({name: most - 2})
    assert [numbers.draw(name) for _ in range(3)] == [most - 1, most, 1]
    numbers.recover({name: 5 * most})
    assert numbers.draw(name) == 1


def test_a_number_that_cannot_be_reserved_is_not_handed_out() -> None:
    kept = Kept()
    numbers = Numbers(kept)
    kept.full = True
    with pytest.raises(OSError, match="disk full"):
        numbers.draw("ticket")
    kept.full = False
    assert numbers.draw("ticket") == 1
