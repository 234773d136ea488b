"""The step: one event in, the chart decides, the decision is journalled, then effects go out.

    customer, devices, host, clock --> inbox --> chart --> journal (durable) --> effects --> devices, host, view

One thread calls `post` and `step`. A step has five stages, and the order is the whole point:

1. the turn: guards and actions fill a draft (facts, moves of cash, effects);
2. the cash book takes the moves, or the step fails: a note never is in two places;
3. all records of the step become durable in one transaction;
4. the draft becomes the truth;
5. the effects go out, in order.

If 1 or 2 raises, the draft is dropped and `StepFailed` tells the place: nothing has moved. If 3 fails, the terminal
halts (no journal, no cash). A cut between 3 and 5 is what `recover` is for: the journal says what was meant.
`point` is called between the stages, so that a rehearsal can cut the power exactly there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

from drivers.base.driver import Report
from drivers.base.vocabulary import Command, DeviceReady, EjectCard, KeyPressed, Result
from kiosk.cash import CashBook, CashMove
from kiosk.effects import Advise, Ask, Effect, KeyLoaded, Order, Record
from kiosk.flow.runner import FlowRunner, Move
from kiosk.journal.journal import Journal, JournalUnwritable
from kiosk.journal.record import Entry
from kiosk.numbers import Numbers
from kiosk.plain import plain
from kiosk.ports import (
    Advice,
    AdviceAnswered,
    Calendar,
    Clock,
    CutOver,
    HostAnswered,
    HostLate,
    HostMismatch,
    HostOffline,
    HostOnline,
    HostPort,
    HostReport,
    HostSilent,
    Input,
    WorkingKey,
)
from kiosk.recovery import Recovered, checkpoint
from kiosk.site import Site
from kiosk.standing import CONDITIONS, Standing
from kiosk.turn import Event, Language, Turn, Words
from kiosk.view import View

INBOX_MAX: Final = 1_000  # events; more means that somebody posts without the kernel stepping
CHECKPOINT_EVERY: Final = 20  # sessions: a start then folds at most a few thousand records
APPROVED: Final = "00"
APPROVED_PARTLY: Final = "10"


class StepFailed(Exception):
    """A turn raised: nothing was journalled and nothing went out. The cause is chained."""


class Devices(Protocol):
    """Where orders go."""

    def submit(self, name: str, command: Command) -> None: ...


class Watcher(Protocol):
    """What looks on: norms watch the records of each step, and the clock when nothing happens.

    Both return records to be journalled (violations); a watcher never raises into the kernel.
    """

    def seen(self, entries: Sequence[Entry]) -> Sequence[Record]: ...

    def advance(self, now_ms: int) -> Sequence[Record]: ...

    def next_deadline_ms(self) -> int | None: ...


def no_about(_: Mapping[type, object]) -> Mapping[str, str]:
    """Say nothing of whom a step is about."""
    return {}


def no_point(_: str) -> None:
    """Cut nowhere."""


@dataclass(frozen=True)
class Parts:
    """What `compose.py` puts together for a kernel."""

    clock: Clock
    calendar: Calendar
    journal: Journal
    site: Site
    devices: Devices
    standing: Standing
    host: HostPort
    numbers: Numbers
    words: Words
    regions: Mapping[str, FlowRunner]  # the first owns the screen
    default_locale: str
    on_view: Callable[[View], None]
    watchers: tuple[Watcher, ...] = ()
    about: Callable[[Mapping[type, object]], Mapping[str, str]] = no_about
    """Which session and case facts speak of: a step's record names them."""
    point: Callable[[str], None] = no_point


class Kernel:
    """The one that steps."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._inbox: deque[tuple[str | None, Event]] = deque()
        self._pending: dict[str, tuple[str, str]] = {}  # ticket -> (region, device or "host")
        self._facts: dict[type, object] = {}
        self._cash = CashBook()
        self._view = View(0, "starting", parts.default_locale)
        self._main = next(iter(parts.regions))
        self._unsent: dict[str, Mapping[str, Any]] = {}  # advice id -> its record, in order
        self._sessions = 0
        self.halted: str | None = None
        self.steps = 0
        self.ignored = 0

    # ------------------------------------------------------------ what can be seen

    @property
    def view(self) -> View:
        return self._view

    @property
    def cash(self) -> CashBook:
        return self._cash

    @property
    def idle(self) -> bool:
        return not self._inbox

    def where(self, region: str = "") -> str:
        return self._parts.regions[region or self._main].where

    def fact(self, kind: type) -> object | None:
        return self._facts.get(kind)

    def next_deadline_ms(self) -> int | None:
        """Return the next instant at which a chart or a watcher has something to do."""
        if self.halted:
            return None
        soonest: int | None = None
        parts: tuple[FlowRunner | Watcher, ...] = (*self._parts.regions.values(), *self._parts.watchers)
        for part in parts:
            due_ms = part.next_deadline_ms()
            if due_ms is not None and (soonest is None or due_ms < soonest):
                soonest = due_ms
        return soonest

    # ------------------------------------------------------------ start

    def begin(
        self,
        recovered: Recovered,
        *,
        facts: Sequence[object] = (),
        records: Sequence[Record] = (),
        load: Sequence[CashMove] = (),
    ) -> None:
        """Start from what recovery found, write `records` first, then enter the charts.

        `facts` are what services made of it; `load` are the notes of a new terminal's first loading. Advices that
        may have been sent go out as repeats.
        """
        parts = self._parts
        parts.numbers.recover(recovered.numbers)
        self._facts.update({type(fact): fact for fact in facts})
        self._cash = self._cash.after([*recovered.moves, *load])
        self._append([*records, *(Record("cash_moved", move.as_data()) for move in load)])
        for advice in recovered.advices:
            self._unsent[advice.id] = advice_data(advice)
            parts.host.advise(advice, repeat=True)
        if not recovered.cases:
            self._checkpoint()
        for name in self._parts.regions:
            self._step(name, Event("begin", "terminal"), begin=True)

    # ------------------------------------------------------------ events in

    def post(self, event: Event, region: str | None = None) -> None:
        """Put an event into the inbox. Raises OverflowError when nobody steps."""
        if len(self._inbox) >= INBOX_MAX:
            raise OverflowError(f"more than {INBOX_MAX} events wait; step the kernel")
        self._inbox.append((region, event))

    def device_said(self, device: str, report: Report) -> None:
        """Take in what a driver reported."""
        if isinstance(report, Result):
            pending = self._pending.pop(report.ticket, None)
            if pending is None:
                self._note("late", {"device": device, "verb": report.verb, "ticket": report.ticket, **plain(report)})
                return
            if not pending[0]:
                return
            name = f"{report.verb}_{report.outcome.value}"
            self.post(Event(name, device, report, report.ticket, answers=True), pending[0])
            return
        if isinstance(report, CONDITIONS):
            self._parts.standing.note(device, report)
            refusal = self._parts.standing.refusal(device)
            if isinstance(report, DeviceReady) and refusal:  # for the terminal the device is as lost as before
                data = {"device": device, "health": "stop", "error": "otherUnit", "detail": refusal}
                self._note("health_changed", data)
            elif isinstance(report, DeviceReady):
                self._note("device_ready", {"device": device, **plain(report)})
            else:
                self._note(report.name, {"device": device, **plain(report)})
            self.post(Event("fitness_changed", "terminal"))
            if isinstance(report, DeviceReady) and refusal:
                return
        if isinstance(report, KeyPressed):
            named = {"enter": "pressed_enter", "clear": "pressed_clear", "cancel": "pressed_cancel"}
            self.post(Event(named.get(report.key, "key_pressed"), "person", Input("key_pressed", report.key)))
            return
        self.post(Event(report.name, device, report))

    def host_said(self, report: HostReport) -> None:
        """Take in what the host link reported."""
        match report:
            case HostAnswered():
                approved = {APPROVED: "host_approved", APPROVED_PARTLY: "host_partly_approved"}
                self._host_answer(approved.get(report.code, "host_declined"), report.ticket, report)
            case HostSilent():
                self._host_answer("host_silent", report.ticket, report)
            case HostMismatch():
                self._host_answer("host_mismatch", report.ticket, report)
            case HostLate():
                # a request's ticket is its case
                late = {"device": "host", "ticket": report.ticket, "case": report.ticket, "code": report.code}
                self._note("late", late)
            case AdviceAnswered():
                kind = "advice_closed" if report.settled else "advice_parked"
                self._unsent.pop(report.id, None)
                self._note(kind, {"advice": report.id, "code": report.code})
                self.post(Event("fitness_changed", "terminal"))
            case HostOnline():
                self._parts.standing.host_online = True
                self._note("host_online", plain(report))
                self.post(Event("fitness_changed", "terminal"))
            case HostOffline():
                self._parts.standing.host_online = False
                self._note("host_offline", plain(report))
                self.post(Event("fitness_changed", "terminal"))
            case WorkingKey():
                self.post(Event("working_key", "host", report))
            case CutOver():
                self._note("cut_over", plain(report))

    def person_did(self, done: Input) -> None:
        """Take in a touch or key. One made on a screen that has gone is dropped."""
        if done.view_serial not in (0, self._view.serial):
            self.ignored += 1
            return
        self.post(Event(done.event, "person", done))

    def _host_answer(self, name: str, ticket: str, report: HostReport) -> None:
        pending = self._pending.pop(ticket, None)
        if pending is None:
            self._note("late", {"device": "host", "case": ticket, **plain(report)})
            return
        self.post(Event(name, "host", report, ticket, answers=True), pending[0])

    # ------------------------------------------------------------ steps

    def step(self) -> bool:
        """Take one event: the oldest of the inbox, else a deadline that has passed. Returns whether there was one."""
        if self.halted:
            self._inbox.clear()
            return False
        if self._inbox:
            region, event = self._inbox.popleft()
            if region is not None:
                self._step(region, event)
            else:
                heard = [n for n, r in self._parts.regions.items() if event.answers or r.understands(event.name)]
                self.ignored += not heard
                for name in heard:
                    self._step(name, event)
            return True
        now_ms = self._parts.clock.now_ms()
        for name, runner in self._parts.regions.items():
            due = runner.due(now_ms)
            if due is not None:
                self._step(name, due)
                return True
        for watcher in self._parts.watchers:
            deadline = watcher.next_deadline_ms()
            if deadline is not None and deadline <= now_ms:
                self._append(watcher.advance(now_ms), watched=False)
                return True
        return False

    def _step(self, region: str, event: Event, *, begin: bool = False) -> None:
        if self.halted:
            return  # by the step of another region, or by the checkpoint before the first
        parts, runner = self._parts, self._parts.regions[region]
        before = runner.snapshot()
        turn = Turn(
            event, parts.clock.now_ms(), parts.calendar.now(), parts.site, parts.standing, self._cash, parts.words,
            parts.numbers.draw, dict(self._facts),
        )  # fmt: skip
        try:
            moves = runner.begin(turn) if begin else runner.dispatch(turn)
            if moves is None:
                self.ignored += 1
                return
            cash = self._cash.after(turn.moves)
            about = {**parts.about(self._facts), **parts.about(turn.facts)}
            self._append(self._records(region, event, moves, turn.effects, about))
        except JournalUnwritable as error:
            runner.restore(before)
            self._halt(str(error))
            return
        except Exception as error:
            runner.restore(before)
            raise StepFailed(f"{region} at {runner.where} on {event.name!r} from {event.source}: {error}") from error
        self._facts, self._cash = turn.facts, cash
        self.steps += 1
        for effect in turn.effects:
            if not isinstance(effect, Record):
                parts.point(f"before {_name(effect)}")
                self._release(region, effect)
                parts.point(f"after {_name(effect)}")
        if any(isinstance(e, Record) and e.kind == "session_ended" for e in turn.effects):
            self._sessions += 1
            if self._sessions % CHECKPOINT_EVERY == 0:
                self._checkpoint()
        if region == self._main and not self.halted:
            self._show(runner, turn)

    def _records(
        self, region: str, event: Event, moves: list[Move], effects: list[Effect], about: Mapping[str, str]
    ) -> list[Record]:
        if not effects and all(m.source == m.target for m in moves):
            return []  # typing a digit is nobody's business
        step: dict[str, Any] = {
            **about,
            "region": region,
            "event": event.name,
            "source": event.source,
            "moves": [
                {"flow": m.flow, "from": m.source, "to": m.target, "event": m.event, "because": list(m.because)}
                for m in moves
            ],
        }
        if event.ticket:
            step["ticket"] = event.ticket
        if event.payload is not None:
            step["data"] = plain(event.payload)
        orders = [{"device": e.device, "verb": e.command.verb, "ticket": e.command.ticket} for e in effects
                  if isinstance(e, Order)]  # fmt: skip
        if orders:
            step["orders"] = orders
        records = [Record("step", step)]
        for effect in effects:
            if isinstance(effect, Record):
                records.append(Record(effect.kind, {**about, **effect.data}))
            elif isinstance(effect, Advise):
                records.append(Record("advice_queued", advice_data(effect.advice)))
        return records

    def _release(self, region: str, effect: Effect) -> None:
        match effect:
            case Order(device, command, heard):
                self._pending[command.ticket] = (region if heard else "", device)
                self._parts.devices.submit(device, command)
            case Ask(request):
                self._pending[request.ticket] = (region, "host")
                self._parts.host.request(request)
            case Advise(advice):
                self._unsent[advice.id] = advice_data(advice)
                self._parts.host.advise(advice)
            case KeyLoaded(name, loaded):
                self._parts.standing.pin_key_loaded = loaded
                self._parts.host.key_loaded(name, loaded=loaded)
                self.post(Event("fitness_changed", "terminal"))
            case Record():
                pass

    def _show(self, runner: FlowRunner, turn: Turn) -> None:
        screen = runner.top.screen or self._view.screen
        language = self._facts.get(Language)
        locale = language.locale if isinstance(language, Language) else self._parts.default_locale
        frame = runner.frames[-1]
        values = runner.view_values(turn) if runner.top.screen else self._view.values
        view = View(
            runner.entries, screen, locale, values, frame.since_ms, frame.until_ms, asking_more_time=frame.asking
        )
        if view != self._view:
            self._view = view
            self._parts.on_view(view)

    # ------------------------------------------------------------ journal

    def _note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Journal something that no chart decides about."""
        if self.halted:
            return
        try:
            self._append([Record(kind, data)])
        except JournalUnwritable as error:
            self._halt(str(error))

    def _append(self, records: Sequence[Record], *, watched: bool = True) -> None:
        if not records:
            return
        now_ms = self._parts.clock.now_ms()
        at = self._parts.calendar.now().isoformat(timespec="milliseconds")
        self._parts.point(f"before commit of {records[-1].kind}")
        entries = self._parts.journal.append(records, at=at, ms=now_ms)
        self._parts.point(f"after commit of {records[-1].kind}")
        if watched:
            for watcher in self._parts.watchers:
                self._append(watcher.seen(entries), watched=False)

    def _checkpoint(self) -> None:
        try:
            self._append([checkpoint(self._cash, self._parts.numbers.reserved, list(self._unsent.values()))])
        except JournalUnwritable as error:
            self._halt(str(error))

    def _halt(self, why: str) -> None:
        """No journal, no cash: stop, and only give a card back, which moves no money."""
        self.halted = why
        self._parts.standing.journal_writable = False
        self._inbox.clear()
        self._parts.devices.submit("card_reader", EjectCard(ticket="halt"))
        self._view = View(self._view.serial + 1, "out_of_service", self._view.locale, {"reason": "journal"})
        self._parts.on_view(self._view)


def _name(effect: Effect) -> str:
    return effect.command.verb if isinstance(effect, Order) else type(effect).__name__.lower()


def advice_data(advice: Advice) -> dict[str, Any]:
    """Return an advice as the journal keeps it, whole: it carries no card data and no PIN."""
    data: dict[str, Any] = plain(asdict(advice) | {"amount": advice.amount, "stands": advice.stands})
    data["advice"] = advice.id
    if advice.stands is not None:
        data["stands_minor"] = advice.stands.minor
    if advice.original is not None:
        data["case"] = advice.original.rrn
    return data
