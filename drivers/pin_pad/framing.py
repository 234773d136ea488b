"""Bytes to frames and key presses, and back: the SZZT line without any meaning.

    STX  LLL  DATA...  ETX  LRC          LLL  three decimal digits: bytes of DATA
    02   "001"  33     03   "01"         LRC  XOR from the first L through ETX, two upper-case hex digits

DATA longer than 999 bytes is announced as ``"000"`` and four more digits. Both directions use this frame.
Beside the frames the pad sends *single raw bytes*, one for each key pressed, at any moment between two
frames. A key byte has no check sum, so the danger is a damaged frame whose inside is read as keys: an
``0D`` in it would be an Enter. Therefore, once a frame turns out to be broken, everything is noise until
the next STX, or until `FrameReader.forget()` says that the line has been quiet long enough for the rest of
that frame to be over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.base.framing import bcc

STX: Final = 0x02
ETX: Final = 0x03
SHORT_MAX: Final = 999
LONG_MAX: Final = 9_999
DATA_MAX: Final = 2_048  # ten times the longest known answer: a larger length is a damaged one
_HEX: Final = frozenset(b"0123456789ABCDEF")


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """One whole frame. From the pad, the first byte of `data` is the status."""

    data: bytes

    @property
    def status(self) -> int:
        return self.data[0]

    @property
    def body(self) -> bytes:
        return self.data[1:]

    def __repr__(self) -> str:
        return f"Frame({self.status:02X}, {len(self.body)} bytes)"  # a body may be a PIN block


@dataclass(frozen=True, slots=True, repr=False)
class KeyByte:
    """One raw byte between frames: a key, as the pad's scan-code table spells it."""

    code: int

    def __repr__(self) -> str:
        return "KeyByte(..)"


def encode(data: bytes) -> bytes:
    """Return the frame around `data`. Raises ValueError for no data or more than 9999 bytes."""
    if not 1 <= len(data) <= LONG_MAX:
        raise ValueError(f"a frame carries 1 to {LONG_MAX} bytes, not {len(data)}")
    length = b"%03d" % len(data) if len(data) <= SHORT_MAX else b"000%04d" % len(data)
    checked = length + data + bytes((ETX,))
    return bytes((STX,)) + checked + b"%02X" % bcc(checked)


class FrameReader:
    """Cuts a stream of bytes, in any pieces, into frames and key bytes. Never raises."""

    def __init__(self, data_max: int = DATA_MAX) -> None:
        self.discarded = 0
        self._data_max = data_max
        self._held = bytearray()
        self._lost = False

    @property
    def waiting(self) -> bool:
        """Whether the reader is inside a frame, or inside the noise a broken one left."""
        return self._lost or bool(self._held)

    def feed(self, data: bytes) -> list[Frame | KeyByte]:
        """Take bytes as they come; return what is complete, in order."""
        self._held += data
        heard: list[Frame | KeyByte] = []
        while self._held:
            if self._held[0] != STX:
                self._outside(heard)
                continue
            whole = self._measure()
            if whole is None:
                break
            head, size = whole
            if size == 0:
                self._drop(1)
                self._lost = True
                continue
            heard.append(Frame(bytes(self._held[head : size - 3])))
            del self._held[:size]
            self._lost = False
        return heard

    def forget(self) -> None:
        """Throw away what was begun: the rest of it will not come."""
        self._drop(len(self._held))
        self._lost = False

    def _outside(self, heard: list[Frame | KeyByte]) -> None:
        next_frame = self._held.find(STX)
        outside = len(self._held) if next_frame < 0 else next_frame
        if self._lost:
            self._drop(outside)
            return
        heard += [KeyByte(code) for code in self._held[:outside]]
        del self._held[:outside]

    def _measure(self) -> tuple[int, int] | None:
        """Return (where DATA begins, bytes of the frame); size 0 if it is broken, None if more must come."""
        held = self._held
        broken = (0, 0)
        head = 8 if held[1:4] == b"000" else 4
        if any(not 0x30 <= digit <= 0x39 for digit in held[1:head]):
            return broken
        if len(held) < head:
            return None
        length = int(held[4:8] if head == 8 else held[1:4])
        if length > self._data_max or (head == 8 and length <= SHORT_MAX):
            return broken
        end = head + length
        if len(held) > end and held[end] != ETX:
            return broken
        if any(digit not in _HEX for digit in held[end + 1 : end + 3]):
            return broken
        if len(held) < end + 3:
            return None
        return (
            (head, end + 3) if held[end + 1 : end + 3] == b"%02X" % bcc(bytes(held[1 : end + 1])) else broken
        )

    def _drop(self, count: int) -> None:
        self.discarded += count
        del self._held[:count]
