"""The renderer: a view in, a picture, inputs and speech out. It opens no window and knows no device.

A renderer belongs to one thread. It keeps the scenes of the last few views, all faces and all set lines, so that
drawing the next screen costs blits. What differs between two scenes is found by comparing nodes; only their boxes
are painted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

import pygame

from kiosk.money import Money
from kiosk.ports import Input
from kiosk.ui import theme
from kiosk.ui.draw import Painter
from kiosk.ui.pictures import PICTURES
from kiosk.ui.scene import MOVING, Builder, Node, Scene
from kiosk.ui.screens import CHOOSE, SCREENS, Screen, ScreenError, load_screens
from kiosk.ui.type import FONTS, Type
from kiosk.ui.values import Brand, Values, picks_of
from kiosk.ui.words import LANGUAGES, Words, words_of
from kiosk.view import Option, View

OVERLAY: Final = "more_time"
SCENES_KEPT: Final = 8
DIRTY_MAX: Final = 24  # more boxes than this, and the whole is painted


class Renderer:
    """Draws views in pixels of `size` (width, height; 5:4 or wider). Raises `ScreenError` for what is amiss."""

    def __init__(
        self,
        size: tuple[int, int] = (1280, 1024),
        brand: Brand | None = None,
        *,
        screens: Path = SCREENS,
        fonts: Mapping[str, Path] = FONTS,
    ) -> None:
        self.size = size
        self.brand = Brand() if brand is None else brand
        self.screens = load_screens(screens)
        self._type = Type(fonts)
        self._painter = Painter(self._type)
        self._builder = Builder(self._type, size, self.brand)
        self._scenes: list[tuple[View, Scene]] = []
        self._cold = sorted(self.screens, reverse=True)
        for screen in self.screens.values():
            for widget in screen.widgets:
                if widget.kind == "picture" and widget.spec["picture"] not in PICTURES:
                    what = f"there is no picture {widget.spec['picture']!r}"
                    raise ScreenError(screen.where, what, f"Known: {', '.join(PICTURES)}.")
        for locale in LANGUAGES:
            self._check_texts(words_of(locale))

    def _check_texts(self, words: Words) -> None:
        for screen in self.screens.values():
            offered = {*screen.values, "helpline"}
            for id_ in sorted(screen.texts()):
                words_wanted = words.ids.get(id_)
                if words_wanted is None:
                    raise ScreenError(str(words.path), f"no wording for {id_!r} of {screen.where}", "Add it.")
                if missing := sorted(words_wanted - offered):
                    raise ScreenError(
                        str(words.path), f"{id_!r} wants {missing[0]!r}, which {screen.where} does not ask for",
                        "Declare it under `values:` or reword the text.",
                    )  # fmt: skip

    def warm(self) -> bool:
        """Draw one more illustration beforehand (15 ms). Return False when there is none left to draw.

        A screen whose illustration was never drawn takes two frames; call this while the terminal has nothing to do.
        """
        while self._cold:
            place = self._builder.picture(self.screens[self._cold.pop()])
            if place is not None and self._painter.warm(place):
                return True
        return False

    def screen(self, name: str) -> Screen:
        if name not in self.screens:
            raise ScreenError(f"screen {name!r}", "there is no such screen", f"Known: {', '.join(self.screens)}.")
        return self.screens[name]

    def scene(self, view: View) -> Scene:
        """Return what `view` looks like, as nodes."""
        for known, scene in self._scenes:
            if known is view:
                return scene
        overlay = self.screen(OVERLAY) if view.asking_more_time else None
        scene = self._builder.build(self.screen(view.screen), view, words_of(view.locale), overlay)
        self._scenes.append((view, scene))
        del self._scenes[:-SCENES_KEPT]
        return scene

    def render(self, view: View, now_ms: int = 0, marked: str = "") -> pygame.Surface:
        """Return the whole picture. `marked` names the touchable node that has the focus or is pressed."""
        surface = pygame.Surface(self.size, 0, 32)
        self.draw(surface, view, now_ms, marked)
        return surface

    def draw(self, surface: pygame.Surface, view: View, now_ms: int = 0, marked: str = "") -> None:
        """Paint the whole picture onto `surface`, which is of the renderer's size."""
        self._paint(surface, self.scene(view), now_ms, marked)

    def _paint(self, surface: pygame.Surface, scene: Scene, now_ms: int, marked: str) -> None:
        clip = surface.get_clip()
        surface.fill(theme.GROUND, clip)
        for node in scene.nodes:
            if clip.colliderect(node.box):
                self._painter.draw(surface, node, now_ms)
        for node in scene.focus:
            if marked and node.name == marked and clip.colliderect(node.box):
                self._painter.ring(surface, node)

    def update(
        self, surface: pygame.Surface, old: View | None, new: View, now_ms: int = 0, *, was: str = "", marked: str = ""
    ) -> list[pygame.Rect]:
        """Make the picture of `old` on `surface` that of `new`; return the boxes that were painted.

        `was` and `marked` name the marked node before and now. With the same view twice, what moves is painted.
        """
        if old is None:
            self.draw(surface, new, now_ms, marked)
            return [surface.get_rect()]
        before, after = self.scene(old), self.scene(new)
        boxes = [pygame.Rect(node.box) for node in after.nodes if node.kind in MOVING]
        if before is not after:
            left, right = set(before.nodes), set(after.nodes)
            boxes += [pygame.Rect(node.box) for node in left ^ right]
        if was != marked:
            boxes += [pygame.Rect(node.box) for node in (*before.focus, *after.focus) if node.name in (was, marked)]
        boxes = _merged(boxes)
        if len(boxes) > DIRTY_MAX or sum(box.w * box.h for box in boxes) * 10 > 7 * self.size[0] * self.size[1]:
            boxes = [surface.get_rect()]
        for box in boxes:
            surface.set_clip(box)
            self._paint(surface, after, now_ms, marked)
        surface.set_clip(None)
        return boxes

    def png(self, view: View, now_ms: int = 0) -> bytes:
        """Return the picture as PNG; some 20 ms."""
        return png_of(self.render(view, now_ms))

    def hit(self, view: View, x: int, y: int) -> Input | None:
        """Return the input of a touch at pixel `x`, `y`, or None if nothing is there."""
        node = self.node_at(view, x, y)
        return None if node is None else Input(node.event, node.value, view.serial)

    def node_at(self, view: View, x: int, y: int) -> Node | None:
        for node in reversed(self.scene(view).nodes):
            if node.touchable and pygame.Rect(node.box).collidepoint(x, y):
                return node
        return None

    def key(self, view: View, key: str) -> Input | None:
        """Return the input of a pad key or side key: ``"0"``..``"9"``, ``"00"``, ``"enter"``, ``"clear"``,
        ``"cancel"``, ``"fdk01"``..``"fdk08"`` (01 to 04 at the left from above, 05 to 08 at the right).
        """
        scene = self.scene(view)
        if key.startswith("fdk") and key[3:].isdigit() and 1 <= int(key[3:]) <= 8:
            number = int(key[3:]) - 1
            side = "LR"[number // 4] + str(number % 4 + 1)
            for node in scene.focus:
                if node.side == side:
                    return Input(node.event, node.value, view.serial)
            return None
        if key.isdigit() and scene.keys.get("digits") == CHOOSE:
            chosen = [node for node in scene.choices if node.name == f"choices.{int(key) - 1}"]
            return Input(chosen[0].event, chosen[0].value, view.serial) if chosen and len(key) == 1 else None
        if key.isdigit() and "digits" in scene.keys:
            return Input(scene.keys["digits"], key, view.serial)
        if key in scene.keys and key != "digits":
            known = self._offered(scene, scene.keys[key])
            return Input(scene.keys[key], "", view.serial) if known else None
        return None

    def _offered(self, scene: Scene, event: str) -> bool:
        """Return whether a key may make `event`: not if the button that makes it is left out of this view."""
        return event.startswith("pressed_") or any(node.event == event for node in scene.focus)

    def speech(self, view: View) -> str:
        """Return what the voice says: the screen's sentences, then every choice with the key that makes it."""
        words = words_of(view.locale)
        name = OVERLAY if view.asking_more_time else view.screen
        screen = self.screen(name)
        shown = View(view.serial, name, view.locale) if view.asking_more_time else view
        values = Values(screen, shown, words, self.brand, spoken=True)
        said = [values.text(id_) for id_ in screen.speech if self._sayable(values, id_, words)]
        labels = {node.name: node for node in self.scene(view).focus}
        for widget in screen.widgets:
            if not values.has(widget.when):
                continue
            if widget.kind in ("choices", "actions", "scale"):
                of = values.money(widget.spec.get("of", ""))
                for n, option in enumerate(values.options(widget.spec["options"])):
                    node = labels.get(f"{widget.name}.{n}")
                    said.append(self._say_option(values, words, option, node, of.currency if of else ""))
            elif widget.kind == "button" and widget.name in labels:
                said.append(self._say_key(words, screen, labels[widget.name], values.text(widget.spec["text"])))
            elif widget.kind == "stars":
                count = values.count(widget.spec["value"])
                said.append(words.text("voice.digits", {"count": words.number(count)}, count) if count else "")
            elif widget.kind == "notice" and not widget.spec["text"].startswith("@"):
                said.append(values.text(widget.spec["text"], widget.spec.get("count", "")))
        return "\n".join(text for text in said if text)

    def _sayable(self, values: Values, id_: str, words: Words) -> bool:
        return id_.startswith("@") or words.ids[id_] <= set(values.texts)

    def _say_option(self, values: Values, words: Words, option: Option, node: Node | None, currency: str) -> str:
        notes = [
            f"{count} × {values.atom(Money(value, currency))}" for value, count in picks_of(option.details)
        ] if currency else []  # fmt: skip
        label = ", ".join(text for text in (values.label(option), *notes) if text)
        if node is None:
            return words.text("voice.not_now", {"label": label, "why": values.why_not(option)})
        return _side(words, node, label) if node.side else label

    def _say_key(self, words: Words, screen: Screen, node: Node, label: str) -> str:
        if node.side:
            return _side(words, node, label)
        for key, event in screen.keys.items():
            if event == node.event and key != "digits":
                return words.text("voice.key", {"key": words.text(f"pad.{key}"), "label": label})
        return label


def _side(words: Words, node: Node, label: str) -> str:
    id_ = "voice.left" if node.side[0] == "L" else "voice.right"
    return words.text(id_, {"number": node.side[1], "label": label})


def _merged(boxes: list[pygame.Rect]) -> list[pygame.Rect]:
    """Return boxes that do not overlap and cover the given ones."""
    merged: list[pygame.Rect] = []
    for box in boxes:
        while (at := box.collidelist(merged)) >= 0:
            box = box.union(merged.pop(at))
        merged.append(box)
    return merged


def png_of(surface: pygame.Surface) -> bytes:
    """Return a surface as PNG."""
    stream = BytesIO()
    pygame.image.save(surface, stream, "png")
    return stream.getvalue()
