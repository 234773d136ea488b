"""The cash book: every note is in exactly one place, and moves from place to place in pairs.

Places are the field's (XFS4IoT storage and positions). `SUPPLY` is the world outside the terminal: loading a cassette
is a move from it, so its balance is what was ever loaded, negative, and the sum over all places is zero for each
denomination at all times. No other place may go below zero: a note that was never there cannot leave.
`UNKNOWN` is a place like any other: a note of which nobody can say where it is has left its cassette.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from kiosk.money import Money


class Place(Enum):
    SUPPLY = "supply"
    CASSETTE = "cassette"
    PATH = "path"
    STACKER = "stacker"
    MOUTH = "mouth"
    CUSTOMER = "customer"
    REJECT = "reject"
    RETRACT = "retract"
    ESCROW = "escrow"
    VAULT = "vault"
    WITHHELD = "withheld"  # doubted notes, kept apart from what is counted as money
    UNKNOWN = "unknown"


class CashBookError(Exception):
    """A move that cannot have happened: more notes leave a place than are in it, or the sums do not balance."""


@dataclass(frozen=True, slots=True)
class Note:
    """A denomination: `value_minor` units of `currency`."""

    value_minor: int
    currency: str

    def times(self, count: int) -> Money:
        return Money(self.value_minor * count, self.currency)


@dataclass(frozen=True, slots=True)
class CashMove:
    """`count` notes (> 0) of storage unit `unit` go from one place to another."""

    unit: str
    note: Note
    count: int
    source: Place
    target: Place

    def as_data(self) -> dict[str, Any]:
        """Return the record's form."""
        return {
            "unit": self.unit,
            "value_minor": self.note.value_minor,
            "currency": self.note.currency,
            "count": self.count,
            "from": self.source.value,
            "to": self.target.value,
        }

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> CashMove:
        """Read a record's form."""
        note = Note(data["value_minor"], data["currency"])
        return cls(data["unit"], note, data["count"], Place(data["from"]), Place(data["to"]))


class CashBook:
    """The book of one terminal, a fold of the journal's ``cash_moved`` records."""

    def __init__(self) -> None:
        self._balances: defaultdict[tuple[Place, str, Note], int] = defaultdict(int)

    def after(self, moves: Iterable[CashMove]) -> CashBook:
        """Return the book after `moves`; this one stays. Raises CashBookError for a move that cannot have happened."""
        moves = tuple(moves)
        if not moves:
            return self
        book = CashBook()
        balances = self._balances.copy()
        for move in moves:
            if move.count <= 0 or move.source is move.target:
                raise CashBookError(f"not a move: {move}")
            source = (move.source, move.unit, move.note)
            balances[source] -= move.count
            balances[move.target, move.unit, move.note] += move.count
            if balances[source] < 0 and move.source is not Place.SUPPLY:
                raise CashBookError(
                    f"{move.count} notes of {move.note.value_minor} leave {move.source.value} of {move.unit}, "
                    f"where only {balances[source] + move.count} are"
                )
        book._balances = balances
        book.check()
        return book

    def count(self, place: Place, unit: str | None = None) -> int:
        """Return the notes at a place, of one unit or of all."""
        total = 0
        for (p, u, _), n in self._balances.items():
            if p is place and (unit is None or u == unit):
                total += n
        return total

    def by_unit(self, place: Place) -> dict[str, int]:
        """Return unit -> notes at a place, zeros left out."""
        result: dict[str, int] = {}
        for (p, unit, _), n in self._balances.items():
            if p is place and n:
                result[unit] = result.get(unit, 0) + n
        return result

    def value(self, place: Place, currency: str) -> Money:
        """Return what the notes of a currency at a place are worth."""
        minor = sum(
            k.value_minor * n for (p, _, k), n in self._balances.items() if p is place and k.currency == currency
        )
        return Money(minor, currency)

    def check(self) -> None:
        """Raise CashBookError unless every denomination's places sum to zero. Bounded by places x units."""
        sums: defaultdict[tuple[str, Note], int] = defaultdict(int)
        for (_, unit, note), n in self._balances.items():
            sums[unit, note] += n
        wrong = {key: n for key, n in sums.items() if n}
        if wrong:
            raise CashBookError(f"notes appeared or vanished: {wrong}")

    def as_data(self) -> list[dict[str, Any]]:
        """Return all places with notes, for reports."""
        return [
            {"place": p.value, "unit": u, "value_minor": k.value_minor, "currency": k.currency, "count": n}
            for (p, u, k), n in sorted(self._balances.items(), key=lambda i: (i[0][0].value, i[0][1]))
            if n
        ]
