"""The bench as web pages: one starlette application, served by uvicorn in a thread of its own.

Whoever opens the address that was printed brings the token in it, gets a cookie, and is sent on to the page without the
token in the address bar. Everybody else gets 403, and so does a request whose `Host` or `Origin` is not this server's
own: a page of another site cannot reach the bench through the browser of whoever has the cookie. asyncio lives here
only.

    GET  /             the page                    POST /touch    {x, y, serial}
    GET  /layout       what does not change        POST /act      {device, name, arguments}
    GET  /events       server-sent snapshots       POST /card     {label, wrong_way}
    GET  /snapshot     one snapshot                POST /strike   {device, name, arguments}
    GET  /screen.png   the terminal's screen       POST /heal     {device}
    GET  /document.png the newest document         POST /plug     {device, plugged}
                                                   POST /power    {for_ms}    POST /speak {locale}
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hmac
import json
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from kiosk.web.ports import Bench, BenchGone, Refused

STATIC: Final = Path(__file__).parent / "static"
LOOPBACK: Final = "127.0.0.1"
BODY_MAX: Final = 16_384  # bytes; the longest job is a card's tracks
EVENTS_APART_S: Final = 0.08  # a page draws no faster
BEAT_S: Final = 15.0  # a comment line, so that a dead page is noticed
STOP_WITHIN_S: Final = 5.0
POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)


class Guard:
    """Lets in who has the token, and only under this server's own name."""

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        self.cookie = f"bench-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        refuse = PlainTextResponse("403: open the address that the terminal printed when it started\n", 403)
        if headers.get("host") not in self._hosts or (origin and origin.partition("://")[2] not in self._hosts):
            await refuse(scope, receive, send)
            return
        brought = request.query_params.get("token")
        if brought is not None and request.method == "GET" and self._is_token(brought):
            answer: Response = RedirectResponse(request.url.path, 303)
            answer.set_cookie(self.cookie, self._token, httponly=True, samesite="strict", path="/")
            await answer(scope, receive, send)
        elif self._is_token(request.cookies.get(self.cookie, "")):
            await self._app(scope, receive, send)
        else:
            await refuse(scope, receive, send)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._token.encode())


class Pages:
    """The pages of one bench."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stopping = threading.Event()
        self._waiting: set[asyncio.Event] = set()

    def application(self) -> Starlette:
        """Return the application, without its guard."""
        post = ["POST"]
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/layout", self.layout),
                Route("/snapshot", self.snapshot),
                Route("/events", self.events),
                Route("/screen.png", self.screen),
                Route("/document.png", self.document),
                Route("/touch", self._job(self._touch), methods=post),
                Route("/card", self._job(self._card), methods=post),
                Route("/act", self._job(self._act), methods=post),
                Route("/strike", self._job(self._strike), methods=post),
                Route("/heal", self._job(self._heal), methods=post),
                Route("/plug", self._job(self._plug), methods=post),
                Route("/power", self._job(self._power), methods=post),
                Route("/speak", self._job(self._speak), methods=post),
                Mount("/static", StaticFiles(directory=STATIC)),
            ],
            exception_handlers={BenchGone: _gone},
        )

    def stop(self) -> None:
        """End the event streams; from the loop's thread."""
        self._stopping.set()
        for event in tuple(self._waiting):
            event.set()

    # ------------------------------------------------------------ seeing

    async def page(self, _: Request) -> Response:
        return FileResponse(STATIC / "bench.html", headers={"Content-Security-Policy": POLICY, **_FRESH})

    async def layout(self, _: Request) -> Response:
        return JSONResponse(dataclasses.asdict(self._bench.layout), headers=_FRESH)

    async def snapshot(self, request: Request) -> Response:
        try:
            after = [int(request.query_params.get(name) or 0) for name in ("entries", "messages")]
        except ValueError:
            return JSONResponse({"error": "entries and messages are numbers"}, 400)
        return JSONResponse(await run_in_threadpool(self._bench.snapshot, *after), headers=_FRESH)

    async def screen(self, _: Request) -> Response:
        return Response(await run_in_threadpool(self._bench.picture), media_type="image/png", headers=_FRESH)

    async def document(self, _: Request) -> Response:
        png = await run_in_threadpool(self._bench.document)
        if png is None:
            return PlainTextResponse("nothing has been printed\n", 404)
        return Response(png, media_type="image/png", headers=_FRESH)

    async def events(self, _: Request) -> Response:
        return StreamingResponse(self._stream(), media_type="text/event-stream", headers=_FRESH)

    async def _stream(self) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        changed.set()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(changed.set)

        self._waiting.add(changed)
        end = self._bench.listen(wake)
        entries = messages = 0
        try:
            while not self._stopping.is_set():
                try:
                    await asyncio.wait_for(changed.wait(), BEAT_S)
                except TimeoutError:
                    yield ": here\n\n"
                    continue
                changed.clear()
                if self._stopping.is_set():
                    return
                seen = await run_in_threadpool(self._bench.snapshot, entries, messages)
                entries = seen["entries"][-1]["seq"] if seen["entries"] else entries
                messages = seen["messages"][-1]["number"] if seen["messages"] else messages
                yield f"data: {json.dumps(seen, ensure_ascii=False, default=str)}\n\n"
                await asyncio.sleep(EVENTS_APART_S)
        except BenchGone:
            yield "event: gone\ndata: {}\n\n"
        finally:
            end()
            self._waiting.discard(changed)

    # ------------------------------------------------------------ doing

    def _job(self, work: Callable[[dict[str, Any]], object]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            if len(body) > BODY_MAX:
                return JSONResponse({"error": f"more than {BODY_MAX} bytes"}, 413)
            try:
                asked = json.loads(body or b"{}")
                if not isinstance(asked, dict):
                    raise TypeError("an object is wanted")
                done = await run_in_threadpool(work, asked)
            except Refused as error:
                return JSONResponse({"error": str(error)}, 409)
            except (KeyError, TypeError, ValueError) as error:
                return JSONResponse({"error": f"the request is not understood: {error}"}, 400)
            return JSONResponse({"done": done if done is not None else True})

        return endpoint

    def _touch(self, asked: dict[str, Any]) -> object:
        return self._bench.touch(int(asked["x"]), int(asked["y"]), int(asked.get("serial", 0)))

    def _card(self, asked: dict[str, Any]) -> None:
        self._bench.insert_card(str(asked["label"]), wrong_way=bool(asked.get("wrong_way", False)))

    def _act(self, asked: dict[str, Any]) -> None:
        self._bench.act(str(asked["device"]), str(asked["name"]), dict(asked.get("arguments", {})))

    def _strike(self, asked: dict[str, Any]) -> None:
        self._bench.strike(str(asked["device"]), str(asked["name"]), dict(asked.get("arguments", {})))

    def _heal(self, asked: dict[str, Any]) -> None:
        self._bench.heal(str(asked["device"]))

    def _plug(self, asked: dict[str, Any]) -> None:
        self._bench.plug(str(asked["device"]), bool(asked["plugged"]))

    def _power(self, asked: dict[str, Any]) -> None:
        self._bench.cut_power(int(asked["for_ms"]))

    def _speak(self, asked: dict[str, Any]) -> None:
        self._bench.speak(str(asked["locale"]))


_FRESH: Final = {"Cache-Control": "no-store"}


async def _gone(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 503)


class BenchServer:
    """Serves a bench on loopback until `stop`. `url` carries the token. Raises OSError if the port is taken.

    `door` is a socket that listens on loopback already; the server closes it in the end.
    """

    def __init__(self, bench: Bench, port: int = 0, token: str = "", *, door: socket.socket | None = None) -> None:
        self.token = token or secrets.token_urlsafe(16)
        self._socket = door or socket.create_server((LOOPBACK, port))
        self.port: int = self._socket.getsockname()[1]
        self._pages = Pages(bench)
        app = Guard(self._pages.application(), self.token, self.port)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1,
            server_header=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=f"bench {self.port}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/?token={self.token}"

    def stop(self) -> None:
        """End the server and its thread; harmless the second time."""
        self._server.should_exit = True
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._pages.stop)
        self._thread.join(STOP_WITHIN_S)
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve([self._socket])
