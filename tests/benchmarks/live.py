"""The live terminal as a process: how fast it starts, what it weighs, what it does when nobody is there.

    python -m tests.benchmarks.live
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kiosk.benchmarks import Measured

ROOT = Path(__file__).parents[2]
STARTED_WITHIN_S = 60.0
IDLE_S = 5.0
STARTS = 3


def one_start(idle_s: float = IDLE_S) -> dict[str, float]:
    """Return start_s (to the bench's address, and so to a page), in_service_s (mechanics of the simulators included),
    resident_mb and idle_cpu_percent of a terminal with embedded bank, simulators and bench, without a window.
    """
    with tempfile.TemporaryDirectory(prefix="kiosk-live-") as folder:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "kiosk", "run", "--no-window", "--var", folder],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            at: dict[str, float] = {}
            for line in process.stdout:
                at[line.split()[0]] = time.monotonic() - began
                if line.startswith("in service"):
                    break
                assert time.monotonic() - began < STARTED_WITHIN_S, "it does not come into service"
            used = _cpu_s(process.pid)
            time.sleep(idle_s)
            idle = (_cpu_s(process.pid) - used) / idle_s * 100 if idle_s else 0.0
            resident = _resident_mb(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(20)
            assert process.stdout is not None
            process.stdout.close()
        assert code == 0, f"it ended with {code}"
    return {
        "start_s": round(at["bench"], 2),
        "in_service_s": round(at["in"], 2),
        "resident_mb": round(resident, 1),
        "idle_cpu_percent": round(idle, 2),
    }


def measure() -> Iterator[Measured]:
    """Yield the figures beside their budgets, the best of a few starts: the others measure the neighbours."""
    starts = [one_start(IDLE_S if n == 0 else 0.0) for n in range(STARTS)]
    load = os.getloadavg()[0]
    note = f"best of {STARTS}, {os.cpu_count()} cores, load {load:.1f}"
    yield Measured("start to the bench's address", min(s["start_s"] for s in starts), "s", note=note)
    yield Measured("start to in service, with simulators and bank", min(s["in_service_s"] for s in starts), "s", 1,
                   note=note)  # fmt: skip
    yield Measured("resident memory of the running terminal", starts[0]["resident_mb"], "MB", 120)
    yield Measured("idle CPU", starts[0]["idle_cpu_percent"], "% of a core", 3, note=f"over {IDLE_S:.0f} s")


def _cpu_s(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("the kernel does not tell VmRSS")


if __name__ == "__main__":
    for row in measure():
        print(f"{row.what:48} {row.value:6} {row.unit}: {row.verdict} ({row.note})")
