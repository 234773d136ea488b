"""Frames of the OMRON 3S4YR, named; tracks and chip data masked."""

from __future__ import annotations

from typing import Final

from drivers.card_reader.commands import COMMANDS, ERRORS, POSITIONS
from drivers.card_reader.framing import ACK_BYTES, ENQ_BYTES, EOT_BYTES, NAK_BYTES, FrameReader, Signal, encode
from kiosk.devicekit.frames import Direction, Entry, Vocabulary, noise, show

_CONTROLS: Final = {
    Signal.ENQ: ("DLE ENQ", ENQ_BYTES),
    Signal.ACK: ("DLE ACK", ACK_BYTES),
    Signal.NAK: ("DLE NAK", NAK_BYTES),
    Signal.EOT: ("DLE EOT", EOT_BYTES),
}
_HARMLESS: Final = frozenset({"10", "11", "Q0", "L0", "N0", "V0", "V1", "Y0"})
"""Answers whose data is no secret; every other answer shows its head only."""
_HEAD_REQUEST, _HEAD_ANSWER = 5, 7  # DLE STX and the head of the text
_SHORT_PARAMS: Final = 2


class CardReaderDecoder:
    def __init__(self) -> None:
        self._readers = {"to_device": FrameReader(), "from_device": FrameReader()}

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        reader = self._readers[direction]
        before = reader.discarded
        entries = [self._entry(at_ms, direction, item) for item in reader.feed(data)]
        if reader.discarded > before:
            entries.append(noise(at_ms, direction, reader.discarded - before))
        return entries

    def _entry(self, at_ms: int, direction: Direction, item: bytes | Signal) -> Entry:
        if item is Signal.BAD:
            return Entry(at_ms, direction, "damaged frame: wrong BCC", "", "noise")
        if isinstance(item, Signal):
            name, raw = _CONTROLS[item]
            return Entry(at_ms, direction, name, raw.hex(" "), "control")
        sign, code = item[:1], item[1:3].decode("latin-1")
        spec = COMMANDS.get(code)
        name = spec.name if spec is not None else "unlisted command"
        raw = encode(item) if len(item) < 1_000 else item
        if direction == "to_device":
            clear = None if len(item) <= 3 + _SHORT_PARAMS else _HEAD_REQUEST
            return Entry(at_ms, direction, f"C{code} {name}", show(raw, clear), request=code)
        what = item[3:5].decode("latin-1")
        if sign == b"P":
            clear = None if len(item) <= 5 or code in _HARMLESS else _HEAD_ANSWER
            where = POSITIONS.get(what, "unlisted position")
            return Entry(at_ms, direction, f"P{code}{what} {name}: {where}", show(raw, clear), answer=code)
        meaning = ERRORS.get(what)
        text = meaning.text if meaning is not None else "unlisted error"
        return Entry(
            at_ms, direction, f"N{code}{what} {name}: {text}", show(raw, _HEAD_ANSWER + 3), answer=code, errors=(what,)
        )


VOCABULARY: Final = Vocabulary(
    requests={code: spec.name for code, spec in COMMANDS.items()},
    errors={code: meaning.text for code, meaning in ERRORS.items()},
    unknown="00",
)
