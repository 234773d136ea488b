"""Cards as people hold them: what a head can find on the stripe, and a chip that knows a few answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from drivers.sim.chip_apdu import ApduFront
from drivers.sim.chip_card import SimChipCard
from drivers.sim.chip_manners import Manners
from drivers.sim.stripe import ISO, KINDS, Encoding


@runtime_checkable
class Chip(Protocol):
    """What a reader finds under its contacts. `atr` tells the protocols it speaks, `manners` how it speaks them."""

    atr: bytes
    manners: Manners

    def reset(self) -> bytes:
        """Start anew, cold or warm; return the answer to reset."""
        ...

    def speaks(self, protocol: int) -> None:
        """Be told which protocol was agreed: 0 or 1."""
        ...

    def exchange(self, apdu: bytes) -> bytes:
        """Answer a command APDU: data and the status bytes SW1 SW2."""
        ...


class SimChip:
    """A chip that knows a few answers: APDU prefix in hex to answer in hex; anything else is 6D00."""

    def __init__(
        self,
        atr: bytes = b"\x3b\x02\x14\x50",
        answers: Mapping[str, str] | None = None,
        manners: Manners | None = None,
    ) -> None:
        self.atr = atr
        self.answers = dict(answers or {})
        self.manners = manners or Manners()
        self._front = ApduFront(self._answer)
        self._protocol = 0

    def reset(self) -> bytes:
        self._front.reset()
        return self.atr

    def speaks(self, protocol: int) -> None:
        self._protocol = protocol

    def exchange(self, apdu: bytes) -> bytes:
        return self._front.exchange(apdu, at_once=self._protocol == 1)

    def _answer(self, head: bytes, data: bytes) -> bytes:
        asked = (head + bytes((len(data) & 0xFF,)) + data if data else head).hex()
        known = [prefix for prefix in self.answers if asked.startswith(prefix.lower())]
        return bytes.fromhex(self.answers[max(known, key=len)]) if known else b"\x6d\x00"


@dataclass(slots=True)
class MagneticCard:
    """A card in somebody's hand. Tracks are the characters without sentinels; None is a blank stripe.

    `length`: ``"normal"``, ``"long"`` or ``"short"``. `wrong_way`: pushed in so that the stripe is not
    under the head. `damage`: what is wrong with a track, as in `stripe.KINDS`. `cleans`: a cleaning card.
    `encodings`: what each track is written in.
    """

    track1: str | None = field(default=None, repr=False)
    track2: str | None = field(default=None, repr=False)
    track3: str | None = field(default=None, repr=False)
    chip: Chip | None = field(default=None, repr=False)
    length: str = "normal"
    wrong_way: bool = False
    label: str = ""
    damage: dict[int, str] = field(default_factory=dict)
    cleans: bool = False
    encodings: dict[int, Encoding] = field(default_factory=lambda: dict(ISO))

    def __post_init__(self) -> None:
        if self.length not in ("normal", "long", "short"):
            raise ValueError(f"a card is normal, long or short, not {self.length!r}")
        if strange := set(self.damage.values()) - set(KINDS):
            raise ValueError(f"a stripe is damaged by {', '.join(KINDS)}, not {sorted(strange)}")
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

    def write(self, track: int, text: str, encoding: Encoding) -> None:
        setattr(self, f"track{track}", text)
        self.encodings[track] = encoding


def card_from(made_of: Mapping[str, object]) -> MagneticCard:
    """Make a card of texts, as a page or a scenario hands them over.

    `chip`: a `Chip`, or ``"T=0"``, ``"T=1"``, ``"both"`` for a payment card, or anything true for a bare chip.
    """
    known = {"track1", "track2", "track3", "length", "chip", "label", "cleans"}
    if unknown := set(made_of) - known:
        raise ValueError(f"a card is made of {', '.join(sorted(known))}, not {sorted(unknown)}")
    track1, track2, track3 = (
        str(made_of[name]) if made_of.get(name) else None for name in ("track1", "track2", "track3")
    )
    return MagneticCard(
        track1=track1,
        track2=track2,
        track3=track3,
        chip=_chip(made_of.get("chip")),
        length=str(made_of.get("length", "normal")),
        label=str(made_of.get("label", "")),
        cleans=made_of.get("cleans") in (True, "true", "yes"),
    )


def _chip(made_of: object) -> Chip | None:
    if isinstance(made_of, Chip):
        return made_of
    protocols = {"T=0": "0", "T=1": "1", "both": "01"}.get(str(made_of))
    if protocols is not None:
        return SimChipCard(protocol=protocols)
    return SimChip() if made_of else None
