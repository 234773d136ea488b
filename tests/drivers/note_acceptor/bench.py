"""A driver and a simulator on one wire and one clock, run until a condition holds."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from drivers.base.acceptor import CashIn, CashInStart
from drivers.base.clock import SimClock
from drivers.base.driver import Report
from drivers.base.vocabulary import Command, DeviceLost, DeviceReady, Happening, Outcome, Result
from drivers.note_acceptor.ccnet.driver import CcnetSettings, CcnetValidator
from drivers.note_acceptor.ssp.driver import SspValidator
from drivers.note_acceptor.ssp.settings import SspSettings
from drivers.note_acceptor.ssp.smart_payout import SmartPayout
from drivers.sim.note_acceptor import SimCcnet, SimNv200, SimSmartPayout
from drivers.sim.wire import Wire

STEPS_MAX = 5_000
PATIENCE_MS = 120_000


class Bench:
    """`driver` and `sim` may be given; else an NV200 in clear."""

    def __init__(self, clock: SimClock | None = None, driver: Any = None, sim: Any = None) -> None:
        self.clock = clock or SimClock()
        self.sim: Any = sim or SimNv200(self.clock)
        self.driver: Any = driver or SspValidator(self.clock, SspSettings())
        self.transcript: list[tuple[int, str, bytes]] = []
        self.wire = Wire(self.clock, self.sim, lambda *entry: self.transcript.append(entry))
        self.reports: list[Report] = []

    @classmethod
    def nv200(cls, *, encrypt: bool = False, settings: dict[str, Any] | None = None, **sim: Any) -> Bench:
        clock = SimClock()
        options = SspSettings(encrypt=encrypt, **(settings or {}))
        driver = SspValidator(clock, options, random.Random(7).randbytes)
        return cls(clock, driver, SimNv200(clock, **sim))

    @classmethod
    def smart(cls, *, settings: dict[str, Any] | None = None, **sim: Any) -> Bench:
        """A recycler of 100s and 50s, with ten of each in its store."""
        clock = SimClock()
        options = SspSettings(encrypt=True, recycle_values_minor=(5_000, 10_000), **(settings or {}))
        sim.setdefault("stored", {10_000: 10, 5_000: 10})
        return cls(
            clock, SmartPayout(clock, options, random.Random(7).randbytes), SimSmartPayout(clock, **sim)
        )

    @classmethod
    def ccnet(cls, *, settings: dict[str, Any] | None = None, **sim: Any) -> Bench:
        clock = SimClock()
        return cls(clock, CcnetValidator(clock, CcnetSettings(**(settings or {}))), SimCcnet(clock, **sim))

    # ------------------------------------------------------------ running

    def ready(self) -> Bench:
        """Connect, for the first time or again."""
        before = len(self.reports)
        self.driver.connect()
        self.until(lambda: any(isinstance(r, DeviceReady | DeviceLost) for r in self.reports[before:]))
        assert any(isinstance(r, DeviceReady) for r in self.reports[before:]), self.reports[before:]
        return self

    def step(self) -> None:
        while True:
            self.reports += self.driver.tick()
            out = self.driver.data_to_send()
            if out:
                self.wire.write(out)
            data = self.wire.read_available()
            if data:
                self.reports += self.driver.receive(data)
            if not out and not data:
                return

    def until(self, condition: Callable[[], bool], within_ms: int = PATIENCE_MS) -> bool:
        """Move the clock from event to event until `condition` holds; False if it does not in time."""
        end_ms = self.clock.now_ms() + within_ms
        for _ in range(STEPS_MAX):
            self.step()
            if condition():
                return True
            instants = [
                at for at in (self.driver.next_deadline_ms(), self.wire.next_deadline_ms()) if at is not None
            ]
            at_ms = min(instants, default=end_ms)
            if at_ms > end_ms or not instants:
                self.clock.move_to(end_ms)
                self.step()
                return condition()
            self.clock.move_to(max(at_ms, self.clock.now_ms()))
        raise AssertionError("it never comes to rest")

    def wait(self, by_ms: int) -> None:
        self.until(lambda: False, by_ms)

    def start(self, command: Command) -> None:
        self.driver.submit(command)

    def result(self, ticket: str) -> Any:
        """Run until the command is answered; fails unless that happens exactly once."""
        self.until(lambda: bool(self.results(ticket)))
        results = self.results(ticket)
        assert len(results) == 1, (ticket, results, self.reports[-5:])
        return results[0]

    def results(self, ticket: str) -> list[Result]:
        return [r for r in self.reports if isinstance(r, Result) and r.ticket == ticket]

    def do(self, command: Command) -> Any:
        self.start(command)
        result = self.result(command.ticket)
        assert result.verb == command.verb
        return result

    def begin(self, **start: Any) -> Bench:
        """Open a transaction that takes notes."""
        assert self.do(CashInStart(ticket="start", **start)).outcome is Outcome.DONE
        self.start(CashIn(ticket="in"))
        self.wait(600)
        return self

    def hold(self, value: int = 100) -> Bench:
        """Bring a note into escrow."""
        self.wire.act("insert_note", value=value)
        taken = self.result("in")
        assert (taken.outcome, taken.escrow) == (Outcome.DONE, {value * 100: 1})
        return self

    # ------------------------------------------------------------ looking

    def saw(self, kind: type[Happening]) -> list[Any]:
        return [r for r in self.reports if isinstance(r, kind)]

    def places(self) -> dict[str, dict[int, int]]:
        return self.sim.transport.places()  # type: ignore[no-any-return]

    def ours(self) -> dict[int, int]:
        """What is in the machine for good: cashbox, store, and what was carried away from there."""
        places = self.places()
        total: dict[int, int] = {}
        for place in ("cashbox", "store", "removed"):
            for value, count in places[place].items():
                total[value] = total.get(value, 0) + count
        return total
