"""PINs that a thief tries first are refused; which, is data."""

from __future__ import annotations

import pytest

from kiosk.bank.pins import PinRules, weak

BORN = "1985-06-17"


@pytest.mark.parametrize(
    "pin", ["1234", "9876", "890123", "1111", "121212", "0617", "1706", "1985", "850617", "19850617"]
)
def test_guessable(pin: str) -> None:
    assert weak(pin, PinRules(), BORN)


@pytest.mark.parametrize("pin", ["9753", "1357", "2580", "1231", "0618", "1986"])
def test_not_guessable_by_these_rules(pin: str) -> None:
    assert not weak(pin, PinRules(), BORN)


@pytest.mark.parametrize(
    ("pin", "refused"), [("1231", True), ("0618", True), ("1986", True), ("3299", False), ("860618", True)]
)
def test_any_day(pin: str, refused: bool) -> None:
    assert weak(pin, PinRules(dates="any"), "") is refused


def test_rules_are_data() -> None:
    free = PinRules(runs=False, repeats=False, dates="allowed")
    assert not any(weak(pin, free, BORN) for pin in ("1234", "1111", "0617"))
    assert weak("2580", PinRules(listed=["2580"]), "")
    with pytest.raises(ValueError, match="holder, any, allowed"):
        PinRules(dates="all")
