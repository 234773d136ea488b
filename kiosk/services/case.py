"""A case: one intent to move money, from its first record to its settlement.

A case is a fold of its journal records, and the live service folds the very records it writes. So what recovery finds
after a power cut is what the service knew, no more and no less; there is no second description of a case that could
disagree with the first.

    case_opened       identifiers made; nothing sent yet
    host_answered     approved (reserved at the host) or declined
    host_failed       silence, a bad answer, or not sent
    dispense_ordered  written before the order goes out: from here on notes may have moved
    dispensed         what the device counted, or that it does not know
    delivered         what goods were handed over for, or that nobody knows
    cash_in_started   the acceptor takes a note from here on; its counters before that
    note_held         a note is in the escrow
    note_withheld     a doubted note was kept: it was never in escrow, and is credited only where the rule says so
    note_ordered      what shall become of it, written before the order goes out: ``vault`` or ``return``
    note_settled      where it came to rest: vault, customer, unknown, or that there was none
    advice_queued     how it was settled, with the amount that stands
    payment_agreed    notes that suffice are in, and the customer has agreed to change and credit
    case_closed       nothing is owed any more by this terminal

`settle` is the one rule of settlement: what stands is what the customer got; what nobody knows is *suspect*, posted in
full and handed to reconciliation, never given back automatically (edge cases 44, 115).

How the host posts decides what is owed (`Posting`): notes and goods are reserved by the 0210 and posted by a 0220, a
transfer is posted by the 0210 itself and taken back by a 0420, an inquiry moves nothing and is never corrected. A
deposit is allowed by the 0210 up to its amount and posted by a 0220 for the notes that are in the vault. A partner that
is paid in notes is reserved by the 0210, before any note, and posted by a 0220 when the customer has agreed and what is
due is in the vault (`cash_stands`). What the terminal kept of a customer's notes and did not pay or post is owed:
`owed_minor` says how much, with its sign, and `owed_way` to whom. A doubted note is not money: one that was kept
without credit (`kept`) is owed to nobody; one that is credited by rule (`kept_credited`) counts like one in the vault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from kiosk.money import Money
from kiosk.ports import Original, Reason
from kiosk.site import Site
from kiosk.turn import OfBusiness

SLIP: Final = "slip"

KINDS: Final = (
    "case_opened", "host_answered", "host_failed", "dispense_ordered", "dispensed", "delivered", "cash_in_started",
    "note_held", "note_withheld", "note_ordered", "note_settled", "payment_agreed", "advice_queued", "case_closed",
)  # fmt: skip


class Posting(Enum):
    """When the host moves the customer's money."""

    NOTHING = "nothing"  # never: an inquiry, a PIN change
    ANSWER = "answer"  # at the 0210; a 0420 takes it back
    NOTES = "notes"  # reserved at the 0210, posted by a 0220 for the notes that came out
    VAULT = "vault"  # allowed at the 0210, posted by a 0220 for the notes that are in the vault
    DELIVERY = "delivery"  # reserved at the 0210, posted by a 0220 when goods were delivered
    PAYOUT = "payout"  # as NOTES, of what is owed to whoever has a slip: no account is charged
    CASH = "cash"  # reserved at the 0210, posted by a 0220 when what is due is in the vault and agreed to
    CASH_GOODS = "cash_goods"  # the same, and the goods must have been delivered, too

    @property
    def takes_cash(self) -> bool:
        """Whether a partner is paid in notes that come in."""
        return self in (Posting.CASH, Posting.CASH_GOODS)


@dataclass(frozen=True, slots=True)
class Case(OfBusiness):
    """What the journal says of one intent."""

    id: str
    service: str
    stan: int
    rrn: str
    sent_at: str
    amount: Money
    card: str = ""  # masked
    approved: Money | None = None
    code: str = ""
    approval: str = ""
    business_date: str = ""
    failed: str = ""  # why the host did not answer well
    ordered: Mapping[str, int] = field(default_factory=dict)  # the order in flight or the last one
    number: int = 0
    in_flight: bool = False  # ordered, and no result yet
    orders: int = 0
    moved: Mapping[str, int] = field(default_factory=dict)  # all orders together
    rejected: Mapping[str, int] = field(default_factory=dict)
    unaccounted: Mapping[str, int] = field(default_factory=dict)
    unknown: bool = False  # some order's result is not known
    error: str = ""
    advised: bool = False
    closed: bool = False
    suspect: bool = False
    operation: str = ""  # of the processing-code table; the service's own name if empty
    posting: Posting = Posting.NOTES
    fee: Money | None = None  # charged on top of the amount
    delivered: Money | None = None
    cash_in: bool = False  # the acceptor may hold a note of it
    counters: Mapping[str, int] = field(default_factory=dict)  # the acceptor's, before the note
    held_minor: int = 0  # the note in escrow, 0: none seen there
    fate: str = ""  # what was decided about it: vault, return, or nothing yet
    vaulted: Mapping[str, int] = field(default_factory=dict)  # face value in minor units, as text -> notes
    given_back: Mapping[str, int] = field(default_factory=dict)
    astray: Mapping[str, int] = field(default_factory=dict)  # nobody knows where; "0": nor of what value
    agreed: bool = False  # to pay with the notes that are in
    credit_minor: int = 0  # what the customer agreed not to get back in notes
    credit_to: str = ""  # and where it goes: partner, account, slip
    owed_to: str = SLIP  # where anything else goes that is owed at the end: account, slip
    kept: Mapping[str, int] = field(default_factory=dict)  # doubted notes, withheld without credit
    kept_credited: Mapping[str, int] = field(default_factory=dict)  # doubted notes, withheld and credited by rule
    kept_now: int = 0  # of both, since the mouth was opened last: the acceptor's counters count them, too

    @property
    def vaulted_minor(self) -> int:
        return worth_minor(self.vaulted)

    @property
    def credited_minor(self) -> int:
        """What the notes that were kept are worth to the customer."""
        return self.vaulted_minor + worth_minor(self.kept_credited)

    @property
    def withheld(self) -> Mapping[str, int]:
        """All doubted notes that were kept."""
        return plus(self.kept, self.kept_credited)

    @property
    def awaits_leave(self) -> bool:
        """Whether something of the customer's was kept that the host has not allowed us to credit."""
        return bool(self.kept_credited) and self.approved is None

    @property
    def asked_as(self) -> str:
        """The operation of the 0200."""
        return self.operation or self.service

    @property
    def reserved(self) -> bool:
        """Whether the host may hold the customer's money: approved, or nobody knows."""
        return self.approved is not None or self.failed in ("silent", "mismatch")

    @property
    def undecided(self) -> bool:
        """Whether the request may have been sent and nothing is known of its answer."""
        return self.approved is None and not self.code and not self.failed

    @property
    def original(self) -> Original:
        return Original(
            stan=self.stan,
            rrn=self.rrn,
            sent_at=self.sent_at,
            business_date=self.business_date,
            approval=self.approval,
        )


def plus(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    """Return the sums of two counts, zeros left out."""
    return {u: n for u in sorted({*a, *b}) if (n := a.get(u, 0) + b.get(u, 0))}


def minus(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    """Return a - b where positive."""
    return {u: n for u in sorted(a) if (n := a[u] - b.get(u, 0)) > 0}


def worth_minor(counts: Mapping[str, int]) -> int:
    """Return what notes counted by face value (minor units, as text) are worth."""
    return sum(int(value) * count for value, count in counts.items())


def fold(case: Case | None, kind: str, data: Mapping[str, Any]) -> Case:
    """Return the case after one more record. `data` is a record's data; `case` is None for ``case_opened`` only."""
    if kind == "case_opened":
        amount = Money(data["amount_minor"], data["currency"])
        inside: Mapping[str, Any] = data.get("note", {})  # taken over with the note from the case before
        return Case(
            data["case"], data["service"], data["stan"], data["rrn"], data["sent_at"], amount, data.get("card", ""),
            operation=data.get("operation", ""), posting=Posting(data.get("posting", Posting.NOTES.value)),
            fee=Money(data["fee_minor"], data["currency"]) if data.get("fee_minor") else None,
            cash_in=bool(inside) and inside.get("cash_in", True), counters=inside.get("counters", {}),
            held_minor=inside.get("held_minor", 0), fate=inside.get("fate", ""), kept=inside.get("kept", {}),
            kept_credited=inside.get("kept_credited", {}), kept_now=inside.get("kept_now", 0),
            owed_to=data.get("owed_to", SLIP),
        )  # fmt: skip
    if case is None:
        raise LookupError(f"record {kind!r} of a case that was never opened")
    match kind:
        case "host_answered":
            approved = data.get("approved_minor")
            return replace(
                case,
                code=data["code"],
                approved=Money(approved, case.amount.currency) if approved is not None else None,
                approval=data.get("approval", ""),
                business_date=data.get("business_date", ""),
            )
        case "host_failed":
            return replace(case, failed=data["why"])
        case "dispense_ordered":
            return replace(case, ordered=data["picks"], number=data["number"], in_flight=True, orders=case.orders + 1)
        case "dispensed":
            return replace(
                case,
                in_flight=False,
                moved=plus(case.moved, data["moved"]),
                rejected=plus(case.rejected, data["rejected"]),
                unaccounted=plus(case.unaccounted, data["unaccounted"]),
                unknown=case.unknown or data["outcome"] == "unknown",
                error=data.get("error") or "",
            )
        case "delivered":
            worth = Money(data["minor"], case.amount.currency)
            return replace(case, delivered=worth, unknown=case.unknown or data.get("outcome") == "unknown")
        case "cash_in_started":
            return replace(case, cash_in=True, counters=data["counters"], held_minor=0, fate="", kept_now=0)
        case "note_held":
            return replace(case, held_minor=data["value_minor"])
        case "note_withheld":
            one = {str(data["value_minor"]): 1}
            case = replace(case, kept_now=case.kept_now + 1)
            if data["credited"]:
                return replace(case, kept_credited=plus(case.kept_credited, one))
            return replace(case, kept=plus(case.kept, one))
        case "note_ordered":
            return replace(case, fate=data["fate"])
        case "payment_agreed":
            return replace(case, agreed=True, credit_minor=data["credit_minor"], credit_to=data["credit_to"])
        case "note_settled":
            return _note_settled(case, data["where"], str(data["value_minor"]))
        case "advice_queued":
            return replace(case, advised=True, suspect=case.suspect or data.get("suspect", False))
        case "case_closed":
            return replace(case, closed=True)
        case _:
            raise ValueError(f"no record of a case: {kind!r}")


def _note_settled(case: Case, where: str, value: str) -> Case:
    one = {value: 1}
    case = replace(case, cash_in=False, held_minor=0, fate="")
    match where:
        case "vault":
            return replace(case, vaulted=plus(case.vaulted, one))
        case "customer":
            return replace(case, given_back=plus(case.given_back, one))
        case "unknown":
            return replace(case, astray=plus(case.astray, one))
        case _:
            return case


def owed_minor(case: Case, site: Site, stands: Money) -> int:
    """Return what the customer is owed of the notes that went in; below zero, what was paid too much.

    `stands` is what is posted for them. Cases without notes that go in owe nothing here.
    """
    if case.posting.takes_cash:
        due = due_minor(case) if stands else 0
        return case.credited_minor + worth_minor(case.astray) - site.worth(dict(case.moved)).minor - due
    held_on_to = case.vaulted or case.moved or case.kept_credited
    took_in = case.posting is Posting.VAULT or (case.posting is Posting.NOTHING and held_on_to)
    if not (took_in or case.astray):
        return 0
    paid = stands.minor if case.posting is Posting.VAULT else site.worth(dict(case.moved)).minor
    return case.credited_minor + worth_minor(case.astray) - paid


def due_minor(case: Case) -> int:
    """Return what a partner's customer pays: the amount and the commission."""
    return case.amount.minor + (case.fee.minor if case.fee else 0)


def cash_stands(case: Case) -> bool:
    """Whether a payment in notes stands: agreed to, in the vault, and goods, if it is for goods, delivered.

    Decided by what was decided and where notes came in, never by what went out: change that came out twice is the
    bank's loss and no reason to leave a bill unpaid.
    """
    if case.approved is None or not case.agreed or case.vaulted_minor < due_minor(case):
        return False
    return case.posting is Posting.CASH or case.delivered == case.approved


def owed_way(case: Case, owed: int, *, suspect: bool) -> str:
    """Return where `owed` goes: as it was agreed if it is what was agreed; what somebody must look at is on a slip."""
    if suspect:
        return SLIP
    return case.credit_to if cash_stands(case) and owed == case.credit_minor else case.owed_to


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is owed to the host for a case: `stands` of the amount stays posted, the rest is released."""

    stands: Money
    reason: Reason | None  # None: a completion
    suspect: bool = False


def settle(case: Case, site: Site, reason: Reason) -> Settlement | None:
    """Say how a case is settled; None when the host holds nothing of it. `reason` is used when nothing was paid.

    - never reserved and surely not, or nothing to reserve: nothing.
    - no order: everything is released.
    - an order of which the outcome is not known: *suspect*, the whole approved amount stands.
    - posted at the answer: what was approved stands, what is not known to be approved is taken back.
    - a deposit: what was kept and is credited stands; a note that nobody can find makes it *suspect*.
    - a partner paid in notes: the whole stands, or nothing; an order or a note of which nobody knows is *suspect*.
    - goods: what they were delivered for stands; goods that nobody can say were delivered are *suspect*.
    - otherwise what passed the exit stands. More than approved stands as approved; the rest is the bank's loss,
      reported as an over-dispense and never debited without a rule (edge case 59).
    """
    if case.posting is Posting.NOTHING or not (case.reserved or case.undecided):
        return None
    nothing = site.money(0)
    if case.posting is Posting.ANSWER:
        return Settlement(nothing, reason) if case.approved is None else None
    if case.posting is Posting.VAULT and case.approved is not None:
        kept = site.money(min(case.credited_minor, case.approved.minor))
        return Settlement(kept, None if kept else reason, suspect=bool(case.astray))
    if case.posting.takes_cash and case.approved is not None:
        suspect = bool(case.astray) or case.unknown or case.in_flight
        stands = cash_stands(case)
        return Settlement(case.approved if stands else nothing, None if stands else reason, suspect)
    if case.posting is Posting.DELIVERY and case.approved is not None:
        if case.unknown:
            return Settlement(case.approved, None, suspect=True)
        if case.delivered == case.approved:
            return Settlement(case.approved, None)
        return Settlement(case.delivered or nothing, reason)
    if case.approved is None or case.orders == 0:
        return Settlement(nothing, reason)
    if case.unknown or case.in_flight:
        return Settlement(case.approved, None, suspect=True)
    paid = site.worth(dict(case.moved))
    if paid >= case.approved:
        return Settlement(case.approved, None)
    if paid:
        return Settlement(paid, Reason.SHORT_DISPENSED)
    return Settlement(nothing, Reason.NOTHING_DISPENSED if reason is Reason.RESTART else reason)
