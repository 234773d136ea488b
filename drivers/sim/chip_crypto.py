"""The cryptography inside a simulated chip card: its own key, session keys, cryptograms.

    issuer master key --option A, PAN and sequence number--> card key --ATC--> session key --MAC--> cryptogram

Thin over the ciphers of `pin_pad_crypto`. Source: EMV 4.3 Book 2, 8.1 and 8.2 (cryptogram, ARPC method 1),
A1.2 (algorithm 3 of ISO 9797-1 behind padding method 2), A1.3.1 (common session key), A1.4.1 (option A).
"""

from __future__ import annotations

from drivers.sim.pin_pad_crypto import BLOCK, encrypt, retail_mac, xor


def card_key(issuer_key: bytes, pan: str, sequence: str) -> bytes:
    """Return the card's double length key by option A, with odd parity."""
    digits = (pan + sequence)[-16:].rjust(16, "0")
    block = bytes.fromhex(digits)
    both = encrypt(issuer_key, block) + encrypt(issuer_key, xor(block, b"\xff" * BLOCK))
    return bytes(byte ^ (byte.bit_count() % 2 == 0) for byte in both)


def session_key(key: bytes, atc: int) -> bytes:
    """Return the key of the transaction that has the counter `atc`, 0 to 65535."""
    counter = atc.to_bytes(2, "big")
    return encrypt(key, counter + b"\xf0" + bytes(5)) + encrypt(key, counter + b"\x0f" + bytes(5))


def cryptogram(session: bytes, data: bytes) -> bytes:
    """Return the 8-byte application cryptogram over `data`, unpadded."""
    padded = data + b"\x80"
    return retail_mac(session, padded + bytes(-len(padded) % BLOCK))


def issuer_cryptogram(session: bytes, arqc: bytes, response_code: bytes) -> bytes:
    """Return what an issuer answers an ARQC with (method 1); `response_code` is two bytes."""
    return encrypt(session, xor(arqc, response_code + bytes(BLOCK - 2)))
