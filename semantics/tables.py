"""Norms and responsibilities as tables for people who do not read YAML: HTML, Markdown, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape

from semantics.check import Responsibility
from semantics.norms.language import NormSet

HEAD = (
    "norm",
    "affordance",
    "sentence",
    "machine part",
    "agent",
    "deadline",
    "severity",
    "source",
    "owner",
    "in force",
)


def rows(norms: NormSet) -> list[tuple[str, ...]]:
    """Return one row for each norm, with or without a machine part, in the order of the files."""
    result: list[tuple[str, ...]] = []
    for n in norms.norms:
        trigger = "always" if n.trigger is None else " or ".join(a.event for a in n.trigger)
        machine = f"whenever {trigger}" + (f" if {n.guard_text}" if n.guard_text else "") + f" then {n.duty.means}"
        machine += "".join(f"; or else {d.means}" for d in n.duty.or_else)
        if n.overrides:
            machine += f"; exception to {', '.join(sorted(n.overrides))}"
        deadline = f"{n.duty.within_ms / 1000:g} s" if n.duty.within_ms is not None else ""
        until = "" if n.valid_until.startswith("9999") else n.valid_until
        force = f"{n.valid_from} to {until}" if (n.valid_from, until) != ("0001-01-01", "") else "always"
        result.append((
            n.id, f"{n.affordance}.{n.bound}", n.text, machine, n.duty.agent, deadline, n.severity, ", ".join(n.source),
            n.owner, force,
        ))  # fmt: skip
    for s in norms.stated:
        machine = f"not monitored: {s.why}"
        result.append(
            (
                s.id,
                f"{s.affordance}.{s.bound}",
                s.text,
                machine,
                s.agent,
                "",
                "",
                ", ".join(s.source),
                s.owner,
                "always",
            )
        )
    return result


def responsibility_rows(matrix: Sequence[Responsibility]) -> list[tuple[str, ...]]:
    """Return the responsibility matrix: affordance, bound, agent, who answers, norms or the stated exception."""
    return [
        (
            r.affordance,
            r.bound,
            r.agent,
            r.answers,
            ", ".join((*r.norms, *(f"{s} (text)" for s in r.stated))),
            r.exception,
        )
        for r in matrix
    ]


RESPONSIBILITY_HEAD = ("affordance", "bound", "agent", "answers for it", "norms", "why there is none")


def as_csv(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table as CSV. A cell that a spreadsheet would run as a formula is given a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([[f"'{c}" if c[:1] in ("=", "+", "-", "@") else c for c in row] for row in body])
    return out.getvalue()


def as_markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    return "\n".join([line(head), "|" + " --- |" * len(head), *map(line, body)]) + "\n"


def as_html(head: Sequence[str], body: Sequence[Sequence[str]], title: str = "Norms") -> str:
    """Return a page of its own. The first cell of a row is its anchor, so that a verdict can point at a norm."""
    cells = "".join(f"<th scope=col>{escape(h)}</th>" for h in head)
    lines = "\n".join(
        f'<tr id="{escape(row[0])}"><th scope=row>{escape(row[0])}</th>'
        + "".join(f"<td>{escape(c)}</td>" for c in row[1:]) + "</tr>"
        for row in body
    )  # fmt: skip
    style = (
        "body{font:14px/1.45 sans-serif;margin:2rem;color:#1d2a36}table{border-collapse:collapse}"
        "th,td{border-bottom:1px solid #d5dbe1;padding:.4rem .6rem;text-align:left;vertical-align:top}"
        "thead th{position:sticky;top:0;background:#eef2f6}tr:target{background:#fbf3c4}"
        "th[scope=row]{white-space:nowrap}"
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{style}</style></head>\n<body><h1>{escape(title)}</h1>\n<table><thead><tr>{cells}</tr></thead>\n"
        f"<tbody>\n{lines}\n</tbody></table></body></html>\n"
    )
