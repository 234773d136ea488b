"""The meaning of norms, fast: one compiled function for each combination of events that a record can say.

The semantics is the interpreter's docstring; this module is only about speed and memory.

- *Sliced.* Each duty has a table of its open instances by slice value; a table holds nothing for closed slices.
- *Indexed.* For each set of norm-relevant events that a record says, one Python function is generated on first use,
  holding only the norms that mention them. A record that no norm mentions costs two look-ups.
- *Deadlines* stand in one queue for each duty, where they are in order by themselves, and a heap of the queues' heads.
  Discharged instances are dropped lazily. `advance` lets deadlines pass in silence.
- *Evidence*: each instance keeps the seq and time of its trigger and the data its norm uses; explanations are made
  from these when asked for, not before.
- *Memory* of each norm is stated (`memory_class`); norms whose memory has no bound are refused when read (NM05).
- *Snapshot*: plain data, JSON-able; with the fingerprint of the norm set, so that it is never restored under others.

"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from semantics.codegen import Writer
from semantics.norms import expression
from semantics.norms.language import Duty, Norm, NormSet, Pattern, norm_exprs
from semantics.norms.vocabulary import Event
from semantics.step_compiler import (
    ACTS,
    ALIVE,
    BOUND,
    COMPACT_FROM,
    DEADLINE,
    DOUBT,
    DUTY,
    INDEX,
    NUMBER,
    OUTCOMES,
    SEQ,
    SLICE,
    Act,
    Ask,
    Handler,
    Instance,
    StepCompiler,
    T,
)
from semantics.timeline import BOOT, Timeline
from semantics.verdict import Incident, Outcome, RunReport, Verdict, rolled_up

INCIDENTS_MAX: Final = 10_000  # beyond, they are only counted: a broken journal must not fill the memory

WORDS_MAX: Final = 256  # words of one datum whose reading is remembered; a closed list has fewer

BAD: Final = frozenset({Outcome.VIOLATED, Outcome.CONFLICT, Outcome.UNPERMITTED, Outcome.UNKNOWN, Outcome.ERROR})


class SnapshotError(Exception):
    """A snapshot does not fit the norms that are loaded."""


def memory_class(norm: Norm, norms: NormSet) -> str:
    """Return how the monitor's memory grows with a norm, in words."""
    ends = norm.slice is not None and bool(norms.vocabulary.ends[norm.slice])
    sees = any(isinstance(p, expression.Seen) for e in norm_exprs(norm) for p in expression.parts_of(e))
    parts = []
    if norm.trigger is None or (norm.slice is None and norm.duty.instances != "each"):
        parts.append("O(1)")
    elif norm.duty.instances != "each" and ends:
        parts.append(f"O(live {norm.slice})")
    elif norm.duty.within_ms is not None:
        parts.append(f"O(triggers in {norm.duty.within_ms} ms)")
    else:
        parts.append(f"O(open instances of a live {norm.slice})" if ends else "O(open instances)")
    if sees or norm.duty.preempt:
        parts.append(f"O(live {norm.slice}) for what was seen" if norm.slice else "O(1) for what was seen")
    return " + ".join(parts)


def fingerprint(norms: NormSet) -> str:
    """Return a digest of what the norms mean; where they stand in files does not matter."""
    texts = [
        repr(replace(n, overrides=frozenset(), file="", line=0, steps=())) + repr(sorted(n.overrides))
        for n in norms.norms
    ]
    events = [repr(e) for e in norms.vocabulary.events.values()]
    return hashlib.sha256("\n".join(texts + events).encode()).hexdigest()


class Monitor:
    """Feed records in order of `seq`. `keep` says which verdicts are stored: ``"all"`` or only ``"bad"`` ones;
    all are counted. Without `integrity` only what norms ask about is tracked, and I1 and I4 are not looked for.

    Verdicts are stored until `take_verdicts`; a live terminal takes them after each step.
    """

    def __init__(self, norms: NormSet, *, keep: str = "all", integrity: bool = True) -> None:
        self.norms = norms
        self.vocabulary = v = norms.vocabulary
        self.integrity = integrity
        self.keep = keep
        self.kept = frozenset(Outcome) if keep == "all" else BAD
        self.duties: list[tuple[Norm, Duty]] = [(n, d) for n in norms.norms for d in n.duty.all()]
        self.first = {n.id: self._duty_index(n, n.duty) for n in norms.norms}
        self._place = {n.id: j for j, n in enumerate(norms.norms)}
        self._openers = {
            e.name: [
                n for n in norms.norms
                if n.duty.operator != "forbidden" and any(a.event == e.name for a in n.duty.action)
            ]
            for e in v.events.values() if e.closed
        }  # fmt: skip
        self.open: list[dict[object, list[Instance]]] = [{} for _ in self.duties]
        self.queues: list[deque[Instance]] = [deque() for _ in self.duties]
        self.heap: list[tuple[int, int]] = []  # (deadline, duty): one entry for each queue that is not empty
        self.counts: list[list[int]] = [[0] * len(OUTCOMES) for _ in self.duties]
        self._closed_counts: Counter[str] = Counter()
        self.activations = [0] * len(norms.norms)
        self.raw: list[tuple[Any, ...]] = []
        self.incidents: list[Incident] = []
        self.incidents_total = 0
        self.timeline = Timeline()
        self._last_ms = 0
        self._next_seq: int | None = None
        self.records = 0
        self._number = 0
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
        self.namespace: dict[str, Any] = {}
        self.writer = Writer(self.namespace, self.holding, self.seen)
        self._compile_conditions()
        self._relevant = self._relevant_events()
        self._handlers: dict[tuple[str, ...], Handler | None] = {}
        self._dispatch: dict[str, Handler | None] = {kind: self._dispatcher(kind) for kind in sorted(v.kinds)}

    def _duty_index(self, norm: Norm, duty: Duty) -> int:
        return next(q for q, (n, d) in enumerate(self.duties) if n is norm and d is duty)

    # ------------------------------------------------ feeding

    def feed(self, record: Mapping[str, Any]) -> None:
        """Take one record: a mapping with seq, ms, at (ISO 8601, UTC), kind, data."""
        seq: int = record["seq"]
        if self._next_seq is not None and seq != self._next_seq:
            if seq < self._next_seq:
                self._incident("duplicate", seq, f"comes after record {self._next_seq - 1}; not looked at")
                return
            self._incident("gap", seq, f"records {self._next_seq} to {seq - 1} are missing")
        self._next_seq = seq + 1
        self.records += 1
        t, back = self.timeline.of(record)
        self._last_ms = record["ms"]
        if back:
            self._incident("clock", seq, "the clock went back within a run")
        self._pass_deadlines(t)
        kind = record["kind"]
        if kind not in self._dispatch:
            self._incident("kind", seq, f"there is no kind {kind!r} in the vocabulary")
            return
        handler = self._dispatch[kind]
        if handler is not None:
            handler(record, t, seq)

    def feed_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take many records; the same as `feed` for each, without its overhead where nothing special happens."""
        heap, dispatch, timeline, feed = self.heap, self._dispatch, self.timeline, self.feed
        expected, last_ms, offset, done = self._next_seq, self._last_ms, timeline.offset, 0
        previous: Mapping[str, Any] | None = None  # the last record that took the short way
        for record in records:
            seq, ms, kind = record["seq"], record["ms"], record["kind"]
            if seq == expected and ms >= last_ms and kind != BOOT and kind in dispatch and ms + offset >= timeline.now:
                expected = seq + 1
                last_ms = ms
                previous = record
                done += 1
                t = ms + offset
                if heap and heap[0][0] < t:
                    self._pass_deadlines(t)
                handler = dispatch[kind]
                if handler is not None:
                    handler(record, t, seq)
            else:
                self._catch_up(expected, last_ms, offset, done, previous)
                done, previous = 0, None
                feed(record)
                expected, last_ms, offset = self._next_seq, self._last_ms, timeline.offset
        self._catch_up(expected, last_ms, offset, done, previous)

    def _catch_up(
        self, expected: int | None, last_ms: int, offset: int, done: int, previous: Mapping[str, Any] | None
    ) -> None:
        if previous is not None:
            self._next_seq, self._last_ms = expected, last_ms
            self.records += done
            self.timeline.now = max(self.timeline.now, last_ms + offset)
            self.timeline.last_at = previous["at"]

    def feed_lines(self, lines: Iterable[str]) -> None:
        """Take records as JSON, one a line, as the journal is exported.

        A line whose head is written in the journal's own order and whose kind no norm mentions is not parsed further.
        """
        self.feed_all(self._parsed(lines))

    def _parsed(self, lines: Iterable[str]) -> Iterable[Mapping[str, Any]]:
        idle = {kind for kind, handler in self._dispatch.items() if handler is None and kind != BOOT}
        head, parse = _HEAD.match, json.JSONDecoder().raw_decode
        for line in lines:
            found = head(line)
            if found is not None and found[4] in idle:
                yield {"seq": int(found[1]), "at": found[2], "ms": int(found[3]), "kind": found[4], "data": {}}
            elif line.strip():
                yield parse(line)[0]

    def advance(self, now_ms: int) -> None:
        """Let time pass to `now_ms` of the present run: deadlines before it pass in silence."""
        self.timeline.now = max(self.timeline.now, now_ms + self.timeline.offset)
        self._pass_deadlines(self.timeline.now)

    @property
    def next_deadline_ms(self) -> int | None:
        """Return when `advance` next has something to do, in the clock of the present run; None for never."""
        first: int | None = None
        for _, q in self.heap:
            queue = self.queues[q]
            while queue and not queue[0][ALIVE]:
                queue.popleft()
            if queue and (first is None or queue[0][DEADLINE] < first):
                first = queue[0][DEADLINE]
        return None if first is None else first - self.timeline.offset + 1

    def reset(self) -> None:
        """Forget everything but the norms: the same as a new monitor, without compiling again."""
        for table in (*self.open, *self.holding.values(), *self.seen.values(), *self.latest.values()):
            table.clear()  # type: ignore[attr-defined]
        for queue in self.queues:
            queue.clear()
        self.heap.clear()
        for row in self.counts:
            row[:] = [0] * len(OUTCOMES)
        self._closed_counts.clear()
        self.activations[:] = [0] * len(self.activations)
        self.raw.clear()
        self.incidents.clear()
        self.incidents_total = 0
        self.timeline.offset, self.timeline.now, self.timeline.last_at = 0, 0, ""
        self._last_ms, self._next_seq, self.records, self._number = 0, None, 0, 0

    @property
    def open_instances(self) -> int:
        return sum(len(instances) for table in self.open for instances in table.values())

    # ------------------------------------------------ saying

    def _incident(self, code: str, seq: int, message: str) -> None:
        self.incidents_total += 1
        if len(self.incidents) < INCIDENTS_MAX:
            self.incidents.append(Incident(code, seq, message))

    def _say(self, outcome: Outcome, i: Instance, t: int, evidence: int | None, because: str = "") -> None:
        self.counts[i[DUTY]][INDEX[outcome]] += 1
        if outcome in self.kept:
            self.raw.append((outcome, i, t, evidence, because))

    def _violate(self, i: Instance, t: int, evidence: int | None, because: str = "") -> bool:
        self._say(Outcome.UNKNOWN if i[DOUBT] else Outcome.VIOLATED, i, t, evidence, because)
        return not i[DOUBT]

    def _verdict(self, outcome: Outcome, i: Instance, t: int, evidence: int | None, because: str) -> Verdict:
        norm, duty = self.duties[i[DUTY]]
        bound = tuple(zip(norm.bound_keys, i[BOUND], strict=False))
        return Verdict(norm.id, duty.id, outcome, t, i[SLICE], i[SEQ], i[T], evidence, i[DEADLINE], bound, because)

    def take_verdicts(self) -> list[Verdict]:
        """Return the verdicts kept since the last call, and forget them."""
        raw, self.raw[:] = list(self.raw), []
        return [self._made(x) for x in raw]

    def _made(self, raw: tuple[Any, ...]) -> Verdict:
        if raw[0] is Outcome.UNPERMITTED:
            _, name, t, seq = raw
            return Verdict(name, name, Outcome.UNPERMITTED, t, None, seq, t, seq, None)
        return self._verdict(*raw)

    def report(self) -> RunReport:
        """Return what is known, with the verdicts not yet taken. Open obligations are pending."""
        counts = {
            self.duties[q][1].id: Counter({o: row[k] for k, o in enumerate(OUTCOMES) if row[k]})
            for q, row in enumerate(self.counts)
        }
        pending = []
        for q, table in enumerate(self.open):
            if self.duties[q][1].operator == "obliged":
                for i in [i for instances in table.values() for i in instances]:
                    pending.append(self._verdict(Outcome.PENDING, i, self.timeline.now, None, ""))
                    counts[self.duties[q][1].id][Outcome.PENDING] += 1
        active = {n.id: self.activations[j] for j, n in enumerate(self.norms.norms)}
        verdicts = (*(self._made(x) for x in self.raw), *pending)
        return RunReport(
            rolled_up(self.norms, counts, active), verdicts, tuple(self.incidents), self.records, self.norms
        )

    # ------------------------------------------------ compiling

    def _compile_conditions(self) -> None:
        """Make a function of every condition; absent conditions are None."""
        w = self.writer
        events = self.vocabulary.events
        # (event, condition, whether the event carries no slice and so concerns every one)
        self._where: dict[tuple[int, str], list[tuple[str, Ask | None, bool]]] = {}
        self.keeps: dict[int, Ask] = {}
        for q, (norm, duty) in enumerate(self.duties):
            for name in ("action", "before", "until", "released_by"):
                pattern: Pattern = getattr(duty, name)
                self._where[q, name] = [
                    (
                        a.event, w.function(a.where, norm.bound_keys, norm.slice) if a.where is not None else None,
                        norm.slice is not None and norm.slice not in events[a.event].data,
                    )
                    for a in pattern
                ]  # fmt: skip
            if duty.keep is not None:
                self.keeps[q] = w.function(duty.keep, norm.bound_keys, norm.slice)
        self._triggers: list[list[tuple[str, Ask | None, Ask | None]]] = []
        self._guards: list[dict[str, Ask]] = []
        for norm in self.norms.norms:
            guards = {e: w.function(g, norm.bound_keys, norm.slice) for e, g in norm.guards.items()}
            self._guards.append(guards)
            self._triggers.append([
                (
                    a.event, w.function(a.where, norm.bound_keys, norm.slice) if a.where is not None else None,
                    guards.get(a.event),
                )
                for a in norm.trigger or ()
            ])  # fmt: skip

    def _relevant_events(self) -> frozenset[str]:
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

    def _dispatcher(self, kind: str) -> Handler | None:
        """Return the function for records of one kind, or None if they concern no norm."""
        own, *finer = self.vocabulary.recognised_in[kind]
        finer = [e for e in finer if e.name in self._relevant]
        base = (own.name,)
        if not finer:
            return self._handler(base)
        by_name: dict[str | None, list[Event]] = {}
        for event in finer:
            by_name.setdefault(event.step_event, []).append(event)
        simple = {
            name: self._handler((*base, *(e.name for e in events)))
            for name, events in by_name.items()
            if name is not None and None not in by_name and all(e.enters is None and e.where is None for e in events)
        }
        plain = self._handler(base)
        handler_of = self._handler
        named = [n for n in by_name if n is not None]
        always = by_name.get(None, [])
        candidates = {n: sorted([*by_name[n], *always], key=finer.index) for n in named}

        def by_step_name(record: Mapping[str, Any], t: int, seq: int) -> None:
            data = record["data"]
            name = data.get("event")
            if name.__class__ is not str:
                name = None
            if name in simple:
                handler = simple[name]
            elif name in candidates:
                handler = handler_of((*base, *(e.name for e in candidates[name] if e.recognised(data))))
            else:
                handler = plain if not always else handler_of((*base, *(e.name for e in always if e.recognised(data))))
            if handler is not None:
                handler(record, t, seq)

        if named:
            return by_step_name
        asks = [
            (e.name, self.writer.function(e.where, (), None) if e.where is not None and e.enters is None else None, e)
            for e in finer
        ]

        def recognise(data: Mapping[str, Any]) -> Handler | None:
            said: tuple[str, ...] = base
            for name, ask, event in asks:
                try:
                    if ask(data, (), None) is True if ask is not None else event.recognised(data):
                        said = (*said, name)
                except TypeError:
                    continue  # unreadable data say nothing
            return handler_of(said)

        def by_condition(record: Mapping[str, Any], t: int, seq: int) -> None:
            handler = recognise(record["data"])
            if handler is not None:
                handler(record, t, seq)

        paths = {
            p.path
            for e in finer if e.where is not None
            for p in expression.parts_of(e.where) if isinstance(p, expression.Datum)
        }  # fmt: skip
        if len(paths) != 1 or any(e.enters is not None or e.where is None for e in finer):
            return by_condition
        (path,) = paths
        known: dict[str, Handler | None] = {}

        def by_value(record: Mapping[str, Any], t: int, seq: int) -> None:
            """All conditions ask the same datum, so what is said of a word is said of it for ever."""
            data = record["data"]
            value = data.get(path[0]) if len(path) == 1 else expression.dig(data, path)
            if value.__class__ is not str:
                handler = recognise(data)
            elif value in known:
                handler = known[value]
            else:
                handler = recognise(data)
                if len(known) < WORDS_MAX:
                    known[value] = handler
            if handler is not None:
                handler(record, t, seq)

        return by_value

    def _handler(self, said: tuple[str, ...]) -> Handler | None:
        try:
            return self._handlers[said]
        except KeyError:
            handler = self._handlers[said] = StepCompiler(self, said).handler()
            return handler

    # ------------------------------------------------ instances

    def _drop(self, i: Instance) -> None:
        i[ALIVE] = False
        table = self.open[i[DUTY]]
        instances = table[i[SLICE]]
        if len(instances) == 1:
            del table[i[SLICE]]
        else:
            instances.remove(i)

    def _new(self, q: int, slice_: object, seq: int, t: int, bound: tuple[Any, ...], since: int) -> Instance:
        within = self.duties[q][1].within_ms
        self._number += 1
        i: Instance = [
            self._number,
            None if within is None else since + within,
            seq,
            t,
            bound,
            0,
            False,
            True,
            slice_,
            q,
        ]
        return i

    def _add(self, i: Instance) -> None:
        self.open[i[DUTY]].setdefault(i[SLICE], []).append(i)
        if i[DEADLINE] is not None:
            queue = self.queues[i[DUTY]]
            if not queue:
                heapq.heappush(self.heap, (i[DEADLINE], i[DUTY]))
            queue.append(i)
            if len(queue) > COMPACT_FROM and not i[NUMBER] % COMPACT_FROM:
                self._compact()

    def _compact(self) -> None:
        """Drop the dead behind the heads of the queues; called once in `COMPACT_FROM` instances."""
        for queue in self.queues:
            if len(queue) > COMPACT_FROM:
                living = [i for i in queue if i[ALIVE]]
                queue.clear()
                queue.extend(living or [])
        self.heap[:] = [(queue[0][DEADLINE], q) for q, queue in enumerate(self.queues) if queue]
        heapq.heapify(self.heap)

    def _pass_deadlines(self, t: int) -> None:
        """Let deadlines before `t` pass, earliest first.

        The deadlines of one duty never decrease (its `within` is fixed and time does not go back), so a queue for
        each duty is in order by itself, and the heap needs only their heads.
        """
        heap = self.heap
        while heap and heap[0][0] < t:
            deadline, q = heap[0]
            queue = self.queues[q]
            while queue and not queue[0][ALIVE]:
                queue.popleft()
            if not queue:
                heapq.heappop(heap)
            elif queue[0][DEADLINE] > deadline:
                heapq.heapreplace(heap, (queue[0][DEADLINE], q))
            else:
                i = queue.popleft()
                if queue:
                    heapq.heapreplace(heap, (queue[0][DEADLINE], q))
                else:
                    heapq.heappop(heap)
                self._drop(i)
                if self._violate(i, deadline, None):
                    self._repair(i, deadline, None)

    def _repair(self, i: Instance, since: int, evidence: int | None) -> None:
        norm, duty = self.duties[i[DUTY]]
        for other in duty.or_else:
            new = self._new(self._duty_index(norm, other), i[SLICE], i[SEQ], i[T], i[BOUND], since)
            self._add(new)
            if other.mode == "maintain" and self._keep_one(new, since, evidence):
                self._repair(new, since, evidence)

    # ------------------------------------------------ the rarer parts of a step

    def _ask(self, ask: Ask | None, d: Any, b: Any, k: object) -> tuple[bool | None, str]:
        if ask is None:
            return True, ""
        try:
            value = ask(d, b, k)
        except Exception as error:
            return None, f"{type(error).__name__}: {error}"
        return (None if value is None else bool(value)), ""

    def _match(
        self, i: Instance, name: str, said: tuple[str, ...], d: Any, crashes: list[str] | None = None, mine: bool = True
    ) -> bool | None:
        """Ask a pattern for an instance; `mine` is False if the record is of another slice or of none."""
        result: bool | None = False
        for event, ask, for_all in self._where[i[DUTY], name]:
            if event in said and (mine or for_all):
                value, crash = self._ask(ask, d, i[BOUND], i[SLICE])
                if value:
                    return True
                if crash and crashes is not None:
                    crashes.append(crash)
                if value is None:
                    result = None
        return result

    def _match_loudly(
        self, i: Instance, name: str, said: tuple[str, ...], d: Any, t: int, seq: int, mine: bool = True
    ) -> bool | None:
        crashes: list[str] = []
        result = self._match(i, name, said, d, crashes, mine)
        for crash in crashes:
            self._say(Outcome.ERROR, i, t, seq, crash)
        return result

    def _ask_instances(self, q: int, k: object, c: Act) -> None:
        """Ask the open prohibitions or permissions of a duty about an act."""
        norm, duty = self.duties[q]
        for i in list(self.open[q].get(k, ())):
            answer = self._match_loudly(i, "action", c.said, c.d, c.t, c.seq)
            if answer is None:
                self._say(Outcome.UNKNOWN, i, c.t, c.seq)
            elif answer and duty.operator == "permitted":
                self._say(Outcome.EXERCISED, i, c.t, c.seq)
            elif answer:
                judged, because = self._judged(norm, c) if duty is norm.duty else (Outcome.VIOLATED, "")
                if judged is Outcome.VIOLATED:
                    i[ACTS] += 1
                    if i[ACTS] > duty.at_most and self._violate(i, c.t, c.seq):
                        c.violated.append(i)
                else:
                    self._say(judged, i, c.t, c.seq, because)

    def _under_always(self, norm: Norm, c: Act) -> tuple[bool | None, str]:
        if not norm.in_force(c.at):
            return False, ""
        k = c.keys.get(norm.slice)
        if norm.slice is not None and k is None:
            return False, ""
        j = self.first[norm.id]
        guards = self._guards[self._place[norm.id]]
        for event, ask, _ in self._where[j, "action"]:
            if event not in c.said:
                continue
            where, crash = self._ask(ask, c.d, (), k)
            if where is False:
                continue
            guard, other = self._ask(guards.get(event), c.d, (), k)
            if guard is False:
                continue
            return (True if where and guard else None), crash or other
        return False, ""

    def _ask_always(self, j: int, c: Act) -> None:
        norm = self.norms.norms[j]
        q = self.first[norm.id]
        answer, crash = self._under_always(norm, c)
        i: Instance = [
            0,
            None,
            c.seq,
            c.t,
            (),
            0,
            False,
            False,
            c.keys.get(norm.slice) if answer is not False else None,
            q,
        ]
        if crash:
            self._say(Outcome.ERROR, i, c.t, c.seq, crash)
        elif answer is None:
            self._say(Outcome.UNKNOWN, i, c.t, c.seq)
        elif norm.duty.operator == "permitted":
            if answer:
                self.activations[j] += 1
                self._say(Outcome.EXERCISED, i, c.t, c.seq)
        else:
            self.activations[j] += norm.in_force(c.at)
            if answer:
                judged, because = self._judged(norm, c)
                self._say(judged, i, c.t, c.seq, because)
                if judged is Outcome.VIOLATED:
                    c.violated.append(i)

    def _applies_to_act(self, norm: Norm, c: Act) -> bool:
        if norm.trigger is None:
            return self._under_always(norm, c)[0] is True
        k = c.keys.get(norm.slice)
        if norm.slice is not None and k is None:
            return False
        return any(self._match(i, "action", c.said, c.d) is True for i in self.open[self.first[norm.id]].get(k, ()))

    def _prevails_at_act(self, norm: Norm, c: Act) -> bool:
        return self._applies_to_act(norm, c) and not any(
            self._prevails_at_act(m, c) for m in self.norms.overriders[norm.id]
        )

    def _judged(self, norm: Norm, c: Act) -> tuple[Outcome, str]:
        for m in self.norms.overriders[norm.id]:
            if self._prevails_at_act(m, c):
                return Outcome.OVERRIDDEN, f"{m.id} is an exception"
        rivals = [m for m in self.norms.rivals[norm.id] if self._prevails_at_act(m, c)]
        if not rivals:
            return Outcome.VIOLATED, ""
        strongest = max(rivals, key=lambda m: m.priority)
        if strongest.priority > norm.priority:
            return Outcome.OVERRIDDEN, f"{strongest.id} has priority"
        if strongest.priority == norm.priority:
            return Outcome.CONFLICT, f"{strongest.id} has {strongest.duty.operator} the same act"
        return Outcome.VIOLATED, ""

    def _ask_closed(self, event: str, c: Act) -> None:
        if not any(self._applies_to_act(n, c) for n in self._openers[event]):
            self._closed_counts[event] += 1
            self.raw.append((Outcome.UNPERMITTED, f"closed:{event}", c.t, c.seq))

    def plan(self, events: tuple[Event, ...]) -> tuple[list[Any], list[Any], dict[str, Any]]:
        """Return what events finish and start, as (affordance, key, table), and what falls with each affordance."""
        v, holding = self.vocabulary, self.holding
        finishes = [(a, v.key_of[a], holding[a]) for e in events for a in e.finishes if a in holding]
        starts = [(a, v.key_of[a], holding[a]) for e in events for a in e.starts if a in holding]
        falls = {a: (v.key_of[a], [(d, holding[d]) for d in v.dependents.get(a, ()) if d in holding]) for a in holding}
        return finishes, starts, falls

    def _change_state(self, plan: tuple[list[Any], list[Any], dict[str, Any]], c: Act) -> bool:
        """Apply finishes, starts and cascades; return whether anything changed."""
        v, holding, keys = self.vocabulary, self.holding, c.keys
        finishes, starts, falls = plan
        ended: list[tuple[str, object]] = []
        started: list[tuple[str, object, Mapping[str | None, object]]] = []
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
                if self.integrity and affordance not in v.multiple and (affordance, value) not in fresh:
                    self._incident("I4", c.seq, f"{affordance} {value!r} holds already")
                continue
            table[value] = keys  # an act's keys are its own, never written again
            fresh.add((affordance, value))
            started.append((affordance, value, keys))
        changed = bool(ended or started)
        while ended:
            base, value = ended.pop()
            key, dependents = falls[base]
            for dependent, table in dependents:
                if table:
                    for gone in [x for x, links in table.items() if key is None or links.get(key) == value]:
                        del table[gone]
                        ended.append((dependent, gone))
        if self.integrity:
            for affordance, own, links in started:
                for base in v.bases[affordance]:
                    key = v.key_of[base]
                    value = None if key is None else links.get(key)
                    if (key is None or value is not None) and value not in holding[base]:
                        self._incident("I1", c.seq, f"{affordance} {own!r} starts while {base} does not hold")
        return changed

    def _discharge_rarely(self, q: int, k: object, c: Act) -> None:
        """Discharge open obligations of a duty, oldest or all."""
        for i in list(self.open[q].get(k, ())):
            answer = self._match_loudly(i, "action", c.said, c.d, c.t, c.seq)
            if answer:
                self._drop(i)
                self._say(Outcome.FULFILLED, i, c.t, c.seq)
                if self.duties[q][1].discharge == "oldest":
                    break
            elif answer is None:
                i[DOUBT] = True

    def _concerned(self, q: int, c: Act, every: bool) -> list[tuple[Instance, bool]]:
        """Return the open instances a record concerns, and whether the record is of their own slice."""
        key = self.duties[q][0].slice
        k = c.keys.get(key)
        own = key is None or k is not None
        if not every:
            return [(i, True) for i in self.open[q].get(k, ())] if own else []
        return [(i, own and i[SLICE] == k) for instances in self.open[q].values() for i in instances]

    def _too_late(self, q: int, every: bool, c: Act) -> None:
        punctual = self.duties[q][1].mode == "punctual"
        of_slice = self.duties[q][0].slice is None or self.duties[q][0].slice in self.vocabulary.events[c.said[0]].data
        for i, mine in self._concerned(q, c, every):
            now = punctual and mine and of_slice
            if now or self._match_loudly(i, "before", c.said, c.d, c.t, c.seq, mine):
                self._drop(i)
                if self._violate(i, c.t, c.seq, "the next record had to do it" if now else "it is too late now"):
                    c.violated.append(i)

    def _release(self, q: int, every: bool, c: Act) -> None:
        for i, mine in self._concerned(q, c, every):
            released = self._match_loudly(i, "released_by", c.said, c.d, c.t, c.seq, mine)
            if released:
                self._drop(i)
                self._say(Outcome.RELEASED, i, c.t, c.seq)
                continue
            if released is None:
                i[DOUBT] = True
            if self._match_loudly(i, "until", c.said, c.d, c.t, c.seq, mine):
                self._drop(i)
                kept = Outcome.EXPIRED if self.duties[q][1].operator == "permitted" else Outcome.FULFILLED
                self._say(kept, i, c.t, c.seq)

    def _keep_all(self, q: int, c: Act) -> None:
        for i in [i for instances in self.open[q].values() for i in instances]:
            if self._keep_one(i, c.t, c.seq):
                c.violated.append(i)

    def _keep_one(self, i: Instance, t: int, evidence: int | None) -> bool:
        answer, crash = self._ask(self.keeps[i[DUTY]], {}, i[BOUND], i[SLICE])
        if answer:
            return False
        self._drop(i)
        if answer is None:
            self._say(Outcome.ERROR if crash else Outcome.UNKNOWN, i, t, evidence, crash)
            return False
        return self._violate(i, t, evidence)

    def _triggered(self, j: int, c: Act, bind: Mapping[str, Ask]) -> tuple[object, tuple[Any, ...]] | None:
        norm = self.norms.norms[j]
        if not norm.in_force(c.at):
            return None
        q = self.first[norm.id]
        k = c.keys.get(norm.slice)
        for event, where, guard in self._triggers[j]:
            if event not in c.said:
                continue
            b = bind[event](c.d, (), k)
            i: Instance = [0, None, c.seq, c.t, b, 0, False, False, k, q]
            if norm.slice is not None and k is None:
                self._say(Outcome.UNKNOWN, i, c.t, c.seq, f"the record carries no {norm.slice}")
                return None
            answers = []
            for ask in (where, guard):
                answer, crash = self._ask(ask, c.d, b, k)
                if crash:
                    self._say(Outcome.ERROR, i, c.t, c.seq, crash)
                    return None
                answers.append(answer)
                if answer is False:
                    break
            if False in answers:
                continue
            if None in answers:
                self._say(Outcome.UNKNOWN, i, c.t, c.seq)
                return None
            return k, b
        return None

    def _activate(self, norms: tuple[tuple[int, Mapping[str, Ask]], ...], c: Act) -> None:
        """Make instances of all norms that a record triggers, exceptions considered."""
        hits: dict[str, tuple[object, tuple[Any, ...]]] = {}
        for j, bind in norms:
            hit = self._triggered(j, c, bind)
            if hit is not None:
                hits[self.norms.norms[j].id] = hit
        for j, _ in norms:
            norm = self.norms.norms[j]
            if norm.id not in hits:
                continue
            k, b = hits[norm.id]
            over = next((m for m in self.norms.overriders[norm.id] if self._prevails(m, k, hits)), None)
            if over is not None:
                i: Instance = [0, None, c.seq, c.t, b, 0, False, False, k, self.first[norm.id]]
                self._say(Outcome.OVERRIDDEN, i, c.t, c.seq, f"{over.id} is an exception")
            else:
                self._create(j, k, b, c)

    def _prevails(self, norm: Norm, k: object, hits: Mapping[str, tuple[object, tuple[Any, ...]]]) -> bool:
        applies = (norm.id in hits and hits[norm.id][0] == k) or k in self.open[self.first[norm.id]]
        return applies and not any(self._prevails(m, k, hits) for m in self.norms.overriders[norm.id])

    def _create(self, j: int, k: object, b: tuple[Any, ...], c: Act) -> None:
        norm = self.norms.norms[j]
        duty, q = norm.duty, self.first[norm.id]
        self.activations[j] += 1
        mine = list(self.open[q].get(k, ()))
        if mine and duty.instances == "coalesce-earliest":
            return
        if mine and duty.instances == "coalesce-latest":
            for old in mine:
                self._drop(old)
                self._say(Outcome.REPLACED, old, c.t, c.seq)
        i = self._new(q, k, c.seq, c.t, b, c.t)
        self._add(i)
        if duty.mode == "maintain":
            if self._keep_one(i, c.t, c.seq):
                c.violated.append(i)
            return
        if duty.operator != "obliged":
            return
        if duty.preempt and (earlier := self.latest[q].get(k)) is not None:
            said, d, seq, t = earlier
            if self._match_loudly(i, "action", said, d, t, seq):
                self._drop(i)
                self._say(Outcome.FULFILLED, i, c.t, seq)
                return
        if duty.inclusive and self._match_loudly(i, "action", c.said, c.d, c.t, c.seq):
            self._drop(i)
            self._say(Outcome.FULFILLED, i, c.t, c.seq)

    def _finish_step(self, c: Act) -> None:
        for i in c.violated:
            self._repair(i, c.t, c.seq)

    # ------------------------------------------------ snapshot

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain data. Verdicts not yet taken are not part of it: take and keep them first."""
        return {
            "fingerprint": fingerprint(self.norms),
            "timeline": [self.timeline.offset, self.timeline.now, self.timeline.last_at],
            "last_ms": self._last_ms,
            "next_seq": self._next_seq,
            "records": self.records,
            "number": self._number,
            "open": [[self.duties[q][1].id, list(i[:ALIVE]), i[SLICE]]
                     for q, table in enumerate(self.open) for instances in table.values() for i in instances],
            "holding": [[a, key, {k: x for k, x in links.items() if k is not None}]
                        for a, table in self.holding.items() for key, links in table.items()],
            "seen": [[e, k, value, seq] for (e, k), table in self.seen.items() for value, seq in table.items()],
            "latest": [[q, k, list(x)] for q, table in self.latest.items() for k, x in table.items()],
            "counts": [list(row) for row in self.counts],
            "activations": list(self.activations),
            "incidents": self.incidents_total,
        }  # fmt: skip

    def state_hash(self) -> str:
        """Return a digest of the snapshot, to be journalled beside it."""
        return hashlib.sha256(json.dumps(self.snapshot(), sort_keys=True).encode()).hexdigest()

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take up a snapshot in a new monitor. Raises SnapshotError if it was made under other norms or words."""
        if snapshot["fingerprint"] != fingerprint(self.norms):
            raise SnapshotError("the snapshot was made under other norms; replay the journal instead")
        if self.records:
            raise SnapshotError("a snapshot is restored into a new monitor only")
        self.timeline.offset, self.timeline.now, self.timeline.last_at = snapshot["timeline"]
        self._last_ms, self._next_seq = snapshot["last_ms"], snapshot["next_seq"]
        self.records, self._number = snapshot["records"], snapshot["number"]
        index = {d.id: q for q, (_, d) in enumerate(self.duties)}
        for duty, fields, slice_ in sorted(snapshot["open"], key=lambda x: x[1][NUMBER]):
            i = [*fields, True, slice_, index[duty]]
            i[BOUND] = tuple(i[BOUND])
            self._add(i)
        for affordance, key, links in snapshot["holding"]:
            self.holding[affordance][key] = dict(links)
        for event, key, value, seq in snapshot["seen"]:
            self.seen[event, key][value] = seq
        for q, k, (said, d, seq, t) in snapshot["latest"]:
            self.latest[q][k] = (tuple(said), d, seq, t)
        for row, old in zip(self.counts, snapshot["counts"], strict=True):
            row[:] = old
        self.activations[:] = snapshot["activations"]
        self.incidents_total = snapshot["incidents"]


_HEAD: Final = re.compile(
    r'\s*\{"seq": ?([0-9]+), ?"at": ?"([^"\\]*)", ?"ms": ?([0-9]+), ?"kind": ?"([a-z_]+)", ?"data"'
)
