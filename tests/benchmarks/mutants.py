"""Mutants of recorded frames; see `fuzz`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

Reframe = Callable[[Random, str, bytes], bytes]
"""Takes random numbers, a direction, bytes; returns them damaged inside, with a right check character."""


def mutate(rng: Random, corpus: Mapping[str, list[bytes]], direction: str, data: bytes, reframe: Reframe) -> bytes:
    """Return a mutant of `data`."""
    kind = rng.random()
    if kind < 0.35:
        return reframe(rng, direction, data)
    if kind < 0.55:
        return flipped(rng, data)
    if kind < 0.65:
        return data[: rng.randrange(len(data) + 1)]
    if kind < 0.75:
        other = rng.choice(corpus[direction])
        return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]
    if kind < 0.83:
        return data * rng.randrange(2, 4)
    if kind < 0.90:
        at = rng.randrange(len(data) + 1)
        return data[:at] + rng.randbytes(rng.randrange(1, 6)) + data[at:]
    if kind < 0.95:
        return rng.randbytes(rng.randrange(1, 40))
    return rng.choice(corpus["from_device" if direction == "to_device" else "to_device"])


def flipped(rng: Random, data: bytes) -> bytes:
    """Return `data` with one to four bits flipped."""
    if not data:
        return data
    out = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def damaged(rng: Random, payload: bytes, head: int) -> bytes:
    """Return `payload` damaged behind its first `head` bytes: flipped, cut, longer, or replaced."""
    kept, rest = payload[:head], payload[head:]
    kind = rng.randrange(5)
    if kind == 0:
        rest = flipped(rng, rest)
    elif kind == 1:
        rest = rest[: rng.randrange(len(rest) + 1)]
    elif kind == 2:
        rest += rng.randbytes(rng.randrange(1, 9))
    elif kind == 3:
        rest = rng.randbytes(len(rest))
    else:
        kept = flipped(rng, kept)
    return kept + rest
