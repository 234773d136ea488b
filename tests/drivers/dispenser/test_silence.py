"""A dispenser that says nothing to an order: the driver waits, asks, and tells the truth or that it does not know."""

from __future__ import annotations

from typing import Literal

import pytest

from drivers.base.vocabulary import Dispense, LastDispense, LastDispenseResult, Outcome
from drivers.sim.wire import WireFault
from tests.drivers.dispenser.bench import Bench

FORMS = {"4000 serial": ("4000", "serial"), "4000 pypi": ("4000", "pypi"), "2000": ("2000", ""), "1000": ("1000", "")}
PICKS = {"unit1": 3}
Silence = Literal["the order is lost", "nothing comes back", "only ACK comes back", "the power fails", "it restarts"]


def bench_of(form: str) -> Bench:
    profile, dispense_form = FORMS[form]
    return Bench(profile, **({"form": dispense_form} if dispense_form else {})).ready()


def fall_silent(bench: Bench, silence: Silence) -> None:
    if silence == "the order is lost":
        bench.wire.strike(WireFault(effect="drop", direction="to_device", times=0))
    elif silence == "nothing comes back":
        bench.wire.strike(WireFault(effect="drop", direction="from_device", times=0))
    elif silence == "only ACK comes back":
        bench.wire.strike(WireFault(effect="drop", direction="from_device", nth=2, times=0))
    elif silence == "the power fails":
        bench.sim.strike("power_loss_after_notes", notes=2)
    else:
        bench.sim.strike("reset_in_command", after=2)


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize(
    "silence",
    ["the order is lost", "nothing comes back", "only ACK comes back", "the power fails", "it restarts"],
)
def test_silence_is_unknown_and_the_next_question_tells_no_more_than_is_true(form: str, silence: Silence) -> None:
    bench = bench_of(form)
    fall_silent(bench, silence)
    sent = len(bench.transcript)
    result = bench.do(Dispense(ticket="d", picks=PICKS, number=7))
    orders = [data for _, way, data in bench.transcript[sent:] if way == "to_device" and len(data) > 7]
    assert result.outcome is Outcome.UNKNOWN
    assert result.error == "timeOut"
    assert len(orders) == 1, "an order is said once"
    came = sum(bench.out().values())
    assert came == {"the order is lost": 0, "the power fails": 2, "it restarts": 2}.get(silence, 3)

    bench.wire.restore()
    bench.wire.power(on=True)
    if bench.driver.identity is None:
        bench.driver.connect()
    bench.run(bench.clock.now_ms() + 5_000)
    told = bench.do(LastDispense(ticket="l", picks=PICKS, number=7))
    assert isinstance(told, LastDispenseResult)
    assert sum(told.moved.values()) <= came, "never more than came out"
    if told.outcome is Outcome.DONE:
        assert sum(told.moved.values()) == came
    if told.outcome is Outcome.REFUSED:
        assert came == 0, "never a no to notes that are out"
    if form == "4000 serial" and silence in ("nothing comes back", "only ACK comes back"):
        assert told.outcome is Outcome.DONE
    if form != "4000 serial":
        assert told.outcome is Outcome.UNKNOWN, "this one remembers nothing that could be asked for"
    assert bench.conserved()


@pytest.mark.parametrize("form", list(FORMS))
def test_after_silence_the_same_order_is_never_given_by_itself(form: str) -> None:
    bench = bench_of(form)
    bench.wire.strike(WireFault(effect="drop", direction="from_device", times=0))
    bench.do(Dispense(ticket="d", picks=PICKS, number=7))
    bench.wire.restore()
    bench.run(bench.clock.now_ms() + 300_000)
    assert bench.out() == PICKS
