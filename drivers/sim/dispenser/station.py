"""The device's side of the line, its hands and its faults; what both firmwares share.

    IDLE --command--> ACK --> WORKING --done--> response --> AWAITING --host ACKs--> IDLE (4000: EOT)
     '--bad BCC--> NCK                                          '--NCK or silence: again, at most 3 times

When the same frame comes twice
- While it is being carried out or its response waits for the host's ACK, an identical frame is the same
  request said again: it is acknowledged, answered again, and nothing moves. A frame with other bytes is
  ignored while WORKING, and in AWAITING says that the host has moved on.
- After the host's ACK the exchange is over, and an identical frame without order number is a new order: the
  device cannot know better. With an order number (LCDM-4000, 7-byte form) the number says it.

A frame must be complete within 200 ms; malformed beginnings are answered with silence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from drivers.base.clock import Clock
from drivers.dispenser.framing import ACK, EOT, NCK, CommandReader, Frame, Framing, Signal
from drivers.sim.device import Act, Fault, Replies
from drivers.sim.dispenser.course import PLACES, Motion, Step, Strike, Trouble
from drivers.sim.dispenser.faults import FAULTS
from drivers.sim.dispenser.mechanism import Mechanism

ACK_AFTER_MS: Final = 20
ANSWER_AFTER_MS: Final = 60  # of a question: 25 bytes at 9600 bit/s and some thinking
AGAIN_AFTER_MS: Final = 1_000  # silence of the host after a response
REPEATS_MAX: Final = 3
EEPROM_UNWRITABLE: Final = "eeprom_unwritable"  # found when something is to be written, not before
MEMORY_KINDS: Final = ("unverified", "unwritable", "misread", EEPROM_UNWRITABLE, "eeprom_sum")
LATER_MS: Final = 1_200  # between the two responses of a reset, while the motor runs
BOOT_MS: Final = 1_500

class _Phase(Enum):
    IDLE = "idle"
    WORKING = "working"
    AWAITING = "awaiting"


class Station(ABC):
    """A simulated dispenser; satisfies `drivers.sim.device.SimDevice`."""

    acts: Mapping[str, Act] = {
        act.name: act
        for act in (
            Act("take_notes", "The customer takes notes from the tray.", {"n": "how many; all if left out"}),
            Act(
                "insert_cassette", "Push a cassette in.", {"unit": "which", "notes": "notes in it; as it was"}
            ),
            Act("remove_cassette", "Pull a cassette out.", {"unit": "which"}),
            Act("fill_unit", "Put notes into a cassette.", {"unit": "which", "notes": "how many more"}),
            Act("empty_reject", "Take the notes out of the reject tray."),
            Act("open", "Pull the reject tray out."),
            Act("close", "Push the reject tray in."),
        )
    }
    faults: Mapping[str, Fault] = FAULTS

    def __init__(
        self,
        clock: Clock,
        framing: Framing,
        notes: Mapping[str, int],
        *,
        closes_with_eot: bool,
        near_end_at: int,
    ) -> None:
        self.mechanism = Mechanism(notes)
        self._clock = clock
        self._framing = framing
        self._closes_with_eot = closes_with_eot
        self._near_end_at = near_end_at
        self._reader = CommandReader(framing)
        self._phase = _Phase.IDLE
        self._frame: Frame | None = None  # the command in hand
        self._motion: Motion | None = None
        self._response = b""
        self._repeats = 0
        self._again_ms: int | None = None
        self._more: list[tuple[int, bytes]] = []  # responses that follow, with their instants
        self._powered = True
        self._deaf_until_ms = 0
        self._armed: list[tuple[list[int], Strike]] = []
        self._near_end: set[str] = set()
        self._lies: dict[str, bool] = {}
        self._tells_near_end = self._stops_normally = self._purge_dies = False
        self._memory_damaged = ""

    # ------------------------------------------------------------ what a firmware says

    @abstractmethod
    def _execute(self, frame: Frame) -> bytes | Motion | tuple[bytes, ...]:
        """Answer a question with a body, or start a motion. An unknown CMD is answered by its error.

        Several bodies are sent one by one, `LATER_MS` apart; none at all means silence, without ACK.
        """

    @abstractmethod
    def _report(self, frame: Frame, motion: Motion) -> bytes:
        """Return the body of the response to a motion that has ended."""

    @abstractmethod
    def _forget(self) -> None:
        """Lose what does not survive without power."""

    @abstractmethod
    def _memory(self) -> Mapping[str, object]:
        """Return what the firmware remembers, for `state`."""

    @abstractmethod
    def _sensor_names(self) -> Sequence[str]: ...

    # ------------------------------------------------------------ the line

    def receive(self, data: bytes) -> Replies:
        now_ms = self._clock.now_ms()
        replies = self._advance(now_ms)
        if not self._powered or now_ms < self._deaf_until_ms:
            return replies
        for item in self._reader.feed(data, now_ms):
            if isinstance(item, Frame):
                replies += self._on_command(item, now_ms)
            else:
                replies += self._on_signal(item, now_ms)
        return replies

    def tick(self) -> Replies:
        now_ms = self._clock.now_ms()
        replies = self._advance(now_ms)
        if self._more and now_ms >= self._more[0][0]:
            self._repeats = 0
            replies += self._respond(self._more.pop(0)[1], 0, now_ms)
        if self._again_ms is not None and now_ms >= self._again_ms:
            replies += self._repeat(0, now_ms)
        return replies

    def next_deadline_ms(self) -> int | None:
        soonest, again_ms = self.mechanism.ends_at_ms, self._again_ms
        if again_ms is not None and (soonest is None or again_ms < soonest):
            soonest = again_ms
        if self._more and (soonest is None or self._more[0][0] < soonest):
            soonest = self._more[0][0]
        return soonest

    def _on_command(self, frame: Frame, now_ms: int) -> Replies:
        said_again = frame == self._frame
        acknowledged: Replies = [(ACK_AFTER_MS, bytes((ACK,)))]
        if self._phase is _Phase.WORKING:
            return acknowledged if said_again else []
        if self._phase is _Phase.AWAITING and said_again:
            return acknowledged + self._repeat(ANSWER_AFTER_MS, now_ms)
        self._frame = frame
        self._again_ms = None
        self._repeats = 0
        self._more.clear()
        answer = self._execute(frame)
        if isinstance(answer, Motion):
            self._motion = answer
            self._phase = _Phase.WORKING
            return acknowledged
        bodies = (answer,) if isinstance(answer, bytes) else answer
        if not bodies:
            self._rest()
            return []
        responses = [self._framing.response(frame.cmd, body) for body in bodies]
        self._more = [(now_ms + LATER_MS * index, body) for index, body in enumerate(responses) if index]
        return acknowledged + self._respond(responses[0], ANSWER_AFTER_MS, now_ms)

    def _on_signal(self, signal: Signal, now_ms: int) -> Replies:
        if signal is Signal.DAMAGED:
            return [] if self._phase is _Phase.WORKING else [(ACK_AFTER_MS, bytes((NCK,)))]
        if self._phase is not _Phase.AWAITING:
            return []
        if signal is Signal.NCK:
            return self._repeat(ACK_AFTER_MS, now_ms)
        self._rest()
        return [(ACK_AFTER_MS, bytes((EOT,)))] if self._closes_with_eot else []

    def _respond(self, response: bytes, delay_ms: int, now_ms: int) -> Replies:
        self._response = response
        self._phase = _Phase.AWAITING
        self._again_ms = now_ms + delay_ms + AGAIN_AFTER_MS
        return [(delay_ms, response)]

    def _repeat(self, delay_ms: int, now_ms: int) -> Replies:
        if self._repeats >= REPEATS_MAX:
            self._rest()
            return []
        self._repeats += 1
        self._again_ms = now_ms + delay_ms + AGAIN_AFTER_MS
        return [(delay_ms, self._response)]

    def _rest(self) -> None:
        self._phase = _Phase.IDLE
        self._frame = None
        self._motion = None
        self._again_ms = None

    def _advance(self, now_ms: int) -> Replies:
        end = self.mechanism.advance(now_ms)
        if end is None:
            return []
        if end is Step.END and self._frame is not None and self._motion is not None:
            body = self._report(self._frame, self._motion)
            return self._respond(self._framing.response(self._frame.cmd, body), 0, now_ms)
        self._die()
        if end is Step.POWER_OFF:
            self._powered = False
        else:
            self._deaf_until_ms = now_ms + BOOT_MS
        return []

    def _die(self) -> None:
        self.mechanism.halt()
        self._reader.abandon()
        self._rest()
        self._more.clear()
        self._forget()

    # ------------------------------------------------------------ hands, faults, power

    def act(self, name: str, **arguments: object) -> Replies:
        if name not in self.acts:
            raise ValueError(f"no act {name!r}; there are {', '.join(self.acts)}")
        _known(name, arguments, self.acts[name].arguments)
        replies = self._advance(self._clock.now_ms())
        getattr(self, f"_act_{name}")(**arguments)
        return replies

    def _act_take_notes(self, n: Any = None) -> None:
        self.mechanism.take(None if n is None else int(n))

    def _act_insert_cassette(self, unit: Any, notes: Any = None) -> None:
        cassette = self.mechanism.cassettes[self._unit(unit)]
        if cassette.present:
            raise ValueError(f"{unit}: a cassette is in")
        cassette.present = True
        if notes is not None:
            self.mechanism.removed[unit] += cassette.notes
            cassette.notes = int(notes)

    def _act_remove_cassette(self, unit: Any) -> None:
        cassette = self.mechanism.cassettes[self._unit(unit)]
        if not cassette.present:
            raise ValueError(f"{unit}: no cassette is in")
        if self.mechanism.ends_at_ms is not None:
            raise ValueError(f"{unit}: the cassette is locked while notes move")
        cassette.present = False

    def _act_fill_unit(self, unit: Any, notes: Any) -> None:
        if int(notes) < 0:
            raise ValueError(f"fill {unit} with {notes} notes")
        self.mechanism.cassettes[self._unit(unit)].notes += int(notes)

    def _act_empty_reject(self) -> None:
        self.mechanism.empty_reject()

    def _act_open(self) -> None:
        if not self.mechanism.reject_tray_in:
            raise ValueError("the reject tray is out already")
        self.mechanism.reject_tray_in = False

    def _act_close(self) -> None:
        if self.mechanism.reject_tray_in:
            raise ValueError("the reject tray is in already")
        self.mechanism.reject_tray_in = True

    def strike(self, name: str, **arguments: object) -> None:
        if name not in self.faults:
            raise ValueError(f"no fault {name!r}; there are {', '.join(self.faults)}")
        given: dict[str, Any] = dict(arguments)
        _known(name, given, self.faults[name].arguments)
        if given.get("unit") is not None:
            self._unit(given["unit"])
        if name == "near_end":
            self._near_end.add(self._unit(given.get("unit")))
            self._tells_near_end = bool(given.get("in_answer", False))
            return
        if name == "normal_stop":
            self._stops_normally = True
            return
        if name == "memory_damaged":
            kind = str(given.get("kind", MEMORY_KINDS[-1]))
            if kind not in MEMORY_KINDS:
                raise ValueError(f"kind {kind!r}: one of {', '.join(MEMORY_KINDS)}")
            self._memory_damaged = kind
            return
        if name == "sensor_lies":
            sensor = given.get("sensor")
            if sensor not in self._sensor_names():
                raise ValueError(f"sensor {sensor!r}; there are {', '.join(self._sensor_names())}")
            self._lies[str(sensor)] = bool(given.get("covered", True))
            return
        if name == "power_loss_in_purge":
            self._purge_dies = True
            return
        nth = int(given.pop("nth", 1))
        if name == "power_loss_after_notes":
            given = {"after": given.get("notes", given.get("after", 0))}
        if "source" in self.faults[name].arguments and given.get("source"):
            self._unit(given["source"])
        if name in PLACES and given.setdefault("place", PLACES[name][0]) not in PLACES[name]:
            raise ValueError(f"place {given['place']!r}: one of {', '.join(PLACES[name])}")
        given["after"] = int(given.get("after", 0))
        if nth < 1 or given["after"] < 0:
            raise ValueError("nth starts at 1, after and notes at 0")
        plan_name = {"power_loss_after_notes": "power_loss", "reset_in_command": "restart"}.get(name, name)
        self._armed.append(([nth], Strike(plan_name, **given)))

    def heal(self) -> None:
        self._armed.clear()
        self._near_end.clear()
        self._lies.clear()
        self._tells_near_end = self._stops_normally = self._purge_dies = False
        self._memory_damaged = ""
        self.mechanism.stuck = False

    def power(self, on: bool) -> Replies:
        now_ms = self._clock.now_ms()
        replies = self._advance(now_ms)
        if on and not self._powered:
            self._powered = True
            self._deaf_until_ms = now_ms + BOOT_MS
        elif not on and self._powered:
            self._die()
            self._powered = False
            return []
        return replies

    def state(self) -> Mapping[str, object]:
        """Units, tray, taken, reject and removed by unit; path as (unit, place); the firmware's memory."""
        self._settle()
        mechanism = self.mechanism
        return {
            "powered": self._powered,
            "moving": mechanism.ends_at_ms is not None,
            "units": {unit: cassette.notes for unit, cassette in mechanism.cassettes.items()},
            "missing": [unit for unit, cassette in mechanism.cassettes.items() if not cassette.present],
            "tray": dict(mechanism.tray),
            "taken": dict(mechanism.taken),
            "reject": dict(mechanism.reject),
            "removed": dict(mechanism.removed),
            "path": [list(note) for note in mechanism.path],
            "reject_tray": mechanism.reject_tray_in,
            **self._memory(),
        }

    def _settle(self) -> None:
        """Bring notes up to now without saying anything: an end that is due is said by the next `tick`."""
        ends_ms, now_ms = self.mechanism.ends_at_ms, self._clock.now_ms()
        if ends_ms is not None:
            self.mechanism.advance(min(now_ms, ends_ms - 1))

    # ------------------------------------------------------------ for the firmwares

    def _start(self, order: Sequence[tuple[str, int]], *, to_reject: bool = False) -> Motion:
        """Start a dispense with the faults whose turn it is, unless the test before it finds a sensor that lies or
        damaged memory.
        """
        found = self._test_before_start()
        if found is not None:
            return self.mechanism.refuse(self._clock.now_ms(), *found)
        strikes = []
        for armed in list(self._armed):
            armed[0][0] -= 1
            if armed[0][0] == 0:
                self._armed.remove(armed)
                strikes.append(armed[1])
        return self.mechanism.dispense(self._clock.now_ms(), order, strikes, to_reject=to_reject)

    def _test_before_start(self) -> tuple[Trouble, str] | None:
        """Return what the electronics find wrong before a motor runs: trouble, and the sensor, unit or memory that
        it is about.
        """
        if self._memory_damaged not in ("", EEPROM_UNWRITABLE):
            return Trouble.MEMORY, self._memory_damaged
        lying = next((name for name, covered in self._lies.items() if covered), None)
        return None if lying is None else self._takes_for(lying)

    @abstractmethod
    def _takes_for(self, sensor: str) -> tuple[Trouble, str] | None:
        """Return what the firmware takes a sensor for that reads covered and should not; None for nothing."""

    def _purge(self) -> Motion:
        dies, self._purge_dies = self._purge_dies, False
        return self.mechanism.purge(self._clock.now_ms(), dies=dies)

    def _low(self, unit: str) -> bool:
        return unit in self._near_end or self.mechanism.cassettes[unit].notes <= self._near_end_at

    def _covered(self, sensor: str, truth: bool) -> bool:
        return self._lies.get(sensor, truth)

    def _at(self, *places: str) -> bool:
        return any(place in places for _, place in self.mechanism.path)

    def _unit(self, unit: object) -> str:
        if unit not in self.mechanism.cassettes:
            raise ValueError(f"unit {unit!r}; there are {', '.join(self.mechanism.cassettes)}")
        return str(unit)


def _known(name: str, given: Mapping[str, object], known: Mapping[str, str]) -> None:
    strangers = set(given) - set(known)
    if strangers:
        raise ValueError(
            f"{name}: unknown {', '.join(sorted(strangers))}; known: {', '.join(known) or 'none'}"
        )
