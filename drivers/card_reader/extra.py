"""What the OMRON 3S4YR does beyond the common vocabulary, as flows of questions that the driver runs like its own.

Tracks are in `tracks`, the chip in `chip`, everything that has no word of its own in `orders`; here are sensors
and the counter, and the list of them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.base.vocabulary import Command, Result
from drivers.card_reader import chip, orders, tracks
from drivers.card_reader.commands import COMMANDS
from drivers.card_reader.link import Answer, Ask, Failure, Flow
from drivers.card_reader.replies import outcome_of
from drivers.card_reader.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSensors(Command):
    verb = "read_sensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSensorsResult(Result):
    """`sensors`: name to digit as sent (``s0, s2, s4, shutter, stripe, width, chip_contact, chip,
    motor``).
    """

    verb = "read_sensors"
    sensors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCount(Command):
    """Read the counter of captured cards; with `clear`, set it to zero after it was read."""

    verb = "read_count"
    clear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCountResult(Result):
    """`captured`: the counter before it was cleared; None when it could not be read."""

    verb = "read_count"
    captured: int | None = None


SENSOR_NAMES: Final = ("s0", "", "s2", "", "s4", "shutter", "stripe", "width", "chip_contact", "chip", "motor", "")


def read_sensors(data: bytes) -> dict[str, int]:
    """Return sensors by name; what is no digit is left out."""
    pairs = zip(SENSOR_NAMES, data.decode("ascii", "replace"), strict=False)
    return {name: int(digit) for name, digit in pairs if name and digit in "0123456789"}


def _read_sensors(command: ReadSensors) -> Flow:
    reply = yield Ask(COMMANDS["11"])
    sensors = read_sensors(reply.data) if isinstance(reply, Answer) and reply.good else {}
    return ReadSensorsResult(ticket=command.ticket, sensors=sensors, **outcome_of(reply))


def _read_count(command: ReadCount) -> Flow:
    reply = yield Ask(COMMANDS["Q0"])
    if isinstance(reply, Failure) or not reply.good or not reply.data.isdigit():
        return ReadCountResult(ticket=command.ticket, **outcome_of(reply))
    captured = int(reply.data)
    if command.clear:
        reply = yield Ask(COMMANDS["Q1"])
    return ReadCountResult(ticket=command.ticket, captured=captured, **outcome_of(reply, moves=command.clear))


def flows(settings: Settings) -> Mapping[type[Command], Callable[[Any], Flow]]:
    """Return what carries out each command beyond the vocabulary."""
    return {
        ReadSensors: _read_sensors,
        ReadCount: _read_count,
        **tracks.FLOWS,
        **chip.flows(settings),
        **orders.flows(settings),
    }


EXTRA_RESULTS: Final[Mapping[type[Command], type[Result]]] = {
    ReadSensors: ReadSensorsResult,
    ReadCount: ReadCountResult,
    **tracks.RESULTS,
    **chip.RESULTS,
    **orders.RESULTS,
}
