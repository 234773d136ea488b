from __future__ import annotations

import pytest

from drivers.base.secrets import Track2
from kiosk.bank.data import load_bank
from kiosk.bank.storage import SqliteStore, open_store
from kiosk.bank.storage_sql import SqlAlchemyStore
from kiosk.host.message import parse_private
from kiosk.money import Money
from kiosk.ports import AdviceAnswered, AdviceKind, HostAnswered
from tests.bank import sample
from tests.bank.test_ledger import emptied
from tests.host.world import World

CASH = f"atm:{sample.TERMINAL}:cash"


def code(world: World, amount_minor: int, card: str, **more: object) -> str:
    world.ask(amount_minor, card, **more)
    return str(world.last(HostAnswered).code)


def ledger_minor(world: World, account: str) -> int:
    balance = world.bank.balance(account)
    assert balance is not None
    return balance.ledger_minor


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (sample.NORMAL, "00"),
        (sample.POOR, "51"),
        (sample.EXPIRED, "54"),
        (sample.BLOCKED, "62"),
        (sample.STOLEN, "43"),
        (sample.pan(99), "14"),
    ],
)
def test_cards(card: str, expected: str) -> None:
    world = World()
    expiry = "2001" if card == sample.EXPIRED else sample.EXPIRY
    request = world.request_of(10_000, card)
    object.__setattr__(request, "track2", Track2(sample.track2(card, expiry)))
    world.client.request(request)
    world.settle()
    assert world.last(HostAnswered).code == expected
    assert world.bank.verify() == []


def test_wrong_pins_count_down_and_a_right_one_restores() -> None:
    world = World()
    assert code(world, 10_000, sample.NORMAL, pin="9999") == "55"
    assert world.last(HostAnswered).tries_left == 2
    assert code(world, 10_000, sample.NORMAL) == "00"
    for expected in ("55", "55", "75", "75"):
        assert code(world, 10_000, sample.NORMAL, pin="9999") == expected
    assert code(world, 10_000, sample.NORMAL) == "75"


def test_the_last_try() -> None:
    world = World()
    assert code(world, 10_000, sample.LAST_TRY, pin="9999") == "75"


def test_pins_are_not_tried_on_a_stolen_card() -> None:
    world = World()
    assert {code(world, 10_000, sample.STOLEN, pin=pin) for pin in ("1234", "9999")} == {"43"}


def test_limits_count_what_is_held_and_what_is_posted() -> None:
    world = World()
    assert code(world, 100_001, sample.LIMITED) == "61"
    assert code(world, 100_000, sample.LIMITED) == "00"
    first = world.request_of(50_000, sample.LIMITED)
    world.client.request(first)
    world.settle()
    assert world.last(HostAnswered).code == "00"
    assert code(world, 10_000, sample.LIMITED) == "61"
    world.advise(first, AdviceKind.REVERSAL)
    assert code(world, 50_000, sample.LIMITED) == "00"
    assert world.bank.verify() == []


def test_count_limit() -> None:
    world = World()
    assert [code(world, 10_000, sample.LIMITED) for _ in range(4)] == ["00", "00", "00", "65"]
    world.bank.cut_over()
    world.settle()
    assert code(world, 10_000, sample.LIMITED) == "00"


def test_partial_approval_is_completed_with_what_was_approved() -> None:
    world = World()
    request = world.ask(50_000, sample.PARTIAL)
    answer = world.last(HostAnswered)
    assert (answer.code, answer.amount) == ("10", Money(30_000, "CNY"))
    world.advise(request, AdviceKind.COMPLETION, stands=Money(30_000, "CNY"))
    assert world.last(AdviceAnswered).code == "00"
    assert ledger_minor(world, sample.ACCOUNTS[sample.PARTIAL]) == 5_000
    assert world.bank.verify() == []


def test_inquiry_and_statement() -> None:
    world = World()
    done = world.ask(50_000)
    world.advise(done, AdviceKind.COMPLETION)
    world.ask(10_000)
    world.ask(0, operation="inquiry")
    answer = world.last(HostAnswered)
    assert answer.code == "00"
    assert (answer.ledger, answer.available) == (Money(950_000, "CNY"), Money(940_000, "CNY"))
    world.ask(0, operation="statement")
    assert world.last(HostAnswered).extra["125"] == "1122 D 000000050000 cash;1122 C 000001000000 opening"


def test_deposit_credits_when_vaulted_and_needs_no_pin() -> None:
    world = World()
    request = world.request_of(20_000, operation="deposit")
    object.__setattr__(request, "pin_block", None)
    world.client.request(request)
    world.settle()
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 1_000_000
    world.advise(request, AdviceKind.COMPLETION)
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 1_020_000
    assert world.bank.verify() == []


def test_transfer_posts_at_once_and_a_reversal_corrects_it() -> None:
    world = World()
    to = sample.ACCOUNTS[sample.POOR]
    request = world.ask(20_000, operation="transfer", to_account=to)
    assert world.last(HostAnswered).code == "00"
    assert ledger_minor(world, to) == 25_000
    assert world.bank.verify() == []
    world.advise(request, AdviceKind.REVERSAL)
    assert ledger_minor(world, to) == 5_000
    assert world.bank.verify() == []
    assert code(world, 20_000, sample.NORMAL, operation="transfer", to_account="nobody") == "76"


def test_payment_goes_to_the_payee() -> None:
    world = World()
    assert code(world, 8_800, sample.NORMAL, operation="payment", private={"BL": "WATER|0042"}) == "00"
    assert ledger_minor(world, "payee:WATER") == 8_800
    assert code(world, 8_800, sample.NORMAL, operation="payment", private={"BL": "GAS|1"}) == "76"
    assert world.bank.verify() == []


def test_pin_change() -> None:
    world = World()
    block = sample.pin_block(sample.NORMAL, "8642", world.pin_key)
    assert code(world, 0, sample.NORMAL, operation="pin_change", private={"NP": block}) == "00"
    assert code(world, 10_000, sample.NORMAL) == "55"
    assert code(world, 10_000, sample.NORMAL, pin="8642") == "00"
    assert code(world, 0, sample.NORMAL, pin="8642", operation="pin_change", private={"NP": "xyz"}) == "81"


def test_forced_decline_stays_declined() -> None:
    world = World()
    world.personality.strike("decline", code="61")
    request = world.ask(10_000)
    assert world.last(HostAnswered).code == "61"
    world.advise(request, AdviceKind.COMPLETION)
    assert world.last(AdviceAnswered).code == "94"
    assert [item.kind for item in world.bank.exceptions()] == ["completion_of_declined"]


# ------------------------------------------------------------ what does not fit opens a case, moves nothing


def test_reversal_after_completion_moves_nothing() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.COMPLETION)
    world.advise(request, AdviceKind.REVERSAL)
    assert world.last(AdviceAnswered).code == "94"
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 950_000
    (item,) = world.bank.exceptions()
    assert item.kind == "second_resolution"
    world.bank.close_exception(item, "notes found in the retract bin, nothing owed")
    assert world.bank.exceptions() == []
    assert len(world.bank.exceptions(open_only=False)) == 1


def test_completion_after_reversal_moves_nothing() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.REVERSAL)
    world.advise(request, AdviceKind.COMPLETION)
    assert world.last(AdviceAnswered).code == "94"
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 1_000_000
    assert [item.kind for item in world.bank.exceptions()] == ["second_resolution"]


def test_two_different_reversals_of_one_order() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.REVERSAL)
    world.advise(request, AdviceKind.REVERSAL, stands=Money(10_000, "CNY"))
    assert world.last(AdviceAnswered).code == "94"
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 1_000_000
    assert [item.kind for item in world.bank.exceptions()] == ["second_resolution"]


def test_a_request_after_its_reversal_meets_the_tombstone() -> None:
    world = World()
    request = world.request_of(50_000)
    world.advise(request, AdviceKind.REVERSAL)
    assert world.last(AdviceAnswered).code == "00"
    world.client.request(request)
    world.settle()
    assert world.last(HostAnswered).code == "94"
    assert world.bank.verify() == []
    assert world.bank.exceptions() == []


def test_completion_of_what_never_came() -> None:
    world = World()
    request = world.request_of(50_000)
    world.advise(request, AdviceKind.COMPLETION)
    assert world.last(AdviceAnswered).code == "25"
    assert [item.kind for item in world.bank.exceptions()] == ["completion_unknown"]
    world.client.request(request)
    world.settle()
    assert world.last(HostAnswered).code == "94"


def test_over_dispense_posts_what_was_approved_and_opens_a_case() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.COMPLETION, stands=Money(60_000, "CNY"))
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 950_000
    assert [item.kind for item in world.bank.exceptions()] == ["over_dispense"]
    assert world.bank.verify() == []


def test_suspect_completion_posts_and_opens_a_case() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.COMPLETION, suspect=True)
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 950_000
    assert [item.kind for item in world.bank.exceptions()] == ["suspect"]


def test_an_old_hold_becomes_a_case_and_stays_held() -> None:
    world = World()
    request = world.ask(50_000)
    world.clock.advance(24 * 3_600_000 - 1)
    world.bank.tick()
    assert world.bank.exceptions() == []
    world.clock.advance(1_000)
    assert [violation.invariant for violation in world.bank.verify()] == ["I14"]
    world.bank.tick()
    world.bank.tick()
    assert [item.kind for item in world.bank.exceptions()] == ["hold_too_old"]
    assert world.bank.verify() == []
    held = world.bank.balance(sample.ACCOUNTS[sample.NORMAL])
    assert held is not None
    assert held.held_minor == 50_000
    world.pass_time(120_000)
    world.connect()
    world.advise(request, AdviceKind.COMPLETION)
    world.pass_time(60_000)
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 950_000


# ------------------------------------------------------------ cash of the terminal


def test_cash_follows_withdrawals_loads_and_counts() -> None:
    world = World()
    assert ledger_minor(world, CASH) == -10_000_000
    request = world.ask(50_000)
    world.advise(request, AdviceKind.COMPLETION)
    world.bank.load_cash(sample.TERMINAL, 500_000, "exchange-1")
    world.bank.load_cash(sample.TERMINAL, 500_000, "exchange-1")
    assert ledger_minor(world, CASH) == -10_450_000
    assert world.bank.count_cash(sample.TERMINAL, 10_440_000, "count-1") == -10_000
    assert ledger_minor(world, CASH) == -10_440_000
    assert ledger_minor(world, "bank:suspense:CNY") == -10_000
    assert world.bank.verify() == []


def test_verify_compares_the_terminals_cash_with_its_orders() -> None:
    world = World()
    request = world.ask(50_000)
    world.advise(request, AdviceKind.COMPLETION)
    world.bank._store.transact(lambda tx: tx.run("UPDATE orders SET stands_minor = 40000"))
    assert {violation.invariant for violation in world.bank.verify()} >= {"I12", "I13"}


def test_an_officer_reports_a_card_stolen_and_frees_it() -> None:
    raw = sample.raw_bank()
    raw["cards"][0]["label"] = "mine"
    world = World(data=load_bank(raw))
    world.bank.set_card("mine", state="stolen")
    assert code(world, 10_000, sample.NORMAL) == "43"
    world.bank.set_card("mine")
    assert code(world, 10_000, sample.NORMAL) == "00"
    (card,) = [card for card in world.bank.cards() if card["label"] == "mine"]
    assert card["masked"] == "622588*********" + sample.NORMAL[-4:]
    assert sample.NORMAL not in str(world.bank.cards())
    assert len(world.bank.accounts()) == len(sample.ACCOUNTS)
    with pytest.raises(ValueError, match="mine"):
        world.bank.set_card("yours")


# ------------------------------------------------------------ durability


def test_a_bank_opened_again_knows_everything(tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = World(store=SqliteStore(tmp_path / "bank.db"))
    request = world.ask(50_000)
    world.advise(request, AdviceKind.COMPLETION)
    world.bank.close()
    again = World(store=SqliteStore(tmp_path / "bank.db"))
    assert ledger_minor(again, sample.ACCOUNTS[sample.NORMAL]) == 950_000
    assert again.bank.verify() == []
    again._stan = 910_000
    again.ask(10_000)
    assert again.last(HostAnswered).code == "00"
    again.bank.close()


def test_the_books_are_the_same_through_sqlalchemy(tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = World(store=SqlAlchemyStore(f"sqlite:///{tmp_path}/bank.db"))
    request = world.ask(50_000)
    world.advise(request, AdviceKind.REVERSAL, stands=Money(20_000, "CNY"))
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 980_000
    assert world.bank.verify() == []
    world.bank.close()


def test_the_books_are_the_same_on_postgres(postgres: str) -> None:
    world = World(store=emptied(open_store(postgres)))
    first, second = world.ask(50_000), world.ask(20_000)
    world.advise(first, AdviceKind.REVERSAL, stands=Money(20_000, "CNY"))
    world.advise(second, AdviceKind.COMPLETION, suspect=True)
    assert ledger_minor(world, sample.ACCOUNTS[sample.NORMAL]) == 960_000
    assert [item.kind for item in world.bank.exceptions()] == ["suspect"]
    assert world.bank.verify() == []
    world.bank.close()


def test_no_card_data_reach_the_disk(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "bank.db"
    world = World(store=SqliteStore(path))
    request = world.ask(50_000)
    world.advise(request, AdviceKind.COMPLETION)
    assert request.pin_block is not None
    block = request.pin_block.reveal()
    files = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    world.bank.close()
    assert sample.ACCOUNTS[sample.NORMAL].encode() in files
    for secret in (sample.NORMAL, block, world.pin_key, sample.PIN_MASTER_KEY, sample.track2(sample.NORMAL)):
        assert secret.encode() not in files


def test_private_tags_reach_the_event_register() -> None:
    assert parse_private("DN004C1=5") == {"DN": "C1=5"}
