"""Somebody else's program at a simulated dispenser: it says things twice, loses answers and damages frames.

Whatever it does before it has acknowledged the answer to its order, the notes of that order move once.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base.clock import SimClock
from drivers.dispenser.framing import LCDM2000, LCDM4000, Frame, ResponseReader
from drivers.sim.dispenser import SimLcdm2000, SimLcdm4000

ACK, NCK = b"\x06", b"\x15"
ORDERS = {
    "1000": LCDM2000.command(0x45, b"03"),
    "2000 upper": LCDM2000.command(0x45, b"03"),
    "2000 lower": LCDM2000.command(0x55, b"03"),
    "2000 both": LCDM2000.command(0x56, b"0102"),
    "4000 numbered": LCDM4000.command(0x52, b"\x22\x21\x20\x20\x20\x20\x2a"),
    "4000 without number": LCDM4000.command(0x52, b"\x22\x21" + b"\x20" * 13),
}
FORMS = list(ORDERS)


class Stranger:
    """A client that knows frames and no manners."""

    def __init__(self, form: str) -> None:
        self.clock = SimClock()
        self.order = ORDERS[form]
        self.sim: SimLcdm2000 | SimLcdm4000
        if form.startswith("4000"):
            self.sim, self.reader = SimLcdm4000(self.clock), ResponseReader(LCDM4000)
        else:
            model: Any = form[:4]
            self.sim, self.reader = SimLcdm2000(self.clock, model=model), ResponseReader(LCDM2000)
        self.heard: list[Frame] = []

    def say(self, data: bytes) -> None:
        self._hear(self.sim.receive(data))

    def wait(self, for_ms: int) -> None:
        until_ms = self.clock.now_ms() + for_ms
        while (due := self.sim.next_deadline_ms()) is not None and due <= until_ms:
            self.clock.move_to(max(due, self.clock.now_ms()))
            self._hear(self.sim.tick())
        self.clock.move_to(until_ms)

    def _hear(self, replies: list[tuple[int, bytes]]) -> None:
        for _, data in replies:
            self.heard += [item for item in self.reader.feed(data) if isinstance(item, Frame)]

    def out(self) -> int:
        state: Any = self.sim.state()
        return sum(state["tray"].values()) + sum(state["taken"].values())


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 1_500), max_size=8))
def test_an_order_said_again_before_it_is_acknowledged_moves_once(form: str, gaps: list[int]) -> None:
    stranger = Stranger(form)
    stranger.say(stranger.order)
    for gap in gaps:
        stranger.wait(gap)
        if stranger.sim.next_deadline_ms() is None:
            break  # it has said its answer four times and has given the client up: what comes now is new
        stranger.say(stranger.order)
    stranger.wait(20_000)
    assert stranger.out() == 3


@pytest.mark.parametrize("form", FORMS)
def test_lost_answers_are_given_again_and_are_the_same(form: str) -> None:
    stranger = Stranger(form)
    stranger.say(stranger.order)
    stranger.wait(1_700)
    for say in (NCK, stranger.order, NCK):
        stranger.say(say)
        stranger.wait(100)
    assert len(stranger.heard) >= 3
    assert len({(frame.cmd, frame.data) for frame in stranger.heard}) == 1
    assert stranger.out() == 3


@pytest.mark.parametrize("form", FORMS)
def test_a_frame_with_any_byte_damaged_moves_nothing(form: str) -> None:
    for at in range(len(ORDERS[form])):
        for mask in (0x01, 0x10, 0x80, 0xFF):
            stranger = Stranger(form)
            damaged = bytearray(stranger.order)
            damaged[at] ^= mask
            stranger.say(bytes(damaged))
            stranger.wait(10_000)
            assert stranger.out() == 0, f"byte {at} with {mask:02X}"
            stranger.say(stranger.order)
            stranger.wait(10_000)
            assert stranger.out() == 3, f"after a frame with byte {at} damaged"


@pytest.mark.parametrize("form", FORMS)
def test_half_a_frame_moves_nothing_and_does_not_spoil_the_next(form: str) -> None:
    for size in range(1, len(ORDERS[form])):
        stranger = Stranger(form)
        stranger.say(stranger.order[:size])
        stranger.wait(1_000)
        assert stranger.out() == 0
        stranger.say(stranger.order)
        stranger.wait(10_000)
        assert stranger.out() == 3


def test_a_numbered_order_said_again_after_the_acknowledgement_moves_nothing() -> None:
    stranger = Stranger("4000 numbered")
    for _ in range(3):
        stranger.say(stranger.order)
        stranger.wait(5_000)
        stranger.say(ACK)
        stranger.wait(100)
    assert stranger.out() == 3
    assert len({frame.data for frame in stranger.heard}) == 1


@pytest.mark.parametrize("form", ["1000", "2000 both", "4000 without number"])
def test_without_a_number_an_acknowledged_order_said_again_is_a_new_one(form: str) -> None:
    stranger = Stranger(form)
    for _ in range(2):
        stranger.say(stranger.order)
        stranger.wait(5_000)
        stranger.say(ACK)
        stranger.wait(100)
    assert stranger.out() == 6, "the device cannot know better, and the README says so"
