"""What goes on beside the customer: working keys from the host to the PIN pad."""

from __future__ import annotations

from dataclasses import replace

from drivers.base.vocabulary import LoadKey
from kiosk.flow.offers import action, guard
from kiosk.ports import WorkingKey
from kiosk.services.facts import HostKey
from kiosk.turn import Turn


class Upkeep:
    """Guards and actions of the flow ``upkeep``."""

    @guard
    def pad_needs_key(self, turn: Turn) -> bool:
        """Whether the PIN pad came back without the key that the host gave."""
        return turn.find(HostKey) is not None and turn.fitness.usable("pin_pad") and not turn.fitness.pin_key_loaded

    @guard
    def pad_usable(self, turn: Turn) -> bool:
        return turn.fitness.usable("pin_pad")

    @action
    def keep_key(self, turn: Turn) -> None:
        key = turn.event.payload
        assert isinstance(key, WorkingKey)
        turn.put(HostKey(key))

    @action
    def load_key(self, turn: Turn) -> None:
        key = turn.get(HostKey).key
        turn.order(
            "pin_pad",
            LoadKey(ticket=turn.ticket("key"), key=key.name, under="TMK", cryptogram=key.cryptogram, kcv=key.kcv),
        )

    @action
    def key_is_loaded(self, turn: Turn) -> None:
        key = turn.get(HostKey)
        turn.record("key_loaded", key=key.key.name, kcv=key.key.kcv)
        turn.key_loaded(key.key.name, loaded=True)
        turn.put(replace(key, confirmed=True))

    @action
    def key_not_loaded(self, turn: Turn) -> None:
        key = turn.get(HostKey)
        turn.record("key_not_loaded", key=key.key.name, error=turn.event.payload.error)
        turn.key_loaded(key.key.name, loaded=False)
