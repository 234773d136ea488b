"""The screen files, and the one error a wrong one raises."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kiosk.ui.render import Renderer
from kiosk.ui.screens import SCREENS, ScreenError, load_screen, load_screens
from kiosk.ui.words import LANGUAGES, LOCALES, Words

from .samples import EXTREME, USUAL, every, view

README = Path(__file__).parents[2] / "kiosk" / "ui" / "README.md"
NEEDED = """starting out_of_service idle card_reading card_returned enter_pin menu choose_amount other_amount choose_mix
not_payable lower_offer partial_offer no_receipt please_wait take_card counting take_notes printing take_receipt
receipt_on_screen another refused not_charged short_paid suspect_case card_retained goodbye cancelled more_time
choose_one enter_digits enter_amount confirm_order completed unconfirmed balance statement new_pin pin_unknown
take_ticket check_ticket reprint_ticket payment_returned
insert_notes note_withheld note_offer moving_note take_back_notes exchange_offer exchange_shortage another_note
cash_enough cash_owed"""

GOOD = """
screen: "sample"
layout: "message"
privacy: "same"
title: "goodbye.title"
speech: ["goodbye.title"]
values: {reason: "word:reason?"}
widgets:
  - {widget: "text", text: "@reason", when: "reason"}
  - {name: "ok", widget: "button", text: "button.done", event: "chose_yes"}
focus: ["ok"]
keys: {enter: "chose_yes"}
"""


def test_every_promised_screen_is_there_and_has_samples() -> None:
    assert set(load_screens()) == set(NEEDED.split()) == set(USUAL)
    assert set(EXTREME) <= set(USUAL)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('screen: "sample"', 'screen: "other"', "Name it 'sample'"),
        ('layout: "message"', 'layout: "grid"', "message, choice, entry"),
        ('privacy: "same"', 'privacy: "none"', "same, mask, blank"),
        ('title: "goodbye.title"', "", "'title' is missing"),
        ('speech: ["goodbye.title"]', "speech: []", "speech says nothing"),
        ('"word:reason?"', '"date"', "Kinds are"),
        ('"word:reason?"', '"word"', "word:<prefix>"),
        ('widget: "text"', 'widget: "table"', "Give `widget:` one of"),
        ('text: "@reason", when: "reason"', 'text: "@reason", when: "why"', "Declare it under"),
        ('text: "button.done", ', "", "has no 'text'"),
        ('event: "chose_yes"}', 'event: "chose_yes", colour: "red"}', "has 'colour'"),
        ('event: "chose_yes"}', 'event: "chose_yes", side: "R9"}', "Side keys are"),
        ('event: "chose_yes"}', 'event: "chose_yes", at: "top"}', "misplaced"),
        ('focus: ["ok"]', "focus: []", "list each of ['ok'] once"),
        ("{enter:", "{escape:", "not a pad key"),
        ("keys: {", "colours: {", "unknown entry 'colours'"),
        ("keys: {", "keys: {{", "not YAML"),
    ],
)
def test_a_broken_file_is_one_error_with_file_and_remedy(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "sample.yaml"
    path.write_text(GOOD)
    assert load_screen(path).focus == ("ok",)
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ScreenError, match=r"sample\.yaml") as caught:
        load_screen(path)
    assert says in str(caught.value)
    assert caught.value.remedy


JUNK = (None, 5, "x", "@x", [], [None], {}, {"x": 1}, True)


def places(content: object, at: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Yield the way to every entry of a nested content."""
    for key, item in (
        content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    ):
        yield (*at, key)
        yield from places(item, (*at, key))


@pytest.mark.parametrize("name", ["choose_amount", "suspect_case", "enter_pin"])
def test_junk_anywhere_in_a_file_is_a_screen_error_or_a_screen_that_can_be_asked(tmp_path: Path, name: str) -> None:
    content = yaml.safe_load((SCREENS / f"{name}.yaml").read_text())
    path = tmp_path / f"{name}.yaml"
    refused = 0
    for way in places(content):
        for junk in JUNK:
            spoiled = copy.deepcopy(content)
            inner: Any = spoiled
            for key in way[:-1]:
                inner = inner[key]
            inner[way[-1]] = junk
            path.write_text(yaml.safe_dump(spoiled))
            try:
                texts = load_screen(path).texts()
            except ScreenError:
                refused += 1
                continue
            assert all(isinstance(text, str) for text in texts)
    assert refused > 100


def test_a_missing_file_and_an_empty_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(ScreenError, match="Restore"):
        load_screen(tmp_path / "none.yaml")
    with pytest.raises(ScreenError, match="no screens"):
        load_screens(tmp_path)


def test_both_catalogues_word_the_same_texts_with_the_same_placeholders() -> None:
    chinese, english = Words("zh-CN"), Words("en")
    assert set(chinese.ids) == set(english.ids)
    differing = {id_ for id_ in chinese.ids if chinese.ids[id_] != english.ids[id_]}
    assert not differing


def test_every_text_of_the_catalogues_is_used() -> None:
    """A text is used by a screen, by the code, or as the word of a value."""
    screens = load_screens().values()
    used = {text for screen in screens for text in screen.texts()}
    words = {wanted.under for screen in screens for wanted in screen.values.values() if wanted.under}
    sources = [*SCREENS.parent.glob("*.py"), *(SCREENS.parent.parent / "services").glob("*.py")]
    code = "".join(path.read_text() for path in sources)
    prefixes = {*words, "why_not", "mix", "pad", "spoken", "option", "account_kind", "movement", "complaint"}
    unused = {
        id_ for id_ in Words("en").ids
        if id_ not in used and id_.split(".")[0] not in prefixes and f'"{id_}"' not in code
    }  # fmt: skip
    assert not unused


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_word_a_value_may_name_can_be_shown(renderer: Renderer, locale: str) -> None:
    """Each reason, each thing waited for: worded, and it fits."""
    shown = 0
    for screen in load_screens().values():
        for name, wanted in screen.values.items():
            if wanted.kind != "word":
                continue
            for word in sorted(Words(locale).names(wanted.under)):
                values = {**EXTREME.get(screen.name, USUAL[screen.name]), name: word}
                assert renderer.scene(view(screen.name, locale, values)).overflows == ()
                shown += 1
    assert shown > 60


@pytest.mark.parametrize("locale", LANGUAGES)
def test_every_character_of_the_catalogues_is_in_the_fonts(renderer: Renderer, locale: str) -> None:
    text = (LOCALES / LANGUAGES[locale][0] / "LC_MESSAGES" / "kiosk.po").read_text()
    letters = sorted(set(text) - {"\n"})
    for weight in ("regular", "bold"):
        metrics = renderer._type.face(weight, 20).metrics("".join(letters))
        assert [letter for letter, metric in zip(letters, metrics, strict=True) if metric is None] == []


def test_a_catalogue_without_a_text_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    whole = (LOCALES / "en" / "LC_MESSAGES" / "kiosk.po").read_text()
    (folder / "kiosk.po").write_text(whole.replace('msgid "goodbye.title"', 'msgid "goodbye.tilte"'))
    words = Words("en", tmp_path)
    with pytest.raises(ScreenError, match=r'Add msgid "goodbye.title"'):
        words.text("goodbye.title")
    with pytest.raises(ScreenError, match="wants the value 'tries_left'"):
        words.text("enter_pin.tries_left", {}, 2)
    with pytest.raises(ScreenError, match="Offered are zh-CN, en"):
        Words("fr")


def test_plural_forms_and_money_follow_the_locale() -> None:
    english, chinese = Words("en"), Words("zh-CN")
    values = {"tries_left": "1"}
    assert english.text("enter_pin.tries_left", values, 1).endswith("1 try left.")
    assert english.text("enter_pin.tries_left", values, 2).endswith("tries left.")
    from kiosk.money import Money

    assert chinese.money(Money(123450, "CNY")) == "¥1,234.50"
    assert english.money(Money(50000, "CNY")) == "CNY\u00a0500"
    assert english.money(Money(500, "JPY")) == "JPY\u00a0500"
    assert chinese.spoken_money(Money(50000, "CNY")) == "500元"
    assert english.spoken_money(Money(50000, "CNY")) == "500 yuan"
    assert "euro" in english.spoken_money(Money(50000, "EUR")).lower()


def test_the_readme_names_every_screen_value_and_input() -> None:
    text = README.read_text()
    for screen in load_screens().values():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{screen.name}` |")), "")
        assert row, screen.name
        for name, wanted in screen.values.items():
            assert re.search(rf"`{name}{re.escape('?') if wanted.optional else ''}`", row), (screen.name, name)
    renderer = Renderer()
    made = {node.event for sample in every() for node in renderer.scene(sample).focus}
    made |= {event for screen in load_screens().values() for event in screen.keys.values() if event != "choose"}
    for event in made:
        assert f"| `{event}` |" in text
