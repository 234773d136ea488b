from __future__ import annotations

from io import BytesIO

import pygame
import pytest

from drivers.base.vocabulary import Align, Columns, Document, Feed, QrCode, Rule, Text
from kiosk.ui.paper import BLACK, ROW, document_png, draw_document

DOCUMENT: Document = (
    Text("示范银行", Align.CENTER, bold=True, scale=2),
    Rule(),
    Columns("金额 Amount", "CNY 500.00", bold=True),
    QrCode("T0000001 632610000417"),
    Feed(2),
    Text("谢谢使用", Align.RIGHT),
)


def ink(surface: pygame.Surface) -> pygame.Rect:
    """Return the box around all that is printed."""
    mask = pygame.mask.from_threshold(surface, BLACK, (60, 60, 60, 255))
    boxes = mask.get_bounding_rects()
    return boxes[0].unionall(boxes[1:])


def test_a_document_becomes_paper_with_all_ink_inside() -> None:
    surface = draw_document(DOCUMENT, 440)
    assert surface.get_width() == 440
    assert surface.get_rect().inflate(-20, -20).contains(ink(surface))
    assert pygame.image.load(BytesIO(document_png(DOCUMENT))).get_size() == surface.get_size()


@pytest.mark.parametrize(("align", "edge"), [(Align.LEFT, "left"), (Align.RIGHT, "right"), (Align.CENTER, "centerx")])
def test_alignment(align: Align, edge: str) -> None:
    surface = draw_document((Text("金额", align),), 440)
    inner = surface.get_rect().inflate(-56, 0)
    assert abs(getattr(ink(surface), edge) - getattr(inner, edge)) <= 3


def test_what_is_too_long_is_carried_over() -> None:
    short = draw_document((Columns("标签", "值"),), 440).get_height()
    assert draw_document((Columns("很长的标签" * 8, "很长的值" * 3),), 440).get_height() >= short + 2 * ROW
    assert draw_document((Text("请妥善保管。" * 12),), 440).get_height() >= short + 2 * ROW


def test_the_code_on_the_paper_is_the_code_of_the_content() -> None:
    import qrcode

    content = "T0000001 632610000417"
    code = qrcode.QRCode(border=4)
    code.add_data(content)
    code.make(fit=True)
    matrix = code.get_matrix()
    surface = draw_document((QrCode(content),), 440)
    box = ink(surface)
    modules = len(matrix) - 8
    size = box.w // modules
    assert size * modules == box.w == box.h
    read = [
        [surface.get_at((box.x + x * size + size // 2, box.y + y * size + size // 2))[:3] == BLACK
         for x in range(modules)] for y in range(modules)
    ]  # fmt: skip
    assert read == [[bool(cell) for cell in row[4:-4]] for row in matrix[4:-4]]
