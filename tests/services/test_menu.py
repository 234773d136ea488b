"""The menu is computed in one place, and every line says why."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kiosk.cli import app
from kiosk.compose import businesses, flows, menu
from kiosk.config import load_config
from kiosk.services.menu import CARD, CASH, DEVICES, HOST, Circumstances, Line, Menu, Service, device_named, explain

BUILT = Menu(
    (
        Service("withdrawal", "withdrawal", (CARD, HOST, "dispenser", CASH)),
        Service("inquiry", "inquiry"),
        Service("deposit", "deposit", (CARD, HOST, "note_acceptor")),
        Service("exchange", "exchange", ("dispenser", "note_acceptor", CASH)),
    )
)
ALL = frozenset(DEVICES)
PROFILE = ("withdrawal", "deposit", "exchange", "inquiry", "ticket")


def lines(**now: object) -> dict[str, tuple[str, str]]:
    usual: dict[str, object] = {"installed": ALL, "usable": ALL, "host": True, "cash": True, "card": True}
    found = BUILT.compute(PROFILE, Circumstances(**{**usual, **now}))  # type: ignore[arg-type]
    return {line.service: (line.place, line.cause) for line in found}


def test_all_well_offers_what_the_profile_names_in_its_order() -> None:
    assert list(lines()) == list(PROFILE)
    assert lines()["ticket"] == ("hidden", "not_built")
    assert [place for place, _ in lines().values()].count("offered") == 4


def test_what_is_not_of_the_profile_is_hidden() -> None:
    found = BUILT.compute(("inquiry",), Circumstances(ALL, ALL, True, True, True))
    assert [line.service for line in found if line.offered] == ["inquiry"]
    assert Line("deposit", "hidden", "profile") in found


def test_a_device_that_is_not_fitted_hides_and_one_out_of_order_disables() -> None:
    assert lines(installed=ALL - {"note_acceptor"})["deposit"] == ("hidden", "no_note_acceptor")
    assert lines(usable=ALL - {"note_acceptor"})["deposit"] == ("disabled", "note_acceptor")
    assert lines(usable=ALL - {"note_acceptor"})["withdrawal"] == ("offered", "")


def test_host_cash_and_card() -> None:
    assert lines(host=False)["inquiry"] == ("disabled", "host_offline")
    assert lines(host=False)["exchange"] == ("offered", "")
    assert lines(cash=False)["withdrawal"] == ("disabled", "no_cash")
    assert lines(card=False)["inquiry"] == ("hidden", "card")
    assert lines(card=False)["exchange"] == ("offered", "")


def test_every_cause_has_its_words() -> None:
    for now in ({}, {"usable": frozenset()}, {"installed": frozenset()}, {"host": False}, {"cash": False}, {"card": 0}):
        for service, (place, cause) in lines(**now).items():
            assert bool(explain(Line(service, place, cause))) == (place != "offered")


def test_an_unknown_need_is_refused() -> None:
    with pytest.raises(ValueError, match="known needs"):
        Service("x", "x", ("printr",))


def test_every_service_of_the_terminal_is_in_the_widest_profile_and_has_its_flow() -> None:
    charts, _ = flows()
    for business in businesses():
        assert business.service.name in load_config().profiles["multi_function"]
        assert charts[business.service.flow].kind == "service"
    assert set(menu().names) == {b.service.name for b in businesses()}


def test_the_command_prints_the_table_with_reasons() -> None:
    done = CliRunner().invoke(app, ["menu", "--profile", "standard", "--without", "dispenser", "--no-card"])
    assert done.exit_code == 0
    assert "this terminal has no dispenser" in done.output
    assert "needs a card in the reader" in done.output
    assert CliRunner().invoke(app, ["menu", "--profile", "tiny"]).exit_code == 2
    assert CliRunner().invoke(app, ["menu", "--broken", "dispensr"]).exit_code == 2


def test_devices_are_named_by_themselves_by_ability_and_by_family() -> None:
    families = {"nv200": "note_acceptor"}
    assert {device_named(word, families) for word in ("note_acceptor", "acceptor", "nv200")} == {"note_acceptor"}
    with pytest.raises(ValueError, match=r"devices: card_reader, .*abilities: reader, acceptor; families: nv200"):
        device_named("bill acceptor", families)


@pytest.mark.parametrize("profile", ["simplified", "standard", "multi_function"])
def test_without_an_acceptor_nothing_is_offered_that_takes_notes(profile: str) -> None:
    done = CliRunner().invoke(app, ["menu", "--profile", profile, "--without", "acceptor"])
    assert done.exit_code == 0
    rows = [line.split("│") for line in done.output.splitlines() if line.startswith("│")]
    places = {row[1].strip(): row[2].strip() for row in rows if row[1].strip()}
    assert places["withdrawal"] == places["inquiry"] == "offered"
    assert places["deposit"] == places["exchange"] == "hidden"
