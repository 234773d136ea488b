"""Event lists and the setup reply: payload bytes to values. Raises RemoteProtocolError for what does not fit."""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.errors import RemoteProtocolError
from drivers.note_acceptor.ssp.commands import EVENTS, UNIT_TYPES, Event, Shape

Values = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as it came. `values` in minor units with their currency ("" before protocol 6); `requested`
    beside them where the event has pairs.
    """

    event: Event
    channel: int = 0
    values: Values = ()
    requested: Values = ()
    code: int = 0


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: what it recognises. `value` is in the dataset's unit, see `Setup.minor`."""

    number: int
    value: int
    currency: str


@dataclass(frozen=True, slots=True)
class Setup:
    unit: str
    firmware: str
    currency: str
    protocol: int
    multiplier: int
    channels: tuple[Channel, ...]


class _Bytes:
    """A payload and how far it has been read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self.at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise RemoteProtocolError(f"{count} bytes expected at {self.at} of {self._data.hex(' ')}")
        self.at += count
        return self._data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def little(self, count: int = 4) -> int:
        return int.from_bytes(self.take(count), "little")

    def big(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def text(self, count: int) -> str:
        return self.take(count).decode("ascii", "replace")


def read_events(data: bytes, protocol: int) -> tuple[list[Seen], bytes]:
    """Read what follows OK in a poll reply; return the events, oldest first, and what could not be read.

    An event that is not in the table ends the reading, for nobody knows how long it is; one that is cut short
    ends it too.
    """
    payload = _Bytes(data)
    seen: list[Seen] = []
    while payload.left:
        start = payload.at
        event = EVENTS.get(payload.byte())
        if event is None:
            return seen, data[start:]
        try:
            seen.append(_read(event, payload, protocol))
        except RemoteProtocolError:
            return seen, data[start:]
    return seen, b""


def _read(event: Event, payload: _Bytes, protocol: int) -> Seen:
    shape = event.shape
    if shape is Shape.NONE or (shape is Shape.VALUE_V8 and protocol < 8):
        return Seen(event)
    if shape is Shape.CHANNEL:
        return Seen(event, channel=payload.byte())
    if shape in (Shape.VALUE, Shape.VALUE_V8):
        return Seen(event, values=((payload.little(), payload.text(3)),))
    done, requested = [], []
    for _ in range(payload.byte() if protocol >= 6 else 1):
        value = payload.little()
        wanted = payload.little() if shape is Shape.PAIRS else 0
        currency = payload.text(3) if protocol >= 6 else ""
        done.append((value, currency))
        requested.append((wanted, currency))
    code = payload.byte() if shape is Shape.VALUES_CODE else 0
    return Seen(event, 0, tuple(done), tuple(requested) if shape is Shape.PAIRS else (), code)


def read_setup(data: bytes) -> Setup:
    """Read what follows OK in the setup reply of a note unit. Raises RemoteProtocolError."""
    payload = _Bytes(data)
    unit = payload.byte()
    if unit not in UNIT_TYPES or unit == 0x03:
        raise RemoteProtocolError(f"unit type {unit:02X} is no note acceptor")
    firmware, currency = payload.text(4), payload.text(3)
    multiplier = payload.big(3)
    count = payload.byte()
    short = payload.take(count)
    payload.take(count)  # security levels: obsolete
    real_multiplier = payload.big(3)
    protocol = payload.byte()
    if protocol >= 6:
        currencies = [payload.text(3) for _ in range(count)]
        values = [payload.little() for _ in range(count)]
    else:
        currencies = [currency] * count
        values = [value * (multiplier or 1) for value in short]
    channels = tuple(
        Channel(number, value, cc)
        for number, (value, cc) in enumerate(zip(values, currencies, strict=True), start=1)
    )
    return Setup(UNIT_TYPES[unit], firmware, currency, protocol, real_multiplier, channels)


def read_levels(data: bytes) -> dict[tuple[int, str], int]:
    """Read what follows OK in the reply to 22 or 53: (value, currency) -> notes. Raises RemoteProtocolError."""
    payload = _Bytes(data)
    levels: dict[tuple[int, str], int] = {}
    for _ in range(payload.byte()):
        level = payload.little(2)
        value = payload.little()
        levels[value, payload.text(3)] = level
    return levels


COUNTER_NAMES = ("stacked", "stored", "dispensed", "transferred", "rejected")


def read_counters(data: bytes) -> dict[str, int]:
    """Read what follows OK in the reply to 58. Raises RemoteProtocolError."""
    payload = _Bytes(data)
    count = payload.byte()
    values = [payload.little() for _ in range(count)]
    return dict(zip(COUNTER_NAMES, values, strict=False))
