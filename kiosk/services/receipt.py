"""Paper: what is printed of a case, what happens when it cannot be, and the same lines for the screen."""

from __future__ import annotations

from collections.abc import Mapping
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
from kiosk.services.case import Case
from kiosk.services.facts import CardGone, ReceiptText, ReceiptWanted, about
from kiosk.turn import Language, Turn


def _locale(turn: Turn) -> str:
    language = turn.find(Language)
    return language.locale if language else turn.site.locale


def case_document(turn: Turn, case: Case) -> Document:
    """Return the receipt of a case: what was paid, what was not charged, what is owed and how to claim it."""
    locale = _locale(turn)

    def say(text: str, **values: object) -> str:
        return turn.words.say(locale, text, **values)

    site = turn.site
    here = turn.now.astimezone(ZoneInfo(site.time_zone))
    paid = site.worth(dict(case.moved))
    rows: list[Element] = [
        Text(site.bank_name.get(locale, next(iter(site.bank_name.values()))), Align.CENTER, bold=True, scale=2),
        Text(say("receipt.title_withdrawal"), Align.CENTER),
        Rule(),
        Columns(say("receipt.date"), here.strftime("%Y-%m-%d %H:%M:%S")),
        Columns(say("receipt.terminal"), site.terminal_id),
        Columns(say("receipt.card"), case.card),
        Columns(say("receipt.reference"), case.rrn),
        Rule(),
        Columns(say("receipt.requested"), turn.money(locale, case.amount)),
    ]
    gone = turn.find(CardGone)
    if case.suspect:
        rows += [
            Columns(say("receipt.charged"), turn.money(locale, case.approved or case.amount), bold=True),
            Rule(),
            Text(say("receipt.claim_title"), bold=True),
            Text(say("receipt.claim_text", reference=case.rrn, contact=site.contact)),
            QrCode(f"KIOSK:{site.terminal_id}:{case.rrn}"),
        ]
    elif paid:
        rows.append(Columns(say("receipt.paid"), turn.money(locale, paid), bold=True))
        for unit, count in case.moved.items():
            rows.append(
                Columns("", say("receipt.notes", amount=turn.money(locale, site.notes[unit].times(1)), count=count))
            )
        short = (case.approved or case.amount) - paid
        if short.minor > 0:
            rows += [
                Columns(say("receipt.not_charged"), turn.money(locale, short), bold=True),
                Text(say("receipt.short_text", contact=site.contact)),
            ]
    else:
        rows += [
            Columns(say("receipt.paid"), turn.money(locale, site.money(0)), bold=True),
            Text(say("receipt.not_charged_text", contact=site.contact)),
        ]
    if gone and gone.how == "retained":
        rows += [Rule(), Text(say("receipt.card_retained", contact=site.contact))]
    rows += [Rule(), Text(say("receipt.thanks"), Align.CENTER), Feed(2)]
    return tuple(rows)


def capture_document(turn: Turn, gone: CardGone) -> Document:
    """Return the slip for a retained card: where it is, why, whom to ask (edge case 4)."""
    locale = _locale(turn)

    def say(text: str, **values: object) -> str:
        return turn.words.say(locale, text, **values)

    site = turn.site
    here = turn.now.astimezone(ZoneInfo(site.time_zone))
    return (
        Text(site.bank_name.get(locale, next(iter(site.bank_name.values()))), Align.CENTER, bold=True, scale=2),
        Text(say("receipt.title_capture"), Align.CENTER),
        Rule(),
        Columns(say("receipt.date"), here.strftime("%Y-%m-%d %H:%M:%S")),
        Columns(say("receipt.terminal"), site.terminal_id),
        Columns(say("receipt.reference"), gone.reference),
        Rule(),
        Text(say("receipt.card_retained", contact=site.contact)),
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


class Receipts:
    """Guards, actions and views of the flow ``print_receipt``."""

    @guard
    def paper_there(self, turn: Turn) -> bool:
        return turn.fitness.usable("printer") and turn.fitness.supplies("printer").get("paper") != "out"

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
        turn.put(ReceiptText(lines_of(document)))
        gone = turn.find(CardGone)
        turn.record(
            "receipt", **about(turn.facts), card_retained=gone is not None and gone.how == "retained",
            lines=list(lines_of(document)),
        )  # fmt: skip

    @action
    def print_receipt(self, turn: Turn) -> None:
        turn.order("printer", PrintDocument(ticket=turn.ticket("print"), document=self._document(turn)))

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

    @staticmethod
    def _document(turn: Turn) -> Document:
        case = turn.find(Case)
        if case is not None:
            return case_document(turn, case)
        return capture_document(turn, turn.find(CardGone) or CardGone("retained"))

    @view("receipt_on_screen")
    def _receipt_on_screen(self, turn: Turn) -> Mapping[str, Any]:
        text = turn.find(ReceiptText)
        return {"lines": text.lines if text else ()}
