"""The line discipline by itself: what goes out, when, and what is believed."""

from __future__ import annotations

from drivers.base.clock import SimClock
from drivers.dispenser import commands as c
from drivers.dispenser.framing import LCDM2000, LCDM4000
from drivers.dispenser.link import End, Ended, Link, LinkTiming

ACK, NCK, EOT = b"\x06", b"\x15", b"\x04"
TIMING = LinkTiming()


class World:
    def __init__(self, *, closes_with_eot: bool = True) -> None:
        self.clock = SimClock()
        self.framing = LCDM4000 if closes_with_eot else LCDM2000
        self.link = Link(self.clock, self.framing, TIMING, closes_with_eot=closes_with_eot)

    def pass_deadline(self) -> Ended | None:
        due_ms = self.link.next_deadline_ms()
        assert due_ms is not None
        self.clock.move_to(due_ms)
        return self.link.tick()


def test_damaged_response_is_asked_for_again_three_times():
    world = World()
    world.link.start(c.PURGE_4000)
    assert world.link.data_to_send() == world.framing.command(0x51)
    good = world.framing.response(0x51, b"\x20\x30" + b"\x20\x20\x31" * 4)
    bad = good[:-1] + bytes((good[-1] ^ 1,))
    assert world.link.receive(ACK) is None
    for _ in range(3):
        assert world.link.receive(bad) is None
        assert world.link.data_to_send() == NCK
    ended = world.link.receive(bad)
    assert ended is not None
    assert ended.end is End.SILENT
    assert world.link.data_to_send() == b""


def test_response_that_stops_midway_is_asked_for_again():
    world = World()
    world.link.start(c.PURGE_4000)
    world.link.data_to_send()
    good = world.framing.response(0x51, b"\x20\x30" + b"\x20\x20\x31" * 4)
    assert world.link.receive(ACK + good[:9]) is None
    assert world.link.next_deadline_ms() == TIMING.gap_ms
    assert world.pass_deadline() is None
    assert world.link.data_to_send() == NCK
    assert world.link.receive(good) == Ended(End.ANSWERED, good[4:-2])
    assert world.link.data_to_send() == ACK


def test_response_before_its_ack_is_believed_only_if_it_cannot_be_the_one_before():
    for closes_with_eot, eot, believed in ((True, EOT, True), (True, b"", False), (False, b"", False)):
        world = World(closes_with_eot=closes_with_eot)
        order = c.PURGE_4000 if closes_with_eot else c.PURGE
        body = b"\x20" * world.framing.responses[order.code]
        response = world.framing.response(order.code, body)
        world.link.start(order)
        world.link.data_to_send()
        assert world.link.receive(ACK + response) == Ended(End.ANSWERED, body)
        assert world.link.data_to_send() == ACK
        world.link.start(order)
        assert world.link.data_to_send() == b""  # the first exchange has to close
        if eot:
            world.link.receive(eot)
        else:
            assert world.pass_deadline() is None
        assert world.link.data_to_send() == world.framing.command(order.code)
        ended = world.link.receive(response)
        assert (ended is not None) == believed
        assert world.link.data_to_send() == ACK
        assert world.link.late == (0 if believed else 1)


def test_order_is_said_again_on_nck_only():
    world = World()
    world.link.start(c.DISPENSE_4000, b"\x21" + b"\x20" * 6)
    frame = world.link.data_to_send()
    world.link.receive(NCK + NCK)
    assert world.link.data_to_send() == b""
    assert world.pass_deadline() is None
    assert world.link.data_to_send() == frame
    assert world.pass_deadline() is None  # no ACK
    assert world.link.data_to_send() == b""
    world.link.receive(NCK)  # too late to be believed
    assert world.link.data_to_send() == b""
    assert world.link.next_deadline_ms() == TIMING.again_after_ms + c.RESPONSE_WITHIN_MS
    ended = world.pass_deadline()
    assert ended is not None
    assert (ended.end, ended.why) == (End.SILENT, "dispense: no ACK and no response")


def test_ack_behind_a_nck_wins():
    world = World()
    world.link.start(c.DISPENSE_4000, b"\x21" + b"\x20" * 6)
    world.link.data_to_send()
    for _ in range(TIMING.tries - 1):
        world.link.receive(NCK)
        assert world.pass_deadline() is None
        assert world.link.data_to_send()
    world.link.receive(NCK)  # the echo of an earlier one
    world.link.receive(ACK)
    body = b"\x20" * 23
    assert world.link.receive(world.framing.response(0x52, body)) == Ended(End.ANSWERED, body)


def test_more_ncks_than_frames_refuse_nothing():
    for echo, end in ((b"", End.REFUSED), (NCK, End.SILENT)):
        world = World()
        world.link.start(c.DISPENSE_4000, b"\x21" + b"\x20" * 6)
        ended = None
        while ended is None:
            if world.link.data_to_send():
                world.link.receive(NCK)
                world.link.receive(echo)
            ended = world.pass_deadline()
        assert ended.end is end


def test_question_is_asked_three_times():
    world = World()
    world.link.start(c.STATUS_4000)
    asked, ended = 0, None
    while ended is None:
        asked += bool(world.link.data_to_send())
        ended = world.pass_deadline()
    assert (asked, ended.end) == (3, End.SILENT)


def test_stop_forgets_everything():
    world = World()
    world.link.start(c.STATUS_4000)
    world.link.data_to_send()
    world.link.receive(ACK + b"\x01\x30")
    world.link.stop()
    assert world.link.next_deadline_ms() is None
    assert world.link.data_to_send() == b""
