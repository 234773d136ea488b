"""The technician's commands: `device selftest`, `probe`, `trace`, `console`. `add_to` mounts them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

Baud = Annotated[int | None, typer.Option("--baud", help="Speed of the port; the profile's own if left out.")]
ParityOption = Annotated[str | None, typer.Option("--parity", help="none, even or odd; the profile's own if left out.")]


def add_to(app: typer.Typer) -> None:
    """Add the technician's commands to the `device` command group."""
    app.command("selftest")(selftest)


def selftest(
    port: Annotated[str | None, typer.Argument(help="A serial port or URL; leave it out with --simulator.")] = None,
    simulator: Annotated[str | None, typer.Option("--simulator", help="Test this simulated profile, or 'all'.")] = None,
    profile: Annotated[str | None, typer.Option("--profile", help="What is connected at PORT.")] = None,
    pty: Annotated[bool, typer.Option("--pty", help="Serve the simulator on a pseudo-terminal, in real time.")] = False,
    long: Annotated[bool, typer.Option("--long", help="With --pty: also checks that wait out limits.")] = False,
    report: Annotated[Path | None, typer.Option("--report", help="Write HTML and JUnit XML into this folder.")] = None,
    unattended: Annotated[
        bool, typer.Option("--unattended", help="Nobody is at the device: skip what needs hands or moves value.")
    ] = False,
    baud: Baud = None,
    parity: ParityOption = None,
) -> None:
    """Hold a device, real or simulated, to the contract of its ability. Exit code 0 when it does, 1 when not."""
    from kiosk.devicekit.session import Place
    from kiosk.devicekit.units import UNITS

    if (port is None) == (simulator is None) or (port is not None and profile is None):
        raise typer.BadParameter("give --simulator NAME, or PORT with --profile NAME")
    names = list(UNITS) if simulator == "all" else [simulator or profile or ""]
    place = Place.PORT if port is not None else Place.PTY if pty else Place.MEMORY
    good = [_selftest(name, place, port, long, report, unattended, baud, parity) for name in names]
    raise typer.Exit(0 if all(good) else 1)


def _selftest(
    name: str,
    place: object,
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
    from kiosk.devicekit.session import Place, bench_in_memory, bench_on_port, bench_on_pty, run_session
    from kiosk.devicekit.units import unit_of

    console = Console(highlight=False)
    try:
        unit = unit_of(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    settings = serial_settings(unit.serial, baud, parity)
    person = None if unattended else Keyboard()
    where = port or ("pseudo-terminal" if place is Place.PTY else "in memory")

    def make():  # type: ignore[no-untyped-def]
        if place is Place.PORT:
            assert port is not None
            return bench_on_port(unit, port, settings, person)
        return bench_on_pty(unit, long=long) if place is Place.PTY else bench_in_memory(unit)

    colours = {Verdict.PASSED: "green", Verdict.SKIPPED: "yellow"}

    def tell(trial: Trial) -> None:
        word = f"[{colours.get(trial.verdict, 'bold red')}]{trial.verdict.value:8}[/]"
        console.print(f"{word} {trial.check.name}  [dim]{seconds(trial.took_ms) if trial.trace else ''}[/]")
        if trial.reason:
            console.print(
                f"         {trial.reason}", style="dim" if trial.verdict is Verdict.SKIPPED else "", markup=False
            )

    assert isinstance(place, Place)
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


def serial_settings(own: object, baud: int | None, parity: str | None):  # type: ignore[no-untyped-def]
    """Return the profile's line settings with what was given instead. Raises BadParameter."""
    import dataclasses

    from drivers.base.line import SerialSettings

    assert isinstance(own, SerialSettings)
    if parity not in (None, "none", "even", "odd"):
        raise typer.BadParameter(f"parity is none, even or odd, not {parity!r}")
    changed = own if baud is None else dataclasses.replace(own, baud=baud)
    kept: Literal["none", "even", "odd"] | None = parity  # type: ignore[assignment]
    return changed if kept is None else dataclasses.replace(changed, parity=kept)
