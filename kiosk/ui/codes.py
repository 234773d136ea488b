"""QR codes as a square of dark and light modules, quiet zone included (ISO/IEC 18004)."""

from __future__ import annotations

from typing import Final

import qrcode

QUIET: Final = 4  # modules of white around a code


def qr_matrix(content: str) -> list[list[bool]]:
    """Return rows of modules, True is dark. Raises qrcode's DataOverflowError for more than a code holds."""
    code = qrcode.QRCode(border=QUIET)
    code.add_data(content)
    code.make(fit=True)
    return [[bool(module) for module in row] for row in code.get_matrix()]
