"""What is said of a norm: outcomes of instances, the status of a norm, and the explanation.

Never green by accident: a norm that never came into force is `vacuous`, one whose data were missing is `unknown`, one
whose condition crashed is `error`, and a report over no norms is not ok.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from semantics.norms.language import NormSet


class Outcome(Enum):
    """What became of one instance of a duty, or of one act under it."""

    FULFILLED = "fulfilled"  # done in time; kept to the end
    VIOLATED = "violated"
    RELEASED = "released"  # neither fulfilled nor violated
    EXPIRED = "expired"  # a permission ended
    EXERCISED = "exercised"  # a permission was used
    REPLACED = "replaced"  # by a later trigger (coalesce-latest)
    OVERRIDDEN = "overridden"  # an exception applied
    CONFLICT = "conflict"  # prohibited and obliged or permitted at once, and nothing decides between them
    UNPERMITTED = "unpermitted"  # a closed act without a permission
    UNKNOWN = "unknown"  # data were missing
    ERROR = "error"  # a condition crashed
    PENDING = "pending"  # open when the records ended

    __hash__ = object.__hash__  # members are single; Enum's own hash is a Python call, and they count every step


class Status(Enum):
    """What is said of a norm over all records seen, most serious first."""

    ERROR = "error"
    CONFLICT = "conflict"
    VIOLATED = "violated"
    COMPENSATED = "compensated"  # violated, and every reparation done
    UNKNOWN = "unknown"
    PENDING = "pending"
    SATISFIED = "satisfied"
    VACUOUS = "vacuous"  # never came into force: says nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """One outcome with its evidence. Times are milliseconds of the timeline; `bound` the stored data of the trigger.

    `duty` is the norm's id, or ``<id>/<n>`` for a reparation; `evidence` the seq of the record that decided, None if a
    deadline did; `slice` the value of the slice key.
    """

    norm: str
    duty: str
    outcome: Outcome
    at_ms: int
    slice: object
    trigger: int | None
    triggered_ms: int | None
    evidence: int | None
    deadline_ms: int | None
    bound: tuple[tuple[str, Any], ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something about the records themselves. Codes: gap, duplicate, clock, kind, I1 (start without antecedent), I4."""

    code: str
    seq: int
    message: str


@dataclass(frozen=True)
class NormReport:
    """What is said of one norm."""

    norm: str
    status: Status
    counts: Mapping[Outcome, int]
    activations: int


@dataclass(frozen=True)
class RunReport:
    """What is said of a run of records. `verdicts` are those kept; counts are complete."""

    norms: tuple[NormReport, ...]
    verdicts: tuple[Verdict, ...]
    incidents: tuple[Incident, ...]
    records: int
    norm_set: NormSet = field(repr=False)

    @property
    def ok(self) -> bool:
        """Tell whether every norm was in force and kept. No norms, no records, or a vacuous norm is not ok."""
        return (
            bool(self.norms) and self.records > 0 and not self.incidents
            and not any(v.outcome is Outcome.UNPERMITTED for v in self.verdicts)
            and all(n.status is Status.SATISFIED for n in self.norms)
        )  # fmt: skip

    def of(self, status: Status) -> list[str]:
        return [n.norm for n in self.norms if n.status is status]

    def render(self) -> str:
        """Return the report as text: a line of counts, then every norm that is not satisfied, with its evidence."""
        if not self.norms:
            return "no norms are loaded: nothing was checked"
        counts = Counter(n.status for n in self.norms)
        lines = [
            f"{self.records} records, {len(self.norms)} norms: "
            + ", ".join(f"{counts[s]} {s.value}" for s in Status if counts[s])
        ]  # fmt: skip
        shown = {
            Outcome.VIOLATED,
            Outcome.CONFLICT,
            Outcome.UNKNOWN,
            Outcome.ERROR,
            Outcome.UNPERMITTED,
            Outcome.PENDING,
        }
        lines += [explain(v, self.norm_set) for v in self.verdicts if v.outcome in shown]
        if vacuous := self.of(Status.VACUOUS):
            lines.append(f"never in force, so nothing is said of them: {', '.join(vacuous)}")
        lines += [f"record {i.seq}: {i.code}: {i.message}" for i in self.incidents]
        return "\n".join(lines)


def explain(verdict: Verdict, norms: NormSet) -> str:
    """Return one verdict in words: which norm, triggered by what, decided by what, with which data, by which source."""
    norm = norms.by_id.get(verdict.norm)
    duty = next((d for d in norm.duty.all() if d.id == verdict.duty), None) if norm else None
    parts = [f"{verdict.duty} {verdict.outcome.value} at {verdict.at_ms} ms"]
    if norm is not None and norm.slice is not None:
        parts.append(f"{norm.slice} {verdict.slice}")
    if duty is not None:
        parts.append(duty.means)
    if verdict.trigger is not None:
        parts.append(f"in force since record {verdict.trigger} ({verdict.triggered_ms} ms)")
    if verdict.bound:
        parts.append("with " + ", ".join(f"{k} = {v!r}" for k, v in verdict.bound))
    if verdict.evidence is not None:
        parts.append(f"decided by record {verdict.evidence}")
    elif verdict.deadline_ms is not None and verdict.outcome in (Outcome.VIOLATED, Outcome.UNKNOWN):
        parts.append(f"nothing came by {verdict.deadline_ms} ms")
    if verdict.because:
        parts.append(verdict.because)
    if norm is not None and norm.source:
        parts.append(f"source {', '.join(norm.source)}")
    return "; ".join(parts)


def rolled_up(
    norms: NormSet, counts: Mapping[str, Counter[Outcome]], activations: Mapping[str, int]
) -> tuple[NormReport, ...]:
    """Return the status of each norm from the counts of its duties (`counts` is by duty id)."""
    reports = []
    for norm in norms.norms:
        duties = list(norm.duty.all())
        total: Counter[Outcome] = Counter()
        for duty in duties:
            total += counts.get(duty.id, Counter())
        active = activations.get(norm.id, 0)
        reports.append(NormReport(norm.id, _status(duties, counts, total, active), dict(total), active))
    return tuple(reports)


def _status(
    duties: Sequence[Any], counts: Mapping[str, Counter[Outcome]], total: Mapping[Outcome, int], active: int
) -> Status:
    if total.get(Outcome.ERROR):
        return Status.ERROR
    if total.get(Outcome.CONFLICT):
        return Status.CONFLICT
    if total.get(Outcome.VIOLATED):
        violated = counts[duties[0].id][Outcome.VIOLATED]
        made_good = len(duties) > 1 and all(
            counts.get(d.id, Counter())[Outcome.FULFILLED] == violated
            and not counts.get(d.id, Counter())[Outcome.VIOLATED]
            for d in duties[0].or_else
        )  # fmt: skip
        return Status.COMPENSATED if made_good else Status.VIOLATED
    if total.get(Outcome.UNKNOWN):
        return Status.UNKNOWN
    if total.get(Outcome.PENDING):
        return Status.PENDING
    return Status.SATISFIED if active else Status.VACUOUS


def sorted_verdicts(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return verdicts in an order that does not depend on who reached them."""
    return sorted(verdicts, key=lambda v: (v.at_ms, v.duty, v.outcome.value, repr(v)))
