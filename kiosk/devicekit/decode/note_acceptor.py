"""Frames of the note acceptors: CCNET and SSP. Nothing in them is secret but the numbers that a key follows from."""

from __future__ import annotations

from typing import Final

from drivers.base.errors import RemoteProtocolError
from drivers.note_acceptor.ccnet import commands as cc
from drivers.note_acceptor.ccnet import framing as ccnet
from drivers.note_acceptor.ssp import commands as ssp
from drivers.note_acceptor.ssp import framing as ssp_framing
from drivers.note_acceptor.ssp.essp import STEX, SecureChannel
from drivers.note_acceptor.ssp.events import read_events
from kiosk.devicekit.frames import Direction, Entry, Vocabulary, noise, show
from kiosk.devicekit.keyring import KeyRing

PROTOCOL: Final = 7  # until the host has chosen
_KEYS: Final = (ssp.SET_GENERATOR.code, ssp.SET_MODULUS.code, ssp.EXCHANGE_KEYS.code)


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
            return Entry(at_ms, direction, text, raw, answer=answer_to, errors=("30",) if refused else ())
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
        f"{cc.ILLEGAL:02X}": "illegal command",
    },
    unknown=f"{cc.ILLEGAL:02X}",
)


class SspDecoder:
    """Reads both sides of an SSP line; with the `ring` of a driver on the bench, encrypted packets too."""

    def __init__(self, ring: KeyRing | None = None) -> None:
        self._readers = {"to_device": ssp_framing.Reader(), "from_device": ssp_framing.Reader()}
        self._ring = ring
        self._channel: SecureChannel | None = None
        self._numbers: dict[int, int] = {}  # what the host said in the exchange of keys
        self._protocol = PROTOCOL
        self._asked = b""

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        reader = self._readers[direction]
        before = reader.discarded
        entries = [self._entry(at_ms, direction, frame) for frame in reader.feed(data)]
        if reader.discarded > before:
            entries.append(noise(at_ms, direction, reader.discarded - before, "damaged frame or noise"))
        return entries

    def _entry(self, at_ms: int, direction: Direction, frame: ssp_framing.Frame) -> Entry:
        raw, content, sealed = show(ssp_framing.encode(frame)), frame.data, ""
        if content[0] == STEX:
            inside = self._inside(content)
            if not inside:
                return Entry(at_ms, direction, f"encrypted: {len(content)} bytes", raw)
            content, sealed, raw = inside, " (sealed)", show(inside)
        if direction == "to_device":
            self._hear(content)
            order = ssp.ORDERS.get(content[0])
            name = order.name if order is not None else "unlisted command"
            return Entry(at_ms, direction, f"{content[0]:02X} {name}{sealed}", raw, request=f"{content[0]:02X}")
        return self._answer(at_ms, content, raw, sealed)

    def _inside(self, field: bytes) -> bytes:
        try:
            return self._channel.look(field)[1] if self._channel is not None else b""
        except RemoteProtocolError:
            return b""

    def _hear(self, content: bytes) -> None:
        """Keep what the answer will have to be understood by."""
        self._asked = content
        if content[0] in (ssp.SET_GENERATOR.code, ssp.SET_MODULUS.code, ssp.EXCHANGE_KEYS.code):
            self._numbers[content[0]] = int.from_bytes(content[1:9], "little")

    def _agreed(self, content: bytes) -> None:
        """Follow what the device agreed to."""
        code = self._asked[0]
        if code == ssp.PROTOCOL.code:
            self._protocol = self._asked[1] if len(self._asked) > 1 else self._protocol
        elif code == ssp.EXCHANGE_KEYS.code and self._ring is not None and len(self._numbers) == len(_KEYS):
            generator, modulus, public = (self._numbers[number] for number in _KEYS)
            other = int.from_bytes(content[1:9], "little")
            self._channel = self._ring.channel(generator, modulus, public, other)

    def _answer(self, at_ms: int, content: bytes, raw: str, sealed: str) -> Entry:
        code = content[0]
        name, codes = ssp.REPLIES.get(code, "unlisted reply"), [f"{code:02X}"]
        asked = self._asked[0] if self._asked else -1
        if code == ssp.OK and self._asked:
            self._agreed(content)
        if code == ssp.OK and asked in (ssp.POLL.code, ssp.POLL_WITH_ACK.code):
            events, rest = read_events(content[1:], self._protocol)
            codes += [f"{seen.event.code:02X}" for seen in events]
            codes += [f"B1 {seen.code:02X}" for seen in events if seen.event.code == 0xB1]
            name = ", ".join([name, *(seen.event.name for seen in events), *(["unread rest"] if rest else [])])
        elif code == ssp.OK and asked == ssp.LAST_REJECT.code and len(content) > 1:
            codes.append(f"17 {content[1]:02X}")
            name = f"{name}, {ssp.REJECTS.get(content[1], ('', 'unlisted reason'))[1]}"
        elif code == ssp.CANNOT and len(content) > 1:
            refusals = ssp.PAYOUT_REFUSALS if asked in ssp.MONEY else ssp.ENABLE_REFUSALS
            codes.append(f"{'F5' if asked in ssp.MONEY else '5C'} {content[1]:02X}")
            name = f"{name}, {refusals.get(content[1], ('', 'unlisted reason'))[1]}"
        answer = f"{asked:02X}" if self._asked else None
        return Entry(at_ms, "from_device", f"{code:02X} {name}{sealed}", raw, answer=answer, errors=tuple(codes))


_RECYCLER: Final = "only a SMART Payout has it"
_HOPPER: Final = "only a SMART Hopper has it"
_RECYCLER_ORDERS: Final = (0x22, 0x33, 0x35, 0x38, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x44, 0x46, 0x52, 0x53, 0x5B, 0x5C)
_RECYCLER_EVENTS: Final = (
    0xDB, 0xDA, 0xD2, 0xD5, 0xD6, 0xD7, 0xD8, 0xC2, 0xC3, 0xB3, 0xB4, 0xC9, 0xCA, 0xCB, 0xDC, 0xDD, 0xB0, 0xB1,
)  # fmt: skip
_HOPPER_ORDERS: Final = (0x34, 0x40, 0x49, 0x50, 0x51)
_HOPPER_EVENTS: Final = (0xD9, 0xDE, 0xDF, 0xC4, 0xC5, 0x83)
_FULL: Final = {"CF": "only an NV11 or a SMART Hopper says it; a SMART Payout stacks what it cannot store"}


def _ssp_vocabulary(*, sealed: bool, recycler: bool) -> Vocabulary:
    unseen = {f"{code:02X}": _HOPPER for code in (*_HOPPER_ORDERS, *_HOPPER_EVENTS)} | _FULL
    refusals = {f"F5 {code:02X}": text for code, (_, text) in ssp.PAYOUT_REFUSALS.items()}
    refusals |= {f"5C {code:02X}": f"enable payout: {text}" for code, (_, text) in ssp.ENABLE_REFUSALS.items()}
    refusals |= {f"B1 {code:02X}": f"error during payout: {text}" for code, text in ssp.PAYOUT_ERRORS.items()}
    if not recycler:
        unseen |= {f"{code:02X}": _RECYCLER for code in (*_RECYCLER_ORDERS, *_RECYCLER_EVENTS)}
        unseen |= dict.fromkeys(refusals, _RECYCLER)
    if not sealed:
        unseen["B6"] = "said only to a host that polls with ack, which has to be encrypted"
    return Vocabulary(
        requests={f"{code:02X}": order.name for code, order in sorted(ssp.ORDERS.items())},
        errors={
            **{f"{code:02X}": text for code, text in ssp.REPLIES.items()},
            **{f"{code:02X}": event.name for code, event in ssp.EVENTS.items()},
            **refusals,
            **{f"17 {code:02X}": f"last reject: {text}" for code, (_, text) in ssp.REJECTS.items()},
        },
        unseen=unseen,
        unknown="F2",
    )


SSP_VOCABULARY: Final = _ssp_vocabulary(sealed=False, recycler=False)
ESSP_VOCABULARY: Final = _ssp_vocabulary(sealed=True, recycler=False)
SMART_PAYOUT_VOCABULARY: Final = _ssp_vocabulary(sealed=True, recycler=True)
