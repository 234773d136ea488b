"""The wire: delays, every fault with its conditions, hands, power, plug; determinism."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.clock import SimClock
from drivers.base.errors import LineError
from drivers.sim.device import Replies
from drivers.sim.wire import DIRECTIONS, EFFECTS, Wire, WireFault


class Echo:
    """A device that says back what it heard 10 ms later, and `!` one second after power-up."""

    acts = {}
    faults = {}

    def __init__(self, clock: SimClock) -> None:
        self.clock, self.heard, self.due_ms, self.on = clock, [], 1_000, True

    def receive(self, data: bytes) -> Replies:
        self.heard.append(data)
        return [(10, data)] if self.on else []

    def tick(self) -> Replies:
        if self.due_ms is None or self.clock.now_ms() < self.due_ms:
            return []
        self.due_ms = None
        return [(0, b"!")]

    def next_deadline_ms(self) -> int | None:
        return self.due_ms

    def act(self, name: str, **arguments: object) -> Replies:
        return [(5, name.encode())]

    def strike(self, name: str, **arguments: object) -> None:
        raise ValueError(name)

    def heal(self) -> None: ...

    def power(self, on: bool) -> Replies:
        self.on = on
        return []

    def state(self) -> dict[str, object]:
        return {}


class World:
    def __init__(self) -> None:
        self.clock = SimClock()
        self.device = Echo(self.clock)
        self.seen: list[tuple[int, str, bytes]] = []
        self.wire = Wire(self.clock, self.device, lambda *entry: self.seen.append(entry))

    def read_until(self, end_ms: int) -> list[tuple[int, bytes]]:
        found = []
        while (due := self.wire.next_deadline_ms()) is not None and due <= end_ms:
            self.clock.move_to(max(due, self.clock.now_ms()))
            data = self.wire.read_available()
            if data:
                found.append((self.clock.now_ms(), data))
        self.clock.move_to(end_ms)
        return found


def test_replies_come_when_they_are_due_and_not_before():
    world = World()
    world.wire.write(b"ab")
    assert world.wire.read_available() == b""
    assert world.wire.next_deadline_ms() == 10
    assert world.read_until(2_000) == [(10, b"ab"), (1_000, b"!")]
    assert world.wire.next_deadline_ms() is None
    assert world.seen == [(0, "to_device", b"ab"), (10, "from_device", b"ab"), (1_000, "from_device", b"!")]
    world.wire.act("hello")
    assert world.read_until(3_000) == [(2_005, b"hello")]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ("drop", []),
        ("corrupt", [(10, b"aBc")]),
        ("split", [(10, b"a"), (60, b"bc")]),
        ("repeat", [(10, b"abc"), (60, b"abc")]),
        ("delay", [(60, b"abc")]),
        ("cut", [(10, b"a")]),
    ],
)
def test_every_effect_in_both_directions(direction, effect, expected):
    world = World()
    world.wire.strike(WireFault(effect=effect, direction=direction, at=1, mask=0x20, by_ms=50))
    world.wire.write(b"abc")
    assert world.read_until(500) == expected
    assert [fault.effect for _, fault in world.wire.struck] == [effect]
    world.wire.write(b"xy")
    assert world.read_until(900) == ([] if effect == "cut" else [(510, b"xy")])
    world.wire.restore()
    world.wire.write(b"z")
    assert world.read_until(990) == [(910, b"z")]


def test_nth_match_and_times_choose_the_chunk():
    world = World()
    world.wire.strike(WireFault(effect="drop", direction="to_device", nth=2))
    world.wire.strike(WireFault(effect="drop", direction="to_device", match="58 59", nth=2))
    world.wire.strike(WireFault(effect="drop", direction="from_device", match="7A", times=0))
    for chunk in (b"1", b"2", b"XY1", b"XY2", b"3", b"z", b"zz"):
        world.wire.write(chunk)
    assert world.device.heard == [b"1", b"XY1", b"3", b"z", b"zz"]
    assert world.read_until(100) == [(10, b"1XY13")]
    world.wire.restore()
    world.wire.write(b"z")
    assert world.read_until(200) == [(110, b"z")]


def test_a_delayed_chunk_delays_what_follows_but_changes_no_order():
    world = World()
    world.wire.strike(WireFault(effect="delay", direction="to_device", by_ms=300))
    world.wire.write(b"1")
    world.wire.write(b"2")
    assert world.device.heard == []
    assert world.read_until(900) == [(310, b"12")]
    assert world.device.heard == [b"1", b"2"]


def test_unplugged_raises_and_loses_what_was_under_way():
    world = World()
    world.wire.write(b"ab")
    world.wire.unplug()
    for use in (world.wire.read_available, lambda: world.wire.write(b"x")):
        with pytest.raises(LineError, match="Plug it in"):
            use()
    world.clock.move_to(1_500)
    world.wire.tick()  # the device goes on by itself
    assert world.device.due_ms is None
    world.wire.plug()
    assert world.wire.read_available() == b""
    world.wire.write(b"ok")
    assert world.read_until(2_000) == [(1_510, b"ok")]


def test_power_cut_loses_what_was_not_yet_sent():
    world = World()
    world.wire.write(b"ab")
    world.clock.move_to(5)
    world.wire.power(False)
    assert world.read_until(50) == []
    world.wire.power(True)
    world.wire.write(b"cd")
    assert world.read_until(100) == [(60, b"cd")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"effect": "melt"},
        {"direction": "sideways"},
        {"nth": 0},
        {"mask": 0},
        {"match": "0"},
        {"by_ms": -1},
        {"colour": "red"},
    ],
)
def test_meaningless_faults_are_refused(wrong):
    with pytest.raises(ValueError):
        WireFault.from_mapping({"effect": "drop", "direction": "to_device", **wrong})


@given(
    st.lists(
        st.builds(
            WireFault,
            effect=st.sampled_from(EFFECTS),
            direction=st.sampled_from(DIRECTIONS),
            nth=st.integers(1, 4),
            at=st.integers(-3, 3),
            by_ms=st.integers(0, 40),
        ),
        max_size=5,
    )
)
def test_same_faults_same_transcript(faults):
    worlds = [World(), World()]
    for world in worlds:
        for fault in faults:
            world.wire.strike(fault)
        for chunk in (b"abc", b"de", b"f", b"ghij"):
            world.wire.write(chunk)
            world.read_until(world.clock.now_ms() + 20)
        world.read_until(1_500)
    assert worlds[0].seen == worlds[1].seen


def test_a_delayed_reply_holds_back_the_replies_behind_it():
    world = World()
    world.wire.strike(WireFault(effect="delay", direction="from_device", by_ms=300))
    world.wire.write(b"1")
    world.wire.write(b"2")
    assert world.read_until(900) == [(310, b"12")]
