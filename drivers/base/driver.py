"""The shape of every driver: commands and bytes in, outcomes and bytes out, on a clock it is given.

A driver blocks nowhere, sleeps never and opens nothing. It holds two small machines: the *line discipline*
(frames, acknowledgements, repeats of what is SAFE) and the *device meaning* (what a command's answer says).
"""

from __future__ import annotations

from typing import Protocol

from drivers.base.acceptor import CashAcceptorCapabilities
from drivers.base.barcode import BarcodeReaderCapabilities
from drivers.base.vocabulary import Capabilities, Command, Happening, Health, Identity, Result

Report = Result | Happening


class Driver(Protocol):
    """One device on one line; one command in flight."""

    @property
    def capabilities(self) -> Capabilities | CashAcceptorCapabilities | BarcodeReaderCapabilities: ...

    @property
    def identity(self) -> Identity | None:
        """Who answered; None before `DeviceReady` and after `DeviceLost`."""
        ...

    @property
    def health(self) -> Health: ...

    @property
    def busy(self) -> bool:
        """Whether a command is in flight."""
        ...

    def connect(self) -> None:
        """The line is open: identify the device. Ends in `DeviceReady` or `DeviceLost`; may be retried."""
        ...

    def disconnect(self, reason: str) -> list[Report]:
        """The line is gone. A command in flight answers: UNKNOWN if its bytes went out, else REFUSED."""
        ...

    def submit(self, command: Command) -> None:
        """Start `command`. Raises LocalProtocolError while busy, before ready, or if it is not supported."""
        ...

    def receive(self, data: bytes) -> list[Report]:
        """Take bytes as they come, in any pieces. Noise is counted in `discarded`, never raised."""
        ...

    def tick(self) -> list[Report]:
        """Act on deadlines that have passed. Harmless when none has."""
        ...

    def data_to_send(self) -> bytes:
        """Return the bytes that are to go out now, and forget them."""
        ...

    def next_deadline_ms(self) -> int | None:
        """Return the instant at which `tick` next has something to do, on the driver's clock."""
        ...

    @property
    def discarded(self) -> int:
        """Bytes thrown away as noise since start."""
        ...
