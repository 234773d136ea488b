"""Bitmaps as ESC/POS: ``GS v 0`` in bands, with no byte in them that the printer would take for a command.

A real printer looks for real-time commands (``DLE EOT``, ``DLE ENQ``, ``DLE DC4``) in everything it is sent, pictures
included: ``10 05 02`` in the middle of a picture empties its buffer. So where a picture holds the first two bytes of
one, one more dot is made black beside the dot of the ``10``: nobody sees a dot of an eighth of a millimetre.
"""

from __future__ import annotations

from typing import Final

from drivers.base.raster import Bitmap

BAND_ROWS: Final = 48  # so that a printer with a small buffer can begin before it has everything
DLE: Final = 0x10
THICKER: Final = 0x30
_SECONDS: Final = (0x04, 0x05, 0x14)


def raster_image(bitmap: Bitmap) -> bytes:
    """Return the commands that print `bitmap` at the left margin."""
    across = bitmap.width // 8  # at most 72: a header is no command, for its 10 has a 00 behind it
    bits = harmless(bitmap.bits)
    out = []
    for top in range(0, bitmap.height, BAND_ROWS):
        rows = min(BAND_ROWS, bitmap.height - top)
        head = b"\x1d\x76\x30\x00" + across.to_bytes(2, "little") + rows.to_bytes(2, "little")
        out.append(head + bits[top * across : (top + rows) * across])
    return b"".join(out)


def harmless(bits: bytes) -> bytes:
    """Return `bits` without the beginning of a real-time command; a last ``10`` counts as one, too."""
    out = bytearray(bits)
    for at, byte in enumerate(out):
        if byte == DLE and (at + 1 == len(out) or out[at + 1] in _SECONDS):
            out[at] = THICKER
    return bytes(out)

