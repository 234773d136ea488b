"""The bank on a socket: one thread with an event loop, any number of terminals, a clean stop.

A connection is a `BankSession`; delays of a personality become timers of the loop. Books are kept in the loop's
thread: a message takes about a millisecond, which is what a commit takes, so there is nothing to overlap.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Final

from kiosk.bank.bank import Bank
from kiosk.bank.personality import Personality
from kiosk.bank.server import BankSession, Replies

TICK_S: Final = 0.2
HOLDS_EVERY_TICKS: Final = 300  # a minute
STOP_WITHIN_S: Final = 10.0
CONNECTIONS_MAX: Final = 256


class _Connection(asyncio.Protocol):
    def __init__(self, server: BankServer) -> None:
        self._server = server
        self.session = BankSession(server.bank, server.personality)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if not self.session.link_up or len(self._server.connections) >= CONNECTIONS_MAX:
            transport.abort()
            return
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server.connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self.send(self.session.receive(data))

    def send(self, replies: Replies) -> None:
        loop = asyncio.get_running_loop()
        for delay_ms, raw in replies:
            if delay_ms:
                loop.call_later(delay_ms / 1000, self._write, raw)
            else:
                self._write(raw)
        if not self.session.link_up:
            self.close()

    def _write(self, raw: bytes) -> None:
        if self._transport is not None:
            self._transport.write(raw)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class BankServer:
    """Serves `bank` on ``host:port`` (port 0: any free one, see `port`) until `stop`. Plain, or TLS by a context.

    Raises OSError if the port cannot be bound.
    """

    def __init__(
        self,
        bank: Bank,
        personality: Personality | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.bank = bank
        self.personality = personality or Personality(bank.clock)
        self.connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._ticks = 0
        try:
            self._server = self._loop.run_until_complete(
                self._loop.create_server(lambda: _Connection(self), host, port, ssl=tls)
            )
        except OSError:
            self._loop.close()
            raise
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._run, name=f"bank {host}:{self.port}", daemon=True)
        self._thread.start()

    def terminals(self) -> list[str]:
        """Return the terminals signed on now."""
        return sorted({c.session.terminal for c in list(self.connections)} - {""})

    def order(self, terminal: str, *, in_service: bool) -> None:
        """Order a terminal in or out of service; nothing happens while it is not connected."""

        def work() -> None:
            for connection in list(self.connections):
                if connection.session.terminal == terminal:
                    connection.send(connection.session.order(in_service=in_service))

        self._loop.call_soon_threadsafe(work)

    def stop(self) -> None:
        """Close the port and every connection and end the thread; harmless the second time. The bank stays open."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_WITHIN_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._tick)
        self._loop.run_forever()
        self._server.close()
        for connection in list(self.connections):
            connection.close()
        self._loop.run_until_complete(self._server.wait_closed())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks % HOLDS_EVERY_TICKS == 0:
            self.bank.tick()
        for connection in list(self.connections):
            connection.send(connection.session.tick())
        self._loop.call_later(TICK_S, self._tick)


def serve(
    bank: Bank,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    personality: Personality | None = None,
    tls: ssl.SSLContext | None = None,
) -> BankServer:
    """Start serving `bank`; return the running server."""
    return BankServer(bank, personality, host=host, port=port, tls=tls)
