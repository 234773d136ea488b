"""Who gets the money, and which accounts are the customer's own; shared by transfers, remittances and inquiries.

Full numbers stay in facts and in requests. What is shown, printed or journalled is masked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kiosk.flow.offers import action, guard
from kiosk.services.entering import Choices
from kiosk.services.facts import Answer, Intent
from kiosk.services.receipt import say_in
from kiosk.turn import OfBusiness, OfVisit, Turn
from kiosk.view import Option

KINDS: Final = ("savings", "current", "credit")
SHOWN: Final = 4  # last digits of an account that may be read by others


def masked_account(number: str) -> str:
    """Return what may be shown of an account number: its last four digits."""
    return f"**** {number[-SHOWN:]}" if number else ""


@dataclass(frozen=True, slots=True, repr=False)
class Own:
    """One account of the customer's."""

    number: str
    kind: str


@dataclass(frozen=True, slots=True)
class OwnAccounts(OfVisit):
    """The accounts that go with the card, its own first; asked once while the card is in."""

    accounts: tuple[Own, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Payee(OfBusiness):
    """Where the money goes. `name` is masked by the bank; empty where nobody could tell it."""

    number: str
    name: str = ""

    @property
    def shown(self) -> str:
        return masked_account(self.number)


def name_of(answer: Answer) -> str:
    """Return the masked name of tag PN; empty if there is none that can be read."""
    try:
        return bytes.fromhex(answer.extra.get("PN", "")).decode()
    except ValueError:
        return ""


def account_label(turn: Turn, own: Own) -> str:
    """Return what an account is called, with its last digits."""
    kind = own.kind if own.kind in KINDS else "card"
    say = say_in(turn)
    return say("option.account", kind=say(f"account_kind.{kind}"), number=masked_account(own.number))


class Accounts:
    """Guards and actions of the flow ``list_accounts`` and of choosing among the customer's accounts."""

    @guard
    def accounts_known(self, turn: Turn) -> bool:
        return turn.find(OwnAccounts) is not None

    @guard
    def several_accounts(self, turn: Turn) -> bool:
        return len(turn.get(OwnAccounts).accounts) > 1

    @action
    def want_accounts(self, turn: Turn) -> None:
        turn.put(Intent("linked_accounts", turn.site.money(0)))

    @action
    def keep_accounts(self, turn: Turn) -> None:
        """Keep tag LA; a host that tells none leaves the card's own account, which needs no number."""
        rows = (row.partition(":") for row in turn.get(Answer).extra.get("LA", "").split(";"))
        turn.put(OwnAccounts(tuple(Own(number, kind) for kind, _, number in rows if number)[:8]))

    @staticmethod
    def offer(turn: Turn, *, without_first: bool) -> None:
        """Offer the accounts to choose from, by their place in the list: a number would be journalled."""
        accounts = turn.get(OwnAccounts).accounts
        options = tuple(
            Option("chose_one", str(place), "option.named", {"name": account_label(turn, own)})
            for place, own in enumerate(accounts) if not (without_first and place == 0)
        )  # fmt: skip
        turn.put(Choices("account", options))

    @staticmethod
    def at(turn: Turn, place: str) -> Own:
        """Return the account at a place of the list."""
        return turn.get(OwnAccounts).accounts[int(place)]
