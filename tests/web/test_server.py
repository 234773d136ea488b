"""The pages on a real socket: who is let in, what is asked, how mistakes are answered."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from kiosk.web.server import BODY_MAX, BenchServer
from tests.web.fake import PNG, NotedBench

PATHS = ["/", "/layout", "/snapshot", "/events", "/screen.png", "/document.png", "/static/bench.js", "/no/such"]
JOBS = ["/touch", "/card", "/act", "/strike", "/heal", "/plug", "/power", "/speak"]


@pytest.fixture
def bench() -> NotedBench:
    return NotedBench()


@pytest.fixture
def server(bench: NotedBench) -> Iterator[BenchServer]:
    server = BenchServer(bench)
    yield server
    server.stop()


@pytest.fixture
def stranger(server: BenchServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client


@pytest.fixture
def page(stranger: httpx.Client, server: BenchServer) -> httpx.Client:
    answer = stranger.get("/", params={"token": server.token})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    return stranger


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_seen(stranger: httpx.Client, server: BenchServer, path: str) -> None:
    assert stranger.get(path).status_code == 403
    assert stranger.get(path, params={"token": "guess"}).status_code == 403
    assert stranger.get(path, headers={"Cookie": f"bench-{server.port}=guess"}).status_code == 403


@pytest.mark.parametrize("path", JOBS)
def test_without_the_token_nothing_is_done(
    stranger: httpx.Client, server: BenchServer, bench: NotedBench, path: str
) -> None:
    assert stranger.post(path, json={}).status_code == 403
    assert stranger.post(path, json={}, params={"token": server.token}).status_code == 403  # only a page brings it
    assert bench.asked == []


@pytest.mark.parametrize("headers", [{"Host": "bank.example"}, {"Origin": "http://bank.example"}, {"Origin": "null"}])
def test_another_site_is_refused_even_with_the_cookie(
    page: httpx.Client, bench: NotedBench, headers: dict[str, str]
) -> None:
    assert page.get("/snapshot", headers=headers).status_code == 403
    assert page.post("/heal", json={"device": "all"}, headers=headers).status_code == 403
    assert bench.asked == []


def test_the_page_and_its_parts(page: httpx.Client) -> None:
    shown = page.get("/")
    assert shown.status_code == 200
    assert "default-src 'self'" in shown.headers["content-security-policy"]
    for part in ("bench.css", "bench.js", "icon.svg"):
        assert f"static/{part}" in shown.text
        assert page.get(f"/static/{part}").status_code == 200
    assert "://" not in shown.text.replace("http://www.w3.org", "")  # nothing from elsewhere
    assert page.get("/layout").json()["cards"][0]["pin"] == "1234"
    assert page.get("/screen.png").content == PNG
    assert page.get("/document.png").status_code == 404


def test_what_hands_do_reaches_the_bench(page: httpx.Client, bench: NotedBench) -> None:
    assert page.post("/touch", json={"x": 3, "y": 4, "serial": 9}).json() == {"done": "chose_amount"}
    page.post("/card", json={"label": "normal", "wrong_way": True})
    page.post("/act", json={"device": "pin_pad", "name": "press", "arguments": {"key": "1"}})
    page.post("/strike", json={"device": "host", "name": "late", "arguments": {"by_ms": "5"}})
    page.post("/heal", json={"device": "all"})
    page.post("/plug", json={"device": "printer", "plugged": False})
    page.post("/power", json={"for_ms": 8000})
    page.post("/speak", json={"locale": "en"})
    assert bench.asked == [
        ("touch", 3, 4, 9), ("card", "normal", True), ("act", "pin_pad", "press", {"key": "1"}),
        ("strike", "host", "late", {"by_ms": "5"}), ("heal", "all"), ("plug", "printer", False), ("power", 8000),
        ("speak", "en"),
    ]  # fmt: skip


def test_mistakes_are_answered_and_change_nothing(page: httpx.Client, bench: NotedBench) -> None:
    refused = page.post("/act", json={"device": "card_reader", "name": "take_card"})
    assert refused.status_code == 409
    assert refused.json() == {"error": "there is no card at the mouth to take"}
    for body in (b"{", b"[]", b'"x"', b"{}", b'{"x": "left", "y": 1}', b'{"x": null, "y": 1}'):
        assert page.post("/touch", content=body).status_code == 400, body
    assert page.post("/touch", content=b" " * (BODY_MAX + 1)).status_code == 413
    assert page.get("/touch").status_code == 405
    assert page.get("/snapshot", params={"entries": "x"}).status_code == 400
    assert bench.asked == []
    bench.gone = True
    assert page.get("/snapshot").status_code == 503
    assert page.get("/screen.png").status_code == 503


def test_the_stream_sends_what_is_new_after_each_change(page: httpx.Client, bench: NotedBench) -> None:
    with page.stream("GET", "/events") as stream:
        lines = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        assert [e["seq"] for e in next(lines)["entries"]] == [1]
        bench.entries.append({"seq": 2, "at": "", "kind": "step", "data": {}})
        for listener in bench.listeners:
            listener()
        assert [e["seq"] for e in next(lines)["entries"]] == [2]
    assert bench.asked == [("snapshot", 0, 0), ("snapshot", 1, 0)]


def test_a_stream_of_an_ended_terminal_ends(page: httpx.Client, bench: NotedBench) -> None:
    bench.gone = True
    with page.stream("GET", "/events") as stream:
        assert "event: gone" in list(stream.iter_lines())
    assert bench.listeners == []


def test_stopping_ends_streams_and_frees_the_port(bench: NotedBench) -> None:
    server = BenchServer(bench)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        client.get("/", params={"token": server.token})
        with client.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("data: ")
            server.stop()
            rest = list(lines)
    assert all(not line.startswith("data: ") for line in rest)
    BenchServer(bench, server.port).stop()
    server.stop()
