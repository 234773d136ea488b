"""Frames of the Puloon LCDM dispensers, named. Nothing in them is secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.dispenser import commands as c
from drivers.dispenser.framing import (
    LCDM2000,
    LCDM4000,
    CommandReader,
    Frame,
    Framing,
    ResponseReader,
    Signal,
)
from kiosk.devicekit.frames import Direction, Entry, Vocabulary, noise

_SIGNALS: Final = {Signal.ACK: ("ACK", "06"), Signal.NCK: ("NCK", "15"), Signal.EOT: ("EOT", "04")}


class DispenserDecoder:
    """`error_at`: CMD -> where ERR stands in the body of the response; `bias` is subtracted from it."""

    def __init__(
        self,
        framing: Framing,
        orders: Mapping[int, c.Order],
        errors: Mapping[int, c.Meaning],
        error_at: Mapping[int, int],
        bias: int,
    ) -> None:
        self._framing, self._orders, self._errors = framing, orders, errors
        self._error_at, self._bias = error_at, bias
        self._commands = CommandReader(framing)
        self._responses = ResponseReader(framing)

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        if direction == "to_device":
            before = self._commands.discarded
            items = self._commands.feed(data, at_ms)
            lost = self._commands.discarded - before
        else:
            before = self._responses.discarded
            items = self._responses.feed(data)
            lost = self._responses.discarded - before
        entries = [self._entry(at_ms, direction, item) for item in items if item is not Signal.DAMAGED]
        if lost:
            entries.append(noise(at_ms, direction, lost, "damaged frame or noise"))
        return entries

    def _entry(self, at_ms: int, direction: Direction, item: Frame | Signal) -> Entry:
        if isinstance(item, Signal):
            name, raw = _SIGNALS[item]
            return Entry(at_ms, direction, name, raw, "control")
        order = self._orders.get(item.cmd)
        name = order.name if order is not None else "unlisted command"
        code = f"{item.cmd:02X}"
        if direction == "to_device":
            raw_bytes = self._framing.command(item.cmd, item.data)
            return Entry(at_ms, direction, f"{code} {name}", raw_bytes.hex(" "), request=code)
        raw_bytes = self._framing.response(item.cmd, item.data)
        at = self._error_at.get(item.cmd, None if item.cmd in self._framing.responses else 0)  # ERR alone
        if at is None:
            return Entry(at_ms, direction, f"{code} {name}", raw_bytes.hex(" "), answer=code)
        error = item.data[at] - self._bias & 0xFF
        meaning = self._errors.get(error)
        text = meaning.text if meaning is not None else "unlisted error"
        return Entry(
            at_ms, direction, f"{code} {name}: {error:02X} {text}", raw_bytes.hex(" "), answer=code,
            errors=(f"{error:02X}",),
        )  # fmt: skip


def _vocabulary(
    orders: Mapping[int, c.Order],
    errors: Mapping[int, c.Meaning],
    unknown: str,
    unseen: Mapping[str, str] | None = None,
) -> Vocabulary:
    return Vocabulary(
        requests={f"{code:02X}": order.name for code, order in orders.items()},
        errors={f"{code:02X}": meaning.text for code, meaning in errors.items()},
        unseen=unseen or {},
        unknown=unknown,
    )


VOCABULARY_4000: Final = _vocabulary(c.ORDERS_4000, c.ERRORS_4000, "30")
VOCABULARY_2000: Final = _vocabulary(c.ORDERS_2000, c.ERRORS_2000, "37")
VOCABULARY_1000: Final = _vocabulary(
    c.ORDERS_1000,
    c.ERRORS_2000,
    "37",
    dict.fromkeys(("3A", "40", "46", "48", "4C"), "the LCDM-2000 alone has a lower cassette and sensors CHK3/4"),
)


def decoder_4000() -> DispenserDecoder:
    at = {**dict.fromkeys(LCDM4000.responses, 0), c.LAST_STATUS.code: 1}
    return DispenserDecoder(LCDM4000, c.ORDERS_4000, c.ERRORS_4000, at, 0x20)


def decoder_2000() -> DispenserDecoder:
    at = {0x44: 0, 0x45: 4, 0x46: 1, 0x55: 4, 0x56: 8, 0x76: 4, 0x77: 4}
    return DispenserDecoder(LCDM2000, c.ORDERS_2000, c.ERRORS_2000, at, 0)
