from __future__ import annotations

from kiosk.bank.advices import totals
from kiosk.host.message import Message, validate
from kiosk.money import Money
from kiosk.ports import AdviceKind
from tests.bank import sample
from tests.host.world import World

ZERO = dict.fromkeys((74, 75, 76, 77, 78, 80), "0" * 10) | dict.fromkeys((86, 87, 88, 89), "0" * 16)


def settlement(figures: dict[int, str]) -> Message:
    message = Message(
        "0520",
        {
            7: "1122160000",
            11: "000999",
            15: "1122",
            37: "632616000999",
            41: sample.TERMINAL,
            42: sample.ACCEPTOR,
            50: "156",
            **ZERO,
            **figures,
        },
    )
    validate(message)
    return message


def day() -> World:
    world = World()
    world.advise(world.ask(50_000), AdviceKind.COMPLETION)
    world.advise(world.ask(40_000), AdviceKind.REVERSAL, stands=Money(10_000, "CNY"))
    world.advise(world.ask(30_000), AdviceKind.REVERSAL)
    world.advise(world.ask(20_000, operation="deposit"), AdviceKind.COMPLETION)
    world.ask(0, operation="inquiry")
    world.ask(10_000, sample.POOR)
    return world


FIGURES = {
    74: "0000000001",
    76: "0000000002",
    77: "0000000002",
    80: "0000000001",
    86: f"{20_000:016d}",
    88: f"{60_000:016d}",
    89: f"{60_000:016d}",
    97: f"D{40_000:016d}",
}


def test_figures_of_a_day() -> None:
    assert totals(day().bank.orders()) == ZERO | FIGURES


def test_in_balance() -> None:
    world = day()
    answer = world.bank.handle(settlement(FIGURES))
    validate(answer)
    assert (answer.get(39), answer.get(66)) == ("00", "1")
    assert world.bank.exceptions() == []


def test_out_of_balance_answers_the_banks_figures_and_opens_a_case() -> None:
    world = day()
    answer = world.bank.handle(settlement({**FIGURES, 88: f"{70_000:016d}"}))
    validate(answer)
    assert answer.get(66) == "2"
    assert answer.get(88) == f"{60_000:016d}"
    assert [item.kind for item in world.bank.exceptions()] == ["out_of_balance"]


def test_the_same_settlement_again_gets_the_same_answer() -> None:
    world = day()
    first = world.bank.handle(settlement(FIGURES))
    world.advise(world.ask(50_000), AdviceKind.COMPLETION)
    assert world.bank.handle(settlement(FIGURES)) == first
