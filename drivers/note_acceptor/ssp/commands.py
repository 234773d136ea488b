"""The vocabulary of SSP as tables: what can be said, what is answered, what is reported, what a code means.

On this line every command may be *sent* again: a device that has already carried it out sees the same sequence
flag and only repeats its answer. `Repeat` says something else here, what silence to the very end means: nothing
for SAFE, a note that may have moved for ONCE. After a restart the device remembers no flag; what moves value by
order is then protected by the key, which it has lost too (README).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.base.vocabulary import Repeat
from drivers.note_acceptor.exchange import Order

REPLY_WITHIN_MS: Final = 1_000  # [S]; then the same frame again

_ONCE = Repeat.ONCE

RESET: Final = Order(0x01, "reset", _ONCE)
SET_INHIBITS: Final = Order(0x02, "set channel inhibits")
LAMP_ON: Final = Order(0x03, "bezel lamp on")
LAMP_OFF: Final = Order(0x04, "bezel lamp off")
SETUP: Final = Order(0x05, "setup request")
PROTOCOL: Final = Order(0x06, "host protocol version")
POLL: Final = Order(0x07, "poll", _ONCE)  # it accepts a note in escrow
REJECT: Final = Order(0x08, "reject", _ONCE)
DISABLE: Final = Order(0x09, "disable")
ENABLE: Final = Order(0x0A, "enable")
SERIAL_NUMBER: Final = Order(0x0C, "serial number")
UNIT_DATA: Final = Order(0x0D, "unit data")
CHANNEL_VALUES: Final = Order(0x0E, "channel values")
CHANNEL_SECURITY: Final = Order(0x0F, "channel security")
SYNC: Final = Order(0x11, "sync", clear=True)
LAST_REJECT: Final = Order(0x17, "last reject code")
HOLD: Final = Order(0x18, "hold")
FIRMWARE: Final = Order(0x20, "firmware version")
DATASET: Final = Order(0x21, "dataset version")
ALL_LEVELS: Final = Order(0x22, "all levels")
GET_BARCODE_READER: Final = Order(0x23, "get bar code reader")
SET_BARCODE_READER: Final = Order(0x24, "set bar code reader")
GET_BARCODE_INHIBIT: Final = Order(0x25, "get bar code inhibit")
SET_BARCODE_INHIBIT: Final = Order(0x26, "set bar code inhibit")
BARCODE_DATA: Final = Order(0x27, "bar code data")
PAYOUT_AMOUNT: Final = Order(0x33, "payout amount", _ONCE)
SET_LEVEL: Final = Order(0x34, "set denomination level", _ONCE)
GET_LEVEL: Final = Order(0x35, "get denomination level")
HALT_PAYOUT: Final = Order(0x38, "halt payout", _ONCE)
SET_ROUTE: Final = Order(0x3B, "set route")
GET_ROUTE: Final = Order(0x3C, "get route")
FLOAT_AMOUNT: Final = Order(0x3D, "float amount", _ONCE)
MINIMUM_PAYOUT: Final = Order(0x3E, "minimum payout")
EMPTY: Final = Order(0x3F, "empty", _ONCE)
COIN_MECH_INHIBITS: Final = Order(0x40, "coin mech inhibits")
FLOAT: Final = Order(0x44, "float by denomination", _ONCE)
PAYOUT: Final = Order(0x46, "payout by denomination", _ONCE)
COIN_MECH_OPTIONS: Final = Order(0x49, "coin mech options")
SET_GENERATOR: Final = Order(0x4A, "set generator", clear=True)
SET_MODULUS: Final = Order(0x4B, "set modulus", clear=True)
EXCHANGE_KEYS: Final = Order(0x4C, "request key exchange", clear=True)
SET_OPTIONS: Final = Order(0x50, "set options")
GET_OPTIONS: Final = Order(0x51, "get options")
SMART_EMPTY: Final = Order(0x52, "smart empty", _ONCE)
CASHBOX_DATA: Final = Order(0x53, "cashbox payout data")
BEZEL_COLOUR: Final = Order(0x54, "bezel colour")
POLL_WITH_ACK: Final = Order(0x56, "poll with ack", _ONCE)
EVENT_ACK: Final = Order(0x57, "event ack", _ONCE)
COUNTERS: Final = Order(0x58, "get counters")
RESET_COUNTERS: Final = Order(0x59, "reset counters", _ONCE)
DISABLE_PAYOUT: Final = Order(0x5B, "disable payout")
ENABLE_PAYOUT: Final = Order(0x5C, "enable payout")
SET_FIXED_KEY: Final = Order(0x60, "set fixed key")
RESET_FIXED_KEY: Final = Order(0x61, "reset fixed key")

ORDERS: Final[Mapping[int, Order]] = {
    order.code: order for order in list(globals().values()) if isinstance(order, Order)
}

TEST: Final = 0x19
COMMIT: Final = 0x58
ROUTE_RECYCLE: Final = 0
ROUTE_CASHBOX: Final = 1

# ---------------------------------------------------------------- replies

OK: Final = 0xF0
UNKNOWN_COMMAND: Final = 0xF2
CANNOT: Final = 0xF5
FAIL: Final = 0xF8
NO_KEY: Final = 0xFA

REPLIES: Final[Mapping[int, str]] = {
    OK: "OK",
    UNKNOWN_COMMAND: "unknown command",
    0xF3: "wrong number of parameters",
    0xF4: "parameter out of range",
    CANNOT: "cannot be processed",
    0xF6: "software error",
    FAIL: "fail",
    NO_KEY: "key not set",
}

PAYOUT_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    1: ("notDispensable", "not enough value"),
    2: ("notDispensable", "cannot pay the exact amount"),
    3: ("deviceBusy", "busy"),
    4: ("deviceDisabled", "disabled"),
}
MONEY: Final = frozenset((0x33, 0x3D, 0x44, 0x46))
"""Orders that are declined with a code of `PAYOUT_REFUSALS`."""
ENABLE_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    1: ("noDevice", "no payout device"),
    2: ("invalidCurrency", "bad currency"),
    3: ("deviceBusy", "busy"),
    5: ("hardwareError", "device error"),
}

UNIT_TYPES: Final[Mapping[int, str]] = {0x00: "validator", 0x03: "hopper", 0x06: "SMART Payout", 0x07: "NV11"}

# ---------------------------------------------------------------- events


class Shape(Enum):
    """What follows an event code."""

    NONE = "none"
    CHANNEL = "channel"  # one byte
    VALUES = "values"  # n times value4, currency3; before protocol 6 one value4
    PAIRS = "pairs"  # n times done4, requested4, currency3; before protocol 6 one done4, requested4
    VALUES_CODE = "values and code"  # as VALUES, then one byte
    VALUE = "value of one note"  # value4, currency3, without a count; since protocol 6 or 8
    VALUE_V8 = "value since protocol 8"  # value4, currency3 from 8 on, else nothing


@dataclass(frozen=True, slots=True)
class Event:
    code: int
    name: str
    shape: Shape = Shape.NONE


_CH, _VAL, _PAIR = Shape.CHANNEL, Shape.VALUES, Shape.PAIRS

EVENTS: Final[Mapping[int, Event]] = {
    event.code: event
    for event in (
        Event(0xF1, "slave reset"),
        Event(0xE8, "disabled"),
        Event(0xEF, "read", _CH),
        Event(0xEE, "credit", _CH),
        Event(0xED, "rejecting"),
        Event(0xEC, "rejected"),
        Event(0xCC, "stacking"),
        Event(0xEB, "stacked"),
        Event(0xDB, "stored in payout"),
        Event(0xCE, "held in bezel", Shape.VALUE_V8),
        Event(0xE5, "bar code ticket validated"),
        Event(0xD1, "bar code ticket acknowledged"),
        Event(0xB5, "channels disabled"),
        Event(0xB6, "initialising"),
        Event(0xE9, "unsafe jam"),
        Event(0xEA, "safe jam"),
        Event(0xE7, "stacker full"),
        Event(0xCF, "device full"),
        Event(0xE6, "fraud attempt", _CH),
        Event(0xE1, "note cleared from front at reset", _CH),
        Event(0xE2, "note cleared into cashbox at reset", _CH),
        Event(0xE3, "cashbox removed"),
        Event(0xE4, "cashbox replaced"),
        Event(0xE0, "note path open"),
        Event(0xB0, "jam recovery"),
        Event(0x83, "calibration fail", _CH),
        Event(0xC4, "coin mech jammed"),
        Event(0xC5, "coin mech return pressed"),
        Event(0xDA, "dispensing", _VAL),
        Event(0xD2, "dispensed", _VAL),
        Event(0xD5, "payout jammed", _VAL),
        Event(0xD6, "payout halted", _VAL),
        Event(0xD7, "floating", _VAL),
        Event(0xD8, "floated", _VAL),
        Event(0xD9, "payout timeout", _VAL),
        Event(0xC2, "emptying"),
        Event(0xC3, "emptied"),
        Event(0xB3, "smart emptying", _VAL),
        Event(0xB4, "smart emptied", _VAL),
        Event(0xDE, "cashbox paid", _VAL),
        Event(0xDF, "coin credit", _VAL),
        Event(0xC9, "note transferred to stacker", Shape.VALUE),
        Event(0xCA, "note into stacker at reset", Shape.VALUE),
        Event(0xCB, "note into store at reset", Shape.VALUE),
        Event(0xDC, "incomplete payout", _PAIR),
        Event(0xDD, "incomplete float", _PAIR),
        Event(0xB1, "error during payout", Shape.VALUES_CODE),
    )
}

PAYOUT_ERRORS: Final[Mapping[int, str]] = {
    0: "wrong value",
    1: "jam",
    2: "cashbox",
    3: "stalled",
    4: "poll timeout",
}

REJECTS: Final[Mapping[int, tuple[str, str]]] = {
    0x00: ("accepted", "accepted"),
    0x01: ("invalidNote", "length"),
    **dict.fromkeys((2, 3, 4, 5), ("invalidNote", "not recognised")),
    0x06: ("inhibited", "channel inhibited in the dataset"),
    0x07: ("multipleNotes", "second note"),
    0x08: ("hostRejected", "rejected by host"),
    0x09: ("invalidNote", "several channels"),
    0x0A: ("transportError", "rear sensor"),
    0x0B: ("invalidNote", "too long"),
    0x0C: ("inhibited", "inhibited by host"),
    0x0D: ("transportError", "slow mechanism"),
    0x0E: ("fraud", "string attempt"),
    0x0F: ("invalidNote", "obsolete code"),
    0x10: ("invalidNote", "no note seen"),
    0x11: ("invalidNote", "not recognised"),
    0x12: ("invalidNote", "not recognised"),
    0x13: ("escrowTimeout", "escrow timeout"),
    0x14: ("invalidNote", "bar code"),
    0x15: ("transportError", "cam"),
    0x16: ("transportError", "slot"),
    0x17: ("transportError", "slot"),
    0x18: ("transportError", "drawn too fast"),
    0x19: ("invalidNote", "width"),
    0x1A: ("invalidNote", "too short"),
    0x1B: ("invalidNote", "payout note"),
    0x1C: ("multipleNotes", "double"),
    0x1D: ("cashUnitFull", "cannot stack"),
}
"""Last reject code -> word and text. Words: XFS4IoT's InputRefuse reasons where it has one, else plain ones."""
