from __future__ import annotations

import os

import pytest

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

from kiosk.ui.render import Renderer

SIZES = ((1280, 1024), (1024, 768), (1920, 1080))


@pytest.fixture(scope="session", params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def any_renderer(request: pytest.FixtureRequest) -> Renderer:
    return Renderer(request.param)


@pytest.fixture(scope="session")
def renderer() -> Renderer:
    return Renderer()
