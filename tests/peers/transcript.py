"""What was said between a foreign program and a simulated device, and saying it again.

A transcript is what passed at the device's own connector (behind whatever the proxy spoiled): instants in ms
from the beginning, hex, and what hands did meanwhile. `replay` plays the host's side and the hands on a
simulated clock, at the recorded instants, and compares everything the device says between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from drivers.base.clock import Clock, SimClock
from drivers.sim.device import SimDevice
from drivers.sim.wire import Wire

PLACE: Final = Path(__file__).parent / "transcripts"
LINGER_MS: Final = 60_000  # longest time a device may still take for its last answer
TICKS_MAX: Final = 10_000

Build = Callable[[Clock], SimDevice]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: `kind` is to_device, from_device, act or strike."""

    at_ms: int
    kind: str
    data: bytes = b""
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        if self.kind in ("to_device", "from_device"):
            return f"- {{at_ms: {self.at_ms}, {self.kind}: '{self.data.hex(' ')}'}}"
        given = yaml.safe_dump(dict(self.arguments), default_flow_style=True, width=1_000).strip()
        return f"- {{at_ms: {self.at_ms}, {self.kind}: {self.name}, arguments: {given}}}"


@dataclass(slots=True)
class Transcript:
    """`peer`: name and version; `device`: key of `devices.DEVICES`; `state`: what must hold afterwards."""

    peer: str
    device: str
    about: str
    steps: list[Step]
    state: dict[str, Any]

    @property
    def asked(self) -> int:
        return sum(step.kind == "to_device" for step in self.steps)

    def save(self, path: Path) -> None:
        head = {"peer": self.peer, "device": self.device, "about": self.about}
        tail = yaml.safe_dump({"state": self.state}, sort_keys=True, allow_unicode=True, width=100)
        lines = "\n".join(step.line() for step in self.steps)
        path.write_text(f"{yaml.safe_dump(head, sort_keys=False, width=100)}{tail}steps:\n{lines}\n")


def load(path: Path) -> Transcript:
    data = yaml.safe_load(path.read_text())
    return Transcript(
        peer=data["peer"],
        device=data["device"],
        about=data["about"],
        steps=[step_of(entry) for entry in data["steps"]],
        state=data["state"],
    )


def step_of(entry: Mapping[str, Any]) -> Step:
    """Read a step as it is written. Raises KeyError for one that is none."""
    for kind in ("to_device", "from_device"):
        if kind in entry:
            return Step(entry["at_ms"], kind, bytes.fromhex(entry[kind]))
    kind = "act" if "act" in entry else "strike"
    return Step(entry["at_ms"], kind, name=entry[kind], arguments=entry.get("arguments") or {})


def replay(transcript: Transcript, build: Build) -> tuple[Wire, SimClock]:
    """Play the host's side again. Raises AssertionError at the first byte that differs.

    Return the device on its wire and the clock, so that a test may go on from there.
    """
    clock = SimClock()
    device = build(clock)
    wire = Wire(clock, device)
    expected, heard = b"", b""

    def compare(where: str) -> None:
        assert heard == expected, (
            f"{transcript.peer}, {where}: the device said {heard.hex(' ') or 'nothing'}, "
            f"then it was {expected.hex(' ') or 'nothing'}"
        )

    for step in transcript.steps:
        if step.kind == "from_device":
            expected += step.data
            continue
        heard += run(wire, clock, step.at_ms)
        compare(f"before {step.at_ms} ms")
        expected, heard = b"", b""
        if step.kind == "to_device":
            wire.write(step.data)
        elif step.kind == "act":
            wire.act(step.name, **step.arguments)
        else:
            device.strike(step.name, **step.arguments)
    end_ms = max(clock.now_ms(), transcript.steps[-1].at_ms)
    heard += run(wire, clock, end_ms)
    for _ in range(TICKS_MAX):
        due_ms = wire.next_deadline_ms()
        if len(heard) >= len(expected) or due_ms is None or due_ms > end_ms + LINGER_MS:
            break
        heard += run(wire, clock, due_ms)
    compare("at the end")
    state = device.state()
    assert {name: state[name] for name in transcript.state} == transcript.state
    return wire, clock


def run(wire: Wire, clock: SimClock, until_ms: int) -> bytes:
    """Move the clock through every deadline up to `until_ms`; return what the device said meanwhile."""
    heard = wire.read_available()
    for _ in range(TICKS_MAX):
        due_ms = wire.next_deadline_ms()
        if due_ms is None or due_ms > until_ms:
            break
        clock.move_to(max(due_ms, clock.now_ms()))
        heard += wire.read_available()
    else:
        raise AssertionError("the device never rests")
    clock.move_to(max(until_ms, clock.now_ms()))
    return heard + wire.read_available()
