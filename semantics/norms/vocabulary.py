"""What a journal record says, in the words of the ontology: kinds, keys, recognised events, fluents.

This is where perceptual and denotative norms live: "a `step` whose event is `notes_taken` *counts as* the user
taking the notes". All of it is data (``models/vocabulary/*.yaml``), so names are aligned without touching code:

    keys:        {case: {ended_by: [case_closed]}, card: {}}   # what slices and instances are named by
    affordances: {withdrawal: case, host_link: null}           # which key names an instance; null: there is one
    multiple:    [host_link]                                   # may start again while it holds (else incident I4)
    kinds:                                                     # one for each kind of record
      authorised: {by: bank, starts: [cash_entitlement], data: {case: text, amount_minor: money, moved: whole?}}
    events:                                                    # recognised within records of a kind
      notes_taken: {of: step, event: notes_taken, by: user, finishes: [note_presentation]}
      went_idle:   {of: step, enters: {flow: main, state: idle}, by: terminal}  # or a list of states
      partial:     {of: dispensed, where: moved < ordered, by: terminal}

A type is text, whole, money, duration, flag or opaque, with ``?`` if it may be missing; or a list of words. A dotted
key (``amount.minor``) is a path into the record's data. A step names its event under ``event``; what the event carried
stands under ``data``, and the data that an event of a flow declares are read there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kiosk.strict_yaml import DocumentError, Mistake, Path
from semantics.finding import Finding, Severity, nearest, of_mistake
from semantics.norms.expression import TYPES, Datum, Expr, ExpressionError, Scope, Type, World, dig, evaluate, read
from semantics.norms.source import Source
from semantics.ontology import Ontology

STEP = "step"  # the kind of record that carries an event of a flow and the moves it caused


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _KeyForm(_Strict):
    ended_by: list[str] = Field(default_factory=list)
    means: str = ""


class _EntersForm(_Strict):
    flow: str
    state: Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]


class _EventForm(_Strict):
    of: str | None = None
    event: str | None = None
    enters: _EntersForm | None = None
    where: str | None = None
    by: str
    means: str = ""
    starts: list[str] = Field(default_factory=list)
    finishes: list[str] = Field(default_factory=list)
    data: dict[str, str | list[str]] = Field(default_factory=dict)
    closed: bool = False


class _VocabularyForm(_Strict):
    keys: dict[str, _KeyForm] = Field(default_factory=dict)
    affordances: dict[str, str | None] = Field(default_factory=dict)
    multiple: list[str] = Field(default_factory=list)
    kinds: dict[str, _EventForm] = Field(default_factory=dict)
    events: dict[str, _EventForm] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing a record can say. `starts` and `finishes` include the generics of what is named in the file.

    `closed`: the act needs an active permission or obligation; without one it is `unpermitted`.
    """

    name: str
    kind: str
    by: str
    data: Mapping[str, Datum]
    optional: frozenset[str] = frozenset()
    step_event: str | None = None
    enters: tuple[str, tuple[str, ...]] | None = None
    where: Expr | None = None
    starts: tuple[str, ...] = ()
    finishes: tuple[str, ...] = ()
    closed: bool = False
    means: str = ""
    place: tuple[str, int, int] = field(default=("<vocabulary>", 1, 1), repr=False)  # file, line, column

    def recognised(self, data: Mapping[str, Any]) -> bool:
        """Tell whether the data of a record of `kind` say this. Unknown and unreadable count as no."""
        if self.step_event is not None and data.get("event") != self.step_event:
            return False
        if self.enters is not None:
            moves = data.get("moves")
            flow, states = self.enters
            if not any(dig(m, ("flow",)) == flow and dig(m, ("to",)) in states for m in moves or () if m):
                return False
        if self.where is not None:
            try:
                return evaluate(self.where, World(data, {}, None, lambda *_: False, lambda _: False)) is True
            except TypeError:
                return False
        return True


@dataclass(frozen=True)
class Vocabulary:
    """`ends` maps a key to the events after which its value is never used again."""

    events: Mapping[str, Event]
    kinds: frozenset[str]
    ends: Mapping[str, frozenset[str]]
    key_of: Mapping[str, str | None]
    ontology: Ontology = field(repr=False)
    multiple: frozenset[str] = frozenset()

    @cached_property
    def recognised_in(self) -> Mapping[str, tuple[Event, ...]]:
        """Return, for each kind, the events its records can say: itself first, then in the order of the file."""
        table: dict[str, list[Event]] = {kind: [self.events[kind]] for kind in self.kinds}
        for event in self.events.values():
            if event.name != event.kind:
                table[event.kind].append(event)
        return {kind: tuple(events) for kind, events in table.items()}

    def recognise(self, record: Mapping[str, Any]) -> list[Event]:
        data = record["data"]
        return [e for e in self.recognised_in.get(record["kind"], ()) if e.name == e.kind or e.recognised(data)]

    def carriers(self, key: str | None) -> frozenset[str]:
        """Return the events that carry `key` (all events for None)."""
        return frozenset(e.name for e in self.events.values() if key is None or key in e.data)

    def starting(self, affordance: str) -> tuple[str, ...]:
        return tuple(e.name for e in self.events.values() if affordance in e.starts)

    def finishing(self, affordance: str) -> tuple[str, ...]:
        return tuple(e.name for e in self.events.values() if affordance in e.finishes)

    @cached_property
    def tracked(self) -> frozenset[str]:
        """Return the affordances that some event starts: the only ones of which anything is known."""
        return frozenset(a for e in self.events.values() for a in e.starts)

    @cached_property
    def dependents(self) -> Mapping[str, tuple[str, ...]]:
        """Return, for each tracked affordance, the tracked ones that stand on it: what ends with it."""
        return {
            a: tuple(
                b for b in sorted(self.tracked)
                if a in self.ontology.ancestors(b) and not self.ontology.nodes[b].long
            )
            for a in self.tracked
        }  # fmt: skip

    @cached_property
    def bases(self) -> Mapping[str, tuple[str, ...]]:
        """Return, for each tracked affordance, its tracked antecedents, also through untracked ones."""
        return {b: tuple(a for a in sorted(self.tracked) if b in self.dependents[a]) for b in self.tracked}

    def oddities(self, record: Mapping[str, Any]) -> Iterator[str]:
        """Yield what does not conform in one record: unknown kind, missing or mistyped data. Empty when all is well."""
        event = self.events.get(record.get("kind", ""))
        if event is None or event.name not in self.kinds:
            yield f"there is no kind {record.get('kind')!r}{nearest(str(record.get('kind')), self.kinds)}"
            return
        for key, datum in event.data.items():
            value = dig(record.get("data"), datum.path)
            if value is None:
                if key not in event.optional:
                    yield f"{event.name} carries no {key!r}"
            elif not _conforms(value, datum.type):
                yield f"{event.name}.{key} is {value!r}, not {datum.type}"


def _conforms(value: object, kind: Type) -> bool:
    if kind.values:
        return value in kind.values
    if kind.name == "flag":
        return isinstance(value, bool)
    if kind.name == "text":
        return isinstance(value, str)
    return kind.name == "opaque" or (isinstance(value, int) and not isinstance(value, bool))


def vocabulary_of(sources: Iterable[Source], ontology: Ontology) -> tuple[Vocabulary, list[Finding]]:
    """Make a vocabulary of its files. Findings: VO01 unknown word, VO02 form or type, VO03 said twice, OC14, OC10."""
    found: list[Finding] = []
    forms: list[tuple[Source, _VocabularyForm]] = []
    for source in sources:
        try:
            forms.append((source, source.document.as_model(_VocabularyForm)))
        except DocumentError as error:
            found += [of_mistake(m, "VO02") for m in error.mistakes]
    key_of: dict[str, str | None] = {}
    ends: dict[str, frozenset[str]] = {}
    declared: dict[str, tuple[Source, Path, _EventForm]] = {}

    def add(source: Source, path: Path, code: str, message: str) -> None:
        found.append(of_mistake(source.mistake(path, message), code))

    for source, form in forms:
        key_of |= form.affordances
        for name, key in form.keys.items():
            ends[name] = frozenset(key.ended_by)
        for section, group in (("kinds", form.kinds), ("events", form.events)):
            for name, event in group.items():
                if name in declared:
                    add(
                        source,
                        (section, name),
                        "VO03",
                        f"{name!r} is declared already in {declared[name][0].document.file}",
                    )
                    continue
                declared[name] = (source, (section, name), event)
    kinds = frozenset(name for name, (_, path, _) in declared.items() if path[0] == "kinds")
    events: dict[str, Event] = {}
    for name in sorted(declared, key=lambda n: n not in kinds):
        source, path, form_of_event = declared[name]
        made = _event(name, source, path, form_of_event, kinds, events, key_of, ends, ontology, found)
        if made is not None:
            events[name] = made
    for source, form in forms:
        for name, key in form.keys.items():
            for i, ender in enumerate(key.ended_by):
                if ender not in events:
                    add(
                        source,
                        ("keys", name, "ended_by", i),
                        "VO01",
                        f"there is no event {ender!r}{nearest(ender, events)}",
                    )
                elif name not in events[ender].data:
                    add(source, ("keys", name, "ended_by", i), "VO02", f"{ender!r} carries no {name!r}")
        for name, key_name in form.affordances.items():
            if name not in ontology.nodes:
                add(
                    source,
                    ("affordances", name),
                    "OC14",
                    f"there is no {name!r} on the chart{nearest(name, ontology.nodes)}",
                )
            if key_name is not None and key_name not in ends:
                add(source, ("affordances", name), "VO01", f"there is no key {key_name!r}{nearest(key_name, ends)}")
        for i, name in enumerate(form.multiple):
            if name not in key_of:
                add(source, ("multiple", i), "VO01", f"{name!r} has no key{nearest(name, key_of)}")
    multiple = frozenset(name for _, form in forms for name in form.multiple)
    return Vocabulary(events, kinds, ends, key_of, ontology, multiple), found


def _event(
    name: str, source: Source, path: Path, form: _EventForm, kinds: frozenset[str], events: Mapping[str, Event],
    key_of: Mapping[str, str | None], ends: Mapping[str, frozenset[str]], ontology: Ontology, found: list[Finding],
) -> Event | None:  # fmt: skip
    def add(sub: Path, code: str, message: str, severity: Severity = Severity.ERROR) -> None:
        found.append(of_mistake(source.mistake((*path, *sub), message), code, severity))

    kind = name if path[0] == "kinds" else form.of
    if kind is None or kind not in kinds:
        add(
            ("of",),
            "VO01",
            f"{name!r} is recognised in no kind of record; write of: <kind>{nearest(kind or '', kinds)}",
        )
        return None
    if path[0] == "events" and not (form.event or form.enters or form.where):
        add((), "VO02", f"{name!r} says not how it is recognised: event, enters or where")
    if (form.event or form.enters) and kind != STEP:
        add((), "VO02", f"{name!r}: only a {STEP!r} carries events and moves")
    data: dict[str, Datum] = dict(events[kind].data) if path[0] == "events" and kind in events else {}
    optional = set(events[kind].optional) if path[0] == "events" and kind in events else set()
    for key, text in form.data.items():
        word = text if isinstance(text, str) else "text"
        type_ = TYPES.get(word.rstrip("?"))
        if type_ is None:
            add(("data", key), "VO01", f"{word!r} is no type{nearest(word, TYPES)}")
            continue
        if isinstance(text, list):
            type_ = Type("text", tuple(v.rstrip("?") for v in text))
        if word.endswith("?") or (isinstance(text, list) and any(v.endswith("?") for v in text)):
            optional.add(key)
        if key in data and key in ends:
            add(("data", key), "VO02", f"{key!r} is a key of slices and is read where {kind!r} carries it")
            continue
        prefix = ("data",) if path[0] == "events" and kind == STEP else ()
        data[key] = Datum("event", key, (*prefix, *key.split(".")), type_)
    where = None
    if form.where is not None:
        try:
            where = read(form.where, Scope(here=data))
        except ExpressionError as error:
            mistake = source.mistake_inside((*path, "where"), form.where, error.offset, error.message)
            found.append(of_mistake(mistake, error.code))
    if form.by not in ontology.agents:
        add(("by",), "OC14", f"{form.by!r} is no agent on the chart{nearest(form.by, ontology.agents)}")
    bounds: dict[str, tuple[str, ...]] = {}
    for bound, names in (("starts", form.starts), ("finishes", form.finishes)):
        whole: list[str] = []
        for i, affordance in enumerate(names):
            node = ontology.nodes.get(affordance)
            if node is None:
                add((bound, i), "OC14", f"there is no {affordance!r} on the chart{nearest(affordance, ontology.nodes)}")
                continue
            if affordance not in key_of:
                add((bound, i), "VO01", f"no key names the instances of {affordance!r}; write it under affordances")
                continue
            key_name = key_of[affordance]
            if key_name is not None and key_name not in data:
                add((bound, i), "VO02", f"{name!r} carries no {key_name!r}, which names instances of {affordance!r}")
            authority = node.start if bound == "starts" else node.finish
            if (
                authority
                and not ontology.same_agent(form.by, authority)
                and not ontology.same_agent(ontology.principal(form.by), ontology.principal(authority))
            ):
                add(
                    (bound, i), "OC10",
                    f"{form.by!r} {bound} {affordance!r} here, and on the chart {authority!r} has the authority",
                )  # fmt: skip
            whole += [affordance, *sorted(g for g in ontology.generics(affordance) if g in key_of)]
        bounds[bound] = tuple(dict.fromkeys(whole))
    return Event(
        name, kind, form.by, data, frozenset(optional), form.event,
        (form.enters.flow, tuple(form.enters.state)) if form.enters else None, where,
        bounds["starts"], bounds["finishes"],
        form.closed, form.means, (source.document.file, *source.document.place(path)),
    )  # fmt: skip


def mistakes_of(findings: Iterable[Finding]) -> list[Mistake]:
    """Return the errors among findings in the form a DocumentError takes."""
    return [
        Mistake(f.file, f.line, f.column, f"{f.code}: {f.message}") for f in findings if f.severity is Severity.ERROR
    ]
