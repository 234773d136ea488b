"""What the bank keeps secret, and how: values that do not print themselves, PINs and PANs only under keys."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

PAN_DIGITS: Final = range(12, 20)


@dataclass(frozen=True, slots=True)
class BankKeys:
    """The bank's own keys, any text of 32 characters or more: for PAN tokens and for PIN check values."""

    pan_key: str = field(repr=False)
    pin_key: str = field(repr=False)

    def pan_token(self, pan: str) -> str:
        """Return the keyed token under which a card is stored; the PAN itself is not."""
        return hmac.new(self.pan_key.encode(), pan.encode(), hashlib.sha256).hexdigest()

    def content(self, text: str) -> str:
        """Return a keyed digest of a message's content, which may hold a track."""
        return hmac.new(self.pan_key.encode(), text.encode(), hashlib.sha256).hexdigest()

    def pin_check(self, token: str, pin: str) -> str:
        """Return the value a PIN is compared by: keyed, and different for each card with the same PIN."""
        return hmac.new(self.pin_key.encode(), f"{token}:{pin}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class TerminalKeys:
    """What bank and terminal share at installation, double-length keys in hex.

    `pin_master_key` is in the terminal's PIN pad and wraps the PIN key; `mac_transport_key` wraps the session
    MAC key; `link_mac_key` authenticates network management.
    """

    link_mac_key: str = field(repr=False)
    mac_transport_key: str = field(repr=False)
    pin_master_key: str = field(repr=False)


def masked(pan: str) -> str:
    """Return what may be shown of a PAN."""
    return f"{pan[:6]}{'*' * (len(pan) - 10)}{pan[-4:]}"


def luhn_valid(pan: str) -> bool:
    """Tell whether the check digit of a PAN fits (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(pan)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def clear_pin(block_hex: str, pan: str, key_hex: str) -> str | None:
    """Return the PIN of an ISO 9564 format 0 or 3 block under `key_hex`, or None if it is no such block.

    None means that terminal and bank disagree on the key (or the PAN), not that the customer erred.
    """
    key = bytes.fromhex(key_hex)
    opened = Cipher(TripleDES(key + key[:8]), modes.ECB()).decryptor().update(bytes.fromhex(block_hex))
    account_part = bytes.fromhex(f"0000{pan[-13:-1]:0>12}")
    field_hex = bytes(a ^ b for a, b in zip(opened, account_part, strict=True)).hex().upper()
    control, length, body = field_hex[0], int(field_hex[1], 16), field_hex[2:]
    pin, filler = body[:length], body[length:]
    allowed = {"0": "F", "3": "ABCDEF"}.get(control, "")
    if not allowed or not 4 <= length <= 12 or not pin.isdigit() or filler.strip(allowed):
        return None
    return pin
