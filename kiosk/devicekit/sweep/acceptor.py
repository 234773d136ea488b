"""Scenes that every note acceptor can play, and what a driver is told when the bench itself answers for the device.

A scene is played on a fresh bench. Most let the driver take a note while a fault strikes or hands do something; what
the device says of it are codes reached by its own mechanics. Codes that remain are put into an answer to a poll: the
driver must take them without losing its footing (it answers the next question, or is lost).
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.base.acceptor import CashIn, CashInEnd, CashInRollback, CashInStart, GetCashInStatus
from drivers.base.vocabulary import Result
from kiosk.devicekit.bench import Bench, Rewrite
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.cash_acceptor import NOTE, take_back
from kiosk.devicekit.sweep.base import Swept

Scene = Callable[[Bench], Steps[None]]
PATIENCE_MS = 90_000  # a poll that nobody answers is said twenty times


def taking(bench: Bench) -> Steps[CashIn]:
    """Connect, begin a transaction and open the mouth."""
    yield from bench.start()
    return (yield from taking_more(bench))


def taking_more(bench: Bench) -> Steps[CashIn]:
    """Begin a transaction and open the mouth."""
    yield from bench.do(CashInStart(ticket=bench.ticket()))
    command = CashIn(ticket=bench.ticket(), notes_max=1)
    bench.submit(command)
    yield from bench.pause(3_000)
    return command


def back_to_work(bench: Bench) -> Steps[None]:
    """Power on if it was lost, and connect again if the driver lost the device."""
    if not bench.sim.state()["powered"]:
        yield from bench.until(lambda: bench.driver.identity is None, PATIENCE_MS)
        bench.sim.power(True)
    yield from bench.pause(6_000)
    if bench.driver.identity is None:
        yield from bench.start()
    yield from bench.pause(3_000)


def fed(
    fault: str = "", *, then: Callable[[Bench], Steps[None]] | None = None, end: bool = True, **arguments: object
) -> Scene:
    """Feed a note while `fault` strikes, stack it if it gets that far, do what comes `then`."""

    def scene(bench: Bench) -> Steps[None]:
        command = yield from taking(bench)
        if fault:
            bench.strike(fault, **arguments)
        bench.hand("insert_note", "", value=NOTE)
        yield from bench.until(lambda: bool(bench.results(command)), PATIENCE_MS)
        if end and bench.driver.identity is not None and not bench.driver.busy:
            yield from bench.do(CashInEnd(ticket=bench.ticket()))
        if then is not None:
            yield from then(bench)
        yield from back_to_work(bench)
        yield from bench.do(GetCashInStatus(ticket=bench.ticket()))

    return scene


def rejected(reasons: tuple[str, ...]) -> Scene:
    """Have a note rejected for each reason."""

    def scene(bench: Bench) -> Steps[None]:
        yield from bench.start()
        yield from bench.do(GetCashInStatus(ticket=bench.ticket()))
        yield from bench.do(CashInStart(ticket=bench.ticket()))
        bench.submit(CashIn(ticket=bench.ticket()))
        yield from bench.pause(3_000)
        for reason in reasons:
            bench.strike("reject_note", reason=reason)
            bench.hand("insert_note", "", value=NOTE)
            yield from bench.pause(6_000)
            take_back(bench)
            yield from bench.pause(2_000)

    return scene


def acted(*names: str, pause_ms: int = 3_000) -> Scene:
    """Let hands do one thing after another, with the mouth open."""

    def scene(bench: Bench) -> Steps[None]:
        yield from taking(bench)
        for name in names:
            bench.hand(name, "")
            yield from bench.pause(pause_ms)

    return scene


def struck(fault: str, **arguments: object) -> Scene:
    """Strike a fault while nothing moves."""

    def scene(bench: Bench) -> Steps[None]:
        yield from bench.start()
        bench.strike(fault, **arguments)
        yield from bench.pause(5_000)
        yield from back_to_work(bench)

    return scene


def told(rewrite: Rewrite, data: bytes, swept: Swept, *, rejecting: bool = False) -> Scene:
    """Begin a transaction, put an answer on the line, and end it; each command must be answered once."""

    def scene(bench: Bench) -> Steps[None]:
        yield from bench.start()
        yield from bench.do(CashInStart(ticket=bench.ticket()))
        bench.submit(CashIn(ticket=bench.ticket()))
        yield from bench.pause(2_000)
        if rejecting:
            bench.strike("reject_note", reason="length")
            bench.hand("insert_note", "", value=NOTE)
        bench.note(f"line: an answer becomes {data.hex(' ')}")
        bench.tap.rewrite = rewrite
        yield from bench.pause(5_000)
        bench.tap.rewrite = None
        if bench.driver.identity is not None and not bench.driver.busy:
            for command in (CashInEnd(ticket=bench.ticket()), CashInRollback(ticket=bench.ticket())):
                yield from bench.do(command)
            yield from bench.do(GetCashInStatus(ticket=bench.ticket()))
        tickets = [report.ticket for report in bench.reports if isinstance(report, Result)]
        if len(tickets) != len(set(tickets)):
            swept.wrong.append(f"{data.hex(' ')}: some command was answered twice")

    return scene
