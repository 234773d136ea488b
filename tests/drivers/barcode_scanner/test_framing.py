"""The framing against its vectors: whole, byte by byte, with strangers around; and under fuzz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from drivers.barcode_scanner.commands import identity_lines, symbology_of
from drivers.barcode_scanner.driver import _code
from drivers.barcode_scanner.framing import (
    SCAN_BYTES_MAX,
    TRIGGER,
    UNTRIGGER,
    Answer,
    HostReader,
    Item,
    Scan,
    ScannerReader,
    Status,
    TooLong,
    answer,
    menu,
)
from drivers.base.errors import LocalProtocolError

VECTORS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "vectors" / "barcode_scanner.yaml").read_text("utf-8")
)


def parts_of(entry: dict[str, Any]) -> tuple[tuple[str, Status], ...]:
    return tuple((text, Status[status]) for text, status in entry["parts"])


def test_the_trigger_is_that_of_the_guides() -> None:
    given_hex = {entry["name"]: bytes.fromhex(entry["hex"]) for entry in VECTORS["commands"]}
    assert given_hex == {"trigger": TRIGGER, "untrigger": UNTRIGGER}


@pytest.mark.parametrize("entry", VECTORS["menus"], ids=lambda entry: entry["text"])
def test_menu_commands_are_those_of_the_guides(entry: dict[str, Any]) -> None:
    assert menu(entry["text"], stored=entry["stored"]) == bytes.fromhex(entry["hex"])


@pytest.mark.parametrize("text", ["", "TRGMOD0.", "TRGMOD0!", "é", "A" * 600])
def test_a_text_that_would_break_the_command_is_refused(text: str) -> None:
    with pytest.raises(LocalProtocolError, match="menu command"):
        menu(text)


@pytest.mark.parametrize("entry", VECTORS["answers"], ids=lambda entry: entry["to"])
@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_answers_are_read_in_any_pieces(entry: dict[str, Any], step: int) -> None:
    reader = ScannerReader(b"\r", 100)
    reader.expect(entry["to"])
    data = bytes.fromhex(entry["hex"])
    items = [item for at in range(0, len(data), step) for item in reader.feed(data[at : at + step], at)]
    assert items == [Answer(b"", parts_of(entry))]
    mark = chr(data[-1])
    assert answer(parts_of(entry), mark) == data


@pytest.mark.parametrize("entry", VECTORS["scans"], ids=lambda entry: entry["text"])
def test_scans_are_taken_apart(entry: dict[str, Any]) -> None:
    reader = ScannerReader(b"\r", 100)
    (scan,) = reader.feed(bytes.fromhex(entry["hex"]), 0)
    assert isinstance(scan, Scan)
    code = _code(scan.data)
    assert (code.symbology, code.text.reveal()) == (entry["symbology"], entry["text"])
    assert entry["text"] not in repr(scan) + repr(code)


def test_a_real_scanner_tells_who_it_is() -> None:
    reader = ScannerReader(b"\r", 100)
    reader.expect("REVINF", tells_lines=True)
    lines = VECTORS["identity"]["lines"].encode("ascii")
    (told,) = reader.feed(lines + bytes.fromhex(VECTORS["identity"]["echo"]), 0)
    assert isinstance(told, Answer)
    assert told.good
    names = identity_lines(told.lines)
    assert names["Product Name"] == "Voyager 1602g"
    assert names["Serial Number"] == "15232B1F0C"
    assert names["Boot Revision"] == "8992"


def test_a_scan_in_front_of_an_expected_answer_is_a_scan() -> None:
    reader = ScannerReader(b"\r", 100)
    reader.expect("TRGMOD0")
    items = reader.feed(b"]Q1one\r]Q1two\rTRGMOD0\x06!]Q1three\r", 0)
    assert items == [
        Scan(b"]Q1one"),
        Scan(b"]Q1two"),
        Answer(b"", (("TRGMOD0", Status.GOOD),)),
        Scan(b"]Q1three"),
    ]


def test_two_scans_in_one_read() -> None:
    assert ScannerReader(b"\r\n", 100).feed(b"1\r\n2\r\n3", 0) == [Scan(b"1"), Scan(b"2")]


def test_silence_ends_a_scan() -> None:
    reader = ScannerReader(b"", 100)
    assert reader.feed(b"a\rb", 0) == []
    assert reader.feed(b"\rc", 99) == []
    assert reader.next_deadline_ms() == 199
    assert reader.flush(198) == []
    assert reader.flush(199) == [Scan(b"a\rb\rc", whole=False)]
    assert reader.next_deadline_ms() is None


def test_a_scan_cut_off_is_not_whole() -> None:
    reader = ScannerReader(b"\r", 100)
    reader.feed(b"12", 0)
    assert reader.feed(b"34\r", 150) == [Scan(b"12", whole=False), Scan(b"34")]


def test_what_is_longer_than_any_scan_is_thrown_away() -> None:
    reader = ScannerReader(b"\r", 100)
    assert reader.feed(b"x" * (SCAN_BYTES_MAX + 1), 0) == [TooLong(SCAN_BYTES_MAX + 1)]
    assert reader.feed(b"1\r", 1) == [Scan(b"1")]


def test_an_answer_that_does_not_come_leaves_what_is_there() -> None:
    reader = ScannerReader(b"\r", 100)
    reader.expect("TRGMOD0")
    assert reader.feed(b"1\r2", 0) == []
    assert reader.give_up() == [Scan(b"1"), Scan(b"2", whole=False)]


@given(st.lists(st.binary(max_size=40)), st.booleans())
def test_nothing_breaks_the_reader(chunks: list[bytes], expecting: bool) -> None:
    reader = ScannerReader(b"\r", 100)
    if expecting:
        reader.expect("TRGMOD?")
    items: list[Item] = []
    for at, chunk in enumerate(chunks):
        items += reader.feed(chunk, at)
    items += reader.give_up()
    assert all(isinstance(item, Scan | Answer | TooLong) for item in items)


@given(st.data())
def test_a_scanner_reads_commands_in_any_pieces_and_noise(data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.sampled_from([TRIGGER, UNTRIGGER, menu("TRGMOD0"), menu("REVINF"), b"\x06"])))
    noise = data.draw(st.binary(max_size=5)).translate(None, b"\x16\x06\x15")
    stream = noise + b"".join(wanted)
    cut = data.draw(st.integers(0, len(stream)))
    reader = HostReader()
    assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == wanted


@given(st.binary(max_size=60))
def test_nothing_breaks_the_scanners_reader(data: bytes) -> None:
    reader = HostReader()
    reader.feed(data)
    reader.reset()
    assert reader.feed(TRIGGER) == [TRIGGER]


def test_symbologies() -> None:
    assert [symbology_of(name) for name in ("]Q1", "]E0", "]E4", "]L2", "]?0", "")] == [
        "qrCode",
        "ean13",
        "ean8",
        "pdf417",
        "unknown",
        "unknown",
    ]
