"""A partner paid in notes: what stands, what is owed, and to whom, by the records alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kiosk.config import load_config
from kiosk.money import Money
from kiosk.ports import Reason
from kiosk.services.case import Case, Posting, Settlement, cash_stands, due_minor, fold, owed_minor, owed_way, settle

SITE = load_config(None).site
BILL, FEE = Money(26_480, "CNY"), 132
NOTHING = Money(0, "CNY")


def paid_in(posting: Posting = Posting.CASH, notes: int = 3, **agreed: Any) -> Case:
    """Return the case of a bill of 266.12 with so many 100s in the vault."""
    opened = {
        "case": "1", "service": "bill_payment", "stan": 1, "rrn": "1", "sent_at": "1123013000",
        "posting": posting.value, "amount_minor": BILL.minor, "fee_minor": FEE, "currency": "CNY", "owed_to": "account",
    }  # fmt: skip
    case = fold(None, "case_opened", opened)
    case = fold(case, "host_answered", {"code": "00", "approved_minor": BILL.minor})
    for _ in range(notes):
        case = fold(case, "note_settled", {"where": "vault", "value_minor": 10_000})
    if agreed:
        case = fold(case, "payment_agreed", agreed)
    return case


YES: dict[str, Any] = {"credit_minor": 388, "credit_to": "partner"}


def stands(case: Case) -> Settlement | None:
    return settle(case, SITE, Reason.CUSTOMER_CANCELLED)


def test_nothing_stands_without_the_customers_yes_and_the_whole_due() -> None:
    assert due_minor(paid_in()) == 26_612
    assert stands(paid_in()) == Settlement(NOTHING, Reason.CUSTOMER_CANCELLED)
    assert stands(paid_in(notes=2, **YES)) == Settlement(NOTHING, Reason.CUSTOMER_CANCELLED)
    assert stands(paid_in(**YES)) == Settlement(BILL, None)


def test_goods_stand_when_they_were_delivered_too() -> None:
    ticket = paid_in(Posting.CASH_GOODS, **YES)
    assert stands(ticket) == Settlement(NOTHING, Reason.CUSTOMER_CANCELLED)
    assert stands(replace(ticket, delivered=BILL)) == Settlement(BILL, None)
    unsure = fold(ticket, "delivered", {"minor": BILL.minor, "outcome": "unknown"})
    assert stands(unsure) == Settlement(BILL, None, suspect=True)


def test_change_that_came_out_twice_leaves_the_bill_paid() -> None:
    case = replace(paid_in(**YES), moved={"unit4": 6})
    assert cash_stands(case)
    assert owed_minor(case, SITE, BILL) == 388 - 3_000


@pytest.mark.parametrize(
    ("case", "stand", "owed", "way"),
    [
        (replace(paid_in(**YES), moved={"unit4": 3}), BILL, 388, "partner"),  # as agreed
        (paid_in(**YES), BILL, 3_388, "account"),  # the change did not come out
        (paid_in(notes=2), NOTHING, 20_000, "account"),
        (replace(paid_in(notes=2), moved={"unit1": 2}), NOTHING, 0, "account"),
        (replace(paid_in(notes=2), astray={"10000": 1}), NOTHING, 30_000, "account"),
    ],
)
def test_what_is_kept_and_not_paid_is_owed(case: Case, stand: Money, owed: int, way: str) -> None:
    assert owed_minor(case, SITE, stand) == owed
    assert owed_way(case, owed, suspect=False) == way
    assert owed_way(case, owed, suspect=True) == "slip"


@pytest.mark.parametrize("doubt", [{"unknown": True}, {"in_flight": True}, {"astray": {"10000": 1}}])
def test_what_nobody_knows_is_suspect(doubt: dict[str, Any]) -> None:
    settled = stands(replace(paid_in(**YES), **doubt))
    assert settled is not None
    assert settled.suspect


def test_an_order_without_an_answer_is_taken_back() -> None:
    silent = replace(paid_in(notes=0), approved=None, code="", failed="silent")
    assert settle(silent, SITE, Reason.NO_ANSWER) == Settlement(NOTHING, Reason.NO_ANSWER)
