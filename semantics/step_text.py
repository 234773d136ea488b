"""The text of one generated function, and what all of its parts need to write.

In the text ``r``, ``t``, ``seq`` are the record, its time and number; ``d`` its data; ``k0``, ``k1``... the values of
the slice keys it carries; ``c`` the `Act` that the rarer parts want, made when the first of them is reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from semantics.instances import ALIVE, COMPACT_FROM, DOUBT
from semantics.interpreter import key_value
from semantics.monitor_state import INDEX, MonitorState
from semantics.norms.language import FOREVER, Norm, Pattern
from semantics.rare_steps import Act, RareSteps
from semantics.verdict import Outcome

Handler = Callable[[Mapping[str, Any], int, int], None]


class StepText:
    """Collects the lines of the function for records that say exactly `said`."""

    def __init__(self, state: MonitorState, rare: RareSteps, said: tuple[str, ...]) -> None:
        self.state = state
        self.said = said
        self.events = tuple(state.vocabulary.events[name] for name in said)
        self.writer = state.writer
        self.lines: list[str] = []
        self.keys: dict[str, str] = {}  # slice key -> variable
        self.needs_act = False
        self._rare = rare
        for key in state.vocabulary.ends:
            if any(key in e.data for e in self.events):
                self.keys[key] = f"k{len(self.keys)}"

    def add(self, depth: int, *texts: str) -> None:
        self.lines += ["    " * (depth + 1) + text for text in texts]

    def name(self, value: object, stem: str) -> str:
        return self.writer.name(value, stem)

    def fresh(self) -> str:
        return self.writer.fresh()

    def table(self, q: int) -> str:
        return self.name(self.state.open[q], "open")

    def key(self, norm: Norm) -> str | None:
        """Return the variable of the norm's slice; None if the record carries no such key."""
        return "None" if norm.slice is None else self.keys.get(norm.slice)

    def atoms(self, pattern: Pattern) -> Pattern:
        """Return the atoms of a pattern that this record can match."""
        return tuple(a for a in pattern if a.event in self.said)

    def concerns_all(self, norm: Norm, pattern: Pattern) -> bool:
        """Tell whether the pattern has an event of this record that carries no slice and so concerns every one."""
        events = self.state.vocabulary.events
        return norm.slice is not None and any(norm.slice not in events[a.event].data for a in self.atoms(pattern))

    @staticmethod
    def dated(norm: Norm) -> bool:
        return (norm.valid_from, norm.valid_until) != ("0001-01-01", FOREVER)

    # ------------------------------------------------ phrases

    def act(self, depth: int) -> None:
        """Write that the act is made if it is not yet."""
        self.needs_act = True
        self.add(depth, "if c is None: c = <act>")

    def call(self, depth: int, text: str) -> None:
        """Write a call of a rarer part, whose last argument is the act."""
        self.act(depth)
        self.add(depth, text)

    def answer(self, depth: int, texts: list[str], k: str) -> None:
        """Write ``w``: whether all conditions are so, or unknown. What crashes goes up."""
        self.add(depth, f"k = {k}")
        self.add(depth, f"w = {texts[0] if len(texts) == 1 else self.both(texts)}")

    def both(self, texts: list[str]) -> str:
        """Return the text that is false if one of two is; the second is asked unless the first is false."""
        x, y = self.fresh(), self.fresh()
        return (
            f"(False if ({x} := {texts[0]}) is not None and not {x} else "
            f"False if ({y} := {texts[1]}) is not None and not {y} "
            f"else None if {x} is None or {y} is None else True)"
        )

    def say(self, depth: int, q: int, outcome: Outcome, i: str, because: str = "") -> None:
        """Write what `MonitorState.say` does; `i` is the text of the instance."""
        self.add(depth, f"{self.name(self.state.counts[q], 'counts')}[{INDEX[outcome]}] += 1")
        if outcome in self.state.kept:
            said = self.name(outcome, "outcome")
            self.add(depth, f"{self.name(self.state.raw, 'raw')}.append(({said}, {i}, t, seq, {because!r}))")

    def violate(self, depth: int, q: int, i: str, because: str = "", *, doubtful: bool = True) -> None:
        """Write what `MonitorState.violate` does, and keep the violated for its reparation if there is one."""
        if doubtful:
            self.add(depth, f"if {i}[{DOUBT}]:")
            self.say(depth + 1, q, Outcome.UNKNOWN, i, because)
            self.add(depth, "else:")
            depth += 1
        self.say(depth, q, Outcome.VIOLATED, i, because)
        if self.state.duties[q][1].or_else:
            self.call(depth, f"c.violated.append({i})")

    def close_all(self, depth: int, q: int, k: str) -> None:
        """Write the head of a loop over the instances of a slice, each of which is dropped."""
        self.add(depth, f"L = {self.table(q)}.pop({k}, None)", "if L is not None:")
        self.add(depth + 1, "for i in L:")
        self.add(depth + 2, f"i[{ALIVE}] = False")

    def tidy(self, depth: int, q: int) -> None:
        """Write that the dead leave the head of a duty's queue."""
        if self.state.duties[q][1].within_ms is not None:
            queue = self.name(self.state.instances.queues[q], "queue")
            self.add(depth, f"while {queue} and not {queue}[0][{ALIVE}]: {queue}.popleft()")

    def open_instance(self, depth: int, q: int, k: str) -> None:
        """Write ``i``, a new instance that counts from now with ``b`` bound, and open it."""
        within = self.state.duties[q][1].within_ms
        instances = self.state.instances
        self.add(depth, "instances.number = n = instances.number + 1")
        deadline = "None" if within is None else f"t + {within}"
        self.add(depth, f"i = [n, {deadline}, seq, t, b, 0, False, True, {k}, {q}]")
        if within is not None:
            self.add(depth, f"{self.name(instances.queues[q], 'queue')}.append(i)")
            self.add(depth, f"if not armed[{q}]: instances.arm(i)")
            self.add(depth, f"if not n % {COMPACT_FROM}: instances.compact()")
        table = self.table(q)
        self.add(depth, f"if (L := {table}.get({k})) is None: {table}[{k}] = [i]", "else: L.append(i)")

    # ------------------------------------------------ the whole

    def handler(self) -> Handler | None:
        """Return the function; None if it has nothing to do."""
        if not self.lines:
            return None
        namespace = self.writer.namespace
        instances = self.state.instances
        namespace |= {
            "Act": Act, "rare": self._rare, "state": self.state, "instances": instances, "armed": instances.armed,
            "key_value": key_value,
        }  # fmt: skip
        body = self.lines
        head = ["def handle(r, t, seq):", "    d = r['data']"]
        used = "\n".join(body)
        for key, variable in self.keys.items():
            path = next(e.data[key].path for e in self.events if key in e.data)
            if self.needs_act or re.search(rf"\b{variable}\b", used):
                head.append(f"    {variable} = {self.writer.datum(path)}")
                head.append(f"    if {variable}.__class__ is not str: {variable} = key_value({variable})")
        if self.needs_act:
            act = f"Act({self.said!r}, d, {self.links()}, r['at'], t, seq)"
            body = ["    c = None", *(line.replace("<act>", act) for line in body)]
            # what was violated is repaired after things are forgotten, which touches no instance
            body.append("    if c is not None and c.violated: rare.finish(c)")
        return self.writer.define("handle", head + body)

    def links(self) -> str:
        """Return the text of the keys that the record carries."""
        return "{" + ", ".join(["None: None", *(f"{key!r}: {name}" for key, name in self.keys.items())]) + "}"
