"""What the status bytes of an ESC/POS printer say, and which bytes are status at all.

There is no framing: a reply is told from another by its fixed bits, and where a maker does not keep them,
by what was asked. Two dialects:

- *Epson* keeps fixed bits: a real-time reply is ``0xx1xx10``, the first of four automatic bytes
  ``0xx1xx00``, a buffered reply ``0xx0xxxx``.
- *Reliance* (and Custom) calls the fixed bits reserved. There we ask only for the full status (``DLE
  EOT 20``), which opens with ``10 0F``, and for buffered replies, which never begin with 10.

XON and XOFF (11, 13) may stand anywhere; no documented reply contains them.

Source: Pyramid Technologies, Reliance ESC/POS reference; Epson TM and Citizen CBM1000 manuals, appendix
on status identification; Custom KPM manuals for ``DLE EOT 20``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

XON: Final = 0x11
XOFF: Final = 0x13
FULL_STATUS_BYTES: Final = 6
_FULL_OPENING: Final = b"\x10\x0f"


class Condition(Enum):
    """One thing a status can say."""

    OFFLINE = "offline"
    COVER_OPEN = "cover open"
    PAPER_LOW = "paper near its end"
    PAPER_OUT = "paper out"
    CUTTER = "cutter error"
    JAM = "paper jam"
    RECOVERABLE = "mechanical error"
    ERROR = "error of some kind"
    UNRECOVERABLE = "unrecoverable error"
    AUTO_RECOVERABLE = "head too hot"
    TICKET_AT_OUTLET = "ticket at the outlet"
    FEED_BUTTON = "feed button"
    WAITS_FOR_RECOVERY = "waits for recovery"
    MOTOR_ON = "paper motor on"
    SUPPLY_VOLTAGE = "supply voltage"
    LINE_ERROR = "error on the line"


Conditions = frozenset[Condition]
_C = Condition

_REAL_TIME: Final[dict[int, tuple[tuple[int, Condition], ...]]] = {
    1: ((0x08, _C.OFFLINE), (0x20, _C.WAITS_FOR_RECOVERY), (0x40, _C.FEED_BUTTON)),
    2: ((0x04, _C.COVER_OPEN), (0x08, _C.FEED_BUTTON), (0x20, _C.PAPER_OUT), (0x40, _C.ERROR)),
    3: (
        (0x04, _C.RECOVERABLE),
        (0x08, _C.CUTTER),
        (0x20, _C.UNRECOVERABLE),
        (0x40, _C.AUTO_RECOVERABLE),
    ),
    4: ((0x0C, _C.PAPER_LOW), (0x60, _C.PAPER_OUT)),
    17: ((0x04, _C.MOTOR_ON), (0x20, _C.PAPER_OUT)),
}
"""Masks of ``DLE EOT n``. A mask of several bits counts when any of them is set."""

_FULL: Final = (
    ((0x01, _C.PAPER_OUT), (0x04, _C.PAPER_LOW), (0x20, _C.TICKET_AT_OUTLET)),
    ((0x03, _C.COVER_OPEN), (0x08, _C.MOTOR_ON), (0x20, _C.FEED_BUTTON)),
    (
        (0x01, _C.AUTO_RECOVERABLE),
        (0x02, _C.LINE_ERROR),
        (0x08, _C.SUPPLY_VOLTAGE),
        (0x40, _C.JAM),
    ),
    ((0x01, _C.CUTTER), (0x4C, _C.UNRECOVERABLE)),
)
_AUTOMATIC: Final = (
    ((0x08, _C.OFFLINE), (0x20, _C.COVER_OPEN), (0x40, _C.FEED_BUTTON)),
    (
        (0x01, _C.WAITS_FOR_RECOVERY),
        (0x02, _C.FEED_BUTTON),
        (0x04, _C.RECOVERABLE),
        (0x08, _C.CUTTER),
        (0x20, _C.UNRECOVERABLE),
        (0x40, _C.AUTO_RECOVERABLE),
    ),
    ((0x03, _C.PAPER_LOW), (0x0C, _C.PAPER_OUT)),
    (),
)


def _masked(byte: int, masks: tuple[tuple[int, Condition], ...]) -> set[Condition]:
    return {condition for mask, condition in masks if byte & mask}


def decode_real_time(n: int, byte: int) -> Conditions:
    """Return what a reply to ``DLE EOT n`` says, for n of 1, 2, 3, 4, 17. Only documented bits count."""
    return frozenset(_masked(byte, _REAL_TIME[n]))


def decode_full(reply: bytes) -> Conditions:
    """Return what the six bytes of ``DLE EOT 20`` say. Raises ValueError for anything else."""
    if len(reply) != FULL_STATUS_BYTES or not reply.startswith(_FULL_OPENING):
        raise ValueError(f"a full status is 10 0F and four bytes, not {reply.hex(' ')}")
    found: set[Condition] = set()
    for byte, masks in zip(reply[2:], _FULL, strict=True):
        found |= _masked(byte, masks)
    return frozenset(found)


def decode_automatic(reply: bytes) -> Conditions:
    """Return what the four bytes of automatic status back say. Raises ValueError for another length."""
    if len(reply) != 4:
        raise ValueError(f"automatic status has four bytes, not {len(reply)}")
    found: set[Condition] = set()
    for byte, masks in zip(reply, _AUTOMATIC, strict=True):
        found |= _masked(byte, masks)
    return frozenset(found)


def decode_paper_sensor(byte: int) -> Conditions:
    """Return what the reply to ``GS r 1`` says."""
    return frozenset(_masked(byte, ((0x03, _C.PAPER_LOW), (0x0C, _C.PAPER_OUT))))


class Kind(Enum):
    """Which sort of reply a token is."""

    REAL_TIME = "real-time"
    FULL = "full"
    AUTOMATIC = "automatic"
    BUFFERED = "buffered"
    RAW = "raw"
    XON = "xon"
    XOFF = "xoff"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    data: bytes


class ReplyReader:
    """Sorts incoming bytes into tokens. `discarded` counts bytes that are no reply of this dialect."""

    def __init__(self, *, fixed_bits: bool) -> None:
        self._fixed_bits = fixed_bits
        self._pending = b""
        self._raw_due = 0
        self.discarded = 0

    def expect_raw(self, count: int) -> None:
        """Take the next `count` bytes as they are (printer identity); 0 ends it."""
        self._raw_due = count
        self.reset()

    def reset(self) -> None:
        """Give up what is half received."""
        self.discarded += len(self._pending)
        self._pending = b""

    def feed(self, data: bytes) -> list[Token]:
        tokens: list[Token] = []
        for byte in data:
            if byte in (XON, XOFF):
                tokens.append(Token(Kind.XON if byte == XON else Kind.XOFF, bytes((byte,))))
                continue
            if self._raw_due:
                self._take(byte, Kind.RAW, self._raw_due, tokens)
                if not self._pending:
                    self._raw_due = 0
            elif self._pending:
                self._go_on(byte, tokens)
            else:
                self._begin(byte, tokens)
        return tokens

    def _begin(self, byte: int, tokens: list[Token]) -> None:
        if byte == 0x10:  # automatic status, all good, or the opening of a full status
            self._pending = b"\x10"
        elif self._fixed_bits and byte & 0x93 == 0x12:
            tokens.append(Token(Kind.REAL_TIME, bytes((byte,))))
        elif self._fixed_bits and byte & 0x93 == 0x10:
            self._pending = bytes((byte,))
        elif byte & 0x90 == 0:
            tokens.append(Token(Kind.BUFFERED, bytes((byte,))))
        else:
            self.discarded += 1

    def _go_on(self, byte: int, tokens: list[Token]) -> None:
        if self._fixed_bits:
            if byte & 0x90:  # not one of the three that follow: what began was no automatic status
                self.discarded += len(self._pending)
                self._pending = b""
                self._begin(byte, tokens)
            else:
                self._take(byte, Kind.AUTOMATIC, 4, tokens)
        elif len(self._pending) == 1 and byte != 0x0F:
            self.discarded += 1
            self._pending = b""
            self._begin(byte, tokens)
        else:
            self._take(byte, Kind.FULL, FULL_STATUS_BYTES, tokens)

    def _take(self, byte: int, kind: Kind, count: int, tokens: list[Token]) -> None:
        self._pending += bytes((byte,))
        if len(self._pending) == count:
            tokens.append(Token(kind, self._pending))
            self._pending = b""
