"""Every command and error of the Puloon LCDM dispensers.

Commands go out over the link layer. Each error code is reached by a state of the device: a fault is struck, hands do
something, or something strange is asked; then the code must come, and the driver must say the word of the table, never
DONE unless the table calls it a success, and never more or less than came out in truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.base.vocabulary import Dispense, Outcome, Repeat, Reset
from drivers.dispenser import commands as c
from drivers.dispenser import maintenance as m
from drivers.dispenser.framing import LCDM2000, LCDM4000, Framing
from drivers.dispenser.link import Link, LinkTiming
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Failed, Steps
from kiosk.devicekit.contract.dispenser import conserved, hold_against, truth
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
_STRANGE: Final = c.Order(0x7E, "a command that nobody has", c.ASK_WITHIN_MS, Repeat.SAFE)


@dataclass(frozen=True)
class Reach:
    """How a code comes about: `strikes` and `hands` (name, arguments) first, then an order from `unit`.

    `raw`: said over the link instead of the order, (command, data). `then`: asked of the driver after the order; its
    answer carries the code.
    """

    strikes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    hands: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    unit: str = "unit1"
    raw: tuple[c.Order, bytes] | None = None
    then: str = ""


def _struck(name: str, *, unit: str = "unit1", then: str = "", **arguments: Any) -> Reach:
    return Reach(strikes=((name, arguments),), unit=unit, then=then)


def _by_hand(name: str, *, unit: str = "unit1", **arguments: Any) -> Reach:
    return Reach(hands=((name, arguments),), unit=unit)


REACH_4000: Final[Mapping[int, Reach]] = {
    0x00: Reach(),
    0x01: _struck("pick_error", after=1),
    0x02: _struck("jam", place="chk", after=1),
    0x03: _struck("slips", after=1),
    0x04: _struck("jam", place="eject", after=1),
    0x05: _struck("jam", place="exit", after=1),
    0x06: _struck("wrong_way", suspected=True, after=1),
    0x07: _struck("count_mismatch", after=1),
    0x08: _struck("wrong_way", after=1),
    0x09: _struck("long_note", place="eject", after=1),
    0x0A: _struck("long_note", place="exit", after=1),
    0x0B: _struck("jam", place="diverter", after=1, then="dispense"),
    0x0C: Reach(raw=(c.DISPENSE_4000, b"\x85\x20\x20\x20\x20\x20\x21")),
    0x0D: _struck("over_reject", after=1),
    0x0E: _struck("jam", place="chk", after=1, stuck=True, then="reset"),
    0x20: _struck("sensor_lies", sensor="DVT-L", covered=True),
    0x21: _struck("sensor_lies", sensor="EXIT", covered=True),
    0x22: _struck("solenoid_dead"),
    0x23: _struck("motor_stalls", after=1),
    0x24: _by_hand("remove_cassette"),
    0x25: _struck("near_end", in_answer=True),
    0x26: _by_hand("open"),
    0x30: Reach(raw=(_STRANGE, b"")),
    0x31: Reach(raw=(c.DISPENSE_4000, b"\x20\x20\x20\x20\x20\x20\x21")),
    0x32: _struck("memory_damaged", kind="unverified"),
    0x33: _struck("memory_damaged", kind="unwritable"),
    0x34: _struck("memory_damaged", kind="misread"),
    0x35: _struck("memory_damaged", kind="eeprom_unwritable", then="write_order"),
    0x36: _struck("memory_damaged", kind="eeprom_sum"),
    0x40: _struck("wrong_cassette", unit="unit2", source="unit1", after=1),
    0x41: _struck("wrong_cassette", source="unit2", after=1),
    0x42: _struck("wrong_cassette", source="unit3", after=1),
    0x43: _struck("wrong_cassette", source="unit4", after=1),
}

_BOTH: Final[Mapping[int, Reach]] = {
    0x30: Reach(),
    0x31: _struck("normal_stop"),
    0x32: _struck("pick_error", after=1),
    0x33: _struck("jam", place="chk", after=1),
    0x34: _struck("extra_note"),
    0x35: _struck("jam", place="exit", after=1),
    0x36: _struck("jam", place="diverter", after=1),
    0x37: Reach(raw=(_STRANGE, b"")),
    0x38: _struck("runs_empty", after=1),
    0x3B: Reach(raw=(c.DISPENSE_UPPER, b"99")),
    0x3C: _struck("count_mismatch", place="diverter", after=1),
    0x3D: _struck("count_mismatch", place="exit", after=1),
    0x3F: _by_hand("open"),
    0x41: _struck("motor_stalls", after=1),
    0x42: _struck("jam", place="diverter", after=1, then="dispense"),
    0x43: _struck("slips", after=1),
    0x44: _struck("over_reject", after=1),
    0x45: _by_hand("remove_cassette"),
    0x47: _struck("slow_transport", after=1),
    0x49: _struck("solenoid_dead", after=1),
    0x4A: _struck("sensor_lies", sensor="SOL", covered=True),
    0x4E: _struck("jam", place="chk", after=1, stuck=True, then="reset"),
}
REACH_1000: Final[Mapping[int, Reach]] = _BOTH
REACH_2000: Final[Mapping[int, Reach]] = {
    **_BOTH,
    0x3A: _struck("wrong_cassette", source="unit2", after=1),
    0x40: _struck("runs_empty", unit="unit2", after=1),
    0x46: _by_hand("remove_cassette", unit="unit2"),
    0x48: _struck("jam", place="eject", after=1),
    0x4C: _struck("jam", place="chk", unit="unit2", after=1),
}


def sweep_4000(make: MakeBench) -> Swept:
    return _sweep(make, LCDM4000, c.ORDERS_4000, _DATA_4000, c.ERRORS_4000, REACH_4000, eot=True)


def sweep_2000(make: MakeBench) -> Swept:
    return _sweep(make, LCDM2000, c.ORDERS_2000, _DATA_2000, c.ERRORS_2000, REACH_2000, eot=False)


def sweep_1000(make: MakeBench) -> Swept:
    return _sweep(make, LCDM2000, c.ORDERS_1000, _DATA_2000, c.ERRORS_2000, REACH_1000, eot=False)


def _sweep(
    make: MakeBench,
    framing: Framing,
    orders: Mapping[int, c.Order],
    data: Mapping[int, bytes],
    errors: Mapping[int, c.Meaning],
    reaches: Mapping[int, Reach],
    *,
    eot: bool,
) -> Swept:
    swept = Swept()

    def said(bench: Bench, asked: list[tuple[c.Order, bytes]]) -> Steps[None]:
        link = Link(bench.clock, framing, LinkTiming(), closes_with_eot=eot)
        speaker = Speaker(link.receive, link.tick, link.data_to_send, link.next_deadline_ms)
        bench.party = speaker
        for order, parameters in asked:
            before = len(speaker.replies)
            link.start(order, parameters)
            yield from bench.until(lambda before=before: len(speaker.replies) > before, 200_000)  # type: ignore[misc]
            yield from bench.pause(3_000)

    swept.run(make, lambda bench: said(bench, [(order, data.get(code, b"")) for code, order in orders.items()]))
    for code, reach in reaches.items():
        if reach.raw is not None:
            swept.run(make, lambda bench, reach=reach: _strangely(bench, said, reach))  # type: ignore[misc]
        else:
            swept.run(make, _reached(code, reach, errors, swept))
    return swept


def _strangely(
    bench: Bench, said: Callable[[Bench, list[tuple[c.Order, bytes]]], Steps[None]], reach: Reach
) -> Steps[None]:
    assert reach.raw is not None
    bench.note(f"said: {reach.raw[0].name} {reach.raw[1].hex(' ')}".rstrip())
    yield from said(bench, [reach.raw])


def _reached(
    code: int, reach: Reach, errors: Mapping[int, c.Meaning], swept: Swept
) -> Callable[[Bench], Steps[None]]:
    meaning = errors[code]

    def steps(bench: Bench) -> Steps[None]:
        yield from bench.start()
        _arrange(bench, reach)
        picks = {reach.unit: 3}
        order = Dispense(ticket=bench.ticket(), picks=picks, number=5)
        result = yield from bench.do(order)
        try:
            hold_against(result, picks, truth(bench))
            conserved(bench)
        except Failed as failed:
            swept.wrong.append(f"{code:02X} {meaning.text}: {failed}")
        result = (yield from _then(bench, reach)) or result
        shown = f"{code:02X} {meaning.text}"
        if not result.detail.startswith(f"{code:02X} "):
            swept.wrong.append(f"{shown}: was not reached; the driver says {result.detail!r}")
        elif meaning.success != (result.outcome is Outcome.DONE):
            swept.wrong.append(f"{shown}: the driver says {result.outcome.value}")
        elif result.error != meaning.word:
            swept.wrong.append(f"{shown}: the driver says {result.error}, the table {meaning.word}")

    return steps


def _arrange(bench: Bench, reach: Reach) -> None:
    for name, arguments in reach.hands:
        where = {} if name == "open" else {"unit": reach.unit}
        bench.hand(name, "", **where, **arguments)
    for name, arguments in reach.strikes:
        where = {"unit": reach.unit} if name == "near_end" else {}
        bench.strike(name, **where, **arguments)


def _then(bench: Bench, reach: Reach) -> Steps[Any]:
    if reach.then == "dispense":
        return (yield from bench.do(Dispense(ticket=bench.ticket(), picks={reach.unit: 1}, number=6)))
    if reach.then == "reset":
        return (yield from bench.do(Reset(ticket=bench.ticket())))
    if reach.then == "write_order":
        return (yield from bench.do(m.WriteOrder(ticket=bench.ticket(), values=(4, 3, 2, 1))))
    return None
