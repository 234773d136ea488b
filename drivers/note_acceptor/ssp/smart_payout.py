"""A note recycler on SSP (NV200 with SMART Payout): what is put in can be paid out again.

A payout is said twice, first as a test that moves nothing, then as the order. The device reports *value*, not notes:
DISPENSED says how much. Which notes these were is told by the store, whose levels are read before and after:

| ended by   | left the store, less what went to the cashbox | result                                           |
|------------|-----------------------------------------------|--------------------------------------------------|
| DISPENSED  | the notes ordered                             | DONE                                             |
| DISPENSED  | other notes of the same value                 | PARTIAL                                          |
| anything   | can be split in one way only into paid + rest | PARTIAL, the rest is unaccounted (REFUSED: none) |
| anything   | otherwise                                     | UNKNOWN, what left the store is unaccounted      |
| silence    | not known                                     | UNKNOWN; `LastPayOut` asks                       |

Money commands go out encrypted. A device that was restarted has lost the key, so a frame said again to it is not
carried out: it answers KEY NOT SET.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from drivers.base.acceptor import (
    CashAcceptorCapabilities,
    Deplete,
    DepleteResult,
    LastPayOut,
    LastPayOutResult,
    NoteCounts,
    NotesPaid,
    NoteTransferred,
    PayOut,
    PayOutInterrupted,
    PayOutResult,
    StopPayOut,
    StopPayOutResult,
    StoredNotes,
    StoredNotesResult,
)
from drivers.base.clock import Clock
from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.base.vocabulary import Command, Outcome, Result
from drivers.note_acceptor.deposit import Where
from drivers.note_acceptor.exchange import Lost, Script
from drivers.note_acceptor.ssp import commands as say
from drivers.note_acceptor.ssp.driver import RECOVERY, SspValidator
from drivers.note_acceptor.ssp.essp import Entropy
from drivers.note_acceptor.ssp.events import Seen, read_levels
from drivers.note_acceptor.ssp.settings import SspSettings

NOTES_MAX: Final = 20 * 0xFFFF  # the command's own limit; the store is smaller
ENTRIES_MAX: Final = 20
_ENDS: Final[Mapping[int, str | None]] = {
    0xD2: None,
    0xD5: "mediaJam",
    0xD6: "cancelled",
    0xD9: "timeOut",
    0xB1: "hardwareError",
    0xD8: None,
    0xC3: None,
    0xB4: None,
}
_PROGRESS: Final = (0xDA, 0xD7, 0xB3)


@dataclass(slots=True)
class _Motion:
    """A payout or an emptying under way."""

    paid_minor: int = 0
    running: bool = False
    ended: bool = False
    error: str | None = None
    detail: str = ""
    transferred: Counter[int] = field(default_factory=Counter)
    changed_ms: int = 0


class SmartPayout(SspValidator):
    """A recycler; everything an `SspValidator` is, and a store. `settings.encrypt` must be set."""

    results: ClassVar[Mapping[type[Command], type[Result]]] = {
        **SspValidator.results,
        StoredNotes: StoredNotesResult,
        PayOut: PayOutResult,
        LastPayOut: LastPayOutResult,
        StopPayOut: StopPayOutResult,
        Deplete: DepleteResult,
    }

    def __init__(self, clock: Clock, settings: SspSettings, entropy: Entropy) -> None:
        if not settings.encrypt:
            raise LocalProtocolError("a recycler takes no money command in clear: set encrypt")
        super().__init__(clock, settings, entropy)
        self._motion: _Motion | None = None
        self._interrupted_minor: int | None = None  # paid by the payout that a restart cut off
        self._swept: Counter[int] = Counter()  # notes that a restart found on their way out, and put into the cashbox

    @property
    def capabilities(self) -> CashAcceptorCapabilities:
        return self._capable(
            sensor=self._protocol >= 8,
            counters=self._settings.counters,
            stored=self._settings.recycle_values_minor,
            pay_out_max=NOTES_MAX,
        )

    # ------------------------------------------------------------ connecting, events

    def _prepare(self) -> Script[None]:
        self._motion = None
        for value_minor in sorted(set(self._values.values())):
            kept = value_minor in self._settings.recycle_values_minor
            route = say.ROUTE_RECYCLE if kept else say.ROUTE_CASHBOX
            yield from self._must(say.SET_ROUTE, bytes((route,)) + self._coded(value_minor))
        ended = yield from self._exchange(say.ENABLE_PAYOUT)
        if not ended.ok:
            word, text = say.ENABLE_REFUSALS.get(ended.data[0] if ended.data else 0, ("", ended.why))
            raise Lost(f"enable payout: {text} {word}".strip())

    def _on_event(self, seen: Seen) -> Script[None]:
        code, motion = seen.event.code, self._motion
        value_minor = sum(self._scaled(value) for value, cc in seen.values if cc in ("", self._deposit.currency))
        if code in _PROGRESS or code in _ENDS:
            if motion is not None:
                self._on_motion(motion, seen, value_minor)
        elif code in (0xDC, 0xDD):
            requested = sum(self._scaled(value) for value, _ in seen.requested)
            if code == 0xDC:
                self._interrupted_minor = value_minor
                self._tell(
                    PayOutInterrupted(
                        paid_minor=value_minor,
                        requested_minor=requested,
                        currency=self._deposit.currency,
                    )
                )
        elif code == 0xCA:
            for value, currency in seen.values:
                self._swept[self._scaled(value)] += 1
                self._tell(NoteTransferred(value_minor=self._scaled(value), currency=currency))
        else:
            if code == 0xC9 and motion is not None:
                motion.transferred.update(self._scaled(value) for value, _ in seen.values)
            yield from super()._on_event(seen)

    def _on_motion(self, motion: _Motion, seen: Seen, value_minor: int) -> None:
        code = seen.event.code
        motion.running = code in _PROGRESS
        if seen.values and value_minor != motion.paid_minor:
            motion.paid_minor = value_minor
            motion.changed_ms = self._clock.now_ms()
            if code in (0xDA, 0xD2, 0xD5, 0xD6, 0xD9, 0xB1):
                self._tell(NotesPaid(paid_minor=value_minor, currency=self._deposit.currency))
        if code in _ENDS:
            motion.ended = True
            motion.error = _ENDS[code]
            text = say.PAYOUT_ERRORS.get(seen.code, "") if code == 0xB1 else ""
            motion.detail = f"{code:02X} {seen.event.name} {text}".strip()

    # ------------------------------------------------------------ commands

    def _check(self, command: Command) -> None:
        super()._check(command)
        if isinstance(command, PayOut | LastPayOut | Deplete):
            notes = command.keep if isinstance(command, Deplete) else command.picks
            strangers = set(notes) - set(self._settings.recycle_values_minor)
            if strangers or len(notes) > ENTRIES_MAX or any(count < 0 for count in notes.values()):
                raise LocalProtocolError(f"{dict(notes)}: it keeps {self._settings.recycle_values_minor}")
            if isinstance(command, PayOut) and not any(notes.values()):
                raise LocalProtocolError("a payout of nothing")

    def _perform(self, command: Command) -> Script[Result]:
        if isinstance(command, StoredNotes):
            return self._stored_notes(command)
        if isinstance(command, PayOut):
            return self._pay_out(command)
        if isinstance(command, LastPayOut):
            return self._last_pay_out(command)
        if isinstance(command, Deplete):
            return self._deplete(command)
        return super()._perform(command)

    def _stored_notes(self, command: StoredNotes) -> Script[Result]:
        levels = yield from self._levels()
        counters = yield from self._read_counters()
        return StoredNotesResult(
            ticket=command.ticket,
            outcome=Outcome.DONE,
            currency=self._deposit.currency,
            stored=levels,
            counters=counters,
        )

    def _pay_out(self, command: PayOut) -> Script[Result]:
        if self._deposit.active or not self._deposit.at(Where.NOWHERE):
            return self._refused(command, "cashInActive", "")
        before = yield from self._levels()
        for option in (say.TEST, say.COMMIT):
            ended = yield from self._exchange(say.PAYOUT, self._listed(command.picks, option))
            if not ended.ok:
                word, text = "hardwareError", ended.why
                if ended.code == say.CANNOT and ended.data:
                    word, text = say.PAYOUT_REFUSALS.get(ended.data[0], (word, text))
                if ended.code == say.NO_KEY:
                    raise Lost("the device has forgotten the key: it was restarted")
                return self._refused(command, word, text)
        motion = yield from self._follow()
        left = _less(before, (yield from self._levels()))
        return self._judge_pay_out(command, motion, _less(left, motion.transferred))

    def _refused(self, command: PayOut | Deplete, word: str, text: str) -> Result:
        return self._abandoned(command, Outcome.REFUSED, word, text)

    def _follow(self) -> Script[_Motion]:
        """Poll until the motion that was ordered has ended, or nothing has changed for too long."""
        self._interrupted_minor = None
        self._swept.clear()
        motion = self._motion = _Motion(changed_ms=self._clock.now_ms())
        told = False
        while not motion.ended:
            if isinstance(self._stop, StopPayOut) and not told:
                told = True
                yield from self._exchange(say.HALT_PAYOUT)
            yield from self._turn()
            if self._clock.now_ms() - motion.changed_ms > self._settings.pay_within_ms:
                motion.error, motion.detail = "timeOut", "no progress, no end"
                break
        self._motion = None
        return motion

    def _judge_pay_out(self, command: PayOut, motion: _Motion, left: dict[int, int]) -> PayOutResult:
        picks = {value: count for value, count in command.picks.items() if count}
        splits = _splits(left, motion.paid_minor)
        moved: dict[int, int] = {}
        rest = left
        error: str | None = motion.error or "incorrectCount"
        if len(splits) == 1:
            moved = splits[0]
            rest = _less(left, moved)
        if not motion.ended or len(splits) != 1:
            outcome = Outcome.UNKNOWN
        elif motion.error is None and moved == picks and not rest:
            outcome, error = Outcome.DONE, None
        else:
            outcome = Outcome.PARTIAL if left else Outcome.REFUSED
        return PayOutResult(
            ticket=command.ticket,
            outcome=outcome,
            error=error,
            detail=motion.detail,
            currency=self._deposit.currency,
            moved=moved,
            unaccounted=rest,
            paid_minor=motion.paid_minor,
        )

    def _last_pay_out(self, command: LastPayOut) -> Script[Result]:
        """Compare the store with what it was, and believe the device's own words about a break."""
        motion = self._motion = _Motion(changed_ms=self._clock.now_ms())
        yield from self._turn()
        until_ms = self._clock.now_ms() + self._settings.pay_within_ms
        while (motion.running or RECOVERY in self._conditions) and not motion.ended:
            if self._clock.now_ms() > until_ms:
                break  # it says that it pays, and does not come to an end
            motion.running = False
            yield from self._turn()
        self._motion = None
        counters = yield from self._read_counters()
        left = _less(_less(command.stored, (yield from self._levels())), self._swept)
        picks = {value: count for value, count in command.picks.items() if count}
        paid = self._interrupted_minor
        out = _gained(command.counters, counters, "dispensed")
        boxed = (_gained(command.counters, counters, "transferred") or 0) - self._swept.total()
        moved: dict[int, int] | None = None
        if any(count < 0 for count in left.values()) or self._blocked is not None:
            moved = None
        elif paid is not None:
            splits = _splits(left, paid)
            moved = splits[0] if len(splits) == 1 else None
        elif out is not None:
            moved = _so_many(left, out) if sum(left.values()) == out + boxed else None
        elif left in ({}, picks):
            moved = left
        unaccounted = _less(left, moved) if moved is not None else left
        if moved is not None and 0 < sum(unaccounted.values()) == boxed:
            unaccounted = {}  # those went to the cashbox, says the counter of such notes
        outcome = Outcome.UNKNOWN
        if moved is not None and not unaccounted:
            outcome = Outcome.DONE if moved else Outcome.REFUSED
        return LastPayOutResult(
            ticket=command.ticket,
            outcome=outcome,
            currency=self._deposit.currency,
            moved=moved or {},
            unaccounted={value: count for value, count in unaccounted.items() if count > 0},
            paid_minor=paid if paid is not None else sum(v * n for v, n in (moved or {}).items()),
        )

    def _deplete(self, command: Deplete) -> Script[Result]:
        if self._deposit.active or not self._deposit.at(Where.NOWHERE):
            return self._refused(command, "cashInActive", "")
        before = yield from self._levels()
        keep = {value: min(count, before.get(value, 0)) for value, count in command.keep.items() if count}
        if keep:
            order, data = say.FLOAT, self._listed(keep, say.COMMIT)
        else:
            order, data = say.SMART_EMPTY, b""
        ended = yield from self._exchange(order, data)
        if not ended.ok:
            if ended.code == say.NO_KEY:
                raise Lost("the device has forgotten the key: it was restarted")
            return self._refused(command, "deviceBusy", ended.why)
        motion = yield from self._follow()
        after = yield from self._levels()
        moved = _less(before, after)
        good = motion.ended and motion.error is None
        return DepleteResult(
            ticket=command.ticket,
            outcome=Outcome.DONE if good else Outcome.UNKNOWN,
            error=None if good else motion.error,
            detail=motion.detail,
            currency=self._deposit.currency,
            moved=moved if good else {},
            unaccounted={} if good else moved,
            stored=after,
        )

    def _abandoned(self, command: Command, outcome: Outcome, error: str, detail: str) -> Result:
        if isinstance(command, PayOut):
            return PayOutResult(
                ticket=command.ticket,
                outcome=outcome,
                error=error,
                detail=detail,
                currency=self._deposit.currency,
                paid_minor=self._motion.paid_minor if self._motion is not None else 0,
            )
        return super()._abandoned(command, outcome, error, detail)

    # ------------------------------------------------------------ bytes

    def _levels(self) -> Script[dict[int, int]]:
        data = yield from self._must(say.ALL_LEVELS)
        try:
            levels = read_levels(data)
        except RemoteProtocolError as error:
            raise Lost(f"all levels: {error}") from None
        currency = self._deposit.currency
        return {self._scaled(value): n for (value, cc), n in levels.items() if cc == currency and n}

    def _coded(self, value_minor: int) -> bytes:
        scale = self._scaled(1)
        return (value_minor // scale).to_bytes(4, "little") + self._deposit.currency.encode("ascii")

    def _listed(self, notes: NoteCounts, option: int) -> bytes:
        entries = [
            count.to_bytes(2, "little") + self._coded(value) for value, count in sorted(notes.items()) if count
        ]
        return bytes((len(entries),)) + b"".join(entries) + bytes((option,))


def _less(one: NoteCounts, other: NoteCounts) -> dict[int, int]:
    """Return the difference, negative where there is less; zeros left out."""
    values = set(one) | set(other)
    difference = {value: one.get(value, 0) - other.get(value, 0) for value in sorted(values)}
    return {value: count for value, count in difference.items() if count}


def _splits(left: NoteCounts, paid_minor: int) -> list[dict[int, int]]:
    """Return every way to take `paid_minor` from the notes in `left`; none if some count is negative."""
    if any(count < 0 for count in left.values()):
        return []
    ranges = [range(count + 1) for count in left.values()]
    found = []
    for counts in itertools.product(*ranges):
        if sum(value * count for value, count in zip(left, counts, strict=True)) == paid_minor:
            found.append({value: count for value, count in zip(left, counts, strict=True) if count})
            if len(found) > 1:
                break  # two are as good as many
    return found


def _so_many(left: NoteCounts, count: int) -> dict[int, int] | None:
    """Return the notes of `left` if they are `count` in all, or so many of the only kind; None: it cannot be told."""
    if sum(left.values()) == count:
        return dict(left)
    return {value: count for value in left if count} if len(left) == 1 else None


def _gained(before: Mapping[str, int], now: Mapping[str, int], name: str) -> int | None:
    """Return how much a counter went up; None if it is not there, or is another unit's."""
    if before.get("serial", now.get("serial")) != now.get("serial"):
        return None
    return now[name] - before[name] if name in before and name in now else None
