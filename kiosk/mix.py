"""Which notes make an amount (XFS4IoT Denominate): exact, never greedy.

Greedy fails on 60 from {50, 20}. Here all counts are tried, largest value first, pruned by what the smaller values and
the remaining room can still reach; with four units and forty notes that is some hundred steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


def mixes(amount_minor: int, stock: Sequence[UnitStock], notes_max: int) -> Iterator[dict[str, int]]:
    """Yield every way to pay exactly `amount_minor`, fewest large notes last; zero counts are left out."""
    units = sorted((s for s in stock if s.available > 0), key=lambda s: (-s.value_minor, s.unit))
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


def denominate(
    amount_minor: int,
    stock: Sequence[UnitStock],
    notes_max: int,
    algorithm: MixAlgorithm = MixAlgorithm.MINIMUM_BILLS,
) -> dict[str, int] | None:
    """Return unit -> notes for exactly `amount_minor`, or None if it is not payable (``notDispensable``)."""
    if algorithm is MixAlgorithm.MINIMUM_BILLS:
        return min(mixes(amount_minor, stock, notes_max), key=lambda m: sum(m.values()), default=None)
    available = {s.unit: s.available for s in stock}
    return min(
        mixes(amount_minor, stock, notes_max),
        key=lambda m: (max(n / available[u] for u, n in m.items()), sum(m.values())),
        default=None,
    )


def alternatives(amount_minor: int, stock: Sequence[UnitStock], notes_max: int, at_most: int) -> list[dict[str, int]]:
    """Return up to `at_most` clearly different mixes: the best for each smallest note, fewest notes first."""
    values = {s.unit: s.value_minor for s in stock}
    best: dict[int, dict[str, int]] = {}
    for mix in mixes(amount_minor, stock, notes_max):
        smallest = min(values[u] for u in mix)
        kept = best.get(smallest)
        if kept is None or sum(mix.values()) < sum(kept.values()):
            best[smallest] = mix
    return sorted(best.values(), key=lambda m: sum(m.values()))[:at_most]


def nearest_payable(
    amount_minor: int, stock: Sequence[UnitStock], notes_max: int, limit_minor: int
) -> tuple[int | None, int | None]:
    """Return the nearest payable amounts below and above (at most `limit_minor`); None where none is near."""
    step = gcd(*(s.value_minor for s in stock if s.available)) if any(s.available for s in stock) else 0
    if step == 0:
        return None, None
    below = above = None
    low = (amount_minor - 1) // step * step
    high = amount_minor // step * step + step
    for i in range(NEAREST_STEPS_MAX):
        if below is None and low - i * step > 0 and denominate(low - i * step, stock, notes_max):
            below = low - i * step
        if above is None and high + i * step <= limit_minor and denominate(high + i * step, stock, notes_max):
            above = high + i * step
        if (below or low - i * step <= 0) and (above or high + i * step > limit_minor):
            break
    return below, above
