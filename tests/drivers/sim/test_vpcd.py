"""The chip card's side of the virtual PC/SC reader."""

from __future__ import annotations

import pytest

from drivers.sim.chip_card import SimChipCard
from drivers.sim.vpcd import VpcdCard

POWER_ON, GIVE_ATR, SELECT = "000101", "000104", "000d00a4040008a000000333010101"


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_messages_in_any_pieces(step: int) -> None:
    chip = SimChipCard()
    card = VpcdCard(chip)
    data = bytes.fromhex(POWER_ON + GIVE_ATR + SELECT)
    answers = b"".join(card.receive(data[at : at + step]) for at in range(0, len(data), step))
    assert answers == len(chip.atr).to_bytes(2, "big") + chip.atr + b"\x00\x02\x61\x28"


def test_power_ends_the_selection() -> None:
    chip = SimChipCard()
    card = VpcdCard(chip)
    card.receive(bytes.fromhex(POWER_ON + SELECT))
    assert card.receive(bytes.fromhex("000100")) == b""
    assert card.receive(bytes.fromhex("0005" + "80CA9F3605")) == bytes.fromhex("00026a88")


def test_an_empty_message_is_none() -> None:
    assert VpcdCard(SimChipCard()).receive(b"\x00\x00" + bytes.fromhex(GIVE_ATR))[:2] == b"\x00\x09"
