"""The analyst's commands: models checked, drawn and tabled, flows proved, journals audited, suites measured.

Every command ends with 0 only when what it looked at is well; 1 says that something was found, 2 that it could not be
looked at (a mistake in a document, nothing there). Nothing loaded is never well.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

model_app = typer.Typer(help="Check and draw the models.", no_args_is_help=True)
norms_app = typer.Typer(help="Norms as tables.", no_args_is_help=True)
flow_app = typer.Typer(help="Flows as pictures.", no_args_is_help=True)

ROOT = Path(__file__).parents[1]
ModelsOption = Annotated[Path, typer.Option("--models", help="The model folder.")]
OutOption = Annotated[Path, typer.Option("-o", "--out", help="The file to write; its ending says the form.")]
MODELS = ROOT / "models"


def mount(app: typer.Typer) -> None:
    """Add the analyst's commands to the command line."""
    app.add_typer(model_app, name="model")
    app.add_typer(norms_app, name="norms")
    app.add_typer(flow_app, name="flow")
    app.command("verify")(verify)
    app.command("audit")(audit)
    app.command("explain")(explain)
    app.command("coverage")(coverage)
    app.command("trace")(trace)


def fail(message: str, code: int = 2) -> typer.Exit:
    print(message, file=sys.stderr)
    return typer.Exit(code)


def write(out: Path, data: str | bytes) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
    print(f"{out}: {out.stat().st_size:,} bytes")


@model_app.command("check")
def model_check(
    models: ModelsOption = MODELS,
    notes: Annotated[bool, typer.Option("--notes", help="Print notes, too.")] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Print how the monitor's memory grows.")] = False,
) -> None:
    """Check ontology, vocabulary, norms and flows together; print every finding with its place and remedy."""
    from semantics.check import check_models

    report = check_models(models)
    print(report.render(notes=notes))
    if memory:
        for norm, said in report.memory.items():
            print(f"{norm:12} {said}")
    if not report.ok:
        raise typer.Exit(1)


@model_app.command("draw")
def model_draw(
    out: OutOption,
    part: Annotated[list[str] | None, typer.Option("--part", help="Only this part; may be given again.")] = None,
    models: ModelsOption = MODELS,
) -> None:
    """Draw the ontology chart, or some parts of it, as SVG or PNG."""
    from semantics.drawing import DrawingError, png, svg
    from semantics.ontology import load_ontology

    ontology = load_ontology(models / "ontology")
    unknown = set(part or ()) - set(ontology.parts)
    if unknown:
        raise fail(f"there is no part {', '.join(sorted(unknown))}; there are: {', '.join(sorted(ontology.parts))}")
    try:
        write(out, png(ontology, part or None) if out.suffix == ".png" else svg(ontology, part or None))
    except DrawingError as error:
        raise fail(str(error)) from None


@norms_app.command("table")
def norms_table(
    out: OutOption,
    matrix: Annotated[bool, typer.Option("--responsibility", help="The responsibility matrix instead.")] = False,
    models: ModelsOption = MODELS,
) -> None:
    """Write all norms as a table: .html, .md or .csv."""
    from semantics.check import check_models
    from semantics.tables import HEAD, RESPONSIBILITY_HEAD, as_csv, as_html, as_markdown, responsibility_rows, rows

    report = check_models(models)
    if report.norms is None or not report.norms.norms:
        raise fail(f"{models / 'norms'}: there are no norms; kiosk model check says why")
    if not report.ok:
        raise fail(report.render())
    head = RESPONSIBILITY_HEAD if matrix else HEAD
    body = responsibility_rows(report.matrix) if matrix else rows(report.norms)
    forms = {".html": as_html, ".md": as_markdown, ".csv": as_csv}
    if out.suffix not in forms:
        raise fail(f"{out}: write to a file that ends in .html, .md or .csv")
    write(out, forms[out.suffix](head, body))


@norms_app.command("export")
def norms_export(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")],
    journal: Annotated[list[Path] | None, typer.Option("--journal", help="Write these journals as logs, too.")] = None,
    models: ModelsOption = MODELS,
) -> None:
    """Write norms and journals in MonPoly's language: a signature, a formula for each norm, logs; say what is left out.

    For each norm: monpoly -sig kiosk.sig -formula N-....mfotl -log JOURNAL.log
    """
    from semantics.audit import AuditError, read_journal
    from semantics.check import load_norms
    from semantics.monpoly import export, left_out_text, log

    norms = load_norms(models)
    made = export(norms)
    out.mkdir(parents=True, exist_ok=True)
    (out / "kiosk.sig").write_text(made.signature, encoding="utf-8")
    for name, formula in made.formulas.items():
        (out / f"{name}.mfotl").write_text(formula + "\n", encoding="utf-8")
    left_out = "\n".join(left_out_text(made))
    (out / "left_out.txt").write_text(left_out + "\n", encoding="utf-8")
    for file in journal or ():
        try:
            lines = log(made, norms, read_journal(file))
        except AuditError as error:
            raise fail(str(error)) from None
        (out / f"{file.stem}.log").write_text("\n".join(lines.lines) + "\n", encoding="utf-8")
        print(f"{file.stem}.log: {len(lines.lines)} time points")
        for event, count in sorted(lines.silent.items()):
            print(f"  {count} records {event!r} lack a datum that norms ask for, and say nothing there")
    print(f"{out}: {len(made.formulas)} formulas")
    print(left_out)


def verify(
    norm: Annotated[list[str] | None, typer.Argument(help="Only these norms; all, and the flows, if left out.")] = None,
    models: ModelsOption = MODELS,
    everything: Annotated[bool, typer.Option("--all", help="Name what holds, too.")] = False,
    conformance: Annotated[
        bool, typer.Option("--conformance", help="Hold the effect table against the journals of all scenarios instead.")
    ] = False,
    draw: Annotated[
        Path | None, typer.Option("--draw", help="Draw the way to each violation into this folder, as SVG.")
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option("--scenarios", help="Write a scenario that shows each violation into this folder.")
    ] = None,
) -> None:
    """Prove the flows that run against the norms; show the shortest way to every violation."""
    from kiosk.flow.chart import load_charts
    from semantics.actions import load_actions
    from semantics.analyses import impossible_deadlines
    from semantics.check import load_norms
    from semantics.verifier import verify as proved

    if conformance:
        conform(models)
        return
    norms = load_norms(models)
    gc.disable()  # the graph lives on: going through it for garbage again and again costs a fifth
    try:
        result = proved(load_charts(models / "flows"), load_actions(models), norms, only=norm or ())
    finally:
        gc.enable()
    late = [f for f in impossible_deadlines(norms, result.graph) if not norm or f.message.split(":")[0] in norm]
    known = {p.about for p in result.proofs}
    for wanted in norm or ():
        if wanted not in known:
            raise fail(f"{wanted}: there is no such norm, or no flow can do what it obliges to yet; kiosk model check")
    print(result.render(all_=everything or bool(norm)))
    print("\n".join(map(str, late)), end="\n" if late else "")
    if draw is not None:
        _draw(draw, result, norms)
    if scenarios is not None:
        _replay(scenarios, result, norms, models)
    if not result.ok or late:
        raise typer.Exit(1)


def _draw(folder: Path, result: Any, norms: Any) -> None:
    from semantics.counterexample import counterexamples, walks
    from semantics.drawing import DrawingError
    from semantics.way_drawing import way_svg

    for name, proof in counterexamples(result.proofs).items():
        if not walks(result.graph, proof.way):
            print(f"{proof.about}: no picture: its way is not one of the customer's flows")
            continue
        try:
            write(folder / f"{name}.svg", way_svg(result.graph, proof, norms))
        except DrawingError as error:
            raise fail(str(error)) from None


def _replay(folder: Path, result: Any, norms: Any, models: Path) -> None:
    from kiosk.config import load_config
    from kiosk.rehearsal import counterexample
    from kiosk.rehearsal.scenario import load_scenarios
    from kiosk.words import catalogue

    own = models / "scenarios"
    suite = list(load_scenarios(own if own.exists() else MODELS / "scenarios"))
    made = counterexample.replays(
        result.proofs, result.graph, norms, suite, load_config(None), catalogue(), models=models, say=print
    )
    files = counterexample.write(made, result.graph, folder)
    print(f"{len(files)} of {len(made)} counterexamples are scenarios: {folder}")


def conform(models: Path) -> None:
    """Play every scenario; name each step that the exploration does not allow, and each answer slower than it says."""
    from kiosk.config import load_config
    from kiosk.rehearsal.play import play
    from kiosk.rehearsal.scenario import load_scenarios
    from kiosk.words import catalogue
    from semantics.conformance import of_models

    model, config, words = of_models(models), load_config(None), catalogue()
    found: dict[str, None] = {}
    journals = count = 0
    for scenario in load_scenarios(models / "scenarios"):
        world = play(scenario, config, words).world
        if world is None:
            raise fail(f"{scenario.scenario}: could not be played; kiosk rehearse says why", 1)
        entries = [e.as_data() for e in world.entries]
        followed, stranger = model.play(scenario.scenario, entries)
        journals, count = journals + 1, count + followed
        if stranger is not None:
            found[str(stranger)] = None
        found |= dict.fromkeys(map(str, model.slow(scenario.scenario, entries)))
    print("\n".join([*found, f"{journals} journals, {count} steps: {len(found)} that the effect table does not allow"]))
    if found or not count:
        raise typer.Exit(1)


NormsOption = Annotated[Path, typer.Option("--norms", help="The folder of norms; words and chart stand beside it.")]


def audit(
    journals: Annotated[list[Path], typer.Argument(help="Journals: as the terminal left them, or exported.")],
    norms: NormsOption = MODELS / "norms",
    what_if: Annotated[Path | None, typer.Option("--what-if", help="Norm files that would stand instead.")] = None,
) -> None:
    """Judge recorded journals by norms; with --what-if say what other norms would have changed."""
    from semantics.audit import AuditError, audit_files, difference, norms_in

    try:
        result = audit_files(norms_in(norms), journals)
        if what_if is not None:
            print(difference(result, audit_files(norms_in(norms, what_if), journals)))
            return
    except AuditError as error:
        raise fail(str(error)) from None
    print(result.render())
    if not result.ok:
        raise typer.Exit(1)


def explain(
    journal: Annotated[Path, typer.Argument(help="The journal.")],
    verdict: Annotated[str, typer.Argument(help="The verdict's id, as kiosk audit prints it.")],
    norms: NormsOption = MODELS / "norms",
) -> None:
    """Say in words why a norm was violated: which, by whom, because of which records, under which source."""
    from semantics.audit import AuditError, audit_files, norms_in
    from semantics.audit import explain as explained

    try:
        print(explained(audit_files(norms_in(norms), [journal]), verdict))
    except AuditError as error:
        raise fail(str(error)) from None
    except LookupError as error:
        raise fail(str(error.args[0])) from None


ScenariosOption = Annotated[Path, typer.Option("--scenarios", help="The scenarios, a file or a folder.")]


def _measured(models: Path, scenarios: Path, *, changes: bool = False) -> tuple[Any, Any, Any, dict[str, list[int]]]:
    """Play every scenario and measure. Returns coverage, graph, norms, and what each scenario proves."""
    from kiosk.config import load_config
    from kiosk.flow.chart import load_charts
    from kiosk.rehearsal.play import play
    from kiosk.rehearsal.scenario import load_scenarios
    from kiosk.words import catalogue
    from semantics.actions import load_actions
    from semantics.check import load_norms
    from semantics.coverage import measure, try_changes
    from semantics.exploration import explore
    from semantics.verifier import rules_of

    charts, actions, norms = load_charts(models / "flows"), load_actions(models), load_norms(models)
    rules = rules_of(norms, actions)
    graph = explore(charts, actions, rules)
    beside = [explore(charts, actions, rules, root=r, region=r, cuts=False) for r in actions.beside if r in charts]
    config, journals, proves = load_config(None), [], {}
    for scenario in load_scenarios(scenarios):
        played = play(scenario, config, catalogue())
        if not played.passed or played.world is None:
            print(f"{scenario.scenario} failed, so what it shows does not count", file=sys.stderr)
            continue
        name = f"{Path(scenario.file).parent.name}/{scenario.scenario}"  # each service has a plain one
        journals.append((name, [e.as_data() for e in played.world.entries]))
        proves[name] = list(scenario.proves)
    if not journals:
        raise fail(f"{scenarios}: no scenario passed, so nothing is covered", 1)
    found = measure(norms, graph, beside, journals)
    if changes:
        try_changes(found, norms, journals)
    return found, graph, norms, proves


def coverage(
    out: OutOption,
    scenarios: ScenariosOption = MODELS / "scenarios",
    models: ModelsOption = MODELS,
    changes: Annotated[bool, typer.Option("--changes", help="Change each norm and see what notices (C9).")] = False,
    generate: Annotated[
        Path | None, typer.Option("--generate", help="Write scenarios for what is not shown into this folder.")
    ] = None,
) -> None:
    """Play the scenarios and write what they show of norms and flows, as a page."""
    from semantics.coverage import page
    from semantics.drawing import DrawingError
    from semantics.flow_drawing import flow_svg

    found, graph, norms, _ = _measured(models, scenarios, changes=changes)
    pictures: dict[str, str] = {}
    for name, chart in graph.charts.items():
        try:
            pictures[name] = flow_svg(chart, found.counts_of(name))
        except DrawingError as error:
            print(f"no pictures: {error}", file=sys.stderr)
            break
    write(out, page(found, pictures))
    print(found.render())
    if generate is not None:
        _generate(generate, found, graph, norms, scenarios)
    if found.surprising_arcs or found.never_in_force:
        raise typer.Exit(1)


def _generate(folder: Path, found: Any, graph: Any, norms: Any, scenarios: Path) -> None:
    from kiosk.config import load_config
    from kiosk.rehearsal.generate import generate, write
    from kiosk.rehearsal.goals import goals_of
    from kiosk.rehearsal.scenario import load_scenarios
    from kiosk.words import catalogue
    from semantics.verifier import rules_of

    goals = goals_of(found, graph, norms, rules_of(norms, graph.actions))
    device_of = {verb: order.device for verb, order in graph.actions.orders.items()}
    suite = list(load_scenarios(scenarios))
    made = generate(goals, graph.charts, device_of, suite, load_config(None), catalogue(), say=print)
    for goal in made.unreached:
        print(f"no scenario found: {goal}")
    files = write(made, folder)
    reached = len(goals) - len(made.unreached)
    print(f"{reached} of {len(goals)} goals reached by {len(made.kept)} scenarios in {made.plays} plays; {folder}")
    if made.finds:
        print(f"{len(made.finds)} proposals broke a norm or lost money: look at {folder / 'finds'}", file=sys.stderr)
    if not files:
        print("nothing was written", file=sys.stderr)


def trace(out: OutOption, scenarios: ScenariosOption = MODELS / "scenarios", models: ModelsOption = MODELS) -> None:
    """Write the trace from requirements and edge cases over norms and flows to scenarios, as a page."""
    from semantics.trace import load_requirements, page
    from semantics.trace import trace as traced

    requirements, cases = load_requirements(models / "requirements")
    found, graph, norms, proves = _measured(models, scenarios)
    result = traced(requirements, cases, norms, graph, found, proves)
    write(out, page(result))
    print(result.render())


@flow_app.command("draw")
def flow_draw(
    name: Annotated[str, typer.Argument(help="The flow, e.g. withdrawal.")],
    out: OutOption,
    models: ModelsOption = MODELS,
) -> None:
    """Draw a flow, from the chart that runs, as SVG or PNG."""
    from kiosk.flow.chart import load_charts
    from semantics.drawing import DrawingError
    from semantics.flow_drawing import flow_png, flow_svg

    charts = load_charts(models / "flows")
    if name not in charts:
        raise fail(f"there is no flow {name!r}; there are: {', '.join(charts)}")
    try:
        write(out, flow_png(charts[name]) if out.suffix == ".png" else flow_svg(charts[name]))
    except DrawingError as error:
        raise fail(str(error)) from None


@flow_app.command("export")
def flow_export(
    name: Annotated[str, typer.Argument(help="The service, e.g. withdrawal; or the root flow, for all services.")],
    norm: Annotated[str, typer.Option("--norm", help="The norm to look for a violation of.")],
    out: OutOption,
    models: ModelsOption = MODELS,
) -> None:
    """Write a flow with a norm in Promela, for SPIN; say what the language cannot express."""
    from kiosk.flow.chart import load_charts
    from semantics.actions import load_actions
    from semantics.check import load_norms
    from semantics.exploration import explore
    from semantics.promela import CannotExport, export
    from semantics.verifier import rules_of

    charts, actions, norms = load_charts(models / "flows"), load_actions(models), load_norms(models)
    if name not in charts:
        raise fail(f"there is no flow {name!r}; there are: {', '.join(charts)}")
    if norm not in norms.by_id:
        raise fail(f"there is no norm {norm!r}; kiosk model check")
    graph = explore(charts, actions, rules_of(norms, actions))
    if name in graph.missing:
        raise fail(f"{name} is left out of the exploration: models/vocabulary/actions.yaml does not describe it")
    try:
        made = export(graph, norms.by_id[norm], norms, flow="" if name == graph.root else name)
    except CannotExport as error:
        raise fail(str(error)) from None
    write(out, made.text)
    print("\n".join(f"not said: {x}" for x in made.left_out))
