"""Names, fees, remittances and their states, linked accounts: the bank's side, over the line."""

from __future__ import annotations

import pytest

from kiosk.bank.payments import masked_name
from kiosk.money import Money
from kiosk.ports import AdviceAnswered, AdviceKind, HostAnswered
from tests.bank import sample
from tests.host.world import World

NORMAL, POOR = sample.ACCOUNTS[sample.NORMAL], sample.ACCOUNTS[sample.POOR]
TO_BANK = {"RM": "bank|NORTH|620011000001|gift"}


def world() -> World:
    raw = sample.raw_bank(
        correspondents={"NORTH": {"620011000001": "孙娜"}},
        remittance={"fee_permille": 10, "fee_min_minor": 100, "fee_max_minor": 5_000},
    )
    raw["cards"][0]["linked"] = [sample.ACCOUNTS[sample.PARTIAL]]
    from kiosk.bank.data import load_bank

    return World(data=load_bank(raw))


def minor(w: World, account: str) -> int:
    balance = w.bank.balance(account)
    assert balance is not None
    return balance.ledger_minor


@pytest.mark.parametrize(
    ("name", "shown"), [("李明", "*明"), ("欧阳小明", "***明"), ("李", "*李"), ("John Carter", "J*** C*****")]
)
def test_names_are_masked(name: str, shown: str) -> None:
    assert masked_name(name) == shown


def test_a_payee_is_told_by_the_masked_name_and_nothing_moves() -> None:
    w = world()
    w.ask(0, operation="payee_lookup", to_account=POOR)
    answer = w.last(HostAnswered)
    assert answer.code == "00"
    assert bytes.fromhex(answer.extra["PN"]).decode() == "*试"
    w.ask(0, operation="payee_lookup", to_account="999999999999")
    assert w.last(HostAnswered).code == "76"
    assert w.bank.verify() == []


def test_a_remittance_charges_amount_and_fee_and_is_taken_back_with_both() -> None:
    w = world()
    w.ask(50_000, operation="payee_lookup", private=TO_BANK)
    assert w.last(HostAnswered).extra["FE"] == "500"
    request = w.ask(50_000, operation="remittance", private=TO_BANK, fee=Money(500, "CNY"))
    assert w.last(HostAnswered).code == "00"
    assert w.last(HostAnswered).available == Money(949_500, "CNY")
    assert minor(w, NORMAL) == 949_500
    assert minor(w, "bank:settlement:CNY") == 50_000
    assert minor(w, "bank:fees:CNY") == 500
    w.advise(request, AdviceKind.REVERSAL)
    assert w.last(AdviceAnswered).settled
    assert (minor(w, NORMAL), minor(w, "bank:fees:CNY"), minor(w, "bank:settlement:CNY")) == (1_000_000, 0, 0)
    assert w.bank.verify() == []
    w.ask(0, operation="remittance_status", private={"RF": request.rrn})
    assert w.last(HostAnswered).extra["ST"] == "returned"


def test_another_fee_than_the_one_shown_is_refused() -> None:
    w = world()
    for fee in (Money(499, "CNY"), None):
        w.ask(50_000, operation="remittance", private=TO_BANK, fee=fee)
        assert w.last(HostAnswered).code == "13"
    assert minor(w, NORMAL) == 1_000_000


def test_amount_without_fee_is_not_enough() -> None:
    w = world()
    w.ask(4_950, sample.POOR, operation="remittance", private=TO_BANK, fee=Money(100, "CNY"))
    assert w.last(HostAnswered).code == "51"
    assert minor(w, POOR) == 5_000
    w.ask(4_900, sample.POOR, operation="remittance", private=TO_BANK, fee=Money(100, "CNY"))
    assert w.last(HostAnswered).code == "00"
    assert minor(w, POOR) == 0
    assert w.bank.verify() == []


@pytest.mark.parametrize("to", ["bank|NORTH|1|gift", "bank|WEST|620011000001|gift", "person||123|gift", "x", ""])
def test_nobody_there_nothing_sent(to: str) -> None:
    w = world()
    w.ask(50_000, operation="remittance", private={"RM": to}, fee=Money(500, "CNY"))
    assert w.last(HostAnswered).code == "76"
    assert minor(w, NORMAL) == 1_000_000


def test_a_state_is_told_to_the_sender_alone_and_moves_on_with_time() -> None:
    w = world()
    request = w.ask(50_000, operation="remittance", private=TO_BANK, fee=Money(500, "CNY"))
    about = {"RF": request.rrn}
    w.ask(0, operation="remittance_status", private=about)
    assert (w.last(HostAnswered).extra["ST"], w.last(HostAnswered).extra["AM"]) == ("sent", "50000")
    w.ask(0, sample.POOR, operation="remittance_status", private=about)
    assert w.last(HostAnswered).code == "25"
    w.pass_time(2 * 3600 * 1000)
    w.ask(0, operation="remittance_status", private=about)
    assert w.last(HostAnswered).extra["ST"] == "paid_out"


def test_linked_accounts_may_be_asked_about_and_others_not() -> None:
    w = world()
    w.ask(0, operation="linked_accounts")
    linked = sample.ACCOUNTS[sample.PARTIAL]
    assert w.last(HostAnswered).extra["LA"] == f"savings:{NORMAL};savings:{linked}"
    w.ask(0, operation="inquiry", from_account=linked)
    assert w.last(HostAnswered).ledger == Money(35_000, "CNY")
    w.ask(0, operation="inquiry", from_account=POOR)
    assert w.last(HostAnswered).code == "76"
    assert w.last(HostAnswered).ledger is None


def test_a_statement_names_what_moved() -> None:
    w = world()
    request = w.ask(50_000, operation="remittance", private=TO_BANK, fee=Money(500, "CNY"))
    w.advise(request, AdviceKind.REVERSAL)
    w.ask(10_000, operation="transfer", to_account=POOR)
    w.ask(0, operation="statement")
    rows = [row.split()[1:] for row in w.last(HostAnswered).extra["125"].split(";")]
    assert [(sign, int(amount), what) for sign, amount, what in rows] == [
        ("D", 10_000, "transfer"), ("C", 500, "correction"), ("C", 50_000, "correction"), ("D", 500, "fee"),
        ("D", 50_000, "remittance"), ("C", 1_000_000, "opening"),
    ]  # fmt: skip
