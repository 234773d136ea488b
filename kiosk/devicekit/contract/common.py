"""What every driver and device must do, whatever its ability.

`make_suite` is given one command that changes nothing (`idle`): the common checks use it as their question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import Command, DeviceLost, DeviceReady, Health, Outcome, Result
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Need, Steps, Suite, expect

NOISE: Final = b"\xff\xfe\xff\x00\xff"
REST_MS: Final = 60_000
GONE_WITHIN_MS: Final = 300_000
Idle = Callable[[str], Command]


def make_suite(idle: Idle) -> Suite:
    """Return the common checks; `idle` makes a command that moves nothing, from a ticket."""
    suite = Suite()

    @suite.check("The device says who it is, and the driver then knows its fitness.")
    def introduces_itself(bench: Bench) -> Steps[None]:
        identity = bench.driver.identity
        if identity is None or not identity.model:
            expect(False, "after DeviceReady the identity is {}", identity)
        expect(bench.driver.health is not Health.UNKNOWN, "after DeviceReady the health is still unknown")
        expect(not bench.driver.busy, "the driver is busy although nothing was asked of it")
        yield from bench.pause(0)

    @suite.check("The same unit gives the same identity when it is connected again.")
    def is_the_same_again(bench: Bench) -> Steps[None]:
        before = bench.driver.identity
        bench.driver.disconnect("the bench connects again")
        expect(bench.driver.identity is None, "a disconnected driver still tells an identity")
        yield from bench.pause(1_000)
        yield from bench.start()
        expect(bench.driver.identity == before, "first {}, then {}", before, bench.driver.identity)

    @suite.check(
        "Before the device is ready a command is refused as our mistake, and no byte goes out.", connects=False
    )
    def refuses_before_ready(bench: Bench) -> Steps[None]:
        _must_not_take(bench, idle(bench.ticket()))
        yield from bench.pause(100)
        expect(not bench.raw, "{} chunks went over the line", len(bench.raw))

    @suite.check("A command that moves nothing is answered once, with its own ticket and verb.")
    def answers_once(bench: Bench) -> Steps[None]:
        command = idle(bench.ticket())
        result = yield from bench.do(command)
        expect(result.verb == command.verb, "{} was answered by {}", command.verb, result.verb)
        yield from bench.pause(5_000)
        expect(len(bench.results(command)) == 1, "{} answers", len(bench.results(command)))
        expect(not bench.driver.busy, "the driver is busy after the answer")

    @suite.check("While a command is in flight a second one is refused as our mistake.")
    def one_at_a_time(bench: Bench) -> Steps[None]:
        command = idle(bench.ticket())
        bench.submit(command)
        expect(bench.driver.busy, "the driver is not busy with a command in flight")
        _must_not_take(bench, idle(bench.ticket()))
        yield from bench.answer_to(command)

    @suite.check("Answers may arrive byte by byte.")
    def takes_bytes_one_by_one(bench: Bench) -> Steps[None]:
        whole = yield from bench.do(idle(bench.ticket()))
        bench.pieces_of = 1
        pieced = yield from bench.do(idle(bench.ticket()))
        expect(pieced.outcome is whole.outcome, "whole {}, byte by byte {}", whole.outcome, pieced.outcome)

    @suite.check("At rest nothing is reported as a result, whatever the polls find.")
    def is_quiet_at_rest(bench: Bench) -> Steps[None]:
        first = bench.mark
        yield from bench.pause(REST_MS if Need.MEMORY in bench.provides else 6_000)
        results = bench.seen(Result, first)
        expect(not results, "{} results without a question", len(results))
        expect(bench.driver.identity is not None, "it was lost while nothing was asked of it")

    @suite.check("Noise on the line is counted and does not disturb the next command.", Need.WIRE)
    def survives_noise(bench: Bench) -> Steps[None]:
        whole = yield from bench.do(idle(bench.ticket()))
        before = bench.driver.discarded
        bench.note(f"line: {len(NOISE)} bytes of noise from device")
        bench.tap.inject(NOISE)
        yield from bench.pause(1_000)
        expect(bench.driver.discarded > before, "no byte was counted as noise")
        result = yield from bench.do(idle(bench.ticket()))
        expect(result.outcome is whole.outcome, "undisturbed {}, then {}", whole.outcome, result)

    @suite.check("A damaged request is said again, and the device understands.", Need.WIRE, Need.CHECKED)
    def repeats_a_damaged_request(bench: Bench) -> Steps[None]:
        whole = yield from bench.do(idle(bench.ticket()))
        bench.damage("to_device", "corrupt")
        result = yield from bench.do(idle(bench.ticket()))
        expect(result.outcome is whole.outcome, "undamaged {}, damaged {}", whole.outcome, result)

    for nth, what in ((0, "first"), (1, "second")):
        _lost_chunk(suite, idle, nth, what)

    @suite.check("A device without power is told lost, and nothing pretends to have worked.", Need.FAULTS, Need.LONG)
    def notices_silence(bench: Bench) -> Steps[None]:
        bench.note("power off")
        bench.sim.power(False)
        first = bench.mark
        command = idle(bench.ticket())
        result = yield from bench.do(command)
        expect(result.outcome in (Outcome.UNKNOWN, Outcome.REFUSED), "a dead device answered {}", result)
        lost = yield from bench.happens(DeviceLost, first, GONE_WITHIN_MS)
        expect(bool(lost.reason), "DeviceLost says no reason")
        expect(bench.driver.identity is None, "a lost device still has an identity")
        _must_not_take(bench, idle(bench.ticket()))

    @suite.check("After a power cut the device comes up again as the same unit.", Need.FAULTS, Need.LONG)
    def comes_back_after_power_cut(bench: Bench) -> Steps[None]:
        before = bench.driver.identity
        whole = yield from bench.do(idle(bench.ticket()))
        bench.note("power off")
        bench.sim.power(False)
        command = idle(bench.ticket())
        yield from bench.do(command)
        if not bench.seen(DeviceLost):
            yield from bench.happens(DeviceLost, 0, GONE_WITHIN_MS)
        bench.note("power on")
        bench.sim.power(True)
        yield from bench.pause(5_000)
        yield from bench.start()
        expect(bench.driver.identity == before, "before {}, after {}", before, bench.driver.identity)
        result = yield from bench.do(idle(bench.ticket()))
        expect(result.outcome is whole.outcome, "before {}, after the power cut {}", whole.outcome, result)

    @suite.check("A cable pulled in mid-command gives one answer, not DONE, and then DeviceLost.", Need.FAULTS)
    def answers_when_unplugged(bench: Bench) -> Steps[None]:
        first = bench.mark
        command = idle(bench.ticket())
        bench.submit(command)
        bench.note("cable pulled")
        bench.sim.unplug()
        yield from bench.until(lambda: bool(bench.seen(DeviceLost, first)), GONE_WITHIN_MS)
        results = bench.results(command)
        expect(len(results) == 1, "{} answers to the command in flight", len(results))
        expect(results[0].outcome in (Outcome.UNKNOWN, Outcome.REFUSED), "answered {}", results[0])
        kinds = [type(report) for report in bench.reports[first:]]
        expect(DeviceLost in kinds, "no DeviceLost")
        expect(kinds.index(type(results[0])) < kinds.index(DeviceLost), "DeviceLost came before the answer")
        expect(DeviceReady not in kinds, "it came back without a cable")

    @suite.check("A cable that is plugged in again finds the same unit, and it works.", Need.FAULTS)
    def comes_back_when_plugged_in_again(bench: Bench) -> Steps[None]:
        before = bench.driver.identity
        whole = yield from bench.do(idle(bench.ticket()))
        yield from bench.replug()
        expect(bench.driver.identity is None, "without a cable the driver still tells an identity")
        yield from bench.pause(2_000)
        yield from bench.start()
        expect(bench.driver.identity == before, "before {}, after {}", before, bench.driver.identity)
        result = yield from bench.do(idle(bench.ticket()))
        expect(result.outcome is whole.outcome, "before {}, with the cable in again {}", whole.outcome, result)

    return suite


def _lost_chunk(suite: Suite, idle: Idle, nth: int, what: str) -> None:
    """Add the checks that lose or damage the nth chunk that comes from the device."""

    def tried(effect: Literal["drop", "corrupt"]) -> Callable[[Bench], Steps[None]]:
        def run(bench: Bench) -> Steps[None]:
            whole = yield from bench.do(idle(bench.ticket()))
            yield from bench.pause(2_000)
            bench.damage("from_device", effect, skip=nth)
            result = yield from bench.do(idle(bench.ticket()))
            bench.tap.damages.clear()
            expect(result.outcome is whole.outcome, "undisturbed {}, then {}", whole.outcome, result)

        return run

    for effect, verb in (("drop", "lost"), ("corrupt", "damaged")):
        run = tried(effect)  # type: ignore[arg-type]
        run.__name__ = f"recovers_a_{verb}_{what}_answer"
        suite.check(
            f"The {what} thing the device says to a question is {verb}: the answer is found all the same.",
            Need.WIRE,
            Need.CHECKED,
        )(run)


def _must_not_take(bench: Bench, command: Command) -> None:
    try:
        bench.driver.submit(command)
    except LocalProtocolError:
        return
    expect(False, "{} was taken although it must not be", command.verb)
