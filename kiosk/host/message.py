"""Messages as values; bytes to values and back. Knows no port, no clock, no key.

The wire codec is pyiso8583's. Added here: a value that masks itself, one error that says which field is wrong
and what to do, the check of each message against the tables of `spec`, and the composite fields
F48 (tag, length, value), F54, F90 and F95.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import iso8583

from kiosk.host.spec import (
    CODEC_SPEC,
    FIELDS,
    MESSAGE_BYTES_MAX,
    MESSAGES,
    NEVER_IN_ADVICE,
    REFUSAL_MINIMUM,
)

MAC_HEX: Final = 16
NO_MAC: Final = "0" * MAC_HEX
_SHOWN_OF_BROKEN: Final = (3, 7, 11, 37, 39, 41, 70)


class MessageError(ValueError):
    """The one error for a message that cannot be read or must not be sent.

    The text names the field and the remedy, never a secret content. `mti` and `known` hold what could be read
    before it broke (harmless fields only), so that an answer can still be tied to its question.
    """

    def __init__(self, text: str, *, mti: str = "", known: Mapping[int, str] | None = None) -> None:
        super().__init__(text)
        self.mti = mti
        self.known: Mapping[int, str] = known or {}


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its type and fields by number, the MAC field left out.

    Fields are the texts of the wire without length prefix: F4 is twelve digits, F52 sixteen hex digits.
    """

    mti: str
    fields: Mapping[int, str] = field(default_factory=dict)

    def get(self, number: int) -> str:
        """Return field `number`, or an empty text."""
        return self.fields.get(number, "")

    def __repr__(self) -> str:
        shown = {n: "***" if n in FIELDS and FIELDS[n].secret else v for n, v in sorted(self.fields.items())}
        return f"Message({self.mti}, {shown})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message with its MAC and the bytes the MAC was made over."""

    message: Message
    mac: str
    covered: bytes


def mac_field(message: Message) -> int:
    """Return 64, or 128 where the message has a secondary bitmap."""
    return 128 if any(n > 64 for n in message.fields) else 64


def encode(message: Message) -> tuple[bytes, bytes]:
    """Return the message with a MAC of zeros, and the part of it a MAC covers (all before the MAC field).

    Replacing the last sixteen bytes by the MAC in upper-case hex finishes the message. Raises MessageError.
    """
    document = {str(n): v for n, v in message.fields.items()}
    document["t"] = message.mti
    document[str(mac_field(message))] = NO_MAC
    try:
        raw, _ = iso8583.encode(document, CODEC_SPEC)
    except (iso8583.EncodeError, KeyError) as error:
        where = error.field if isinstance(error, iso8583.EncodeError) else str(error.args[0])
        raise MessageError(f"{message.mti}: field {where} does not fit its form {_form(where)}") from None
    if len(raw) > MESSAGE_BYTES_MAX:
        raise MessageError(f"{message.mti}: {len(raw)} bytes, at most {MESSAGE_BYTES_MAX}: shorten field 48 or 125")
    return bytes(raw), bytes(raw[:-MAC_HEX])


def decode(data: bytes) -> Decoded:
    """Read one message. Checks the form of each field, not yet which fields belong (`validate` does).

    Raises MessageError, and only that.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise MessageError(f"message of {len(data)} bytes, at most {MESSAGE_BYTES_MAX}")
    try:
        document, _ = iso8583.decode(data, CODEC_SPEC)
    except iso8583.DecodeError as error:
        mti, known = _readable(error.doc_dec)
        raise MessageError(
            f"field {error.field} unreadable at byte {error.pos}: expected {_form(error.field)}",
            mti=mti,
            known=known,
        ) from None
    except (KeyError, ValueError):
        raise MessageError("a field outside this specification: check both ends' bitmaps") from None
    mti = document.pop("t")
    document.pop("p")
    document.pop("1", None)
    fields = {int(n): v for n, v in document.items()}
    secondary = fields.pop(128, None)
    primary = fields.pop(64, None)
    mac = secondary if secondary is not None else primary
    if mac is None or (secondary is not None and primary is not None):
        raise MessageError(
            f"{mti}: field 64 (128 with a secondary bitmap) must carry the MAC, once",
            mti=mti,
            known=_harmless(fields),
        )
    return Decoded(Message(mti, fields), mac, data[:-MAC_HEX])


def validate(message: Message) -> None:
    """Check `message` against the table of its type: mandatory, allowed and well-formed fields.

    Raises MessageError for the first fault found: what is missing, then what does not belong, then ill-formed.
    """
    mti, fields = message.mti, message.fields
    kind = MESSAGES.get(mti)
    if kind is None:
        raise MessageError(f"message type {mti!r} is not of this set: {', '.join(MESSAGES)}", known=_harmless(fields))
    refusal = fields.get(39) == "30" and mti[2] in "13"
    missing = (REFUSAL_MINIMUM if refusal else kind.mandatory) - fields.keys()
    if missing:
        number = min(missing)
        raise _invalid(message, number, f"is missing; a {kind.name} must carry it as {FIELDS[number].form}")
    for number in fields:
        if number in kind.mandatory or number in kind.optional:
            continue
        if number in NEVER_IN_ADVICE and mti[2] == "2":
            raise _invalid(message, number, "must not be in an advice: remove it, field 90 names the original")
        raise _invalid(message, number, f"does not belong to a {kind.name}: remove it")
    for number, value in fields.items():
        if not FIELDS[number].pattern.fullmatch(value):
            raise _invalid(message, number, f"is ill-formed: expected {FIELDS[number].form}")
    if 48 in fields:
        parse_private(fields[48], mti=mti, known=fields)


def _invalid(message: Message, number: int, what: str) -> MessageError:
    name = FIELDS[number].name if number in FIELDS else "unknown"
    return MessageError(
        f"{message.mti}: field {number} ({name}) {what}", mti=message.mti, known=_harmless(message.fields)
    )


def _harmless(fields: Mapping[int, str]) -> dict[int, str]:
    return {n: fields[n] for n in _SHOWN_OF_BROKEN if n in fields}


def _readable(document: Mapping[str, str]) -> tuple[str, dict[int, str]]:
    return document.get("t", ""), {n: document[str(n)] for n in _SHOWN_OF_BROKEN if str(n) in document}


def _form(number: str) -> str:
    known = FIELDS.get(int(number)) if number.isdigit() else None
    return f"{known.name} {known.form}" if known else {"t": "a message type of four digits"}.get(number, "a bitmap")


# ---------------------------------------------------------------- field 48

_TAG: Final = re.compile(r"[A-Z0-9]{2}")
_PRINTABLE: Final = re.compile(r"[ -~]*")


def private(tags: Mapping[str, str]) -> str:
    """Return F48 of `tags` (tag of two -> value). Raises MessageError for what does not fit."""
    parts = []
    for tag, value in tags.items():
        if not _TAG.fullmatch(tag) or len(value) > 999 or not _PRINTABLE.fullmatch(value):
            raise MessageError(f"field 48 tag {tag!r}: two letters or digits, and at most 999 printable characters")
        parts.append(f"{tag}{len(value):03d}{value}")
    text = "".join(parts)
    if len(text) > 999:
        raise MessageError(f"field 48 has {len(text)} characters, at most 999: send fewer tags")
    return text


def parse_private(text: str, *, mti: str = "", known: Mapping[int, str] | None = None) -> dict[str, str]:
    """Return the tags of F48. A repeated tag and a wrong length raise MessageError."""
    tags: dict[str, str] = {}
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 5]
        end = at + 5 + int(length) if len(length) == 3 and length.isascii() and length.isdigit() else -1
        if not _TAG.fullmatch(tag) or end < 0 or end > len(text) or tag in tags:
            raise MessageError(
                f"field 48 is ill-formed at character {at}: expected tag(2) length(3) value, each tag once",
                mti=mti,
                known=_harmless(known or {}),
            )
        tags[tag] = text[at + 5 : end]
        at = end
    return tags


def counts_text(counts: Mapping[str, int]) -> str:
    """Return ``unit=notes`` pairs joined by semicolons, the form of tags RQ, DN, RT and DP."""
    return ";".join(f"{unit}={notes}" for unit, notes in counts.items())


def parse_counts(text: str) -> dict[str, int]:
    """Return the counts of `counts_text`. Raises MessageError."""
    counts: dict[str, int] = {}
    for pair in filter(None, text.split(";")):
        unit, separator, notes = pair.rpartition("=")
        if not separator or not unit or not (notes.isascii() and notes.isdigit()):
            raise MessageError(f"note counts {text!r}: expected unit=notes pairs joined by ';'")
        counts[unit] = int(notes)
    return counts


# ---------------------------------------------------------------- fields 54, 90, 95


@dataclass(frozen=True, slots=True)
class AdditionalAmount:
    """One group of F54. `type` 01 is the ledger, 02 the available balance; `minor` may be negative."""

    account: str
    type: str
    currency: str
    minor: int


def additional_amounts(amounts: list[AdditionalAmount]) -> str:
    """Return F54, groups of twenty characters."""
    return "".join(
        f"{a.account:0>2}{a.type:0>2}{a.currency}{'D' if a.minor < 0 else 'C'}{abs(a.minor):012d}" for a in amounts
    )


_AMOUNT: Final = re.compile(r"(\d{2})(\d{2})(\d{3})([CD])(\d{12})", re.ASCII)


def parse_additional_amounts(text: str) -> list[AdditionalAmount]:
    """Return the groups of F54. Raises MessageError."""
    amounts = []
    for at in range(0, len(text), 20):
        match = _AMOUNT.fullmatch(text[at : at + 20])
        if match is None:
            raise MessageError(
                f"field 54 is ill-formed at character {at}: expected account(2) type(2) currency(3) C/D n12"
            )
        account, kind, currency, sign, digits = match.groups()
        amounts.append(AdditionalAmount(account, kind, currency, -int(digits) if sign == "D" else int(digits)))
    return amounts


@dataclass(frozen=True, slots=True)
class OriginalData:
    """F90: the message an advice speaks of."""

    mti: str
    stan: str
    sent_at: str
    acquirer: str

    def encode(self) -> str:
        """Return the 42 digits."""
        return f"{self.mti}{self.stan}{self.sent_at}{self.acquirer:0>11}{'0' * 11}"


def parse_original(text: str) -> OriginalData:
    """Return F90. Raises MessageError."""
    if len(text) != 42 or not (text.isascii() and text.isdigit()):
        raise MessageError("field 90 is ill-formed: expected MTI(4) STAN(6) date(10) acquirer(11) forwarder(11)")
    return OriginalData(text[:4], text[4:10], text[10:20], text[20:31])


def replacement(stands_minor: int) -> str:
    """Return F95 for the amount that stands."""
    return f"{stands_minor:012d}{0:012d}C{0:08d}C{0:08d}"


_REPLACEMENT: Final = re.compile(r"(\d{12})\d{12}[CD]\d{8}[CD]\d{8}", re.ASCII)


def parse_replacement(text: str) -> int:
    """Return the amount that stands, minor units. Raises MessageError."""
    match = _REPLACEMENT.fullmatch(text)
    if match is None:
        raise MessageError("field 95 is ill-formed: expected amount n12, settlement n12, fee x+n8, settlement fee x+n8")
    return int(match[1])
