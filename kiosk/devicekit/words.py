"""Reports in short words, for notes in a trace and reasons of a failure; secrets print masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from drivers.base.driver import Report
from drivers.base.vocabulary import Happening, Identity, Result


def told(report: Report) -> str:
    """Return a report in short, without what is empty; secrets print masked."""
    said = {
        name: getattr(report, name)
        for name in (field.name for field in fields(report))
        if name != "ticket" and getattr(report, name) not in (None, "", {}, ())
    }
    shown = ", ".join(f"{name} {value_of(value)}" for name, value in said.items())
    return f"{type(report).__name__}{': ' + shown if shown else ''}"


def value_of(value: object) -> str:
    if isinstance(value, Identity):
        return " ".join(part for part in (value.model, value.serial, value.firmware) if part)
    inner = getattr(value, "value", value)
    return str(dict(inner)) if isinstance(inner, Mapping) else str(inner)


def shown(seen: object) -> str:
    """Return anything as a failure shows it: reports in short, the rest as it prints."""
    return told(seen) if isinstance(seen, Result | Happening) else value_of(seen)
