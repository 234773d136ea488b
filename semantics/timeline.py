"""One time line out of the clocks of several runs.

A record's `ms` is the monotonic clock of the run that wrote it; a restart begins a new one. Within a run time is
`ms`. At a `boot` the only witness of the break is the wall clock, so the time line goes on by the difference of the
two `at`, at least zero. If `ms` goes back within a run, time stands still and the record is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

BOOT: Final = "boot"


class Timeline:
    """`offset` is added to `ms` of the present run."""

    def __init__(self) -> None:
        self.offset = 0
        self.now = 0
        self.last_at = ""

    def of(self, record: Mapping[str, Any]) -> tuple[int, bool]:
        """Return the record's time, and whether its clock went back."""
        ms: int = record["ms"]
        back = False
        if not self.last_at:
            self.now = ms
        elif record["kind"] == BOOT:
            self.now += max(0, _wall_ms(record["at"]) - _wall_ms(self.last_at))
            self.offset = self.now - ms
        elif ms + self.offset < self.now:
            back = True
            self.offset = self.now - ms
        else:
            self.now = ms + self.offset
        self.last_at = record["at"]
        return self.now, back


def _wall_ms(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1000)
