"""Serve a simulated device to anybody's program: on a pseudo-terminal or on a TCP port of this machine.

One thread moves bytes both ways on a real clock and keeps the delays of the device. Hands and faults reach
the device through the server, which holds one lock around it. A client may go and come back; what is sent
while nobody listens is lost, as on a cable.

    with serve_pty(SimLcdm4000(clock), clock) as port:
        print(port.path)                    # /dev/pts/7: open it with any program
        port.act("take_notes")

The device must be built on the clock that is given here. Nothing here is for rehearsals: they use
`drivers.sim.wire.Wire`, which waits for nothing. `step_pty` serves without a thread and on a clock that somebody
moves, so that a whole test suite over a real pseudo-terminal waits for nothing either.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import tty
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

from drivers.base.clock import Clock
from drivers.sim.device import Replies, SimDevice

LOOPBACK: Final = "127.0.0.1"
CHUNK_BYTES: Final = 4_096
JOIN_S: Final = 2.0


class Server:
    """One device, one endpoint, one thread. `path` is what a client opens."""

    def __init__(self, device: SimDevice, clock: Clock, path: str) -> None:
        self.path = path
        self._device = device
        self._clock = clock
        self._lock = threading.Lock()
        self._due: deque[tuple[int, bytes]] = deque()
        self._wake_out, self._wake_in = os.pipe()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name=f"device on {path}", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """End the thread and close the endpoint; harmless when stopped."""
        if self._stopping:
            return
        self._stopping = True
        self._wake()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        os.close(self._wake_out)
        os.close(self._wake_in)
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ------------------------------------------------------------ hands and faults, from any thread

    def act(self, name: str, **arguments: object) -> None:
        """Let a person do something; see `SimDevice.act`."""
        with self._lock:
            self._schedule(self._device.act(name, **arguments))
        self._wake()

    def strike(self, name: str, **arguments: object) -> None:
        """Arm a device fault; see `SimDevice.strike`."""
        with self._lock:
            self._device.strike(name, **arguments)

    def heal(self) -> None:
        """Clear every fault; see `SimDevice.heal`."""
        with self._lock:
            self._device.heal()
        self._wake()

    def power(self, on: bool) -> None:
        with self._lock:
            replies = self._device.power(on)
            if not on:
                self._due.clear()
            self._schedule(replies)
        self._wake()

    def state(self) -> Mapping[str, object]:
        with self._lock:
            return self._device.state()

    # ------------------------------------------------------------ what an endpoint is

    def _inputs(self) -> list[int]:
        """Return the descriptors to wait for."""
        raise NotImplementedError

    def _take(self, descriptor: int) -> bytes:
        """Return what came in on a descriptor that is ready."""
        raise NotImplementedError

    def _give(self, data: bytes) -> None:
        """Send to the client; what cannot be sent is lost."""
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------ the thread

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_in, b"w")

    def _schedule(self, replies: Replies) -> None:
        now_ms = self._clock.now_ms()
        for delay_ms, data in replies:
            at_ms = now_ms + delay_ms
            self._due.append((max(at_ms, self._due[-1][0]) if self._due else at_ms, data))

    def _wait_s(self) -> float | None:
        due_ms = self.next_deadline_ms()
        return None if due_ms is None else max(0, due_ms - self._clock.now_ms()) / 1_000

    def _serve(self) -> None:
        while not self._stopping:
            ready, _, _ = select.select([self._wake_out, *self._inputs()], [], [], self._wait_s())
            if self._wake_out in ready:
                os.read(self._wake_out, CHUNK_BYTES)
                ready.remove(self._wake_out)
            self._hear(ready)
            self._speak()

    def _hear(self, ready: list[int]) -> int:
        """Hand to the device what came in on descriptors that are ready; return how many bytes."""
        heard = 0
        for descriptor in ready:
            data = self._take(descriptor)
            heard += len(data)
            if data:
                with self._lock:
                    self._schedule(self._device.receive(data))
        return heard

    def _speak(self) -> int:
        """Let the device act on its deadline, and send what is due; return how many bytes."""
        with self._lock:
            due_ms = self._device.next_deadline_ms()
            if due_ms is not None and due_ms <= self._clock.now_ms():
                self._schedule(self._device.tick())
            out = b""
            while self._due and self._due[0][0] <= self._clock.now_ms():
                out += self._due.popleft()[1]
        if out:
            self._give(out)
        return len(out)

    def next_deadline_ms(self) -> int | None:
        """Return the next instant at which the device acts by itself or a byte of it is due."""
        with self._lock:
            instants = [at for at in (self._device.next_deadline_ms(),) if at is not None]
            if self._due:
                instants.append(self._due[0][0])
        return min(instants, default=None)


class PtyServer(Server):
    """A pseudo-terminal. Both ends stay open here, so a client may leave and come back."""

    def __init__(self, device: SimDevice, clock: Clock) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        super().__init__(device, clock, os.ttyname(self._slave))

    def _inputs(self) -> list[int]:
        return [self._master]

    def _take(self, descriptor: int) -> bytes:
        with contextlib.suppress(OSError):
            return os.read(descriptor, CHUNK_BYTES)
        return b""

    def _give(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the buffer is full: nobody has read for 18 KiB
            os.write(self._master, data)

    def _close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


class SteppedPty(PtyServer):
    """A pseudo-terminal without a thread: the device hears and speaks when `step` is called, and at no other time.

    `heard` and `said` count bytes from and to the client, so that whoever steps knows when nothing is under way.
    """

    def __init__(self, device: SimDevice, clock: Clock) -> None:
        super().__init__(device, clock)
        self.heard = self.said = 0
        self.stopped = False

    def step(self, wait_s: float = 0.0) -> None:
        """Take what the client sent, waiting at most `wait_s` for it; then let the device do what is due now."""
        ready, _, _ = select.select(self._inputs(), [], [], wait_s)
        self.heard += self._hear(ready)
        self.said += self._speak()

    def stop(self) -> None:
        self.stopped = True
        super().stop()

    def _wake(self) -> None:
        """There is nobody to wake."""


class TcpServer(Server):
    """A TCP port on loopback for one client at a time; a newcomer replaces the one before."""

    def __init__(self, device: SimDevice, clock: Clock, port: int) -> None:
        self._listener = socket.create_server((LOOPBACK, port))
        self._client: socket.socket | None = None
        self.port: int = self._listener.getsockname()[1]
        super().__init__(device, clock, f"socket://{LOOPBACK}:{self.port}")

    def _inputs(self) -> list[int]:
        return [self._listener.fileno(), *([self._client.fileno()] if self._client is not None else [])]

    def _take(self, descriptor: int) -> bytes:
        if descriptor == self._listener.fileno():
            self._hang_up()
            self._client, _ = self._listener.accept()
            self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return b""
        if self._client is None or descriptor != self._client.fileno():
            return b""
        with contextlib.suppress(OSError):
            data = self._client.recv(CHUNK_BYTES)
            if data:
                return data
        self._hang_up()
        return b""

    def _give(self, data: bytes) -> None:
        if self._client is not None:
            try:
                self._client.sendall(data)
            except OSError:
                self._hang_up()

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _close(self) -> None:
        self._hang_up()
        self._listener.close()


def serve_pty(device: SimDevice, clock: Clock) -> PtyServer:
    """Serve `device` on a new pseudo-terminal; `path` of the answer is its name."""
    return PtyServer(device, clock).start()


def step_pty(device: SimDevice, clock: Clock) -> SteppedPty:
    """Put `device` on a new pseudo-terminal that somebody steps; no thread is started."""
    return SteppedPty(device, clock)


def serve_tcp(device: SimDevice, clock: Clock, port: int = 0) -> TcpServer:
    """Serve `device` on 127.0.0.1:`port`, 0 for a free one; `path` is the URL pyserial opens."""
    return TcpServer(device, clock, port).start()
