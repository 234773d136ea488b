"""A small world for tests of norms: an ontology, a vocabulary and helpers that make norm sets and records."""

from __future__ import annotations

import json
from typing import Any

from semantics.finding import Finding, Severity
from semantics.norms.language import NormSet, norms_of
from semantics.norms.source import source_of
from semantics.norms.vocabulary import Vocabulary, vocabulary_of
from semantics.ontology import check, ontology_of

ONTOLOGY = """
part: world
root: society
agents:
  society: {}
  bank: {ante: [society]}
  person: {ante: [society], acts_for: bank}  # so that tests need not care who acts
affordances:
  visit: {ante: [person, bank], by: person}
  order: {ante: [visit], by: {start: person, finish: bank}}
  small_order: {ante: [visit], is_a: order, by: {start: person, finish: bank}}
  alarm: {ante: [bank], by: bank}
"""

VOCABULARY = """
keys: {visit: {ended_by: [left]}, card: {}}
affordances: {visit: visit, order: visit, small_order: visit, alarm: null}
kinds:
  came: {by: person, starts: [visit], data: {visit: text, card: text?}}
  left: {by: person, finishes: [visit], data: {visit: text}}
  asked: {by: person, starts: [order], data: {visit: text, amount: money?, word: [yes, no]}}
  paid: {by: bank, finishes: [order], data: {visit: text, amount: money?, card: text?}}
  rang: {by: bank, starts: [alarm], data: {visit: text?}}
  hushed: {by: bank, finishes: [alarm], data: {visit: text?}}
  step: {by: bank, data: {visit: text?, event: text, moves: opaque?}}
  boot: {by: bank}
  secret: {by: bank, closed: true, data: {visit: text?}}
events:
  asked_much: {of: asked, where: amount > 100, by: person}
  asked_little: {of: asked, where: amount <= 10, by: person, starts: [small_order]}
  waved: {of: step, event: waved, by: person, data: {amount: money?}}
  winked: {of: step, event: winked, where: amount == 1, by: person, data: {amount: money?}}
  went_home: {of: step, enters: {flow: main, state: home}, by: person}
"""


def vocabulary() -> Vocabulary:
    ontology = ontology_of([source_of(ONTOLOGY, "ontology.yaml").document])
    assert not check(ontology)
    words, found = vocabulary_of([source_of(VOCABULARY, "vocabulary.yaml")], ontology)
    assert not found, "\n".join(map(str, found))
    return words


WORDS = vocabulary()


def norm(id_: str, then: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """Return the form of one norm with everything a test does not care about filled in."""
    agent = {"agent": "bank", **then}
    text = "whenever it matters then bank is obliged to act"
    return {"id": id_, "affordance": "order", "bound": "start", "source": ["test"], "text": text, "then": agent, **rest}


def read_norms(*forms: dict[str, Any], parameters: dict[str, Any] | None = None) -> tuple[NormSet, list[Finding]]:
    text = json.dumps({"group": "tests", "parameters": parameters or {}, "norms": list(forms)}, indent=1)
    return norms_of([source_of(text, "norms.yaml")], WORDS)


def norm_set(*forms: dict[str, Any], parameters: dict[str, Any] | None = None) -> NormSet:
    norms, found = read_norms(*forms, parameters=parameters)
    assert [f for f in found if f.severity is Severity.ERROR] == []
    return norms


def records(*events: tuple[int, str, dict[str, Any]], seq: int = 1) -> list[dict[str, Any]]:
    """Return records from (ms, kind, data); the wall clock goes with ms from 2025-06-01T00:00:00 UTC."""
    result = []
    for n, (ms, kind, data) in enumerate(events, seq):
        at = f"2025-06-01T{ms // 3_600_000 % 24:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}+00:00"
        result.append({"seq": n, "ms": ms, "at": at, "kind": kind, "data": data})
    return result
