"""Norms on a terminal that runs: what it journals is watched, and what violates a norm is journalled, too.

`NormWatcher` has the shape of the kernel's `Watcher` and knows nothing of the kernel: it takes entries that are
durable already, and returns records to be journalled behind them. It never raises: a monitor that breaks says so once,
as a violation of its own, and is silent from then on; the terminal goes on.

After a restart the watcher is given the journal since the last checkpoint, so that what was owed before a power cut is
owed after it. Violations that come to light while it reads are told if the journal does not tell them already.

A violation is *by system* when the duty is the terminal's, and *by environment* when it is somebody else's: the
terminal can then only show what it did about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from kiosk.effects import Record
from semantics.monitor import Monitor
from semantics.norms.language import NormSet
from semantics.verdict import Incident, Outcome, Verdict, explain

SYSTEM: Final = "system"
ENVIRONMENT: Final = "environment"
VIOLATION: Final = "violation"
QUIET: Final = frozenset({"gap"})  # identifiers are reserved past the watchers, so numbers are missing by design


class Entry(Protocol):
    """A record as the journal stores it."""

    @property
    def kind(self) -> str: ...

    def as_data(self) -> dict[str, Any]: ...


class Book(Protocol):
    """A journal that can be read from its last checkpoint on."""

    def last_of(self, kind: str) -> int: ...

    def entries(self, *, after: int = 0) -> Iterable[Entry]: ...


class Watching:
    """Makes the watcher for each start of a terminal. One at a time: the newest has the monitor, compiled once."""

    def __init__(self, norms: NormSet) -> None:
        self.norms = norms
        self._monitor = Monitor(norms, keep="bad")
        self._latest: NormWatcher | None = None

    def __call__(self, journal: Book) -> tuple[NormWatcher, ...]:
        """Return the watcher of a terminal that is about to start from `journal`."""
        if self._latest is not None:
            self._latest.retire()
        self._monitor.reset()
        history = journal.entries(after=journal.last_of("checkpoint") - 1)
        self._latest = NormWatcher(self.norms, history, self._monitor)
        return (self._latest,)


def party(agent: str) -> str:
    """Return who is answerable for a duty: the system, or the environment it works in."""
    return SYSTEM if agent == "terminal" else ENVIRONMENT


def agent_of(verdict: Verdict, norms: NormSet) -> str:
    """Return whose duty a verdict is about. A closed act is its agent's."""
    norm = norms.by_id.get(verdict.norm)
    if norm is None:
        event = norms.vocabulary.events.get(verdict.norm.removeprefix("closed:"))
        return event.by if event else ""
    return next((d.agent for d in norm.duty.all() if d.id == verdict.duty), norm.duty.agent)


class NormWatcher:
    """Watches one run of one terminal. `history` are its earlier entries, from a checkpoint on."""

    def __init__(self, norms: NormSet, history: Iterable[Entry] = (), monitor: Monitor | None = None) -> None:
        self._norms = norms
        self._monitor = monitor or Monitor(norms, keep="bad")
        self._broken = ""
        self._incidents = 0
        self._told: set[str] = set()
        self._owed: list[Record] = []
        if not norms.norms:
            said = "no norms are loaded: nothing is watched"
            self._owed.append(_record("no-norms", "no-norms", "error", SYSTEM, said))
        for entry in history:
            if entry.kind == VIOLATION:
                self._told.add(_key(entry.as_data()["data"]))
            else:
                self._feed(entry)
        found = self._take()
        self._owed = [r for r in found if _key(r.data) not in self._told]

    def seen(self, entries: Sequence[Entry]) -> Sequence[Record]:
        """Take in entries; return violations to be journalled."""
        for entry in entries:
            self._feed(entry)
        return self._take()

    def advance(self, now_ms: int) -> Sequence[Record]:
        """Let deadlines pass in silence; return violations to be journalled."""
        self._safely(lambda: self._monitor.advance(now_ms))
        return self._take()

    def next_deadline_ms(self) -> int | None:
        """Return when `advance` has something to do, on the terminal's clock."""
        return None if self._broken else self._monitor.next_deadline_ms

    def retire(self) -> None:
        """Watch no more: a later watcher has taken over the monitor."""
        self._broken, self._owed = "retired", []

    # ------------------------------------------------------------ inside

    def _feed(self, entry: Entry) -> None:
        self._safely(lambda: self._monitor.feed(entry.as_data()))

    def _safely(self, act: Any) -> None:
        if self._broken:
            return
        try:
            act()
        except Exception as error:
            self._broken = f"{type(error).__name__}: {error}"
            said = f"the monitor broke, and nothing is watched until the next start: {self._broken}"
            self._owed.append(_record("monitor", "monitor", "error", SYSTEM, said))

    def _take(self) -> list[Record]:
        owed, self._owed = self._owed, []
        if self._broken:
            return owed
        fresh = self._monitor.incidents[self._incidents :]
        self._incidents = len(self._monitor.incidents)
        owed += [_of_incident(i) for i in fresh if i.code not in QUIET]
        return owed + [self._of_verdict(v) for v in self._monitor.take_verdicts()]

    def _of_verdict(self, verdict: Verdict) -> Record:
        return _record(
            verdict.norm, verdict.duty, verdict.outcome.value, party(agent_of(verdict, self._norms)),
            explain(verdict, self._norms), slice=verdict.slice, trigger=verdict.trigger, evidence=verdict.evidence,
        )  # fmt: skip


def _record(norm: str, duty: str, outcome: str, by: str, says: str, **more: object) -> Record:
    data = {"norm": norm, "duty": duty, "outcome": outcome, "by": by, "says": says, **more}
    return Record(VIOLATION, {k: v for k, v in data.items() if v is not None})


def _of_incident(incident: Incident) -> Record:
    return _record(
        incident.code, incident.code, Outcome.VIOLATED.value, SYSTEM, incident.message, evidence=incident.seq
    )


def _key(data: Mapping[str, Any]) -> str:
    return "|".join(str(data.get(k)) for k in ("duty", "outcome", "slice", "trigger", "evidence"))
