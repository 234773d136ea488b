"""The contract of a PIN pad (XFS4IoT PinPad, Keyboard, KeyManagement): digits go in, only a block comes out.

The checks that use keys need a key under the unit's master key. On simulators both are known; on hardware they
are skipped.
"""

from __future__ import annotations

from typing import Final

from drivers.base.secrets import KeyBits, Pan, PinBlock
from drivers.base.vocabulary import (
    DeviceLost,
    EnterData,
    EnterPin,
    EnterPinResult,
    Health,
    HealthChanged,
    KeyPressed,
    LoadKey,
    LoadKeyResult,
    Outcome,
    PinDigits,
    StopKeys,
)
from drivers.sim import pin_pad_crypto as crypto
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Need, Steps, expect
from kiosk.devicekit.contract.common import make_suite

TEST_TMK: Final = "0123456789ABCDEFFEDCBA9876543210"  # a published example, in no use
TEST_TPK: Final = "1C2F3E4D5B6A798897A6B5C4D3E2F101"
TEST_PAN: Final = "4761739001010010"
TEST_PIN: Final = "84021"
WRONG_KCV: Final = "000000"

SUITE: Final = make_suite(lambda ticket: StopKeys(ticket=ticket))


def master_key() -> KeyBits:
    """Return the key that simulators under test were made with."""
    return KeyBits(TEST_TMK)


def loading(ticket: str, key: str = "TPK", clear: str = TEST_TPK, kcv: str = "") -> LoadKey:
    """Return the command that loads a test key under the test master key."""
    cryptogram = crypto.encrypt(bytes.fromhex(TEST_TMK), bytes.fromhex(clear)).hex().upper()
    return LoadKey(ticket=ticket, key=key, under="TMK", cryptogram=cryptogram, kcv=kcv)


def load(bench: Bench, kcv: str = "") -> Steps[LoadKeyResult]:
    result: LoadKeyResult = yield from bench.do(loading(bench.ticket(), kcv=kcv))
    return result


def begin(bench: Bench, within_ms: int = 30_000) -> Steps[EnterPin]:
    """Load a key and open an entry; return the command when keys are let through."""
    loaded = yield from load(bench)
    expect(loaded.outcome is Outcome.DONE, "the test key was not loaded: {}", loaded)
    command = EnterPin(ticket=bench.ticket(), pan=Pan(TEST_PAN), key="TPK", within_ms=within_ms)
    bench.submit(command)
    yield from bench.pause(1_000)
    return command


def finish(bench: Bench, command: EnterPin) -> Steps[EnterPinResult]:
    result: EnterPinResult = yield from bench.answer_to(command)
    return result


@SUITE.check("A working key is loaded, and its check value is the right one.", Need.KEYS)
def loads_a_key(bench: Bench) -> Steps[None]:
    kcv = crypto.check_value(bytes.fromhex(TEST_TPK)).hex().upper()[:6]
    result = yield from load(bench, kcv=kcv)
    expect(result.outcome is Outcome.DONE, "{}", result)
    expect(result.kcv.startswith(kcv[:4]), "check value {} instead of {}", result.kcv, kcv)


@SUITE.check("A key with another check value than was promised is refused and does not stay in.", Need.KEYS)
def erases_a_key_with_a_wrong_check_value(bench: Bench) -> Steps[None]:
    result = yield from load(bench, kcv=WRONG_KCV)
    expect(result.outcome is Outcome.REFUSED, "{}", result)
    entered = yield from bench.do(EnterPin(ticket=bench.ticket(), pan=Pan(TEST_PAN), key="TPK"))
    expect(entered.outcome is Outcome.REFUSED, "an entry under the refused key: {}", entered)


@SUITE.check("A key of a length that no cipher has is refused.", Need.KEYS)
def refuses_a_short_key(bench: Bench) -> Steps[None]:
    result = yield from bench.do(LoadKey(ticket=bench.ticket(), key="TPK", under="TMK", cryptogram="0011"))
    expect((result.outcome, result.error) == (Outcome.REFUSED, "invalidKeyLength"), "{}", result)


@SUITE.check("A PIN goes in, digits are told as a count, and the block is right.", Need.KEYS, Need.HANDS)
def makes_a_pin_block(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    bench.hand("press_pin", f"Key {TEST_PIN} and Enter.", pin=TEST_PIN)
    result = yield from finish(bench, command)
    expect(result.outcome is Outcome.DONE and result.block is not None, "{}", result)
    counts = [digits.count for digits in bench.seen(PinDigits)]
    expect(counts == list(range(1, len(TEST_PIN) + 1)), "digits were told as {}", counts)
    account = TEST_PAN[:-1][-12:]
    block = crypto.encrypt(bytes.fromhex(TEST_TPK), crypto.pin_block_iso0(TEST_PIN, account)).hex().upper()
    expect(result.block == PinBlock(block), "another block than ISO 9564 format 0 gives")


@SUITE.check("No digit of a PIN goes over the line, nor into a report.", Need.KEYS, Need.HANDS, Need.FAULTS)
def tells_the_pin_to_nobody(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    first = len(bench.raw)
    bench.hand("press_pin", "", pin=TEST_PIN)
    yield from finish(bench, command)
    came = b"".join(data for _, direction, data in bench.raw[first:] if direction == "from_device")
    keys = came.split(b"\x02", 1)[0]
    digits = [byte for byte in keys if 0x30 <= byte <= 0x39]
    expect(not digits, "{} digits went over the line in clear", len(digits))
    told = " ".join([repr(bench.reports), *(f"{entry.name} {entry.hex}" for entry in bench.entries)])
    expect(TEST_PIN not in told and TEST_PAN not in told, "the PIN or the number stands in a report or the trace")
    expect(not bench.seen(KeyPressed), "keys were reported during a PIN entry")


@SUITE.check("The cancel key ends the entry: refused as cancelled.", Need.KEYS, Need.HANDS)
def cancels(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    bench.hand("press_pin", "Key 12 and Cancel.", pin="12", then="cancel")
    result = yield from finish(bench, command)
    expect((result.outcome, result.error) == (Outcome.REFUSED, "cancelled"), "{}", result)


@SUITE.check("The clear key empties the entry, and the PIN keyed then counts.", Need.KEYS, Need.HANDS)
def clears(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    bench.hand("press_pin", "Key 99 and Clear.", pin="99", then="clear")
    yield from bench.until(lambda: [d.count for d in bench.seen(PinDigits)][-1:] == [0], bench.patience_ms)
    counts = [digits.count for digits in bench.seen(PinDigits)]
    expect(counts == [1, 2, 0], "digits were told as {}", counts)
    bench.hand("press_pin", f"Key {TEST_PIN} and Enter.", pin=TEST_PIN)
    result = yield from finish(bench, command)
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("Enter before the least number of digits does nothing.", Need.KEYS, Need.HANDS, Need.FAULTS)
def ignores_enter_too_early(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    bench.hand("press_pin", "", pin="12")
    yield from bench.pause(2_000)
    expect(not bench.results(command), "two digits made {}", bench.results(command))
    bench.hand("press_pin", "", pin="34")
    result = yield from finish(bench, command)
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("Nobody keys anything: the entry ends as entryTimeout, within its limit.", Need.KEYS)
def times_out(bench: Bench) -> Steps[None]:
    command = yield from begin(bench, within_ms=3_000)
    began_ms = bench.now_ms
    result = yield from finish(bench, command)
    expect((result.outcome, result.error) == (Outcome.REFUSED, "entryTimeout"), "{}", result)
    expect(bench.now_ms - began_ms < 10_000, "it took {} ms", bench.now_ms - began_ms)


@SUITE.check("An entry is stopped from outside: the entry is answered first, then the stop.", Need.KEYS)
def stops_an_entry(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    stop = StopKeys(ticket=bench.ticket())
    bench.submit(stop)
    stopped = yield from bench.answer_to(stop)
    entered = bench.results(command)
    expect(stopped.outcome is Outcome.DONE, "the stop: {}", stopped)
    expect(len(entered) == 1 and entered[0].error == "cancelled", "the entry: {}", entered)
    order = [report for report in bench.reports if report in (entered[0], stopped)]
    expect(order[0] is entered[0], "the stop was answered before the entry")


@SUITE.check("Plain keys come by name while they are let through, and only then.", Need.HANDS)
def lets_plain_keys_through(bench: Bench) -> Steps[None]:
    opened = yield from bench.do(EnterData(ticket=bench.ticket()))
    expect(opened.outcome is Outcome.DONE, "{}", opened)
    for key in ("1", "0", "enter"):
        first = bench.mark
        bench.hand("press", f"Press {key}.", key=key)
        pressed = yield from bench.happens(KeyPressed, first)
        expect(pressed.key == key, "{} was pressed, {} was told", key, pressed.key)
    yield from bench.do(StopKeys(ticket=bench.ticket()))
    first = bench.mark
    bench.hand("press", "Press 5: nothing must happen.", key="5")
    yield from bench.pause(2_000)
    expect(not bench.seen(KeyPressed, first), "a key was told after the keys were stopped")


@SUITE.check("A pad that was opened is out of service: tampered, and no command is tried.", Need.KEYS, Need.FAULTS)
def stops_when_tampered(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    bench.hand("tamper", "")
    result = yield from finish(bench, command)
    expect((result.outcome, result.error) == (Outcome.REFUSED, "tampered"), "{}", result)
    expect(bench.driver.health is Health.STOP, "the health is {}", bench.driver.health)
    sent = len(bench.raw)
    again = yield from bench.do(EnterPin(ticket=bench.ticket(), pan=Pan(TEST_PAN), key="TPK"))
    expect((again.outcome, again.error) == (Outcome.REFUSED, "tampered"), "{}", again)
    expect(len(bench.raw) == sent, "a tampered pad was spoken to")


@SUITE.check("A pad taken off its mount is tampered with.", Need.FAULTS)
def notices_removal(bench: Bench) -> Steps[None]:
    bench.hand("remove_from_mount", "")
    yield from bench.pause(1_000)
    changes = bench.seen(HealthChanged)
    expect(bool(changes) and changes[-1].error == "tampered", "told {}", changes)


@SUITE.check("A lost master key is said to be what is missing.", Need.KEYS, Need.FAULTS)
def tells_a_lost_master_key(bench: Bench) -> Steps[None]:
    bench.strike("no_tmk")
    result = yield from load(bench)
    expect((result.outcome, result.error) == (Outcome.REFUSED, "keyNotFound"), "{}", result)


@SUITE.check("A low battery is told as a supply, and commands that need keys are refused.", Need.KEYS, Need.FAULTS)
def tells_a_low_battery(bench: Bench) -> Steps[None]:
    bench.strike("low_battery")
    result = yield from load(bench)
    expect(result.outcome is Outcome.REFUSED, "{}", result)
    changes = bench.seen(HealthChanged)
    expect(bool(changes) and changes[-1].supplies.get("battery") == "low", "told {}", changes)


@SUITE.check(
    "A pad that restarts in the middle of an entry ends it, and gives no block.", Need.KEYS, Need.FAULTS, Need.LONG
)
def survives_a_restart_in_an_entry(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    bench.strike("reset_mid_entry", nth=2)
    bench.hand("press_pin", "", pin=TEST_PIN)
    result = yield from finish(bench, command)
    expect(result.outcome is not Outcome.DONE and result.block is None, "{}", result)


@SUITE.check("A pad that falls silent in an entry is told lost.", Need.KEYS, Need.FAULTS, Need.LONG)
def notices_silence_in_an_entry(bench: Bench) -> Steps[None]:
    command = yield from begin(bench)
    bench.strike("silent")
    bench.hand("press_pin", "", pin=TEST_PIN)
    result = yield from finish(bench, command)
    expect(result.outcome is not Outcome.DONE, "{}", result)
    if not bench.seen(DeviceLost):
        yield from bench.happens(DeviceLost, 0, 60_000)
