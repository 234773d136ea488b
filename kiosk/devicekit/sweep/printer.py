"""Every command of the printer driver's table, and every condition that a status can tell."""

from __future__ import annotations

from typing import Final

from drivers.printer.commands import COMMANDS, STATUS_FULL, CommandSpec
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Steps
from kiosk.devicekit.sweep.base import MakeBench, Swept, Writer

_PARAMETERS: Final = {b"\x1d\x65\x03": b"\x0c"}
_STATES: Final = (
    "paper_out", "near_end", "head_hot", "offline", "jam", "cutter", "voltage", "line_error", "unrecoverable",
    "button_stuck",
)  # fmt: skip
_JOB: Final = b"line\n" * 3 + b"\x1b\x69" + b"\x1d\x65\x03\x0c"


def sweep_reliance(make: MakeBench) -> Swept:
    swept = Swept()
    common = [s for s in COMMANDS if s.data[:2] not in (b"\x10\x04", b"\x1d\x61")]
    swept.run(make, lambda bench: _said(bench, [STATUS_FULL, *common]))
    for state in (*_STATES, "cover", "printing", "outlet"):
        swept.run(make, lambda bench, state=state: _in_state(bench, state, [STATUS_FULL]))  # type: ignore[misc]
    swept.run(make, lambda bench: _rewritten(bench, bytes((0x10, 0x0F, 0x25, 0x2B, 0x4B, 0x4D))), rewrites=True)
    return swept


def sweep_epson(make: MakeBench) -> Swept:
    swept = Swept()
    ours = [s for s in COMMANDS if s.data[:2] != b"\x1d\x65" and s is not STATUS_FULL]
    status = [s for s in COMMANDS if s.data[:2] == b"\x10\x04" and s is not STATUS_FULL]
    swept.run(make, lambda bench: _said(bench, ours))
    for state in (*_STATES, "cover", "printing"):
        swept.run(make, lambda bench, state=state: _in_state(bench, state, status))  # type: ignore[misc]
    for spec in status:
        answer = bytes((0x12 | 0x6C,))
        swept.run(make, lambda bench, spec=spec, answer=answer: _rewritten(bench, answer, spec), rewrites=True)  # type: ignore[misc]
    return swept


def _said(bench: Bench, specs: list[CommandSpec]) -> Steps[None]:
    writer = bench.party = Writer()
    for spec in specs:
        writer.out += spec.data + _PARAMETERS.get(spec.data, b"")
        yield from bench.pause(2_000)


def _in_state(bench: Bench, state: str, questions: list[CommandSpec]) -> Steps[None]:
    writer = bench.party = Writer()
    if state == "cover":
        bench.hand("open_cover", "")
    elif state in _STATES:
        bench.strike(state)
    if state in ("jam", "cutter", "printing", "outlet"):
        writer.out += _JOB
        yield from bench.pause(20 if state == "printing" else 3_000)
    for spec in questions:
        writer.out += spec.data
        yield from bench.pause(20 if state == "printing" else 500)


def _rewritten(bench: Bench, answer: bytes, spec: CommandSpec = STATUS_FULL) -> Steps[None]:
    """Let a status say everything that its documented bits can say; the driver must call it a stop."""
    writer = bench.party = Writer()
    bench.tap.rewrite = lambda direction, data: answer if direction == "from_device" and data else None
    bench.note(f"line: the answer to {spec.name} becomes {answer.hex(' ')}")
    writer.out += spec.data
    yield from bench.pause(500)
