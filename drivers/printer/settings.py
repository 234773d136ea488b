"""Families of printers, and what a site or a unit may need different."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from drivers.base.raster import Rasteriser
from drivers.printer.commands import (
    FEED_AND_CUT,
    FIRMWARE_ID,
    FULL_CUT,
    MODEL_ID,
    PAPER_SENSOR,
    PRESENT,
    CommandSpec,
)
from drivers.printer.encode import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a family of printers can do. `fixed_bits`: replies carry Epson's identifying bits. `automatic`: it has
    automatic status back (``GS a``).
    """

    name: str
    fixed_bits: bool
    full_status: bool
    presenter: bool
    retract: bool
    cut: bytes
    identity: CommandSpec
    automatic: bool


RELIANCE: Final = Profile(
    name="Reliance",
    fixed_bits=False,
    full_status=True,
    presenter=True,
    retract=True,
    cut=FULL_CUT.data,
    identity=FIRMWARE_ID,
    automatic=False,
)
EPSON: Final = Profile(
    name="ESC/POS",
    fixed_bits=True,
    full_status=False,
    presenter=False,
    retract=False,
    cut=FEED_AND_CUT.data,
    identity=MODEL_ID,
    automatic=True,
)
PROFILES: Final = {"reliance": RELIANCE, "epson": EPSON}
_LAYOUT: Final = ("columns", "encoding", "chinese_mode", "dots", "text", "qr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a site or a unit may need different.

    `present_steps`: how far a ticket is handed out (Reliance: 7 mm a step). `feed_lines`: paper between print
    head and knife, fed before the cut where the cut does not feed. `leftover`: what becomes of a ticket that
    still lies at the outlet when the next is printed: ``"retract"``, ``"eject"`` or ``"leave"``. `automatic_status`:
    have the printer tell changes by itself, where it can; else it is told not to, whoever switched it on before.
    """

    profile: Profile = RELIANCE
    layout: Layout = field(default_factory=Layout)
    present_steps: int = 12
    feed_lines: int = 4
    leftover: str = "retract"
    line_ms: int = 200
    job_margin_ms: int = 8_000
    busy_poll_ms: int = 500
    take_poll_ms: int = 300
    idle_poll_ms: int = 5_000
    automatic_status: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.present_steps <= 255:
            raise ValueError(f"present 1 to 255 steps, not {self.present_steps}")
        if not 0 <= self.feed_lines <= 20:
            raise ValueError(f"feed 0 to 20 lines before the cut, not {self.feed_lines}")
        if self.leftover not in ("retract", "eject", "leave"):
            raise ValueError(f"a leftover ticket is retracted, ejected or left, not {self.leftover!r}")

    def closing(self) -> bytes:
        """Return what follows a document: feed, cut, present, and the query that proves it all."""
        if not self.profile.presenter:
            return self.profile.cut + PAPER_SENSOR.data
        feed = b"\x1b\x64" + bytes((self.feed_lines,)) if self.feed_lines else b""
        return feed + self.profile.cut + PRESENT.data + bytes((self.present_steps,)) + PAPER_SENSOR.data


def settings_of(given: Mapping[str, Any], rasteriser: Callable[[], Rasteriser]) -> Settings:
    """Return the settings that a site writes: `profile` by name, fields of `Layout`, fields of `Settings`.

    `rasteriser` is called if pictures are asked for. Raises ValueError for an unknown name or value.
    """
    rest = dict(given)
    profile = str(rest.pop("profile", "reliance"))
    if profile not in PROFILES:
        raise ValueError(f"printer: no profile {profile!r}; there are: {', '.join(PROFILES)}")
    layout: dict[str, Any] = {name: rest.pop(name) for name in _LAYOUT if name in rest}
    own = [field.name for field in fields(Settings) if field.name not in ("profile", "layout")]
    strange = sorted(set(rest) - set(own))
    if strange:
        raise ValueError(f"printer: unknown {', '.join(strange)}; known: {', '.join(['profile', *_LAYOUT, *own])}")
    if {layout.get("text", "native"), layout.get("qr", "native")} != {"native"}:
        layout["rasteriser"] = rasteriser()
    return Settings(profile=PROFILES[profile], layout=Layout(**layout), **rest)
