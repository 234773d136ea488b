"""What the runner adds to a chart: calls and their endings, deadlines, more time, `entered`, and going back."""

from __future__ import annotations

import pytest

from kiosk.flow.chart import MORE_TIME_MAX
from kiosk.flow.machine import UnexpectedEvent
from kiosk.flow.runner import CASCADE_MAX
from kiosk.turn import Event
from tests.flow.parts import Rig, arcs

TOP = """\
flow: top
purpose: p
initial: idle
states:
  idle: {screen: shown}
  asking: {call: ask}
  told: {screen: shown, within: {ms: 1000, else: late}}
transitions:
  - {event: go, from: idle, to: asking}
  - {event: done, from: asking, to: told}
  - {event: cancelled, from: asking, to: idle}
  - {event: late, from: told, to: idle, do: first}
  - {event: stay, from: told, to: told, do: second}
  - {event: afresh, from: told, to: told, again: true}
"""
ASK = """\
flow: ask
purpose: p
initial: waiting
begin: [first, second]
states:
  waiting: {screen: other, within: {ms: 1000, ask_ms: 500, else: late}}
  deciding: {}
  yes: {final: done}
  no: {final: cancelled}
transitions:
  - {event: answer, from: waiting, to: deciding}
  - {event: entered, from: deciding, to: yes, if: holds}
  - {event: entered, from: deciding, to: no}
  - {event: late, from: waiting, to: no}
  - {event: key, from: waiting, to: waiting}
"""


@pytest.fixture
def rig() -> Rig:
    rig = Rig("top", TOP, ASK)
    rig.begin()
    return rig


def test_a_call_its_first_actions_and_its_ending_in_one_turn_each(rig: Rig) -> None:
    assert rig.runner.where == "top/idle"
    assert arcs(rig.send("go")) == ["top:idle>asking"]
    assert rig.runner.where == "top/asking > ask/waiting"
    assert rig.done == ["first go", "second go"]
    assert arcs(rig.send("answer")) == ["ask:waiting>deciding", "ask:deciding>yes", "top:asking>told"]
    assert rig.runner.where == "top/told"


def test_the_other_ending(rig: Rig) -> None:
    rig.service.yes = False
    rig.send("go")
    assert arcs(rig.send("answer"))[-1] == "top:asking>idle"


def test_only_the_flow_on_top_hears(rig: Rig) -> None:
    rig.send("go")
    assert not rig.runner.understands("go")
    assert rig.send("go") is None
    assert rig.runner.where == "top/asking > ask/waiting"


def test_what_must_be_understood_and_is_not_raises(rig: Rig) -> None:
    assert rig.send("answer") is None, "a happening that nobody waits for is dropped"
    with pytest.raises(UnexpectedEvent):
        rig.send("answer", answers=True)


def test_an_answer_that_every_guard_refuses_raises() -> None:
    text = "flow: top\npurpose: p\ninitial: a\nstates:\n  a: {screen: shown}\ntransitions:\n"
    rig = Rig("top", text + "  - {event: x, from: a, to: a, if: not holds}\n")
    rig.begin()
    assert rig.send("x") == []
    with pytest.raises(UnexpectedEvent, match=r"every guard of top/a refused 'x'; an answer needs a default"):
        rig.send("x", answers=True)


def test_a_deadline(rig: Rig) -> None:
    rig.send("go")
    rig.send("answer")
    assert rig.runner.next_deadline_ms() == 1_000
    assert rig.runner.due(999) is None
    assert rig.wait(999) == []
    assert rig.wait(1) == ["late"]
    assert rig.done[-1] == "first late"
    assert rig.runner.where == "top/idle"
    assert rig.runner.next_deadline_ms() is None


def test_staying_does_not_buy_time_and_again_does(rig: Rig) -> None:
    rig.send("go")
    rig.send("answer")
    entries = rig.runner.entries
    rig.wait(600)
    rig.send("stay")
    assert rig.runner.next_deadline_ms() == 1_000
    assert rig.runner.entries == entries
    rig.send("afresh")
    assert rig.runner.next_deadline_ms() == 1_600
    assert rig.runner.entries == entries + 1


def test_more_time_is_asked_for_and_given_so_often(rig: Rig) -> None:
    rig.send("go")
    asked = 0
    while rig.wait(1_000) == ["ask_more_time"]:
        assert rig.runner.frames[-1].asking
        asked += 1
        assert rig.send("more_time") == []
        assert rig.runner.frames[-1].until_ms == rig.now_ms + 1_000
        assert asked <= MORE_TIME_MAX, "no end of it"
    assert asked == MORE_TIME_MAX
    assert rig.runner.where == "top/idle", "then it is over without a question"


def test_no_more_time_and_silence_are_the_same(rig: Rig) -> None:
    rig.send("go")
    assert rig.wait(1_000) == ["ask_more_time"]
    assert arcs(rig.send("no_more_time")) == ["ask:waiting>no", "top:asking>idle"]
    rig.send("go")
    assert rig.wait(1_000) == ["ask_more_time"]
    assert rig.runner.next_deadline_ms() == rig.now_ms + 500
    assert rig.wait(500) == ["late"]
    assert rig.runner.where == "top/idle"


def test_a_hand_on_the_screen_answers_the_question_too(rig: Rig) -> None:
    rig.send("go")
    rig.wait(1_000)
    rig.send("key", source="clock")
    assert rig.runner.frames[-1].asking, "what is not the person's answers nothing"
    rig.send("key")
    assert not rig.runner.frames[-1].asking
    assert rig.runner.frames[-1].until_ms == rig.now_ms + 1_000


def test_more_time_is_nobodys_word_unless_it_was_asked(rig: Rig) -> None:
    rig.send("go")
    assert rig.send("more_time") is None
    assert rig.send("no_more_time") is None
    assert rig.runner.next_deadline_ms() == 1_000


def test_asked_again_only_after_the_state_was_entered_afresh(rig: Rig) -> None:
    rig.send("go")
    for _ in range(MORE_TIME_MAX):
        rig.wait(1_000)
        rig.send("more_time")
    assert rig.runner.frames[-1].asked == MORE_TIME_MAX
    rig.wait(1_000)
    rig.send("go")
    assert rig.runner.frames[-1].asked == 0


def test_snapshot_and_restore(rig: Rig) -> None:
    before, where = rig.runner.snapshot(), rig.runner.where
    rig.send("go")
    rig.send("answer")
    rig.runner.restore(before)
    assert rig.runner.where == where
    assert rig.runner.snapshot() == before
    assert arcs(rig.send("go")) == ["top:idle>asking"], "the machines follow"


def test_a_cascade_is_bounded() -> None:
    text = "flow: top\npurpose: p\ninitial: a\nstates:\n  a: {screen: shown}\n  b: {}\n  c: {}\ntransitions:\n"
    rig = Rig("top", text + "  - {event: x, from: a, to: b}\n  - {event: entered, from: b, to: c}\n"
              "  - {event: entered, from: c, to: b}\n")  # fmt: skip
    rig.begin()
    with pytest.raises(UnexpectedEvent, match=f"more than {CASCADE_MAX} arcs in one step"):
        rig.send("x")


def test_the_root_never_ends() -> None:
    text = "flow: top\npurpose: p\ninitial: a\nstates:\n  a: {screen: shown}\n  b: {final: done}\ntransitions:\n"
    rig = Rig("top", text + "  - {event: x, from: a, to: b}\n")
    rig.begin()
    with pytest.raises(UnexpectedEvent, match="the root flow 'top' ended"):
        rig.send("x")


def test_entered_waits_where_every_guard_refuses() -> None:
    text = "flow: top\npurpose: p\ninitial: a\nstates:\n  a: {}\n  b: {screen: shown}\ntransitions:\n"
    rig = Rig("top", text + "  - {event: entered, from: a, to: b, if: not holds}\n  - {event: x, from: b, to: b}\n")
    assert rig.begin() == []
    assert rig.runner.where == "top/a"


def test_what_a_screen_shows(rig: Rig) -> None:
    assert rig.runner.view_values(rig.turn(Event("x", "test"))) == {"event": "x"}
    rig.send("go")
    assert rig.runner.view_values(rig.turn(Event("x", "test"))) == {}, "nobody offers values for it"
