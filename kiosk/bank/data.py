"""What the bank starts with, read from a mapping (the composition loads it from `config/bank.yaml`).

Amounts are integers of minor units. Clear PINs occur here only, for demo cards, and become keyed check values
the moment they are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kiosk.bank import complaints
from kiosk.bank.complaints import Complaint
from kiosk.bank.partner_data import PartnerData, load_partners
from kiosk.bank.pins import PinRules
from kiosk.bank.secrets import BankKeys, TerminalKeys, luhn_valid, masked
from kiosk.money import CURRENCIES

CARD_STATES: Final = ("active", "blocked", "lost", "stolen", "pin_blocked")


class BankDataError(ValueError):
    """The bank's data cannot be: the text names the place and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountData:
    """A customer's account. `floor_minor` below zero is an overdraft; a limit of zero means none."""

    number: str
    holder: str
    currency: str = "CNY"
    balance_minor: int = 0
    floor_minor: int = 0
    per_withdrawal_minor: int = 0
    per_day_minor: int = 0
    withdrawals_per_day: int = 0
    partial_approval: bool = False
    kind: str = "savings"  # savings, current, credit
    born: str = ""  # the holder's birthday, ISO


@dataclass(frozen=True, slots=True, kw_only=True)
class CardData:
    """A card. `expiry` is YYMM as on the track; `retain_on_tries` answers 38 instead of 75."""

    pan: str = field(repr=False)
    pin: str = field(repr=False)
    expiry: str
    account: str
    state: str = "active"
    tries_left: int = 3
    retain_on_tries: bool = False
    label: str = ""
    linked: Sequence[str] = ()  # further accounts of its holder, asked about and paid into with this card


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalData:
    """A terminal: its F41, its keys, and the cash it starts with."""

    id: str
    keys: TerminalKeys
    currency: str = "CNY"
    cash_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemittanceRule:
    """What a remittance costs: so many thousandths, at least and at most."""

    fee_permille: int = 10
    fee_min_minor: int = 100
    fee_max_minor: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BankData:
    """The whole. `partial_step_minor` is the granularity of partial approvals; `hold_hours_max` the age at
    which an unresolved hold becomes an exception item.
    """

    keys: BankKeys
    accounts: Sequence[AccountData]
    cards: Sequence[CardData]
    terminals: Sequence[TerminalData]
    payees: Mapping[str, str] = field(default_factory=dict)  # biller or agency code -> name
    remittance: RemittanceRule = RemittanceRule()
    pin_rules: PinRules = field(default_factory=PinRules)
    correspondents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # other bank -> account -> holder
    complaints: Sequence[Complaint] = ()
    partners: Mapping[str, PartnerData] = field(default_factory=dict)  # under agency agreements, by code
    currency: str = "CNY"
    business_date: str = ""  # ISO; empty means the calendar's date at the first start
    partial_step_minor: int = 10_000
    pin_tries_max: int = 3
    hold_hours_max: int = 24
    mac_algorithm: str = "tdes"


def _take(kind: Callable[..., Any], raw: Mapping[str, Any], where: str) -> Any:
    try:
        return kind(**raw)
    except TypeError as error:
        raise BankDataError(f"{where}: {error}; check the names of its keys") from None
    except ValueError as error:
        raise BankDataError(str(error)) from None


def _complaint(**raw: Any) -> Complaint:
    return complaints.loaded(raw)


def _partners(raw: Mapping[str, Any]) -> dict[str, PartnerData]:
    try:
        return load_partners(raw)
    except (KeyError, TypeError, ValueError) as error:
        raise BankDataError(f"partners: {error}; see config/partners.yaml") from None


def load_bank(raw: Mapping[str, Any]) -> BankData:
    """Return the bank's data from nested mappings. Raises BankDataError."""
    raw = dict(raw)
    try:
        keys = _take(BankKeys, raw.pop("keys"), "keys")
        accounts = [_take(AccountData, a, f"accounts[{n}]") for n, a in enumerate(raw.pop("accounts"))]
        cards = [_take(CardData, c, f"cards[{n}]") for n, c in enumerate(raw.pop("cards"))]
        terminals = []
        for n, t in enumerate(raw.pop("terminals")):
            terminal = dict(t)
            terminal["keys"] = _take(TerminalKeys, terminal.get("keys", {}), f"terminals[{n}].keys")
            terminals.append(_take(TerminalData, terminal, f"terminals[{n}]"))
        if "remittance" in raw:
            raw["remittance"] = _take(RemittanceRule, raw["remittance"], "remittance")
        if "complaints" in raw:
            raw["complaints"] = [_take(_complaint, c, f"complaints[{n}]") for n, c in enumerate(raw["complaints"])]
        if "pin_rules" in raw:
            raw["pin_rules"] = _take(PinRules, raw["pin_rules"], "pin_rules")
        if "partners" in raw:
            raw["partners"] = _partners(raw["partners"])
    except KeyError as error:
        raise BankDataError(f"the bank needs {error.args[0]!r}: keys, accounts, cards, terminals") from None
    data: BankData = _take(
        BankData, {"keys": keys, "accounts": accounts, "cards": cards, "terminals": terminals, **raw}, "bank"
    )
    check(data)
    return data


def check(data: BankData) -> None:
    """Check what spans the parts. Raises BankDataError."""
    numbers = {account.number for account in data.accounts}
    if len(numbers) != len(data.accounts):
        raise BankDataError("accounts: a number occurs twice; numbers are unique")
    for account in data.accounts:
        if account.currency not in CURRENCIES:
            raise BankDataError(f"account {account.number}: currency {account.currency!r} is unknown")
        if account.balance_minor < account.floor_minor:
            raise BankDataError(f"account {account.number}: the balance starts below its floor")
    if len({card.pan for card in data.cards}) != len(data.cards):
        raise BankDataError("cards: a PAN occurs twice")
    for card in data.cards:
        shown = masked(card.pan)
        if not (card.pan.isascii() and card.pan.isdigit() and luhn_valid(card.pan)):
            raise BankDataError(f"card {shown}: the PAN is not a number with a fitting check digit")
        if card.account not in numbers:
            raise BankDataError(f"card {shown}: account {card.account!r} does not exist")
        if strange := [number for number in card.linked if number not in numbers]:
            raise BankDataError(f"card {shown}: linked account {strange[0]!r} does not exist")
        if card.state not in CARD_STATES:
            raise BankDataError(f"card {shown}: state {card.state!r} is not one of {', '.join(CARD_STATES)}")
        if not (card.pin.isascii() and card.pin.isdigit() and 4 <= len(card.pin) <= 12):
            raise BankDataError(f"card {shown}: a PIN has 4 to 12 digits")
        if not (len(card.expiry) == 4 and card.expiry.isdigit() and "01" <= card.expiry[2:] <= "12"):
            raise BankDataError(f"card {shown}: expiry is YYMM")
