"""Whole sessions with a chip card through the driver: frames, reader, contacts, card."""

from __future__ import annotations

from typing import Any

import psec.des
import psec.mac
import pytest

from drivers.base.chip import ChipBytes, ChipIO, ChipIOResult, ChipPower, ChipPowerResult
from drivers.base.vocabulary import Command, Outcome, Result
from drivers.sim.chip_card import ChipCardData, SimChipCard
from tests.drivers.card_reader.bench import Bench
from tests.drivers.card_reader.conftest import make_with_card

pytestmark = pytest.mark.filterwarnings(  # psec still asks for TDES by its former place
    "ignore::cryptography.utils.CryptographyDeprecationWarning"
)

AID = "A000000333010101"
DATA = bytes.fromhex("0000000100000000000000000156800004800001562611220130901B6A")


def ask(bench: Bench, command: Command) -> Result:
    bench.driver.submit(command)
    (result,) = (report for report in bench.run(6_000) if isinstance(report, Result))
    return result


class Terminal:
    """What an application does with a chip: T=0 procedure bytes and a little TLV."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.protocol = ""
        self.told: list[str] = []  # status bytes as they came

    def power(self, action: str) -> ChipPowerResult:
        result = ask(self.bench, ChipPower(ticket=action, action=action))
        assert isinstance(result, ChipPowerResult)
        self.protocol = result.protocol or ""
        return result

    def once(self, apdu: bytes) -> bytes:
        command = ChipIO(ticket="i", apdu=ChipBytes(apdu.hex()), protocol=self.protocol, whole=False)
        result = ask(self.bench, command)
        assert isinstance(result, ChipIOResult)
        assert result.outcome is Outcome.DONE
        assert result.answer is not None
        answer = bytes.fromhex(result.answer.reveal())
        self.told.append(answer[-2:].hex())
        return answer

    def send(self, text: str, data: bytes = b"") -> bytes:
        """Exchange a command; return data and status bytes after 61xx and 6Cxx are done with."""
        head = bytes.fromhex(text)
        apdu = head + (bytes((len(data),)) + data if data else b"") + b"\x00"
        answer = self.once(apdu)
        if answer[-2] == 0x6C:
            answer = self.once(apdu[:-1] + answer[-1:])
        if answer[-2] == 0x61:
            answer = self.once(bytes((0x00, 0xC0, 0x00, 0x00, answer[-1])))
        return answer


def inserted(protocol: str, data: ChipCardData | None = None) -> tuple[Terminal, SimChipCard]:
    card = SimChipCard(data, protocol)
    return Terminal(make_with_card(chip=card)), card


def card_and_session_key(card: SimChipCard) -> bytes:
    """Return the session key by the published formulas, in a few lines of another library."""
    data = card.data
    block = bytes.fromhex((data.pan + data.sequence)[-16:])
    inverse = bytes(byte ^ 0xFF for byte in block)
    key = b"".join(psec.des.encrypt_tdes_ecb(data.issuer_key, part) for part in (block, inverse))
    counter = card.atc.to_bytes(2, "big")
    return b"".join(psec.des.encrypt_tdes_ecb(key, counter + mark + bytes(5)) for mark in (b"\xf0", b"\x0f"))


@pytest.mark.parametrize("protocol", ["0", "1"])
def test_a_withdrawal_with_a_chip(protocol: str) -> None:
    terminal, card = inserted(protocol)
    power = terminal.power("cold")
    assert (power.outcome, power.protocol, power.atr) == (Outcome.DONE, f"chipT{protocol}", card.atr)

    directory = terminal.send("00A40400", b"1PAY.SYS.DDF01")
    assert directory.endswith(b"\x90\x00")
    entry = terminal.send("00B2010C")
    assert bytes.fromhex(AID) in entry
    assert terminal.send("00B2020C") == b"\x6a\x83"
    assert terminal.send("00A40400", bytes.fromhex(AID))[:1] == b"\x6f"
    options = terminal.send("80A80000", b"\x83\x00")
    assert options[:4] == b"\x80\x0a\x1c\x00"
    records = b""
    locator = options[4:-2]
    for at in range(0, len(locator), 4):
        for number in range(locator[at + 1], locator[at + 2] + 1):
            record = terminal.send(f"00B2{number:02X}{locator[at] | 4:02X}")
            assert record.endswith(b"\x90\x00")
            records += record[:-2]
    assert bytes.fromhex(card.data.pan) in records
    assert terminal.send("00200080", bytes.fromhex("249999FFFFFFFFFF")) == b"\x63\xc2"
    assert terminal.send("00200080", bytes.fromhex("241234FFFFFFFFFF")) == b"\x90\x00"

    answer = terminal.send("80AE8000", DATA)
    kind, counter, arqc, issuer_data = answer[2], answer[3:5], answer[5:13], answer[13:20]
    assert kind == 0x80
    session = card_and_session_key(card)
    signed = DATA + card.data.aip + counter + issuer_data
    assert arqc == psec.mac.generate_retail_mac(session[:8], session[8:], signed, 2)
    arpc = psec.des.encrypt_tdes_ecb(session, bytes(a ^ b for a, b in zip(arqc, b"00" + bytes(6), strict=True)))
    assert terminal.send("00820000", arpc + b"00") == b"\x90\x00"
    assert terminal.send("80AE4000", b"00" + DATA)[2] == 0x40  # TC

    assert terminal.power("off").outcome is Outcome.DONE
    needs_fetching = {"61", "6c"} & {told[:2] for told in terminal.told}
    assert needs_fetching == ({"61", "6c"} if protocol == "0" else set())


def test_the_card_goes_back_and_comes_again_with_its_counters() -> None:
    terminal, card = inserted("0")
    terminal.power("cold")
    terminal.send("00A40400", bytes.fromhex(AID))
    terminal.send("00200080", bytes.fromhex("249999FFFFFFFFFF"))
    terminal.send("80A80000", b"\x83\x00")
    again = Terminal(make_with_card(chip=card))
    again.power("cold")
    assert again.send("80CA9F36") == b"\x6a\x88"  # nothing is selected after power was off
    again.send("00A40400", bytes.fromhex(AID))
    assert again.send("80CA9F36") == bytes.fromhex("9F36020001 9000")
    assert again.send("80CA9F17") == bytes.fromhex("9F170102 9000")


@pytest.mark.parametrize("action", ["cold", "warm"])
def test_a_reset_in_the_middle_ends_the_transaction(action: str) -> None:
    terminal, card = inserted("1")
    terminal.power("cold")
    terminal.send("00A40400", bytes.fromhex(AID))
    terminal.send("80A80000", b"\x83\x00")
    terminal.send("80AE8000", DATA)
    if action == "cold":
        terminal.power("off")
    assert terminal.power(action).atr == card.atr
    assert terminal.send("80AE4000", b"00" + DATA) == b"\x69\x85"
    assert card.atc == 1


def test_no_card_number_is_seen_in_what_is_reported() -> None:
    terminal, card = inserted("1")
    terminal.power("cold")
    terminal.send("00A40400", bytes.fromhex(AID))
    result: Any = ask(terminal.bench, ChipIO(ticket="r", apdu=ChipBytes("00b2010c00"), protocol="chipT1"))
    assert card.data.pan in result.answer.reveal()
    assert card.data.pan not in repr(result)
    assert card.data.pan not in repr(terminal.bench.sim.state())


def test_a_chip_that_falls_silent_is_told() -> None:
    terminal, _ = inserted("0")
    terminal.power("cold")
    terminal.bench.sim.strike("chip_silent")
    result = ask(terminal.bench, ChipIO(ticket="i", apdu=ChipBytes("00a4040000"), protocol="chipT0"))
    assert result.outcome is not Outcome.DONE
    assert terminal.power("cold").outcome is Outcome.DONE
