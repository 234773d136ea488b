"""What a simulated printer has put on paper: lines for a reader, elements for who draws them.

A document is a mapping, JSON-able:

    lines     what is read, a list of str; codes and pictures as ``[QR ...]``, ``[barcode ...]``, ``[image
    WxH]`` elements  what is drawn, a list of mappings by ``kind``:
              text      text, align, bold, scale; segments (a list of text, bold, underline, inverse, scale_x,
                        scale_y) when the style changes within the line
              feed      lines
              qr        content, module, level, align
              barcode   content, symbology, height, hri, align
              image     width, height in dots, bits (hex, a row after the other, most significant bit
              first), align
    cut       whether it was cut off
    where     printing, inside, outlet, taken, retracted, ejected, collected or destroyed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

DOCUMENTS_KEPT: Final = 20  # what a person looks at; a rehearsal of a day must not grow for ever

Element = dict[str, object]


def cells_of(text: str) -> int:
    """Return the cells `text` takes: one for a single-byte character, two for any other."""
    return sum(1 if character < "\x80" else 2 for character in text)


class _Document:
    __slots__ = ("cut", "elements", "lines", "where")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.elements: list[Element] = []
        self.cut = False
        self.where = "printing"


class Paper:
    """The paper of one printer: the document under the head and those that left it."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._done: list[_Document] = []
        self._current = _Document()
        self._segments: list[Element] = []
        self._used = 0

    @property
    def line_begun(self) -> bool:
        return bool(self._segments)

    @property
    def at_outlet(self) -> bool:
        return any(document.where == "outlet" for document in self._done)

    def count(self, where: str) -> int:
        return sum(document.where == where for document in self._done)

    def drop_line(self) -> None:
        self._segments, self._used = [], 0

    def write(
        self, text: str, *, bold: bool, underline: bool, inverse: bool, scale_x: int, scale_y: int
    ) -> int:
        """Add `text` to the line; return how many lines of paper were taken by running over its end."""
        style: Element = {
            "bold": bold,
            "underline": underline,
            "inverse": inverse,
            "scale_x": scale_x,
            "scale_y": scale_y,
        }
        lines = 0
        piece = ""
        for character in text:
            cells = scale_x if character < "\x80" else 2 * scale_x
            if self._used + cells > self._columns:
                if piece:
                    self._segments.append({"text": piece, **style})
                piece = ""
                self.end_line("left")
                lines += scale_y
            piece += character
            self._used += cells
        if piece:
            self._segments.append({"text": piece, **style})
        return lines

    def end_line(self, align: str) -> None:
        text = "".join(str(segment["text"]) for segment in self._segments)
        self._current.lines.append(self._placed(text, align))
        first = self._segments[0] if self._segments else {"bold": False, "scale_x": 1}
        element: Element = {
            "kind": "text",
            "text": text,
            "align": align,
            "bold": first["bold"],
            "scale": first["scale_x"],
        }
        if len(self._segments) > 1 or first.get("underline") or first.get("inverse"):
            element["segments"] = self._segments
        self._current.elements.append(element)
        self.drop_line()

    def _placed(self, text: str, align: str) -> str:
        free = max(0, self._columns - self._used)
        if align == "center":
            return " " * (free // 2) + text
        return " " * free + text if align == "right" else text

    def feed(self, lines: int) -> None:
        self._current.lines += [""] * lines
        self._current.elements.append({"kind": "feed", "lines": lines})

    def add(self, element: Element, line: str) -> None:
        self._current.elements.append(element)
        self._current.lines.append(self._placed_code(line, str(element["align"])))

    def _placed_code(self, line: str, align: str) -> str:
        free = max(0, self._columns - cells_of(line))
        return " " * (free // 2 if align == "center" else free if align == "right" else 0) + line

    def cut(self, where: str) -> None:
        """Cut the document off; it is then `where`. Cutting blank paper makes no document."""
        if self._current.elements:
            self._current.cut = True
            self._current.where = where
            self._done.append(self._current)
            del self._done[:-DOCUMENTS_KEPT]
        self._current = _Document()

    def tear_off(self, where: str) -> None:
        """Take away what is under the head, uncut."""
        if self._current.elements:
            self._current.where = where
            self._done.append(self._current)
            del self._done[:-DOCUMENTS_KEPT]
        self._current = _Document()
        self.drop_line()

    def move(self, source: str, target: str) -> None:
        for document in self._done:
            if document.where == source:
                document.where = target

    def documents(self) -> list[dict[str, object]]:
        """Return the documents that left the head, oldest first, and the one under it, if any."""
        shown = self._done + ([self._current] if self._current.elements else [])
        return [
            {
                "lines": list(document.lines),
                "elements": list(document.elements),
                "cut": document.cut,
                "where": document.where,
            }
            for document in shown
        ]


def render_text(documents: Sequence[Mapping[str, object]], columns: int) -> str:
    """Return `documents` as one text, each closed by a line that says where it is."""
    out: list[str] = []
    for document in documents:
        lines = document["lines"]
        assert isinstance(lines, list)
        out += [str(line) for line in lines]
        out.append(f"-- {document['where']} ".ljust(columns, "-"))
    return "\n".join(out)
