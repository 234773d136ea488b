"""Frames of the Puloon LCDM dispensers: bytes to values and back, no port, no clock, no meaning.

    host to device   EOT(04) ID STX(02) CMD DATA... ETX(03) BCC
    device to host   SOH(01) ID STX(02) CMD BODY... ETX(03) BCC
    single bytes     ACK 06, NCK 15, and EOT 04 which closes an exchange on the LCDM-4000

BCC is the XOR of everything from the start byte to ETX. There is no length field and no stuffing: a body may
hold 03, so its end is known only from the fixed length of its CMD (`Framing.responses`). Commands may have
more than one form (`Framing.commands`); they are told apart by where ETX stands, since data never holds 03.

Both readers resynchronise: what is not a frame is thrown away and counted in `discarded`. After a damaged
frame they *hunt*: its remains may hold 06 or 15, so nothing is believed until a whole header goes by.

Sources: README.md of this package; the vectors in tests/vectors/dispenser.yaml.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

from drivers.base.errors import RemoteProtocolError
from drivers.base.framing import bcc

_T = TypeVar("_T")

SOH: Final = 0x01
STX: Final = 0x02
ETX: Final = 0x03
EOT: Final = 0x04
ACK: Final = 0x06
NCK: Final = 0x15

HEAD: Final = 4  # start, ID, STX, CMD
TAIL: Final = 2  # ETX, BCC
COMMAND_DATA_MAX: Final = 15  # longest form known; an unknown CMD is waited for no longer than this
ERR_ALONE: Final = 1  # body bytes of the answer to a CMD that the device does not know
FRAME_WITHIN_MS: Final = 200  # a command frame must be complete after this time


class Signal(Enum):
    """What is not a frame."""

    ACK = "ack"
    NCK = "nck"
    EOT = "eot"
    DAMAGED = "damaged"  # something began like a frame and is none


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame with a good check character: `cmd` and the bytes between CMD and ETX."""

    cmd: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Framing:
    """The frames of one profile.

    `responses`: CMD -> body bytes; `commands`: CMD -> data bytes of each of its forms, shortest first.
    """

    id_byte: int
    responses: Mapping[int, int]
    commands: Mapping[int, tuple[int, ...]]

    def with_id(self, id_byte: int) -> Framing:
        return dataclasses.replace(self, id_byte=id_byte)

    def command(self, cmd: int, data: bytes = b"") -> bytes:
        """Return the host's frame."""
        return _close(bytes((EOT, self.id_byte, STX, cmd)) + data)

    def response(self, cmd: int, body: bytes) -> bytes:
        """Return the device's frame."""
        return _close(bytes((SOH, self.id_byte, STX, cmd)) + body)

    def parse_response(self, frame: bytes) -> Frame:
        """Read exactly one response frame. Raises RemoteProtocolError saying what is wrong with it."""
        length = self._parse_head(frame, SOH, self.responses)
        return _parse_tail(frame, length)

    def parse_command(self, frame: bytes) -> Frame:
        """Read exactly one command frame of a known CMD. Raises RemoteProtocolError."""
        lengths = self._parse_head(frame, EOT, self.commands)
        length = len(frame) - HEAD - TAIL
        if length not in lengths:
            raise RemoteProtocolError(f"CMD {frame[3]:02X} takes {lengths} data bytes, not {length}")
        return _parse_tail(frame, length)

    def _parse_head(self, frame: bytes, start: int, lengths: Mapping[int, _T]) -> _T:
        if len(frame) < HEAD + TAIL:
            raise RemoteProtocolError(f"{len(frame)} bytes are no frame")
        if frame[0] != start or frame[1] != self.id_byte or frame[2] != STX:
            raise RemoteProtocolError(f"not a header: {frame[:3].hex(' ')}")
        if frame[3] not in lengths:
            raise RemoteProtocolError(f"unknown CMD {frame[3]:02X}")
        return lengths[frame[3]]


def _close(head: bytes) -> bytes:
    body = head + bytes((ETX,))
    return body + bytes((bcc(body),))


def _parse_tail(frame: bytes, length: int) -> Frame:
    if len(frame) != HEAD + length + TAIL:
        raise RemoteProtocolError(f"CMD {frame[3]:02X}: {len(frame)} bytes instead of {HEAD + length + TAIL}")
    if frame[-2] != ETX:
        raise RemoteProtocolError(f"CMD {frame[3]:02X}: {frame[-2]:02X} where ETX belongs")
    if bcc(frame[:-1]) != frame[-1]:
        raise RemoteProtocolError(f"CMD {frame[3]:02X}: BCC {frame[-1]:02X}, computed {bcc(frame[:-1]):02X}")
    return Frame(frame[3], bytes(frame[HEAD:-TAIL]))


LCDM4000: Final = Framing(
    id_byte=0x30,
    responses=MappingProxyType(
        {
            0x44: 1, 0x50: 18, 0x51: 14, 0x52: 23, 0x53: 23, 0x55: 15, 0x58: 5,
            0x5A: 1, 0x5B: 9, 0x5C: 1, 0x5D: 5, 0x5E: 1, 0x5F: 9, 0x67: 2,
        }
    ),
    commands=MappingProxyType(
        {
            0x44: (0,), 0x50: (0,), 0x51: (0,), 0x52: (7, 15), 0x53: (7, 15), 0x55: (0,), 0x58: (1,),
            0x5A: (8,), 0x5B: (0,), 0x5C: (4,), 0x5D: (0,), 0x5E: (8,), 0x5F: (0,), 0x67: (0,),
        }
    ),
)  # fmt: skip

LCDM2000: Final = Framing(
    id_byte=0x50,
    responses=MappingProxyType({0x44: 1, 0x45: 8, 0x46: 4, 0x47: 8, 0x55: 8, 0x56: 15, 0x76: 8, 0x77: 8}),
    commands=MappingProxyType(
        {0x44: (0,), 0x45: (2,), 0x46: (0,), 0x47: (0,), 0x55: (2,), 0x56: (4,), 0x76: (0,), 0x77: (0,)}
    ),
)


class _Reader:
    """What both directions share: the buffer, the hunt for a header, the count of noise."""

    def __init__(self, framing: Framing, start: int, single: Mapping[int, Signal]) -> None:
        self.discarded = 0
        self._framing = framing
        self._header = bytes((start, framing.id_byte, STX))
        self._start = start
        self._single = single
        self._buffer = bytearray()
        self._hunting = False

    @property
    def pending(self) -> bool:
        """Whether the beginning of a frame is waiting for its rest."""
        return bool(self._buffer)

    def abandon(self) -> None:
        """Give up what is pending, and the hunt."""
        self._drop(len(self._buffer))
        self._hunting = False

    def _drop(self, count: int) -> None:
        self.discarded += count
        del self._buffer[:count]

    def _read(self) -> list[Frame | Signal]:
        found: list[Frame | Signal] = []
        buffer = self._buffer
        while buffer:
            if self._hunting and not self._found_header():
                break
            first = buffer[0]
            if first != self._start:
                signal = self._single.get(first)
                if signal is None:
                    self._drop(1)
                else:
                    found.append(signal)
                    del buffer[0]
                continue
            if not self._header.startswith(buffer[:3]):
                self._damaged(found)
                continue
            if len(buffer) < HEAD:
                break
            length = self._body_length()
            if length is None:
                break
            if length < 0:
                self._damaged(found)
                continue
            end = HEAD + length + TAIL
            frame = bytes(buffer[:end])
            if frame[-2] != ETX or bcc(frame):  # the XOR of a good frame with its BCC is zero
                self._damaged(found)
            else:
                found.append(Frame(frame[3], frame[HEAD:-TAIL]))
                del buffer[:end]
        return found

    def _damaged(self, found: list[Frame | Signal]) -> None:
        """Drop the start byte only: where a byte was lost, the next frame begins inside this one."""
        found.append(Signal.DAMAGED)
        self._drop(1)
        self._hunting = True

    def _found_header(self) -> bool:
        """Drop everything before the next header; keep a tail that may be the beginning of one."""
        at = self._buffer.find(self._header)
        if at >= 0:
            self._drop(at)
            self._hunting = False
            return True
        keep = next((n for n in (2, 1) if self._buffer.endswith(self._header[:n])), 0)
        self._drop(len(self._buffer) - keep)
        return False

    def _body_length(self) -> int | None:
        """Return how many bytes stand between CMD and ETX; None: wait for more; negative: no frame."""
        raise NotImplementedError


class ResponseReader(_Reader):
    """What a host reads: responses, ACK, NCK, EOT."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing, SOH, {ACK: Signal.ACK, NCK: Signal.NCK, EOT: Signal.EOT})

    def feed(self, data: bytes) -> list[Frame | Signal]:
        """Take bytes in any pieces; return what is complete. Raises nothing."""
        self._buffer += data
        return self._read()

    def _body_length(self) -> int | None:
        length = self._framing.responses.get(self._buffer[3])
        if length is None:
            return self._unknown_length()
        return length if len(self._buffer) >= HEAD + length + TAIL else None


    def _unknown_length(self) -> int | None:
        """An unknown CMD is answered with ERR alone; a frame of another shape is none."""
        end = HEAD + ERR_ALONE + TAIL
        if len(self._buffer) < end:
            return None
        whole = self._buffer[end - TAIL] == ETX and not bcc(bytes(self._buffer[:end]))
        return ERR_ALONE if whole else -1


class CommandReader(_Reader):
    """What a device reads: commands, ACK, NCK; a frame that takes longer than 200 ms is dropped."""

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing, EOT, {ACK: Signal.ACK, NCK: Signal.NCK})
        self._began_ms = 0

    def feed(self, data: bytes, now_ms: int) -> list[Frame | Signal]:
        """Take bytes that arrived at `now_ms`. Raises nothing."""
        if self._buffer and now_ms - self._began_ms > FRAME_WITHIN_MS:
            self.abandon()
        if not self._buffer:
            self._began_ms = now_ms
            self._hunting = False
        self._buffer += data
        found = self._read()
        if found:
            self._began_ms = now_ms  # whatever is pending now began with these bytes
        return found

    def _body_length(self) -> int | None:
        buffer = self._buffer
        lengths = self._framing.commands.get(buffer[3])
        if lengths is None:
            return self._unknown_length()
        for length in lengths:
            if len(buffer) < HEAD + length + TAIL:
                return None
            if buffer[HEAD + length] == ETX:
                return length
        return -1

    def _unknown_length(self) -> int | None:
        """An unknown CMD is answered, so its frame has to end somewhere: at the first ETX with a good BCC."""
        buffer = self._buffer
        for length in range(COMMAND_DATA_MAX + 1):
            end = HEAD + length + TAIL
            if len(buffer) < end:
                return None
            if buffer[HEAD + length] == ETX and not bcc(bytes(buffer[:end])):
                return length
        return -1
