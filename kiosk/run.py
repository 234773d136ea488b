"""`kiosk run` and `kiosk device serve`: signals, window and pages around a live terminal."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from drivers.base.clock import MonotonicClock, WallCalendar
from kiosk.wake import Waker

if TYPE_CHECKING:
    from kiosk.live import Live
    from kiosk.web.server import BenchServer

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
LOOPBACK: Final = "127.0.0.1"
ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def has_display() -> bool:
    """Return whether a window could be seen on this machine."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def say(text: str) -> None:
    print(text, flush=True)


def run_terminal(folder: Path | None, var: Path, *, window: bool | None, bench_port: int) -> int:
    """Run the terminal until SIGINT or SIGTERM. Returns the exit code. Raises DocumentError for the configuration."""
    from drivers.base.errors import LineError
    from kiosk.config import load_config
    from kiosk.journal.journal import JournalError
    from kiosk.live import Live
    from kiosk.words import catalogue

    config = load_config(folder)
    clock = MonotonicClock()
    try:
        live = Live(config, var, clock=clock, calendar=WallCalendar(), words=catalogue(), say=say)
    except (LineError, JournalError, OSError, ValueError) as error:
        print(f"the terminal cannot start: {error}", file=sys.stderr)
        return 1
    with ExitStack() as opened:
        try:
            bench = _Bench(live, bench_port)
        except OSError as error:
            print(f"bench: port {bench_port} cannot be opened ({error}); choose another --bench-port", file=sys.stderr)
            live.close()
            return 1
        opened.callback(bench.stop)
        say(f"bench   {bench.url}")
        shown = None
        if window or (window is None and has_display()):
            from kiosk.ui.window import NoDisplay, Window

            try:
                shown = Window(live.renderer, clock, title=config.site.bank_name.get("en", "Kiosk"))
                opened.callback(shown.close)
            except NoDisplay as error:
                print(error, file=sys.stderr)
        if shown is None:
            say("no window: the bench page is the terminal's screen")
        with _ending(live.stop):
            try:
                live.run(shown, begun=bench.serve)
            except JournalError as error:
                print(f"out of service: {error}", file=sys.stderr)
                return 1
        if bench.failed:
            return 1
    say("ended")
    return 0


class _Bench:
    """The bench's door is open at once; what serves behind it is imported while the devices wake up, which takes them
    as long. Raises OSError if the port is taken.
    """

    def __init__(self, live: Live, port: int) -> None:
        self._live = live
        self._door = socket.create_server((LOOPBACK, port))
        self._token = secrets.token_urlsafe(16)
        self._server: BenchServer | None = None
        self._thread: threading.Thread | None = None
        self.failed = False

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._door.getsockname()[1]}/?token={self._token}"

    def serve(self) -> None:
        self._thread = threading.Thread(target=self._open, name="bench opens")
        self._thread.start()

    def _open(self) -> None:
        try:
            from kiosk.bench import LiveBench
            from kiosk.web.server import BenchServer

            self._server = BenchServer(LiveBench(self._live), token=self._token, door=self._door)
        except Exception:  # in a thread nobody would hear of it, and a terminal without its screen is none
            traceback.print_exc()
            self.failed = True
            self._live.stop()

    def stop(self) -> None:
        if self._thread is not None:
            self._thread.join()
        if self._server is not None:
            self._server.stop()
        self._door.close()


# family -> where its protocol is known from, and how sure that is; the whole story is in the device's README
KNOWN_FROM: Final[Mapping[str, tuple[str, str]]] = {
    "omron-3s4yr": ("maker's Data Transmission Specifications Rev A4; two open clients", "diagrams of it missing"),
    "szzt": ("two independent open clients", "no maker's document; authentication and scan codes uncertain"),
    "lcdm-4000": ("three open clients", "no maker's document; parity, reset and sensor bits uncertain"),
    "lcdm-2000": ("maker's LCDM-1000T V3.3T; two open clients", "LCDM-2000 additions from clients only"),
    "escpos": (
        "maker's Reliance reference (MIT); Epson, Citizen and Custom manuals",
        "status while printing differs by maker",
    ),
    "nv200": (
        "maker's GA138 and GA973 v2.2, all 382 packets recomputed; the maker's own C client",
        "note counters (58) and exit sensor (CE) not listed for this unit; jams' repetition uncertain",
    ),
    "smart-payout": (
        "maker's GA138 and GA973 v2.2; the maker's own C client for eSSP",
        "payout and eSSP from the maker's tables and printed packets; HOLD not listed for this unit",
    ),
    "ccnet": (
        "five open clients, one with captures of real units; excerpts of the maker's manual",
        "frames and states certain; reject names vary; answers to 3A, 51, 60 unknown",
    ),
    "honeywell": (
        "five of the maker's user guides; a recorded answer of a real scanner",
        "trigger and menu syntax certain; PREBK2, SUFBK2, TRGMOD3, 232ACK1 by the tables' structure",
    ),
}


def family_table() -> str:
    """Return families, what their drivers say they can do, the source of the protocol and its certainty."""
    from dataclasses import asdict

    from drivers.base.clock import SimClock
    from kiosk import compose
    from kiosk.devicekit.units import profiles_of_family

    lines = []
    for name, family in compose.FAMILIES.items():
        capabilities = asdict(family.driver(SimClock(), {}).capabilities)
        source, certainty = KNOWN_FROM[name]
        profiles = ", ".join(profiles_of_family(name))
        able = ", ".join(
            key if value is True else f"{key} {_told(value)}" for key, value in capabilities.items() if value
        )
        unable = ", ".join(key for key, value in capabilities.items() if value is False)
        lines += [
            f"{family.device:15} {name}",
            f"    profiles  {profiles}",
            f"    can       {able}",
            f"    cannot    {unable or '-'}",
            f"    source    {source}",
            f"    certainty {certainty}; drivers/{family.device}/README.md",
        ]
    return "\n".join(lines)


def _told(value: object) -> str:
    if isinstance(value, frozenset):
        value = tuple(sorted(value))
    return "/".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def serve_device(name: str, profile: str, tcp: int | None, folder: Path | None) -> None:
    """Serve one simulated device until SIGINT or SIGTERM. Raises ValueError for an unknown name or profile."""
    from dataclasses import replace

    from drivers.sim.pty import serve_pty, serve_tcp
    from kiosk import compose
    from kiosk.config import load_config

    config = load_config(folder)
    if name not in config.devices.names:
        raise ValueError(f"no device {name!r}; there are: {', '.join(config.devices.names)}")
    form = config.devices.of(name)
    if profile and profile != form.family:  # another family's settings would not fit
        form = form.model_copy(update={"family": profile, "settings": {}, "simulator": {}})
        config = replace(config, devices=config.devices.model_copy(update={name: form}))
    clock = MonotonicClock()
    device = compose.family_of(config, name).simulator(clock, config)
    waker = Waker()
    server = serve_pty(device, clock) if tcp is None else serve_tcp(device, clock, tcp)
    with server, _ending(waker.wake):
        say(server.path)
        waker.wait(None)
    waker.close()


@contextmanager
def _ending(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` when somebody ends this process; put the handlers back afterwards."""

    def ended(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, ended) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
