"""What counts and an error code say together: the one place where a dispense gets its outcome.

| device says | counts                          | outcome                                              |
|-------------|---------------------------------|------------------------------------------------------|
| good        | all ordered came out            | DONE                                                 |
| good        | anything else                   | UNKNOWN: the device contradicts itself               |
| good        | all out, more left a unit       | PARTIAL: the rest is unaccounted                     |
| error       | trusted, nothing moved, no path | REFUSED                                              |
| error       | trusted                         | PARTIAL                                              |
| error       | not trusted, or more than asked | UNKNOWN, what came out is a lower bound              |
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.vocabulary import Counts, Outcome
from drivers.dispenser.commands import Meaning


@dataclass(frozen=True, slots=True)
class Judgement:
    outcome: Outcome
    error: str | None
    unaccounted: Counts


def judge(
    meaning: Meaning,
    picks: Counts,
    moved: Counts,
    rejected: Counts,
    left: Counts | None,
    *,
    strange: bool = False,
) -> Judgement:
    """`left`: notes seen to leave each unit, None where the device does not count them. `strange`: some
    count could not be read.
    """
    unaccounted: dict[str, int] = {}
    if left is not None:
        for unit, count in left.items():
            missing = count - moved.get(unit, 0) - rejected.get(unit, 0)
            if count < moved.get(unit, 0):
                strange = True  # more came out than left; rejects may or may not be among those that left
            elif missing > 0:
                unaccounted[unit] = missing
    if any(count > picks.get(unit, 0) for unit, count in moved.items()):
        strange = True
    if strange:
        return Judgement(Outcome.UNKNOWN, meaning.word or "incorrectCount", unaccounted)
    if meaning.success:
        complete = all(moved.get(unit, 0) == count for unit, count in picks.items())
        if not complete:
            return Judgement(Outcome.UNKNOWN, meaning.word or "incorrectCount", unaccounted)
        if unaccounted:
            return Judgement(Outcome.PARTIAL, meaning.word or "incorrectCount", unaccounted)
        return Judgement(Outcome.DONE, meaning.word, {})
    if not meaning.counted:
        return Judgement(Outcome.UNKNOWN, meaning.word, unaccounted)
    if moved or rejected or unaccounted or meaning.path:
        return Judgement(Outcome.PARTIAL, meaning.word, unaccounted)
    return Judgement(Outcome.REFUSED, meaning.word, {})


def positive(counts: dict[str, int]) -> dict[str, int]:
    """Leave zeros out."""
    return {unit: count for unit, count in counts.items() if count}
