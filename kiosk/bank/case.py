"""What handling one message needs, and what all answers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kiosk.bank import register
from kiosk.bank.data import BankData
from kiosk.bank.ledger import Stamp
from kiosk.bank.partners import NO_FAULT, Fault
from kiosk.bank.storage import Tx
from kiosk.host.message import Message
from kiosk.host.spec import MESSAGES, OPERATIONS, Operation
from kiosk.money import CURRENCIES

ALPHABETIC: Final = {numeric: name for name, (numeric, _) in CURRENCIES.items()}
_BY_TYPE: Final = {o.code[:2]: o for o in reversed(list(OPERATIONS.values()))}
_ECHOED: Final[tuple[int, ...]] = (3, 4, 7, 11, 12, 13, 32, 37, 41, 42, 49, 70, 102, 103)


@dataclass(slots=True)
class Case:
    """One message in one transaction. `pin_keys` are the PIN keys in force, by key-set index."""

    tx: Tx
    data: BankData
    message: Message
    terminal: str
    stamp: Stamp
    now_s: int
    pin_keys: Mapping[int, str] = field(repr=False)
    partner_fault: Fault = NO_FAULT

    @property
    def rrn(self) -> str:
        return self.message.get(37)

    @property
    def amount_minor(self) -> int:
        return int(self.message.get(4) or 0)

    @property
    def currency(self) -> str:
        """The alphabetic code of F49, or an empty text."""
        return ALPHABETIC.get(self.message.get(49), "")

    @property
    def operation(self) -> Operation | None:
        """The operation of F3, by its transaction type."""
        return _BY_TYPE.get(self.message.get(3)[:2])

    def report(self, kind: str, text: str) -> None:
        """Open an exception item on this message's order."""
        register.register_exception(self.tx, self.terminal, self.rrn, kind, self.message.get(11), text, self.stamp.at)


def echo(case: Case, mti: str, code: str, more: Mapping[int, str] | None = None) -> Message:
    """Return the answer `mti` with F39 `code`: what the type echoes, the settlement date, and `more`."""
    kind = MESSAGES[mti]
    allowed = kind.mandatory | kind.optional
    fields: dict[int, str] = {n: case.message.fields[n] for n in _ECHOED if n in allowed and n in case.message.fields}
    fields[39] = code
    if 15 in allowed:
        fields[15] = case.message.get(15) or mmdd(case.stamp.booked_on)
    return Message(mti, fields | dict(more or {}))


def mmdd(iso_date: str) -> str:
    """Return F15 of an ISO date."""
    return iso_date[5:7] + iso_date[8:10]
