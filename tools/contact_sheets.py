"""Draw all screens with sample values into docs/pictures/screens-<language>.png:

    python -m tools.contact_sheets [folder]

To be looked at whenever a screen, a text or a picture was changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pygame

from kiosk.ui.render import Renderer, png_of
from tests.ui.samples import USUAL, view

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
COLUMNS, WIDE, HIGH, GAP = 6, 320, 256, 12


def sheet(renderer: Renderer, locale: str) -> pygame.Surface:
    """Return all screens in one language, in the order of the samples."""
    rows = -(-len(USUAL) // COLUMNS)
    size = (COLUMNS * (WIDE + GAP) + GAP, rows * (HIGH + GAP) + GAP)
    surface = pygame.Surface(size, 0, 32)
    surface.fill((96, 106, 112))
    for n, name in enumerate(USUAL):
        shown = pygame.transform.smoothscale(renderer.render(view(name, locale), 9_000), (WIDE, HIGH))
        surface.blit(shown, (GAP + n % COLUMNS * (WIDE + GAP), GAP + n // COLUMNS * (HIGH + GAP)))
    return surface


def main(folder: Path) -> None:
    renderer = Renderer()
    for locale, name in (("zh-CN", "zh"), ("en", "en")):
        target = folder / f"screens-{name}.png"
        target.write_bytes(png_of(sheet(renderer, locale)))
        print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
