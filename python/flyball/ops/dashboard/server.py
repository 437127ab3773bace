"""The dashboard's HTTP and websocket: the page, what is new, kill, and release in two steps."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from flyball.errors import FlyballError
from flyball.ops.dashboard.guard import SUBPROTOCOL, Guard
from flyball.ops.dashboard.hub import Hub, Listener
from flyball.ops.dashboard.release import Releases
from flyball.trading.runtime.runs import RunInfo, ask, scope_number

__all__ = ["application"]

_CLIENTS_MAX = 8
# A client that has not said that it saw so many messages is given no more until it has.
_AHEAD_MAX = 8
_ALIVE_S = 1.0
_ACK_DIGITS = 18


class Kill(BaseModel):
    """What is killed."""

    model_config = ConfigDict(extra="forbid", strict=True)
    scope: str = Field("all", max_length=120)


class ReleaseRequest(BaseModel):
    """The first step of a release."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(max_length=120)


class ReleaseConfirm(BaseModel):
    """The second step of a release."""

    model_config = ConfigDict(extra="forbid", strict=True)
    ticket: str = Field(max_length=64)
    typed: str = Field(max_length=120)
    code: str = Field("", max_length=12)


def application(
    *,
    hub: Hub,
    run: Callable[[], RunInfo],
    token: str,
    hosts: frozenset[str],
    files: dict[str, tuple[bytes, str]],
    tell: Callable[[str], None],
    pace_s: float = 1 / 30,
) -> Guard:
    """The whole of it, guarded.

    Parameters
    ----------
    hub : Hub
        What is shown.
    run : callable
        The run that is looked at now.
    token : str
        What opens it.
    hosts : frozenset of str
        Values of the header Host that are ours.
    files : dict
        The page.
    tell : callable
        Takes what was done from the page, for people.
    pace_s : float
        Seconds at least between two messages to one client; what is new meanwhile goes in one.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    _show(app, hub, files, pace_s)
    _act(app, run, tell)
    return Guard(app, token=token, hosts=hosts, open_paths=frozenset(files))


def _show(app: FastAPI, hub: Hub, files: dict[str, tuple[bytes, str]], pace_s: float) -> None:
    """What only looks."""

    @app.get("/status")
    def status() -> JSONResponse:
        names = ("about", "run", "status", "refused", "parts", "venue")
        return JSONResponse({name: hub.topic(name) for name in names})

    @app.get("/{path:path}")
    def page(request: Request) -> Response:
        found = files.get(request.url.path)
        if found is None:
            return JSONResponse({"error": "there is no such page"}, status_code=404)
        return Response(found[0], media_type=found[1])

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        if hub.listeners >= _CLIENTS_MAX:
            await socket.close(1013, "too many pages are open")
            return
        listener = hub.listen()
        try:
            await socket.accept(subprotocol=SUBPROTOCOL)
            client = _Client(socket, listener, pace_s)
            async with asyncio.TaskGroup() as both:
                both.create_task(client.hear())
                both.create_task(client.send())
        except* (WebSocketDisconnect, RuntimeError, OSError):
            pass
        finally:
            hub.leave(listener)


class _Client:
    """One page: it is sent what is new as fast as it says that it saw the last."""

    def __init__(self, socket: WebSocket, listener: Listener, pace_s: float) -> None:
        self._socket, self._listener, self._pace_s = socket, listener, pace_s
        self._seen = 0
        self._room = asyncio.Event()
        self._room.set()

    async def hear(self) -> None:
        """Take its word for what it saw; anything else ends it."""
        while True:
            text = await self._socket.receive_text()
            if len(text) > _ACK_DIGITS or not text.isdecimal():
                await self._socket.close(1008, "a number was expected")
                raise WebSocketDisconnect(1008)
            self._seen = max(self._seen, min(int(text), self._listener.number))
            if self._listener.number - self._seen < _AHEAD_MAX:
                self._room.set()

    async def send(self) -> None:
        """Send what is new, the newest of it, when there is room for it."""
        while True:
            began = time.monotonic()
            await self._room.wait()
            await self._listener.wait(_ALIVE_S)
            await self._socket.send_bytes(self._listener.take())
            if self._listener.number - self._seen >= _AHEAD_MAX:
                self._room.clear()
            left = self._pace_s - (time.monotonic() - began)
            if left > 0:
                await asyncio.sleep(left)


def _act(app: FastAPI, run: Callable[[], RunInfo], tell: Callable[[str], None]) -> None:
    """What does something. Only by POST."""
    releases = Releases()

    @app.exception_handler(FlyballError)
    def refused(_request: Request, error: FlyballError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, status_code=409)

    @app.post("/kill")
    def kill(wanted: Kill) -> dict[str, Any]:
        found = run()
        scope = scope_number(found, wanted.scope)
        try:
            kept = bool(ask(found, "kill", scope)["kept"])
        except FlyballError:
            if scope != "all":
                raise
        else:
            # Said afterwards: nothing that listens may hold it up.
            tell(f"dashboard: kill {wanted.scope}")
            return {"way": "socket", "kept": kept}
        # Nobody answers: the file is looked for by the engine's own threads, and at its next start.
        (found.folder / "KILL").touch()
        tell("dashboard: kill: the run does not answer: the file KILL was written")
        return {"way": "file", "kept": True}

    @app.post("/release/request")
    def request(wanted: ReleaseRequest) -> dict[str, Any]:
        return releases.request(run(), wanted.name).told()

    @app.post("/release/confirm")
    def confirm(wanted: ReleaseConfirm) -> dict[str, Any]:
        done = releases.confirm(run(), wanted.ticket, wanted.typed, wanted.code)
        tell(f"dashboard: release: {'done' if done['released'] else done['reason']}")
        return done
