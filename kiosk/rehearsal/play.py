"""Playing scenarios: one world each, judged, counted."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kiosk.config import Config
from kiosk.rehearsal.checks import money_errors, unmet, violations
from kiosk.rehearsal.scenario import Scenario
from kiosk.rehearsal.world import World
from kiosk.strict_yaml import DocumentError
from kiosk.turn import Words

EDGE_CASES = 123


@dataclass
class Played:
    """What came of one scenario."""

    scenario: Scenario
    unmet: list[str] = field(default_factory=list)
    money: list[str] = field(default_factory=list)
    violated: list[str] = field(default_factory=list)
    failure: str = ""
    world: World | None = None

    @property
    def passed(self) -> bool:
        return not (self.unmet or self.money or self.violated or self.failure)


def judge(played: Played, world: World) -> None:
    """Judge what the scenario expects, the money and the norms."""
    played.unmet = unmet(world)
    judge_all(played, world)


def judge_all(played: Played, world: World) -> None:
    """Judge what must hold after any scenario: the money, and the norms."""
    played.money = money_errors(world)
    played.violated = violations(world)


def play(
    scenario: Scenario,
    config: Config,
    words: Words,
    *,
    judge: Callable[[Played, World], None] = judge,
    **options: Any,
) -> Played:
    """Play one scenario and judge it. A crash of the terminal is a failure with its traceback, not an exception."""
    played = Played(scenario)
    world: World | None = None
    try:
        world = World(scenario, config, words=words, **options)
        played.world = world
        world.run()
        judge(played, world)
    except DocumentError:
        raise  # a flow or a configuration is wrong: no scenario can play
    except Exception:
        played.failure = traceback.format_exc()
    finally:
        if world is not None:
            world.close()
    return played


def summary(played: Iterable[Played]) -> str:
    """Return the closing line."""
    results = list(played)
    passed = sum(p.passed for p in results)
    proved = {number for p in results if p.passed for number in p.scenario.proves}
    money = sum(len(p.money) for p in results)
    violated = sum(len(p.violated) for p in results)
    return (
        f"scenarios: {passed} passed, {len(results) - passed} failed; "
        f"edge cases: {len(proved)} of {EDGE_CASES}; money errors: {money}; norms violated unexpectedly: {violated}"
    )
