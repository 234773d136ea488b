"""Firmware: what is loaded, loading another one (d0, d1, d2), checking it (c0), user information (u0), versions.

    good --d0--> loading --d1 ...--> --d2, sum right--> loaded --initial reset--> good
                    |                  '--sum wrong--> bad <-- reset or power cut while loading
                    '-----------------------------------^       bad --d0--> loading

The note names the commands and the two positions (30, 31) and errors (70, 71). Ours is: an image begins with 12
characters of type and 2 of version; d2 brings the sum of all its bytes as 8 hex digits; V1 tells these three.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from drivers.sim.card_reader.trouble import Trouble

if TYPE_CHECKING:
    from drivers.sim.card_reader.reader import Handler, SimOmron3S4YR

IMAGE_BYTES_MAX: Final = 512 * 1024
_HEAD_BYTES: Final = 14
_DELIVERED: Final = "3S4YR-LOAD  " + "01" + "01A5C3D9"
_VERSIONS: Final = "3S4YR-MVFW  " + "01" + "04A17C".ljust(26)
COMMANDS_WHEN_BAD: Final = frozenset({"d0", "d1", "d2", "c0"})
USER_BYTES_MAX: Final = 20


class Loader:
    """`state`: ``good``, ``loading``, ``loaded`` (waiting for a reset) or ``bad``. It survives the power."""

    def __init__(self) -> None:
        self.state = "good"
        self.loaded = _DELIVERED
        self.image = b""

    @property
    def position(self) -> str | None:
        return {"loading": "30", "loaded": "31"}.get(self.state)

    def stands_in_the_way(self, code: str, *, is_reset: bool) -> Trouble | None:
        """Return why `code` cannot be carried out now."""
        if self.state == "bad":
            return None if code in COMMANDS_WHEN_BAD else Trouble.FIRMWARE
        if is_reset:
            return None
        if self.state == "loading":
            return None if code in ("d1", "d2") else Trouble.SEQUENCE
        return Trouble.RESET_AFTER_LOAD if self.state == "loaded" else None

    def restarted(self) -> None:
        """The reader was reset, or has its power again."""
        if self.state == "loading":
            self.state, self.image = "bad", b""
        elif self.state == "loaded":
            self.state = "good"


def _begin(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    if r.transport.card is not None:
        return r.no(code, Trouble.SEQUENCE)
    r.close_gate()
    r.loader.state, r.loader.image = "loading", b""
    return r.say(code)


def _take(r: SimOmron3S4YR, code: str, params: bytes) -> bytes | None:
    loader = r.loader
    if loader.state != "loading":
        return r.no(code, Trouble.SEQUENCE)
    if not params or len(loader.image) + len(params) > IMAGE_BYTES_MAX:
        return r.no(code, Trouble.PARAMETER)

    def burnt() -> bytes:
        loader.image += params
        return r.say(code)

    r.move(code, r.delays.load_ms, burnt)
    return None


def _end(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    loader = r.loader
    if loader.state != "loading":
        return r.no(code, Trouble.SEQUENCE)
    total = b"%08X" % (sum(loader.image) & 0xFFFFFFFF)
    head = loader.image[:_HEAD_BYTES].decode("latin-1")
    if params != total or len(head) < _HEAD_BYTES or not head.isprintable():
        loader.state, loader.image = "bad", b""
        return r.no(code, Trouble.FIRMWARE)
    loader.state, loader.loaded, loader.image = "loaded", head + total.decode("ascii"), b""
    return r.say(code)


def _check(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes | None:
    if r.armed.fires("firmware_bad") is not None:
        r.loader.state = "bad"
    bad = r.loader.state == "bad"
    r.move(code, r.delays.load_ms, partial(r.no, code, Trouble.FIRMWARE) if bad else partial(r.say, code))
    return None


def _versions(r: SimOmron3S4YR, code: str, _params: bytes) -> bytes:
    return r.say(code, _VERSIONS if code == "V0" else r.loader.loaded)


def _user_information(r: SimOmron3S4YR, code: str, params: bytes) -> bytes:
    """Keep what is given, tell what is kept."""
    text = params.decode("latin-1")
    if len(text) > USER_BYTES_MAX or not text.isascii() or (text and not text.isprintable()):
        return r.no(code, Trouble.PARAMETER)
    if text:
        r.memory.user_information = text
    return r.say(code, r.memory.user_information)


COMMANDS: Final[Mapping[str, Handler]] = {
    "d0": _begin,
    "d1": _take,
    "d2": _end,
    "c0": _check,
    "u0": _user_information,
    **dict.fromkeys(("V0", "V1"), _versions),
}
