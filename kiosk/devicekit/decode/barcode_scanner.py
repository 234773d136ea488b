"""What a Honeywell scanner is told and tells, named. What was scanned may be worth money: it is masked."""

from __future__ import annotations

import re
from typing import Final

from drivers.barcode_scanner import commands as words
from drivers.barcode_scanner.framing import MENU, TRIGGER, UNTRIGGER, HostReader
from kiosk.devicekit.frames import Direction, Entry, Vocabulary, noise, show

_NAMES: Final = {
    words.IDENTIFY: "identify",
    words.ALIVE: "ask for the trigger mode",
    words.BY_COMMAND: "read by command",
    words.HANDS_FREE: "read hands-free",
    words.NO_PREFIX: "clear prefixes",
    words.AIM_PREFIX: "AIM identifier before each scan",
    words.NO_SUFFIX: "clear suffixes",
    words.SUFFIX: "suffix after each scan",
    words.ACKNOWLEDGED: "wait for ACK after each scan",
    "TRIGGER": "trigger",
    "UNTRIGGER": "untrigger",
}
_STATUS: Final = {0x06: "06", 0x05: "05", 0x15: "15"}
_ANSWER: Final = re.compile(rb"([^\x05\x06\x15\r]*)([\x05\x06\x15])[.!;]")


class BarcodeDecoder:
    def __init__(self) -> None:
        self._host = HostReader()
        self._asked = ""
        self._tail = b""

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        if direction == "to_device":
            return [self._said(at_ms, item) for item in self._host.feed(data)]
        return self._told(at_ms, data)

    def _said(self, at_ms: int, item: bytes) -> Entry:
        if item in (TRIGGER, UNTRIGGER):
            code = "TRIGGER" if item == TRIGGER else "UNTRIGGER"
            return Entry(at_ms, "to_device", code, show(item), request=code)
        if not item.startswith(MENU):
            return Entry(at_ms, "to_device", "ACK" if item == b"\x06" else "NAK", show(item), "control")
        text = item[len(MENU) : -1].decode("latin-1")
        code = next(
            (known for known in _NAMES if text == known), words.SUFFIX if text.startswith(words.SUFFIX) else text
        )
        self._asked = code
        return Entry(at_ms, "to_device", f"{text}: {_NAMES.get(code, 'unlisted')}", show(item), request=code)

    def _told(self, at_ms: int, data: bytes) -> list[Entry]:
        data, self._tail = self._tail + data, b""
        found = _ANSWER.search(data) if self._asked else None
        if found is None:
            if self._asked and not data.startswith(b"]"):
                self._tail = data[-4_096:]  # the rest of an answer is to come
                return []
            scans = data.count(b"]")
            what = f"scan: {len(data)} bytes" if scans else ""
            entry = Entry(at_ms, "from_device", what, "[masked]", answer="TRIGGER")
            return [entry if what else noise(at_ms, "from_device", len(data), "bytes without identifier")]
        asked, self._asked = self._asked, ""
        status = _STATUS[found.group(2)[0]]
        before = found.start()
        text = f"{found.group(1).decode('latin-1')}: {_MEANING[status]}{f', {before} bytes before' if before else ''}"
        entry = Entry(
            at_ms, "from_device", text, show(found.group()), answer=asked, errors=() if status == "06" else (status,)
        )
        rest = data[found.end() :]
        return [entry, *(self._told(at_ms, rest) if rest else [])]


_MEANING: Final = {"06": "good", "05": "unknown setting", "15": "out of range"}
VOCABULARY: Final = Vocabulary(
    requests=_NAMES,
    errors={"05": _MEANING["05"], "15": _MEANING["15"]},
    answerless=frozenset({"UNTRIGGER", "TRIGGER"}),
    unknown="05",
)
