"""Serves what a run says of itself on loopback: `/metrics`, `/healthz`, `/readyz`."""

import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPEN

from flyball.errors import ConfigError

__all__ = ["Answer", "MetricsServer", "address"]

# What a page gives: status, content type, body.
Answer = tuple[int, str, bytes]
Page = Callable[[str], Answer]

_PATIENCE_S = 5.0
_CONNECTIONS = 16


def address(text: str) -> tuple[str, int]:
    """A loopback address and port, from `127.0.0.1:9464`.

    Raises
    ------
    ConfigError
        If it is none, or not on loopback: whoever is elsewhere reads it through a tunnel.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    try:
        number, local = int(port), ipaddress.ip_address(host)
    except ValueError:
        raise ConfigError(f"--metrics {text!r}: wants ADDRESS:PORT like 127.0.0.1:9464") from None
    if not local.is_loopback:
        raise ConfigError(f"--metrics {text!r}: only loopback is served: 127.0.0.1:9464")
    if not 0 <= number <= 65535:
        raise ConfigError(f"--metrics {text!r}: {number} is no port")
    return host, number


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_S
    disable_nagle_algorithm: ClassVar[bool] = True
    server: "_Server"

    def do_GET(self) -> None:
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host", "")
        if host.strip("[]") not in {"127.0.0.1", "::1", "localhost"}:
            # A page of a stranger that was made to look like ours by its name.
            return self._give((403, "text/plain", b"only loopback is served\n"))
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            known = ", ".join(sorted(self.server.pages))
            return self._give((404, "text/plain", f"there are {known}\n".encode()))
        try:
            answer = page(self.headers.get("Accept", ""))
        except Exception as error:
            answer = 500, "text/plain", f"{type(error).__name__}\n".encode()
        return self._give(answer)

    def _give(self, answer: Answer) -> None:
        status, kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape is no news."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, where: tuple[str, int], pages: Mapping[str, Page]) -> None:
        self.pages = pages
        self._seats = threading.BoundedSemaphore(_CONNECTIONS)
        if ":" in where[0]:
            import socket

            self.address_family = socket.AF_INET6
        super().__init__(where, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        if not self._seats.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._seats.release()

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is no news."""


class MetricsServer:
    """A thread that serves pages on loopback. A context manager.

    Parameters
    ----------
    where : tuple of str and int
        A loopback address and a port; 0 takes a free one.
    metrics : callable
        Gives the metrics as text, in OpenMetrics when its argument is true.
    pages : mapping, optional
        Other pages, by path: each takes what is accepted and gives an `Answer`.
    keep_s : float
        Seconds for which what was rendered is given again: many scrapers cost the engine one look.

    Raises
    ------
    ConfigError
        If the address cannot be listened at.
    """

    def __init__(
        self,
        where: tuple[str, int],
        metrics: Callable[[bool], bytes],
        *,
        pages: Mapping[str, Page] | None = None,
        keep_s: float = 0.2,
    ) -> None:
        self._metrics, self._keep_s = metrics, keep_s
        self._kept: dict[bool, tuple[float, bytes]] = {}
        self._lock = threading.Lock()
        try:
            self._server = _Server(where, {"/metrics": self._page, **(pages or {})})
        except OSError as error:
            raise ConfigError(
                f"{where[0]}:{where[1]} cannot be listened at: {error.strerror or error}"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="flyball-metrics", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it serves, without a path."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}"

    def __enter__(self) -> "MetricsServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _page(self, accept: str) -> Answer:
        wanted = "application/openmetrics-text" in accept
        kind = CONTENT_TYPE_OPEN if wanted else CONTENT_TYPE_LATEST
        with self._lock:
            now = time.monotonic()
            then, text = self._kept.get(wanted, (-1e9, b""))
            if now - then >= self._keep_s:
                text = self._metrics(wanted)
                self._kept[wanted] = now, text
        return 200, kind, text
