"""A loop that sleeps until something happens: any thread, or a signal handler, may wake it."""

from __future__ import annotations

import contextlib
import os
import select
from typing import Final

CHUNK: Final = 4_096


class Waker:
    """A pipe to oneself. Unlike a condition it holds no lock, so that a signal handler may use it, too."""

    def __init__(self) -> None:
        self._in, self._out = os.pipe()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._closed = False

    def wake(self) -> None:
        if not self._closed:
            with contextlib.suppress(BlockingIOError):  # full: it is awake already
                os.write(self._out, b"w")

    def wait(self, at_most_s: float | None) -> None:
        """Sleep until somebody wakes, or for so long; None: for ever."""
        ready, _, _ = select.select([self._in], [], [], at_most_s)
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._in, CHUNK)

    def close(self) -> None:
        self._closed = True
        os.close(self._in)
        os.close(self._out)
