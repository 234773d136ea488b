"""The table tells the truth about what is met, missing and broken; the figures themselves are `kiosk bench`'s."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kiosk import benchmarks as bench
from kiosk.benchmarks import BENCHES, Measured, run
from kiosk.cli import app
from tests.benchmarks.journal import commits_per_second
from tests.benchmarks.rehearsal import rehearse


@pytest.mark.parametrize(("measured", "verdict"), [
    (Measured("x", 10, "ms", 16.7), "met"),
    (Measured("x", 17, "ms", 16.7), "not met"),
    (Measured("x", 1_000, "/s", 1_000, at_least=True), "met"),
    (Measured("x", 999, "/s", 1_000, at_least=True), "not met"),
    (Measured("x", 999, "/s"), "no budget"),
    (Measured("x", None, "", note="tests/benchmarks/x.py is not here"), "missing"),
    (Measured("x", None, "", note="broken: ValueError: y"), "broken"),
])  # fmt: skip
def test_verdicts(measured: Measured, verdict: str) -> None:
    assert measured.verdict == verdict
    assert measured.as_data()["verdict"] == verdict


def test_a_benchmark_that_breaks_or_is_missing_is_no_budget_met(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> Iterator[Measured]:
        yield Measured("one", 1, "ms", 2)
        raise ValueError("no luck")

    monkeypatch.setattr(bench, "BENCHES", {"breaks": breaks, "gone": bench._others("never_written")})
    assert [(name, m.verdict) for name, m in run()] == [("breaks", "met"), ("breaks", "broken"), ("gone", "missing")]


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    result = CliRunner().invoke(app, ["bench", "--only", "journal", "--json", str(file)])
    assert result.exit_code == 0, result.output
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert [row["bench"] for row in rows] == ["journal", "journal"]
    assert all(row["value"] > 0 for row in rows)
    assert "commits/s" in result.output
    assert CliRunner().invoke(app, ["bench", "--only", "nonsense"]).exit_code == 2


def test_the_measurements_measure() -> None:
    """What is measured really happens; how fast is said by the bench command and judged by nobody here."""
    done = rehearse(10)
    assert done.sessions == 10
    assert done.sessions_per_s > 0
    assert done.records > 10 * 20
    assert commits_per_second(":memory:", 100) > 0
    assert {"screen", "rehearsal", "journal", "bank", "live", "norms"} <= set(BENCHES)
