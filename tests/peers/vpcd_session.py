"""Run a PC/SC client against our chip card, alone in a name space of its own: ``unshare -n -m python -m ...``.

Port 35963 and /run/pcscd are global on a machine, so the network and the mounts here are private: a loopback that
nobody else sees, a tmpfs over /run/pcscd. Then pcscd with the virtual reader, our card as its client, and the
foreign program. The last line printed is JSON: what the client said, and the transcript.

argv: the folder of the unpacked Debian packages, then the client's command.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.base.clock import MonotonicClock
from drivers.sim.chip_card import SimChipCard
from drivers.sim.vpcd import PORT, VpcdCard

SIOCSIFFLAGS, IFF_UP, IFF_LOOPBACK = 0x8914, 0x1, 0x8
CONFIGURATION = """FRIENDLYNAME "Virtual PCD"
DEVICENAME /dev/null:0x8C7B
LIBPATH /run/pcscd/root/usr/lib/pcsc/drivers/serial/libifdvpcd.so
CHANNELID 0x8C7B
"""
WITHIN_S = 10.0
CLIENT_WITHIN_S = 40.0


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP | IFF_LOOPBACK))


def until(ready: Callable[[], Any], what: str) -> Any:
    ends = time.monotonic() + WITHIN_S
    while time.monotonic() < ends:
        try:
            found = ready()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"{what} did not come up")


def received(connection: socket.socket) -> bytes:
    """Return what comes; nothing at the end, however pcscd goes."""
    try:
        return connection.recv(4_096)
    except ConnectionError:
        return b""


def serve(connection: socket.socket, card: VpcdCard, steps: list[dict[str, Any]]) -> None:
    clock = MonotonicClock()
    began_ms = clock.now_ms()
    while data := received(connection):
        at_ms = clock.now_ms() - began_ms
        steps.append({"at_ms": at_ms, "to_device": data.hex()})
        answer = card.receive(data)
        if answer:
            steps.append({"at_ms": at_ms, "from_device": answer.hex()})
            connection.sendall(answer)


def main() -> None:
    root, *client = sys.argv[1:]
    loopback_up()
    Path("/run/pcscd").mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/pcscd"], check=True)
    Path("/run/pcscd/root").symlink_to(root)  # pcscd's parser takes only a few characters in a path
    readers = Path("/run/pcscd/readers")
    readers.mkdir()
    (readers / "vpcd").write_text(CONFIGURATION)
    environment = {**os.environ, "LD_LIBRARY_PATH": f"{root}/usr/lib/x86_64-linux-gnu"}
    daemon = subprocess.Popen(
        [f"{root}/usr/sbin/pcscd", "--foreground", "--config", str(readers)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    steps: list[dict[str, Any]] = []
    try:
        connection = until(lambda: socket.create_connection(("127.0.0.1", PORT)), "the virtual reader")
        until(lambda: Path("/run/pcscd/pcscd.comm").exists(), "pcscd")
        threading.Thread(target=serve, args=(connection, VpcdCard(SimChipCard()), steps), daemon=True).start()
        environment["PYTHONPATH"] = f"{root}/usr/lib/python3/dist-packages"
        done = subprocess.run(
            client, env=environment, capture_output=True, text=True, timeout=CLIENT_WITHIN_S, check=False
        )
    finally:
        daemon.terminate()
        daemon.wait(WITHIN_S)
    if done.returncode:
        raise SystemExit(f"the client ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    print(json.dumps({"client": json.loads(done.stdout.splitlines()[-1]), "steps": steps}))


if __name__ == "__main__":
    main()
