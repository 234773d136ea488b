"""Message authentication and key transport, thin over `cryptography`.

Two algorithms by configuration: ISO/IEC 9797-1 algorithm 3 (the "retail MAC": single DES chained under K1,
the last block finished under K2 and K1) with padding method 1, and AES-CMAC cut to eight bytes. Since the
last block under E(K1), then D(K2), then E(K1) is one two-key triple-DES block, algorithm 3 is a CBC under K1
over all blocks but the last, and one triple-DES block.

`cryptography` keeps triple DES in its decrepit module and rightly so: AES is the choice for a new site. The
transport of working keys here is triple-DES ECB under a double-length key, as simple PIN pads take it.
"""

from __future__ import annotations

import hmac
from typing import Final, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

BLOCK: Final = 8
ZERO: Final = bytes(BLOCK)


class Mac(Protocol):
    """A key with its algorithm."""

    def sign(self, covered: bytes) -> str:
        """Return the MAC as sixteen upper-case hex digits."""
        ...

    def fits(self, covered: bytes, mac: str) -> bool:
        """Tell in constant time whether `mac` is the MAC of `covered`."""
        ...


class RetailMac:
    """ISO/IEC 9797-1 algorithm 3, padding 1, under a double-length key (32 hex digits)."""

    def __init__(self, key_hex: str) -> None:
        key = _double_length(key_hex)
        self._chain = Cipher(TripleDES(key[:8] * 3), modes.CBC(ZERO))
        self._last = Cipher(TripleDES(key + key[:8]), modes.ECB()).encryptor()

    def __repr__(self) -> str:
        return "RetailMac(***)"

    def sign(self, covered: bytes) -> str:
        padded = covered + bytes(-len(covered) % BLOCK) if covered else ZERO
        body, last = padded[:-BLOCK], padded[-BLOCK:]
        before = self._chain.encryptor().update(body)[-BLOCK:] if body else ZERO
        mixed = int.from_bytes(before, "big") ^ int.from_bytes(last, "big")
        return self._last.update(mixed.to_bytes(BLOCK, "big")).hex().upper()

    def fits(self, covered: bytes, mac: str) -> bool:
        return hmac.compare_digest(self.sign(covered).encode(), mac.encode("ascii", "replace"))


class AesMac:
    """AES-CMAC (NIST SP 800-38B) cut to its first eight bytes, under a key of 32, 48 or 64 hex digits."""

    def __init__(self, key_hex: str) -> None:
        self._key = AES(bytes.fromhex(key_hex))

    def __repr__(self) -> str:
        return "AesMac(***)"

    def sign(self, covered: bytes) -> str:
        cmac = CMAC(self._key)
        cmac.update(covered)
        return cmac.finalize()[:BLOCK].hex().upper()

    def fits(self, covered: bytes, mac: str) -> bool:
        return hmac.compare_digest(self.sign(covered).encode(), mac.encode("ascii", "replace"))


ALGORITHMS: Final = ("tdes", "aes")


def make_mac(algorithm: str, key_hex: str) -> Mac:
    """Return the MAC by `algorithm` (``"tdes"`` or ``"aes"``). Raises ValueError otherwise."""
    if algorithm == "tdes":
        return RetailMac(key_hex)
    if algorithm == "aes":
        return AesMac(key_hex)
    raise ValueError(f"unknown MAC algorithm {algorithm!r}; known: {', '.join(ALGORITHMS)}")


def _double_length(key_hex: str) -> bytes:
    key = bytes.fromhex(key_hex)
    if len(key) != 16:
        raise ValueError("a double-length key has 32 hex digits; single DES is not used")
    return key


def _ecb(key_hex: str) -> Cipher[modes.ECB]:
    key = _double_length(key_hex)
    return Cipher(TripleDES(key + key[:8]), modes.ECB())


def check_value(key_hex: str) -> str:
    """Return the key check value: the first six hex digits of a zero block under the double-length key."""
    return _ecb(key_hex).encryptor().update(ZERO)[:3].hex().upper()


def wrap(key_hex: str, under_hex: str) -> str:
    """Return the cryptogram of a key under a transport key, hex."""
    return _ecb(under_hex).encryptor().update(bytes.fromhex(key_hex)).hex().upper()


def unwrap(cryptogram_hex: str, under_hex: str) -> str:
    """Return the key of a cryptogram, hex. Whether it is the right one only its check value says."""
    return _ecb(under_hex).decryptor().update(bytes.fromhex(cryptogram_hex)).hex().upper()
