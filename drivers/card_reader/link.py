"""The line discipline of the OMRON 3S4YR, host side: one command, one answer.

    IDLE --frame--> ACK_DUE --DLE ACK--> (DLE ENQ) ANSWER_DUE --answer--> IDLE
                     |  ^                   |   ^
               NAK or |  | frame again  bad |   | DLE ENQ again
               silence+--+              late+---+

Two facts carry the safety of the whole driver:

- The reader executes on DLE ENQ, not on the frame. A frame may therefore be sent again as often as its
  receipt is in doubt; while no DLE ENQ went out nothing has moved (`Failure.NOT_ACCEPTED`).
- An executed command is not executed by a second DLE ENQ: the reader repeats its last answer. So an
  answer that was lost can be recovered without repeating the motion. Only when that fails too is the
  outcome in doubt (`Failure.NO_ANSWER`, `Failure.FOREIGN_ANSWER`).

An answer to another command is a stale one: it is not taken. If the reader gives it again when it is
asked again, its last command was not ours, and this is told as `FOREIGN_ANSWER`.
"""

from __future__ import annotations

from collections.abc import Generator
from enum import Enum
from typing import Final, NamedTuple

from drivers.base.clock import Clock
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import Result
from drivers.card_reader.commands import CommandSpec
from drivers.card_reader.framing import ACK_BYTES, ENQ_BYTES, EOT_BYTES, FrameReader, Signal, encode

FRAME_TRIES: Final = 3
REASKS_MAX: Final = 3
REASK_WITHIN_MS: Final = 1_000  # the answer is ready, or the reader still executes and will ignore us
FRAME_GAP_MS: Final = 3_000  # the rest of an answer at 9600 bit/s


class Failure(Enum):
    """Why there is no answer."""

    NOT_ACCEPTED = "the command was not accepted"  # nothing moved
    NO_ANSWER = "no answer to the command"
    FOREIGN_ANSWER = "the reader answers to another command"


class Answer(NamedTuple):
    """A decoded answer: ``P`` with a position in `code`, or ``N`` with an error in it."""

    good: bool
    code: str
    data: bytes


Reply = Answer | Failure


class Ask(NamedTuple):
    """What a flow yields: one command to be asked, and human time to be added to the wait."""

    spec: CommandSpec
    params: bytes = b""
    extra_ms: int = 0


Flow = Generator[Ask, Reply, Result]
"""A command of ours as a sequence of questions to the reader; it ends in its result."""


class _State(Enum):
    IDLE = 0
    ACK_DUE = 1
    ANSWER_DUE = 2


class Link:
    """Carries one command at a time. `deadline_ms` is None at rest."""

    __slots__ = (
        "_ack_within_ms",
        "_cancel_first",
        "_clock",
        "_code",
        "_foreign",
        "_frame",
        "_last_answer",
        "_last_raw",
        "_reasks",
        "_reply_within_ms",
        "_state",
        "_tries",
        "deadline_ms",
        "out",
        "reader",
    )

    def __init__(self, clock: Clock, ack_within_ms: int) -> None:
        self._clock = clock
        self._ack_within_ms = ack_within_ms
        self.reader = FrameReader()
        self.out = b""
        self.deadline_ms: int | None = None
        self._state = _State.IDLE
        self._frame = b""
        self._code = b""
        self._reply_within_ms = 0
        self._tries = 0
        self._reasks = 0
        self._foreign = False
        self._cancel_first = False
        self._last_raw = b""
        self._last_answer: Answer | None = None

    @property
    def idle(self) -> bool:
        return self._state is _State.IDLE

    def clear(self) -> None:
        """Forget everything, as after the line was lost."""
        self.reader.reset()
        self.out = b""
        self._end()

    def start(self, ask: Ask, *, cancel_first: bool = False) -> None:
        """Send a command. `cancel_first`: before a repeated frame, stop what the reader may be waiting
        for.
        """
        if self._state is not _State.IDLE:
            raise LocalProtocolError("one command at a time: the reader has not answered the last one")
        text = ask.spec.text(ask.params)
        self._frame = encode(text)
        self._code = text[1:3]
        self._reply_within_ms = ask.spec.reply_within_ms + ask.extra_ms
        self._tries = 1
        self._reasks = 0
        self._foreign = False
        self._cancel_first = cancel_first
        self._state = _State.ACK_DUE
        self.out += self._frame
        self.deadline_ms = self._clock.now_ms() + self._ack_within_ms

    def receive(self, data: bytes) -> Reply | None:
        """Take bytes; return the reply once it is there."""
        reader = self.reader
        if reader.at_rest:  # the two chunks that make up nearly all traffic
            if data == ACK_BYTES:
                if self._state is _State.ACK_DUE:
                    self._enquire()
                return None
            if data == self._last_raw and self._state is _State.ANSWER_DUE and data[3:5] == self._code:
                self._end()
                return self._last_answer
        reply: Reply | None = None
        for item in reader.feed(data):
            if self._state is _State.ACK_DUE:
                if item is Signal.ACK:
                    self._enquire()
                elif item is Signal.NAK:
                    reply = self._frame_again()
            elif self._state is _State.ANSWER_DUE:
                if item is Signal.BAD:
                    reply = self._enquire_again()
                elif isinstance(item, bytes):
                    reply = self._answered(item, data)
        if self._state is _State.ANSWER_DUE and reader.in_frame:
            self.deadline_ms = self._clock.now_ms() + FRAME_GAP_MS
        return reply

    def tick(self) -> Reply | None:
        """Act on a deadline that has passed; return a failure when the limits are used up."""
        if self.deadline_ms is None or self._clock.now_ms() < self.deadline_ms:
            return None
        self.reader.reset()
        return self._frame_again() if self._state is _State.ACK_DUE else self._enquire_again()

    def _answered(self, text: bytes, raw: bytes) -> Reply | None:
        sign, code = text[:1], text[1:3]
        if sign not in (b"P", b"N") or len(text) < 5:
            return self._enquire_again()
        if code != self._code:
            if self._foreign and self._reasks:
                self._end()
                return Failure.FOREIGN_ANSWER
            self._foreign = True
            return self._enquire_again()
        answer = Answer(sign == b"P", text[3:5].decode("ascii", "replace"), text[5:])
        self._end()
        if (
            len(text) == 5 and len(raw) == 10 and raw.startswith(b"\x10\x02")
        ):  # a bare position carries no secret and often repeats
            self._last_raw, self._last_answer = raw, answer
        return answer

    def _enquire(self) -> None:
        self._state = _State.ANSWER_DUE
        self.out += ENQ_BYTES
        self.deadline_ms = self._clock.now_ms() + self._reply_within_ms

    def _frame_again(self) -> Reply | None:
        if self._tries == FRAME_TRIES:
            self._end()
            return Failure.NOT_ACCEPTED
        self._tries += 1
        self.out += (EOT_BYTES if self._cancel_first else b"") + self._frame
        self.deadline_ms = self._clock.now_ms() + self._ack_within_ms
        return None

    def _enquire_again(self) -> Reply | None:
        if self._reasks == REASKS_MAX:
            self._end()
            return Failure.NO_ANSWER
        self._reasks += 1
        self.out += ENQ_BYTES
        # Should the reader have missed the DLE ENQ before, it begins only now: the last wait is a whole one.
        wait_ms = REASK_WITHIN_MS if self._reasks < REASKS_MAX else self._reply_within_ms
        self.deadline_ms = self._clock.now_ms() + wait_ms
        return None

    def _end(self) -> None:
        self._state = _State.IDLE
        self._frame = b""
        self.deadline_ms = None
