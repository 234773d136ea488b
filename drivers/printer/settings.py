"""Families of printers, and what a site or a unit may need different."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drivers.printer.commands import (
    FEED_AND_CUT,
    FIRMWARE_ID,
    FULL_CUT,
    MODEL_ID,
    PAPER_SENSOR,
    PRESENT,
    CommandSpec,
)
from drivers.printer.encode import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a family of printers can do. `fixed_bits`: replies carry Epson's identifying bits."""

    name: str
    fixed_bits: bool
    full_status: bool
    presenter: bool
    retract: bool
    cut: bytes
    identity: CommandSpec


RELIANCE: Final = Profile(
    name="Reliance",
    fixed_bits=False,
    full_status=True,
    presenter=True,
    retract=True,
    cut=FULL_CUT.data,
    identity=FIRMWARE_ID,
)
EPSON: Final = Profile(
    name="ESC/POS",
    fixed_bits=True,
    full_status=False,
    presenter=False,
    retract=False,
    cut=FEED_AND_CUT.data,
    identity=MODEL_ID,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a site or a unit may need different.

    `present_steps`: how far a ticket is handed out (Reliance: 7 mm a step). `feed_lines`: paper between print
    head and knife, fed before the cut where the cut does not feed. `leftover`: what becomes of a ticket that
    still lies at the outlet when the next is printed: ``"retract"``, ``"eject"`` or ``"leave"``.
    """

    profile: Profile = RELIANCE
    layout: Layout = field(default_factory=Layout)
    present_steps: int = 12
    feed_lines: int = 4
    leftover: str = "retract"
    line_ms: int = 200
    job_margin_ms: int = 8_000
    busy_poll_ms: int = 500
    take_poll_ms: int = 300
    idle_poll_ms: int = 5_000

    def __post_init__(self) -> None:
        if not 1 <= self.present_steps <= 255:
            raise ValueError(f"present 1 to 255 steps, not {self.present_steps}")
        if not 0 <= self.feed_lines <= 20:
            raise ValueError(f"feed 0 to 20 lines before the cut, not {self.feed_lines}")
        if self.leftover not in ("retract", "eject", "leave"):
            raise ValueError(f"a leftover ticket is retracted, ejected or left, not {self.leftover!r}")

    def closing(self) -> bytes:
        """Return what follows a document: feed, cut, present, and the query that proves it all."""
        if not self.profile.presenter:
            return self.profile.cut + PAPER_SENSOR.data
        feed = b"\x1b\x64" + bytes((self.feed_lines,)) if self.feed_lines else b""
        return feed + self.profile.cut + PRESENT.data + bytes((self.present_steps,)) + PAPER_SENSOR.data
