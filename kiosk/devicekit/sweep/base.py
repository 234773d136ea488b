"""The shape of a sweep, and the small speaker that lets it use a line discipline without a driver.

A sweep asks the simulator for every code of the vocabulary. Where a simulator has no mechanics for an error,
the answer is rewritten on the line (`substitute`), so that at least the driver is shown every code; the coverage
keeps the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from drivers.base.driver import Report
from drivers.base.errors import LocalProtocolError
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Failed, Skipped, Steps
from kiosk.devicekit.coverage import NEW_DEVICE
from kiosk.devicekit.frames import Entry

MakeBench = Callable[[], Bench]


class Swept:
    """What a sweep leaves: what went over the line (`rewritten` apart), and in `wrong` what it expected of
    the driver and did not find.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.rewritten: list[Entry] = []
        self.wrong: list[str] = []

    def run(self, make: MakeBench, steps: Callable[[Bench], Steps[None]], *, rewrites: bool = False) -> None:
        """Run steps on a fresh bench and keep its trace. `rewrites`: the steps put answers on the line."""
        bench = make()
        try:
            bench.run(steps(bench))
        except (Failed, Skipped, LocalProtocolError, ValueError) as error:
            self.wrong.append(f"the sweep stopped: {error}")
        finally:
            bench.close()
            (self.rewritten if rewrites else self.entries).extend([NEW_DEVICE, *bench.entries])

    def lacks(self, codes: Iterable[str]) -> list[str]:
        """Return those of `codes` that the runs so far have not shown: the simulator has no mechanics for them."""
        seen = {error for entry in self.entries for error in entry.errors}
        return [code for code in codes if code not in seen]


class Sweep(Protocol):
    """Exercises a family."""

    def __call__(self, make: MakeBench) -> Swept: ...


class Speaker:
    """A `Party` around the calls that every line discipline has; what comes back is in `replies`."""

    def __init__(
        self,
        receive: Callable[[bytes], object | None],
        tick: Callable[[], object | None],
        data_to_send: Callable[[], bytes],
        next_deadline_ms: Callable[[], int | None],
    ) -> None:
        self.replies: list[object] = []
        self._receive, self._tick = receive, tick
        self._data_to_send, self._next_deadline_ms = data_to_send, next_deadline_ms

    def receive(self, data: bytes) -> list[Report]:
        self._keep(self._receive(data))
        return []

    def tick(self) -> list[Report]:
        self._keep(self._tick())
        return []

    def data_to_send(self) -> bytes:
        return self._data_to_send()

    def next_deadline_ms(self) -> int | None:
        return self._next_deadline_ms()

    def _keep(self, reply: object | None) -> None:
        if isinstance(reply, list):
            self.replies += reply
        elif reply is not None and reply is not False:
            self.replies.append(reply)


class Writer:
    """A party that says what it is given and listens to nothing."""

    def __init__(self) -> None:
        self.out = b""

    def receive(self, data: bytes) -> list[Report]:
        del data
        return []

    def tick(self) -> list[Report]:
        return []

    def data_to_send(self) -> bytes:
        out, self.out = self.out, b""
        return out

    def next_deadline_ms(self) -> int | None:
        return None
