"""Norms: read from YAML, resolved against vocabulary and ontology, immutable from then on.

    group: withdrawal
    parameters: {answer_limit: {value: 30s, means: ..., source: [DP]}}
    norms:
      - id: N-ATH-02
        affordance: authorisation
        bound: finish                                  # start | during | finish
        text: whenever an authorisation is awaited if no answer ... then terminal is obliged to ...
        source: [DP]
        slice: case                                    # one family of instances for each case; absent: one family
        whenever: {event: authorised, as: a}           # or starts: / finishes: <affordance>, any: [...], or `always`
        if: a.amount_minor > 0 and not holds(fault)
        then:
          agent: terminal
          is: obliged                                  # obliged | permitted | forbidden
          to: {any: [{event: dispense_ordered, where: amount_minor == a.amount_minor}, {event: reversal_queued}]}
          within: answer_limit                         # and/or before: <pattern>
        released_by: {event: boot}
        or_else: [{agent: terminal, is: obliged, to: {event: reversal_queued}, within: 10m}]
        overrides: [N-WDR-03, group:card]

Meaning of the parts (the life cycle is the interpreter's docstring):

- *obliged* has a `mode`. ``achieve`` (default): one matching event before the deadline. A deadline is `within`
  (an act exactly at the deadline is on time), `before` (an event that comes too early violates), or, with neither,
  the end of the slice. ``punctual``: the very next record of the slice must do it. ``maintain``: the condition `keep`
  is true in every state from activation to `until`.
- *forbidden*: each matching event from activation to `until` violates, beyond the first `at_most`.
- *permitted*: never violated. It lifts prohibitions it overrides, and opens acts that are `closed`.
- In `before`, `until` and `released_by` an event that carries no slice key (a restart) concerns every slice.
- ``whenever: always`` (forbidden and permitted only) is in force at every moment; its `if` is asked at the act.
- `preempt`: the latest matching act of the slice before activation discharges. `inclusive`: the triggering record
  may discharge. `instances`: each | coalesce-earliest (a trigger while one is open adds none) | coalesce-latest (the
  new one replaces it). `discharge`: oldest (the oldest open instance that matches) | all.
- A norm that no record can show says `unmonitored: <why>` and has no machine part. It is counted and listed.
- A norm whose trigger or act these devices cannot show says `never_fires: <why>`. Any other norm that never comes into
  force is an error of `model check`; one that says so and does come into force is an error, too.

An installed norm set is dated: a norm is in force for a record whose date lies in [valid.from, valid.until). An
instance keeps the norm it was made by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from kiosk.strict_yaml import DocumentError, Path
from semantics.finding import Finding, Severity, nearest, of_mistake
from semantics.norms import expression
from semantics.norms.expression import DURATION, TEXT, WHOLE, Datum, Expr, ExpressionError, Holds, Scope, duration_ms
from semantics.norms.source import Source
from semantics.norms.vocabulary import Vocabulary
from semantics.ontology import Ontology

FOREVER: Final = "9999-12-31"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _event_word(value: object) -> object:
    return {"event": value} if isinstance(value, str) else value


def _pattern_word(value: object) -> object:
    if isinstance(value, list):
        return {"any": [_event_word(v) for v in value]}
    return _event_word(value)


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


class _AtomForm(_Strict):
    event: str | None = None
    starts: str | None = None
    finishes: str | None = None
    where: str | None = None


class _PatternForm(_AtomForm):
    as_: str | None = Field(default=None, alias="as")
    any: list[Annotated[_AtomForm, BeforeValidator(_event_word)]] = Field(default_factory=list)


_Pattern = Annotated[_PatternForm, BeforeValidator(_pattern_word)]


class _DutyForm(_Strict):
    agent: str
    is_: Literal["obliged", "permitted", "forbidden"] = Field(alias="is")
    to: _Pattern | None = None
    keep: str | None = None
    mode: Literal["achieve", "maintain", "punctual"] = "achieve"
    within: str | None = None
    before: _Pattern | None = None
    until: _Pattern | None = None
    released_by: _Pattern | None = None
    at_most: int = Field(default=0, ge=0)
    discharge: Literal["oldest", "all"] = "oldest"
    preempt: bool = False
    inclusive: bool = False
    instances: Literal["each", "coalesce-earliest", "coalesce-latest"] = "each"
    or_else: list[_DutyForm] = Field(default_factory=list)


class _ValidForm(_Strict):
    from_: str = Field(default="0001-01-01", alias="from")
    until: str | None = None


class _StepsForm(_Strict):
    responsibility: str | None = None
    information: list[str] | None = None
    trigger: str | None = None


class _ClauseForm(_Strict):
    doc: str
    clause: str = ""


class _NormForm(_Strict):
    id: str
    affordance: str
    bound: Literal["start", "during", "finish"]
    text: str
    class_: Literal["behavioural", "perceptual", "denotative", "cognitive", "evaluative"] = Field(
        default="behavioural", alias="class"
    )
    source: Annotated[list[Annotated[_ClauseForm, BeforeValidator(lambda v: {"doc": v} if isinstance(v, str) else v)]],
                      BeforeValidator(_one_or_many)]  # fmt: skip
    owner: str = "operations"
    status: Literal["elicited", "modelled", "specified", "verified", "managed"] = "specified"
    severity: Literal["notice", "minor", "major", "critical"] = "major"
    valid: _ValidForm = Field(default_factory=_ValidForm)
    slice: str | None = None
    whenever: _Pattern | None = None
    if_: str | None = Field(default=None, alias="if")
    then: _DutyForm | None = None
    released_by: _Pattern | None = None
    or_else: list[_DutyForm] = Field(default_factory=list)
    priority: int = 0
    overrides: list[str] = Field(default_factory=list)
    group: str | None = None
    steps: _StepsForm = Field(default_factory=_StepsForm)
    unmonitored: str | None = None
    never_fires: str = ""


class _ParameterForm(_Strict):
    value: str | int
    means: str
    source: Annotated[list[str], BeforeValidator(_one_or_many)]


class _FileForm(_Strict):
    group: str = ""
    title: str = ""
    parameters: dict[str, _ParameterForm] = Field(default_factory=dict)
    norms: list[_NormForm] = Field(default_factory=list)


# ---------------------------------------------------------------- resolved norms


@dataclass(frozen=True, slots=True)
class Atom:
    """One event of a pattern, with a condition on it."""

    event: str
    where: Expr | None = None


Pattern = tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Duty:
    """What an agent ought to, may or must not do. A norm has one; each `or_else` is another, created by violation."""

    id: str
    agent: str
    operator: str
    action: Pattern = ()
    keep: Expr | None = None
    mode: str = "achieve"
    within_ms: int | None = None
    before: Pattern = ()
    until: Pattern = ()
    released_by: Pattern = ()
    at_most: int = 0
    discharge: str = "oldest"
    preempt: bool = False
    inclusive: bool = False
    instances: str = "each"
    or_else: tuple[Duty, ...] = ()
    means: str = ""

    def all(self) -> Iterator[Duty]:
        yield self
        for other in self.or_else:
            yield from other.all()


@dataclass(frozen=True, slots=True)
class Norm:
    """One norm in force. `trigger` None means always; `guards` holds the condition for each event it is asked at.

    `bound_keys` names the keys of the trigger that are stored in an instance; `valid_until` is exclusive. `places` maps
    parts of the text (``if``, ``whenever``, ``then``, ``within``, ``overrides``) to line and column, counted from 1.
    """

    id: str
    duty: Duty
    slice: str | None = None
    trigger: Pattern | None = None
    guards: Mapping[str, Expr] = field(default_factory=dict)
    bound_keys: tuple[str, ...] = ()
    text: str = ""
    guard_text: str = ""
    affordance: str = ""
    bound: str = "start"
    class_: str = "behavioural"
    source: tuple[str, ...] = ()
    owner: str = ""
    status: str = "specified"
    severity: str = "major"
    valid_from: str = "0001-01-01"
    valid_until: str = FOREVER
    priority: int = 0
    overrides: frozenset[str] = frozenset()
    group: str = ""
    steps: tuple[Step, ...] = ()
    file: str = "<norms>"
    line: int = 1
    never_fires: str = field(default="", repr=False)
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict, repr=False)

    def place(self, part: str = "") -> tuple[int, int]:
        """Return line and column of a part of the text, or of the norm where it has no such part."""
        return self.places.get(part, (self.line, 1))

    def in_force(self, at: str) -> bool:
        """Tell whether the norm is in force at an ISO 8601 time in UTC."""
        return self.valid_from <= at[:10] < self.valid_until


@dataclass(frozen=True, slots=True)
class Step:
    """One of the four records of norm analysis. `given` is False where it was derived from the detail."""

    norm: str
    number: int
    name: str
    says: tuple[str, ...]
    given: bool


@dataclass(frozen=True, slots=True)
class Stated:
    """A norm without a machine part: it is text, with the reason why no record shows it."""

    id: str
    affordance: str
    bound: str
    text: str
    source: tuple[str, ...]
    owner: str
    agent: str
    why: str
    group: str
    file: str
    line: int


@dataclass(frozen=True)
class NormSet:
    """All norms that resolved, in the order of the files, and the vocabulary they speak."""

    norms: tuple[Norm, ...]
    vocabulary: Vocabulary = field(repr=False)
    stated: tuple[Stated, ...] = ()
    parameters: Mapping[str, expression.Literal] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> Mapping[str, Norm]:
        return {n.id: n for n in self.norms}

    @cached_property
    def rivals(self) -> Mapping[str, tuple[Norm, ...]]:
        """Return, for each prohibition, permissions that share an act with it, and obligations that it leaves no way.

        An obligation that can be fulfilled by another act is no rival: it never asks for what is forbidden.
        """

        def acts(norm: Norm) -> set[str]:
            return {a.event for a in norm.duty.action}

        def against(norm: Norm, other: Norm) -> bool:
            if other.duty.operator == "obliged":
                return bool(acts(other)) and acts(other) <= acts(norm)
            return other.duty.operator == "permitted" and bool(acts(other) & acts(norm))

        return {
            n.id: tuple(m for m in self.norms if against(n, m))
            for n in self.norms if n.duty.operator == "forbidden"
        }  # fmt: skip

    @cached_property
    def overriders(self) -> Mapping[str, tuple[Norm, ...]]:
        """Return, for each norm, the norms that are exceptions to it."""
        return {n.id: tuple(m for m in self.norms if n.id in m.overrides) for n in self.norms}

    def words(self) -> set[str]:
        """Return the words of the chart that norms and vocabulary use."""
        words = {n.affordance for n in self.norms} | {s.affordance for s in self.stated}
        words |= {d.agent for n in self.norms for d in n.duty.all()} | {s.agent for s in self.stated}
        for event in self.vocabulary.events.values():
            words |= {event.by, *event.starts, *event.finishes}
        return words


def duty_exprs(duty: Duty) -> Iterator[Expr]:
    """Yield every expression of a duty, its own reparations not included."""
    for pattern in (duty.action, duty.before, duty.until, duty.released_by):
        for atom in pattern:
            if atom.where is not None:
                yield atom.where
    if duty.keep is not None:
        yield duty.keep


def norm_exprs(norm: Norm) -> Iterator[Expr]:
    """Yield every expression of a norm."""
    for atom in norm.trigger or ():
        if atom.where is not None:
            yield atom.where
    yield from norm.guards.values()
    for duty in norm.duty.all():
        yield from duty_exprs(duty)


# ---------------------------------------------------------------- reading

_CANONICAL: Final = re.compile(
    r"whenever .+ then .+ (is|are) (obliged|permitted|prohibited|forbidden) to .+", re.DOTALL
)


def norms_of(sources: Iterable[Source], vocabulary: Vocabulary) -> tuple[NormSet, list[Finding]]:
    """Resolve all norms of all files. A norm with a mistake is left out and its mistakes are found.

    Codes: NM01 unknown word, NM02 form, NM03 type, NM04 authority, NM05 no deadline or end, NM06 slice, NM07 step of
    the analysis, NM08 exceptions, NM09 said twice, NM10 source, NM11 dates, NM12 sentence, NM13 no machine part.
    """
    found: list[Finding] = []
    forms: list[tuple[Source, _FileForm]] = []
    for source in sources:
        try:
            forms.append((source, source.document.as_model(_FileForm)))
        except DocumentError as error:
            found += [of_mistake(m, "NM02") for m in error.mistakes]
    parameters: dict[str, expression.Literal] = {}
    for source, form in forms:
        for name, p in form.parameters.items():
            if name in parameters:
                found.append(of_mistake(source.mistake(("parameters", name), f"{name!r} is given twice"), "NM09"))
            ms = duration_ms(p.value) if isinstance(p.value, str) else None
            parameters[name] = (
                expression.Literal(ms, DURATION) if ms is not None
                else expression.Literal(p.value, TEXT if isinstance(p.value, str) else WHOLE)
            )  # fmt: skip
    norms: dict[str, Norm] = {}
    stated: dict[str, Stated] = {}
    pending: list[tuple[Norm, list[str], Source, Path]] = []
    for source, form in forms:
        for i, n in enumerate(form.norms):
            path: Path = ("norms", i)
            reader = _NormReader(source, path, n, form.group, vocabulary, parameters)
            if n.id in norms or n.id in stated:
                reader.add(("id",), "NM09", f"there is a norm {n.id!r} already")
            elif n.unmonitored is not None:
                if (s := reader.stated()) is not None:
                    stated[n.id] = s
            elif (norm := reader.norm()) is not None:
                norms[n.id] = norm
                pending.append((norm, n.overrides, source, path))
            found += reader.found
    groups: dict[str, set[str]] = {}
    for norm in norms.values():
        groups.setdefault(norm.group, set()).add(norm.id)
    resolved: list[Norm] = []
    for norm, overrides, source, path in pending:
        targets: set[str] = set()
        before = len(found)
        for j, word in enumerate(overrides):
            where = (*path, "overrides", j)
            if word.startswith("group:"):
                if word[6:] not in groups:
                    message = f"there is no group {word[6:]!r}{nearest(word[6:], groups)}"
                    found.append(of_mistake(source.mistake(where, message), "NM08"))
                targets |= groups.get(word[6:], set()) - {norm.id}
            elif word not in norms:
                message = f"there is no norm {word!r}{nearest(word, norms)}"
                found.append(of_mistake(source.mistake(where, message), "NM08"))
            else:
                targets.add(word)
        for target in sorted(targets):
            if norms[target].slice != norm.slice:
                message = (
                    f"{norm.id!r} is sliced by {norm.slice!r} and {target!r} by {norms[target].slice!r}; "
                    "exceptions share a slice"
                )
                found.append(of_mistake(source.mistake((*path, "overrides"), message), "NM08"))
        if len(found) == before:
            resolved.append(replace(norm, overrides=frozenset(targets)))
    by_id = {n.id: n for n in resolved}
    for norm, _, source, path in pending:
        if norm.id in by_id and norm.id in _overridden_from(norm.id, by_id):
            circle = " -> ".join(_circle_from(norm.id, by_id))
            message = f"{norm.id!r} is an exception to itself: {circle}; remove one of these exceptions"
            found.append(of_mistake(source.mistake((*path, "overrides"), message), "NM08"))
            return NormSet((), vocabulary, tuple(stated.values()), parameters), found
    return NormSet(tuple(resolved), vocabulary, tuple(stated.values()), parameters), found


def _overridden_from(start: str, by_id: Mapping[str, Norm]) -> set[str]:
    seen: set[str] = set()
    todo = list(by_id[start].overrides)
    while todo:
        here = todo.pop()
        if here not in seen and here in by_id:
            seen.add(here)
            todo += by_id[here].overrides
    return seen


def _circle_from(start: str, by_id: Mapping[str, Norm]) -> list[str]:
    """Return a shortest way along exceptions from a norm back to itself."""
    ways = [[start]]
    for way in ways:  # grows while it is walked, each norm once
        for other in sorted(by_id[way[-1]].overrides):
            if other == start:
                return [*way, start]
            if other in by_id and not any(other in w for w in ways):
                ways.append([*way, other])
    return [start]


class _NormReader:
    """Resolves one norm and collects its mistakes."""

    def __init__(
        self, source: Source, path: Path, form: _NormForm, group: str, vocabulary: Vocabulary,
        parameters: Mapping[str, expression.Literal],
    ) -> None:  # fmt: skip
        self.source = source
        self.path = path
        self.form = form
        self.group = form.group or group
        self.vocabulary = vocabulary
        self.ontology: Ontology = vocabulary.ontology
        self.parameters = parameters
        self.found: list[Finding] = []
        self.carriers = vocabulary.carriers(form.slice)

    def add(self, sub: Path, code: str, message: str, severity: Severity = Severity.ERROR) -> None:
        self.found.append(
            of_mistake(self.source.mistake((*self.path, *sub), f"{self.form.id}: {message}"), code, severity)
        )

    @property
    def failed(self) -> bool:
        return any(f.severity is Severity.ERROR for f in self.found)

    def common(self) -> None:
        form = self.form
        if form.affordance not in self.ontology.nodes:
            self.add(
                ("affordance",),
                "NM01",
                f"{form.affordance!r} is not on the chart{nearest(form.affordance, self.ontology.nodes)}",
            )
        if not form.source:
            self.add(("source",), "NM10", "a norm has a source")
        if not _CANONICAL.fullmatch(form.text.strip()):
            self.add(
                ("text",),
                "NM12",
                "the sentence reads: whenever ... [if ...] then <agent> is obliged|permitted|forbidden to ...",
            )
        for sub, date in (("from", form.valid.from_), ("until", form.valid.until)):
            if date is not None and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", date):
                self.add(("valid", sub), "NM11", f"{date!r} is no date; write 2025-01-31")
        if form.valid.until is not None and form.valid.until <= form.valid.from_:
            self.add(
                ("valid",), "NM11", f"never in force: until {form.valid.until} is not after from {form.valid.from_}"
            )

    def stated(self) -> Stated | None:
        form = self.form
        self.common()
        if form.whenever is not None or form.then is not None:
            self.add(("unmonitored",), "NM13", "says unmonitored and has a machine part; remove one")
        if not str(form.unmonitored).strip():
            self.add(("unmonitored",), "NM13", "says not why no record shows it")
        words = re.search(r"then (?:the )?(\w+) (?:is|are) ", form.text)
        agent = words[1] if words else ""
        if agent not in self.ontology.agents:
            self.add(("text",), "NM01", f"{agent!r} is no agent on the chart{nearest(agent, self.ontology.agents)}")
        if self.failed:
            return None
        line, _ = self.source.document.place(self.path)
        return Stated(
            form.id, form.affordance, form.bound, form.text.strip(), _sources(form), form.owner, agent,
            str(form.unmonitored), self.group, self.source.document.file, line,
        )  # fmt: skip

    def norm(self) -> Norm | None:
        form = self.form
        self.common()
        if form.whenever is None or form.then is None:
            self.add((), "NM13", "has no machine part: write whenever and then, or unmonitored: <why>")
            return None
        if form.slice is not None and form.slice not in self.vocabulary.ends:
            self.add(("slice",), "NM06", f"there is no key {form.slice!r}{nearest(form.slice, self.vocabulary.ends)}")
            return None
        always = form.whenever.event == "always"
        trigger = None if always else self.pattern(("whenever",), form.whenever, {})
        alias = self.alias(trigger)
        duty = self.duty(("then",), form.then, form.id, alias, always)
        guards = self.guards(trigger if trigger is not None else duty.action, form.whenever.as_)
        if always and (form.then.is_ == "obliged" or form.then.at_most or form.then.until):
            self.add(("whenever",), "NM02", "always goes with a permission or a plain prohibition only")
        if self.failed:
            return None
        line, _ = self.source.document.place(self.path)
        norm = Norm(
            form.id, duty, form.slice, trigger, guards, (), form.text.strip(), form.if_ or "", form.affordance,
            form.bound,
            form.class_, _sources(form), form.owner, form.status, form.severity, form.valid.from_,
            form.valid.until or FOREVER, form.priority, frozenset(), self.group, (), self.source.document.file, line,
            form.never_fires, self.places(),
        )  # fmt: skip
        bound = {
            p.key
            for e in norm_exprs(norm)
            for p in expression.parts_of(e)
            if isinstance(p, Datum) and p.of == "trigger"
        }
        if trigger is not None:
            bound |= {
                p.key
                for e in guards.values()
                for p in expression.parts_of(e)
                if isinstance(p, Datum) and p.key in alias
            }
        norm = replace(norm, bound_keys=tuple(sorted(bound)))
        norm = replace(norm, steps=self.steps(norm))
        self.check_meaning(norm)
        return None if self.failed else norm

    def places(self) -> dict[str, tuple[int, int]]:
        parts: dict[str, Path] = {
            name: (name,) for name in ("if", "whenever", "overrides", "never_fires", "then")
        } | {name: ("then", name) for name in ("within", "to", "keep")}  # fmt: skip
        parts[""] = ()
        document = self.source.document
        whole = {name: (*self.path, *path) for name, path in parts.items()}
        return {name: document.place(path) for name, path in whole.items() if path in document.places}

    # ------------------------------------------------ patterns and expressions

    def alias(self, trigger: Pattern | None) -> dict[str, Datum]:
        """Return the keys that every triggering event carries, as data of the trigger."""
        if not trigger:
            return {}
        tables = [self.vocabulary.events[a.event].data for a in trigger]
        common = set(tables[0]).intersection(*tables)
        return {key: Datum("trigger", key, (), tables[0][key].type) for key in common}

    def scope(self, event: str | None, aliases: Mapping[str, Mapping[str, Datum]], may_see: bool = True) -> Scope:
        return Scope(
            here=self.vocabulary.events[event].data if event else {}, aliases=aliases, parameters=self.parameters,
            key_of={a: k for a, k in self.vocabulary.key_of.items() if a in self.vocabulary.tracked},
            events=frozenset(self.vocabulary.events), events_in_slice=self.carriers, slice=self.form.slice,
            may_see=may_see,
        )  # fmt: skip

    def read(self, sub: Path, text: str, scope: Scope) -> Expr | None:
        try:
            return expression.read(text, scope)
        except ExpressionError as error:
            mistake = self.source.mistake_inside(
                (*self.path, *sub), text, error.offset, f"{self.form.id}: {error.message}"
            )
            self.found.append(of_mistake(mistake, error.code))
            return None

    def pattern(
        self, sub: Path, form: _PatternForm | None, trigger: Mapping[str, Datum], every: bool = False
    ) -> Pattern:
        """Resolve a pattern. `starts` and `finishes` stand for the events that the vocabulary binds to them.

        With `every`, events that carry no slice key are welcome: they concern every slice.
        """
        if form is None:
            return ()
        atoms: list[Atom] = []
        parts: list[tuple[Path, _AtomForm]] = [((*sub, "any", i), a) for i, a in enumerate(form.any)] or [(sub, form)]
        if form.any and (form.event or form.starts or form.finishes or form.where):
            self.add(sub, "NM02", "any stands alone; put the event into the list")
        if form.as_ and trigger:
            self.add((*sub, "as"), "NM02", "only whenever binds a name")
        aliases = self.aliases(trigger)
        for path, atom in parts:
            for event in self.events_of(path, atom, every):
                where = self.read((*path, "where"), atom.where, self.scope(event, aliases)) if atom.where else None
                atoms.append(Atom(event, where))
        return tuple(atoms)

    def aliases(self, trigger: Mapping[str, Datum]) -> dict[str, Mapping[str, Datum]]:
        name = self.form.whenever.as_ if self.form.whenever else None
        return {name: trigger} if name and trigger else {}

    def events_of(self, path: Path, atom: _AtomForm, every: bool) -> tuple[str, ...]:
        vocabulary = self.vocabulary
        given = [x for x in (atom.event, atom.starts, atom.finishes) if x is not None]
        if len(given) != 1:
            self.add(path, "NM02", "a pattern names one of event, starts, finishes")
            return ()
        if atom.event is not None:
            events: tuple[str, ...] = (atom.event,)
            if atom.event not in vocabulary.events:
                at = (*path, "event") if (*self.path, *path, "event") in self.source.document.places else path
                self.add(at, "NM01", f"there is no event {atom.event!r}{nearest(atom.event, vocabulary.events)}")
                return ()
        else:
            word = "starts" if atom.starts else "finishes"
            affordance = atom.starts or atom.finishes or ""
            events = vocabulary.starting(affordance) if atom.starts else vocabulary.finishing(affordance)
            if not events:
                known = {a for e in vocabulary.events.values() for a in (e.starts if atom.starts else e.finishes)}
                self.add((*path, word), "NM01", f"no event {word} {affordance!r}{nearest(affordance, known)}")
        for event in events:
            if event not in self.carriers and not every:
                self.add(path, "NM06", f"{event!r} does not carry the slice key {self.form.slice!r}")
        return events

    def guards(self, events: Pattern, alias: str | None) -> dict[str, Expr]:
        if self.form.if_ is None:
            return {}
        result: dict[str, Expr] = {}
        for event in dict.fromkeys(a.event for a in events):
            here = self.vocabulary.events[event].data
            expr = self.read(("if",), self.form.if_, self.scope(event, {alias: here} if alias else {}))
            if expr is None:
                break  # the same text would fail again
            result[event] = expr
        return result

    def duty(self, sub: Path, form: _DutyForm, id_: str, alias: Mapping[str, Datum], always: bool) -> Duty:
        ends = self.form.slice is not None and bool(self.vocabulary.ends.get(self.form.slice))
        within = self.within(sub, form.within)
        maintain = form.mode == "maintain"
        if form.agent not in self.ontology.agents:
            self.add(
                (*sub, "agent"),
                "NM01",
                f"{form.agent!r} is no agent on the chart{nearest(form.agent, self.ontology.agents)}",
            )
        if maintain != (form.keep is not None) or (maintain and form.to is not None):
            self.add(sub, "NM02", "mode: maintain goes with keep: <condition> and without to")
        if not maintain and form.to is None:
            self.add(sub, "NM02", "says not what to do; write to: <event>")
        if form.is_ != "obliged" and (
            form.mode != "achieve" or form.within or form.before or form.preempt or form.inclusive
        ):
            self.add(sub, "NM02", f"{form.is_} has neither mode, deadline, preempt nor inclusive; write until")
        if form.is_ != "forbidden" and form.at_most:
            self.add((*sub, "at_most"), "NM02", "at_most goes with forbidden")
        if form.is_ == "obliged" and not maintain and form.until is not None:
            self.add((*sub, "until"), "NM02", "an obligation to act has within or before, not until")
        if form.is_ == "permitted" and (form.or_else or (sub == ("then",) and self.form.or_else)):
            self.add(sub, "NM02", "a permission is never violated; remove or_else")
        before = self.pattern((*sub, "before"), form.before, alias, every=True)
        until = self.pattern((*sub, "until"), form.until, alias, every=True)
        if not always and not ends:
            if form.is_ == "obliged" and not maintain and form.mode != "punctual" and within is None and not before:
                self.add(sub, "NM05", "has no deadline: write within or before, or slice by a key that ends")
            if (form.is_ != "obliged" or maintain) and not until:
                self.add(sub, "NM05", "never ends: write until, or slice by a key that ends")
        enders: Pattern = ()
        if self.form.slice is not None:
            enders = tuple(
                Atom(e) for e in sorted(self.vocabulary.ends[self.form.slice]) if e in self.vocabulary.events
            )
        if form.is_ != "obliged" or maintain:
            until += enders  # nothing of a slice outlives it, but for a duty with a time of its own
        elif within is None:
            before += enders
        if sub != ("then",) and (form.preempt or form.inclusive or form.instances != "each"):
            self.add(sub, "NM02", "a reparation has neither preempt, inclusive nor instances")
        if form.preempt and self.form.slice is not None and not ends:
            self.add((*sub, "preempt"), "NM05", f"needs unbounded memory: {self.form.slice!r} never ends")
        keep = None
        if form.keep is not None:
            keep = self.read((*sub, "keep"), form.keep, self.scope(None, self.aliases(alias), may_see=False))
        released = self.pattern((*sub, "released_by"), form.released_by, alias, every=True)
        or_else = list(form.or_else)
        paths: list[Path] = [(*sub, "or_else", i) for i in range(len(or_else))]
        if sub == ("then",):
            released += self.pattern(("released_by",), self.form.released_by, alias, every=True)
            or_else += self.form.or_else
            paths += [("or_else", i) for i in range(len(self.form.or_else))]
        return Duty(
            id_, form.agent, form.is_, self.pattern((*sub, "to"), form.to, alias), keep, form.mode, within, before,
            until,
            released, form.at_most, form.discharge, form.preempt, form.inclusive, form.instances,
            tuple(
                self.duty(p, d, f"{id_}/{i}", alias, False)
                for i, (p, d) in enumerate(zip(paths, or_else, strict=True), 1)
            ),
            _duty_text(form),
        )  # fmt: skip

    def within(self, sub: Path, text: str | None) -> int | None:
        if text is None:
            return None
        ms = duration_ms(text)
        if ms is None and text in self.parameters and self.parameters[text].type == DURATION:
            ms = int(self.parameters[text].value)
        if ms is None:
            durations = [n for n, p in self.parameters.items() if p.type == DURATION]
            self.add(
                (*sub, "within"),
                "NM01",
                f"{text!r} is no duration (30s, 10m, 24h) and no parameter{nearest(text, durations)}",
            )
        return ms

    # ------------------------------------------------ analysis and meaning

    def steps(self, norm: Norm) -> tuple[Step, ...]:
        """Return the four linked records of norm analysis; what the file gives must agree with the detail."""
        given = self.form.steps
        used = tuple(sorted({
            p.key if isinstance(p, Datum) else p.affordance
            for e in norm_exprs(norm) for p in expression.parts_of(e) if isinstance(p, (Datum, Holds))
        }))  # fmt: skip
        triggers = tuple(dict.fromkeys(a.event for a in norm.trigger)) if norm.trigger else ("always",)
        if given.responsibility is not None and given.responsibility not in self.ontology.agents:
            self.add(
                ("steps", "responsibility"),
                "NM07",
                f"{given.responsibility!r} is no agent{nearest(given.responsibility, self.ontology.agents)}",
            )
        elif given.responsibility is not None and not self.ontology.same_agent(norm.duty.agent, given.responsibility):
            self.add(
                ("steps", "responsibility"),
                "NM07",
                f"step 1 names {given.responsibility!r}, the norm {norm.duty.agent!r}",
            )
        if given.information is not None:
            for word in used:
                if word not in given.information:
                    self.add(("steps", "information"), "NM07", f"uses {word!r}, which step 2 does not list")
            for i, word in enumerate(given.information):
                if word not in used:
                    self.add(
                        ("steps", "information", i),
                        "NM07",
                        f"step 2 lists {word!r}, which the norm does not use{nearest(word, used)}",
                    )
        if given.trigger is not None and given.trigger not in triggers:
            self.add(("steps", "trigger"), "NM07", f"step 3 names {given.trigger!r}, the norm {', '.join(triggers)}")
        node = self.ontology.nodes[norm.affordance]
        authority = {"start": node.start, "finish": node.finish}.get(norm.bound) or node.start or norm.duty.agent
        return (
            Step(norm.id, 1, "responsibility", (given.responsibility or authority,), given.responsibility is not None),
            Step(
                norm.id, 2, "information", used if given.information is None else tuple(given.information),
                given.information is not None,
            ),
            Step(norm.id, 3, "trigger", (given.trigger,) if given.trigger else triggers, given.trigger is not None),
            Step(norm.id, 4, "detail", (norm.text,), True),
        )  # fmt: skip

    def check_meaning(self, norm: Norm) -> None:
        o = self.ontology
        own_end = norm.slice is not None and any(
            a.event in self.vocabulary.ends[norm.slice] for a in norm.trigger or ()
        )
        if own_end and norm.duty.within_ms is None:
            self.add(("whenever",), "NM05", f"begins as its {norm.slice} ends, and would never end; write within")
        sees = any(isinstance(p, expression.Seen) for e in norm_exprs(norm) for p in expression.parts_of(e))
        if sees and norm.slice is not None and not self.vocabulary.ends[norm.slice]:
            self.add((), "NM05", f"seen() needs unbounded memory: {norm.slice!r} never ends")
        for duty in norm.duty.all():
            for atom in duty.action:
                by = self.vocabulary.events[atom.event].by
                if not o.same_agent(duty.agent, by) and o.principal(duty.agent) != o.principal(by):
                    self.add(
                        ("then",),
                        "NM04",
                        f"{duty.agent!r} is {duty.operator} to do {atom.event!r}, which is an act of {by!r}",
                    )
        node = o.nodes[norm.affordance]
        authorities = [a for a in (node.start, node.finish) if a and not a.startswith("norm:")]
        if authorities and not any(
            o.same_agent(norm.duty.agent, a) or o.principal(norm.duty.agent) == o.principal(a) for a in authorities
        ):
            self.add(
                ("then", "agent"), "NM04",
                f"{norm.duty.agent!r} has no authority over {norm.affordance!r}, which "
                f"{' and '.join(dict.fromkeys(authorities))} "
                "start and finish",
                Severity.WARNING,
            )  # fmt: skip


def _sources(form: _NormForm) -> tuple[str, ...]:
    return tuple(f"{s.doc} {s.clause}".strip() for s in form.source)


def _pattern_text(form: Any) -> str:
    if form is None:
        return ""
    atoms = form.any or [form]
    return " or ".join(
        (a.event or f"{'start' if a.starts else 'finish'} {a.starts or a.finishes}")
        + (f" where {a.where}" if a.where else "")
        for a in atoms
    )  # fmt: skip


def _duty_text(form: _DutyForm) -> str:
    text = f"{form.agent} is {form.is_} to "
    text += f"keep {form.keep}" if form.keep else _pattern_text(form.to)
    for word, value in (
        ("within", form.within),
        ("before", _pattern_text(form.before)),
        ("until", _pattern_text(form.until)),
    ):
        text += f" {word} {value}" if value else ""
    return text
