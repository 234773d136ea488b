"""Frames of CCNET: bytes to values and back; no port, no clock, no meaning.

    02 | ADDR | LNG | body | CRC (2, low byte first)          LNG counts the whole frame
    02 | ADDR | 00  | LNG (2, high byte first) | body | CRC   for frames longer than 250 bytes

CRC: reflected 8408, start 0, over everything before it. The body of a command is its code and data; of an
answer, the state or the payload. There is no stuffing: after noise the reader looks for the next 02 with the
right address, and a false beginning costs no more than the bytes it claimed (`LENGTH_MAX`), or the silence after
which the owner calls `abandon`.

Sources: README.md of `drivers.note_acceptor`; the vectors in tests/vectors/note_acceptor.yaml.
"""

from __future__ import annotations

from typing import Final

from drivers.base.errors import RemoteProtocolError

SYNC: Final = 0x02
VALIDATOR: Final = 0x03
SHORT_MAX: Final = 250
LENGTH_MAX: Final = 1_024  # the longest answer known, the bill table, has 125; a longer claim is noise
_OVERHEAD: Final = 5  # 02, ADDR, LNG, CRC


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
        entries.append(crc)
    return tuple(entries)


_TABLE: Final = _table()


def crc16(data: bytes) -> int:
    """Return the CRC of CCNET (catalogue name CRC-16/KERMIT)."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def encode(body: bytes, address: int = VALIDATOR) -> bytes:
    """Return the frame that carries `body`. Raises ValueError for an empty or too long one."""
    length = len(body) + _OVERHEAD
    if not body or length + 2 > LENGTH_MAX:
        raise ValueError(f"a body has 1 to {LENGTH_MAX - _OVERHEAD - 2} bytes, not {len(body)}")
    if length <= SHORT_MAX:
        head = bytes((SYNC, address, length))
    else:
        head = bytes((SYNC, address, 0)) + (length + 2).to_bytes(2, "big")
    return head + body + crc16(head + body).to_bytes(2, "little")


def parse(wire: bytes, address: int = VALIDATOR) -> bytes:
    """Return the body of exactly one frame. Raises RemoteProtocolError saying what is wrong with it."""
    if wire[:1] != b"\x02" or wire[1:2] != bytes((address,)):
        raise RemoteProtocolError(f"not a header: {wire[:2].hex(' ')}")
    size = _length(wire)
    if size is None or size[0] != len(wire):
        raise RemoteProtocolError(f"{len(wire)} bytes do not fit their length")
    crc = int.from_bytes(wire[-2:], "little")
    if crc != crc16(wire[:-2]):
        raise RemoteProtocolError(f"CRC {crc:04X}, computed {crc16(wire[:-2]):04X}")
    return bytes(wire[size[1] : -2])


def _length(wire: bytes | bytearray) -> tuple[int, int] | None:
    """Return length and head of the frame `wire` begins with, (0, 0) if it is none, None if too short to say."""
    if len(wire) < 3:
        return None
    if wire[2]:
        return (wire[2], 3) if wire[2] > _OVERHEAD else (0, 0)
    if len(wire) < 5:
        return None
    length = int.from_bytes(wire[3:5], "big")
    return (length, 5) if _OVERHEAD + 2 < length <= LENGTH_MAX else (0, 0)


class Reader:
    """Takes bytes in any pieces, gives bodies. Never raises.

    `damaged` counts frames whose CRC was wrong since the last call of `take_damaged`: they are owed a NAK.
    """

    def __init__(self, address: int = VALIDATOR) -> None:
        self.discarded = 0
        self._head = bytes((SYNC, address))
        self._buffer = bytearray()
        self._damaged = 0

    @property
    def pending(self) -> bool:
        return bool(self._buffer)

    def take_damaged(self) -> int:
        count, self._damaged = self._damaged, 0
        return count

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        found = []
        while self._buffer:
            if not self._head.startswith(bytes(self._buffer[:2])):
                self._drop(1)
                continue
            size = _length(self._buffer)
            if size is None:
                break
            length, head = size
            if not length:
                self._drop(1)
            elif len(self._buffer) < length:
                break
            elif crc16(bytes(self._buffer[: length - 2])) == int.from_bytes(
                self._buffer[length - 2 : length], "little"
            ):
                found.append(bytes(self._buffer[head : length - 2]))
                del self._buffer[:length]
            else:
                self._damaged += 1
                self._drop(1)
        return found

    def abandon(self) -> None:
        """Forget a frame that has begun: its end will not come. What may begin inside it is lost as well."""
        self._drop(len(self._buffer))

    def _drop(self, count: int) -> None:
        self.discarded += count
        del self._buffer[:count]
