"""Lines: over a pseudo-terminal, over TCP, in memory; and what they say when they are lost."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import tty

import pytest

from drivers.base.errors import LineError
from drivers.base.line import QUEUE_MAX_BYTES, MemoryLine, SerialLine, SerialSettings

PATIENCE_S = 5  # an event that has not come by then never will


class Far:
    """The far end of a pseudo-terminal."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)

    def close(self) -> None:
        for descriptor in (self.master, self.slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.fixture
def far():
    end = Far()
    yield end
    end.close()


class Bell:
    """Rings when a line wakes its loop."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def wait(self) -> None:
        assert self._event.wait(PATIENCE_S), "nobody rang"
        self._event.clear()


def read(line: SerialLine, bell: Bell, count: int) -> bytes:
    data = b""
    while len(data) < count:
        bell.wait()
        data += line.read_available()
    return data


@pytest.mark.parametrize("parity", ["none", "even", "odd"])
@pytest.mark.parametrize("bytesize", [7, 8])
def test_bytes_both_ways_and_a_pty_can_be_opened_again(far, parity, bytesize):
    settings = SerialSettings(parity=parity, bytesize=bytesize)
    for _ in range(3):  # a second opening with parity is where plain pyserial stumbles
        bell = Bell()
        line = SerialLine(far.path, settings, bell)
        try:
            line.write(b"\x04\x30")
            assert os.read(far.master, 10) == b"\x04\x30"
            assert line.read_available() == b""
            os.write(far.master, b"\x06\x01\x02")
            assert read(line, bell, 3) == b"\x06\x01\x02"
        finally:
            line.close()


def test_modem_lines_of_a_pty_read_as_set(far):
    line = SerialLine(far.path)
    try:
        assert line._port.cts
        assert line._port.dsr
        assert line._port.cd
        assert line._port.ri
    finally:
        line.close()


def test_lost_line_rings_keeps_the_rest_and_then_says_so(far):
    bell = Bell()
    line = SerialLine(far.path, on_data=bell)
    far.close()
    bell.wait()
    for _ in range(2):
        with pytest.raises(LineError, match=rf"{far.path}.*Check cable"):
            line.read_available()
        with pytest.raises(LineError, match="Check cable"):
            line.write(b"x")
    line.close()


def test_missing_port_is_named_with_a_remedy():
    with pytest.raises(LineError, match=r"/dev/no-such-port.*plugged in"):
        SerialLine("/dev/no-such-port")
    with pytest.raises(LineError, match="cannot be opened"):
        SerialLine("nonsense://x")


def test_port_belongs_to_one_line_at_a_time(far):
    line = SerialLine(far.path)
    try:
        with pytest.raises(LineError, match="no other program"):
            SerialLine(far.path)
    finally:
        line.close()


def test_closed_line_refuses_and_close_is_harmless_twice(far):
    line = SerialLine(far.path)
    line.close()
    line.close()
    assert not line._thread.is_alive()
    with pytest.raises(LineError, match="closed by us"):
        line.write(b"x")


def test_nobody_reading_ends_the_line_instead_of_the_memory(far):
    line = SerialLine(far.path)
    try:
        line._take(bytes(QUEUE_MAX_BYTES))
        line._take(b"x")
        assert len(line.read_available()) == QUEUE_MAX_BYTES
        with pytest.raises(LineError, match="nobody read them"):
            line.read_available()
    finally:
        line.close()


def test_socket_url():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        bell = Bell()
        line = SerialLine(f"socket://127.0.0.1:{listener.getsockname()[1]}", on_data=bell)
        client, _ = listener.accept()
        try:
            line.write(b"ping")
            assert client.recv(10) == b"ping"
            client.sendall(b"pong")
            assert read(line, bell, 4) == b"pong"
            client.close()
            bell.wait()
            with pytest.raises(LineError, match="socket://"):
                line.read_available()
        finally:
            client.close()
            line.close()


def test_memory_pair():
    near, far = MemoryLine.pair()
    near.write(b"a")
    near.write(b"b")
    assert far.read_available() == b"ab"
    assert far.read_available() == b""
    far.write(b"last words")
    far.close()
    assert near.read_available() == b"last words"
    for end in (near, far):
        with pytest.raises(LineError, match="new pair"):
            end.write(b"x")
        with pytest.raises(LineError, match="new pair"):
            end.read_available()
