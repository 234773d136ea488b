"""A tap on the host line: what passed, masked, for the pages. It holds nothing up and changes nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from kiosk.host.framing import FrameReader
from kiosk.host.message import Message, MessageError, decode
from kiosk.host.spec import FIELDS, OPERATIONS, Network
from kiosk.hostdesk import Link
from kiosk.ports import Calendar

KEPT: Final = 100
TITLES: Final = {
    "0200": "request", "0210": "answer", "0220": "completion", "0230": "completion answered", "0420": "reversal",
    "0430": "reversal answered", "0520": "totals", "0530": "totals answered", "0620": "notice",
    "0630": "notice answered", "0800": "network", "0810": "network answered",
}  # fmt: skip
NETWORK: Final = {n.value: n.name.lower().replace("_", " ") for n in Network}
_BY_CODE: Final = {o.code: o.name for o in OPERATIONS.values()}


@dataclass(frozen=True, slots=True)
class Passed:
    """One message that passed. `fields` are masked texts by field number."""

    number: int
    at: str
    direction: Literal["out", "in"]
    mti: str
    title: str
    code: str
    fields: dict[str, str]


class TappedLink:
    """A link with a tap. `passed` keeps the last messages; `count` tells how many there were."""

    def __init__(self, link: Link, calendar: Calendar, passed: deque[Passed]) -> None:
        self._link = link
        self._calendar = calendar
        self._passed = passed
        self._readers = {"out": FrameReader(), "in": FrameReader()}
        self._seen_connection = 0

    @property
    def connection(self) -> int:
        number = self._link.connection
        if number != self._seen_connection:
            self._seen_connection = number
            self._readers = {"out": FrameReader(), "in": FrameReader()}
        return number

    def write(self, data: bytes) -> None:
        self._note("out", data)
        self._link.write(data)

    def read_available(self) -> bytes:
        data = self._link.read_available()
        if data:
            self._note("in", data)
        return data

    def next_deadline_ms(self) -> int | None:
        return self._link.next_deadline_ms()

    def drop(self) -> None:
        self._link.drop()

    def close(self) -> None:
        self._link.close()

    def _note(self, direction: Literal["out", "in"], data: bytes) -> None:
        try:
            for raw in self._readers[direction].feed(data):
                self._keep(direction, decode(raw).message)
        except MessageError as error:
            self._keep(direction, Message(error.mti or "????", error.known))

    def _keep(self, direction: Literal["out", "in"], message: Message) -> None:
        number = self._passed[-1].number + 1 if self._passed else 1
        at = self._calendar.now().isoformat(timespec="milliseconds")
        fields = {str(n): _shown(n, text) for n, text in sorted(message.fields.items())}
        self._passed.append(Passed(number, at, direction, message.mti, title_of(message), message.get(39), fields))


def title_of(message: Message) -> str:
    """Return in words what a message is."""
    title = TITLES.get(message.mti, "unreadable")
    if message.mti in ("0800", "0810"):
        return f"{NETWORK.get(message.get(70), message.get(70))} {'answered' if message.mti == '0810' else ''}".strip()
    operation = _BY_CODE.get(message.get(3), "")
    return f"{operation.replace('_', ' ')} {title}".strip()


def _shown(number: int, text: str) -> str:
    known = FIELDS.get(number)
    return "•••" if known is None or known.secret else text
