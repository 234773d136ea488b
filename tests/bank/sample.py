"""A small bank for tests: one terminal and a few cards, each with one property."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from kiosk.bank.data import BankData, load_bank

TERMINAL = "ATM00001"
ACCEPTOR = "BANK00000000001"
LINK_MAC_KEY = "0123456789ABCDEFFEDCBA9876543210"
MAC_TRANSPORT_KEY = "13579BDF02468ACEFDB97531ECA86420"
PIN_MASTER_KEY = "1111222233334444AAAABBBBCCCCDDDD"
EXPIRY = "2912"
PIN = "1234"


def pan(number: int) -> str:
    """Return a test PAN of 19 digits in the range 622588 with its check digit."""
    body = f"622588{number:012d}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 - place % 2)
        total += value - 9 if value > 9 else value
    return f"{body}{-total % 10}"


NORMAL, POOR, EXPIRED, BLOCKED, STOLEN, LAST_TRY, PARTIAL, LIMITED = (pan(n) for n in range(1, 9))
ACCOUNTS = {
    p: f"6217{n:012d}" for n, p in enumerate((NORMAL, POOR, EXPIRED, BLOCKED, STOLEN, LAST_TRY, PARTIAL, LIMITED), 1)
}


def raw_bank(**more: Any) -> dict[str, Any]:
    balances = {NORMAL: 1_000_000, POOR: 5_000, PARTIAL: 35_000}
    special: dict[str, Mapping[str, Any]] = {
        PARTIAL: {"partial_approval": True},
        LIMITED: {"per_withdrawal_minor": 100_000, "per_day_minor": 150_000, "withdrawals_per_day": 3},
    }
    cards: dict[str, Mapping[str, Any]] = {
        EXPIRED: {"expiry": "2001"},
        BLOCKED: {"state": "blocked"},
        STOLEN: {"state": "stolen"},
        LAST_TRY: {"tries_left": 1},
    }
    return {
        "keys": {"pan_key": "p" * 32, "pin_key": "q" * 32},
        "accounts": [
            {
                "number": ACCOUNTS[p],
                "holder": "测试",
                "balance_minor": balances.get(p, 1_000_000),
                **special.get(p, {}),
            }
            for p in ACCOUNTS
        ],
        "cards": [
            {"pan": p, "pin": PIN, "expiry": EXPIRY, "account": ACCOUNTS[p], **cards.get(p, {})} for p in ACCOUNTS
        ],
        "terminals": [
            {
                "id": TERMINAL,
                "cash_minor": 10_000_000,
                "keys": {
                    "link_mac_key": LINK_MAC_KEY,
                    "mac_transport_key": MAC_TRANSPORT_KEY,
                    "pin_master_key": PIN_MASTER_KEY,
                },
            }
        ],
        "payees": {"WATER": "自来水公司"},
        "business_date": "2026-11-22",
        **more,
    }


def sample_bank(**more: Any) -> BankData:
    return load_bank(raw_bank(**more))


def seeded(seed: int) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def track2(card: str, expiry: str = EXPIRY) -> str:
    return f"{card}={expiry}1010000000000000"[:37]


def pin_block(card: str, pin: str, key_hex: str) -> str:
    """Return the ISO 9564 format 0 block as a PIN pad makes it, written here a second time on purpose."""
    clear = int(f"0{len(pin)}{pin}".ljust(16, "F"), 16) ^ int(f"0000{card[-13:-1]}", 16)
    key = bytes.fromhex(key_hex)
    cipher = Cipher(TripleDES(key + key[:8]), modes.ECB()).encryptor()
    return cipher.update(clear.to_bytes(8, "big")).hex().upper()
