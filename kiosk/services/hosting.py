"""Speaking with the host about a case: opening it, asking, noting the answer, settling.

Identifiers are made and journalled (``case_opened``) in the step before anything is sent under them, and a settlement
is one step: its advice, and the closing of the case, are durable together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from drivers.base.secrets import Track2
from kiosk.money import Money
from kiosk.ports import (
    Advice,
    AdviceKind,
    HostAnswered,
    HostMismatch,
    HostRequest,
    HostSilent,
    Reason,
)
from kiosk.services.case import Case, Posting, Settlement, fold, owed_minor, owed_way, plus, settle
from kiosk.services.dispensing import note
from kiosk.services.facts import Card, Chosen, Intent, Pin, Session, about
from kiosk.turn import Turn

WRONG_PIN: Final = "55"
PARTNER_PAID: Final = ("payment", "top_up", "purchase")
CARDLESS: Final = "010"  # field 22 of a customer without a card
WEAK_PIN: Final = "B9"
FUNDS: Final = ("51", "61", "65")
RETAIN: Final = ("33", "34", "35", "36", "38", "41", "43", "67")  # host-messages §3.7, rule 10

REFUSALS: Final = {
    "05": "declined",
    "13": "invalid_amount",
    "14": "no_account",
    "25": "unknown_reference",
    "38": "pin_tries_exceeded",
    "41": "security",
    "43": "security",
    "51": "insufficient_funds",
    "54": "card_expired",
    "57": "not_permitted",
    "61": "over_limit",
    "62": "card_blocked",
    "65": "over_count",
    "75": "pin_tries_exceeded",
    "76": "no_account",
    "90": "host_offline",
    "91": "host_offline",
    "96": "host_offline",
    "B1": "unknown_number",
    "B2": "nothing_due",
    "B3": "payment_in_process",
    "B4": "sold_out",
    "B5": "hold_expired",
    "B6": "partner_down",
    "B7": "partner_refused",
    "B8": "out_of_limits",
    "B9": "weak_pin",
    "BA": "already_released",
}
"""Response code -> reason, as the catalogue words it."""


def sent_at(now: datetime) -> str:
    """Return field 7: MMDDhhmmss in UTC."""
    return now.strftime("%m%d%H%M%S")


def rrn_of(now: datetime, stan: int) -> str:
    """Return field 37: year digit, day of year, hour, STAN."""
    return f"{now.year % 10}{now.timetuple().tm_yday:03d}{now.hour:02d}{stan:06d}"


def open_case(turn: Turn, service: str, amount: Money, track2: Track2 | None, **more: object) -> Case:
    """Make a case with fresh identifiers, journalled in this step.

    `more` goes into its record: ``operation``, ``posting`` and ``fee_minor`` are read back, anything else is for
    people and audits and must be masked. A note that the acceptor holds goes over from the case before, which ends,
    and so do doubted notes that wait for leave to be credited.
    """
    before = turn.find(Case)
    taken_over = before is not None and (before.cash_in or before.awaits_leave) and not before.closed
    if before is not None and taken_over:
        more["note"] = {
            "cash_in": before.cash_in, "counters": dict(before.counters), "held_minor": before.held_minor,
            "fate": before.fate, "kept": dict(before.kept), "kept_credited": dict(before.kept_credited),
            "kept_now": before.kept_now,
        }  # fmt: skip
    stan = turn.draw("stan")
    rrn = rrn_of(turn.now, stan)
    session = turn.find(Session)
    data: dict[str, object] = {
        "session": session.id if session else "",
        "case": rrn, "service": service, "stan": stan, "rrn": rrn, "sent_at": sent_at(turn.now),
        "amount_minor": amount.minor, "currency": amount.currency, "card": track2.masked if track2 else "", **more,
    }  # fmt: skip
    case = fold(None, "case_opened", data)
    turn.record("case_opened", **data)
    if taken_over:
        note(
            turn, "case_closed", paid_minor=0, stands_minor=0, suspect=False, reason="taken_over",
            posting=before.posting.value if before else "", by=case.id,
        )  # fmt: skip
    turn.put(case)
    return case


def ask(turn: Turn, case: Case, track2: Track2, mix: dict[int, int] | None = None) -> None:
    """Send the 0200 of a case."""
    turn.ask(
        HostRequest(
            ticket=case.id,
            stan=case.stan,
            rrn=case.rrn,
            sent_at=case.sent_at,
            operation=case.service,
            amount=case.amount,
            track2=track2,
            pin_block=turn.get(Pin).block,
            entry_mode=turn.site.cards.entry_mode,
            mix=mix or {},
        )
    )


def ask_intent(turn: Turn, intent: Intent) -> None:
    """Open the case of an intent and send its 0200; without a card in the reader it is a cardless one."""
    card, pin = None if intent.anonymous else turn.find(Card), turn.find(Pin)
    track2 = card.track2 if card else None
    more: dict[str, object] = {"operation": intent.operation, "posting": intent.posting.value, **intent.kept}
    if intent.fee:
        more["fee_minor"] = intent.fee.minor
    case = open_case(turn, turn.get(Chosen).service, intent.amount, track2, **more)
    turn.ask(
        HostRequest(
            ticket=case.id, stan=case.stan, rrn=case.rrn, sent_at=case.sent_at, operation=intent.operation,
            amount=intent.amount, fee=intent.fee, track2=track2, pin_block=pin.block if pin and track2 else None,
            entry_mode=turn.site.cards.entry_mode if track2 else CARDLESS,
            from_account=intent.from_account, to_account=intent.to_account, private=intent.private,
            new_pin_block=intent.new_pin,
        )
    )  # fmt: skip


def note_answer(turn: Turn) -> Case:
    """Write down an answer."""
    answer = turn.event.payload
    assert isinstance(answer, HostAnswered)
    data: dict[str, object] = {
        "code": answer.code, "approval": answer.approval, "business_date": answer.business_date,
    }  # fmt: skip
    if answer.code in ("00", "10") and answer.amount is not None:
        data["approved_minor"] = answer.amount.minor
    if answer.tries_left is not None:
        data["tries_left"] = answer.tries_left
    intent = turn.find(Intent)
    if intent is not None and intent.anonymous:
        data["anonymous"] = True
    case = note(turn, "host_answered", **data)
    if case.approved is not None and case.asked_as in PARTNER_PAID and not case.posting.takes_cash:
        due = case.approved + case.fee if case.fee else case.approved
        turn.record("payment_taken", **about(turn.facts), minor=due.minor, by="card")
    return case


def note_failure(turn: Turn) -> Case:
    """Write down that no answer to be trusted came."""
    report = turn.event.payload
    if isinstance(report, HostSilent):
        return note(turn, "host_failed", why="silent" if report.sent else "not_sent", posting=_posting(turn))
    assert isinstance(report, HostMismatch)
    return note(turn, "host_failed", why="mismatch", detail=report.why, posting=_posting(turn))


def note_failure_text(turn: Turn, detail: str) -> Case:
    """Write down that an answer came which the service cannot take."""
    return note(turn, "host_failed", why="mismatch", detail=detail, posting=_posting(turn))


def settle_case(turn: Turn, reason: Reason, *, last: bool = False) -> Settlement | None:
    """Settle the current case with the host and close it, in this step.

    A case of which the acceptor holds a note stays open: whoever brings the note to rest settles it then. So does one
    with a kept note that waits for leave to be credited, unless this is the `last` word.
    """
    case = turn.get(Case)
    if case.cash_in or (case.awaits_leave and not last):
        return None
    settlement = settle(case, turn.site, reason)
    stands = _stands(case, settlement)
    owed = owed_minor(case, turn.site, stands)
    suspect = bool(settlement and settlement.suspect)
    in_order = case.posting.takes_cash and settlement is not None and owed >= 0  # what is owed was agreed or refused
    if settlement is not None:
        _advise(turn, case, settlement, owed)
        if settlement.suspect:
            _tell_host(turn, f"suspect {_doubt(case)} {case.rrn}")
    unexplained = case.astray or (case.posting is Posting.NOTHING and case.unknown)
    if not suspect and not in_order and (owed or unexplained):
        suspect = True
        _tell_host(turn, f"cash-in owes {owed} of {case.rrn}", case)
    told = owed or case.astray or case.posting.takes_cash
    more: dict[str, object] = {"owed_minor": owed} if told else {}
    if "0" in case.astray:
        more["unvalued"] = case.astray["0"]
    if suspect:
        turn.put(replace(turn.get(Case), suspect=True))
    note(
        turn, "case_closed", paid_minor=turn.site.worth(dict(case.moved)).minor, stands_minor=stands.minor,
        posting=case.posting.value, suspect=suspect, reason=reason.value, **more,
    )  # fmt: skip
    return settlement


def _doubt(case: Case) -> str:
    """Return what nobody knows of a suspect case."""
    if case.astray or (case.posting is Posting.VAULT and not case.orders):
        return "cash-in"
    return "dispense" if case.orders else "delivery"


def _posting(turn: Turn) -> str:
    """Return when the host would have moved money for the current case."""
    return turn.get(Case).posting.value


def _stands(case: Case, settlement: Settlement | None) -> Money:
    """Return what the customer is charged in the end, the fee apart."""
    if settlement is not None:
        return settlement.stands
    return case.approved if case.posting is Posting.ANSWER and case.approved else Money(0, case.amount.currency)


def _advise(turn: Turn, case: Case, settlement: Settlement, owed: int) -> None:
    owed = max(owed, 0) if case.posting.takes_cash else 0
    stan = turn.draw("stan")
    completion = settlement.reason is None
    advice = Advice(
        id=f"{case.id}-{stan}",
        stan=stan,
        sent_at=sent_at(turn.now),
        kind=AdviceKind.COMPLETION if completion else AdviceKind.REVERSAL,
        original=case.original,
        operation=case.asked_as,
        amount=case.amount,
        stands=settlement.stands,
        reason=settlement.reason,
        units=dict(case.moved),
        accepted=plus(case.vaulted, case.kept_credited),
        owed_minor=owed,
        owed_to=owed_way(case, owed, suspect=settlement.suspect) if owed else "",
        rejected=dict(case.rejected),
        suspect=settlement.suspect,
    )
    turn.advise(advice)
    turn.put(fold(case, "advice_queued", {"suspect": advice.suspect}))


def _tell_host(turn: Turn, text: str, suspect: Case | None = None, tags: Mapping[str, str] | None = None) -> None:
    stan = turn.draw("stan")
    original = suspect.original if suspect is not None else None
    event = Advice(
        id=f"event-{stan}", stan=stan, sent_at=sent_at(turn.now), kind=AdviceKind.EVENT, text=text, original=original,
        suspect=suspect is not None, tags=tags or {},
    )  # fmt: skip
    turn.advise(event)


def tell_host(turn: Turn, text: str, **tags: str) -> None:
    """Send an event advice (0620) with tags of F48: it moves nothing, and it is journalled, tags and all."""
    _tell_host(turn, text, tags=tags)
