"""The cryptography inside a simulated PIN pad: TDES, check values, PIN blocks, retail MAC.

Thin over `cryptography`. It exists on the simulator's side only: the driver never holds a key. PIN blocks
follow ISO 9564-1 (formats 0, 1 and 3), the MAC is ISO 9797-1 algorithm 3 with padding 1 (ANSI X9.19).
"""

from __future__ import annotations

from random import Random

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

BLOCK = 8


def _cipher(key: bytes) -> Cipher[modes.ECB]:
    thirds = {8: key * 3, 16: key + key[:8], 24: key}.get(len(key))
    if thirds is None:
        raise ValueError(f"a DES key has 8, 16 or 24 bytes, not {len(key)}")
    return Cipher(TripleDES(thirds), modes.ECB())


def encrypt(key: bytes, data: bytes) -> bytes:
    """ECB over whole blocks under a single, double or triple length key."""
    return _cipher(key).encryptor().update(data)


def decrypt(key: bytes, data: bytes) -> bytes:
    return _cipher(key).decryptor().update(data)


def encrypt_cbc(key: bytes, data: bytes) -> bytes:
    """CBC from a zero vector."""
    previous, out = bytes(BLOCK), b""
    for at in range(0, len(data), BLOCK):
        previous = encrypt(key, xor(previous, data[at : at + BLOCK]))
        out += previous
    return out


def decrypt_cbc(key: bytes, data: bytes) -> bytes:
    previous, out = bytes(BLOCK), b""
    for at in range(0, len(data), BLOCK):
        block = data[at : at + BLOCK]
        out += xor(previous, decrypt(key, block))
        previous = block
    return out


def check_value(key: bytes) -> bytes:
    """Return all eight bytes of zeros under the key; what is shown is its start."""
    return encrypt(key, bytes(BLOCK))


def retail_mac(key: bytes, data: bytes) -> bytes:
    """Return the 8-byte MAC under a double length key."""
    padded = data + bytes(-len(data) % BLOCK) if data else bytes(BLOCK)
    chained = encrypt_cbc(key[:8], padded)[-BLOCK:]
    return encrypt(key[:8], decrypt(key[8:16], chained))


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def odd_parity(key: bytes) -> bool:
    """Whether every byte has an odd number of ones, as a DES key should."""
    return all(byte.bit_count() % 2 for byte in key)


def pin_block_iso0(pin: str, account: str) -> bytes:
    """Format 0: PIN padded with F, over the twelve account digits."""
    return xor(_field(f"0{len(pin):X}{pin}", "F" * 14), _account(account))


def pin_block_iso1(pin: str, random: Random) -> bytes:
    """Format 1: PIN padded with random hex digits, no account."""
    return _field(f"1{len(pin):X}{pin}", "".join(random.choice("0123456789ABCDEF") for _ in range(14)))


def pin_block_iso3(pin: str, account: str, random: Random) -> bytes:
    """Format 3: PIN padded with random digits A to F, over the twelve account digits."""
    fill = "".join(random.choice("ABCDEF") for _ in range(14))
    return xor(_field(f"3{len(pin):X}{pin}", fill), _account(account))


def _field(head: str, fill: str) -> bytes:
    return bytes.fromhex((head + fill)[:16])


def _account(account: str) -> bytes:
    return bytes.fromhex("0000" + account)
