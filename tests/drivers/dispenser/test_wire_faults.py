"""Every wire fault on every chunk of a dispense: what was reported against what lies in the tray.

What must hold, whatever strikes once:
- never more than ordered comes out;
- DONE says exactly what came out; PARTIAL and UNKNOWN never say more than that; REFUSED only if nothing did;
- `LastDispense` on an LCDM-4000 then says the truth or UNKNOWN, and asking moves nothing;
- the next order works: a fault on the line is over when it is over.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.base.vocabulary import Dispense, DispenseResult, LastDispense, LastDispenseResult, Outcome
from drivers.sim.wire import WireFault
from tests.drivers.dispenser.bench import Bench

PICKS = {"4000": {"unit1": 2, "unit3": 1}, "2000": {"unit1": 2, "unit2": 1}, "1000": {"unit1": 3}}
BEFORE = {"unit1": 1}
FLIPS = (0x01, 0x13, 0x80, 0xFF)  # 13 turns ACK into NCK and back


def faults() -> list[WireFault]:
    found = []
    for direction, nth in itertools.product(("to_device", "from_device"), (1, 2, 3)):
        where: dict[str, Any] = {"direction": direction, "nth": nth}
        found += [WireFault(effect="drop", **where), WireFault(effect="repeat", **where)]
        found += [WireFault(effect="repeat", copies=3, by_ms=40, **where)]
        found += [WireFault(effect="delay", by_ms=by_ms, **where) for by_ms in (100, 600, 1_500, 70_000)]
        for at in (0, 1, 2, 3, 4, 6, 9, -2, -1):
            found += [WireFault(effect="corrupt", at=at, mask=mask, **where) for mask in FLIPS]
            found += [WireFault(effect="split", at=at, by_ms=by_ms, **where) for by_ms in (50, 250, 900)]
            found.append(WireFault(effect="cut", at=at, **where))
    return found


def name_of(fault: WireFault) -> str:
    more = f"at{fault.at}-{fault.mask:02X}-{fault.by_ms}x{fault.copies}"
    return f"{fault.effect}-{fault.direction}-{fault.nth}-{more}"


def judge(bench: Bench, result: DispenseResult, picks: dict[str, int], before: dict[str, int]) -> None:
    truth = {unit: count - before.get(unit, 0) for unit, count in bench.out().items()}
    truth = {unit: count for unit, count in truth.items() if count}
    assert all(count <= picks.get(unit, 0) for unit, count in truth.items()), (truth, result)
    assert bench.conserved()
    if result.outcome is Outcome.DONE:
        assert dict(result.moved) == truth == picks
    elif result.outcome is Outcome.REFUSED:
        assert truth == {}
        assert not result.moved
    else:
        assert all(count <= truth.get(unit, 0) for unit, count in result.moved.items()), (truth, result)


def suffer(profile: str, faults: list[WireFault], form: str = "serial") -> tuple[Bench, DispenseResult]:
    bench = Bench(profile, form=form).ready()
    picks = PICKS[profile]
    bench.do(
        Dispense(ticket="before", picks={"unit1": 1}, number=10)
    )  # so that there is a number to remember
    bench.wire.act("take_notes")
    bench.wire.act("fill_unit", unit="unit1", notes=1)
    bench.stock += 1
    bench.transcript.clear()
    for fault in faults:
        bench.wire.strike(fault)
    result = bench.do(Dispense(ticket="one", picks=picks, number=11))
    assert isinstance(result, DispenseResult)
    judge(bench, result, picks, BEFORE)
    bench.wire.restore()
    return bench, result


@pytest.mark.parametrize("form", ["4000 serial", "4000 pypi", "2000", "1000"])
@pytest.mark.parametrize("fault", faults(), ids=name_of)
def test_reported_against_true(form, fault):
    profile, _, numbered = form.partition(" ")
    picks = PICKS[profile]
    bench, _ = suffer(profile, [fault], numbered or "serial")
    out = bench.out()
    came = {unit: count - BEFORE.get(unit, 0) for unit, count in out.items()}
    came = {unit: count for unit, count in came.items() if count}
    if numbered == "serial":
        told = bench.do(LastDispense(ticket="ask", picks=picks, number=11))
        assert isinstance(told, LastDispenseResult)
        if told.outcome is Outcome.DONE:
            assert dict(told.moved) == came
        else:
            assert told.outcome is Outcome.REFUSED, "the device remembers, whatever happened on the line"
            assert came == {}
    assert bench.out() == out
    # the same order again: a device that waits for an ACK must not answer it with the old counts
    again = bench.do(Dispense(ticket="two", picks=picks, number=12))
    assert isinstance(again, DispenseResult)
    judge(bench, again, picks, out)
    assert again.outcome is Outcome.DONE, again


@pytest.mark.parametrize("profile", ["4000", "2000"])
def test_same_order_at_once_after_our_ack_was_lost(profile):
    """The device waits for an ACK that was lost when the identical next order comes."""
    bench = Bench(profile, form="pypi").ready()
    picks = PICKS[profile]
    bench.wire.strike(WireFault(effect="drop", direction="to_device", nth=2))
    bench.driver.submit(Dispense(ticket="one", picks=picks, number=1))
    found: list[Any] = []
    while not found:
        bench.step(found)
        instants = [
            at for at in (bench.driver.next_deadline_ms(), bench.wire.next_deadline_ms()) if at is not None
        ]
        bench.clock.move_to(max(bench.clock.now_ms(), min(instants)))
    assert found[0].outcome is Outcome.DONE
    first = bench.out()
    second = bench.do(Dispense(ticket="two", picks=picks, number=2))
    assert isinstance(second, DispenseResult)
    judge(bench, second, picks, first)
    assert second.outcome is Outcome.DONE
    assert bench.out() == {unit: 2 * count for unit, count in picks.items()}


def test_what_must_be_survived_is_survived():
    for profile in PICKS:
        for effect, by_ms in (("split", 50), ("delay", 100), ("repeat", 0)):
            for direction, nth in itertools.product(("to_device", "from_device"), (1, 2)):
                fault = WireFault(effect=effect, direction=direction, nth=nth, at=1, by_ms=by_ms)
                _, result = suffer(profile, [fault])
                assert result.outcome is Outcome.DONE, fault


def test_corrupt_order_is_refused_by_the_device_and_said_again():
    bench, result = suffer("4000", [WireFault(effect="corrupt", direction="to_device", at=5)])
    assert result.outcome is Outcome.DONE
    said = [data for _, direction, data in bench.transcript if direction == "to_device" and len(data) > 1]
    assert len(said) == 2


def test_nck_to_every_try_is_refused():
    bench, result = suffer("4000", [WireFault(effect="corrupt", direction="to_device", at=5, times=0)])
    assert result.outcome is Outcome.REFUSED
    assert "NCK to 3 tries" in result.detail
    assert bench.out() == BEFORE


@pytest.mark.parametrize("nth", [1, 2])
def test_silence_after_an_order_is_never_answered_by_a_second_order(nth):
    bench, result = suffer("4000", [WireFault(effect="cut", direction="from_device", nth=nth)])
    assert result.outcome is Outcome.UNKNOWN
    assert result.error == "timeOut"
    orders = [
        data for _, direction, data in bench.transcript if direction == "to_device" and b"\x02\x52" in data
    ]
    assert len(orders) == 1


def test_lost_response_is_told_by_last_dispense_and_a_lost_order_too():
    picks = PICKS["4000"]
    bench, result = suffer("4000", [WireFault(effect="drop", direction="from_device", nth=2, times=4)])
    assert result.outcome is Outcome.UNKNOWN
    told = bench.do(LastDispense(ticket="ask", picks=picks, number=11))
    assert told.outcome is Outcome.DONE
    bench, result = suffer("4000", [WireFault(effect="drop", direction="to_device")])
    bench.do(Dispense(ticket="x", picks=picks, number=12))
    bench.wire.strike(WireFault(effect="drop", direction="to_device"))
    assert bench.do(Dispense(ticket="y", picks=picks, number=13)).outcome is Outcome.UNKNOWN
    told = bench.do(LastDispense(ticket="ask", picks=picks, number=13))
    assert told.outcome is Outcome.REFUSED
    assert "never 13" in told.detail


ECHO_OF_A_NCK = [  # an NCK heard twice spends the tries, and the last order is taken after all
    WireFault(effect="corrupt", direction="to_device", at=1, mask=1, times=2),
    WireFault(effect="repeat", direction="from_device", by_ms=30, times=2),
]


@settings(deadline=None)
@example("2000", "serial", ECHO_OF_A_NCK)
@given(
    st.sampled_from(sorted(PICKS)),
    st.sampled_from(["serial", "pypi"]),
    st.lists(
        st.builds(
            WireFault,
            effect=st.sampled_from(["drop", "corrupt", "split", "repeat", "delay", "cut"]),
            direction=st.sampled_from(["to_device", "from_device"]),
            nth=st.integers(1, 5),
            at=st.integers(-3, 12),
            mask=st.sampled_from([0x01, 0x02, 0x40, 0x80]),
            by_ms=st.sampled_from([0, 30, 250, 600, 1_100]),
            copies=st.integers(1, 2),
            times=st.integers(1, 3),
        ),
        min_size=2,
        max_size=4,
    ),
)
def test_several_faults_at_once(profile, form, several):
    suffer(profile, several, form)


@settings(deadline=None)
@given(st.data())
def test_strangers_bytes_never_raise_in_the_driver(data):
    profile = data.draw(st.sampled_from(sorted(PICKS)))
    bench = Bench(profile).ready()
    bench.driver.submit(Dispense(ticket="t", picks=PICKS[profile], number=1))
    bench.driver.data_to_send()
    noise = st.binary(max_size=30).filter(lambda chunk: not {0x01, 0x06} & set(chunk))
    for chunk in data.draw(st.lists(noise, max_size=6)):
        assert bench.driver.receive(chunk) == [] or 0x15 in chunk
        bench.driver.data_to_send()
    bench.run()
    assert not bench.driver.busy
