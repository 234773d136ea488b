from __future__ import annotations

import itertools
from datetime import UTC, datetime

from drivers.base.clock import SimCalendar, SimClock
from kiosk.bank.bank import Bank
from kiosk.bank.memory_link import MemoryLink
from kiosk.bank.storage import SqliteStore
from kiosk.host.client import HostClient
from kiosk.hostdesk import HostDesk
from kiosk.ports import HostOffline, HostOnline, HostReport
from tests.bank import sample
from tests.host.world import settings


class Bench:
    def __init__(self) -> None:
        self.clock = SimClock()
        calendar = SimCalendar(self.clock, datetime(2026, 11, 22, 3, 15, tzinfo=UTC))
        self.bank = Bank(SqliteStore(), sample.sample_bank(), self.clock, calendar, sample.seeded(1))
        self.link = MemoryLink(self.bank)
        stans = itertools.count(1)
        self.client = HostClient(self.clock, calendar, settings(), lambda: next(stans))
        self.desk = HostDesk(self.client, self.link)
        self.reports: list[HostReport] = []

    def pass_time(self, by_ms: int) -> None:
        end = self.clock.now_ms() + by_ms
        for _ in range(10_000):
            self.reports += self.desk.pump()
            due = self.desk.next_deadline_ms()
            if due is None or due > end:
                self.clock.move_to(end)
                return
            self.clock.move_to(max(due, self.clock.now_ms()))
        raise AssertionError("the desk never comes to rest: a deadline stays in the past")


def test_it_signs_on_by_itself_and_rests() -> None:
    bench = Bench()
    bench.pass_time(1)
    assert any(isinstance(report, HostOnline) for report in bench.reports)
    assert bench.link.session is not None
    assert bench.link.session.terminal == sample.TERMINAL


def test_it_comes_back_when_the_line_does() -> None:
    bench = Bench()
    bench.pass_time(1)
    first = bench.link.connection
    bench.link.personality.strike("link_down", for_ms=60_000)
    bench.pass_time(10)
    assert bench.reports[-1] == HostOffline(reason="link")
    assert bench.link.connection == 0
    bench.pass_time(59_000)
    assert not bench.client.online
    bench.pass_time(10_000)
    assert bench.client.online
    assert bench.link.connection == first + 1


def test_closed_stays_closed() -> None:
    bench = Bench()
    bench.pass_time(1)
    bench.desk.close()
    bench.pass_time(100_000)
    assert bench.link.connection == 0
    assert not bench.client.online
