"""Puloon LCDM-4000: four cassettes, an order number of one byte, a memory of the last operation.

Numbers travel as value + 20h. The dispense answer holds, for each position, what passed the exit and what was
rejected; it does not say what left a cassette, so after a jam the notes in the path are not counted and
`unaccounted` stays empty although `PARTIAL` says that not all is well (`Purge` then counts them).

`LastDispense` asks for the serial number of the last order taken up (67h) and for the last operation (55h):

    last operation is no dispense, or no number is known     UNKNOWN   purged, reset, or memory lost
    number differs from the order's                          REFUSED   the order never was taken up
    the same number, counts agree with the error             DONE      what the device counted
    the same number, counts contradict                       UNKNOWN   what it counted is a lower bound
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
from drivers.dispenser.framing import LCDM4000
from drivers.dispenser.judge import judge, positive
from drivers.dispenser.link import End, LinkTiming

BIAS: Final = 0x20
POSITIONS: Final = (1, 2, 3, 4)
NUMBER_MAX: Final = 94  # 94 + 20h is the last printable byte
RESERVED: Final = bytes((BIAS,))
REMOVED: Final = 0x30  # TYPE of a position without cassette
NEAR_END_BIT: Final = 0x08  # of STAT [C]
SENSORS: Final = ("DVT-L", "DVT-R", "EJT", "EXIT", "RJT")  # bits of DISP


@dataclass(frozen=True, slots=True, kw_only=True)
class Lcdm4000Settings:
    """What differs between sources or sites; every field marked [U] is unverified on hardware.

    units: unit -> position, 1 top to 4 bottom.
    dispense_form: ``"serial"`` ends in the order number, ``"pypi"`` has none and then `LastDispense` cannot
        be tied to an order [U].
    parity: for whoever opens the port; clients disagree between 8N1 and 8E1 [U].
    notes_max: per order; the device allows 100 with rejects, clients keep below 40 or 20 [U].
    reset_responses: 2 as one client saw on hardware, 0 for a device that answers nothing and wants 2 s [U].
    reset_first: whether `Reset` restarts the motor before it purges.
    sensor_blocked: what a DISP bit reads when something is in front of the sensor [U].
    near_end_blocked: what the near-end bit of STAT reads when notes run low [U].
    poll_every_ms: status while idle; 0 for never.
    """

    id_byte: int = 0x30
    units: Mapping[str, int] = field(default_factory=lambda: {f"unit{n}": n for n in POSITIONS})
    dispense_form: Literal["serial", "pypi"] = "serial"
    parity: Literal["none", "even"] = "none"
    notes_max: int = 40
    reset_responses: Literal[0, 2] = 2
    reset_first: bool = True
    sensor_blocked: Literal[0, 1] = 1
    near_end_blocked: Literal[0, 1] = 1
    poll_every_ms: int = 60_000
    timing: LinkTiming = field(default_factory=LinkTiming)

    def __post_init__(self) -> None:
        positions = list(self.units.values())
        if not positions or not set(positions) <= set(POSITIONS) or len(set(positions)) != len(positions):
            raise ValueError(f"units {dict(self.units)}: each at a position of its own, 1 to 4")


class Lcdm4000(LcdmDriver):
    """Driver of one LCDM-4000."""

    results: ClassVar[Mapping[type[Command], type[Result]]] = {
        Reset: ResetResult,
        Dispense: DispenseResult,
        LastDispense: LastDispenseResult,
        m.ReadStatus: m.ReadStatusResult,
        m.Purge: m.PurgeResult,
        m.TestDispense: m.TestDispenseResult,
        m.ReadSerialNumber: m.ReadSerialNumberResult,
        m.ReadLastStatus: m.ReadLastStatusResult,
        m.DiagnoseSensors: m.DiagnoseSensorsResult,
        m.ReadOpacities: m.ParameterResult,
        m.ReadLengths: m.ParameterResult,
        m.ReadOrder: m.ParameterResult,
        m.WriteOpacities: m.ParameterResult,
        m.WriteLengths: m.ParameterResult,
        m.WriteOrder: m.ParameterResult,
    }

    def __init__(self, clock: Clock, settings: Lcdm4000Settings | None = None) -> None:
        self.settings = settings or Lcdm4000Settings()
        super().__init__(
            clock,
            LCDM4000.with_id(self.settings.id_byte),
            self.settings.timing,
            self.settings.units,
            closes_with_eot=True,
            poll_every_ms=self.settings.poll_every_ms,
        )
        self._knows_numbers = True  # until a device says otherwise
        self._latest: int | None = None  # number of the latest order this driver sent

    @property
    def capabilities(self) -> DispenserCapabilities:
        remembers = self.settings.dispense_form == "serial" and self._knows_numbers
        return self._capable(self.settings.notes_max, last_dispense=remembers)

    # ------------------------------------------------------------ who is there, how is it

    def _introduce(self) -> Script[Identity]:
        self._seen = yield from self._read_fitness()
        ended = yield c.SERIAL_NUMBER, b""
        self._knows_numbers = ended.end is End.ANSWERED and ended.body[0] == BIAS
        return Identity(model="LCDM-4000")

    def _read_fitness(self) -> Script[Fitness]:
        body = yield from self._ask(c.STATUS_4000)
        return self._fitness_of(body)

    def _fitness_of(self, body: bytes) -> Fitness:
        code = body[0] - BIAS
        meaning = c.meaning_of(c.ERRORS_4000, code)
        health, error = meaning.health, meaning.word
        detail = "" if code == 0 else f"{code:02X} {meaning.text}"
        supplies = {unit: state for unit, state in self._unit_states(body).items() if state != "ok"}
        if supplies and health is Health.OK:
            health = Health.ATTENTION
            error = "missing" if "missing" in supplies.values() else "low"
        return Fitness(health, error, detail, supplies)

    def _unit_states(self, body: bytes) -> dict[str, str]:
        states = {}
        for unit, position in self._positions.items():
            stat, kind = body[4 * position - 2 : 4 * position]
            low = bool(stat & NEAR_END_BIT) == bool(self.settings.near_end_blocked)
            states[unit] = "missing" if kind == REMOVED else "low" if low else "ok"
        return states

    # ------------------------------------------------------------ commands

    def _check(self, command: Command) -> None:
        if type(command) not in self.results:
            raise LocalProtocolError(f"{command.verb}: the LCDM-4000 has no such command")
        if isinstance(command, Dispense | LastDispense):
            if not 0 <= command.number <= NUMBER_MAX:
                raise LocalProtocolError(f"order number {command.number}: 0 to {NUMBER_MAX}, 0 for none")
            self._check_picks(command.picks, self.settings.notes_max)
        elif isinstance(command, m.TestDispense):
            self._check_picks(command.picks, self.settings.notes_max)
        elif isinstance(command, m.DiagnoseSensors) and command.position not in POSITIONS:
            raise LocalProtocolError(f"position {command.position}: 1 to 4")
        elif isinstance(command, m.WriteOrder) and sorted(command.values) != list(POSITIONS):
            raise LocalProtocolError(f"order {command.values}: each of 1 to 4 once")
        elif isinstance(command, m.WriteOpacities | m.WriteLengths) and not (
            len(command.values) == 4 and all(0 <= value <= 255 for value in command.values)
        ):
            raise LocalProtocolError(f"values {command.values}: four of 0 to 255")

    def _perform(self, command: Command) -> Script[Result]:
        if isinstance(command, Dispense):
            return self._dispense(command)
        if isinstance(command, LastDispense):
            return self._last_dispense(command)
        if isinstance(command, Reset):
            return self._reset(command)
        if isinstance(command, m.Purge):
            return self._purge(command)
        if isinstance(command, m.TestDispense):
            return self._test_dispense(command)
        return self._ask_only(command)

    def _dispense(self, command: Dispense) -> Script[Result]:
        serial = self.settings.dispense_form == "serial"
        if not (yield from self._settled(c.DISPENSE_4000, c.STATUS_4000)):
            return self._plain(command, Outcome.REFUSED, "deviceNotReady", NOT_SENT)
        self._latest = command.number
        data = self._quantities(command.picks, command.number if serial else None)
        return (yield from self._paid(command, c.DISPENSE_4000, data, self._count))

    def _last_dispense(self, command: LastDispense) -> Script[Result]:
        if command.number == 0 or not self.capabilities.last_dispense:
            yield from self._ask(c.STATUS_4000)  # it cannot tell, but is it there?
            return _untold(command, "the order has no number on the device")
        answer = yield from self._ask(c.SERIAL_NUMBER)
        body = yield from self._ask(c.LAST_STATUS)
        number = answer[1] - BIAS
        if answer[0] != BIAS or not 1 <= number <= NUMBER_MAX:
            return _untold(command, f"serial number answered {answer.hex(' ')}")
        if body[0] != c.DISPENSE_4000.code:
            return _untold(command, f"last operation is {body[0]:02X}, no dispense")
        if number != command.number:
            if self._latest not in (None, command.number):
                return _untold(command, f"a later order came after; the device remembers {number}")
            return LastDispenseResult(
                ticket=command.ticket,
                outcome=Outcome.REFUSED,
                detail=f"device remembers order {number}, never {command.number}",
            )
        counted = self._counted(body, 1)
        verdict = judge(
            counted.meaning, command.picks, counted.moved, counted.rejected, None, strange=counted.strange
        )
        unknown = verdict.outcome is Outcome.UNKNOWN
        return LastDispenseResult(
            ticket=command.ticket,
            outcome=Outcome.UNKNOWN if unknown else Outcome.DONE,
            error=verdict.error,
            detail=counted.detail,
            moved=counted.moved,
            rejected=counted.rejected,
            unaccounted=self._unaccounted({}, counted.meaning, command.picks),
        )

    def _reset(self, command: Reset) -> Script[Result]:
        if self.settings.reset_first:
            ended = yield (c.RESET_4000 if self.settings.reset_responses else c.RESET_4000_SILENT), b""
            if ended.end is not End.ANSWERED:
                return unanswered(ResetResult, command, ended)
        ended = yield c.PURGE_4000, b""
        if ended.end is not End.ANSWERED:
            return unanswered(ResetResult, command, ended)
        counted = self._counted(ended.body, 0)
        self._notice(counted.meaning, counted.code)
        outcome = _purged(counted)
        self._seen = yield from self._read_fitness()
        return ResetResult(
            ticket=command.ticket,
            outcome=outcome,
            error=counted.meaning.word,
            detail=counted.detail,
            rejected=counted.rejected,
            moved=counted.moved,
        )

    def _purge(self, command: m.Purge) -> Script[Result]:
        ended = yield c.PURGE_4000, b""
        if ended.end is not End.ANSWERED:
            return unanswered(m.PurgeResult, command, ended)
        counted = self._counted(ended.body, 0)
        self._notice(counted.meaning, counted.code)
        return m.PurgeResult(
            ticket=command.ticket,
            outcome=_purged(counted),
            error=counted.meaning.word,
            detail=counted.detail,
            rejected=counted.rejected,
            moved=counted.moved,
        )

    def _test_dispense(self, command: m.TestDispense) -> Script[Result]:
        data = self._quantities(command.picks, None)
        return (yield from self._tested(command, c.TEST_DISPENSE_4000, data, self._count))

    def _ask_only(self, command: Command) -> Script[Result]:
        ticket = command.ticket
        if isinstance(command, m.ReadStatus):
            body = yield from self._ask(c.STATUS_4000)
            self._seen = self._fitness_of(body)
            slots = {unit: 4 * position - 2 for unit, position in self._positions.items()}
            return m.ReadStatusResult(
                ticket=ticket,
                outcome=Outcome.DONE,
                error=self._seen.error,
                detail=self._seen.detail,
                sensors={
                    name: (body[1] - BIAS >> bit & 1) == self.settings.sensor_blocked
                    for bit, name in enumerate(SENSORS)
                },
                units=self._unit_states(body),
                opacities={unit: body[at + 2] - BIAS & 0xFF for unit, at in slots.items()},
                lengths={unit: body[at + 3] - BIAS & 0xFF for unit, at in slots.items()},
            )
        if isinstance(command, m.ReadSerialNumber):
            body = yield from self._ask(c.SERIAL_NUMBER)
            outcome, error, detail = _asked(body[0])
            number = body[1] - BIAS
            return m.ReadSerialNumberResult(
                ticket=ticket,
                outcome=outcome,
                error=error,
                detail=detail,
                number=number if number >= 0 else None,
            )
        if isinstance(command, m.ReadLastStatus):
            body = yield from self._ask(c.LAST_STATUS)
            counted = self._counted(body, 1)
            return m.ReadLastStatusResult(
                ticket=ticket,
                outcome=Outcome.UNKNOWN if counted.strange else Outcome.DONE,
                error=counted.meaning.word,
                detail=counted.detail,
                last_command=body[0],
                moved=counted.moved,
                rejected=counted.rejected,
            )
        if isinstance(command, m.DiagnoseSensors):
            body = yield from self._ask(c.SENSOR_DIAGNOSTICS, bytes((0x30 + command.position,)))
            outcome, error, detail = _asked(body[0])
            return m.DiagnoseSensorsResult(
                ticket=ticket,
                outcome=outcome,
                error=error,
                detail=detail,
                opacity=body[1],
                length=body[2],
                divert=body[3],
                reject=body[4],
            )
        return (yield from self._parameters(command))

    def _parameters(self, command: Command) -> Script[Result]:
        values: tuple[int, ...] = ()
        if isinstance(command, m.ReadOrder):
            body = yield from self._ask(c.GET_ORDER)
            values = tuple(byte - 0x30 for byte in body[1:])
        elif isinstance(command, m.WriteOrder):
            body = yield from self._ask(c.SET_ORDER, bytes(0x30 + value for value in command.values))
            values = command.values
        elif isinstance(command, m.WriteOpacities | m.WriteLengths):
            order = c.SET_OPACITIES if isinstance(command, m.WriteOpacities) else c.SET_LENGTHS
            body = yield from self._ask(order, _nibbles(command.values))
            values = command.values
        else:
            body = yield from self._ask(
                c.GET_OPACITIES if isinstance(command, m.ReadOpacities) else c.GET_LENGTHS
            )
            digits = [byte - 0x30 for byte in body[1:]]
            values = tuple(high * 16 + low for high, low in zip(digits[::2], digits[1::2], strict=True))
        outcome, error, detail = _asked(body[0])
        return m.ParameterResult(
            ticket=command.ticket, outcome=outcome, error=error, detail=detail, values=values
        )

    # ------------------------------------------------------------ bytes

    def _quantities(self, picks: Counts, number: int | None) -> bytes:
        """Four quantities, then `20 20 number` (7 bytes) or eleven reserved ones (15 bytes)."""
        data = bytearray(RESERVED * 4)
        for unit, count in picks.items():
            data[self._positions[unit] - 1] += count
        tail = RESERVED * 11 if number is None else RESERVED * 2 + bytes((BIAS + number,))
        return bytes(data) + tail

    def _counted(self, body: bytes, at: int) -> Counted:
        """Read ERR MISS 4 x {EXIT REJ TYPE} from `at`."""
        code = body[at] - BIAS
        moved: dict[str, int] = {}
        rejected: dict[str, int] = {}
        strange = False
        for position in POSITIONS:
            slot = at + 3 * position - 1
            exit_count, reject_count = body[slot] - BIAS, body[slot + 1] - BIAS
            unit = self._units.get(position)
            if exit_count < 0 or reject_count < 0 or (unit is None and exit_count + reject_count):
                strange = True
            elif unit is not None:
                moved[unit], rejected[unit] = exit_count, reject_count
        meaning = c.meaning_of(c.ERRORS_4000, code)
        return Counted(code, meaning, positive(moved), positive(rejected), strange=strange)

    def _count(self, body: bytes) -> Counted:
        return self._counted(body, 0)


def _nibbles(values: tuple[int, ...]) -> bytes:
    return bytes(0x30 + digit for value in values for digit in divmod(value, 16))


def _asked(code: int) -> tuple[Outcome, str | None, str]:
    """Return outcome, error and detail for the ERR byte of a question or a setting."""
    meaning = c.meaning_of(c.ERRORS_4000, code - BIAS)
    if meaning.success:
        return Outcome.DONE, None, ""
    return Outcome.REFUSED, meaning.word, f"{code - BIAS:02X} {meaning.text}"


def _purged(counted: Counted) -> Outcome:
    if counted.strange:
        return Outcome.UNKNOWN
    if counted.meaning.success:
        return Outcome.PARTIAL if counted.moved else Outcome.DONE
    return Outcome.PARTIAL if counted.rejected or counted.moved or counted.meaning.path else Outcome.REFUSED


def _untold(command: LastDispense, why: str) -> LastDispenseResult:
    return LastDispenseResult(ticket=command.ticket, outcome=Outcome.UNKNOWN, detail=why)
