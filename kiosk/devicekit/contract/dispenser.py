"""The contract of a note dispenser (XFS4IoT CashDispenser). One rule stands over all of it:

    DONE      the customer has exactly what was ordered        REFUSED   no note came out
    PARTIAL   exactly `moved` came out                         UNKNOWN   at least `moved` came out

On a simulator the truth is known, and every dispense is held against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drivers.base.acceptor import PayOutResult
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    DeviceLost,
    Dispense,
    DispenserCapabilities,
    DispenseResult,
    Health,
    HealthChanged,
    LastDispense,
    Outcome,
    Reset,
)
from drivers.dispenser.maintenance import ReadStatus
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Failed, Need, Steps, Suite, expect
from kiosk.devicekit.contract.common import make_suite

SUITE: Final[Suite] = make_suite(lambda ticket: ReadStatus(ticket=ticket))


def can(bench: Bench) -> DispenserCapabilities:
    capabilities = bench.driver.capabilities
    assert isinstance(capabilities, DispenserCapabilities)
    return capabilities


def truth(bench: Bench) -> dict[str, int]:
    """Return what has come out of the simulated device since it was made."""
    state: Mapping[str, Any] = bench.sim.state()
    return {unit: n + state["taken"][unit] for unit, n in state["tray"].items() if n + state["taken"][unit]}


def pay(bench: Bench, picks: Mapping[str, int], number: int = 1) -> Steps[DispenseResult]:
    """Dispense, and hold the answer against the truth where there is one."""
    yield from bench.agree(f"This dispenses {dict(picks)} (unit: notes) to the exit. Go on?")
    before = truth(bench) if bench.simulated else {}
    result: DispenseResult = yield from bench.do(Dispense(ticket=bench.ticket(), picks=picks, number=number))
    if bench.simulated:
        came = {unit: n - before.get(unit, 0) for unit, n in truth(bench).items() if n - before.get(unit, 0)}
        bench.note(f"truth: {came} came out")
        hold_against(result, picks, came)
        conserved(bench)
    return result


def hold_against(result: DispenseResult | PayOutResult, picks: Mapping[Any, int], came: Mapping[Any, int]) -> None:
    """Raises Failed unless `result` tells no more and no less than what it may."""
    wanted = {unit: n for unit, n in picks.items() if n}
    moved = dict(result.moved)
    if result.outcome is Outcome.DONE:
        expect(came == wanted == moved, "DONE with {} of {}; in truth {} came out", moved, wanted, came)
    elif result.outcome is Outcome.PARTIAL:
        expect(moved == came, "PARTIAL tells {}; in truth {} came out", moved, came)
    elif result.outcome is Outcome.REFUSED:
        expect(not came and not moved, "REFUSED, but {} came out (told: {})", came, moved)
    else:
        beyond = {unit: n for unit, n in moved.items() if n > came.get(unit, 0)}
        expect(not beyond, "UNKNOWN tells {} as a lower bound; in truth {} came out", moved, came)


def conserved(bench: Bench) -> None:
    """Raises Failed when notes appeared or vanished in the simulator itself."""
    state = bench.sim.state()
    places = ("units", "tray", "taken", "reject", "removed")
    there = sum(sum(state[place].values()) for place in places) + len(state["path"])
    expect(there == STOCK * len(state["units"]), "{} notes are in the device; {} were put in", there, STOCK)


STOCK: Final = 200
"""Notes in each unit of a simulator under test."""


@SUITE.check("One note of each unit comes out, and is counted for the right unit.", Need.VALUE)
def pays_one_of_each(bench: Bench) -> Steps[None]:
    for number, unit in enumerate(can(bench).units, start=1):
        result = yield from pay(bench, {unit: 1}, number)
        expect(result.outcome is Outcome.DONE, "{}: {}", unit, result)


@SUITE.check("Several notes of several units come out in one order.", Need.VALUE)
def pays_from_several_units(bench: Bench) -> Steps[None]:
    picks = {unit: index + 1 for index, unit in enumerate(can(bench).units)}
    result = yield from pay(bench, picks)
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("The most that one order may have comes out.", Need.VALUE, Need.FAULTS)
def pays_the_most(bench: Bench) -> Steps[None]:
    result = yield from pay(bench, {can(bench).units[0]: can(bench).notes_max})
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("Orders that mean nothing are our mistake, and no byte of them goes out.")
def refuses_nonsense(bench: Bench) -> Steps[None]:
    units = can(bench).units
    sent = len([chunk for chunk in bench.raw if chunk[1] == "to_device"])
    for picks in ({}, {units[0]: 0}, {units[0]: -1}, {"unit9": 1}, {units[0]: can(bench).notes_max + 1}):
        try:
            bench.driver.submit(Dispense(ticket=bench.ticket(), picks=picks, number=1))
        except LocalProtocolError:
            continue
        raise Failed(f"an order of {picks} was taken")
    yield from bench.pause(0)
    expect(len([chunk for chunk in bench.raw if chunk[1] == "to_device"]) == sent, "bytes went out")


@SUITE.check("Asked about the last order, the device tells what became of it, or that it cannot tell.", Need.VALUE)
def remembers_the_last_order(bench: Bench) -> Steps[None]:
    picks = {can(bench).units[0]: 2}
    yield from pay(bench, picks, number=7)
    told = yield from bench.do(LastDispense(ticket=bench.ticket(), picks=picks, number=7))
    if can(bench).last_dispense:
        expect(told.outcome is Outcome.DONE and dict(told.moved) == picks, "{}", told)
    else:
        expect(told.outcome is Outcome.UNKNOWN, "it cannot know, and says {}", told)


@SUITE.check("About an order that it never was given, the device says so, or that it cannot tell.", Need.VALUE)
def denies_an_order_it_never_had(bench: Bench) -> Steps[None]:
    picks = {can(bench).units[0]: 1}
    yield from pay(bench, picks, number=7)
    yield from bench.restart_program()
    told = yield from bench.do(LastDispense(ticket=bench.ticket(), picks=picks, number=8))
    expected = Outcome.REFUSED if can(bench).last_dispense else Outcome.UNKNOWN
    expect(told.outcome is expected, "{}", told)


@SUITE.check("Reset brings the device to rest and finds no notes in the path.")
def resets(bench: Bench) -> Steps[None]:
    result = yield from bench.do(Reset(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "{}", result)
    expect(not result.rejected, "notes were in the path: {}", result.rejected)


@SUITE.check("A unit that runs empty in the middle: what came out is counted.", Need.FAULTS)
def counts_when_a_unit_runs_empty(bench: Bench) -> Steps[None]:
    bench.strike("runs_empty", after=2)
    result = yield from pay(bench, {can(bench).units[0]: 5})
    expect(result.outcome is Outcome.PARTIAL, "{}", result)
    expect(sum(result.moved.values()) == 2, "told {}", result)


@SUITE.check("When no note can be picked at all, no note came out.", Need.FAULTS)
def tells_a_pick_error(bench: Bench) -> Steps[None]:
    bench.strike("pick_error")
    result = yield from pay(bench, {can(bench).units[0]: 3})
    expect(result.outcome is not Outcome.DONE, "{}", result)
    expect(result.error is not None, "no error word: {}", result)


def _jam(place: str) -> None:
    def run(bench: Bench) -> Steps[None]:
        bench.strike("jam", after=2, place=place)
        result = yield from pay(bench, {can(bench).units[0]: 5})
        expect(result.outcome in (Outcome.PARTIAL, Outcome.UNKNOWN), "{}", result)
        expect(bench.driver.health is Health.STOP, "after a jam the health is {}", bench.driver.health)
        cleared = yield from bench.do(Reset(ticket=bench.ticket()))
        expect(cleared.outcome in (Outcome.DONE, Outcome.PARTIAL), "reset: {}", cleared)
        again = yield from pay(bench, {can(bench).units[0]: 1}, number=2)
        expect(again.outcome is Outcome.DONE, "after the reset: {}", again)

    run.__name__ = f"counts_at_a_jam_at_{place}"
    SUITE.check(f"A jam ({place}) stops the device; counts stay true; a reset clears it.", Need.FAULTS)(run)


for _place in ("chk", "diverter", "eject", "exit"):
    _jam(_place)


@SUITE.check("A jam that the motor cannot clear keeps the device out of service.", Need.FAULTS)
def does_not_pretend_a_stuck_jam_is_cleared(bench: Bench) -> Steps[None]:
    bench.strike("jam", after=1, stuck=True)
    yield from pay(bench, {can(bench).units[0]: 3})
    result = yield from bench.do(Reset(ticket=bench.ticket()))
    expect(result.outcome is not Outcome.DONE, "reset: {}", result)
    expect(bench.driver.health is Health.STOP, "the health is {}", bench.driver.health)


@SUITE.check("Two notes picked at once are rejected, and the order is still complete.", Need.FAULTS)
def replaces_a_double_pick(bench: Bench) -> Steps[None]:
    bench.strike("double_pick", after=1)
    result = yield from pay(bench, {can(bench).units[0]: 4})
    expect(result.outcome is Outcome.DONE, "{}", result)
    expect(sum(result.rejected.values()) >= 1, "no reject was told: {}", result)


@SUITE.check("Rejects without end stop the order; what came out is counted.", Need.FAULTS)
def stops_at_too_many_rejects(bench: Bench) -> Steps[None]:
    bench.strike("over_reject", after=2)
    result = yield from pay(bench, {can(bench).units[0]: 5})
    expect(result.outcome is not Outcome.DONE, "{}", result)


@SUITE.check("When the device doubts its own count, so do we.", Need.FAULTS)
def doubts_a_miscount(bench: Bench) -> Steps[None]:
    bench.strike("count_mismatch", after=2)
    result = yield from pay(bench, {can(bench).units[0]: 5})
    expect(result.outcome is Outcome.UNKNOWN, "{}", result)


@SUITE.check("Power lost in mid-order: UNKNOWN with a lower bound; the device may tell later.", Need.FAULTS, Need.LONG)
def is_unsure_after_a_power_loss(bench: Bench) -> Steps[None]:
    picks = {can(bench).units[0]: 5}
    bench.strike("power_loss_after_notes", notes=3)
    result = yield from pay(bench, picks, number=9)
    expect(result.outcome is Outcome.UNKNOWN, "{}", result)
    if not bench.seen(DeviceLost):
        bench.driver.disconnect("the power is gone")
    bench.note("power on")
    bench.sim.power(True)
    yield from bench.pause(5_000)
    yield from bench.start()
    told = yield from bench.do(LastDispense(ticket=bench.ticket(), picks=picks, number=9))
    came = truth(bench)
    expect(sum(told.moved.values()) <= sum(came.values()), "told {} of {}", told, came)
    if told.outcome is Outcome.DONE:
        expect(dict(told.moved) == came, "told {}; in truth {}", told, came)


@SUITE.check("The answer to an order is lost for good: the order is not given twice.", Need.FAULTS, Need.MEMORY)
def never_pays_twice(bench: Bench) -> Steps[None]:
    bench.damage("from_device", "drop", skip=1, count=40)
    picks = {can(bench).units[0]: 3}
    result = yield from bench.do(Dispense(ticket=bench.ticket(), picks=picks, number=11))
    bench.tap.damages.clear()
    came = truth(bench)
    expect(came in ({}, picks), "of an order of {} came out {}", picks, came)
    hold_against(result, picks, came)
    expect(result.outcome is not Outcome.REFUSED, "REFUSED, but {} came out", came)


@SUITE.check(
    "A damaged answer to an order is asked for again, and the order is not given twice.",
    Need.WIRE,
    Need.VALUE,
    Need.FAULTS,
)
def recovers_a_damaged_answer(bench: Bench) -> Steps[None]:
    bench.damage("from_device", "corrupt", skip=1)
    result = yield from pay(bench, {can(bench).units[0]: 3}, number=12)
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("A cassette that is not there: refused, and nothing moves.", Need.FAULTS)
def refuses_a_missing_cassette(bench: Bench) -> Steps[None]:
    unit = can(bench).units[0]
    bench.hand("remove_cassette", "Pull the first cassette out.", unit=unit)
    result = yield from pay(bench, {unit: 1})
    expect(result.outcome is Outcome.REFUSED, "{}", result)
    expect(result.error == "missing", "refused with {}", result.error)
    bench.hand("insert_cassette", "Push the cassette in again.", unit=unit)
    result = yield from pay(bench, {unit: 1}, number=2)
    expect(result.outcome is Outcome.DONE, "with the cassette in: {}", result)


@SUITE.check("A reject tray that is out stops the device and nothing moves.", Need.FAULTS)
def refuses_without_reject_tray(bench: Bench) -> Steps[None]:
    bench.hand("open", "Pull the reject tray out.")
    result = yield from pay(bench, {can(bench).units[0]: 1})
    expect(result.outcome is Outcome.REFUSED, "{}", result)


@SUITE.check("A unit that runs low is told as a supply, once, and still pays.", Need.FAULTS)
def tells_a_unit_that_runs_low(bench: Bench) -> Steps[None]:
    unit = can(bench).units[0]
    bench.strike("near_end", unit=unit)
    result = yield from pay(bench, {unit: 1})
    expect(result.outcome is Outcome.DONE, "{}", result)
    yield from bench.do(ReadStatus(ticket=bench.ticket()))
    told = [change for change in bench.seen(HealthChanged) if change.supplies.get(unit) == "low"]
    expect(len(told) == 1, "{} reports tell that {} runs low", len(told), unit)
