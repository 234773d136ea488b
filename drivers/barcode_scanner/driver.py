"""A serial barcode scanner as a `Driver`: it reads when told to, and forgets what nobody asked for.

    connect: identify --> settings, one by one --> READY --poll--> READY
    READY --ReadBarcode--> trigger --> scan, time-out or cancel --> untrigger --> READY

A scan has no check and no number. What can be done against noise and repetition is done here: a scan that
silence cut off is not taken, one identical with the last within `same_within_ms` is not reported again, and
a scan while nobody reads is dropped (and counted) unless the scanner is hands-free.

Reading moves nothing: each command may be repeated. A scanner without a code before it is as silent as a dead
one; so after a time-out, and from time to time, it is asked for a setting.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from drivers.barcode_scanner import commands as words
from drivers.barcode_scanner.framing import ACK, NAK, TRIGGER, UNTRIGGER, Answer, Item, Scan, ScannerReader, menu
from drivers.base.barcode import (
    Barcode,
    BarcodeRead,
    BarcodeReaderCapabilities,
    BarcodeText,
    CancelReadBarcode,
    CancelReadBarcodeResult,
    ReadBarcode,
    ReadBarcodeResult,
)
from drivers.base.clock import Clock
from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    Command,
    DeviceLost,
    DeviceReady,
    Health,
    HealthChanged,
    Identity,
    Outcome,
    Reset,
    ResetResult,
)

_HANDLED: Final = (ReadBarcode, CancelReadBarcode, Reset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a site or a unit may need different.

    `suffix`: what ends a scan; empty where silence of `gap_ms` does (2-D codes may hold any byte).
    `acknowledge`: the scanner is set to wait for ACK after each scan. `extra`: further menu commands of the
    start. `poll_every_ms`: 0 for never.
    """

    suffix: bytes = b"\r"
    gap_ms: int = 100
    hands_free: bool = False
    acknowledge: bool = False
    same_within_ms: int = 1_000
    extra: tuple[str, ...] = ()
    poll_every_ms: int = 30_000

    @property
    def start_up(self) -> tuple[str, ...]:
        """The menu commands of the start, volatile, in order."""
        mode = words.HANDS_FREE if self.hands_free else words.BY_COMMAND
        ends = (words.SUFFIX + self.suffix.hex().upper(),) if self.suffix else ()
        hands = (words.ACKNOWLEDGED,) if self.acknowledge else ()
        return (mode, words.NO_PREFIX, words.AIM_PREFIX, words.NO_SUFFIX, *ends, *hands, *self.extra)


@dataclass(slots=True)
class _Question:
    """A menu command under way and what becomes of its answer; `after` gets None for silence."""

    text: str
    within_ms: int
    after: Callable[[Answer | None], None]
    tells_lines: bool = False
    tries_left: int = words.TRIES
    ends_ms: int = field(default=0)


class HoneywellScanner:
    """Driver of one scanner."""

    def __init__(self, clock: Clock, settings: Settings | None = None) -> None:
        self._clock = clock
        self._settings = settings or Settings()
        self._reader = ScannerReader(self._settings.suffix, self._settings.gap_ms)
        self._reports: list[Report] = []
        self._out = b""
        self._discarded = 0
        self.dropped = 0  # scans that nobody had asked for
        self._forget()

    def _forget(self) -> None:
        self._reader.reset()
        self._out = b""
        self._identity: Identity | None = None
        self._coming: Identity | None = None
        self._health = Health.UNKNOWN
        self._refused: list[str] = []
        self._questions: deque[_Question] = deque()
        self._asked: _Question | None = None
        self._command: Command | None = None
        self._sent = False
        self._read_ends_ms: int | None = None
        self._again_ms: int | None = None
        self._poll_at_ms: int | None = None
        self._last: tuple[int, bytes] | None = None

    # ------------------------------------------------------------ the shape of a driver

    @property
    def capabilities(self) -> BarcodeReaderCapabilities:
        known = frozenset(words.SYMBOLOGIES.values()) | {"ean8"}
        return BarcodeReaderCapabilities(symbologies=known, hands_free=self._settings.hands_free)

    @property
    def identity(self) -> Identity | None:
        return self._identity

    @property
    def health(self) -> Health:
        return self._health

    @property
    def busy(self) -> bool:
        return self._command is not None

    @property
    def discarded(self) -> int:
        return self._discarded

    def connect(self) -> None:
        if self._command is not None:
            raise LocalProtocolError("connect: a command is in flight; disconnect first")
        self._forget()
        self._out += UNTRIGGER
        self._ask(_Question(words.IDENTIFY, words.IDENTIFY_WITHIN_MS, self._identified, tells_lines=True))
        for text in self._settings.start_up:
            self._ask(_Question(text, words.REPLY_WITHIN_MS, self._set))

    def disconnect(self, reason: str) -> list[Report]:
        self._lose(reason)
        return self._take_reports()

    def submit(self, command: Command) -> None:
        if self._identity is None:
            raise LocalProtocolError(f"{command.verb}: the scanner is not ready; connect first")
        if not isinstance(command, _HANDLED):
            raise LocalProtocolError(f"{command.verb}: a barcode scanner does not do this")
        if self._command is not None and not command.interrupts:
            raise LocalProtocolError(f"{command.verb}: {self._command.verb} is in flight")
        if isinstance(command, ReadBarcode):
            if command.within_ms <= 0:
                raise LocalProtocolError(f"read_barcode within {command.within_ms} ms: a time above 0")
            self._command = command
            self._sent = False
            self._read_ends_ms = self._clock.now_ms() + command.within_ms
            self._trigger()
            return
        self._end_reading("cancelled")
        if isinstance(command, CancelReadBarcode):
            self._reports.append(CancelReadBarcodeResult(ticket=command.ticket, outcome=Outcome.DONE))
        else:
            self._out += UNTRIGGER
            self._reports.append(ResetResult(ticket=command.ticket, outcome=Outcome.DONE))

    def receive(self, data: bytes) -> list[Report]:
        self._take(self._reader.feed(data, self._clock.now_ms()))
        return self._take_reports()

    def tick(self) -> list[Report]:
        now_ms = self._clock.now_ms()
        self._take(self._reader.flush(now_ms))
        if self._asked is not None and now_ms >= self._asked.ends_ms:
            self._unanswered(self._asked)
        if self._read_ends_ms is not None and now_ms >= self._read_ends_ms:
            self._end_reading("timeOut")
            self._ask(_Question(words.ALIVE, words.REPLY_WITHIN_MS, self._alive))
        elif self._again_ms is not None and now_ms >= self._again_ms:
            self._trigger()
        if self._poll_at_ms is not None and now_ms >= self._poll_at_ms:
            self._poll_at_ms = None
            if self._command is None:
                self._ask(_Question(words.ALIVE, words.REPLY_WITHIN_MS, self._alive))
            else:
                self._plan_poll()
        return self._take_reports()

    def data_to_send(self) -> bytes:
        data, self._out = self._out, b""
        self._sent = self._sent or (bool(data) and self._command is not None)
        return data

    def next_deadline_ms(self) -> int | None:
        if self._reports:
            return self._clock.now_ms()
        asked_ms = self._asked.ends_ms if self._asked is not None else None
        waits = (asked_ms, self._reader.next_deadline_ms(), self._read_ends_ms, self._again_ms, self._poll_at_ms)
        return min((wait for wait in waits if wait is not None), default=None)

    def _take_reports(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports

    # ------------------------------------------------------------ menu commands

    def _ask(self, question: _Question) -> None:
        self._questions.append(question)
        if self._asked is None:
            self._ask_next()

    def _ask_next(self) -> None:
        self._asked = self._questions.popleft() if self._questions else None
        if self._asked is not None:
            self._say(self._asked)

    def _say(self, question: _Question) -> None:
        question.tries_left -= 1
        question.ends_ms = self._clock.now_ms() + question.within_ms
        self._reader.expect(question.text, tells_lines=question.tells_lines)
        self._out += menu(question.text)

    def _unanswered(self, question: _Question) -> None:
        self._take(self._reader.give_up())
        if question.tries_left > 0:
            self._say(question)
            return
        question.after(None)

    def _identified(self, reply: Answer | None) -> None:
        if reply is None:
            self._lose("no answer to REVINF. Is it a Honeywell scanner, at this speed?")
            return
        told = words.identity_lines(reply.lines)
        self._coming = Identity(
            model=told.get("Product Name", "barcode scanner"),
            serial=told.get("Serial Number", ""),
            firmware=told.get("Software Revision", told.get("Software Part Number", "")),
        )

    def _set(self, reply: Answer | None) -> None:
        if reply is None:
            self._lose("silent while it was set up")
            return
        self._refused += [text for text, status in reply.parts if status.value != ACK]
        if self._questions or self._coming is None:
            return
        self._identity = self._coming
        self._reports.append(DeviceReady(identity=self._identity))
        self._health = Health.ATTENTION if self._refused else Health.OK
        detail = f"refused: {', '.join(self._refused)}" if self._refused else ""
        error = "configurationInvalid" if self._refused else None
        self._reports.append(HealthChanged(health=self._health, error=error, detail=detail))
        self._plan_poll()

    def _alive(self, reply: Answer | None) -> None:
        if reply is None:
            self._lose("silent")
        else:
            self._plan_poll()

    def _plan_poll(self) -> None:
        every_ms = self._settings.poll_every_ms
        self._poll_at_ms = self._clock.now_ms() + every_ms if every_ms else None

    # ------------------------------------------------------------ scans

    def _take(self, items: list[Item]) -> None:
        for item in items:
            if isinstance(item, Scan):
                self._scanned(item)
            elif isinstance(item, Answer):
                asked, self._asked = self._asked, None
                if asked is not None:
                    asked.after(item)
                    if self._asked is None:
                        self._ask_next()
            else:
                self._discarded += item.count

    def _scanned(self, scan: Scan) -> None:
        torn = bool(self._settings.suffix) and not scan.whole
        if self._settings.acknowledge:
            self._out += bytes((NAK if torn else ACK,))
        if torn:
            self._discarded += len(scan.data)
            return
        now_ms = self._clock.now_ms()
        again = self._last is not None and self._last[1] == scan.data and now_ms < self._last[0]
        reading = self._command if isinstance(self._command, ReadBarcode) else None
        if reading is None and (again or self._identity is None or not self._settings.hands_free):
            self.dropped += 1
            return
        code = _code(scan.data)
        wanted = reading is None or not reading.symbologies or code.symbology in reading.symbologies
        if again or not wanted:
            self.dropped += 1
            self._trigger()  # it stopped with its good read; the person still has time
            return
        self._last = (now_ms + self._settings.same_within_ms, scan.data)
        if reading is None:
            self._reports.append(BarcodeRead(code=code))
            return
        self._finish(ReadBarcodeResult(ticket=reading.ticket, outcome=Outcome.DONE, code=code))

    def _trigger(self) -> None:
        self._out += TRIGGER
        self._again_ms = self._clock.now_ms() + words.AGAIN_EVERY_MS

    def _end_reading(self, error: str) -> None:
        if isinstance(self._command, ReadBarcode):
            self._finish(ReadBarcodeResult(ticket=self._command.ticket, outcome=Outcome.REFUSED, error=error))

    def _finish(self, result: ReadBarcodeResult) -> None:
        self._reports.append(result)
        self._command = None
        self._read_ends_ms = self._again_ms = None
        self._out += UNTRIGGER

    def _lose(self, reason: str) -> None:
        if isinstance(self._command, ReadBarcode):
            outcome = Outcome.UNKNOWN if self._sent else Outcome.REFUSED
            self._reports.append(
                ReadBarcodeResult(ticket=self._command.ticket, outcome=outcome, error="deviceNotReady", detail=reason)
            )
        reports = self._reports
        self._forget()
        self._reports = [*reports, DeviceLost(reason=reason)]


def _code(data: bytes) -> Barcode:
    """Take a scan apart: AIM identifier, characters."""
    identifier = data[:3].decode("latin-1") if data[:1] == b"]" and len(data) > 3 else ""
    content = data[3:] if identifier else data
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return Barcode(symbology=words.symbology_of(identifier), text=BarcodeText(text))
