"""What the framings of several devices share: one check sum."""

from __future__ import annotations

from functools import reduce
from operator import xor


def bcc(data: bytes) -> int:
    """Return the XOR of all bytes: the block check character of OMRON, Puloon and SZZT."""
    return reduce(xor, data, 0)
