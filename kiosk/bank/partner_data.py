"""The partners that the bank collects and sells for: the agreement with each, and what a simulated one knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

BILLER: Final = "biller"
OPERATOR: Final = "operator"
TICKET_AGENCY: Final = "ticket_agency"
PARTNER_KINDS: Final = (BILLER, OPERATOR, TICKET_AGENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillData:
    """An open bill; `due_minor` 0 means that nothing is owed."""

    number: str
    holder: str
    due_minor: int
    due_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowData:
    """One performance: `at` is local ISO time, `seats` what is for sale."""

    id: str
    event: Mapping[str, str]
    at: str
    price_minor: int
    seats: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerData:
    """A partner under its agreement. Commission: so many thousandths of the amount, at least and at most."""

    code: str
    kind: str
    least_minor: int = 1
    most_minor: int = 0
    permille: int = 0
    commission_least_minor: int = 0
    commission_most_minor: int = 0
    tickets_max: int = 1
    bills: Sequence[BillData] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    shows: Sequence[ShowData] = ()
    hold_s: int = 180
    pay_by: Sequence[str] = ("card",)

    def commission_minor(self, amount_minor: int) -> int:
        """Return what the customer pays on top of an amount."""
        return min(max(amount_minor * self.permille // 1000, self.commission_least_minor), self.commission_most_minor)


def load_partners(raw: Mapping[str, Any]) -> dict[str, PartnerData]:
    """Return the partners of ``agreements`` and ``simulated``. Raises ValueError, KeyError, TypeError."""
    played: Mapping[str, Any] = raw.get("simulated", {})
    partners = {}
    for agreement in raw["agreements"]:
        code, kind = agreement["code"], agreement["kind"]
        if kind not in PARTNER_KINDS:
            raise ValueError(f"agreement {code!r}: kind {kind!r} is not one of {', '.join(PARTNER_KINDS)}")
        limits, commission, play = agreement["limits"], agreement["commission"], played.get(code, {})
        partners[code] = PartnerData(
            code=code, kind=kind, least_minor=limits["least_minor"], most_minor=limits["most_minor"],
            permille=commission["permille"], commission_least_minor=commission["least_minor"],
            commission_most_minor=commission["most_minor"], tickets_max=agreement.get("tickets_max", 1),
            bills=tuple(BillData(**b) for b in play.get("bills", ())), numbers=play.get("numbers", {}),
            shows=tuple(ShowData(**s) for s in play.get("shows", ())), hold_s=play.get("hold_s", 180),
            pay_by=tuple(agreement.get("pay_by", ("card",))),
        )  # fmt: skip
    if strange := [code for code in played if code not in partners]:
        raise ValueError(f"simulated partner {strange[0]!r} has no agreement; agreements: {', '.join(partners)}")
    return partners
