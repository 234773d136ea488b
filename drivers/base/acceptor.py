"""The words a note acceptor or recycler is spoken to in (XFS4IoT CashAcceptor; see `vocabulary` for the rules).

    CashInStart            a transaction begins; nothing moves
      CashIn               notes are taken until the escrow is full, a limit is met, or `StopCashIn`
      CashInEnd            escrow -> vault, the transaction ends
      CashInRollback       escrow -> customer, the transaction ends
    GetCashInStatus        the recovery question: what became of the notes of a transaction

Where a note can be, and what says that it goes there:

    customer --NoteInserted--> path --NoteInEscrow--> escrow --NoteStacked--> ours --NoteStored--> cashbox, recycler
        ^                       | |                     |
        |                       | '--NoteWithheld--> kept, not credited --NoteStored--> cashbox
        '----- NoteRejected ----'----- NoteReturned ----'       (then NotesTaken, where there is a sensor)

- `NoteStacked` is the one happening that is credited: the note is out of the customer's reach. It comes once
  for each note. `NoteStored` names the unit where it came to rest and moves no value.
- Happenings are the book, note by note. The counts in results are totals since `CashInStart`: they are there
  to be compared with the book, and to be believed where happenings were lost with their reader. Never add both.
- A transaction ends with `CashInEnd`, `CashInRollback` or `Reset`, also when these fail. What is then neither
  stacked nor returned is *unaccounted*: it was in the escrow or the path and nobody knows where it went.
- A note that is doubted (`DOUBTED`) is never in escrow and never stacked: it is *withheld* where the transaction asks
  for it and the device can tell such notes apart, else given back. `NoteWithheld` is told once for each, and is no
  ground for a credit; what the law of the place makes of it is the service's rule.
- A device whose escrow holds one note (`escrow_notes` 1) is full after one: one transaction for each note, or
  ``escrow=False``, which stacks each note at once and leaves nothing to roll back.
- Note counts are mappings of face value in minor units to notes; a device speaks of one currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.base.vocabulary import Command, Happening, Result

NoteCounts = Mapping[int, int]
"""Face value in minor units -> notes; never negative, zero left out."""

Classification = Literal["unrecognized", "counterfeit", "suspect", "fit", "unfit"]
"""What an acceptor makes of a note (XFS4IoT CashManagement). ``suspect``: not clearly authenticated."""

ECB_CATEGORY: Final[Mapping[Classification, str]] = {
    "unrecognized": "1", "counterfeit": "2", "suspect": "3", "fit": "4a", "unfit": "4b",
}  # fmt: skip
"""The categories of ECB/2010/14: 1 is given back, 2 and 3 are kept, 4a and 4b are credited, 4b not paid out again."""

DOUBTED: Final[tuple[Classification, ...]] = ("counterfeit", "suspect")
"""Never credited by the device's word alone."""

# ---------------------------------------------------------------- cash-in


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInStart(Command):
    """Begin a transaction. `escrow`: hold notes until `CashInEnd`; else each note is stacked at once.

    `values_minor` are the face values to be taken, None for all that the device knows. `withhold`: which of the
    `DOUBTED` notes are kept; the others are given back. What is not in `CashAcceptorCapabilities.withholds` cannot be
    kept, because the device does not tell it apart from any paper that it declines, and is given back.
    """

    verb = "cash_in_start"
    escrow: bool = True
    values_minor: tuple[int, ...] | None = None
    withhold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInStartResult(Result):
    """REFUSED: ``cashInActive``, ``cashUnitError`` (full, missing), ``hardwareError``.

    `counters` are the device's own totals before the first note, by name (empty where it has none): journal
    them, for `GetCashInStatus` compares with them after a break.
    """

    verb = "cash_in_start"
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CashIn(Command):
    """Take notes until the escrow is full, `notes_max` have come (0: no limit) or `StopCashIn`."""

    verb = "cash_in"
    notes_max: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInCounts(Result):
    """What every answer about a transaction says; totals since `CashInStart`.

    `stacked`: ours (NoteStacked). `returned`: given back after they had been in escrow. `escrow`: held now.
    `unaccounted`: seen in escrow, not known to be anywhere now. `unidentified`: notes of unknown value that
    are, or may be, in the path. `refused`: objects that were given back without having been recognised, or doubted.
    `withheld`: doubted notes that were kept, by classification; in no other count, and never credited by themselves.
    `fitness` is the classification of the note in `escrow`, ``fit`` also where the device does not tell.
    With UNKNOWN, `stacked`, `returned` and `withheld` are lower bounds; a doubted note that is lost is `unidentified`.
    """

    verb = "cash_in_counts"
    currency: str = ""
    stacked: NoteCounts = field(default_factory=dict)
    returned: NoteCounts = field(default_factory=dict)
    escrow: NoteCounts = field(default_factory=dict)
    unaccounted: NoteCounts = field(default_factory=dict)
    unidentified: int = 0
    refused: int = 0
    withheld: Mapping[Classification, NoteCounts] = field(default_factory=dict)
    fitness: Classification = "fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInResult(CashInCounts):
    """DONE: the escrow is full, the limit is met (a withheld note counts), or it was stopped. REFUSED:
    ``noCashInActive``, or no note was taken and none can be. PARTIAL: some were taken, then `error`. UNKNOWN: a note
    may be anywhere.
    """

    verb = "cash_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInEnd(Command):
    """Move the escrow to the vault and end the transaction."""

    verb = "cash_in_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInEndResult(CashInCounts):
    """DONE: all that was held is stacked. REFUSED: ``noCashInActive``, ``noItems``. PARTIAL: the device gave
    some back instead, and says so. UNKNOWN: see `unaccounted`.
    """

    verb = "cash_in_end"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInRollback(Command):
    """Give the escrow back to the customer and end the transaction. What was stacked stays stacked."""

    verb = "cash_in_rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashInRollbackResult(CashInCounts):
    """DONE: all that was held is at the exit or taken. Otherwise as `CashInEndResult`, the other way round."""

    verb = "cash_in_rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCashIn(Command):
    """Take no more notes. A running `CashIn` answers first; a note already drawn in is finished before."""

    verb = "stop_cash_in"
    interrupts = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCashInResult(Result):
    verb = "stop_cash_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCashInStatus(Command):
    """Ask what became of a transaction; moves nothing. `counters` are those of its `CashInStartResult`."""

    verb = "get_cash_in_status"
    asks_past = True
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GetCashInStatusResult(CashInCounts):
    """`status`: ``ok`` (ended, stacked), ``rollback`` (ended, given back), ``active``, ``reset``, ``unknown``.

    DONE: what is said is all there is. UNKNOWN: some note is unaccounted. `notes_stacked` is how many notes the
    device's counters say went into it since `counters`, withheld ones too, None where they cannot tell; `last_reject`
    is the device's word for the last note it gave back. A new driver knows of no `withheld`: a note that only the
    counters tell of is of unknown value, unless it was journalled in escrow before.
    """

    verb = "get_cash_in_status"
    status: str = "unknown"
    notes_stacked: int | None = None
    last_reject: str = ""


# ---------------------------------------------------------------- recycler


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotes(Command):
    """Ask what the recycler can pay (XFS4IoT GetStorage); moves nothing."""

    verb = "stored_notes"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotesResult(Result):
    """`counters`: the device's own totals, to be given to `LastPayOut` with `stored`."""

    verb = "stored_notes"
    currency: str = ""
    stored: NoteCounts = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOut(Command):
    """Pay `picks` out of the recycler, at the exit. The caller journals `StoredNotes` before."""

    verb = "pay_out"
    picks: NoteCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedNotes(Result):
    """What every answer about the store says. `moved`: notes that are where they were ordered to.

    `unaccounted`: notes that left the store and are not known to have got there. With UNKNOWN `moved` is a lower bound.
    """

    verb = "moved_notes"
    currency: str = ""
    moved: NoteCounts = field(default_factory=dict)
    unaccounted: NoteCounts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidNotes(MovedNotes):
    """`moved`: notes at the exit or taken. `paid_minor`: their value as the device says; with UNKNOWN a lower bound."""

    verb = "paid_notes"
    paid_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOutResult(PaidNotes):
    """REFUSED: ``notDispensable`` (not enough, or not exactly), ``deviceBusy``, ``deviceDisabled``; nothing moved."""

    verb = "pay_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPayOut(Command):
    """Pay no more notes. A running `PayOut` answers first, ``cancelled``, with what it paid."""

    verb = "stop_pay_out"
    interrupts = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPayOutResult(Result):
    verb = "stop_pay_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPayOut(Command):
    """Ask what became of a payout; moves nothing. `stored`, `counters`: what `StoredNotes` said before it."""

    verb = "last_pay_out"
    asks_past = True
    picks: NoteCounts
    stored: NoteCounts
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPayOutResult(PaidNotes):
    """DONE: `moved` is what came out (may be short). REFUSED: nothing left the store. UNKNOWN: it cannot tell."""

    verb = "last_pay_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deplete(Command):
    """Move notes from the recycler to the cashbox until `keep` is left; an empty `keep` empties it."""

    verb = "deplete"
    keep: NoteCounts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepleteResult(MovedNotes):
    """`moved`: notes that went to the cashbox; `stored`: what is left."""

    verb = "deplete"
    stored: NoteCounts = field(default_factory=dict)


# ---------------------------------------------------------------- happenings


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptorHappening(Happening):
    """`cash_in` is the ticket of the transaction's `CashInStart`, empty outside of one."""

    name = "acceptor_happening"
    cash_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteHappening(AcceptorHappening):
    """Something becomes of one note. `value_minor` 0: not known."""

    name = "note_happening"
    value_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteInserted(AcceptorHappening):
    """Something is being drawn in; what it is, is not known yet."""

    name = "note_inserted"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteInEscrow(NoteHappening):
    """Recognised and held; it can still be given back. `value_minor` is 0 when the value is not known."""

    name = "note_in_escrow"
    fitness: Classification = "fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStacked(NoteHappening):
    """The note is ours: credit it, once. `escrowed` is False when it went in without having been seen in escrow.

    `recovered`: told at a restart or a reconnection, or found by the counters. It may have been told before, to a
    reader who then crashed: compare with the journal before crediting. `value_minor` 0: not known.
    """

    name = "note_stacked"
    escrowed: bool = True
    recovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteWithheld(NoteHappening):
    """A doubted note is kept, out of everybody's reach: not given back, not credited, to be traced to its bringer.

    `value_minor` is what it claims to be, 0: not known. `detail` is what the device said of it, for the record.
    `recovered` as in `NoteStacked`: compare with the journal before it is recorded a second time.
    """

    name = "note_withheld"
    classification: Classification
    detail: str = ""
    recovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteStored(NoteHappening):
    """A stacked or withheld note came to rest in `unit`, ``"cashbox"`` or ``"recycler"``. Moves no value."""

    name = "note_stored"
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReturned(NoteHappening):
    """A note that had been in escrow is given back (`recovered`: by the device, at its restart)."""

    name = "note_returned"
    reason: str = ""
    recovered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRejected(AcceptorHappening):
    """Something not accepted is given back. `reason` is a word, `detail` the device's own code.

    `classification` is ``unrecognized`` also where the device cannot say more: a counterfeit among them.
    """

    name = "note_rejected"
    reason: str
    detail: str = ""
    classification: Classification = "unrecognized"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesAtExit(AcceptorHappening):
    """A note waits at the exit to be taken. `value_minor` 0: not known."""

    name = "notes_at_exit"
    value_minor: int = 0
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesTaken(AcceptorHappening):
    """The exit is free again (XFS4IoT ItemsTakenEvent)."""

    name = "notes_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesPaid(AcceptorHappening):
    """Progress of a payout: what has been paid in it so far, in value."""

    name = "notes_paid"
    paid_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteTransferred(NoteHappening):
    """A note went to the cashbox without an order: from the recycler, or from the exit where nobody took it.

    One that had been told as returned is ours again and is not credited (edge case 64).
    """

    name = "note_transferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOutInterrupted(AcceptorHappening):
    """Said once, after a restart: a payout was cut off with so much of it paid."""

    name = "pay_out_interrupted"
    paid_minor: int
    requested_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CashboxRemoved(AcceptorHappening):
    name = "cashbox_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashboxReplaced(AcceptorHappening):
    name = "cashbox_replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudAttempt(AcceptorHappening):
    """Somebody works at the slot: a note pulled back, a string, a tool. Never credited."""

    name = "fraud_attempt"
    value_minor: int = 0
    currency: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CashAcceptorCapabilities:
    """What flows consult. `escrow_notes`: how many the escrow holds, 0 for none; `recycler`: it can pay out.

    `note_types` are the face values the device knows, `stored_types` those it recycles; empty until ready.
    `classifications`: what it tells apart; `withholds`: which of the `DOUBTED` it can keep, see `CashInStart`.
    """

    currency: str
    note_types: tuple[int, ...]
    escrow_notes: int
    recycler: bool
    stored_types: tuple[int, ...]
    items_taken_sensor: bool
    persistent_counters: bool
    pay_out_notes_max: int
    classifications: tuple[Classification, ...] = ("unrecognized", "fit")
    withholds: tuple[Classification, ...] = ()
