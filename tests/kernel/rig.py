"""A kernel on tiny charts, with a real journal, book, counters and standing; devices and host are lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from drivers.base.clock import SimCalendar, SimClock
from drivers.base.vocabulary import Command, EjectCard, Reset
from kiosk.cash import CashMove, Place
from kiosk.effects import Record
from kiosk.flow.offers import Offers, action, guard, view
from kiosk.flow.runner import FlowRunner
from kiosk.journal.journal import Journal
from kiosk.journal.record import Entry
from kiosk.kernel import Kernel, Parts, Watcher
from kiosk.money import Money
from kiosk.numbers import Numbers
from kiosk.ports import Advice, AdviceKind, HostReport, HostRequest
from kiosk.recovery import first_load, recover
from kiosk.standing import Standing
from kiosk.turn import Turn
from kiosk.view import View
from kiosk.words import catalogue
from tests.flow.parts import SITE, charts

KEY = bytes(32)
START = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)

MAIN = """\
flow: main
purpose: p
initial: idle
states:
  idle: {screen: idle}
  busy: {screen: please_wait, within: {ms: 1000, else: late}}
  broken: {screen: refused}
transitions:
  - {event: go, from: idle, to: busy, do: [remember, pay, order, tell]}
  - {event: ask, from: idle, to: busy, do: ask}
  - {event: touch, from: idle, to: idle}
  - {event: fitness_changed, from: idle, to: idle}
  - {event: reset_done, from: busy, to: idle}
  - {event: reset_refused, from: busy, to: idle}
  - {event: host_approved, from: busy, to: idle}
  - {event: host_silent, from: busy, to: idle}
  - {event: late, from: busy, to: idle}
  - {event: crash, from: idle, to: broken, do: [remember, pay, order, tell, crash]}
  - {event: overdraw, from: idle, to: broken, do: [remember, order, overdraw]}
  - {event: opaque, from: idle, to: broken, do: [remember, order, opaque]}
  - {event: guarded, from: idle, to: broken, if: crashes, do: order}
  - {event: back, from: broken, to: idle}
  - {event: end, from: idle, to: idle, do: end}
"""
SIDE = """\
flow: side
purpose: p
initial: watching
states:
  watching: {}
transitions:
  - {event: go, from: watching, to: watching, do: aside}
"""


class Fact(str):
    """Something remembered."""


class Service:
    @action
    def remember(self, turn: Turn) -> None:
        turn.put(Fact(turn.event.name))

    @action
    def pay(self, turn: Turn) -> None:
        turn.move(CashMove("unit1", SITE.notes["unit1"], 2, Place.CASSETTE, Place.CUSTOMER))

    @action
    def order(self, turn: Turn) -> None:
        ticket = turn.ticket("reset")
        turn.record("ordered", ticket=ticket)
        turn.order("dispenser", Reset(ticket=ticket))

    @action
    def tell(self, turn: Turn) -> None:
        turn.advise(Advice(id="a1", stan=1, sent_at="1123013000", kind=AdviceKind.EVENT, text="told"))

    @action
    def ask(self, turn: Turn) -> None:
        turn.ask(HostRequest(ticket="q1", stan=7, rrn="1", sent_at="1", operation="withdrawal", amount=Money(1, "CNY")))

    @action
    def crash(self, turn: Turn) -> None:
        raise ZeroDivisionError("an action broke")

    @action
    def overdraw(self, turn: Turn) -> None:
        turn.move(CashMove("unit1", SITE.notes["unit1"], 10_000, Place.CASSETTE, Place.CUSTOMER))

    @action
    def opaque(self, turn: Turn) -> None:
        turn.record("opaque", what=object())

    @action
    def end(self, turn: Turn) -> None:
        turn.record("session_ended", session="s")

    @action
    def aside(self, turn: Turn) -> None:
        turn.record("aside", seen=turn.find(Fact) or "")

    @guard
    def crashes(self, turn: Turn) -> bool:
        raise ZeroDivisionError("a guard broke")

    @view("please_wait")
    def _please_wait(self, turn: Turn) -> Mapping[str, Any]:
        return {"what": str(turn.find(Fact))}


class Outside:
    """Devices and host: they keep what they are given, and what the journal held at that moment."""

    online = True
    wants_close = False

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.got: list[tuple[str, object]] = []
        self.kinds_then: list[list[str]] = []

    def _keep(self, where: str, what: object) -> None:
        self.got.append((where, what))
        self.kinds_then.append([e.kind for e in self.journal.entries()])

    def submit(self, name: str, command: Command) -> None:
        self._keep(name, command)

    def request(self, request: HostRequest) -> None:
        self._keep("host", request)

    def advise(self, advice: Advice, *, repeat: bool = False) -> None:
        self._keep("repeat" if repeat else "advice", advice)

    def key_loaded(self, name: str, *, loaded: bool) -> None:
        self._keep("key", (name, loaded))

    @property
    def advices_waiting(self) -> int:
        return sum(where in ("advice", "repeat") for where, _ in self.got)

    def connected(self) -> None: ...

    def disconnected(self, reason: str) -> list[HostReport]:
        return []

    def receive(self, data: bytes) -> list[HostReport]:
        return []

    def tick(self) -> list[HostReport]:
        return []

    def data_to_send(self) -> bytes:
        return b""

    def next_deadline_ms(self) -> int | None:
        return None

    @property
    def where(self) -> list[str]:
        return [where for where, _ in self.got]

    @property
    def ejected(self) -> bool:
        return any(isinstance(what, EjectCard) for _, what in self.got)


class Rig:
    """One kernel that has begun."""

    def __init__(self, journal: Journal | None = None, watchers: Sequence[Watcher] = ()) -> None:
        self.journal = journal or Journal(":memory:", KEY)
        self.clock = SimClock()
        self.calendar = SimCalendar(self.clock, START)
        self.outside = Outside(self.journal)
        self.points: list[str] = []
        self.on_point: Callable[[str], None] = self.points.append
        self.views: list[View] = []
        self.standing = Standing(("card_reader", "dispenser"), lambda _: None, lambda: self.outside.advices_waiting)
        made = charts(MAIN, SIDE)
        offers = Offers.of([Service()])
        offers.check(made)

        def reserve(data: Mapping[str, Any]) -> None:
            self.journal.append([Record("number_reserved", data)], at="now", ms=self.clock.now_ms())

        self.kernel = Kernel(
            Parts(
                clock=self.clock, calendar=self.calendar, journal=self.journal, site=SITE, devices=self.outside,
                standing=self.standing, host=self.outside, numbers=Numbers(reserve), words=catalogue(),
                regions={"main": FlowRunner("main", made, offers), "side": FlowRunner("side", made, offers)},
                default_locale="en", on_view=self.views.append, watchers=tuple(watchers),
                point=lambda name: self.on_point(name),
            )
        )  # fmt: skip
        recovered = recover(self.journal)
        self.kernel.begin(recovered, load=first_load(SITE) if recovered.empty else ())
        self.began_at = self.journal.last_seq
        self.points.clear()

    @property
    def entries(self) -> list[Entry]:
        """What was written since the start."""
        return list(self.journal.entries(after=self.began_at))

    @property
    def kinds(self) -> list[str]:
        return [e.kind for e in self.entries]

    def run(self) -> None:
        while self.kernel.step():
            pass
