"""The line to a device: bytes out, bytes in, and one exception when the cable is gone.

A line has three faces with the same two calls: `SerialLine` (a port, a pseudo-terminal, ``socket://``),
`MemoryLine` (one end of a pair in memory) and `drivers.sim.wire.Wire` (a simulator on a clock). Whoever
drives a device knows only `Line`.

`SerialLine` is the one place below the kernel with a thread: it moves bytes from the port into a bounded
queue and calls `on_data` so that the loop wakes up. It decides nothing. After a loss the line stays lost and
keeps telling the first cause; whoever wants to try again opens a new one.

Traps of pseudo-terminals that `_TolerantSerial` steps over (pyserial 3.5, Linux): a pty drops the parity
bit, so a second configuration with the same settings answers EINVAL although nothing is wrong; and it has no
modem lines, so reading or setting one answers ENOTTY.
"""

from __future__ import annotations

import contextlib
import errno
import termios
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import serial

from drivers.base.errors import LineError

QUEUE_MAX_BYTES: Final = 65_536  # 68 s of 9600 bit/s: a loop that is further behind than that is dead
READ_WAIT_S: Final = 0.2  # how long `close` may have to wait where a read cannot be cancelled (sockets)
WRITE_WAIT_S: Final = 2.0  # longest frame of any device at 9600 bit/s takes a tenth of it

Parity = Literal["none", "even", "odd"]
_PARITY: Final = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}


class Line(Protocol):
    """One open line, seen from the terminal."""

    def write(self, data: bytes) -> None:
        """Send all of `data`. Raises LineError when the line is lost."""
        ...

    def read_available(self) -> bytes:
        """Return what has arrived, b"" for nothing yet. Raises LineError when lost and all is read."""
        ...

    def close(self) -> None:
        """Let go of the line; harmless when it is closed or lost."""
        ...


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How the bits travel. Ignored by pseudo-terminals and sockets."""

    baud: int = 9600
    bytesize: Literal[7, 8] = 8
    parity: Parity = "none"
    stopbits: Literal[1, 2] = 1


class _TolerantSerial(serial.Serial):
    """A serial port that takes a pseudo-terminal for one."""

    def _reconfigure_port(self, force_update: bool = False) -> None:
        try:
            super()._reconfigure_port(force_update=force_update)  # type: ignore[misc]
        except termios.error as error:
            if error.args[:1] != (errno.EINVAL,):
                raise

    @property
    def cts(self) -> bool:
        return self._modem_line("cts")

    @property
    def dsr(self) -> bool:
        return self._modem_line("dsr")

    @property
    def ri(self) -> bool:
        return self._modem_line("ri")

    @property
    def cd(self) -> bool:
        return self._modem_line("cd")

    def _modem_line(self, name: str) -> bool:
        reader = getattr(serial.Serial, name)
        try:
            return bool(reader.fget(self))
        except OSError as error:
            if error.errno not in (errno.ENOTTY, errno.EINVAL):
                raise
            return True


class SerialLine:
    """A line over pyserial.

    `port` is a device path (``/dev/ttyUSB0``, ``/dev/pts/3``) or a pyserial URL (``socket://host:port``).
    `on_data` is called from the reader thread, after bytes came in and when the line is lost; it must only
    wake somebody. Raises LineError if the port cannot be opened.
    """

    def __init__(
        self, port: str, settings: SerialSettings | None = None, on_data: Callable[[], None] | None = None
    ) -> None:
        self._name = port
        self._on_data = on_data
        self._chunks: deque[bytes] = deque()
        self._queued_bytes = 0
        self._lock = threading.Lock()
        self._lost: str | None = None
        self._closing = False
        self._port = _open(port, settings or SerialSettings())
        self._thread = threading.Thread(target=self._move_bytes, name=f"line {port}", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        if self._lost is not None:
            raise LineError(self._lost)
        try:
            self._port.write(data)
        except (serial.SerialException, OSError) as error:
            raise LineError(self._lose(f"writing failed: {error}")) from error

    def read_available(self) -> bytes:
        with self._lock:
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._queued_bytes = 0
        if not data and self._lost is not None:
            raise LineError(self._lost)
        return data

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._lose("it was closed by us")
        with contextlib.suppress(AttributeError, OSError):  # sockets have no cancel_read
            self._port.cancel_read()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5 * READ_WAIT_S)
        with contextlib.suppress(OSError):
            self._port.close()

    def _move_bytes(self) -> None:
        while self._lost is None:
            try:
                data = self._port.read(1)
                if data:
                    data += self._port.read(self._port.in_waiting)
            except (serial.SerialException, OSError, TypeError) as error:  # TypeError: closed while reading
                self._lose(f"reading failed: {error}")
                break
            if data:
                self._take(data)

    def _take(self, data: bytes) -> None:
        with self._lock:
            full = self._queued_bytes + len(data) > QUEUE_MAX_BYTES
            if not full:
                self._chunks.append(data)
                self._queued_bytes += len(data)
        if full:
            self._lose(f"more than {QUEUE_MAX_BYTES} bytes came in and nobody read them")
        elif self._on_data is not None:
            self._on_data()

    def _lose(self, cause: str) -> str:
        """Keep the first cause, with port and remedy, and wake whoever waits."""
        with self._lock:
            first = self._lost is None
            if self._lost is None:
                self._lost = (
                    f"{self._name}: {cause}. Check cable and power of the device, then open the line again"
                )
            lost = self._lost
        if first and not self._closing and self._on_data is not None:
            self._on_data()
        return lost


def _open(port: str, settings: SerialSettings) -> Any:
    options: dict[str, Any] = {
        "baudrate": settings.baud,
        "bytesize": settings.bytesize,
        "parity": _PARITY[settings.parity],
        "stopbits": settings.stopbits,
        "timeout": READ_WAIT_S,
        "write_timeout": WRITE_WAIT_S,
    }
    try:
        if "://" in port:
            return serial.serial_for_url(port, **options)
        return _TolerantSerial(port, exclusive=True, **options)
    except (serial.SerialException, OSError, ValueError) as error:
        remedy = (
            "Check the name of the port, that the device is plugged in and that no other program holds it"
        )
        raise LineError(f"{port}: cannot be opened: {error}. {remedy}") from error


class MemoryLine:
    """One end of a line in memory; `MemoryLine.pair()` makes both. No clock, no delay, no thread."""

    def __init__(self) -> None:
        self._inbox: deque[bytes] = deque()
        self._far: MemoryLine | None = None

    @classmethod
    def pair(cls) -> tuple[MemoryLine, MemoryLine]:
        near, far = cls(), cls()
        near._far, far._far = far, near
        return near, far

    def write(self, data: bytes) -> None:
        if self._far is None:
            raise LineError("memory line: it was closed. Make a new pair")
        self._far._inbox.append(data)

    def read_available(self) -> bytes:
        data = b"".join(self._inbox)
        self._inbox.clear()
        if not data and self._far is None:
            raise LineError("memory line: it was closed. Make a new pair")
        return data

    def close(self) -> None:
        far, self._far = self._far, None
        if far is not None:
            far._far = None
