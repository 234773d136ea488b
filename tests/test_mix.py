"""Every search is held against its definition: all mixes, and the best of them by the written rule."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.mix import MixAlgorithm, UnitStock, alternatives, denominate, mixes, nearest_payable

VALUES = [1, 2, 3, 5, 7, 10, 20, 50, 100]


@st.composite
def stocks(draw: st.DrawFn) -> list[UnitStock]:
    rows = draw(st.lists(st.tuples(st.sampled_from(VALUES), st.integers(0, 6)), max_size=4))
    return draw(st.permutations([UnitStock(f"unit{i}", value, n) for i, (value, n) in enumerate(rows)]))


def every_count(amount: int, stock: list[UnitStock], notes_max: int) -> set[tuple[tuple[str, int], ...]]:
    """All mixes by trying every count of every unit, with nothing clever."""
    found: list[tuple[tuple[tuple[str, int], ...], int, int]] = [((), 0, 0)]
    for unit in stock:
        found = [
            (((*picks, (unit.unit, n)) if n else picks), worth + n * unit.value_minor, notes + n)
            for picks, worth, notes in found
            for n in range(unit.available + 1)
            if worth + n * unit.value_minor <= amount and notes + n <= notes_max
        ]
    return {tuple(sorted(picks)) for picks, worth, _ in found if worth == amount and amount > 0}


def worth(mix: dict[str, int], stock: list[UnitStock]) -> int:
    values = {s.unit: s.value_minor for s in stock}
    return sum(values[u] * n for u, n in mix.items())


@given(st.integers(0, 120), stocks(), st.integers(0, 12))
def test_mixes_yields_every_way_once(amount: int, stock: list[UnitStock], notes_max: int) -> None:
    found = [tuple(sorted(m.items())) for m in mixes(amount, stock, notes_max)]
    assert len(set(found)) == len(found)
    assert set(found) == every_count(amount, stock, notes_max)


@given(st.integers(-5, 120), stocks(), st.integers(0, 12))
def test_minimum_bills_is_the_first_mix_of_fewest_notes(amount: int, stock: list[UnitStock], notes_max: int) -> None:
    wanted = min(mixes(amount, stock, notes_max), key=lambda m: sum(m.values()), default=None)
    assert denominate(amount, stock, notes_max) == wanted


@given(st.integers(-5, 120), stocks(), st.integers(0, 12))
def test_equal_emptying_strains_no_unit_more_than_needed(amount: int, stock: list[UnitStock], notes_max: int) -> None:
    available = {s.unit: s.available for s in stock}
    wanted = min(
        mixes(amount, stock, notes_max),
        key=lambda m: (max(n / available[u] for u, n in m.items()), sum(m.values())),
        default=None,
    )
    assert denominate(amount, stock, notes_max, MixAlgorithm.EQUAL_EMPTYING) == wanted


@given(st.integers(-5, 120), stocks(), st.integers(0, 12), st.integers(1, 4))
def test_alternatives_are_the_best_of_each_smallest_note(
    amount: int, stock: list[UnitStock], notes_max: int, at_most: int
) -> None:
    values = {s.unit: s.value_minor for s in stock}
    order = [s.unit for s in sorted(stock, key=lambda s: (-s.value_minor, s.unit))]
    best: dict[int, dict[str, int]] = {}
    for mix in mixes(amount, stock, notes_max):
        smallest = min(values[u] for u in mix)
        if smallest not in best or sum(mix.values()) < sum(best[smallest].values()):
            best[smallest] = mix
    wanted = sorted(best.values(), key=lambda m: (sum(m.values()), [-m.get(u, 0) for u in order]))
    assert alternatives(amount, stock, notes_max, at_most) == wanted[:at_most]


@given(st.integers(1, 120), stocks(), st.integers(1, 12), st.integers(1, 200))
def test_nearest_is_payable_and_nothing_payable_lies_between(
    amount: int, stock: list[UnitStock], notes_max: int, limit: int
) -> None:
    below, above = nearest_payable(amount, stock, notes_max, limit)
    payable = [a for a in range(1, limit + 1) if every_count(a, stock, notes_max)]
    assert above == min((a for a in payable if a > amount), default=None)
    assert below == max((a for a in payable if a < amount), default=None)


def test_what_is_offered_instead_is_within_the_limit() -> None:
    """Somebody keys 5,000 where 3,000 is the most: the nearest is 3,000 and not 4,990."""
    stock = [UnitStock("unit1", 10_000, 500), UnitStock("unit4", 1_000, 500)]
    assert nearest_payable(500_000, stock, 40, 300_000) == (300_000, None)
    assert nearest_payable(99_999_900, stock, 40, 300_000) == (300_000, None)


def test_greedy_fails_where_we_do_not() -> None:
    stock = [UnitStock("unit1", 5_000, 10), UnitStock("unit2", 2_000, 10)]
    assert denominate(6_000, stock, 40) == {"unit2": 3}


def test_not_dispensable() -> None:
    stock = [UnitStock("unit1", 10_000, 2), UnitStock("unit2", 5_000, 1)]
    assert denominate(30_000, stock, 40) is None, "not enough notes"
    assert denominate(12_000, stock, 40) is None, "no such sum"
    assert denominate(25_000, stock, 2) is None, "too many notes for one order"
    assert denominate(0, stock, 40) is None, "nothing is not an order"
    assert denominate(5_000, [], 40) is None, "no units"
    assert nearest_payable(5_000, [], 40, 10_000) == (None, None)
    assert nearest_payable(5_000, [UnitStock("unit1", 10_000, 0)], 40, 10_000) == (None, None)


def test_equal_emptying_spreads() -> None:
    stock = [UnitStock("unit1", 10_000, 10), UnitStock("unit2", 10_000, 100)]
    assert denominate(110_000, stock, 40, MixAlgorithm.EQUAL_EMPTYING) == {"unit1": 1, "unit2": 10}
    assert denominate(110_000, stock, 40, MixAlgorithm.MINIMUM_BILLS) == {"unit1": 10, "unit2": 1}


@pytest.mark.parametrize(
    ("algorithm", "most_ms"), [(MixAlgorithm.MINIMUM_BILLS, 0.3), (MixAlgorithm.EQUAL_EMPTYING, 6)]
)
def test_eight_quick_amounts_are_judged_in_no_time(algorithm: MixAlgorithm, most_ms: float) -> None:
    """The best of many rounds: what the search costs, not what the machine is busy with."""
    stock = [UnitStock(f"unit{i}", value, 500) for i, value in enumerate((10_000, 5_000, 2_000, 1_000))]
    amounts = (10_000, 20_000, 30_000, 50_000, 100_000, 150_000, 200_000, 300_000)
    best = 1e9
    for _ in range(30):
        begun = time.perf_counter_ns()
        assert all(denominate(a, stock, 40, algorithm) for a in amounts)
        best = min(best, (time.perf_counter_ns() - begun) / 1e6)
    assert best < most_ms


def test_a_hopeless_amount_over_eight_units_comes_to_an_end() -> None:
    """Each rest is searched once: eight units of a hundred notes have more mixes than could ever be listed."""
    stock = [UnitStock(f"unit{i}", value, 100) for i, value in enumerate((101, 89, 73, 61, 47, 31, 29, 19))]
    begun = time.perf_counter()
    assert denominate(101 * 100 + 1, stock, 100) is None
    assert time.perf_counter() - begun < 5
