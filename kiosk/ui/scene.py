"""From a view to a scene: what is drawn where, as values.

A scene is a tuple of nodes in drawing order. A node says everything that its picture depends on, except the time for
the few that move; so two nodes are drawn alike exactly when they are equal, and what changed between two scenes is
the nodes that are in one only. A node never draws outside its box. What can be touched carries the input it makes.

Lengths are in units of a screen 1024 high (`theme`) until a node is made; then they are pixels.

    message   a picture at the left; title and widgets, centred in height, at the right
    choice    title and texts on top, choices in two columns beside the side keys
    entry     title on top, widgets at the left, keypad, paper or picture at the right
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kiosk.money import minor_per_major
from kiosk.ui import theme
from kiosk.ui.screens import CHOOSE, Screen, ScreenError, Widget
from kiosk.ui.theme import Colour
from kiosk.ui.type import LEADING, Type
from kiosk.ui.values import Brand, Values, picks_of
from kiosk.ui.words import LANGUAGES, Words
from kiosk.view import View

Box = tuple[int, int, int, int]
MOVING: Final = ("bar", "dots")  # nodes whose picture depends on the time
SHRINK: Final = (1.0, 0.93, 0.87, 0.81, 0.76, 0.71, 0.66)
"""A column that is too full is set smaller, its gaps with it; never below SMALLEST, nor a button below BUTTON_MIN."""
PICTURE_HIGH: Final = 540.0
OVERHANG: Final = 0.14  # of the size: ink that reaches beyond the line height, both ends together
ACTIONS_MAX: Final = 3  # buttons that fit beside each other into the foot
DIGITS_MAX: Final = 12  # of a PIN (ISO 9564-1)


@dataclass(frozen=True, slots=True)
class Node:
    """One drawn thing. `data` is what its kind needs (see `draw.py`); `event` and `value` make its input."""

    kind: str
    box: Box
    data: tuple[Any, ...] = ()
    name: str = ""
    event: str = ""
    value: str = ""
    side: str = ""

    @property
    def touchable(self) -> bool:
        return bool(self.event)


@dataclass(frozen=True, slots=True)
class Scene:
    """`focus` are the touchable nodes in order; `choices` those that a pad digit takes; `overflows` the texts that
    do not fit (a fault of wording, found by the tests); `keys` the pad keys listened to.
    """

    nodes: tuple[Node, ...]
    focus: tuple[Node, ...]
    choices: tuple[Node, ...]
    keys: Mapping[str, str]
    overflows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """A thing of a column: its height, and the drawing of it at a place."""

    height: float
    put: Callable[[float, float], None]
    gap: float = 22


class Builder:
    """Lays out one view. `overlay` is the screen that asks for more time, laid over when the view says so."""

    def __init__(self, type_: Type, size: tuple[int, int], brand: Brand) -> None:
        self._type, self.size, self._brand = type_, size, brand
        self._scale = size[1] / theme.HEIGHT
        self._wide = size[0] / self._scale
        if self._wide < 1270:
            raise ScreenError(f"size {size}", "the screen is too narrow", "Use 5:4 or wider, such as 1280x1024.")

    def build(self, screen: Screen, view: View, words: Words, overlay: Screen | None) -> Scene:
        self._nodes: list[Node] = []
        self._overflows: list[str] = []
        self._view, self._words = view, words
        self._tabs = True  # a tab at the edge shows which side key belongs to a button
        self._digits = screen.keys.get("digits") == CHOOSE
        self._v = Values(screen, view, words, self._brand)
        self._header()
        blank = view.privacy and screen.privacy == "blank"
        frame = len(self._nodes)
        getattr(self, f"_{screen.layout}")(screen)
        if blank:
            self._blank(screen, frame)
        self._foot(screen)
        if overlay is None:
            return self._scene(screen)
        self._nodes = [
            Node(node.kind, node.box, node.data) if node.touchable else node for node in self._nodes
        ]
        self._digits = self._tabs = False
        self._v = Values(overlay, View(view.serial, overlay.name, view.locale), words, self._brand)
        self._over(overlay)
        return self._scene(overlay)

    def _scene(self, screen: Screen) -> Scene:
        focus = tuple(
            node for name in screen.focus for node in self._nodes
            if node.touchable and (node.name == name or node.name.startswith(name + "."))
        )  # fmt: skip
        choices = tuple(node for node in self._nodes if node.name.startswith("choices."))
        return Scene(tuple(self._nodes), focus, choices, screen.keys, tuple(self._overflows))

    # ---- making nodes

    def _box(self, x: float, y: float, w: float, h: float) -> Box:
        s = self._scale
        left, top = round(x * s), round(y * s)
        return left, top, round((x + w) * s) - left, round((y + h) * s) - top

    def _put(self, kind: str, x: float, y: float, w: float, h: float, *data: object, **more: str) -> None:
        box = self._box(x, y, w, h)
        if kind == "picture":  # of one size wherever it stands, so that it is drawn once
            box = (*box[:2], int(w * self._scale), int(h * self._scale))
        self._nodes.append(Node(kind, box, data, **more))

    def _put_text(self, x: float, y: float, w: float, h: float, lines: tuple[str, ...], px: int, bold: bool,
                  colour: Colour, ground: Colour, align: str) -> None:  # fmt: skip
        """Add set lines, centred in height. Their box has room for what hangs over the line height (g, Å)."""
        left, top, wide, high = self._box(x, y, w, h)
        over = max(0, math.ceil(len(lines) * px * LEADING + OVERHANG * px) - high + 1) // 2
        box = (left, top - over, wide, high + 2 * over)
        self._nodes.append(Node("text", box, (lines, "bold" if bold else "regular", px, colour, ground, align)))

    def _panel(self, x: float, y: float, w: float, h: float, fill: Colour, edge: Colour | None, r: float = 20) -> None:
        self._put("panel", x, y, w, h, fill, edge or fill, round(r * self._scale), max(1, round(2 * self._scale)))

    def _set(self, text: str, size: float, width: float, height: float, bold: bool, lines_max: int
             ) -> tuple[tuple[str, ...], int]:  # fmt: skip
        """Return the lines and the pixels of the largest setting that fits; note an overflow if none does."""
        weight = "bold" if bold else "regular"
        px_min = min(round(theme.SMALLEST * self._scale), round(size * self._scale))
        px = round(size * self._scale)
        room = (int(width * self._scale), height * self._scale)
        while True:
            lines = self._type.wrap(text, weight, px, room[0])
            fits = len(lines) <= lines_max and len(lines) * px * LEADING <= room[1] + 1
            if fits and all(self._type.width(line, weight, px) <= room[0] for line in lines):
                return lines, px
            if px <= px_min:
                self._overflows.append(text)
                return lines, px
            px = max(px_min, px - 2)

    def _text(self, text: str, size: float, x: float, y: float, w: float, h: float, *, bold: bool = False,
              colour: Colour = theme.INK, ground: Colour = theme.GROUND, align: str = "left", lines_max: int = 1
              ) -> None:  # fmt: skip
        lines, px = self._set(text, size, w, h, bold, lines_max)
        self._put_text(x, y, w, h, lines, px, bold, colour, ground, align)

    def _tab(self, side: str, y: float) -> None:
        """Draw the tab of a side key at the key's height, with a bar along the edge to the height of its button."""
        key_y = theme.SIDE_KEYS_AT[int(side[1]) - 1]
        colour, round_ = theme.TINT_DEEP, round(6 * self._scale)
        inward = 0.0 if side[1] in "24" else 18.0  # so that the bars of neighbours do not meet
        at, bar = (0.0, inward) if side[0] == "L" else (self._wide - 26, self._wide - 8 - inward)
        if abs(y - key_y) > 20:
            top, bottom = sorted((y, key_y))
            self._put("panel", bar, top - 20, 8, bottom - top + 40, colour, colour, round(4 * self._scale), 1)
        self._put("panel", at, key_y - 20, 26, 40, colour, colour, round_, 1)

    def _button(self, name: str, label: str, event: str, value: str, x: float, y: float, w: float, h: float, *,
                kind: str = "plain", side: str = "", digit: str = "", why_not: str = "",
                picks: tuple[tuple[int, int], ...] = (), currency: str = "CNY") -> None:  # fmt: skip
        fill, edge, ink = {
            "primary": (theme.BRAND, theme.BRAND_DEEP, theme.WHITE),
            "plain": (theme.WHITE, theme.LINE, theme.INK),
            "quiet": (theme.GROUND, theme.LINE, theme.MUTED),
            "chosen": (theme.TINT, theme.BRAND, theme.BRAND_DEEP),
        }[kind]
        if why_not:
            fill, edge, ink = theme.OFF, theme.EDGE, theme.MUTED
        more = {} if why_not else {"name": name, "event": event, "value": value, "side": side}
        radius = round(min(20, h / 4) * self._scale)
        self._put("panel", x, y, w, h, fill, edge, radius, max(1, round(2 * self._scale)), **more)
        if side and not why_not and self._tabs:
            self._tab(side, y + h / 2)
        pad, badge = 28.0, 0.0
        left = side[:1] != "R"
        if digit:
            badge = 48
            bx = x + pad if left else x + w - pad - badge
            ground = theme.TINT if fill == theme.WHITE else theme.WHITE
            self._put("disc", bx, y + h / 2 - 24, badge, badge, ground)
            self._text(digit, 26, bx, y + h / 2 - 24, badge, badge, bold=True, align="center",
                       colour=theme.BRAND if not why_not else theme.MUTED, ground=ground)  # fmt: skip
        tx = x + pad + (badge + 20 if left and badge else 0)
        tw = w - 2 * pad - (badge + 20 if badge else 0)
        if picks:
            room = h - 32 - (66 if label else 0)
            rows = [picks[n : n + 2] for n in range(0, len(picks), 2)]
            size = min(84.0, (room - 12 * (len(rows) - 1)) / len(rows), tw / _strip(2 if len(picks) > 1 else 1))
            strip = size * _strip(min(2, len(picks)))
            top = y + 16 + (room - len(rows) * (size + 12) + 12) / 2
            for n, row in enumerate(rows):
                self._notes(row, currency, tx + (tw - strip) / 2, top + n * (size + 12), size, fill, ink)
            if label:
                self._text(label, 32, tx, y + h - 74, tw, 60, colour=ink, ground=fill, align="center")
        elif why_not:
            self._text(label, theme.BUTTON - 4, tx, y + h / 2 - 48, tw, 54, colour=ink, ground=fill, align="center")
            self._text(why_not, theme.SMALL - 2, tx, y + h / 2 + 6, tw, 40, colour=ink, ground=fill, align="center")
        else:
            self._text(label, theme.BUTTON if h > 90 else 34, tx, y + 4, tw, h - 8, bold=kind != "quiet", colour=ink,
                       ground=fill, align="center", lines_max=2)  # fmt: skip

    # ---- the frame of every screen

    def _header(self) -> None:
        self._put("fill", 0, 0, self._wide, theme.HEADER, theme.WHITE)
        self._put("mark", theme.MARGIN, 20, 48, 48)
        half = self._wide / 2 - theme.MARGIN
        self._text(self._brand.name(self._view.locale), 32, theme.MARGIN + 68, 0, half - 68, theme.HEADER, bold=True,
                   colour=theme.BRAND_DEEP, ground=theme.WHITE)  # fmt: skip
        helpline = self._words.text("header.help", {"helpline": self._brand.helpline})
        self._text(helpline, 26, self._wide / 2, 0, half, theme.HEADER, colour=theme.MUTED, ground=theme.WHITE,
                   align="right")  # fmt: skip
        if self._view.until_ms is None:
            self._put("fill", 0, theme.HEADER, self._wide, 2, theme.EDGE)
        else:
            self._put("bar", 0, theme.HEADER, self._wide, theme.BAR, self._view.since_ms, self._view.until_ms)

    def _foot(self, screen: Screen) -> None:
        for widget in self._present(screen):
            if widget.kind == "actions":
                self._actions(widget)
            if widget.kind != "button":
                continue
            at = widget.spec.get("at", "foot_right")
            x = {
                "foot_left": float(theme.MARGIN),
                "foot_mid": (self._wide - theme.FOOT_WIDTH) / 2,
                "foot_right": self._wide - theme.MARGIN - theme.FOOT_WIDTH,
            }[at]
            quiet = widget.spec.get("kind") == "quiet"
            self._action(widget, x, theme.FOOT_TOP, 300 if quiet else theme.FOOT_WIDTH, theme.FOOT_HEIGHT)

    def _actions(self, widget: Widget) -> None:
        """Put up to three options into the foot, the first at the right where the hand is."""
        options = self._v.options(widget.spec["options"])[:ACTIONS_MAX]
        w = min(float(theme.FOOT_WIDTH), (self._wide - 2 * theme.MARGIN - 48) / len(options)) if options else 0
        free = self._wide - 2 * theme.MARGIN - w
        for n, option in enumerate(options):
            x = theme.MARGIN + free * (1 - n / max(1, len(options) - 1))
            self._button(f"{widget.name}.{n}", self._v.label(option), option.event, option.value, x, theme.FOOT_TOP, w,
                         theme.FOOT_HEIGHT, why_not=self._v.why_not(option))  # fmt: skip

    def _action(self, widget: Widget, x: float, y: float, w: float, h: float) -> None:
        spec = widget.spec
        self._button(widget.name, self._v.text(spec["text"]), spec["event"], spec.get("value", ""), x, y, w, h,
                     kind=spec.get("kind", "plain"), side=spec.get("side", ""))  # fmt: skip

    def _present(self, screen: Screen) -> list[Widget]:
        return [widget for widget in screen.widgets if self._v.has(widget.when)]

    # ---- layouts

    def _message(self, screen: Screen) -> None:
        footed = any(widget.kind in ("button", "actions") for widget in self._present(screen))
        h = 728.0 if footed else 820.0
        self._aside(screen, theme.MARGIN, 140, h)
        x = theme.MARGIN + theme.ASIDE + 68
        self._column(screen, x, 150, self._wide - theme.MARGIN - x, h - 20, titled=True, centred=True)

    def _aside(self, screen: Screen, x: float, y: float, h: float) -> None:
        """Put the screen's illustration onto a panel."""
        self._panel(x, y, theme.ASIDE, h, theme.TINT, None, 32)
        for widget in screen.widgets:
            if widget.kind == "picture":
                top = y + (h - PICTURE_HIGH) / 2
                self._put("picture", x + 20, top, theme.ASIDE - 40, PICTURE_HIGH, widget.spec["picture"], theme.TINT)

    def picture(self, screen: Screen) -> Node | None:
        """Return the node of a screen's illustration, to draw it beforehand; its place does not matter."""
        self._nodes = []
        self._aside(screen, 0, 0, PICTURE_HIGH)
        return next((node for node in self._nodes if node.kind == "picture"), None)

    def _choice(self, screen: Screen) -> None:
        width = self._wide - 2 * theme.MARGIN
        self._column(screen, theme.MARGIN, 120, width, 196, titled=True, centred=False, gap=6)
        for widget in self._present(screen):
            if widget.kind == "choices":
                self._choices(widget, theme.MARGIN, 330, width, 540)

    def _entry(self, screen: Screen) -> None:
        title = self._v.text(screen.title)
        width = self._wide - 2 * theme.MARGIN
        self._text(title, theme.TITLE, theme.MARGIN, 132, width, 80, bold=True)
        right = [w for w in self._present(screen) if w.kind in ("keypad", "paper", "picture")]
        x = self._wide - theme.MARGIN - theme.ASIDE
        for widget in right:
            if widget.kind == "keypad":
                self._keypad(widget, x, 240, theme.ASIDE, 628)
            elif widget.kind == "paper":
                self._paper(self._v.lines(widget.spec["value"]), x, 232, theme.ASIDE, 640)
            else:
                self._aside(screen, x, 240, 628)
        self._column(screen, theme.MARGIN, 250, x - 60 - theme.MARGIN, 606, titled=False, centred=False)

    def _blank(self, screen: Screen, frame: int) -> None:
        """Hide all that was laid out after the frame; what can be touched can still be, unseen."""
        hidden = [node for node in self._nodes[frame:] if node.touchable]
        del self._nodes[frame:], self._overflows[:]
        width = self._wide - 2 * theme.MARGIN
        self._text(self._v.text(screen.title), theme.TITLE, theme.MARGIN, 132, width, 80, bold=True)
        self._panel(theme.MARGIN, 250, width, 620, theme.TINT, None, 32)
        self._nodes += [replace(node, kind="fill", data=(theme.TINT,)) for node in hidden]
        self._text(self._words.text("privacy.blank"), theme.TEXT, theme.MARGIN + 80, 250, width - 160, 620,
                   ground=theme.TINT, align="center", lines_max=4)  # fmt: skip

    def _over(self, screen: Screen) -> None:
        w, h = 980.0, 470.0
        x, y = (self._wide - w) / 2, 290.0
        self._put("dim", 0, theme.HEADER + theme.BAR, self._wide, theme.HEIGHT - theme.HEADER - theme.BAR)
        self._panel(x, y, w, h, theme.WHITE, None, 32)
        self._put("picture", x + 40, y + 40, 220, 250, "clock", theme.WHITE)
        self._text(self._v.text(screen.title), 48, x + 290, y + 50, w - 340, 80, bold=True, ground=theme.WHITE)
        self._text(self._v.text("more_time.text"), 32, x + 290, y + 140, w - 340, 140, colour=theme.MUTED,
                   ground=theme.WHITE, lines_max=3)  # fmt: skip
        for widget in self._present(screen):
            if widget.kind == "button":
                left = widget.spec.get("at") == "foot_left"
                self._action(widget, x + 40 if left else x + w / 2 + 12, y + h - 128, w / 2 - 52, theme.FOOT_HEIGHT)

    def _column(self, screen: Screen, x: float, y: float, w: float, h: float, *, titled: bool, centred: bool,
                gap: float = 0) -> None:  # fmt: skip
        """Stack title and widgets. What does not fit at the smallest setting counts as overflow."""
        for shrink in SHRINK:
            noted = len(self._overflows)
            items = self._items(screen, w, shrink, titled)
            space = sum(item.height for item in items) + sum((gap or item.gap) * shrink for item in items[:-1])
            if space <= h and len(self._overflows) == noted:
                break
            if shrink != SHRINK[-1]:
                del self._overflows[noted:]
            elif space > h:
                self._overflows.append(f"column of {screen.name}: {space:.0f} of {h:.0f}")
        top = y + (h - space) / 2 if centred else y
        for item in items:
            item.put(x, top)
            top += item.height + (gap or item.gap) * shrink

    def _items(self, screen: Screen, w: float, k: float, titled: bool) -> list[_Item]:
        items: list[_Item] = []
        if titled:
            size = (theme.TITLE if screen.layout != "message" else 60) * k
            items.append(self._paragraph(self._v.text(screen.title), size, w, bold=True, lines_max=3, gap=30))
        for widget in self._present(screen):
            make = getattr(self, f"_item_{widget.kind}", None)
            if make is not None:
                items.extend(make(widget, w, k))
        return items

    def _paragraph(self, text: str, size: float, w: float, *, bold: bool = False, colour: Colour = theme.INK,
                   lines_max: int = 5, gap: float = 22) -> _Item:  # fmt: skip
        lines, px = self._set(text, size, w, 1000, bold, lines_max)
        height = len(lines) * px * LEADING / self._scale + 2

        def put(x: float, y: float) -> None:
            self._put_text(x, y, w, height, lines, px, bold, colour, theme.GROUND, "left")

        return _Item(height, put, gap)

    # ---- widgets of a column

    def _item_text(self, widget: Widget, w: float, k: float) -> list[_Item]:
        text = self._v.text(widget.spec["text"], widget.spec.get("count", ""))
        muted = widget.spec.get("tone") == "muted"
        size = (theme.SMALL + 2 if muted else theme.TEXT) * k
        return [self._paragraph(text, size, w, colour=theme.MUTED if muted else theme.INK)] if text else []

    def _item_notice(self, widget: Widget, w: float, k: float) -> list[_Item]:
        text = self._v.text(widget.spec["text"], widget.spec.get("count", ""))
        warn = widget.spec.get("tone") == "warn"
        fill, ink = (theme.WARN, theme.WARN_INK) if warn else (theme.TINT, theme.BRAND_DEEP)
        lines, px = self._set(text, (theme.TEXT - 1) * k, w - 100, 1000, False, 5)
        height = len(lines) * px * LEADING / self._scale + 40

        def put(x: float, y: float) -> None:
            self._panel(x, y, w, height, fill, None, 18)
            self._put("disc", x + 24, y + height / 2 - 19, 38, 38, theme.WARN_INK if warn else theme.BRAND)
            self._text("!" if warn else "i", 28, x + 24, y + height / 2 - 19, 38, 38, bold=True, colour=theme.WHITE,
                       ground=theme.WARN_INK if warn else theme.BRAND, align="center")  # fmt: skip
            self._put_text(x + 80, y, w - 100, height, lines, px, False, ink, fill, "left")

        return [_Item(height, put, 30)]

    def _item_amount(self, widget: Widget, w: float, k: float) -> list[_Item]:
        label = self._v.text(widget.spec["text"]) if "text" in widget.spec else ""
        text = self._v.texts[widget.spec["value"]]
        big = 84 * k

        def put(x: float, y: float) -> None:
            if label:
                self._text(label, theme.SMALL, x, y, w, 44, colour=theme.MUTED)
            self._text(text, big, x, y + (44 if label else 0), w, big * LEADING + 2, bold=True, colour=theme.BRAND)

        return [_Item(big * LEADING + 2 + (44 if label else 0), put)]

    def _item_facts(self, widget: Widget, w: float, k: float) -> list[_Item]:
        rows = [
            (self._v.text(fact["text"]), self._v.texts[fact["value"]])
            for fact in widget.spec["facts"] if self._v.has(fact["value"])
        ]  # fmt: skip
        if not rows:
            return []
        row = 70 * k

        def put(x: float, y: float) -> None:
            self._panel(x, y, w, row * len(rows) + 16, theme.WHITE, theme.EDGE, 18)
            for n, (label, value) in enumerate(rows):
                top = y + 8 + n * row
                if n:
                    self._put("fill", x + 28, top, w - 56, 2, theme.EDGE)
                px = round(theme.SMALL * self._scale)
                used = min(w * 0.5, self._type.width(label, "regular", px) / self._scale + 4)
                self._text(label, theme.SMALL, x + 28, top, used, row, colour=theme.MUTED, ground=theme.WHITE)
                self._text(value, theme.TEXT, x + 48 + used, top, w - 76 - used, row, bold=True,
                           ground=theme.WHITE, align="right")  # fmt: skip

        return [_Item(row * len(rows) + 16, put)]

    def _item_wait(self, _widget: Widget, _w: float, _k: float) -> list[_Item]:
        def put(x: float, y: float) -> None:
            self._put("dots", x, y, 120, 28, self._view.since_ms)

        return [_Item(28, put, 26)]

    def _item_notes(self, widget: Widget, _w: float, k: float) -> list[_Item]:
        picks = self._v.picks(widget.spec["value"])
        money = self._v.money(widget.spec["of"])
        if money is None or (self._view.privacy and self._v.screen.privacy == "mask"):
            return []
        rows = [picks[n : n + 2] for n in range(0, len(picks), 2)]
        size = 84 * k

        def put(x: float, y: float) -> None:
            for n, row in enumerate(rows):
                self._notes(row, money.currency, x, y + n * (size + 18), size, theme.GROUND, theme.INK)

        return [_Item(len(rows) * (size + 18) - 18, put)] if rows else []

    def _item_chips(self, widget: Widget, w: float, k: float) -> list[_Item]:
        wanted = self._v.screen.values[widget.spec["value"]]
        labels = [self._v.atom(item, wanted.under) for item in self._v.lines(widget.spec["value"])]
        size, height, places = 28 * k, 58 * k, []
        x = y = 0.0
        for label in labels:
            width = self._type.width(label, "regular", round(size * self._scale)) / self._scale + 48
            if x and x + width > w:
                x, y = 0.0, y + height + 14
            places.append((label, x, y, width))
            x += width + 14

        def put(left: float, top: float) -> None:
            for label, dx, dy, width in places:
                self._panel(left + dx, top + dy, width, height, theme.WHITE, theme.EDGE, height / 2)
                self._text(label, size, left + dx + 10, top + dy, width - 20, height, ground=theme.WHITE,
                           align="center")  # fmt: skip

        return [_Item(y + height, put, 40)] if labels else []

    def _item_languages(self, widget: Widget, w: float, k: float) -> list[_Item]:
        high = max(theme.BUTTON_MIN, 84 * k)

        def put(x: float, y: float) -> None:
            each = (w - 24) / 2
            for n, (locale, (_, name, _)) in enumerate(LANGUAGES.items()):
                chosen = "chosen" if locale == self._view.locale else "plain"
                self._button(f"{widget.name}.{locale}", name, "chose_language", locale, x + n * (each + 24), y, each,
                             high, kind=chosen)  # fmt: skip

        return [_Item(high, put)]

    def _item_scale(self, widget: Widget, w: float, _k: float) -> list[_Item]:
        options = self._v.options(widget.spec["options"])
        gap = 20.0

        def put(x: float, y: float) -> None:
            each = (w - gap * (len(options) - 1)) / len(options)
            for n, option in enumerate(options):
                self._button(f"{widget.name}.{n}", self._v.label(option), option.event, option.value,
                             x + n * (each + gap), y, each, 104)  # fmt: skip

        return [_Item(104, put, 40)] if options else []

    def _item_stars(self, widget: Widget, w: float, _k: float) -> list[_Item]:
        places = self._v.count(widget.spec.get("places", ""), 6)
        count = self._v.count(widget.spec["value"])
        if not 1 <= places <= DIGITS_MAX or count > places:
            raise ScreenError(self._v.screen.where, f"{count} of {places} digits", f"A PIN has 4 to {DIGITS_MAX}.")

        def put(x: float, y: float) -> None:
            self._panel(x, y, w, 132, theme.WHITE, theme.BRAND, 24)
            self._put("stars", x + 36, y + 30, w - 72, 72, count, places)

        return [_Item(132, put, 34)]

    def _item_field(self, widget: Widget, w: float, k: float) -> list[_Item]:
        text, high = self._v.texts[widget.spec["value"]], 150 * k

        def put(x: float, y: float) -> None:
            self._panel(x, y, w, high, theme.WHITE, theme.BRAND, 24)
            empty = not self._v.raw.get(widget.spec["value"])
            self._text(text, 84 * k, x + 32, y + 5, w - 64, high - 10, bold=True, ground=theme.WHITE, align="right",
                       colour=theme.MUTED if empty else theme.BRAND)  # fmt: skip

        return [_Item(high, put, 34)]

    # ---- larger widgets

    def _choices(self, widget: Widget, x: float, y: float, w: float, h: float) -> None:
        options = self._v.options(widget.spec["options"])
        positions = widget.spec["positions"]
        if not options or len(options) > len(positions):
            raise ScreenError(
                self._v.screen.where, f"{len(options)} options for {len(positions)} places",
                "Let the flow give at least one and not more than the places.",
            )  # fmt: skip
        rows = int(widget.spec.get("rows", 4))
        gap, each_w = 24.0, (w - 40) / 2
        each_h = (h - gap * (rows - 1)) / rows
        of = self._v.money(widget.spec.get("of", ""))
        for n, (option, side) in enumerate(zip(options, positions, strict=False)):
            left = x if side[0] == "L" else x + w - each_w
            self._button(
                f"{widget.name}.{n}", self._v.label(option), option.event, option.value, left,
                y + (int(side[1]) - 1) * (each_h + gap), each_w, each_h, side=side, why_not=self._v.why_not(option),
                digit=str(n + 1) if self._digits else "", picks=picks_of(option.details) if of else (),
                currency=of.currency if of else "",
            )  # fmt: skip

    def _keypad(self, widget: Widget, x: float, y: float, w: float, h: float) -> None:
        keys = [*"123456789", "00", "0", "clear"]
        gap = 18.0
        kw, kh = (w - 2 * gap) / 3, (h - 3 * gap) / 4
        for n, key in enumerate(keys):
            clear = key == "clear"
            self._button(
                f"{widget.name}.{key}", self._words.text("button.clear") if clear else key,
                "pressed_clear" if clear else "key_pressed", "" if clear else key,
                x + (n % 3) * (kw + gap), y + (n // 3) * (kh + gap), kw, kh, kind="quiet" if clear else "plain",
            )  # fmt: skip

    def _paper(self, lines: tuple[str, ...], x: float, y: float, w: float, h: float) -> None:
        size = 26.0
        row = size * 1.45
        shown = min(len(lines), int((h - 56) / row))
        if shown < len(lines):
            size = max(18.0, (h - 56) / len(lines) / 1.45)
            row = size * 1.45
        if row * len(lines) > h - 50:
            self._overflows.append(f"paper of {len(lines)} lines")
        self._put("sheet", x, y, w, min(h, row * len(lines) + 72))
        for n, line in enumerate(lines):
            top = y + 28 + n * row
            left, tab, right = line.partition("\t")
            if set(line) == {"-"}:
                self._put("fill", x + 36, top + row / 2, w - 72, 2, theme.LINE)
            elif tab:
                half = (w - 72) * 0.5
                self._text(left, size, x + 36, top, half - 6, row, colour=theme.MUTED, ground=theme.PAPER)
                self._text(right, size, x + 36 + half, top, half, row, ground=theme.PAPER, align="right")
            else:
                self._text(line, size, x + 36, top, w - 72, row, ground=theme.PAPER, align="center")

    def _notes(self, picks: tuple[tuple[int, int], ...], currency: str, x: float, y: float, size: float,
               ground: Colour, ink: Colour) -> None:  # fmt: skip
        for value, count in picks:
            face = f"{value / minor_per_major(currency):g}"
            major = value // minor_per_major(currency)
            self._put("note", x, y, size * 1.8, size, face, theme.NOTES.get(major, theme.NOTE), min(count, 3))
            self._text(f"× {count}", max(theme.SMALLEST, size * 0.42), x + size * 1.9, y, size * 1.25, size, bold=True,
                       colour=ink, ground=ground)  # fmt: skip
            x += size * NOTE_STEP


NOTE_STEP: Final = 3.5  # from note to note with its count between, in heights of a note


def _strip(notes: int) -> float:
    """Return the width of a row of notes with their counts, in heights of a note."""
    return (notes - 1) * NOTE_STEP + 3.0
