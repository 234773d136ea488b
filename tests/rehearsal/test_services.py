"""The scenarios of the card services, and that their judge can say no."""

from __future__ import annotations

import pytest

from kiosk.config import ROOT, load_config
from kiosk.ports import Reason
from kiosk.rehearsal.crash import crash_points
from kiosk.rehearsal.play import play
from kiosk.rehearsal.scenario import load_scenario, load_scenarios
from kiosk.services import hosting
from kiosk.services.case import Case, Posting, Settlement
from kiosk.site import Site
from kiosk.words import catalogue

SCENARIOS = ROOT / "models" / "scenarios"
SERVICES = ("inquiry", "transfer", "remittance", "pin_change")


@pytest.mark.parametrize("service", SERVICES)
def test_scenarios(service: str) -> None:
    played = [play(s, load_config(), catalogue()) for s in load_scenarios(SCENARIOS / service)]
    assert len(played) >= 12
    failed = [(p.scenario.scenario, p.unmet, p.money, p.failure) for p in played if not p.passed]
    assert failed == []


@pytest.mark.parametrize("service", SERVICES)
def test_some_crash_points(service: str) -> None:
    result = crash_points(service, load_config(), catalogue(), every=37)
    assert result.points
    assert [(p.name, p.errors) for p in result.points if p.errors] == []


def errors(name: str) -> list[str]:
    return play(load_scenario(SCENARIOS / f"{name}.yaml"), load_config(), catalogue()).money


def test_a_terminal_that_never_takes_back_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = hosting.settle

    def never(case: Case, site: Site, reason: Reason) -> Settlement | None:
        return None if case.posting is Posting.ANSWER else right(case, site, reason)

    monkeypatch.setattr(hosting, "settle", never)
    found = errors("transfer/answer_lost")
    assert any("0 stands by the journal, 50000 at the bank" in e for e in found)
    assert any("said that" in e and "is not charged; 50000 stands" in e for e in found)
    assert errors("transfer/cut_before_answer") != []


def test_a_terminal_that_says_done_and_takes_back_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = hosting.settle

    def always(case: Case, site: Site, reason: Reason) -> Settlement | None:
        return Settlement(site.money(0), reason) if case.posting is Posting.ANSWER else right(case, site, reason)

    monkeypatch.setattr(hosting, "settle", always)
    assert any("is done; the bank has it otherwise" in e for e in errors("transfer/plain"))


def test_nothing_that_identifies_a_customer_is_left_in_the_journal() -> None:
    for name, numbers in (
        ("transfer/plain", ("6217000000000003", "6217000000000001")),
        ("remittance/plain", ("6200110000000017",)),
        ("remittance/to_a_person", ("13900001111",)),
        ("inquiry/other_account", ("6217000000000101", "6217000000000001")),
    ):
        played = play(load_scenario(SCENARIOS / f"{name}.yaml"), load_config(), catalogue())
        assert played.world is not None
        text = "".join(str(entry.as_data()) for entry in played.world.entries)
        assert len(text) > 1000
        assert [n for n in numbers if n in text] == []
