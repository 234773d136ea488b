"""The firmware of a simulated LCDM-1000 (one cassette) or LCDM-2000 (upper and lower). It has no memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from drivers.base.clock import Clock
from drivers.dispenser.framing import LCDM2000, Frame
from drivers.sim.device import Fault
from drivers.sim.dispenser.course import Motion, Trouble
from drivers.sim.dispenser.faults import FAULTS, NORMAL_STOP
from drivers.sim.dispenser.station import Station

NOTES_MAX: Final = 60
ROM: Final = "O16T3C5A"  # 'O', version, 'T', check sum
GOOD, NORMAL_STOP_CODE = 0x30, 0x31
CODES: Final = {
    Trouble.PICK: 0x32,
    Trouble.OVERFLOW: 0x34,
    Trouble.JAM_EXIT: 0x35,
    Trouble.LONG_EXIT: 0x35,
    Trouble.JAM_DIVERTER: 0x36,
    Trouble.WRONG_CASSETTE: 0x3A,  # the other pair of CHK sensors sees a note that nobody ordered
    Trouble.WRONG_WAY: 0x3C,
    Trouble.WRONG_WAY_SUSPECTED: 0x3C,
    Trouble.COUNT_DIVERTER: 0x3C,
    Trouble.COUNT_EXIT: 0x3D,
    Trouble.NO_REJECT_TRAY: 0x3F,
    Trouble.MOTOR: 0x41,
    Trouble.PATH_NOT_EMPTY: 0x42,
    Trouble.SLIP: 0x43,
    Trouble.OVER_REJECT: 0x44,
    Trouble.TIMEOUT: 0x47,
    Trouble.SOLENOID: 0x49,
    Trouble.SENSOR: 0x4A,
    Trouble.PURGE: 0x4E,
}
BY_UNIT: Final = {
    Trouble.EMPTY: (0x38, 0x40),
    Trouble.NO_CASSETTE: (0x45, 0x46),
    Trouble.JAM_CHK: (0x33, 0x4C),
}
EJECT: Final = {"1000": 0x35, "2000": 0x48}  # the LCDM-1000 says one thing of EJT and EXIT
COUNT_CHK: Final = {"1000": 0x3C, "2000": 0x3A}
TAKEN_FOR: Final = {
    "SOL": Trouble.SENSOR,
    "CHK1": Trouble.JAM_CHK,
    "CHK2": Trouble.JAM_CHK,
    "CHK3": Trouble.JAM_CHK,
    "CHK4": Trouble.JAM_CHK,
    "DIV1": Trouble.PATH_NOT_EMPTY,
    "DIV2": Trouble.PATH_NOT_EMPTY,
    "EJT": Trouble.JAM_EXIT,
    "EXIT": Trouble.JAM_EXIT,
    "REJECT-TRAY": Trouble.NO_REJECT_TRAY,
    "CASSETTE1": Trouble.NO_CASSETTE,
    "CASSETTE2": Trouble.NO_CASSETTE,
}
LOWER_SENSORS: Final = ("CHK3", "CHK4", "CASSETTE2")
UNDEFINED, BAD_REQUEST = 0x37, 0x3B


class SimLcdm2000(Station):
    """`notes`: unit -> notes, upper first; one unit for model 1000, at most two for model 2000."""

    faults: Mapping[str, Fault] = {**FAULTS, NORMAL_STOP.name: NORMAL_STOP}

    def __init__(
        self,
        clock: Clock,
        notes: Mapping[str, int] | None = None,
        *,
        model: Literal["1000", "2000"] = "2000",
        id_byte: int = 0x50,
        near_end_at: int = 0,
        rom: str = ROM,
    ) -> None:
        units_max = 1 if model == "1000" else 2
        stock = dict(notes) if notes is not None else {f"unit{n + 1}": 500 for n in range(units_max)}
        if not 1 <= len(stock) <= units_max:
            raise ValueError(f"{len(stock)} units: an LCDM-{model} has at most {units_max}")
        super().__init__(
            clock, LCDM2000.with_id(id_byte), stock, closes_with_eot=False, near_end_at=near_end_at
        )
        self.model = model
        self._rom = rom.encode("ascii")
        self._names = list(stock)

    # ------------------------------------------------------------ commands

    def _execute(self, frame: Frame) -> bytes | Motion:
        cmd, data = frame.cmd, frame.data
        if cmd == 0x44:
            return self._purge()
        if cmd == 0x46:
            return self._status()
        if cmd == 0x47:
            return self._rom
        if cmd in (0x45, 0x76) or (cmd in (0x55, 0x56, 0x77) and len(self._names) == 2):
            return self._pay(cmd, data)
        if cmd in self._framing.responses:
            return self._body(cmd, Motion(trouble=Trouble.CODE, code=UNDEFINED))
        return bytes((UNDEFINED,))

    def _pay(self, cmd: int, data: bytes) -> bytes | Motion:
        if cmd in (0x76, 0x77):
            return self._start([(self._names[cmd - 0x76], 1)], to_reject=True)
        amounts = [_amount(data[at : at + 2]) for at in range(0, len(data), 2)]
        if not all(1 <= amount <= NOTES_MAX for amount in amounts):
            return self._body(cmd, Motion(trouble=Trouble.CODE, code=BAD_REQUEST))
        units = self._names[1:] if cmd == 0x55 else self._names
        return self._start(list(zip(units, amounts, strict=False)))

    # ------------------------------------------------------------ what it says

    def _report(self, frame: Frame, motion: Motion) -> bytes:
        return bytes((self._code(motion),)) if frame.cmd == 0x44 else self._body(frame.cmd, motion)

    def _body(self, cmd: int, motion: Motion) -> bytes:
        code = bytes((self._code(motion),))
        if cmd == 0x44:
            return code
        if cmd == 0x56:
            upper, lower = self._names if len(self._names) == 2 else (self._names[0], "")
            return (
                _pair(motion.left.get(upper, 0))
                + _pair(motion.out.get(upper, 0))
                + _pair(motion.left.get(lower, 0))
                + _pair(motion.out.get(lower, 0))
                + code
                + self._end(upper)
                + self._end(lower)
                + _pair(motion.rejected.get(upper, 0))
                + _pair(motion.rejected.get(lower, 0))
            )
        unit = self._names[-1] if cmd in (0x55, 0x77) else self._names[0]
        left, out, rejected = (counts.get(unit, 0) for counts in (motion.left, motion.out, motion.rejected))
        return _pair(left) + _pair(out) + code + self._end(unit) + _pair(rejected)

    def _end(self, unit: str) -> bytes:
        return b"1" if unit and self._low(unit) else b"0"

    def _code(self, motion: Motion) -> int:
        trouble = motion.trouble
        if trouble is Trouble.NONE:
            return NORMAL_STOP_CODE if self._stops_normally else GOOD
        if trouble is Trouble.CODE:
            return motion.code
        if trouble in BY_UNIT:
            return BY_UNIT[trouble][self._names.index(motion.unit)]
        if trouble in (Trouble.JAM_EJECT, Trouble.LONG_EJECT):
            return EJECT[self.model]
        return COUNT_CHK[self.model] if trouble is Trouble.COUNT_CHK else CODES[trouble]

    def _takes_for(self, sensor: str) -> tuple[Trouble, str] | None:
        if sensor not in TAKEN_FOR:
            return None
        return TAKEN_FOR[sensor], self._names[-1 if sensor in LOWER_SENSORS else 0]

    def _status(self) -> bytes:
        cassettes = self.mechanism.cassettes
        low = [self._low(unit) for unit in self._names] + [False]
        missing = [not cassettes[unit].present for unit in self._names] + [False]
        no_tray = not self.mechanism.reject_tray_in
        first = {
            "CHK1": self._at("chk"),
            "CHK2": self._at("chk"),
            "DIV1": self._at("diverter"),
            "DIV2": self._at("diverter"),
            "EJT": self._at("eject"),
            "EXIT": self._at("exit"),
            "NEAR-END1": low[0],
        }
        if self.model == "1000":
            second = {"REJECT-TRAY": no_tray, "CASSETTE1": missing[0], "SOL": False}
        else:
            second = {
                "SOL": False,
                "CASSETTE1": missing[0],
                "CASSETTE2": missing[1],
                "CHK3": False,
                "CHK4": False,
                "NEAR-END2": low[1],
                "REJECT-TRAY": no_tray,
            }
        sensors = [
            0x80 | sum(self._covered(name, value) << bit for bit, (name, value) in enumerate(byte.items()))
            for byte in (first, second)
        ]
        return bytes((0x30, CODES[Trouble.NO_REJECT_TRAY] if no_tray else GOOD, *sensors))

    def _forget(self) -> None:
        """There is nothing to forget."""

    def _memory(self) -> Mapping[str, object]:
        return {}

    def _sensor_names(self) -> Sequence[str]:
        common = (
            "CHK1",
            "CHK2",
            "DIV1",
            "DIV2",
            "EJT",
            "EXIT",
            "NEAR-END1",
            "REJECT-TRAY",
            "CASSETTE1",
            "SOL",
        )
        return common if self.model == "1000" else (*common, "CASSETTE2", "CHK3", "CHK4", "NEAR-END2")


def _amount(pair: bytes) -> int:
    return int(pair) if pair.isdigit() else 0


def _pair(count: int) -> bytes:
    """Two decimal digits; beyond 99, which they cannot say, the tens run on behind '9'."""
    return bytes((0x30 + count // 10, 0x30 + count % 10))
