from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kiosk.host.framing import FrameReader, frame
from kiosk.host.mac import make_mac
from kiosk.host.message import (
    AdditionalAmount,
    Message,
    MessageError,
    OriginalData,
    additional_amounts,
    counts_text,
    decode,
    encode,
    parse_additional_amounts,
    parse_counts,
    parse_original,
    parse_private,
    parse_replacement,
    private,
    replacement,
    validate,
)
from kiosk.host.spec import FIELDS, MESSAGES, answer_to, message_class

VECTORS: dict[str, Any] = yaml.load(
    (Path(__file__).parents[1] / "vectors" / "host.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader
)
KEY = "0123456789ABCDEFFEDCBA9876543210"
CASES = list(VECTORS["messages"].items())
TEXTS = [vector["tdes"].encode() for _, vector in CASES]


@pytest.mark.parametrize(("name", "vector"), CASES, ids=[name for name, _ in CASES])
@pytest.mark.parametrize("algorithm", ["tdes", "aes"])
def test_vectors_both_ways(name: str, vector: dict[str, Any], algorithm: str) -> None:
    text = vector[algorithm].encode()
    message = Message(vector["mti"], vector["fields"])
    validate(message)
    raw, covered = encode(message)
    assert raw[:-16] + make_mac(algorithm, KEY).sign(covered).encode() == text
    decoded = decode(text)
    assert decoded.message == message
    assert decoded.covered == covered
    assert make_mac(algorithm, KEY).fits(decoded.covered, decoded.mac)


def test_the_layout_of_the_specification_sample() -> None:
    """The sample of the specification as far as it is given: bitmap, lengths and the total of 417 bytes."""
    fields = {
        3: "012000",
        4: "000000010000",
        7: "1122031500",
        11: "000123",
        12: "031500",
        13: "1122",
        18: "6011",
        22: "051",
        23: "001",
        25: "02",
        32: "00012345678",
        35: "4761000000000000=2912101000000007890",
        37: "632603000123",
        41: "ATM00001",
        42: "BANK00000000001",
        43: "MAIN STREET 1".ljust(38) + "US",
        48: private({"NC": "2546" + "0" * 24 + "11E6"}),
        49: "840",
        52: "0412AC89ABCDEF67",
        55: "9F26" + "0" * 135,
    }
    fields[35] = fields[35][:34]
    raw, _ = encode(Message("0200", fields))
    assert len(raw) == 417
    assert raw[:20] == b"02003238468128E19201"
    assert b"48037NC032" not in raw  # the field number itself is never on the wire
    assert b"037NC032" in raw


@pytest.mark.parametrize("refused", VECTORS["refused"], ids=[r["why"] for r in VECTORS["refused"]])
def test_what_must_be_refused_names_its_field(refused: dict[str, str]) -> None:
    with pytest.raises(MessageError, match=refused["field"]):
        validate(decode(refused["text"].encode()).message)


@pytest.mark.parametrize("mti", MESSAGES)
def test_every_mandatory_field_is_missed_by_name(mti: str) -> None:
    sample: dict[int, str] = {n: _fill(n) for n in MESSAGES[mti].mandatory}
    validate(Message(mti, sample))
    for number in MESSAGES[mti].mandatory:
        with pytest.raises(MessageError, match=rf"field {number} .*missing"):
            validate(Message(mti, {n: v for n, v in sample.items() if n != number}))


def _fill(number: int) -> str:
    special = {28: "C00000000", 39: "00", 48: "VS0011", 97: f"C{0:016d}"}
    field = FIELDS[number]
    return special.get(number) or "0" * (field.size if not field.length_digits else 1)


@pytest.mark.parametrize("number", [2, 35, 52])
@pytest.mark.parametrize("mti", ["0220", "0421"])
def test_card_data_never_ride_in_an_advice(mti: str, number: int) -> None:
    fields = {n: _fill(n) for n in MESSAGES[mti].mandatory}
    with pytest.raises(MessageError, match="must not be in an advice"):
        validate(Message(mti, {**fields, number: _fill(number)}))


def test_a_message_does_not_print_its_secrets() -> None:
    message = Message("0200", {35: "6225880000000000018=2912", 52: "0412AC89ABCDEF67", 4: "000000010000"})
    for text in (repr(message), str(message), f"{message}"):
        assert "6225880000000000018" not in text
        assert "0412AC89ABCDEF67" not in text
        assert "000000010000" in text


@pytest.mark.parametrize("mti", ["0200", "0220"])
def test_errors_do_not_print_secrets(mti: str) -> None:
    text = b"0200" + b"0000000020000001" + b"376225880000000000018=29121010000000000!"
    with pytest.raises(MessageError) as caught:
        validate(decode(text).message)
    assert "622588" not in str(caught.value)
    assert "622588" not in repr(caught.value.known)


def test_names_of_answers() -> None:
    assert [answer_to(m) for m in ("0200", "0220", "0221", "0421", "0621", "0800")] == [
        "0210",
        "0230",
        "0230",
        "0430",
        "0630",
        "0810",
    ]
    assert message_class("0221") == "0220"


# ---------------------------------------------------------------- composite fields

_printable = st.text(string.ascii_letters + string.digits + " ;=|.,-", max_size=60)


@given(st.dictionaries(st.from_regex(r"[A-Z0-9]{2}", fullmatch=True), _printable, max_size=12))
def test_private_data_come_back(tags: dict[str, str]) -> None:
    assert parse_private(private(tags)) == tags


@given(st.text(max_size=60))
def test_private_data_raise_one_error_only(text: str) -> None:
    try:
        tags = parse_private(text)
    except MessageError:
        return
    assert private(tags) == text


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Za-z0-9]{0,9}", fullmatch=True), st.integers(0, 999), max_size=8))
def test_counts_come_back(counts: dict[str, int]) -> None:
    assert parse_counts(counts_text(counts)) == counts


@given(st.lists(st.integers(-(10**12) + 1, 10**12 - 1), max_size=6))
def test_additional_amounts_come_back(minors: list[int]) -> None:
    amounts = [AdditionalAmount("00", "02", "156", minor) for minor in minors]
    assert parse_additional_amounts(additional_amounts(amounts)) == amounts


@pytest.mark.parametrize("text", ["1", "0002156X000000000001", "0002156C00000000001"])
def test_ill_formed_amounts(text: str) -> None:
    with pytest.raises(MessageError, match="54"):
        parse_additional_amounts(text)


def test_original_and_replacement_come_back() -> None:
    original = OriginalData("0200", "000123", "1122031500", "00012345678")
    assert parse_original(original.encode()) == original
    assert parse_replacement(replacement(30_000)) == 30_000
    with pytest.raises(MessageError, match="90"):
        parse_original("0200")
    with pytest.raises(MessageError, match="95"):
        parse_replacement("0" * 42)


# ---------------------------------------------------------------- bytes of strangers


@given(st.binary(max_size=300))
def test_garbage_raises_one_error_only(data: bytes) -> None:
    try:
        validate(decode(data).message)
    except MessageError as error:
        assert str(error)  # noqa: PT017


@given(st.sampled_from(TEXTS), st.integers(0, 400), st.integers(0, 255))
def test_one_wrong_byte_is_refused_or_read_and_never_authentic(text: bytes, at: int, byte: int) -> None:
    at %= len(text)
    spoiled = text[:at] + bytes([byte]) + text[at + 1 :]
    try:
        decoded = decode(spoiled)
    except MessageError:
        return
    authentic = make_mac("tdes", KEY).fits(decoded.covered, decoded.mac)
    assert authentic == (spoiled == text)


@given(st.lists(st.sampled_from(TEXTS), max_size=6), st.lists(st.integers(1, 90)))
def test_chopping_a_stream_changes_nothing(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(map(frame, messages))
    reader, got = FrameReader(), []
    for cut in [*cuts, len(stream) + 1]:
        got += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert got == messages


@pytest.mark.parametrize("length", [0, 19, 4097, 65535])
def test_an_impossible_length_breaks_for_good(length: int) -> None:
    reader = FrameReader()
    with pytest.raises(MessageError, match=str(length)):
        reader.feed(length.to_bytes(2, "big"))
    with pytest.raises(MessageError, match="close"):
        reader.feed(frame(TEXTS[0]))


@given(st.binary(max_size=200))
def test_a_reader_fed_garbage_raises_one_error_only(data: bytes) -> None:
    reader = FrameReader()
    try:
        for message in reader.feed(data):
            decode(message)
    except MessageError:
        pass
