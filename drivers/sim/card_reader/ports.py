"""Ports for lamps and switches: P0 to P3 put ports into one of four modes, T0 to T3 for a time, P5 tells them.

What the modes do to a lamp the note does not say; the reader keeps the mode of each port. P4 puts ports back to
mode 0 and ends their time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drivers.sim.card_reader.trouble import Trouble

if TYPE_CHECKING:
    from drivers.sim.card_reader.reader import Handler, SimOmron3S4YR


class Ports:
    def __init__(self, count: int) -> None:
        self._count = count
        self._modes = [0] * count
        self._until: dict[int, tuple[int, int]] = {}  # port -> instant, and the mode before

    def named(self, digits: bytes) -> list[int] | None:
        """Return the ports of a list, each once; None when one of them is not there."""
        ports = [digit - 0x31 for digit in digits]
        fine = ports and len(set(ports)) == len(ports) and all(0 <= port < self._count for port in ports)
        return ports if fine else None

    def put(self, port: int, mode: int) -> None:
        self._until.pop(port, None)
        self._modes[port] = mode

    def put_for(self, port: int, mode: int, now_ms: int, for_ms: int) -> None:
        self.pass_time(now_ms)
        before = self._until.pop(port, (0, self._modes[port]))[1]
        self._modes[port] = mode
        self._until[port] = now_ms + for_ms, before

    def pass_time(self, now_ms: int) -> None:
        """Let ports whose time is over go back to what they were."""
        for port, (instant_ms, before) in list(self._until.items()):
            if now_ms >= instant_ms:
                self.put(port, before)

    def told(self, now_ms: int) -> str:
        self.pass_time(now_ms)
        return "".join(str(mode) for mode in self._modes)


def _put(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    ports = r.ports.named(params)
    if ports is None:
        return r.no(code, Trouble.PARAMETER)
    for port in ports:
        r.ports.put(port, int(code[1]) % 4)
    return r.say(code)


def _put_for(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    ports = r.ports.named(params[:1])
    if ports is None or len(params) != 3 or not params[1:].isdigit():
        return r.no(code, Trouble.PARAMETER)
    r.ports.put_for(ports[0], int(code[1]), r.now_ms, int(params[1:]) * r.habits.port_unit_ms)
    return r.say(code)


def _tell(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    return r.say(code, r.ports.told(r.now_ms))


COMMANDS: Final[Mapping[str, Handler]] = {
    **dict.fromkeys(("P0", "P1", "P2", "P3", "P4"), _put),
    "P5": _tell,
    **dict.fromkeys(("T0", "T1", "T2", "T3"), _put_for),
}
