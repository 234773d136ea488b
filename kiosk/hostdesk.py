"""The host link's rim: bytes between a connection and the host machine. Never waits."""

from __future__ import annotations

from typing import Protocol

from kiosk.ports import HostPort, HostReport


class Link(Protocol):
    """One connection that comes and goes by itself. `read_available` and `write` are harmless while it is down."""

    @property
    def connection(self) -> int:
        """A number that changes with every new connection; 0 while there is none."""
        ...

    def write(self, data: bytes) -> None: ...

    def read_available(self) -> bytes: ...

    def next_deadline_ms(self) -> int | None: ...

    def drop(self) -> None:
        """Give this connection up; the link makes a new one."""
        ...

    def close(self) -> None: ...


class HostDesk:
    """Pumps one host machine over one link."""

    def __init__(self, host: HostPort, link: Link) -> None:
        self.host = host
        self._link = link
        self._connection = 0
        self.moved = False

    def pump(self) -> list[HostReport]:
        """Notice connections, read, let time pass, write. Returns what the host said, in order.

        `moved` then says whether bytes moved: an answer may be there already.
        """
        reports: list[HostReport] = []
        self.moved = False
        connection = self._link.connection
        if connection != self._connection:
            if self._connection:
                reports += self.host.disconnected("link")
            self._connection = connection
            if connection:
                self.host.connected()
        if self._connection:
            data = self._link.read_available()
            if data:
                self.moved = True
                reports += self.host.receive(data)
        reports += self.host.tick()
        out = self.host.data_to_send()
        if out and self._connection:
            self.moved = True
            self._link.write(out)
        if self.host.wants_close and self._connection:
            self._link.drop()
        return reports

    def next_deadline_ms(self) -> int | None:
        host_ms, link_ms = self.host.next_deadline_ms(), self._link.next_deadline_ms()
        if host_ms is None or link_ms is None:
            return link_ms if host_ms is None else host_ms
        return min(host_ms, link_ms)

    def close(self) -> None:
        self._link.close()
