"""Driver and simulated scanner on one wire."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.barcode_scanner.driver import HoneywellScanner, Settings
from drivers.barcode_scanner.framing import TRIGGER
from drivers.base.barcode import (
    BarcodeRead,
    CancelReadBarcode,
    CancelReadBarcodeResult,
    ReadBarcode,
    ReadBarcodeResult,
)
from drivers.base.clock import SimClock
from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import AcceptCard, DeviceLost, DeviceReady, Health, HealthChanged, Outcome, Reset
from drivers.sim.barcode_scanner import SimBarcodeScanner
from tests.drivers.wire import TestWire

READ = ReadBarcode(ticket="r", within_ms=10_000)


class Bench(TestWire):
    driver: Any
    sim: SimBarcodeScanner

    def __init__(self, settings: Settings | None = None) -> None:
        clock = SimClock()
        super().__init__(clock, HoneywellScanner(clock, settings), SimBarcodeScanner(clock))  # type: ignore[arg-type]


def ready(settings: Settings | None = None) -> Bench:
    bench = Bench(settings)
    bench.driver.connect()
    reports = bench.run(5_000)
    assert any(isinstance(report, DeviceReady) for report in reports)
    assert bench.driver.health is Health.OK
    return bench


def result(reports: list[Report]) -> ReadBarcodeResult:
    (found,) = (report for report in reports if isinstance(report, ReadBarcodeResult))
    return found


def test_it_says_who_it_is_and_is_set_up() -> None:
    bench = ready()
    identity = bench.driver.identity
    assert (identity.model, identity.serial) == ("Voyager 1602g", "15232B1F0C")
    settings = bench.sim.state()["settings"]
    assert isinstance(settings, dict)
    assert (settings["TRGMOD"], settings["PREBK2"], settings["SUFBK2"]) == ("0", "995C81", "990D")


@pytest.mark.parametrize(
    ("data", "symbology"), [("https://example.org/pay?id=42", "qrCode"), ("4006381333931", "ean13")]
)
def test_a_code_is_read_when_it_is_asked_for(data: str, symbology: str) -> None:
    bench = ready()
    bench.driver.submit(READ)
    assert bench.run(2_000) == []
    assert bench.sim.state()["reading"] is True
    bench.act("show_code", data=data, symbology=symbology)
    found = result(bench.run(1_000))
    assert found.outcome is Outcome.DONE
    assert found.code is not None
    assert (found.code.symbology, found.code.text.reveal()) == (symbology, data)
    assert data not in repr(found)
    assert not bench.driver.busy
    assert bench.sim.state()["reading"] is False


def test_a_code_that_is_there_already_is_read_at_once() -> None:
    bench = ready()
    bench.act("show_code", data="1")
    assert bench.run(3_000) == []
    bench.driver.submit(READ)
    assert result(bench.run(500)).outcome is Outcome.DONE


def test_nobody_comes() -> None:
    bench = ready()
    bench.driver.submit(READ)
    assert bench.run(9_999) == []
    found = result(bench.run(100))
    assert (found.outcome, found.error, found.code) == (Outcome.REFUSED, "timeOut", None)
    assert bench.run(3_000) == []  # the scanner was asked whether it lives, and it does
    assert bench.sim.state()["reading"] is False


def test_reading_goes_on_after_the_scanner_gave_up_by_itself() -> None:
    bench = ready()
    bench.driver.submit(ReadBarcode(ticket="r", within_ms=90_000))
    bench.run(80_000)
    bench.act("show_code", data="late")
    assert result(bench.run(1_000)).outcome is Outcome.DONE


def test_reading_is_cancelled() -> None:
    bench = ready()
    bench.driver.submit(READ)
    bench.run(1_000)
    bench.driver.submit(CancelReadBarcode(ticket="c"))
    reports = bench.run(100)
    assert result(reports).error == "cancelled"
    assert isinstance(reports[1], CancelReadBarcodeResult)
    bench.driver.submit(CancelReadBarcode(ticket="d"))
    assert [type(report) for report in bench.run(100)] == [CancelReadBarcodeResult]
    bench.act("show_code", data="1")
    assert bench.run(5_000) == []


def test_a_reset_stops_the_scanner() -> None:
    bench = ready()
    bench.sim.receive(TRIGGER)
    bench.driver.submit(Reset(ticket="y"))
    assert [report.outcome for report in bench.run(100)] == [Outcome.DONE]
    assert bench.sim.state()["reading"] is False


def test_only_the_symbology_that_is_wanted() -> None:
    bench = ready()
    bench.driver.submit(ReadBarcode(ticket="r", within_ms=10_000, symbologies=frozenset({"qrCode"})))
    bench.act("show_code", data="4006381333931", symbology="ean13")
    bench.run(500)
    assert bench.driver.busy
    bench.act("take_code_away")
    bench.act("show_code", data="pay", symbology="qrCode")
    found = result(bench.run(500))
    assert found.code is not None
    assert found.code.text.reveal() == "pay"


def test_the_same_code_again_within_a_second_is_not_a_second_code() -> None:
    bench = ready()
    bench.sim.strike("double_scan")
    bench.act("show_code", data="ticket 1")
    bench.driver.submit(READ)
    assert result(bench.run(200)).outcome is Outcome.DONE
    bench.act("take_code_away")
    bench.driver.submit(ReadBarcode(ticket="s", within_ms=10_000))
    bench.act("show_code", data="ticket 1")
    assert bench.run(500) == []
    bench.act("take_code_away")
    bench.run(1_500)
    bench.act("show_code", data="ticket 1")
    assert result(bench.run(500)).ticket == "s"
    assert bench.driver.dropped >= 2


def test_a_scan_nobody_asked_for_is_dropped() -> None:
    bench = ready()
    bench.driver.receive(b"]Q1stranger\r")
    assert bench.run(1_000) == []
    assert bench.driver.dropped == 1
    bench.driver.submit(READ)
    assert bench.run(1_000) == []


def test_hands_free_it_tells_what_it_sees() -> None:
    bench = ready(Settings(hands_free=True))
    assert bench.driver.capabilities.hands_free
    bench.act("show_code", data="hello")
    (told,) = bench.run(3_000)
    assert isinstance(told, BarcodeRead)
    assert told.code.text.reveal() == "hello"


def test_a_scan_without_its_end_is_not_believed() -> None:
    bench = ready()
    bench.sim.strike("no_suffix")
    bench.driver.submit(READ)
    bench.act("show_code", data="half")
    assert bench.run(1_000) == []
    assert bench.driver.discarded == len("]Q1half")


def test_with_acknowledgement_a_scan_without_its_end_is_asked_for_again() -> None:
    bench = ready(Settings(acknowledge=True))
    bench.driver.submit(READ)
    bench.act("show_code", data="whole")
    scans: list[bytes] = []

    def cut(number: int, chunk: bytes) -> bytes:
        if not chunk.startswith(b"]Q1"):
            return chunk
        scans.append(chunk)
        return chunk[:-3] if len(scans) == 1 else chunk

    bench.from_device = cut
    found = result(bench.run(1_000))
    assert found.code is not None
    assert found.code.text.reveal() == "whole"
    assert scans == [b"]Q1whole\r"] * 2


def test_silence_ends_a_scan_where_no_suffix_does() -> None:
    bench = ready(Settings(suffix=b""))
    bench.driver.submit(READ)
    bench.act("show_code", data=b"two\rlines")
    found = result(bench.run(1_000))
    assert found.code is not None
    assert found.code.text.reveal() == "two\rlines"


def test_a_setting_that_is_refused_is_told() -> None:
    bench = Bench(Settings(extra=("TRGMOD7", "XXXYYY1")))
    bench.driver.connect()
    reports = bench.run(5_000)
    assert isinstance(reports[0], DeviceReady)
    health = reports[1]
    assert isinstance(health, HealthChanged)
    assert (health.health, health.detail) == (Health.ATTENTION, "refused: TRGMOD7, XXXYYY1")


def test_a_device_that_is_no_scanner() -> None:
    bench = Bench()
    bench.sim.strike("silent")
    bench.driver.connect()
    (lost,) = bench.run(20_000)
    assert isinstance(lost, DeviceLost)
    assert "Honeywell" in lost.reason


def test_one_answer_that_is_lost_is_asked_for_again() -> None:
    bench = Bench()
    bench.from_device = lambda number, chunk: b"" if number in (0, 2) else chunk
    bench.driver.connect()
    assert isinstance(bench.run(10_000)[0], DeviceReady)


def test_a_scanner_that_dies_is_found_out() -> None:
    bench = ready()
    bench.sim.strike("silent")
    reports = bench.run(40_000)
    assert [type(report) for report in reports] == [DeviceLost]
    assert bench.driver.health is Health.UNKNOWN
    with pytest.raises(LocalProtocolError, match="connect first"):
        bench.driver.submit(READ)
    bench.sim.heal()
    bench.driver.connect()
    assert isinstance(bench.run(5_000)[0], DeviceReady)


def test_the_plug_is_pulled_in_the_middle_of_a_reading() -> None:
    bench = ready()
    bench.driver.submit(READ)
    bench.run(1_000)
    reports = bench.driver.disconnect("unplugged")
    assert [type(report) for report in reports] == [ReadBarcodeResult, DeviceLost]
    assert result(reports).outcome is Outcome.UNKNOWN


def test_volatile_settings_go_with_the_power_and_come_back_with_connect() -> None:
    bench = ready()
    bench.sim.power(False)
    bench.sim.power(True)
    settings = bench.sim.state()["settings"]
    assert isinstance(settings, dict)
    assert settings["SUFBK2"] == ""
    bench.driver.disconnect("power")
    bench.driver.connect()
    assert isinstance(bench.run(5_000)[0], DeviceReady)


def test_what_a_driver_may_not_be_asked() -> None:
    bench = ready()
    with pytest.raises(LocalProtocolError, match="does not do this"):
        bench.driver.submit(AcceptCard(ticket="p"))
    with pytest.raises(LocalProtocolError, match="above 0"):
        bench.driver.submit(ReadBarcode(ticket="r", within_ms=0))
    bench.driver.submit(READ)
    with pytest.raises(LocalProtocolError, match="in flight"):
        bench.driver.submit(ReadBarcode(ticket="s", within_ms=1))
    with pytest.raises(LocalProtocolError, match="in flight"):
        bench.driver.connect()


def test_hands_can_do_only_what_hands_can_do() -> None:
    sim = SimBarcodeScanner(SimClock())
    for name, arguments in (
        ("eat", {}),
        ("take_code_away", {}),
        ("show_code", {}),
        ("show_code", {"data": "1", "symbology": "runes"}),
        ("show_code", {"data": "1", "colour": "red"}),
    ):
        with pytest.raises(ValueError):
            sim.act(name, **arguments)


def test_queries_of_the_simulator() -> None:
    sim = SimBarcodeScanner(SimClock())
    assert sim.receive(b"\x16M\rcbrena?.") == [(15, b"CBRENA1\x06.")]
    assert sim.receive(b"\x16M\r232BAD*.") == [(15, b"232BAD0-9\x06.")]
    assert sim.receive(b"\x16M\rTRGSTO^!") == [(15, b"TRGSTO30000\x06!")]
    sim.receive(b"\x16M\rTRGSTO500.")
    sim.power(False)
    sim.power(True)
    assert sim.receive(b"\x16M\rTRGSTO?;CBRENA9!") == [(15, b"TRGSTO500\x06;CBRENA9\x15!")]
