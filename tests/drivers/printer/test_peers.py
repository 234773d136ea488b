"""Foreign software writes, our simulated printer reads."""

from __future__ import annotations

import pytest

from drivers.base.clock import SimClock
from drivers.sim.printer import EPSON, SimEscPosPrinter


@pytest.mark.peers
def test_what_python_escpos_writes_is_understood() -> None:
    printer = pytest.importorskip("escpos.printer", reason="python-escpos is not installed").Dummy()
    printer.set(align="center", bold=True, double_height=True, double_width=True)
    printer.textln("Receipt")
    printer.set_with_default()
    printer.textln("balance 100")
    printer.qr("https://example.org/r/42", native=True)
    printer.barcode("4006381333931", "EAN13", function_type="A")
    printer.cut()
    clock = SimClock()
    sim = SimEscPosPrinter(clock, EPSON)
    sim.receive(printer.output)
    clock.advance(60_000)
    sim.tick()
    documents = sim.state()["documents"]
    assert isinstance(documents, list)
    (document,) = documents
    assert document["cut"]
    assert sim.unknown_bytes == 0
    kinds = [element["kind"] for element in document["elements"]]
    assert "qr" in kinds
    assert "barcode" in kinds
    title = document["elements"][0]
    assert (title["text"], title["align"], title["bold"], title["scale"]) == ("Receipt", "center", True, 2)
    assert any(line == "balance 100" for line in document["lines"])
