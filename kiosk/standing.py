"""What the terminal knows of the fitness of its parts.

A device that comes back after it was lost must be the same unit before it is trusted again (edge case 101): the same
model and serial number; where the device tells no serial number, the same firmware. Another one stands in disgrace
until a technician accepts it. What tells neither (an LCDM-4000) can only be known by its model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from drivers.base.driver import Report
from drivers.base.vocabulary import DeviceLost, DeviceReady, Health, HealthChanged, Identity

CONDITIONS = (DeviceReady, DeviceLost, HealthChanged)


@dataclass
class Condition:
    """One device's condition."""

    health: Health = Health.UNKNOWN
    error: str | None = None
    detail: str = ""
    identity: Identity | None = None
    present: bool | None = None  # None: not yet heard of
    stranger: bool = False
    refusal: str = ""  # why a stranger is not used
    supplies: Mapping[str, str] = field(default_factory=dict)


class Standing:
    """The fitness of devices and host, read by guards (`kiosk.turn.Fitness`)."""

    def __init__(
        self,
        devices: tuple[str, ...],
        capabilities: Callable[[str], Any],
        advices_waiting: Callable[[], int],
    ) -> None:
        self._conditions = {name: Condition() for name in devices}
        self._capabilities = capabilities
        self._advices_waiting = advices_waiting
        self.host_online = False
        self.pin_key_loaded = False
        self.journal_writable = True

    def note(self, device: str, report: Report) -> None:
        """Take in what a device says of itself."""
        condition = self._conditions[device]
        if isinstance(report, DeviceReady):
            known = condition.identity
            condition.stranger = known is not None and _another(known, report.identity)
            condition.refusal = ""
            if known is not None and condition.stranger:
                condition.refusal = (
                    f"another unit is at this place: {_told(report.identity)}, where {_told(known)} was. "
                    "It is not used until a technician accepts it, or the first one is back"
                )
            if known is None or not condition.stranger:
                condition.identity = _fuller(known, report.identity)
            condition.present = True
            if condition.health is Health.UNKNOWN:
                condition.health, condition.error, condition.detail = Health.OK, None, ""
        elif isinstance(report, DeviceLost):
            condition.present = False
            condition.health, condition.error, condition.detail = Health.UNKNOWN, "deviceLost", report.reason
            if device == "pin_pad":
                self.pin_key_loaded = False
        elif isinstance(report, HealthChanged):
            condition.health, condition.error, condition.detail = report.health, report.error, report.detail
            condition.supplies = dict(report.supplies)

    def accept(self, device: str) -> None:
        """Trust the unit that is there now: a technician said so."""
        condition = self._conditions[device]
        condition.stranger, condition.identity, condition.refusal = False, None, ""

    def refusal(self, device: str) -> str:
        """Return why the unit that is there is not used, in words; empty if it is."""
        return self._conditions[device].refusal

    @property
    def installed(self) -> tuple[str, ...]:
        return tuple(self._conditions)

    def usable(self, device: str) -> bool:
        c = self._conditions.get(device)
        return c is not None and c.present is True and not c.stranger and c.health in (Health.OK, Health.ATTENTION)

    def present(self, device: str) -> bool:
        c = self._conditions.get(device)
        return c is not None and c.present is True and not c.stranger

    def known(self, device: str) -> bool:
        c = self._conditions.get(device)
        return c is not None and c.present is not None

    def capabilities(self, device: str) -> Any:
        return self._capabilities(device)

    def supplies(self, device: str) -> Mapping[str, str]:
        return self._conditions[device].supplies

    @property
    def advices_waiting(self) -> int:
        return self._advices_waiting()

    def as_data(self) -> dict[str, Any]:
        """Return everything for the pages and for ``out_of_service``."""
        return {
            name: {
                "health": c.health.value,
                "error": c.error,
                "detail": c.refusal or c.detail,
                "present": c.present,
                "stranger": c.stranger,
                "model": c.identity.model if c.identity else "",
                "supplies": dict(c.supplies),
            }
            for name, c in self._conditions.items()
        }


def _another(known: Identity, now: Identity) -> bool:
    """Whether what both tell of themselves differs; a device that is stopped may tell less than it could."""
    if known.model != now.model:
        return True
    if known.serial and now.serial:
        return known.serial != now.serial
    return bool(known.firmware and now.firmware and known.firmware != now.firmware)


def _fuller(known: Identity | None, now: Identity) -> Identity:
    if known is None:
        return now
    return Identity(model=now.model, serial=now.serial or known.serial, firmware=now.firmware or known.firmware)


def _told(identity: Identity) -> str:
    known = [(identity.serial, "serial number"), (identity.firmware, "firmware")]
    return ", ".join([identity.model, *(f"{what} {text}" for text, what in known if text)])
