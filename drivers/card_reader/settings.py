"""What a site or a unit may need different of an OMRON 3S4YR, and how it is told to the reader."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class AfterPowerFailure(Enum):
    """What the reader does with a card that was inside when its power failed (byte 2 of initial reset)."""

    HOLD = "A"
    RETURN = "B"
    CAPTURE = "C"


class TrackFormat(Enum):
    """What the reader sends with the characters of a track (command S0)."""

    PLAIN = "0"
    SENTINELS = "1"
    SENTINELS_AND_LRC = "2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a site or a unit may need different.

    `turn_round_ms` is 10 or a multiple of 10 from 20 to 90. Retries of None leave the reader's own.
    `bin_capacity` None means unknown: then no `card_bin` supply is told. `chip_reception_s`: how long a chip may
    take for one exchange, 6 to 99 s; None leaves the reader's own. `chip_extended`: chain long APDUs with F7 and F6
    (up to 2,054 bytes each) and not with F2 and F1 (360).
    """

    turn_round_ms: int = 10
    after_power_failure: AfterPowerFailure = AfterPowerFailure.HOLD
    stripe_required: bool = True
    track_format: TrackFormat | None = None
    read_retries: int | None = None
    write_retries: int | None = None
    return_retries: int | None = None
    insertion_wait_s: int = 30
    removal_wait_s: int = 30
    reintake_wait_s: int = 10
    poll_ms: int = 200
    idle_poll_ms: int = 5_000
    bin_capacity: int | None = None
    chip_reception_s: int | None = None
    chip_extended: bool = False

    def __post_init__(self) -> None:
        if self.turn_round_ms not in (10, *range(20, 100, 10)):
            raise ValueError(f"turn-round is 10, 20, 30 ... 90 ms, not {self.turn_round_ms}")
        for name in ("insertion_wait_s", "removal_wait_s"):
            if not 0 <= getattr(self, name) <= 99:
                raise ValueError(f"{name} is 0 to 99 s, 0 being for ever")
        if not 1 <= self.reintake_wait_s <= 99:
            raise ValueError("reintake_wait_s is 1 to 99 s: a capture that waits for ever never answers")
        if self.chip_reception_s is not None and not 6 <= self.chip_reception_s <= 99:
            raise ValueError("chip_reception_s is 6 to 99 s")
        for name, most in (("read_retries", 9), ("write_retries", 9), ("return_retries", 99)):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= most:
                raise ValueError(f"{name} is 0 to {most}")

    def reset_params(self) -> bytes:
        """Return the two parameter bytes of an initial reset."""
        turn_round = "0" if self.turn_round_ms == 10 else str(self.turn_round_ms // 10)
        return (turn_round + self.after_power_failure.value).encode("ascii")

    def start_commands(self) -> list[tuple[str, bytes]]:
        """Return what is told to the reader after each initial reset at connect."""
        told: list[tuple[str, bytes]] = [
            ("W0", b"%02d" % self.insertion_wait_s),
            ("W1", b"%02d" % self.removal_wait_s),
            ("W2", b"%02d" % self.reintake_wait_s),
        ]
        if self.read_retries is not None:
            told.append(("R0", b"%d" % self.read_retries))
        if self.write_retries is not None:
            told.append(("R1", b"%d" % self.write_retries))
        if self.return_retries is not None:
            told.append(("R3", b"%02d" % self.return_retries))
        if self.chip_reception_s is not None:
            told.append(("Y2", b"%02d" % self.chip_reception_s))
        if self.track_format is not None:
            told.append(("S0", self.track_format.value.encode("ascii")))
        return told
