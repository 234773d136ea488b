"""Frames of the SZZT pads, named. Whatever may be a key, a PIN block or an account number is masked.

Key bytes between frames are masked but for the mask character: with input on and no entry open, a pad sends
plain keys, and a technician's trace is no place for them.
"""

from __future__ import annotations

from typing import Final

from drivers.pin_pad.commands import COMMANDS, FAULTS, Item
from drivers.pin_pad.framing import Frame, FrameReader, KeyByte, encode
from kiosk.devicekit.frames import Direction, Entry, Vocabulary, noise, show

_PLAIN_REQUESTS: Final = frozenset("345IN")
_PLAIN_ANSWERS: Final = frozenset("1345IN2")  # of 1 and 2: the check value
_MASK: Final = 0x2A
_ITEMS: Final = {item.value: item.name.replace("_", " ").lower() for item in Item}
_HEAD: Final = 5  # STX, three digits, the first byte of DATA
SUCCESS: Final = range(0x60, 0xA0)


class PinPadDecoder:
    def __init__(self) -> None:
        self._readers = {"to_device": FrameReader(), "from_device": FrameReader()}
        self._asked = ""

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        reader = self._readers[direction]
        before = reader.discarded
        entries = [self._entry(at_ms, direction, item) for item in reader.feed(data)]
        if reader.discarded > before:
            entries.append(noise(at_ms, direction, reader.discarded - before, "damaged frame or noise"))
        return entries

    def _entry(self, at_ms: int, direction: Direction, item: Frame | KeyByte) -> Entry:
        if isinstance(item, KeyByte):
            what, shown = ("a digit, masked", "2a") if item.code == _MASK else ("a key", "[masked]")
            return Entry(at_ms, direction, f"key: {what}", shown, "control")
        raw = encode(item.data)
        if direction == "to_device":
            code = chr(item.status)
            self._asked = code
            spec = COMMANDS.get(code)
            name = spec.name if spec is not None else "unlisted command"
            if code == "5" and item.body:
                sub = chr(item.body[0])
                request = f"5{sub}"
                name = f"{name}: {_ITEMS.get(sub, 'unlisted item')}"
            else:
                request = code
            return Entry(
                at_ms,
                direction,
                f"{code} {name}",
                show(raw, None if code in _PLAIN_REQUESTS else _HEAD),
                request=request,
            )
        asked, self._asked = self._asked, ""
        spec = COMMANDS.get(asked)
        name = spec.name if spec is not None else "unasked"
        plain = asked in _PLAIN_ANSWERS or not item.body
        shown = show(raw, None if plain else _HEAD)
        answer = asked or None
        fault = FAULTS.get(item.status)
        if fault is not None or item.status not in SUCCESS:
            text = fault.text if fault is not None else "unlisted status"
            name = f"{item.status:02X} {name}: {text}"
            return Entry(at_ms, direction, name, shown, answer=answer, errors=(f"{item.status:02X}",))
        return Entry(at_ms, direction, f"{item.status:02X} {name}: good", shown, answer=answer)


VOCABULARY: Final = Vocabulary(
    requests={
        **{code: spec.name for code, spec in COMMANDS.items() if code != "5"},
        **{f"5{item}": f"control: {name}" for item, name in _ITEMS.items()},
    },
    errors={f"{code:02X}": fault.text for code, fault in sorted(FAULTS.items())},
    answerless=frozenset(f"5{item}" for item in _ITEMS),
)
