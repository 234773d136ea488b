"""Remittance: money out of this bank, to an account elsewhere or to a person who collects it; and where it is now.

The host is asked first what it costs and when it arrives, and the customer sees both, with the masked name where the
clearing tells one, before confirming (N-REM-01). The request carries the fee that was shown; a host that would charge
another refuses. The reference on the receipt asks for the state later, and takes the remittance back, fee and all, as
long as it has not been released (N-REM-02).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from drivers.base.vocabulary import Columns, Document, Element, Rule, Text
from kiosk.flow.offers import action, guard
from kiosk.money import Money
from kiosk.services.case import Case, Posting
from kiosk.services.entering import (
    AmountWanted,
    Choices,
    Confirmation,
    NumberWanted,
    Outcome,
    chosen_value,
    typed_money,
)
from kiosk.services.facts import Answer, Intent, Refusal, Typed
from kiosk.services.menu import CARD, HOST, Service
from kiosk.services.payee import Payee, masked_account, name_of
from kiosk.services.receipt import head, locale_of, money_of, say_in, tail
from kiosk.services.transfer import outcome_rows, payee_rows
from kiosk.turn import OfBusiness, Turn
from kiosk.view import Option

WAYS: Final = ("bank", "person", "status")
PURPOSES: Final = ("living", "tuition", "goods", "gift", "other")
ARRIVALS: Final = ("now", "two_hours", "next_day")
STATES: Final = ("sent", "paid_out", "returned")
REVOCABLE: Final = "sent"  # not released yet (N-REM-02)
ACCOUNT_DIGITS: Final = (12, 19)
PHONE_DIGITS: Final = 11
REFERENCE_DIGITS: Final = 12


@dataclass(frozen=True, slots=True, repr=False)
class Remitted(OfBusiness):
    """What the customer has said of it so far, and what the host said that it costs."""

    way: str
    bank: str = ""
    number: str = ""
    amount: Money | None = None
    purpose: str = ""
    fee: Money | None = None
    arrival: str = ""

    @property
    def tag(self) -> str:
        """Field 48 RM."""
        return "|".join((self.way, self.bank, self.number, self.purpose))


def _with(turn: Turn, **more: Any) -> Remitted:
    old = turn.get(Remitted)
    new = Remitted(**{name: more.get(name, getattr(old, name)) for name in Remitted.__slots__})
    turn.put(new)
    return new


class Remittance:
    """Guards, actions and views of the flow ``remittance``."""

    service: Final = Service("remittance", "remittance", (CARD, HOST))

    # ------------------------------------------------------------ to whom

    @action
    def offer_ways(self, turn: Turn) -> None:
        turn.put(Choices("remit", tuple(Option("chose_one", way, f"option.remit_{way}") for way in WAYS)))

    @guard
    def chose_bank(self, turn: Turn) -> bool:
        return chosen_value(turn) == "bank"

    @guard
    def chose_person(self, turn: Turn) -> bool:
        return chosen_value(turn) == "person"

    @action
    def offer_banks(self, turn: Turn) -> None:
        turn.put(Remitted("bank"))
        options = tuple(
            Option("chose_one", code, "option.named", {"name": self._bank_name(turn, code)})
            for code in turn.site.remittance.banks
        )
        turn.put(Choices("remit_bank", options))

    @staticmethod
    def _bank_name(turn: Turn, code: str) -> str:
        names = turn.site.remittance.banks.get(code, {})
        return names.get(locale_of(turn)) or next(iter(names.values()), code)

    def _where(self, turn: Turn, remitted: Remitted) -> str:
        bank = self._bank_name(turn, remitted.bank) if remitted.bank else ""
        return f"{bank} {masked_account(remitted.number)}".strip()

    @action
    def take_bank(self, turn: Turn) -> None:
        _with(turn, bank=chosen_value(turn))
        turn.put(NumberWanted("remit_account", *ACCOUNT_DIGITS, hint="account_number"))
        turn.put(Typed())

    @action
    def ask_phone(self, turn: Turn) -> None:
        turn.put(Remitted("person"))
        turn.put(NumberWanted("remit_phone", PHONE_DIGITS, PHONE_DIGITS, hint="phone", group=0))
        turn.put(Typed())

    @action
    def take_destination(self, turn: Turn) -> None:
        number = turn.get(Typed).digits
        _with(turn, number=number)
        turn.put(Payee(number))

    # ------------------------------------------------------------ how much, what for, what it costs

    @action
    def ask_remit_amount(self, turn: Turn) -> None:
        turn.drop(NumberWanted)
        turn.put(Typed())
        turn.put(AmountWanted("remit_amount", turn.site.money(turn.site.remittance.most_minor)))

    @action
    def offer_purposes(self, turn: Turn) -> None:
        _with(turn, amount=typed_money(turn))
        turn.put(Choices("remit_purpose", tuple(Option("chose_one", p, f"purpose.{p}") for p in PURPOSES)))

    @action
    def want_quote(self, turn: Turn) -> None:
        remitted = _with(turn, purpose=chosen_value(turn))
        assert remitted.amount is not None
        turn.put(Intent("payee_lookup", remitted.amount, private={"RM": remitted.tag}))

    @guard
    def fee_told(self, turn: Turn) -> bool:
        """Whether the host said what it costs; without that nothing is confirmed."""
        fee = turn.get(Answer).extra.get("FE", "")
        return fee.isascii() and fee.isdigit()

    @action
    def prepare_remittance(self, turn: Turn) -> None:
        answer = turn.get(Answer)
        fee = turn.site.money(int(answer.extra["FE"]))
        arrival = answer.extra.get("AR", "")
        remitted = _with(turn, fee=fee, arrival=arrival if arrival in ARRIVALS else "")
        assert remitted.amount is not None
        payee = Payee(remitted.number, name_of(answer))
        turn.put(payee)
        values: dict[str, Any] = {
            "what": "remittance", "amount": remitted.amount, "fee": fee, "total": remitted.amount + fee,
            "to": self._where(turn, remitted), "name": payee.name, "purpose": remitted.purpose,
            "arrival": remitted.arrival,
        }  # fmt: skip
        turn.put(Confirmation(values))

    @action
    def refuse_no_fee(self, turn: Turn) -> None:
        turn.put(Refusal("other"))

    # ------------------------------------------------------------ the host

    @action
    def want_remittance(self, turn: Turn) -> None:
        remitted = turn.get(Remitted)
        assert remitted.amount is not None
        kept = {"to": turn.get(Payee).shown, "bank": remitted.bank, "purpose": remitted.purpose}
        turn.drop(Answer)
        turn.put(
            Intent(
                "remittance", remitted.amount, Posting.ANSWER, fee=remitted.fee, private={"RM": remitted.tag}, kept=kept
            )
        )

    @action
    def tell_remitted(self, turn: Turn) -> None:
        answer, remitted, payee = turn.get(Answer), turn.get(Remitted), turn.get(Payee)
        values: dict[str, Any] = {
            "what": "remittance", "amount": answer.amount, "reference": answer.reference,
            "to": self._where(turn, remitted), "name": payee.name, "arrival": remitted.arrival,
        }  # fmt: skip
        if remitted.way == "person":
            values["note"] = "pickup"
        turn.put(Outcome(values))

    # ------------------------------------------------------------ where it is

    @action
    def ask_reference(self, turn: Turn) -> None:
        turn.put(Remitted("status"))
        turn.put(NumberWanted("remit_reference", REFERENCE_DIGITS, REFERENCE_DIGITS, hint="reference"))
        turn.put(Typed())

    @action
    def want_status(self, turn: Turn) -> None:
        number = turn.get(Typed).digits
        _with(turn, number=number)
        turn.put(Intent("remittance_status", turn.site.money(0), private={"RF": number}, kept={"about": number}))

    @guard
    def status_told(self, turn: Turn) -> bool:
        return turn.get(Answer).extra.get("ST", "") in STATES

    @action
    def tell_status(self, turn: Turn) -> None:
        extra, remitted = turn.get(Answer).extra, turn.get(Remitted)
        values: dict[str, Any] = {"what": "remittance_status", "state": extra["ST"], "reference": remitted.number}
        amount = extra.get("AM", "")
        if amount.isascii() and amount.isdigit():
            values["amount"] = turn.site.money(int(amount))
        if extra["ST"] == REVOCABLE and remitted.amount is None and "amount" in values:
            fee = extra.get("FE", "")
            _with(turn, amount=values["amount"], fee=turn.site.money(int(fee)) if fee.isdigit() else None)
            values["revocable"] = True
        turn.put(Outcome(values))

    # ------------------------------------------------------------ taking it back

    @guard
    def revocable(self, turn: Turn) -> bool:
        return bool(turn.get(Outcome).values.get("revocable"))

    @action
    def prepare_revocation(self, turn: Turn) -> None:
        remitted = turn.get(Remitted)
        assert remitted.amount is not None
        values: dict[str, Any] = {"what": "remittance_revoke", "amount": remitted.amount, "number": remitted.number}
        if remitted.fee:
            values |= {"fee": remitted.fee, "total": remitted.amount + remitted.fee}
        turn.put(Confirmation(values))

    @action
    def want_revocation(self, turn: Turn) -> None:
        """Ask for it back. Asking twice gives it back once, so nothing needs to be undone when no answer comes."""
        number = turn.get(Remitted).number
        turn.drop(Answer)
        turn.put(Intent("remittance_revoke", turn.site.money(0), private={"RF": number}, kept={"about": number}))

    @action
    def tell_revoked(self, turn: Turn) -> None:
        remitted, answer = turn.get(Remitted), turn.get(Answer)
        turn.record("remittance_revoked", case=turn.get(Case).id, about=remitted.number)
        values: dict[str, Any] = {"what": "remittance_revoked", "reference": remitted.number, "state": "returned"}
        if remitted.amount is not None:
            values["amount"] = remitted.amount + (remitted.fee or turn.site.money(0))
        if answer.available is not None:
            values["available"] = answer.available
        turn.put(Outcome(values))

    @action
    def refuse_revocation_unknown(self, turn: Turn) -> None:
        """Nobody knows whether it was taken back: its state says so later, by the same reference."""
        turn.put(Refusal("revoke_unknown"))

    # ------------------------------------------------------------ paper

    def document(self, turn: Turn, case: Case) -> Document:
        """Return the receipt: to whom, what it costs, when it arrives, or that it was not sent."""
        say, remitted = say_in(turn), turn.find(Remitted)
        if case.asked_as == "remittance_revoke" and remitted is not None:
            return self._revocation(turn, case, remitted)
        rows: list[Element] = head(turn, "receipt.title_remittance", case.rrn, case.card)
        rows += payee_rows(turn, case)
        if remitted is not None:
            if remitted.bank:
                rows.append(Columns(say("receipt.bank"), self._bank_name(turn, remitted.bank)))
            if remitted.purpose:
                rows.append(Columns(say("receipt.purpose"), say(f"purpose.{remitted.purpose}")))
            if remitted.arrival and case.approved is not None:
                rows.append(Columns(say("receipt.arrival"), say(f"arrival.{remitted.arrival}")))
        return tuple(rows + outcome_rows(turn, case) + tail(turn))

    @staticmethod
    def _revocation(turn: Turn, case: Case, remitted: Remitted) -> Document:
        """Return the slip of a remittance that was taken back: what comes back, fee and all, and of which order."""
        say, nothing = say_in(turn), turn.site.money(0)
        back = (remitted.amount or nothing) + (remitted.fee or nothing)
        return (
            *head(turn, "receipt.title_remittance_revoke", case.rrn, case.card),
            Rule(),
            Columns(say("receipt.about"), remitted.number),
            Columns(say("receipt.given_back"), money_of(turn, back), bold=True),
            Text(say("receipt.revoked_text")),
            *tail(turn),
        )
