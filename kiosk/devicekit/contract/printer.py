"""The contract of a receipt printer (XFS4IoT Printer): whole documents, or the truth about half ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drivers.base.vocabulary import (
    Align,
    Columns,
    Document,
    DocumentTaken,
    Feed,
    Health,
    HealthChanged,
    Outcome,
    PrintDocument,
    PrinterCapabilities,
    QrCode,
    Reset,
    ResetResult,
    RetractDocument,
    Rule,
    Text,
)
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Need, Skipped, Steps, expect
from kiosk.devicekit.contract.common import make_suite

PAGE: Final[Document] = (
    Text("TEST 测试", Align.CENTER, bold=True, scale=2),
    Rule(),
    *(Columns(f"Line {number}", f"{number * 111}.00") for number in range(1, 9)),
    QrCode("https://example.test/r/1"),
    Feed(1),
)

SUITE: Final = make_suite(lambda ticket: Reset(ticket=ticket))


def can(bench: Bench) -> PrinterCapabilities:
    capabilities = bench.driver.capabilities
    assert isinstance(capabilities, PrinterCapabilities)
    return capabilities


def documents(bench: Bench) -> list[Mapping[str, Any]]:
    """Return what lies where, of the simulated printer."""
    found: list[Mapping[str, Any]] = list(bench.sim.state()["documents"])
    return found


def print_page(bench: Bench) -> Steps[Any]:
    return (yield from bench.do(PrintDocument(ticket=bench.ticket(), document=PAGE)))


def take(bench: Bench) -> Steps[None]:
    first = bench.mark
    bench.hand("take_document", "Take the receipt.")
    if can(bench).document_taken_sensor:
        yield from bench.happens(DocumentTaken, first)


@SUITE.check("A document is printed, cut and presented, once.", Need.HANDS)
def prints_a_document(bench: Bench) -> Steps[None]:
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.DONE, "{}", result)
    if bench.simulated:
        printed = documents(bench)
        expect(len(printed) == 1, "{} documents were cut", len(printed))
        text = str(printed[0])
        pictures = [element for element in printed[0]["elements"] if element["kind"] == "image"]
        for part in ("TEST 测试", "Line 8", "888.00", "example.test/r/1"):
            expect(part in text or bool(pictures), "{} is not on the paper", part)
        expect("?" not in text, "something was printed as a question mark")
        expect(not pictures or any(int(p["bits"], 16) for p in pictures), "the pictures are blank")
    yield from take(bench)


@SUITE.check("A picture that holds the bytes of real-time commands is printed whole, and answers nothing.", Need.FAULTS)
def prints_pictures_without_commands(bench: Bench) -> Steps[None]:
    yield from print_page(bench)
    yield from take(bench)
    first = len(bench.raw)
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.DONE, "{}", result)
    sent = b"".join(data for _, direction, data in bench.raw[first:] if direction == "to_device")
    job = max(sent.split(b"\x1b\x40"), key=len).partition(b"\x1d\x72")[0]
    for command in (b"\x10\x04", b"\x10\x05", b"\x10\x14"):
        expect(command not in job, "{} stands in the document", command.hex(" "))


@SUITE.check("Changes are told by the printer itself where it can, and by polls elsewhere.", Need.FAULTS)
def tells_an_open_cover_unasked(bench: Bench) -> Steps[None]:
    yield from bench.pause(1_000)
    first = bench.mark
    bench.hand("open_cover", "Open the cover.")
    change = yield from bench.happens(HealthChanged, first)
    expect(change.health is Health.STOP and change.error == "coverOpen", "told {}", change)
    first = bench.mark
    bench.hand("close_cover", "Close the cover.")
    change = yield from bench.happens(HealthChanged, first)
    expect(change.health is Health.OK, "told {}", change)


@SUITE.check("Several documents one after the other are as many documents.", Need.HANDS)
def prints_several(bench: Bench) -> Steps[None]:
    for _ in range(3):
        result = yield from print_page(bench)
        expect(result.outcome is Outcome.DONE, "{}", result)
        yield from take(bench)
    if bench.simulated:
        expect(len(documents(bench)) == 3, "{} documents", len(documents(bench)))


@SUITE.check("A document without a line too wide, or a text that cannot be encoded, never kills the driver.")
def refuses_or_wraps_long_lines(bench: Bench) -> Steps[None]:
    wide: Document = (Text("W" * 300), Columns("left" * 30, "right" * 30), Text("\u0001\u0002"))
    result = yield from bench.do(PrintDocument(ticket=bench.ticket(), document=wide))
    expect(result.outcome in (Outcome.DONE, Outcome.REFUSED), "{}", result)


@SUITE.check("A forgotten document is retracted.", Need.HANDS)
def retracts(bench: Bench) -> Steps[None]:
    if not can(bench).retract:
        result = yield from bench.do(RetractDocument(ticket=bench.ticket()))
        expect(result.outcome is Outcome.REFUSED, "it cannot retract, and says {}", result)
        return
    yield from print_page(bench)
    result = yield from bench.do(RetractDocument(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "{}", result)
    if bench.simulated:
        expect(bench.sim.state()["retracted"] == 1, "retracted: {}", bench.sim.state()["retracted"])


@SUITE.check("Retracting nothing is refused.")
def refuses_to_retract_nothing(bench: Bench) -> Steps[None]:
    result = yield from bench.do(RetractDocument(ticket=bench.ticket()))
    expect(result.outcome is Outcome.REFUSED, "{}", result)


@SUITE.check("Without paper nothing is printed: refused as paperOut, and with a new roll it serves on.", Need.FAULTS)
def refuses_without_paper(bench: Bench) -> Steps[None]:
    bench.strike("paper_out")
    result = yield from print_page(bench)
    expect((result.outcome, result.error) == (Outcome.REFUSED, "paperOut"), "{}", result)
    bench.hand("refill_paper", "")
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.DONE, "with a new roll: {}", result)


@SUITE.check("Paper that ends in the middle: PARTIAL, and the new roll does not carry on the old job.", Need.FAULTS)
def tells_half_a_document(bench: Bench) -> Steps[None]:
    bench.strike("paper_out_after_lines", lines=4)
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.PARTIAL, "{}", result)
    bench.hand("refill_paper", "")
    yield from bench.pause(3_000)
    reset: ResetResult = yield from bench.do(Reset(ticket=bench.ticket(), media="exit"))
    expect(reset.outcome is Outcome.DONE, "reset: {}", reset)
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.DONE, "the next document: {}", result)
    expect("Line 8" in str(documents(bench)[-1]), "the next document is not whole")


@SUITE.check("An open cover refuses the job; closed, it prints.", Need.FAULTS)
def refuses_with_cover_open(bench: Bench) -> Steps[None]:
    bench.hand("open_cover", "Open the cover.")
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.REFUSED, "{}", result)
    expect(bench.driver.health is Health.STOP, "the health is {}", bench.driver.health)
    bench.hand("close_cover", "Close the cover.")
    yield from bench.pause(6_000)
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.DONE, "closed again: {}", result)


def _breaks(fault: str, shows: str, **arguments: object) -> None:
    def run(bench: Bench) -> Steps[None]:
        if arguments.get("at") == "present" and not can(bench).presenter:
            raise Skipped("this printer has no presenter")
        bench.strike(fault, **arguments)
        result = yield from print_page(bench)
        expect(result.outcome not in (Outcome.DONE, Outcome.REFUSED) or fault == "head_hot", "{}", result)
        expect(result.outcome is not Outcome.DONE, "{}", result)
        expect(result.outcome is Outcome.UNKNOWN or result.error is not None, "no error word: {}", result)

    run.__name__ = f"tells_{fault}{'_at_' + str(arguments['at']) if 'at' in arguments else ''}"
    SUITE.check(shows, Need.FAULTS)(run)


_breaks("jam", "A paper jam while printing: not done, and said to be in the middle.", at="print")
_breaks("jam", "A paper jam while presenting: not done.", at="present")
_breaks("cutter", "A knife that does not come home: not done.")
_breaks("head_hot", "A head that is too hot: not done.")


@SUITE.check("A roll near its end is told as a supply and still prints.", Need.FAULTS)
def tells_paper_low(bench: Bench) -> Steps[None]:
    bench.strike("near_end")
    result = yield from print_page(bench)
    expect(result.outcome is Outcome.DONE, "{}", result)
    told = [change for change in bench.seen(HealthChanged) if change.supplies.get("paper") == "low"]
    expect(bool(told), "no HealthChanged tells it")


@SUITE.check(
    "A printer that falls silent in a job: the job is in doubt, and not printed again.", Need.FAULTS, Need.LONG
)
def doubts_a_job_that_nobody_confirms(bench: Bench) -> Steps[None]:
    command = PrintDocument(ticket=bench.ticket(), document=PAGE)
    bench.submit(command)
    yield from bench.pause(200)
    bench.strike("silent")
    result = yield from bench.answer_to(command)
    expect(result.outcome is Outcome.UNKNOWN, "{}", result)
    expect(len(documents(bench)) <= 1, "{} documents", len(documents(bench)))
