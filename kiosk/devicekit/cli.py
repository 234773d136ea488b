"""The technician's commands: `device selftest`, `probe`, `trace`, `console`. `add_to` mounts them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.base.line import SerialSettings
    from kiosk.devicekit.bench import Bench
    from kiosk.devicekit.frames import Entry
    from kiosk.devicekit.session import Place
    from kiosk.devicekit.watch import Proxy

Baud = Annotated[int | None, typer.Option("--baud", help="Speed of the port; the profile's own if left out.")]
ParityOption = Annotated[str | None, typer.Option("--parity", help="none, even or odd; the profile's own if left out.")]


def add_to(app: typer.Typer) -> None:
    """Add the technician's commands to the `device` command group."""
    app.command("selftest")(selftest)
    app.command("probe")(probe)
    app.command("trace")(trace)
    app.command("console")(console)


def selftest(
    port: Annotated[str | None, typer.Argument(help="A serial port or URL; leave it out with --simulator.")] = None,
    simulator: Annotated[str | None, typer.Option("--simulator", help="A profile, a device, or 'all'.")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="What is connected at PORT.")] = None,
    pty: Annotated[bool, typer.Option("--pty", help="Put the simulator on a pseudo-terminal.")] = False,
    live: Annotated[bool, typer.Option("--live", help="With --pty: in real time, minutes instead of seconds.")] = False,
    long: Annotated[bool, typer.Option("--long", help="With --live: also checks that wait out limits.")] = False,
    report: Annotated[Path | None, typer.Option("--report", help="Write HTML and JUnit XML into this folder.")] = None,
    unattended: Annotated[
        bool, typer.Option("--unattended", help="Nobody is at the device: skip what needs hands or moves value.")
    ] = False,
    baud: Baud = None,
    parity: ParityOption = None,
) -> None:
    """Hold a device, real or simulated, to the contract of its ability. Exit code 0 when it does, 1 when not."""
    from kiosk.devicekit.session import Place
    from kiosk.devicekit.units import profiles_of

    if (port is None) == (simulator is None) or (port is not None and profile is None):
        raise typer.BadParameter("give --simulator NAME, or PORT with --profile NAME")
    names = profiles_of(simulator) if simulator else [profile or ""]
    on_pty = Place.LIVE_PTY if live else Place.PTY
    place = Place.PORT if port is not None else on_pty if pty or live else Place.MEMORY
    good = [_selftest(name, place, port, long, report, unattended, baud, parity) for name in names]
    raise typer.Exit(0 if all(good) else 1)


def _selftest(
    name: str,
    place: Place,
    port: str | None,
    long: bool,
    report: Path | None,
    unattended: bool,
    baud: int | None,
    parity: str | None,
) -> bool:
    from rich.console import Console

    from drivers.base.clock import WallCalendar
    from drivers.base.errors import LineError
    from kiosk.devicekit.check import Trial, Verdict
    from kiosk.devicekit.person import Keyboard
    from kiosk.devicekit.report import seconds, write_reports
    from kiosk.devicekit.session import (
        Place,
        bench_in_memory,
        bench_on_live_pty,
        bench_on_port,
        bench_on_pty,
        run_session,
    )
    from kiosk.devicekit.units import unit_of

    console = Console(highlight=False)
    try:
        unit = unit_of(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    settings = serial_settings(unit.serial, baud, parity)
    person = None if unattended else Keyboard()
    where = port or ("in memory" if place is Place.MEMORY else "pseudo-terminal")

    def make() -> Bench:
        if place is Place.PORT:
            assert port is not None
            return bench_on_port(unit, port, settings, person)
        if place is Place.LIVE_PTY:
            return bench_on_live_pty(unit, long=long)
        return bench_on_pty(unit) if place is Place.PTY else bench_in_memory(unit)

    colours = {Verdict.PASSED: "green", Verdict.SKIPPED: "yellow"}

    def tell(trial: Trial) -> None:
        word = f"[{colours.get(trial.verdict, 'bold red')}]{trial.verdict.value:8}[/]"
        console.print(f"{word} {trial.check.name}  [dim]{seconds(trial.took_ms) if trial.trace else ''}[/]")
        if trial.reason:
            console.print(
                f"         {trial.reason}", style="dim" if trial.verdict is Verdict.SKIPPED else "", markup=False
            )

    console.print(f"[bold]{unit.maker}[/], {place.value}, {where}")
    try:
        session = run_session(unit, place, where, make, tried=tell)
    except LineError as error:
        print(error, file=sys.stderr)
        return False
    for wrong in session.wrong:
        console.print(f"[bold red]sweep[/]    {wrong}")
    counts = ", ".join(f"{session.count(verdict)} {verdict.value}" for verdict in Verdict)
    covered = f"; {session.coverage.share()}" if session.coverage is not None else ""
    console.print(f"{'[bold green]PASSED[/]' if session.passed else '[bold red]FAILED[/]'}  {counts}{covered}")
    if report is not None:
        for path in write_reports(report, session, WallCalendar().now()):
            console.print(f"written: {path}", markup=False)
    return session.passed


def probe(
    port: Annotated[str, typer.Argument(help="A serial port or URL.")],
    verbose: Annotated[bool, typer.Option("--verbose", help="Name each try.")] = False,
) -> None:
    """Find what is connected to a port, by questions that move nothing. Exit code 1 when nothing answers."""
    from drivers.base.errors import LineError
    from kiosk.devicekit import probe as probing

    try:
        found = probing.probe(port, (lambda text: print(f"trying {text}", file=sys.stderr)) if verbose else _nothing)
    except LineError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    if found is None:
        print(f"{port}: nothing answers. A card reader that was just switched on may be silent: try selftest with")
        print("its profile. Else check cable, power, and whether another program holds the port.")
        raise typer.Exit(1)
    rows = {
        "family": found.family,
        "profile": found.profile,
        "model": found.identity.model,
        "serial": found.identity.serial or "the device tells none",
        "firmware": found.identity.firmware or "the device tells none",
        "line": probing.shown(found.settings),
        "certainty": f"{found.certainty}{'; ' + found.doubt if found.doubt else ''}",
    }
    for name, value in rows.items():
        print(f"{name:10} {value}")


def trace(
    ports: Annotated[list[str] | None, typer.Argument(help="Ports to stand in front of.")] = None,
    profile: Annotated[list[str] | None, typer.Option("--profile", help="What is at each port, in order.")] = None,
    simulator: Annotated[
        str | None, typer.Option("--simulator", help="Serve and watch this simulated profile.")
    ] = None,
    baud: Baud = None,
    parity: ParityOption = None,
) -> None:
    """Print what goes over a line, decoded, until interrupted; other programs use the pseudo-terminal it names."""
    import threading

    from drivers.base.clock import MonotonicClock
    from drivers.base.errors import LineError
    from drivers.sim.pty import serve_pty
    from kiosk.devicekit.units import unit_of
    from kiosk.devicekit.watch import Proxy, WatchedDevice

    clock = MonotonicClock()

    def show(label: str, entry: Entry) -> None:
        print(f"{label}{entry.line()}", flush=True)

    try:
        if simulator is not None:
            unit = unit_of(simulator)
            device = WatchedDevice(unit.simulator(clock), clock, unit.decoder(), lambda entry: show("", entry))
            with serve_pty(device, clock) as server:
                print(f"{unit.name}: open {server.path}", flush=True)
                _until_interrupted()
            return
        names = list(profile or [])
        if not ports or len(names) != len(ports):
            raise typer.BadParameter("give each PORT its --profile, or --simulator NAME")
        proxies: list[Proxy] = []
        for port, name in zip(ports, names, strict=True):
            unit = unit_of(name)
            label = f"{port} " if len(ports) > 1 else ""
            settings = serial_settings(unit.serial, baud, parity)
            follow = _labelled(show, label)
            proxies.append(Proxy(port, settings, clock, unit.decoder(), follow, label))
            print(f"{port} ({unit.name}): open {proxies[-1].path} instead", flush=True)
        threads = [threading.Thread(target=_served, args=(proxy,), daemon=True) for proxy in proxies]
        for thread in threads:
            thread.start()
        _until_interrupted()
        for proxy, thread in zip(proxies, threads, strict=True):
            proxy.stop()
            thread.join()
            proxy.close()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    except LineError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


def console(
    name: Annotated[str, typer.Argument(help="The profile of the simulated device.")],
    do: Annotated[
        list[str] | None,
        typer.Option("--do", help="Do this instead of opening the panel, e.g. 'insert_card track2=...'; repeat it."),
    ] = None,
    drive: Annotated[
        bool, typer.Option("--drive", help="Let our driver use the device, and take its commands.")
    ] = False,
) -> None:
    """Operate a simulated device by hand: what hands can do, faults, state and frames. Exit code 1 if --do fails."""
    from rich.console import Console

    from kiosk.devicekit.console import play, run_panel
    from kiosk.devicekit.units import unit_of

    try:
        unit = unit_of(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if do:
        raise typer.Exit(0 if play(unit, do, print) else 1)
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal here: give --do")
    run_panel(unit, drive=drive, console=Console())


def _nothing(text: str) -> None:
    del text


def _labelled(show: Callable[[str, Entry], None], label: str) -> Callable[[Entry], None]:
    return lambda entry: show(label, entry)


def _served(proxy: Proxy) -> None:
    from drivers.base.errors import LineError

    try:
        proxy.serve()
    except LineError as error:
        print(error, file=sys.stderr)


def _until_interrupted() -> None:
    """Wait for SIGINT or SIGTERM; put the handlers back afterwards."""
    import signal
    import threading

    ended = threading.Event()
    ending = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda _number, _frame: ended.set()) for number in ending]
    ended.wait()
    for number, handler in zip(ending, before, strict=True):
        signal.signal(number, handler)


def serial_settings(own: SerialSettings, baud: int | None, parity: str | None) -> SerialSettings:
    """Return the profile's line settings with what was given instead. Raises BadParameter."""
    import dataclasses

    if parity not in (None, "none", "even", "odd"):
        raise typer.BadParameter(f"parity is none, even or odd, not {parity!r}")
    given = {name: value for name, value in (("baud", baud), ("parity", parity)) if value is not None}
    return dataclasses.replace(own, **given)  # type: ignore[arg-type]
