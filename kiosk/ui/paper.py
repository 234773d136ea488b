"""Documents as pictures: what the receipt printer puts on paper, for the bench and for reports."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import pygame

from drivers.base.vocabulary import Align, Columns, Document, Feed, QrCode, Rule, Text
from kiosk.ui.codes import qr_matrix
from kiosk.ui.draw import sheet
from kiosk.ui.render import png_of
from kiosk.ui.theme import Colour
from kiosk.ui.type import Type

BLACK: Final[Colour] = (32, 34, 38)
PX: Final = 22  # text of scale 1
ROW: Final = 31
SIDE: Final = 28


@lru_cache(maxsize=1)
def _type() -> Type:
    return Type()


def draw_document(document: Document, width: int = 440) -> pygame.Surface:
    """Return `document` on a strip of paper `width` pixels wide and as long as it takes.

    Text too long for a line is carried over to the next, as a printer does. A document of thousands of elements
    makes a picture of as many rows.
    """
    inner = width - 2 * SIDE
    pieces = [_piece(element, inner) for element in document]
    height = sum(piece.get_height() for piece in pieces) + 2 * SIDE + 12
    surface = pygame.Surface((width, height), pygame.SRCALPHA, 32)
    surface.blit(sheet(width, height), (0, 0))
    y = SIDE
    for piece in pieces:
        surface.blit(piece, (SIDE, y))
        y += piece.get_height()
    return surface


def document_png(document: Document, width: int = 440) -> bytes:
    """Return `draw_document` as PNG."""
    return png_of(draw_document(document, width))


def _strip(width: int, height: int) -> pygame.Surface:
    return pygame.Surface((width, height), pygame.SRCALPHA, 32)


def _piece(element: Text | Columns | Rule | Feed | QrCode, width: int) -> pygame.Surface:
    if isinstance(element, Text):
        return _text(element, width)
    if isinstance(element, Columns):
        return _columns(element, width)
    if isinstance(element, QrCode):
        return _code(element.content, width)
    if isinstance(element, Feed):
        return _strip(width, ROW * max(1, element.lines))
    strip = _strip(width, ROW)
    for x in range(0, width, 8):
        strip.fill(BLACK, (x, ROW // 2, 5, 2))
    return strip


def _text(element: Text, width: int) -> pygame.Surface:
    type_, px = _type(), PX * element.scale
    weight = "bold" if element.bold else "regular"
    lines = type_.wrap(element.text, weight, px, width)
    strip = _strip(width, ROW * element.scale * max(1, len(lines)))
    for n, line in enumerate(lines):
        drawn = type_.text(line, weight, px, BLACK)
        spare = width - drawn.get_width()
        x = {Align.LEFT: 0, Align.CENTER: spare // 2, Align.RIGHT: spare}[element.align]
        strip.blit(drawn, (x, n * ROW * element.scale))
    return strip


def _columns(element: Columns, width: int) -> pygame.Surface:
    type_, weight = _type(), "bold" if element.bold else "regular"
    right = type_.text(element.right, weight, PX, BLACK)
    room = width - right.get_width() - 12
    beside = type_.width(element.left, weight, PX) <= room
    lines = (element.left,) if beside else type_.wrap(element.left, weight, PX, width)
    rows = len(lines) + (0 if beside else 1)
    strip = _strip(width, ROW * rows)
    for n, line in enumerate(lines):
        strip.blit(type_.text(line, weight, PX, BLACK), (0, n * ROW))
    strip.blit(right, (width - right.get_width(), (rows - 1) * ROW))
    return strip


def _code(content: str, width: int) -> pygame.Surface:
    matrix = qr_matrix(content)
    module = max(2, min(6, width // len(matrix)))
    size = module * len(matrix)
    strip = _strip(width, size)
    left = (width - size) // 2
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                strip.fill(BLACK, (left + x * module, y * module, module, module))
    return strip
