"""Which notes make an amount (XFS4IoT Denominate): exact, never greedy.

Greedy fails on 60 from {50, 20}. `mixes` is the definition: every way to pay, the one with more of the larger notes
first. What the terminal asks for is the best of them by some rule, and there are hundreds of thousands; so the best is
searched for, not picked out:

- fewest notes: largest value first, and a branch is left as soon as the rest, in notes of the next value, cannot beat
  the best found; what was learnt of a rest is kept.
- equal emptying: the smallest share of any unit with which the amount can be paid at all, found by halving; then the
  fewest notes within that share.

The tests hold both against the definition.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import gcd
from typing import Final

NEAREST_STEPS_MAX: Final = 400  # how far to look for a payable amount, in steps of the smallest difference


class MixAlgorithm(Enum):
    """The field's names."""

    MINIMUM_BILLS = "minimumBills"
    EQUAL_EMPTYING = "equalEmptying"


@dataclass(frozen=True, slots=True)
class UnitStock:
    """A storage unit that may pay: `available` notes of `value_minor`."""

    unit: str
    value_minor: int
    available: int


Picks = Mapping[str, int]


def _in_order(stock: Sequence[UnitStock]) -> list[UnitStock]:
    return sorted((s for s in stock if s.available > 0), key=lambda s: (-s.value_minor, s.unit))


def mixes(amount_minor: int, stock: Sequence[UnitStock], notes_max: int) -> Iterator[dict[str, int]]:
    """Yield every way to pay exactly `amount_minor`, those with more of the larger notes first; zeros are left out."""
    units = _in_order(stock)
    suffix_worth = [0] * (len(units) + 1)
    for i in range(len(units) - 1, -1, -1):
        suffix_worth[i] = suffix_worth[i + 1] + units[i].value_minor * units[i].available

    def search(i: int, rest: int, room: int) -> Iterator[dict[str, int]]:
        if rest == 0:
            yield {}
            return
        if i == len(units) or rest > suffix_worth[i] or rest > room * units[i].value_minor:
            return
        unit = units[i]
        most = min(unit.available, rest // unit.value_minor, room)
        for count in range(most, -1, -1):
            for tail in search(i + 1, rest - count * unit.value_minor, room - count):
                yield {unit.unit: count, **tail} if count else tail

    if amount_minor > 0:
        yield from search(0, amount_minor, notes_max)


class _Fewest:
    """The mix of fewest notes; of equals the one that `mixes` yields first.

    With `using_smallest` it must have a note of the smallest value in `stock`.
    """

    def __init__(self, stock: Sequence[UnitStock], *, using_smallest: bool = False) -> None:
        self._units = _in_order(stock)
        self._worth = [0] * (len(self._units) + 1)
        self._step = [0] * (len(self._units) + 1)
        for i in range(len(self._units) - 1, -1, -1):
            unit = self._units[i]
            self._worth[i] = self._worth[i + 1] + unit.value_minor * unit.available
            self._step[i] = gcd(self._step[i + 1], unit.value_minor)
        # a mix may be complete only behind the first unit of the smallest value: what is left there is paid from it
        smallest = min((u.value_minor for u in self._units), default=0)
        larger = sum(u.value_minor > smallest for u in self._units)
        self._complete_from = larger + 1 if using_smallest else 0
        self._found: dict[tuple[int, int], tuple[int, ...]] = {}
        self._in_vain: dict[tuple[int, int], int] = {}  # more notes than so many were not tried

    def of(self, amount_minor: int, notes_max: int) -> dict[str, int] | None:
        """Return unit -> notes, or None."""
        counts = self._search(0, amount_minor, notes_max) if amount_minor > 0 else None
        return None if counts is None else {u.unit: n for u, n in zip(self._units, counts, strict=False) if n}

    def _search(self, i: int, rest: int, room: int) -> tuple[int, ...] | None:
        if rest == 0:
            return () if i >= self._complete_from else None
        if i == len(self._units) or rest > self._worth[i] or rest % self._step[i]:
            return None
        key = (i, rest)
        found = self._found.get(key)
        if found is not None:
            return found if sum(found) <= room else None
        if room <= self._in_vain.get(key, 0):
            return None
        unit = self._units[i]
        next_value = self._units[i + 1].value_minor if i + 1 < len(self._units) else rest + 1
        best, limit = None, room
        for count in range(min(unit.available, rest // unit.value_minor, room), -1, -1):
            left = rest - count * unit.value_minor
            if count - (-left // next_value) > limit:
                break  # fewer of these need no fewer of the smaller ones
            tail = self._search(i + 1, left, limit - count)
            if tail is not None:
                best = (count, *tail)
                limit = sum(best) - 1
        if best is None:
            self._in_vain[key] = room
        else:
            self._found[key] = best
        return best


def denominate(
    amount_minor: int,
    stock: Sequence[UnitStock],
    notes_max: int,
    algorithm: MixAlgorithm = MixAlgorithm.MINIMUM_BILLS,
) -> dict[str, int] | None:
    """Return unit -> notes for exactly `amount_minor`, or None if it is not payable (``notDispensable``)."""
    if algorithm is MixAlgorithm.MINIMUM_BILLS:
        return _Fewest(stock).of(amount_minor, notes_max)
    shares = {
        s.unit: [n / s.available for n in range(min(s.available, notes_max, amount_minor // s.value_minor) + 1)]
        for s in _in_order(stock)
    }
    steps = sorted({share for of_unit in shares.values() for share in of_unit})

    def within(share: float) -> dict[str, int] | None:
        capped = [replace(s, available=bisect_right(shares[s.unit], share) - 1) for s in stock if s.available > 0]
        return _Fewest(capped).of(amount_minor, notes_max)

    low, high = 0, len(steps) - 1
    best = within(steps[high]) if steps else None
    while best is not None and low < high:
        middle = (low + high) // 2
        mix = within(steps[middle])
        if mix is None:
            low = middle + 1
        else:
            best, high = mix, middle
    return best


def alternatives(amount_minor: int, stock: Sequence[UnitStock], notes_max: int, at_most: int) -> list[dict[str, int]]:
    """Return up to `at_most` clearly different mixes: the best for each smallest note, fewest notes first.

    Of two with equally many notes the one with more of the larger notes comes first.
    """
    best: list[dict[str, int]] = []
    for smallest in {s.value_minor for s in stock if s.available > 0}:
        mix = _Fewest([s for s in stock if s.value_minor >= smallest], using_smallest=True).of(amount_minor, notes_max)
        if mix is not None:
            best.append(mix)
    units = [u.unit for u in _in_order(stock)]
    return sorted(best, key=lambda m: (sum(m.values()), [-m.get(u, 0) for u in units]))[:at_most]


def nearest_payable(
    amount_minor: int, stock: Sequence[UnitStock], notes_max: int, limit_minor: int
) -> tuple[int | None, int | None]:
    """Return the nearest payable amounts below and above, neither over `limit_minor`; None where none is near."""
    step = gcd(*(s.value_minor for s in stock if s.available)) if any(s.available for s in stock) else 0
    if step == 0:
        return None, None
    below = above = None
    low = min(amount_minor - 1, limit_minor) // step * step
    high = amount_minor // step * step + step
    for i in range(NEAREST_STEPS_MAX):
        if below is None and low - i * step > 0 and denominate(low - i * step, stock, notes_max):
            below = low - i * step
        if above is None and high + i * step <= limit_minor and denominate(high + i * step, stock, notes_max):
            above = high + i * step
        if (below or low - i * step <= 0) and (above or high + i * step > limit_minor):
            break
    return below, above
