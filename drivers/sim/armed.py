"""Faults that wait for their occasion: armed by name, fired at the n-th, healed all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drivers.sim.device import Fault


@dataclass(slots=True)
class _Armed:
    nth: int
    stays: bool
    arguments: dict[str, object]


class ArmedFaults:
    """The faults of one device that have been struck and not yet healed.

    ``nth=n`` waits for the n-th occasion, counted from now; ``stays=True`` fires at each one from then on,
    until `heal`.
    """

    def __init__(self, known: Mapping[str, Fault]) -> None:
        self._known = known
        self._armed: dict[str, _Armed] = {}

    def strike(self, name: str, arguments: Mapping[str, object]) -> None:
        """Arm `name`. Raises ValueError for an unknown fault, an unknown argument or an `nth` below 1."""
        fault = self._known.get(name)
        if fault is None:
            raise ValueError(f"no fault {name!r}; there are: {', '.join(sorted(self._known))}")
        rest = dict(arguments)
        nth, stays = rest.pop("nth", 1), rest.pop("stays", False)
        if strange := set(rest) - set(fault.arguments):
            raise ValueError(f"{name} takes {', '.join(fault.arguments) or 'nothing'}, not {sorted(strange)}")
        if not isinstance(nth, int | str) or int(nth) < 1:
            raise ValueError(f"{name}: nth is 1 or more, not {nth!r}")
        self._armed[name] = _Armed(int(nth), stays in (True, "true", "yes", "1"), rest)

    def look(self, name: str) -> Mapping[str, object] | None:
        """Return the arguments of an armed fault without using it up."""
        armed = self._armed.get(name)
        return armed.arguments if armed is not None else None

    def fires(self, name: str) -> Mapping[str, object] | None:
        """Take one occasion for `name`: its arguments if it strikes here, else None."""
        if not self._armed or (armed := self._armed.get(name)) is None:
            return None
        if armed.nth > 1:
            armed.nth -= 1
            return None
        if not armed.stays:
            del self._armed[name]
        return armed.arguments

    def drop(self, name: str) -> None:
        self._armed.pop(name, None)

    def heal(self) -> None:
        self._armed.clear()

    def names(self) -> list[str]:
        return sorted(self._armed)
