"""Money is an integer of minor units with its currency; there is no other money in this project.

Amounts of different currencies do not meet: adding or comparing them raises `CurrencyMismatch`. There is no
division and no float; a share or a rate is somebody's rule and has its own rounding, written where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering
from typing import Final

# ISO 4217: alphabetic code -> (numeric code of field 49, digits of the minor unit).
CURRENCIES: Final = {
    "CNY": ("156", 2),
    "HKD": ("344", 2),
    "EUR": ("978", 2),
    "GBP": ("826", 2),
    "USD": ("840", 2),
    "JPY": ("392", 0),
}


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies met."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units (fen, cents) of `currency` (ISO 4217 alphabetic). May be negative."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"money is an integer of minor units, not {self.minor!r}")
        if self.currency not in CURRENCIES:
            raise ValueError(f"unknown currency {self.currency!r}; known: {', '.join(CURRENCIES)}")

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} met {other.currency}")
        return other.minor

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(self.minor * times, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        """Return a plain text for logs, ``"CNY 500.00"``; screens and paper format by locale."""
        digits = CURRENCIES[self.currency][1]
        sign = "-" if self.minor < 0 else ""
        major, minor = divmod(abs(self.minor), 10**digits)
        return f"{self.currency} {sign}{major}.{minor:0{digits}d}" if digits else f"{self.currency} {sign}{major}"


def minor_per_major(currency: str) -> int:
    """Return how many minor units make one major unit."""
    return int(10 ** CURRENCIES[currency][1])
