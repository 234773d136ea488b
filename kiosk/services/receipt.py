"""Paper: what is printed of a case, what happens when it cannot be, and the same lines for the screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from drivers.base.vocabulary import (
    Align,
    Columns,
    Document,
    Element,
    Feed,
    PrintDocument,
    QrCode,
    RetractDocument,
    Rule,
    Text,
)
from kiosk.flow.offers import action, guard, view
from kiosk.money import Money
from kiosk.services.case import Case
from kiosk.services.facts import CardGone, ReceiptText, ReceiptWanted, about
from kiosk.turn import Language, Turn


def locale_of(turn: Turn) -> str:
    """Return the language that the customer is served in."""
    language = turn.find(Language)
    return language.locale if language else turn.site.locale


def say_in(turn: Turn) -> Callable[..., str]:
    """Return the catalogue in the customer's language: ``say(text, **values)``."""
    locale = locale_of(turn)
    return lambda text, **values: turn.words.say(locale, text, **values)


def money_of(turn: Turn, amount: Money) -> str:
    """Return an amount as the customer's language writes it."""
    return turn.money(locale_of(turn), amount)


def head(turn: Turn, title: str, reference: str, card: str = "") -> list[Element]:
    """Return the beginning of every receipt: bank, title (a text id), date, terminal, card, reference."""
    say, site = say_in(turn), turn.site
    here = turn.now.astimezone(ZoneInfo(site.time_zone))
    name = site.bank_name.get(locale_of(turn), next(iter(site.bank_name.values())))
    rows: list[Element] = [
        Text(name, Align.CENTER, bold=True, scale=2),
        Text(say(title), Align.CENTER),
        Rule(),
        Columns(say("receipt.date"), here.strftime("%Y-%m-%d %H:%M:%S")),
        Columns(say("receipt.terminal"), site.terminal_id),
    ]
    if card:
        rows.append(Columns(say("receipt.card"), card))
    if reference:
        rows.append(Columns(say("receipt.reference"), reference))
    return rows


def tail(turn: Turn) -> list[Element]:
    """Return the end of every receipt; a retained card is told on it."""
    say, rows = say_in(turn), list[Element]()
    gone = turn.find(CardGone)
    if gone and gone.how == "retained":
        rows += [Rule(), Text(say("receipt.card_retained", contact=turn.site.contact))]
    return [*rows, Rule(), Text(say("receipt.thanks"), Align.CENTER), Feed(2)]


def claim_rows(turn: Turn, reference: str, why: str, owed: Money | None = None) -> list[Element]:
    """Return what makes a claim: what is owed, why (a text id), the reference, how to ask, and by when it is settled.

    Without `owed` the amount has to be found out. Nobody needs to complain for it: the bank is told already.
    """
    say, site = say_in(turn), turn.site
    due = turn.now.astimezone(ZoneInfo(site.time_zone)).date() + timedelta(days=site.complaint.claim_days)
    return [
        Rule(),
        Text(say("receipt.claim_title"), bold=True),
        Columns(say("receipt.owed"), money_of(turn, owed) if owed else say("receipt.to_be_found_out"), bold=True),
        Columns(say("receipt.reference"), reference),
        Columns(say("receipt.settled_by"), due.isoformat(), bold=True),
        Text(say(why)),
        Text(say("receipt.claim_how", contact=site.contact)),
        QrCode(f"KIOSK:{site.terminal_id}:{reference}"),
    ]


def withdrawal_document(turn: Turn, case: Case) -> Document:
    """Return the receipt of a withdrawal: what was paid, what was not charged, what is owed and how to claim it."""
    say, site = say_in(turn), turn.site
    paid = site.worth(dict(case.moved))
    rows = head(turn, "receipt.title_withdrawal", case.rrn, case.card)
    rows += [Rule(), Columns(say("receipt.requested"), money_of(turn, case.amount))]
    if case.suspect:
        rows += [
            Columns(say("receipt.charged"), money_of(turn, case.approved or case.amount), bold=True),
            *claim_rows(turn, case.rrn, "claim_why.unknown"),
        ]
    elif paid:
        rows.append(Columns(say("receipt.paid"), money_of(turn, paid), bold=True))
        for unit, count in case.moved.items():
            note = money_of(turn, site.notes[unit].times(1))
            rows.append(Columns("", say("receipt.notes", amount=note, count=count)))
        short = (case.approved or case.amount) - paid
        if short.minor > 0:
            rows += [
                Columns(say("receipt.not_charged"), money_of(turn, short), bold=True),
                Text(say("receipt.short_text", contact=site.contact)),
            ]
    else:
        rows += [
            Columns(say("receipt.paid"), money_of(turn, site.money(0)), bold=True),
            Text(say("receipt.not_charged_text", contact=site.contact)),
        ]
    return tuple(rows + tail(turn))


def capture_document(turn: Turn, gone: CardGone) -> Document:
    """Return the slip for a retained card: where it is, why, whom to ask (edge case 4)."""
    say = say_in(turn)
    return (
        *head(turn, "receipt.title_capture", gone.reference),
        Rule(),
        Text(say("receipt.card_kept_why")),
        Text(say("receipt.card_retained", contact=turn.site.contact)),
        QrCode(f"KIOSK:{turn.site.terminal_id}:{gone.reference}"),
        Feed(2),
    )


def lines_of(document: Document) -> tuple[str, ...]:
    """Return a document as lines for the screen."""
    lines = []
    for element in document:
        if isinstance(element, Text):
            lines.append(element.text)
        elif isinstance(element, Columns):
            lines.append(f"{element.left}\t{element.right}")
        elif isinstance(element, Rule):
            lines.append("-")
    return tuple(lines)


def paper_there(turn: Turn) -> bool:
    """Return whether the printer works and has paper."""
    return turn.fitness.usable("printer") and turn.fitness.supplies("printer").get("paper") != "out"


class Receipts:
    """Guards, actions and views of the flow ``print_receipt``. Each service writes the receipts of its own cases."""

    def __init__(self, writers: Mapping[str, Callable[[Turn, Case], Document]]) -> None:
        self._writers = writers

    @guard
    def paper_missing(self, turn: Turn) -> bool:
        """Whether there is no paper and the customer has not been asked (edge case 90)."""
        return not self.paper_there(turn) and turn.find(ReceiptWanted) is None

    @action
    def go_without_receipt(self, turn: Turn) -> None:
        turn.put(ReceiptWanted(False))

    @guard
    def paper_there(self, turn: Turn) -> bool:
        return paper_there(turn)

    @guard
    def receipt_declined(self, turn: Turn) -> bool:
        wanted = turn.find(ReceiptWanted)
        return wanted is not None and not wanted.wanted

    @guard
    def document_removable(self, turn: Turn) -> bool:
        """Whether the printer can say that the paper was taken."""
        return bool(turn.fitness.capabilities("printer").document_taken_sensor)

    @guard
    def document_retractable(self, turn: Turn) -> bool:
        return bool(turn.fitness.capabilities("printer").retract)

    @action
    def compose_receipt(self, turn: Turn) -> None:
        """Word the paper once: printer and screen show the same lines, the journal keeps them (edge case 91)."""
        document = self._document(turn)
        lines = lines_of(document)
        turn.put(ReceiptText(document, lines))
        gone = turn.find(CardGone)
        turn.record(
            "receipt", **about(turn.facts), card_retained=gone is not None and gone.how == "retained",
            lines=list(lines),
        )  # fmt: skip

    @action
    def print_receipt(self, turn: Turn) -> None:
        turn.order("printer", PrintDocument(ticket=turn.ticket("print"), document=turn.get(ReceiptText).document))

    @action
    def retract_document(self, turn: Turn) -> None:
        turn.order("printer", RetractDocument(ticket=turn.ticket("retract")))

    @action
    def note_not_printed(self, turn: Turn) -> None:
        result = turn.event.payload
        turn.record(
            "receipt_not_printed", **about(turn.facts), error=result.error, detail=result.detail,
            outcome=result.outcome.value,
        )  # fmt: skip

    def _document(self, turn: Turn) -> Document:
        case = turn.find(Case)
        if case is not None:
            return self._writers[case.service](turn, case)
        return capture_document(turn, turn.find(CardGone) or CardGone("retained"))

    @view("receipt_on_screen")
    def _receipt_on_screen(self, turn: Turn) -> Mapping[str, Any]:
        text = turn.find(ReceiptText)
        return {"lines": text.lines if text else ()}
