"""PIN change: the new PIN is keyed twice into the pad, and the host puts it in force.

The application never sees a PIN: the two entries and the old one are compared by their encrypted blocks, which are
equal for equal PINs as long as they were made under one key for one card (ISO 9564-1 format 0). Whether a new PIN is
too easily guessed (1234, 1111, a birthday) only the bank can see; it refuses it, and the customer keys another.

What nobody can know is whether a PIN is in force whose change was not answered. There is no reversal of a PIN change
in this message set, and a guess in either direction would be a lie; so the customer is told just that, on screen and
paper, and what to do: try the new one first, then the old one (edge case 30).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.base.secrets import PinBlock
from drivers.base.vocabulary import Document, EnterPin, PinDigits, Rule, Text
from kiosk.flow.offers import action, guard, view
from kiosk.services.case import Case
from kiosk.services.entering import Outcome
from kiosk.services.facts import Answer, Card, Intent, Pin, Refusal
from kiosk.services.hosting import WEAK_PIN
from kiosk.services.menu import CARD, HOST, Service
from kiosk.services.receipt import head, say_in, tail
from kiosk.turn import OfBusiness, Turn

ROUNDS_MAX: Final = 3  # so often two entries may differ; then the customer is not in a state to remember a new PIN


@dataclass(frozen=True, slots=True)
class NewPin(OfBusiness):
    """The entries of this round, how many digits are in, and what was wrong with the round before."""

    first: PinBlock | None = None
    second: PinBlock | None = None
    digits: int = 0
    rounds: int = 0
    error: str = ""


class PinChange:
    """Guards, actions and views of the flows ``pin_change`` and ``key_new_pin``."""

    service: Final = Service("pin_change", "pin_change", (CARD, HOST, "pin_pad"))

    @action
    def ask_new_pin(self, turn: Turn) -> None:
        track2 = turn.get(Card).track2
        assert track2 is not None
        if turn.find(NewPin) is None:
            turn.put(NewPin())
        turn.order("pin_pad", EnterPin(ticket=turn.ticket("pin"), pan=track2.pan, key="TPK", within_ms=120_000))

    @action
    def count_new_digits(self, turn: Turn) -> None:
        event, new = turn.event.payload, turn.get(NewPin)
        assert isinstance(event, PinDigits)
        turn.put(NewPin(new.first, new.second, event.count, new.rounds, new.error))

    @action
    def keep_new_pin(self, turn: Turn) -> None:
        """Keep an entry: the first, or behind it the second."""
        new, block = turn.get(NewPin), turn.event.payload.block
        if new.first is None:
            turn.put(NewPin(block, None, 0, new.rounds))
        else:
            turn.put(NewPin(new.first, block, 0, new.rounds))

    @guard
    def same_as_old(self, turn: Turn) -> bool:
        return turn.get(NewPin).first == turn.get(Pin).block

    @guard
    def entries_agree(self, turn: Turn) -> bool:
        new = turn.get(NewPin)
        return new.first is not None and new.first == new.second

    @guard
    def rounds_left(self, turn: Turn) -> bool:
        return turn.get(NewPin).rounds + 1 < ROUNDS_MAX

    @action
    def start_round(self, turn: Turn) -> None:
        """Begin again, and say why."""
        new, weak = turn.get(NewPin), self.new_pin_weak(turn)
        error = "same_as_old" if new.second is None else "weak" if weak else "differ"
        turn.put(NewPin(rounds=new.rounds + 1, error=error))
        turn.drop(Refusal)

    @guard
    def new_pin_weak(self, turn: Turn) -> bool:
        """Whether the bank refused the new PIN because anybody would guess it."""
        refusal = turn.find(Refusal)
        return refusal is not None and refusal.code == WEAK_PIN

    @action
    def refuse_new_pin(self, turn: Turn) -> None:
        if not self.new_pin_weak(turn):
            turn.put(Refusal("new_pin"))

    @action
    def want_pin_change(self, turn: Turn) -> None:
        turn.put(Intent("pin_change", turn.site.money(0), new_pin=turn.get(NewPin).second))

    @action
    def use_new_pin(self, turn: Turn) -> None:
        """From here on this session, too, uses the new PIN."""
        block = turn.get(NewPin).second
        assert block is not None
        turn.put(Pin(block))
        turn.drop(NewPin)
        turn.put(Outcome({"what": "pin_change", "note": "pin_change", "reference": turn.get(Answer).reference}))

    @view("new_pin")
    def _new_pin(self, turn: Turn) -> Mapping[str, Any]:
        new = turn.find(NewPin) or NewPin()
        values: dict[str, Any] = {"what": "new_pin_again" if new.first else "new_pin", "digits": new.digits}
        if new.error and new.first is None:
            values["error"] = new.error
        return values

    @view("pin_unknown")
    def _pin_unknown(self, turn: Turn) -> Mapping[str, Any]:
        return {"reference": turn.get(Case).rrn}

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the slip: changed, not changed, or that nobody knows and what to try."""
        if case.code == "00":
            text = "receipt.pin_changed"
        elif case.failed in ("silent", "mismatch"):
            text = "receipt.pin_unknown_text"
        else:
            text = "receipt.pin_unchanged"
        said = say_in(turn)(text, contact=turn.site.contact)
        return (*head(turn, "receipt.title_pin_change", case.rrn, case.card), Rule(), Text(said), *tail(turn))
