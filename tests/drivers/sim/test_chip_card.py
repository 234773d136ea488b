"""The simulated chip card, APDU by APDU."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import psec.des
import psec.mac
import pytest
import yaml

from drivers.sim.chip_card import ChipCardData, Phase, SimChipCard, answer_to_reset, tlv
from drivers.sim.chip_crypto import card_key, cryptogram, issuer_cryptogram, session_key

pytestmark = pytest.mark.filterwarnings(  # psec still asks for TDES by its former place
    "ignore::cryptography.utils.CryptographyDeprecationWarning"
)

VECTORS: dict[str, Any] = yaml.load(
    (Path(__file__).parents[2] / "vectors" / "chip_card.yaml").read_text("utf-8"), Loader=yaml.CBaseLoader
)
CASES = VECTORS["cases"]
ISSUER_KEY = bytes.fromhex(VECTORS["issuer_key"])
TRANSACTION = {name: bytes.fromhex(text) for name, text in VECTORS["transaction"].items()}
DATA = TRANSACTION["data"]
AID = "A000000333010101"
OK = b"\x90\x00"
NOT_NOW = b"\x69\x85"


def send(card: SimChipCard, *parts: str | bytes) -> bytes:
    return card.exchange(b"".join(bytes.fromhex(part) if isinstance(part, str) else part for part in parts))


def started(data: ChipCardData | None = None, protocol: str = "1") -> SimChipCard:
    """A card after GET PROCESSING OPTIONS."""
    card = SimChipCard(data, protocol)
    send(card, "00A4040008", AID, "00")
    send(card, "80A8000002830000")
    assert card.phase is Phase.STARTED
    return card


def generate(card: SimChipCard, kind: int, data: bytes) -> tuple[int, int, bytes, bytes]:
    """Return cryptogram kind, counter, cryptogram, issuer application data."""
    answer = card.exchange(bytes((0x80, 0xAE, kind, 0x00, len(data))) + data + b"\x00")
    assert answer.endswith(OK), answer.hex()
    assert answer[:2] == b"\x80\x12"
    return answer[2], int.from_bytes(answer[3:5], "big"), answer[5:13], answer[13:20]


def without_parity(key: bytes) -> bytes:
    return bytes(byte & 0xFE for byte in key)


# ---------------------------------------------------------------- cryptography


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pan"][-4:])
def test_keys_and_cryptograms_are_those_of_another_implementation(case: dict[str, str]) -> None:
    key = card_key(ISSUER_KEY, case["pan"], case["sequence"])
    assert key.hex() == case["card_key"]
    atc = int(case["atc"])
    session = session_key(key, atc)
    assert without_parity(session) == without_parity(bytes.fromhex(case["session_key"]))
    data = DATA + TRANSACTION["aip"] + atc.to_bytes(2, "big") + TRANSACTION["issuer_data"]
    arqc = cryptogram(session, data)
    assert arqc.hex() == case["arqc"]
    assert issuer_cryptogram(session, arqc, b"00").hex() == case["arpc"]


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 40])
def test_the_mac_is_psecs_of_any_length(length: int) -> None:
    session, data = bytes.fromhex(CASES[0]["session_key"]), bytes(range(length))
    assert cryptogram(session, data) == psec.mac.generate_retail_mac(session[:8], session[8:], data, 2)


def test_the_session_key_is_what_the_formula_says() -> None:
    key = bytes.fromhex(CASES[0]["card_key"])
    halves = [psec.des.encrypt_tdes_ecb(key, bytes.fromhex(f"ABCD{mark}0000000000")) for mark in ("F0", "0F")]
    assert session_key(key, 0xABCD) == b"".join(halves)


# ---------------------------------------------------------------- files


def test_exchanges_are_those_of_the_books() -> None:
    card = SimChipCard(ChipCardData(pan=CASES[0]["pan"], sequence=CASES[0]["sequence"]), protocol="1")
    for exchange in VECTORS["exchanges"]:
        answer = send(card, exchange["command"])
        assert answer == bytes.fromhex(exchange["answer"].replace(" ", "")), exchange["name"]


def test_the_answer_to_reset_follows_the_protocol() -> None:
    assert answer_to_reset("0", b"KIOSK").hex() == "3b6500004b494f534b"
    atr = answer_to_reset("1", b"KIOSK")
    check = 0
    for byte in atr[1:]:
        check ^= byte
    assert check == 0
    assert atr[1] == 0xE5
    with pytest.raises(ValueError, match="T=0 or T=1"):
        SimChipCard(protocol="2")


def test_a_name_in_part_finds_one_application_after_the_other() -> None:
    card = SimChipCard(ChipCardData(aids={AID: "Debit", "A000000333010102": "Credit"}), protocol="1")
    assert b"Debit" in send(card, "00A4040005A00000033300")
    assert b"Credit" in send(card, "00A4040205A00000033300")
    assert send(card, "00A4040205A00000033300") == b"\x6a\x82"
    assert send(card, "00A4040005A00000000400") == b"\x6a\x82"
    directory = send(card, "00A404000E", b"2PAY.SYS.DDF01", "00")
    assert directory.count(b"\x61") >= 2


def test_nothing_is_read_before_an_application_is_selected() -> None:
    card = SimChipCard(protocol="1")
    assert send(card, "00B2010C00") == b"\x6a\x82"
    assert send(card, "80CA9F3600") == b"\x6a\x88"
    assert send(card, "80A8000002830000") == NOT_NOW
    assert send(card, "0020008008241234FFFFFFFFFF") == NOT_NOW


@pytest.mark.parametrize("apdu", ["", "00A4", "00A40400", "00A4040008A0", "00A4040001A00000"])
def test_commands_of_a_wrong_length_are_refused(apdu: str) -> None:
    answer = SimChipCard(protocol="1").exchange(bytes.fromhex(apdu))
    assert answer in (b"\x67\x00", b"\x6a\x82")


@pytest.mark.parametrize(
    ("apdu", "answer"),
    [
        ("00B2000C00", "6A86"),
        ("00B2010800", "6A86"),
        ("00B2012C00", "6A82"),
        ("00A4010000", "6A86"),
        ("00A4000002 3F00 00", "6A82"),
        ("0020008808241234FFFFFFFFFF", "6A86"),
        ("0020008008441234FFFFFFFFFF", "6A80"),
        ("0020008002241234", "6700"),
        ("80AEC0001D", "6A86"),
        ("80AE80001D", "6700"),
        ("0082000008 0000000000000000", "6985"),
    ],
)
def test_what_is_asked_wrongly_is_refused(apdu: str, answer: str) -> None:
    assert send(started(), apdu.replace(" ", "")).hex().upper() == answer


def test_a_pan_of_19_digits_is_filled_up() -> None:
    card = started(ChipCardData(pan=CASES[1]["pan"]))
    assert bytes.fromhex("5A0A6225880012345678901F") in send(card, "00B2011400")
    assert bytes.fromhex("57126225880012345678901D301222000000000F") in send(card, "00B2010C00")


# ---------------------------------------------------------------- T=0


def test_a_t0_card_makes_the_terminal_fetch() -> None:
    card = SimChipCard(protocol="0")
    assert send(card, "00A4040008", AID, "00") == b"\x61\x28"
    assert send(card, "00C0000010") == b"\x6c\x28"
    assert send(card, "00C0000030") == b"\x6c\x28"
    fci = send(card, "00C0000028")
    assert fci[:1] == b"\x6f"
    assert fci.endswith(OK)
    assert send(card, "00C0000028") == NOT_NOW  # fetched is fetched
    assert send(card, "80CA9F1700") == b"\x6c\x04"
    assert send(card, "80CA9F1704") == bytes.fromhex("9F170103") + OK


def test_what_waits_is_lost_with_the_next_command() -> None:
    card = SimChipCard(protocol="0")
    send(card, "00A4040008", AID, "00")
    assert send(card, "80CA9F1704").endswith(OK)
    assert send(card, "00C0000028") == NOT_NOW


# ---------------------------------------------------------------- PIN


def test_the_pin_blocks_after_its_tries_and_stays_blocked_without_power() -> None:
    card = started()
    for left in (2, 1, 0):
        assert send(card, "0020008008249999FFFFFFFFFF") == bytes((0x63, 0xC0 | left))
    assert send(card, "0020008008241234FFFFFFFFFF") == b"\x69\x83"
    card.reset()
    send(card, "00A4040008", AID, "00")
    assert send(card, "0020008008241234FFFFFFFFFF") == b"\x69\x83"
    send(card, "80A8000002830000")
    kind, _, _, told = generate(card, 0x80, DATA)
    assert kind == 0x00  # declined by the card itself
    assert told[5] & 0x40


def test_the_right_pin_gives_the_tries_back() -> None:
    card = started()
    send(card, "0020008008249999FFFFFFFFFF")
    assert send(card, "0020008008241234FFFFFFFFFF") == OK
    assert card.pin_tries_left == 3


@pytest.mark.parametrize("block", ["241234FFFFFFFFFE", "251234FFFFFFFFFF", "2512340FFFFFFFFF", "2412341FFFFFFFFF"])
def test_only_the_exact_pin_is_right(block: str) -> None:
    card = started()
    assert send(card, "0020008008", block)[:1] == b"\x63"
    assert card.pin_tries_left == 2


# ---------------------------------------------------------------- transactions


def test_a_whole_online_transaction() -> None:
    case = CASES[0]
    card = started(ChipCardData(pan=case["pan"], sequence=case["sequence"]))
    kind, counter, arqc, told = generate(card, 0x80, DATA)
    assert (kind, counter, told) == (0x80, 1, TRANSACTION["issuer_data"])
    assert arqc.hex() == case["arqc"]
    assert send(card, "008200000A", case["arpc"], "3030") == OK
    kind, counter, tc, told = generate(card, 0x40, b"00" + DATA)
    assert (kind, counter) == (0x40, 1)
    assert told == bytes.fromhex("06011203600000")
    session = session_key(card_key(ISSUER_KEY, case["pan"], case["sequence"]), 1)
    assert tc == psec.mac.generate_retail_mac(session[:8], session[8:], DATA + b"\x1c\x00" + b"\x00\x01" + told, 2)
    assert card.phase is Phase.ENDED
    assert card.last_online_atc == 1


@pytest.mark.parametrize("apdu", ["80AE80001D", "80AE40001F", "80AE00001D"])
def test_nothing_more_after_the_end(apdu: str) -> None:
    card = started()
    generate(card, 0x00, DATA)
    data = DATA if apdu.endswith("1D") else b"00" + DATA
    assert send(card, apdu, data, "00") == NOT_NOW


def test_a_wrong_issuer_is_told_and_makes_the_card_decline() -> None:
    card = started()
    generate(card, 0x80, DATA)
    assert send(card, "008200000A", bytes(8), "3030") == b"\x63\x00"
    assert send(card, "008200000A", bytes(8), "3030") == NOT_NOW  # one try for a transaction
    kind, _, _, told = generate(card, 0x40, b"00" + DATA)
    assert kind == 0x00
    assert told[4] & 0x08
    assert card.last_online_atc == 0


def test_no_answer_of_the_issuer_no_money() -> None:
    card = started()
    generate(card, 0x80, DATA)
    assert generate(card, 0x40, b"Z3" + DATA)[0] == 0x00


def test_small_amounts_pass_offline_if_the_card_was_made_so() -> None:
    small = bytes.fromhex("000000000500") + DATA[6:]
    assert generate(started(ChipCardData(offline_limit_minor=500)), 0x40, small)[0] == 0x40
    assert generate(started(ChipCardData(offline_limit_minor=499)), 0x40, small)[0] == 0x80


def test_the_counter_moves_with_each_start_and_survives_the_reset() -> None:
    card = started()
    first = generate(card, 0x80, DATA)[2]
    card.reset()
    assert card.phase is Phase.IDLE
    send(card, "00A4040008", AID, "00")
    send(card, "80A8000002830000")
    assert card.atc == 2
    assert generate(card, 0x80, DATA)[2] != first


def test_a_counter_at_its_end_starts_nothing() -> None:
    card = SimChipCard(protocol="1")
    card.atc = 0xFFFF
    send(card, "00A4040008", AID, "00")
    assert send(card, "80A8000002830000") == NOT_NOW


def test_answers_in_format_2_and_options_that_are_asked_for() -> None:
    card = SimChipCard(ChipCardData(format_2=True, pdol="9F1A0295 05"), protocol="1")
    assert b"\x9f\x38\x05" in send(card, "00A4040008", AID, "00")
    assert send(card, "80A8000002830000") == b"\x67\x00"
    assert card.atc == 0
    answer = send(card, "80A80000098307", "0156", bytes(5), "00")
    assert answer.hex() == "770e82021c009408080101001001020 09000".replace(" ", "")
    answer = send(card, "80AE80001D", DATA, "00")
    assert answer[:2] == b"\x77\x1e"
    assert answer[2:6].hex() == "9f270180"


@pytest.mark.parametrize("wrong", [{"pan": "12"}, {"pin": "12a4"}, {"issuer_key": b"1"}, {"aids": {}}])
def test_a_card_that_cannot_be_made(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        dataclasses.replace(ChipCardData(), **wrong)


def test_secrets_do_not_print() -> None:
    data = ChipCardData()
    for hidden in (data.pan, data.pin, data.issuer_key.hex(), data.track2):
        assert hidden not in repr(data)


def test_long_objects_say_their_length_in_two_bytes() -> None:
    assert tlv("70", bytes(128))[:3] == b"\x70\x81\x80"
    with pytest.raises(ValueError, match="do not fit"):
        tlv("70", bytes(256))
