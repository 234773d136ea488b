"""Frames of the note acceptors: CCNET and SSP. Nothing in them is secret; what eSSP encrypts stays so."""

from __future__ import annotations

from typing import Final

from drivers.note_acceptor.ccnet import commands as cc
from drivers.note_acceptor.ccnet import framing as ccnet
from drivers.note_acceptor.ssp import commands as ssp
from drivers.note_acceptor.ssp import framing as ssp_framing
from drivers.note_acceptor.ssp.events import read_events
from kiosk.devicekit.frames import Direction, Entry, Vocabulary, noise, show

_ENCRYPTED: Final = 0x7E
PROTOCOL: Final = 7


class CcnetDecoder:
    """An answer says nothing of its question: it is read as the answer to the last one."""

    def __init__(self) -> None:
        self._readers = {"to_device": ccnet.Reader(), "from_device": ccnet.Reader()}
        self._asked: int | None = None

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        reader = self._readers[direction]
        before = reader.discarded
        entries = [self._entry(at_ms, direction, body) for body in reader.feed(data)]
        if reader.discarded > before or reader.take_damaged():
            entries.append(noise(at_ms, direction, reader.discarded - before, "damaged frame or noise"))
        return entries

    def _entry(self, at_ms: int, direction: Direction, body: bytes) -> Entry:
        raw, code = show(ccnet.encode(body)), body[0]
        if len(body) == 1 and code in (cc.ACK, cc.NAK):
            answer = self._asked if direction == "from_device" else None
            self._asked = None if answer is not None else self._asked
            name = "ACK" if code == cc.ACK else "NAK"
            return Entry(at_ms, direction, name, raw, "control", answer=None if answer is None else f"{answer:02X}")
        if direction == "to_device":
            self._asked = code
            order = cc.ORDERS.get(code)
            name = order.name if order is not None else "unlisted command"
            return Entry(at_ms, direction, f"{code:02X} {name}", raw, request=f"{code:02X}")
        asked, self._asked = self._asked, None
        answer_to = None if asked is None else f"{asked:02X}"
        if asked != cc.POLL.code:
            refused = len(body) == 1 and code == cc.ILLEGAL
            text = "illegal command" if refused else f"{len(body)} bytes"
            return Entry(at_ms, direction, text, raw, answer=answer_to, errors=("illegal",) if refused else ())
        name, codes = cc.STATES.get(code, "unlisted state"), [f"{code:02X}"]
        if code == 0x1C and len(body) > 1:
            codes.append(f"1C {body[1]:02X}")
            name += f": {cc.REJECTS.get(body[1], ('', 'unlisted reason'))[1]}"
        elif code == 0x47 and len(body) > 1:
            codes.append(f"47 {body[1]:02X}")
            name += f": {cc.FAILURES.get(body[1], 'unlisted failure')}"
        return Entry(at_ms, direction, f"{code:02X} {name}", raw, answer=answer_to, errors=tuple(codes))


CCNET_VOCABULARY: Final = Vocabulary(
    requests={f"{code:02X}": order.name for code, order in cc.ORDERS.items()},
    errors={
        **{f"{code:02X}": text for code, text in cc.STATES.items()},
        **{f"1C {code:02X}": f"rejecting: {text}" for code, (_, text) in cc.REJECTS.items()},
        **{f"47 {code:02X}": f"failure: {text}" for code, text in cc.FAILURES.items()},
        "illegal": "illegal command",
    },
    unknown="illegal",
)


class SspDecoder:
    def __init__(self) -> None:
        self._readers = {"to_device": ssp_framing.Reader(), "from_device": ssp_framing.Reader()}
        self._asked: int | None = None

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        reader = self._readers[direction]
        before = reader.discarded
        entries = [self._entry(at_ms, direction, frame) for frame in reader.feed(data)]
        if reader.discarded > before:
            entries.append(noise(at_ms, direction, reader.discarded - before, "damaged frame or noise"))
        return entries

    def _entry(self, at_ms: int, direction: Direction, frame: ssp_framing.Frame) -> Entry:
        raw, code = show(ssp_framing.encode(frame)), frame.data[0]
        if code == _ENCRYPTED:
            return Entry(at_ms, direction, f"encrypted: {len(frame.data)} bytes", raw)
        if direction == "to_device":
            self._asked = code
            order = ssp.ORDERS.get(code)
            name = order.name if order is not None else "unlisted command"
            return Entry(at_ms, direction, f"{code:02X} {name}", raw, request=f"{code:02X}")
        answer = None if self._asked is None else f"{self._asked:02X}"
        name, codes = ssp.REPLIES.get(code, "unlisted reply"), [f"{code:02X}"]
        if code == ssp.OK and self._asked in (ssp.POLL.code, ssp.POLL_WITH_ACK.code):
            events, rest = read_events(frame.data[1:], PROTOCOL)
            codes += [f"{seen.event.code:02X}" for seen in events]
            name = ", ".join([name, *(seen.event.name for seen in events), *(["unread rest"] if rest else [])])
        elif code == ssp.OK and self._asked == ssp.LAST_REJECT.code and len(frame.data) > 1:
            codes.append(f"17 {frame.data[1]:02X}")
            name = f"{name}, {ssp.REJECTS.get(frame.data[1], ('', 'unlisted reason'))[1]}"
        return Entry(at_ms, direction, f"{code:02X} {name}", raw, answer=answer, errors=tuple(codes))


SSP_VOCABULARY: Final = Vocabulary(
    requests={f"{code:02X}": order.name for code, order in ssp.ORDERS.items()},
    errors={
        **{f"{code:02X}": text for code, text in ssp.REPLIES.items()},
        **{f"{code:02X}": event.name for code, event in ssp.EVENTS.items()},
        **{f"17 {code:02X}": f"last reject: {text}" for code, (_, text) in ssp.REJECTS.items()},
    },
    unknown="F2",
)
