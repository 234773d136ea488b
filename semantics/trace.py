"""The trace: requirement -> norm -> flow -> scenario, and edge case -> flow -> scenario, each way readable.

A norm belongs to a requirement that names it. One that only shares a source with it is *related*: shown, and never
counted as an answer, since a section of a source asks for many things. An arc belongs to a norm when a step over it
brings the norm into force or does what it asks, found in the exploration and not by name; and to an edge case when its
`because` says so. A scenario belongs to a norm that was in force in it, and to the edge cases it proves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kiosk import strict_yaml
from kiosk.strict_yaml import DocumentError, Mistake
from semantics.coverage import Coverage
from semantics.exploration import Graph
from semantics.norms.language import NormSet

PHASES = ("elicited", "modelled", "specified", "verified", "managed")
GENERAL = frozenset({"DP", "DC"})  # domain practice and the design: everybody's source, so nobody's trace


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Requirement(_Strict):
    """One thing that was asked for."""

    id: str
    says: str
    phase: Literal["elicited", "modelled", "specified", "verified", "managed"]  # as in PHASES
    stakeholder: list[str] = Field(min_length=1)
    source: list[str] = Field(min_length=1)
    norms: list[str] = Field(default_factory=list)
    edge_cases: list[int] = Field(default_factory=list)
    by_design: str = ""  # why no norm or scenario can show it: what does


class _RequirementsForm(_Strict):
    requirements: list[Requirement]


class _CasesForm(_Strict):
    edge_cases: dict[int, str]


@dataclass(frozen=True)
class Row:
    """One requirement with what was found for it."""

    requirement: Requirement
    norms: tuple[str, ...]
    related: tuple[str, ...]
    arcs: tuple[str, ...]
    scenarios: tuple[str, ...]


@dataclass(frozen=True)
class CaseRow:
    """One edge case with the arcs and scenarios that name it."""

    number: int
    title: str
    arcs: tuple[str, ...]
    scenarios: tuple[str, ...]


@dataclass(frozen=True)
class NormRow:
    """One norm, backwards: who asks for it; and forwards: where flows act by it, and what shows it."""

    norm: str
    text: str
    asked_by: tuple[str, ...]
    related: tuple[str, ...]  # requirements that share a source with it
    arcs: tuple[str, ...]
    scenarios: tuple[str, ...]
    why_not: str  # why nothing can show it


@dataclass(frozen=True)
class ScenarioRow:
    """One scenario, backwards: the norms that were in force in it, and the edge cases and requirements it shows."""

    scenario: str
    norms: tuple[str, ...]
    cases: tuple[int, ...]
    requirements: tuple[str, ...]


@dataclass(frozen=True)
class Trace:
    rows: tuple[Row, ...]
    cases: tuple[CaseRow, ...]
    norms: tuple[NormRow, ...] = ()
    scenarios: tuple[ScenarioRow, ...] = ()

    @property
    def orphans(self) -> tuple[str, ...]:
        """Return the norms that no requirement asks for, by name or source."""
        return tuple(n.norm for n in self.norms if not (n.asked_by or n.related))

    @property
    def holes(self) -> dict[str, tuple[str, ...]]:
        """Return every end that hangs loose, by kind. What a reason is given for is no hole."""
        return {
            "requirements without a norm or an edge case": tuple(
                r.requirement.id
                for r in self.rows
                if not (r.norms or r.requirement.edge_cases or r.requirement.by_design)
            ),
            "requirements that no scenario shows": tuple(
                r.requirement.id for r in self.rows if not (r.scenarios or r.requirement.by_design)
            ),
            "edge cases that neither a flow nor a scenario names": tuple(
                f"EC-{c.number}" for c in self.cases if not (c.arcs or c.scenarios)
            ),
            "edge cases that no scenario shows": tuple(
                f"EC-{c.number}" for c in self.cases if c.arcs and not c.scenarios
            ),
            "norms that no requirement asks for": self.orphans,
            "norms by which no flow acts": tuple(n.norm for n in self.norms if not n.arcs and not n.why_not),
            "norms that no scenario shows": tuple(n.norm for n in self.norms if not n.scenarios and not n.why_not),
            "scenarios that show no edge case": tuple(s.scenario for s in self.scenarios if not s.cases),
        }

    def render(self) -> str:
        """Return the counts as text."""
        with_norm = sum(bool(r.norms) for r in self.rows)
        with_test = sum(bool(r.scenarios) for r in self.rows)
        in_flow = sum(bool(c.arcs) for c in self.cases)
        shown = sum(bool(c.scenarios) for c in self.cases)
        phases = Counter[str](r.requirement.phase for r in self.rows)
        lines = [
            f"{len(self.rows)} requirements: {with_norm} with a norm, {with_test} shown by a scenario; "
            + ", ".join(f"{phases[p]} {p}" for p in PHASES if phases[p]),
            f"{len(self.cases)} edge cases: {in_flow} answered by a flow, {shown} shown by a scenario",
            f"{len(self.norms)} norms: {sum(bool(n.asked_by) for n in self.norms)} asked for by name, "
            f"{sum(bool(n.arcs) for n in self.norms)} met by a flow, "
            f"{sum(bool(n.scenarios) for n in self.norms)} shown by a scenario",
            f"{len(self.scenarios)} scenarios",
        ]
        lines += [f"hole: {len(found)} {what}: {', '.join(found)}" for what, found in self.holes.items() if found]
        return "\n".join(lines)


def load_requirements(folder: Path) -> tuple[list[Requirement], dict[int, str]]:
    """Read ``models/requirements``. Raises DocumentError."""
    found: list[Requirement] = []
    cases: dict[int, str] = {}
    for file in sorted(folder.glob("*.yaml")):
        document = strict_yaml.load(file)
        if "edge_cases" in document.data:
            cases |= document.as_model(_CasesForm).edge_cases
        else:
            found += document.as_model(_RequirementsForm).requirements
    if not found or not cases:
        raise DocumentError([Mistake(str(folder), 1, 1, "needs requirements and edge_cases")])
    return found, cases


def trace(
    requirements: Sequence[Requirement], cases: Mapping[int, str], norms: NormSet, graph: Graph, coverage: Coverage,
    proves: Mapping[str, Sequence[int]],
) -> Trace:  # fmt: skip
    """Make the trace. `proves` says which edge cases each scenario shows. Raises DocumentError for unknown names."""
    known = {**dict.fromkeys(norms.by_id), **{s.id: None for s in norms.stated}}
    mistakes = [
        Mistake("models/requirements", 1, 1, f"{r.id} names {n!r}: there is no such norm")
        for r in requirements for n in r.norms if n not in known
    ] + [
        Mistake("models/requirements", 1, 1, f"{r.id} names edge case {n}: there is none")
        for r in requirements for n in r.edge_cases if n not in cases
    ]  # fmt: skip
    if mistakes:
        raise DocumentError(mistakes)
    arcs_of = _arcs_of_norms(norms, graph)
    because: dict[int, list[str]] = {}
    for chart in graph.charts.values():
        for arc in chart.transitions:
            for word in arc.because:
                if found := re.fullmatch(r"EC-(\d+)", word):
                    because.setdefault(int(found[1]), []).append(f"{chart.name}: {arc.source} → {arc.target}")
    shows: dict[int, list[str]] = {}
    for scenario, numbers in proves.items():
        for number in numbers:
            shows.setdefault(number, []).append(scenario)
    sources = {n.id: set(n.source) for n in norms.norms} | {s.id: set(s.source) for s in norms.stated}
    rows = []
    for r in requirements:
        related = sorted(n for n, s in sources.items() if s & (set(r.source) - GENERAL) and n not in r.norms)
        mine = [n for n in r.norms if n in coverage.norms and not coverage.norms[n].idle]
        arcs = {a for n in mine for a in arcs_of.get(n, ())} | {a for c in r.edge_cases for a in because.get(c, ())}
        scenarios = {s for n in mine for s in coverage.norms[n].scenarios}
        scenarios |= {s for c in r.edge_cases for s in shows.get(c, ())}
        rows.append(Row(r, tuple(r.norms), tuple(related), tuple(sorted(arcs)), tuple(sorted(scenarios))))
    case_rows = tuple(
        CaseRow(n, title, tuple(dict.fromkeys(because.get(n, ()))), tuple(shows.get(n, ())))
        for n, title in sorted(cases.items())
    )
    norm_rows = tuple(
        NormRow(
            n, text, tuple(r.requirement.id for r in rows if n in r.norms),
            tuple(r.requirement.id for r in rows if n in r.related), tuple(sorted(arcs_of.get(n, ()))),
            tuple(coverage.norms[n].scenarios) if n in coverage.norms else (), why,
        ) for n, text, why in _norms_with_reasons(norms, coverage)
    )  # fmt: skip
    in_force: dict[str, list[str]] = {}
    for n in norm_rows:
        for scenario in n.scenarios:
            in_force.setdefault(scenario, []).append(n.norm)
    scenario_rows = tuple(
        ScenarioRow(
            s, tuple(in_force.get(s, ())), tuple(proves[s]),
            tuple(r.requirement.id for r in rows if s in r.scenarios),
        ) for s in sorted(proves)
    )  # fmt: skip
    return Trace(tuple(rows), case_rows, norm_rows, scenario_rows)


def _norms_with_reasons(norms: NormSet, coverage: Coverage) -> Iterator[tuple[str, str, str]]:
    """Yield every norm with its sentence and, where nothing can show it, the reason."""
    for n in norms.norms:
        idle = coverage.norms[n.id].idle if n.id in coverage.norms else ""
        yield n.id, n.text, n.never_fires or idle
    for s in norms.stated:
        yield s.id, s.text, f"not monitored: {s.why}"


def _arcs_of_norms(norms: NormSet, graph: Graph) -> dict[str, set[str]]:
    words = {
        n.id: {a.event for a in (*(n.trigger or ()), *n.duty.action)} for n in norms.norms
    }  # fmt: skip
    found: dict[str, set[str]] = {}
    for edge in graph.edges:
        said = {e for w, _, _ in edge.records for e in w.events}
        if not said or not edge.arcs:
            continue
        flow, source, target, _ = edge.arcs[0]
        for norm, events in words.items():
            if events & said:
                found.setdefault(norm, set()).add(f"{flow}: {source} → {target}")
    return found


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1400px;color:#1d2733;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}pre{font:inherit;white-space:pre-wrap}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #e3e8ee;vertical-align:top}
thead th{position:sticky;top:0;background:#f2f5f8}.none{color:#b3261e}.small{color:#5b6875;font-size:.86rem}
.p{display:inline-block;padding:0 .5rem;border-radius:.6rem;background:#e8edf2}
.verified{background:#d7ecdc}.elicited{background:#f6e6d2}
details summary{cursor:pointer}a{color:#1f5fa8;text-decoration:none}tr:target{background:#fbf3c4}th{white-space:nowrap}
"""
SHOWN = 6  # of a list, before it is folded


def _listed(items: Sequence[str], what: str) -> str:
    if not items:
        return f"<span class=none>no {what}</span>"
    if len(items) <= SHOWN:
        return "<br>".join(map(escape, items))
    rest = "<br>".join(map(escape, items))
    return f"<details><summary>{len(items)} {what}s</summary><span class=small>{rest}</span></details>"


def _related(norms: Sequence[str]) -> str:
    if not norms:
        return ""
    said = escape(", ".join(norms))
    return f"<details class=small><summary>{len(norms)} of the same source</summary>{said}</details>"


def page(found: Trace) -> str:
    """Return a page of its own: counts and holes, then forwards from requirements, then backwards from norms."""
    rows = "".join(
        f'<tr id="{r.requirement.id}"><th>{r.requirement.id}<td>{escape(r.requirement.says)}<div class=small>'
        f"asked by {escape(', '.join(r.requirement.stakeholder))}; "
        f"source {escape(', '.join(r.requirement.source))}</div>"
        f"<td><span class='p {r.requirement.phase}'>{r.requirement.phase}</span>"
        f"<td>{_none_needed(r, _listed(r.norms, 'norm'))}{_related(r.related)}"
        f"<td>{_none_needed(r, _listed(r.arcs, 'arc'))}<td>{_none_needed(r, _listed(r.scenarios, 'scenario'))}"
        for r in found.rows
    )
    cases = "".join(
        f'<tr id="EC-{c.number}"><th>{c.number}<td>{escape(c.title)}<td>{_listed(c.arcs, "arc")}'
        f"<td>{_listed(c.scenarios, 'scenario')}"
        for c in found.cases
    )
    norms = "".join(
        f'<tr id="{n.norm}"><th>{n.norm}<td class=small>{escape(" ".join(n.text.split()))}'
        f"<td>{_linked(n.asked_by) or _linked(n.related, 'same source: ') or '<span class=none>nobody</span>'}"
        + (f"<td colspan=2 class=small>{escape(n.why_not)}" if n.why_not and not n.scenarios else
           f"<td>{_listed(n.arcs, 'arc')}<td>{_listed(n.scenarios, 'scenario')}")
        for n in found.norms
    )  # fmt: skip
    scenarios = "".join(
        f'<tr id="{escape(s.scenario)}"><th>{escape(s.scenario)}<td>{_linked(tuple(f"EC-{c}" for c in s.cases))}'
        f"<td>{_linked(s.requirements)}<td>{_listed(s.norms, 'norm')}"
        for s in found.scenarios
    )
    by_phase = {p: tuple(r.requirement.id for r in found.rows if r.requirement.phase == p) for p in PHASES}
    phases = "".join(f"<tr><td><span class='p {p}'>{p}</span><td>{_linked(ids)}" for p, ids in by_phase.items())
    holes = "".join(
        f"<tr><th>{len(names)}<td>{escape(what)}<td class=small>{_linked(names)}" for what, names in found.holes.items()
    )
    counts = escape(found.render().split("\nhole")[0])
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Trace</title><style>{_STYLE}</style>"
        f"<h1>From what was asked for to what shows it</h1><pre>{counts}</pre>"
        f"<h2>Holes</h2><table>{holes}</table><h2>Phases</h2><table>{phases}</table>"
        "<h2>Requirements, forwards</h2><table><thead><tr><th>id<th>requirement<th>phase<th>norms<th>flow arcs"
        f"<th>scenarios</thead>{rows}</table><h2>Edge cases, forwards</h2><table><thead><tr><th>no.<th>edge case"
        f"<th>flow arcs<th>scenarios</thead>{cases}</table><h2>Norms, both ways</h2><table><thead><tr><th>norm"
        f"<th>says<th>asked for by<th>flow arcs<th>scenarios</thead>{norms}</table><h2>Scenarios, backwards</h2>"
        f"<table><thead><tr><th>scenario<th>edge cases<th>requirements<th>norms in force</thead>{scenarios}</table>"
        "</html>\n"
    )


def _linked(names: Sequence[str], before: str = "") -> str:
    if not names:
        return ""
    return escape(before) + ", ".join(f'<a href="#{escape(n)}">{escape(n)}</a>' for n in names)


def _none_needed(row: Row, listed: str) -> str:
    return listed if "class=none" not in listed or not row.requirement.by_design else (
        f"<span class=small>{escape(row.requirement.by_design)}</span>"
    )  # fmt: skip
