"""The machine: where every note is, and how it moves while the clock runs.

One note is in the machine's hands at a time and goes through `Phase`s; each has an instant at which it ends.
Notes are never made or lost here: one is with the customer, at the mouth (given back, waiting), in the path or in
escrow, in the store, in the cashbox, paid out at the mouth, or removed with a cashbox. What the firmware gets to
know of it are `Moment`s, in order.

    IDLE --insert--> READING --good--> ESCROW --accept--> STACKING --credit point--> CREDITED --> IDLE
                        '--bad--> RETURNING --> IDLE         '-- jam: JAMMED, until cleared
                                     ^------ reject ESCROW

A power cut leaves the note where it is. At the restart one before the credit point goes back to the front, one
behind it, and one that lay in escrow if `escrow_home` says so, into the cashbox; one on its way out of the store goes
to the cashbox, or into the store again if `store_home` says so.

The fault ``power_loss`` cuts the power as a phase begins: the machine stands still (`dead`) until `restart`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from drivers.sim.armed import ArmedFaults

READ_MS: Final = 700
RETURN_MS: Final = 500
CREDIT_MS: Final = 400  # from the decision to the point of no return
STACK_MS: Final = 900  # from the decision to rest
HANGS_MS: Final = 3_600_000  # a motor that stands still and is not noticed
PAY_MS: Final = 800  # one note from the store to the mouth

CLASSES: Final = {"good": "fit", "unfit": "unfit", "suspect": "suspect", "counterfeit": "counterfeit", "paper": ""}
"""Quality of what is fed -> what the field calls it (XFS4IoT); the ECB's categories 4a, 4b, 3, 2 and 1."""
QUALITIES: Final = tuple(CLASSES)
TICKET: Final = "ticket"
RECOVERED_MAX: Final = 5  # notes that the recovery of a jam in the store moves to the cashbox


class Phase(Enum):
    IDLE = "idle"
    READING = "reading"
    ESCROW = "escrow"
    STACKING = "stacking"
    CREDITED = "credited"
    RETURNING = "returning"
    PAYING = "paying"
    MOVING = "moving"  # from the store to the cashbox
    JAMMED = "jammed"


@dataclass(frozen=True, slots=True)
class Note:
    """A piece of paper. `value_minor` 0: not money. `text`: what the bar code of a ticket says."""

    value_minor: int
    currency: str
    quality: str = "good"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something the firmware notices."""

    what: Literal[
        "inserted", "recognised", "rejecting", "rejected", "credited", "stored", "jammed", "fraud", "paid",
        "pay_failed", "pay_done", "moved", "move_done", "power_lost",
    ]  # fmt: skip
    note: Note | None = None
    reason: str = ""  # why it is given back: a word of the firmware's table
    unit: str = ""  # where it came to rest


class Transport:
    """All methods take the instant; none goes back in time. `routes`: which notes go to the store."""

    def __init__(
        self,
        known: Callable[[Note], bool],
        faults: ArmedFaults,
        *,
        stored: Mapping[int, int] | None = None,
        cashbox_max: int = 600,
        store_max: int = 80,
        currency: str = "CNY",
    ) -> None:
        self._known = known
        self._faults = faults
        self._currency = currency
        self.phase = Phase.IDLE
        self.note: Note | None = None
        self.mouth: list[Note] = []
        self.paid: list[Note] = []  # at the mouth, from the store
        self.customer: list[Note] = []  # what was put in and taken back
        self.received: list[Note] = []  # what was paid out and taken
        self.cashbox: list[Note] = []
        self.removed: list[Note] = []
        self.store: Counter[int] = Counter(stored or {})
        self.routes: set[int] = set()
        self.cashbox_present = True
        self.cashbox_max = cashbox_max
        self.store_max = store_max
        self.moments: list[Moment] = []
        self.dead = False  # without power
        self.recovering = False
        self.jammed_in = Phase.IDLE  # where the note was when it jammed
        self._ends_ms = 0
        self._reason = ""
        self._orders: list[int] = []  # values still to be paid or moved
        self._home = ""  # where the fault wants a note to be put that was on its way out
        self._then: list[int] = []  # to be paid when the notes in hand have been moved

    # ------------------------------------------------------------ time

    def next_deadline_ms(self) -> int | None:
        resting = (Phase.IDLE, Phase.ESCROW, Phase.JAMMED)
        return None if self.dead or self.phase in resting else self._ends_ms

    def advance(self, now_ms: int) -> None:
        """Carry out what is due."""
        while (due := self.next_deadline_ms()) is not None and due <= now_ms:
            self._end_phase(due)

    def _end_phase(self, at_ms: int) -> None:
        note = self.note
        if self.phase is Phase.PAYING:
            self._end_pay(at_ms)
        elif self.phase is Phase.MOVING:
            self._end_move(at_ms)
        elif note is None:
            self.phase = Phase.IDLE
        elif self.phase is Phase.READING:
            self._end_reading(note, at_ms)
        elif self.phase is Phase.RETURNING:
            self.mouth.append(note)
            self._tell("rejected", note, self._reason)
            self._rest()
        elif self.phase is Phase.STACKING:
            if self._faults.fires("jam_before_credit") is not None:
                self._jam()
            elif self._faults.fires("string_pulled") is not None:
                self.customer.append(note)
                self._tell("fraud", note)
                self._rest()
            elif self._faults.fires("stack_fails") is not None:
                self._give_back("cannot_stack", at_ms)
            else:
                self._tell("credited", note)
                self._enter(Phase.CREDITED, at_ms + STACK_MS - CREDIT_MS)
        elif self.phase is Phase.CREDITED:
            if self._faults.fires("jam_after_credit") is not None:
                self._jam()
            else:
                self._put_away(note)

    def _end_reading(self, note: Note, at_ms: int) -> None:
        told = self._faults.fires("reject_note")
        if self._faults.fires("jam_reading") is not None:
            self._jam()
        elif told is not None:
            self._give_back(str(told.get("reason", "not_recognised")), at_ms)
        elif self._known(note):
            self._enter(Phase.ESCROW, at_ms)
            self._tell("recognised", note)
        else:
            reason = {"paper": "length", "suspect": "several", "counterfeit": "not_recognised", TICKET: "ticket"}
            self._give_back(reason.get(note.quality, "inhibited"), at_ms)

    def _put_away(self, note: Note) -> None:
        if note.value_minor in self.routes and self.store.total() < self.store_max and note.quality == "good":
            self.store[note.value_minor] += 1
            self._tell("stored", note, unit="store")
        else:
            self.cashbox.append(note)
            self._tell("stored", note, unit="cashbox")
        self._rest()

    # ------------------------------------------------------------ what a firmware orders

    @property
    def full(self) -> bool:
        return len(self.cashbox) >= self.cashbox_max

    def accept(self, now_ms: int) -> None:
        """Begin to stack the note in escrow."""
        self._require(Phase.ESCROW)
        self._enter(Phase.STACKING, now_ms + CREDIT_MS)

    def reject(self, reason: str, now_ms: int) -> None:
        """Give the note in escrow back."""
        self._require(Phase.ESCROW)
        self._give_back(reason, now_ms)

    def pay(self, values: list[int], now_ms: int) -> None:
        """Begin to pay these notes out, one after the other."""
        self._require(Phase.IDLE)
        self._orders, self._reason = list(values), ""
        self._enter(Phase.PAYING, now_ms + PAY_MS)

    def move(self, values: list[int], now_ms: int, then: list[int] | None = None) -> None:
        """Begin to move these notes from the store to the cashbox, and to pay `then` when that is done."""
        self._require(Phase.IDLE)
        self._orders, self._reason = list(values), ""
        self._then = list(then or ())
        self._enter(Phase.MOVING, now_ms + PAY_MS)

    def recover_jam(self, values: list[int], now_ms: int) -> None:
        """Clear the store's mouth: some notes go to the cashbox, then `values` are paid as far as they are there."""
        left, moved = self.store.copy(), []
        for value in sorted(left.elements())[:RECOVERED_MAX]:
            left[value] -= 1
            moved.append(value)
        wanted = Counter(values)
        self.recovering = True
        self.move(moved, now_ms, [v for v, n in wanted.items() for _ in range(min(n, left[v]))])

    def halt(self, reason: str = "halted") -> bool:
        """Stop a payout or a float after the note in hand; False if there is none."""
        if self.phase not in (Phase.PAYING, Phase.MOVING) or self.recovering:
            return False
        self._orders = self._orders[:1]
        self._reason = reason
        return True

    def _end_pay(self, at_ms: int) -> None:
        if self._faults.fires("payout_hangs") is not None:
            self._ends_ms = at_ms + HANGS_MS
            return
        value = self._orders.pop(0)
        failed = self._faults.fires("payout_error")
        code = int(str(failed.get("code", 1))) if failed is not None else None
        if self._faults.fires("payout_jam") is not None or code == 1:
            self._pick(value)
            self._fail("jam" if code is None else "1", Phase.JAMMED)
            return
        if code in (2, 3):
            self._fail(str(code), Phase.IDLE)
            return
        note = self._pick(value)
        if code == 0:
            self._stow(note)
            self._fail("0", Phase.IDLE)
            return
        if self._faults.fires("payout_diverted") is not None:
            self._stow(note)  # a double: it goes to the cashbox, and the device pays another
            if self.store[value] > self._orders.count(value):
                self._orders.insert(0, value)
        else:
            self.note = None
            self.paid.append(note)
            self._tell("paid", note)
        self._go_on(Phase.PAYING, "pay_done", at_ms)

    def _fail(self, reason: str, phase: Phase) -> None:
        """End a payout in trouble."""
        self._orders = []
        self._tell("pay_failed", self.note, reason)
        self.phase = phase
        self.jammed_in = Phase.PAYING

    def _stow(self, note: Note) -> None:
        self.note = None
        self.cashbox.append(note)
        self._tell("moved", note)

    def _end_move(self, at_ms: int) -> None:
        if self._orders:
            self._stow(self._pick(self._orders.pop(0)))
        self._go_on(Phase.MOVING, "move_done", at_ms)

    def _go_on(self, phase: Phase, done: Literal["pay_done", "move_done"], at_ms: int) -> None:
        if self._orders:
            self._enter(phase, at_ms + PAY_MS)
            return
        then, self._then, self.recovering = self._then, [], False
        self.phase = Phase.IDLE
        reason, self._reason = self._reason, ""
        if then:
            self.pay(then, at_ms)
        else:
            self._tell(done, None, reason)

    def _pick(self, value: int) -> Note:
        if not self.store[value]:
            raise RuntimeError(f"the firmware ordered a {value} that is not in the store")
        self.store[value] -= 1
        self.note = Note(value, self._currency)
        return self.note

    # ------------------------------------------------------------ hands

    def insert(self, note: Note, now_ms: int) -> None:
        """Push a note in. Raises ValueError when it cannot go in: something is there already."""
        if self.phase is not Phase.IDLE or self.mouth or self.paid:
            raise ValueError("the mouth is not free")
        self.note = note
        self._enter(Phase.READING, now_ms + READ_MS)
        self._tell("inserted", note)

    def pull_back(self) -> Note:
        """Pull the note out again while it can be reached: before the point of no return."""
        if self.phase not in (Phase.READING, Phase.ESCROW, Phase.STACKING, Phase.RETURNING) or not self.note:
            raise ValueError("there is no note within reach")
        note = self.note
        self.customer.append(note)
        self._rest()
        return note

    def take(self) -> None:
        """Take what waits at the mouth."""
        if not self.mouth and not self.paid:
            raise ValueError("nothing waits at the mouth")
        self.customer += self.mouth
        self.received += self.paid
        self.mouth, self.paid = [], []

    def forget_at_mouth(self) -> list[Note]:
        """Draw in what nobody took, into the cashbox."""
        notes = self.mouth + self.paid
        self.cashbox += notes
        self.mouth, self.paid = [], []
        return notes

    def remove_cashbox(self) -> None:
        if not self.cashbox_present:
            raise ValueError("the cashbox is out already")
        self.cashbox_present = False
        self.removed += self.cashbox
        self.cashbox = []

    def replace_cashbox(self) -> None:
        if self.cashbox_present:
            raise ValueError("a cashbox is in")
        self.cashbox_present = True

    def clear_jam(self) -> None:
        """A technician takes the note out of the path."""
        if self.phase is Phase.JAMMED:
            if self.note is not None:
                self.removed.append(self.note)
            self._rest()

    # ------------------------------------------------------------ power

    def restart(
        self,
        *,
        escrow_home: Literal["front", "cashbox"] = "front",
        store_home: Literal["cashbox", "store"] = "cashbox",
    ) -> tuple[str, Note] | None:
        """Bring what is inside to a place; return where it went: "front", "cashbox", and from the store, "store" or
        "stacker" (the cashbox too).
        """
        note, phase = self.note, self.phase
        self._orders, self._then = [], []
        self.dead = self.recovering = False
        if note is None or phase is Phase.JAMMED:
            if phase is not Phase.JAMMED:
                self.phase = Phase.IDLE
            return None
        self._rest()
        if phase in (Phase.MOVING, Phase.PAYING):
            home, self._home = self._home or store_home, ""
            if home == "store":
                self.store[note.value_minor] += 1
                return "store", note
            self.cashbox.append(note)
            return "stacker", note
        if phase is Phase.CREDITED or (phase is Phase.ESCROW and escrow_home == "cashbox"):
            self.cashbox.append(note)
            return "cashbox", note
        self.mouth.append(note)
        return "front", note

    # ------------------------------------------------------------ the truth

    def places(self) -> dict[str, dict[int, int]]:
        """Return place -> face value -> notes. Together they are all notes there ever were."""
        inside = [self.note] if self.note is not None else []
        lists = {
            "path": inside, "mouth": self.mouth, "paid": self.paid, "customer": self.customer,
            "received": self.received, "cashbox": self.cashbox, "removed": self.removed,
        }  # fmt: skip
        counts = {name: dict(Counter(note.value_minor for note in notes)) for name, notes in lists.items()}
        counts["store"] = {value: count for value, count in self.store.items() if count}
        return counts

    # ------------------------------------------------------------ inside

    def _tell(self, what: str, note: Note | None, reason: str = "", unit: str = "") -> None:
        self.moments.append(Moment(what, note, reason, unit))  # type: ignore[arg-type]

    def _enter(self, phase: Phase, ends_ms: int) -> None:
        self.phase = phase
        self._ends_ms = ends_ms
        told = self._faults.look("power_loss")
        if told is not None and told.get("at", Phase.STACKING.value) == phase.value:
            if self._faults.fires("power_loss") is None:
                return  # at a later one
            if phase in (Phase.PAYING, Phase.MOVING) and self._orders:
                self._pick(self._orders[0])
                self._home = str(told.get("home", ""))
            self.dead = True
            self._tell("power_lost", None)

    def _rest(self) -> None:
        self.note = None
        self.phase = Phase.IDLE

    def _jam(self) -> None:
        self.jammed_in = self.phase
        self.phase = Phase.JAMMED
        self._tell("jammed", self.note)

    def _give_back(self, reason: str, now_ms: int) -> None:
        self._reason = reason
        self._enter(Phase.RETURNING, now_ms + RETURN_MS)
        self._tell("rejecting", self.note, reason)

    def _require(self, phase: Phase) -> None:
        if self.phase is not phase:
            raise RuntimeError(f"a firmware ordered this while {self.phase.value}")
