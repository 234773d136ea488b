"""Change: what a customer who pays a partner in notes gets back, planned before the note that makes it necessary.

A note is asked for only if what it brings too much can be given back: in notes as far as they make it, and what no note
makes as credit, to whom it was agreed:

    partner   the customer's number with the partner, up to what the agreement allows
    account   the account of the card that is in
    slip      whoever has the slip, up to what the site allows

Otherwise the acceptor refuses the note, and the customer tries a smaller one (edge case 80). Nothing is kept silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import gcd
from typing import Any, Final

from drivers.base.vocabulary import Columns, Element, QrCode, Rule, Text
from kiosk.agreements import CASH, Agreement
from kiosk.mix import denominate
from kiosk.money import Money
from kiosk.services.case import SLIP, Case, cash_stands, owed_minor, owed_way, worth_minor
from kiosk.services.cash_in import ACCEPTOR, known_values
from kiosk.services.dispensing import notes_max, stock
from kiosk.services.facts import Card
from kiosk.services.receipt import claim_rows, money_of, paper_there, say_in
from kiosk.services.withheld import withheld_rows
from kiosk.turn import OfBusiness, OfVisit, Turn

PARTNER: Final = "partner"
ACCOUNT: Final = "account"
_CREDITED: Final = {
    PARTNER: "receipt.credit_partner", ACCOUNT: "receipt.credit_account", SLIP: "receipt.credit_slip",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """`picks` (unit -> notes) and `credit_minor`, which goes to `credit_to`."""

    picks: Mapping[str, int] = field(default_factory=dict)
    credit_minor: int = 0
    credit_to: str = ""


@dataclass(frozen=True, slots=True)
class Purse(OfBusiness):
    """What is to be paid to the partner `code`, and the change set aside for the note in escrow."""

    code: str
    due: Money
    change: Change = field(default_factory=Change)


@dataclass(frozen=True, slots=True)
class PaidBack(OfBusiness):
    """What was paid out again of a payment that its partner refused."""

    minor: int


@dataclass(frozen=True, slots=True)
class CashPaid(OfVisit):
    """What was paid in notes in this visit."""

    minor: int


def most_payable(turn: Turn, minor: int) -> Mapping[str, int]:
    """Return the notes for the most of an amount that they make; none if they make nothing of it."""
    have = stock(turn)
    step = gcd(*(s.value_minor for s in have if s.available)) if any(s.available for s in have) else 0
    for part in range(minor // step * step, 0, -step) if step else ():
        picks = denominate(part, have, notes_max(turn), turn.site.algorithm)
        if picks is not None:
            return picks
    return {}


def plan_change(turn: Turn, agreement: Agreement, over_minor: int) -> Change | None:
    """Return how an over-payment is given back; None if it cannot be: then the note is not taken."""
    picks = most_payable(turn, over_minor)
    rest = over_minor - turn.site.worth(dict(picks)).minor
    if not rest:
        return Change(picks)
    if rest <= agreement.overpay_minor:
        return Change(picks, rest, PARTNER)
    if turn.find(Card) is not None:
        return Change(picks, rest, ACCOUNT)
    return Change(picks, rest, SLIP) if rest <= turn.site.cash_payment.slip_minor else None


def acceptable(turn: Turn, agreement: Agreement, left_minor: int) -> tuple[int, ...]:
    """Return the face values that may come in while `left_minor` is still to be paid."""
    return tuple(
        value for value in known_values(turn)
        if value <= left_minor or plan_change(turn, agreement, value - left_minor) is not None
    )  # fmt: skip


def why_no_cash(turn: Turn, agreement: Agreement, due: Money) -> str:
    """Return why this cannot be paid in notes here and now, as a text id; empty if it can.

    The slip for what is owed needs paper, and change needs notes, or somebody whom it is credited to.
    """
    form, done = turn.site.cash_payment, turn.find(CashPaid)
    most = form.with_card_minor if turn.find(Card) is not None else form.without_card_minor
    values = known_values(turn)
    if CASH not in agreement.pay_by:
        return "not_agreed"
    if not values or not turn.fitness.usable(ACCEPTOR):
        return "acceptor"
    if not paper_there(turn):
        return "no_paper"
    if (done.minor if done else 0) + due.minor > most:
        return "over_cash_limit"
    credited = bool(agreement.overpay_minor) or turn.find(Card) is not None
    endings = (-(-due.minor // value) * value - due.minor for value in values)  # paid with notes of one kind
    payable = any(plan_change(turn, agreement, over) is not None for over in endings)
    return "" if payable and (credited or any(s.available for s in stock(turn))) else "no_change"


# ---------------------------------------------------------------- what is told


def owed_of(turn: Turn, case: Case) -> tuple[int, str]:
    """Return what is owed of the notes of a case after its settlement, and to whom it goes.

    What a partner refused afterwards is owed as well, less what was paid out again.
    """
    back = turn.find(PaidBack)
    stands = case.amount if cash_stands(case) else turn.site.money(0)
    owed = owed_minor(case, turn.site, stands)
    if back is not None:
        fee = case.fee.minor if case.fee else 0
        return owed + case.amount.minor + fee - back.minor, SLIP
    return owed, owed_way(case, owed, suspect=case.suspect)


def cash_values(turn: Turn, case: Case) -> dict[str, Any]:
    """Return what screens say of a payment in notes; nothing of one that was not."""
    if not case.posting.takes_cash:
        return {}
    owed, way = owed_of(turn, case)
    values: dict[str, Any] = {"received": turn.site.money(case.vaulted_minor)}
    if case.moved:
        values["change"] = turn.site.worth(dict(case.moved))
    if owed > 0:
        values |= {"credit": turn.site.money(owed), "credit_to": way}
    return values


def cash_rows(turn: Turn, case: Case) -> list[Element]:
    """Return what a receipt says of the notes: what came in, what went back, what is owed, and how to claim it."""
    kept = withheld_rows(turn, case)
    if not case.posting.takes_cash or not (case.vaulted or case.astray):
        return kept
    say, site = say_in(turn), turn.site
    rows: list[Element] = [*kept, Rule()]
    for value, count in case.vaulted.items():
        face = money_of(turn, site.money(int(value)))
        rows.append(Columns(say("receipt.notes_in"), say("receipt.notes", amount=face, count=count)))
    rows.append(Columns(say("receipt.cash_received"), money_of(turn, site.money(case.vaulted_minor))))
    if case.moved:
        title = "receipt.cash_change" if cash_stands(case) else "receipt.cash_returned"
        rows.append(Columns(say(title), money_of(turn, site.worth(dict(case.moved)))))
    back = turn.find(PaidBack)
    if back is not None and back.minor:
        rows.append(Columns(say("receipt.cash_returned"), money_of(turn, site.money(back.minor)), bold=True))
    owed, way = owed_of(turn, case)
    if owed <= 0:
        return rows
    rows.append(Columns(say(_CREDITED[way]), money_of(turn, site.money(owed)), bold=True))
    if worth_minor(case.astray) or case.suspect:
        return rows + claim_rows(turn, case.rrn, "claim_why.note_lost", site.money(owed))
    if way == SLIP:
        rows += [Rule(), Text(say("receipt.cash_slip_text", reference=case.rrn, contact=site.contact))]
    if way == SLIP:
        rows.append(QrCode(f"KIOSK:{site.terminal_id}:{case.rrn}"))
    return rows
