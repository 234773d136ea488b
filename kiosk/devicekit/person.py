"""The person at a device under test, reached over the command line. Nothing here waits."""

from __future__ import annotations

import sys
import threading
from typing import TextIO


class Keyboard:
    """Tells on `out`; asks there, and reads the answer of a line from `typed` in a thread."""

    def __init__(self, typed: TextIO = sys.stdin, out: TextIO = sys.stderr) -> None:
        self._typed, self._out = typed, out
        self._answer: bool | None = None

    def tell(self, text: str) -> None:
        print(f">>> {text}", file=self._out, flush=True)

    def ask(self, text: str) -> None:
        self._answer = None
        print(f"??? {text} [y/N] ", end="", file=self._out, flush=True)
        threading.Thread(target=self._read, name="answer", daemon=True).start()

    def answer(self) -> bool | None:
        return self._answer

    def _read(self) -> None:
        self._answer = self._typed.readline().strip().lower() in ("y", "yes")
