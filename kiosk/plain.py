"""Frozen values as plain data for the journal and the pages: secrets masked, enums as their words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date
from enum import Enum
from functools import cache
from typing import Any

from drivers.base.secrets import Secret
from kiosk.money import Money


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(kind) if f.repr)


def plain(value: Any) -> Any:
    """Return JSON-able data; Money keeps unit and currency.

    Dataclasses become objects without empty fields and without those that do not show themselves (``repr=False``).
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Money):
        return {"minor": value.minor, "currency": value.currency}
    if isinstance(value, Secret):
        return value.masked
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((name, getattr(value, name)) for name in _fields(type(value)))
        return {name: plain(v) for name, v in pairs if v is not None and v != "" and v != {} and v != ()}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no plain form for {type(value).__name__}")
