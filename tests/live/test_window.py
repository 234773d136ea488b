"""The terminal as a process with its window on a real X server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from kiosk.config import load_config
from tests.live.house import running
from tests.live.test_cli import ended, started
from tests.ui.test_window import Person, needs_x


@needs_x
@pytest.mark.window
@pytest.mark.slow
def test_a_touch_on_the_window_reaches_the_terminal(x_server: str, tmp_path: Path) -> None:
    with running(tmp_path / "alike") as alike:  # what is shown moves the buttons
        alike.wait_for_screen("idle")
        x, y = alike.place_of("chose_language", "en")
    process = started("run", "--var", str(tmp_path / "var"))
    try:
        assert process.stdout is not None
        address = re.fullmatch(r"bench\s+(http://127\.0\.0\.1:\d+/)\?token=(\S+)\n", process.stdout.readline())
        assert address is not None
        assert process.stdout.readline() == "in service\n"
        with httpx.Client(base_url=address[1], timeout=20) as client:
            client.get("/", params={"token": address[2]})
            shown = client.get("/snapshot").json()
            assert (shown["screen"], shown["locale"]) == ("idle", load_config().site.locale)
            person = Person(x_server)
            with client.stream("GET", "/events") as stream:
                locales = (json.loads(line[6:])["locale"] for line in stream.iter_lines() if line.startswith("data: "))
                assert next(locales) != "en"
                person.click(x, y)
                assert "en" in locales
            person.close()
    finally:
        code, out, err = ended(process)
    assert (code, out, err) == (0, "ended\n", "")
