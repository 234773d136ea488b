"""The fault model: every fault that can be struck, with its cause, what the terminal must do, and its edge cases.

What a fault does and which edge cases of the catalogue it is, the simulators say (`Fault`, `HostFault`); why it happens
and what must follow stands in ``models/faults.yaml``. Here the two are put together: a fault that only one of them
knows is a mistake, so neither can be forgotten. ``docs/guide/fault-model.md`` is made from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drivers.base.clock import SimClock
from drivers.sim.device import Fault
from drivers.sim.note_acceptor import SimSmartPayout
from drivers.sim.wire import EFFECTS
from kiosk import strict_yaml
from kiosk.bank.personality import FAULTS as HOST_FAULTS
from kiosk.config import ROOT
from kiosk.devicekit.units import DEVICES, UNITS
from kiosk.rehearsal.strikes import DEEDS

SOURCE: Final = ROOT / "models" / "faults.yaml"
GUIDE: Final = ROOT / "docs" / "guide" / "fault-model.md"
BEGIN, END = "<!-- made by: faults --write -->", "<!-- end of what is made -->"

_HEAD: Final = "| fault | what happens | cause | the terminal must | edge cases |"
_WIRE: Final[Mapping[str, str]] = {
    "drop": "A chunk is lost.",
    "corrupt": "One byte of a chunk is changed.",
    "split": "A chunk arrives in two pieces, with a pause.",
    "repeat": "A chunk arrives again.",
    "delay": "A chunk, and what follows it, arrives late.",
    "cut": "From some byte on nothing passes, in one direction.",
    "unplug": "The line is gone for a while; the device goes on by itself.",
}
_POWER: Final[Mapping[str, str]] = {
    "cut": "Terminal and devices are dark for a while.",
    "restart": "The terminal's process dies; devices and bank go on.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `place` is the device, or empty; `edge_cases` are numbers of the catalogue (1 to 123)."""

    layer: str
    place: str
    name: str
    does: str
    cause: str
    must: str
    edge_cases: tuple[int, ...]


def device_faults() -> Mapping[str, Mapping[str, Fault]]:
    """Return device -> name -> fault, over all families of the device."""
    found: dict[str, dict[str, Fault]] = {device: {} for device in DEVICES}
    for unit in UNITS.values():
        device = next(name for name, ability in DEVICES.items() if ability == unit.ability)
        found[device] |= unit.simulator(SimClock()).faults
    found["note_acceptor"] |= SimSmartPayout.faults  # a machine that pays, too; the kit tests the one that does not
    return found


def rows() -> list[Row]:
    """Return the whole model. Raises DocumentError naming every fault that only the code or only the file knows."""
    document = strict_yaml.load(SOURCE)
    told: dict[str, Any] = dict(document.data)
    known: list[tuple[str, str, str, str, tuple[int, ...]]] = [
        *(("wire", "", name, _WIRE[name], ()) for name in (*EFFECTS, "unplug")),
        *(("power", "", name, does, ()) for name, does in _POWER.items()),
        *(
            ("device", device, fault.name, _sentence(fault.does), fault.edge_cases)
            for device, faults in device_faults().items()
            for fault in faults.values()
        ),
        *(("host", "", f.name, f"The host {_lower(f.does)}.", f.edge_cases) for f in HOST_FAULTS.values()),
        *(("person", "", name, f"The customer {name}.", ()) for name in DEEDS),
    ]
    mistakes = []
    found = []
    for layer, place, name, does, edge in known:
        said = told.get(layer, {}).get(place, {}).get(name) if place else told.get(layer, {}).get(name)
        if said is None:
            where = (layer, place) if place in told.get(layer, {}) else (layer,)
            says = f"{place or layer}: no word on {name!r}: give its cause and must"
            mistakes += document.error(where, says).mistakes
            continue
        found.append(Row(layer, place, name, does, said["cause"], said["must"], edge or tuple(said.get("edge", ()))))
    names = {(layer, place, name) for layer, place, name, *_ in known}
    for layer, place, name in _named(told):
        if (layer, place, name) not in names:
            path = (layer, place, name) if place else (layer, name)
            mistakes += document.error(path, f"no simulator can be struck with {name!r}").mistakes
    if mistakes:
        raise strict_yaml.DocumentError(mistakes)
    return found


def _named(told: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    for layer, inner in told.items():
        for name, said in inner.items():
            if layer == "device":
                yield from ((layer, name, fault) for fault in said)
            else:
                yield layer, "", name


def markdown() -> str:
    """Return the tables of the guide, one a layer, devices one by one."""
    parts: list[str] = []
    heading = ""
    for row in rows():
        title = f"### {row.layer.capitalize()}" + (f": {row.place.replace('_', ' ')}" if row.place else "")
        if title != heading:
            heading = title
            parts += ["", title, "", _HEAD, "|---|---|---|---|---|"]
        edge = ", ".join(map(str, row.edge_cases))
        parts.append(f"| `{row.name}` | {row.does} | {row.cause} | {row.must} | {edge} |")
    return "\n".join(parts).strip() + "\n"


def guide(text: str) -> str:
    """Return the guide's text with the tables in it made anew. Raises ValueError when it has no place for them."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{GUIDE}: has no {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{markdown()}\n{END}{tail}"


def write(file: Path = GUIDE) -> None:
    file.write_text(guide(file.read_text(encoding="utf-8")), encoding="utf-8")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
