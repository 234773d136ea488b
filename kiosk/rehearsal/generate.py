"""Scenarios made of the exploration's ways: what a suite does not show yet, shown where a way can be walked for real.

A goal is an arc that was never taken, a norm that was never in force, or an act by which one was never fulfilled. The
exploration knows a shortest way to it in abstract steps; here it becomes a scenario:

- the customer and world are those of the plainest scenario of the suite for the service on the way;
- what the customer does on the way, and a good customer would not, becomes a deed at the screen it happens at;
- how a device or the host comes to answer so is not in the way. The faults that the suite itself uses for that device
  are tried, at that screen; and its cards and worlds, where an answer or a guard on the way depends on one.

A way is abstract, so each proposal is played: it counts only if its journal reaches the goal. What is kept expects the
screens it showed. A proposal that breaks a norm or loses money is no scenario but a find, and is kept apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import yaml

from kiosk.config import Config
from kiosk.flow.chart import Chart
from kiosk.rehearsal.play import Played, play
from kiosk.rehearsal.scenario import Scenario
from kiosk.turn import Words
from semantics.watch import SYSTEM, VIOLATION

PLAYS_MAX: Final = 24  # proposals for one goal
DEPTH_MAX: Final = 60  # steps of a way
USUAL: Final = frozenset({"done", "host_approved"})  # how devices and host answer if nothing is wrong
AT_PAD: Final = {"pressed_cancel": "cancel", "pressed_enter": "enter", "pressed_clear": "clear", "key_pressed": "1"}
BY_HAND: Final = frozenset({"enter_pin", "other_amount", "enter_digits", "enter_amount", "new_pin"})  # keyed on the pad
NOBODY: Final = frozenset({"", "starting", "idle"})  # screens at which nobody stands
# what a good customer does by habit at a screen; the value comes from the screen itself
HABITS: Final = frozenset({
    ("choose_amount", "chose_amount"), ("choose_mix", "chose_mix"), ("confirm_order", "chose_yes"),
    ("no_receipt", "chose_yes"), ("partial_offer", "chose_yes"), ("lower_offer", "chose_no"), ("another", "chose_no"),
    ("menu", "chose_service"), ("idle", "chose_service"), ("completed", "pressed_enter"), ("refused", "pressed_enter"),
    ("choose_one", "chose_one"), ("balance", "pressed_enter"), ("statement", "pressed_enter"),
    ("other_amount", "pressed_enter"), ("enter_digits", "pressed_enter"), ("enter_amount", "pressed_enter"),
})  # fmt: skip
BY_ITSELF: Final = frozenset(
    {"card_inserted", "card_taken", "document_taken", "pin_digits", "notes_taken_confirmed", "chose_language"}
)


class Step(Protocol):
    """One step of a way, as the exploration tells it."""

    @property
    def event(self) -> str: ...
    @property
    def by(self) -> str: ...
    @property
    def said(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Way:
    """Steps, and before each the flow and state in which it happens."""

    steps: Sequence[Step]
    places: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Goal:
    """What is to be shown, ways to it, and how to tell that a journal shows it."""

    name: str
    ways: Sequence[Way]
    reached: Callable[[Sequence[Mapping[str, Any]]], bool]


@dataclass(frozen=True)
class Pool:
    """What the suite itself uses: a plain scenario for each service, faults by device and host, worlds."""

    plain: Mapping[str, Scenario]
    faults: Mapping[str, tuple[Mapping[str, Any], ...]]
    worlds: tuple[Mapping[str, Any], ...]
    cards: tuple[str, ...] = ()


@dataclass
class Generated:
    """What came of all goals."""

    kept: dict[str, tuple[dict[str, Any], list[str]]] = field(default_factory=dict)  # name -> form, goals
    finds: dict[str, tuple[dict[str, Any], list[str]]] = field(default_factory=dict)  # name -> form, what went wrong
    unreached: list[str] = field(default_factory=list)
    plays: int = 0


def pool_of(suite: Iterable[Scenario]) -> Pool:
    """Return what a suite uses."""
    plain: dict[str, Scenario] = {}
    faults: dict[str, dict[str, Mapping[str, Any]]] = {}
    worlds: dict[str, Mapping[str, Any]] = {}
    cards: dict[str, None] = {}
    for scenario in suite:
        cards[scenario.person.card] = None
        service = scenario.person.service
        if (
            not scenario.faults
            and not scenario.person.does
            and (service not in plain or _weight(scenario) < _weight(plain[service]))
        ):
            plain[service] = scenario
        for fault in scenario.faults:
            form = fault.model_dump(exclude_defaults=True)
            form = {k: v for k, v in form.items() if k not in ("on", "showing")}
            device = fault.wire or fault.device or fault.unplug or ("host" if fault.host else "power")
            faults.setdefault(device, {}).setdefault(str(form), form)
        world = scenario.world.model_dump(exclude_defaults=True)
        if world and not scenario.world.journal_fails_after:  # no way asks for a journal that fails
            worlds.setdefault(str(world), world)
    return Pool(plain, {d: tuple(f.values()) for d, f in faults.items()}, tuple(worlds.values()), tuple(cards))


def _weight(scenario: Scenario) -> tuple[bool, int]:
    form = scenario.model_dump(include={"person", "world"}, exclude_defaults=True)
    return scenario.scenario != "plain", len(str(form))


def proposals(
    way: Way, charts: Mapping[str, Chart], device_of: Mapping[str, str], pool: Pool
) -> Iterator[dict[str, Any]]:
    """Yield the forms of scenarios (without name and expectation) that may walk a way, the likeliest first."""
    flows = [flow for flow, _ in way.places]
    service = next((f for f in reversed(flows) if f in pool.plain), "")
    chosen = [w for step in way.steps for w in step.said if w in pool.plain]
    usual = pool.plain.get("withdrawal") or next(iter(pool.plain.values()))
    base = pool.plain.get(service or (chosen[-1] if chosen else ""), usual)
    person = base.person.model_dump(exclude_defaults=True)
    if any(step.event == "chose_language" for step in way.steps):
        person["language"] = "en"
    world = base.world.model_dump(exclude_defaults=True)
    deeds: list[dict[str, Any]] = []
    wanted: list[list[dict[str, Any]]] = []  # for each odd answer, the faults to try
    shown, counts = "", dict[str, int]()
    for step, (flow, state) in zip(way.steps, way.places, strict=True):
        screen = charts[flow].states[state].screen
        if screen and screen != shown:
            shown = screen
            counts[screen] = counts.get(screen, 0) + 1
        here: dict[str, Any] = {"on": shown} if shown and shown != "idle" else {}
        if here and counts[shown] > 1:
            here["showing"] = counts[shown]
        match step.by:
            case "person" if step.event not in BY_ITSELF and (shown, step.event) not in HABITS:
                deeds.append({"on": shown or "idle", "nth": counts.get(shown, 1), **_deed(shown, step)})
            case "clock" if shown not in NOBODY:
                deeds.append({"on": shown, "nth": counts[shown], "do": "nothing"})
                deeds.append({"on": "more_time", "nth": 0, "do": "nothing"})
            case "device" if step.event.rpartition("_")[2] not in USUAL:
                verb, _, outcome = step.event.rpartition("_")
                wanted.append(_faults(device_of.get(verb, ""), outcome, here, pool))
            case "host" if step.event not in USUAL:
                code = next((s.split("'")[1] for s in step.said if s.startswith("code ")), "")
                faults = tuple(sorted(pool.faults.get("host", ()), key=lambda f: code not in str(f) or not code))
                # what the card is can be enough for a refusal
                by_card: list[dict[str, Any]] = [{}] if step.event == "host_declined" else []
                wanted.append([*by_card, *({**f, **here} for f in faults)])
            case "power":
                wanted.append([{"power": "cut", **here, "after_ms": ms} for ms in (200, 900, 3_000)])
            case _:
                pass
    choices = [[], *([d] for d in deeds[:-5:-1]), deeds[-2:], deeds[-4:], deeds] if deeds else [[]]
    choices = [c for n, c in enumerate(choices) if c not in choices[:n]]
    picks = _diagonal(wanted)
    held = sum(step.event == "cash_in_done" and "note_came" in step.said for step in way.steps)
    if person.get("feeds") and held:
        person["feeds"] = [*itertools.islice(itertools.cycle(person["feeds"]), max(held, len(person["feeds"])))]
    grounds: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [(person, world)]
    grounds += [({**person, "card": card}, world) for card in pool.cards if card != base.person.card]
    grounds += [(person, {**world, **w}) for w in pool.worlds]
    rounds = [(0, p, d) for p in range(len(picks)) for d in range(len(choices))]
    rounds += [(g, 0, d) for g in range(1, len(grounds)) for d in (0, len(choices) - 1)]
    for g, p, d in sorted(dict.fromkeys(rounds), key=lambda r: r[0] + r[1] - r[2] / 10):
        who, where = grounds[g]
        form: dict[str, Any] = {"person": {**who, "does": choices[d]} if choices[d] else who}
        if where:
            form["world"] = where
        if any(picks[p]):
            form["faults"] = [fault for fault in picks[p] if fault]
        yield form


def _deed(shown: str, step: Step) -> dict[str, Any]:
    """Return what a person does so that an event comes about."""
    if shown in BY_HAND and step.event in AT_PAD:
        return {"do": "press", "value": AT_PAD[step.event]}
    value = next((s.split(" ", 1)[1] for s in step.said if s.startswith(step.event)), "")
    return {"do": "input", "value": step.event + (f"={value}" if value else "")}


def _faults(device: str, outcome: str, here: Mapping[str, Any], pool: Pool) -> list[dict[str, Any]]:
    """Return the faults after which a device may answer so; where it is not known which device, any that comes off."""
    if not device:
        return [{"unplug": name, **here, "after_ms": 300} for name in pool.faults if name not in ("host", "power")]
    own = [dict(f) for f in pool.faults.get(device, ())]
    own.append({"unplug": device, "after_ms": 300, "for_ms": 60_000})
    line = [f for f in own if "device" not in f]
    itself = [f for f in own if "device" in f]
    ranked = line + itself if outcome == "unknown" else itself + line
    return [{**f, **here} for f in ranked] + ranked[:4]


def _diagonal(wanted: Sequence[Sequence[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Return choices of one of each, those of low places first; none at all where nothing is wanted."""
    ranges = [range(len(w)) for w in wanted]
    ranked = sorted(itertools.islice(itertools.product(*ranges), 2_000), key=sum)
    return [[w[i] for w, i in zip(wanted, pick, strict=True)] for pick in ranked[: 2 * PLAYS_MAX]] or [[]]


def generate(
    goals: Sequence[Goal], charts: Mapping[str, Chart], device_of: Mapping[str, str], suite: Sequence[Scenario],
    config: Config, words: Words, *, say: Callable[[str], None] = lambda _: None, plays_max: int = 2_000,
) -> Generated:  # fmt: skip
    """Try to reach every goal. One play may reach several; each is then done."""
    pool, result = pool_of(suite), Generated()
    open_ = {g.name: g for g in goals}
    tried: set[str] = set()
    for goal in goals:
        found = (p for way in goal.ways if len(way.steps) <= DEPTH_MAX for p in proposals(way, charts, device_of, pool))
        for form in itertools.islice(found, PLAYS_MAX):
            if goal.name not in open_ or result.plays >= plays_max:
                break
            key = str(form)
            if key in tried:
                continue
            tried.add(key)
            result.plays += 1
            name = f"generated_{len(result.kept) + len(result.finds) + 1:03}"
            played = play(_scenario(name, goal.name, form), config, words)
            if played.world is None:
                continue
            journal = [e.as_data() for e in played.world.entries]
            reached = [g.name for g in open_.values() if g.reached(journal)]
            others = _by_others(played)
            told = [v for v in played.violated if v not in others]
            if "TimeoutError" in played.failure:
                continue  # the customer of the proposal stands and waits for something that does not come
            wrong = [*told, *played.money, *played.failure.splitlines()[-1:]]
            if wrong:
                if not any(w == wrong for _, w in result.finds.values()):
                    result.finds[name] = ({**form, **_head(name, goal.name), "expect": {}}, wrong)
                    say(f"{name}: {'; '.join(wrong)}")
                continue
            if not reached:
                continue
            made = {**_head(name, reached[0]), **form, "expect": _expected(played, others)}
            if not play(Scenario.model_validate({**made, "file": f"<{name}>"}), config, words).passed:
                continue  # what it showed once is no expectation
            for done in reached:
                del open_[done]
            result.kept[name] = (made, reached)
            say(f"{name}: {', '.join(reached[:3])}{' and more' if len(reached) > 3 else ''}")
    result.unreached = list(open_)
    return result


def _head(name: str, goal: str) -> dict[str, Any]:
    return {"scenario": name, "title": f"Made to show: {goal}."}


def _scenario(name: str, goal: str, form: Mapping[str, Any]) -> Scenario:
    return Scenario.model_validate({**_head(name, goal), **form, "expect": {}, "file": f"<{name}>"})


def _expected(played: Played, others: Mapping[str, str]) -> dict[str, Any]:
    assert played.world is not None
    screens = list(played.world.screens)
    violations, stopped = sorted(set(others.values())), screens[-1] == "out_of_service"
    found = {"screens": screens, "violations": violations, "out_of_service": stopped}
    return {k: v for k, v in found.items() if v}


def _by_others(played: Played) -> dict[str, str]:
    """Return the violations by whom no terminal can make keep a norm: what is said of each, and its norm."""
    assert played.world is not None
    data = [e.data for e in played.world.entries if e.kind == VIOLATION]
    return {f"violated by {v['by']}: {v['says']}": v["norm"] for v in data if v["by"] != SYSTEM}


def write(result: Generated, folder: Path) -> list[Path]:
    """Write what is kept into `folder`, and what went wrong into `folder`/finds. Returns the files."""
    files = []
    for sub, group in ((folder, result.kept), (folder / "finds", result.finds)):
        files += [write_form(form, said, sub) for form, said in group.values()]
    return files


def write_form(form: Mapping[str, Any], said: Iterable[str], folder: Path) -> Path:
    """Write a scenario under its name into `folder`, with what is `said` of it as a comment. Returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{form['scenario']}.yaml"
    text = yaml.safe_dump(dict(form), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    file.write_text("".join(f"# {line}\n" for line in said) + text, encoding="utf-8")
    return file
