"""The connection to the host: one thread that connects, moves bytes and comes back. It decides nothing.

The thread owns the socket alone (a TLS object must not be read and written from two threads), so `write` puts
bytes into a queue and wakes it. Bytes read before a connection broke stay readable, and the connection keeps
its number until they were read: the last answer before a break is not lost on the way up.
"""

from __future__ import annotations

import contextlib
import random
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

CONNECT_WITHIN_S: Final = 10.0
LOOK_UP_S: Final = 1.0  # the longest the thread sits in select without looking whether to stop
BACK_OFF_FIRST_S: Final = 1.0
BACK_OFF_MAX_S: Final = 60.0
QUEUE_MAX_BYTES: Final = 1 << 20  # 256 longest messages: whoever is further behind is not reading
CHUNK: Final = 65_536


class TcpLink:
    """A line to ``host:port`` over TCP, with TLS when a context is given (plain is for the demo profile).

    `on_data` is called from the thread when bytes came or the connection came or went; it must only wake
    somebody. `seed` spreads the reconnections of many terminals (jitter of a quarter).
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        on_data: Callable[[], None] | None = None,
        back_off_first_s: float = BACK_OFF_FIRST_S,
        seed: int = 0,
    ) -> None:
        self._address = (host, port)
        self._tls = tls
        self._on_data = on_data or (lambda: None)
        self._back_off_first_s = back_off_first_s
        self._jitter = random.Random(seed)
        self._lock = threading.Lock()
        self._in: deque[bytes] = deque()
        self._in_bytes = 0
        self._out = bytearray()
        self._number = 0
        self._up = False
        self._drop = False
        self._closing = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self.last_error = ""
        self._thread = threading.Thread(target=self._run, name=f"host line {host}:{port}", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ for the owner

    @property
    def connected(self) -> bool:
        return self._up

    @property
    def connection(self) -> int:
        """The number of the present connection; 0 while there is none and all that came was read."""
        with self._lock:
            return self._number if self._up or self._in else 0

    def write(self, data: bytes) -> None:
        """Queue `data` for the present connection; dropped while there is none."""
        with self._lock:
            if not self._up:
                return
            self._out += data
            if len(self._out) > QUEUE_MAX_BYTES:
                self._drop = True
        self._wake()

    def read_available(self) -> bytes:
        """Return what has arrived, b"" for nothing yet."""
        with self._lock:
            data = b"".join(self._in)
            self._in.clear()
            self._in_bytes = 0
        return data

    def next_deadline_ms(self) -> int | None:
        """Return None: the thread keeps its own time and calls `on_data`."""
        return None

    def drop(self) -> None:
        """Break the present connection; a new one follows."""
        self._drop = True
        self._wake()

    def close(self) -> None:
        """End the thread and the connection; harmless the second time."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake()
        self._thread.join(CONNECT_WITHIN_S + LOOK_UP_S)
        self._wake_in.close()
        self._wake_out.close()

    # ------------------------------------------------------------ the thread

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake_in.send(b"\0")

    def _run(self) -> None:
        back_off_s = self._back_off_first_s
        while not self._closing.is_set():
            try:
                connection = self._connect()
            except OSError as error:
                self.last_error = str(error)
            else:
                back_off_s = self._back_off_first_s
                self._serve(connection)
            self._closing.wait(back_off_s * (1 + self._jitter.random() / 4))
            back_off_s = min(back_off_s * 2, BACK_OFF_MAX_S)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=CONNECT_WITHIN_S)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_hostname=self._address[0])
            connection.setblocking(False)
        except OSError:
            connection.close()
            raise
        return connection

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._in.clear()
            self._in_bytes = 0
            self._out.clear()
            self._drop = False
            self._number += 1
            self._up = True
        self._on_data()
        try:
            while not self._closing.is_set() and not self._drop:
                self._move(connection)
        except OSError as error:
            self.last_error = str(error)
        finally:
            with self._lock:
                self._up = False
            connection.close()
            self._on_data()

    def _move(self, connection: socket.socket) -> None:
        wanted = [connection] if self._out else []
        readable, _, _ = select.select([connection, self._wake_out], wanted, [], LOOK_UP_S)
        if self._wake_out in readable:
            with contextlib.suppress(BlockingIOError):
                self._wake_out.recv(CHUNK)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            while True:
                data = connection.recv(CHUNK)
                if not data:
                    raise ConnectionResetError("the host closed the connection")
                self._arrived(data)
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError), self._lock:
            while self._out:
                sent = connection.send(self._out)
                del self._out[:sent]

    def _arrived(self, data: bytes) -> None:
        with self._lock:
            self._in.append(data)
            self._in_bytes += len(data)
            if self._in_bytes > QUEUE_MAX_BYTES:
                raise ConnectionAbortedError("nobody reads the host line")
        self._on_data()
