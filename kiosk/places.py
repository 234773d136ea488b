"""Where a device stands in the live terminal: how its line is opened, and what hands can do to it.

Three kinds of place have one face. A simulator in this process sits behind a `Wire`; one on a pseudo-terminal is driven
through the same serial code as hardware; and hardware itself, on a port, offers no hands at all. Everything here is
called from the thread that pumps the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from drivers.base.clock import Clock
from drivers.base.errors import LineError
from drivers.base.line import SerialLine, SerialSettings
from drivers.sim.device import Act, Fault, SimDevice
from drivers.sim.pty import PtyServer, serve_pty
from drivers.sim.wire import EFFECTS, Wire, WireFault
from kiosk.config import DeviceForm, SerialForm
from kiosk.devices import Line

PARITY: Final = {"N": "none", "E": "even", "O": "odd"}
UNPLUGGED: Final = "the cable is unplugged. Plug it in, then identify the device again"
LINE_FAULTS: Final[Mapping[str, str]] = {
    "drop": "a chunk is lost on the line",
    "corrupt": "a byte of a chunk changes on the line",
    "split": "a chunk arrives in two pieces",
    "repeat": "a chunk arrives twice",
    "delay": "a chunk arrives late",
    "cut": "nothing passes any more, until healed",
}
assert set(LINE_FAULTS) == set(EFFECTS)


class Place(Protocol):
    """One device at its place."""

    kind: str  # "simulated", "pty" or "port"
    path: str  # what a foreign program would open; "" in memory
    plugged: bool
    acts: Mapping[str, Act]
    faults: Mapping[str, Fault]
    line_faults: bool

    def open_line(self) -> Line:
        """Open the line. Raises LineError."""
        ...

    def tick(self) -> None: ...

    def next_deadline_ms(self) -> int | None: ...

    def act(self, name: str, arguments: Mapping[str, object]) -> None:
        """Raises ValueError for what cannot be done here now."""
        ...

    def strike(self, name: str, arguments: Mapping[str, object]) -> None: ...

    def strike_line(self, fault: WireFault) -> None: ...

    def heal(self) -> None: ...

    def power(self, on: bool) -> None: ...

    def plug(self, plugged: bool) -> None: ...

    def state(self) -> Mapping[str, object]: ...

    def close(self) -> None: ...


class SimulatedPlace:
    """A simulator in this process, behind a wire."""

    kind, path, line_faults = "simulated", "", True

    def __init__(self, clock: Clock, device: SimDevice) -> None:
        self.wire = Wire(clock, device)
        self.acts, self.faults = device.acts, device.faults
        self.plugged = True

    def open_line(self) -> Line:
        self.wire.read_available()  # a port that is opened starts with an empty buffer
        return self.wire

    def tick(self) -> None:
        self.wire.tick()

    def next_deadline_ms(self) -> int | None:
        return self.wire.next_deadline_ms()

    def act(self, name: str, arguments: Mapping[str, object]) -> None:
        self.wire.act(name, **arguments)

    def strike(self, name: str, arguments: Mapping[str, object]) -> None:
        self.wire.device.strike(name, **arguments)

    def strike_line(self, fault: WireFault) -> None:
        self.wire.strike(fault)

    def heal(self) -> None:
        self.wire.device.heal()
        self.wire.restore()

    def power(self, on: bool) -> None:
        self.wire.power(on)

    def plug(self, plugged: bool) -> None:
        self.plugged = plugged
        if plugged:
            self.wire.plug()
        else:
            self.wire.unplug()

    def state(self) -> Mapping[str, object]:
        return self.wire.device.state()

    def close(self) -> None:
        """Nothing to let go of."""


class _SerialPlace:
    """What pseudo-terminals and real ports share: a serial line that wakes the loop."""

    acts: Mapping[str, Act] = {}
    faults: Mapping[str, Fault] = {}
    line_faults = False

    def __init__(self, path: str, serial: SerialForm | None, wake: Callable[[], None]) -> None:
        self.path = path
        self.plugged = True
        self._settings = settings_of(serial)
        self._wake = wake
        self._line: SerialLine | None = None

    def open_line(self) -> Line:
        if not self.plugged:
            raise LineError(f"{self.path}: {UNPLUGGED}")
        self._line = SerialLine(self.path, self._settings, self._wake)
        return self._line

    def tick(self) -> None:
        """The far end keeps its own time."""

    def next_deadline_ms(self) -> int | None:
        return None

    def plug(self, plugged: bool) -> None:
        self.plugged = plugged
        if not plugged and self._line is not None:
            self._line.close()
            self._line = None

    def strike_line(self, fault: WireFault) -> None:
        raise ValueError(f"{self.path}: {fault.effect}: only the wire in this process can go wrong on purpose")


class PtyPlace(_SerialPlace):
    """A simulator on a pseudo-terminal."""

    kind = "pty"

    def __init__(self, clock: Clock, device: SimDevice, serial: SerialForm | None, wake: Callable[[], None]) -> None:
        self._server: PtyServer = serve_pty(device, clock)
        super().__init__(self._server.path, serial, wake)
        self.acts, self.faults = device.acts, device.faults

    def act(self, name: str, arguments: Mapping[str, object]) -> None:
        self._server.act(name, **arguments)

    def strike(self, name: str, arguments: Mapping[str, object]) -> None:
        self._server.strike(name, **arguments)

    def heal(self) -> None:
        self._server.heal()

    def power(self, on: bool) -> None:
        self._server.power(on)

    def state(self) -> Mapping[str, object]:
        return self._server.state()

    def close(self) -> None:
        self._server.stop()


class PortPlace(_SerialPlace):
    """Hardware on a port: hands and faults are the technician's own."""

    kind = "port"

    def act(self, name: str, arguments: Mapping[str, object]) -> None:
        del arguments
        raise ValueError(f"{self.path}: {name}: this is hardware; do it there, not here")

    def strike(self, name: str, arguments: Mapping[str, object]) -> None:
        self.act(name, arguments)

    def heal(self) -> None:
        """Hardware heals by other hands."""

    def power(self, on: bool) -> None:
        """Its switch is not ours."""

    def state(self) -> Mapping[str, object]:
        return {}

    def close(self) -> None:
        """The desk closes the line."""


def settings_of(form: SerialForm | None) -> SerialSettings:
    """Return how a port is opened, from the configuration."""
    if form is None:
        return SerialSettings()
    parity: Any = PARITY[form.parity]
    return SerialSettings(form.baud, form.bytesize, parity, form.stopbits)


def place_of(form: DeviceForm, clock: Clock, simulator: Callable[[], SimDevice], wake: Callable[[], None]) -> Place:
    """Return the place that a device's `line` names; a simulator is made only where one stands."""
    if form.line == "simulated":
        return SimulatedPlace(clock, simulator())
    if form.line == "pty":
        return PtyPlace(clock, simulator(), form.serial, wake)
    return PortPlace(form.line, form.serial, wake)
