"""Complaints: taken at the terminal, with one number and a date; and what became of one, or of a request for notes.

The terminal is the first that is asked, so it registers and sends nobody elsewhere (N-CPL-02, N-CPL-03). The number is
the reference of a case of its own, made and journalled here; the bank is told by a stored-and-forwarded message. So a
complaint can be made when the host is away, which is when people have reason to, and is registered exactly once. What
it is about is one word and, if the customer has a slip, its reference; journal and session are the evidence.

Whoever has the number may ask about it, with a card or without: the answer names a state and a date and nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from drivers.base.vocabulary import Columns, Document, QrCode, Rule, Text
from kiosk.flow.offers import action, guard
from kiosk.ports import Reason
from kiosk.services import hosting
from kiosk.services.case import Case, Posting
from kiosk.services.dispensing import stock
from kiosk.services.entering import Choices, Confirmation, NumberWanted, Outcome, chosen_value
from kiosk.services.facts import Answer, Card, Intent, Session, Typed
from kiosk.services.menu import Service
from kiosk.services.receipt import head, say_in, tail
from kiosk.turn import OfBusiness, Turn
from kiosk.view import Option

WAYS: Final = ("file", "status")
CATEGORIES: Final = ("cash", "card", "fee", "terminal", "staff", "other")
STATES: Final = ("received", "in_work", "with_supervisor", "answered", "wanted", "expired", "told")
RESULTS: Final = ("redress", "upheld", "not_upheld")
REFERENCE_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Complaint(OfBusiness):
    """What has been said so far: the category, the reference of the order it is about, and by when it is answered."""

    category: str = ""
    about: str = ""
    due: str = ""


class Complaints:
    """Guards and actions of the flow ``complaint``."""

    service: Final = Service("complaint", "complaint", ())

    # ------------------------------------------------------------ what about

    @action
    def offer_complaint_ways(self, turn: Turn) -> None:
        turn.put(Choices("complaint", tuple(Option("chose_one", way, f"option.complaint_{way}") for way in WAYS)))

    @guard
    def chose_to_complain(self, turn: Turn) -> bool:
        return chosen_value(turn) == "file"

    @action
    def offer_categories(self, turn: Turn) -> None:
        options = tuple(Option("chose_one", c, f"complaint.{c}") for c in CATEGORIES)
        turn.put(Choices("complaint_category", options))

    @action
    def take_category(self, turn: Turn) -> None:
        """Write down what is complained about, before anything else is asked."""
        turn.put(Complaint(chosen_value(turn)))
        turn.record("complaint_stated", session=_session(turn), category=chosen_value(turn))
        options = tuple(Option("chose_one", way, f"option.complaint_{way}") for way in ("with_slip", "without_slip"))
        turn.put(Choices("complaint_about", options))

    @guard
    def has_slip(self, turn: Turn) -> bool:
        return chosen_value(turn) == "with_slip"

    @action
    def ask_slip(self, turn: Turn) -> None:
        turn.put(NumberWanted("complaint_slip", REFERENCE_DIGITS, REFERENCE_DIGITS, hint="reference"))
        turn.put(Typed())

    @action
    def take_slip(self, turn: Turn) -> None:
        turn.put(Complaint(turn.get(Complaint).category, turn.get(Typed).digits))

    @action
    def prepare_complaint(self, turn: Turn) -> None:
        """Show what will be registered, and by when it is answered."""
        said, site = turn.get(Complaint), turn.site
        today = turn.now.astimezone(ZoneInfo(site.time_zone)).date()
        due = (today + timedelta(days=site.complaint.answer_days)).isoformat()
        turn.put(Complaint(said.category, said.about, due))
        values: dict[str, Any] = {
            "what": "complaint",
            "subject": say_in(turn)(f"complaint.{said.category}"),
            "due": due,
        }
        if said.about:
            values["about"] = said.about
        turn.put(Confirmation(values))

    # ------------------------------------------------------------ registering

    @action
    def register_complaint(self, turn: Turn) -> None:
        """Make the number, journal it, and have the bank told for certain: all in this step."""
        said, card = turn.get(Complaint), turn.find(Card)
        case = hosting.open_case(
            turn, "complaint", turn.site.money(0), card.track2 if card else None, posting=Posting.NOTHING.value,
        )  # fmt: skip
        turn.record(
            "complaint_registered", number=case.rrn, category=said.category, about=said.about, due=said.due,
            due_days=turn.site.complaint.answer_days, evidence=_session(turn),
        )  # fmt: skip
        hosting.tell_host(
            turn, f"complaint {case.rrn}, {said.category}", RF=case.rrn,
            CG="|".join((said.category, said.about, said.due, _session(turn))),
        )  # fmt: skip
        hosting.settle_case(turn, Reason.CUSTOMER_CANCELLED)
        values: dict[str, Any] = {"what": "complaint", "reference": case.rrn, "due": said.due, "note": "complaint"}
        turn.put(Outcome(values))

    # ------------------------------------------------------------ what became of it

    @action
    def ask_case_number(self, turn: Turn) -> None:
        turn.put(NumberWanted("case_number", REFERENCE_DIGITS, REFERENCE_DIGITS, hint="reference"))
        turn.put(Typed())

    @action
    def want_case_status(self, turn: Turn) -> None:
        number = turn.get(Typed).digits
        turn.put(
            Intent(
                "case_status", turn.site.money(0), private={"RF": number}, kept={"about": number}, anonymous=True
            )
        )  # fmt: skip

    @guard
    def case_told(self, turn: Turn) -> bool:
        return turn.get(Answer).extra.get("ST", "") in STATES

    @action
    def tell_case(self, turn: Turn) -> None:
        """Say where it is. A request for notes that are here now is fulfilled by saying so (N-EXC-12)."""
        extra = turn.get(Answer).extra
        number, state = turn.get(Typed).digits, extra["ST"]
        values: dict[str, Any] = {"what": "case_status", "state": state, "reference": number}
        if state in ("received", "in_work", "with_supervisor") and extra.get("DU"):
            values["due"] = extra["DU"]
        if state == "answered":
            result = extra.get("DE", "")
            values["note"] = f"complaint_{result}" if result in RESULTS else "complaint_ask"
        turn.record("case_told", about=number, state=state, overdue=extra.get("OV") == "1")
        if state == "wanted" and self._there(turn, extra):
            values |= {"state": "there_now", "note": "exchange_there_now"}
            turn.record("shortage_told", reference=number)
            hosting.tell_host(turn, f"notes wanted are there, request {number}", RF=number, SW="told")
        turn.put(Outcome(values))

    @staticmethod
    def _there(turn: Turn, extra: Mapping[str, str]) -> bool:
        """Whether this terminal has the notes that a request names (tag SW: source and target)."""
        source, _, target = extra.get("SW", "").partition("|")
        if not (source.isdigit() and target.isdigit() and int(target)):
            return False
        return sum(s.available for s in stock(turn) if s.value_minor == int(target)) >= int(source) // int(target)

    # ------------------------------------------------------------ paper

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the slip: the number, what was said, by when it is answered, and how to ask."""
        say, said, site = say_in(turn), turn.find(Complaint) or Complaint(), turn.site
        rows = [*head(turn, "receipt.title_complaint", case.rrn, case.card), Rule()]
        if said.category:
            rows.append(Columns(say("receipt.complaint_about"), say(f"complaint.{said.category}")))
        if said.about:
            rows.append(Columns(say("receipt.about"), said.about))
        if said.due:
            rows.append(Columns(say("receipt.answer_by"), said.due, bold=True))
        rows += [
            Text(say("receipt.complaint_text", contact=site.contact)),
            QrCode(f"KIOSK:{site.terminal_id}:{case.rrn}"),
        ]
        return tuple(rows + tail(turn))


def _session(turn: Turn) -> str:
    session = turn.find(Session)
    return session.id if session else ""
