"""A reader that is connected, and one with a card in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.base.vocabulary import AcceptCard, CardInserted, DeviceReady
from drivers.card_reader.settings import Settings
from tests.drivers.card_reader.bench import Bench

TRACK2 = "6228480012345678901=30125010000012345"


@pytest.fixture
def bench() -> Bench:
    """A connected reader without a card."""
    made = Bench()
    made.driver.connect()
    assert isinstance(made.run(3_000)[0], DeviceReady)
    return made


@pytest.fixture
def with_card() -> Callable[..., Bench]:
    """Make a connected reader that has a card inside."""
    return make_with_card


def make_with_card(settings: Settings | None = None, **card: object) -> Bench:
    made = Bench(settings)
    made.driver.connect()
    made.run(3_000)
    made.driver.submit(AcceptCard(ticket="accept"))
    made.run(300)
    made.act("insert_card", **({"track2": TRACK2} | card))
    assert any(isinstance(report, CardInserted) for report in made.run(3_000))
    return made
