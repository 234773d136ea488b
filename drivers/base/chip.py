"""The words a chip behind a card reader is spoken to in, and answers in (XFS4IoT ChipPower, ChipIO).

An APDU and its answer may carry the card number and the PIN, so both are secrets: they print masked, and the
service that speaks to the chip reveals them where it does.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.secrets import Secret
from drivers.base.vocabulary import Command, Result


class ChipBytes(Secret):
    """An APDU or its answer, hex: it may carry the card number."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipPower(Command):
    """Switch the chip: ``"cold"``, ``"warm"`` or ``"off"``. `protocol` is what to choose where a card offers
    both: ``"chipT0"``, ``"chipT1"``, or None for the one it names first.
    """

    verb = "chip_power"
    action: str
    protocol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipPowerResult(Result):
    """`atr`: the answer to reset. `protocol`: ``"chipT0"`` or ``"chipT1"``, None until it is agreed."""

    verb = "chip_power"
    atr: bytes = b""
    protocol: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipIO(Command):
    """Exchange one APDU; `protocol` as `ChipPowerResult` told it.

    `whole`: over T=0 fetch an answer that waits (61xx) and ask again with the right length (6Cxx), so that the
    answer is the one that T=1 would give; without it the status words come as the card says them.
    """

    verb = "chip_io"
    apdu: ChipBytes
    protocol: str = "chipT0"
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipIOResult(Result):
    """`answer`: data and the status words SW1 SW2. UNKNOWN: the card may have carried the command out."""

    verb = "chip_io"
    answer: ChipBytes | None = None
