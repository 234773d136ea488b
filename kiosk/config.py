"""The configuration folder, read strictly: every mistake with its place, before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from drivers.base.secrets import KeyBits
from kiosk import strict_yaml
from kiosk.agreements import PartnersForm
from kiosk.site import NoteRules, Site

ROOT = Path(__file__).resolve().parent.parent
DEVICES = ("card_reader", "pin_pad", "dispenser", "printer", "note_acceptor", "barcode_scanner")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SerialForm(_Strict):
    """How a port is opened."""

    baud: int = 9600
    bytesize: Literal[7, 8] = 8
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1


class DeviceForm(_Strict):
    """One device: its family, its line, and settings of its driver and of its simulator by name."""

    family: str
    line: str = "simulated"
    serial: SerialForm | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    simulator: dict[str, Any] = Field(default_factory=dict)


class DevicesForm(_Strict):
    """The devices of a terminal."""

    card_reader: DeviceForm
    pin_pad: DeviceForm
    dispenser: DeviceForm
    printer: DeviceForm
    note_acceptor: DeviceForm | None = None
    barcode_scanner: DeviceForm | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The devices that this terminal has."""
        return tuple(name for name in DEVICES if getattr(self, name) is not None)

    def of(self, name: str) -> DeviceForm:
        """Return the form of a device of `names`."""
        form: DeviceForm = getattr(self, name)
        return form


class KeysForm(_Strict):
    """Keys as hex; demonstration only."""

    link_mac: str = Field(pattern=r"^[0-9A-Fa-f]{32}$", repr=False)
    mac_transport: str = Field(pattern=r"^[0-9A-Fa-f]{32}$", repr=False)
    pin_master: str = Field(pattern=r"^[0-9A-Fa-f]{32}$", repr=False)
    journal: str = Field(pattern=r"^[0-9A-Fa-f]{64}$", repr=False)

    def bits(self, name: str) -> KeyBits:
        return KeyBits(getattr(self, name))


class HostForm(_Strict):
    """The host line."""

    address: str = "embedded"
    port: int = Field(default=0, ge=0, le=65_535)
    acquirer: str = Field(pattern=r"^[0-9]{1,11}$")
    answer_within_ms: int = Field(default=30_000, gt=0, le=120_000)
    tls: bool = False
    keys: KeysForm


class NotesForm(_Strict):
    """Sets of rules about doubted and worn notes."""

    rules: dict[str, NoteRules]


class ProfilesForm(_Strict):
    """Capability profiles: what a terminal of each kind is for, in the order of its menu."""

    profiles: dict[str, list[str]]


@dataclass(frozen=True)
class Config:
    """Everything a site sets."""

    folder: Path
    site: Site
    devices: DevicesForm
    host: HostForm
    bank: Mapping[str, Any]
    profiles: Mapping[str, list[str]]
    partners: Mapping[str, Any] = field(default_factory=dict)


def load_config(folder: Path | None = None) -> Config:
    """Read a configuration folder. Raises DocumentError with every mistake of the first bad file."""
    folder = folder or ROOT / "config"
    document = strict_yaml.load(folder / "terminal.yaml")
    site = document.as_model(Site)
    profiles = strict_yaml.load(folder / "profiles.yaml").as_model(ProfilesForm).profiles
    if site.profile not in profiles:
        raise document.error(("profile",), f"there is no profile {site.profile!r}; profiles: {', '.join(profiles)}")
    rules = strict_yaml.load(folder / "notes.yaml").as_model(NotesForm).rules
    if site.note_rules not in rules:
        known = ", ".join(rules)
        raise document.error(("note_rules",), f"there is no set of rules {site.note_rules!r}; sets: {known}")
    partners = strict_yaml.load(folder / "partners.yaml")
    agreements = tuple(partners.as_model(PartnersForm).agreements)
    services = tuple(profiles[site.profile])
    chosen = {"services": services, "agreements": agreements, "note_fates": rules[site.note_rules]}
    return Config(
        folder,
        site.model_copy(update=chosen),
        strict_yaml.load(folder / "devices.yaml").as_model(DevicesForm),
        strict_yaml.load(folder / "host.yaml").as_model(HostForm),
        strict_yaml.load(folder / "bank.yaml").data,
        profiles,
        partners.data,
    )
