"""The firmware of a simulated SMART Payout: an NV200 with a store.

Money commands in clear are out of range. Events carry the value paid so far. A payout that a power cut broke is told
in the first poll afterwards, with what had been paid and what was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.base.clock import Clock
from drivers.sim.device import Fault
from drivers.sim.note_acceptor.nv200 import SimNv200
from drivers.sim.note_acceptor.ssp_side import BAD_COUNT, CANNOT, OK, OUT_OF_RANGE
from drivers.sim.note_acceptor.transport import Moment, Phase

NOT_ENOUGH, NOT_EXACTLY, BUSY, DISABLED = 1, 2, 3, 4

_NTH = {"nth": "n-th note from now, 1", "stays": "at each until healed"}


class SimSmartPayout(SimNv200):
    """`stored`: face value in minor units -> notes in the store at the start."""

    unit_type: ClassVar[int] = 0x06
    money: ClassVar[tuple[int, ...]] = (0x33, 0x34, 0x38, 0x3B, 0x3D, 0x3F, 0x44, 0x46, 0x52)
    faults: Mapping[str, Fault] = {
        **SimNv200.faults,
        **{
            fault.name: fault
            for fault in (
                Fault("payout_jam", "A note jams on its way out.", _NTH, (42, 44)),
                Fault("payout_timeout", "A note cannot be found in the store in time.", _NTH, (42,)),
                Fault("payout_diverted", "A double goes to the cashbox; another is paid.", _NTH, (54,)),
                Fault("payout_busy", "A payout order is answered with busy.", _NTH, (43,)),
                Fault("power_loss_after_notes", "The power fails.", {"notes": "paid before"}, (97,)),
            )
        },
    }

    def __init__(self, clock: Clock, *args: Any, **options: Any) -> None:
        self._payout_enabled = False
        self._asked_minor = 0
        self._paid_minor = 0
        self._payout = False
        self._moving = b""
        self._incomplete: tuple[int, int] | None = None
        self._levels_moved: Counter[int] = Counter()
        super().__init__(clock, *args, **options)

    def _notice(self, moment: Moment) -> None:
        if moment.what == "paid" and moment.note is not None:
            self._paid_minor += moment.note.value_minor
            self.counters["dispensed"] += 1
            self._maybe_lose_power()
        elif moment.what == "pay_done":
            self._payout = False
            self._events.append(b"\xd2" + self._valued(self._paid_minor))
        elif moment.what == "pay_failed":
            self._payout = False
            code = 0xD5 if moment.reason == "jam" else 0xD9
            self._events.append(bytes((code,)) + self._valued(self._paid_minor))
        elif moment.what == "moved" and moment.note is not None:
            self.counters["transferred"] += 1
            self._levels_moved[moment.note.value_minor] += 1
            if not self._moving:
                self._events.append(b"\xc9" + self._valued(moment.note.value_minor))
        elif moment.what == "move_done":
            value = sum(v * n for v, n in self._levels_moved.items())
            self._events.append(b"\xb4" + self._valued(value) if self._moving == b"\xb3" else b"\xd8" + self._valued(0))
            self._moving = b""
        else:
            super()._notice(moment)

    def _maybe_lose_power(self) -> None:
        told = self._armed.look("power_loss_after_notes")
        if told is not None:
            left = int(str(told.get("notes", 1))) - 1
            self._armed.drop("power_loss_after_notes")
            if left > 0:
                self._armed.strike("power_loss_after_notes", {"notes": left})
            else:
                self._off()
                self._powered = False

    def _lasting(self) -> bytes:
        said = super()._lasting()
        if self._payout:
            said += b"\xda" + self._valued(self._paid_minor)
        if self._moving:
            said += self._moving + self._valued(sum(v * n for v, n in self._levels_moved.items()))
        return said

    def _boot(self, now_ms: int) -> None:
        broken = (self._paid_minor, self._asked_minor) if self._payout else None
        super()._boot(now_ms)
        self._payout = False
        self._moving = b""
        self._payout_enabled = False
        self._incomplete = broken

    def _poll(self, now_ms: int) -> bytes:
        if self._incomplete is not None:
            paid, asked = self._incomplete
            pair = paid.to_bytes(4, "little") + asked.to_bytes(4, "little")
            said = b"\xdc" + (pair if self._protocol < 6 else b"\x01" + pair + self._currency.encode())
            self._events.append(said)
            self._incomplete = None
        return super()._poll(now_ms)

    # ------------------------------------------------------------ commands

    def _command(self, code: int, data: bytes, now_ms: int) -> bytes:
        done = bytes((OK,))
        if code == 0x5C:
            self._payout_enabled = True
            return done
        if code == 0x5B:
            self._payout_enabled = False
            return done
        if code == 0x22:
            body = b"".join(
                self.transport.store[value].to_bytes(2, "little")
                + value.to_bytes(4, "little")
                + self._currency.encode()
                for value in self._channels.values()
            )
            return done + bytes((len(self._channels),)) + body
        if code == 0x3B:
            return self._route(data)
        if code == 0x46:
            return self._pay(data, now_ms)
        if code == 0x44:
            return self._float(data, now_ms)
        if code == 0x52:
            if self._busy:
                return bytes((CANNOT, BUSY))
            return self._move({}, b"\xb3", now_ms)
        if code == 0x38:
            return done if self.transport.halt() else bytes((CANNOT,))
        return super()._command(code, data, now_ms)

    @property
    def _busy(self) -> bool:
        return self.transport.phase is not Phase.IDLE or bool(self.transport.paid)

    def _route(self, data: bytes) -> bytes:
        if len(data) != 8:
            return bytes((BAD_COUNT,))
        value = int.from_bytes(data[1:5], "little")
        if value not in self._channels.values() or data[5:].decode() != self._currency:
            return bytes((OUT_OF_RANGE,))
        (self.transport.routes.discard if data[0] else self.transport.routes.add)(value)
        return bytes((OK,))

    def _listed(self, data: bytes) -> tuple[dict[int, int], int] | None:
        """Return what an order lists and its option, None if it cannot be read."""
        if not data or len(data) != 2 + 9 * data[0] or data[-1] not in (0x19, 0x58):
            return None
        wanted: dict[int, int] = {}
        for index in range(data[0]):
            entry = data[1 + 9 * index : 10 + 9 * index]
            if entry[6:].decode("ascii", "replace") != self._currency:
                return None
            wanted[int.from_bytes(entry[2:6], "little")] = int.from_bytes(entry[:2], "little")
        return wanted, data[-1]

    def _pay(self, data: bytes, now_ms: int) -> bytes:
        listed = self._listed(data)
        if listed is None:
            return bytes((OUT_OF_RANGE,))
        wanted, option = listed
        if not self._payout_enabled:
            return bytes((CANNOT, DISABLED))
        if self._busy or self._armed.fires("payout_busy") is not None:
            return bytes((CANNOT, BUSY))
        if any(count > self.transport.store[value] for value, count in wanted.items()):
            total = sum(value * count for value, count in self.transport.store.items())
            asked = sum(value * count for value, count in wanted.items())
            return bytes((CANNOT, NOT_ENOUGH if total < asked else NOT_EXACTLY))
        if option == 0x58:
            values = [value for value in sorted(wanted, reverse=True) for _ in range(wanted[value])]
            self._asked_minor, self._paid_minor, self._payout = sum(values), 0, True
            self.transport.pay(values, now_ms)
        return bytes((OK,))

    def _float(self, data: bytes, now_ms: int) -> bytes:
        listed = self._listed(data)
        if listed is None:
            return bytes((OUT_OF_RANGE,))
        keep, option = listed
        if self._busy:
            return bytes((CANNOT, BUSY))
        if any(count > self.transport.store[value] for value, count in keep.items()):
            return bytes((CANNOT, NOT_ENOUGH))
        return bytes((OK,)) if option == 0x19 else self._move(keep, b"\xd7", now_ms)

    def _move(self, keep: Mapping[int, int], said: bytes, now_ms: int) -> bytes:
        values = [v for v, n in self.transport.store.items() for _ in range(n - keep.get(v, 0))]
        self._levels_moved.clear()
        self._moving = said
        self.transport.move(values, now_ms)
        return bytes((OK,))
