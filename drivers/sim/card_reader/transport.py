"""The mechanics: mouth, shutter, transport, rear bin, and the card that is somewhere in them.

Knows nothing of commands. What goes wrong in a motion is told as a `Trouble`; whether that stops the reader is
decided elsewhere. A card that jams stays where it is until the motion is tried again.
"""

from __future__ import annotations

from typing import Final

from drivers.sim.armed import ArmedFaults
from drivers.sim.card_reader.trouble import Trouble
from drivers.sim.cards import MagneticCard

COUNTER_MAX: Final = 1_000
PLACES: Final = ("none", "exit", "entering", "inside", "read start", "jammed")
_FAULTS: Final = (
    ("shutter_fail", Trouble.SHUTTER),
    ("sensor_fail", Trouble.SENSOR),
    ("motor_fail", Trouble.MOTOR),
    ("encoder_fail", Trouble.ENCODER),
)


class Transport:
    """What survives a power cut: the card and its place, the bin, the counter."""

    def __init__(self, armed: ArmedFaults, captured: int) -> None:
        self._armed = armed
        self.card: MagneticCard | None = None
        self.place = "none"
        self.held = False  # somebody's fingers are on the card at the mouth
        self.half_out = False  # it was pulled out of the rollers and hangs in the mouth
        self.shutter_open = False
        self.bin: list[MagneticCard] = []
        self.taken: list[MagneticCard] = []
        self.captured = captured
        self.cleaned = 0
        self.heads_dirty = False

    @property
    def holds_card(self) -> bool:
        """Whether a card is where heads and contacts can reach it."""
        return self.card is not None and self.place in ("inside", "read start")

    def goes_wrong(self, at: str) -> Trouble | None:
        """Return what a motion at `at` (intake, eject, capture, reset) meets, if anything."""
        jam = self._armed.look("jam")
        if jam is not None and jam.get("at", at) == at and self._armed.fires("jam") is not None:
            return Trouble.JAM
        return next((trouble for fault, trouble in _FAULTS if self._armed.fires(fault) is not None), None)

    def grip(self, card: MagneticCard) -> None:
        """The rollers have a card that somebody pushed in."""
        self.card, self.place = card, "entering"

    def draw_in(self) -> Trouble | None:
        """The card has arrived inside, or jams on the way."""
        self.shutter_open = False
        trouble = self.goes_wrong("intake")
        self.place = "inside" if trouble is None else "jammed"
        return trouble

    def offer(self) -> None:
        self.place = "exit"
        self.shutter_open = True

    def capture(self) -> Trouble | None:
        """Send the card to the rear bin."""
        if self._armed.fires("capture_fails") is not None:
            self.place = "jammed"
            return Trouble.JAM_AT_REAR
        assert self.card is not None
        self.bin.append(self.card)
        self.captured = (self.captured + 1) % COUNTER_MAX
        self.leave()
        return None

    def take(self) -> None:
        """A hand has the card."""
        assert self.card is not None
        self.taken.append(self.card)
        self.leave()

    def leave(self) -> None:
        self.card, self.place = None, "none"
        self.held = self.half_out = False
        self.shutter_open = False

    def clean(self, card: MagneticCard) -> None:
        """A card was drawn over the heads and back."""
        if card.cleans:
            self.cleaned += 1
            self.heads_dirty = False
