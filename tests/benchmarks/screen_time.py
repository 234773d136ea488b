"""From a key to the new screen drawn: `python -m tests.benchmarks.screen_time [width height]`.

Each round takes a key on one sample screen and draws another that was never laid out before (a new view), with the
faces warm, as after a minute of service. Without a window the drawing is all there is; with one (`DISPLAY` set and
`--window`) the boxes are also handed to the display. The budget is one frame, 16.7 ms, at the 99th percentile.
"""

from __future__ import annotations

import os
import random
import sys
import time
from dataclasses import replace

import pygame

from drivers.base.clock import MonotonicClock
from kiosk.ui.render import Renderer
from kiosk.ui.window import Window
from tests.ui.samples import every

BUDGET_MS = 16.7


def key_to_screen_ms(size: tuple[int, int] = (1280, 1024), rounds: int = 600, *, window: bool = False) -> list[float]:
    """Return the milliseconds of each of `rounds` rounds, sorted."""
    renderer = Renderer(size)
    views, order, taken = every(), random.Random(1), []
    shown = Window(renderer, MonotonicClock()) if window else None
    surface = pygame.Surface(size, 0, 32)
    for view in views:
        renderer.draw(surface, view)
    old = views[0]
    if shown:
        shown.show(old)
    for serial in range(rounds):
        new = replace(order.choice(views), serial=serial)
        start = time.perf_counter_ns()
        renderer.key(old, "enter")
        if shown:
            shown.show(new)
        else:
            renderer.update(surface, old, new, serial)
        taken.append((time.perf_counter_ns() - start) / 1e6)
        old = new
    if shown:
        shown.close()
    return sorted(taken)


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:] if text.isdigit()]
    size = (numbers[0], numbers[1]) if len(numbers) == 2 else (1280, 1024)
    taken = key_to_screen_ms(size, window="--window" in sys.argv)
    median, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    print(f"{size[0]}x{size[1]}, driver {os.environ.get('SDL_VIDEODRIVER', 'default')}, {len(taken)} screens: ", end="")
    print(f"median {median:.1f} ms, p99 {p99:.1f} ms, most {taken[-1]:.1f} ms, budget {BUDGET_MS} ms")
    sys.exit(p99 > BUDGET_MS)


if __name__ == "__main__":
    main()
