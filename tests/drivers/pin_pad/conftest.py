"""A pad and its driver on one clock, and a small loop that carries bytes from instant to instant."""

from __future__ import annotations

import pytest
from psec import des

from drivers.base.clock import SimClock
from drivers.base.driver import Report
from drivers.base.secrets import KeyBits, Pan
from drivers.base.vocabulary import Command, DeviceReady, EnterPin, LoadKey, Result
from drivers.pin_pad.driver import SzztPinPad
from drivers.pin_pad.settings import PinPadSettings
from drivers.sim.pin_pad import SimSzztPinPad

TMK = "0123456789ABCDEFFEDCBA9876543210"
TPK = "1C2F3E4D5B6A798897A6B5C4D3E2F101"
TAK = "ABCDEF0123456789F0E1D2C3B4A59687"
TDK = "404142434445464758595A5B5C5D5E5F"
PAN = Pan("4761739001010010")
STEPS_MAX = 10_000  # a loop that needs more does not end


def under_tmk(key: str, tmk: str = TMK) -> str:
    return des.encrypt_tdes_ecb(bytes.fromhex(tmk), bytes.fromhex(key)).hex().upper()


def kcv(key: str, digits: int = 6) -> str:
    return des.generate_kcv(bytes.fromhex(key), 8).hex().upper()[:digits]


class Pair:
    """Driver and simulator in memory. `to_pad` and `to_host` keep every byte that went over the line."""

    def __init__(self, clock: SimClock, driver: SzztPinPad, pad: SimSzztPinPad) -> None:
        self.clock, self.driver, self.pad = clock, driver, pad
        self.to_pad = b""
        self.to_host = b""
        self.reports: list[Report] = []
        self.swallow = 0  # replies the line loses
        self._due: list[tuple[int, bytes]] = []
        self._tickets = 0

    def act(self, name: str, **arguments: object) -> None:
        self._put(self.pad.act(name, **arguments))
        self.settle()

    def settle(self) -> None:
        """Let everything happen that needs no more than the pad's own thinking time."""
        self.run(for_ms=100)

    def run(self, for_ms: int) -> None:
        end_ms = self.clock.now_ms() + for_ms
        for _ in range(STEPS_MAX):
            self._exchange()
            instants = [
                self.driver.next_deadline_ms(),
                self.pad.next_deadline_ms(),
                *(at for at, _ in self._due),
            ]
            upcoming = min((at for at in instants if at is not None), default=end_ms)
            if upcoming > end_ms or (upcoming == end_ms == self.clock.now_ms()):
                self.clock.move_to(end_ms)
                self._exchange()
                return
            self.clock.move_to(max(upcoming, self.clock.now_ms()))
        raise AssertionError("the pair does not come to rest")

    def _exchange(self) -> None:
        self._put(self.pad.tick())
        now_ms = self.clock.now_ms()
        ready = sorted((pair for pair in self._due if pair[0] <= now_ms), key=lambda pair: pair[0])
        self._due = [pair for pair in self._due if pair[0] > now_ms]
        for _, data in ready:
            if self.swallow and len(data) > 1:
                self.swallow -= 1
                continue
            self.to_host += data
            self.reports += self.driver.receive(data)
        self.reports += self.driver.tick()
        out = self.driver.data_to_send()
        if out:
            self.to_pad += out
            self._put(self.pad.receive(out))

    def _put(self, replies: list[tuple[int, bytes]]) -> None:
        self._due += [(self.clock.now_ms() + delay_ms, data) for delay_ms, data in replies]

    # ---------------------------------------------------------------- commands

    def ticket(self) -> str:
        self._tickets += 1
        return f"T{self._tickets}"

    def connect(self) -> None:
        self.driver.connect()
        self.run(3_000)

    def do(self, command: Command, within_ms: int = 5_000) -> Result:
        self.driver.submit(command)
        self.run(within_ms)
        return self.result(command.ticket)

    def result(self, ticket: str) -> Result:
        found = [r for r in self.reports if isinstance(r, Result) and r.ticket == ticket]
        assert len(found) == 1, f"{ticket} was answered {len(found)} times: {self.reports}"
        return found[0]

    def load(self, name: str, clear: str, **others: str) -> Result:
        return self.do(
            LoadKey(ticket=self.ticket(), key=name, under="TMK", cryptogram=under_tmk(clear), **others)
        )

    def begin_pin(self, **others: object) -> str:
        """Start an entry and let it come to the point where the customer keys."""
        command = EnterPin(**({"ticket": self.ticket(), "pan": PAN, "key": "TPK"} | others))  # type: ignore[arg-type]
        self.driver.submit(command)
        self.run(500)
        return command.ticket

    def heard(self, kind: type) -> list[Report]:
        return [report for report in self.reports if isinstance(report, kind)]


def make_pair(settings: PinPadSettings | None = None, **pad: object) -> Pair:
    clock = SimClock()
    pad.setdefault("tmk", KeyBits(TMK))
    sim = SimSzztPinPad(clock, **pad)  # type: ignore[arg-type]
    return Pair(clock, SzztPinPad(clock, settings), sim)


@pytest.fixture
def pair() -> Pair:
    """A pad just connected, with no working key."""
    pair = make_pair()
    pair.connect()
    assert len(pair.heard(DeviceReady)) == 1
    return pair


@pytest.fixture
def keyed(pair: Pair) -> Pair:
    """A pad with a PIN, a MAC and a data key."""
    for name, clear in (("TPK", TPK), ("TAK", TAK), ("TDK", TDK)):
        assert pair.load(name, clear).outcome.value == "done"
    pair.reports.clear()
    return pair
