"""Tickets: what is on, which performance, how many; the seats are held while the customer pays; the paper is the goods.

    catalogue -> hold -> confirm -> reserve the money (0210) -> print -> taken and found good -> post it (0220)

The sale is final only when the paper is verified (edge case 85): printed, taken, and not said to be spoiled. A spoiled
one is printed once more under the same ticket number, so that two papers are still one seat; after that the sale is
voided: the agency cancels the numbers, the seats are free, the reserved money is released. A paper of which nobody can
say where it is (the printer did not answer while drawing it back) is *suspect*: it stands, and somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from drivers.base.vocabulary import Align, Columns, Document, Element, Feed, PrintDocument, QrCode, Rule, Text
from kiosk.agreements import TICKET_AGENCY, Agreement
from kiosk.flow.offers import action, guard
from kiosk.money import Money
from kiosk.ports import Reason
from kiosk.services import hosting
from kiosk.services.agency import STATUS, agreement_of, agreements, minor_of, tell
from kiosk.services.case import Case, Posting, cash_stands
from kiosk.services.cash_in import Absent
from kiosk.services.cash_payment import cash_intent
from kiosk.services.change import Purse, cash_rows
from kiosk.services.dispensing import note
from kiosk.services.entering import Choices, Confirmation, chosen_value
from kiosk.services.facts import Answer, Intent, Refusal
from kiosk.services.menu import HOST, PAYER, Service
from kiosk.services.receipt import claim_rows, head, locale_of, money_of, paper_there, say_in, tail
from kiosk.turn import OfBusiness, Turn
from kiosk.view import Atom, Option

PRINTS_MAX: Final = 2  # the ticket, and once again under the customer's eyes
EVENTS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Show:
    """One performance of the agency's catalogue; `at` is local time as the agency writes it."""

    id: str
    at: str
    price_minor: int
    left: int
    name: str

    @property
    def when(self) -> str:
        return self.at.replace("T", " ")


@dataclass(frozen=True, slots=True)
class OnSale(OfBusiness):
    """The catalogue, as told at the beginning of this purchase."""

    shows: tuple[Show, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Tickets(OfBusiness):
    """What is being bought. `claim` makes the papers good and is only ever in their codes."""

    code: str
    show: Show | None = None
    hold: str = ""
    seats: tuple[str, ...] = ()
    amount: Money | None = None
    fee: Money | None = None
    numbers: tuple[str, ...] = ()
    claim: str = ""
    prints: int = 0
    voided: bool = False

    @property
    def shown(self) -> Show:
        assert self.show is not None, "chosen before this is asked"
        return self.show


def _catalogue(text: str) -> tuple[Show, ...]:
    """Read tag CT; rows that cannot be read are left out."""
    shows = []
    for row in text.split(";"):
        parts = row.split(",")
        if len(parts) != 5 or not (parts[2].isdigit() and parts[3].isdigit()):
            continue
        try:
            name = bytes.fromhex(parts[4]).decode()
        except ValueError:
            continue
        shows.append(Show(parts[0], parts[1], int(parts[2]), int(parts[3]), name))
    return tuple(shows)


def _agency(turn: Turn) -> Agreement:
    """Return whose tickets are sold: of this purchase, or the first agency that can be paid now.

    Without one the menu does not offer tickets.
    """
    tickets = turn.find(Tickets)
    return agreement_of(turn, tickets.code) if tickets is not None else agreements(turn, TICKET_AGENCY)[0]


class TicketSale:
    """Guards and actions of the flow ``ticket``."""

    service: Final = Service("ticket", "ticket", (PAYER, HOST, TICKET_AGENCY, "printer"))

    # ------------------------------------------------------------ what is on

    @action
    def want_catalogue(self, turn: Turn) -> None:
        code = _agency(turn).code
        turn.put(Tickets(code))
        turn.put(Intent("ticket_catalogue", turn.site.money(0), private={"BL": code, "LG": locale_of(turn)}))

    @action
    def refuse_no_paper(self, turn: Turn) -> None:
        """No paper, no ticket, so no payment (N-TKT-03)."""
        turn.put(Refusal("no_ticket_paper"))

    @guard
    def something_on(self, turn: Turn) -> bool:
        return bool(_catalogue(turn.get(Answer).extra.get("CT", "")))

    @action
    def refuse_sold_out(self, turn: Turn) -> None:
        turn.put(Refusal("sold_out"))

    @action
    def offer_events(self, turn: Turn) -> None:
        shows = _catalogue(turn.get(Answer).extra.get("CT", ""))
        turn.put(OnSale(shows))
        options = []
        for name in list(dict.fromkeys(s.name for s in shows))[: EVENTS_MAX - 1]:
            first = next(n for n, s in enumerate(shows) if s.name == name)
            left = sum(s.left for s in shows if s.name == name)
            why_not = "" if left else "sold_out"
            options.append(Option("chose_one", str(first), "option.named", {"name": name}, why_not=why_not))
        options.append(Option("chose_one", STATUS, "option.partner_status"))
        turn.put(Choices("ticket_event", tuple(options)))

    @action
    def offer_dates(self, turn: Turn) -> None:
        shows = turn.get(OnSale).shows
        name = shows[int(chosen_value(turn))].name
        options = []
        for place, show in enumerate(shows):
            if show.name == name:
                price = money_of(turn, turn.site.money(show.price_minor))
                details: dict[str, Atom] = {"date": show.when, "price": price, "left": show.left}
                why_not = "" if show.left else "sold_out"
                options.append(Option("chose_one", str(place), "option.performance", details, why_not=why_not))
        turn.put(Choices("ticket_date", tuple(options[:EVENTS_MAX])))

    @action
    def offer_counts(self, turn: Turn) -> None:
        show = turn.get(OnSale).shows[int(chosen_value(turn))]
        turn.put(replace(turn.get(Tickets), show=show))
        most = min(_agency(turn).tickets_max, show.left)
        options = tuple(
            Option("chose_one", str(n), "option.tickets", {"count": n}) for n in range(1, most + 1)
        )  # fmt: skip
        turn.put(Choices("ticket_count", options))

    # ------------------------------------------------------------ the hold

    @action
    def want_hold(self, turn: Turn) -> None:
        tickets, count = turn.get(Tickets), chosen_value(turn)
        bought = f"{tickets.code}|{tickets.shown.id}|{count}"
        tell(turn, "place_chosen", show=tickets.shown.id, places=int(count), places_left=tickets.shown.left)
        turn.put(Intent("ticket_hold", turn.site.money(0), private={"BL": bought}, kept={"show": tickets.shown.id}))

    @action
    def note_no_places(self, turn: Turn) -> None:
        """Write down that the agency holds no places."""
        refusal = turn.find(Refusal)
        reason = refusal.reason if refusal else "no_answer"
        tell(turn, "partner_unable", partner=turn.get(Tickets).code, reason=reason)

    @guard
    def seats_held(self, turn: Turn) -> bool:
        """Whether seats, price and commission were told; without them nothing is confirmed."""
        answer = turn.get(Answer)
        told = minor_of(answer, "AM") and minor_of(answer, "FE") is not None
        return bool(told and answer.extra.get("HD") and answer.extra.get("SE"))

    @guard
    def seats_within_limits(self, turn: Turn) -> bool:
        limits, amount = _agency(turn).limits, minor_of(turn.get(Answer), "AM") or 0
        return limits.least_minor <= amount <= limits.most_minor

    @action
    def refuse_ticket_limits(self, turn: Turn) -> None:
        turn.put(Refusal("out_of_limits"))

    @action
    def prepare_tickets(self, turn: Turn) -> None:
        answer, site = turn.get(Answer), turn.site
        amount, fee = site.money(minor_of(answer, "AM") or 0), site.money(minor_of(answer, "FE") or 0)
        seats = tuple(answer.extra["SE"].split(","))
        tickets = replace(turn.get(Tickets), hold=answer.extra["HD"], seats=seats, amount=amount, fee=fee)
        turn.put(tickets)
        turn.put(Purse(tickets.code, amount + fee))
        stock = paper_there(turn)
        tell(
            turn,
            "places_held",
            show=tickets.shown.id,
            places=len(seats),
            hold=tickets.hold,
            stock=stock,
            electronic=False,
        )
        values: dict[str, Any] = {
            "what": "ticket", "amount": amount, "fee": fee, "total": amount + fee, "subject": tickets.shown.name,
            "date": tickets.shown.when, "seats": " ".join(seats), "partner": _agency(turn).called(locale_of(turn)),
        }  # fmt: skip
        turn.put(Confirmation(values))

    @action
    def note_confirmed_tickets(self, turn: Turn) -> None:
        tickets = turn.get(Tickets)
        assert tickets.amount is not None
        fee = tickets.fee.minor if tickets.fee else 0
        tell(turn, "sale_confirmed", partner=tickets.code, amount_minor=tickets.amount.minor, fee_minor=fee)

    @action
    def want_release(self, turn: Turn) -> None:
        tickets = turn.get(Tickets)
        tell(turn, "places_freed", hold=tickets.hold)
        turn.put(Intent("ticket_release", turn.site.money(0), private={"BL": f"{tickets.code}|{tickets.hold}"}))

    # ------------------------------------------------------------ the money

    @staticmethod
    def _bought(tickets: Tickets) -> tuple[str, dict[str, str]]:
        """Return tag BL, and what goes into the record."""
        bought = f"{tickets.code}|{tickets.shown.id}|{len(tickets.seats)}|{tickets.hold}"
        return bought, {"to": tickets.code, "show": tickets.shown.id, "seats": " ".join(tickets.seats)}

    @action
    def want_tickets(self, turn: Turn) -> None:
        tickets = turn.get(Tickets)
        assert tickets.amount is not None
        bought, kept = self._bought(tickets)
        turn.drop(Answer)
        turn.put(
            Intent("purchase", tickets.amount, Posting.DELIVERY, fee=tickets.fee, private={"BL": bought}, kept=kept)
        )

    @action
    def want_cash_tickets(self, turn: Turn) -> None:
        tickets = turn.get(Tickets)
        assert tickets.amount is not None
        bought, kept = self._bought(tickets)
        cash_intent(turn, "purchase", tickets.amount, tickets.fee, bought, **kept)

    @guard
    def tickets_told(self, turn: Turn) -> bool:
        """Whether the agency told a number for each seat and what makes them good."""
        extra = turn.get(Answer).extra
        return bool(extra.get("CL")) and len(extra.get("TN", "").split(",")) == len(turn.get(Tickets).seats)

    # ------------------------------------------------------------ the paper

    @action
    def keep_tickets(self, turn: Turn) -> None:
        extra = turn.get(Answer).extra
        numbers = tuple(extra["TN"].split(","))
        turn.put(replace(turn.get(Tickets), numbers=numbers, claim=extra["CL"]))
        tell(turn, "agency_confirmed", case=turn.get(Case).id, tickets=list(numbers))

    @action
    def print_ticket(self, turn: Turn) -> None:
        tickets = turn.get(Tickets)
        turn.put(replace(tickets, prints=tickets.prints + 1))
        turn.order("printer", PrintDocument(ticket=turn.ticket("ticket"), document=self._paper(turn)))

    @action
    def note_ticket_spoiled(self, turn: Turn) -> None:
        result = turn.event.payload
        self._spoiled(turn, result.outcome.value, result.error or "")

    @action
    def note_ticket_unreadable(self, turn: Turn) -> None:
        self._spoiled(turn, "customer", "unreadable")

    @action
    def note_ticket_left(self, turn: Turn) -> None:
        """The paper was not taken: it goes back into the terminal, and is not printed again."""
        tell(turn, "ticket_spoiled", case=turn.get(Case).id, outcome="customer", error="not_taken", final=True)

    def _spoiled(self, turn: Turn, outcome: str, error: str) -> None:
        final = not self.may_reprint(turn)
        tell(turn, "ticket_spoiled", case=turn.get(Case).id, outcome=outcome, error=error, final=final)

    @guard
    def sale_void(self, turn: Turn) -> bool:
        return turn.get(Tickets).voided

    @guard
    def may_reprint(self, turn: Turn) -> bool:
        return turn.get(Tickets).prints < PRINTS_MAX and paper_there(turn)

    @action
    def finish_sale(self, turn: Turn) -> None:
        """The paper is in the customer's hand and good: the sale is final, and the money is posted.

        Notes are posted when the change is out.
        """
        case = turn.get(Case)
        assert case.approved is not None
        note(turn, "delivered", minor=case.approved.minor)
        tell(turn, "ticket_issued", case=case.id, tickets=list(turn.get(Tickets).numbers))
        if not case.posting.takes_cash:
            hosting.settle_case(turn, Reason.NOTHING_DISPENSED)

    @action
    def finish_unsure(self, turn: Turn) -> None:
        """Nobody knows whether the customer has the paper: it stands, and somebody looks."""
        case = turn.get(Case)
        assert case.approved is not None
        note(turn, "delivered", minor=case.approved.minor, outcome="unknown")
        hosting.settle_case(turn, Reason.NOTHING_DISPENSED)

    @action
    def void_sale(self, turn: Turn) -> None:
        self._void(turn, Reason.NOTHING_DISPENSED)

    @action
    def void_retracted(self, turn: Turn) -> None:
        self._void(turn, Reason.RETRACTED)

    @action
    def void_untold(self, turn: Turn) -> None:
        self._void(turn, Reason.BAD_ANSWER)

    @staticmethod
    def _void(turn: Turn, reason: Reason) -> None:
        """Void the sale. Notes are given back first, and nothing is paid out where nobody took the ticket."""
        tickets, case = turn.get(Tickets), turn.get(Case)
        turn.put(replace(tickets, voided=True))
        tell(turn, "sale_voided", case=case.id, tickets=list(tickets.numbers))
        if not case.posting.takes_cash:
            hosting.settle_case(turn, reason)
        elif reason is Reason.RETRACTED:
            turn.put(Absent())

    def _paper(self, turn: Turn) -> Document:
        """Return the tickets: one code each, on one strip."""
        say, tickets, case = say_in(turn), turn.get(Tickets), turn.get(Case)
        show = tickets.shown
        rows: list[Element] = [
            Text(_agency(turn).called(locale_of(turn)), Align.CENTER, bold=True),
            Text(show.name, Align.CENTER, bold=True, scale=2),
            Columns(say("receipt.show_date"), show.when, bold=True),
        ]
        for number, seat in zip(tickets.numbers, tickets.seats, strict=True):
            rows += [
                Rule(),
                Columns(say("receipt.seat"), seat, bold=True),
                Columns(say("receipt.ticket_no"), number),
                QrCode(f"TICKET:{number}:{tickets.claim}"),
            ]
        rows += [Rule(), *_paid_rows(turn, case), Columns(say("receipt.reference"), case.rrn)]
        return (*rows, Text(say("receipt.ticket_text"), Align.CENTER), Feed(2))

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the receipt of a purchase; it is no ticket, and says when a ticket has been voided."""
        say, tickets, contact = say_in(turn), turn.find(Tickets), turn.site.contact
        rows = head(turn, "receipt.title_ticket", case.rrn, case.card)
        if tickets is not None and tickets.show is not None:
            rows += [
                Rule(), Columns(say("receipt.show"), tickets.show.name),
                Columns(say("receipt.show_date"), tickets.show.when),
                Columns(say("receipt.seat"), " ".join(tickets.seats)),
            ]  # fmt: skip
        if case.approved is None:
            text = "receipt.unconfirmed_text" if case.failed in ("silent", "mismatch") else "receipt.refused_text"
            rows += [Rule(), Text(say(text, contact=contact))]
        elif tickets is not None and tickets.voided:
            rows += [Columns(say("receipt.ticket_no"), number) for number in tickets.numbers]
            rows += [*cash_rows(turn, case), Rule(), Text(say("receipt.ticket_voided", contact=contact))]
        elif case.posting.takes_cash and not cash_stands(case):
            rows += [*cash_rows(turn, case), Rule(), Text(say("receipt.not_paid_text", contact=contact))]
        else:
            rows += [*_paid_rows(turn, case), *cash_rows(turn, case)]
            if case.suspect and not case.posting.takes_cash:
                rows += claim_rows(turn, case.rrn, "claim_why.goods")
        return tuple(rows + tail(turn))


def _paid_rows(turn: Turn, case: Case) -> list[Element]:
    say = say_in(turn)
    rows: list[Element] = [Columns(say("receipt.amount"), money_of(turn, case.amount))]
    if case.fee:
        rows.append(Columns(say("receipt.commission"), money_of(turn, case.fee)))
    total = case.amount + case.fee if case.fee else case.amount
    return [*rows, Columns(say("receipt.total"), money_of(turn, total), bold=True)]
