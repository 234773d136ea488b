"""The bench: a driver, its line, hands if there are any, and somebody to ask. One check runs on one bench.

                       Tap (records, damages)
    driver  <->  Bench  <->  line  <->  device            in memory   Wire and SimClock
                   |                                      pty         SteppedPty and SerialLine, SimClock
                 hands, person                            pty, live   PtyServer and SerialLine, real clock
                                                          hardware    SerialLine, a person instead of hands

A `Pace` lets time pass: in memory it moves the clock to the next instant, on hardware it waits for bytes or for
that instant. On a stepped pseudo-terminal the bytes go through the kernel and the serial code as they would anywhere,
but the clock stands still until each byte that one end sent has come to the other. Bytes are recorded in raw form only
as long as the bench lives; what leaves it are entries of a decoder, which masks secrets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, Protocol, TypeVar

from drivers.base.clock import Clock, SimClock
from drivers.base.driver import Driver, Report
from drivers.base.errors import LineError
from drivers.base.line import Line, SerialLine
from drivers.base.vocabulary import Command, DeviceLost, DeviceReady, Happening, Result
from drivers.sim.device import SimDevice
from drivers.sim.pty import PtyServer, SteppedPty
from drivers.sim.wire import Wire
from kiosk.devicekit.check import Check, Failed, Need, Skipped, Steps, Trial, Until, Verdict, expect
from kiosk.devicekit.frames import Decoder, Direction, Entry
from kiosk.devicekit.words import told, value_of

H = TypeVar("H", bound=Happening)
R = TypeVar("R")

CONNECT_WITHIN_MS: Final = 60_000
ANSWER_WITHIN_MS: Final = 200_000  # three tries of the slowest mechanical command
ROUNDS_MAX: Final = 2_000  # at one instant: more is a driver that spins
STEPS_MAX: Final = 200_000  # of one check
IDLE_WAIT_MS: Final = 50
KERNEL_WITHIN_S: Final = 1.0  # real time in which bytes pass a pseudo-terminal, on a busy machine, too
PIECE_BYTES: Final = 1_024


# ------------------------------------------------------------ the line, recorded and damaged


@dataclass(slots=True)
class Damage:
    """What the tap does to coming chunks of one direction: after `skip` chunks, to `count` of them."""

    direction: Direction
    effect: Literal["drop", "corrupt"]
    skip: int = 0
    count: int = 1


Rewrite = Callable[[Direction, bytes], bytes | None]


class Tap:
    """A line around a line. Everything that passes is given to `seen`, as it is on the cable."""

    def __init__(self, line: Line, clock: Clock, seen: Callable[[int, Direction, bytes], None]) -> None:
        self.line = line
        self.damages: list[Damage] = []
        self.rewrite: Rewrite | None = None
        self._clock, self._seen = clock, seen
        self._injected = b""

    def write(self, data: bytes) -> None:
        out = self._strike("to_device", data)
        if out:
            self._seen(self._clock.now_ms(), "to_device", out)
            self.line.write(out)

    def read_available(self) -> bytes:
        data, self._injected = self._injected, b""
        came = self.line.read_available()
        if came:
            data += self._strike("from_device", came)
        if data:
            self._seen(self._clock.now_ms(), "from_device", data)
        return data

    def inject(self, data: bytes) -> None:
        """Let `data` arrive from the device's side."""
        self._injected += data

    def close(self) -> None:
        self.line.close()

    def _strike(self, direction: Direction, data: bytes) -> bytes:
        if self.rewrite is not None:
            rewritten = self.rewrite(direction, data)
            if rewritten is not None:
                data = rewritten
        for damage in self.damages:
            if damage.direction != direction:
                continue
            if damage.skip:
                damage.skip -= 1
                continue
            damage.count -= 1
            if not damage.count:
                self.damages.remove(damage)
            if damage.effect == "drop":
                return b""
            at = len(data) // 2
            return data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]
        return data


# ------------------------------------------------------------ hands


@dataclass(frozen=True, slots=True)
class Plugged:
    """A line that has just come up, how time passes on it, and what ends it."""

    line: Line
    pace: Pace
    closing: Callable[[], None]


class Hands(Protocol):
    """A person's and a fault's way to a simulated device."""

    def act(self, name: str, **arguments: object) -> None: ...

    def strike(self, name: str, **arguments: object) -> None: ...

    def heal(self) -> None: ...

    def power(self, on: bool) -> None: ...

    def unplug(self) -> None: ...

    def plug(self) -> Plugged | None:
        """Plug the cable in again; return the line that there is now, None if it is the one there was."""
        ...

    def state(self) -> Mapping[str, Any]: ...


class WireHands:
    """Hands on a simulator in memory."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def act(self, name: str, **arguments: object) -> None:
        self.wire.act(name, **arguments)

    def strike(self, name: str, **arguments: object) -> None:
        self.wire.device.strike(name, **arguments)

    def heal(self) -> None:
        self.wire.device.heal()

    def power(self, on: bool) -> None:
        self.wire.power(on)

    def unplug(self) -> None:
        self.wire.unplug()

    def plug(self) -> None:
        self.wire.plug()  # and the line goes on

    def state(self) -> Mapping[str, Any]:
        return self.wire.device.state()


class PtyHands:
    """Hands on a simulator that is served on a pseudo-terminal."""

    def __init__(
        self, server: PtyServer, device: SimDevice, again: Callable[[], tuple[PtyServer, Plugged]] | None = None
    ) -> None:
        self.server, self._device, self._again = server, device, again

    def act(self, name: str, **arguments: object) -> None:
        self.server.act(name, **arguments)

    def strike(self, name: str, **arguments: object) -> None:
        self.server.strike(name, **arguments)

    def heal(self) -> None:
        self._device.heal()

    def power(self, on: bool) -> None:
        self.server.power(on)

    def unplug(self) -> None:
        self.server.stop()

    def plug(self) -> Plugged:
        if self._again is None:
            raise Skipped("nobody makes a new pseudo-terminal here")
        self.server, plugged = self._again()
        return plugged

    def state(self) -> Mapping[str, Any]:
        return self.server.state()


class Person(Protocol):
    """Somebody at a terminal. Neither call waits."""

    def tell(self, text: str) -> None: ...

    def ask(self, text: str) -> None:
        """Put a question; `answer` tells when it has been answered."""
        ...

    def answer(self) -> bool | None:
        """Return yes, no, or None for not yet."""
        ...


# ------------------------------------------------------------ time


class Pace(Protocol):
    def let_pass(self, until_ms: int) -> None:
        """Return when bytes may have come, or at `until_ms`, or earlier."""
        ...


class SimPace:
    """Virtual time: jump to the instant at which something happens next."""

    def __init__(self, clock: SimClock, wire: Wire) -> None:
        self._clock, self._wire = clock, wire

    def let_pass(self, until_ms: int) -> None:
        soonest = self._wire.next_deadline_ms()
        instant = until_ms if soonest is None else min(soonest, until_ms)
        self._clock.move_to(max(instant, self._clock.now_ms()))


class RealPace:
    """Real time: wait for the line to wake us."""

    def __init__(self, clock: Clock, woken: threading.Event) -> None:
        self._clock, self._woken = clock, woken

    def let_pass(self, until_ms: int) -> None:
        wait_ms = min(max(until_ms - self._clock.now_ms(), 0), IDLE_WAIT_MS)
        if wait_ms:
            self._woken.wait(wait_ms / 1_000)
        self._woken.clear()


class SteppedLine:
    """A serial line on a stepped pseudo-terminal, which can tell whether bytes are under way."""

    def __init__(self, server: SteppedPty, line: SerialLine, woken: threading.Event) -> None:
        self._server, self._line, self._woken = server, line, woken
        self._came = b""
        self._read = self._written = 0
        self._lost: LineError | None = None

    def write(self, data: bytes) -> None:
        if self._server.stopped:
            raise self._lost or LineError("the pseudo-terminal is closed")
        for at in range(0, len(data), PIECE_BYTES):  # a pseudo-terminal holds only so much
            self._line.write(data[at : at + PIECE_BYTES])
            self._written += len(data[at : at + PIECE_BYTES])
            self._carry_out()

    def read_available(self) -> bytes:
        if not self._came and self._lost is not None:
            raise self._lost
        data, self._came = self._came, b""
        return data

    def close(self) -> None:
        self._line.close()

    def settle(self) -> bool:
        """Carry every byte to where it goes; return whether the terminal's side has something to read."""
        if not self._server.stopped:
            self._carry_out()
            self._server.step()
        self._carry_in()
        return bool(self._came) or self._lost is not None

    def _carry_out(self) -> None:
        for _ in range(ROUNDS_MAX):
            if self._server.heard >= self._written:
                return
            self._server.step(KERNEL_WITHIN_S)
        raise Failed(f"{self._written} bytes were written, {self._server.heard} came out of the pseudo-terminal")

    def _carry_in(self) -> None:
        for _ in range(ROUNDS_MAX):
            self._woken.clear()
            try:
                data = self._line.read_available()
            except LineError as error:
                self._lost = error
                return
            self._came += data
            self._read += len(data)
            if self._read >= self._server.said and not self._server.stopped:
                return
            self._woken.wait(KERNEL_WITHIN_S)
        raise Failed(f"{self._server.said} bytes went into the pseudo-terminal, {self._read} were read")


class SteppedPace:
    """Virtual time over a real pseudo-terminal: the clock jumps when nothing is under way."""

    def __init__(self, clock: SimClock, server: SteppedPty, line: SteppedLine) -> None:
        self._clock, self._server, self._line = clock, server, line

    def let_pass(self, until_ms: int) -> None:
        if self._line.settle():
            return
        soonest = None if self._server.stopped else self._server.next_deadline_ms()
        instant = until_ms if soonest is None else min(soonest, until_ms)
        self._clock.move_to(max(instant, self._clock.now_ms()))
        self._line.settle()


# ------------------------------------------------------------ the bench


class Party(Protocol):
    """Who speaks to the device: a driver, or a sweep that uses the line discipline alone."""

    def receive(self, data: bytes) -> list[Report]: ...

    def tick(self) -> list[Report]: ...

    def data_to_send(self) -> bytes: ...

    def next_deadline_ms(self) -> int | None: ...


class Bench:
    """One device on one line. `provides` are the needs that this bench can meet."""

    def __init__(
        self,
        *,
        clock: Clock,
        make_driver: Callable[[Clock], Driver],
        line: Line,
        decoder: Decoder,
        pace: Pace,
        provides: frozenset[Need],
        hands: Hands | None = None,
        person: Person | None = None,
        closing: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock, self.hands, self.person = clock, hands, person
        self.driver = make_driver(clock)
        self.provides = provides
        self.entries: list[Entry] = []
        self.raw: list[tuple[int, Direction, bytes]] = []
        self.reports: list[Report] = []
        self.pieces_of = 0  # feed the driver so many bytes at a time; 0 is as they come
        self.party: Party = self.driver
        self.tap = Tap(line, clock, self._seen)
        self.follow: Callable[[Entry], None] | None = None
        self._make_driver, self._decoder, self._pace, self._closing = make_driver, decoder, pace, closing
        self._tickets = 0
        self._line_lost = False

    # ------------------------------------------------------------ for checks

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    @property
    def simulated(self) -> bool:
        return self.hands is not None

    @property
    def patience_ms(self) -> int:
        """How long people may take for what a check asks of them."""
        return 10_000 if self.simulated else 60_000

    def ticket(self) -> str:
        """Return a ticket that was not used on this bench."""
        self._tickets += 1
        return f"check-{self._tickets}"

    def note(self, text: str) -> None:
        """Put a remark between the frames."""
        entry = Entry(self.now_ms, "note", text, "", "note")
        self.entries.append(entry)
        if self.follow is not None:
            self.follow(entry)

    def until(self, holds: Callable[[], bool], within_ms: int) -> Steps[bool]:
        """Wait for a condition; return whether it came to hold."""
        yield Until(holds, self.now_ms + within_ms)
        return holds()

    def pause(self, for_ms: int) -> Steps[None]:
        yield Until(lambda: False, self.now_ms + for_ms)

    def start(self) -> Steps[DeviceReady]:
        """Connect and wait for the device. Raises Failed if it does not come up."""
        first = len(self.reports)
        self.driver.connect()
        yield Until(lambda: bool(self.seen(DeviceReady, first) or self.seen(DeviceLost, first)), self._by_then())
        ready = self.seen(DeviceReady, first)
        if not ready:
            lost = self.seen(DeviceLost, first)
            raise Failed(f"it does not come up: {lost[0].reason if lost else 'nothing at all was reported'}")
        return ready[0]

    def restart_program(self) -> Steps[None]:
        """Go on with a new driver that knows nothing, as after a restart of the terminal."""
        self.note("the terminal restarts: a new driver")
        self.driver.disconnect("the terminal restarts")
        self.driver = self._make_driver(self.clock)
        self.party = self.driver
        yield from self.start()

    def do(self, command: Command) -> Steps[Any]:
        """Carry out `command`; return its result. Raises Failed unless it is answered exactly once."""
        self.submit(command)
        return (yield from self.answer_to(command))

    def submit(self, command: Command) -> None:
        self.note(f"command: {command.verb}{_arguments(command)}")
        self.driver.submit(command)

    def answer_to(self, command: Command, within_ms: int = ANSWER_WITHIN_MS) -> Steps[Any]:
        yield Until(lambda: bool(self.results(command)), self.now_ms + within_ms)
        results = self.results(command)
        expect(bool(results), "{} was not answered within {} s", command.verb, within_ms // 1_000)
        expect(len(results) == 1, "{} was answered {} times", command.verb, len(results))
        return results[0]

    def results(self, command: Command) -> list[Result]:
        return [r for r in self.reports if isinstance(r, Result) and r.ticket == command.ticket]

    def seen(self, kind: type[R], since: int = 0) -> list[R]:
        """Return the reports of one kind, those from number `since` on."""
        return [report for report in self.reports[since:] if isinstance(report, kind)]

    def happens(self, kind: type[H], since: int, within_ms: int | None = None) -> Steps[H]:
        """Wait for a happening reported after number `since`. Raises Failed if it does not come."""
        limit_ms = self.patience_ms if within_ms is None else within_ms
        yield Until(lambda: bool(self.seen(kind, since)), self.now_ms + limit_ms)
        found = self.seen(kind, since)
        expect(bool(found), "{} was not reported within {} s", kind.__name__, limit_ms // 1_000)
        return found[0]

    @property
    def mark(self) -> int:
        """The number of the report that comes next."""
        return len(self.reports)

    # hands and persons

    def hand(self, name: str, prompt: str, **arguments: object) -> None:
        """Let hands do something; on hardware, ask the person for it in the words of `prompt`."""
        if self.hands is not None:
            self.note(f"hands: {name}")
            self.hands.act(name, **arguments)
        elif self.person is not None:
            self.note(f"asked: {prompt}")
            self.person.tell(prompt)
        else:
            raise Skipped(f"nobody is here to {name.replace('_', ' ')}")

    def strike(self, name: str, **arguments: object) -> None:
        """Arm a device fault. Raises Skipped on hardware."""
        self.note(f"fault: {name}{_shown(arguments)}")
        self.sim.strike(name, **arguments)

    def damage(self, direction: Direction, effect: Literal["drop", "corrupt"], skip: int = 0, count: int = 1) -> None:
        """Let the line lose or damage chunks that are to come."""
        self.note(f"line: {effect} {count} chunk{'' if count == 1 else 's'} {direction.replace('_', ' ')}")
        self.tap.damages.append(Damage(direction, effect, skip, count))

    @property
    def sim(self) -> Hands:
        if self.hands is None:
            raise Skipped("this is hardware: only a simulator can be struck")
        return self.hands

    def replug(self) -> Steps[None]:
        """Pull the cable until the driver has noticed, and plug it in again."""
        first = self.mark
        self.note("cable pulled")
        self.sim.unplug()
        yield from self.until(lambda: bool(self.seen(DeviceLost, first)), CONNECT_WITHIN_MS)
        self.note("cable plugged in again")
        plugged = self.sim.plug()
        if plugged is not None:
            self.tap.line.close()
            self.tap.line, self._pace, self._closing = plugged.line, plugged.pace, plugged.closing
        self._line_lost = False

    def agree(self, question: str) -> Steps[None]:
        """Ask the person before something moves. Raises Skipped when the answer is no."""
        if self.hands is not None:
            return
        if self.person is None:
            raise Skipped("nobody is here to agree")
        self.person.ask(question)
        person = self.person
        yield Until(lambda: person.answer() is not None, self.now_ms + 600_000)
        if not person.answer():
            raise Skipped("the person at the device did not agree")

    # ------------------------------------------------------------ moving bytes and time

    def run(self, steps: Steps[R]) -> R:
        """Run steps to their end. Raises what they raise, Failed for a driver that spins."""
        try:
            wait = next(steps)
            for _ in range(STEPS_MAX):
                self.pump()
                if wait.holds() or self.now_ms >= wait.until_ms:
                    wait = steps.send(None)
                    continue
                self._pace.let_pass(self._next_ms(wait.until_ms))
        except StopIteration as end:
            self.pump()
            result: R = end.value
            return result
        raise Failed(f"no end after {STEPS_MAX} steps: driver or check goes round in circles")

    def pump(self) -> None:
        """Carry everything that is to be carried at this instant."""
        for _ in range(ROUNDS_MAX):
            if self._line_lost:
                self._take(self.party.tick())
                return
            try:
                moved = self._carry()
            except LineError as error:
                self._line_lost = True
                self.note(f"line lost: {error}")
                self._take(self.driver.disconnect(str(error)))
                return
            if not moved:
                return
        raise Failed(f"{ROUNDS_MAX} rounds at one instant: the driver asks without end")

    def _carry(self) -> bool:
        data = self.tap.read_available()
        if data:
            size = self.pieces_of or len(data)
            for at in range(0, len(data), size):
                self._take(self.party.receive(data[at : at + size]))
        reports = self.party.tick()
        self._take(reports)
        out = self.party.data_to_send()
        if out:
            self.tap.write(out)
        due_ms = self.party.next_deadline_ms()
        return bool(data or out or reports or (due_ms is not None and due_ms <= self.now_ms))

    def close(self) -> None:
        self.tap.close()
        self._closing()

    def _take(self, reports: list[Report]) -> None:
        for report in reports:
            self.reports.append(report)
            self.note(f"reports: {told(report)}")

    def _next_ms(self, until_ms: int) -> int:
        due_ms = self.party.next_deadline_ms()
        return until_ms if due_ms is None else max(min(due_ms, until_ms), self.now_ms)

    def _by_then(self) -> int:
        return self.now_ms + CONNECT_WITHIN_MS

    def _seen(self, at_ms: int, direction: Direction, data: bytes) -> None:
        self.raw.append((at_ms, direction, data))
        for entry in self._decoder.feed(at_ms, direction, data):
            self.entries.append(entry)
            if self.follow is not None:
                self.follow(entry)


def try_check(check: Check, make: Callable[[], Bench]) -> tuple[Trial, DeviceReady | None]:
    """Run one check on a fresh bench; nothing a check or a driver raises gets out of here, but for bugs
    that the report then shows as `broken`.
    """
    bench = make()
    missing = [need for need in Need if need in check.needs - bench.provides]
    if missing:
        bench.close()
        return Trial(check, Verdict.SKIPPED, "; ".join(need.value for need in missing)), None
    began_ms = bench.now_ms
    ready: DeviceReady | None = None
    verdict, reason = Verdict.PASSED, ""
    try:
        if check.connects:
            ready = bench.run(bench.start())
        bench.run(check.run(bench))
    except Failed as failed:
        verdict, reason = Verdict.FAILED, str(failed)
    except Skipped as skipped:
        verdict, reason = Verdict.SKIPPED, str(skipped)
    except Exception as error:  # whatever it is, the report is where it belongs
        verdict, reason = Verdict.BROKEN, f"{type(error).__name__}: {error}"
    finally:
        bench.close()
    return Trial(check, verdict, reason, bench.now_ms - began_ms, tuple(bench.entries)), ready


def _arguments(command: Command) -> str:
    names = [field.name for field in fields(command) if field.name not in ("ticket", "document", "data")]
    return _shown({name: getattr(command, name) for name in names})


def _shown(arguments: Mapping[str, object]) -> str:
    return " " + ", ".join(f"{name}={value_of(value)}" for name, value in arguments.items()) if arguments else ""
