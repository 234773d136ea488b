"""A terminal put together: kernel, devices and host link, pumped by whoever owns the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drivers.base.vocabulary import KeyPressed
from kiosk.devices import DeviceDesk
from kiosk.hostdesk import HostDesk
from kiosk.journal.journal import Journal
from kiosk.kernel import Kernel
from kiosk.ports import Input
from kiosk.standing import Standing
from kiosk.view import View

ROUNDS_MAX = 1_000  # a pump that finds work so often in one instant is going in circles


def no_side_keys(_view: View, _key: str) -> Input | None:
    """No screen says what a key beside it means."""
    return None


@dataclass
class Terminal:
    """One running terminal. `pump` does all there is to do now and returns; it never waits."""

    kernel: Kernel
    devices: DeviceDesk
    host: HostDesk
    journal: Journal
    standing: Standing
    side_keys: Callable[[View, str], Input | None] = no_side_keys
    """What a key means by its place beside the screen, or None for one that means itself."""

    def pump(self) -> bool:
        """Move bytes, take in what was said, step until nothing is left. Returns whether anything happened.

        Raises StepFailed for a bug in chart or service, and OverflowError when things go in circles.
        """
        happened = stepped = False
        for again in range(ROUNDS_MAX):
            worked = False
            for device, report in self.devices.pump(again=again > 0):
                made = self.side_keys(self.kernel.view, report.key) if isinstance(report, KeyPressed) else None
                if made is not None:
                    self.kernel.person_did(made)
                else:
                    self.kernel.device_said(device, report)
                worked = True
            if not again or stepped or self.host.moved:
                for heard in self.host.pump():
                    self.kernel.host_said(heard)
                    worked = True
                worked |= self.host.moved
            stepped = False
            while self.kernel.step():
                stepped = True
            if not (worked or stepped or self.devices.moved):
                return happened
            happened = True
        raise OverflowError(f"the terminal goes in circles at {self.kernel.where()}")

    def next_deadline_ms(self) -> int | None:
        """Return the next instant at which there is something to do without a byte or a hand from outside."""
        soonest: int | None = None
        for part in (self.kernel, self.devices, self.host):
            due_ms = part.next_deadline_ms()
            if due_ms is not None and (soonest is None or due_ms < soonest):
                soonest = due_ms
        return soonest

    def close(self) -> None:
        self.devices.close()
        self.host.close()
        self.journal.close()
