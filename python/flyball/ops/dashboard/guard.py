"""Who may ask the dashboard: host, origin, token, size and kind, before a request is looked at.

The page listens on loopback, and a browser on the same machine can be told by any web page to ask
it. So a request must name us as its host (a name that was bound anew to our address does not),
come from our own page where it says where it comes from, and carry the token in a header, which no
other page can make a browser send.
"""

import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["SUBPROTOCOL", "Guard", "allowed_hosts"]

SUBPROTOCOL = "flyball"
_CARRIER = "token."
_BODY_MAX = 4096
# Wrong tokens a minute before they are told to wait. The right one is always taken.
_WRONG_MAX = 20
_MINUTE_S = 60.0

# The one style that is made in the page: that of the mark by which the charts name their maker.
_MARK = "sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY="
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; script-src 'self'; style-src 'self' '{_MARK}'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def allowed_hosts(port: int, names: tuple[str, ...] = ()) -> frozenset[str]:
    """The values of the header Host that are ours: loopback at this port, and names of a proxy."""
    own = (f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))
    return frozenset((*own, *(name.lower() for name in names)))


class Guard:
    """An ASGI application around another one: refuses what must not reach it.

    Parameters
    ----------
    app : App
        What is guarded.
    token : str
        What opens it.
    hosts : frozenset of str
        Values of Host that are ours; an origin is one of them behind http:// or https://.
    open_paths : frozenset of str
        What is shown to everybody: the page itself, which holds nothing of the run.
    """

    def __init__(
        self, app: App, *, token: str, hosts: frozenset[str], open_paths: frozenset[str]
    ) -> None:
        self._app, self._token = app, token.encode()
        self._hosts, self._open = hosts, open_paths
        self._origins = {f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts}
        self._wrong: deque[float] = deque(maxlen=_WRONG_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at one connection."""
        if scope["type"] not in ("http", "websocket"):
            return
        headers = _headers(scope)
        if scope["type"] == "websocket":
            status, reason = self._websocket(headers)
        else:
            status, reason = self._http(scope, headers)
        if status:
            await _refuse(scope, send, status, reason)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        body = await _body(receive) if scope["method"] == "POST" else b""
        if body is None:
            await _refuse(scope, send, 413, "the request is too long")
            return
        await self._app(scope, _given(body), _with_headers(send))

    def _http(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str]:
        """Status and reason of a refusal; 0 lets it through."""
        if headers.get("host", "").lower() not in self._hosts:
            return 403, "this host name is not ours"
        method = scope["method"]
        if method in ("GET", "HEAD"):
            if scope["path"] in self._open:
                return 0, ""
        elif method == "POST":
            if not self._is_ours(headers):
                return 403, "another page may not ask this"
            if headers.get("content-type", "").split(";")[0].strip() != "application/json":
                return 415, "wants application/json"
            if not headers.get("content-length", "0").isdecimal():
                return 400, "no such length"
            if int(headers.get("content-length", "0")) > _BODY_MAX:
                return 413, "the request is too long"
        else:
            return 405, "GET or POST"
        kind, _, given = headers.get("authorization", "").partition(" ")
        return self._opens(given if kind.lower() == "bearer" else "")

    def _websocket(self, headers: dict[str, str]) -> tuple[int, str]:
        if headers.get("host", "").lower() not in self._hosts:
            return 403, "this host name is not ours"
        # A browser always says where a websocket comes from.
        if headers.get("origin", "").lower() not in self._origins:
            return 403, "another page may not ask this"
        offered = [word.strip() for word in headers.get("sec-websocket-protocol", "").split(",")]
        if SUBPROTOCOL not in offered:
            return 403, "wants the protocol flyball"
        found = [word for word in offered if word.startswith(_CARRIER)]
        return self._opens(found[0].removeprefix(_CARRIER) if found else "")

    def _is_ours(self, headers: dict[str, str]) -> bool:
        origin = headers.get("origin")
        if origin is not None:
            return origin.lower() in self._origins
        # No browser sends a POST without an origin; whoever has the token may.
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")

    def _opens(self, given: str) -> tuple[int, str]:
        if hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token):
            return 0, ""
        now = time.monotonic()
        flood = len(self._wrong) == _WRONG_MAX and now - self._wrong[0] < _MINUTE_S
        self._wrong.append(now)
        return (429, "too many wrong tokens") if flood else (401, "the token is missing or wrong")


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by name. One that comes twice and must not is none of ours: all its values count."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


async def _body(receive: Receive) -> bytes | None:
    """The whole body; `None` when it is too long, whatever its length was said to be."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > _BODY_MAX:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _given(body: bytes) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    return receive


def _with_headers(send: Send) -> Send:
    extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return sent


async def _refuse(scope: Scope, send: Send, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    body = json.dumps({"error": reason}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    sent = _with_headers(send)
    await sent({"type": "http.response.start", "status": status, "headers": headers})
    await sent({"type": "http.response.body", "body": body})
