from __future__ import annotations

import itertools

import pytest

from drivers.base.secrets import PinBlock
from kiosk.bank.server import BankSession
from kiosk.host.mac import wrap
from kiosk.host.message import MessageError
from kiosk.money import Money
from kiosk.ports import (
    Advice,
    AdviceAnswered,
    AdviceKind,
    CutOver,
    HostAnswered,
    HostLate,
    HostMismatch,
    HostOffline,
    HostOnline,
    HostReport,
    HostSilent,
    Reason,
    WorkingKey,
)
from tests.bank import sample
from tests.host.world import World


def names(reports: list[HostReport]) -> list[str]:
    return [type(report).__name__ for report in reports]


# ------------------------------------------------------------ coming up


def test_sign_on_brings_keys_and_online() -> None:
    world = World()
    assert names(world.reports) == ["HostOnline", "WorkingKey"]
    key = world.last(WorkingKey)
    assert key.name == "TPK"
    assert wrap(world.pin_key, sample.PIN_MASTER_KEY) == key.cryptogram
    assert world.bank.terminals[sample.TERMINAL].pin_keys == {1: world.pin_key}


def test_a_pin_pad_that_refuses_its_key_leaves_the_host_with_the_former_one() -> None:
    world = World()
    former = world.pin_key
    world.pin_pad_takes_keys = False
    world._reply(world.session.offer_keys())
    world.settle()
    assert list(world.bank.terminals[sample.TERMINAL].pin_keys.values()) == [former]
    world.ask(10_000)
    assert world.last(HostAnswered).code == "00"


def test_a_pin_block_made_before_the_key_change_still_opens() -> None:
    world = World()
    request = world.request_of(10_000)
    world._reply(world.session.offer_keys())
    world.settle()
    world.client.request(request)
    world.settle()
    assert world.last(HostAnswered).code == "00"


def test_keys_out_of_step_blame_nobody_and_ask_for_a_key() -> None:
    world = World()
    before = len(world.told(WorkingKey))
    request = world.request_of(10_000)
    object.__setattr__(request, "pin_block", PinBlock("0123456789ABCDEF"))
    world.client.request(request)
    world.settle()
    assert world.last(HostAnswered).code == "81"
    assert len(world.told(WorkingKey)) == before + 1
    world.ask(10_000)
    assert world.last(HostAnswered).code == "00"


def test_no_sign_on_answer_is_offline_and_tried_again() -> None:
    world = World()
    world.disconnect()
    world.fate = lambda mti, nth: [] if mti == "0810" and nth <= 4 else [0]
    world.connect()
    world.pass_time(200_000)
    assert world.last(HostOffline).reason == "link"
    assert isinstance(world.reports[-1], HostOnline | WorkingKey)
    assert world.client.online


def test_a_line_that_dropped_must_hold_before_it_counts() -> None:
    world = World()
    world.disconnect()
    world.connect()
    assert not world.client.online
    world.pass_time(4_999)
    assert not world.client.online
    world.pass_time(1)
    assert world.client.online


def test_offline_and_online_are_told_once_each_way() -> None:
    world = World()
    for _ in range(3):
        world.disconnect()
        world.connect()
        world.pass_time(100)
    assert len(world.told(HostOffline)) == 1
    world.pass_time(6_000)
    assert len(world.told(HostOnline)) == 2


# ------------------------------------------------------------ requests


def test_silence_ends_a_request_in_time_and_a_late_answer_stays_late() -> None:
    world = World()
    world.personality.strike("late", by_ms=30_001)
    request = world.ask(10_000)
    world.pass_time(29_999)
    assert world.told(HostSilent) == []
    world.pass_time(1)
    assert world.last(HostSilent) == HostSilent(ticket=request.ticket, sent=True)
    world.pass_time(1)
    assert world.last(HostLate) == HostLate(ticket=request.ticket, code="00")
    assert world.told(HostAnswered) == []


def test_a_request_while_offline_was_not_sent() -> None:
    world = World()
    world.disconnect()
    request = world.request_of(10_000)
    world.client.request(request)
    assert world.client.next_deadline_ms() == world.clock.now_ms()
    assert world.client.tick() == [HostSilent(ticket=request.ticket, sent=False)]


def test_a_break_tells_sent_from_unsent() -> None:
    world = World()
    world.fate = lambda mti, nth: [] if mti == "0200" else [0]
    gone = world.ask(10_000)
    waiting = world.request_of(10_000)
    world.client.request(waiting)
    world.disconnect()
    assert set(world.told(HostSilent)) == {
        HostSilent(ticket=gone.ticket, sent=True),
        HostSilent(ticket=waiting.ticket, sent=False),
    }


@pytest.mark.parametrize(("fault", "why"), [("bad_mac", "mac"), ("malformed", "malformed"), ("wrong_amount", "amount")])
def test_what_cannot_be_trusted_ends_the_request(fault: str, why: str) -> None:
    world = World()
    world.personality.strike(fault)
    request = world.ask(10_000)
    assert world.last(HostMismatch) == HostMismatch(ticket=request.ticket, why=why)
    assert world.told(HostAnswered) == []
    world.pass_time(60_000)
    assert world.told(HostSilent) == []


def test_a_wrong_number_is_not_an_answer() -> None:
    world = World()
    world.personality.strike("wrong_stan")
    request = world.ask(10_000)
    world.pass_time(30_000)
    assert world.last(HostSilent) == HostSilent(ticket=request.ticket, sent=True)
    assert world.client.counters.unmatched == 1


def test_a_doubled_answer_is_late_the_second_time() -> None:
    world = World()
    world.personality.strike("duplicate", by_ms=200)
    request = world.ask(10_000)
    world.pass_time(300)
    assert len(world.told(HostAnswered)) == 1
    assert world.last(HostLate) == HostLate(ticket=request.ticket, code="00")


def test_answers_out_of_order_find_their_requests() -> None:
    world = World()
    world.personality.strike("out_of_order")
    first = world.ask(10_000)
    second = world.ask(20_000)
    assert [(a.ticket, a.amount) for a in world.told(HostAnswered)] == [
        (second.ticket, Money(20_000, "CNY")),
        (first.ticket, Money(10_000, "CNY")),
    ]


def test_a_number_is_never_used_twice() -> None:
    world = World()
    request = world.ask(10_000)
    with pytest.raises(MessageError, match="never reused"):
        world.client.request(request)


def test_what_cannot_be_expressed_is_our_mistake() -> None:
    world = World()
    with pytest.raises(MessageError, match="processing code"):
        world.client.request(world.request_of(1, operation="gamble"))
    with pytest.raises(MessageError, match="completion"):
        world.client.advise(world.advice_of(world.ask(10_000), AdviceKind.REVERSAL, stands=Money(10_000, "CNY")))


def test_approved_then_offline() -> None:
    world = World()
    world.personality.strike("approve_then_offline", for_ms=60_000)
    request = world.ask(10_000)
    assert world.last(HostAnswered).code == "00"
    assert not world.client.online
    world.client.advise(world.advice_of(request, AdviceKind.COMPLETION))
    world.pass_time(60_000)
    assert world.client.advices_waiting == 1
    world.connect()
    assert world.client.advices_waiting == 0
    assert world.bank.verify() == []


# ------------------------------------------------------------ MAC


def test_three_wrong_macs_in_a_row_ask_for_a_key_then_give_up() -> None:
    world = World()
    world.personality.strike("bad_mac", times=3)
    keys = world.bank.terminals[sample.TERMINAL]
    before = keys.mac
    for _ in range(3):
        world.ask(10_000)
    assert keys.mac is not before
    assert world.client.online
    world.personality.strike("bad_mac", times=3)
    for _ in range(3):
        world.ask(10_000)
    assert world.last(HostOffline).reason == "mac"
    assert world.told(HostAnswered) == []
    assert len(world.told(HostMismatch)) == 6


def test_good_macs_between_start_the_count_again() -> None:
    world = World()
    for _ in range(4):
        world.personality.strike("bad_mac", times=2)
        world.ask(10_000)
        world.ask(10_000)
        world.ask(10_000)
    assert world.told(HostOffline) == []
    assert len(world.told(HostAnswered)) == 4


# ------------------------------------------------------------ advices


def test_advices_go_strictly_in_order() -> None:
    world = World()
    requests = [world.ask(10_000) for _ in range(3)]
    world.personality.strike("advice_lost", mti="0220", times=2)
    for request in requests:
        world.client.advise(world.advice_of(request, AdviceKind.COMPLETION))
    world.pass_time(4_999)
    assert world.client.advices_waiting == 3
    world.pass_time(60_000)
    ids = [answer.id for answer in world.told(AdviceAnswered)]
    assert ids == sorted(ids)
    assert len(ids) == 3
    assert world.bank.verify() == []


def test_the_waits_between_repeats_grow_and_stay() -> None:
    world = World()
    request = world.ask(10_000)
    at: list[int] = []

    def fate(mti: str, nth: int) -> list[int]:
        if mti in ("0220", "0221"):
            at.append(world.clock.now_ms())
            return []
        return [0]

    world.fate = fate
    world.advise(request, AdviceKind.COMPLETION)
    world.pass_time(1_200_000)
    waits = [b - a for a, b in itertools.pairwise(at)]
    assert waits[:7] == [5_000, 15_000, 30_000, 60_000, 120_000, 300_000, 300_000]


def test_a_refused_advice_is_parked_and_the_next_goes_on() -> None:
    world = World()
    first, second = world.ask(10_000), world.ask(20_000)
    world.personality.strike("advice_refused", code="12")
    parked = world.advise(first, AdviceKind.COMPLETION)
    done = world.advise(second, AdviceKind.COMPLETION)
    assert world.told(AdviceAnswered) == [
        AdviceAnswered(id=parked.id, code="12", settled=False),
        AdviceAnswered(id=done.id, code="00", settled=True),
    ]


@pytest.mark.parametrize("code", ["63", "90", "91"])
def test_no_verdict_means_again(code: str) -> None:
    world = World()
    request = world.ask(10_000)
    world.personality.strike("advice_refused", code=code)
    world.advise(request, AdviceKind.COMPLETION)
    assert world.client.advices_waiting == 1
    world.pass_time(5_000)
    assert world.last(AdviceAnswered).settled


def test_an_event_is_told_and_kept() -> None:
    world = World()
    advice = Advice(
        id="e1", stan=77, sent_at=world.sent_at(), kind=AdviceKind.EVENT, text="storage unit C1 empty", suspect=True
    )
    world.client.advise(advice)
    world.settle()
    assert world.last(AdviceAnswered).settled
    (event,) = world.bank.events()
    assert event["tags"] == {"SU": "1", "TX": "storage unit C1 empty"}
    assert [item.kind for item in world.bank.exceptions()] == ["suspect"]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_codes(reason: Reason) -> None:
    world = World()
    world.advise(world.ask(10_000), AdviceKind.REVERSAL, reason=reason)
    assert world.last(AdviceAnswered).settled
    assert world.bank.verify() == []


# ------------------------------------------------------------ the host's orders, echo


def test_cut_over_is_told_and_dates_what_follows() -> None:
    world = World()
    world.bank.cut_over()
    world.settle()
    world.settle()
    assert world.told(CutOver) == [CutOver(business_date="1123")]
    world.ask(10_000)
    assert world.last(HostAnswered).business_date == "1123"


def test_out_of_service_by_order_still_drains_advices() -> None:
    world = World()
    request = world.ask(10_000)
    world._reply(world.session.order(in_service=False))
    world.settle()
    assert world.last(HostOffline).reason == "ordered"
    world.advise(request, AdviceKind.COMPLETION)
    assert world.client.advices_waiting == 0
    world._reply(world.session.order(in_service=True))
    world.settle()
    assert world.client.online


def test_echo_keeps_an_idle_line_and_three_misses_end_it() -> None:
    world = World()
    world.pass_time(300_000)
    assert world.client.online
    world.fate = lambda mti, nth: [] if mti == "0810" else [0]
    world.pass_time(89_999)
    assert world.told(HostOffline) == []
    world.pass_time(1)
    assert world.last(HostOffline).reason == "echo"


def test_a_broken_stream_asks_to_be_closed() -> None:
    world = World()
    reports = world.client.receive(b"\xff\xff")
    assert world.client.wants_close
    assert reports == [HostOffline(reason="link")]
    assert world.client.data_to_send() == b""


def test_a_stranger_on_the_line_does_nothing() -> None:
    world = World()
    session = BankSession(world.bank)
    assert session.receive(b"\x00\x14" + b"02004000000000000001") == []
    assert session.receive(b"GET / HTTP/1.1\r\n\r\n") == []
    assert session.wants_close
    assert world.bank.orders() == []


def test_an_answer_under_the_former_key_still_counts() -> None:
    world = World()
    world.personality.strike("late", by_ms=500)
    world.ask(10_000)
    world._reply(world.session.offer_keys())
    world.settle()
    world.pass_time(600)
    assert world.last(HostAnswered).code == "00"
    assert world.told(HostMismatch) == []
