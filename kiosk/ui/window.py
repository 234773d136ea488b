"""The one file that opens a window.

The caller owns the thread and the pace: it calls `pump` some 30 times a second and `show` whenever there is a new
view. A touch counts when it is lifted where it was put down, on the same view; a key counts when it goes down.

    digits, Enter, Esc, Backspace    pad keys: 0-9, enter, cancel, clear
    F1-F4, F5-F8                     side keys, left and right from above
    Tab, Space                       walk through what can be touched, and choose it
"""

from __future__ import annotations

import os
from typing import Final

import pygame

from kiosk.ports import Clock, Input
from kiosk.ui.render import Renderer
from kiosk.view import View

KEYS: Final = {
    pygame.K_RETURN: "enter",
    pygame.K_KP_ENTER: "enter",
    pygame.K_ESCAPE: "cancel",
    pygame.K_BACKSPACE: "clear",
    **{pygame.K_0 + n: str(n) for n in range(10)},
    **{key: str(n) for n, key in enumerate((
        pygame.K_KP0, pygame.K_KP1, pygame.K_KP2, pygame.K_KP3, pygame.K_KP4,
        pygame.K_KP5, pygame.K_KP6, pygame.K_KP7, pygame.K_KP8, pygame.K_KP9,
    ))},
    **{pygame.K_F1 + n: f"fdk0{n + 1}" for n in range(8)},
}  # fmt: skip


class NoDisplay(RuntimeError):
    """No window can be opened on this machine."""


class Window:
    """The terminal's screen as a window without frame. Raises `NoDisplay`."""

    def __init__(self, renderer: Renderer, clock: Clock, *, fullscreen: bool = False, title: str = "Kiosk") -> None:
        # Without it SDL draws through software GL and every dirty box costs a whole frame.
        os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        # Without it SDL swallows a touch that also gives the window its focus.
        os.environ.setdefault("SDL_MOUSE_FOCUS_CLICKTHROUGH", "1")
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        self._renderer, self._clock = renderer, clock
        try:
            pygame.display.init()
            flags = pygame.NOFRAME | (pygame.FULLSCREEN | pygame.SCALED if fullscreen else 0)
            self._surface = pygame.display.set_mode(renderer.size, flags, 32)
        except pygame.error as error:
            raise NoDisplay(
                f"no window can be opened ({error}). The bench page shows the terminal's screen: "
                "start without the window and open the bench in a browser"
            ) from error
        pygame.display.set_caption(title)
        self._view: View | None = None
        self._pressed = ""
        self._focus = ""
        self._shown_mark = ""
        self._inputs: list[Input] = []

    def show(self, view: View) -> None:
        """Draw `view` now; only what differs from the last one. Raises `ScreenError`; then the old one stays.

        What was touched before this call was meant for the old view and keeps its serial: the second tap of an
        impatient finger must not answer the next question.
        """
        self._renderer.scene(view)
        self._take_events()
        self._pressed = self._focus = ""
        self._refresh(self._view, view)
        self._view = view

    def _refresh(self, old: View | None, new: View) -> None:
        mark = self._pressed or self._focus
        boxes = self._renderer.update(
            self._surface, old, new, self._clock.now_ms(), was=self._shown_mark, marked=mark
        )
        self._shown_mark = mark
        if boxes:
            pygame.display.update(boxes)

    def pump(self) -> list[Input]:
        """Return the inputs made since the last call, oldest first, and move what moves on the screen."""
        self._take_events()
        if self._view is not None:
            self._refresh(self._view, self._view)
        inputs, self._inputs = self._inputs, []
        if not inputs:
            self._renderer.warm()
        return inputs

    def _take_events(self) -> None:
        for event in pygame.event.get():
            if self._view is None:
                continue
            if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
                node = self._renderer.node_at(self._view, *event.pos)
                self._pressed = node.name if node else ""
            elif event.type == pygame.MOUSEBUTTONUP and event.button == 1:
                node = self._renderer.node_at(self._view, *event.pos)
                if node is not None and node.name == self._pressed:
                    self._inputs.append(Input(node.event, node.value, self._view.serial))
                self._pressed = ""
            elif event.type == pygame.KEYDOWN:
                self._key(event.key, self._view)
            elif event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSHOWN):
                self._refresh(None, self._view)

    def _key(self, key: int, view: View) -> None:
        focus = self._renderer.scene(view).focus
        names = [node.name for node in focus]
        if key == pygame.K_TAB and names:
            self._focus = names[(names.index(self._focus) + 1) % len(names)] if self._focus in names else names[0]
        elif key == pygame.K_SPACE and self._focus in names:
            node = focus[names.index(self._focus)]
            self._inputs.append(Input(node.event, node.value, view.serial))
        elif key in KEYS and (made := self._renderer.key(view, KEYS[key])):
            self._inputs.append(made)

    def close(self) -> None:
        """Close the window; may be called twice."""
        pygame.display.quit()


