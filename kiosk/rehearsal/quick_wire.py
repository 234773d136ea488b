"""A wire of a rehearsal, asked hundreds of times a visit whether something is due: mostly nothing is."""

from __future__ import annotations

from typing import Any

from drivers.base.clock import Clock
from drivers.sim.device import SimDevice
from drivers.sim.wire import Direction, Observer, Wire


class QuickWire(Wire):
    """A `Wire` that remembers when something is due next, until anybody touches its device or bytes set out.

    Whoever wants the device takes it from the wire, each time: then the wire asks it anew.
    """

    _own: Any = None
    _due_ms: int | None = None
    _asks = True  # what is due may have changed

    def __init__(self, clock: Clock, device: SimDevice, observer: Observer | None = None) -> None:
        super().__init__(clock, device, observer)

    @property
    def device(self) -> Any:
        self._asks = True
        return self._own

    @device.setter
    def device(self, device: SimDevice) -> None:
        self._own = device

    def next_deadline_ms(self) -> int | None:
        if self._asks:
            self._due_ms = super().next_deadline_ms()
            self._asks = False
        return self._due_ms

    def read_available(self) -> bytes:
        due_ms = self.next_deadline_ms() if self._asks else self._due_ms
        if (due_ms is None or due_ms > self._clock.now_ms()) and self._plugged:
            return b""
        data = super().read_available()
        self._asks = True
        return data

    def unplug(self) -> None:
        super().unplug()
        self._asks = True

    def _keep_arrived(self) -> None:
        super()._keep_arrived()
        self._asks = True

    def _send(self, direction: Direction, at_ms: int, data: bytes) -> None:
        super()._send(direction, at_ms, data)
        self._asks = True
