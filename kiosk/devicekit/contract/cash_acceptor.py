"""The contract of a note acceptor (XFS4IoT CashAcceptor). One rule stands over all of it: a note is credited once,
by `NoteStacked`, and only when it is out of the customer's reach. On a simulator the truth is known, and after each
transaction the happenings are held against it.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import Final

from drivers.base.acceptor import (
    DOUBTED,
    CashAcceptorCapabilities,
    CashIn,
    CashInEnd,
    CashInRollback,
    CashInStart,
    Classification,
    GetCashInStatus,
    NoteInEscrow,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    NoteWithheld,
    StopCashIn,
)
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import DeviceLost, Health, Outcome
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Need, Steps, Suite, expect
from kiosk.devicekit.contract.common import make_suite

NOTE: Final = 100
"""Face value, in whole units, of the note that is fed."""
NOTE_MINOR: Final = 10_000

SUITE: Final[Suite] = make_suite(lambda ticket: GetCashInStatus(ticket=ticket))


def can(bench: Bench) -> CashAcceptorCapabilities:
    capabilities: object = bench.driver.capabilities
    assert isinstance(capabilities, CashAcceptorCapabilities)
    return capabilities


def start(
    bench: Bench, *, escrow: bool = True, notes_max: int = 1, withhold: tuple[Classification, ...] = ()
) -> Steps[CashIn]:
    """Begin a transaction and let notes be taken; return the command that is answered when they are in."""
    began = yield from bench.do(CashInStart(ticket=bench.ticket(), escrow=escrow, withhold=withhold))
    expect(began.outcome is Outcome.DONE, "the transaction did not begin: {}", began)
    command = CashIn(ticket=bench.ticket(), notes_max=notes_max)
    bench.submit(command)
    yield from bench.pause(3_000)
    return command


def feed(bench: Bench, quality: str = "good") -> None:
    bench.hand("insert_note", f"Feed a note of {NOTE}.", value=NOTE, quality=quality)


def in_escrow(bench: Bench) -> Steps[CashIn]:
    """Bring one note into escrow."""
    command = yield from start(bench)
    feed(bench)
    result = yield from bench.answer_to(command)
    expect(result.outcome is Outcome.DONE, "{}", result)
    expect(dict(result.escrow) == {NOTE_MINOR: 1}, "in escrow: {}", dict(result.escrow))
    return command


def ours(bench: Bench) -> Counter[int]:
    """Return what customers have put into the simulated machine for good, doubted notes apart."""
    state = bench.sim.state()
    there = Counter[int]()
    for place in ("cashbox", "store", "removed"):
        there.update(state["places"][place])
    for kept in (state["stocked"], *state["withheld"].values()):
        there.subtract(kept)
    return +there


def inside(bench: Bench) -> Counter[int]:
    """Return what is out of the customer's reach: in the machine for good, or stuck on the way there."""
    return ours(bench) + Counter(bench.sim.state()["places"]["path"])


def credited(bench: Bench) -> Counter[int]:
    return Counter(note.value_minor for note in bench.seen(NoteStacked))


def books_agree(bench: Bench) -> None:
    """Raises Failed unless exactly what is in the machine was credited, once."""
    if bench.simulated:
        bench.note(f"truth: {dict(ours(bench))} is in the machine")
        expect(credited(bench) == ours(bench), "credited {}, in the machine {}", credited(bench), ours(bench))


@SUITE.check("The device tells which notes it knows, and how many its escrow holds.")
def tells_what_it_takes(bench: Bench) -> Steps[None]:
    expect(NOTE_MINOR in can(bench).note_types, "it knows {}", can(bench).note_types)
    expect(bool(can(bench).currency), "it tells no currency")
    yield from bench.pause(0)


@SUITE.check("A note is held in escrow, then stacked, and credited once.", Need.HANDS, Need.VALUE)
def stacks_a_note(bench: Bench) -> Steps[None]:
    yield from bench.agree(f"This takes a note of {NOTE} into the cashbox. Go on?")
    yield from in_escrow(bench)
    expect(not bench.seen(NoteStacked), "a note in escrow was credited")
    result = yield from bench.do(CashInEnd(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE and dict(result.stacked) == {NOTE_MINOR: 1}, "{}", result)
    yield from bench.pause(5_000)
    expect(credited(bench) == {NOTE_MINOR: 1}, "credited {}", credited(bench))
    books_agree(bench)


@SUITE.check("A note in escrow is given back, and not credited.", Need.HANDS)
def gives_a_note_back(bench: Bench) -> Steps[None]:
    yield from in_escrow(bench)
    result = yield from bench.do(CashInRollback(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE and dict(result.returned) == {NOTE_MINOR: 1}, "{}", result)
    expect(bool(bench.seen(NoteReturned)), "no NoteReturned")
    yield from bench.pause(5_000)
    expect(not bench.seen(NoteStacked), "a returned note was credited")
    books_agree(bench)


@SUITE.check("Without escrow a note goes in at once, and is credited once.", Need.HANDS, Need.VALUE)
def stacks_at_once(bench: Bench) -> Steps[None]:
    yield from bench.agree(f"This takes a note of {NOTE} into the cashbox at once. Go on?")
    command = yield from start(bench, escrow=False)
    feed(bench)
    result = yield from bench.answer_to(command)
    expect(result.outcome is Outcome.DONE and dict(result.stacked) == {NOTE_MINOR: 1}, "{}", result)
    yield from bench.pause(5_000)
    books_agree(bench)


@SUITE.check("Nothing is taken when nobody asked for it.", Need.HANDS, Need.FAULTS)
def takes_nothing_unasked(bench: Bench) -> Steps[None]:
    with contextlib.suppress(ValueError):  # the mouth is closed
        feed(bench)
    yield from bench.pause(10_000)
    expect(not bench.seen(NoteInEscrow) and not bench.seen(NoteStacked), "a note was taken unasked")
    expect(not ours(bench), "in the machine: {}", ours(bench))


@SUITE.check("What cannot be recognised is given back, and the next note is taken.", Need.FAULTS)
def rejects_paper(bench: Bench) -> Steps[None]:
    command = yield from start(bench)
    feed(bench, "paper")
    yield from bench.happens(NoteRejected, 0, 30_000)
    yield from bench.pause(5_000)
    take_back(bench)
    yield from bench.pause(5_000)
    feed(bench)
    result = yield from bench.answer_to(command)
    expect(dict(result.escrow) == {NOTE_MINOR: 1}, "{}", result)
    yield from bench.do(CashInRollback(ticket=bench.ticket()))
    books_agree(bench)


@SUITE.check("Taking notes is stopped from outside: the taking is answered first.")
def stops_when_told(bench: Bench) -> Steps[None]:
    command = yield from start(bench)
    stop = StopCashIn(ticket=bench.ticket())
    bench.submit(stop)
    stopped = yield from bench.answer_to(stop)
    taken = bench.results(command)
    expect(stopped.outcome is Outcome.DONE and len(taken) == 1, "{} after {}", stopped, taken)
    expect(bench.reports.index(taken[0]) < bench.reports.index(stopped), "the stop was answered first")
    yield from bench.do(CashInRollback(ticket=bench.ticket()))


@SUITE.check("Ending a transaction that was not begun is refused, or our mistake.")
def refuses_an_end_without_a_start(bench: Bench) -> Steps[None]:
    try:
        result = yield from bench.do(CashInEnd(ticket=bench.ticket()))
    except LocalProtocolError:
        return
    expect((result.outcome, result.error) == (Outcome.REFUSED, "noCashInActive"), "{}", result)


def _breaks(fault: str, shows: str) -> None:
    def run(bench: Bench) -> Steps[None]:
        yield from in_escrow(bench)
        bench.strike(fault)
        result = yield from bench.do(CashInEnd(ticket=bench.ticket()))
        expect(result.outcome is not Outcome.REFUSED or not credited(bench), "{}", result)
        yield from bench.pause(10_000)
        expect(credited(bench) <= Counter({NOTE_MINOR: 1}), "one note was credited as {}", credited(bench))
        sure = Counter(result.stacked) + Counter(result.returned) + Counter(result.unaccounted)
        expect(bool(sure) or result.unidentified > 0, "the note is nowhere: {}", result)
        expect(not credited(bench) - inside(bench), "credited {}, inside {}", credited(bench), inside(bench))

    run.__name__ = f"tells_{fault}"
    SUITE.check(shows, Need.FAULTS)(run)


_breaks("jam_before_credit", "A jam on the way to the cashbox: the note is accounted for, and credited at most once.")
_breaks("jam_after_credit", "A jam behind the point of no return: accounted for, credited at most once.")
_breaks("stack_fails", "A device that cannot stack gives the note back: not credited.")
_breaks("string_pulled", "A note pulled out on a string is not credited as if it were there.")


@SUITE.check("A jam while reading stops the taking; the note is not credited.", Need.FAULTS, Need.LONG)
def tells_a_jam_while_reading(bench: Bench) -> Steps[None]:
    command = yield from start(bench)
    bench.strike("jam_reading")
    feed(bench)
    result = yield from bench.answer_to(command)
    expect(result.outcome is not Outcome.DONE, "{}", result)
    expect(bench.driver.health in (Health.STOP, Health.UNKNOWN), "the health is {}", bench.driver.health)
    expect(not credited(bench), "credited {}", credited(bench))


@SUITE.check("A device that restarts with a note in escrow: the note is credited once or not at all, as is true.",
             Need.FAULTS, Need.LONG)  # fmt: skip
def keeps_the_books_over_a_restart(bench: Bench) -> Steps[None]:
    yield from in_escrow(bench)
    bench.strike("restart")
    yield from bench.do(CashInEnd(ticket=bench.ticket()))
    yield from bench.pause(30_000)
    if bench.seen(DeviceLost) and bench.driver.identity is None:
        yield from bench.start()
        yield from bench.pause(10_000)
    expect(credited(bench) <= Counter({NOTE_MINOR: 1}), "one note was credited as {}", credited(bench))
    expect(not credited(bench) - ours(bench), "credited {}, in the machine {}", credited(bench), ours(bench))


def _doubted(quality: Classification) -> None:
    def run(bench: Bench) -> Steps[None]:
        command = yield from start(bench, withhold=DOUBTED)
        feed(bench, quality)
        if quality not in can(bench).withholds:  # the protocol has no word for it
            back = yield from bench.happens(NoteRejected, 0, 30_000)
            expect(back.classification == "unrecognized", "given back as {}", back.classification)
            expect(not bench.sim.state()["withheld"], "in the machine: {}", bench.sim.state()["withheld"])
        else:
            result = yield from bench.answer_to(command)
            expect(dict(result.withheld) == {quality: {NOTE_MINOR: 1}}, "{}", result)
            expect(bench.sim.state()["withheld"] == {quality: {NOTE_MINOR: 1}}, "{}", bench.sim.state()["withheld"])
            yield from bench.do(CashInRollback(ticket=bench.ticket()))
            told = [one.classification for one in bench.seen(NoteWithheld)]
            expect(told == [quality], "told as {}", told)
            expect(not bench.seen(NoteReturned) and not bench.seen(NoteRejected), "it was given back")
        yield from bench.pause(3_000)
        expect(not bench.seen(NoteStacked) and not bench.seen(NoteInEscrow), "it was treated as money")
        books_agree(bench)

    run.__name__ = f"never_credits_a_{quality}_note"
    SUITE.check(
        f"A {quality} note is kept and told once where the device can tell it, else given back; never credited.",
        Need.FAULTS,
    )(run)


for _quality in DOUBTED:
    _doubted(_quality)


@SUITE.check("Doubted notes that nobody asked to withhold are given back.", Need.FAULTS)
def gives_doubted_notes_back(bench: Bench) -> Steps[None]:
    yield from start(bench)
    for nth, quality in enumerate(DOUBTED, start=1):
        feed(bench, quality)
        yield from bench.until(lambda nth=nth: len(bench.seen(NoteRejected)) >= nth, 30_000)  # type: ignore[misc]
        told = {one.classification for one in bench.seen(NoteRejected)}
        expect(told <= {quality, "unrecognized", *DOUBTED[:nth]}, "given back as {}", told)
        yield from bench.pause(2_000)
        take_back(bench)
        yield from bench.pause(2_000)
    expect(len(bench.seen(NoteRejected)) == len(DOUBTED), "given back: {}", bench.seen(NoteRejected))
    expect(not bench.sim.state()["withheld"] and not bench.seen(NoteWithheld), "one was kept")
    books_agree(bench)


@SUITE.check("An unfit note is credited, and called unfit where the device can tell.", Need.FAULTS)
def credits_an_unfit_note(bench: Bench) -> Steps[None]:
    command = yield from start(bench)
    feed(bench, "unfit")
    result = yield from bench.answer_to(command)
    expect(dict(result.escrow) == {NOTE_MINOR: 1}, "{}", result)
    expected = "unfit" if "unfit" in can(bench).classifications else "fit"
    expect(result.fitness == expected, "it is called {}", result.fitness)
    yield from bench.do(CashInEnd(ticket=bench.ticket()))
    books_agree(bench)


def _cut_off(phase: str) -> None:
    def run(bench: Bench) -> Steps[None]:
        began = yield from bench.do(CashInStart(ticket=bench.ticket()))
        command = CashIn(ticket=bench.ticket(), notes_max=1)
        bench.submit(command)
        yield from bench.pause(3_000)
        bench.strike("power_loss", at=phase)
        feed(bench)
        yield from bench.answer_to(command)
        if bench.driver.identity is not None:
            ending = CashInRollback if phase == "returning" else CashInEnd
            result = yield from bench.do(ending(ticket=bench.ticket()))
            expect(result.outcome is not Outcome.REFUSED, "{}", result)
        yield from bench.until(lambda: bench.driver.identity is None, 60_000)
        bench.note("power on")
        bench.sim.power(True)
        yield from bench.pause(6_000)
        yield from bench.start()
        told = yield from bench.do(GetCashInStatus(ticket=bench.ticket(), counters=began.counters))
        books_agree(bench)
        expect(Counter(told.stacked) == credited(bench), "told {}, credited {}", told, credited(bench))
        if can(bench).persistent_counters:
            expect(told.outcome is Outcome.DONE, "its counters tell what became of it, and it says {}", told)

    run.__name__ = f"tells_the_truth_after_power_loss_while_{phase}"
    SUITE.check(
        f"The power fails while the note is {phase}: afterwards it is credited exactly if it is in the machine.",
        Need.FAULTS,
        Need.LONG,
    )(run)


for _phase in ("reading", "escrow", "stacking", "credited", "returning"):
    _cut_off(_phase)


def take_back(bench: Bench) -> None:
    """Take what waits at the mouth, if anything does."""
    try:
        bench.hand("take_note", "Take the note back.")
    except ValueError:
        bench.note("nothing waits at the mouth")
