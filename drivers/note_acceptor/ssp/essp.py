"""eSSP: how host and device agree on a key, and how a DATA field is hidden under it.

    DATA = 7E | AES-128-ECB of  eLEN(1) eCOUNT(4) eDATA ePACKING eCRCL eCRCH      (multiples of 16 bytes)

The key is a fixed half, the same in a whole estate, and a half agreed by Diffie and Hellman over 64 bits. That is
too small to be secret from somebody who listens and computes; it keeps out who only replays or invents frames,
and the counter makes each packet good for one occasion. Treat the line as inside the safe.

Counters start at zero with each key. The host puts its count into a packet and adds one; the device answers with
the count the host then has. A packet with another count is not believed.

The AES is `cryptography`'s. ECB is what the device speaks: the count is in the first block, packing is random.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from drivers.base.errors import RemoteProtocolError
from drivers.note_acceptor.ssp.framing import crc16

STEX: Final = 0x7E
BLOCK: Final = 16
FIXED_KEY: Final = 0x0123456701234567  # the number every unit leaves the factory with [S]
_HEAD: Final = 5
_WITNESSES: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)  # enough for every number below 2**64
SECRET_BYTES: Final = 7
_PRIME_TRIES_MAX: Final = 2_000  # one odd 62-bit number in 21 is prime; 2000 misses in a row do not happen

Entropy = Callable[[int], bytes]
"""Gives that many unpredictable bytes: `os.urandom`, or a seeded source in a rehearsal."""


def is_prime(number: int) -> bool:
    """Return whether `number`, below 2**64, is prime (Miller and Rabin, exact in this range)."""
    if number < 2:
        return False
    for small in _WITNESSES:
        if number % small == 0:
            return number == small
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in _WITNESSES:
        power = pow(witness, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def draw_prime(entropy: Entropy) -> int:
    """Return a prime of 62 bits. Raises RuntimeError when `entropy` is no source of anything."""
    for _ in range(_PRIME_TRIES_MAX):
        number = int.from_bytes(entropy(8), "little") >> 2 | 1 << 61 | 1
        if is_prime(number):
            return number
    raise RuntimeError("no prime among 2000 numbers: the source of entropy is broken")


def own_secret(drawn: bytes) -> int:
    """Return the host's secret exponent that is made of `SECRET_BYTES` drawn bytes."""
    return int.from_bytes(drawn, "little") | 1 << 55


class KeyAgreement:
    """The host's half of one key exchange. `generator`, `modulus` and `public` go out as 8 bytes, low first."""

    def __init__(self, entropy: Entropy) -> None:
        self.generator = draw_prime(entropy)
        self.modulus = draw_prime(entropy)
        while self.modulus == self.generator:
            self.modulus = draw_prime(entropy)
        self._own = own_secret(entropy(SECRET_BYTES))
        self.public = pow(self.generator, self._own, self.modulus)

    def shared(self, other: int) -> int:
        """Return the negotiated number. Raises RemoteProtocolError for a public number that hides nothing."""
        if not 1 < other < self.modulus:
            raise RemoteProtocolError("the device's key is not between 1 and the modulus")
        return pow(other, self._own, self.modulus)


class SecureChannel:
    """One key and its count. Not thread-safe, not reusable: a new key is a new channel."""

    def __init__(self, negotiated: int, entropy: Entropy, fixed: int = FIXED_KEY) -> None:
        key = fixed.to_bytes(8, "little") + negotiated.to_bytes(8, "little")
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())
        self._entropy = entropy
        self.count = 0

    def seal(self, data: bytes) -> bytes:
        """Return the DATA field that carries `data`, and count it. Send the same bytes when sending again."""
        packing = -(_HEAD + len(data) + 2) % BLOCK
        packet = bytes((len(data),)) + self.count.to_bytes(4, "little") + data + self._entropy(packing)
        packet += crc16(packet).to_bytes(2, "little")
        self.count = self.count + 1 & 0xFFFFFFFF
        encryptor = self._cipher.encryptor()
        return bytes((STEX,)) + encryptor.update(packet) + encryptor.finalize()

    def open(self, field: bytes) -> bytes:
        """Return what the device's DATA field carries. Raises RemoteProtocolError: not ours, damaged, stale."""
        count, content = self.look(field)
        if count != self.count:
            raise RemoteProtocolError(f"packet {count}, expected {self.count}")
        return content

    def look(self, field: bytes) -> tuple[int, bytes]:
        """Return the count of a DATA field of either side, and what it carries. Raises RemoteProtocolError: not ours,
        damaged.
        """
        if len(field) < 1 + BLOCK or (len(field) - 1) % BLOCK or field[0] != STEX:
            raise RemoteProtocolError("not an encrypted packet")
        decryptor = self._cipher.decryptor()
        packet = decryptor.update(field[1:]) + decryptor.finalize()
        if crc16(packet[:-2]) != int.from_bytes(packet[-2:], "little"):
            raise RemoteProtocolError("the CRC inside the packet is wrong")
        if packet[0] > len(packet) - _HEAD - 2:
            raise RemoteProtocolError("the length inside the packet is wrong")
        return int.from_bytes(packet[1:5], "little"), packet[_HEAD : _HEAD + packet[0]]
