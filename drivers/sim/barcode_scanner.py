"""A simulated Honeywell scanner: a window, what is held before it, its settings in RAM and in flash.

It reads when triggered (TRGMOD 0) or whenever something new is held before it (TRGMOD 3), and stops after a
good read. What it sends is prefix, data and suffix as its settings say. Settings changed with ``!`` are lost
without power, those changed with ``.`` are not. With ACKs switched on it waits for one after each scan.

Source: Honeywell user guides (2020, N3680, Voyager 1250g, 3310g); a recorded answer to REVINF.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.barcode_scanner.framing import ACK, MENU, NAK, TRIGGER, UNTRIGGER, HostReader, Status, answer
from drivers.base.clock import Clock
from drivers.sim.armed import ArmedFaults
from drivers.sim.device import Act, Fault, Replies

DECODE_MS: Final = 120
REPLY_MS: Final = 15
AIM: Final = "5C81"

_AIM_IDS: Final[Mapping[str, bytes]] = {
    "qrCode": b"]Q1",
    "code128": b"]C0",
    "ean13": b"]E0",
    "ean8": b"]E4",
    "code39": b"]A0",
    "itf": b"]I0",
    "pdf417": b"]L0",
    "dataMatrix": b"]d1",
}


def _number(low: int, high: int) -> Callable[[str], bool]:
    return lambda data: data.isdigit() and low <= int(data) <= high


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda data: data in values


def _message(data: str) -> bool:
    return re.fullmatch("99(?:[0-9A-F]{2}){0,11}", data) is not None


_SETTINGS: Final[Mapping[str, tuple[str, str, Callable[[str], bool]]]] = {
    "TRGMOD": ("0", "0|3", _one_of("0", "3")),
    "TRGSTO": ("30000", "0-300000", _number(0, 300_000)),
    "PREBK2": ("", "", _message),
    "SUFBK2": ("", "", _message),
    "CBRENA": ("1", "0|1", _one_of("0", "1")),
    "232BAD": ("5", "0-9", _number(0, 9)),
    "232ACK": ("0", "0|1", _one_of("0", "1")),
}
"""Tag and SubTag: default, range as told, what is in range."""

_CLEARS: Final = {"PRECA2": "PREBK2", "SUFCA2": "SUFBK2"}

_ACTS: Final = (
    Act(
        "show_code",
        "hold a code before the window",
        {"data": "its characters", "symbology": f"one of {', '.join(_AIM_IDS)}"},
    ),
    Act("take_code_away", "take the code away from the window"),
)
_FAULTS: Final = (
    Fault("silent", "it does not answer any more, until healed", {}, (101,)),
    Fault("unreadable", "the next code cannot be read as long as it is held there"),
    Fault("double_scan", "the next scan is sent twice"),
    Fault("no_suffix", "the end of the next scan is lost"),
)


@dataclass(slots=True)
class _Held:
    data: bytes
    symbology: str
    read: bool = False


class SimBarcodeScanner:
    """One scanner; satisfies `drivers.sim.device.SimDevice`."""

    acts: Mapping[str, Act] = {act.name: act for act in _ACTS}
    faults: Mapping[str, Fault] = {fault.name: fault for fault in _FAULTS}

    def __init__(self, clock: Clock, *, model: str = "Voyager 1602g", serial: str = "15232B1F0C") -> None:
        self._clock = clock
        self._model, self._serial = model, serial
        self._armed = ArmedFaults(self.faults)
        self._reader = HostReader()
        self._flash = {tag: default for tag, (default, _, _) in _SETTINGS.items()}
        self._held: _Held | None = None
        self._silent = False
        self._powered = True
        self.scans = 0  # good reads since it was made
        self._boot()

    def _boot(self) -> None:
        self._reader.reset()
        self._settings = dict(self._flash)
        self._triggered_until_ms: int | None = None
        self._decoded_ms: int | None = None
        self._unacknowledged = b""

    # ------------------------------------------------------------ the line

    def receive(self, data: bytes) -> Replies:
        if not self._powered:
            return []
        replies: Replies = []
        for item in self._reader.feed(data):
            replies += self._item(item)
        return [] if self._silent else replies

    def _item(self, item: bytes) -> Replies:
        if item == TRIGGER:
            self._triggered_until_ms = self._clock.now_ms() + int(self._settings["TRGSTO"])
            self._look()
            return []
        if item == UNTRIGGER:
            self._triggered_until_ms = self._decoded_ms = None
            return []
        if item == bytes((ACK,)):
            self._unacknowledged = b""
            return []
        if item == bytes((NAK,)):
            return [(REPLY_MS, self._unacknowledged)] if self._unacknowledged else []
        text, mark = item[len(MENU) : -1].decode("latin-1"), chr(item[-1])
        return [(REPLY_MS, self._menu(text, mark))]

    def _menu(self, text: str, mark: str) -> bytes:
        parts: list[tuple[str, Status]] = []
        lines = b""
        for command in text.split(";"):
            tag = ""
            for part in command.split(","):
                word = part.upper()
                whole = tag[:3] + word if tag and len(word) >= 3 and tag[:3] + word[:3] in _SETTINGS else word
                tag = whole[:6]
                if tag == "REVINF":
                    lines = self._identity()
                parts.append(self._carry_out(tag, whole[6:], mark))
        return answer(tuple(parts), mark, lines)

    def _carry_out(self, tag: str, data: str, mark: str) -> tuple[str, Status]:
        if tag == "REVINF":
            return tag, Status.GOOD
        if tag in _CLEARS:
            self._store(_CLEARS[tag], "", mark)
            return tag, Status.GOOD
        if tag not in _SETTINGS:
            return tag + data, Status.UNKNOWN
        default, told_range, in_range = _SETTINGS[tag]
        asked = {"?": self._settings[tag], "^": default, "*": told_range}.get(data)
        if asked is not None:
            return tag + asked, Status.GOOD
        if not in_range(data):
            return tag + data, Status.OUT_OF_RANGE
        self._store(tag, data, mark)
        return tag + data, Status.GOOD

    def _store(self, tag: str, data: str, mark: str) -> None:
        self._settings[tag] = data
        if mark == ".":
            self._flash[tag] = data
        if tag == "TRGMOD":
            self._look()

    def _identity(self) -> bytes:
        lines = (
            f"Product Name: {self._model}",
            "Boot Revision: : 8992",
            "Software Part Number: CW000082BBA",
            "Software Revision: $ProjectRevision: 16345",
            f"Serial Number: {self._serial}",
        )
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")

    # ------------------------------------------------------------ reading

    def _look(self) -> None:
        """Begin to decode what is before the window, if it is to be read now."""
        held = self._held
        if held is None or self._decoded_ms is not None or self._settings["CBRENA"] == "0":
            return
        hands_free = self._settings["TRGMOD"] == "3" and not held.read
        if hands_free or self._triggered_until_ms is not None:
            self._decoded_ms = self._clock.now_ms() + DECODE_MS

    def tick(self) -> Replies:
        now_ms = self._clock.now_ms()
        if self._triggered_until_ms is not None and now_ms >= self._triggered_until_ms:
            self._triggered_until_ms = None
        if self._decoded_ms is None or now_ms < self._decoded_ms or not self._powered:
            return []
        self._decoded_ms = self._triggered_until_ms = None
        held = self._held
        if held is None or self._armed.fires("unreadable") is not None:
            return []
        held.read = True
        self.scans += 1
        message = self._affix("PREBK2", held) + held.data
        message += b"" if self._armed.fires("no_suffix") is not None else self._affix("SUFBK2", held)
        if self._settings["232ACK"] == "1":
            self._unacknowledged = message
        twice = self._armed.fires("double_scan") is not None
        return [] if self._silent else [(0, message)] * (2 if twice else 1)

    def _affix(self, tag: str, held: _Held) -> bytes:
        digits = self._settings[tag][2:]
        if digits == AIM:
            return _AIM_IDS[held.symbology]
        return bytes.fromhex(digits)

    def next_deadline_ms(self) -> int | None:
        waits = (self._decoded_ms, self._triggered_until_ms)
        return min((wait for wait in waits if wait is not None), default=None)

    # ------------------------------------------------------------ hands, faults, power

    def act(self, name: str, **arguments: object) -> Replies:
        if name not in self.acts:
            raise ValueError(f"nobody can {name!r} here; one can: {', '.join(self.acts)}")
        if unknown := set(arguments) - set(self.acts[name].arguments):
            raise ValueError(f"{name} takes {', '.join(self.acts[name].arguments) or 'nothing'}, not {sorted(unknown)}")
        if name == "take_code_away":
            if self._held is None:
                raise ValueError("there is no code before the window")
            self._held = self._decoded_ms = None
            return []
        symbology = str(arguments.get("symbology", "qrCode"))
        data = arguments.get("data", "")
        if symbology not in _AIM_IDS or not data:
            raise ValueError(f"show_code takes data and a symbology out of {', '.join(_AIM_IDS)}")
        content = data if isinstance(data, bytes) else str(data).encode("utf-8")
        self._held = _Held(content, symbology)
        self._decoded_ms = None
        if self._powered:
            self._look()
        return []

    def strike(self, name: str, **arguments: object) -> None:
        self._armed.strike(name, arguments)
        if name == "silent":
            self._armed.drop(name)
            self._silent = True

    def heal(self) -> None:
        self._armed.heal()
        self._silent = False

    def power(self, on: bool) -> Replies:
        if on != self._powered:
            self._powered = on
            self._boot()
        return []

    def state(self) -> Mapping[str, object]:
        return {
            "powered": self._powered,
            "reading": self._triggered_until_ms is not None or self._decoded_ms is not None,
            "code": None if self._held is None else self._held.symbology,
            "scans": self.scans,
            "settings": dict(self._settings),
            "armed": self._armed.names(),
        }
