"""What went over a line, as a technician reads it: one entry a frame, with name, bytes and codes.

A decoder reads both directions of one protocol and never complains: what is no frame becomes an entry of kind
`noise`. Secrets do not get this far: a frame that carries a track, an account number, a PIN block or a key
shows its head and then the number of bytes left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

Direction = Literal["to_device", "from_device", "note"]
Kind = Literal["frame", "control", "noise", "note"]
TO_DEVICE: Final = "to_device"
FROM_DEVICE: Final = "from_device"


@dataclass(frozen=True, slots=True)
class Entry:
    """One frame, control or note. `hex` is masked where it has to be.

    `request`, `answer` and `error` are codes of the family's vocabulary, for the coverage.
    """

    at_ms: int
    direction: Direction
    name: str
    hex: str = ""
    kind: Kind = "frame"
    request: str | None = None
    answer: str | None = None
    errors: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the entry as one line of text: time, direction, name, bytes."""
        arrow = {"to_device": "->", "from_device": "<-", "note": "  "}[self.direction]
        return f"{self.at_ms / 1_000:10.3f} {arrow} {self.name}{'  ' + self.hex if self.hex else ''}"


class Decoder(Protocol):
    """Reads both directions of one line."""

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        """Take bytes as they went by, in any pieces. Raises nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every code a family has: requests and errors, code -> meaning.

    `unseen`: codes that cannot be exercised, each with the reason in words. `answerless`: requests that the
    device does not answer. `unknown`: the error that says "no such command".
    """

    requests: Mapping[str, str]
    errors: Mapping[str, str]
    unseen: Mapping[str, str] = field(default_factory=dict)
    answerless: frozenset[str] = frozenset()
    unknown: str = ""


SHOWN_BYTES_MAX: Final = 48


def show(data: bytes, clear: int | None = None) -> str:
    """Return `data` as hex; with `clear`, only that many bytes of it and how many are kept back."""
    if clear is not None and len(data) > clear:
        return f"{data[:clear].hex(' ')} [{len(data) - clear} bytes masked]".strip()
    if len(data) > SHOWN_BYTES_MAX:
        return f"{data[:SHOWN_BYTES_MAX].hex(' ')} [{len(data) - SHOWN_BYTES_MAX} bytes more]"
    return data.hex(" ")


def noise(at_ms: int, direction: Direction, count: int, what: str = "noise") -> Entry:
    return Entry(at_ms, direction, f"{what}: {count} byte{'' if count == 1 else 's'}", "", "noise")
