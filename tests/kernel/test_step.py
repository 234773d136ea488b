"""The step: the order of its stages, and that nothing has happened when one of them fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from drivers.base.vocabulary import DeviceLost, DeviceReady, Identity, KeyPressed, Outcome, ResetResult
from kiosk.cash import CashBookError, Place
from kiosk.effects import Record
from kiosk.flow.machine import UnexpectedEvent
from kiosk.journal.journal import Journal, JournalUnwritable
from kiosk.journal.record import Entry
from kiosk.kernel import CHECKPOINT_EVERY, INBOX_MAX, StepFailed
from kiosk.money import Money
from kiosk.ports import (
    AdviceAnswered,
    CutOver,
    HostAnswered,
    HostLate,
    HostOffline,
    HostOnline,
    HostSilent,
    Input,
)
from kiosk.recovery import recover
from kiosk.turn import Event
from tests.kernel.rig import KEY, Fact, Rig


def reset_done(ticket: str = "reset-1") -> ResetResult:
    return ResetResult(ticket=ticket, outcome=Outcome.DONE)


def go(rig: Rig, name: str = "go") -> None:
    rig.kernel.post(Event(name, "test"))
    rig.run()


# ------------------------------------------------------------ order


def test_records_first_all_of_them_then_effects_in_order() -> None:
    rig = Rig()
    go(rig)
    assert rig.kinds == ["number_reserved", "step", "cash_moved", "ordered", "advice_queued", "step", "aside"]
    assert rig.outside.where == ["dispenser", "advice"]
    for kinds in rig.outside.kinds_then:
        assert kinds[-4:] == ["step", "cash_moved", "ordered", "advice_queued"], "durable before anything goes out"
    assert rig.points[:6] == [
        "before commit of advice_queued", "after commit of advice_queued", "before reset", "after reset",
        "before advise", "after advise",
    ]  # fmt: skip


def test_the_step_says_what_happened_and_why() -> None:
    rig = Rig()
    go(rig)
    step = rig.entries[1].data
    assert step == {
        "region": "main", "event": "go", "source": "test", "orders": [
            {"device": "dispenser", "verb": "reset", "ticket": "reset-1"}],
        "moves": [{"flow": "main", "from": "idle", "to": "busy", "event": "go", "because": []}],
    }  # fmt: skip


def test_after_a_step_everything_is_true_at_once() -> None:
    rig = Rig()
    before = rig.kernel.cash.count(Place.CASSETTE, "unit1")
    go(rig)
    assert rig.kernel.fact(Fact) == "go"
    assert rig.kernel.cash.count(Place.CUSTOMER) == 2
    assert rig.kernel.cash.count(Place.CASSETTE, "unit1") == before - 2
    assert rig.kernel.where() == "main/busy"
    assert rig.kernel.view.values == {"what": "go"}
    assert rig.entries[-1].data == {"seen": "go"}, "and the next region sees it"


def test_staying_without_an_effect_is_nobodys_business() -> None:
    rig = Rig()
    go(rig, "touch")
    assert rig.kinds == []
    assert rig.kernel.steps == 3, "begin, begin, touch"


# ------------------------------------------------------------ what fails has not happened


@pytest.mark.parametrize(("event", "cause"), [
    ("crash", ZeroDivisionError), ("guarded", ZeroDivisionError), ("overdraw", CashBookError), ("opaque", TypeError),
])  # fmt: skip
def test_a_step_that_raises_leaves_nothing_behind(event: str, cause: type[Exception]) -> None:
    rig = Rig()
    cash, views, where = rig.kernel.cash.as_data(), list(rig.views), rig.kernel.where()
    rig.kernel.post(Event(event, "test"))
    with pytest.raises(StepFailed, match=f"main at main/idle on '{event}' from test: ") as caught:
        rig.kernel.step()
    assert isinstance(caught.value.__cause__, cause)
    assert rig.kernel.where() == where
    assert rig.kernel.cash.as_data() == cash
    assert rig.kernel.fact(Fact) is None
    assert rig.outside.got == []
    assert set(rig.kinds) <= {"number_reserved"}, "numbers may be lost, never used twice"
    assert rig.views == views
    assert not rig.kernel.halted
    go(rig)
    assert rig.kernel.where() == "main/busy", "and the next event finds a whole terminal"
    assert rig.outside.where == ["dispenser", "advice"]


def test_an_answer_nobody_waits_for_is_a_bug() -> None:
    rig = Rig()
    rig.kernel.post(Event("nonsense", "dispenser", answers=True), "main")
    with pytest.raises(StepFailed) as caught:
        rig.kernel.step()
    assert isinstance(caught.value.__cause__, UnexpectedEvent)


def fill(journal: Journal) -> None:
    """Let the database grow no more, its own limit, as on a full disk; and use up the room that is left."""
    used = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={used}")
    records = [Record("filler")]
    while True:
        try:
            journal.append(records, at="now", ms=0)
        except JournalUnwritable:
            return


def test_no_journal_no_cash() -> None:
    rig = Rig(Journal(":memory:", KEY))
    cash = rig.kernel.cash.as_data()
    fill(rig.journal)
    rig.began_at = rig.journal.last_seq
    go(rig)
    assert rig.kernel.halted
    assert "free space or replace the disk" in rig.kernel.halted
    assert rig.outside.where == ["card_reader"]
    assert rig.outside.ejected, "a card moves no money"
    assert rig.kernel.cash.as_data() == cash
    assert rig.kernel.where() == "main/idle"
    assert rig.kernel.view.screen == "out_of_service"
    assert rig.kernel.view.values == {"reason": "journal"}
    assert not rig.standing.journal_writable
    assert rig.kinds == []


def test_halted_means_halted() -> None:
    rig = Rig()
    fill(rig.journal)
    go(rig)
    rig.journal._db.execute("PRAGMA max_page_count=100000")
    views, got = list(rig.views), list(rig.outside.got)
    for event in ("go", "touch"):
        rig.kernel.post(Event(event, "test"))
    rig.kernel.device_said("dispenser", DeviceReady(identity=Identity(model="m")))
    rig.kernel.device_said("dispenser", reset_done())
    rig.kernel.host_said(HostOnline())
    rig.clock.advance(10_000)
    assert not rig.kernel.step()
    assert rig.kernel.next_deadline_ms() is None
    assert (rig.views, rig.outside.got) == (views, got)


def test_a_checkpoint_that_cannot_be_written_halts_and_stays_on_the_screen() -> None:
    rig = Rig()

    def fill_at_the_checkpoint(name: str) -> None:
        if name == "before commit of checkpoint":
            fill(rig.journal)

    rig.on_point = fill_at_the_checkpoint
    for _ in range(CHECKPOINT_EVERY):
        assert not rig.kernel.halted
        go(rig, "end")
    assert rig.kernel.halted
    assert rig.kernel.view.screen == "out_of_service"
    assert rig.views[-1] is rig.kernel.view


def test_checkpoints_come_and_recovery_reads_from_the_last() -> None:
    rig = Rig()
    go(rig)
    rig.kernel.device_said("dispenser", reset_done())
    rig.run()
    for _ in range(2 * CHECKPOINT_EVERY):
        go(rig, "end")
    assert rig.kinds.count("checkpoint") == 2
    found = recover(rig.journal)
    assert [a.id for a in found.advices] == ["a1"]
    again = Rig(rig.journal)
    assert again.outside.where == ["repeat"], "what may have been sent goes out as a repeat"
    assert again.kernel.cash.as_data() == rig.kernel.cash.as_data()
    go(again)
    assert again.entries[1].data["orders"][0]["ticket"] == "reset-51", "no ticket twice"


# ------------------------------------------------------------ what comes late, stale, or from nobody


def test_an_answer_comes_to_the_chart_once() -> None:
    rig = Rig()
    go(rig)
    rig.kernel.device_said("dispenser", reset_done())
    rig.run()
    assert rig.kernel.where() == "main/idle"
    steps = rig.kernel.steps
    rig.kernel.device_said("dispenser", reset_done())
    rig.kernel.device_said("dispenser", ResetResult(ticket="never-given", outcome=Outcome.UNKNOWN))
    rig.run()
    assert rig.kernel.steps == steps
    assert [(e.kind, e.data["ticket"]) for e in rig.entries[-2:]] == [("late", "reset-1"), ("late", "never-given")]


def test_a_late_answer_of_the_host_is_journalled_and_never_acted_on() -> None:
    rig = Rig()
    go(rig, "ask")
    rig.kernel.host_said(HostSilent(ticket="q1", sent=True))
    rig.run()
    assert rig.kernel.where() == "main/idle"
    steps = rig.kernel.steps
    rig.kernel.host_said(HostAnswered(ticket="q1", code="00", amount=Money(1, "CNY")))
    rig.kernel.host_said(HostLate(ticket="q1", code="00"))
    rig.run()
    assert rig.kernel.steps == steps
    assert rig.kinds[-2:] == ["late", "late"]


def test_the_hosts_answer_by_its_code() -> None:
    rig = Rig()
    go(rig, "ask")
    rig.kernel.host_said(HostAnswered(ticket="q1", code="51", amount=None))
    with pytest.raises(StepFailed, match="host_declined"):
        rig.run()


def test_an_input_made_on_a_screen_that_has_gone_is_dropped() -> None:
    rig = Rig()
    old = rig.kernel.view.serial
    go(rig)
    rig.kernel.device_said("dispenser", reset_done())
    rig.run()
    steps = rig.kernel.steps
    rig.kernel.person_did(Input("go", view_serial=old))
    assert rig.kernel.idle
    assert rig.kernel.ignored == 1
    rig.kernel.person_did(Input("go", view_serial=rig.kernel.view.serial))
    rig.run()
    assert rig.kernel.steps == steps + 2


def test_what_nobody_understands_is_counted() -> None:
    rig = Rig()
    ignored = rig.kernel.ignored
    rig.kernel.device_said("card_reader", KeyPressed(key="5"))
    rig.kernel.device_said("card_reader", KeyPressed(key="cancel"))
    rig.run()
    assert rig.kernel.ignored == ignored + 2


def test_the_inbox_has_a_bound() -> None:
    rig = Rig()
    for _ in range(INBOX_MAX):
        rig.kernel.post(Event("touch", "test"))
    with pytest.raises(OverflowError, match=f"more than {INBOX_MAX} events wait; step the kernel"):
        rig.kernel.post(Event("touch", "test"))
    rig.run()
    rig.kernel.post(Event("touch", "test"))


def test_deadlines_come_from_the_clock_and_after_the_inbox() -> None:
    rig = Rig()
    go(rig)
    assert rig.kernel.next_deadline_ms() == 1_000
    rig.clock.advance(1_000)
    rig.kernel.device_said("dispenser", reset_done())
    rig.run()
    events = [e.data["event"] for e in rig.entries if e.kind == "step" and e.data["region"] == "main"]
    assert events == ["go", "reset_done"], "an answer that is there beats the deadline"


def test_the_hosts_news() -> None:
    rig = Rig()
    rig.kernel.host_said(HostOnline(business_date="1123"))
    assert rig.standing.host_online
    rig.kernel.host_said(HostOffline(reason="echo"))
    assert not rig.standing.host_online
    rig.kernel.host_said(CutOver(business_date="1124"))
    rig.kernel.host_said(AdviceAnswered(id="a1", code="00", settled=True))
    rig.kernel.host_said(AdviceAnswered(id="a2", code="96", settled=False))
    rig.kernel.device_said("dispenser", DeviceLost(reason="silent"))
    assert rig.kinds == ["host_online", "host_offline", "cut_over", "advice_closed", "advice_parked", "device_lost"]
    rig.run()


def test_another_unit_is_not_the_return_of_the_one_that_was_lost() -> None:
    rig = Rig()
    rig.kernel.device_said("dispenser", DeviceReady(identity=Identity(model="LCDM-2000", firmware="O16")))
    rig.kernel.device_said("dispenser", DeviceLost(reason="unplugged"))
    rig.kernel.device_said("dispenser", DeviceReady(identity=Identity(model="LCDM-2000", firmware="O17")))
    assert rig.kinds == ["device_ready", "device_lost", "health_changed"]
    assert rig.entries[-1].data["error"] == "otherUnit"
    assert "LCDM-2000, firmware O17, where LCDM-2000, firmware O16 was" in rig.entries[-1].data["detail"]
    assert not rig.standing.usable("dispenser")
    rig.kernel.device_said("dispenser", DeviceReady(identity=Identity(model="LCDM-2000", firmware="O16")))
    assert rig.kinds[-1] == "device_ready"
    assert rig.standing.usable("dispenser")
    rig.run()


# ------------------------------------------------------------ watchers


class Norm:
    """Objects to every order, and to silence."""

    def __init__(self) -> None:
        self.saw: list[str] = []
        self.due_ms: int | None = 500

    def seen(self, entries: Sequence[Entry]) -> Sequence[Record]:
        self.saw += [e.kind for e in entries]
        return [Record("violation", {"of": e.seq}) for e in entries if e.kind == "ordered"]

    def advance(self, now_ms: int) -> Sequence[Record]:
        self.due_ms = None
        return [Record("violation", {"at": now_ms})]

    def next_deadline_ms(self) -> int | None:
        return self.due_ms


def test_what_watchers_find_is_journalled_before_effects_go_out() -> None:
    norm = Norm()
    rig = Rig(watchers=[norm])
    go(rig)
    ordered = next(e for e in rig.entries if e.kind == "ordered")
    violation = next(e for e in rig.entries if e.kind == "violation")
    assert violation.data == {"of": ordered.seq}
    assert all("violation" in kinds for kinds in rig.outside.kinds_then)
    assert "violation" not in norm.saw, "a watcher is not fed its own findings"
    assert {"step", "ordered", "advice_queued", "aside"} <= set(norm.saw)


def test_a_watchers_deadline_is_kept() -> None:
    rig = Rig(watchers=[Norm()])
    assert rig.kernel.next_deadline_ms() == 500
    rig.clock.advance(499)
    assert not rig.kernel.step()
    rig.clock.advance(1)
    assert rig.kernel.step()
    assert rig.entries[-1].data == {"at": 500}
    assert not rig.kernel.step()


def test_the_same_steps_make_the_same_journal(tmp_path: Path) -> None:
    def play(name: str) -> Any:
        rig = Rig(Journal(tmp_path / name, KEY))
        for event in ("go", "touch"):
            go(rig, event)
            rig.clock.advance(300)
        rig.kernel.device_said("dispenser", reset_done())
        rig.run()
        return rig.journal.verify()

    assert play("one.db") == play("two.db")
