"""The encoder: bytes against the vectors, layout in cells, and text that cannot drive the printer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.clock import SimClock
from drivers.base.vocabulary import Align, Columns, Document, Feed, QrCode, Rule, Text
from drivers.printer.encode import Layout, printable
from drivers.sim.printer import SimEscPosPrinter

VECTORS: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "vectors" / "printer.yaml").read_text("utf-8"), Loader=yaml.CBaseLoader
)
DOCUMENTS: list[Document] = [
    (Text("ABC"),),
    (Text("余额", Align.CENTER, bold=True, scale=2),),
    (QrCode("hello"),),
    (Feed(3),),
]
LAYOUTS = [Layout(), Layout(columns=42)]


def printed(data: bytes) -> list[str]:
    """Return what an independent printer reads out of `data`."""
    clock = SimClock()
    sim = SimEscPosPrinter(clock)
    sim.receive(data)
    clock.advance(3_600_000)
    sim.tick()
    documents = sim.state()["documents"]
    assert isinstance(documents, list)
    return [line for document in documents for line in document["lines"]]


@pytest.mark.parametrize(("entry", "document"), list(zip(VECTORS["streams"], DOCUMENTS, strict=True)))
def test_documents_become_the_bytes_of_the_manuals(entry: dict[str, Any], document: Document) -> None:
    data, _ = Layout().encode(document)
    assert data == bytes.fromhex(entry["hex"])
    assert printed(data) == entry["lines"]


def test_chinese_is_two_cells_wide() -> None:
    layout = Layout()
    assert layout.cells("余额 1,000.00") == 4 + 9
    assert layout.cells("é") == 2, "drawn at full width, being two bytes"
    assert Layout(encoding="cp858", chinese_mode=False).cells("é") == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_value_stands_at_the_right_edge(layout: Layout) -> None:
    (line,) = layout.column_lines("取款金额", "￥1,000.00")
    assert layout.cells(line) == layout.columns
    assert line.endswith("￥1,000.00")


def test_a_label_that_is_too_long_leaves_the_value_whole() -> None:
    layout = Layout(columns=42)
    lines = layout.column_lines("a label that goes on and on and on for ever", "1,234,567.00")
    assert lines[-1] == "1,234,567.00".rjust(42)
    assert all(layout.cells(line) <= 42 for line in lines)


def test_lines_break_at_spaces_and_between_characters() -> None:
    layout = Layout(columns=42)
    assert layout.wrapped("one two three", 7) == ["one two", "three"]
    assert layout.wrapped("一二三四五", 4) == ["一二", "三四", "五"]
    assert layout.wrapped("", 7) == [""]
    assert layout.wrapped("abcdefghij", 4) == ["abcd", "efgh", "ij"]


def test_the_yen_sign_becomes_the_one_printers_have() -> None:
    assert printable("\u00a5100").encode("gb18030") == b"\xa3\xa4100"


def test_text_cannot_drive_the_printer() -> None:
    evil = "ok\x1b\x40\x10\x04\x01\x1d\x56\x00\n\x9bend"
    data, _ = Layout().encode((Text(evil), Columns(evil, "\x10\x05\x02")))
    body = data.replace(b"\x1b\x40\x1c\x26", b"", 1)
    assert b"\x1b\x40" not in body
    assert b"\x10" not in body
    assert b"\x1d\x56" not in body


@pytest.mark.parametrize(
    "element",
    [Text("x", scale=3), Feed(0), Feed(21), QrCode(""), QrCode("a\x10\x04\x01"), QrCode("x" * 1_001)],
)
def test_what_cannot_be_printed_is_refused(element: Text | Feed | QrCode) -> None:
    with pytest.raises(ValueError):
        Layout().encode((element,))


def test_a_layout_is_checked() -> None:
    with pytest.raises(ValueError, match="columns"):
        Layout(columns=40)
    with pytest.raises(LookupError):
        Layout(encoding="klingon")


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


@given(words, st.sampled_from(LAYOUTS), st.sampled_from([1, 2]))
def test_no_line_is_wider_than_the_paper_and_nothing_is_lost(text: str, layout: Layout, scale: int) -> None:
    cells = layout.columns // scale
    lines = layout.wrapped(printable(text), cells)
    assert all(layout.cells(line) <= cells for line in lines)
    assert "".join(lines).replace(" ", "") == printable(text).replace(" ", "")


@given(words, words, st.sampled_from(LAYOUTS))
def test_columns_never_run_over(left: str, right: str, layout: Layout) -> None:
    for line in layout.column_lines(printable(left), printable(right)):
        assert layout.cells(line) <= layout.columns


chinese = st.text(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5) | st.sampled_from("ab 1,.:￥"), max_size=60
)


@given(chinese, st.sampled_from([1, 2]))
def test_an_independent_printer_reads_what_was_written(text: str, scale: int) -> None:
    data, lines = Layout().encode((Text(text, scale=scale), Rule()))
    assert printed(data) == [*Layout().wrapped(text, 48 // scale), "-" * 48]
    assert lines == scale * len(Layout().wrapped(text, 48 // scale)) + 1
