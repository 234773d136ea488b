"""Partners behind the bank: checked, paid once, asked for the final word, taken back, given back; the books agree."""

from __future__ import annotations

from typing import Any

import pytest

from kiosk.bank import partners
from kiosk.bank.data import BankDataError
from kiosk.money import Money
from kiosk.ports import AdviceAnswered, AdviceKind, HostAnswered, HostSilent, Reason
from tests.bank import sample
from tests.host.world import World

BILL, PHONE, SHOW = "W|1000200001", "M|18600003333", "T|PLAY"
LIMITS = {"least_minor": 1, "most_minor": 50_000}
FREE = {"permille": 0, "least_minor": 0, "most_minor": 0}
ONE_IN_HUNDRED = {"permille": 10, "least_minor": 50, "most_minor": 500}
PARTNERS: dict[str, Any] = {
    "agreements": [
        {"code": "W", "kind": "biller", "limits": LIMITS, "commission": ONE_IN_HUNDRED},
        {"code": "M", "kind": "operator", "limits": LIMITS, "commission": FREE},
        {"code": "T", "kind": "ticket_agency", "limits": LIMITS, "commission": ONE_IN_HUNDRED, "tickets_max": 2},
    ],
    "simulated": {
        "W": {
            "bills": [
                {"number": "1000200001", "holder": "李明", "due_minor": 8_640, "due_on": "2026-12-05"},
                {"number": "1000200002", "holder": "王芳", "due_minor": 0, "due_on": "2026-12-05"},
                {"number": "1000200003", "holder": "张伟", "due_minor": 60_000, "due_on": "2026-12-05"},
            ]
        },
        "M": {"numbers": {"18600003333": "Mary Stone"}},
        "T": {
            "hold_s": 60,
            "shows": [{"id": "PLAY", "event": {"en": "Play"}, "at": "2026-12-01T19:30", "price_minor": 9_000,
                       "seats": ["A1", "A2"]}],
        },
    },
}  # fmt: skip
OPENING = 1_000_000


@pytest.fixture
def world() -> World:
    return World(data=sample.sample_bank(partners=PARTNERS))


def asked(world: World, operation: str, minor: int = 0, fee: int = 0, **tags: str) -> HostAnswered:
    money = Money(fee, "CNY") if fee else None
    world.ask(minor, operation=operation, fee=money, private=tags)
    answer = world.last(HostAnswered)
    assert isinstance(answer, HostAnswered)
    assert world.bank.verify() == []
    return answer


def charged(world: World) -> int:
    balance = world.bank.balance(sample.ACCOUNTS[sample.NORMAL])
    assert balance is not None
    return OPENING - balance.ledger_minor


def credited(world: World, code: str) -> int:
    balance = world.bank.balance(f"payee:{code}")
    assert balance is not None
    return balance.ledger_minor


def sales(world: World) -> list[tuple[str, int]]:
    rows = world.bank._store.transact(lambda tx: tx.all("SELECT state, asked FROM partner_sales ORDER BY key"))
    return [(str(state), int(times)) for state, times in rows]


# ---------------------------------------------------------------- bills


def test_a_bill_is_checked_with_masked_holder_amount_due_date_and_commission(world: World) -> None:
    told = asked(world, "bill_check", BL=BILL)
    assert told.code == "00"
    assert bytes.fromhex(told.extra["PN"]).decode() == "*明"
    assert (told.extra["AM"], told.extra["DU"], told.extra["FE"]) == ("8640", "2026-12-05", "86")
    assert charged(world) == 0


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("W|1000200002", partners.NOTHING_DUE),
        ("W|1000200003", partners.OUT_OF_LIMITS),
        ("W|1", partners.UNKNOWN_NUMBER),
        ("X|1000200001", partners.UNKNOWN_NUMBER),
        ("M|18600003333", partners.UNKNOWN_NUMBER),
    ],
)
def test_what_cannot_be_paid_is_refused_at_the_check(world: World, number: str, code: str) -> None:
    assert asked(world, "bill_check", BL=number).code == code


def test_a_bill_is_paid_once_with_its_commission(world: World) -> None:
    answer = asked(world, "payment", 8_640, 86, BL=BILL)
    assert (answer.code, answer.extra["ST"]) == ("00", "paid")
    assert (charged(world), credited(world, "W")) == (8_726, 8_640)
    assert asked(world, "bill_check", BL=BILL).code == partners.NOTHING_DUE
    assert asked(world, "payment", 8_640, 86, BL=BILL).code == partners.NOTHING_DUE
    assert (charged(world), credited(world, "W")) == (8_726, 8_640)


@pytest.mark.parametrize(("minor", "fee"), [(8_640, 0), (8_640, 85), (8_639, 86), (8_641, 86)])
def test_amount_and_commission_are_those_that_were_shown(world: World, minor: int, fee: int) -> None:
    assert asked(world, "payment", minor, fee, BL=BILL).code == "13"
    assert (charged(world), sales(world)) == (0, [])


def test_a_partner_that_refuses_what_is_paid_has_it_given_back_by_new_entries(world: World) -> None:
    world.personality.strike("partner_rejects")
    assert asked(world, "payment", 8_640, 86, BL=BILL).code == partners.PARTNER_REFUSED
    assert (charged(world), credited(world, "W")) == (0, 0)
    kinds = world.bank._store.transact(lambda tx: tx.all("SELECT kind FROM transfers WHERE key LIKE :k", k="ATM%"))
    assert [kind for (kind,) in kinds] == ["move"] * 4
    assert asked(world, "bill_check", BL=BILL).code == "00"


@pytest.mark.parametrize(("then", "state", "cost"), [("accepted", "paid", 8_726), ("rejected", "refunded", 0)])
def test_a_pending_payment_is_asked_about_and_never_paid_twice(world: World, then: str, state: str, cost: int) -> None:
    world.personality.strike("partner_pending", for_s=30, then=then)
    first = asked(world, "payment", 8_640, 86, BL=BILL)
    reference = world.bank.orders()[-1].rrn
    assert first.extra["ST"] == "pending"
    assert asked(world, "partner_status", RF=reference).extra["ST"] == "pending"
    assert asked(world, "bill_check", BL=BILL).code == partners.IN_PROCESS
    assert asked(world, "payment", 8_640, 86, BL=BILL).code == partners.IN_PROCESS
    world.pass_time(30_000)
    for _ in range(2):
        told = asked(world, "partner_status", RF=reference)
        assert (told.extra["ST"], told.extra["AM"], told.extra["FE"]) == (state, "8640", "86")
    assert charged(world) == cost


def test_the_final_word_comes_without_anybody_asking(world: World) -> None:
    world.personality.strike("partner_pending", for_s=30, then="rejected")
    asked(world, "payment", 8_640, 86, BL=BILL)
    world.pass_time(31_000)
    world.bank.tick()
    assert (charged(world), sales(world)) == (0, [("rejected", 1)])
    assert world.bank.verify() == []


def test_nobody_is_told_of_a_payment_of_another(world: World) -> None:
    asked(world, "payment", 8_640, 86, BL=BILL)
    reference = world.bank.orders()[-1].rrn
    world.ask(0, sample.LIMITED, operation="partner_status", private={"RF": reference})
    assert world.last(HostAnswered).code == "25"


def test_a_reversal_takes_the_sale_back_first(world: World) -> None:
    request = world.ask(8_640, operation="payment", fee=Money(86, "CNY"), private={"BL": BILL})
    world.advise(request, AdviceKind.REVERSAL, reason=Reason.NO_ANSWER)
    assert (charged(world), credited(world, "W"), sales(world)) == (0, 0, [("cancelled", 1)])
    assert asked(world, "payment", 8_640, 86, BL=BILL).code == "00"


def test_a_partner_that_keeps_its_sale_is_somebodys_work(world: World) -> None:
    world.personality.strike("partner_keeps")
    request = world.ask(8_640, operation="payment", fee=Money(86, "CNY"), private={"BL": BILL})
    world.advise(request, AdviceKind.REVERSAL, reason=Reason.NO_ANSWER)
    assert world.last(AdviceAnswered).code == "94"
    assert (charged(world), credited(world, "W")) == (8_726, 8_640)
    assert [item.kind for item in world.bank.exceptions()] == ["posting_refused"]
    assert world.bank.verify() == []


# ---------------------------------------------------------------- top-ups


def test_the_same_key_again_is_the_first_result_and_no_second_top_up(world: World) -> None:
    world.personality.strike("partner_answer_lost")
    assert asked(world, "top_up", 5_000, BL=PHONE).extra["ST"] == "paid"
    assert sales(world) == [("accepted", 2)]
    assert (charged(world), credited(world, "M")) == (5_000, 5_000)
    assert asked(world, "top_up", 5_000, BL=PHONE).code == "00", "another order is another top-up"
    assert (charged(world), len(sales(world))) == (10_000, 2)


@pytest.mark.parametrize(("minor", "code"), [(50_000, "00"), (50_001, partners.OUT_OF_LIMITS)])
def test_limits_of_an_agreement_hold_at_check_and_payment(world: World, minor: int, code: str) -> None:
    assert asked(world, "top_up_check", minor, BL=PHONE).code == code
    assert asked(world, "top_up", minor, BL=PHONE).code == code


# ---------------------------------------------------------------- tickets


def hold(world: World, count: int = 2) -> str:
    told = asked(world, "ticket_hold", BL=f"{SHOW}|{count}")
    assert told.code == "00"
    return told.extra["HD"]


def left(world: World) -> str:
    return asked(world, "ticket_catalogue", BL="T", LG="en").extra["CT"].split(",")[3]


def test_held_seats_are_nobody_elses_until_the_hold_runs_out(world: World) -> None:
    assert left(world) == "2"
    first = hold(world)
    assert left(world) == "0"
    assert asked(world, "ticket_hold", BL=f"{SHOW}|1").code == partners.SOLD_OUT
    world.pass_time(61_000)
    assert left(world) == "2"
    assert asked(world, "purchase", 18_000, 180, BL=f"{SHOW}|2|{first}").code == partners.HOLD_EXPIRED
    assert charged(world) == 0


def test_a_released_hold_frees_its_seats(world: World) -> None:
    kept = hold(world)
    assert asked(world, "ticket_release", BL=f"T|{kept}").code == "00"
    assert left(world) == "2"


@pytest.mark.parametrize(
    ("kind", "cost", "free"), [(AdviceKind.COMPLETION, 18_180, "0"), (AdviceKind.REVERSAL, 0, "2")]
)
def test_a_ticket_is_final_with_its_paper_and_void_without(
    world: World, kind: AdviceKind, cost: int, free: str
) -> None:
    kept = hold(world)
    request = world.ask(18_000, operation="purchase", fee=Money(180, "CNY"), private={"BL": f"{SHOW}|2|{kept}"})
    told = world.last(HostAnswered)
    assert len(told.extra["TN"].split(",")) == 2
    assert told.extra["SE"] == "A1,A2"
    assert (charged(world), sales(world)) == (0, [("provisional", 1)])
    world.pass_time(120_000)
    assert left(world) == "0", "what is being paid does not run out"
    more = {"reason": Reason.NOTHING_DISPENSED} if kind is AdviceKind.REVERSAL else {}
    world.advise(request, kind, **more)
    assert (charged(world), left(world)) == (cost, free)
    assert world.bank.verify() == []


def test_a_purchase_that_is_not_covered_lets_the_seats_go(world: World) -> None:
    kept = hold(world)
    world.ask(18_000, sample.POOR, operation="purchase", fee=Money(180, "CNY"), private={"BL": f"{SHOW}|2|{kept}"})
    assert (world.last(HostAnswered).code, left(world)) == ("51", "2")


# ---------------------------------------------------------------- books and data


def test_books_that_differ_are_found(world: World) -> None:
    asked(world, "payment", 8_640, 86, BL=BILL)
    world.bank._store.transact(lambda tx: tx.run("UPDATE partner_sales SET amount_minor = 1"))
    assert [v.invariant for v in world.bank.verify()] == ["I17"]
    world.bank._store.transact(lambda tx: tx.run("UPDATE partner_sales SET amount_minor = 8640, state = 'cancelled'"))
    assert [v.invariant for v in world.bank.verify()] == ["I17"]


def test_partner_faults_pass_what_they_are_not_for(world: World) -> None:
    world.personality.strike("partner_rejects")
    assert asked(world, "bill_check", BL=BILL).code == "00"
    assert world.personality.armed() == ["partner_rejects"]


def test_a_lost_answer_and_its_reversal(world: World) -> None:
    world.personality.strike("silent_after_posting", operation="payment")
    request = world.ask(8_640, operation="payment", fee=Money(86, "CNY"), private={"BL": BILL})
    world.pass_time(31_000)
    assert world.last(HostSilent).ticket == request.ticket
    assert charged(world) == 8_726
    world.advise(request, AdviceKind.REVERSAL, reason=Reason.NO_ANSWER)
    assert (charged(world), sales(world)) == (0, [("cancelled", 1)])


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"agreements": [{"code": "W", "kind": "shop", "limits": LIMITS, "commission": FREE}]}, "kind 'shop'"),
        ({"agreements": [], "simulated": {"W": {}}}, "no agreement"),
        ({"agreements": [{"code": "W", "kind": "biller"}]}, "limits"),
    ],
)
def test_wrong_data_say_where(raw: dict[str, Any], says: str) -> None:
    with pytest.raises(BankDataError, match=says):
        sample.sample_bank(partners=raw)


def test_every_purchase_has_a_claim_of_its_own(world: World) -> None:
    claims = set()
    for _ in range(2):
        kept = hold(world, 1)
        told = asked(world, "purchase", 9_000, 90, BL=f"{SHOW}|1|{kept}")
        claims.add(told.extra["CL"])
    assert len(claims) == 2
    assert all(len(claim) == 10 for claim in claims)
