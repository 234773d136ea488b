"""What a simulated pad can get into, said byte by byte: each status is a state, and what undoes it."""

from __future__ import annotations

import pytest

from drivers.base.clock import SimClock
from drivers.base.secrets import KeyBits
from drivers.pin_pad.framing import Frame, FrameReader, encode
from drivers.sim import pin_pad_crypto as crypto
from drivers.sim.pin_pad import PadLab, SimSzztPinPad

TMK = "0123456789ABCDEFFEDCBA9876543210"
TPK = "1C2F3E4D5B6A798897A6B5C4D3E2F101"
LOAD = "2" + "203032" + crypto.encrypt(bytes.fromhex(TMK), bytes.fromhex(TPK)).hex().upper()
START = "6" + "30 012173900101001"
WRONG = ":90" + "00" * 8


class Pad:
    def __init__(self, lab: PadLab | None = None) -> None:
        self.sim = SimSzztPinPad(SimClock(), KeyBits(TMK), lab=lab)

    def ask(self, text: str) -> int:
        """Return the status byte of the answer."""
        ((_, data),) = self.sim.receive(encode(text.encode("ascii")))
        (frame,) = FrameReader().feed(data)
        assert isinstance(frame, Frame)
        return frame.status


def test_a_key_whose_cells_flipped_makes_no_block_until_it_is_loaded_again() -> None:
    pad = Pad()
    assert pad.ask(LOAD) == 0x60
    pad.sim.strike("key_damaged", key=0x30)
    assert pad.ask(START) == 0xE7
    assert pad.ask(LOAD) == 0x60
    assert pad.ask(START) == 0x60
    with pytest.raises(ValueError, match="no key 49 is loaded; there are: 32, 48"):
        pad.sim.strike("key_damaged", key=0x31)


def test_three_wrong_authentications_lock_the_pad_until_somebody_undoes_it() -> None:
    pad = Pad()
    assert [pad.ask(WRONG) for _ in range(4)] == [0xEC, 0xEC, 0xEC, 0xED]
    assert pad.ask(LOAD) == 0xED
    assert pad.ask("3") == 0x60, "it still says who it is"
    pad.sim.power(on=False)
    pad.sim.power(on=True)
    assert pad.ask(LOAD) == 0xED, "a power cut does not unlock it"
    pad.sim.heal()
    assert pad.ask(LOAD) == 0x60


@pytest.mark.parametrize("code", [*range(0xD0, 0xDF)])
def test_a_security_module_that_fails_ends_everything(code: int) -> None:
    pad = Pad()
    pad.sim.strike("security_module", code=code, nth=2)
    assert pad.ask("3") == 0x60
    assert [pad.ask(text) for text in ("3", LOAD, "N")] == [code] * 3
    pad.sim.heal()
    assert pad.ask("3") == 0x60


def test_a_module_reports_what_it_can_report() -> None:
    with pytest.raises(ValueError, match="D0 to DE"):
        Pad().sim.strike("security_module", code=0xE0)


def test_parity_is_a_matter_of_the_firmware() -> None:
    even = "13032" + "00" * 16
    pad = Pad()
    assert pad.ask(even) == 0x60
    pad.sim.strike("parity_enforced")
    assert pad.ask(even) == 0xE6
    pad.sim.heal()
    assert pad.ask(even) == 0x60
    assert Pad(PadLab(parity=True)).ask(even) == 0xE6


def test_a_command_that_nobody_has_is_a_general_error() -> None:
    assert Pad().ask("Z") == 0xEF
