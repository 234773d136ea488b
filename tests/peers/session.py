"""One session of a foreign program with a simulated device, run or replayed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from drivers.base.clock import MonotonicClock
from drivers.sim.pty import PtyServer, serve_pty
from tests.peers.devices import DEVICES
from tests.peers.environment import PeerMissing
from tests.peers.proxy import SniffingProxy, Spoil
from tests.peers.transcript import PLACE, Transcript, load, replay

CLIENTS: Final = Path(__file__).parent / "clients"
SESSION_WITHIN_S: Final = 60.0
RECORD: Final = "KIOSK_RECORD_PEERS"  # set to 1: sessions that pass are written to transcripts/
PASSED_ON: Final = ("PATH", "HOME", "LANG")


@dataclass
class Running:
    """A client under way; `answer` waits for its end."""

    process: subprocess.Popen[str]

    def answer(self) -> Any:
        said, errors = self.process.communicate(timeout=SESSION_WITHIN_S)
        assert self.process.returncode == 0, f"ended with {self.process.returncode}:\n{errors}{said}"
        return json.loads(said.splitlines()[-1])


@dataclass
class Session:
    """What a test has of a session under way: the program's `path`, the hands, and the device's state."""

    proxy: SniffingProxy
    server: PtyServer
    device: Any
    expect: dict[str, Any] = field(default_factory=dict)

    def run(self, command: Sequence[str | Path], *words: object) -> Any:
        """Run a client on the port; return the JSON it says at the end."""
        return run_client([*command, self.proxy.path, *words])

    @contextmanager
    def running(self, command: Sequence[str | Path], *words: object) -> Iterator[Running]:
        """Run a client that says ``ready`` first; hands act on the device while it runs."""
        with started([*command, self.proxy.path, *words]) as program:
            yield program

    def state(self, *names: str) -> dict[str, Any]:
        """Return these entries of the device's state; they are kept as what must hold after a replay."""
        state = self.server.state()
        found = {name: state[name] for name in names}
        self.expect.update(found)
        return found


@contextmanager
def started(command: Sequence[object]) -> Iterator[Running]:
    """Start a foreign client without our packages on its path, and wait until it is ready."""
    process = subprocess.Popen(
        written(command),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CLIENTS,
        env=environment(),
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if line.strip() != "ready":
                process.kill()
                errors = process.stderr.read() if process.stderr is not None else ""
                raise AssertionError(f"{command[1]} was not ready: {line}{errors}")
            yield Running(process)
        finally:
            process.kill()


def written(command: Sequence[object]) -> list[str]:
    return [json.dumps(word) if isinstance(word, list | dict) else str(word) for word in command]


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def run_client(command: Sequence[object]) -> Any:
    """Run a foreign client without our packages on its path. Raises AssertionError with what it said."""
    done = subprocess.run(
        written(command),
        capture_output=True,
        text=True,
        timeout=SESSION_WITHIN_S,
        check=False,
        cwd=CLIENTS,
        env=environment(),
    )
    assert done.returncode == 0, f"{command[1]} ended with {done.returncode}:\n{done.stderr}{done.stdout}"
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def session(name: str, peer: str, device: str, about: str, spoils: tuple[Spoil, ...] = ()) -> Iterator[Session]:
    """Serve `device` to a program. When asked to, keep what passed as transcripts/`name`.yaml."""
    clock = MonotonicClock()
    made = DEVICES[device](clock)
    with (
        serve_pty(made, clock) as server,
        SniffingProxy(server, clock, spoils) as proxy,
    ):
        found = Session(proxy, server, made)
        yield found
        assert not proxy.unstruck
        steps = list(proxy.steps)
    if os.environ.get(RECORD):
        kept = Transcript(peer, device, about, steps, found.expect)
        replay(kept, DEVICES[device])  # only what can be said again is worth keeping
        kept.save(PLACE / f"{name}.yaml")


Note = Callable[[str, object], None]


def have(peer: str, make: Callable[[], Path], record_property: Note) -> Path:
    """Return what `make` makes. Where it cannot be had: replay the transcripts of `peer`, then skip."""
    try:
        made = make()
    except PeerMissing as missing:
        asked = replay_all(peer)
        record_property("peer", f"{peer}: replayed ({asked} messages), because {missing}")
        pytest.skip(f"{peer} cannot be had: {missing}; its transcripts were replayed, {asked} messages agree")
    record_property("peer", f"{peer}: ran")
    return made


def replay_all(peer: str) -> int:
    """Replay every transcript of `peer`; return how many messages of the program were said again."""
    transcripts: Mapping[Path, Transcript] = {path: load(path) for path in sorted(PLACE.glob("*.yaml"))}
    asked = 0
    for transcript in transcripts.values():
        if transcript.peer == peer:
            replay(transcript, DEVICES[transcript.device])
            asked += transcript.asked
    assert asked, f"there is no transcript of {peer}"
    return asked
