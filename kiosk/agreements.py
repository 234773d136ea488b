"""Agency agreements as a terminal needs them (``config/partners.yaml``): for whom, on what terms.

What is said of an agreement here is what the menu, the entry screens and the checks before the host use; the bank
judges anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

BILLER = "biller"
OPERATOR = "operator"
TICKET_AGENCY = "ticket_agency"
KINDS = (BILLER, OPERATOR, TICKET_AGENCY)
CARD = "card"
CASH = "cash"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NumberForm(_Strict):
    """How a customer's number with the partner looks: digits at least and at most, shown in groups.

    `barcode` is a regular expression over all characters of the code on the partner's bills; its group ``number`` are
    the digits. Empty: the partner prints none.
    """

    least: int = Field(gt=0, le=30)
    most: int = Field(gt=0, le=30)
    group: int = Field(default=4, ge=0)
    barcode: str = ""

    @field_validator("barcode")
    @classmethod
    def _pattern(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groupindex if pattern else {"number": 1}
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        if "number" not in groups:
            raise ValueError(f"{pattern!r} needs a group (?P<number>...) for the digits")
        return pattern


class LimitsForm(_Strict):
    least_minor: int = Field(gt=0)
    most_minor: int = Field(gt=0)


class CommissionForm(_Strict):
    """What the customer pays on top: thousandths of the amount, at least and at most."""

    permille: int = Field(ge=0, le=1000)
    least_minor: int = Field(ge=0)
    most_minor: int = Field(ge=0)


class Agreement(_Strict):
    """One agreement. `overpay_minor`: what of the change the partner takes as credit for the next time.

    `result_days`: within so many days a payment that was taken in has its final word.
    """

    code: str = Field(pattern=r"^[A-Z0-9]{2,12}$")
    kind: Literal["biller", "operator", "ticket_agency"]
    name: dict[str, str] = Field(min_length=1)
    number: NumberForm | None = None
    limits: LimitsForm
    commission: CommissionForm
    amounts_minor: list[int] = Field(default_factory=list, max_length=8)
    tickets_max: int = Field(default=1, ge=1, le=8)
    pay_by: list[Literal["card", "cash"]] = Field(min_length=1)
    overpay_minor: int = Field(default=0, ge=0)
    result_days: int = Field(default=3, ge=1, le=60)

    @model_validator(mode="after")
    def _whole(self) -> Agreement:
        if self.kind != TICKET_AGENCY and self.number is None:
            raise ValueError(f"agreement {self.code}: a {self.kind} needs `number`")
        if self.kind == OPERATOR and not self.amounts_minor:
            raise ValueError(f"agreement {self.code}: an operator needs `amounts_minor`")
        return self

    def called(self, locale: str) -> str:
        """Return the partner's name in a language."""
        return self.name.get(locale) or next(iter(self.name.values()))


class PartnersForm(_Strict):
    """The file. `simulated` is the model bank's; the terminal does not look at it."""

    agreements: list[Agreement]
    simulated: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _once(self) -> PartnersForm:
        codes = [a.code for a in self.agreements]
        if len(set(codes)) != len(codes):
            raise ValueError("two agreements have the same code")
        return self
