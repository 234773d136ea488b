"""Find what is connected to a port, by questions that change nothing on any device of ours.

Every family has one safe introduction (`_INTRODUCTIONS`): questions about state and identity, never a reset,
never a motion. They are tried in an order in which a question of one family does least on a device of another:

- the printer's real-time status comes first, because any later bytes would be printed on paper;
- the pad, the dispensers and the reader follow; each of them throws the others' frames away as noise.

The settings of the line are tried in turn, those that are met most often first. An answer with a check
character makes a finding *certain*; the printer's has none, and is *likely*.

A card reader that has not had its initial reset since power-up may not yet know the speed of the line and stay
silent (a reset moves the transport, so it is not sent here): then use `selftest` with its profile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from drivers.barcode_scanner import commands as scanner
from drivers.barcode_scanner.framing import menu
from drivers.base.errors import RemoteProtocolError
from drivers.base.line import Parity, SerialSettings
from drivers.base.vocabulary import Identity
from drivers.card_reader import commands as reader
from drivers.card_reader.link import Answer, Ask, Link
from drivers.dispenser import commands as lcdm
from drivers.dispenser.framing import LCDM2000, LCDM4000, Framing
from drivers.dispenser.link import End, Ended, LinkTiming
from drivers.dispenser.link import Link as LcdmLink
from drivers.note_acceptor.ccnet import commands as ccnet_words
from drivers.note_acceptor.ccnet import framing as ccnet
from drivers.note_acceptor.ssp import commands as ssp_words
from drivers.note_acceptor.ssp import framing as ssp
from drivers.note_acceptor.ssp.events import read_setup
from drivers.pin_pad.commands import USER_INFO
from drivers.pin_pad.exchange import Answer as PadAnswer
from drivers.pin_pad.exchange import Exchange
from drivers.pin_pad.scripts import Refused, user_info
from drivers.pin_pad.settings import LINE_SPEEDS_BD
from drivers.printer import commands as escpos
from drivers.printer.status import decode_full
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Steps
from kiosk.devicekit.session import bench_on_port
from kiosk.devicekit.sweep.base import Speaker
from kiosk.devicekit.units import UNITS

QUIET_MS: Final = 300  # what an earlier question left on the line is over by then
ANSWER_MS: Final = 700  # all families answer a question about state in less than 500 ms


@dataclass(frozen=True, slots=True)
class Found:
    """What answered. `certainty` is ``"certain"`` or ``"likely"``; `doubt` says what is not known."""

    family: str
    profile: str
    identity: Identity
    settings: SerialSettings
    certainty: str
    doubt: str = ""


Introduced = tuple[str, Identity, str, str]  # profile, identity, certainty, doubt
Introduction = Callable[[Bench], Steps[Introduced | None]]


@dataclass(frozen=True, slots=True)
class _Way:
    """One family's introduction and the line settings to try, likeliest first."""

    family: str
    profile: str
    introduce: Introduction
    speeds_bd: tuple[int, ...] = (9600,)
    parities: tuple[Parity, ...] = ("none",)
    stopbits: Literal[1, 2] = 1

    def settings(self) -> list[SerialSettings]:
        return [
            SerialSettings(baud=speed, parity=parity, stopbits=self.stopbits)
            for speed in self.speeds_bd
            for parity in self.parities
        ]


class _Talk:
    """A party that says bytes and keeps what comes back."""

    def __init__(self, bench: Bench) -> None:
        self.heard = b""
        self._out = b""
        bench.party = Speaker(self._hear, lambda: None, self._take_out, lambda: None)

    def say(self, data: bytes) -> None:
        self.heard, self._out = b"", data

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def _take_out(self) -> bytes:
        out, self._out = self._out, b""
        return out


def _printer(bench: Bench) -> Steps[Introduced | None]:
    talk = _Talk(bench)
    yield from bench.pause(QUIET_MS)
    talk.say(escpos.STATUS_FULL.data)
    yield from bench.until(lambda: len(talk.heard) >= escpos.STATUS_FULL.reply_bytes, ANSWER_MS)
    try:
        decode_full(talk.heard)
    except ValueError:
        return (yield from _plain_printer(bench, talk))
    talk.say(escpos.FIRMWARE_ID.data)
    yield from bench.until(lambda: len(talk.heard) >= escpos.FIRMWARE_ID.reply_bytes, ANSWER_MS)
    firmware = talk.heard.decode("ascii", "replace").strip("\x00 ")
    return (
        "reliance",
        Identity(model="Reliance or Custom", firmware=firmware),
        "likely",
        "replies have no check character",
    )


def _plain_printer(bench: Bench, talk: _Talk) -> Steps[Introduced | None]:
    for spec in (escpos.STATUS_PRINTER, escpos.STATUS_OFFLINE, escpos.STATUS_ERROR, escpos.STATUS_PAPER):
        talk.say(spec.data)
        yield from bench.until(lambda: bool(talk.heard), ANSWER_MS)
        yield from bench.pause(50)
        if len(talk.heard) != 1 or talk.heard[0] & 0x93 != 0x12:
            return None
    talk.say(escpos.MODEL_ID.data)
    yield from bench.until(lambda: bool(talk.heard), ANSWER_MS)
    doubt = "replies have fixed bits but no check character"
    return "epson", Identity(model=f"ESC/POS, model id {talk.heard.hex() or 'not told'}"), "likely", doubt


def _pin_pad(bench: Bench) -> Steps[Introduced | None]:
    exchange = Exchange(bench.clock, repeats=0, byte_gap_ms=250)
    speaker = Speaker(exchange.feed, exchange.tick, exchange.data_to_send, exchange.next_deadline_ms)
    bench.party = speaker
    yield from bench.pause(QUIET_MS)
    exchange.ask(USER_INFO, "")
    yield from bench.until(lambda: any(isinstance(r, PadAnswer) for r in speaker.replies), ANSWER_MS)
    answers = [r.frame for r in speaker.replies if isinstance(r, PadAnswer)]
    if not answers:
        return None
    script = user_info()
    next(script)
    try:
        script.send(answers[0].body.decode("ascii", "replace"))
    except StopIteration as end:
        return "szzt", end.value.identity, "certain", ""
    except Refused as refused:
        return "szzt", Identity(model="SZZT pad"), "likely", f"status {answers[0].status:02X}, {refused.detail}"
    return None


def _lcdm(framing: Framing, status: lcdm.Order, identify: lcdm.Order, *, eot: bool) -> Introduction:
    def introduce(bench: Bench) -> Steps[Introduced | None]:
        link = LcdmLink(bench.clock, framing, LinkTiming(), closes_with_eot=eot)
        speaker = Speaker(link.receive, link.tick, link.data_to_send, link.next_deadline_ms)
        bench.party = speaker
        yield from bench.pause(QUIET_MS)
        answers = []
        for order in (status, identify):
            speaker.replies.clear()
            link.start(order)
            yield from bench.until(lambda: bool(speaker.replies), 2 * ANSWER_MS)
            ended = speaker.replies[0] if speaker.replies else None
            if not isinstance(ended, Ended) or ended.end is not End.ANSWERED:
                break
            answers.append(ended.body)
        if not answers:
            return None
        if framing is LCDM4000:
            return "lcdm-4000", Identity(model="LCDM-4000"), "certain", "the device tells neither serial nor firmware"
        rom = answers[1].decode("ascii", "replace").strip() if len(answers) > 1 else ""
        doubt = "an LCDM-1000 (one cassette) and an LCDM-2000 (two) introduce themselves alike"
        return "lcdm-2000", Identity(model="LCDM-1000 or 2000", firmware=rom), "certain", doubt

    return introduce


def _ccnet(bench: Bench) -> Steps[Introduced | None]:
    talk, reader_ = _Talk(bench), ccnet.Reader()
    yield from bench.pause(QUIET_MS)
    talk.say(ccnet.encode(bytes((ccnet_words.IDENTIFICATION.code,))))
    yield from bench.until(lambda: len(talk.heard) >= ccnet_words.ANSWER_BYTES[0x37] + 5, ANSWER_MS)
    bodies = reader_.feed(talk.heard)
    if not bodies:
        return None
    talk.say(ccnet.encode(bytes((ccnet_words.ACK,))))
    yield from bench.pause(50)
    text = bodies[0].decode("ascii", "replace")
    if len(text) < ccnet_words.ANSWER_BYTES[0x37]:
        return "ccnet", Identity(model="CCNET validator"), "certain", "it does not identify itself"
    return "ccnet", Identity(model=text[:15].strip(), serial=text[15:27].strip()), "certain", ""


def _ssp(bench: Bench) -> Steps[Introduced | None]:
    """Sync, the setup request, the serial number. No poll: a poll accepts a note that waits in escrow."""
    talk = _Talk(bench)
    yield from bench.pause(QUIET_MS)
    told: list[bytes] = []
    for sequence, order in ((True, ssp_words.SYNC), (False, ssp_words.SETUP), (True, ssp_words.SERIAL_NUMBER)):
        talk.say(ssp.encode(ssp.Frame(sequence, 0, bytes((order.code,)))))
        yield from bench.until(lambda: bool(ssp.Reader().feed(talk.heard)), ANSWER_MS)
        frames = ssp.Reader().feed(talk.heard)
        if not frames and order is not ssp_words.SERIAL_NUMBER:
            return None
        told.append(frames[0].data[1:] if frames else b"")
    try:
        setup = read_setup(told[1])
    except RemoteProtocolError as error:
        return "ssp", Identity(model="SSP device"), "likely", str(error)
    serial = str(int.from_bytes(told[2], "big")) if len(told[2]) == 4 else ""
    profile = "smart-payout" if setup.unit == "SMART Payout" else "ssp"
    return profile, Identity(model=f"ITL {setup.unit}", serial=serial, firmware=setup.firmware), "certain", ""


def _scanner(bench: Bench) -> Steps[Introduced | None]:
    talk = _Talk(bench)
    yield from bench.pause(QUIET_MS)
    talk.say(menu(scanner.IDENTIFY))
    answer = scanner.IDENTIFY.encode("ascii") + b"\x06"
    yield from bench.until(lambda: answer in talk.heard, ANSWER_MS)
    if answer not in talk.heard:
        return None
    told = scanner.identity_lines(talk.heard.partition(answer)[0])
    identity = Identity(
        model=told.get("Product Name", "Honeywell scanner"),
        serial=told.get("Serial Number", ""),
        firmware=told.get("Software Revision", ""),
    )
    return "honeywell", identity, "likely", "answers have no check character"


def _card_reader(bench: Bench) -> Steps[Introduced | None]:
    link = Link(bench.clock, ANSWER_MS)

    def take_out() -> bytes:
        out, link.out = link.out, b""
        return out

    speaker = Speaker(link.receive, link.tick, take_out, lambda: link.deadline_ms)
    bench.party = speaker
    yield from bench.pause(QUIET_MS)
    identity = Identity(model="OMRON 3S4YR")
    doubt = ""
    for spec in (reader.STATUS, reader.VERSION):
        speaker.replies.clear()
        link.start(Ask(spec))
        yield from bench.until(lambda: bool(speaker.replies), 2 * ANSWER_MS)
        answer = speaker.replies[0] if speaker.replies else None
        if not isinstance(answer, Answer):
            return None if spec is reader.STATUS else ("omron-3s4yr", identity, "certain", "it tells no version")
        if not answer.good:
            doubt = f"it answers N{answer.code} {reader.error_meaning(answer.code).text}"
        elif spec is reader.VERSION:
            told = answer.data.decode("ascii", "replace")
            identity = Identity(model=f"OMRON {told[:12].strip()}", firmware=told[12:20].strip())
    return "omron-3s4yr", identity, "certain", doubt


_INTRODUCTIONS: Final = (
    _Way("escpos", "reliance", _printer, (9600, 19200, 115200, 38400, 57600)),
    _Way("szzt", "szzt", _pin_pad, LINE_SPEEDS_BD),
    _Way("lcdm-4000", "lcdm-4000", _lcdm(LCDM4000, lcdm.STATUS_4000, lcdm.SERIAL_NUMBER, eot=True),
         parities=("none", "even")),
    _Way("lcdm-2000", "lcdm-2000", _lcdm(LCDM2000, lcdm.STATUS, lcdm.ROM_VERSION, eot=False)),
    _Way("ccnet", "ccnet", _ccnet),
    _Way("ssp", "ssp", _ssp, stopbits=2),
    _Way("honeywell", "honeywell", _scanner, (9600, 115200, 38400)),
    _Way("omron-3s4yr", "omron-3s4yr", _card_reader, (9600, 19200, 4800, 2400, 1200), ("even", "none")),
)  # fmt: skip


def probe(port: str, told: Callable[[str], None] = lambda _text: None) -> Found | None:
    """Return what answers on `port`, or None. `told` hears each try. Raises LineError for the port itself."""
    rounds = max(len(way.settings()) for way in _INTRODUCTIONS)
    for nth in range(rounds):
        for way in _INTRODUCTIONS:
            settings = way.settings()
            if nth < len(settings):
                found = _try(port, way, settings[nth], told)
                if found is not None:
                    return found
    return None


def _try(port: str, way: _Way, settings: SerialSettings, told: Callable[[str], None]) -> Found | None:
    told(f"{way.family} at {shown(settings)}")
    bench = bench_on_port(UNITS[way.profile], port, settings, None)
    try:
        introduced = bench.run(way.introduce(bench))
    finally:
        bench.close()
    if introduced is None:
        return None
    profile, identity, certainty, doubt = introduced
    return Found(way.family, profile, identity, settings, certainty, doubt)


def shown(settings: SerialSettings) -> str:
    """Return e.g. ``9600 8E1``."""
    return f"{settings.baud} {settings.bytesize}{settings.parity[0].upper()}{settings.stopbits}"
