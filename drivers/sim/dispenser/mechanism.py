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
from dataclasses import dataclass
from typing import Final

from drivers.sim.dispenser.course import REJECT_MS, SPIN_UP_MS, Course, Motion, Planned, Step, Strike, Trouble

PURGE_MS: Final = 2_500


@dataclass(slots=True)
class Cassette:
    notes: int
    present: bool = True


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
        self._plan: Planned = deque()
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
        obstacle = self._obstacle(order)
        if obstacle is not None:
            return self.refuse(now_ms, *obstacle)
        motion = self._start()
        stock = {unit: cassette.notes for unit, cassette in self.cassettes.items()}
        course = Course(now_ms + SPIN_UP_MS, motion, stock, strikes, to_reject=to_reject)
        course.run(order)
        self._plan, self.stuck = course.plan, self.stuck or course.stuck
        return motion

    def refuse(self, now_ms: int, trouble: Trouble, unit: str = "") -> Motion:
        """Start, find `trouble` in the test before the first note, and end."""
        motion = self._start()
        motion.trouble, motion.unit = trouble, unit
        self._plan.append((now_ms + SPIN_UP_MS, Step.END, "", ""))
        return motion

    def purge(self, now_ms: int, *, dies: bool = False) -> Motion:
        """Start to clear the path: into the reject tray, but a note at the exit comes out. With `dies` the power
        fails on the way.
        """
        motion = self._start()
        end_ms = now_ms + PURGE_MS
        if dies:
            self._plan.append((now_ms + PURGE_MS // 2, Step.POWER_OFF, "", ""))
            return motion
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
