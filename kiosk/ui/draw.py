"""Drawing nodes: one function for each kind. Faces are drawn once, four times as fine, and kept.

    panel     fill, edge, radius, line         a box with round corners (also the face of a button)
    fill      colour                           a plain box
    disc      colour                           a circle filling its box
    text      lines, weight, px, colour, ground, align
    picture   name, ground
    note      figure, colour, how many are seen
    stars     digits, places
    sheet                                      receipt paper
    mark                                       the sign of the brand: round, with a square hole
    dim                                        a veil over what lies under
    bar       since_ms, until_ms               the time left, moving
    dots      since_ms                         something is going on, moving

Every function draws within the box of its node and leaves the rest alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import pygame

from kiosk.ui import theme
from kiosk.ui.pictures import picture
from kiosk.ui.scene import Node
from kiosk.ui.theme import Colour
from kiosk.ui.type import LEADING, Type

FINE: Final = 4
DOT_MS: Final = 450  # one of three dots after the other


class Painter:
    def __init__(self, type_: Type) -> None:
        self._type = type_
        self._kinds: dict[str, Callable[[pygame.Surface, Node, int], None]] = {
            name[1:]: getattr(self, name) for name in dir(self) if name.startswith("_") and name[1:] in KINDS
        }

    def warm(self, node: Node) -> bool:
        """Draw the illustration of a node beforehand. Return whether there was anything to do."""
        if node.kind != "picture":
            return False
        before = _picture.cache_info().misses
        _picture(node.data[0], node.box[2:], node.data[1])
        return _picture.cache_info().misses > before

    def draw(self, surface: pygame.Surface, node: Node, now_ms: int) -> None:
        """Draw `node` within its box."""
        self._kinds[node.kind](surface, node, now_ms)

    def ring(self, surface: pygame.Surface, node: Node) -> None:
        """Mark a touchable node as having the focus or being pressed."""
        radius = node.data[2] if node.kind == "panel" else 8
        pygame.draw.rect(surface, theme.FOCUS, node.box, max(4, node.box[3] // 24), border_radius=radius)

    def _fill(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        surface.fill(node.data[0], node.box)

    def _panel(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        fill, edge, radius, line = node.data
        x, y, w, h = node.box
        r = min(radius, w // 2, h // 2)
        corners = _corners(fill, edge, r, line)
        surface.fill(edge, (x + r, y, w - 2 * r, h))
        surface.fill(edge, (x, y + r, w, h - 2 * r))
        inner = line if fill != edge else 0
        surface.fill(fill, (x + r, y + inner, w - 2 * r, h - 2 * inner))
        surface.fill(fill, (x + inner, y + r, w - 2 * inner, h - 2 * r))
        d = corners.get_width() - r
        for cx, cy, sx, sy in ((x, y, 0, 0), (x + w - r, y, d, 0), (x, y + h - r, 0, d), (x + w - r, y + h - r, d, d)):
            surface.blit(corners, (cx, cy), (sx, sy, r, r))

    def _disc(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        x, y, w, h = node.box
        surface.blit(_disc(min(w, h), node.data[0]), (x, y))

    def _text(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        lines, weight, px, colour, _, align = node.data
        x, y, w, h = node.box
        step = px * LEADING
        top = y + (h - step * len(lines)) / 2
        for n, line in enumerate(lines):
            drawn = self._type.text(line, weight, px, colour)
            left = {"left": x, "right": x + w - drawn.get_width(), "center": x + (w - drawn.get_width()) // 2}[align]
            surface.blit(drawn, (left, round(top + n * step + (step - drawn.get_height()) / 2)))

    def _picture(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        drawn, (dx, dy) = _picture(node.data[0], node.box[2:], node.data[1])
        surface.fill(node.data[1], node.box)
        surface.blit(drawn, (node.box[0] + dx, node.box[1] + dy))

    def _note(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        figure, colour, seen = node.data
        x, y, w, h = node.box
        surface.blit(_note(w, h, colour, seen), (x, y))
        px = max(12, round(h * 0.36))
        drawn = self._type.text(figure, "bold", px, theme.WHITE)
        step = (seen - 1) * max(2, h // 16)
        surface.blit(drawn, (x + (w - step - drawn.get_width()) // 2, y + step + (h - step - drawn.get_height()) // 2))

    def _stars(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        digits, places = node.data
        x, y, w, h = node.box
        size = min(h // 2, w // (places + 2))
        step = w / places
        for n in range(places):
            dot = _disc(size, theme.BRAND_DEEP) if n < digits else _disc(size // 2, theme.TINT_DEEP)
            surface.blit(dot, dot.get_rect(center=(round(x + step * (n + 0.5)), y + h // 2)))

    def _sheet(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        surface.blit(sheet(*node.box[2:]), node.box[:2])

    def _mark(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        surface.blit(_mark(min(node.box[2:])), node.box[:2])

    def _dim(self, surface: pygame.Surface, node: Node, _now_ms: int) -> None:
        surface.blit(_veil(*node.box[2:]), node.box[:2])

    def _bar(self, surface: pygame.Surface, node: Node, now_ms: int) -> None:
        since, until = node.data
        x, y, w, h = node.box
        surface.fill(theme.EDGE, node.box)
        left = max(0.0, min(1.0, (until - now_ms) / max(1, until - since)))
        surface.fill(theme.BRAND if left > 0.25 else theme.WARN_MARK, (x, y, round(w * left), h))

    def _dots(self, surface: pygame.Surface, node: Node, now_ms: int) -> None:
        x, y, w, h = node.box
        size = min(h, w // 4)
        lit = max(0, now_ms - node.data[0]) // DOT_MS % 3
        for n in range(3):
            colour = theme.BRAND if n == lit else theme.TINT_DEEP
            surface.blit(_disc(size, colour), (x + n * (size + size // 2), y + (h - size) // 2))


KINDS: Final = (
    "fill", "panel", "disc", "text", "picture", "note", "stars", "sheet", "mark", "dim", "bar", "dots",
)  # fmt: skip


def _fine(w: int, h: int, colour: Colour) -> pygame.Surface:
    surface = pygame.Surface((w * FINE, h * FINE), pygame.SRCALPHA, 32)
    surface.fill((*colour, 0))
    return surface


def _shrunk(surface: pygame.Surface) -> pygame.Surface:
    return pygame.transform.smoothscale(surface, (surface.get_width() // FINE, surface.get_height() // FINE))


@lru_cache(maxsize=128)
def _corners(fill: Colour, edge: Colour, radius: int, line: int) -> pygame.Surface:
    """Return a small box with round corners; its four quarters are the corners of any larger one."""
    size = 2 * radius + 2
    outer = _fine(size, size, edge)
    pygame.draw.rect(outer, edge, outer.get_rect(), border_radius=radius * FINE)
    if fill != edge:
        inner = outer.get_rect().inflate(-2 * line * FINE, -2 * line * FINE)
        pygame.draw.rect(outer, fill, inner, border_radius=max(0, radius - line) * FINE)
    return _shrunk(outer)


@lru_cache(maxsize=64)
def _disc(size: int, colour: Colour) -> pygame.Surface:
    surface = _fine(size, size, colour)
    pygame.draw.circle(surface, colour, surface.get_rect().center, size * FINE / 2)
    return _shrunk(surface)


@lru_cache(maxsize=64)
def _picture(name: str, size: tuple[int, int], ground: Colour) -> tuple[pygame.Surface, tuple[int, int]]:
    """Return the drawn part of an illustration and where it begins; the plain rest would cost memory."""
    whole = picture(name, size, ground)
    plain = pygame.mask.from_threshold(whole, ground, (1, 1, 1, 255))
    plain.invert()
    boxes = plain.get_bounding_rects()
    drawn = boxes[0].unionall(boxes[1:])
    return whole.subsurface(drawn).copy(), drawn.topleft


@lru_cache(maxsize=64)
def _note(w: int, h: int, colour: Colour, seen: int) -> pygame.Surface:
    surface = _fine(w, h, theme.WHITE)
    step = max(2, h // 16) * FINE
    deep = tuple(max(0, part - 34) for part in colour)
    light = tuple(min(255, part + 60) for part in colour)
    body_w, body_h = w * FINE - (seen - 1) * step, h * FINE - (seen - 1) * step
    for n in reversed(range(seen)):
        box = pygame.Rect(n * step, (seen - 1 - n) * step, body_w, body_h)
        pygame.draw.rect(surface, deep if n else colour, box, border_radius=h * FINE // 10)
        if n:
            pygame.draw.rect(surface, theme.GROUND, box, FINE, border_radius=h * FINE // 10)
    box = pygame.Rect(0, (seen - 1) * step, body_w, body_h)
    pygame.draw.rect(surface, light, box.inflate(-h * FINE // 7, -h * FINE // 7), FINE, border_radius=h * FINE // 16)
    return _shrunk(surface)


@lru_cache(maxsize=16)
def sheet(w: int, h: int) -> pygame.Surface:
    """Return a piece of receipt paper, torn below. Not to be drawn upon."""
    surface = _fine(w, h, theme.PAPER)
    tooth, wide, high = 9 * FINE, w * FINE - 1, h * FINE - 1
    teeth = max(2, 2 * round(wide / tooth / 2))
    edge = [(wide - wide * n / teeth, high - (tooth if n % 2 else 0)) for n in range(teeth + 1)]
    pygame.draw.polygon(surface, theme.LINE, [(0, 0), (wide, 0), *edge])
    line = 2 * FINE
    inner: list[Any] = [(min(max(x, line), wide - line), y - line) for x, y in edge]
    pygame.draw.polygon(surface, theme.PAPER, [(line, line), (wide - line, line), *inner])
    return _shrunk(surface)


@lru_cache(maxsize=4)
def _mark(size: int) -> pygame.Surface:
    surface = _fine(size, size, theme.BRAND)
    whole = surface.get_rect()
    pygame.draw.circle(surface, theme.BRAND, whole.center, size * FINE / 2)
    pygame.draw.circle(surface, theme.WHITE, whole.center, size * FINE * 0.41, size * FINE // 28)
    hole = pygame.Rect(0, 0, size * FINE * 10 // 32, size * FINE * 10 // 32)
    hole.center = whole.center
    pygame.draw.rect(surface, theme.WHITE, hole, border_radius=FINE)
    return _shrunk(surface)


@lru_cache(maxsize=2)
def _veil(w: int, h: int) -> pygame.Surface:
    surface = pygame.Surface((w, h), pygame.SRCALPHA, 32)
    surface.fill((*theme.INK, 150))
    return surface
