"""The card's end of the contacts: bytes in, bytes out, by T=0 or T=1; behind it a `Chip` that knows APDUs.

    reset -> answer to reset     then, once and only before anything else, a protocol selection (PPS)
    T=0   -> header of five, procedure bytes, data, status bytes
    T=1   -> blocks: chains both ways, R-blocks that ask again, S-blocks

A card never speaks unasked: each `feed` returns what it says to that; feeding nothing lets it go on after a
NULL byte. How it says things is its `Manners`; what goes wrong inside it once is `will`.

Source: ISO/IEC 7816-3:2006, 9 (PPS), 10 (T=0), 11 (T=1).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from drivers.base.atr import Atr, read_atr
from drivers.base.errors import RemoteProtocolError
from drivers.base.framing import bcc
from drivers.sim.cards import Chip
from drivers.sim.chip_blocks import RESPONSE_TO, Block, BlockReader, Damage, Kind, encode

TAKES_DATA: Final = frozenset({0x20, 0x24, 0x82, 0x88, 0xA4, 0xA8, 0xAE, 0xD6, 0xDA, 0xDC, 0xE2})
"""Instructions that come with data: a T=0 card knows them, the header does not tell."""
NULL: Final = b"\x60"
PPS: Final = 0xFF
TROUBLES: Final = ("aborts", "says too little", "says too much")


class ChipContact:
    """A chip under the contacts, with power. `protocol` is 0 or 1 once something was said."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self.protocol: int | None = None
        self._atr: Atr | None = None
        self._trouble = ""

    def reset(self) -> bytes:
        """Cold or warm: return the answer to reset, which may be none at all."""
        raw = self._chip.reset()
        try:
            self._atr = read_atr(raw, checks_tck=False)
        except RemoteProtocolError:
            self._atr = None
        self.protocol = None
        self._selection: bytes | None = b""  # None: it is too late for one
        return raw

    def will(self, trouble: str) -> None:
        """Let the next answer of the card be wrong in itself: one of `TROUBLES`."""
        if trouble not in TROUBLES:
            raise ValueError(f"a card {', '.join(TROUBLES)}; not {trouble!r}")
        self._trouble = trouble

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the reader; return what the card says to them."""
        if self._selection is not None and data:
            if self._selection or data[0] == PPS:
                return self._select(data)
            self._selection = None
        if self.protocol is None:
            offered = self._atr.protocols if self._atr is not None else (0,)
            self._speak(offered[0])
        return self._speaker.feed(data)

    def _speak(self, protocol: int) -> None:
        self.protocol = protocol
        if protocol != 1:
            self._speaker: _T0 | _T1 = _T0(self, self._chip)
        else:
            self._speaker = _T1(self, self._chip)
        self._chip.speaks(protocol)

    def _select(self, data: bytes) -> bytes:
        """PPSS, PPS0, PPS1 to PPS3 as PPS0 says, PCK. The card echoes what it takes and is silent otherwise."""
        assert self._selection is not None
        self._selection += data
        if len(self._selection) < 2:
            return b""
        length = 3 + (self._selection[1] >> 4 & 0x07).bit_count()
        if len(self._selection) < length:
            return b""
        asked, self._selection = self._selection[:length], None
        wanted = asked[1] & 0x0F
        offered = self._atr.protocols if self._atr is not None else (0,)
        if bcc(asked) or wanted not in offered or self._chip.manners.refuses_selection:
            return b""
        self._speak(wanted)
        return asked

    def answer(self, apdu: bytes) -> bytes:
        """Let the chip answer; used by the two ways of speaking."""
        answer = self._chip.exchange(apdu)
        trouble, self._trouble = self._trouble, ""
        if trouble == "says too little":
            return answer[-1:]
        if trouble == "says too much":
            return answer + answer
        if trouble:
            self._trouble = trouble
        return answer

    def takes_trouble(self, trouble: str) -> bool:
        """Return whether it is time for `trouble`; asked by the way of speaking that can have it."""
        if self._trouble != trouble:
            return False
        self._trouble = ""
        return True


class _T0:
    """Character by character: a header, a procedure byte for what comes next, status bytes."""

    def __init__(self, contact: ChipContact, chip: Chip) -> None:
        self._contact, self._manners = contact, chip.manners
        self._heard = b""
        self._later: deque[bytes] = deque()

    def feed(self, data: bytes) -> bytes:
        if not data:
            return self._later.popleft() if self._later else b""
        self._later.clear()
        self._heard += data
        if len(self._heard) < 5:
            return b""
        head, follows = self._heard[:5], self._heard[5:]
        ins, p3 = head[1], head[4]
        if ins & 0xF0 in (0x60, 0x90):
            return self._say(b"\x6d\x00")
        if ins not in TAKES_DATA or not p3:
            return self._say(self._answered(ins, self._contact.answer(head)))
        if len(follows) < p3:
            return self._procedure(ins, first=not follows)
        return self._say(self._answered(ins, self._contact.answer(self._heard[: 5 + p3])), waits=False)

    def _procedure(self, ins: int, *, first: bool) -> bytes:
        """Ask for the data: all of it, or one byte."""
        if self._manners.byte_by_byte:
            return self._waiting(bytes((ins ^ 0xFF,)), first)
        return self._waiting(bytes((ins,)), True) if first else b""

    def _answered(self, ins: int, answer: bytes) -> bytes:
        body, status = answer[:-2], answer[-2:]
        if not body:
            return status
        if self._manners.byte_by_byte:
            return b"".join(bytes((ins ^ 0xFF, byte)) for byte in body) + status
        return bytes((ins,)) + body + status

    def _say(self, said: bytes, *, waits: bool = True) -> bytes:
        self._heard = b""
        return self._waiting(said, waits)

    def _waiting(self, said: bytes, waits: bool) -> bytes:
        """Put as many NULL bytes before `said` as the card is slow."""
        parts = [NULL] * (self._manners.nulls if waits else 0) + [said]
        self._later = deque(parts[1:])
        return parts[0]


class _T1:
    """Blocks, numbered modulo two both ways; see `chip_blocks`."""

    def __init__(self, contact: ChipContact, chip: Chip) -> None:
        self._contact, self._manners = contact, chip.manners
        self._reader = BlockReader()
        self._forget()

    def _forget(self) -> None:
        self._ours, self._theirs = 0, 0  # number of our next I-block, and of the one that is expected
        self._inf_max = 32
        self._chain = b""
        self._pieces: deque[bytes] = deque()
        self._due: bytes | None = None  # a command that waits for its waiting time extension
        self._waits = 0
        self._last: Block | None = None

    def feed(self, data: bytes) -> bytes:
        items = self._reader.feed(data)
        if not items:
            return b""
        item = items[0]
        if isinstance(item, Damage):
            self._reader.reset()
            return self._say(self._please(item.value))
        return self._say(self._reply(item))

    def _say(self, block: Block) -> bytes:
        self._last = block
        return encode(block)

    def _please(self, error: int) -> Block:
        return Block(Kind.R, number=self._theirs, error=error)

    def _reply(self, block: Block) -> Block:
        if block.kind is Kind.I:
            return self._received(block)
        if block.kind is Kind.R:
            return self._asked_again(block)
        if block.kind is Kind.WTX_RESPONSE and self._due is not None:
            return self._carry_out(self._due)
        response = RESPONSE_TO.get(block.kind)
        if response is None:
            return self._please(Damage.OTHER.value)
        if block.kind is Kind.IFS_REQUEST:
            self._inf_max = block.inf[0]
        elif block.kind is Kind.RESYNCH_REQUEST:
            self._forget()
        elif block.kind is Kind.ABORT_REQUEST:
            self._chain = b""
            self._pieces.clear()
        return Block(response, block.inf)

    def _received(self, block: Block) -> Block:
        if block.number != self._theirs:
            return self._please(Damage.OTHER.value)
        self._theirs ^= 1
        self._pieces.clear()
        if self._contact.takes_trouble("aborts"):
            self._chain = b""
            return Block(Kind.ABORT_REQUEST)
        self._chain += block.inf
        if block.more:
            return self._please(0)
        apdu, self._chain = self._chain, b""
        self._waits = self._manners.extensions
        return self._carry_out(apdu)

    def _carry_out(self, apdu: bytes) -> Block:
        if self._waits:
            self._waits -= 1
            self._due = apdu
            return Block(Kind.WTX_REQUEST, b"\x02")
        self._due = None
        answer = self._contact.answer(apdu)
        size = self._inf_max
        self._pieces = deque(answer[at : at + size] for at in range(0, len(answer), size))
        return self._next_piece()

    def _next_piece(self) -> Block:
        block = Block(Kind.I, self._pieces.popleft(), self._ours, bool(self._pieces))
        self._ours ^= 1
        return block

    def _asked_again(self, block: Block) -> Block:
        """An R-block: it acknowledges a piece of our chain, or asks for the last block again."""
        last = self._last
        if last is not None and last.kind not in (Kind.I, Kind.R):
            return last
        if block.number != self._ours:
            return last if last is not None and last.kind is Kind.I else self._please(Damage.OTHER.value)
        return self._next_piece() if self._pieces else self._please(0)
