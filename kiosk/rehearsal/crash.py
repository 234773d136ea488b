"""Crash points: the power is cut at every place where a cut could matter, once each, and the books are compared.

The places are counted, not configured: a first run of the service's plain scenario calls `point` before and after every
journal commit and before and after every effect, and notes at which instants each note left the dispenser and where
each note that went in was on its way through the acceptor. Then the same scenario is played once for each place and
each kind of cut:

    restart   the terminal's process dies; devices and bank go on, bytes under way are lost
    power     the devices lose their power, too
    amnesia   and the dispenser forgets its last order

After the cut the terminal starts from its journal file, settles, and everything is judged as in any rehearsal.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from kiosk.config import ROOT, Config
from kiosk.journal.journal import Journal
from kiosk.rehearsal.checks import money_errors, violations
from kiosk.rehearsal.scenario import Scenario, load_scenario
from kiosk.rehearsal.world import PowerCut, World
from kiosk.turn import Words

SCENARIOS: Final = ROOT / "models" / "scenarios"
PROBE_EVERY_MS: Final = 25  # a note takes some 150 ms
Kind = Literal["restart", "power", "amnesia"]
KINDS: Final[tuple[Kind, ...]] = ("restart", "power", "amnesia")


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """One cut and what came of it."""

    name: str
    errors: tuple[str, ...]


@dataclass
class CrashResult:
    """All cuts of a service."""

    service: str
    points: list[CrashPoint] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.points) and not any(p.errors for p in self.points)

    def summary(self) -> str:
        recovered = sum(not p.errors for p in self.points)
        money = sum(len(p.errors) for p in self.points)
        return f"crash points: {len(self.points)}; recovered: {recovered}; money errors: {money}"


class _Counter:
    """Counts points, and cuts at one of them."""

    def __init__(self, cut_at: int = 0, *, devices: bool = False) -> None:
        self.names: list[str] = []
        self._cut_at = cut_at
        self._devices = devices

    def __call__(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) == self._cut_at:
            raise PowerCut(devices=self._devices)


def known_as(service: str) -> str:
    """Return the name under which a service is rehearsed: ``topup`` is ``top_up``. Raises LookupError naming all."""
    names = sorted(folder.name for folder in SCENARIOS.iterdir() if (folder / "plain.yaml").is_file())
    for name in names:
        if name.replace("_", "") == service.replace("_", "").replace("-", ""):
            return name
    raise LookupError(f"no crash points for {service!r}; there are: {', '.join(names)}")


def crash_points(
    service: str, config: Config, words: Words, *, journal_type: type[Journal] = Journal, every: int = 1
) -> CrashResult:
    """Try every crash point of a service; with `every` only each n-th, for a quick look. Raises DocumentError."""
    scenario = load_scenario(SCENARIOS / service / "plain.yaml")
    options: dict[str, Any] = {"words": words, "journal_type": journal_type}
    result = CrashResult(service)
    counter = _Counter()
    world = World(scenario, config, point=counter, **options)
    world.run()
    world.close()
    notes = sum(world.notes_out().values())
    instants = _instants_of_notes(scenario, config, options, notes)
    inside = _instants_inside(scenario, config, options)
    for kind in KINDS:
        for number in range(1, len(counter.names) + 1, every):
            cut = _Counter(number, devices=kind != "restart")
            name = f"{kind} #{number} {counter.names[number - 1]}"
            result.points.append(_try(name, _of_kind(scenario, kind), config, options, point=cut))
        for count, at_ms in instants.items():
            name = f"{kind} after {count} of {notes} notes"
            result.points.append(_try(name, _of_kind(scenario, kind), config, options, at_ms=at_ms, kind=kind))
        for where, at_ms in inside.items():
            name = f"{kind} with {where}"
            result.points.append(_try(name, _of_kind(scenario, kind), config, options, at_ms=at_ms, kind=kind))
    return result


def _of_kind(scenario: Scenario, kind: Kind) -> Scenario:
    if kind != "amnesia":
        return scenario
    return scenario.model_copy(update={"world": scenario.world.model_copy(update={"dispenser_forgets": True})})


def _instants_of_notes(scenario: Scenario, config: Config, options: dict[str, Any], notes: int) -> dict[int, int]:
    """Return, for each number of notes out, the first instant (probed) at which so many are out and more will come."""
    found: dict[int, int] = {}
    world = World(scenario, config, **options)

    def probe() -> None:
        state = world.dispenser_state()
        count = sum(world.notes_out().values())
        if state["moving"]:
            found.setdefault(count, world.clock.now_ms())
        if count < notes:
            world.at(world.clock.now_ms() + PROBE_EVERY_MS, "probe", probe)

    world.at(0, "probe", probe)
    world.run()
    world.close()
    return {count: at for count, at in found.items() if count <= notes and at}


def _instants_inside(scenario: Scenario, config: Config, options: dict[str, Any]) -> dict[str, int]:
    """Return, for each note fed and each phase of the acceptor, the first instant (probed) at which it was in it."""
    found: dict[str, int] = {}
    world = World(scenario, config, **options)
    if "note_acceptor" not in world.sims:
        return found
    phases = ["idle"]

    def probe() -> None:
        phase = str(world.sims["note_acceptor"].state()["phase"])
        if phase != phases[-1]:
            phases.append(phase)
            if phase != "idle":
                found.setdefault(f"note {phases.count('reading')} {phase}", world.clock.now_ms())
        if phases.count("reading") < len(scenario.person.feeds) or phase != "idle":
            world.at(world.clock.now_ms() + PROBE_EVERY_MS, "probe", probe)

    if scenario.person.feeds:
        world.at(0, "probe", probe)
    world.run()
    world.close()
    return found


def _try(
    name: str,
    scenario: Scenario,
    config: Config,
    options: dict[str, Any],
    *,
    point: Callable[[str], None] | None = None,
    at_ms: int = 0,
    kind: Kind = "restart",
) -> CrashPoint:
    with tempfile.TemporaryDirectory(prefix="kiosk-crash-") as folder:
        more: dict[str, Any] = {"point": point} if point else {}
        world = World(scenario, config, journal_file=Path(folder) / "journal.db", **options, **more)
        if at_ms:
            world.at(at_ms, "cut", lambda: world.cut(devices=kind != "restart", for_ms=20_000))
        try:
            world.run()
            errors = money_errors(world)
            errors += violations(world)
            if not world.cuts:
                errors.append("the cut never came: this point was not reached again")
            open_cases = [e.data["case"] for e in world.entries if e.kind == "case_opened"]
            closed = {e.data["case"] for e in world.entries if e.kind == "case_closed"}
            errors += [f"case {case} was never closed" for case in open_cases if case not in closed]
        except Exception as error:
            errors = [f"{type(error).__name__}: {error}"]
        finally:
            world.close()
    return CrashPoint(name, tuple(errors))
