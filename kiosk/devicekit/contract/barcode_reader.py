"""The contract of a barcode reader (XFS4IoT BarcodeReader): it reads when asked, once, and tells nobody else."""

from __future__ import annotations

from typing import Final

from drivers.base.barcode import BarcodeText, CancelReadBarcode, ReadBarcode
from drivers.base.vocabulary import DeviceLost, Outcome
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Need, Steps, Suite, expect
from kiosk.devicekit.contract.common import make_suite

CODE: Final = "TICKET-20260301-0042"

SUITE: Final[Suite] = make_suite(lambda ticket: ReadBarcode(ticket=ticket, within_ms=2_000))


def reading(bench: Bench, within_ms: int = 20_000, symbologies: frozenset[str] = frozenset()) -> Steps[ReadBarcode]:
    command = ReadBarcode(ticket=bench.ticket(), within_ms=within_ms, symbologies=symbologies)
    bench.submit(command)
    yield from bench.pause(500)
    return command


def show_code(bench: Bench, symbology: str = "qrCode") -> None:
    bench.hand("show_code", f"Hold a {symbology} before the window.", data=CODE, symbology=symbology)


@SUITE.check("A code is read when asked for, with its kind.", Need.HANDS)
def reads_a_code(bench: Bench) -> Steps[None]:
    command = yield from reading(bench)
    show_code(bench)
    result = yield from bench.answer_to(command)
    expect(result.outcome is Outcome.DONE and result.code is not None, "{}", result)
    if bench.simulated:
        expect(result.code.symbology == "qrCode", "read as {}", result.code.symbology)
        expect(result.code.text == BarcodeText(CODE), "other characters were read")


@SUITE.check("What was read stands in no report and in no trace.", Need.HANDS, Need.FAULTS)
def tells_the_code_to_nobody(bench: Bench) -> Steps[None]:
    command = yield from reading(bench)
    show_code(bench)
    yield from bench.answer_to(command)
    told = " ".join([repr(bench.reports), *(f"{entry.name} {entry.hex}" for entry in bench.entries)])
    expect(CODE not in told and CODE.encode().hex(" ") not in told, "the code stands in a report or in the trace")


@SUITE.check("A code of a kind that was not asked for is not taken.", Need.HANDS, Need.FAULTS)
def keeps_to_the_kinds_asked_for(bench: Bench) -> Steps[None]:
    command = yield from reading(bench, 3_000, frozenset({"ean13"}))
    show_code(bench)
    result = yield from bench.answer_to(command)
    expect(result.outcome is Outcome.REFUSED and result.code is None, "{}", result)


@SUITE.check("Without a code the reading ends in time: refused as timeOut.")
def times_out(bench: Bench) -> Steps[None]:
    began_ms = bench.now_ms
    result = yield from bench.do(ReadBarcode(ticket=bench.ticket(), within_ms=2_000))
    expect((result.outcome, result.error) == (Outcome.REFUSED, "timeOut"), "{}", result)
    expect(bench.now_ms - began_ms < 5_000, "it took {} ms", bench.now_ms - began_ms)


@SUITE.check("A reading is cancelled: it is answered first, as cancelled.")
def cancels(bench: Bench) -> Steps[None]:
    command = yield from reading(bench)
    cancel = CancelReadBarcode(ticket=bench.ticket())
    bench.submit(cancel)
    yield from bench.answer_to(cancel)
    results = bench.results(command)
    expect(len(results) == 1 and results[0].error == "cancelled", "{}", results)


@SUITE.check("A scan that is sent twice is one reading, and does not answer the next one.", Need.FAULTS)
def takes_a_double_scan_once(bench: Bench) -> Steps[None]:
    bench.strike("double_scan")
    command = yield from reading(bench)
    show_code(bench)
    result = yield from bench.answer_to(command)
    expect(result.outcome is Outcome.DONE, "{}", result)
    bench.hand("take_code_away", "Take the code away.")
    again = yield from bench.do(ReadBarcode(ticket=bench.ticket(), within_ms=2_000))
    expect(again.outcome is Outcome.REFUSED, "the repetition was taken for a reading: {}", again)


@SUITE.check("A code that cannot be read gives none.", Need.FAULTS)
def tells_an_unreadable_code(bench: Bench) -> Steps[None]:
    bench.strike("unreadable")
    command = yield from reading(bench, 3_000)
    show_code(bench)
    result = yield from bench.answer_to(command)
    expect(result.outcome is Outcome.REFUSED and result.code is None, "{}", result)


@SUITE.check("A scan whose end is lost is taken whole or not at all, and does not spoil the next one.", Need.FAULTS)
def takes_no_half_scan(bench: Bench) -> Steps[None]:
    bench.strike("no_suffix")
    command = yield from reading(bench, 5_000)
    show_code(bench)
    result = yield from bench.answer_to(command)
    expect(result.code is None or result.code.text == BarcodeText(CODE), "other characters were read")
    bench.hand("take_code_away", "Take the code away.")
    yield from bench.pause(2_000)
    again = yield from reading(bench)
    show_code(bench)
    result = yield from bench.answer_to(again)
    expect(result.code is not None and result.code.text == BarcodeText(CODE), "the next scan: {}", result.outcome)


@SUITE.check("A scanner that has died, which is as silent as one with nothing to read, is found out.", Need.FAULTS,
             Need.LONG)  # fmt: skip
def finds_a_dead_scanner_out(bench: Bench) -> Steps[None]:
    bench.strike("silent")
    first = bench.mark
    result = yield from bench.do(ReadBarcode(ticket=bench.ticket(), within_ms=5_000))
    expect(result.outcome is not Outcome.DONE and result.code is None, "{}", result.outcome)
    yield from bench.happens(DeviceLost, first, 120_000)
    expect(bench.driver.identity is None, "a dead scanner still has an identity")
    bench.sim.heal()
    yield from bench.pause(1_000)
    yield from bench.start()
