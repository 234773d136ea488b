"""The firmware of a simulated LCDM-4000: four positions, an order number, a memory of the last operation.

What no source says and a setting of `SimLcdm4000` decides: whether last operation and order number survive
without power, how many responses reset has, which form of the dispense command is known (both are).

An order number of 1..94 that was the last one taken up is answered with what became of it, and nothing moves;
the same number with other quantities is a bad parameter. 0 is no number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from drivers.base.clock import Clock
from drivers.dispenser.framing import LCDM4000, Frame
from drivers.sim.device import Fault
from drivers.sim.dispenser.course import Motion, Trouble
from drivers.sim.dispenser.faults import FAULTS, MEMORY_DAMAGED
from drivers.sim.dispenser.station import EEPROM_UNWRITABLE, MEMORY_KINDS, Station

ZERO: Final = 0x20
LIMIT: Final = 100
SENSORS: Final = ("DVT-L", "DVT-R", "EJT", "EXIT", "RJT")
NEAR_END: Final = 0x25
CODES: Final = {
    Trouble.NONE: 0x00,
    Trouble.PICK: 0x01,
    Trouble.EMPTY: 0x01,  # this firmware knows no "empty": nothing can be picked
    Trouble.JAM_CHK: 0x02,
    Trouble.JAM_DIVERTER: 0x03,
    Trouble.SLIP: 0x03,
    Trouble.JAM_EJECT: 0x04,
    Trouble.JAM_EXIT: 0x05,
    Trouble.WRONG_WAY_SUSPECTED: 0x06,
    Trouble.COUNT_CHK: 0x07,
    Trouble.COUNT_DIVERTER: 0x07,
    Trouble.COUNT_EXIT: 0x07,
    Trouble.OVERFLOW: 0x07,
    Trouble.WRONG_WAY: 0x08,
    Trouble.LONG_EJECT: 0x09,
    Trouble.LONG_EXIT: 0x0A,
    Trouble.PATH_NOT_EMPTY: 0x0B,
    Trouble.OVER_REJECT: 0x0D,
    Trouble.PURGE: 0x0E,
    Trouble.SOLENOID: 0x22,
    Trouble.MOTOR: 0x23,
    Trouble.TIMEOUT: 0x23,
    Trouble.NO_CASSETTE: 0x24,
    Trouble.NO_REJECT_TRAY: 0x26,
}
SENSOR_TROUBLE: Final = {"DVT-L": 0x20, "DVT-R": 0x20, "EJT": 0x21, "EXIT": 0x21, "RJT": 0x21}
"""The note has two codes for sensor trouble and no difference between them; before and behind the diverter is ours."""
MEMORY: Final = dict(zip(MEMORY_KINDS, (0x32, 0x33, 0x34, 0x35, 0x36), strict=True))
WRONG_CASSETTE: Final = 0x40  # and which of the four it came from
TOO_MANY, BAD_COMMAND, BAD_PARAMETER = 0x0C, 0x30, 0x31


class SimLcdm4000(Station):
    """`notes`: unit -> notes, in the order of the positions, at most four units."""

    faults: Mapping[str, Fault] = {**FAULTS, MEMORY_DAMAGED.name: MEMORY_DAMAGED}

    def __init__(
        self,
        clock: Clock,
        notes: Mapping[str, int] | None = None,
        *,
        id_byte: int = 0x30,
        near_end_at: int = 0,
        last_status_survives_power: bool = True,
        reset_responses: Literal[0, 2] = 2,
    ) -> None:
        stock = dict(notes) if notes is not None else {f"unit{n}": 500 for n in range(1, 5)}
        if not 1 <= len(stock) <= 4:
            raise ValueError(f"{len(stock)} units: an LCDM-4000 has one to four")
        super().__init__(
            clock, LCDM4000.with_id(id_byte), stock, closes_with_eot=True, near_end_at=near_end_at
        )
        self._names = list(stock)
        self._survives = last_status_survives_power
        self._reset_responses = reset_responses
        self._last_command = ZERO
        self._last: Motion = Motion()
        self._last_data = b""
        self._number = 0
        self._order = [1, 2, 3, 4]
        self._opacities = [0x40] * 4
        self._lengths = [0x60] * 4

    # ------------------------------------------------------------ commands

    def _execute(self, frame: Frame) -> bytes | Motion | tuple[bytes, ...]:
        cmd, data = frame.cmd, frame.data
        if cmd in (0x52, 0x53):
            return self._pay(cmd, data)
        if cmd == 0x51:
            self._last_command, self._last_data = cmd, b""
            self._last = self._purge()
            return self._last
        if cmd == 0x44:
            self._last_command, self._last, self._last_data = cmd, Motion(), b""
            return (bytes((ZERO,)),) * self._reset_responses
        if cmd == 0x50:
            return self._status()
        if cmd == 0x55:
            return bytes((self._last_command,)) + self._counts(self._last)
        if cmd == 0x67:
            return bytes((ZERO, ZERO + self._number))
        if cmd == 0x58:
            position = data[0] - 0x30
            if not 1 <= position <= len(self._names):
                return bytes((ZERO + BAD_PARAMETER,)) + b"\x20" * 4
            return bytes((ZERO, self._opacities[position - 1], self._lengths[position - 1], 0x30, 0x30))
        return self._parameter(cmd, data)

    def _parameter(self, cmd: int, data: bytes) -> bytes:
        if cmd == 0x5D:
            return bytes((ZERO, *(0x30 + position for position in self._order)))
        if cmd == 0x5B:
            return bytes((ZERO,)) + _digits(self._opacities)
        if cmd == 0x5F:
            return bytes((ZERO,)) + _digits(self._lengths)
        if cmd in (0x5A, 0x5C, 0x5E) and self._memory_damaged == EEPROM_UNWRITABLE:
            return bytes((ZERO + MEMORY[EEPROM_UNWRITABLE],))
        if cmd == 0x5C:
            order = [byte - 0x30 for byte in data]
            if sorted(order) != [1, 2, 3, 4]:
                return bytes((ZERO + BAD_PARAMETER,))
            self._order = order
            return bytes((ZERO,))
        if cmd in (0x5A, 0x5E):
            digits = [byte - 0x30 for byte in data]
            if not all(0 <= digit <= 15 for digit in digits):
                return bytes((ZERO + BAD_PARAMETER,))
            stored = self._opacities if cmd == 0x5A else self._lengths
            for index in range(4):
                value = digits[2 * index] << 4 | digits[2 * index + 1]
                stored[index] = value or stored[index]
            return bytes((ZERO,))
        return bytes((ZERO + BAD_COMMAND,))

    def _pay(self, cmd: int, data: bytes) -> bytes | Motion:
        quantities = [byte - ZERO for byte in data[:4]]
        number = data[6] - ZERO if len(data) == 7 else 0
        wanted = dict(zip(self._names, quantities, strict=False))
        if min(quantities) < 0 or not sum(quantities) or any(quantities[len(self._names) :]) or number < 0:
            return self._refusal(BAD_PARAMETER)
        if number and number == self._number and cmd == 0x52:
            known = self._last_command == 0x52 and data == self._last_data
            return self._counts(self._last) + b"\x20" * 9 if known else self._refusal(BAD_PARAMETER)
        if sum(quantities) > LIMIT:
            return self._refusal(TOO_MANY)
        self._last_command, self._last_data = cmd, data
        if cmd == 0x52:
            self._number = number
        order = [
            (self._names[position - 1], wanted[self._names[position - 1]])
            for position in self._order
            if position <= len(self._names)
        ]
        self._last = self._start(order, to_reject=cmd == 0x53)
        return self._last

    # ------------------------------------------------------------ what it says

    def _report(self, frame: Frame, motion: Motion) -> bytes:
        body = self._counts(motion)
        return body if frame.cmd == 0x51 else body + b"\x20" * 9

    def _counts(self, motion: Motion) -> bytes:
        body = bytearray((ZERO + self._code(motion), 0x30))
        for position in range(4):
            name = self._names[position] if position < len(self._names) else None
            out = motion.out.get(name, 0) if name else 0
            rejected = motion.rejected.get(name, 0) if name else 0
            body += bytes((ZERO + out, ZERO + rejected, self._kind(position)))
        return bytes(body)

    def _code(self, motion: Motion) -> int:
        trouble = motion.trouble
        if trouble is Trouble.CODE:
            return motion.code
        if trouble is Trouble.SENSOR:
            return SENSOR_TROUBLE[motion.unit]
        if trouble is Trouble.MEMORY:
            return MEMORY[motion.unit]
        if trouble is Trouble.WRONG_CASSETTE:
            return WRONG_CASSETTE + self._names.index(motion.unit)
        if trouble is Trouble.NONE and self._tells_near_end and any(self._low(unit) for unit in motion.out):
            return NEAR_END
        return CODES[trouble]

    def _takes_for(self, sensor: str) -> tuple[Trouble, str] | None:
        return Trouble.SENSOR, sensor

    def _refusal(self, code: int) -> bytes:
        motion = Motion(trouble=Trouble.CODE, code=code)
        return self._counts(motion) + b"\x20" * 9

    def _kind(self, position: int) -> int:
        present = position < len(self._names) and self.mechanism.cassettes[self._names[position]].present
        return 0x31 + position if present else 0x30

    def _status(self) -> bytes:
        error = 0x00 if self.mechanism.reject_tray_in else CODES[Trouble.NO_REJECT_TRAY]
        if self._memory_damaged not in ("", EEPROM_UNWRITABLE):
            error = MEMORY[self._memory_damaged]
        truth = {
            "DVT-L": self._at("chk", "diverter"),
            "DVT-R": self._at("chk", "diverter"),
            "EJT": self._at("eject"),
            "EXIT": self._at("exit"),
        }
        bits = sum(self._covered(name, truth.get(name, False)) << bit for bit, name in enumerate(SENSORS))
        body = bytearray((ZERO + error, ZERO + bits))
        for position in range(4):
            kind = self._kind(position)
            low = kind != 0x30 and self._low(self._names[position])
            body += bytes(
                (
                    ZERO | low << 3,
                    kind,
                    ZERO + self._opacities[position] & 0xFF,
                    ZERO + self._lengths[position] & 0xFF,
                )
            )
        return bytes(body)

    def _forget(self) -> None:
        if not self._survives:
            self._last_command, self._last, self._last_data, self._number = ZERO, Motion(), b"", 0
        else:
            self._last.trouble = self._last.trouble if self._last.ended else Trouble.NONE

    def _memory(self) -> Mapping[str, object]:
        return {"last_command": self._last_command, "number": self._number, "out": dict(self._last.out)}

    def _sensor_names(self) -> Sequence[str]:
        return SENSORS


def _digits(values: Sequence[int]) -> bytes:
    return bytes(0x30 + digit for value in values for digit in (value >> 4, value & 0x0F))
