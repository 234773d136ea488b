"""Feed every protocol with damaged frames and count what raises.

Promises that are tried: a codec raises `RemoteProtocolError` or nothing; a frame reader, a driver, a simulator
and a decoder of the test kit raise nothing at all, whatever the bytes.

Targets of one protocol take turns, in *episodes* of at most `EPISODE` frames on fresh objects:

    readers      mutants of recorded frames, cut into pieces, into both frame readers and the strict codecs
    decoder      the same into the test kit's decoder
    simulator    the same into the simulated device, with time passing and its power cut now and then
    driver       driver and simulator talk; each chunk may be mutated on its way, commands are given between
    card, reader the two ends of a chip's contacts, T=0 and T=1 (`fuzz_chip`)

A mutant flips bits, loses its end, splices two frames, repeats itself, is garbage, or is *reframed*: damaged
inside and closed with a right check character, because only such a frame gets past the reader. The sealed protocol
(eSSP on a SMART Payout) is damaged inside the seal, and sealed again.

By hand: ``python -m tests.benchmarks.fuzz --frames 1000000 --seed 7``. A failure prints its episode, to be
played again with ``--episode``, and the smallest frame that raises by itself, if one does.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from drivers.barcode_scanner.framing import HostReader, ScannerReader
from drivers.base.clock import SimClock
from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.base.vocabulary import Command
from drivers.card_reader import framing as omron
from drivers.dispenser import framing as lcdm
from drivers.note_acceptor.ccnet import framing as ccnet
from drivers.note_acceptor.ssp import framing as ssp
from drivers.note_acceptor.ssp.essp import KeyAgreement, SecureChannel
from drivers.note_acceptor.ssp.events import read_events, read_levels, read_setup
from drivers.note_acceptor.ssp.settings import SspSettings
from drivers.note_acceptor.ssp.smart_payout import SmartPayout
from drivers.pin_pad import framing as szzt
from drivers.printer.status import ReplyReader
from drivers.sim.device import Replies, SimDevice
from drivers.sim.escpos_stream import RealTimeScanner, Tokenizer
from drivers.sim.note_acceptor.ssp_side import Envelope
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Failed, Skipped
from kiosk.devicekit.orders import COMMANDS
from kiosk.devicekit.session import bench_in_memory
from kiosk.devicekit.units import UNITS, Unit
from tests.benchmarks import fuzz_chip
from tests.benchmarks.mutants import Reframe, damaged, flipped, mutate

EPISODE = 60
SEALED_SEED = 7  # of the driver's secrets: with it, each episode of the sealed protocol begins with the same key
CORPUS_MAX = 400  # recorded chunks of one direction; a suite makes thousands, nearly all alike
FAILURES_SHOWN = 5
Frame = tuple[str, bytes]  # direction, bytes
Readers = Callable[[], Callable[[str, bytes], None]]


# ------------------------------------------------------------ right check characters over damage


def reframe_omron(rng: Random, direction: str, data: bytes) -> bytes:
    texts = [item for item in omron.FrameReader().feed(data) if isinstance(item, bytes)]
    text = damaged(rng, rng.choice(texts), 3) if texts else b""
    return omron.encode(text) if text else data


def reframe_lcdm(framing: lcdm.Framing) -> Reframe:
    def reframe(rng: Random, direction: str, data: bytes) -> bytes:
        at = data.find(bytes((lcdm.EOT if direction == "to_device" else lcdm.SOH, framing.id_byte, lcdm.STX)))
        if at < 0 or len(data) < at + 6:
            return data
        cmd, body = data[at + 3], data[at + 4 : -2]
        if rng.random() < 0.1:
            cmd = rng.randrange(256)
        if direction == "to_device":
            return framing.command(cmd, damaged(rng, body, 0))
        body = flipped(rng, body) if rng.random() < 0.6 else rng.randbytes(framing.responses.get(cmd, len(body)))
        return framing.response(cmd, body)

    return reframe


def reframe_szzt(rng: Random, direction: str, data: bytes) -> bytes:
    frames = [item for item in szzt.FrameReader().feed(data) if isinstance(item, szzt.Frame)]
    payload = damaged(rng, rng.choice(frames).data, 1) if frames else b""
    return szzt.encode(payload) if payload else data


def reframe_ccnet(rng: Random, direction: str, data: bytes) -> bytes:
    bodies = ccnet.Reader().feed(data)
    body = damaged(rng, rng.choice(bodies), 1) if bodies else b""
    return ccnet.encode(body) if body else data


def reframe_ssp(rng: Random, direction: str, data: bytes) -> bytes:
    frames = ssp.Reader().feed(data)
    if not frames:
        return data
    frame = rng.choice(frames)
    payload = damaged(rng, frame.data, 1)[: ssp.DATA_MAX] or b"\xf0"
    return ssp.encode(ssp.Frame(frame.sequence, frame.address, payload))


def agreed_key() -> tuple[int, Envelope]:
    """Return the key that driver and simulator of the sealed protocol always agree on first, and the device's half."""
    agreement, device = KeyAgreement(Random(SEALED_SEED).randbytes), Envelope(1)
    for code, number in ((0x4A, agreement.generator), (0x4B, agreement.modulus)):
        device.set_number(code, number.to_bytes(8, "little"))
    answer = device.exchange(agreement.public.to_bytes(8, "little"))
    return agreement.shared(int.from_bytes(answer[1:], "little")), device


@functools.cache
def sealing_number() -> int:
    return agreed_key()[0]


def reframe_essp(rng: Random, direction: str, data: bytes) -> bytes:
    """Damage what a packet carries, and seal it again under the same key and count."""
    channel = SecureChannel(sealing_number(), rng.randbytes)
    for frame in ssp.Reader().feed(data):
        with contextlib.suppress(RemoteProtocolError):
            channel.count, content = channel.look(frame.data)
            inside = damaged(rng, content, 1)[:200] or b"\xf0"
            return ssp.encode(ssp.Frame(frame.sequence, frame.address, channel.seal(inside)))
    return reframe_ssp(rng, direction, data)


def reframe_plain(rng: Random, direction: str, data: bytes) -> bytes:
    """Without a check character any bits make a good frame."""
    del direction
    return flipped(rng, data)


# ------------------------------------------------------------ readers and codecs


def readers_omron() -> Callable[[str, bytes], None]:
    reader = omron.FrameReader()

    def feed(direction: str, data: bytes) -> None:
        del direction
        reader.feed(data)

    return feed


def readers_lcdm(framing: lcdm.Framing) -> Readers:
    def make() -> Callable[[str, bytes], None]:
        commands, responses, clock = lcdm.CommandReader(framing), lcdm.ResponseReader(framing), SimClock()

        def feed(direction: str, data: bytes) -> None:
            if direction == "to_device":
                clock.advance(len(data) * 7 % 250)
                commands.feed(data, clock.now_ms())
            else:
                responses.feed(data)
            for parse in (framing.parse_command, framing.parse_response):
                with contextlib.suppress(RemoteProtocolError):
                    parse(data)

        return feed

    return make


def readers_szzt() -> Callable[[str, bytes], None]:
    reader = szzt.FrameReader()

    def feed(direction: str, data: bytes) -> None:
        del direction
        reader.feed(data)

    return feed


def readers_honeywell() -> Callable[[str, bytes], None]:
    host, reader, clock = HostReader(), ScannerReader(b"\r", 100), SimClock()
    reader.expect("REVINF", tells_lines=True)

    def feed(direction: str, data: bytes) -> None:
        clock.advance(len(data) * 7 % 250)
        if direction == "to_device":
            host.feed(data)
        else:
            reader.feed(data, clock.now_ms())

    return feed


def readers_ccnet() -> Callable[[str, bytes], None]:
    reader = ccnet.Reader()

    def feed(direction: str, data: bytes) -> None:
        del direction
        reader.feed(data)
        with contextlib.suppress(RemoteProtocolError):
            ccnet.parse(data)

    return feed


def readers_ssp() -> Callable[[str, bytes], None]:
    reader = ssp.Reader()

    def feed(direction: str, data: bytes) -> None:
        del direction
        reader.feed(data)
        with contextlib.suppress(RemoteProtocolError):
            ssp.parse(data)
        for read in (read_setup, read_levels):
            with contextlib.suppress(RemoteProtocolError):
                read(data)
        read_events(data, 7)

    return feed


def readers_essp() -> Callable[[str, bytes], None]:
    plain = readers_ssp()
    negotiated, device = agreed_key()
    host = SecureChannel(negotiated, Random(SEALED_SEED).randbytes)

    def feed(direction: str, data: bytes) -> None:
        plain(direction, data)
        for frame in ssp.Reader().feed(data):
            device.unwrap(frame.data)
            with contextlib.suppress(RemoteProtocolError):
                host.open(frame.data)

    return feed


def readers_escpos(*, fixed_bits: bool) -> Readers:
    def make() -> Callable[[str, bytes], None]:
        stream, scanner, replies = Tokenizer(), RealTimeScanner(), ReplyReader(fixed_bits=fixed_bits)

        def feed(direction: str, data: bytes) -> None:
            if direction == "to_device":
                stream.feed(data)
                scanner.feed(data)
            else:
                replies.feed(data)

        return feed

    return make


@dataclass(frozen=True)
class Protocol:
    """`unit`: what speaks it over a line; None for the contacts of a chip, which has plays and a corpus of its own.
    `hands`: what a person does now and then, as acts with their arguments.
    """

    unit: Unit | None
    readers: Readers
    reframe: Reframe
    hands: tuple[tuple[str, Mapping[str, object]], ...] = ()

    def meddle(self, rng: Random, device: SimDevice) -> Replies:
        """Let hands do something if they can."""
        if self.hands and rng.random() < 0.05:
            name, arguments = rng.choice(self.hands)
            with contextlib.suppress(ValueError):
                return device.act(name, **arguments)
        return []


CARDS: tuple[tuple[str, Mapping[str, object]], ...] = (
    *(("insert_card", {"track2": "4761739001010010=2712201", "chip": chip}) for chip in ("T=0", "T=1", "both")),
    ("insert_card", {"track2": "4761739001010010=2712201", "length": "short"}),
    ("take_card", {}),
    ("pull_card", {}),
    ("block_exit", {}),
    ("free_exit", {}),
)


SEALED = dataclasses.replace(
    UNITS["smart-payout"],
    driver=lambda clock: SmartPayout(
        clock,
        SspSettings(encrypt=True, protocol=8, recycle_values_minor=(5_000, 10_000)),
        Random(SEALED_SEED).randbytes,
    ),
)

PROTOCOLS = {
    "omron-3s4yr": Protocol(UNITS["omron-3s4yr"], readers_omron, reframe_omron, CARDS),
    "lcdm-4000": Protocol(UNITS["lcdm-4000"], readers_lcdm(lcdm.LCDM4000), reframe_lcdm(lcdm.LCDM4000)),
    "lcdm-2000": Protocol(UNITS["lcdm-2000"], readers_lcdm(lcdm.LCDM2000), reframe_lcdm(lcdm.LCDM2000)),
    "szzt": Protocol(UNITS["szzt"], readers_szzt, reframe_szzt),
    "ccnet": Protocol(UNITS["ccnet"], readers_ccnet, reframe_ccnet),
    "ssp": Protocol(UNITS["ssp"], readers_ssp, reframe_ssp),
    "essp": Protocol(SEALED, readers_essp, reframe_essp),
    "honeywell": Protocol(UNITS["honeywell"], readers_honeywell, reframe_plain),
    "reliance": Protocol(UNITS["reliance"], readers_escpos(fixed_bits=False), reframe_plain),
    "epson": Protocol(UNITS["epson"], readers_escpos(fixed_bits=True), reframe_plain),
    "chip": Protocol(None, fuzz_chip.readers, fuzz_chip.reframe),
}


def record(unit: Unit | None) -> dict[str, list[bytes]]:
    """Return what went over the line while the unit's contract was tried, both directions, no chunk twice."""
    if unit is None:
        return fuzz_chip.record()
    seen: dict[str, dict[bytes, None]] = {"to_device": {}, "from_device": {}}
    for check in unit.suite:
        bench = bench_in_memory(unit)
        try:
            if check.connects:
                bench.run(bench.start())
            bench.run(check.run(bench))
        except (Failed, Skipped):
            pass  # its bytes count all the same
        finally:
            bench.close()
        for _, direction, data in bench.raw:
            seen[direction].setdefault(data)
    return {direction: list(chunks)[:CORPUS_MAX] for direction, chunks in seen.items()}


# ------------------------------------------------------------ targets: each plays one episode


class Episode:
    """One episode: its own random numbers, its frames, the last one fed."""

    def __init__(self, protocol: Protocol, corpus: Mapping[str, list[bytes]], seed: str) -> None:
        self.protocol, self.corpus, self.seed = protocol, corpus, seed
        self.rng = Random(seed)
        self.frames = 0
        self.last: Frame = ("", b"")

    def mutant(self, direction: str, data: bytes | None = None) -> bytes:
        base = self.rng.choice(self.corpus[direction]) if data is None else data
        out = mutate(self.rng, self.corpus, direction, base, self.protocol.reframe)
        self.frames += 1
        self.last = (direction, out)
        return out

    def pieces(self, data: bytes) -> list[bytes]:
        if self.rng.random() < 0.7 or len(data) < 2:
            return [data]
        at = self.rng.randrange(1, len(data))
        return [data[:at], data[at:]]


def play_readers(episode: Episode) -> None:
    feed = episode.protocol.readers()
    while episode.frames < EPISODE:
        direction = episode.rng.choice(("to_device", "from_device"))
        for piece in episode.pieces(episode.mutant(direction)):
            feed(direction, piece)


def play_decoder(episode: Episode) -> None:
    decoder = episode.protocol.unit.decoder()
    while episode.frames < EPISODE:
        direction = episode.rng.choice(("to_device", "from_device"))
        for piece in episode.pieces(episode.mutant(direction)):
            decoder.feed(episode.frames * 50, direction, piece)


def play_simulator(episode: Episode) -> None:
    clock, rng = SimClock(), episode.rng
    device = episode.protocol.unit.simulator(clock)
    while episode.frames < EPISODE:
        for piece in episode.pieces(episode.mutant("to_device")):
            device.receive(piece)
        episode.protocol.meddle(rng, device)
        clock.advance(rng.choice((0, 5, 50, 500, 5_000)))
        device.tick()
        if rng.random() < 0.02:
            device.power(False)
            device.power(True)
            clock.advance(2_000)
    device.state()


def play_driver(episode: Episode) -> None:
    clock, rng, unit = SimClock(), episode.rng, episode.protocol.unit
    driver, device = unit.driver(clock), unit.simulator(clock)
    mutates = rng.choice((0.1, 0.3, 0.7))
    driver.connect()
    arriving: list[tuple[int, bytes]] = []
    for turn in range(40 * EPISODE):
        if episode.frames >= EPISODE:
            break
        out = driver.data_to_send()
        if out:
            said = episode.mutant("to_device", out) if rng.random() < mutates / 2 else out
            arriving += [(clock.now_ms() + delay_ms, data) for delay_ms, data in device.receive(said)]
        arriving += [(clock.now_ms() + delay_ms, data) for delay_ms, data in device.tick()]
        arriving += [(clock.now_ms() + delay_ms, data) for delay_ms, data in episode.protocol.meddle(rng, device)]
        due = [data for at_ms, data in arriving if at_ms <= clock.now_ms()]
        arriving = [entry for entry in arriving if entry[0] > clock.now_ms()]
        for data in due:
            for piece in episode.pieces(episode.mutant("from_device", data) if rng.random() < mutates else data):
                driver.receive(piece)
        if rng.random() < mutates / 6:
            driver.receive(episode.mutant("from_device"))
        driver.tick()
        if driver.identity is None and not driver.busy and rng.random() < 0.05:
            driver.disconnect("the fuzzer connects again")
            driver.connect()
        elif rng.random() < 0.3:
            with contextlib.suppress(LocalProtocolError):
                driver.submit(_some_command(rng, unit, turn))
        instants = [driver.next_deadline_ms(), device.next_deadline_ms(), *(at_ms for at_ms, _ in arriving)]
        coming = min((i for i in instants if i is not None), default=clock.now_ms() + 1_000)
        clock.move_to(max(coming, clock.now_ms()))


_ARGUMENTS: Mapping[str, Mapping[str, object]] = {
    "pay_out": {"n100": 2, "n50": 1},
    "dispense": {"unit1": 2, "number": 5},
    "last_dispense": {"unit1": 2, "number": 5},
}


def _some_command(rng: Random, unit: Unit, turn: int) -> Command:
    verb = rng.choice(list(COMMANDS[unit.ability]))
    return COMMANDS[unit.ability][verb](f"fuzz-{turn}", _ARGUMENTS.get(verb, {}))


TARGETS: Mapping[str, Callable[[Episode], None]] = {
    "readers": play_readers,
    "decoder": play_decoder,
    "simulator": play_simulator,
    "driver": play_driver,
}
OF_CHIP: Mapping[str, Callable[[Episode], None]] = {"readers": play_readers, **fuzz_chip.PLAYS}


def targets_of(name: str) -> Mapping[str, Callable[[Episode], None]]:
    return TARGETS if PROTOCOLS[name].unit is not None else OF_CHIP


# ------------------------------------------------------------ running


@dataclass
class Row:
    """One target of one protocol. `failures` are told in full, each with its episode."""

    protocol: str
    target: str
    frames: int = 0
    seconds: float = 0.0
    unexpected: int = 0
    failures: list[str] = field(default_factory=list)


def fuzz(frames: int, seed: int, protocols: tuple[str, ...] = ()) -> list[Row]:
    """Try `frames` mutants on each protocol, a quarter on each target; return a row for each target."""
    rows = []
    for name in protocols or tuple(PROTOCOLS):
        corpus = record(PROTOCOLS[name].unit)
        targets = targets_of(name)
        for target in targets:
            rows.append(_fuzz_target(name, target, corpus, -(-frames // len(targets)), seed))
    return rows


def _fuzz_target(name: str, target: str, corpus: Mapping[str, list[bytes]], frames: int, seed: int) -> Row:
    row = Row(name, target)
    began = time.perf_counter()
    number = 0
    while row.frames < frames:
        episode = Episode(PROTOCOLS[name], corpus, f"{name}/{target}/{seed}/{number}")
        number += 1
        try:
            targets_of(name)[target](episode)
        except Exception as error:  # whatever it is, it is what we look for
            row.unexpected += 1
            if len(row.failures) < FAILURES_SHOWN:
                row.failures.append(_told(episode, target, error))
        row.frames += max(1, episode.frames)
    row.seconds = time.perf_counter() - began
    return row


def _told(episode: Episode, target: str, error: Exception) -> str:
    direction, data = episode.last
    place = traceback.extract_tb(error.__traceback__)[-1]
    smallest = _smallest(episode.protocol, target, direction, data, type(error))
    return (
        f"episode {episode.seed}, frame {episode.frames}: {type(error).__name__}: {error} "
        f"({place.filename.rpartition('/')[2]}:{place.lineno}); last {direction} {data[:24].hex(' ')}; "
        f"smallest by itself: {smallest.hex(' ') if smallest else 'needs what came before'}"
    )


def _smallest(protocol: Protocol, target: str, direction: str, data: bytes, kind: type[Exception]) -> bytes:
    """Take bytes away from `data` while it still raises on a fresh target; b"" if it does not at all."""

    def raises(candidate: bytes) -> bool:
        try:
            if target == "readers":
                protocol.readers()(direction, candidate)
            elif target == "decoder":
                protocol.unit.decoder().feed(0, direction, candidate)  # type: ignore[arg-type]
            elif target == "simulator":
                protocol.unit.simulator(SimClock()).receive(candidate)
            else:
                bench: Bench = bench_in_memory(protocol.unit)
                bench.run(bench.start())
                bench.driver.receive(candidate)
        except kind:
            return True
        return False

    if (protocol.unit is None and target != "readers") or not raises(data):
        return b""
    at = 0
    while at < len(data):
        shorter = data[:at] + data[at + 1 :]
        if raises(shorter):
            data = shorter
        else:
            at += 1
    return data


def replay(seed: str) -> None:
    """Play one episode again. Raises what it raises."""
    name, target, _, _ = seed.split("/")
    targets_of(name)[target](Episode(PROTOCOLS[name], record(PROTOCOLS[name].unit), seed))


def table(rows: list[Row]) -> str:
    """Return the rows as text; the last line counts what was unexpected."""
    lines = [f"{'protocol':14} {'target':10} {'frames':>10} {'frames/s':>10} {'unexpected':>10}"]
    for row in rows:
        speed = row.frames / row.seconds if row.seconds else 0
        lines.append(f"{row.protocol:14} {row.target:10} {row.frames:10,} {speed:10,.0f} {row.unexpected:10}")
    lines += [failure for row in rows for failure in row.failures]
    frames, seconds = sum(row.frames for row in rows), sum(row.seconds for row in rows)
    lines.append(f"{frames:,} frames in {seconds:.1f} s")
    lines.append(f"unexpected exceptions: {sum(row.unexpected for row in rows)}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Feed damaged frames to every protocol.")
    parser.add_argument("--frames", type=int, default=100_000, help="mutants for each protocol")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--protocol", action="append", choices=list(PROTOCOLS), help="only this one; may be repeated")
    parser.add_argument("--episode", help="play one episode again, as a failure named it")
    given = parser.parse_args()
    if given.episode:
        replay(given.episode)
        print("the episode raised nothing")
        return
    rows = fuzz(given.frames, given.seed, tuple(given.protocol or ()))
    print(f"seed {given.seed}")
    print(table(rows))
    raise SystemExit(1 if any(row.unexpected for row in rows) else 0)


if __name__ == "__main__":
    main()
