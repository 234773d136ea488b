from __future__ import annotations

from kiosk.money import Money
from kiosk.ports import AdviceAnswered, AdviceKind, HostAnswered, HostOnline
from tests.bank import sample
from tests.host.world import World

ACCOUNT = sample.ACCOUNTS[sample.NORMAL]


def test_a_withdrawal_holds_then_posts() -> None:
    world = World()
    assert world.last(HostOnline).business_date == "1122"
    request = world.ask(50_000)
    answer = world.last(HostAnswered)
    assert (answer.ticket, answer.code, answer.amount) == (request.ticket, "00", Money(50_000, "CNY"))
    assert answer.available == Money(950_000, "CNY")
    held = world.bank.balance(ACCOUNT)
    assert held is not None
    assert (held.ledger_minor, held.held_minor) == (1_000_000, 50_000)
    advice = world.advise(request, AdviceKind.COMPLETION, units={"C1": 5})
    assert world.last(AdviceAnswered) == AdviceAnswered(id=advice.id, code="00", settled=True)
    posted = world.bank.balance(ACCOUNT)
    assert posted is not None
    assert (posted.ledger_minor, posted.held_minor) == (950_000, 0)
    assert world.client.advices_waiting == 0
    assert world.bank.verify() == []


def test_a_reversal_releases() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.REVERSAL)
    released = world.bank.balance(ACCOUNT)
    assert released is not None
    assert (released.ledger_minor, released.held_minor) == (1_000_000, 0)
    assert world.bank.verify() == []


def test_a_partial_reversal_posts_what_stands() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.REVERSAL, stands=Money(30_000, "CNY"))
    left = world.bank.balance(ACCOUNT)
    assert left is not None
    assert (left.ledger_minor, left.held_minor) == (970_000, 0)
    assert world.bank.verify() == []
