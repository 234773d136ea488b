"""The commands the printer driver sends, in one table; documents themselves are made in `encode`.

Real-time commands are acted on when they arrive, even while the printer is off line; buffered ones in order.
`repeat` tells what may be sent again without asking: what moves paper may not.

Source: Pyramid Technologies, Reliance ESC/POS reference; Epson TM and Custom KPM manuals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.base.vocabulary import Repeat


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """`reply_bytes` 0 means: no reply."""

    data: bytes
    name: str
    real_time: bool
    reply_bytes: int
    reply_within_ms: int
    repeat: Repeat


def _ask(data: bytes, name: str, reply_bytes: int, *, real_time: bool) -> CommandSpec:
    return CommandSpec(data, name, real_time, reply_bytes, 1_000, Repeat.SAFE)


def _do(data: bytes, name: str, *, real_time: bool = False, repeat: Repeat = Repeat.ONCE) -> CommandSpec:
    return CommandSpec(data, name, real_time, 0, 0, repeat)


STATUS_PRINTER = _ask(b"\x10\x04\x01", "status: printer", 1, real_time=True)
STATUS_OFFLINE = _ask(b"\x10\x04\x02", "status: off-line cause", 1, real_time=True)
STATUS_ERROR = _ask(b"\x10\x04\x03", "status: error", 1, real_time=True)
STATUS_PAPER = _ask(b"\x10\x04\x04", "status: roll", 1, real_time=True)
STATUS_MOTOR = _ask(b"\x10\x04\x11", "status: motor and paper", 1, real_time=True)
STATUS_FULL = _ask(b"\x10\x04\x14", "full status", 6, real_time=True)
PAPER_SENSOR = _ask(b"\x1d\x72\x01", "paper sensor, in order", 1, real_time=False)
MODEL_ID = _ask(b"\x1d\x49\x01", "printer model", 1, real_time=False)
FIRMWARE_ID = _ask(b"\x1d\x49\x03", "firmware", 4, real_time=False)
RECOVER = _do(b"\x10\x05\x01", "recover and go on", real_time=True)
RECOVER_AND_CLEAR = _do(b"\x10\x05\x02", "recover and clear buffers", real_time=True, repeat=Repeat.SAFE)
INITIALISE = _do(b"\x1b\x40", "initialise", repeat=Repeat.SAFE)
FULL_CUT = _do(b"\x1b\x69", "full cut")
FEED_AND_CUT = _do(b"\x1d\x56\x42\x00", "feed to the cutter, partial cut")
PRESENT = _do(b"\x1d\x65\x03", "present m steps")
RETRACT = _do(b"\x1d\x65\x02", "retract", repeat=Repeat.SAFE)
EJECT = _do(b"\x1d\x65\x05", "eject")
AUTOMATIC_ON = _do(b"\x1d\x61\x4e", "automatic status on", repeat=Repeat.SAFE)
AUTOMATIC_OFF = _do(b"\x1d\x61\x00", "automatic status off", repeat=Repeat.SAFE)

COMMANDS: Final = (
    STATUS_PRINTER,
    STATUS_OFFLINE,
    STATUS_ERROR,
    STATUS_PAPER,
    STATUS_MOTOR,
    STATUS_FULL,
    PAPER_SENSOR,
    MODEL_ID,
    FIRMWARE_ID,
    RECOVER,
    RECOVER_AND_CLEAR,
    INITIALISE,
    FULL_CUT,
    FEED_AND_CUT,
    PRESENT,
    RETRACT,
    EJECT,
    AUTOMATIC_ON,
    AUTOMATIC_OFF,
)
