"""The effect table against what really happened: every journal must be a way that the exploration allows.

The verifier trusts `models/vocabulary/actions.yaml`. What keeps that table honest is this: the journal of a rehearsal
is played against the explored graph, and at each of its steps the places where the model may be are those that such a
step leads to. If there is none left, the table (or the chart's reading of it) allows less than the code does, and a
proof says nothing about that code. The model may allow more; that is what makes it a model.

A step of a journal and a step of the model are the same when they have the same event, take the same arcs, and write
records that say the same: the same kinds in the same order, the same words of the vocabulary, the same flags and
closed words among the data that the table gives, and amounts that compare with zero and with one another alike. Beside
the decisions of a step the kernel writes what no norm of flows is about (`BESIDE`) and notes of its own (`NOTED`).

Durations are held as well: an order's answer may not come later than the table says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.flow.chart import load_charts
from semantics.actions import load_actions
from semantics.check import load_norms
from semantics.exploration import Edge, Graph, explore
from semantics.norms.language import NormSet
from semantics.verifier import rules_of

#: the books, what is on offer, and what a device counted beyond its order: decided by the service alone
BESIDE: Final = frozenset({
    "cash_moved", "number_reserved", "checkpoint", "anchor", "violation", "over_dispensed", "cash_difference",
    "cassette_low", "service_offered", "service_withdrawn", "service_hidden",
})  # fmt: skip
#: notes of the kernel between two steps
NOTED: Final = frozenset({
    "late", "device_ready", "device_lost", "health_changed", "host_online", "host_offline", "advice_closed",
    "advice_parked", "cut_over",
})  # fmt: skip
#: what is asked of their amounts is asked of the sum, which small units cannot show otherwise
SUMMED: Final = frozenset({"dispense_ordered"})
BEGIN: Final = "begin"

Entry = Mapping[str, Any]
Arc = tuple[str, str, str]
Said = tuple[tuple[str, frozenset[str], tuple[tuple[str, Any], ...]], ...]  # kind, words, data: for each record


@dataclass(frozen=True)
class Happened:
    """One step of a journal, or a start (`event` is ``power_cut``). `at` is the number of its first record."""

    at: int
    event: str
    arcs: tuple[Arc, ...]
    records: tuple[Entry, ...]


@dataclass(frozen=True)
class Stranger:
    """A step that the model does not allow."""

    journal: str
    step: Happened
    where: tuple[str, ...]  # where the model could be
    nearest: str  # what it allows there for this event

    def __str__(self) -> str:
        arcs = ", ".join(f"{f}/{a} -> {b}" for f, a, b in self.step.arcs) or "no arc"
        kinds = ", ".join(e["kind"] for e in self.step.records) or "nothing"
        return (
            f"{self.journal}: record {self.step.at}: {self.step.event} at {' or '.join(self.where)}: {arcs}; journal: "
            f"{kinds}\n    the table allows: {self.nearest}"
        )


@dataclass(frozen=True)
class Slow:
    """An answer that came later than the table says."""

    journal: str
    order: str
    took_ms: int
    within_ms: int

    def __str__(self) -> str:
        return f"{self.journal}: {self.order} took {self.took_ms} ms; the table says {self.within_ms} ms at most"


def steps(entries: Iterable[Entry], region: str) -> Iterator[Happened]:
    """Yield the steps of one region of a journal, and the starts behind the first."""
    current: tuple[int, str, tuple[Arc, ...]] | None = None
    records: list[Entry] = []
    boots = 0
    kind = ""
    for e in entries:
        of_a_cassette, kind = kind == "cassette_low", e["kind"]  # the bank is told of it in the next record
        if kind == "step" or kind == "boot" or kind in NOTED:
            if current is not None:
                yield Happened(*current, tuple(records))
            current, records = None, []
            if kind == "boot":
                boots += 1
                if boots > 1:
                    yield Happened(e["seq"], "power_cut", (), ())
            elif kind == "step" and e["data"]["region"] == region and e["data"]["event"] != BEGIN:
                moves = e["data"]["moves"]
                arcs = tuple((m["flow"], m["from"], m["to"]) for m in moves)
                event = moves[0]["event"] if moves else e["data"]["event"]  # "no" to "more time?" is the deadline's
                current = e["seq"], event, arcs
        elif kind not in BESIDE and not of_a_cassette:
            records.append(e)
    if current is not None:
        yield Happened(*current, tuple(records))


class Conformance:
    """Plays journals against a graph."""

    def __init__(self, graph: Graph, norms: NormSet) -> None:
        self._g, self._vocabulary = graph, norms.vocabulary
        self._labels: dict[tuple[str, tuple[Arc, ...]], dict[int, list[tuple[Edge, Said]]]] = {}
        self._silent: dict[int, list[int]] = {}
        written: dict[str, set[str]] = {}
        for edge in graph.edges:
            for w, _, _ in edge.records:
                written.setdefault(w.kind, set()).update(w.data)
            if edge.event != "power_cut" and not edge.records:
                self._silent.setdefault(edge.source, []).append(edge.target)
        #: kind -> data that the table gives
        self._asked = {kind: frozenset(names) for kind, names in written.items()}
        for edge in graph.edges:
            key = edge.event, tuple(a[:3] for a in edge.arcs)
            said = self._said((w.kind, w.events, w.data) for w, _, _ in edge.records if w.kind not in ("step", "boot"))
            self._labels.setdefault(key, {}).setdefault(edge.source, []).append((edge, said))

    def _said(self, records: Iterable[tuple[str, Iterable[str], Mapping[str, Any]]]) -> Said:
        said = []
        for kind, events, data in records:
            declared = self._vocabulary.events[kind].data if kind in self._vocabulary.kinds else {}
            values: list[tuple[str, Any]] = []
            money: dict[str, int] = {}
            for name in sorted(self._asked.get(kind, frozenset()) & declared.keys()):
                type_ = declared[name].type
                if type_.name == "flag" or type_.values:
                    values.append((name, data.get(name)))
                elif type_.name == "money" and isinstance(data.get(name), int):
                    money[name] = data[name]
            ranks = sorted({0, *money.values()}) if kind not in SUMMED else [0]
            values += [(name, _rank(value, ranks)) for name, value in money.items()]
            said.append((kind, frozenset(events), tuple(values)))
        return tuple(said)

    def _of(self, records: Iterable[Entry]) -> Said:
        recognise = self._vocabulary.recognise
        return self._said((e["kind"], (x.name for x in recognise(e)), e["data"]) for e in records)

    def _settled(self, places: Iterable[int]) -> frozenset[int]:
        """Return the places, and those that steps without a record lead to."""
        found, todo = set(places), list(places)
        while todo:
            for target in self._silent.get(todo.pop(), ()):
                if target not in found:
                    found.add(target)
                    todo.append(target)
        return frozenset(found)

    def play(self, journal: str, entries: Iterable[Entry]) -> tuple[int, Stranger | None]:
        """Play one journal: the number of steps that were followed, and the first that the model does not allow."""
        g = self._g
        here = self._settled([0])
        count = 0
        for step in steps(entries, g.region):
            if step.event == "power_cut":
                cuts = self._labels.get(("power_cut", ()), {})
                here = self._settled(e.target for n in here for e, _ in cuts.get(n, ()))
            elif not step.arcs and not step.records:
                continue
            else:
                said = self._of(step.records)
                allowed = self._labels.get((step.event, step.arcs), {})
                after = [e.target for n in here for e, s in allowed.get(n, ()) if s == said]
                if not after:
                    return count, self._stranger(journal, step, here, said)
                here = self._settled(after)
            count += 1
        return count, None

    def _stranger(self, journal: str, step: Happened, here: frozenset[int], said: Said) -> Stranger:
        where = tuple(sorted({self._g.nodes[n].at for n in here}))
        allowed = self._labels.get((step.event, step.arcs), {})
        other = [s for n in here for _, s in allowed.get(n, ())]
        if other:
            nearest = f"{_told(min(other, key=lambda s: _distance(s, said)))}\n    it wrote:         {_told(said)}"
        else:
            ways = sorted({k[1] for k, at in self._labels.items() if k[0] == step.event and here & at.keys()})
            nearest = "; ".join(", ".join(f"{f}/{a} -> {b}" for f, a, b in way) for way in ways) or "no such event"
        return Stranger(journal, step, where, nearest)

    def slow(self, journal: str, entries: Iterable[Entry]) -> Iterator[Slow]:
        """Yield the answers that came later than the table says."""
        orders = self._g.actions.orders
        asked: dict[str, tuple[str, int]] = {}
        for e in entries:
            if e["kind"] == "boot":
                asked.clear()
            if e["kind"] != "step" or e["data"]["region"] != self._g.region:
                continue
            verb, since = asked.pop(e["data"].get("ticket", ""), ("", 0))
            if verb in orders and e["ms"] - since > orders[verb].within_ms:
                yield Slow(journal, verb, e["ms"] - since, orders[verb].within_ms)
            for order in e["data"].get("orders", ()):
                asked[order["ticket"]] = order["verb"], e["ms"]


def of_models(models: Path) -> Conformance:
    """Return the check of a model folder. Raises DocumentError."""
    charts, actions, norms = load_charts(models / "flows"), load_actions(models), load_norms(models)
    return Conformance(explore(charts, actions, rules_of(norms, actions)), norms)


def _rank(value: int, ranks: list[int]) -> int:
    return ranks.index(value) - ranks.index(0) if value in ranks else int(value > 0)


def _distance(a: Said, b: Said) -> int:
    kinds = sum(x[0] != y[0] for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))
    return 10 * kinds + sum(x != y for x, y in zip(a, b, strict=False))


def _told(said: Said) -> str:
    parts = []
    for kind, words, data in said:
        values = ", ".join(f"{k} {v}" for k, v in data if v is not None)
        parts.append(f"{kind} ({', '.join(sorted(words - {kind}))}; {values})")
    return "; ".join(parts) or "no record"
