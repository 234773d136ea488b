"""The values of a view: checked against what its screen asks for, and worded in its language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from kiosk.money import Money
from kiosk.ui.screens import Screen, ScreenError, Wanted
from kiosk.ui.words import HIDDEN, Words
from kiosk.view import Option, View


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose terminal it is: `names` by locale, and the number that customers call."""

    names: Mapping[str, str] = field(default_factory=lambda: {"zh-CN": "示范银行", "en": "Example Bank"})
    helpline: str = "400-000-0000"

    def name(self, locale: str) -> str:
        return self.names.get(locale) or next(iter(self.names.values()))


class Values:
    """The values of one view, checked against what its screen asks for, and worded."""

    def __init__(self, screen: Screen, view: View, words: Words, brand: Brand, *, spoken: bool = False) -> None:
        self.screen, self.words, self.raw = screen, words, view.values
        self._spoken = spoken
        self._hide = view.privacy and screen.privacy != "same" and not spoken
        self.texts: dict[str, str] = {"helpline": brand.helpline}
        if strange := sorted(set(view.values) - set(screen.values)):
            raise self._wrong(strange[0], "is not known here", f"Known are {', '.join(screen.values) or 'none'}.")
        for name, wanted in screen.values.items():
            value = view.values.get(name)
            if value is None or value == "":
                if not wanted.optional:
                    raise self._wrong(name, "is missing", f"Let the flow give it; it is of kind {wanted.kind}.")
                continue
            self._check(name, wanted, value)
            if isinstance(value, str | int | Money | date):
                self.texts[name] = self.atom(value, wanted.under)
        if "contact" in screen.values:
            self.texts.setdefault("contact", brand.helpline)

    def _wrong(self, name: str, what: str, remedy: str) -> ScreenError:
        return ScreenError(self.screen.where, f"value {name!r} {what}", remedy)

    def _check(self, name: str, wanted: Wanted, value: object) -> None:
        good = {
            "money": isinstance(value, Money),
            "count": type(value) is int and value >= 0,
            "text": isinstance(value, str | date),
            "flag": isinstance(value, bool),
            "word": isinstance(value, str),
            "words": isinstance(value, tuple) and all(isinstance(item, str) for item in value),
            "lines": isinstance(value, tuple) and all(isinstance(item, str) for item in value),
            "options": isinstance(value, tuple) and all(isinstance(item, Option) for item in value),
            "picks": isinstance(value, Mapping) and all(k.isdigit() and type(n) is int for k, n in value.items()),
        }[wanted.kind]
        if not good:
            raise self._wrong(name, f"is {value!r}", f"Give a value of kind {wanted.kind} (kiosk/ui/README.md).")

    def atom(self, value: object, under: str = "") -> str:
        """Return the wording of one value; `under` is the prefix of names."""
        if isinstance(value, Money):
            if self._hide:
                return HIDDEN
            return self.words.spoken_money(value) if self._spoken else self.words.money(value)
        if isinstance(value, date):
            return self.words.date(value)
        if isinstance(value, str):
            return self.words.text(self.words.word(under, value), self.texts) if under else value
        if type(value) is int:
            return self.words.number(value)
        return str(value)

    def has(self, name: str) -> bool:
        return not name or bool(self.texts.get(name)) or bool(self.raw.get(name))

    def text(self, id_: str, count: str = "") -> str:
        """Return the wording of a text id, or of the value behind ``@name`` (empty when that is missing)."""
        if id_.startswith("@"):
            return self.texts.get(id_[1:], "")
        number = self.raw.get(count) if count else None
        return self.words.text(id_, self.texts, number if isinstance(number, int) else None)

    def options(self, name: str) -> tuple[Option, ...]:
        value = self.raw.get(name, ())
        return tuple(item for item in value if isinstance(item, Option)) if isinstance(value, tuple) else ()

    def label(self, option: Option) -> str:
        """Return an option's wording; empty if it shows by its notes alone."""
        if isinstance(option.label, str) and option.label:
            details = {name: self.atom(value) for name, value in option.details.items()}
            return self.words.text(option.label, {**self.texts, **details})
        return "" if option.label in ("", None) else self.atom(option.label)

    def why_not(self, option: Option) -> str:
        return self.words.text(self.words.word("why_not", option.why_not)) if option.why_not else ""

    def picks(self, name: str) -> tuple[tuple[int, int], ...]:
        value = self.raw.get(name)
        return picks_of(value) if isinstance(value, Mapping) else ()

    def money(self, name: str) -> Money | None:
        value = self.raw.get(name)
        return value if isinstance(value, Money) else None

    def lines(self, name: str) -> tuple[str, ...]:
        value = self.raw.get(name, ())
        return tuple(str(item) for item in value) if isinstance(value, tuple) else ()

    def count(self, name: str, otherwise: int = 0) -> int:
        value = self.raw.get(name)
        return value if type(value) is int else otherwise


def picks_of(details: Mapping[str, object]) -> tuple[tuple[int, int], ...]:
    """Return the notes that a mapping tells (denomination in minor units -> notes), largest first."""
    found = [(int(key), count) for key, count in details.items() if key.isdigit() and type(count) is int and count]
    return tuple(sorted(found, reverse=True))
