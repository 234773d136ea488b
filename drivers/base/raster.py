"""Pictures of one colour: what a printer is sent when it lacks a character or a command.

A driver lays out and sends; it owns no fonts. Whoever has fonts gives it a `Rasteriser`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from drivers.base.vocabulary import Align


@dataclass(frozen=True, slots=True)
class Bitmap:
    """`bits`: row after row, each of ``width / 8`` bytes, the leftmost dot in the highest bit, 1 is black.

    Raises ValueError when `width` is no multiple of 8 or `bits` are not ``width * height / 8`` bytes.
    """

    width: int
    height: int
    bits: bytes

    def __post_init__(self) -> None:
        if self.width % 8 or self.width < 8 or self.height < 1:
            raise ValueError(f"a bitmap is a multiple of 8 dots wide and not empty, not {self.width} x {self.height}")
        if len(self.bits) != self.width * self.height // 8:
            raise ValueError(f"{self.width} x {self.height} dots are not {len(self.bits)} bytes")


class Rasteriser(Protocol):
    """Draws lines of text and codes for paper of a given width in dots (8 dots are one millimetre)."""

    def line(self, pieces: Sequence[tuple[str, Align]], *, bold: bool, scale: int, width: int) -> Bitmap:
        """Return one line of text; each piece at its side of it. What is too wide is drawn narrower."""
        ...

    def code(self, content: str, *, module: int, width: int) -> Bitmap:
        """Return a QR code, centred, with its quiet zone; `module` dots a module, fewer if it is too wide."""
        ...
