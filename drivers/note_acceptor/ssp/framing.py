"""Frames of SSP: bytes to values and back; no port, no clock, no meaning.

    7F | SEQ+ADDR | LEN | DATA (1..255) | CRCL | CRCH

Bit 7 of the second byte is the sequence flag, the rest the address. CRC: polynomial 8005, start FFFF, not
reflected, over SEQ+ADDR to the end of DATA, low byte first. Afterwards every 7F behind the first is doubled, so
a single 7F inside a frame can only be the start of a new one: the reader begins again there.

Host and device speak the same frame, so one `Reader` serves both sides. What is not a frame is thrown away and
counted in `discarded`; a frame whose CRC is wrong is noise too, for a device answers it with silence.

Sources: README.md of `drivers.note_acceptor`; the vectors in tests/vectors/note_acceptor.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.base.errors import RemoteProtocolError

STX: Final = 0x7F
SEQUENCE: Final = 0x80
ADDRESS_MAX: Final = 0x7D
DATA_MAX: Final = 255


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x8005 if crc & 0x8000 else 0)
        entries.append(crc & 0xFFFF)
    return tuple(entries)


_TABLE: Final = _table()


def crc16(data: bytes) -> int:
    """Return the CRC of SSP and of the packets inside eSSP (catalogue name CRC-16/CMS)."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ _TABLE[crc >> 8 ^ byte]
    return crc


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame with a good CRC. `sequence` is the flag, True for 1."""

    sequence: bool
    address: int
    data: bytes


def encode(frame: Frame) -> bytes:
    """Return the bytes of `frame`. Raises ValueError for an address or a length that has no place in one."""
    if not 0 <= frame.address <= ADDRESS_MAX or not 1 <= len(frame.data) <= DATA_MAX:
        raise ValueError(f"address 0 to {ADDRESS_MAX}, 1 to {DATA_MAX} bytes: {frame}")
    body = bytes((frame.sequence << 7 | frame.address, len(frame.data))) + frame.data
    body += crc16(body).to_bytes(2, "little")
    return bytes((STX,)) + body.replace(b"\x7f", b"\x7f\x7f")


def parse(wire: bytes) -> Frame:
    """Read exactly one frame. Raises RemoteProtocolError saying what is wrong with it."""
    if wire[:1] != b"\x7f":
        raise RemoteProtocolError(f"not a start: {wire[:1].hex()}")
    body = wire[1:].replace(b"\x7f\x7f", b"\x00\x00")  # only to look for single ones
    if b"\x7f" in body:
        raise RemoteProtocolError("a single 7F inside a frame")
    body = wire[1:].replace(b"\x7f\x7f", b"\x7f")
    if len(body) < 5 or len(body) != body[1] + 4 or not body[1]:
        raise RemoteProtocolError(f"{len(body)} bytes behind the start do not fit their length")
    crc = int.from_bytes(body[-2:], "little")
    if crc != crc16(body[:-2]):
        raise RemoteProtocolError(f"CRC {crc:04X}, computed {crc16(body[:-2]):04X}")
    return Frame(bool(body[0] & SEQUENCE), body[0] & ~SEQUENCE, bytes(body[2:-2]))


class Reader:
    """Takes bytes in any pieces, gives frames. Never raises."""

    def __init__(self) -> None:
        self.discarded = 0
        self._body = bytearray()
        self._raw = 0  # bytes on the wire of the frame that is coming in, 0 between frames
        self._escaped = False

    @property
    def pending(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._raw > 0

    def feed(self, data: bytes) -> list[Frame]:
        found = []
        for byte in data:
            frame = self._take(byte)
            if frame is not None:
                found.append(frame)
        return found

    def abandon(self) -> None:
        """Forget a frame that has begun: its end will not come."""
        self.discarded += self._raw
        self._begin(0)

    def _begin(self, raw: int) -> None:
        self._body.clear()
        self._raw = raw
        self._escaped = False

    def _take(self, byte: int) -> Frame | None:
        if self._raw == 0:
            if byte == STX:
                self._begin(1)
            else:
                self.discarded += 1
            return None
        if self._escaped:
            self._escaped = False
            if byte != STX:  # the 7F before was a start
                self.discarded += self._raw - 1
                self._begin(1)
        elif byte == STX:
            self._escaped = True
            self._raw += 1
            return None
        self._raw += 1
        self._body.append(byte)
        body = self._body
        if len(body) < 2 or len(body) < body[1] + 4:
            return None
        frame = None
        if body[1] and crc16(bytes(body[:-2])) == body[-2] | body[-1] << 8:
            frame = Frame(bool(body[0] & SEQUENCE), body[0] & ~SEQUENCE, bytes(body[2:-2]))
        else:
            self.discarded += self._raw
        self._begin(0)
        return frame
