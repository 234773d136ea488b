"""Screens as data: what `kiosk/ui/screens/*.yaml` may say, and the one error that a wrong file raises.

A screen names its layout, the values it asks of the view, its widgets from top to bottom, the order of focus, the
pad keys it listens to, what is spoken, and what the privacy mode does with it. It holds text ids and names of values,
no wording and no code. Everything that can be wrong with a file is found when it is loaded, not when a customer
comes to it; only the values of a view are checked when it is drawn.

    screen: "take_card"            # the name a flow shows it by; the file has the same name
    layout: "message"              # message | choice | entry
    privacy: "same"                # same | mask (amounts hidden) | blank (all but the title hidden)
    title: "take_card.title"       # a text id
    speech: ["take_card.title"]    # text ids, spoken before the choices
    values: {next: "word:next?"}   # kind of every value; "?" marks one that may be left out
    widgets: [...]                 # see WIDGETS below
    focus: ["cancel"]              # names of widgets, in the order Tab and the voice take them
    keys: {cancel: "pressed_cancel"}

Where a text id stands, ``"@name"`` means the wording of the value `name` (left out while that is missing).

Kinds of values: `money`, `count` (int >= 0), `text` (shown as it is), `flag`, `options`, `lines`, `picks`
(denomination in minor units -> notes), `words:<prefix>` (several), and `word:<prefix>`: a name whose wording is the
text ``<prefix>.<name>``; a name with a dot in it is taken as a whole text id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from kiosk import strict_yaml
from kiosk.strict_yaml import DocumentError

SCREENS: Final = Path(__file__).parent / "screens"
LAYOUTS: Final = ("message", "choice", "entry")
PRIVACY: Final = ("same", "mask", "blank")
KINDS: Final = ("money", "count", "text", "flag", "options", "lines", "picks", "word", "words")
PAD_KEYS: Final = ("digits", "enter", "clear", "cancel")
SIDE_KEYS: Final = ("L1", "L2", "L3", "L4", "R1", "R2", "R3", "R4")  # fdk01..fdk04 at the left, fdk05..fdk08 right
FOOT: Final = ("foot_left", "foot_mid", "foot_right")
CHOOSE: Final = "choose"  # pad digit n takes the nth choice

# widget -> (keys it must have, keys it may have); every widget may have `name` and `when`.
WIDGETS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "text": (frozenset({"text"}), frozenset({"count", "tone"})),
    "notice": (frozenset({"text"}), frozenset({"count", "tone"})),
    "amount": (frozenset({"value"}), frozenset({"text"})),
    "facts": (frozenset({"facts"}), frozenset()),
    "picture": (frozenset({"picture"}), frozenset()),
    "wait": (frozenset(), frozenset()),
    "notes": (frozenset({"value", "of"}), frozenset()),
    "chips": (frozenset({"value"}), frozenset()),
    "languages": (frozenset(), frozenset()),
    "stars": (frozenset({"value"}), frozenset({"places"})),
    "field": (frozenset({"value"}), frozenset({"text"})),
    "keypad": (frozenset(), frozenset()),
    "paper": (frozenset({"value"}), frozenset()),
    "scale": (frozenset({"options"}), frozenset()),
    "actions": (frozenset({"options"}), frozenset()),
    "choices": (frozenset({"options", "positions"}), frozenset({"of", "rows"})),
    "button": (frozenset({"text", "event"}), frozenset({"at", "side", "kind", "value"})),
}
ROWS_MAX: Final = 4
TONES: Final = ("muted", "warn")
BUTTON_KINDS: Final = ("primary", "plain", "quiet")


class ScreenError(ValueError):
    """A screen file, a text or the values of a view are wrong: where, what, and how to mend it."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")
        self.where = where
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Wanted:
    """A value a screen asks for; `under` is the prefix of its words."""

    kind: str
    optional: bool = False
    under: str = ""


@dataclass(frozen=True, slots=True)
class Widget:
    """One widget of a screen. `when` names a value: the widget is left out while that is missing or false."""

    kind: str
    name: str
    when: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Screen:
    name: str
    layout: str
    privacy: str
    title: str
    speech: tuple[str, ...]
    values: Mapping[str, Wanted]
    widgets: tuple[Widget, ...]
    focus: tuple[str, ...]
    keys: Mapping[str, str]
    where: str

    def texts(self) -> set[str]:
        """Return the ids of all texts the screen names itself (words of values not included)."""
        found = {self.title, *self.speech}
        for widget in self.widgets:
            if "text" in widget.spec:
                found.add(widget.spec["text"])
            for fact in widget.spec.get("facts", ()):
                found.add(fact["text"])
        return {text for text in found if not text.startswith("@")}


def read_yaml(path: Path) -> object:
    """Return the plain content of a YAML file; `ScreenError` if it cannot be read."""
    try:
        return strict_yaml.load(path).data
    except DocumentError as error:
        remedy = "Restore it from the release, or mend the place named."
        raise ScreenError(str(path), f"the file cannot be used ({error})", remedy) from error


def load_screen(path: Path) -> Screen:
    """Return the screen of one file; `ScreenError` names the first thing wrong with it."""
    where = f"screens/{path.name}"

    def wrong(what: str, remedy: str) -> ScreenError:
        return ScreenError(where, what, remedy)

    content = read_yaml(path)
    if not isinstance(content, dict):
        raise wrong("a screen is a mapping", "Begin the file with `screen: \"name\"`.")
    known = {"screen", "layout", "privacy", "title", "speech", "values", "widgets", "focus", "keys"}
    if unknown := [entry for entry in content if entry not in known]:
        raise wrong(f"unknown entry {unknown[0]!r}", f"Known are {', '.join(sorted(known))}.")
    if missing := sorted({"screen", "layout", "privacy", "title", "speech", "widgets"} - set(content)):
        raise wrong(f"{missing[0]!r} is missing", "Add it; see the head of kiosk/ui/screens.py.")
    if content["screen"] != path.stem:
        raise wrong(f"it calls itself {content['screen']!r}", f"Name it {path.stem!r}, like its file.")
    for entry, allowed in (("layout", LAYOUTS), ("privacy", PRIVACY)):
        if content[entry] not in allowed:
            raise wrong(f"{entry} {content[entry]!r} is not known", f"Choose one of {', '.join(allowed)}.")
    for entry, shape in (("title", str), ("widgets", list), ("values", dict), ("focus", list), ("keys", dict)):
        if entry in content and not isinstance(content[entry], shape):
            raise wrong(f"{entry} is {content[entry]!r}", f"Give a {SHAPES[shape]}.")
    if not _texts(content["speech"]) or not content["speech"]:
        raise wrong("speech says nothing", "Give a list of text ids: a customer who does not see must know as much.")
    values = {name: _wanted(wrong, name, text) for name, text in content.get("values", {}).items()}
    said = [text[1:] for text in (content["title"], *content["speech"]) if text[:1] == "@"]
    if unasked := [name for name in said if name not in values]:
        raise wrong(f"title or speech asks for the value {unasked[0]!r}", "Declare it under `values:`.")
    widgets = tuple(_widget(wrong, number, item, values) for number, item in enumerate(content["widgets"]))
    names = [widget.name for widget in widgets]
    if twice := [name for name in names if names.count(name) > 1]:
        raise wrong(f"two widgets are called {twice[0]!r}", "Give one of them another name.")
    touchable = {w.name for w in widgets if w.kind in ("button", "choices", "keypad", "languages", "actions", "scale")}
    focus = tuple(content.get("focus", ()))
    if not _texts(list(focus)) or set(focus) != touchable or len(focus) != len(touchable):
        raise wrong(f"focus lists {list(focus)}", f"It must list each of {sorted(touchable)} once.")
    keys = content.get("keys", {})
    if strange := [key for key in keys if key not in PAD_KEYS]:
        raise wrong(f"key {strange[0]!r} is not a pad key", f"Choose of {', '.join(PAD_KEYS)}.")
    if not _texts(list(keys.values())):
        raise wrong(f"keys are {keys!r}", "Give each key the name of the input it makes.")
    return Screen(
        content["screen"], content["layout"], content["privacy"], content["title"], tuple(content["speech"]), values,
        widgets, focus, keys, where,
    )  # fmt: skip


SHAPES: Final = {str: "text", list: "list", dict: "mapping"}


def _texts(content: object) -> bool:
    return isinstance(content, list) and all(isinstance(item, str) and item for item in content)


def _wanted(wrong: Callable[[str, str], ScreenError], name: object, text: object) -> Wanted:
    kind, _, under = str(text).removesuffix("?").partition(":")
    if not isinstance(name, str) or kind not in KINDS or (kind in ("word", "words")) != bool(under):
        raise wrong(f"value {name!r} is of kind {text!r}", f"Kinds are {', '.join(KINDS)}; word:<prefix>.")
    return Wanted(kind, str(text).endswith("?"), under)


def _widget(
    wrong: Callable[[str, str], ScreenError], number: int, item: object, values: Mapping[str, Wanted]
) -> Widget:
    if not isinstance(item, dict) or not isinstance(kind := item.get("widget"), str) or kind not in WIDGETS:
        raise wrong(f"widget {number + 1} is {item!r}", f"Give `widget:` one of {', '.join(WIDGETS)}.")
    name = item.get("name", f"{kind}{number}")
    spec = {key: value for key, value in item.items() if key not in ("widget", "name", "when")}
    must, may = WIDGETS[kind]
    if missing := sorted(must - set(spec)):
        raise wrong(f"widget {name!r} has no {missing[0]!r}", f"A {kind} needs {', '.join(sorted(must))}.")
    if extra := [key for key in spec if key not in must | may]:
        raise wrong(f"widget {name!r} has {extra[0]!r}", f"A {kind} knows {', '.join(sorted(must | may))}.")
    for key, value in item.items():
        if not _shaped(key, value):
            raise wrong(f"widget {name!r} has {key} {value!r}", "See the head of kiosk/ui/screens.py.")
    asked = [item.get("when", ""), spec.get("of", ""), spec.get("count", ""), spec.get("places", "")]
    asked += [] if kind == "button" else [spec.get("value", "")]
    asked += [spec.get("options", "")] + [fact.get("value", "") for fact in spec.get("facts", ())]
    asked += [spec["text"][1:]] if spec.get("text", "")[:1] == "@" else []
    for value in asked:
        if value and value not in values:
            raise wrong(f"widget {name!r} asks for the value {value!r}", "Declare it under `values:`.")
    for place in [*spec.get("positions", ()), *([spec["side"]] if "side" in spec else [])]:
        if place not in SIDE_KEYS:
            raise wrong(f"widget {name!r} is at {place!r}", f"Side keys are {', '.join(SIDE_KEYS)}.")
    if spec.get("at", FOOT[0]) not in FOOT or spec.get("kind", "plain") not in BUTTON_KINDS:
        raise wrong(f"button {name!r} is misplaced", f"`at` is of {FOOT}, `kind` of {BUTTON_KINDS}.")
    return Widget(kind, name, item.get("when", ""), spec)


def _shaped(key: object, value: object) -> bool:
    if key == "positions":
        return _texts(value) and bool(value)
    if key == "rows":
        return type(value) is int and 1 <= value <= ROWS_MAX
    if key == "facts":
        return isinstance(value, list) and bool(value) and all(_fact(fact) for fact in value)
    return isinstance(value, str) and bool(value) and (key != "tone" or value in TONES)


def _fact(fact: object) -> bool:
    return isinstance(fact, dict) and set(fact) == {"text", "value"} and _texts(list(fact.values()))


@lru_cache(maxsize=4)
def load_screens(folder: Path = SCREENS) -> Mapping[str, Screen]:
    """Return all screens of a folder by name. Raises `ScreenError`."""
    found = {path.stem: load_screen(path) for path in sorted(folder.glob("*.yaml"))}
    if not found:
        raise ScreenError(str(folder), "there are no screens", "Restore the folder from the release.")
    return found
