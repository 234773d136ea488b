"""Run a note validator with PyPI eSSP6: say `ready` when it is enabled, then wait for events; print them.

argv: port, then the codes (decimal) of the events to wait for, in order.

Two slips of the Python half are mended here, for what is asked is what its C half says: the handle of the C
library is a pointer and not an int, and of the list of events only the first `event_count` are new.
"""

import ctypes
import json
import os
import sys
import threading

from eSSP import eSSP

WITHIN_S = 40.0
QUIET = 0x00


class Handle(ctypes.c_void_p):
    """A pointer that stays one when it is handed back."""


class Validator(eSSP):
    def __init__(self, path: str, awaited: list[int]) -> None:
        self.awaited = awaited
        self.seen: list[list[object]] = []
        self.over = threading.Event()
        super().__init__(path)

    def parse_poll(self) -> None:
        for at, event in enumerate(self.poll.events):
            if at >= self.poll.event_count:
                event.event = QUIET
                continue
            self.seen.append([event.event, event.data1, event.cc.decode()])
            if self.awaited and event.event == self.awaited[0]:
                self.awaited.pop(0)
        super().parse_poll()
        if not self.awaited:
            self.over.set()


def main() -> None:
    path, *codes = sys.argv[1:]
    eSSP.essp.ssp_init.restype = Handle
    validator = Validator(path, [int(code) for code in codes])
    print("ready", flush=True)
    validator.over.wait(WITHIN_S)
    print(json.dumps({"seen": validator.seen, "missing": validator.awaited}), flush=True)
    os._exit(0)  # its thread polls for ever


main()
