"""The link layer of the OMRON 3S4YR: bytes to texts and controls, and back.

    frame    = DLE STX  text, each DLE doubled  DLE ETX  BCC
    control  = DLE ENQ | DLE ACK | DLE NAK | DLE EOT

BCC is the XOR of the text (undoubled) and of ETX. It is one raw byte: it may be any value, DLE too, and
is never doubled. So a receiver has to know that it stands behind `DLE ETX`; looking for a DLE anywhere is
not enough.

The decoder knows no port and no time. Who uses it decides how long half a frame may stay half (`reset`).
Bytes that belong to nothing are counted in `discarded`; a frame whose BCC is wrong is told as `Signal.BAD`,
because both ends have to answer to that one.

Source: OMRON, Data Transmission Specifications 3S4YR-MVFW(DL)-0** Series, Rev A4.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Final

from drivers.base.errors import LocalProtocolError
from drivers.base.framing import bcc

DLE: Final = 0x10
STX: Final = 0x02
ETX: Final = 0x03

ENQ_BYTES: Final = b"\x10\x05"
ACK_BYTES: Final = b"\x10\x06"
NAK_BYTES: Final = b"\x10\x15"
EOT_BYTES: Final = b"\x10\x04"

TEXT_BYTES_MAX: Final = 3 + 2054  # the longest command: letter, code and parameters
_OPENING: Final = b"\x10\x02"
_CLOSING: Final = b"\x10\x03"


class Signal(Enum):
    """What is not a text: the four controls, and a frame that arrived damaged."""

    ENQ = "enq"
    ACK = "ack"
    NAK = "nak"
    EOT = "eot"
    BAD = "bad"


Item = bytes | Signal

_CONTROLS: Final = {0x05: Signal.ENQ, 0x06: Signal.ACK, 0x15: Signal.NAK, 0x04: Signal.EOT}


@lru_cache(maxsize=128)
def _frame_of(text: bytes) -> bytes:
    return _OPENING + text.replace(b"\x10", b"\x10\x10") + _CLOSING + bytes((bcc(text) ^ ETX,))


def encode(text: bytes) -> bytes:
    """Return the frame of `text`. Raises LocalProtocolError for an empty text or one over 2,057 bytes."""
    if not 0 < len(text) <= TEXT_BYTES_MAX:
        raise LocalProtocolError(f"a text has 1 to {TEXT_BYTES_MAX} bytes, not {len(text)}")
    # Only the short texts repeat; a long one may carry track data and is not kept.
    return _frame_of(text) if len(text) <= 5 else _frame_of.__wrapped__(text)


class FrameReader:
    """Cuts a stream of bytes into texts and signals; `discarded` counts what belonged to neither."""

    __slots__ = ("_pending", "discarded")

    def __init__(self) -> None:
        self._pending = b""
        self.discarded = 0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is half received."""
        return not self._pending

    @property
    def in_frame(self) -> bool:
        """Whether a frame has been opened and not closed; a lone DLE has opened nothing yet."""
        return len(self._pending) > 1

    def reset(self) -> None:
        """Give up what is half received, as after a gap that was too long."""
        self.discarded += len(self._pending)
        self._pending = b""

    def feed(self, data: bytes) -> list[Item]:
        """Take bytes in any pieces; return what is complete, in order."""
        data = self._pending + data if self._pending else data
        items: list[Item] = []
        at, end = 0, len(data)
        while at < end:
            start = data.find(DLE, at)
            if start < 0:
                self.discarded += end - at
                at = end
                break
            self.discarded += start - at
            at = start
            if at + 1 == end:
                break
            second = data[at + 1]
            if second == STX:
                text, after = _cut(data, at + 2)
                if text is None and after < 0:
                    break  # more is to come
                if text is None:
                    self.discarded += after - at
                else:
                    items.append(text)
                at = after
            elif (signal := _CONTROLS.get(second)) is not None:
                items.append(signal)
                at += 2
            else:  # a DLE that opens nothing; the byte behind it may be the DLE that does
                self.discarded += 1
                at += 1
        self._pending = data[at:]
        return items


def _cut(data: bytes, start: int) -> tuple[Item | None, int]:
    """Read one text that begins at `start`; return it and where the next thing begins.

    ``(None, -1)`` when the frame is not complete, ``(None, n)`` when it was broken off at `n`: by an
    opening or a control inside it, or by its length.
    """
    at = start
    doubled = False
    while True:
        mark = data.find(DLE, at)
        if (mark if mark >= 0 else len(data)) - start > 2 * TEXT_BYTES_MAX:
            return None, start + 2 * TEXT_BYTES_MAX
        if mark < 0 or mark + 1 >= len(data):
            return None, -1
        follows = data[mark + 1]
        if follows == DLE:
            doubled = True
            at = mark + 2
            continue
        if follows != ETX:
            return None, mark
        if mark + 2 >= len(data):
            return None, -1
        text = data[start:mark]
        if doubled:
            text = text.replace(b"\x10\x10", b"\x10")
        good = bool(text) and len(text) <= TEXT_BYTES_MAX and data[mark + 2] == bcc(text) ^ ETX
        return (text if good else Signal.BAD), mark + 3
