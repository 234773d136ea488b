"""What every service asks of a customer: a number, an amount, one of several, a last yes. One module, general screens.

A number may also stand in a code, of a bill for instance, that is held before the barcode reader.

A service says what it wants by a fact (`NumberWanted`, `AmountWanted`, `Choices`, `Confirmation`, `Outcome`) and shows
the screen; what was keyed is the fact `Typed`. So the screens ``enter_digits``, ``enter_amount``, ``choose_one``,
``confirm_order`` and ``completed`` serve a transfer, a bill and a phone number alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.base.barcode import CancelReadBarcode, ReadBarcode
from kiosk.flow.offers import action, guard, view
from kiosk.money import Money, minor_per_major
from kiosk.ports import Input
from kiosk.services.facts import Typed
from kiosk.turn import OfBusiness, Turn
from kiosk.view import Option, Value

SCANNER: Final = "barcode_scanner"
READ_WITHIN_MS: Final = 120_000  # a backstop, as for the PIN pad: the chart asks "more time?" before
AMOUNT_DIGITS_MAX: Final = 6  # keyed digits of an amount in major units


@dataclass(frozen=True, slots=True)
class NumberWanted(OfBusiness):
    """A number to be keyed: `what` is worded by ``ask.<what>``, `hint` by ``hint.<hint>``.

    It is shown in groups of `group` digits and complete with `least` to `most` of them. `barcode` is the pattern of a
    code that holds it, as its group ``number``; empty where there is no such code.
    """

    what: str
    least: int
    most: int
    hint: str = ""
    group: int = 4
    barcode: str = ""


@dataclass(frozen=True, slots=True)
class AmountWanted(OfBusiness):
    """An amount to be keyed in major units, at most `most`; `what` is worded by ``ask.<what>``."""

    what: str
    most: Money
    available: Money | None = None


@dataclass(frozen=True, slots=True)
class Choices(OfBusiness):
    """Something to choose on ``choose_one``: options post ``chose_one`` with their value."""

    what: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Confirmation(OfBusiness):
    """What the customer confirms: values of the screen ``confirm_order``."""

    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome(OfBusiness):
    """What came of it: values of the screen ``completed``."""

    values: Mapping[str, Value] = field(default_factory=dict)


def chosen_value(turn: Turn) -> str:
    """Return the value of the option that this event chose."""
    chosen = turn.event.payload
    return chosen.value if isinstance(chosen, Input) else ""


def typed_money(turn: Turn) -> Money:
    """Return the amount that was keyed."""
    typed = turn.find(Typed) or Typed()
    return turn.site.money(int(typed.digits or "0") * minor_per_major(turn.site.cash.currency))


def grouped(digits: str, size: int) -> str:
    """Return digits in groups, as they are printed on a card."""
    return " ".join(digits[at : at + size] for at in range(0, len(digits), size)) if size else digits


def _number_in_code(turn: Turn) -> str:
    """Return the number in the code that was read; empty if it is not the code that is wanted here."""
    wanted, code = turn.get(NumberWanted), turn.event.payload.code
    found = re.fullmatch(wanted.barcode, code.text.reveal()) if code is not None else None
    number = found["number"] if found else ""
    return number if wanted.least <= len(number) <= wanted.most else ""


class Entering:
    """Guards, actions and views of the general screens."""

    # ------------------------------------------------------------ keys

    @action
    def type_digit(self, turn: Turn) -> None:
        """Take one key: an amount loses its leading zeros, a number keeps them."""
        pressed = turn.event.payload
        assert isinstance(pressed, Input)
        digits = (turn.find(Typed) or Typed()).digits
        number = turn.find(NumberWanted)
        if not (pressed.value.isascii() and pressed.value.isdigit()):
            return
        keyed = digits + pressed.value
        if number is None:
            keyed = keyed.lstrip("0")
        if len(keyed) <= (number.most if number else AMOUNT_DIGITS_MAX):
            turn.put(Typed(keyed))

    @action
    def clear_typed(self, turn: Turn) -> None:
        turn.put(Typed())

    @guard
    def number_complete(self, turn: Turn) -> bool:
        wanted = turn.get(NumberWanted)
        return wanted.least <= len((turn.find(Typed) or Typed()).digits) <= wanted.most

    @action
    def note_incomplete(self, turn: Turn) -> None:
        turn.put(Typed((turn.find(Typed) or Typed()).digits, "incomplete"))

    # ------------------------------------------------------------ a code instead of keys

    @guard
    def code_readable(self, turn: Turn) -> bool:
        return bool(turn.get(NumberWanted).barcode) and turn.fitness.usable(SCANNER)

    @action
    def read_code(self, turn: Turn) -> None:
        turn.order(SCANNER, ReadBarcode(ticket=turn.ticket("code"), within_ms=READ_WITHIN_MS))

    @action
    def stop_reading(self, turn: Turn) -> None:
        turn.order(SCANNER, CancelReadBarcode(ticket=turn.ticket("stop")), heard=False)

    @guard
    def code_fits(self, turn: Turn) -> bool:
        return bool(_number_in_code(turn))

    @action
    def take_code(self, turn: Turn) -> None:
        turn.put(Typed(_number_in_code(turn)))

    @action
    def note_foreign_code(self, turn: Turn) -> None:
        turn.put(Typed((turn.find(Typed) or Typed()).digits, "foreign_code"))

    # ------------------------------------------------------------ amounts and choices

    @guard
    def amount_allowed(self, turn: Turn) -> bool:
        return 0 < typed_money(turn).minor <= turn.get(AmountWanted).most.minor

    @action
    def note_amount_error(self, turn: Turn) -> None:
        typed = turn.find(Typed) or Typed()
        turn.put(Typed(typed.digits, "above_most" if typed_money(turn).minor else "nothing"))

    @guard
    def choice_known(self, turn: Turn) -> bool:
        """Whether the value chosen is one of the options that are open."""
        return any(o.value == chosen_value(turn) and not o.why_not for o in turn.get(Choices).options)

    # ------------------------------------------------------------ views

    @view("enter_digits")
    def _enter_digits(self, turn: Turn) -> Mapping[str, Any]:
        wanted, typed = turn.get(NumberWanted), turn.find(Typed) or Typed()
        values: dict[str, Any] = {"what": wanted.what, "typed": grouped(typed.digits, wanted.group) or "_"}
        readable = bool(wanted.barcode) and turn.fitness.usable(SCANNER)
        if hint := "code" if readable else wanted.hint:
            values["hint"] = hint
        if typed.error:
            values["error"] = typed.error
        return values

    @view("enter_amount")
    def _enter_amount(self, turn: Turn) -> Mapping[str, Any]:
        wanted, typed = turn.get(AmountWanted), turn.find(Typed) or Typed()
        values: dict[str, Any] = {"what": wanted.what, "typed": typed_money(turn), "most": wanted.most}
        if wanted.available is not None:
            values["available"] = wanted.available
        if typed.error:
            values["error"] = typed.error
        return values

    @view("choose_one")
    def _choose_one(self, turn: Turn) -> Mapping[str, Any]:
        choices = turn.get(Choices)
        return {"what": choices.what, "options": choices.options}

    @view("confirm_order")
    def _confirm_order(self, turn: Turn) -> Mapping[str, Any]:
        return turn.get(Confirmation).values

    @view("completed")
    def _completed(self, turn: Turn) -> Mapping[str, Any]:
        return turn.get(Outcome).values
