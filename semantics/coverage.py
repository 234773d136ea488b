"""Coverage of norms and flows by a suite of scenarios, defined on meaning and not on lines of code.

    C0  some flow can bring the norm into force, and can do what it asks (else the suite is not to blame)
    C1  it was in force
    C2  its `if` was true, and was false
    C3  each outcome that a good terminal can show: fulfilled, released; exercised for a permission
    C5  fulfilled in the last tenth of its time: the deadline was really tried
    C6  an exception to it applied
    C8  flow arcs taken, of those that the exploration can reach

C4 (each part of an `if` by itself) and C7 (each agent) say nothing more on norms of this shape: conditions have one
part and acts one agent. C9, the mutation score, is measured by the seeded defects of the test suite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from kiosk.flow.chart import Chart
from semantics.check import idle_norms
from semantics.exploration import Graph
from semantics.monitor import Monitor
from semantics.norms.language import Norm, NormSet
from semantics.verdict import Outcome

Entry = Mapping[str, Any]
Arc = tuple[str, str, str, str]  # flow, from, to, event


@dataclass
class NormCoverage:
    """What a suite showed of one norm."""

    norm: Norm
    idle: str = ""  # why no flow can, empty if one can
    has_exceptions: bool = False
    activated: int = 0
    denied: int = 0  # trigger came, `if` was false
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    late: int = 0  # fulfilled in the last tenth
    scenarios: list[str] = field(default_factory=list)

    @property
    def guarded(self) -> bool:
        return bool(self.norm.guards)

    @property
    def goals(self) -> dict[str, bool | None]:
        """Return each goal: reached, missed, or None where it says nothing of this norm."""
        duty = self.norm.duty
        if self.idle:
            return {"C0": False, "C1": None, "C2": None, "C3": None, "C5": None, "C6": None}
        wanted = {Outcome.FULFILLED}
        if duty.operator == "permitted":
            wanted = {Outcome.EXERCISED}
        if duty.operator == "obliged" and duty.released_by and any(a.event != "boot" for a in duty.released_by):
            wanted |= {Outcome.RELEASED}
        shown = {o for o, n in self.outcomes.items() if n}
        return {
            "C0": True,
            "C1": self.activated > 0,
            "C2": (self.activated > 0 and self.denied > 0) if self.guarded else None,
            "C3": None if duty.operator == "forbidden" else wanted <= shown,
            "C5": self.late > 0 if duty.within_ms is not None and duty.operator == "obliged" else None,
            "C6": bool(self.outcomes[Outcome.OVERRIDDEN]) if self.has_exceptions else None,
        }


@dataclass
class Coverage:
    """What a suite showed."""

    norms: dict[str, NormCoverage]
    arcs: Counter[Arc]
    reachable: frozenset[Arc]
    charts: Mapping[str, Chart]
    scenarios: tuple[str, ...]

    def share(self, goal: str) -> tuple[int, int]:
        """Return how many norms reached a goal, of how many it says something about."""
        values = [c.goals[goal] for c in self.norms.values()]
        return sum(v is True for v in values), sum(v is not None for v in values)

    @property
    def missed_arcs(self) -> list[Arc]:
        return sorted(a for a in self.reachable if not self.arcs[a])

    @property
    def surprising_arcs(self) -> list[Arc]:
        """Return arcs that were taken and that the exploration does not reach: then its effect table is wrong."""
        return sorted(a for a in self.arcs if a not in self.reachable)

    def counts_of(self, flow: str) -> dict[int, int]:
        """Return times taken by line of a flow's file, for the picture."""
        chart = self.charts[flow]
        counts: Counter[int] = Counter()
        for t in chart.transitions:
            counts[t.line] += self.arcs[flow, t.source, t.target, t.event]
        return dict(counts)

    def render(self) -> str:
        """Return the figures as text."""
        taken = len(self.reachable) - len(self.missed_arcs)
        lines = [f"{len(self.scenarios)} scenarios"]
        for goal, means in GOALS.items():
            reached, of = self.share(goal)
            lines.append(f"{goal}  {reached:4} of {of:4}  {means}")
        lines.append(f"C8  {taken:4} of {len(self.reachable):4}  flow arcs taken, of those that can be")
        return "\n".join(lines)


GOALS = {
    "C0": "norms that these flows can bring into force and keep",
    "C1": "norms that were in force",
    "C2": "conditions that were both true and false",
    "C3": "norms that showed every good outcome",
    "C5": "deadlines that were tried in their last tenth",
    "C6": "exceptions that applied",
}


def measure(
    norms: NormSet, graph: Graph, beside: Iterable[Graph], journals: Sequence[tuple[str, Sequence[Entry]]]
) -> Coverage:
    """Measure a suite, given as (scenario, entries)."""
    charts = graph.charts
    idle = {n.id: why for n, code, why in idle_norms(norms, charts) if code == "FL02" or n.duty.operator != "forbidden"}
    found = {n.id: NormCoverage(n, idle.get(n.id, ""), bool(norms.overriders[n.id])) for n in norms.norms}
    arcs: Counter[Arc] = Counter()
    event_at = {(c.name, t.source, t.target, t.line): t.event for c in charts.values() for t in c.transitions}
    reachable = {
        (flow, source, target, event_at[flow, source, target, line])
        for g in (graph, *beside) for e in g.edges for flow, source, target, line in e.arcs
    }  # fmt: skip
    monitor = Monitor(norms)
    triggers = {n.id: {a.event for a in n.trigger or ()} for n in norms.norms if n.guards and n.trigger}
    for name, entries in journals:
        monitor.reset()
        seen: Counter[str] = Counter()
        for e in entries:
            monitor.feed(e)
            if e["kind"] == "step":
                arcs.update((m["flow"], m["from"], m["to"], m["event"]) for m in e["data"]["moves"])
            if e["kind"] in norms.vocabulary.kinds:
                said = {x.name for x in norms.vocabulary.recognise(e)}
                seen.update(n for n, words in triggers.items() if words & said)
        report = monitor.report()
        for r in report.norms:
            c = found[r.norm]
            c.activated += r.activations
            c.denied += max(0, seen[r.norm] - r.activations)
            c.outcomes.update(r.counts)
            if r.activations:
                c.scenarios.append(name)
        for v in report.verdicts:
            if v.outcome is Outcome.FULFILLED and v.deadline_ms is not None and v.triggered_ms is not None:
                whole = v.deadline_ms - v.triggered_ms
                if v.norm in found and v.deadline_ms - v.at_ms <= whole // 10:
                    found[v.norm].late += 1
    return Coverage(found, arcs, frozenset(reachable), charts, tuple(n for n, _ in journals))


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1280px;color:#1d2733;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e8ee;vertical-align:top}
thead th{position:sticky;top:0;background:#f2f5f8}td.y{background:#e2f2e6}td.n{background:#fbe3e0}td.o{color:#9aa5b1}
.bar{display:inline-block;height:.7rem;background:#3c7d57;border-radius:3px}.rest{background:#e6c4bf}
.small{color:#5b6875;font-size:.87rem}
svg{max-width:100%;height:auto}details{margin:.6rem 0}summary{cursor:pointer;font-weight:600}
"""


def page(coverage: Coverage, pictures: Mapping[str, str]) -> str:
    """Return a page of its own: figures, norms by goal, arcs missed, and the flows with missed arcs in red.

    `pictures` are SVG texts by flow, empty where nothing can be drawn.
    """
    rows = []
    for goal, means in GOALS.items():
        rows.append(_figure(goal, means, *coverage.share(goal)))
    taken = len(coverage.reachable) - len(coverage.missed_arcs)
    rows.append(_figure("C8", "flow arcs taken, of those that can be", taken, len(coverage.reachable)))
    body = []
    for c in sorted(coverage.norms.values(), key=lambda c: (bool(c.idle), c.activated > 0, c.norm.id)):
        cells = "".join(
            f"<td class={'o' if v is None else 'y' if v else 'n'}>{'·' if v is None else 'yes' if v else 'no'}</td>"
            for v in c.goals.values()
        )
        said = escape(c.idle) if c.idle else escape(c.norm.duty.means)
        shown = f"{c.activated} times in {len(c.scenarios)} scenarios" if c.activated else ""
        body.append(f'<tr id="{c.norm.id}"><th>{c.norm.id}</th>{cells}<td>{shown}</td><td class=small>{said}</td></tr>')
    heads = "".join(f"<th>{g}" for g in GOALS)
    missed = "".join(
        f"<tr><td>{escape(f)}<td>{escape(s)} → {escape(t)}<td>{escape(e)}" for f, s, t, e in coverage.missed_arcs
    )
    drawn = "".join(
        f"<details><summary>{escape(name)}</summary>{svg[svg.find('<svg') :]}</details>"
        for name, svg in pictures.items() if svg
    )  # fmt: skip
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Coverage</title><style>{_STYLE}</style>"
        f"<h1>What {len(coverage.scenarios)} scenarios show of norms and flows</h1><table>{''.join(rows)}</table>"
        f"<h2>Flows; what was never taken is red</h2>{drawn}"
        f"<h2>Arcs that can be taken and never were ({len(coverage.missed_arcs)})</h2>"
        f"<table><thead><tr><th>flow<th>arc<th>event</thead>{missed}</table>"
        f"<h2>Norms</h2><table><thead><tr><th>norm{heads}<th>in force<th>means</thead>{''.join(body)}</table></html>\n"
    )


def _figure(goal: str, means: str, reached: int, of: int) -> str:
    width = round(300 * reached / of) if of else 0
    bar = f'<span class=bar style="width:{width}px"></span><span class="bar rest" style="width:{300 - width}px"></span>'
    return f"<tr><th>{goal}<td>{reached} of {of}<td>{bar}<td>{escape(means)}"
