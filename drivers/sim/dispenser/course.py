"""The course of one order: which note does what at which instant, with the faults that hit it.

An order is planned in full when it starts. Each fault is a small physical story told in steps of the mechanism; the
`Trouble` it ends in is what the device notices of it, and each firmware has its own code for that.

    fault            what happens to notes                              what the device notices
    pick_error       none can be pulled off the stack                   PICK
    runs_empty       the cassette gives no more                         EMPTY
    jam              one is pulled and stays at `place`                 JAM_*
    slips            one slips behind the diverter and stays there      SLIP
    long_note        two overlap, are pulled as one, stay at `place`    LONG_EJECT, LONG_EXIT
    double_pick      two are pulled as one: both into the reject tray   nothing, the order goes on
    over_reject      each one is rejected                               OVER_REJECT
    wrong_way        two are pulled as one, and go out, not to reject   WRONG_WAY, or WRONG_WAY_SUSPECTED
    count_mismatch   two go out, one is counted                         COUNT_*, by the sensors that disagree
    extra_note       behind the last one, another goes out              OVERFLOW
    wrong_cassette   one of another cassette goes out                   WRONG_CASSETTE
    motor_stalls     the transport stands; what was pulled stays        MOTOR
    slow_transport   the transport crawls, and the time is over         TIMEOUT
    solenoid_dead    the diverter does not move                         SOLENOID
    power_loss       the power fails; what was pulled stays             POWER_OFF
    restart          the device starts anew; what was pulled stays      RESTART
    fail             nothing                                            CODE
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

SPIN_UP_MS: Final = 300
NOTE_MS: Final = 150  # one note after the other
TRAVEL_MS: Final = 120  # from cassette to exit; shorter than NOTE_MS, so one note is in the path at a time
REJECT_MS: Final = 300
GIVE_UP_MS: Final = 1_500  # three attempts to pick
TIMEOUT_MS: Final = 20_000  # a firmware's own patience with one note
REJECTS_MAX: Final = 10


class Trouble(Enum):
    """What ended a motion; each firmware has its own code for it."""

    NONE = "none"
    PICK = "pick"
    EMPTY = "empty"
    JAM_CHK = "chk"
    JAM_DIVERTER = "diverter"
    JAM_EJECT = "eject"
    JAM_EXIT = "exit"
    SLIP = "slip"
    LONG_EJECT = "long_eject"
    LONG_EXIT = "long_exit"
    WRONG_WAY = "wrong_way"
    WRONG_WAY_SUSPECTED = "wrong_way_suspected"
    COUNT_CHK = "count_chk"
    COUNT_DIVERTER = "count_diverter"
    COUNT_EXIT = "count_exit"
    OVERFLOW = "overflow"
    WRONG_CASSETTE = "wrong_cassette"
    MOTOR = "motor"
    TIMEOUT = "timeout"
    SOLENOID = "solenoid"
    SENSOR = "sensor"
    OVER_REJECT = "over_reject"
    PATH_NOT_EMPTY = "path_not_empty"
    PURGE = "purge"
    NO_CASSETTE = "no_cassette"
    NO_REJECT_TRAY = "no_reject_tray"
    MEMORY = "memory"
    CODE = "code"  # a code told by the fault itself


JAMS: Final = {
    place.value: place
    for place in (Trouble.JAM_CHK, Trouble.JAM_DIVERTER, Trouble.JAM_EJECT, Trouble.JAM_EXIT)
}
LONG: Final = {"eject": Trouble.LONG_EJECT, "exit": Trouble.LONG_EXIT}
COUNTS: Final = {
    "chk": Trouble.COUNT_CHK,
    "diverter": Trouble.COUNT_DIVERTER,
    "exit": Trouble.COUNT_EXIT,
}
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "jam": tuple(JAMS),
    "long_note": tuple(LONG),
    "count_mismatch": tuple(COUNTS),
}
"""Fault -> the places it can be at; the first is meant where none is named."""


class Step(Enum):
    PICK = "pick"
    DOUBLE = "double"  # two notes leave the cassette and are seen as one
    EJECT = "eject"
    EJECT_UNSEEN = "eject_unseen"
    REJECT = "reject"
    REJECT_UNSEEN = "reject_unseen"
    POWER_OFF = "power_off"
    RESTART = "restart"
    END = "end"


Planned = deque[tuple[int, Step, str, str]]  # instant, step, unit, place of a note that stays


@dataclass(slots=True)
class Motion:
    """One motion under way or done: what the device counts, and how it ended."""

    left: dict[str, int] = field(default_factory=dict)
    out: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    trouble: Trouble = Trouble.NONE
    unit: str = ""  # the unit the trouble is about
    code: int = 0  # for Trouble.CODE
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Strike:
    """A device fault that hits this motion: `after` notes that came out in it, in `unit` or any."""

    name: str
    after: int = 0
    unit: str | None = None
    place: str = ""
    code: int = 0
    stuck: bool = False
    suspected: bool = False
    source: str = ""  # the cassette a wrong note is from

    def hits(self, out: int, unit: str) -> bool:
        return self.name != "extra_note" and out >= self.after and self.unit in (None, unit)


class _Then(Enum):
    COUNTED = "one more of the order is where it should be"
    AGAIN = "it is tried again"
    STOP = "the order ends"
    DEAD = "the device ends"


class Course:
    """Plans one order into `plan` and notes in `motion` how it will end."""

    def __init__(
        self, at_ms: int, motion: Motion, stock: Mapping[str, int], strikes: Sequence[Strike], *, to_reject: bool
    ) -> None:
        self.plan: Planned = deque()
        self.stuck = False  # a jam that no purge can clear
        self._at_ms = at_ms
        self._motion = motion
        self._stock = dict(stock)
        self._strikes = {strike.name: strike for strike in strikes}
        self._goal, self._unseen = (
            (Step.REJECT, Step.REJECT_UNSEEN) if to_reject else (Step.EJECT, Step.EJECT_UNSEEN)
        )
        self._total = self._rejects = 0

    def run(self, order: Sequence[tuple[str, int]]) -> None:
        """Plan `order` (unit, notes) to its end, or to the end of the power."""
        for unit, wanted in order:
            left = wanted
            while left:
                then = self._one(unit)
                if then is _Then.DEAD:
                    return
                if then is _Then.STOP:
                    self._end()
                    return
                left -= then is _Then.COUNTED
        fed = [unit for unit, wanted in order if wanted]
        if fed:
            self._drag_another(fed[-1])
        self._end()

    def _end(self) -> None:
        dying = [s for s in self._strikes.values() if s.name in _POWER and s.after <= self._total]
        if dying and self._motion.trouble is Trouble.NONE:
            self.plan.append((self._at_ms, _POWER[dying[0].name], "", ""))
        else:
            self.plan.append((self._at_ms + SPIN_UP_MS, Step.END, "", ""))

    def _one(self, unit: str) -> _Then:
        """Plan what becomes of the next note."""
        struck = next((s for s in self._strikes.values() if s.hits(self._total, unit)), None)
        if struck is not None and (story := _STORIES.get(struck.name)) is not None:
            then = story(self, unit, struck)
            if then is not None:
                return then
        if not self._stock[unit]:
            return self._give_up(Trouble.EMPTY, unit)
        self._move(unit)
        self._total += 1
        return _Then.COUNTED

    # ------------------------------------------------------------ pieces of a story

    def _pick(self, unit: str, place: str = "chk", *, notes: int = 1) -> None:
        self.plan.append((self._at_ms, Step.PICK if notes == 1 else Step.DOUBLE, unit, place))
        self._stock[unit] -= notes

    def _arrive(self, unit: str, *steps: Step) -> None:
        for step in steps:
            self.plan.append((self._at_ms + TRAVEL_MS, step, unit, ""))

    def _move(self, unit: str) -> None:
        self._pick(unit)
        self._arrive(unit, self._goal)
        self._at_ms += NOTE_MS

    def _stop(self, trouble: Trouble, unit: str, after_ms: int = NOTE_MS) -> _Then:
        self._motion.trouble, self._motion.unit = trouble, unit
        self._at_ms += after_ms
        return _Then.STOP

    def _give_up(self, trouble: Trouble, unit: str) -> _Then:
        return self._stop(trouble, unit, GIVE_UP_MS)

    def _drag_another(self, unit: str) -> None:
        extra = self._strikes.get("extra_note")
        if extra is not None and extra.unit in (None, unit) and self._stock[unit]:
            self._move(unit)
            self._stop(Trouble.OVERFLOW, unit, 0)

    # ------------------------------------------------------------ the stories; None: no note to tell it of

    def _pick_error(self, unit: str, _: Strike) -> _Then:
        return self._give_up(Trouble.PICK, unit)

    def _runs_empty(self, unit: str, _: Strike) -> _Then:
        return self._give_up(Trouble.EMPTY, unit)

    def _jam(self, unit: str, strike: Strike) -> _Then | None:
        if not self._stock[unit]:
            return None
        self._pick(unit, strike.place)
        self.stuck = strike.stuck
        return self._give_up(JAMS[strike.place], unit)

    def _slips(self, unit: str, _: Strike) -> _Then | None:
        if not self._stock[unit]:
            return None
        self._pick(unit, "diverter")
        return self._give_up(Trouble.SLIP, unit)

    def _long_note(self, unit: str, strike: Strike) -> _Then | None:
        if self._stock[unit] < 2:
            return None
        self._pick(unit, strike.place, notes=2)
        return self._give_up(LONG[strike.place], unit)

    def _double_pick(self, unit: str, strike: Strike) -> _Then | None:
        if self._stock[unit] < 2:
            return None
        del self._strikes[strike.name]
        self._pick(unit, notes=2)
        self._arrive(unit, Step.REJECT, Step.REJECT_UNSEEN)
        self._rejects += 1
        self._at_ms += REJECT_MS
        return _Then.AGAIN

    def _over_reject(self, unit: str, _: Strike) -> _Then | None:
        if not self._stock[unit]:
            return None
        self._pick(unit)
        self._arrive(unit, Step.REJECT)
        self._rejects += 1
        if self._rejects > REJECTS_MAX:
            return self._stop(Trouble.OVER_REJECT, unit, REJECT_MS)
        self._at_ms += REJECT_MS
        return _Then.AGAIN

    def _wrong_way(self, unit: str, strike: Strike) -> _Then | None:
        if self._stock[unit] < 2:
            return None
        self._pick(unit, notes=2)
        self._arrive(unit, self._unseen, self._unseen)
        return self._stop(Trouble.WRONG_WAY_SUSPECTED if strike.suspected else Trouble.WRONG_WAY, unit)

    def _count_mismatch(self, unit: str, strike: Strike) -> _Then | None:
        if self._stock[unit] < 2:
            return None
        self._pick(unit, notes=2)
        self._arrive(unit, self._goal, self._unseen)
        return self._stop(COUNTS[strike.place], unit)

    def _wrong_cassette(self, unit: str, strike: Strike) -> _Then | None:
        source = strike.source or next((other for other in self._stock if other != unit), "")
        if source == unit or not self._stock.get(source):
            return None
        self._pick(source)
        self._arrive(source, self._unseen)
        return self._stop(Trouble.WRONG_CASSETTE, source)

    def _motor_stalls(self, unit: str, _: Strike) -> _Then:
        if self._stock[unit]:
            self._pick(unit)
        return self._give_up(Trouble.MOTOR, unit)

    def _slow_transport(self, unit: str, _: Strike) -> _Then:
        if self._stock[unit]:
            self._pick(unit, "diverter")
        return self._stop(Trouble.TIMEOUT, unit, TIMEOUT_MS)

    def _solenoid_dead(self, unit: str, _: Strike) -> _Then:
        """It is found in the test before the first note, or with a note in front of it."""
        if self._total and self._stock[unit]:
            self._pick(unit, "diverter")
        return self._stop(Trouble.SOLENOID, unit)

    def _power(self, unit: str, strike: Strike) -> _Then:
        if self._stock[unit]:  # with the note behind in the path, as a cut would find it
            self._pick(unit)
        self.plan.append((self._at_ms, _POWER[strike.name], unit, ""))
        return _Then.DEAD

    def _fail(self, unit: str, strike: Strike) -> _Then:
        self._motion.code = strike.code
        return self._stop(Trouble.CODE, unit, 0)


_POWER: Final = {"power_loss": Step.POWER_OFF, "restart": Step.RESTART}
_STORIES: Final[Mapping[str, Callable[[Course, str, Strike], _Then | None]]] = {
    "pick_error": Course._pick_error,
    "runs_empty": Course._runs_empty,
    "jam": Course._jam,
    "slips": Course._slips,
    "long_note": Course._long_note,
    "double_pick": Course._double_pick,
    "over_reject": Course._over_reject,
    "wrong_way": Course._wrong_way,
    "count_mismatch": Course._count_mismatch,
    "wrong_cassette": Course._wrong_cassette,
    "motor_stalls": Course._motor_stalls,
    "slow_transport": Course._slow_transport,
    "solenoid_dead": Course._solenoid_dead,
    "power_loss": Course._power,
    "restart": Course._power,
    "fail": Course._fail,
}
