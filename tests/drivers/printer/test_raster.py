"""Pictures instead of characters and codes: bytes, bands, and what a printer without fonts makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.raster import Bitmap
from drivers.base.vocabulary import Align, Columns, QrCode, Text
from drivers.printer.encode import Layout
from drivers.printer.raster import BAND_ROWS, harmless, raster_image
from drivers.printer.settings import EPSON, RELIANCE, settings_of


class Stripes:
    """A rasteriser that draws what it was asked as stripes, and remembers it."""

    def __init__(self) -> None:
        self.lines: list[tuple[tuple[tuple[str, Align], ...], bool, int]] = []
        self.codes: list[str] = []

    def line(self, pieces: Sequence[tuple[str, Align]], *, bold: bool, scale: int, width: int) -> Bitmap:
        self.lines.append((tuple(pieces), bold, scale))
        return Bitmap(width, 30 * scale, b"\x55" * (width // 8 * 30 * scale))

    def code(self, content: str, *, module: int, width: int) -> Bitmap:
        self.codes.append(content)
        return Bitmap(width, 90, b"\xaa" * (width // 8 * 90))


def plain(stripes: Stripes, text: str = "missing") -> Layout:
    return Layout(encoding="cp437", chinese_mode=False, text=text, qr="raster", rasteriser=stripes)  # type: ignore[arg-type]


def test_a_picture_goes_out_in_bands() -> None:
    bitmap = Bitmap(16, BAND_ROWS + 2, bytes(range(0x20, 0x20 + 2)) * (BAND_ROWS + 2))
    data = raster_image(bitmap)
    head = b"\x1d\x76\x30\x00\x02\x00"
    assert data.startswith(head + bytes((BAND_ROWS, 0)))
    assert data.endswith(head + b"\x02\x00" + b"\x20\x21" * 2)
    assert len(data) == 16 + len(bitmap.bits)


@given(st.binary(max_size=200), st.sampled_from([b"\x10\x04\x01", b"\x10\x05\x02", b"\x10\x14\x08", b"\x10"]))
def test_no_picture_holds_a_real_time_command(rest: bytes, command: bytes) -> None:
    bits = harmless(rest + command)
    assert len(bits) == len(rest + command)
    for second in (b"\x04", b"\x05", b"\x14"):
        assert b"\x10" + second not in bits
    assert all(new == old or (old, new) == (0x10, 0x30) for old, new in zip(rest + command, bits, strict=True))


@pytest.mark.parametrize(("width", "height", "size"), [(7, 1, 1), (8, 0, 0), (16, 2, 3), (0, 1, 0)])
def test_a_bitmap_of_another_size_than_it_says_is_refused(width: int, height: int, size: int) -> None:
    with pytest.raises(ValueError, match=r"dots|bitmap"):
        Bitmap(width, height, bytes(size))


def test_only_what_the_code_page_lacks_is_drawn() -> None:
    stripes = Stripes()
    data, lines = plain(stripes).encode((Text("plain é"), Text("取款"), Columns("卡号", "6228"), Columns("a", "b")))
    assert [pieces for pieces, _, _ in stripes.lines] == [
        (("取款", Align.LEFT),),
        (("卡号", Align.LEFT), ("6228", Align.RIGHT)),
    ]
    assert b"plain \x82\n" in data
    assert lines == 4


def test_all_text_is_drawn_where_the_unit_has_no_good_font() -> None:
    stripes = Stripes()
    plain(stripes, "raster").encode((Text("ABC", Align.CENTER, bold=True, scale=2),))
    assert stripes.lines == [((("ABC", Align.CENTER),), True, 2)]


def test_a_drawn_value_keeps_a_line_of_its_own_where_both_do_not_fit() -> None:
    stripes = Stripes()
    plain(stripes).encode((Columns("一" * 30, "￥1.00"),))
    assert [pieces for pieces, _, _ in stripes.lines] == [
        (("一" * 24, Align.LEFT),), (("一" * 6, Align.LEFT),), (("￥1.00", Align.RIGHT),),
    ]  # fmt: skip


def test_codes_are_drawn_and_judged_as_native_ones() -> None:
    stripes = Stripes()
    data, lines = plain(stripes).encode((QrCode("https://example.test/r/1"),))
    assert stripes.codes == ["https://example.test/r/1"]
    assert b"\x1d(k" not in data
    assert lines == 3
    with pytest.raises(ValueError, match="QR code"):
        plain(stripes).encode((QrCode(""),))


def test_settings_as_a_site_writes_them() -> None:
    made = []

    def rasteriser() -> Stripes:
        made.append(Stripes())
        return made[-1]

    assert settings_of({}, rasteriser).profile is RELIANCE
    assert not made
    given = {"profile": "epson", "encoding": "cp437", "chinese_mode": False, "text": "missing", "feed_lines": 2}
    settings = settings_of(given, rasteriser)
    assert (settings.profile, settings.layout.encoding, settings.feed_lines) == (EPSON, "cp437", 2)
    assert settings.layout.rasteriser is made[0]
    with pytest.raises(ValueError, match=r"unknown colour.*columns"):
        settings_of({"colour": "red"}, rasteriser)
    with pytest.raises(ValueError, match="reliance, epson"):
        settings_of({"profile": "laser"}, rasteriser)


def test_pictures_need_somebody_who_draws() -> None:
    with pytest.raises(ValueError, match="rasteriser"):
        Layout(qr="raster")
    with pytest.raises(ValueError, match="native, missing or raster"):
        Layout(text="never")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="dots"):
        Layout(dots=1000)
