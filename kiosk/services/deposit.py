"""Cash deposit: note by note through the escrow, allowed by the host before the first is kept, posted as counted.

The host is asked when the customer confirms the first note, over the most that one deposit may bring; declined, that
note goes back and nothing was kept. Each note is then kept when the customer says so, and at the end a completion
posts what is in the vault. A note that was kept cannot come back here: the escrow holds one note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from drivers.base.vocabulary import Columns, Document, Rule
from kiosk.flow.offers import action, guard, view
from kiosk.money import Money
from kiosk.ports import Reason
from kiosk.services import hosting
from kiosk.services.case import Case, Posting, owed_minor
from kiosk.services.cash_in import NotesWanted, known_values
from kiosk.services.entering import Outcome
from kiosk.services.facts import Card, Intent, Refusal
from kiosk.services.menu import CARD, HOST, Service
from kiosk.services.receipt import claim_rows, head, money_of, say_in, tail
from kiosk.services.withheld import withheld_rows
from kiosk.turn import Turn


class Deposit:
    """Guards, actions and views of the flow ``deposit``."""

    service: Final = Service("deposit", "deposit", (CARD, HOST, "note_acceptor"))

    @staticmethod
    def _most(turn: Turn) -> Money:
        return turn.site.money(turn.site.deposit.most_minor)

    @staticmethod
    def _room(turn: Turn) -> tuple[int, ...]:
        """Return the face values that still fit into this deposit (edge case 76)."""
        case = turn.find(Case)
        left = turn.site.deposit.most_minor - (case.credited_minor if case else 0)
        return tuple(value for value in known_values(turn, turn.site.deposit.values_minor) if value <= left)

    @action
    def open_deposit(self, turn: Turn) -> None:
        """Open a case before the first note, so that whatever happens to that note belongs to somebody."""
        track2 = turn.get(Card).track2
        assert track2 is not None
        hosting.open_case(turn, "deposit", self._most(turn), track2, posting=Posting.NOTHING.value)
        self.want_notes(turn)

    @action
    def want_notes(self, turn: Turn) -> None:
        total = turn.site.money(turn.get(Case).credited_minor)
        turn.put(NotesWanted("deposit", self._room(turn), total))

    @guard
    def room_left(self, turn: Turn) -> bool:
        return bool(self._room(turn)) and turn.fitness.usable("note_acceptor")

    @guard
    def deposit_allowed(self, turn: Turn) -> bool:
        """Whether the host has allowed this deposit already."""
        return turn.get(Case).approved is not None

    @action
    def want_deposit(self, turn: Turn) -> None:
        turn.put(Intent("deposit", self._most(turn), Posting.VAULT))

    # ------------------------------------------------------------ settling

    @action
    def settle_deposit(self, turn: Turn) -> None:
        """Post what is in the vault and release the rest, before the customer is told."""
        failed = turn.get(Case).failed
        reason = {"silent": Reason.NO_ANSWER, "mismatch": Reason.BAD_ANSWER}.get(failed, Reason.CUSTOMER_CANCELLED)
        hosting.settle_case(turn, reason, last=True)

    @guard
    def note_unaccounted(self, turn: Turn) -> bool:
        """Whether a note is neither posted nor with the customer: a claim."""
        case = turn.get(Case)
        return bool(case.astray) or (bool(case.credited_minor) and case.approved is None)

    @guard
    def something_credited(self, turn: Turn) -> bool:
        return bool(turn.get(Case).credited_minor)

    @action
    def tell_deposited(self, turn: Turn) -> None:
        case = turn.get(Case)
        amount = turn.site.money(case.credited_minor)
        values: dict[str, Any] = {"what": "deposit", "amount": amount, "reference": case.rrn}
        turn.put(Outcome(values))

    @action
    def refuse_acceptor(self, turn: Turn) -> None:
        turn.put(Refusal("acceptor"))

    @action
    def refuse_deposit(self, turn: Turn) -> None:
        """Say why the host does not allow it, or that it did not answer."""
        if turn.find(Refusal) is None:
            turn.put(Refusal("no_answer"))

    # ------------------------------------------------------------ views, paper

    @view("note_offer")
    def _note_offer(self, turn: Turn) -> Mapping[str, Any]:
        case, money = turn.get(Case), turn.site.money
        return {"amount": money(case.held_minor), "total": money(case.credited_minor + case.held_minor)}

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the receipt: what was counted and posted, and a claim for what nobody can find."""
        say = say_in(turn)
        rows = head(turn, "receipt.title_deposit", case.rrn, case.card)
        rows.append(Rule())
        for value, count in case.vaulted.items():
            face = money_of(turn, turn.site.money(int(value)))
            rows.append(Columns("", say("receipt.notes", amount=face, count=count)))
        posted = turn.site.money(case.credited_minor if case.approved is not None else 0)
        rows.append(Columns(say("receipt.deposited"), money_of(turn, posted), bold=True))
        rows += withheld_rows(turn, case)
        if case.suspect:
            owed = owed_minor(case, turn.site, posted)
            why = "claim_why.note_lost" if case.astray else "claim_why.not_allowed"
            known = owed > 0 and "0" not in case.astray
            rows += claim_rows(turn, case.rrn, why, turn.site.money(owed) if known else None)
        return tuple(rows + tail(turn))
