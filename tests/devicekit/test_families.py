"""Every family of the configuration is listed with what is known of it, tested, served and found on a port."""

from __future__ import annotations

import pytest

from drivers.base.clock import SimClock
from kiosk import compose
from kiosk.config import load_config
from kiosk.devicekit import probe
from kiosk.devicekit.units import UNITS, profiles_of_family
from kiosk.run import KNOWN_FROM, family_table


@pytest.mark.parametrize("name", compose.FAMILIES)
def test_a_family_says_where_it_is_known_from_and_how_it_is_tested(name):
    source, certainty = KNOWN_FROM[name]
    assert len(source) > 10
    assert len(certainty) > 10
    assert "README" not in source + certainty
    assert profiles_of_family(name)
    assert f" {name}\n    profiles  {profiles_of_family(name)[0]}" in family_table()


@pytest.mark.parametrize("name", [n for n, f in compose.FAMILIES.items() if f.device != "dispenser"])
def test_a_family_has_a_simulator_that_can_be_served(name):
    config = load_config(None)
    family = compose.FAMILIES[name]
    form = config.devices.of(family.device).model_copy(update={"family": name, "settings": {}, "simulator": {}})
    devices = config.devices.model_copy(update={family.device: form})
    device = family.simulator(SimClock(), type(config)(**{**vars(config), "devices": devices}))
    assert device.acts
    assert device.faults


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("ccnet", {"countries": ["CHN"], "classifications": {6: "suspect"}}),
        ("nv200", {"protocol": 8, "encrypt": True, "classifications": {7: "counterfeit"}}),
        ("smart-payout", {"recycle_values_minor": [10_000]}),
        ("honeywell", {"hands_free": True}),
    ],
)
def test_a_family_takes_the_settings_that_a_site_writes(name, settings):
    driver = compose.FAMILIES[name].driver(SimClock(), settings)
    assert driver.identity is None


def test_every_family_is_looked_for_on_a_port():
    assert {unit.family for unit in UNITS.values()} == {way.family for way in probe._INTRODUCTIONS}
