"""Colours and sizes of the screens. Every text colour is used on grounds that give it a contrast of 4.5 : 1 or more
(WCAG 2.2, 1.4.3); `tests/ui` measures each text of each screen. Lengths are in units of a screen 1024 high.
"""

from __future__ import annotations

from typing import Final

Colour = tuple[int, int, int]

GROUND: Final[Colour] = (244, 247, 247)
WHITE: Final[Colour] = (255, 255, 255)
INK: Final[Colour] = (20, 38, 46)
MUTED: Final[Colour] = (74, 92, 101)
BRAND: Final[Colour] = (11, 92, 104)
BRAND_DEEP: Final[Colour] = (8, 66, 77)
TINT: Final[Colour] = (223, 236, 237)
TINT_DEEP: Final[Colour] = (190, 214, 217)
LINE: Final[Colour] = (197, 209, 213)
EDGE: Final[Colour] = (222, 229, 231)
OFF: Final[Colour] = (234, 238, 239)
WARN: Final[Colour] = (255, 243, 218)
WARN_INK: Final[Colour] = (101, 66, 0)
WARN_MARK: Final[Colour] = (214, 150, 30)
GOOD: Final[Colour] = (38, 122, 86)
FOCUS: Final[Colour] = (214, 120, 20)
PAPER: Final[Colour] = (255, 254, 250)
METAL: Final[Colour] = (122, 139, 147)
METAL_DEEP: Final[Colour] = (58, 76, 85)

# Major units -> colour of the drawn note; the drawings only hint at the colour of the real ones.
NOTES: Final = {
    100: (186, 70, 84),
    50: (58, 128, 92),
    20: (150, 100, 62),
    10: (66, 110, 160),
    5: (120, 86, 150),
    1: (118, 122, 60),
}
NOTE: Final[Colour] = (74, 92, 101)

HEIGHT: Final = 1024
MARGIN: Final = 64
HEADER: Final = 88
BAR: Final = 8
FOOT_TOP: Final = 900
SIDE_KEYS_AT: Final = (388, 529, 671, 811)  # the height of side keys 1 to 4, left and right; `bench.js` puts them there
FOOT_HEIGHT: Final = 88
FOOT_WIDTH: Final = 440
ASIDE: Final = 500  # width of the illustration's panel
BUTTON_MIN: Final = 80  # a finger: no button of a column is lower
SMALLEST: Final = 24  # no text is set smaller than this

TITLE: Final = 56
TEXT: Final = 34
SMALL: Final = 28
BUTTON: Final = 38


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""

    def luminance(colour: Colour) -> float:
        parts = [c / 255 for c in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
