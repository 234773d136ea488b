"""The live terminal: real time, real lines, one thread that pumps, and hands from outside.

One thread owns the terminal, its window and the simulators in this process. It does what there is to do, then sleeps
until the next deadline or until somebody wakes it: a line's or link's thread that has bytes, a hand of the bench with
a job, a signal. Nobody else touches a part of the terminal; whoever wants something done or known gives a job to
`call`.

The terminal is crash-only. A step that fails has journalled nothing and sent nothing, and whatever else fails is no
worse than a power cut: the terminal is dropped whole and started again from the journal. Too many failures in a short
time, and it stays out of service until somebody restarts it.

    lines, link, bench, signals --wake--> [ jobs | pump | window | publish | sleep until deadline ]
"""

from __future__ import annotations

import ssl
import sys
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from drivers.base.clock import Clock
from drivers.base.errors import LineError
from kiosk import compose
from kiosk.bank.storage import SqliteStore
from kiosk.bank.tcp import BankServer, serve
from kiosk.cash import CashBook, Place
from kiosk.config import Config
from kiosk.effects import Record
from kiosk.host.link import TcpLink
from kiosk.journal.journal import Journal, JournalError
from kiosk.journal.record import Entry
from kiosk.kernel import StepFailed
from kiosk.places import place_of
from kiosk.ports import Calendar, Input
from kiosk.recovery import recover
from kiosk.tap import KEPT, Passed, TappedLink
from kiosk.terminal import Terminal
from kiosk.turn import Words
from kiosk.ui.screens import ScreenError
from kiosk.view import View
from kiosk.wake import Waker

if TYPE_CHECKING:
    from kiosk.ui.render import Renderer

LOOPBACK: Final = "127.0.0.1"
CRASHES_MAX: Final = 3
CRASHES_WITHIN_MS: Final = 600_000
WINDOW_TICK_MS: Final = 33  # 30 a second
IDLE_FLOOR_MS: Final = 10  # due work that nobody does must not make the loop spin
JOBS_MAX: Final = 256
ANSWER_WITHIN_S: Final = 10.0
ENTRIES_KEPT: Final = 200

T = TypeVar("T")


class Gone(RuntimeError):
    """The live terminal has ended, or did not answer in time."""


class Screen(Protocol):
    """A window: `kiosk.ui.window.Window`."""

    def show(self, view: View) -> None: ...

    def pump(self) -> list[Input]: ...

    def close(self) -> None: ...


class _Recent:
    """A watcher that forbids nothing: it keeps the last records for the pages."""

    def __init__(self, entries: deque[Entry]) -> None:
        self._entries = entries

    def seen(self, entries: Sequence[Entry]) -> Sequence[Record]:
        self._entries.extend(entries)
        return ()

    def advance(self, now_ms: int) -> Sequence[Record]:
        del now_ms
        return ()

    def next_deadline_ms(self) -> int | None:
        return None


class Live:
    """One live terminal. `run` serves until `stop`; everything it opened is closed when it returns.

    `folder` keeps the journal and the embedded bank's books. `speed` says how many of the clock's seconds pass in a
    real one. `say` prints a line for whoever started the terminal. Raises LineError, JournalError or DocumentError for
    what cannot be opened.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        *,
        clock: Clock,
        calendar: Calendar,
        words: Words,
        speed: float = 1.0,
        say: Callable[[str], None] = print,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config, self.folder = config, folder
        self.clock, self.calendar = clock, calendar
        self.entries: deque[Entry] = deque(maxlen=ENTRIES_KEPT)
        self.messages: deque[Passed] = deque(maxlen=KEPT)
        self.view: View | None = None
        self.pictures = 0  # grows whenever the screen shows something else
        self.terminal: Terminal | None = None
        self.broken = ""  # why the terminal stays out of service
        self._words, self._speed, self._say = words, speed, say
        self._waker = Waker()
        self._jobs: deque[Callable[[], None]] = deque()
        self._listeners: list[Callable[[], None]] = []
        self._shown: object = None
        self._crashes: deque[int] = deque()
        self._power_back_ms: int | None = None
        self._window: Screen | None = None
        self._said_in_service = False
        self._complained: set[str] = set()
        self._stopping = False
        self._ended = False
        self._open = ExitStack()
        with ExitStack() as opening:
            opening.callback(self._waker.close)
            self._key = bytes.fromhex(config.host.keys.journal)
            self._stocked = self._as_left(config)
            self.places = {
                name: place_of(
                    config.devices.of(name),
                    clock,
                    lambda name=name: compose.family_of(config, name).simulator(clock, self._stocked),  # type: ignore[misc]
                    self._waker.wake,
                )
                for name in config.devices.names
            }
            for place in self.places.values():
                opening.callback(place.close)
            self.bank: BankServer | None = None
            if config.host.address == "embedded":
                store = SqliteStore(folder / "bank.db")
                opening.callback(store.close)
                self.bank = serve(compose.model_bank(config, store, clock, calendar), LOOPBACK, config.host.port)
                opening.callback(self.bank.stop)
            self._open = opening.pop_all()

    @cached_property
    def renderer(self) -> Renderer:
        """Made when a window or a page first wants it: devices wake up meanwhile."""
        from kiosk.ui.render import Renderer
        from kiosk.ui.values import Brand

        return Renderer(brand=Brand(dict(self.config.site.bank_name), self.config.site.contact))

    # ------------------------------------------------------------ for other threads

    def call(self, job: Callable[[], T]) -> T:
        """Do `job` in the terminal's thread and return its answer, or raise what it raised. Raises Gone."""
        answer: Future[T] = Future()

        def work() -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(job())
                except Exception as error:
                    answer.set_exception(error)

        if self._ended or len(self._jobs) >= JOBS_MAX:
            raise Gone("the terminal has ended" if self._ended else "too many hands at once: wait a moment")
        self._jobs.append(work)
        self._waker.wake()
        try:
            return answer.result(ANSWER_WITHIN_S)
        except TimeoutError:
            answer.cancel()
            raise Gone(f"the terminal did not answer within {ANSWER_WITHIN_S:.0f} s") from None

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` (from the terminal's thread: it must only wake somebody) whenever there is something new to
        see. Returns what ends it.
        """
        self._listeners.append(changed)
        return lambda: self._listeners.remove(changed)

    def stop(self) -> None:
        """End `run`; may be called from any thread and from a signal handler."""
        self._stopping = True
        self._waker.wake()

    # ------------------------------------------------------------ the loop

    def run(self, window: Screen | None = None, *, begun: Callable[[], None] | None = None) -> None:
        """Serve until `stop`. `begun` is called once, when the devices have been told to wake up."""
        self._window = window
        try:
            self._start()
            self._turn()
            if begun is not None:
                begun()
            idle_turns = 0
            while not self._stopping:
                worked = self._turn()
                idle_turns = 0 if worked else idle_turns + 1
                self._waker.wait(self._wait_s(idle_turns))
        finally:
            self.close()

    def close(self) -> None:
        """Let go of everything; from the terminal's thread, or before `run`. Harmless the second time."""
        self._ended = True
        self._run_jobs()
        self._drop_terminal()
        self._open.close()

    def _turn(self) -> bool:
        worked = self._run_jobs()
        if self._power_back_ms is not None and self.clock.now_ms() >= self._power_back_ms:
            self._power_on()
            worked = True
        if self.terminal is None:
            for place in self.places.values():
                place.tick()
        else:
            worked |= self._pump(self.terminal)
        if self._window is not None:
            for done in self._window.pump():
                self.touch(done)
                worked = True
        if worked:
            self._tell()
        return worked

    def _pump(self, terminal: Terminal) -> bool:
        try:
            for place in self.places.values():
                place.tick()
            return terminal.pump()
        except Exception as error:  # a step that failed, or a mistake in a driver: the journal knows what was open
            self._crashed(error)
            return True

    def _run_jobs(self) -> bool:
        worked = bool(self._jobs)
        while self._jobs:
            self._jobs.popleft()()
        return worked

    def _wait_s(self, idle_turns: int) -> float | None:
        instants = [place.next_deadline_ms() for place in self.places.values()]
        instants.append(self._power_back_ms)
        if self.terminal is not None:
            instants.append(self.terminal.next_deadline_ms())
        known = [i for i in instants if i is not None]
        wait_s = None
        if known:
            wait_ms = max(min(known) - self.clock.now_ms(), 0 if idle_turns < 2 else IDLE_FLOOR_MS)
            wait_s = wait_ms / 1_000 / self._speed
        if self._jobs:
            return 0.0
        if self._window is not None:
            return min(wait_s, WINDOW_TICK_MS / 1_000) if wait_s is not None else WINDOW_TICK_MS / 1_000
        return wait_s

    # ------------------------------------------------------------ what people do; in the terminal's thread

    def touch(self, done: Input) -> None:
        """Take an input to the screen, if one is on."""
        if self.terminal is not None:
            self.terminal.kernel.person_did(done)

    def side_key(self, view: View, key: str) -> Input | None:
        """Return what a pad key means on this screen: a side key's button, a choice, yes by Enter, no by Cancel.

        None for one that means itself.
        """
        try:
            made = self.renderer.key(view, key)
        except ScreenError:
            return None
        return None if made is None or made.event in ("key_pressed", f"pressed_{key}") else made

    def _tell(self) -> None:
        """Wake whoever looks on, if there is something new to see: devices are polled all the time, and a look is a
        job itself, so that a turn that worked says nothing.
        """
        if not self._listeners:
            self._shown = None
            return
        looks = self._looks()
        if looks != self._shown:
            self._shown = looks
            for listener in tuple(self._listeners):
                listener()

    def _looks(self) -> object:
        """Return everything a page shows, cheaply."""
        terminal = self.terminal
        personality = self.bank.personality if self.bank is not None else None
        return (
            self.pictures,
            self.entries[-1].seq if self.entries else 0,
            self.messages[-1].number if self.messages else 0,
            [(place.plugged, place.state()) for place in self.places.values()],
            terminal.standing.as_data() if terminal is not None else None,
            (terminal.standing.host_online, terminal.standing.advices_waiting) if terminal is not None else None,
            (personality.armed(), personality.link_up) if personality is not None else None,
            self.broken,
        )

    # ------------------------------------------------------------ power

    def cut_power(self, for_ms: int) -> None:
        """Cut the power of terminal and devices; it comes back by itself."""
        self._drop_terminal()
        for place in self.places.values():
            place.power(False)
        self.view = None
        self.pictures += 1
        self._power_back_ms = self.clock.now_ms() + for_ms

    @property
    def powered(self) -> bool:
        return self._power_back_ms is None

    def _power_on(self) -> None:
        self._power_back_ms = None
        for place in self.places.values():
            place.power(True)
        try:
            self._start()
        except (StepFailed, JournalError) as error:
            self._crashed(error)

    # ------------------------------------------------------------ start, end, failures

    def _start(self) -> None:
        self._said_in_service = False
        host = self.config.host
        embedded = self.bank is not None
        address, port = (LOOPBACK, self.bank.port) if self.bank is not None else (host.address, host.port)
        journal = Journal(self.folder / "journal.db", self._key)
        with ExitStack() as opening:
            opening.callback(journal.close)
            link = TcpLink(address, port, tls=None if embedded else self._tls(), on_data=self._waker.wake)
            opening.callback(link.close)
            if not self.entries:
                self.entries.extend(journal.entries(after=max(0, journal.last_seq - ENTRIES_KEPT // 2)))
            self.terminal = compose.terminal(
                self.config,
                clock=self.clock,
                calendar=self.calendar,
                journal=journal,
                lines={name: place.open_line for name, place in self.places.items()},
                link=TappedLink(link, self.calendar, self.messages),
                words=self._words,
                on_view=self._show,
                watchers=(_Recent(self.entries),),
                watch=compose.watching(self.config),
            )
            self.terminal.side_keys = self.side_key
            opening.pop_all()

    def _tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self.config.host.tls else None

    def _drop_terminal(self) -> None:
        terminal, self.terminal = self.terminal, None
        if terminal is not None:
            terminal.close()

    def _crashed(self, error: Exception) -> None:
        """Tell once what failed, and start again from the journal, unless it has failed too often."""
        traceback.print_exception(error, file=sys.stderr)
        self._drop_terminal()
        now_ms = self.clock.now_ms()
        self._crashes.append(now_ms)
        while self._crashes[0] < now_ms - CRASHES_WITHIN_MS:
            self._crashes.popleft()
        try:
            if len(self._crashes) <= CRASHES_MAX:
                self._start()
                return
            minutes = CRASHES_WITHIN_MS // 60_000
            self.broken = f"failed {len(self._crashes)} times in {minutes} minutes; the last: {error}"
        except (StepFailed, JournalError) as again:
            traceback.print_exception(again, file=sys.stderr)
            self.broken = f"cannot start again from its journal: {again}"
        self._drop_terminal()
        print(f"out of service: the terminal {self.broken}. Mend it, then start it again", file=sys.stderr)
        serial = self.view.serial + 1 if self.view else 1
        self._show(View(serial, "out_of_service", self.config.site.locale, {"reason": "maintenance"}))

    # ------------------------------------------------------------ the screen

    def _show(self, view: View) -> None:
        self.view = view
        self.pictures += 1
        if self._window is not None:
            try:
                self._window.show(view)
            except ScreenError as error:
                self.complain(f"screen {view.screen}", error)
        if view.screen == "idle" and not self._said_in_service:
            self._said_in_service = True
            self._say("in service")

    def complain(self, about: str, error: Exception) -> None:
        """Tell of a mistake once."""
        if about not in self._complained:
            self._complained.add(about)
            print(f"{about}: {error}", file=sys.stderr)

    # ------------------------------------------------------------ what simulators begin with

    def _as_left(self, config: Config) -> Config:
        """Return the configuration with the cassettes as the journal left them: a simulated dispenser forgets when
        this process ends, and a real one does not.
        """
        file = self.folder / "journal.db"
        if not file.exists():
            return config
        journal = Journal(file, self._key)
        try:
            recovered = recover(journal)
        finally:
            journal.close()
        if recovered.empty:
            return config
        rows = CashBook().after(recovered.moves).as_data()
        left = {row["unit"]: row["count"] for row in rows if row["place"] == Place.CASSETTE.value}
        cash = config.site.cash
        units = [u.model_copy(update={"load": max(0, left.get(u.id, 0))}) for u in cash.units]
        return replace(config, site=config.site.model_copy(update={"cash": cash.model_copy(update={"units": units})}))


__all__ = ["Gone", "LineError", "Live"]
