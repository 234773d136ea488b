"""The chip behind the reader: power, protocol, APDUs, long ones in pieces.

The reader speaks T=0 and T=1 with the card; the host hands it APDUs (F0, F1). What is left to the host:

    protocol    a card that offers several is told which one by F8, when the reader asks for that ('P')
    T=0         61xx and 6Cxx come as the card says them; with `ChipIO.whole` they are followed up here
    T=1         more than one command may carry is sent as a chain (F2 ... F1), more than one answer may carry
                is fetched (F3); a chain that does not end is broken off (F4)

An error behind an exchange (80, 84, 85, 86, 88) leaves open what the card did: the outcome is UNKNOWN. One that
says that there was no exchange is REFUSED.

Source: OMRON, Data Transmission Specifications 3S4YR-MVFW(DL)-0** Series, Rev A4; ISO/IEC 7816-3 for 61xx, 6Cxx.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, Final

from drivers.base.atr import read_atr
from drivers.base.chip import ChipBytes, ChipIO, ChipIOResult, ChipPower, ChipPowerResult
from drivers.base.errors import RemoteProtocolError
from drivers.base.vocabulary import Command, Outcome, Result
from drivers.card_reader.commands import COMMANDS, STATUS, ErrorClass, error_meaning
from drivers.card_reader.link import Answer, Ask, Failure, Flow, Reply
from drivers.card_reader.replies import bad, outcome_of
from drivers.card_reader.settings import Settings

T0_APDU_MAX: Final = 261
T1_APDU_MAX: Final = 65_544  # an extended APDU: header, lengths, 65,535 bytes, length
APDU_MIN: Final = 4
PIECE_MAX, EXTENDED_PIECE_MAX = 360, 2_054
ANSWER_MAX: Final = 65_538
FETCHES_MAX: Final = 300  # 256 bytes each: more than an answer may have
_DATA_MORE, _SEND_MORE = "21", "22"
_PROTOCOLS: Final = {b"0": "chipT0", b"1": "chipT1"}
_CODES: Final = {"chipT0": b"0", "chipT1": b"1"}
_IN_DOUBT: Final = frozenset({"14", "80", "84", "85", "86", "88"})

_Answering = Generator[Ask, Reply, Reply]
_Exchanging = Generator[Ask, Reply, tuple[Reply, bool]]
"""Ends in the last reply, and whether the card has answered before it: then it has acted."""


def flows(settings: Settings) -> Mapping[type[Command], Callable[[Any], Flow]]:
    return {ChipPower: _chip_power, ChipIO: partial(_chip_io, settings)}


RESULTS: Final[Mapping[type[Command], type[Result]]] = {ChipPower: ChipPowerResult, ChipIO: ChipIOResult}


# ------------------------------------------------------------ power and protocol


def _chip_power(command: ChipPower) -> Flow:
    if command.action == "off":
        reply = yield Ask(COMMANDS["C6"])
        return ChipPowerResult(ticket=command.ticket, **outcome_of(reply))
    if command.action not in ("cold", "warm"):
        return bad(ChipPowerResult, command, "invalidData", f"chip power is cold, warm or off, not {command.action!r}")
    if command.protocol not in (None, *_CODES):
        return bad(ChipPowerResult, command, "invalidData", f"a protocol is chipT0 or chipT1, not {command.protocol!r}")
    if command.action == "cold":
        reply = yield Ask(COMMANDS["C0"])
        if isinstance(reply, Failure) or not reply.good:
            return ChipPowerResult(ticket=command.ticket, **outcome_of(reply))
    chosen = command.protocol is not None
    reply = yield Ask(COMMANDS["E0" if command.action == "cold" else "E1"], b"1" if chosen else b"0")
    if isinstance(reply, Failure) or not reply.good:
        return ChipPowerResult(ticket=command.ticket, **outcome_of(reply))
    mode, atr = reply.data[:1], reply.data[1:]
    if mode == b"P":
        return (yield from _select(command, atr))
    protocol = _PROTOCOLS.get(mode) or (_first_offered(atr) if mode == b"?" else None)
    if mode == b"N":
        return _no_protocol(command, atr, "protocol selection failed")
    if chosen and protocol != command.protocol:
        return _no_protocol(command, atr, f"the card speaks {protocol} only")
    return ChipPowerResult(ticket=command.ticket, outcome=Outcome.DONE, atr=atr, protocol=protocol)


def _select(command: ChipPower, atr: bytes) -> Flow:
    """The reader leaves the choice to us: F8."""
    wanted = command.protocol or _first_offered(atr)
    if wanted is None:
        return _no_protocol(command, atr, "the answer to reset names no protocol")
    reply = yield Ask(COMMANDS["F8"], _CODES[wanted])
    if isinstance(reply, Failure) or not reply.good:
        return ChipPowerResult(ticket=command.ticket, atr=atr, **outcome_of(reply))
    if _PROTOCOLS.get(reply.data[:1]) != wanted:
        return _no_protocol(command, atr, f"the card does not take {wanted}")
    return ChipPowerResult(ticket=command.ticket, outcome=Outcome.DONE, atr=atr, protocol=wanted)


def _no_protocol(command: ChipPower, atr: bytes, detail: str) -> ChipPowerResult:
    return ChipPowerResult(
        ticket=command.ticket, outcome=Outcome.REFUSED, error="protocolNotSupported", detail=detail, atr=atr
    )


def _first_offered(atr: bytes) -> str | None:
    """Return the protocol that a card speaks unless another is chosen."""
    try:
        read = read_atr(atr, checks_tck=False)
    except RemoteProtocolError:
        return None
    first = read.protocols[0] if read.specific is None else read.specific
    return {0: "chipT0", 1: "chipT1"}.get(first)


# ------------------------------------------------------------ exchanges


def _chip_io(settings: Settings, command: ChipIO) -> Flow:
    try:
        apdu = bytes.fromhex(command.apdu.reveal())
    except ValueError:
        return bad(ChipIOResult, command, "invalidData", "an APDU is hex digits")
    most = {"chipT0": T0_APDU_MAX, "chipT1": T1_APDU_MAX}.get(command.protocol, 0)
    if not APDU_MIN <= len(apdu) <= most:
        return bad(ChipIOResult, command, "invalidData", f"{command.protocol} does not carry {len(apdu)} bytes")
    if command.protocol == "chipT1":
        reply, begun = yield from _by_t1(apdu, settings)
    else:
        reply, begun = yield from _by_t0(apdu, settings, whole=command.whole)
    said = isinstance(reply, Answer) and reply.good and len(reply.data) >= 2
    answer = ChipBytes(reply.data.hex()) if isinstance(reply, Answer) and said else None
    told = outcome_of(reply, moves=True)
    acted = begun or (isinstance(reply, Answer) and (reply.good or reply.code in _IN_DOUBT))
    if acted and not said:
        told |= {"outcome": Outcome.UNKNOWN}
    return ChipIOResult(ticket=command.ticket, answer=answer, **told)


def _ask(code: str, params: bytes, settings: Settings) -> _Answering:
    """Say one chip command behind a status question: then the reader's last answer is none to the same command, and
    one that was meant for the APDU before can never be taken for this one's.
    """
    status = yield Ask(STATUS)
    if isinstance(status, Failure) or not (status.good or error_meaning(status.code).kind is ErrorClass.WARNING):
        return status
    return (yield Ask(COMMANDS[code], params, 1_000 * (settings.chip_reception_s or 0)))


def _by_t0(apdu: bytes, settings: Settings, *, whole: bool) -> _Exchanging:
    reply = yield from _ask("F0", apdu, settings)
    body, last, begun = b"", apdu, False
    for _ in range(FETCHES_MAX):
        if not whole or not isinstance(reply, Answer) or not reply.good or len(reply.data) < 2:
            break
        first, second = reply.data[-2:]
        if first == 0x61:
            body += reply.data[:-2]
            last, begun = bytes((0x00, 0xC0, 0x00, 0x00, second)), True
        elif first == 0x6C and last[4:] != bytes((second,)):
            last = last[:4] + bytes((second,))
        else:
            break
        reply = yield from _ask("F0", last, settings)
    return (reply._replace(data=body + reply.data) if isinstance(reply, Answer) and reply.good else reply), begun


def pieces_of(apdu: bytes, most: int) -> list[bytes]:
    """Return `apdu` in pieces of at most `most` bytes, none under the four that a command has to carry."""
    pieces = [apdu[at : at + most] for at in range(0, len(apdu), most)]
    if len(pieces) > 1 and len(pieces[-1]) < APDU_MIN:
        short = APDU_MIN - len(pieces[-1])
        pieces[-1] = pieces[-2][-short:] + pieces[-1]
        pieces[-2] = pieces[-2][:-short]
    return pieces


def _by_t1(apdu: bytes, settings: Settings) -> _Exchanging:
    extended = settings.chip_extended
    more, end, most = ("F7", "F6", EXTENDED_PIECE_MAX) if extended else ("F2", "F1", PIECE_MAX)
    *chained, last = pieces_of(apdu, most)
    for piece in chained:
        reply = yield from _ask(more, piece, settings)
        if isinstance(reply, Failure) or not reply.good or reply.code != _SEND_MORE:
            return reply, False  # a chain that is not whole is no command
    reply = yield from _ask(end, last, settings)
    data, begun = b"", False
    while isinstance(reply, Answer) and reply.good and reply.code == _DATA_MORE:
        data, begun = data + reply.data, True
        if len(data) > ANSWER_MAX or not reply.data:
            yield from _ask("F4", b"", settings)
            return reply._replace(data=b""), True
        reply = yield from _ask("F3", b"", settings)
    return (reply._replace(data=data + reply.data) if isinstance(reply, Answer) and reply.good else reply), begun
