"""The machine: where every note is, and how it moves while the clock runs.

A motion is planned in full when it starts (each note has an instant at which it leaves its cassette and one
at which it leaves the path) and carried out as the clock passes those instants. Whoever cuts the power at an
instant finds exactly the notes moved that were due by then; the note that was on its way stays in the path.

Notes are never made or lost here: what left a cassette is in the path, in the tray (ejected, within reach),
taken (the customer has it), in the reject tray, or removed (a technician has it). `counts` are what the
device believes it saw; faults may make them differ from the truth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

SPIN_UP_MS: Final = 300
NOTE_MS: Final = 150  # one note after the other
TRAVEL_MS: Final = 120  # from cassette to exit; shorter than NOTE_MS, so one note is in the path at a time
REJECT_MS: Final = 300
GIVE_UP_MS: Final = 1_500  # three attempts to pick
PURGE_MS: Final = 2_500
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
    COUNT = "count"
    OVER_REJECT = "over_reject"
    PATH_NOT_EMPTY = "path_not_empty"
    PURGE = "purge"
    NO_CASSETTE = "no_cassette"
    NO_REJECT_TRAY = "no_reject_tray"
    CODE = "code"  # a code told by the fault itself


JAMS: Final = {
    place.value: place
    for place in (Trouble.JAM_CHK, Trouble.JAM_DIVERTER, Trouble.JAM_EJECT, Trouble.JAM_EXIT)
}


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


@dataclass(slots=True)
class Cassette:
    notes: int
    present: bool = True


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
    place: str = "chk"
    code: int = 0
    stuck: bool = False

    def hits(self, out: int, unit: str) -> bool:
        return out >= self.after and self.unit in (None, unit)


class Mechanism:
    """Cassettes, path, trays. All methods take the instant; none goes back in time."""

    def __init__(self, notes: Mapping[str, int]) -> None:
        self.cassettes = {unit: Cassette(count) for unit, count in notes.items()}
        self.path: list[tuple[str, str]] = []  # unit, place
        self.tray = dict.fromkeys(notes, 0)
        self.taken = dict.fromkeys(notes, 0)
        self.reject = dict.fromkeys(notes, 0)
        self.removed = dict.fromkeys(notes, 0)
        self.reject_tray_in = True
        self.stuck = False
        self._plan: deque[tuple[int, Step, str, str]] = deque()
        self._motion: Motion | None = None

    @property
    def ends_at_ms(self) -> int | None:
        """When the motion under way will end, or the power will fail; None at rest."""
        return self._plan[-1][0] if self._plan else None

    # ------------------------------------------------------------ motions

    def dispense(
        self,
        now_ms: int,
        order: Sequence[tuple[str, int]],
        strikes: Sequence[Strike],
        *,
        to_reject: bool = False,
    ) -> Motion:
        """Start to move `order` (unit, notes) to the tray, or to the reject tray."""
        motion = self._start()
        obstacle = self._obstacle(order)
        if obstacle is not None:
            motion.trouble, motion.unit = obstacle
            self._plan.append((now_ms + SPIN_UP_MS, Step.END, "", ""))
        else:
            self._plan_notes(now_ms + SPIN_UP_MS, motion, order, {s.name: s for s in strikes}, to_reject)
        return motion

    def purge(self, now_ms: int) -> Motion:
        """Start to clear the path: into the reject tray, but a note at the exit comes out."""
        motion = self._start()
        end_ms = now_ms + PURGE_MS
        if not self.reject_tray_in:
            motion.trouble = Trouble.NO_REJECT_TRAY
        elif self.stuck and self.path:
            motion.trouble = Trouble.PURGE
        else:
            for unit, place in self.path:
                step = Step.EJECT if place == Trouble.JAM_EXIT.value else Step.REJECT
                self._plan.append((end_ms - REJECT_MS, step, unit, ""))
        self._plan.append((end_ms, Step.END, "", ""))
        return motion

    def advance(self, now_ms: int) -> Step | None:
        """Carry out what is due. Returns how the motion ended if it just did: END, POWER_OFF or RESTART."""
        plan, motion = self._plan, self._motion
        while plan and motion is not None and plan[0][0] <= now_ms:
            _, step, unit, place = plan.popleft()
            if step in (Step.PICK, Step.DOUBLE):
                for _ in range(1 if step is Step.PICK else 2):
                    self.cassettes[unit].notes -= 1
                    self.path.append((unit, place))
                motion.left[unit] = motion.left.get(unit, 0) + 1
            elif step is Step.EJECT or step is Step.EJECT_UNSEEN:
                self._leave_path(unit)
                self.tray[unit] += 1
                if step is Step.EJECT:
                    motion.out[unit] = motion.out.get(unit, 0) + 1
            elif step is Step.REJECT or step is Step.REJECT_UNSEEN:
                self._leave_path(unit)
                self.reject[unit] += 1
                if step is Step.REJECT:
                    motion.rejected[unit] = motion.rejected.get(unit, 0) + 1
            else:
                plan.clear()
                self._motion = None
                motion.ended = step is Step.END
                return step
        return None

    def halt(self) -> None:
        """Stop where everything is."""
        self._plan.clear()
        self._motion = None

    # ------------------------------------------------------------ hands

    def take(self, count: int | None) -> int:
        """Let the customer take `count` notes of the tray, or all. Raises ValueError if there are fewer."""
        there = sum(self.tray.values())
        wanted = there if count is None else count
        if not 1 <= wanted <= there:
            raise ValueError(f"take {wanted} notes: there are {there} in the tray")
        left = wanted
        for unit, lying in self.tray.items():
            grabbed = min(lying, left)
            self.tray[unit] -= grabbed
            self.taken[unit] += grabbed
            left -= grabbed
        return wanted

    def empty_reject(self) -> None:
        for unit, count in self.reject.items():
            self.removed[unit] += count
            self.reject[unit] = 0

    # ------------------------------------------------------------ inside

    def _start(self) -> Motion:
        if self._plan:
            raise RuntimeError("one motion at a time")
        self._motion = Motion()
        return self._motion

    def _leave_path(self, unit: str) -> None:
        for index, (owner, _) in enumerate(self.path):
            if owner == unit:
                del self.path[index]
                return
        raise RuntimeError(f"no note of {unit} in the path")

    def _obstacle(self, order: Sequence[tuple[str, int]]) -> tuple[Trouble, str] | None:
        if not self.reject_tray_in:
            return Trouble.NO_REJECT_TRAY, ""
        if self.path:
            return Trouble.PATH_NOT_EMPTY, ""
        for unit, count in order:
            if count and not self.cassettes[unit].present:
                return Trouble.NO_CASSETTE, unit
        return None

    def _plan_notes(
        self,
        at_ms: int,
        motion: Motion,
        order: Sequence[tuple[str, int]],
        strikes: dict[str, Strike],
        to_reject: bool,
    ) -> None:
        plan = self._plan
        goal = Step.REJECT if to_reject else Step.EJECT
        total = rejects = 0
        for unit, wanted in order:
            stock, out = self.cassettes[unit].notes, 0
            while out < wanted:
                struck = next((s for s in strikes.values() if s.hits(total, unit)), None) if strikes else None
                if struck is not None and struck.name in ("power_loss", "restart"):
                    # with the note behind in the path, as a cut would find it
                    step = Step.POWER_OFF if struck.name == "power_loss" else Step.RESTART
                    if stock:
                        plan.append((at_ms, Step.PICK, unit, "chk"))
                    plan.append((at_ms, step, unit, ""))
                    return
                if struck is not None and struck.name == "fail":
                    motion.trouble, motion.unit, motion.code = Trouble.CODE, unit, struck.code
                    break
                if stock == 0 or (struck is not None and struck.name in ("pick_error", "runs_empty")):
                    picking = struck is not None and struck.name == "pick_error"
                    motion.trouble, motion.unit = (Trouble.PICK if picking else Trouble.EMPTY), unit
                    at_ms += GIVE_UP_MS
                    break
                if struck is not None and struck.name == "jam":
                    plan.append((at_ms, Step.PICK, unit, struck.place))
                    motion.trouble, motion.unit = JAMS[struck.place], unit
                    self.stuck = struck.stuck
                    at_ms += GIVE_UP_MS
                    break
                if struck is not None and struck.name == "count_mismatch" and stock >= 2:
                    plan.append((at_ms, Step.DOUBLE, unit, "chk"))
                    plan.append((at_ms + TRAVEL_MS, goal, unit, ""))
                    unseen = Step.REJECT_UNSEEN if to_reject else Step.EJECT_UNSEEN
                    plan.append((at_ms + TRAVEL_MS, unseen, unit, ""))
                    motion.trouble, motion.unit = Trouble.COUNT, unit
                    at_ms += NOTE_MS
                    break
                if struck is not None and struck.name == "double_pick" and stock >= 2:
                    del strikes["double_pick"]
                    plan.append((at_ms, Step.DOUBLE, unit, "chk"))
                    plan.append((at_ms + TRAVEL_MS, Step.REJECT, unit, ""))
                    plan.append((at_ms + TRAVEL_MS, Step.REJECT_UNSEEN, unit, ""))
                    stock -= 2
                    rejects += 1
                    at_ms += REJECT_MS
                    continue
                plan.append((at_ms, Step.PICK, unit, "chk"))
                stock -= 1
                if struck is not None and struck.name == "over_reject":
                    plan.append((at_ms + TRAVEL_MS, Step.REJECT, unit, ""))
                    rejects += 1
                    at_ms += REJECT_MS
                    if rejects > REJECTS_MAX:
                        motion.trouble, motion.unit = Trouble.OVER_REJECT, unit
                        break
                    continue
                plan.append((at_ms + TRAVEL_MS, goal, unit, ""))
                out += 1
                total += 1
                at_ms += NOTE_MS
            if motion.trouble is not Trouble.NONE:
                break
        late = next(
            (s for s in strikes.values() if s.name in ("power_loss", "restart") and s.after <= total), None
        )
        if late is not None and motion.trouble is Trouble.NONE:
            plan.append((at_ms, Step.POWER_OFF if late.name == "power_loss" else Step.RESTART, "", ""))
        else:
            plan.append((at_ms + SPIN_UP_MS, Step.END, "", ""))
