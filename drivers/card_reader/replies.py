"""What a reply of the reader makes of a command's result."""

from __future__ import annotations

from typing import Any, TypeVar

from drivers.base.vocabulary import Command, Outcome, Result
from drivers.card_reader.commands import error_meaning
from drivers.card_reader.link import Failure, Reply

R = TypeVar("R", bound=Result)


def outcome_of(reply: Reply, *, moves: bool = False) -> dict[str, Any]:
    """Return outcome, error and detail for a reply that decides a command."""
    if isinstance(reply, Failure):
        in_doubt = moves and reply is not Failure.NOT_ACCEPTED
        return {
            "outcome": Outcome.UNKNOWN if in_doubt else Outcome.REFUSED,
            "error": None if in_doubt else "deviceNotReady",
            "detail": reply.value,
        }
    if reply.good:
        return {"outcome": Outcome.DONE}
    meaning = error_meaning(reply.code)
    return {"outcome": Outcome.REFUSED, "error": meaning.word, "detail": f"N{reply.code} {meaning.text}"}


def bad(kind: type[R], command: Command, error: str, detail: str) -> R:
    """Return the result of a command that was not asked: it cannot be said, or its answer not be read."""
    return kind(ticket=command.ticket, outcome=Outcome.REFUSED, error=error, detail=detail)
