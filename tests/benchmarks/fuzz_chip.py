"""The contacts of a chip under the fuzzer: blocks of T=1, procedure bytes of T=0, answers to reset, TLV.

Promises that are tried: a codec raises `RemoteProtocolError` or nothing; the reader's end of the contacts raises
`ChipFailure` or nothing and comes to an end; the card raises nothing at all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from random import Random
from typing import Any

from drivers.base.atr import AtrReader, read_atr
from drivers.base.errors import RemoteProtocolError
from drivers.base.framing import bcc
from drivers.base.tlv import read_tlv
from drivers.sim.chip_blocks import INF_MAX, BlockReader, parse
from drivers.sim.chip_card import SimChipCard
from drivers.sim.chip_contact import TROUBLES, ChipContact
from drivers.sim.chip_manners import Manners
from drivers.sim.chip_terminal import ChipFailure, T1Terminal, Talk, select_protocol, t0_exchange, t0_lengths
from tests.benchmarks.mutants import damaged

EPISODE = 60
STEPS_MAX = 1_000  # of one dialogue
APDUS = [
    bytes.fromhex(text)
    for text in (
        "00A404000E315041592E5359532E444446303100", "00B2010C00", "00A4040008A00000033301010100", "80A8000002830000",
        "00B2010C1E", "0020008008241234FFFFFFFFFF", "80CA9F3600", "80CA9F3605", "00C0000028", "00840000",
    )
]  # fmt: skip
Line = Callable[[str, bytes], bytes]


def readers() -> Callable[[str, bytes], None]:
    blocks, answers = BlockReader(), AtrReader()

    def feed(direction: str, data: bytes) -> None:
        if direction == "to_device" and len(data) % 3 == 0:
            blocks.reset()
        blocks.feed(data)
        for codec in (parse, read_atr, read_tlv, answers.feed):
            with contextlib.suppress(RemoteProtocolError):
                codec(data)

    return feed


def reframe(rng: Random, direction: str, data: bytes) -> bytes:
    """Return a T=1 block damaged inside, with its length and LRC right."""
    del direction
    try:
        parse(data)
    except RemoteProtocolError:
        return data
    inside = damaged(rng, data[1:2] + data[3:-1], 0)[: INF_MAX + 1] or b"\x00"
    body = data[:1] + inside[:1] + bytes((len(inside) - 1,)) + inside[1:]
    return body + bytes((bcc(body),))


def _hold(talk: Talk[Any], contact: ChipContact, line: Line) -> None:
    """Carry a dialogue through; `line` makes of what either says what arrives. Raises AssertionError without end."""
    with contextlib.suppress(ChipFailure):
        try:
            say = next(talk)
            for _ in range(STEPS_MAX):
                heard = contact.feed(line("to_device", say.data))
                say = talk.send(line("from_device", heard))
        except StopIteration:
            return
        raise AssertionError(f"no end after {STEPS_MAX} steps")


def _dialogues(rng: Random, protocol: int) -> list[Talk[Any]]:
    """Return what a reader does with a card: selection, length, exchanges."""
    if protocol == 0:
        lengths = [t0_lengths(apdu) for apdu in APDUS]
        return [select_protocol(0, None), *(t0_exchange(*given) for given in lengths if given is not None)]
    terminal = T1Terminal(rng.choice((5, 32, 254)), 0, 320)
    return [
        select_protocol(1, None),
        terminal.offer_length(rng.choice((16, 254))),
        terminal.send(APDUS[0][:7], more=True),
        terminal.send(APDUS[0][7:], more=False),
        *(terminal.send(apdu, more=False) for apdu in APDUS),
        terminal.receive(),
        terminal.abort(),
    ]


def _card(rng: Random) -> ChipContact:
    manners = Manners(
        byte_by_byte=rng.random() < 0.3,
        nulls=rng.randrange(3),
        extensions=rng.randrange(3),
        inf_max=rng.choice((5, 32, 254)),
    )
    contact = ChipContact(SimChipCard(protocol=rng.choice(("0", "1", "01")), manners=manners))
    contact.reset()
    return contact


def record() -> dict[str, list[bytes]]:
    """Return what went over the contacts while cards of all manners were spoken to, no chunk twice."""
    seen: dict[str, dict[bytes, None]] = {"to_device": {}, "from_device": {}}

    def line(direction: str, data: bytes) -> bytes:
        if data:
            seen[direction].setdefault(data)
        return data

    rng = Random(1)
    for _ in range(12):
        contact = _card(rng)
        line("from_device", contact.reset())
        for talk in _dialogues(rng, rng.randrange(2)):
            _hold(talk, contact, line)
    return {direction: list(chunks) for direction, chunks in seen.items()}


def play_card(episode: Any) -> None:
    contact = _card(episode.rng)
    while episode.frames < EPISODE:
        for piece in episode.pieces(episode.mutant("to_device")):
            contact.feed(piece)
        if episode.rng.random() < 0.05:
            contact.reset()
        if episode.rng.random() < 0.05:
            contact.will(episode.rng.choice(TROUBLES))


def play_reader(episode: Any) -> None:
    mutates = episode.rng.choice((0.1, 0.3, 0.7))

    def line(direction: str, data: bytes) -> bytes:
        if data and episode.rng.random() < mutates:
            return bytes(episode.mutant(direction, data))
        return data

    while episode.frames < EPISODE:
        contact = _card(episode.rng)
        for talk in _dialogues(episode.rng, episode.rng.randrange(2)):
            _hold(talk, contact, line)


PLAYS = {"card": play_card, "reader": play_reader}
