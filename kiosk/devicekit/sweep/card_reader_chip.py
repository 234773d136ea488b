"""The chip commands of the OMRON 3S4YR and their errors: T=0, T=1, cards that offer both, cards that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from drivers.sim.cards import Chip, MagneticCard, SimChip
from drivers.sim.chip_card import SimChipCard, answer_to_reset
from drivers.sim.chip_manners import Manners
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.card_reader import TEST_TRACK
from kiosk.devicekit.sweep.card_reader_talk import Talk

SELECT: Final = bytes.fromhex("00A404000E 315041592E5359532E4444463031 00")
LONG: Final = bytes.fromhex("80F8000000")
LONG_ANSWERS: Final = {"80f80000": "5A" * 700 + "9000", "80f90000": "9000"}


def _with(talk: Talk, chip: Chip) -> Steps[None]:
    """Have a card with `chip` inside, whatever was before."""
    yield from talk.ask("01")
    yield from talk.ask_while("20", "insert_card", card=MagneticCard(track2=TEST_TRACK, chip=chip))


def _t0(talk: Talk) -> Steps[None]:
    yield from _with(talk, SimChipCard(manners=Manners(nulls=2, byte_by_byte=True)))
    yield from talk.ask("F0", "01", params=SELECT)
    for code, params in (
        ("C0", b""), ("E0", b"0"), ("F0", SELECT), ("E1", b"0"), ("F0", SELECT), ("C3", b""), ("C2", b"0"),
        ("C1", b""), ("C5", b"0"), ("F0", SELECT), ("C6", b""), ("G1", b"00"),
    ):  # fmt: skip
        yield from talk.ask(code, params=params)
    yield from talk.ask("F1", "87", params=SELECT)
    yield from talk.ask("F0", "02", params=b"\x00\xa4\x04\x00\x05\x01")
    for fault, error in (("chip_noise", "84"), ("chip_says_too_much", "86"), ("chip_silent", "80")):
        talk.bench.strike(fault)
        yield from talk.ask("F0", error, params=SELECT)
        yield from talk.ask("E0", params=b"0")  # a T=0 card that was broken off in a command is out of step
    for fault in ("chip_silent", "chip_wrong_atr"):
        talk.bench.strike(fault)
        yield from talk.ask("E0", "82", params=b"0")
    talk.bench.strike("solenoid_fail")
    yield from talk.ask("C1", "81")
    yield from talk.ask("02")
    yield from talk.ask("G1", params=b"0")
    yield from talk.ask("F0", params=SELECT)
    talk.bench.hand("pull_card", "")
    yield from talk.ask("10", "88")


def _t1(talk: Talk) -> Steps[None]:
    chip = SimChip(answer_to_reset("1", b"LONG", 32), LONG_ANSWERS, Manners(extensions=1, inf_max=32))
    yield from _with(talk, chip)
    yield from talk.ask("G1", params=b"02")
    yield from talk.ask("F1", params=SELECT)
    yield from talk.ask("F3", "01")
    yield from talk.ask("F1", params=LONG)
    for _ in range(2):
        yield from talk.ask("F3")
    command = bytes.fromhex("80F90000 00 0320") + bytes(0x320)
    for code, piece in (("F2", command[:300]), ("F2", command[300:600]), ("F1", command[600:])):
        yield from talk.ask(code, params=piece)
    for code, piece in (("F7", command[:400]), ("F6", command[400:])):
        yield from talk.ask(code, params=piece)
    yield from talk.ask("F2", params=command[:300])
    yield from talk.ask("F4")
    talk.bench.strike("chip_noise", answers=2)
    yield from talk.ask("F1", params=SELECT)
    for fault, error in (("chip_aborts", "85"), ("chip_says_too_little", "86")):
        talk.bench.strike(fault)
        yield from talk.ask("F1", error, params=SELECT)
    talk.bench.strike("chip_noise", answers=9)
    yield from talk.ask("F1", "84", params=SELECT)
    yield from talk.ask("F1", params=SELECT)  # in step again
    talk.bench.strike("chip_silent")
    yield from talk.ask("F1", "80", params=SELECT)


def _both(talk: Talk) -> Steps[None]:
    """The reader chooses, is told to, or is refused."""
    yield from _with(talk, SimChipCard(protocol="01"))
    yield from talk.ask("G1", params=b"0")
    yield from talk.ask("F0", params=SELECT)
    for choice, exchange in ((b"0", "F0"), (b"1", "F1")):
        yield from talk.ask("E0", params=b"1")
        yield from talk.ask(exchange, "01", params=SELECT)
        yield from talk.ask("F8", params=choice)
        yield from talk.ask(exchange, params=SELECT)
    yield from _with(talk, SimChipCard(protocol="01", manners=Manners(refuses_selection=True)))
    yield from talk.ask("G1", params=b"0")
    yield from _with(talk, SimChip(bytes.fromhex("3B 80 0E 8E")))  # T=14 is all it speaks
    yield from talk.ask("G1", "87", params=b"0")


CHIP_ROUNDS: Final[tuple[Callable[[Talk], Steps[None]], ...]] = (_t0, _t1, _both)
