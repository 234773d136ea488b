"""Bills, top-ups and tickets at the terminal: when they are offered, what stays secret, and a judge that says no."""

from __future__ import annotations

import json

import pytest

from kiosk.bank import agency as bank_side
from kiosk.bank import register
from kiosk.compose import menu
from kiosk.config import ROOT, load_config
from kiosk.rehearsal.crash import crash_points
from kiosk.rehearsal.play import Played, play
from kiosk.rehearsal.scenario import load_scenario, load_scenarios
from kiosk.rehearsal.world import World
from kiosk.services.menu import DEVICES, Circumstances, explain
from kiosk.words import catalogue

SCENARIOS = ROOT / "models" / "scenarios"
SERVICES = ("bill_payment", "top_up", "ticket")
ALL = frozenset(DEVICES)


def played(name: str) -> Played:
    return play(load_scenario(SCENARIOS / f"{name}.yaml"), load_config(), catalogue())


def journal(result: Played) -> str:
    assert result.world is not None
    return "\n".join(json.dumps([e.kind, e.data], ensure_ascii=False, default=str) for e in result.world.entries)


@pytest.mark.parametrize("service", SERVICES)
def test_there_are_scenarios_and_each_names_what_it_proves(service: str) -> None:
    scenarios = list(load_scenarios(SCENARIOS / service))
    assert len(scenarios) >= 12
    assert all(s.proves for s in scenarios)


def test_together_they_prove_what_can_be_proved_of_bills_top_ups_and_tickets() -> None:
    proved = {n for service in SERVICES for s in load_scenarios(SCENARIOS / service) for n in s.proves}
    assert {81, 82, 83, 84, 85, 86, 87} <= proved


@pytest.mark.parametrize(
    ("kinds", "offered"),
    [
        (frozenset(), []),
        (frozenset({"biller"}), ["bill_payment"]),
        (frozenset({"biller", "operator", "ticket_agency"}), list(SERVICES)),
    ],
)
def test_no_agreement_no_service(kinds: frozenset[str], offered: list[str]) -> None:
    lines = menu().compute(SERVICES, Circumstances(ALL, ALL, True, True, True, kinds))
    assert [line.service for line in lines if line.offered] == offered
    hidden = [line for line in lines if line.service in SERVICES and not line.offered]
    assert {line.place for line in hidden} <= {"hidden"}
    assert {explain(line) for line in hidden} <= {"no agency agreement for it is in force"}


def test_tickets_need_a_printer() -> None:
    now = Circumstances(ALL, ALL - {"printer"}, True, True, True, frozenset({"ticket_agency"}))
    (line,) = [line for line in menu().compute(("ticket",), now) if line.service == "ticket"]
    assert (line.place, line.cause) == ("disabled", "printer")


@pytest.mark.parametrize(("service", "number"), [("bill_payment", "30040001"), ("top_up", "18600003333")])
def test_a_number_is_in_no_record_and_on_no_paper(service: str, number: str) -> None:
    result = played(f"{service}/plain")
    assert result.world is not None
    assert result.passed
    assert number not in journal(result)
    assert number not in result.world.paper()
    assert f"**** {number[-4:]}" in journal(result)


def test_each_seat_has_a_ticket_and_its_claim_is_only_in_the_code() -> None:
    world = World(load_scenario(SCENARIOS / "ticket" / "plain.yaml"), load_config(), words=catalogue())
    try:
        world.run()
        (order,) = [o for o in world.bank.orders() if o.operation == "purchase"]
        claim = world.bank.data.keys.content(f"claim {order.key}")[:10].upper()
        issued = [e.data["tickets"] for e in world.entries if e.kind == "ticket_issued"]
        assert [len(tickets) for tickets in issued] == [2]
        assert all(number in world.paper() for number in issued[0])
        assert all(claim not in json.dumps(e.data, default=str) for e in world.entries)
    finally:
        world.close()


def test_a_bank_that_keeps_what_a_partner_refused_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(tx, order, stamp) -> None:  # type: ignore[no-untyped-def]
        register.resolve_order(tx, order, "refunded", 0)

    assert played("bill_payment/pending_then_refused").money == []
    monkeypatch.setattr(bank_side, "give_back", keep)
    assert any("payee:POWER" in error for error in played("bill_payment/pending_then_refused").money)


def test_a_screen_that_says_paid_of_what_was_refused_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played("top_up/pending_then_refused").money == []
    monkeypatch.setitem(bank_side._WORD, "rejected", "paid")
    assert any("said paid" in error for error in played("top_up/pending_then_refused").money)


def test_a_reversal_that_forgets_the_partner_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played("ticket/answer_lost").money == []
    monkeypatch.setattr(bank_side, "cancel", lambda case, order: True)
    assert any("I17" in error or "keeps a ticket" in error for error in played("ticket/answer_lost").money)


@pytest.mark.parametrize("service", SERVICES)
def test_some_crash_points(service: str) -> None:
    result = crash_points(service, load_config(), catalogue(), every=41)
    assert result.points
    assert [(p.name, p.errors) for p in result.points if p.errors] == []
