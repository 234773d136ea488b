"""Wording: gettext catalogues, and money, numbers and dates as a locale writes them.

Text ids are readable keys (``"enter_pin.title"``); both catalogues word every one of them, and a missing one is an
error, never a key on a screen. The `.po` files are compiled in memory when a locale is first used. Placeholders are
``{names}``. A text with plural forms has the same key as `msgid` and `msgid_plural`.
"""

from __future__ import annotations

import gettext
import string
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal

from kiosk.money import CURRENCIES, Money, minor_per_major
from kiosk.ui.screens import ScreenError

LOCALES: Final = Path(__file__).parent / "locales"
# View.locale -> Babel's name, how the language calls itself, the money pattern of a screen (CLDR number pattern)
LANGUAGES: Final = {
    "zh-CN": ("zh_CN", "中文", "¤#,##0.00"),
    "en": ("en", "English", "¤¤\u00a0#,##0.00"),
}
HIDDEN: Final = "••••"


class Words:
    """The wording of one locale. Not for several threads at once."""

    def __init__(self, locale: str, folder: Path = LOCALES) -> None:
        if locale not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise ScreenError(f"locale {locale!r}", "it is not offered", f"Offered are {known} (kiosk/ui/words.py).")
        self.locale = locale
        name, _, self._pattern = LANGUAGES[locale]
        self._babel = Locale.parse(name)
        self.path = folder / name / "LC_MESSAGES" / "kiosk.po"
        catalog = read_catalogue(self.path)
        self.ids: Mapping[str, frozenset[str]] = {
            _key(message.id): frozenset(
                name for text in _forms(message.string) for _, name, _, _ in string.Formatter().parse(text) if name
            )
            for message in catalog
            if message.id and all(_forms(message.string)) and not message.fuzzy
        }
        compiled = BytesIO()
        write_mo(compiled, catalog)
        compiled.seek(0)
        self._gettext = gettext.GNUTranslations(compiled)

    def text(self, id_: str, values: Mapping[str, object] | None = None, count: int | None = None) -> str:
        """Return the wording of `id_` with its placeholders filled from `values` (texts already worded).

        `count` chooses the plural form. Raises `ScreenError` for an unknown id or a placeholder without value.
        """
        if id_ not in self.ids:
            raise ScreenError(str(self.path), f"no wording for {id_!r}", f'Add msgid "{id_}" with its msgstr.')
        raw = self._gettext.gettext(id_) if count is None else self._gettext.ngettext(id_, id_, count)
        try:
            return raw.format_map({} if values is None else values)
        except (KeyError, IndexError) as error:
            raise ScreenError(
                str(self.path), f"{id_!r} wants the value {error}", "Give it in the view, or reword the text."
            ) from error

    def word(self, under: str, name: str) -> str:
        """Return the text id of a name that came as a value: ``reason.x`` for ``x``, itself if it has a dot."""
        return name if "." in name else f"{under}.{name}"

    def names(self, under: str) -> set[str]:
        """Return the names that have a wording under a prefix: what a value of kind ``word:<under>`` may be."""
        return {id_.removeprefix(under + ".") for id_ in self.ids if id_.startswith(under + ".")}

    def money(self, money: Money) -> str:
        """Return an amount for screen and paper; whole amounts without zeros (``¥500``, ``CNY 500``)."""
        return self._money(money, self._pattern)

    def _money(self, money: Money, pattern: str) -> str:
        major = Decimal(money.minor) / minor_per_major(money.currency)
        whole = money.minor % minor_per_major(money.currency) == 0
        digits = "" if whole else "." + "0" * CURRENCIES[money.currency][1]
        return str(
            format_currency(
                major, money.currency, pattern.replace(".00", digits), locale=self._babel, currency_digits=False
            )
        )

    def spoken_money(self, money: Money) -> str:
        """Return an amount in words a voice can say (``500 yuan``)."""
        amount = self._money(money, "#,##0.00")
        if f"spoken.{money.currency}" in self.ids:
            return self.text(f"spoken.{money.currency}", {"amount": amount})
        return f"{amount} {self._babel.currencies.get(money.currency, money.currency)}"

    def number(self, number: int) -> str:
        return str(format_decimal(number, locale=self._babel))

    def date(self, day: date) -> str:
        """Return a date, or a date with its time, in the locale's medium form."""
        if isinstance(day, datetime):
            return str(format_datetime(day, "medium", locale=self._babel))
        return str(format_date(day, "medium", locale=self._babel))


def read_catalogue(path: Path) -> Catalog:
    """Return the catalogue of a `.po` file. Raises `ScreenError` if it is missing or broken."""
    try:
        with path.open("rb") as stream:
            return read_po(stream, abort_invalid=True)
    except OSError as error:
        raise ScreenError(str(path), f"the catalogue cannot be read ({error})", "Restore it.") from error
    except ValueError as error:
        raise ScreenError(str(path), f"the catalogue is broken ({error})", "Mend the line named above.") from error


@lru_cache(maxsize=8)
def words_of(locale: str) -> Words:
    """Return the (shared) wording of a locale."""
    return Words(locale)


def _key(id_: object) -> str:
    return str(id_[0]) if isinstance(id_, tuple | list) else str(id_)


def _forms(texts: object) -> list[str]:
    return [str(text) for text in texts] if isinstance(texts, tuple | list) else [str(texts)]
