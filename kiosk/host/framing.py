"""Frames of the host line: two bytes of length, big-endian, not counting themselves, then the message.

There is nothing to resynchronise on in such a stream: after a length that cannot be, every later byte is
guesswork. So the policy is to break and stay broken: `feed` raises once, the owner closes the connection, and
a new connection begins with a new reader.
"""

from __future__ import annotations

from typing import Final

from kiosk.host.message import MessageError
from kiosk.host.spec import MESSAGE_BYTES_MAX

MESSAGE_BYTES_MIN: Final = 20  # message type and one bitmap


def frame(message: bytes) -> bytes:
    """Return `message` with its length. Raises MessageError beyond the limit."""
    if len(message) > MESSAGE_BYTES_MAX:
        raise MessageError(f"message of {len(message)} bytes, at most {MESSAGE_BYTES_MAX}")
    return len(message).to_bytes(2, "big") + message


class FrameReader:
    """Cuts a stream into messages. `broken` stays set after the first impossible length."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.broken = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages completed by `data`.

        Raises MessageError for an impossible length; messages complete before it are lost with the
        connection, as their answers would be.
        """
        if self.broken:
            raise MessageError("the stream lost its frames: close the connection and sign on again")
        self._buffer += data
        messages = []
        while len(self._buffer) >= 2:
            length = int.from_bytes(self._buffer[:2], "big")
            if not MESSAGE_BYTES_MIN <= length <= MESSAGE_BYTES_MAX:
                self.broken = True
                self._buffer.clear()
                raise MessageError(f"frame of {length} bytes: {MESSAGE_BYTES_MIN} to {MESSAGE_BYTES_MAX} are possible")
            if len(self._buffer) < length + 2:
                break
            messages.append(bytes(self._buffer[2 : length + 2]))
            del self._buffer[: length + 2]
        return messages
