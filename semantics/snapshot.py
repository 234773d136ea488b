"""The whole state of a monitor as plain data, to be kept beside a journal and taken up again.

Verdicts not yet taken are not part of it: take and keep them first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from semantics.instances import ALIVE, BOUND, DUTY, NUMBER, SLICE
from semantics.monitor import Monitor
from semantics.norms.language import NormSet


class SnapshotError(Exception):
    """A snapshot does not fit the norms that are loaded."""


def fingerprint(norms: NormSet) -> str:
    """Return a digest of what the norms mean; where they stand in files does not matter."""
    texts = [
        repr(replace(n, overrides=frozenset(), file="", line=0, steps=())) + repr(sorted(n.overrides))
        for n in norms.norms
    ]
    events = [repr(e) for e in norms.vocabulary.events.values()]
    return hashlib.sha256("\n".join(texts + events).encode()).hexdigest()


def snapshot(monitor: Monitor) -> dict[str, Any]:
    """Return the state as data that JSON can hold."""
    s = monitor.state
    return {
        "fingerprint": fingerprint(s.norms),
        "timeline": [s.timeline.offset, s.timeline.now, s.timeline.last_at],
        "last_ms": monitor.last_ms,
        "next_seq": monitor.next_seq,
        "records": s.records,
        "number": s.instances.number,
        "open": [[s.duties[i[DUTY]][1].id, list(i[:ALIVE]), i[SLICE]] for i in s.instances],
        "holding": [[a, key, {k: x for k, x in links.items() if k is not None}]
                    for a, table in s.holding.items() for key, links in table.items()],
        "seen": [[e, k, value, seq] for (e, k), table in s.seen.items() for value, seq in table.items()],
        "latest": [[q, k, list(x)] for q, table in s.latest.items() for k, x in table.items()],
        "counts": [list(row) for row in s.counts],
        "activations": list(s.activations),
        "incidents": s.incidents_total,
    }  # fmt: skip


def state_hash(monitor: Monitor) -> str:
    """Return a digest of the snapshot, to be journalled beside it."""
    return hashlib.sha256(json.dumps(snapshot(monitor), sort_keys=True).encode()).hexdigest()


def restore(monitor: Monitor, data: Mapping[str, Any]) -> None:
    """Take up a snapshot in a new monitor. Raises SnapshotError if it was made under other norms or words."""
    s = monitor.state
    if data["fingerprint"] != fingerprint(s.norms):
        raise SnapshotError("the snapshot was made under other norms; replay the journal instead")
    if s.records:
        raise SnapshotError("a snapshot is restored into a new monitor only")
    s.timeline.offset, s.timeline.now, s.timeline.last_at = data["timeline"]
    monitor.last_ms, monitor.next_seq = data["last_ms"], data["next_seq"]
    s.records, s.instances.number = data["records"], data["number"]
    for duty, fields, slice_ in sorted(data["open"], key=lambda x: x[1][NUMBER]):
        i = [*fields, True, slice_, s.number_of[duty]]
        i[BOUND] = tuple(i[BOUND])
        s.instances.add(i)
    for affordance, key, links in data["holding"]:
        s.holding[affordance][key] = dict(links)
    for event, key, value, seq in data["seen"]:
        s.seen[event, key][value] = seq
    for q, k, (said, d, seq, t) in data["latest"]:
        s.latest[q][k] = (tuple(said), d, seq, t)
    for row, old in zip(s.counts, data["counts"], strict=True):
        row[:] = old
    s.activations[:] = data["activations"]
    s.incidents_total = data["incidents"]
