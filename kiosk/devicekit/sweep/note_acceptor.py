"""Every command, state, event and reason of the note acceptors.

Commands are written to the simulator as they are. States and events that it has no mechanics for are put into an
answer to a poll: the driver must take them without losing its footing (it answers the next question, or is lost).
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.base.acceptor import CashIn, CashInEnd, CashInRollback, CashInStart, GetCashInStatus
from drivers.base.vocabulary import Result
from drivers.note_acceptor.ccnet import commands as cc
from drivers.note_acceptor.ccnet import framing as ccnet
from drivers.note_acceptor.ssp import commands as ssp
from drivers.note_acceptor.ssp import framing as ssp_framing
from kiosk.devicekit.bench import Bench, Rewrite
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.cash_acceptor import NOTE
from kiosk.devicekit.frames import Direction
from kiosk.devicekit.sweep.base import MakeBench, Swept, Writer

_REASONS_CCNET = (
    "length", "not_recognised", "inhibited", "several", "insertion", "magnetic", "remained", "double", "conveying",
    "optic", "capacity", "operation",
)  # fmt: skip
_REASONS_SSP = (
    "length", "not_recognised", "several", "second_note", "string", "slow", "fast", "double", "width", "short",
)  # fmt: skip
_PAYLOADS_SSP = {
    0x02: b"\xff\xff", 0x06: b"\x07", 0x33: bytes(8), 0x34: bytes(9), 0x35: bytes(7), 0x3B: bytes(8), 0x3C: bytes(7),
    0x3D: bytes(12), 0x44: bytes(1), 0x46: bytes(1), 0x4A: bytes(7) + b"\x0b", 0x4B: bytes(7) + b"\x17", 0x4C: bytes(8),
    0x5C: b"\x00",
}  # fmt: skip
_CCNET_DATA = {0x32: bytes(3), 0x34: bytes(6)}


def sweep_ccnet(make: MakeBench) -> Swept:
    swept = Swept()
    swept.run(make, _commands([ccnet.encode(bytes((c,)) + _CCNET_DATA.get(c, b"")) for c in (*cc.ORDERS, 0x77)]))
    swept.run(make, _rejects(_REASONS_CCNET))
    for body in [bytes((state, 0)) if state in cc.WITH_ARGUMENT else bytes((state,)) for state in cc.STATES]:
        swept.run(make, _told(_ccnet_says(body), body, swept), rewrites=True)
    for body in [bytes((0x1C, code)) for code in cc.REJECTS] + [bytes((0x47, code)) for code in cc.FAILURES]:
        swept.run(make, _told(_ccnet_says(body), body, swept), rewrites=True)
    return swept


def sweep_ssp(make: MakeBench) -> Swept:
    swept = Swept()
    frames = [ssp_framing.encode(ssp_framing.Frame(True, 0, b"\x11"))]
    for number, code in enumerate((*ssp.ORDERS, 0x70)):
        data = bytes((code,)) + _PAYLOADS_SSP.get(code, b"")
        frames.append(ssp_framing.encode(ssp_framing.Frame(bool(number % 2), 0, data)))
    frames.append(ssp_framing.encode(ssp_framing.Frame(bool(len(ssp.ORDERS) % 2), 0, b"\x02")))
    swept.run(make, _commands(frames))
    swept.run(make, _rejects(_REASONS_SSP))
    for code in ssp.EVENTS:
        data = bytes((ssp.OK, code)) + _event_payload(ssp.EVENTS[code])
        swept.run(make, _told(_ssp_says(0x07, data), data, swept), rewrites=True)
    for code in ssp.REPLIES:
        swept.run(make, _told(_ssp_says(0x07, bytes((code,))), bytes((code,)), swept), rewrites=True)
    for code in ssp.REJECTS:
        steps = _told(_ssp_says(0x17, bytes((ssp.OK, code))), bytes((ssp.OK, code)), swept, rejecting=True)
        swept.run(make, steps, rewrites=True)
    return swept


def _event_payload(event: ssp.Event) -> bytes:
    value = (10_000).to_bytes(4, "little")
    return {
        ssp.Shape.NONE: b"",
        ssp.Shape.CHANNEL: b"\x00",
        ssp.Shape.VALUES: b"\x01" + value + b"CNY",
        ssp.Shape.PAIRS: b"\x01" + value + value + b"CNY",
        ssp.Shape.VALUES_CODE: b"\x01" + value + b"CNY\x01",
        ssp.Shape.VALUE_V8: b"",
    }[event.shape]


def _commands(frames: list[bytes]) -> Callable[[Bench], Steps[None]]:
    def steps(bench: Bench) -> Steps[None]:
        writer = bench.party = Writer()
        yield from bench.pause(5_000)
        for frame in frames:
            writer.out += frame
            yield from bench.pause(4_000)

    return steps


def _rejects(reasons: tuple[str, ...]) -> Callable[[Bench], Steps[None]]:
    def steps(bench: Bench) -> Steps[None]:
        yield from bench.start()
        yield from bench.do(CashInStart(ticket=bench.ticket()))
        bench.submit(CashIn(ticket=bench.ticket()))
        yield from bench.pause(3_000)
        for reason in reasons:
            bench.strike("reject_note", reason=reason)
            bench.hand("insert_note", "", value=NOTE)
            yield from bench.pause(15_000)
            try:
                bench.hand("take_note", "")
            except ValueError:
                bench.note("nothing waits at the mouth")
            yield from bench.pause(3_000)

    return steps


def _told(rewrite: Rewrite, data: bytes, swept: Swept, *, rejecting: bool = False) -> Callable[[Bench], Steps[None]]:
    """Begin a transaction, put an answer on the line, and end it; each command must be answered once."""

    def steps(bench: Bench) -> Steps[None]:
        yield from bench.start()
        yield from bench.do(CashInStart(ticket=bench.ticket()))
        taking = CashIn(ticket=bench.ticket())
        bench.submit(taking)
        yield from bench.pause(2_000)
        if rejecting:
            bench.strike("reject_note", reason="length")
            bench.hand("insert_note", "", value=NOTE)
        bench.note(f"line: an answer becomes {data.hex(' ')}")
        bench.tap.rewrite = rewrite
        yield from bench.pause(5_000)
        bench.tap.rewrite = None
        if bench.driver.identity is not None and not bench.driver.busy:
            for command in (CashInEnd(ticket=bench.ticket()), CashInRollback(ticket=bench.ticket())):
                yield from bench.do(command)
            yield from bench.do(GetCashInStatus(ticket=bench.ticket()))
        tickets = [report.ticket for report in bench.reports if isinstance(report, Result)]
        if len(tickets) != len(set(tickets)):
            swept.wrong.append(f"{data.hex(' ')}: some command was answered twice")

    return steps


def _ccnet_says(body: bytes) -> Rewrite:
    asked = ccnet.Reader()
    said = {"polled": False, "done": False}

    def rewrite(direction: Direction, data: bytes) -> bytes | None:
        if direction == "to_device":
            bodies = [b for b in asked.feed(data) if b not in (b"\x00", b"\xff")]
            said["polled"] = bool(bodies) and bodies[-1][0] == cc.POLL.code
            return None
        if not said["polled"] or said["done"]:
            return None
        said["done"] = True
        return ccnet.encode(body)

    return rewrite


def _ssp_says(to: int, answer: bytes) -> Rewrite:
    asked = ssp_framing.Reader()
    last: list[ssp_framing.Frame] = []
    said = {"done": False}

    def rewrite(direction: Direction, data: bytes) -> bytes | None:
        if direction == "to_device":
            last[:] = asked.feed(data)[-1:]
            return None
        if said["done"] or not last or last[0].data[0] != to:
            return None
        said["done"] = True
        return ssp_framing.encode(ssp_framing.Frame(last[0].sequence, last[0].address, answer))

    return rewrite
