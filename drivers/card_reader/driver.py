"""The OMRON 3S4YR as a `Driver`: cards accepted, read, given back and captured.

Two machines: `link` carries one command to one answer; this module says what the answers mean. Each
command of the vocabulary is a *flow*, a generator that asks the reader one question after the other and
ends in its result. Between commands the driver watches: it polls the status while a card is awaited or is
to be taken, and slowly otherwise.

What moves a card (C30, C31, C41) is started once. If its answer is lost for good, the flow does not start it
again: it asks where the card is (C10) and how many were captured (Q0) and answers what these say. If they are
silent too, the result is UNKNOWN and the reader counts as lost.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from enum import Enum
from typing import Any, Final

from drivers.base.clock import Clock
from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from drivers.base.secrets import Track2
from drivers.base.vocabulary import (
    AcceptCard,
    AcceptCardResult,
    CardInserted,
    CardReaderCapabilities,
    CardTaken,
    Command,
    DenyCard,
    DenyCardResult,
    DeviceLost,
    DeviceReady,
    EjectCard,
    EjectCardResult,
    Health,
    HealthChanged,
    Identity,
    Outcome,
    Repeat,
    Reset,
    ResetResult,
    Result,
    RetainCard,
    RetainCardResult,
)
from drivers.card_reader import extra
from drivers.card_reader.commands import (
    AT_EXIT,
    CAPTURE,
    CAPTURED_COUNT,
    CARD_IN,
    CHIP_RELEASE,
    COMMANDS,
    DENY,
    EJECT,
    INSIDE,
    NO_CARD,
    PERMIT_ANY,
    PERMIT_STRIPED,
    POSITIONS,
    READ_ISO2,
    REINTAKE_CAPTURE,
    RESET_CAPTURE,
    RESET_HOLD,
    RESET_RETURN,
    STATUS,
    VERSION,
    ErrorClass,
    ErrorMeaning,
    error_meaning,
)
from drivers.card_reader.link import Answer, Ask, Failure, Flow, Link, Reply
from drivers.card_reader.orders import MOVING, DeviceOrder, DeviceOrderResult, LoadFirmware
from drivers.card_reader.settings import Settings
from drivers.card_reader.tracks import track_characters

MODEL: Final = "OMRON 3S4YR"
ACK_WITHIN_MS: Final = 5_020  # the reader answers DLE NAK itself after a gap of 5 s


class _Watch(Enum):
    """What the polls between commands are waiting for."""

    NOTHING = "nothing"
    CARD = "a card"
    LATE_CARD = "a card that was at the mouth when the gate closed"
    TAKING = "the customer to take the card"


_Steps = Generator[Ask, Reply, None]
_Answering = Generator[Ask, Reply, Answer]

_POLL: Final = Ask(STATUS)
_RESETS: Final = {"exit": RESET_RETURN, "retain": RESET_CAPTURE, "hold": RESET_HOLD}
_RESTARTED: Final = frozenset({"18", "19"})
_RESULTS: Final[Mapping[type[Command], type[Result]]] = {
    AcceptCard: AcceptCardResult,
    DenyCard: DenyCardResult,
    EjectCard: EjectCardResult,
    RetainCard: RetainCardResult,
    Reset: ResetResult,
    **extra.EXTRA_RESULTS,
}


class _GoneError(Exception):
    """The reader does not answer; `nothing_moved` when that is certain."""

    def __init__(self, reason: str, *, nothing_moved: bool = False) -> None:
        super().__init__(reason)
        self.nothing_moved = nothing_moved


class Omron3S4YR:
    """Driver of one reader. Beyond the vocabulary it takes the commands of `drivers.card_reader.extra`."""

    def __init__(self, clock: Clock, settings: Settings | None = None) -> None:
        self._clock = clock
        self._settings = settings or Settings()
        self._link = Link(clock, ACK_WITHIN_MS + self._settings.turn_round_ms)
        self._reports: list[Report] = []
        beyond = extra.flows(self._settings)
        self._flows: dict[type[Command], Callable[[Any], Flow]] = {
            **beyond,
            DeviceOrder: self._following(beyond[DeviceOrder]),
            LoadFirmware: self._following(beyond[LoadFirmware]),
            AcceptCard: self._accept,
            DenyCard: self._deny,
            EjectCard: self._eject,
            RetainCard: self._retain,
            Reset: self._reset,
        }
        self._forget()

    def _forget(self) -> None:
        """Know nothing of the reader any more."""
        self._link.clear()
        self._identity: Identity | None = None
        self._told = HealthChanged(health=Health.UNKNOWN)
        self._steps: _Steps | None = None
        self._asked: Ask = _POLL
        self._command: Command | None = None
        self._started = False  # the command's flow runs (it may have to wait for a poll to end)
        self._sent = False  # bytes of the command went out
        self._moved = False  # the running flow has had something executed that moves a card
        self._introduced = False
        self._poll_at_ms: int | None = None
        self._watch = _Watch.NOTHING
        self._last_poll: Answer | None = None
        self._position: str | None = None
        self._fault: ErrorMeaning | None = None
        self._fault_detail = ""
        self._return_only: ErrorMeaning | None = None
        self._captured: int | None = None
        self._found_card = False

    # ------------------------------------------------------------ the shape of a driver

    @property
    def capabilities(self) -> CardReaderCapabilities:
        return CardReaderCapabilities(
            tracks=(1, 2, 3), motorised=True, retain=True, chip=True, card_taken_sensor=True
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
        return self._link.reader.discarded

    def connect(self) -> None:
        if self._command is not None:
            raise LocalProtocolError("connect: a command is in flight; disconnect first")
        self._forget()
        self._run(self._start_up(), cancel_first=True)

    def disconnect(self, reason: str) -> list[Report]:
        self._lose(reason, nothing_moved=not self._sent)
        return self._take_reports()

    def submit(self, command: Command) -> None:
        if self._command is not None:
            raise LocalProtocolError(f"{command.verb}: {self._command.verb} is in flight")
        if self._identity is None:
            raise LocalProtocolError(f"{command.verb}: the reader is not ready; connect first")
        if type(command) not in self._flows:
            raise LocalProtocolError(f"{command.verb}: a card reader does not do this")
        if isinstance(command, Reset) and command.media not in _RESETS:
            raise LocalProtocolError(f"reset: media is one of {', '.join(_RESETS)}, not {command.media!r}")
        self._command = command
        self._started = self._sent = False
        if self._steps is None and self._link.idle:
            self._begin()

    def receive(self, data: bytes) -> list[Report]:
        if (reply := self._link.receive(data)) is not None:
            self._advance(reply)
        return self._take_reports() if self._reports else []

    def tick(self) -> list[Report]:
        if (reply := self._link.tick()) is not None:
            self._advance(reply)
        elif self._poll_at_ms is not None and self._clock.now_ms() >= self._poll_at_ms:
            self._poll_at_ms = None
            self._link.start(_POLL)
        return self._take_reports() if self._reports else []

    def data_to_send(self) -> bytes:
        data = self._link.out
        if data:
            self._link.out = b""
            self._sent = self._sent or self._started
        return data

    def next_deadline_ms(self) -> int | None:
        if self._reports:
            return self._clock.now_ms()
        link_ms = self._link.deadline_ms
        return self._poll_at_ms if link_ms is None else link_ms

    def _take_reports(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports

    # ------------------------------------------------------------ running flows

    def _begin(self) -> None:
        assert self._command is not None
        self._started = True
        self._run(self._answering(self._command))

    def _answering(self, command: Command) -> _Steps:
        """Carry out `command` and report its result, and what it did to the health."""
        stopped_by = self._return_only if not isinstance(command, EjectCard) else None
        stopped_by = self._fault or stopped_by
        if stopped_by is not None and not isinstance(command, Reset | LoadFirmware):
            result = _refused(command, stopped_by)
        else:
            result = yield from self._flows[type(command)](command)
        self._reports.append(result)
        self._command = None
        self._started = False
        self._tell_health()

    def _run(self, steps: _Steps, *, cancel_first: bool = False) -> None:
        self._poll_at_ms = None
        self._last_poll = None
        self._moved = False
        self._steps = steps
        self._step(lambda: next(steps), cancel_first=cancel_first)

    def _step(self, resume: Callable[[], Ask], *, cancel_first: bool = False) -> None:
        try:
            self._asked = resume()
        except StopIteration:
            self._rest()
        except _GoneError as gone:
            self._lose(str(gone), nothing_moved=gone.nothing_moved)
        else:
            self._link.start(self._asked, cancel_first=cancel_first)

    def _advance(self, reply: Reply) -> None:
        steps = self._steps
        if steps is None:
            self._polled(reply)
            return
        refused = isinstance(reply, Answer) and not reply.good
        waits_for_reset = isinstance(reply, Answer) and refused and reply.code == "19"
        if self._asked.spec.repeat is Repeat.ONCE and reply is not Failure.NOT_ACCEPTED:
            self._moved = self._moved or not waits_for_reset
        if isinstance(reply, Answer) and refused and self._noted(self._asked, reply):
            self._lose(_RESTART_REASON, nothing_moved=not self._moved)
            return
        self._step(lambda: steps.send(reply))

    def _rest(self) -> None:
        """Nothing is under way: start the command that waited, or watch."""
        self._steps = None
        if self._command is not None and not self._started:
            self._begin()
        elif self._identity is not None:
            self._poll_later()

    def _must(self, ask: Ask) -> _Answering:
        """Ask what has to be answered; silence ends the connection."""
        reply = yield ask
        if isinstance(reply, Failure):
            certain = reply is Failure.NOT_ACCEPTED and not self._moved
            raise _GoneError(reply.value, nothing_moved=certain)
        return reply

    def _noted(self, ask: Ask, answer: Answer) -> bool:
        """Keep what an error leaves behind; return whether the reader has restarted."""
        meaning = error_meaning(answer.code)
        if meaning.code in _RESTARTED:
            return True
        if meaning.kind in (ErrorClass.RESET, ErrorClass.SERVICE):
            self._fault = meaning
            self._fault_detail = _detail(ask, meaning)
        elif meaning.kind is ErrorClass.RETURN_ONLY:
            self._return_only = meaning
        return False

    # ------------------------------------------------------------ watching

    def _poll_later(self) -> None:
        if self._fault is None and self._return_only is None:  # else the reader takes no status question
            idle = self._watch is _Watch.NOTHING
            wait_ms = self._settings.idle_poll_ms if idle else self._settings.poll_ms
            self._poll_at_ms = self._clock.now_ms() + wait_ms

    def _polled(self, reply: Reply) -> None:
        if reply is self._last_poll and self._command is None:  # the link hands out the very object again
            self._poll_later()
            return
        if isinstance(reply, Failure):
            self._lose(reply.value, nothing_moved=not self._sent)
            return
        self._last_poll = reply
        if not reply.good:
            if self._noted(_POLL, reply):
                self._lose(_RESTART_REASON, nothing_moved=not self._sent)
                return
            if reply.code == "14" and self._position not in (None, NO_CARD):
                self._position = NO_CARD
                self._reports.append(CardTaken())
            if self._return_only is not None and self._watch in (_Watch.CARD, _Watch.LATE_CARD):
                self._watch = _Watch.NOTHING
                self._position = INSIDE
                self._reports.append(
                    CardInserted(
                        track2=None, error=self._return_only.word, detail=_detail(_POLL, self._return_only)
                    )
                )
            self._tell_health()
        elif self._seen(reply.code):
            self._run(self._read_inserted())
            return
        self._rest()

    def _seen(self, position: str) -> bool:
        """Note where the card is; return whether it has just come in and is to be read."""
        before, self._position = self._position, position
        if self._watch in (_Watch.CARD, _Watch.LATE_CARD):
            if position in CARD_IN:
                self._watch = _Watch.NOTHING
                return True
            if self._watch is _Watch.LATE_CARD and position == NO_CARD:
                self._watch = _Watch.NOTHING
        elif position == NO_CARD and before not in (None, NO_CARD):
            self._watch = _Watch.NOTHING
            self._found_card = False
            self._return_only = None
            self._reports.append(CardTaken())
            self._tell_health()
        return False

    def _read_inserted(self) -> _Steps:
        reply = yield Ask(READ_ISO2, extra_ms=1_000 * (self._settings.read_retries or 1))
        self._reports.append(_inserted(reply))
        self._tell_health()

    # ------------------------------------------------------------ the commands of the vocabulary

    def _accept(self, command: AcceptCard) -> Flow:
        if self._position not in (None, NO_CARD):
            status = yield from self._must(_POLL)
            if not status.good:
                return _refused(command, error_meaning(status.code))
            self._seen(status.code)
            if status.code != NO_CARD:
                where = POSITIONS.get(status.code, status.code)
                return _result(command, Outcome.REFUSED, "occupied", f"P10{status.code} {where}")
        spec = PERMIT_STRIPED if self._settings.stripe_required else PERMIT_ANY
        answer = yield from self._must(Ask(spec))
        if not answer.good:
            return _refused(command, error_meaning(answer.code))
        self._position = NO_CARD
        self._watch = _Watch.CARD
        return _result(command, Outcome.DONE)

    def _deny(self, command: DenyCard) -> Flow:
        answer = yield from self._must(Ask(DENY))
        if not answer.good:
            return _refused(command, error_meaning(answer.code))
        if self._watch is _Watch.CARD:  # a card already gripped comes in all the same
            self._watch = _Watch.NOTHING if answer.code == NO_CARD else _Watch.LATE_CARD
        return _result(command, Outcome.DONE)

    def _eject(self, command: EjectCard) -> Flow:
        if self._return_only is None:  # after 20 and 21 the reader takes no status question
            status = yield from self._must(_POLL)
            if (fault := self._stopped()) is not None:
                return _refused(command, fault)
            if status.good and status.code == NO_CARD:
                return _result(command, Outcome.REFUSED, "noMedia", "P1000 no card")
            if status.good and status.code == AT_EXIT:
                self._offered()
                return _result(command, Outcome.DONE, detail="P1001 card at the exit")
            yield from self._release_chip(status)
        reply = yield Ask(EJECT, extra_ms=self._retry_ms())
        if reply is Failure.NOT_ACCEPTED:
            raise _GoneError(reply.value, nothing_moved=True)
        if isinstance(reply, Answer) and reply.good:
            self._offered()
            return _result(command, Outcome.DONE)
        if (fault := self._stopped()) is not None:
            return _refused(command, fault)
        self._return_only = None
        status = yield from self._must(_POLL)
        if (fault := self._stopped()) is not None:
            return _refused(command, fault)
        if not status.good:
            return _result(command, Outcome.UNKNOWN, error_meaning(status.code).word, f"N10{status.code}")
        if status.code in CARD_IN:
            return _result(command, Outcome.REFUSED, _word(reply), f"{_said(reply)}; the card is inside")
        self._offered()
        return _result(command, Outcome.DONE, detail=f"{_said(reply)}; the card is not inside")

    def _stopped(self) -> ErrorMeaning | None:
        return self._fault

    def _offered(self) -> None:
        """The card is at the exit, or was: the next poll tells whether it has been taken."""
        self._return_only = None
        self._found_card = False
        self._position = AT_EXIT
        self._watch = _Watch.TAKING

    def _retain(self, command: RetainCard) -> Flow:
        status = yield from self._must(_POLL)
        if (fault := self._stopped()) is not None:
            return _refused(command, fault)
        if status.good and status.code == NO_CARD:
            known = self._position not in (None, NO_CARD)
            return self._not_retained(command, "mediaTaken" if known else "noMedia", "P1000 no card")
        before = self._captured
        if status.good and status.code == AT_EXIT:
            ask = Ask(REINTAKE_CAPTURE, extra_ms=1_000 * self._settings.reintake_wait_s)
        else:
            yield from self._release_chip(status)
            ask = Ask(CAPTURE, extra_ms=self._retry_ms())
        reply = yield ask
        if reply is Failure.NOT_ACCEPTED:
            raise _GoneError(reply.value, nothing_moved=True)
        if isinstance(reply, Answer) and not reply.good:
            meaning = error_meaning(reply.code)
            if meaning.code == "16":  # between transport and bin: nobody can say
                return _result(command, Outcome.UNKNOWN, meaning.word, _detail(ask, meaning))
            return self._not_retained(command, meaning.word, _detail(ask, meaning))
        if isinstance(reply, Answer):
            self._gone_to_bin()
            yield from self._count()
            return RetainCardResult(
                ticket=command.ticket, outcome=Outcome.DONE, retained_total=self._captured
            )
        return (yield from self._retain_in_doubt(command, before, reply))

    def _retain_in_doubt(self, command: RetainCard, before: int | None, reply: Reply) -> Flow:
        """The answer to a capture is lost: let the counter and the sensors say what became of it."""
        status = yield from self._must(_POLL)
        yield from self._count()
        after = self._captured
        if before is None or after is None or not status.good:
            return _result(command, Outcome.UNKNOWN, None, _said(reply))
        if after == (before + 1) % 1_000:
            self._gone_to_bin()
            detail = f"{_said(reply)}; the counter went from {before} to {after}"
            return RetainCardResult(
                ticket=command.ticket, outcome=Outcome.DONE, detail=detail, retained_total=after
            )
        if after != before:
            return _result(command, Outcome.UNKNOWN, None, f"the counter went from {before} to {after}")
        if status.code == NO_CARD:
            return self._not_retained(command, "mediaTaken", f"{_said(reply)}; no card, none counted")
        return self._not_retained(command, "hardwareError", f"{_said(reply)}; the card is still there")

    def _not_retained(self, command: RetainCard, error: str, detail: str) -> RetainCardResult:
        return RetainCardResult(
            ticket=command.ticket,
            outcome=Outcome.REFUSED,
            error=error,
            detail=detail,
            retained_total=self._captured,
        )

    def _gone_to_bin(self) -> None:
        self._position = NO_CARD
        self._watch = _Watch.NOTHING
        self._found_card = False

    def _release_chip(self, status: Answer) -> _Steps:
        if status.good and status.code[0] in "12":
            yield from self._must(Ask(CHIP_RELEASE))

    def _reset(self, command: Reset) -> Flow:
        ask = Ask(_RESETS[command.media], self._settings.reset_params(), self._retry_ms())
        before, had_card = self._captured, self._position not in (None, NO_CARD)
        answer = yield from self._must(ask)
        meaning = None if answer.good else error_meaning(answer.code)
        if meaning is not None and meaning.kind is not ErrorClass.WARNING:
            return _refused(command, meaning)
        self._fault = self._return_only = None
        self._found_card = False
        position = answer.code
        if meaning is not None:
            status = yield from self._must(_POLL)
            position = status.code if status.good else AT_EXIT
        yield from self._introduce() if not self._introduced else self._count()
        self._position = position
        self._watch = _Watch.TAKING if position == AT_EXIT else _Watch.NOTHING
        if command.media != "retain" or self._captured is None:
            retained = False
        elif before is None:
            retained = had_card and position == NO_CARD
        else:
            retained = self._captured != before
        return ResetResult(
            ticket=command.ticket,
            outcome=Outcome.DONE if meaning is None else Outcome.PARTIAL,
            error=meaning.word if meaning else None,
            detail=_detail(ask, meaning) if meaning else "",
            card_inside=position in CARD_IN,
            retained=retained,
        )

    def _following(self, flow: Callable[[Any], Flow]) -> Callable[[Any], Flow]:
        """Return `flow` with what it did to the reader noted: the card is elsewhere, the firmware is another."""

        def run(command: Command) -> Flow:
            result = yield from flow(command)
            if isinstance(command, LoadFirmware) and result.outcome is Outcome.DONE:
                self._fault = self._return_only = None
                self._introduced = False
                yield from self._introduce()
            elif isinstance(command, DeviceOrder) and command.code in MOVING:
                assert isinstance(result, DeviceOrderResult)
                if result.position is not None:
                    self._position = result.position
                    self._watch = _Watch.TAKING if result.position == AT_EXIT else _Watch.NOTHING
            return result

        return run

    # ------------------------------------------------------------ connecting and losing

    def _start_up(self) -> _Steps:
        """Initial reset holding the card, so that no card is lost; then who it is, and its settings."""
        answer = yield from self._must(Ask(RESET_HOLD, self._settings.reset_params(), self._retry_ms()))
        if answer.good:
            self._position = answer.code
        identity = Identity(model=MODEL)
        if self._fault is None:
            identity = yield from self._introduce()
            if not answer.good:  # warned, yet at rest: a card held at the mouth
                status = yield from self._must(_POLL)
                self._position = status.code if status.good else AT_EXIT
        self._identity = identity
        self._found_card = self._position not in (None, NO_CARD)
        self._watch = _Watch.TAKING if self._position == AT_EXIT else _Watch.NOTHING
        self._told = HealthChanged(health=Health.OK)
        self._reports.append(DeviceReady(identity=identity))
        self._tell_health()

    def _introduce(self) -> Generator[Ask, Reply, Identity]:
        """Ask who it is and how many cards it holds, and tell it the settings."""
        answer = yield from self._must(Ask(VERSION))
        identity = Identity(model=MODEL)
        if answer.good:
            versions = answer.data.decode("ascii", "replace")
            kind = versions[:12].strip()
            identity = Identity(model=f"OMRON {kind}" if kind else MODEL, firmware=versions[12:20].strip())
        yield from self._count()
        for code, params in self._settings.start_commands():
            yield from self._must(Ask(COMMANDS[code], params))
        self._introduced = True
        if self._identity is not None:
            self._identity = identity
        return identity

    def _count(self) -> Generator[Ask, Reply, object]:
        """Read the counter of captured cards; None when it does not say."""
        reply = yield Ask(CAPTURED_COUNT)
        said = isinstance(reply, Answer) and reply.good and reply.data.isdigit()
        self._captured = int(reply.data) if isinstance(reply, Answer) and said else None
        return None

    def _lose(self, reason: str, *, nothing_moved: bool) -> None:
        """The reader is gone: answer what is in flight, then say so."""
        command = self._command
        if command is not None and nothing_moved:
            self._reports.append(_result(command, Outcome.REFUSED, "deviceNotReady", reason))
        elif command is not None:
            self._reports.append(_result(command, Outcome.UNKNOWN, None, reason))
        self._forget()
        self._reports.append(DeviceLost(reason=reason))

    def _tell_health(self) -> None:
        """Report the health if it is not what was told last."""
        if self._identity is None:
            return
        supplies: dict[str, str] = {}
        health, error, detail = Health.OK, None, ""
        if self._found_card:
            supplies["media"] = "present"
            health, detail = Health.ATTENTION, "a card was found at start"
        capacity = self._settings.bin_capacity
        if capacity is not None and self._captured is not None:
            full, high = self._captured >= capacity, self._captured * 5 >= capacity * 4
            supplies["card_bin"] = "full" if full else "high" if high else "ok"
            if high:
                health, detail = Health.ATTENTION, f"{self._captured} of {capacity} cards in the bin"
                error = "retainBinFull" if full else None
        if self._fault is not None:
            health, error, detail = Health.STOP, self._fault.word, self._fault_detail
        now = HealthChanged(health=health, error=error, detail=detail, supplies=supplies)
        if now != self._told:
            self._told = now
            self._reports.append(now)

    def _retry_ms(self) -> int:
        """Return the time that mechanical retries may take: 1 s each (the reader's own default is 3)."""
        retries = self._settings.return_retries
        return 1_000 * (3 if retries is None else retries)


_RESTART_REASON: Final = "the reader has restarted and waits for an initial reset"


def _result(command: Command, outcome: Outcome, error: str | None = None, detail: str = "") -> Result:
    return _RESULTS[type(command)](ticket=command.ticket, outcome=outcome, error=error, detail=detail)


def _refused(command: Command, meaning: ErrorMeaning) -> Result:
    return _result(command, Outcome.REFUSED, meaning.word, f"N{meaning.code} {meaning.text}")


def _detail(ask: Ask, meaning: ErrorMeaning) -> str:
    return f"N{ask.spec.code}{meaning.code} {meaning.text}"


def _word(reply: Reply) -> str:
    return "hardwareError" if isinstance(reply, Failure) else error_meaning(reply.code).word


def _said(reply: Reply) -> str:
    return reply.value if isinstance(reply, Failure) else f"{'P' if reply.good else 'N'}{reply.code}"


def _inserted(reply: Reply) -> CardInserted:
    """Return what the read of track 2 makes of a card that is inside."""
    if isinstance(reply, Failure):
        return CardInserted(track2=None, error="hardwareError", detail=reply.value)
    if not reply.good:
        meaning = error_meaning(reply.code)
        return CardInserted(track2=None, error=meaning.word, detail=_detail(Ask(READ_ISO2), meaning))
    try:
        return CardInserted(track2=Track2(track_characters(reply.data)))
    except ValueError as reason:
        return CardInserted(track2=None, error="dataInvalid", detail=str(reason))
