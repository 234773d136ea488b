"""The chip station: contacts on a solenoid, power, and the reader's end of T=0 and T=1. Commands C0 to G1, F0 to F8.

A command that speaks to the chip is a dialogue (`chip_terminal`); each thing said takes its time on the contacts,
so a card can be torn away, or the power fail, between any two of them. The reception time (Y2) bounds a dialogue.

Source: OMRON, Data Transmission Specifications 3S4YR-MVFW(DL)-0** Series, Rev A4, for the commands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from drivers.base.atr import Atr, AtrReader
from drivers.base.errors import RemoteProtocolError
from drivers.sim.card_reader.trouble import Trouble
from drivers.sim.chip_contact import ChipContact
from drivers.sim.chip_terminal import (
    Cause,
    ChipFailure,
    Got,
    Say,
    T1Terminal,
    Talk,
    select_protocol,
    t0_exchange,
    t0_lengths,
)

if TYPE_CHECKING:
    from drivers.sim.card_reader.reader import Handler, SimOmron3S4YR

CHARACTERS_PER_S: Final = 800  # 12 units each at 9600 bit/s
ANSWER_MAX: Final = 320
IFSD_DEFAULT: Final = 32
FETCHES_MAX: Final = 256
_OF_CAUSE: Final = {
    Cause.MUTE: Trouble.CHIP_MUTE,
    Cause.COMMUNICATION: Trouble.CHIP_COMMUNICATION,
    Cause.ABORTED: Trouble.CHIP_ABORTED,
    Cause.DATA: Trouble.CHIP_DATA,
}
_LENGTHS: Final = {"F0": (4, 261), "F1": (4, 360), "F2": (4, 360), "F6": (4, 2_054), "F7": (4, 2_054)}
_DONE, _RECEIVE_MORE, _SEND_MORE, _ABORTED = b"20", b"21", b"22", b"23"


class Station:
    """`state`: ``off``, ``pressed`` (contacts are down) or ``active`` (the chip has power)."""

    def __init__(self) -> None:
        self.power_off()

    def power_off(self) -> None:
        """Contacts up, no power; the card may go."""
        self.state = "off"
        self.deactivate()

    def deactivate(self) -> None:
        """Take the power; the contacts stay where they are."""
        if self.state == "active":
            self.state = "pressed"
        self.contact: ChipContact | None = None
        self.atr: Atr | None = None
        self.terminal: T1Terminal | None = None
        self.protocol: int | None = None  # agreed with the card
        self.nad = 0
        self.received = 0  # bytes of the T=1 answer under way
        self.deaf = False  # for this dialogue
        self.noisy = 0  # answers that are to be damaged

    @property
    def in_chain(self) -> bool:
        return self.terminal is not None and (self.terminal.sending or self.terminal.receiving)

    def hear(self, data: bytes) -> bytes:
        """Say `data` to the chip; return what arrives of its answer."""
        heard = b"" if self.deaf or self.contact is None else self.contact.feed(data)
        if heard and self.noisy:
            self.noisy -= 1
            at = len(heard) // 2
            heard = heard[:at] + bytes((heard[at] ^ 0x55,)) + heard[at + 1 :]
        return heard


# ------------------------------------------------------------ dialogues


def _talk(r: SimOmron3S4YR, code: str, talk: Talk[bytes]) -> bytes | None:
    """Carry a dialogue through, a motion for each thing said; its answer is the command's."""
    station = r.station
    left_ms = 1_000 * r.memory.number("Y2")
    station.deaf = r.armed.fires("chip_silent") is not None
    noise = r.armed.fires("chip_noise")
    station.noisy = int(str(noise.get("answers", 1))) if noise is not None else 0
    for fault in ("aborts", "says too little", "says too much"):
        if r.armed.fires(f"chip_{fault.replace(' ', '_')}") is not None and station.contact is not None:
            station.contact.will(fault)

    def step(resume: Callable[[], Say]) -> bytes:
        nonlocal left_ms
        try:
            say = resume()
        except StopIteration as end:
            answer: bytes = end.value
            return answer
        except ChipFailure as failure:
            return _failed(r, code, failure.cause)
        heard = station.hear(say.data)
        takes_ms = say.within_ms
        if heard:
            takes_ms = r.delays.chip_think_ms + 1_000 * (len(say.data) + len(heard)) // CHARACTERS_PER_S
        if takes_ms > left_ms:
            r.move(code, left_ms, partial(_failed, r, code, Cause.MUTE))
            return b""
        left_ms -= takes_ms
        r.move(code, takes_ms, lambda: step(lambda: talk.send(heard)))
        return b""

    return step(lambda: next(talk)) or None


def _failed(r: SimOmron3S4YR, code: str, cause: Cause) -> bytes:
    if cause is Cause.MUTE:
        r.station.deactivate()
    return r.no(code, _OF_CAUSE[cause])


# ------------------------------------------------------------ contacts and power


def _press(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    if not r.transport.holds_card:
        return r.no(code, Trouble.SEQUENCE)

    def done() -> bytes:
        if (answer := _solenoid(r, code)) is not None:
            return answer
        if code == "C1":
            r.station.power_off()
        elif r.station.state == "off":
            r.station.state = "pressed"
        return r.say(code)

    r.move(code, r.delays.contacts_ms, done)
    return None


def _solenoid(r: SimOmron3S4YR, code: str) -> bytes | None:
    if r.armed.fires("solenoid_fail") is None:
        return None
    r.station.power_off()
    return r.latch(code, Trouble.SOLENOID)


def _start(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    """C2, C5, E0, E1, G1: give power (E1: keep it), take the answer to reset, agree on a protocol."""
    station, presses, warm = r.station, code in ("C5", "G1"), code == "E1"
    tells_mode = code[0] != "C"
    flag, nad = (params[:1] or b"0", params[1:]) if tells_mode else (b"0", params)
    if flag not in (b"0", b"1") or nad not in (b"", b"0", b"2"):
        return r.no(code, Trouble.PARAMETER)
    if not r.transport.holds_card or (station.state == "off" and not presses) or (warm and station.state != "active"):
        return r.no(code, Trouble.SEQUENCE)

    def powered() -> bytes:
        if presses and (answer := _solenoid(r, code)) is not None:
            return answer
        answer = _reset_chip(r, code)
        station.nad = int(nad or b"0")
        if answer is not None:
            return answer
        return _talk(r, code, _agree(r, code, automatic=flag == b"0")) or b""

    r.move(code, r.delays.chip_reset_ms + (r.delays.contacts_ms if presses else 0), powered)
    return None


def _reset_chip(r: SimOmron3S4YR, code: str) -> bytes | None:
    """Reset the chip and read what it answers; return the refusal, if there is one."""
    station = r.station
    card, contact = r.transport.card, station.contact
    station.deactivate()
    station.state = "pressed"
    if contact is None and card is not None and card.chip is not None:
        contact = ChipContact(card.chip)
    raw = b"" if contact is None or r.armed.fires("chip_silent") is not None else contact.reset()
    if r.armed.fires("chip_wrong_atr") is not None:
        raw = raw[:1] + bytes((raw[1] ^ 0x0F,)) + raw[2:-1]
    try:
        atr = AtrReader(checks_tck=r.memory.text("Y4") == "1").feed(raw)
    except RemoteProtocolError:
        atr = None
    if atr is None or not _as_standard(r.memory.text("Y1"), atr):
        return r.no(code, Trouble.CHIP_NOT_ACTIVATED)
    if not {0, 1} & set(atr.protocols) or (atr.uses_crc and atr.protocols == (1,)):
        return r.no(code, Trouble.CHIP_UNSUPPORTED)
    station.state, station.contact, station.atr = "active", contact, atr
    return None


def _as_standard(standard: str, atr: Atr) -> bool:
    """Return whether an answer to reset is one that the standard of Y1 accepts; EMV wants no programming voltage."""
    return standard == "00" or (atr.interface.get("TB1") == 0 and atr.protocols[0] in (0, 1))


def _agree(r: SimOmron3S4YR, code: str, *, automatic: bool) -> Talk[bytes]:
    """Return mode byte and answer to reset, after the protocol selection that they call for."""
    station, atr = r.station, r.station.atr
    assert atr is not None
    offered = [protocol for protocol in atr.protocols if protocol in (0, 1)]
    mode = ""
    if atr.specific is not None or len(offered) == 1:
        station.protocol = offered[0] if atr.specific is None else atr.specific
        mode = str(station.protocol) if automatic else "?"
    elif not automatic:
        mode = "P"
    else:
        taken = yield from select_protocol(offered[0], None)
        station.protocol = offered[0] if taken else None
        mode = str(offered[0]) if taken else "N"
    if mode == "N":
        station.deactivate()
    yield from _open_session(r)
    return r.say(code, (b"" if code[0] == "C" else mode.encode("ascii")) + atr.raw)


def _open_session(r: SimOmron3S4YR) -> Talk[None]:
    """Begin T=1, where that is what was agreed, and tell the card how long its blocks may be (Y3)."""
    station = r.station
    if station.protocol != 1 or station.atr is None:
        return
    station.terminal = T1Terminal(station.atr.ifsc, station.nad, ANSWER_MAX)
    inf_max = r.memory.number("Y3")
    if inf_max != IFSD_DEFAULT:
        yield from station.terminal.offer_length(inf_max)


def _stop(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    """C3 takes the power, C6 lifts the contacts too. Both may be said when there is nothing to do."""

    def done() -> bytes:
        if code == "C6":
            if (answer := _solenoid(r, code)) is not None:
                return answer
            r.station.power_off()
        else:
            r.station.deactivate()
        return r.say(code)

    r.move(code, r.delays.contacts_ms, done)
    return None


def _select(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    """F8: choose the protocol of a card that offers several, before anything else is said to it."""
    station = r.station
    if params not in (b"0", b"1"):
        return r.no(code, Trouble.PARAMETER)
    if station.state != "active" or station.atr is None or station.protocol is not None:
        return r.no(code, Trouble.SEQUENCE)
    if int(params) not in station.atr.protocols:
        return r.no(code, Trouble.CHIP_UNSUPPORTED)

    def talk() -> Talk[bytes]:
        taken = yield from select_protocol(int(params), None)
        if not taken:
            station.deactivate()
            return r.say(code, "N")
        station.protocol = int(params)
        yield from _open_session(r)
        return r.say(code, params)

    return _talk(r, code, talk())


# ------------------------------------------------------------ exchanges


def _exchange_t0(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    if (refused := _refused(r, code, params, 0)) is not None:
        return refused
    lengths = t0_lengths(params)
    if lengths is None:
        return r.no(code, Trouble.PARAMETER)

    def talk() -> Talk[bytes]:
        answer = yield from t0_exchange(*lengths)
        for _ in range(FETCHES_MAX if r.habits.fetches else 0):
            if answer[-2] not in (0x61, 0x6C):
                break
            wanted = answer[-1] or 256
            again = params[:4] if answer[-2] == 0x6C else b"\x00\xc0\x00\x00"
            more = yield from t0_exchange(again + answer[-1:], b"", wanted)
            answer = answer[:-2] + more
        return _complete(code, _DONE, answer)

    return _talk(r, code, talk())


def _exchange_t1(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    """F1 and F6 end a chain of commands, F2 and F7 go on with one."""
    if (refused := _refused(r, code, params, 1)) is not None:
        return refused
    terminal = r.station.terminal
    assert terminal is not None
    if terminal.receiving:
        return r.no(code, Trouble.SEQUENCE)
    return _talk(r, code, _chained(r, code, terminal.send(params, more=code in ("F2", "F7")), anew=True))


def _receive_t1(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    terminal = r.station.terminal
    if terminal is None or not terminal.receiving:
        return r.no(code, Trouble.SEQUENCE)
    return _talk(r, code, _chained(r, code, terminal.receive(), anew=False))


def _chained(r: SimOmron3S4YR, code: str, exchange: Talk[Got], *, anew: bool) -> Talk[bytes]:
    got = yield from exchange
    station = r.station
    station.received = len(got.data) + (0 if anew else station.received)
    if not got.more and not got.wants and station.received < 2:
        raise ChipFailure(Cause.DATA)
    return _complete(code, _SEND_MORE if got.wants else _RECEIVE_MORE if got.more else _DONE, got.data)


def _abort_t1(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    terminal = r.station.terminal
    if terminal is None or not r.station.in_chain:
        return r.no(code, Trouble.SEQUENCE)

    def talk() -> Talk[bytes]:
        yield from terminal.abort()
        return _complete(code, _ABORTED, b"")

    return _talk(r, code, talk())


def _refused(r: SimOmron3S4YR, code: str, params: bytes, protocol: int) -> bytes | None:
    """Return why there is no exchange: nothing active, another protocol, an impossible length."""
    station = r.station
    if station.state != "active":
        return r.no(code, Trouble.SEQUENCE)
    if station.protocol is None:
        return r.no(code, Trouble.SEQUENCE)
    if station.protocol != protocol:
        return r.no(code, Trouble.CHIP_UNSUPPORTED)
    least, most = _LENGTHS[code]
    return None if least <= len(params) <= most else r.no(code, Trouble.PARAMETER)


def _complete(code: str, state: bytes, data: bytes) -> bytes:
    return b"P" + code.encode("ascii") + state + data


COMMANDS: Final[Mapping[str, Handler]] = {
    "C0": _press,
    "C1": _press,
    **dict.fromkeys(("C2", "C5", "E0", "E1", "G1"), _start),
    "C3": _stop,
    "C6": _stop,
    "F0": _exchange_t0,
    **dict.fromkeys(("F1", "F2", "F6", "F7"), _exchange_t1),
    "F3": _receive_t1,
    "F4": _abort_t1,
    "F8": _select,
}
