"""What a step decides, as values. The kernel writes all records of a step first, then releases the rest in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drivers.base.vocabulary import Command
from kiosk.ports import Advice, HostRequest


@dataclass(frozen=True, slots=True)
class Record:
    """One journal record. `data` is plain and JSON-able; a `Secret` in it is written masked."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """A command to a device (``"card_reader"``, ``"pin_pad"``, ``"dispenser"``, ``"printer"``,
    ``"note_acceptor"``).

    The result of one that is not `heard` goes to no chart: it opens a keyboard, say, and its failure shows elsewhere.
    """

    device: str
    command: Command
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Ask:
    """A financial request to the host."""

    request: HostRequest


@dataclass(frozen=True, slots=True)
class Advise:
    """An advice to the host, stored and forwarded. The turn writes its record with it, in the same step."""

    advice: Advice


@dataclass(frozen=True, slots=True)
class KeyLoaded:
    """Tell the host link whether the PIN pad took a working key."""

    name: str
    loaded: bool


Effect = Record | Order | Ask | Advise | KeyLoaded
