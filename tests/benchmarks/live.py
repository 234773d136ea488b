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
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTED_WITHIN_S = 60.0
IDLE_S = 5.0


def measure(idle_s: float = IDLE_S) -> dict[str, float]:
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
            idle = (_cpu_s(process.pid) - used) / idle_s * 100
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


def _cpu_s(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("the kernel does not tell VmRSS")


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:18} {value}")
