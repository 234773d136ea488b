"""What can be said to a device by hand: one line of text to an act, a fault, or a command of the vocabulary.

insert_card track2=4761739001010010=27122011000012345678      hands
fault jam at=eject nth=1                                      a device fault
command dispense unit1=2 unit3=1 number=4                     the driver, where there is one
power off | power on | heal | wait 3000                       the rest
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.base.acceptor import (
    DOUBTED,
    CashIn,
    CashInEnd,
    CashInRollback,
    CashInStart,
    Deplete,
    GetCashInStatus,
    PayOut,
    StopCashIn,
    StopPayOut,
    StoredNotes,
)
from drivers.base.barcode import CancelReadBarcode, ReadBarcode
from drivers.base.chip import ChipBytes, ChipIO, ChipPower
from drivers.base.secrets import Pan
from drivers.base.vocabulary import (
    AcceptCard,
    Command,
    DenyCard,
    Dispense,
    EjectCard,
    EnterData,
    EnterPin,
    LastDispense,
    PrintDocument,
    Reset,
    RetainCard,
    RetractDocument,
    StopKeys,
    Text,
)
from drivers.card_reader.orders import DeviceOrder
from drivers.sim.device import SimDevice
from kiosk.devicekit.contract import pin_pad


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to do. `kind`: act, fault, command, power, heal or wait."""

    kind: str
    name: str
    arguments: Mapping[str, Any]


def parse(line: str) -> Order:
    """Read one line. Raises ValueError saying what is wrong with it."""
    words = shlex.split(line)
    if not words:
        raise ValueError("nothing to do: name an act, or fault, command, power, heal, wait")
    head, rest = words[0], words[1:]
    if head in ("fault", "command"):
        if not rest:
            raise ValueError(f"{head}: which one?")
        return Order(head, rest[0], _arguments(rest[1:]))
    if head == "power":
        if rest not in (["on"], ["off"]):
            raise ValueError("power on, or power off")
        return Order("power", rest[0], {})
    if head == "wait":
        if len(rest) != 1 or not rest[0].isdigit():
            raise ValueError("wait takes milliseconds")
        return Order("wait", "", {"ms": int(rest[0])})
    if head == "heal":
        return Order("heal", "", {})
    return Order("act", head, _arguments(rest))


def _arguments(words: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        name, separator, text = word.partition("=")
        if not separator:
            raise ValueError(f"{word!r}: arguments are written name=value")
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() and len(text) < 6 and (text == "0" or text[0] != "0") else text


def fitting(device: SimDevice, order: Order) -> Order:
    """Return `order` with values as the simulator takes them: digits of keys, PINs, tracks and of the card
    reader's error codes stay text.
    """
    dispenser = "take_notes" in device.acts
    texts = {"pin", "key", "track1", "track2", "track3"} | (set() if dispenser else {"code"})
    return Order(order.kind, order.name, {n: str(v) if n in texts else v for n, v in order.arguments.items()})


def _picks(arguments: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(count) for name, count in arguments.items() if name != "number"}


def _notes(arguments: Mapping[str, Any]) -> dict[int, int]:
    """Read ``n100=2 n50=1``: face values in whole units."""
    return {int(name.lstrip("n")) * 100: int(count) for name, count in arguments.items()}


def _values(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a card reader's order: tracks written ``tracks=12``, characters also if they are digits."""
    made: dict[str, Any] = {name: value for name, value in arguments.items() if name != "code"}
    if "tracks" in made:
        made["tracks"] = tuple(int(digit) for digit in str(made["tracks"]) if digit.isdigit())
    texts = ("characters", "base", "start", "end")
    return {name: str(value) if name in texts else value for name, value in made.items()}


Maker = Callable[[str, Mapping[str, Any]], Command]

COMMANDS: Final[Mapping[str, Mapping[str, Maker]]] = {
    "CardReader": {
        "accept_card": lambda t, _a: AcceptCard(ticket=t),
        "deny_card": lambda t, _a: DenyCard(ticket=t),
        "eject_card": lambda t, _a: EjectCard(ticket=t),
        "retain_card": lambda t, _a: RetainCard(ticket=t),
        "reset": lambda t, a: Reset(ticket=t, media=str(a.get("media", "hold"))),
        "chip_power": lambda t, a: ChipPower(ticket=t, action=str(a.get("action", "cold")), protocol=a.get("protocol")),
        "chip_io": lambda t, a: ChipIO(
            ticket=t, apdu=ChipBytes(str(a.get("apdu", "00A4040000"))), protocol=str(a.get("protocol", "chipT0"))
        ),
        "device_order": lambda t, a: DeviceOrder(ticket=t, code=str(a.get("code", "10")), values=_values(a)),
    },
    "CashDispenser": {
        "dispense": lambda t, a: Dispense(ticket=t, picks=_picks(a), number=int(a.get("number", 0))),
        "last_dispense": lambda t, a: LastDispense(ticket=t, picks=_picks(a), number=int(a.get("number", 0))),
        "reset": lambda t, _a: Reset(ticket=t),
    },
    "PinPad": {
        "enter_data": lambda t, _a: EnterData(ticket=t),
        "stop_keys": lambda t, _a: StopKeys(ticket=t),
        "load_test_key": lambda t, _a: pin_pad.loading(t),
        "enter_pin": lambda t, a: EnterPin(ticket=t, pan=Pan(str(a.get("pan", pin_pad.TEST_PAN))), key="TPK"),
        "reset": lambda t, _a: Reset(ticket=t),
    },
    "CashAcceptor": {
        "cash_in_start": lambda t, a: CashInStart(
            ticket=t, escrow=bool(a.get("escrow", True)), withhold=DOUBTED if a.get("withhold") else ()
        ),
        "cash_in": lambda t, a: CashIn(ticket=t, notes_max=int(a.get("notes_max", 1))),
        "cash_in_end": lambda t, _a: CashInEnd(ticket=t),
        "cash_in_rollback": lambda t, _a: CashInRollback(ticket=t),
        "stop_cash_in": lambda t, _a: StopCashIn(ticket=t),
        "get_cash_in_status": lambda t, _a: GetCashInStatus(ticket=t),
        "stored_notes": lambda t, _a: StoredNotes(ticket=t),
        "pay_out": lambda t, a: PayOut(ticket=t, picks=_notes(a)),
        "stop_pay_out": lambda t, _a: StopPayOut(ticket=t),
        "deplete": lambda t, a: Deplete(ticket=t, keep=_notes(a)),
        "reset": lambda t, _a: Reset(ticket=t),
    },
    "BarcodeReader": {
        "read_barcode": lambda t, a: ReadBarcode(ticket=t, within_ms=int(a.get("within_ms", 20_000))),
        "cancel_read_barcode": lambda t, _a: CancelReadBarcode(ticket=t),
        "reset": lambda t, _a: Reset(ticket=t),
    },
    "Printer": {
        "print_document": lambda t, a: PrintDocument(ticket=t, document=(Text(str(a.get("text", "TEST"))),)),
        "retract_document": lambda t, _a: RetractDocument(ticket=t),
        "reset": lambda t, a: Reset(ticket=t, media=str(a.get("media", "hold"))),
    },
}
"""What a driver can be told by hand, by ability and verb."""


def command_of(ability: str, order: Order, ticket: str) -> Command:
    """Make the command of an order. Raises ValueError naming the known ones."""
    known = COMMANDS.get(ability, {})
    if order.name not in known:
        raise ValueError(f"no command {order.name!r}; a {ability} takes: {', '.join(known)}")
    return known[order.name](ticket, order.arguments)
