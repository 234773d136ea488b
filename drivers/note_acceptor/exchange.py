"""What both protocols call a command and its answer: the seam between line discipline and device meaning."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from drivers.base.vocabulary import Repeat


@dataclass(frozen=True, slots=True)
class Order:
    """One command of a protocol. `clear`: it is never encrypted."""

    code: int
    name: str
    repeat: Repeat = Repeat.SAFE
    clear: bool = False


class End(Enum):
    ANSWERED = "answered"
    SILENT = "silent"  # nothing that can be believed came back, to the last try


@dataclass(frozen=True, slots=True)
class Ended:
    """How an exchange ended. `code`: the first byte of the answer, `data` what follows it; `ok`: the device
    agreed; `why`: what it said, or why it said nothing, in words.
    """

    end: End
    code: int = 0
    data: bytes = b""
    ok: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a script wants said, not before `at_ms`."""

    order: Order
    data: bytes = b""
    at_ms: int = 0


T = TypeVar("T")
Script = Generator[Ask, Ended, T]


class Lost(Exception):
    """Raised inside a script: nobody answers, or the one who answers has forgotten us."""


class Link(Protocol):
    """One exchange at a time on a line."""

    @property
    def discarded(self) -> int: ...

    @property
    def sent(self) -> bool:
        """Whether bytes of the exchange in hand have gone out."""
        ...

    def start(self, order: Order, data: bytes = b"") -> None: ...

    def stop(self) -> None: ...

    def data_to_send(self) -> bytes: ...

    def next_deadline_ms(self) -> int | None: ...

    def receive(self, data: bytes) -> Ended | None: ...

    def tick(self) -> Ended | None: ...
