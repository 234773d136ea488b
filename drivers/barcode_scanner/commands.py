"""The vocabulary of a Honeywell scanner: what is set at the start, what its identifiers mean.

Source: Honeywell user guides (2020, N3680, Voyager 1250g, 3310g); AIM symbology identifiers, ISO/IEC 15424.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

IDENTIFY: Final = "REVINF"
ALIVE: Final = "TRGMOD?"
BY_COMMAND: Final = "TRGMOD0"
HANDS_FREE: Final = "TRGMOD3"
NO_PREFIX: Final = "PRECA2"
AIM_PREFIX: Final = "PREBK2995C81"  # all symbologies (99), the AIM identifier (5C81)
NO_SUFFIX: Final = "SUFCA2"
SUFFIX: Final = "SUFBK299"  # all symbologies; hex digits follow
ACKNOWLEDGED: Final = "232ACK1"

REPLY_WITHIN_MS: Final = 1_000
IDENTIFY_WITHIN_MS: Final = 3_000  # some hundred bytes at 9600 bit/s
TRIES: Final = 3
AGAIN_EVERY_MS: Final = 25_000  # a scanner stops reading by itself after 30 s (TRGSTO)

SYMBOLOGIES: Final[Mapping[str, str]] = {
    "A": "code39",
    "C": "code128",
    "E": "ean13",
    "F": "codabar",
    "G": "code93",
    "I": "itf",
    "L": "pdf417",
    "Q": "qrCode",
    "U": "maxicode",
    "d": "dataMatrix",
    "e": "gs1DataBar",
    "z": "aztec",
}
"""AIM code character to XFS4IoT's word. ``]E4`` is EAN-8."""


def symbology_of(identifier: str) -> str:
    """Return the word for an AIM identifier, e.g. ``"]Q1"``; ``"unknown"`` if there is none."""
    if identifier[:3] == "]E4":
        return "ean8"
    return SYMBOLOGIES.get(identifier[1:2], "unknown")


def identity_lines(lines: bytes) -> dict[str, str]:
    """Return what the scanner tells of itself: name to value, as printed."""
    told: dict[str, str] = {}
    for line in lines.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            told[name.strip()] = value.strip().lstrip(": ")
    return told
