"""The device's side of an SSP line: addresses, the sequence flag, and the encrypted envelope.

A frame with the flag of the one before is not carried out again: the reply is repeated. After power-up there is no
one before. SYNC is always carried out; whatever flag comes behind it is new if it is not 1.

The envelope (eSSP): the device has its own half of the key exchange, checks that both numbers are prime, counts
packets, and is silent to a packet that is damaged or has a wrong count.
"""

from __future__ import annotations

import random

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.note_acceptor.ssp.framing import Frame, Reader, crc16, encode

OK, BAD_COMMAND, BAD_COUNT, OUT_OF_RANGE, CANNOT = 0xF0, 0xF2, 0xF3, 0xF4, 0xF5
SOFTWARE_ERROR, FAIL, KEYLESS = 0xF6, 0xF8, 0xFA
SYNC, GENERATOR, MODULUS, EXCHANGE = 0x11, 0x4A, 0x4B, 0x4C
FACTORY_KEY = bytes.fromhex("6745230167452301")


def prime(number: int) -> bool:
    """Return whether `number` passes Fermat's test to enough bases (the device is no theorist)."""
    return number > 2 and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11, 13) if base < number)


class Envelope:
    """The device's half of eSSP. `seed` makes its own secret repeatable."""

    def __init__(self, seed: int, fixed: bytes = FACTORY_KEY) -> None:
        self._random = random.Random(seed)
        self._fixed = fixed
        self._generator = self._modulus = 0
        self._key: bytes | None = None
        self.count = 0

    @property
    def has_key(self) -> bool:
        return self._key is not None

    def fix(self, fixed: bytes = FACTORY_KEY) -> None:
        """Take another fixed half, from the next exchange of keys on; it outlives the power."""
        self._fixed = fixed

    def forget(self) -> None:
        self._key = None
        self._generator = self._modulus = 0
        self.count = 0

    def set_number(self, which: int, data: bytes) -> bytes:
        number = int.from_bytes(data[:8], "little")
        if len(data) != 8:
            return bytes((BAD_COUNT,))
        if not prime(number):
            return bytes((OUT_OF_RANGE,))
        if which == GENERATOR:
            self._generator = number
        else:
            self._modulus = number
        return bytes((OK,))

    def exchange(self, data: bytes) -> bytes:
        if not self._generator or not self._modulus:
            return bytes((CANNOT,))
        own = self._random.getrandbits(56) | 1
        shared = pow(int.from_bytes(data[:8], "little"), own, self._modulus)
        self._key = self._fixed + shared.to_bytes(8, "little")
        self.count = 0
        return bytes((OK,)) + pow(self._generator, own, self._modulus).to_bytes(8, "little")

    def unwrap(self, field: bytes) -> bytes | None:
        """Return the command inside, None for a packet that cannot be believed."""
        if self._key is None or len(field) < 17 or len(field) % 16 != 1:
            return None
        decryptor = Cipher(algorithms.AES(self._key), modes.ECB()).decryptor()
        plain = decryptor.update(field[1:]) + decryptor.finalize()
        good = crc16(plain[:-2]) == plain[-2] + 256 * plain[-1]
        if not good or int.from_bytes(plain[1:5], "little") != self.count or plain[0] + 7 > len(plain):
            return None
        self.count += 1
        return plain[5 : 5 + plain[0]]

    def wrap(self, reply: bytes) -> bytes:
        assert self._key is not None
        plain = bytes((len(reply),)) + self.count.to_bytes(4, "little") + reply
        plain += self._random.randbytes(-(len(plain) + 2) % 16)
        plain += crc16(plain).to_bytes(2, "little")
        encryptor = Cipher(algorithms.AES(self._key), modes.ECB()).encryptor()
        return b"\x7e" + encryptor.update(plain) + encryptor.finalize()


class SspSide:
    """Takes bytes, hands out commands one by one, remembers the last reply."""

    def __init__(self, address: int, seed: int) -> None:
        self.envelope = Envelope(seed)
        self.repeated = 0  # frames that were answered from memory
        self._address = address
        self._reader = Reader()
        self._last_flag: bool | None = None
        self._last_reply = b""

    def power_off(self) -> None:
        self._reader.abandon()
        self._last_flag = None
        self._last_reply = b""
        self.envelope.forget()

    def frames(self, data: bytes) -> list[Frame]:
        return [frame for frame in self._reader.feed(data) if frame.address == self._address]

    def remembered(self, frame: Frame) -> bytes | None:
        """Return the reply to repeat, None if the frame is a new command."""
        if frame.data[0] == SYNC or frame.sequence != self._last_flag:
            return None
        self.repeated += 1
        return self._last_reply

    def command(self, frame: Frame) -> tuple[bytes, bool] | None:
        """Return the command and whether it came encrypted; None for one to be silent to."""
        if frame.data[0] != 0x7E:
            return frame.data, False
        if not self.envelope.has_key:
            return b"", True
        inside = self.envelope.unwrap(frame.data)
        return None if inside is None else (inside, True)

    def answer(self, frame: Frame, reply: bytes, sealed: bool) -> bytes:
        content = self.envelope.wrap(reply) if sealed and self.envelope.has_key else reply
        self._last_flag = frame.sequence
        self._last_reply = encode(Frame(frame.sequence, self._address, content))
        return self._last_reply
