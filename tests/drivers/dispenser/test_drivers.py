"""What the drivers make of a device: errors, memory, health, maintenance, misuse, loss."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base.clock import SimClock
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    DeviceLost,
    DeviceReady,
    Dispense,
    DispenseResult,
    Health,
    HealthChanged,
    Identity,
    LastDispense,
    Outcome,
    Repeat,
    Reset,
    ResetResult,
)
from drivers.dispenser import commands as c
from drivers.dispenser import maintenance as m
from drivers.dispenser.framing import LCDM2000, LCDM4000, Framing
from drivers.dispenser.lcdm2000 import Lcdm2000, Lcdm2000Settings
from drivers.dispenser.lcdm4000 import Lcdm4000, Lcdm4000Settings
from drivers.dispenser.link import LinkTiming
from drivers.sim.wire import WireFault
from tests.drivers.dispenser.bench import Bench
from tests.drivers.dispenser.vectors import VECTORS, name_of

PROFILES = ("4000", "2000", "1000")
ACK, EOT = b"\x06", b"\x04"


def give(ticket: str, number: int = 0, **picks: int) -> Dispense:
    return Dispense(ticket=ticket, picks=picks, number=number)


# ---------------------------------------------------------------- tables


def test_tables_and_framing_speak_of_the_same_commands():
    for orders, framing in ((c.ORDERS_4000, LCDM4000), (c.ORDERS_2000, LCDM2000)):
        assert set(orders) == set(framing.responses) == set(framing.commands)
    assert set(c.ORDERS_1000) < set(c.ORDERS_2000)


def test_whatever_moves_notes_is_said_once():
    moving = {"dispense", "purge", "reset", "test"}
    for order in (*c.ORDERS_4000.values(), *c.ORDERS_2000.values()):
        moves = bool(moving & set(order.name.split())) and not order.name.endswith("dispense order")
        assert (order.repeat is Repeat.ONCE) == moves, order


# ---------------------------------------------------------------- reading answers


def answer(driver: Any, framing: Framing, cmd: int, body: bytes) -> list[Any]:
    assert driver.data_to_send()[3] == cmd
    reports = driver.receive(ACK + framing.response(cmd, body))
    assert driver.data_to_send() == ACK
    return reports


def settle(driver: Any, clock: SimClock) -> None:
    """Let the pause pass that an LCDM-1000 or 2000 gets after our ACK."""
    clock.advance(LinkTiming().pause_ms)
    assert driver.tick() == []


def connected(profile: str, clock: SimClock) -> tuple[Any, Framing]:
    if profile == "4000":
        driver: Any = Lcdm4000(clock, Lcdm4000Settings(poll_every_ms=0))
        driver.connect()
        answer(driver, LCDM4000, 0x50, bytes.fromhex("20 20 20 31 60 80 20 32 60 80 20 33 60 80 20 34 60 80"))
        driver.receive(EOT)
        assert driver.data_to_send()[3] == 0x67
        reports = driver.receive(ACK + LCDM4000.response(0x67, b"\x20\x25"))
        driver.data_to_send()
        driver.receive(EOT)
        framing = LCDM4000
    else:
        driver = Lcdm2000(clock, profile, Lcdm2000Settings(poll_every_ms=0))  # type: ignore[arg-type]
        driver.connect()
        answer(driver, LCDM2000, 0x46, bytes.fromhex("30 30 80 80"))
        settle(driver, clock)
        assert driver.data_to_send()[3] == 0x47
        reports = driver.receive(ACK + LCDM2000.response(0x47, b"O16T3C5A"))
        driver.data_to_send()
        settle(driver, clock)
        framing = LCDM2000
    assert isinstance(reports[0], DeviceReady)
    return driver, framing


@pytest.mark.parametrize("vector", [v for v in VECTORS["responses"] if "counts" in v], ids=name_of)
@pytest.mark.parametrize("chop", [False, True])
def test_published_answers_mean_what_they_say(vector, chop):
    driver, _ = connected(vector["profile"], SimClock())
    driver.submit(give("t", number=7, **vector["ordered"]))
    driver.data_to_send()
    wire = ACK + bytes.fromhex(vector["hex"])
    pieces = [bytes((byte,)) for byte in wire] if chop else [wire]
    reports = [report for piece in pieces for report in driver.receive(piece)]
    result = reports[0]
    assert isinstance(result, DispenseResult)
    expected = vector["counts"]
    assert (result.outcome.value, result.error) == (expected["outcome"], expected["error"])
    assert (dict(result.moved), dict(result.rejected)) == (expected["moved"], expected["rejected"])
    assert driver.data_to_send() == ACK


@pytest.mark.parametrize("code", sorted(c.ERRORS_4000))
@pytest.mark.parametrize("counts", [(0, 0), (2, 0), (2, 1), (3, 0), (4, 0)])
def test_every_error_of_the_4000(code, counts):
    out, rejected = counts
    driver, framing = connected("4000", SimClock())
    driver.submit(give("t", number=7, unit1=3))
    body = bytes((0x20 + code, 0x30, 0x20 + out, 0x20 + rejected, 0x31)) + b"\x20\x20\x30" * 3 + b"\x20" * 9
    result = answer(driver, framing, 0x52, body)[0]
    meaning = c.ERRORS_4000[code]
    check_outcome(result, meaning, out, rejected)
    assert result.detail.startswith(f"{code:02X} ")


@pytest.mark.parametrize("code", sorted(c.ERRORS_2000))
@pytest.mark.parametrize("counts", [(0, 0), (2, 0), (2, 1), (3, 0), (4, 0)])
def test_every_error_of_the_2000(code, counts):
    out, rejected = counts
    driver, framing = connected("2000", SimClock())
    driver.submit(give("t", unit1=3))
    body = f"{out + rejected:02d}{out:02d}".encode() + bytes((code, 0x30)) + f"{rejected:02d}".encode()
    result = answer(driver, framing, 0x45, body)[0]
    check_outcome(result, c.ERRORS_2000[code], out, rejected)
    assert result.detail.startswith(f"{code:02X} ")


def check_outcome(result: Any, meaning: c.Meaning, out: int, rejected: int) -> None:
    assert dict(result.moved) == ({"unit1": out} if out else {})
    assert dict(result.rejected) == ({"unit1": rejected} if rejected else {})
    if out > 3:
        assert result.outcome is Outcome.UNKNOWN
    elif meaning.success:
        assert result.outcome is (Outcome.DONE if out == 3 else Outcome.UNKNOWN)
    elif not meaning.counted:
        assert result.outcome is Outcome.UNKNOWN
    elif out or rejected or meaning.path:
        assert result.outcome is Outcome.PARTIAL
    else:
        assert result.outcome is Outcome.REFUSED
    assert result.error == (meaning.word or (None if result.outcome is Outcome.DONE else "incorrectCount"))


@pytest.mark.parametrize(("profile", "code"), [("4000", 0x2F), ("2000", 0x3E)])
def test_undocumented_error_trusts_nothing(profile, code):
    driver, framing = connected(profile, SimClock())
    driver.submit(give("t", number=7, unit1=3))
    if profile == "4000":
        body = bytes((0x20 + code, 0x30)) + b"\x20\x20\x31" * 4 + b"\x20" * 9
        result = answer(driver, framing, 0x52, body)[0]
    else:
        result = answer(driver, framing, 0x45, b"0000" + bytes((code,)) + b"000")[0]
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "hardwareError")


def test_counts_that_are_no_numbers_are_unknown():
    driver, framing = connected("2000", SimClock())
    driver.submit(give("t", unit1=3))
    assert answer(driver, framing, 0x45, b"0:03" + b"00" + b"00")[0].outcome is Outcome.UNKNOWN
    driver, framing = connected("4000", SimClock())
    driver.submit(give("t", number=7, unit1=3))
    body = bytes((0x20, 0x30, 0x23, 0x1F, 0x31)) + b"\x20\x20\x30" * 3 + b"\x20" * 9
    assert answer(driver, framing, 0x52, body)[0].outcome is Outcome.UNKNOWN


def test_notes_from_a_position_that_is_no_unit_are_unknown():
    driver, framing = connected("4000", SimClock())
    driver._positions, driver._units = {"unit1": 1}, {1: "unit1"}
    driver.submit(give("t", number=7, unit1=1))
    body = bytes((0x20, 0x30)) + b"\x21\x20\x31\x21\x20\x32" + b"\x20\x20\x30" * 2 + b"\x20" * 9
    assert answer(driver, framing, 0x52, body)[0].outcome is Outcome.UNKNOWN


def test_units_are_where_the_settings_say():
    clock = SimClock()
    driver = Lcdm4000(clock, Lcdm4000Settings(units={"unit9": 4, "unit2": 2}, dispense_form="pypi"))
    assert driver._quantities({"unit9": 5, "unit2": 1}, None) == bytes.fromhex("20 21 20 25") + b"\x20" * 11
    assert driver.capabilities.units == ("unit9", "unit2")
    assert not driver.capabilities.last_dispense
    for wrong in ({"unit1": 5}, {"unit1": 1, "unit2": 1}, {}):
        with pytest.raises(ValueError, match="position of its own"):
            Lcdm4000Settings(units=wrong)
        with pytest.raises(ValueError, match="position of its own"):
            Lcdm2000(clock, "2000", Lcdm2000Settings(units=wrong))


def test_late_and_repeated_responses_are_acknowledged_and_not_believed():
    driver, framing = connected("4000", SimClock())
    body = bytes((0x20, 0x30, 0x23, 0x20, 0x31)) + b"\x20\x20\x30" * 3 + b"\x20" * 9
    driver.submit(give("t", number=7, unit1=3))
    answer(driver, framing, 0x52, body)
    for _ in range(3):
        assert driver.receive(framing.response(0x52, body)) == []
        assert driver.data_to_send() == ACK
    assert driver.late == 3


# ---------------------------------------------------------------- against the simulators


@pytest.mark.parametrize("profile", PROFILES)
def test_capabilities_are_honest(profile):
    capabilities: Any = Bench(profile).driver.capabilities
    can = {name for name in capabilities.__slots__ if getattr(capabilities, name) is True}
    assert can == ({"last_dispense"} if profile == "4000" else set())


STRIKES = [
    ("pick_error", {"after": 0}, Outcome.REFUSED),
    ("pick_error", {"after": 2}, Outcome.PARTIAL),
    ("runs_empty", {"after": 1}, Outcome.PARTIAL),
    ("double_pick", {"after": 1}, Outcome.DONE),
    ("over_reject", {"after": 1}, Outcome.PARTIAL),
    ("count_mismatch", {"after": 1}, Outcome.UNKNOWN),
    ("jam", {"after": 1, "place": "chk"}, Outcome.PARTIAL),
    ("jam", {"after": 0, "place": "diverter"}, Outcome.PARTIAL),
    ("jam", {"after": 2, "place": "exit"}, Outcome.UNKNOWN),
    ("power_loss_after_notes", {"notes": 2}, Outcome.UNKNOWN),
    ("reset_in_command", {"after": 1}, Outcome.UNKNOWN),
]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(("name", "arguments", "outcome"), STRIKES)
def test_device_faults(profile, name, arguments, outcome):
    bench = Bench(profile).ready()
    bench.sim.strike(name, **arguments)
    result = bench.do(give("t", number=3, unit1=3))
    assert isinstance(result, DispenseResult)
    assert result.outcome is outcome, result
    truth = bench.out()
    if outcome is Outcome.UNKNOWN:
        assert all(count <= truth.get(unit, 0) for unit, count in result.moved.items())
    else:
        assert dict(result.moved) == truth
    if name == "jam" and profile != "4000" and outcome is Outcome.PARTIAL:
        assert result.unaccounted == {"unit1": 1}
    assert bench.conserved()
    bench.wire.power(True)
    bench.run(bench.clock.now_ms() + 3_000)
    reset = bench.do(Reset(ticket="r"))
    assert isinstance(reset, ResetResult)
    state: Any = bench.sim.state()
    assert state["path"] == []
    assert reset.outcome is (
        Outcome.PARTIAL if arguments.get("place") == "exit" and profile == "4000" else Outcome.DONE
    )
    assert bench.do(give("u", number=4, unit1=3)).outcome is Outcome.DONE
    assert bench.conserved()


@settings(deadline=None)
@given(
    cut_ms=st.integers(0, 2_500),
    survives=st.booleans(),
    number=st.integers(1, 94),
    counts=st.tuples(st.integers(0, 3), st.integers(1, 3)),
)
def test_power_cut_in_an_order_is_never_told_wrong(cut_ms, survives, number, counts):
    bench = Bench("4000", last_status_survives_power=survives).ready()
    picks = {unit: count for unit, count in zip(("unit1", "unit2"), counts, strict=True) if count}
    bench.driver.submit(Dispense(ticket="t", picks=picks, number=number))
    reports = bench.run(bench.clock.now_ms() + cut_ms)
    bench.wire.power(False)
    truth = bench.out()
    reports += bench.run()
    result = next(report for report in reports if isinstance(report, DispenseResult))
    if result.outcome is Outcome.DONE:
        assert dict(result.moved) == truth == picks
    else:
        assert result.outcome is Outcome.UNKNOWN
    bench.wire.power(True)
    bench.run(bench.clock.now_ms() + 3_000)
    told: Any = bench.do(LastDispense(ticket="l", picks=picks, number=number))
    assert told.outcome in (Outcome.DONE, Outcome.UNKNOWN)
    if told.outcome is Outcome.DONE:
        assert survives
        assert dict(told.moved) == truth
    assert all(count <= truth.get(unit, 0) for unit, count in told.moved.items())
    assert bench.out() == truth
    assert bench.conserved()


def test_last_dispense_of_the_4000():
    bench = Bench("4000").ready()
    picks = {"unit1": 3}

    def ask(number: int) -> Any:
        return bench.do(LastDispense(ticket="l", picks=picks, number=number))

    assert ask(1).outcome is Outcome.UNKNOWN  # nothing is remembered
    bench.do(give("a", number=1, unit1=3))
    assert ask(1).outcome is Outcome.DONE
    assert ask(0).outcome is Outcome.UNKNOWN  # an order without number
    assert ask(2).outcome is Outcome.UNKNOWN  # this life ordered 1 after whatever 2 was
    fresh = Lcdm4000(bench.clock, Lcdm4000Settings(poll_every_ms=0))
    bench.driver.disconnect("restart")
    bench.driver = fresh
    bench.ready()
    assert ask(2).outcome is Outcome.REFUSED
    bench.sim.strike("runs_empty", after=1)
    bench.do(give("b", number=2, unit1=3))
    short = ask(2)
    assert (short.outcome, short.moved, short.error) == (Outcome.DONE, {"unit1": 1}, "cashUnitError")
    bench.sim.strike("jam", after=1, place="exit")
    bench.do(give("c", number=3, unit1=3))
    assert ask(3).outcome is Outcome.UNKNOWN
    bench.do(m.Purge(ticket="p"))
    assert ask(3).outcome is Outcome.UNKNOWN
    assert "51" in ask(3).detail


def test_a_device_that_remembers_an_order_without_number_cannot_refuse_another():
    bench = Bench("4000").ready()
    bench.do(give("a", number=0, unit1=1))
    bench.driver.disconnect("restart")
    bench.driver = Lcdm4000(bench.clock, Lcdm4000Settings(poll_every_ms=0))
    bench.ready()
    told = bench.do(LastDispense(ticket="l", picks={"unit1": 1}, number=2))
    assert told.outcome is Outcome.UNKNOWN


def test_silent_reset_is_waited_out():
    bench = Bench("4000", reset_responses=0)
    driver = Lcdm4000(bench.clock, Lcdm4000Settings(poll_every_ms=0, reset_responses=0))
    bench.driver = driver
    bench.ready()
    began_ms = bench.clock.now_ms()
    assert bench.do(Reset(ticket="r")).outcome is Outcome.DONE
    assert bench.clock.now_ms() - began_ms > 2_000


def test_stuck_jam_survives_purge_until_healed():
    for profile in PROFILES:
        bench = Bench(profile).ready()
        bench.sim.strike("jam", place="diverter", stuck=True)
        assert bench.do(give("a", number=1, unit1=2)).error == "mediaJam"
        assert bench.do(Reset(ticket="r")).outcome is Outcome.PARTIAL
        assert bench.driver.health is Health.STOP
        bench.sim.heal()
        assert bench.do(Reset(ticket="s")).outcome is Outcome.DONE
        assert bench.driver.health is Health.OK


@pytest.mark.parametrize("profile", PROFILES)
def test_health_is_told_once_each_way(profile):
    bench = Bench(profile)
    poll = {"poll_every_ms": 1_000}
    if profile == "4000":
        bench.driver = Lcdm4000(bench.clock, Lcdm4000Settings(**poll))
    else:
        bench.driver = Lcdm2000(bench.clock, profile, Lcdm2000Settings(**poll))  # type: ignore[arg-type]
    bench.driver.connect()

    def changes() -> list[HealthChanged]:
        return [r for r in bench.run(bench.clock.now_ms() + 3_500) if isinstance(r, HealthChanged)]

    assert [change.health for change in changes()] == [Health.OK]
    assert bench.driver.identity == Identity(
        model=f"LCDM-{profile}", firmware="" if profile == "4000" else "O16T3C5A"
    )
    bench.sim.strike("near_end", unit="unit1")
    (low,) = changes()
    assert (low.health, low.error, low.supplies) == (Health.ATTENTION, "low", {"unit1": "low"})
    bench.wire.act("remove_cassette", unit="unit1")
    (gone,) = changes()
    assert (gone.health, gone.error, gone.supplies) == (Health.ATTENTION, "missing", {"unit1": "missing"})
    bench.wire.act("open")
    (tray,) = changes()
    assert tray.health is Health.STOP
    bench.sim.heal()
    bench.wire.act("close")
    bench.wire.act("insert_cassette", unit="unit1")
    assert [change.health for change in changes()] == [Health.OK]
    bench.sim.strike("jam", place="chk")
    bench.driver.submit(give("t", number=1, unit1=1))
    stopped = [r for r in bench.run(bench.clock.now_ms() + 5_000) if isinstance(r, HealthChanged)]
    assert [(change.health, change.error) for change in stopped] == [(Health.STOP, "mediaJam")]


def test_order_waits_for_a_poll_on_the_line():
    bench = Bench("4000")
    bench.driver = Lcdm4000(bench.clock, Lcdm4000Settings(poll_every_ms=1_000))
    bench.driver.connect()
    bench.run(1_200)
    bench.run(bench.driver.next_deadline_ms())  # the poll is out
    bench.driver.submit(give("t", number=1, unit1=1))
    assert bench.driver.busy
    with pytest.raises(LocalProtocolError, match="in flight"):
        bench.driver.submit(give("u", number=2, unit1=1))
    reports = bench.run(bench.clock.now_ms() + 5_000)
    assert [r.outcome for r in reports if isinstance(r, DispenseResult)] == [Outcome.DONE]


@pytest.mark.parametrize("profile", PROFILES)
def test_nobody_there_is_lost_and_may_be_tried_again(profile):
    bench = Bench(profile)
    bench.wire.strike(WireFault(effect="cut", direction="from_device"))
    bench.driver.connect()
    assert [type(report) for report in bench.run()] == [DeviceLost]
    assert len(bench.transcript) == 3
    assert bench.driver.health is Health.UNKNOWN
    with pytest.raises(LocalProtocolError, match="wait for DeviceReady"):
        bench.driver.submit(Reset(ticket="r"))
    bench.wire.restore()
    bench.run(bench.clock.now_ms() + 10_000)
    bench.ready()
    bench.wire.strike(WireFault(effect="cut", direction="from_device"))
    bench.driver.submit(m.ReadStatus(ticket="s"))
    result, lost = bench.run()
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "timeOut")  # type: ignore[union-attr]
    assert isinstance(lost, DeviceLost)
    assert bench.driver.identity is None


def test_disconnect_tells_what_went_out_from_what_did_not():
    bench = Bench("4000").ready()
    bench.driver.submit(give("a", number=1, unit1=1))
    result, lost = bench.driver.disconnect("unplugged")
    assert (result.outcome, result.ticket) == (Outcome.REFUSED, "a")  # type: ignore[union-attr]
    assert lost == DeviceLost(reason="unplugged")
    assert bench.driver.disconnect("again") == []
    bench.ready()
    bench.driver.submit(give("b", number=2, unit1=1))
    bench.wire.write(bench.driver.data_to_send())
    result, _ = bench.driver.disconnect("unplugged")
    assert result.outcome is Outcome.UNKNOWN  # type: ignore[union-attr]
    bench.run(bench.clock.now_ms() + 10_000)
    bench.wire.read_available()
    bench.ready()
    told: Any = bench.do(LastDispense(ticket="l", picks={"unit1": 1}, number=2))
    assert (told.outcome, told.moved) == (Outcome.DONE, {"unit1": 1})


@pytest.mark.parametrize("profile", PROFILES)
def test_misuse_is_our_bug(profile):
    bench = Bench(profile).ready()
    with pytest.raises(LocalProtocolError, match="connect while"):
        bench.driver.connect()
    for wrong in (
        give("t", unit7=1),
        give("t"),
        give("t", unit1=0),
        give("t", unit1=-1),
        give("t", unit1=61),
    ):
        with pytest.raises(LocalProtocolError):
            bench.driver.submit(wrong)
    foreign = m.ReadRomVersion(ticket="t") if profile == "4000" else m.ReadOrder(ticket="t")
    with pytest.raises(LocalProtocolError, match="no such command"):
        bench.driver.submit(foreign)
    if profile == "4000":
        for wrong in (
            give("t", number=95, unit1=1),
            m.DiagnoseSensors(ticket="t", position=5),
            m.WriteOrder(ticket="t", values=(1, 1, 2, 3)),
            m.WriteLengths(ticket="t", values=(1, 1, 2, 300)),
        ):
            with pytest.raises(LocalProtocolError):
                bench.driver.submit(wrong)
    assert not bench.driver.busy
    assert bench.driver.data_to_send() == b""


def test_maintenance_of_the_4000():
    bench = Bench("4000").ready()
    assert bench.do(m.WriteLengths(ticket="a", values=(0xC0, 0, 0, 1))).outcome is Outcome.DONE
    assert bench.do(m.ReadLengths(ticket="b")).values == (0xC0, 0x60, 0x60, 1)  # type: ignore[attr-defined]
    assert bench.do(m.WriteOpacities(ticket="c", values=(0, 0x33, 0, 0))).outcome is Outcome.DONE
    assert bench.do(m.ReadOpacities(ticket="d")).values == (0x40, 0x33, 0x40, 0x40)  # type: ignore[attr-defined]
    assert bench.do(m.WriteOrder(ticket="e", values=(4, 3, 2, 1))).outcome is Outcome.DONE
    assert bench.do(m.ReadOrder(ticket="f")).values == (4, 3, 2, 1)  # type: ignore[attr-defined]
    assert bench.do(m.DiagnoseSensors(ticket="g", position=2)).opacity == 0x33  # type: ignore[attr-defined]
    bench.do(give("h", number=9, unit1=1, unit4=1))
    assert bench.do(m.ReadSerialNumber(ticket="i")).number == 9  # type: ignore[attr-defined]
    last: Any = bench.do(m.ReadLastStatus(ticket="j"))
    assert (last.last_command, last.moved) == (0x52, {"unit1": 1, "unit4": 1})
    test: Any = bench.do(m.TestDispense(ticket="k", picks={"unit2": 2}))
    assert (test.outcome, test.rejected, test.moved) == (Outcome.DONE, {"unit2": 2}, {})
    bench.sim.strike("sensor_lies", sensor="EJT", covered=True)
    status: Any = bench.do(m.ReadStatus(ticket="l"))
    assert [name for name, covered in status.sensors.items() if covered] == ["EJT"]
    assert status.units == {f"unit{n}": "ok" for n in range(1, 5)}
    assert status.lengths["unit1"] == 0xC0
    assert bench.do(m.Purge(ticket="m")).outcome is Outcome.DONE


@pytest.mark.parametrize("profile", ["2000", "1000"])
def test_maintenance_of_the_2000(profile):
    bench = Bench(profile).ready()
    assert bench.do(m.ReadRomVersion(ticket="a")).version == "O16T3C5A"  # type: ignore[attr-defined]
    last = bench.driver.capabilities.units[-1]  # type: ignore[union-attr]
    test: Any = bench.do(m.TestDispense(ticket="b", picks={last: 1}))
    assert (test.outcome, test.rejected, test.moved) == (Outcome.DONE, {last: 1}, {})
    bench.sim.strike("sensor_lies", sensor="EXIT", covered=True)
    status: Any = bench.do(m.ReadStatus(ticket="c"))
    assert [name for name, covered in status.sensors.items() if covered] == ["EXIT"]
    assert bench.do(m.Purge(ticket="d")).outcome is Outcome.DONE


def test_empty_cassette_is_told_with_its_unit():
    bench = Bench("2000", notes=2).ready()
    result: Any = bench.do(give("t", unit1=2, unit2=2))
    assert result.outcome is Outcome.DONE
    result = bench.do(give("u", unit2=1))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "empty")
