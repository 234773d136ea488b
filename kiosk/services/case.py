"""A case: one intent to move money, from its first record to its settlement.

A case is a fold of its journal records, and the live service folds the very records it writes. So what recovery finds
after a power cut is what the service knew, no more and no less; there is no second description of a case that could
disagree with the first.

    case_opened       identifiers made; nothing sent yet
    host_answered     approved (reserved at the host) or declined
    host_failed       silence, a bad answer, or not sent
    dispense_ordered  written before the order goes out: from here on notes may have moved
    dispensed         what the device counted, or that it does not know
    advice_queued     how it was settled, with the amount that stands
    case_closed       nothing is owed any more by this terminal

`settle` is the one rule of settlement: what stands is what the customer got; what nobody knows is *suspect*, posted in
full and handed to reconciliation, never given back automatically (edge cases 44, 115).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kiosk.money import Money
from kiosk.ports import Original, Reason
from kiosk.site import Site

KINDS: Final = (
    "case_opened", "host_answered", "host_failed", "dispense_ordered", "dispensed", "advice_queued", "case_closed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
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


def fold(case: Case | None, kind: str, data: Mapping[str, Any]) -> Case:
    """Return the case after one more record. `data` is a record's data; `case` is None for ``case_opened`` only."""
    if kind == "case_opened":
        amount = Money(data["amount_minor"], data["currency"])
        return Case(
            data["case"], data["service"], data["stan"], data["rrn"], data["sent_at"], amount, data.get("card", "")
        )
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
        case "advice_queued":
            return replace(case, advised=True, suspect=case.suspect or data.get("suspect", False))
        case "case_closed":
            return replace(case, closed=True)
        case _:
            raise ValueError(f"no record of a case: {kind!r}")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is owed to the host for a case: `stands` of the amount stays posted, the rest is released."""

    stands: Money
    reason: Reason | None  # None: a completion
    suspect: bool = False


def settle(case: Case, site: Site, reason: Reason) -> Settlement | None:
    """Say how a case is settled; None when the host holds nothing of it. `reason` is used when nothing was paid.

    - never reserved and surely not: nothing.
    - no order: everything is released.
    - an order of which the outcome is not known: *suspect*, the whole approved amount stands.
    - otherwise what passed the exit stands. More than approved stands as approved; the rest is the bank's loss,
      reported as an over-dispense and never debited without a rule (edge case 59).
    """
    if not (case.reserved or case.undecided):
        return None
    nothing = site.money(0)
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
