"""Which PINs the bank does not put in force: those that a thief tries first.

The bank alone can say so, for it alone sees a PIN in clear, inside its own walls; the terminal learns no more than that
this one is refused. The rules are data of the bank (``pin_rules`` in ``config/bank.yaml``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

WEAK_PIN: Final = "B9"
DATES: Final = ("holder", "any", "allowed")


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRules:
    """`runs`: 1234, 8765. `repeats`: 1111, 121212. `dates`: those of the ``holder``'s birth, ``any`` day, or allowed.

    `listed` are PINs refused by name. Raises ValueError for an unknown word in `dates`.
    """

    runs: bool = True
    repeats: bool = True
    dates: str = "holder"
    listed: tuple[str, ...] | list[str] = ()

    def __post_init__(self) -> None:
        if self.dates not in DATES:
            raise ValueError(f"pin_rules: dates {self.dates!r} is not one of {', '.join(DATES)}")


def weak(pin: str, rules: PinRules, born: str) -> bool:
    """Return whether a PIN is one that a thief tries first; `born` is the holder's birthday, ISO, or empty."""
    if pin in rules.listed:
        return True
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    if rules.runs and (steps == {1} or steps == {9}):
        return True
    if rules.repeats and any(pin == pin[:n] * (len(pin) // n) for n in (1, 2, 3) if n < len(pin)):
        return True
    if rules.dates == "holder":
        return bool(born) and pin in _written(date.fromisoformat(born))
    return rules.dates == "any" and _is_a_day(pin)


def _written(day: date) -> set[str]:
    """Return the ways in which people write a day in 4 to 8 digits."""
    y, m, d = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    return {
        m + d,
        d + m,
        y,
        y[2:] + m,
        m + y[2:],
        y[2:] + m + d,
        d + m + y[2:],
        m + d + y[2:],
        y + m + d,
        d + m + y,
        y + m,
    }


def _is_a_day(pin: str) -> bool:
    """Return whether the digits may be a day: month and day, a year of our time, or a whole date."""
    if len(pin) == 4:
        year = 1900 <= int(pin) <= 2099
        return year or any(1 <= int(a) <= 12 and 1 <= int(b) <= 31 for a, b in ((pin[:2], pin[2:]), (pin[2:], pin[:2])))
    if len(pin) not in (6, 8):
        return False
    head, tail = pin[:-4], pin[-4:]
    return _is_a_day(tail) and (len(head) == 2 or head in ("19", "20") or _is_a_day(head))
