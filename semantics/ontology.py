"""Ontology charts: what there is, on what it depends, and who may begin and end it.

Theory (Stamper, Liu). An *agent* can bear responsibility. An *affordance* is a pattern of behaviour that one agent,
or two things together, make possible; it exists only while its *antecedents* exist, so a chart is a partial order
with one root, drawn left to right, with at most two antecedents for each node. A *role* names the carrier inside
one affordance. A *determiner* (``#amount``) tells instances apart and has a second, implied antecedent: the standard
it is measured by. A *specific* inherits from its generic; a *part* depends on its whole. Each affordance has an
agent who answers for its start and one for its finish. "Comes after" is not "depends on": of each line one may ask
"if the left ended, would the right necessarily end?", and the answer is kept in ``asked``.

A chart is one or more YAML files, each one *part*:

    part: session
    title: Session and authentication
    root: society                                   # in one file only
    standards: {money: minor units of a currency}
    determiners: {'#amount': money}
    agents:      {terminal: {ante: [bank, site], acts_for: bank}}
    roles:       {user: {carrier: person, in: session}}
    affordances: {session: {ante: [person, terminal], det: ['#language'], by: {start: user, finish: terminal}}}
    particulars: {'#IBM': {of: organisation, ante: [society]}}
    records:     [{of: session, key: s1, start: 0, finish: 90, on: [p1, t1]}]   # initial or example records

`check` returns findings with the stable codes OC01 to OC15. An unknown word is always OC14.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kiosk import strict_yaml
from kiosk.strict_yaml import Document, DocumentError, Path
from semantics.finding import Finding, Severity, nearest, of_mistake

ANTECEDENTS_MAX: Final = 2

RULES: Final[Mapping[str, str]] = {
    "OC01": "exactly one root; every node is reached from it",
    "OC02": "no cycles",
    "OC03": "one or two antecedents for every node but the root",
    "OC04": "no line that a longer path already implies, unless it names a particular participant",
    "OC05": "a determiner has one declared measurement standard, and nothing depends on it",
    "OC06": "a particular is written '#' and upper case, and is an instance of something",
    "OC07": "a role belongs to one line, from a carrier to a relation that depends on it",
    "OC08": "one name, one meaning; one meaning, one node",
    "OC09": "'comes after' is not 'depends on', and a sign does not depend on what it is about",
    "OC10": "every affordance has an authority for its start and one for its finish",
    "OC11": "a specific stands on what its generic stands on, and under one line of generics",
    "OC12": "a part depends on its whole, and no whole is part of itself",
    "OC13": "an agent stands on every path from the root",
    "OC14": "every word resolves to a node, role, determiner or standard",
    "OC15": "a record lies within the records it depends on",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _NodeForm(_Strict):
    ante: list[str] = Field(default_factory=list)
    is_a: list[str] = Field(default_factory=list)
    part_of: str | None = None
    det: list[str] = Field(default_factory=list)
    long: bool = False
    acts_for: str | None = None
    by: dict[str, str] | str | None = None
    no_norm: dict[str, str] | str | None = None
    sign_of: str | None = None
    asked: dict[str, str] = Field(default_factory=dict)
    also: list[str] = Field(default_factory=list)
    means: str = ""

    _lists = field_validator("is_a", "also", mode="before")(_as_list)

    @field_validator("by", "no_norm")
    @classmethod
    def _bounds(cls, value: object) -> object:
        if isinstance(value, dict) and (wrong := value.keys() - {"start", "finish"}):
            raise ValueError(f"{sorted(wrong)[0]!r} is no bound; use start and finish")
        return value


class _RoleForm(_Strict):
    carrier: str
    in_: str = Field(alias="in")
    also: list[str] = Field(default_factory=list)


class _ParticularForm(_Strict):
    of: str
    ante: list[str] = Field(default_factory=list)


class _RecordForm(_Strict):
    of: str
    key: str
    start: int
    finish: int | None = None
    on: list[str] = Field(default_factory=list)


class _PartForm(_Strict):
    part: str
    title: str = ""
    root: str | None = None
    standards: dict[str, str] = Field(default_factory=dict)
    determiners: dict[str, str] = Field(default_factory=dict)
    agents: dict[str, _NodeForm] = Field(default_factory=dict)
    roles: dict[str, _RoleForm] = Field(default_factory=dict)
    affordances: dict[str, _NodeForm] = Field(default_factory=dict)
    particulars: dict[str, _ParticularForm] = Field(default_factory=dict)
    words: list[str] = Field(default_factory=list)  # words of flows or texts that must resolve (OC14)
    records: list[_RecordForm] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spot:
    """The document and path of something, so that a finding can say where."""

    document: Document
    path: Path


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the chart. `kind` is agent, affordance or particular.

    `start` and `finish` name the authority (an agent, a role, or ``norm:<id>``); `no_norm` the stated exceptions,
    by bound. `sign_of` marks a communication and names what it is about.
    """

    name: str
    kind: str
    part: str
    antecedents: tuple[str, ...]
    generics: tuple[str, ...] = ()
    whole: str | None = None
    determiners: tuple[str, ...] = ()
    long: bool = False
    acts_for: str | None = None
    start: str | None = None
    finish: str | None = None
    no_norm: Mapping[str, str] = field(default_factory=dict)
    sign_of: str | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    means: str = ""
    spot: Spot | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Role:
    """The name of `carrier` while it takes part in `relation`."""

    name: str
    carrier: str
    relation: str
    part: str
    also: tuple[str, ...] = ()
    spot: Spot | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """One realisation in the semantic temporal form: holds on [start, finish), `on` names records it stands on."""

    universal: str
    key: str
    start: int
    finish: int | None
    on: tuple[str, ...]
    spot: Spot | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Ontology:
    """A whole chart. It may be malformed: `check` says so; the queries below hold for any chart without panic."""

    root: str | None
    nodes: Mapping[str, Node]
    roles: Mapping[str, Role]
    standards: Mapping[str, str]
    determiners: Mapping[str, str]
    parts: Mapping[str, str]
    records: tuple[Record, ...]
    words: tuple[tuple[str, Spot], ...]
    repeated: tuple[tuple[str, str, Spot], ...]  # (name, where it stands first, second place)
    determiner_spots: Mapping[str, Spot]

    def resolves(self, word: str) -> bool:
        return word in self.nodes or word in self.roles or word in self.determiners or word in self.standards

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Return every word that a norm, event or flow may use."""
        return frozenset([*self.nodes, *self.roles, *self.determiners])

    @cached_property
    def agents(self) -> frozenset[str]:
        """Return what can bear responsibility: agents and the roles carried by them."""
        found = {n.name for n in self.nodes.values() if n.kind == "agent"}
        found |= {n.name for n in self.nodes.values() if n.kind == "particular" and found & set(n.generics)}
        while more := {r.name for r in self.roles.values() if r.carrier in found} - found:
            found |= more
        return frozenset(found)

    @cached_property
    def _ancestors(self) -> dict[str, frozenset[str]]:
        result: dict[str, frozenset[str]] = {}
        for name in self.nodes:
            seen: set[str] = set()
            todo = list(self.nodes[name].antecedents)
            while todo:
                here = self.relation_or_node(todo.pop())
                if here in self.nodes and here not in seen:
                    seen.add(here)
                    todo += self.nodes[here].antecedents
            result[name] = frozenset(seen)
        return result

    def relation_or_node(self, name: str) -> str:
        """Return the node an arc from `name` starts at: an arc from a role starts at its relation."""
        return self.roles[name].relation if name in self.roles else name

    def ancestors(self, name: str) -> frozenset[str]:
        """Return everything `name` stands on, itself not included (unless the chart has a cycle)."""
        return self._ancestors.get(name, frozenset())

    def generics(self, name: str) -> frozenset[str]:
        """Return all generics of `name`, nearest and farther."""
        seen: set[str] = set()
        todo = list(self.nodes[name].generics) if name in self.nodes else []
        while todo:
            here = todo.pop()
            if here in self.nodes and here not in seen:
                seen.add(here)
                todo += self.nodes[here].generics
        return frozenset(seen)

    def specifics(self, name: str) -> frozenset[str]:
        return frozenset(n for n in self.nodes if name in self.generics(n))

    def wholes(self, name: str) -> frozenset[str]:
        seen: set[str] = set()
        here = self.nodes[name].whole if name in self.nodes else None
        while here is not None and here in self.nodes and here not in seen:
            seen.add(here)
            here = self.nodes[here].whole
        return frozenset(seen)

    def principal(self, agent: str) -> str:
        """Return who answers for `agent`: an artificial agent's principal, a role's last carrier, or itself."""
        seen: set[str] = set()
        while agent not in seen:
            seen.add(agent)
            if agent in self.roles:
                agent = self.roles[agent].carrier
            elif agent in self.nodes and self.nodes[agent].acts_for:
                agent = str(self.nodes[agent].acts_for)
        return agent

    def same_agent(self, one: str, other: str) -> bool:
        """Tell whether `one` may act as `other`: equal, or one a role carried by the other, or its generic."""
        return one == other or other in self._carried(one) or one in self._carried(other)

    def _carried(self, agent: str) -> set[str]:
        seen: set[str] = set()
        while agent in self.roles and agent not in seen:
            seen.add(agent)
            agent = self.roles[agent].carrier
        return seen | {agent} | set(self.generics(agent))

    def depth(self, name: str) -> int:
        """Return the length of the longest path from the root, for drawing and sorting; 0 in a cycle."""
        return self._depths.get(name, 0)

    @cached_property
    def _depths(self) -> dict[str, int]:
        depths: dict[str, int] = {}
        pending = dict(self.nodes)
        while pending:
            ready = [
                n for n, node in pending.items()
                if all(self.relation_or_node(a) not in pending for a in node.antecedents)
            ]  # fmt: skip
            if not ready:
                break
            for name in ready:
                above = [self.relation_or_node(a) for a in pending[name].antecedents]
                depths[name] = 1 + max((depths.get(a, 0) for a in above), default=-1)
            for name in ready:
                del pending[name]
        return depths


def load_ontology(folder: FilePath) -> Ontology:
    """Read all parts of a chart. Raises DocumentError with every mistake of form in all files."""
    documents: list[Document] = []
    mistakes: list[strict_yaml.Mistake] = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            documents.append(strict_yaml.load(file))
        except DocumentError as error:
            mistakes += error.mistakes
    try:
        return ontology_of(documents)
    except DocumentError as error:
        raise DocumentError(mistakes + error.mistakes) from None
    finally:
        if mistakes:
            raise DocumentError(mistakes)


def _bounds_of(value: Mapping[str, str] | str | None) -> dict[str, str]:
    if isinstance(value, str):
        return {"start": value, "finish": value}
    return dict(value or {})


def ontology_of(documents: Iterable[Document]) -> Ontology:
    """Make one chart of all its parts. Raises DocumentError for mistakes of form; meaning is for `check`."""
    forms: list[tuple[Document, _PartForm]] = []
    mistakes: list[strict_yaml.Mistake] = []
    for document in documents:
        try:
            forms.append((document, document.as_model(_PartForm)))
        except DocumentError as error:
            mistakes += error.mistakes
    if mistakes:
        raise DocumentError(mistakes)
    nodes: dict[str, Node] = {}
    roles: dict[str, Role] = {}
    determiner_spots: dict[str, Spot] = {}
    standards: dict[str, str] = {}
    determiners: dict[str, str] = {}
    records: list[Record] = []
    words: list[tuple[str, Spot]] = []
    repeated: list[tuple[str, str, Spot]] = []
    first: dict[str, Spot] = {}
    root = None

    def once(name: str, spot: Spot) -> bool:
        if name in first:
            line, _ = first[name].document.place(first[name].path)
            repeated.append((name, f"{first[name].document.file}:{line}", spot))
            return False
        first[name] = spot
        return True

    for document, form in forms:
        root = form.root or root
        standards |= form.standards
        for name, standard in form.determiners.items():
            spot = Spot(document, ("determiners", name))
            if once(name, spot):
                determiners[name] = standard
                determiner_spots[name] = spot
        for section, kind, group in (("agents", "agent", form.agents), ("affordances", "affordance", form.affordances)):
            for name, n in group.items():
                spot = Spot(document, (section, name))
                if once(name, spot):
                    by = _bounds_of(n.by)
                    nodes[name] = Node(
                        name, kind, form.part, tuple(n.ante), tuple(n.is_a), n.part_of, tuple(n.det), n.long,
                        n.acts_for,
                        by.get("start"), by.get("finish"), _bounds_of(n.no_norm), n.sign_of, n.asked, tuple(n.also),
                        n.means, spot,
                    )  # fmt: skip
        for name, p in form.particulars.items():
            spot = Spot(document, ("particulars", name))
            if once(name, spot):
                nodes[name] = Node(name, "particular", form.part, tuple(p.ante), (p.of,), spot=spot)
        for name, r in form.roles.items():
            spot = Spot(document, ("roles", name))
            if once(name, spot):
                roles[name] = Role(name, r.carrier, r.in_, form.part, tuple(r.also), spot)
        for i, word in enumerate(form.words):
            words.append((word, Spot(document, ("words", i))))
        for i, x in enumerate(form.records):
            records.append(Record(x.of, x.key, x.start, x.finish, tuple(x.on), Spot(document, ("records", i))))
    return Ontology(
        root, nodes, roles, standards, determiners, {f.part: f.title or f.part for _, f in forms}, tuple(records),
        tuple(words), tuple(repeated), determiner_spots,
    )  # fmt: skip


def restricted(ontology: Ontology, parts: Iterable[str]) -> Ontology:
    """Return the chart of some parts with everything they stand on: what one page of a drawing shows."""
    wanted = set(parts)
    keep = {n.name for n in ontology.nodes.values() if n.part in wanted}
    keep |= {a for n in keep for a in ontology.nodes[n].antecedents for a in [ontology.relation_or_node(a)]}
    return replace(ontology, nodes={n: v for n, v in ontology.nodes.items() if n in keep})


# ---------------------------------------------------------------- well-formedness


def check(ontology: Ontology, used: Iterable[str] = ()) -> list[Finding]:
    """Return everything wrong with the chart, in order of place.

    `used` are words of bindings, norms and flows: they must resolve (OC14), and nodes that neither they nor another
    node mention are noted.
    """
    found = [f for rule in _CHECKS for f in rule(ontology)]
    unknown = [w for w in used if not ontology.resolves(w)]
    root = ontology.nodes.get(ontology.root or "")
    for word in sorted(set(unknown)):
        found.append(
            _at(root, (), "OC14", f"{word!r} is used and not on the chart{nearest(word, ontology.vocabulary)}")
        )
    return sorted(found, key=lambda f: (f.file, f.line, f.column, f.code))


def _at(
    where: Node | Role | Record | None, sub: Path, code: str, message: str, severity: Severity = Severity.ERROR
) -> Finding:
    spot = where.spot if where is not None else None
    if spot is None:
        return Finding(code, severity, "<ontology>", 1, 1, message)
    return of_mistake(spot.document.mistake((*spot.path, *sub), message), code, severity)


def _oc01(o: Ontology) -> Iterator[Finding]:
    roots = [n for n in o.nodes.values() if not n.antecedents]
    if o.root is None:
        yield _at(roots[0] if roots else None, (), "OC01", "no file says root: <name>")
    elif o.root not in o.nodes:
        yield _at(None, (), "OC01", f"the root {o.root!r} is not on the chart{nearest(o.root, o.nodes)}")
    elif o.nodes[o.root].antecedents:
        yield _at(o.nodes[o.root], ("ante",), "OC01", f"the root {o.root!r} has antecedents; it stands on nothing")
    for n in roots:
        if n.name != o.root:
            yield _at(n, (), "OC01", f"{n.name!r} stands on nothing, and the root is {o.root!r}; give it an antecedent")


def _oc02(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        if n.name in o.ancestors(n.name):
            yield _at(n, ("ante",), "OC02", f"{n.name!r} stands on itself through {', '.join(n.antecedents)}")


def _oc03(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        if len(n.antecedents) > ANTECEDENTS_MAX:
            yield _at(
                n, ("ante", ANTECEDENTS_MAX), "OC03",
                f"{n.name!r} has {len(n.antecedents)} antecedents; at most two: a concept in between is missing",
            )  # fmt: skip
        if len(set(n.antecedents)) < len(n.antecedents):
            yield _at(n, ("ante",), "OC03", f"{n.name!r} names the same antecedent twice")


def _oc04(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        for i, a in enumerate(n.antecedents):
            others = [o.relation_or_node(x) for x in n.antecedents if x != a]
            here = o.relation_or_node(a)
            implied = any(here in o.ancestors(x) and x not in o.ancestors(x) for x in others)
            if implied and a not in n.asked:
                yield _at(
                    n, ("ante", i), "OC04",
                    f"{n.name!r} stands on {a!r} already through {others[0]!r}; keep the line only for a particular "
                    f"participant, and say so under asked: {{{a}: ...}}",
                    Severity.WARNING,
                )  # fmt: skip


def _oc05(o: Ontology) -> Iterator[Finding]:
    for name, standard in o.determiners.items():
        spot = o.determiner_spots[name]
        if not re.fullmatch(r"#[a-z][a-z0-9_-]*", name):
            yield of_mistake(
                spot.document.mistake(spot.path, f"{name!r}: a determiner is written '#' and lower case"), "OC05"
            )
        if standard not in o.standards and standard not in o.nodes:
            near = nearest(standard, o.standards)
            message = f"{name!r} is measured in {standard!r}, which is no declared standard{near}"
            yield of_mistake(spot.document.mistake(spot.path, message), "OC05")
    for n in o.nodes.values():
        for i, d in enumerate(n.determiners):
            if d not in o.determiners:
                yield _at(
                    n, ("det", i), "OC05",
                    f"{d!r} has no measurement standard; write it under determiners{nearest(d, o.determiners)}",
                )  # fmt: skip
        for i, a in enumerate(n.antecedents):
            if a in o.determiners:
                yield _at(n, ("ante", i), "OC05", f"{n.name!r} stands on the determiner {a!r}; nothing does")


def _oc06(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        marked = bool(re.fullmatch(r"#[A-Z][A-Z0-9_-]*", n.name))
        if n.kind == "particular" and not marked:
            yield _at(
                n,
                (),
                "OC06",
                f"{n.name!r} is a particular: write it '#' and upper case, {'#' + n.name.strip('#').upper()!r}",
            )
        if n.kind != "particular" and n.name.startswith("#"):
            yield _at(n, (), "OC06", f"{n.name!r} looks like a particular and is declared as {n.kind}")


def _oc07(o: Ontology) -> Iterator[Finding]:
    for r in o.roles.values():
        if r.carrier not in o.nodes and r.carrier not in o.roles:
            yield _at(
                r, ("carrier",), "OC14", f"role {r.name!r}: there is no {r.carrier!r}{nearest(r.carrier, o.vocabulary)}"
            )
            continue
        if r.relation not in o.nodes:
            yield _at(r, ("in",), "OC14", f"role {r.name!r}: there is no {r.relation!r}{nearest(r.relation, o.nodes)}")
            continue
        carrier = o.relation_or_node(r.carrier)
        direct = {o.relation_or_node(a) for a in o.nodes[r.relation].antecedents}
        family = {carrier} | o.generics(carrier) | o.specifics(carrier)
        if not direct & family:
            yield _at(
                r, ("in",), "OC07",
                f"role {r.name!r}: no line runs from {r.carrier!r} to {r.relation!r}, which stands on "
                f"{', '.join(o.nodes[r.relation].antecedents) or 'nothing'}",
            )  # fmt: skip


def _oc08(o: Ontology) -> Iterator[Finding]:
    for name, where, spot in o.repeated:
        yield of_mistake(
            spot.document.mistake(spot.path, f"{name!r} has a meaning already, at {where}; one name, one meaning"),
            "OC08",
        )
    taken: dict[str, str] = {}
    things: list[Node | Role] = [*o.nodes.values(), *o.roles.values()]
    for thing in things:
        for i, synonym in enumerate(thing.also):
            if o.resolves(synonym):
                yield _at(
                    thing, ("also", i), "OC08", f"{synonym!r} is said to mean {thing.name!r} and is a node itself"
                )
            elif taken.setdefault(synonym, thing.name) != thing.name:
                yield _at(thing, ("also", i), "OC08", f"{synonym!r} means {taken[synonym]!r} and {thing.name!r}")
    meanings: dict[str, str] = {}
    for n in o.nodes.values():
        if n.means and meanings.setdefault(n.means, n.name) != n.name:
            yield _at(
                n, ("means",), "OC08", f"{n.name!r} and {meanings[n.means]!r} mean the same; one of them is too many"
            )


def _oc09(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        for a, answer in n.asked.items():
            if a not in n.antecedents:
                yield _at(n, ("asked", a), "OC14", f"{a!r} is no antecedent of {n.name!r}{nearest(a, n.antecedents)}")
            elif answer.lower().split(",")[0].split(" ")[0].strip(":;.") == "no":
                yield _at(
                    n, ("asked", a), "OC09",
                    f"{n.name!r} would not end with {a!r}: it comes after it and does not depend on it; "
                    "remove the line",
                )  # fmt: skip
        if n.sign_of is not None:
            if n.sign_of not in o.nodes:
                yield _at(n, ("sign_of",), "OC14", f"there is no {n.sign_of!r}{nearest(n.sign_of, o.nodes)}")
            elif n.sign_of in n.antecedents:
                yield _at(
                    n, ("ante", n.antecedents.index(n.sign_of)), "OC09",
                    f"{n.name!r} is a sign about {n.sign_of!r} and does not depend on it",
                )  # fmt: skip


def _oc10(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        if n.kind != "affordance":
            continue
        for bound, authority in (("start", n.start), ("finish", n.finish)):
            if authority is None:
                yield _at(
                    n, ("by",), "OC10", f"nobody answers for the {bound} of {n.name!r}; write by: {{{bound}: <agent>}}"
                )
            elif not authority.startswith("norm:") and authority not in o.agents:
                sub: Path = ("by", bound)
                what = f"{authority!r} is no agent" if o.resolves(authority) else f"there is no agent {authority!r}"
                yield _at(n, sub, "OC10", f"the {bound} of {n.name!r}: {what}{nearest(authority, o.agents)}")
        for bound in n.no_norm:
            if not n.no_norm[bound].strip():
                yield _at(n, ("no_norm", bound), "OC10", f"{n.name!r} has no norm for its {bound} and gives no reason")


def _oc11(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        if n.kind == "particular":
            continue
        known = [g for g in n.generics if g in o.nodes]
        if n.name in o.generics(n.name):
            yield _at(n, ("is_a",), "OC11", f"{n.name!r} is its own generic")
            continue
        for i, g in enumerate(known):
            missing = [a for a in o.nodes[g].antecedents if o.relation_or_node(a) not in o.ancestors(n.name)]
            if missing:
                yield _at(
                    n, ("is_a", i), "OC11",
                    f"{n.name!r} is a {g!r} and does not stand on {', '.join(map(repr, missing))} as {g!r} does",
                )  # fmt: skip
            if g in o.ancestors(n.name):
                yield _at(n, ("is_a", i), "OC11", f"{n.name!r} is a {g!r} and stands on it; it is one or the other")
            for h in known[:i]:
                if g not in o.generics(h) and h not in o.generics(g):
                    yield _at(n, ("is_a", i), "OC11", f"{n.name!r} stands under {h!r} and {g!r}, which are disjoint")


def _oc12(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        if n.whole is None or n.whole not in o.nodes:
            continue
        if n.name in o.wholes(n.name):
            yield _at(n, ("part_of",), "OC12", f"{n.name!r} is a part of itself")
        elif n.whole not in o.ancestors(n.name):
            yield _at(n, ("part_of",), "OC12", f"{n.name!r} is part of {n.whole!r} and does not depend on it")
        if n.long:
            yield _at(n, ("long",), "OC12", f"{n.name!r} is part of {n.whole!r} and cannot outlive it")


def _oc13(o: Ontology) -> Iterator[Finding]:
    """Walk from the root along nodes that are no agents: what is reached so has nobody responsible before it."""
    bare = {n.name for n in o.nodes.values() if n.name == o.root and n.kind != "agent"}
    while True:
        more = {
            n.name for n in o.nodes.values()
            if n.kind != "agent" and n.name not in bare and any(o.relation_or_node(a) in bare for a in n.antecedents)
        }  # fmt: skip
        if not more:
            break
        bare |= more
    for n in o.nodes.values():
        if n.name in bare and n.name != o.root:
            yield _at(
                n,
                ("ante",),
                "OC13",
                f"no agent stands between the root {o.root!r} and {n.name!r}: nobody is responsible",
            )


def _oc14(o: Ontology) -> Iterator[Finding]:
    for n in o.nodes.values():
        for i, a in enumerate(n.antecedents):
            if not o.resolves(a):
                yield _at(n, ("ante", i), "OC14", f"there is no {a!r}{nearest(a, o.vocabulary)}")
        for i, g in enumerate(n.generics):
            if g not in o.nodes:
                yield _at(
                    n,
                    ("is_a", i) if n.kind != "particular" else ("of",),
                    "OC14",
                    f"there is no {g!r}{nearest(g, o.nodes)}",
                )
        if n.whole is not None and n.whole not in o.nodes:
            yield _at(n, ("part_of",), "OC14", f"there is no {n.whole!r}{nearest(n.whole, o.nodes)}")
        if n.acts_for is not None and n.acts_for not in o.agents:
            yield _at(n, ("acts_for",), "OC14", f"there is no agent {n.acts_for!r}{nearest(n.acts_for, o.agents)}")
        if n.long and "session" in o.ancestors(n.name):
            yield _at(n, ("ante",), "OC15", f"{n.name!r} may outlive the session and hangs on it")
    for word, spot in o.words:
        if not o.resolves(word):
            yield of_mistake(
                spot.document.mistake(spot.path, f"{word!r} is not on the chart{nearest(word, o.vocabulary)}"), "OC14"
            )


def _oc15(o: Ontology) -> Iterator[Finding]:
    return iter(containment(o, o.records))


def containment(o: Ontology, records: Iterable[Record]) -> list[Finding]:
    """Check recorded periods: each lies within those it stands on, and stands on records of its antecedents."""
    records = list(records)
    by_key = {r.key: r for r in records}
    found: list[Finding] = []
    for r in records:
        if r.universal not in o.nodes:
            found.append(_at(r, ("of",), "OC14", f"there is no {r.universal!r}{nearest(r.universal, o.nodes)}"))
            continue
        if r.finish is not None and r.finish < r.start:
            found.append(_at(r, ("finish",), "OC15", f"{r.key!r} ends at {r.finish}, before it starts at {r.start}"))
        for i, key in enumerate(r.on):
            base = by_key.get(key)
            if base is None:
                found.append(_at(r, ("on", i), "OC15", f"{r.key!r} stands on {key!r}, of which there is no record"))
                continue
            wanted = {o.relation_or_node(a) for a in o.nodes[r.universal].antecedents}
            family = {base.universal} | o.generics(base.universal)
            if not family & wanted:
                found.append(_at(r, ("on", i), "OC15", f"{r.universal!r} does not stand on {base.universal!r}"))
            if r.start < base.start:
                found.append(
                    _at(r, ("start",), "OC15", f"{r.key!r} starts at {r.start}, before {key!r} at {base.start}")
                )
            if base.finish is not None and (r.finish is None or r.finish > base.finish):
                end = "never" if r.finish is None else f"at {r.finish}"
                found.append(_at(r, ("finish",), "OC15", f"{r.key!r} ends {end}, after {key!r} at {base.finish}"))
    return found


_CHECKS: Final = (
    _oc01, _oc02, _oc03, _oc04, _oc05, _oc06, _oc07, _oc08, _oc09, _oc10, _oc11, _oc12, _oc13, _oc14, _oc15,
)  # fmt: skip


def unused(ontology: Ontology, used: Iterable[str]) -> list[str]:
    """Return affordances that no other node, role or given word mentions."""
    mentioned: set[str] = set(used)
    for n in ontology.nodes.values():
        mentioned |= {ontology.relation_or_node(a) for a in n.antecedents} | set(n.generics)
        mentioned |= {n.whole or "", n.sign_of or ""}
    mentioned |= {r.relation for r in ontology.roles.values()}
    return sorted(n.name for n in ontology.nodes.values() if n.kind == "affordance" and n.name not in mentioned)


def as_records(ontology: Ontology) -> list[dict[str, Any]]:
    """Return the chart as rows of the semantic temporal form (sort, label, antecedents, authorities), for export."""
    return [
        {
            "sort": n.kind, "label": n.name, "part": n.part,
            "antecedent_1": n.antecedents[0] if n.antecedents else None,
            "antecedent_2": n.antecedents[1] if len(n.antecedents) > 1 else None,
            "generic": n.generics[0] if n.generics else None, "whole": n.whole,
            "start_authority": n.start, "finish_authority": n.finish,
        }
        for n in ontology.nodes.values()
    ]  # fmt: skip
