"""Setting type: faces, rendered lines (both cached), and breaking lines in Chinese and Latin text.

Lines break between any two Chinese characters but not before a closing mark nor after an opening one (GB/T 15834),
and between Latin words; figures with their signs stay whole. Lines are then balanced, and broken after a mark where
that costs little. There is no bidirectional text: neither offered language needs it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import pygame

from kiosk.ui.screens import ScreenError
from kiosk.ui.theme import Colour

FONTS: Final[Mapping[str, Path]] = {
    weight: Path(__file__).parent / "fonts" / f"NotoSansSC-{weight}.ttf" for weight in ("regular", "bold")
}
LEADING: Final = 1.32  # line height in sizes
RENDERED_MAX: Final = 200  # lines, of a dozen screens; some 50 KB each
WRAPPED_MAX: Final = 1000
BALANCED_MAX: Final = 120  # words; a longer text is filled line by line
BREAK: Final = 0.35  # what an end of line within a Chinese clause costs
GAP: Final = 0.06  # what an end of line between two Latin words costs
_WORDS = re.compile(r"[\w¥€£$.,:%+\-/•'’&()\u00a0…×–—@#*]+|\s+|.", re.ASCII)
_NO_START: Final = "，。、；：？！）》」』”’,.;:?!)%"
_NO_END: Final = "（《「『“‘("


class Type:
    """The faces of one renderer. `text` surfaces must not be drawn upon."""

    def __init__(self, fonts: Mapping[str, Path] = FONTS) -> None:
        pygame.font.init()
        self._fonts = fonts
        self._faces: dict[tuple[str, int], pygame.font.Font] = {}
        self._rendered: OrderedDict[tuple[str, str, int, Colour], pygame.Surface] = OrderedDict()
        self._wrapped: dict[tuple[str, str, int, int], tuple[str, ...]] = {}

    def face(self, weight: str, px: int) -> pygame.font.Font:
        found = self._faces.get((weight, px))
        if found is None:
            path = self._fonts[weight]
            try:
                found = pygame.font.Font(str(path), px)
            except (OSError, pygame.error) as error:
                raise ScreenError(str(path), f"the font cannot be read ({error})", "Run tools/fonts.py.") from error
            self._faces[weight, px] = found
        return found

    def width(self, text: str, weight: str, px: int) -> int:
        return self.face(weight, px).size(text)[0]

    def text(self, text: str, weight: str, px: int, colour: Colour) -> pygame.Surface:
        """Return one line, rendered."""
        key = (text, weight, px, colour)
        found = self._rendered.get(key)
        if found is None:
            found = self.face(weight, px).render(text, True, colour)
            self._rendered[key] = found
            if len(self._rendered) > RENDERED_MAX:
                self._rendered.popitem(last=False)
        else:
            self._rendered.move_to_end(key)
        return found

    def wrap(self, text: str, weight: str, px: int, width: int) -> tuple[str, ...]:
        """Return `text` in lines, balanced. A word wider than `width` stands alone on its line, too wide."""
        key = (text, weight, px, width)
        found = self._wrapped.get(key)
        if found is None:
            if len(self._wrapped) > WRAPPED_MAX:
                self._wrapped.clear()
            found = tuple(line for part in text.split("\n") for line in self._wrap(part, weight, px, width))
            self._wrapped[key] = found
        return found

    def _wrap(self, text: str, weight: str, px: int, width: int) -> list[str]:
        if self.width(text, weight, px) <= width:
            return [text]
        words = [(word, self.width(word, weight, px)) for word in tokens(text)]
        return _balanced(words, width) if len(words) <= BALANCED_MAX else _fill(words, width)


@lru_cache(maxsize=512)
def tokens(text: str) -> tuple[str, ...]:
    """Return what may not be broken, with marks tied to their neighbours."""
    found: list[str] = []
    for token in _WORDS.findall(text):
        if found and (token[0] in _NO_START or found[-1][-1] in _NO_END) and not found[-1].isspace():
            found[-1] += token
        else:
            found.append(token)
    return tuple(found)


def _fill(words: list[tuple[str, int]], width: int) -> list[str]:
    """Return lines as full as they can be."""
    lines: list[str] = []
    line, used = "", 0
    for word, size in words:
        if line and used + size > width and not word.isspace():
            lines.append(line.rstrip())
            line, used = "", 0
        if line or not word.isspace():
            line += word
            used += size
    return [*lines, line.rstrip()] if line else lines


def _balanced(words: list[tuple[str, int]], width: int) -> list[str]:
    """Return as many lines as `_fill` would, of like length, rather broken after a mark than elsewhere.

    The cost of a line is the square of what it lacks to the mean length, in means, and more for an end that is
    no mark; the cheapest way to the end is found from the last word backwards.
    """
    count = len(_fill(words, width))
    mean = sum(size for _, size in words) / count
    last = len(words)
    best: list[dict[int, tuple[float, int]]] = [{} for _ in range(last + 1)]  # word -> lines left -> (cost, next)
    best[last][0] = (0.0, last)
    for start in reversed(range(last)):
        if words[start][0].isspace():
            best[start] = best[start + 1]
            continue
        used = 0
        for end in range(start + 1, last + 1):
            word, size = words[end - 1]
            used += size
            if used - (size if word.isspace() else 0) > width and end > start + 1:
                break
            cost = ((used - mean) / mean) ** 2 + (0 if end == last else _break_cost(words, end))
            for left, (rest, _) in best[end].items():
                if left < count and cost + rest < best[start].get(left + 1, (1e9, 0))[0]:
                    best[start][left + 1] = (cost + rest, end)
    if count not in best[0]:
        return _fill(words, width)
    lines, start = [], 0
    for left in range(count, 0, -1):
        while start < last and words[start][0].isspace():
            start += 1
        end = best[start][left][1]
        lines.append("".join(word for word, _ in words[start:end]).rstrip())
        start = end
    return lines


def _break_cost(words: list[tuple[str, int]], end: int) -> float:
    gap = words[end - 1][0].isspace()
    word = words[end - 2][0] if gap and end > 1 else words[end - 1][0]
    return 0 if word[-1:] in _NO_START else GAP if gap else BREAK
