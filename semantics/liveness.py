"""Which variables still matter at a place of the exploration: those that some way on may read before they are written.

A variable that matters no more is forgotten there: it gets its start value, so that places merge which nothing that
follows can tell apart. No behaviour is lost or added by that.

It is the liveness analysis of compilers. Within one flow it goes backwards over the arcs of each state, with every
guard of the state read and every arc possible. A place is a stack of such states: what matters there is what matters to
any flow on it, and what a called flow may read before its own end; a variable whose scope is a flow above goes with it
and matters to nobody below. Always kept are durable variables and what a power cut, a key of records, a rest or the
environment's affordances ask: they can be asked for at any place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

from kiosk.flow.chart import Chart, Transition, callees
from semantics.actions import OUTCOMES, Actions, Ask, Effect, Vars

Stack = tuple[tuple[str, str], ...]
_Names = frozenset[str]
_NONE: _Names = frozenset()


class Liveness:
    """What matters at each place of some charts under an effect table."""

    def __init__(self, charts: Mapping[str, Chart], actions: Actions) -> None:
        self._charts, self._a = charts, actions
        self._every = frozenset(actions.start)
        self._action = cache(self._of_action)
        cut, ends = actions.power_cut, actions.ends
        self._always = frozenset(
            actions.durable | {"card", "left_card", "path_unsure"} | set(actions.keys.values())
            | self._effect(cut, _NONE).union(*(self._case(case, _NONE) for case in cut.cases))
            | self._reads(*actions.fluents.values(), *(end.keep for end in ends))
        )  # fmt: skip
        self._at = {(flow, state): _NONE for flow, chart in charts.items() for state in chart.states}
        self._fixpoint()
        self.forgotten = cache(self._forgotten)

    def _forgotten(self, stack: Stack, pending: tuple[str, ...]) -> Vars:
        """Return the variables that matter no more at a place, with the start values that they get."""
        matter = _NONE
        for flow, state in stack:
            matter = (matter - self._scoped(flow)) | self._at[flow, state]
        matter = matter.union(self._always, *map(self._answers, pending))
        return {name: start for name, start in self._a.start.items() if name not in matter}

    # ------------------------------------------------ flows, backwards

    def _scoped(self, flow: str) -> _Names:
        scoped = self._a.scoped
        return frozenset((*scoped.get(flow, ()), *scoped.get(self._charts[flow].kind, ())))

    def _fixpoint(self) -> None:
        arcs = [(c, t, *self._ends(partial(self._before, t))) for c in self._charts.values() for t in c.transitions]
        arcs.reverse()  # what comes late is mostly written late
        changed = True
        while changed:
            changed = False
            for chart, arc, asked, left in arcs:
                stays = arc.target == arc.source and not arc.again
                after = self._at[chart.name, arc.target] if stays else self._entering(chart, arc.target)
                before = self._at[chart.name, arc.source]
                now = before | asked | (after & left)
                if now != before:
                    self._at[chart.name, arc.source] = now
                    changed = True

    def _ends(self, before: Callable[[_Names], _Names]) -> tuple[_Names, _Names]:
        """Return what matters before something if nothing, and if everything, does after it.

        The two say it all: each variable passes for itself, so `m` after it is the first and what `m` and the second
        have in common before it.
        """
        return before(_NONE), before(self._every)

    def _before(self, arc: Transition, matter: _Names) -> _Names:
        """Return what matters before an arc is taken, or tried, if `matter` does where it leads."""
        matter = self._acts(arc.actions, matter)
        for guard in arc.guards:
            rule = self._a.guards.get(guard.name)
            if rule is not None:
                matter |= self._reads(rule.is_, rule.may)
        event = self._a.events.get(arc.event)
        return matter if event is None else self._event(event, matter)

    def _entering(self, chart: Chart, state: str) -> _Names:
        there = chart.states[state]
        after = self._at[chart.name, state]
        called = callees(self._charts, there)
        if not called:
            return after
        matter = _NONE
        for name in called:
            flow = self._charts[name]
            first = self._acts(flow.begin, self._entering(flow, flow.initial))
            matter |= first | (after - self._scoped(name))
        return matter | ({self._a.choices[there.call_any.by].sets} if there.call_any else _NONE)

    # ------------------------------------------------ effects, backwards

    def _acts(self, names: tuple[str, ...], matter: _Names) -> _Names:
        for name in reversed(names):
            asked, left = self._action(name)
            matter = asked | (matter & left)
        return matter

    def _of_action(self, name: str) -> tuple[_Names, _Names]:
        effect = self._a.actions.get(name)
        return self._ends(lambda m: m if effect is None else self._effect(effect, m))

    def _effect(self, effect: Effect, matter: _Names) -> _Names:
        """Return what matters before an effect if `matter` does after it. The order is `exploration`'s, backwards."""
        matter = self._set(effect.set_after, matter)
        matter = self._acts(effect.then, matter)
        if effect.order:
            matter |= self._answers(effect.order)
        if effect.ask:
            matter |= self._answers("")
        for record in effect.records:
            matter |= self._reads(record.when, *record.data.values())
            matter |= self._reads(*(end.keep for end in self._a.balances.get(record.kind, ())))
        matter = self._set(effect.set, matter)
        if effect.cases:
            whole = any(case.when is None for case in effect.cases)
            matter = (_NONE if whole else matter).union(*(self._case(case, matter) for case in effect.cases))
        if effect.pick:
            rules = self._a.choices[effect.pick]
            matter = (matter - {rules.sets}) | self._reads(*rules.when.values())
        return self._acts(effect.use, matter) | self._reads(effect.needs)

    def _case(self, case: Effect, matter: _Names) -> _Names:
        return self._chosen(case, self._effect(case, matter)) | self._reads(case.when)

    def _event(self, event: Effect, matter: _Names) -> _Names:
        return self._chosen(event, self._set(event.set, matter) | self._reads(event.when))

    def _answers(self, order: str) -> _Names:
        """Return what the answers to an order ask for, those of the host if it is none."""
        names = [f"{order}_{o}" for o in OUTCOMES] if order in self._a.orders else self._a.host_answers
        return _NONE.union(*(self._event(self._a.events[n], _NONE) for n in names if n in self._a.events))

    def _chosen(self, effect: Effect, matter: _Names) -> _Names:
        for name, values in reversed(tuple(effect.choose.items())):
            matter = (matter - {name}) | self._reads(*values)
        return matter

    def _set(self, values: Mapping[str, Ask], matter: _Names) -> _Names:
        return (matter - values.keys()) | self._reads(*values.values())

    def _reads(self, *asks: Ask | None) -> _Names:
        return _NONE.union(*(self._a.reads.get(ask, _NONE) for ask in asks if ask is not None))
