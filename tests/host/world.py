"""Terminal's end and host's end of the line in memory, on one simulated clock.

`run_until` moves the clock from deadline to deadline; frames the bank sends with a delay arrive when their time
has come. `cut` and hooks let a test lose, delay or double a frame by its message type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from drivers.base.clock import SimCalendar, SimClock
from drivers.base.secrets import KeyBits, PinBlock, Track2
from kiosk.bank.bank import Bank
from kiosk.bank.data import BankData
from kiosk.bank.personality import Personality
from kiosk.bank.server import BankSession
from kiosk.bank.storage import SqliteStore, Store
from kiosk.host.client import HostClient
from kiosk.host.mac import check_value, unwrap
from kiosk.host.settings import HostSettings
from kiosk.money import Money
from kiosk.ports import Advice, AdviceKind, HostReport, HostRequest, Original, Reason, WorkingKey
from tests.bank import sample

Fate = Callable[[str, int], list[int]]  # (message type, how many of it so far) -> arrival delays; [] loses it


def straight(mti: str, nth: int) -> list[int]:
    return [0]


def settings(**more: Any) -> HostSettings:
    return HostSettings(
        terminal=sample.TERMINAL,
        acceptor=sample.ACCEPTOR,
        acquirer="12345678",
        link_mac_key=KeyBits(sample.LINK_MAC_KEY),
        mac_transport_key=KeyBits(sample.MAC_TRANSPORT_KEY),
        **more,
    )


class World:
    def __init__(self, *, data: BankData | None = None, store: Store | None = None, **client: Any) -> None:
        self.clock = SimClock()
        self.calendar = SimCalendar(self.clock, datetime(2026, 11, 22, 3, 15, tzinfo=UTC))
        self.bank = Bank(
            store or SqliteStore(), data or sample.sample_bank(), self.clock, self.calendar, sample.seeded(1)
        )
        self.personality = Personality(self.clock)
        self._stan = 900_000
        self.client = HostClient(self.clock, self.calendar, settings(**client), self.next_stan)
        self.session = BankSession(self.bank, self.personality)
        self.reports: list[HostReport] = []
        self.pin_key = ""
        self.pin_pad_takes_keys = True
        self.fate: Fate = straight
        self._seen: dict[str, int] = {}
        self._to_bank: list[tuple[int, bytes]] = []
        self._to_client: list[tuple[int, bytes]] = []
        self._up = False
        self.connect()

    def next_stan(self) -> int:
        self._stan += 1
        return self._stan

    def connect(self) -> None:
        self.session = BankSession(self.bank, self.personality)
        self._to_bank.clear()
        self._to_client.clear()
        self._up = True
        self.client.connected()
        self.settle()

    def disconnect(self) -> None:
        self._up = False
        self._take(self.client.disconnected("test"))

    # ------------------------------------------------------------ moving bytes and time

    def _fates(self, data: bytes) -> list[tuple[int, bytes]]:
        """Cut `data` into frames and give each its arrival times."""
        arrivals = []
        while data:
            length = int.from_bytes(data[:2], "big") + 2
            raw, data = data[:length], data[length:]
            mti = raw[2:6].decode()
            self._seen[mti] = self._seen.get(mti, 0) + 1
            arrivals += [(delay, raw) for delay in self.fate(mti, self._seen[mti])]
        return arrivals

    def _take(self, reports: list[HostReport]) -> None:
        self.reports += reports
        for report in reports:
            if isinstance(report, WorkingKey):
                key = unwrap(report.cryptogram, sample.PIN_MASTER_KEY)
                good = self.pin_pad_takes_keys and check_value(key) == report.kcv
                if good:
                    self.pin_key = key
                self.client.key_loaded(report.name, loaded=good)

    def settle(self) -> None:
        """Exchange all that can be exchanged without time passing."""
        for _ in range(1_000):
            now = self.clock.now_ms()
            self._take(self.client.tick())
            data = self.client.data_to_send()
            if self._up:
                self._to_bank += [(now + d, raw) for d, raw in self._fates(data)]
                for _, raw in [a for a in self._to_bank if a[0] <= now]:
                    self._reply(self.session.receive(raw))
                self._to_bank = [a for a in self._to_bank if a[0] > now]
                self._reply(self.session.tick())
            arrived = [a for a in self._to_client if a[0] <= now]
            self._to_client = [a for a in self._to_client if a[0] > now]
            if self._up:
                for _, raw in arrived:
                    self._take(self.client.receive(raw))
            if self._up and (self.client.wants_close or not self.session.link_up):
                self.disconnect()
            if not data and not arrived:
                return
        raise AssertionError("the line does not come to rest")

    def _reply(self, replies: list[tuple[int, bytes]]) -> None:
        now = self.clock.now_ms()
        for delay, raw in replies:
            self._to_client += [(now + delay + more, frame) for more, frame in self._fates(raw)]

    def pass_time(self, by_ms: int) -> None:
        """Let time pass, stopping at every instant at which something is due."""
        end = self.clock.now_ms() + by_ms
        for _ in range(100_000):
            self.settle()
            due = [at for at, _ in self._to_client + self._to_bank]
            due += [at for at in (self.client.next_deadline_ms(), self.session.next_deadline_ms()) if at is not None]
            later = [at for at in due if self.clock.now_ms() < at < end]
            if not later:
                self.clock.move_to(end)
                self.settle()
                return
            self.clock.move_to(min(later))
        raise AssertionError("too many instants")

    # ------------------------------------------------------------ what a terminal asks

    def sent_at(self) -> str:
        return self.calendar.now().strftime("%m%d%H%M%S")

    def request_of(
        self,
        amount_minor: int,
        card: str = sample.NORMAL,
        *,
        pin: str = sample.PIN,
        operation: str = "withdrawal",
        **more: Any,
    ) -> HostRequest:
        stan = self.next_stan()
        return HostRequest(
            ticket=f"t{stan}",
            stan=stan,
            rrn=f"632603{stan:06d}",
            sent_at=self.sent_at(),
            operation=operation,
            amount=Money(amount_minor, "CNY"),
            track2=Track2(sample.track2(card)),
            pin_block=PinBlock(sample.pin_block(card, pin, self.pin_key)),
            **more,
        )

    def ask(self, amount_minor: int, card: str = sample.NORMAL, **more: Any) -> HostRequest:
        request = self.request_of(amount_minor, card, **more)
        self.client.request(request)
        self.settle()
        return request

    def advice_of(self, request: HostRequest, kind: AdviceKind, **more: Any) -> Advice:
        stan = self.next_stan()
        if kind is AdviceKind.REVERSAL:
            more.setdefault("reason", Reason.NO_ANSWER)
        return Advice(
            id=f"a{stan}",
            stan=stan,
            sent_at=self.sent_at(),
            kind=kind,
            operation=request.operation,
            amount=request.amount,
            original=Original(stan=request.stan, rrn=request.rrn, sent_at=request.sent_at),
            **more,
        )

    def advise(self, request: HostRequest, kind: AdviceKind, **more: Any) -> Advice:
        advice = self.advice_of(request, kind, **more)
        self.client.advise(advice)
        self.settle()
        return advice

    def told(self, kind: type[HostReport]) -> list[Any]:
        return [report for report in self.reports if isinstance(report, kind)]

    def last(self, kind: type[HostReport]) -> Any:
        return self.told(kind)[-1]
