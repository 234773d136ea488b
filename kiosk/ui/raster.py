"""Lines of receipts as bitmaps: for printers that lack our characters or the QR command."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import pygame

from drivers.base.raster import Bitmap
from drivers.base.vocabulary import Align
from kiosk.ui.codes import qr_matrix
from kiosk.ui.type import Type

LINE: Final = 30  # dots from line to line, as printers feed
PX: Final = 23
INK: Final = 110  # of 255: a dot is black from here on


class PaperRaster:
    """Draws with the terminal's own faces; satisfies `drivers.base.raster.Rasteriser`."""

    def __init__(self) -> None:
        self._type = Type()

    def line(self, pieces: Sequence[tuple[str, Align]], *, bold: bool, scale: int, width: int) -> Bitmap:
        return _line(self._type, tuple(pieces), bold, scale, width)

    def code(self, content: str, *, module: int, width: int) -> Bitmap:
        matrix = qr_matrix(content)
        dots = max(1, min(module, width // len(matrix)))
        left = (width - dots * len(matrix)) // 2
        rows = []
        for row in matrix:
            line = bytearray(width // 8)
            for x, dark in enumerate(row):
                for dot in range(left + x * dots, left + (x + 1) * dots) if dark else ():
                    line[dot // 8] |= 0x80 >> dot % 8
            rows.append(bytes(line) * dots)
        return Bitmap(width, dots * len(matrix), b"".join(rows))


@lru_cache(maxsize=512)
def _line(type_: Type, pieces: tuple[tuple[str, Align], ...], bold: bool, scale: int, width: int) -> Bitmap:
    """Return one line; receipts repeat their labels, so lines are kept."""
    weight, height = "bold" if bold else "regular", LINE * scale
    surface = pygame.Surface((width, height))
    surface.fill((0, 0, 0))
    for text, align in pieces:
        drawn = type_.face(weight, PX * scale).render(text, True, (255, 255, 255))
        if drawn.get_width() > width:
            drawn = pygame.transform.smoothscale(drawn, (width, drawn.get_height()))
        spare = width - drawn.get_width()
        x = {Align.LEFT: 0, Align.CENTER: spare // 2, Align.RIGHT: spare}[align]
        surface.blit(drawn, (x, (height - drawn.get_height()) // 2))
    grey = pygame.image.tobytes(surface, "RGB")[::3]
    bits = bytes(
        sum(0x80 >> bit for bit in range(8) if grey[at + bit] >= INK) for at in range(0, len(grey), 8)
    )
    return Bitmap(width, height, bits)
