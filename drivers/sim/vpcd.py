"""A simulated chip card behind a virtual PC/SC reader (vpcd of the vsmartcard project): anybody's PC/SC software.

The reader's driver inside pcscd listens on TCP port 35963; the card is the client. Each message is two bytes of
length, high byte first, and the payload; a payload of one byte is a control, anything else is a command APDU.
Only the ATR and APDUs are answered. This is the codec; whoever owns a socket moves the bytes.

Source: frankmorgner/vsmartcard at a858628, the source of vpcd.
"""

from __future__ import annotations

from typing import Final

from drivers.sim.cards import Chip

PORT: Final = 35_963
POWER_OFF, POWER_ON, RESET, SEND_ATR = 0x00, 0x01, 0x02, 0x04


class VpcdCard:
    """Takes what the reader sends in any pieces, returns what the card answers."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._buffer = b""

    def receive(self, data: bytes) -> bytes:
        self._buffer += data
        answers = b""
        while len(self._buffer) >= 2 + (length := int.from_bytes(self._buffer[:2], "big")):
            message, self._buffer = self._buffer[2 : 2 + length], self._buffer[2 + length :]
            if len(message) == 1:
                answers += self._control(message[0])
            elif message:
                answers += _framed(self._chip.exchange(message))
            if len(self._buffer) < 2:
                break
        return answers

    def _control(self, code: int) -> bytes:
        if code in (POWER_OFF, POWER_ON, RESET):
            self._chip.reset()
        return _framed(self._chip.atr) if code == SEND_ATR else b""


def _framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(2, "big") + payload
