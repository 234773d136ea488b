"""What a site sets for its host line, as one value. The composition loads it from `config/host.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.base.secrets import KeyBits
from kiosk.host.mac import ALGORITHMS
from kiosk.host.spec import OPERATIONS, REVERSAL_CODES, ReversalCode
from kiosk.money import CURRENCIES


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """One terminal at one host.

    `link_mac_key` authenticates network management (0800/0810) and so the first message of a connection;
    `mac_transport_key` unwraps the session MAC key under which everything else goes. Both are double-length
    (32 hex digits) for ``"tdes"``; the PIN key never comes here in clear. Times are milliseconds.
    Raises ValueError with the remedy for a value that cannot be.
    """

    terminal: str  # F41, eight characters
    acceptor: str  # F42, fifteen characters
    acquirer: str  # F32, up to eleven digits
    location: str = ""  # F43, padded to forty characters
    currency: str = "CNY"
    merchant_category: str = "6011"
    advice_entry_mode: str = "901"  # F22 of advices: the card is not there any more
    utc_offset_minutes: int = 480  # F12 and F13 are local
    mac_algorithm: str = "tdes"
    link_mac_key: KeyBits = field(repr=False)
    mac_transport_key: KeyBits = field(repr=False)
    processing_codes: Mapping[str, str] = field(default_factory=lambda: {o.name: o.code for o in OPERATIONS.values()})
    reversal_codes: Mapping[str, ReversalCode] = field(default_factory=lambda: dict(REVERSAL_CODES))
    sign_on_within_ms: int = 10_000
    sign_on_again_ms: int = 30_000
    keys_within_ms: int = 10_000
    key_load_within_ms: int = 10_000
    echo_idle_ms: int = 60_000
    echo_within_ms: int = 10_000
    echo_misses_max: int = 3
    settle_ms: int = 5_000  # a line that dropped must hold this long before it counts as up again
    advice_retry_ms: tuple[int, ...] = (5_000, 15_000, 30_000, 60_000, 120_000, 300_000)
    bad_macs_max: int = 3
    in_flight_max: int = 16
    advices_max: int = 10_000

    def __post_init__(self) -> None:
        if len(self.terminal) != 8:
            raise ValueError(f"terminal {self.terminal!r} must have 8 characters (field 41)")
        if len(self.acceptor) != 15:
            raise ValueError(f"acceptor {self.acceptor!r} must have 15 characters (field 42)")
        if not (self.acquirer.isascii() and self.acquirer.isdigit() and len(self.acquirer) <= 11):
            raise ValueError(f"acquirer {self.acquirer!r} must be up to 11 digits (field 32)")
        if not self.location.isascii() or len(self.location) > 40:
            raise ValueError(f"location {self.location!r} must be up to 40 ASCII characters (field 43)")
        if self.currency not in CURRENCIES:
            raise ValueError(f"currency {self.currency!r} is not one of {', '.join(CURRENCIES)}")
        if self.mac_algorithm not in ALGORITHMS:
            raise ValueError(f"mac_algorithm {self.mac_algorithm!r} is not one of {', '.join(ALGORITHMS)}")
        if not self.advice_retry_ms or min(self.advice_retry_ms) <= 0:
            raise ValueError("advice_retry_ms must name at least one positive wait")
        for name, code in self.processing_codes.items():
            if len(code) != 6 or not code.isdigit():
                raise ValueError(f"processing code {code!r} of {name!r} must be 6 digits (field 3)")
