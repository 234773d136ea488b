"""A whole withdrawal by hand, over HTTP, on the live terminal: real bytes, real sockets, real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kiosk.config import load_config
from kiosk.journal.journal import Journal
from tests.live.house import House, Page, running, served

CARD = "normal"
PAN = "6225880000000001000"
PIN = "1234"


def touch(house: House, page: Page, event: str, value: str | None = None) -> None:
    x, y = house.place_of(event, value)
    assert page.post("/touch", x=x, y=y) == event


def to_amount(house: House, page: Page) -> None:
    """Language, card, PIN and service: to the question for the amount."""
    page.screen("idle")
    house.wait(lambda: house.live.places["card_reader"].state()["gate"] != "closed", "an open shutter")
    touch(house, page, "chose_language", "en")
    page.follow(lambda seen: bool(seen["locale"] == "en"))
    page.post("/card", label=CARD)
    page.follow(lambda seen: seen["screen"] == "enter_pin" and seen["devices"]["pin_pad"]["sim"]["entry"] != "none")
    page.post("/act", device="pin_pad", name="press_pin", arguments={"pin": PIN})
    page.screen("menu")
    page.post("/act", device="pin_pad", name="press", arguments={"key": "fdk01"})  # beside "withdrawal"
    page.screen("choose_amount")


def withdraw_200(house: House, page: Page) -> None:
    to_amount(house, page)
    touch(house, page, "chose_amount", "20000")
    page.screen("choose_mix")
    touch(house, page, "chose_mix", "0")
    page.follow(lambda seen: bool((seen["devices"]["card_reader"]["sim"]["card"] or {}).get("place") == "exit"))
    page.post("/act", device="card_reader", name="take_card")
    seen = page.follow(lambda seen: bool(seen["screen"] == "take_notes"))
    assert seen["devices"]["dispenser"]["sim"]["tray"] == {"unit1": 2, "unit2": 0, "unit3": 0, "unit4": 0}
    page.post("/act", device="dispenser", name="take_notes", arguments={})
    touch(house, page, "notes_taken_confirmed")
    page.follow(lambda seen: bool(seen["devices"]["printer"]["sim"]["outlet"]))
    receipt = page.client.get("/document.png")
    assert receipt.content.startswith(b"\x89PNG")
    page.post("/act", device="printer", name="take_document")
    page.screen("idle")


def test_a_withdrawal_by_hand_is_paid_posted_and_journalled(tmp_path: Path) -> None:
    with running(tmp_path) as house, served(house) as page:
        withdraw_200(house, page)
        assert house.live.bank is not None
        balance = house.live.bank.bank.balance("6217000000000001")
        assert balance is not None
        assert balance.ledger_minor == 1_286_540 - 20_000
        assert house.live.call(lambda: house.live.places["dispenser"].state()["taken"]) == {
            "unit1": 2, "unit2": 0, "unit3": 0, "unit4": 0,
        }  # fmt: skip
        _nothing_secret(page.client.get("/snapshot").json())
        assert house.said == ["in service"]

    config = load_config()
    key = bytes.fromhex(config.host.keys.journal)
    journal = Journal(tmp_path / "journal.db", key)
    journal.verify()
    entries = list(journal.entries())
    journal.close()
    _nothing_secret([e.as_data() for e in entries])
    closed = [e.data for e in entries if e.kind == "case_closed"]
    assert len(closed) == 1
    assert "dispensed" in {e.kind for e in entries}

    with running(tmp_path) as again:  # another process: the simulated dispenser holds what the journal says
        again.wait_for_screen("idle")
        units: Any = again.live.call(lambda: again.live.places["dispenser"].state()["units"])
        assert units == {"unit1": 498, "unit2": 500, "unit3": 500, "unit4": 500}
        assert again.live.call(lambda: again.live.entries[0].seq) >= 1


def test_the_power_goes_while_notes_move_and_the_case_is_settled(tmp_path: Path) -> None:
    with running(tmp_path) as house, served(house) as page:
        to_amount(house, page)
        touch(house, page, "chose_amount", "200000")
        page.screen("choose_mix")
        touch(house, page, "chose_mix", "0")
        page.follow(lambda seen: bool((seen["devices"]["card_reader"]["sim"]["card"] or {}).get("place") == "exit"))
        page.post("/act", device="card_reader", name="take_card")
        page.follow(lambda seen: sum(seen["devices"]["dispenser"]["sim"]["tray"].values()) >= 3)
        page.post("/power", for_ms=4_000)
        page.follow(lambda seen: not seen["powered"])
        house.wait(lambda: any(e.kind == "case_closed" for e in house.live.entries), "the end of the case")
        house.wait_for_screen("idle")
        house.wait(lambda: house.live.terminal and house.live.terminal.standing.advices_waiting == 0, "the last advice")
        kinds = [e.kind for e in house.live.call(lambda: list(house.live.entries))]
        assert kinds.count("boot") == 2
        assert kinds.count("case_opened") == kinds.count("case_closed") == 1
        state: Any = house.live.call(lambda: house.live.places["dispenser"].state())
        outside = state["tray"]["unit1"] + state["taken"]["unit1"]
        assert house.live.bank is not None
        balance = house.live.bank.bank.balance("6217000000000001")
        assert balance is not None
        charged = 1_286_540 - balance.ledger_minor
        assert 3 <= outside < 20
        assert charged in (outside * 10_000, 200_000), "what was paid, or a claim for the whole with its slip"


def _nothing_secret(data: Any) -> None:
    text = json.dumps(data)
    assert len(text) > 1_000
    for secret in (PAN, PAN[:14], f'"{PIN}"', "=2912"):
        assert secret not in text, secret
