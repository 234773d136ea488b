"""How long a unit takes, and what the protocol note leaves open and a unit decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ENDS: Final = {"H": "hold", "R": "return", "C": "capture"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long the mechanics take. A character on the chip's contacts takes 12 units of 1/9600 s."""

    reset_ms: int = 400
    intake_ms: int = 800
    read_ms: int = 600
    eject_ms: int = 700
    capture_ms: int = 1_100
    write_ms: int = 1_500
    clean_ms: int = 4_000
    contacts_ms: int = 150
    chip_reset_ms: int = 250
    chip_think_ms: int = 40
    logic_ms: int = 10
    load_ms: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What the note does not say; see drivers/card_reader/README.md.

    `combined_ends`: what the combined commands B to I do with the card at the end, a letter of `ENDS` each.
    `combined_moves_on`: they do so too when the track was not read or written. `fetches`: the reader itself gets
    what a T=0 card keeps waiting (61xx, 6Cxx). `releases`: a command that moves the card lifts the contacts by itself;
    else it is a wrong sequence while they are down. `empties_with_04`: initial reset 04 returns a card of wrong length;
    any other card makes it a wrong sequence. `ports`: how many there are. `port_unit_ms`: one step of a port's time.
    """

    combined_ends: str = "HRCHRCHR"
    combined_moves_on: bool = True
    fetches: bool = False
    releases: bool = True
    empties_with_04: bool = True
    ports: int = 4
    port_unit_ms: int = 100

    def __post_init__(self) -> None:
        if len(self.combined_ends) != 8 or set(self.combined_ends) - set(ENDS):
            raise ValueError(f"combined_ends is eight letters of {', '.join(ENDS)}, not {self.combined_ends!r}")
        if not 1 <= self.ports <= 9:
            raise ValueError("a reader has 1 to 9 ports")
