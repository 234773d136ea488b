"""YAML as people mean it: YAML 1.2 scalars, no duplicate keys, and the place of every value.

PyYAML reads YAML 1.1, in which ``no`` is False, ``on`` is True, ``12:30:00`` is 45000 and a repeated key silently
wins. In norms, flows and configuration each of these is a trap, so PyYAML is used up to the node graph only; the
scalars are resolved here (core schema of YAML 1.2) and each value's line and column is kept for error messages.

    document = load(path)                      # raises DocumentError: file:line:col: what, and the remedy
    settings = document.as_model(Settings)     # pydantic; raises DocumentError with *all* mistakes
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import pydantic
import yaml

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=pydantic.BaseModel)

_INT: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, object]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
DEPTH_MAX: Final = 50  # a document deeper than this is a mistake or an attack
VALUES_MAX: Final = 200_000  # aliases of aliases make a billion values of ten lines

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong at one place; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class DocumentError(Exception):
    """A document cannot be used. `mistakes` lists every one found, in order of place."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda m: (m.file, m.line, m.column))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True, slots=True)
class Document:
    """Plain data with the place of every value. `places` maps a path to (line, column)."""

    file: str
    data: Any
    places: dict[Path, tuple[int, int]]

    def place(self, path: Path) -> tuple[int, int]:
        """Return the place of `path`, or of the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def mistake(self, path: Path, message: str) -> Mistake:
        line, column = self.place(path)
        return Mistake(self.file, line, column, message)

    def error(self, path: Path, message: str) -> DocumentError:
        return DocumentError([self.mistake(path, message)])

    def as_model(self, model: type[Model]) -> Model:
        """Return the data as `model`. Raises DocumentError with all mistakes and, for words, the nearest right one."""
        try:
            return model.model_validate(self.data)
        except pydantic.ValidationError as error:
            raise DocumentError([self._mistake_of(model, e) for e in error.errors()]) from None

    def _mistake_of(self, model: type[pydantic.BaseModel], error: Any) -> Mistake:
        path = tuple(part for part in error["loc"] if self._is_step(part))
        message = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            known = _fields_at(model, path[:-1])
            near = difflib.get_close_matches(str(path[-1]), known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(sorted(known))}" * bool(known)
            message = f"{path[-1]!r} is not known here{hint}"
        elif error["type"] == "missing":
            message = f"{error['loc'][-1]!r} is missing"
            path = path[:-1] if path and path[-1] == error["loc"][-1] else path
        dotted = ".".join(map(str, path))
        return self.mistake(path, f"{dotted}: {message}" if dotted else message)

    def _is_step(self, part: object) -> bool:
        # pydantic puts the names of union members into paths; those are no steps of the document
        return isinstance(part, int) or (isinstance(part, str) and not part.startswith(("function-", "tagged-")))


def _fields_at(model: type[pydantic.BaseModel], path: Path) -> list[str]:
    """Return the keys known at `path`, as a document writes them; none where any key goes."""
    here: Any = model
    for step in path:
        here = _without_none(here)
        kind = get_origin(here)
        if kind in (list, tuple, dict):
            here = get_args(here)[-1]
        elif isinstance(here, type) and issubclass(here, pydantic.BaseModel):
            named = {field.alias or name: field.annotation for name, field in here.model_fields.items()}
            here = named.get(str(step))
        else:
            return []
    here = _without_none(here)
    if isinstance(here, type) and issubclass(here, pydantic.BaseModel):
        return [field.alias or name for name, field in here.model_fields.items()]
    return []


def _without_none(annotation: Any) -> Any:
    """Return the one model of a union, or what was there."""
    if get_origin(annotation) in (Union, UnionType):
        return [a for a in get_args(annotation) if a is not type(None)][-1]
    return annotation


def load(path: FilePath | str) -> Document:
    """Read one document from a file. Raises DocumentError; a missing file is one, too."""
    file = FilePath(path)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError([Mistake(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise DocumentError([Mistake(str(path), 1, 1, f"is not UTF-8 at byte {error.start}")]) from None
    return load_text(text, str(path))


def load_text(text: str, file: str = "<text>") -> Document:
    """Read one document from a text. Raises DocumentError."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = " ".join(filter(None, (error.context, error.problem)))
        raise DocumentError([Mistake(file, line, column, f"is not YAML: {what}")]) from None
    except yaml.YAMLError as error:
        raise DocumentError([Mistake(file, 1, 1, f"is not YAML: {' '.join(str(error).split())}")]) from None
    places: dict[Path, tuple[int, int]] = {}
    mistakes: list[Mistake] = []
    data = None if node is None else _value(node, (), file, places, mistakes)
    if mistakes:
        raise DocumentError(mistakes)
    return Document(file, data, places)


def _value(
    node: yaml.Node, path: Path, file: str, places: dict[Path, tuple[int, int]], mistakes: list[Mistake]
) -> object:
    mark = node.start_mark
    places[path] = (mark.line + 1, mark.column + 1)
    if len(path) > DEPTH_MAX:
        raise DocumentError([Mistake(file, mark.line + 1, mark.column + 1, f"is nested deeper than {DEPTH_MAX}")])
    if len(places) > VALUES_MAX:
        message = f"makes more than {VALUES_MAX} values: are there aliases of aliases?"
        raise DocumentError([Mistake(file, mark.line + 1, mark.column + 1, message)])
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, i), file, places, mistakes) for i, item in enumerate(node.value)]
    result: dict[str | int, object] = {}
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if type(key) is not str and type(key) is not int:
            mistakes.append(Mistake(file, line, column, "a key is a word or a whole number; quote it"))
            continue
        if key in result:
            mistakes.append(Mistake(file, line, column, f"{key!r} stands twice; remove one of them"))
            continue
        result[key] = _value(value_node, (*path, key), file, places, mistakes)
    return result


def _scalar(node: yaml.ScalarNode) -> object:
    text: str = node.value
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
