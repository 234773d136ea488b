"""Partners paid in notes: reserved, posted from the terminal's cash, and what is owed to bearers beside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.bank import partners
from kiosk.money import Money
from kiosk.ports import AdviceKind, HostAnswered, HostRequest, Reason
from tests.bank import sample
from tests.bank.test_partners import BILL, PARTNERS
from tests.host.world import World

DUE, FEE = 8_640, 86


@pytest.fixture
def world() -> World:
    agreements = [{**a, "pay_by": ["card", "cash"] if a["code"] == "W" else ["card"]} for a in PARTNERS["agreements"]]
    return World(data=sample.sample_bank(partners={**PARTNERS, "agreements": agreements}))


def cardless(world: World, operation: str, minor: int, fee: int = 0, **tags: str) -> tuple[HostRequest, HostAnswered]:
    money = Money(fee, "CNY") if fee else None
    request = world.request_of(minor, operation=operation, fee=money, private=tags, entry_mode="010")
    request = replace(request, track2=None, pin_block=None)
    world.client.request(request)
    world.settle()
    answer = world.last(HostAnswered)
    assert isinstance(answer, HostAnswered)
    return request, answer


def minor(world: World, account: str) -> int:
    balance = world.bank.balance(account)
    assert balance is not None
    assert world.bank.verify() == []
    return balance.ledger_minor


def pay(world: World) -> HostRequest:
    request, answer = cardless(world, "payment", DUE, FEE, BL=BILL, PM="CASH")
    assert answer.code == "00"
    assert answer.available is None, "the terminal's own cash is nobody's balance"
    return request


def test_nothing_moves_before_the_notes_are_in_the_vault(world: World) -> None:
    pay(world)
    assert (minor(world, "payee:W"), world.bank.owed_to_bearers()) == (0, 0)
    _, again = cardless(world, "bill_check", 0, BL=BILL)
    assert again.code != "00", "the bill is being paid"


def test_the_partner_has_its_money_and_the_bearer_what_is_owed(world: World) -> None:
    request = pay(world)
    world.advise(
        request, AdviceKind.COMPLETION, stands=request.amount, accepted={"10000": 1}, owed_minor=274, owed_to="slip"
    )
    assert (minor(world, "payee:W"), world.bank.owed_to_bearers()) == (DUE, 274)
    assert world.bank.orders()[-1].state == "completed"


def test_more_than_is_due_is_credited_to_the_partner_or_the_slip_but_never_lost(world: World) -> None:
    request = pay(world)
    world.advise(
        request, AdviceKind.COMPLETION, stands=request.amount, accepted={"10000": 1}, owed_minor=1_274,
        owed_to="partner",
    )  # fmt: skip
    assert (minor(world, "payee:W"), world.bank.owed_to_bearers()) == (DUE + 1_274, 0)


def test_an_account_that_is_not_known_is_a_slip(world: World) -> None:
    request = pay(world)
    world.advise(request, AdviceKind.REVERSAL, reason=Reason.CUSTOMER_CANCELLED, owed_minor=5_000, owed_to="account")
    assert (minor(world, "payee:W"), world.bank.owed_to_bearers()) == (0, 5_000)
    assert world.bank.orders()[-1].state == "reversed"


def test_a_refusal_after_the_vault_is_owed_and_paid_out_once(world: World) -> None:
    world.personality.strike("partner_rejects", mti="0220")
    request = pay(world)
    world.advise(request, AdviceKind.COMPLETION, stands=request.amount, accepted={"10000": 1})
    assert (minor(world, "payee:W"), world.bank.owed_to_bearers()) == (0, DUE + FEE)
    payout, answer = cardless(world, "claim_payout", 8_000, RF=request.rrn)
    assert answer.code == "00"
    _, second = cardless(world, "claim_payout", 8_000, RF=request.rrn)
    assert second.code == "25", "it is set aside already"
    world.advise(payout, AdviceKind.REVERSAL, reason=Reason.SHORT_DISPENSED, stands=Money(5_000, "CNY"))
    assert world.bank.owed_to_bearers() == DUE + FEE - 5_000
    assert minor(world, "payee:W") == 0


def test_a_doubtful_claim_waits_for_people(world: World) -> None:
    request = pay(world)
    world.advise(
        request, AdviceKind.COMPLETION, stands=request.amount, accepted={"10000": 1}, owed_minor=1_274, owed_to="slip",
        suspect=True,
    )  # fmt: skip
    assert world.bank.owed_to_bearers() == 1_274
    assert [item.kind for item in world.bank.exceptions()] == ["suspect"]
    _, answer = cardless(world, "claim_payout", 1_000, RF=request.rrn)
    assert answer.code == "25"


def test_notes_are_taken_only_where_the_agreement_says_so_and_only_if_it_is_said(world: World) -> None:
    _, answer = cardless(world, "top_up", 3_000, BL="M|18600003333", PM="CASH")
    assert answer.code == "57"
    _, unsaid = cardless(world, "payment", DUE, FEE, BL=BILL)
    assert unsaid.code == "14"
    _, account = cardless(world, "inquiry", 0)
    assert account.code == "14"


def test_a_partner_that_refuses_before_has_nobody_put_in_a_note(world: World) -> None:
    world.personality.strike("partner_rejects")
    _, answer = cardless(world, "payment", DUE, FEE, BL=BILL, PM="CASH")
    assert answer.code == partners.PARTNER_REFUSED
    assert world.bank.verify() == []


def test_the_state_is_told_to_whoever_has_the_reference(world: World) -> None:
    request = pay(world)
    _, waiting = cardless(world, "partner_status", 0, RF=request.rrn)
    assert waiting.extra["ST"] == "pending"
    world.advise(request, AdviceKind.COMPLETION, stands=request.amount, accepted={"10000": 1})
    _, told = cardless(world, "partner_status", 0, RF=request.rrn)
    assert told.extra["ST"] == "paid"
