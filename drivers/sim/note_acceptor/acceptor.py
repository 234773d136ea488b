"""What every simulated note acceptor is, whatever it speaks: a machine, hands around it, faults, power.

A firmware adds its line and its dialect: how it answers (`receive`), what it makes of the machine's `Moment`s
(`_notice`), when its mouth is open, what it remembers over a power cut and what it says first afterwards (`_boot`).

The dataset names *kinds*: numbers from `first` on, a face value each. With `judged` it has further kinds of the same
values, for notes that it recognises and doubts, or finds unfit: the classification of the field travels as a number,
because neither SSP nor CCNET has another way to say it. A note of a class without a kind is given back like any paper.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from drivers.base.clock import Clock
from drivers.sim.armed import ArmedFaults
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.note_acceptor.transport import CLASSES, QUALITIES, TICKET, Moment, Note, Phase, Transport

NTH: Final = {"nth": "n-th occasion from now, 1", "stays": "at each occasion until healed"}

ACTS: Final = (
    Act(
        "insert_note",
        "The customer feeds a note.",
        {
            "value": "face value in whole units",
            "quality": f"one of {', '.join(QUALITIES)}; good if left out",
            "currency": "the device's own if left out",
        },
    ),
    Act("insert_ticket", "The customer feeds a ticket with a bar code.", {"text": "its digits"}),
    Act("pull_note_back", "The customer pulls the note out again while it can be reached."),
    Act("take_note", "The customer takes what waits at the mouth."),
    Act("remove_cashbox", "A custodian takes the cashbox with what is in it."),
    Act("replace_cashbox", "A custodian puts an empty cashbox in."),
    Act("clear_jam", "A technician takes a jammed note out of the path."),
)

FAULTS: Final = (
    Fault("jam_reading", "A note jams before it is recognised.", NTH, (69,)),
    Fault("jam_before_credit", "A note jams on its way, not credited.", NTH, (69,)),
    Fault("jam_after_credit", "A note jams behind the point of no return.", NTH, (69,)),
    Fault("string_pulled", "A note is pulled out on a string while it is stacked.", NTH, (73,)),
    Fault("stack_fails", "The device cannot stack and gives the note back.", NTH, (71,)),
    Fault("event_lost", "A note is credited and never reported.", NTH, (74,)),
    Fault(
        "power_loss",
        "The power fails as a phase of the mechanism begins.",
        {
            "at": "reading, escrow, stacking (default), credited, returning; paying, moving on a recycler",
            "home": "where the restart puts a note that was on its way out: cashbox or store",
            **NTH,
        },
        (78, 97),
    ),
    Fault("deaf", "A command is not heard.", NTH),
    Fault("restart", "The device restarts by itself instead of answering a command.", NTH, (55, 78)),
)


def named(*own: Act) -> Mapping[str, Act]:
    """Return the acts of every acceptor and a firmware's own, by name."""
    return {act.name: act for act in (*ACTS, *own)}


def faults(*own: Fault) -> Mapping[str, Fault]:
    """Return the faults of every acceptor and a firmware's own, by name."""
    return {fault.name: fault for fault in (*FAULTS, *own)}


class SimAcceptor(ABC):
    """One machine and its firmware; satisfies `SimDevice`. `reasons`: its words for why something is given back."""

    acts: Mapping[str, Act]
    faults: Mapping[str, Fault]
    reasons: Iterable[str]

    def __init__(
        self,
        clock: Clock,
        values: Iterable[int],
        currency: str,
        *,
        first: int,
        judged: Mapping[str, Iterable[int]] | None = None,
        stored: Mapping[int, int] | None = None,
        cashbox_max: int = 600,
        escrow_home: Literal["front", "cashbox"] = "front",
        store_home: Literal["cashbox", "store"] = "cashbox",
    ) -> None:
        told = judged or {}
        if strange := set(told) - (set(CLASSES.values()) - {"", "fit"}):
            raise ValueError(f"judged: {', '.join(sorted(strange))}; there are unfit, suspect, counterfeit")
        sorts = [(value * 100, "fit") for value in values]
        sorts += [(value * 100, sort) for sort, more in told.items() for value in more]
        self._clock = clock
        self._kinds = dict(enumerate(sorts, start=first))
        self._currency = currency
        self._homes: tuple[Literal["front", "cashbox"], Literal["cashbox", "store"]] = (escrow_home, store_home)
        self._armed = ArmedFaults(self.faults)
        self.transport = Transport(
            self._knows, self._armed, stored=stored, cashbox_max=cashbox_max, currency=currency
        )
        self._stocked = dict(stored or {})
        self.pushed_back = 0  # notes fed while the mouth was shut
        self._powered = True
        self._deaf_until_ms = 0

    # ------------------------------------------------------------ what a firmware says

    @abstractmethod
    def receive(self, data: bytes) -> Replies: ...

    @abstractmethod
    def _notice(self, moment: Moment, now_ms: int) -> None:
        """Remember what the line is to be told of a moment."""

    @abstractmethod
    def _takes(self, number: int) -> bool:
        """Return whether notes of this kind are enabled."""

    @abstractmethod
    def _takes_tickets(self) -> bool: ...

    @property
    @abstractmethod
    def _open_for_notes(self) -> bool: ...

    @abstractmethod
    def _pulled(self, note: Note, phase: Phase) -> None:
        """A hand pulled the note out of the mouth while the machine was in `phase`."""

    @abstractmethod
    def _boot(self, now_ms: int) -> None:
        """Start again, and find out where a note is that was inside."""

    @abstractmethod
    def _off(self) -> None:
        """Forget what does not outlive the power."""

    # ------------------------------------------------------------ notes

    def _number(self, note: Note | None) -> int | None:
        """Return the number under which the dataset has this note, None if it has none."""
        if note is None or note.currency != self._currency or note.quality == TICKET:
            return None
        sort = CLASSES[note.quality]
        for wanted in (sort, "fit") if sort == "unfit" else (sort,):
            for number, kind in self._kinds.items():
                if kind == (note.value_minor, wanted):
                    return number
        return None

    def _knows(self, note: Note) -> bool:
        if note.quality == TICKET:
            return self._takes_tickets()
        number = self._number(note)
        return number is not None and self._takes(number)

    # ------------------------------------------------------------ time

    def tick(self) -> Replies:
        self._advance(self._clock.now_ms())
        return []

    def next_deadline_ms(self) -> int | None:
        return min((at for at in self._instants() if at is not None), default=None) if self._powered else None

    def _instants(self) -> list[int | None]:
        """Return when something happens by itself."""
        return [self.transport.next_deadline_ms()]

    def _advance(self, now_ms: int) -> None:
        if self._powered:
            self.transport.advance(now_ms)
            self._hear(now_ms)

    def _hear(self, now_ms: int) -> None:
        """Take up what the machine noticed, until the power is gone."""
        moments, self.transport.moments = self.transport.moments, []
        for moment in moments:
            if moment.what == "power_lost":
                self._lose_power()
            if not self._powered:
                return
            self._notice(moment, now_ms)

    # ------------------------------------------------------------ hands

    def act(self, name: str, **arguments: object) -> Replies:
        known = self.acts.get(name)
        if known is None:
            raise ValueError(f"no act {name!r}; there are {', '.join(self.acts)}")
        if strange := set(arguments) - set(known.arguments):
            raise ValueError(f"{name} takes {', '.join(known.arguments) or 'nothing'}, not {sorted(strange)}")
        self._advance(self._clock.now_ms())
        getattr(self, f"_act_{name}")(**arguments)
        self._hear(self._clock.now_ms())
        return []

    def _act_insert_note(self, value: Any = 0, quality: Any = "good", currency: Any = None) -> None:
        if quality not in QUALITIES:
            raise ValueError(f"quality {quality!r}: one of {', '.join(QUALITIES)}")
        worth = 0 if quality == "paper" else int(value) * 100
        self._insert(Note(worth, str(currency or self._currency), str(quality)))

    def _act_insert_ticket(self, text: Any = "") -> None:
        self._insert(Note(0, "", TICKET, str(text)))

    def _insert(self, note: Note) -> None:
        if not self._powered or not self._open_for_notes or self.transport.phase is not Phase.IDLE:
            self.pushed_back += 1
        else:
            self.transport.insert(note, self._clock.now_ms())

    def _act_pull_note_back(self) -> None:
        phase = self.transport.phase
        note = self.transport.pull_back()
        if self._powered:
            self._pulled(note, phase)

    def _act_take_note(self) -> None:
        self.transport.take()

    def _act_remove_cashbox(self) -> None:
        self.transport.remove_cashbox()

    def _act_replace_cashbox(self) -> None:
        self.transport.replace_cashbox()

    def _act_clear_jam(self) -> None:
        self.transport.clear_jam()

    # ------------------------------------------------------------ faults, power

    def strike(self, name: str, **arguments: object) -> None:
        if name == "reject_note" and str(arguments.get("reason", "not_recognised")) not in self.reasons:
            raise ValueError(f"reason {arguments['reason']!r}: one of {', '.join(self.reasons)}")
        if name == "power_loss" and arguments.get("at", Phase.STACKING.value) not in {p.value for p in Phase}:
            raise ValueError(f"at {arguments['at']!r}: one of {', '.join(p.value for p in Phase)}")
        self._armed.strike(name, arguments)

    def heal(self) -> None:
        self._armed.heal()
        self.transport.clear_jam()

    def power(self, on: bool) -> Replies:
        now_ms = self._clock.now_ms()
        self._advance(now_ms)
        if on and not self._powered:
            self._powered = True
            self._boot(now_ms)
        elif not on and self._powered:
            self._lose_power()
        return []

    def _lose_power(self) -> None:
        self._off()
        self._powered = False
        self.transport.dead = True

    def state(self) -> Mapping[str, object]:
        return {
            "powered": self._powered,
            "open_for_notes": self._open_for_notes,
            "phase": self.transport.phase.value,
            "places": self.transport.places(),
            "stocked": self._stocked,
            "withheld": self._withheld(),
            "cashbox_present": self.transport.cashbox_present,
            "pushed_back": self.pushed_back,
            "armed": self._armed.names(),
        }

    def _withheld(self) -> dict[str, dict[int, int]]:
        """Return the doubted notes that lie in the cashbox or were carried away with one: class -> value -> notes."""
        kept: dict[str, dict[int, int]] = {}
        for note in (*self.transport.cashbox, *self.transport.removed):
            if note.quality in ("suspect", "counterfeit"):
                values = kept.setdefault(CLASSES[note.quality], {})
                values[note.value_minor] = values.get(note.value_minor, 0) + 1
        return kept
