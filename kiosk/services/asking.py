"""The flow ``ask_host``: one request to the host, asked once, its answer noted and settled in the same step.

A service puts an `Intent` and calls the flow; when it ends ``done`` there is an `Answer`. What happens on the way
(advices that must go first, a wrong PIN, a card to be kept, silence) is the same for every service and is written once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kiosk.flow.offers import action, guard, view
from kiosk.ports import HostAnswered, Reason
from kiosk.services import hosting
from kiosk.services.case import Case, Posting
from kiosk.services.facts import Answer, Card, Intent, Pin, PinEntry, Refusal
from kiosk.turn import Turn


class Asking:
    """Guards, actions and views of ``ask_host`` and of whoever else speaks with the host."""

    @guard
    def advices_wait(self, turn: Turn) -> bool:
        """Whether an earlier advice is unsent: no new request may overtake it."""
        return turn.fitness.advices_waiting > 0

    @guard
    def host_usable(self, turn: Turn) -> bool:
        return turn.fitness.host_online

    @guard
    def pin_wrong(self, turn: Turn) -> bool:
        answer = turn.event.payload
        wrong = isinstance(answer, HostAnswered) and answer.code == hosting.WRONG_PIN and answer.tries_left != 0
        return wrong and turn.find(Card) is not None  # who asks without a card has no PIN to key again

    @guard
    def card_to_retain(self, turn: Turn) -> bool:
        answer = turn.event.payload
        wanted = isinstance(answer, HostAnswered) and answer.code in hosting.RETAIN
        return wanted and turn.find(Card) is not None

    @guard
    def pin_held(self, turn: Turn) -> bool:
        """Whether the PIN can still be sent: it is dropped when it was wrong, until it has been keyed again."""
        return turn.find(Pin) is not None

    @action
    def send_request(self, turn: Turn) -> None:
        """Make the case of the intent and send its request."""
        hosting.ask_intent(turn, turn.get(Intent))

    @action
    def note_answered(self, turn: Turn) -> None:
        """Write down the approval. What the answer itself posted is settled with it; goods are settled by delivery."""
        case = hosting.note_answer(turn)
        answer = turn.event.payload
        assert isinstance(answer, HostAnswered)
        turn.put(Answer(case.rrn, case.approved or case.amount, answer.available, answer.ledger, answer.extra))
        turn.drop(Refusal)
        if case.posting in (Posting.NOTHING, Posting.ANSWER):
            hosting.settle_case(turn, Reason.NO_ANSWER)

    @action
    def note_turned_down(self, turn: Turn) -> None:
        """Write down the decline; nothing was posted or reserved, the case is closed."""
        answer = turn.event.payload
        assert isinstance(answer, HostAnswered)
        hosting.note_answer(turn)
        hosting.settle_case(turn, Reason.NO_ANSWER)
        turn.put(Refusal(hosting.REFUSALS.get(answer.code, "other"), None, answer.tries_left, answer.code))

    @action
    def release_partial(self, turn: Turn) -> None:
        """Give back a part approval: half a transfer is none."""
        hosting.note_failure_text(turn, "partly approved")
        hosting.settle_case(turn, Reason.BAD_ANSWER)

    @action
    def note_no_answer(self, turn: Turn) -> None:
        """No answer to be trusted: what may be held is released, before the customer is told."""
        hosting.note_failure(turn)
        mismatch = turn.event.name == "host_mismatch"
        hosting.settle_case(turn, Reason.BAD_ANSWER if mismatch else Reason.NO_ANSWER)

    @action
    def expect_pin(self, turn: Turn) -> None:
        refusal = turn.get(Refusal)
        turn.put(PinEntry(0, refusal.tries_left, wrong=True))

    @action
    def refuse_host_down(self, turn: Turn) -> None:
        turn.put(Refusal("host_offline"))

    @action
    def refuse_no_answer(self, turn: Turn) -> None:
        """Nothing was to move, and nobody answered: say just that."""
        turn.put(Refusal("no_answer"))

    @action
    def settle_after_restart(self, turn: Turn) -> None:
        hosting.settle_case(turn, Reason.RESTART, last=True)

    # ------------------------------------------------------------ views

    @view("please_wait")
    def _please_wait(self, _: Turn) -> Mapping[str, Any]:
        return {"what": "authorising"}

    @view("refused")
    def _refused(self, turn: Turn) -> Mapping[str, Any]:
        refusal = turn.find(Refusal)
        return {"reason": refusal.reason if refusal else "other"}

    @view("unconfirmed")
    def _unconfirmed(self, turn: Turn) -> Mapping[str, Any]:
        case = turn.get(Case)
        values: dict[str, Any] = {"reference": case.rrn}
        if case.amount:
            values["amount"] = case.amount
        return values
