"""Every command, state and reason of CCNET."""

from __future__ import annotations

from drivers.base.acceptor import CashInRollback
from drivers.note_acceptor.ccnet import commands as cc
from drivers.note_acceptor.ccnet import framing as ccnet
from kiosk.devicekit.bench import Bench, Rewrite
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.cash_acceptor import NOTE, take_back
from kiosk.devicekit.decode.note_acceptor import CCNET_VOCABULARY
from kiosk.devicekit.frames import Direction
from kiosk.devicekit.sweep.acceptor import acted, fed, rejected, struck, taking, taking_more, told
from kiosk.devicekit.sweep.base import MakeBench, Swept, Writer

_REASONS = (
    "length", "not_recognised", "inhibited", "several", "insertion", "magnetic", "remained", "double", "conveying",
    "optic", "capacity", "operation",
)  # fmt: skip
_DATA = {0x32: bytes(3), 0x34: bytes(6), 0x39: b"\x01\x12", 0x3C: b"\x05\x01"}


def sweep(make: MakeBench) -> Swept:
    swept = Swept()
    swept.run(make, _commands)
    swept.run(make, _ticket)
    swept.run(make, rejected(_REASONS))
    swept.run(make, _given_back)
    for fault in ("jam_reading", "jam_after_credit", "string_pulled", "stack_fails"):
        swept.run(make, fed(fault))
    for phase in ("stacking", "credited"):
        swept.run(make, fed("power_loss", at=phase))
    swept.run(make, fed(then=_pressed_on))
    swept.run(make, struck("cassette_full"))
    swept.run(make, acted("remove_cashbox", "replace_cashbox"))
    for failure in cc.FAILURES:
        swept.run(make, struck("failure", code=f"{failure:X}"))
    for code in swept.lacks(CCNET_VOCABULARY.errors):
        body = bytes.fromhex(code)
        if len(body) == 1 and body[0] in cc.WITH_ARGUMENT:
            body += b"\x00"
        swept.run(make, told(_says(body), body, swept), rewrites=True)
    return swept


def _commands(bench: Bench) -> Steps[None]:
    writer = bench.party = Writer()
    yield from bench.pause(5_000)
    for code in (*cc.ORDERS, 0x77):
        writer.out += ccnet.encode(bytes((code,)) + _DATA.get(code, b""))
        yield from bench.pause(4_000)


def _ticket(bench: Bench) -> Steps[None]:
    """Read the bar code of a ticket, and give the ticket back."""
    writer = bench.party = Writer()
    said = ((cc.RESET, b""), (cc.SET_BARCODE, _DATA[0x39]), (cc.ENABLE, b"\xff" * 6))
    after = ((cc.POLL, b""), (cc.BARCODE_DATA, b""), (cc.RETURN, b""))
    for order, data in said:
        writer.out += ccnet.encode(bytes((order.code,)) + data)
        yield from bench.pause(4_000)
    bench.hand("insert_ticket", "", text="123456789012345678")
    for order, data in after:
        yield from bench.pause(2_000)
        writer.out += ccnet.encode(bytes((order.code,)) + data)


def _given_back(bench: Bench) -> Steps[None]:
    """Hold a note until the driver says HOLD, and give it back."""
    yield from taking(bench)
    bench.hand("insert_note", "", value=NOTE)
    yield from bench.pause(8_000)
    yield from bench.do(CashInRollback(ticket=bench.ticket()))
    take_back(bench)


def _pressed_on(bench: Bench) -> Steps[None]:
    """Hold a second note into the mouth while one is on its way."""
    command = yield from taking_more(bench)
    bench.hand("insert_note", "", value=NOTE)
    yield from bench.answer_to(command)
    bench.submit(CashInRollback(ticket=bench.ticket()))
    yield from bench.until(lambda: bench.sim.state()["phase"] == "returning", 5_000)
    bench.hand("press_on", "")
    yield from bench.pause(3_000)
    bench.hand("take_second_note", "")
    yield from bench.pause(3_000)
    take_back(bench)


def _says(body: bytes) -> Rewrite:
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
