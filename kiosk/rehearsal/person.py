"""A simulated person: looks at the screen, thinks, acts. A good customer unless the scenario says otherwise.

Deeds, by name: ``nothing``, ``walk_away`` (does nothing any more), ``insert_card``, ``take_card``, ``hold_card``
(blocks the mouth), ``key_pin`` (value: digits), ``press`` (value: a key of the pad), ``input`` (value: ``event`` or
``event=value``), ``type_amount`` (value: digits in major units), ``take_notes`` (count), ``take_document``, ``feed``
(value: a note, as in `feeds`), ``pull_note_back``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.sim.card_reader import MagneticCard
from drivers.sim.wire import Wire
from kiosk.money import minor_per_major
from kiosk.ports import Input
from kiosk.rehearsal.scenario import Deed, PersonForm
from kiosk.view import Option, View

REFUSALS_MAX: Final = 20  # so often a person tries a slot that takes no card
SHOWN_BEFORE: Final = "shown_before"  # what a person says who keys the reference that was shown last
PAGES_MAX: Final = 4  # so often a person turns the menu's pages in one visit


@dataclass(frozen=True)
class Wallet:
    """The card a person carries and the PIN they know."""

    track2: str
    pin: str
    account: str


class Hands(Protocol):
    """What a person can reach."""

    wires: Mapping[str, Wire]

    def touch(self, done: Input) -> None: ...

    def say(self, lane: str, text: str) -> None: ...


@dataclass
class Intent:
    """Something the person will do at an instant."""

    at_ms: int
    text: str
    act: Callable[[], None]


class Person:
    """One customer, who may come several times."""

    def __init__(self, form: PersonForm, wallet: Wallet, hands: Hands, seed: int, currency: str) -> None:
        self._form = form
        self._wallet = wallet
        self._hands = hands
        self._random = random.Random(seed)
        self._major = minor_per_major(currency)
        self._visits_left = form.visits
        self._seen: dict[str, int] = {}
        self._screen = ""
        self._last: tuple[int, str, bool] | None = None
        self._intent: Intent | None = None
        self._gone = False
        self._pages = 0
        self._refusals = 0
        self._feeds = list(form.feeds)
        self._reference = ""  # the last one that was shown

    @property
    def finished(self) -> bool:
        """Whether the person will do nothing any more unless a screen asks."""
        return self._intent is None and (self._gone or self._visits_left == 0)

    @property
    def visits_left(self) -> int:
        return 0 if self._gone else self._visits_left

    def next_deadline_ms(self) -> int | None:
        return self._intent.at_ms if self._intent else None

    def look(self, view: View, now_ms: int) -> None:
        """See what is shown; decide what to do about it."""
        shown = (view.serial, view.screen, view.asking_more_time)
        self._reference = str(view.values.get("reference") or self._reference)
        if shown == self._last or self._gone:
            return
        screen = "more_time" if view.asking_more_time else view.screen
        asked = f"{screen} {view.values.get('what', '')}"  # a general screen that asks for something else is another
        again = self._last is not None and asked == self._screen
        self._last, self._screen = shown, asked
        if not again:
            self._pages = 0
            self._seen[screen] = self._seen.get(screen, 0) + 1
        deed = self._deed(screen)
        if again and deed is not None:
            return  # the same screen of the next state: the deed is under way, or done
        think = self._form.think_ms + self._random.randrange(0, 200)
        if deed is not None:
            self._intend(now_ms + deed.after_ms, deed.do, lambda: self._do(deed, view))
            return
        act = self._habit(screen, view)
        self._intent = None
        if act is not None:
            self._intend(now_ms + think, screen, act)

    def act(self, now_ms: int) -> bool:
        """Do what is due. Returns whether something was done."""
        if self._intent is None or now_ms < self._intent.at_ms:
            return False
        intent, self._intent = self._intent, None
        self._hands.say("person", intent.text)
        intent.act()
        return True

    # ------------------------------------------------------------ deciding

    def _deed(self, screen: str) -> Deed | None:
        for deed in self._form.does:
            if deed.on == screen and deed.nth in (0, self._seen[screen]):
                return deed
        return None

    def _intend(self, at_ms: int, text: str, act: Callable[[], None]) -> None:
        self._intent = Intent(at_ms, text, act)

    def _habit(self, screen: str, view: View) -> Callable[[], None] | None:
        touch = self._hands.touch

        def post(event: str, value: str = "") -> Callable[[], None]:
            return lambda: touch(Input(event, value, view.serial))

        match screen:
            case "idle":
                if self._visits_left == 0:
                    return None
                if self._form.language and view.locale != self._form.language:
                    return lambda: self._switch_language(view)
                return (lambda: self._choose_cardless(view)) if self._form.cardless else self._insert_card
            case "enter_pin":
                return lambda: self._key_pin(self._form.pin or self._wallet.pin)
            case "menu":
                return self._choose_service(view)
            case "choose_one" | "enter_digits" | "enter_amount":
                return self._answer(view)
            case "confirm_order":
                return post("chose_yes")
            case (
                "completed"
                | "payment_returned"
                | "cash_owed"
                | "unconfirmed"
                | "pin_unknown"
                | "refused"
                | "note_withheld"
            ):
                return post("pressed_enter")
            case "balance" | "statement":
                return post(self._form.says.get(screen, "pressed_enter"))
            case "new_pin":
                return lambda: self._key_pin(self._form.new_pin)
            case "choose_amount":
                wanted = str(self._form.wants_minor)
                options = view.values.get("options", ())
                assert isinstance(options, tuple)
                if any(isinstance(o, Option) and o.value == wanted and not o.why_not for o in options):
                    return post("chose_amount", wanted)
                return post("chose_other_amount")
            case "other_amount":
                return lambda: self._type(str(self._form.wants_minor // self._major))
            case "not_payable":
                return post("pressed_cancel")
            case "choose_mix":
                return post("chose_mix", "0")
            case "no_receipt" | "partial_offer" | "check_ticket" | "reprint_ticket" | "cash_enough":
                return post("chose_yes")
            case "lower_offer" | "another":
                return post("chose_no")
            case "more_time":
                return post("more_time")
            case "take_card" | "card_retained" | "out_of_service":
                return self._take_card
            case "take_notes":
                return lambda: self._take_and_confirm(view)
            case "short_paid" | "suspect_case" | "not_charged":
                return self._take_notes
            case "insert_notes":
                return None if view.values.get("notice") == "reading" else lambda: self._feed_or_finish(view)
            case "note_offer":
                return post("deposit_confirmed")
            case "exchange_offer":
                return post("exchange_confirmed")
            case "exchange_shortage":
                return post("chose_one", self._form.says.get("exchange_shortage", "tell_me_when"))
            case "goodbye":
                said = self._form.says.get("goodbye", "")
                return post("chose_rating", said) if said and view.values.get("scores") else None
            case "another_note":
                return post("chose_yes" if self._feeds else "chose_no")
            case "take_back_notes":
                return lambda: self._take_back(view)
            case "take_receipt" | "take_ticket":
                return self._take_document
            case "receipt_on_screen":
                return post("chose_yes")
            case _:
                return None

    def _choose_service(self, view: View) -> Callable[[], None]:
        """Choose the wanted service; turn the page if it is on another; give up if it is not to be had."""
        options = [o for o in _options(view) if not o.why_not]
        for option in options:
            if option.event == "chose_service" and option.value == self._form.service:
                return lambda: self._hands.touch(Input(option.event, option.value, view.serial))
        if self._pages < PAGES_MAX and any(o.event == "chose_more" for o in options):
            return lambda: self._turn_page(view)
        return lambda: self._hands.touch(Input("pressed_cancel", "", view.serial))

    def _turn_page(self, view: View) -> None:
        self._pages += 1
        self._hands.touch(Input("chose_more", "", view.serial))

    def _answer(self, view: View) -> Callable[[], None]:
        """Answer a general screen by what the scenario says to the word it asks with."""
        asked = str(view.values.get("what", ""))
        said = self._form.says.get(asked, "")
        if said == SHOWN_BEFORE:
            said = self._reference
        if view.screen == "choose_one":
            options = [o for o in _options(view) if not o.why_not]
            chosen = next((o for o in options if o.value == said), options[0])
            return lambda: self._hands.touch(Input(chosen.event, chosen.value, view.serial))
        if view.screen == "enter_amount" and not said:
            said = str(self._form.wants_minor // self._major)
        return lambda: self._type(said)

    def _switch_language(self, view: View) -> None:
        self._hands.touch(Input("chose_language", self._form.language, view.serial))
        self._last = None  # the same screen, in other words: look again

    # ------------------------------------------------------------ doing

    def _do(self, deed: Deed, view: View) -> None:
        match deed.do:
            case "nothing":
                pass
            case "walk_away":
                self._gone = True
            case "insert_card":
                self._insert_card()
            case "insert_wrong_way":
                self._visits_left -= 1
                self._hands.wires["card_reader"].act("insert_wrong_way", track2=self._wallet.track2)
            case "take_card":
                self._take_card()
            case "hold_card":
                self._try("card_reader", "block_exit")
            case "key_pin":
                self._key_pin(deed.value)
            case "press":
                self._hands.wires["pin_pad"].act("press", key=deed.value)
            case "input":
                event, _, value = deed.value.partition("=")
                self._hands.touch(Input(event, value, view.serial))
            case "type_amount":
                self._type(deed.value)
            case "take_notes":
                self._take_notes(deed.count)
            case "take_document":
                self._take_document()
            case "feed":
                self._feed(deed.value)
            case "show_code":
                self._show_code(deed.value)
            case "pull_note_back":
                self._try("note_acceptor", "pull_note_back")
            case _:
                raise ValueError(f"no such deed: {deed.do!r}")

    def _insert_card(self) -> None:
        """Put the card in; where it does not go in, look again, but not for ever."""
        if self._try("card_reader", "insert_card", card=MagneticCard(track2=self._wallet.track2)):
            self._visits_left -= 1
            return
        self._last = None
        self._refusals += 1
        self._gone = self._refusals >= REFUSALS_MAX

    def _choose_cardless(self, view: View) -> None:
        """Choose the service if it has a button here, else see what there is without a card."""
        self._visits_left -= 1
        options = view.values.get("cardless", ())
        more = isinstance(options, tuple) and any(
            isinstance(o, Option) and o.event == "chose_without_card" for o in options
        )
        here = isinstance(options, tuple) and any(
            isinstance(o, Option) and o.value == self._form.service for o in options
        )
        if more and not here:
            self._hands.touch(Input("chose_without_card", "", view.serial))
        else:
            self._hands.touch(Input("chose_service", self._form.service, view.serial))

    def _key_pin(self, pin: str) -> None:
        self._hands.wires["pin_pad"].act("press_pin", pin=pin, then="enter")

    def _type(self, digits: str) -> None:
        for digit in digits:
            self._hands.wires["pin_pad"].act("press", key=digit)
        self._hands.wires["pin_pad"].act("press", key="enter")

    def _take_card(self) -> None:
        self._try("card_reader", "take_card")

    def _take_notes(self, count: int | None = None) -> None:
        if count is None:
            self._try("dispenser", "take_notes")
        else:
            self._try("dispenser", "take_notes", n=count)

    def _take_and_confirm(self, view: View) -> None:
        self._take_notes()
        if view.values.get("confirm"):
            self._hands.touch(Input("notes_taken_confirmed", "", view.serial))

    def _take_document(self) -> None:
        self._try("printer", "take_document")

    def _feed_or_finish(self, view: View) -> None:
        """Take what was given back, feed the next note of the wallet, and say so when there is none."""
        if self._feeds:
            self._feed(self._feeds.pop(0))
        else:
            self._try("note_acceptor", "take_note")
            self._hands.touch(Input("pressed_enter", "", view.serial))

    def _feed(self, what: str) -> None:
        value, _, quality = what.partition(" ")
        self._try("note_acceptor", "take_note")
        self._try("note_acceptor", "insert_note", value=int(value), quality=quality or "good")

    def _show_code(self, data: str) -> None:
        self._try("barcode_scanner", "show_code", data=data)

    def _take_back(self, view: View) -> None:
        self._try("note_acceptor", "take_note")
        if view.values.get("confirm"):
            self._hands.touch(Input("notes_taken_confirmed", "", view.serial))

    def _try(self, device: str, name: str, **arguments: object) -> bool:
        """Reach for something that may not be there. Returns whether it was."""
        try:
            self._hands.wires[device].act(name, **arguments)
        except ValueError as error:
            self._hands.say("person", f"finds nothing: {error}")
            return False
        return True


def _options(view: View) -> list[Option]:
    options = view.values.get("options", ())
    return [o for o in options if isinstance(o, Option)] if isinstance(options, tuple) else []


def wallet_of(card: Mapping[str, object]) -> Wallet:
    """Return what the holder of a card of the bank's data carries. The service code says: stripe, PIN."""
    return Wallet(f"{card['pan']}={card['expiry']}2060000000000", str(card["pin"]), str(card["account"]))
