"""BER-TLV as chip cards speak it: tag, length, value; a value may hold objects again.

Tags are hex texts (``"9F36"``), lengths up to four bytes, no indefinite ones. Between objects stand 00 bytes
at most, as EMV allows.

Source: ISO/IEC 8825-1, 8.1; EMV Book 3, annex B.
"""

from __future__ import annotations

from drivers.base.errors import RemoteProtocolError

TAG_BYTES_MAX = 4


def read_tlv(data: bytes) -> list[tuple[str, bytes]]:
    """Return the objects of one level, in order. Raises RemoteProtocolError when they do not add up."""
    found: list[tuple[str, bytes]] = []
    at, end = 0, len(data)
    while at < end:
        if data[at] == 0:
            at += 1
            continue
        start, at = at, _behind_tag(data, at)
        tag = data[start:at].hex().upper()
        length, at = _length(data, at)
        if at + length > end:
            raise RemoteProtocolError(f"{tag}: {length} bytes are announced, {end - at} are there")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def find_tlv(data: bytes, *path: str) -> bytes | None:
    """Return the value at `path`, a tag for each level, or None. Raises as `read_tlv` does."""
    value = data
    for tag in path:
        values = [inner for name, inner in read_tlv(value) if name == tag]
        if not values:
            return None
        value = values[0]
    return value


def _behind_tag(data: bytes, at: int) -> int:
    first = at
    if data[at] & 0x1F == 0x1F:
        at += 1
        while at < len(data) and data[at] & 0x80 and at - first < TAG_BYTES_MAX - 1:
            at += 1
        if at >= len(data) or data[at] & 0x80:
            raise RemoteProtocolError(f"the tag {data[first:at].hex()} does not end")
    return at + 1


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise RemoteProtocolError("a tag without a length")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if not 1 <= count <= 4 or at + 1 + count > len(data):
        raise RemoteProtocolError(f"a length that begins with {first:02x} is none")
    return int.from_bytes(data[at + 1 : at + 1 + count], "big"), at + 1 + count
