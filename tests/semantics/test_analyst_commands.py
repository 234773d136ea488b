"""Never green by accident: no norms, a norm that never fires, an unknown word end every command badly, and say so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kiosk.cli import app

MODELS = Path(__file__).parents[2] / "models"
SCENARIO = MODELS / "scenarios" / "withdrawal" / "plain.yaml"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(MODELS, tmp_path / "m", ignore=shutil.ignore_patterns("scenarios"))
    return tmp_path / "m"


def commands(models: Path, folder: Path) -> list[list[str]]:
    journal = folder / "j.jsonl"
    journal.write_text('{"seq": 1, "ms": 0, "at": "2026-11-23T01:30:00+00:00", "kind": "boot", "data": {}}\n')
    return [
        ["model", "check", "--models", str(models)],
        ["verify", "--models", str(models)],
        ["audit", str(journal), "--norms", str(models / "norms")],
        ["coverage", "-o", str(folder / "c.html"), "--models", str(models), "--scenarios", str(SCENARIO)],
        ["trace", "-o", str(folder / "t.html"), "--models", str(models), "--scenarios", str(SCENARIO)],
        ["norms", "table", "-o", str(folder / "n.csv"), "--models", str(models)],
        ["norms", "export", "-o", str(folder / "mp"), "--models", str(models)],
    ]


def all_say(models: Path, folder: Path, *words: str) -> None:
    for command in commands(models, folder):
        result = CliRunner().invoke(app, command)
        said = f"{result.output}{result.exception or ''}"
        assert result.exit_code != 0, command
        assert any(word in said for word in words), (command, said[-300:])


def test_no_norms(models: Path, tmp_path: Path) -> None:
    for file in (models / "norms").glob("*.yaml"):
        file.unlink()
    all_say(models, tmp_path, "there are no norms")


def test_an_unknown_word(models: Path, tmp_path: Path) -> None:
    file = models / "norms" / "dispense.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("whenever: dispense_ordered", "whenever: dispense_orderd"))
    all_say(models, tmp_path, "there is no event 'dispense_orderd'; did you mean 'dispense_ordered'?")


def test_a_norm_that_never_fires(models: Path, tmp_path: Path) -> None:
    file = models / "norms" / "agencies.yaml"
    text = file.read_text(encoding="utf-8")
    line = next(x for x in text.splitlines() if "never_fires:" in x)
    file.write_text(text.replace(line + "\n", ""), encoding="utf-8")
    all_say(models, tmp_path, "FL02", "FL03", "never in force")
