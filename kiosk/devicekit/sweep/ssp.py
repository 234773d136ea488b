"""Every command, reply, event and reason of SSP and eSSP, on a validator and on a recycler.

Two ways of playing: scenes with our driver, and a `Talker` that says commands one by one over the line discipline
alone, for what the driver never says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from drivers.base.acceptor import Deplete, LastPayOut, PayOut, StopPayOut, StoredNotes
from drivers.note_acceptor.exchange import Ended, Order
from drivers.note_acceptor.ssp import commands as ssp
from drivers.note_acceptor.ssp import framing
from drivers.note_acceptor.ssp.essp import KeyAgreement, SecureChannel
from drivers.note_acceptor.ssp.link import Link, LinkTiming
from kiosk.devicekit.bench import Bench, Rewrite
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.cash_acceptor import NOTE
from kiosk.devicekit.decode.note_acceptor import ESSP_VOCABULARY, SMART_PAYOUT_VOCABULARY, SSP_VOCABULARY
from kiosk.devicekit.frames import Direction, Vocabulary
from kiosk.devicekit.keyring import KeyRing
from kiosk.devicekit.sweep.acceptor import PATIENCE_MS, Scene, acted, back_to_work, fed, rejected, struck, told
from kiosk.devicekit.sweep.base import MakeBench, Speaker, Sweep, Swept

REASONS: Final = (
    "length", "average", "coast", "not_recognised", "graph", "channel_off", "second_note", "host", "several",
    "rear_sensor", "too_long", "inhibited", "slow", "string", "obsolete", "nothing_seen", "peak", "twisted", "timeout",
    "ticket", "cam", "slot", "slot_2", "fast", "width", "short", "payout_note", "double", "cannot_stack",
)  # fmt: skip
_HUNDRED: Final = (10_000).to_bytes(4, "little") + b"CNY"
_FIFTY: Final = (5_000).to_bytes(4, "little") + b"CNY"
_ALL: Final = b"\xff\xff"
_TEST: Final = b"\x19"
_DATA: Final = {
    0x02: _ALL, 0x06: b"\x08", 0x24: b"\x03\x01\x12", 0x26: b"\xfe", 0x33: _HUNDRED + _TEST,
    0x34: b"\x01\x00" + _FIFTY, 0x35: _HUNDRED, 0x3B: b"\x00" + _HUNDRED, 0x3C: _HUNDRED,
    0x3D: bytes(4) + _HUNDRED + _TEST, 0x3E: b"CNY", 0x40: b"\x00\x32\x00CNY", 0x44: b"\x01\x01\x00" + _HUNDRED + _TEST,
    0x46: b"\x01\x01\x00" + _HUNDRED + _TEST, 0x49: b"\x00", 0x50: b"\x04\x00", 0x54: b"\xff\x00\x00\x00",
    0x60: bytes.fromhex("6745230167452301"),
}  # fmt: skip
_UNLISTED: Final = Order(0x70, "unlisted command")
_NOT_ASKED: Final = (0x01, 0x4A, 0x4B, 0x4C, 0x61)  # restarts, and the exchange of keys, have their own place


class Talker:
    """Says one command after the other. With a `ring`, everything but the exchange of keys goes out encrypted."""

    def __init__(self, bench: Bench, ring: KeyRing | None) -> None:
        self._bench, self._ring = bench, ring
        self._link = link = Link(bench.clock, LinkTiming())
        self._speaker = Speaker(link.receive, link.tick, link.data_to_send, link.next_deadline_ms)
        bench.party = self._speaker

    def begin(self, protocol: int = 8, *, after_ms: int = 5_000) -> Steps[None]:
        """Sync, agree on a key, choose the protocol, and hear what there is to hear."""
        yield from self._bench.pause(after_ms)
        self._link.channel = None
        yield from self.say(ssp.SYNC)
        if self._ring is not None:
            keys = KeyAgreement(self._ring)
            yield from self.say(ssp.SET_GENERATOR, keys.generator.to_bytes(8, "little"))
            yield from self.say(ssp.SET_MODULUS, keys.modulus.to_bytes(8, "little"))
            ended = yield from self.say(ssp.EXCHANGE_KEYS, keys.public.to_bytes(8, "little"))
            self._link.channel = SecureChannel(keys.shared(int.from_bytes(ended.data, "little")), self._ring)
        yield from self.say(ssp.PROTOCOL, bytes((protocol,)))
        yield from self.poll()

    def say(self, order: Order, data: bytes = b"") -> Steps[Ended]:
        before = len(self._speaker.replies)
        self._link.start(order, data)
        yield from self._bench.until(lambda: len(self._speaker.replies) > before, PATIENCE_MS)
        ended = self._speaker.replies[-1]
        assert isinstance(ended, Ended)
        return ended

    def poll(self, times: int = 1, every_ms: int = 400) -> Steps[None]:
        for _ in range(times):
            yield from self.say(ssp.POLL)
            yield from self._bench.pause(every_ms)

    def open_mouth(self) -> Steps[None]:
        yield from self.say(ssp.SET_INHIBITS, _ALL)
        yield from self.say(ssp.ENABLE)


Talk = Callable[[Bench, Talker], Steps[None]]


def _orders(vocabulary: Vocabulary) -> Talk:
    """Say everything that this unit has, and everything that it has to decline."""

    def talk(bench: Bench, talker: Talker) -> Steps[None]:
        yield from talker.begin()
        for code, order in sorted(ssp.ORDERS.items()):
            if code not in _NOT_ASKED and (not vocabulary.unseen.get(f"{code:02X}")):
                yield from talker.say(order, _DATA.get(code, b""))
                yield from bench.pause(1_000)
        yield from talker.say(_UNLISTED)
        yield from talker.say(ssp.SET_INHIBITS)  # F3: without its parameter
        yield from talker.say(ssp.SET_BARCODE_READER, bytes(3))  # F4
        yield from talker.say(ssp.EVENT_ACK)  # F5: nothing waits, or FA where it has to be encrypted
        bench.strike("software_error")
        yield from talker.say(ssp.SETUP)
        yield from talker.say(ssp.RESET)
        yield from talker.begin()
        yield from talker.say(ssp.RESET_FIXED_KEY)
        yield from bench.pause(5_000)
        yield from talker.say(ssp.SETUP)  # FA: it has forgotten the key

    return talk


def _primes(bench: Bench, talker: Talker) -> Steps[None]:
    """Ask for a key without numbers, offer some that are not prime, then small ones that are."""
    yield from bench.pause(5_000)
    yield from talker.say(ssp.SYNC)
    yield from talker.say(ssp.EXCHANGE_KEYS, (8).to_bytes(8, "little"))
    for order, number in ((ssp.SET_GENERATOR, 10), (ssp.SET_GENERATOR, 11), (ssp.SET_MODULUS, 23)):
        yield from talker.say(order, number.to_bytes(8, "little"))
    yield from talker.say(ssp.EXCHANGE_KEYS, (8).to_bytes(8, "little"))


def _ticket(bench: Bench, talker: Talker) -> Steps[None]:
    yield from talker.begin()
    yield from talker.say(ssp.SET_BARCODE_INHIBIT, b"\xfc")
    yield from talker.open_mouth()
    bench.hand("insert_ticket", "", text="123456")
    yield from talker.poll(4)
    yield from talker.say(ssp.BARCODE_DATA)
    yield from talker.poll(5)


def _channels_disabled(_bench: Bench, talker: Talker) -> Steps[None]:
    yield from talker.begin(7)
    yield from talker.open_mouth()
    yield from talker.say(ssp.SET_INHIBITS, bytes(2))
    yield from talker.poll()


def _held_in_bezel(bench: Bench, talker: Talker) -> Steps[None]:
    yield from talker.begin()
    yield from talker.open_mouth()
    bench.hand("insert_note", "", value=NOTE, quality="suspect")
    yield from talker.poll(6)


def _acknowledged(bench: Bench, talker: Talker) -> Steps[None]:
    """Poll with ack while it initialises, and acknowledge a credit."""
    yield from talker.begin()
    yield from talker.say(ssp.RESET)
    yield from talker.begin(after_ms=3_050)
    yield from talker.say(ssp.POLL_WITH_ACK)
    yield from talker.open_mouth()
    bench.hand("insert_note", "", value=NOTE)
    for _ in range(8):
        yield from talker.say(ssp.POLL_WITH_ACK)
        yield from bench.pause(400)
    yield from talker.say(ssp.EVENT_ACK)
    yield from talker.say(ssp.POLL_WITH_ACK)


def _payout(*, code: int = 0) -> Talk:
    """Order a long payout and then be silent, or have it refused with `code`."""

    def talk(bench: Bench, talker: Talker) -> Steps[None]:
        yield from talker.begin()
        if code != 4:
            yield from talker.say(ssp.ENABLE_PAYOUT)
        if code == 3:
            bench.strike("payout_busy")
        amount = {1: 10_000_000, 2: 100}.get(code, 200_000)
        yield from talker.say(ssp.PAYOUT_AMOUNT, amount.to_bytes(4, "little") + b"CNY" + b"\x58")
        yield from bench.pause(1_000 if code else 14_000)
        yield from talker.poll(3)

    return talk


def _enable_payout(code: int) -> Talk:
    def talk(bench: Bench, talker: Talker) -> Steps[None]:
        yield from talker.begin()
        bench.strike("payout_device", code=code)
        yield from talker.say(ssp.ENABLE_PAYOUT)

    return talk


def _emptied(_bench: Bench, talker: Talker) -> Steps[None]:
    yield from talker.begin()
    yield from talker.say(ssp.ENABLE_PAYOUT)
    yield from talker.say(ssp.EMPTY)
    yield from talker.poll(60, every_ms=800)
    yield from talker.say(ssp.CASHBOX_DATA)


PICKS: Final = {10_000: 2, 5_000: 1}


def paid(fault: str = "", *, stop: bool = False, **arguments: object) -> Scene:
    """Pay some notes out while `fault` strikes, or until stopped."""

    def scene(bench: Bench) -> Steps[None]:
        yield from bench.start()
        stored = yield from bench.do(StoredNotes(ticket=bench.ticket()))
        if fault:
            bench.strike(fault, **arguments)
        order = PayOut(ticket=bench.ticket(), picks=PICKS)
        bench.submit(order)
        yield from bench.pause(2_000)
        if stop and not bench.results(order):
            bench.submit(StopPayOut(ticket=bench.ticket()))
        yield from bench.until(lambda: bool(bench.results(order)), PATIENCE_MS)
        yield from back_to_work(bench)
        asking = LastPayOut(ticket=bench.ticket(), picks=PICKS, stored=stored.stored, counters=stored.counters)
        yield from bench.do(asking)

    return scene


def floated(fault: str = "", *, keep: int = 4, **arguments: object) -> Scene:
    """Move notes from the store to the cashbox while `fault` strikes."""

    def scene(bench: Bench) -> Steps[None]:
        yield from bench.start()
        if fault:
            bench.strike(fault, **arguments)
        command = Deplete(ticket=bench.ticket(), keep={10_000: keep} if keep else {})
        bench.submit(command)
        yield from bench.until(lambda: bool(bench.results(command)), PATIENCE_MS)
        yield from back_to_work(bench)

    return scene


def make_sweep(vocabulary: Vocabulary, ring: KeyRing | None, *, recycler: bool) -> Sweep:
    """Return the sweep of one kind of unit."""

    def sweep(make: MakeBench) -> Swept:
        swept = Swept()
        talks: list[Talk] = [_orders(vocabulary), _primes, _ticket, _channels_disabled, _held_in_bezel]
        scenes: list[Scene] = [rejected(REASONS), fed()]
        scenes += [fed(fault) for fault in ("jam_reading", "string_pulled", "stack_fails")]
        scenes += [fed("power_loss", at=phase) for phase in ("stacking", "credited")]
        scenes += [struck("stacker_full"), acted("remove_cashbox", "replace_cashbox"), acted("open_path", "close_path")]
        scenes.append(_safe_jam)
        if ring is not None:
            talks.append(_acknowledged)
        if recycler:
            talks += [_payout(), *(_payout(code=code) for code in ssp.PAYOUT_REFUSALS), _emptied]
            talks += [_enable_payout(code) for code in ssp.ENABLE_REFUSALS]
            scenes += [paid("payout_jam"), paid("payout_diverted"), paid(stop=True), paid("jam_recovery")]
            scenes += [paid("payout_error", code=code) for code in (0, 1, 2, 3)]
            scenes += [paid("power_loss", at="paying", nth=2, home=home) for home in ("cashbox", "store")]
            scenes += [floated(), floated(keep=0), floated("power_loss", at="moving", nth=2)]
        for talk in talks:
            swept.run(make, _talked(talk, ring))
        for scene in scenes:
            swept.run(make, scene)
        _rewritten(swept, make, vocabulary)
        return swept

    return sweep


def _safe_jam(bench: Bench) -> Steps[None]:
    """A jam behind the point of no return, on a firmware that has a word of its own for it."""
    bench.strike("safe_jam")
    yield from fed("jam_after_credit")(bench)


def _talked(talk: Talk, ring: KeyRing | None) -> Scene:
    return lambda bench: talk(bench, Talker(bench, ring))


def _rewritten(swept: Swept, make: MakeBench, vocabulary: Vocabulary) -> None:
    """Put on the line what this unit could say and the simulator has not; it is believed where nothing is encrypted."""
    for code in swept.lacks(vocabulary.errors):
        number = int(code[-2:], 16)
        if code in vocabulary.unseen or " " in code:
            continue
        data = bytes((number,))
        if number in ssp.EVENTS:
            data = bytes((ssp.OK, number)) + _payload(ssp.EVENTS[number])
        swept.run(make, told(_says(ssp.POLL.code, data), data, swept), rewrites=True)


def _payload(event: ssp.Event) -> bytes:
    return {
        ssp.Shape.NONE: b"",
        ssp.Shape.CHANNEL: b"\x00",
        ssp.Shape.VALUES: b"\x01" + _HUNDRED,
        ssp.Shape.PAIRS: b"\x01" + _HUNDRED[:4] + _HUNDRED,
        ssp.Shape.VALUES_CODE: b"\x01" + _HUNDRED + b"\x01",
        ssp.Shape.VALUE: _HUNDRED,
        ssp.Shape.VALUE_V8: b"",
    }[event.shape]


def _says(to: int, answer: bytes) -> Rewrite:
    asked = framing.Reader()
    last: list[framing.Frame] = []
    said = {"done": False}

    def rewrite(direction: Direction, data: bytes) -> bytes | None:
        if direction == "to_device":
            last[:] = asked.feed(data)[-1:]
            return None
        if said["done"] or not last or last[0].data[0] != to:
            return None
        said["done"] = True
        return framing.encode(framing.Frame(last[0].sequence, last[0].address, answer))

    return rewrite


sweep_ssp: Final = make_sweep(SSP_VOCABULARY, None, recycler=False)


def sweep_essp(ring: KeyRing) -> Sweep:
    return make_sweep(ESSP_VOCABULARY, ring, recycler=False)


def sweep_smart_payout(ring: KeyRing) -> Sweep:
    return make_sweep(SMART_PAYOUT_VOCABULARY, ring, recycler=True)
