"""Each mistake an analyst can make in a flow: where it is said to be, what it is called, how it is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.flow.chart import Ending, load_chart, load_charts
from kiosk.flow.offers import Offers, action, guard
from kiosk.strict_yaml import DocumentError
from tests.flow.parts import Service, chart, charts

GOOD = """\
flow: pay
purpose: One sentence.
initial: idle
begin: first
states:
  idle: {screen: shown, within: {ms: 100, else: late}}
  sub: {call: ask}
  end: {final: done}
transitions:
  - {event: go, from: idle, to: sub, if: [holds, not breaks], do: [first, second], because: [EC-1]}
  - {event: go, from: idle, to: idle}
  - {event: late, from: [idle, idle2], to: end}
  - {event: done, from: sub, to: end}
"""


def wrong(text: str, name: str = "<pay>") -> list[str]:
    with pytest.raises(DocumentError) as caught:
        chart(text, name)
    return str(caught.value).splitlines()


def edited(*changes: tuple[str, str]) -> str:
    text = GOOD.replace("[idle, idle2]", "idle")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_a_good_chart() -> None:
    made = chart(edited())
    assert made.initial == "idle"
    assert made.begin == ("first",)
    assert [str(t) for t in made.transitions] == [
        "idle --go [holds, not breaks]--> sub", "idle --go--> idle", "idle --late--> end", "sub --done--> end",
    ]  # fmt: skip
    assert made.transitions[0].because == ("EC-1",)
    assert (made.transitions[0].line, made.states["sub"].line) == (10, 7)
    assert made.endings == {Ending.DONE}
    assert made.guards == {"holds", "breaks"}
    assert made.actions == {"first", "second"}
    assert made.events == {"go", "late", "done"}
    assert made.understands("idle", "go")
    assert not made.understands("sub", "go")
    assert len(made.by_state_and_event["idle", "go"]) == 2


def test_an_arc_written_for_several_states_is_several_arcs() -> None:
    text = edited(
        ("  end: {final", "  more: {screen: shown}\n  end: {final"),
        ("from: idle, to: idle", "from: idle, to: more"),
        ("{event: late, from: idle", "{event: late, from: [idle, more]"),
    )
    assert [t.source for t in chart(text).transitions if t.event == "late"] == ["idle", "more"]


@pytest.mark.parametrize(("changes", "says"), [
    ([("initial: idle", "initial: idel")],
     "3:10: there is no state 'idel'; did you mean 'idle'?"),
    ([("initial: idle", "initial: qqqq")],
     "3:10: there is no state 'qqqq'; declare it under states"),
    ([("to: sub", "to: sbu")],
     "10:33: there is no state 'sbu'; did you mean 'sub'?"),
    ([("from: idle, to: sub", "from: ilde, to: sub")],
     "10:23: there is no state 'ilde'; did you mean 'idle'?"),
    ([("from: sub", "from: end")],
     "13:25: 'end' is final: nothing leaves it"),
    ([("{final: done}", "{final: done, call: ask}")],
     "8:8: 'end' cannot both call a flow and be final"),
    ([("{final: done}", "{final: done, screen: shown}")],
     "8:8: 'end' is final: it has neither screen nor deadline"),
    ([("{call: ask}", "{call: ask, within: {ms: 5, else: done}}")],
     "7:8: 'sub' calls a flow, which owns its deadlines; remove within"),
    ([("else: late", "else: never")],
     "6:49: no transition leaves 'idle' on 'never'; write one"),
    ([("  end: {final", "  dead: {screen: shown}\n  end: {final"), ("to: idle}", "to: dead}")],
     "8:9: nothing leaves 'dead': make it final or write a transition"),
    ([("  end: {final", "  lost: {final: failed}\n  end: {final")],
     "8:9: 'lost' is never reached from 'idle'"),
    ([(", if: [holds, not breaks]", "")],
     "11:1: never taken: idle --go--> sub at line 10 comes first and has no guard"),
    ([("{final: done}", "{final: doen}")],
     "8:16: states.end.final: 'doen' is no ending; use done, cancelled, refused or failed"),
    ([("ms: 100", "ms: 0")],
     "6:38: states.idle.within.ms: Input should be greater than 0"),
    ([("ms: 100", "ms: 1e2")],
     "6:38: states.idle.within.ms: Input should be a valid integer"),
    ([("{screen: shown, ", "{sceen: shown, ")],
     "6:17: states.idle.sceen: 'sceen' is not known here; did you mean 'screen'?"),
    ([("because: [EC-1]", "becuase: [EC-1]")],
     "10:93: transitions.0.becuase: 'becuase' is not known here; did you mean 'because'?"),
    ([("purpose: One sentence.\n", "")],
     "1:1: 'purpose' is missing"),
    ([("{event: go, from: idle, to: idle}", "{from: idle, to: idle}")],
     "11:5: transitions.1: 'event' is missing"),
])  # fmt: skip
def test_each_mistake_has_place_and_remedy(changes: list[tuple[str, str]], says: str) -> None:
    assert f"<pay>:{says}" in wrong(edited(*changes))


def test_all_mistakes_are_told_at_once_in_order_of_place() -> None:
    lines = wrong(edited(("initial: idle", "initial: idel"), ("to: sub", "to: sbu"), ("from: sub", "from: end")))
    assert len(lines) >= 4
    places = [int(line.split(":")[1]) for line in lines]
    assert places == sorted(places)


def test_a_flow_stands_in_the_file_of_its_name(tmp_path: Path) -> None:
    file = tmp_path / "buy.yaml"
    file.write_text(edited(), encoding="utf-8")
    with pytest.raises(DocumentError, match=r"buy\.yaml:1:7: flow 'pay' must stand in pay\.yaml"):
        load_chart(file)


def test_a_folder_tells_the_mistakes_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "pay.yaml").write_text(edited(("initial: idle", "initial: idel")), encoding="utf-8")
    (tmp_path / "buy.yaml").write_text("flow: buy\n", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_charts(tmp_path)
    assert {Path(m.file).name for m in caught.value.mistakes} == {"pay.yaml", "buy.yaml"}


# ------------------------------------------------------------ charts together


def flow(name: str, states: str, transitions: str) -> str:
    return f"flow: {name}\npurpose: p\ninitial: a\nstates:\n{states}transitions:\n{transitions}"


ASK = flow("ask", "  a: {screen: shown}\n  b: {final: done}\n  c: {final: refused}\n",
           "  - {event: yes, from: a, to: b}\n  - {event: no, from: a, to: c}\n")  # fmt: skip


def together(*texts: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        charts(*texts)
    return [f"{m.line}: {m.message}" for m in caught.value.mistakes]


def test_a_call_resolves() -> None:
    top = flow("top", "  a: {call: nobody}\n  b: {final: done}\n", "  - {event: done, from: a, to: b}\n")
    assert together(top) == ["5: 'a' calls 'nobody'; there is no such flow"]


def test_every_ending_is_handled() -> None:
    top = flow("top", "  a: {call: ask}\n  b: {final: done}\n", "  - {event: done, from: a, to: b}\n")
    assert together(top, ASK) == ["5: 'ask' can end refused, and 'a' has no transition on it"]


def test_no_flow_calls_itself_through_another() -> None:
    one = flow("one", "  a: {call: two}\n  b: {final: done}\n", "  - {event: done, from: a, to: b}\n")
    two = flow("two", "  a: {call: one}\n  b: {final: done}\n", "  - {event: done, from: a, to: b}\n")
    assert together(one, two) == ["5: 'one' calls itself through 'two'", "5: 'two' calls itself through 'one'"]
    itself = flow("one", "  a: {call: one}\n  b: {final: done}\n", "  - {event: done, from: a, to: b}\n")
    assert together(itself) == ["5: 'one' calls itself through 'one'"]


# ------------------------------------------------------------ what services offer


def test_a_name_that_nobody_offers() -> None:
    arc = "  - {event: x, from: a, to: a, if: hols, do: [frist, qqqq]}\n"
    made = charts(flow("top", "  a: {screen: shown}\n", arc))
    with pytest.raises(DocumentError) as caught:
        Offers.of([Service()]).check(made)
    assert [str(m) for m in caught.value.mistakes] == [
        "<chart>:7:1: no service offers the guard 'hols'; did you mean 'holds'?",
        "<chart>:7:1: no service offers the action 'frist'; did you mean 'first'?",
        "<chart>:7:1: no service offers the action 'qqqq'; offer it with @action in a service",
    ]


def test_a_missing_first_action_is_told_too() -> None:
    text = flow("top", "  a: {screen: shown}\n", "  - {event: x, from: a, to: a}\n")
    made = charts(text.replace("initial: a", "initial: a\nbegin: [gone]"))
    with pytest.raises(DocumentError, match="no service offers the action 'gone'"):
        Offers.of([Service()]).check(made)


def test_a_guard_is_no_action() -> None:
    made = charts(flow("top", "  a: {screen: shown}\n", "  - {event: x, from: a, to: a, do: holds}\n"))
    with pytest.raises(DocumentError, match="no service offers the action 'holds'"):
        Offers.of([Service()]).check(made)


def test_a_name_is_offered_once() -> None:
    class Another:
        @action
        def first(self, turn: object) -> None: ...

        @guard
        def other(self, turn: object) -> bool:
            return True

    with pytest.raises(ValueError, match="action 'first' is offered twice, again by Another"):
        Offers.of([Service(), Another()])
    assert set(Offers.of([Another()]).guards) == {"other"}
