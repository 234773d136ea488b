"""What can go wrong in a simulated dispenser, by name. What each does to notes is told in `course`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.sim.device import Fault

_AFTER: Final = {
    "after": "notes that come out of this order before, 0 or more",
    "nth": "n-th order from now, 1",
}
_UNIT: Final = {"unit": "storage unit, e.g. unit1; any if left out"}
_NOTES: Final = {**_AFTER, **_UNIT}

FAULTS: Final[Mapping[str, Fault]] = {
    fault.name: fault
    for fault in (
        Fault("pick_error", "No note can be picked.", _NOTES, (42, 43, 54)),
        Fault("double_pick", "Two notes at once: both are rejected.", _NOTES, (54,)),
        Fault(
            "jam",
            "A note is picked and stays.",
            {**_NOTES, "place": "chk, diverter, eject or exit", "stuck": "purge cannot clear it"},
            (42, 44),
        ),
        Fault("slips", "A note slips and stays behind the diverter.", _NOTES, (42, 44)),
        Fault(
            "long_note",
            "Two notes overlap and stay: too long for a sensor.",
            {**_NOTES, "place": "eject or exit"},
            (44, 54),
        ),
        Fault("runs_empty", "The cassette has no more notes to give.", _NOTES, (26, 42, 43)),
        Fault("over_reject", "Every note is rejected until the limit.", _NOTES, (52, 54)),
        Fault(
            "wrong_way",
            "Two notes at once, and they come out instead of being rejected.",
            {**_NOTES, "suspected": "the device only suspects it"},
            (44, 59),
        ),
        Fault(
            "count_mismatch",
            "Two notes come out, one is counted.",
            {**_NOTES, "place": "chk, diverter or exit: the sensors that disagree"},
            (44, 59),
        ),
        Fault(
            "extra_note", "Behind the last note of an order another one comes out, and is counted.",
            {"nth": _AFTER["nth"], **_UNIT}, (59,),
        ),
        Fault(
            "wrong_cassette", "A note of another cassette comes out and is not counted.",
            {**_NOTES, "source": "the cassette it is from; the next one if left out"}, (44, 107),
        ),
        Fault("motor_stalls", "The transport stands still, with a note in it.", _NOTES, (42, 44)),
        Fault("slow_transport", "The transport crawls until the device gives up.", _NOTES, (42, 44)),
        Fault("solenoid_dead", "The diverter does not move.", _NOTES, (42, 43)),
        Fault("fail", "Ends with a given code.", {**_NOTES, "code": "the firmware's error number"}, (44,)),
        Fault("power_loss_after_notes", "The power fails.", {"notes": "notes out before", **_AFTER}, (97,)),
        Fault("power_loss_in_purge", "The power fails in the next purge.", {}, (97, 51)),
        Fault("reset_in_command", "The device restarts by itself.", _AFTER, (55, 97)),
        Fault(
            "near_end", "The near-end sensor of a unit is set, until healed.",
            {"unit": "which", "in_answer": "answers to dispenses say so, too (LCDM-4000)"}, (25,),
        ),
        Fault(
            "sensor_lies", "A sensor reads wrong, until healed: covered, it stops every order.",
            {"sensor": "name", "covered": "bool"}, (43,),
        ),
    )
}  # fmt: skip
"""Of all models."""

NORMAL_STOP: Final = Fault(
    "normal_stop", "A complete order is answered as stopped normally instead of good, until healed."
)
"""LCDM-1000 and 2000."""

MEMORY_DAMAGED: Final = Fault(
    "memory_damaged",
    "The electronics find their memory damaged and start nothing, until healed.",
    {"kind": "unverified, unwritable, misread (program); eeprom_unwritable, eeprom_sum"},
    (43,),
)
"""LCDM-4000."""
