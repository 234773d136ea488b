"""Every edge case of the catalogue is shown by a scenario, or docs/edge-cases.md says why it is not."""

from __future__ import annotations

import re
from pathlib import Path

from kiosk import strict_yaml
from kiosk.rehearsal.scenario import load_scenarios

ROOT = Path(__file__).parents[2]


def test_every_edge_case_is_shown_or_has_its_reason() -> None:
    cases = strict_yaml.load(ROOT / "models" / "requirements" / "edge_cases.yaml").data["edge_cases"]
    shown = {number for scenario in load_scenarios(ROOT / "models" / "scenarios") for number in scenario.proves}
    rows = re.findall(r"^\| (\d+) [^|]+\| [^|]{5,}\|", (ROOT / "docs" / "edge-cases.md").read_text(), re.MULTILINE)
    excused = {int(number) for number in rows}
    assert len(rows) == len(excused)
    assert set(cases) - shown - excused == set()
    assert excused <= set(cases)


def test_every_case_of_deposit_exchange_bills_and_tickets_is_shown() -> None:
    shown = {number for scenario in load_scenarios(ROOT / "models" / "scenarios") for number in scenario.proves}
    assert set(range(61, 89)) - shown == {88}, "no locker and no gate is known"
