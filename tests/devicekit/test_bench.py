"""The bench judges: a check that does not hold fails, whatever way it fails."""

from __future__ import annotations

import pytest

from drivers.base.errors import LineError
from drivers.base.vocabulary import DenyCard, Dispense, DispenseResult, Outcome
from kiosk.devicekit.bench import try_check
from kiosk.devicekit.check import Check, Failed, Need, Suite, Verdict, expect
from kiosk.devicekit.contract.dispenser import hold_against
from kiosk.devicekit.session import Place, bench_in_memory, run_session
from kiosk.devicekit.units import UNITS, unit_of

READER = UNITS["omron-3s4yr"]


def tried(run, *needs):
    return try_check(Check("sample", "A sample.", run, frozenset(needs)), lambda: bench_in_memory(READER))[0]


def test_a_claim_that_does_not_hold_fails():
    def run(bench):
        result = yield from bench.do(DenyCard(ticket=bench.ticket()))
        expect(result.outcome is Outcome.REFUSED, "it said {}", result.outcome)

    trial = tried(run)
    assert trial.verdict is Verdict.FAILED
    assert "it said done" in trial.reason
    assert [e.name for e in trial.trace if e.kind == "frame"][-2:] == [
        "C:1 deny insertion",
        "P:100 deny insertion: no card",
    ]


def test_a_check_that_raises_is_broken_and_told():
    def run(bench):
        yield from bench.pause(1)
        raise ZeroDivisionError("oops")

    trial = tried(run)
    assert (trial.verdict, trial.reason) == (Verdict.BROKEN, "ZeroDivisionError: oops")


def test_a_device_that_does_not_come_up_fails_the_check():
    def make():
        bench = bench_in_memory(READER)
        bench.sim.power(False)
        return bench

    trial, ready = try_check(READER.suite[0], make)
    assert trial.verdict is Verdict.FAILED
    assert "does not come up" in trial.reason
    assert ready is None


def test_a_need_that_is_not_met_skips():
    def run(bench):
        raise AssertionError("it must not run")
        yield

    bench_needs = frozenset({Need.KEYS})
    unit = UNITS["lcdm-4000"]

    def make():
        bench = bench_in_memory(unit)
        bench.provides = bench.provides - bench_needs
        return bench

    trial, _ = try_check(Check("sample", "A sample.", run, bench_needs), make)
    assert trial.verdict is Verdict.SKIPPED
    assert "test key" in trial.reason


def test_a_driver_that_spins_is_found():
    bench = bench_in_memory(READER)
    bench.party = Spinning()
    with pytest.raises(Failed, match="asks without end"):
        bench.pump()


class Spinning:
    def receive(self, data):
        return []

    def tick(self):
        return []

    def data_to_send(self):
        return b""

    def next_deadline_ms(self):
        return 0


def test_two_checks_of_one_name_are_two():
    suite = Suite()
    suite.check("One.", Need.HANDS)(lambda bench: iter(()))
    assert suite[0].needs == {Need.HANDS}


@pytest.mark.parametrize(
    ("outcome", "moved", "came", "holds"),
    [
        (Outcome.DONE, {"unit1": 2}, {"unit1": 2}, True),
        (Outcome.DONE, {"unit1": 2}, {"unit1": 1}, False),
        (Outcome.DONE, {"unit1": 1}, {"unit1": 1}, False),
        (Outcome.PARTIAL, {"unit1": 1}, {"unit1": 1}, True),
        (Outcome.PARTIAL, {"unit1": 1}, {"unit1": 2}, False),
        (Outcome.REFUSED, {}, {}, True),
        (Outcome.REFUSED, {}, {"unit1": 1}, False),
        (Outcome.UNKNOWN, {"unit1": 1}, {"unit1": 2}, True),
        (Outcome.UNKNOWN, {"unit1": 2}, {"unit1": 1}, False),
        (Outcome.UNKNOWN, {"unit2": 1}, {"unit1": 1}, False),
    ],
)
def test_counts_are_held_against_the_truth(outcome, moved, came, holds):
    result = DispenseResult(ticket="t", outcome=outcome, moved=moved)
    picks = Dispense(ticket="t", picks={"unit1": 2}).picks
    if holds:
        hold_against(result, picks, came)
    else:
        with pytest.raises(Failed):
            hold_against(result, picks, came)


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(ValueError, match="lcdm-4000"):
        unit_of("nothing")


def test_a_port_that_goes_away_ends_the_session_with_a_report():
    left = [2]

    def make():
        left[0] -= 1
        if left[0] < 0:
            raise LineError("/dev/ttyUSB0: it is gone")
        return bench_in_memory(READER)

    session = run_session(READER, Place.PORT, "/dev/ttyUSB0", make)
    assert [trial.verdict for trial in session.trials] == [Verdict.PASSED, Verdict.PASSED, Verdict.BROKEN]
    assert not session.passed
    left[0] = 0
    with pytest.raises(LineError):
        run_session(READER, Place.PORT, "/dev/ttyUSB0", make)
