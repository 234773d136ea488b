"""What a site sets, and what the sources leave open, with the value we start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.base.acceptor import Classification
from drivers.base.line import SerialSettings
from drivers.note_acceptor.ssp.essp import FIXED_KEY
from drivers.note_acceptor.ssp.link import LinkTiming

SSP_LINE = SerialSettings(baud=9600, stopbits=2)
"""How the bits travel on every SSP line [S]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SspSettings:
    """Settings of one validator or recycler.

    currency: notes of others are inhibited, and given back if they come all the same.
    address: 0 for validators and SMART Payout.
    protocol: highest version to offer; the driver goes down to `protocol_min` if the device declines.
    encrypt: agree on a key and hide everything; needed for payout, optional for a plain validator.
    fixed_key: the fixed half of the key, as a number; a site that changed it in its devices says so here.
    poll_every_ms: between polls while notes move, 200 to 1000 by the maker.
    idle_every_ms: between polls and holds at other times; a validator stops after 10 s without one.
    read_within_ms: from being drawn in to being recognised or rejected; ours.
    settle_within_ms: from the decision about a note to its resting place; ours.
    pay_within_ms: longest silence without progress in a payout; ours.
    values_minor: channel -> face value in minor units, for datasets that do not say it in the usual way; a
        device whose own channels contradict it is not taken into service.
    classifications: channel -> ``unfit``, ``suspect`` or ``counterfeit``, for datasets that keep channels of their own
        for such notes; the others are ``fit``. Without it the device gives back whatever it doubts.
    values_scaled: channel values are in whole units, to be multiplied by the real value multiplier; else
        they are minor units as they stand.
    pay_out_values_scaled: values in payout commands and events are minor units, unless this is set.
    counters: ask for the note counters (58); the recovery question is vaguer without. The maker lists them for
        NV9USB, NV11 and SMART Payout; a unit that does not know them says so, and is asked no more of it.
    recycle_values_minor: what a SMART Payout keeps for payout; the rest goes to the cashbox.
    """

    currency: str = "CNY"
    address: int = 0
    protocol: int = 7
    protocol_min: int = 6
    encrypt: bool = False
    fixed_key: int = field(default=FIXED_KEY, repr=False)
    poll_every_ms: int = 200
    idle_every_ms: int = 1_000
    read_within_ms: int = 15_000
    settle_within_ms: int = 20_000
    pay_within_ms: int = 60_000
    values_minor: Mapping[int, int] | None = None
    classifications: Mapping[int, Classification] = field(default_factory=dict)
    values_scaled: bool = True
    pay_out_values_scaled: bool = False
    counters: bool = True
    recycle_values_minor: tuple[int, ...] = ()
    timing: LinkTiming = field(default_factory=LinkTiming)
