"""Values that mask themselves: card numbers, tracks and PIN blocks.

A secret's `str`, `repr` and format are masked, so a log, a journal, a traceback or a page can only ever
show the mask. `reveal()` is the one way to the content, and `tests/house` lists who may call it.
"""

from __future__ import annotations

from typing import Final

PAN_SHOWN_HEAD: Final = 6  # PCI DSS 3.4.1: at most BIN and last four
PAN_SHOWN_TAIL: Final = 4


class Secret:
    """A text that does not print itself. Equal by content, never ordered, not picklable."""

    __slots__ = ("_content",)

    def __init__(self, content: str) -> None:
        self._content = content

    def reveal(self) -> str:
        """Return the content. Every caller is a place a reviewer looks at."""
        return self._content

    @property
    def masked(self) -> str:
        """Return what may be shown or stored."""
        return "***"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Secret) and other._content == self._content

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._content))

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked})"

    def __format__(self, spec: str) -> str:
        return format(self.masked, spec)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(f"{type(self).__name__} is not stored")


class Pan(Secret):
    """A primary account number, 12 to 19 digits. Raises ValueError for anything else."""

    __slots__ = ()

    def __init__(self, content: str) -> None:
        if not (content.isascii() and content.isdigit() and 12 <= len(content) <= 19):
            raise ValueError("a PAN has 12 to 19 digits")
        super().__init__(content)

    @property
    def masked(self) -> str:
        """Return BIN and last four, the middle as stars."""
        pan = self._content
        hidden = len(pan) - PAN_SHOWN_HEAD - PAN_SHOWN_TAIL
        return f"{pan[:PAN_SHOWN_HEAD]}{'*' * hidden}{pan[-PAN_SHOWN_TAIL:]}"

    def starts_with(self, prefixes: tuple[str, ...]) -> bool:
        """Return whether the number begins with one of the issuers' `prefixes`."""
        return self._content.startswith(prefixes)

    @property
    def last_four(self) -> str:
        """Return what a receipt shows."""
        return self._content[-PAN_SHOWN_TAIL:]


class Track2(Secret):
    """Track 2 as read, without sentinels: `PAN=YYMM...` (ISO 7813). Raises ValueError if it is not that."""

    __slots__ = ("expiry", "pan")

    def __init__(self, content: str) -> None:
        pan, separator, rest = content.replace("D", "=").partition("=")
        if separator != "=" or len(rest) < 4 or not rest[:4].isdigit():
            raise ValueError("track 2 is PAN, '=' and at least the expiry YYMM")
        self.pan = Pan(pan)
        self.expiry = rest[:4]
        super().__init__(content)

    @property
    def masked(self) -> str:
        """Return the masked PAN only."""
        return self.pan.masked


class PinBlock(Secret):
    """An encrypted PIN block as 16 or 32 hex digits. Even encrypted it is never stored (PCI DSS 3.3.1)."""

    __slots__ = ()


class ClearPin(Secret):
    """The digits a simulated person keys. Only simulators hold one; the terminal never does."""

    __slots__ = ()


class KeyBits(Secret):
    """A clear key in hex. Held by simulators, the bank and the demo profile's key store."""

    __slots__ = ()
