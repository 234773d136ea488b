"""Model check: everything wrong with charts, vocabulary and norms, found at once, with counts.

`check_models(folder)` reads ``ontology/``, ``vocabulary/``, ``norms/`` and, where there are any, ``flows/`` of a model
folder. It never stops at the first mistake: what cannot be read is reported and the rest is checked without it. Codes
beyond those of the parts:

    MC01  nothing to check: no chart, no norms (an empty folder is never ok)
    RM01  an affordance has no norm for its start or its finish and no stated exception
    NM20 to NM30  what is wrong with the norms among themselves (`semantics.analyses`)
    NM31  a closed act that no norm ever permits or obliges
    NM32  a permission that lifts no prohibition and opens no closed act
    FL01  a flow names a norm that does not exist
    FL02  a norm that no flow can trigger, so that it is never in force
    FL03  a norm that is triggered, and no flow can do what it obliges to
    FL04  a norm that says `never_fires`, and a flow can trigger it and do what it asks
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kiosk.flow.chart import Chart, load_charts
from kiosk.strict_yaml import DocumentError
from semantics import ontology as charts
from semantics.analyses import analyse, finding
from semantics.finding import Finding, Severity, nearest, of_error
from semantics.monitor import memory_class
from semantics.norms.language import Norm, NormSet, norms_of
from semantics.norms.source import Source, load_source
from semantics.norms.vocabulary import Event, mistakes_of, vocabulary_of
from semantics.ontology import Ontology, ontology_of

ACTIONS: Final = "actions.yaml"


@dataclass(frozen=True, slots=True)
class Responsibility:
    """One cell row of the responsibility matrix: who answers for a bound, under which norms, or why under none."""

    affordance: str
    bound: str  # start | finish
    agent: str
    answers: str  # who stands behind the agent
    norms: tuple[str, ...]
    stated: tuple[str, ...]
    exception: str

    @property
    def open(self) -> bool:
        return not (self.norms or self.stated or self.exception)


@dataclass(frozen=True)
class Report:
    """What `model check` says."""

    folder: Path
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    matrix: tuple[Responsibility, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    ontology: Ontology | None = None
    norms: NormSet | None = None

    @property
    def ok(self) -> bool:
        """Tell whether there is no error. Warnings and notes do not make a model unusable."""
        return not any(f.severity is Severity.ERROR for f in self.findings)

    def render(self, *, notes: bool = False) -> str:
        """Return the report as text: counts, then errors and warnings by place; notes only if asked for."""
        by_severity = Counter(f.severity for f in self.findings)
        lines = ["  ".join(f"{n} {name}" for name, n in self.counts.items())]
        shown = [f for f in self.findings if notes or f.severity is not Severity.NOTE]
        lines += [str(f) for f in sorted(shown, key=lambda f: (f.file, f.line, f.column, f.code))]
        lines.append(
            ("ok" if self.ok else "not ok") + ": "
            + ", ".join(f"{by_severity[s]} {s.value}{'' if by_severity[s] == 1 else 's'}" for s in Severity)
        )  # fmt: skip
        return "\n".join(lines)


def _sources(folder: Path, found: list[Finding]) -> list[Source]:
    sources = []
    for file in sorted(folder.glob("*.yaml")):
        if file.name == ACTIONS:
            continue  # the verifier's, with a form of its own
        try:
            sources.append(load_source(file))
        except DocumentError as error:
            found += of_error(error)
    return sources


def check_models(folder: Path, *, whole: bool = True) -> Report:
    """Check a model folder. Never raises for what is wrong inside it.

    Without `whole` it is only read: every word is resolved, and nothing is analysed or compared with flows.
    """
    found: list[Finding] = []
    try:
        ontology = ontology_of([s.document for s in _sources(folder / "ontology", found)])
    except DocumentError as error:
        found += of_error(error)
        return Report(folder, tuple(found), {"charts": 0})
    if not ontology.nodes:
        found.append(
            Finding("MC01", Severity.ERROR, str(folder / "ontology"), 1, 1, "there is no chart: nothing can be checked")
        )
    vocabulary, more = vocabulary_of(_sources(folder / "vocabulary", found), ontology)
    found += more
    norms, more = norms_of(_sources(folder / "norms", found), vocabulary)
    found += more
    if not norms.norms:
        found.append(
            Finding("MC01", Severity.ERROR, str(folder / "norms"), 1, 1, "there are no norms: nothing is monitored")
        )
    found += charts.check(ontology)
    matrix = responsibility(ontology, norms)
    found += _gaps(ontology, matrix)
    if whole:
        found += _acts(norms)
        found += analyse(norms)
    flows = _flows(folder / "flows", found) if whole else {}
    if flows:
        found += _against_flows(norms, flows)
    affordances = [n for n in ontology.nodes.values() if n.kind == "affordance"]
    idle = {f.message.split(":")[0] for f in found if f.code == "FL02"}
    counts = {
        "parts": len(ontology.parts), "agents": sum(n.kind == "agent" for n in ontology.nodes.values()),
        "roles": len(ontology.roles), "affordances": len(affordances), "determiners": len(ontology.determiners),
        "kinds": len(vocabulary.kinds), "events": len(vocabulary.events) - len(vocabulary.kinds),
        "norms": len(norms.norms), "norms as text only": len(norms.stated), "flows": len(flows),
        "norms never in force in these flows": len(idle),
        "bounds without norm or exception": sum(r.open for r in matrix),
        "lines asked": sum(len(n.asked) for n in ontology.nodes.values()),
        "lines": sum(len(n.antecedents) for n in ontology.nodes.values()),
    }  # fmt: skip
    memory = {n.id: memory_class(n, norms) for n in norms.norms}
    return Report(folder, tuple(found), counts, matrix, memory, ontology, norms)


def responsibility(ontology: Ontology, norms: NormSet) -> tuple[Responsibility, ...]:
    """Return the matrix affordance x {start, finish} -> agent, norms, or the stated exception."""
    rows = []
    for node in ontology.nodes.values():
        if node.kind != "affordance":
            continue
        for bound, agent in (("start", node.start), ("finish", node.finish)):
            rows.append(Responsibility(
                node.name, bound, agent or "", ontology.principal(agent) if agent else "",
                tuple(n.id for n in norms.norms if (n.affordance, n.bound) == (node.name, bound)),
                tuple(s.id for s in norms.stated if (s.affordance, s.bound) == (node.name, bound)),
                node.no_norm.get(bound, ""),
            ))  # fmt: skip
    return tuple(rows)


def _gaps(ontology: Ontology, matrix: tuple[Responsibility, ...]) -> Iterator[Finding]:
    for row in matrix:
        node = ontology.nodes[row.affordance]
        if row.open and node.spot is not None:
            line, column = node.spot.document.place(node.spot.path)
            yield Finding(
                "RM01", Severity.WARNING, node.spot.document.file, line, column,
                f"no norm for the {row.bound} of {row.affordance!r} ({row.agent}); write one, or "
                f"no_norm: {{{row.bound}: <why>}}",
            )  # fmt: skip


def _acts(norms: NormSet) -> Iterator[Finding]:
    """Yield permissions that open nothing, and closed acts that nothing opens."""
    for norm in norms.norms:
        if norm.duty.operator == "permitted":
            lifts = any(norms.by_id[o].duty.operator == "forbidden" for o in norm.overrides)
            opens = any(norms.vocabulary.events[a.event].closed for a in norm.duty.action)
            if not lifts and not opens:
                message = "lifts no prohibition and opens no closed act: it only says what is open anyway"
                yield finding(norm, "NM32", Severity.NOTE, "then", message)
    for event in norms.vocabulary.events.values():
        if event.closed and not any(
            n.duty.operator != "forbidden" and any(a.event == event.name for a in n.duty.action) for n in norms.norms
        ):
            message = f"{event.name!r} is closed, and no norm ever permits or obliges it; write one, or open the act"
            yield Finding("NM31", Severity.ERROR, *event.place, message)


def load_norms(folder: Path, *, whole: bool = True) -> NormSet:
    """Read the norms of a model folder. Raises DocumentError with every mistake, and if there are no norms.

    A terminal that starts reads them without `whole`: what was released has been checked.
    """
    report = check_models(folder, whole=whole)
    mistakes = mistakes_of(report.findings)
    if mistakes or report.norms is None:
        raise DocumentError(mistakes)
    return report.norms


def _flows(folder: Path, found: list[Finding]) -> dict[str, Chart]:
    if not folder.is_dir():
        return {}
    try:
        return load_charts(folder)
    except DocumentError as error:
        found += of_error(error, "FLOW")
        return {}


def _against_flows(norms: NormSet, flows: Mapping[str, Chart]) -> Iterator[Finding]:
    known = {*norms.by_id, *(s.id for s in norms.stated)}
    for chart in flows.values():
        for arc in chart.transitions:
            for name in arc.because:
                if name.startswith("N-") and name not in known:
                    message = f"because names {name!r}; there is no such norm{nearest(name, known)}"
                    yield Finding("FL01", Severity.ERROR, chart.file, arc.line, 1, message)
    idle = {norm.id: (code, why) for norm, code, why in idle_norms(norms, flows)}
    for norm in norms.norms:
        code, why = idle.get(norm.id, ("", ""))
        if norm.never_fires and not code:
            message = "says never_fires, and the flows can trigger it and do what it asks: remove never_fires"
            yield finding(norm, "FL04", Severity.ERROR, "never_fires", message)
        elif norm.never_fires:
            yield finding(norm, code, Severity.NOTE, "never_fires", f"{why}; {norm.never_fires}")
        elif code == "FL02":
            message = f"no flow can trigger it, so it is never in force: {why}; build it, or say never_fires: <why>"
            yield finding(norm, code, Severity.ERROR, "whenever", message)
        elif code == "FL03":
            severity = Severity.ERROR if norm.duty.operator == "obliged" else Severity.NOTE
            message = f"{norm.duty.operator} to do what no flow can do: {why}; build it, or say never_fires: <why>"
            yield finding(norm, code, severity, "to", message)


def idle_norms(norms: NormSet, flows: Mapping[str, Chart]) -> Iterator[tuple[Norm, str, str]]:
    """Yield the norms about what is not built yet, with FL02 (no trigger) or FL03 (no act), and what is missing."""
    absent = {name: why for name, event in norms.vocabulary.events.items() if (why := _not_in(event, flows))}
    for norm in norms.norms:
        looked_for = [a.event for a in norm.trigger or norm.duty.action]
        acts = [a.event for a in norm.duty.action]
        if looked_for and all(e in absent for e in looked_for):
            yield norm, "FL02", "; ".join(sorted({absent[e] for e in looked_for}))
        elif norm.duty.operator != "forbidden" and acts and all(e in absent for e in acts):
            yield norm, "FL03", "; ".join(sorted({absent[e] for e in acts}))


def watchable(norms: NormSet, flows: Mapping[str, Chart]) -> NormSet:
    """Return the norms that these flows can keep: without obligations to do what no flow can do yet.

    What is left out is told by `check_models`, one warning each; it is a gap of the terminal, not of a session.
    """
    gaps = {n.id for n, code, _ in idle_norms(norms, flows) if code == "FL03" and n.duty.operator == "obliged"}
    return NormSet(tuple(n for n in norms.norms if n.id not in gaps), norms.vocabulary, norms.stated, norms.parameters)


def _not_in(event: Event, flows: Mapping[str, Chart]) -> str:
    """Return why no flow can give rise to an event, empty if one can."""
    if event.step_event is not None:
        events = {e for chart in flows.values() for e in chart.events}
        if event.step_event not in events:
            near = difflib.get_close_matches(event.step_event, events, n=1, cutoff=0.8)
            return f"no flow has the event {event.step_event!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    if event.enters is not None:
        flow, states = event.enters
        for state in states:
            if flow not in flows or state not in flows[flow].states:
                return f"no flow has the state {flow}/{state}"
    return ""
