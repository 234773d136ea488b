"""A live terminal for tests: real threads, sockets and files, on a clock that runs faster than the wall's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from drivers.base.clock import MonotonicClock, ScaledClock, WallCalendar
from kiosk.bench import LiveBench
from kiosk.config import Config, load_config
from kiosk.live import Live
from kiosk.web.server import BenchServer
from kiosk.words import catalogue

FAST = 20.0
WAIT_S = 40.0


@dataclass
class House:
    live: Live
    bench: LiveBench
    said: list[str]

    def wait(self, wanted: Callable[[], object], what: str) -> None:
        """Wait until `wanted` (asked in the terminal's thread after every change) is true."""
        changed = threading.Event()
        end = self.live.listen(changed.set)
        deadline = threading.Event()
        timer = threading.Timer(WAIT_S, lambda: (deadline.set(), changed.set()))
        timer.start()
        try:
            while not self.live.call(wanted):
                assert not deadline.is_set(), f"{what} did not come; the screen is {self.screen()}"
                changed.wait()
                changed.clear()
        finally:
            timer.cancel()
            timer.join()
            end()

    def screen(self) -> str:
        return self.live.view.screen if self.live.view else ""

    def wait_for_screen(self, name: str) -> None:
        self.wait(lambda: self.screen() == name, f"screen {name}")

    def place_of(self, event: str, value: str | None = None) -> tuple[int, int]:
        """Return the middle of what makes an input on the screen that is shown."""

        def find() -> tuple[int, int]:
            assert self.live.view is not None
            for node in self.live.renderer.scene(self.live.view).focus:
                if node.event == event and value in (None, node.value):
                    x, y, w, h = node.box
                    return x + w // 2, y + h // 2
            raise LookupError(f"nothing on {self.screen()} makes {event}={value}")

        return self.live.call(find)


def with_line(config: Config, device: str, line: str) -> Config:
    form = config.devices.of(device).model_copy(update={"line": line})
    return replace(config, devices=config.devices.model_copy(update={device: form}))


@contextmanager
def running(folder: Path, config: Config | None = None, speed: float = FAST) -> Iterator[House]:
    said: list[str] = []
    clock = MonotonicClock() if speed == 1 else ScaledClock(speed)
    made: Future[Live] = Future()
    failed: list[BaseException] = []

    def work() -> None:  # built where it runs: a test's own thread may have an event loop of its own
        try:
            made.set_result(
                Live(
                    config or load_config(), folder, clock=clock, calendar=WallCalendar(), words=catalogue(),
                    speed=speed, say=said.append,
                )
            )  # fmt: skip
        except BaseException as error:
            made.set_exception(error)
            return
        try:
            made.result().run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="terminal")
    thread.start()
    live = made.result(WAIT_S)
    try:
        yield House(live, LiveBench(live), said)
    finally:
        live.stop()
        thread.join(WAIT_S)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


@contextmanager
def served(house: House) -> Iterator[Page]:
    server = BenchServer(house.bench)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=20) as client:
            assert client.get("/", params={"token": server.token}).status_code == 303
            yield Page(client, server)
    finally:
        server.stop()


@dataclass
class Page:
    """What a browser does, without one."""

    client: httpx.Client
    server: BenchServer

    def post(self, path: str, **body: Any) -> Any:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["done"]

    def follow(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read the event stream until a snapshot is as wanted."""
        screens: list[str] = []
        with self.client.stream("GET", "/events", timeout=WAIT_S) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    seen: dict[str, Any] = json.loads(line.removeprefix("data: "))
                    screens.append(seen["screen"])
                    if wanted(seen):
                        return seen
        raise AssertionError(f"the stream ended after {screens}")

    def screen(self, *names: str) -> dict[str, Any]:
        return self.follow(lambda seen: seen["screen"] in names)
