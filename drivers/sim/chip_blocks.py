"""Blocks of T=1: bytes to meaning and back. Both ends of the contact share this and nothing else.

    block = NAD PCB LEN INF(LEN) LRC          LRC makes the XOR of all bytes zero

    PCB   0 N M 00000     I: N(S) = N, M more of the chain follows
          100 N 00 ee     R: N(R) = N is expected next, ee 00 no error, 01 LRC, 10 other
          11 q kkkkk      S: q 0 request, 1 response; k 0 RESYNCH, 1 IFS, 2 ABORT, 3 WTX

A block has no opening mark. A receiver that lost its place finds it again by silence only: after a damaged
block `BlockReader` is deaf until `reset`, which whoever keeps the time calls.

Source: ISO/IEC 7816-3:2006, 11.3 and 11.6; EMV Book 1, 9.2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.base.framing import bcc

INF_MAX: Final = 254
_OVERHEAD: Final = 4


class Kind(Enum):
    I = "I"  # noqa: E741 - the letters of the standard
    R = "R"
    RESYNCH_REQUEST = "S(RESYNCH request)"
    IFS_REQUEST = "S(IFS request)"
    ABORT_REQUEST = "S(ABORT request)"
    WTX_REQUEST = "S(WTX request)"
    RESYNCH_RESPONSE = "S(RESYNCH response)"
    IFS_RESPONSE = "S(IFS response)"
    ABORT_RESPONSE = "S(ABORT response)"
    WTX_RESPONSE = "S(WTX response)"


_SUPERVISORY: Final = {
    0xC0: Kind.RESYNCH_REQUEST, 0xC1: Kind.IFS_REQUEST, 0xC2: Kind.ABORT_REQUEST, 0xC3: Kind.WTX_REQUEST,
    0xE0: Kind.RESYNCH_RESPONSE, 0xE1: Kind.IFS_RESPONSE, 0xE2: Kind.ABORT_RESPONSE, 0xE3: Kind.WTX_RESPONSE,
}  # fmt: skip
_PCB: Final = {kind: pcb for pcb, kind in _SUPERVISORY.items()}
_INF_OF: Final = {"IFS": 1, "WTX": 1, "RESYNCH": 0, "ABORT": 0}
RESPONSE_TO: Final = {
    kind: _SUPERVISORY[pcb | 0x20] for pcb, kind in _SUPERVISORY.items() if not pcb & 0x20
}
"""What each supervisory request is answered with."""


class Damage(Enum):
    """What is wrong with a block, as an R-block tells it."""

    LRC = 1
    OTHER = 2


@dataclass(frozen=True, slots=True)
class Block:
    """One block. `number` is N(S) of an I-block, N(R) of an R-block; `error` is that of an R-block, 0 to 2."""

    kind: Kind
    inf: bytes = b""
    number: int = 0
    more: bool = False
    error: int = 0
    nad: int = 0

    @property
    def pcb(self) -> int:
        if self.kind is Kind.I:
            return self.number << 6 | self.more << 5
        if self.kind is Kind.R:
            return 0x80 | self.number << 4 | self.error
        return _PCB[self.kind]


def encode(block: Block) -> bytes:
    """Return the bytes of `block`. Raises LocalProtocolError for more INF than a block carries."""
    if len(block.inf) > INF_MAX:
        raise LocalProtocolError(f"a block carries at most {INF_MAX} bytes, not {len(block.inf)}")
    body = bytes((block.nad, block.pcb, len(block.inf))) + block.inf
    return body + bytes((bcc(body),))


def parse(data: bytes) -> Block:
    """Return the block that `data` is. Raises RemoteProtocolError if it is not exactly one good block."""
    if len(data) < _OVERHEAD or data[2] > INF_MAX or len(data) != data[2] + _OVERHEAD:
        raise RemoteProtocolError(f"{len(data)} bytes are no block")
    if bcc(data):
        raise RemoteProtocolError("LRC")
    nad, pcb, inf = data[0], data[1], data[3:-1]
    if nad & 0x88:
        raise RemoteProtocolError(f"NAD {nad:02X} asks for a programming voltage")
    if not pcb & 0x80:
        if pcb & 0x1F:
            raise RemoteProtocolError(f"PCB {pcb:02X} is none of an I-block")
        return Block(Kind.I, inf, pcb >> 6 & 1, bool(pcb & 0x20), nad=nad)
    if not pcb & 0x40:
        if pcb & 0x2C or pcb & 0x03 == 3 or inf:
            raise RemoteProtocolError(f"PCB {pcb:02X} is none of an R-block")
        return Block(Kind.R, b"", pcb >> 4 & 1, error=pcb & 3, nad=nad)
    kind = _SUPERVISORY.get(pcb)
    if kind is None or len(inf) != _INF_OF[kind.value[2:].split(maxsplit=1)[0]]:
        raise RemoteProtocolError(f"PCB {pcb:02X} with {len(inf)} bytes is no S-block")
    if kind in (Kind.IFS_REQUEST, Kind.IFS_RESPONSE) and not 1 <= inf[0] <= INF_MAX:
        raise RemoteProtocolError(f"an information field of {inf[0]} bytes")
    return Block(kind, inf, nad=nad)


class BlockReader:
    """Cuts a stream into blocks. `discarded` counts bytes that belonged to none."""

    __slots__ = ("_deaf", "_pending", "discarded")

    def __init__(self) -> None:
        self._pending = b""
        self._deaf = False
        self.discarded = 0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is half received and the next byte begins a block."""
        return not self._pending and not self._deaf

    def reset(self) -> None:
        """The line has been silent: what comes next begins a block."""
        self.discarded += len(self._pending)
        self._pending, self._deaf = b"", False

    def feed(self, data: bytes) -> list[Block | Damage]:
        """Take bytes in any pieces; return what is complete. Nothing comes behind a damage until `reset`."""
        if self._deaf:
            self.discarded += len(data)
            return []
        self._pending += data
        found: list[Block | Damage] = []
        while len(self._pending) >= 3:
            length = self._pending[2] + _OVERHEAD
            if self._pending[2] <= INF_MAX and len(self._pending) < length:
                break
            raw = self._pending[:length]
            try:
                found.append(parse(raw))
            except RemoteProtocolError as error:
                self.discarded += len(self._pending)
                self._pending, self._deaf = b"", True
                found.append(Damage.LRC if str(error) == "LRC" else Damage.OTHER)
                break
            self._pending = self._pending[length:]
        return found
