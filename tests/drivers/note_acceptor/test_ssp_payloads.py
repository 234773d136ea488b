"""Event lists, setup, levels, counters; the key exchange and the sealed packet."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import RemoteProtocolError
from drivers.note_acceptor.ssp import commands as say
from drivers.note_acceptor.ssp.essp import KeyAgreement, SecureChannel, draw_prime, is_prime
from drivers.note_acceptor.ssp.events import Seen, read_counters, read_events, read_levels, read_setup
from drivers.sim.note_acceptor.ssp_side import Envelope, prime

CNY = b"CNY"
VALUE = (25_000).to_bytes(4, "little")
BODIES = {
    say.Shape.NONE: b"",
    say.Shape.CHANNEL: b"\x03",
    say.Shape.VALUES: b"\x02" + VALUE + CNY + VALUE + b"EUR",
    say.Shape.PAIRS: b"\x01" + VALUE + VALUE + CNY,
    say.Shape.VALUES_CODE: b"\x01" + VALUE + CNY + b"\x03",
    say.Shape.VALUE: VALUE + CNY,
    say.Shape.VALUE_V8: VALUE + CNY,
}
OLD_BODIES = {
    **BODIES,
    say.Shape.VALUES: VALUE,
    say.Shape.PAIRS: VALUE + VALUE,
    say.Shape.VALUES_CODE: VALUE + b"\x03",
    say.Shape.VALUE_V8: b"",
}


@pytest.mark.parametrize("event", say.EVENTS.values(), ids=lambda e: f"{e.code:02X}")
@pytest.mark.parametrize(("protocol", "bodies"), [(8, BODIES), (4, OLD_BODIES)])
def test_every_event_with_a_stranger_behind(event, protocol, bodies):
    body = bytes((event.code,)) + bodies[event.shape]
    seen, rest = read_events(body + b"\xe8" + body + b"\x99\x01", protocol)
    assert [one.event.code for one in seen] == [event.code, 0xE8, event.code]
    assert rest == b"\x99\x01"
    if event.shape is say.Shape.CHANNEL:
        assert seen[0].channel == 3
    if event.shape in (say.Shape.VALUES, say.Shape.PAIRS, say.Shape.VALUES_CODE):
        assert seen[0].values[0] == (25_000, "CNY" if protocol >= 6 else "")
    if event.shape is say.Shape.VALUE:
        assert seen[0].values == ((25_000, "CNY"),)
    for end in range(1, len(body)):
        cut, rest = read_events(body[:end], protocol)
        assert (cut, rest) == ([], body[:end]), "half an event is none"


@pytest.mark.parametrize(
    ("printed", "code", "value"),
    [
        ("c9 f4 01 00 00 45 55 52", 0xC9, (500, "EUR")),
        ("ca f4 01 00 00 45 55 52", 0xCA, (500, "EUR")),
        ("cb d0 07 00 00 47 42 50", 0xCB, (2_000, "GBP")),
        ("ce e8 03 00 00 45 55 52", 0xCE, (1_000, "EUR")),
    ],
)
def test_events_of_one_note_as_the_maker_prints_them(printed, code, value):
    """GA138 v2.2, the packet examples of Note Transferred To Stacker, Into Stacker, Into Store, Held In Bezel."""
    seen, rest = read_events(bytes.fromhex(printed) + b"\xe8", 8)
    assert [(one.event.code, one.values) for one in seen] == [(code, (value,)), (0xE8, ())]
    assert rest == b""


def test_an_error_during_payout_as_the_maker_lays_it_out():
    """GA138 v2.2, Error During Payout: a jam after GBP 50.00 and EUR 20.00; the printed example leaves out ``EUR``."""
    seen, _ = read_events(bytes.fromhex("b1 02 88 13 00 00 47 42 50 d0 07 00 00 45 55 52 01"), 7)
    assert (seen[0].values, seen[0].code) == (((5_000, "GBP"), (2_000, "EUR")), 1)


def test_the_setup_reply_before_and_after_protocol_6():
    head = b"\x00" + b"0412" + CNY + b"\x00\x00\x00" + b"\x02" + b"\x05\x0a" + b"\x02\x02" + b"\x00\x00\x64"
    new = read_setup(head + b"\x07" + b"CNYEUR" + (5).to_bytes(4, "little") + (10).to_bytes(4, "little"))
    assert [(c.number, c.value, c.currency) for c in new.channels] == [(1, 5, "CNY"), (2, 10, "EUR")]
    assert (new.unit, new.firmware, new.protocol, new.multiplier) == ("validator", "0412", 7, 100)
    assert [c.currency for c in read_setup(head + b"\x05").channels] == ["CNY", "CNY"]
    for wrong in (b"\x03" + head[1:] + b"\x07", b"\x55", head):
        with pytest.raises(RemoteProtocolError):
            read_setup(wrong)


def test_levels_and_counters():
    assert read_levels(b"\x01\x03\x00" + VALUE + CNY) == {(25_000, "CNY"): 3}
    body = b"\x05" + b"".join(n.to_bytes(4, "little") for n in (9, 8, 7, 6, 5))
    assert read_counters(body) == {"stacked": 9, "stored": 8, "dispensed": 7, "transferred": 6, "rejected": 5}
    for read in (read_levels, read_counters):
        with pytest.raises(RemoteProtocolError):
            read(b"\x02\x00")


@given(st.binary(max_size=60), st.integers(4, 8))
def test_payload_parsers_raise_one_exception_only(data, protocol):
    read_events(data, protocol)
    for read in (read_setup, read_levels, read_counters):
        with contextlib.suppress(RemoteProtocolError):
            read(data)


def test_no_two_commands_and_no_command_without_a_name():
    assert len({order.name for order in say.ORDERS.values()}) == len(say.ORDERS) == 54
    assert all(code in say.REJECTS for code in range(0x1E))


# ---------------------------------------------------------------- encryption


def channels(seed: int = 3) -> tuple[SecureChannel, Envelope]:
    entropy = random.Random(seed).randbytes
    agreement = KeyAgreement(entropy)
    device = Envelope(seed)
    assert device.set_number(0x4A, agreement.generator.to_bytes(8, "little")) == b"\xf0"
    assert device.set_number(0x4B, agreement.modulus.to_bytes(8, "little")) == b"\xf0"
    reply = device.exchange(agreement.public.to_bytes(8, "little"))
    shared = agreement.shared(int.from_bytes(reply[1:], "little"))
    return SecureChannel(shared, entropy), device


@given(st.binary(max_size=70))
def test_what_is_no_packet_is_none_on_either_side(noise):
    channel, device = channels()
    for field in (noise, b"\x7e" + noise):
        assert device.unwrap(field) is None
        with pytest.raises(RemoteProtocolError):
            channel.open(field)
    assert (channel.count, device.count) == (0, 0)


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5), st.integers(0, 50))
def test_host_and_device_understand_one_another(messages, seed):
    host, device = channels(seed)
    for message in messages:
        field = host.seal(message)
        assert len(field) % 16 == 1
        assert device.unwrap(field) == message
        assert host.open(device.wrap(message[::-1])) == message[::-1]


def test_a_packet_is_good_for_one_occasion():
    host, device = channels()
    first = host.seal(b"\x07")
    assert device.unwrap(first) == b"\x07"
    assert device.unwrap(first) is None
    reply = device.wrap(b"\xf0")
    assert host.open(reply) == b"\xf0"
    host.seal(b"\x07")
    with pytest.raises(RemoteProtocolError, match="packet 1, expected 2"):
        host.open(reply)


def test_damage_inside_a_packet_is_noticed():
    host, device = channels()
    device.unwrap(host.seal(b"\x07"))
    reply = device.wrap(b"\xf0\xee\x03")
    for at in range(len(reply)):
        hurt = reply[:at] + bytes((reply[at] ^ 1,)) + reply[at + 1 :]
        with pytest.raises(RemoteProtocolError):
            host.open(hurt)
    for short in (b"", b"\x7e", reply[:-1]):
        with pytest.raises(RemoteProtocolError):
            host.open(short)


def test_the_fixed_half_comes_first_and_lowest_byte_first():
    """AES-128 with key 67 45 23 01 67 45 23 01 and the negotiated number; checked against the primitive."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    sealed = SecureChannel(0x1122334455667788, bytes).seal(b"\x07")
    key = bytes.fromhex("67 45 23 01 67 45 23 01 88 77 66 55 44 33 22 11")
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
    plain = decryptor.update(sealed[1:])
    assert plain[:6] == b"\x01\x00\x00\x00\x00\x07"


def test_another_fixed_key_is_not_understood():
    entropy = random.Random(1).randbytes
    ours, theirs = SecureChannel(99, entropy), SecureChannel(99, entropy, fixed=1)
    with pytest.raises(RemoteProtocolError):
        theirs.open(ours.seal(b"\x07"))


def test_a_public_number_that_hides_nothing_is_refused():
    agreement = KeyAgreement(random.Random(1).randbytes)
    for weak in (0, 1, agreement.modulus):
        with pytest.raises(RemoteProtocolError, match="modulus"):
            agreement.shared(weak)


def test_primes_against_the_sieve_and_known_large_ones():
    sieve = [n for n in range(2, 2_000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    assert [n for n in range(2_000) if is_prime(n)] == sieve
    assert is_prime(982_451_653)
    assert is_prime(2**61 - 1)
    assert not is_prime(3_215_031_751)  # a strong pseudoprime to bases 2, 3, 5 and 7
    assert not is_prime((2**31 - 1) ** 2)
    assert all(prime(draw_prime(random.Random(seed).randbytes)) for seed in range(5))


def test_a_source_of_nothing_is_noticed():
    with pytest.raises(RuntimeError, match="entropy"):
        draw_prime(lambda count: b"\xfc" + bytes(count - 1))


def test_seen_has_no_value_by_default():
    assert Seen(say.EVENTS[0xE8]).values == ()
