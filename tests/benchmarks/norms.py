"""How fast norms are monitored, and in how much memory. Run: ``python -m tests.benchmarks.norms``.

Budgets (events per second on one core): 5 norms in memory 1.5 M, 5 norms from JSONL with explanations 400 k, 100 norms
150 k; a million events in 60 MB more than the records themselves. Figures from a shared machine are a lower bound.
The log is a plain one: withdrawals of eleven records each, one in fifty going wrong, so that verdicts are really made.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kiosk.benchmarks import Measured
from semantics.check import check_models
from semantics.monitor import Monitor
from semantics.norms.language import NormSet
from semantics.verdict import Outcome, explain

MODELS = Path(__file__).parents[2] / "models"
FIVE = ("N-DSP-11", "N-JRN-03", "N-JRN-04", "N-DSP-07", "N-ATH-06")


@dataclass(frozen=True)
class Figure:
    """One measured figure beside its budget; `larger_is_better` says which side is good."""

    name: str
    value: float
    unit: str
    budget: float
    larger_is_better: bool = True

    @property
    def within(self) -> bool:
        return self.value >= self.budget if self.larger_is_better else self.value <= self.budget

    def __str__(self) -> str:
        said = "met" if self.within else "MISSED"
        return f"{self.name}: {self.value:,.0f} {self.unit} (budget {self.budget:,.0f}): {said}"


def _step(keys: dict[str, Any], name: str, **data: Any) -> tuple[str, dict[str, Any]]:
    return "step", {**keys, "event": name, "source": "flow", "data": data, "moves": []}


def withdrawals(events: int) -> Iterator[dict[str, Any]]:
    """Yield about `events` records of withdrawals. Every fiftieth dispense is never answered."""
    seq, ms, n = 0, 0, 0
    while seq < events:
        n += 1
        session, case, advice = f"s{n}", f"c{n}", f"a{n}"
        both = {"session": session, "case": case}

        story = [
            ("session_begun", {"session": session, "card": "6225********0001", "refused": ""}),
            _step(both, "card_inserted"),
            ("case_opened", {**both, "service": "withdrawal", "amount_minor": 20000, "currency": "CNY"}),
            ("number_reserved", {"counter": "stan", "up_to": n}),
            ("host_answered", {**both, "code": "00", "approved_minor": 20000}),
            ("dispense_ordered", {**both, "number": n, "amount_minor": 20000, "paid_minor": 0}),
            ("dispensed", {**both, "number": n, "outcome": "done", "paid_minor": 20000, "approved_minor": 20000}),
            _step(both, "notes_taken_confirmed"),
            ("advice_queued", {"case": case, "advice": advice, "kind": "completion", "stands_minor": 20000}),
            ("advice_closed", {"case": case, "advice": advice, "code": "00"}),
            ("case_closed", {**both, "paid_minor": 20000, "stands_minor": 20000, "suspect": False}),
            ("session_ended", {"session": session}),
        ]
        for kind, data in story:
            if kind == "dispensed" and n % 50 == 0:
                continue
            seq += 1
            ms += 1500
            minute, second = ms // 60_000 % 60, ms // 1000 % 60
            at = f"2026-01-{1 + ms // 86_400_000 % 28:02}T{ms // 3_600_000 % 24:02}:{minute:02}:{second:02}+00:00"
            yield {"seq": seq, "at": at, "ms": ms, "kind": kind, "data": data}


def shipped(*ids: str) -> NormSet:
    """Return the shipped norms, or those named."""
    norms = check_models(MODELS).norms
    if norms is None:
        raise RuntimeError("the shipped models do not load")
    if not ids:
        return norms
    # a few norms out of many: the permissions that open closed acts are not among them
    events = {name: replace(e, closed=False) for name, e in norms.vocabulary.events.items()}
    return NormSet(tuple(norms.by_id[i] for i in ids), replace(norms.vocabulary, events=events))


def _best(run: Callable[[], int], times: int = 3) -> float:
    """Return the best events per second of this process's CPU in some runs: the others measure the neighbours."""
    best = 0.0
    for _ in range(times):
        start = time.process_time()
        events = run()
        best = max(best, events / (time.process_time() - start))
    return best


def five_in_memory(events: int = 300_000) -> Figure:
    norms, log = shipped(*FIVE), list(withdrawals(events))

    def run() -> int:
        monitor = Monitor(norms, keep="bad", integrity=False)
        monitor.feed_all(log)
        if not any(n.counts.get(Outcome.VIOLATED) for n in monitor.report().norms):
            raise RuntimeError("nothing was violated: the benchmark measures nothing")
        return len(log)

    return Figure("5 norms in memory", _best(run), "events/s", 1_500_000)


def five_from_lines(events: int = 200_000) -> Figure:
    norms = shipped(*FIVE)
    lines = [json.dumps(r, ensure_ascii=False) for r in withdrawals(events)]

    def run() -> int:
        monitor = Monitor(norms, keep="bad", integrity=False)
        monitor.feed_lines(lines)
        said = [explain(v, norms) for v in monitor.take_verdicts()]
        if not said:
            raise RuntimeError("nothing was explained: the benchmark measures nothing")
        return len(lines)

    return Figure("5 norms from JSONL with explanations", _best(run), "events/s", 400_000)


def hundred_norms(events: int = 100_000, *, integrity: bool = False) -> Figure:
    norms, log = shipped(), list(withdrawals(events))

    def run() -> int:
        monitor = Monitor(norms, keep="bad", integrity=integrity)
        monitor.feed_all(log)
        return len(log)

    name = f"{len(norms.norms)} norms in memory" + (", integrity of the chart too" if integrity else "")
    return Figure(name, _best(run), "events/s", 150_000)


def memory(events: int = 1_000_000) -> Figure:
    """Measure the peak of what the monitor allocates over records that are made and dropped one by one."""
    monitor = Monitor(shipped(*FIVE), keep="bad", integrity=False)
    log = withdrawals(events)
    tracemalloc.start()
    monitor.feed_all(log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Figure(f"memory over {events:,} events", peak / 1e6, "MB", 60, larger_is_better=False)


def measure() -> Iterator[Measured]:
    """Yield every figure as `kiosk bench` shows it."""
    for figure in figures():
        yield Measured(figure.name, figure.value, figure.unit, figure.budget, figure.larger_is_better)


def figures() -> Iterator[Figure]:
    """Yield every figure, measured now."""
    yield five_in_memory()
    yield five_from_lines()
    yield hundred_norms()
    yield hundred_norms(integrity=True)
    yield memory()


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
