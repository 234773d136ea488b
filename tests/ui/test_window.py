"""A real window on a real X server (Xvfb), with clicks and keys made by the server's XTEST extension."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace

import pygame
import pytest

from drivers.base.clock import SimClock
from kiosk.ports import Input
from kiosk.ui import theme
from kiosk.ui.render import Renderer
from kiosk.ui.window import NoDisplay, Window

from .samples import view

XVFB = shutil.which("Xvfb")
XTST = ctypes.util.find_library("Xtst")
needs_x = pytest.mark.skipif(
    XVFB is None or XTST is None,
    reason="Xvfb and libXtst are needed for a real window (Debian: apt install xvfb libxtst6)",
)


class Person:
    """Moves the pointer and presses keys through the X server."""

    def __init__(self, display: str) -> None:
        self._x11 = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        self._xtst = ctypes.CDLL(str(XTST))
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._x11.XDefaultRootWindow.restype = ctypes.c_ulong
        self._x11.XGetImage.restype = ctypes.c_void_p
        self._x11.XGetPixel.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(display.encode()))
        assert self._display.value

    def click(self, x: int, y: int, *, until: tuple[int, int] | None = None) -> None:
        """Press at one place and lift there, or at `until`."""
        self._xtst.XTestFakeMotionEvent(self._display, -1, x, y, ctypes.c_ulong(0))
        self._xtst.XTestFakeButtonEvent(self._display, 1, 1, ctypes.c_ulong(0))
        if until:
            self._xtst.XTestFakeMotionEvent(self._display, -1, *until, ctypes.c_ulong(0))
        self._xtst.XTestFakeButtonEvent(self._display, 1, 0, ctypes.c_ulong(0))
        self._x11.XSync(self._display, 0)

    def key(self, keysym: int) -> None:
        code = self._x11.XKeysymToKeycode(self._display, ctypes.c_ulong(keysym))
        for down in (1, 0):
            self._xtst.XTestFakeKeyEvent(self._display, code, down, ctypes.c_ulong(0))
        self._x11.XSync(self._display, 0)

    def focus(self, window: int) -> None:
        self._x11.XSetInputFocus(self._display, ctypes.c_ulong(window), 1, ctypes.c_ulong(0))
        self._x11.XSync(self._display, 0)

    def seen(self, x: int, y: int) -> tuple[int, int, int]:
        """Return the colour on the screen itself."""
        root = ctypes.c_ulong(self._x11.XDefaultRootWindow(self._display))
        every = ctypes.c_ulong(0xFFFFFFFF)
        image = ctypes.c_void_p(self._x11.XGetImage(self._display, root, x, y, 1, 1, every, 2))
        pixel = self._x11.XGetPixel(image, 0, 0)
        return pixel >> 16 & 255, pixel >> 8 & 255, pixel & 255

    def close(self) -> None:
        self._x11.XCloseDisplay(self._display)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    read, write = os.pipe()
    process = subprocess.Popen(
        [str(XVFB), "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as pipe:
        display = f":{pipe.readline().strip()}"
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("SDL_VIDEO_WINDOW_POS", "0,0")
    yield display
    process.terminate()
    process.wait(10)


def until(window: Window, enough: Callable[[list[Input]], bool]) -> list[Input]:
    """Pump at the pace of a caller until `enough` inputs came, for at most some seconds."""
    made: list[Input] = []
    pace = pygame.time.Clock()
    for _ in range(600):
        made += window.pump()
        if enough(made):
            break
        pace.tick(200)
    return made


@needs_x
@pytest.mark.window
def test_a_click_and_a_key_on_a_real_window_make_inputs(server: str, renderer: Renderer) -> None:
    person = Person(server)
    window = Window(renderer, SimClock())
    try:
        sample = view("menu", serial=5)
        window.show(sample)
        until(window, lambda made: person.seen(20, 20) == theme.WHITE)
        assert person.seen(20, 20) == theme.WHITE
        assert person.seen(30, 500) == theme.GROUND
        box = pygame.Rect(renderer.scene(sample).choices[1].box)
        person.click(*box.center)
        assert until(window, bool) == [Input("chose_service", "deposit", 5)]

        person.click(*box.center, until=(30, 200))
        person.click(30, 200, until=box.center)
        window.show(replace(sample, serial=6))
        person.click(*box.center)
        assert until(window, bool) == [Input("chose_service", "deposit", 6)], "only what was meant, on the new view"

        person.click(*box.center)
        window.show(replace(sample, serial=8))
        assert until(window, bool) == [Input("chose_service", "deposit", 6)], "it was meant for the view before"
        window.show(replace(sample, serial=6))

        person.focus(pygame.display.get_wm_info()["window"])
        person.key(0xFF1B)  # Escape
        assert until(window, bool) == [Input("pressed_cancel", "", 6)]
        person.key(0xFFBE + 1)  # F2, the second side key at the left
        assert until(window, bool) == [Input("chose_service", "transfer", 6)]
        person.key(0x33)  # the pad's 3 takes the third choice
        assert until(window, bool) == [Input("chose_service", "transfer", 6)]
        for node in renderer.scene(sample).choices[:2]:
            person.key(0xFF09)  # Tab
            edge = (pygame.Rect(node.box).centerx, node.box[1] + 1)
            until(window, lambda made, edge=edge: person.seen(*edge) == theme.FOCUS)
            assert person.seen(*edge) == theme.FOCUS, "the focus is seen"
        person.key(0x20)  # Space takes what has the focus: the second
        assert until(window, bool) == [Input("chose_service", "deposit", 6)]

        window.show(view("goodbye", serial=7))
        until(window, lambda made: person.seen(320, 160) == theme.TINT)
        assert person.seen(320, 160) == theme.TINT, "the next screen is on the display"
    finally:
        window.close()
        window.close()
        person.close()


@pytest.mark.window
def test_without_a_display_the_bench_is_named(monkeypatch: pytest.MonkeyPatch, renderer: Renderer) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":no-such-display")
    with pytest.raises(NoDisplay, match="bench page shows the terminal's screen"):
        Window(renderer, SimClock())


def test_a_view_that_cannot_be_drawn_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch, renderer: Renderer) -> None:
    from kiosk.ui.screens import ScreenError

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = Window(renderer, SimClock())
    try:
        window.show(view("goodbye"))
        before = pygame.image.tobytes(pygame.display.get_surface(), "RGB")
        with pytest.raises(ScreenError):
            window.show(view("refused", values={}))
        assert window.pump() == []
        assert pygame.image.tobytes(pygame.display.get_surface(), "RGB") == before
    finally:
        window.close()
