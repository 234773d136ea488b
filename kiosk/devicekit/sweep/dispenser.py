"""Every command and error of the Puloon LCDM dispensers.

Commands go out over the link layer; each error code is struck as the end of a dispense and must come back from
the driver with the word of the table, and never as DONE unless the table calls it a success.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from drivers.base.vocabulary import Dispense, Outcome
from drivers.dispenser import commands as c
from drivers.dispenser.framing import LCDM2000, LCDM4000, Framing
from drivers.dispenser.link import Link, LinkTiming
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Steps
from kiosk.devicekit.sweep.base import MakeBench, Speaker, Swept

_DATA_4000: Mapping[int, bytes] = {
    0x52: b"\x21\x20\x20\x20\x20\x20\x21",
    0x53: b"\x21\x20\x20\x20\x20\x20\x20",
    0x58: b"1",
    0x5A: b"40404040",
    0x5C: b"1234",
    0x5E: b"60606060",
}
_DATA_2000: Mapping[int, bytes] = {0x45: b"01", 0x55: b"01", 0x56: b"0101"}


def sweep_4000(make: MakeBench) -> Swept:
    return _sweep(make, LCDM4000, c.ORDERS_4000, _DATA_4000, c.ERRORS_4000, eot=True)


def sweep_2000(make: MakeBench) -> Swept:
    return _sweep(make, LCDM2000, c.ORDERS_2000, _DATA_2000, c.ERRORS_2000, eot=False)


def sweep_1000(make: MakeBench) -> Swept:
    return _sweep(make, LCDM2000, c.ORDERS_1000, _DATA_2000, c.ERRORS_2000, eot=False)


def _sweep(
    make: MakeBench,
    framing: Framing,
    orders: Mapping[int, c.Order],
    data: Mapping[int, bytes],
    errors: Mapping[int, c.Meaning],
    *,
    eot: bool,
) -> Swept:
    swept = Swept()

    def commands(bench: Bench) -> Steps[None]:
        link = Link(bench.clock, framing, LinkTiming(), closes_with_eot=eot)
        speaker = Speaker(link.receive, link.tick, link.data_to_send, link.next_deadline_ms)
        bench.party = speaker
        for code, order in orders.items():
            before = len(speaker.replies)
            link.start(order, data.get(code, b""))
            yield from bench.until(lambda before=before: len(speaker.replies) > before, 200_000)  # type: ignore[misc]
            yield from bench.pause(3_000)

    swept.run(make, commands)
    for code, meaning in errors.items():
        swept.run(make, _told(code, meaning, swept))
    return swept


def _told(code: int, meaning: c.Meaning, swept: Swept) -> Callable[[Bench], Steps[None]]:
    def steps(bench: Bench) -> Steps[None]:
        yield from bench.start()
        bench.strike("fail", after=1, code=code)
        result = yield from bench.do(Dispense(ticket=bench.ticket(), picks={"unit1": 2}, number=5))
        shown = f"{code:02X} {meaning.text}"
        if result.outcome is Outcome.DONE:  # one of two notes came out, whatever the code says
            swept.wrong.append(f"{shown}: one note of two, and the driver says DONE")
        elif not meaning.success and result.error != meaning.word:
            swept.wrong.append(f"{shown}: the driver says {result.error}, the table {meaning.word}")

    return steps
