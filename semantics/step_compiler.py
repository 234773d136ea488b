"""The function for one combination of events, as Python text.

What nearly every record does is written out in line: look up the open instances of a slice, ask a condition, drop or
add an instance. Whatever is rarer is a call of a method of the monitor with an `Act`, which is made only when the
first such call is reached. The order of the text is the order of a step in the interpreter's docstring.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from semantics.interpreter import key_value
from semantics.norms import expression
from semantics.norms.language import FOREVER, Norm, Pattern
from semantics.verdict import Outcome

if TYPE_CHECKING:
    from semantics.monitor import Monitor

# the places of an instance, which is a list because one is made and dropped for each obligation
NUMBER, DEADLINE, SEQ, T, BOUND, ACTS, DOUBT, ALIVE, SLICE, DUTY = range(10)
COMPACT_FROM: Final = 1_024  # queues shorter than this are never compacted
OUTCOMES: Final = tuple(Outcome)
INDEX: Final = {o: i for i, o in enumerate(OUTCOMES)}

Instance = list[Any]
Ask = Callable[[Any, Any, Any], Any]
Handler = Callable[[Mapping[str, Any], int, int], None]


class Act:
    """One record on its way through the rarer parts of a step."""

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


class StepCompiler:
    """Writes the function for records that say exactly `said`."""

    def __init__(self, monitor: Monitor, said: tuple[str, ...]) -> None:
        self.m = monitor
        self.said = said
        self.events = tuple(monitor.vocabulary.events[name] for name in said)
        self.lines: list[str] = []
        self.keys: dict[str, str] = {}  # slice key -> variable
        self.rare = False  # whether an Act is needed
        for key in monitor.vocabulary.ends:
            if any(key in e.data for e in self.events):
                self.keys[key] = f"k{len(self.keys)}"

    def add(self, depth: int, text: str) -> None:
        self.lines.append("    " * (depth + 1) + text)

    def name(self, value: object, stem: str) -> str:
        return self.m.writer.name(value, stem)

    def slice_of(self, norm: Norm) -> str | None:
        """Return the variable of the norm's slice; None if the record carries no such key."""
        return "None" if norm.slice is None else self.keys.get(norm.slice)

    def mentions(self, pattern: Pattern) -> bool:
        return any(a.event in self.said for a in pattern)

    def concerns_all(self, norm: Norm, pattern: Pattern) -> bool:
        """Tell whether the pattern has an event of this record that carries no slice and so concerns every one."""
        events = self.m.vocabulary.events
        return norm.slice is not None and any(
            a.event in self.said and norm.slice not in events[a.event].data for a in pattern
        )

    def handler(self) -> Handler | None:
        m = self.m
        parts = [self.prohibitions, self.state, self.discharge, self.release, self.activation, self.forgetting]
        for part in parts:
            part()
        if not self.lines:
            return None
        namespace = m.namespace
        namespace |= {"Act": Act, "monitor": m, "key_value": key_value, "heap": m.heap, "push": heapq.heappush}
        body = self.lines
        head = ["def handle(r, t, seq):", "    d = r['data']"]
        used = "\n".join(body)
        for key, variable in self.keys.items():
            path = next(e.data[key].path for e in self.events if key in e.data)
            if self.rare or re.search(rf"\b{variable}\b", used):
                head.append(f"    {variable} = {m.writer.datum(path)}")
                head.append(
                    f"    if {variable} is not None and {variable}.__class__ is not str: "
                    f"{variable} = key_value({variable})"
                )
        if self.rare:
            keys = ", ".join(["None: None", *(f"{key!r}: {variable}" for key, variable in self.keys.items())])
            act = f"Act({self.said!r}, d, {{{keys}}}, r['at'], t, seq)"
            body = ["    c = None", *(line.replace("<act>", act) for line in body)]
            # what was violated is repaired after things are forgotten, which touches no instance
            body.append("    if c is not None and c.violated: monitor._finish_step(c)")
        return m.writer.define("handle", head + body)

    def call(self, depth: int, text: str) -> None:
        """Write a call of a rarer part; the act it needs is made when the first such call is reached."""
        self.rare = True
        self.add(depth, "if c is None: c = <act>")
        self.add(depth, text)

    def prohibitions(self) -> None:
        for j, norm in enumerate(self.m.norms.norms):
            if norm.trigger is None and self.mentions(norm.duty.action):
                self.always(j, norm)
            for q, (owner, duty) in enumerate(self.m.duties):
                if owner is norm and duty.operator != "obliged" and self.mentions(duty.action) and self.slice_of(norm):
                    if norm.trigger is None and duty is norm.duty:
                        continue
                    table = self.name(self.m.open[q], "open")
                    self.add(0, f"if {self.slice_of(norm)} in {table}:")
                    self.call(1, f"monitor._ask_instances({q}, {self.slice_of(norm)}, c)")
        for event in self.events:
            if event.closed:
                self.call(0, f"monitor._ask_closed({event.name!r}, c)")

    def always(self, j: int, norm: Norm) -> None:
        """Ask by hand whether a plain norm says no; everything else is for `_ask_always`."""
        atoms = [a for a in norm.duty.action if a.event in self.said]
        k = self.slice_of(norm)
        if len(atoms) > 1 or k is None or (norm.valid_from, norm.valid_until) != ("0001-01-01", FOREVER):
            self.call(0, f"monitor._ask_always({j}, c)")
            return
        asks = [e for e in (atoms[0].where, norm.guards.get(atoms[0].event)) if e is not None]
        texts = [self.m.writer.write(e, (), norm.slice)[0] for e in asks]
        text = "True" if not texts else texts[0] if len(texts) == 1 else self.both(texts)
        if norm.slice is not None:
            text = f"False if k is None else {text}"
        self.add(0, f"k = {k}")
        self.add(0, f"try: w = {text}")
        self.add(0, "except Exception: w = None")
        self.add(0, "if w is None or w:")
        self.call(1, f"monitor._ask_always({j}, c)")
        if norm.duty.operator == "forbidden":
            self.add(0, f"else: {self.name(self.m.activations, 'activations')}[{j}] += 1")

    def state(self) -> None:
        self.changes = any(set(e.starts + e.finishes) & self.m.holding.keys() for e in self.events)
        if self.changes:
            self.call(0, f"changed = monitor._change_state({self.name(self.m.plan(self.events), 'plan')}, c)")
        for (event, key), table in self.m.seen.items():
            if event in self.said:
                k = "None" if key is None else self.keys[key]
                guard = "" if key is None else f"if {k} is not None: "
                self.add(0, f"{guard}{self.name(table, 'seen')}[{k}] = seq")

    def discharge(self) -> None:
        for q, (norm, duty) in enumerate(self.m.duties):
            k = self.slice_of(norm)
            if duty.operator != "obliged" or duty.mode == "maintain":
                continue
            table = self.name(self.m.open[q], "open")
            atoms = [a for a in duty.action if a.event in self.said]
            if k is None:
                atoms = []
            if len(atoms) == 1 and k is not None and duty.discharge == "oldest":
                self.discharge_oldest(q, norm, table, k, atoms[0].where)
            elif atoms:
                self.add(0, f"if {k} in {table}:")
                self.call(1, f"monitor._discharge_rarely({q}, {k}, c)")
            of_slice = norm.slice is None or norm.slice in self.events[0].data
            every = self.concerns_all(norm, duty.before)
            if self.mentions(duty.before) or (duty.mode == "punctual" and of_slice):
                self.add(0, f"if {table}:" if every else f"if {k} in {table}:")
                self.call(1, f"monitor._too_late({q}, {every}, c)")

    def saying(self, q: int, outcome: Outcome) -> str:
        """Return the text that counts an outcome of ``i``, and keeps it if it is to be kept."""
        text = f"{self.name(self.m.counts[q], 'counts')}[{INDEX[outcome]}] += 1"
        if outcome in self.m.kept:
            text += f"; {self.name(self.m.raw, 'raw')}.append(({self.name(outcome, 'outcome')}, i, t, seq, ''))"
        return text

    def discharge_oldest(self, q: int, norm: Norm, table: str, k: str, where: expression.Expr | None) -> None:
        say = self.saying(q, Outcome.FULFILLED)
        drop = f"i[{ALIVE}] = False"
        remove = f"if len(L) == 1: del {table}[{k}]"
        self.add(0, f"L = {table}.get({k})")
        self.add(0, "if L is not None:")
        if where is None:
            for text in ("i = L[0]", drop, remove, "else: del L[0]", say):
                self.add(1, text)
            return
        text, _ = self.m.writer.write(where, norm.bound_keys, norm.slice)
        self.add(1, "for i in L:")
        self.add(2, f"b = i[{BOUND}]; k = {k}")
        self.add(2, f"try: w = {text}")
        self.add(2, "except Exception as x:")
        error = self.name(Outcome.ERROR, "error")
        self.add(3, f"monitor._say({error}, i, t, seq, f'{{type(x).__name__}}: {{x}}'); i[{DOUBT}] = True; continue")
        self.add(2, "if w:")
        for text in (drop, remove, "else: L.remove(i)", say, "break"):
            self.add(3, text)
        self.add(2, f"if w is None: i[{DOUBT}] = True")

    def release(self) -> None:
        for q, (norm, duty) in enumerate(self.m.duties):
            if self.mentions(duty.released_by) or self.mentions(duty.until):
                every = self.concerns_all(norm, duty.released_by + duty.until)
                table = self.name(self.m.open[q], "open")
                plain = any(a.event in self.said and a.where is None for a in duty.until)
                if (
                    plain
                    and not every
                    and not self.mentions(duty.released_by)
                    and all(a.where is None for a in duty.until)
                ):
                    self.add(0, f"L = {table}.pop({self.slice_of(norm)}, None)")
                    self.add(0, "if L is not None:")
                    self.add(1, "for i in L:")
                    self.add(2, f"i[{ALIVE}] = False")
                    kept = Outcome.EXPIRED if duty.operator == "permitted" else Outcome.FULFILLED
                    self.add(2, self.saying(q, kept))
                    continue
                self.add(0, f"if {table}:" if every else f"if {self.slice_of(norm)} in {table}:")
                self.call(1, f"monitor._release({q}, {every}, c)")
        for q in self.m.keeps:
            if self.changes:
                self.add(0, f"if changed and {self.name(self.m.open[q], 'open')}:")
                self.call(1, f"monitor._keep_all({q}, c)")

    def activation(self) -> None:
        norms = [j for j, n in enumerate(self.m.norms.norms) if n.trigger is not None and self.mentions(n.trigger)]
        if any(self.m.norms.overriders[self.m.norms.norms[j].id] for j in norms):
            table = tuple((j, self.binders(j)) for j in norms)
            self.call(0, f"monitor._activate({self.name(table, 'norms')}, c)")
        else:
            for j in norms:
                self.activate(j)
        for q, (norm, duty) in enumerate(self.m.duties):
            k = self.slice_of(norm)
            if duty.preempt and k is not None and self.mentions(duty.action):
                guard = "" if norm.slice is None else f"if {k} is not None: "
                self.add(0, f"{guard}{self.name(self.m.latest[q], 'latest')}[{k}] = ({self.said!r}, d, seq, t)")

    def binders(self, j: int) -> dict[str, Ask]:
        norm = self.m.norms.norms[j]
        result: dict[str, Ask] = {}
        for name in self.said:
            if any(a.event == name for a in norm.trigger or ()):
                data = self.m.vocabulary.events[name].data
                text = self.m.writer.bindings(data[k].path for k in norm.bound_keys)
                result[name] = eval(f"lambda d, b, k: {text}", self.m.namespace)
        return result

    def activate(self, j: int) -> None:
        norm = self.m.norms.norms[j]
        duty, q = norm.duty, self.m.first[norm.id]
        atoms = [a for a in norm.trigger or () if a.event in self.said]
        k = self.slice_of(norm)
        simple = (
            len(atoms) == 1 and k is not None and duty.instances != "coalesce-latest" and duty.mode != "maintain"
            and not duty.preempt and not duty.inclusive
        )  # fmt: skip
        if not simple:
            alone = ((j, self.binders(j)),)
            self.call(0, f"monitor._activate({self.name(alone, 'norms')}, c)")
            return
        event = atoms[0].event
        w = self.m.writer
        data = self.m.vocabulary.events[event].data
        depth = 0
        if (norm.valid_from, norm.valid_until) != ("0001-01-01", FOREVER):
            self.add(0, f"if {norm.valid_from!r} <= r['at'][:10] < {norm.valid_until!r}:")
            depth = 1
        self.add(depth, f"b = {w.bindings(data[x].path for x in norm.bound_keys)}")
        asks = [e for e in (atoms[0].where, norm.guards.get(event)) if e is not None]
        nowhere = f"[0, None, seq, t, b, 0, False, False, {k}, {q}]"
        unknown, error = self.name(Outcome.UNKNOWN, "unknown"), self.name(Outcome.ERROR, "error")
        if norm.slice is not None:
            self.add(
                depth,
                f"if {k} is None: monitor._say({unknown}, {nowhere}, t, seq, 'the record carries no {norm.slice}')",
            )
            self.add(depth, "else:")
            depth += 1
        if asks:
            self.add(depth, f"k = {k}")
            texts = [w.write(e, norm.bound_keys, norm.slice)[0] for e in asks]
            # the second condition is asked unless the first is false
            self.add(depth, f"try: w = {texts[0]}" if len(texts) == 1 else f"try: w = {self.both(texts)}")
            self.add(
                depth,
                f"except Exception as x: monitor._say({error}, {nowhere}, t, seq, f'{{type(x).__name__}}: {{x}}')",
            )
            self.add(depth, "else:")
            self.add(depth + 1, f"if w is None: monitor._say({unknown}, {nowhere}, t, seq)")
            self.add(depth + 1, "elif w:")
            depth += 2
        table = self.name(self.m.open[q], "open")
        self.add(depth, f"{self.name(self.m.activations, 'activations')}[{j}] += 1")
        if duty.instances == "coalesce-earliest":
            self.add(depth, f"if {k} not in {table}:")
            depth += 1
        self.add(depth, "monitor._number = n = monitor._number + 1")
        deadline = "None" if duty.within_ms is None else f"t + {duty.within_ms}"
        self.add(depth, f"i = [n, {deadline}, seq, t, b, 0, False, True, {k}, {q}]")
        if duty.within_ms is not None:
            queue = self.name(self.m.queues[q], "queue")
            self.add(depth, f"if not {queue}: push(heap, (i[{DEADLINE}], {q}))")
            self.add(depth, f"{queue}.append(i)")
            self.add(depth, f"if not n % {COMPACT_FROM}: monitor._compact()")
        self.add(depth, f"L = {table}.get({k})")
        self.add(depth, f"if L is None: {table}[{k}] = [i]")
        self.add(depth, "else: L.append(i)")

    def both(self, texts: list[str]) -> str:
        x, y = self.m.writer.fresh(), self.m.writer.fresh()
        return (
            f"(False if ({x} := {texts[0]}) is not None and not {x} else "
            f"False if ({y} := {texts[1]}) is not None and not {y} "
            f"else None if {x} is None or {y} is None else True)"
        )

    def forgetting(self) -> None:
        for key, enders in self.m.vocabulary.ends.items():
            if not any(e in self.said for e in enders) or key not in self.keys:
                continue
            tables: list[Any] = [t for (_, k), t in self.m.seen.items() if k == key]
            tables += [t for q, t in self.m.latest.items() if self.m.duties[q][0].slice == key]
            for table in tables:
                self.add(0, f"{self.name(table, 'memory')}.pop({self.keys[key]}, None)")
