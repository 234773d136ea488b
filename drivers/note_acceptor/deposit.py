"""The book of one transaction: where its notes are, and the happenings that say so.

One note is in hand at a time (`where`); the rest are counted. Every movement is a method that keeps the book and
returns the happening, so that book and happenings cannot disagree.

    NOWHERE --inserted--> PATH --escrowed--> ESCROW --stacked--> OURS --stored--> NOWHERE
                            '---- rejected, returned ----'
    anything not yet OURS --lost--> NOWHERE, counted as unaccounted or unidentified

What was lost may be found again: a note that is later reported stacked or returned, while none is in hand, is
taken from the unaccounted ones first.

A doubted note takes the same way, but is told and counted apart: it is never in escrow for anybody, it is withheld
where another would be stacked, rejected where another would be returned, and when it is lost its value is not claimed.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import Any

from drivers.base.acceptor import (
    DOUBTED,
    AcceptorHappening,
    Classification,
    NoteInEscrow,
    NoteInserted,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    NoteStored,
    NoteWithheld,
)
from drivers.base.vocabulary import Outcome


class Where(Enum):
    NOWHERE = "nowhere"
    PATH = "path"
    ESCROW = "escrow"
    OURS = "ours"


class Deposit:
    """One transaction at a time; `status` is XFS4IoT's word for it, ``unknown`` before the first."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.where = Where.NOWHERE
        self.value_minor = 0  # of the note in hand, 0: not known
        self.sort: Classification = "fit"  # of the note in hand
        self.unstored: int | None = None  # value of the last note, if it is ours and was never seen to rest
        self._clear()
        self.ticket = ""
        self.active = False
        self.broken = False  # the device was lost in it: without a note in escrow it cannot go on
        self.escrow_wanted = True
        self.status = "unknown"

    def _clear(self) -> None:
        self.stacked: Counter[int] = Counter()
        self.returned: Counter[int] = Counter()
        self.unaccounted: Counter[int] = Counter()
        self.unidentified = 0
        self.refused = 0
        self.withheld: dict[Classification, Counter[int]] = {}
        self.doubt: tuple[Classification, int] | None = None  # a doubted note that is missing, and its value

    # ------------------------------------------------------------ the transaction

    def begin(self, ticket: str, *, escrow: bool) -> None:
        self._clear()
        self.ticket = ticket
        self.active = True
        self.broken = False
        self.escrow_wanted = escrow
        self.status = "active"

    def end(self, status: str) -> None:
        """Close the transaction; its status is unknown while a note is missing."""
        self.active = self.broken = False
        self.status = status if self.settled else "unknown"

    @property
    def settled(self) -> bool:
        """Whether no note is missing."""
        return not self.unaccounted and not self.unidentified

    @property
    def taken(self) -> int:
        """Notes recognised and kept since `begin`."""
        return self.went_in + (self.where is Where.ESCROW)

    @property
    def went_in(self) -> int:
        """Notes that are ours to keep since `begin`, credited or withheld."""
        return self.stacked.total() + sum(kept.total() for kept in self.withheld.values())

    @property
    def doubted(self) -> bool:
        return self.sort in DOUBTED

    def counts(self) -> dict[str, Any]:
        """Return the fields of `CashInCounts`."""
        known = self.where is Where.ESCROW and bool(self.value_minor) and not self.doubted
        return {
            "currency": self.currency,
            "stacked": _plain(self.stacked),
            "returned": _plain(self.returned),
            "escrow": {self.value_minor: 1} if known else {},
            "unaccounted": _plain(self.unaccounted),
            "unidentified": self.unidentified + (self.where is Where.ESCROW and not known),
            "refused": self.refused,
            "withheld": {sort: _plain(kept) for sort, kept in self.withheld.items()},
            "fitness": self.sort if known else "fit",
        }

    def outcome(self, *, wanted: bool) -> Outcome:
        """Return UNKNOWN if a note is missing, else DONE or PARTIAL as what happened was `wanted` or not."""
        if not self.settled:
            return Outcome.UNKNOWN
        return Outcome.DONE if wanted else Outcome.PARTIAL

    # ------------------------------------------------------------ the note in hand

    def at(self, where: Where) -> bool:
        """Return whether the note in hand is there; NOWHERE: there is none."""
        return self.where is where

    def inserted(self) -> list[AcceptorHappening]:
        if self.where is not Where.NOWHERE:
            return []
        self.where = Where.PATH
        self.value_minor = 0
        self.sort = "fit"
        self.unstored = None
        return [NoteInserted(cash_in=self.ticket)]

    def escrowed(self, value_minor: int, sort: Classification = "fit") -> list[AcceptorHappening]:
        """It is recognised and held. A note seen held that was thought lost is found again."""
        if self.where is Where.ESCROW:
            return []
        if self.where is Where.NOWHERE and self.doubt is not None and value_minor in (0, self.doubt[1]):
            sort, value_minor = self.doubt
        found = self.where is Where.NOWHERE and self._find(value_minor)
        self.where = Where.ESCROW
        self.value_minor = value_minor
        self.sort = sort
        if found or self.doubted:
            return []
        return [
            NoteInEscrow(cash_in=self.ticket, value_minor=value_minor, currency=self.currency, fitness=sort)
        ]

    def stacked_note(
        self, value_minor: int, sort: Classification = "fit", *, detail: str = "", recovered: bool = False
    ) -> list[AcceptorHappening]:
        """It is ours. `value_minor` 0: take what is known of the note in hand, or of the only one missing."""
        escrowed = self.where is Where.ESCROW
        if escrowed:
            value_minor = value_minor or self.value_minor
            sort = sort if sort in DOUBTED else self.sort
        elif self.where is Where.NOWHERE:
            if self.doubt is not None and value_minor in (0, self.doubt[1]):
                sort, value_minor = self.doubt
            value_minor = value_minor or self._only_missing()
            escrowed = self._find(value_minor)
        self.where = Where.OURS
        self.value_minor = value_minor
        self.sort = sort
        if self.doubted:
            self._count(self.withheld.setdefault(sort, Counter()))
            return [
                NoteWithheld(
                    cash_in=self.ticket,
                    value_minor=value_minor,
                    currency=self.currency,
                    classification=sort,
                    detail=detail,
                    recovered=recovered,
                )
            ]
        self._count(self.stacked)
        return [
            NoteStacked(
                cash_in=self.ticket,
                value_minor=value_minor,
                currency=self.currency,
                escrowed=escrowed,
                recovered=recovered,
            )
        ]

    def stored(self, unit: str) -> list[AcceptorHappening]:
        """It came to rest. Nothing, if none is ours and on its way."""
        if self.where is not Where.OURS:
            return []
        value_minor = self.value_minor
        self._let_go()
        return [
            NoteStored(cash_in=self.ticket, value_minor=value_minor, currency=self.currency, unit=unit)
        ]

    def given_back(
        self,
        reason: str,
        detail: str,
        sort: Classification = "unrecognized",
        *,
        value_minor: int = 0,
        recovered: bool = False,
    ) -> list[AcceptorHappening]:
        """It went back to the exit: returned if it had been in escrow, else rejected."""
        if self.where is Where.ESCROW and self.doubted:
            return self._rejected(self.sort, detail, self.sort)
        if self.where is Where.NOWHERE and self.doubt is not None and value_minor in (0, self.doubt[1]):
            sort, value_minor = self.doubt
        if sort in DOUBTED:
            if self.where is Where.NOWHERE:
                self._find(value_minor)
            return self._rejected(sort, detail, sort)
        if self.where is Where.ESCROW:
            value_minor = self.value_minor or value_minor
        elif self.where is Where.NOWHERE and (value_minor or self._only_missing()):
            value_minor = value_minor or self._only_missing()
            if not self._find(value_minor) and not recovered:
                value_minor = 0
        elif self.where is Where.NOWHERE and self.unidentified:
            self.unidentified -= 1
        if value_minor or self.where is Where.ESCROW:
            if self.where is not Where.OURS:
                self.value_minor = value_minor
                self._count(self.returned)
                self._let_go()
            return [
                NoteReturned(
                    cash_in=self.ticket,
                    value_minor=value_minor,
                    currency=self.currency,
                    reason=reason,
                    recovered=recovered,
                )
            ]
        return self._rejected(reason, detail, "unrecognized")

    def _rejected(self, reason: str, detail: str, sort: Classification) -> list[AcceptorHappening]:
        if self.where in (Where.PATH, Where.ESCROW):
            self._let_go()
        self.refused += 1
        return [NoteRejected(cash_in=self.ticket, reason=reason, detail=detail, classification=sort)]

    def lost(self) -> None:
        """Nobody can say any more where the note in hand is. One that is ours stays ours."""
        if self.where is Where.ESCROW and self.doubted:
            self.doubt = self.sort, self.value_minor
            self.unidentified += 1
        elif self.where is Where.ESCROW and self.value_minor:
            self._count(self.unaccounted)
        elif self.where in (Where.PATH, Where.ESCROW):
            self.unidentified += 1
        elif self.where is Where.OURS:
            self.unstored = self.value_minor
        self._let_go()

    def rested(self, value_minor: int, unit: str) -> list[AcceptorHappening] | None:
        """A note is said to lie in `unit` after a restart: is it the one that was ours before? None if not."""
        if self.unstored is None or value_minor not in (0, self.unstored):
            return None
        self.where, self.value_minor, self.unstored = Where.OURS, self.unstored, None
        return self.stored(unit)

    # ------------------------------------------------------------ inside

    def _count(self, counter: Counter[int]) -> None:
        counter[self.value_minor] += 1

    def _let_go(self) -> None:
        self.where = Where.NOWHERE
        self.value_minor = 0
        self.sort = "fit"

    def _only_missing(self) -> int:
        return next(iter(self.unaccounted)) if self.unaccounted.total() == 1 else 0

    def _find(self, value_minor: int) -> bool:
        """Take a note of this value from the missing ones; False if none is missing that could be it."""
        if self.doubt is not None and self.doubt[1] == value_minor:
            self.doubt = None
            self.unidentified -= 1
            return True
        if self.unaccounted[value_minor]:
            self.unaccounted[value_minor] -= 1
            self.unaccounted += Counter()  # leaves zeros out
            return True
        del self.unaccounted[value_minor]
        if self.unidentified:
            self.unidentified -= 1
            return True
        return False


def _plain(counter: Counter[int]) -> dict[int, int]:
    return {value: count for value, count in sorted(counter.items()) if count}
