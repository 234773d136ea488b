"""What is owed when something breaks, by when the host posts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.config import load_config
from kiosk.money import Money
from kiosk.ports import Reason
from kiosk.services.case import Case, Posting, Settlement, fold, settle

SITE = load_config().site
FIVE = Money(50_000, "CNY")
NONE = Money(0, "CNY")
CASE = Case("1", "transfer", 1, "1", "1122031500", FIVE, operation="transfer")


def of(posting: Posting, **more: object) -> Case:
    return replace(CASE, posting=posting, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [{}, {"failed": "silent"}, {"failed": "mismatch"}, {"approved": FIVE, "code": "00"}])
def test_what_moves_nothing_is_never_corrected(more: dict[str, object]) -> None:
    assert settle(of(Posting.NOTHING, **more), SITE, Reason.RESTART) is None


def test_posted_at_the_answer_an_approval_stands_and_doubt_is_taken_back() -> None:
    assert settle(of(Posting.ANSWER, approved=FIVE, code="00"), SITE, Reason.RESTART) is None
    assert settle(of(Posting.ANSWER, code="51"), SITE, Reason.NO_ANSWER) is None
    assert settle(of(Posting.ANSWER, failed="not_sent"), SITE, Reason.NO_ANSWER) is None
    back = Settlement(NONE, Reason.RESTART)
    assert settle(of(Posting.ANSWER), SITE, Reason.RESTART) == back
    assert settle(of(Posting.ANSWER, failed="silent"), SITE, Reason.RESTART) == back
    assert settle(of(Posting.ANSWER, failed="mismatch"), SITE, Reason.RESTART) == back


def test_goods_stand_as_they_were_delivered() -> None:
    approved = of(Posting.DELIVERY, approved=FIVE, code="00")
    assert settle(approved, SITE, Reason.RESTART) == Settlement(NONE, Reason.RESTART)
    assert settle(replace(approved, delivered=FIVE), SITE, Reason.RESTART) == Settlement(FIVE, None)
    part = Money(20_000, "CNY")
    assert settle(replace(approved, delivered=part), SITE, Reason.RESTART) == Settlement(part, Reason.RESTART)
    assert settle(replace(approved, unknown=True), SITE, Reason.RESTART) == Settlement(FIVE, None, suspect=True)


def test_a_case_is_what_its_records_say() -> None:
    opened = {
        "case": "1", "service": "remittance", "stan": 1, "rrn": "1", "sent_at": "1122031500", "amount_minor": 50_000,
        "currency": "CNY", "operation": "remittance", "posting": "answer", "fee_minor": 500,
    }  # fmt: skip
    case = fold(None, "case_opened", opened)
    assert (case.posting, case.asked_as, case.fee) == (Posting.ANSWER, "remittance", Money(500, "CNY"))
    old = fold(None, "case_opened", {k: v for k, v in opened.items() if k not in ("operation", "posting", "fee_minor")})
    assert (old.posting, old.asked_as, old.fee) == (Posting.NOTES, "remittance", None)
    sure = fold(case, "delivered", {"minor": 50_000})
    assert (sure.delivered, sure.unknown) == (FIVE, False)
    assert fold(case, "delivered", {"minor": 0, "outcome": "unknown"}).unknown
