"""The illustrations, drawn with primitives on a canvas 420 wide and 500 high, four times as fine as shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Final

import pygame

from kiosk.ui import theme
from kiosk.ui.theme import Colour

WIDE: Final = 420
HIGH: Final = 500
FINE: Final = 4  # a power of two: scaling by three darkens even plain colours a little
GOLD: Final[Colour] = (226, 190, 110)
SHADE: Final[Colour] = (203, 222, 225)


class Canvas:
    """Draws in canvas units onto a surface `FINE` times too large, centred."""

    def __init__(self, size: tuple[int, int], ground: Colour) -> None:
        self._size = size
        self._s = min(size[0] / WIDE, size[1] / HIGH) * FINE
        self._x = (size[0] * FINE - WIDE * self._s) / 2
        self._y = (size[1] * FINE - HIGH * self._s) / 2
        self.ground = ground
        self.surface = pygame.Surface((size[0] * FINE, size[1] * FINE), 0, 32)
        self.surface.fill(ground)

    def done(self) -> pygame.Surface:
        return pygame.transform.smoothscale(self.surface, self._size)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self._x + x * self._s, self._y + y * self._s

    def rect(self, x: float, y: float, w: float, h: float, colour: Colour, r: float = 0) -> None:
        left, top = self.at(x, y)
        box = pygame.Rect(round(left), round(top), round(w * self._s), round(h * self._s))
        pygame.draw.rect(self.surface, colour, box, border_radius=round(r * self._s))

    def frame(self, x: float, y: float, w: float, h: float, colour: Colour, r: float, line: float) -> None:
        left, top = self.at(x, y)
        box = pygame.Rect(round(left), round(top), round(w * self._s), round(h * self._s))
        pygame.draw.rect(self.surface, colour, box, round(line * self._s), border_radius=round(r * self._s))

    def disc(self, x: float, y: float, r: float, colour: Colour) -> None:
        pygame.draw.circle(self.surface, colour, self.at(x, y), r * self._s)

    def ring(self, x: float, y: float, r: float, colour: Colour, line: float) -> None:
        pygame.draw.circle(self.surface, colour, self.at(x, y), r * self._s, round(line * self._s))

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        pygame.draw.polygon(self.surface, colour, [self.at(*point) for point in points])

    def stroke(self, points: list[tuple[float, float]], colour: Colour, line: float) -> None:
        """Draw a path with round joints and ends."""
        for start, end in pairwise(points):
            (ax, ay), (bx, by) = start, end
            length = math.hypot(bx - ax, by - ay) or 1.0
            nx, ny = -(by - ay) / length * line / 2, (bx - ax) / length * line / 2
            self.shape([(ax + nx, ay + ny), (bx + nx, by + ny), (bx - nx, by - ny), (ax - nx, ay - ny)], colour)
        for x, y in points:
            self.disc(x, y, line / 2, colour)

    def arc(self, x: float, y: float, r: float, start: float, end: float, colour: Colour, line: float) -> None:
        """Draw an arc; degrees clockwise from twelve."""
        steps = max(8, int(abs(end - start) / 4))
        turns = [math.radians(start + (end - start) * n / steps) for n in range(steps + 1)]
        self.stroke([(x + r * math.sin(t), y - r * math.cos(t)) for t in turns], colour, line)


# ---- parts


def _slot(c: Canvas, y: float, lit: Colour = theme.GOOD) -> None:
    c.rect(40, y, 340, 104, theme.METAL_DEEP, 22)
    c.rect(40, y, 340, 96, theme.METAL, 22)
    c.rect(72, y + 40, 276, 20, (30, 44, 51), 10)
    c.rect(150, y + 14, 120, 10, lit, 5)


def _card(c: Canvas, x: float, y: float, h: float = 300) -> None:
    """Draw a card standing on its short side, its chip up."""
    c.rect(x + 6, y + 8, 200, h, SHADE, 18)
    c.rect(x, y, 200, h, theme.BRAND, 18)
    if h > 150:
        c.rect(x + 72, y + 34, 56, 66, GOLD, 10)
        c.stroke([(x + 72, y + 67), (x + 128, y + 67)], theme.BRAND, 3)
        c.stroke([(x + 100, y + 34), (x + 100, y + 100)], theme.BRAND, 3)
    for n, width in enumerate((112, 76)):
        c.rect(x + 32, y + h - 66 + n * 24, width, 10, (120, 176, 184), 5)


def _chevrons(c: Canvas, x: float, y: float, up: bool, colour: Colour = theme.BRAND) -> None:
    turn = -1 if up else 1
    for n in range(2):
        top = y + n * 26
        c.stroke([(x - 34, top - turn * 13), (x, top + turn * 13), (x + 34, top - turn * 13)], colour, 11)


def _note(c: Canvas, x: float, y: float, w: float, h: float, colour: Colour) -> None:
    light = (min(255, colour[0] + 70), min(255, colour[1] + 70), min(255, colour[2] + 70))
    c.rect(x + 3, y + 4, w, h, SHADE, 10)
    c.rect(x, y, w, h, colour, 10)
    c.frame(x + 9, y + 9, w - 18, h - 18, light, 6, 3)
    c.ring(x + w / 2, y + h / 2, h * 0.24, light, 4)
    c.disc(x + w / 2, y + h / 2, h * 0.12, light)


def _paper(c: Canvas, x: float, y: float, w: float, h: float, cut: bool = True) -> None:
    teeth = 12
    step = w / teeth
    edge = [(x + w - n * step, y + h - (0 if n % 2 else 10)) for n in range(teeth + 1)] if cut else []
    c.shape([(x, y), (x + w, y), *(edge or [(x + w, y + h), (x, y + h)])], theme.PAPER)
    c.rect(x + w / 2 - 30, y + 30, 60, 12, theme.BRAND, 6)
    for n in range(int((h - 90) // 30)):
        c.rect(x + 26, y + 66 + n * 30, w * 0.38, 8, theme.TINT_DEEP, 4)
        c.rect(x + w - 26 - w * 0.2, y + 66 + n * 30, w * 0.2, 8, theme.TINT_DEEP, 4)


def _tick(c: Canvas, x: float, y: float, r: float, colour: Colour = theme.GOOD) -> None:
    c.disc(x, y, r, colour)
    c.stroke([(x - r * 0.42, y + r * 0.04), (x - r * 0.1, y + r * 0.36), (x + r * 0.44, y - r * 0.3)],
             theme.WHITE, r * 0.17)  # fmt: skip


def _cross(c: Canvas, x: float, y: float, r: float, colour: Colour = theme.METAL_DEEP) -> None:
    c.disc(x, y, r, colour)
    a = r * 0.34
    c.stroke([(x - a, y - a), (x + a, y + a)], theme.WHITE, r * 0.17)
    c.stroke([(x - a, y + a), (x + a, y - a)], theme.WHITE, r * 0.17)


def _mind(c: Canvas, x: float, y: float, r: float) -> None:
    c.disc(x, y, r + 9, c.ground)
    c.disc(x, y, r, theme.WARN_MARK)
    c.stroke([(x, y - r * 0.45), (x, y + r * 0.1)], theme.WHITE, r * 0.2)
    c.disc(x, y + r * 0.46, r * 0.12, theme.WHITE)


RED, GREEN, BLUE = theme.NOTES[100], theme.NOTES[50], theme.NOTES[10]


# ---- pictures


def _card_in(c: Canvas) -> None:
    _slot(c, 60)
    _card(c, 110, 112, 260)
    c.rect(72, 100, 276, 12, (30, 44, 51), 6)
    _chevrons(c, 210, 416, up=True)


def _card_out(c: Canvas) -> None:
    _slot(c, 60)
    _card(c, 110, 112, 260)
    c.rect(72, 100, 276, 12, (30, 44, 51), 6)
    _chevrons(c, 210, 416, up=False, colour=theme.GOOD)


def _card_read(c: Canvas) -> None:
    _slot(c, 190, theme.WARN_MARK)
    _card(c, 110, 242, 110)
    c.rect(72, 230, 276, 12, (30, 44, 51), 6)
    for n in range(3):
        c.arc(210, 190, 46 + 38 * n, -42, 42, theme.BRAND if n < 2 else theme.TINT_DEEP, 10)


def _card_kept(c: Canvas) -> None:
    c.rect(60, 60, 300, 250, theme.WHITE, 26)
    c.rect(110, 92, 200, 128, theme.BRAND, 16)
    c.rect(134, 120, 48, 38, GOLD, 8)
    c.rect(134, 182, 104, 10, (120, 176, 184), 5)
    _slot(c, 250, theme.WARN_MARK)
    c.disc(210, 410, 62, c.ground)
    c.rect(160, 400, 100, 78, theme.METAL_DEEP, 14)
    c.arc(210, 400, 32, -90, 90, theme.METAL_DEEP, 14)
    c.disc(210, 432, 10, theme.WHITE)
    c.rect(205, 434, 10, 22, theme.WHITE, 5)


def _cover_pad(c: Canvas) -> None:
    c.rect(70, 120, 280, 350, theme.METAL_DEEP, 30)
    c.rect(70, 120, 280, 342, theme.METAL, 30)
    for n in range(12):
        x, y = 94 + (n % 3) * 80, 214 + (n // 3) * 60
        c.rect(x, y, 72, 50, theme.WHITE, 10)
        if n not in (9, 11):
            c.disc(x + 36, y + 25, 7, theme.METAL)
    c.rect(94, 394, 72, 50, (206, 92, 84), 10)
    c.rect(254, 394, 72, 50, (86, 160, 116), 10)
    c.shape([(40, 60), (380, 60), (366, 196), (54, 196)], theme.BRAND)
    c.rect(40, 30, 340, 60, theme.BRAND, 26)
    c.rect(54, 176, 312, 34, theme.BRAND_DEEP, 14)
    _eye(c, 210, 112)


def _eye(c: Canvas, x: float, y: float) -> None:
    c.arc(x, y + 52, 76, -46, 46, theme.WHITE, 9)
    c.arc(x, y - 52, 76, 134, 226, theme.WHITE, 9)
    c.disc(x, y, 20, theme.WHITE)
    c.stroke([(x - 50, y + 42), (x + 50, y - 42)], theme.BRAND, 24)
    c.stroke([(x - 50, y + 42), (x + 50, y - 42)], theme.WHITE, 9)


def _notes(c: Canvas) -> None:
    _note(c, 110, 120, 250, 116, BLUE)
    _note(c, 80, 192, 250, 116, GREEN)
    _note(c, 50, 264, 250, 116, RED)


def _notes_out(c: Canvas) -> None:
    c.rect(20, 70, 380, 104, theme.METAL_DEEP, 22)
    c.rect(20, 70, 380, 96, theme.METAL, 22)
    c.rect(54, 112, 312, 24, (30, 44, 51), 12)
    c.rect(150, 86, 120, 10, theme.GOOD, 5)
    for n, colour in enumerate((GREEN, RED, RED)):
        deep = (max(0, colour[0] - 36 + 18 * n), max(0, colour[1] - 12), max(0, colour[2] - 12))
        c.rect(66 + n * 6, 124, 276, 150 + n * 14, colour if n == 2 else deep, 10)
    light = (250, 190, 196)
    c.frame(88, 134, 256, 158, light, 7, 3)
    c.ring(216, 213, 40, light, 4)
    c.disc(216, 213, 19, light)
    c.rect(54, 112, 312, 14, (30, 44, 51), 7)
    _chevrons(c, 210, 372, up=False, colour=theme.GOOD)


def _counting(c: Canvas) -> None:
    for n in range(5):
        _note(c, 70 + (n % 2) * 8, 330 - n * 22, 270, 116, GREEN if n < 2 else RED)
    for n, width in enumerate((150, 210, 110)):
        c.rect(60, 110 + n * 34, width, 12, theme.TINT_DEEP, 6)
    _note(c, 210, 84, 170, 80, RED)


def _notes_short(c: Canvas) -> None:
    _note(c, 60, 150, 270, 122, GREEN)
    _note(c, 90, 236, 270, 122, RED)
    _mind(c, 330, 350, 52)


def _printer(c: Canvas, length: float) -> None:
    c.rect(40, 70, 340, 104, theme.METAL_DEEP, 22)
    c.rect(40, 70, 340, 96, theme.METAL, 22)
    c.rect(84, 112, 252, 20, (30, 44, 51), 10)
    c.rect(150, 86, 120, 10, theme.GOOD, 5)
    _paper(c, 110, 122, 200, length)
    c.rect(84, 112, 252, 12, (30, 44, 51), 6)


def _printing(c: Canvas) -> None:
    _printer(c, 150)


def _receipt(c: Canvas) -> None:
    _printer(c, 270)
    _chevrons(c, 210, 430, up=False, colour=theme.GOOD)


def _paper_out(c: Canvas) -> None:
    _paper(c, 100, 80, 220, 330)
    _mind(c, 310, 380, 54)


def _wait(c: Canvas) -> None:
    c.shape([(60, 200), (210, 104), (360, 200)], theme.BRAND)
    c.rect(70, 208, 280, 26, theme.BRAND_DEEP, 6)
    c.ring(210, 168, 18, theme.TINT, 7)
    for n in range(4):
        c.rect(92 + n * 66, 244, 38, 116, theme.BRAND, 6)
    c.rect(66, 368, 288, 26, theme.BRAND_DEEP, 6)
    c.rect(46, 400, 328, 20, theme.BRAND, 6)


def _hello(c: Canvas) -> None:
    c.rect(86, 40, 248, 420, theme.METAL_DEEP, 30)
    c.rect(86, 40, 248, 410, theme.METAL, 30)
    c.rect(112, 70, 196, 150, theme.WHITE, 14)
    c.rect(112, 70, 196, 40, theme.BRAND, 14)
    c.rect(112, 96, 196, 14, theme.BRAND)
    c.rect(136, 132, 148, 14, theme.TINT_DEEP, 7)
    c.rect(136, 160, 64, 36, theme.TINT, 8)
    c.rect(220, 160, 64, 36, theme.TINT, 8)
    for n in range(9):
        c.rect(118 + (n % 3) * 36, 250 + (n // 3) * 30, 30, 22, theme.WHITE, 5)
    c.rect(238, 254, 72, 12, (30, 44, 51), 6)
    c.rect(238, 296, 72, 12, (30, 44, 51), 6)
    c.rect(130, 374, 160, 22, (30, 44, 51), 8)
    c.rect(170, 352, 80, 8, theme.GOOD, 4)


def _pause(c: Canvas) -> None:
    c.disc(210, 250, 140, theme.WHITE)
    c.ring(210, 250, 140, theme.METAL, 16)
    c.rect(160, 186, 34, 128, theme.METAL_DEEP, 12)
    c.rect(226, 186, 34, 128, theme.METAL_DEEP, 12)


def _refused(c: Canvas) -> None:
    _card(c, 110, 90, 310)
    _mind(c, 306, 388, 54)


def _not_charged(c: Canvas) -> None:
    c.shape([(210, 80), (350, 128), (350, 236), (326, 320), (210, 420), (94, 320), (70, 236), (70, 128)], theme.BRAND)
    c.shape([(210, 80), (350, 128), (350, 236), (326, 320), (210, 420)], theme.BRAND_DEEP)
    c.stroke([(146, 250), (194, 300), (282, 196)], theme.WHITE, 26)


def _search(c: Canvas) -> None:
    _paper(c, 70, 70, 220, 320)
    c.stroke([(310, 350), (370, 416)], theme.METAL_DEEP, 34)
    c.disc(258, 292, 92, theme.METAL_DEEP)
    c.disc(258, 292, 72, theme.WHITE)
    _note(c, 206, 266, 104, 52, RED)


def _done(c: Canvas) -> None:
    c.disc(210, 250, 150, theme.WHITE)
    _tick(c, 210, 250, 116)


def _cancelled(c: Canvas) -> None:
    c.disc(210, 250, 150, theme.WHITE)
    _cross(c, 210, 250, 116)


def _clock(c: Canvas) -> None:
    c.disc(210, 250, 170, theme.TINT)
    c.disc(210, 250, 136, theme.WHITE)
    c.ring(210, 250, 136, theme.BRAND, 18)
    c.stroke([(210, 168), (210, 250), (268, 286)], theme.BRAND_DEEP, 18)


PICTURES: Final[dict[str, Callable[[Canvas], None]]] = {
    "card_in": _card_in, "card_out": _card_out, "card_read": _card_read, "card_kept": _card_kept,
    "cover_pad": _cover_pad, "notes": _notes, "notes_out": _notes_out, "notes_short": _notes_short,
    "counting": _counting, "printing": _printing, "receipt": _receipt, "paper_out": _paper_out, "wait": _wait,
    "hello": _hello, "pause": _pause, "refused": _refused, "not_charged": _not_charged, "search": _search,
    "done": _done, "cancelled": _cancelled, "clock": _clock,
}  # fmt: skip


def picture(name: str, size: tuple[int, int], ground: Colour) -> pygame.Surface:
    """Return the illustration `name` in pixels of `size` on `ground`. Raises `KeyError` for an unknown one."""
    canvas = Canvas(size, ground)
    PICTURES[name](canvas)
    return canvas.done()
