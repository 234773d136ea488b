"""What our documents point at exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?![a-z]+:)([^)#\s]+)[^)]*\)")
NAMED = re.compile(r"`((?:kiosk|drivers|semantics|models|config|tests|tools|docs)/[\w./-]*)`")


def documents() -> list[Path]:
    places = ("*.md", "docs/**/*.md", "drivers/**/*.md", "kiosk/**/*.md")
    return sorted(path for place in places for path in ROOT.glob(place))


def dangling(folder: Path, text: str) -> list[str]:
    """Return ``line: path`` for each link (relative to the document) and each named path (from the top) to nowhere."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        found += [f"{number}: {to}" for to in LINK.findall(line) if not (folder / to).exists()]
        found += [f"{number}: {path}" for path in NAMED.findall(line) if not (ROOT / path).exists()]
    return found


def test_there_are_documents():
    assert ROOT / "README.md" in documents()


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_points_at_exists(path):
    assert dangling(path.parent, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("see [this](docs/nothing.md)", "1: docs/nothing.md"),
        ("\nin `kiosk/nothing.py`", "2: kiosk/nothing.py"),
        ("[a](README.md), [b](nothing#there)", "1: nothing"),
    ],
)
def test_the_rule_catches(text, line):
    assert dangling(ROOT, text) == [line]


@pytest.mark.parametrize(
    "text", ["[a](https://example.org/x)", "[a](README.md#top)", "`kiosk/`", "`drivers/<device>/`"]
)
def test_the_rule_lets_pass(text):
    assert dangling(ROOT, text) == []
