"""Bytes of a serial barcode scanner with the Honeywell control set: no port, no clock of its own, no meaning.

    host to scanner   SYN T CR            start reading
                      SYN U CR            stop
                      SYN M CR text .     menu command; "!" instead of "." changes volatile settings only
                      ACK or NAK          when scans are acknowledged
    scanner to host   [prefix] data suffix                  a scan; nothing checks it
                      [lines] text status [. or !]          the answer to a menu command

The status (ACK good, ENQ unknown, NAK out of range) stands before each punctuation mark of the echoed
text. Nothing but that echo tells an answer from a scan: so a reader is told which answer is *expected*, and
everything in front of it is lines (of a command that tells something) or scans.

A scan ends with its suffix or, where the suffix may occur inside 2-D data, with silence.

Source: README.md of this package; vectors in tests/vectors/barcode_scanner.yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from drivers.base.errors import LocalProtocolError

SYN, ACK, ENQ, NAK = 0x16, 0x06, 0x05, 0x15
TRIGGER: Final = b"\x16T\r"
UNTRIGGER: Final = b"\x16U\r"
MENU: Final = b"\x16M\r"
SCAN_BYTES_MAX: Final = 8_192
COMMAND_BYTES_MAX: Final = 512
_TEXT: Final = re.compile(r"[0-9A-Za-z:_*?^,;|\- ]+")


class Status(Enum):
    GOOD = ACK
    UNKNOWN = ENQ
    OUT_OF_RANGE = NAK


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan without its suffix. `whole`: its suffix was seen (always false where silence ends a scan)."""

    data: bytes = field(repr=False)
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a menu command: what stood before it, and each part of the echo with its status."""

    lines: bytes
    parts: tuple[tuple[str, Status], ...]

    @property
    def good(self) -> bool:
        return all(status is Status.GOOD for _, status in self.parts)


@dataclass(frozen=True, slots=True)
class TooLong:
    """More bytes than any scan has were thrown away."""

    count: int


Item = Scan | Answer | TooLong


def menu(text: str, *, stored: bool = False) -> bytes:
    """Return a menu command. `stored` writes flash, which wears out. Raises LocalProtocolError for bad text."""
    if not _TEXT.fullmatch(text) or len(text) > COMMAND_BYTES_MAX:
        raise LocalProtocolError(f"menu command {text!r}: letters, digits and , ; : ? ^ * only")
    return MENU + text.encode("ascii") + (b"." if stored else b"!")


def answer(parts: tuple[tuple[str, Status], ...], mark: str, lines: bytes = b"") -> bytes:
    """Return the scanner's answer: the parts with their status and the punctuation between them."""
    told = b"".join(
        text.encode("latin-1", "replace").upper()
        + bytes((status.value,))
        + (b";" if at < len(parts) else mark.encode("ascii"))
        for at, (text, status) in enumerate(parts, start=1)
    )
    return lines + told


class ScannerReader:
    """Reads what a scanner sends. `suffix` empty: silence of `gap_ms` ends a scan."""

    def __init__(self, suffix: bytes, gap_ms: int) -> None:
        self._suffix = suffix
        self._gap_ms = gap_ms
        self._buffer = b""
        self._last_ms = 0
        self._expected: re.Pattern[bytes] | None = None
        self._tells_lines = False

    def reset(self) -> None:
        self._buffer = b""
        self._expected = None

    def expect(self, text: str, *, tells_lines: bool = False) -> None:
        """The next answer echoes `text`, a menu command without its mark."""
        first = re.escape(re.split("[?^*,;]", text)[0].upper().encode("ascii"))
        self._expected = re.compile(
            first + rb"[^\x05\x06\x15]*[\x05\x06\x15](?:[;,][^\x05\x06\x15]*[\x05\x06\x15])*[.!]"
        )
        self._tells_lines = tells_lines

    def feed(self, data: bytes, now_ms: int) -> list[Item]:
        """Take bytes as they come; return what is complete."""
        items = self.flush(now_ms)
        self._buffer += data
        self._last_ms = now_ms
        if self._expected is not None and (found := self._expected.search(self._buffer)):
            before, echo = self._buffer[: found.start()], found.group()
            self._buffer = self._buffer[found.end() :]
            self._expected = None
            lines = before if self._tells_lines else b""
            items += [] if self._tells_lines else self._scans_of(before)
            items.append(Answer(lines, _parts(echo)))
        if self._expected is None and self._suffix:
            *whole, self._buffer = self._buffer.split(self._suffix)
            items += [Scan(scan) for scan in whole if scan]
        if len(self._buffer) > SCAN_BYTES_MAX:
            items.append(TooLong(len(self._buffer)))
            self._buffer = b""
        return items

    def flush(self, now_ms: int) -> list[Item]:
        """Return what silence has ended by now."""
        due_ms = self.next_deadline_ms()
        if due_ms is None or now_ms < due_ms:
            return []
        data, self._buffer = self._buffer, b""
        return self._scans_of(data)

    def next_deadline_ms(self) -> int | None:
        """Return when silence ends what is in the buffer; while an answer is expected it does not."""
        return self._last_ms + self._gap_ms if self._buffer and self._expected is None else None

    def give_up(self) -> list[Item]:
        """The expected answer does not come: what is there are scans."""
        self._expected = None
        data, self._buffer = self._buffer, b""
        return self._scans_of(data)

    def _scans_of(self, data: bytes) -> list[Item]:
        if not self._suffix:
            return [Scan(data, whole=False)] if data else []
        *whole, rest = data.split(self._suffix)
        scans: list[Item] = [Scan(scan) for scan in whole if scan]
        return scans + ([Scan(rest, whole=False)] if rest else [])


def _parts(echo: bytes) -> tuple[tuple[str, Status], ...]:
    found = re.findall(rb"[;,]?([^\x05\x06\x15]*)([\x05\x06\x15])", echo)
    return tuple((text.decode("latin-1"), Status(status[0])) for text, status in found)


class HostReader:
    """Reads what a host sends: ``TRIGGER``, ``UNTRIGGER``, a whole menu command, or one byte ACK or NAK."""

    def __init__(self) -> None:
        self._buffer = b""

    def reset(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        self._buffer += data
        items: list[bytes] = []
        while self._buffer:
            length = self._length()
            if length is None:
                break
            if length:
                items.append(self._buffer[:length])
            self._buffer = self._buffer[length or 1 :]
        return items

    def _length(self) -> int | None:
        """Return the length of the item at the start, 0 for noise, None when it is not complete."""
        buffer = self._buffer
        if buffer[0] in (ACK, NAK):
            return 1
        if buffer[0] != SYN:
            return 0
        if len(buffer) < 3:
            return None if buffer in (TRIGGER[: len(buffer)], UNTRIGGER[: len(buffer)], MENU[: len(buffer)]) else 0
        if buffer[:3] in (TRIGGER, UNTRIGGER):
            return 3
        if buffer[:3] != MENU:
            return 0
        end = re.search(rb"[.!]", buffer[3 : 3 + COMMAND_BYTES_MAX + 1])
        if end is None:
            return None if len(buffer) <= 3 + COMMAND_BYTES_MAX else 0
        return 3 + end.end()
