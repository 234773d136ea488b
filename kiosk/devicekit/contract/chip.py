"""The contract of the chip behind a card reader (XFS4IoT ChipPower, ChipIO): power, protocol, APDUs, and what fails.

On hardware a person inserts a payment test card. Nothing here changes what a real card keeps but its counter of
PIN tries, which no check touches: PINs are tried on simulated cards only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from drivers.base.atr import read_atr
from drivers.base.chip import ChipBytes, ChipIO, ChipPower, ChipPowerResult
from drivers.base.tlv import find_tlv
from drivers.base.vocabulary import EjectCard, Health, Outcome, Reset
from drivers.sim.cards import Chip, MagneticCard, SimChip
from drivers.sim.chip_card import SimChipCard, answer_to_reset
from drivers.sim.chip_manners import Manners
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Need, Skipped, Steps, Suite, expect
from kiosk.devicekit.contract.card_reader import TEST_TRACK, give_back, insert

PSE: Final = "00A404000E315041592E5359532E444446303100"
AID: Final = "A000000333010101"
SELECT: Final = f"00A4040008{AID}00"
OPTIONS: Final = "80A8000002830000"
TRANSACTION: Final = "000000010000 000000000000 0156 8000048000 0156 261122 01 30901B6A".replace(" ", "")
DONE: Final = b"\x90\x00"

CHECKS: Final = Suite()


def insert_chip(bench: Bench, chip: Chip | None, prompt: str) -> Steps[None]:
    """Have a card inside; the stripe is of no matter here."""
    yield from insert(bench, prompt=prompt, card=MagneticCard(track2=TEST_TRACK, chip=chip), track2="")


def power(bench: Bench, action: str = "cold", protocol: str | None = None) -> Steps[ChipPowerResult]:
    result: ChipPowerResult = yield from bench.do(ChipPower(ticket=bench.ticket(), action=action, protocol=protocol))
    return result


def say(bench: Bench, protocol: str | None, apdu: str, *, whole: bool = True) -> Steps[Any]:
    command = ChipIO(ticket=bench.ticket(), apdu=ChipBytes(apdu), protocol=protocol or "", whole=whole)
    return (yield from bench.do(command))


def answer(bench: Bench, protocol: str | None, apdu: str) -> Steps[bytes]:
    """Say an APDU that has to be answered; return data and status words."""
    result = yield from say(bench, protocol, apdu)
    if result.outcome is not Outcome.DONE or result.answer is None:
        expect(False, "{} was not answered: {}", apdu[:8], result)
    return bytes.fromhex(result.answer.reveal())


def _card(protocol: str, **manners: Any) -> SimChipCard:
    return SimChipCard(protocol=protocol, manners=Manners(**manners))


# ------------------------------------------------------------ what works


def _speaks(protocol: str, manners: dict[str, Any]) -> Callable[[Bench], Steps[None]]:
    name = f"chipT{protocol}"

    def run(bench: Bench) -> Steps[None]:
        prompt = f"Insert a payment test card with a chip that speaks T={protocol}, chip first and up."
        yield from insert_chip(bench, _card(protocol, **manners), prompt)
        powered = yield from power(bench)
        expect(powered.outcome is Outcome.DONE, "no answer to reset: {}", powered)
        if powered.protocol != name and not bench.simulated:
            yield from give_back(bench)
            raise Skipped(f"the card speaks {powered.protocol}")
        expect(powered.protocol == name, "agreed on {}", powered.protocol)
        offered = read_atr(powered.atr).protocols
        expect(int(protocol) in offered, "its answer to reset offers {}", offered)
        directory = yield from answer(bench, powered.protocol, PSE)
        if directory.endswith(DONE):
            expect(find_tlv(directory[:-2], "6F", "84") is not None, "an answer to SELECT without a name")
        unknown = yield from answer(bench, powered.protocol, "00FF000000")
        expect(len(unknown) == 2 and unknown[0] >> 4 == 6, "an unknown instruction gave {}", unknown.hex())
        warm = yield from power(bench, "warm")
        expect((warm.outcome, warm.protocol) == (Outcome.DONE, name), "after a warm reset {}", warm)
        off = yield from power(bench, "off")
        expect(off.outcome is Outcome.DONE, "not switched off: {}", off)
        yield from give_back(bench)

    run.__name__ = f"speaks_t{protocol}{'_as_slowly_as_allowed' if manners else ''}"
    return run


CHECKS.check("A T=0 chip is powered cold and warm, answers, and is switched off.", Need.HANDS)(_speaks("0", {}))
CHECKS.check("A T=1 chip is powered cold and warm, answers, and is switched off.", Need.HANDS)(_speaks("1", {}))
CHECKS.check(
    "A T=0 chip that sends NULL bytes and takes each byte by itself is understood.", Need.HANDS, Need.FAULTS
)(_speaks("0", {"nulls": 3, "byte_by_byte": True}))
CHECKS.check("A T=1 chip that asks for time and takes short blocks is understood.", Need.HANDS, Need.FAULTS)(
    _speaks("1", {"extensions": 3, "inf_max": 16})
)


@CHECKS.check("Where a card offers both protocols, the one that was asked for is agreed.", Need.HANDS)
def chooses_a_protocol(bench: Bench) -> Steps[None]:
    yield from insert_chip(bench, _card("01"), "Insert a chip card that offers T=0 and T=1.")
    first = yield from power(bench)
    if len(read_atr(first.atr).protocols) < 2:
        yield from give_back(bench)
        raise Skipped("the card offers one protocol")
    for wanted in ("chipT1", "chipT0"):
        chosen = yield from power(bench, protocol=wanted)
        expect(chosen.protocol == wanted, "asked for {}, agreed on {}", wanted, chosen.protocol)
        yield from answer(bench, wanted, PSE)
    yield from give_back(bench)


@CHECKS.check("A card comes out although its chip is in use.", Need.HANDS)
def releases_the_chip(bench: Bench) -> Steps[None]:
    yield from insert_chip(bench, _card("0"), "Insert a chip card.")
    yield from power(bench)
    yield from give_back(bench)


@CHECKS.check("An answer over T=0 that has to be fetched comes in one piece, or as the card says it.", Need.FAULTS)
def fetches_long_answers(bench: Bench) -> Steps[None]:
    long = SimChip(answers={"80f8": "5A" * 700 + "9000"})
    yield from insert_chip(bench, long, "")
    yield from power(bench)
    whole = yield from answer(bench, "chipT0", "80F8000000")
    expect(whole == b"\x5a" * 700 + DONE, "{} bytes came", len(whole))
    bare = yield from say(bench, "chipT0", "80F8000000", whole=False)
    expect(bare.answer == ChipBytes("6100"), "a card with 700 bytes says {}", bare)
    yield from give_back(bench)


@CHECKS.check("Commands and answers over T=1 that are longer than one frame come whole.", Need.FAULTS)
def chains_long_apdus(bench: Bench) -> Steps[None]:
    echo = {"80f8": "5A" * 700 + "9000", "80f9": "9000"}
    yield from insert_chip(bench, SimChip(answer_to_reset("1", b"LONG", 32), echo), "")
    yield from power(bench)
    whole = yield from answer(bench, "chipT1", "80F8000000")
    expect(whole == b"\x5a" * 700 + DONE, "{} bytes came", len(whole))
    for size in (300, 355, 356, 1_000):
        said = yield from answer(bench, "chipT1", f"80F90000 00 {size:04X}".replace(" ", "") + "A5" * size)
        expect(said == DONE, "a command of {} bytes was answered with {}", size, said.hex())
    yield from give_back(bench)


@CHECKS.check("A payment runs from the directory to the cryptogram, over both protocols.", Need.FAULTS)
def runs_a_payment(bench: Bench) -> Steps[None]:
    for protocol in ("0", "1"):
        yield from insert_chip(bench, _card(protocol), "")
        agreed = (yield from power(bench)).protocol
        yield from answer(bench, agreed, PSE)
        entry = yield from answer(bench, agreed, "00B2010C00")
        expect(bytes.fromhex(AID) in entry, "the directory names another application")
        yield from answer(bench, agreed, SELECT)
        options = yield from answer(bench, agreed, OPTIONS)
        locator = (find_tlv(options[:-2], "80") or b"")[2:]
        for at in range(0, len(locator), 4):
            for number in range(locator[at + 1], locator[at + 2] + 1):
                record = yield from answer(bench, agreed, f"00B2{number:02X}{locator[at] | 4:02X}00")
                expect(find_tlv(record[:-2], "70") is not None, "record {} is none", number)
        wrong = yield from answer(bench, agreed, "0020008008249999FFFFFFFFFF")
        expect(wrong == b"\x63\xc2", "a wrong PIN was answered with {}", wrong.hex())
        told = find_tlv((yield from answer(bench, agreed, f"80AE80001D{TRANSACTION}00"))[:-2], "80") or b"?"
        expect(told[0] == 0x80 and len(told) == 18, "no cryptogram for the issuer")
        yield from give_back(bench)


@CHECKS.check("What a chip tells of the account stands in no report and no trace.", Need.FAULTS)
def tells_the_account_to_nobody(bench: Bench) -> Steps[None]:
    card = _card("1")
    yield from insert_chip(bench, card, "")
    yield from power(bench)
    for apdu in (SELECT, OPTIONS):
        yield from answer(bench, "chipT1", apdu)
    record = yield from answer(bench, "chipT1", "00B2010C00")
    expect(card.data.pan in record.hex(), "the record holds no account")
    told = " ".join([repr(bench.reports), *(f"{entry.name} {entry.hex}" for entry in bench.entries)]).replace(" ", "")
    expect(card.data.pan not in told, "the account stands in a report or in the trace")
    yield from give_back(bench)


# ------------------------------------------------------------ what fails


@CHECKS.check("Without a card there is no chip to power, and none to speak to.")
def refuses_without_a_card(bench: Bench) -> Steps[None]:
    powered = yield from power(bench)
    expect(powered.outcome is Outcome.REFUSED, "{}", powered)
    result = yield from say(bench, "chipT0", PSE)
    expect(result.outcome is Outcome.REFUSED and result.answer is None, "{}", result)


@CHECKS.check("A chip without power is not spoken to.", Need.HANDS)
def refuses_without_power(bench: Bench) -> Steps[None]:
    yield from insert_chip(bench, _card("0"), "Insert a chip card.")
    result = yield from say(bench, "chipT0", PSE)
    expect(result.outcome is Outcome.REFUSED and result.answer is None, "{}", result)
    yield from give_back(bench)


@CHECKS.check("A card without a chip is told, atrNotObtained, and comes back.", Need.HANDS)
def tells_a_card_without_a_chip(bench: Bench) -> Steps[None]:
    yield from insert_chip(bench, None, "Insert a card that has a stripe and no chip.")
    result = yield from power(bench)
    expect((result.outcome, result.error) == (Outcome.REFUSED, "atrNotObtained"), "{}", result)
    yield from give_back(bench)


@CHECKS.check("What is no APDU is refused before anything is said to the chip.", Need.HANDS)
def refuses_what_is_no_apdu(bench: Bench) -> Steps[None]:
    yield from insert_chip(bench, _card("0"), "Insert a chip card.")
    yield from power(bench)
    said = len(bench.raw)
    for apdu, protocol in (("00", "chipT0"), ("zz", "chipT0"), ("00" * 262, "chipT0"), (PSE, "chipT2")):
        result = yield from say(bench, protocol, apdu)
        expect((result.outcome, result.error) == (Outcome.REFUSED, "invalidData"), "{}", result)
    if Need.MEMORY in bench.provides:
        expect(len(bench.raw) == said, "{} chunks went over the line", len(bench.raw) - said)
    yield from give_back(bench)


def _recovers(bench: Bench, protocol: str) -> Steps[None]:
    """The chip can be powered and spoken to again, and the card comes back."""
    again = yield from power(bench)
    expect(again.outcome is Outcome.DONE, "it cannot be powered again: {}", again)
    yield from answer(bench, protocol, PSE)
    yield from give_back(bench)


def _gives_no_atr(fault: str, shows: str) -> None:
    def run(bench: Bench) -> Steps[None]:
        yield from insert_chip(bench, _card("1"), "")
        bench.strike(fault)
        result = yield from power(bench)
        expect((result.outcome, result.error) == (Outcome.REFUSED, "atrNotObtained"), "{}", result)
        yield from _recovers(bench, "chipT1")

    run.__name__ = f"gets_no_atr_of_a_{fault}"
    CHECKS.check(shows, Need.FAULTS)(run)


_gives_no_atr("chip_wrong_atr", "A damaged answer to reset is no answer to reset; the next one counts.")
_gives_no_atr("chip_silent", "A chip that is mute from the beginning is told, atrNotObtained.")


def _fails(protocol: str, fault: str, shows: str) -> None:
    def run(bench: Bench) -> Steps[None]:
        yield from insert_chip(bench, _card(protocol), "")
        yield from power(bench)
        bench.strike(fault, **({"answers": 9} if fault == "chip_noise" else {}))
        result = yield from say(bench, f"chipT{protocol}", PSE)
        expect(result.outcome is Outcome.UNKNOWN and result.answer is None, "{}", result)
        expect(result.error is not None, "no word for what happened: {}", result)
        yield from _recovers(bench, f"chipT{protocol}")

    run.__name__ = f"is_unsure_when_a_t{protocol}_{fault}"
    CHECKS.check(shows, Need.FAULTS)(run)


_fails("0", "chip_silent", "A T=0 chip that falls silent leaves the exchange in doubt; it can be powered again.")
_fails("1", "chip_silent", "A T=1 chip that falls silent leaves the exchange in doubt; it can be powered again.")
_fails("0", "chip_noise", "Damaged bytes of a T=0 chip leave the exchange in doubt; it can be powered again.")
_fails("1", "chip_noise", "Blocks that stay damaged leave the exchange in doubt; the chip can be powered again.")
_fails("1", "chip_aborts", "A chip that breaks its chain off leaves the exchange in doubt.")
_fails("1", "chip_says_too_little", "An answer without status words leaves the exchange in doubt.")


@CHECKS.check("A damaged T=1 block is said again by the chip, and nobody notices.", Need.FAULTS)
def repairs_a_damaged_block(bench: Bench) -> Steps[None]:
    card = _card("1")
    yield from insert_chip(bench, card, "")
    yield from power(bench)
    yield from answer(bench, "chipT1", SELECT)
    for apdu in (OPTIONS, "80CA9F3600"):
        bench.strike("chip_noise", answers=2)
        told = yield from answer(bench, "chipT1", apdu)
        expect(told.endswith(DONE), "{}", told.hex())
    expect(told == bytes.fromhex("9F360200019000"), "the chip counts {}", told.hex())
    yield from give_back(bench)


@CHECKS.check("A card torn away in mid-exchange leaves it in doubt and stops the reader until a reset.", Need.FAULTS)
def notices_a_card_torn_away(bench: Bench) -> Steps[None]:
    yield from insert_chip(bench, _card("1", extensions=20), "")
    yield from power(bench)
    command = ChipIO(ticket=bench.ticket(), apdu=ChipBytes(PSE), protocol="chipT1")
    bench.submit(command)
    yield from bench.pause(300)
    bench.hand("pull_card", "")
    result = yield from bench.answer_to(command)
    expect((result.outcome, result.error) == (Outcome.UNKNOWN, "userError"), "{}", result)
    expect(bench.driver.health is Health.STOP, "the health is {}", bench.driver.health)
    stopped = yield from bench.do(EjectCard(ticket=bench.ticket()))
    expect(stopped.outcome is Outcome.REFUSED, "{}", stopped)
    reset = yield from bench.do(Reset(ticket=bench.ticket(), media="hold"))
    expect(reset.outcome is Outcome.DONE and reset.card_inside is True, "{}", reset)
    yield from _recovers(bench, "chipT1")


@CHECKS.check("A lost answer does not make the chip carry a command out twice.", Need.FAULTS, Need.MEMORY)
def exchanges_once(bench: Bench) -> Steps[None]:
    card = _card("1")
    yield from insert_chip(bench, card, "")
    yield from power(bench)
    yield from answer(bench, "chipT1", SELECT)
    yield from bench.pause(1_000)
    bench.damage("from_device", "drop", skip=3)  # behind the status question
    yield from answer(bench, "chipT1", OPTIONS)
    expect(card.atc == 1, "the counter of the card stands at {}", card.atc)
    yield from give_back(bench)
