"""The meaning of norms, slow and obviously right.

An instance of a duty lives so: it is created by its trigger (or, for a reparation, by a violation), and ends
`fulfilled`, `violated`, `released` or `expired`. For one record at time t, in this order:

1. Deadlines d < t pass, earliest first: an act exactly at d is on time. A reparation of a duty whose deadline passed
   begins at d, before the record is looked at; otherwise an idle tick in between would change the verdict.
2. Prohibitions and permissions are asked about the record, against the state *before* it.
3. The state changes: finishes, then starts, then what depends on the finished ends too.
4. Open obligations are discharged; then those are violated for which it is now too late (`before`), and those that
   wanted the very next record (punctual).
5. Instances are released, or come to their `until`. Then what is to be kept is asked in the new state.
6. Triggers make new instances, each its own, in the new state.
7. Reparations of all that was violated in 2 to 6 begin.
8. What is only remembered for a slice that ended (`seen`, `preempt`) is forgotten.

Missing data are unknown, in Kleene's sense. An unknown trigger, guard or prohibition yields the verdict `unknown` and
nothing else. If a record could have discharged or released an instance but for missing data, the instance is in
doubt: when it is later violated the verdict is `unknown`. A condition that crashes yields `error` and counts as
unknown. Exceptions: an applicable norm is dropped if one that overrides it is applicable and not itself dropped.
Against a prohibition that remains, an obligation or permission of higher priority wins, one of lower loses, and one
of equal priority is a `conflict`. An obligation that another act fulfils, too, is none against a prohibition.

This class keeps all records and looks through all of them whenever asked; the monitor must say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from semantics.norms.expression import Expr, World, dig, evaluate
from semantics.norms.language import Atom, Duty, Norm, NormSet, Pattern
from semantics.norms.vocabulary import Event
from semantics.timeline import Timeline
from semantics.verdict import Incident, Outcome, RunReport, Verdict, rolled_up


@dataclass(eq=False)
class Instance:
    """One duty in force."""

    norm: Norm
    duty: Duty
    slice: object
    trigger: int
    triggered_ms: int
    bound: dict[str, Any]
    deadline: int | None
    number: int
    acts: int = 0
    doubt: bool = False


@dataclass(eq=False)
class Period:
    """One affordance that holds, with the keys known at its start."""

    affordance: str
    key: object
    links: dict[str, object]


@dataclass
class _Said:
    """A record and the events it says."""

    seq: int
    t: int
    at: str
    data: Mapping[str, Any]
    events: list[Event] = field(default_factory=list)


def key_value(value: object) -> object:
    """Return a value that may name a slice or an instance, else None."""
    return value if isinstance(value, (str, int)) else None


class Interpreter:
    """Feed records in order of `seq`; `advance` lets time pass in silence; `report` says what is known so far."""

    def __init__(self, norms: NormSet) -> None:
        self.norms = norms
        self.vocabulary = norms.vocabulary
        self.timeline = Timeline()
        self.open: list[Instance] = []
        self.past: list[_Said] = []
        self.forgotten: dict[
            tuple[str, object], int
        ] = {}  # (key, value) -> number of past records that no longer count
        self.state: list[Period] = []
        self.verdicts: list[Verdict] = []
        self.incidents: list[Incident] = []
        self.counts: dict[str, Counter[Outcome]] = {}
        self.activations: Counter[str] = Counter()
        self.records = 0
        self.last_seq: int | None = None
        self._number = 0

    def feed_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        for record in records:
            self.feed(record)

    def feed(self, record: Mapping[str, Any]) -> None:
        """Take one record: a mapping with seq, ms, at (ISO 8601, UTC), kind, data."""
        seq: int = record["seq"]
        if self.last_seq is not None and seq != self.last_seq + 1:
            if seq <= self.last_seq:
                self.incidents.append(Incident("duplicate", seq, f"comes after record {self.last_seq}; not looked at"))
                return
            self.incidents.append(Incident("gap", seq, f"records {self.last_seq + 1} to {seq - 1} are missing"))
        self.last_seq = seq
        self.records += 1
        t, back = self.timeline.of(record)
        if back:
            self.incidents.append(Incident("clock", seq, "the clock went back within a run"))
        self._pass_deadlines(t)
        if record["kind"] not in self.vocabulary.kinds:
            self.incidents.append(Incident("kind", seq, f"there is no kind {record['kind']!r} in the vocabulary"))
            return
        said = _Said(seq, t, record["at"], record["data"], self.vocabulary.recognise(record))
        violated = self._ask_prohibitions(said)
        self._change_state(said)
        self.past.append(said)
        violated += self._discharge(said)
        violated += self._release_and_keep(said)
        violated += self._activate(said)
        for instance in violated:
            self._repair(instance, t, seq)
        for event in said.events:
            for key, enders in self.vocabulary.ends.items():
                if event.name in enders and (value := self._value(event, key, said.data)) is not None:
                    self.forgotten[key, value] = len(self.past)

    def advance(self, now_ms: int) -> None:
        """Let time pass to `now_ms` of the present run: deadlines before it pass in silence."""
        self.timeline.now = max(self.timeline.now, now_ms + self.timeline.offset)
        self._pass_deadlines(self.timeline.now)

    def report(self) -> RunReport:
        """Return what is known. Open obligations are pending; open prohibitions and permissions say nothing yet."""
        counts = {duty: Counter(c) for duty, c in self.counts.items()}
        pending = []
        for i in self.open:
            if i.duty.operator == "obliged":
                pending.append(self._verdict(i, Outcome.PENDING, self.timeline.now, None))
                counts.setdefault(i.duty.id, Counter())[Outcome.PENDING] += 1
        return RunReport(
            rolled_up(self.norms, counts, self.activations), (*self.verdicts, *pending), tuple(self.incidents),
            self.records, self.norms,
        )  # fmt: skip

    def world(self, data: Mapping[str, Any], slice_: object, key: str | None, bound: Mapping[str, Any]) -> World:
        """Return what a condition on `data` is evaluated against now, in the slice of `key`."""
        return self._world(_Said(0, self.timeline.now, "", data), slice_, key, bound)

    # ------------------------------------------------ saying

    def _verdict(self, i: Instance, outcome: Outcome, t: int, evidence: int | None, because: str = "") -> Verdict:
        bound = tuple((k, i.bound[k]) for k in i.norm.bound_keys)
        return Verdict(
            i.norm.id, i.duty.id, outcome, t, i.slice, i.trigger, i.triggered_ms, evidence, i.deadline, bound, because
        )

    def _say(self, i: Instance, outcome: Outcome, t: int, evidence: int | None, because: str = "") -> None:
        self.counts.setdefault(i.duty.id, Counter())[outcome] += 1
        self.verdicts.append(self._verdict(i, outcome, t, evidence, because))

    def _say_of_act(
        self, norm: Norm, outcome: Outcome, said: _Said, slice_: object, because: str = "", event: Event | None = None
    ) -> None:
        """Say something of a norm without an instance: the record is trigger and evidence in one."""
        bound = tuple((k, dig(said.data, event.data[k].path) if event else None) for k in norm.bound_keys)
        self.counts.setdefault(norm.id, Counter())[outcome] += 1
        self.verdicts.append(
            Verdict(norm.id, norm.id, outcome, said.t, slice_, said.seq, said.t, said.seq, None, bound, because)
        )

    def _violate(self, i: Instance, t: int, evidence: int | None, because: str = "") -> bool:
        """Say violated, or unknown if the instance is in doubt. Return whether it is violated."""
        self._say(i, Outcome.UNKNOWN if i.doubt else Outcome.VIOLATED, t, evidence, because)
        return not i.doubt

    # ------------------------------------------------ asking

    def _value(self, event: Event, key: str, data: Mapping[str, Any]) -> object:
        datum = event.data.get(key)
        return key_value(dig(data, datum.path)) if datum else None

    def _world(self, said: _Said, slice_: object, key: str | None, bound: Mapping[str, Any]) -> World:
        def holds(affordance: str, value: object) -> bool:
            return any(p.affordance == affordance and p.key == value for p in self.state)

        def seen(event: str) -> bool:
            start = self.forgotten.get((key, slice_), 0) if key is not None else 0
            return any(
                e.name == event and (key is None or self._value(e, key, old.data) == slice_)
                for old in self.past[start:] for e in old.events
            )  # fmt: skip

        return World(said.data, bound, slice_, holds, seen)

    def _ask(self, expr: Expr | None, world: World) -> tuple[bool | None, str]:
        """Return true, false or unknown, and the crash if there was one."""
        if expr is None:
            return True, ""
        try:
            value = evaluate(expr, world)
        except Exception as error:  # whatever crashes is the verdict `error`, never silence
            return None, f"{type(error).__name__}: {error}"
        return (None if value is None else bool(value)), ""

    def _matches(self, pattern: Pattern, i: Instance, said: _Said) -> tuple[bool | None, list[str]]:
        """Tell whether a record matches a pattern for an instance; crashes are returned, not said."""
        result: bool | None = False
        crashes: list[str] = []
        for atom in pattern:
            for event in said.events:
                if event.name != atom.event:
                    continue
                key = i.norm.slice
                if key is not None and key in event.data and self._value(event, key, said.data) != i.slice:
                    continue  # an event that carries no such key concerns every slice
                value, crash = self._ask(atom.where, self._world(said, i.slice, i.norm.slice, i.bound))
                if value:
                    return True, crashes
                if crash:
                    crashes.append(crash)
                if value is None:
                    result = None
        return result, crashes

    def _matches_loudly(self, pattern: Pattern, i: Instance, said: _Said) -> bool | None:
        result, crashes = self._matches(pattern, i, said)
        for crash in crashes:
            self._say(i, Outcome.ERROR, said.t, said.seq, crash)
        return result

    def _act_under_always(self, norm: Norm, said: _Said) -> tuple[bool | None, object, str]:
        """Ask a norm that is always in force about a record: (answer, slice, crash)."""
        for atom in norm.duty.action:
            for event in said.events:
                if event.name != atom.event or not norm.in_force(said.at):
                    continue
                slice_ = self._value(event, norm.slice, said.data) if norm.slice else None
                if norm.slice and slice_ is None:
                    continue
                world = self._world(said, slice_, norm.slice, {})
                where, crash = self._ask(atom.where, world)
                if where is False:
                    continue
                guard, other_crash = self._ask(norm.guards.get(event.name), world)
                if guard is False:
                    continue
                return (True if where and guard else None), slice_, crash or other_crash
        return False, None, ""

    # ------------------------------------------------ 1: deadlines

    def _pass_deadlines(self, t: int) -> None:
        while due := [i for i in self.open if i.deadline is not None and i.deadline < t]:
            first = min(due, key=lambda i: (i.deadline or 0, i.number))
            deadline = first.deadline or 0
            self.open.remove(first)
            if self._violate(first, deadline, None):
                self._repair(first, deadline, None)

    # ------------------------------------------------ 2: prohibitions and permissions

    def _ask_prohibitions(self, said: _Said) -> list[Instance]:
        violated: list[Instance] = []
        for norm in self.norms.norms:
            if norm.trigger is None:
                self._ask_always(norm, said, violated)
            for i in [i for i in self.open if i.norm is norm]:
                if i.duty.operator == "obliged":
                    continue
                answer = self._matches_loudly(i.duty.action, i, said)
                if answer is None:
                    self._say(i, Outcome.UNKNOWN, said.t, said.seq)
                elif answer and i.duty.operator == "permitted":
                    self._say(i, Outcome.EXERCISED, said.t, said.seq)
                elif answer:
                    judged, because = self._judged(norm, said) if i.duty is norm.duty else (Outcome.VIOLATED, "")
                    if judged is Outcome.VIOLATED:
                        i.acts += 1
                        if i.acts > i.duty.at_most and self._violate(i, said.t, said.seq):
                            violated.append(i)
                    else:
                        self._say(i, judged, said.t, said.seq, because)
        for event in said.events:
            if event.closed and not any(
                n.duty.operator != "forbidden" and any(a.event == event.name for a in n.duty.action)
                and self._applies_to_act(n, said)
                for n in self.norms.norms
            ):  # fmt: skip
                name = f"closed:{event.name}"
                self.counts.setdefault(name, Counter())[Outcome.UNPERMITTED] += 1
                self.verdicts.append(
                    Verdict(name, name, Outcome.UNPERMITTED, said.t, None, said.seq, said.t, said.seq, None)
                )
        return violated

    def _ask_always(self, norm: Norm, said: _Said, violated: list[Instance]) -> None:
        answer, slice_, crash = self._act_under_always(norm, said)
        if crash:
            self._say_of_act(norm, Outcome.ERROR, said, slice_, crash)
        elif answer is None:
            self._say_of_act(norm, Outcome.UNKNOWN, said, slice_)
        elif norm.duty.operator == "permitted":
            if answer:
                self.activations[norm.id] += 1
                self._say_of_act(norm, Outcome.EXERCISED, said, slice_)
        else:
            self.activations[norm.id] += self._was_in_question(norm, said)
            if answer:
                judged, because = self._judged(norm, said)
                self._say_of_act(norm, judged, said, slice_, because)
                if judged is Outcome.VIOLATED:
                    violated.append(Instance(norm, norm.duty, slice_, said.seq, said.t, {}, None, 0))

    def _was_in_question(self, norm: Norm, said: _Said) -> bool:
        """Tell whether the record is an act the prohibition speaks of: then it was in force and not idle."""
        return norm.in_force(said.at) and any(e.name == a.event for e in said.events for a in norm.duty.action)

    def _applies_to_act(self, norm: Norm, said: _Said) -> bool:
        """Tell whether a norm is in force and speaks of this act, in the state before it."""
        if norm.trigger is None:
            return self._act_under_always(norm, said)[0] is True
        return any(
            i.norm is norm and i.duty is norm.duty and self._matches(i.duty.action, i, said)[0] is True
            for i in self.open
        )

    def _prevails_at_act(self, norm: Norm, said: _Said) -> bool:
        return self._applies_to_act(norm, said) and not any(
            self._prevails_at_act(m, said) for m in self.norms.overriders[norm.id]
        )

    def _judged(self, norm: Norm, said: _Said) -> tuple[Outcome, str]:
        """Judge an act that a prohibition forbids: violated, overridden or conflict."""
        for m in self.norms.overriders[norm.id]:
            if self._prevails_at_act(m, said):
                return Outcome.OVERRIDDEN, f"{m.id} is an exception"
        rivals = [m for m in self.norms.rivals[norm.id] if self._prevails_at_act(m, said)]
        if not rivals:
            return Outcome.VIOLATED, ""
        strongest = max(rivals, key=lambda m: m.priority)
        if strongest.priority > norm.priority:
            return Outcome.OVERRIDDEN, f"{strongest.id} has priority"
        if strongest.priority == norm.priority:
            return Outcome.CONFLICT, f"{strongest.id} has {strongest.duty.operator} the same act"
        return Outcome.VIOLATED, ""

    # ------------------------------------------------ 3: state

    def _change_state(self, said: _Said) -> None:
        v = self.vocabulary
        ended: list[Period] = []

        def key_of(event: Event, affordance: str) -> tuple[bool, object]:
            key = v.key_of[affordance]
            if key is None:
                return True, None
            value = self._value(event, key, said.data)
            return value is not None, value

        for event in said.events:
            for affordance in event.finishes:
                known, value = key_of(event, affordance)
                for p in [p for p in self.state if known and p.affordance == affordance and p.key == value]:
                    self.state.remove(p)
                    ended.append(p)
        started: list[Period] = []
        for event in said.events:
            for affordance in event.starts:
                known, value = key_of(event, affordance)
                if not known:
                    continue
                if any(p.affordance == affordance and p.key == value for p in self.state):
                    if affordance not in v.multiple and not any(
                        p.affordance == affordance and p.key == value for p in started
                    ):
                        self.incidents.append(Incident("I4", said.seq, f"{affordance} {value!r} holds already"))
                    continue
                links = {k: self._value(event, k, said.data) for k in v.ends}
                period = Period(affordance, value, links)
                self.state.append(period)
                started.append(period)
        while ended:
            base = ended.pop()
            key = v.key_of[base.affordance]
            for p in list(self.state):
                if p.affordance in v.dependents.get(base.affordance, ()) and (
                    key is None or p.links.get(key) == base.key
                ):
                    self.state.remove(p)
                    ended.append(p)
        for p in started:
            for base_name in v.bases[p.affordance]:
                key = v.key_of[base_name]
                value = None if key is None else p.links.get(key)
                if key is not None and value is None:
                    continue
                if not any(q.affordance == base_name and q.key == value for q in self.state):
                    message = f"{p.affordance} {p.key!r} starts while {base_name} does not hold"
                    self.incidents.append(Incident("I1", said.seq, message))

    # ------------------------------------------------ 4: discharge

    def _discharge(self, said: _Said) -> list[Instance]:
        violated: list[Instance] = []
        for norm in self.norms.norms:
            for duty in norm.duty.all():
                if duty.operator == "obliged" and duty.mode != "maintain":
                    self._discharge_duty(norm, duty, said, violated)
        return violated

    def _discharge_duty(self, norm: Norm, duty: Duty, said: _Said, violated: list[Instance]) -> None:
        mine = [i for i in self.open if i.norm is norm and i.duty is duty]
        for i in mine:
            answer = self._matches_loudly(duty.action, i, said)
            if answer:
                self.open.remove(i)
                self._say(i, Outcome.FULFILLED, said.t, said.seq)
                if duty.discharge == "oldest":
                    break
            elif answer is None:
                i.doubt = True
        for i in mine:
            if i not in self.open:
                continue
            if duty.mode == "punctual" and self._is_of_slice(i, said):
                self.open.remove(i)
                if self._violate(i, said.t, said.seq, "the next record had to do it"):
                    violated.append(i)
            elif self._matches_loudly(duty.before, i, said):
                self.open.remove(i)
                if self._violate(i, said.t, said.seq, "it is too late now"):
                    violated.append(i)

    def _is_of_slice(self, i: Instance, said: _Said) -> bool:
        return i.norm.slice is None or self._value(said.events[0], i.norm.slice, said.data) == i.slice

    # ------------------------------------------------ 5: release, until, keep

    def _release_and_keep(self, said: _Said) -> list[Instance]:
        violated: list[Instance] = []
        for norm in self.norms.norms:
            for duty in norm.duty.all():
                for i in [i for i in self.open if i.norm is norm and i.duty is duty]:
                    released = self._matches_loudly(duty.released_by, i, said)
                    if released:
                        self.open.remove(i)
                        self._say(i, Outcome.RELEASED, said.t, said.seq)
                        continue
                    if released is None:
                        i.doubt = True
                    if self._matches_loudly(duty.until, i, said):
                        self.open.remove(i)
                        kept = Outcome.EXPIRED if duty.operator == "permitted" else Outcome.FULFILLED
                        self._say(i, kept, said.t, said.seq)
        for i in list(self.open):
            if i.duty.mode == "maintain" and self._keep(i, said.t, said.seq):
                violated.append(i)
        return violated

    def _keep(self, i: Instance, t: int, evidence: int | None) -> bool:
        """Ask what is to be kept; the instance ends if it is not. Return whether it is violated."""
        nothing = _Said(0, t, "", {})
        answer, crash = self._ask(i.duty.keep, self._world(nothing, i.slice, i.norm.slice, i.bound))
        if answer:
            return False
        self.open.remove(i)
        if answer is None:
            self._say(i, Outcome.ERROR if crash else Outcome.UNKNOWN, t, evidence, crash)
            return False
        return self._violate(i, t, evidence)

    # ------------------------------------------------ 6: activation

    def _activate(self, said: _Said) -> list[Instance]:
        violated: list[Instance] = []
        hits: dict[str, tuple[object, Event]] = {}
        for norm in self.norms.norms:
            hit = self._triggered(norm, said)
            if hit is not None:
                hits[norm.id] = hit
        for norm in self.norms.norms:
            if norm.id not in hits:
                continue
            slice_, event = hits[norm.id]
            over = next((m for m in self.norms.overriders[norm.id] if self._prevails(m, slice_, hits)), None)
            if over is not None:
                self._say_of_act(norm, Outcome.OVERRIDDEN, said, slice_, f"{over.id} is an exception", event)
                continue
            self._create(norm, event, slice_, said, violated)
        return violated

    def _triggered(self, norm: Norm, said: _Said) -> tuple[object, Event] | None:
        for atom in norm.trigger or ():
            for event in said.events:
                if event.name != atom.event or not norm.in_force(said.at):
                    continue
                slice_ = self._value(event, norm.slice, said.data) if norm.slice else None
                if norm.slice and slice_ is None:
                    self._say_of_act(norm, Outcome.UNKNOWN, said, None, f"the record carries no {norm.slice}", event)
                    return None
                bound = {k: dig(said.data, event.data[k].path) for k in norm.bound_keys}
                world = self._world(said, slice_, norm.slice, bound)
                answers = []
                for expr in (atom.where, norm.guards.get(event.name)):
                    answer, crash = self._ask(expr, world)
                    if crash:
                        self._say_of_act(norm, Outcome.ERROR, said, slice_, crash, event)
                        return None
                    answers.append(answer)
                    if answer is False:
                        break
                if False in answers:
                    continue
                if None in answers:
                    self._say_of_act(norm, Outcome.UNKNOWN, said, slice_, "", event)
                    return None
                return slice_, event
        return None

    def _prevails(self, norm: Norm, slice_: object, hits: Mapping[str, tuple[object, Event]]) -> bool:
        applies = (norm.id in hits and hits[norm.id][0] == slice_) or any(
            i.norm is norm and i.duty is norm.duty and i.slice == slice_ for i in self.open
        )
        return applies and not any(self._prevails(m, slice_, hits) for m in self.norms.overriders[norm.id])

    def _create(self, norm: Norm, event: Event, slice_: object, said: _Said, violated: list[Instance]) -> None:
        duty = norm.duty
        self.activations[norm.id] += 1
        bound = {k: dig(said.data, event.data[k].path) for k in norm.bound_keys}
        i = self._new(norm, duty, slice_, said.seq, said.t, bound, said.t)
        mine = [o for o in self.open if o.norm is norm and o.duty is duty and o.slice == slice_]
        if mine and duty.instances == "coalesce-earliest":
            return
        if mine and duty.instances == "coalesce-latest":
            for old in mine:
                self.open.remove(old)
                self._say(old, Outcome.REPLACED, said.t, said.seq)
        self.open.append(i)
        if duty.mode == "maintain":
            if self._keep(i, said.t, said.seq):
                violated.append(i)
            return
        if duty.operator != "obliged":
            return
        earlier = self._latest_act(i) if duty.preempt else None
        if earlier is not None and self._matches_loudly(duty.action, i, earlier):
            self.open.remove(i)
            self._say(i, Outcome.FULFILLED, said.t, earlier.seq)
        elif duty.inclusive and self._matches_loudly(duty.action, i, said):
            self.open.remove(i)
            self._say(i, Outcome.FULFILLED, said.t, said.seq)

    def _latest_act(self, i: Instance) -> _Said | None:
        """Return the latest record before this one in which the slice acted as the duty asks, `where` aside."""
        acts = tuple(Atom(a.event) for a in i.duty.action)
        start = self.forgotten.get((i.norm.slice, i.slice), 0) if i.norm.slice is not None else 0
        for old in reversed(self.past[start:-1]):
            if self._matches(acts, i, old)[0]:
                return old
        return None

    def _new(
        self, norm: Norm, duty: Duty, slice_: object, seq: int, t: int, bound: dict[str, Any], since: int
    ) -> Instance:
        self._number += 1
        deadline = since + duty.within_ms if duty.within_ms is not None else None
        return Instance(norm, duty, slice_, seq, t, bound, deadline, self._number)

    # ------------------------------------------------ 7: reparation

    def _repair(self, i: Instance, since: int, evidence: int | None) -> None:
        """Begin the reparations of a violated instance; one that is to keep something is asked at once."""
        for duty in i.duty.or_else:
            new = self._new(i.norm, duty, i.slice, i.trigger, i.triggered_ms, i.bound, since)
            self.open.append(new)
            if duty.mode == "maintain" and self._keep(new, since, evidence):
                self._repair(new, since, evidence)
