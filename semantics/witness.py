"""Small logs that show something: made of valuations, judged by the interpreter, printed for people.

A log first lets begin whatever must hold, with what that stands on, then come the records in question. It is only
a proposal: what it shows, the interpreter says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from semantics.interpreter import Interpreter
from semantics.norms.language import Norm, NormSet
from semantics.norms.vocabulary import STEP, Event, Vocabulary
from semantics.satisfaction import Answer, Asked, Found, some, together

STEP_MS = 1_000  # between two records of a log


@dataclass(frozen=True)
class Log:
    """Records as a journal has them, and each as a line."""

    records: tuple[Mapping[str, Any], ...]
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(f"      {n}. {line}" for n, line in enumerate(self.lines, 1))


def data_of(event: Event, moment: str, found: Found, keys: Iterable[str]) -> dict[str, Any]:
    """Return the data of a record that says `event`, by the valuation of its moment."""
    data: dict[str, Any] = {}
    keys = frozenset(keys)
    for key, datum in event.data.items():
        var = ("", key) if key in keys else (moment, key)
        if var in found.missing or (key in event.optional and key not in keys and var not in found.data):
            continue
        here = data
        for step in datum.path[:-1]:
            here = here.setdefault(step, {})
        here[datum.path[-1]] = found.data.get(var, some(datum.type, key))
    if event.kind == STEP:
        flow, states = event.enters or ("flow", ("state",))
        word = event.step_event or data.get("event", "entered")
        data |= {"event": word, "moves": [{"flow": flow, "from": "before", "to": states[0], "event": word}]}
    return data


def _plain(event: Event, words: Vocabulary) -> Found:
    """Return a valuation with which a record says `event`."""
    conditions = [Asked(event.where, "it", "it")] if event.where is not None else []
    return together(conditions, shared=frozenset(words.ends))


def log_of(
    words: Vocabulary, holding: Sequence[str], records: Sequence[tuple[Event, str]], found: Found, date: str
) -> Log:
    """Return a log in which `holding` begin to hold and then `records` (event, moment) come, a second apart."""
    banned = {n.removeprefix("holds ") for (_, n), wanted in found.state.items() if not wanted}
    begun: list[str] = []
    first: list[tuple[Event, str]] = []

    def begin(affordance: str) -> None:
        if affordance in begun:
            return
        begun.append(affordance)
        for base in words.bases.get(affordance, ()):
            if base not in banned:
                begin(base)
        starters = words.starting(affordance)
        if starters:
            first.append((words.events[starters[0]], "\0"))
            begun.extend(words.events[starters[0]].starts)

    for affordance in holding:
        begin(affordance)
    made, lines = [], []
    for n, (event, moment) in enumerate((*first, *records)):
        values, at = (found, moment) if moment != "\0" else (_plain(event, words), "it")
        merged = Found(Answer.YES, {**found.data, **values.data}, missing=values.missing)
        data = data_of(event, at, merged, words.ends)
        ms = n * STEP_MS
        stamp = f"{date}T00:{ms // 60_000:02}:{ms // 1000 % 60:02}.000+00:00"
        made.append({"seq": n + 1, "ms": ms, "at": stamp, "kind": event.kind, "data": data})
        shown = {k: v for k, v in _flat(data).items() if not k.startswith("moves")}
        name = event.name if event.name == event.kind else f"{event.kind} ({event.name})"
        lines.append(f"{name} " + ", ".join(f"{k} = {v!r}" for k, v in shown.items()))
    return Log(tuple(made), tuple(line.strip() for line in lines))


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def judged(log: Log, norms: Sequence[Norm], of: NormSet) -> Interpreter:
    """Return the interpreter of these norms, and of all exceptions to them, after the log."""
    wanted, todo = {}, list(norms)
    while todo:
        norm = todo.pop()
        if norm.id not in wanted:
            wanted[norm.id] = norm
            todo += of.overriders[norm.id]
    judge = Interpreter(NormSet(tuple(wanted.values()), of.vocabulary, parameters=of.parameters))
    judge.feed_all(log.records)
    return judge
