"""Random worlds of a recycler: any store, any order, any device fault and any wire faults at once.

What must hold: notes are conserved; never more comes out than was ordered; DONE, PARTIAL and REFUSED say exactly what
came out, UNKNOWN no more than that; asked afterwards, the device is not believed to have paid what it did not.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.base.acceptor import LastPayOut, PayOut, StoredNotes
from drivers.base.vocabulary import DeviceLost, Outcome
from drivers.sim.wire import WireFault
from tests.drivers.note_acceptor.bench import Bench

HUNDRED, FIFTY = 10_000, 5_000

FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("payout_jam", {}),
    ("payout_diverted", {}),
    ("payout_hangs", {}),
    ("jam_recovery", {}),
    ("restart", {}),
    ("deaf", {}),
    ("software_error", {}),
    *[("payout_error", {"code": code}) for code in range(4)],
    *[("power_loss", {"at": "paying", "home": home}) for home in ("cashbox", "store")],
]

wire_faults = st.builds(
    WireFault,
    effect=st.sampled_from(["drop", "corrupt", "split", "repeat", "delay"]),
    direction=st.sampled_from(["to_device", "from_device"]),
    nth=st.integers(1, 25),
    at=st.integers(-3, 6),
    by_ms=st.sampled_from([0, 400, 1_500, 9_000]),
    times=st.sampled_from([1, 1, 3, 30]),
)
notes = st.fixed_dictionaries({HUNDRED: st.integers(0, 4), FIFTY: st.integers(0, 4)})


def out(bench: Bench) -> dict[int, int]:
    places = bench.places()
    return dict(+(Counter(places["paid"]) + Counter(places["received"])))


def back(bench: Bench) -> None:
    """Bring line and power back, and connect until the device is there."""
    bench.wire.restore()
    if not bench.sim.state()["powered"]:
        bench.until(lambda: bench.driver.identity is None, 120_000)
        bench.wire.power(True)
    bench.wait(60_000)
    for _ in range(5):
        if bench.driver.identity is not None:
            return
        bench.driver.connect()
        bench.until(lambda: bench.driver.identity is not None or bool(bench.saw(DeviceLost)), 30_000)
        bench.wait(1_000)
    raise AssertionError("it does not come back")


@settings(max_examples=120, deadline=None)
@given(
    stock=notes,
    picks=notes.filter(lambda wanted: any(wanted.values())),
    fault=st.sampled_from(FAULTS),
    nth=st.integers(1, 4),
    wire=st.lists(wire_faults, max_size=2),
)
@example(stock={HUNDRED: 0, FIFTY: 2}, picks={HUNDRED: 0, FIFTY: 2}, fault=("payout_diverted", {}), nth=1, wire=[])
@example(stock={HUNDRED: 0, FIFTY: 1}, picks={HUNDRED: 0, FIFTY: 1}, fault=("jam_recovery", {}), nth=1, wire=[])
def test_whatever_happens_to_a_payout(stock, picks, fault, nth, wire):
    bench = Bench.smart(stored=dict(stock), settings={"protocol": 8}).ready()
    before = bench.do(StoredNotes(ticket="before"))
    name, arguments = fault
    if name:
        bench.sim.strike(name, nth=nth, **arguments)
    for one in wire:
        bench.wire.strike(one)
    wanted = {value: count for value, count in picks.items() if count}
    bench.start(PayOut(ticket="pay", picks=wanted))
    told = bench.result("pay")
    came = out(bench)
    if told.outcome is Outcome.DONE:
        assert dict(told.moved) == came == wanted
    elif told.outcome is Outcome.PARTIAL:
        assert dict(told.moved) == came
    elif told.outcome is Outcome.REFUSED:
        assert came == {}
    else:
        assert all(count <= came.get(value, 0) for value, count in told.moved.items())
    assert told.paid_minor <= sum(value * count for value, count in came.items())
    back(bench)
    asked = LastPayOut(ticket="last", picks=wanted, stored=before.stored, counters=before.counters)
    last = bench.do(asked)
    came = out(bench)
    assert all(count <= wanted.get(value, 0) for value, count in came.items()), "more came out than was ordered"
    if last.outcome is Outcome.UNKNOWN:
        assert all(count <= came.get(value, 0) for value, count in last.moved.items())
    else:
        assert dict(last.moved) == came
    assert sum(sum(place.values()) for place in bench.places().values()) == sum(stock.values())
