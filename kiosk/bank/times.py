"""The times the bank is handed, as Protocols of its own: it reads no clock."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Monotonic milliseconds."""

    def now_ms(self) -> int: ...


class Calendar(Protocol):
    """Aware dates."""

    def now(self) -> datetime: ...
