"""The words a barcode reader is spoken to in, and answers in (XFS4IoT BarcodeReader).

A code on a customer's telephone may be worth money to whoever has its characters, so what was read is a
secret like a track: it prints masked, and the service that uses it reveals it where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.base.secrets import Secret
from drivers.base.vocabulary import Command, Happening, Result


class BarcodeText(Secret):
    """The characters of one code. Bytes that are not UTF-8 stand for themselves (ISO 8859-1)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Barcode:
    """`symbology`: XFS4IoT's word (``"qrCode"``, ``"ean13"``, ``"code128"``), or ``"unknown"``."""

    symbology: str
    text: BarcodeText


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBarcode(Command):
    """Read one code within `within_ms`; of other `symbologies` than these (empty: any) none is taken."""

    verb = "read_barcode"
    within_ms: int
    symbologies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBarcodeResult(Result):
    """DONE with the code. REFUSED ``timeOut`` when none came, ``cancelled`` after `CancelReadBarcode`."""

    verb = "read_barcode"
    code: Barcode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReadBarcode(Command):
    """End the reading under way; harmless when there is none."""

    verb = "cancel_read_barcode"
    interrupts = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReadBarcodeResult(Result):
    verb = "cancel_read_barcode"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeRead(Happening):
    """A hands-free scanner read a code that nobody had asked for."""

    name = "barcode_read"
    code: Barcode


@dataclass(frozen=True, slots=True, kw_only=True)
class BarcodeReaderCapabilities:
    """`symbologies`: the words this driver can tell apart. `hands_free`: it reports `BarcodeRead`."""

    symbologies: frozenset[str]
    hands_free: bool
