"""Frames and host messages in words, without secrets: what a transcript shows.

Nothing here decodes for the terminal; it names what went over a line so that a person can follow. Track data, PIN
blocks and cryptograms are never shown, and any long run of digits is masked as a card number. Polls and single
acknowledgements are described as None: a transcript leaves them out.
"""

from __future__ import annotations

import re
from typing import Final

from drivers.card_reader.commands import COMMANDS as READER_COMMANDS
from drivers.dispenser.commands import ORDERS_1000, ORDERS_2000, ORDERS_4000
from drivers.pin_pad.commands import COMMANDS as PAD_COMMANDS
from kiosk.host.message import MessageError, decode

HEX_SHOWN: Final = 24  # bytes of a frame
_LONG_NUMBER: Final = re.compile(r"\d{12,19}")
_READER: Final = {spec.code: spec.name for spec in READER_COMMANDS.values()}
_PAD: Final = {spec.code: spec.name for spec in PAD_COMMANDS.values()}
_DISPENSER: Final = {
    code: order.name for table in (ORDERS_1000, ORDERS_2000, ORDERS_4000) for code, order in table.items()
}


def _masked(text: str) -> str:
    return _LONG_NUMBER.sub(lambda m: f"{m[0][:6]}{'*' * (len(m[0]) - 10)}{m[0][-4:]}", text)


def _hex(data: bytes) -> str:
    shown = data[:HEX_SHOWN].hex(" ")
    return f"{shown} …" if len(data) > HEX_SHOWN else shown


def frame(device: str, arrow: str, data: bytes) -> str | None:
    """Return one line for a chunk on a device's line, or None for line discipline and polls."""
    match device:
        case "card_reader":
            return _reader(arrow, data)
        case "dispenser":
            return _dispenser(arrow, data)
        case "pin_pad":
            return _pad(arrow, data)
        case "printer":
            return _printer(arrow, data)
        case _:  # polled many times a second; the decoders of `device trace` show them whole
            return None


def _reader(arrow: str, data: bytes) -> str | None:
    if len(data) <= 2 or data[:2] != b"\x10\x02":
        return None
    text = data[2:-3].decode("latin-1")
    kind, code, rest = text[:1], text[1:3], text[3:]
    name = _READER.get(code, code)
    if code in ("10", "V0", "N0", "W0", "W1", "W2", "Q0"):
        return None
    if code in ("61", "62", "63", "68", "69", "6A") and kind == "P":
        return f"{arrow} {kind}{code} {name}: track data, not shown"
    return f"{arrow} {kind}{code}{_masked(rest)} {name}"


def _dispenser(arrow: str, data: bytes) -> str | None:
    if len(data) < 6:
        return None
    name = _DISPENSER.get(data[3], f"{data[3]:02X}")
    if data[3] in (0x46, 0x50):
        return None
    return f"{arrow} {name}  {_hex(data)}"


def _pad(arrow: str, data: bytes) -> str | None:
    if data[:1] != b"\x02":
        return f"{arrow} keys: {len(data)}" if arrow == "<-" else None
    body = data[4:-3]
    if arrow == "<-":
        return None
    name = _PAD.get(chr(body[0]), chr(body[0])) if body else ""
    if body[:1] == b"3":
        return None
    secret = body[:1] in (b"1", b"2", b"6", b"7")
    return f"{arrow} {name}" if secret else f"{arrow} {name}  {_masked(body.decode('latin-1'))}"


def _printer(arrow: str, data: bytes) -> str | None:
    if arrow == "<-" or data[:1] == b"\x10":
        return None
    return f"{arrow} {len(data)} bytes of ESC/POS"


def host(arrow: str, framed: bytes) -> str:
    """Return one line for a host message: its kind, numbers, amount and answer; never track, PIN block or keys."""
    try:
        message = decode(framed[2:]).message
    except MessageError as error:
        return f"{arrow} unreadable: {error}"
    parts = [f"{arrow} {message.mti}"]
    named = {3: "", 4: "amount ", 11: "stan ", 37: "rrn ", 39: "code ", 70: "net ", 90: "original ", 95: "stands "}
    for number, label in named.items():
        value = message.get(number)
        if value:
            parts.append(f"{label}{value[:14]}")
    return " ".join(parts)
