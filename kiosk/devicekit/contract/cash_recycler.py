"""The contract of a note recycler: everything a note acceptor must do, and what holds for a dispenser where it pays.

    DONE      the customer has exactly what was ordered        REFUSED   no note came out
    PARTIAL   exactly `moved` came out                         UNKNOWN   at least `moved` came out

Silence after the order is never zero: the driver asks, or says UNKNOWN. No order is carried out twice, however often
its frame is heard. On a simulator the truth is known, and every payout is held against it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from drivers.base.acceptor import (
    CashInEnd,
    CashInRollback,
    Deplete,
    DepleteResult,
    LastPayOut,
    NotesPaid,
    NoteStored,
    PayOut,
    PayOutInterrupted,
    PayOutResult,
    StopPayOut,
    StoredNotes,
    StoredNotesResult,
)
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import Outcome
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Failed, Need, Steps, Suite, expect
from kiosk.devicekit.contract import cash_acceptor
from kiosk.devicekit.contract.cash_acceptor import NOTE_MINOR, can, feed, in_escrow, start, take_back
from kiosk.devicekit.contract.dispenser import hold_against
from kiosk.devicekit.frames import Direction

STOCK: Final = {10_000: 20, 5_000: 20}
"""Notes in the store of a simulator under test."""

SUITE: Final[Suite] = Suite(cash_acceptor.SUITE)


def stored(bench: Bench) -> Steps[StoredNotesResult]:
    result: StoredNotesResult = yield from bench.do(StoredNotes(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "{}", result)
    return result


def came_out(bench: Bench) -> dict[int, int]:
    """Return what the simulated machine has paid out since it was made."""
    places = bench.sim.state()["places"]
    return {value: count for value, count in (Counter(places["paid"]) + Counter(places["received"])).items() if count}


def conserved(bench: Bench) -> None:
    """Raises Failed when notes appeared or vanished in the simulator itself."""
    there = sum(sum(notes.values()) for notes in bench.sim.state()["places"].values())
    expect(there == sum(STOCK.values()), "{} notes are there; {} were put in", there, sum(STOCK.values()))


def pay(bench: Bench, picks: dict[int, int]) -> Steps[PayOutResult]:
    """Pay out, and hold the answer against the truth where there is one."""
    yield from bench.agree(f"This pays out {picks} (minor units: notes). Go on?")
    before = came_out(bench) if bench.simulated else {}
    result: PayOutResult = yield from bench.do(PayOut(ticket=bench.ticket(), picks=picks))
    if bench.simulated:
        came = {v: n - before.get(v, 0) for v, n in came_out(bench).items() if n - before.get(v, 0)}
        bench.note(f"truth: {came} came out")
        hold_against(result, picks, came)
        expect(result.paid_minor <= sum(v * n for v, n in came.items()), "told {} of {}", result, came)
        conserved(bench)
    return result


def some(bench: Bench) -> dict[int, int]:
    """Return an order of two notes of the highest and one of the lowest value that it keeps."""
    values = can(bench).stored_types
    return {values[-1]: 2, values[0]: 1}


def ask(bench: Bench, picks: dict[int, int], before: StoredNotesResult) -> Steps[Any]:
    """Ask what became of a payout, and hold the answer against the truth."""
    command = LastPayOut(ticket=bench.ticket(), picks=picks, stored=before.stored, counters=before.counters)
    told = yield from bench.do(command)
    if bench.simulated:
        came = came_out(bench)
        if told.outcome is Outcome.UNKNOWN:
            beyond = {value: n for value, n in told.moved.items() if n > came.get(value, 0)}
            expect(not beyond, "told {}; in truth {}", told, came)
        else:
            expect(dict(told.moved) == came, "told {}; in truth {}", told, came)
    return told


def recovered(bench: Bench) -> Steps[None]:
    """Wait until the driver has lost the device, bring the power back, and connect again."""
    yield from bench.until(lambda: bench.driver.identity is None, 90_000)
    bench.note("power on")
    bench.sim.power(True)
    yield from bench.pause(6_000)
    yield from bench.start()


@SUITE.check("It tells what it keeps for payout, and what lies there.")
def tells_what_it_keeps(bench: Bench) -> Steps[None]:
    expect(can(bench).recycler and bool(can(bench).stored_types), "it keeps {}", can(bench).stored_types)
    found = yield from stored(bench)
    expect(set(found.stored) <= set(can(bench).note_types), "stored {}", dict(found.stored))
    if bench.simulated:
        expect(dict(found.stored) == STOCK, "told {}, in truth {}", dict(found.stored), STOCK)


@SUITE.check("One note of each value comes out, and is told as it is.", Need.VALUE)
def pays_one_of_each(bench: Bench) -> Steps[None]:
    for value in can(bench).stored_types:
        result = yield from pay(bench, {value: 1})
        expect(result.outcome is Outcome.DONE, "{}", result)
        expect(result.paid_minor == value, "paid {}", result.paid_minor)
        take_back(bench)
        yield from bench.pause(3_000)


@SUITE.check("Several notes of several values come out in one order, told while they come.", Need.VALUE)
def pays_several_values(bench: Bench) -> Steps[None]:
    before = yield from stored(bench)
    result = yield from pay(bench, some(bench))
    expect(result.outcome is Outcome.DONE, "{}", result)
    paid = [seen.paid_minor for seen in bench.seen(NotesPaid)]
    expect(paid == sorted(paid) and paid[-1] == result.paid_minor, "told on the way: {}", paid)
    told = yield from ask(bench, some(bench), before)
    expect(told.outcome is Outcome.DONE, "{}", told)


@SUITE.check("What is not there is refused, and nothing moves.")
def refuses_what_it_does_not_have(bench: Bench) -> Steps[None]:
    before = yield from stored(bench)
    value = can(bench).stored_types[-1]
    picks = {value: before.stored.get(value, 0) + 1}
    result = yield from bench.do(PayOut(ticket=bench.ticket(), picks=picks))
    expect((result.outcome, result.error) == (Outcome.REFUSED, "notDispensable"), "{}", result)
    after = yield from stored(bench)
    expect(dict(after.stored) == dict(before.stored), "before {}, after {}", before, after)
    told = yield from ask(bench, picks, before)
    expect(told.outcome is Outcome.REFUSED, "{}", told)


@SUITE.check("Orders that mean nothing are our mistake, and no byte of them goes out.")
def refuses_nonsense(bench: Bench) -> Steps[None]:
    value = can(bench).stored_types[0]
    sent = len([chunk for chunk in bench.raw if chunk[1] == "to_device"])
    for picks in ({}, {value: 0}, {value: -1}, {77: 1}):
        try:
            bench.driver.submit(PayOut(ticket=bench.ticket(), picks=picks))
        except LocalProtocolError:
            continue
        raise Failed(f"an order of {picks} was taken")
    yield from bench.pause(0)
    expect(len([chunk for chunk in bench.raw if chunk[1] == "to_device"]) == sent, "bytes went out")


@SUITE.check("About an order that it never was given, a new driver is told that nothing left the store.", Need.VALUE)
def denies_a_payout_it_never_had(bench: Bench) -> Steps[None]:
    yield from pay(bench, {can(bench).stored_types[0]: 1})
    take_back(bench)
    yield from bench.restart_program()
    before = yield from stored(bench)
    command = LastPayOut(
        ticket=bench.ticket(), picks=some(bench), stored=before.stored, counters=before.counters
    )
    told = yield from bench.do(command)
    expect(told.outcome is Outcome.REFUSED and not told.moved, "{}", told)


@SUITE.check("A note that was paid in is paid out again.", Need.HANDS, Need.VALUE)
def pays_what_it_took(bench: Bench) -> Steps[None]:
    yield from bench.agree(f"This takes a note of {NOTE_MINOR // 100} and pays it out. Go on?")
    before = yield from stored(bench)
    yield from in_escrow(bench)
    yield from bench.do(CashInEnd(ticket=bench.ticket()))
    yield from bench.pause(3_000)
    expect([seen.unit for seen in bench.seen(NoteStored)] == ["recycler"], "stored in {}", bench.seen(NoteStored))
    after = yield from stored(bench)
    expect(after.stored[NOTE_MINOR] == before.stored.get(NOTE_MINOR, 0) + 1, "stored {}", dict(after.stored))
    result = yield from bench.do(PayOut(ticket=bench.ticket(), picks={NOTE_MINOR: 1}))
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("Nothing is paid out in the middle of a transaction.", Need.FAULTS)
def does_not_pay_with_a_note_in_escrow(bench: Bench) -> Steps[None]:
    yield from start(bench)
    feed(bench)
    yield from bench.pause(8_000)
    result = yield from bench.do(PayOut(ticket=bench.ticket(), picks=some(bench)))
    expect((result.outcome, result.error) == (Outcome.REFUSED, "cashInActive"), "{}", result)
    expect(not came_out(bench), "came out: {}", came_out(bench))
    yield from bench.do(CashInRollback(ticket=bench.ticket()))


@SUITE.check("A payout is stopped from outside: it is answered first, with what came out.", Need.VALUE)
def stops_a_payout_when_told(bench: Bench) -> Steps[None]:
    picks = {can(bench).stored_types[-1]: 5}
    yield from bench.agree(f"This begins to pay out {picks}, and stops in the middle. Go on?")
    command = PayOut(ticket=bench.ticket(), picks=picks)
    bench.submit(command)
    yield from bench.until(lambda: bool(bench.seen(NotesPaid)), 30_000)
    stop = StopPayOut(ticket=bench.ticket())
    bench.submit(stop)
    yield from bench.answer_to(stop)
    results = bench.results(command)
    expect(len(results) == 1, "{} answers to the payout", len(results))
    expect(bench.reports.index(results[0]) < bench.reports.index(bench.results(stop)[0]), "the stop was first")
    expect((results[0].outcome, results[0].error) == (Outcome.PARTIAL, "cancelled"), "{}", results[0])
    if bench.simulated:
        told = results[0]
        assert isinstance(told, PayOutResult)
        hold_against(told, picks, came_out(bench))
        conserved(bench)


def _fails(name: str, shows: str, fault: str, outcomes: tuple[Outcome, ...], **arguments: object) -> None:
    def run(bench: Bench) -> Steps[None]:
        before = yield from stored(bench)
        bench.strike(fault, **arguments)
        result = yield from pay(bench, some(bench))
        expect(result.outcome in outcomes, "{}", result)
        yield from ask(bench, some(bench), before)

    run.__name__ = name
    SUITE.check(shows, Need.FAULTS)(run)


_SHORT = (Outcome.PARTIAL, Outcome.REFUSED, Outcome.UNKNOWN)
_fails("counts_at_a_jam", "A jam on the way out: what came out is counted.", "payout_jam", _SHORT, nth=2)
_fails("counts_when_stalled", "No note can be found: what came out is counted.", "payout_error", _SHORT, nth=2, code=3)
_fails("tells_an_error_jam", "An error in the transport: counted.", "payout_error", _SHORT, nth=2, code=1)
_fails("tells_a_cashbox_error", "The cashbox fails in a payout: counted.", "payout_error", _SHORT, nth=3, code=2)
_fails("does_not_count_a_note_that_went_wrong", "A note that is not recognised on its way goes to the cashbox: "
       "not counted as paid.", "payout_error", _SHORT, nth=2, code=0)  # fmt: skip
_fails("replaces_a_double", "A double goes to the cashbox; the order is still complete.", "payout_diverted",
       (Outcome.DONE,), nth=2)  # fmt: skip
_fails("clears_a_jam_first", "It clears a jam and pays: what went to the cashbox is not counted as paid.",
       "jam_recovery", (Outcome.DONE, *_SHORT))  # fmt: skip
_fails("is_unsure_when_a_payout_hangs", "A payout that neither goes on nor ends: UNKNOWN, with what had come out.",
       "payout_hangs", (Outcome.UNKNOWN,), nth=2)  # fmt: skip
_fails("is_refused_while_busy", "A busy device refuses and pays nothing.", "payout_busy", (Outcome.REFUSED,))


def _power_loss(name: str, shows: str, fault: str, **arguments: object) -> None:
    def run(bench: Bench) -> Steps[None]:
        before = yield from stored(bench)
        bench.strike(fault, **arguments)
        result = yield from pay(bench, some(bench))
        expect(result.outcome is Outcome.UNKNOWN, "{}", result)
        yield from recovered(bench)
        told = yield from ask(bench, some(bench), before)
        expect(bool(bench.seen(PayOutInterrupted)), "the device was not heard about the break")
        expect(told.outcome in (Outcome.DONE, Outcome.REFUSED), "after the restart it is still {}", told)
        conserved(bench)

    run.__name__ = name
    SUITE.check(shows, Need.FAULTS, Need.LONG)(run)


for _notes in (1, 2):
    _power_loss(
        f"asks_after_power_loss_behind_note_{_notes}",
        f"The power fails after {_notes} of three notes: UNKNOWN, and the truth after the restart.",
        "power_loss_after_notes",
        notes=_notes,
    )
for _home in ("cashbox", "store"):
    _power_loss(
        f"finds_a_note_on_its_way_in_the_{_home}",
        f"The power fails with a note between store and mouth, which then lies in the {_home}: told, not paid.",
        "power_loss",
        at="paying",
        nth=2,
        home=_home,
    )


@SUITE.check("The answers to an order are lost for good: the order is not carried out twice.", Need.FAULTS, Need.MEMORY)
def never_pays_twice(bench: Bench) -> Steps[None]:
    before = yield from stored(bench)
    bench.damage("from_device", "drop", skip=2, count=60)
    result = yield from pay(bench, some(bench))
    bench.tap.damages.clear()
    expect(result.outcome is Outcome.UNKNOWN, "{}", result)
    yield from bench.pause(30_000)
    yield from bench.start()
    told = yield from ask(bench, some(bench), before)
    expect(told.outcome is Outcome.DONE and dict(told.moved) == some(bench), "{}", told)


@SUITE.check("The answer to an order is damaged: it is said again, and pays once.", Need.WIRE, Need.VALUE, Need.FAULTS)
def recovers_a_damaged_answer(bench: Bench) -> Steps[None]:
    bench.damage("from_device", "corrupt", skip=2)
    result = yield from pay(bench, some(bench))
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("Every frame that is said arrives twice: each order is carried out once.", Need.WIRE, Need.FAULTS)
def a_frame_heard_twice_pays_once(bench: Bench) -> Steps[None]:
    def doubled(direction: Direction, data: bytes) -> bytes | None:
        return data + data if direction == "to_device" else None

    bench.note("line: everything is heard twice")
    bench.tap.rewrite = doubled
    result = yield from pay(bench, some(bench))
    bench.tap.rewrite = None
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("An order of yesterday that is played again, also to a restarted device, pays nothing.", Need.FAULTS,
             Need.MEMORY)  # fmt: skip
def an_old_order_pays_nothing(bench: Bench) -> Steps[None]:
    first = len(bench.raw)
    yield from pay(bench, {can(bench).stored_types[0]: 1})
    said = [data for _, direction, data in bench.raw[first:] if direction == "to_device"]
    take_back(bench)
    paid = came_out(bench)
    bench.driver.disconnect("somebody else speaks")
    for power_cut in (False, True):
        if power_cut:
            bench.sim.power(False)
            bench.sim.power(True)
            yield from bench.pause(6_000)
        bench.note(f"line: {len(said)} frames are played again")
        for data in said:
            bench.tap.line.write(data)
            yield from bench.pause(100)
        yield from bench.pause(10_000)
        expect(came_out(bench) == paid, "then {} had come out, before {}", came_out(bench), paid)
    conserved(bench)


@SUITE.check("The store is emptied into the cashbox down to a float, and what moved is told.", Need.VALUE)
def keeps_a_float(bench: Bench) -> Steps[None]:
    before = yield from stored(bench)
    value = can(bench).stored_types[-1]
    keep = {value: min(before.stored.get(value, 0), 3)}
    yield from bench.agree(f"This moves notes to the cashbox until {keep} is left. Go on?")
    result: DepleteResult = yield from bench.do(Deplete(ticket=bench.ticket(), keep=keep))
    expect(result.outcome is Outcome.DONE and dict(result.stored) == keep, "{}", result)
    moved = {v: n - keep.get(v, 0) for v, n in before.stored.items() if n - keep.get(v, 0)}
    expect(dict(result.moved) == moved, "told {}, by the store {}", result, moved)
    if bench.simulated:
        expect(not came_out(bench), "came out: {}", came_out(bench))
        conserved(bench)
