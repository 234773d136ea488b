"""Reports of a session: one HTML page that needs nothing else, and JUnit XML for machines."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kiosk.devicekit.check import Steps, Verdict
from kiosk.devicekit.coverage import due
from kiosk.devicekit.frames import Entry
from kiosk.devicekit.session import Place, Session, bench_in_memory

LONGEST_TRACE: Final = 400  # entries shown of one check: its beginning and its end
_TEMPLATES: Final = Path(__file__).parent


def write_reports(folder: Path, session: Session, tested: datetime) -> list[Path]:
    """Write ``<profile>.html`` and ``<profile>.xml`` into `folder`, which is made; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    page, junit = folder / f"{session.unit.name}.html", folder / f"{session.unit.name}.xml"
    page.write_text(html(session, tested), encoding="utf-8")
    junit.write_bytes(junit_xml(session, tested))
    return [page, junit]


def html(session: Session, tested: datetime) -> str:
    """Return the report as one self-contained page."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    found = session.coverage
    return environment.get_template("report.html.j2").render(
        s=session,
        tested=tested.strftime("%Y-%m-%d %H:%M %Z"),
        counts={verdict.value: session.count(verdict) for verdict in Verdict},
        bad=[t for t in session.trials if t.verdict in (Verdict.FAILED, Verdict.BROKEN)],
        parts=[("commands", due(found.requests)), ("error codes", due(found.errors))] if found is not None else [],
        paper=_paper(session),
        total_ms=sum(trial.took_ms for trial in session.trials),
        seconds=seconds,
        shown=shown,
        longest=LONGEST_TRACE,
    )


def _paper(session: Session) -> str:
    """Return the test page as the simulated printer of the session prints it, as base64 of a PNG; "" for others."""
    if session.unit.ability != "Printer" or session.place is Place.PORT:
        return ""
    from kiosk.devicekit.contract.printer import documents, print_page
    from kiosk.ui.paper import printed_png

    bench = bench_in_memory(session.unit)

    def steps() -> Steps[None]:
        yield from bench.start()
        yield from print_page(bench)

    try:
        bench.run(steps())
        printed = documents(bench)
        return b64encode(printed_png(printed[-1]["elements"])).decode("ascii") if printed else ""
    finally:
        bench.close()


def junit_xml(session: Session, tested: datetime) -> bytes:
    """Return the report as JUnit XML: one case a check, and one for the coverage."""
    name = f"{session.unit.ability}.{session.unit.name}"
    cases = [(t.check.name, t.took_ms, t.verdict, t.reason) for t in session.trials]
    if session.coverage is not None:
        gaps = [f"{row.code} {row.meaning}: not exercised" for row in session.coverage.missing]
        bad = gaps + session.wrong
        cases.append(("coverage", 0, Verdict.FAILED if bad else Verdict.PASSED, "; ".join(bad)))
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(sum(verdict is Verdict.FAILED for _, _, verdict, _ in cases)),
        errors=str(sum(verdict is Verdict.BROKEN for _, _, verdict, _ in cases)),
        skipped=str(sum(verdict is Verdict.SKIPPED for _, _, verdict, _ in cases)),
        time=f"{sum(took_ms for _, took_ms, _, _ in cases) / 1_000:.3f}",
        timestamp=tested.isoformat(timespec="seconds"),
    )
    for case, took_ms, verdict, reason in cases:
        element = ElementTree.SubElement(suite, "testcase", classname=name, name=case, time=f"{took_ms / 1_000:.3f}")
        tag = {Verdict.FAILED: "failure", Verdict.BROKEN: "error", Verdict.SKIPPED: "skipped"}.get(verdict)
        if tag is not None:
            ElementTree.SubElement(element, tag, message=reason)
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def seconds(ms: int) -> str:
    return f"{ms / 1_000:.1f} s"


def shown(trace: Sequence[Entry]) -> list[Entry]:
    """Return the beginning and the end of a long trace."""
    if len(trace) <= LONGEST_TRACE:
        return list(trace)
    half = LONGEST_TRACE // 2
    return [*trace[:half], *trace[-half:]]
