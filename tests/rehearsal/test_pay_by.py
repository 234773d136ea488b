"""Card or cash: the customer sees both, and why one of them is not to be had here and now."""

from __future__ import annotations

from typing import Any

import pytest

from kiosk.config import load_config
from kiosk.rehearsal.crash import known_as
from kiosk.rehearsal.scenario import ExpectForm, FaultForm, PersonForm, Scenario, WorldForm
from kiosk.rehearsal.world import World
from kiosk.view import Option
from kiosk.words import catalogue

BILL = {"bill_partner": "POWER", "bill_number": "30040001"}
EMPTY = {"unit1": 0, "unit2": 0, "unit3": 0, "unit4": 0}


def reasons(card: str = "normal", faults: list[FaultForm] | None = None, **world: Any) -> dict[str, str]:
    """Return why each way of paying is closed on the screen that asks; empty texts for open ones."""
    scenario = Scenario(
        scenario="pay_by", title="", world=WorldForm(**world), expect=ExpectForm(), faults=faults or [],
        person=PersonForm(service="bill_payment", card=card, says=BILL),
    )  # fmt: skip
    played = World(scenario, load_config(), words=catalogue())
    played.run()
    played.close()
    shown = [v for v in played.views if v.screen == "choose_one" and v.values.get("what") == "pay_by"]
    assert shown, played.screens
    options = shown[0].values["options"]
    assert isinstance(options, tuple)
    return {o.value: o.why_not for o in options if isinstance(o, Option)}


def test_both_ways_are_open() -> None:
    assert reasons() == {"card": "", "cash": ""}


@pytest.mark.parametrize(
    ("world", "why"),
    [({"paper": "out"}, "no_paper"), ({"without_acceptor": True}, "acceptor"), ({"notes": EMPTY}, "")],
)
def test_why_cash_is_not_taken(world: dict[str, Any], why: str) -> None:
    """With empty cassettes a customer with a card gets the change on the account."""
    assert reasons(**world) == {"card": "", "cash": why}


def test_a_slot_that_is_unplugged_is_closed() -> None:
    assert reasons(faults=[FaultForm(unplug="note_acceptor", for_ms=3_600_000)]) == {"card": "", "cash": "acceptor"}


def test_a_service_is_found_under_the_name_that_people_use() -> None:
    assert (known_as("topup"), known_as("top_up"), known_as("ticket-cash")) == ("top_up", "top_up", "ticket_cash")
    with pytest.raises(LookupError, match="there are: bill_payment, "):
        known_as("lottery")
