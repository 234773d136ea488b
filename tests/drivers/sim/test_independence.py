"""A simulator shares the framing with the driver it stands against, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import drivers.sim

DEVICES = ("barcode_scanner", "card_reader", "dispenser", "note_acceptor", "pin_pad", "printer")


def test_simulators_import_nothing_of_a_driver_but_its_framing():
    files = list(Path(drivers.sim.__file__).parent.rglob("*.py"))
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] == "drivers" and parts[1:2] and parts[1] in DEVICES:
                    assert parts[-1] == "framing", f"{file}:{node.lineno} imports {name}"
