"""The magnetic heads and what the reader remembers of tracks: read ones, and ones to be written.

A pass of the head finds what the stripe under it holds (`stripe`); after writing the head reads back. So a read
error is a damage of the stripe, a soiled head or an encoding that is another one, and a write error a stripe
that does not hold what was written.
"""

from __future__ import annotations

from typing import Final

from drivers.sim.armed import ArmedFaults
from drivers.sim.card_reader.transport import Transport
from drivers.sim.card_reader.trouble import Trouble
from drivers.sim.cards import MagneticCard
from drivers.sim.stripe import ISO, KINDS, LEAD_CELLS, Encoding, Finding, read, spoiled, written

GOOD: Final = "00"
CHARACTERS_MAX: Final = {1: 76, 2: 37, 3: 104}
TRACKS_OF: Final = {"1": (1,), "2": (2,), "3": (3,), "4": (1, 2), "5": (1, 3), "6": (2, 3), "7": (1, 2, 3)}
LETTER_OF: Final = {tracks: letter for letter, tracks in TRACKS_OF.items()}
_DAMAGE: Final = {code: kind for kind, code in KINDS.items()}
_PASSES_ALL: Final = 1_000


class Heads:
    def __init__(self, armed: ArmedFaults, transport: Transport) -> None:
        self._armed, self._transport = armed, transport
        self.encodings: dict[int, Encoding] = dict(ISO)
        self.leads = dict.fromkeys((1, 2, 3), LEAD_CELLS)
        self.fitted = {1: True, 2: True, 3: True}
        self.format = "0"
        self.forget()

    def forget(self) -> None:
        """Another card, or no power: nothing is known of any track."""
        self.findings: dict[int, Finding] = {}
        self.to_write: dict[int, str] = {}
        self._weak: dict[int, tuple[str, int]] = {}

    def result(self, track: int) -> str:
        """Return what is known of a track: ``"00"`` or an error."""
        found = self.findings.get(track)
        return found.result if found is not None else Trouble.NOT_READ

    def begin(self) -> None:
        """A command begins: weak places of the last one are passed."""
        self._weak.clear()

    def read(self, card: MagneticCard, tracks: tuple[int, ...]) -> bool:
        """Make one pass; return whether all `tracks` are known now."""
        for track in tracks:
            if self.result(track) != GOOD:
                self.findings[track] = self._pass(card, track)
        return all(self.result(track) == GOOD for track in tracks)

    def _pass(self, card: MagneticCard, track: int) -> Finding:
        if not self.fitted[track]:
            return Finding(Trouble.NOT_READ)
        weak = self._weak_place("read_error", track)
        if weak == Trouble.NOT_READ:
            return Finding(Trouble.NOT_READ)
        damage = _DAMAGE.get(weak) or ("jitter" if self._transport.heads_dirty else card.damage.get(track))
        return self._found(card.tracks.get(track), card.encodings[track], track, damage)

    def _found(self, text: str | None, used: Encoding, track: int, damage: str | None) -> Finding:
        if text is None:
            return Finding(KINDS["erased"])
        try:
            cells = written(text, used, self.leads[track])
        except ValueError:  # somebody else's characters
            return Finding(KINDS["parity"])
        return read(spoiled(cells, used, damage) if damage else cells, self.encodings[track])

    def write(self, card: MagneticCard, track: int, text: str) -> str:
        """Write one track and read it back; return ``"00"`` or an error of writing."""
        worn = self._weak_place("write_error", track)
        encoding = self.encodings[track]
        worn_by = None if worn == Trouble.NOT_AS_WRITTEN else _DAMAGE.get("4" + worn[1:])
        if not worn or worn_by is not None:  # else the stripe keeps what it held
            card.write(track, text, encoding)
            card.damage.pop(track, None)
        if worn_by is not None:
            card.damage[track] = worn_by
        self.findings.pop(track, None)
        damage = "jitter" if self._transport.heads_dirty else card.damage.get(track)
        found = self._found(card.tracks.get(track), card.encodings[track], track, damage)
        if found.result != GOOD:
            return "5" + found.result[1]
        return GOOD if found.text == text else Trouble.NOT_AS_WRITTEN

    def can_write(self, track: int, text: str) -> bool:
        """Return whether a track takes these characters."""
        values = [self.encodings[track].value(character) for character in text]
        return len(text) <= CHARACTERS_MAX[track] and None not in values

    def _weak_place(self, fault: str, track: int) -> str:
        """Return the error that an armed fault makes of this pass, "" for none."""
        armed = self._armed.look(fault) if track not in self._weak else None
        if armed is not None and str(armed.get("track", 2 if fault == "read_error" else track)) == str(track):
            struck = self._armed.fires(fault)
            if struck is not None:
                default = "42" if fault == "read_error" else Trouble.NOT_AS_WRITTEN
                self._weak[track] = str(struck.get("code", default)), int(str(struck.get("passes", _PASSES_ALL)))
        code, passes = self._weak.get(track, ("", 0))
        if passes <= 0:
            return ""
        self._weak[track] = code, passes - 1
        return code

    def sent(self, track: int) -> bytes:
        """Return the characters of a good track in the format that was asked for (S0)."""
        found, encoding = self.findings[track], self.encodings[track]
        text = found.text
        if self.format != "0":
            text = f"{encoding.start}{text}{encoding.end}"
        return (text + (found.lrc if self.format == "2" else "")).encode("latin-1")
