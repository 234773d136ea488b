"""Coverage of norms and flows by a suite of scenarios, defined on meaning and not on lines of code.

    C0  some flow can bring the norm into force, and can do what it asks (else the suite is not to blame)
    C1  it was in force
    C2  its `if` was true, and was false
    C3  each outcome that a good terminal can show: fulfilled, released; exercised for a permission
    C4  each part of its `if` decided by itself, both ways (`semantics.probe`)
    C5  fulfilled in the last tenth of its time: the deadline was really tried
    C6  each exception to it applied, and it was in force without one
    C7  each act that fulfils it, and so each agent who may, was done
    C8  flow arcs taken, of those that the exploration can reach and a journal can show: a step that goes nowhere and
        does nothing is not written
    C9  small changes of the norm that the suite would notice (`semantics.mutation`)

What nobody may do is not shown by a suite of good terminals: that an act without authority is noticed, C9 shows.
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
from semantics.mutation import unnoticed
from semantics.norms.language import Norm, NormSet
from semantics.probe import Probe, Seen
from semantics.verdict import Outcome, Verdict

Entry = Mapping[str, Any]
Arc = tuple[str, str, str, str]  # flow, from, to, event


@dataclass
class NormCoverage:
    """What a suite showed of one norm."""

    norm: Norm
    idle: str = ""  # why no flow can, empty if one can
    exceptions: tuple[str, ...] = ()  # norms that are exceptions to it
    condition: Seen | None = None  # how its `if` came out
    activated: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    late: int = 0  # fulfilled in the last tenth
    applied: set[str] = field(default_factory=set)  # exceptions that applied
    acts: set[str] = field(default_factory=set)  # events that fulfilled it, or used the permission
    scenarios: list[str] = field(default_factory=list)
    tried: int = 0  # changes of the norm, 0 if none were tried
    unnoticed: tuple[str, ...] = ()  # those of them that no scenario notices

    @property
    def ways(self) -> frozenset[str]:
        """Return the acts between which an agent may choose; none if there is no choice."""
        acts = frozenset(a.event for a in self.norm.duty.action)
        return acts if len(acts) > 1 and self.norm.duty.operator != "forbidden" else frozenset()

    @property
    def goals(self) -> dict[str, bool | None]:
        """Return each goal: reached, missed, or None where it says nothing of this norm."""
        duty = self.norm.duty
        if self.idle:
            return {**dict.fromkeys(GOALS, None), "C0": None if self.norm.never_fires else False}
        wanted = {Outcome.FULFILLED}
        if duty.operator == "permitted":
            wanted = {Outcome.EXERCISED}
        if duty.operator == "obliged" and duty.released_by and any(a.event != "boot" for a in duty.released_by):
            wanted |= {Outcome.RELEASED}
        shown = {o for o, n in self.outcomes.items() if n}
        condition = self.condition
        return {
            "C0": True,
            "C1": self.activated > 0,
            "C2": condition.true > 0 and condition.false > 0 if condition else None,
            "C3": None if duty.operator == "forbidden" else wanted <= shown,
            "C4": condition.decided if condition and len(condition.parts) > 1 else None,
            "C5": self.late > 0 if duty.within_ms is not None and duty.operator == "obliged" else None,
            "C6": self.applied >= set(self.exceptions) and self.activated > 0 if self.exceptions else None,
            "C7": self.acts >= self.ways if self.ways else None,
            "C9": not self.unnoticed if self.tried else None,
        }

    @property
    def lacks(self) -> str:
        """Return what is missing, in words."""
        said, goals = [], self.goals
        if goals["C1"] is False:
            return "never in force"
        if goals["C2"] is False and self.condition:
            said.append(f"`if` was never {'true' if not self.condition.true else 'false'}")
        if goals["C4"] is False and self.condition:
            alone = [p for p, values in self.condition.parts.items() if len(values) < 2]
            said.append(f"never decided alone: {'; '.join(alone)}")
        if goals["C6"] is False:
            said.append(f"never applied: {', '.join(sorted(set(self.exceptions) - self.applied))}")
        if goals["C7"] is False:
            said.append(f"never done: {', '.join(sorted(self.ways - self.acts))}")
        if self.unnoticed:
            said.append(f"not noticed: {', '.join(self.unnoticed)}")
        return "; ".join(said)


@dataclass
class Coverage:
    """What a suite showed."""

    norms: dict[str, NormCoverage]
    arcs: Counter[Arc]
    reachable: frozenset[Arc]
    charts: Mapping[str, Chart]
    scenarios: tuple[str, ...]
    left_out: frozenset[str] = frozenset()  # services that the exploration leaves out

    @property
    def never_in_force(self) -> list[str]:
        """Return the norms that flows can bring into force, or that nothing excuses, and that never were."""
        return [c.norm.id for c in self.norms.values() if not c.activated and not c.norm.never_fires]

    @property
    def changes(self) -> tuple[int, int]:
        """Return how many changes of norms the suite notices, of how many that were tried."""
        tried = sum(c.tried for c in self.norms.values())
        return tried - sum(len(c.unnoticed) for c in self.norms.values()), tried

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
        lines = [f"{len(self.scenarios)} scenarios"]
        lines += [f"{goal}  {reached:4} of {of:4}  {means}" for goal, means, reached, of in self.figures]
        if self.never_in_force:
            lines.append(f"never in force in this suite, so nothing is said of them: {', '.join(self.never_in_force)}")
        strange = Counter(flow for flow, *_ in self.surprising_arcs)
        for flow, count in sorted(strange.items()):
            why = (
                "the exploration leaves the service out" if flow in self.left_out else "the effect table is too narrow"
            )
            lines.append(f"{flow}: {count} arcs were taken that the exploration does not reach: {why}")
        return "\n".join(lines)

    @property
    def figures(self) -> list[tuple[str, str, int, int]]:
        """Return (goal, meaning, reached, of how many), in order."""
        rows = [(goal, means, *self.share(goal)) for goal, means in GOALS.items() if goal != "C9"]
        taken = len(self.reachable) - len(self.missed_arcs)
        rows.append(("C8", "flow arcs taken, of those that can be", taken, len(self.reachable)))
        if self.changes[1]:
            rows.append(("C9", GOALS["C9"], *self.changes))
        return rows


GOALS = {
    "C0": "norms that these flows can bring into force and keep",
    "C1": "norms that were in force",
    "C2": "conditions that were both true and false",
    "C3": "norms that showed every good outcome",
    "C4": "conditions of which each part decided by itself",
    "C5": "deadlines that were tried in their last tenth",
    "C6": "norms with exceptions that were seen with and without",
    "C7": "choices of acts of which each was made",
    "C9": "small changes of norms that would be noticed",
}


def measure(
    norms: NormSet, graph: Graph, beside: Iterable[Graph], journals: Sequence[tuple[str, Sequence[Entry]]]
) -> Coverage:
    """Measure a suite, given as (scenario, entries)."""
    charts = graph.charts
    idle = {n.id: why for n, code, why in idle_norms(norms, charts) if code == "FL02" or n.duty.operator != "forbidden"}
    probe = Probe(norms)
    found = {
        n.id: NormCoverage(n, idle.get(n.id, ""), tuple(m.id for m in norms.overriders[n.id]), probe.seen.get(n.id))
        for n in norms.norms
    }
    arcs: Counter[Arc] = Counter()
    event_at = {(c.name, t.source, t.target, t.line): t.event for c in charts.values() for t in c.transitions}
    reachable = {
        (flow, source, target, event_at[flow, source, target, line])
        for g in (graph, *beside) for e in g.edges if e.records for flow, source, target, line in e.arcs
    }  # fmt: skip
    monitor = Monitor(norms)
    for name, entries in journals:
        monitor.reset()
        monitor.feed_all(entries)
        probe.feed_all(entries)
        by_seq = {e["seq"]: e for e in entries}
        for e in entries:
            if e["kind"] == "step":
                arcs.update((m["flow"], m["from"], m["to"], m["event"]) for m in e["data"]["moves"])
        report = monitor.report()
        for r in report.norms:
            c = found[r.norm]
            c.activated += r.activations
            c.outcomes.update(r.counts)
            if r.activations:
                c.scenarios.append(name)
        for v in report.verdicts:
            if v.norm in found:
                _note(found[v.norm], v, by_seq, norms)
    left_out = frozenset(graph.missing)
    return Coverage(found, arcs, frozenset(reachable), charts, tuple(n for n, _ in journals), left_out)


def _note(c: NormCoverage, v: Verdict, by_seq: Mapping[int, Entry], norms: NormSet) -> None:
    if v.outcome is Outcome.OVERRIDDEN:
        c.applied.add(v.because.split()[0])
    if v.duty != c.norm.id or v.outcome not in (Outcome.FULFILLED, Outcome.EXERCISED):
        return
    if v.evidence is not None and v.evidence in by_seq and c.ways:
        c.acts |= c.ways & {e.name for e in norms.vocabulary.recognise(by_seq[v.evidence])}
    if v.outcome is Outcome.FULFILLED and v.deadline_ms is not None and v.triggered_ms is not None:
        c.late += v.deadline_ms - v.at_ms <= (v.deadline_ms - v.triggered_ms) // 10


def try_changes(coverage: Coverage, norms: NormSet, journals: Sequence[tuple[str, Sequence[Entry]]]) -> None:
    """Fill in C9: change each norm that was in force in small ways, and see whether the suite notices."""
    only = [n for n, c in coverage.norms.items() if c.activated]
    for name, (tried, left) in unnoticed(norms, journals, only).items():
        coverage.norms[name].tried, coverage.norms[name].unnoticed = tried, left


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1280px;color:#1d2733;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e8ee;vertical-align:top}
th{white-space:nowrap}thead th{position:sticky;top:0;background:#f2f5f8}
td.y{background:#e2f2e6}td.n{background:#fbe3e0}td.o{color:#9aa5b1}
.bar{display:inline-block;height:.7rem;background:#3c7d57;border-radius:3px}.rest{background:#e6c4bf}
.lacks{color:#a3392c}.small{color:#5b6875;font-size:.87rem}
svg{background:white;max-width:100%;height:auto}
.flows{columns:3}.flows details[open]{column-span:all}
details{margin:.3rem 0;break-inside:avoid}summary{cursor:pointer;font-weight:600}
"""


def page(coverage: Coverage, pictures: Mapping[str, str]) -> str:
    """Return a page of its own: figures, norms by goal, arcs missed, and the flows with missed arcs in red.

    `pictures` are SVG texts by flow, empty where nothing can be drawn.
    """
    rows = [_figure(*figure) for figure in coverage.figures]
    body = []
    for c in sorted(coverage.norms.values(), key=lambda c: (c.activated > 0, bool(c.idle), not c.lacks, c.norm.id)):
        cells = "".join(
            f"<td class={'o' if v is None else 'y' if v else 'n'}>{'·' if v is None else 'yes' if v else 'no'}</td>"
            for v in c.goals.values()
        )
        said = escape(c.idle or c.norm.duty.means)
        if c.lacks and not c.idle:
            said += f"<div class=lacks>{escape(c.lacks)}</div>"
        shown = f"{c.activated} times in {len(c.scenarios)} scenarios" if c.activated else ""
        body.append(f'<tr id="{c.norm.id}"><th>{c.norm.id}</th>{cells}<td>{shown}</td><td class=small>{said}</td></tr>')
    heads = "".join(f"<th>{g}" for g in GOALS)
    missed = "".join(
        f"<tr><td>{escape(f)}<td>{escape(s)} → {escape(t)}<td>{escape(e)}" for f, s, t, e in coverage.missed_arcs
    )
    drawn = "".join(
        f"<details><summary>{escape(name)} <span class=small>{_of(coverage, name)}</span></summary>"
        f"{svg[svg.find('<svg') :]}</details>" for name, svg in pictures.items() if svg
    )  # fmt: skip
    left_out = ", ".join(sorted(coverage.left_out))
    note = f"<p class=small>The exploration leaves out: {escape(left_out)}.</p>" if left_out else ""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Coverage</title><style>{_STYLE}</style>"
        f"<h1>What {len(coverage.scenarios)} scenarios show of norms and flows</h1><table>{''.join(rows)}</table>"
        f"<h2>Norms: what is not shown comes first</h2>"
        f"<table><thead><tr><th>norm{heads}<th>in force<th>means</thead>{''.join(body)}</table>"
        f"<h2>Flows: what was never taken is red</h2>{note}<div class=flows>{drawn}</div>"
        f"<h2>Arcs that can be taken and never were ({len(coverage.missed_arcs)})</h2>"
        f"<table><thead><tr><th>flow<th>arc<th>event</thead>{missed}</table></html>\n"
    )


def _of(coverage: Coverage, flow: str) -> str:
    can = [a for a in coverage.reachable if a[0] == flow]
    taken = sum(bool(coverage.arcs[a]) for a in can)
    return f"{taken} of {len(can)} arcs" if can else "not explored"


def _figure(goal: str, means: str, reached: int, of: int) -> str:
    if not of:
        return f"<tr><th>{goal}<td>none<td><span class=small>there is nothing to show</span><td>{escape(means)}"
    width = round(300 * reached / of)
    bar = f'<span class=bar style="width:{width}px"></span><span class="bar rest" style="width:{300 - width}px"></span>'
    return f"<tr><th>{goal}<td>{reached} of {of}<td>{bar}<td>{escape(means)}"
