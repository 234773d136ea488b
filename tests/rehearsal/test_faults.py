"""The fault model is whole, the guide says what the code does, and every fault can be struck by its name."""

from __future__ import annotations

import random

import pytest

from drivers.base.clock import SimClock
from kiosk.devicekit.units import DEVICES, UNITS
from kiosk.rehearsal import faultmodel
from kiosk.rehearsal.strikes import NOT_BY_SEED, arguments_of
from kiosk.strict_yaml import DocumentError

EVERY = [(name, fault) for name, unit in UNITS.items() for fault in unit.simulator(SimClock()).faults]


def test_every_fault_has_a_cause_and_what_must_follow():
    found = faultmodel.rows()
    assert len(found) > 100
    assert {row.layer for row in found} == {"wire", "power", "device", "host", "person"}
    for row in found:
        assert row.cause, row
        assert row.must, row
        assert row.does.endswith("."), row
        assert all(1 <= number <= 123 for number in row.edge_cases), row


def test_the_guide_holds_todays_tables():
    text = faultmodel.GUIDE.read_text(encoding="utf-8")
    assert faultmodel.guide(text) == text, "run ./kiosk.sh faults --write"


def test_a_fault_without_a_word_and_a_word_without_a_fault_are_mistakes(tmp_path, monkeypatch):
    text = faultmodel.SOURCE.read_text(encoding="utf-8")
    file = tmp_path / "faults.yaml"
    file.write_text(text.replace("    pick_error:", "    pick_eror:"), encoding="utf-8")
    monkeypatch.setattr(faultmodel, "SOURCE", file)
    with pytest.raises(DocumentError) as failed:
        faultmodel.rows()
    assert "no word on 'pick_error'" in str(failed.value)
    assert "no simulator can be struck with 'pick_eror'" in str(failed.value)


@pytest.mark.parametrize(("name", "fault"), EVERY)
def test_every_fault_can_be_struck_with_what_a_seed_draws(name, fault):
    unit = UNITS[name]
    device = next(place for place, ability in DEVICES.items() if ability == unit.ability)
    if fault in NOT_BY_SEED or fault == "key_damaged":  # it needs a key that is loaded
        return
    for seed in range(4):
        sim = unit.simulator(SimClock())
        arguments = sim.faults[fault].arguments
        units = list(sim.state().get("units", {"unit1": 0}))
        sim.strike(fault, **arguments_of(random.Random(seed), device, fault, arguments, units))
        sim.heal()
