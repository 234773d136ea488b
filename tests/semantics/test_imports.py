"""The modelling layer reads flow charts and strict YAML; it knows nothing else of the terminal."""

from __future__ import annotations

import ast
from pathlib import Path

ALLOWED = {"kiosk", "kiosk.effects", "kiosk.strict_yaml", "kiosk.flow.chart"}  # `from kiosk import strict_yaml`


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.module == "kiosk":
                assert {alias.name for alias in node.names} <= {"strict_yaml"}, path
            names.add(node.module or "")
    return names


def test_semantics_reads_charts_and_yaml_only() -> None:
    files = sorted((Path(__file__).parents[2] / "semantics").rglob("*.py"))
    assert len(files) > 10
    for path in files:
        ours = {n for n in imported(path) if n.split(".")[0] in ("kiosk", "drivers")}
        assert ours <= ALLOWED, f"{path.name} imports {sorted(ours - ALLOWED)}"
