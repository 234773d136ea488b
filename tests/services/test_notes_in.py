"""Cases of notes that come in: the fold of their records, what is posted, and what is owed."""

from __future__ import annotations

from typing import Any

import pytest

from kiosk.config import load_config
from kiosk.ports import Reason
from kiosk.services.case import Case, Posting, fold, owed_minor, settle

SITE = load_config(None).site
HUNDRED, FIFTY = 10_000, 5_000


def opened(posting: Posting, **more: Any) -> Case:
    data = {
        "case": "632700000001", "service": "deposit", "stan": 1, "rrn": "632700000001", "sent_at": "1123013000",
        "amount_minor": 1_000_000, "currency": "CNY", "posting": posting.value, **more,
    }  # fmt: skip
    return fold(None, "case_opened", data)


def told(case: Case, *records: tuple[str, dict[str, Any]]) -> Case:
    for kind, data in records:
        case = fold(case, kind, data)
    return case


def note(value: int, where: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (
        ("cash_in_started", {"counters": {"stacked": 7}}),
        ("note_held", {"value_minor": value}),
        ("note_ordered", {"fate": "vault"}),
        ("note_settled", {"where": where, "value_minor": value}),
    )


ALLOWED = ("host_answered", {"code": "00", "approved_minor": 1_000_000})


def test_a_note_is_inside_from_the_open_mouth_to_its_rest() -> None:
    case = opened(Posting.VAULT)
    inside = []
    for kind, data in note(HUNDRED, "vault"):
        case = fold(case, kind, data)
        inside.append((case.cash_in, case.held_minor, case.fate))
    assert inside == [(True, 0, ""), (True, HUNDRED, ""), (True, HUNDRED, "vault"), (False, 0, "")]
    assert case.vaulted == {"10000": 1}
    assert case.counters == {"stacked": 7}


def test_a_case_takes_a_note_over_from_the_one_before() -> None:
    case = opened(Posting.VAULT, note={"counters": {"stacked": 7}, "held_minor": HUNDRED, "fate": "vault"})
    assert (case.cash_in, case.held_minor, case.fate, case.counters) == (True, HUNDRED, "vault", {"stacked": 7})
    assert not opened(Posting.VAULT).cash_in


@pytest.mark.parametrize(
    ("where", "stands", "reason", "suspect"),
    [
        ("vault", HUNDRED + FIFTY, None, False),
        ("customer", FIFTY, None, False),
        ("unknown", FIFTY, None, True),
    ],
)
def test_what_is_in_the_vault_is_posted(where: str, stands: int, reason: Reason | None, suspect: bool) -> None:
    case = told(opened(Posting.VAULT), ALLOWED, *note(FIFTY, "vault"), *note(HUNDRED, where))
    settlement = settle(case, SITE, Reason.CUSTOMER_CANCELLED)
    assert settlement is not None
    assert (settlement.stands.minor, settlement.reason, settlement.suspect) == (stands, reason, suspect)
    assert owed_minor(case, SITE, settlement.stands) == (HUNDRED if suspect else 0)


def test_an_allowed_deposit_without_notes_is_released() -> None:
    settlement = settle(told(opened(Posting.VAULT), ALLOWED, *note(HUNDRED, "customer")), SITE, Reason.RESTART)
    assert settlement is not None
    assert (settlement.stands.minor, settlement.reason) == (0, Reason.RESTART)


def test_a_note_vaulted_before_the_host_allowed_it_is_owed() -> None:
    case = told(opened(Posting.NOTHING), *note(HUNDRED, "vault"))
    assert settle(case, SITE, Reason.RESTART) is None
    assert owed_minor(case, SITE, SITE.money(0)) == HUNDRED


def paid(**counts: int) -> tuple[tuple[str, dict[str, Any]], ...]:
    result = {"number": 1, "outcome": "done", "moved": counts, "rejected": {}, "unaccounted": {}}
    return ("dispense_ordered", {"picks": {"unit2": 2}, "number": 1}), ("dispensed", result)


@pytest.mark.parametrize(
    ("where", "fifties", "owed"),
    [("vault", 2, 0), ("vault", 1, FIFTY), ("customer", 0, 0), ("customer", 2, -HUNDRED), ("unknown", 2, 0)],
)
def test_an_exchange_owes_the_difference_of_what_went_in_and_out(where: str, fifties: int, owed: int) -> None:
    moved = {"unit2": fifties} if fifties else {}
    case = told(opened(Posting.NOTHING), *note(HUNDRED, where), *paid(**moved))
    assert owed_minor(case, SITE, SITE.money(0)) == owed
    assert settle(case, SITE, Reason.NOTHING_DISPENSED) is None


def withheld(value: int, *, credited: bool) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (
        ("cash_in_started", {"counters": {"stacked": 7}}),
        ("note_withheld", {"value_minor": value, "classification": "suspect", "credited": credited}),
        ("note_settled", {"where": "none", "value_minor": 0}),
    )


def test_a_doubted_note_is_no_money_unless_the_rule_credits_it() -> None:
    kept = told(opened(Posting.VAULT), ALLOWED, *note(FIFTY, "vault"), *withheld(HUNDRED, credited=False))
    by_rule = told(opened(Posting.VAULT), ALLOWED, *note(FIFTY, "vault"), *withheld(HUNDRED, credited=True))
    for case, stands in ((kept, FIFTY), (by_rule, FIFTY + HUNDRED)):
        settlement = settle(case, SITE, Reason.CUSTOMER_CANCELLED)
        assert settlement is not None
        assert (settlement.stands.minor, settlement.suspect) == (stands, False)
        assert owed_minor(case, SITE, settlement.stands) == 0
        assert case.withheld == {"10000": 1}


def test_a_credit_by_rule_waits_for_leave_and_goes_over_to_the_case_that_asks() -> None:
    case = told(opened(Posting.NOTHING), *withheld(HUNDRED, credited=True))
    assert case.awaits_leave
    assert owed_minor(case, SITE, SITE.money(0)) == HUNDRED
    assert not told(opened(Posting.NOTHING), *withheld(HUNDRED, credited=False)).awaits_leave
    after = opened(Posting.VAULT, note={"cash_in": False, "kept_credited": {"10000": 1}, "kept": {}, "kept_now": 1})
    assert (after.cash_in, after.credited_minor, after.awaits_leave) == (False, HUNDRED, True)


def test_each_opening_of_the_mouth_counts_its_kept_note_anew() -> None:
    case = told(opened(Posting.VAULT), *withheld(HUNDRED, credited=False))
    assert case.kept_now == 1
    assert fold(case, "cash_in_started", {"counters": {}}).kept_now == 0
