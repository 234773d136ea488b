"""Driver against simulator on a standing clock, with the cryptography checked by a third party (psec)."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psec import des, mac, pinblock

from drivers.base.secrets import ClearPin, KeyBits
from drivers.base.vocabulary import (
    DeviceLost,
    DeviceReady,
    EnterData,
    EnterPin,
    Health,
    HealthChanged,
    KeyPressed,
    LoadKey,
    Outcome,
    PinDigits,
    Reset,
    StopKeys,
)
from drivers.pin_pad import extra
from drivers.pin_pad.framing import encode
from drivers.pin_pad.settings import ClearKey, GetPinLayout, InputOn, PinPadSettings
from drivers.sim import pin_pad_crypto as crypto
from drivers.sim.pin_pad import PadLab
from tests.drivers.pin_pad.conftest import PAN, TAK, TDK, TMK, TPK, Pair, kcv, make_pair

pytestmark = pytest.mark.filterwarnings(  # psec's way to the cipher is old; ours is not
    "ignore::cryptography.utils.CryptographyDeprecationWarning:psec"
)

PIN = "840217"
UID = "0123456789ABCDEF"


class Uid:
    """The host's half of the authentication, as a key custodian would provide it."""

    def nonce(self) -> bytes:
        return bytes(range(16))

    def encrypt(self, block: bytes) -> bytes:
        return des.encrypt_tdes_ecb(bytes.fromhex(UID) * 2, block)


def opened(pair: Pair, ticket: str) -> bytes:
    result = pair.result(ticket)
    assert result.outcome is Outcome.DONE, result
    return des.decrypt_tdes_ecb(bytes.fromhex(TPK), bytes.fromhex(result.block.reveal()))


@pytest.mark.parametrize("name", ["iso0", "iso1", "iso3"])
def test_pin_block(keyed, name):
    ticket = keyed.begin_pin(format=name)
    keyed.act("press_pin", pin=ClearPin(PIN))
    keyed.settle()
    block = opened(keyed, ticket)
    if name == "iso0":
        assert block == pinblock.encode_pinblock_iso_0(PIN, PAN.reveal())
    elif name == "iso3":
        assert pinblock.decode_pinblock_iso_3(block, PAN.reveal()) == PIN
    else:
        assert block.hex().upper().startswith(f"1{len(PIN)}{PIN}")
    assert keyed.result(ticket).key_kcv == kcv(TPK)
    assert [r.count for r in keyed.heard(PinDigits)] == [1, 2, 3, 4, 5, 6]
    assert keyed.pad.state()["input_on"] is False


@pytest.mark.parametrize("layout", list(GetPinLayout))
@pytest.mark.parametrize("input_on", list(InputOn))
def test_pin_block_in_every_layout(layout, input_on):
    pair = make_pair(PinPadSettings(get_pin=layout, input_on=input_on))
    pair.connect()
    pair.load("TPK", TPK)
    ticket = pair.begin_pin()
    pair.act("press_pin", pin=PIN)
    assert opened(pair, ticket) == pinblock.encode_pinblock_iso_0(PIN, PAN.reveal())


def test_the_pin_is_nowhere(keyed):
    """The canary: the digits are in no byte either side sent, and in nothing that was reported."""
    ticket = keyed.begin_pin()
    started_at = len(keyed.to_host)
    keyed.act("press_pin", pin=PIN)
    keyed.settle()
    block = keyed.result(ticket).block.reveal()
    assert PIN.encode() not in keyed.to_pad + keyed.to_host
    assert keyed.to_host[started_at:].startswith(b"*" * len(PIN) + b"\r")
    shown = repr(keyed.reports) + str(keyed.reports) + repr(keyed.pad.state())
    assert PIN not in shown
    assert block not in shown
    assert PAN.reveal() not in shown


def test_minimum_maximum_and_clear(keyed):
    ticket = keyed.begin_pin(digits_min=4, digits_max=5)
    for key in ("1", "2", "3", "enter", "4", "5", "6", "clear", "9", "8", "7", "6", "fdk01", "enter"):
        keyed.act("press", key=key)
    assert [r.count for r in keyed.heard(PinDigits)] == [1, 2, 3, 4, 5, 0, 1, 2, 3, 4]
    assert opened(keyed, ticket) == pinblock.encode_pinblock_iso_0("9876", PAN.reveal())


def test_cancel_key(keyed):
    ticket = keyed.begin_pin()
    keyed.act("press_pin", pin="12", then="cancel")
    assert keyed.result(ticket).error == "cancelled"
    assert keyed.pad.state()["entry"] == "none"


def test_time_out_comes_from_the_pad(keyed):
    ticket = keyed.begin_pin(within_ms=5_000)
    keyed.act("press_pin", pin="12", then="")
    keyed.run(4_300)
    assert not [r for r in keyed.reports if getattr(r, "ticket", "") == ticket]
    keyed.run(1_000)
    assert keyed.result(ticket).error == "entryTimeout"
    assert keyed.result(ticket).detail.startswith("EE")


def test_a_lost_start_answer_begins_the_entry_afresh(keyed):
    ticket = keyed.ticket()
    keyed.driver.submit(EnterPin(ticket=ticket, pan=PAN, key="TPK"))
    keyed.run(110)  # five controls answered, the start on its way
    keyed.swallow = 1
    keyed.run(2_000)
    assert keyed.to_pad.count(encode(b"630 006173900101001")) == 2
    keyed.act("press_pin", pin=PIN)
    keyed.run(3_000)
    assert opened(keyed, ticket) == pinblock.encode_pinblock_iso_0(PIN, PAN.reveal())


@pytest.mark.parametrize("lost", range(1, 4))
def test_lost_answers_cost_time_and_nothing_else(keyed, lost):
    ticket = keyed.begin_pin()
    keyed.swallow = lost
    keyed.act("press_pin", pin=PIN)
    keyed.run(12_000)
    assert opened(keyed, ticket) == pinblock.encode_pinblock_iso_0(PIN, PAN.reveal())


def test_key_import_is_checked(pair):
    good = pair.load("TPK", TPK, kcv=kcv(TPK))
    assert (good.outcome, good.kcv) == (Outcome.DONE, kcv(TPK))
    bad = pair.load("TPK", TPK, kcv="000000")
    assert (bad.outcome, bad.error) == (Outcome.REFUSED, "invalidData")
    assert [key["number"] for key in pair.pad.state()["keys"]] == ["20"]
    assert pair.do(_pin(pair)).error == "keyNotFound"


def _pin(pair: Pair, **others: object):
    return EnterPin(**({"ticket": pair.ticket(), "pan": PAN, "key": "TPK"} | others))


def test_a_key_has_one_use(keyed):
    def error(command):
        return keyed.do(command).error

    t = keyed.ticket
    assert error(_pin(keyed, key="TAK")) == "useViolation"
    assert error(_pin(keyed, key="TMK")) == "useViolation"
    assert error(extra.GenerateMac(ticket=t(), key="TPK", data=b"x")) == "useViolation"
    for mode in extra.CryptMode:
        assert error(extra.CryptData(ticket=t(), key="TPK", mode=mode, data=bytes(8))) == "useViolation"
        assert error(extra.CryptData(ticket=t(), key="TMK", mode=mode, data=bytes(8))) == "useViolation"
    assert error(LoadKey(ticket=t(), key="TDK", under="TPK", cryptogram="A" * 32)) == "useViolation"


@pytest.mark.parametrize("data", [b"", b"0200", b"12345678", b"0200 and what follows"])
def test_mac_agrees_with_psec(keyed, data):
    result = keyed.do(extra.GenerateMac(ticket="M", key="TAK", data=data))
    key = bytes.fromhex(TAK)
    expected = mac.generate_retail_mac(key[:8], key[8:], data or bytes(8), 1)
    assert (result.outcome, result.mac) == (Outcome.DONE, expected.hex().upper())


@pytest.mark.parametrize("chained", [False, True])
def test_data_key_agrees_with_psec(keyed, chained):
    key, data = bytes.fromhex(TDK), bytes(range(24))
    there = extra.CryptMode.CBC_ENCRYPT if chained else extra.CryptMode.ECB_ENCRYPT
    back = extra.CryptMode.CBC_DECRYPT if chained else extra.CryptMode.ECB_DECRYPT
    result = keyed.do(extra.CryptData(ticket="E", key="TDK", mode=there, data=data))
    expected = des.encrypt_tdes_cbc(key, bytes(8), data) if chained else des.encrypt_tdes_ecb(key, data)
    assert result.data == expected
    assert keyed.do(extra.CryptData(ticket="D", key="TDK", mode=back, data=result.data)).data == data


@pytest.mark.parametrize("size", [8, 16, 24])
def test_check_values_agree_with_psec(size):
    key = bytes(range(1, 1 + size))
    assert crypto.check_value(key) == des.generate_kcv(key, 8)


def test_odd_parity():
    assert crypto.odd_parity(des.adjust_key_parity(bytes(range(16))))
    assert not crypto.odd_parity(bytes(16))


def test_key_upkeep(keyed):
    assert keyed.do(extra.GetKeyDetail(ticket="1", key="TPK")).answer == "32" + kcv(TPK)
    assert keyed.do(extra.EraseKey(ticket="2", key="TPK")).outcome is Outcome.DONE
    assert keyed.do(extra.GetKeyDetail(ticket="3", key="TPK")).error == "keyNotFound"
    assert keyed.do(extra.GetInstallation(ticket="4")).answer == "1"
    assert keyed.do(extra.WipeKeys(ticket="5")).outcome is Outcome.DONE
    assert keyed.pad.state()["keys"] == []
    lost = keyed.do(_pin(keyed))
    assert (lost.error, lost.detail) == ("keyNotFound", "E2 no TMK")
    assert keyed.driver.health is Health.STOP


def test_plain_keys(keyed):
    assert keyed.do(EnterData(ticket="D")).outcome is Outcome.DONE
    for key in ("1", "00", ".", "fdk03", "clear", "cancel", "enter"):
        keyed.act("press", key=key)
    assert [r.key for r in keyed.heard(KeyPressed)] == ["1", "00", ".", "fdk03", "clear", "cancel", "enter"]
    assert keyed.do(StopKeys(ticket="S")).outcome is Outcome.DONE
    keyed.reports.clear()
    keyed.act("press", key="1")
    assert keyed.reports == []


def test_reset_keeps_keys_and_closes_the_keyboard(keyed):
    keyed.do(EnterData(ticket="D"))
    assert keyed.do(Reset(ticket="R")).outcome is Outcome.DONE
    assert keyed.pad.state()["input_on"] is False
    assert len(keyed.pad.state()["keys"]) == 4


def test_power_cut_in_mid_entry(keyed):
    ticket = keyed.begin_pin()
    keyed.act("press_pin", pin="12", then="")
    keyed.pad.power(False)
    keyed.act("press", key="3")
    keyed.run(60_000)
    assert keyed.result(ticket).outcome is Outcome.UNKNOWN
    assert len(keyed.heard(DeviceLost)) == 1
    keyed.pad.power(True)
    keyed.reports.clear()
    keyed.connect()
    assert len(keyed.heard(DeviceReady)) == 1
    again = keyed.begin_pin()
    keyed.act("press_pin", pin=PIN)
    assert opened(keyed, again) == pinblock.encode_pinblock_iso_0(PIN, PAN.reveal())


@pytest.mark.parametrize("how", ["tamper", "remove_from_mount"])
def test_hands_on_the_pad_stop_it(keyed, how):
    ticket = keyed.begin_pin()
    keyed.act("press_pin", pin="84", then="")
    keyed.act(how)
    assert keyed.result(ticket).error == "tampered"
    assert [(r.health, r.error) for r in keyed.heard(HealthChanged)] == [(Health.STOP, "tampered")]
    assert keyed.do(_pin(keyed)).error == "tampered"
    keys = keyed.pad.state()["keys"]
    assert (keys == []) == (how == "tamper")
    if how == "tamper":
        with pytest.raises(ValueError, match="tampered"):
            keyed.pad.act("rekey")


def test_after_tamper_the_pad_is_keyed_again(keyed):
    keyed.pad.strike("tamper", nth=2)
    assert keyed.do(_pin(keyed)).error == "tampered"
    keyed.pad.heal()
    keyed.pad.act("rekey")
    keyed.connect()
    assert keyed.driver.health is Health.OK
    assert keyed.do(_pin(keyed)).error == "keyNotFound"
    assert keyed.load("TPK", TPK).outcome is Outcome.DONE


def test_fault_no_tmk(keyed):
    keyed.pad.strike("no_tmk")
    result = keyed.load("TPK", TPK)
    assert (result.error, result.detail) == ("keyNotFound", "E2 no TMK")
    assert keyed.driver.health is Health.STOP
    keyed.act("rekey")
    assert keyed.load("TPK", TPK).outcome is Outcome.DONE
    assert keyed.driver.health is Health.OK


def test_fault_key_stuck_fills_the_entry_and_ends(keyed):
    keyed.pad.strike("key_stuck", nth=2)
    ticket = keyed.begin_pin(digits_max=6, within_ms=60_000)
    keyed.act("press", key="1")
    keyed.act("press", key="2")
    keyed.run(30_000)
    assert [r.count for r in keyed.heard(PinDigits)] == [1, 2, 3, 4, 5, 6]
    keyed.act("press", key="cancel")
    assert keyed.result(ticket).error == "cancelled"


def test_fault_silent(keyed):
    keyed.pad.strike("silent", count=2)
    assert keyed.do(EnterData(ticket="D")).outcome is Outcome.DONE
    keyed.pad.strike("silent")
    keyed.reports.clear()
    assert keyed.do(StopKeys(ticket="S"), within_ms=9_000).outcome is Outcome.UNKNOWN
    assert len(keyed.heard(DeviceLost)) == 1


def test_fault_silent_is_noticed_when_idle(keyed):
    keyed.pad.strike("silent")
    keyed.run(15_000)
    assert [r.reason for r in keyed.heard(DeviceLost)] == ["silent on user info"]


def test_fault_reset_mid_entry(keyed):
    keyed.pad.strike("reset_mid_entry", nth=3)
    ticket = keyed.begin_pin(within_ms=5_000)
    keyed.act("press_pin", pin=PIN)
    keyed.run(8_000)
    assert [r.count for r in keyed.heard(PinDigits)] == [1, 2]
    assert keyed.result(ticket).error == "entryTimeout"


def test_fault_low_battery(keyed):
    keyed.pad.strike("low_battery", keeps_keys=False)
    keyed.load("TPK", TPK)
    assert keyed.driver.health is Health.ATTENTION
    assert keyed.heard(HealthChanged)[0].supplies == {"battery": "low"}
    keyed.pad.power(False)
    keyed.pad.power(True)
    assert keyed.pad.state()["keys"] == []


def test_authentication():
    settings = PinPadSettings(authenticator=Uid())
    pair = make_pair(settings, uid=KeyBits(UID), lab=PadLab(authentication=True))
    pair.connect()
    assert len(pair.heard(DeviceReady)) == 1
    assert pair.load("TPK", TPK).outcome is Outcome.DONE


def test_authentication_with_another_uid_or_none():
    for settings, uid in ((PinPadSettings(authenticator=Uid()), "A" * 16), (PinPadSettings(), UID)):
        pair = make_pair(settings, uid=KeyBits(uid), lab=PadLab(authentication=True))
        pair.connect()
        assert pair.heard(DeviceReady) == []
        assert [r.reason for r in pair.heard(DeviceLost)] == ["EC authentication"]


def test_clear_pin_format_is_for_the_laboratory_only(keyed):
    start = encode(b"630@006173900101001")
    assert keyed.pad.receive(start) == [(20, encode(b"\xea"))]
    lab = make_pair(lab=PadLab(clear_pin=True))
    lab.connect()
    lab.load("TPK", TPK)
    assert lab.pad.receive(start) == [(20, encode(b"\x60"))]


def test_the_device_refuses_what_hands_cannot_do(keyed):
    for name, arguments, complaint in (
        ("press", {"key": "fdk09"}, "fdk08"),
        ("press", {}, "which key"),
        ("press_pin", {"pin": "12a4"}, "digits"),
        ("put_back", {}, "mount"),
        ("kick", {}, "press_pin"),
    ):
        with pytest.raises(ValueError, match=complaint):
            keyed.pad.act(name, **arguments)
    with pytest.raises(ValueError, match="low_battery"):
        keyed.pad.strike("rust")
    with pytest.raises(ValueError, match="from 1"):
        keyed.pad.strike("silent", nth=0)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"Z", 0xEF),
        (b"\xff", 0xE9),
        (b"2", 0xE8),
        (b"2203032AB", 0xE3),
        (b"22030X2" + b"A" * 32, 0xEA),
        (b"50", 0xE8),
        (b"5999", 0xEB),
        (b"50FF", 0xEA),
        (b"7", 0xF8),
        (b"62F 006173900101001", 0xE2),
    ],
)
def test_the_device_answers_nonsense_with_its_codes(sent, code):
    pair = make_pair(tmk=None if code == 0xE2 else KeyBits(TMK))
    assert pair.pad.receive(encode(sent)) == [(20, encode(bytes((code,))))]


def test_clear_last_digit_setting_counts_down():
    pair = make_pair(PinPadSettings(clear_key=ClearKey.LAST))
    pair.connect()
    pair.load("TPK", TPK)
    pair.begin_pin()
    pair.act("press_pin", pin="123", then="clear")
    assert [r.count for r in pair.heard(PinDigits)] == [1, 2, 3, 2]


KEYS = st.sampled_from([*"0123456789", "clear", "enter", "cancel", "fdk01"])


@given(presses=st.lists(st.tuples(KEYS, st.integers(0, 4_000)), max_size=20), lost=st.integers(0, 3))
@hypothesis.settings(max_examples=60)
def test_whatever_is_keyed_the_block_is_over_exactly_that(presses, lost):
    pair = make_pair()
    pair.connect()
    pair.load("TPK", TPK)
    ticket = pair.begin_pin(digits_min=4, digits_max=6, within_ms=20_000)
    start_ms = pair.clock.now_ms()
    pair.swallow = lost
    keyed, end = "", None
    for key, pause_ms in presses:
        pair.run(pause_ms)
        if end is None and pair.clock.now_ms() - start_ms < 19_000:
            if key.isdecimal():
                keyed += key if len(keyed) < 6 else ""
            elif key == "clear":
                keyed = ""
            elif key == "cancel" or (key == "enter" and len(keyed) >= 4):
                end = key
        elif end is None:
            end = "late"
        pair.act("press", key=key)
    pair.run(40_000)
    if end == "enter":
        assert opened(pair, ticket) == pinblock.encode_pinblock_iso_0(keyed, PAN.reveal())
    elif end != "late":
        expected = "cancelled" if end == "cancel" else "entryTimeout"
        assert pair.result(ticket).error == expected
    assert pair.pad.state()["input_on"] is False
    assert not pair.heard(KeyPressed)
