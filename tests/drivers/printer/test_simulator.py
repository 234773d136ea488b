"""The simulated printer by itself: what it does with a stream, whoever sent it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.clock import SimClock
from drivers.sim.escpos_stream import RealTimeScanner, Tokenizer
from drivers.sim.printer import EPSON, PLAIN, RELIANCE, Build, SimEscPosPrinter
from drivers.sim.wire import Wire


class Host:
    def __init__(self, build: Build = RELIANCE) -> None:
        self.clock = SimClock()
        self.sim = SimEscPosPrinter(self.clock, build)

    def say(self, data: bytes, wait_ms: int = 0) -> bytes:
        """Send, let `wait_ms` pass, return what came back."""
        replies = self.sim.receive(data)
        end_ms = self.clock.now_ms() + wait_ms
        while (due := self.sim.next_deadline_ms()) is not None and due <= end_ms:
            self.clock.move_to(due)
            replies += self.sim.tick()
        self.clock.move_to(end_ms)
        return b"".join(chunk for _, chunk in replies + self.sim.tick())

    def documents(self) -> list[Mapping[str, Any]]:
        documents = self.sim.state()["documents"]
        assert isinstance(documents, list)
        return documents


def test_real_time_is_answered_before_what_came_earlier() -> None:
    host = Host()
    assert host.say(b"line\n" * 10 + b"\x1d\x72\x01" + b"\x10\x04\x14") == bytes.fromhex("10 0F 00 08 00 00")
    assert host.say(b"", wait_ms=10 * 50) == b"\x00"


def test_buffered_replies_come_in_order_and_in_time() -> None:
    host = Host()
    assert host.say(b"a\n" * 20 + b"\x1d\x72\x01", wait_ms=900) == b""
    assert host.say(b"", wait_ms=100) == b"\x00"


def test_the_epson_keeps_its_fixed_bits() -> None:
    host = Host(EPSON)
    assert [host.say(bytes((0x10, 4, n))) for n in (1, 2, 3, 4)] == [b"\x12"] * 4
    host.sim.strike("paper_out")
    assert [host.say(bytes((0x10, 4, n))).hex() for n in (1, 2, 3, 4)] == ["1a", "32", "12", "7e"]
    assert host.say(b"\x10\x04\x14") == b"", "it does not know the full status"


def test_status_inside_a_picture_is_answered_by_a_real_unit_only() -> None:
    picture = b"\x1d\x76\x30\x00\x03\x00\x01\x00\x10\x04\x01"
    assert Host().say(picture) == b"\x00"
    aware = Host(Build(realtime_anywhere=False))
    assert aware.say(picture) == b""
    assert aware.say(b"\x10\x04\x01") == b"\x00"


def test_real_time_split_over_chunks_is_found() -> None:
    host = Host()
    assert host.say(b"\x10") + host.say(b"\x04") == b""
    assert host.say(b"\x14") == bytes.fromhex("10 0F 00 00 00 00")


def test_automatic_status_tells_each_change_once() -> None:
    host = Host(EPSON)
    assert host.say(b"\x1d\x61\x0f") == bytes.fromhex("10 00 00 00")
    replies = host.sim.act("open_cover")
    assert b"".join(chunk for _, chunk in replies) == bytes.fromhex("38 00 00 00")
    assert host.say(b"", wait_ms=1_000) == b""


def test_an_open_cover_stops_and_closing_goes_on() -> None:
    host = Host()
    host.sim.act("open_cover")
    host.say(b"x\n\x1b\x69\x1d\x65\x03\x0c", wait_ms=5_000)
    assert host.documents() == []
    host.sim.act("close_cover")
    host.say(b"", wait_ms=2_000)
    assert [document["where"] for document in host.documents()] == ["outlet"]


def test_recover_and_clear_throws_the_rest_away() -> None:
    host = Host()
    host.sim.strike("paper_out_after_lines", lines=2)
    host.say(b"one\ntwo\nthree\nfour\n", wait_ms=2_000)
    host.say(b"\x10\x05\x02")
    host.sim.act("refill_paper")
    host.say(b"", wait_ms=2_000)
    assert host.documents()[0]["lines"] == ["one", "two"]


def test_recover_goes_on_with_the_rest() -> None:
    host = Host()
    host.sim.strike("cutter")
    host.say(b"one\n\x1b\x69two\n", wait_ms=2_000)
    assert host.documents()[0]["lines"] == ["one"]
    host.say(b"\x10\x05\x01", wait_ms=2_000)
    assert host.documents()[0]["lines"] == ["one", "two"]


def test_long_lines_run_over() -> None:
    host = Host()
    host.say(b"x" * 50 + b"\n", wait_ms=500)
    assert host.documents()[0]["lines"] == ["x" * 48, "xx"]


def test_styles_are_kept_as_segments() -> None:
    host = Host()
    host.say(b"plain \x1b\x45\x01bold\x1b\x45\x00\n", wait_ms=500)
    (element,) = host.documents()[0]["elements"]
    assert [(s["text"], s["bold"]) for s in element["segments"]] == [("plain ", False), ("bold", True)]


def test_bar_codes_of_both_forms() -> None:
    host = Host()
    host.say(b"\x1d\x68\x50\x1d\x6b\x04ABC\x00\x1d\x6b\x49\x05{B123", wait_ms=2_000)
    found = [(e["symbology"], e["content"], e["height"]) for e in host.documents()[0]["elements"]]
    assert found == [("CODE39", "ABC", 80), ("CODE128", "{B123", 80)]


def test_a_raster_picture_is_kept_with_its_bits() -> None:
    host = Host()
    host.say(b"\x1d\x76\x30\x00\x02\x00\x03\x00" + bytes(range(0x41, 0x47)), wait_ms=2_000)
    (element,) = host.documents()[0]["elements"]
    assert (element["width"], element["height"], element["bits"]) == (16, 3, "414243444546")


def test_code_pages_are_used_outside_chinese_mode() -> None:
    host = Host()
    host.say(b"\x1c\x2e\x1b\x74\x13\xd5\n", wait_ms=500)
    assert host.documents()[0]["lines"] == ["€"]


def test_the_roll_gets_shorter_and_ends() -> None:
    host = Host(Build(roll_mm=40, near_end_mm=20))
    host.say(b"x\n" * 30, wait_ms=5_000)
    assert (host.sim.state()["paper"], len(host.documents()[0]["lines"])) == ("out", 11)


def test_the_power_forgets_the_queue_but_not_the_paper() -> None:
    host = Host()
    host.say(b"one\n" + b"x\n" * 100, wait_ms=50)
    host.sim.power(False)
    assert host.say(b"\x10\x04\x01") == b""
    host.sim.power(True)
    host.say(b"", wait_ms=60_000)
    assert host.documents()[0]["lines"] == ["one"]


def test_hands_can_only_do_what_is_possible() -> None:
    with pytest.raises(ValueError, match="no paper at the outlet"):
        Host().sim.act("take_document")
    with pytest.raises(ValueError, match="one can"):
        Host().sim.act("kick")


def test_documents_are_kept_within_a_limit() -> None:
    host = Host()
    for _ in range(30):
        host.say(b"x\n\x1b\x69", wait_ms=500)
    assert len(host.documents()) == 20


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_no_stream_breaks_the_printer_however_it_is_cut(stream: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    whole, pieces = Tokenizer(), Tokenizer()
    one, other = RealTimeScanner(), RealTimeScanner()
    host = Host()
    found, urgent = [], []
    for a, b in pairwise(edges):
        found += pieces.feed(stream[a:b])
        urgent += other.feed(stream[a:b])
        host.say(stream[a:b], wait_ms=100)
    host.sim.state()
    host.sim.render_text()
    assert urgent == one.feed(stream)
    expected = whole.feed(stream)
    joined = [b"".join(op.data for op in ops if op.name == "text") for ops in (found, expected)]
    assert joined[0] == joined[1]
    assert [op for op in found if op.name != "text"] == [op for op in expected if op.name != "text"]


def test_every_deadline_is_one_and_the_queue_ends_by_itself() -> None:
    """Whoever moves the clock from deadline to deadline finds work done at each, and comes to an end soon."""
    clock = SimClock()
    wire = Wire(clock, SimEscPosPrinter(clock, RELIANCE))
    wire.write(b"\x1d\x21\x11" + b"large\n" * 5 + b"\x1d\x21\x00" + b"line\n" * 20 + b"\x1d\x72\x01")
    came = b""
    for _ in range(60):
        due = wire.next_deadline_ms()
        if due is None:
            break
        assert due > clock.now_ms(), "what was due was done"
        clock.move_to(due)
        came += wire.read_available()
    assert came == b"\x00"
    assert wire.next_deadline_ms() is None
    assert clock.now_ms() <= 5 * 100 + 20 * 50 + RELIANCE.reply_ms


def test_automatic_status_is_switched_on_item_by_item_and_off() -> None:
    host = Host(EPSON)
    assert host.say(b"\x1d\x61\x08", 20) == b"\x10\x00\x00\x00", "it tells at once what is"
    host.sim.act("open_cover")
    assert host.say(b"", 50) == b"", "the cover was not asked for"
    host.sim.strike("near_end")
    assert host.say(b"", 50) == b"\x38\x00\x03\x00", "four bytes, with all that is known"
    host.sim.act("close_cover")
    host.say(b"\x1d\x61\x4e", 50)
    host.sim.strike("button_stuck")
    assert host.say(b"", 50) == b"\x50\x02\x03\x00"
    host.say(b"\x1d\x61\x00", 50)
    host.sim.heal()
    assert host.say(b"", 50) == b"", "nobody asks any more"


def test_a_printer_that_does_not_know_automatic_status_says_nothing() -> None:
    host = Host(RELIANCE)
    assert host.say(b"\x1d\x61\x4e", 50) == b""
    host.sim.strike("near_end")
    assert host.say(b"", 50) == b""


def test_power_forgets_the_automatic_status() -> None:
    host = Host(EPSON)
    host.say(b"\x1d\x61\x4e", 50)
    host.sim.power(on=False)
    host.sim.power(on=True)
    host.sim.strike("near_end")
    assert host.say(b"", 50) == b""


def test_a_printer_without_fonts_prints_question_marks_and_no_codes() -> None:
    host = Host(PLAIN)
    host.say(b"\x1c\x26" + "取".encode("gb18030") + b"\n" + b"\x1d(k\x04\x001P0x\x1d(k\x03\x001Q0\n\x1dV\x00", 2_000)
    (document,) = host.documents()
    assert "取" not in document["lines"][0]
    assert [element["kind"] for element in document["elements"]] == ["text", "text"]


@pytest.mark.parametrize(
    ("fault", "arguments", "full", "epson"),
    [
        ("voltage", {}, "10 0f 00 00 08 00", {1: 0x1A, 2: 0x52, 3: 0x32}),
        ("unrecoverable", {"part": "flash"}, "10 0f 00 00 00 40", {1: 0x1A, 2: 0x52, 3: 0x32}),
        ("button_stuck", {}, "10 0f 00 20 00 00", {1: 0x52, 2: 0x1A, 3: 0x12}),
        ("line_error", {}, "10 0f 00 00 02 00", {1: 0x12, 2: 0x12, 3: 0x12}),
    ],
)
def test_each_bit_of_a_status_is_a_state(
    fault: str, arguments: dict[str, object], full: str, epson: dict[int, int]
) -> None:
    host = Host(RELIANCE)
    host.sim.strike(fault, **arguments)
    assert host.say(b"\x10\x04\x14", 50) == bytes.fromhex(full)
    host.sim.heal()
    assert host.say(b"\x10\x04\x14", 50) == bytes.fromhex("10 0f 00 00 00 00")
    host = Host(EPSON)
    host.sim.strike(fault, **arguments)
    assert {n: host.say(bytes((0x10, 0x04, n)), 50)[0] for n in epson} == epson


def test_a_knife_that_is_freed_waits_for_recovery() -> None:
    host = Host(EPSON)
    host.sim.strike("cutter")
    host.say(b"x\n\x1dV\x00", 2_000)
    assert host.say(b"\x10\x04\x01", 50)[0] & 0x28 == 0x28
    host.say(b"\x10\x05\x01", 50)
    assert host.say(b"\x10\x04\x01", 50) == b"\x12"
