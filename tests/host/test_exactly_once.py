"""A withdrawal in which any message is lost, late or doubled: the books end as the customer's hands do.

The service is played here by its rules: nothing is given out without a matching approval; after it what was
given is completed or reversed; without it everything is reversed.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.money import Money
from kiosk.ports import AdviceAnswered, AdviceKind, HostAnswered, HostMismatch, HostSilent, Reason
from tests.bank import sample
from tests.host.world import World

ACCOUNT = sample.ACCOUNTS[sample.NORMAL]
AMOUNT = 50_000
MESSAGES = ("0200", "0210", "0220", "0221", "0230", "0420", "0421", "0430")
FATES: dict[str, list[int]] = {
    "straight": [0],
    "lost": [],
    "late": [35_000],
    "a little late": [700],
    "doubled": [0, 0],
    "doubled late": [0, 40_000],
}
LONG_MS = 30 * 60_000


def withdraw(world: World, given_out: int | None) -> int:
    """Serve one customer; return what they got. `given_out` is None for a dispenser that gave everything."""
    request = world.ask(AMOUNT)
    world.pass_time(request.answer_within_ms + 1)
    answers = [r for r in world.told(HostAnswered) if r.ticket == request.ticket]
    ends = [r for r in world.reports if isinstance(r, HostSilent | HostMismatch) and r.ticket == request.ticket]
    assert len(answers) + len(ends) == 1
    if not answers:
        world.advise(request, AdviceKind.REVERSAL, reason=Reason.NO_ANSWER)
        return 0
    if answers[0].code != "00":
        return 0
    got = AMOUNT if given_out is None else given_out
    if got == AMOUNT:
        world.advise(request, AdviceKind.COMPLETION, units={"C1": 5})
    elif got:
        world.advise(request, AdviceKind.REVERSAL, reason=Reason.SHORT_DISPENSED, stands=Money(got, "CNY"))
    else:
        world.advise(request, AdviceKind.REVERSAL, reason=Reason.NOTHING_DISPENSED)
    return got


def settled(world: World, got: int) -> None:
    world.pass_time(LONG_MS)
    assert world.client.advices_waiting == 0
    assert all(answer.settled for answer in world.told(AdviceAnswered))
    assert world.bank.verify() == []
    assert not [order for order in world.bank.orders() if order.state == "approved"]
    assert world.bank.exceptions() == []
    left = world.bank.balance(ACCOUNT)
    assert left is not None
    assert (left.ledger_minor, left.held_minor) == (1_000_000 - got, 0)


@pytest.mark.parametrize("given_out", [None, 30_000, 0], ids=["all", "part", "none"])
@pytest.mark.parametrize("fate", [f for f in FATES if f != "straight"])
@pytest.mark.parametrize("mti", MESSAGES)
def test_one_message_goes_astray(mti: str, fate: str, given_out: int | None) -> None:
    world = World()
    world.fate = lambda seen, nth: FATES[fate] if (seen, nth) == (mti, 1) else [0]
    settled(world, withdraw(world, given_out))


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(MESSAGES), st.integers(1, 3)), st.sampled_from(list(FATES)), min_size=2, max_size=8
    ),
    st.sampled_from([None, 30_000, 0]),
)
def test_many_messages_go_astray(fates: dict[tuple[str, int], str], given_out: int | None) -> None:
    world = World()
    world.fate = lambda seen, nth: FATES[fates.get((seen, nth), "straight")]
    settled(world, withdraw(world, given_out))


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_restart_repeats_what_was_queued(at: int) -> None:
    """The terminal loses its memory after `at` attempts of the advice and queues it again as a repeat."""
    world = World()
    request = world.ask(AMOUNT)
    world.fate = lambda seen, nth: [] if seen in ("0230",) and nth <= at else [0]
    advice = world.advice_of(request, AdviceKind.COMPLETION)
    if at:
        world.client.advise(advice)
        world.settle()
    before = world.client
    world.disconnect()
    world.client = type(before)(world.clock, world.calendar, before._settings, world.next_stan)
    world.client.advise(advice, repeat=bool(at))
    world.client.advise(advice, repeat=bool(at))
    assert world.client.advices_waiting == 1
    world.connect()
    settled(world, AMOUNT)


def test_late_approval_is_told_and_moves_nothing() -> None:
    world = World()
    world.personality.strike("late", by_ms=31_000)
    got = withdraw(world, None)
    assert got == 0
    settled(world, 0)
    assert [type(r).__name__ for r in world.reports].count("HostLate") == 1
