"""The world of a rehearsal: simulated devices, the bank, a person and a terminal, on one clock that jumps.

Nothing waits: when nobody has anything to do now, the clock moves to the next instant at which somebody has. The same
scenario and seed give the same journal, byte for byte. A power cut drops the terminal, and with it all that it had in
memory; what is left is the journal file, the devices' own memory, and the bank.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from drivers.base.clock import SimCalendar, SimClock
from drivers.sim.device import SimDevice
from drivers.sim.wire import Wire, WireFault
from kiosk import compose, strict_yaml
from kiosk.bank.bank import Bank
from kiosk.bank.memory_link import MemoryLink
from kiosk.bank.storage import SqliteStore
from kiosk.config import Config, NotesForm
from kiosk.devices import Line
from kiosk.flow.chart import SERVICE
from kiosk.journal.journal import Journal
from kiosk.journal.record import Entry
from kiosk.kernel import Watcher, no_point
from kiosk.ports import Input
from kiosk.rehearsal import describe
from kiosk.rehearsal.person import Person, wallet_of
from kiosk.rehearsal.quick_wire import QuickWire
from kiosk.rehearsal.scenario import FaultForm, Scenario
from kiosk.site import PairForm
from kiosk.terminal import Terminal
from kiosk.turn import Words
from kiosk.view import View

START: Final = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)  # a Monday morning in Shanghai
STUCK_AFTER_MS: Final = 240_000  # out of service for so long, with nothing to come, is the end
QUIET_MS: Final = 3_000  # an idle screen for so long after the last deed is the end: a card is in by then
NOTICED_MS: Final = 12_000  # a fault in an idle device shows at its next poll
TURNS_MAX: Final = 200_000

PRINTERS: Final[Mapping[str, Mapping[str, object]]] = {
    "reliance": {"profile": "reliance"},
    "epson": {"profile": "epson"},
    "plain": {
        "profile": "epson", "encoding": "cp437", "chinese_mode": False, "text": "missing", "qr": "raster",
    },
}  # fmt: skip
"""What a scenario's `printer` means to the driver."""

Lane = Literal["screen", "person", "device", "host", "journal", "fault"]


class PowerCut(BaseException):
    """The power goes here: the terminal's alone, or the devices', too. No Exception: nobody may catch it."""

    def __init__(self, *, devices: bool) -> None:
        self.devices = devices


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the transcript."""

    at_ms: int
    lane: Lane
    who: str
    text: str


@dataclass
class _Waiting:
    """A fault or an act of the world that comes at an instant."""

    at_ms: int
    what: str
    act: Callable[[], None]


class World:
    """One scenario's world. `run` plays it to its end."""

    def __init__(
        self,
        scenario: Scenario,
        config: Config,
        *,
        words: Words,
        journal_file: Path | None = None,
        point: Callable[[str], None] = no_point,
        watch: Callable[[Journal], tuple[Watcher, ...]] | None = None,
        transcript: bool = False,
        journal_type: type[Journal] = Journal,
        models: Path = compose.MODELS,
    ) -> None:
        self.scenario = scenario
        self._models = models
        self.config = _with_world(config, scenario)
        self.clock = SimClock()
        self.calendar = SimCalendar(self.clock, START)
        self.transcript: list[Happened] = []
        self._transcribe = transcript
        self._words = words
        self._point = point
        self._watch = watch if watch is not None else compose.watching(self.config, models)
        self._journal_type = journal_type
        self._folder: Path | None = None
        if journal_file is None and any(f.power for f in scenario.faults):
            self._folder = Path(tempfile.mkdtemp(prefix="kiosk-rehearsal-"))
            journal_file = self._folder / "journal.db"
        self._journal_path: Path | str = journal_file or ":memory:"
        self.wires: Mapping[str, Wire] = {
            name: QuickWire(self.clock, sim, self._wire_observer(name))
            for name, sim in compose.simulators(self.config, self.clock).items()
        }
        self.bank = compose.model_bank(self.config, SqliteStore(), self.clock, self.calendar, scenario.seed)
        self.link = _TappedLink(self.bank, self._host_observer()) if transcript else MemoryLink(self.bank)
        cards = {str(c["label"]): c for c in self.config.bank["cards"]}
        if scenario.person.card not in cards:
            raise ValueError(f"{scenario.file}: no card {scenario.person.card!r}; there are: {', '.join(cards)}")
        self.wallet = wallet_of(cards[scenario.person.card])
        opening = self.bank.balance(self.wallet.account)
        assert opening is not None
        self.opening_minor = opening.ledger_minor
        self.person = Person(scenario.person, self.wallet, self, scenario.seed, self.config.site.cash.currency)
        self.views: list[View] = []
        self.screens: list[str] = []
        self.entries: list[Entry] = []
        self._read_to = 0
        self.terminal: Terminal | None = None
        self._journal: Journal | None = None
        self._waiting: list[_Waiting] = []
        self._unarmed = list(scenario.faults)
        self._out_of_service_since: int | None = None
        self._stirred_ms = 0
        self.cuts = 0
        self._prepare_world()

    @property
    def sims(self) -> Mapping[str, SimDevice]:
        """The simulators, by place; taken from their wires, which then ask them anew what is due."""
        return {name: wire.device for name, wire in self.wires.items()}

    # ------------------------------------------------------------ running

    def run(self) -> None:
        """Play the scenario to its end. Raises StepFailed for a bug, TimeoutError when it never ends."""
        self.start_terminal()
        self.run_on()

    def run_on(self) -> None:
        """Play on from where the world is, to the scenario's end. Raises as `run` does."""
        try:
            for _ in range(TURNS_MAX):
                if not self._turn():
                    return
            raise TimeoutError(f"{self.scenario.scenario}: no end after {TURNS_MAX} turns, at {self._where()}")
        finally:
            self._read_journal()

    def close(self) -> None:
        if self.terminal is not None:
            self.terminal.close()
        self.bank.close()
        if self._folder is not None:
            shutil.rmtree(self._folder)

    def _turn(self) -> bool:
        """Do what there is to do now, then move the clock. Returns False at the end."""
        now = self.clock.now_ms()
        stirred = True
        while stirred:
            stirred = self._pump()
            if self.terminal is not None:
                self.person.look(self.terminal.kernel.view, now)
            if self.person.act(now):
                self._stirred_ms, stirred = now, True
            if self._waiting:
                stirred |= self._act_waiting(now)
        if self._over(now):
            return False
        instants = [self.person.next_deadline_ms(), *(w.at_ms for w in self._waiting)]
        instants += [wire.next_deadline_ms() for wire in self.wires.values()]
        # the terminal's own includes its end of the link
        instants.append((self.terminal or self.link).next_deadline_ms())
        known = [i for i in instants if i is not None]
        later = [i for i in known if i > now]
        if known and not later:
            raise TimeoutError(
                f"{self.scenario.scenario}: work is due that nobody does, at {self._where()}; now {now}, due: "
                f"person {self.person.next_deadline_ms()}, link {self.link.next_deadline_ms()}, "
                f"terminal {self.terminal.next_deadline_ms() if self.terminal else None}, "
                f"wires { {name: wire.next_deadline_ms() for name, wire in self.wires.items()} }"
            )
        soonest = min(later, default=None)
        if soonest is None or soonest > self.scenario.limit_ms:
            if self._settled(now) or self._stays_closed(now):
                return False
            raise TimeoutError(f"{self.scenario.scenario}: not settled after {now} ms, at {self._where()}")
        self.clock.move_to(soonest)
        return True

    def _pump(self) -> bool:
        """Do what the terminal has to do now, all of it. Returns whether the power was cut: then there is more."""
        if self.terminal is None:
            for wire in self.wires.values():
                wire.tick()
            return False
        for wire in self.wires.values():
            if not wire.plugged:  # nobody reads it, and the device goes on by itself
                wire.tick()
        try:
            self.terminal.pump()
        except PowerCut as cut:
            self.cut(devices=cut.devices, for_ms=20_000)
            return True
        return False

    def _over(self, now: int) -> bool:
        return self._settled(now) and not self._unarmed_pending()

    def _unarmed_pending(self) -> bool:
        return bool(self._waiting)

    def _settled(self, now: int) -> bool:
        if self.terminal is None or not self.person.finished:
            return False
        kernel = self.terminal.kernel
        screen = kernel.view.screen
        if screen == "out_of_service":
            if self._out_of_service_since is None:
                self._out_of_service_since = now
            waited = now - self._out_of_service_since
            return waited >= (0 if kernel.halted else STUCK_AFTER_MS)
        self._out_of_service_since = None
        quiet = now - self._stirred_ms >= max(QUIET_MS, self.scenario.goes_on_ms)
        return screen == "idle" and quiet and self.terminal.standing.advices_waiting == 0

    def _stays_closed(self, now: int) -> bool:
        """Whether the terminal is out of service for so long that whoever still wanted to come stays away."""
        since = self._out_of_service_since
        if self.terminal is None or self.terminal.kernel.view.screen != "out_of_service":
            return False
        return since is None or now - since >= STUCK_AFTER_MS

    def _where(self) -> str:
        return self.terminal.kernel.where() if self.terminal else "no terminal"

    # ------------------------------------------------------------ terminal and power

    def start_terminal(self) -> None:
        """Power the terminal up from its journal; the power may go again meanwhile."""
        try:
            self._start_terminal()
        except PowerCut as cut:
            self.cut(devices=cut.devices, for_ms=20_000)

    def _start_terminal(self) -> None:
        key = bytes.fromhex(self.config.host.keys.journal)
        if self._journal is None:
            self._journal = self._journal_type(self._journal_path, key)
        fails_after = self.scenario.world.journal_fails_after
        if fails_after and self.cuts == 0:
            self._journal = _FailingJournal.over(self._journal, fails_after)
        self.terminal = compose.terminal(
            self.config,
            clock=self.clock,
            calendar=self.calendar,
            journal=self._journal,
            lines={name: self._opener(wire) for name, wire in self.wires.items()},
            link=self.link,
            words=self._words,
            on_view=self._viewed,
            watch=self._watch,
            point=self._point,
            models=self._models,
        )

    def cut(self, *, devices: bool, for_ms: int) -> None:
        """Cut the power of the terminal, and of the devices if `devices`; it comes back after `for_ms`."""
        if self.terminal is None and self.cuts:
            return  # it is dark already
        self.cuts += 1
        self.say("fault", f"power cut{' with devices' if devices else ''} for {for_ms} ms")
        self._read_journal()
        self.terminal = None
        if self._journal is not None and self._journal_path != ":memory:":
            self._journal.close()
            self._journal = None
        self.link.drop()
        if devices:
            for wire in self.wires.values():
                wire.power(False)
        self._waiting.append(_Waiting(self.clock.now_ms() + for_ms, "power back", lambda: self._restore(devices)))

    def _restore(self, devices: bool) -> None:
        self.say("fault", "power back")
        if devices:
            for wire in self.wires.values():
                wire.power(True)
        self.start_terminal()

    def _opener(self, wire: Wire) -> Callable[[], Line]:
        def open_line() -> Line:
            wire.read_available()  # a port that is opened starts with an empty buffer
            return wire

        return open_line

    # ------------------------------------------------------------ faults

    def _prepare_world(self) -> None:
        world = self.scenario.world
        if world.paper == "out":
            self.wires["printer"].device.strike("paper_out")
        elif world.paper == "low":
            self.wires["printer"].device.strike("near_end")
        if world.card_inside:
            self.wires["card_reader"].device.act("insert_card", track2=self.wallet.track2)

    def _viewed(self, view: View) -> None:
        self.views.append(view)
        screen = "more_time" if view.asking_more_time else view.screen
        if not self.screens or self.screens[-1] != screen:
            self.screens.append(screen)
            self.say("screen", screen)
            self._arm(screen)

    def _arm(self, screen: str) -> None:
        for fault in list(self._unarmed):
            if screen == (fault.on or "idle") and self.screens.count(screen) >= fault.showing:
                self._unarmed.remove(fault)
                if fault.after_ms or fault.power or fault.unplug:
                    at = self.clock.now_ms() + fault.after_ms
                    self._waiting.append(_Waiting(at, "fault", lambda f=fault: self._strike(f)))  # type: ignore[misc]
                else:
                    self._strike(fault)

    def _strike(self, fault: FaultForm) -> None:
        self._stirred_ms = self.clock.now_ms() + NOTICED_MS
        if fault.wire:
            self.say("fault", f"wire {fault.wire}: {fault.effect} {fault.direction} nth {fault.nth} {fault.match}")
            self.wires[fault.wire].strike(
                WireFault(
                    effect=fault.effect,  # type: ignore[arg-type]
                    direction=fault.direction,  # type: ignore[arg-type]
                    nth=fault.nth,
                    match=fault.match,
                    at=fault.at,
                    by_ms=fault.by_ms,
                    times=fault.times,
                    copies=fault.copies,
                )
            )
        elif fault.device and fault.act:
            self.say("fault", f"{fault.device}: {fault.act} {fault.args or ''}")
            self.wires[fault.device].act(fault.act, **fault.args)
        elif fault.device:
            self.say("fault", f"{fault.device}: {fault.fault} {fault.args or ''}")
            self.wires[fault.device].device.strike(fault.fault, **fault.args)
        elif fault.host:
            self.say("fault", f"host: {fault.host} {fault.args or ''}")
            self.link.personality.strike(fault.host, nth=fault.nth, times=fault.times, **fault.args)
        elif fault.unplug:
            self.say("fault", f"{fault.unplug}: unplugged for {fault.for_ms} ms")
            wire = self.wires[fault.unplug]
            wire.unplug()
            at = self.clock.now_ms() + fault.for_ms
            self._waiting.append(_Waiting(at, "plug", wire.plug))
        else:
            self.cut(devices=fault.power == "cut", for_ms=fault.for_ms)

    def at(self, at_ms: int, what: str, act: Callable[[], None]) -> None:
        """Have something happen at an instant."""
        self._waiting.append(_Waiting(at_ms, what, act))

    def _act_waiting(self, now: int) -> bool:
        due = [w for w in self._waiting if w.at_ms <= now]
        for waiting in due:
            self._waiting.remove(waiting)
            waiting.act()
        return bool(due)

    # ------------------------------------------------------------ hands

    def touch(self, done: Input) -> None:
        """Take a person's touch to the screen that is there, if one is."""
        if self.terminal is not None:
            self.terminal.kernel.person_did(done)

    def say(self, lane: str, text: str, who: str = "") -> None:
        if self._transcribe:
            self.transcript.append(Happened(self.clock.now_ms(), lane, who, text))  # type: ignore[arg-type]

    def _wire_observer(self, name: str) -> Callable[[int, Any, bytes], None] | None:
        if not self._transcribe:
            return None

        def seen(_: int, direction: str, data: bytes) -> None:
            text = describe.frame(name, "->" if direction == "to_device" else "<-", data)
            if text:
                self.say("device", text, name)

        return seen

    def _host_observer(self) -> Callable[[str, bytes], None]:
        def seen(arrow: str, data: bytes) -> None:
            self.say("host", describe.host(arrow, data))

        return seen

    # ------------------------------------------------------------ the truth afterwards

    def dispenser_state(self) -> Any:
        return self.wires["dispenser"].device.state()

    def notes_out(self) -> dict[str, int]:
        """Return what the dispenser let out: the tray and what was taken from it."""
        state = self.dispenser_state()
        units = {*state["tray"], *state["taken"]}
        return {u: n for u in sorted(units) if (n := state["tray"].get(u, 0) + state["taken"].get(u, 0))}

    def acceptor_places(self) -> Mapping[str, Mapping[int, int]]:
        """Return place -> face value in minor units -> notes, of the simulated acceptor; empty places without one."""
        if "note_acceptor" not in self.sims:
            return {name: {} for name in ("path", "mouth", "customer", "cashbox", "removed", "store")}
        state: Any = self.sims["note_acceptor"].state()
        places: Mapping[str, Mapping[int, int]] = state["places"]
        return places

    def notes_withheld(self) -> dict[tuple[str, int], int]:
        """Return the doubted notes that the simulated acceptor kept: (classification, value) -> notes."""
        if "note_acceptor" not in self.sims:
            return {}
        state: Any = self.sims["note_acceptor"].state()
        return {(kind, v): n for kind, counts in state["withheld"].items() for v, n in counts.items()}

    def notes_in_minor(self) -> int:
        """Return what was fed and is not back with the customer."""
        places = self.acceptor_places()
        return sum(v * n for name in ("path", "cashbox", "removed", "store") for v, n in places[name].items())

    def card_place(self) -> str:
        """Return where the card is: customer, exit, inside or retained."""
        state: Any = self.wires["card_reader"].device.state()
        if state["card"] is not None:
            return "exit" if state["card"]["place"] == "exit" else "inside"
        return "retained" if state["bin"] else "customer"

    def ending(self) -> str:
        """Return the last final state of the service's flow, or of the session's if no service ran."""
        last = ""
        for entry in self.entries:
            if entry.kind == "step":
                for move in entry.data["moves"]:
                    charts, _ = compose.flows(self._models / "flows")
                    chart = charts[move["flow"]]
                    of_interest = chart.kind == SERVICE or chart.name == "session"
                    if of_interest and chart.states[move["to"]].ending:
                        last = move["to"] if move["flow"] != "session" or not last else last
        return last

    def receipt(self) -> str:
        kinds = [
            m["to"] for e in self.entries if e.kind == "step" for m in e.data["moves"] if m["flow"] == "print_receipt"
        ]
        if "printed" in kinds:
            return "printed"
        return "on_screen" if "showing" in kinds else "none"

    def paper(self) -> str:
        """Return what the printer printed, as somebody reads it."""
        return str(self.sims["printer"].render_text())  # type: ignore[attr-defined]

    def verify_journal(self) -> None:
        if self._journal is not None:
            self._journal.verify()

    def _read_journal(self) -> None:
        if self._journal is None:
            return
        for entry in self._journal.entries(after=self._read_to):
            self.entries.append(entry)
            self._read_to = entry.seq


class _TappedLink(MemoryLink):
    """The bank in memory, with a tap on the line for the transcript."""

    def __init__(self, bank: Bank, seen: Callable[[str, bytes], None]) -> None:
        super().__init__(bank)
        self._seen = seen

    def write(self, data: bytes) -> None:
        self._seen("->", data)
        super().write(data)

    def read_available(self) -> bytes:
        data = super().read_available()
        if data:
            self._seen("<-", data)
        return data


def _with_world(config: Config, scenario: Scenario) -> Config:
    """Return the configuration with what the scenario changes of the world."""
    world = scenario.world
    site, devices = config.site, config.devices
    if world.notes:
        units = [u.model_copy(update={"load": world.notes.get(u.id, u.load)}) for u in site.cash.units]
        site = site.model_copy(update={"cash": site.cash.model_copy(update={"units": units})})
    if world.only_units:
        units = [u for u in site.cash.units if u.id in world.only_units]
        site = site.model_copy(update={"cash": site.cash.model_copy(update={"units": units})})
    if world.deposit_most_minor:
        deposit = site.deposit.model_copy(update={"most_minor": world.deposit_most_minor})
        site = site.model_copy(update={"deposit": deposit})
    if world.note_rules:
        rules = strict_yaml.load(config.folder / "notes.yaml").as_model(NotesForm).rules
        site = site.model_copy(update={"note_rules": world.note_rules, "note_fates": rules[world.note_rules]})
    if world.notes_withheld_max:
        site = site.model_copy(update={"notes_withheld_max": world.notes_withheld_max})
    if world.pairs:
        pairs = [
            PairForm(source_minor=int(source) * 100, target_minor=int(target) * 100)
            for source, _, target in (pair.partition("/") for pair in world.pairs)
        ]
        site = site.model_copy(update={"exchange": site.exchange.model_copy(update={"pairs": pairs})})
    if world.services:
        site = site.model_copy(update={"services": tuple(world.services)})
    dispenser = devices.dispenser
    if world.dispenser_family:
        dispenser = dispenser.model_copy(update={"family": world.dispenser_family, "settings": {}, "simulator": {}})
    if world.dispenser_forgets:
        dispenser = dispenser.model_copy(update={"simulator": {"last_status_survives_power": False}})
    printer = devices.printer
    if world.printer:
        printer = printer.model_copy(
            update={"settings": PRINTERS[world.printer], "simulator": {"build": world.printer}}
        )
    acceptor = devices.note_acceptor
    if acceptor is not None and world.acceptor is not None:
        acceptor = acceptor.model_copy(update={"simulator": world.acceptor})
    if world.without_acceptor:
        acceptor = None
    devices = devices.model_copy(update={"dispenser": dispenser, "note_acceptor": acceptor, "printer": printer})
    return replace(config, site=site, devices=devices)


class _FailingJournal(Journal):
    """A journal whose disk is full after so many appends (edge case 93)."""

    _left = 0

    @classmethod
    def over(cls, journal: Journal, appends: int) -> Journal:
        failing = cls.__new__(cls)
        failing.__dict__.update(journal.__dict__)
        failing._left = appends
        return failing

    def append(self, records: Any, *, at: str, ms: int) -> list[Entry]:
        from kiosk.journal.journal import JournalUnwritable

        if records:
            self._left -= 1
            if self._left < 0:
                raise JournalUnwritable(f"{self.file}: database or disk is full; free space, then restart")
        return super().append(records, at=at, ms=ms)
