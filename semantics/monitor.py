"""The meaning of norms, fast: one compiled function for each combination of events that a record can say.

The semantics is the interpreter's docstring; this module is only about speed and memory.

- *Sliced.* Each duty has a table of its open instances by slice value (`instances`).
- *Indexed.* What a record says is found out by one generated function for each kind (`recogniser`); for each set of
  norm-relevant events one more is generated on first use, holding only the norms that mention them (`step_compiler`).
  A record that no norm mentions costs one look-up.
- *Deadlines* stand in one queue for each duty, where they are in order by themselves, and are looked at when due.
- *Memory* of each norm is stated (`memory_class`); norms whose memory has no bound are refused when read (NM05).
- *Snapshot*: plain data, JSON-able; with the fingerprint of the norm set, so that it is never restored under others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from semantics.instances import DEADLINE
from semantics.monitor_state import MonitorState
from semantics.norms import expression
from semantics.norms.language import Norm, NormSet, norm_exprs
from semantics.rare_steps import RareSteps
from semantics.recogniser import Recogniser
from semantics.step_compiler import compile_step
from semantics.step_text import Handler
from semantics.timeline import BOOT
from semantics.verdict import Incident, Outcome, RunReport, Verdict

BAD: Final = frozenset({Outcome.VIOLATED, Outcome.CONFLICT, Outcome.UNPERMITTED, Outcome.UNKNOWN, Outcome.ERROR})


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


class Monitor:
    """Feed records in order of `seq`. `keep` says which verdicts are stored: ``"all"`` or only ``"bad"`` ones;
    all are counted. Without `integrity` only what norms ask about is tracked, and I1 and I4 are not looked for.

    Verdicts are stored until `take_verdicts`; a live terminal takes them after each step.
    """

    def __init__(self, norms: NormSet, *, keep: str = "all", integrity: bool = True) -> None:
        self.norms = norms
        self.keep = keep
        self.state = MonitorState(norms, frozenset(Outcome) if keep == "all" else BAD, integrity=integrity)
        self.last_ms = 0
        self.next_seq: int | None = None
        self._rare = RareSteps(self.state)
        self._handlers: dict[tuple[str, ...], Handler | None] = {}
        recogniser = Recogniser(norms.vocabulary, self.state.relevant_events(), self._handler, self.state.writer)
        self._dispatch = {kind: recogniser.of_kind(kind) for kind in sorted(norms.vocabulary.kinds)}
        # kinds that can take the short way; what concerns no norm is False there
        self._short: dict[str, Handler | Literal[False]] = {
            kind: handler or False for kind, handler in self._dispatch.items() if kind != BOOT
        }

    def _handler(self, said: tuple[str, ...]) -> Handler | None:
        if said not in self._handlers:
            self._handlers[said] = compile_step(self.state, self._rare, said)
        return self._handlers[said]

    # ------------------------------------------------ feeding

    def feed(self, record: Mapping[str, Any]) -> None:
        """Take one record: a mapping with seq, ms, at (ISO 8601, UTC), kind, data."""
        state = self.state
        seq: int = record["seq"]
        if self.next_seq is not None and seq != self.next_seq:
            if seq < self.next_seq:
                state.incident("duplicate", seq, f"comes after record {self.next_seq - 1}; not looked at")
                return
            state.incident("gap", seq, f"records {self.next_seq} to {seq - 1} are missing")
        self.next_seq = seq + 1
        state.records += 1
        t, back = state.timeline.of(record)
        self.last_ms = record["ms"]
        if back:
            state.incident("clock", seq, "the clock went back within a run")
        self._rare.pass_deadlines(t)
        kind = record["kind"]
        if kind not in self._dispatch:
            state.incident("kind", seq, f"there is no kind {kind!r} in the vocabulary")
            return
        handler = self._dispatch[kind]
        if handler is not None:
            handler(record, t, seq)

    def feed_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Take many records; the same as `feed` for each, without its overhead where nothing special happens."""
        heap, timeline, short = self.state.instances.heap, self.state.timeline, self._short.get
        expected, offset, now, done = self.next_seq, timeline.offset, timeline.now, 0
        previous: Mapping[str, Any] | None = None  # the last record that took the short way
        for record in records:
            t = record["ms"] + offset
            seq = record["seq"]
            if seq == expected and t >= now and (handler := short(record["kind"])) is not None:
                expected = seq + 1
                now = t
                previous = record
                done += 1
                if heap[0][0] < t:
                    self._rare.pass_deadlines(t)
                if handler:
                    handler(record, t, seq)
            else:
                self._catch_up(previous, done)
                done, previous = 0, None
                self.feed(record)
                expected, offset, now = self.next_seq, timeline.offset, timeline.now
        self._catch_up(previous, done)

    def _catch_up(self, previous: Mapping[str, Any] | None, done: int) -> None:
        if previous is not None:
            timeline = self.state.timeline
            self.next_seq, self.last_ms = previous["seq"] + 1, previous["ms"]
            self.state.records += done
            timeline.now = max(timeline.now, self.last_ms + timeline.offset)
            timeline.last_at = previous["at"]

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
        timeline = self.state.timeline
        timeline.now = max(timeline.now, now_ms + timeline.offset)
        self._rare.pass_deadlines(timeline.now)

    @property
    def next_deadline_ms(self) -> int | None:
        """Return when `advance` next has something to do, in the clock of the present run; None for never."""
        first = self.state.instances.first()
        return None if first is None else first[DEADLINE] - self.state.timeline.offset + 1

    def reset(self) -> None:
        """Forget everything but the norms: the same as a new monitor, without compiling again."""
        self.state.clear()
        self.last_ms, self.next_seq = 0, None

    # ------------------------------------------------ telling

    @property
    def open_instances(self) -> int:
        """Return how many instances are open."""
        return sum(1 for _ in self.state.instances)

    @property
    def incidents(self) -> list[Incident]:
        """Return what was strange about the records themselves."""
        return self.state.incidents

    def take_verdicts(self) -> list[Verdict]:
        """Return the verdicts kept since the last call, and forget them."""
        raw, self.state.raw[:] = list(self.state.raw), []
        return [self.state.made(x) for x in raw]

    def report(self) -> RunReport:
        """Return what is known, with the verdicts not yet taken. Open obligations are pending."""
        return self.state.report()


_HEAD: Final = re.compile(
    r'\s*\{"seq": ?([0-9]+), ?"at": ?"([^"\\]*)", ?"ms": ?([0-9]+), ?"kind": ?"([a-z_]+)", ?"data"'
)
