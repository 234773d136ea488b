"""The catalogue of texts as services ask for it (`kiosk.turn.Words`), over the one catalogue of the screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.money import Money

if TYPE_CHECKING:
    from kiosk.ui.words import Words


def _words(locale: str) -> Words:
    from kiosk.ui.words import words_of  # with Babel behind it: not before somebody reads something

    return words_of(locale)


class Catalogue:
    """Texts and amounts by language."""

    def say(self, locale: str, text: str, **values: object) -> str:
        return _words(locale).text(text, values)

    def money(self, locale: str, amount: Money) -> str:
        return _words(locale).money(amount)


def catalogue() -> Catalogue:
    """Return the catalogue of all languages."""
    return Catalogue()
