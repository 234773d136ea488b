from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kiosk.bank.data import BankData, BankDataError, load_bank
from kiosk.bank.secrets import BankKeys, clear_pin
from tests.bank import sample

CONFIG = Path(__file__).parents[2] / "config"


def test_the_demo_bank_has_a_card_for_every_answer() -> None:
    bank = load_bank(yaml.load((CONFIG / "bank.yaml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    assert {card.label for card in bank.cards} >= {
        *("normal", "low_balance", "expired", "blocked", "stolen", "last_try", "partial", "limited")
    }
    assert all(card.pan.startswith("622588") for card in bank.cards)


def test_secrets_do_not_print_themselves() -> None:
    bank = sample.sample_bank()
    text = repr(bank)
    for secret in (sample.NORMAL, sample.LINK_MAC_KEY, sample.PIN_MASTER_KEY, "p" * 32, f"'{sample.PIN}'"):
        assert secret not in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda raw: raw.pop("accounts"), "accounts"),
        (lambda raw: raw["accounts"][0].update(currency="XXX"), "currency"),
        (lambda raw: raw["accounts"][0].update(balance_minor=-1), "floor"),
        (lambda raw: raw["accounts"].append(raw["accounts"][0]), "twice"),
        (
            lambda raw: raw["cards"][0].update(pan=sample.NORMAL[:-1] + str((int(sample.NORMAL[-1]) + 1) % 10)),
            "check digit",
        ),
        (lambda raw: raw["cards"][0].update(account="nobody"), "does not exist"),
        (lambda raw: raw["cards"][0].update(state="odd"), "active"),
        (lambda raw: raw["cards"][0].update(pin="12"), "4 to 12"),
        (lambda raw: raw["cards"][0].update(expiry="2913"), "YYMM"),
        (lambda raw: raw["cards"][0].update(colour="red"), "colour"),
        (lambda raw: raw["terminals"][0]["keys"].pop("pin_master_key"), "pin_master_key"),
    ],
)
def test_data_that_cannot_be_is_refused_with_the_place(change: Any, says: str) -> None:
    raw = sample.raw_bank()
    change(raw)
    with pytest.raises(BankDataError, match=says) as caught:
        load_bank(raw)
    assert sample.NORMAL not in str(caught.value)


def test_a_pin_block_opens_under_its_key_and_pan_only() -> None:
    key, other = "0123456789ABCDEFFEDCBA9876543210", "1123456789ABCDEFFEDCBA9876543210"
    block = sample.pin_block(sample.NORMAL, "123456", key)
    assert clear_pin(block, sample.NORMAL, key) == "123456"
    assert clear_pin(block, sample.NORMAL, other) is None
    assert clear_pin(block, sample.POOR, key) != "123456"


def test_one_pin_on_two_cards_has_two_check_values() -> None:
    keys = BankKeys("p" * 32, "q" * 32)
    assert keys.pin_check(keys.pan_token(sample.NORMAL), "1234") != keys.pin_check(keys.pan_token(sample.POOR), "1234")


def test_bank_data_is_a_value() -> None:
    assert isinstance(sample.sample_bank(), BankData)
    assert sample.sample_bank() == sample.sample_bank()
