"""Watching: a simulator whose traffic can be seen, and a proxy that stands between a program and a port.

    program  <->  pseudo-terminal  [ Proxy: decode, print ]  SerialLine  <->  device

The proxy changes nothing and adds no byte. It hands on what comes as it comes; the decoder cuts frames out of
its own copy. The settings of the line are those of the port; a program's own settings for the pseudo-terminal
mean nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import tty
from collections.abc import Callable, Mapping
from typing import Final

from drivers.base.clock import Clock
from drivers.base.errors import LineError
from drivers.base.line import SerialLine, SerialSettings
from drivers.sim.device import Act, Fault, Replies, SimDevice
from kiosk.devicekit.frames import Decoder, Direction, Entry

Follow = Callable[[Entry], None]
CHUNK_BYTES: Final = 4_096


class WatchedDevice:
    """A simulator, told apart from the original only by an observer of its frames."""

    def __init__(self, device: SimDevice, clock: Clock, decoder: Decoder, follow: Follow) -> None:
        self.acts: Mapping[str, Act] = device.acts
        self.faults: Mapping[str, Fault] = device.faults
        self._device, self._clock, self._decoder, self._follow = device, clock, decoder, follow

    def receive(self, data: bytes) -> Replies:
        self._show(self._clock.now_ms(), "to_device", data)
        return self._told(self._device.receive(data))

    def tick(self) -> Replies:
        return self._told(self._device.tick())

    def next_deadline_ms(self) -> int | None:
        return self._device.next_deadline_ms()

    def act(self, name: str, **arguments: object) -> Replies:
        return self._told(self._device.act(name, **arguments))

    def strike(self, name: str, **arguments: object) -> None:
        self._device.strike(name, **arguments)

    def heal(self) -> None:
        self._device.heal()

    def power(self, on: bool) -> Replies:
        return self._told(self._device.power(on))

    def state(self) -> Mapping[str, object]:
        return self._device.state()

    def _told(self, replies: Replies) -> Replies:
        for delay_ms, data in replies:
            self._show(self._clock.now_ms() + delay_ms, "from_device", data)
        return replies

    def _show(self, at_ms: int, direction: Direction, data: bytes) -> None:
        for entry in self._decoder.feed(at_ms, direction, data):
            self._follow(entry)


class Proxy:
    """Opens `port` and offers `path`. Raises LineError when the port cannot be opened."""

    def __init__(
        self, port: str, settings: SerialSettings, clock: Clock, decoder: Decoder, follow: Follow, label: str = ""
    ) -> None:
        self._clock, self._decoder, self._follow, self.label = clock, decoder, follow, label
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)
        self._line = SerialLine(port, settings, self._wake)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._stopping = False

    def serve(self) -> None:
        """Hand bytes on until `stop`, from another thread or a signal. Raises LineError when the port is lost."""
        while not self._stopping:
            ready, _, _ = select.select([self._wake_out, self._master], [], [])
            if self._wake_out in ready:
                os.read(self._wake_out, CHUNK_BYTES)
                self._from_device()
            if self._master in ready:
                with contextlib.suppress(BlockingIOError):
                    data = os.read(self._master, CHUNK_BYTES)
                    self._show("to_device", data)
                    self._line.write(data)

    def stop(self) -> None:
        self._stopping = True
        self._wake()

    def close(self) -> None:
        """Let go of the port and the pseudo-terminal; after `serve` has returned."""
        self._line.close()
        for descriptor in (self._master, self._slave, self._wake_out, self._wake_in):
            os.close(descriptor)

    def _from_device(self) -> None:
        try:
            data = self._line.read_available()
        except LineError:
            if self._stopping:
                return
            raise
        if data:
            self._show("from_device", data)
            with contextlib.suppress(BlockingIOError):  # nobody reads the pseudo-terminal: lost, as on a cable
                os.write(self._master, data)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_in, b"w")

    def _show(self, direction: Direction, data: bytes) -> None:
        for entry in self._decoder.feed(self._clock.now_ms(), direction, data):
            self._follow(entry)
