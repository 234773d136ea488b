"""How a chip speaks: what a card may do within the rules, and a reader has to bear."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """`byte_by_byte`: a T=0 card that takes and gives each byte with a procedure byte of its own. `nulls`: NULL
    bytes it sends before what it says. `extensions`: how often a T=1 card asks for waiting time. `inf_max`: what
    a block to it may carry. `refuses_selection`: it is silent to a protocol selection.
    """

    byte_by_byte: bool = False
    nulls: int = 0
    extensions: int = 0
    inf_max: int = 254
    refuses_selection: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.inf_max <= 254:
            raise ValueError(f"a block carries 1 to 254 bytes, not {self.inf_max}")
