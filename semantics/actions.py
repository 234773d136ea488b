"""What actions of flows do, abstractly: the effect table that the verifier explores flows with.

The table (``models/vocabulary/actions.yaml``) says for every action which records it writes, which variables it
changes, what it orders from a device or asks of the host, and what must hold for it to make sense. It is the bridge
between the chart and the service, and it can be wrong like any model; what keeps it honest is that the same records are
compared with those of real rehearsals (`tests/semantics/test_actions.py`).

Variables are few and small: money is counted in units, 2 for the amount asked. A value is a constant, or an expression
behind ``=``; conditions are expressions of the norm language over the variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kiosk.strict_yaml import DocumentError
from semantics.codegen import Writer
from semantics.norms.expression import TYPES, Datum, ExpressionError, Scope, parts_of, read, read_value
from semantics.norms.source import Source, load_source

FILE: Final = "actions.yaml"
OUTCOMES: Final = ("done", "partial", "refused", "unknown")

Vars = dict[str, Any]
Ask = Callable[[Vars], Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _many(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Variable(_Strict):
    type: str
    start: Any = None
    durable: bool = False
    transient: bool = False
    scope: str = ""


class _RecordForm(_Strict):
    kind: str
    if_: str | None = Field(default=None, alias="if")
    keys: list[str] | None = None
    data: dict[str, Any] = Field(default_factory=dict)


class _EffectForm(_Strict):
    needs: str | None = None
    if_: str | None = Field(default=None, alias="if")
    use: Annotated[list[str], BeforeValidator(_many)] = Field(default_factory=list)
    choose: dict[str, list[Any]] = Field(default_factory=dict)
    pick: str | None = None
    cases: list[_EffectForm] = Field(default_factory=list)
    set: dict[str, Any] = Field(default_factory=dict)
    records: list[_RecordForm] = Field(default_factory=list)
    order: str | None = None
    ask: bool = False
    then: Annotated[list[str], BeforeValidator(_many)] = Field(default_factory=list)
    set_after: dict[str, Any] = Field(default_factory=dict)


class _EventForm(_Strict):
    by: str
    if_: str | None = Field(default=None, alias="if")
    choose: dict[str, list[Any]] = Field(default_factory=dict)
    set: dict[str, Any] = Field(default_factory=dict)


class _GuardForm(_Strict):
    is_: str | None = Field(default=None, alias="is")
    may: str | None = None
    or_free: bool = False
    sets: str | None = None


class _EndForm(_Strict):
    code: str
    keep: str
    says: str
    on: str = ""


class _ChoiceForm(_Strict):
    sets: str
    if_: dict[str, str] = Field(default_factory=dict, alias="if")


class _OrderForm(_Strict):
    device: str
    within_ms: int
    person: bool = False
    at: dict[str, int] = Field(default_factory=dict)


class _HostForm(_Strict):
    answers: list[str]
    within_ms: int


class _StartForm(_Strict):
    flow: str
    region: str


class _CutForm(_Strict):
    region: str
    cases: list[_EffectForm] = Field(default_factory=list)
    set: dict[str, Any] = Field(default_factory=dict)
    records: list[_RecordForm] = Field(default_factory=list)


class _TableForm(_Strict):
    variables: dict[str, _Variable]
    keys: dict[str, str]
    fluents: dict[str, str] = Field(default_factory=dict)
    start: _StartForm
    beside: list[str] = Field(default_factory=list)
    rest: dict[str, str]
    ends: list[_EndForm]
    balances: list[_EndForm] = Field(default_factory=list)
    power_cut: _CutForm
    orders: dict[str, _OrderForm]
    host: _HostForm
    events: dict[str, _EventForm]
    choices: dict[str, _ChoiceForm] = Field(default_factory=dict)
    guards: dict[str, _GuardForm]
    actions: dict[str, _EffectForm]


@dataclass(frozen=True)
class WrittenRecord:
    """A record of an effect: its data as functions of the variables."""

    kind: str
    when: Ask | None
    data: Mapping[str, Ask]
    keys: tuple[str, ...] | None = None  # of the table's keys those that it carries; None: all


@dataclass(frozen=True)
class Effect:
    """What an action, an event or one case of them does; conditions and values are functions of the variables."""

    needs: Ask | None = None
    needs_text: str = ""
    when: Ask | None = None
    use: tuple[str, ...] = ()
    choose: Mapping[str, tuple[Ask, ...]] = field(default_factory=dict)
    pick: str = ""
    cases: tuple[Effect, ...] = ()
    set: Mapping[str, Ask] = field(default_factory=dict)
    records: tuple[WrittenRecord, ...] = ()
    order: str = ""
    ask: bool = False
    then: tuple[str, ...] = ()
    set_after: Mapping[str, Ask] = field(default_factory=dict)
    by: str = ""


@dataclass(frozen=True)
class GuardRule:
    """How a guard is decided: by what is known (`is_`), freely where `may` holds, or freely."""

    is_: Ask | None = None
    may: Ask | None = None
    or_free: bool = False
    sets: str = ""


@dataclass(frozen=True)
class End:
    """What must hold wherever the terminal rests, or, for a balance, where a record of kind `on` is written."""

    code: str
    keep: Ask
    says: str
    on: str = ""


@dataclass(frozen=True)
class Choice:
    """Which flow a call that leaves it open may take: `when` by flow, one not named always. `sets` keeps its name."""

    sets: str
    when: Mapping[str, Ask]


@dataclass(frozen=True)
class Order:
    """A command to a device; `person` marks one that waits for the customer, except in the states `at`."""

    device: str
    within_ms: int
    person: bool
    at: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Actions:
    """The effect table."""

    start: Mapping[str, Any]
    durable: frozenset[str]
    transient: frozenset[str]
    scoped: Mapping[str, tuple[str, ...]]  # flow -> variables that end with it
    keys: Mapping[str, str]
    fluents: Mapping[str, Ask]
    root: str
    region: str
    beside: tuple[str, ...]
    rest: Mapping[str, str]
    ends: tuple[End, ...]
    balances: Mapping[str, tuple[End, ...]]  # kind of record -> what must hold where it is written
    power_cut: Effect
    orders: Mapping[str, Order]
    host_answers: tuple[str, ...]
    host_within_ms: int
    events: Mapping[str, Effect]
    choices: Mapping[str, Choice]
    guards: Mapping[str, GuardRule]
    actions: Mapping[str, Effect]
    reads: Mapping[Ask, frozenset[str]]  # the variables that a condition or value asks for; a constant is not in it

    @property
    def kinds(self) -> frozenset[str]:
        """Return every kind of record that some action writes."""

        def of(effect: Effect) -> Iterable[str]:
            yield from (r.kind for r in effect.records)
            for case in effect.cases:
                yield from of(case)

        return frozenset(k for e in (*self.actions.values(), self.power_cut) for k in of(e)) | {"step"}


class _Reader:
    def __init__(self, source: Source, form: _TableForm) -> None:
        self.source, self.form = source, form
        self.mistakes: list[Any] = []
        self.reads: dict[Ask, frozenset[str]] = {}
        here = {}
        for name, v in form.variables.items():
            kind = TYPES.get(v.type)
            if kind is None:
                self.mistakes.append(source.mistake(("variables", name, "type"), f"{v.type!r} is no type"))
            else:
                here[name] = Datum("event", name, (name,), kind)
        self.scope = Scope(here=here)
        self.writer = Writer({}, {}, {})

    def ask(self, text: str | None, path: tuple[Any, ...], *, value: bool = False) -> Ask | None:
        if text is None:
            return None
        try:
            expr = read_value(text, self.scope)[0] if value else read(text, self.scope)
            function = self.writer.function(expr, (), None)
        except ExpressionError as error:
            self.mistakes.append(self.source.mistake(path, f"{text!r}: {error.message}"))
            return None


        def ask(values: Vars) -> Any:
            return function(values, (), None)

        self.reads[ask] = frozenset(part.key for part in parts_of(expr) if isinstance(part, Datum))
        return ask

    def value(self, value: Any, path: tuple[Any, ...]) -> Ask:
        if isinstance(value, str) and value.startswith("="):
            return self.ask(value[1:], path, value=True) or (lambda _: None)
        return lambda _: value

    def values(self, values: Mapping[str, Any], path: tuple[Any, ...]) -> dict[str, Ask]:
        for name in values:
            if name not in self.form.variables:
                self.mistakes.append(self.source.mistake((*path, name), f"there is no variable {name!r}"))
        return {n: self.value(v, (*path, n)) for n, v in values.items()}

    def records(self, records: list[_RecordForm], path: tuple[Any, ...]) -> tuple[WrittenRecord, ...]:
        return tuple(
            WrittenRecord(
                r.kind, self.ask(r.if_, (*path, i, "if")),
                {k: self.value(v, (*path, i, "data", k)) for k, v in r.data.items()},
                None if r.keys is None else tuple(r.keys),
            )
            for i, r in enumerate(records)
        )  # fmt: skip

    def effect(self, form: _EffectForm, path: tuple[Any, ...]) -> Effect:
        for name in (*form.use, *form.then):
            if name not in self.form.actions:
                self.mistakes.append(self.source.mistake((*path, "use"), f"there is no action {name!r}"))
        if form.order is not None and form.order not in self.form.orders:
            self.mistakes.append(self.source.mistake((*path, "order"), f"there is no order {form.order!r}"))
        if form.pick is not None and form.pick not in self.form.choices:
            self.mistakes.append(self.source.mistake((*path, "pick"), f"there is no choice {form.pick!r}"))
        choose = {
            n: tuple(self.value(v, (*path, "choose", n)) for v in values) for n, values in form.choose.items()
        }  # fmt: skip
        return Effect(
            self.ask(form.needs, (*path, "needs")), form.needs or "", self.ask(form.if_, (*path, "if")),
            tuple(form.use), choose, form.pick or "",
            tuple(self.effect(c, (*path, "cases", i)) for i, c in enumerate(form.cases)),
            self.values(form.set, (*path, "set")), self.records(form.records, (*path, "records")), form.order or "",
            form.ask, tuple(form.then), self.values(form.set_after, (*path, "set_after")),
        )  # fmt: skip


def actions_of(source: Source) -> Actions:
    """Make the table of its file. Raises DocumentError with every mistake."""
    form = source.document.as_model(_TableForm)
    r = _Reader(source, form)
    events = {}
    for name, e in form.events.items():
        path = ("events", name)
        choose = {n: tuple(r.value(v, (*path, "choose", n)) for v in values) for n, values in e.choose.items()}
        events[name] = Effect(when=r.ask(e.if_, (*path, "if")), choose=choose, set=r.values(e.set, path), by=e.by)
    guards = {
        name: GuardRule(r.ask(g.is_, ("guards", name)), r.ask(g.may, ("guards", name)), g.or_free, g.sets or "")
        for name, g in form.guards.items()
    }
    choices = {
        by: Choice(c.sets, {n: r.ask(t, ("choices", by, "if", n)) or bool for n, t in c.if_.items()})
        for by, c in form.choices.items()
    }  # fmt: skip
    for by, c in form.choices.items():
        if c.sets not in form.variables:
            r.mistakes.append(source.mistake(("choices", by, "sets"), f"there is no variable {c.sets!r}"))
    actions = {name: r.effect(a, ("actions", name)) for name, a in form.actions.items()}
    cut = Effect(
        cases=tuple(r.effect(c, ("power_cut", "cases", i)) for i, c in enumerate(form.power_cut.cases)),
        set=r.values(form.power_cut.set, ("power_cut", "set")),
        records=r.records(form.power_cut.records, ("power_cut", "records")), by="power",
    )  # fmt: skip
    ends = tuple(End(e.code, r.ask(e.keep, ("ends", i)) or bool, e.says) for i, e in enumerate(form.ends))
    balances: dict[str, tuple[End, ...]] = {}
    for i, b in enumerate(form.balances):
        one = End(b.code, r.ask(b.keep, ("balances", i)) or bool, b.says, b.on)
        balances[b.on] = (*balances.get(b.on, ()), one)
    fluents = {n: r.ask(t, ("fluents", n)) or bool for n, t in form.fluents.items()}
    if r.mistakes:
        raise DocumentError(r.mistakes)
    return Actions(
        {n: v.start for n, v in form.variables.items()},
        frozenset(n for n, v in form.variables.items() if v.durable),
        frozenset(n for n, v in form.variables.items() if v.transient),
        {v.scope: tuple(n for n, w in form.variables.items() if w.scope == v.scope)
         for v in form.variables.values() if v.scope},
        form.keys, fluents, form.start.flow, form.start.region, tuple(form.beside), form.rest, ends, balances, cut,
        {n: Order(o.device, o.within_ms, o.person, o.at) for n, o in form.orders.items()},
        tuple(form.host.answers), form.host.within_ms, events, choices, guards, actions, r.reads,
    )  # fmt: skip


def load_actions(models: Path) -> Actions:
    """Read the table of a model folder. Raises DocumentError."""
    return actions_of(load_source(models / "vocabulary" / FILE))
