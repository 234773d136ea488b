"""The line discipline: one question at a time, its answer, its repeats. No meaning.

An answer carries nothing that ties it to its question. Two things follow. A SAFE question repeated after
silence may be answered twice, so after a repeat the next question waits until the surplus answers have come
or their time is over. And a frame that comes while no question is open is *unasked*: the end of an entry,
or a tamper alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.clock import Clock
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import Repeat
from drivers.pin_pad.commands import FAULTS, INPUT_TIMED_OUT, Spec
from drivers.pin_pad.framing import Frame, FrameReader, KeyByte, encode


@dataclass(frozen=True, slots=True)
class Answer:
    """The frame that answers the open question."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Unasked:
    """A frame nobody asked for."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class _Question:
    spec: Spec
    encoded: bytes


class Exchange:
    """Frames out, frames and keys in, on a clock."""

    def __init__(self, clock: Clock, *, repeats: int, byte_gap_ms: int) -> None:
        self._clock = clock
        self._repeats = repeats
        self._byte_gap_ms = byte_gap_ms
        self._reader = FrameReader()
        self._strangers = 0
        self._out = bytearray()
        self._question: _Question | None = None
        self._sent = 0
        self._deadline_ms: int | None = None
        self._surplus = 0
        self._surplus_until_ms = 0
        self._last_byte_ms = clock.now_ms()

    @property
    def discarded(self) -> int:
        return self._reader.discarded + self._strangers

    @property
    def asking(self) -> bool:
        return self._question is not None

    def ask(self, spec: Spec, parameters: str) -> None:
        """Put a question. Raises LocalProtocolError while another is open."""
        if self._question is not None:
            raise LocalProtocolError(f"{spec.name} asked while {self._question.spec.name} is open")
        self._question = _Question(spec, encode((spec.code + parameters).encode("ascii")))
        self._sent = 0
        if self._surplus and self._clock.now_ms() < self._surplus_until_ms:
            self._deadline_ms = self._surplus_until_ms
        else:
            self._send()

    def abandon(self) -> None:
        """Forget the open question and everything begun."""
        self._question = None
        self._deadline_ms = None
        self._surplus = 0
        self._out.clear()
        self._reader.forget()

    def throw_away(self, key: KeyByte) -> None:
        """Count a key byte that means nothing now."""
        del key
        self._strangers += 1

    def feed(self, data: bytes) -> list[Answer | Unasked | KeyByte]:
        now_ms = self._clock.now_ms()
        if self._question is None and now_ms - self._last_byte_ms > self._byte_gap_ms:
            self._reader.forget()
        self._last_byte_ms = now_ms
        heard: list[Answer | Unasked | KeyByte] = []
        for item in self._reader.feed(data):
            if isinstance(item, KeyByte):
                heard.append(item)
            elif self._answers(item):
                heard.append(Answer(item))
                self._close()
            elif item.status == INPUT_TIMED_OUT or _alarms(item):
                heard.append(Unasked(item))
            else:
                self._surplus_came(item)
        return heard

    def tick(self) -> bool:
        """Send what is due. Return whether the open question has met its last silence."""
        if self._question is None or self._deadline_ms is None or self._clock.now_ms() < self._deadline_ms:
            return False
        self._reader.forget()
        if self._sent and (self._question.spec.repeat is Repeat.ONCE or self._sent > self._repeats):
            self._close(silent=True)
            return True
        self._send()
        return False

    def data_to_send(self) -> bytes:
        out = bytes(self._out)
        self._out.clear()
        return out

    def next_deadline_ms(self) -> int | None:
        return self._deadline_ms

    def _answers(self, frame: Frame) -> bool:
        if self._question is None or not self._sent:
            return False
        return frame.status != INPUT_TIMED_OUT or self._question.spec.may_time_out

    def _send(self) -> None:
        assert self._question is not None
        if not self._sent:
            self._surplus = 0
        self._sent += 1
        self._out += self._question.encoded
        self._deadline_ms = self._clock.now_ms() + self._question.spec.reply_within_ms

    def _close(self, *, silent: bool = False) -> None:
        assert self._question is not None
        self._surplus = self._sent if silent else self._sent - 1
        self._surplus_until_ms = self._clock.now_ms() + self._question.spec.reply_within_ms
        self._question = None
        self._deadline_ms = None

    def _surplus_came(self, frame: Frame) -> None:
        self._strangers += len(frame.data)
        self._surplus = max(0, self._surplus - 1)
        if self._question is not None and not self._surplus:
            self._send()


def _alarms(frame: Frame) -> bool:
    fault = FAULTS.get(frame.status)
    return fault is not None and fault.tamper
