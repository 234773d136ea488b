"""PyPI python-escpos and npm node-thermal-printer print on our printer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.peers.environment import node_peer, python_peer
from tests.peers.session import CLIENTS, Note, have, session

PYTHON_PEER = "python-escpos 3.1"
NODE_PEER = "node-thermal-printer 4.6.1"
PYTHON_CLIENT = CLIENTS / "escpos_client.py"
NODE_CLIENT = CLIENTS / "thermal_client.js"

pytestmark = pytest.mark.peers


@pytest.fixture
def python(record_property: Note) -> Path:
    return have(
        PYTHON_PEER,
        lambda: python_peer("python-escpos", "python-escpos==3.1", "pyserial==3.5", "pillow==12.0.0"),
        record_property,
    )


@pytest.fixture
def node(record_property: Note) -> Path:
    return have(
        NODE_PEER,
        lambda: node_peer("node-thermal-printer", "node-thermal-printer", "4.6.1"),
        record_property,
    )


def only(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (document,) = documents
    assert document["cut"]
    return document


def kind(document: dict[str, Any], wanted: str) -> list[dict[str, Any]]:
    return [element for element in document["elements"] if element["kind"] == wanted]


def test_python_escpos_prints_a_receipt(python: Path) -> None:
    with session("python-escpos-receipt", PYTHON_PEER, "epson", "text, styles, QR, bar codes, cut") as peer:
        before, printed, after = peer.run([python, PYTHON_CLIENT], "status", "receipt", "status")
        assert before == after == {"online": True, "paper": 2}
        assert printed == {"printed": "00"}
        document = only(peer.state("documents")["documents"])
        assert peer.device.unknown_bytes == 0
    title = document["elements"][0]
    assert (title["text"], title["align"], title["bold"], title["scale"]) == ("Receipt", "center", True, 2)
    lines = [line.rstrip() for line in document["lines"]]
    assert lines[0].strip() == "Receipt"
    assert "balance 100.00" in lines
    assert "a line that is longer than the paper is wide, an" in lines
    assert "d therefore goes on in the next one" in lines
    assert "fee 1.50 €, naïve café" in lines
    assert "thank you".rjust(48) in lines
    (qr,) = kind(document, "qr")
    assert (qr["content"], qr["module"]) == ("https://example.org/r/42", 4)
    ean, code128 = kind(document, "barcode")
    assert (ean["symbology"], ean["content"], ean["height"]) == ("EAN-13", "4006381333931", 80)
    assert (code128["symbology"], code128["content"]) == ("CODE128", "{B0042-ABC")


def test_python_escpos_prints_pictures(python: Path) -> None:
    with session("python-escpos-pictures", PYTHON_PEER, "epson", "raster images, partial cut") as peer:
        (printed,) = peer.run([python, PYTHON_CLIENT], "picture")
        assert printed == {"printed": "00"}
        document = only(peer.state("documents")["documents"])
        assert peer.device.unknown_bytes == 0
    pictures = kind(document, "image")
    assert [(picture["width"], picture["height"]) for picture in pictures][:1] == [(16, 8)]
    assert pictures[0]["bits"] == "aaaa5555" * 4
    assert "under the pictures" in document["lines"]


def test_python_escpos_is_told_of_paper_and_cover(python: Path) -> None:
    with session("python-escpos-paper", PYTHON_PEER, "epson", "near end, then paper out and cover open") as peer:
        peer.proxy.strike("near_end")
        assert peer.run([python, PYTHON_CLIENT], "status") == [{"online": True, "paper": 1}]
        peer.proxy.strike("paper_out")
        peer.proxy.act("open_cover")
        assert peer.run([python, PYTHON_CLIENT], "status") == [{"online": False, "paper": 0}]
        peer.proxy.act("refill_paper")
        peer.proxy.act("close_cover")
        assert peer.run([python, PYTHON_CLIENT], "status") == [{"online": True, "paper": 2}]
        peer.state("paper", "cover")


def test_node_thermal_printer_prints_a_receipt(node: Path) -> None:
    with session("node-thermal-printer-receipt", NODE_PEER, "epson", "text, Chinese, QR, bar codes, cut") as peer:
        told = peer.run(["node", NODE_CLIENT, node])
        assert told == {"connected": True, "printed": "Print done", "status": "00"}
        document = only(peer.state("documents")["documents"])
        assert peer.device.unknown_bytes == 0
    lines = [line.rstrip() for line in document["lines"]]
    assert lines[0].strip() == "Receipt"
    assert lines[1] == "-" * 48
    assert lines[2] == "balance" + "100.00".rjust(41)
    assert "余额 100.00 元" in [line.strip() for line in lines]
    assert "right".rjust(48) in lines
    title = document["elements"][0]
    assert (title["text"], title["align"], title["bold"]) == ("Receipt", "center", True)
    (qr,) = kind(document, "qr")
    assert (qr["content"], qr["module"], qr["level"]) == ("https://example.org/r/42", 4, "Q")
    code128, ean = kind(document, "barcode")
    assert (code128["symbology"], code128["content"], code128["height"]) == ("CODE128", "{B0042-ABC", 80)
    assert (ean["symbology"], ean["content"]) == ("EAN-13", "4006381333931")
