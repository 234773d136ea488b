"""A whole withdrawal by clicking in the page, in a real browser, on the live terminal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk.web.server import BenchServer
from tests.live.house import House, running

pytestmark = pytest.mark.browser

BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
FIRST_LAUNCH_MS = 60_000
WAIT_MS = 40_000
SPEED = 4.0  # fast enough for a test, slow enough for a page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no chromium on this machine: the page is not tried in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=ARGUMENTS, timeout=FIRST_LAUNCH_MS)
        yield browser
        browser.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with running(tmp_path, speed=SPEED) as house:
        yield house


@pytest.fixture
def page(browser: Any, house: House) -> Iterator[Any]:
    server = BenchServer(house.bench)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
    page.goto(server.url)
    yield page
    page.close()
    server.stop()


def screen(page: Any, name: str) -> None:
    page.wait_for_selector(f"body[data-screen={name}]")


def touch(house: House, page: Any, event: str, value: str | None = None) -> None:
    """Click on the picture of the screen, where it shows what makes an input."""
    x, y = house.place_of(event, value)
    box = page.locator("#screen").bounding_box()
    width, height = house.live.renderer.size
    page.mouse.click(box["x"] + x * box["width"] / width, box["y"] + y * box["height"] / height)


def test_a_withdrawal_by_clicking(house: House, page: Any) -> None:
    screen(page, "idle")
    assert "token" not in page.url
    page.click("#languages >> text=English")
    page.wait_for_selector("#languages [data-locale=en][aria-pressed=true]")
    page.click(".demo[data-card=normal]")
    page.click("#card-do:enabled")
    screen(page, "enter_pin")
    page.wait_for_selector("#part-pad.calls")
    for key in "1234":
        page.click(f"#pad [data-key='{key}']")
    page.click("#pad [data-key=enter]")
    screen(page, "menu")
    page.click("#keys-left [data-key=fdk01]")
    screen(page, "choose_amount")
    touch(house, page, "chose_amount", "10000")
    screen(page, "choose_mix")
    page.keyboard.press("2")  # the second choice, by its number: two fifties
    page.click("#card-out")
    screen(page, "take_notes")
    page.wait_for_selector(".pile")
    assert page.locator(".pile").get_attribute("title").startswith("2 × ")
    page.click("#notes-take:enabled")
    touch(house, page, "notes_taken_confirmed")
    page.click("#paper")
    page.wait_for_function("() => document.getElementById('viewer-img').naturalHeight > 300")
    page.click("#viewer-take:enabled")
    screen(page, "idle")
    assert house.live.call(lambda: house.live.places["dispenser"].state()["taken"])["unit2"] == 2  # type: ignore[index]
    page.click("[data-tab=journal]")
    page.wait_for_selector("#entries li.case_closed")
    page.click("[data-tab=host]")
    assert page.locator("#messages li").count() >= 6
    assert page.errors == []


def test_a_hundred_into_two_fifties_without_a_card(house: House, page: Any) -> None:
    screen(page, "idle")
    assert page.locator("[data-feed='10000']").is_disabled(), "nobody asked for notes"
    touch(house, page, "chose_service", "exchange")
    screen(page, "insert_notes")
    page.wait_for_selector("#part-feed.calls")
    page.select_option("#feed-quality", "paper")
    page.click("[data-feed='10000']:enabled")
    page.click("#feed-take:enabled")  # what is no note comes back
    page.select_option("#feed-quality", "good")
    page.click("[data-feed='10000']:enabled")
    screen(page, "exchange_offer")
    page.click("#keys-right [data-key=fdk08]")
    screen(page, "take_notes")
    page.click("#notes-take:enabled")
    page.click("#keys-right [data-key=fdk08]")
    page.wait_for_selector("#entries li.case_closed", state="attached")
    state = house.live.call(lambda: {name: place.state() for name, place in house.live.places.items()})
    assert state["dispenser"]["taken"]["unit2"] == 2  # type: ignore[index]
    assert sum(state["note_acceptor"]["places"]["cashbox"].values()) == 1  # type: ignore[index]
    assert page.errors == []


def test_a_fault_a_cable_and_the_power(house: House, page: Any) -> None:
    screen(page, "idle")
    page.click("#device-printer > summary")
    page.click("#plug-printer")
    page.wait_for_selector("#device-printer small:has-text('unplugged')")
    page.click("#plug-printer")
    page.wait_for_selector("#device-printer small:has-text('ok')")
    page.click("[data-tool='printer/paper_out']")
    page.wait_for_selector("#device-printer small:has-text('paper out')")
    page.click("#heal")
    page.click("#device-card_reader > summary")
    page.click("[data-tool='card_reader/take_card']")
    page.wait_for_selector("#toast:has-text('no card at the mouth')")
    page.click("#power")
    page.wait_for_selector("#dark:visible")
    screen(page, "idle")
    assert [e for e in page.errors if "409" not in e] == []


def test_on_a_phone_everything_fits(house: House, page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    screen(page, "idle")
    wide = page.evaluate(
        "[...document.querySelectorAll('main *')].filter(n => n.getBoundingClientRect().right > innerWidth + 1)"
        ".map(n => n.outerHTML.slice(0, 80))"
    )
    assert wide == []
    touch(house, page, "chose_language", "en")
    page.wait_for_selector("#languages [data-locale=en][aria-pressed=true]")
