"""The golden frames, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from drivers.dispenser.framing import LCDM2000, LCDM4000

_FILE = Path(__file__).parents[2] / "vectors" / "dispenser.yaml"
VECTORS: dict[str, list[dict[str, Any]]] = yaml.load(_FILE.read_text(), Loader=yaml.CSafeLoader)
FRAMINGS = {"2000": LCDM2000, "4000": LCDM4000}


def name_of(vector: dict[str, Any]) -> str:
    return f"{vector['profile']} {vector.get('name', vector.get('say'))}"
