from __future__ import annotations

import pytest

from kiosk.bank.personality import FAULTS
from kiosk.ports import HostAnswered, HostSilent
from tests.host.world import World


def test_unknown_names_are_refused_with_the_known() -> None:
    personality = World().personality
    with pytest.raises(ValueError, match="silent_after_posting"):
        personality.strike("moody")
    with pytest.raises(ValueError, match="by_ms"):
        personality.strike("late", by_minutes=3)
    with pytest.raises(ValueError, match="withdrawal"):
        personality.strike("silent", operation="gamble")
    with pytest.raises(ValueError, match="from 1"):
        personality.strike("silent", nth=0)


def test_the_nth_message_of_an_operation_is_struck() -> None:
    world = World()
    world.personality.strike("silent", nth=2, operation="withdrawal")
    world.ask(10_000)
    world.ask(0, operation="inquiry")
    struck = world.ask(10_000)
    world.ask(10_000)
    world.pass_time(30_000)
    assert [silent.ticket for silent in world.told(HostSilent)] == [struck.ticket]
    assert len(world.told(HostAnswered)) == 3
    assert world.personality.armed() == []


def test_healing_clears_everything() -> None:
    world = World()
    world.personality.strike("silent", times=9)
    world.personality.strike("link_down", for_ms=1_000_000)
    world.settle()
    assert not world.client.online
    world.personality.heal()
    world.connect()
    world.pass_time(6_000)
    world.ask(10_000)
    assert world.last(HostAnswered).code == "00"


def test_lost_before_and_lost_after_differ_in_the_books() -> None:
    world = World()
    world.personality.strike("silent")
    world.ask(10_000)
    assert world.bank.orders() == []
    world.personality.strike("silent_after_posting")
    world.ask(10_000)
    assert [order.state for order in world.bank.orders()] == ["approved"]


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_struck_and_says_what_it_does(name: str) -> None:
    world = World()
    world.personality.strike(name)
    assert FAULTS[name].does
    assert FAULTS[name].edge_cases
