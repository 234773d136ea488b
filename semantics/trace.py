"""The trace: requirement -> norm -> flow -> scenario, and edge case -> flow -> scenario, each way readable.

A norm belongs to a requirement that names it. One that only shares a source with it is *related*: shown, and never
counted as an answer, since a section of a source asks for many things. An arc belongs to a norm when a step over it
brings the norm into force or does what it asks, found in the exploration and not by name; and to an edge case when its
`because` says so. A scenario belongs to a norm that was in force in it, and to the edge cases it proves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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

GENERAL = frozenset({"DP", "DC"})  # domain practice and the design: everybody's source, so nobody's trace


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Requirement(_Strict):
    """One thing that was asked for."""

    id: str
    says: str
    phase: Literal["elicited", "modelled", "specified", "verified", "managed"]
    stakeholder: list[str] = Field(min_length=1)
    source: list[str] = Field(min_length=1)
    norms: list[str] = Field(default_factory=list)
    edge_cases: list[int] = Field(default_factory=list)


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
class Trace:
    rows: tuple[Row, ...]
    cases: tuple[CaseRow, ...]
    orphans: tuple[str, ...]  # norms that no requirement asks for

    def render(self) -> str:
        """Return the counts as text."""
        with_norm = sum(bool(r.norms) for r in self.rows)
        with_test = sum(bool(r.scenarios) for r in self.rows)
        in_flow = sum(bool(c.arcs) for c in self.cases)
        shown = sum(bool(c.scenarios) for c in self.cases)
        return (
            f"{len(self.rows)} requirements: {with_norm} with a norm, {with_test} shown by a scenario\n"
            f"{len(self.cases)} edge cases: {in_flow} answered by a flow, {shown} shown by a scenario\n"
            f"{len(self.orphans)} norms that no requirement asks for by name or source"
        )


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
    asked: set[str] = set()
    for r in requirements:
        related = sorted(n for n, s in sources.items() if s & (set(r.source) - GENERAL) and n not in r.norms)
        asked |= {*r.norms, *related}
        mine = [n for n in r.norms if n in coverage.norms and not coverage.norms[n].idle]
        arcs = {a for n in mine for a in arcs_of.get(n, ())} | {a for c in r.edge_cases for a in because.get(c, ())}
        scenarios = {s for n in mine for s in coverage.norms[n].scenarios}
        scenarios |= {s for c in r.edge_cases for s in shows.get(c, ())}
        rows.append(Row(r, tuple(r.norms), tuple(related), tuple(sorted(arcs)), tuple(sorted(scenarios))))
    case_rows = tuple(
        CaseRow(n, title, tuple(dict.fromkeys(because.get(n, ()))), tuple(shows.get(n, ())))
        for n, title in sorted(cases.items())
    )
    return Trace(tuple(rows), case_rows, tuple(n for n in norms.by_id if n not in asked))


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
details summary{cursor:pointer}
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
    """Return a page of its own."""
    rows = "".join(
        f'<tr id="{r.requirement.id}"><th>{r.requirement.id}<td>{escape(r.requirement.says)}<div class=small>'
        f"{escape(', '.join(r.requirement.stakeholder))}; {escape(', '.join(r.requirement.source))}</div>"
        f"<td><span class='p {r.requirement.phase}'>{r.requirement.phase}</span>"
        f"<td>{_listed(r.norms, 'norm')}{_related(r.related)}<td>{_listed(r.arcs, 'arc')}"
        f"<td>{_listed(r.scenarios, 'scenario')}"
        for r in found.rows
    )
    cases = "".join(
        f'<tr id="EC-{c.number}"><th>{c.number}<td>{escape(c.title)}<td>{_listed(c.arcs, "arc")}'
        f"<td>{_listed(c.scenarios, 'scenario')}"
        for c in found.cases
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Trace</title><style>{_STYLE}</style>"
        f"<h1>From what was asked for to what shows it</h1><pre>{escape(found.render())}</pre>"
        "<h2>Requirements</h2><table><thead><tr><th>id<th>requirement<th>phase<th>norms<th>flow arcs<th>scenarios"
        f"</thead>{rows}</table><h2>Edge cases</h2><table><thead><tr><th>no.<th>edge case<th>flow arcs<th>scenarios"
        f"</thead>{cases}</table><h2>Norms that no requirement asks for</h2>"
        f"<p>{escape(', '.join(found.orphans))}</p></html>\n"
    )
