"""A pseudo-terminal in the middle: writes down both directions, and spoils what a test tells it to.

It stands between a foreign program and the pseudo-terminal of a simulated device. What is written down is
what the device itself received and sent; a `Spoil` acts between the device and the program.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from drivers.base.clock import Clock
from drivers.sim.pty import PtyServer
from tests.peers.transcript import Step

CHUNK_BYTES: Final = 4_096
JOIN_S: Final = 2.0
WHEN_WITHIN_S: Final = 20.0
NEAR_MS: Final = 15  # pieces of one write that the terminal tore apart are one step

Effect = Literal["drop", "twice", "damage"]


@dataclass(slots=True)
class Spoil:
    """What happens to the next `times` chunks of `direction` that begin with `begins`.

    `drop`: it is lost. `twice`: it is delivered again right behind itself. `damage`: its last byte is
    turned over, so that the check is wrong.
    """

    effect: Effect
    direction: Literal["to_device", "from_device"]
    begins: bytes
    times: int = 1
    struck: int = 0

    def apply(self, data: bytes) -> bytes:
        if self.struck >= self.times or not data.startswith(self.begins):
            return data
        self.struck += 1
        if self.effect == "drop":
            return b""
        return data * 2 if self.effect == "twice" else data[:-1] + bytes([data[-1] ^ 0xFF])


class SniffingProxy:
    """`path` is what the program opens. Use as a context; hands go through `act` and `strike`."""

    def __init__(self, server: PtyServer, clock: Clock, spoils: tuple[Spoil, ...] = ()) -> None:
        self.steps: list[Step] = []
        self._server = server
        self._clock = clock
        self._spoils = spoils
        self._began_ms = clock.now_ms()
        self._lock = threading.Lock()
        self._passed = threading.Condition()
        self._answers = 0
        self._program, self._kept_open = os.openpty()
        tty.setraw(self._kept_open)
        self.path = os.ttyname(self._kept_open)
        self._device = os.open(server.path, os.O_RDWR | os.O_NOCTTY)
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._carry, name=f"proxy on {self.path}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._wake, b"w")
        self._thread.join(JOIN_S)
        for descriptor in (self._program, self._kept_open, self._device, self._woken, self._wake):
            os.close(descriptor)

    def spoil(self, *spoils: Spoil) -> None:
        """Spoil what passes from now on."""
        self._spoils += spoils

    @property
    def unstruck(self) -> list[Spoil]:
        """What was to be spoiled and never came."""
        return [spoil for spoil in self._spoils if spoil.struck < spoil.times]

    def act(self, name: str, **arguments: Any) -> None:
        self._note("act", name=name, arguments=arguments)
        self._server.act(name, **arguments)

    def act_when(self, ready: Callable[[Mapping[str, Any]], bool], name: str, **arguments: Any) -> None:
        """Act right behind the next answer of the device after which its state is `ready`.

        Behind an answer, because nothing is under way then: what comes first is the same in a replay.
        """
        with self._passed:
            before = self._answers
            if not self._passed.wait_for(lambda: self._answers > before and ready(self._server.state()), WHEN_WITHIN_S):
                raise AssertionError(f"{name}: the device never came so far: {self._server.state()}")
        self.act(name, **arguments)

    def strike(self, name: str, **arguments: Any) -> None:
        self._note("strike", name=name, arguments=arguments)
        self._server.strike(name, **arguments)

    def _note(self, kind: str, data: bytes = b"", name: str = "", arguments: Mapping[str, Any] | None = None) -> None:
        at_ms = self._clock.now_ms() - self._began_ms
        with self._lock:
            last = self.steps[-1] if self.steps else None
            if data and last is not None and last.kind == kind and at_ms - last.at_ms <= NEAR_MS:
                self.steps[-1] = Step(last.at_ms, kind, last.data + data)
            else:
                self.steps.append(Step(at_ms, kind, data, name, arguments or {}))

    def _carry(self) -> None:
        while True:
            ready, _, _ = select.select([self._woken, self._program, self._device], [], [])
            if self._woken in ready:
                return
            if self._device in ready:  # first: what it said came before what the program says now
                self._pass("from_device", self._device, self._program)
                with self._passed:
                    self._answers += 1
                    self._passed.notify_all()
            if self._program in ready:
                self._pass("to_device", self._program, self._device)

    def _pass(self, direction: Literal["to_device", "from_device"], source: int, sink: int) -> None:
        with contextlib.suppress(OSError):
            data = os.read(source, CHUNK_BYTES)
            spoilt = data
            for spoil in self._spoils:
                if spoil.direction == direction and spoilt:
                    spoilt = spoil.apply(spoilt)
            at_device = spoilt if direction == "to_device" else data
            if at_device:
                self._note(direction, at_device)
            while spoilt:
                spoilt = spoilt[os.write(sink, spoilt) :]
