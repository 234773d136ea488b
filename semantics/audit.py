"""Audit: recorded journals against norms, after the fact, on one terminal or many.

A journal is read as the terminal left it (SQLite, opened read-only) or as it was exported (one JSON object a line).
Each terminal has a monitor of its own: numbers and clocks are its own. The verdicts are exact about what they do not
say: *provisional* is an obligation that the journal ends too early to judge, *unknown* one whose data are missing,
*error* a condition that crashed, and a norm that never came into force says nothing.

What-if is the same journal under two norm sets, and the difference: what this rule would have changed last month.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.strict_yaml import DocumentError, Mistake
from semantics.check import ACTIONS
from semantics.monitor import Monitor
from semantics.norms.expression import DURATION, Literal
from semantics.norms.language import Norm, NormSet, norms_of
from semantics.norms.source import Source, load_source
from semantics.norms.vocabulary import mistakes_of, vocabulary_of
from semantics.ontology import load_ontology
from semantics.snapshot import fingerprint
from semantics.verdict import Outcome, RunReport, Status, Verdict

Entry = Mapping[str, Any]
SQLITE_HEAD: Final = b"SQLite format 3\x00"
SHOWN: Final = (
    Outcome.VIOLATED, Outcome.CONFLICT, Outcome.UNPERMITTED, Outcome.UNKNOWN, Outcome.ERROR, Outcome.PENDING,
)  # fmt: skip


class AuditError(Exception):
    """A journal cannot be read; the message says which and why."""


def read_journal(path: Path) -> Iterator[Entry]:
    """Yield the entries of one journal, oldest first. Raises AuditError."""
    if not path.is_file():
        raise AuditError(f"{path}: there is no such journal")
    with path.open("rb") as file:
        head = file.read(len(SQLITE_HEAD))
    if head == SQLITE_HEAD:
        yield from _of_database(path)
        return
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    entry = json.loads(line)
                    entry["seq"], entry["ms"], entry["kind"], entry["data"], entry["at"]
                except (ValueError, KeyError, TypeError) as error:
                    raise AuditError(f"{path}:{number}: no journal record ({error})") from None
                yield entry


def _of_database(path: Path) -> Iterator[Entry]:
    try:
        database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise AuditError(f"{path}: {error}") from None
    try:
        for seq, at, ms, kind, text in database.execute("SELECT seq, at, ms, kind, data FROM entry ORDER BY seq"):
            yield {"seq": seq, "at": at, "ms": ms, "kind": kind, "data": json.loads(text)}
    except sqlite3.Error as error:
        raise AuditError(f"{path}: {error}") from None
    finally:
        database.close()


def norms_in(folder: Path, over: Path | None = None) -> NormSet:
    """Read the norms of a folder with the ontology and vocabulary beside it; files in `over` stand instead of theirs.

    Raises DocumentError for any mistake or unknown word, and where there are no norms.
    """
    models = folder.parent
    ontology = load_ontology(models / "ontology")
    words = [load_source(f) for f in sorted((models / "vocabulary").glob("*.yaml")) if f.name != ACTIONS]
    vocabulary, found = vocabulary_of(words, ontology)
    files = {f.name: f for f in sorted(folder.glob("*.yaml"))}
    if over is not None:
        files |= {f.name: f for f in sorted(over.glob("*.yaml"))}
        if not any(over.glob("*.yaml")):
            raise DocumentError([Mistake(str(over), 1, 1, "holds no norms (*.yaml): nothing would change")])
    sources: list[Source] = [load_source(f) for _, f in sorted(files.items())]
    norms, more = norms_of(sources, vocabulary)
    mistakes = mistakes_of([*found, *more])
    if not norms.norms and not mistakes:
        mistakes = [Mistake(str(folder), 1, 1, "there are no norms: nothing can be audited")]
    if mistakes:
        raise DocumentError(mistakes)
    return norms


@dataclass(frozen=True)
class Audited:
    """One terminal's journal under one norm set."""

    name: str
    report: RunReport
    entries: Mapping[int, Entry]
    odd: tuple[str, ...]  # records that do not conform to the vocabulary

    def id_of(self, verdict: Verdict) -> str:
        """Return the name under which `explain` finds a verdict: duty, trigger, and what decided."""
        decided = verdict.evidence if verdict.evidence is not None else f"t{verdict.at_ms}"
        return f"{verdict.duty}@{verdict.trigger}-{decided}"

    @property
    def shown(self) -> list[Verdict]:
        return [v for v in self.report.verdicts if v.outcome in SHOWN]

    @property
    def untold(self) -> list[str]:
        """Return violations that the terminal's own watch journalled and the audit does not find, and the reverse.

        A difference is not an error by itself: the terminal watched under the norms of its day.
        """
        bad = {Outcome.VIOLATED, Outcome.CONFLICT, Outcome.UNPERMITTED}
        told = [e["data"] for e in self.entries.values() if e["kind"] == "violation"]
        live = {(data["duty"], data.get("trigger")) for data in told}
        mine = {(v.duty, v.trigger) for v in self.report.verdicts if v.outcome in bad}
        return [f"journalled live, not found: {d} of record {t}" for d, t in sorted(live - mine, key=str)] + [
            f"found, not journalled live: {d} of record {t}" for d, t in sorted(mine - live, key=str)
        ]


@dataclass(frozen=True)
class Audit:
    """All terminals under one norm set."""

    norms: NormSet
    terminals: tuple[Audited, ...]

    @property
    def counts(self) -> Counter[Outcome]:
        total: Counter[Outcome] = Counter()
        for t in self.terminals:
            for n in t.report.norms:
                total.update(n.counts)
            total[Outcome.UNPERMITTED] += sum(v.outcome is Outcome.UNPERMITTED for v in t.report.verdicts)
        return total

    @property
    def never_fired(self) -> list[str]:
        """Return the norms that came into force on no terminal, though nothing says that they never fire."""
        return [n.id for n in self.norms.norms if n.id not in self._fired and not n.never_fires]

    @property
    def excused(self) -> list[str]:
        """Return the norms that did not come into force and say why they never do."""
        return [f"{n.id} ({n.never_fires})" for n in self.norms.norms if n.id not in self._fired and n.never_fires]

    @property
    def _fired(self) -> set[str]:
        return {n.norm for t in self.terminals for n in t.report.norms if n.status is not Status.VACUOUS}

    @property
    def ok(self) -> bool:
        """Tell whether every norm came into force and was kept, all records were understood, and nothing is open."""
        return (
            bool(self.norms.norms) and bool(self.terminals) and all(t.report.records for t in self.terminals)
            and not self.never_fired and not any(t.shown or t.odd or t.report.incidents for t in self.terminals)
        )  # fmt: skip

    def render(self) -> str:
        """Return the audit as text: counts, each verdict with the id to ask `explain` for, then what says nothing."""
        word_of = {o: "provisional" if o is Outcome.PENDING else o.value for o in Outcome}
        said = ", ".join(f"{n} {word_of[o]}" for o, n in self.counts.items() if n) or "nothing"
        records = sum(t.report.records for t in self.terminals)
        journals = "1 journal" if len(self.terminals) == 1 else f"{len(self.terminals)} journals"
        lines = [f"{journals}, {records} records, {len(self.norms.norms)} norms: {said}"]
        for t in self.terminals:
            for v in t.shown:
                lines.append(f"{t.name}  {t.id_of(v)}  {word_of[v.outcome]}: {self.meaning(v)}")
            lines += [f"{t.name}  record {i.seq}: {i.code}: {i.message}" for i in t.report.incidents]
            lines += [f"{t.name}  {said}" for said in t.odd]
            lines += [f"{t.name}  {said}" for said in t.untold]
        if self.never_fired:
            lines.append(f"never in force, so nothing is said of them: {', '.join(self.never_fired)}")
        if self.excused:
            lines.append(f"never in force here, as they say themselves: {', '.join(self.excused)}")
        return "\n".join(lines)

    def meaning(self, verdict: Verdict) -> str:
        norm = self.norms.by_id.get(verdict.norm)
        if norm is None:
            return f"{verdict.norm.removeprefix('closed:')} was done without a permission"
        return next((d.means for d in norm.duty.all() if d.id == verdict.duty), norm.duty.means)


def audit(norms: NormSet, journals: Iterable[tuple[str, Iterable[Entry]]]) -> Audit:
    """Audit journals given as (terminal's name, entries)."""
    terminals = []
    monitor: Monitor | None = None
    for name, entries in journals:
        kept = {e["seq"]: e for e in entries}
        if monitor is None:
            monitor = Monitor(norms)
        else:
            monitor.reset()
        monitor.feed_all(kept.values())
        report = monitor.report()
        odd = tuple(
            f"record {e['seq']}: {said}" for e in kept.values() if e["kind"] in norms.vocabulary.kinds
            for said in norms.vocabulary.oddities(e)
        )  # fmt: skip
        terminals.append(Audited(name, report, kept, odd))
    return Audit(norms, tuple(terminals))


def audit_files(norms: NormSet, files: Sequence[Path]) -> Audit:
    """Audit journal files. Raises AuditError. A terminal is called by its boot record, or by its file."""
    found = []
    for file in files:
        entries = list(read_journal(file))
        boot = next((e["data"].get("terminal") for e in entries if e["kind"] == "boot"), None)
        found.append((str(boot or file.stem), entries))
    names = Counter(name for name, _ in found)
    return audit(norms, [
        (name if names[name] == 1 else f"{name}:{file.stem}", entries)
        for (name, entries), file in zip(found, files, strict=True)
    ])  # fmt: skip


def difference(before: Audit, after: Audit) -> str:
    """Return what a change of norms changes: the norms themselves, and every verdict that comes or goes."""
    old, new = before.norms.by_id, after.norms.by_id
    lines = [f"norm added: {n}" for n in new if n not in old]
    lines += [f"norm gone: {n}" for n in old if n not in new]
    mine, theirs = before.norms.parameters, after.norms.parameters
    for name in sorted({*mine, *theirs}):
        a, b = _shown(mine.get(name)), _shown(theirs.get(name))
        if a != b:
            lines.append(f"parameter changed: {name}: {a} -> {b}")
    for n in new:
        if n in old:
            one, other = (NormSet((s[n],), a.norms.vocabulary) for s, a in ((old, before), (new, after)))
            if fingerprint(one) != fingerprint(other):
                same = old[n].duty.means == new[n].duty.means and old[n].guard_text == new[n].guard_text
                said = "by a parameter, or in its exceptions" if same else f"{_means(old[n])} -> {_means(new[n])}"
                lines.append(f"norm changed: {n}: {said}")
    gone = came = 0
    for was, now in zip(before.terminals, after.terminals, strict=True):
        a_ = {(was.id_of(v), v.outcome): v for v in was.shown}
        b_ = {(now.id_of(v), v.outcome): v for v in now.shown}
        less = [f"{was.name}  no more {o.value}: {i}" for (i, o) in a_ if (i, o) not in b_]
        more = [f"{now.name}  newly {o.value}: {i}: {after.meaning(v)}" for (i, o), v in b_.items() if (i, o) not in a_]
        gone, came = gone + len(less), came + len(more)
        lines += [*less, *more]
    if not lines:
        return "nothing would have been judged otherwise"
    return "\n".join([*lines, f"{came} verdicts would have come, {gone} would have gone"])


def _shown(value: Literal | None) -> str:
    if value is None:
        return "none"
    return f"{value.value / 1000:g} s" if value.type == DURATION else str(value.value)


def _means(norm: Norm) -> str:
    return norm.duty.means + (f" if {norm.guard_text}" if norm.guard_text else "")


def explain(audited: Audit, verdict_id: str) -> str:
    """Return one verdict in an analyst's words. Raises LookupError if there is none of that id."""
    for t in audited.terminals:
        for v in t.report.verdicts:
            if t.id_of(v) == verdict_id:
                return _words(audited, t, v)
    near = [t.id_of(v) for t in audited.terminals for v in t.shown if v.duty == verdict_id.split("@")[0]]
    remedy = f"; of this norm there are: {', '.join(near[:8])}" if near else "; kiosk audit names them"
    raise LookupError(f"there is no verdict {verdict_id!r}{remedy}")


def _words(audited: Audit, t: Audited, v: Verdict) -> str:
    norm = audited.norms.by_id.get(v.norm)
    word = "provisional: the journal ends before it can be judged" if v.outcome is Outcome.PENDING else v.outcome.value
    lines = [f"{v.duty} on terminal {t.name}: {word}"]
    if norm is not None:
        lines += [
            f"  says      {' '.join(norm.text.split())}",
            f"  means     {audited.meaning(v)}",
            f"  source    {', '.join(norm.source)}; owner {norm.owner}; severity {norm.severity}",
            f"  written   {norm.file}:{norm.line}",
        ]
        if norm.slice is not None:
            lines.append(f"  concerns  {norm.slice} {v.slice}")
    if v.trigger is not None:
        lines.append(f"  because   {_record(t, v.trigger)}")
    if norm is not None and norm.guard_text:
        lines.append(f"  and       {norm.guard_text}")
    for key, value in v.bound:
        lines.append(f"            with {key} = {value!r}")
    if v.evidence is not None and v.evidence != v.trigger:
        lines.append(f"  decided   {_record(t, v.evidence)}")
    if v.deadline_ms is not None and v.triggered_ms is not None:
        limit = (v.deadline_ms - v.triggered_ms) / 1000
        came = "" if v.evidence is not None else "; nothing came by then"
        lines.append(f"  deadline  {limit:g} s after it{came}")
    if v.because:
        lines.append(f"  namely    {v.because}")
    return "\n".join(lines)


def _record(t: Audited, seq: int) -> str:
    entry = t.entries.get(seq)
    if entry is None:
        return f"record {seq}, which is not in this journal"
    data = entry["data"]
    if entry["kind"] == "step":
        arcs = ", ".join(f"{m['flow']}/{m['from']} -> {m['to']}" for m in data.get("moves", ()))
        said = f"step on {data.get('event')!r} from {data.get('source')}: {arcs}"
    else:
        said = entry["kind"] + " " + ", ".join(f"{k} {v}" for k, v in data.items() if isinstance(v, (str, int)))
    return f"record {seq} at {entry['at']}: {said}"
