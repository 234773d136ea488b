"""C9: would the suite notice if a norm said something else? Each norm is changed in small ways, one at a time.

A mutant is killed if, in some journal of the suite, any verdict on it, on its exceptions or on what it is an exception
to differs from the verdicts under the norm as written. Changes of the agent are not made: the agent of an act is the
vocabulary's, so model check refuses such a norm (NM04).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from semantics.monitor import Monitor
from semantics.norms.expression import FLAG, Expr, Literal, Not
from semantics.norms.language import Atom, Norm, NormSet

Entry = Mapping[str, Any]
Journals = Sequence[tuple[str, Sequence[Entry]]]


@dataclass(frozen=True)
class Mutant:
    """A norm with one change, in words."""

    norm: Norm
    says: str


def mutants(norm: Norm) -> Iterator[Mutant]:
    """Yield the changes of one norm that give a norm of the language."""
    duty = norm.duty

    def with_duty(says: str, **changes: Any) -> Mutant:
        return Mutant(replace(norm, duty=replace(duty, **changes)), says)

    if duty.keep is not None:
        yield with_duty("the contrary is kept", keep=Not(duty.keep))
    elif duty.operator == "obliged":
        yield with_duty("forbidden instead of obliged", operator="forbidden", mode="achieve", within_ms=None, before=(),
                        until=(*duty.until, *duty.before), or_else=(), preempt=False, inclusive=False)  # fmt: skip
    elif norm.trigger is not None:
        yield with_duty("obliged instead of " + duty.operator, operator="obliged", before=duty.until, until=(),
                        at_most=0)  # fmt: skip
    else:
        other = "permitted" if duty.operator == "forbidden" else "forbidden"
        yield with_duty(f"{other} instead of {duty.operator}", operator=other, or_else=())
    if duty.within_ms is not None and duty.operator == "obliged":
        yield with_duty("a hundredth of the time", within_ms=duty.within_ms // 100)
        yield with_duty("a hundred times the time", within_ms=duty.within_ms * 100)
    if duty.at_most:
        yield with_duty("one less allowed", at_most=duty.at_most - 1)
    for n, atom in enumerate(duty.action):
        if len(duty.action) > 1:
            yield with_duty(f"not by {atom.event}", action=(*duty.action[:n], *duty.action[n + 1 :]))
        if atom.where is not None:
            bare = (*duty.action[:n], Atom(atom.event), *duty.action[n + 1 :])
            yield with_duty(f"any {atom.event}", action=bare)
    if duty.released_by:
        yield with_duty("never released", released_by=())
    if duty.or_else:
        yield with_duty("no reparation", or_else=())
    if norm.overrides:
        yield Mutant(replace(norm, overrides=frozenset()), "no exception any more")
    if norm.guards:
        yield Mutant(_guarded(norm, lambda _: Literal(True, FLAG)), "without its `if`")
        yield Mutant(_guarded(norm, Not), "with the contrary of its `if`")


def _guarded(norm: Norm, change: Any) -> Norm:
    made: dict[str, Expr] = {event: change(guard) for event, guard in norm.guards.items()}
    return replace(norm, guards=made)


def _family(norms: NormSet, norm: Norm) -> tuple[Norm, ...]:
    """Return a norm with what its verdicts depend on, and whose verdicts depend on it."""
    near = {norm.id, *norm.overrides, *(n.id for n in norms.overriders[norm.id])}
    near |= {r.id for r in norms.rivals.get(norm.id, ())}
    near |= {f for f, rivals in norms.rivals.items() if any(r.id == norm.id for r in rivals)}
    near |= {n.id for o in list(near) for n in norms.overriders[o]}
    return tuple(n for n in norms.norms if n.id in near)


def _relevant(norm: Norm, said: Mapping[str, frozenset[str]]) -> list[str]:
    words = {a.event for a in norm.trigger or norm.duty.action}
    return [name for name, events in said.items() if events & words]


def _verdicts(monitor: Monitor, entries: Iterable[Entry]) -> tuple[Counter[Any], tuple[Any, ...]]:
    monitor.reset()
    monitor.feed_all(entries)
    report = monitor.report()
    said = Counter((v.duty, v.outcome, v.trigger, v.evidence) for v in report.verdicts)
    return said, tuple((n.norm, n.activations) for n in report.norms)


def unnoticed(norms: NormSet, journals: Journals, only: Iterable[str]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return, for each norm in `only`, how many changes were tried, and those that no journal notices."""
    by_name = dict(journals)
    words = norms.vocabulary
    said = {
        name: frozenset(e.name for r in entries if r["kind"] in words.kinds for e in words.recognise(r))
        for name, entries in journals
    }
    result: dict[str, tuple[int, tuple[str, ...]]] = {}
    for norm in (norms.by_id[n] for n in only):
        family = _family(norms, norm)
        names = _relevant(norm, said)
        as_written = Monitor(NormSet(family, words, parameters=norms.parameters), integrity=False)
        expected = {name: _verdicts(as_written, by_name[name]) for name in names}
        tried, left = 0, []
        for mutant in mutants(norm):
            tried += 1
            changed = tuple(mutant.norm if n.id == norm.id else n for n in family)
            monitor = Monitor(NormSet(changed, words, parameters=norms.parameters), integrity=False)
            if all(_verdicts(monitor, by_name[name]) == expected[name] for name in names):
                left.append(mutant.says)
        result[norm.id] = (tried, tuple(left))
    return result
