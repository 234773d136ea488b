"""A YAML document together with its text, so that a place *inside* a scalar can be named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath

from kiosk import strict_yaml
from kiosk.strict_yaml import Document, DocumentError, Mistake, Path


@dataclass(frozen=True, slots=True)
class Source:
    document: Document
    text: str

    def at(self, path: Path, value: str, offset: int) -> tuple[int, int]:
        """Return line and column of character `offset` of the scalar `value` that stands at `path`.

        YAML folds only white space, so the n-th other character of the value is the n-th one of its text.
        """
        line, column = self.document.place(path)
        if path not in self.document.places:
            return line, column
        lines = self.text.split("\n")
        position = sum(len(x) + 1 for x in lines[: line - 1]) + column - 1
        if position < len(self.text):
            if self.text[position] in "|>":
                position = self.text.find("\n", position) + 1
            elif self.text[position] in "\"'":
                position += 1
        to_pass = sum(not c.isspace() for c in value[:offset])
        while position < len(self.text) and (to_pass or self.text[position].isspace()):
            to_pass -= not self.text[position].isspace()
            position += 1
        before = self.text[:position]
        return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1

    def mistake(self, path: Path, message: str) -> Mistake:
        return self.document.mistake(path, message)

    def mistake_inside(self, path: Path, value: str, offset: int, message: str) -> Mistake:
        line, column = self.at(path, value, offset)
        return Mistake(self.document.file, line, column, message)


def load_source(path: FilePath) -> Source:
    """Read one file. Raises DocumentError."""
    document = strict_yaml.load(path)
    return Source(document, path.read_text(encoding="utf-8"))


def source_of(text: str, file: str = "<text>") -> Source:
    """Read one text. Raises DocumentError."""
    return Source(strict_yaml.load_text(text, file), text)


def load_sources(folder: FilePath) -> list[Source]:
    """Read every YAML file of a folder. Raises DocumentError with the mistakes of all."""
    sources: list[Source] = []
    mistakes: list[Mistake] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            sources.append(load_source(file))
        except DocumentError as error:
            mistakes += error.mistakes
    if mistakes:
        raise DocumentError(mistakes)
    return sources
