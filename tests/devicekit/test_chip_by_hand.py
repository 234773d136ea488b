"""The chip's contract as hardware runs it: no hands of a simulator, a person who is told what to do.

The person holds one kind of card, so what asks for another is skipped with that reason.
"""

from __future__ import annotations

import threading

import pytest

from drivers.base.clock import SimClock
from drivers.base.line import SerialLine
from drivers.sim.cards import MagneticCard
from drivers.sim.chip_card import SimChipCard
from drivers.sim.pty import step_pty
from kiosk.devicekit.bench import Bench, SteppedLine, SteppedPace, try_check
from kiosk.devicekit.check import Check, Need, Verdict
from kiosk.devicekit.contract.chip import CHECKS
from kiosk.devicekit.units import UNITS

UNIT = UNITS["omron-3s4yr"]
BY_HAND = [check for check in CHECKS if check.needs <= {Need.HANDS}]


class Cardholder:
    """Does at once what is asked, with a card that speaks `protocol`."""

    def __init__(self, server, protocol: str) -> None:
        self.server, self.protocol = server, protocol

    def tell(self, text: str) -> None:
        if text.startswith("Take"):
            self.server.act("take_card")
            return
        chip = None if "no chip" in text else SimChipCard(protocol=self.protocol)
        self.server.act("insert_card", card=MagneticCard(track2="4761739001010010=27122011000012345678", chip=chip))

    def ask(self, text: str) -> None:
        raise AssertionError("nothing here moves value")

    def answer(self) -> bool | None:
        return None


def tried(check: Check, protocol: str) -> tuple[Verdict, str]:
    def make() -> Bench:
        clock = SimClock()
        server = step_pty(UNIT.simulator(clock), clock)
        woken = threading.Event()
        line = SteppedLine(server, SerialLine(server.path, UNIT.serial, woken.set), woken)
        return Bench(
            clock=clock,
            make_driver=UNIT.driver,
            line=line,
            decoder=UNIT.decoder(),
            pace=SteppedPace(clock, server, line),
            provides=frozenset({Need.HANDS, Need.VALUE, Need.LONG}),
            person=Cardholder(server, protocol),
            closing=server.stop,
        )

    trial, _ = try_check(check, make)
    return trial.verdict, trial.reason


@pytest.mark.parametrize("protocol", ["0", "1", "01"])
@pytest.mark.parametrize("check", BY_HAND, ids=lambda check: check.name)
def test_a_person_with_a_card_is_enough(check: Check, protocol: str) -> None:
    verdict, reason = tried(check, protocol)
    skips = {
        ("speaks_t0", "1"): "the card speaks chipT1",
        ("speaks_t1", "0"): "the card speaks chipT0",
        ("speaks_t1", "01"): "the card speaks chipT0",
        ("chooses_a_protocol", "0"): "the card offers one protocol",
        ("chooses_a_protocol", "1"): "the card offers one protocol",
    }
    due = skips.get((check.name, protocol), "")
    assert (verdict, reason) == ((Verdict.SKIPPED, due) if due else (Verdict.PASSED, ""))


def test_most_of_it_is_tried_by_hand() -> None:
    assert {"speaks_t0", "speaks_t1", "chooses_a_protocol", "releases_the_chip"} <= {check.name for check in BY_HAND}
