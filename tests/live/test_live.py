"""The loop, power, cables, failures."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from drivers.base.clock import ScaledClock, SimClock
from kiosk.config import load_config
from kiosk.live import Gone
from kiosk.turn import Event
from kiosk.wake import Waker
from kiosk.web.ports import BenchGone, Refused
from tests.live.house import House, running, with_line


def test_power_goes_and_comes_back(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        house.wait_for_screen("idle")
        before = house.live.terminal
        house.bench.cut_power(5_000)
        seen = house.bench.snapshot()
        assert not seen["powered"]
        assert seen["screen"] == ""
        assert seen["devices"]["dispenser"]["sim"]["powered"] is False
        assert house.bench.picture().startswith(b"\x89PNG")
        house.wait_for_screen("idle")
        assert house.live.terminal is not before
        assert house.said == ["in service", "in service"]
        boots = [e for e in house.live.call(lambda: list(house.live.entries)) if e.kind == "boot"]
        assert len(boots) == 2
        with pytest.raises(Refused, match="lasts 1 to"):
            house.bench.cut_power(0)


def test_a_cable_is_pulled_and_put_back(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        house.wait_for_screen("idle")
        house.bench.plug("card_reader", False)
        house.wait_for_screen("out_of_service")
        assert house.bench.snapshot()["devices"]["card_reader"]["present"] is False
        house.bench.plug("card_reader", True)
        house.wait_for_screen("idle")


def fail_a_step(house: House) -> None:
    """Post what no host would say: the action that takes it raises."""
    terminal = house.live.terminal
    assert terminal is not None
    house.live.call(lambda: terminal.kernel.post(Event("working_key", "host", "not a key")))


def test_a_failed_step_starts_the_terminal_again_and_too_many_stop_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as house:
        house.wait_for_screen("idle")
        for _ in range(3):
            before = house.live.terminal
            fail_a_step(house)
            house.wait(lambda before=before: house.live.terminal is not before, "another terminal")  # type: ignore[misc]
            house.wait_for_screen("idle")
        assert "StepFailed: upkeep at" in capfd.readouterr().err
        fail_a_step(house)
        house.wait_for_screen("out_of_service")
        assert house.live.terminal is None
        assert "failed 4 times in 10 minutes" in house.bench.snapshot()["broken"]
        assert "out of service: the terminal failed 4 times" in capfd.readouterr().err


def test_a_mistake_in_a_driver_is_a_restart_too(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path) as house:
        house.wait_for_screen("idle")
        before = house.live.terminal
        assert before is not None

        def broken() -> list[object]:
            raise ZeroDivisionError("a driver counts wrong")

        house.live.call(lambda: setattr(before.devices.driver("printer"), "tick", broken))
        house.bench.act("printer", "press_feed", {})
        house.wait(lambda: house.live.terminal is not before, "another terminal")
        house.wait_for_screen("idle")
    assert "ZeroDivisionError: a driver counts wrong" in capfd.readouterr().err


def test_a_journal_that_was_changed_is_not_written_to(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path) as house:
        house.wait_for_screen("idle")
        house.bench.cut_power(2_000)
        with sqlite3.connect(tmp_path / "journal.db") as journal:
            journal.execute("UPDATE entry SET data = '{}' WHERE seq = 3")
        journal.close()
        house.wait_for_screen("out_of_service")
        assert "its hash does not fit" in house.bench.snapshot()["broken"]
    assert "out of service: the terminal cannot start again from its journal" in capfd.readouterr().err


def test_a_simulator_on_a_pseudo_terminal_is_driven_through_the_serial_code(tmp_path: Path) -> None:
    config = with_line(load_config(), "pin_pad", "pty")
    with running(tmp_path, config, speed=1.0) as house:
        house.wait(lambda: house.live.terminal and house.live.terminal.standing.usable("pin_pad"), "the PIN pad")
        assert house.live.places["pin_pad"].path.startswith("/dev/")
        panel = next(d for d in house.bench.layout.devices if d.name == "pin_pad")
        assert (panel.line, panel.path) == ("pty", house.live.places["pin_pad"].path)
        assert house.bench.snapshot()["devices"]["pin_pad"]["sim"]["powered"] is True
        house.bench.plug("pin_pad", False)
        house.wait(lambda: house.live.terminal and not house.live.terminal.standing.usable("pin_pad"), "the loss of it")
        with pytest.raises(Refused, match="the wire in this process"):
            house.bench.strike("pin_pad", "line:drop", {})


def test_a_port_that_is_not_there_is_a_lost_device_not_a_crash(tmp_path: Path) -> None:
    config = with_line(load_config(), "printer", "/dev/ttyThatIsNotThere")
    with running(tmp_path, config) as house:
        house.wait_for_screen("idle")  # without paper there is still cash
        printer = house.bench.snapshot()["devices"]["printer"]
        assert printer["present"] is False
        assert "cannot be opened" in printer["detail"]
        with pytest.raises(Refused, match="nobody can 'take_document' here"):
            house.bench.act("printer", "take_document", {})


def test_faults_are_struck_seen_and_healed(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        house.wait_for_screen("idle")
        bench = house.bench
        bench.strike("card_reader", "read_error", {"track": "2", "nth": "2"})
        bench.strike("host", "late", {"by_ms": "2000"})
        seen = bench.snapshot()
        assert seen["devices"]["card_reader"]["sim"]["armed"] == ["read_error"]
        assert seen["host"]["armed"] == ["late"]
        bench.strike("pin_pad", "line:drop", {"direction": "from_device", "times": "1"})
        for device, fault, arguments, why in (
            ("card_reader", "no_such", {}, "no fault"),
            ("pin_pad", "line:melt", {}, "one of drop"),
            ("host", "late", {"by_minor": "3"}, "no argument by_minor"),
            ("dispenser", "jam", {"after": "x"}, "after is a number"),
            ("toaster", "jam", {}, "no device"),
        ):
            with pytest.raises(Refused, match=why):
                bench.strike(device, fault, arguments)
        with pytest.raises(Refused, match="no card at the mouth"):
            bench.act("card_reader", "take_card", {})
        with pytest.raises(Refused, match="no card 'x'"):
            bench.insert_card("x")
        bench.heal("all")
        seen = bench.snapshot()
        assert seen["devices"]["card_reader"]["sim"]["armed"] == []
        assert seen["host"]["armed"] == []


def test_another_host_shows_no_demo_cards(tmp_path: Path) -> None:
    from dataclasses import replace

    config = load_config()
    config = replace(config, host=config.host.model_copy(update={"address": "127.0.0.1", "port": 9}))
    with running(tmp_path, config) as house:
        house.wait_for_screen("idle")  # notes are changed and complaints taken without the host
        assert house.live.call(lambda: house.live.view.values["call"]) == "cardless"  # type: ignore[union-attr]
        assert house.bench.layout.cards == ()
        assert house.bench.layout.host_faults == ()
        assert not (tmp_path / "bank.db").exists()
        with pytest.raises(Refused, match="none without the demo bank"):
            house.bench.insert_card("normal")
        with pytest.raises(Refused, match="not ours"):
            house.bench.strike("host", "late", {})


def test_who_calls_an_ended_terminal_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        assert house.live.call(lambda: 7) == 7
    with pytest.raises(Gone, match="has ended"):
        house.live.call(lambda: 7)
    with pytest.raises(BenchGone):
        house.bench.snapshot()


def test_an_idle_terminal_sleeps(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        house.wait_for_screen("idle")
        turns: list[int] = []
        tick = house.live.places["printer"].tick

        def counted() -> None:
            turns.append(1)
            tick()

        house.live.call(lambda: setattr(house.live.places["printer"], "tick", counted))
        threading.Event().wait(1)  # twenty seconds of the terminal's clock
        assert len(turns) < 1_000  # a loop that spins turns some ten thousand times
        told: list[int] = []
        end = house.live.listen(lambda: told.append(1))
        threading.Event().wait(0.5)
        end()
        assert len(told) < 10  # polling a reader is nothing to look at, and neither is a look


def test_a_waker_wakes_and_never_blocks_who_wakes() -> None:
    waker = Waker()
    for _ in range(100_000):  # more than a pipe holds
        waker.wake()
    waker.wait(None)
    waker.wait(0)
    waker.close()
    waker.wake()


def test_a_scaled_clock_runs_faster_from_where_it_stands() -> None:
    wall = SimClock(1_000)
    clock = ScaledClock(10, wall)
    assert clock.now_ms() == 1_000
    wall.advance(7)
    assert clock.now_ms() == 1_070
    with pytest.raises(ValueError, match="forward"):
        ScaledClock(0)
