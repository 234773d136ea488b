"""The driver alone, against bytes written here by hand: what it sends, and what it makes of every answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base.clock import SimClock
from drivers.base.errors import LocalProtocolError
from drivers.base.secrets import Pan
from drivers.base.vocabulary import (
    AcceptCard,
    DeviceLost,
    DeviceReady,
    EnterData,
    EnterPin,
    Happening,
    Health,
    HealthChanged,
    KeyPressed,
    LoadKey,
    Outcome,
    PinDigits,
    Result,
    StopKeys,
)
from drivers.pin_pad.commands import COMMANDS, FAULTS, StatusRule, fault_of
from drivers.pin_pad.driver import SzztPinPad
from drivers.pin_pad.framing import FrameReader, encode
from drivers.pin_pad.settings import (
    ClearKey,
    GetPinLayout,
    InputOn,
    LengthField,
    PinPadSettings,
    ScanCode,
)

PAN = Pan("4761739001010010")
BLOCK = "0123456789ABCDEF"
OK = encode(b"\x60")
PIN = EnterPin(ticket="P", pan=PAN, key="TPK")


def info(serial: str = "00004711", table: str | None = None, mode: str = "37") -> bytes:
    table = table or PinPadSettings().scan_table
    return encode(
        b"\x60"
        + (" " * 50 + table + f"05001E2A040633{mode}0500" + "0" * 8 + "ZT598 H02S140912" + serial).encode()
    )


class Talk:
    """Feeds one driver with answers and takes down what it sends."""

    def __init__(self, settings: PinPadSettings | None = None) -> None:
        self.clock = SimClock()
        self.driver = SzztPinPad(self.clock, settings)
        self.reports: list[Result | Happening] = []

    def sent(self) -> list[str]:
        self.reports += self.driver.tick()
        return [frame.data.decode() for frame in FrameReader().feed(self.driver.data_to_send())]

    def hear(self, *pieces: bytes) -> list[Result | Happening]:
        before = len(self.reports)
        for piece in pieces:
            self.reports += self.driver.receive(piece)
        return self.reports[before:]

    def answer(self, expected: str, reply: bytes = OK) -> list[Result | Happening]:
        assert self.sent() == [expected]
        return self.hear(reply)

    def ready(self) -> Talk:
        self.driver.connect()
        self.answer("3", info())
        self.answer("532A")
        assert [type(r) for r in self.answer("5032")] == [DeviceReady]
        return self

    def pin_begun(self, limit: str = "1E", smallest: str = "04", largest: str = "06") -> Talk:
        self.driver.submit(PIN)
        for expected in ("5032", f"52{limit}", f"54{smallest}", f"55{largest}", "5033"):
            self.answer(expected)
        assert self.answer("630 006173900101001") == []
        return self


@pytest.fixture
def talk() -> Talk:
    return Talk().ready()


def test_connect_identifies_and_sets_what_differs():
    talk = Talk()
    talk.driver.connect()
    talk.answer("3", info(serial="4711", table="41" * 24, mode="30"))
    talk.answer("5637")
    talk.answer("4" + PinPadSettings().scan_table)
    talk.answer("532A")
    (ready,) = talk.answer("5032")
    assert ready == DeviceReady(identity=talk.driver.identity)
    assert (ready.identity.model, ready.identity.serial) == ("ZT598", "4711")
    assert "S14" in ready.identity.firmware
    assert talk.driver.health is Health.OK
    assert talk.sent() == []


@pytest.mark.parametrize("body", [b"", b"short", b"\xff" * 150])
def test_connect_to_something_else_is_device_lost(body):
    talk = Talk()
    talk.driver.connect()
    (lost,) = talk.answer("3", encode(b"\x60" + body))
    assert isinstance(lost, DeviceLost)
    assert talk.driver.identity is None


def test_pin_entry_to_the_byte(talk):
    talk.pin_begun()
    assert talk.hear(b"*", b"*", b"*", b"*") == [PinDigits(count=n) for n in (1, 2, 3, 4)]
    assert talk.hear(b"\x08") == [PinDigits(count=0)]
    assert talk.hear(b"****") == [PinDigits(count=n) for n in (1, 2, 3, 4)]
    assert talk.hear(b"A") == []
    assert talk.hear(b"\r") == []
    assert talk.answer("7", encode(b"\x600016" + BLOCK.encode())) == []
    (result,) = talk.answer("5032")
    assert result.outcome is Outcome.DONE
    assert result.block.reveal() == BLOCK
    assert BLOCK not in repr(result) + str(result) + repr(talk.reports)
    assert not talk.driver.busy


def test_layouts_of_the_other_client():
    talk = Talk(
        PinPadSettings(
            get_pin=GetPinLayout.WITH_KEY,
            input_on=InputOn.AFTER_START,
            length_field=LengthField.ZERO,
            clear_key=ClearKey.LAST,
        )
    ).ready()
    talk.driver.submit(PIN)
    for expected in ("5032", "521E", "5404", "5506", "630 000173900101001", "5033"):
        talk.answer(expected)
    assert talk.hear(b"**\x08") == [PinDigits(count=1), PinDigits(count=2), PinDigits(count=1)]
    talk.hear(b"\r")
    talk.answer("730 173900101001", encode(b"\x600016" + BLOCK.encode()))
    assert [r.outcome for r in talk.answer("5032")] == [Outcome.DONE]


@pytest.mark.parametrize(
    ("heard", "error"),
    [
        (b"\x1b", "cancelled"),
        (b"\x80", "cancelled"),
        (encode(b"\xee"), "entryTimeout"),
        (b"*5", "hardwareError"),
    ],
)
def test_ends_of_an_entry(talk, heard, error):
    talk.pin_begun()
    talk.hear(heard)
    (result,) = talk.answer("5032")
    assert (result.ticket, result.outcome, result.error) == ("P", Outcome.REFUSED, error)
    assert "5" not in result.detail


def test_time_out_as_the_answer_to_get_pin(talk):
    talk.pin_begun()
    talk.hear(b"****\r")
    talk.answer("7", encode(b"\xee"))
    (result,) = talk.answer("5032")
    assert (result.outcome, result.error) == (Outcome.REFUSED, "entryTimeout")


def test_a_pad_that_never_ends_the_entry_is_ended(talk):
    talk.pin_begun()
    assert talk.driver.next_deadline_ms() == 32_000
    talk.clock.move_to(32_000)
    (result,) = talk.answer("5032")
    assert (result.outcome, result.error) == (Outcome.REFUSED, "entryTimeout")


def test_stop_keys_ends_the_entry_first(talk):
    talk.pin_begun()
    talk.driver.submit(StopKeys(ticket="S"))
    (pin,) = talk.answer("5032")
    assert (pin.ticket, pin.outcome, pin.error) == ("P", Outcome.REFUSED, "cancelled")
    (stopped,) = talk.answer("5032")
    assert (stopped.ticket, stopped.outcome) == ("S", Outcome.DONE)


def test_stop_keys_while_the_entry_is_being_prepared(talk):
    talk.driver.submit(PIN)
    talk.driver.submit(StopKeys(ticket="S"))
    for expected in ("5032", "521E", "5404", "5506", "5033", "630 006173900101001"):
        assert talk.answer(expected) == []
    assert [r.error for r in talk.answer("5032")] == ["cancelled"]
    assert [r.ticket for r in talk.answer("5032")] == ["S"]


def test_only_plain_entry_reports_keys(talk):
    assert talk.hear(b"12") == []
    assert talk.driver.discarded == 2
    talk.driver.submit(EnterData(ticket="D"))
    talk.answer("5033")
    assert talk.hear(b"1#.\rH\x08\x1b\x07\x99") == [
        KeyPressed(key=key) for key in ("1", "00", ".", "enter", "fdk08", "clear", "cancel")
    ]
    assert talk.driver.discarded == 4
    talk.driver.submit(StopKeys(ticket="S"))
    assert talk.hear(b"3") == []
    talk.answer("5032")
    assert talk.hear(b"3") == []


@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_error_code_refuses_in_words(talk, code):
    talk.driver.submit(LoadKey(ticket="L", key="TPK", under="TMK", cryptogram="A" * 32))
    if code == 0xEE:
        assert talk.answer("2203032" + "A" * 32, encode(b"\xee")) == []  # no answer to a key: the key goes on
        (result,) = talk.hear(encode(b"\x60ABCDEF"))
        assert result.outcome is Outcome.DONE
        return
    reports = talk.answer("2203032" + "A" * 32, encode(bytes((code,))))
    fault = FAULTS[code]
    (result,) = [r for r in reports if isinstance(r, Result)]
    assert (result.outcome, result.error) == (Outcome.REFUSED, fault.word)
    assert result.detail.startswith(f"{code:02X} ")
    changes = [r for r in reports if isinstance(r, HealthChanged)]
    assert [change.health for change in changes] == ([fault.health] if fault.health else [])
    assert talk.driver.health is (fault.health or Health.OK)


@pytest.mark.parametrize("code", [c for c, f in FAULTS.items() if f.tamper])
def test_tamper_refuses_everything_from_then_on(talk, code):
    talk.pin_begun()
    change, result = talk.hear(b"**", encode(bytes((code,))))[2:]
    assert (change.health, change.error) == (Health.STOP, "tampered")
    assert (result.ticket, result.outcome, result.error) == ("P", Outcome.REFUSED, "tampered")
    talk.driver.submit(EnterData(ticket="D"))
    assert talk.driver.next_deadline_ms() == talk.clock.now_ms()
    assert talk.sent() == []
    assert (talk.reports[-1].ticket, talk.reports[-1].error) == ("D", "tampered")
    assert talk.hear(encode(bytes((code,)))) == []
    talk.driver.disconnect("unplugged")
    assert talk.driver.health is Health.STOP
    talk.driver.submit(EnterData(ticket="E"))
    assert talk.sent() == []
    talk.ready()
    assert talk.driver.health is Health.OK


def test_a_tampered_pad_does_not_become_ready():
    talk = Talk()
    talk.driver.connect()
    change, lost = talk.answer("3", encode(b"\xdd"))
    assert (change.health, change.error) == (Health.STOP, "tampered")
    assert isinstance(lost, DeviceLost)
    assert talk.driver.identity is None
    assert talk.driver.health is Health.STOP


def test_low_battery_passes_when_keys_serve_again(talk):
    load = {"key": "TPK", "under": "TMK", "cryptogram": "A" * 32}
    talk.driver.submit(LoadKey(ticket="L1", **load))
    change, _ = talk.answer("2203032" + "A" * 32, encode(b"\xe0"))
    assert (change.health, change.supplies) == (Health.ATTENTION, {"battery": "low"})
    talk.driver.submit(LoadKey(ticket="L2", **load))
    assert [type(r).__name__ for r in talk.answer("2203032" + "A" * 32, encode(b"\xe0"))] == ["LoadKeyResult"]
    talk.driver.submit(EnterData(ticket="D"))
    talk.answer("5033")
    assert talk.driver.health is Health.ATTENTION
    talk.driver.submit(LoadKey(ticket="L3", **load))
    change, _ = talk.answer("2203032" + "A" * 32, encode(b"\x60ABCDEF"))
    assert change == HealthChanged(health=Health.OK)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"key": "XYZ"}, "keyNotFound"),
        ({"under": "XYZ"}, "keyNotFound"),
        ({"cryptogram": "A" * 16}, "invalidKeyLength"),
        ({"cryptogram": "A" * 30}, "invalidKeyLength"),
        ({"cryptogram": "Z" * 32}, "invalidData"),
    ],
)
def test_keys_that_need_no_asking(talk, change, error):
    talk.driver.submit(
        LoadKey(**({"ticket": "L", "key": "TPK", "under": "TMK", "cryptogram": "A" * 32} | change))
    )
    assert talk.sent() == []
    assert [(r.outcome, r.error) for r in talk.reports if isinstance(r, Result)] == [(Outcome.REFUSED, error)]


def test_a_key_with_another_check_value_is_erased(talk):
    talk.driver.submit(LoadKey(ticket="L", key="TPK", under="TMK", cryptogram="A" * 32, kcv="08D7B4"))
    assert talk.answer("2203032" + "A" * 32, encode(b"\x60AAAAAA")) == []
    (result,) = talk.answer("2003000")
    assert (result.outcome, result.error) == (Outcome.REFUSED, "invalidData")
    assert "erased" in result.detail


def test_unknown_pin_format_and_key(talk):
    for others, error in (({"format": "iso2"}, "formatNotSupported"), ({"key": "nope"}, "keyNotFound")):
        talk.driver.submit(EnterPin(**({"ticket": error, "pan": PAN, "key": "TPK"} | others)))
        assert talk.sent() == []
        assert talk.reports[-1].error == error


def test_silence_is_asked_five_times_then_unknown_then_lost(talk):
    talk.driver.submit(EnterData(ticket="D"))
    frames = []
    for _ in range(5):
        frames += talk.sent()
        talk.clock.move_to(talk.driver.next_deadline_ms())
    assert talk.sent() == []
    assert frames == ["5033"] * 5
    result, lost = talk.reports[-2:]
    assert (result.outcome, result.error) == (Outcome.UNKNOWN, "timeOut")
    assert isinstance(lost, DeviceLost)
    assert talk.driver.health is Health.UNKNOWN
    with pytest.raises(LocalProtocolError, match="ready"):
        talk.driver.submit(EnterData(ticket="E"))


def test_the_surplus_answer_to_a_repeat_is_not_taken_for_the_next_one(talk):
    talk.driver.submit(EnterData(ticket="D"))
    talk.sent()
    talk.clock.advance(1_000)
    assert [r.outcome for r in talk.answer("5033")] == [Outcome.DONE]
    talk.driver.submit(LoadKey(ticket="L", key="TPK", under="TMK", cryptogram="A" * 32))
    assert talk.sent() == []
    assert talk.hear(OK) == []  # the second answer to 5033, late
    (result,) = talk.answer("2203032" + "A" * 32, encode(b"\x60ABCDEF"))
    assert result.kcv == "ABCDEF"


def test_the_next_question_does_not_wait_for_ever(talk):
    talk.driver.submit(EnterData(ticket="D"))
    talk.sent()
    talk.clock.advance(1_000)
    talk.answer("5033")
    talk.driver.submit(StopKeys(ticket="S"))
    assert talk.sent() == []
    talk.clock.move_to(talk.driver.next_deadline_ms())
    assert [r.ticket for r in talk.answer("5032")] == ["S"]


def test_an_answer_may_come_in_two_halves_far_apart(talk):
    talk.driver.submit(EnterData(ticket="D"))
    talk.sent()
    talk.hear(OK[:4])
    talk.clock.advance(900)
    assert [r.outcome for r in talk.hear(OK[4:])] == [Outcome.DONE]


def test_half_a_frame_nobody_asked_for_does_not_swallow_keys(talk):
    talk.driver.submit(EnterData(ticket="D"))
    talk.answer("5033")
    assert talk.hear(b"\x0200") == []
    talk.clock.advance(251)
    assert talk.hear(b"7") == [KeyPressed(key="7")]
    assert talk.driver.discarded == 3


def test_disconnect_answers_what_is_open(talk):
    talk.driver.submit(EnterData(ticket="D"))
    result, lost = talk.driver.disconnect("unplugged")
    assert (result.outcome, lost.reason) == (Outcome.REFUSED, "unplugged")
    assert talk.driver.disconnect("unplugged") == []
    talk.ready().pin_begun()
    talk.driver.submit(StopKeys(ticket="S"))
    result, stop, _ = talk.driver.disconnect("unplugged")
    assert (result.ticket, result.outcome) == ("P", Outcome.UNKNOWN)
    assert (stop.ticket, stop.outcome) == ("S", Outcome.REFUSED)


def test_idle_poll_notices_another_unit(talk):
    assert talk.driver.next_deadline_ms() == 10_000
    talk.clock.move_to(10_000)
    assert talk.answer("3", info()) == []
    assert not talk.driver.busy
    talk.clock.move_to(20_000)
    assert talk.sent() == ["3"]
    talk.driver.submit(EnterData(ticket="D"))
    lost, refused = sorted(talk.hear(info(serial="99999999")), key=lambda r: type(r).__name__)
    assert "99999999" in lost.reason
    assert (refused.ticket, refused.outcome) == ("D", Outcome.REFUSED)


def test_no_poll_while_plain_keys_are_let_through(talk):
    talk.driver.submit(EnterData(ticket="D"))
    talk.answer("5033")
    assert talk.driver.next_deadline_ms() is None
    talk.driver.submit(StopKeys(ticket="S"))
    talk.answer("5032")
    assert talk.driver.next_deadline_ms() == 10_000


def test_keys_of_a_tampered_pad_are_nobodys(talk):
    talk.driver.submit(EnterData(ticket="D"))
    talk.answer("5033")
    (change,) = talk.hear(encode(b"\xdd"), b"12")
    assert isinstance(change, HealthChanged)


@pytest.mark.parametrize(("serial", "known"), [("00004711", "ABCDEF"), ("99999999", "")])
def test_a_check_value_belongs_to_one_unit(talk, serial, known):
    talk.driver.submit(LoadKey(ticket="L", key="TPK", under="TMK", cryptogram="A" * 32))
    talk.answer("2203032" + "A" * 32, encode(b"\x60ABCDEF"))
    talk.driver.connect()
    talk.answer("3", info(serial=serial))
    talk.answer("532A")
    talk.answer("5032")
    talk.pin_begun()
    talk.hear(b"****\r")
    talk.answer("7", encode(b"\x600016" + BLOCK.encode()))
    assert [r.key_kcv for r in talk.answer("5032")] == [known]


class Plain:
    """A holder of a UID whose cipher turns bytes around: enough to follow the dialogue by eye."""

    def nonce(self) -> bytes:
        return bytes(16)

    def encrypt(self, block: bytes) -> bytes:
        return bytes(byte ^ 0x0F for byte in block)


@pytest.mark.parametrize(
    ("challenge", "proof", "ends"),
    [
        (b"1111111111111111", b"1111111111111111", None),
        (b"1111111111111111", b"2222222222222222", "the pad does not know its UID"),
        (b"not hex", b"", "unreadable challenge"),
    ],
)
def test_authentication_goes_both_ways(challenge, proof, ends):
    talk = Talk(PinPadSettings(authenticator=Plain()))
    talk.driver.connect()
    talk.answer("3", info())
    talk.answer(":A0" + "0" * 32, encode(b"\x60ABAB"))
    reports = talk.answer(":20ABAB", encode(b"\x60" + challenge))
    if proof:
        reports += talk.answer(":901E1E1E1E1E1E1E1E", encode(b"\x60" + proof))
    assert [r.reason for r in reports if isinstance(r, DeviceLost)] == ([ends] if ends else [])
    assert talk.sent() == ([] if ends else ["532A"])


def test_a_step_of_the_authentication_is_never_repeated():
    talk = Talk(PinPadSettings(authenticator=Plain()))
    talk.driver.connect()
    talk.answer("3", info())
    assert talk.sent() == [":A0" + "0" * 32]
    talk.clock.move_to(talk.driver.next_deadline_ms())
    assert talk.sent() == []
    assert [r.reason for r in talk.reports] == ["silent on authentication"]


def test_a_command_waits_for_the_poll(talk):
    talk.clock.move_to(10_000)
    assert talk.sent() == ["3"]
    talk.driver.submit(EnterData(ticket="D"))
    assert talk.driver.busy
    talk.hear(info())
    assert [r.ticket for r in talk.answer("5033")] == ["D"]


def test_illegal_use_is_told(talk):
    with pytest.raises(LocalProtocolError, match="accept_card"):
        talk.driver.submit(AcceptCard(ticket="A"))
    talk.driver.submit(EnterData(ticket="D"))
    with pytest.raises(LocalProtocolError, match="busy"):
        talk.driver.submit(StopKeys(ticket="S"))
    with pytest.raises(LocalProtocolError, match="disconnect first"):
        talk.driver.connect()


def test_status_rules_differ_only_where_the_clients_do():
    for status in range(256):
        strict = fault_of(status, StatusRule.ONLY_60_TO_9F)
        lax = fault_of(status, StatusRule.ALL_BUT_FAULTS)
        if status in FAULTS:
            assert strict == lax == FAULTS[status]
        else:
            assert lax is None
            assert (strict is None) == (0x60 <= status <= 0x9F)


def test_the_table_is_whole():
    assert len(COMMANDS) == 12
    assert all(spec.code == code and spec.reply_within_ms >= 250 for code, spec in COMMANDS.items())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"mask": 0x35}, "35"),
        ({"cancel_codes": (0x02,)}, "frame"),
        ({"scan_codes": (ScanCode("1", 0x31),)}, "24"),
    ],
)
def test_settings_that_cannot_be_told_apart(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        PinPadSettings(**change)


@settings(max_examples=60)
@given(st.lists(st.one_of(st.binary(max_size=40), st.integers(0, 3_000)), max_size=25))
def test_no_noise_raises_or_answers_twice(line):
    talk = Talk().ready()
    talk.driver.submit(PIN)
    for event in line:
        talk.sent()
        if isinstance(event, bytes):
            talk.hear(event)
        else:
            talk.clock.advance(event)
    talk.reports += talk.driver.disconnect("end")
    assert len([r for r in talk.reports if isinstance(r, Result)]) == 1
