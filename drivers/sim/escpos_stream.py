"""The byte stream a receipt printer takes, cut into operations. Written from the printer's side.

There are two ways through a printer. *Real-time* commands (DLE ...) are acted on when their bytes arrive,
wherever they stand; a real unit finds them even inside the data of a picture. *Buffered* commands wait
their turn. So a stream is read twice: `RealTimeScanner` looks for the former at each byte, `Tokenizer`
cuts the whole into operations in order. A real-time command is an operation of the latter too, so that
its place can be known.

Source: Pyramid Technologies, Reliance ESC/POS reference; Epson TM and Custom KPM manuals.
"""

from __future__ import annotations

from typing import Final, NamedTuple

DLE, ESC, GS, FS = 0x10, 0x1B, 0x1D, 0x1C
_BUFFER_MAX: Final = 65_536  # an operation that is longer is no operation; a printer would have overrun

_FIXED: Final = {
    ESC: {
        **dict.fromkeys(b"@im2vLS<\x0c", 0),
        **dict.fromkeys(b"dJaE-!tMVGR 3{eKQ=Uru%", 1),
        **dict.fromkeys(b"c$\\", 2),
        ord("p"): 3,
        ord("W"): 8,
    },
    GS: {
        ord(":"): 0,
        **dict.fromkeys(b"!BhwHfarITbj/", 1),
        **dict.fromkeys(b"LWP$\\", 2),
        ord("^"): 3,
    },
    FS: {
        **dict.fromkeys(b"&.", 0),
        **dict.fromkeys(b"!-CW", 1),
        **dict.fromkeys(b"Sp", 2),
    },
}
"""Commands whose parameters are always as many bytes."""


class Operation(NamedTuple):
    """One command or one run of text.

    `name`: ``"text"``, a control (``"LF"``), a command (``"ESC a"``, ``"GS V"``, ``"DLE EOT"``) or
    ``"unknown"``.
    """

    name: str
    data: bytes


class Tokenizer:
    """Cuts the stream into operations; keeps what is not complete."""

    def __init__(self) -> None:
        self._pending = b""

    @property
    def pending(self) -> int:
        """Bytes of an operation that is not complete."""
        return len(self._pending)

    def reset(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[Operation]:
        data = self._pending + data
        operations: list[Operation] = []
        at = 0
        while at < len(data):
            taken = _next(data, at)
            if taken is None:
                break
            operation, at = taken
            operations.append(operation)
        self._pending = data[at:]
        if len(self._pending) > _BUFFER_MAX:
            operations.append(Operation("unknown", self._pending))
            self._pending = b""
        return operations


def _next(data: bytes, at: int) -> tuple[Operation, int] | None:
    """Return the operation at `at` and where the next begins, or None when it is not complete."""
    first = data[at]
    if first >= 0x20:
        end = at
        while end < len(data) and data[end] >= 0x20:
            end += 1
        return Operation("text", data[at:end]), end
    if first not in (DLE, ESC, GS, FS):
        name = {0x0A: "LF", 0x0D: "CR", 0x09: "HT", 0x0C: "FF", 0x18: "CAN"}.get(first, "unknown")
        return Operation(name, data[at : at + 1]), at + 1
    if at + 1 >= len(data):
        return None
    second = data[at + 1]
    length = _real_time_length(data, at) if first == DLE else _length(data, at, first, second)
    if length is None or at + length > len(data):
        return None
    if first == DLE:
        name = {0x04: "DLE EOT", 0x05: "DLE ENQ", 0x14: "DLE DC4"}.get(second, "unknown")
        return Operation(name, data[at + 2 : at + length]), at + length
    prefix = {ESC: "ESC", GS: "GS", FS: "FS"}[first]
    known = second in _FIXED[first] or bytes((first, second)) in _VARIABLE
    name = f"{prefix} {chr(second)}" if known else "unknown"
    return Operation(name, data[at + 2 : at + length]), at + length


_VARIABLE: Final = {
    bytes(pair)
    for pair in (
        (ESC, ord("*")),
        (ESC, ord("D")),
        (GS, ord("V")),
        (GS, ord("k")),
        (GS, ord("(")),
        (GS, ord("v")),
        (GS, ord("e")),
        (GS, ord("*")),
        (FS, ord("(")),
    )
}


def _length(data: bytes, at: int, first: int, second: int) -> int | None:
    """Return how many bytes the whole command takes, or None when that is not known yet."""
    fixed = _FIXED[first].get(second)
    if fixed is not None:
        return 2 + fixed
    rest = data[at + 2 : at + 10]
    command = chr(second)
    if first == ESC and command == "*":
        if len(rest) < 3:
            return None
        return 5 + (rest[1] + 256 * rest[2]) * (3 if rest[0] in (32, 33) else 1)
    if first == ESC and command == "D":
        return _through_nul(data, at)
    if command == "(" and first in (GS, FS):
        return None if len(rest) < 3 else 5 + rest[1] + 256 * rest[2]
    if first == GS and command == "V":
        return None if not rest else 4 if rest[0] in (65, 66, 97, 98, 103, 104) else 3
    if first == GS and command == "k":
        if not rest:
            return None
        if rest[0] < 65:
            return _through_nul(data, at)
        return None if len(rest) < 2 else 4 + rest[1]
    if first == GS and command == "v":
        if len(rest) < 6:
            return None
        return 8 + (rest[2] + 256 * rest[3]) * (rest[4] + 256 * rest[5])
    if first == GS and command == "e":
        return None if not rest else 3 + {3: 1, 32: 2}.get(rest[0], 0)
    if first == GS and command == "*":
        return None if len(rest) < 2 else 4 + rest[0] * rest[1] * 8
    return 2


def _through_nul(data: bytes, at: int) -> int | None:
    end = data.find(0, at + 3)
    return None if end < 0 else end + 1 - at


def _real_time_length(data: bytes, at: int) -> int | None:
    second = data[at + 1]
    if second in (0x04, 0x05):
        return 3
    if second != 0x14:
        return 1
    if at + 2 >= len(data):
        return None
    return {1: 5, 2: 5, 8: 10}.get(data[at + 2], 3)


class RealTimeScanner:
    """Finds ``DLE EOT n`` and ``DLE ENQ n`` anywhere in the stream, pictures included."""

    def __init__(self) -> None:
        self._tail = b""

    def reset(self) -> None:
        self._tail = b""

    def feed(self, data: bytes) -> list[Operation]:
        data = self._tail + data
        found: list[Operation] = []
        at = data.find(DLE)
        while 0 <= at <= len(data) - 3:
            if data[at + 1] in (0x04, 0x05):
                name = "DLE EOT" if data[at + 1] == 0x04 else "DLE ENQ"
                found.append(Operation(name, data[at + 2 : at + 3]))
                at = data.find(DLE, at + 3)
            else:
                at = data.find(DLE, at + 1)
        self._tail = data[at:] if at >= 0 else b""
        return found
