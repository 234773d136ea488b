"""What the terminal asks of the world, as values and Protocols of its own.

The kernel, the charts and the services know these and nothing behind them. Devices are spoken to in the words of
`drivers.base.vocabulary`; the host in the words below; people through `Input`. `compose.py` puts real parts behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from drivers.base.secrets import PinBlock, Track2
from kiosk.money import Money


class Clock(Protocol):
    """Monotonic milliseconds."""

    def now_ms(self) -> int: ...


class Calendar(Protocol):
    """Aware dates, for receipts, host messages and dated norms."""

    def now(self) -> datetime: ...


# ---------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class Input:
    """A touch or key on the screen shown under `view_serial`; one made on an older screen is dropped.

    `event` is the name the screen's widget carries (``"chose_amount"``), `value` its argument if any.
    """

    event: str
    value: str = ""
    view_serial: int = 0


# ---------------------------------------------------------------- host


class Reason(Enum):
    """Why an authorised or possibly authorised amount is given back (host-messages §3.6)."""

    NO_ANSWER = "no_answer"
    LATE_ANSWER = "late_answer"
    BAD_ANSWER = "bad_answer"  # MAC, form or amount of the answer is wrong
    CUSTOMER_CANCELLED = "customer_cancelled"
    NOTHING_DISPENSED = "nothing_dispensed"
    SHORT_DISPENSED = "short_dispensed"
    RETRACTED = "retracted"
    CARD_REMOVED = "card_removed"
    CARD_RETAINED = "card_retained"
    RESTART = "restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """Names the 0200 an advice speaks of (F90, F37). All of it was journalled before the 0200 was sent."""

    stan: int
    rrn: str
    sent_at: str  # F7, MMDDhhmmss UTC
    business_date: str = ""  # F15 of the answer, MMDD, if one came
    approval: str = ""  # F38


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRequest:
    """One 0200. Never repeated; silence ends in a reversal advice.

    `ticket` is unique for ever; `stan`, `rrn` and `sent_at` are made and journalled before sending.
    `operation` is a name of the processing-code table (``"withdrawal"``, ``"inquiry"`` ...).
    `mix` is the note mix asked for, denomination in minor units -> notes (F48 RQ). `from_account` is the
    account debited or asked about where it is not the card's own (F102), `to_account` the one a transfer goes to
    (F103); `fee` is charged on top of the amount (F28); `private` holds further F48 tags (``BL`` biller and
    reference); `new_pin_block` is the PIN that a PIN change sets (F48 NP).
    """

    ticket: str
    stan: int
    rrn: str
    sent_at: str
    operation: str
    amount: Money
    track2: Track2 | None = None
    pin_block: PinBlock | None = None
    entry_mode: str = "901"
    mix: Mapping[int, int] = field(default_factory=dict)
    fee: Money | None = None
    from_account: str = ""
    to_account: str = ""
    new_pin_block: PinBlock | None = None
    private: Mapping[str, str] = field(default_factory=dict)
    answer_within_ms: int = 30_000


class AdviceKind(Enum):
    COMPLETION = "completion"  # 0220: post what moved
    REVERSAL = "reversal"  # 0420: release the rest
    EVENT = "event"  # 0620: tell, moves nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One stored-and-forwarded message. It carries no card data and no PIN, so it may be journalled whole.

    `amount` is the original amount; `stands` what stands of it: for a completion what the customer got, for
    a partial reversal the same, for a full reversal zero. `units` are the dispensed notes per storage unit
    (F48 DN), `rejected` the rejected ones (F48 RT), `accepted` the vaulted ones by face value (F48 DP).
    `owed_minor` is what of the customer's notes was kept and neither paid for anything nor given back, `owed_to` to
    whom it is credited: ``partner``, ``account`` or ``slip`` (F48 OW). `suspect` marks a claim for reconciliation:
    the terminal does not know whether the customer has the notes.
    """

    id: str
    stan: int
    sent_at: str
    kind: AdviceKind
    original: Original | None = None
    operation: str = "withdrawal"
    amount: Money | None = None
    stands: Money | None = None
    reason: Reason | None = None
    units: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    accepted: Mapping[str, int] = field(default_factory=dict)
    owed_minor: int = 0
    owed_to: str = ""
    suspect: bool = False
    text: str = ""  # 0620: what happened, in the vocabulary's words
    tags: Mapping[str, str] = field(default_factory=dict)  # 0620: more of F48; journalled, so nothing secret


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAnswered:
    """The matching, authentic answer to a `HostRequest`."""

    ticket: str
    code: str  # F39
    amount: Money | None  # F4 of the answer: lower than asked with code 10
    approval: str = ""
    business_date: str = ""
    available: Money | None = None
    ledger: Money | None = None
    tries_left: int | None = None
    text: str = ""
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)  # F48 tags, F125 as ``125``: not journalled


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSilent:
    """T1 ran out, or the request could not be sent or the link broke after it was. The request is dead: it
    may or may not have reached the host. `sent` is False only if no byte of it left this machine.
    """

    ticket: str
    sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMismatch:
    """An answer came that cannot be trusted: `why` is ``"mac"``, ``"amount"``, ``"malformed"``."""

    ticket: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLate:
    """An answer came after its request was dead. Journalled; its reversal is already queued."""

    ticket: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceAnswered:
    """The host answered advice `id` with F39 `code`. `settled` removes it; otherwise it is parked."""

    id: str
    code: str
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOnline:
    """Signed on, with hysteresis; requests may be sent."""

    business_date: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOffline:
    """Not usable: `reason` is ``"link"``, ``"echo"``, ``"sign_on"``, ``"ordered"``, ``"mac"``."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingKey:
    """The host sent a working key for the PIN pad: the cryptogram under the terminal master key."""

    name: str  # "TPK"
    cryptogram: str
    kcv: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOver:
    """The host opened a new business date (MMDD)."""

    business_date: str


HostReport = (
    HostAnswered
    | HostSilent
    | HostMismatch
    | HostLate
    | AdviceAnswered
    | HostOnline
    | HostOffline
    | WorkingKey
    | CutOver
)


class HostPort(Protocol):
    """The host link as a machine without I/O, of the same shape as a driver.

    It keeps one connection, signs on, exchanges keys, echoes, sends requests at once and advices strictly in
    order, each until it is settled or parked.
    """

    @property
    def online(self) -> bool: ...

    @property
    def advices_waiting(self) -> int: ...

    @property
    def wants_close(self) -> bool:
        """Whether this connection cannot go on (garbage, silence) and must be given up."""
        ...

    def connected(self) -> None:
        """The connection is up: sign on."""
        ...

    def disconnected(self, reason: str) -> list[HostReport]:
        """The connection is gone; requests in flight answer `HostSilent`."""
        ...

    def request(self, request: HostRequest) -> None:
        """Send `request` now. When offline it answers `HostSilent(sent=False)` at the next tick."""
        ...

    def advise(self, advice: Advice, *, repeat: bool = False) -> None:
        """Queue `advice` behind the others. `repeat` marks one that may have been sent before a restart."""
        ...

    def key_loaded(self, name: str, *, loaded: bool) -> None:
        """The PIN pad took (or refused) the working key: confirm it to the host."""
        ...

    def receive(self, data: bytes) -> list[HostReport]: ...

    def tick(self) -> list[HostReport]: ...

    def data_to_send(self) -> bytes: ...

    def next_deadline_ms(self) -> int | None: ...
