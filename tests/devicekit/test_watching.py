"""Probe, proxy, pty benches and the console, each with simulators served on pseudo-terminals."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading

import pytest
from rich.console import Console
from typer.testing import CliRunner

from drivers.base.clock import MonotonicClock, SimClock
from drivers.base.errors import LineError
from drivers.base.line import SerialLine, SerialSettings
from drivers.base.vocabulary import DeviceReady
from drivers.sim.pty import serve_pty
from kiosk.cli import app
from kiosk.devicekit.bench import Bench, RealPace
from kiosk.devicekit.check import Verdict
from kiosk.devicekit.console import Desk, expand, play, run_panel, type_key
from kiosk.devicekit.contract.card_reader import TEST_PAN, TEST_TRACK
from kiosk.devicekit.frames import Entry
from kiosk.devicekit.orders import COMMANDS, command_of, parse
from kiosk.devicekit.probe import probe
from kiosk.devicekit.session import Place, bench_on_live_pty, bench_on_port, run_session
from kiosk.devicekit.units import UNITS
from kiosk.devicekit.watch import Proxy, WatchedDevice

QUICK = ("introduces_itself", "answers_once", "takes_bytes_one_by_one", "answers_when_unplugged")


@pytest.mark.parametrize(
    ("name", "profile", "certainty"),
    [
        ("omron-3s4yr", "omron-3s4yr", "certain"),
        ("lcdm-4000", "lcdm-4000", "certain"),
        ("lcdm-1000", "lcdm-2000", "certain"),
        ("szzt", "szzt", "certain"),
        ("ccnet", "ccnet", "certain"),
        ("ssp", "ssp", "certain"),
        ("honeywell", "honeywell", "likely"),
        ("reliance", "reliance", "likely"),
        ("epson", "epson", "likely"),
    ],
)
def test_probe_finds_what_is_connected(name, profile, certainty):
    clock = MonotonicClock()
    device = UNITS[name].simulator(clock)
    before = device.state()
    tries = []
    with serve_pty(device, clock) as server:
        found = probe(server.path, tries.append)
        after = server.state()
    assert found is not None
    assert (found.profile, found.certainty) == (profile, certainty)
    assert found.identity.model
    assert tries
    for place in ("units", "tray", "card", "bin", "documents", "keys"):  # nothing moved
        assert after.get(place) == before.get(place)


def test_probe_says_that_a_port_is_not_there(tmp_path):
    with pytest.raises(LineError, match="cannot be opened"):
        probe(str(tmp_path / "nothing"))


@pytest.mark.parametrize("name", ["omron-3s4yr", "szzt", "lcdm-2000"])
def test_the_suite_runs_on_a_pseudo_terminal_in_real_time(name):
    unit = UNITS[name]
    session = run_session(
        unit,
        Place.LIVE_PTY,
        "pty",
        lambda: bench_on_live_pty(unit),
        only=lambda check: check.name in QUICK[:1] + QUICK[2:],
    )
    assert [(t.check.name, t.verdict, t.reason) for t in session.trials if t.verdict is not Verdict.PASSED] == []
    assert len(session.trials) == 3
    assert session.identity is not None


def test_on_a_port_nothing_moves_and_nothing_is_struck_without_a_person():
    unit = UNITS["lcdm-4000"]
    clock = MonotonicClock()
    device = unit.simulator(clock)
    with serve_pty(device, clock) as server:
        session = run_session(
            unit,
            Place.PORT,
            server.path,
            lambda: bench_on_port(unit, server.path, None, None),
            only=lambda check: check.name in ("introduces_itself", "pays_one_of_each", "counts_at_a_jam_at_chk"),
        )
        state = server.state()
    verdicts = {t.check.name: (t.verdict, t.reason) for t in session.trials}
    assert verdicts["introduces_itself"][0] is Verdict.PASSED
    assert verdicts["pays_one_of_each"] == (
        Verdict.SKIPPED,
        "moves notes or cards: a person must agree on hardware",
    )
    assert "simulators only" in verdicts["counts_at_a_jam_at_chk"][1]
    assert not any(state["tray"].values())
    assert session.coverage is None


class Yes:
    """A person who agrees to everything, or to nothing."""

    def __init__(self, says: bool) -> None:
        self.says, self.asked = says, []

    def tell(self, text):
        self.asked.append(text)

    def ask(self, text):
        self.asked.append(text)

    def answer(self):
        return self.says


@pytest.mark.parametrize("agrees", [True, False])
def test_on_a_port_a_person_is_asked_before_notes_move(agrees):
    unit = UNITS["lcdm-4000"]
    clock = MonotonicClock()
    person = Yes(agrees)
    with serve_pty(unit.simulator(clock), clock) as server:
        session = run_session(
            unit,
            Place.PORT,
            server.path,
            lambda: bench_on_port(unit, server.path, None, person),
            only=lambda check: check.name == "pays_from_several_units",
        )
        state = server.state()
    assert len(person.asked) == 1
    assert "dispenses" in person.asked[0]
    assert session.trials[0].verdict is (Verdict.PASSED if agrees else Verdict.SKIPPED)
    assert sum(state["tray"].values()) == (10 if agrees else 0)


def test_the_proxy_hands_everything_on_and_names_it():
    unit, clock, entries = UNITS["omron-3s4yr"], MonotonicClock(), []
    with serve_pty(unit.simulator(clock), clock) as server:
        proxy = Proxy(server.path, SerialSettings(), clock, unit.decoder(), entries.append)
        thread = threading.Thread(target=proxy.serve)
        thread.start()
        woken = threading.Event()
        bench = Bench(
            clock=clock,
            make_driver=unit.driver,
            line=SerialLine(proxy.path, SerialSettings(), woken.set),
            decoder=unit.decoder(),
            pace=RealPace(clock, woken),
            provides=frozenset(),
        )
        ready = bench.run(bench.start())
        bench.close()
        proxy.stop()
        thread.join(5)
        proxy.close()
    assert isinstance(ready, DeviceReady)
    ours = [(e.direction, e.name) for e in bench.entries if e.kind != "note"]
    assert [(e.direction, e.name) for e in entries][: len(ours)] == ours
    assert ("to_device", "C02 initial reset, hold card") in ours


def test_a_watched_simulator_shows_frames_and_masks_them():
    clock, entries = SimClock(), []
    unit = UNITS["omron-3s4yr"]
    device = WatchedDevice(unit.simulator(clock), clock, unit.decoder(), entries.append)
    device.receive(bytes.fromhex("10 02 43 30 32 10 03 42"))
    assert [e.name for e in entries][:2] == ["C02 initial reset, hold card", "DLE ACK"]
    assert device.state()["powered"]


# ------------------------------------------------------------ the console


def test_lines_are_played_in_virtual_time():
    told = []
    good = play(
        UNITS["omron-3s4yr"],
        ["command accept_card", f"insert_card track2={TEST_TRACK}", "fault jam at=eject", "command eject_card"],
        told.append,
    )
    text = "\n".join(told)
    assert good
    assert "N3010 carry card to exit: jam" in text
    assert "error mediaJam" in text
    assert TEST_PAN not in text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("take_card", "no card at the mouth"),
        ("juggle", "nobody can 'juggle'"),
        ("fault nothing", "no fault 'nothing'"),
        ("command fly", "no command 'fly'"),
        ("insert_card track2", "written name=value"),
        ("power maybe", "power on, or power off"),
        ("wait long", "takes milliseconds"),
        ("", "nothing to do"),
    ],
)
def test_a_line_that_cannot_be_done_says_why(line, says):
    told = []
    assert not play(UNITS["omron-3s4yr"], [line], told.append)
    assert says in "\n".join(told)


@pytest.mark.parametrize(("ability", "verb"), [(a, v) for a, verbs in COMMANDS.items() for v in verbs])
def test_every_command_of_the_console_can_be_made(ability, verb):
    order = parse(f"command {verb}" + (" unit1=1 number=3" if "dispense" in verb else ""))
    assert command_of(ability, order, "t-1").ticket == "t-1"


def test_numbers_stand_for_lines():
    entries = [("take_card", "", ""), ("fault jam", "", "at=")]
    assert expand("2 at=eject", entries) == "fault jam at=eject"
    assert expand("take_card", entries) == "take_card"
    with pytest.raises(ValueError, match="1 to 2"):
        expand("3", entries)


def typed(desk: Desk, text: str) -> bool:
    return [type_key(desk, key) for key in text][-1]


def drawn(desk: Desk) -> str:
    console = Console(width=140, height=48, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    with console.file:
        console.print(desk.draw(48), height=48)
        return console.export_text()


def test_the_panel_shows_state_and_does_what_is_typed():
    desk = Desk(UNITS["lcdm-4000"], drive=False)
    try:
        assert typed(desk, "fill_unit unit=unit1 notes=5x\x7f\n")
        assert desk.message == "done: act fill_unit"
        assert desk.hands.state()["units"]["unit1"] == 205
        typed(desk, "command dispense unit1=1\n")
        assert "--drive" in desk.message
        shown = drawn(desk)
        assert "unit1 205" in shown
        assert "jam" in shown
        assert desk.hands.server.path in shown
        assert not typed(desk, "q\n")
    finally:
        desk.close()


def test_the_panel_drives_the_device_with_our_driver():
    desk = Desk(UNITS["lcdm-4000"], drive=True)
    try:
        assert desk.bench is not None
        bench = desk.bench
        bench.run(bench.until(lambda: bench.driver.identity is not None, 10_000))
        typed(desk, "command dispense unit1=1 number=4\n")
        assert desk.message == "done: command dispense"
        bench.run(
            bench.until(lambda: any(isinstance(e, Entry) and "DispenseResult" in e.name for e in desk.frames), 10_000)
        )
        assert desk.hands.state()["tray"]["unit1"] == 1
        assert "DispenseResult" in drawn(desk)
    finally:
        desk.close()


def test_the_panel_runs_on_a_terminal_and_leaves_it_as_it_was():
    master, slave = pty.openpty()
    try:
        os.write(master, b"open\nq\n")
        with open(os.devnull, "w") as nowhere:
            run_panel(
                UNITS["lcdm-2000"], drive=False, console=Console(file=nowhere, force_terminal=True), descriptor=slave
            )
    finally:
        os.close(master)
        os.close(slave)


# ------------------------------------------------------------ the command line


def invoke(*arguments: str):
    return CliRunner().invoke(app, ["device", *arguments])


def test_selftest_writes_reports_and_ends_with_zero(tmp_path):
    result = invoke("selftest", "--simulator", "lcdm-1000", "--report", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "PASSED" in result.output
    assert {path.name for path in tmp_path.iterdir()} == {"lcdm-1000.html", "lcdm-1000.xml"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("selftest",),
        ("selftest", "--simulator", "nothing"),
        ("selftest", "/dev/null"),
        ("trace", "/dev/null"),
        ("console", "nothing"),
        ("selftest", "/dev/null", "--profile", "szzt", "--parity", "strange"),
    ],
)
def test_wrong_arguments_end_with_two(arguments):
    assert invoke(*arguments).exit_code == 2


def test_a_port_that_is_not_there_fails(tmp_path):
    missing = str(tmp_path / "nothing")
    assert invoke("selftest", missing, "--profile", "szzt").exit_code == 1
    assert invoke("probe", missing).exit_code == 2


def test_the_console_takes_lines_from_a_script():
    good = invoke("console", "lcdm-4000", "--do", "command dispense unit1=2 number=3", "--do", "take_notes")
    assert good.exit_code == 0, good.output
    assert "moved {'unit1': 2}" in good.output
    assert invoke("console", "lcdm-4000", "--do", "take_notes").exit_code == 1


def test_trace_serves_a_simulator_and_ends_when_told():
    command = [sys.executable, "-m", "kiosk", "device", "trace", "--simulator", "omron-3s4yr"]
    unit, clock, woken = UNITS["omron-3s4yr"], MonotonicClock(), threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        path = process.stdout.readline().split()[-1]
        bench = Bench(
            clock=clock,
            make_driver=unit.driver,
            line=SerialLine(path, SerialSettings(), woken.set),
            decoder=unit.decoder(),
            pace=RealPace(clock, woken),
            provides=frozenset(),
        )
        bench.run(bench.start())
        bench.close()
        process.send_signal(signal.SIGTERM)
        printed = process.stdout.read()
    assert process.returncode == 0
    assert "C02 initial reset, hold card" in printed
