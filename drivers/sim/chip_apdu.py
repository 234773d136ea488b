"""Command APDUs as a card takes them, and what a T=0 card can only say in two steps.

Commands are read by their Lc; an Le behind the data is allowed in both protocols, because terminals send it.
Over T=0 an answer to a command with data waits and is fetched: 61xx tells how much is there (00: 256 or more),
GET RESPONSE takes it, in parts if need be. 6Cxx tells the right length where it was asked for wrongly. Over T=1
the answer comes at once.

Source: ISO/IEC 7816-3:2006, 12.1 and 12.2; ISO/IEC 7816-4, 5.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

WRONG_LENGTH: Final = b"\x67\x00"
NOT_NOW: Final = b"\x69\x85"
OK: Final = b"\x90\x00"
_PART_MAX: Final = 256


class Apdu(NamedTuple):
    """A command: four bytes of header, its data, and the length asked for as it was written (0 is all)."""

    head: bytes
    data: bytes = b""
    asked: int = 0


def read_apdu(apdu: bytes) -> Apdu | None:
    """Return what `apdu` says, short or extended; None when its lengths do not fit."""
    if len(apdu) < 4:
        return None
    head, rest = apdu[:4], apdu[4:]
    if not rest:
        return Apdu(head)
    if len(rest) == 1:
        return Apdu(head, asked=rest[0])
    wide = rest[0] == 0 and len(rest) >= 3
    at = 3 if wide else 1
    length = int.from_bytes(rest[1:3], "big") if wide else rest[0]
    if wide and len(rest) == 3:
        return Apdu(head, asked=length)
    data, behind = rest[at : at + length], rest[at + length :]
    if len(data) < length or len(behind) > (2 if wide else 1):
        return None
    return Apdu(head, data, int.from_bytes(behind, "big"))


class ApduFront:
    """Stands before the commands of a card and keeps what waits for GET RESPONSE."""

    def __init__(self, command: Callable[[bytes, bytes], bytes]) -> None:
        self._command = command
        self._waiting = b""

    def reset(self) -> None:
        self._waiting = b""

    def exchange(self, apdu: bytes, *, at_once: bool) -> bytes:
        """Answer one command; `at_once` is T=1."""
        read = read_apdu(apdu)
        if read is None:
            return WRONG_LENGTH
        if read.head[:2] == b"\x00\xc0" and not at_once:
            return self._fetched(read.asked or _PART_MAX)
        self._waiting = b""
        answer = self._command(read.head, read.data)
        body = answer[:-2]
        if not body or at_once:
            return answer
        if read.data or len(body) > _PART_MAX:
            self._waiting = body
            return self._told()
        return answer if (read.asked or _PART_MAX) == len(body) else bytes((0x6C, len(body) % _PART_MAX))

    def _told(self) -> bytes:
        return bytes((0x61, min(len(self._waiting), _PART_MAX) % _PART_MAX))

    def _fetched(self, asked: int) -> bytes:
        if not self._waiting:
            return NOT_NOW
        if asked > len(self._waiting) or (asked < len(self._waiting) <= _PART_MAX):
            return bytes((0x6C, min(len(self._waiting), _PART_MAX) % _PART_MAX))
        part, self._waiting = self._waiting[:asked], self._waiting[asked:]
        return part + (self._told() if self._waiting else OK)
