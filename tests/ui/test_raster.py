"""Lines and codes as bitmaps, and what the simulated printer put on paper as a picture."""

from __future__ import annotations

from drivers.base.raster import Bitmap
from drivers.base.vocabulary import Align
from kiosk.ui.codes import qr_matrix
from kiosk.ui.paper import draw_printed, printed_png
from kiosk.ui.raster import LINE, PaperRaster


def dots(bitmap: Bitmap) -> list[list[bool]]:
    across = bitmap.width // 8
    rows = [bitmap.bits[at : at + across] for at in range(0, len(bitmap.bits), across)]
    return [[bool(row[x // 8] & 0x80 >> x % 8) for x in range(bitmap.width)] for row in rows]


def inked(bitmap: Bitmap) -> tuple[int, int]:
    """Return the first and the last column with ink."""
    columns = [x for row in dots(bitmap) for x, dark in enumerate(row) if dark]
    return min(columns), max(columns)


def test_a_code_is_drawn_module_by_module() -> None:
    content = "https://example.test/r/632701000002"
    matrix = qr_matrix(content)
    picture = PaperRaster().code(content, module=6, width=576)
    left = (576 - 6 * len(matrix)) // 2
    drawn = dots(picture)
    assert picture.height == 6 * len(matrix)
    assert [[drawn[6 * y + 3][left + 6 * x + 3] for x in range(len(matrix))] for y in range(len(matrix))] == matrix


def test_a_code_too_wide_for_the_paper_has_smaller_modules() -> None:
    picture = PaperRaster().code("x" * 300, module=6, width=256)
    assert picture.width == 256
    assert picture.height <= 256


def test_pieces_stand_at_their_sides() -> None:
    raster = PaperRaster()
    left, right = (raster.line([("卡号", side)], bold=False, scale=1, width=576) for side in (Align.LEFT, Align.RIGHT))
    assert inked(left)[1] < 80
    assert inked(right)[0] > 496
    first, last = inked(raster.line([("卡号", Align.CENTER)], bold=False, scale=1, width=576))
    assert abs(first + last - 576) < 12
    both = raster.line([("卡号", Align.LEFT), ("6228", Align.RIGHT)], bold=True, scale=2, width=576)
    assert (both.width, both.height) == (576, 2 * LINE)


def test_a_line_too_wide_is_drawn_narrower() -> None:
    wide = PaperRaster().line([("W" * 80, Align.LEFT)], bold=False, scale=1, width=576)
    assert wide.width == 576
    assert inked(wide)[1] >= 570


def test_what_was_printed_becomes_a_picture() -> None:
    text = {"kind": "text", "text": "取款 ABC", "align": "center", "bold": True, "scale": 2}
    styled = {"kind": "text", "text": "ab", "align": "right", "bold": False, "scale": 1, "segments": [
        {"text": "a", "bold": False, "underline": True, "inverse": False, "scale_x": 1, "scale_y": 2},
        {"text": "b", "bold": False, "underline": False, "inverse": True, "scale_x": 2, "scale_y": 1},
    ]}  # fmt: skip
    image = {"kind": "image", "align": "left", "width": 16, "height": 2, "bits": "8001ffff"}
    code = {"kind": "qr", "content": "x", "module": 6, "level": "M", "align": "center"}
    bars = {"kind": "barcode", "symbology": "CODE128", "content": "12", "align": "left", "height": 60, "hri": 0}
    surface = draw_printed([text, styled, {"kind": "feed", "lines": 2}, image, code, bars])
    assert surface.get_width() == 48 * 12 + 56
    y = 28 + 60 + 60 + 60
    assert [surface.get_at((28 + x, y))[0] < 128 for x in (0, 1, 14, 15)] == [True, False, False, True]
    assert printed_png([text]).startswith(b"\x89PNG")
