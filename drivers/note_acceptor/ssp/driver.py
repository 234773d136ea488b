"""A note validator on SSP (NV200 and its family): commands to exchanges, events to the book of notes.

The one rule of escrow: **a poll after READ accepts the note.** So from the moment a note is recognised this driver
does not poll; it says HOLD, until told what to do. What it does at each turn is `_decision`:

    no note held            POLL
    held, not decided       HOLD; the device says FAIL when it holds none any more: then POLL, to hear why. A unit
                            that has no HOLD keeps the note for any command but POLL: it is asked for its number
    held, to be stacked     POLL, until CREDIT
    held, to be given back  REJECT once, then POLL, until REJECTED

A note that comes in outside `CashIn` is given back; so is one of a value or currency that was not asked for.
CREDIT is the one event that makes a note ours. A restart of the device (SLAVE RESET) ends the connection: whoever
owns the driver connects again, and the device then tells where it put a note that was inside.

When connecting, the driver asks with HOLD whether a note is in escrow *before* the first poll could accept it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.base.acceptor import (
    CashAcceptorCapabilities,
    CashboxRemoved,
    CashboxReplaced,
    Classification,
    FraudAttempt,
    NotesAtExit,
    NotesTaken,
    NoteTransferred,
)
from drivers.base.clock import Clock
from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.base.vocabulary import Health, Identity
from drivers.note_acceptor.cash_in import CashInDriver
from drivers.note_acceptor.deposit import Where
from drivers.note_acceptor.driver import Condition
from drivers.note_acceptor.exchange import Lost, Order, Script
from drivers.note_acceptor.ssp import commands as say
from drivers.note_acceptor.ssp.essp import Entropy, KeyAgreement, SecureChannel
from drivers.note_acceptor.ssp.events import Seen, Setup, read_counters, read_events, read_setup
from drivers.note_acceptor.ssp.link import Link
from drivers.note_acceptor.ssp.settings import SspSettings

JAM, FULL, OPEN, RECOVERY = LASTING = "jam", "full", "open", "recovery"
CASHBOX: Final = "cashbox"
VALUE_END: Final = 1 << 32  # values are told and ordered in four bytes

_LASTING: Final[Mapping[int, tuple[str, Condition]]] = {
    0xE9: (JAM, Condition("mediaJam", "E9 unsafe jam")),
    0xEA: (JAM, Condition("mediaJam", "EA safe jam", Health.ATTENTION)),
    0xE7: (FULL, Condition("cashUnitFull", "E7 stacker full", supplies={"cashbox": "full"})),
    0xCF: (FULL, Condition("cashUnitFull", "CF device full", supplies={"cashbox": "full"})),
    0xE0: (OPEN, Condition("hardwareError", "E0 note path open")),
    0xB0: (RECOVERY, Condition("deviceBusy", "B0 jam recovery", Health.ATTENTION)),
}
"""Reported in every poll as long as it lasts."""

_MISSING: Final = Condition("cashUnitMissing", "E3 cashbox removed", supplies={"cashbox": "missing"})


class SspValidator(CashInDriver):
    """One validator with an escrow of one note. `entropy` is needed where `settings.encrypt` is set."""

    def __init__(
        self, clock: Clock, settings: SspSettings | None = None, entropy: Entropy | None = None
    ) -> None:
        self._settings = settings or SspSettings()
        if self._settings.encrypt and entropy is None:
            raise LocalProtocolError("encryption needs a source of entropy, such as os.urandom")
        self._entropy = entropy
        self._wire = Link(clock, self._settings.timing, self._settings.address)
        super().__init__(clock, self._wire, self._settings)
        self._protocol = self._settings.protocol
        self._serial: int | None = None  # of the unit that was last here
        self._setup: Setup | None = None
        self._restarted = False
        self._introducing = False  # a restart is no news then
        self._holding = say.HOLD
        self._at_exit = False
        self._strange = b""

    @property
    def capabilities(self) -> CashAcceptorCapabilities:
        return self._capable(sensor=self._protocol >= 8, counters=self._settings.counters)

    @property
    def strange(self) -> bytes:
        """The rest of the last poll reply that could not be read; empty if there was none."""
        return self._strange

    @property
    def late(self) -> int:
        """Replies that nobody waited for, or that could not be believed."""
        return self._wire.late

    # ------------------------------------------------------------ connecting

    def _introduce(self) -> Script[Identity]:
        self._introducing = True
        self._wire.channel = None
        yield from self._exchange(say.SYNC)
        if self._settings.encrypt:
            yield from self._agree_on_key()
        serial = yield from self._must(say.SERIAL_NUMBER)
        number = int.from_bytes(serial[:4], "big")
        if self._serial not in (None, number):
            self._forget_the_other()
        self._serial = number
        yield from self._rescue_escrow()
        yield from self._choose_protocol()
        setup = read_setup_or_leave((yield from self._must(say.SETUP)))
        self._learn(setup)
        yield from self._must(say.SET_INHIBITS, b"\x00\x00")
        if not self._deposit.at(Where.ESCROW):
            yield from self._must(say.DISABLE)
        self._conditions.pop(JAM, None)
        yield from self._prepare()
        yield from self._turn(at_once=True)
        self._introducing = self._restarted = False  # it has just been set up
        return Identity(model=f"ITL {setup.unit}", serial=str(number), firmware=setup.firmware)

    def _prepare(self) -> Script[None]:
        """Set up what the unit has beyond a validator."""
        yield from ()

    def _agree_on_key(self) -> Script[None]:
        assert self._entropy is not None
        agreement = KeyAgreement(self._entropy)
        yield from self._must(say.SET_GENERATOR, agreement.generator.to_bytes(8, "little"))
        yield from self._must(say.SET_MODULUS, agreement.modulus.to_bytes(8, "little"))
        other = yield from self._must(say.EXCHANGE_KEYS, agreement.public.to_bytes(8, "little"))
        try:
            negotiated = agreement.shared(int.from_bytes(other[:8], "little"))
        except RemoteProtocolError as error:
            raise Lost(str(error)) from None
        self._wire.channel = SecureChannel(negotiated, self._entropy, self._settings.fixed_key)

    def _rescue_escrow(self) -> Script[None]:
        """Find out, before a poll could accept it, whether a note lies in escrow from before."""
        held = yield from self._exchange(say.HOLD)
        self._ordered = 0
        self._decision = "hold"
        if held.ok:
            missing = self._deposit.unaccounted
            if not self._deposit.active:
                self._deposit.begin("", escrow=True)
            self._tell(list(self._deposit.escrowed(next(iter(missing), 0))))

    def _choose_protocol(self) -> Script[None]:
        for version in range(self._settings.protocol, self._settings.protocol_min - 1, -1):
            ended = yield from self._exchange(say.PROTOCOL, bytes((version,)))
            if ended.ok:
                self._protocol = version
                return
        raise Lost(
            f"the device declines protocols {self._settings.protocol_min} to {self._settings.protocol}"
        )

    def _learn(self, setup: Setup) -> None:
        scale = setup.multiplier or 1 if self._settings.values_scaled else 1
        values = {
            channel.number: channel.value * scale
            for channel in setup.channels
            if channel.currency == self._settings.currency and channel.value
        }
        pinned = self._settings.values_minor
        if pinned is not None and values != dict(pinned):
            raise Lost(f"its channels are {values}, the site expects {dict(pinned)}: another dataset or device")
        if not values:
            raise Lost(f"it has no channel for {self._settings.currency}")
        if max(values.values()) >= VALUE_END:
            raise Lost(f"its channels are {values}: more than four bytes say")
        self._setup = setup
        self._values = values
        self._classify(self._settings.classifications)

    def _must(self, order: Order, data: bytes = b"") -> Script[bytes]:
        """Say what has to be agreed to; raises `Lost` if it is not. Returns what follows OK."""
        ended = yield from self._exchange(order, data)
        if not ended.ok:
            raise Lost(f"{order.name}: {ended.why}")
        return ended.data

    # ------------------------------------------------------------ one turn

    def _turn(self, *, at_once: bool = False) -> Script[None]:
        at_ms = 0 if at_once else self._paced_ms
        if self._deposit.at(Where.ESCROW):
            if self._decision == "hold":
                held = yield from self._exchange(self._holding, at_ms=at_ms)
                if held.code == say.UNKNOWN_COMMAND:
                    self._holding = say.SERIAL_NUMBER
                if held.ok or held.code == say.UNKNOWN_COMMAND:
                    return
            if self._decision == "return" and not self._ordered:
                self._ordered = 1
                yield from self._exchange(say.REJECT, at_ms=at_ms)
                at_ms = self._paced_ms
        yield from self._poll(at_ms)

    def _poll(self, at_ms: int) -> Script[None]:
        ended = yield from self._exchange(say.POLL, at_ms=at_ms)
        if ended.code == say.NO_KEY:
            raise Lost("the device has forgotten the key: it was restarted")
        if not ended.ok:
            raise Lost(f"poll: {ended.why}")
        seen, self._strange = read_events(ended.data, self._protocol)
        lasting: dict[str, Condition] = {}
        self._disabled = False
        at_exit = False
        for one in seen:
            code = one.event.code
            if code in _LASTING:
                kind, condition = _LASTING[code]
                lasting[kind] = condition
                if kind == JAM and JAM not in self._conditions:
                    self._deposit.lost()
            elif code == 0xCE:
                at_exit = True
                self._on_exit(one)
            else:
                yield from self._on_event(one)
        if self._at_exit and not at_exit:
            self._tell(NotesTaken(cash_in=self._deposit.ticket))
        self._at_exit = at_exit
        for kind in LASTING:
            self._conditions.pop(kind, None)
        self._conditions |= lasting
        if self._restarted and not self._introducing:
            raise Lost("the device was restarted")

    def _on_exit(self, seen: Seen) -> None:
        if not self._at_exit:
            value_minor = self._scaled(seen.values[0][0]) if seen.values else 0
            currency = seen.values[0][1] if seen.values else ""
            self._tell(NotesAtExit(cash_in=self._deposit.ticket, value_minor=value_minor, currency=currency))

    def _on_event(self, seen: Seen) -> Script[None]:
        code, deposit = seen.event.code, self._deposit
        value_minor = self._values.get(seen.channel, 0)
        if code == 0xEF:
            if seen.channel:
                self._on_recognised(value_minor, self._sort(seen.channel))
            else:
                self._tell(list(deposit.inserted()))
        elif code == 0xEE:
            sort, detail = self._sort(seen.channel), f"EE channel {seen.channel}"
            self._tell(list(deposit.stacked_note(value_minor, sort, detail=detail, recovered=self._introducing)))
        elif code == 0xE5:  # a ticket: nobody asked for one, and a poll would accept it
            yield from self._exchange(say.REJECT)
        elif code == 0xEB:
            self._tell(list(deposit.stored("cashbox")))
        elif code == 0xDB:
            self._tell(list(deposit.stored("recycler")))
        elif code == 0xEC:
            yield from self._on_rejected()
        elif code == 0xE1:
            self._settle_restart(value_minor, self._sort(seen.channel), stacked=False)
        elif code == 0xE2:
            self._settle_restart(value_minor, self._sort(seen.channel), stacked=True)
        elif code == 0xE6:
            deposit.lost()
            self._tell(
                FraudAttempt(
                    cash_in=deposit.ticket,
                    value_minor=value_minor,
                    currency=deposit.currency if value_minor else "",
                    detail=f"E6 channel {seen.channel}",
                )
            )
        elif code == 0xE3:
            if CASHBOX not in self._conditions:
                self._tell(CashboxRemoved(cash_in=deposit.ticket))
            self._conditions[CASHBOX] = _MISSING
        elif code == 0xE4:
            self._conditions.pop(CASHBOX, None)
            self._tell(CashboxReplaced(cash_in=deposit.ticket))
        elif code == 0xC9:
            for value, currency in seen.values:
                self._tell(
                    NoteTransferred(
                        cash_in=deposit.ticket, value_minor=self._scaled(value), currency=currency
                    )
                )
        elif code == 0xE8:
            self._disabled = True
        elif code == 0xF1:
            self._restarted = True
            deposit.lost()

    def _on_rejected(self) -> Script[None]:
        ended = yield from self._exchange(say.LAST_REJECT)
        code = ended.data[0] if ended.ok and ended.data else -1
        word, text = say.REJECTS.get(code, ("unknown", f"reject code {code:02X}" if code >= 0 else "not said"))
        self._tell(list(self._deposit.given_back(word, f"{code:02X} {text}" if code >= 0 else text)))

    def _settle_restart(self, value_minor: int, sort: Classification, *, stacked: bool) -> None:
        """A note that was inside when the device restarted went to the front, or into the cashbox.

        Channel 0 says that its value is not known, or that it had been credited before.
        """
        deposit = self._deposit
        deposit.lost()
        rested = deposit.rested(value_minor, "cashbox") if stacked else None
        if rested is not None:
            self._tell(list(rested))
            return
        if not value_minor and deposit.settled:
            return
        if stacked:
            self._tell(list(deposit.stacked_note(value_minor, sort, detail="E2", recovered=True)))
            self._tell(list(deposit.stored("cashbox")))
        else:
            self._tell(list(deposit.given_back("restart", "E1", sort, value_minor=value_minor, recovered=True)))

    def _scaled(self, value: int) -> int:
        scale = self._setup.multiplier or 1 if self._setup is not None else 1
        return value * scale if self._settings.pay_out_values_scaled else value

    # ------------------------------------------------------------ for the commands

    def _open_mouth(self) -> Script[None]:
        mask = sum(1 << channel - 1 for channel in self._enabled_types())
        yield from self._must(say.SET_INHIBITS, mask.to_bytes(2, "little"))
        yield from self._must(say.ENABLE)

    def _shut_mouth(self) -> Script[None]:
        yield from self._must(say.DISABLE)

    def _restart(self) -> Script[None]:
        yield from self._exchange(say.RESET)
        yield from self._introduce()

    def _read_counters(self) -> Script[dict[str, int]]:
        if not self._settings.counters:
            return {}
        ended = yield from self._exchange(say.COUNTERS)
        try:
            return {**read_counters(ended.data), "serial": self._serial or 0} if ended.ok else {}
        except RemoteProtocolError:
            return {}

    def _last_reject(self) -> Script[str]:
        ended = yield from self._exchange(say.LAST_REJECT)
        return say.REJECTS.get(ended.data[0], ("unknown", ""))[0] if ended.ok and ended.data else ""


def read_setup_or_leave(data: bytes) -> Setup:
    """Read the setup reply; raises `Lost` if it is not one of a note acceptor."""
    try:
        return read_setup(data)
    except RemoteProtocolError as error:
        raise Lost(f"setup reply: {error}") from None
