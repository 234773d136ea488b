"""The bank: one message in, one answer out, each pair in one durable transaction.

Exactly once rests on three things kept in that same transaction: the stored answer of every message (a repeat
gets it again, the same number with other content gets 94), the ledger's keys, and the order that every 0200
opens. A reversal of an unknown order leaves a tombstone, so that the order, should it still come, is
declined.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from kiosk.bank import accounts, agency, claims, complaints, ledger, partners, payments, register
from kiosk.bank.advices import complete, reverse, settle
from kiosk.bank.authorise import authorise
from kiosk.bank.case import Case, echo
from kiosk.bank.data import CARD_STATES, BankData, TerminalData
from kiosk.bank.ledger import Stamp
from kiosk.bank.partners import NO_FAULT, Fault
from kiosk.bank.register import ExceptionItem
from kiosk.bank.storage import Store, Tx
from kiosk.bank.times import Calendar, Clock
from kiosk.bank.verify import Violation, violations
from kiosk.host.mac import Mac, make_mac
from kiosk.host.message import Message, parse_private
from kiosk.host.spec import answer_to, message_class

PIN_KEYS_KEPT: Final = 2  # the current and the one before: a PIN block may have been made under either


@dataclass(slots=True, repr=False)
class Terminal:
    """What the bank knows of a terminal beyond its books: keys and numbers of the running session."""

    data: TerminalData
    link_mac: Mac
    mac: Mac | None = None
    former_mac: Mac | None = None
    offered_mac: Mac | None = None
    pin_keys: dict[int, str] = field(default_factory=dict)
    offered_pin_key: tuple[int, str] | None = None
    key_index: int = 0
    stan: int = 0
    signed_on: bool = False

    def next_stan(self) -> int:
        self.stan = self.stan % 999_999 + 1
        return self.stan


class Bank:
    """Accounts, cards, orders and terminals over a store.

    `entropy(n)` returns n random bytes for working keys: the operating system's in service, seeded in a
    rehearsal. The store is filled from `data` at its first use and kept from then on.
    """

    def __init__(
        self, store: Store, data: BankData, clock: Clock, calendar: Calendar, entropy: Callable[[int], bytes]
    ) -> None:
        self.data = data
        self.clock = clock
        self.calendar = calendar
        self.entropy = entropy
        self._store = store
        self.terminals = {t.id: Terminal(t, make_mac(data.mac_algorithm, t.keys.link_mac_key)) for t in data.terminals}
        store.transact(self._prepare)
        self._business_date = store.transact(lambda tx: register.get_state(tx, "business_date"))

    # ------------------------------------------------------------ messages

    def handle(self, message: Message, *, forced_code: str = "", partner_fault: Fault = NO_FAULT) -> Message:
        """Return the answer to a valid, authentic 0200, 0220, 0420, 0520 or 0620 of a known terminal.

        `forced_code` declines a 0200 with that code, whatever the books say;
        `partner_fault` is what goes wrong at the partner meanwhile.
        """
        return self._store.transact(lambda tx: self._once(tx, message, forced_code, partner_fault))

    def _once(self, tx: Tx, message: Message, forced_code: str, partner_fault: Fault) -> Message:
        kind = message_class(message.mti)
        case = self._case(tx, message, partner_fault)
        reference = message.get(7) + message.get(11) if kind == "0620" else message.get(37)
        key = f"{case.terminal}/{reference}/{kind}"
        content = self.data.keys.content(repr(sorted(message.fields.items())))
        stored = tx.one("SELECT content, answer FROM answers WHERE key = :key", key=key)
        if stored is not None:
            if stored[0] == content:
                return _thaw(stored[1])
            if kind in ("0220", "0420"):
                case.report("second_resolution", f"another {kind} for the same order, refused")
            return echo(case, answer_to(message.mti), "94")
        answer = self._act(case, kind, forced_code)
        tx.run(
            "INSERT INTO answers VALUES (:key, :content, :answer)",
            key=key,
            content=content,
            answer=_freeze(answer),
        )
        return answer

    def _act(self, case: Case, kind: str, forced_code: str) -> Message:
        if kind == "0200":
            return authorise(case, forced_code)
        if kind == "0220":
            return complete(case)
        if kind == "0420":
            return reverse(case)
        if kind == "0520":
            return settle(case)
        return self._note_event(case)

    def _note_event(self, case: Case) -> Message:
        message = case.message
        tags = parse_private(message.get(48))
        case.tx.run(
            "INSERT INTO events VALUES (:terminal, :stan, :sent_at, :rrn, :text)",
            terminal=case.terminal,
            stan=message.get(11),
            sent_at=message.get(7),
            rrn=message.get(37),
            text=json.dumps(tags),
        )
        complaints.note(case.tx, case.terminal, tags, self.calendar.now().date().isoformat())
        if "WN" in tags:
            value, kind, credited, session = [*tags["WN"].split("|"), "", "", ""][:4]
            kept = register.WithheldNote(
                case.terminal, tags.get("RF", ""), int(value) if value.isdigit() else 0, kind, credited == "1", session,
                tags.get("TX", ""), case.stamp.booked_on,
            )  # fmt: skip
            register.note_withheld(case.tx, (case.terminal, message.get(11), message.get(7)), kept)
        if "SU" in tags:
            case.report("suspect", tags.get("TX", "") or "the terminal reports a suspect state")
        return echo(case, "0630", "00")

    def _case(self, tx: Tx, message: Message, partner_fault: Fault) -> Case:
        now = self.calendar.now()
        return Case(
            tx=tx,
            data=self.data,
            message=message,
            terminal=message.get(41),
            stamp=Stamp(self._business_date, now.isoformat()),
            now_s=int(now.timestamp()),
            pin_keys=self.terminals[message.get(41)].pin_keys,
            partner_fault=partner_fault,
        )

    # ------------------------------------------------------------ the bank's own doings

    def tick(self) -> None:
        """Open exception items for holds that nobody resolved in time (they stay held); take partners' final words."""
        self._store.transact(self._age_holds)
        now_s = int(self.calendar.now().timestamp())
        self._store.transact(lambda tx: agency.settle_ripe(tx, self._stamp(tx), now_s))
        today = self.calendar.now().date().isoformat()
        self._store.transact(lambda tx: complaints.grow_old(tx, today))

    def _age_holds(self, tx: Tx) -> None:
        now = self.calendar.now()
        before_s = int(now.timestamp()) - self.data.hold_hours_max * 3600
        for row in tx.all(
            "SELECT terminal, rrn, stan FROM orders WHERE state = 'approved' AND opened_s <= :before",
            before=before_s,
        ):
            text = f"no completion or reversal for {self.data.hold_hours_max} h: cash may have left"
            register.register_exception(tx, row[0], row[1], "hold_too_old", row[2], text, now.isoformat())

    def cut_over(self) -> str:
        """Open the next business date; return it (ISO). Sessions tell their terminals."""

        def work(tx: Tx) -> str:
            today = date.fromisoformat(register.get_state(tx, "business_date"))
            tomorrow = date.fromordinal(today.toordinal() + 1).isoformat()
            register.set_state(tx, "business_date", tomorrow)
            return tomorrow

        self._business_date = self._store.transact(work)
        return self._business_date

    @property
    def business_date(self) -> str:
        """The open business date, ISO."""
        return self._business_date

    def exceptions(self, *, open_only: bool = True) -> list[ExceptionItem]:
        return self._store.transact(lambda tx: register.exceptions(tx, open_only=open_only))

    def close_exception(self, item: ExceptionItem, how: str) -> None:
        """Close an item with the words of who decided it; money is corrected by a transfer of its own."""
        self._store.transact(
            lambda tx: tx.run(
                "UPDATE exceptions SET closed_with = :how WHERE terminal = :t AND rrn = :r AND kind = :k AND stan = :s",
                how=how,
                t=item.terminal,
                r=item.rrn,
                k=item.kind,
                s=item.stan,
            )
        )

    def balance(self, account: str) -> ledger.Balance | None:
        return self._store.transact(lambda tx: ledger.balance(tx, account))

    def accounts(self) -> list[ledger.Balance]:
        """Return the customers' accounts in the order of their numbers."""
        rows = self._store.transact(
            lambda tx: tx.all(
                "SELECT id, currency, ledger_minor, held_minor FROM accounts WHERE kind = 'customer' ORDER BY id"
            )
        )
        return [ledger.Balance(*row) for row in rows]

    def cards(self) -> list[Mapping[str, object]]:
        """Return what may be shown of the cards: label, masked number, account, expiry, state, tries left."""
        columns = ("label", "masked", "account", "expiry", "state", "tries_left")
        rows = self._store.transact(
            lambda tx: tx.all("SELECT label, masked, account, expiry, state, tries_left FROM cards ORDER BY account")
        )
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def set_card(self, label: str, *, state: str = "active", tries_left: int = 3) -> None:
        """Block, report or free the card `label`, as an officer would. Raises ValueError naming what is known."""
        labels = [str(card["label"]) for card in self.cards() if card["label"]]
        if label not in labels or state not in CARD_STATES:
            raise ValueError(f"no card {label!r} or state {state!r}; cards: {labels}; states: {CARD_STATES}")
        self._store.transact(
            lambda tx: tx.run(
                "UPDATE cards SET state = :state, tries_left = :tries WHERE label = :label",
                state=state,
                tries=tries_left,
                label=label,
            )
        )

    def orders(self) -> list[register.Order]:
        return self._store.transact(register.all_orders)

    def owed_to_bearers(self) -> int:
        """Return what is owed to people with a claim and no account, in minor units."""
        book = self.balance(claims.book_of(self.data.currency))
        return book.ledger_minor if book is not None else 0

    def overpaid(self) -> Mapping[str, int]:
        """Return order keys and what went to their partners beyond what was due, in minor units."""
        return self._store.transact(claims.overpaid)
    def withheld_notes(self) -> list[register.WithheldNote]:
        """Return the doubted notes that terminals kept and told of."""
        return self._store.transact(register.withheld_notes)

    def filed_complaints(self) -> list[complaints.Complaint]:
        return self._store.transact(complaints.all_complaints)

    def note_requests(self) -> list[complaints.NoteRequest]:
        return self._store.transact(complaints.all_requests)

    def decide_complaint(self, number: str, state: str, result: str = "") -> None:
        """Move a complaint on, as an officer would. Raises ValueError for an unknown number, state or result."""
        good = state in complaints.STATES and (result in complaints.RESULTS) == (state == "answered")
        if not good or not self._store.transact(lambda tx: complaints.decide(tx, number, state, result)):
            raise ValueError(f"no complaint {number!r}, or {state!r} with {result!r} is no state; see complaints.py")

    def events(self) -> list[Mapping[str, object]]:
        """Return the event advices in the order they came in, tags of F48 under ``tags``."""
        rows = self._store.transact(lambda tx: tx.all("SELECT terminal, sent_at, rrn, text FROM events"))
        return [{"terminal": r[0], "sent_at": r[1], "rrn": r[2], "tags": json.loads(r[3])} for r in rows]

    def load_cash(self, terminal: str, amount_minor: int, reference: str) -> ledger.Result:
        """Bring cash from the vault to a terminal (negative: back); `reference` names the doing once."""
        currency = self.terminals[terminal].data.currency
        cash, vault = f"atm:{terminal}:cash", f"bank:vault:{currency}"
        debit, credit = (cash, vault) if amount_minor > 0 else (vault, cash)
        return self._store.transact(
            lambda tx: ledger.move(tx, f"load/{reference}", debit, credit, abs(amount_minor), currency, self._stamp(tx))
        )

    def count_cash(self, terminal: str, counted_minor: int, reference: str) -> int:
        """Compare a count with the books, book the difference to suspense, return it (positive: over)."""
        currency = self.terminals[terminal].data.currency
        cash, suspense = f"atm:{terminal}:cash", f"bank:suspense:{currency}"

        def work(tx: Tx) -> int:
            books = ledger.balance(tx, cash)
            assert books is not None
            over = counted_minor + books.ledger_minor
            if over:
                debit, credit = (cash, suspense) if over > 0 else (suspense, cash)
                ledger.move(tx, f"count/{reference}", debit, credit, abs(over), currency, self._stamp(tx))
            return over

        return self._store.transact(work)

    def verify(self) -> list[Violation]:
        """Check the invariants of the books; an empty list is what a healthy bank returns."""
        now_s = int(self.calendar.now().timestamp())
        return self._store.transact(lambda tx: violations(tx, now_s, self.data.hold_hours_max))

    def close(self) -> None:
        self._store.close()

    # ------------------------------------------------------------ the first day

    def _stamp(self, tx: Tx) -> Stamp:
        return Stamp(register.get_state(tx, "business_date"), self.calendar.now().isoformat())

    def _prepare(self, tx: Tx) -> None:
        books = (ledger, accounts, register, payments, partners, claims, complaints)
        for statement in (statement for book in books for statement in book.SCHEMA):
            tx.run(statement)
        if register.get_state(tx, "business_date"):
            return
        data = self.data
        register.set_state(tx, "business_date", data.business_date or self.calendar.now().date().isoformat())
        stamp = self._stamp(tx)
        currencies = {data.currency} | {a.currency for a in data.accounts} | {t.currency for t in data.terminals}
        for currency in sorted(currencies):
            for kind in ("vault", "settlement", "pickup", "fees", "suspense", "claims"):
                ledger.open_account(tx, f"bank:{kind}:{currency}", kind, currency)
        partners.prepare(tx, data.partners)
        for complaint in data.complaints:
            complaints.store(tx, complaint)
        for payee in dict.fromkeys((*data.payees, *data.partners)):
            ledger.open_account(tx, f"payee:{payee}", "payee", data.currency)
        for account in data.accounts:
            ledger.open_account(tx, account.number, "customer", account.currency, floor_minor=account.floor_minor)
            accounts.store_account(tx, account)
            if account.balance_minor:
                vault, number, minor = f"bank:vault:{account.currency}", account.number, account.balance_minor
                debit, credit = (vault, number) if minor > 0 else (number, vault)
                ledger.move(tx, f"opening/{number}", debit, credit, abs(minor), account.currency, stamp)
        for card in data.cards:
            accounts.store_card(tx, card, data.keys)
        for terminal in data.terminals:
            for kind in ("cash", "retracted", "in_transit"):
                ledger.open_account(tx, f"atm:{terminal.id}:{kind}", kind, terminal.currency)
            if terminal.cash_minor:
                cash, vault = f"atm:{terminal.id}:cash", f"bank:vault:{terminal.currency}"
                ledger.move(tx, f"opening/{cash}", cash, vault, terminal.cash_minor, terminal.currency, stamp)


def _freeze(message: Message) -> str:
    return json.dumps([message.mti, {str(n): v for n, v in message.fields.items()}])


def _thaw(stored: str) -> Message:
    mti, fields = json.loads(stored)
    return Message(mti, {int(n): v for n, v in fields.items()})
