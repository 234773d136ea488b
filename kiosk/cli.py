"""The command line: one command per thing a person does with the terminal. Heavy imports happen inside commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kiosk import analyst
from kiosk.devicekit.cli import add_to as add_devicekit
from kiosk.strict_yaml import DocumentError

app = typer.Typer(
    name="kiosk", help="The open software of a self-service bank terminal.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip
journal_app = typer.Typer(help="Read, verify and export journals.", no_args_is_help=True)
app.add_typer(journal_app, name="journal")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration folder; the project's own if left out.")
]


def main() -> None:
    """Run the command line. A mistake in a document ends with its place and remedy and exit code 2."""
    try:
        app()
    except DocumentError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


@app.command()
def rehearse(
    path: Annotated[Path, typer.Argument(help="A scenario file, or a folder of them.")],
    transcript: Annotated[
        bool, typer.Option("--transcript", help="Print everything that happened, side by side.")
    ] = False,
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML report here.")] = None,
    strike: Annotated[
        int, typer.Option("--strike", min=0, help="Instead, strike the plain scenario with faults of so many seeds.")
    ] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The first seed of --strike.")] = 1,
    models: analyst.ModelsOption = analyst.MODELS,
    config: ConfigOption = None,
) -> None:
    """Play scenarios in virtual time, at byte level, and judge the money."""
    from kiosk.config import load_config

    if strike:
        _strike(path, strike, seed, transcript, report, config)
        return
    from kiosk.rehearsal.play import play, summary
    from kiosk.rehearsal.report import render_transcript, write_report
    from kiosk.rehearsal.scenario import load_scenarios
    from kiosk.rehearsal.strikes import resolved
    from kiosk.words import catalogue

    site = load_config(config)
    results = []
    for scenario in load_scenarios(path):
        scenario = resolved(scenario, site, catalogue())
        played = play(scenario, site, catalogue(), transcript=transcript or report is not None, models=models)
        results.append(played)
        print(f"{'passed' if played.passed else 'FAILED'}  {scenario.scenario}: {scenario.title}")
        for line in [
            *played.unmet, *(f"MONEY: {m}" for m in played.money), *(f"NORM: {v}" for v in played.violated),
            *played.failure.splitlines(),
        ]:  # fmt: skip
            print(f"        {line}")
        if transcript and played.world is not None:
            print(render_transcript(played.world))
    if report is not None:
        write_report(report, results)
    print(summary(results))
    if not all(p.passed for p in results):
        raise typer.Exit(1)


def _strike(path: Path, count: int, first: int, transcript: bool, report: Path | None, config: Path | None) -> None:
    """Strike a scenario, or the plain one of a folder, with faults by seed; each failure says how it is replayed."""
    from kiosk.config import load_config
    from kiosk.rehearsal.play import Played
    from kiosk.rehearsal.report import render_transcript, write_report
    from kiosk.rehearsal.scenario import load_scenario
    from kiosk.rehearsal.strikes import as_yaml, campaign
    from kiosk.words import catalogue

    file = path / "plain.yaml" if path.is_dir() else path
    if not file.exists():
        raise typer.BadParameter(f"{file}: there is no such scenario; name a service's folder, or one scenario")

    def told(seed: int, played: Played) -> None:
        wrong = [*(f"MONEY: {m}" for m in played.money), *played.failure.splitlines()]
        if wrong:
            print(f"FAILED  seed {seed}")
            for line in [*wrong, *as_yaml(played.scenario).splitlines()]:
                print(f"        {line}")
            print(f"        again: rehearse {file} --strike 1 --seed {seed} --transcript")
        if transcript and played.world is not None:
            print(render_transcript(played.world))

    shown = transcript or report is not None
    seeds = range(first, first + count)
    found = campaign(load_scenario(file), load_config(config), catalogue(), seeds, told=told, transcript=shown)
    if report is not None:
        write_report(report, [played for _, played in found.played])
    print(found.summary())
    if found.failed:
        raise typer.Exit(1)


@app.command()
def faults(
    write: Annotated[bool, typer.Option("--write", help="Put the tables into docs/guide/fault-model.md.")] = False,
) -> None:
    """Print every fault that can be struck: layer, cause, what the terminal must do, edge cases."""
    from kiosk.rehearsal import faultmodel

    if write:
        faultmodel.write()
        print(f"written: {faultmodel.GUIDE}")
    else:
        print(faultmodel.markdown(), end="")


@app.command()
def crash(
    service: Annotated[str, typer.Argument(help="The service whose crash points are tried, e.g. withdrawal.")],
    config: ConfigOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Name every crash point.")] = False,
) -> None:
    """Cut the power at every journal commit, before every effect and after every note; settle; compare the books."""
    from kiosk.config import load_config
    from kiosk.rehearsal.crash import crash_points, known_as
    from kiosk.words import catalogue

    try:
        name = known_as(service)
    except LookupError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    result = crash_points(name, load_config(config), catalogue())
    for point in result.points:
        if verbose or point.errors:
            print(f"{'recovered' if not point.errors else 'FAILED   '}  {point.name}  {'; '.join(point.errors)}")
    print(result.summary())
    if not result.passed:
        raise typer.Exit(1)


@app.command()
def menu(
    profile: Annotated[str, typer.Option("--profile", help="A capability profile; else the terminal's own.")] = "",
    without: Annotated[
        list[str] | None, typer.Option("--without", help="A device, ability or family it has not; again for more.")
    ] = None,
    broken: Annotated[
        list[str] | None, typer.Option("--broken", help="The same, there but out of order; again for more.")
    ] = None,
    host: Annotated[bool, typer.Option("--host/--no-host", help="Whether the host is online.")] = True,
    cash: Annotated[bool, typer.Option("--cash/--no-cash", help="Whether there are notes to pay.")] = True,
    card: Annotated[bool, typer.Option("--card/--no-card", help="Whether a card is in the reader.")] = True,
    config: ConfigOption = None,
) -> None:
    """Print the menu that a terminal would show, and why each service is offered, disabled or hidden."""
    from rich.console import Console
    from rich.table import Table

    from kiosk.compose import FAMILIES
    from kiosk.compose import menu as built
    from kiosk.config import load_config
    from kiosk.services.menu import Circumstances, device_named, explain

    site = load_config(config)
    chosen = profile or site.site.profile
    if chosen not in site.profiles:
        print(f"there is no profile {chosen!r}; profiles: {', '.join(site.profiles)}", file=sys.stderr)
        raise typer.Exit(2)
    families = {name: family.device for name, family in FAMILIES.items()}
    try:
        missing = frozenset(device_named(word, families) for word in without or ())
        out = frozenset(device_named(word, families) for word in broken or ())
    except ValueError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    installed = frozenset(site.devices.names) - missing
    partners = frozenset(a.kind for a in site.site.agreements)
    card, usable = card and "card_reader" in installed - out, installed - out
    by_cash = frozenset(a.kind for a in site.site.agreements if "cash" in a.pay_by)
    now = Circumstances(installed, usable, host, cash, card, partners, by_cash, paper="printer" in usable)
    title = f"menu of the profile {chosen}"
    for what, devices in (("without", missing), ("out of order:", out)):
        title += f", {what} {', '.join(sorted(devices))}" if devices else ""
    table = Table(title=title)
    for column in ("service", "place", "why"):
        table.add_column(column)
    for line in built().compute(site.profiles[chosen], now):
        there = ", ".join(built().needs(line.service)) or "nothing"
        table.add_row(line.service, line.place, explain(line) or f"what it needs is there: {there}")
    Console().print(table)


def _open_journal(file: Path, config: Path | None) -> object:
    from kiosk.config import load_config
    from kiosk.journal.journal import Journal

    if not file.exists():
        print(f"{file}: there is no such journal", file=sys.stderr)
        raise typer.Exit(2)
    return Journal(file, bytes.fromhex(load_config(config).host.keys.journal), read_only=True)


@journal_app.command("verify")
def journal_verify(file: Path, config: ConfigOption = None) -> None:
    """Check every record of a journal against its chain and its anchors."""
    from kiosk.journal.journal import Journal, JournalError

    journal = _open_journal(file, config)
    assert isinstance(journal, Journal)
    try:
        seen = journal.verify()
    except JournalError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{file}: {seen.entries} records, {seen.anchors} anchors, unbroken; last hash {seen.last_hash[:16]}")


@journal_app.command("show")
def journal_show(
    file: Path,
    kind: Annotated[
        list[str] | None, typer.Option("--kind", help="Only records of this kind; may be given again.")
    ] = None,
    after: Annotated[int, typer.Option("--after", help="Only records behind this number.")] = 0,
    config: ConfigOption = None,
) -> None:
    """Print a journal, one record a line."""
    from kiosk.journal.journal import Journal
    from kiosk.journal.record import canonical

    journal = _open_journal(file, config)
    assert isinstance(journal, Journal)
    for entry in journal.entries(after=after, kinds=kind or ()):
        print(f"{entry.seq:6} {entry.at} {entry.kind:20} {canonical(entry.data)}")


@journal_app.command("export")
def journal_export(file: Path, config: ConfigOption = None) -> None:
    """Print a journal as JSON lines, for the audit."""
    from kiosk.journal.journal import Journal
    from kiosk.journal.record import canonical

    journal = _open_journal(file, config)
    assert isinstance(journal, Journal)
    for entry in journal.entries():
        print(canonical(entry.as_data()))


# ---------------------------------------------------------------- the live terminal

VarOption = Annotated[Path, typer.Option("--var", help="Where the journal and the demo bank's books are kept.")]


@app.command()
def run(
    window: Annotated[
        bool | None, typer.Option("--window/--no-window", help="Open a window; by default if there is a display.")
    ] = None,
    bench_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the bench page; 0: any.")] = 0,
    config: ConfigOption = None,
    var: VarOption = Path("var"),
) -> None:
    """Run the terminal, with its window and its bench page, until it is interrupted."""
    from kiosk.run import run_terminal

    raise typer.Exit(run_terminal(config, var, window=window, bench_port=bench_port))


@app.command()
def doctor(config: ConfigOption = None, var: VarOption = Path("var")) -> None:
    """Look whether this machine has what the terminal needs, and say what to do about what is missing."""
    from kiosk.doctor import examine

    findings = examine(config, var)
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'note' if finding.optional else 'FAIL'}  {finding.what}: {finding.found}")
        if not finding.well:
            print(f"      {finding.remedy}")
    if any(not f.well and not f.optional for f in findings):
        raise typer.Exit(1)


device_app = typer.Typer(help="Simulated devices for anybody's program.", no_args_is_help=True)
app.add_typer(device_app, name="device")


@device_app.command("list")
def device_list() -> None:
    """Name the device families, what they can do, and where what we know of them comes from."""
    from kiosk.run import family_table

    print(family_table())


@device_app.command("serve")
def device_serve(
    name: Annotated[str, typer.Argument(help="card_reader, pin_pad, dispenser, printer, note_acceptor, ...")],
    profile: Annotated[str, typer.Option("--profile", help="The device family, see `kiosk device list`.")] = "",
    tcp: Annotated[int | None, typer.Option(min=0, max=65_535, help="Serve on this port of 127.0.0.1.")] = None,
    config: ConfigOption = None,
) -> None:
    """Serve a simulated device on a pseudo-terminal, or on a TCP port, until interrupted; print what to open."""
    from kiosk.run import serve_device

    try:
        serve_device(name, profile, tcp, config)
    except ValueError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


# ---------------------------------------------------------------- the technician's kit: selftest, probe, trace, console

add_devicekit(device_app)


bench_app = typer.Typer(help="Measure this machine against the budgets.", invoke_without_command=True)
app.add_typer(bench_app, name="bench")


@bench_app.callback()
def bench(
    context: typer.Context,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Only this benchmark; may be given again.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")] = None,
) -> None:
    """Run the benchmarks and show what is met. Exit code 1 if a budget is not, or a benchmark broke."""
    if context.invoked_subcommand is not None:
        return
    import json

    from rich.console import Console
    from rich.table import Table

    from kiosk.benchmarks import BENCHES, run

    for name in only or ():
        if name not in BENCHES:
            print(f"no benchmark {name!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
            raise typer.Exit(2)
    table = Table("what", "measured", "budget", "", "note")
    rows = []
    for name, m in run(tuple(only or ())):
        budget = "" if m.budget is None else f"{'at least' if m.at_least else 'at most'} {m.budget:,g}"
        figure = "" if m.value is None else f"{m.value:,.{0 if m.value >= 100 else 2}f} {m.unit}"
        table.add_row(m.what, figure, budget, m.verdict, m.note)
        rows.append({"bench": name, **m.as_data()})
    Console().print(table)
    if json_file is not None:
        json_file.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if any(row["verdict"] in ("not met", "broken") for row in rows):
        raise typer.Exit(1)


@bench_app.command("fuzz")
def bench_fuzz(
    frames: Annotated[int, typer.Option("--frames", min=1, help="Damaged frames for each protocol.")] = 100_000,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same frames.")] = 1,
    protocol: Annotated[list[str] | None, typer.Option("--protocol", help="Only this one; may be given again.")] = None,
) -> None:
    """Feed damaged frames to every codec, driver and simulator; nothing unexpected may be raised."""
    from kiosk.benchmarks import module

    fuzzing = module("fuzz")
    strange = set(protocol or ()) - set(fuzzing.PROTOCOLS)
    if strange:
        print(f"no protocol {', '.join(strange)}; there are: {', '.join(fuzzing.PROTOCOLS)}", file=sys.stderr)
        raise typer.Exit(2)
    rows = fuzzing.fuzz(frames, seed, tuple(protocol or ()))
    print(f"seed {seed}")
    print(fuzzing.table(rows))
    if any(row.unexpected for row in rows):
        raise typer.Exit(1)


# ---------------------------------------------------------------- the analyst

analyst.mount(app)


if __name__ == "__main__":
    main()
