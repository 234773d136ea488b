"""The wire between a driver and a simulated device, in memory and on a clock; and what may go wrong on it.

Fault model
-----------
The wire stands for a serial cable with its adapters. What it does wrong is data (`WireFault`): a chunk is
what one side handed over at once (one `write` of the terminal, one reply of the device).

*Must survive* (the command ends with the truth, nothing to explain):
    `split`    a chunk arrives in pieces, with a pause between them
    `delay`    a chunk, and therefore everything behind it, arrives late but within the protocol's limits
    `repeat`   a chunk arrives again, as adapters and terminal servers do after a hiccup
    `drop` or `corrupt` of anything the protocol says twice: questions, refused frames, damaged responses

*Must detect and stop* (the command ends UNKNOWN or REFUSED, never with a wrong certainty):
    `drop`, `corrupt` or `delay` beyond the limits of a command that moves value, or of its answer
    `cut`      from some byte on nothing passes, in one direction, until `restore`
    unplugging `LineError` on both calls, until `plug`

*Out of scope*: changed order (a serial line keeps it; a delayed chunk delays what follows), bytes invented
by an adversary with a right check character, and corruption that keeps the XOR check right (two equal flips
in one column: the protocol cannot see it either; `corrupt` flips within one byte for that reason).

Determinism: nothing is random here. Which chunk is struck is said by count or by content, counted per
direction from the arming of the fault.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from drivers.base.clock import Clock
from drivers.base.errors import LineError
from drivers.sim.device import Replies, SimDevice

Effect = Literal["drop", "corrupt", "split", "repeat", "delay", "cut"]
Direction = Literal["to_device", "from_device"]
Observer = Callable[[int, Direction, bytes], None]

EFFECTS: Final[tuple[Effect, ...]] = ("drop", "corrupt", "split", "repeat", "delay", "cut")
DIRECTIONS: Final[tuple[Direction, ...]] = ("to_device", "from_device")


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFault:
    """One thing that goes wrong once (or `times` times in a row; 0: until `Wire.restore`).

    nth: strikes the n-th chunk of `direction`, from 1, counted from the arming; with `match`, the n-th that
        contains it.
    match: hex digits, spaces allowed, e.g. ``"02 52"``.
    at: index of the byte concerned: the one corrupted, the first of the second piece of a split, the first
        that is lost in a cut. Beyond the chunk it means its last byte; negative counts from the end.
    mask: what is XORed over the byte by `corrupt`, 1..255.
    by_ms: how late `delay` makes a chunk, or the second piece of a split, or the copies of `repeat`.
    copies: how many more times `repeat` delivers the chunk.
    Raises ValueError for what means nothing.
    """

    effect: Effect
    direction: Direction
    nth: int = 1
    match: str = ""
    at: int = 0
    mask: int = 0xFF
    by_ms: int = 0
    copies: int = 1
    times: int = 1

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS:
            raise ValueError(f"wire effect {self.effect!r}: one of {', '.join(EFFECTS)}")
        if self.direction not in DIRECTIONS:
            raise ValueError(f"direction {self.direction!r}: one of {', '.join(DIRECTIONS)}")
        if self.nth < 1 or self.copies < 1 or self.times < 0 or self.by_ms < 0:
            raise ValueError("nth and copies start at 1; times and by_ms are not negative")
        if not 1 <= self.mask <= 0xFF:
            raise ValueError(f"mask {self.mask}: 1 to 255, or nothing is corrupted")
        bytes.fromhex(self.match)

    @classmethod
    def from_mapping(cls, data: Mapping[str, object]) -> WireFault:
        """Read a fault as scenarios write it. Raises ValueError naming the words it does not know."""
        known = {entry.name for entry in dataclasses.fields(cls)}
        unknown = set(data) - known
        if unknown:
            words = ", ".join(sorted(known))
            raise ValueError(f"wire fault: unknown {', '.join(sorted(unknown))}; known: {words}")
        return cls(**data)  # type: ignore[arg-type]


class _Armed:
    """A fault and how often its chunk has come by."""

    __slots__ = ("fault", "left", "pattern", "seen")

    def __init__(self, fault: WireFault) -> None:
        self.fault = fault
        self.pattern = bytes.fromhex(fault.match)
        self.seen = 0
        self.left = fault.times

    def strikes(self, chunk: bytes) -> bool:
        if self.pattern and self.pattern not in chunk:
            return False
        self.seen += 1
        if self.seen < self.fault.nth:
            return False
        self.left -= 1
        return True

    @property
    def spent(self) -> bool:
        return self.fault.times > 0 and self.left <= 0


class Wire:
    """A `Line` for the terminal's side; hands, power and faults for everybody else's.

    Replies of the device appear at `now + delay_ms`. Whoever runs the clock asks `next_deadline_ms`, moves
    it there, and calls `tick` (or reads). `struck` lists the faults that have struck, with their instant.
    """

    def __init__(self, clock: Clock, device: SimDevice, observer: Observer | None = None) -> None:
        self._clock = clock
        self.device = device
        self.observer = observer
        self.struck: list[tuple[int, WireFault]] = []
        self._armed: dict[Direction, list[_Armed]] = {"to_device": [], "from_device": []}
        self._flying: dict[Direction, deque[tuple[int, bytes]]] = {
            "to_device": deque(),
            "from_device": deque(),
        }
        self._cut: set[Direction] = set()
        self._plugged = True

    # ------------------------------------------------------------ the terminal's side

    def write(self, data: bytes) -> None:
        """Send `data` to the device. Raises LineError while unplugged."""
        self._require_plugged()
        if not data:
            return
        now_ms = self._clock.now_ms()
        if self.observer is not None:
            self.observer(now_ms, "to_device", data)
        if self._armed["to_device"] or self._cut or self._flying["to_device"]:
            self._send("to_device", now_ms, data)
            self._deliver(now_ms)
        else:
            self._answer(self.device.receive(data))

    def read_available(self) -> bytes:
        """Return what has arrived by now. Raises LineError while unplugged."""
        self._require_plugged()
        self.tick()
        arriving = self._flying["from_device"]
        now_ms = self._clock.now_ms()
        data = b""
        while arriving and arriving[0][0] <= now_ms:
            data += arriving.popleft()[1]
        if data and self.observer is not None:
            self.observer(now_ms, "from_device", data)
        return data

    def close(self) -> None:
        """Nothing to let go of: the wire is plugged until `unplug`."""

    # ------------------------------------------------------------ time

    def tick(self) -> None:
        """Deliver what is due to the device, and let it act on its own deadlines."""
        now_ms = self._clock.now_ms()
        if self._flying["to_device"]:
            self._deliver(now_ms)
        due_ms = self.device.next_deadline_ms()
        if due_ms is not None and due_ms <= now_ms:
            self._answer(self.device.tick())

    def next_deadline_ms(self) -> int | None:
        """Return the instant at which a byte arrives somewhere or the device acts by itself."""
        soonest = self.device.next_deadline_ms()
        for flying in self._flying.values():
            if flying and (soonest is None or flying[0][0] < soonest):
                soonest = flying[0][0]
        return soonest

    # ------------------------------------------------------------ hands, power, faults

    def act(self, name: str, **arguments: object) -> None:
        """Let a person do something; see `SimDevice.act`."""
        self._answer(self.device.act(name, **arguments))

    def power(self, on: bool) -> None:
        """Cut or restore the device's power. What it had not yet sent is lost with it."""
        self._deliver(self._clock.now_ms())
        replies = self.device.power(on)
        if not on:
            self._keep_arrived()
        self._answer(replies)

    def unplug(self) -> None:
        """Pull the cable: bytes under way are lost; the device is not told and goes on by itself."""
        self._plugged = False
        self._flying["to_device"].clear()
        self._flying["from_device"].clear()

    def plug(self) -> None:
        self._plugged = True

    @property
    def plugged(self) -> bool:
        return self._plugged

    def strike(self, fault: WireFault) -> None:
        """Arm `fault`; chunks are counted from here."""
        self._armed[fault.direction].append(_Armed(fault))

    def restore(self) -> None:
        """Mend the wire: faults armed are forgotten, a cut is closed. What was lost stays lost."""
        for armed in self._armed.values():
            armed.clear()
        self._cut.clear()

    # ------------------------------------------------------------ inside

    def _require_plugged(self) -> None:
        if not self._plugged:
            raise LineError("wire: the cable is unplugged. Plug it in, then identify the device again")

    def _answer(self, replies: Replies) -> None:
        if not replies or not self._plugged:
            return
        now_ms = self._clock.now_ms()
        for delay_ms, data in replies:
            if data:
                self._send("from_device", now_ms + delay_ms, data)

    def _deliver(self, now_ms: int) -> None:
        leaving = self._flying["to_device"]
        while leaving and leaving[0][0] <= now_ms:
            self._answer(self.device.receive(leaving.popleft()[1]))

    def _keep_arrived(self) -> None:
        now_ms = self._clock.now_ms()
        arriving = self._flying["from_device"]
        self._flying["from_device"] = deque(entry for entry in arriving if entry[0] <= now_ms)

    def _send(self, direction: Direction, at_ms: int, data: bytes) -> None:
        """Put a chunk on its way; apply the first armed fault that it meets."""
        armed = self._armed[direction]
        struck: WireFault | None = None
        for entry in armed:
            if entry.strikes(data):
                struck = entry.fault
                if entry.spent:
                    armed.remove(entry)
                break
        pieces = [(at_ms, data)]
        cuts = False
        if struck is not None:
            self.struck.append((self._clock.now_ms(), struck))
            pieces = _damaged(struck, at_ms, data)
            cuts = struck.effect == "cut"
        if direction not in self._cut:
            flying = self._flying[direction]
            for instant_ms, piece in pieces:
                if piece:
                    in_order_ms = max(instant_ms, flying[-1][0]) if flying else instant_ms
                    flying.append((in_order_ms, piece))
        if cuts:
            self._cut.add(direction)


def _damaged(fault: WireFault, at_ms: int, data: bytes) -> list[tuple[int, bytes]]:
    """Return what becomes of a chunk: pieces with the instants at which they arrive."""
    at = max(fault.at + len(data), 0) if fault.at < 0 else min(fault.at, len(data) - 1)
    later_ms = at_ms + fault.by_ms
    if fault.effect == "drop":
        return []
    if fault.effect == "cut":
        return [(at_ms, data[:at])]
    if fault.effect == "corrupt":
        return [(at_ms, data[:at] + bytes([data[at] ^ fault.mask]) + data[at + 1 :])]
    if fault.effect == "split":
        return [(at_ms, data[:at]), (later_ms, data[at:])]
    if fault.effect == "repeat":
        return [(at_ms, data), *[(later_ms, data)] * fault.copies]
    return [(later_ms, data)]
