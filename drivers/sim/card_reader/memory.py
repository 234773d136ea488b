"""What the reader keeps without power: settings, options, chip control; and the commands that tell and set them.

Where the note gives a length and no meaning, the layout here is ours (see drivers/card_reader/README.md): S1 and
S2, N0 to N3, Y0, Y3 and Y4. D0 to D7 are kept; which rule is which the note does not say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from drivers.sim.card_reader.trouble import Trouble
from drivers.sim.stripe import Encoding

if TYPE_CHECKING:
    from drivers.sim.card_reader.reader import Handler, SimOmron3S4YR

_FORMS: Final = {
    **{f"D{n}": ("0", r"\d") for n in range(8)},
    "S0": ("0", r"[012]"),
    "S1": ("", r"[123][5-8][01][0-9A-F]{2}[!-~]{2}"),
    "S2": ("", r"[123]\d{2}"),
    "R0": ("1", r"\d"), "R1": ("1", r"\d"), "R3": ("03", r"\d{2}"),
    "W0": ("30", r"\d{2}"), "W1": ("30", r"\d{2}"), "W2": ("10", r"\d{2}"),
    "N1": ("1", r"[01]"), "N2": ("222", r"[012]{3}"), "N3": ("00000000", r"[01]{8}"),
    "Y1": ("00", r"00|01|05"), "Y2": ("20", r"0[6-9]|[1-9]\d"),
    "Y3": ("254", r"(?!000)[01]\d{2}|2[0-4]\d|25[0-4]"), "Y4": ("1", r"[01]"),
}  # fmt: skip
"""Each setting: its value when nothing was ever set, and the form of what may be set."""
_OPTIONS: Final = ("N1", "N2", "N3")
_TOLD_BYTES: Final = 16
LOCKED: Final = frozenset({"N1", "N2", "N3", "NA", "Q1", "Y1", "Y2", "Y3", "Y4"})
"""What is not to be set while insertion is permitted."""


class Memory:
    def __init__(self) -> None:
        self.after_power_failure = "B"
        self.user_information = ""
        self._kept = {code: default for code, (default, _) in _FORMS.items()}

    def text(self, code: str) -> str:
        return self._kept[code]

    def number(self, code: str) -> int:
        return int(self._kept[code])

    def keep(self, code: str, text: str) -> bool:
        """Set one; return whether the text has the form it must have."""
        if re.fullmatch(_FORMS[code][1], text) is None:
            return False
        self._kept[code] = text
        return True

    def lose_options(self) -> None:
        """Erase the options N1 to N3: they are again as delivered."""
        self._kept.update({code: _FORMS[code][0] for code in _OPTIONS})

    def told(self, *codes: str) -> str:
        """Return several in a row, filled up to the length that is told."""
        return "".join(self._kept[code] for code in codes).ljust(_TOLD_BYTES, "0")


def _set(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    text = params.decode("latin-1")
    if not r.memory.keep(code, text):
        return r.no(code, Trouble.PARAMETER)
    if code == "S0":
        r.heads.format = text
    elif code == "S1":
        track = int(text[0])
        r.heads.encodings[track] = Encoding(int(text[1]), text[2] == "1", int(text[3:5], 16), text[5], text[6])
        r.heads.forget()
    elif code == "S2":
        r.heads.leads[int(text[0])] = int(text[1:])
    elif code == "N2":
        _fit_heads(r)
    return r.say(code)


def _fit_heads(r: SimOmron3S4YR) -> None:
    r.heads.fitted = {track: kind != "0" for track, kind in enumerate(r.memory.text("N2"), start=1)}


def _erase(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    r.memory.lose_options()
    _fit_heads(r)
    return r.say(code)


def _told_options(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    return r.say(code, r.memory.told(*(_OPTIONS if code == "N0" else ("Y1", "Y2", "Y3", "Y4"))))


def _count(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    if code == "Q1":
        r.transport.captured = 0
        return r.say(code)
    return r.say(code, f"{r.transport.captured:03d}")


COMMANDS: Final[Mapping[str, Handler]] = {
    **dict.fromkeys(_FORMS, _set),
    "NA": _erase,
    **dict.fromkeys(("N0", "Y0"), _told_options),
    **dict.fromkeys(("Q0", "Q1"), _count),
}
