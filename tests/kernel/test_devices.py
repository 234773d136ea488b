"""The device desk: one command at a time, honest answers when nobody is there, patience with lines that do not open."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from drivers.base import vocabulary
from drivers.base.acceptor import GetCashInStatus, LastPayOut
from drivers.base.clock import SimClock
from drivers.base.driver import Report
from drivers.base.errors import LineError, LocalProtocolError
from drivers.base.secrets import Pan
from drivers.base.vocabulary import (
    Command,
    DeviceLost,
    DeviceReady,
    Dispense,
    DispenserCapabilities,
    EnterPin,
    EnterPinResult,
    Health,
    Identity,
    LastDispense,
    Outcome,
    Reset,
    ResetResult,
    Result,
    StopKeys,
    StopKeysResult,
)
from kiosk.devices import RECONNECT_MS, WAITING_MAX, DeviceDesk, result_types
from kiosk.standing import Standing


class ToyLine:
    """Bytes both ways, that can be pulled out."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.coming = b""
        self.pulled = False
        self.closed = False

    def write(self, data: bytes) -> None:
        if self.pulled:
            raise LineError("pulled")
        self.sent.append(data)

    def read_available(self) -> bytes:
        if self.pulled:
            raise LineError("pulled")
        data, self.coming = self.coming, b""
        return data

    def close(self) -> None:
        self.closed = True


class ToyDriver:
    """A device that says its serial number when connected, and ``done`` when it is done; a reset takes no time at all
    on the wire. It is silent at most a second."""

    discarded = 0
    health = Health.OK
    capabilities: DispenserCapabilities

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self.identity: Identity | None = None
        self._command: Command | None = None
        self._out = b""
        self._until_ms: int | None = None
        self.ticks = 0

    @property
    def busy(self) -> bool:
        return self._command is not None

    def connect(self) -> None:
        self._out = b"who"

    def disconnect(self, reason: str) -> list[Report]:
        self.identity = None
        return [*self._end(Outcome.UNKNOWN), DeviceLost(reason=reason)]

    def submit(self, command: Command) -> None:
        if isinstance(command, Dispense):
            raise LocalProtocolError("dispense: a toy does not do this")
        if self.identity is None:
            raise LocalProtocolError("not ready")
        assert self._command is None or command.interrupts
        if self._command is not None:
            self._reports = self._end(Outcome.REFUSED)
        else:
            self._reports = []
        self._command = command
        self._out = command.ticket.encode()
        self._until_ms = self._clock.now_ms() + 1_000

    def _end(self, outcome: Outcome) -> list[Report]:
        command, self._command, self._until_ms = self._command, None, None
        if command is None:
            return []
        return [result_types()[command.verb](ticket=command.ticket, outcome=outcome)]

    _reports: list[Report] = []

    def receive(self, data: bytes) -> list[Report]:
        if data == b"done":
            return [*self._taken(), *self._end(Outcome.DONE)]
        self.identity = Identity(model="toy", serial=data.decode())
        return [DeviceReady(identity=self.identity)]

    def _taken(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports

    def tick(self) -> list[Report]:
        self.ticks += 1
        if self._until_ms is not None and self._clock.now_ms() >= self._until_ms:
            return self.disconnect("silent")
        return self._taken()

    def data_to_send(self) -> bytes:
        out, self._out = self._out, b""
        return out

    def next_deadline_ms(self) -> int | None:
        return self._until_ms


class Place:
    """A desk with one toy at it."""

    def __init__(self) -> None:
        self.clock = SimClock()
        self.driver = ToyDriver(self.clock)
        self.desk = DeviceDesk(self.clock)
        self.lines: list[ToyLine] = []
        self.opens = True
        self.tried: list[int] = []
        self.desk.attach("toy", self.driver, self._open)

    def _open(self) -> ToyLine:
        self.tried.append(self.clock.now_ms())
        if not self.opens:
            raise LineError("no such port")
        self.lines.append(ToyLine())
        return self.lines[-1]

    def say(self, data: bytes = b"") -> list[Report]:
        if data:
            self.lines[-1].coming = data
        return [report for _, report in self.desk.pump()]

    def ready(self) -> Place:
        assert self.say() == []
        assert self.lines[-1].sent == [b"who"]
        assert self.say(b"A1") == [DeviceReady(identity=Identity(model="toy", serial="A1"))]
        return self


def results(reports: Iterable[Report]) -> list[tuple[str, str]]:
    return [(r.ticket, r.outcome.value) for r in reports if isinstance(r, Result)]


def test_a_command_for_nobody_is_refused_because_nothing_moved() -> None:
    place = Place()
    place.desk.submit("toy", Reset(ticket="1"))
    place.desk.submit("toy", Dispense(ticket="2", picks={"unit1": 1}))
    assert place.desk.something_waits
    said = place.say()
    assert results(said) == [("1", "refused"), ("2", "refused")]
    assert {r.error for r in said if isinstance(r, Result)} == {"deviceNotReady"}
    assert not place.desk.something_waits


PAST: dict[type[Command], Callable[[str], Command]] = {
    LastDispense: lambda ticket: LastDispense(ticket=ticket, picks={"unit1": 5}),
    GetCashInStatus: lambda ticket: GetCashInStatus(ticket=ticket, counters={"stacked": 5}),
    LastPayOut: lambda ticket: LastPayOut(ticket=ticket, picks={10_000: 1}, stored={10_000: 8}),
}


def test_no_question_about_the_past_is_left_out() -> None:
    assert {kind.verb for kind in Command.__subclasses__() if kind.asks_past} == {kind.verb for kind in PAST}


@pytest.mark.parametrize("ask", PAST.values(), ids=[kind.__name__ for kind in PAST])
def test_a_question_about_the_past_is_not_answered_with_no(ask: Callable[[str], Command]) -> None:
    place = Place()
    place.desk.submit("toy", ask("1"))
    assert results(place.say()) == [("1", "unknown")]
    place.ready()
    place.lines[-1].pulled = True
    place.desk.submit("toy", Reset(ticket="2"))
    place.desk.submit("toy", ask("3"))
    assert results(place.say()) == [("2", "unknown"), ("3", "unknown")], "2 was on its way, 3 waited"


def test_commands_wait_for_one_another() -> None:
    place = Place().ready()
    for ticket in "123":
        place.desk.submit("toy", Reset(ticket=ticket))
    assert place.say() == []
    assert place.lines[-1].sent[1:] == [b"1"]
    assert results(place.say(b"done")) == [("1", "done")]
    assert place.lines[-1].sent[1:] == [b"1", b"2"]
    assert results(place.say(b"done")) == [("2", "done")]
    assert results(place.say(b"done")) == [("3", "done")]
    assert place.lines[-1].sent[1:] == [b"1", b"2", b"3"]


def test_a_queue_has_a_bound() -> None:
    place = Place().ready()
    for number in range(WAITING_MAX + 2):
        place.desk.submit("toy", Reset(ticket=str(number)))
    assert results(place.say()) == [(str(WAITING_MAX + 1), "refused")]


def test_what_interrupts_goes_first_and_the_other_is_answered_first() -> None:
    place = Place().ready()
    place.desk.submit("toy", EnterPin(ticket="pin", pan=Pan("6225880000000012"), key="TPK"))
    place.desk.submit("toy", Reset(ticket="after"))
    place.desk.submit("toy", StopKeys(ticket="stop"))
    assert results(place.say()) == [("pin", "refused")]
    assert place.lines[-1].sent[-1] == b"stop"
    assert results(place.say(b"done")) == [("stop", "done")]
    assert results(place.say(b"done")) == [("after", "done")]


def test_a_command_the_driver_does_not_know_is_refused_and_others_go_on() -> None:
    place = Place().ready()
    place.desk.submit("toy", Dispense(ticket="1", picks={"unit1": 1}))
    place.desk.submit("toy", Reset(ticket="2"))
    (refused,) = place.say()
    assert isinstance(refused, Result)
    assert (refused.outcome, refused.error) == (Outcome.REFUSED, "unsupportedCommand")
    assert "a toy does not do this" in refused.detail
    assert results(place.say(b"done")) == [("2", "done")]


def test_silence_is_unknown_and_what_waited_is_refused() -> None:
    place = Place().ready()
    for ticket in "12":
        place.desk.submit("toy", Reset(ticket=ticket))
    place.say()
    assert place.desk.next_deadline_ms() == 1_000
    place.clock.move_to(1_000)
    said = place.say()
    assert results(said) == [("1", "unknown"), ("2", "refused")]
    assert isinstance(said[1], DeviceLost)
    assert isinstance(said[2], Result)
    assert said[2].error == "deviceNotReady"
    assert place.lines[-1].closed
    place.desk.submit("toy", Reset(ticket="3"))
    assert results(place.say()) == [("3", "refused")]


def test_a_line_that_breaks() -> None:
    place = Place().ready()
    place.lines[-1].pulled = True
    assert place.say() == [DeviceLost(reason="pulled")]
    assert place.desk.next_deadline_ms() == RECONNECT_MS[0]
    assert place.say() == [], "told once"


def test_a_line_that_does_not_open_is_tried_ever_less_often_and_told_once() -> None:
    place = Place()
    place.opens = False
    assert place.say() == [DeviceLost(reason="no such port")]
    waits = []
    for _ in range(6):
        due = place.desk.next_deadline_ms()
        assert due is not None
        waits.append(due - place.clock.now_ms())
        place.clock.move_to(due - 1)
        assert place.say() == []
        tries = len(place.tried)
        place.clock.move_to(due)
        assert place.say() == []
        assert len(place.tried) == tries + 1
    assert waits == [*RECONNECT_MS, RECONNECT_MS[-1], RECONNECT_MS[-1]]
    place.opens = True
    due = place.desk.next_deadline_ms()
    assert due is not None
    place.clock.move_to(due)
    place.ready()
    place.lines[-1].pulled = True
    place.say()
    assert place.desk.next_deadline_ms() == place.clock.now_ms() + RECONNECT_MS[0], "patience is new"


def test_another_unit_at_the_same_place_is_a_stranger() -> None:
    place = Place()
    standing = Standing(("toy",), place.desk.capabilities, lambda: 0)

    def hear(data: bytes = b"") -> None:
        for report in place.say(data):
            standing.note("toy", report)

    def replug() -> None:
        place.lines[-1].pulled = True
        hear()
        due = place.desk.next_deadline_ms()
        assert due is not None
        place.clock.move_to(due)
        hear()

    hear()
    hear(b"A1")
    assert standing.usable("toy")
    replug()
    assert not standing.usable("toy"), "not before it has said who it is"
    hear(b"B2")
    assert not standing.usable("toy")
    replug()
    hear(b"A1")
    assert standing.usable("toy")


def test_a_driver_is_left_alone_until_it_has_something_to_do() -> None:
    place = Place().ready()
    ticks = place.driver.ticks
    for _ in range(10):
        place.clock.advance(5)
        assert place.say() == []
        assert not place.desk.moved
    assert place.driver.ticks == ticks
    place.desk.submit("toy", Reset(ticket="1"))
    place.say()
    assert place.desk.moved
    assert place.driver.ticks == ticks + 1


def test_every_verb_has_a_result() -> None:
    types = result_types()
    assert types["reset"] is ResetResult
    assert types["enter_pin"] is EnterPinResult
    assert types["stop_keys"] is StopKeysResult
    spoken = {c.verb for c in Command.__subclasses__() if c.__module__ == vocabulary.__name__}
    assert spoken <= set(types)


def test_names_and_closing() -> None:
    place = Place().ready()
    assert place.desk.names == ("toy",)
    assert place.desk.driver("toy") is place.driver
    place.desk.close()
    assert place.lines[-1].closed
    with pytest.raises(KeyError):
        place.desk.submit("coffee", Reset(ticket="1"))
