from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.money import CURRENCIES, CurrencyMismatch, Money, minor_per_major

amounts = st.integers(-(10**15), 10**15)


@given(amounts, amounts, st.integers(-1_000, 1_000))
def test_sums_are_integer_sums(a: int, b: int, times: int) -> None:
    one, two = Money(a, "CNY"), Money(b, "CNY")
    assert (one + two).minor == a + b
    assert (one - two).minor == a - b
    assert (one * times).minor == a * times
    assert (one < two, one <= two, one == two) == (a < b, a <= b, a == b)
    assert bool(one) == bool(a)


@pytest.mark.parametrize("meet", [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a >= b, lambda a, b: max(a, b),
])  # fmt: skip
def test_currencies_do_not_meet(meet: Any) -> None:
    with pytest.raises(CurrencyMismatch, match=r"CNY met USD|USD met CNY"):
        meet(Money(1, "CNY"), Money(1, "USD"))


def test_equal_amounts_of_two_currencies_are_not_equal() -> None:
    assert Money(1, "CNY") != Money(1, "USD")


@pytest.mark.parametrize("minor", [1.0, "1", None, True])
def test_only_whole_minor_units(minor: Any) -> None:
    with pytest.raises(TypeError, match="integer of minor units"):
        Money(minor, "CNY")


def test_only_known_currencies() -> None:
    with pytest.raises(ValueError, match="unknown currency 'XXX'; known: CNY"):
        Money(1, "XXX")


def test_there_is_no_division() -> None:
    with pytest.raises(TypeError):
        Money(100, "CNY") / 3  # type: ignore[operator]
    with pytest.raises(TypeError):
        Money(100, "CNY") * 0.5  # type: ignore[operator]


@pytest.mark.parametrize(("money", "text"), [
    (Money(50_000, "CNY"), "CNY 500.00"),
    (Money(5, "CNY"), "CNY 0.05"),
    (Money(-5, "CNY"), "CNY -0.05"),
    (Money(-12_345, "EUR"), "EUR -123.45"),
    (Money(500, "JPY"), "JPY 500"),
])  # fmt: skip
def test_text(money: Money, text: str) -> None:
    assert str(money) == text


def test_minor_units_of_every_currency() -> None:
    assert {c: minor_per_major(c) for c in CURRENCIES} == {c: 1 if c == "JPY" else 100 for c in CURRENCIES}
    numeric = [code for code, _ in CURRENCIES.values()]
    assert len(set(numeric)) == len(numeric)
    assert all(len(code) == 3 and code.isdigit() for code in numeric)
