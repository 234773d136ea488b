"""Puloon LCDM-1000 (one cassette) and LCDM-2000 (upper and lower): decimal digits in ASCII, no memory.

The device counts notes at three places: CHK (left the cassette), EXIT (came out) and REJ (rejected). What is
missing between them is `unaccounted`. There is no order number and no last operation, so `LastDispense`
always answers UNKNOWN, and the capabilities say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from drivers.base.clock import Clock
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import (
    Command,
    Counts,
    Dispense,
    DispenserCapabilities,
    DispenseResult,
    Health,
    Identity,
    LastDispense,
    LastDispenseResult,
    Outcome,
    Reset,
    ResetResult,
    Result,
)
from drivers.dispenser import commands as c
from drivers.dispenser import maintenance as m
from drivers.dispenser.driver import NOT_SENT, Counted, Fitness, LcdmDriver, Script, unanswered
from drivers.dispenser.framing import LCDM2000
from drivers.dispenser.judge import positive
from drivers.dispenser.link import End, LinkTiming

Model = Literal["1000", "2000"]

UPPER: Final = 1
LOWER: Final = 2
NEAR_END: Final = 0x31  # of CASS and STAT
PATH: Final = {"CHK1": (0, 0), "CHK2": (0, 1), "DIV1": (0, 2), "DIV2": (0, 3), "EJT": (0, 4), "EXIT": (0, 5)}
SENSORS: Final[Mapping[Model, Mapping[str, tuple[int, int]]]] = {  # name -> SENSOR byte, bit
    "1000": {**PATH, "NEAR-END1": (0, 6), "REJECT-TRAY": (1, 0), "CASSETTE1": (1, 1), "SOL": (1, 2)},
    "2000": {
        **PATH,
        "NEAR-END1": (0, 6),
        "SOL": (1, 0),
        "CASSETTE1": (1, 1),
        "CASSETTE2": (1, 2),
        "CHK3": (1, 3),
        "CHK4": (1, 4),
        "NEAR-END2": (1, 5),
        "REJECT-TRAY": (1, 6),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lcdm2000Settings:
    """What differs between sources or sites; every field marked [U] is unverified on hardware.

    units: unit -> position, 1 upper, 2 lower; None means one or two units as the model has.
    notes_max: per order, both cassettes together; the note gives 60 for one [U for two].
    sensor_set: what a sensor bit reads when it is blocked, near its end or missing; only the reject tray's
        is spelled out by the maker, and it is 1 [U for the others].
    counts_of_both: order of the counts in the answer to 56h: ``"by_unit"`` is CHK_U EXIT_U CHK_L EXIT_L as
        two clients have it, ``"by_sensor"`` CHK_U CHK_L EXIT_U EXIT_L as a third one has [U].
    poll_every_ms: status while idle; 0 for never.
    """

    id_byte: int = 0x50
    units: Mapping[str, int] | None = None
    parity: Literal["none", "even"] = "none"
    notes_max: int = 60
    sensor_set: Literal[0, 1] = 1
    counts_of_both: Literal["by_unit", "by_sensor"] = "by_unit"
    poll_every_ms: int = 60_000
    timing: LinkTiming = field(default_factory=LinkTiming)

    def units_of(self, model: Model) -> dict[str, int]:
        """Return unit -> position. Raises ValueError for a position the model does not have."""
        positions = (UPPER,) if model == "1000" else (UPPER, LOWER)
        units = dict(self.units) if self.units is not None else {f"unit{n}": n for n in positions}
        if not units or not set(units.values()) <= set(positions) or len(set(units.values())) != len(units):
            raise ValueError(f"units {units}: each at a position of its own, of {positions}")
        return units


class Lcdm2000(LcdmDriver):
    """Driver of one LCDM-1000 or LCDM-2000."""

    results: ClassVar[Mapping[type[Command], type[Result]]] = {
        Reset: ResetResult,
        Dispense: DispenseResult,
        LastDispense: LastDispenseResult,
        m.ReadStatus: m.ReadStatusResult,
        m.Purge: m.PurgeResult,
        m.TestDispense: m.TestDispenseResult,
        m.ReadRomVersion: m.ReadRomVersionResult,
    }

    def __init__(self, clock: Clock, model: Model = "2000", settings: Lcdm2000Settings | None = None) -> None:
        self.model: Model = model
        self.settings = settings or Lcdm2000Settings()
        super().__init__(
            clock,
            LCDM2000.with_id(self.settings.id_byte),
            self.settings.timing,
            self.settings.units_of(model),
            closes_with_eot=False,
            poll_every_ms=self.settings.poll_every_ms,
        )

    @property
    def capabilities(self) -> DispenserCapabilities:
        return self._capable(self.settings.notes_max, last_dispense=False)

    # ------------------------------------------------------------ who is there, how is it

    def _introduce(self) -> Script[Identity]:
        self._seen = yield from self._read_fitness()
        version = yield from self._ask(c.ROM_VERSION)
        return Identity(model=f"LCDM-{self.model}", firmware=_ascii(version))

    def _read_fitness(self) -> Script[Fitness]:
        body = yield from self._ask(c.STATUS)
        return self._fitness_of(body)

    def _fitness_of(self, body: bytes) -> Fitness:
        meaning = c.meaning_of(c.ERRORS_2000, body[1])
        health, error = meaning.health, meaning.word
        detail = "" if meaning.success else f"{body[1]:02X} {meaning.text}"
        sensors = self._sensors(body)
        supplies = {unit: state for unit, state in self._unit_states(sensors).items() if state != "ok"}
        if sensors["REJECT-TRAY"]:
            supplies["reject"] = "missing"
        if supplies and health in (Health.OK, Health.ATTENTION):
            health = Health.STOP if "reject" in supplies else Health.ATTENTION
            error = error or ("missing" if "missing" in supplies.values() else "low")
        return Fitness(health, error, detail, supplies)

    def _sensors(self, body: bytes) -> dict[str, bool]:
        """Return name -> blocked, missing or low."""
        sensors = {}
        for name, (byte, bit) in SENSORS[self.model].items():
            expected = 1 if name == "REJECT-TRAY" else self.settings.sensor_set
            sensors[name] = (body[2 + byte] >> bit & 1) == expected
        return sensors

    def _unit_states(self, sensors: Mapping[str, bool]) -> dict[str, str]:
        states = {}
        for unit, position in self._positions.items():
            missing, low = sensors[f"CASSETTE{position}"], sensors[f"NEAR-END{position}"]
            states[unit] = "missing" if missing else "low" if low else "ok"
        return states

    # ------------------------------------------------------------ commands

    def _check(self, command: Command) -> None:
        if type(command) not in self.results:
            raise LocalProtocolError(f"{command.verb}: the LCDM-{self.model} has no such command")
        if isinstance(command, Dispense | LastDispense):
            self._check_picks(command.picks, self.settings.notes_max)
        elif isinstance(command, m.TestDispense):
            self._check_picks(command.picks, 1)

    def _perform(self, command: Command) -> Script[Result]:
        if isinstance(command, Dispense):
            return self._dispense(command)
        if isinstance(command, LastDispense):
            return self._last_dispense(command)
        if isinstance(command, Reset | m.Purge):
            return self._purge(command)
        if isinstance(command, m.TestDispense):
            return self._test_dispense(command)
        return self._ask_only(command)

    def _dispense(self, command: Dispense) -> Script[Result]:
        order, data = self._order_for(command.picks)
        if not (yield from self._settled(order, c.STATUS)):
            return self._plain(command, Outcome.REFUSED, "deviceNotReady", NOT_SENT)
        return (yield from self._paid(command, order, data, lambda body: self._counted(order, body)))

    def _last_dispense(self, command: LastDispense) -> Script[Result]:
        yield from self._ask(c.STATUS)  # it cannot tell, but is it there?
        return LastDispenseResult(
            ticket=command.ticket,
            outcome=Outcome.UNKNOWN,
            detail=f"an LCDM-{self.model} does not remember what it dispensed",
        )

    def _purge(self, command: Reset | m.Purge) -> Script[Result]:
        kind = ResetResult if isinstance(command, Reset) else m.PurgeResult
        ended = yield c.PURGE, b""
        if ended.end is not End.ANSWERED:
            return unanswered(kind, command, ended)
        meaning = c.meaning_of(c.ERRORS_2000, ended.body[0])
        self._notice(meaning, ended.body[0])
        self._seen = yield from self._read_fitness()
        outcome = Outcome.DONE if meaning.success else Outcome.PARTIAL if meaning.path else Outcome.REFUSED
        return kind(
            ticket=command.ticket,
            outcome=outcome,
            error=meaning.word,
            detail=f"{ended.body[0]:02X} {meaning.text}; this model does not count what it purges",
        )

    def _test_dispense(self, command: m.TestDispense) -> Script[Result]:
        unit = next(unit for unit, count in command.picks.items() if count)
        order = c.TEST_DISPENSE if self._positions[unit] == UPPER else c.TEST_DISPENSE_LOWER
        return (yield from self._tested(command, order, b"", lambda body: self._counted(order, body)))

    def _ask_only(self, command: Command) -> Script[Result]:
        if isinstance(command, m.ReadRomVersion):
            version = yield from self._ask(c.ROM_VERSION)
            return m.ReadRomVersionResult(
                ticket=command.ticket, outcome=Outcome.DONE, version=_ascii(version)
            )
        body = yield from self._ask(c.STATUS)
        self._seen = self._fitness_of(body)
        sensors = self._sensors(body)
        return m.ReadStatusResult(
            ticket=command.ticket,
            outcome=Outcome.DONE,
            error=self._seen.error,
            detail=self._seen.detail,
            sensors=sensors,
            units=self._unit_states(sensors),
        )

    # ------------------------------------------------------------ bytes

    def _order_for(self, picks: Counts) -> tuple[c.Order, bytes]:
        upper = sum(count for unit, count in picks.items() if self._positions[unit] == UPPER)
        lower = sum(count for unit, count in picks.items() if self._positions[unit] == LOWER)
        if not lower:
            return c.DISPENSE_UPPER, _digits(upper)
        if not upper:
            return c.DISPENSE_LOWER, _digits(lower)
        return c.DISPENSE_BOTH, _digits(upper) + _digits(lower)

    def _counted(self, order: c.Order, body: bytes) -> Counted:
        if order is c.DISPENSE_BOTH:
            by_unit = self.settings.counts_of_both == "by_unit"
            chk, out = ((0, 4), (2, 6)) if by_unit else ((0, 2), (4, 6))
            code = body[8]
            fields = [
                (position, body[chk[position - 1] :], body[out[position - 1] :], body[rej:], body[cass])
                for position, cass, rej in ((UPPER, 9, 11), (LOWER, 10, 13))
            ]
        else:
            code = body[4]
            position = LOWER if order in (c.DISPENSE_LOWER, c.TEST_DISPENSE_LOWER) else UPPER
            fields = [(position, body, body[2:], body[6:], body[5])]
        left: dict[str, int] = {}
        moved: dict[str, int] = {}
        rejected: dict[str, int] = {}
        low: dict[str, bool] = {}
        strange = False
        for position, *pairs, cass in fields:
            unit = self._units.get(position)
            numbers = [_number(pair[:2]) for pair in pairs]
            if unit is None or None in numbers:
                strange = True
                continue
            for counts, number in zip((left, moved, rejected), numbers, strict=True):
                counts[unit] = number or 0
            low[unit] = cass == NEAR_END
        return Counted(
            code, c.meaning_of(c.ERRORS_2000, code), positive(moved), positive(rejected), positive(left), low, strange
        )

    def _notice_counts(self, counted: Counted) -> None:
        """Keep the error; a unit that says it runs low is a reason to look at the status soon."""
        super()._notice_counts(counted)
        if self._seen is not None and any(
            low and unit not in self._seen.supplies for unit, low in counted.low.items()
        ):
            supplies = {**self._seen.supplies, **{unit: "low" for unit, low in counted.low.items() if low}}
            health = Health.ATTENTION if self._seen.health is Health.OK else self._seen.health
            self._seen = Fitness(health, self._seen.error or "low", self._seen.detail, supplies)


def _digits(count: int) -> bytes:
    return f"{count:02d}".encode("ascii")


def _number(pair: bytes) -> int | None:
    """Read two ASCII digits; None if they are none."""
    return int(pair) if pair.isdigit() else None


def _ascii(body: bytes) -> str:
    return body.decode("ascii", "replace").strip()
