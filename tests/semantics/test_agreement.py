"""The interpreter and the monitor say the same of any norm set and any records: verdicts, incidents, status."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semantics.finding import Severity
from semantics.interpreter import Interpreter
from semantics.monitor import Monitor
from semantics.snapshot import restore, snapshot, state_hash
from semantics.verdict import sorted_verdicts
from tests.semantics.worlds import norm, read_norms, records

_SLICED = [
    *["asked", "paid"] * 4,
    "came",
    "left",
    "asked",
    "paid",
    "asked_much",
    "asked_little",
    "rang",
    "waved",
    "winked",
    "secret",
    "step",
]
_AMOUNT = {"asked", "paid", "asked_much", "asked_little", "waved", "winked"}
_FREE = ["hushed", "boot", "went_home"]

_plain_guards = ["holds(alarm)", "not holds(alarm)", "holds(order)", "not holds(visit)", "seen(asked)",
                 "not seen(paid)",
    "holds(small_order) or holds(alarm)", "seen(came) and not seen(left)"]  # fmt: skip


@st.composite
def atoms(draw: st.DrawFn, bound: bool, sliced: bool) -> dict[str, Any]:
    kind = draw(st.sampled_from(["event", "event", "event", "starts", "finishes"]))
    if kind != "event":
        return {kind: draw(st.sampled_from(["order", "visit"]))}
    event = draw(st.sampled_from(_SLICED if sliced else _SLICED + _FREE))
    atom: dict[str, Any] = {"event": event}
    if event in _AMOUNT and draw(st.booleans()):
        choices = ["amount > 5", "amount == 1 or holds(alarm)", "not (amount < 50) and known(amount)", "amount + 1 > 3"]
        if bound:
            choices += ["amount == a.amount", "amount - a.amount >= 0", "amount != a.amount or amount > 20"]
        atom["where"] = draw(st.sampled_from(choices))
    return atom


@st.composite
def patterns(draw: st.DrawFn, bound: bool, sliced: bool) -> dict[str, Any]:
    found = draw(st.lists(atoms(bound, sliced), min_size=1, max_size=2))
    return found[0] if len(found) == 1 else {"any": found}


@st.composite
def endings(draw: st.DrawFn, bound: bool, sliced: bool) -> dict[str, Any]:
    """Draw a pattern that may also hold an event of no slice, which then concerns every slice."""
    pattern = draw(patterns(bound, sliced))
    if draw(st.integers(0, 2)):
        return pattern
    return {"any": [{"event": draw(st.sampled_from(_FREE))}, *(pattern.get("any") or [pattern])]}


@st.composite
def duties(draw: st.DrawFn, bound: bool, sliced: bool, depth: int = 0) -> dict[str, Any]:
    operator = draw(st.sampled_from(["obliged", "obliged", "obliged", "forbidden", "permitted"]))
    duty: dict[str, Any] = {"agent": "bank", "is": operator}
    maintain = operator == "obliged" and draw(st.integers(0, 4)) == 0
    if maintain:
        duty |= {
            "mode": "maintain",
            "keep": draw(st.sampled_from(["not holds(alarm)", "holds(alarm) or not holds(order)"])),
        }
        if sliced and bound and draw(st.booleans()):
            duty["keep"] = "a.amount < 50 or not holds(alarm)"
    else:
        duty["to"] = draw(patterns(bound, sliced))
    if operator == "obliged" and not maintain:
        if draw(st.integers(0, 5)) == 0:
            duty["mode"] = "punctual"
        if not sliced or draw(st.booleans()):
            duty["within"] = draw(st.sampled_from(["0s", "5ms", "20ms", "40ms"]))
        if draw(st.integers(0, 3)) == 0:
            duty["before"] = draw(endings(bound, sliced))
        duty["discharge"] = draw(st.sampled_from(["oldest", "all"]))
        if depth == 0 and sliced:
            duty["preempt"] = draw(st.integers(0, 4)) == 0
        if depth == 0:
            duty["inclusive"] = draw(st.integers(0, 4)) == 0
    else:
        duty["until"] = draw(endings(bound, sliced))
        if operator == "forbidden":
            duty["at_most"] = draw(st.integers(0, 2))
    if depth == 0:
        duty["instances"] = draw(st.sampled_from(["each", "each", "coalesce-earliest", "coalesce-latest"]))
        if draw(st.integers(0, 2)) == 0:
            duty["released_by"] = draw(endings(bound, sliced))
        if operator != "permitted" and draw(st.booleans()):
            duty["or_else"] = draw(st.lists(duties(bound, sliced, 1), min_size=1, max_size=2))
    return duty


@st.composite
def norm_forms(draw: st.DrawFn, number: int) -> dict[str, Any]:
    sliced = draw(st.integers(0, 5)) > 0
    form: dict[str, Any] = {"slice": "visit"} if sliced else {}
    always = draw(st.integers(0, 5)) == 0
    if always:
        operator = draw(st.sampled_from(["forbidden", "permitted"]))
        form["whenever"] = "always"
        then: dict[str, Any] = {"is": operator, "to": draw(patterns(False, sliced))}
        guards = [g for g in _plain_guards if sliced or "order" not in g]
    else:
        trigger = draw(atoms(False, sliced))
        bound = trigger.get("event") in _AMOUNT
        form["whenever"] = {**trigger, "as": "a"} if bound else trigger
        then = draw(duties(bound, sliced))
        guards = [*_plain_guards, "a.amount > 5", "a.amount == 7 and holds(alarm)"] if bound else list(_plain_guards)
    if draw(st.booleans()):
        form["if"] = draw(st.sampled_from(guards))
    if draw(st.integers(0, 3)) == 0:
        form["valid"] = {"from": draw(st.sampled_from(["2025-01-01", "2025-06-02", "2030-01-01"]))}
    form["priority"] = draw(st.integers(0, 1))
    form["overrides"] = (
        draw(st.lists(st.sampled_from([f"N-{i}" for i in range(number)]), unique=True, max_size=2)) if number else []
    )
    return norm(f"N-{number}", then, **form)


@st.composite
def norm_sets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw norms one by one and drop those that the reader refuses (a missing key, exceptions across slices)."""
    kept: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 5))):
        form = draw(norm_forms(number))
        form["overrides"] = [
            o for o in form["overrides"] if any(k["id"] == o and k.get("slice") == form.get("slice") for k in kept)
        ]
        _, found = read_norms(*kept, form)
        if not any(f.severity is Severity.ERROR for f in found):
            kept.append(form)
    return kept


_amounts = st.sampled_from([0, 1, 1, 7, 7, 50, 101, None, "much"])
_visits = st.sampled_from(["v1"] * 8 + ["v2"] * 3 + [3, None, ["v"]])


@st.composite
def logs(draw: st.DrawFn) -> list[Any]:
    """Draw records and, between them, ticks of the clock (an int)."""
    now, events = 0, []
    for _ in range(draw(st.integers(6, 30))):
        now += draw(st.sampled_from([0, 1, 5, 20, 21, 60, 86_400_000 // 2]))
        kind = draw(
            st.sampled_from(
                [
                    *[
                        "came",
                        "left",
                        "asked",
                        "asked",
                        "asked",
                        "asked",
                        "asked",
                        "paid",
                        "paid",
                        "paid",
                        "paid",
                        "rang",
                        "hushed",
                        "step",
                        "step",
                        "boot",
                        "secret",
                    ],
                    "tick",
                    "nonsense",
                ]
            )
        )
        if kind == "tick":
            events.append(now)
            continue
        data: dict[str, Any] = {"visit": draw(_visits), "amount": draw(_amounts), "word": "yes"}
        if kind == "step":
            name = draw(st.sampled_from(["waved", "winked", "other", None]))
            data = {"visit": data["visit"], "event": name, "data": {"amount": data["amount"]}}
            if draw(st.booleans()):
                data["moves"] = [{"flow": "main", "from": "x", "to": "home", "event": name}]
        events.append((now, kind, {k: v for k, v in data.items() if v is not None}))
    made = iter(records(*[e for e in events if not isinstance(e, int)]))
    result = [e if isinstance(e, int) else next(made) for e in events]
    for r in result:
        if not isinstance(r, int):
            day = 1 + r["ms"] // 86_400_000
            r["at"] = r["at"].replace("2025-06-01", f"2025-06-{day:02}")
    for _ in range(draw(st.integers(0, 2))):  # a broken journal: a record lost, doubled, or with a clock gone back
        at = draw(st.integers(0, len(result) - 1))
        if isinstance(result[at], dict):
            how = draw(st.sampled_from(["lost", "doubled", "back"]))
            if how == "lost":
                del result[at]
            elif how == "doubled":
                result.insert(at, result[at])
            else:
                result[at] = {**result[at], "ms": max(0, result[at]["ms"] - 30)}
        if not result:
            break
    return result


def run(machine: Interpreter | Monitor, log: list[Any]) -> Any:
    for item in log:
        if isinstance(item, int):
            machine.advance(item)
        else:
            machine.feed(item)
    report = machine.report()
    return sorted_verdicts(report.verdicts), list(report.incidents), report.norms, report.records


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(norm_sets(), logs())
def test_monitor_says_what_interpreter_says(forms: list[dict[str, Any]], log: list[Any]) -> None:
    norms, _ = read_norms(*forms)
    said, incidents, status, count = run(Interpreter(norms), log)
    fast = run(Monitor(norms), log)
    assert fast[0] == said
    assert fast[1] == incidents
    assert fast[2:] == (status, count)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(norm_sets(), logs(), st.data())
def test_short_way_lines_and_snapshot_change_nothing(
    forms: list[dict[str, Any]], log: list[Any], data: st.DataObject
) -> None:
    norms, _ = read_norms(*forms)
    log = [r for r in log if isinstance(r, dict)]
    expected = run(Monitor(norms), log)
    many = Monitor(norms)
    many.feed_all(log)
    assert run(many, []) == expected
    lines = Monitor(norms)
    lines.feed_lines(json.dumps({k: r[k] for k in ("seq", "at", "ms", "kind", "data")}) for r in log)
    assert run(lines, [])[0] == expected[0]
    cut = data.draw(st.integers(0, len(log)))
    before = Monitor(norms)
    before.feed_all(log[:cut])
    kept = before.take_verdicts()
    incidents = before.incidents
    after = Monitor(norms)
    restore(after, json.loads(json.dumps(snapshot(before))))
    assert state_hash(after) == state_hash(before)
    after.feed_all(log[cut:])
    report = after.report()
    assert sorted_verdicts([*kept, *report.verdicts]) == expected[0]
    assert [*incidents, *report.incidents] == expected[1]
    assert report.norms == expected[2]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(norm_sets(), logs())
def test_an_idle_tick_changes_no_verdict(forms: list[dict[str, Any]], log: list[Any]) -> None:
    norms, _ = read_norms(*forms)
    plain = Interpreter(norms)
    ticked = Interpreter(norms)
    last = None
    for item in log:
        if isinstance(item, int):
            continue
        if last is not None and item["kind"] != "boot" and item["ms"] > last["ms"] and item["seq"] > last["seq"]:
            ticked.advance(item["ms"] - 1 if item["ms"] - 1 >= last["ms"] else item["ms"])
        plain.feed(item)
        ticked.feed(item)
        last = item if last is None or item["seq"] > last["seq"] else last
    assert sorted_verdicts(ticked.verdicts) == sorted_verdicts(plain.verdicts)
