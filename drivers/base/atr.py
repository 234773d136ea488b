"""The answer to reset of a chip: what a card says of itself before anything is asked.

    TS T0 [TA1 TB1 TC1 TD1] [TA2 ...] historical bytes [TCK]

The high half of T0 and of each TDi tells which of TA, TB, TC, TD come next; the low half of T0 counts the
historical bytes, that of TDi names a protocol. TCK is there unless T=0 is the only protocol; XOR from T0 to TCK
is zero. So the answer says by itself where it ends, and `AtrReader` takes it from a stream.

Both a driver and a simulator read with this: it is the card's language and no device's.

Source: ISO/IEC 7816-3:2006, 8.2; EMV Book 1, 8.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.base.errors import RemoteProtocolError
from drivers.base.framing import bcc

DIRECT, INVERSE = 0x3B, 0x3F
CHARACTERS_MAX: Final = 32  # behind TS
IFSC_DEFAULT: Final = 32
_LETTERS: Final = ("A", "B", "C", "D")


@dataclass(frozen=True, slots=True)
class Atr:
    """An answer to reset. `interface`: ``"TA1"`` to its byte. `protocols`: as offered, T=0 if none is named."""

    raw: bytes
    interface: Mapping[str, int]
    protocols: tuple[int, ...]
    historical: bytes

    @property
    def specific(self) -> int | None:
        """The one protocol that a card in specific mode (TA2) speaks; None when it may be chosen."""
        byte = self.interface.get("TA2")
        return None if byte is None else byte & 0x0F

    @property
    def negotiable(self) -> bool:
        """Whether a protocol selection is of use: several protocols, or a speed other than the default."""
        return self.specific is None and (len(self.protocols) > 1 or self.interface.get("TA1", 0x11) != 0x11)

    def _of_t1(self, letter: str) -> int | None:
        """Return the first interface byte that is specific to T=1: behind the TD that names it, from TD2 on."""
        level = 2
        while (named := self.interface.get(f"TD{level}")) is not None:
            if named & 0x0F == 1:
                return self.interface.get(f"T{letter}{level + 1}")
            level += 1
        return None

    @property
    def ifsc(self) -> int:
        """How many bytes a T=1 block to the card may carry."""
        return self._of_t1("A") or IFSC_DEFAULT

    @property
    def uses_crc(self) -> bool:
        """Whether T=1 blocks end in a CRC of two bytes and not in an LRC."""
        return bool((self._of_t1("C") or 0) & 1)


class AtrReader:
    """Takes an answer to reset from a stream; bytes before its TS are counted in `discarded`."""

    __slots__ = ("_checks_tck", "_pending", "discarded")

    def __init__(self, *, checks_tck: bool = True) -> None:
        self._checks_tck = checks_tck
        self._pending = b""
        self.discarded = 0

    @property
    def at_rest(self) -> bool:
        return not self._pending

    def reset(self) -> None:
        """Give up what is half received."""
        self.discarded += len(self._pending)
        self._pending = b""

    def feed(self, data: bytes) -> Atr | None:
        """Take bytes in any pieces; return the answer when it is whole. What stands behind it waits.

        Raises RemoteProtocolError for one that contradicts itself; its TS is then given up.
        """
        pending = self._pending + data
        starts = [at for at in (pending.find(DIRECT), pending.find(INVERSE)) if at >= 0]
        if not starts:
            self.discarded += len(pending)
            self._pending = b""
            return None
        self.discarded += min(starts)
        self._pending = pending[min(starts) :]
        try:
            length = _length(self._pending)
            if length is None or length > len(self._pending):
                return None
            atr = read_atr(self._pending[:length], checks_tck=self._checks_tck)
        except RemoteProtocolError:
            self.discarded += 1
            self._pending = self._pending[1:]
            raise
        self._pending = self._pending[length:]
        return atr


def read_atr(data: bytes, *, checks_tck: bool = True) -> Atr:
    """Return what `data` says, which is one whole answer. Raises RemoteProtocolError for anything else."""
    if data[:1] not in (b"\x3b", b"\x3f"):
        raise RemoteProtocolError("an answer to reset begins with 3B or 3F")
    length = _length(data)
    if length is None or length != len(data):
        raise RemoteProtocolError(f"an answer to reset of {length or 'more'} bytes, not {len(data)}")
    interface, protocols, at = _interface(data)
    historical = data[at : at + (data[1] & 0x0F)]
    checked = any(byte & 0x0F for name, byte in interface.items() if name.startswith("TD"))
    if checked and checks_tck and bcc(data[1:]):
        raise RemoteProtocolError("the check character TCK is wrong")
    return Atr(data, interface, protocols, historical)


def _interface(data: bytes) -> tuple[dict[str, int], tuple[int, ...], int]:
    """Return the interface bytes, the protocols, and where the historical bytes begin."""
    interface: dict[str, int] = {}
    protocols: list[int] = []
    told, level, at = data[1], 1, 2
    while True:
        follows = None
        for bit, letter in enumerate(_LETTERS):
            if told & (0x10 << bit):
                interface[f"T{letter}{level}"] = data[at]
                follows = data[at] if letter == "D" else None
                at += 1
        if follows is None:
            return interface, tuple(dict.fromkeys(protocols)) or (0,), at
        if follows & 0x0F != 15:  # 15 names no protocol: global interface bytes follow
            protocols.append(follows & 0x0F)
        told, level = follows, level + 1


def _length(data: bytes) -> int | None:
    """Return how long the answer in `data` is, None when more is needed to know."""
    if len(data) < 2:
        return None
    told, at, checked = data[1], 2, False
    while True:
        count = (told >> 4).bit_count()
        last = at + count - 1
        if not told & 0x80:
            length = at + count + (data[1] & 0x0F) + checked
            if length > CHARACTERS_MAX + 1:
                raise RemoteProtocolError(f"an answer to reset of {length} characters, at most {CHARACTERS_MAX + 1}")
            return length
        if last > CHARACTERS_MAX:
            raise RemoteProtocolError("an answer to reset without end")
        if last >= len(data):
            return None
        told, at = data[last], last + 1
        checked = checked or told & 0x0F != 0
