"""Every command and status of the SZZT pads.

Commands go out through the line discipline of the driver's package, to a pad in whose states every status code is
reached. Besides, each code is written into the answer to a key load, and the driver must refuse with the word of
the table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from drivers.base.secrets import KeyBits
from drivers.base.vocabulary import Outcome
from drivers.pin_pad.commands import COMMANDS, FAULTS, Item
from drivers.pin_pad.exchange import Exchange
from drivers.pin_pad.framing import Frame, FrameReader, encode
from drivers.sim import pin_pad_crypto as crypto
from kiosk.devicekit.bench import Bench, Rewrite
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.pin_pad import TEST_TMK, TEST_TPK, load
from kiosk.devicekit.frames import Direction
from kiosk.devicekit.sweep.base import MakeBench, Speaker, Swept

_TDK: Final = crypto.encrypt(bytes.fromhex(TEST_TMK), bytes.fromhex(TEST_TPK)).hex().upper()
_ROUND: Final = (
    ("3", ""), ("5", "637"), ("5", "024"), ("5", "21E"), ("5", "32A"), ("5", "404"), ("5", "50C"), ("5", "805"),
    ("1", f"3032{TEST_TPK}"), ("2", f"203132{_TDK}"), ("2", f"203032{_TDK}"), ("2", f"203152{_TDK}"),
    ("2", f"203262{_TDK}"), ("8", "3130000"), ("8", "31300"), ("9", "3231" + "00" * 8), ("4", "30" * 24),
    ("6", "30 012173900101001"), ("7", ""), ("I", "30"), ("N", ""), (":", "A0" + "00" * 16), (":", "90" + "00" * 8),
    ("1", "3032AB"), ("2", "2030320011"), ("2", "803032" + _TDK), ("9", "3031" + "00" * 8), ("I", "7F"),
    ("9", "32310"), ("9", "3231zz"), ("5", "0FF"), ("5", "9FF"), ("5", "7"), ("5", "031"), ("I", "30"),
    ("6", "30 012173900101001"), ("5", "030"),
)  # fmt: skip


def sweep(make: MakeBench) -> Swept:
    """Exercise every code; see the module."""
    swept = Swept()
    swept.run(make, _commands)
    swept.run(make, _masters)
    swept.run(make, _strange)
    swept.run(make, _parity)
    swept.run(make, _damaged_key)
    swept.run(make, _locked)
    for code in range(0xD0, 0xDF):
        if code != 0xDD:
            swept.run(make, lambda bench, code=code: _module_fails(bench, code))  # type: ignore[misc]
    for code in FAULTS:
        swept.run(make, lambda bench, code=code: _driver_is_told(bench, code, swept), rewrites=True)  # type: ignore[misc]
    return swept


def _speak(bench: Bench) -> Exchange:
    exchange = Exchange(bench.clock, repeats=0, byte_gap_ms=250)
    bench.party = Speaker(exchange.feed, exchange.tick, exchange.data_to_send, exchange.next_deadline_ms)
    return exchange


def _ask(bench: Bench, exchange: Exchange, code: str, parameters: str) -> Steps[None]:
    exchange.ask(COMMANDS[code], parameters)
    yield from bench.until(lambda: not exchange.asking, 10_000)
    yield from bench.pause(1_500)


def _commands(bench: Bench) -> Steps[None]:
    exchange = _speak(bench)
    for code, parameters in _ROUND:
        yield from _ask(bench, exchange, code, parameters)
    yield from _ask(bench, exchange, "5", f"{Item.TIME_LIMIT.value}01")
    bench.hand("rekey", "", tmk=KeyBits(TEST_TMK))
    yield from _ask(bench, exchange, "2", f"203032{_TDK}")
    yield from _ask(bench, exchange, "5", f"{Item.MISC.value}33")
    yield from _ask(bench, exchange, "6", "30 012173900101001")
    yield from bench.pause(3_000)  # EE, unasked
    bench.strike("low_battery")
    yield from _ask(bench, exchange, "7", "")
    bench.hand("remove_from_mount", "")
    yield from _ask(bench, exchange, "3", "")
    bench.hand("put_back", "")
    bench.hand("tamper", "")
    yield from _ask(bench, exchange, "3", "")


def _masters(bench: Bench) -> Steps[None]:
    exchange = _speak(bench)
    bench.strike("no_tmk")
    yield from _ask(bench, exchange, "2", f"203032{_TDK}")


def _strange(bench: Bench) -> Steps[None]:
    exchange = _speak(bench)
    bench.note("said: a command that nobody has")
    exchange.ask(replace(COMMANDS["N"], code="Z"), "")
    yield from bench.until(lambda: not exchange.asking, 10_000)


def _parity(bench: Bench) -> Steps[None]:
    exchange = _speak(bench)
    bench.strike("parity_enforced")
    yield from _ask(bench, exchange, "1", "3032" + "00" * 16)


def _damaged_key(bench: Bench) -> Steps[None]:
    exchange = _speak(bench)
    yield from _ask(bench, exchange, "2", f"203032{_TDK}")
    bench.strike("key_damaged", key=0x30)
    yield from _ask(bench, exchange, "6", "30 012173900101001")


def _locked(bench: Bench) -> Steps[None]:
    exchange = _speak(bench)
    bench.note("said: three times a wrong authentication")
    for _ in range(3):
        yield from _ask(bench, exchange, ":", "90" + "00" * 8)
    yield from _ask(bench, exchange, "2", f"203032{_TDK}")


def _module_fails(bench: Bench, code: int) -> Steps[None]:
    exchange = _speak(bench)
    bench.strike("security_module", code=code)
    yield from _ask(bench, exchange, "3", "")


def _driver_is_told(bench: Bench, code: int, swept: Swept) -> Steps[None]:
    yield from bench.start()
    bench.tap.rewrite = _answering_with(code)
    bench.note(f"line: the answer to the key load becomes {code:02X}")
    result = yield from load(bench)
    fault = FAULTS[code]
    if code == 0xEE:  # after a key load it is the end of an entry, come unasked: the answer is then missing
        if result.outcome is Outcome.DONE:
            swept.wrong.append(f"{fault.detail}: the driver takes it for success")
    elif (result.outcome, result.error) != (Outcome.REFUSED, fault.word):
        swept.wrong.append(f"{fault.detail}: the driver says {result.outcome.value} {result.error}, not {fault.word}")


def _answering_with(code: int) -> Rewrite:
    asked, answers = FrameReader(), FrameReader()
    key_load = False

    def rewrite(direction: Direction, data: bytes) -> bytes | None:
        nonlocal key_load
        if direction == "to_device":
            key_load = any(isinstance(i, Frame) and i.data[:1] == b"2" for i in asked.feed(data)) or key_load
            return None
        if key_load and any(isinstance(item, Frame) for item in answers.feed(data)):
            return encode(bytes((code,)))
        return None

    return rewrite
