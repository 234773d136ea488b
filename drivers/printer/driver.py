"""An ESC/POS receipt printer as a `Driver`: print, cut, present, retract, and know when the paper was taken.

The line has neither frames nor check sums, and printing has no answer. So the driver asks: real-time
status before a job (refuse what cannot succeed), a *buffered* query behind the cut (its reply proves that
everything before it was carried out), and real-time status while it waits (paper end and jam keep that
reply away for ever). After the job, polls tell when the ticket has left the outlet.

What is in doubt stays in doubt: a job without its completion is UNKNOWN while the printer answers, and
UNKNOWN followed by `DeviceLost` when it does not. A job that stopped half-way is PARTIAL, and its rest is
cleared from the printer before the next one, so that nobody finds the end of somebody else's receipt.

Two profiles: `RELIANCE`, a kiosk printer with presenter and retract, and `EPSON`, a counter printer without.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, NamedTuple

from drivers.base.clock import Clock
from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    Command,
    DeviceLost,
    DeviceReady,
    DocumentTaken,
    Health,
    HealthChanged,
    Identity,
    Outcome,
    PrintDocument,
    PrintDocumentResult,
    PrinterCapabilities,
    Reset,
    ResetResult,
    Result,
    RetractDocument,
    RetractDocumentResult,
)
from drivers.printer.commands import (
    AUTOMATIC_OFF,
    AUTOMATIC_ON,
    EJECT,
    INITIALISE,
    PAPER_SENSOR,
    RECOVER_AND_CLEAR,
    RETRACT,
    STATUS_ERROR,
    STATUS_FULL,
    STATUS_OFFLINE,
    STATUS_PAPER,
    STATUS_PRINTER,
    CommandSpec,
)
from drivers.printer.settings import Settings
from drivers.printer.status import (
    Condition,
    Conditions,
    Kind,
    ReplyReader,
    decode_automatic,
    decode_full,
    decode_paper_sensor,
    decode_real_time,
)

QUERY_TRIES: Final = 3
OUTLET_WITHIN_MS: Final = 5_000  # presenting, ejecting and retracting take one to three seconds
SYNC_WITHIN_MS: Final = 3_000
QUIET_MS: Final = 100


_STOPS: Final = (
    (Condition.JAM, "paperJammed"),
    (Condition.COVER_OPEN, "coverOpen"),
    (Condition.PAPER_OUT, "paperOut"),
    (Condition.CUTTER, "hardwareError"),
    (Condition.UNRECOVERABLE, "hardwareError"),
    (Condition.RECOVERABLE, "hardwareError"),
    (Condition.SUPPLY_VOLTAGE, "hardwareError"),
    (Condition.AUTO_RECOVERABLE, "deviceNotReady"),
    (Condition.ERROR, "hardwareError"),
)
"""Conditions that stop printing, worst cause first, with the word of XFS4IoT."""


class _Ask(NamedTuple):
    """Send a query and wait for a reply of `kind`."""

    spec: CommandSpec
    kind: Kind


class _Nap(NamedTuple):
    """Let time pass; a buffered reply ends it early."""

    for_ms: int


_Step = _Ask | _Nap
_Answers = Generator[_Step, bytes | None, None]
_Flow = Generator[_Step, bytes | None, Result]
_Status = Generator[_Step, bytes | None, Conditions]

_RESULTS: Final[Mapping[type[Command], type[Result]]] = {
    PrintDocument: PrintDocumentResult,
    RetractDocument: RetractDocumentResult,
    Reset: ResetResult,
}


class _GoneError(Exception):
    """The printer does not answer."""


class EscPosPrinter:
    """Driver of one printer; `settings.profile` says which family."""

    def __init__(self, clock: Clock, settings: Settings | None = None) -> None:
        self._clock = clock
        self._settings = settings or Settings()
        self._profile = self._settings.profile
        self._reader = ReplyReader(fixed_bits=self._profile.fixed_bits)
        self._reports: list[Report] = []
        self._flows: dict[type[Command], Callable[[Any], _Flow]] = {
            PrintDocument: self._print,
            RetractDocument: self._retract,
            Reset: self._reset,
        }
        self._forget()

    def _forget(self) -> None:
        """Know nothing of the printer any more."""
        self._reader.expect_raw(0)
        self._identity: Identity | None = None
        self._told = HealthChanged(health=Health.UNKNOWN)
        self._urgent = b""
        self._ordered = b""
        self._held_back = False
        self._steps: _Answers | None = None
        self._step: _Step | None = None
        self._step_ends_ms: int | None = None
        self._poll_at_ms: int | None = None
        self._command: Command | None = None
        self._started = False
        self._sent = False
        self._moved = False  # something that moves paper was handed to the line
        self._completions = 0
        self._paper: Conditions = frozenset()  # what the last buffered reply said of the roll
        self._dirty = False
        self._watching = False
        self._conditions: Conditions = frozenset()

    # ------------------------------------------------------------ the shape of a driver

    @property
    def capabilities(self) -> PrinterCapabilities:
        layout = self._settings.layout
        return PrinterCapabilities(
            columns=layout.columns,
            presenter=self._profile.presenter,
            retract=self._profile.retract,
            document_taken_sensor=self._profile.presenter,
            encoding=layout.encoding,
        )

    @property
    def identity(self) -> Identity | None:
        return self._identity

    @property
    def health(self) -> Health:
        return self._told.health

    @property
    def busy(self) -> bool:
        return self._command is not None

    @property
    def discarded(self) -> int:
        return self._reader.discarded

    def connect(self) -> None:
        if self._command is not None:
            raise LocalProtocolError("connect: a command is in flight; disconnect first")
        self._forget()
        self._run(self._start_up())

    def disconnect(self, reason: str) -> list[Report]:
        self._lose(reason, nothing_moved=not self._sent)
        return self._take_reports()

    def submit(self, command: Command) -> None:
        if self._command is not None:
            raise LocalProtocolError(f"{command.verb}: {self._command.verb} is in flight")
        if self._identity is None:
            raise LocalProtocolError(f"{command.verb}: the printer is not ready; connect first")
        if type(command) not in self._flows:
            raise LocalProtocolError(f"{command.verb}: a receipt printer does not do this")
        if isinstance(command, Reset) and command.media not in ("exit", "retain", "hold"):
            raise LocalProtocolError(f"reset: media is exit, retain or hold, not {command.media!r}")
        self._command = command
        self._started = self._sent = False
        if self._steps is None:
            self._begin()

    def receive(self, data: bytes) -> list[Report]:
        for token in self._reader.feed(data):
            if token.kind is Kind.XOFF or token.kind is Kind.XON:
                self._held_back = token.kind is Kind.XOFF
            elif token.kind is Kind.AUTOMATIC:
                self._note(decode_automatic(token.data) | (self._conditions & {Condition.TICKET_AT_OUTLET}))
            elif isinstance(self._step, _Ask) and self._step.kind is token.kind:
                self._resume(token.data)
            elif token.kind is Kind.BUFFERED:
                self._completions += 1
                self._paper = decode_paper_sensor(token.data[0])
                if isinstance(self._step, _Nap):
                    self._resume(token.data)
        return self._take_reports() if self._reports else []

    def tick(self) -> list[Report]:
        now = self._clock.now_ms()
        if self._step_ends_ms is not None and now >= self._step_ends_ms:
            self._reader.expect_raw(0)
            self._resume(None)
        elif self._poll_at_ms is not None and now >= self._poll_at_ms:
            self._poll_at_ms = None
            self._run(self._poll())
        return self._take_reports() if self._reports else []

    def data_to_send(self) -> bytes:
        data, self._urgent = self._urgent, b""
        if not self._held_back:
            data, self._ordered = data + self._ordered, b""
        if data and self._started:
            self._sent = True
        return data

    def next_deadline_ms(self) -> int | None:
        if self._reports:
            return self._clock.now_ms()
        return self._poll_at_ms if self._step_ends_ms is None else self._step_ends_ms

    def _take_reports(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports

    # ------------------------------------------------------------ running flows

    def _begin(self) -> None:
        assert self._command is not None
        self._started = True
        self._run(self._answering(self._command))

    def _answering(self, command: Command) -> _Answers:
        result = yield from self._flows[type(command)](command)
        self._reports.append(result)
        self._command = None
        self._started = False
        self._tell_health()

    def _run(self, steps: _Answers) -> None:
        self._poll_at_ms = None
        self._moved = False
        self._steps = steps
        self._advance(lambda: next(steps))

    def _resume(self, reply: bytes | None) -> None:
        steps = self._steps
        assert steps is not None
        self._advance(lambda: steps.send(reply))

    def _advance(self, resume: Callable[[], _Step]) -> None:
        self._step, self._step_ends_ms = None, None
        try:
            step = resume()
        except StopIteration:
            self._steps = None
            if self._command is not None and not self._started:
                self._begin()
            elif self._identity is not None:
                settings = self._settings
                wait_ms = settings.take_poll_ms if self._watching else settings.idle_poll_ms
                self._poll_at_ms = self._clock.now_ms() + wait_ms
            return
        except _GoneError as gone:
            self._lose(str(gone), nothing_moved=not self._moved)
            return
        self._step = step
        if isinstance(step, _Nap):
            self._step_ends_ms = self._clock.now_ms() + step.for_ms
            return
        self._step_ends_ms = self._clock.now_ms() + step.spec.reply_within_ms
        if step.spec.real_time:
            self._urgent += step.spec.data
        else:
            self._ordered += step.spec.data
        if step.kind is Kind.RAW:
            self._reader.expect_raw(step.spec.reply_bytes)

    def _send(self, data: bytes, *, moves: bool) -> None:
        self._ordered += data
        self._moved = self._moved or moves

    # ------------------------------------------------------------ status

    def _query(self, spec: CommandSpec, kind: Kind) -> Generator[_Step, bytes | None, bytes]:
        for tried in range(QUERY_TRIES):
            reply = yield _Ask(spec, kind)
            if reply is not None:
                if tried and kind is Kind.REAL_TIME:
                    yield _Nap(QUIET_MS)  # the late reply to the first try must not pass for the next one
                return reply
        raise _GoneError(f"no reply to {spec.name}")

    def _status(self) -> _Status:
        """Ask for everything the printer can tell about itself; silence ends the connection."""
        found: Conditions = frozenset()
        if self._profile.full_status:
            found = decode_full((yield from self._query(STATUS_FULL, Kind.FULL)))
        else:
            for n, spec in enumerate((STATUS_PRINTER, STATUS_OFFLINE, STATUS_ERROR, STATUS_PAPER), start=1):
                reply = yield from self._query(spec, Kind.REAL_TIME)
                found |= decode_real_time(n, reply[0])
        self._note(found)
        return found

    def _note(self, conditions: Conditions) -> None:
        self._conditions = conditions
        if self._command is None:
            self._tell_health()

    def _tell_health(self) -> None:
        """Report the health if it is not what was told last."""
        if self._identity is None:
            return
        found = self._conditions
        stop = _stop_of(found)
        out, low = Condition.PAPER_OUT in found, Condition.PAPER_LOW in found
        supplies = {"paper": "out" if out else "low" if low else "full"}
        if stop is not None:
            now = HealthChanged(health=Health.STOP, error=stop[0], detail=stop[1], supplies=supplies)
        elif low:
            now = HealthChanged(health=Health.ATTENTION, detail=Condition.PAPER_LOW.value, supplies=supplies)
        else:
            now = HealthChanged(health=Health.OK, supplies=supplies)
        if now != self._told:
            self._told = now
            self._reports.append(now)

    def _poll(self) -> _Answers:
        found = yield from self._status()
        if self._watching and Condition.TICKET_AT_OUTLET not in found:
            self._watching = False
            self._reports.append(DocumentTaken())

    def _until_outlet(self, *, occupied: bool) -> _Status:
        """Ask until a ticket is, or is not, at the outlet, but not for ever; return the last status."""
        ends_ms = self._clock.now_ms() + OUTLET_WITHIN_MS
        while True:
            found = yield from self._status()
            there = Condition.TICKET_AT_OUTLET in found
            if there is occupied or _stop_of(found) is not None or self._clock.now_ms() >= ends_ms:
                return found
            yield _Nap(self._settings.take_poll_ms)

    # ------------------------------------------------------------ commands

    def _print(self, command: PrintDocument) -> _Flow:
        try:
            data, lines = self._settings.layout.encode(command.document)
        except ValueError as reason:
            return _result(command, Outcome.REFUSED, "invalidData", str(reason))
        found = yield from self._status()
        if (stop := _stop_of(found)) is not None:
            return _result(command, Outcome.REFUSED, *stop)
        if self._dirty and not (yield from self._cleared()):
            return _result(command, Outcome.REFUSED, "deviceNotReady", "the last job is still in the printer")
        if Condition.TICKET_AT_OUTLET in found and self._settings.leftover != "leave":
            found = yield from self._clear_outlet()
            if Condition.TICKET_AT_OUTLET in found:
                return _result(command, Outcome.REFUSED, "paperJammed", "a ticket stays at the outlet")
        self._watching = False
        self._completions = 0
        self._dirty = True
        self._send(data + self._settings.closing(), moves=True)
        ends_ms = self._clock.now_ms() + self._settings.job_margin_ms + lines * self._settings.line_ms
        while True:
            yield _Nap(self._settings.busy_poll_ms)
            if self._completed():
                break
            found = yield from self._status()
            if self._completed():
                break
            if (stop := _stop_of(found)) is not None:
                self._urgent += RECOVER_AND_CLEAR.data  # else the rest comes out with the new roll
                return _result(command, Outcome.PARTIAL, *stop)
            if self._clock.now_ms() >= ends_ms:
                return _result(command, Outcome.UNKNOWN, None, "the printer did not tell the end of the job")
        self._dirty = False
        if self._profile.presenter:
            found = yield from self._until_outlet(occupied=True)
            if Condition.JAM in found:
                return _result(command, Outcome.PARTIAL, "paperJammed", Condition.JAM.value)
            self._watching = True
        else:
            self._note((self._conditions - {Condition.PAPER_LOW}) | self._paper)
        return _result(command, Outcome.DONE)

    def _completed(self) -> bool:
        return self._completions > 0

    def _cleared(self) -> Generator[_Step, bytes | None, bool]:
        """Throw away what a broken job left in the printer; return whether it follows orders again."""
        self._urgent += RECOVER_AND_CLEAR.data
        self._completions = 0
        self._send(INITIALISE.data + PAPER_SENSOR.data, moves=False)
        yield _Nap(SYNC_WITHIN_MS)
        if not self._completions:
            return False
        # The first reply may be that of the broken job; ours follows at once, being next in order.
        while True:
            seen = self._completions
            yield _Nap(QUIET_MS)
            if self._completions == seen:
                self._dirty = False
                return True

    def _clear_outlet(self) -> _Status:
        retract = self._settings.leftover == "retract" and self._profile.retract
        self._send(RETRACT.data if retract else EJECT.data, moves=True)
        return (yield from self._until_outlet(occupied=False))

    def _retract(self, command: RetractDocument) -> _Flow:
        if not self._profile.retract:
            return _result(command, Outcome.REFUSED, "unsupportedCommand", f"{self._profile.name} cannot")
        found = yield from self._status()
        if Condition.TICKET_AT_OUTLET not in found:
            return _result(command, Outcome.REFUSED, "noMediaPresent", "no ticket at the outlet")
        self._send(RETRACT.data, moves=True)
        yield _Nap(self._settings.take_poll_ms)
        found = yield from self._until_outlet(occupied=False)
        if Condition.TICKET_AT_OUTLET not in found:
            self._watching = False
            return _result(command, Outcome.DONE)
        stop = _stop_of(found) or ("paperJammed", "the ticket is still at the outlet")
        return _result(command, Outcome.REFUSED, *stop)

    def _reset(self, command: Reset) -> _Flow:
        self._dirty = True
        obeys = yield from self._cleared()
        found = yield from self._status()
        if Condition.TICKET_AT_OUTLET in found and self._profile.presenter and command.media != "hold":
            retract = command.media == "retain" and self._profile.retract
            self._send(RETRACT.data if retract else EJECT.data, moves=True)
            yield _Nap(self._settings.take_poll_ms)
            found = yield from self._until_outlet(occupied=False)
            self._watching = Condition.TICKET_AT_OUTLET in found
        if (stop := _stop_of(found)) is not None:
            return _result(command, Outcome.REFUSED, *stop)
        if not obeys:
            return _result(command, Outcome.REFUSED, "deviceNotReady", "the printer does not follow orders")
        return _result(command, Outcome.DONE)

    # ------------------------------------------------------------ connecting and losing

    def _start_up(self) -> _Answers:
        """See that somebody answers, ask who it is, and clear what an earlier owner may have left."""
        found = yield from self._status()
        firmware = ""
        if _stop_of(found) is None:  # off line, a buffered query would have no reply
            reply = yield _Ask(self._profile.identity, Kind.RAW)
            firmware = _shown(reply) if reply is not None else ""
        self._dirty = _stop_of(found) is not None or not (yield from self._cleared())
        if self._profile.automatic:
            self._send((AUTOMATIC_ON if self._settings.automatic_status else AUTOMATIC_OFF).data, moves=False)
        self._identity = Identity(model=self._profile.name, firmware=firmware)
        self._watching = Condition.TICKET_AT_OUTLET in found
        self._told = HealthChanged(health=Health.OK, supplies={"paper": "full"})
        self._reports.append(DeviceReady(identity=self._identity))
        self._tell_health()

    def _lose(self, reason: str, *, nothing_moved: bool) -> None:
        """The printer is gone: answer what is in flight, then say so."""
        command = self._command
        if command is not None and nothing_moved:
            self._reports.append(_result(command, Outcome.REFUSED, "deviceNotReady", reason))
        elif command is not None:
            self._reports.append(_result(command, Outcome.UNKNOWN, None, reason))
        self._forget()
        self._reports.append(DeviceLost(reason=reason))


def _stop_of(conditions: Conditions) -> tuple[str, str] | None:
    """Return word and detail of the worst thing that stops printing."""
    for condition, word in _STOPS:
        if condition in conditions:
            return word, condition.value
    if Condition.OFFLINE in conditions:
        return "deviceNotReady", Condition.OFFLINE.value
    return None


def _result(command: Command, outcome: Outcome, error: str | None = None, detail: str = "") -> Result:
    return _RESULTS[type(command)](ticket=command.ticket, outcome=outcome, error=error, detail=detail)


def _shown(reply: bytes) -> str:
    text = reply.decode("ascii", "replace").strip("\x00 ")
    return text if text.isprintable() and len(reply) > 1 else reply.hex()
