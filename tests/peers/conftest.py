"""Programs run only when asked for by ``-m peers``; at the end it is told which ran and which were replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "peers" in (config.option.markexpr or ""):
        return
    here = [item for item in items if HERE in item.path.parents and item.get_closest_marker("peers")]
    if here:
        config.hook.pytest_deselected(items=here)
        items[:] = [item for item in items if item not in here]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told: dict[str, int] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "call" or getattr(report, "skipped", False):
                properties = getattr(report, "user_properties", ())
                for value in {value for name, value in properties if name == "peer"}:
                    told[value] = told.get(value, 0) + 1
    if told:
        terminalreporter.section("foreign software")
        for value, tests in sorted(told.items()):
            terminalreporter.line(f"{value} ({tests} tests)")
