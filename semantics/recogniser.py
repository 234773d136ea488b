"""Which events a record says, and so which function has to look at it: one generated function for each kind of record.

A record's events are gathered as bits of a number: the name of a flow's event and the moves are looked up in tables,
conditions on data are asked in line. The number then leads to the function of that combination, which is compiled when
it first occurs. A kind that concerns no norm has no function at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from semantics.codegen import Writer
from semantics.norms.vocabulary import Event, Vocabulary
from semantics.step_text import Handler

HandlerOf = Callable[[tuple[str, ...]], Handler | None]


class Recogniser:
    """`relevant` are the events that norms mention; `handler_of` gives the function for what is said."""

    def __init__(self, vocabulary: Vocabulary, relevant: frozenset[str], handler_of: HandlerOf, writer: Writer) -> None:
        self.vocabulary = vocabulary
        self.relevant = relevant
        self.handler_of = handler_of
        self.writer = writer

    def of_kind(self, kind: str) -> Handler | None:
        """Return the function for records of one kind, or None if they concern no norm."""
        own, *finer = self.vocabulary.recognised_in[kind]
        finer = [e for e in finer if e.name in self.relevant]
        if not finer:
            return self.handler_of((own.name,))
        return self._written(own, finer)

    def _written(self, own: Event, finer: list[Event]) -> Handler:
        names: dict[str, int] = {}
        moves: dict[tuple[str, str], int] = {}
        asked: list[str] = []
        for n, event in enumerate(finer):
            bit = 1 << n
            conditions = (event.step_event is not None) + (event.enters is not None) + (event.where is not None)
            if conditions == 1 and event.step_event is not None:
                names[event.step_event] = names.get(event.step_event, 0) | bit
            elif conditions == 1 and event.enters is not None:
                flow, states = event.enters
                for state in states:
                    moves[flow, state] = moves.get((flow, state), 0) | bit
            elif conditions == 1 and event.where is not None:
                text = self.writer.write(event.where, (), None)[0]
                asked += ["try:", f"    if {text} is True: m |= {bit}", "except TypeError: pass"]
            else:
                asked.append(f"if {self.writer.name(event, 'event')}.recognised(d): m |= {bit}")
        handlers: dict[int, Handler | None] = {}

        def new(m: int) -> Handler | None:
            said = (own.name, *(e.name for n, e in enumerate(finer) if m >> n & 1))
            handler = handlers[m] = self.handler_of(said)
            return handler

        def slowly(d: Mapping[str, Any]) -> int:
            return sum(1 << n for n, e in enumerate(finer) if e.recognised(d))

        name = self.writer.name
        lines = ["m = 0"]
        if names:
            lines.append(f"m = {name(names, 'names')}.get(d.get('event'), 0)")
        if moves:
            look = f"{name(moves, 'moves')}.get((x.get('flow'), x.get('to')), 0)"
            lines += ["for x in d.get('moves') or ():", f"    if x: m |= {look}"]
        lines += asked
        # data of a form that nobody writes are read slowly
        fallback = ["except Exception:", f"    m = {name(slowly, 'slowly')}(d)"]
        table = name(handlers, "handlers")
        function = [
            "def recognise(r, t, seq):", "    d = r['data']", "    try:", *("        " + line for line in lines),
            *("    " + line for line in fallback),
            f"    h = {table}[m] if m in {table} else {name(new, 'new')}(m)",
            "    if h is not None: h(r, t, seq)",
        ]  # fmt: skip
        handler: Handler = self.writer.define("recognise", function)
        return handler
