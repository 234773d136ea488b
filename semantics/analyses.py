"""What is wrong with a set of norms by itself, before any flow is looked at.

    NM20  a condition that nothing fulfils: the norm, or one of its triggers, is never in force
    NM21  a condition that is never false: it excludes nothing
    NM22  a norm that another one makes superfluous
    NM23  an act that can never match what the trigger bound
    NM24  a deadline that ends before the act can come: the flow's own clock is slower
    NM25  norms of one bound that share out the cases of a trigger leave one out
    NM26  two obligations that cannot both be kept
    NM27  a norm that an exception always sets aside
    NM28  a reparation that does again what was forbidden
    NM30  an obligation or permission and a prohibition meet in one act, and nothing decides between them

Conditions are decided exactly (`semantics.satisfaction`). What is proven is an error and comes with a witness: values,
or a log that the interpreter has judged. What is only possible is a note and says so; what is refuted is not told.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from semantics.exploration import Graph
from semantics.finding import Finding, Severity
from semantics.norms import expression
from semantics.norms.expression import Literal, to_text
from semantics.norms.language import Atom, Duty, Norm, NormSet, Pattern
from semantics.satisfaction import Answer, Asked, Found, said, together
from semantics.verdict import Outcome
from semantics.witness import Log, judged, log_of

ACT = "the act"


def analyse(norms: NormSet) -> Iterator[Finding]:
    """Yield every finding about the norms themselves."""
    a = _Analysis(norms)
    for norm in norms.norms:
        yield from a.conditions(norm)
        yield from a.acts(norm)
        yield from a.set_aside(norm)
        yield from a.repeats(norm)
    yield from a.superfluous()
    yield from a.left_out()
    yield from a.opposed()
    yield from a.conflicts()


def finding(norm: Norm, code: str, severity: Severity, part: str, message: str) -> Finding:
    """Return a finding at a part of a norm's text."""
    return Finding(code, severity, norm.file, *norm.place(part), f"{norm.id}: {message}")


class _Analysis:
    def __init__(self, norms: NormSet) -> None:
        self.norms = norms
        self.words = norms.vocabulary
        self.dead: set[str] = set()  # norms whose condition nothing fulfils: told once

    # ------------------------------------------------ asking

    def together(self, conditions: Iterable[Asked], moments: Mapping[str, str]) -> Found:
        """Ask whether conditions hold together; `moments` names the event of each moment."""
        events = self.words.events
        required = {m: frozenset(events[e].data) - events[e].optional for m, e in moments.items()}
        own = [Asked(where, m, m) for m, e in moments.items() if (where := events[e].where) is not None]
        return together([*own, *conditions], shared=frozenset(self.words.ends), required=required)

    @staticmethod
    def at_trigger(norm: Norm, atom: Atom, moment: str, *, guard: bool = True, wanted: bool = True) -> list[Asked]:
        """Return what must hold of a triggering record; with `wanted` false, of its guard the contrary."""
        asked = [Asked(atom.where, moment, moment)] if atom.where is not None else []
        condition = norm.guards.get(atom.event)
        if guard and condition is not None:
            asked.append(Asked(condition, moment, moment, wanted))
        return asked

    @staticmethod
    def triggers(norm: Norm) -> Pattern:
        """Return what a norm looks for: its triggers; for one always in force, its acts."""
        return norm.duty.action if norm.trigger is None else norm.trigger

    # ------------------------------------------------ one norm

    def conditions(self, norm: Norm) -> Iterator[Finding]:
        atoms = self.triggers(norm)
        part = "whenever" if norm.trigger is not None else "to"
        possible, excludes, told = 0, False, []
        for atom in atoms:
            moments = {"it": atom.event}
            if self.together(self.at_trigger(norm, atom, "it", guard=False), moments).answer is Answer.NO:
                told.append((part, f"no {atom.event!r} can be as its `where` asks"))
            elif self.together(self.at_trigger(norm, atom, "it"), moments).answer is Answer.NO:
                told.append(("if", f"no {atom.event!r} fulfils `{norm.guard_text}`"))
            else:
                possible += 1
            contrary = self.at_trigger(norm, atom, "it", wanted=False)
            excludes = excludes or self.together(contrary, moments).answer is not Answer.NO
        for where, what in told:
            never = "it is never in force" if not possible else f"remove the trigger {what.split(chr(39))[1]!r}"
            severity = Severity.ERROR if not possible else Severity.WARNING
            yield finding(norm, "NM20", severity, where, f"{what}; {never}: change the condition")
        if not possible and atoms:
            self.dead.add(norm.id)
        guards = list(norm.guards.values())
        if guards and not excludes and not any(isinstance(g, Literal) for g in guards):
            message = (
                f"`{norm.guard_text}` is never false, so it excludes nothing: remove it, or say what it leaves out"
            )
            yield finding(norm, "NM21", Severity.WARNING, "if", message)

    def acts(self, norm: Norm) -> Iterator[Finding]:
        if norm.id in self.dead or not norm.duty.action:
            return
        found = [
            self.together(
                [*self.at_trigger(norm, atom, "it"), *self._act(norm, norm.duty, act, "it")],
                {"it": atom.event, ACT: act.event},
            )
            for act in norm.duty.action
            for atom in norm.trigger or (act,)
        ]
        if all(f.answer is Answer.NO for f in found):
            effect = {"obliged": "it can never be fulfilled", "forbidden": "it forbids nothing",
                      "permitted": "it permits nothing"}[norm.duty.operator]  # fmt: skip
            yield finding(norm, "NM23", Severity.ERROR, "to", f"no act can be as its `where` asks: {effect}")

    @staticmethod
    def _act(norm: Norm, duty: Duty, act: Atom, trigger: str, moment: str = ACT) -> list[Asked]:
        """Return what must hold of an act under a norm whose trigger was at `trigger`."""
        asked = [Asked(act.where, moment, trigger)] if act.where is not None else []
        if norm.trigger is None and duty is norm.duty and (guard := norm.guards.get(act.event)) is not None:
            asked.append(Asked(guard, moment, moment))
        return asked

    def set_aside(self, norm: Norm) -> Iterator[Finding]:
        if norm.trigger is None or norm.id in self.dead:
            return
        for other in self.norms.overriders[norm.id]:
            if other.trigger is None or self.norms.overriders[other.id] or other.id in self.dead:
                continue
            if (
                other.valid_from <= norm.valid_from
                and norm.valid_until <= other.valid_until
                and self.implies(norm, other)
            ):
                message = (
                    f"{other.id} is an exception to it and applies whenever it would: it is never in force; narrow the "
                    "exception, or remove this norm"
                )  # fmt: skip
                yield finding(norm, "NM27", Severity.ERROR, "", message)

    def implies(self, norm: Norm, other: Norm) -> bool:
        """Tell whether `other` comes into force at every record at which `norm` does."""
        for atom in self.triggers(norm):
            theirs = [a for a in self.triggers(other) if a.event == atom.event]
            mine = self.at_trigger(norm, atom, "it")
            if not any(self._covers(mine, self.at_trigger(other, t, "it"), atom.event) for t in theirs):
                return False
        return True

    def _covers(self, mine: list[Asked], theirs: list[Asked], event: str) -> bool:
        optional = self.words.events[event].optional
        if (_data(theirs) - _data(mine)) & optional:
            return False  # unknown to one, asked by the other
        return all(self.together([*mine, replace(t, wanted=False)], {"it": event}).answer is Answer.NO for t in theirs)

    def repeats(self, norm: Norm) -> Iterator[Finding]:
        for duty in norm.duty.all():
            forbidden = {a.event for a in duty.action} if duty.operator == "forbidden" else set()
            for other in duty.or_else:
                again = {a.event for a in other.action}
                if other.operator == "obliged" and again and again <= forbidden:
                    message = (
                        f"its reparation obliges to {', '.join(sorted(again))}, which it forbids: it breaks itself"
                    )
                    yield finding(norm, "NM28", Severity.ERROR, "then", message)

    # ------------------------------------------------ pairs and groups

    def superfluous(self) -> Iterator[Finding]:
        alive = [n for n in self.norms.norms if n.id not in self.dead and n.trigger is not None]
        told: set[str] = set()
        for norm, other in itertools.permutations(alive, 2):
            if norm.id in told or other.id in told or self.norms.overriders[other.id]:
                continue
            if _asks_no_more(norm, other) and self.implies(norm, other):
                told.add(norm.id)
                message = f"{other.id} ({other.file}:{other.line}) asks the same or more whenever it does: remove one"
                yield finding(norm, "NM22", Severity.WARNING, "", message)

    def left_out(self) -> Iterator[Finding]:
        groups: dict[tuple[str, str | None, str, str], list[Norm]] = {}
        for norm in self.norms.norms:
            if norm.trigger is not None and norm.id not in self.dead:
                for atom in norm.trigger:
                    groups.setdefault((atom.event, norm.slice, norm.affordance, norm.bound), []).append(norm)
        for (event, *_), group in groups.items():
            asked = [self.at_trigger(n, a, "it") for n in group for a in n.trigger or () if a.event == event]
            shared = frozenset.intersection(*(_data(a) for a in asked))
            if len(asked) < 2 or not shared or any(len(a) != 1 for a in asked):
                continue
            apart = all(
                self.together([*a, *b], {"it": event}).answer is Answer.NO for a, b in itertools.combinations(asked, 2)
            )
            found = self.together([replace(a, wanted=False) for (a,) in asked], {"it": event})
            if apart and found.answer is Answer.YES:
                names = ", ".join(n.id for n in group)
                message = f"{names} leave a case of {event!r} out, in which none is in force: {said(found)}"
                yield Finding("NM25", Severity.NOTE, group[0].file, *group[0].place("if"), message)

    def opposed(self) -> Iterator[Finding]:
        for one, other in itertools.combinations(self.norms.norms, 2):
            if {one.duty.operator, other.duty.operator} != {"obliged"} or one.slice != other.slice:
                continue
            if {one.id, other.id} & self.dead or one.id in other.overrides or other.id in one.overrides:
                continue
            why = self._against(one, other)
            if why and (log := self._both_in_force(one, other)) is not None:
                message = f"cannot be kept together with {other.id} ({other.file}:{other.line}): {why}; after\n{log}"
                yield finding(one, "NM26", Severity.ERROR, "then", message)

    def _against(self, one: Norm, other: Norm) -> str:
        a, b = one.duty, other.duty
        if a.keep is not None and b.keep is not None:
            both = [Asked(a.keep, "now", "one"), Asked(b.keep, "now", "other")]
            if together(both, shared=frozenset(self.words.ends)).answer is Answer.NO:
                return f"`{to_text(a.keep)}` and `{to_text(b.keep)}` never hold at once"
        first, second = _events(a.action), _events(b.action)
        rival = first and second and not (first & second)
        if rival and first <= _events(b.before) and second <= _events(a.before):
            if any(x.where is not None for x in (*a.before, *b.before)):
                return ""
            return "each wants to be first, so whichever act comes first violates the other"
        return ""

    def _both_in_force(self, one: Norm, other: Norm) -> Log | None:
        for a, b in itertools.product(one.trigger or (), other.trigger or ()):
            for log in self._logs(one, a, other, b, None, None):
                judge, last = judged(log, (one, other), self.norms), log.records[-1]["seq"]
                bind = {i.norm.id for i in judge.open}
                bind |= {v.norm for v in judge.verdicts if v.outcome is Outcome.VIOLATED and v.evidence == last}
                if {one.id, other.id} <= bind:
                    return log
        return None

    def conflicts(self) -> Iterator[Finding]:
        for norm in self.norms.norms:
            for rival in self.norms.rivals.get(norm.id, ()):
                decided = (
                    rival in self.norms.overriders[norm.id] or norm in self.norms.overriders[rival.id]
                    or rival.priority != norm.priority
                )  # fmt: skip
                if decided or {norm.id, rival.id} & self.dead or not _same_time(norm, rival):
                    continue
                yield from self._conflict(norm, rival)

    def _conflict(self, norm: Norm, rival: Norm) -> Iterator[Finding]:
        shared = sorted(_events(norm.duty.action) & _events(rival.duty.action))
        possible = False
        for mine, theirs in itertools.product(norm.duty.action, rival.duty.action):
            if mine.event != theirs.event:
                continue
            for a, b in itertools.product(norm.trigger or (None,), rival.trigger or (None,)):
                for log in self._logs(norm, a, rival, b, mine, theirs):
                    possible = True
                    verdicts = judged(log, (norm, rival), self.norms).verdicts
                    if any(v.norm == norm.id and v.outcome is Outcome.CONFLICT for v in verdicts):
                        message = (
                            f"conflict with {rival.id} ({rival.file}:{rival.line}), by which {mine.event!r} is "
                            f"{rival.duty.operator}; nothing decides: write overrides, a priority, or a narrower "
                            f"condition. Both bind the last record of\n{log}"
                        )  # fmt: skip
                        yield finding(norm, "NM30", Severity.ERROR, "then", message)
                        return
        if possible:
            message = (
                f"possible conflict with {rival.id} ({rival.duty.operator}) over {', '.join(shared)}; no log shows it"
            )
            yield finding(norm, "NM30", Severity.NOTE, "then", message)

    def _logs(
        self, one: Norm, a: Atom | None, other: Norm, b: Atom | None, mine: Atom | None, theirs: Atom | None
    ) -> Iterator[Log]:
        """Yield logs in which both norms are triggered, and an act comes that both speak of.

        Both triggers may be one record, or come in either order.
        """
        ways: list[tuple[str, str]] = [("first", "second")]
        if a is not None and b is not None and a.event == b.event:
            ways.insert(0, ("first", "first"))
        for x, y in ways:
            moments: dict[str, str] = {}
            conditions: list[Asked] = []
            for norm, atom, moment in ((one, a, x), (other, b, y)):
                if atom is not None:
                    moments[moment] = atom.event
                    conditions += self.at_trigger(norm, atom, moment)
            for norm, act, moment in ((one, mine, x), (other, theirs, y)):
                if act is not None:
                    moments[ACT] = act.event
                    conditions += self._act(norm, norm.duty, act, moment)
            found = self.together(conditions, moments)
            if found.answer is Answer.NO:
                continue
            events = self.words.events
            holding = [n.removeprefix("holds ") for (_, n), wanted in sorted(found.state.items())
                       if wanted and n.startswith("holds ")]  # fmt: skip
            triggers = [m for m in (x, y) if m in moments]
            for order in dict.fromkeys((tuple(dict.fromkeys(triggers)), tuple(dict.fromkeys(triggers[::-1])))):
                order = (*order, ACT) if ACT in moments else order
                begun = {s for m in order for s in events[moments[m]].starts}
                records = [(events[moments[m]], m) for m in order]
                date = max(one.valid_from, other.valid_from, "2025-01-01")
                for needed in (holding, [h for h in holding if h not in begun]):
                    yield log_of(self.words, needed, records, found, date)


def _events(pattern: Pattern) -> frozenset[str]:
    return frozenset(a.event for a in pattern)


def _data(asked: Iterable[Asked]) -> frozenset[str]:
    """Return the data of the event itself that conditions ask for."""
    return frozenset(
        p.key for a in asked for p in expression.parts_of(a.expr) if isinstance(p, expression.Datum) and p.of == "event"
    )


def _same_time(one: Norm, other: Norm) -> bool:
    return one.valid_from < other.valid_until and other.valid_from < one.valid_until


def _text(pattern: Pattern) -> frozenset[tuple[str, str]]:
    return frozenset((a.event, to_text(a.where) if a.where is not None else "") for a in pattern)


def _asks_no_more(norm: Norm, other: Norm) -> bool:
    """Tell whether whoever keeps `other` keeps `norm`, if both are in force for the same triggers."""
    a, b = norm.duty, other.duty

    def rest(n: Norm) -> tuple[Any, ...]:
        d = n.duty
        return (n.slice, n.priority, n.overrides, d.agent, d.operator, d.mode, d.discharge, d.preempt, d.inclusive,
                d.instances, _text(d.before), _text(d.until), _text(d.released_by), bool(d.or_else))  # fmt: skip

    if rest(norm) != rest(other) or not _same_time(norm, other):
        return False
    if not (other.valid_from <= norm.valid_from and norm.valid_until <= other.valid_until):
        return False
    if a.operator == "obliged":
        if a.keep is not None or b.keep is not None:
            return a.keep is not None and b.keep is not None and to_text(a.keep) == to_text(b.keep)
        in_time = a.within_ms is None if b.within_ms is None else (a.within_ms is None or b.within_ms <= a.within_ms)
        return _text(b.action) <= _text(a.action) and in_time
    if a.operator == "forbidden":
        return _text(a.action) <= _text(b.action) and b.at_most <= a.at_most
    return _text(a.action) <= _text(b.action)


# ---------------------------------------------------------------- deadlines


def impossible_deadlines(norms: NormSet, graph: Graph) -> Iterator[Finding]:
    """Yield the obligations whose act no way of the flows reaches in time, however fast everybody is.

    The least time to an act counts only what the flow's own clock makes one wait: a deadline event that is taken in a
    state entered on the way. Everything else may happen at once, so what is told is certain under the effect table.
    """
    for norm in norms.norms:
        duty = norm.duty
        if duty.operator != "obliged" or duty.within_ms is None or not duty.action or norm.trigger is None:
            continue
        starts = graph.that_say(_events(norm.trigger))
        acts = set(graph.that_say(_events(duty.action)))
        if not starts or not acts or (duty.preempt or (duty.inclusive and set(starts) & acts)):
            continue
        gone = {a.event for a in duty.released_by if a.where is None}
        least = _least_ms(graph, starts, acts, set(graph.that_say(gone)))
        if least is not None and least > duty.within_ms:
            message = (
                f"due within {duty.within_ms / 1000:g} s, and no flow does it sooner than {least / 1000:g} s after the "
                "trigger, since a state waits that long: lengthen the deadline, or shorten the state's `within`"
            )
            yield finding(norm, "NM24", Severity.ERROR, "within", message)


def _least_ms(graph: Graph, starts: Sequence[int], acts: set[int], gone: set[int]) -> int | None:
    """Return the least time from one of the steps `starts` to one of `acts`, by none of `gone`; None: no way."""
    done = -1
    begun = {(graph.edges[n].target, not graph.edges[n].stays) for n in starts}
    heap = [(0, *place) for place in begun]  # (ms, place, its state is new)
    heapq.heapify(heap)
    seen: set[tuple[int, bool]] = set()
    while heap:
        ms, node, new = heapq.heappop(heap)
        if node == done:
            return ms
        if (node, new) in seen:
            continue
        seen.add((node, new))
        flow, state = graph.nodes[node].stack[-1]
        within = graph.charts[flow].states[state].within
        for n in graph.out[node]:
            if n in gone and n not in acts:
                continue
            edge = graph.edges[n]
            wait = within.ms if edge.by == "clock" and new and within is not None else 0
            target = (done, False) if n in acts else (edge.target, new or not edge.stays)
            if target not in seen:
                heapq.heappush(heap, (ms + wait, *target))
    return None
