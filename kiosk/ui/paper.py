"""Documents as pictures: what the receipt printer puts on paper, for the bench and for reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

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
CELL, GLYPH, FEED = 12, 22, 30  # dots of a printer: a cell, the size of its characters, from line to line


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


def draw_printed(elements: Sequence[Mapping[str, Any]], columns: int = 48) -> pygame.Surface:
    """Return what a simulated printer has put on paper (`drivers.sim.paper`), dot by dot: cells of 12 by 24 dots.

    Bar codes are drawn as a box with their content; nothing here knows their bars.
    """
    pieces = [_printed(element, CELL * columns) for element in elements]
    height = sum(piece.get_height() for piece in pieces) + 2 * SIDE
    surface = pygame.Surface((CELL * columns + 2 * SIDE, height))
    surface.fill((255, 255, 255))
    y = SIDE
    for piece in pieces:
        surface.blit(piece, (SIDE, y))
        y += piece.get_height()
    return surface


def _printed(element: Mapping[str, Any], width: int) -> pygame.Surface:
    kind = element["kind"]
    if kind == "feed":
        return _strip(width, FEED * max(1, int(element["lines"])))
    if kind == "image":
        return _dots(element, width)
    if kind == "qr":
        return _code(str(element["content"]), width)
    if kind == "barcode":
        strip = _strip(width, 2 * FEED)
        pygame.draw.rect(strip, BLACK, (width // 4, 4, width // 2, 2 * FEED - 8), 2)
        _cells(strip, f"{element['symbology']} {element['content']}", width // 4 + 8, FEED // 2, {})
        return strip
    segments = element.get("segments") or [element]
    scale = max(int(s.get("scale_y", s.get("scale", 1))) for s in segments)
    strip = _strip(width, FEED * scale)
    cells = sum(_wide(c) * int(s.get("scale_x", s.get("scale", 1))) for s in segments for c in str(s["text"]))
    spare = max(0, width - cells * CELL)
    x = {"left": 0, "center": spare // 2, "right": spare}[str(element["align"])]
    for segment in segments:
        x = _cells(strip, str(segment["text"]), x, 0, segment)
    return strip


def _cells(strip: pygame.Surface, text: str, x: int, y: int, style: Mapping[str, Any]) -> int:
    """Draw `text` cell by cell, as a printer does; return where the next character stands."""
    across = int(style.get("scale_x", style.get("scale", 1)))
    down = int(style.get("scale_y", style.get("scale", 1)))
    face = _type().face("bold" if style.get("bold") else "regular", GLYPH)
    for character in text:
        wide = _wide(character) * CELL * across
        glyph = face.render(character, True, (255, 255, 255) if style.get("inverse") else BLACK)
        if style.get("inverse"):
            strip.fill(BLACK, (x, y, wide, FEED * down))
        size = (min(glyph.get_width(), _wide(character) * CELL) * across, glyph.get_height() * down)
        strip.blit(pygame.transform.scale(glyph, size), (x + (wide - size[0]) // 2, y + (FEED * down - size[1]) // 2))
        if style.get("underline"):
            strip.fill(BLACK, (x, y + FEED * down - 3, wide, 2))
        x += wide
    return x


def _wide(character: str) -> int:
    return 1 if character < "\x80" else 2


def _dots(element: Mapping[str, Any], width: int) -> pygame.Surface:
    across, high = int(element["width"]), int(element["height"])
    bits = bytes.fromhex(str(element["bits"]))
    strip = _strip(width, high)
    for at, byte in enumerate(bits):
        for bit in range(8) if byte else ():
            if byte & 0x80 >> bit:
                strip.set_at((at * 8 % across + bit, at * 8 // across), BLACK)
    return strip


def printed_png(elements: Sequence[Mapping[str, Any]], columns: int = 48) -> bytes:
    """Return `draw_printed` as PNG."""
    return png_of(draw_printed(elements, columns))


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
