"""What a monitor knows: open instances, what holds, what was seen, what was said; and how to ask a condition.

The generated functions of `step_compiler` and the methods of `rare_steps` work on this one object. Each instance keeps
the seq and time of its trigger and the data its norm uses; verdicts and explanations are made from these when asked
for, not before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from semantics.codegen import Ask, Writer
from semantics.instances import BOUND, DEADLINE, DOUBT, DUTY, SEQ, SLICE, Instance, Instances, T
from semantics.norms import expression
from semantics.norms.language import Duty, Norm, NormSet, Pattern, norm_exprs
from semantics.timeline import Timeline
from semantics.verdict import Incident, Outcome, RunReport, Verdict, rolled_up

INCIDENTS_MAX: Final = 10_000  # beyond, they are only counted: a broken journal must not fill the memory
OUTCOMES: Final = tuple(Outcome)
INDEX: Final = {o: i for i, o in enumerate(OUTCOMES)}


class MonitorState:
    """The state of one monitor over one norm set. `kept` are the outcomes whose verdicts are stored."""

    def __init__(self, norms: NormSet, kept: frozenset[Outcome], *, integrity: bool) -> None:
        self.norms = norms
        self.vocabulary = v = norms.vocabulary
        self.kept = kept
        self.integrity = integrity
        self.duties: list[tuple[Norm, Duty]] = [(n, d) for n in norms.norms for d in n.duty.all()]
        self.number_of = {d.id: q for q, (_, d) in enumerate(self.duties)}
        self.first = {n.id: self.number_of[n.duty.id] for n in norms.norms}
        self.place = {n.id: j for j, n in enumerate(norms.norms)}
        self.instances = Instances(self.duties)
        self.open = self.instances.open
        self.counts: list[list[int]] = [[0] * len(OUTCOMES) for _ in self.duties]
        self.activations = [0] * len(norms.norms)
        self.raw: list[tuple[Any, ...]] = []
        self.incidents: list[Incident] = []
        self.incidents_total = 0
        self.timeline = Timeline()
        self.records = 0
        asked = {
            p.affordance
            for n in norms.norms
            for e in norm_exprs(n)
            for p in expression.parts_of(e)
            if isinstance(p, expression.Holds)
        }
        tracked = set(v.tracked) if integrity else asked | {b for a in asked for b in v.bases[a]}
        self.holding: dict[str, dict[object, Mapping[str | None, object]]] = {a: {} for a in sorted(tracked)}
        self.seen: dict[tuple[str, str | None], dict[object, int]] = {
            (p.event, n.slice): {}
            for n in norms.norms for e in norm_exprs(n) for p in expression.parts_of(e)
            if isinstance(p, expression.Seen)
        }  # fmt: skip
        self.latest: dict[int, dict[object, tuple[tuple[str, ...], Any, int, int]]] = {
            q: {} for q, (_, d) in enumerate(self.duties) if d.preempt
        }
        self.writer = Writer({}, self.holding, self.seen)
        self._compile_conditions()

    def _compile_conditions(self) -> None:
        """Make a function of every condition; absent conditions are None."""
        w = self.writer
        events = self.vocabulary.events
        # (event, condition, whether the event carries no slice and so concerns every one)
        self.where: dict[tuple[int, str], list[tuple[str, Ask | None, bool]]] = {}
        self.keeps: dict[int, Ask] = {}
        for q, (norm, duty) in enumerate(self.duties):
            for name in ("action", "before", "until", "released_by"):
                pattern: Pattern = getattr(duty, name)
                self.where[q, name] = [
                    (
                        a.event, w.function(a.where, norm.bound_keys, norm.slice) if a.where is not None else None,
                        norm.slice is not None and norm.slice not in events[a.event].data,
                    )
                    for a in pattern
                ]  # fmt: skip
            if duty.keep is not None:
                self.keeps[q] = w.function(duty.keep, norm.bound_keys, norm.slice)
        self.triggers: list[list[tuple[str, Ask | None, Ask | None]]] = []
        self.guards: list[dict[str, Ask]] = []
        for norm in self.norms.norms:
            guards = {e: w.function(g, norm.bound_keys, norm.slice) for e, g in norm.guards.items()}
            self.guards.append(guards)
            self.triggers.append([
                (
                    a.event, w.function(a.where, norm.bound_keys, norm.slice) if a.where is not None else None,
                    guards.get(a.event),
                )
                for a in norm.trigger or ()
            ])  # fmt: skip

    def relevant_events(self) -> frozenset[str]:
        """Return the events that norms mention, that change tracked state, or after which something is forgotten."""
        names = {a.event for n in self.norms.norms for a in n.trigger or ()}
        for _, duty in self.duties:
            for pattern in (duty.action, duty.before, duty.until, duty.released_by):
                names |= {a.event for a in pattern}
        names |= {event for event, _ in self.seen}
        remembered = {key for _, key in self.seen} | {self.duties[q][0].slice for q in self.latest}
        for key in remembered:
            names |= self.vocabulary.ends.get(key or "", frozenset())
        for event in self.vocabulary.events.values():
            if event.closed or set(event.starts + event.finishes) & self.holding.keys():
                names.add(event.name)
        return frozenset(names)

    def clear(self) -> None:
        """Forget everything but the norms and what was compiled of them."""
        self.instances.clear()
        for table in (*self.holding.values(), *self.seen.values(), *self.latest.values()):
            table.clear()  # type: ignore[attr-defined]
        for row in self.counts:
            row[:] = [0] * len(OUTCOMES)
        self.activations[:] = [0] * len(self.activations)
        self.raw.clear()
        self.incidents.clear()
        self.incidents_total = self.records = 0
        self.timeline.offset, self.timeline.now, self.timeline.last_at = 0, 0, ""

    # ------------------------------------------------ saying

    def incident(self, code: str, seq: int, message: str) -> None:
        self.incidents_total += 1
        if len(self.incidents) < INCIDENTS_MAX:
            self.incidents.append(Incident(code, seq, message))

    def say(self, outcome: Outcome, i: Instance, t: int, evidence: int | None, because: str = "") -> None:
        self.counts[i[DUTY]][INDEX[outcome]] += 1
        if outcome in self.kept:
            self.raw.append((outcome, i, t, evidence, because))

    def violate(self, i: Instance, t: int, evidence: int | None, because: str = "") -> bool:
        """Say that an instance is violated, or unknown if it is in doubt; return which."""
        self.say(Outcome.UNKNOWN if i[DOUBT] else Outcome.VIOLATED, i, t, evidence, because)
        return not i[DOUBT]

    def verdict(self, outcome: Outcome, i: Instance, t: int, evidence: int | None, because: str = "") -> Verdict:
        norm, duty = self.duties[i[DUTY]]
        bound = tuple(zip(norm.bound_keys, i[BOUND], strict=False))
        return Verdict(norm.id, duty.id, outcome, t, i[SLICE], i[SEQ], i[T], evidence, i[DEADLINE], bound, because)

    def made(self, raw: tuple[Any, ...]) -> Verdict:
        """Return the verdict that stands behind an entry of `raw`."""
        if raw[0] is Outcome.UNPERMITTED:
            _, name, t, seq = raw
            return Verdict(name, name, Outcome.UNPERMITTED, t, None, seq, t, seq, None)
        return self.verdict(*raw)

    def report(self) -> RunReport:
        counts = {
            self.duties[q][1].id: Counter({o: row[k] for k, o in enumerate(OUTCOMES) if row[k]})
            for q, row in enumerate(self.counts)
        }
        pending = []
        for i in self.instances:
            duty = self.duties[i[DUTY]][1]
            if duty.operator == "obliged":
                pending.append(self.verdict(Outcome.PENDING, i, self.timeline.now, None))
                counts[duty.id][Outcome.PENDING] += 1
        active = {n.id: self.activations[j] for j, n in enumerate(self.norms.norms)}
        verdicts = (*(self.made(x) for x in self.raw), *pending)
        return RunReport(
            rolled_up(self.norms, counts, active), verdicts, tuple(self.incidents), self.records, self.norms
        )

    # ------------------------------------------------ asking

    def ask(self, ask: Ask | None, d: Any, b: Any, k: object) -> tuple[bool | None, str]:
        """Return true, false or unknown, and the crash if there was one."""
        if ask is None:
            return True, ""
        try:
            value = ask(d, b, k)
        except Exception as error:
            return None, f"{type(error).__name__}: {error}"
        return (None if value is None else bool(value)), ""

    def match(
        self, i: Instance, name: str, said: tuple[str, ...], d: Any, crashes: list[str] | None = None, mine: bool = True
    ) -> bool | None:
        """Ask a pattern for an instance; `mine` is False if the record is of another slice or of none."""
        result: bool | None = False
        for event, ask, for_all in self.where[i[DUTY], name]:
            if event in said and (mine or for_all):
                value, crash = self.ask(ask, d, i[BOUND], i[SLICE])
                if value:
                    return True
                if crash and crashes is not None:
                    crashes.append(crash)
                if value is None:
                    result = None
        return result

    def match_loudly(
        self, i: Instance, name: str, said: tuple[str, ...], d: Any, t: int, seq: int, mine: bool = True
    ) -> bool | None:
        crashes: list[str] = []
        result = self.match(i, name, said, d, crashes, mine)
        for crash in crashes:
            self.say(Outcome.ERROR, i, t, seq, crash)
        return result
