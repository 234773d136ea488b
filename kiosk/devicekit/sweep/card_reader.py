"""Every command and error of the OMRON 3S4YR.

Commands go out over the link layer alone, in rounds in which they mean something. Each has to be answered well at
least once and its answer to be readable by the driver's tables; each error has to come from a reader that really
got into that state. Then each error code is shown to the driver as the answer to an eject.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from drivers.base.vocabulary import EjectCard, Outcome
from drivers.card_reader.commands import ERRORS
from drivers.card_reader.framing import FrameReader, encode
from drivers.card_reader.orders import COMBINED, PARAMS
from drivers.sim.cards import MagneticCard
from kiosk.devicekit.bench import Bench, Rewrite
from kiosk.devicekit.check import Steps
from kiosk.devicekit.contract.card_reader import TEST_TRACK, insert
from kiosk.devicekit.frames import Direction
from kiosk.devicekit.sweep.base import MakeBench, Swept
from kiosk.devicekit.sweep.card_reader_chip import CHIP_ROUNDS
from kiosk.devicekit.sweep.card_reader_talk import Heard, Talk

_VALUES: Final[dict[str, dict[str, Any]]] = {
    **{f"D{n}": {"rule": 0} for n in range(8)},
    "S0": {"format": "plain"},
    "S1": {"track": 3, "bits": 5, "parity": "odd", "base": "30", "start": ";", "end": "?"},
    "S2": {"track": 3, "lead": 20},
    "R0": {"retries": 1}, "R1": {"retries": 1}, "R3": {"retries": 3},
    **{f"W{n}": {"seconds": 5} for n in range(3)},
    "N1": {"capacitor": "yes"}, "N2": {"heads": "222"}, "N3": {"ports": "00000000"},
    **{f"P{n}": {"ports": "13"} for n in range(5)},
    **{f"T{n}": {"port": 2, "time": 5} for n in range(4)},
    "Y1": {"standard": "ISO"}, "Y2": {"seconds": 20}, "Y3": {"length": 254}, "Y4": {"checked": "yes"},
    "u0": {"characters": "BENCH 1"},
}  # fmt: skip
_AT_REST: Final = (
    *_VALUES, "10", "11", ":0", ":2", ":3", ":1", "N0", "NA", "Y0", "Q0", "Q1", "L0", "V0", "V1", "P5", "c0",
)  # fmt: skip
_IMAGE: Final = b"3S4YR-SWEEP 02" + bytes(range(256)) * 20


def sweep(make: MakeBench) -> Swept:
    """Exercise every code; see the module."""
    swept, heard = Swept(), Heard()
    for steps in (*_ROUNDS, *CHIP_ROUNDS):
        swept.run(make, lambda bench, steps=steps: steps(Talk(bench, heard)))  # type: ignore[misc]
    for code in ERRORS:
        swept.run(make, lambda bench, code=code: _driver_is_told(bench, code, swept), rewrites=True)  # type: ignore[misc]
    swept.wrong += heard.findings()
    return swept


# ------------------------------------------------------------ rounds


def _at_rest(talk: Talk) -> Steps[None]:
    """No card: what is told and set, and what does not go."""
    yield from talk.ask("10", "19")
    for code in ("00", "01", "02", "04", "05", "06"):
        yield from talk.ask(code, params=b"0A")
    yield from talk.ask("ZZ", "00")
    yield from talk.ask("W0", "02", params=b"xx")
    for code in _AT_REST:
        yield from talk.ask(code, **_VALUES.get(code, {}))
    for code in ("30", "31", "32", "60", "62", "68", "72", "79", "C0", "E0", "F0", "F3"):
        yield from talk.ask(code, "01", params=b"7" if code == "68" else b"00000" if code == "F0" else b"")
    yield from talk.ask("40", "60")
    yield from talk.ask("21", "61")


def _cards_come(talk: Talk) -> Steps[None]:
    """Each way in, and what the combined commands then do."""
    yield from talk.ask("02")
    for track, text in ((2, "1234"), (3, "567")):
        yield from talk.ask("78", track=track, characters=text)
    for code in ("20", "21", "22", "23", "24", "I0", *(code for code in COMBINED if code[1] not in "KL")):
        values: dict[str, Any] = {"tracks": (2,)} if code in PARAMS else {}
        yield from talk.ask("78", track=2, characters="1234")
        hand = "insert_from_rear" if code in ("22", "6H", "6I", "7H", "7I") else "insert_card"
        yield from talk.ask_while(code, hand, card=_card(cleans=code == "I0"), **values)
        yield from _out(talk)
    for code in ("6K", "6L", "7K", "7L"):
        yield from talk.ask_while("20", "insert_card", card=_card())
        yield from talk.ask("78", track=2, characters="1234")
        yield from talk.ask(code, tracks=(2,))
        yield from _out(talk)


def _card(**made_of: bool) -> MagneticCard:
    return MagneticCard(track1="TEST", track2=TEST_TRACK, track3="123", **made_of)  # type: ignore[arg-type]


def _out(talk: Talk) -> Steps[None]:
    """Give the card back, wherever it is, and let it be taken."""
    card = talk.bench.sim.state()["card"]
    if card is None:
        return
    if card["place"] != "exit":
        yield from talk.ask("30")
    talk.bench.hand("take_card", "")


def _tracks(talk: Talk) -> Steps[None]:
    yield from talk.ask("02")
    yield from talk.ask("69", "49", track=2)
    yield from talk.ask_while("20", "insert_card", card=_card())
    for code in ("60", "32", "61", "62", "63"):
        yield from talk.ask(code)
    for code in ("68", "6A"):
        yield from talk.ask(code, tracks=(1, 2, 3))
    yield from talk.ask("69", track=2)
    yield from talk.ask("79", "03", tracks=(2, 3))
    for track, text in ((2, "1234"), (3, "567")):
        yield from talk.ask(f"7{track}", characters=text)
        yield from talk.ask("78", track=track, characters=text)
    yield from talk.ask("71", characters="TEST")
    yield from talk.ask("79", tracks=(2, 3))
    for error in ("40", "41", "42", "43", "44", "45", "46"):
        yield from talk.ask("72", characters="1234")  # what was written must be read anew
        talk.bench.strike("read_error", code=error)
        yield from talk.ask("62", error)
    for error in ("50", "51", "52", "53", "54", "55", "56"):
        talk.bench.strike("write_error", code=error)
        yield from talk.ask("72", error, characters=error)
        yield from talk.ask("72", characters="1234")
    talk.bench.strike("card_moved")
    yield from talk.ask("10", "32")


def _leaving(talk: Talk) -> Steps[None]:
    """A card at the mouth: taken, not taken, drawn in again, held, hanging."""
    yield from talk.ask("02")
    for code in ("W1", "W2"):
        yield from talk.ask(code, seconds=2)
    yield from talk.ask_while("20", "insert_card", card=_card())
    yield from talk.ask("30")
    yield from talk.ask("90", "62")
    yield from talk.ask("40")
    yield from talk.ask("30")
    yield from talk.ask("42", tracks=(2,))
    yield from talk.ask("30")
    talk.bench.hand("pull_half_out", "")
    yield from talk.ask("40", "63")
    talk.bench.hand("push_back", "")
    yield from talk.ask("40")
    yield from talk.ask("30")
    talk.bench.hand("block_exit", "")
    yield from talk.ask("40", "15")
    yield from talk.ask("01", "64")
    talk.bench.hand("free_exit", "")
    yield from talk.ask("02")
    yield from talk.ask_while("90", "take_card")
    for code in ("40", "41"):
        yield from talk.ask(code, "60")
    yield from talk.ask_while("20", "insert_card", card=_card())
    yield from talk.ask("30")
    yield from talk.ask("41")
    yield from talk.ask_while("20", "insert_card", card=_card())
    yield from talk.ask("31")


def _mechanics_fail(talk: Talk) -> Steps[None]:
    yield from talk.ask("02")
    yield from talk.ask_while("20", "insert_card", card=_card())
    for fault, code, error in (
        ("jam", "30", "10"), ("shutter_fail", "30", "11"), ("sensor_fail", "30", "12"), ("motor_fail", "30", "13"),
        ("encoder_fail", "60", "17"), ("capture_fails", "31", "16"),
    ):  # fmt: skip
        talk.bench.strike(fault)
        yield from talk.ask(code, error)
        yield from talk.ask("10", error)
        yield from talk.ask("02")
    talk.bench.strike("option_memory_bad")
    yield from talk.ask("02", "33")
    talk.bench.hand("pull_card", "")
    yield from talk.ask("10", "14")
    yield from talk.ask("02")
    for length, error in (("long", "20"), ("short", "21")):
        card = _card()
        card.length = length
        yield from talk.ask_while("20", "insert_card", error, card=card)
        yield from talk.ask("10", "01")
        yield from talk.ask("04")
        talk.bench.hand("take_card", "")
    yield from talk.ask_while("20", "insert_card", card=_card())
    talk.bench.note("hands: power off and on")
    talk.bench.sim.power(False)
    talk.bench.sim.power(True)
    yield from talk.ask("10", "18")
    yield from talk.ask("00")


def _firmware(talk: Talk) -> Steps[None]:
    """Load one with a wrong sum, find it bad, load it right."""
    yield from talk.ask("02")
    for total, error in ((b"00000000", "70"), (b"%08X" % sum(_IMAGE), "")):
        yield from talk.ask("d0")
        for at in range(0, len(_IMAGE), 2_048):
            yield from talk.ask("d1", params=_IMAGE[at : at + 2_048])
        yield from talk.ask("d2", error, params=total)
        yield from talk.ask("c0" if error else "10", error or "71")
    yield from talk.ask("02")
    yield from talk.ask("V1")


_ROUNDS: Final[tuple[Callable[[Talk], Steps[None]], ...]] = (
    _at_rest,
    _cards_come,
    _tracks,
    _leaving,
    _mechanics_fail,
    _firmware,
)


# ------------------------------------------------------------ the driver


def _driver_is_told(bench: Bench, error: str, swept: Swept) -> Steps[None]:
    """Let the answer to an eject carry `error`; the driver must not say DONE, and must know the word."""
    yield from bench.start()
    yield from insert(bench)
    yield from bench.pause(1_000)
    bench.tap.rewrite = _answering_eject_with(error)
    bench.note(f"line: the answer to C30 becomes N30{error}")
    result = yield from bench.do(EjectCard(ticket=bench.ticket()))
    meaning = ERRORS[error]
    inside = "the card is not inside" in result.detail
    if result.outcome is Outcome.DONE and not inside:
        swept.wrong.append(f"{error} {meaning.text}: the driver takes an eject for done")
    elif result.error not in (meaning.word, None, "deviceNotReady", "sequenceError") and not inside:
        swept.wrong.append(f"{error} {meaning.text}: the driver says {result.error}, the table {meaning.word}")


def _answering_eject_with(error: str) -> Rewrite:
    reader = FrameReader()

    def rewrite(direction: Direction, data: bytes) -> bytes | None:
        if direction != "from_device":
            return None
        for item in reader.feed(data):
            if isinstance(item, bytes) and item[1:3] == b"30":
                return encode(b"N30" + error.encode("ascii"))
        return None

    return rewrite
