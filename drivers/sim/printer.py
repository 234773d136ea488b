"""A simulated receipt printer that interprets ESC/POS: paper, knife, presenter, cover, and what was printed.

It serves two families: with a presenter (Reliance: full status, retract) and without (Epson: fixed bits
in each reply, automatic status). What is printed is kept twice: as lines of text, as somebody reads them,
and as elements (text with its style, codes, pictures) from which a picture can be drawn.

Buffered operations wait in a queue and take time; each is carried out at its own instant, lazily, when
somebody asks or when a reply falls due. A stop (no paper, open cover, jam, knife) leaves the queue as it
is; it goes on when the cause is gone. Real-time commands are answered at once in any case. With
``realtime_anywhere`` they are found inside the data of pictures too, as real units do; without it only
where a command may stand.

Source: Pyramid Technologies, Reliance ESC/POS reference; Epson TM, Citizen CBM1000 and Custom KPM manuals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from drivers.base.clock import Clock
from drivers.sim.armed import ArmedFaults
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.escpos_stream import Operation, RealTimeScanner, Tokenizer
from drivers.sim.paper import Paper, render_text

_REPLYING: Final = frozenset({"GS r", "GS I", "ESC v", "GS a"})
_STYLING: Final = frozenset({"ESC @", "ESC !", "GS !"})  # behind these a line may take another time
_CLEAR: Final = b"\x10\x05\x02"
QUEUE_MAX: Final = 20_000  # operations; a printer without flow control loses what it cannot hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How a unit is made. Paper in mm; a line of text is `line_mm` high, a dot an eighth of a millimetre.

    `chinese`: it has a GB18030 font and knows ``FS &``; without, every byte is a character of its code page.
    `native_qr`: it knows ``GS ( k``. `automatic`: it knows ``GS a``.
    """

    presenter: bool = True
    fixed_bits: bool = False
    full_status: bool = True
    columns: int = 48
    roll_mm: int = 80_000
    near_end_mm: int = 6_000
    line_mm: float = 3.75
    firmware: str = "1.12"
    line_ms: int = 50
    cut_ms: int = 300
    present_ms: int = 600
    retract_ms: int = 900
    reply_ms: int = 5
    realtime_anywhere: bool = True
    chinese: bool = True
    native_qr: bool = True
    automatic: bool = False


RELIANCE: Final = Build()
EPSON: Final = Build(presenter=False, fixed_bits=True, full_status=False, automatic=True)
PLAIN: Final = replace(EPSON, chinese=False, native_qr=False)
BUILDS: Final = {"reliance": RELIANCE, "epson": EPSON, "plain": PLAIN}


def build_of(build: str = "reliance", **changes: object) -> Build:
    """Return a build by name, with fields of `Build` changed. Raises ValueError or TypeError for unknown ones."""
    if build not in BUILDS:
        raise ValueError(f"printer: no build {build!r}; there are: {', '.join(BUILDS)}")
    return replace(BUILDS[build], **changes)  # type: ignore[arg-type]

_ACTS: Final = (
    Act("take_document", "take the paper from the outlet"),
    Act("open_cover", "open the cover"),
    Act("close_cover", "close the cover"),
    Act("refill_paper", "put in a roll", {"mm": "length of the roll, default a full one"}),
    Act("press_feed", "press the feed button"),
    Act("clear_jam", "take jammed paper out (it is destroyed)"),
    Act("empty_retract_bin", "take the retracted documents out"),
)
_FAULTS: Final = (
    Fault("paper_out_after_lines", "the paper ends in the middle", {"lines": "lines from now"}, (91,)),
    Fault("paper_out", "the roll is empty now", {}, (90,)),
    Fault("near_end", "the near-end sensor sees the end of the roll", {}, (89,)),
    Fault("jam", "paper jams", {"at": "print, present or retract (default print)"}, (85,)),
    Fault("cutter", "the knife does not come home at the next cut"),
    Fault("head_hot", "the head is too hot"),
    Fault("voltage", "the supply voltage is out of its limits"),
    Fault("line_error", "a byte came damaged over the line; told until the next initialise"),
    Fault("unrecoverable", "a part is broken for good", {"part": "ram, eeprom or flash (default ram)"}),
    Fault("button_stuck", "the feed button stays pressed"),
    Fault("offline", "the printer goes off line and says no cause"),
    Fault("silent", "the printer does not answer any more (its cable, its power)", {}, (101,)),
    Fault("garbled", "what is printed next is noise on the paper", {}, (85,)),
)
_AUTOMATIC_ITEMS: Final = {
    0x02: (0x28, 0x01, 0, 0),  # on and off line
    0x04: (0, 0x6C, 0, 0),  # errors
    0x08: (0, 0, 0x0F, 0),  # the roll
    0x40: (0x40, 0x02, 0, 0),  # the feed button
}
"""Item of ``GS a`` -> the bits of the four bytes that belong to it."""
_PARTS: Final = {"ram": 0x04, "eeprom": 0x08, "flash": 0x40}
_AT_ONCE: Final = {
    "paper_out": "",
    "near_end": "",
    "paper_out_after_lines": "",
    "unrecoverable": "",
    "head_hot": "_head_hot",
    "offline": "_offline",
    "silent": "_silent",
    "voltage": "_voltage",
    "line_error": "_line_error",
    "button_stuck": "_button",
}
"""Faults that are there when they are struck; the flag they set, if that is all they do."""


@dataclass(slots=True)
class _Style:
    align: str = "left"
    bold: bool = False
    underline: bool = False
    inverse: bool = False
    scale_x: int = 1
    scale_y: int = 1


@dataclass(slots=True)
class _Codes:
    """Settings and store of bar codes and QR codes."""

    qr_module: int = 3
    qr_level: int = 48
    qr_content: bytes = b""
    bar_height: int = 162
    hri: int = 0


class SimEscPosPrinter:
    """One printer. It starts with the power on, a full roll and nothing printed."""

    acts: Mapping[str, Act] = {act.name: act for act in _ACTS}
    faults: Mapping[str, Fault] = {fault.name: fault for fault in _FAULTS}

    def __init__(self, clock: Clock, build: Build = RELIANCE) -> None:
        self._clock = clock
        self.build = build
        self._armed = ArmedFaults(self.faults)
        self._stream = Tokenizer()
        self._scanner = RealTimeScanner()
        self.paper = Paper(build.columns)
        self.paper_mm = float(build.roll_mm)
        self._near_end_seen = False
        self._paper_ends_after: int | None = None
        self._cover_open = False
        self._jammed: str | None = None
        self._cutter_error = False
        self._head_hot = False
        self._offline = False
        self._voltage = self._line_error = self._button = False
        self._broken = ""
        self._silent = False
        self._powered = True
        self.unknown_bytes = 0
        self._boot()

    def _boot(self) -> None:
        self._stream.reset()
        self._scanner.reset()
        self._queue: deque[Operation] = deque()
        self._free_at_ms = self._clock.now_ms()
        self._automatic = 0
        self._automatic_told = b""
        self._style = _Style()
        self._codes = _Codes()
        self.paper.drop_line()
        self._chinese = self.build.chinese
        self._code_page = 0

    # ------------------------------------------------------------ the line

    def receive(self, data: bytes) -> Replies:
        if not self._powered:
            return []
        replies = self._go_on()
        before, clear, data = data.rpartition(_CLEAR) if self.build.realtime_anywhere else (b"", b"", data)
        if clear:  # what came before it, a half received command too, is thrown away
            for operation in self._scanner.feed(before):
                replies += self._real_time(operation)
            self._stream.reset()
            self._scanner.reset()
            replies += self._real_time(Operation("DLE ENQ", b"\x02"))
        if not self._queue:
            self._free_at_ms = max(self._free_at_ms, self._clock.now_ms())
        aware = not self.build.realtime_anywhere
        for operation in self._stream.feed(data):
            if aware and operation.name in ("DLE EOT", "DLE ENQ"):
                replies += self._real_time(operation)
            elif not operation.name.startswith("DLE") and len(self._queue) < QUEUE_MAX:
                self._queue.append(operation)
        if not aware:
            for operation in self._scanner.feed(data):
                replies += self._real_time(operation)
        return replies + self._go_on()

    def tick(self) -> Replies:
        return self._go_on() if self._powered else []

    def next_deadline_ms(self) -> int | None:
        """Return when the next reply, the next change of the line height, or the end of the queue falls due; now if
        a change is to be told.
        """
        if self._powered and self._automatic and self._enabled(self._automatic_bytes()) != self._automatic_told:
            return self._clock.now_ms()
        if not self._queue or not self._powered or self._stopped():
            return None
        due_ms = self._free_at_ms
        for operation in self._queue:
            if operation.name in _REPLYING or operation.name in _STYLING:
                break
            due_ms += self._takes_ms(operation)
        return due_ms

    def _say(self, data: bytes, delay_ms: int = 0) -> Replies:
        return [] if self._silent else [(self.build.reply_ms + delay_ms, data)]

    # ------------------------------------------------------------ real time

    def _real_time(self, operation: Operation) -> Replies:
        n = operation.data[0]
        if operation.name == "DLE EOT":
            reply = self._status(n)
            return self._say(reply) if reply else []
        if n in (1, 2):
            self._cutter_error = False
            if n == 2:
                self._queue.clear()
                self.paper.drop_line()
            self._free_at_ms = self._clock.now_ms()
        return []

    def _status(self, n: int) -> bytes:
        low, out = self._is_low(), self._is_out()
        fixed = 0x12 if self.build.fixed_bits else 0x00
        jammed, dead = self._jammed is not None, bool(self._broken) or self._voltage
        error = self._cutter_error or jammed or self._head_hot or dead
        if n == 1:
            waits = 0x20 * (self._cutter_error and self.build.fixed_bits)  # for DLE ENQ, whatever is done to the knife
            return bytes((fixed | 0x08 * self._stopped() | waits | 0x40 * self._button,))
        if n == 2:
            return bytes((fixed | 0x04 * self._cover_open | 0x08 * self._button | 0x20 * out | 0x40 * error,))
        if n == 3:
            knife, hot = 0x08 * self._cutter_error, 0x40 * self._head_hot
            return bytes((fixed | 0x04 * jammed | knife | 0x20 * dead | hot,))
        if n == 4:
            return bytes((fixed | 0x0C * low | 0x60 * out,))
        if n == 17:
            return bytes((fixed | 0x04 * bool(self._queue) | 0x20 * out,))
        if n == 20 and self.build.full_status:
            paper = 0x01 * out | 0x04 * low | 0x20 * self.paper.at_outlet
            user = 0x02 * self._cover_open | 0x08 * bool(self._queue) | 0x20 * self._button
            recoverable = (
                0x01 * self._head_hot | 0x02 * self._line_error | 0x08 * self._voltage | 0x40 * jammed
            )
            broken = 0x01 * self._cutter_error | _PARTS.get(self._broken, 0)
            return bytes((0x10, 0x0F, paper, user, recoverable, broken))
        return b""

    def _automatic_bytes(self) -> bytes:
        dead = bool(self._broken) or self._voltage
        waits = self._cutter_error and self.build.fixed_bits
        return bytes(
            (
                0x10 | 0x08 * self._stopped() | 0x20 * self._cover_open | 0x40 * self._button,
                0x01 * waits
                | 0x02 * self._button
                | 0x04 * (self._jammed is not None)
                | 0x08 * self._cutter_error
                | 0x20 * dead
                | 0x40 * self._head_hot,
                0x03 * self._is_low() | 0x0C * self._is_out(),
                0x00,
            )
        )

    def _tell_change(self) -> Replies:
        """Send the automatic status if an enabled item changed."""
        if not self._automatic or not self._powered:
            return []
        now = self._automatic_bytes()
        if self._enabled(now) == self._automatic_told:
            return []
        self._automatic_told = self._enabled(now)
        return self._say(now)

    def _enabled(self, status: bytes) -> bytes:
        """Return the bits whose change is told, by the items that ``GS a`` switched on."""
        masks = [0, 0, 0, 0]
        for bit, item in _AUTOMATIC_ITEMS.items():
            if self._automatic & bit:
                masks = [mask | more for mask, more in zip(masks, item, strict=True)]
        return bytes(byte & mask for byte, mask in zip(status, masks, strict=True))

    # ------------------------------------------------------------ carrying out

    def _is_out(self) -> bool:
        return self.paper_mm <= 0

    def _is_low(self) -> bool:
        return self._near_end_seen or self.paper_mm <= self.build.near_end_mm

    def _stopped(self) -> bool:
        return (
            self._is_out()
            or self._cover_open
            or self._jammed is not None
            or self._cutter_error
            or self._head_hot
            or self._offline
            or self._voltage
            or bool(self._broken)
        )

    def _go_on(self) -> Replies:
        """Carry out what has had its time by now."""
        replies: Replies = []
        now = self._clock.now_ms()
        while self._queue and not self._stopped() and self._free_at_ms <= now:
            operation = self._queue[0]
            ends_ms = self._free_at_ms + self._takes_ms(operation)
            if ends_ms > now:
                break
            self._queue.popleft()
            self._free_at_ms = ends_ms
            replies += self._carry_out(operation)
        if self._stopped():
            self._free_at_ms = now
        return replies + self._tell_change()

    def _takes_ms(self, operation: Operation) -> int:
        name, build = operation.name, self.build
        if name in ("LF", "FF"):
            return build.line_ms * self._style.scale_y
        if name == "ESC d":
            return build.line_ms * operation.data[0]
        if name in ("GS V", "ESC i", "ESC m"):
            return build.cut_ms
        if name == "GS e" and build.presenter:
            return build.retract_ms if operation.data[0] in (2, 5) else build.present_ms
        if name in ("GS (", "GS k", "GS v"):
            return 4 * build.line_ms
        return 0

    def _carry_out(self, operation: Operation) -> Replies:
        name, data = operation
        if name == "text":
            self._text(data)
        elif name == "LF":
            self._end_line()
        elif name == "ESC d":
            if self.paper.line_begun:
                self._end_line()
            if data[0]:
                self.paper.feed(data[0])
                self._use_paper(data[0])
        elif name == "ESC J":
            if self.paper.line_begun:
                self._end_line()
        elif name in ("GS V", "ESC i", "ESC m"):
            self._cut()
        elif name == "GS e" and self.build.presenter:
            return self._ejector(data)
        elif name in _REPLYING:
            return self._answer(name, data)
        elif name in ("GS (", "GS k", "GS v"):
            self._code_or_picture(name, data)
        elif name == "unknown":
            self.unknown_bytes += len(data) + 1
        else:
            self._set(name, data)
        return []

    def _answer(self, name: str, data: bytes) -> Replies:
        if name == "GS a":
            self._automatic = data[0] if self.build.automatic else 0
            self._automatic_told = b""
            return []
        if name == "GS r" and data[0] in (2, 50):
            return self._say(b"\x00")
        if name in ("GS r", "ESC v"):
            return self._say(bytes((0x03 * self._is_low() | 0x0C * self._is_out(),)))
        if data[0] in (3, 51):
            firmware = self.build.firmware.encode("ascii")
            return self._say(firmware if self.build.full_status else b"\x01")
        return self._say(b"\x02\x00\x01" if self.build.full_status else b"\x20")

    def _set(self, name: str, data: bytes) -> None:
        style = self._style
        if name == "ESC @":
            self._style, self._codes = _Style(), _Codes()
            self._code_page = 0
            self._line_error = False
            self.paper.drop_line()
        elif name == "ESC a":
            style.align = {0: "left", 1: "center", 2: "right"}.get(data[0] % 48, "left")
        elif name in ("ESC E", "ESC G"):
            style.bold = bool(data[0] & 1)
        elif name == "ESC -":
            style.underline = data[0] not in (0, 48)
        elif name == "ESC !":
            style.bold = bool(data[0] & 0x08)
            style.underline = bool(data[0] & 0x80)
            style.scale_y = 2 if data[0] & 0x10 else 1
            style.scale_x = 2 if data[0] & 0x20 else 1
        elif name == "GS !":
            style.scale_x, style.scale_y = (data[0] >> 4 & 7) + 1, (data[0] & 7) + 1
        elif name == "GS B":
            style.inverse = bool(data[0] & 1)
        elif name == "ESC t":
            self._code_page = data[0]
        elif name in ("FS &", "FS ."):
            self._chinese = name == "FS &" and self.build.chinese
        elif name == "GS h":
            self._codes.bar_height = data[0]
        elif name == "GS H":
            self._codes.hri = data[0] % 48

    def _text(self, data: bytes) -> None:
        if self._armed.fires("garbled") is not None:
            data = bytes(0x3F for _ in data)
        style = self._style
        wraps = self.paper.write(
            decode_text(data, chinese=self._chinese, code_page=self._code_page),
            bold=style.bold,
            underline=style.underline,
            inverse=style.inverse,
            scale_x=style.scale_x,
            scale_y=style.scale_y,
        )
        self._use_paper(wraps)

    def _end_line(self) -> None:
        self.paper.end_line(self._style.align)
        self._use_paper(self._style.scale_y)

    def _use_paper(self, lines: int) -> None:
        """Move the roll by `lines`; here paper ends and jams."""
        if not lines:
            return
        self.paper_mm = max(0.0, self.paper_mm - lines * self.build.line_mm)
        if self._paper_ends_after is not None:
            self._paper_ends_after -= lines
            if self._paper_ends_after <= 0:
                self._paper_ends_after = None
                self.paper_mm = 0.0
        self._jams("print")

    def _jams(self, at: str) -> bool:
        jam = self._armed.look("jam")
        if jam is None or jam.get("at", "print") != at or self._armed.fires("jam") is None:
            return False
        self._jammed = at
        return True

    def _cut(self) -> None:
        if self.paper.line_begun:
            self._end_line()
        if self._armed.fires("cutter") is not None:
            self._cutter_error = True
            return
        self.paper.cut("inside" if self.build.presenter else "outlet")

    def _ejector(self, data: bytes) -> Replies:
        n = data[0]
        if n in (3, 32):
            if not self._jams("present"):
                self.paper.move("inside", "outlet")
        elif n == 2:
            if not self._jams("retract"):
                self.paper.move("outlet", "retracted")
                self.paper.move("inside", "retracted")
        elif n == 5:
            self.paper.move("outlet", "ejected")
        elif n == 6:
            status = 0x01 * self._is_low() | 0x08 * self.paper.at_outlet | 0x80 * (self._jammed is not None)
            return self._say(bytes((status,)))
        return []

    def _code_or_picture(self, name: str, data: bytes) -> None:
        if self.paper.line_begun:
            self._end_line()
        align, codes = self._style.align, self._codes
        if name == "GS v" and len(data) >= 6:
            wide, high = data[2] + 256 * data[3], data[4] + 256 * data[5]
            self.paper.add(
                {"kind": "image", "align": align, "width": wide * 8, "height": high, "bits": data[6:].hex()},
                f"[image {wide * 8}x{high}]",
            )
            self._use_paper(max(1, high // 30))
        elif name == "GS k" and data:
            content = data[2:] if data[0] >= 65 else data[1:-1]
            shown = content.decode("ascii", "replace")
            self.paper.add(
                {
                    "kind": "barcode",
                    "align": align,
                    "symbology": _SYMBOLOGIES.get(data[0] % 65, str(data[0])),
                    "content": shown,
                    "height": codes.bar_height,
                    "hri": codes.hri,
                },
                f"[barcode {shown}]",
            )
            self._use_paper(6)
        elif name == "GS (" and self.build.native_qr and data[:1] == b"k" and data[3:4] == b"\x31" and len(data) > 4:
            self._qr(data[4], data[5:], align)

    def _qr(self, function: int, parameters: bytes, align: str) -> None:
        codes = self._codes
        if function == 67 and parameters:
            codes.qr_module = parameters[0]
        elif function == 69 and parameters:
            codes.qr_level = parameters[0]
        elif function == 80:
            codes.qr_content = parameters[1:]
        elif function == 81 and codes.qr_content:
            content = codes.qr_content.decode("utf-8", "replace")
            level = {48: "L", 49: "M", 50: "Q", 51: "H"}.get(codes.qr_level, "L")
            self.paper.add(
                {"kind": "qr", "align": align, "content": content, "module": codes.qr_module, "level": level},
                f"[QR {content}]",
            )
            self._use_paper(8)

    # ------------------------------------------------------------ hands, faults, power

    def act(self, name: str, **arguments: object) -> Replies:
        if name not in self.acts:
            raise ValueError(f"nobody can {name!r} here; one can: {', '.join(self.acts)}")
        replies = self._go_on() if self._powered else []
        if name == "take_document":
            if not self.paper.at_outlet:
                raise ValueError("there is no paper at the outlet to take")
            self.paper.move("outlet", "taken")
        elif name == "open_cover":
            self._cover_open = True
        elif name == "close_cover":
            self._cover_open = False
        elif name == "refill_paper":
            self.paper_mm = float(str(arguments.get("mm", self.build.roll_mm)))
            self._near_end_seen = False
        elif name == "press_feed":
            if not self._stopped():
                self.paper.feed(1)
                self._use_paper(1)
        elif name == "clear_jam":
            self._jammed = None
            self.paper.move("inside", "destroyed")
            self.paper.tear_off("destroyed")
        elif name == "empty_retract_bin":
            self.paper.move("retracted", "collected")
        return replies + (self._go_on() if self._powered else [])

    def strike(self, name: str, **arguments: object) -> None:
        self._armed.strike(name, arguments)
        if name not in _AT_ONCE:
            return
        struck = self._armed.look(name) or {}
        self._armed.drop(name)
        if name == "paper_out":
            self.paper_mm = 0.0
        elif name == "near_end":
            self._near_end_seen = True
        elif name == "paper_out_after_lines":
            self._paper_ends_after = int(str(struck.get("lines", 3)))
        elif name == "unrecoverable":
            self._broken = str(struck.get("part", "ram"))
            if self._broken not in _PARTS:
                raise ValueError(f"part {self._broken!r}: one of {', '.join(_PARTS)}")
        else:
            setattr(self, _AT_ONCE[name], True)

    def heal(self) -> None:
        self._armed.heal()
        self._jammed = None
        self._cutter_error = self._head_hot = self._offline = self._silent = False
        self._voltage = self._line_error = self._button = False
        self._broken = ""
        self._paper_ends_after = None
        if self.paper_mm <= self.build.near_end_mm:
            self.paper_mm = float(self.build.roll_mm)
        self._near_end_seen = False

    def power(self, on: bool) -> Replies:
        if on != self._powered:
            self._go_on()
            self._powered = on
            self._boot()
        return []

    def state(self) -> Mapping[str, object]:
        return {
            "powered": self._powered,
            "online": self._powered and not self._stopped(),
            "paper_mm": round(self.paper_mm),
            "paper": "out" if self._is_out() else "low" if self._is_low() else "full",
            "cover": "open" if self._cover_open else "closed",
            "jam": self._jammed,
            "cutter_error": self._cutter_error,
            "outlet": self.paper.at_outlet,
            "retracted": self.paper.count("retracted"),
            "printing": bool(self._queue),
            "documents": self.paper.documents(),
            "armed": self._armed.names(),
        }

    def render_text(self) -> str:
        """Return all documents as somebody reads them, cuts as lines of dashes."""
        return render_text(self.paper.documents(), self.build.columns)


_SYMBOLOGIES: Final = {
    0: "UPC-A",
    1: "UPC-E",
    2: "EAN-13",
    3: "EAN-8",
    4: "CODE39",
    5: "ITF",
    6: "CODABAR",
    7: "CODE93",
    8: "CODE128",
}
_CODE_PAGES: Final = {
    0: "cp437",
    2: "cp850",
    3: "cp860",
    4: "cp863",
    5: "cp865",
    13: "cp857",
    14: "cp737",
    15: "iso8859_7",
    16: "cp1252",
    17: "cp866",
    18: "cp852",
    19: "cp858",
    33: "cp775",
    34: "cp855",
    35: "cp861",
    36: "cp862",
    37: "cp864",
    38: "cp869",
    39: "iso8859_2",
    40: "iso8859_15",
    45: "cp1250",
    46: "cp1251",
    47: "cp1253",
    48: "cp1254",
    49: "cp1255",
    50: "cp1256",
    51: "cp1257",
    52: "cp1258",
}


def decode_text(data: bytes, *, chinese: bool, code_page: int = 0) -> str:
    """Return what a printer draws for `data`: GB18030 in Chinese mode, else the characters of a code page."""
    if chinese:
        return data.decode("gb18030", "replace")
    return data.decode(_CODE_PAGES.get(code_page, "cp437"), "replace")
