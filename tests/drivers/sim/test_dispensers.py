"""The simulated dispensers by their bytes alone: no driver of ours is on the other side."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.clock import SimClock
from drivers.sim.device import SimDevice
from drivers.sim.dispenser import SimLcdm2000, SimLcdm4000
from drivers.sim.wire import Wire
from tests.drivers.dispenser.vectors import FRAMINGS, VECTORS, name_of

ACK, NCK, EOT = b"\x06", b"\x15", b"\x04"


class Host:
    """A host that says bytes and listens; it knows no protocol."""

    def __init__(self, profile: str, **options: Any) -> None:
        self.clock = SimClock()
        make = SimLcdm4000 if profile == "4000" else SimLcdm2000
        units = 4 if profile == "4000" else 2
        self.stock = {f"unit{n + 1}": 100 for n in range(units)}
        self.sim: Any = make(self.clock, self.stock, **options)
        self.wire = Wire(self.clock, self.sim)
        self.framing = FRAMINGS[profile]

    def say(self, data: bytes | str) -> None:
        self.wire.write(bytes.fromhex(data) if isinstance(data, str) else data)

    def hear(self, for_ms: int) -> bytes:
        end_ms, heard = self.clock.now_ms() + for_ms, b""
        while (due := self.wire.next_deadline_ms()) is not None and due <= end_ms:
            self.clock.move_to(max(due, self.clock.now_ms()))
            heard += self.wire.read_available()
        self.clock.move_to(end_ms)
        return heard + self.wire.read_available()

    def dispense(self, count: int, number: int | None) -> bytes:
        tail = b"\x20" * 11 if number is None else bytes((0x20, 0x20, 0x20 + number))
        return self.framing.command(0x52, bytes((0x20 + count, 0x20, 0x20, 0x20)) + tail)

    def out(self) -> int:
        return sum(self.sim.state()["tray"].values())

    def conserved(self) -> bool:
        state = self.sim.state()
        kept = sum(sum(state[p].values()) for p in ("units", "tray", "taken", "reject", "removed"))
        return kept + len(state["path"]) == sum(self.stock.values())


@pytest.mark.parametrize("vector", VECTORS["dialogues"], ids=name_of)
def test_answers_as_published(vector):
    host = Host(vector["profile"])
    host.say(vector["say"])
    expected = bytes.fromhex(vector["hear"])
    heard = b""
    for _ in range(20):
        heard += host.hear(250)
        if expected in heard:
            break
    assert heard == ACK + expected
    host.say(ACK)
    assert host.hear(100) == (EOT if vector["profile"] == "4000" else b"")
    assert host.conserved()


@pytest.mark.parametrize("vector", VECTORS["commands"], ids=name_of)
def test_every_command_is_answered_with_a_readable_frame(vector):
    host = Host(vector["profile"])
    host.say(vector["hex"])
    heard = host.hear(60_000)
    frame = host.framing.responses[int(vector["cmd"], 16)] + 6
    assert heard[:1] == ACK
    assert host.framing.parse_response(heard[1 : 1 + frame]).cmd == int(vector["cmd"], 16)


@pytest.mark.parametrize("profile", ["2000", "4000"])
def test_bad_check_character_is_refused_and_nothing_moves(profile):
    host = Host(profile)
    for vector in VECTORS["commands"]:
        if vector["profile"] == profile:
            wire = bytes.fromhex(vector["hex"])
            host.say(wire[:-1] + bytes((wire[-1] ^ 1,)))
            assert host.hear(60_000) == NCK, name_of(vector)
    assert host.out() == 0


@pytest.mark.parametrize("start", ["05 30 02 50 03 65", "04 50 02 50 03 65", "04 30 03 50 03 65", "50 03 65"])
def test_malformed_start_is_met_with_silence(start):
    host = Host("4000")
    host.say(start)
    heard = host.hear(5_000)
    assert ACK not in heard
    host.say("04 30 02 50 03 65")
    assert host.hear(500)[:1] == ACK


def test_frame_longer_than_200_ms_is_dropped():
    host = Host("4000")
    host.say("04 30 02 50")
    assert host.hear(201) == b""
    host.say("03 65")
    assert host.hear(60_000) == b""
    host.say("04 30 02 50 03 65")
    assert host.hear(500)[:1] == ACK


def test_unknown_command_and_bad_quantities():
    old = Host("2000")
    old.say(old.framing.command(0x99))
    assert old.hear(500) == ACK + old.framing.response(0x99, b"\x37")
    old.say(old.framing.command(0x45, b"61"))
    assert old.hear(500)[9:10] == b"\x3b"
    new = Host("4000")
    new.say(new.framing.command(0x52, b"\x20" * 7))
    assert new.hear(500)[5] == 0x20 + 0x31
    new.say(new.framing.command(0x52, bytes((0x20 + 60, 0x20 + 60)) + b"\x20" * 5))
    assert new.hear(500)[5] == 0x20 + 0x0C
    assert old.out() == new.out() == 0


@pytest.mark.parametrize("say", [b"", NCK])
def test_response_is_repeated_three_times_and_no_more(say):
    host = Host("4000")
    host.say("04 30 02 50 03 65")
    first = host.hear(500)[1:]
    repeats = 0
    for _ in range(6):
        if say:
            host.say(say)
        heard = host.hear(900 if say else 1_000)
        assert heard in (b"", first)
        repeats += heard == first
    assert repeats == 3


def test_order_number_is_paid_once_whatever_is_repeated():
    host = Host("4000")
    order = host.dispense(3, number=5)
    host.say(order + order)  # at once
    host.hear(500)
    host.say(order)  # while notes move
    response = host.hear(1_500)[-29:]
    assert host.framing.parse_response(response).cmd == 0x52
    host.say(order)  # while the response waits for its ACK
    assert response in host.hear(500)
    host.say(ACK)
    host.hear(100)
    host.say(order)  # after all is over
    assert response in host.hear(500)
    assert host.out() == 3
    host.say(ACK)
    host.hear(100)
    host.say(host.dispense(4, number=5))  # same number, another order
    assert host.hear(3_000)[5] == 0x20 + 0x31
    assert host.out() == 3


def test_without_number_two_frames_are_two_orders_only_after_the_ack():
    host = Host("4000")
    order = host.dispense(3, number=None)
    host.say(order)
    host.hear(3_000)
    host.say(order)  # the first exchange is not over
    host.hear(3_000)
    assert host.out() == 3
    host.say(ACK)
    host.hear(100)
    host.say(order)
    host.hear(3_000)
    assert host.out() == 6


@given(
    cut_ms=st.integers(0, 4_000),
    counts=st.tuples(*[st.integers(0, 4)] * 4).filter(any),
    survives=st.booleans(),
)
def test_power_cut_at_any_instant_finds_the_notes_moved_by_then(cut_ms, counts, survives):
    host = Host("4000", last_status_survives_power=survives)
    quantities = bytes(0x20 + count for count in counts)
    host.say(host.framing.command(0x52, quantities + b"\x20\x20\x29"))
    uncut = Host("4000")
    uncut.say(uncut.framing.command(0x52, quantities + b"\x20\x20\x29"))
    heard = host.hear(cut_ms)
    uncut.hear(cut_ms)
    finished = len(heard) > 1
    host.wire.power(False)
    assert host.out() == uncut.out() <= sum(counts)
    assert host.conserved()
    assert host.hear(10_000) == b""
    before = host.out()
    host.wire.power(True)
    host.hear(2_000)
    host.say("04 30 02 55 03 60")
    last = host.framing.parse_response(host.hear(500)[1:]).data
    if not survives:
        assert last[0] == 0x20
    else:
        assert last[0] == 0x52
        assert sum(byte - 0x20 for byte in last[3::3]) == before
    assert host.out() == before
    assert finished == (before == sum(counts) and len(heard) > 1)


def test_power_loss_after_notes_and_restart_in_command():
    host = Host("4000")
    host.sim.strike("power_loss_after_notes", notes=2)
    host.say(host.dispense(5, number=1))
    assert host.hear(60_000) == ACK
    assert host.out() == 2
    assert not host.sim.state()["powered"]
    host.say("04 30 02 50 03 65")
    assert host.hear(1_000) == b""
    host.wire.power(True)
    host.hear(2_000)
    host.say("04 30 02 51 03 64")
    host.hear(5_000)
    host.say(ACK)
    host.sim.strike("reset_in_command", after=1)
    host.say(host.dispense(5, number=2))
    assert host.hear(60_000) in (ACK, EOT + ACK)
    assert host.out() == 3
    assert host.sim.state()["powered"]
    assert host.conserved()


def test_memory_of_parameters():
    host = Host("4000")
    for say in ("5C 34 33 32 31", "5E 3C 30 30 30 30 30 30 31", "5A 33 33 30 30 30 30 30 30"):
        data = bytes.fromhex(say)
        host.say(host.framing.command(data[0], data[1:]))
        assert host.hear(500)[5] == 0x20
        host.say(ACK)
        host.hear(100)
    host.wire.power(False)
    host.wire.power(True)
    host.hear(2_000)
    for cmd, expected in (
        (0x5D, "34 33 32 31"),
        (0x5F, "3C 30 36 30 36 30 30 31"),
        (0x5B, "33 33 34 30 34 30 34 30"),
    ):
        host.say(host.framing.command(cmd))
        assert host.hear(500)[6:-2] == bytes.fromhex(expected)
        host.say(ACK)
        host.hear(100)
    host.say(host.framing.command(0x5C, b"\x31\x31\x32\x33"))
    assert host.hear(500)[5] == 0x20 + 0x31


@pytest.mark.parametrize("profile", ["2000", "4000"])
def test_hands(profile):
    host = Host(profile)
    sim = host.sim
    host.say(host.dispense(5, 3) if profile == "4000" else host.framing.command(0x45, b"05"))
    host.hear(3_000)
    host.wire.act("take_notes", n=2)
    assert sim.state()["tray"]["unit1"] == 3
    assert sim.state()["taken"]["unit1"] == 2
    with pytest.raises(ValueError, match="3 in the tray"):
        host.wire.act("take_notes", n=4)
    host.wire.act("take_notes")
    with pytest.raises(ValueError, match="0 in the tray"):
        host.wire.act("take_notes")
    host.wire.act("remove_cassette", unit="unit2")
    with pytest.raises(ValueError, match="no cassette"):
        host.wire.act("remove_cassette", unit="unit2")
    host.wire.act("insert_cassette", unit="unit2")
    with pytest.raises(ValueError, match="a cassette is in"):
        host.wire.act("insert_cassette", unit="unit2")
    host.wire.act("open")
    with pytest.raises(ValueError, match="out already"):
        host.wire.act("open")
    host.wire.act("close")
    with pytest.raises(ValueError, match="in already"):
        host.wire.act("close")
    assert host.conserved()
    host.wire.act("fill_unit", unit="unit1", notes=7)
    assert sim.state()["units"]["unit1"] == 102
    for call in (
        lambda: host.wire.act("dance"),
        lambda: sim.act("open", unit="unit1"),
        lambda: sim.strike("x"),
    ):
        with pytest.raises(ValueError, match=r"there are|unknown"):
            call()
    with pytest.raises(ValueError, match="unit9"):
        sim.strike("jam", unit="unit9")
    with pytest.raises(ValueError, match="place"):
        sim.strike("jam", place="roof")


def test_heal_forgets_what_was_armed():
    host = Host("4000")
    for name in host.sim.faults:
        needs = {"near_end": {"unit": "unit1"}, "sensor_lies": {"sensor": "EXIT"}}
        host.sim.strike(name, **needs.get(name, {}))
    host.sim.heal()
    host.say(host.dispense(2, 1))
    assert host.framing.parse_response(host.hear(3_000)[1:30]).data[0] == 0x20
    assert host.out() == 2


def test_both_satisfy_the_contract():
    devices: list[SimDevice] = [
        SimLcdm4000(SimClock()),
        SimLcdm2000(SimClock()),
        SimLcdm2000(SimClock(), model="1000"),
    ]
    for device in devices:
        assert device.next_deadline_ms() is None
        assert device.tick() == []
