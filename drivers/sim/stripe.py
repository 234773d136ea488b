"""Magnetic tracks as a head finds them: cells of one bit, characters with parity, sentinels, LRC.

    zeros  SS  characters ...  ES  LRC  zeros          each character lowest bit first, then its parity bit

A track is a text of cells: ``"0"``, ``"1"``, and ``"~"`` where a flux change came at the wrong time. The head
reads what is there; so each read error has its cause on the stripe (`KINDS`), and none has to be made up.

Source: ISO/IEC 7811-2 (tracks 1 and 2) and ISO/IEC 4909 (track 3); OMRON, Data Transmission Specifications
3S4YR-MVFW(DL)-0** Series, Rev A4 (the defaults, and that they can be changed).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import xor
from typing import Final

LEAD_CELLS: Final = 12


@dataclass(frozen=True, slots=True)
class Encoding:
    """`bits` of a character, parity among them. `base` is the code of its all-zero character."""

    bits: int
    odd: bool
    base: int
    start: str
    end: str = "?"

    def value(self, character: str) -> int | None:
        """Return the bits of `character` without parity; None if it cannot be written so."""
        value = ord(character) - self.base
        return value if 0 <= value < 1 << (self.bits - 1) else None

    def cells(self, value: int) -> str:
        data = "".join(str(value >> bit & 1) for bit in range(self.bits - 1))
        return data + str((value.bit_count() & 1) ^ self.odd)


ISO: Final = {1: Encoding(7, True, 0x20, "%"), 2: Encoding(5, True, 0x30, ";"), 3: Encoding(5, True, 0x30, ";")}
"""The standard encodings by track."""

KINDS: Final = {
    "no start": "40",
    "no end": "41",
    "parity": "42",
    "lrc": "43",
    "erased": "44",
    "empty": "45",
    "jitter": "46",
}
"""What may be wrong with a track, and how a reader then calls it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a head made of a track: `result` ``"00"`` or one of the codes of `KINDS`."""

    result: str
    text: str = ""
    lrc: str = ""


def written(text: str, encoding: Encoding, lead: int = LEAD_CELLS) -> str:
    """Return the cells of `text` with sentinels and LRC. Raises ValueError for a character that has no bits."""
    values = [encoding.value(character) for character in f"{encoding.start}{text}{encoding.end}"]
    if None in values:
        raise ValueError("a character cannot be written in this encoding")
    numbers = [value for value in values if value is not None]
    groups = _groups(encoding)
    body = "".join(groups[value] for value in [*numbers, reduce(xor, numbers)])
    return "0" * lead + body + "0" * LEAD_CELLS


def spoiled(cells: str, encoding: Encoding, kind: str) -> str:
    """Return a track as damage of `kind` leaves it. Raises ValueError for a kind that is none."""
    size = encoding.bits
    first = ord(encoding.start) - encoding.base
    start = cells.find(encoding.cells(first))
    last = len(cells) - LEAD_CELLS - size  # the LRC
    if kind == "erased":
        return "0" * len(cells)
    if kind == "no start":
        return cells[:start] + encoding.cells(first ^ 1) + cells[start + size :]  # another character stands there
    if kind == "no end":
        return cells[: last - size] + "0" * (len(cells) - last + size)
    if kind == "empty":
        return written("", encoding)
    if kind == "parity":
        at = start + 2 * size - 1  # the parity bit of the first character
        return cells[:at] + _other(cells[at]) + cells[at + 1 :]
    if kind == "lrc":  # two bits, so that its parity is right
        return cells[:last] + _other(cells[last]) + _other(cells[last + 1]) + cells[last + 2 :]
    if kind == "jitter":
        return cells[: start + size] + "~" + cells[start + size + 1 :]
    raise ValueError(f"a track is spoiled by {', '.join(KINDS)}, not {kind!r}")


def read(cells: str, encoding: Encoding) -> Finding:
    """Return what a head finds that reads once from the left."""
    if "1" not in cells and "~" not in cells:
        return Finding(KINDS["erased"])
    if "~" in cells:
        return Finding(KINDS["jitter"])
    at = cells.find(encoding.cells(ord(encoding.start) - encoding.base))
    if at < 0 or at > cells.find("1"):
        return Finding(KINDS["no start"])
    end = ord(encoding.end) - encoding.base
    known = _values(encoding)
    values: list[int] = []
    for place in range(at, len(cells) - encoding.bits + 1, encoding.bits):
        group = cells[place : place + encoding.bits]
        value = known.get(group)
        if value is None:
            blank = "1" not in cells[place:]
            return Finding(KINDS["no end" if blank else "parity"])
        values.append(value)
        if len(values) > 1 and values[-2] == end:
            break
    if len(values) < 2 or values[-2] != end:
        return Finding(KINDS["no end"])
    if reduce(xor, values):
        return Finding(KINDS["lrc"])
    if len(values) == 3:
        return Finding(KINDS["empty"])
    text = "".join(chr(encoding.base + value) for value in values[1:-2])
    return Finding("00", text, chr(encoding.base + values[-1]))


@lru_cache(maxsize=8)
def _groups(encoding: Encoding) -> list[str]:
    """Return the cells of each value."""
    return [encoding.cells(value) for value in range(1 << (encoding.bits - 1))]


@lru_cache(maxsize=8)
def _values(encoding: Encoding) -> dict[str, int]:
    """Return what each group of cells with right parity means."""
    return {cells: value for value, cells in enumerate(_groups(encoding))}


def _other(cell: str) -> str:
    return "0" if cell == "1" else "1"
