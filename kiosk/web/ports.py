"""What the bench page may see and do, as a Protocol of its own: it knows no driver, simulator or service.

Everything here may be called from any thread; a call may wait until the terminal's thread has done it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Refused(Exception):
    """The terminal's world does not allow it now (no card to take); the text says why."""


class BenchGone(Exception):
    """The terminal has ended or does not answer."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be done to a device or to the host, generated from the simulator's own table.

    `arguments` are name -> meaning; every one may be left out.
    """

    name: str
    does: str
    arguments: Mapping[str, str]
    edge_cases: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DevicePanel:
    """A device and what can be done to it. `line` is ``"simulated"``, ``"pty"`` or ``"port"``."""

    name: str
    family: str
    line: str
    path: str
    acts: tuple[Tool, ...]
    faults: tuple[Tool, ...]


@dataclass(frozen=True, slots=True)
class DemoCard:
    """A card of the demo bank with its PIN, invented for trying; `tail` are the last digits of its number."""

    label: str
    note: str
    holder: str
    tail: str
    pin: str


@dataclass(frozen=True, slots=True)
class Note:
    """A denomination by its storage unit."""

    unit: str
    value_minor: int
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What does not change while the terminal runs."""

    terminal: str
    bank: str
    location: str
    size: tuple[int, int]
    languages: tuple[tuple[str, str], ...]
    notes: tuple[Note, ...]
    devices: tuple[DevicePanel, ...]
    host_faults: tuple[Tool, ...]
    cards: tuple[DemoCard, ...]
    codes: tuple[str, ...] = ()  # of bills to try, invented


class Bench(Protocol):
    """The bench as the pages know it. Every call may raise `BenchGone`; those that do something, `Refused`."""

    @property
    def layout(self) -> Layout: ...

    def snapshot(self, entries_after: int = 0, messages_after: int = 0) -> Mapping[str, Any]:
        """Return what is there now, JSON-able and masked; records and messages only behind the given numbers."""
        ...

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after every change, from another thread; returns what ends it."""
        ...

    def picture(self) -> bytes:
        """Return the terminal's screen as PNG of `layout.size`."""
        ...

    def document(self) -> bytes | None:
        """Return the newest document that was printed as PNG, or None."""
        ...

    def touch(self, x: int, y: int, serial: int = 0) -> str:
        """Touch the screen at a pixel; returns the event it made, "" for none. `serial` is the view's that was seen."""
        ...

    def speak(self, locale: str) -> None:
        """Ask for another language, as a button of the screen does."""
        ...

    def insert_card(self, label: str, *, wrong_way: bool = False) -> None: ...

    def act(self, device: str, name: str, arguments: Mapping[str, object]) -> None: ...

    def strike(self, device: str, name: str, arguments: Mapping[str, object]) -> None:
        """Strike a fault of a device, of its line (``line:drop`` ...), or of the host (device ``"host"``)."""
        ...

    def heal(self, device: str) -> None:
        """Clear every fault of a device, of ``"host"``, or of ``"all"``."""
        ...

    def plug(self, device: str, plugged: bool) -> None: ...

    def cut_power(self, for_ms: int) -> None: ...
