"""One customer's visit: the card, the PIN, the menu, the card's way back, paper, and the terminal around it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from drivers.base.vocabulary import (
    AcceptCard,
    CardInserted,
    DenyCard,
    EjectCard,
    EnterData,
    EnterPin,
    PinDigits,
    Reset,
    ResetResult,
    RetainCard,
    RetainCardResult,
    StopKeys,
)
from kiosk.flow.offers import action, choice, guard, view
from kiosk.ports import Input
from kiosk.services.case import Case
from kiosk.services.facts import (
    Card,
    CardGone,
    Chosen,
    DispenserOut,
    MenuPage,
    OpenCases,
    PathUnsure,
    Pin,
    PinEntry,
    Rated,
    ReaderUnsure,
    Session,
    SlotOpening,
)
from kiosk.services.menu import CARD, WHY_NOT, Line, Menu
from kiosk.services.receipt import say_in
from kiosk.turn import Language, OfBusiness, OfVisit, Turn
from kiosk.view import Option

NEEDED = ("card_reader", "pin_pad")  # without these no customer is served; the menu says what else is wanted for what
MENU_PLACES = 8
SCORES = ("1", "2", "3", "4", "5")
CARDLESS_SHOWN = 3  # on the first screen


def expired(expiry: str, now: datetime, zone: str) -> bool:
    """Whether a card's YYMM lies before this month. Two-digit years are of this century."""
    here = now.astimezone(ZoneInfo(zone))
    return int(expiry) < (here.year % 100) * 100 + here.month


class Sessions:
    """Guards, actions and views of ``terminal``, ``session``, ``authenticate`` and ``return_card``."""

    def __init__(self, menu: Menu) -> None:
        self._menu = menu

    # ------------------------------------------------------------ the terminal

    @guard
    def parts_known(self, turn: Turn) -> bool:
        """Whether every device has answered or was found absent."""
        return all(turn.fitness.known(d) for d in turn.fitness.installed)

    @guard
    def can_serve(self, turn: Turn) -> bool:
        return not self._why_not(turn)

    def _why_not(self, turn: Turn) -> str:
        """Return why the terminal cannot serve, as a text id; empty if it can."""
        for device in NEEDED:
            if not turn.fitness.usable(device):
                return device
        if turn.fitness.host_online and not turn.fitness.pin_key_loaded:
            return "pin_pad"
        lines = self._menu.lines(turn, card=True)
        if any(line.offered and self._menu.needs(line.service) for line in lines):
            return ""  # what needs nothing at all does not keep a terminal in service
        return next((line.cause for line in lines if line.place == "disabled"), "other")

    def _cards_served(self, turn: Turn) -> bool:
        """Whether anything is offered to who has a card; without the host only what needs no account is."""
        offered = (line.service for line in self._menu.lines(turn, card=True) if line.offered)
        return any(CARD in self._menu.needs(name) for name in offered)

    @view("out_of_service")
    def _out_of_service(self, turn: Turn) -> Mapping[str, Any]:
        return {"reason": self._why_not(turn) or "other"}

    @guard
    def card_left_inside(self, turn: Turn) -> bool:
        """Whether the reader found a card at power-up, or lost one in a session."""
        if not turn.fitness.present("card_reader"):
            return False
        return turn.fitness.supplies("card_reader").get("media") == "present" or turn.find(ReaderUnsure) is not None

    @action
    def reset_reader(self, turn: Turn) -> None:
        """Bring the reader to rest; a card found inside goes where the site says (edge case 99)."""
        media = "exit" if turn.site.card_found_at_start == "eject" else "retain"
        turn.order("card_reader", Reset(ticket=turn.ticket("reset"), media=media))

    @action
    def note_reader_reset(self, turn: Turn) -> None:
        result = turn.event.payload
        assert isinstance(result, ResetResult)
        turn.drop(ReaderUnsure)
        if result.card_inside or result.retained:
            turn.record("card_found", retained=result.retained)

    @guard
    def card_good(self, turn: Turn) -> bool:
        """Whether the card that came in is one that is served."""
        return not turn.get(Card).error

    @guard
    def reader_occupied(self, turn: Turn) -> bool:
        """Whether the reader will not open because a card is in it."""
        return bool(turn.event.payload.error == "occupied")

    @action
    def doubt_reader(self, turn: Turn) -> None:
        """The reader does not open its slot: it is reset before the next customer."""
        turn.put(ReaderUnsure())

    # ------------------------------------------------------------ the session

    @action
    def open_session(self, turn: Turn) -> None:
        turn.forget(OfVisit)
        if not turn.fitness.usable("dispenser"):
            turn.put(DispenserOut())
        cardless = [line.service for line in self._menu.lines(turn, card=False) if line.offered]
        turn.record("help_shown", contact=turn.site.contact, complaints="complaint" in cardless)
        turn.put(SlotOpening())
        turn.order("card_reader", AcceptCard(ticket=turn.ticket("accept")))

    @action
    def note_slot_open(self, turn: Turn) -> None:
        turn.drop(SlotOpening)

    @guard
    def slot_opening(self, turn: Turn) -> bool:
        """Whether the reader still owes its answer to the order to take a card."""
        return turn.find(SlotOpening) is not None

    @action
    def begin_session(self, turn: Turn) -> None:
        """A card is in: a session has begun."""
        self._begin(turn, self._why_not_card(turn))

    @action
    def begin_late(self, turn: Turn) -> None:
        """A card came while the slot was closing: served only if the terminal still serves."""
        self._begin(turn, self._why_not_card(turn) or ("other" if self._why_not(turn) else ""))

    @action
    def begin_unheard(self, turn: Turn) -> None:
        """Begin a session with a card whose insertion was not heard of, to give it back."""
        self._begin(turn, "unreadable")

    @staticmethod
    def _begin(turn: Turn, refused: str) -> None:
        event = turn.event.payload
        track2 = event.track2 if isinstance(event, CardInserted) else None
        session = Session(turn.ticket("session"), turn.now_ms)
        turn.put(session)
        turn.put(Card(track2, refused))
        card = track2.masked if track2 else ""
        turn.record("session_begun", session=session.id, card=card, refused=refused)

    @action
    def begin_cardless(self, turn: Turn) -> None:
        """Somebody without a card has chosen what needs none: a session has begun."""
        session = Session(turn.ticket("session"), turn.now_ms)
        turn.put(session)
        turn.record("session_begun", session=session.id, refused="no_card")

    @guard
    def cardless(self, turn: Turn) -> bool:
        """Whether nobody's card was in during this session."""
        return turn.find(Card) is None and turn.find(CardGone) is None

    @guard
    def card_welcome(self, turn: Turn) -> bool:
        return not self._why_not_card(turn)

    def _why_not_card(self, turn: Turn) -> str:
        """Return why a card is not served, before any PIN (edge cases 6, 7); a text id, empty if it is."""
        event = turn.event.payload
        assert isinstance(event, CardInserted)
        if event.track2 is None:
            return "unreadable"
        if not event.track2.pan.starts_with(tuple(turn.site.cards.accepted_prefixes)):
            return "not_accepted"
        if not self._cards_served(turn):
            return "host_offline"  # edge case 35
        if expired(event.track2.expiry, turn.now, turn.site.time_zone):
            return "expired"
        return ""

    @action
    def deny_card(self, turn: Turn) -> None:
        turn.order("card_reader", DenyCard(ticket=turn.ticket("deny")))

    @action
    def end_session(self, turn: Turn) -> None:
        """Forget the customer: card data and PIN block go with the facts."""
        session = turn.find(Session)
        if session is not None:
            turn.record("session_ended", session=session.id)
        turn.forget(OfVisit)

    @action
    def set_language(self, turn: Turn) -> None:
        chosen = turn.event.payload
        assert isinstance(chosen, Input)
        if chosen.value in turn.site.languages:
            turn.put(Language(chosen.value))

    @action
    def note_dispenser_out(self, turn: Turn) -> None:
        turn.put(DispenserOut())

    @guard
    def dispenser_back(self, turn: Turn) -> bool:
        """Whether the dispenser works again and has not been brought to rest since."""
        return turn.find(DispenserOut) is not None and turn.fitness.usable("dispenser")

    @guard
    def service_offered(self, turn: Turn) -> bool:
        """Whether the service chosen is offered at this instant."""
        chosen = turn.event.payload
        return isinstance(chosen, Input) and any(
            line.offered and line.service == chosen.value for line in self._menu.lines(turn)
        )

    @guard
    def cardless_served(self, turn: Turn) -> bool:
        """Whether there is something to choose without a card."""
        return any(line.offered for line in self._menu.lines(turn, card=False))

    @action
    def note_service(self, turn: Turn) -> None:
        chosen = turn.event.payload
        assert isinstance(chosen, Input)
        turn.forget(OfBusiness)
        turn.put(Chosen(chosen.value))
        turn.record("service_chosen", session=self._session(turn), service=chosen.value)

    @choice
    def chosen_service(self, turn: Turn) -> str:
        """Return the flow of the service that the customer chose."""
        return self._menu.flow(turn.get(Chosen).service)

    @action
    def turn_page(self, turn: Turn) -> None:
        page = turn.find(MenuPage) or MenuPage()
        turn.put(MenuPage(page.number + 1))

    @guard
    def card_inside(self, turn: Turn) -> bool:
        return turn.find(Card) is not None

    @action
    def forget_business(self, turn: Turn) -> None:
        """Another transaction: the card and the PIN stay, what was asked for goes."""
        turn.forget(OfBusiness)

    @view("idle")
    def _idle(self, turn: Turn) -> Mapping[str, Any]:
        supplies = turn.fitness.supplies("printer") if turn.fitness.usable("printer") else {"paper": "out"}
        offered = [line.service for line in self._menu.lines(turn, card=True) if line.offered]
        cardless = [line.service for line in self._menu.lines(turn, card=False) if line.offered]
        say, cards = say_in(turn), self._cards_served(turn)
        buttons = [
            Option("chose_service", name, "idle.without_card", {"name": say(f"service.{name}")}) for name in cardless
        ]
        if len(buttons) > CARDLESS_SHOWN:
            buttons = [*buttons[: CARDLESS_SHOWN - 1], Option("chose_without_card", "", "idle.cardless")]
        values: dict[str, Any] = {
            "call": "card" if cards else "cardless",
            "about": "card" if cards else "cardless",
            "services": tuple(offered),
            "cardless": tuple(buttons),
        }
        if supplies.get("paper") == "out":
            values["notice"] = "no_receipt"
        return values

    @view("menu")
    def _menu_screen(self, turn: Turn) -> Mapping[str, Any]:
        """Show the menu in pages: the last place of a page turns it, behind the last page comes the first."""
        lines = [line for line in self._menu.lines(turn) if line.place != "hidden"]
        options = [self._option(line) for line in lines]
        if len(options) > MENU_PLACES:
            each = MENU_PLACES - 1
            pages = -(-len(options) // each)
            start = (turn.find(MenuPage) or MenuPage()).number % pages * each
            options = [*options[start : start + each], Option("chose_more", "", "menu.more")]
        return {"options": tuple(options)}

    @staticmethod
    def _option(line: Line) -> Option:
        why_not = "" if line.offered else WHY_NOT.get(line.cause, "unavailable")
        return Option("chose_service", line.service, f"service.{line.service}", why_not=why_not)

    @view("card_returned")
    def _card_returned(self, turn: Turn) -> Mapping[str, Any]:
        card = turn.find(Card)
        return {"reason": (card.error if card else "") or "other"}

    # ------------------------------------------------------------ PIN

    @action
    def ask_pin(self, turn: Turn) -> None:
        track2 = turn.get(Card).track2
        assert track2 is not None
        entry = turn.find(PinEntry) or PinEntry()
        turn.put(PinEntry(0, entry.tries_left, entry.wrong))
        turn.drop(Pin)
        turn.order(
            "pin_pad", EnterPin(ticket=turn.ticket("pin"), pan=track2.pan, key="TPK", within_ms=120_000)
        )  # the pad's own limit is a backstop: the chart asks "more time?" before

    @action
    def count_digits(self, turn: Turn) -> None:
        event = turn.event.payload
        assert isinstance(event, PinDigits)
        entry = turn.find(PinEntry) or PinEntry()
        turn.put(PinEntry(event.count, entry.tries_left, entry.wrong))

    @action
    def keep_pin(self, turn: Turn) -> None:
        turn.put(Pin(turn.event.payload.block))

    @action
    def stop_keys(self, turn: Turn) -> None:
        turn.order("pin_pad", StopKeys(ticket=turn.ticket("stop")), heard=False)

    @action
    def open_keys(self, turn: Turn) -> None:
        """Let plain keys through: amounts, Enter, Cancel."""
        turn.order("pin_pad", EnterData(ticket=turn.ticket("keys")), heard=False)

    @guard
    def entry_timed_out(self, turn: Turn) -> bool:
        return bool(turn.event.payload.error == "entryTimeout")

    @guard
    def entry_cancelled(self, turn: Turn) -> bool:
        return bool(turn.event.payload.error == "cancelled")

    @view("enter_pin")
    def _enter_pin(self, turn: Turn) -> Mapping[str, Any]:
        entry = turn.find(PinEntry) or PinEntry()
        values: dict[str, Any] = {"digits": entry.digits}
        if entry.wrong and entry.tries_left is not None:
            values["tries_left"] = entry.tries_left
        return values

    # ------------------------------------------------------------ the card's way back

    @action
    def eject_card(self, turn: Turn) -> None:
        turn.order("card_reader", EjectCard(ticket=turn.ticket("eject")))

    @action
    def retain_card(self, turn: Turn) -> None:
        turn.order("card_reader", RetainCard(ticket=turn.ticket("retain")))

    @action
    def note_card_taken(self, turn: Turn) -> None:
        turn.record("card_taken", session=self._session(turn))
        turn.drop(Card, Pin)
        turn.put(CardGone("taken"))

    @action
    def note_card_retained(self, turn: Turn) -> None:
        result = turn.event.payload
        total = result.retained_total if isinstance(result, RetainCardResult) else None
        reference = self._session(turn)
        turn.record("card_retained", session=reference, total=total)
        turn.drop(Card, Pin)
        turn.put(CardGone("retained", reference))

    @action
    def note_card_stuck(self, turn: Turn) -> None:
        """Nobody can say whether the customer has the card: the reader is of no use until somebody comes."""
        result = turn.event.payload
        turn.record("card_stuck", session=self._session(turn), error=result.error, detail=result.detail)
        turn.drop(Card, Pin)
        turn.put(CardGone("stuck", self._session(turn)))
        turn.put(ReaderUnsure())

    @guard
    def card_stuck(self, turn: Turn) -> bool:
        """Whether nobody knows where this session's card is: the reader must be brought to rest first."""
        gone = turn.find(CardGone)
        return gone is not None and gone.how == "stuck"

    @guard
    def card_kept(self, turn: Turn) -> bool:
        """Whether this session's card was retained."""
        gone = turn.find(CardGone)
        return gone is not None and gone.how == "retained"

    @guard
    def media_gone(self, turn: Turn) -> bool:
        """Whether the reader says that the customer already has the card."""
        return turn.event.payload.error in ("noMedia", "mediaTaken")

    @view("card_retained")
    def _card_retained(self, turn: Turn) -> Mapping[str, Any]:
        gone = turn.find(CardGone)
        return {"reference": gone.reference if gone else self._session(turn)}

    @staticmethod
    def _session(turn: Turn) -> str:
        session = turn.find(Session)
        return session.id if session else ""

    # ------------------------------------------------------------ how it was

    @guard
    def rating_asked(self, turn: Turn) -> bool:
        """Whether a rating is taken now, and the value chosen is one: after an order, once."""
        chosen = turn.event.payload
        known = not isinstance(chosen, Input) or chosen.value in SCORES
        return known and turn.site.ask_rating and turn.find(Chosen) is not None and turn.find(Rated) is None

    @action
    def note_rating(self, turn: Turn) -> None:
        chosen = turn.event.payload
        assert isinstance(chosen, Input)
        turn.put(Rated(int(chosen.value)))
        turn.record("rated", session=self._session(turn), score=int(chosen.value), service=turn.get(Chosen).service)

    @view("goodbye")
    def _goodbye(self, turn: Turn) -> Mapping[str, Any]:
        """Ask for one touch if an order has ended; thank for it."""
        if turn.find(Rated) is not None:
            return {"thanks": "rated"}
        if not turn.site.ask_rating or turn.find(Chosen) is None:
            return {}
        options = tuple(Option("chose_rating", score, "option.named", {"name": score}) for score in SCORES)
        return {"scores": options}

    # ------------------------------------------------------------ settlement of what a restart found

    @guard
    def case_open(self, turn: Turn) -> bool:
        return turn.find(Case) is not None

    @guard
    def case_in_flight(self, turn: Turn) -> bool:
        case = turn.find(Case)
        return case is not None and case.in_flight

    @action
    def next_open_case(self, turn: Turn) -> None:
        """Take up the oldest case that a restart found open."""
        found = turn.find(OpenCases) or OpenCases()
        turn.drop(Case)
        if found.cases:
            turn.put(PathUnsure())
            turn.put(found.cases[0])
            turn.put(OpenCases(found.cases[1:]))
