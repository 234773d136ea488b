"""Every command and error of the OMRON 3S4YR.

Commands go out over the link layer alone, in an order in which they mean something: without a card, with a
card inside, with a chip. Then each error code is shown to the driver as the answer to an eject.
"""

from __future__ import annotations

from typing import Final

from drivers.base.vocabulary import EjectCard, Outcome
from drivers.card_reader.commands import COMMANDS, ERRORS
from drivers.card_reader.framing import FrameReader, encode
from drivers.card_reader.link import Ask, Link
from drivers.sim.cards import MagneticCard, SimChip
from kiosk.devicekit.bench import Bench, Rewrite
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.card_reader import TEST_TRACK, insert
from kiosk.devicekit.frames import Direction
from kiosk.devicekit.sweep.base import MakeBench, Speaker, Swept

_RESETS: Final = ("00", "01", "02", "04", "05", "06")
_PARAMS: Final[dict[str, bytes]] = {
    "42": b"2", "68": b"7", "69": b"2", "6A": b"7", "71": b"TEST", "72": b"1234", "73": b"1234", "78": b"2123",
    "79": b"2", "C2": b"0", "C5": b"0", "E0": b"0", "E1": b"0", "G1": b"0", "F0": bytes(5), "F1": bytes(5),
    "F2": bytes(5), "F6": bytes(5), "F7": bytes(5), "F8": b"0", "W0": b"05", "W1": b"05", "W2": b"05",
    "R0": b"1", "R1": b"1", "R3": b"03", "S0": b"0", "S1": b"0000000", "S2": b"000", "Y1": b"00", "Y2": b"10",
    **{f"D{n}": b"0" for n in range(8)}, **{f"6{k}": b"7" for k in "BCDEFGHIKL"},
    **{f"7{k}": b"2" for k in "BCDEFGHIKL"},
}  # fmt: skip
_LAST: Final = ("00", "01", "02", "04", "05", "06", "d0", "d1", "d2", "c0", "30", "31", "41")
"""Moved to the end of the round with a card: what takes it away."""
_WITH_CHIP: Final = ("C0", "C2", "E0", "E1", "F0", "F1", "C3", "C1", "C5", "C6", "G1")


def sweep(make: MakeBench) -> Swept:
    """Exercise every code; see the module."""
    swept = Swept()
    swept.run(make, _without_card)
    swept.run(make, _with_card)
    swept.run(make, _with_chip)
    swept.run(make, _mechanical_errors)
    for code in ERRORS:
        swept.run(make, lambda bench, code=code: _driver_is_told(bench, code, swept), rewrites=True)  # type: ignore[misc]
    return swept


def _speak(bench: Bench) -> Link:
    link = Link(bench.clock, 5_020)

    def take_out() -> bytes:
        out, link.out = link.out, b""
        return out

    bench.party = Speaker(link.receive, link.tick, take_out, lambda: link.deadline_ms)
    return link


def _ask(bench: Bench, link: Link, code: str, params: bytes | None = None) -> Steps[None]:
    """Say one command and wait for its answer, or for the link to give up."""
    speaker = bench.party
    assert isinstance(speaker, Speaker)
    before = len(speaker.replies)
    given = _PARAMS.get(code, b"") if params is None else params
    link.start(Ask(COMMANDS[code], given, 10_000))
    yield from bench.until(lambda: len(speaker.replies) > before, 400_000)
    yield from bench.pause(50)


def _without_card(bench: Bench) -> Steps[None]:
    link = _speak(bench)
    yield from _ask(bench, link, "10")  # N..19: waiting for the initial reset
    yield from _ask(bench, link, "02")
    yield from _ask(bench, link, "W0", b"xx")  # a bad parameter
    for code in ("W0", "W1", "W2"):
        yield from _ask(bench, link, code, b"01")
    for code in COMMANDS:
        if code not in _LAST and code not in ("W0", "W1", "W2"):
            yield from _ask(bench, link, code)
    for code in _LAST:
        yield from _ask(bench, link, code)


def _with_card(bench: Bench) -> Steps[None]:
    yield from bench.start()
    yield from insert(bench, track1="TEST", track3="123")
    link = _speak(bench)
    for code in ("10", "11", "68", "6A", "69", "61", "62", "63", "71", "72", "73", "60", "32", "90"):
        yield from _ask(bench, link, code)
    yield from _ask(bench, link, "71", b"")  # nothing to write
    for error in ("40", "41", "42", "43", "44", "45", "46", "49"):
        bench.strike("read_error", code=error)
        yield from _ask(bench, link, "72")  # what was written must be read anew
        yield from _ask(bench, link, "62")
    for error in ("50", "51", "52", "53", "54", "55", "56"):
        bench.strike("write_error", code=error)
        yield from _ask(bench, link, "72")
    bench.strike("card_moved")
    yield from _ask(bench, link, "10")
    yield from _ask(bench, link, "30")
    yield from _ask(bench, link, "90")  # nobody takes it in time
    yield from _ask(bench, link, "40")
    yield from _ask(bench, link, "30")
    yield from _ask(bench, link, "42")
    yield from _ask(bench, link, "30")
    bench.hand("take_card", "")
    for code in ("40", "41"):
        yield from _ask(bench, link, code)  # it was faster


def _with_chip(bench: Bench) -> Steps[None]:
    yield from bench.start()
    chipped = MagneticCard(track2=TEST_TRACK, chip=SimChip(answers={"00a4": "9000"}))
    yield from insert(bench, card=chipped, track2="")
    link = _speak(bench)
    for code in _WITH_CHIP:
        yield from _ask(bench, link, code)
    bench.strike("chip_silent")
    yield from _ask(bench, link, "E1")
    yield from _ask(bench, link, "E0")
    bench.strike("chip_silent")
    yield from _ask(bench, link, "F0")


def _mechanical_errors(bench: Bench) -> Steps[None]:
    yield from bench.start()
    yield from insert(bench)
    link = _speak(bench)
    for fault, code in (("jam", "30"), ("shutter_fail", "30"), ("sensor_fail", "30"), ("motor_fail", "30"),
                        ("capture_fails", "31"), ("option_memory_bad", "")):  # fmt: skip
        bench.strike(fault)
        if code:
            yield from _ask(bench, link, code)
        yield from _ask(bench, link, "02")
    yield from _ask(bench, link, "30")
    bench.hand("block_exit", "")
    yield from _ask(bench, link, "40")
    yield from _ask(bench, link, "01")
    bench.hand("free_exit", "")
    yield from _ask(bench, link, "02")
    yield from _ask(bench, link, "40")
    bench.hand("pull_card", "")
    yield from _ask(bench, link, "10")
    yield from _ask(bench, link, "02")
    for length in ("long", "short"):
        yield from _ask(bench, link, ":0")
        bench.hand("insert_card", "", track2=TEST_TRACK, length=length)
        yield from bench.pause(3_000)
        yield from _ask(bench, link, "10")
        yield from _ask(bench, link, "00")
        bench.hand("take_card", "")
    yield from _ask(bench, link, ":0")
    bench.hand("insert_card", "", track2=TEST_TRACK)
    yield from bench.pause(3_000)
    bench.sim.power(False)
    bench.sim.power(True)
    yield from _ask(bench, link, "10")  # N..18: the power failed with a card inside


def _driver_is_told(bench: Bench, error: str, swept: Swept) -> Steps[None]:
    """Let the answer to an eject carry `error`; the driver must not say DONE, and must know the word."""
    yield from bench.start()
    yield from insert(bench)
    yield from bench.pause(1_000)
    bench.tap.rewrite = _answering_eject_with(error)
    bench.note(f"line: the answer to C30 becomes N30{error}")
    result = yield from bench.do(EjectCard(ticket=bench.ticket()))
    meaning = ERRORS[error]
    inside = "the card is not inside" in result.detail
    if result.outcome is Outcome.DONE and not inside:
        swept.wrong.append(f"{error} {meaning.text}: the driver takes an eject for done")
    elif result.error not in (meaning.word, None, "deviceNotReady", "sequenceError") and not inside:
        swept.wrong.append(f"{error} {meaning.text}: the driver says {result.error}, the table {meaning.word}")


def _answering_eject_with(error: str) -> Rewrite:
    reader = FrameReader()

    def rewrite(direction: Direction, data: bytes) -> bytes | None:
        if direction != "from_device":
            return None
        for item in reader.feed(data):
            if isinstance(item, bytes) and item[1:3] == b"30":
                return encode(b"N30" + error.encode("ascii"))
        return None

    return rewrite
