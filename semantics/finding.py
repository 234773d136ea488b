"""One finding about a model, with a stable code and the place it speaks of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from kiosk.strict_yaml import DocumentError, Mistake


class Severity(Enum):
    """`ERROR` makes a model unusable; `WARNING` wants an answer; `NOTE` is counted and told."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`line` and `column` count from 1."""

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity.value} {self.code}: {self.message}"


def of_mistake(mistake: Mistake, code: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code, severity, mistake.file, mistake.line, mistake.column, mistake.message)


def of_error(error: DocumentError, code: str = "YAML") -> list[Finding]:
    return [of_mistake(m, code) for m in error.mistakes]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown word, ready to be put behind a message."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known here: {', '.join(sorted(known)[:12])}" if known else ""
