"""What hands can do to the reader, and what can go wrong with it, by name."""

from __future__ import annotations

from typing import Final

from drivers.sim.device import Act, Fault

_CARD: Final = {
    "card": "a MagneticCard",
    "track1": "characters of track 1",
    "track2": "characters of track 2",
    "track3": "characters of track 3",
    "length": "normal, long or short",
    "chip": "T=0, T=1 or both: a payment card; yes: a bare chip",
    "cleans": "yes: a cleaning card",
}
_ACTS: Final = (
    Act("insert_card", "push a card into the mouth", _CARD),
    Act("insert_wrong_way", "push a card in with the stripe on the wrong side", {"track2": "characters"}),
    Act("insert_from_rear", "push a card in from the rear, as a technician does", _CARD),
    Act("take_card", "take the card from the mouth"),
    Act("pull_card", "pull at a card that is on its way or inside"),
    Act("block_exit", "hold the card at the mouth so that it cannot be drawn in"),
    Act("free_exit", "let go of the card at the mouth"),
    Act("pull_half_out", "pull the card out of the rollers and leave it in the mouth"),
    Act("push_back", "push a card that hangs in the mouth back to the rollers"),
    Act("empty_bin", "take the captured cards out (the counter stays)"),
)
_PASSES: Final = "how many passes of the head it lasts (default all)"
_FAULTS: Final = (
    Fault("jam", "the card jams at the next motion", {"at": "intake, eject or capture"}, (2,)),
    Fault("shutter_fail", "the shutter does not move at the next motion"),
    Fault("sensor_fail", "a sensor reports nonsense at the next motion"),
    Fault("motor_fail", "the motor does not turn at the next motion"),
    Fault("encoder_fail", "the encoder of the motor counts no steps at the next motion"),
    Fault("capture_fails", "the card sticks between transport and bin", {}, (3,)),
    Fault(
        "read_error",
        "a track cannot be read: its stripe is damaged under the head",
        {"track": "1, 2 or 3 (default 2)", "code": "40-46 or 49 (default 42)", "passes": _PASSES},
        (6,),
    ),
    Fault(
        "write_error",
        "the stripe does not hold what is written",
        {"track": "1, 2 or 3 (default any)", "code": "50-54, 55 or 56 (default 55)", "passes": _PASSES},
    ),
    Fault("heads_dirty", "the heads are soiled and read with jitter until they are cleaned"),
    Fault("power_drop", "the power drops in the middle of the next motion", {}, (97, 99)),
    Fault("sensor_lies", "the next status tells a wrong place", {"place": "none, exit or inside"}),
    Fault("card_moved", "the next status warns that the card was moved", {}, (9,)),
    Fault("option_memory_bad", "the next initial reset finds its options lost"),
    Fault("firmware_bad", "the next memory check finds the firmware damaged"),
    Fault("solenoid_fail", "the solenoid does not move the contacts at the next occasion"),
    Fault("chip_silent", "the chip does not answer in the next dialogue", {}, (8,)),
    Fault("chip_wrong_atr", "the next answer to reset is damaged"),
    Fault("chip_noise", "bytes from the chip are damaged on the contacts", {"answers": "how many (default 1)"}),
    Fault("chip_aborts", "the chip breaks the next T=1 chain off"),
    Fault("chip_says_too_little", "the next answer of the chip has no status bytes"),
    Fault("chip_says_too_much", "the next answer of the chip is longer than it may be"),
    Fault("silent", "the reader does not react to the next item that arrives", {}, (101,)),
)
ACTS: Final = {act.name: act for act in _ACTS}
FAULTS: Final = {fault.name: fault for fault in _FAULTS}
