"""Doubted notes that the acceptor keeps: traced, told to the bank, credited only where the site's rule says so.

A doubted note is never in the escrow and nobody can undo its keeping, so there is nothing to decide here: the rule was
given to the acceptor before the mouth opened (`site.note_fates`). What is left is the truth about it. The same step
that hears of the note journals it with its case and session (which name the masked card, if there is one) and queues a
message to the bank, which owes the note to whoever examines it. Its bringer is told at once, and the slip names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drivers.base.acceptor import CashInCounts, NoteWithheld
from drivers.base.vocabulary import Columns, Element, Rule, Text
from kiosk.cash import CashMove, Note, Place
from kiosk.flow.offers import action, guard, view
from kiosk.services import hosting
from kiosk.services.case import Case, Posting
from kiosk.services.cash_in import Notice
from kiosk.services.dispensing import note
from kiosk.services.facts import Chosen, Session
from kiosk.services.receipt import money_of, say_in
from kiosk.turn import Turn

CREDITED_IN: Final = ("deposit",)
"""Services in which a rule may credit a withheld note: there is an account. An exchange never pays for one."""


class Withholding:
    """Guards, actions and the view of doubted notes, for whatever flow takes notes."""

    @guard
    def note_kept(self, turn: Turn) -> bool:
        """Whether this report speaks of a kept note that has not been written down: its happening was lost."""
        told = turn.event.payload
        return isinstance(told, CashInCounts) and bool(told.withheld) and not turn.get(Case).kept_now

    @action
    def note_withheld(self, turn: Turn) -> None:
        """Write the kept note down and tell the bank. One opening of the mouth keeps one note at most."""
        if turn.get(Case).kept_now:
            return  # told again at a reconnection
        value, kind, detail = _doubted(turn.event.payload)
        fate = turn.site.note_fates.fate(kind)
        credited = fate == "withhold_with_credit" and turn.get(Chosen).service in CREDITED_IN and value > 0
        case, session = turn.get(Case), turn.find(Session)
        turn.drop(Notice)
        note(turn, "note_withheld", value_minor=value, classification=kind, credited=credited, detail=detail)
        if value:
            unit, currency = f"in{value}", turn.site.cash.currency
            for source, target in ((Place.SUPPLY, Place.CUSTOMER), (Place.CUSTOMER, Place.WITHHELD)):
                turn.move(CashMove(unit, Note(value, currency), 1, source, target), case=case.id)
        hosting.tell_host(
            turn, f"note withheld, {kind}, {value}, {detail}".rstrip(", "), RF=case.rrn,
            WN="|".join((str(value), kind, str(int(credited)), session.id if session else "")),
        )  # fmt: skip

    @guard
    def more_may_be_kept(self, turn: Turn) -> bool:
        """Whether another note is taken: somebody who feeds one doubted note after the other is stopped."""
        return sum(turn.get(Case).withheld.values()) < turn.site.notes_withheld_max

    @guard
    def something_withheld(self, turn: Turn) -> bool:
        case = turn.find(Case)
        return case is not None and bool(case.withheld)

    @guard
    def leave_wanted(self, turn: Turn) -> bool:
        """Whether a kept note is to be credited and the host has not been asked yet."""
        case = turn.get(Case)
        return case.awaits_leave and case.posting is Posting.NOTHING

    @view("note_withheld")
    def _note_withheld(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        values: dict[str, Any] = {"reference": case.rrn, "contact": turn.site.contact}
        value = max((int(face) for face in case.withheld), default=0)
        if len(case.withheld) == 1 and value:
            values["amount"] = turn.site.money(value)
        values["counted"] = "credited" if case.kept_credited else "not_counted"
        return values


def _doubted(told: object) -> tuple[int, str, str]:
    """Return face value (0: unknown), classification and the device's words for the kept note that a report names."""
    if isinstance(told, NoteWithheld):
        return told.value_minor, told.classification, told.detail
    if isinstance(told, CashInCounts):
        for kind, counts in told.withheld.items():
            for value, count in counts.items():
                if count:
                    return value, kind, ""
    return 0, "suspect", ""


def withheld_rows(turn: Turn, case: Case) -> list[Element]:
    """Return the lines of a slip that name the kept notes; none if there are none."""
    if not case.withheld:
        return []
    say = say_in(turn)
    rows: list[Element] = [Rule(), Text(say("receipt.withheld_title"), bold=True)]
    for counts, text in ((case.kept, "receipt.withheld"), (case.kept_credited, "receipt.withheld_credited")):
        for value, count in counts.items():
            face = money_of(turn, turn.site.money(int(value))) if int(value) else say("receipt.value_unknown")
            rows.append(Columns(say(text), say("receipt.notes", amount=face, count=count)))
    if case.kept:
        rows.append(Text(say("receipt.withheld_text", reference=case.rrn, contact=turn.site.contact)))
    if case.kept_credited:
        text = "receipt.withheld_credited_text" if case.approved is not None else "receipt.withheld_unclear_text"
        rows.append(Text(say(text, reference=case.rrn, contact=turn.site.contact)))
    return rows
