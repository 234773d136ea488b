"""A bench without a terminal, for tests of the pages: it remembers what was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kiosk.web.ports import BenchGone, DemoCard, Layout, Refused

PNG = b"\x89PNG\r\n\x1a\n not really"


class NotedBench:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.listeners: list[Callable[[], None]] = []
        self.gone = False
        self.entries: list[dict[str, Any]] = [{"seq": 1, "at": "2026-11-22T00:00:00Z", "kind": "boot", "data": {}}]

    @property
    def layout(self) -> Layout:
        card = DemoCard("normal", "", "", "1000", "1234")
        return Layout("KIOSK001", "Bank", "", (1280, 1024), (("en", "English"),), (), (), (), (card,))

    def snapshot(self, entries_after: int = 0, messages_after: int = 0) -> Mapping[str, Any]:
        if self.gone:
            raise BenchGone("the terminal has ended")
        self.asked.append(("snapshot", entries_after, messages_after))
        return {"screen": "idle", "entries": [e for e in self.entries if e["seq"] > entries_after], "messages": []}

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(changed)
        return lambda: self.listeners.remove(changed)

    def picture(self) -> bytes:
        if self.gone:
            raise BenchGone("the terminal has ended")
        return PNG

    def document(self) -> bytes | None:
        return None

    def touch(self, x: int, y: int, serial: int = 0) -> str:
        self.asked.append(("touch", x, y, serial))
        return "chose_amount"

    def speak(self, locale: str) -> None:
        self.asked.append(("speak", locale))

    def insert_card(self, label: str, *, wrong_way: bool = False) -> None:
        self.asked.append(("card", label, wrong_way))

    def act(self, device: str, name: str, arguments: Mapping[str, object]) -> None:
        if name == "take_card":
            raise Refused("there is no card at the mouth to take")
        self.asked.append(("act", device, name, dict(arguments)))

    def strike(self, device: str, name: str, arguments: Mapping[str, object]) -> None:
        self.asked.append(("strike", device, name, dict(arguments)))

    def heal(self, device: str) -> None:
        self.asked.append(("heal", device))

    def plug(self, device: str, plugged: bool) -> None:
        self.asked.append(("plug", device, plugged))

    def cut_power(self, for_ms: int) -> None:
        self.asked.append(("power", for_ms))
