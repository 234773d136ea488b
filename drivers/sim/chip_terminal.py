"""The reader's end of the contacts: T=0, T=1 and protocol selection, as the firmware of a reader does them.

Each dialogue is a generator: it yields `Say`, what goes to the card and how long its answer may take, and is
sent what came back, empty for silence. So whoever keeps the time moves the bytes, and a card that is torn away in
mid-dialogue is torn away between two of them. A dialogue that fails raises `ChipFailure` with its cause.

Source: ISO/IEC 7816-3:2006, 9, 10 and 11; EMV Book 1, 9.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from drivers.base.framing import bcc
from drivers.sim.chip_blocks import RESPONSE_TO, Block, BlockReader, Damage, Kind, encode

T = TypeVar("T")

WAIT_MS: Final = 1_600  # of a character in T=0, of a block in T=1, at 9600 bit/s with the card's own defaults
TRIES_MAX: Final = 3  # EMV Book 1, 9.2.5: a block is asked for twice more
EXTENSIONS_MAX: Final = 32  # a card that only ever asks for time is given up
NULLS_MAX: Final = 64


class Cause(Enum):
    """Why a dialogue with a chip failed."""

    MUTE = "the card does not answer"
    COMMUNICATION = "what it says is damaged or means nothing"
    ABORTED = "the card breaks the chain off"
    DATA = "its answer is too long or too short"


class ChipFailure(Exception):
    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class Say(NamedTuple):
    """`data` goes to the card, nothing to let it go on; silence is certain after `within_ms`."""

    data: bytes
    within_ms: int = WAIT_MS


class Got(NamedTuple):
    """What a T=1 exchange came to so far: `more` to receive, or `wants` more to send."""

    data: bytes = b""
    more: bool = False
    wants: bool = False


Talk = Generator[Say, bytes, T]


# ------------------------------------------------------------ protocol selection


def select_protocol(protocol: int, first_speed: int | None) -> Talk[bool]:
    """Ask for `protocol`, and for the speed TA1 if there is one; return whether the card took it."""
    asked = bytes((0xFF, protocol | (0x10 if first_speed is not None else 0)))
    if first_speed is not None:
        asked += bytes((first_speed,))
    heard = yield Say(asked + bytes((bcc(asked),)))
    return heard == asked + bytes((bcc(asked),))


# ------------------------------------------------------------ T=0


def t0_lengths(apdu: bytes) -> tuple[bytes, bytes, int] | None:
    """Return header with P3, data, and the length asked for; None for what no T=0 header can say."""
    head, rest = apdu[:4], apdu[4:]
    if not rest:
        return head + b"\x00", b"", 0
    if len(rest) == 1:
        return head + rest, b"", rest[0] or 256
    data = rest[1 : 1 + rest[0]]
    if not rest[0] or len(data) != rest[0] or len(rest) > 2 + rest[0]:
        return None
    return head + rest[:1], data, 0


def t0_exchange(header: bytes, data: bytes, asked: int) -> Talk[bytes]:
    """Carry one command; return data and status bytes."""
    ins = header[1]
    heard = yield Say(header)
    body, nulls = b"", 0
    while True:
        if not heard:
            raise ChipFailure(Cause.MUTE)
        procedure, heard = heard[0], heard[1:]
        if procedure == 0x60:
            nulls += 1
            if nulls > NULLS_MAX:
                raise ChipFailure(Cause.COMMUNICATION)
            if not heard:
                heard = yield Say(b"")
        elif procedure in (ins, ins ^ 0xFF):
            count = len(data) or asked - len(body)
            count = count if procedure == ins else min(1, count)
            if data:
                now, data = data[:count], data[count:]
                heard = yield Say(now)
            elif count < 1 or len(heard) < count:
                raise ChipFailure(Cause.DATA)
            else:
                body, heard = body + heard[:count], heard[count:]
        elif procedure & 0xF0 in (0x60, 0x90):
            if len(heard) != 1:
                raise ChipFailure(Cause.DATA if heard else Cause.MUTE)
            return body + bytes((procedure,)) + heard
        else:
            raise ChipFailure(Cause.COMMUNICATION)


# ------------------------------------------------------------ T=1


class T1Terminal:
    """One session of T=1. `inf_max` is what the card takes (IFSC), `answer_max` what one exchange hands on."""

    def __init__(self, inf_max: int, nad: int, answer_max: int) -> None:
        self._inf_max, self._nad, self._answer_max = inf_max, nad, answer_max
        self._ours, self._theirs = 0, 0
        self._reader = BlockReader()
        self._in_step = True
        self.receiving = False
        self.sending = False

    def offer_length(self, inf_max: int) -> Talk[None]:
        """Tell the card how much it may send in a block (IFSD)."""
        yield from self._ask(Block(Kind.IFS_REQUEST, bytes((inf_max,)), nad=self._nad))

    def send(self, inf: bytes, *, more: bool) -> Talk[Got]:
        """Send `inf`, in as many blocks as it takes. With `more` the chain goes on with the next call."""
        if not self._in_step:
            yield from self._ask(Block(Kind.RESYNCH_REQUEST, nad=self._nad))
            self._ours = self._theirs = 0
            self._in_step = True
        self.receiving, self.sending = False, more
        pieces = [inf[at : at + self._inf_max] for at in range(0, len(inf), self._inf_max)]
        for number, piece in enumerate(pieces, start=1):
            chained = more or number < len(pieces)
            answer = yield from self._ask(Block(Kind.I, piece, self._ours, chained, nad=self._nad))
            self._ours ^= 1
        return Got(wants=True) if more else (yield from self._collect(answer))

    def receive(self) -> Talk[Got]:
        """Take what is left of the card's chain."""
        answer = yield from self._ask(Block(Kind.R, number=self._theirs, nad=self._nad))
        return (yield from self._collect(answer))

    def abort(self) -> Talk[None]:
        """Break the chain off, in whichever direction it runs."""
        self.receiving = self.sending = False
        yield from self._ask(Block(Kind.ABORT_REQUEST, nad=self._nad))

    def _collect(self, block: Block) -> Talk[Got]:
        data = b""
        while True:
            self._theirs ^= 1
            data += block.inf
            self.receiving = block.more
            if not block.more:
                return Got(data)
            if len(data) + len(block.inf) > self._answer_max:
                return Got(data, more=True)
            block = yield from self._ask(Block(Kind.R, number=self._theirs, nad=self._nad))

    def _ask(self, block: Block) -> Talk[Block]:
        """Say `block` until its answer is understood. Raises ChipFailure when it never is."""
        saying, failures, extensions, factor = block, 0, 0, 1
        while True:
            heard = yield Say(encode(saying), WAIT_MS * factor)
            factor = 1
            found = self._read(heard)
            if isinstance(found, Block):
                if found.kind is Kind.WTX_REQUEST and extensions < EXTENSIONS_MAX:
                    extensions, factor = extensions + 1, max(1, found.inf[0])
                    saying = Block(Kind.WTX_RESPONSE, found.inf, nad=self._nad)
                    continue
                if found.kind is Kind.IFS_REQUEST and extensions < EXTENSIONS_MAX:
                    extensions += 1
                    self._inf_max = found.inf[0]
                    saying = Block(Kind.IFS_RESPONSE, found.inf, nad=self._nad)
                    continue
                if found.kind is Kind.ABORT_REQUEST:
                    yield Say(encode(Block(Kind.ABORT_RESPONSE, nad=self._nad)))
                    yield from self._give_up(Cause.ABORTED)
                if self._fits(block, found):
                    return found
            failures += 1
            if failures == TRIES_MAX:
                yield from self._give_up(Cause.MUTE if not heard else Cause.COMMUNICATION)
            again = isinstance(found, Block) and found.kind is Kind.R
            if again or block.kind not in (Kind.I, Kind.R):
                saying = block
            else:
                error = found.value if isinstance(found, Damage) else 0
                saying = Block(Kind.R, number=self._theirs, error=error, nad=self._nad)

    def _read(self, heard: bytes) -> Block | Damage | None:
        """Return the one block in `heard`; more than one, or half of one, is damage."""
        self._reader.reset()
        found = self._reader.feed(heard)
        if not heard:
            return None
        return found[0] if len(found) == 1 and self._reader.at_rest else Damage.OTHER

    def _fits(self, block: Block, answer: Block) -> bool:
        if block.kind is Kind.I and block.more:
            return answer.kind is Kind.R and answer.number != block.number
        if block.kind in (Kind.I, Kind.R):
            return answer.kind is Kind.I and answer.number == self._theirs
        return answer.kind is RESPONSE_TO[block.kind] and answer.inf == block.inf

    def _give_up(self, cause: Cause) -> Talk[None]:
        self._in_step = self.receiving = self.sending = False
        yield from ()
        raise ChipFailure(cause)
