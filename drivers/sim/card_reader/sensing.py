"""What the reader tells of itself: status, sensors, voltages (10, 11, L0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drivers.sim.card_reader.trouble import Trouble

if TYPE_CHECKING:
    from drivers.sim.card_reader.reader import Handler, SimOmron3S4YR

_LIES: Final = {"none": "00", "exit": "01", "inside": "02"}
_FREE, _COVERED, _SUPPLY, _STILL, _TURNING = 31, 4, 30, 0, 29  # 0.1 V


def _status(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    if r.armed.fires("card_moved") is not None:
        return r.no(code, Trouble.MOVED)
    if (lie := r.armed.fires("sensor_lies")) is not None:
        return b"P" + code.encode("ascii") + _LIES.get(str(lie.get("place", "none")), "00").encode("ascii")
    return r.say(code)


def _seen(r: SimOmron3S4YR) -> dict[str, bool]:
    transport = r.transport
    inside = transport.place in ("inside", "read start", "jammed")
    at_mouth = transport.place in ("exit", "entering")
    striped = transport.card is not None and bool(transport.card.tracks) and transport.place == "entering"
    return {"S0": at_mouth, "S2": inside, "S4": inside, "stripe": striped, "width": at_mouth}


def _sensors(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    seen = _seen(r)
    digits = (
        seen["S0"], False, seen["S2"], False, seen["S4"], r.transport.shutter_open, seen["stripe"], seen["width"],
        r.station.state != "off", r.station.state == "active", r.moving, False,
    )  # fmt: skip
    return r.say(code, "".join("1" if digit else "0" for digit in digits))


def _voltages(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    """Eight of them: the five sensors (a covered one is dark), the motor, the supply, the power-fail capacitor."""
    sensors = [_COVERED if covered else _FREE for covered in _seen(r).values()]
    capacitor = _SUPPLY if r.memory.text("N1") == "1" else _STILL
    told = [*sensors, _TURNING if r.moving else _STILL, _SUPPLY, capacitor]
    return r.say(code, "".join(f"{tenths:02d}" for tenths in told))


COMMANDS: Final[Mapping[str, Handler]] = {"10": _status, "11": _sensors, "L0": _voltages}
