"""Time is handed in: nothing below reads a clock that it was not given.

`Clock` is the only time a driver, a simulator or a flow knows. It is monotonic, so a jump of the wall
clock (edge case 102) moves no deadline. `Calendar`, the second source, serves dates on paper and in host
messages and is never compared with a `Clock`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Monotonic milliseconds since an arbitrary start."""

    def now_ms(self) -> int: ...


class Calendar(Protocol):
    """The date and time of day, for receipts, host messages and dated norms."""

    def now(self) -> datetime:
        """Return an aware datetime."""
        ...


class MonotonicClock:
    """The machine's monotonic clock: the one place that reads it."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class ScaledClock:
    """A clock that runs `factor` times as fast as another, from where that one stands: a test of a real server need
    not wait for mechanics.
    """

    def __init__(self, factor: float, of: Clock | None = None) -> None:
        if factor <= 0:
            raise ValueError(f"a clock runs forward: factor {factor}")
        self.factor = factor
        self._of = of or MonotonicClock()
        self._origin_ms = self._of.now_ms()

    def now_ms(self) -> int:
        now_ms = self._of.now_ms()
        return self._origin_ms + int((now_ms - self._origin_ms) * self.factor)


class WallCalendar:
    """The machine's wall clock, aware, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SimClock:
    """A clock that stands still until it is moved; it never goes back."""

    def __init__(self, start_ms: int = 0) -> None:
        self._now_ms = start_ms

    def now_ms(self) -> int:
        return self._now_ms

    def move_to(self, instant_ms: int) -> None:
        """Stand at `instant_ms`. Raises ValueError for an instant that has passed."""
        if instant_ms < self._now_ms:
            raise ValueError(f"a clock does not go back: {instant_ms} ms after {self._now_ms} ms")
        self._now_ms = instant_ms

    def advance(self, by_ms: int) -> None:
        self.move_to(self._now_ms + by_ms)


class SimCalendar:
    """A calendar that follows a clock from a given instant, so that dates in a rehearsal repeat."""

    def __init__(self, clock: Clock, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a calendar starts at an aware datetime")
        self._clock = clock
        self._start = start
        self._origin_ms = clock.now_ms()

    def now(self) -> datetime:
        return self._start + timedelta(milliseconds=self._clock.now_ms() - self._origin_ms)
