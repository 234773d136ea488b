"""A panel in a terminal to operate a simulated device by hand: acts and faults by number, its state, its frames.

It needs a terminal that can move its cursor, nothing more: it works over ssh. The simulator stands on a
pseudo-terminal, so that any program may use it; with `drive` our own driver does, and takes commands here.
`play` does the same from a list of lines, in virtual time and without a terminal.
"""

from __future__ import annotations

import contextlib
import os
import select
import termios
import tty
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from drivers.base.clock import MonotonicClock
from drivers.base.errors import LocalProtocolError
from drivers.sim.device import SimDevice
from drivers.sim.pty import serve_pty
from kiosk.devicekit.bench import Bench, Hands, PtyHands
from kiosk.devicekit.check import Failed, Steps
from kiosk.devicekit.frames import Entry
from kiosk.devicekit.orders import COMMANDS, Order, command_of, fitting, parse
from kiosk.devicekit.session import bench_in_memory, bench_on_live_pty
from kiosk.devicekit.units import Unit
from kiosk.devicekit.watch import WatchedDevice

FRAMES_KEPT: Final = 200
REFRESH_S: Final = 0.1
SETTLE_MS: Final = 3_000  # of virtual time behind each line that is played


def menu(device: SimDevice, ability: str, *, drive: bool) -> list[tuple[str, str, str]]:
    """Return what can be done, in the order of its numbers: (line to be given, what it does, arguments)."""
    found = [(act.name, act.does, _hint(act.arguments)) for act in device.acts.values()]
    found += [(f"fault {fault.name}", fault.does, _hint(fault.arguments)) for fault in device.faults.values()]
    if drive:
        found += [(f"command {verb}", "the driver's command", "") for verb in COMMANDS[ability]]
    return [*found, ("heal", "clear every fault", ""), ("power off", "cut the power", ""), ("power on", "", "")]


def expand(line: str, entries: Sequence[tuple[str, str, str]]) -> str:
    """Put the line behind a number in its place. Raises ValueError for a number that nothing has."""
    head, _, rest = line.strip().partition(" ")
    if not head.isdigit():
        return line
    if not 1 <= int(head) <= len(entries):
        raise ValueError(f"{head}: the numbers are 1 to {len(entries)}")
    return f"{entries[int(head) - 1][0]} {rest}".strip()


def do(order: Order, hands: Hands) -> None:
    """Carry out an order that needs hands only. Raises ValueError and TypeError as the simulator does."""
    if order.kind == "act":
        hands.act(order.name, **order.arguments)
    elif order.kind == "fault":
        hands.strike(order.name, **order.arguments)
    elif order.kind == "heal":
        hands.heal()
    elif order.kind == "power":
        hands.power(order.name == "on")
    else:
        raise ValueError(f"{order.kind}: not here; start the console with --drive")


# ------------------------------------------------------------ without a terminal


def play(unit: Unit, lines: Sequence[str], told: Callable[[str], None]) -> bool:
    """Do `lines` one after the other on a fresh simulator with its driver; tell frames and the state at the
    end. Returns whether every line could be done.
    """
    bench = bench_in_memory(unit)
    bench.follow = lambda entry: told(entry.line())
    good = True
    try:
        bench.run(bench.start())
        for line in lines:
            try:
                bench.run(_steps(bench, unit, parse(line)))
            except (ValueError, TypeError, LocalProtocolError, Failed) as error:
                told(f"{line}: {error}")
                good = False
                break
        told("state:")
        for name, value in bench.sim.state().items():
            told(f"  {name}: {value}")
    finally:
        bench.close()
    return good


def _steps(bench: Bench, unit: Unit, order: Order) -> Steps[None]:
    if order.kind == "wait":
        yield from bench.pause(order.arguments["ms"])
        return
    if order.kind == "command":
        bench.submit(command_of(unit.ability, order, bench.ticket()))
    else:
        bench.note(" ".join([order.kind, order.name, *(f"{n}={v}" for n, v in _shown(order).items())]))
        hands = bench.sim
        do(fitting(unit.simulator(bench.clock), order), hands)
    yield from bench.pause(SETTLE_MS)


def _shown(order: Order) -> Mapping[str, object]:
    """Return the arguments with what is secret masked."""
    secret = {"track1", "track2", "track3", "pin", "pan", "key", "tmk"}
    return {name: "***" if name in secret else value for name, value in order.arguments.items()}


# ------------------------------------------------------------ on a terminal


class Desk:
    """What the panel shows, and what its lines do."""

    def __init__(self, unit: Unit, *, drive: bool) -> None:
        self.unit, self.frames, self.message, self.typed = unit, deque[Entry](maxlen=FRAMES_KEPT), "", ""
        self.bench: Bench | None = None
        self._clock = MonotonicClock()
        if drive:
            self.bench = bench_on_live_pty(unit)
            self.bench.follow = self.frames.append
            hands = self.bench.hands
            assert isinstance(hands, PtyHands)
            self.hands: PtyHands = hands
            self.bench.driver.connect()
        else:
            device = WatchedDevice(unit.simulator(self._clock), self._clock, unit.decoder(), self.frames.append)
            self.hands = PtyHands(serve_pty(device, self._clock), device)
        self.device = unit.simulator(self._clock)  # asked only for what it can do
        self.menu = menu(self.device, unit.ability, drive=drive)

    def give(self, line: str) -> None:
        """Do one line; what goes wrong becomes the message."""
        try:
            order = fitting(self.device, parse(expand(line, self.menu)))
            if order.kind == "command" and self.bench is not None:
                self.bench.submit(command_of(self.unit.ability, order, self.bench.ticket()))
            else:
                do(order, self.hands)
        except (ValueError, TypeError, LocalProtocolError) as error:
            self.message = str(error)
        else:
            self.message = f"done: {order.kind} {order.name}"

    def pump(self) -> None:
        if self.bench is not None:
            self.bench.pump()

    def close(self) -> None:
        if self.bench is not None:
            self.bench.close()
        else:
            self.hands.server.stop()

    def draw(self, height: int) -> RenderableType:
        layout = Layout()
        layout.split_column(Layout(name="top"), Layout(self._line(), name="line", size=4))
        layout["top"].split_row(Layout(self._menu(), name="menu", ratio=4), Layout(name="right", ratio=6))
        state = self._state()
        layout["right"].split_column(
            Layout(state, size=min(len(self.hands.state()) + 2, height // 2)), Layout(name="f")
        )
        rows = max(3, height - 4 - min(len(self.hands.state()) + 2, height // 2) - 2)
        layout["f"].update(Panel(self._frames(rows), title="frames", border_style="dim"))
        return layout

    def _menu(self) -> Panel:
        table = Table.grid(padding=(0, 1))
        for number, (line, _does, hint) in enumerate(self.menu, start=1):
            style = "yellow" if line.startswith("fault") else "cyan" if line.startswith("command") else "green"
            text = Text.assemble((line.removeprefix("fault ").removeprefix("command "), style), (f" {hint}", "dim"))
            table.add_row(Text(str(number), "bold"), text)
        return Panel(table, title="[green]hands[/] [yellow]faults[/]" + (" [cyan]commands[/]" if self.bench else ""))

    def _state(self) -> Panel:
        table = Table.grid(padding=(0, 2))
        for name, value in self.hands.state().items():
            table.add_row(Text(name, "dim"), Text(_short(value), overflow="ellipsis", no_wrap=True))
        return Panel(table, title=f"{self.unit.maker}   {self.hands.server.path}")

    def _frames(self, rows: int) -> Group:
        styles = {"to_device": "cyan", "from_device": "magenta", "note": "yellow"}
        shown = list(self.frames)[-rows:]
        return Group(*(Text(e.line(), styles[e.direction], overflow="ellipsis", no_wrap=True) for e in shown))

    def _line(self) -> Panel:
        hint = Text("number or name, then name=value ...; Enter does it; q leaves", "dim")
        return Panel(
            Group(Text.assemble(("> ", "bold"), self.typed, ("█", "blink")), Columns([Text(self.message), hint]))
        )


@contextlib.contextmanager
def _keys(descriptor: int) -> Iterator[None]:
    """Let keys through one by one; put the terminal back afterwards."""
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSANOW)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def type_key(desk: Desk, key: str) -> bool:
    """Take one key; return whether to go on."""
    if key in ("\r", "\n"):
        line, desk.typed = desk.typed.strip(), ""
        if line in ("q", "quit"):
            return False
        if line:
            desk.give(line)
    elif key in ("\x7f", "\x08"):
        desk.typed = desk.typed[:-1]
    elif key in ("\x03", "\x04"):
        return False
    elif key.isprintable():
        desk.typed += key
    return True


def run_panel(unit: Unit, *, drive: bool, console: Console, descriptor: int = 0) -> None:
    """Show the panel until it is left with q."""
    desk = Desk(unit, drive=drive)
    try:
        with _keys(descriptor), Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(desk.draw(console.height), refresh=True)
                ready, _, _ = select.select([descriptor], [], [], REFRESH_S)
                if ready:
                    keys = os.read(descriptor, 256).decode("utf-8", "replace")
                    if not keys or not all(type_key(desk, key) for key in keys):
                        return
                desk.pump()
    finally:
        desk.close()


def _hint(arguments: Mapping[str, str]) -> str:
    return " ".join(f"{name}=" for name in arguments)


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return "  ".join(f"{name} {_short(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return f"{len(value)}: {str(value[-1])[:60]}" if value else "none"
    return "none" if value is None else str(value)
