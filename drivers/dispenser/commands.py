"""The vocabulary of both profiles as tables: what can be said, how long it may take, what an error means.

Whether a command may be said twice is part of its definition: SAFE ones are asked again on silence, ONCE
ones move notes (or lose counts when said twice) and silence on them is UNKNOWN.

An error says four things: XFS4IoT's word, whether the *counts* that came with it can be trusted, whether
notes may lie in the *path*, and how fit the device is afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.base.vocabulary import Health, Repeat

RESPONSE_WITHIN_MS: Final = 60_000  # the maker's limit for any mechanical work [S]
ASK_WITHIN_MS: Final = 5_000  # for what only reads memory and sensors; ours, the note gives 60 s for all
RESET_WITHIN_MS: Final = 10_000  # two responses, one before and one after the motor ran
RESET_SILENT_MS: Final = 2_000  # a device that answers nothing to reset wants this pause


@dataclass(frozen=True, slots=True)
class Order:
    """One command of the device. `responses`: frames it is answered with; 0 means wait and go on."""

    code: int
    name: str
    reply_within_ms: int
    repeat: Repeat
    responses: int = 1


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error code says. `success`: complete if the counts agree; `counted`: counts can be trusted;
    `path`: notes may lie in the transport; `unit`: which unit it names (position, 0 for none); `stray`: the position
    that a note came from without being asked, 0 for none.
    """

    text: str
    word: str | None
    health: Health = Health.STOP
    success: bool = False
    counted: bool = True
    path: bool = False
    unit: int = 0
    stray: int = 0


_SAFE, _ONCE = Repeat.SAFE, Repeat.ONCE


def _table(*orders: Order) -> Mapping[int, Order]:
    return {order.code: order for order in orders}


# ---------------------------------------------------------------- LCDM-4000

RESET_4000: Final = Order(0x44, "reset", RESET_WITHIN_MS, _ONCE, responses=2)
RESET_4000_SILENT: Final = Order(0x44, "reset", RESET_SILENT_MS, _ONCE, responses=0)
STATUS_4000: Final = Order(0x50, "status", ASK_WITHIN_MS, _SAFE)
PURGE_4000: Final = Order(0x51, "purge", RESPONSE_WITHIN_MS, _ONCE)
DISPENSE_4000: Final = Order(0x52, "dispense", RESPONSE_WITHIN_MS, _ONCE)
TEST_DISPENSE_4000: Final = Order(0x53, "test dispense", RESPONSE_WITHIN_MS, _ONCE)
LAST_STATUS: Final = Order(0x55, "last status", ASK_WITHIN_MS, _SAFE)
SENSOR_DIAGNOSTICS: Final = Order(0x58, "sensor diagnostics", ASK_WITHIN_MS, _SAFE)
SET_OPACITIES: Final = Order(0x5A, "set opacities", ASK_WITHIN_MS, _SAFE)
GET_OPACITIES: Final = Order(0x5B, "get opacities", ASK_WITHIN_MS, _SAFE)
SET_ORDER: Final = Order(0x5C, "set dispense order", ASK_WITHIN_MS, _SAFE)
GET_ORDER: Final = Order(0x5D, "get dispense order", ASK_WITHIN_MS, _SAFE)
SET_LENGTHS: Final = Order(0x5E, "set bill lengths", ASK_WITHIN_MS, _SAFE)
GET_LENGTHS: Final = Order(0x5F, "get bill lengths", ASK_WITHIN_MS, _SAFE)
SERIAL_NUMBER: Final = Order(0x67, "get serial number", ASK_WITHIN_MS, _SAFE)

ORDERS_4000: Final = _table(
    RESET_4000, STATUS_4000, PURGE_4000, DISPENSE_4000, TEST_DISPENSE_4000, LAST_STATUS, SENSOR_DIAGNOSTICS,
    SET_OPACITIES, GET_OPACITIES, SET_ORDER, GET_ORDER, SET_LENGTHS, GET_LENGTHS, SERIAL_NUMBER,
)  # fmt: skip

_JAM, _UNIT, _HARD, _COUNT = "mediaJam", "cashUnitError", "hardwareError", "incorrectCount"

ERRORS_4000: Final[Mapping[int, Meaning]] = {
    0x00: Meaning("good", None, Health.OK, success=True),
    0x01: Meaning("pick-up error", _UNIT, Health.ATTENTION),
    0x02: Meaning("jam between CHK and DVT", _JAM, path=True),
    0x03: Meaning("jam between DVT and EJT", _JAM, path=True),
    0x04: Meaning("jam between EJT and EXIT", _JAM, counted=False, path=True),
    0x05: Meaning("a note stays in the exit", _JAM, counted=False, path=True),
    0x06: Meaning("ejected a note suspected as rejected", _COUNT, counted=False, path=True),
    0x07: Meaning("count mismatch on eject", _COUNT, counted=False, path=True),
    0x08: Meaning("a note to be rejected passed eject", _COUNT, counted=False, path=True),
    0x09: Meaning("note too long at eject", _JAM, path=True),
    0x0A: Meaning("note too long at exit", _JAM, counted=False, path=True),
    0x0B: Meaning("notes on the path before start", "itemsLeft", Health.STOP),
    0x0C: Meaning("too many notes in one transaction", "tooManyItems", Health.OK),
    0x0D: Meaning("too many rejects in one transaction", _UNIT, Health.ATTENTION),
    0x0E: Meaning("purge ended abnormally", _JAM, path=True),
    0x20: Meaning("sensor trouble before start", _HARD),
    0x21: Meaning("sensor trouble before start", _HARD),
    0x22: Meaning("solenoid trouble", _HARD),
    0x23: Meaning("motor or slit sensor trouble", _HARD),
    0x24: Meaning("cassette asked for is absent", "missing", Health.ATTENTION),
    0x25: Meaning("cassette near its end", "low", Health.ATTENTION, success=True),
    0x26: Meaning("reject tray absent", "missing"),
    0x30: Meaning("unknown command", "unsupportedCommand", Health.OK),
    0x31: Meaning("bad parameter", "invalidData", Health.OK),
    0x32: Meaning("verification after download missing", _HARD),
    0x33: Meaning("program memory cannot be written", _HARD),
    0x34: Meaning("verification failed", _HARD),
    0x35: Meaning("EEPROM cannot be written", _HARD),
    0x36: Meaning("EEPROM check sum wrong", _HARD),
    0x40: Meaning("note came from the top cassette instead", _UNIT, counted=False, path=True, unit=1, stray=1),
    0x41: Meaning("note came from the second cassette instead", _UNIT, counted=False, path=True, unit=2, stray=2),
    0x42: Meaning("note came from the third cassette instead", _UNIT, counted=False, path=True, unit=3, stray=3),
    0x43: Meaning("note came from the fourth cassette instead", _UNIT, counted=False, path=True, unit=4, stray=4),
}

# ---------------------------------------------------------------- LCDM-1000 and LCDM-2000

PURGE: Final = Order(0x44, "purge", RESPONSE_WITHIN_MS, _ONCE)
DISPENSE_UPPER: Final = Order(0x45, "dispense", RESPONSE_WITHIN_MS, _ONCE)
STATUS: Final = Order(0x46, "status", ASK_WITHIN_MS, _SAFE)
ROM_VERSION: Final = Order(0x47, "ROM version", ASK_WITHIN_MS, _SAFE)
DISPENSE_LOWER: Final = Order(0x55, "lower dispense", RESPONSE_WITHIN_MS, _ONCE)
DISPENSE_BOTH: Final = Order(0x56, "upper and lower dispense", RESPONSE_WITHIN_MS, _ONCE)
TEST_DISPENSE: Final = Order(0x76, "test dispense", RESPONSE_WITHIN_MS, _ONCE)
TEST_DISPENSE_LOWER: Final = Order(0x77, "lower test dispense", RESPONSE_WITHIN_MS, _ONCE)

ORDERS_1000: Final = _table(PURGE, DISPENSE_UPPER, STATUS, ROM_VERSION, TEST_DISPENSE)
ORDERS_2000: Final = _table(*ORDERS_1000.values(), DISPENSE_LOWER, DISPENSE_BOTH, TEST_DISPENSE_LOWER)

ERRORS_2000: Final[Mapping[int, Meaning]] = {
    0x30: Meaning("good", None, Health.OK, success=True),
    0x31: Meaning("normal stop", None, Health.OK, success=True),
    0x32: Meaning("pick-up error", _UNIT, Health.ATTENTION),
    0x33: Meaning("jam at CHK1/2", _JAM, path=True),
    0x34: Meaning("overflow bill", _COUNT, counted=False, path=True),
    0x35: Meaning("jam at EXIT or EJT", _JAM, counted=False, path=True),
    0x36: Meaning("jam at DIV", _JAM, path=True),
    0x37: Meaning("undefined command", "unsupportedCommand", Health.OK),
    0x38: Meaning("bill end", "empty", Health.ATTENTION, unit=1),
    0x3A: Meaning("counting error between CHK3/4 and DIV", _COUNT, counted=False, path=True, stray=2),
    0x3B: Meaning("note request error", "invalidData", Health.OK),
    0x3C: Meaning("counting error between DIV and EJT", _COUNT, counted=False, path=True),
    0x3D: Meaning("counting error between EJT and EXIT", _COUNT, counted=False, path=True),
    0x3F: Meaning("reject tray not recognised", "missing"),
    0x40: Meaning("lower bill end", "empty", Health.ATTENTION, unit=2),
    0x41: Meaning("motor stop", _HARD, path=True),
    0x42: Meaning("jam at DIV", _JAM, path=True),
    0x43: Meaning("timeout from DIV to EJT", _JAM, path=True),
    0x44: Meaning("over reject", _UNIT, Health.ATTENTION),
    0x45: Meaning("cassette not recognised", "missing", Health.ATTENTION, unit=1),
    0x46: Meaning("lower cassette not recognised", "missing", Health.ATTENTION, unit=2),
    0x47: Meaning("dispensing timeout", _HARD, path=True),
    0x48: Meaning("jam at EJT", _JAM, path=True),
    0x49: Meaning("diverter solenoid or SOL sensor", _HARD, path=True),
    0x4A: Meaning("SOL sensor", _HARD, path=True),
    0x4C: Meaning("jam at CHK3/4", _JAM, path=True),
    0x4E: Meaning("purge error, jam at DIV", _JAM, path=True),
}

_STRANGE: Final = "undocumented error"


def meaning_of(errors: Mapping[int, Meaning], code: int) -> Meaning:
    """Return what `code` says; a code of no table trusts no count and stops the device."""
    return errors.get(code) or Meaning(_STRANGE, _HARD, counted=False, path=True)
