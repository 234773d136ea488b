"""One entry of the journal, and its canonical form that the hash chain covers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.base.secrets import Secret

GENESIS: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as stored. `at` is ISO 8601 UTC, `ms` the monotonic clock of the run that wrote it."""

    seq: int
    at: str
    ms: int
    kind: str
    data: Mapping[str, Any]

    def as_data(self) -> dict[str, Any]:
        """Return the exported form, one JSON object a line."""
        return {"seq": self.seq, "at": self.at, "ms": self.ms, "kind": self.kind, "data": self.data}


def _plain(value: object) -> object:
    if isinstance(value, Secret):
        return value.masked
    raise TypeError(f"a journal record holds plain data, not {type(value).__name__}")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_plain).encode


def canonical(data: Mapping[str, Any]) -> str:
    """Return the one text of `data`: keys sorted, no spaces, secrets masked. Raises TypeError for other objects."""
    return _encode(data)


def chained(previous: bytes, seq: int, at: str, ms: int, kind: str, text: str) -> bytes:
    """Return SHA-256(previous hash, body)."""
    return hashlib.sha256(previous + f"{seq}\x1f{at}\x1f{ms}\x1f{kind}\x1f{text}".encode()).digest()
