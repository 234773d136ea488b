"""What the renderer draws, hears and says, over every screen in both languages with usual and extreme values."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

import pygame
import pytest

from kiosk.money import Money
from kiosk.ports import Input
from kiosk.ui import theme
from kiosk.ui.render import Renderer
from kiosk.ui.scene import Node
from kiosk.ui.screens import ScreenError
from kiosk.view import Option, View

from .samples import EXTREME, MENU, USUAL, every, view, yuan

EVERY = every()
NAMES = [f"{v.screen}-{v.locale}-{n}" for n, v in enumerate(EVERY)]
anyview = pytest.mark.parametrize("sample", EVERY, ids=NAMES)


def pixels(surface: pygame.Surface) -> bytes:
    return pygame.image.tobytes(surface, "RGB")


def texts(renderer: Renderer, sample: View) -> list[Node]:
    return [node for node in renderer.scene(sample).nodes if node.kind == "text"]


@anyview
def test_every_text_fits_its_box(any_renderer: Renderer, sample: View) -> None:
    assert any_renderer.scene(sample).overflows == ()
    smallest = round(18 * any_renderer.size[1] / theme.HEIGHT)
    for node in texts(any_renderer, sample):
        lines, weight, px, *_ = node.data
        assert px >= smallest
        for line in lines:
            assert any_renderer._type.width(line, weight, px) <= node.box[2] + 1, line
        assert len(lines) * px * 1.2 <= node.box[3] + 2, lines


@anyview
def test_every_text_has_contrast(renderer: Renderer, sample: View) -> None:
    """Measured on the picture's own ground, as drawn under the text without it."""
    scene = renderer.scene(sample)
    surface = pygame.Surface(renderer.size, 0, 32)
    surface.fill(theme.GROUND)
    for node in scene.nodes:
        if node.kind == "text":
            _, _, _, colour, ground, _ = node.data
            x, y, w, h = node.box
            seen = surface.get_at((x + w // 2, y + h // 2))[:3]
            assert max(abs(a - b) for a, b in zip(seen, ground, strict=True)) <= 2, node
            assert theme.contrast(colour, ground) >= 4.5, node
        renderer._painter.draw(surface, node, 0)


@anyview
def test_all_is_on_the_screen_and_nothing_touchable_overlaps(any_renderer: Renderer, sample: View) -> None:
    scene = any_renderer.scene(sample)
    whole = pygame.Rect((0, 0), any_renderer.size)
    for node in scene.nodes:
        assert whole.contains(node.box), node
    touchable = [pygame.Rect(node.box) for node in scene.nodes if node.touchable]
    for n, box in enumerate(touchable):
        assert box.collidelist(touchable[n + 1 :]) == -1
        assert min(box.size) >= round(80 * any_renderer.size[1] / theme.HEIGHT)  # a finger, about 15 mm


@anyview
def test_texts_do_not_lie_upon_each_other(any_renderer: Renderer, sample: View) -> None:
    boxes = []
    for node in texts(any_renderer, sample):
        lines, weight, px, _, _, align = node.data
        x, y, w, h = node.box
        wide = max((any_renderer._type.width(line, weight, px) for line in lines), default=0)
        left = {"left": x, "right": x + w - wide, "center": x + (w - wide) // 2}[align]
        high = int(len(lines) * px * 1.1)
        boxes.append(pygame.Rect(left, y + (h - high) // 2, wide, high))
    for n, box in enumerate(boxes):
        assert box.collidelist(boxes[n + 1 :]) == -1, texts(any_renderer, sample)[n]


@anyview
def test_each_button_is_hit_and_is_in_the_focus_once(renderer: Renderer, sample: View) -> None:
    scene = renderer.scene(sample)
    touchable = [node for node in scene.nodes if node.touchable]
    assert sorted(scene.focus, key=str) == sorted(touchable, key=str)
    for node in touchable:
        x, y, w, h = node.box
        wanted = Input(node.event, node.value, sample.serial)
        for point in ((x, y), (x + w // 2, y + h // 2), (x + w - 1, y + h - 1)):
            assert renderer.hit(sample, *point) == wanted
        if node.side:
            number = int(node.side[1]) + (4 if node.side[0] == "R" else 0)
            assert renderer.key(sample, f"fdk0{number}") == wanted
    assert renderer.hit(sample, 2, 2) is None
    sides = [node.side for node in touchable if node.side]
    assert len(sides) == len(set(sides))


@anyview
def test_the_voice_says_the_title_or_more_and_every_choice(renderer: Renderer, sample: View) -> None:
    said = renderer.speech(sample)
    assert said
    assert "{" not in said
    assert said.count("\n") >= len(renderer.scene(sample).choices)
    assert renderer.speech(replace(sample, privacy=True)) == said


def test_painting_what_differs_gives_the_whole_picture(renderer: Renderer) -> None:
    """From any view to any other, in a drawn order, the repaired surface equals one drawn from nothing."""
    order = random.Random(7)
    known = {id(sample): pixels(renderer.render(sample, 4000)) for sample in EVERY}
    surface = pygame.Surface(renderer.size, 0, 32)
    old: View | None = None
    for _ in range(120):
        new = order.choice(EVERY)
        boxes = renderer.update(surface, old, new, 4000)
        assert boxes
        assert pixels(surface) == known[id(new)], (old, new)
        old = new


def test_one_more_digit_paints_one_box(renderer: Renderer) -> None:
    three, four = view("enter_pin", values={"digits": 3}), view("enter_pin", values={"digits": 4}, serial=2)
    three, four = replace(three, until_ms=None), replace(four, until_ms=None)
    surface = renderer.render(three)
    boxes = renderer.update(surface, three, four)
    assert len(boxes) == 1
    assert boxes[0].w * boxes[0].h < 0.05 * 1280 * 1024
    assert pixels(surface) == pixels(renderer.render(four))
    assert renderer.update(surface, four, four) == []


def test_a_mark_comes_and_goes_without_trace(renderer: Renderer) -> None:
    sample = view("menu")
    clean = pixels(renderer.render(sample))
    surface = renderer.render(sample)
    renderer.update(surface, sample, sample, marked="choices.1")
    assert pixels(surface) == pixels(renderer.render(sample, marked="choices.1")) != clean
    renderer.update(surface, sample, sample, was="choices.1")
    assert pixels(surface) == clean


def test_the_bar_and_the_dots_move_with_the_clock(renderer: Renderer) -> None:
    sample = view("please_wait")
    surface = renderer.render(sample, 0)
    before = pixels(surface)
    boxes = renderer.update(surface, sample, sample, 15_000)
    assert len(boxes) == 2
    assert pixels(surface) == pixels(renderer.render(sample, 15_000)) != before
    y = theme.HEADER + theme.BAR // 2
    assert surface.get_at((600, y))[:3] == theme.BRAND
    assert surface.get_at((680, y))[:3] == theme.EDGE
    late = renderer.render(sample, 99_000)
    assert late.get_at((1, y))[:3] == theme.EDGE


def test_pad_keys_make_the_inputs_of_their_screen(renderer: Renderer) -> None:
    entry = view("other_amount", serial=9)
    assert renderer.key(entry, "7") == Input("key_pressed", "7", 9)
    assert renderer.key(entry, "00") == Input("key_pressed", "00", 9)
    assert renderer.key(entry, "enter") == Input("pressed_enter", "", 9)
    assert renderer.key(entry, "clear") == Input("pressed_clear", "", 9)
    menu = view("menu", serial=9)
    assert renderer.key(menu, "2") == Input("chose_service", "deposit", 9)
    assert renderer.key(menu, "6") is None, "the sixth is closed"
    assert renderer.key(menu, "9") is None
    assert renderer.key(menu, "00") is None
    assert renderer.key(menu, "cancel") == Input("pressed_cancel", "", 9)
    assert renderer.key(view("enter_pin"), "5") is None, "PIN digits never come this way"
    assert renderer.key(view("lower_offer", serial=9), "enter") == Input("chose_yes", "", 9)
    assert renderer.key(view("lower_offer", serial=9), "cancel") == Input("chose_no", "", 9)
    assert renderer.key(view("balance", serial=9), "fdk08") == Input("pressed_enter", "", 9)
    assert renderer.key(view("idle"), "fdk09") is None
    assert renderer.key(view("take_notes"), "enter") is None, "no button, no confirmation"
    assert renderer.key(view("take_notes", values=EXTREME["take_notes"]), "enter") is not None


def test_the_question_for_more_time_lies_over_and_takes_all_touches(renderer: Renderer) -> None:
    under = view("choose_amount", "en", serial=3)
    over = replace(under, asking_more_time=True)
    events = {node.event for node in renderer.scene(over).nodes if node.touchable}
    assert events == {"more_time", "no_more_time"}
    assert renderer.scene(over).overflows == ()
    for node in renderer.scene(under).focus:
        hit = renderer.hit(over, node.box[0] + 4, node.box[1] + 4)
        assert hit is None or hit.event in events
    assert renderer.key(over, "enter") == Input("more_time", "", 3)
    assert renderer.key(over, "1") is None
    assert "more time" in renderer.speech(over)
    surface = renderer.render(under, 5)
    renderer.update(surface, under, over, 5)
    assert pixels(surface) == pixels(renderer.render(over, 5))


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
@pytest.mark.parametrize("name", USUAL)
def test_privacy_hides_the_amounts_of_the_transaction(renderer: Renderer, name: str, locale: str) -> None:
    private = replace(view(name, locale), privacy=True)
    rule = renderer.screen(name).privacy
    shown = " ".join(line for node in texts(renderer, private) for line in node.data[0])
    if rule in ("mask", "blank"):
        assert "CNY" not in shown
        assert "¥" not in shown
        assert "note" not in {node.kind for node in renderer.scene(private).nodes}
    assert renderer.scene(private).overflows == ()
    inputs = [(node.event, node.value, node.side, node.box) for node in renderer.scene(view(name, locale)).focus]
    assert [(n.event, n.value, n.side, n.box) for n in renderer.scene(private).focus] == inputs


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("lower_offer", {"asked": yuan(1), "offered": yuan(1)}, "'reason' is missing"),
        ("lower_offer", {**USUAL["lower_offer"], "asked": 100}, "kind money"),
        ("enter_pin", {"digits": True}, "kind count"),
        ("enter_pin", {"digits": 7}, "7 of 6 digits"),
        ("goodbye", {"amount": yuan(1)}, "'amount' is not known here"),
        ("refused", {"reason": "because"}, 'Add msgid "reason.because"'),
        ("menu", {"options": ()}, "0 options for 8 places"),
        ("menu", {"options": MENU + MENU}, "16 options for 8 places"),
        ("menu", {"options": (Option("chose_service", "x", "service.nonesuch"),)}, 'Add msgid "service.nonesuch"'),
        ("nonesuch", {}, "there is no such screen"),
    ],
)
def test_a_wrong_view_is_one_error_with_a_remedy(renderer: Renderer, name: str, values: dict, says: str) -> None:
    with pytest.raises(ScreenError) as caught:
        renderer.render(View(1, name, "zh-CN", values))
    assert says in str(caught.value)
    assert caught.value.remedy


def test_a_size_that_is_too_narrow_is_refused() -> None:
    with pytest.raises(ScreenError, match="5:4 or wider"):
        Renderer((768, 1024))


def test_a_missing_font_names_the_tool(tmp_path, renderer: Renderer) -> None:
    from kiosk.ui.type import Type

    with pytest.raises(ScreenError, match=r"tools/fonts\.py"):
        Type({"regular": tmp_path / "none.ttf"}).face("regular", 20)


def test_warming_draws_every_illustration_before_it_is_needed() -> None:
    from kiosk.ui.draw import _picture

    cold = Renderer((1600, 1200))  # a size no other test draws
    rounds = 0
    while cold.warm():
        rounds += 1
    assert rounds == len({w.spec["picture"] for s in cold.screens.values() for w in s.widgets if w.kind == "picture"})
    before = _picture.cache_info().misses
    for name in USUAL:
        cold.render(view(name))
    assert _picture.cache_info().misses == before


def test_png_is_a_png_of_the_picture(renderer: Renderer) -> None:
    from io import BytesIO

    data = renderer.png(view("goodbye"))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert pixels(pygame.image.load(BytesIO(data))) == pixels(renderer.render(view("goodbye")))


def test_amounts_of_other_currencies_are_shown_with_theirs(renderer: Renderer) -> None:
    sample = view("counting", "en", {"amount": Money(2000, "EUR")})
    assert any(node.data[0] == ("EUR\u00a020",) for node in texts(renderer, sample))


# Golden pictures: sha256 of the RGB pixels at 1280x1024. A change here is a change customers see: look at the new
# picture before writing its sum down (`python -m tests.ui.golden` prints them).
def test_golden_pictures_have_not_changed(renderer: Renderer) -> None:
    from .golden import GOLDEN, sums

    assert sums(renderer) == GOLDEN


def test_golden_sums_see_one_pixel(renderer: Renderer) -> None:
    surface = renderer.render(view("idle"))
    before = hashlib.sha256(pixels(surface)).hexdigest()
    red, green, blue, _ = surface.get_at((500, 500))
    surface.set_at((500, 500), (red ^ 1, green, blue))
    assert hashlib.sha256(pixels(surface)).hexdigest() != before
