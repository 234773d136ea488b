"""Every menu command of the scanner driver, and both ways in which the scanner refuses one."""

from __future__ import annotations

from drivers.barcode_scanner import commands as words
from drivers.barcode_scanner.framing import TRIGGER, UNTRIGGER, menu
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Steps
from kiosk.devicekit.sweep.base import MakeBench, Swept, Writer

_MENU = (
    words.IDENTIFY, words.ALIVE, words.HANDS_FREE, words.BY_COMMAND, words.NO_PREFIX, words.AIM_PREFIX,
    words.NO_SUFFIX, words.SUFFIX + "0D", words.ACKNOWLEDGED, "TRGMOD9", "NOSUCH1",
)  # fmt: skip


def sweep(make: MakeBench) -> Swept:
    swept = Swept()
    swept.run(make, _commands)
    return swept


def _commands(bench: Bench) -> Steps[None]:
    writer = bench.party = Writer()
    for said in (*(menu(text) for text in _MENU), TRIGGER, UNTRIGGER):
        writer.out += said
        yield from bench.pause(2_000)
