"""Faults of the host as data: what can go wrong between a request and its answer, struck by name.

Fault model. A message may be lost on the way there (`silent`) or the answer on the way back
(`silent_after_posting`, `advice_unanswered`); the answer may be late, doubled, overtaken by the next one,
unauthentic, ill-formed, or speak of another amount or number; the host may refuse; the line may go down at
once or right after an answer. Keys and network management are not struck: a session that does not come up is
what `link_down` is for. The books behind are never wrong.

Behind the host a partner (biller, operator, ticket agency) may be late, refuse, not know a number, or be gone.

A struck fault waits for messages that fit its filter, lets `nth - 1` of them pass and then acts `times` times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kiosk.bank.times import Clock
from kiosk.host.message import Message
from kiosk.host.spec import OPERATIONS, message_class


@dataclass(frozen=True, slots=True)
class HostFault:
    """A fault that can be struck. `arguments` are name -> default; `applies_to` the message classes struck
    unless ``mti`` says otherwise.
    """

    name: str
    does: str
    arguments: Mapping[str, int | str] = field(default_factory=dict)
    applies_to: tuple[str, ...] = ("0200",)
    edge_cases: tuple[int, ...] = ()
    operations: tuple[str, ...] = ()  # struck at these only; at the partner behind the host, not on the line


_ADVICES: Final = ("0220", "0420", "0520", "0620")
_CHECKS: Final = ("bill_check", "top_up_check")
_PAYMENTS: Final = ("payment", "top_up")
_TICKETS: Final = ("ticket_catalogue", "ticket_hold", "purchase")

FAULTS: Final[Mapping[str, HostFault]] = {
    f.name: f
    for f in (
        HostFault("silent", "loses the message: the host never saw it", edge_cases=(30,)),
        HostFault("silent_after_posting", "acts on the message and loses the answer", edge_cases=(30, 96)),
        HostFault("late", "answers after by_ms", {"by_ms": 31_000}, edge_cases=(31,)),
        HostFault("decline", "declines with code", {"code": "05"}, edge_cases=(20,)),
        HostFault("wrong_amount", "answers another amount, by_minor more", {"by_minor": 10_000}, edge_cases=(38,)),
        HostFault("wrong_stan", "answers another STAN", edge_cases=(32,)),
        HostFault("duplicate", "answers again after by_ms", {"by_ms": 200}, edge_cases=(33,)),
        HostFault("bad_mac", "answers with a wrong MAC", edge_cases=(18,)),
        HostFault("malformed", "answers without the response code", edge_cases=(39,)),
        HostFault(
            "approve_then_offline",
            "answers, and the line goes down for for_ms",
            {"for_ms": 60_000},
            edge_cases=(36,),
        ),
        HostFault("advice_unanswered", "acts on an advice and loses the answer", {}, _ADVICES, (37,)),
        HostFault("advice_lost", "loses an advice: the host never saw it", {}, _ADVICES, (37,)),
        HostFault("advice_refused", "answers an advice with code and does nothing", {"code": "12"}, _ADVICES, (39,)),
        HostFault("link_down", "the line goes down at once for for_ms", {"for_ms": 60_000}, (), (35, 41)),
        HostFault(
            "partner_pending", "the partner takes it in, and its final word comes for_s later: accepted or rejected",
            {"for_s": 6, "then": "accepted"}, edge_cases=(81,), operations=_PAYMENTS,
        ),
        HostFault(
            "partner_rejects", "the partner refuses what is paid already", edge_cases=(82,), operations=_PAYMENTS
        ),
        HostFault(
            "partner_unknown", "the partner does not know the number", edge_cases=(83,),
            operations=(*_CHECKS, *_PAYMENTS),
        ),
        HostFault(
            "partner_answer_lost", "the partner's answer is lost, and it is asked again", edge_cases=(87,),
            operations=_PAYMENTS,
        ),
        HostFault(
            "partner_down", "the partner cannot be reached", edge_cases=(81,),
            operations=(*_CHECKS, *_PAYMENTS, *_TICKETS),
        ),
        HostFault(
            "partner_sold_out", "the last places are gone", edge_cases=(86,), operations=("ticket_hold", "purchase")
        ),
        HostFault(
            "partner_lets_go", "the agency has freed the held places", edge_cases=(86,), operations=("purchase",)
        ),
        HostFault(
            "partner_keeps", "the partner does not take its sale back", {}, ("0420",), (82,),
            (*_PAYMENTS, "purchase"),
        ),
        HostFault("out_of_order", "answers after the next answer, or by_ms", {"by_ms": 5_000}, edge_cases=(32,)),
    )
}


@dataclass(slots=True)
class Struck:
    """A fault in waiting: messages to let pass, then times to act."""

    name: str
    passing: int
    times: int
    classes: tuple[str, ...]
    operation: str
    arguments: Mapping[str, int | str]

    def number(self, name: str) -> int:
        return int(self.arguments[name])

    def text(self, name: str) -> str:
        return str(self.arguments[name])


class Personality:
    """The faults struck on one host, shared by its sessions so that they outlive a connection."""

    faults: Mapping[str, HostFault] = FAULTS

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._struck: list[Struck] = []
        self.down_until_ms = 0

    def strike(
        self,
        name: str,
        *,
        nth: int = 1,
        times: int = 1,
        mti: str = "",
        operation: str = "",
        **arguments: int | str,
    ) -> None:
        """Arm a fault. Raises ValueError naming what is known for an unknown fault, argument or operation."""
        fault = FAULTS.get(name)
        if fault is None:
            raise ValueError(f"unknown host fault {name!r}; known: {', '.join(FAULTS)}")
        strange = arguments.keys() - fault.arguments.keys()
        if strange:
            known = ", ".join(fault.arguments) or "none"
            raise ValueError(f"{name} has no argument {', '.join(sorted(strange))}; it has: {known}")
        if operation and operation not in OPERATIONS:
            raise ValueError(f"unknown operation {operation!r}; known: {', '.join(OPERATIONS)}")
        if nth < 1 or times < 1:
            raise ValueError("nth and times count from 1")
        given = dict(fault.arguments) | arguments
        if name == "link_down":
            self.take_down(int(given["for_ms"]))
            return
        classes = (message_class(mti),) if mti else fault.applies_to
        self._struck.append(Struck(name, nth - 1, times, classes, operation, given))

    def heal(self) -> None:
        """Clear every fault; the line is up again."""
        self._struck.clear()
        self.down_until_ms = 0

    def take_down(self, for_ms: int) -> None:
        self.down_until_ms = self._clock.now_ms() + for_ms

    @property
    def link_up(self) -> bool:
        return self._clock.now_ms() >= self.down_until_ms

    def armed(self) -> list[str]:
        """Return the names of the faults in waiting."""
        return [struck.name for struck in self._struck]

    def met(self, message: Message) -> Struck | None:
        """Return the fault that strikes this message, if any; of several armed ones the first."""
        chosen: Struck | None = None
        for struck in self._struck:
            if message_class(message.mti) not in struck.classes:
                continue
            if struck.operation and OPERATIONS[struck.operation].code[:2] != message.get(3)[:2]:
                continue
            if (at := FAULTS[struck.name].operations) and not any(
                OPERATIONS[name].code[:2] == message.get(3)[:2] for name in at
            ):
                continue
            if struck.passing:
                struck.passing -= 1
            elif chosen is None:
                chosen = struck
        if chosen is not None:
            chosen.times -= 1
            if not chosen.times:
                self._struck.remove(chosen)
        return chosen
