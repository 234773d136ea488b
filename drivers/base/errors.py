"""The exception tree of the drivers.

    DriverError
    ├── LocalProtocolError      we used a driver wrongly: a bug of ours
    ├── RemoteProtocolError     bytes that mean nothing in this protocol; counted and resynchronised
    └── LineError               the line itself: port missing, unplugged, refused

The behaviour of the world (a jam, an empty cassette, silence) is never an exception: it is a `Result`.
"""

from __future__ import annotations


class DriverError(Exception):
    """Base of all driver errors."""


class LocalProtocolError(DriverError):
    """A command was given that the driver's state or capabilities do not allow."""


class RemoteProtocolError(DriverError):
    """The one error a codec raises for bytes it cannot read."""


class LineError(DriverError):
    """A port cannot be opened, or was lost. The text names the port and the remedy."""
