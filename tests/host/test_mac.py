from __future__ import annotations

import warnings

import pytest
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st
from psec import des as peer_des
from psec import mac as peer

from kiosk.host.mac import AesMac, RetailMac, check_value, make_mac, unwrap, wrap
from tests.host.test_message import VECTORS

_KEY = st.binary(min_size=16, max_size=16).filter(lambda k: k[:8] != k[8:])


@pytest.mark.parametrize("vector", VECTORS["retail_mac"])
def test_retail_mac_vectors(vector: dict[str, str]) -> None:
    assert RetailMac(vector["key"]).sign(vector["text"].encode()) == vector["mac"]


@pytest.mark.parametrize("vector", VECTORS["aes_cmac"])
def test_aes_cmac_vectors(vector: dict[str, str]) -> None:
    assert AesMac(vector["key"]).sign(bytes.fromhex(vector["hex"])) == vector["mac"]


@given(_KEY, st.binary(min_size=1, max_size=300))
def test_retail_mac_agrees_with_a_peer(key: bytes, data: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # the peer's choice, not ours
        theirs = peer.generate_retail_mac(key[:8], key[8:], data, padding=1)
    assert RetailMac(key.hex()).sign(data) == theirs.hex().upper()


@given(_KEY)
def test_check_value_agrees_with_a_peer(key: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        theirs = peer_des.generate_kcv(key, 3)
    assert check_value(key.hex()) == theirs.hex().upper()


@given(_KEY, _KEY)
def test_a_wrapped_key_comes_back(key: bytes, under: bytes) -> None:
    assert unwrap(wrap(key.hex(), under.hex()), under.hex()) == key.hex().upper()


@pytest.mark.parametrize("algorithm", ["tdes", "aes"])
def test_a_mac_fits_its_text_only(algorithm: str) -> None:
    mac = make_mac(algorithm, "0123456789ABCDEFFEDCBA9876543210")
    signed = mac.sign(b"0200 text")
    assert mac.fits(b"0200 text", signed)
    assert not mac.fits(b"0200 texu", signed)
    assert not mac.fits(b"0200 text", "é" * 16)
    assert "0123" not in repr(mac)


def test_keys_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="32 hex"):
        RetailMac("0123456789ABCDEF")
    with pytest.raises(ValueError, match="tdes, aes"):
        make_mac("des", "00" * 16)
