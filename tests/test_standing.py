from __future__ import annotations

import json

import pytest

from drivers.base.vocabulary import DeviceLost, DeviceReady, Health, HealthChanged, Identity
from kiosk.standing import Standing

DEVICES = ("card_reader", "pin_pad", "dispenser", "printer")
ONE, OTHER = Identity(model="LCDM-4000", serial="A1"), Identity(model="LCDM-4000", serial="B2")


def standing() -> Standing:
    return Standing(DEVICES, lambda name: f"capabilities of {name}", lambda: 3)


def test_nothing_is_known_before_a_device_speaks() -> None:
    s = standing()
    assert not any(s.known(d) or s.usable(d) for d in DEVICES)
    assert not s.usable("coffee machine")
    assert not s.known("coffee machine")
    assert not s.host_online
    assert not s.pin_key_loaded


def test_ready_lost_and_back() -> None:
    s = standing()
    s.note("dispenser", DeviceReady(identity=ONE))
    assert s.usable("dispenser")
    s.note("dispenser", DeviceLost(reason="silent"))
    assert s.known("dispenser")
    assert not s.usable("dispenser")
    s.note("dispenser", DeviceReady(identity=ONE))
    assert s.usable("dispenser")


@pytest.mark.parametrize("other", [OTHER, Identity(model="LCDM-2000", serial="A1")])
def test_another_unit_is_a_stranger_until_it_is_accepted(other: Identity) -> None:
    s = standing()
    s.note("dispenser", DeviceReady(identity=ONE))
    s.note("dispenser", DeviceLost(reason="unplugged"))
    s.note("dispenser", DeviceReady(identity=other))
    assert not s.usable("dispenser")
    assert s.as_data()["dispenser"]["stranger"]
    s.note("dispenser", HealthChanged(health=Health.OK))
    assert not s.usable("dispenser"), "good health makes no friend"
    s.accept("dispenser")
    assert s.usable("dispenser")
    s.note("dispenser", DeviceReady(identity=other))
    assert s.usable("dispenser"), "the accepted one is the known one now"
    s.note("dispenser", DeviceReady(identity=ONE))
    assert not s.usable("dispenser"), "and the old one a stranger"


def test_the_first_one_comes_back_and_is_trusted() -> None:
    s = standing()
    for identity in (ONE, OTHER, ONE):
        s.note("dispenser", DeviceReady(identity=identity))
    assert s.usable("dispenser")


@pytest.mark.parametrize(
    ("health", "usable"),
    [(Health.OK, True), (Health.ATTENTION, True), (Health.STOP, False), (Health.UNKNOWN, False)],
)
def test_health(health: Health, usable: bool) -> None:
    s = standing()
    s.note("printer", DeviceReady(identity=ONE))
    s.note("printer", HealthChanged(health=health, error="paperOut", supplies={"paper": "out"}))
    assert s.usable("printer") is usable
    assert s.supplies("printer") == {"paper": "out"}


def test_a_stopped_device_is_not_healed_by_saying_hello() -> None:
    s = standing()
    s.note("dispenser", DeviceReady(identity=ONE))
    s.note("dispenser", HealthChanged(health=Health.STOP, error="mediaJam"))
    s.note("dispenser", DeviceReady(identity=ONE))
    assert not s.usable("dispenser")
    s.note("dispenser", HealthChanged(health=Health.OK))
    assert s.usable("dispenser")


def test_a_lost_pin_pad_has_lost_its_key_and_others_have_not() -> None:
    s = standing()
    s.pin_key_loaded = True
    s.note("printer", DeviceLost(reason="silent"))
    assert s.pin_key_loaded
    s.note("pin_pad", DeviceLost(reason="silent"))
    assert not s.pin_key_loaded


def test_what_it_passes_on() -> None:
    s = standing()
    assert s.capabilities("printer") == "capabilities of printer"
    assert s.advices_waiting == 3
    assert set(json.loads(json.dumps(s.as_data()))) == set(DEVICES)
