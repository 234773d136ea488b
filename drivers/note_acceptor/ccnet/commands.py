"""The vocabulary of CCNET as tables: what can be said, what its answer looks like, what a state means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.base.vocabulary import Health, Repeat
from drivers.note_acceptor.driver import Condition
from drivers.note_acceptor.exchange import Order

ACK: Final = 0x00
NAK: Final = 0xFF
ILLEGAL: Final = 0x30

_ONCE: Final = Repeat.ONCE

RESET: Final = Order(0x30, "reset")
STATUS: Final = Order(0x31, "status request")
SET_SECURITY: Final = Order(0x32, "set security")
POLL: Final = Order(0x33, "poll")
ENABLE: Final = Order(0x34, "enable bill types")
STACK: Final = Order(0x35, "stack", _ONCE)
RETURN: Final = Order(0x36, "return", _ONCE)
IDENTIFICATION: Final = Order(0x37, "identification")
HOLD: Final = Order(0x38, "hold")
SET_BARCODE: Final = Order(0x39, "set bar code parameters")
BARCODE_DATA: Final = Order(0x3A, "extract bar code data")
DISPENSE: Final = Order(0x3C, "dispense", _ONCE)
BILL_TABLE: Final = Order(0x41, "get bill table")
DOWNLOAD: Final = Order(0x50, "download", _ONCE)
CRC32: Final = Order(0x51, "CRC32 of the program")
STATISTICS: Final = Order(0x60, "request statistics")

ORDERS: Final[Mapping[int, Order]] = {
    order.code: order
    for order in (
        RESET, STATUS, SET_SECURITY, POLL, ENABLE, STACK, RETURN, IDENTIFICATION, HOLD, SET_BARCODE, BARCODE_DATA,
        DISPENSE, BILL_TABLE, DOWNLOAD, CRC32, STATISTICS,
    )
}  # fmt: skip

ANSWER_BYTES: Final[Mapping[int, int]] = {STATUS.code: 6, IDENTIFICATION.code: 34, BILL_TABLE.code: 120}
"""Commands answered with data, and how much. POLL is answered with a state, all others with ACK."""

STATES: Final[Mapping[int, str]] = {
    0x10: "power up",
    0x11: "power up with bill in validator",
    0x12: "power up with bill in stacker",
    0x13: "initialise",
    0x14: "idling",
    0x15: "accepting",
    0x17: "stacking",
    0x18: "returning",
    0x19: "disabled",
    0x1A: "holding",
    0x1B: "busy",
    0x1C: "rejecting",
    0x41: "cassette full",
    0x42: "cassette out of position",
    0x43: "validator jammed",
    0x44: "cassette jammed",
    0x45: "cheated",
    0x46: "pause",
    0x47: "failure",
    0x80: "escrow",
    0x81: "stacked",
    0x82: "returned",
}
WITH_ARGUMENT: Final = frozenset((0x1B, 0x1C, 0x47, 0x80, 0x81, 0x82))
"""States that carry one more byte: time, reason, code or bill type."""

MOVING: Final = frozenset((0x15, 0x17, 0x18, 0x1A, 0x1C, 0x80, 0x81, 0x82))
NEWS: Final = frozenset((0x1C, 0x45, 0x81, 0x82))
"""Told until acknowledged, so they may be heard twice."""

STARTING: Final = frozenset((0x10, 0x11, 0x12, 0x13, 0x1B))

CONDITIONS: Final[Mapping[int, Condition]] = {
    0x41: Condition("cashUnitFull", "41 cassette full", supplies={"cashbox": "full"}),
    0x42: Condition("cashUnitMissing", "42 cassette out of position", supplies={"cashbox": "missing"}),
    0x43: Condition("mediaJam", "43 validator jammed"),
    0x44: Condition("mediaJam", "44 cassette jammed"),
    0x46: Condition("notReady", "46 pause", Health.ATTENTION),
    0x47: Condition("hardwareError", "47 failure"),
}

FAILURES: Final[Mapping[int, str]] = {
    0x50: "stack motor",
    0x51: "transport speed",
    0x52: "transport motor",
    0x53: "aligning motor",
    0x54: "initial cassette status",
    0x55: "optic canal",
    0x56: "magnetic canal",
    0x5F: "capacitance canal",
}

REJECTS: Final[Mapping[int, tuple[str, str]]] = {
    0x60: ("invalidNote", "insertion"),
    0x61: ("invalidNote", "magnetic"),
    0x62: ("transportError", "bill remained in head"),
    0x63: ("invalidNote", "multiplying"),
    0x64: ("transportError", "conveying"),
    0x65: ("invalidNote", "identification"),
    0x66: ("invalidNote", "verification"),
    0x67: ("invalidNote", "optic"),
    0x68: ("inhibited", "denomination inhibited"),
    0x69: ("invalidNote", "capacity"),
    0x6A: ("transportError", "operation"),
    0x6C: ("invalidNote", "length"),
}
