"""What goes from an account to somebody else, and what is told about accounts: names, fees, movements, states.

A remittance leaves the bank: to an account of another bank through settlement, or to a person who collects it with an
identity document and is named by a mobile number. Its fee is a second transfer under the same order, so that a reversal
gives both back. Names go over the line as UTF-8 in hex (field 48 is ASCII) and always masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kiosk.bank import accounts, register
from kiosk.bank.case import Case
from kiosk.bank.register import Order
from kiosk.host.message import MessageError, parse_private

TO_BANK: Final = "bank"
TO_PERSON: Final = "person"
PHONE_DIGITS: Final = 11
TWO_HOURS_S: Final = 2 * 3600
RELEASED: Final = "BA"  # F39: it is out of the bank's hands
STATEMENT_ROWS: Final = 10
_MOVEMENTS: Final = {
    "withdrawal": "cash", "cardless_withdrawal": "cash", "deposit": "deposit", "cheque_deposit": "deposit",
    "transfer": "transfer", "remittance": "remittance", "payment": "payment", "top_up": "payment",
    "purchase": "purchase",
}  # fmt: skip

SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS remittances (
        terminal TEXT NOT NULL, rrn TEXT NOT NULL, way TEXT NOT NULL, bank TEXT NOT NULL, number TEXT NOT NULL,
        purpose TEXT NOT NULL, PRIMARY KEY (terminal, rrn))""",
)


def masked_name(name: str) -> str:
    """Return what a stranger may see of a holder's name: the last character, or the first of each latin word."""
    if not name.isascii():
        return "*" * max(len(name) - 1, 1) + name[-1:]
    return " ".join(word[0] + "*" * (len(word) - 1) for word in name.split())


def name_tag(name: str) -> str:
    """Return a masked name as tag PN."""
    return masked_name(name).encode().hex().upper()


def tags_of(case: Case) -> dict[str, str]:
    """Return field 48 of the message; empty when there is none that can be read."""
    try:
        return parse_private(case.message.get(48))
    except MessageError:
        return {}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a remittance goes, tag RM: ``way|bank|number|purpose``."""

    way: str
    bank: str
    number: str
    purpose: str


def destination_of(case: Case) -> Destination | None:
    """Return the destination that the message names, or None if it names none."""
    parts = tags_of(case).get("RM", "").split("|")
    if len(parts) != 4 or parts[0] not in (TO_BANK, TO_PERSON):
        return None
    return Destination(*parts)


def holder_of(case: Case, to: Destination) -> str | None:
    """Return the holder there: empty for a person, None if nobody of that number is known."""
    if to.way == TO_PERSON:
        return "" if len(to.number) == PHONE_DIGITS and to.number.isdigit() else None
    return case.data.correspondents.get(to.bank, {}).get(to.number)


def fee_minor(case: Case) -> int:
    """Return the fee of a remittance over field 4."""
    rule = case.data.remittance
    return min(max(case.amount_minor * rule.fee_permille // 1000, rule.fee_min_minor), rule.fee_max_minor)


def arrival_of(to: Destination) -> str:
    return "now" if to.way == TO_PERSON else "two_hours"


def remember(case: Case, to: Destination) -> None:
    case.tx.run(
        "INSERT INTO remittances VALUES (:terminal, :rrn, :way, :bank, :number, :purpose)",
        terminal=case.terminal, rrn=case.rrn, way=to.way, bank=to.bank, number=to.number, purpose=to.purpose,
    )  # fmt: skip


def find_remittance(case: Case, account: str) -> tuple[Order, str] | None:
    """Return the remittance that tag RF names, and its state, if it is of this account.

    States: ``returned`` (taken back), ``sent``, ``paid_out``.
    """
    row = case.tx.one(
        "SELECT r.terminal, r.way FROM remittances r JOIN orders o ON o.terminal = r.terminal AND o.rrn = r.rrn"
        " WHERE r.rrn = :rrn AND o.account = :account",
        rrn=tags_of(case).get("RF", ""),
        account=account,
    )
    order = register.find_order(case.tx, row[0], tags_of(case)["RF"]) if row is not None else None
    if order is None:
        return None
    if order.state in ("reversed", "refunded"):
        return order, "returned"
    arrived = row is not None and row[1] == TO_BANK and case.now_s - order.opened_s >= TWO_HOURS_S
    return order, "paid_out" if arrived else "sent"


def movements(case: Case, account: str) -> str:
    """Return F125: per entry, newest first, ``MMDD C 000000010000 transfer`` joined by semicolons."""
    rows = case.tx.all(
        "SELECT t.booked_on, e.amount_minor, t.key, t.kind FROM entries e JOIN transfers t ON t.seq = e.transfer"
        " WHERE e.account = :account ORDER BY e.number DESC LIMIT :rows",
        account=account,
        rows=STATEMENT_ROWS,
    )
    return ";".join(
        f"{on[5:7]}{on[8:10]} {'D' if m < 0 else 'C'} {abs(m):012d} {_movement(case, key, kind)}"
        for on, m, key, kind in rows
    )


def _movement(case: Case, key: str, kind: str) -> str:
    terminal, _, rest = key.partition("/")
    rrn, _, suffix = rest.partition("/")
    if terminal == "opening":
        return "opening"
    if suffix == "fee":
        return "fee"
    if suffix and kind == "move":
        return "correction"
    order = register.find_order(case.tx, terminal, rrn)
    return _MOVEMENTS.get(order.operation, "correction") if order else "correction"


def linked(case: Case, token: str) -> str:
    """Return tag LA: ``kind:number`` of each account of a card, its own first, joined by semicolons."""
    return ";".join(f"{kind}:{number}" for number, kind in accounts.linked_to(case.tx, token))
