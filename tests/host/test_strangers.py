"""Bytes and messages nobody should send: nothing raises, nothing moves that should not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.host.framing import frame
from kiosk.host.mac import RetailMac
from kiosk.host.message import Message, OriginalData, encode, private, replacement
from kiosk.host.spec import FIELDS, MESSAGES
from kiosk.ports import AdviceKind, HostAnswered, HostMismatch
from tests.bank import sample
from tests.host.world import World

ACCOUNT = sample.ACCOUNTS[sample.NORMAL]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=4), st.booleans())
def test_noise_to_either_end(chunks: list[bytes], framed: bool) -> None:
    world = World()
    for chunk in chunks:
        data = frame(b"0210" + b"0" * 16 + chunk) if framed else chunk
        world.client.receive(data)
        world.session.receive(data)
    assert world.told(HostAnswered) == []
    assert world.bank.orders() == []
    assert world.bank.verify() == []


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.integers(1, 255))
def test_an_approval_with_one_wrong_byte_is_no_approval(at: int, change: int) -> None:
    world = World()
    request = world.request_of(50_000)
    world.client.request(request)
    replies = world.session.receive(world.client.data_to_send())
    raw = bytearray(replies[0][1])
    raw[2 + at % (len(raw) - 2)] ^= change
    reports = world.client.receive(bytes(raw))
    assert not any(isinstance(report, HostAnswered) for report in reports)
    assert all(isinstance(report, HostMismatch) for report in reports)


def _values(number: int) -> st.SearchStrategy[str]:
    """Well-formed values of a field, the telling ones first."""
    telling = {
        3: ["010000", "210000", "310000", "380000", "400000", "500000", "920000", "000000", "990000"],
        4: ["000000050000", "000000000000", "000000000001", "999999999999"],
        11: ["900100", "900101"],
        15: ["1122"],
        35: [sample.track2(sample.NORMAL), sample.track2(sample.STOLEN), "0=1"],
        37: ["632603900100", "632603900101"],
        39: ["00", "68"],
        41: [sample.TERMINAL],
        48: [private({}), private({"SU": "1"}), private({"BL": "WATER"}), private({"NP": "00"})],
        49: ["156", "840", "000"],
        52: ["0123456789ABCDEF"],
        53: ["0001010000000000", "9999999999999999"],
        90: [OriginalData("0200", "900100", "1122031500", "12345678").encode(), "0" * 42],
        95: [replacement(0), replacement(10_000), replacement(50_000), "A" * 42],
        7: ["1122031500"],
        103: [sample.ACCOUNTS[sample.POOR], ACCOUNT, "nobody"],
    }
    form = FIELDS[number]
    plain = (
        "C" + "0" * (form.size - 1) if form.form.startswith("x+n") else "0" * (1 if form.length_digits else form.size)
    )
    return st.sampled_from([value for value in telling.get(number, [plain]) if value] or [plain])


@st.composite
def _authentic(draw: st.DrawFn) -> Message:
    mti = draw(st.sampled_from(["0200", "0220", "0221", "0420", "0421", "0520", "0620", "0210", "0430"]))
    kind = MESSAGES[mti]
    chosen = sorted(kind.mandatory) + [n for n in sorted(kind.optional) if draw(st.booleans())]
    return Message(mti, {n: draw(_values(n)) for n in chosen})


@settings(max_examples=150, deadline=None)
@given(st.lists(_authentic(), min_size=1, max_size=6))
def test_any_authentic_messages_leave_the_books_whole(messages: list[Message]) -> None:
    world = World()
    world.advise(world.ask(50_000), AdviceKind.COMPLETION)
    mac = world.bank.terminals[sample.TERMINAL].mac
    assert isinstance(mac, RetailMac)
    for message in messages:
        raw, covered = encode(message)
        world.session.receive(frame(raw[:-16] + mac.sign(covered).encode()))
    assert world.bank.verify() == []
