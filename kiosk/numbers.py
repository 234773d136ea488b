"""Numbers that are never used twice: drawn in blocks that the journal reserves before the first is handed out.

A power cut loses the rest of a block and never repeats a number. STAN runs 1..999999 and starts again at 1 (field 11
has no 000000); it is unique within a business date together with F7. Tickets grow for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

BLOCK: Final = 50  # numbers per journal record: some five withdrawals
# A device that keeps one byte must never meet the number of an old order again, so restarts may skip none of these.
BLOCKS: Final = {"dispense": 1}
WRAP: Final = {"stan": 999_999, "dispense": 94}  # LCDM-4000 has one byte, 1..94, for its order number


class Numbers:
    """Counters by name. `reserve` makes ``{"counter", "up_to"}`` durable and raises if it cannot."""

    def __init__(self, reserve: Callable[[Mapping[str, Any]], None]) -> None:
        self._reserve = reserve
        self._next: dict[str, int] = {}
        self._up_to: dict[str, int] = {}

    def recover(self, reserved: Mapping[str, int]) -> None:
        """Go on behind what was reserved before a restart."""
        self._next = {name: up_to + 1 for name, up_to in reserved.items()}
        self._up_to = dict(reserved)

    def draw(self, name: str) -> int:
        """Return the next number of a counter, 1 or more, wrapped where the field's width demands it."""
        number = self._next.get(name, 1)
        if number > self._up_to.get(name, 0):
            up_to = number + BLOCKS.get(name, BLOCK) - 1
            self._reserve({"counter": name, "up_to": up_to})
            self._up_to[name] = up_to
        self._next[name] = number + 1
        wrap = WRAP.get(name)
        return (number - 1) % wrap + 1 if wrap else number

    @property
    def reserved(self) -> Mapping[str, int]:
        return self._up_to
