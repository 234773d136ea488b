"""What goes to and comes from an ESC/POS printer, named. Text on paper is shown as its length only."""

from __future__ import annotations

from typing import Final

from drivers.printer.commands import COMMANDS, CommandSpec
from drivers.printer.status import (
    Condition,
    Kind,
    ReplyReader,
    Token,
    decode_automatic,
    decode_full,
    decode_paper_sensor,
    decode_real_time,
)
from drivers.sim.escpos_stream import Operation, Tokenizer
from kiosk.devicekit.frames import Direction, Entry, Vocabulary, noise

_PREFIXES: Final = {"ESC": b"\x1b", "GS": b"\x1d", "DLE": b"\x10", "FS": b"\x1c"}
_BY_LENGTH: Final = sorted(COMMANDS, key=lambda spec: -len(spec.data))
CODES: Final = {spec: spec.data.hex(" ").upper() for spec in COMMANDS}
_REAL_TIME: Final = {f"10 04 {n:02X}": n for n in (1, 2, 3, 4, 17)}


class PrinterDecoder:
    """A reply names no question: it is taken for the oldest question that is open and of its kind."""

    def __init__(self, *, fixed_bits: bool) -> None:
        self._stream = Tokenizer()
        self._replies = ReplyReader(fixed_bits=fixed_bits)
        self._open: list[CommandSpec] = []
        self._fixed_bits = fixed_bits
        self._raw = 0  # bytes of an identity that is coming

    def feed(self, at_ms: int, direction: Direction, data: bytes) -> list[Entry]:
        if direction == "to_device":
            return [self._said(at_ms, operation) for operation in self._stream.feed(data)]
        entries: list[Entry] = []
        for byte in data:  # one by one: a reply of known length changes how the next is read
            self._expect()
            before = self._replies.discarded
            entries += [self._replied(at_ms, token) for token in self._replies.feed(bytes((byte,)))]
            if self._replies.discarded > before:
                entries.append(noise(at_ms, "from_device", self._replies.discarded - before))
        return entries

    def _expect(self) -> None:
        first = self._open[0] if self._open else None
        if first is not None and first.data[:2] == b"\x1d\x49" and not self._raw:
            self._raw = 1 if self._fixed_bits else first.reply_bytes
            self._replies.expect_raw(self._raw)

    def _said(self, at_ms: int, operation: Operation) -> Entry:
        name, data = operation
        if name == "text":
            return Entry(at_ms, "to_device", f"text: {len(data)} bytes", "[masked]")
        group, _, rest = name.partition(" ")
        raw = _PREFIXES.get(group, b"") + _second(group, rest) + data
        spec = next((s for s in _BY_LENGTH if raw.startswith(s.data)), None)
        if spec is None:
            return Entry(at_ms, "to_device", name, raw[:8].hex(" "))
        if spec.reply_bytes:
            self._open.append(spec)
            del self._open[:-32]
        return Entry(at_ms, "to_device", f"{name}: {spec.name}", raw[:8].hex(" "), request=CODES[spec])

    def _replied(self, at_ms: int, token: Token) -> Entry:
        shown = token.data.hex(" ")
        if token.kind in (Kind.XON, Kind.XOFF):
            return Entry(at_ms, "from_device", token.kind.value.upper(), shown, "control")
        spec = self._question(token)
        if token.kind is Kind.AUTOMATIC:
            found = decode_automatic(token.data)
        elif token.kind is Kind.FULL:
            found = decode_full(token.data)
        elif token.kind is Kind.BUFFERED:
            found = decode_paper_sensor(token.data[0])
        elif token.kind is Kind.REAL_TIME and spec is not None:
            found = decode_real_time(_REAL_TIME[CODES[spec]], token.data[0])
        else:
            self._raw = 0
            found = frozenset()
        said = ", ".join(sorted(condition.value for condition in found)) or "nothing to report"
        what = spec.name if spec is not None else token.kind.value
        text = f"{what}: {said}" if token.kind is not Kind.RAW else f"{what}: {len(token.data)} bytes"
        return Entry(
            at_ms, "from_device", text, shown, answer=CODES[spec] if spec is not None else None,
            errors=tuple(sorted(condition.value for condition in found)),
        )  # fmt: skip

    def _question(self, token: Token) -> CommandSpec | None:
        def fits(spec: CommandSpec) -> bool:
            if token.kind is Kind.FULL:
                return spec.data == b"\x10\x04\x14"
            if token.kind is Kind.REAL_TIME:
                return CODES[spec] in _REAL_TIME
            if token.kind is Kind.RAW:
                return spec.data[:2] == b"\x1d\x49"
            return token.kind is Kind.BUFFERED and (spec.data == b"\x1d\x72\x01" or CODES[spec] in _REAL_TIME)

        for index, spec in enumerate(self._open):
            if fits(spec):
                del self._open[index]
                return spec
        return None


def _second(group: str, rest: str) -> bytes:
    if group == "DLE":
        return {"EOT": b"\x04", "ENQ": b"\x05"}.get(rest, b"")
    return rest.encode("latin-1") if group in _PREFIXES else b""


_RELIANCE_ONLY: Final = "only a printer with presenter and full status has it"
_EPSON_ONLY: Final = "only a printer that marks its replies by fixed bits has it"

_EPSON_CONDITIONS: Final = (
    Condition.OFFLINE,
    Condition.RECOVERABLE,
    Condition.ERROR,
    Condition.WAITS_FOR_RECOVERY,
)
_RELIANCE_CONDITIONS: Final = (
    Condition.JAM,
    Condition.TICKET_AT_OUTLET,
    Condition.SUPPLY_VOLTAGE,
    Condition.LINE_ERROR,
)


def vocabulary(*, presenter: bool) -> Vocabulary:
    """Return the codes of a profile. Conditions stand for error codes: the protocol has bits, not codes."""
    only_there = (
        {"10 04 01", "10 04 02", "10 04 03", "10 04 04", "10 04 11", "1D 61 4E", "1D 61 00"}
        if presenter
        else {"10 04 14", "1D 65 03", "1D 65 02", "1D 65 05"}
    )
    conditions = _EPSON_CONDITIONS if presenter else _RELIANCE_CONDITIONS
    why = _EPSON_ONLY if presenter else _RELIANCE_ONLY
    return Vocabulary(
        requests={CODES[spec]: spec.name for spec in COMMANDS},
        errors={condition.value: condition.name.replace("_", " ").lower() for condition in Condition},
        unseen=dict.fromkeys([*only_there, *(condition.value for condition in conditions)], why),
        answerless=frozenset(CODES[spec] for spec in COMMANDS if not spec.reply_bytes),
    )
