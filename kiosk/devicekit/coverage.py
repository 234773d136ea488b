"""Which codes of a vocabulary were exercised: said to the device, answered by it, or not, and then why.

An error that the simulator told is shown with what had been done to the device before (a fault, hands, a strange
request); one that the bench wrote into an answer is counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kiosk.devicekit.frames import Entry, Vocabulary

NEW_DEVICE: Final = Entry(0, "note", "a new device", kind="note")
"""Stands between the traces of two devices: what was done to the first does not explain the second."""
REWRITTEN: Final = "answer rewritten on the line"
_CAUSES: Final = ("fault: ", "hands: ", "said: ")


@dataclass(frozen=True, slots=True)
class Row:
    """One code. `asked` and `answered` count frames; `how` says where an error came from, or why it did not.

    `refused`: the device answers this request only by saying that it does not know it.
    """

    code: str
    meaning: str
    asked: int
    answered: int
    seen: bool
    how: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Coverage:
    requests: tuple[Row, ...]
    errors: tuple[Row, ...]

    @property
    def missing(self) -> list[Row]:
        """Return the codes that were not exercised and have no reason in words."""
        return [row for row in (*self.requests, *self.errors) if not row.seen and not row.how]

    def share(self) -> str:
        """Return e.g. ``commands 12 of 12 (5 not on this profile), errors 52 of 52``."""
        return ", ".join(
            f"{what} {sum(row.seen for row in rows)} of {len(due(rows))}" + _but(rows)
            for what, rows in (("commands", self.requests), ("errors", self.errors))
        )


def _but(rows: tuple[Row, ...]) -> str:
    """Return what the bare number hides."""
    refused, other = sum(row.refused for row in rows), len(rows) - len(due(rows))
    rewritten = sum(row.how.startswith(REWRITTEN) for row in rows)
    parts = [
        f"{refused} of them only as refused" if refused else "",
        f"{rewritten} of them only rewritten on the line" if rewritten else "",
        f"{other} not on this profile" if other else "",
    ]
    said = "; ".join(part for part in parts if part)
    return f" ({said})" if said else ""


def due(rows: tuple[Row, ...]) -> list[Row]:
    """Return the rows that can be exercised: those without a reason why not."""
    return [row for row in rows if row.seen or not row.how]


def coverage(vocabulary: Vocabulary, entries: Iterable[Entry], rewritten: Iterable[Entry] = ()) -> Coverage:
    """Count `entries` against `vocabulary`; errors in `rewritten` the bench itself put on the line."""
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    known: set[str] = set()
    causes: dict[str, str] = {}
    done_to_it: list[str] = []
    for entry in entries:
        if entry is NEW_DEVICE:
            done_to_it = []
        elif entry.kind == "note" and entry.name.startswith(_CAUSES):
            done_to_it.append(entry.name)
        for error in entry.errors:
            causes.setdefault(error, _shortly(done_to_it))
        if entry.request is not None:
            asked[entry.request] += 1
        if entry.answer is not None:
            answered[entry.answer] += 1
            if vocabulary.unknown not in entry.errors:
                known.add(entry.answer)
        errors.update(entry.errors)
    own = Counter(error for entry in rewritten for error in entry.errors)
    return Coverage(
        tuple(
            _request(code, name, asked[code], answered[code], code in known, vocabulary)
            for code, name in vocabulary.requests.items()
        ),
        tuple(
            _error(code, text, errors[code], own[code], causes.get(code, ""), vocabulary)
            for code, text in vocabulary.errors.items()
        ),
    )


def _request(code: str, name: str, asked: int, answered: int, known: bool, vocabulary: Vocabulary) -> Row:
    silent = code in vocabulary.answerless
    how = ""
    if not asked:
        how = vocabulary.unseen.get(code, "")
    elif silent and not answered:
        how = "has no answer"
    elif answered and not known:
        how = f"only as refused: the simulator answers {vocabulary.unknown} {vocabulary.errors[vocabulary.unknown]}"
    return Row(code, name, asked, answered, bool(asked and (answered or silent)), how, bool(answered and not known))


def _error(code: str, text: str, simulated: int, own: int, cause: str, vocabulary: Vocabulary) -> Row:
    told = f"simulator; {cause}" if cause else "simulator"
    why = vocabulary.unseen.get(code, "")
    how = told if simulated else f"{REWRITTEN}{': ' + why if why else ''}" if own else why
    return Row(code, text, 0, simulated + own, bool(simulated or own), how)


def _shortly(done: Sequence[str]) -> str:
    """Return the last things that were done to the device."""
    return "; ".join(done[-2:])
