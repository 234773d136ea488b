"""The commands, as processes."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from drivers.base.line import SerialLine
from kiosk.cli import app
from tests.benchmarks.live import ROOT, one_start


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kiosk", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


@pytest.mark.slow
def test_run_serves_the_bench_and_ends_cleanly(tmp_path: Path) -> None:
    process = started("run", "--no-window", "--var", str(tmp_path))
    try:
        assert process.stdout is not None
        address = re.fullmatch(r"bench\s+(http://127\.0\.0\.1:\d+/)\?token=(\S+)\n", process.stdout.readline())
        assert address is not None
        assert process.stdout.readline() == "no window: the bench page is the terminal's screen\n"
        assert process.stdout.readline() == "in service\n"
        with httpx.Client(base_url=address[1]) as client:
            assert client.get("/").status_code == 403
            client.get("/", params={"token": address[2]})
            assert client.get("/snapshot").json()["screen"] == "idle"
    finally:
        code, out, err = ended(process, signal.SIGINT)
    assert (code, out, err) == (0, "ended\n", "")
    assert {p.name for p in tmp_path.iterdir()} >= {"journal.db", "bank.db"}


def test_the_benchmark_of_a_start_measures_a_terminal_in_service() -> None:
    found = one_start(idle_s=0.5)
    assert 0 < found["start_s"] <= found["in_service_s"]
    assert 20 < found["resident_mb"] < 500  # the budget itself is the benchmark's to keep
    assert found["idle_cpu_percent"] >= 0


def test_a_served_device_answers_a_foreign_client() -> None:
    process = started("device", "serve", "pin_pad", "--profile", "szzt")
    try:
        assert process.stdout is not None
        path = process.stdout.readline().strip()
        line = SerialLine(path)
        try:
            line.write(bytes.fromhex("02 30 30 31 3a 03"))
            until = time.monotonic() + 1
            while time.monotonic() < until and not line.read_available():
                time.sleep(0.02)
        finally:
            line.close()
    finally:
        code, out, err = ended(process)
    assert (code, out, err) == (0, "", "")


def test_device_mistakes_name_what_there_is() -> None:
    runner = CliRunner()
    wrong = runner.invoke(app, ["device", "serve", "toaster"])
    assert wrong.exit_code == 2
    wrong = runner.invoke(app, ["device", "serve", "dispenser", "--profile", "szzt"])
    assert wrong.exit_code == 2
    listed = runner.invoke(app, ["device", "list"])
    assert listed.exit_code == 0
    for family in ("omron-3s4yr", "szzt", "lcdm-4000", "escpos", "nv200", "smart-payout", "ccnet", "honeywell"):
        assert re.search(rf"^\w+ +{family}$", listed.stdout, re.MULTILINE), family


def test_doctor_tells_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    runner = CliRunner()
    well = runner.invoke(app, ["doctor", "--var", str(tmp_path / "var")])
    assert well.exit_code == 0, well.stdout
    for what in ("Python", "packages", "configuration", "display", "fonts", "chromium", "ports", "var"):
        assert re.search(rf"^(ok|note)\s+{what}:", well.stdout, re.MULTILINE), what
    file = tmp_path / "file"
    file.write_text("in the way")
    ill = runner.invoke(app, ["doctor", "--var", str(file), "--config", str(tmp_path / "none")])
    assert ill.exit_code == 1
    assert "FAIL  configuration" in ill.stdout
    assert "name another with --var" in ill.stdout
