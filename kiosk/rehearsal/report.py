"""What a rehearsal leaves to read: the transcript side by side, and the HTML report of a suite."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final
from unicodedata import east_asian_width

from kiosk.rehearsal.play import Played, summary
from kiosk.rehearsal.world import World

LANES: Final = (("customer", 30), ("devices", 56), ("host", 54), ("journal", 34))
_QUIET: Final = {"number_reserved", "checkpoint", "health_changed", "cash_moved"}


def _width(text: str) -> int:
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _cell(text: str, width: int) -> str:
    while _width(text) > width:
        text = text[:-2] + "…"
    return text + " " * (width - _width(text))


def rows(world: World) -> list[tuple[int, dict[str, str]]]:
    """Return the transcript as (instant in ms, lane -> text), one row a happening, lanes of `LANES`."""
    happened: list[tuple[int, int, str, str]] = []
    lane_of = {"screen": "customer", "person": "customer", "fault": "customer", "device": "devices", "host": "host"}
    mark = {"screen": "▣ ", "person": "  ", "fault": "⚡ "}
    for n, h in enumerate(world.transcript):
        text = f"{mark.get(h.lane, '')}{h.who + ' ' if h.who else ''}{h.text}"
        happened.append((h.at_ms, n, lane_of[h.lane], text))
    for n, entry in enumerate(world.entries):
        if entry.kind in _QUIET:
            continue
        text = entry.kind
        if entry.kind == "step":
            moved = [m for m in entry.data["moves"] if m["from"] != m["to"]]
            if not moved:
                continue
            text = " ".join(f"{m['flow']}:{m['to']}" for m in moved)
        elif "amount_minor" in entry.data:
            text += f" {entry.data['amount_minor']}"
        elif entry.kind == "dispensed":
            text += f" {entry.data['outcome']} {entry.data['moved']}"
        elif entry.kind == "advice_queued":
            text += f" {entry.data['kind']}"
        happened.append((entry.ms, n, "journal", text))
    happened.sort(key=lambda row: row[0])
    return [(at, {lane: text}) for at, _, lane, text in happened]


def render_transcript(world: World) -> str:
    """Return screens, device frames, host messages and journal side by side, then the paper."""
    head = "  ".join(_cell(name, width) for name, width in LANES)
    lines = [f"{'time s':>9}  {head}", f"{'-' * 9}  " + "  ".join("-" * width for _, width in LANES)]
    for at_ms, group in groupby(rows(world), key=lambda row: row[0]):
        columns: dict[str, list[str]] = {name: [] for name, _ in LANES}
        for _, cells in group:
            for lane, text in cells.items():
                columns[lane].append(text)
        for i in range(max(map(len, columns.values()))):
            time = f"{at_ms / 1000:9.3f}" if i == 0 else " " * 9
            cells_shown = (_cell(columns[n][i] if i < len(columns[n]) else "", w) for n, w in LANES)
            lines.append(f"{time}  {'  '.join(cells_shown)}".rstrip())
    paper = world.paper()
    if paper:
        lines += ["", "paper:", *(f"    {line}" for line in paper.splitlines())]
    return "\n".join(lines)


_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1500px;color:#1d2733;padding:0 1rem}
h1{font-size:1.5rem} .sum{font-size:1.1rem;font-weight:600}
table{border-collapse:collapse;width:100%} th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #e3e8ee}
td.ok{color:#0a6b3d;font-weight:600} td.no{color:#b3261e;font-weight:600}
details{margin:.2rem 0} summary{cursor:pointer}
pre{font:12px/1.35 ui-monospace,monospace;background:#f6f8fa;padding:1rem;overflow-x:auto}
.why{color:#b3261e;white-space:pre-wrap}
"""


def write_report(file: Path, played: Iterable[Played]) -> None:
    """Write one self-contained page: the summary, each scenario, and its transcript to open."""
    results = list(played)
    parts = [
        "<!doctype html><meta charset=utf-8><title>Rehearsal</title>",
        f"<style>{_STYLE}</style><h1>Rehearsal</h1><p class=sum>{escape(summary(results))}</p>",
        "<table><tr><th>verdict<th>scenario<th>edge cases<th>what it shows</tr>",
    ]
    for p in results:
        verdict = "<td class=ok>passed" if p.passed else "<td class=no>FAILED"
        proves = ", ".join(map(str, p.scenario.proves))
        said = [*p.unmet, *p.money, *p.violated, *p.failure.splitlines()[-3:]]
        why = "".join(f"<div class=why>{escape(w)}</div>" for w in said)
        transcript = ""
        if p.world is not None and p.world.transcript:
            text = escape(render_transcript(p.world))
            transcript = f"<details><summary>transcript</summary><pre>{text}</pre></details>"
        title = escape(p.scenario.title)
        parts.append(f"<tr>{verdict}<td>{escape(p.scenario.scenario)}<td>{proves}<td>{title}{why}{transcript}</tr>")
    parts.append("</table>")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(parts), encoding="utf-8")
