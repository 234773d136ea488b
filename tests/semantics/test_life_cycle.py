"""The life cycle of an instance, case by case. Every case is asked of the interpreter and of the monitor."""

from __future__ import annotations

from typing import Any

import pytest

from semantics.interpreter import Interpreter
from semantics.monitor import Monitor, memory_class
from semantics.norms.language import NormSet
from semantics.snapshot import SnapshotError, restore, snapshot
from semantics.verdict import Outcome, RunReport, Status, explain, sorted_verdicts
from tests.semantics.worlds import norm, norm_set, records

O = Outcome  # noqa: E741 - the table below reads better
V1 = {"visit": "v1"}
ASK = ("asked", {**V1, "amount": 50, "word": "yes"})
PAY = ("paid", {**V1, "amount": 50})


def log(*events: tuple[int, tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return records(*((ms, kind, data) for ms, (kind, data) in events))


def run(norms: NormSet, events: list[dict[str, Any]], until: int | None = None) -> RunReport:
    """Run both machines, see that they agree, and return what they say."""
    slow, fast = Interpreter(norms), Monitor(norms)
    for machine in (slow, fast):
        machine.feed_all(events)
        if until is not None:
            machine.advance(until)
    said, quick = slow.report(), fast.report()
    assert sorted_verdicts(quick.verdicts) == sorted_verdicts(said.verdicts)
    assert quick.norms == said.norms
    assert quick.incidents == said.incidents
    return said


def outcomes(report: RunReport) -> list[tuple[str, Outcome]]:
    return [(v.duty, v.outcome) for v in report.verdicts if not v.norm.startswith("closed:")]


PAY_IN_10 = norm("N-1", {"is": "obliged", "to": "paid", "within": "10ms"}, slice="visit", whenever="asked")


@pytest.mark.parametrize(
    ("events", "until", "expected"),
    [
        ([(0, ASK), (5, PAY)], None, [O.FULFILLED]),
        ([(0, ASK), (10, PAY)], None, [O.FULFILLED]),  # exactly at the deadline is on time
        ([(0, ASK), (11, PAY)], None, [O.VIOLATED]),
        ([(0, ASK)], 10, [O.PENDING]),
        ([(0, ASK)], 11, [O.VIOLATED]),  # a silent terminal violates, too
        ([(0, ASK), (3, ASK), (5, PAY)], 7, [O.FULFILLED, O.PENDING]),  # each trigger its own; oldest first
        ([(0, PAY), (1, ASK)], 20, [O.VIOLATED]),  # what came before does not count
        ([(0, ASK), (5, ("paid", {"visit": "v2", "amount": 50}))], 20, [O.VIOLATED]),  # another slice
    ],
)
def test_response(events: list[Any], until: int | None, expected: list[Outcome]) -> None:
    report = run(norm_set(PAY_IN_10), log(*events), until)
    assert [o for _, o in outcomes(report)] == expected


def one(then: dict[str, Any], **rest: Any) -> NormSet:
    return norm_set(norm("N-1", then, **{"slice": "visit", "whenever": "asked", **rest}))


def test_discharge_all() -> None:
    norms = one({"is": "obliged", "to": "paid", "within": "10ms", "discharge": "all"})
    assert outcomes(run(norms, log((0, ASK), (1, ASK), (2, PAY)))) == [("N-1", O.FULFILLED)] * 2


def test_where_compares_with_what_the_trigger_carried() -> None:
    norms = one({"is": "obliged", "to": {"event": "paid", "where": "amount == a.amount"}, "within": "10ms"},
                whenever={"event": "asked", "as": "a"})  # fmt: skip
    wrong = ("paid", {**V1, "amount": 49})
    assert outcomes(run(norms, log((0, ASK), (1, wrong), (2, PAY)))) == [("N-1", O.FULFILLED)]
    report = run(norms, log((0, ASK), (1, wrong)), 11)
    assert outcomes(report) == [("N-1", O.VIOLATED)]
    assert report.verdicts[0].bound == (("amount", 50),)


def test_missing_datum_makes_doubt_not_guilt() -> None:
    norms = one({"is": "obliged", "to": {"event": "paid", "where": "amount > 5"}, "within": "10ms"})
    assert outcomes(run(norms, log((0, ASK), (1, ("paid", V1))), 11)) == [("N-1", O.UNKNOWN)]
    norms = one({"is": "obliged", "to": "paid", "within": "10ms"}, **{"if": "amount > 5"})
    assert outcomes(run(norms, log((0, ("asked", {**V1, "word": "yes"}))), 11)) == [("N-1", O.UNKNOWN)]


def test_crashing_guard_is_an_error_and_no_silence() -> None:
    norms = one({"is": "obliged", "to": "paid", "within": "10ms"}, **{"if": "amount > 5"})
    report = run(norms, log((0, ("asked", {**V1, "amount": "much"}))), 11)
    assert outcomes(report) == [("N-1", O.ERROR)]
    assert "TypeError" in report.verdicts[0].because
    assert report.norms[0].status is Status.ERROR
    assert not report.ok


def test_release_then_act() -> None:
    norms = one({"is": "obliged", "to": "paid", "within": "10ms"}, released_by="rang")
    report = run(norms, log((0, ASK), (1, ("rang", V1)), (2, PAY)), 20)
    assert outcomes(report) == [("N-1", O.RELEASED)]


def test_restart_concerns_every_slice() -> None:
    norms = one({"is": "obliged", "to": "paid", "within": "10ms"}, released_by="boot")
    two = ("asked", {"visit": "v2", "word": "yes"})
    assert outcomes(run(norms, log((0, ASK), (1, two), (2, ("boot", {}))), 20)) == [("N-1", O.RELEASED)] * 2


def test_before_and_end_of_slice() -> None:
    left = ("left", V1)
    norms = one({"is": "obliged", "to": "paid"})  # no deadline: the end of the visit is one
    assert outcomes(run(norms, log((0, ASK), (1, left)))) == [("N-1", O.VIOLATED)]
    norms = one({"is": "obliged", "to": "paid", "before": "rang"})
    assert outcomes(run(norms, log((0, ASK), (1, ("rang", V1)), (2, PAY)))) == [("N-1", O.VIOLATED)]


def test_punctual_is_the_very_next_record_of_the_slice() -> None:
    norms = one({"is": "obliged", "mode": "punctual", "to": "paid"})
    other = ("rang", {"visit": "v2"})
    assert outcomes(run(norms, log((0, ASK), (1, other), (2, PAY)))) == [("N-1", O.FULFILLED)]
    assert outcomes(run(norms, log((0, ASK), (1, ("rang", V1)), (2, PAY)))) == [("N-1", O.VIOLATED)]


def test_maintain() -> None:
    norms = one({"is": "obliged", "mode": "maintain", "keep": "not holds(alarm)", "until": "left"})
    ring, hush, left = ("rang", {}), ("hushed", {}), ("left", V1)
    assert outcomes(run(norms, log((0, ASK), (1, left), (2, ring)))) == [("N-1", O.FULFILLED)]
    assert outcomes(run(norms, log((0, ASK), (1, ring), (2, hush), (3, left)))) == [("N-1", O.VIOLATED)]
    assert outcomes(run(norms, log((0, ring), (1, ASK)))) == [("N-1", O.VIOLATED)]  # false from the first state on


def test_prohibition_counts_and_ends() -> None:
    norms = one({"is": "forbidden", "to": "paid", "until": "rang", "at_most": 1})
    report = run(norms, log((0, ASK), (1, PAY), (2, PAY), (3, PAY), (4, ("rang", V1)), (5, PAY)))
    assert outcomes(report) == [("N-1", O.VIOLATED), ("N-1", O.VIOLATED), ("N-1", O.FULFILLED)]


def test_prohibition_is_asked_of_the_state_before_the_act() -> None:
    norms = norm_set(
        norm("N-1", {"is": "forbidden", "to": "asked"}, slice="visit", whenever="always", **{"if": "holds(order)"})
    )
    report = run(norms, log((0, ("came", V1)), (1, ASK), (2, ASK)))
    assert outcomes(report) == [("N-1", O.VIOLATED)]
    assert report.verdicts[0].evidence == 3


def test_contrary_to_duty_late_and_never() -> None:
    norms = one(
        {"is": "obliged", "to": "paid", "within": "10ms"},
        or_else=[{"agent": "bank", "is": "obliged", "to": "rang", "within": "10ms"}],
    )
    report = run(norms, log((0, ASK), (20, ("rang", V1))))  # the reparation's time begins at the deadline, 10
    assert outcomes(report) == [("N-1", O.VIOLATED), ("N-1/1", O.FULFILLED)]
    assert report.norms[0].status is Status.COMPENSATED
    assert not report.ok
    report = run(norms, log((0, ASK), (21, ("rang", V1))))
    assert outcomes(report) == [("N-1", O.VIOLATED), ("N-1/1", O.VIOLATED)]
    assert run(norms, log((0, ASK), (5, PAY), (6, ("rang", V1)))).norms[0].status is Status.SATISFIED


def _ban(id_: str, is_: str, guard: str | None = None, **rest: Any) -> dict[str, Any]:
    return norm(
        id_, {"is": is_, "to": "paid"}, slice="visit", whenever="always", **({"if": guard} if guard else {}), **rest
    )


def test_exception_and_exception_to_the_exception() -> None:
    ban, leave = _ban("N-1", "forbidden"), _ban("N-2", "permitted", "holds(order)", overrides=["N-1"])
    unless = _ban("N-3", "forbidden", "holds(alarm)", overrides=["N-2"])
    came, ring = ("came", V1), ("rang", {})
    norms = norm_set(ban, leave, unless)
    assert ("N-1", O.VIOLATED) in outcomes(run(norms, log((0, came), (1, PAY))))
    assert ("N-1", O.OVERRIDDEN) in outcomes(run(norms, log((0, came), (1, ASK), (2, PAY))))
    said = outcomes(run(norms, log((0, came), (1, ASK), (2, ring), (3, PAY))))
    assert ("N-1", O.VIOLATED) in said
    assert ("N-3", O.VIOLATED) in said


def test_permission_without_priority_is_a_conflict_and_priority_decides() -> None:
    report = run(norm_set(_ban("N-1", "forbidden"), _ban("N-2", "permitted")), log((0, PAY)))
    assert ("N-1", O.CONFLICT) in outcomes(report)
    assert report.norms[0].status is Status.CONFLICT
    report = run(norm_set(_ban("N-1", "forbidden", priority=1), _ban("N-2", "permitted")), log((0, PAY)))
    assert ("N-1", O.VIOLATED) in outcomes(report)
    report = run(norm_set(_ban("N-1", "forbidden"), _ban("N-2", "permitted", priority=1)), log((0, PAY)))
    assert ("N-1", O.OVERRIDDEN) in outcomes(report)


def test_obligation_is_not_made_where_an_exception_applies() -> None:
    norms = norm_set(
        PAY_IN_10,
        norm("N-2", {"is": "permitted", "to": "rang"}, slice="visit", whenever="asked_little", overrides=["N-1"]),
    )
    little = ("asked", {**V1, "amount": 5})
    assert outcomes(run(norms, log((0, little)), 20)) == [("N-1", O.OVERRIDDEN)]
    assert outcomes(run(norms, log((0, ASK)), 20)) == [("N-1", O.VIOLATED)]


def test_closed_act_wants_a_permission() -> None:
    leave = norm("N-1", {"is": "permitted", "to": "secret"}, slice="visit", whenever="asked")
    act = ("secret", V1)
    assert [v.outcome for v in run(norm_set(leave), log((0, act))).verdicts] == [O.UNPERMITTED]
    assert [v.outcome for v in run(norm_set(leave), log((0, ASK), (1, act))).verdicts] == [O.EXERCISED]


def test_inclusive_preempt_and_coalescing() -> None:
    same = {"is": "obliged", "to": "asked", "within": "10ms"}
    assert outcomes(run(one(same), log((0, ASK)), 20)) == [("N-1", O.VIOLATED)]
    assert outcomes(run(one({**same, "inclusive": True}), log((0, ASK)), 20)) == [("N-1", O.FULFILLED)]
    pay = {"is": "obliged", "to": "paid", "within": "10ms"}
    assert outcomes(run(one({**pay, "preempt": True}), log((0, PAY), (1, ASK)), 20)) == [("N-1", O.FULFILLED)]
    two = log((0, ASK), (8, ASK))
    assert outcomes(run(one({**pay, "instances": "coalesce-earliest"}), two, 15)) == [("N-1", O.VIOLATED)]
    assert outcomes(run(one({**pay, "instances": "coalesce-latest"}), two, 15)) == [
        ("N-1", O.REPLACED),
        ("N-1", O.PENDING),
    ]


def test_validity_at_midnight_and_instance_keeps_its_norm() -> None:
    norms = norm_set({**PAY_IN_10, "valid": {"from": "2025-06-02", "until": "2025-06-03"}})
    events = log((0, ASK), (20, ASK), (40, ASK))
    for event, at in zip(events, ("01T23:59:59.999", "02T00:00:00", "03T00:00:00"), strict=True):
        event["at"] = f"2025-06-{at}+00:00"
    assert outcomes(run(norms, events, 60)) == [("N-1", O.VIOLATED)]
    events = log((0, ASK), (30, PAY))
    events[0]["at"], events[1]["at"] = "2025-06-02T23:59:59+00:00", "2025-06-03T00:00:00+00:00"
    assert outcomes(run(norms, events)) == [("N-1", O.VIOLATED)]


def test_a_restart_continues_by_the_wall_clock() -> None:
    norms = one({"is": "obliged", "to": "paid", "within": "1h"})
    events = log((5_000, ASK), (0, ("boot", {})), (10, PAY))
    for event, at in zip(events, ("10:00:00", "10:30:00", "10:30:00.010"), strict=True):
        event["at"] = f"2025-06-01T{at}+00:00"
    assert outcomes(run(norms, events)) == [("N-1", O.FULFILLED)]
    events[1]["at"], events[2]["at"] = "2025-06-01T11:00:01+00:00", "2025-06-01T11:00:02+00:00"
    assert outcomes(run(norms, events)) == [("N-1", O.VIOLATED)]


def test_antecedent_that_ends_takes_its_dependents_with_it() -> None:
    norms = norm_set(
        norm("N-1", {"is": "forbidden", "to": "paid"}, slice="visit", whenever="always", **{"if": "not holds(order)"})
    )
    report = run(norms, log((0, ("came", V1)), (1, ASK), (2, ("left", V1)), (3, PAY)))
    assert outcomes(report) == [("N-1", O.VIOLATED)]


def test_records_are_judged_too() -> None:
    events = log((0, ASK), (1, PAY), (2, PAY), (3, PAY))
    events[2]["seq"], events[3]["seq"] = 2, 9
    report = run(norm_set(PAY_IN_10), [*events, {**events[0], "seq": 10, "kind": "nonsense"}])
    assert [i.code for i in report.incidents] == ["I1", "duplicate", "gap", "clock", "kind"]
    assert not report.ok


def test_never_green_by_accident() -> None:
    norms = norm_set(
        PAY_IN_10, norm("N-2", {"is": "obliged", "to": "paid", "within": "1s"}, slice="visit", whenever="asked_much")
    )
    report = run(norms, log((0, ("came", V1)), (1, ASK), (2, PAY)))
    assert [(n.norm, n.status) for n in report.norms] == [("N-1", Status.SATISFIED), ("N-2", Status.VACUOUS)]
    assert not report.ok
    assert "N-2" in report.render()
    empty = Monitor(norm_set()).report()
    assert not empty.ok
    assert "no norms" in empty.render()
    good = run(norm_set(PAY_IN_10), log((0, ("came", V1)), (1, ASK), (2, PAY)))
    assert good.ok


def test_explanation_names_trigger_evidence_data_and_source() -> None:
    norms = one({"is": "obliged", "to": {"event": "paid", "where": "amount == a.amount"}, "within": "10ms"},
                whenever={"event": "asked", "as": "a"})  # fmt: skip
    report = run(norms, log((0, ("came", V1)), (3, ASK)), 14)
    said = explain(report.verdicts[0], norms)
    for part in (
        "N-1 violated at 13 ms",
        "visit v1",
        "record 2 (3 ms)",
        "amount = 50",
        "nothing came by 13 ms",
        "source test",
    ):
        assert part in said


def test_snapshot_is_refused_under_other_norms() -> None:
    monitor = Monitor(norm_set(PAY_IN_10))
    with pytest.raises(SnapshotError, match="other norms"):
        restore(monitor, snapshot(Monitor(norm_set({**PAY_IN_10, "priority": 1}))))


def test_next_deadline_is_told() -> None:
    monitor = Monitor(norm_set(PAY_IN_10))
    assert monitor.next_deadline_ms is None
    monitor.feed_all(log((100, ASK)))
    assert monitor.next_deadline_ms == 111
    monitor.advance(110)
    assert not monitor.take_verdicts()
    monitor.advance(111)
    assert [v.outcome for v in monitor.take_verdicts()] == [O.VIOLATED]
    assert monitor.next_deadline_ms is None
    assert monitor.open_instances == 0


def test_monitor_forgets_what_is_over() -> None:
    norms = norm_set(
        PAY_IN_10,
        norm("N-2", {"is": "forbidden", "to": "rang"}, slice="visit", whenever="asked", **{"if": "seen(came)"}),
        norm("N-3", {"is": "obliged", "to": "paid", "preempt": True}, slice="visit", whenever="asked"),
    )  # fmt: skip
    monitor = Monitor(norms)
    events = []
    for n in range(3000):
        visit = {"visit": f"v{n}"}
        events += [("came", visit), ("asked", {**visit, "amount": 5}), ("paid", visit), ("left", visit)]
    monitor.feed_all(records(*((i, kind, data) for i, (kind, data) in enumerate(events))))
    kept = snapshot(monitor)
    assert (kept["open"], kept["seen"], kept["latest"], kept["holding"]) == ([], [], [], [])
    assert sum(len(q) for q in monitor.state.instances.queues) < 2500
    assert [memory_class(n, norms) for n in norms.norms] == [
        "O(triggers in 10 ms)", "O(open instances of a live visit) + O(live visit) for what was seen",
        "O(open instances of a live visit) + O(live visit) for what was seen",
    ]  # fmt: skip
