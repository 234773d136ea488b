"""The driver of SZZT ZT588/ZT598 PIN pads: runs scripts over the line, and keeps the pad's fitness.

One thing happens at a time: a command, the introduction after `connect()`, or the idle poll that notices a
pad gone or exchanged. The poll does not make the driver `busy`; a command that comes during one waits for
its answer. While plain keys are let through there is no poll: an answer whose STX is damaged would be read
as keys pressed.

Fitness has two kinds of trouble. *Tampered* is final: every command is refused without a byte sent until a
technician's `connect()` finds a pad that answers without alarm. Everything else lasts until a command that
uses the keys succeeds again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from drivers.base.clock import Clock
from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    Command,
    DeviceLost,
    DeviceReady,
    EnterData,
    EnterDataResult,
    EnterPin,
    EnterPinResult,
    Health,
    HealthChanged,
    Identity,
    KeyPressed,
    LoadKey,
    LoadKeyResult,
    Outcome,
    PinPadCapabilities,
    Reset,
    ResetResult,
    Result,
    StopKeys,
    StopKeysResult,
)
from drivers.pin_pad import extra
from drivers.pin_pad.commands import PIN_FORMATS, TAMPERED, Fault, Spec, fault_of
from drivers.pin_pad.exchange import Answer, Exchange
from drivers.pin_pad.framing import Frame, KeyByte
from drivers.pin_pad.scripts import (
    Ask,
    Ended,
    Heard,
    Listen,
    Raw,
    Refused,
    Script,
    Scripts,
    Tell,
    user_info,
)
from drivers.pin_pad.settings import PinPadSettings

_RESULTS: Final[dict[type[Command], type[Result]]] = {
    LoadKey: LoadKeyResult,
    EnterPin: EnterPinResult,
    EnterData: EnterDataResult,
    StopKeys: StopKeysResult,
    Reset: ResetResult,
    extra.EraseKey: extra.EraseKeyResult,
    extra.WipeKeys: extra.WipeKeysResult,
    extra.GenerateMac: extra.GenerateMacResult,
    extra.CryptData: extra.CryptDataResult,
    extra.GetKeyDetail: extra.GetKeyDetailResult,
    extra.GetInstallation: extra.GetInstallationResult,
}


@dataclass(slots=True)
class _Run:
    """A script under way: `command` is None for the introduction and the poll."""

    script: Script[Any]
    command: Command | None
    introduces: bool = False
    asked: Spec | None = None
    listening: Listen | None = None
    bytes_out: bool = False


class SzztPinPad:
    """One SZZT pad on one line; implements `drivers.base.driver.Driver`."""

    def __init__(self, clock: Clock, settings: PinPadSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or PinPadSettings()
        self._scripts = Scripts(self._settings, clock)
        self._exchange = self._new_exchange()
        self._discarded_before = 0
        self._commands: dict[type[Command], Callable[[Any], Script[Any]]] = {
            LoadKey: self._scripts.load_key,
            EnterPin: self._scripts.enter_pin,
            EnterData: self._scripts.enter_data,
            StopKeys: self._scripts.stop_keys,
            Reset: self._scripts.reset,
            extra.EraseKey: self._scripts.erase_key,
            extra.WipeKeys: self._scripts.wipe_keys,
            extra.GenerateMac: self._scripts.generate_mac,
            extra.CryptData: self._scripts.crypt_data,
            extra.GetKeyDetail: self._scripts.get_key_detail,
            extra.GetInstallation: self._scripts.get_installation,
        }
        self._identity: Identity | None = None
        self._known: Identity | None = None
        self._health = Health.UNKNOWN
        self._trouble: Fault | None = None
        self._run: _Run | None = None
        self._next: Command | None = None
        self._keys_open = False
        self._poll_at_ms: int | None = None
        self._reports: list[Report] = []

    @property
    def capabilities(self) -> PinPadCapabilities:
        return PinPadCapabilities(
            pin_formats=tuple(PIN_FORMATS),
            key_schemes=("cryptogram",),
            mac=True,
            function_keys=sum(scan.key.startswith("fdk") for scan in self._settings.scan_codes),
        )

    @property
    def settings(self) -> PinPadSettings:
        return self._settings

    @property
    def identity(self) -> Identity | None:
        return self._identity

    @property
    def health(self) -> Health:
        return self._health

    @property
    def busy(self) -> bool:
        return self._next is not None or (self._run is not None and self._run.command is not None)

    @property
    def discarded(self) -> int:
        return self._discarded_before + self._exchange.discarded

    def connect(self) -> None:
        if self.busy:
            raise LocalProtocolError("connect while a command is in flight; disconnect first")
        self._discarded_before = self.discarded
        self._exchange = self._new_exchange()
        self._identity = None
        self._keys_open = False
        self._poll_at_ms = None
        self._start(_Run(self._scripts.introduce(), None, introduces=True))

    def disconnect(self, reason: str) -> list[Report]:
        if self._identity is not None or self._run is not None:
            self._lose(reason, "deviceNotReady", reason)
        return self._take_reports()

    def submit(self, command: Command) -> None:
        if type(command) not in self._commands:
            raise LocalProtocolError(f"a PIN pad has no {command.verb}")
        tampered = self._trouble is not None and self._trouble.tamper
        if self._identity is None and not tampered:
            raise LocalProtocolError(f"{command.verb} before the PIN pad is ready")
        running = self._run.command if self._run is not None else None
        if self._next is not None or (
            running is not None and not (isinstance(command, StopKeys) and isinstance(running, EnterPin))
        ):
            raise LocalProtocolError(f"{command.verb} while the PIN pad is busy")
        if tampered:
            assert self._trouble is not None
            self._reports.append(_ended(command, Outcome.REFUSED, TAMPERED, self._trouble.detail))
        elif self._run is None:
            self._start_command(command)
        else:
            self._next = command
            if self._run.listening is not None:
                self._go_on(Ended.STOPPED)

    def receive(self, data: bytes) -> list[Report]:
        for item in self._exchange.feed(data):
            if isinstance(item, Answer):
                self._answered(item.frame)
            elif isinstance(item, KeyByte):
                self._key(item)
            else:
                self._unasked(item.frame)
        return self._take_reports()

    def tick(self) -> list[Report]:
        now_ms = self._clock.now_ms()
        if self._exchange.tick():
            self._silence()
        elif self._run is not None and self._run.listening is not None:
            if now_ms >= self._run.listening.until_ms:
                self._go_on(Ended.DEADLINE)
        elif self._run is None and self._poll_at_ms is not None and now_ms >= self._poll_at_ms:
            self._start(_Run(self._poll(), None))
        return self._take_reports()

    def data_to_send(self) -> bytes:
        out = self._exchange.data_to_send()
        if out and self._run is not None:
            self._run.bytes_out = True
        return out

    def next_deadline_ms(self) -> int | None:
        if self._reports:
            return self._clock.now_ms()
        instants = [self._exchange.next_deadline_ms()]
        if self._run is None:
            instants.append(self._poll_at_ms)
        elif self._run.listening is not None:
            instants.append(self._run.listening.until_ms)
        return min((instant for instant in instants if instant is not None), default=None)

    # ---------------------------------------------------------------- running scripts

    def _start_command(self, command: Command) -> None:
        if isinstance(command, (EnterPin, StopKeys, Reset)):
            self._keys_open = False
        self._start(_Run(self._commands[type(command)](command), command))

    def _start(self, run: _Run) -> None:
        self._run = run
        self._go_on(None)

    def _go_on(self, heard: Heard | Refused) -> None:
        """Run the script to its next question or wait, or to its end."""
        run = self._run
        assert run is not None
        run.asked = run.listening = None
        while True:
            try:
                step = run.script.throw(heard) if isinstance(heard, Refused) else run.script.send(heard)
            except StopIteration as end:
                self._finished(run, end.value)
                return
            except Refused as refusal:
                self._refused(run, refusal)
                return
            if isinstance(step, Tell):
                self._reports.append(step.happening)
                heard = None
            elif isinstance(step, Ask):
                run.asked = step.spec
                self._exchange.ask(step.spec, step.parameters)
                return
            else:
                run.listening = step
                if isinstance(self._next, StopKeys):
                    run.listening = None
                    heard = Ended.STOPPED
                    continue
                return

    def _finished(self, run: _Run, value: object) -> None:
        self._run = None
        if run.introduces:
            assert isinstance(value, Identity)
            if value != self._known:
                self._scripts.kcvs.clear()
            self._identity = self._known = value
            self._trouble = None
            self._health = Health.OK
            self._reports.append(DeviceReady(identity=value))
        elif run.command is not None:
            assert isinstance(value, Result)
            if isinstance(run.command, EnterData):
                self._keys_open = True
            self._reports.append(value)
        self._idle()

    def _refused(self, run: _Run, refusal: Refused) -> None:
        self._run = None
        if run.command is None:
            self._lose(refusal.detail, "deviceNotReady", refusal.detail)
            return
        self._reports.append(_ended(run.command, Outcome.REFUSED, refusal.word, refusal.detail))
        self._idle()

    def _idle(self) -> None:
        """A script has ended: take up what waited for it, or arm the poll."""
        command, self._next = self._next, None
        if command is not None and self._trouble is not None and self._trouble.tamper:
            self._reports.append(_ended(command, Outcome.REFUSED, TAMPERED, self._trouble.detail))
        elif command is not None:
            self._start_command(command)
            return
        every_ms = self._settings.poll_every_ms
        polls = every_ms and self._identity is not None and not self._keys_open
        self._poll_at_ms = self._clock.now_ms() + every_ms if polls else None

    def _poll(self) -> Script[None]:
        info = yield from user_info()
        if info.identity != self._identity:
            raise Refused("hardwareError", f"another unit answers: {info.identity.serial}")

    # ---------------------------------------------------------------- what comes from the pad

    def _answered(self, frame: Frame) -> None:
        run = self._run
        if run is None or run.asked is None:
            return  # what had asked was ended by what came before in the same bytes
        fault = fault_of(frame.status, self._settings.status_rule)
        if fault is None:
            if run.asked.uses_keys:
                self._recover()
            try:
                body = frame.body.decode("ascii")
            except UnicodeDecodeError:
                self._go_on(Refused("hardwareError", f"{run.asked.name} answered no text"))
            else:
                self._go_on(body)
            return
        self._worsen(fault)
        if fault.tamper:
            self._tampered(fault)
        else:
            self._go_on(Refused(fault.word, fault.detail))

    def _unasked(self, frame: Frame) -> None:
        fault = fault_of(frame.status, self._settings.status_rule)
        if fault is not None and fault.tamper:
            self._worsen(fault)
            self._tampered(fault)
        elif self._run is not None and self._run.listening is not None:
            self._go_on(Ended.TIMED_OUT)

    def _key(self, key: KeyByte) -> None:
        if self._run is not None and self._run.listening is not None:
            self._go_on(Raw(key.code))
            return
        name = self._settings.key_of(key.code)
        if self._keys_open and name is not None:
            self._reports.append(KeyPressed(key=name))
        else:
            self._exchange.throw_away(key)

    def _silence(self) -> None:
        asked = self._run.asked if self._run is not None else None
        told = f"silent on {asked.name}" if asked is not None else "silent"
        self._lose(told, "timeOut", told)

    # ---------------------------------------------------------------- fitness

    def _worsen(self, fault: Fault) -> None:
        """Report a fault that touches the fitness, once."""
        if fault.health is None or fault == self._trouble or (self._trouble and self._trouble.tamper):
            return
        self._trouble = fault
        self._health = fault.health
        supplies = {"battery": "low"} if fault.code == 0xE0 else {}
        self._reports.append(
            HealthChanged(health=fault.health, error=fault.word, detail=fault.detail, supplies=supplies)
        )

    def _recover(self) -> None:
        if self._trouble is not None and not self._trouble.tamper:
            self._trouble = None
            self._health = Health.OK
            self._reports.append(HealthChanged(health=Health.OK))

    def _tampered(self, fault: Fault) -> None:
        """End whatever runs: a tampered pad has erased its keys and is not spoken to."""
        run, self._run = self._run, None
        self._exchange.abandon()
        self._keys_open = False
        self._scripts.kcvs.clear()
        if run is None:
            return
        run.script.close()
        if run.introduces:
            self._reports.append(DeviceLost(reason=f"{TAMPERED}: {fault.detail}"))
        elif run.command is not None:
            self._reports.append(_ended(run.command, Outcome.REFUSED, TAMPERED, fault.detail))
        self._idle()

    def _lose(self, reason: str, word: str, detail: str) -> None:
        """The pad is gone: answer what is open, then say so."""
        run, self._run = self._run, None
        waiting, self._next = self._next, None
        self._exchange.abandon()
        if run is not None:
            run.script.close()
            if run.command is not None:
                outcome = Outcome.UNKNOWN if run.bytes_out else Outcome.REFUSED
                self._reports.append(_ended(run.command, outcome, word, detail))
        if waiting is not None:
            self._reports.append(_ended(waiting, Outcome.REFUSED, "deviceNotReady", detail))
        self._identity = None
        self._keys_open = False
        self._poll_at_ms = None
        if self._trouble is None or not self._trouble.tamper:
            self._health = Health.UNKNOWN
        self._reports.append(DeviceLost(reason=reason))

    def _take_reports(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports

    def _new_exchange(self) -> Exchange:
        return Exchange(self._clock, repeats=self._settings.repeats, byte_gap_ms=self._settings.byte_gap_ms)


def _ended(command: Command, outcome: Outcome, word: str, detail: str) -> Result:
    return _RESULTS[type(command)](ticket=command.ticket, outcome=outcome, error=word, detail=detail)
