"""The rarer parts of a step, written plainly; generated functions call them with an `Act`.

The order of the parts is the interpreter's and is kept by `step_compiler`, which writes out in line what nearly every
record does and calls a method of this class for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semantics.codegen import Ask
from semantics.instances import ACTS, BOUND, DEADLINE, DOUBT, DUTY, SEQ, SLICE, Instance, T, of_an_act
from semantics.monitor_state import MonitorState
from semantics.norms.language import Norm
from semantics.norms.vocabulary import Event
from semantics.verdict import Outcome

Keys = Mapping[str | None, object]
Falls = Mapping[str, tuple[str | None, list[tuple[str, dict[object, Keys]]]]]  # what falls with each affordance
Change = tuple[str, str | None, dict[object, Keys]]  # affordance, its key, the table of those that hold
Plan = tuple[list[Change], list[Change]]


class Act:
    """One record on its way through the rarer parts of a step; `violated` is what it violated, to be repaired."""

    __slots__ = ("at", "d", "keys", "said", "seq", "t", "violated")

    def __init__(
        self, said: tuple[str, ...], d: Any, keys: dict[str | None, object], at: str, t: int, seq: int
    ) -> None:
        self.said = said
        self.d = d
        self.keys = keys
        self.at = at
        self.t = t
        self.seq = seq
        self.violated: list[Instance] = []


class RareSteps:
    """Works on a `MonitorState`, which it shares with the generated functions."""

    def __init__(self, state: MonitorState) -> None:
        self.state = state
        v, holding = state.vocabulary, state.holding
        self.falls: Falls = {
            a: (v.key_of[a], [(d, holding[d]) for d in v.dependents.get(a, ()) if d in holding]) for a in holding
        }

    # ------------------------------------------------ deadlines and reparations

    def pass_deadlines(self, t: int) -> None:
        """Let deadlines before `t` pass, earliest first."""
        for i in self.state.instances.overdue(t):
            if self.state.violate(i, i[DEADLINE], None):
                self.repair(i, i[DEADLINE], None)

    def repair(self, i: Instance, since: int, evidence: int | None) -> None:
        """Open what a violation obliges to."""
        s = self.state
        for other in s.duties[i[DUTY]][1].or_else:
            new = s.instances.new(s.number_of[other.id], i[SLICE], i[SEQ], i[T], i[BOUND], since)
            s.instances.add(new)
            if other.mode == "maintain" and self.keep_one(new, since, evidence):
                self.repair(new, since, evidence)

    def finish(self, c: Act) -> None:
        for i in c.violated:
            self.repair(i, c.t, c.seq)

    # ------------------------------------------------ prohibitions and permissions

    def ask_instances(self, q: int, k: object, c: Act) -> None:
        """Ask the open prohibitions or permissions of a duty about an act."""
        s = self.state
        norm, duty = s.duties[q]
        for i in list(s.open[q].get(k, ())):
            answer = s.match_loudly(i, "action", c.said, c.d, c.t, c.seq)
            if answer is None:
                s.say(Outcome.UNKNOWN, i, c.t, c.seq)
            elif answer and duty.operator == "permitted":
                s.say(Outcome.EXERCISED, i, c.t, c.seq)
            elif answer:
                judged, because = self._judged(norm, c) if duty is norm.duty else (Outcome.VIOLATED, "")
                if judged is Outcome.VIOLATED:
                    i[ACTS] += 1
                    if i[ACTS] > duty.at_most and s.violate(i, c.t, c.seq):
                        c.violated.append(i)
                else:
                    s.say(judged, i, c.t, c.seq, because)

    def _under_always(self, norm: Norm, c: Act) -> tuple[bool | None, str]:
        s = self.state
        if not norm.in_force(c.at):
            return False, ""
        k = c.keys.get(norm.slice)
        if norm.slice is not None and k is None:
            return False, ""
        guards = s.guards[s.place[norm.id]]
        for event, ask, _ in s.where[s.first[norm.id], "action"]:
            if event not in c.said:
                continue
            where, crash = s.ask(ask, c.d, (), k)
            if where is False:
                continue
            guard, other = s.ask(guards.get(event), c.d, (), k)
            if guard is False:
                continue
            return (True if where and guard else None), crash or other
        return False, ""

    def ask_always(self, j: int, c: Act) -> None:
        """Ask a norm that is always in force about an act."""
        s = self.state
        norm = s.norms.norms[j]
        answer, crash = self._under_always(norm, c)
        k = c.keys.get(norm.slice) if answer is not False else None
        i = of_an_act(c.t, c.seq, (), k, s.first[norm.id])
        if crash:
            s.say(Outcome.ERROR, i, c.t, c.seq, crash)
        elif answer is None:
            s.say(Outcome.UNKNOWN, i, c.t, c.seq)
        elif norm.duty.operator == "permitted":
            if answer:
                s.activations[j] += 1
                s.say(Outcome.EXERCISED, i, c.t, c.seq)
        else:
            s.activations[j] += norm.in_force(c.at)
            if answer:
                judged, because = self._judged(norm, c)
                s.say(judged, i, c.t, c.seq, because)
                if judged is Outcome.VIOLATED:
                    c.violated.append(i)

    def applies(self, norm: Norm, c: Act) -> bool:
        """Tell whether a norm is in force and speaks of this act, in the state before it."""
        if norm.trigger is None:
            return self._under_always(norm, c)[0] is True
        s = self.state
        k = c.keys.get(norm.slice)
        if norm.slice is not None and k is None:
            return False
        return any(s.match(i, "action", c.said, c.d) is True for i in s.open[s.first[norm.id]].get(k, ()))

    def _prevails_at_act(self, norm: Norm, c: Act) -> bool:
        return self.applies(norm, c) and not any(
            self._prevails_at_act(m, c) for m in self.state.norms.overriders[norm.id]
        )

    def _judged(self, norm: Norm, c: Act) -> tuple[Outcome, str]:
        norms = self.state.norms
        for m in norms.overriders[norm.id]:
            if self._prevails_at_act(m, c):
                return Outcome.OVERRIDDEN, f"{m.id} is an exception"
        rivals = [m for m in norms.rivals[norm.id] if self._prevails_at_act(m, c)]
        if not rivals:
            return Outcome.VIOLATED, ""
        strongest = max(rivals, key=lambda m: m.priority)
        if strongest.priority > norm.priority:
            return Outcome.OVERRIDDEN, f"{strongest.id} has priority"
        if strongest.priority == norm.priority:
            return Outcome.CONFLICT, f"{strongest.id} has {strongest.duty.operator} the same act"
        return Outcome.VIOLATED, ""

    # ------------------------------------------------ state

    def plan(self, events: tuple[Event, ...]) -> Plan:
        """Return what events finish, and what they start."""
        v, holding = self.state.vocabulary, self.state.holding
        return (
            [(a, v.key_of[a], holding[a]) for e in events for a in e.finishes if a in holding],
            [(a, v.key_of[a], holding[a]) for e in events for a in e.starts if a in holding],
        )

    def fall(self, ended: list[tuple[str, object]]) -> None:
        """End what depends on what ended, and what depends on that."""
        while ended:
            base, value = ended.pop()
            key, dependents = self.falls[base]
            for dependent, table in dependents:
                if table:
                    for gone in [x for x, links in table.items() if key is None or links.get(key) == value]:
                        del table[gone]
                        ended.append((dependent, gone))

    def change_state(self, plan: Plan, c: Act) -> bool:
        """Apply finishes, starts and cascades; return whether anything changed."""
        s, keys = self.state, c.keys
        finishes, starts = plan
        ended: list[tuple[str, object]] = []
        started: list[tuple[str, object]] = []
        for affordance, key, table in finishes:
            value = keys.get(key)
            if (key is None or value is not None) and table.pop(value, None) is not None:
                ended.append((affordance, value))
        fresh: set[tuple[str, object]] = set()
        for affordance, key, table in starts:
            value = keys.get(key)
            if key is not None and value is None:
                continue
            if value in table:
                if s.integrity and affordance not in s.vocabulary.multiple and (affordance, value) not in fresh:
                    s.incident("I4", c.seq, f"{affordance} {value!r} holds already")
                continue
            table[value] = keys  # an act's keys are its own, never written again
            fresh.add((affordance, value))
            started.append((affordance, value))
        changed = bool(ended or started)
        self.fall(ended)
        if s.integrity:
            for affordance, own in started:
                self.look_for_bases(affordance, own, keys, c.seq)
        return changed

    def look_for_bases(self, affordance: str, own: object, links: Keys, seq: int) -> None:
        """Report what should hold, and does not, while an affordance starts."""
        s = self.state
        for base in s.vocabulary.bases[affordance]:
            key = s.vocabulary.key_of[base]
            value = None if key is None else links.get(key)
            if (key is None or value is not None) and value not in s.holding[base]:
                s.incident("I1", seq, f"{affordance} {own!r} starts while {base} does not hold")

    # ------------------------------------------------ discharge and release

    def discharge(self, q: int, k: object, c: Act) -> None:
        """Discharge open obligations of a duty, oldest or all."""
        s = self.state
        for i in list(s.open[q].get(k, ())):
            answer = s.match_loudly(i, "action", c.said, c.d, c.t, c.seq)
            if answer:
                s.instances.drop(i)
                s.say(Outcome.FULFILLED, i, c.t, c.seq)
                if s.duties[q][1].discharge == "oldest":
                    break
            elif answer is None:
                i[DOUBT] = True

    def discharge_at_once(self, i: Instance, said: tuple[str, ...], d: Any, t: int, seq: int, now: int) -> bool:
        """Discharge a new instance by an act that was before it or is its own trigger; return whether it was."""
        s = self.state
        if s.match_loudly(i, "action", said, d, t, seq):
            s.instances.drop(i)
            s.say(Outcome.FULFILLED, i, now, seq)
            return True
        return False

    def _concerned(self, q: int, c: Act, every: bool) -> list[tuple[Instance, bool]]:
        """Return the open instances a record concerns, and whether the record is of their own slice."""
        key = self.state.duties[q][0].slice
        k = c.keys.get(key)
        own = key is None or k is not None
        if not every:
            return [(i, True) for i in self.state.open[q].get(k, ())] if own else []
        return [(i, own and i[SLICE] == k) for i in self.state.instances.of(q)]

    def too_late(self, q: int, every: bool, c: Act) -> None:
        s = self.state
        norm, duty = s.duties[q]
        punctual = duty.mode == "punctual"
        of_slice = norm.slice is None or norm.slice in s.vocabulary.events[c.said[0]].data
        for i, mine in self._concerned(q, c, every):
            now = punctual and mine and of_slice
            if now or s.match_loudly(i, "before", c.said, c.d, c.t, c.seq, mine):
                s.instances.drop(i)
                if s.violate(i, c.t, c.seq, "the next record had to do it" if now else "it is too late now"):
                    c.violated.append(i)

    def release(self, q: int, every: bool, c: Act) -> None:
        s = self.state
        for i, mine in self._concerned(q, c, every):
            released = s.match_loudly(i, "released_by", c.said, c.d, c.t, c.seq, mine)
            if released:
                s.instances.drop(i)
                s.say(Outcome.RELEASED, i, c.t, c.seq)
                continue
            if released is None:
                i[DOUBT] = True
            if s.match_loudly(i, "until", c.said, c.d, c.t, c.seq, mine):
                s.instances.drop(i)
                kept = Outcome.EXPIRED if s.duties[q][1].operator == "permitted" else Outcome.FULFILLED
                s.say(kept, i, c.t, c.seq)

    def keep_all(self, q: int, c: Act) -> None:
        for i in self.state.instances.of(q):
            if self.keep_one(i, c.t, c.seq):
                c.violated.append(i)

    def keep_one(self, i: Instance, t: int, evidence: int | None) -> bool:
        """Ask what is to be kept; return whether it is violated."""
        s = self.state
        answer, crash = s.ask(s.keeps[i[DUTY]], {}, i[BOUND], i[SLICE])
        if answer:
            return False
        s.instances.drop(i)
        if answer is None:
            s.say(Outcome.ERROR if crash else Outcome.UNKNOWN, i, t, evidence, crash)
            return False
        return s.violate(i, t, evidence)

    # ------------------------------------------------ activation

    def _triggered(self, j: int, c: Act, bind: Mapping[str, Ask]) -> tuple[object, tuple[Any, ...]] | None:
        s = self.state
        norm = s.norms.norms[j]
        if not norm.in_force(c.at):
            return None
        k = c.keys.get(norm.slice)
        for event, where, guard in s.triggers[j]:
            if event not in c.said:
                continue
            b = bind[event](c.d, (), k)
            i = of_an_act(c.t, c.seq, b, k, s.first[norm.id])
            if norm.slice is not None and k is None:
                s.say(Outcome.UNKNOWN, i, c.t, c.seq, f"the record carries no {norm.slice}")
                return None
            answers = []
            for ask in (where, guard):
                answer, crash = s.ask(ask, c.d, b, k)
                if crash:
                    s.say(Outcome.ERROR, i, c.t, c.seq, crash)
                    return None
                answers.append(answer)
                if answer is False:
                    break
            if False in answers:
                continue
            if None in answers:
                s.say(Outcome.UNKNOWN, i, c.t, c.seq)
                return None
            return k, b
        return None

    def activate(self, norms: tuple[tuple[int, Mapping[str, Ask]], ...], c: Act) -> None:
        """Make instances of all norms that a record triggers, exceptions considered."""
        s = self.state
        hits: dict[str, tuple[object, tuple[Any, ...]]] = {}
        for j, bind in norms:
            hit = self._triggered(j, c, bind)
            if hit is not None:
                hits[s.norms.norms[j].id] = hit
        for j, _ in norms:
            norm = s.norms.norms[j]
            if norm.id not in hits:
                continue
            k, b = hits[norm.id]
            over = next((m for m in s.norms.overriders[norm.id] if self._prevails(m, k, hits)), None)
            if over is not None:
                i = of_an_act(c.t, c.seq, b, k, s.first[norm.id])
                s.say(Outcome.OVERRIDDEN, i, c.t, c.seq, f"{over.id} is an exception")
            else:
                self._create(j, k, b, c)

    def _prevails(self, norm: Norm, k: object, hits: Mapping[str, tuple[object, tuple[Any, ...]]]) -> bool:
        s = self.state
        applies = (norm.id in hits and hits[norm.id][0] == k) or k in s.open[s.first[norm.id]]
        return applies and not any(self._prevails(m, k, hits) for m in s.norms.overriders[norm.id])

    def _create(self, j: int, k: object, b: tuple[Any, ...], c: Act) -> None:
        s = self.state
        norm = s.norms.norms[j]
        duty, q = norm.duty, s.first[norm.id]
        s.activations[j] += 1
        mine = list(s.open[q].get(k, ()))
        if mine and duty.instances == "coalesce-earliest":
            return
        if mine and duty.instances == "coalesce-latest":
            for old in mine:
                s.instances.drop(old)
                s.say(Outcome.REPLACED, old, c.t, c.seq)
        i = s.instances.new(q, k, c.seq, c.t, b, c.t)
        s.instances.add(i)
        if duty.mode == "maintain":
            if self.keep_one(i, c.t, c.seq):
                c.violated.append(i)
            return
        if duty.operator != "obliged":
            return
        if duty.preempt and (earlier := s.latest[q].get(k)) is not None:
            said, d, seq, t = earlier
            if self.discharge_at_once(i, said, d, t, seq, c.t):
                return
        if duty.inclusive:
            self.discharge_at_once(i, c.said, c.d, c.t, c.seq, c.t)
