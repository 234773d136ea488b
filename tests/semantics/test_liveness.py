"""What the exploration forgets changes nothing that can happen: with and without it the same steps can follow."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from semantics.actions import Actions, End, Vars
from semantics.exploration import Edge, Graph, explore
from semantics.verifier import rules_of
from tests.semantics.test_verifier import loaded


def forgetting_nothing(actions: Actions) -> Actions:
    """Return a table that asks for every variable at rest, so that each of them always matters."""

    def all_is_well(_: Vars) -> bool:
        return True

    ends = (*actions.ends, End("VF-ALL", all_is_well, "never"))
    return replace(actions, ends=ends, reads={**actions.reads, all_is_well: frozenset(actions.start)})


def steps(graph: Graph, place: int) -> dict[Any, Edge]:
    """Return what can happen at a place and can be told: what it is, what was decided, and what is written of it."""
    found: dict[Any, Edge] = {}
    for n in graph.out[place]:
        edge = graph.edges[n]
        wrote = tuple((w.kind, repr(w.data), before, after) for w, before, after in edge.records)
        if wrote or edge.arcs:
            label = (edge.event, edge.said, edge.arcs, wrote, edge.stays)
            assert found.setdefault(label, edge).target == edge.target, label
    return found


@pytest.mark.parametrize("service", ["withdrawal", "inquiry", "ticket"])
def test_what_is_forgotten_changes_nothing_that_can_happen(service: str) -> None:
    charts, actions, norms = loaded()
    rules = rules_of(norms, actions)
    only = frozenset({service})
    less = explore(charts, actions, rules, services=only)
    more = explore(charts, forgetting_nothing(actions), rules, services=only)
    assert len(less.nodes) < len(more.nodes)
    seen = {(0, 0)}
    todo = deque(seen)
    while todo:
        one, other = todo.popleft()
        here, there = steps(less, one), steps(more, other)
        assert here.keys() == there.keys(), (less.nodes[one], more.nodes[other])
        for label, edge in here.items():
            after = (edge.target, there[label].target)
            if after not in seen:
                seen.add(after)
                todo.append(after)
    assert {b for _, b in seen} == set(range(len(more.nodes))), "every place of the whole graph has its own here"


def test_a_variable_matters_from_where_it_is_written_to_where_it_is_read_last() -> None:
    charts, actions, norms = loaded()
    graph = explore(charts, actions, rules_of(norms, actions), services=frozenset({"withdrawal"}))

    def forgotten(at: str) -> set[str]:
        """Return what is forgotten at some place of this state."""
        return {name for node in graph.nodes if node.at == at for name in graph.forgotten(node.stack, node.pending)}

    assert "card_fine" not in forgotten("session/judging")
    assert "card_fine" in forgotten("session/menu")
    assert "case" not in forgotten("session/menu"), "every record carries it"
    assert "wrong_pins" not in forgotten("ask_host/asking"), "an answer that is awaited asks for it"
    assert "wrong_pins" in forgotten("print_receipt/showing")
