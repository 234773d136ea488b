"""Note exchange: one note in, smaller ones of the same value out; no fee and no account.

The host hears of what goes wrong and moves no money; so it need not be there (see docs/decisions).

    target notes there? -> note into escrow -> offer -> confirm -> pay out -> vault the note -> slip

The order is the safe one for the customer: their note stays in escrow until the others are out. Nothing paid, and it
goes back; part paid or unknown, and it is kept and the difference is a claim. A power cut between paying and vaulting
does not pay twice as long as the note is still inside: the dispenser is asked first, and what was paid for is vaulted.
A device that gives an escrowed note back by itself while nobody speaks to it has then been paid out twice; the case
says so (`owed_minor` below zero) and the bank is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from drivers.base.vocabulary import Columns, Document, Rule, Text
from kiosk.flow.offers import action, guard, view
from kiosk.mix import denominate
from kiosk.ports import Reason
from kiosk.services import hosting
from kiosk.services.case import Case, Posting, owed_minor
from kiosk.services.cash_in import NotesWanted, known_values
from kiosk.services.dispensing import by_value, notes_max, stock
from kiosk.services.entering import Choices, Outcome, chosen_value
from kiosk.services.facts import Card, CardGone, Refusal
from kiosk.services.menu import CASH, Service
from kiosk.services.receipt import claim_rows, head, locale_of, money_of, say_in, tail
from kiosk.services.withheld import withheld_rows
from kiosk.turn import OfBusiness, OfVisit, Turn
from kiosk.view import Option

TELL_ME: Final = "tell_me_when"


@dataclass(frozen=True, slots=True)
class Swap(OfBusiness):
    """One note of `source_minor` for `picks` (unit -> notes); `target_minor` is what the customer asked for."""

    source_minor: int
    target_minor: int
    picks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Exchanged(OfVisit):
    """What was exchanged in this visit."""

    minor: int


class Exchange:
    """Guards, actions and views of the flow ``exchange``."""

    service: Final = Service("exchange", "exchange", ("note_acceptor", "dispenser", CASH))

    # ------------------------------------------------------------ which notes

    @staticmethod
    def _picks(turn: Turn, source: int, target: int) -> Mapping[str, int] | None:
        """Return the notes for a pair, or None: nothing is taken for what cannot be paid (edge case 79)."""
        if source not in known_values(turn):
            return None
        have = [s for s in stock(turn) if s.value_minor == target]
        return denominate(source, have, notes_max(turn), turn.site.algorithm) if have else None

    @staticmethod
    def _nearest(turn: Turn, source: int) -> Mapping[str, int] | None:
        """Return the fewest smaller notes of the same value."""
        if source not in known_values(turn):
            return None
        have = [s for s in stock(turn) if s.value_minor < source]
        return denominate(source, have, notes_max(turn), turn.site.algorithm) if have else None

    @staticmethod
    def _pair(turn: Turn) -> tuple[int, int]:
        """Return the pair that this event chose, or the first."""
        pairs = turn.site.exchange.pairs
        number = chosen_value(turn)
        pair = pairs[int(number)] if number.isdigit() and int(number) < len(pairs) else pairs[0]
        return pair.source_minor, pair.target_minor

    @guard
    def exchange_limit_reached(self, turn: Turn) -> bool:
        """Whether the next note would pass what may be exchanged in one visit, with or without a card."""
        site, done = turn.site.exchange, turn.find(Exchanged)
        known = turn.find(Card) is not None or turn.find(CardGone) is not None
        most = site.with_card_minor if known else site.without_card_minor
        return (done.minor if done else 0) + min(p.source_minor for p in site.pairs) > most

    @action
    def refuse_exchange_limit(self, turn: Turn) -> None:
        turn.put(Refusal("exchange_card_needed"))

    @guard
    def several_pairs(self, turn: Turn) -> bool:
        return len(turn.site.exchange.pairs) > 1

    @action
    def offer_pairs(self, turn: Turn) -> None:
        say = say_in(turn)
        options = []
        for number, pair in enumerate(turn.site.exchange.pairs):
            source, target = turn.site.money(pair.source_minor), turn.site.money(pair.target_minor)
            named = say("option.exchange_pair", source=money_of(turn, source), target=money_of(turn, target))
            options.append(Option("chose_one", str(number), "option.named", {"name": named}))
        turn.put(Choices("exchange_pair", tuple(options)))

    @guard
    def pair_payable(self, turn: Turn) -> bool:
        return self._picks(turn, *self._pair(turn)) is not None

    @action
    def plan_pair(self, turn: Turn) -> None:
        source, target = self._pair(turn)
        picks = self._picks(turn, source, target)
        assert picks is not None
        turn.put(Swap(source, target, picks))

    @action
    def plan_shortage(self, turn: Turn) -> None:
        """Say what can be had instead, and offer to be told, before any note is taken (N-EXC-08, N-EXC-09)."""
        source, target = self._pair(turn)
        turn.put(Swap(source, target, self._nearest(turn, source) or {}))

    @guard
    def chose_notice(self, turn: Turn) -> bool:
        return chosen_value(turn) == TELL_ME

    @guard
    def nearest_payable_still(self, turn: Turn) -> bool:
        swap = turn.get(Swap)
        return bool(swap.picks) and self._nearest(turn, swap.source_minor) is not None

    @action
    def request_notice(self, turn: Turn) -> None:
        """Leave a request for the notes that are wanted, with a reference, and tell the bank."""
        swap = turn.get(Swap)
        card, site = turn.find(Card), turn.site
        case = hosting.open_case(
            turn, "exchange", site.money(0), card.track2 if card else None, posting=Posting.NOTHING.value
        )
        today = turn.now.astimezone(ZoneInfo(site.time_zone)).date()
        until = (today + timedelta(days=site.exchange.request_days)).isoformat()
        wanted = {"source_minor": swap.source_minor, "target_minor": swap.target_minor}
        turn.record("shortage_request", reference=case.rrn, until=until, **wanted)
        hosting.tell_host(
            turn, f"notes of {swap.target_minor} wanted for {swap.source_minor}, request {case.rrn}", RF=case.rrn,
            SW=f"{swap.source_minor}|{swap.target_minor}|{until}",
        )  # fmt: skip
        hosting.settle_case(turn, Reason.CUSTOMER_CANCELLED)
        values: dict[str, Any] = {"what": "exchange_notice", "reference": case.rrn, "note": "exchange_notice"}
        turn.put(Outcome(values | {"valid_until": until}))

    # ------------------------------------------------------------ one note

    @action
    def open_exchange(self, turn: Turn) -> None:
        """Open the case, with the notes that are set aside for it, before a note is taken."""
        swap, card = turn.get(Swap), turn.find(Card)
        hosting.open_case(
            turn, "exchange", turn.site.money(swap.source_minor), card.track2 if card else None,
            posting=Posting.NOTHING.value, picks=dict(swap.picks),
        )  # fmt: skip
        turn.put(NotesWanted("exchange", (swap.source_minor,), turn.site.money(0)))

    @guard
    def swap_payable(self, turn: Turn) -> bool:
        """Whether the notes set aside are still there and can be paid, and the note in escrow is the right one."""
        swap, have = turn.get(Swap), {s.unit: s.available for s in stock(turn)}
        right = turn.get(Case).held_minor == swap.source_minor
        return right and all(have.get(unit, 0) >= count for unit, count in swap.picks.items())

    @action
    def make_offer(self, turn: Turn) -> None:
        turn.record("offer_made", **self._terms(turn))

    @action
    def note_confirmed(self, turn: Turn) -> None:
        """From here on the customer is entitled to the notes offered (N-ENT-02)."""
        turn.record("offer_confirmed", **self._terms(turn))

    @staticmethod
    def _terms(turn: Turn) -> dict[str, object]:
        case = turn.get(Case)
        offered = turn.site.worth(dict(turn.get(Swap).picks)).minor
        return {"case": case.id, "received_minor": case.held_minor, "offered_minor": offered, "fee_minor": 0}

    @action
    def aim_exchange(self, turn: Turn) -> None:
        turn.put(replace(turn.get(Case), ordered=turn.get(Swap).picks))

    # ------------------------------------------------------------ settling

    @guard
    def exchange_uneven(self, turn: Turn) -> bool:
        """Whether what was taken in and what was paid differ, or nobody knows: a claim."""
        case = turn.get(Case)
        return case.unknown or bool(case.astray) or owed_minor(case, turn.site, turn.site.money(0)) > 0

    @action
    def settle_exchange(self, turn: Turn) -> None:
        case = turn.get(Case)
        done = turn.find(Exchanged)
        paid = turn.site.worth(dict(case.moved)).minor
        turn.put(Exchanged((done.minor if done else 0) + paid))
        hosting.settle_case(turn, Reason.NOTHING_DISPENSED)

    @action
    def refuse_exchange(self, turn: Turn) -> None:
        turn.put(Refusal("exchange_stopped" if turn.get(Case).given_back else "acceptor"))

    # ------------------------------------------------------------ views, paper

    @view("exchange_offer")
    def _exchange_offer(self, turn: Turn) -> Mapping[str, Any]:
        return {"amount": turn.site.money(turn.get(Case).held_minor), "picks": by_value(turn, turn.get(Swap).picks)}

    @view("exchange_shortage")
    def _exchange_shortage(self, turn: Turn) -> Mapping[str, Any]:
        swap = turn.get(Swap)
        options = [Option("chose_one", TELL_ME, "option.tell_me_when")]
        if swap.picks:
            named = " + ".join(
                f"{count} × {turn.money(locale_of(turn), turn.site.notes[unit].times(1))}"
                for unit, count in swap.picks.items()
            )
            options.insert(0, Option("chose_one", "nearest", "option.named", {"name": named}))
        return {"options": tuple(options)}

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the slip: notes in, notes out, what went back, and the claim if they differ."""
        say, site = say_in(turn), turn.site
        if not case.amount:
            return self._notice(turn, case)
        rows = head(turn, "receipt.title_exchange", case.rrn, case.card)
        rows.append(Rule())
        for text, counts in (("receipt.notes_in", case.vaulted), ("receipt.note_back", case.given_back)):
            for value, count in counts.items():
                what = say("receipt.notes", amount=money_of(turn, site.money(int(value))), count=count)
                rows.append(Columns(say(text), what))
        for unit, count in case.moved.items():
            what = say("receipt.notes", amount=money_of(turn, site.notes[unit].times(1)), count=count)
            rows.append(Columns(say("receipt.notes_out"), what, bold=True))
        rows += withheld_rows(turn, case)
        if self._claims(turn, case):
            owed = owed_minor(case, site, site.money(0))
            why = "claim_why.note_lost" if case.astray else "claim_why.unknown" if case.unknown else "claim_why.short"
            known = owed > 0 and not case.unknown and "0" not in case.astray
            rows += claim_rows(turn, case.rrn, why, site.money(owed) if known else None)
        return tuple(rows + tail(turn))

    @staticmethod
    def _notice(turn: Turn, case: Case) -> Document:
        """Return the slip of a request for notes that are short: which, until when it stands, how to ask."""
        say, site, swap = say_in(turn), turn.site, turn.get(Swap)
        source, target = (money_of(turn, site.money(minor)) for minor in (swap.source_minor, swap.target_minor))
        until = str(turn.get(Outcome).values.get("valid_until", ""))
        return (
            *head(turn, "receipt.title_notice", case.rrn, case.card),
            Rule(),
            Columns(say("receipt.wanted"), say("option.exchange_pair", source=source, target=target), bold=True),
            Columns(say("receipt.valid_until"), until),
            Text(say("receipt.notice_text", contact=site.contact)),
            *tail(turn),
        )

    @staticmethod
    def _claims(turn: Turn, case: Case) -> bool:
        return case.unknown or bool(case.astray) or owed_minor(case, turn.site, turn.site.money(0)) > 0
