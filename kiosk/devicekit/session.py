"""A test session: one unit, one place (memory, pseudo-terminal, port), its suite, its sweep, its coverage."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from drivers.base.clock import Clock, MonotonicClock, SimClock
from drivers.base.errors import LineError
from drivers.base.line import SerialLine, SerialSettings
from drivers.base.vocabulary import Identity
from drivers.sim.device import SimDevice
from drivers.sim.pty import PtyServer, serve_pty, step_pty
from drivers.sim.wire import Wire
from kiosk.devicekit.bench import (
    Bench,
    Person,
    Plugged,
    PtyHands,
    RealPace,
    SimPace,
    SteppedLine,
    SteppedPace,
    WireHands,
    try_check,
)
from kiosk.devicekit.check import Check, Need, Trial, Verdict
from kiosk.devicekit.coverage import NEW_DEVICE, Coverage, coverage
from kiosk.devicekit.units import Unit


class Place(Enum):
    """Where the device under test is."""

    MEMORY = "simulator in memory, virtual time"
    PTY = "simulator on a pseudo-terminal, virtual time"
    LIVE_PTY = "simulator on a pseudo-terminal, real time"
    PORT = "hardware on a port"


_ALL: Final = frozenset(Need)
_LIVE_PTY: Final = _ALL - {Need.LONG, Need.MEMORY}
_PORT: Final = frozenset({Need.HANDS, Need.VALUE, Need.LONG})


@dataclass
class Session:
    """What a session found. `wrong` are findings of the sweep. Times are the bench's."""

    unit: Unit
    place: Place
    where: str
    identity: Identity | None = None
    trials: list[Trial] = field(default_factory=list)
    coverage: Coverage | None = None
    wrong: list[str] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        return sum(trial.verdict is verdict for trial in self.trials)

    @property
    def passed(self) -> bool:
        """Whether nothing failed, something passed, and no code was left out without a reason."""
        bad = self.count(Verdict.FAILED) + self.count(Verdict.BROKEN) + len(self.wrong)
        missing = self.coverage.missing if self.coverage is not None else []
        return not bad and not missing and self.count(Verdict.PASSED) > 0


def bench_in_memory(unit: Unit) -> Bench:
    """Return a fresh bench: the unit's driver and simulator on a wire, in virtual time."""
    clock = SimClock()
    wire = Wire(clock, unit.simulator(clock))
    return Bench(
        clock=clock,
        make_driver=unit.driver,
        line=wire,
        decoder=unit.decoder(),
        pace=SimPace(clock, wire),
        provides=_provides(unit, _ALL),
        hands=WireHands(wire),
    )


def bench_on_pty(unit: Unit) -> Bench:
    """Return a fresh bench: the simulator on a new pseudo-terminal, the driver on it through `SerialLine`, and a
    clock that jumps when no byte is under way.
    """
    clock = SimClock()
    device = unit.simulator(clock)

    def plug() -> tuple[PtyServer, Plugged]:
        server = step_pty(device, clock)
        woken = threading.Event()
        line = SteppedLine(server, SerialLine(server.path, unit.serial, woken.set), woken)
        return server, Plugged(line, SteppedPace(clock, server, line), server.stop)

    return _bench_on_pty(unit, clock, device, plug, _ALL)


def bench_on_live_pty(unit: Unit, *, long: bool = False) -> Bench:
    """Return a fresh bench as `bench_on_pty` does, but in real time, with a thread at each end."""
    clock = MonotonicClock()
    device = unit.simulator(clock)

    def plug() -> tuple[PtyServer, Plugged]:
        server = serve_pty(device, clock)
        woken = threading.Event()
        line = SerialLine(server.path, unit.serial, woken.set)
        return server, Plugged(line, RealPace(clock, woken), server.stop)

    return _bench_on_pty(unit, clock, device, plug, _LIVE_PTY | {Need.LONG} if long else _LIVE_PTY)


def _bench_on_pty(
    unit: Unit,
    clock: Clock,
    device: SimDevice,
    plug: Callable[[], tuple[PtyServer, Plugged]],
    needs: frozenset[Need],
) -> Bench:
    server, plugged = plug()
    return Bench(
        clock=clock,
        make_driver=unit.driver,
        line=plugged.line,
        decoder=unit.decoder(),
        pace=plugged.pace,
        provides=_provides(unit, needs),
        hands=PtyHands(server, device, plug),
        closing=plugged.closing,
    )


def bench_on_port(unit: Unit, port: str, settings: SerialSettings | None, person: Person | None) -> Bench:
    """Return a bench on hardware. Raises LineError when the port cannot be opened."""
    clock = MonotonicClock()
    woken = threading.Event()
    return Bench(
        clock=clock,
        make_driver=unit.driver,
        line=SerialLine(port, settings or unit.serial, woken.set),
        decoder=unit.decoder(),
        pace=RealPace(clock, woken),
        provides=needs_met_on_a_port(unit, attended=person is not None),
        person=person,
    )


def run_session(
    unit: Unit,
    place: Place,
    where: str,
    make: Callable[[], Bench],
    *,
    tried: Callable[[Trial], None] = lambda _trial: None,
    only: Callable[[Check], bool] = lambda _check: True,
    sweeps: bool = True,
) -> Session:
    """Try every check of the unit's suite; on simulators sweep all codes too, in memory, unless told otherwise.

    Raises LineError when the port cannot be opened for the first check; later its loss ends the session.
    """
    session = Session(unit, place, where)
    for check in unit.suite:
        if not only(check):
            continue
        try:
            trial, ready = try_check(check, make)
        except LineError as error:
            if not session.trials:
                raise
            session.trials.append(Trial(check, Verdict.BROKEN, str(error)))
            tried(session.trials[-1])
            break  # the port is gone: what follows would say the same
        if ready is not None and session.identity is None:
            session.identity = ready.identity
        session.trials.append(trial)
        tried(trial)
    if sweeps and place is not Place.PORT:
        entries = [entry for trial in session.trials for entry in (NEW_DEVICE, *trial.trace)]
        swept = unit.sweep(lambda: bench_in_memory(unit))
        session.wrong = swept.wrong
        session.coverage = coverage(unit.vocabulary, [*entries, *swept.entries], swept.rewritten)
    return session


def needs_met_on_a_port(unit: Unit, *, attended: bool) -> frozenset[Need]:
    """Return what a bench on hardware can meet: nothing is struck, and hands and value need a person."""
    return _provides(unit, _PORT if attended else _PORT - {Need.HANDS, Need.VALUE})


def _provides(unit: Unit, needs: frozenset[Need]) -> frozenset[Need]:
    return needs if unit.checked else needs - {Need.CHECKED}
