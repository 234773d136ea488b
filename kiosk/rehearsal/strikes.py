"""Strikes by seed: a seed picks faults of all layers, their arguments and their places, always the same ones.

The places are not configured. The scenario is played once without faults; the screens that it shows are where a fault
can begin, and the devices that it uses are what can be struck. What a seed picks is an ordinary list of faults, as
somebody could have written it into the scenario's file: it is printed when it fails, and becomes a scenario then.

After a strike only what must always hold is judged: the money, at the far ends; that the terminal comes to rest; that
it does not break. Norms that are violated are counted and shown, for a strike may break what a duty needs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drivers.sim.device import SimDevice
from drivers.sim.wire import DIRECTIONS, EFFECTS
from kiosk import compose
from kiosk.bank.personality import FAULTS as HOST_FAULTS
from kiosk.bank.personality import HostFault
from kiosk.config import Config
from kiosk.rehearsal.play import Played, judge_all, play
from kiosk.rehearsal.scenario import Deed, ExpectForm, FaultForm, Scenario, StruckForm
from kiosk.rehearsal.world import World
from kiosk.turn import Words

HOW_MANY: Final = (1, 1, 1, 2, 2, 3)
LAYERS: Final = ("device", "device", "device", "wire", "wire", "host", "host", "power", "unplug", "person")
NOT_BY_SEED: Final = frozenset({"fail"})  # ends with a code that somebody names: no physics, so no seed
PLACE_WITHIN_MS: Final = 6_000  # how long after a screen showed a fault may begin

_Draw = Callable[[random.Random, Mapping[str, Any]], Any]


def _one_of(*values: Any) -> _Draw:
    return lambda r, _: r.choice(values)


def _up_to(most: int, least: int = 0) -> _Draw:
    return lambda r, _: r.randint(least, most)


ARGUMENTS: Final[Mapping[tuple[str, str], _Draw]] = {
    ("", "after"): _up_to(4),
    ("", "nth"): _up_to(3, 1),
    ("", "notes"): _up_to(4),
    ("", "unit"): lambda r, known: r.choice(known["units"]),
    ("", "source"): lambda r, known: r.choice(known["units"]),
    ("", "stuck"): _one_of(True, False),
    ("", "suspected"): _one_of(True, False),
    ("", "in_answer"): _one_of(True, False),
    ("", "stays"): _one_of(True, False),
    ("", "keeps_keys"): _one_of(True, False),
    ("", "lines"): _up_to(30, 1),
    ("", "count"): _up_to(4),
    ("", "track"): _one_of("1", "2", "3"),
    ("", "passes"): _one_of(1, 2, 1_000),
    ("", "answers"): _up_to(4, 1),
    ("", "covered"): _one_of(True, False),
    ("", "kind"): _one_of("unverified", "unwritable", "misread", "eeprom_unwritable", "eeprom_sum"),
    ("", "part"): _one_of("ram", "eeprom", "flash"),
    ("", "key"): _one_of(0x30),
    ("jam", "place"): _one_of("chk", "diverter", "eject", "exit"),
    ("long_note", "place"): _one_of("eject", "exit"),
    ("count_mismatch", "place"): _one_of("chk", "diverter", "exit"),
    ("", "place"): _one_of("none", "exit", "inside"),
    ("card_reader", "at"): _one_of("intake", "eject", "capture"),
    ("printer", "at"): _one_of("print", "present", "retract"),
    ("dispenser", "sensor"): _one_of("EJT", "EXIT"),
    ("security_module", "code"): _up_to(0xDC, 0xD0),
    ("read_error", "code"): _one_of("40", "41", "42", "43", "44", "45", "46", "49"),
    ("write_error", "code"): _one_of("50", "51", "52", "53", "54", "55", "56"),
    ("", "reason"): _one_of("length", "not_recognised", "inhibited", "double"),
}
"""(fault, device or nothing, argument) -> how it is drawn."""
DEEDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "walks away": {"do": "walk_away"},
    "does nothing for a while": {"do": "nothing"},
    "presses cancel": {"do": "press", "value": "cancel"},
    "presses enter": {"do": "press", "value": "enter"},
    "touches cancel": {"do": "input", "value": "pressed_cancel"},
    "takes one note": {"do": "take_notes", "count": 1},
    "holds the card": {"do": "hold_card"},
    "takes the card early": {"do": "take_card"},
    "takes the paper early": {"do": "take_document"},
}


@dataclass(frozen=True)
class Ground:
    """Where a scenario can be struck: the screens it shows, the devices it has with their faults, the units."""

    screens: tuple[str, ...]
    faults: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]
    units: tuple[str, ...]


def ground_of(scenario: Scenario, config: Config, words: Words) -> Ground:
    """Play `scenario` without faults and see what there is to strike."""
    world = World(scenario.model_copy(update={"faults": [], "struck": None}), config, words=words)
    try:
        world.run()
        screens = tuple(dict.fromkeys(screen for screen in world.screens if screen != "starting"))
        return Ground(screens, faults_of(world.sims), tuple(world.config.site.notes))
    finally:
        world.close()


def faults_of(sims: Mapping[str, SimDevice]) -> Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Return device -> (fault, names of its arguments) for what a seed may strike."""
    return {
        device: tuple((f.name, tuple(f.arguments)) for f in sim.faults.values() if f.name not in NOT_BY_SEED)
        for device, sim in sims.items()
    }


def struck(scenario: Scenario, form: StruckForm, ground: Ground) -> Scenario:
    """Return `scenario` with the faults and deeds that the seed picks."""
    r = random.Random(f"{form.seed}")
    faults: list[FaultForm] = []
    deeds = list(scenario.person.does)
    for _ in range(form.count or r.choice(HOW_MANY)):
        layer = r.choice(form.layers or LAYERS)
        place: dict[str, Any] = {
            "on": r.choice(ground.screens), "after_ms": r.choice((0, r.randrange(1, PLACE_WITHIN_MS))),
        }  # fmt: skip
        if layer == "person":
            deed, within = r.choice(list(DEEDS.values())), [s for s in ground.screens if s != "idle"]
            deeds.insert(0, Deed(on=r.choice(within), after_ms=r.choice((100, 800, 20_000)), **deed))
        else:
            faults.append(FaultForm(**place, **_PICKS[layer](r, ground)))
    person = scenario.person.model_copy(update={"does": deeds})
    return scenario.model_copy(update={"faults": faults, "person": person, "seed": form.seed, "struck": None})


def _wire(r: random.Random, ground: Ground) -> dict[str, Any]:
    return {
        "wire": r.choice(sorted(ground.faults)),
        "effect": r.choice(EFFECTS),
        "direction": r.choice(DIRECTIONS),
        "nth": r.randint(1, 8),
        "at": r.randint(-4, 8),
        "by_ms": r.choice((5, 120, 700, 4_000)),
        "times": r.choice((1, 1, 2, 5)),
    }


def _device(r: random.Random, ground: Ground) -> dict[str, Any]:
    device = r.choice(sorted(d for d, faults in ground.faults.items() if faults))
    name, arguments = r.choice(ground.faults[device])
    return {"device": device, "fault": name, "args": arguments_of(r, device, name, arguments, ground.units)}


def arguments_of(
    r: random.Random, device: str, fault: str, names: Iterable[str], units: Sequence[str]
) -> dict[str, Any]:
    """Draw the arguments of a device fault; what `ARGUMENTS` does not know is left to the simulator."""
    drawn = {}
    for name in names:
        keys = ((fault, name), (device, name), ("", name))
        draw = next((ARGUMENTS[key] for key in keys if key in ARGUMENTS), None)
        if draw is not None:
            drawn[name] = draw(r, {"units": list(units)})
    return drawn


def _host(r: random.Random, _: Ground) -> dict[str, Any]:
    fault: HostFault = r.choice(list(HOST_FAULTS.values()))
    return {"host": fault.name, "nth": r.randint(1, 2), "times": r.choice((1, 1, 2))}


def _power(r: random.Random, _: Ground) -> dict[str, Any]:
    return {"power": r.choice(("cut", "restart")), "for_ms": r.choice((2_000, 8_000, 60_000))}


def _unplug(r: random.Random, ground: Ground) -> dict[str, Any]:
    return {"unplug": r.choice(sorted(ground.faults)), "for_ms": r.choice((300, 5_000, 90_000))}


_PICKS: Final[Mapping[str, Callable[[random.Random, Ground], dict[str, Any]]]] = {
    "wire": _wire,
    "device": _device,
    "host": _host,
    "power": _power,
    "unplug": _unplug,
}


def resolved(scenario: Scenario, config: Config, words: Words) -> Scenario:
    """Return `scenario` with its own ``faults: {seed: ...}`` made into faults; itself if it has none."""
    if scenario.struck is None:
        return scenario
    return struck(scenario, scenario.struck, ground_of(scenario, config, words))


@dataclass
class Campaign:
    """What came of many seeds."""

    scenario: Scenario
    played: list[tuple[int, Played]] = field(default_factory=list)

    @property
    def failed(self) -> list[tuple[int, Played]]:
        return [(seed, p) for seed, p in self.played if p.money or p.failure]

    def summary(self) -> str:
        faults = [f for _, p in self.played for f in p.scenario.faults]
        kinds = {(f.wire and f.effect) or f.fault or f.host or f.power or "unplug" for f in faults}
        violated = sum(bool(p.violated) for _, p in self.played)
        return (
            f"seeds: {len(self.played)}; faults struck: {len(faults)} of {len(kinds)} kinds; money errors: "
            f"{sum(len(p.money) for _, p in self.played)}; broken: {sum(bool(p.failure) for _, p in self.played)}; "
            f"seeds in which a norm was violated: {violated}"
        )


def campaign(
    scenario: Scenario,
    config: Config,
    words: Words,
    seeds: Iterable[int],
    *,
    told: Callable[[int, Played], None] = lambda _seed, _played: None,
    **options: Any,
) -> Campaign:
    """Play `scenario` once for each seed. Its own faults and expectations are set aside."""
    ground = ground_of(scenario, config, words)
    base = scenario.model_copy(update={"faults": [], "struck": None, "expect": ExpectForm()})
    found = Campaign(base)
    for seed in seeds:
        one = struck(base, StruckForm(seed=seed), ground)
        played = play(one, config, words, judge=judge_all, **options)
        found.played.append((seed, played))
        told(seed, played)
    return found


def as_yaml(scenario: Scenario) -> str:
    """Return what the seed picked as one would write it into a scenario's file."""
    lines = [f"seed: {scenario.seed}"]
    if scenario.faults:
        lines += ["faults:", *(f"  - {_flow(f.model_dump(exclude_defaults=True))}" for f in scenario.faults)]
    if scenario.person.does:
        lines += [
            "person:", "  does:",
            *(f"    - {_flow(d.model_dump(exclude_defaults=True))}" for d in scenario.person.does),
        ]  # fmt: skip
    return "\n".join(lines)


def _flow(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {_word(value)}" for name, value in values.items()) + "}"


def _word(value: Any) -> str:
    if isinstance(value, Mapping):
        return _flow(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) and (not value or value[0].isdigit()) else str(value)


def sims_of(config: Config) -> Mapping[str, SimDevice]:
    """Return a simulator of every device of the configuration, for whoever lists faults."""
    from drivers.base.clock import SimClock

    return compose.simulators(config, SimClock())
