"""The catalogue of texts as services ask for it (`kiosk.turn.Words`), over the one catalogue of the screens."""

from __future__ import annotations

from kiosk.money import Money
from kiosk.ui.words import words_of


class Catalogue:
    """Texts and amounts by language."""

    def say(self, locale: str, text: str, **values: object) -> str:
        return words_of(locale).text(text, values)

    def money(self, locale: str, amount: Money) -> str:
        return words_of(locale).money(amount)


def catalogue() -> Catalogue:
    """Return the catalogue of all languages."""
    return Catalogue()
