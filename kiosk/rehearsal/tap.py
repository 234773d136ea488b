"""What a transcript may show of the bytes on a line: all of them but card data, PIN blocks and account digits.

A rehearsal's data are invented; a transcript of a terminal with a real card in it would not be. So the tap masks what
it is by its form, never by knowing it.
"""

from __future__ import annotations

import re
from typing import Final

from kiosk.host.message import MessageError, decode

_CARD_DATA: Final = re.compile(rb"[0-9=]{8,}")
_PAD_FRAME_SHOWN: Final = 5  # start, length, command: what follows may be account digits or a PIN block
_PAD_FRAME_MAX: Final = 14  # a key, an acknowledgement, a plain status


def shown_device(device: str, data: bytes) -> str:
    """Return bytes of a device line as hex, with ``**`` for what is masked."""
    if device == "pin_pad" and len(data) > _PAD_FRAME_MAX:
        return f"{data[:_PAD_FRAME_SHOWN].hex(' ')} ** ({len(data)} bytes)"
    if device == "card_reader":
        parts, at = [], 0
        for found in _CARD_DATA.finditer(data):
            parts += [data[at : found.start()].hex(" "), "**"]
            at = found.end()
        return " ".join(filter(None, [*parts, data[at:].hex(" ")]))
    return data.hex(" ")


def shown_host(data: bytes) -> str:
    """Return the messages in bytes of the host line, secret fields masked."""
    shown = []
    while data:
        length = int.from_bytes(data[:2], "big")
        try:
            shown.append(str(decode(data[2 : 2 + length]).message))
        except MessageError as error:
            shown.append(f"{len(data)} bytes: {error}")
        data = data[2 + length :]
    return "; ".join(shown)
