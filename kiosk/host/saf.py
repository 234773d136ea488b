"""Store and forward: the queue of advices, strictly first in, first out, one in the air at a time.

The queue is memory; the journal is the store (an advice is journalled before `put`, and put again with
`repeat` after a restart). An advice leaves only by an answer: settled or parked. Silence means again, after a
wait that grows along `waits_ms` and then stays at its last value, for ever: value is owed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from kiosk.host.message import Message


@dataclass(slots=True)
class Waiting:
    """An advice on its way: `attempts` sendings so far, `due_ms` the next one (None: now)."""

    id: str
    message: Message
    attempts: int
    due_ms: int | None = None


class StoreAndForward:
    """The queue. It never sends; `due` says what to send now, `sent` and `answered` what became of it."""

    def __init__(self, waits_ms: tuple[int, ...], size_max: int) -> None:
        self._waits_ms = waits_ms
        self._size_max = size_max
        self._queue: deque[Waiting] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def head(self) -> Waiting | None:
        return self._queue[0] if self._queue else None

    def put(self, id: str, message: Message, *, repeat: bool) -> None:
        """Queue `message`. Putting an id that waits already changes nothing (recovery may run twice).

        Raises OverflowError when full: cash services must have stopped long before.
        """
        if any(waiting.id == id for waiting in self._queue):
            return
        if len(self._queue) >= self._size_max:
            raise OverflowError(f"{self._size_max} advices wait: the host has been away too long for cash services")
        self._queue.append(Waiting(id, message, attempts=1 if repeat else 0))

    def due(self, now_ms: int) -> Message | None:
        """Return the message to send now, as a repeat from the second time on."""
        head = self.head
        if head is None or (head.due_ms is not None and head.due_ms > now_ms):
            return None
        if head.attempts == 0:
            return head.message
        return Message(f"{head.message.mti[:3]}1", head.message.fields)

    def sent(self, now_ms: int) -> None:
        """Note that the head went out."""
        head = self._queue[0]
        wait = self._waits_ms[min(head.attempts, len(self._waits_ms) - 1)]
        head.attempts += 1
        head.due_ms = now_ms + wait

    def answered(self) -> str:
        """Take the head off; return its id."""
        return self._queue.popleft().id

    def hurry(self) -> None:
        """Send the head at the next occasion: the line came back."""
        if self._queue:
            self._queue[0].due_ms = None

    def next_deadline_ms(self) -> int | None:
        head = self.head
        return head.due_ms if head else None
