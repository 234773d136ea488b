"""A seed picks the same faults each time; what it picks can be written down; the money is right whatever it picks."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kiosk import strict_yaml
from kiosk.cli import app
from kiosk.config import ROOT, load_config
from kiosk.rehearsal.play import judge_all, play
from kiosk.rehearsal.scenario import StruckForm, load_scenario, scenario_of
from kiosk.rehearsal.strikes import Ground, as_yaml, campaign, ground_of, resolved, struck
from kiosk.words import catalogue

SCENARIOS = ROOT / "models" / "scenarios"


@pytest.fixture(scope="module")
def site():
    return load_config(None)


@pytest.fixture(scope="module")
def plain():
    return load_scenario(SCENARIOS / "withdrawal" / "plain.yaml")


@pytest.fixture(scope="module")
def ground(site, plain) -> Ground:
    return ground_of(plain, site, catalogue())


def test_the_ground_is_what_the_scenario_shows_and_uses(ground):
    assert "take_notes" in ground.screens
    assert "starting" not in ground.screens
    assert {"card_reader", "dispenser", "printer", "pin_pad"} <= set(ground.faults)
    assert "fail" not in [name for name, _ in ground.faults["dispenser"]]


def test_a_seed_picks_the_same_again_and_another_seed_something_else(plain, ground):
    picked = [struck(plain, StruckForm(seed=seed), ground) for seed in range(200)]
    assert picked == [struck(plain, StruckForm(seed=seed), ground) for seed in range(200)]
    assert len({as_yaml(one) for one in picked}) > 190
    layers = {next(x for x in ("wire", "device", "host", "power", "unplug") if getattr(f, x)) for p in picked
              for f in p.faults}  # fmt: skip
    assert layers == {"wire", "device", "host", "power", "unplug"}
    assert any(p.person.does for p in picked)


def test_layers_and_count_narrow_what_is_picked(plain, ground):
    for seed in range(30):
        one = struck(plain, StruckForm(seed=seed, count=4, layers=["wire"]), ground)
        assert len(one.faults) == 4
        assert all(f.wire for f in one.faults)
        assert one.person.does == plain.person.does


def test_what_a_seed_picked_can_be_written_into_a_scenario(tmp_path, plain, ground):
    for seed in range(60):
        one = struck(plain, StruckForm(seed=seed), ground)
        file = tmp_path / "again.yaml"
        file.write_text(f"scenario: again\ntitle: again\nexpect: {{}}\n{as_yaml(one)}\n", encoding="utf-8")
        again = scenario_of(strict_yaml.load(file))
        assert again.faults == one.faults
        assert again.person.does == one.person.does
        assert again.seed == seed


def test_a_scenario_may_name_a_seed_instead_of_faults(tmp_path, site, plain, ground):
    file = tmp_path / "by_seed.yaml"
    file.write_text("scenario: by_seed\ntitle: by seed\nfaults: {seed: 7, count: 2}\nexpect: {}\n", encoding="utf-8")
    scenario = scenario_of(strict_yaml.load(file))
    assert scenario.struck == StruckForm(seed=7, count=2)
    one = resolved(scenario, site, catalogue())
    assert one.faults == struck(plain, StruckForm(seed=7, count=2), ground).faults
    assert one.struck is None
    assert resolved(one, site, catalogue()) is one


@pytest.mark.parametrize("service", ["withdrawal", "exchange", "deposit", "transfer", "bill_payment"])
def test_money_is_right_whatever_a_few_seeds_strike(service, site):
    scenario = load_scenario(SCENARIOS / service / "plain.yaml")
    found = campaign(scenario, site, catalogue(), range(1, 9))
    assert [(seed, p.money, p.failure) for seed, p in found.failed] == []
    assert found.summary().startswith("seeds: 8; faults struck: ")


def test_a_struck_scenario_plays_the_same_to_the_byte(site, plain, ground):
    one = struck(plain, StruckForm(seed=12), ground)
    first, again = (play(one, site, catalogue(), judge=judge_all) for _ in range(2))
    assert first.world is not None
    assert again.world is not None
    assert [e.as_data() for e in first.world.entries] == [e.as_data() for e in again.world.entries]


def test_the_command_plays_seeds_and_says_where_there_is_no_scenario(tmp_path):
    ran = CliRunner().invoke(app, ["rehearse", str(SCENARIOS / "withdrawal"), "--strike", "2", "--seed", "3"])
    assert ran.exit_code == 0, ran.output
    assert ran.output.splitlines()[-1].startswith("seeds: 2; faults struck: ")
    ran = CliRunner().invoke(app, ["rehearse", str(tmp_path), "--strike", "1"])
    assert ran.exit_code == 2
    assert "there is no such scenario" in ran.output
