"""Inquiry: the balance and the latest movements, on the screen and on paper.

Nothing moves, so nothing is ever reversed: silence is said plainly and that is all. No full number of an account or a
card is shown or printed (N-INQ-02).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from drivers.base.vocabulary import Columns, Document, Element, Rule, Text
from kiosk.flow.offers import action, guard, view
from kiosk.money import Money
from kiosk.services.case import Case
from kiosk.services.entering import chosen_value
from kiosk.services.facts import Answer, Intent, Refusal
from kiosk.services.menu import CARD, HOST, Service
from kiosk.services.payee import Accounts, account_label
from kiosk.services.receipt import head, money_of, paper_there, say_in, tail
from kiosk.turn import OfBusiness, Turn


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of an account: the day as MMDD, the amount (negative: debited), what it was."""

    day: str
    amount: Money
    what: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class About(OfBusiness):
    """The account that is asked about; without a number the card's own."""

    number: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Seen(OfBusiness):
    """What the customer is shown: the account (masked), its balances, its movements."""

    account: str
    available: Money
    ledger: Money
    movements: tuple[Movement, ...] = ()


def movements_of(text: str, currency: str) -> tuple[Movement, ...]:
    """Read field 125: rows ``MMDD C|D n12 [what]`` joined by semicolons; rows that are none are left out."""
    found = []
    for row in text.split(";"):
        parts = row.split(" ", 3)
        if len(parts) < 3 or parts[1] not in ("C", "D") or not (parts[0] + parts[2]).isdigit():
            continue
        minor = int(parts[2]) if parts[1] == "C" else -int(parts[2])
        found.append(Movement(parts[0], Money(minor, currency), parts[3] if len(parts) > 3 else ""))
    return tuple(found)


class Inquiry:
    """Guards, actions and views of the flow ``inquiry``."""

    service: Final = Service("inquiry", "inquiry", (CARD, HOST))

    @action
    def offer_accounts(self, turn: Turn) -> None:
        Accounts.offer(turn, without_first=False)

    @action
    def take_account(self, turn: Turn) -> None:
        own = Accounts.at(turn, chosen_value(turn))
        turn.put(About(own.number, account_label(turn, own)))

    @action
    def want_balance(self, turn: Turn) -> None:
        self._want(turn, "inquiry")

    @action
    def want_movements(self, turn: Turn) -> None:
        self._want(turn, "statement")

    @staticmethod
    def _want(turn: Turn, operation: str) -> None:
        about = turn.find(About) or About()
        turn.drop(Answer)
        turn.put(Intent(operation, turn.site.money(0), from_account=about.number))

    @guard
    def balances_told(self, turn: Turn) -> bool:
        """Whether the answer has the balances: a host may approve and tell none."""
        answer = turn.find(Answer)
        return answer is not None and answer.available is not None

    @action
    def keep_seen(self, turn: Turn) -> None:
        """Keep what the answer told."""
        answer = turn.get(Answer)
        assert answer.available is not None
        rows = movements_of(answer.extra.get("125", ""), answer.available.currency)
        about = turn.find(About) or About()
        turn.put(Seen(about.label or turn.get(Case).card, answer.available, answer.ledger or answer.available, rows))

    @action
    def refuse_untold(self, turn: Turn) -> None:
        turn.put(Refusal("other"))

    # ------------------------------------------------------------ screens and paper

    @view("balance")
    def _balance(self, turn: Turn) -> Mapping[str, Any]:
        seen = turn.get(Seen)
        return {
            "account": seen.account, "available": seen.available, "ledger": seen.ledger, "paper": paper_there(turn),
        }  # fmt: skip

    @view("statement")
    def _statement(self, turn: Turn) -> Mapping[str, Any]:
        seen = turn.get(Seen)
        lines = tuple(f"{left}\t{right}" for left, right in self._rows(turn, seen))
        return {
            "account": seen.account, "available": seen.available, "paper": paper_there(turn),
            "lines": lines or (say_in(turn)("statement.none"),),
        }  # fmt: skip

    @staticmethod
    def _rows(turn: Turn, seen: Seen) -> list[tuple[str, str]]:
        say = say_in(turn)
        rows = []
        for m in seen.movements:
            sign = "+" if m.amount.minor > 0 else "−"
            what = f" {say(f'movement.{m.what}')}" if m.what in MOVEMENTS else ""
            amount = money_of(turn, Money(abs(m.amount.minor), m.amount.currency))
            rows.append((f"{m.day[:2]}-{m.day[2:]}{what}", f"{sign}{amount}"))
        return rows

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the slip: balances, and the movements when they were asked for."""
        say, seen = say_in(turn), turn.find(Seen)
        statement = case.operation == "statement"
        rows: list[Element] = head(turn, "receipt.title_statement" if statement else "receipt.title_inquiry",
                                   case.rrn, case.card)  # fmt: skip
        if seen is not None:
            rows += [
                Rule(),
                Columns(say("receipt.account"), seen.account),
                Columns(say("receipt.available"), money_of(turn, seen.available), bold=True),
                Columns(say("receipt.ledger"), money_of(turn, seen.ledger)),
            ]
            if statement:
                rows.append(Rule())
                rows += [Columns(left, right) for left, right in self._rows(turn, seen)]
                if not seen.movements:
                    rows.append(Text(say("statement.none")))
        return tuple(rows + tail(turn))


MOVEMENTS: Final = ("cash", "deposit", "transfer", "remittance", "payment", "purchase", "fee", "opening", "correction")
"""What a movement can be called; worded by ``movement.<name>``."""
