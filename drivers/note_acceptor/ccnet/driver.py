"""A bill validator on CCNET: commands to exchanges, states to the book of notes.

Unlike SSP, polling accepts nothing: a note in escrow waits for STACK or RETURN, and goes back by itself after about
ten seconds unless HOLD comes. So a lost note is a matter of *states*: STACK is said once; should its answer be lost,
the next states tell what became of it. Only when the device itself says that the note is *still in escrow* is the
order said again, `ORDERS_MAX` times in all.

STACKED is told until we acknowledge it, so the same news twice in a row, with no note in hand, is an echo and not a
second note, also when the line was lost between the two. IDLING after STACK without STACKED between says that the
telling was lost: UNKNOWN, and this device has no counters to ask.

Connecting waits until a note on its way has come to rest, then resets the device: a restart is the only defined
beginning. A driver that knew the device before and finds a note in escrow keeps it there; a new one returns it,
because it can ask neither who the device is nor what the note is worth while it is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from drivers.base.acceptor import (
    CashAcceptorCapabilities,
    CashboxRemoved,
    CashboxReplaced,
    Classification,
    FraudAttempt,
)
from drivers.base.clock import Clock
from drivers.base.vocabulary import Identity, Repeat
from drivers.note_acceptor.cash_in import CashInDriver
from drivers.note_acceptor.ccnet import commands as say
from drivers.note_acceptor.ccnet.framing import VALIDATOR
from drivers.note_acceptor.ccnet.link import CcnetLink, CcnetTiming
from drivers.note_acceptor.deposit import Where
from drivers.note_acceptor.driver import Condition
from drivers.note_acceptor.exchange import Ask, End, Ended, Lost, Order, Script

ORDERS_MAX: Final = 3
TYPES: Final = 24
_LASTING: Final = "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class CcnetSettings:
    """Settings of one validator.

    currency, countries: the bill table names countries by three letters; these are the ones whose notes are ours.
    minor_per_unit: the bill table speaks of whole units.
    classifications: bill type -> ``unfit``, ``suspect`` or ``counterfeit``, for datasets that keep types of their own
        for such notes; the others are ``fit``. Without it the device gives back whatever it doubts.
    values_minor: bill type -> minor units, for a device whose table is not to be believed; it is then not asked.
    address: 3 for a validator, 1 for a bill-to-bill unit.
    poll_every_ms: 100 to 200 by the maker.
    hold_every_ms: the device gives a note back after about 10 s without.
    start_within_ms: from reset to disabled or idling; ours.
    """

    currency: str = "CNY"
    countries: tuple[str, ...] = ("CNY", "CHN")
    minor_per_unit: int = 100
    classifications: Mapping[int, Classification] = field(default_factory=dict)
    values_minor: Mapping[int, int] | None = None
    address: int = VALIDATOR
    poll_every_ms: int = 200
    idle_every_ms: int = 1_000
    hold_every_ms: int = 5_000
    start_within_ms: int = 60_000
    read_within_ms: int = 15_000
    settle_within_ms: int = 20_000
    timing: CcnetTiming = field(default_factory=CcnetTiming)


class CcnetValidator(CashInDriver):
    """One validator with an escrow of one note."""

    def __init__(self, clock: Clock, settings: CcnetSettings | None = None) -> None:
        self._settings = settings or CcnetSettings()
        self._wire = CcnetLink(clock, self._settings.timing, self._settings.address)
        super().__init__(clock, self._wire, self._settings)
        self._known: Identity | None = None
        self._state_now = 0
        self._last_body = b""
        self._still_there = False  # the device says that it has not done what it was told
        self._held_ms = 0
        self._introducing = False

    @property
    def capabilities(self) -> CashAcceptorCapabilities:
        return self._capable(sensor=False, counters=False)

    @property
    def late(self) -> int:
        """Answers that nobody waited for."""
        return self._wire.late

    # ------------------------------------------------------------ connecting

    def _introduce(self) -> Script[Identity]:
        self._introducing = True
        yield from self._look_who_it_is()
        yield from self._poll(0)
        yield from self._come_to_rest()
        if self._deposit.at(Where.ESCROW) and self._known is not None:
            self._introducing = False
            return self._known
        yield from self._start_afresh()
        self._known = self._read_identity((yield from self._must(say.IDENTIFICATION)))
        if self._settings.values_minor is not None:
            self._values = dict(self._settings.values_minor)
        else:
            reply = yield from self._must(say.BILL_TABLE)
            self._values = self._read_table(bytes((reply.code,)) + reply.data)
        if not self._values:
            raise Lost(f"its bill table has no notes of {', '.join(self._settings.countries)}")
        self._classify(self._settings.classifications)
        yield from self._shut_mouth()
        yield from self._poll(0)
        self._introducing = False
        return self._known

    def _look_who_it_is(self) -> Script[None]:
        """See, if it can be asked, whether another unit stands here now: its news are not those of the one before."""
        if self._known is not None:
            reply = yield from self._exchange(say.IDENTIFICATION)
            if reply.ok and self._read_identity(reply) != self._known:
                self._known = None
                self._last_body = b""
                self._forget_the_other()

    @staticmethod
    def _read_identity(reply: Ended) -> Identity:
        body = bytes((reply.code,)) + reply.data
        return Identity(
            model=body[:15].decode("ascii", "replace").strip(" \0"),
            serial=body[15:27].decode("ascii", "replace").strip(" \0"),
        )

    def _come_to_rest(self) -> Script[None]:
        """Wait for a note on its way; decide about one in escrow."""
        until_ms = self._clock.now_ms() + self._settings.settle_within_ms
        while self._state_now in say.MOVING and self._clock.now_ms() < until_ms:
            if self._deposit.at(Where.ESCROW):
                if self._known is not None:
                    if not self._deposit.active:
                        self._deposit.begin("", escrow=True)
                    self._decision = "hold"
                    return
                self._decision = "return"
            yield from self._turn()
        self._deposit.lost()

    def _start_afresh(self) -> Script[None]:
        yield from self._must(say.RESET)
        until_ms = self._clock.now_ms() + self._settings.start_within_ms
        while True:
            yield from self._poll(self._paced_ms)
            if self._state_now not in say.STARTING and self._state_now not in say.MOVING:
                return
            if self._clock.now_ms() >= until_ms:
                raise Lost(f"it stays in {say.STATES[self._state_now]}")

    def _read_table(self, table: bytes) -> dict[int, int]:
        values = {}
        for number in range(TYPES):
            mantissa, country, exponent = (
                table[5 * number],
                table[5 * number + 1 : 5 * number + 4].decode("ascii", "replace"),
                table[5 * number + 4],
            )
            if not mantissa or country not in self._settings.countries:
                continue
            factor = 10 ** (exponent & 0x7F)
            minor = mantissa * self._settings.minor_per_unit
            values[number] = minor // factor if exponent & 0x80 else minor * factor
        return values

    def _must(self, order: Order, data: bytes = b"") -> Script[Ended]:
        ended = yield from self._exchange(order, data)
        if not ended.ok:
            raise Lost(f"{order.name}: {ended.why}")
        return ended

    # ------------------------------------------------------------ one turn

    def _turn(self, *, at_once: bool = False) -> Script[None]:
        at_ms = 0 if at_once else self._paced_ms
        if self._deposit.at(Where.ESCROW):
            if self._decision == "hold":
                if self._clock.now_ms() - self._held_ms >= self._settings.hold_every_ms:
                    self._held_ms = self._clock.now_ms()
                    yield from self._exchange(say.HOLD, at_ms=at_ms)
                    at_ms = 0
            elif not self._ordered or (self._still_there and self._ordered < ORDERS_MAX):
                self._ordered += 1
                self._still_there = False
                order = say.STACK if self._decision == "stack" else say.RETURN
                yield from self._tell_once(order, at_ms)
                at_ms = self._paced_ms
        yield from self._poll(at_ms)

    def _tell_once(self, order: Order, at_ms: int) -> Script[End]:
        """Give an order; silence is no reason to give it again, the states will say."""
        assert order.repeat is Repeat.ONCE
        ended = yield Ask(order, at_ms=at_ms)
        self._last_ms = self._clock.now_ms()
        return ended.end

    def _poll(self, at_ms: int) -> Script[None]:
        ended = yield from self._exchange(say.POLL, at_ms=at_ms)
        if not ended.ok:
            raise Lost(f"poll: {ended.why}")
        body = bytes((ended.code,)) + ended.data
        echo = body == self._last_body and ended.code in say.NEWS
        self._last_body = body
        self._state_now = ended.code
        self._on_lasting(ended)
        if not (echo and self._deposit.at(Where.NOWHERE)):
            self._on_state(ended.code, ended.data[0] if ended.data else 0)
        if ended.code in (0x10, 0x11, 0x12) and not self._introducing:
            raise Lost("the device was restarted")

    def _on_lasting(self, ended: Ended) -> None:
        """Some states last, and nothing can be taken meanwhile."""
        was = self._conditions.get(_LASTING)
        now = say.CONDITIONS.get(ended.code)
        if ended.code == 0x47 and ended.data:
            text = say.FAILURES.get(ended.data[0], "")
            now = Condition("hardwareError", f"47 failure {ended.data[0]:02X} {text}".strip())
        if now is None:
            self._conditions.pop(_LASTING, None)
        else:
            self._conditions[_LASTING] = now
            if ended.code in (0x43, 0x44, 0x47):
                self._deposit.lost()
        missing = say.CONDITIONS[0x42]
        if now == missing and was != missing:
            self._tell(CashboxRemoved(cash_in=self._deposit.ticket))
        elif was == missing and now != missing:
            self._tell(CashboxReplaced(cash_in=self._deposit.ticket))

    def _on_state(self, code: int, argument: int) -> None:
        deposit = self._deposit
        value_minor = self._values.get(argument, 0)
        self._disabled = code == 0x19
        if code == 0x15:
            self._tell(list(deposit.inserted()))
        elif code == 0x80:
            self._still_there = deposit.at(Where.ESCROW) and self._ordered > 0
            if not deposit.at(Where.ESCROW):
                self._held_ms = self._clock.now_ms()
            self._on_recognised(value_minor, self._sort(argument))
        elif code == 0x1A:
            self._on_recognised(next(iter(deposit.unaccounted), 0))
        elif code == 0x81:
            sort, detail = self._sort(argument), f"81 bill type {argument}"
            self._tell(list(deposit.stacked_note(value_minor, sort, detail=detail, recovered=self._introducing)))
            self._tell(list(deposit.stored("cashbox")))
        elif code == 0x82:
            reason = "hostRejected" if deposit.at(Where.ESCROW) and self._ordered else "escrowTimeout"
            self._tell(list(deposit.given_back(reason, "82 returned", self._sort(argument), value_minor=value_minor)))
        elif code == 0x1C:
            word, text = say.REJECTS.get(argument, ("invalidNote", "not in the table"))
            self._tell(list(deposit.given_back(word, f"{argument:02X} {text}")))
        elif code == 0x45:
            deposit.lost()
            self._tell(FraudAttempt(cash_in=deposit.ticket, detail="45 cheated"))
        elif code in (0x10, 0x11, 0x12):
            self._on_power_up(code)
        elif code in (0x14, 0x19, 0x41, 0x42):
            deposit.lost()  # it rests, and never said what became of the note in hand

    def _on_power_up(self, code: int) -> None:
        deposit = self._deposit
        deposit.lost()
        if deposit.settled and deposit.ticket and (deposit.stacked or not deposit.active):
            return  # the note inside is one that was told before
        if code == 0x11:
            self._tell(list(deposit.given_back("restart", "11", recovered=True)))
        elif code == 0x12:
            self._tell(list(deposit.stacked_note(0, recovered=True)))
            self._tell(list(deposit.stored("cashbox")))

    # ------------------------------------------------------------ for the commands

    def _open_mouth(self) -> Script[None]:
        mask = sum(1 << number for number in self._enabled_types())
        yield from self._must(say.ENABLE, mask.to_bytes(3, "big") * 2)
        yield from self._poll(self._paced_ms)

    def _shut_mouth(self) -> Script[None]:
        yield from self._must(say.ENABLE, bytes(6))

    def _restart(self) -> Script[None]:
        self._introducing = True
        yield from self._start_afresh()
        yield from self._introduce()
