"""A document of the vocabulary as ESC/POS bytes, laid out in cells.

A receipt is a grid: a character that takes one byte is one cell wide, one that takes more is two (a
printer draws every double-byte character at full width). Lines are broken here and not left to the
printer, so that an amount never breaks in two and a reader of the journal sees what the paper shows.

Text is data, never commands: control characters are taken out, so that no name, address or biller text
can drive the printer. GB18030 needs no further care: its trailing bytes are never below 30h.

A printer without a Chinese font, or without the QR command, gets pictures instead (`Layout.text`, `Layout.qr`), drawn
by whoever has fonts and laid out in the same cells.

Source: Pyramid Technologies, Reliance ESC/POS reference; Epson and Citizen manuals for ``GS ( k`` and
``FS &``. Why this is not a library: docs/decisions/0003-escpos-encoding.md.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from drivers.base.raster import Rasteriser
from drivers.base.vocabulary import Align, Columns, Document, Element, Feed, QrCode, Rule, Text
from drivers.printer.raster import raster_image

INITIALISE: Final = b"\x1b\x40"
CHINESE_ON: Final = b"\x1c\x26"
_ALIGN: Final = {Align.LEFT: b"\x1b\x61\x00", Align.CENTER: b"\x1b\x61\x01", Align.RIGHT: b"\x1b\x61\x02"}
_BOLD: Final = {False: b"\x1b\x45\x00", True: b"\x1b\x45\x01"}
_SCALE: Final = {1: b"\x1d\x21\x00", 2: b"\x1d\x21\x11"}
_LINE: Final = b"\x0a"

QR_BYTES_MAX: Final = 1_000  # far under what a version 40 code holds; a receipt carries a URL or a reference
QR_MODULE_DOTS: Final = 6
LINE_DOTS: Final = 30  # how far a line feed moves the paper
FEED_LINES_MAX: Final = 20  # a typing error must not feed a roll

# Full-width forms every Chinese printer has, for signs that GB18030 puts into four bytes, which few have.
_SUBSTITUTES: Final = str.maketrans({"\u00a5": "\uffe5", "\u00a0": " ", "\u2011": "-", "\u2212": "-"})

NEVER_FIRST: Final = frozenset("。，、；：？！）》”’.,;:?!)")
"""Marks that no line begins with; the character before goes over with them."""


def printable(text: str) -> str:
    """Return `text` on one line, without control characters and with signs the printer has."""
    flat = text.replace("\n", " ").replace("\t", " ").translate(_SUBSTITUTES)
    return "".join(character for character in flat if character >= " " and not "\x7f" <= character <= "\x9f")


@dataclass(frozen=True, slots=True)
class Layout:
    """How wide the paper is and which characters the printer has.

    `columns`: cells of one line, 42 or 48. `encoding`: ``"gb18030"``, ``"gbk"`` or a code page of one byte.
    `chinese_mode`: send ``FS &`` first (a printer of one code page does not know it). `dots`: of one line.
    `text`: ``"native"``, or as a picture where a character is ``"missing"`` in the encoding, or always as ``"raster"``.
    `qr`: ``"native"`` (``GS ( k``) or ``"raster"``. Pictures need a `rasteriser`.
    Raises ValueError for what does not fit, LookupError for an unknown encoding.
    """

    columns: int = 48
    encoding: str = "gb18030"
    chinese_mode: bool = True
    dots: int = 576
    text: Literal["native", "missing", "raster"] = "native"
    qr: Literal["native", "raster"] = "native"
    rasteriser: Rasteriser | None = None

    def __post_init__(self) -> None:
        if self.text not in ("native", "missing", "raster") or self.qr not in ("native", "raster"):
            raise ValueError(f"text is native, missing or raster, codes native or raster, not {self.text}, {self.qr}")
        if self.rasteriser is None and (self.text, self.qr) != ("native", "native"):
            raise ValueError("who draws the pictures? text or QR codes as raster need a rasteriser")
        if self.dots % 8 or not 256 <= self.dots <= 576:
            raise ValueError(f"a line has 256 to 576 dots, a multiple of 8, not {self.dots}")
        if self.columns not in (42, 48):
            raise ValueError(f"a line has 42 or 48 columns, not {self.columns}")
        "".encode(self.encoding)  # raises LookupError for an encoding that Python does not know

    def cells(self, text: str) -> int:
        """Return how many cells `text` takes at scale 1."""
        if text.isascii():
            return len(text)
        return sum(self._cells_of(character) for character in text)

    def _cells_of(self, character: str) -> int:
        if self.text != "native" and unicodedata.east_asian_width(character) in "WF":
            return 2  # as it is drawn, whatever the encoding makes of it
        return 1 if len(character.encode(self.encoding, "replace")) == 1 else 2

    def wrapped(self, text: str, cells: int) -> list[str]:
        """Break `text` into lines of at most `cells`, at a space where there is one."""
        lines: list[str] = []
        line, used, space_at = "", 0, -1
        for character in text:
            width = self._cells_of(character)
            if used + width > cells:
                if character == " ":
                    lines.append(line)
                    line, used, space_at = "", 0, -1
                    continue
                if space_at > 0:
                    lines.append(line[:space_at])
                    line = line[space_at + 1 :]
                elif character in NEVER_FIRST and len(line) > 1:
                    lines.append(line[:-1])
                    line = line[-1]
                else:
                    lines.append(line)
                    line = ""
                used, space_at = self.cells(line), -1
            if character == " ":
                space_at = len(line)
            line += character
            used += width
        return [*lines, line]

    def column_lines(self, left: str, right: str) -> list[str]:
        """Lay a label and a value out. The value is never broken off; if both do not fit it takes its own
        line.
        """
        gap = self.columns - self.cells(left) - self.cells(right)
        if gap >= 1:
            return [left + " " * gap + right]
        lines = self.wrapped(left, self.columns)
        for piece in self.wrapped(right, self.columns):
            lines.append(" " * (self.columns - self.cells(piece)) + piece)
        return lines

    def encode(self, document: Document) -> tuple[bytes, int]:
        """Return the bytes of `document`, without cut, and how many lines of paper it takes.

        Raises ValueError for a document that cannot be printed: an unknown scale, a QR code that is
        empty, too long or has control characters, a feed over the limit.
        """
        out = [INITIALISE + (CHINESE_ON if self.chinese_mode else b"")]
        lines = 0
        for element in document:
            data, taken = self._element(element)
            out.append(data)
            lines += taken
        return b"".join(out), lines

    def _element(self, element: Element) -> tuple[bytes, int]:
        if isinstance(element, Text):
            if element.scale not in _SCALE:
                raise ValueError(f"text is printed at scale 1 or 2, not {element.scale}")
            text = printable(element.text)
            pieces = self.wrapped(text, self.columns // element.scale)
            if self._drawn(text):
                return self._pictures([[(piece, element.align)] for piece in pieces], element.bold, element.scale)
            return self._styled(pieces, element.align, element.bold, element.scale)
        if isinstance(element, Columns):
            left, right = printable(element.left), printable(element.right)
            if self._drawn(left + right):
                return self._pictures(self._sides(left, right), element.bold, 1)
            return self._styled(self.column_lines(left, right), Align.LEFT, element.bold, 1)
        if isinstance(element, Rule):
            return self._styled(["-" * self.columns], Align.LEFT, False, 1)
        if isinstance(element, Feed):
            if not 1 <= element.lines <= FEED_LINES_MAX:
                raise ValueError(f"feed 1 to {FEED_LINES_MAX} lines, not {element.lines}")
            return b"\x1b\x64" + bytes((element.lines,)), element.lines
        if self.qr == "raster":
            _content(element)
            assert self.rasteriser is not None
            picture = self.rasteriser.code(element.content, module=QR_MODULE_DOTS, width=self.dots)
            return _ALIGN[Align.LEFT] + raster_image(picture), -(-picture.height // LINE_DOTS)
        return qr_code(element), 8

    def _drawn(self, text: str) -> bool:
        """Whether `text` is sent as a picture."""
        if self.text == "missing":
            try:
                text.encode(self.encoding)
            except UnicodeEncodeError:
                return True
        return self.text == "raster"

    def _sides(self, left: str, right: str) -> list[list[tuple[str, Align]]]:
        if self.cells(left) + self.cells(right) < self.columns:
            return [[(left, Align.LEFT), (right, Align.RIGHT)]]
        lines = [[(piece, Align.LEFT)] for piece in self.wrapped(left, self.columns)]
        return [*lines, *([(piece, Align.RIGHT)] for piece in self.wrapped(right, self.columns))]

    def _pictures(self, lines: list[list[tuple[str, Align]]], bold: bool, scale: int) -> tuple[bytes, int]:
        assert self.rasteriser is not None
        drawn = [self.rasteriser.line(pieces, bold=bold, scale=scale, width=self.dots) for pieces in lines]
        return _ALIGN[Align.LEFT] + b"".join(map(raster_image, drawn)), scale * len(lines)

    def _styled(self, pieces: list[str], align: Align, bold: bool, scale: int) -> tuple[bytes, int]:
        style = _ALIGN[align] + _BOLD[bold] + _SCALE[scale]
        body = b"".join(piece.encode(self.encoding, "replace") + _LINE for piece in pieces)
        return style + body, scale * len(pieces)


def qr_code(element: QrCode) -> bytes:
    """Return the five ``GS ( k`` functions of a centred QR code: model 2, module size, level M, store,
    print.
    """
    content = _content(element)
    return b"".join(
        (
            _ALIGN[Align.CENTER],
            _function(65, b"\x32\x00"),
            _function(67, bytes((QR_MODULE_DOTS,))),
            _function(69, b"\x31"),
            _function(80, b"\x30" + content),
            _function(81, b"\x30"),
        )
    )


def _content(element: QrCode) -> bytes:
    content = element.content.encode("utf-8")
    if not 0 < len(content) <= QR_BYTES_MAX or any(byte < 0x20 for byte in content):
        raise ValueError(f"a QR code has 1 to {QR_BYTES_MAX} bytes without control characters")
    return content


def _function(number: int, parameters: bytes) -> bytes:
    body = b"\x31" + bytes((number,)) + parameters
    return b"\x1d\x28\x6b" + len(body).to_bytes(2, "little") + body
