"""The driver against the simulated printer, with and without a presenter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    AcceptCard,
    Align,
    Columns,
    DeviceLost,
    DeviceReady,
    DocumentTaken,
    Feed,
    Health,
    HealthChanged,
    Outcome,
    PrintDocument,
    PrintDocumentResult,
    QrCode,
    Reset,
    ResetResult,
    Result,
    RetractDocument,
    RetractDocumentResult,
    Rule,
    Text,
)
from drivers.printer.settings import EPSON, Settings
from drivers.sim import printer as simulated
from tests.drivers.printer.bench import Bench

RECEIPT = (
    Text("中国示范银行", Align.CENTER, bold=True, scale=2),
    Rule(),
    Columns("取款金额", "￥1,000.00", bold=True),
    Columns("卡号", "622848******8901"),
    Feed(1),
    QrCode("https://example.org/r/42"),
    Text("谢谢", Align.CENTER),
)
LAST_LINE = "谢谢"


def reliance() -> Bench:
    return Bench()


def epson() -> Bench:
    return Bench(Settings(profile=EPSON), simulated.EPSON)


BOTH = pytest.mark.parametrize("make", [reliance, epson])
Make = Callable[[], Bench]


def ready(make: Make) -> Bench:
    bench = make()
    bench.driver.connect()
    assert [type(report) for report in bench.run(3_000)] == [DeviceReady]
    return bench


def order(bench: Bench, command: PrintDocument | RetractDocument | Reset, within_ms: int = 60_000) -> Result:
    """Submit and wait for the one result, not longer than needed."""
    bench.driver.submit(command)
    first = len(bench.reports)
    for _ in range(within_ms // 50):
        bench.run(50)
        if not bench.driver.busy:
            break
    results = [report for report in bench.reports[first:] if isinstance(report, Result)]
    assert len(results) == 1, bench.reports[first:]
    return results[0]


def receipt(ticket: str = "p") -> PrintDocument:
    return PrintDocument(ticket=ticket, document=RECEIPT)


def places(bench: Bench) -> list[object]:
    documents = bench.sim.state()["documents"]
    assert isinstance(documents, list)
    return [document["where"] for document in documents]


@BOTH
def test_a_receipt_is_printed_cut_and_handed_out(make: Make) -> None:
    bench = ready(make)
    assert order(bench, receipt()) == PrintDocumentResult(ticket="p", outcome=Outcome.DONE)
    documents = bench.sim.state()["documents"]
    assert isinstance(documents, list)
    (document,) = documents
    assert (document["cut"], document["where"]) == (True, "outlet")
    lines = [line.strip() for line in document["lines"] if line.strip()]
    assert lines[0] == "中国示范银行"
    assert lines[2].split() == ["取款金额", "￥1,000.00"]
    assert lines[-1] == LAST_LINE
    kinds = [element["kind"] for element in document["elements"]]
    assert kinds.count("qr") == 1


def test_the_identity_is_the_firmware_of_the_printer() -> None:
    bench = ready(reliance)
    assert bench.driver.identity is not None
    assert (bench.driver.identity.model, bench.driver.identity.firmware) == ("Reliance", "1.12")


def test_the_ticket_is_taken() -> None:
    bench = ready(reliance)
    order(bench, receipt())
    assert bench.run(2_000) == []
    bench.act("take_document")
    assert bench.run(400) == [DocumentTaken()]
    assert bench.run(60_000) == []


def test_a_printer_without_presenter_does_not_tell_of_taking() -> None:
    bench = ready(epson)
    order(bench, receipt())
    bench.act("take_document")
    assert bench.run(20_000) == []
    assert not bench.driver.capabilities.document_taken_sensor


def test_a_forgotten_ticket_is_retracted_and_not_told_as_taken() -> None:
    bench = ready(reliance)
    order(bench, receipt())
    result = order(bench, RetractDocument(ticket="r"))
    assert result == RetractDocumentResult(ticket="r", outcome=Outcome.DONE)
    assert places(bench) == ["retracted"]
    assert not [report for report in bench.run(10_000) if isinstance(report, DocumentTaken)]


def test_retracting_nothing_is_refused() -> None:
    result = order(ready(reliance), RetractDocument(ticket="r"))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "noMediaPresent")


def test_retracting_without_a_presenter_is_refused() -> None:
    result = order(ready(epson), RetractDocument(ticket="r"))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "unsupportedCommand")


def test_a_jam_at_retract_is_told() -> None:
    bench = ready(reliance)
    order(bench, receipt())
    bench.sim.strike("jam", at="retract")
    result = order(bench, RetractDocument(ticket="r"))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "paperJammed")


def test_the_receipt_of_the_customer_before_is_retracted_before_the_next() -> None:
    bench = ready(reliance)
    order(bench, receipt("1"))
    assert order(bench, receipt("2")).outcome is Outcome.DONE
    assert places(bench) == ["retracted", "outlet"]


REFUSALS = [
    ("strike", "paper_out", "paperOut"),
    ("act", "open_cover", "coverOpen"),
    ("strike", "head_hot", "deviceNotReady"),
]


@BOTH
@pytest.mark.parametrize(("how", "what", "word"), REFUSALS)
def test_what_cannot_succeed_is_refused_before_a_byte_is_printed(
    make: Make, how: str, what: str, word: str
) -> None:
    bench = ready(make)
    getattr(bench.sim, how)(what)
    result = order(bench, receipt())
    assert (result.outcome, result.error) == (Outcome.REFUSED, word)
    assert places(bench) == []
    assert bench.driver.health is Health.STOP


@BOTH
@pytest.mark.parametrize("lines", [1, 3, 6])
def test_paper_that_ends_on_the_way_is_partial_and_the_rest_never_comes(make: Make, lines: int) -> None:
    bench = ready(make)
    bench.sim.strike("paper_out_after_lines", lines=lines)
    result = order(bench, receipt("1"))
    assert (result.outcome, result.error) == (Outcome.PARTIAL, "paperOut")
    assert bench.driver.health is Health.STOP
    bench.act("refill_paper")
    told = [report for report in bench.run(10_000) if isinstance(report, HealthChanged)]
    assert told[-1].health is Health.OK
    assert order(bench, receipt("2")).outcome is Outcome.DONE
    text = bench.sim.render_text()
    assert text.count(LAST_LINE) == 1, "of the broken job nothing comes out with the new roll"


@BOTH
def test_a_jam_while_printing_is_partial(make: Make) -> None:
    bench = ready(make)
    bench.sim.strike("jam", at="print", nth=3)
    result = order(bench, receipt())
    assert result.outcome is Outcome.PARTIAL
    assert result.error == ("paperJammed" if make is reliance else "hardwareError")


def test_a_jam_at_the_presenter_is_partial() -> None:
    bench = ready(reliance)
    bench.sim.strike("jam", at="present")
    result = order(bench, receipt())
    assert (result.outcome, result.error) == (Outcome.PARTIAL, "paperJammed")


@BOTH
def test_a_knife_that_sticks_is_partial_and_a_reset_frees_it(make: Make) -> None:
    bench = ready(make)
    bench.sim.strike("cutter")
    result = order(bench, receipt("1"))
    assert (result.outcome, result.error) == (Outcome.PARTIAL, "hardwareError")
    assert order(bench, Reset(ticket="x")) == ResetResult(ticket="x", outcome=Outcome.DONE)
    assert bench.driver.health is Health.OK
    assert order(bench, receipt("2")).outcome is Outcome.DONE


@BOTH
def test_paper_near_its_end_is_told_and_printing_goes_on(make: Make) -> None:
    bench = ready(make)
    bench.sim.strike("near_end")
    (health,) = bench.run(10_000)
    assert isinstance(health, HealthChanged)
    assert (health.health, health.supplies) == (Health.ATTENTION, {"paper": "low"})
    assert order(bench, receipt()).outcome is Outcome.DONE


@BOTH
def test_silence_before_a_job_is_refused_and_the_printer_lost(make: Make) -> None:
    bench = ready(make)
    bench.sim.strike("silent")
    result = order(bench, receipt())
    assert result.outcome is Outcome.REFUSED
    assert isinstance(bench.reports[-1], DeviceLost)


@BOTH
def test_silence_in_the_middle_of_a_job_is_unknown(make: Make) -> None:
    bench = ready(make)
    bench.driver.submit(receipt())
    bench.run(100)
    bench.sim.strike("silent")
    result, lost = bench.run(60_000)
    assert isinstance(result, PrintDocumentResult)
    assert result.outcome is Outcome.UNKNOWN
    assert isinstance(lost, DeviceLost)


def test_a_job_lost_on_the_line_while_status_goes_on_is_unknown() -> None:
    bench = ready(reliance)
    bench.to_device = lambda number, chunk: b"" if len(chunk) > 20 else chunk
    result = order(bench, receipt())
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, None)
    bench.to_device = lambda number, chunk: chunk
    assert order(bench, receipt("2")).outcome is Outcome.DONE
    assert places(bench) == ["outlet"]


@BOTH
def test_xoff_holds_the_job_back_but_not_the_status(make: Make) -> None:
    bench = ready(make)
    bench.driver.receive(b"\x13")
    bench.driver.submit(receipt())
    bench.run(2_000)
    assert places(bench) == []
    bench.driver.receive(b"\x11")
    bench.run(6_000)
    assert places(bench) == ["outlet"]


def test_automatic_status_unasked_is_understood() -> None:
    bench = ready(epson)
    (health,) = bench.driver.receive(bytes.fromhex("38 00 00 00"))
    assert isinstance(health, HealthChanged)
    assert health.error == "coverOpen"


def test_a_ticket_found_at_start_is_watched() -> None:
    bench = ready(reliance)
    order(bench, receipt())
    bench.driver.disconnect("restart")
    bench.driver.connect()
    assert isinstance(bench.run(1_000)[-1], DeviceReady)
    bench.act("take_document")
    assert bench.run(400) == [DocumentTaken()]


@pytest.mark.parametrize(
    ("media", "place"), [("exit", "ejected"), ("retain", "retracted"), ("hold", "outlet")]
)
def test_reset_decides_about_the_ticket(media: str, place: str) -> None:
    bench = ready(reliance)
    order(bench, receipt())
    assert order(bench, Reset(ticket="x", media=media)).outcome is Outcome.DONE
    assert places(bench) == [place]


def test_a_document_that_cannot_be_printed_is_refused() -> None:
    result = order(ready(reliance), PrintDocument(ticket="p", document=(Feed(99),)))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "invalidData")


def test_wrong_use_raises() -> None:
    bench = reliance()
    with pytest.raises(LocalProtocolError, match="connect first"):
        bench.driver.submit(receipt())
    bench = ready(reliance)
    with pytest.raises(LocalProtocolError, match="does not do this"):
        bench.driver.submit(AcceptCard(ticket="a"))
    bench.driver.submit(receipt())
    with pytest.raises(LocalProtocolError, match="in flight"):
        bench.driver.submit(receipt("2"))


def test_nobody_there_is_a_lost_device() -> None:
    bench = reliance()
    bench.sim.power(False)
    bench.driver.connect()
    assert [type(report) for report in bench.run(10_000)] == [DeviceLost]


faults = st.dictionaries(st.integers(0, 12), st.sampled_from(["drop", "double", "cut short"]), max_size=5)


@settings(max_examples=120, deadline=None)
@given(back=faults, make=st.sampled_from([reliance, epson]))
def test_lost_replies_never_make_a_job_what_it_was_not(back: dict[int, str], make: Make) -> None:
    bench = ready(make)
    first = len(bench.answered)

    def tamper(number: int, chunk: bytes) -> bytes:
        effect = back.get(number - first)
        if effect == "double":
            return chunk + chunk
        return {None: chunk, "drop": b"", "cut short": chunk[: len(chunk) // 2]}[effect]

    bench.from_device = tamper
    result = order(bench, receipt(), within_ms=120_000)
    if result.outcome is Outcome.DONE:
        assert places(bench) == ["outlet"]
    elif result.outcome is Outcome.REFUSED:
        assert places(bench) == []
    else:
        assert result.outcome is Outcome.UNKNOWN, result


def test_a_printer_with_automatic_status_tells_a_change_at_once_and_unasked() -> None:
    bench = ready(epson)
    first = len(bench.reports)
    bench.act("open_cover")
    bench.run(100)
    (change,) = [report for report in bench.reports[first:] if isinstance(report, HealthChanged)]
    assert (change.health, change.error) == (Health.STOP, "coverOpen")


def test_automatic_status_is_switched_off_where_nobody_wants_it() -> None:
    bench = ready(lambda: Bench(Settings(profile=EPSON, automatic_status=False), simulated.EPSON))
    bench.act("open_cover")
    first = len(bench.reports)
    bench.run(100)
    assert bench.reports[first:] == [], "it waits for the next poll"
    bench.run(6_000)
    assert any(isinstance(report, HealthChanged) for report in bench.reports[first:])
