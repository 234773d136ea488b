"""Reading what eSSP hides, on one's own bench.

A driver under test draws its secrets from a source that it is given. The bench gives it a `KeyRing`: unpredictable,
and remembering. From a secret exponent and the numbers that both sides say in clear follows the key, so the trace can
show what was said, and the coverage can count it. On somebody else's line there is no ring, and packets stay closed.
"""

from __future__ import annotations

import os
from collections import deque
from typing import Final

from drivers.note_acceptor.ssp.essp import SECRET_BYTES, SecureChannel, own_secret

REMEMBERED_MAX: Final = 64  # draws of a secret's length; the one that matters was a few draws ago


class KeyRing:
    """An `Entropy` that remembers."""

    def __init__(self) -> None:
        self._drawn: deque[bytes] = deque(maxlen=REMEMBERED_MAX)

    def __call__(self, count: int) -> bytes:
        drawn = os.urandom(count)
        if count == SECRET_BYTES:
            self._drawn.append(drawn)
        return drawn

    def channel(self, generator: int, modulus: int, public: int, other: int) -> SecureChannel | None:
        """Return a channel that reads what follows an exchange of keys; None if the host was not one of ours."""
        if modulus > 1:
            for drawn in reversed(self._drawn):
                own = own_secret(drawn)
                if pow(generator, own, modulus) == public:
                    return SecureChannel(pow(other, own, modulus), self)
        return None
