"""Commands of the technician: what the LCDM devices can do beyond reset, dispense and last dispense.

Positions are 1 (top) to 4 (bottom); the results speak of units where the settings name one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from drivers.base.vocabulary import Command, Counts, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStatus(Command):
    """Ask for error, sensors and cassettes; moves nothing."""

    verb = "read_status"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStatusResult(Result):
    """`sensors`: name -> covered. `units`: unit -> ``"ok"``, ``"low"`` or ``"missing"``. `opacities` and
    `lengths`: reference values by unit, device units, LCDM-4000 only.
    """

    verb = "read_status"
    sensors: Mapping[str, bool] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    opacities: Mapping[str, int] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge(Command):
    """Run the transport: notes in the path go to the reject tray. A note in the exit may come out."""

    verb = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeResult(Result):
    """`rejected` and `moved` as counted; an LCDM-1000 or 2000 counts neither."""

    verb = "purge"
    rejected: Counts = field(default_factory=dict)
    moved: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDispense(Command):
    """Move notes from cassettes to the reject tray. On an LCDM-1000 or 2000 exactly one note of one unit."""

    __test__ = False  # the name is the maker's; pytest shall not collect it
    verb = "test_dispense"
    picks: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDispenseResult(Result):
    """As `DispenseResult`; DONE when all notes ordered were rejected and none came out."""

    __test__ = False
    verb = "test_dispense"
    moved: Counts = field(default_factory=dict)
    rejected: Counts = field(default_factory=dict)
    unaccounted: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRomVersion(Command):
    """LCDM-1000 and 2000."""

    verb = "read_rom_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRomVersionResult(Result):
    """`version` is the body as ASCII: 'O', version, 'T', check sum."""

    verb = "read_rom_version"
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSerialNumber(Command):
    """LCDM-4000: the number of the last order the device took up."""

    verb = "read_serial_number"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSerialNumberResult(Result):
    verb = "read_serial_number"
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLastStatus(Command):
    """LCDM-4000: the last mechanical command and its counts, raw; services use `LastDispense`."""

    verb = "read_last_status"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLastStatusResult(Result):
    """`last_command` is the CMD byte; `error` and `detail` are those of that command, not of this one."""

    verb = "read_last_status"
    last_command: int | None = None
    moved: Counts = field(default_factory=dict)
    rejected: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnoseSensors(Command):
    """LCDM-4000: read the sensors of cassette `position`, 1..4."""

    verb = "diagnose_sensors"
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnoseSensorsResult(Result):
    """Raw bytes of the answer; their scale is not public."""

    verb = "diagnose_sensors"
    opacity: int = 0
    length: int = 0
    divert: int = 0
    reject: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOpacities(Command):
    verb = "read_opacities"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLengths(Command):
    verb = "read_lengths"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrder(Command):
    """Ask from which positions notes are picked first."""

    verb = "read_order"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOpacities(Command):
    """`values` by position, four of 0..255; 0 keeps what is stored."""

    verb = "write_opacities"
    values: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteLengths(Command):
    """`values` by position, four of 0..255 in steps of 0.785 mm; 0 keeps what is stored."""

    verb = "write_lengths"
    values: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOrder(Command):
    """`values`: a permutation of the positions 1..4."""

    verb = "write_order"
    values: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterResult(Result):
    """Answer to the six commands above: `values` by position, as read or as written."""

    verb = "parameter"
    values: tuple[int, ...] = ()
