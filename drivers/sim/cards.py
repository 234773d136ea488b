"""Cards as people hold them: what a head can find on the stripe, and a chip that knows a few answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@runtime_checkable
class Chip(Protocol):
    """What a reader finds under its contacts: `protocol` is ``"0"`` (T=0) or ``"1"`` (T=1)."""

    atr: bytes
    protocol: str

    def reset(self) -> bytes:
        """Start anew, cold or warm; return the answer to reset."""
        ...

    def exchange(self, apdu: bytes) -> bytes:
        """Answer a command APDU: data and the status bytes SW1 SW2."""
        ...


@dataclass(slots=True)
class SimChip:
    """A chip that knows a few answers: APDU prefix in hex to answer in hex; anything else is 6D00."""

    atr: bytes = b"\x3b\x02\x14\x50"
    answers: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "0"

    def reset(self) -> bytes:
        return self.atr

    def exchange(self, apdu: bytes) -> bytes:
        asked = apdu.hex()
        known = [prefix for prefix in self.answers if asked.startswith(prefix.lower())]
        return bytes.fromhex(self.answers[max(known, key=len)]) if known else b"\x6d\x00"


@dataclass(slots=True)
class MagneticCard:
    """A card in somebody's hand. Tracks are the characters without sentinels; None is a blank stripe.

    `length`: ``"normal"``, ``"long"`` or ``"short"``. `wrong_way`: pushed in so that the stripe is not
    under the head.
    """

    track1: str | None = field(default=None, repr=False)
    track2: str | None = field(default=None, repr=False)
    track3: str | None = field(default=None, repr=False)
    chip: Chip | None = field(default=None, repr=False)
    length: str = "normal"
    wrong_way: bool = False
    label: str = ""

    def __post_init__(self) -> None:
        if self.length not in ("normal", "long", "short"):
            raise ValueError(f"a card is normal, long or short, not {self.length!r}")
        if not self.label:
            pan = (self.track2 or "").partition("=")[0]
            self.label = f"card ...{pan[-4:]}" if len(pan) >= 12 else "card"

    @property
    def tracks(self) -> dict[int, str]:
        """What the head can find."""
        if self.wrong_way:
            return {}
        found = {1: self.track1, 2: self.track2, 3: self.track3}
        return {track: text for track, text in found.items() if text}

    def write(self, track: int, text: str) -> None:
        setattr(self, f"track{track}", text)


def card_from(made_of: Mapping[str, object]) -> MagneticCard:
    """Make a card of texts, as a page or a scenario hands them over."""
    chip = made_of.get("chip")
    unknown = set(made_of) - {"track1", "track2", "track3", "length", "chip", "label"}
    if unknown:
        raise ValueError(f"a card is made of tracks, length, chip and label, not {sorted(unknown)}")
    track1, track2, track3 = (
        str(made_of[name]) if made_of.get(name) else None for name in ("track1", "track2", "track3")
    )
    return MagneticCard(
        track1=track1,
        track2=track2,
        track3=track3,
        chip=chip if isinstance(chip, Chip) else SimChip() if chip else None,
        length=str(made_of.get("length", "normal")),
        label=str(made_of.get("label", "")),
    )
