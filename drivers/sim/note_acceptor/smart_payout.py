"""The firmware of a simulated SMART Payout: an NV200 with a store.

Money commands in clear are out of range. Events carry the value paid so far. A payout or float that a power cut broke
is told in the first poll afterwards, with what had been paid and what was asked; a note that lay between store and
mouth is told by where the restart put it. A payout that nobody polls for ten seconds is cancelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from drivers.base.clock import Clock
from drivers.sim.device import Fault
from drivers.sim.note_acceptor.acceptor import NTH
from drivers.sim.note_acceptor.nv200 import UNPOLLED_MS, SimNv200
from drivers.sim.note_acceptor.ssp_side import CANNOT, FAIL, OK, OUT_OF_RANGE
from drivers.sim.note_acceptor.transport import Moment, Note, Phase

NOT_ENOUGH, NOT_EXACTLY, BUSY, DISABLED = 1, 2, 3, 4
NO_DEVICE, BAD_CURRENCY, DEVICE_ERROR = 1, 2, 5
TEST, COMMIT = 0x19, 0x58
POLL_TIMEOUT: Final = "4"

_LISTS: Final = tuple(2 + 9 * count for count in range(21))
_COMMANDS: Final[Mapping[int, tuple[tuple[int, ...], str]]] = {
    0x22: ((0,), "tell_levels"), 0x33: ((8,), "pay_amount"), 0x35: ((7,), "tell_level"), 0x38: ((0,), "halt"),
    0x3B: ((8,), "set_route"), 0x3C: ((7,), "tell_route"), 0x3D: ((12,), "float_amount"),
    0x3E: ((3,), "tell_minimum"), 0x3F: ((0,), "empty"), 0x44: (_LISTS, "float"), 0x46: (_LISTS, "pay"),
    0x52: ((0,), "smart_empty"), 0x53: ((0,), "tell_cashbox"), 0x5B: ((0,), "disable_payout"),
    0x5C: ((0, 1), "enable_payout"),
}  # fmt: skip

_EVENTS: Final[Mapping[str, tuple[bytes, bytes]]] = {
    "float": (b"\xd7", b"\xd8"),
    "empty": (b"\xc2", b"\xc3"),
    "smart_empty": (b"\xb3", b"\xb4"),
}
"""What moves notes to the cashbox -> the event while it does, and the one when it has."""


class SimSmartPayout(SimNv200):
    """`stored`: face value in minor units -> notes in the store at the start."""

    unit_type: ClassVar[int] = 0x06
    commands: ClassVar[Mapping[int, tuple[tuple[int, ...], str]]] = {**SimNv200.commands, **_COMMANDS}
    sealed_only: ClassVar[frozenset[int]] = SimNv200.sealed_only | {
        0x33, 0x38, 0x3B, 0x3C, 0x3D, 0x3F, 0x44, 0x46, 0x52, 0x53, 0x5B, 0x5C,
    }  # fmt: skip
    faults: Mapping[str, Fault] = {
        **SimNv200.faults,
        **{
            fault.name: fault
            for fault in (
                Fault("payout_jam", "A note jams on its way out.", NTH, (42, 44)),
                Fault(
                    "payout_error",
                    "A payout ends in an error.",
                    {"code": "0 note not recognised, 1 jam (default), 2 cashbox, 3 no note found", **NTH},
                    (42, 54),
                ),
                Fault("payout_hangs", "A payout stands still for an hour, and the device does not notice.", NTH, (44,)),
                Fault("payout_diverted", "A double goes to the cashbox; another is paid.", NTH, (54,)),
                Fault("jam_recovery", "It clears a jam before it pays: five notes to the cashbox.", NTH, (54,)),
                Fault("payout_busy", "A payout order is answered with busy.", NTH, (43,)),
                Fault(
                    "payout_device",
                    "The payout device cannot be enabled.",
                    {"code": "1 none, 2 currency, 3 busy, 5 error (default)", **NTH},
                ),
                Fault("power_loss_after_notes", "The power fails.", {"notes": "paid before"}, (97,)),
            )
        },
    }

    def __init__(self, clock: Clock, *args: Any, **options: Any) -> None:
        self._payout_enabled = False
        self._asked_minor = 0
        self._paid_minor = 0
        self._payout = False
        self._cancelled = False  # for want of polls
        self._moving = ""  # why notes move to the cashbox, a key of `_EVENTS`
        self._moved: Counter[int] = Counter()
        self._interrupted: list[bytes] = []  # told at the first poll
        super().__init__(clock, *args, **options)

    # ------------------------------------------------------------ events

    def _notice(self, moment: Moment, now_ms: int) -> None:
        if moment.what == "paid" and moment.note is not None:
            self._paid_minor += moment.note.value_minor
            self.counters["dispensed"] += 1
            self._maybe_lose_power()
        elif moment.what == "pay_done":
            self._payout = False
            code, tail = {"halted": (b"\xd6", b""), POLL_TIMEOUT: (b"\xb1", b"\x04")}.get(moment.reason, (b"\xd2", b""))
            self._events.append(code + self._valued(self._paid_minor) + tail)
        elif moment.what == "pay_failed":
            self._payout = False
            jam = moment.reason == "jam"
            tail = b"" if jam else bytes((int(moment.reason),))
            self._events.append((b"\xd5" if jam else b"\xb1") + self._valued(self._paid_minor) + tail)
        elif moment.what == "moved" and moment.note is not None:
            self.counters["transferred"] += 1
            self._moved[moment.note.value_minor] += 1
            if not self._moving:
                self._events.append(b"\xc9" + self._one(moment.note.value_minor))
        elif moment.what == "move_done" and self._payout:  # the jam took all there was to pay
            self._payout = False
            self._events.append(b"\xb1" + self._valued(self._paid_minor) + b"\x03")
        elif moment.what == "move_done":
            code = _EVENTS[self._moving][1] if moment.reason != "halted" else b"\xd6"
            bare = self._moving == "empty"
            self._events.append(code + (b"" if bare else self._valued(self._moved_minor)))
            self._moving = ""
        else:
            super()._notice(moment, now_ms)

    @property
    def _moved_minor(self) -> int:
        return sum(value * count for value, count in self._moved.items())

    def _maybe_lose_power(self) -> None:
        told = self._armed.look("power_loss_after_notes")
        if told is not None:
            left = int(str(told.get("notes", 1))) - 1
            self._armed.drop("power_loss_after_notes")
            if left > 0:
                self._armed.strike("power_loss_after_notes", {"notes": left})
            else:
                self._lose_power()

    def _unpolled(self, now_ms: int) -> None:
        super()._unpolled(now_ms)
        if self._payout and not self._cancelled:
            self._cancelled = True
            self.transport.halt(POLL_TIMEOUT)

    def _instants(self) -> list[int | None]:
        watched = self._payout and not self._cancelled
        return [*super()._instants(), *([self._polled_ms + UNPOLLED_MS] if watched else [])]

    def _lasting(self) -> bytes:
        said = super()._lasting()
        if self.transport.recovering:
            said += b"\xb0"
        elif self._payout:
            said += b"\xda" + self._valued(self._paid_minor)
        if self._moving:
            during, _ = _EVENTS[self._moving]
            said += during + (b"" if self._moving == "empty" else self._valued(self._moved_minor))
        if self.transport.paid and self._protocol >= 8 and not self._payout:
            said += b"\xce" + self._one(self.transport.paid[-1].value_minor)
        return said

    # ------------------------------------------------------------ power

    def _boot(self, now_ms: int) -> None:
        broken = "payout" if self._payout else "float" if self._moving == "float" else ""
        said = (self._paid_minor if self._payout else self._moved_minor, self._asked_minor)
        super()._boot(now_ms)
        self._payout = False
        self._moving = ""
        self._payout_enabled = False
        if broken:
            self._events.append(b"\xdc" if broken == "payout" else b"\xdd")
            self._interrupted.append(said[0].to_bytes(4, "little") + said[1].to_bytes(4, "little"))

    def _found_at_restart(self, where: str, note: Note, *, credited: bool) -> None:
        if where not in ("store", "stacker"):
            super()._found_at_restart(where, note, credited=credited)
            return
        if where == "stacker":
            self.counters["transferred"] += 1
        self._events.append((b"\xca" if where == "stacker" else b"\xcb") + self._one(note.value_minor))

    def _poll(self, now_ms: int, *, with_ack: bool) -> bytes:
        for index, event in enumerate(self._events):
            if event in (b"\xdc", b"\xdd") and self._interrupted:
                pair = self._interrupted.pop(0)
                self._events[index] += pair if self._protocol < 6 else b"\x01" + pair + self._currency.encode()
        if self._protocol < 8:  # older hosts are not told
            self._events = [event for event in self._events if event[0] not in (0xCA, 0xCB)]
        return super()._poll(now_ms, with_ack=with_ack)

    # ------------------------------------------------------------ commands

    @property
    def _busy(self) -> bool:
        return self.transport.phase is not Phase.IDLE or bool(self.transport.paid)

    def _values(self) -> set[int]:
        return {value for value, _ in self._kinds.values()}

    def _cannot_move(self) -> bytes | None:
        """Return why nothing can be moved now, None if something can."""
        if not self._payout_enabled:
            return bytes((CANNOT, DISABLED))
        if self._busy or self._armed.fires("payout_busy") is not None:
            return bytes((CANNOT, BUSY))
        return None

    def _do_enable_payout(self, _data: bytes, _now_ms: int) -> bytes:
        told = self._armed.fires("payout_device")
        if told is not None:
            return bytes((CANNOT, int(str(told.get("code", DEVICE_ERROR)))))
        self._payout_enabled = True
        return bytes((OK,))

    def _do_disable_payout(self, _data: bytes, _now_ms: int) -> bytes:
        self._payout_enabled = False
        return bytes((OK,))

    def _do_tell_levels(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,)) + self._listing({value: self.transport.store[value] for value in sorted(self._values())})

    def _listing(self, levels: Mapping[int, int]) -> bytes:
        body = b"".join(count.to_bytes(2, "little") + self._one(value) for value, count in levels.items())
        return bytes((len(levels),)) + body

    def _known(self, data: bytes) -> int | None:
        """Return the face value that is named by value and currency, None for a stranger."""
        value = int.from_bytes(data[:4], "little")
        return value if value in self._values() and data[4:7] == self._currency.encode() else None

    def _do_tell_level(self, data: bytes, _now_ms: int) -> bytes:
        value = self._known(data)
        if value is None:
            return bytes((CANNOT,))
        return bytes((OK,)) + self.transport.store[value].to_bytes(2, "little")

    def _do_set_route(self, data: bytes, _now_ms: int) -> bytes:
        value = self._known(data[1:])
        if value is None:
            return bytes((CANNOT, BAD_CURRENCY))
        (self.transport.routes.discard if data[0] else self.transport.routes.add)(value)
        return bytes((OK,))

    def _do_tell_route(self, data: bytes, _now_ms: int) -> bytes:
        value = self._known(data)
        if value is None:
            return bytes((CANNOT, BAD_CURRENCY))
        return bytes((OK, int(value not in self.transport.routes)))

    def _do_tell_minimum(self, data: bytes, _now_ms: int) -> bytes:
        if data != self._currency.encode():
            return bytes((CANNOT, BAD_CURRENCY))
        least = min((value for value, count in self.transport.store.items() if count), default=0)
        return bytes((OK,)) + least.to_bytes(4, "little")

    def _do_tell_cashbox(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK,)) + self._listing({v: n for v, n in sorted(self._moved.items()) if n}) + bytes(4)

    def _do_halt(self, _data: bytes, _now_ms: int) -> bytes:
        return bytes((OK if self.transport.halt() else FAIL,))

    def _listed(self, data: bytes) -> tuple[dict[int, int], int] | None:
        """Return what an order lists and its option, None if it cannot be read."""
        if self._protocol < 6 or len(data) != 2 + 9 * data[0] or data[-1] not in (TEST, COMMIT):
            return None
        wanted: dict[int, int] = {}
        for index in range(data[0]):
            entry = data[1 + 9 * index : 10 + 9 * index]
            value = self._known(entry[2:])
            if value is None:
                return None
            wanted[value] = int.from_bytes(entry[:2], "little")
        return wanted, data[-1]

    def _split(self, amount_minor: int) -> dict[int, int] | None:
        """Return notes of the store that make the amount, highest first; None if it cannot be split."""
        wanted: dict[int, int] = {}
        for value in sorted(self.transport.store, reverse=True):
            count = min(self.transport.store[value], amount_minor // value)
            if count:
                wanted[value] = count
                amount_minor -= value * count
        return None if amount_minor else wanted

    def _total(self) -> int:
        return sum(value * count for value, count in self.transport.store.items())

    def _do_pay(self, data: bytes, now_ms: int) -> bytes:
        listed = self._listed(data)
        return bytes((OUT_OF_RANGE,)) if listed is None else self._pay(*listed, now_ms)

    def _do_pay_amount(self, data: bytes, now_ms: int) -> bytes:
        amount_minor = int.from_bytes(data[:4], "little")
        if self._protocol < 6 or data[4:7] != self._currency.encode() or data[7] not in (TEST, COMMIT):
            return bytes((OUT_OF_RANGE,))
        wanted = self._split(amount_minor)
        if wanted is None:
            reason = NOT_ENOUGH if self._total() < amount_minor else NOT_EXACTLY
            return self._cannot_move() or bytes((CANNOT, reason))
        return self._pay(wanted, data[7], now_ms)

    def _pay(self, wanted: Mapping[int, int], option: int, now_ms: int) -> bytes:
        if (cannot := self._cannot_move()) is not None:
            return cannot
        asked = sum(value * count for value, count in wanted.items())
        if any(count > self.transport.store[value] for value, count in wanted.items()):
            return bytes((CANNOT, NOT_ENOUGH if self._total() < asked else NOT_EXACTLY))
        if option == COMMIT and asked:
            values = [value for value in sorted(wanted, reverse=True) for _ in range(wanted[value])]
            self._asked_minor, self._paid_minor, self._payout, self._cancelled = asked, 0, True, False
            self._moved.clear()
            if self._armed.fires("jam_recovery") is not None:
                self.transport.recover_jam(values, now_ms)
            else:
                self.transport.pay(values, now_ms)
            self._hear(now_ms)
        return bytes((OK,))

    def _do_float(self, data: bytes, now_ms: int) -> bytes:
        listed = self._listed(data)
        return bytes((OUT_OF_RANGE,)) if listed is None else self._keep(*listed, now_ms)

    def _do_float_amount(self, data: bytes, now_ms: int) -> bytes:
        amount_minor = int.from_bytes(data[4:8], "little")
        if self._protocol < 6 or data[8:11] != self._currency.encode() or data[11] not in (TEST, COMMIT):
            return bytes((OUT_OF_RANGE,))
        keep = self._split(amount_minor)
        if keep is None:
            reason = NOT_ENOUGH if self._total() < amount_minor else NOT_EXACTLY
            return self._cannot_move() or bytes((CANNOT, reason))
        return self._keep(keep, data[11], now_ms)

    def _keep(self, keep: Mapping[int, int], option: int, now_ms: int) -> bytes:
        if (cannot := self._cannot_move()) is not None:
            return cannot
        if any(count > self.transport.store[value] for value, count in keep.items()):
            return bytes((CANNOT, NOT_ENOUGH))
        return bytes((OK,)) if option == TEST else self._move(keep, "float", now_ms)

    def _do_empty(self, _data: bytes, now_ms: int) -> bytes:
        return self._cannot_move() or self._move({}, "empty", now_ms)

    def _do_smart_empty(self, _data: bytes, now_ms: int) -> bytes:
        return self._cannot_move() or self._move({}, "smart_empty", now_ms)

    def _move(self, keep: Mapping[int, int], why: str, now_ms: int) -> bytes:
        values = [v for v, n in self.transport.store.items() for _ in range(n - keep.get(v, 0))]
        self._asked_minor = sum(values)
        self._moved.clear()
        self._moving = why
        self.transport.move(values, now_ms)
        self._hear(now_ms)
        return bytes((OK,))
