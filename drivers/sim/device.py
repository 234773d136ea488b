"""The shape of every simulator: a device made of state, with its own memory.

A simulator decodes the bytes itself and never imports the driver it stands against; only the framing of a
device package is shared, pinned by `tests/vectors`. It answers `(delay_ms, bytes)` and never sleeps. Hands
reach it through `act` (a customer's or a technician's doing), faults through `strike`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

Replies = list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Act:
    """Something hands can do: `name`, what it does in words, and its arguments with their meaning."""

    name: str
    does: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """A device fault that can be struck by name. `edge_cases` are the numbers of the catalogue."""

    name: str
    does: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    edge_cases: tuple[int, ...] = ()


class SimDevice(Protocol):
    """One simulated device on a clock."""

    @property
    def acts(self) -> Mapping[str, Act]: ...

    @property
    def faults(self) -> Mapping[str, Fault]: ...

    def receive(self, data: bytes) -> Replies:
        """Take bytes from the host; return what the device sends and after how long."""
        ...

    def tick(self) -> Replies:
        """Act on the device's own deadlines that have passed."""
        ...

    def next_deadline_ms(self) -> int | None: ...

    def act(self, name: str, **arguments: object) -> Replies:
        """Do what a person does. Raises ValueError naming the acts for an unknown one, and when it is
        physically impossible (no card to take).
        """
        ...

    def strike(self, name: str, **arguments: object) -> None:
        """Arm a fault: at the next occasion, or at the n-th with ``nth=n``. Raises ValueError if unknown."""
        ...

    def heal(self) -> None:
        """Clear every armed and lasting fault, as a technician would."""
        ...

    def power(self, on: bool) -> Replies:
        """Cut or restore the power; what survives is the device's own business."""
        ...

    def state(self) -> Mapping[str, object]:
        """Return what can be seen of the device from outside, JSON-able, without secrets."""
        ...
