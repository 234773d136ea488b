"""What changed beside the customers, told once each way: what is on offer, which cassette runs low, what is out of use.

Beside each offer stands what it rests on, read from the service and from the circumstances and not from the menu's own
verdict, so that norms can compare the two. A low cassette and a fault are told to the bank, too, which sends somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kiosk.agreements import KINDS as PARTNERS
from kiosk.cash import Place
from kiosk.flow.offers import action
from kiosk.services import hosting
from kiosk.services.menu import CASH, HOST, Circumstances, Line, Menu, circumstances
from kiosk.turn import Turn


@dataclass(frozen=True, slots=True)
class Told:
    """The menu as the journal last said it."""

    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Low:
    """The storage units that were told to be low."""

    units: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reported:
    """The devices whose fault was reported to the bank and has not gone since."""

    devices: frozenset[str] = frozenset()


PLANS: Final = {"lost": "check power and line, then reset", "stopped": "clear on site, then reset"}


class Notices:
    """Actions of the flows ``upkeep`` and ``session`` that tell changes; a start forgets what was told."""

    def __init__(self, menu: Menu) -> None:
        self._menu = menu

    @action
    def note_offers(self, turn: Turn) -> None:
        """Record what changed in the menu of a customer with a card."""
        lines = self._menu.lines(turn, card=True)
        told = turn.find(Told) or Told()
        turn.put(Told(lines))
        now = circumstances(turn, card=True)
        for line in lines:
            if line in told.lines or line.cause in ("profile", "not_built"):
                continue  # what is not built here was never on offer
            if line.offered:
                turn.record("service_offered", service=line.service, **self._rests_on(line.service, now))
            else:
                kind = "service_withdrawn" if line.place == "disabled" else "service_hidden"
                turn.record(kind, service=line.service, because=line.cause, basic=self._basic(line.service))

    @action
    def note_stock(self, turn: Turn) -> None:
        """Record, and tell the bank, which cassettes came below the site's mark or are low by the device's own word.

        One that was filled is forgotten, so that it is told again.
        """
        told = turn.find(Low) or Low()
        mark = turn.site.cash.low_notes
        counts = {unit: turn.cash.count(Place.CASSETTE, unit) for unit in turn.site.notes}
        supplies = turn.fitness.supplies("dispenser") if turn.fitness.present("dispenser") else {}
        low = frozenset(unit for unit, count in counts.items() if count < mark or supplies.get(unit) == "low")
        turn.put(Low(low))
        for unit in sorted(low - told.units):
            turn.record("cassette_low", unit=unit, count=counts[unit], mark=mark)
            hosting.tell_host(turn, f"cassette {unit} low: {counts[unit]} notes")

    @action
    def note_faults(self, turn: Turn) -> None:
        """Report each device that came to be out of use: when, where, what is seen, what is proposed (N-FLT-02)."""
        told = turn.find(Reported) or Reported()
        out = frozenset(d for d in turn.fitness.installed if not turn.fitness.usable(d))
        turn.put(Reported(out))
        for device in sorted(out - told.devices):
            seen = "stopped" if turn.fitness.present(device) else "lost"
            turn.record("fault_reported", device=device, phenomenon=seen, place=turn.site.location, plan=PLANS[seen])
            hosting.tell_host(turn, f"{device} {seen}: {PLANS[seen]}")

    def _basic(self, name: str) -> bool:
        """Whether the bank serves everybody with it alike: all that it does in its own name."""
        return not any(need in PARTNERS for need in self._menu.needs(name))

    def _rests_on(self, name: str, now: Circumstances) -> dict[str, bool]:
        needs = self._menu.needs(name)
        return {
            "basic": self._basic(name),
            "intermediary": not self._basic(name),
            "agreement": all(need in now.partners for need in needs if need in PARTNERS),
            "host": HOST in needs,
            "acceptor": "note_acceptor" in needs,
            "dispenser": "dispenser" in needs,
            "feasible": now.cash or CASH not in needs,
        }
